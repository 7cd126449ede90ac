"""Plays the runtime's end of a stream of frames."""

from __future__ import annotations

import json
import queue
import select
import socket
from typing import TYPE_CHECKING, Any

import grpc

from snakepit_bridge.frame_writer import PIECE_BYTES
from snakepit_bridge.gen import snakepit_bridge_pb2 as pb2
from snakepit_bridge.serialization import decode_value

from .harness import LIMIT_SECONDS, TOKEN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .harness import Worker

HEADERS = [("x-snakepit-token", TOKEN)]


class Stream:
    """One stream. Its first frame has been read."""

    def __init__(self) -> None:
        self.frames = self._read()
        self._kept: list[pb2.Frame] = []
        self.batches: list[int] = []
        self.hello = next(self.frames).hello

    def send(self, *frames: pb2.Frame) -> None:
        """These frames in one message."""
        self.put(pb2.FrameBatch(frames=frames))

    def put(self, batch: pb2.FrameBatch) -> None:
        raise NotImplementedError

    def receive(self) -> Iterator[pb2.FrameBatch]:
        raise NotImplementedError

    def end(self) -> None:
        """The runtime's half-close."""
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError

    def open(self, call: int, tool: str, *, stream: int | None = None, **arguments: Any) -> None:
        """Opens one call; `stream` is the credit."""
        self.send(open_frame(call, tool, stream=stream, **arguments))

    def cancel(self, call: int, reason: str = "cancelled") -> None:
        self.send(pb2.Frame(call=call, cancel=pb2.CancelCall(reason=reason)))

    def next(self, call: int | None = None) -> pb2.Frame:
        """The next frame, or the next of one call; others are kept for later."""
        for place, frame in enumerate(self._kept):
            if call is None or frame.call == call:
                return self._kept.pop(place)
        for frame in self.frames:
            if call is None or frame.call == call:
                return frame
            self._kept.append(frame)
        raise AssertionError("the worker ended the stream")

    def kept(self) -> list[int]:
        """Calls whose frames came and were not asked for yet."""
        return [frame.call for frame in self._kept]

    def result(self, call: int) -> Any:
        """The value a call ends with, from JSON, or the bytes themselves."""
        frame = self.next(call)
        assert frame.WhichOneof("kind") == "result", frame
        return self.read(call, frame.result.value)

    def failure(self, call: int) -> pb2.CallFailure:
        frame = self.next(call)
        assert frame.WhichOneof("kind") == "failure", frame
        return frame.failure

    def read(self, call: int, value: pb2.Value) -> Any:
        """A value whose attachments may follow in pieces."""
        attachments = []
        for item in value.attachments:
            data = bytearray(item.data)
            while len(data) < item.size:
                data += self.next(call).piece.data
            assert len(data) == max(item.size, len(item.data))
            attachments.append(bytes(data))
        return decode_value(value.json, attachments)

    def _read(self) -> Iterator[pb2.Frame]:
        for batch in self.receive():
            self.batches.append(batch.ByteSize())
            yield from batch.frames


class Frames(Stream):
    """The RPC `Frames`."""

    def __init__(self, worker: Worker) -> None:
        self._outgoing: queue.SimpleQueue[pb2.FrameBatch | None] = queue.SimpleQueue()
        self.rpc = worker.stub.Frames(iter(self._outgoing.get, None), metadata=HEADERS)
        super().__init__()

    def put(self, batch: pb2.FrameBatch) -> None:
        self._outgoing.put(batch)

    def receive(self) -> Iterator[pb2.FrameBatch]:
        yield from self.rpc

    def end(self) -> None:
        self._outgoing.put(None)

    def close(self) -> None:
        self.rpc.cancel()
        self._outgoing.put(None)

    def code(self) -> grpc.StatusCode:
        """The status with which the worker ends the stream."""
        try:
            for _ in self.rpc:
                pass
        except grpc.RpcError:
            pass
        code: grpc.StatusCode = self.rpc.code()
        return code


class SocketFrames(Stream):
    """The socket that a worker inherits."""

    def __init__(self, worker: Worker) -> None:
        self._socket = worker.calls
        self._socket.settimeout(LIMIT_SECONDS)
        super().__init__()

    def put(self, batch: pb2.FrameBatch) -> None:
        data = batch.SerializeToString()
        self.put_raw(b"\0" + len(data).to_bytes(4, "big") + data)

    def put_raw(self, data: bytes) -> None:
        """Whatever bytes, also such that are no message."""
        self._socket.sendall(data)

    def is_writable(self, seconds: float) -> bool:
        """Whether bytes can be sent within this time."""
        return bool(select.select([], [self._socket], [], seconds)[1])

    def put_some(self, data: memoryview) -> int:
        """As many bytes as go now."""
        return self._socket.send(data[:PIECE_BYTES], socket.MSG_DONTWAIT)

    def receive(self) -> Iterator[pb2.FrameBatch]:
        buffer = b""
        while True:
            length = int.from_bytes(buffer[1:5], "big") if len(buffer) >= 5 else 0
            if len(buffer) >= 5 + length and buffer:
                yield pb2.FrameBatch.FromString(buffer[5 : 5 + length])
                buffer = buffer[5 + length :]
                continue
            chunk = self._socket.recv(1024 * 1024)
            if not chunk:
                return
            buffer += chunk

    def end(self) -> None:
        self._socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        self._socket.close()


def open_frame(
    call: int,
    tool: str,
    *,
    stream: int | None = None,
    session: str = "s1",
    metadata: dict[str, str] | None = None,
    timeout_ms: int = int(LIMIT_SECONDS * 1000),
    **arguments: Any,
) -> pb2.Frame:
    message = pb2.OpenCall(
        tool=tool,
        session=session,
        arguments=pb2.Value(json=json.dumps(arguments).encode()),
        metadata=metadata or {},
        timeout_ms=timeout_ms,
        stream=stream is not None,
        credit=stream or 0,
    )
    return pb2.Frame(call=call, open=message)
