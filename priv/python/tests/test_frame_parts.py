"""The parts of calls in frames, without a server: writer, attachments, credit, threads."""

from __future__ import annotations

import asyncio
import json
import random
import threading
import time
from typing import TYPE_CHECKING, Any, Callable

import pytest
from google.protobuf.message import DecodeError

from snakepit_bridge.attachments import (
    AttachmentError,
    AttachmentsTooLargeError,
    Incoming,
    put,
)
from snakepit_bridge.frame_reader import FoundPiece, read_batch
from snakepit_bridge.frame_writer import (
    MAX_BATCH_BYTES,
    MAX_JOINED_BYTES,
    PIECE_BYTES,
    FrameWriter,
)
from snakepit_bridge.gen import snakepit_bridge_pb2 as pb2
from snakepit_bridge.session_context import SessionContext
from snakepit_bridge.sessions import MetadataTooLargeError, Sessions
from snakepit_bridge.streams import Credit
from snakepit_bridge.tool_threads import ToolThreads

from .harness import wait_until

if TYPE_CHECKING:
    from collections.abc import Awaitable


class Peer:
    """Receives what a writer writes, one message whenever it is let."""

    def __init__(self, *, is_open: bool = True) -> None:
        self.messages: list[bytes] = []
        self.gate = asyncio.Event()
        if is_open:
            self.gate.set()

    async def write(self, data: bytes) -> None:
        await self.gate.wait()
        self.messages.append(data)
        await asyncio.sleep(0)

    def frames(self) -> list[pb2.Frame]:
        return [frame for data in self.messages for frame in pb2.FrameBatch.FromString(data).frames]


def push_result(writer: FrameWriter, call: int, text: bytes = b"1", *buffers: bytes) -> None:
    frame = writer.add(call)
    frame.result.value.json = text
    inside, following = put(frame.result.value, buffers)
    writer.push(frame, len(text) + inside, following)


def write_all(fill: Callable[[FrameWriter], None]) -> Peer:
    """What comes of frames that were pushed before the first write."""

    async def scenario() -> Peer:
        peer = Peer()
        writer = FrameWriter(peer.write)
        fill(writer)
        running = asyncio.ensure_future(writer.run())
        await asyncio.wait_for(writer.flush(), 30)
        running.cancel()
        return peer

    return asyncio.run(scenario())


def test_one_message_for_what_is_ready() -> None:
    """[I5.2] Everything that is ready goes in one message, in its order."""

    def fill(writer: FrameWriter) -> None:
        for call in range(1, 101):
            push_result(writer, call)

    peer = write_all(fill)
    assert len(peer.messages) == 1
    assert [frame.call for frame in peer.frames()] == list(range(1, 101))


def test_messages_are_bounded() -> None:
    """[I5.12] A message has a mebibyte at the most, whatever there is to say; no piece overtakes the
    frame that announces it."""

    def fill(writer: FrameWriter) -> None:
        for call in range(1, 101):
            push_result(writer, call, b"x" * 60_000)
        for call in range(101, 105):
            push_result(writer, call, b"", b"y" * 3_000_000)

    peer = write_all(fill)
    assert max(len(data) for data in peer.messages) <= MAX_BATCH_BYTES
    assert sum(len(frame.piece.data) for frame in peer.frames()) == 12_000_000
    order = [(frame.call, frame.WhichOneof("kind")) for frame in peer.frames()]
    for call in range(101, 105):
        assert order.index((call, "result")) < order.index((call, "piece"))


def test_joined_results() -> None:
    """[I5.2] Results share a frame with their neighbours, and with nobody beyond another frame; one
    whose call has attachments on their way waits for them, and a long one needs a frame of its own."""
    taken: list[bool] = []

    def fill(writer: FrameWriter) -> None:
        push_result(writer, 1, b"", b"z" * (PIECE_BYTES * 2))
        for call, text in ((1, b"1"), (2, b'"a"'), (3, b"[]"), (4, b"9" * (MAX_JOINED_BYTES + 1))):
            taken.append(writer.join(call, call * 10, text, is_last=True))
        push_result(writer, 5)
        taken.append(writer.join(6, 60, b"{}", is_last=False))

    frames = write_all(fill).frames()
    assert taken == [False, True, True, False, True]
    order = [(frame.call, frame.WhichOneof("kind")) for frame in frames]
    assert [item for item in order if item[1] != "piece"] == [
        (1, "result"),
        (0, "results"),
        (5, "result"),
        (0, "results"),
    ]
    texts = [frame.results for frame in frames if frame.HasField("results")]
    assert texts == [b'[2,20,"a",3,30,[]]', b"[6,60,{}]"]


def test_joined_results_are_bounded() -> None:
    """[I5.12] However many results wait to be written, no message is longer than others."""

    def fill(writer: FrameWriter) -> None:
        for call in range(1, 40_001):
            assert writer.join(call, 1, b"1", is_last=False)
        for call in range(40_001, 40_101):
            assert writer.join(call, 1, b"7" * 60_000, is_last=False)

    peer = write_all(fill)
    assert max(len(data) for data in peer.messages) <= MAX_BATCH_BYTES
    fields = [
        field
        for frame in peer.frames()
        for field in json.loads(frame.results.replace(b"7" * 60_000, b"7"))
    ]
    assert fields[::3] == list(range(1, 40_101))


class Shut:
    """The way to a peer that reads nothing."""

    def is_open(self) -> bool:
        return False

    def put(self, message: bytes) -> None:
        raise AssertionError(message)


def test_joined_results_that_nobody_reads() -> None:
    """[I5.12] A peer that makes one call after the other and reads no answer is not listened to any more; what
    waits for it goes in messages of the usual length."""

    async def scenario() -> None:
        peer = Peer(is_open=False)
        writer = FrameWriter(peer.write, Shut())
        running = asyncio.ensure_future(writer.run())
        count = 0
        while writer.room() is None:
            count += 1
            assert count < 1000
            assert writer.join(count, 1, b"7" * 60_000, is_last=True)
            await asyncio.sleep(0)
        assert 16 * 1024**2 < count * 60_000 < 20 * 1024**2
        peer.gate.set()
        await asyncio.wait_for(writer.flush(), 30)
        running.cancel()
        assert writer.room() is None
        assert max(len(data) for data in peer.messages) <= MAX_BATCH_BYTES
        assert sum(frame.results.count(b",1,") for frame in peer.frames()) == count

    asyncio.run(scenario())


def test_lanes_take_turns() -> None:
    """[I5.5] Pieces of several calls take turns; what a call says after them stays behind them, and
    what others say does not wait."""

    def fill(writer: FrameWriter) -> None:
        for call in (1, 2):
            push_result(writer, call, b"", b"z" * (PIECE_BYTES * 4))
        push_result(writer, 1, b'"after"')
        push_result(writer, 3, b'"other"')

    frames = write_all(fill).frames()
    order = [(frame.call, frame.WhichOneof("kind")) for frame in frames]
    pieces = [call for call, kind in order if kind == "piece"]
    assert pieces == [1, 2] * 4
    assert order[-1] == (1, "result") or order[-2] == (1, "result")
    assert order.index((3, "result")) < order.index((1, "piece"))
    assert order.index((1, "result")) < order.index((1, "piece"))


def test_a_lane_is_not_starved() -> None:
    """[I5.5] However much small there is to say, each message has a piece, too."""

    def fill(writer: FrameWriter) -> None:
        push_result(writer, 1, b"", b"z" * (PIECE_BYTES * 4))
        for call in range(2, 202):
            push_result(writer, call, b"x" * 60_000)

    peer = write_all(fill)
    batches = [pb2.FrameBatch.FromString(data) for data in peer.messages]
    pieces = [sum(frame.HasField("piece") for frame in batch.frames) for batch in batches]
    assert sum(pieces) == 4
    assert all(pieces[:2])
    assert len(batches) > 10


def test_pieces_are_found() -> None:
    """[I5.5] A large message is read as the parser reads it, whatever frames are in it and however
    they are written; pieces are not copied out of it."""
    data = bytes(range(256)) * 1024
    batch = pb2.FrameBatch(
        frames=[
            pb2.Frame(call=1, piece=pb2.Piece(data=data)),
            pb2.Frame(call=300, cancel=pb2.CancelCall(reason="cancelled")),
            pb2.Frame(call=2**32 - 1, piece=pb2.Piece(data=data[:70_000])),
            pb2.Frame(call=2, piece=pb2.Piece(data=b"small")),
            pb2.Frame(call=3, open=pb2.OpenCall(tool="x" * 100_000)),
            pb2.Frame(call=4, piece=pb2.Piece()),
        ]
    ).SerializeToString()
    # Call and piece in the other order, and a field that nobody knows.
    piece = pb2.Frame(piece=pb2.Piece(data=data)).SerializeToString() + b"\x08\x05"
    turned = (
        b"\x0a"
        + bytes([len(piece) & 0x7F | 0x80, len(piece) >> 7 & 0x7F | 0x80, len(piece) >> 14])
        + piece
    )
    for text in (batch, turned, batch + b"\xa2\x06\x01x" + batch, batch + turned):
        expected = pb2.FrameBatch.FromString(text).frames
        found = list(read_batch(text))
        assert len(found) == len(expected)
        for mine, parsed in zip(found, expected):
            if isinstance(mine, FoundPiece):
                assert (mine.call, bytes(mine.data)) == (parsed.call, parsed.piece.data)
            else:
                assert mine == parsed
    assert sum(isinstance(frame, FoundPiece) for frame in read_batch(batch)) == 2


def test_large_message_that_is_none() -> None:
    """[I5.12] A large message that is cut short or full of noise is a DecodeError, wherever that is."""
    whole = pb2.FrameBatch(
        frames=[pb2.Frame(call=1, piece=pb2.Piece(data=b"x" * 100_000))] * 2
    ).SerializeToString()
    generator = random.Random(5)
    noises = [generator.randbytes(70_000) for _ in range(50)]
    for text in (whole[:-1], whole[:100_004], whole + b"\x0a", b"\x0a" + b"\xff" * 70_000, *noises):
        with pytest.raises(DecodeError):
            list(read_batch(text))


def test_write_backpressure() -> None:
    """[I5.4] While the peer does not read, what comes is collected, and then sent together."""

    async def scenario() -> None:
        peer = Peer(is_open=False)
        writer = FrameWriter(peer.write)
        running = asyncio.ensure_future(writer.run())
        for call in range(1, 11):
            push_result(writer, call)
            await asyncio.sleep(0)
        peer.gate.set()
        await asyncio.wait_for(writer.flush(), 30)
        running.cancel()
        assert len(peer.messages) == 2
        assert [frame.call for frame in peer.frames()] == list(range(1, 11))

    asyncio.run(scenario())


class Outlet:
    """Takes everything at once."""

    def __init__(self) -> None:
        self.messages: list[bytes] = []

    def is_open(self) -> bool:
        return True

    def put(self, message: bytes) -> None:
        self.messages.append(message)


def test_flush_of_an_outlet() -> None:
    """[I5.8] It ends as soon as all is written, also when that goes without the writing task."""

    async def scenario() -> None:
        outlet, peer = Outlet(), Peer()
        writer = FrameWriter(peer.write, outlet)
        running = asyncio.ensure_future(writer.run())
        await asyncio.sleep(0)
        push_result(writer, 1)
        await asyncio.wait_for(writer.flush(), 5)
        running.cancel()
        assert len(outlet.messages) + len(peer.messages) == 1

    asyncio.run(scenario())


@pytest.mark.parametrize("buffer", [b"", b"y" * (PIECE_BYTES + 1)], ids=["texts", "attachments"])
def test_no_room(buffer: bytes) -> None:
    """[I5.12] There is no room while too much waits to be read, and room again when it was read."""

    async def scenario() -> None:
        peer = Peer(is_open=False)
        writer = FrameWriter(peer.write)
        running = asyncio.ensure_future(writer.run())
        text = b"" if buffer else b"x" * 20_000
        for call in range(1, 900):
            push_result(writer, call, text, buffer)
            if call == 700:
                assert writer.room() is None
        for call in range(900, 1200):
            push_result(writer, call, text, buffer)
        room = writer.room()
        assert room is not None
        assert room is writer.room()
        peer.gate.set()
        await asyncio.wait_for(room, 30)
        assert writer.room() is None
        await asyncio.wait_for(writer.flush(), 30)
        running.cancel()
        assert writer.room() is None

    asyncio.run(scenario())


def test_dropped_attachments() -> None:
    """[I5.2] What nobody waits for is not sent; frames are, and so are attachments of others."""

    def fill(writer: FrameWriter) -> None:
        for call in (1, 2, 3):
            push_result(writer, call, b"", b"z" * (PIECE_BYTES * 4))
        push_result(writer, 1, b'"end"')
        for call in (1, 2, 77):
            writer.drop(call)

    frames = write_all(fill).frames()
    pieces = [frame.call for frame in frames if frame.HasField("piece")]
    assert pieces == [3] * 4
    assert [frame.call for frame in frames if frame.HasField("result")] == [1, 2, 3, 1]


@pytest.mark.parametrize(
    "sizes",
    [[0], [1], [PIECE_BYTES], [PIECE_BYTES + 1], [0, 5, PIECE_BYTES, 3, 10 * PIECE_BYTES, 0]],
)
def test_attachments_there_and_back(sizes: list[int]) -> None:
    """[I5.5] Attachments of any size arrive as they were, in order, large ones in pieces."""
    given = [bytes([number % 251]) * size for number, size in enumerate(sizes)]
    peer = write_all(lambda writer: push_result(writer, 1, b"", *given))
    result, *pieces = peer.frames()
    incoming = Incoming(result.result.value.attachments, sum(sizes))
    for frame in pieces:
        assert len(frame.piece.data) <= PIECE_BYTES
        incoming.add(frame.piece.data)
    assert incoming.is_complete()
    assert incoming.take() == given


def test_buffers_of_any_shape() -> None:
    """[I5.5] What is contiguous is not copied before it is sent; anything else is sent as what it holds."""
    numpy = pytest.importorskip("numpy")
    grid = numpy.arange(400_000, dtype="int32").reshape(1000, 400)
    for array in (grid, grid[:, ::2], numpy.empty((0, 5)), numpy.asfortranarray(grid)):
        value = pb2.Value()
        _, following = put(value, [memoryview(array)])
        data = following[0].tobytes() if following else value.attachments[0].data
        assert data == array.tobytes()


def test_wrong_attachments() -> None:
    """[I5.12] More bytes than were announced are an error; more than the limit are refused before any
    memory is taken."""
    with pytest.raises(AttachmentsTooLargeError):
        Incoming([pb2.Attachment(size=2**60)], 2**31)
    with pytest.raises(AttachmentsTooLargeError):
        Incoming([pb2.Attachment(size=6), pb2.Attachment(data=b"12345")], 10)
    with pytest.raises(AttachmentError):
        Incoming([pb2.Attachment(data=b"ab", size=3)], 10)
    incoming = Incoming([pb2.Attachment(size=3)], 10)
    incoming.add(b"ab")
    with pytest.raises(AttachmentError):
        incoming.add(b"cd")
    complete = Incoming([pb2.Attachment(data=b"ab")], 10)
    with pytest.raises(AttachmentError):
        complete.add(b"c")


def test_credit_changes_hands() -> None:
    """[I5.4] Credit that was granted to a thread that took none is the loop's then."""

    async def scenario() -> None:
        credit, session = Credit(1), SessionContext("s")
        credit.use_thread()
        credit.grant(2)
        credit.use_loop()
        for _ in range(3):
            await asyncio.wait_for(credit.take(session), 10)
        waiting = asyncio.ensure_future(credit.take(session))
        await asyncio.sleep(0)
        assert not waiting.done()
        credit.grant(1)
        await asyncio.wait_for(waiting, 10)

    asyncio.run(scenario())


def test_credit_in_a_thread() -> None:
    """[I5.4] A thread waits for credit, and stops waiting when its caller has given up."""
    credit, session = Credit(0), SessionContext("s")
    credit.use_thread()
    taken: list[bool] = []

    def take() -> None:
        while not taken or taken[-1]:
            taken.append(credit.take_in_thread(session))

    thread = threading.Thread(target=take)
    thread.start()
    credit.grant(2)
    wait_until(lambda: len(taken) == 2, "both are taken")
    session.mark_cancelled()
    credit.grant(0)
    thread.join(10)
    assert taken == [True, True, False]


def in_threads(limit: int, scenario: Callable[[ToolThreads], Awaitable[None]]) -> None:
    async def body() -> None:
        threads = ToolThreads(limit)
        try:
            await asyncio.wait_for(scenario(threads), 30)
        finally:
            threads.close()

    asyncio.run(body())


def test_every_job_is_done_once() -> None:
    """[I5.2] Jobs of any number, submitted at any time, are done once each, with their own outcome."""

    async def scenario(threads: ToolThreads) -> None:
        outcomes: dict[int, list[Any]] = {}
        over = asyncio.Event()

        def work(number: int) -> int:
            if number % 7 == 0:
                time.sleep(0.001)
            if number % 10 == 3:
                raise StopIteration(number)
            return number * 2

        def done(number: int, result: Any, error: BaseException | None) -> None:
            outcomes.setdefault(number, []).append(error.args[0] if error else result)
            if len(outcomes) == 2000:
                over.set()

        for number in range(2000):
            threads.submit(work, number, done)
            if number % 50 == 0:
                await asyncio.sleep(0)
        await over.wait()
        assert outcomes == {
            number: [number if number % 10 == 3 else number * 2] for number in range(2000)
        }

    in_threads(16, scenario)


def test_blocking_jobs_overlap() -> None:
    """[I5.7] Jobs that block do not wait for each other while there are threads; then they queue."""

    async def scenario(threads: ToolThreads) -> None:
        barrier = threading.Barrier(8)
        outcomes = await asyncio.gather(*(threads.run(barrier.wait) for _ in range(8)))
        assert sorted(number for number, _ in outcomes) == list(range(8))
        lock, peak, now = threading.Lock(), 0, 0
        full = threading.Event()

        def count() -> None:
            nonlocal peak, now
            with lock:
                now += 1
                peak = max(peak, now)
                if now == 8:
                    full.set()
            full.wait(20)
            time.sleep(0.01)
            with lock:
                now -= 1

        await asyncio.gather(*(threads.run(count) for _ in range(50)))
        assert peak == 8

    in_threads(8, scenario)


def test_withdrawn_job() -> None:
    """[I5.2] A job can be withdrawn until a thread has begun it, and not after."""

    async def scenario(threads: ToolThreads) -> None:
        release, begun = threading.Event(), threading.Event()

        def block(_: None) -> bool:
            begun.set()
            return release.wait(30)

        ended: list[Any] = []
        blocking = threads.submit(block, None, lambda *outcome: ended.append(outcome))
        queued = threads.submit(block, None, lambda *outcome: ended.append(outcome))
        assert begun.wait(30)
        assert not threads.withdraw(blocking)
        assert threads.withdraw(queued)
        assert not threads.withdraw(queued)
        waiting = asyncio.ensure_future(threads.run(lambda: None))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        release.set()
        assert (await threads.run(lambda: 5)) == (5, None)
        assert ended == [(None, True, None)]

    in_threads(1, scenario)


def test_cancelled_while_a_thread_runs() -> None:
    """[I5.2] Who waits for a thread and is cancelled goes on waiting until the thread has returned."""

    async def scenario(threads: ToolThreads) -> None:
        release, begun = threading.Event(), threading.Event()

        def block() -> bool:
            begun.set()
            return release.wait(30)

        waiting = asyncio.ensure_future(threads.run(block))
        await asyncio.sleep(0)
        assert begun.wait(30)
        for _ in range(2):
            waiting.cancel()
            await asyncio.sleep(0.01)
        assert not waiting.done()
        release.set()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    in_threads(1, scenario)


def test_sessions_are_bounded() -> None:
    """[I5.3] [I5.12] The session unused for longest makes room; metadata has a limit, and the latest counts."""
    sessions = Sessions(2)
    sessions.open("a", {"n": "1"})
    sessions.open("b", {})
    assert sessions.find("a") is not None
    sessions.open("c", {})
    assert sessions.find("b") is None
    sessions.open("a", {"n": "2"})
    sessions.open("a", {})
    found = sessions.find("a")
    assert found is not None
    assert found.metadata == {"n": "2"}
    with pytest.raises(MetadataTooLargeError):
        sessions.open("d", {"x": "ä" * 40_000})
    assert sessions.find("d") is None


def test_session_metadata_cannot_be_changed() -> None:
    """[I5.3] What a session was opened with is for reading."""
    session: Any = SessionContext("s", session_metadata={"user": "42"})
    assert session.session_metadata == {"user": "42"}
    with pytest.raises(TypeError):
        session.session_metadata["user"] = "43"
    assert SessionContext("s").session_metadata == {}
