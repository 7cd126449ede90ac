"""The beat channel: one line of JSON per message between this worker and its runtime.

A thread of its own answers beats, so that a *busy* worker is told apart from a *dead* one, and ends
the whole group at end-of-file. Silence from the runtime never ends a worker: it may be blocked or
stopped and come back.
"""

from __future__ import annotations

import json
import os
import threading
import traceback
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from . import exit_codes
from .notices import notice
from .process_group import die_with_group

if TYPE_CHECKING:
    from collections.abc import Callable

    from .heartbeat import HeartbeatClient

MAX_LINE_BYTES = 64 * 1024

# It comes as soon as the runtime has its turn; should a library take the channel from us, it never does.
_HELLO_SECONDS = 10.0

# How our runtime writes a ping: what comes again and again takes the short way.
_PING = b'{"type":"ping","seq":'


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
    max_value_bytes: int | None
    serves_later: bool = False
    """Whether its gRPC server is needed only when it says so."""


class BeatChannel:
    """This worker's end of the beat channel.

    With `ends_worker` false, which tests want, its end is only the end of the thread.
    """

    def __init__(
        self, fd: int, parent: int, heartbeat: HeartbeatClient, *, ends_worker: bool = True
    ) -> None:
        self.heartbeat = heartbeat
        self._fd = fd
        # Libraries that close every descriptor free the number, and the next file gets it.
        self._file = _identify(fd)
        self._parent = parent
        self._ends_worker = ends_worker
        self._on_stop: Callable[[], None] = _stop_at_once
        self._on_serve: Callable[[], None] = _ignore
        self._hello: Hello | None = None
        self._on_hello: Callable[[Hello], object] | None = None
        self._hello_lock = threading.Lock()
        self._write_lock = threading.Lock()
        os.set_inheritable(fd, False)
        if hasattr(os, "set_blocking"):
            os.set_blocking(fd, True)

    def start(self) -> None:
        """Starts the thread that reads; it ends with the process."""
        if hasattr(os, "register_at_fork"):
            # A fork that kept this end would hide the worker's death from the runtime.
            os.register_at_fork(after_in_child=self._close_in_child)
        threading.Thread(target=self._run, name="snakepit-beats", daemon=True).start()

    def on_hello(self, told: Callable[[Hello], object]) -> None:
        """Who is told the runtime's first message, once: in the beat thread, or at once if it has come.
        Should the runtime go away before, the end-of-file ends this process."""
        with self._hello_lock:
            self._on_hello = told
            hello = self._hello
        if hello is not None:
            told(hello)

    def await_hello(self) -> None:
        """Waits for the runtime's first message before this process ends by itself: what is written to
        an end that is closed tells the writer so, and it would not read any more what was sent before."""
        came = threading.Event()
        self.on_hello(lambda _: came.set())
        if self._is_ours():
            came.wait(_HELLO_SECONDS)

    def on_stop(self, stop: Callable[[], None]) -> None:
        """What the runtime's `stop` does from now on, in the beat thread: it is the SIGTERM of
        systems that have none. Before, it ends the process at once, as SIGTERM does."""
        self._on_stop = stop

    def on_serve(self, serve: Callable[[], None]) -> None:
        """What the runtime's `serve` does from now on, in the beat thread."""
        self._on_serve = serve

    def send(self, message: dict[str, Any]) -> None:
        """Sends one message, shortened where it exceeds a line's limit."""
        line = encode_line(message)
        with self._write_lock:
            if self._is_ours():
                self._write(line)

    def _write(self, line: bytes) -> None:
        try:
            while line:
                line = line[os.write(self._fd, line) :]
        except OSError:
            # The reading thread sees the same end and draws the conclusion.
            return

    def _answer(self, seq: int) -> None:
        answer = self.heartbeat.pong(seq)
        with self._write_lock:
            # Whose file it is was asked just now, when the ping had been read.
            self._write(answer)

    def _is_ours(self) -> bool:
        try:
            return _identify(self._fd) == self._file
        except OSError:
            return False

    def _close_in_child(self) -> None:
        if self._is_ours():
            os.close(self._fd)

    def _run(self) -> None:
        try:
            self._read_for_ever()
        except BaseException:  # noqa: BLE001 - whatever it is, nobody would see the end of this thread
            notice(f"the beat thread failed\n{traceback.format_exc()}")
            die_with_group(exit_codes.UNCAUGHT)

    def _read_for_ever(self) -> None:
        buffer = b""
        while True:
            # Asked before: a read must not take what is somebody else's. And after: its end is not
            # the end of ours. It reads and does not poll, because a read keeps hold of the file
            # that it has begun with, while poll looks at whatever has the number by then.
            chunk = self._read_chunk() if self._is_ours() else b""
            if not chunk or not self._is_ours():
                self._end()
                return
            *lines, buffer = (buffer + chunk).split(b"\n")
            for line in lines:
                self.receive(line)
            if len(buffer) > MAX_LINE_BYTES:
                die_of_protocol(f"a line exceeds {MAX_LINE_BYTES} bytes")

    def _read_chunk(self) -> bytes:
        if os.name == "nt":
            from .platforms import win32

            win32.wait_readable(self._fd)
        try:
            return os.read(self._fd, MAX_LINE_BYTES)
        except OSError:  # reset by the peer, or closed under us
            return b""

    def receive(self, line: bytes) -> None:
        """Does what the runtime says; a line that says nothing ends the group."""
        if len(line) > MAX_LINE_BYTES:
            die_of_protocol(f"a line exceeds {MAX_LINE_BYTES} bytes")
        try:
            if line.startswith(_PING) and line.endswith(b"}"):
                self._answer(int(line[len(_PING) : -1]))
                return
            message = json.loads(line)
            kind = message["type"]
            if kind == "ping":
                self._answer(message["seq"])
            elif kind == "hello":
                self._greet(parse_hello(message))
            elif kind == "stop":
                self._on_stop()
            elif kind == "serve":
                self._on_serve()
            # Other kinds come from a newer runtime, which works without our answer.
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            die_of_protocol(f"{type(error).__name__}: {error}")

    def _greet(self, hello: Hello) -> None:
        with self._hello_lock:
            if self._hello is not None:
                return  # only the first one counts
            self._hello = hello
            told = self._on_hello
        if told is not None:
            told(hello)

    def _end(self) -> None:
        """The channel is at its end, or a library closed it under us, which must end nothing."""
        if not self._ends_worker:
            return
        if not self._is_ours():
            from .platforms import load_platform
            from .platforms.parent_thread import end_with_parent

            notice("the beat channel was closed under us; watching the parent")
            end_with_parent(load_platform().wait_for_end, self._parent)
            return
        die_with_group(exit_codes.OK)


def _identify(fd: int) -> tuple[int, int]:
    """Which file a descriptor stands for. Raises OSError when it is closed."""
    status = os.fstat(fd)
    return status.st_dev, status.st_ino


def _ignore() -> None:
    """It serves already."""


def _stop_at_once() -> None:
    die_with_group(exit_codes.OK)


def parse_hello(message: dict[str, Any]) -> Hello:
    """Raises TypeError and KeyError for what is no hello."""
    bridge = message.get("bridge")
    return Hello(
        token=_text(message, "token"),
        listen=_text(message, "listen"),
        bridge=None
        if bridge is None
        else BridgeAddress(_text(bridge, "address"), _text(bridge, "token")),
        max_value_bytes=_limit(message, "maxValueBytes"),
        serves_later=message.get("server") == "later",
    )


def _limit(message: dict[str, Any], key: str) -> int | None:
    value = message.get(key)
    if value is not None and (type(value) is not int or value < 1):
        raise TypeError(f"{key} must be a positive integer")
    return value


def _text(message: dict[str, Any], key: str) -> str:
    value = message[key]
    if not isinstance(value, str) or not value:
        raise TypeError(f"{key} must be a non-empty string")
    return value


def die_of_protocol(problem: str) -> NoReturn:
    """Ends the group: nothing can be told from what the runtime says."""
    notice(f"the beat channel is broken: {problem}")
    die_with_group(exit_codes.PROTOCOL)


def encode_line(message: dict[str, Any]) -> bytes:
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
