"""The worker's half of BridgeService. What it does not define answers UNIMPLEMENTED."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, NoReturn

import grpc

from .calls import DrainingError
from .channel_options import CORRELATION_HEADER
from .failures import (
    ToolRaised,
    describe_bad_arguments,
    describe_exception,
    describe_exception_briefly,
    describe_malformed_argument,
    describe_unknown_tool,
)
from .gen import snakepit_bridge_pb2 as pb2
from .gen import snakepit_bridge_pb2_grpc as pb2_grpc
from .invocation import Invocation, read_profile, run_apart
from .serialization import EncodingError, decode_any, encode_any, is_binary
from .session_context import SessionContext
from .sessions import Sessions
from .streams import ChunkWriter, is_stream, iterate
from .tool_specs import Tool, read_tools, to_proto

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor

    from .adapter_loader import LoadedAdapter
    from .bridge_client import BridgeClient
    from .heartbeat import HeartbeatClient

    Context = grpc.aio.ServicerContext[Any, Any]


class BridgeServicer(pb2_grpc.BridgeServiceServicer):
    """Serves the tools of one adapter class."""

    def __init__(
        self,
        adapter: LoadedAdapter,
        heartbeat: HeartbeatClient,
        executor: Executor,
        bridge: BridgeClient | None,
    ) -> None:
        self._adapter = adapter
        self._profile = read_profile(adapter.cls)
        self._tools = read_tools(adapter.cls)
        self._heartbeat = heartbeat
        self._calls = heartbeat.calls
        self._executor = executor
        self._bridge = bridge
        self._sessions = Sessions()
        self._served = 0
        self._failed = 0

    async def Ping(self, request: pb2.PingRequest, context: Context) -> pb2.PingResponse:
        """Shows that the serving path answers, and tells how this worker is."""
        self._heartbeat.note_rpc()
        lag_ms = await _loop_lag_ms()
        response = pb2.PingResponse(message=f"pong: {request.message}", success=True)
        response.server_time.GetCurrentTime()
        known = self._heartbeat.statistics()
        statistics = response.statistics
        statistics.in_flight = known.in_flight
        statistics.served = self._served
        statistics.failed = self._failed
        statistics.uptime_ms = int(known.uptime_seconds * 1000)
        statistics.oldest_call_ms = int(known.oldest_call_ms)
        statistics.loop_lag_ms = lag_ms
        if request.HasField("client_time"):
            delay_ns = response.server_time.ToNanoseconds() - request.client_time.ToNanoseconds()
            # Nothing below zero: the caller's clock may be ahead.
            statistics.delay_ms = max(0, delay_ns) / 1e6
        return response

    async def InitializeSession(
        self, request: pb2.InitializeSessionRequest, context: Context
    ) -> pb2.InitializeSessionResponse:
        """Opens a session, or accepts one that is open."""
        self._sessions.open(request.session_id, request.metadata)
        tools = {name: to_proto(tool) for name, tool in self._tools.items()}
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
            session_id=request.session_id, metadata=session.metadata, tool_count=len(self._tools)
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
            tools=[to_proto(tool) for tool in self._tools.values()]
        )

    async def ExecuteTool(
        self, request: pb2.ExecuteToolRequest, context: Context
    ) -> pb2.ExecuteToolResponse:
        """Runs a tool to its end. What it raises is a response with success = false."""
        session = self._session_of(request, context)
        return await run_apart(self._execute(request, context, session), session)

    async def ExecuteStreamingTool(self, request: pb2.ExecuteToolRequest, context: Context) -> None:
        """Runs a tool that yields. What it raises ends the stream with INTERNAL."""
        session = self._session_of(request, context)
        await run_apart(self._execute_streaming(request, context, session), session)

    async def _execute(
        self, request: pb2.ExecuteToolRequest, context: Context, session: SessionContext
    ) -> pb2.ExecuteToolResponse:
        started = time.monotonic()
        try:
            with self._calls.enter():
                call, invocation = await self._prepare(request, context, session)
                async with invocation.instance() as adapter:
                    result = await call(adapter)
                response = _respond(result)
        except DrainingError:
            await _abort(context, grpc.StatusCode.UNAVAILABLE, "this worker is stopping")
        except ToolRaised as raised:
            response = _fail(raised.error, request)
        except EncodingError as error:
            response = _fail(error, request)
        self._count(answered=response.success)
        response.execution_time_ms = int((time.monotonic() - started) * 1000)
        return response

    async def _execute_streaming(
        self, request: pb2.ExecuteToolRequest, context: Context, session: SessionContext
    ) -> None:
        chunks = ChunkWriter(request.tool_name)
        try:
            with self._calls.enter():
                call, invocation = await self._prepare(request, context, session)
                async with invocation.instance() as adapter:
                    items = iterate(await call(adapter), invocation)
                    try:
                        async for item in items:
                            await context.write(chunks.make(item))
                    finally:
                        await items.aclose()
                if not chunks.finished:
                    await context.write(chunks.make_end())
            self._count(answered=True)
        except DrainingError:
            await _abort(context, grpc.StatusCode.UNAVAILABLE, "this worker is stopping")
        except ToolRaised as raised:
            self._count(answered=False)
            await _abort(context, grpc.StatusCode.INTERNAL, _describe(raised.error, request))
        except EncodingError as error:
            self._count(answered=False)
            await _abort(context, grpc.StatusCode.INTERNAL, _describe(error, request))

    def _count(self, *, answered: bool) -> None:
        if answered:
            self._served += 1
        else:
            self._failed += 1

    def _session_of(self, request: pb2.ExecuteToolRequest, context: Context) -> SessionContext:
        return SessionContext(request.session_id, _read_metadata(request, context), self._bridge)

    async def _prepare(
        self, request: pb2.ExecuteToolRequest, context: Context, session: SessionContext
    ) -> tuple[Callable[[Any], Any], Invocation]:
        arguments = await _read_arguments(request, context)
        flag = session.request_metadata.get("thread_sensitive", "")
        on_loop = flag.lower() in ("1", "true", "yes")
        invocation = Invocation(self._profile, self._executor, session, on_loop=on_loop)
        if self._adapter.dispatches_itself:
            name = request.tool_name
            return (
                lambda adapter: invocation.run(
                    lambda: adapter.execute_tool(name, arguments, session)
                ),
                invocation,
            )
        tool = await self._find_tool(request.tool_name, context)
        problem = tool.mismatch(arguments)
        if problem is not None:
            details = describe_bad_arguments(tool, problem)
            await _abort(context, grpc.StatusCode.INVALID_ARGUMENT, details)
        return (
            lambda adapter: invocation.run(
                lambda: getattr(adapter, tool.name)(**arguments), on_loop=tool.is_async
            ),
            invocation,
        )

    async def _find_tool(self, name: str, context: Context) -> Tool:
        tool = self._tools.get(name)
        if tool is None:
            await _abort(
                context, grpc.StatusCode.NOT_FOUND, describe_unknown_tool(name, self._tools)
            )
        return tool


async def _loop_lag_ms() -> float:
    """How long the event loop takes for one turn, now."""
    started = time.monotonic()
    await asyncio.sleep(0)
    return (time.monotonic() - started) * 1000


async def _abort(context: Context, code: grpc.StatusCode, details: str) -> NoReturn:
    await context.abort(code, details)
    raise AssertionError("abort raises")


async def _read_arguments(request: pb2.ExecuteToolRequest, context: Context) -> dict[str, Any]:
    arguments: dict[str, Any] = {}
    for name, message in request.parameters.items():
        try:
            arguments[name] = decode_any(message)
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


def _respond(result: Any) -> pb2.ExecuteToolResponse:
    if is_binary(result):
        return pb2.ExecuteToolResponse(success=True, binary_result=bytes(result))
    if is_stream(result):
        raise EncodingError("the tool returned an iterator: call it as a stream, or return a list")
    return pb2.ExecuteToolResponse(success=True, result=encode_any(result))


def _fail(error: BaseException, request: pb2.ExecuteToolRequest) -> pb2.ExecuteToolResponse:
    message = describe_exception(error, request.tool_name, request.session_id)
    return pb2.ExecuteToolResponse(success=False, error_message=message)


def _describe(error: BaseException, request: pb2.ExecuteToolRequest) -> str:
    return describe_exception_briefly(error, request.tool_name, request.session_id)
