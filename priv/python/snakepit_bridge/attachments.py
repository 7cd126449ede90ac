"""Attachments of values in frames: small ones inside, large ones in pieces that follow."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

from .frame_writer import PIECE_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .gen import snakepit_bridge_pb2 as pb2
    from .serialization import Buffer


class AttachmentError(ValueError):
    """What the peer says about its attachments makes no sense."""


class AttachmentsTooLargeError(Exception):
    """A value has more bytes than this worker takes."""


def put(value: pb2.Value, attachments: Iterable[Buffer]) -> tuple[int, list[memoryview]]:
    """Puts attachments into a value while they are small, and announces the others.

    Returns the number of bytes inside, and what has to follow in pieces.
    """
    inside, following = 0, []
    for item in attachments:
        view = _as_bytes(item)
        attachment = value.attachments.add()
        if inside + view.nbytes <= PIECE_BYTES:
            attachment.data = bytes(view)
            inside += view.nbytes
        else:
            attachment.size = view.nbytes
            following.append(view)
    return inside, following


def _as_bytes(buffer: Buffer) -> memoryview:
    view = memoryview(buffer)
    if view.nbytes == 0:
        return memoryview(b"")  # one with a zero in its shape cannot be cast
    return view.cast("B") if view.c_contiguous else memoryview(view.tobytes())


class Incoming:
    """The attachments of one value on their way in.

    Memory comes with the bytes. All of it at once would be claimed by whoever only announces it, and
    to touch a gibibyte takes seconds, in which no other thread runs, not even the one of the beats.
    """

    def __init__(self, announced: Iterable[pb2.Attachment], limit: int) -> None:
        """Raises AttachmentError, AttachmentsTooLargeError."""
        self._buffers: list[bytes | BytesIO] = []
        self._missing: list[tuple[BytesIO, int]] = []
        total = 0
        for item in announced:
            data, size = item.data, item.size
            total += max(size, len(data))
            if total > limit:
                raise AttachmentsTooLargeError
            if data and size not in (0, len(data)):
                raise AttachmentError(f"an attachment of {size} bytes brings {len(data)}")
            if data or not size:
                self._buffers.append(data)
            else:
                buffer = BytesIO()  # it grows in place, and gives its bytes away without a copy
                self._buffers.append(buffer)
                self._missing.append((buffer, size))
        self._missing.reverse()

    def is_complete(self) -> bool:
        """Whether all bytes are here."""
        return not self._missing

    def add(self, data: Buffer) -> None:
        """The next piece. Raises AttachmentError for bytes that nobody announced."""
        if not self._missing:
            raise AttachmentError("more bytes than were announced")
        buffer, size = self._missing[-1]
        buffer.write(data)
        if buffer.tell() > size:
            raise AttachmentError(f"an attachment of {size} bytes brings {buffer.tell()}")
        if buffer.tell() == size:
            self._missing.pop()

    def take(self) -> list[bytes]:
        """The attachments, in order, once they are complete."""
        return [item if isinstance(item, bytes) else item.getvalue() for item in self._buffers]
