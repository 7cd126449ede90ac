"""A call of a tool, as a transport hands it over, and what becomes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import grpc

from .channel_options import MAX_MESSAGE_BYTES

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Mapping

    from .serialization import Buffer
    from .session_context import SessionContext
    from .streams import Chunk, Credit
    from .surrounded_calls import Lane
    from .tool_specs import Tool
    from .tool_threads import Job

OK = 0
CANCELLED: int = grpc.StatusCode.CANCELLED.value[0]
DEADLINE_EXCEEDED: int = grpc.StatusCode.DEADLINE_EXCEEDED.value[0]
INVALID_ARGUMENT: int = grpc.StatusCode.INVALID_ARGUMENT.value[0]
RESOURCE_EXHAUSTED: int = grpc.StatusCode.RESOURCE_EXHAUSTED.value[0]
NOT_FOUND: int = grpc.StatusCode.NOT_FOUND.value[0]
UNAVAILABLE: int = grpc.StatusCode.UNAVAILABLE.value[0]


# A message holds more, but not much; bytes have no such limit, because they go in pieces.
MAX_JSON_BYTES = MAX_MESSAGE_BYTES - 2 * 1024 * 1024


class TooLargeError(Exception):
    """A value fits no message; the text is that of gRPC, which would say so later."""


class Value(NamedTuple):
    """What a tool returned, ready to be sent."""

    json: bytes
    attachments: list[Buffer]


class Failure(NamedTuple):
    """Why a call has no result."""

    status: int
    """gRPC's number; OK when the tool raised."""
    details: str
    error: BaseException | None = None
    """What the tool raised."""


class Sink(Protocol):
    """Where a call's chunks and its end go. Called on the event loop only."""

    def send(self, call: Call, chunk: Chunk) -> None:
        """The next chunk, which was paid for with credit."""

    def answer(self, call: Call, text: bytes, seconds: float) -> None:
        """As `end`, with a value of which this is all."""

    def end(self, call: Call, value: Value | None, failure: Failure | None, seconds: float) -> None:
        """The worker has let go of the call. No value and no failure: a stream is at its end."""


class Call:
    """One call of one tool."""

    __slots__ = (
        "arguments",
        "credit",
        "ending",
        "interruptible",
        "job",
        "key",
        "lane",
        "session",
        "sink",
        "task",
        "tool",
        "tool_name",
        "trace_context",
    )

    def __init__(
        self,
        key: int,
        tool_name: str,
        arguments: Mapping[str, Any],
        session: SessionContext,
        sink: Sink,
        credit: Credit | None = None,
    ) -> None:
        self.key = key
        """The transport's own name of the call."""
        self.tool_name = tool_name
        self.arguments = arguments
        self.session = session
        self.sink = sink
        self.credit = credit
        """Given for callers that take chunks."""
        self.lane: Lane | None = None
        """Where it runs when it is not `async`; known once it has begun."""
        self.tool: Tool | None = None
        self.task: asyncio.Task[None] | None = None
        self.job: Job | None = None
        self.interruptible = False
        """Whether the task is where a cancellation may reach it: not before its begin, where it
        would not notice, and not in `cleanup`."""
        self.ending = CANCELLED
        self.trace_context: Any = None
        """What it runs in, if it is traced."""

    def invoke(self, adapter: Any) -> Any:
        """Calls the tool; what it gives may have to be awaited or iterated."""
        if self.tool is None:
            return adapter.execute_tool(self.tool_name, self.arguments, self.session)
        return getattr(adapter, self.tool.name)(**self.arguments)


class CallOwner(Protocol):
    """Whose calls they are: hears what becomes of those that somebody else runs."""

    def encode(self, result: Any) -> Value:
        """What a tool returned, ready to be sent. Any thread."""

    async def drain(self, call: Call, result: Any) -> None:
        """Sends the chunks of a stream, from the event loop."""

    def conclude(self, call: Call, value: Value | None, error: BaseException | None) -> None:
        """The one end of a call."""


def limited(encoded: tuple[bytes, list[Buffer]]) -> Value:
    """What was encoded, if a message can hold it. Raises TooLargeError."""
    size = len(encoded[0])
    if size > MAX_JSON_BYTES:
        raise TooLargeError(f"SERVER: Sent message larger than max ({size} vs. {MAX_JSON_BYTES})")
    return Value(*encoded)
