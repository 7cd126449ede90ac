"""What every worker does at its start, done before the fork.

Python changes the code that it runs for the first time, and fills caches: of patterns, of parsers, of
translations. Whatever a fork changes is its own memory from then on, and takes its time; what was changed
before is shared by all. Nothing of this leaves anything behind: no thread, no descriptor, no event loop.
"""

from __future__ import annotations

import asyncio
import platform

from snakepit_bridge.adapter_loader import LoadedAdapter
from snakepit_bridge.arguments import parse_arguments
from snakepit_bridge.base_adapter import BaseAdapter, discover_tools, tool
from snakepit_bridge.beats import BridgeAddress, encode_line, parse_hello
from snakepit_bridge.bridge_client import BridgeClient
from snakepit_bridge.heartbeat import HeartbeatClient
from snakepit_bridge.server import WorkerServer
from snakepit_bridge.telemetry import outbox
from snakepit_bridge.tool_specs import fingerprint, read_tools

# More often than it takes until Python takes code for worth changing.
_TIMES = 10
_ARGUMENTS = ("--adapter", "a.B", "--snakepit-run-id", "r", "--worker-id", "w")


class _Adapter(BaseAdapter):
    @tool
    def add(self, a: int, b: float = 2, *, c: str = "", d: bool = False) -> int:
        """Adds.

        Args:
            a: A number.
        """
        return a

    @tool(supports_streaming=True)
    async def count(self, to: int) -> object:
        """Counts."""


def rehearse() -> None:
    """Does it a few times."""
    for _ in range(_TIMES):
        parse_arguments(_ARGUMENTS)
        parse_hello({"token": "t", "listen": "unix:/s", "bridge": None})
        encode_line({"type": "ready", "pythonVersion": platform.python_version()})
        asyncio.run(_make_server(HeartbeatClient()))
        asyncio.run(_wait_for_nothing())
    outbox.begin_anew()


async def _make_server(heartbeat: HeartbeatClient) -> None:
    heartbeat.pong(1)
    fingerprint(read_tools(_Adapter))  # as of an adapter that is not imported before
    adapter = LoadedAdapter(_Adapter, tuple(discover_tools(_Adapter)), False)
    bridge = BridgeClient(BridgeAddress("unix:/b", "t"))
    server = WorkerServer(adapter, heartbeat, token="t", bridge=bridge)
    assert server.tools_fingerprint
    server.tell_ready()


async def _wait_for_nothing() -> None:
    loop = asyncio.get_running_loop()
    event = asyncio.Event()
    loop.call_soon(event.set)
    await event.wait()
    await asyncio.gather(asyncio.sleep(0), asyncio.sleep(0))
