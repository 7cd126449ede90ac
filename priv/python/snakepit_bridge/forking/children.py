"""The workers of a fork server, from fork to reaping."""

from __future__ import annotations

import contextlib
import os
import signal
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator


class Ended(NamedTuple):
    """How a worker ended, as the system told; one of `code` and `signal` is None."""

    launch: int
    pid: int
    code: int | None
    signal: str | None


class Children:
    """Living workers. Whoever else is a child has been left behind by one of them."""

    def __init__(self) -> None:
        self._launches: dict[int, int] = {}

    def count(self) -> int:
        """How many are not reaped yet."""
        return len(self._launches)

    def has(self, launch: int) -> bool:
        """Whether a worker of this launch is not reaped yet."""
        return launch in self._launches.values()

    def add(self, pid: int, launch: int) -> None:
        """A fork, which may have ended by now."""
        self._launches[pid] = launch

    def reap(self) -> Iterator[Ended]:
        """Whoever has ended. A worker's group goes first, while nobody else can have its number."""
        with contextlib.suppress(ChildProcessError):  # there are none
            if hasattr(os, "waitid"):
                yield from self._reap_seen()
            else:
                yield from self._reap_unseen()

    def _reap_seen(self) -> Iterator[Ended]:
        look = os.WEXITED | os.WNOHANG | os.WNOWAIT
        while (seen := os.waitid(os.P_ALL, 0, look)) is not None:
            pid = seen.si_pid
            if pid in self._launches:
                _kill_group(pid)
            _, status = os.waitpid(pid, 0)
            yield from self._forget(pid, status)

    def _reap_unseen(self) -> Iterator[Ended]:
        """Where Python cannot look before it reaps (macOS): a group that has members keeps its number."""
        while (reaped := os.waitpid(-1, os.WNOHANG))[0] != 0:
            pid, status = reaped
            if pid in self._launches:
                _kill_group(pid)
            yield from self._forget(pid, status)

    def _forget(self, pid: int, status: int) -> Iterator[Ended]:
        launch = self._launches.pop(pid, None)
        if launch is None:
            return
        if os.WIFSIGNALED(status):
            yield Ended(launch, pid, None, _name(os.WTERMSIG(status)))
        else:
            yield Ended(launch, pid, os.WEXITSTATUS(status), None)


def _kill_group(leader: int) -> None:
    # Nobody is left in it, or only such as are not ours to end.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return f"SIG{number}"
