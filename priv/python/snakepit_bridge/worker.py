"""The life of a worker after its lifeline is armed: load, listen, report, serve, stop."""

from __future__ import annotations

import asyncio
import faulthandler
import os
import sys
import traceback
from typing import TYPE_CHECKING, Any

from . import exit_codes
from .adapter_loader import AdapterError, LoadedAdapter, load_adapter
from .notices import notice
from .process_group import limit_exit

if TYPE_CHECKING:
    from collections.abc import Callable

    from .heartbeat import HeartbeatClient
    from .hosts import Assignment, Host
    from .termination import Termination


class StartError(Exception):
    """This worker cannot serve, and a restart will not change that."""

    def __init__(self, code: str, message: str, traceback_text: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.traceback_text = traceback_text


def run_worker(
    adapter_path: str, host: Host, heartbeat: HeartbeatClient, termination: Termination
) -> int:
    """Serves until SIGTERM; returns the exit status. The process ends soon after, whatever the
    adapter has left running."""
    status = exit_codes.UNCAUGHT
    try:
        status = _run(adapter_path, host, heartbeat, termination)
    finally:
        limit_exit(status or exit_codes.FORCED)
    return status


def _run(
    adapter_path: str, host: Host, heartbeat: HeartbeatClient, termination: Termination
) -> int:
    if sys.stderr is not None:
        faulthandler.enable()
    try:
        require_environment()
        adapter = _load(adapter_path)
        asyncio.run(_serve(adapter, host, heartbeat, termination))
    except StartError as error:
        notice(f"{error.code}: {error}")
        if error.traceback_text:
            notice(error.traceback_text)
        host.report_failure(error.code, str(error), error.traceback_text)
        return (
            exit_codes.MISCONFIGURED if error.code == "ADAPTER_INVALID" else exit_codes.UNAVAILABLE
        )
    return exit_codes.OK


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


def _load(adapter_path: str) -> LoadedAdapter:
    try:
        return load_adapter(adapter_path)
    except AdapterError as error:
        raise StartError(error.code, str(error), error.traceback_text) from error


async def _serve(
    adapter: LoadedAdapter, host: Host, heartbeat: HeartbeatClient, termination: Termination
) -> None:
    loop = asyncio.get_running_loop()
    heartbeat.watch(loop)
    termination.wake(loop)
    # In a thread: the runtime may take its time, and SIGTERM has to get through.
    assignment = await loop.run_in_executor(None, host.wait_for_assignment)
    stopping = asyncio.Event()
    server = _make_server(adapter, heartbeat, assignment)
    address = await _start(server, assignment.listen)
    termination.on_request(lambda: _post(loop, stopping.set))
    host.report_ready(address, adapter.tool_names)
    await host.settle()
    await server.serve_until(stopping)


def _make_server(adapter: LoadedAdapter, heartbeat: HeartbeatClient, assignment: Assignment) -> Any:
    from .bridge_client import BridgeClient
    from .server import WorkerServer

    bridge = BridgeClient(assignment.bridge) if assignment.bridge else None
    try:
        return WorkerServer(adapter, heartbeat, token=assignment.token, bridge=bridge)
    except (TypeError, ValueError) as error:
        # A tool whose signature cannot be read.
        raise StartError("ADAPTER_INVALID", str(error), traceback.format_exc()) from error


async def _start(server: Any, listen: str) -> str:
    from .server import ListenError

    try:
        address: str = await server.start(listen)
    except (ListenError, OSError) as error:
        raise StartError("LISTEN", str(error)) from error
    return address


def _post(loop: asyncio.AbstractEventLoop, action: Callable[[], None]) -> None:
    loop.call_soon_threadsafe(action)
