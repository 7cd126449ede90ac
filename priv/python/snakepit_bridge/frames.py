"""One stream of frames: many calls at the same time, several frames to a message.

What comes is handled in one go, without waiting for any tool; what goes is collected and written once
per turn of the event loop.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import TYPE_CHECKING, Any, NoReturn

from google.protobuf.message import DecodeError

from .attachments import AttachmentError, AttachmentsTooLargeError, Incoming, put
from .channel_options import FEATURES
from .failures import describe_exception, describe_malformed_arguments
from .frame_reader import FoundPiece, MalformedError, find_calls, read_batch
from .gen import snakepit_bridge_pb2 as pb2
from .joined_calls import read_calls
from .notices import notice
from .ping_answers import answer_ping
from .serialization import Buffer, decode_value
from .sessions import MetadataTooLargeError
from .streams import Credit
from .tool_call import (
    CANCELLED,
    DEADLINE_EXCEEDED,
    INVALID_ARGUMENT,
    RESOURCE_EXHAUSTED,
    Call,
    Failure,
    Value,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence

    from .frame_service import FrameService
    from .frame_writer import FrameWriter
    from .streams import Chunk

# Pings that wait for their answer; a runtime that sends one for every second has a few.
MAX_PINGS = 1000


class FrameStream:
    """One stream and its calls."""

    def __init__(self, service: FrameService, writer: FrameWriter) -> None:
        self._service = service
        self._runner = service.runner
        self._limits = service.limits
        self._calls: dict[int, Call] = {}
        self._arriving: dict[int, tuple[pb2.OpenCall, Incoming]] = {}
        self._pings: deque[tuple[int, pb2.PingRequest]] = deque()
        self._writer = writer
        self._finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._is_closed = False
        self._joins = False
        self._handlers = {
            "open": self._open,
            "calls": self._open_joined,
            "cancel": self._cancel,
            "credit": self._grant,
            "open_session": self._open_session,
            "close_session": self._close_session,
            "ping": self._ping,
            "piece": self._piece,
            "hello": _refuse_direction,
            "result": _refuse_direction,
            "failure": _refuse_direction,
            "chunk": _refuse_direction,
            "pong": _refuse_direction,
            "results": _refuse_direction,
        }

    async def serve(self, messages: Awaitable[None]) -> None:
        """Until `messages`, which hands each to `receive`, is over, or either side ends the stream.
        Raises its error."""
        hello = self._writer.add(0)
        hello.hello.features.extend(FEATURES)
        hello.hello.max_calls = self._limits.max_calls
        self._writer.push(hello, 0)
        writing = asyncio.ensure_future(self._writer.run())
        reading = asyncio.ensure_future(messages)
        tasks: list[asyncio.Future[None]] = [writing, reading, self._finished]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if reading in done:
                reading.result()
        finally:
            self._close()
            for task in (writing, reading):
                task.cancel()
            await asyncio.gather(writing, reading, return_exceptions=True)

    async def finish(self) -> None:
        """Ends the stream when everything is written."""
        await self._writer.flush()
        if not self._finished.done():
            self._finished.set_result(None)

    def receive(self, data: bytes) -> None:
        """Takes a message. Raises MalformedError."""
        is_whole = False
        self._runner.hold()
        try:
            self._read(data)
            is_whole = True
        finally:
            # A message may also say that some of its calls are wanted no more.
            self._writer.hold()
            self._runner.run_held(at_once=is_whole and self._writer.has_outlet)
            self._writer.release()

    def _read(self, data: bytes) -> None:
        handlers = self._handlers
        try:
            calls = find_calls(data)
            if calls is not None:
                self._open_calls(calls)
                return
            for frame in read_batch(data):
                if isinstance(frame, FoundPiece):
                    self._add_piece(frame.call, frame.data)
                    continue
                kind = frame.WhichOneof("kind")
                # Unknown kinds come from a newer runtime, which works without our answer.
                if kind is not None:
                    handlers[kind](frame)
        except DecodeError as error:
            raise MalformedError("a message is no batch of frames") from error

    def room(self) -> asyncio.Future[None] | None:
        """What to wait for before the next message is received; None when nothing."""
        return self._writer.room()

    def is_idle(self) -> bool:
        """Whether every call that came is answered, and every answer written."""
        return not self._calls and not self._arriving and not self._writer.has_news()

    def _close(self) -> None:
        self._is_closed = True
        self._arriving.clear()
        self._pings.clear()
        for call in list(self._calls.values()):
            self._runner.cancel(call)

    def _open(self, frame: pb2.Frame) -> None:
        key, request = frame.call, frame.open
        if not self._has_room_for(key):
            return
        announced = request.arguments.attachments
        if not announced:
            self._start(key, request, ())
            return
        try:
            incoming = Incoming(announced, self._limits.max_value_bytes)
        except AttachmentsTooLargeError:
            limit = self._limits.max_value_bytes
            self._fail(key, RESOURCE_EXHAUSTED, f"the arguments are larger than {limit} bytes")
        except AttachmentError as error:
            raise MalformedError(str(error)) from error
        else:
            self._arriving[key] = (request, incoming)
            self._start_complete(key)

    def _has_room_for(self, key: int) -> bool:
        """Whether a call may be opened under this number; it is answered, if not."""
        if not key:
            raise MalformedError("a call has no number")
        if key in self._calls or key in self._arriving:
            raise MalformedError(f"call {key} is open already")
        if len(self._calls) + len(self._arriving) < self._limits.max_calls:
            return True
        self._fail(key, RESOURCE_EXHAUSTED, f"{self._limits.max_calls} calls are open already")
        return False

    def _open_joined(self, frame: pb2.Frame) -> None:
        self._open_calls(frame.calls)

    def _open_calls(self, joined: bytes) -> None:
        # Who sends calls so takes results so, too.
        self._joins = True
        now = time.monotonic()
        calls, arriving, runner = self._calls, self._arriving, self._runner
        limit = self._limits.max_calls
        for key, tool, session_id, timeout_ms, metadata, arguments in read_calls(joined):
            if (arriving or key in calls or len(calls) >= limit) and not self._has_room_for(key):
                continue
            if type(arguments) is not dict:
                self._refuse_arguments(key, tool, arguments)
                continue
            deadline = now + timeout_ms / 1000 if timeout_ms else None
            session = runner.session(session_id, metadata, deadline)
            call = calls[key] = Call(key, tool, arguments, session, self)
            runner.start(call)

    def _piece(self, frame: pb2.Frame) -> None:
        self._add_piece(frame.call, frame.piece.data)

    def _add_piece(self, key: int, data: Buffer) -> None:
        arriving = self._arriving.get(key)
        if arriving is None:
            return  # of a call that was cancelled or refused in the meantime
        try:
            arriving[1].add(data)
        except AttachmentError as error:
            raise MalformedError(str(error)) from error
        self._start_complete(key)

    def _start_complete(self, key: int) -> None:
        request, incoming = self._arriving[key]
        if incoming.is_complete():
            del self._arriving[key]
            self._start(key, request, incoming.take())

    def _start(self, key: int, request: pb2.OpenCall, attachments: Sequence[Buffer]) -> None:
        try:
            arguments = _read_arguments(request, attachments)
        except (ValueError, RecursionError) as error:
            self._refuse_arguments(key, request.tool, error)
            return
        timeout_ms = request.timeout_ms
        deadline = time.monotonic() + timeout_ms / 1000 if timeout_ms else None
        session = self._runner.session(request.session, request.metadata, deadline)
        credit = Credit(request.credit) if request.stream else None
        call = self._calls[key] = Call(key, request.tool, arguments, session, self, credit)
        self._runner.start(call)

    def _refuse_arguments(self, key: int, tool: str, problem: object) -> None:
        self._fail(key, INVALID_ARGUMENT, describe_malformed_arguments(tool, str(problem)))

    def _cancel(self, frame: pb2.Frame) -> None:
        ending = DEADLINE_EXCEEDED if frame.cancel.reason == "deadline" else CANCELLED
        # Nobody waits for what is on its way any more, be it the result of a call that is over here.
        self._writer.drop(frame.call)
        call = self._calls.get(frame.call)
        if call is not None:
            self._runner.cancel(call, ending)
        elif self._arriving.pop(frame.call, None) is not None:
            self._fail(frame.call, ending, "the caller has given up")

    def _grant(self, frame: pb2.Frame) -> None:
        call = self._calls.get(frame.call)
        if call is not None and call.credit is not None:
            call.credit.grant(frame.credit)

    def _open_session(self, frame: pb2.Frame) -> None:
        try:
            self._service.sessions.open(frame.open_session.session_id, frame.open_session.metadata)
        except MetadataTooLargeError as error:
            notice(str(error))

    def _close_session(self, frame: pb2.Frame) -> None:
        self._service.sessions.close(frame.close_session.session_id)

    def _ping(self, frame: pb2.Frame) -> None:
        if len(self._pings) >= MAX_PINGS:
            raise MalformedError(f"more than {MAX_PINGS} pings wait for their answer")
        self._pings.append((frame.call, frame.ping))
        if len(self._pings) == 1:
            asyncio.get_running_loop().call_soon(self._answer_pings, time.monotonic())

    def _answer_pings(self, asked_at: float) -> None:
        """A turn of the event loop after the first of them came: they tell how long it took."""
        lag_ms = (time.monotonic() - asked_at) * 1000
        while self._pings:
            key, request = self._pings.popleft()
            frame = self._writer.add(key)
            answer_ping(request, frame.pong, self._service.heartbeat, self._runner, lag_ms)
            self._writer.push(frame, frame.pong.ByteSize())
        self._flush_if_last()

    def send(self, call: Call, chunk: Chunk) -> None:
        """The next chunk of a call."""
        if self._is_closed or call.session.cancelled:
            return
        frame = self._writer.add(call.key)
        message = frame.chunk
        if chunk.is_final:
            message.is_final = True
        if chunk.metadata:
            message.metadata.update(chunk.metadata)
        message.value.json = chunk.json
        inside, following = put(message.value, chunk.attachments) if chunk.attachments else (0, ())
        self._writer.push(frame, len(chunk.json) + inside, following)

    def answer(self, call: Call, text: bytes, seconds: float) -> None:
        """As `end`, for a value that has no attachments."""
        key, calls = call.key, self._calls
        del calls[key]
        if self._is_closed:
            return
        if not self._joins or not self._writer.join(
            key, int(seconds * 1e6), text, is_last=not calls
        ):
            self._push_result(key, Value(text, []), seconds)
            self._flush_if_last()

    def end(self, call: Call, value: Value | None, failure: Failure | None, seconds: float) -> None:
        """The last frame of a call."""
        key = call.key
        del self._calls[key]
        if self._is_closed:
            return
        if failure is not None:
            self._push_failure(call, failure)
        else:
            self._push_result(key, value, seconds)
        self._flush_if_last()

    def _flush_if_last(self) -> None:
        if not self._calls:
            # Nothing else will come in this turn that could go along.
            self._writer.flush_now()

    def _push_failure(self, call: Call, failure: Failure) -> None:
        details = failure.details
        if failure.error is not None:
            details = describe_exception(failure.error, call.tool_name, call.session.session_id)
        self._fail(call.key, failure.status, details)

    def _push_result(self, key: int, value: Value | None, seconds: float) -> None:
        frame = self._writer.add(key)
        result = frame.result
        result.execution_time_us = int(seconds * 1e6)
        if value is None:
            self._writer.push(frame, 0)
            return
        text, attachments = value
        result.value.json = text
        if not attachments:
            self._writer.push(frame, len(text))
            return
        inside, following = put(result.value, attachments)
        self._writer.push(frame, len(text) + inside, following)

    def _fail(self, key: int, status: int, details: str) -> None:
        frame = self._writer.add(key)
        frame.failure.status = status
        frame.failure.details = details
        self._writer.push(frame, len(details))


def _refuse_direction(frame: pb2.Frame) -> NoReturn:
    raise MalformedError(f"a frame of the worker's own kind, {frame.WhichOneof('kind')}")


def _read_arguments(request: pb2.OpenCall, attachments: Sequence[Buffer]) -> dict[str, Any]:
    """Raises ValueError."""
    text = request.arguments.json
    arguments = decode_value(text, attachments) if text else {}
    if not isinstance(arguments, dict):
        raise ValueError(f"the arguments are no object but {type(arguments).__name__}")
    if not request.binary_arguments:
        return arguments
    for name, place in request.binary_arguments.items():
        if place >= len(attachments):
            raise ValueError(f"argument {name!r} is attachment {place} of {len(attachments)}")
        arguments[name] = decode_value(b"", attachments[place : place + 1])
    return arguments
