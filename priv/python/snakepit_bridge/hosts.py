"""The two kinds of runtime that start workers, behind one face: ours speaks over the beat channel,
an original one (v0.13) passes a port and waits for a ready file."""

from __future__ import annotations

import os
import platform
import threading
import time
from typing import TYPE_CHECKING, NamedTuple, Protocol

from . import exit_codes
from .beats import BeatChannel, BridgeAddress
from .notices import notice
from .process_group import die_with_group, read_start_time

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Sequence

    from .arguments import Arguments

_PARENT_POLL_SECONDS = 0.5


class Assignment(NamedTuple):
    """Where a worker listens and what it may use."""

    listen: str
    token: str | None
    bridge: BridgeAddress | None


class Host(Protocol):
    """What a worker tells its runtime, and learns from it."""

    def wait_for_assignment(self) -> Assignment:
        """Waits until the runtime has said where to listen."""

    def watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """Includes the loop's health in what the runtime is told."""

    def report_ready(self, address: str, tools: Sequence[str]) -> None:
        """The server listens; calls may come."""

    def report_failure(self, code: str, message: str, traceback_text: str | None) -> None:
        """This worker will never serve, for a reason that a restart does not remove."""


class BeatHost:
    """A runtime at the other end of a beat channel."""

    def __init__(self, beats: BeatChannel, *, lifeline_armed: bool) -> None:
        self._beats = beats
        self._lifeline_armed = lifeline_armed

    def wait_for_assignment(self) -> Assignment:
        hello = self._beats.wait_for_hello()
        return Assignment(hello.listen, hello.token, hello.bridge)

    def watch(self, loop: asyncio.AbstractEventLoop) -> None:
        self._beats.loop_probe.watch(loop)

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
            parent = os.getppid()
            threading.Thread(
                target=_die_with_parent, args=[parent], name="snakepit-parent", daemon=True
            ).start()

    def wait_for_assignment(self) -> Assignment:
        address = self._arguments.elixir_address
        bridge = BridgeAddress(address, "") if address else None
        return Assignment(f"tcp:127.0.0.1:{self._arguments.port}", None, bridge)

    def watch(self, loop: asyncio.AbstractEventLoop) -> None:
        return

    def report_ready(self, address: str, tools: Sequence[str]) -> None:
        if self._ready_file is None:
            notice(f"serving {len(tools)} tools on {address}")
            return
        write_atomically(self._ready_file, address.rpartition(":")[2])

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


def _die_with_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_PARENT_POLL_SECONDS)
    die_with_group(exit_codes.OK)
