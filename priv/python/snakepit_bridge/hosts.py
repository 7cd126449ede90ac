"""The two kinds of runtime that start workers, behind one face: ours speaks over the beat channel,
an original one (v0.13) passes a port and waits for a ready file. For the third, see `listening_host`."""

from __future__ import annotations

import contextlib
import os
import platform
from asyncio import get_running_loop
from typing import TYPE_CHECKING, NamedTuple, Protocol

from .beats import BeatChannel, BridgeAddress
from .channel_options import FEATURES
from .notices import notice
from .platforms import load_platform
from .platforms.parent_thread import start_parent_thread
from .process_group import read_start_time
from .thread_modes import is_gil_enabled

if TYPE_CHECKING:
    from asyncio import Future
    from collections.abc import Callable, Sequence

    from .arguments import Arguments
    from .beats import Hello
    from .listening_host import TlsMaterial
    from .second_opinion import SecondOpinion


class Assignment(NamedTuple):
    """Where a worker listens and what it may use."""

    listen: str
    token: str | None
    bridge: BridgeAddress | None
    max_value_bytes: int | None = None
    """Limit of the attachments of one call; None for the worker's own."""
    calls_fd: int | None = None
    """A socket of the runtime's on which calls come; None where there is none."""
    knows_markers: bool = True
    """Whether the runtime takes values that JSON lacks; those of the original do not."""
    tls: TlsMaterial | None = None
    """What the server shows; None for a place that only this machine reaches."""
    orders: ServeOrders | None = None
    """Who says when the gRPC server is needed, where calls come on the socket; None for at once."""


class ServeOrders(Protocol):
    """A runtime that asks for the gRPC server when it needs it: an idle one wakes up some five times a second."""

    def on_serve(self, serve: Callable[[], None]) -> None:
        """What is called, in a foreign thread, when it does."""

    def report_serving(self, problem: str | None) -> None:
        """The server listens, or cannot."""


class Host(Protocol):
    """What a worker tells its runtime, and learns from it."""

    async def wait_for_assignment(self) -> Assignment:
        """Waits until the runtime has said where to listen. On the main thread's loop."""

    def report_ready(self, address: str, tools: Sequence[str], fingerprint: str) -> None:
        """The server listens; calls may come. The fingerprint is that of the tools' interface."""

    async def settle(self) -> None:
        """What need not be done before calls can come. On the main thread's loop."""

    def report_failure(self, code: str, message: str, traceback_text: str | None) -> None:
        """This worker will never serve, for a reason that a restart does not remove."""


class BeatHost:
    """A runtime at the other end of a beat channel."""

    def __init__(
        self,
        beats: BeatChannel,
        opinion: SecondOpinion | None,
        *,
        calls_fd: int | None = None,
        lifeline_armed: bool,
    ) -> None:
        self._beats = beats
        self._calls_fd = calls_fd
        self._opinion = opinion
        self._lifeline_armed = lifeline_armed
        self._serves_later = False

    async def wait_for_assignment(self) -> Assignment:
        loop = get_running_loop()
        came: Future[Hello] = loop.create_future()

        def take(hello: Hello) -> None:
            if not came.done():  # or given up
                came.set_result(hello)

        def tell(hello: Hello) -> None:
            # A loop that is closed already: the process is on its way out.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(take, hello)

        # No thread waits for it: SIGTERM gets through, and a thousand idle workers have one thread less each.
        self._beats.on_hello(tell)
        hello = await came
        # A port is known only when it is listened on.
        self._serves_later = (
            hello.serves_later and self._calls_fd is not None and hello.listen.startswith("unix:")
        )
        return Assignment(
            hello.listen,
            hello.token,
            hello.bridge,
            hello.max_value_bytes,
            self._calls_fd,
            orders=self if self._serves_later else None,
        )

    def report_ready(self, address: str, tools: Sequence[str], fingerprint: str) -> None:
        self._beats.send(
            {
                "type": "ready",
                "pid": os.getpid(),
                "startTime": read_start_time(),
                "address": address,
                "pythonVersion": platform.python_version(),
                "lifeline": self._lifeline_armed,
                "features": list(FEATURES),
                "serving": not self._serves_later,
                "gil": is_gil_enabled(),
                "tools": list(tools),
                "toolsFingerprint": fingerprint,
            }
        )

    def on_serve(self, serve: Callable[[], None]) -> None:
        self._beats.on_serve(serve)

    def report_serving(self, problem: str | None) -> None:
        self._beats.send({"type": "serving", "problem": problem})

    async def settle(self) -> None:
        if self._opinion is not None:
            if not self._opinion.is_loaded():
                await get_running_loop().run_in_executor(None, self._opinion.load)
            self._opinion.arm()

    def report_failure(self, code: str, message: str, traceback_text: str | None) -> None:
        self._beats.send(
            {"type": "failed", "code": code, "message": message, "traceback": traceback_text}
        )
        self._beats.await_hello()


class ReadyFileHost:
    """A host of the original: no token, loopback TCP, readiness through a file."""

    def __init__(self, arguments: Arguments, ready_file: str | None) -> None:
        self._arguments = arguments
        self._ready_file = ready_file
        if ready_file is not None:
            start_parent_thread(load_platform().wait_for_end, os.getppid())

    async def wait_for_assignment(self) -> Assignment:
        address = self._arguments.elixir_address
        bridge = BridgeAddress(address, "") if address else None
        listen = f"tcp:127.0.0.1:{self._arguments.port}"
        return Assignment(listen, None, bridge, knows_markers=False)

    def report_ready(self, address: str, tools: Sequence[str], fingerprint: str) -> None:
        if self._ready_file is None:
            notice(f"serving {len(tools)} tools on {address}")
            return
        write_atomically(self._ready_file, address.rpartition(":")[2])

    async def settle(self) -> None:
        return

    def report_failure(self, code: str, message: str, traceback_text: str | None) -> None:
        return  # stderr has it already


def write_atomically(path: str, text: str) -> None:
    """A reader sees the whole text or no file."""
    temporary = f"{path}.tmp"
    with open(temporary, "w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)
