"""Large values, limits, and what is no frame at all, of real workers."""

from __future__ import annotations

import hashlib
import os
import queue
import signal
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from snakepit_bridge.gen import snakepit_bridge_pb2 as pb2

from .frames import HEADERS, Frames, open_frame
from .harness import TOKEN, Worker, wait_until
from .test_frame_streams import memory_of

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import StartWorker

MEGABYTE = 1024 * 1024
PIECE_BYTES = 256 * 1024
INVALID_ARGUMENT = grpc.StatusCode.INVALID_ARGUMENT.value[0]
RESOURCE_EXHAUSTED = grpc.StatusCode.RESOURCE_EXHAUSTED.value[0]
CANCELLED = grpc.StatusCode.CANCELLED.value[0]
UNAVAILABLE = grpc.StatusCode.UNAVAILABLE.value[0]


def announce(call: int, tool: str, *sizes: int, **places: int) -> pb2.Frame:
    """A call whose attachments follow in pieces."""
    value = pb2.Value(attachments=[pb2.Attachment(size=size) for size in sizes])
    message = pb2.OpenCall(tool=tool, arguments=value, binary_arguments=places)
    return pb2.Frame(call=call, open=message)


def piece(call: int, data: bytes) -> pb2.Frame:
    return pb2.Frame(call=call, piece=pb2.Piece(data=data))


def test_large_argument(spawn: StartWorker) -> None:
    """[I5.5] A large argument comes in pieces, as bytes, and is in memory once."""
    worker = spawn("calling.Calling")
    worker.start()
    frames = Frames(worker)
    data = os.urandom(MEGABYTE) * 128
    frames.open(1, "sleep", seconds=0)
    frames.result(1)
    before = memory_of(worker)
    frames.send(announce(1, "digest", len(data), data=0))
    for at in range(0, len(data), PIECE_BYTES):
        frames.send(piece(1, data[at : at + PIECE_BYTES]))
    assert frames.result(1) == ["bytes", len(data), hashlib.sha256(data).hexdigest()]
    assert memory_of(worker) - before < 1.5 * len(data)
    frames.close()


def test_large_result_holds_nobody_back(frames: Frames) -> None:
    """[I5.5] While a large result is on its way, others come between its pieces; messages are bounded."""
    frames.batches.clear()
    frames.open(1, "make_bytes", length=64 * MEGABYTE)
    frames.open(2, "make_bytes", length=8 * MEGABYTE)
    first = {call: frames.next(call).result for call in (1, 2)}
    assert {call: result.value.attachments[0].size for call, result in first.items()} == {
        1: 64 * MEGABYTE,
        2: 8 * MEGABYTE,
    }
    frames.open(3, "sleep", seconds=0)
    received = {1: 0, 2: 0}
    ends: list[int] = []
    while sum(received.values()) < 72 * MEGABYTE:
        frame = frames.next()
        if frame.call == 3:
            ends.append(3)
            continue
        received[frame.call] += len(frame.piece.data)
        if received[frame.call] == first[frame.call].value.attachments[0].size:
            ends.append(frame.call)
    assert ends[-1] == 1
    assert set(ends) == {1, 2, 3}
    assert max(frames.batches) <= MEGABYTE


def test_several_attachments(frames: Frames) -> None:
    """[I5.5] Attachments come one after the other, small ones at once; empty ones need no piece."""
    message = pb2.OpenCall(
        tool="join",
        arguments=pb2.Value(
            attachments=[
                pb2.Attachment(size=5),
                pb2.Attachment(data=b"small"),
                pb2.Attachment(),
                pb2.Attachment(size=3),
            ]
        ),
        binary_arguments={"a": 0, "b": 1, "c": 2, "d": 3},
    )
    frames.send(
        pb2.Frame(call=1, open=message), piece(1, b"he"), piece(1, b"llo"), piece(1, b"end")
    )
    assert frames.result(1) == "hello|small||end"


def test_cancelled_while_it_arrives(frames: Frames) -> None:
    """[I5.2] A call whose arguments are still on their way ends at once; late pieces are nobody's."""
    frames.send(announce(1, "digest", 10, data=0), piece(1, b"01234"))
    frames.cancel(1)
    assert frames.failure(1).status == CANCELLED
    frames.send(piece(1, b"56789"))
    frames.send(announce(1, "digest", 2, data=0), piece(1, b"ab"))
    assert frames.result(1)[:2] == ["bytes", 2]


def test_malformed_arguments(frames: Frames) -> None:
    """[I5.12] Arguments that make no sense fail their call, and nothing else."""
    texts = [b"[1]", b"5", b"{", b'{"a":', b"\xff", b"[" * 100_000]
    for key, text in enumerate(texts, 1):
        arguments = pb2.Value(json=text)
        frames.send(pb2.Frame(call=key, open=pb2.OpenCall(tool="sleep", arguments=arguments)))
        assert frames.failure(key).status == INVALID_ARGUMENT
    frames.send(announce(50, "digest", 1, data=7), piece(50, b"x"))
    assert frames.failure(50).status == INVALID_ARGUMENT
    message = pb2.OpenCall(tool="digest", binary_arguments={"data": 0})
    frames.send(pb2.Frame(call=51, open=message))
    assert frames.failure(51).status == INVALID_ARGUMENT
    frames.open(52, "sleep", seconds=0)
    assert frames.result(52) == "slept"


@pytest.mark.parametrize(
    "batch",
    [
        [open_frame(0, "sleep", seconds=0)],
        [announce(1, "digest", 2, data=0), piece(1, b"too long")],
        [announce(1, "digest", 10, data=0), announce(1, "digest", 10, data=0)],
        [pb2.Frame(call=1, result=pb2.CallResult())],
        [pb2.Frame(call=1, hello=pb2.FrameHello())],
        [
            pb2.Frame(
                call=1,
                open=pb2.OpenCall(
                    tool="digest",
                    arguments=pb2.Value(attachments=[pb2.Attachment(data=b"ab", size=3)]),
                ),
            )
        ],
    ],
)
def test_malformed_frames(calling: Worker, batch: list[pb2.Frame]) -> None:
    """[I5.12] A peer that does not keep to the contract loses its stream, not the worker."""
    frames = Frames(calling)
    frames.send(*batch)
    assert frames.code() is grpc.StatusCode.INVALID_ARGUMENT
    other = Frames(calling)
    other.open(1, "sleep", seconds=0)
    assert other.result(1) == "slept"
    other.close()


def test_raw_bytes(calling: Worker) -> None:
    """[I5.12] Bytes that are no batch end the stream with INVALID_ARGUMENT; frames of a kind that the
    worker does not know are passed over."""
    unknown = b"\x0a\x06\x08\x07\x92\x03\x01x"  # call 7, field 50
    known = pb2.FrameBatch(frames=[open_frame(1, "sleep", seconds=0)]).SerializeToString()
    for data, code in ((b"\x0a\xff", grpc.StatusCode.INVALID_ARGUMENT), (unknown + known, None)):
        outgoing: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        channel: Any = calling._channel
        rpc = channel.stream_stream("/snakepit.bridge.BridgeService/Frames")(
            iter(outgoing.get, None), metadata=HEADERS
        )
        next(rpc)
        outgoing.put(data)
        if code is None:
            answer = pb2.FrameBatch.FromString(next(rpc))
            assert [frame.WhichOneof("kind") for frame in answer.frames] == ["result"]
            rpc.cancel()
        else:
            with pytest.raises(grpc.RpcError) as caught:
                next(rpc)
            assert caught.value.code() is code
        outgoing.put(None)


def test_too_many_calls(frames: Frames) -> None:
    """[I5.12] One call more than the worker takes fails with RESOURCE_EXHAUSTED; the others go on."""
    limit = frames.hello.max_calls
    frames.send(*(open_frame(key, "asleep", seconds=1000) for key in range(1, limit + 2)))
    refused = frames.next()
    assert (refused.call, refused.failure.status) == (limit + 1, RESOURCE_EXHAUSTED)
    frames.cancel(1)
    assert frames.failure(1).status == CANCELLED
    frames.open(1, "asleep", seconds=0)
    assert frames.result(1) == "slept"


def test_too_large_argument(spawn: StartWorker) -> None:
    """[I5.12] The runtime's limit of a value is kept before any memory is taken."""
    worker = spawn("calling.Calling")
    listen = f"unix:{worker.socket_path}"
    worker.send({"type": "hello", "token": TOKEN, "listen": listen, "maxValueBytes": 1000})
    assert worker.receive()["type"] == "ready"
    frames = Frames(worker)
    frames.send(announce(1, "digest", 600, 401, data=0), piece(1, b"x" * 600))
    failure = frames.failure(1)
    assert failure.status == RESOURCE_EXHAUSTED
    assert failure.details == "the arguments are larger than 1000 bytes"
    frames.send(announce(1, "digest", 1000, data=0), piece(1, b"x" * 1000))
    assert frames.result(1)[1] == 1000
    frames.close()


def test_too_large_text(frames: Frames) -> None:
    """[I5.5] A result whose JSON fits no message is an error of its call, and not the end of the stream."""
    frames.open(1, "huge_text", length=100 * MEGABYTE)
    failure = frames.failure(1)
    assert failure.status == RESOURCE_EXHAUSTED
    assert "Sent message larger than max" in failure.details
    frames.open(2, "huge_text", length=20 * MEGABYTE)
    assert frames.result(2) == "x" * 20 * MEGABYTE


def test_stopping_worker(spawn: StartWorker, tmp_path: Path) -> None:
    """[I5.8] A worker that is asked to stop answers the calls it has, refuses others, and ends the
    stream when all is sent."""
    worker = spawn("calling.Calling")
    worker.start()
    frames = Frames(worker)
    mark, release = tmp_path / "started", tmp_path / "release"
    frames.open(1, "hold_marked", mark=str(mark), until=str(release))
    wait_until(mark.exists, "the tool starts")
    os.kill(worker.pid, signal.SIGTERM)
    while True:
        frames.open(2, "asleep", seconds=0)
        frame = frames.next(2)
        if frame.WhichOneof("kind") == "failure":
            assert frame.failure.status == UNAVAILABLE
            break
    release.touch()
    assert len(frames.result(1)) == 16 * MEGABYTE
    assert frames.code() is grpc.StatusCode.OK
    assert worker.wait() == 0
