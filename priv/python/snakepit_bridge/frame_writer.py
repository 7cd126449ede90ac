"""The outgoing half of a stream of frames: collects what calls have to say and sends it once per turn
of the event loop, small frames first, large attachments in pieces and in turns."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from .gen import snakepit_bridge_pb2 as pb2

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from typing import Protocol

    from .serialization import Buffer

MAX_BATCH_BYTES = 1024 * 1024
PIECE_BYTES = 256 * 1024
# Frames beyond this begin another message; one more of them, and a piece, have room in the same.
_MAX_SMALL_BYTES = MAX_BATCH_BYTES - 2 * PIECE_BYTES - 4096
# A peer that has not read so much, or attachments of so many calls, is not listened to.
_MAX_UNREAD_BYTES = 16 * 1024 * 1024
_MAX_UNREAD_LANES = 1000
# Frames that are written before the turn of the event loop is over: few at first, so that the other side
# works on them while this one makes more, then more and more, because a message costs, too.
_FIRST_AT_ONCE = 8
_MOST_AT_ONCE = 64
# What a frame needs beside its texts, about.
_FRAME_OVERHEAD = 32
# A longer text goes in a frame of its own.
MAX_JOINED_BYTES = 64 * 1024


if TYPE_CHECKING:

    class Outlet(Protocol):
        """Where messages can be put without waiting, most of the time."""

        def is_open(self) -> bool:
            """Whether `put` may be called now."""

        def put(self, message: bytes) -> None:
            """Sends a message."""


class FrameWriter:
    """Sends frames through `write`, one message at a time. Belongs to the event loop.

    With an outlet no task has to be woken for a message, as long as the outlet is open.
    """

    def __init__(
        self, write: Callable[[bytes], Awaitable[None]], outlet: Outlet | None = None
    ) -> None:
        self._write = write
        self._outlet = outlet
        self.has_outlet = outlet is not None
        """Whether messages come and go without any Task."""
        self._loop = asyncio.get_running_loop()
        self._is_flush_due = False
        self._is_held = False
        self._unsent = 0
        self._at_once = _FIRST_AT_ONCE
        self._batch = pb2.FrameBatch()
        self._batch_bytes = 0
        # Results for one frame; whatever else is said closes it.
        self._joined: list[bytes] = []
        self._full: deque[bytes] = deque()
        self._full_bytes = 0
        self._taken = 0
        # Calls whose attachments are on their way, with all they have to say after that.
        self._lanes: dict[int, _Lane] = {}
        self._news: asyncio.Future[None] | None = None
        self._is_writing = False
        self._idle: asyncio.Future[None] | None = None
        self._room: asyncio.Future[None] | None = None

    def add(self, call: int) -> pb2.Frame:
        """A frame to be filled at once and then handed to `push`."""
        if self._joined:
            self._seal()
        frame = self._batch.frames.add() if call not in self._lanes else pb2.Frame()
        frame.call = call
        return frame

    def join(self, call: int, execution_time_us: int, text: bytes, *, is_last: bool) -> bool:
        """Takes a result for a frame that several share; the last one at once. Returns False, and does
        not, when it is too long or has to wait for attachments of its call."""
        if len(text) > MAX_JOINED_BYTES or call in self._lanes:
            return False
        if (self._batch_bytes and not self._joined) or self._batch_bytes >= _MAX_SMALL_BYTES:
            self._seal()
        self._joined.append(b"%d,%d,%b" % (call, execution_time_us, text))
        self._batch_bytes += len(text) + _FRAME_OVERHEAD
        self._unsent += 1
        if is_last and self._outlet is not None:
            self.flush_now()
        elif not self._is_flush_due or self._unsent >= self._at_once:
            self._tell()
        return True

    def push(self, frame: pb2.Frame, size: int, attachments: Sequence[memoryview] = ()) -> None:
        """Takes a frame from `add`, with the length of its texts and the attachments it announces."""
        if attachments or frame.call in self._lanes:
            self._push_into_lane(frame, attachments)
        else:
            self._batch_bytes += size + _FRAME_OVERHEAD
        self._unsent += 1
        self._tell()

    def _tell(self) -> None:
        """Sees to it that what there is to say is said soon enough."""
        if self._batch_bytes >= _MAX_SMALL_BYTES:
            self._seal()
        if self._outlet is None:
            self._wake()
            return
        if self._unsent >= self._at_once:
            more = min(2 * self._at_once, _MOST_AT_ONCE)
            self.flush_now()
            self._at_once = more
        elif not self._is_flush_due:
            self._is_flush_due = True
            self._loop.call_soon(self._flush_due)

    def hold(self) -> None:
        """What little there is to say waits for `release`, in this turn of the event loop."""
        if self._outlet is not None and not self._is_flush_due:
            self._is_held = self._is_flush_due = True

    def release(self) -> None:
        """Says it."""
        if self._is_held:
            self._is_held = self._is_flush_due = False
            self.flush_now()

    def flush_now(self) -> None:
        """Writes what can be written without waiting; the rest follows as soon as it can."""
        outlet = self._outlet
        if outlet is None or self._is_writing:
            return
        self._unsent = 0
        self._at_once = _FIRST_AT_ONCE
        while self._batch_bytes or self._full or self._lanes:
            if not outlet.is_open():
                self._wake()
                return
            outlet.put(self._take())

    def _flush_due(self) -> None:
        self._is_flush_due = False
        self.flush_now()

    def _wake(self) -> None:
        if self._news is not None and not self._news.done():
            self._news.set_result(None)

    def room(self) -> asyncio.Future[None] | None:
        """Done when the peer has read enough of what waits for it; None when that is so already. Whoever
        makes more without waiting for it lets the peer fill the memory."""
        if self._is_crowded():
            if self._room is None:
                self._room = self._loop.create_future()
        elif self._room is not None:
            if not self._room.done():
                self._room.set_result(None)
            self._room = None
        return self._room

    def _is_crowded(self) -> bool:
        return self._full_bytes > _MAX_UNREAD_BYTES or len(self._lanes) > _MAX_UNREAD_LANES

    async def run(self) -> None:
        """Writes until it is cancelled."""
        while True:
            while self.has_news():
                self._is_writing = True
                await self._write(self._take())
                self._is_writing = False
            if self._idle is not None and not self._idle.done():
                self._idle.set_result(None)
            self._news = self._loop.create_future()
            await self._news

    async def flush(self) -> None:
        """Until nothing is left to be written."""
        while self.has_news() or self._is_writing:
            self._idle = self._loop.create_future()
            self._wake()  # what goes through the outlet is not told here
            await self._idle

    def has_news(self) -> bool:
        """Whether something waits to be written."""
        return bool(self._batch_bytes or self._full or self._lanes)

    def drop(self, call: int) -> None:
        """Sends no more attachments of a call whose caller has given up; its frames remain."""
        lane = self._lanes.get(call)
        if lane is None:
            return
        frames = [item for item in lane.items if isinstance(item, bytes)]
        lane.items.clear()
        lane.items.extend(frames)
        if not frames:
            del self._lanes[call]

    def _seal(self) -> None:
        if self._joined:
            message = _join_results(self._joined)
            self._joined = []
        else:
            message = self._batch.SerializeToString()
            self._batch = pb2.FrameBatch()
        self._full.append(message)
        self._full_bytes += len(message)
        self._batch_bytes = 0

    def _push_into_lane(self, frame: pb2.Frame, attachments: Sequence[memoryview]) -> None:
        lane = self._lanes.get(frame.call)
        if lane is None:
            # It stands in the batch already; the pieces must not overtake it.
            self._seal()
            self._lanes[frame.call] = _Lane(deque(attachments), self._taken + len(self._full))
            return
        lane.items.append(pb2.FrameBatch(frames=[frame]).SerializeToString())
        lane.items.extend(attachments)

    def _take(self) -> bytes:
        """The next message: what is small, and pieces as long as there is room."""
        if self._batch_bytes:
            self._seal()
        parts: list[Buffer] = []
        size = 0
        while self._full and (not parts or size + len(self._full[0]) <= _MAX_SMALL_BYTES):
            parts.append(self._full.popleft())
            self._taken += 1
            size += len(parts[-1])
            self._full_bytes -= len(parts[-1])
        # A piece at least, whatever else there is to say; those that began first are first in turn.
        while self._lanes:
            call, lane = next(iter(self._lanes.items()))
            if lane.begins_after > self._taken:
                break
            del self._lanes[call]
            size += lane.take(call, parts)
            if lane.items:
                self._lanes[call] = lane  # last in turn now
            if size + PIECE_BYTES + _FRAME_OVERHEAD > MAX_BATCH_BYTES:
                break
        if self._room is not None:
            self.room()
        return b"".join(parts)


class _Lane(NamedTuple):
    """What one call has still to say, in order: frames, and attachments that go in pieces."""

    items: deque[bytes | memoryview]
    begins_after: int
    """Messages that have to be written before."""

    def take(self, call: int, parts: list[Buffer]) -> int:
        """Adds the next frame or piece; returns its size."""
        item = self.items[0]
        if isinstance(item, bytes):
            parts.append(self.items.popleft())
            return len(item)
        piece = item[:PIECE_BYTES]
        if len(piece) == len(item):
            self.items.popleft()
        else:
            self.items[0] = item[len(piece) :]
        parts += (_piece_header(call, len(piece)), piece)
        return len(piece) + _FRAME_OVERHEAD


def _piece_header(call: int, size: int) -> bytes:
    """What stands before the bytes of a piece in a message: they are copied once, into that."""
    piece = b"\x0a" + _varint(size)
    frame = b"\x08" + _varint(call) + b"\x6a" + _varint(len(piece) + size) + piece
    return b"\x0a" + _varint(len(frame) + size) + frame


def _join_results(results: list[bytes]) -> bytes:
    """A message of one frame that has all these. The bytes are put together by hand: for so many small
    texts that costs less than an object for each."""
    text = b"[%b]" % b",".join(results)
    frame = b"\x7a" + _varint(len(text))
    return b"\x0a%b%b%b" % (_varint(len(frame) + len(text)), frame, text)


def _varint(number: int) -> bytes:
    digits = bytearray()
    while number > 0x7F:
        digits.append(number & 0x7F | 0x80)
        number >>= 7
    digits.append(number)
    return bytes(digits)
