"""The life of a worker after its lifeline is armed: load, listen, report, serve, stop."""

from __future__ import annotations

import asyncio
import contextlib
import faulthandler
import os
import sys
import traceback
from functools import partial
from typing import TYPE_CHECKING, Any

from . import exit_codes
from .adapter_loader import AdapterError, LoadedAdapter
from .notices import notice
from .process_group import leave, limit_exit
from .thread_modes import PROCESS_PROFILE, ThreadProfile
from .thread_profile import load_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from .heartbeat import HeartbeatClient
    from .hosts import Assignment, Host, ServeOrders
    from .termination import Termination


class StartError(Exception):
    """This worker cannot serve, and a restart will not change that."""

    def __init__(self, code: str, message: str, traceback_text: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.traceback_text = traceback_text


def run_worker(
    adapter_path: str,
    host: Host,
    heartbeat: HeartbeatClient,
    termination: Termination,
    threading: ThreadProfile = PROCESS_PROFILE,
) -> int:
    """Serves until SIGTERM; returns the exit status. The process ends soon after, whatever the
    adapter has left running."""
    status = exit_codes.UNCAUGHT
    try:
        status = _run(partial(load_for, threading, adapter_path), host, heartbeat, termination)
    finally:
        limit_exit(status or exit_codes.FORCED)
    leave(status)
    return status


def _run(
    load: Callable[[], LoadedAdapter],
    host: Host,
    heartbeat: HeartbeatClient,
    termination: Termination,
) -> int:
    if sys.stderr is not None:
        faulthandler.enable()
    try:
        require_environment()
        adapter = _load(load)
        asyncio.run(_serve(adapter, host, heartbeat, termination))
    except StartError as error:
        notice(f"{error.code}: {error}")
        if error.traceback_text:
            notice(error.traceback_text)
        host.report_failure(error.code, str(error), error.traceback_text)
        return status_of(error.code)
    return exit_codes.OK


def status_of(code: str) -> int:
    """The exit status for why a worker cannot start."""
    is_ours_to_correct = code in ("ADAPTER_INVALID", "ADAPTER_NOT_THREAD_SAFE", "PRELOAD_UNSAFE")
    return exit_codes.MISCONFIGURED if is_ours_to_correct else exit_codes.UNAVAILABLE


def require_environment() -> None:
    """Imports what every worker needs. Raises StartError with what to type."""
    # gRPC's own handlers crash one of four forks of a worker, whose threads never leave gRPC (1.85).
    # Without them a fork may do anything but call gRPC, which it could not do anyway.
    os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
    try:
        import google.protobuf
        import grpc.aio

        from .gen import snakepit_bridge_pb2_grpc
    except Exception as error:
        raise StartError(
            "ENVIRONMENT",
            f"this Python ({sys.executable}, {sys.version.split()[0]}) cannot load gRPC: "
            f"{type(error).__name__}: {error}. Remedy: npx snakepit setup, or "
            f"{sys.executable} -m pip install 'grpcio>=1.60,<2' 'protobuf>=4.25.3,<8'",
            traceback.format_exc(),
        ) from error
    # Named, so that the imports above are what this function is about.
    _ = (google.protobuf, grpc.aio, snakepit_bridge_pb2_grpc)


def _load(load: Callable[[], LoadedAdapter]) -> LoadedAdapter:
    try:
        return load()
    except AdapterError as error:
        raise StartError(error.code, str(error), error.traceback_text) from error


async def _serve(
    adapter: LoadedAdapter, host: Host, heartbeat: HeartbeatClient, termination: Termination
) -> None:
    loop = asyncio.get_running_loop()
    heartbeat.watch(loop)
    termination.wake(loop)
    assignment = await host.wait_for_assignment()
    stopping = asyncio.Event()
    server = _make_server(adapter, heartbeat, assignment)
    orders = assignment.orders
    if orders is None:
        address = await _start(server, assignment)
    else:
        address = assignment.listen
        serve = partial(_serve_now, server, assignment, orders)
        orders.on_serve(lambda: _post(loop, serve))
    server.tell_ready()
    if assignment.calls_fd is not None:
        server.serve_calls(assignment.calls_fd)
    termination.on_request(lambda: _post(loop, stopping.set))
    host.report_ready(address, adapter.tool_names, server.tools_fingerprint)
    await host.settle()
    await server.serve_until(stopping)


def _make_server(adapter: LoadedAdapter, heartbeat: HeartbeatClient, assignment: Assignment) -> Any:
    from .bridge_client import BridgeClient
    from .frames import FrameLimits
    from .serialization import encode_plain, encode_value
    from .server import WorkerServer

    size = assignment.max_value_bytes
    limits = FrameLimits(max_value_bytes=size) if size is not None else None
    markers = assignment.knows_markers
    bridge = BridgeClient(assignment.bridge, markers) if assignment.bridge else None
    try:
        return WorkerServer(
            adapter,
            heartbeat,
            token=assignment.token,
            bridge=bridge,
            limits=limits,
            encode=encode_value if markers else encode_plain,
        )
    except (TypeError, ValueError) as error:
        # A tool whose signature cannot be read.
        raise StartError("ADAPTER_INVALID", str(error), traceback.format_exc()) from error


async def _start(server: Any, assignment: Assignment) -> str:
    from .server import ListenError

    try:
        address: str = await server.start(assignment.listen, assignment.tls)
    except (ListenError, OSError) as error:
        raise StartError("LISTEN", str(error)) from error
    return address


def _serve_now(server: Any, assignment: Assignment, orders: ServeOrders) -> None:
    """The runtime needs the gRPC server."""

    async def serve() -> None:
        problem = None
        try:
            if not server.is_listening():
                await _start(server, assignment)
        except StartError as error:
            problem = str(error)
        orders.report_serving(problem)

    server.start_beside(serve)


def _post(loop: asyncio.AbstractEventLoop, action: Callable[[], None]) -> None:
    # A loop that is closed already: the process is on its way out.
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(action)
