"""The two kinds of runtime that start workers, behind one face: ours speaks over the beat channel,
an original one (v0.13) passes a port and waits for a ready file."""

from __future__ import annotations

import os
import platform
from asyncio import get_running_loop
from typing import TYPE_CHECKING, NamedTuple, Protocol

from .beats import BeatChannel, BridgeAddress
from .notices import notice
from .platforms import load_platform
from .platforms.parent_thread import start_parent_thread
from .process_group import read_start_time

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .arguments import Arguments
    from .second_opinion import SecondOpinion


class Assignment(NamedTuple):
    """Where a worker listens and what it may use."""

    listen: str
    token: str | None
    bridge: BridgeAddress | None


class Host(Protocol):
    """What a worker tells its runtime, and learns from it."""

    def wait_for_assignment(self) -> Assignment:
        """Waits until the runtime has said where to listen."""

    def report_ready(self, address: str, tools: Sequence[str]) -> None:
        """The server listens; calls may come."""

    async def settle(self) -> None:
        """What need not be done before calls can come. On the main thread's loop."""

    def report_failure(self, code: str, message: str, traceback_text: str | None) -> None:
        """This worker will never serve, for a reason that a restart does not remove."""


class BeatHost:
    """A runtime at the other end of a beat channel."""

    def __init__(
        self, beats: BeatChannel, opinion: SecondOpinion | None, *, lifeline_armed: bool
    ) -> None:
        self._beats = beats
        self._opinion = opinion
        self._lifeline_armed = lifeline_armed

    def wait_for_assignment(self) -> Assignment:
        hello = self._beats.wait_for_hello()
        return Assignment(hello.listen, hello.token, hello.bridge)

    def report_ready(self, address: str, tools: Sequence[str]) -> None:
        self._beats.send(
            {
                "type": "ready",
                "pid": os.getpid(),
                "startTime": read_start_time(),
                "address": address,
                "pythonVersion": platform.python_version(),
                "lifeline": self._lifeline_armed,
                "tools": list(tools),
            }
        )

    async def settle(self) -> None:
        if self._opinion is not None:
            await get_running_loop().run_in_executor(None, self._opinion.load)
            self._opinion.arm()

    def report_failure(self, code: str, message: str, traceback_text: str | None) -> None:
        self._beats.send(
            {"type": "failed", "code": code, "message": message, "traceback": traceback_text}
        )


class ReadyFileHost:
    """A host of the original: no token, loopback TCP, readiness through a file."""

    def __init__(self, arguments: Arguments, ready_file: str | None) -> None:
        self._arguments = arguments
        self._ready_file = ready_file
        if ready_file is not None:
            start_parent_thread(load_platform().wait_for_end, os.getppid())

    def wait_for_assignment(self) -> Assignment:
        address = self._arguments.elixir_address
        bridge = BridgeAddress(address, "") if address else None
        return Assignment(f"tcp:127.0.0.1:{self._arguments.port}", None, bridge)

    def report_ready(self, address: str, tools: Sequence[str]) -> None:
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
