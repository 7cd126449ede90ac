"""How late the event loop is, measured from another thread."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable

# A loop that is well answers in a fraction of this. One that is not is told at once from then on.
WAIT_SECONDS = 0.02


class _Posting:
    """One callback on its way through the loop."""

    def __init__(self, at: float) -> None:
        self.at = at
        self.ran = threading.Event()


class LoopProbe:
    """Posts a callback when it is asked, so that an idle worker stays asleep."""

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, wait_seconds: float = WAIT_SECONDS
    ) -> None:
        self._clock = clock
        self._wait_seconds = wait_seconds
        self._loop: AbstractEventLoop | None = None
        self._pending: _Posting | None = None
        self._last_ms = 0.0

    def watch(self, loop: AbstractEventLoop) -> None:
        """Starts measuring `loop`."""
        self._loop = loop

    def is_watching(self) -> bool:
        """Whether there is a loop yet."""
        return self._loop is not None

    def measure_ms(self) -> float:
        """Milliseconds that a callback takes through the loop; when it has not come through after
        20 ms, how long it has been waiting, which grows from one look to the next.

        Never call it in the loop's own thread, which would wait for itself.
        """
        if self._pending is None:
            posting = self._post()
            if posting is not None:
                posting.ran.wait(self._wait_seconds)
        return self.last_ms()

    def last_ms(self) -> float:
        """The same as far as it is known without asking the loop. Any thread."""
        posting = self._pending
        return self._last_ms if posting is None else self._age_ms(posting)

    def _post(self) -> _Posting | None:
        loop = self._loop
        if loop is None or loop.is_closed():
            return None
        posting = _Posting(self._clock())
        self._pending = posting
        try:
            loop.call_soon_threadsafe(self._ran, posting)
        except RuntimeError:  # it closed in this instant
            self._pending = None
        return self._pending

    def _ran(self, posting: _Posting) -> None:
        self._last_ms = self._age_ms(posting)
        self._pending = None
        posting.ran.set()

    def _age_ms(self, posting: _Posting) -> float:
        return round((self._clock() - posting.at) * 1000, 3)
