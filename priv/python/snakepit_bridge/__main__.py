"""`python -m snakepit_bridge`: bootstrap of a worker.

The order is the point. First, before any other import, comes what guarantees that this process and
its children never outlive the runtime; only then gRPC and the adapter, whose code may hang, hold
the interpreter's lock, or ignore every signal.
"""

from __future__ import annotations

import os
import sys

from . import exit_codes, lifeline
from .process_group import die_with_group, take_group_along_at_exit

_OLDEST_PYTHON = (3, 9)


def _take_number(name: str) -> int | None:
    """Reads a variable and removes it: children must not take our descriptors for theirs."""
    text = os.environ.pop(name, "")
    return int(text) if text.isdigit() else None


def _fail_early(beat_fd: int, message: str, status: int) -> None:
    """Says why and ends, where not even json may be imported yet. `message` is plain ASCII."""
    text = message.replace("\\", "/").replace('"', "'")
    line = f'{{"type":"failed","code":"ENVIRONMENT","message":"{text}","traceback":null}}\n'
    try:
        os.write(beat_fd, line.encode("ascii", "replace"))
        os.write(2, f"snakepit: {message}\n".encode("ascii", "replace"))
    except OSError:
        pass  # nobody listens; the status says it
    die_with_group(status)


def _secure(beat_fd: int) -> bool:
    """Layer by layer, against the death of the runtime. Returns whether the kernel's is armed."""
    lifeline_fd = _take_number("SNAKEPIT_LIFELINE_FD")
    told_parent = _take_number("SNAKEPIT_PARENT_PID")
    if not lifeline.leads_own_group():
        _fail_early(
            beat_fd,
            f"the worker does not lead its own process group: is {sys.executable} started through a wrapper? "
            "Name the interpreter itself in the pool's python option",
            exit_codes.MISCONFIGURED,
        )
    take_group_along_at_exit()
    armed = lifeline.arm(lifeline_fd) if lifeline_fd is not None else False
    # A runtime that died before we armed: somebody else adopted us. 0 is a parent outside our pid namespace.
    if told_parent and hasattr(os, "getppid") and os.getppid() not in (told_parent, 0):
        die_with_group(exit_codes.OK)
    if sys.version_info < _OLDEST_PYTHON:
        _fail_early(
            beat_fd,
            f"Python {sys.version.split()[0]} ({sys.executable}) is too old; snakepit needs 3.9 or newer",
            exit_codes.UNAVAILABLE,
        )
    return armed


def main() -> int:
    """Runs a worker and returns its exit status."""
    beat_fd = _take_number("SNAKEPIT_BEAT_FD")
    if beat_fd is None:
        return _run_without_beats()
    armed = _secure(beat_fd)

    from .beats import BeatChannel
    from .calls import Calls

    calls = Calls()
    beats = BeatChannel(beat_fd, calls.count)
    beats.start()

    from .arguments import parse_arguments
    from .hosts import BeatHost
    from .standard_output import guard_stdout
    from .termination import Termination
    from .worker import run_worker

    termination = Termination()
    termination.install()
    guard_stdout()
    arguments = parse_arguments(sys.argv[1:])
    return run_worker(arguments.adapter, BeatHost(beats, lifeline_armed=armed), calls, termination)


def _run_without_beats() -> int:
    """Started by a person, by a host of the original, or by `doctor`, which gives a lifeline."""
    lifeline_fd = _take_number("SNAKEPIT_LIFELINE_FD")
    if lifeline_fd is not None and lifeline.leads_own_group():
        lifeline.arm(lifeline_fd)

    from .arguments import parse_arguments
    from .calls import Calls
    from .health_check import run_health_check
    from .hosts import ReadyFileHost
    from .standard_output import guard_stdout
    from .termination import Termination
    from .worker import run_worker

    arguments = parse_arguments(sys.argv[1:])
    if arguments.health_check:
        return run_health_check(arguments.adapter)
    wants_group = os.environ.get("SNAKEPIT_PROCESS_GROUP", "").lower() in ("1", "true", "yes")
    if wants_group and not lifeline.leads_own_group():
        os.setsid()
    termination = Termination()
    termination.install()
    guard_stdout()
    host = ReadyFileHost(arguments, os.environ.get("SNAKEPIT_READY_FILE") or None)
    return run_worker(arguments.adapter, host, Calls(), termination)


if __name__ == "__main__":
    sys.exit(main())
