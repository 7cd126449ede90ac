"""The short way of a call: an `async` tool of a class that asks for nothing around it.

Most of these never wait. They run one after the other in one Task, each in a context of its own. A Task in
which one waits belongs to that call from then on, and others go on with those that have not begun.

What comes together is run as soon as it has come, in the name of a Task that stands by: to wake one takes
another turn of the event loop, which costs more than most tools.
"""

from __future__ import annotations

import asyncio
import inspect
import sys
import time
import types
from collections import deque
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, NamedTuple

from .base_adapter import BaseAdapter, once_for
from .invocation import attach, is_awaitable
from .tool_specs import tools_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Generator
    from contextvars import Context
    from typing import Protocol

    from .tool_call import Call, CallOwner

    class Owner(CallOwner, Protocol):
        """Whose calls they are."""

        def finish(self, call: Call, result: Any) -> None:
            """The end of a call whose tool has returned, and nobody could have cancelled it."""


# Calls that never wait keep the event loop for so long, not for ever. To look at the clock costs, too.
_SECONDS_AT_ONCE = 0.005
_LOOK_EVERY = 4


class _Begun(NamedTuple):
    """A call whose coroutine waits for something."""

    call: Call
    coroutine: Coroutine[Any, Any, Any]
    context: Context
    awaited: Any

    @types.coroutine
    def go_on(self) -> Generator[Any, Any, Any]:
        """What it returns in the end, for the Task in which it began."""
        _, coroutine, context, awaited = self
        while True:
            try:
                answer = yield awaited
            except BaseException as error:  # noqa: BLE001 - it is the coroutine's
                step: Callable[[Any], Any] = coroutine.throw
                # This frame was no part of it.
                frames = error.__traceback__
                argument = error.with_traceback(frames.tb_next if frames else None)
                del frames  # which know this one
            else:
                step, argument = coroutine.send, answer
            try:
                awaited = context.run(step, argument)
            except StopIteration as end:
                return end.value


class BareCalls:
    """Runs them. Belongs to the event loop."""

    def __init__(self, cls: type, owner: Owner) -> None:
        self._cls = cls
        self._is_told = issubclass(cls, BaseAdapter)
        self._owner = owner
        self.in_turn = tools_in_turn(cls)
        """Tools that need no Task of their own as long as they do not wait."""
        self._waiting: deque[tuple[Call, Context]] = deque()
        self._next: asyncio.Task[None] | None = None
        self._standby: _Standby | None = None
        self._is_held = False

    def start(self, call: Call) -> None:
        """Runs it soon."""
        if call.credit is None and call.tool_name in self.in_turn:
            self.start_in_turn(call)
        else:
            # Not by `create_task`, which costs more than the class.
            call.task = asyncio.Task(self._run(call), loop=asyncio.get_running_loop())

    def start_in_turn(self, call: Call) -> None:
        """The same for a tool that is `in_turn`, of which no chunks are wanted."""
        self._waiting.append((call, copy_context()))
        if not self._is_held:
            self._run_soon()

    def hold(self) -> None:
        """Calls that are `in_turn` begin only with `run_held`."""
        self._is_held = True

    def run_held(self, *, at_once: bool) -> None:
        """Runs what was held back: before this returns if that is wished, by whoever is in no Task."""
        self._is_held = False
        if not self._waiting:
            return
        standby = self._standby
        if standby is None or standby.is_over():
            standby = self._standby = _Standby(self._run)
        if at_once and standby.is_ready():
            self._run_for(standby)
        else:
            self._run_soon()

    def _run_for(self, standby: _Standby) -> None:
        loop = asyncio.get_running_loop()
        begun: _Begun | None = None
        # Part of asyncio's interface for Tasks of another make.
        asyncio.tasks._enter_task(loop, standby.task)
        try:
            begun = self._run_some(standby.task, standby.is_over)
        except Exception as error:  # noqa: BLE001 - not the tool's, which is answered; and no end of the stream
            loop.call_exception_handler({"message": "a call failed at its end", "exception": error})
        finally:
            asyncio.tasks._leave_task(loop, standby.task)
            if begun is not None:
                self._standby = _Standby(self._run)
                standby.take(begun)
            if self._waiting:
                self._run_soon()

    def _run_soon(self) -> None:
        if self._next is None or self._next.done():
            self._add_tasks(1)

    def _add_tasks(self, count: int) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(min(count, len(self._waiting))):
            self._next = asyncio.Task(self._run_in_turn(), loop=loop)

    async def _run_in_turn(self) -> None:
        self._next = None
        begun: _Begun | None = None
        try:
            task: Any = asyncio.current_task()
            # It may have been cancelled by a tool that never noticed; no other should suffer for it.
            begun = self._run_some(task, lambda: task._must_cancel)
        finally:
            # Two for one that is taken: so many that wait begin soon.
            self._add_tasks(1 if begun is None else 2)
        if begun is not None:
            await self._run(begun.call, begun)

    def _run_some(
        self, task: asyncio.Task[None], is_cancelled: Callable[[], bool]
    ) -> _Begun | None:
        """Runs calls in a Task until there are no more, others should have their turn, one waits, or the
        Task was cancelled."""
        waiting, owner = self._waiting, self._owner
        cls, is_told, count = self._cls, self._is_told, 0
        limit = time.monotonic() + _SECONDS_AT_ONCE
        while waiting and not is_cancelled():
            if count == _LOOK_EVERY:
                if time.monotonic() > limit:
                    break
                count = 0
            count += 1
            call, context = waiting.popleft()
            session = call.session
            if session._cancelled:
                owner.conclude(call, None, None)
                continue
            try:
                adapter = cls()
                if is_told:
                    adapter._session_context = session
                coroutine = getattr(adapter, call.tool_name)(**call.arguments)
                awaited = context.run(coroutine.send, None)
            except StopIteration as end:
                result = end.value
            except BaseException as raised:  # noqa: BLE001 - foreign code; it is answered, not swallowed
                owner.conclude(call, None, raised)
                continue
            else:
                call.task = task
                return _Begun(call, coroutine, context, awaited)
            # Not where the end is handled, which would be told as the cause of what may be wrong here.
            owner.finish(call, result)
        return None

    async def _run(self, call: Call, begun: _Begun | None = None) -> None:
        """One call in a Task of its own, or the rest of it."""
        owner, session = self._owner, call.session
        if begun is None and session.cancelled:
            owner.conclude(call, None, None)
            return
        call.interruptible = True
        value, error = None, None
        try:
            if begun is not None:
                result = await begun.go_on()
            else:
                adapter = self._cls()
                attach(adapter, session)
                result = call.invoke(adapter)
                if is_awaitable(result):
                    result = await result
            if call.credit is not None:
                await owner.drain(call, result)
            else:
                value = owner.encode(result)
        except BaseException as raised:  # noqa: BLE001 - foreign code; it is answered, not swallowed
            error = raised
        call.interruptible = False
        owner.conclude(call, value, error)


class _Standby:
    """A Task in whose name calls run outside of it, until one of them waits: then it goes on with that."""

    def __init__(self, run: Callable[[Call, _Begun], Awaitable[None]]) -> None:
        loop = asyncio.get_running_loop()
        self._run = run
        self._wake: asyncio.Future[None] = loop.create_future()
        self._is_ready = False
        self._begun: _Begun | None = None
        self.task: asyncio.Task[None] = asyncio.Task(self._stand_by(), loop=loop)

    def is_ready(self) -> bool:
        """Whether it waits. Cancelled before, it could not go on with anything."""
        return self._is_ready

    def is_over(self) -> bool:
        """Whether it has a call of its own, or was cancelled by one that never noticed."""
        return self._wake.done()

    def take(self, begun: _Begun) -> None:
        """Goes on with a call, soon."""
        self._begun = begun
        if not self._wake.done():
            self._wake.set_result(None)

    async def _stand_by(self) -> None:
        self._is_ready = True
        cancelled: asyncio.CancelledError | None = None
        try:
            await self._wake
        except asyncio.CancelledError as error:
            if self._begun is None:
                return
            cancelled = error
        assert self._begun is not None
        if cancelled is not None:
            _cancel_again(self.task, cancelled)
            cancelled = None  # which knows this frame
        elif self._begun.call.session.cancelled:
            # Since it has begun, when there was no Task yet to be told.
            self.task.cancel()
        await self._run(self._begun.call, self._begun)


def _cancel_again(task: asyncio.Task[None], cancelled: asyncio.CancelledError) -> None:
    """As if it were not before now that the Task, which runs, is cancelled: what waits next will know."""
    if sys.version_info >= (3, 11):
        task.uncancel()
    task.cancel(*cancelled.args)


def tools_in_turn(cls: type) -> frozenset[str]:
    """Tools that are coroutines and nothing else, in a class of which no code runs before theirs."""
    return once_for(cls, "_snakepit_in_turn", _find_in_turn)


def _find_in_turn(cls: type) -> frozenset[str]:
    hooks = {
        (type(cls), "__call__"): type,
        (cls, "__new__"): object,
        (cls, "__getattribute__"): object,
    }
    is_plain = all(
        getattr(owner, name) is getattr(base, name) for (owner, name), base in hooks.items()
    )
    return frozenset(
        name
        for name, tool in tools_of(cls).items()
        if is_plain
        and type(tool.function) is types.FunctionType
        and tool.function.__code__.co_flags & inspect.CO_COROUTINE
    )
