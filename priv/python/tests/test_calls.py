"""Calls of tools, over gRPC, of real workers."""

from __future__ import annotations

import json
import os
import stat
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from snakepit_bridge.gen import snakepit_bridge_pb2 as pb2
from snakepit_bridge.serialization import JSON_TYPE_URL

from .harness import LIMIT_SECONDS, TOKEN, Worker, make_request, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .conftest import StartWorker

HEADERS = [("x-snakepit-token", TOKEN)]


def refusal(call: Any) -> tuple[grpc.StatusCode, dict[str, Any]]:
    """Status and JSON details of a call that must fail."""
    with pytest.raises(grpc.RpcError) as caught:
        call()
    return caught.value.code(), json.loads(caught.value.details() or "")


def failure(worker: Worker, tool: str, **arguments: Any) -> dict[str, Any]:
    """The error payload of a tool that must raise."""
    response = worker.respond(tool, **arguments)
    assert not response.success
    payload: dict[str, Any] = json.loads(response.error_message)
    return payload


def test_ready_message(spawn: StartWorker) -> None:
    """[I2.5] The ready message names pid, start time, address, lifeline and tools."""
    worker = spawn("adapters.Plain")
    ready = worker.start()
    with open(f"/proc/{worker.pid}/stat") as file:
        start_time = file.read().rpartition(")")[2].split()[19]
    assert ready["pid"] == worker.pid
    assert ready["startTime"] == start_time
    assert ready["address"] == f"unix:{worker.socket_path}"
    assert ready["lifeline"] is True
    assert "frames" in ready["features"]
    assert {"add", "count", "async_sleep"} <= set(ready["tools"])
    assert stat.S_IMODE(os.stat(worker.socket_path).st_mode) == 0o600


@pytest.mark.parametrize(
    "value", [5, 2**60, 1.5, "x", "ä€😀", None, True, [1, [2]], {"a": {"b": None}}, [], {}]
)
def test_values_keep_their_type(serving: Worker, value: object) -> None:
    """[I2.5] What a tool gets and returns is what was sent."""
    result = serving.execute("echo", value=value)
    assert result == value
    assert type(result) is type(value)


def test_defaults_and_binary(serving: Worker) -> None:
    """[I2.5] Defaults apply; bytes travel as bytes in both directions, empty ones too."""
    assert serving.execute("add", a=1) == 3
    assert serving.execute("length", binary={"data": b"\x00\xff"}) == {"type": "bytes", "length": 2}
    assert serving.execute("make_bytes", length=3) == b"xxx"
    response = serving.respond("make_bytes", length=0)
    assert response.success
    assert not response.HasField("result")
    assert response.binary_result == b""


def test_ten_megabytes(serving: Worker) -> None:
    """[I2.5] Large messages pass; the limit is 100 MB, not gRPC's 4."""
    assert len(serving.execute("make_bytes", length=10_000_000)) == 10_000_000
    assert serving.execute("length", binary={"data": b"x" * 10_000_000})["length"] == 10_000_000


def test_unknown_tool(serving: Worker) -> None:
    """[I2.5] An unknown tool is NOT_FOUND, with what there is and what was probably meant."""
    code, details = refusal(lambda: serving.execute("ad"))
    assert code is grpc.StatusCode.NOT_FOUND
    assert details["code"] == "TOOL_NOT_FOUND"
    assert details["tool"] == "ad"
    assert details["suggestion"] == "add"
    assert "add" in details["available"]
    assert 'did you mean "add"' in details["message"]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({}, "missing a required argument: 'a'"),
        ({"a": 1, "c": 2}, "unexpected keyword argument 'c'"),
    ],
)
def test_wrong_arguments(serving: Worker, arguments: dict[str, int], problem: str) -> None:
    """[I2.5] Arguments that do not fit are INVALID_ARGUMENT, with the signature."""
    code, details = refusal(lambda: serving.execute("add", **arguments))
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert details["code"] == "INVALID_ARGUMENT"
    assert problem in details["message"]
    assert details["parameters"] == [
        {"name": "a", "type": "int", "required": True},
        {"name": "b", "type": "int", "required": False},
    ]


def test_malformed_argument(serving: Worker) -> None:
    """[I2.5] A parameter that is no JSON is INVALID_ARGUMENT, and the worker lives on."""
    request = pb2.ExecuteToolRequest(tool_name="echo")
    request.parameters["value"].type_url = JSON_TYPE_URL
    request.parameters["value"].value = b"{nope"
    code, details = refusal(
        lambda: serving.stub.ExecuteTool(request, metadata=HEADERS, timeout=LIMIT_SECONDS)
    )
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert 'parameter "value" of "echo" cannot be read' in details["message"]
    assert serving.execute("add", a=1) == 3


def test_raising_tool(serving: Worker) -> None:
    """[I2.5] What a tool raises arrives with class, message and its own traceback only."""
    payload = failure(serving, "fail", message="too hot")
    assert payload["type"] == "ValueError"
    assert payload["module"] == "builtins"
    assert payload["message"] == "too hot"
    assert payload["context"] == {"tool_name": "fail", "session_id": "s1"}
    assert "adapters.py" in payload["traceback"]
    assert "raise ValueError(message)" in payload["traceback"]
    assert "invocation.py" not in payload["traceback"]
    assert len(payload["stacktrace"]) == 1


@pytest.mark.parametrize(
    ("tool", "kind"),
    [("async_fail", "KeyError"), ("leave", "SystemExit"), ("stop_iteration", "StopIteration")],
)
def test_odd_exceptions(serving: Worker, tool: str, kind: str) -> None:
    """[I2.5] Nothing that a tool raises ends the worker or hangs the call."""
    assert failure(serving, tool)["type"] == kind
    assert serving.execute("add", a=1) == 3


@pytest.mark.parametrize(
    ("tool", "message"), [("unencodable", "contains itself"), ("count", "call it as a stream")]
)
def test_unencodable_result(serving: Worker, tool: str, message: str) -> None:
    """[I2.5] A result that cannot be sent is an EncodingError that says why."""
    arguments = {"to": 1} if tool == "count" else {}
    payload = failure(serving, tool, **arguments)
    assert payload["type"] == "EncodingError"
    assert message in payload["message"]


@pytest.mark.parametrize("metadata", [[], [("x-snakepit-token", "wrong")]])
def test_token_refused(serving: Worker, metadata: list[tuple[str, str]]) -> None:
    """[I2.5] A call without the token is refused, whatever it asks for."""
    request = pb2.ExecuteToolRequest(tool_name="pid")
    calls: list[Callable[[], Any]] = [
        lambda: serving.stub.Ping(pb2.PingRequest(), metadata=metadata, timeout=LIMIT_SECONDS),
        lambda: serving.stub.ExecuteTool(request, metadata=metadata, timeout=LIMIT_SECONDS),
        lambda: list(
            serving.stub.ExecuteStreamingTool(request, metadata=metadata, timeout=LIMIT_SECONDS)
        ),
    ]
    for call in calls:
        with pytest.raises(grpc.RpcError) as caught:
            call()
        assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
        assert "x-snakepit-token" in (caught.value.details() or "")


def test_sessions_and_ping(serving: Worker) -> None:
    """[I2.5] The remaining calls of the contract answer as in the original."""
    stub = serving.stub
    pong = stub.Ping(pb2.PingRequest(message="hi"), metadata=HEADERS)
    assert (pong.message, pong.success) == ("pong: hi", True)
    opened = stub.InitializeSession(
        pb2.InitializeSessionRequest(session_id="s9", metadata={"user": "42"}), metadata=HEADERS
    )
    assert opened.success
    assert opened.available_tools["add"].description == "Adds two numbers."
    found = stub.GetSession(pb2.GetSessionRequest(session_id="s9"), metadata=HEADERS)
    assert dict(found.metadata) == {"user": "42"}
    assert stub.Heartbeat(pb2.HeartbeatRequest(session_id="s9"), metadata=HEADERS).session_valid
    closed = stub.CleanupSession(pb2.CleanupSessionRequest(session_id="s9"), metadata=HEADERS)
    assert (closed.success, closed.resources_cleaned) == (True, 1)
    with pytest.raises(grpc.RpcError) as caught:
        stub.GetSession(pb2.GetSessionRequest(session_id="s9"), metadata=HEADERS)
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND
    listed = stub.GetExposedElixirTools(pb2.GetExposedElixirToolsRequest(), metadata=HEADERS)
    specs = {spec.name: spec for spec in listed.tools}
    assert specs["count"].supports_streaming
    assert [(p.name, p.type, p.required) for p in specs["add"].parameters] == [
        ("a", "int", True),
        ("b", "int", False),
    ]
    assert specs["add"].parameters[1].validation_json == '{"default":2}'
    with pytest.raises(grpc.RpcError) as caught:
        stub.RegisterTools(pb2.RegisterToolsRequest(), metadata=HEADERS)
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_adapter_life(spawn: StartWorker, tmp_path: Path) -> None:
    """[I2.5] Every call has a new instance, with initialize before and cleanup after, also on failure."""
    worker = spawn("adapters.WithLife")
    worker.start()
    for _ in range(2):
        assert worker.execute("work") == ["made", "initialized", "s1"]
    log = tmp_path / "log"
    assert not worker.respond("fail", metadata={"log": str(log)}).success
    assert log.read_text() == "made,initialized,cleaned"


def test_correlation_id(spawn: StartWorker) -> None:
    """[I2.5] The correlation id comes from the metadata, else from the header."""
    worker = spawn("adapters.WithLife")
    worker.start()
    request = pb2.ExecuteToolRequest(tool_name="metadata")
    headers = [*HEADERS, ("x-snakepit-correlation-id", "c-1")]
    response = worker.stub.ExecuteTool(request, metadata=headers)
    assert json.loads(response.result.value) == {"correlation_id": "c-1"}
    request.metadata["correlation_id"] = "c-2"
    response = worker.stub.ExecuteTool(request, metadata=headers)
    assert json.loads(response.result.value) == {"correlation_id": "c-2"}


def test_dispatcher(spawn: StartWorker) -> None:
    """[I2.5] An adapter with its own execute_tool gets every name, as in the original."""
    worker = spawn("adapters.Dispatcher")
    assert worker.start()["tools"] == []
    assert worker.execute("anything", a=1) == {
        "tool": "anything",
        "arguments": {"a": 1},
        "session": "s1",
    }


def test_cancelled_async_tool(serving: Worker, tmp_path: Path) -> None:
    """[I2.5] Cancelling the call cancels the coroutine in Python."""
    started, cancelled = tmp_path / "started", tmp_path / "cancelled"
    call = serving.invoke(
        "async_sleep", seconds=1000, mark=str(started), cancelled_mark=str(cancelled)
    )
    wait_until(started.exists, "the tool starts")
    call.cancel()
    wait_until(cancelled.exists, "the tool is cancelled")


def test_cancelled_sync_tool(spawn: StartWorker, tmp_path: Path) -> None:
    """[I2.5] A cancelled tool in a thread counts as in flight until it returns, and can see it."""
    worker = spawn("adapters.WithLife")
    worker.start()
    started, log = tmp_path / "started", tmp_path / "log"
    call = worker.invoke("wait_until_cancelled", mark=str(started), metadata={"log": str(log)})
    wait_until(started.exists, "the tool starts")
    assert in_flight(worker) == 1
    call.cancel()
    wait_until(log.exists, "the tool returned and was cleaned up")
    wait_until(lambda: in_flight(worker) == 0, "the call is over")


def test_deadline(plain: Worker, tmp_path: Path) -> None:
    """[I2.5] A deadline ends the call for the caller; the thread keeps counting."""
    assert plain.execute("add", a=1) == 3  # connected: the time is for the call alone
    started, release = tmp_path / "started", tmp_path / "release"
    request = make_request("hold", {"mark": str(started), "until": str(release)}, None, None)
    with pytest.raises(grpc.RpcError) as caught:
        plain.stub.ExecuteTool(request, metadata=HEADERS, timeout=2)
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert started.exists()
    assert in_flight(plain) == 1
    release.touch()
    wait_until(lambda: in_flight(plain) == 0, "the thread returns")


def in_flight(worker: Worker) -> int:
    worker.send({"type": "ping", "seq": 1})
    count: int = worker.receive()["inFlight"]
    return count
