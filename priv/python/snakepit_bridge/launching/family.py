"""Ending everybody whom a worker has started, until the kernel says that nobody is left."""

from __future__ import annotations

import os
import select
import signal
import time

from .kernel import drain
from .reporting import say

TYPE_CHECKING = False  # typing's own constant would cost its import
if TYPE_CHECKING:
    from .start import Started


_END_SECONDS = 2.0  # how long processes may take to die of SIGKILL
_WORKER_FIRST_SECONDS = 0.1  # the worker's end mostly is that of the others, too
_AGAIN_SECONDS = 0.5


def end_all(started: Started, wakeup: int) -> int:
    """Ends and reaps everybody, until there is nobody; returns the worker's wait status."""
    ended: dict[int, int] = {}
    deadline = time.monotonic() + _END_SECONDS
    if started.ended is None:
        _kill(-started.worker)  # the group; not reaped yet, so the number is the worker's
    _kill(started.child)
    patience = _WORKER_FIRST_SECONDS
    while not _reap_all(ended):
        left = deadline - time.monotonic()
        if left <= 0:
            say(2, "snakepit: processes do not die of SIGKILL; the launcher waits no longer")
            break
        if started.child in ended or patience > _WORKER_FIRST_SECONDS:
            _kill_children()
        select.select([wakeup], [], [], min(patience, left))
        drain(wakeup)
        patience = _AGAIN_SECONDS
    if started.ended is None:
        return ended.get(started.worker, signal.SIGKILL)
    told = os.read(started.ended, 16)
    return int(told) if told else signal.SIGKILL  # it went with its init


def _reap_all(ended: dict[int, int]) -> bool:
    """Notes the wait status of everybody who has ended; whether nobody is left."""
    try:
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return False
            ended[pid] = status
    except ChildProcessError:
        return True


def _kill_children() -> None:
    """Ends the children, whose numbers nobody else can have: they are not reaped yet. *Their*
    children become ours with that, and have their turn in the next round."""
    for pid in children_of(os.getpid()):
        _kill(pid)


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except PermissionError:
        return  # more privileged than we are


def children_of(parent: int) -> list[int]:
    """Numbers of the children of a process; of zombies, too."""
    names = (name for name in os.listdir("/proc") if name.isdigit())
    return [int(name) for name in names if _parent_of(name) == parent]


def _parent_of(name: str) -> int:
    try:
        with open(f"/proc/{name}/stat", "rb") as file:
            stat = file.read()
    except OSError:  # gone between listing and reading
        return 0
    return int(stat[stat.rindex(b")") + 2 :].split()[1])
