"""The RPC `Ping` of a real worker: what it says of itself."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from snakepit_bridge.gen import snakepit_bridge_pb2 as pb2

from .harness import TOKEN

if TYPE_CHECKING:
    from .conftest import StartWorker

HEADERS = [("x-snakepit-token", TOKEN)]


def test_statistics(spawn: StartWorker) -> None:
    """[T1.3] [T1.2] It counts its calls, good and bad, and tells its age and the time since the caller sent."""
    worker = spawn("adapters.Plain")
    worker.start()
    assert worker.execute("add", a=1, b=2) == 3
    assert not worker.respond("add", a="x", b=2).success
    request = pb2.PingRequest(message="hi")
    request.client_time.FromNanoseconds(time.time_ns() - 3_000_000_000)
    pong = worker.stub.Ping(request, metadata=HEADERS)
    statistics = pong.statistics
    assert (pong.message, pong.success) == ("pong: hi", True)
    assert (statistics.in_flight, statistics.oldest_call_ms) == (0, 0)
    assert (statistics.served, statistics.failed) == (1, 1)
    assert 0 < statistics.uptime_ms < 60_000
    assert 3_000 <= statistics.delay_ms < 60_000


def test_caller_of_the_original(spawn: StartWorker) -> None:
    """[T1.3] Who sends no time, or one that lies ahead, is told of no delay."""
    worker = spawn("adapters.Plain")
    worker.start()
    request = pb2.PingRequest()
    assert worker.stub.Ping(request, metadata=HEADERS).statistics.delay_ms == 0
    request.client_time.FromNanoseconds(time.time_ns() + 3_600_000_000_000)
    assert worker.stub.Ping(request, metadata=HEADERS).statistics.delay_ms == 0
