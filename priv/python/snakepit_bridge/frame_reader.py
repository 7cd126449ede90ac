"""The incoming half of a stream of frames: a message in its frames. Pieces are not parsed but found, so that
their bytes are copied only to where they belong."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from google.protobuf.message import DecodeError

from .gen import snakepit_bridge_pb2 as pb2

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# A smaller message has no piece that is worth looking for.
_MIN_BYTES = 64 * 1024

_FRAMES_TAG = 0x0A
_CALLS_TAG = 0x72
_CALL_TAG = 0x08
_PIECE_TAG = 0x6A
_DATA_TAG = 0x0A


class MalformedError(Exception):
    """The peer does not keep to the contract: the stream cannot go on."""


class FoundPiece(NamedTuple):
    """The next bytes of a call's attachments, where they are in the message."""

    call: int
    data: memoryview


def read_batch(data: bytes) -> Iterable[pb2.Frame | FoundPiece]:
    """The frames of a message, in order. Raises DecodeError, at once or when the frame is reached."""
    if len(data) < _MIN_BYTES:
        return pb2.FrameBatch.FromString(data).frames
    return _scan(memoryview(data))


def _scan(data: memoryview) -> Iterator[pb2.Frame | FoundPiece]:
    at = 0
    while at < len(data):
        if data[at] != _FRAMES_TAG:
            # A field of a newer runtime; its parser knows how to pass over it.
            yield from pb2.FrameBatch.FromString(data[at:].tobytes()).frames
            return
        size, at = _read_varint(data, at + 1)
        end = at + size
        if end > len(data):
            raise DecodeError("a frame is cut short")
        frame = data[at:end]
        yield _find_piece(frame) or pb2.Frame.FromString(frame.tobytes())
        at = end


def find_calls(message: bytes) -> bytes | None:
    """The calls that share a frame, if the message is that frame and nothing else, written as everybody
    writes it: most messages are, and a parser for all of them costs as much as a call."""
    if not message or message[0] != _FRAMES_TAG:
        return None
    size, at = _read_varint(message, 1)
    if at + size != len(message) or not size or message[at] != _CALLS_TAG:
        return None
    size, at = _read_varint(message, at + 1)
    return message[at:] if at + size == len(message) else None


def _find_piece(frame: memoryview) -> FoundPiece | None:
    """The piece, if the frame is nothing else, written as everybody writes it."""
    if len(frame) < _MIN_BYTES or frame[0] != _CALL_TAG:
        return None
    call, at = _read_varint(frame, 1)
    if frame[at] != _PIECE_TAG:
        return None
    size, at = _read_varint(frame, at + 1)
    if at + size != len(frame) or frame[at] != _DATA_TAG:
        return None
    size, at = _read_varint(frame, at + 1)
    return FoundPiece(call, frame[at:]) if at + size == len(frame) else None


def _read_varint(data: memoryview | bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while at < len(data) and shift < 64:
        byte = data[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, at
        shift += 7
    raise DecodeError("a number is cut short")
