"""The gRPC server of a worker: where it listens, who may call, how it stops."""

from __future__ import annotations

import asyncio
import hmac
import os
import platform
import stat
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio

from .call_socket import CallSocket, serve_connection
from .channel_options import CHANNEL_OPTIONS, TOKEN_HEADER
from .frame_service import FrameLimits, FrameService
from .gen import snakepit_bridge_pb2_grpc as pb2_grpc
from .health_service import HealthService
from .listening_host import LOOPBACK
from .serialization import Encode, encode_value
from .servicer import BridgeServicer
from .sessions import Sessions
from .telemetry import emit, outbox
from .tool_runner import ToolRunner
from .tool_threads import ToolThreads

if TYPE_CHECKING:
    import socket
    from collections.abc import Awaitable, Callable

    from .adapter_loader import LoadedAdapter
    from .bridge_client import BridgeClient
    from .heartbeat import HeartbeatClient
    from .listening_host import TlsMaterial

DRAIN_SECONDS = 2.0
# For answers that are made and not yet on their way.
FLUSH_SECONDS = 0.5
# The pool decides how many calls run at a time, up to this; a thread is made only when none is idle.
SYNC_THREADS = 1000
# sun_path has 108 bytes on Linux and 104 elsewhere, the final zero included.
MAX_SOCKET_PATH_BYTES = 103


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


def _credentials(tls: TlsMaterial) -> grpc.ServerCredentials:
    return grpc.ssl_server_credentials(
        [(tls.key, tls.certificate)],
        root_certificates=tls.client_ca,
        require_client_auth=tls.client_ca is not None,
    )


class WorkerServer:
    """One worker's server. Make and use it on the event loop."""

    def __init__(
        self,
        adapter: LoadedAdapter,
        heartbeat: HeartbeatClient,
        *,
        token: str | None,
        bridge: BridgeClient | None,
        limits: FrameLimits | None = None,
        encode: Encode = encode_value,
    ) -> None:
        self._calls = heartbeat.calls
        self._heartbeat = heartbeat
        self._threads = ToolThreads(SYNC_THREADS)
        self._token = token
        # Made when it is needed: its threads wake up some five times a second for ever.
        self._server: grpc.aio.Server | None = None
        self._starting: asyncio.Future[None] | None = None
        self._is_stopped = False
        sessions = Sessions()
        runner = self._runner = ToolRunner(
            adapter, heartbeat.calls, self._threads, sessions, bridge, encode=encode
        )
        self.tools_fingerprint = runner.tools_fingerprint
        """Changes with the interface of the tools."""
        self._frames = FrameService(runner, sessions, heartbeat, limits)
        self._calls_socket: CallSocket | None = None
        self._health = HealthService()
        self._servicer = BridgeServicer(runner, sessions, heartbeat)

    def _make(self) -> grpc.aio.Server:
        server = grpc.aio.server(
            interceptors=[TokenInterceptor(self._token)] if self._token is not None else [],
            # Two servers on one port would share its calls.
            options=[*CHANNEL_OPTIONS, ("grpc.so_reuseport", 0)],
        )
        # First, because it takes `Frames` from the rest of the contract.
        server.add_generic_rpc_handlers((self._frames.handler(),))
        server.add_generic_rpc_handlers((self._health.handler(),))
        pb2_grpc.add_BridgeServiceServicer_to_server(self._servicer, server)
        return server

    async def start(self, listen: str, tls: TlsMaterial | None = None) -> str:
        """Listens on `unix:/path` or `tcp:host:port` and returns the address to connect to.

        Beyond loopback only with TLS. Raises ListenError.
        """
        if self._is_stopped:
            raise ListenError("the worker is stopping")
        server = self._make()
        kind, _, place = listen.partition(":")
        if kind == "unix":
            # While tools work their files must not become private; the directory of the socket is.
            address = _bind_unix(server, place, with_mask=self._calls_socket is None)
        elif kind == "tcp":
            address = _bind_tcp(server, place, tls)
        else:
            raise ListenError(
                f"cannot listen on {listen!r}: only unix:/path and tcp:host:port are known"
            )
        self._server = server
        await server.start()
        self._health.set_serving(not self._is_stopped)
        return address

    def is_listening(self) -> bool:
        """Whether there is a server already."""
        return self._server is not None

    def start_beside(self, start: Callable[[], Awaitable[None]]) -> None:
        """Begins a start that goes on beside everything else, after those that were begun before."""
        before = self._starting

        async def in_turn() -> None:
            if before is not None:
                await asyncio.wait({before})
            await start()

        self._starting = asyncio.ensure_future(in_turn())

    def tell_ready(self) -> None:
        """Calls may come: an event for whoever takes events."""
        emit(
            "python.worker.serving",
            {"count": 1, "startup_ms": self._uptime_ms(), "tools": len(self._runner.tools)},
            {**_whoami(), "python_version": platform.python_version()},
        )

    def serve_calls(self, descriptor: int) -> None:
        """Takes calls on the socket that the runtime gave this worker, too."""
        self._calls_socket = CallSocket(descriptor, self._frames)
        self._calls_socket.start()

    async def serve_connection(self, connection: socket.socket) -> None:
        """Takes calls on a connection until its other side closes it."""
        await serve_connection(connection, self._frames)

    async def stop(self) -> None:
        """Refuses new calls, gives those in flight DRAIN_SECONDS, cancels the rest."""
        counted = {
            "count": 1,
            "uptime_ms": self._uptime_ms(),
            "in_flight": self._calls.count(),
            "served": self._runner.served,
            "failed": self._runner.failed,
        }
        emit("python.worker.stopping", counted, _whoami())
        self._is_stopped = True
        self._health.set_serving(False)
        await self._calls.drain(DRAIN_SECONDS)
        outbox.close()
        await self._frames.close(FLUSH_SECONDS)
        if self._starting is not None:
            # gRPC crashes when a server is stopped that is still being started (1.85).
            await asyncio.wait({self._starting})
        if self._server is not None:
            await self._server.stop(FLUSH_SECONDS)

    def _uptime_ms(self) -> float:
        return self._heartbeat.statistics().uptime_seconds * 1000

    async def serve_until(self, stopping: asyncio.Event) -> None:
        """Serves until the event is set, then stops gracefully."""
        try:
            await stopping.wait()
            await self.stop()
        finally:
            self._threads.close()  # the process would wait for them
            self._runner.close()


def _bind_unix(server: grpc.aio.Server, path: str, *, with_mask: bool) -> str:
    length = len(os.fsencode(path))
    if length > MAX_SOCKET_PATH_BYTES:
        raise ListenError(
            f"the socket path {path!r} has {length} bytes; the system allows {MAX_SOCKET_PATH_BYTES}"
        )
    # Private from the first instant, not only after chmod.
    mask = os.umask(0o177) if with_mask else None
    try:
        _bind(server, f"unix:{path}")
    finally:
        if mask is not None:
            os.umask(mask)
    os.chmod(path, stat.S_IRUSR | stat.S_IWUSR)
    return f"unix:{path}"


def _bind_tcp(server: grpc.aio.Server, place: str, tls: TlsMaterial | None) -> str:
    host = place.rpartition(":")[0]
    if tls is None and host not in LOOPBACK:
        raise ListenError(
            f"refusing to listen on {host!r}: workers without TLS listen on loopback only"
        )
    return f"{host}:{_bind(server, place, tls)}"


def _bind(server: grpc.aio.Server, address: str, tls: TlsMaterial | None = None) -> int:
    try:
        if tls is None:
            port: int = server.add_insecure_port(address)
        else:
            port = server.add_secure_port(address, _credentials(tls))
    except RuntimeError as error:
        raise ListenError(f"cannot listen on {address}: {error}") from error
    if port == 0:
        raise ListenError(f"cannot listen on {address}")
    return port


def _whoami() -> dict[str, str]:
    return {"pid": str(os.getpid())}
