"""`python -m snakepit_bridge`: bootstrap of a worker.

The order is the point. First, before any other import, comes what guarantees that this process and
its children never outlive the runtime; only then gRPC and the adapter, whose code may hang, hold
the interpreter's lock, or ignore every signal.
"""

from __future__ import annotations

import os
import sys

from . import exit_codes, layers, lifeline
from .process_group import die_with_group, take_group_along_at_exit

TYPE_CHECKING = False  # typing's own constant would cost its import
if TYPE_CHECKING:
    from typing import NoReturn

_OLDEST_PYTHON = (3, 9)


def _take_number(name: str) -> int | None:
    """Reads a variable and removes it: children must not take our descriptors for theirs."""
    text = os.environ.pop(name, "")
    return int(text) if text.isdigit() else None


def _fail_early(beat_fd: int, message: str, status: int) -> NoReturn:
    """Says why and ends, where not even json may be imported yet. `message` is plain ASCII."""
    text = message.replace("\\", "/").replace('"', "'")
    line = f'{{"type":"failed","code":"ENVIRONMENT","message":"{text}","traceback":null}}\n'
    try:
        os.write(beat_fd, line.encode("ascii", "replace"))
        os.write(2, f"snakepit: {message}\n".encode("ascii", "replace"))
    except OSError:
        pass  # nobody listens; the status says it
    die_with_group(status)


def _read_layers(beat_fd: int) -> frozenset[str]:
    try:
        return layers.read_switched_off()
    except ValueError as error:
        _fail_early(beat_fd, str(error), exit_codes.MISCONFIGURED)


def _secure(beat_fd: int, told_parent: int | None, without: frozenset[str]) -> bool:
    """Against the death of the runtime. Returns whether the kernel's layer is armed."""
    lifeline_fd = _take_number("SNAKEPIT_LIFELINE_FD")
    if layers.LIFELINE in without:
        lifeline_fd = None
    if not lifeline.leads_own_group():
        _fail_early(
            beat_fd,
            f"the worker does not lead its own process group: is {sys.executable} started through a wrapper? "
            "Name the interpreter itself in the pool's python option",
            exit_codes.MISCONFIGURED,
        )
    take_group_along_at_exit()
    armed = lifeline.arm(lifeline_fd) if lifeline_fd is not None else False
    if layers.OPINION not in without and _is_adopted(told_parent):
        die_with_group(exit_codes.OK)
    if sys.version_info < _OLDEST_PYTHON:
        _fail_early(
            beat_fd,
            f"Python {sys.version.split()[0]} ({sys.executable}) is too old; snakepit needs 3.9 or newer",
            exit_codes.UNAVAILABLE,
        )
    return armed


def _is_adopted(told_parent: int | None) -> bool:
    """Whether the runtime died before we looked, and somebody else is our parent now.

    0 is a parent outside our pid namespace. On Windows a parent's number stays for ever, and the
    interpreter of a virtual environment stands between us and the runtime.
    """
    return bool(told_parent) and os.name == "posix" and os.getppid() not in (told_parent, 0)


def _parent_to_watch(told_parent: int | None) -> int:
    """The runtime's number as the system knows it here; 0 when it cannot be seen from here.

    The number we were told, not that of our parent by now: the runtime may have died in between.
    """
    if os.name == "posix" and (not told_parent or os.getppid() == 0):
        return os.getppid()
    return told_parent or 0


def main() -> int:
    """Runs a worker and returns its exit status."""
    beat_fd = _take_number("SNAKEPIT_BEAT_FD")
    if beat_fd is None:
        return _run_without_beats()
    without = _read_layers(beat_fd)
    told_parent = _take_number("SNAKEPIT_PARENT_PID")
    armed = _secure(beat_fd, told_parent, without)

    from .beats import BeatChannel
    from .calls import Calls
    from .heartbeat import HeartbeatClient

    heartbeat = HeartbeatClient(Calls())
    parent = _parent_to_watch(told_parent)
    beats = BeatChannel(beat_fd, parent, heartbeat, ends_worker=layers.EOF not in without)
    beats.start()

    from .arguments import parse_arguments
    from .hosts import BeatHost
    from .second_opinion import SecondOpinion
    from .standard_output import guard_stdout, watch_stdout
    from .termination import Termination
    from .worker import run_worker

    termination = Termination()
    termination.install()
    beats.on_stop(termination.request)
    opinion = None
    if parent and layers.OPINION not in without:
        opinion = SecondOpinion(parent, termination)
        opinion.take_precautions()
    guard_stdout()
    if layers.EOF not in without:
        watch_stdout()
    arguments = parse_arguments(sys.argv[1:])
    host = BeatHost(beats, opinion, lifeline_armed=armed)
    return run_worker(arguments.adapter, host, heartbeat, termination)


def _run_without_beats() -> int:
    """Started by a person, by a host of the original, or by `doctor`, which gives a lifeline."""
    lifeline_fd = _take_number("SNAKEPIT_LIFELINE_FD")
    if lifeline_fd is not None and lifeline.leads_own_group():
        lifeline.arm(lifeline_fd)

    from .arguments import parse_arguments
    from .calls import Calls
    from .health_check import run_health_check
    from .heartbeat import HeartbeatClient
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
    return run_worker(arguments.adapter, host, HeartbeatClient(Calls()), termination)


if __name__ == "__main__":
    sys.exit(main())
