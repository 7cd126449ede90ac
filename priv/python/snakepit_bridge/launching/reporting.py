"""What the launcher hears from its runtime, and what it says."""

from __future__ import annotations

import os


def read_number(name: str) -> int | None:
    """A descriptor or a process of which the environment tells."""
    text = os.environ.get(name, "")
    return int(text) if text.isdigit() else None


def close_worker_ends(beat_fd: int | None) -> None:
    """Closes what is the worker's alone: kept open it would hide the worker's end from the runtime."""
    for fd in (beat_fd, read_number("SNAKEPIT_CALLS_FD")):
        if fd is not None:
            os.close(fd)


def tell_failure(beat_fd: int | None, text: str) -> None:
    """Says why the worker does not start, on the beat channel and on stderr."""
    import json

    message = {"type": "failed", "code": "ENVIRONMENT", "message": text, "traceback": None}
    say(beat_fd, json.dumps(message))
    say(2, f"snakepit: {text}")


def say(fd: int | None, line: str) -> None:
    """Writes one line."""
    if fd is None:
        return
    try:
        os.write(fd, line.encode() + b"\n")
    except OSError:
        return  # nobody listens; the status says it
