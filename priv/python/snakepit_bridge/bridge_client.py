"""Calls from Python to functions of the Node application."""

from __future__ import annotations

import asyncio
import os
import threading
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn
from weakref import WeakKeyDictionary

import grpc
import grpc.aio

from .channel_options import CHANNEL_OPTIONS, TOKEN_HEADER
from .gen import snakepit_bridge_pb2 as pb2
from .gen import snakepit_bridge_pb2_grpc as pb2_grpc
from .node_errors import (
    BridgeUnavailableError,
    NodeCallCancelledError,
    NodeCallTimeoutError,
    NodeToolError,
    read_failure,
)
from .serialization import JSON_TYPE_URL, decode_any, decode_value, encode_any, encode_value
from .tracing import calling_node

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .beats import BridgeAddress
    from .session_context import SessionContext

__all__ = ["BridgeClient", "BridgeUnavailableError", "NodeToolError"]

# Metadata of a call: how many calls it is inside of, who calls, and that markers are understood.
DEPTH = "snakepit_depth"
CALLER = "snakepit_worker"
VALUES = "snakepit_values"
# How much later than its caller a tool gives up by itself, in seconds.
_GRACE_SECONDS = 5.0
# Metadata of an answer: what failed, with class, code, stack and causes.
FAILURE = "failure"


class _Call(NamedTuple):
    """One call, ready to be sent."""

    request: pb2.ExecuteElixirToolRequest
    timeout: float | None


class BridgeClient:
    """One connection to the runtime's bridge per kind of caller, opened at first use."""

    def __init__(
        self, bridge: BridgeAddress, knows_markers: bool = True, worker: str | None = None
    ) -> None:
        """`knows_markers`: whether the runtime takes values that JSON lacks."""
        self._address = bridge.address
        self._metadata = ((TOKEN_HEADER, bridge.token),) if bridge.token else ()
        self._knows_markers = knows_markers
        self._worker = os.environ.get("SNAKEPIT_WORKER", "") if worker is None else worker
        self._lock = threading.Lock()
        self._sync: Any = None
        self._async: WeakKeyDictionary[asyncio.AbstractEventLoop, Any] = WeakKeyDictionary()

    def execute(
        self,
        session: SessionContext,
        name: str,
        arguments: Mapping[str, object],
        timeout: float | None,
    ) -> Any:
        """Calls a function and waits; for tools that are not `async`.

        Raises NodeToolError, BridgeUnavailableError, or EncodingError for arguments that cannot be
        sent.
        """
        with calling_node(session, name) as trace:
            call = self._prepare(session, name, arguments, timeout, trace)
            running = self._sync_stub().ExecuteElixirTool.future(
                call.request, timeout=call.timeout, metadata=self._metadata
            )
            with session.cancelling(running.cancel):
                try:
                    response = running.result()
                except (grpc.RpcError, grpc.FutureCancelledError) as error:
                    _translate(error, name, call, cancelled=session.cancelled)
            return self._read(response)

    async def aexecute(
        self,
        session: SessionContext,
        name: str,
        arguments: Mapping[str, object],
        timeout: float | None,
    ) -> Any:
        """The same for `async` tools."""
        with calling_node(session, name) as trace:
            call = self._prepare(session, name, arguments, timeout, trace)
            try:
                response = await self._async_stub().ExecuteElixirTool(
                    call.request, timeout=call.timeout, metadata=self._metadata
                )
            except grpc.RpcError as error:
                _translate(error, name, call, cancelled=session.cancelled)
            if response is None:  # how gRPC says here that it could not be read
                problem = f"call of {name!r} failed: its answer is damaged"
                raise NodeToolError(problem, code="PROTOCOL")
            return self._read(response)

    def list_tools(self, session_id: str, timeout: float | None) -> dict[str, str]:
        """Names and descriptions of the functions a session may call."""
        request = pb2.GetExposedElixirToolsRequest(session_id=session_id)
        try:
            response = self._sync_stub().GetExposedElixirTools(
                request, timeout=timeout, metadata=self._metadata
            )
        except grpc.RpcError as error:
            _translate(error, "list of tools")
        return {tool.name: tool.description for tool in response.tools}

    def register_tools(
        self, session_id: str, tools: list[pb2.ToolRegistration], timeout: float | None
    ) -> dict[str, str]:
        """Tells the runtime that tools of this worker belong to a session; returns their ids.

        Raises NodeToolError when it refuses them.
        """
        request = pb2.RegisterToolsRequest(
            session_id=session_id, tools=tools, worker_id=self._worker
        )
        try:
            response = self._sync_stub().RegisterTools(
                request, timeout=timeout, metadata=self._metadata
            )
        except grpc.RpcError as error:
            _translate(error, "registration of tools")
        if not response.success:
            raise NodeToolError(response.error_message, code="INVALID_ARGUMENT")
        return dict(response.tool_ids)

    def _prepare(
        self,
        session: SessionContext,
        name: str,
        arguments: Mapping[str, object],
        timeout: float | None,
        trace: Mapping[str, str],
    ) -> _Call:
        known = session.request_metadata
        # The call of this tool is one more, whoever made it.
        depth = known.get(DEPTH, "")
        depth = str((int(depth) if depth.isdigit() else 0) + 1)
        metadata = {**trace, DEPTH: depth, CALLER: self._worker}
        if "correlation_id" in known:
            metadata["correlation_id"] = known["correlation_id"]
        request = pb2.ExecuteElixirToolRequest(session_id=session.session_id, tool_name=name)
        if self._knows_markers:
            metadata[VALUES] = "1"
            # All of them as one value, so that they share their attachments.
            text, attachments = encode_value(dict(arguments))
            request.parameters[""].type_url = JSON_TYPE_URL
            request.parameters[""].value = text
            request.attachments.extend(bytes(item) for item in attachments)
        else:
            for key, value in arguments.items():
                request.parameters[key].CopyFrom(encode_any(value))
        request.metadata.update(metadata)
        remaining = session.remaining()
        if remaining is None or (timeout is not None and timeout <= remaining):
            return _Call(request, timeout)
        # Whoever called this tool ends it when its time is over; we only make sure.
        request.metadata["timeout_ms"] = str(int(remaining * 1000))
        return _Call(request, remaining + _GRACE_SECONDS)

    def _read(self, response: pb2.ExecuteElixirToolResponse) -> Any:
        if not response.success:
            raise read_failure(response.error_message, response.metadata.get(FAILURE))
        if not response.HasField("result"):
            return None
        if self._knows_markers:
            return decode_value(response.result.value, response.attachments)
        return decode_any(response.result)

    def _sync_stub(self) -> Any:
        with self._lock:  # tools run in several threads
            if self._sync is None:
                channel = grpc.insecure_channel(self._address, options=CHANNEL_OPTIONS)
                self._sync = pb2_grpc.BridgeServiceStub(channel)
            return self._sync

    def _async_stub(self) -> Any:
        # A channel belongs to the loop in which it was opened, and a tool may run one of its own.
        loop = asyncio.get_running_loop()
        with self._lock:
            stub = self._async.get(loop)
            if stub is None:
                channel = grpc.aio.insecure_channel(self._address, options=CHANNEL_OPTIONS)
                stub = self._async[loop] = pb2_grpc.BridgeServiceStub(channel)
            return stub


def require_no_loop(name: str) -> None:
    """Raises RuntimeError on a thread that runs an event loop: it would stand still while the tool
    waits, and a function of Node that calls this worker would wait for it for ever."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise RuntimeError(
        f"call_node_tool({name!r}) would stop the event loop of this worker: "
        "in `async` code write `await session_context.acall_node_tool(...)`"
    )


_NOBODY = (
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.UNAUTHENTICATED,
    grpc.StatusCode.CANCELLED,  # not by us: it is stopping
)
_CODES = {
    grpc.StatusCode.NOT_FOUND: "TOOL_NOT_FOUND",
    grpc.StatusCode.PERMISSION_DENIED: "TOOL_NOT_FOUND",
    grpc.StatusCode.INVALID_ARGUMENT: "INVALID_ARGUMENT",
    grpc.StatusCode.RESOURCE_EXHAUSTED: "MESSAGE_TOO_LARGE",
}


def _translate(
    error: Any, name: str, call: _Call | None = None, *, cancelled: bool = False
) -> NoReturn:
    if cancelled:
        raise NodeCallCancelledError(name) from error
    code, details = error.code(), error.details()
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        raise NodeCallTimeoutError(name, call.timeout if call else None) from error
    if code in _NOBODY:
        raise BridgeUnavailableError(
            f"the runtime's bridge cannot be used: {code.name}: {details}"
        ) from error
    raise NodeToolError(
        f"call of {name!r} failed: {code.name}: {details}", code=_CODES.get(code, "PROTOCOL")
    ) from error
