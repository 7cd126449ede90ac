"""Calls from Python to functions of the Node application."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio

from .channel_options import CHANNEL_OPTIONS, TOKEN_HEADER
from .gen import snakepit_bridge_pb2 as pb2
from .gen import snakepit_bridge_pb2_grpc as pb2_grpc
from .serialization import decode_any, encode_any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .beats import BridgeAddress


class BridgeUnavailableError(RuntimeError):
    """Node functions cannot be called: this worker has no bridge, or nobody answers there."""


class NodeToolError(RuntimeError):
    """The Node function failed; the message is the host's."""


class BridgeClient:
    """One connection to the runtime's bridge per kind of caller, opened at first use."""

    def __init__(self, bridge: BridgeAddress) -> None:
        self._address = bridge.address
        self._metadata = ((TOKEN_HEADER, bridge.token),) if bridge.token else ()
        self._lock = threading.Lock()
        self._sync: Any = None
        self._async: Any = None

    def execute(
        self, session_id: str, name: str, arguments: Mapping[str, object], timeout: float | None
    ) -> Any:
        """Calls a function and waits; for tools that are not `async`.

        Raises NodeToolError, BridgeUnavailableError, or EncodingError for arguments JSON cannot
        express.
        """
        request = _make_request(session_id, name, arguments)
        try:
            response = self._sync_stub().ExecuteElixirTool(
                request, timeout=timeout, metadata=self._metadata
            )
        except grpc.RpcError as error:
            raise _translate(error, name) from error
        return _read_response(response)

    async def aexecute(
        self, session_id: str, name: str, arguments: Mapping[str, object], timeout: float | None
    ) -> Any:
        """The same for `async` tools."""
        request = _make_request(session_id, name, arguments)
        try:
            response = await self._async_stub().ExecuteElixirTool(
                request, timeout=timeout, metadata=self._metadata
            )
        except grpc.RpcError as error:
            raise _translate(error, name) from error
        return _read_response(response)

    def list_tools(self, session_id: str) -> dict[str, str]:
        """Names and descriptions of the functions a session may call."""
        request = pb2.GetExposedElixirToolsRequest(session_id=session_id)
        try:
            response = self._sync_stub().GetExposedElixirTools(request, metadata=self._metadata)
        except grpc.RpcError as error:
            raise _translate(error, "list of tools") from error
        return {tool.name: tool.description for tool in response.tools}

    def _sync_stub(self) -> Any:
        with self._lock:  # tools run in several threads
            if self._sync is None:
                channel = grpc.insecure_channel(self._address, options=CHANNEL_OPTIONS)
                self._sync = pb2_grpc.BridgeServiceStub(channel)
            return self._sync

    def _async_stub(self) -> Any:
        if self._async is None:
            channel = grpc.aio.insecure_channel(self._address, options=CHANNEL_OPTIONS)
            self._async = pb2_grpc.BridgeServiceStub(channel)
        return self._async


def _make_request(
    session_id: str, name: str, arguments: Mapping[str, object]
) -> pb2.ExecuteElixirToolRequest:
    parameters = {key: encode_any(value) for key, value in arguments.items()}
    return pb2.ExecuteElixirToolRequest(
        session_id=session_id, tool_name=name, parameters=parameters
    )


def _read_response(response: pb2.ExecuteElixirToolResponse) -> Any:
    if not response.success:
        raise NodeToolError(response.error_message)
    return decode_any(response.result) if response.HasField("result") else None


def _translate(error: grpc.RpcError, name: str) -> RuntimeError:
    code, details = error.code(), error.details()
    if code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.UNAUTHENTICATED):
        return BridgeUnavailableError(
            f"the runtime's bridge cannot be used: {code.name}: {details}"
        )
    return NodeToolError(f"call of {name!r} failed: {code.name}: {details}")
