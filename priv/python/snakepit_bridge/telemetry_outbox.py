"""Events that wait for the runtime: so many and no more, from any thread, filtered and sampled as the
runtime says."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections import deque
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

CAPACITY = 1024
MAX_NAME = 128
MAX_ENTRIES = 32
MAX_KEY = 64
MAX_TEXT = 512
MAX_PATTERNS = 64
MAX_PATTERN = 256
DROPPED = "python.telemetry.dropped"
_INT64 = 2**63


class Event(NamedTuple):
    """One event, fit to be sent."""

    name: str
    measurements: dict[str, int | float]
    metadata: dict[str, str]
    timestamp_ns: int
    correlation_id: str


class Controls(NamedTuple):
    """What the runtime wants to have."""

    enabled: bool = True
    rate: float = 1.0
    """Part of the events that `patterns` name, 0 to 1."""
    patterns: Sequence[str] = ("*",)
    allow: Sequence[str] = ()
    """Patterns of the events that are sent; all when there are none."""
    deny: Sequence[str] = ()

    def admits(self, name: str) -> bool:
        """Whether such events are sent at all."""
        if not self.enabled or _matches_any(self.deny, name):
            return False
        return not self.allow or _matches_any(self.allow, name)

    def draws(self, name: str, chance: Callable[[], float]) -> bool:
        """Whether this event is one of the sample."""
        if self.rate >= 1 or not _matches_any(self.patterns, name):
            return True
        return chance() < self.rate


class Outbox:
    """Keeps what was emitted until it is taken. Any thread may offer; the event loop takes."""

    def __init__(
        self, capacity: int = CAPACITY, chance: Callable[[], float] = random.random
    ) -> None:
        self._capacity = capacity
        self._chance = chance
        # Whoever holds it may be interrupted by itself: a signal handler or a collection of garbage emits.
        self._lock = threading.RLock()
        self._events: deque[Event] = deque()
        self._dropped = 0
        self._controls: Controls | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._news: asyncio.Event | None = None
        self._is_asleep = False
        self.is_closed = False

    @property
    def dropped(self) -> int:
        """Events that were lost and that nobody was told of yet."""
        return self._dropped

    def is_wanted(self, name: str) -> bool:
        """Whether the runtime takes such events now; for what happens all the time."""
        controls = self._controls
        return self._loop is not None and controls is not None and controls.admits(name)

    def offer(
        self,
        name: str,
        measurements: Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None,
        correlation_id: str = "",
    ) -> None:
        """Puts an event in, unless the runtime does not want it. Of too many the oldest is dropped."""
        if not isinstance(name, str):
            raise TypeError(f"the name of an event must be a str, not {type(name).__name__}")
        name = _sendable(name[:MAX_NAME])
        controls = self._controls
        if controls is not None and not (
            controls.admits(name) and controls.draws(name, self._chance)
        ):
            return
        event = Event(
            name,
            _numbers(measurements),
            _texts(metadata),
            time.time_ns(),
            _text(correlation_id),
        )
        with self._lock:
            if self.is_closed:
                return
            self._push(event)
            if not self._is_asleep or self._loop is None:
                return
            self._is_asleep = False
            loop = self._loop
        self._rouse(loop)

    def take(self, most: int) -> list[Event]:
        """Takes out what is to be sent, oldest first; what was lost is told first."""
        taken: list[Event] = []
        with self._lock:
            if self._dropped:
                counted: dict[str, int | float] = {"count": self._dropped}
                taken.append(Event(DROPPED, counted, {}, time.time_ns(), ""))
                self._dropped = 0
            controls = self._controls
            while self._events and len(taken) < most:
                event = self._events.popleft()
                # It may have been put in before the runtime said what it wants.
                if controls is None or controls.admits(event.name):
                    taken.append(event)
        return taken

    def attach(self, loop: asyncio.AbstractEventLoop) -> asyncio.Event:
        """The runtime takes events from now on, in place of who took them before. Returns what is set
        when there is something new; whoever finds it replaced has been replaced."""
        with self._lock:
            before, self._news = self._news, asyncio.Event()
            self._loop = loop
            self._is_asleep = False
            news = self._news
        if before is not None:
            before.set()
        return news

    def detach(self, news: asyncio.Event) -> None:
        """The one that attached does not take any more."""
        with self._lock:
            if self._news is news:
                self._news = self._loop = None

    def is_attached(self, news: asyncio.Event) -> bool:
        """Whether it is still the one that takes."""
        return self._news is news

    async def wait(self, news: asyncio.Event) -> None:
        """Until there is something to take, or the one that waits is replaced or done."""
        with self._lock:
            if self._news is not news or self._events or self._dropped or self.is_closed:
                return
            news.clear()
            self._is_asleep = True
        await news.wait()

    def control(self, change: Callable[[Controls], Controls]) -> None:
        """The runtime says what it wants."""
        self._controls = change(self._controls or Controls())

    def close(self) -> None:
        """Takes no more; what is there can still be taken."""
        with self._lock:
            self.is_closed = True
            loop, self._is_asleep = self._loop, False
        if loop is not None:
            self._rouse(loop)

    def abandon(self) -> None:
        """In a child of this process: nobody will ever take anything here."""
        self._lock = threading.RLock()
        self._loop = self._news = None
        self.is_closed = True

    def begin_anew(self) -> None:
        """In a child that becomes a worker itself: what waits, and who took it, was not its own."""
        self._events.clear()
        self._dropped = 0
        self._controls = None
        self.is_closed = False

    def _push(self, event: Event) -> None:
        if len(self._events) >= self._capacity:
            self._events.popleft()
            self._dropped += 1
        self._events.append(event)

    def _rouse(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            loop.call_soon_threadsafe(self._tell)
        except RuntimeError:  # the loop has ended, and with it who took
            return

    def _tell(self) -> None:
        if self._news is not None:
            self._news.set()


def matches_glob(pattern: str, text: str) -> bool:
    """Whether a pattern, in which `*` stands for any characters, describes a whole text. Takes at most
    as many steps as the product of their lengths."""
    at = in_pattern = after_star = 0
    star = -1
    while at < len(text):
        token = pattern[in_pattern] if in_pattern < len(pattern) else ""
        if token == "*":
            star, after_star = in_pattern, at
            in_pattern += 1
        elif token == text[at]:
            in_pattern += 1
            at += 1
        elif star >= 0:
            in_pattern = star + 1
            after_star += 1
            at = after_star
        else:
            return False
    return not pattern[in_pattern:].strip("*")


def patterns_of(given: Sequence[str]) -> tuple[str, ...]:
    """So many patterns, and so long, as one may have."""
    return tuple(pattern[:MAX_PATTERN] for pattern in given[:MAX_PATTERNS])


def _matches_any(patterns: Sequence[str], name: str) -> bool:
    return any(matches_glob(pattern, name) for pattern in patterns)


def _numbers(given: Mapping[str, Any] | None) -> dict[str, int | float]:
    numbers: dict[str, int | float] = {}
    for key, value in _entries(given):
        number = _number(value)
        if number is not None:
            numbers[key] = number
    return numbers


def _number(value: object) -> int | float | None:
    if isinstance(value, int):
        plain = int(value)
        return plain if -_INT64 <= plain < _INT64 else float("inf" if plain > 0 else "-inf")
    if isinstance(value, float):
        return float(value)
    convert = getattr(type(value), "__float__", None)
    if convert is None:
        return None
    try:
        return float(convert(value))
    except Exception:  # noqa: BLE001 - foreign code, and an event must not break what it tells of
        return None


def _texts(given: Mapping[str, Any] | None) -> dict[str, str]:
    return {key: _text(value) for key, value in _entries(given)}


def _text(value: object) -> str:
    if isinstance(value, str):
        return _sendable(str(value)[:MAX_TEXT])
    if value is None or isinstance(value, (bool, float)):
        return str(value)
    if isinstance(value, int):
        # A long one takes seconds, and then raises.
        return str(value) if value.bit_length() < MAX_TEXT else "int"
    return _sendable(type(value).__name__[:MAX_TEXT])


def _sendable(text: str) -> str:
    """Half of a character that needs two cannot be sent."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def _entries(given: Mapping[str, Any] | None) -> list[tuple[str, Any]]:
    if not isinstance(given, dict):
        given = _as_dict(given)
    pairs = list(islice(dict.items(given), MAX_ENTRIES))
    return [(_text(key)[:MAX_KEY], value) for key, value in pairs]


def _as_dict(given: object) -> dict[Any, Any]:
    try:
        return dict(given or {})  # type: ignore[call-overload, no-any-return]
    except Exception:  # noqa: BLE001 - the same
        return {}
