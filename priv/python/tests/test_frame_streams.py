"""Streams in frames, and the same over the unary path where both promise it, of real workers."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from snakepit_bridge.gen import snakepit_bridge_pb2 as pb2

from .frames import Frames, open_frame
from .harness import Stopwatch, Worker, wait_until

if TYPE_CHECKING:
    pass

CANCELLED = grpc.StatusCode.CANCELLED.value[0]
SOON_SECONDS = 1.0  # the limit for a generator whose consumer has left


def number_of(frame: pb2.Frame) -> int:
    assert frame.WhichOneof("kind") == "chunk", frame
    number: int = json.loads(frame.chunk.value.json)["i"]
    return number


def ask(frames: Frames, tool: str) -> Any:
    frames.open(90, tool)
    return frames.result(90)


def memory_of(worker: Worker) -> int:
    """The most it ever had, in bytes."""
    for line in Path(f"/proc/{worker.pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no VmHWM")


@pytest.mark.parametrize(("tool", "count"), [("produce", 10_000), ("aproduce", 2000)])
def test_slow_consumer(frames: Frames, calling: Worker, tool: str, count: int) -> None:
    """[I5.4] A stream of any length takes little memory: the generator is never further than the credit."""
    size, credit = 64 * 1024, 8
    frames.open(1, tool, stream=credit, size=size, count=count)
    frames.next(1)
    before = memory_of(calling)
    for number in range(1, count):
        frames.send(pb2.Frame(call=1, credit=1))
        assert number_of(frames.next(1)) == number
        if number % 1000 == 0:
            time.sleep(0.05)
            assert number < ask(frames, "produced_so_far") <= number + 1 + credit
    frames.send(pb2.Frame(call=1, credit=1))
    assert frames.next(1).WhichOneof("kind") == "result"
    assert memory_of(calling) - before < 32 * 1024 * 1024


@pytest.mark.parametrize("tool", ["produce", "aproduce", "returns_async_generator"])
def test_no_credit_at_first(frames: Frames, tool: str) -> None:
    """[I5.4] Without credit a generator does not even begin; all that is granted counts."""
    frames.open(1, tool, stream=0, size=1, count=5)
    frames.send(pb2.Frame(call=1, credit=2), pb2.Frame(call=1, credit=1))
    assert [number_of(frames.next(1)) for _ in range(3)] == [0, 1, 2]
    assert ask(frames, "produced_so_far") == 3
    frames.send(pb2.Frame(call=1, credit=100))
    assert [number_of(frames.next(1)) for _ in range(2)] == [3, 4]
    end = frames.next(1)
    assert end.WhichOneof("kind") == "result"
    assert not end.result.HasField("value")


@pytest.mark.parametrize(
    ("tool", "exception"),
    [
        ("produce", "GeneratorExit"),
        ("aproduce", "GeneratorExit"),
        ("returns_async_generator", "GeneratorExit"),
    ],
)
def test_consumer_leaves_while_there_is_no_credit(
    frames: Frames, tool: str, exception: str
) -> None:
    """[I5.4] A generator that waits for its consumer is closed as soon as that leaves."""
    frames.open(1, tool, stream=2, size=1, count=100)
    for _ in range(2):
        frames.next(1)
    with Stopwatch() as watch:
        frames.cancel(1)
        assert frames.failure(1).status == CANCELLED
    assert watch.seconds < SOON_SECONDS
    assert ask(frames, "closed_by") == exception


def test_consumer_leaves_while_a_generator_waits(frames: Frames) -> None:
    """[I5.4] An async generator that waits for something else is cancelled there."""
    frames.open(1, "aproduce_slowly", stream=10, count=5)
    frames.next(1)
    with Stopwatch() as watch:
        frames.cancel(1)
        assert frames.failure(1).status == CANCELLED
    assert watch.seconds < SOON_SECONDS
    assert ask(frames, "closed_by") == "CancelledError"


@pytest.mark.parametrize("tool", ["produce", "aproduce"])
def test_consumer_leaves_on_the_unary_path(calling: Worker, frames: Frames, tool: str) -> None:
    """[I5.4] The same over the unary path, which HTTP/2 holds back; chunks come in order there, too."""
    stream = calling.stream(tool, size=64 * 1024, count=10_000)
    assert [json.loads(next(stream).data)["i"] for _ in range(100)] == list(range(100))
    time.sleep(0.2)
    # 16 ahead, and what the windows of HTTP/2 hold of 64 KiB each.
    assert ask(frames, "produced_so_far") < 1000
    with Stopwatch() as watch:
        stream.cancel()
        wait_until(lambda: ask(frames, "closed_by") != "", "the generator is closed")
    assert watch.seconds < SOON_SECONDS


def test_failing_in_the_middle(frames: Frames, calling: Worker) -> None:
    """[I5.4] [I5.10] An error in mid-stream comes after the chunks: whole in frames, and as much as
    a status holds on the unary path."""
    frames.open(1, "fail_in_the_middle", stream=10, at=2)
    assert [json.loads(frames.next(1).chunk.value.json) for _ in range(2)] == [0, 1]
    failure = frames.failure(1)
    assert failure.status == 0
    payload = json.loads(failure.details)
    assert payload["message"] == "x" * 5000
    assert "calling.py" in payload["traceback"]
    assert [item["type"] for item in payload["causes"]] == ["KeyError"]
    with pytest.raises(grpc.RpcError) as caught:
        list(calling.stream("fail_in_the_middle", at=2))
    brief = json.loads(caught.value.details() or "")
    assert (brief["type"], brief["causes"]) == ("ValueError", [])


def test_unencodable_chunk(frames: Frames) -> None:
    """[I5.4] A chunk that cannot be sent ends the stream and closes the generator."""
    frames.open(1, "unencodable_chunk", stream=10)
    assert frames.next(1).chunk.value.json == b"1"
    assert json.loads(frames.failure(1).details)["type"] == "EncodingError"


def test_chunk_objects(frames: Frames) -> None:
    """[I5.4] A chunk object decides metadata and end itself."""
    frames.open(1, "chunks", stream=10)
    first, last = frames.next(1).chunk, frames.next(1).chunk
    assert (dict(first.metadata), first.is_final) == ({"kind": "a"}, False)
    assert (json.loads(last.value.json), last.is_final) == ({"done": True}, True)
    assert frames.next(1).WhichOneof("kind") == "result"


def test_single_value(frames: Frames) -> None:
    """[I5.4] A tool that does not yield gives one chunk; one that yields cannot be called without a stream."""
    for key, tool in ((1, "sleep"), (2, "asleep"), (3, "returns_coroutine")):
        frames.open(key, tool, stream=1, seconds=0)
        assert frames.next(key).chunk.value.json == b'"slept"'
        frames.send(pb2.Frame(call=key, credit=1))
        assert frames.next(key).WhichOneof("kind") == "result"
    for tool in ("produce", "aproduce"):
        frames.open(4, tool, size=1, count=1)
        assert "call it as a stream" in json.loads(frames.failure(4).details)["message"]


def test_large_chunks(frames: Frames) -> None:
    """[I5.4] [I5.5] Chunks with pieces come one after the other, before the end of their stream."""
    size = 700_000
    frames.open(1, "large_chunks", stream=10, count=4, size=size)
    for number in range(4):
        chunk = frames.next(1).chunk
        assert chunk.value.attachments[0].size == size
        assert frames.read(1, chunk.value) == bytes([number]) * size
    assert frames.next(1).WhichOneof("kind") == "result"


def test_many_streams(frames: Frames) -> None:
    """[I5.4] Streams do not wait for each other: one without credit holds nobody back."""
    frames.open(1, "produce", stream=0, size=1, count=5)
    keys = range(2, 22)
    frames.send(*(open_frame(key, "chunks", stream=5) for key in keys))
    for key in keys:
        kinds = [frames.next(key).WhichOneof("kind") for _ in range(3)]
        assert kinds == ["chunk", "chunk", "result"]
    frames.cancel(1)
    assert frames.failure(1).status == CANCELLED
