"""One place that waits for everything."""

from __future__ import annotations

import math
import select
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

READ, WRITE = select.POLLIN, select.POLLOUT


class Watch:
    """Descriptors, and who is told when something can be done with them. Who is told must not wait, nor
    rely on it: it may be the number's previous owner who was meant."""

    def __init__(self) -> None:
        self._poller = select.poll()
        self._told: dict[int, Callable[[int], None]] = {}

    def add(self, fd: int, told: Callable[[int], None], events: int = READ) -> None:
        """Tells `told` what can be done, from now on."""
        self._told[fd] = told
        self._poller.register(fd, events)

    def change(self, fd: int, events: int) -> None:
        """Waits for something else; the end of a peer is told in any case."""
        self._poller.modify(fd, events)

    def remove(self, fd: int) -> None:
        """Before it is closed; one that is not watched is no error."""
        if self._told.pop(fd, None) is not None:
            self._poller.unregister(fd)

    def wait(self, seconds: float | None) -> None:
        """Waits until something can be done, or for so long, and tells everybody."""
        # Rounded up: woken too early, nobody would find anything due.
        patience = None if seconds is None else math.ceil(seconds * 1000)
        for fd, events in self._poller.poll(patience):
            told = self._told.get(fd)
            if told is not None:
                told(events)
