"""Calls from Python to Node, against a bridge that the test plays."""

from __future__ import annotations

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from snakepit_bridge import SessionContext
from snakepit_bridge.beats import BridgeAddress
from snakepit_bridge.bridge_client import BridgeClient
from snakepit_bridge.gen import snakepit_bridge_pb2 as pb2
from snakepit_bridge.gen import snakepit_bridge_pb2_grpc as pb2_grpc
from snakepit_bridge.serialization import (
    JSON_TYPE_URL,
    decode_any,
    decode_value,
    encode_any,
    encode_value,
)

from .harness import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .conftest import StartWorker
    from .harness import Worker


class Bridge(pb2_grpc.BridgeServiceServicer):
    """A Node application with a few functions."""

    def __init__(self) -> None:
        self.requests: list[pb2.ExecuteElixirToolRequest] = []
        self.given_up = threading.Event()

    def ExecuteElixirTool(  # noqa: N802 - the contract's name
        self, request: pb2.ExecuteElixirToolRequest, context: grpc.ServicerContext
    ) -> pb2.ExecuteElixirToolResponse:
        if dict(context.invocation_metadata()).get("x-snakepit-token", "") not in ("b41d6e", ""):
            context.abort(grpc.StatusCode.UNAUTHENTICATED, "who are you?")
        self.requests.append(request)
        if request.tool_name == "fail":
            return pb2.ExecuteElixirToolResponse(success=False, error_message="no such user")
        if request.tool_name == "report":
            response = pb2.ExecuteElixirToolResponse(success=False, error_message="Error: outer")
            response.metadata["failure"] = json.dumps(REPORT)
            return response
        if request.tool_name == "wait":
            context.add_callback(self.given_up.set)
            self.given_up.wait(20)
        if "" not in request.parameters:  # a runtime of the original
            value = decode_any(request.parameters["value"])
            return pb2.ExecuteElixirToolResponse(success=True, result=encode_any(value))
        arguments = decode_value(request.parameters[""].value, request.attachments)
        text, attachments = encode_value({**arguments, "session": request.session_id})
        response = pb2.ExecuteElixirToolResponse(
            success=True, attachments=[bytes(item) for item in attachments]
        )
        response.result.type_url, response.result.value = JSON_TYPE_URL, text
        return response

    def GetExposedElixirTools(  # noqa: N802 - the contract's name
        self, request: pb2.GetExposedElixirToolsRequest, context: grpc.ServicerContext
    ) -> pb2.GetExposedElixirToolsResponse:
        context.add_callback(self.given_up.set)
        self.given_up.wait(20)
        return pb2.GetExposedElixirToolsResponse()


REPORT = {
    "name": "Error",
    "message": "outer",
    "code": "E_OUTER",
    "stack": "Error: outer\n    at find (users.js:7)",
    "details": {"user": 5},
    "cause": {"name": "RangeError", "message": "inner", "stack": "RangeError: inner\n    at x.js"},
}


@pytest.fixture
def node() -> Bridge:
    """The functions of a running bridge."""
    return Bridge()


@pytest.fixture
def bridge(short_dir: Path, node: Bridge) -> Iterator[str]:
    """The address of a running bridge."""
    server = grpc.server(ThreadPoolExecutor(2))
    pb2_grpc.add_BridgeServiceServicer_to_server(node, server)
    address = f"unix:{short_dir}/bridge.sock"
    server.add_insecure_port(address)
    server.start()
    try:
        yield address
    finally:
        server.stop(None).wait()


def start(spawn: StartWorker, bridge: dict[str, str] | None) -> Worker:
    worker = spawn("adapters.WithLife")
    worker.start(bridge=bridge)
    return worker


def failure(worker: Worker, tool: str, **arguments: Any) -> dict[str, Any]:
    payload: dict[str, Any] = json.loads(worker.respond(tool, **arguments).error_message)
    return payload


@pytest.mark.parametrize("tool", ["call_node", "acall_node"])
def test_call_node(spawn: StartWorker, bridge: str, tool: str) -> None:
    """[I2.5] A tool calls a function of the application, in its own session; text stays text."""
    worker = start(spawn, {"address": bridge, "token": "b41d6e"})
    for value in ("text", 5, None, [1]):
        assert worker.execute(tool, name="echo", value=value) == {"value": value, "session": "s1"}


@pytest.mark.parametrize("tool", ["call_node", "acall_node"])
def test_failing_function(spawn: StartWorker, bridge: str, tool: str) -> None:
    """[I2.5] The function's failure is an exception in Python, with the host's message."""
    worker = start(spawn, {"address": bridge, "token": "b41d6e"})
    payload = failure(worker, tool, name="fail", value=1)
    assert (payload["type"], payload["message"]) == ("NodeToolError", "no such user")


def test_wrong_token(spawn: StartWorker, bridge: str) -> None:
    """[I2.5] A bridge that refuses us is unavailable, and says so."""
    worker = start(spawn, {"address": bridge, "token": "wrong"})
    payload = failure(worker, "call_node", name="echo", value=1)
    assert payload["type"] == "BridgeUnavailableError"
    assert "UNAUTHENTICATED" in payload["message"]


def test_no_bridge(spawn: StartWorker) -> None:
    """[I2.5] Without a bridge the message says so."""
    payload = failure(start(spawn, None), "call_node", name="echo", value=1)
    assert payload["type"] == "BridgeUnavailableError"
    assert "without a bridge to Node" in payload["message"]


def start_callers(spawn: StartWorker, bridge: str, token: str = "b41d6e") -> Worker:
    worker = spawn("node_callers.NodeCallers", SNAKEPIT_WORKER="pool/w1/abc")
    worker.start(bridge={"address": bridge, "token": token})
    return worker


def test_values(spawn: StartWorker, bridge: str) -> None:
    """[I5.6] Values reach Node and come back as they are, also those that JSON lacks."""
    assert start_callers(spawn, bridge).execute("values") is True


def test_error_of_node(spawn: StartWorker, bridge: str) -> None:
    """[I5.6] An error of Node is an exception with its class, code, details, stack and cause."""
    worker = start_callers(spawn, bridge)
    assert worker.execute("error", name="report") == {
        "type": "NodeToolError",
        "text": "Error: outer",
        "class": "Error",
        "code": "E_OUTER",
        "stack": REPORT["stack"],
        "details": {"user": 5},
        "cause": ["RangeError", "RangeError: inner", "RangeError: inner\n    at x.js"],
    }
    payload = failure(worker, "call", name="report")
    # The traceback tells it all, in the order of Python: the cause first.
    inner, outer = (payload["traceback"].index(text) for text in ("inner", "Error: outer"))
    assert inner < outer
    assert "at find (users.js:7)" in payload["traceback"]


@pytest.mark.parametrize("tool", ["call", "acall"])
def test_what_node_is_told(spawn: StartWorker, bridge: str, node: Bridge, tool: str) -> None:
    """[I5.6] Node learns who calls, how deep, and the correlation id."""
    worker = start_callers(spawn, bridge)
    metadata = {"snakepit_depth": "3", "correlation_id": "c1"}
    response = worker.invoke(tool, metadata=metadata, name="echo", n=1).result()
    assert decode_any(response.result) == {"n": 1, "session": "s1"}
    told = dict(node.requests[0].metadata)
    assert 0 < int(told.pop("timeout_ms")) <= 31_000
    assert told == {
        "snakepit_depth": "4",
        "correlation_id": "c1",
        "snakepit_worker": "pool/w1/abc",
        "snakepit_values": "1",
    }


@pytest.mark.parametrize("tool", ["call", "acall"])
def test_time_limit(spawn: StartWorker, bridge: str, tool: str) -> None:
    """[I5.6] A call of Node has a time limit of its own."""
    payload = failure(start_callers(spawn, bridge), tool, name="wait", timeout=0.2)
    assert payload["type"] == "NodeCallTimeoutError"
    assert payload["message"] == "the Node function 'wait' did not answer within 0.200 s"


@pytest.mark.parametrize("tool", ["call", "acall"])
def test_caller_gives_up(spawn: StartWorker, bridge: str, node: Bridge, tool: str) -> None:
    """[I5.6] When the caller of a tool gives up, so does the tool's call of Node, in a thread too."""
    worker = start_callers(spawn, bridge)
    call = worker.invoke(tool, name="wait")
    wait_until(lambda: node.requests, "the call of Node")
    call.cancel()
    assert node.given_up.wait(10)


def test_sync_call_on_the_loop(spawn: StartWorker, bridge: str) -> None:
    """[I5.6] In an async tool the waiting variant says what to write instead; the original's waits."""
    worker = start_callers(spawn, bridge)
    payload = failure(worker, "blocks_loop")
    assert payload["type"] == "RuntimeError"
    assert "await session_context.acall_node_tool" in payload["message"]
    assert worker.execute("as_in_the_original") == {"value": 1, "session": "s1"}


def test_runtime_of_the_original(bridge: str, node: Bridge) -> None:
    """[I5.6] A runtime of the original gets plain JSON, an argument each."""
    client = BridgeClient(BridgeAddress(bridge, ""), knows_markers=False, worker="")
    session = SessionContext("s1", None, client)
    assert session.call_elixir_tool("echo", value=[1, "a"]) == [1, "a"]
    assert "snakepit_values" not in node.requests[0].metadata


def test_a_runtime_that_does_not_answer(bridge: str, node: Bridge) -> None:
    """[I5.6] Who asks what there is waits no longer than the caller of the tool."""
    client = BridgeClient(BridgeAddress(bridge, "b41d6e"))
    # Enough for the question to get there.
    context = SessionContext("s1", {}, client, deadline=time.monotonic() + 1.5)
    assert context.node_tools == {}
    assert node.given_up.wait(10)
