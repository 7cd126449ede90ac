"""The gRPC server of a worker: where it listens, who may call, how it stops."""

from __future__ import annotations

import asyncio
import hmac
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio

from .channel_options import CHANNEL_OPTIONS, TOKEN_HEADER
from .gen import snakepit_bridge_pb2_grpc as pb2_grpc
from .servicer import BridgeServicer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from .adapter_loader import LoadedAdapter
    from .bridge_client import BridgeClient
    from .heartbeat import HeartbeatClient

DRAIN_SECONDS = 2.0
# The pool decides how many calls run at a time, up to this; a thread is made only when none is idle.
SYNC_THREADS = 1000
# sun_path has 108 bytes on Linux and 104 elsewhere, the final zero included.
_MAX_SOCKET_PATH_BYTES = 103


class ListenError(Exception):
    """The server cannot listen where it was told to."""


class TokenInterceptor(grpc.aio.ServerInterceptor):  # type: ignore[type-arg]
    """Refuses every call that does not carry the worker's token."""

    def __init__(self, token: str) -> None:
        self._token = token.encode("utf-8")

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        """The real handler for those who know the token, a refusing one for others."""
        if self._is_known(handler_call_details):
            return await continuation(handler_call_details)
        return _REFUSE

    def _is_known(self, details: grpc.HandlerCallDetails) -> bool:
        for key, value in details.invocation_metadata or ():
            if key == TOKEN_HEADER:
                given = value if isinstance(value, bytes) else value.encode("utf-8")
                return hmac.compare_digest(given, self._token)
        return False


async def _refuse(_requests: object, context: grpc.aio.ServicerContext[Any, Any]) -> None:
    await context.abort(
        grpc.StatusCode.UNAUTHENTICATED, f"the header {TOKEN_HEADER} is missing or wrong"
    )


# One handler refuses calls of every kind; this kind waits for no message of the client.
_REFUSE: Any = grpc.stream_stream_rpc_method_handler(_refuse)


class WorkerServer:
    """One worker's server. Make and use it on the event loop."""

    def __init__(
        self,
        adapter: LoadedAdapter,
        heartbeat: HeartbeatClient,
        *,
        token: str | None,
        bridge: BridgeClient | None,
    ) -> None:
        self._calls = heartbeat.calls
        self._executor = ThreadPoolExecutor(SYNC_THREADS, thread_name_prefix="snakepit-tool")
        self._server = grpc.aio.server(
            interceptors=[TokenInterceptor(token)] if token is not None else [],
            # Two servers on one port would share its calls.
            options=[*CHANNEL_OPTIONS, ("grpc.so_reuseport", 0)],
        )
        servicer = BridgeServicer(adapter, heartbeat, self._executor, bridge)
        pb2_grpc.add_BridgeServiceServicer_to_server(servicer, self._server)

    async def start(self, listen: str) -> str:
        """Listens on `unix:/path` or `tcp:host:port` and returns the address to connect to.

        Raises ListenError.
        """
        kind, _, place = listen.partition(":")
        if kind == "unix":
            address = self._bind_unix(place)
        elif kind == "tcp":
            address = self._bind_tcp(place)
        else:
            raise ListenError(
                f"cannot listen on {listen!r}: only unix:/path and tcp:host:port are known"
            )
        await self._server.start()
        return address

    def _bind_unix(self, path: str) -> str:
        length = len(os.fsencode(path))
        if length > _MAX_SOCKET_PATH_BYTES:
            raise ListenError(
                f"the socket path {path!r} has {length} bytes; the system allows {_MAX_SOCKET_PATH_BYTES}"
            )
        # Private from the first instant, not only after chmod.
        mask = os.umask(0o177)
        try:
            self._bind(f"unix:{path}")
        finally:
            os.umask(mask)
        os.chmod(path, stat.S_IRUSR | stat.S_IWUSR)
        return f"unix:{path}"

    def _bind_tcp(self, place: str) -> str:
        host = place.rpartition(":")[0]
        if host not in ("127.0.0.1", "localhost", "[::1]"):
            raise ListenError(f"refusing to listen on {host!r}: workers listen on loopback only")
        return f"{host}:{self._bind(place)}"

    def _bind(self, address: str) -> int:
        try:
            port: int = self._server.add_insecure_port(address)
        except RuntimeError as error:
            raise ListenError(f"cannot listen on {address}: {error}") from error
        if port == 0:
            raise ListenError(f"cannot listen on {address}")
        return port

    async def stop(self) -> None:
        """Refuses new calls, gives those in flight DRAIN_SECONDS, cancels the rest."""
        await self._calls.drain(DRAIN_SECONDS)
        await self._server.stop(None)
        self._executor.shutdown(wait=False, cancel_futures=True)

    async def serve_until(self, stopping: asyncio.Event) -> None:
        """Serves until the event is set, then stops gracefully."""
        await stopping.wait()
        await self.stop()
