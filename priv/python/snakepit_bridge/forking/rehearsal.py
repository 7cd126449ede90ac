"""What every worker does at its start and with its first calls, done before the fork.

Python changes the code that it runs for the first time, and fills caches: of attributes, of patterns, of
translations. Whatever a fork changes is its own memory from then on, and takes its time; what was changed
before is shared by all. Nothing of this leaves anything behind: no thread, no descriptor, no event loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import sys
import threading

from snakepit_bridge import tracing
from snakepit_bridge.adapter_loader import LoadedAdapter
from snakepit_bridge.arguments import parse_arguments
from snakepit_bridge.base_adapter import BaseAdapter, discover_tools, tool
from snakepit_bridge.beats import BeatChannel
from snakepit_bridge.gen import snakepit_bridge_pb2 as pb2
from snakepit_bridge.heartbeat import HeartbeatClient
from snakepit_bridge.hosts import BeatHost
from snakepit_bridge.serving import make_server
from snakepit_bridge.telemetry import outbox
from snakepit_bridge.termination import Termination
from snakepit_bridge.tool_specs import fingerprint, read_tools

# More often than it takes until Python takes code for worth changing.
_TIMES = 10
_ARGUMENTS = ("--adapter", "a.B", "--snakepit-run-id", "r", "--worker-id", "w")


_HELLO = (
    b'{"type":"hello","token":"t","listen":"unix:/s","bridge":{"address":"unix:/b","token":"t"}}'
)


class _Adapter(BaseAdapter):
    @tool
    async def add(self, a: int, b: float = 2, *, c: str = "", d: bool = False) -> int:
        """Adds.

        Args:
            a: A number.
        """
        return a

    @tool(supports_streaming=True)
    async def count(self, to: int) -> object:
        """Counts."""


def rehearse() -> None:
    """Does it a few times. To be done last: what is imported later takes the places in Python's caches.

    What cannot be done here, because of something that was imported, a worker cannot do either, and says so. With an
    event loop that is not Python's own nothing is done: nobody knows what it leaves behind.
    """
    with contextlib.suppress(Exception):
        if _has_usual_loops():
            for _ in range(_TIMES):
                _begin()
                parse_arguments(_ARGUMENTS)
                asyncio.run(_live(HeartbeatClient()))
    outbox.begin_anew()


def _has_usual_loops() -> bool:
    loop = asyncio.new_event_loop()
    loop.close()
    return type(loop).__module__.startswith("asyncio.")


def _begin() -> None:
    signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGTERM))
    threading.Thread(target=_begin, daemon=True)
    Termination()


async def _live(heartbeat: HeartbeatClient) -> None:
    fingerprint(read_tools(_Adapter))  # as of an adapter that is not imported before
    adapter = LoadedAdapter(_Adapter, tuple(discover_tools(_Adapter)), False)
    beat_end, own_beat_end = socket.socketpair()
    call_end, own_call_end = socket.socketpair()
    with beat_end, own_beat_end:
        beats = BeatChannel(own_beat_end.fileno(), 0, heartbeat, ends_worker=False)
        host = BeatHost(beats, None, lifeline_armed=False)
        beats.receive(_HELLO)
        assignment = await host.wait_for_assignment()
        server = make_server(adapter, heartbeat, assignment)
        server.tell_ready()
        host.report_ready(assignment.listen, adapter.tool_names, server.tools_fingerprint)
        beats.receive(b'{"type":"ping","seq":1}')
        with call_end:
            call_end.setblocking(False)
            serving = asyncio.ensure_future(server.serve_connection(own_call_end))
            # Elsewhere each call may be a span, which somebody would see.
            if tracing.API not in sys.modules:
                await _call(call_end)
        await serving
        # The connection is closed in the next turn.
        await asyncio.gather(asyncio.sleep(0), asyncio.sleep(0))


async def _call(runtime: socket.socket) -> None:
    """What a runtime sends, each when the one before is answered."""
    loop = asyncio.get_running_loop()
    session = pb2.InitializeSessionRequest(session_id="s")
    for frame in (
        pb2.Frame(open_session=session, call=0),
        pb2.Frame(ping=pb2.PingRequest(message="p"), call=1),
        pb2.Frame(calls=b'[2,"add","s",1000,null,{"a":1}]'),
        pb2.Frame(calls=b'[3,"add","s",1000,null,{"a":1},4,"add","",0,null,{"a":2}]'),
    ):
        message = pb2.FrameBatch(frames=[frame]).SerializeToString()
        await loop.sock_sendall(runtime, b"\0" + len(message).to_bytes(4, "big") + message)
        await loop.sock_recv(runtime, 4096)
