"""The worker's half of BridgeService, one RPC for one call. What it does not define answers
UNIMPLEMENTED; calls in frames are in `frames`."""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from typing import TYPE_CHECKING, Any, NoReturn

import grpc

from .channel_options import CORRELATION_HEADER
from .failures import describe_exception, describe_exception_briefly, describe_malformed_argument
from .gen import snakepit_bridge_pb2 as pb2
from .gen import snakepit_bridge_pb2_grpc as pb2_grpc
from .ping_answers import answer_ping
from .serialization import JSON_TYPE_URL, decode_any
from .sessions import MetadataTooLargeError, Sessions
from .streams import Credit
from .telemetry import outbox
from .telemetry_stream import stream_events
from .tool_call import Call, Failure, Value
from .tool_runner import ToolRunner
from .tool_specs import to_proto

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from .heartbeat import HeartbeatClient
    from .session_context import SessionContext
    from .streams import Chunk

    Context = grpc.aio.ServicerContext[Any, Any]

# How far a generator may be ahead of what HTTP/2 has taken.
CHUNKS_AHEAD = 16
_BINARY_CHUNK = {"content_type": "application/octet-stream"}
# Metadata of a call: how many milliseconds its caller will wait. With a deadline of gRPC the call would
# end in two ways at the same time.
_TIMEOUT = "snakepit_timeout_ms"
_STATUS = {code.value[0]: code for code in grpc.StatusCode}


class BridgeServicer(pb2_grpc.BridgeServiceServicer):
    """Serves the tools of one adapter class."""

    def __init__(self, runner: ToolRunner, sessions: Sessions, heartbeat: HeartbeatClient) -> None:
        self._runner = runner
        self._sessions = sessions
        self._heartbeat = heartbeat

    async def Ping(self, request: pb2.PingRequest, context: Context) -> pb2.PingResponse:
        """Shows that the serving path answers, and tells how this worker is."""
        response = pb2.PingResponse()
        lag_ms = await _loop_lag_ms()
        answer_ping(request, response, self._heartbeat, self._runner, lag_ms)
        return response

    async def InitializeSession(
        self, request: pb2.InitializeSessionRequest, context: Context
    ) -> pb2.InitializeSessionResponse:
        """Opens a session, or accepts one that is open."""
        try:
            self._sessions.open(request.session_id, request.metadata)
        except MetadataTooLargeError as error:
            return pb2.InitializeSessionResponse(success=False, error_message=str(error))
        tools = {name: to_proto(tool) for name, tool in self._runner.tools.items()}
        return pb2.InitializeSessionResponse(success=True, available_tools=tools)

    async def CleanupSession(
        self, request: pb2.CleanupSessionRequest, context: Context
    ) -> pb2.CleanupSessionResponse:
        """Closes a session; one that is not open is closed already."""
        closed = self._sessions.close(request.session_id)
        return pb2.CleanupSessionResponse(success=True, resources_cleaned=int(closed))

    async def GetSession(
        self, request: pb2.GetSessionRequest, context: Context
    ) -> pb2.GetSessionResponse:
        """What is known of a session; NOT_FOUND when it is not open here."""
        session = self._sessions.find(request.session_id)
        if session is None:
            await _abort(context, grpc.StatusCode.NOT_FOUND, f"no session {request.session_id!r}")
        response = pb2.GetSessionResponse(
            session_id=request.session_id,
            metadata=session.metadata,
            tool_count=len(self._runner.tools),
        )
        response.created_at.FromNanoseconds(int(session.created_at * 1e9))
        return response

    async def Heartbeat(
        self, request: pb2.HeartbeatRequest, context: Context
    ) -> pb2.HeartbeatResponse:
        """Says whether a session is open here, and keeps it."""
        valid = self._sessions.find(request.session_id) is not None
        response = pb2.HeartbeatResponse(session_valid=valid)
        response.server_time.GetCurrentTime()
        return response

    async def GetExposedElixirTools(
        self, request: pb2.GetExposedElixirToolsRequest, context: Context
    ) -> pb2.GetExposedElixirToolsResponse:
        """Lists this worker's own tools: it has no functions of the host to offer."""
        return pb2.GetExposedElixirToolsResponse(
            tools=[to_proto(tool) for tool in self._runner.tools.values()]
        )

    async def ExecuteTool(
        self, request: pb2.ExecuteToolRequest, context: Context
    ) -> pb2.ExecuteToolResponse:
        """Runs a tool to its end. What it raises is a response with success = false."""
        answer = _Answer()
        call = await self._start(request, context, answer, None)
        try:
            while answer.has_to_wait():
                await answer.wait()
        except asyncio.CancelledError:
            await self._let_go(call, answer)
            raise
        failure = answer.failure
        if failure is not None and failure.error is None:
            await _abort(context, _STATUS[failure.status], failure.details)
        response = _respond(request, answer.value, failure)
        response.execution_time_ms = int(answer.seconds * 1000)
        return response

    async def ExecuteStreamingTool(self, request: pb2.ExecuteToolRequest, context: Context) -> None:
        """Runs a tool that yields. What it raises ends the stream with INTERNAL."""
        answer = _Answer()
        credit = Credit(CHUNKS_AHEAD)
        call = await self._start(request, context, answer, credit)
        writer = _ChunkWriter(request.tool_name)
        try:
            while answer.has_to_wait():
                await answer.wait()
                while answer.chunks:
                    await context.write(writer.make(answer.chunks.popleft()))
                    credit.grant(1)
        except BaseException:
            await self._let_go(call, answer)
            raise
        failure = answer.failure
        if failure is not None:
            await _abort_stream(context, request, failure)
        elif not writer.finished:
            await context.write(writer.make_end())

    async def StreamTelemetry(
        self, requests: AsyncIterator[pb2.TelemetryControl], _context: Context
    ) -> AsyncIterator[pb2.TelemetryEvent]:
        """Events of this worker as they come; the latest stream has them."""
        async for event in stream_events(outbox, requests):
            yield event

    async def _start(
        self,
        request: pb2.ExecuteToolRequest,
        context: Context,
        answer: _Answer,
        credit: Credit | None,
    ) -> Call:
        arguments = await _read_arguments(request, context)
        session = self._session_of(request, context)
        call = Call(0, request.tool_name, arguments, session, answer, credit)
        self._runner.start(call)
        return call

    def _session_of(self, request: pb2.ExecuteToolRequest, context: Context) -> SessionContext:
        metadata = _read_metadata(request, context)
        limits = [context.time_remaining(), _read_timeout(metadata)]
        seconds: float = min((each for each in limits if each is not None), default=math.inf)
        deadline = None if seconds == math.inf else time.monotonic() + seconds
        return self._runner.session(request.session_id, metadata, deadline)

    async def _let_go(self, call: Call, answer: _Answer) -> None:
        """Cancels a call whose caller is gone, and waits until the tool has let go of it."""
        self._runner.cancel(call)
        while not answer.is_over:
            answer.chunks.clear()
            try:
                await answer.wait()
            except asyncio.CancelledError:
                continue


class _Answer:
    """Collects what becomes of one call."""

    def __init__(self) -> None:
        self.chunks: deque[Chunk] = deque()
        self.value: Value | None = None
        self.failure: Failure | None = None
        self.seconds = 0.0
        self.is_over = False
        self._waiter: asyncio.Future[None] | None = None

    def send(self, call: Call, chunk: Chunk) -> None:
        self.chunks.append(chunk)
        self._wake()

    def answer(self, call: Call, text: bytes, seconds: float) -> None:
        self.end(call, Value(text, []), None, seconds)

    def end(self, call: Call, value: Value | None, failure: Failure | None, seconds: float) -> None:
        self.value, self.failure, self.seconds = value, failure, seconds
        self.is_over = True
        self._wake()

    def has_to_wait(self) -> bool:
        """Whether there is something to come or to be taken."""
        return bool(self.chunks) or not self.is_over

    async def wait(self) -> None:
        """Until there is something new, if there is nothing yet."""
        if not self.chunks and not self.is_over:
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class _ChunkWriter:
    """Numbers the chunks of one stream, and knows whether one was final."""

    def __init__(self, tool_name: str) -> None:
        self._tool_name = tool_name
        self._count = 0
        self.finished = False

    def make(self, chunk: Chunk) -> pb2.ToolChunk:
        """The next chunk."""
        self.finished = self.finished or chunk.is_final
        if not chunk.json and len(chunk.attachments) == 1:
            return pb2.ToolChunk(
                chunk_id=self._next_id(),
                data=bytes(chunk.attachments[0]),
                is_final=chunk.is_final,
                metadata={**_BINARY_CHUNK, **chunk.metadata},
            )
        return pb2.ToolChunk(
            chunk_id=self._next_id(),
            data=chunk.json,
            is_final=chunk.is_final,
            metadata=chunk.metadata,
            attachments=[bytes(item) for item in chunk.attachments],
        )

    def make_end(self) -> pb2.ToolChunk:
        """An empty last chunk, for a tool that marked none."""
        self.finished = True
        return pb2.ToolChunk(chunk_id=self._next_id(), is_final=True)

    def _next_id(self) -> str:
        self._count += 1
        return f"{self._tool_name}-{self._count}"


async def _abort(context: Context, code: grpc.StatusCode, details: str) -> NoReturn:
    await context.abort(code, details)
    raise AssertionError("abort raises")


async def _abort_stream(
    context: Context, request: pb2.ExecuteToolRequest, failure: Failure
) -> None:
    if failure.error is None:
        await _abort(context, _STATUS[failure.status], failure.details)
    details = describe_exception_briefly(failure.error, request.tool_name, request.session_id)
    await _abort(context, grpc.StatusCode.INTERNAL, details)


async def _read_arguments(request: pb2.ExecuteToolRequest, context: Context) -> dict[str, Any]:
    arguments: dict[str, Any] = {}
    for name, message in request.parameters.items():
        try:
            arguments[name] = decode_any(message, request.attachments)
        except ValueError as error:
            details = describe_malformed_argument(request.tool_name, name, str(error))
            await _abort(context, grpc.StatusCode.INVALID_ARGUMENT, details)
    arguments.update(request.binary_parameters)
    return arguments


def _read_metadata(request: pb2.ExecuteToolRequest, context: Context) -> dict[str, str]:
    """The request's metadata; the header's correlation id where it brings none of its own."""
    metadata = dict(request.metadata)
    if "correlation_id" not in metadata:
        headers: dict[str, Any] = dict(context.invocation_metadata() or ())
        if CORRELATION_HEADER in headers:
            metadata["correlation_id"] = str(headers[CORRELATION_HEADER])
    return metadata


def _read_timeout(metadata: dict[str, str]) -> float | None:
    """Takes out how many seconds the caller will wait; it is nothing that tools look for there."""
    text = metadata.pop(_TIMEOUT, "")
    return int(text) / 1000 if text.isascii() and text.isdigit() else None


def _respond(
    request: pb2.ExecuteToolRequest, value: Value | None, failure: Failure | None
) -> pb2.ExecuteToolResponse:
    if failure is not None and failure.error is not None:
        message = describe_exception(failure.error, request.tool_name, request.session_id)
        return pb2.ExecuteToolResponse(success=False, error_message=message)
    response = pb2.ExecuteToolResponse(success=True)
    if value is not None and not value.json and len(value.attachments) == 1:
        response.binary_result = bytes(value.attachments[0])
    elif value is not None:
        response.result.type_url = JSON_TYPE_URL
        response.result.value = value.json
        response.attachments.extend(bytes(item) for item in value.attachments)
    return response


async def _loop_lag_ms() -> float:
    """How long the event loop takes for one turn, now."""
    started = time.monotonic()
    await asyncio.sleep(0)
    return (time.monotonic() - started) * 1000
