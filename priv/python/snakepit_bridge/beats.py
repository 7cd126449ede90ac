"""The beat channel: one line of JSON per message between this worker and its runtime.

A thread of its own answers beats, so that a *busy* worker is told apart from a *dead* one, and ends
the whole group at end-of-file. Silence from the runtime never ends a worker: it may be blocked or
stopped and come back.
"""

from __future__ import annotations

import json
import os
import threading
import time
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, NamedTuple

from . import exit_codes
from .notices import notice
from .process_group import die_with_group

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable

MAX_LINE_BYTES = 64 * 1024
_PARENT_POLL_SECONDS = 0.5


class BridgeAddress(NamedTuple):
    """Where the runtime answers calls from Python."""

    address: str
    token: str


class Hello(NamedTuple):
    """What the runtime tells a new worker: kept out of arguments and environment, which others
    can read."""

    token: str
    listen: str
    bridge: BridgeAddress | None


class LoopProbe:
    """How late the event loop is, seen from outside."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._loop: AbstractEventLoop | None = None
        self._posted_at: float | None = None

    def watch(self, loop: AbstractEventLoop) -> None:
        """Starts measuring `loop`."""
        self._loop = loop

    def measure_ms(self) -> float:
        """Milliseconds that the callback posted by an earlier call has been waiting; 0 when it
        ran. Posts the next one."""
        posted_at = self._posted_at
        if posted_at is not None:
            return round((self._clock() - posted_at) * 1000, 3)
        if self._loop is not None and not self._loop.is_closed():
            self._posted_at = self._clock()
            try:
                self._loop.call_soon_threadsafe(self._ran)
            except RuntimeError:  # it closed in this instant
                self._posted_at = None
        return 0.0

    def _ran(self) -> None:
        self._posted_at = None


class BeatChannel:
    """This worker's end of the beat channel."""

    def __init__(self, fd: int, count_in_flight: Callable[[], int]) -> None:
        self.loop_probe = LoopProbe()
        self._fd = fd
        # Libraries that close every descriptor free the number, and the next file gets it.
        self._inode = os.fstat(fd).st_ino
        self._parent = os.getppid() if hasattr(os, "getppid") else 0
        self._count_in_flight = count_in_flight
        self._hello: SimpleQueue[Hello] = SimpleQueue()
        self._write_lock = threading.Lock()
        os.set_inheritable(fd, False)
        os.set_blocking(fd, True)
        if hasattr(os, "register_at_fork"):
            # A fork that kept this end would hide the worker's death from the runtime.
            os.register_at_fork(after_in_child=self._close_in_child)

    def start(self) -> None:
        """Starts the thread that reads; it ends with the process."""
        threading.Thread(target=self._read_for_ever, name="snakepit-beats", daemon=True).start()

    def wait_for_hello(self) -> Hello:
        """The runtime's first message. Waits without limit: should the runtime go away, the
        end-of-file ends this process."""
        return self._hello.get()

    def send(self, message: dict[str, Any]) -> None:
        """Sends one message, shortened where it exceeds a line's limit."""
        line = _encode_line(message)
        with self._write_lock:
            if not self._is_ours():
                return
            try:
                while line:
                    line = line[os.write(self._fd, line) :]
            except OSError:
                # The reading thread sees the same end and draws the conclusion.
                return

    def _is_ours(self) -> bool:
        try:
            return os.fstat(self._fd).st_ino == self._inode
        except OSError:
            return False

    def _close_in_child(self) -> None:
        if self._is_ours():
            os.close(self._fd)

    def _read_for_ever(self) -> None:
        buffer = b""
        while True:
            chunk = self._read_chunk()
            if not self._is_ours():
                self._watch_parent()
            if not chunk:
                die_with_group(exit_codes.OK)
            *lines, buffer = (buffer + chunk).split(b"\n")
            for line in lines:
                self._receive(line)
            if len(buffer) > MAX_LINE_BYTES:
                _die_of_protocol(f"a line exceeds {MAX_LINE_BYTES} bytes")

    def _read_chunk(self) -> bytes:
        try:
            return os.read(self._fd, MAX_LINE_BYTES)
        except OSError:  # reset by the peer, or closed under us
            return b""

    def _receive(self, line: bytes) -> None:
        if len(line) > MAX_LINE_BYTES:
            _die_of_protocol(f"a line exceeds {MAX_LINE_BYTES} bytes")
        try:
            message = json.loads(line)
            kind = message["type"]
            if kind == "ping":
                self._answer(message["seq"])
            elif kind == "hello":
                self._hello.put(_parse_hello(message))
            # Other kinds come from a newer runtime, which works without our answer.
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            _die_of_protocol(f"{type(error).__name__}: {error}")

    def _answer(self, seq: int) -> None:
        lag = self.loop_probe.measure_ms()
        in_flight = self._count_in_flight()
        self.send({"type": "pong", "seq": seq, "inFlight": in_flight, "loopLagMs": lag})

    def _watch_parent(self) -> None:
        """The last resort when a library closed our descriptors: never returns."""
        notice("the beat channel was closed under us; watching the parent")
        while self._parent and os.getppid() == self._parent:
            time.sleep(_PARENT_POLL_SECONDS)
        die_with_group(exit_codes.OK)


def _parse_hello(message: dict[str, Any]) -> Hello:
    bridge = message.get("bridge")
    return Hello(
        token=_text(message, "token"),
        listen=_text(message, "listen"),
        bridge=None
        if bridge is None
        else BridgeAddress(_text(bridge, "address"), _text(bridge, "token")),
    )


def _text(message: dict[str, Any], key: str) -> str:
    value = message[key]
    if not isinstance(value, str) or not value:
        raise TypeError(f"{key} must be a non-empty string")
    return value


def _die_of_protocol(problem: str) -> None:
    notice(f"the beat channel is broken: {problem}")
    die_with_group(exit_codes.PROTOCOL)


def _encode_line(message: dict[str, Any]) -> bytes:
    """One line within the limit: long texts lose their beginning, lists their end."""
    for key in ("", "traceback", "message", "tools"):
        value = message.get(key)
        room = MAX_LINE_BYTES - len(json.dumps({**message, key: None})) if value else 0
        # Of JSON text a character takes one byte, two when escaped, up to six when it is not ASCII.
        for bytes_each in (1, 2, 6):
            line = json.dumps(message).encode("ascii") + b"\n"
            if len(line) <= MAX_LINE_BYTES:
                return line
            if isinstance(value, str):
                message = {**message, key: value[-max(1, room // bytes_each - 10) :]}
            elif isinstance(value, list):
                message = {**message, key: value[: max(0, room // (32 * bytes_each))]}
    return line
