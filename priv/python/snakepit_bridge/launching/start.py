"""Starting one worker."""

from __future__ import annotations

import os
import signal

from snakepit_bridge import exit_codes, lifeline

from .reporting import tell_failure

# By Python itself; a program that is executed inherits that.
_IGNORED = (signal.SIGPIPE, signal.SIGXFSZ)


class Started:
    """Whom the launcher has started.

    `child` is its own child: the worker, or the init of the worker's namespace. `ended` then is where
    that init tells the worker's wait status. `worker` is 0 when it ended before it could be found.
    """

    def __init__(self, child: int, worker: int, ended: int | None = None) -> None:
        self.child = child
        self.worker = worker
        self.ended = ended


def start(program: list[str], beat_fd: int | None, tether: int) -> Started:
    """Forks the worker; returns when it leads its own group and its program runs, or has failed to."""
    executed, executing = os.pipe()
    parent = os.getpid()
    worker = os.fork()
    if worker == 0:
        signal.set_wakeup_fd(-1)
        os.setsid()
        for number in _IGNORED:
            signal.signal(number, signal.SIG_DFL)
        _arm(tether)
        environment = {**os.environ, "SNAKEPIT_PARENT_PID": str(parent)}
        try:
            os.execvpe(program[0], program, environment)
        except OSError as error:
            tell_failure(beat_fd, f"cannot run {program[0]}: {error.strerror}")
        os._exit(exit_codes.UNAVAILABLE)
    os.close(executing)
    os.read(executed, 1)  # nobody writes: the end comes with the exec
    os.close(executed)
    return Started(child=worker, worker=worker)


def _arm(tether: int) -> None:
    lifeline.arm(tether)
    # Into the worker. A child of its that keeps it harms nobody: the signal is for the worker's group,
    # which the kernel does not know by number.
    os.set_inheritable(tether, True)


def ask(started: Started) -> None:
    """Passes SIGTERM on. Our child is not reaped yet, so its number is nobody else's."""
    if started.ended is not None:
        os.kill(started.child, signal.SIGTERM)  # the init knows the worker
        os.kill(started.child, signal.SIGCONT)
        return
    try:
        os.killpg(started.worker, signal.SIGTERM)
        os.killpg(started.worker, signal.SIGCONT)  # a stopped one has to wake for it
    except ProcessLookupError:
        return  # the init has reaped it in this moment
