"""Plays Node for a fork server: its beats, its lifeline, its control connection, and the connections of
each worker."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .harness import (
    FIXTURES,
    LIMIT_SECONDS,
    TOKEN,
    Worker,
    is_alive,
    wait_until,
    worker_environment,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

ROLES = ("stdout", "stderr", "beats", "lifeline", "calls")
ROOM = "x" * 512


class Server:
    """A fork server, and the runtime's ends of its descriptors."""

    def __init__(self, directory: Path, *arguments: str, **environment: str) -> None:
        self.directory = directory
        self.token = uuid.uuid4().hex
        self.marker = f"SNAKEPIT_RUN_{self.token}=1"
        self.path = str(directory / "fork.sock")
        self.stderr_path = directory / "server.log"
        self.beat, child_beat = socket.socketpair()
        self.lifeline, child_lifeline = socket.socketpair()
        self.control: socket.socket | None = None
        self.workers: list[Forked] = []
        self._buffers: dict[int, bytes] = {}
        self._connections: list[socket.socket] = []
        env = worker_environment(
            SNAKEPIT_BEAT_FD=str(child_beat.fileno()),
            SNAKEPIT_LIFELINE_FD=str(child_lifeline.fileno()),
            SNAKEPIT_PARENT_PID=str(os.getpid()),
            SNAKEPIT_WORKER="pool/fork-server/1",
            SNAKEPIT_FORK_ROOM=ROOM,
            OPENBLAS_NUM_THREADS="1",
        )
        env.update({self.marker.partition("=")[0]: "1", **environment})
        with open(self.stderr_path, "wb") as stderr:
            self.process = subprocess.Popen(
                [sys.executable, "-u", "-m", "snakepit_bridge.fork_server", *arguments],
                cwd=FIXTURES,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=stderr,
                pass_fds=[child_beat.fileno(), child_lifeline.fileno()],
                start_new_session=True,
            )
        child_beat.close()
        child_lifeline.close()

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def stderr(self) -> str:
        return self.stderr_path.read_text(errors="replace")

    def send(self, message: object) -> None:
        self.beat.sendall(json.dumps(message).encode() + b"\n")

    def hello(self) -> None:
        listen = f"unix:{self.path}"
        self.send({"type": "hello", "token": TOKEN, "listen": listen, "bridge": None})

    def receive(self) -> dict[str, Any]:
        """The next message on the beat channel."""
        return self._read(self.beat)

    def start(self) -> dict[str, Any]:
        """Waits until it is ready, and connects to it."""
        self.hello()
        ready = self.receive()
        assert ready["type"] == "ready", ready
        self.control = self.connect("control")
        self.tell({"type": "fork", "launch": 0})
        assert self.hear()["code"] == "BAD_REQUEST"  # so it has been accepted
        return ready

    def connect(self, words: str, token: str = TOKEN) -> socket.socket:
        """A connection that says what it is for."""
        return self.dial(f"{token} {words}\n".encode())

    def dial(self, header: bytes = b"") -> socket.socket:
        """A connection that says anything."""
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._connections.append(connection)
        connection.settimeout(LIMIT_SECONDS)
        connection.connect(self.path)
        connection.sendall(header)
        return connection

    def tell(self, message: object) -> None:
        """One message on the control connection."""
        assert self.control is not None
        self.control.sendall(json.dumps(message).encode() + b"\n")

    def hear(self, limit: float = LIMIT_SECONDS) -> dict[str, Any]:
        """The next message of the control connection."""
        assert self.control is not None
        return self._read(self.control, limit)

    def _read(self, connection: socket.socket, limit: float = LIMIT_SECONDS) -> dict[str, Any]:
        connection.settimeout(limit)
        buffer = self._buffers.get(id(connection), b"")
        while b"\n" not in buffer:
            chunk = connection.recv(65536)
            assert chunk, f"the server closed the connection; stderr:\n{self.stderr}"
            buffer += chunk
        line, _, self._buffers[id(connection)] = buffer.partition(b"\n")
        message: dict[str, Any] = json.loads(line)
        return message

    def request(
        self, launch: int, adapter: str = "adapters.Plain", **fields: Any
    ) -> dict[str, Any]:
        """The message that asks for a worker."""
        env = {"SNAKEPIT_WORKER": f"pool/w{launch}/1", **fields.pop("env", {})}
        arguments = ["--adapter", adapter, "--worker-id", f"w{launch}", *fields.pop("argv", [])]
        return {
            "type": "fork",
            "launch": launch,
            "channels": list(ROLES),
            "argv": arguments,
            "cwd": str(FIXTURES),
            "env": env,
            **fields,
        }

    def fork(self, adapter: str = "adapters.Plain", **fields: Any) -> Forked:
        """Asks for a worker and waits until it is forked."""
        worker = self.ask(adapter, **fields)
        worker.forked = message = self.hear()
        assert message["type"] == "forked", message
        assert message["launch"] == worker.launch
        return worker

    def ask(self, adapter: str = "adapters.Plain", **fields: Any) -> Forked:
        """Asks for a worker, with all its connections."""
        launch = len(self.workers) + 1
        roles = fields.get("channels", ROLES)
        ends = {role: self.connect(f"{launch} {role}") for role in roles}
        place = self.directory / str(launch)
        place.mkdir(mode=0o700)
        worker = Forked(launch, ends, place)
        self.workers.append(worker)
        self.tell(self.request(launch, adapter, **fields))
        return worker

    def run_on_control(self, messages: Iterable[object]) -> None:
        """Several messages at once."""
        assert self.control is not None
        self.control.sendall(b"".join(json.dumps(one).encode() + b"\n" for one in messages))

    def assert_silent(self) -> None:
        """It has said nothing else on control by the time it answers a beat."""
        assert self.control is not None
        self.send({"type": "ping", "seq": 1})
        assert self.receive()["type"] == "pong"
        assert not self._buffers.get(id(self.control))
        self.control.setblocking(False)
        try:
            said = self.control.recv(65536)
        except BlockingIOError:
            said = b""
        assert said == b""
        self.control.settimeout(LIMIT_SECONDS)

    def wait(self) -> int:
        """The exit status; negative for a signal."""
        return self.process.wait(LIMIT_SECONDS)

    def survivors(self) -> list[int]:
        """Living processes that carry the mark of this server's run."""
        return [pid for pid in carriers(self.marker) if is_alive(pid)]

    def expect_nobody(self, limit: float = LIMIT_SECONDS) -> None:
        """Nobody of this server's run may be left."""
        wait_until(lambda: not self.survivors(), "nobody is left", limit)

    def close(self) -> None:
        """Ends everybody."""
        for worker in self.workers:
            worker.close()
        for end in (self.beat, self.lifeline, *self._connections):
            end.close()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self.process.wait(LIMIT_SECONDS)
        assert self.process.stdout is not None
        self.process.stdout.close()
        for pid in self.survivors():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


class Forked(Worker):
    """One forked worker, and the runtime's ends of its connections."""

    def __init__(self, launch: int, ends: dict[str, socket.socket], directory: Path) -> None:
        self.launch = launch
        self.ends = ends
        self.beat = ends["beats"]
        self.lifeline = ends["lifeline"]
        self.calls = ends.get("calls", self.beat)
        self.socket_path = directory / "w.sock"
        self.forked: dict[str, Any] = {}
        self._buffer = b""
        self._channel = None
        self._futures = []

    @property
    def pid(self) -> int:
        pid: int = self.forked["pid"]
        return pid

    @property
    def stderr(self) -> str:
        """What it has written so far."""
        return self.output("stderr")

    def output(self, role: str) -> str:
        """What can be read right now."""
        parts = []
        self.ends[role].setblocking(False)
        with contextlib.suppress(BlockingIOError, ConnectionError):
            while part := self.ends[role].recv(65536):
                parts.append(part)
        self.ends[role].settimeout(LIMIT_SECONDS)
        return b"".join(parts).decode()

    def read_rest(self, role: str) -> bytes:
        """Everything until its end."""
        parts = []
        while part := self.ends[role].recv(65536):
            parts.append(part)
        return b"".join(parts)

    def read_line(self, role: str = "stdout") -> str:
        """The next line of its output."""
        line = b""
        while not line.endswith(b"\n"):
            part = self.ends[role].recv(1)
            assert part, f"{role} is at its end after {line!r}"
            line += part
        return line.decode().rstrip("\n")

    def close(self) -> None:
        """Lets go of it, which ends it."""
        if self._channel is not None:
            self._channel.close()
        for end in self.ends.values():
            end.close()


def carriers(entry: str) -> list[int]:
    """Processes in whose environment, as the kernel shows it, there is exactly this entry."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError):
                if entry in environ(int(name)):
                    found.append(int(name))
    return found


def environ(pid: int) -> list[str]:
    """The environment of a process, as the kernel shows it."""
    shown = Path(f"/proc/{pid}/environ").read_bytes().decode(errors="surrogateescape")
    return [entry for entry in shown.split("\0") if entry]


def descriptors(pid: int) -> dict[int, str]:
    """What a process has open."""
    found = {}
    for name in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(FileNotFoundError):
            found[int(name)] = os.readlink(f"/proc/{pid}/fd/{name}")
    return found
