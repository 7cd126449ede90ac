"""Counts the calls in flight, and closes the door when the worker drains."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class DrainingError(Exception):
    """This worker takes no new calls."""


class Calls:
    """The calls in flight. Belongs to the event loop; `count` may be read from any thread."""

    def __init__(self) -> None:
        self._count = 0
        self._draining = False
        self._idle: asyncio.Event | None = None

    def count(self) -> int:
        """Calls that hold this worker, cancelled ones whose thread still runs included."""
        return self._count

    @contextmanager
    def enter(self) -> Iterator[None]:
        """Counts one call. Raises DrainingError once `drain` has been called."""
        if self._draining:
            raise DrainingError
        self._count += 1
        try:
            yield
        finally:
            self._count -= 1
            if self._count == 0 and self._idle is not None:
                self._idle.set()

    async def drain(self, seconds: float) -> bool:
        """Refuses new calls, waits for those in flight; returns whether all of them ended."""
        self._draining = True
        if self._count == 0:
            return True
        self._idle = asyncio.Event()
        try:
            await asyncio.wait_for(self._idle.wait(), seconds)
        except asyncio.TimeoutError:
            return False
        return True
