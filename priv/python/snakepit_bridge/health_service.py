"""The standard `grpc.health.v1.Health` of a worker.

Its two messages are read and written here, not by generated code: an adapter may import the package
`grpc_health`, which registers the same names, and protobuf accepts them only once in a process.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import grpc

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SERVING = 1
NOT_SERVING = 2
SERVICE_UNKNOWN = 3

# The server as a whole, and the only service of it that has work to do.
_SERVICES = frozenset(("", "snakepit.bridge.BridgeService"))
_LENGTH_DELIMITED = 2
_WATCHERS_MAX = 64


class HealthService:
    """Whether this worker serves. Use it on the event loop."""

    def __init__(self) -> None:
        self._status = NOT_SERVING
        self._changed = asyncio.Event()
        self._watchers = 0

    def set_serving(self, is_serving: bool) -> None:
        """Tells all who watch."""
        self._status = SERVING if is_serving else NOT_SERVING
        self._changed.set()
        self._changed = asyncio.Event()

    def handler(self) -> grpc.GenericRpcHandler[Any, Any]:
        """For `add_generic_rpc_handlers`."""
        return grpc.method_handlers_generic_handler(
            "grpc.health.v1.Health",
            {
                "Check": grpc.unary_unary_rpc_method_handler(
                    self._check, read_service, write_status
                ),
                "Watch": grpc.unary_stream_rpc_method_handler(
                    self._watch, read_service, write_status
                ),
            },
        )

    async def _check(self, service: str, context: grpc.aio.ServicerContext[Any, Any]) -> int:
        if service not in _SERVICES:
            await context.abort(grpc.StatusCode.NOT_FOUND, f"there is no service {service!r}")
        return self._status

    async def _watch(
        self, service: str, context: grpc.aio.ServicerContext[Any, Any]
    ) -> AsyncIterator[int]:
        if self._watchers >= _WATCHERS_MAX:
            await context.abort(
                grpc.StatusCode.RESOURCE_EXHAUSTED, f"{_WATCHERS_MAX} watch already"
            )
        self._watchers += 1
        try:
            while True:
                changed = self._changed
                yield self._status if service in _SERVICES else SERVICE_UNKNOWN
                await changed.wait()
        finally:
            self._watchers -= 1


def read_service(message: bytes) -> str:
    """The only field of a `HealthCheckRequest`; those of later versions are passed over. Raises ValueError."""
    service = ""
    at = 0
    while at < len(message):
        tag, at = _read_varint(message, at)
        if tag & 7 == _LENGTH_DELIMITED:
            length, at = _read_varint(message, at)
            if at + length > len(message):
                raise ValueError("a field of the message is cut off")
            if tag >> 3 == 1:
                service = message[at : at + length].decode("utf-8")
            at += length
        elif tag & 7 == 0:
            _, at = _read_varint(message, at)
        else:
            raise ValueError(f"a field of the message has the unknown kind {tag & 7}")
    return service


def write_status(status: int) -> bytes:
    """A `HealthCheckResponse`."""
    return bytes((1 << 3, status))


def _read_varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(message) and shift < 64:
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:
            return value, at
        shift += 7
    raise ValueError("a number in the message has no end")
