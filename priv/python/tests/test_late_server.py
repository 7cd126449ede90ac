"""A gRPC server that is made when the runtime asks for it: an idle worker has none, and no thread of it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from snakepit_bridge.adapter_loader import load_adapter
from snakepit_bridge.calls import Calls
from snakepit_bridge.heartbeat import HeartbeatClient
from snakepit_bridge.server import WorkerServer

from .harness import TOKEN, Worker, wait_until

if TYPE_CHECKING:
    from .conftest import StartWorker


def start_late(worker: Worker, listen: str | None = None) -> dict[str, Any]:
    listen = listen or f"unix:{worker.socket_path}"
    hello = {"type": "hello", "token": TOKEN, "listen": listen, "bridge": None}
    worker.send({**hello, "server": "later"})
    ready = worker.receive()
    assert ready["type"] == "ready", ready
    return ready


def threads_of(pid: int) -> list[str]:
    """The names of its threads, none where they cannot be seen."""
    names = []
    for task in Path(f"/proc/{pid}/task").glob("[0-9]*"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # ended meanwhile
            names.append((task / "comm").read_text().strip())
    return names


def test_late_server_idle(spawn: StartWorker) -> None:
    """[I7.5] Ready without a server, without a socket, and without a thread of gRPC."""
    worker = spawn("adapters.Plain")
    ready = start_late(worker)
    assert (ready["serving"], ready["address"]) == (False, f"unix:{worker.socket_path}")
    assert not worker.socket_path.exists()
    worker.send({"type": "ping", "seq": 1})
    assert worker.receive()["seq"] == 1
    of_grpc = ("grpc", "event_engine", "lifeguard", "timer", "resolver")
    assert [name for name in threads_of(worker.pid) if name.startswith(of_grpc)] == []


def test_late_server_asked(spawn: StartWorker) -> None:
    """[I7.5] Asked, it listens, for its owner only, and takes calls; asked twice, it is the same."""
    worker = spawn("adapters.Plain")
    start_late(worker)
    worker.send({"type": "serve"})
    assert worker.receive() == {"type": "serving", "problem": None}
    assert stat.S_IMODE(os.stat(worker.socket_path).st_mode) == 0o600
    assert worker.execute("add", a=1, b=2) == 3
    worker.send({"type": "serve"})
    assert worker.receive() == {"type": "serving", "problem": None}
    assert worker.execute("add", a=2, b=2) == 4
    worker.process.terminate()
    assert worker.wait() == 0


def test_late_server_stops_without(spawn: StartWorker) -> None:
    """[I7.5] One that was never asked ends in order, too, and whoever asks then harms nothing."""
    worker = spawn("adapters.Plain")
    start_late(worker)
    # Stopped, so that it cannot have ended before it is asked.
    os.kill(worker.pid, signal.SIGSTOP)
    worker.process.terminate()
    worker.send({"type": "serve"})
    os.kill(worker.pid, signal.SIGCONT)
    assert worker.wait() == 0
    assert "Traceback" not in worker.stderr


def test_late_server_problem(spawn: StartWorker) -> None:
    """[I7.5] One that cannot listen says why, and goes on; asked again, it tries again."""
    worker = spawn("adapters.Plain")
    start_late(worker)
    worker.socket_path.mkdir()
    worker.send({"type": "serve"})
    said = worker.receive()
    assert said["type"] == "serving"
    assert "cannot listen on" in said["problem"]
    worker.socket_path.rmdir()
    worker.send({"type": "serve"})
    assert worker.receive() == {"type": "serving", "problem": None}
    assert worker.execute("add", a=1, b=2) == 3


@pytest.mark.parametrize("server", ["later", "now", 7, None])
def test_late_server_is_for_unix_sockets(spawn: StartWorker, server: object) -> None:
    """[I7.5] A port is known only when it is listened on; and whoever does not ask for it is served at once."""
    worker = spawn("adapters.Plain")
    listen = "tcp:127.0.0.1:0" if server == "later" else f"unix:{worker.socket_path}"
    hello = {"type": "hello", "token": TOKEN, "listen": listen, "bridge": None}
    worker.send({**hello, "server": server})
    ready = worker.receive()
    assert ready["serving"] is True
    if server != "later":
        wait_until(worker.socket_path.exists, "the socket")
    # It serves already: to be told so changes nothing.
    worker.send({"type": "serve"})
    worker.send({"type": "ping", "seq": 2})
    assert worker.receive()["type"] == "pong"


class Anything:
    """An adapter that dispatches by itself."""

    def execute_tool(self, name: str, _arguments: dict[str, Any], _context: object) -> str:
        return name


class SlowServer:
    """gRPC's server, but its start takes until the test says so."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self.steps: list[str] = []
        self.is_asked, self.may_start = asyncio.Event(), asyncio.Event()

    async def start(self) -> None:
        self.steps.append("starting")
        self.is_asked.set()
        await self.may_start.wait()
        await self._server.start()
        self.steps.append("started")

    async def stop(self, grace: float) -> None:
        self.steps.append("stopping")
        await self._server.stop(grace)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._server, name)


async def stop_while_starting(place: Path) -> list[str]:
    adapter = load_adapter(f"{__name__}.Anything")
    server = WorkerServer(adapter, HeartbeatClient(Calls()), token=TOKEN, bridge=None)
    slow = SlowServer(server._make())
    server._make = lambda: slow  # type: ignore[assignment, method-assign, return-value]

    async def start() -> None:
        if not server.is_listening():
            await server.start(f"unix:{place / 's'}")

    # Asked twice: the second start is not begun beside the first.
    server.start_beside(start)
    server.start_beside(start)
    await slow.is_asked.wait()
    stopping = asyncio.ensure_future(server.stop())
    # As far as it goes without the start.
    done, _ = await asyncio.wait({stopping}, timeout=1)
    assert done == set()
    slow.may_start.set()
    await stopping
    server._threads.close()
    server._runner.close()
    return slow.steps


def test_late_server_stopped_while_it_starts(short_dir: Path) -> None:
    """[I7.5] Its end waits for its start: gRPC crashes when a server is stopped that is being started."""
    steps = asyncio.run(stop_while_starting(short_dir))
    assert steps == ["starting", "started", "stopping"]
