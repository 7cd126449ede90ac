"""The answer to a ping of the serving path, as the RPC and as a frame."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from .gen import snakepit_bridge_pb2 as pb2

if TYPE_CHECKING:
    from .heartbeat import HeartbeatClient
    from .tool_runner import ToolRunner


async def answer_ping(
    request: pb2.PingRequest, heartbeat: HeartbeatClient, runner: ToolRunner
) -> pb2.PingResponse:
    """Shows that the serving path answers, and tells how this worker is."""
    heartbeat.note_rpc()
    lag_ms = await _loop_lag_ms()
    response = pb2.PingResponse(message=f"pong: {request.message}", success=True)
    response.server_time.GetCurrentTime()
    known = heartbeat.statistics()
    statistics = response.statistics
    statistics.in_flight = known.in_flight
    statistics.served = runner.served
    statistics.failed = runner.failed
    statistics.uptime_ms = int(known.uptime_seconds * 1000)
    statistics.oldest_call_ms = int(known.oldest_call_ms)
    statistics.loop_lag_ms = lag_ms
    if request.HasField("client_time"):
        delay_ns = response.server_time.ToNanoseconds() - request.client_time.ToNanoseconds()
        # Nothing below zero: the caller's clock may be ahead.
        statistics.delay_ms = max(0, delay_ns) / 1e6
    return response


async def _loop_lag_ms() -> float:
    """How long the event loop takes for one turn, now."""
    started = time.monotonic()
    await asyncio.sleep(0)
    return (time.monotonic() - started) * 1000
