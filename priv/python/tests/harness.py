"""Plays Node: starts real workers with a beat channel and a lifeline, and calls them over gRPC."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc

from snakepit_bridge.gen import snakepit_bridge_pb2 as pb2
from snakepit_bridge.gen import snakepit_bridge_pb2_grpc as pb2_grpc
from snakepit_bridge.serialization import decode_any, encode_any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from snakepit_bridge.calls import Calls

PACKAGE_DIR = Path(__file__).resolve().parent.parent
FIXTURES = Path(__file__).resolve().parent / "fixtures"
TOKEN = "c0ffee"
LIMIT_SECONDS = 30.0  # on a loaded machine; nothing here takes that long
NAP_SECONDS = 0.01


def wait_until(condition: Callable[[], object], what: str, limit: float = LIMIT_SECONDS) -> None:
    """Polls until the condition holds, or fails with `what`. The limit is for a machine that runs us: what a nap
    takes longer than it should comes on top."""
    deadline = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < deadline, f"did not happen within {limit} s: {what}"
        deadline += overslept()


def overslept() -> float:
    """Naps; returns how many seconds longer the machine has made it."""
    begun = time.monotonic()
    time.sleep(NAP_SECONDS)
    return max(0.0, time.monotonic() - begun - 2 * NAP_SECONDS)


class Stopwatch:
    """Measures in a context; what the machine did not run anybody for is not counted, as a thread that naps
    all the while sees it."""

    def __init__(self) -> None:
        self._stalled = 0.0
        self._is_over = False
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Stopwatch:
        self._begun = time.monotonic()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        ended = time.monotonic()
        self._is_over = True
        self._thread.join()
        self.seconds = max(0.0, ended - self._begun - self._stalled)

    def _watch(self) -> None:
        while not self._is_over:
            self._stalled += overslept()


def is_alive(pid: int) -> bool:
    """Whether a process exists and is no zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return False
    return stat[stat.rindex(b")") + 2 :].split()[0] not in (b"Z", b"X")


def worker_environment(**extra: str) -> dict[str, str]:
    """The test's own environment without what a surrounding runtime may have left in it."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("SNAKEPIT_") and name != "GRPC_ENABLE_FORK_SUPPORT"
    }
    return {**inherited, "PYTHONPATH": str(PACKAGE_DIR), "PYTHONUNBUFFERED": "1", **extra}


class Worker:
    """One worker process and the runtime's ends of its descriptors."""

    def __init__(self, adapter: str, directory: Path, *arguments: str, **environment: str) -> None:
        self.socket_path = directory / "w.sock"
        self.stderr_path = directory / "stderr.log"
        self.beat, child_beat = socket.socketpair()
        self.lifeline, child_lifeline = socket.socketpair()
        self.calls, child_calls = socket.socketpair()
        self._buffer = b""
        self._channel: grpc.Channel | None = None
        self._futures: list[Any] = []
        env = worker_environment(
            SNAKEPIT_BEAT_FD=str(child_beat.fileno()),
            SNAKEPIT_LIFELINE_FD=str(child_lifeline.fileno()),
            SNAKEPIT_CALLS_FD=str(child_calls.fileno()),
            SNAKEPIT_PARENT_PID=str(os.getpid()),
            SNAKEPIT_RUN_ID="test",
        )
        env.update(environment)
        with open(self.stderr_path, "wb") as stderr:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    "-u",
                    "-m",
                    "snakepit_bridge",
                    "--adapter",
                    adapter,
                    "--snakepit-run-id",
                    "test",
                    "--worker-id",
                    "w1",
                    *arguments,
                ],
                cwd=FIXTURES,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=stderr,
                pass_fds=[child_beat.fileno(), child_lifeline.fileno(), child_calls.fileno()],
                start_new_session=True,
            )
        child_beat.close()
        child_lifeline.close()
        child_calls.close()

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def stderr(self) -> str:
        return self.stderr_path.read_text(errors="replace")

    def send(self, message: object) -> None:
        self.beat.sendall(json.dumps(message).encode() + b"\n")

    def hello(self, listen: str | None = None, bridge: dict[str, str] | None = None) -> None:
        listen = listen or f"unix:{self.socket_path}"
        self.send({"type": "hello", "token": TOKEN, "listen": listen, "bridge": bridge})

    def receive(self) -> dict[str, Any]:
        """The next message of the worker."""
        self.beat.settimeout(LIMIT_SECONDS)
        while b"\n" not in self._buffer:
            chunk = self.beat.recv(65536)
            assert chunk, f"the worker closed the beat channel; stderr:\n{self.stderr}"
            self._buffer += chunk
        line, _, self._buffer = self._buffer.partition(b"\n")
        message: dict[str, Any] = json.loads(line)
        return message

    def start(self, **hello: Any) -> dict[str, Any]:
        """Says hello and waits until the worker is ready."""
        self.hello(**hello)
        message = self.receive()
        assert message["type"] == "ready", message
        return message

    def wait(self) -> int:
        """The exit status; negative for a signal."""
        return self.process.wait(LIMIT_SECONDS)

    @property
    def stub(self) -> Any:
        if self._channel is None:
            limit = 100 * 1024 * 1024
            self._channel = grpc.insecure_channel(
                f"unix:{self.socket_path}",
                options=[
                    ("grpc.max_receive_message_length", limit),
                    ("grpc.max_send_message_length", limit),
                ],
            )
        return pb2_grpc.BridgeServiceStub(self._channel)

    def invoke(
        self,
        tool: str,
        *,
        metadata: dict[str, str] | None = None,
        binary: dict[str, bytes] | None = None,
        **arguments: Any,
    ) -> Any:
        """The call's future; see `execute`."""
        future = self.stub.ExecuteTool.future(
            make_request(tool, arguments, metadata, binary),
            metadata=[("x-snakepit-token", TOKEN)],
            timeout=LIMIT_SECONDS,
        )
        self._futures.append(future)  # gRPC cancels calls whose future is forgotten
        return future

    def respond(self, tool: str, **arguments: Any) -> pb2.ExecuteToolResponse:
        response: pb2.ExecuteToolResponse = self.invoke(tool, **arguments).result()
        return response

    def execute(self, tool: str, **arguments: Any) -> Any:
        """The tool's result."""
        response = self.respond(tool, **arguments)
        assert response.success, response.error_message
        return (
            decode_any(response.result, response.attachments)
            if response.HasField("result")
            else response.binary_result
        )

    def stream(self, tool: str, **arguments: Any) -> Any:
        """The chunks of a streaming tool."""
        return self.stub.ExecuteStreamingTool(
            make_request(tool, arguments, None, None),
            metadata=[("x-snakepit-token", TOKEN)],
            timeout=LIMIT_SECONDS,
        )

    def drain_stdout(self) -> bytes:
        """What is in the pipe right now."""
        assert self.process.stdout is not None
        fd, parts = self.process.stdout.fileno(), []
        while select.select([fd], [], [], 0)[0]:
            part = os.read(fd, 65536)
            if not part:
                break
            parts.append(part)
        return b"".join(parts)

    def close(self) -> None:
        """Ends the process, whatever the test did to it."""
        if self._channel is not None:
            self._channel.close()
        # Also when it has ended: what a test started in its group may live, and pins the number.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self.process.wait(LIMIT_SECONDS)
        for end in (self.beat, self.lifeline, self.calls, self.process.stdout):
            if end is not None:
                end.close()


def make_request(
    tool: str,
    arguments: dict[str, Any],
    metadata: dict[str, str] | None,
    binary: dict[str, bytes] | None,
) -> pb2.ExecuteToolRequest:
    return pb2.ExecuteToolRequest(
        session_id="s1",
        tool_name=tool,
        parameters={key: encode_any(value) for key, value in arguments.items()},
        metadata=metadata or {},
        binary_parameters=binary or {},
    )


@contextlib.contextmanager
def executing(calls: Calls) -> Iterator[None]:
    """Counts one call while the context lasts."""
    call = object()
    calls.begin(call)
    try:
        yield
    finally:
        calls.end(call)
