"""`grpc.health.v1` of a real worker, asked by a client made from the standard proto file."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from grpc_tools import protoc

from snakepit_bridge.health_service import read_service, write_status

from .harness import PACKAGE_DIR, TOKEN

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import StartWorker

HEADERS = (("x-snakepit-token", TOKEN),)
PROTO_DIR = PACKAGE_DIR.parent.parent / "proto"


@pytest.fixture
def health(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The stubs that everybody else has; `.pb2` are its messages."""
    out = tmp_path / "stubs"
    out.mkdir()
    arguments = ["", f"-I{PROTO_DIR}", f"--python_out={out}", f"--grpc_python_out={out}"]
    assert protoc.main([*arguments, "health.proto"]) == 0
    monkeypatch.syspath_prepend(str(out))
    for name in ("health_pb2", "health_pb2_grpc"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    stub: Any = importlib.import_module("health_pb2_grpc")
    stub.pb2 = importlib.import_module("health_pb2")
    return stub


def test_check_and_watch(spawn: StartWorker, health: Any) -> None:
    """[I6.4] It serves; what it does not have is not found; who watches hears that it stops."""
    worker = spawn("adapters.Plain")
    worker.start()
    request = health.pb2.HealthCheckRequest
    response = health.pb2.HealthCheckResponse
    with grpc.insecure_channel(f"unix:{worker.socket_path}") as channel:
        stub = health.HealthStub(channel)
        for service in ("", "snakepit.bridge.BridgeService"):
            answer = stub.Check(request(service=service), metadata=HEADERS, timeout=10)
            assert answer.status == response.SERVING
        with pytest.raises(grpc.RpcError) as unknown:
            stub.Check(request(service="other"), metadata=HEADERS, timeout=10)
        assert unknown.value.code() is grpc.StatusCode.NOT_FOUND
        with pytest.raises(grpc.RpcError) as stranger:
            stub.Check(request(), timeout=10)
        assert stranger.value.code() is grpc.StatusCode.UNAUTHENTICATED
        nothing = stub.Watch(request(service="other"), metadata=HEADERS, timeout=10)
        assert next(nothing).status == response.SERVICE_UNKNOWN
        nothing.cancel()
        watched = stub.Watch(request(), metadata=HEADERS, timeout=20)
        assert next(watched).status == response.SERVING
        worker.process.terminate()
        assert next(watched).status == response.NOT_SERVING


def test_messages() -> None:
    """[I6.4] Fields of later versions are passed over; what is cut off is an error, and nothing worse."""
    assert read_service(b"") == ""
    assert read_service(b"\x0a\x01x") == "x"
    assert read_service(b"\x10\x96\x01\x0a\x01x\x1a\x02ab") == "x"
    assert write_status(1) == b"\x08\x01"
    for broken in (b"\x0a\x05x", b"\x0a", b"\x80" * 12, b"\x0d1234"):
        with pytest.raises(ValueError, match="message"):
            read_service(broken)
