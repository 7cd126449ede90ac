"""Runs calls of tools, whatever brought them: checks the arguments, makes an adapter, runs the tool
where it belongs, and tells the transport's sink the chunks and, exactly once, the end.

The end comes when the worker has let go of the call: the coroutine or the thread has returned, and
`cleanup` is done. Until then the call counts as in flight, cancelled or not.
"""

from __future__ import annotations

import asyncio
import os
import platform
import sys
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import grpc

from . import tracing
from .bare_calls import BareCalls
from .calls import Calls, DrainingError
from .channel_options import FEATURES, MAX_MESSAGE_BYTES
from .failures import describe_bad_arguments, describe_unknown_tool
from .invocation import PLAIN, Surroundings, finish, is_awaitable, read_profile, unwrap
from .serialization import Buffer, Encode, EncodingError, encode_value
from .session_context import SessionContext
from .streams import (
    Chunk,
    Credit,
    drain,
    drain_in_thread,
    is_async_iterator,
    is_iterator,
    is_stream,
    read_item,
)
from .telemetry import correlated, is_foreign, tell_raised
from .thread_modes import is_gil_enabled
from .thread_profile import sensitive_tools, watch_for
from .tool_specs import (
    DESCRIBE_TOOLS,
    DESCRIBE_WORKER,
    Tool,
    argument_names_of,
    describe,
    fingerprint_of,
    tools_of,
)
from .tool_threads import ToolThreads, forget
from .value_encoding import encode_quickly

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from collections.abc import Set as AbstractSet

    from .adapter_loader import LoadedAdapter
    from .bridge_client import BridgeClient
    from .sessions import Sessions
    from .tool_threads import Job

# Looked at for every call: whether anybody here may trace.
_modules = sys.modules
_TRACE_API = tracing.API

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


class _HandedOver(NamedTuple):
    """A tool that is not `async` gave back what only the event loop can finish."""

    adapter: Any
    result: Any


class Lane(NamedTuple):
    """Threads, and what surrounds a call in them."""

    threads: ToolThreads
    surroundings: Surroundings


class ToolRunner:
    """Runs the tools of one adapter class. Everything here happens on the event loop, unless said."""

    def __init__(
        self,
        adapter: LoadedAdapter,
        calls: Calls,
        threads: ToolThreads,
        sessions: Sessions,
        bridge: BridgeClient | None,
        *,
        encode: Encode = encode_value,
    ) -> None:
        """`encode` is how the runtime takes values; `encode_plain` for one that knows no markers."""
        self._profile = read_profile(adapter.cls)
        self._dispatches_itself = adapter.dispatches_itself
        dispatch = getattr(adapter.cls, "execute_tool", None)
        self._dispatches_async = dispatch is not None and asyncio.iscoroutinefunction(dispatch)
        self._waits_in_hooks = bool(self._profile.async_hooks)
        self._lane = Lane(threads, Surroundings(self._profile, threads))
        alone = ToolThreads(1)
        self._alone = Lane(alone, Surroundings(self._profile, alone))
        self._tracker, self._monitor = watch_for(adapter)
        self._encode_value = encode
        self._encode_quickly = encode_quickly if encode is encode_value else _encode_never
        self._calls = calls
        self._sessions = sessions
        self._bridge = bridge
        self._loop: asyncio.AbstractEventLoop | None = None
        self.tools = tools_of(adapter.cls)
        self._names = argument_names_of(adapter.cls)
        self._abouts = {DESCRIBE_TOOLS: self._describe, DESCRIBE_WORKER: self._describe_worker}
        self._sensitive = sensitive_tools(self.tools)
        is_bare = self._profile.constructs_cheaply and not self._profile.hooks
        self._bare_calls = BareCalls(adapter.cls, self) if is_bare else None
        # Names of the arguments of which nothing else has to be known before the tool runs.
        self._usual: dict[str, AbstractSet[str]] = {}
        if self._bare_calls and self._tracker is None and not self._dispatches_itself:
            for name in self._bare_calls.in_turn:
                names = self._names[name]
                if names is not None:
                    self._usual[name] = names.all
        self.served = 0
        """Calls that were answered with a result."""
        self.failed = 0
        """Calls whose tool raised, or returned what cannot be sent."""

    @property
    def tools_fingerprint(self) -> str:
        """Changes with the interface of the tools; empty when that is the adapter's own affair."""
        return "" if self._dispatches_itself else fingerprint_of(self._profile.cls)

    def session(
        self, session_id: str, metadata: Mapping[str, str] | None, deadline: float | None
    ) -> SessionContext:
        """The session of a call that begins."""
        known = self._sessions.find(session_id) if session_id else None
        session = SessionContext(session_id, metadata, self._bridge)
        if known is not None:
            session._session_metadata = known.metadata
        if deadline is not None:
            session.deadline = deadline
        return session

    def start(self, call: Call) -> None:
        """Begins a call. Its end may come before this returns."""
        if _TRACE_API in _modules and call.trace_context is None and self._begins_trace(call):
            with tracing.entered(call.trace_context):
                self.start(call)
            return
        metadata = call.session.request_metadata
        if metadata and is_foreign(metadata):
            with correlated(metadata):
                self.start(call)
            return
        try:
            self._calls.begin(call)
        except DrainingError:
            failure = Failure(UNAVAILABLE, "this worker is stopping")
            call.sink.end(call, None, failure, 0.0)
            return
        usual, bare_calls = self._usual.get(call.tool_name), self._bare_calls
        if (
            bare_calls
            and usual is not None
            and usual == call.arguments.keys()
            and call.credit is None
        ):
            bare_calls.start_in_turn(call)
            return
        if call.tool_name in self._abouts:
            about = self._abouts[call.tool_name]()
            call.sink.end(call, about, None, self._calls.end(call))
            return
        refusal = None if self._dispatches_itself else self._examine(call)
        if refusal is not None:
            call.sink.end(call, None, refusal, self._calls.end(call))
            return
        if self._tracker is not None:
            self._tracker.begin(call.tool_name)
        self._dispatch(call)

    def hold(self) -> None:
        """Calls that need nothing around them begin only with `run_held`, for which more of them may come."""
        if self._bare_calls is not None:
            self._bare_calls.hold()

    def run_held(self, *, at_once: bool) -> None:
        """Begins the calls that were held back: those that do not wait end before this returns if that is
        wished, by whoever is in no Task."""
        if self._bare_calls is not None:
            self._bare_calls.run_held(at_once=at_once)

    def _begins_trace(self, call: Call) -> bool:
        # What the runtime asks a worker about its tools is no call of anybody.
        return call.tool_name not in self._abouts and tracing.begin(call)

    def close(self) -> None:
        """Lets the thread of sensitive tools end; the other threads belong to the server."""
        self._alone.threads.close()

    def cancel(self, call: Call, ending: int = CANCELLED) -> None:
        """The caller has given up. Tells the tool, and ends the call as soon as it lets go.

        The session is marked first: so the body of the call can tell its own cancellation from a
        CancelledError that foreign code raises for reasons of its own.
        """
        session = call.session
        if session.cancelled:
            return
        session.mark_cancelled()
        call.ending = ending
        if call.credit is not None:
            call.credit.grant(0)
        job, lane = call.job, call.lane
        if job is not None and lane is not None and lane.threads.withdraw(job):
            self.conclude(call, None, None)
        elif call.interruptible and call.task is not None:
            call.task.cancel()

    def _describe(self) -> Value:
        return Value(*encode_value([describe(tool) for tool in self.tools.values()]))

    def _describe_worker(self) -> Value:
        about = {
            "pid": os.getpid(),
            "pythonVersion": platform.python_version(),
            "gil": is_gil_enabled(),
            "features": list(FEATURES),
            "tools": list(self.tools),
            "toolsFingerprint": self.tools_fingerprint,
        }
        return Value(*encode_value(about))

    def _examine(self, call: Call) -> Failure | None:
        tool = self.tools.get(call.tool_name)
        if tool is None:
            details = describe_unknown_tool(call.tool_name, self.tools)
            return Failure(NOT_FOUND, details)
        call.tool = tool
        names = self._names[call.tool_name]
        given = call.arguments.keys()
        if names is not None and names.required <= given and names.all >= given:
            return None
        problem = tool.mismatch(call.arguments)
        if problem is None:
            return None
        return Failure(INVALID_ARGUMENT, describe_bad_arguments(tool, problem))

    def _dispatch(self, call: Call) -> None:
        loop = self._loop
        if loop is None:
            loop = self._loop = asyncio.get_running_loop()
        is_async = self._dispatches_async if call.tool is None else call.tool.is_async
        if is_async and self._bare_calls is not None:
            self._bare_calls.start(call)
            return
        lane = call.lane = self._lane_of(call)
        if is_async or self._waits_in_hooks:
            call.task = loop.create_task(self._run_in_steps(call, lane, is_async))
        else:
            if call.credit is not None:
                call.credit.use_thread()
            call.job = lane.threads.submit(self._run_in_thread, call, self._thread_ended)

    def _lane_of(self, call: Call) -> Lane:
        """One thread for all that must not leave it: never the loop's, whose standstill would look like
        that of the worker."""
        if call.tool_name in self._sensitive:
            return self._alone
        metadata = call.session.request_metadata
        if metadata and metadata.get("thread_sensitive", "").lower() in ("1", "true", "yes"):
            return self._alone
        return self._lane

    async def _run_in_steps(self, call: Call, lane: Lane, tool_on_loop: bool) -> None:
        """The long way: any mixture of what runs on the loop and what runs in threads."""
        session, around = call.session, lane.surroundings
        if session.cancelled:
            self.conclude(call, None, None)
            return
        value, error = None, None
        try:
            adapter = await around.enter(session)
            # Not before: an adapter that was made has to be cleaned up.
            call.interruptible = True
            try:
                _check(session)
                await around.initialize(adapter, session)
                invoke = call.invoke if tool_on_loop else partial(self._invoke, call)
                work = partial(invoke, adapter)
                result = await around.run(work, session, on_loop=tool_on_loop)
                if call.credit is None or tool_on_loop or not is_iterator(result):
                    await self.drain(call, result)
                else:
                    call.credit.use_thread()
                    work = partial(self._drain_here, call, result)
                    await around.run(work, session, on_loop=False)
            finally:
                call.interruptible = False
                await around.cleanup(adapter, session)
            value = None if call.credit is not None else self.encode(result)
        except BaseException as raised:  # noqa: BLE001 - foreign code; it is answered, not swallowed
            error = raised
        self.conclude(call, value, error)

    async def drain(self, call: Call, result: Any) -> None:
        """Sends the chunks of a stream, from the event loop; nothing of any other call."""
        if call.credit is not None:
            send = partial(self._send, call, call.sink.send)
            await drain(result, call.credit, call.session, send)

    def _run_in_thread(self, call: Call) -> Any:
        """All of a call that needs no event loop, in one thread."""
        session, loop, lane = call.session, self._loop, call.lane
        assert loop is not None
        assert lane is not None
        around = lane.surroundings
        adapter = around.enter_here(session, loop)
        handed_over = False
        try:
            around.initialize_here(adapter, loop)
            _check(session)
            result = call.invoke(adapter) if self._monitor is None else self._invoke(call, adapter)
            if type(result) not in PLAIN and (is_awaitable(result) or is_async_iterator(result)):
                handed_over = True
                return _HandedOver(adapter, result)
            if call.credit is not None:
                self._drain_here(call, result)
        finally:
            if not handed_over:
                around.cleanup_here(adapter, loop)
        return None if call.credit is not None else self.encode(result)

    def _drain_here(self, call: Call, result: Any) -> None:
        """All chunks of a stream, in a thread. The body of a generator runs here, and not in the call of
        the tool, so it is here that the monitor sees it."""
        lane, credit = call.lane, call.credit
        assert lane is not None
        assert credit is not None
        send = partial(self._send, call, partial(lane.threads.post, call.sink.send))
        drain = partial(drain_in_thread, result, credit, call.session, send)
        if self._monitor is None or not is_iterator(result):
            drain()
        else:
            self._watched(call, drain)

    def _invoke(self, call: Call, adapter: Any) -> Any:
        return self._watched(call, partial(call.invoke, adapter))

    def _watched(self, call: Call, work: Callable[[], Any]) -> Any:
        """Does a part of a tool in a thread, under the eyes of the monitor."""
        monitor = self._monitor
        if monitor is None or call.lane is self._alone:
            return work()
        monitor.enter(call.tool_name)
        try:
            return work()
        finally:
            monitor.leave(call.tool_name)

    def _send(self, call: Call, send: Callable[[Call, Chunk], None], item: Any) -> None:
        """What a generator has yielded. Any thread. Raises EncodingError."""
        data, is_final, metadata = read_item(item)
        send(call, Chunk(*_limited(self._encode_value(data)), is_final, metadata))

    def encode(self, result: Any) -> Value:
        """What a tool returned, ready to be sent. Any thread. Raises EncodingError, TooLargeError."""
        if type(result) not in PLAIN and is_stream(result):
            raise EncodingError(
                "the tool returned an iterator: call it as a stream, or return a list"
            )
        return Value(*_limited(self._encode_value(result)))

    def _thread_ended(self, call: Call, result: Any, error: BaseException | None) -> None:
        call.job = None
        if type(result) is _HandedOver:
            assert self._loop is not None
            with tracing.entered(call.trace_context), correlated(call.session.request_metadata):
                call.task = self._loop.create_task(self._finish_on_loop(call, result))
            return
        self.conclude(call, result, error)

    async def _finish_on_loop(self, call: Call, begun: _HandedOver) -> None:
        session, result = call.session, begun.result
        value, error = None, None
        try:
            try:
                if call.credit is not None:
                    call.credit.use_loop()
                call.interruptible = True
                if session.cancelled:
                    forget(result)
                _check(session)
                if is_awaitable(result):
                    result = await finish(result, session)
                await self.drain(call, result)
            finally:
                call.interruptible = False
                lane = call.lane or self._lane
                await lane.surroundings.cleanup(begun.adapter, session)
            value = None if call.credit is not None else self.encode(result)
        except BaseException as raised:  # noqa: BLE001 - foreign code; it is answered, not swallowed
            error = raised
        self.conclude(call, value, error)

    def finish(self, call: Call, result: Any) -> None:
        """The end of a call whose tool has returned before anybody could cancel it."""
        value, error = None, None
        try:
            text = self._encode_quickly(result)
            if text is None or len(text) > MAX_JSON_BYTES:
                value = self.encode(result)
        except BaseException as raised:  # noqa: BLE001 - code of the value's class
            error = raised
        if value is not None or error is not None or text is None:
            self.conclude(call, value, error)
            return
        if self._tracker is not None:
            self._tracker.end(call.tool_name)
        self.served += 1
        call.sink.answer(call, text, self._calls.end(call))

    def conclude(self, call: Call, value: Value | None, error: BaseException | None) -> None:
        """The one end of a call that was begun."""
        if self._tracker is not None:
            self._tracker.end(call.tool_name)
        failure = None
        if call.session.cancelled:
            # Whatever it gave or raised after that is of no interest any more.
            value, failure = None, Failure(call.ending, "the caller has given up")
        elif error is not None:
            self.failed += 1
            error = unwrap(error)
            tell_raised(call.tool_name, error, call.session.request_metadata)
            if isinstance(error, TooLargeError):
                failure = Failure(RESOURCE_EXHAUSTED, str(error))
            else:
                failure = Failure(OK, "", error)
        else:
            self.served += 1
        if value is not None and not value.attachments:
            call.sink.answer(call, value.json, self._calls.end(call))
        else:
            call.sink.end(call, value, failure, self._calls.end(call))


def _encode_never(_value: object) -> None:
    """Nothing is known well enough to be encoded in a quick way."""


def _limited(encoded: tuple[bytes, list[Buffer]]) -> tuple[bytes, list[Buffer]]:
    size = len(encoded[0])
    if size > MAX_JSON_BYTES:
        raise TooLargeError(f"SERVER: Sent message larger than max ({size} vs. {MAX_JSON_BYTES})")
    return encoded


def _check(session: SessionContext) -> None:
    """Goes no further with a call whose caller has given up."""
    if session.cancelled:
        raise asyncio.CancelledError
