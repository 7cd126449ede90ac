"""Calls in frames, for whoever opens a stream of them: by the RPC `Frames`, or on the socket that the
runtime gave us.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, NamedTuple

import grpc
import grpc.aio

from .frame_reader import MalformedError
from .frame_writer import FrameWriter
from .frames import FrameStream

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from .heartbeat import HeartbeatClient
    from .sessions import Sessions
    from .tool_runner import ToolRunner

    Context = grpc.aio.ServicerContext[Any, Any]

MAX_CALLS = 1000
DEFAULT_MAX_VALUE_BYTES = 2 * 1024**3


class FrameLimits(NamedTuple):
    """What one stream may ask of a worker."""

    max_calls: int = MAX_CALLS
    max_value_bytes: int = DEFAULT_MAX_VALUE_BYTES
    """Attachments of one call, together."""


class FrameService:
    """Serves streams of frames: the RPC `Frames`, and the socket that the runtime gave us. Every stream
    is on its own."""

    def __init__(
        self,
        runner: ToolRunner,
        sessions: Sessions,
        heartbeat: HeartbeatClient,
        limits: FrameLimits | None = None,
    ) -> None:
        self.runner = runner
        self.sessions = sessions
        self.heartbeat = heartbeat
        self.limits = limits or FrameLimits()
        self._streams: set[FrameStream] = set()

    def handler(self) -> grpc.GenericRpcHandler[Any, Any]:
        """What to add to a server, before the rest of the contract. The messages come and go as bytes:
        so they can be refused as what they are, and large pieces need no message of their own."""
        return grpc.method_handlers_generic_handler(
            "snakepit.bridge.BridgeService",
            {"Frames": grpc.stream_stream_rpc_method_handler(self._serve)},
        )

    async def close(self, seconds: float) -> None:
        """Writes what is left to be written, and ends every stream."""
        streams = [asyncio.ensure_future(stream.finish()) for stream in self._streams]
        if streams:
            await asyncio.wait(streams, timeout=seconds)
        for stream in streams:
            stream.cancel()

    async def _serve(self, _requests: object, context: Context) -> None:
        stream = FrameStream(self, FrameWriter(context.write))
        try:
            await self.serve(stream, _read_all(context, stream))
        except MalformedError as error:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"frames: {error}")

    async def serve(self, stream: FrameStream, reading: Awaitable[None]) -> None:
        """Serves a stream until `reading` is over, whose error is raised, or this service is closed."""
        self._streams.add(stream)
        try:
            await stream.serve(reading)
        finally:
            self._streams.discard(stream)


async def _read_all(context: Context, stream: FrameStream) -> None:
    while True:
        data: Any = await context.read()
        if data is grpc.aio.EOF:  # type: ignore[attr-defined]
            return
        stream.receive(data)
        room = stream.room()
        if room is not None:
            await room
