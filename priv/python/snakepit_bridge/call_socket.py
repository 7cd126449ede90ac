"""Frames without gRPC around them: on the socket that a worker inherits from the runtime that starts it.

Nobody else can have its other end, so it needs no address, no token and no HTTP/2, which is most of what a
small call costs. Messages are those of the RPC `Frames`, each behind the same five bytes that gRPC puts before
a message: a zero, and the length as a big-endian number.
"""

from __future__ import annotations

import asyncio
import mmap
import os
import socket
from time import monotonic
from typing import TYPE_CHECKING

from .channel_options import MAX_MESSAGE_BYTES
from .frame_reader import MalformedError
from .frame_writer import FrameWriter
from .frames import FrameStream
from .notices import notice

if TYPE_CHECKING:
    from collections.abc import Callable

    from .frame_service import FrameService

_HEADER_BYTES = 5
# Up to here a copy costs less than another call of the system.
_JOINED_BYTES = 64 * 1024
# As much as is read at once. Pages that are never needed are never there.
_INBOX_BYTES = 256 * 1024
# So long it is worth to stay awake for the next message, when the one before did not take longer to come: to sleep and
# to be woken costs this side and the other about as much.
_PATIENCE_SECONDS = 100e-6
# Others on the event loop have their turn after so long.
_SECONDS_AT_ONCE = 0.001


class CallSocket:
    """The worker's end of the socket. Make and use it on the event loop."""

    def __init__(self, descriptor: int, service: FrameService) -> None:
        self._socket = socket.socket(fileno=descriptor)
        self._service = service
        self._serving: asyncio.Task[None] | None = None
        if hasattr(os, "register_at_fork"):
            # A fork that kept this end would hide the worker's end from the runtime.
            os.register_at_fork(after_in_child=self._close_in_child)

    def start(self) -> None:
        """Serves until the runtime closes its end or the service closes the stream."""
        serving = serve_connection(self._socket, self._service)
        self._serving = asyncio.get_running_loop().create_task(serving)

    def _close_in_child(self) -> None:
        try:
            os.close(self._socket.fileno())
        except OSError:
            return  # closed already


async def serve_connection(connection: socket.socket, service: FrameService) -> None:
    """Serves until the other side closes its end or the service closes the stream."""
    messages = Messages(connection)
    stream = FrameStream(service, FrameWriter(messages.write, messages))
    messages.on_message, messages.room = stream.receive, stream.room
    messages.is_all_done = stream.is_idle
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_connection(lambda: messages, sock=connection)
    try:
        await service.serve(stream, messages.ended)
    except MalformedError as error:
        notice(f"the call socket is broken: {error}")
    finally:
        transport.close()


class Messages(asyncio.BufferedProtocol):
    """Messages on a stream of bytes. Make and use it on the event loop.

    What comes is read into memory that is there: for a buffer made for each read the system is asked three
    times, and has to give an empty page.
    """

    def __init__(self, source: socket.socket) -> None:
        self._receive = source.recv_into
        self.on_message: Callable[[bytes], None] = _ignore
        """Takes each message as it comes; may raise MalformedError."""
        self.room: Callable[[], asyncio.Future[None] | None] = _nothing
        """What to wait for before more is read; None when nothing."""
        self.is_all_done: Callable[[], bool] = _never
        """Whether nobody on the event loop works on what came."""
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when nothing comes any more; with a MalformedError when what came made no sense."""
        self._transport: asyncio.Transport | None = None
        self._inbox = memoryview(mmap.mmap(-1, _INBOX_BYTES))
        self._rest = bytearray()
        self._wanted = _HEADER_BYTES
        self._is_taken: asyncio.Future[None] | None = None
        self._left_off = 0.0

    def is_open(self) -> bool:
        """Whether the runtime reads what is sent."""
        return self._is_taken is None

    def put(self, message: bytes) -> None:
        """Sends a message; one that nobody can read any more is gone."""
        if self._transport is None:
            return
        header = b"\x00" + len(message).to_bytes(4, "big")
        if len(message) < _JOINED_BYTES:
            self._transport.write(header + message)
        else:
            self._transport.write(header)
            self._transport.write(message)

    async def write(self, message: bytes) -> None:
        """Sends a message when the runtime reads what was sent before."""
        while self._is_taken is not None:
            await self._is_taken
        self.put(message)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._inbox

    def buffer_updated(self, nbytes: int) -> None:
        is_brisk = monotonic() - self._left_off < _PATIENCE_SECONDS
        self._take(nbytes)
        self._left_off = monotonic()
        if is_brisk:
            self._linger()

    def _linger(self) -> None:
        """Takes what comes next without a turn of the event loop, as long as nobody there has anything to do."""
        limit = self._left_off + _SECONDS_AT_ONCE
        while self.is_all_done() and self._transport is not None and self._transport.is_reading():
            try:
                count = self._receive(self._inbox)
            except BlockingIOError:
                # What the runtime has not read yet goes on its way in another turn.
                if self._transport.get_write_buffer_size() > 0:
                    return
                if monotonic() - self._left_off > _PATIENCE_SECONDS:
                    return
                # The runtime above all may want this processor.
                os.sched_yield()
                continue
            except OSError:
                return  # the transport finds the same
            if not count:
                return  # the end, as the transport will find
            self._take(count)
            self._left_off = monotonic()
            if self._left_off > limit:
                return

    def _take(self, nbytes: int) -> None:
        came = self._inbox[:nbytes]
        if self._rest:
            self._rest += came
            if len(self._rest) < self._wanted:
                return  # a long message that comes in parts is joined once, at its end
            data = bytes(self._rest)
            self._rest.clear()
        else:
            data = bytes(came)
        try:
            start = self._cut(data)
        except MalformedError as error:
            self._end(error)
            return
        if start < len(data):
            self._rest += memoryview(data)[start:]
        room = self.room()
        if room is not None and self._transport is not None:
            self._transport.pause_reading()
            room.add_done_callback(self._read_on)

    def _read_on(self, _room: asyncio.Future[None]) -> None:
        if self._transport is not None:
            self._transport.resume_reading()

    def _cut(self, data: bytes) -> int:
        """Hands on every whole message; returns where the rest begins."""
        start, have = 0, len(data)
        self._wanted = _HEADER_BYTES
        while have - start >= _HEADER_BYTES:
            length = int.from_bytes(data[start + 1 : start + _HEADER_BYTES], "big")
            if data[start] != 0 or length > MAX_MESSAGE_BYTES:
                raise MalformedError("a message is compressed or longer than the limit")
            end = start + _HEADER_BYTES + length
            if end > have:
                self._wanted = end - start
                break
            self.on_message(data[start + _HEADER_BYTES : end])
            start = end
        return start

    def pause_writing(self) -> None:
        self._is_taken = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        taken, self._is_taken = self._is_taken, None
        if taken is not None and not taken.done():
            taken.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self.resume_writing()
        self._end(None)

    def _end(self, error: MalformedError | None) -> None:
        self.on_message = _ignore
        if self.ended.done():
            return
        if error is None:
            self.ended.set_result(None)
        else:
            self.ended.set_exception(error)


def _never() -> bool:
    return False


def _nothing() -> None:
    """There is room."""


def _ignore(_message: bytes) -> None:
    """What comes after the end."""
