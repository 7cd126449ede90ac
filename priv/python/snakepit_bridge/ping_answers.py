"""The answer to a ping of the serving path, as the RPC and as a frame."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .gen import snakepit_bridge_pb2 as pb2
    from .heartbeat import HeartbeatClient
    from .tool_runner import ToolRunner


def answer_ping(
    request: pb2.PingRequest,
    response: pb2.PingResponse,
    heartbeat: HeartbeatClient,
    runner: ToolRunner,
    lag_ms: float,
) -> None:
    """Shows that the serving path answers, and tells how this worker is. `lag_ms` is what the event loop took
    for one turn, just now."""
    heartbeat.note_rpc(lag_ms)
    now_ns = time.time_ns()
    response.message = f"pong: {request.message}"
    response.success = True
    response.server_time.FromNanoseconds(now_ns)
    known = heartbeat.statistics()
    statistics = response.statistics
    statistics.in_flight = known.in_flight
    statistics.served = runner.served
    statistics.failed = runner.failed
    statistics.uptime_ms = int(known.uptime_seconds * 1000)
    statistics.oldest_call_ms = int(known.oldest_call_ms)
    statistics.loop_lag_ms = lag_ms
    if request.HasField("client_time"):
        # Nothing below zero: the caller's clock may be ahead.
        statistics.delay_ms = max(0, now_ns - request.client_time.ToNanoseconds()) / 1e6
