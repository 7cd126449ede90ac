"""Heartbeats from the worker's side: the answer to a ping, and what the pings have shown so far.

Pings come on two ways, which one `HeartbeatClient` serves: on the beat channel, whose thread answers
even while every tool is busy, and as the RPC `Ping`, which shows that the serving path answers.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from .calls import Calls
from .loop_probe import LoopProbe
from .telemetry import emit, outbox

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable

# A loop that is later than this cannot answer a ping within a second (R2.1).
STALLED_MS = 1000.0

# A thousand idle workers answer for ever: what has fewer steps than the making of JSON lets them sleep.
_PONG = b'{"type":"pong","seq":%d,"timestamp":%d,"inFlight":%d,"oldestCallMs":%a,"loopLagMs":%a}\n'

_ANSWERED = "python.heartbeat.answered"

STARTING = "starting"  # there is no event loop yet: the adapter is being imported
HEALTHY = "healthy"
STALLED = "stalled"  # the event loop is more than a second late: a tool blocks it
STOPPING = "stopping"  # no new calls are taken


class HeartbeatStatistics(NamedTuple):
    """What a worker knows about itself."""

    health: str
    """`starting`, `healthy`, `stalled` or `stopping`."""
    pings: int
    """Pings answered so far, on both ways."""
    last_ping_at: float | None
    """When the last one came, in seconds of Unix time; None before the first."""
    uptime_seconds: float
    """Seconds since this worker started."""
    in_flight: int
    """Calls that hold this worker."""
    oldest_call_ms: float
    """Milliseconds since the start of the call that runs for longest; 0 without a call."""
    loop_lag_ms: float
    """Milliseconds that the event loop was late when it was last looked at."""


class HeartbeatClient:
    """Answers pings and keeps count of them. Needs no lock: each count has one thread that writes.

    `calls` are those it reports on.
    """

    def __init__(
        self,
        calls: Calls | None = None,
        loop_probe: LoopProbe | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self.calls = calls if calls is not None else Calls()
        self._probe = loop_probe if loop_probe is not None else LoopProbe()
        self._clock = clock
        self._wall_clock = wall_clock
        self._started_at = clock()
        self._beats = 0
        self._rpcs = 0
        self._last_beat_at = 0.0
        self._last_rpc_at = 0.0

    def watch(self, loop: AbstractEventLoop) -> None:
        """Includes the health of the event loop from now on."""
        self._probe.watch(loop)

    def pong(self, seq: int) -> bytes:
        """The answer to the ping `seq` of the beat channel, as its line, with the time it was given.

        Of its event loop's lag it may tell what was known at the last ping, for it does not wait to be told.
        Call it in the beat channel's thread only.
        """
        now = self._wall_clock()
        self._last_beat_at = now
        self._beats += 1
        answer = _PONG % (
            seq,
            now * 1000,
            self.calls.count(),
            self.calls.oldest_ms(),
            self._probe.look_ms(),
        )
        self._tell_answered("beats")
        return answer

    def note_rpc(self, lag_ms: float) -> None:
        """Counts one `Ping` of the serving path, which found the event loop so late; call it there only."""
        self._probe.ran(lag_ms)
        self._last_rpc_at = self._wall_clock()
        self._rpcs += 1
        self._tell_answered("serving")

    def health(self) -> str:
        """One of STARTING, HEALTHY, STALLED and STOPPING. Any thread."""
        if self.calls.is_draining():
            return STOPPING
        if not self._probe.is_watching():
            return STARTING
        return STALLED if self._probe.last_ms() > STALLED_MS else HEALTHY

    def statistics(self) -> HeartbeatStatistics:
        """What is known at this moment, without asking the event loop. Any thread."""
        return HeartbeatStatistics(
            health=self.health(),
            pings=self._beats + self._rpcs,
            last_ping_at=max(self._last_beat_at, self._last_rpc_at) or None,
            uptime_seconds=self._clock() - self._started_at,
            in_flight=self.calls.count(),
            oldest_call_ms=self.calls.oldest_ms(),
            loop_lag_ms=self._probe.last_ms(),
        )

    def _tell_answered(self, path: str) -> None:
        # Twice a second and for ever: only for who wants it.
        if not outbox.is_wanted(_ANSWERED):
            return
        facts = self.statistics()
        measured = {
            "count": 1,
            "in_flight": facts.in_flight,
            "oldest_call_ms": facts.oldest_call_ms,
            "loop_lag_ms": facts.loop_lag_ms,
        }
        emit(_ANSWERED, measured, {"path": path, "health": facts.health})
