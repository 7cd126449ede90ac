"""How late the event loop is, measured from another thread."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable


# So many looks need no measuring after the loop has run by itself: every second one finds that it has, mostly.
_LOOKS = 2


class LoopProbe:
    """Posts a callback at one look and tells at the next how long it took: nobody waits, and an
    idle worker stays asleep, but for the callback."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._loop: AbstractEventLoop | None = None
        self._posted_at: float | None = None
        self._last_ms = 0.0
        self._looks_to_spare = 0

    def watch(self, loop: AbstractEventLoop) -> None:
        """Starts measuring `loop`."""
        self._loop = loop

    def is_watching(self) -> bool:
        """Whether there is a loop yet."""
        return self._loop is not None

    def look_ms(self) -> float:
        """Milliseconds that a callback took through the loop when it was last measured; while one is
        under way, how long it has been, which grows from one look to the next.

        Has it measured anew, unless it has run lately. For one thread.
        """
        lag_ms = self.last_ms()
        if self._looks_to_spare > 0:
            self._looks_to_spare -= 1
        elif self._posted_at is None:
            self._post()
        return lag_ms

    def last_ms(self) -> float:
        """The same without having it measured. Any thread."""
        posted_at = self._posted_at
        return self._last_ms if posted_at is None else self._age_ms(posted_at)

    def ran(self, lag_ms: float) -> None:
        """The loop has just run and measured this itself; call it there."""
        self._last_ms = lag_ms
        self._looks_to_spare = _LOOKS

    def _post(self) -> None:
        loop = self._loop
        if loop is None or loop.is_closed():
            return
        now = self._clock()
        self._posted_at = now
        try:
            loop.call_soon_threadsafe(self._came_through, now)
        except RuntimeError:  # it closed in this instant
            self._posted_at = None

    def _came_through(self, posted_at: float) -> None:
        self._last_ms = self._age_ms(posted_at)
        self._posted_at = None

    def _age_ms(self, posted_at: float) -> float:
        return round((self._clock() - posted_at) * 1000, 3)
