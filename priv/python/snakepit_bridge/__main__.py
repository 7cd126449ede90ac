"""`python -m snakepit_bridge`: bootstrap of a worker.

The order is the point. First, before any other import, comes what guarantees that this process and
its children never outlive the runtime; only then gRPC and the adapter, whose code may hang, hold
the interpreter's lock, or ignore every signal.
"""

from __future__ import annotations

import os
import sys

from . import exit_codes, layers, lifeline
from .bootstrap import parent_to_watch, read_layers, secure, take_number

TYPE_CHECKING = False  # typing's own constant would cost its import
if TYPE_CHECKING:
    from .arguments import Arguments


def main() -> int:
    """Runs a worker and returns its exit status."""
    beat_fd = take_number("SNAKEPIT_BEAT_FD")
    if beat_fd is None:
        return _run_without_beats()
    without = read_layers(beat_fd)
    calls_fd = take_number("SNAKEPIT_CALLS_FD")
    if calls_fd is not None:
        os.set_inheritable(calls_fd, False)
    told_parent = take_number("SNAKEPIT_PARENT_PID")
    armed = secure(beat_fd, told_parent, without)

    parent = parent_to_watch(told_parent)

    # One import each: of a forked worker, whose server has done them all, each still is memory of its own.
    from .first_beats import answer_beats

    beats = answer_beats(beat_fd, parent, ends_worker=layers.EOF not in without)

    from .beat_worker import run_on_beats

    return run_on_beats(beats, parent, without, calls_fd=calls_fd, lifeline_armed=armed)


def _run_without_beats() -> int:
    """Started by a person, by a host of the original, or by `doctor`, which gives a lifeline."""
    lifeline_fd = take_number("SNAKEPIT_LIFELINE_FD")
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
        return run_health_check(arguments.adapter, arguments.threading)
    if arguments.listen:
        return _run_listening(arguments)
    wants_group = os.environ.get("SNAKEPIT_PROCESS_GROUP", "").lower() in ("1", "true", "yes")
    if wants_group and not lifeline.leads_own_group():
        os.setsid()
    termination = Termination()
    termination.install()
    guard_stdout()
    host = ReadyFileHost(arguments, os.environ.get("SNAKEPIT_READY_FILE") or None)
    heartbeat = HeartbeatClient(Calls())
    return run_worker(arguments.adapter, host, heartbeat, termination, arguments.threading)


def _run_listening(arguments: Arguments) -> int:
    """Started by somebody for runtimes that come to it."""
    from .calls import Calls
    from .heartbeat import HeartbeatClient
    from .listening_host import ListenSetupError, open_listening_host
    from .notices import notice
    from .standard_output import guard_stdout
    from .termination import Termination
    from .worker import run_worker

    try:
        host = open_listening_host(arguments)
    except ListenSetupError as error:
        notice(str(error))
        return exit_codes.MISCONFIGURED
    termination = Termination()
    termination.install()
    guard_stdout()
    heartbeat = HeartbeatClient(Calls())
    return run_worker(arguments.adapter, host, heartbeat, termination, arguments.threading)


if __name__ == "__main__":
    sys.exit(main())
