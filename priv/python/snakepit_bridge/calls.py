"""Knows the calls in flight, and closes the door when the worker drains."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class DrainingError(Exception):
    """This worker takes no new calls."""


class Calls:
    """The calls in flight. Belongs to the event loop; what only reads may be called from any thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        # In the order of their start, which a dict keeps: the first is the oldest.
        self._started: dict[object, float] = {}
        self._draining = False
        self._idle: asyncio.Event | None = None

    def count(self) -> int:
        """Calls that hold this worker, cancelled ones whose thread still runs included."""
        return len(self._started)

    def oldest_ms(self) -> float:
        """Milliseconds since the start of the call that runs for longest; 0 when there is none."""
        while True:
            try:
                started = next(iter(self._started.values()), None)
            except RuntimeError:  # the loop added or removed one in this instant
                continue
            return 0.0 if started is None else round((self._clock() - started) * 1000, 3)

    def is_draining(self) -> bool:
        """Whether new calls are refused."""
        return self._draining

    async def drain(self, seconds: float) -> bool:
        """Refuses new calls, waits for those in flight; returns whether all of them ended."""
        self._draining = True
        if not self._started:
            return True
        self._idle = asyncio.Event()
        try:
            await asyncio.wait_for(self._idle.wait(), seconds)
        except asyncio.TimeoutError:
            return False
        return True

    def begin(self, call: object) -> None:
        """Counts a call, and keeps it, until `end`. Raises DrainingError once `drain` has been called."""
        if self._draining:
            raise DrainingError
        self._started[call] = self._clock()

    def end(self, call: object) -> float:
        """The worker has let go of this call; returns the seconds since its begin."""
        seconds = self._clock() - self._started.pop(call)
        if self._idle is not None and not self._started:
            self._idle.set()
        return seconds
