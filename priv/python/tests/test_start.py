"""Starting: what a worker does with what it is given."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from snakepit_bridge.gen import snakepit_bridge_pb2 as pb2
from snakepit_bridge.gen import snakepit_bridge_pb2_grpc as pb2_grpc
from snakepit_bridge.serialization import decode_any

from .harness import (
    FIXTURES,
    LIMIT_SECONDS,
    TOKEN,
    Worker,
    is_alive,
    make_request,
    wait_until,
    worker_environment,
)

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import StartWorker

FAILURES = [
    ("nowhere.Adapter", "ADAPTER_NOT_FOUND", 69, "there is no module 'nowhere'"),
    ("adaptres.Plain", "ADAPTER_NOT_FOUND", 69, "did you mean 'adapters'?"),
    ("adapters.sub.Plain", "ADAPTER_NOT_FOUND", 69, "no module 'adapters.sub'"),
    ("adapters.Plian", "ADAPTER_NOT_FOUND", 69, "has no class 'Plian'; did you mean 'Plain'?"),
    ("raises_on_import.X", "ADAPTER_IMPORT", 69, "RuntimeError: the model file is missing"),
    ("needs_missing_module.X", "ADAPTER_IMPORT", 69, "needs the module 'surely_not_installed'"),
    ("adapters.NoTools", "ADAPTER_INVALID", 78, "put @tool before at least one method"),
    ("adapters.not_a_class", "ADAPTER_INVALID", 78, "is a int, not a class"),
    ("adapters", "ADAPTER_INVALID", 78, "not of the form 'package.module.Class'"),
    ("decimal.Decimal", "ADAPTER_INVALID", 78, "put @tool before at least one method"),
]


@pytest.mark.parametrize(("adapter", "code", "status", "text"), FAILURES)
def test_adapter_errors(
    spawn: StartWorker, adapter: str, code: str, status: int, text: str
) -> None:
    """[I2.5] An adapter that cannot be used is reported precisely, and the status says: no restart."""
    worker = spawn(adapter)
    worker.hello()
    message = worker.receive()
    assert (message["type"], message["code"]) == ("failed", code)
    assert text in message["message"]
    assert worker.wait() == status
    assert text in worker.stderr


def test_traceback_of_import(spawn: StartWorker) -> None:
    """[I2.5] The adapter's own traceback is shown, without ours."""
    worker = spawn("raises_on_import.X")
    text = worker.receive()["traceback"]
    assert 'raises_on_import.py", line 3' in text
    assert "adapter_loader" not in text
    assert "importlib" not in text


def test_flood_before_ready(spawn: StartWorker) -> None:
    """[I2.5] Garbage and megabytes on stdout do not disturb readiness."""
    worker = spawn("floods_stdout.Flood")
    worker.hello()
    assert worker.process.stdout is not None
    printed = 0
    while printed < 40_000 * 121:
        printed += len(os.read(worker.process.stdout.fileno(), 65536))
    assert worker.receive()["type"] == "ready"
    assert worker.execute("ok") is True


def test_prints_arrive_whole(plain: Worker) -> None:
    """[I2.5] What tools print goes to stdout, and nothing of ours is among it."""
    assert plain.execute("print_lines", count=3) == "printed"
    lines = plain.drain_stdout().decode().splitlines()
    assert lines == [f"line {number} " + "x" * 100 for number in range(3)]


@pytest.mark.parametrize(
    ("listen", "text"),
    [
        ("unix:/tmp/" + "x" * 200 + ".sock", "has 210 bytes; the system allows 103"),
        ("unix:/surely/not/there/w.sock", "cannot listen"),
        ("tcp:0.0.0.0:0", "loopback only"),
        ("pigeon:1", "only unix:/path and tcp:host:port"),
    ],
)
def test_listen_errors(spawn: StartWorker, listen: str, text: str) -> None:
    """[I2.5] A place that cannot be listened on is reported as LISTEN."""
    worker = spawn("adapters.Plain")
    worker.hello(listen=listen)
    message = worker.receive()
    assert (message["type"], message["code"]) == ("failed", "LISTEN")
    assert text in message["message"]
    assert worker.wait() == 69


def test_loopback_tcp(spawn: StartWorker) -> None:
    """[I2.5] Where there are no Unix sockets: loopback TCP, with the same token."""
    worker = spawn("adapters.Plain")
    address = worker.start(listen="tcp:127.0.0.1:0")["address"]
    assert address.startswith("127.0.0.1:")
    with grpc.insecure_channel(address) as channel:
        stub: Any = pb2_grpc.BridgeServiceStub(channel)
        headers = [("x-snakepit-token", TOKEN)]
        assert stub.Ping(pb2.PingRequest(message="x"), metadata=headers).message == "pong: x"
        with pytest.raises(grpc.RpcError) as caught:
            stub.Ping(pb2.PingRequest())
        assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED


def test_wrong_arguments_exit_2(spawn: StartWorker) -> None:
    """[I2.5] A wrong command line is status 2, with what was probably meant."""
    worker = spawn("adapters.Plain", "--wroker-id", "x")
    assert worker.wait() == 2
    assert "did you mean --worker-id?" in worker.stderr


def test_legacy_host(tmp_path: Path) -> None:
    """[I2.5] [I5.11] A host of the original passes --port and waits for a ready file; no token there."""
    ready = tmp_path / "ready"
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "snakepit_bridge",
            "--adapter",
            "adapters.Plain",
            "--port",
            "0",
            "--elixir-address",
            "127.0.0.1:1",
            "--run-id",
            "abc",
            "--snakepit-instance-name",
            "n",
            "--snakepit-instance-token",
            "t",
            "--heartbeat-enabled",
            "--heartbeat-interval-ms",
            "500",
        ],
        cwd=FIXTURES,
        env=worker_environment(
            SNAKEPIT_READY_FILE=str(ready),
            SNAKEPIT_PROCESS_GROUP="1",
            SNAKEPIT_HEARTBEAT_CONFIG='{"enabled":true,"interval_ms":500,"max_missed_heartbeats":1}',
        ),
        stdout=subprocess.DEVNULL,
    )
    try:
        wait_until(ready.exists, "the ready file is written")
        assert os.getpgid(process.pid) == process.pid
        with grpc.insecure_channel(f"127.0.0.1:{int(ready.read_text())}") as channel:
            stub: Any = pb2_grpc.BridgeServiceStub(channel)
            request = make_request("add", {"a": 1}, None, None)
            response = stub.ExecuteTool(request, timeout=LIMIT_SECONDS)
            assert decode_any(response.result) == 3
            # The session that the host gives each worker, and the heartbeat that asks about it.
            session = pb2.InitializeSessionRequest(session_id="session_1_2", metadata={"a": "b"})
            opened = stub.InitializeSession(session)
            assert opened.success
            beat = pb2.HeartbeatRequest(session_id="session_1_2")
            assert stub.Heartbeat(beat).session_valid
            assert not stub.Heartbeat(pb2.HeartbeatRequest(session_id="other")).session_valid
            failed = stub.ExecuteTool(
                make_request("fail", {"message": "x"}, None, None), timeout=LIMIT_SECONDS
            )
            assert not failed.success
            assert json.loads(failed.error_message)["type"] == "ValueError"
        process.send_signal(signal.SIGTERM)
        assert process.wait(LIMIT_SECONDS) == 0
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize(
    ("adapter", "status", "code"),
    [
        ("adapters.Plain", 0, None),
        ("raises_on_import.X", 69, "ADAPTER_IMPORT"),
        ("adapters.NoTools", 78, "ADAPTER_INVALID"),
    ],
)
def test_health_check(adapter: str, status: int, code: str | None) -> None:
    """[I2.5] --health-check imports the adapter and prints JSON."""
    result = subprocess.run(
        [sys.executable, "-m", "snakepit_bridge", "--health-check", "--adapter", adapter],
        cwd=FIXTURES,
        env=worker_environment(),
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
        check=False,
    )
    report = json.loads(result.stdout)
    assert result.returncode == status
    assert report["ok"] is (code is None)
    assert (report["error"] or {}).get("code") == code
    assert ("add" in report["tools"]) is (code is None)
    assert report["packages"]["grpcio"]


def test_health_check_goes_with_its_runtime() -> None:
    """[R1.1] A health check whose adapter imports for ever ends with whoever asked for it."""
    ours, theirs = socket.socketpair()
    process = subprocess.Popen(
        [
            *(sys.executable, "-u", "-m", "snakepit_bridge"),
            *("--health-check", "--adapter", "slow_import.Never"),
        ],
        cwd=FIXTURES,
        env=worker_environment(SNAKEPIT_LIFELINE_FD=str(theirs.fileno())),
        stdout=subprocess.PIPE,
        pass_fds=[theirs.fileno()],
        start_new_session=True,
    )
    try:
        theirs.close()
        assert process.stdout is not None
        assert b"importing" in process.stdout.readline()
        ours.close()
        assert process.wait(LIMIT_SECONDS) == -signal.SIGKILL
    finally:
        ours.close()
        process.kill()
        process.communicate()


def test_missing_grpc(spawn: StartWorker, tmp_path: Path) -> None:
    """[I2.5] A Python without grpcio is reported as ENVIRONMENT, with what to type."""
    (tmp_path / "grpc.py").write_text("raise ModuleNotFoundError(\"No module named 'grpc'\")\n")
    path = os.pathsep.join([str(tmp_path), worker_environment()["PYTHONPATH"]])
    worker = spawn("adapters.Plain", PYTHONPATH=path)
    message = worker.receive()
    assert (message["type"], message["code"]) == ("failed", "ENVIRONMENT")
    assert "No module named 'grpc'" in message["message"]
    assert "snakepit setup" in message["message"]
    worker.hello()
    assert worker.wait() == 69


def test_package_imports_nothing_heavy() -> None:
    """[I2.5] Importing the package costs nothing: the lifeline comes first."""
    code = "import sys, snakepit_bridge; print([m for m in ('grpc', 'json', 'asyncio', 'typing') if m in sys.modules])"
    result = subprocess.run(
        [
            sys.executable,
            "-I",
            "-S",
            "-c",
            f"import sys; sys.path.insert(0, {str(FIXTURES.parent.parent)!r}); {code}",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.strip() == "[]"


def test_legacy_host_dies(tmp_path: Path) -> None:
    """[I5.11] When a host of the original is killed, its worker goes at once, whatever it executes."""
    ready = tmp_path / "ready"
    worker = [sys.executable, "-m", "snakepit_bridge", "--adapter", "adapters.Plain", "--port", "0"]
    host = subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"import subprocess; p = subprocess.Popen({worker!r}); print(p.pid, flush=True); p.wait()",
        ],
        cwd=FIXTURES,
        env=worker_environment(SNAKEPIT_READY_FILE=str(ready), SNAKEPIT_PROCESS_GROUP="1"),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert host.stdout is not None
    with host.stdout:
        pid = int(host.stdout.readline())
    try:
        wait_until(ready.exists, "the ready file is written")
        host.kill()
        host.wait()
        wait_until(lambda: not is_alive(pid), "the worker is gone", 5)
    finally:
        if is_alive(pid):
            os.kill(pid, signal.SIGKILL)
