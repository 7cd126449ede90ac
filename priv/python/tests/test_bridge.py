"""Calls from Python to Node, against a bridge that the test plays."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from snakepit_bridge.gen import snakepit_bridge_pb2 as pb2
from snakepit_bridge.gen import snakepit_bridge_pb2_grpc as pb2_grpc
from snakepit_bridge.serialization import decode_any, encode_any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .conftest import StartWorker
    from .harness import Worker


class Bridge(pb2_grpc.BridgeServiceServicer):
    """A Node application with two functions."""

    def ExecuteElixirTool(  # noqa: N802 - the contract's name
        self, request: pb2.ExecuteElixirToolRequest, context: grpc.ServicerContext
    ) -> pb2.ExecuteElixirToolResponse:
        if dict(context.invocation_metadata()).get("x-snakepit-token") != "b41d6e":
            context.abort(grpc.StatusCode.UNAUTHENTICATED, "who are you?")
        if request.tool_name == "fail":
            return pb2.ExecuteElixirToolResponse(success=False, error_message="no such user")
        value = decode_any(request.parameters["value"])
        result = {"value": value, "session": request.session_id}
        return pb2.ExecuteElixirToolResponse(success=True, result=encode_any(result))


@pytest.fixture
def bridge(short_dir: Path) -> Iterator[str]:
    """The address of a running bridge."""
    server = grpc.server(ThreadPoolExecutor(2))
    pb2_grpc.add_BridgeServiceServicer_to_server(Bridge(), server)
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
    """[I2.5] Without a bridge the message says what to do."""
    payload = failure(start(spawn, None), "call_node", name="echo", value=1)
    assert payload["type"] == "BridgeUnavailableError"
    assert "registerTool" in payload["message"]
