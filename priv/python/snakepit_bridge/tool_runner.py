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
from typing import TYPE_CHECKING, Any

from . import tracing
from .bare_calls import BareCalls
from .calls import Calls, DrainingError
from .channel_options import FEATURES
from .failures import describe_bad_arguments, describe_unknown_tool
from .invocation import PLAIN, read_profile, unwrap
from .serialization import Encode, EncodingError, encode_value
from .session_context import SessionContext
from .streams import Chunk, drain, is_stream, read_item
from .surrounded_calls import SurroundedCalls
from .telemetry import correlated, is_foreign, tell_raised
from .thread_modes import is_gil_enabled
from .thread_profile import sensitive_tools, watch_for
from .tool_call import (
    CANCELLED,
    INVALID_ARGUMENT,
    MAX_JSON_BYTES,
    NOT_FOUND,
    OK,
    RESOURCE_EXHAUSTED,
    UNAVAILABLE,
    Call,
    Failure,
    TooLargeError,
    Value,
    limited,
)
from .tool_specs import (
    DESCRIBE_TOOLS,
    DESCRIBE_WORKER,
    argument_names_of,
    describe,
    fingerprint_of,
    tools_of,
)
from .value_encoding import encode_quickly

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from collections.abc import Set as AbstractSet

    from .adapter_loader import LoadedAdapter
    from .bridge_client import BridgeClient
    from .sessions import Sessions
    from .tool_threads import ToolThreads

# Looked at for every call: whether anybody here may trace.
_modules = sys.modules
_TRACE_API = tracing.API


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
        self._tracker, monitor = watch_for(adapter)
        self._encode_value = encode
        self._encode_quickly = encode_quickly if encode is encode_value else _encode_never
        self._calls = calls
        self._sessions = sessions
        self._bridge = bridge
        self.tools = tools_of(adapter.cls)
        self._names = argument_names_of(adapter.cls)
        self._abouts = {DESCRIBE_TOOLS: self._describe, DESCRIBE_WORKER: self._describe_worker}
        self._surrounded_calls = SurroundedCalls(
            *(self._profile, threads, self),
            sensitive=sensitive_tools(self.tools),
            monitor=monitor,
        )
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
        self._surrounded_calls.close()

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
        is_async = self._dispatches_async if call.tool is None else call.tool.is_async
        if is_async and self._bare_calls is not None:
            self._bare_calls.start(call)
        else:
            self._surrounded_calls.start(call, is_async)

    async def drain(self, call: Call, result: Any) -> None:
        """Sends the chunks of a stream, from the event loop; nothing of any other call."""
        if call.credit is not None:
            send = partial(self.send, call, call.sink.send)
            await drain(result, call.credit, call.session, send)

    def send(self, call: Call, send: Callable[[Call, Chunk], None], item: Any) -> None:
        """What a generator has yielded. Any thread. Raises EncodingError."""
        data, is_final, metadata = read_item(item)
        send(call, Chunk(*limited(self._encode_value(data)), is_final, metadata))

    def encode(self, result: Any) -> Value:
        """What a tool returned, ready to be sent. Any thread. Raises EncodingError, TooLargeError."""
        if type(result) not in PLAIN and is_stream(result):
            raise EncodingError(
                "the tool returned an iterator: call it as a stream, or return a list"
            )
        return limited(self._encode_value(result))

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
