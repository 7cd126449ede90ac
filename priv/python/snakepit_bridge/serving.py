"""How a worker serves: listen, report, serve, stop."""

from __future__ import annotations

import asyncio
import contextlib
import traceback
from functools import partial
from typing import TYPE_CHECKING

from .bridge_client import BridgeClient
from .frame_service import FrameLimits
from .serialization import encode_plain, encode_value
from .server import ListenError, WorkerServer
from .worker import StartError

if TYPE_CHECKING:
    from collections.abc import Callable

    from .adapter_loader import LoadedAdapter
    from .heartbeat import HeartbeatClient
    from .hosts import Assignment, Host, ServeOrders
    from .termination import Termination


async def serve(
    adapter: LoadedAdapter, host: Host, heartbeat: HeartbeatClient, termination: Termination
) -> None:
    """Listens, reports, and serves until it is asked to stop. Raises StartError."""
    loop = asyncio.get_running_loop()
    heartbeat.watch(loop)
    termination.wake(loop)
    assignment = await host.wait_for_assignment()
    stopping = asyncio.Event()
    server = make_server(adapter, heartbeat, assignment)
    orders = assignment.orders
    if orders is None:
        address = await _start(server, assignment)
    else:
        address = assignment.listen
        start = partial(_serve_now, server, assignment, orders)
        orders.on_serve(lambda: _post(loop, start))
    server.tell_ready()
    if assignment.calls_fd is not None:
        server.serve_calls(assignment.calls_fd)
    termination.on_request(lambda: _post(loop, stopping.set))
    host.report_ready(address, adapter.tool_names, server.tools_fingerprint)
    await host.settle()
    await server.serve_until(stopping)


def make_server(
    adapter: LoadedAdapter, heartbeat: HeartbeatClient, assignment: Assignment
) -> WorkerServer:
    """A server that does not listen yet. Raises StartError for an adapter whose tools cannot be read."""
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


async def _start(server: WorkerServer, assignment: Assignment) -> str:
    try:
        return await server.start(assignment.listen, assignment.tls)
    except (ListenError, OSError) as error:
        raise StartError("LISTEN", str(error)) from error


def _serve_now(server: WorkerServer, assignment: Assignment, orders: ServeOrders) -> None:
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
