"""Stdout belongs to the adapter; the runtime logs what it prints. When nobody reads any more, the
runtime is gone."""

from __future__ import annotations

import contextlib
import io
import os
import select
import stat
import sys
import threading

from . import exit_codes
from .process_group import die_with_group

_STDOUT = 1


class _GuardedPipe(io.FileIO):
    """Unbuffered stdout whose breaking ends the worker and its group with status 0."""

    def write(self, data: object) -> int:
        view = memoryview(data).cast("B")  # type: ignore[arg-type]
        done = 0
        try:
            # A raw write may take only a part, and the text layer above would lose the rest.
            while done < len(view):
                written = super().write(view[done:])
                if written is None:  # full, and a child that has it too made it non-blocking
                    select.select([], [self], [])
                done += written or 0
        except BrokenPipeError:
            die_with_group(exit_codes.OK)
        return done


def guard_stdout() -> None:
    """Replaces `sys.stdout` by an equal one that notices a broken pipe."""
    old = sys.stdout
    if old is None:  # started without one
        return
    with contextlib.suppress(BrokenPipeError):  # the first write that follows draws the conclusion
        old.flush()
    sys.stdout = io.TextIOWrapper(
        _GuardedPipe(_STDOUT, "w", closefd=False),
        encoding=old.encoding,
        errors=old.errors,
        newline=None,
        write_through=True,
    )
    # Some libraries write there; left in its buffer, it would fail at exit, which is status 120.
    sys.__stdout__ = sys.stdout  # type: ignore[misc]


def watch_stdout() -> None:
    """Starts a thread that notices a broken pipe on stdout without a write, at once: status 0, with
    the group. Where the system cannot tell (Windows), the next write does."""
    pipe = _identify_pipe()
    if pipe is not None and hasattr(select, "poll"):
        threading.Thread(
            target=_end_with_reader, args=[pipe], name="snakepit-stdout", daemon=True
        ).start()


def _end_with_reader(pipe: tuple[int, int]) -> None:
    poller = select.poll()
    poller.register(_STDOUT, 0)  # errors and hang-ups are told without being asked for
    poller.poll()
    if _identify_pipe() == pipe:
        die_with_group(exit_codes.OK)
    # A tool has closed it, or put another file in its place: nothing can be told from that.


def _identify_pipe() -> tuple[int, int] | None:
    """Which pipe or socket stdout is; None for what has no reader that could go away."""
    try:
        status = os.fstat(_STDOUT)
    except OSError:
        return None
    has_reader = stat.S_ISFIFO(status.st_mode) or stat.S_ISSOCK(status.st_mode)
    return (status.st_dev, status.st_ino) if has_reader else None
