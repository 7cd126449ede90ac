"""The long way of a call: whatever asks for something around it, or blocks, and so belongs into a thread."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from . import tracing
from .invocation import PLAIN, AdapterProfile, Surroundings, finish, is_awaitable
from .streams import drain_in_thread, is_async_iterator, is_iterator
from .telemetry import correlated
from .tool_threads import ToolThreads, forget

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from typing import Protocol

    from .session_context import SessionContext
    from .streams import Chunk
    from .thread_safety import ThreadSafetyMonitor
    from .tool_call import Call, CallOwner

    class Owner(CallOwner, Protocol):
        """Whose calls they are."""

        def send(self, call: Call, send: Callable[[Call, Chunk], None], item: Any) -> None:
            """What a generator has yielded. Any thread."""


class Lane(NamedTuple):
    """Threads, and what surrounds a call in them."""

    threads: ToolThreads
    surroundings: Surroundings


class _HandedOver(NamedTuple):
    """A tool that is not `async` gave back what only the event loop can finish."""

    adapter: Any
    result: Any


class SurroundedCalls:
    """Runs them. Belongs to the event loop, unless said."""

    def __init__(
        self,
        profile: AdapterProfile,
        threads: ToolThreads,
        owner: Owner,
        *,
        sensitive: Collection[str],
        monitor: ThreadSafetyMonitor | None,
    ) -> None:
        """`sensitive` are tools that share one thread; `monitor` looks at all others."""
        self._owner = owner
        self._waits_in_hooks = bool(profile.async_hooks)
        self._lane = Lane(threads, Surroundings(profile, threads))
        alone = ToolThreads(1)
        self._alone = Lane(alone, Surroundings(profile, alone))
        self._sensitive = sensitive
        self._monitor = monitor
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self, call: Call, is_async: bool) -> None:
        """Runs it soon."""
        loop = self._loop
        if loop is None:
            loop = self._loop = asyncio.get_running_loop()
        lane = call.lane = self._lane_of(call)
        if is_async or self._waits_in_hooks:
            call.task = loop.create_task(self._run_in_steps(call, lane, is_async))
        else:
            if call.credit is not None:
                call.credit.use_thread()
            call.job = lane.threads.submit(self._run_in_thread, call, self._thread_ended)

    def close(self) -> None:
        """Lets the thread of sensitive tools end; the other threads belong to the server."""
        self._alone.threads.close()

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
            self._owner.conclude(call, None, None)
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
                    await self._owner.drain(call, result)
                else:
                    call.credit.use_thread()
                    work = partial(self._drain_here, call, result)
                    await around.run(work, session, on_loop=False)
            finally:
                call.interruptible = False
                await around.cleanup(adapter, session)
            value = None if call.credit is not None else self._owner.encode(result)
        except BaseException as raised:  # noqa: BLE001 - foreign code; it is answered, not swallowed
            error = raised
        self._owner.conclude(call, value, error)

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
        return None if call.credit is not None else self._owner.encode(result)

    def _drain_here(self, call: Call, result: Any) -> None:
        """All chunks of a stream, in a thread. The body of a generator runs here, and not in the call of
        the tool, so it is here that the monitor sees it."""
        lane, credit = call.lane, call.credit
        assert lane is not None
        assert credit is not None
        send = partial(self._owner.send, call, partial(lane.threads.post, call.sink.send))
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

    def _thread_ended(self, call: Call, result: Any, error: BaseException | None) -> None:
        call.job = None
        if type(result) is _HandedOver:
            assert self._loop is not None
            with tracing.entered(call.trace_context), correlated(call.session.request_metadata):
                call.task = self._loop.create_task(self._finish_on_loop(call, result))
            return
        self._owner.conclude(call, result, error)

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
                await self._owner.drain(call, result)
            finally:
                call.interruptible = False
                lane = call.lane or self._lane
                await lane.surroundings.cleanup(begun.adapter, session)
            value = None if call.credit is not None else self._owner.encode(result)
        except BaseException as raised:  # noqa: BLE001 - foreign code; it is answered, not swallowed
            error = raised
        self._owner.conclude(call, value, error)


def _check(session: SessionContext) -> None:
    """Goes no further with a call whose caller has given up."""
    if session.cancelled:
        raise asyncio.CancelledError
