"""Tools that raise what nobody should raise."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import grpc
import pytest

from .harness import Worker

if TYPE_CHECKING:
    from .conftest import StartWorker

KINDS = [
    "CancelledError",
    "GeneratorExit",
    "KeyboardInterrupt",
    "OnlyBase",
    "SystemExit",
    "StopAsyncIteration",
    "UnspeakableError",
]


def test_import_that_raises_anything(spawn: StartWorker) -> None:
    """[I2.5] Whatever an adapter raises on import is reported: a restart will not help."""
    worker = spawn("raises_unspeakable.X")
    message = worker.receive()
    assert (message["type"], message["code"]) == ("failed", "ADAPTER_IMPORT")
    assert "UnspeakableError" in message["message"]
    worker.hello()
    assert worker.wait() == 69


def test_failure_before_hello(spawn: StartWorker) -> None:
    """[I2.5] [WH-3] It does not end before the runtime's first message has come, which would find its end closed."""
    worker = spawn("raises_unspeakable.X")
    worker.receive()
    with pytest.raises(subprocess.TimeoutExpired):
        worker.process.wait(1)
    worker.hello()
    assert worker.wait() == 69


@pytest.fixture(scope="module")
def worker(spawn_shared: StartWorker) -> Worker:
    worker = spawn_shared("misbehaving.Misbehaving")
    worker.start()
    return worker


@pytest.mark.parametrize("thread_sensitive", ["", "true"])
@pytest.mark.parametrize("tool", ["throw", "athrow"])
@pytest.mark.parametrize("kind", KINDS)
def test_whatever_is_raised(worker: Worker, tool: str, kind: str, thread_sensitive: str) -> None:
    """[I2.5] Whatever a tool raises, wherever it runs, is the answer of its call, and the worker lives on."""
    call = worker.invoke(tool, kind=kind, metadata={"thread_sensitive": thread_sensitive})
    response = call.result()
    assert not response.success
    assert json.loads(response.error_message)["type"] == kind
    assert worker.execute("ok") is True


@pytest.mark.parametrize("tool", ["yield_and_throw", "ayield_and_throw"])
@pytest.mark.parametrize("kind", KINDS)
def test_whatever_ends_a_stream(worker: Worker, tool: str, kind: str) -> None:
    """[I2.5] Whatever a generator raises ends its stream with INTERNAL, and the worker lives on."""
    stream = worker.stream(tool, kind=kind)
    assert next(stream).data == b"1"
    with pytest.raises(grpc.RpcError) as caught:
        next(stream)
    assert caught.value.code() is grpc.StatusCode.INTERNAL
    # A generator turns some into a RuntimeError of its own.
    assert kind in (caught.value.details() or "")
    assert worker.execute("ok") is True


def test_close_that_fails(worker: Worker) -> None:
    """[I2.5] A generator that raises when it is closed ends its stream with that."""
    stream = worker.stream("fail_at_the_end")
    with pytest.raises(grpc.RpcError) as caught:
        list(stream)
    assert caught.value.code() is grpc.StatusCode.INTERNAL
    assert "closed badly" in (caught.value.details() or "")


def test_objects_that_fail_when_asked(worker: Worker) -> None:
    """[I2.5] An object whose attributes raise is sent as a marker of its type, alone and in a stream."""
    marker = {"__ffi_unserializable__": True, "__type__": "misbehaving.Attributes"}
    assert worker.execute("attributes") == marker
    chunks = list(worker.stream("yield_attributes"))
    assert json.loads(chunks[0].data) == marker


def test_as_many_calls_as_the_pool_sends(worker: Worker) -> None:
    """[I2.5] How many calls run at a time is decided by the pool: forty that wait for each other all run."""
    calls = [worker.invoke("meet") for _ in range(40)]
    assert all(call.result().success for call in calls)


def test_too_large_to_send(worker: Worker) -> None:
    """[I2.5] A result above the limit is refused by name, and the worker lives on."""
    with pytest.raises(grpc.RpcError) as caught:
        worker.execute("make_text", length=101 * 1024 * 1024)
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "SERVER: Sent message larger than max" in (caught.value.details() or "")
    assert worker.execute("ok") is True


def test_endless_exception(worker: Worker) -> None:
    """[I2.5] An exception with a text of any length is answered, with the beginning and end of it."""
    response = worker.respond("fail_at_length", length=101 * 1024 * 1024)
    assert not response.success
    payload = json.loads(response.error_message)
    assert payload["type"] == "ValueError"
    assert payload["message"].startswith("yyy")
    assert "misbehaving.py" in payload["traceback"]
    assert len(response.error_message) < 1_000_000
