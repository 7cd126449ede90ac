"""Calls in frames, of real workers."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING

import grpc
import pytest

from snakepit_bridge.gen import snakepit_bridge_pb2 as pb2
from snakepit_bridge.serialization import decode_value

from .frames import Frames, SocketFrames, Stream, open_frame
from .harness import Worker, wait_until

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def frames(either_frames: Stream) -> Stream:
    return either_frames


def test_hello_is_first(frames: Stream) -> None:
    """[I5.2] The worker says first what it can and how many calls it takes."""
    assert "frames" in frames.hello.features
    assert frames.hello.max_calls == 1000


@pytest.mark.parametrize("value", [5, 2**60, 1.5, "ä€😀", None, True, [1, [2]], {"a": {}}])
def test_values_keep_their_type(frames: Stream, value: object) -> None:
    """[I5.5] What a tool gets and returns is what was sent."""
    frames.open(1, "echo", value=value)
    assert frames.result(1) == value


def test_many_calls_in_one_message(frames: Stream) -> None:
    """[I5.2] Every call of a message is answered under its own number, in few messages."""
    count = 500
    frames.batches.clear()
    frames.send(*(open_frame(key, "aecho", value=key) for key in range(1, count + 1)))
    answers = [frames.next() for _ in range(count)]
    assert {frame.call: json.loads(frame.result.value.json) for frame in answers} == {
        key: key for key in range(1, count + 1)
    }
    assert len(frames.batches) < count / 10


def test_failures(frames: Stream) -> None:
    """[I5.10] A refused call has the status of the unary call; one that raised has the payload."""
    frames.open(1, "ad")
    refused = frames.failure(1)
    assert grpc.StatusCode.NOT_FOUND.value[0] == refused.status
    assert json.loads(refused.details)["suggestion"] == "add"
    frames.open(2, "add", b=1)
    assert frames.failure(2).status == grpc.StatusCode.INVALID_ARGUMENT.value[0]
    frames.open(3, "fail", message="too hot")
    raised = frames.failure(3)
    assert raised.status == 0
    assert json.loads(raised.details)["message"] == "too hot"
    frames.send(pb2.Frame(call=4, open=pb2.OpenCall(tool="add", arguments=pb2.Value(json=b"{no"))))
    assert frames.failure(4).status == grpc.StatusCode.INVALID_ARGUMENT.value[0]


def test_cancel_async(frames: Stream, tmp_path: Path) -> None:
    """[I5.2] A cancelled coroutine is told, and the call ends when it has returned."""
    started, cancelled = tmp_path / "started", tmp_path / "cancelled"
    frames.open(1, "async_sleep", seconds=1000, mark=str(started), cancelled_mark=str(cancelled))
    wait_until(started.exists, "the tool starts")
    frames.cancel(1)
    assert frames.failure(1).status == grpc.StatusCode.CANCELLED.value[0]
    assert cancelled.exists()


def test_ping(frames: Stream) -> None:
    """[I5.2] A ping is answered with the same number, while calls run."""
    frames.send(pb2.Frame(call=7, ping=pb2.PingRequest(message="x")))
    pong = frames.next().pong
    assert pong.message == "pong: x"


def test_chunks_and_credit(frames: Stream) -> None:
    """[I5.4] Chunks come in order, no more than there is credit for; then the end without a value."""
    frames.open(1, "count", stream=2, to=3)
    assert [json.loads(frames.next(1).chunk.value.json)["i"] for _ in range(2)] == [0, 1]
    frames.send(pb2.Frame(call=1, credit=5))
    assert json.loads(frames.next(1).chunk.value.json)["i"] == 2
    end = frames.next(1)
    assert end.WhichOneof("kind") == "result"
    assert not end.result.HasField("value")


def test_pieces_both_ways(frames: Stream) -> None:
    """[I5.5] Large bytes come and go in pieces, while others are served."""
    size = 3_000_000
    data = bytes(range(256)) * (size // 256)
    frames.send(
        pb2.Frame(
            call=1,
            open=pb2.OpenCall(
                tool="echo",
                arguments=pb2.Value(attachments=[pb2.Attachment(size=len(data))]),
                binary_arguments={"value": 0},
            ),
        )
    )
    for at in range(0, len(data), 256 * 1024):
        frames.send(pb2.Frame(call=1, piece=pb2.Piece(data=data[at : at + 256 * 1024])))
        frames.open(2 + at, "add", a=1)
        assert frames.result(2 + at) == 3
    assert frames.result(1) == data
    assert max(frames.batches) <= 1024 * 1024 + 1024


def test_duplicate_call(serving: Worker, tmp_path: Path) -> None:
    """[I5.12] A call under a number that is in use ends the stream with INVALID_ARGUMENT."""
    frames = Frames(serving)
    started, cancelled = tmp_path / "started", tmp_path / "cancelled"
    frames.open(1, "async_sleep", seconds=1000, mark=str(started), cancelled_mark=str(cancelled))
    frames.open(1, "add", a=1)
    assert frames.code() is grpc.StatusCode.INVALID_ARGUMENT
    wait_until(cancelled.exists, "its calls are cancelled")


@pytest.mark.parametrize(
    "junk", [b"\x01\x00\x00\x00\x00", b"\x00\xff\xff\xff\xff", b"\x00\x00\x00\x00\x02\xff\xff"]
)
def test_no_message_on_the_socket(plain: Worker, junk: bytes) -> None:
    """[I5.12] What is no message ends the socket, and nothing else of the worker."""
    stream = SocketFrames(plain)
    stream.put_raw(junk)
    assert list(stream.frames) == []
    wait_until(lambda: "the call socket is broken" in plain.stderr, "it says why")
    assert plain.execute("add", a=2, b=3) == 5


def test_message_in_parts(plain: Worker) -> None:
    """[I5.12] It does not matter how the bytes of messages come, as long as they come."""
    stream = SocketFrames(plain)
    data = b"".join(
        b"\0" + len(text).to_bytes(4, "big") + text
        for text in (
            pb2.FrameBatch(frames=[open_frame(key, "echo", value=key)]).SerializeToString()
            for key in (1, 2, 3)
        )
    )
    for place in range(0, len(data), 7):
        stream.put_raw(data[place : place + 7])
    assert sorted(stream.result(key) for key in (1, 2, 3)) == [1, 2, 3]
    stream.close()


def test_closed_socket_cancels(plain: Worker, tmp_path: Path) -> None:
    """[I5.2] When the runtime closes its end, the calls of the socket are cancelled."""
    started, cancelled = tmp_path / "started", tmp_path / "cancelled"
    stream = SocketFrames(plain)
    stream.open(1, "async_sleep", seconds=1000, mark=str(started), cancelled_mark=str(cancelled))
    wait_until(started.exists, "the tool starts")
    stream.close()
    wait_until(cancelled.exists, "the tool is told")


def test_peer_that_does_not_read(plain: Worker) -> None:
    """[I5.12] Who does not read is not listened to for long: what waits for it is bounded, and nothing
    of it is lost."""
    stream = SocketFrames(plain)
    count, text = 600, "x" * 100_000
    frames = (open_frame(key, "echo", value=text) for key in range(1, count + 1))
    messages = [pb2.FrameBatch(frames=[frame]).SerializeToString() for frame in frames]
    rest = memoryview(b"".join(b"\0" + len(it).to_bytes(4, "big") + it for it in messages))
    total = len(rest)
    while rest and stream.is_writable(2.0):
        rest = rest[stream.put_some(rest) :]
    assert 0 < total - len(rest) < total / 2
    sending = threading.Thread(target=stream.put_raw, args=(bytes(rest),))
    sending.start()
    for _ in range(count):
        frame = stream.next()
        assert decode_value(frame.result.value.json, ()) == text
    sending.join()
    stream.close()


def test_too_many_pings(frames: Stream) -> None:
    """[I5.12] Pings are answered one by one; nobody needs very many at the same time."""
    frames.send(*(pb2.Frame(call=key, ping=pb2.PingRequest()) for key in range(1, 1001)))
    assert [frames.next().call for _ in range(1000)] == list(range(1, 1001))
    frames.send(*(pb2.Frame(call=key, ping=pb2.PingRequest()) for key in range(1, 2002)))
    if isinstance(frames, SocketFrames):
        assert all(frame.HasField("pong") for frame in frames.frames)
    else:
        assert isinstance(frames, Frames)
        assert frames.code() is grpc.StatusCode.INVALID_ARGUMENT
