"""The life of a launcher: start, watch, end everybody, end as the worker ended."""

from __future__ import annotations

import os
import select
import signal
import sys

from snakepit_bridge import exit_codes

from .family import end_all
from .kernel import (
    PR_SET_CHILD_SUBREAPER,
    PR_SET_DUMPABLE,
    PR_SET_PDEATHSIG,
    call,
    drain,
    make_poller,
)
from .pid_namespace import start_in_namespace
from .reporting import close_worker_ends, read_number, say, tell_failure
from .start import Started, ask, start

TYPE_CHECKING = False  # typing's own constant would cost its import
if TYPE_CHECKING:
    from typing import NoReturn


class LaunchError(Exception):
    """The worker cannot be started; `status` is how the launcher ends then."""

    def __init__(self, text: str, status: int) -> None:
        super().__init__(text)
        self.status = status


def main(argv: list[str]) -> NoReturn:
    """Runs one worker to its end, and ends as it ended."""
    beat_fd = read_number("SNAKEPIT_BEAT_FD")
    try:
        status = launch(argv[1], argv[2:], beat_fd, read_number("SNAKEPIT_LIFELINE_FD"))
    except LaunchError as error:
        tell_failure(beat_fd, str(error))
        os._exit(error.status)
    end_like(status)


def launch(mode: str, program: list[str], beat_fd: int | None, lifeline_fd: int | None) -> int:
    """The wait status of the worker, when nothing of it is left."""
    if os.getpgrp() != os.getpid():
        raise LaunchError(
            f"the launcher does not lead its own process group: is {sys.executable} started through a wrapper? "
            "Name the interpreter itself in the pool's python option",
            exit_codes.MISCONFIGURED,
        )
    wakeup = _catch_signals()
    tether, tether_end = os.pipe()  # its writing end is held by the launcher alone
    namespace = mode == "pidNamespace"
    try:
        _prepare(namespace)
        if _is_runtime_gone(lifeline_fd):
            os._exit(exit_codes.OK)
        if namespace:
            started = start_in_namespace(program, beat_fd, tether, tether_end)
        else:
            started = start(program, beat_fd, tether)
    except OSError as error:
        where = "" if error.filename is None else f"{error.filename}: "
        raise LaunchError(f"{mode}: {where}{error.strerror}", exit_codes.UNCONTAINED) from error
    if started.worker:
        say(beat_fd, f'{{"type":"spawned","pid":{started.worker}}}')
    close_worker_ends(beat_fd)
    _watch(started, lifeline_fd, wakeup)
    status = end_all(started, wakeup)
    os.close(tether_end)
    return status


def _prepare(namespace: bool) -> None:
    """Has the kernel tell the runtime's death and give us the orphans."""
    if namespace:
        # With the launcher goes its init, with that everybody inside: no code of ours is needed.
        call("prctl", PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        return
    os.stat(f"/proc/{os.getpid()}/stat")  # else nobody could be found
    call("prctl", PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    # A launcher that somebody stopped must wake to see that its runtime is gone.
    call("prctl", PR_SET_PDEATHSIG, signal.SIGCONT, 0, 0, 0)


def _catch_signals() -> int:
    """Turns signals into bytes; returns the descriptor on which they arrive.

    Caught and not ignored: a program that is executed inherits what is ignored.
    """
    receiver, sender = os.pipe()
    os.set_blocking(receiver, False)
    os.set_blocking(sender, False)
    signal.set_wakeup_fd(sender, warn_on_full_buffer=False)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda _number, _frame: None)
    return receiver


def _is_runtime_gone(lifeline_fd: int | None) -> bool:
    told_parent = read_number("SNAKEPIT_PARENT_PID")
    return (told_parent is not None and os.getppid() != told_parent) or (
        lifeline_fd is not None and bool(make_poller(lifeline_fd).poll(0))
    )


def _watch(started: Started, lifeline_fd: int | None, wakeup: int) -> None:
    """Waits until the worker has ended, while our child stays unreaped, or the runtime is gone."""
    poller = make_poller() if lifeline_fd is None else make_poller(lifeline_fd)
    for fd in (wakeup, started.ended):
        if fd is not None:
            poller.register(fd, select.POLLIN)
    while True:
        events = dict(poller.poll())
        received = drain(wakeup)
        if lifeline_fd in events or started.ended in events or _reap_others(started.child):
            return
        if signal.SIGTERM in received:
            ask(started)


def _reap_others(child: int) -> bool:
    """Reaps whoever was taken in and ended; whether our own child has ended, which stays unreaped."""
    while True:
        ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if ended is None:
            return False
        if ended.si_pid == child:
            return True
        os.waitpid(ended.si_pid, 0)


def end_like(status: int) -> NoReturn:
    """Ends this process in the way in which another one has ended."""
    if os.WIFEXITED(status):
        os._exit(os.WEXITSTATUS(status))
    number = os.WTERMSIG(status)
    call("prctl", PR_SET_DUMPABLE, 0, 0, 0, 0)  # one memory image of the crash is enough
    if number != signal.SIGKILL:
        signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    os._exit(128 + number)  # a signal that is deadly to others only
