"""What surrounds one call of a tool: a new adapter instance, its session, `initialize`, and always
`cleanup`; in a thread, or step by step from the event loop.

`async` code runs on the event loop, everything else in threads, so that a blocking tool blocks nobody
else. A class that needs none of this costs a call nothing.
"""

from __future__ import annotations

import asyncio
import inspect
from functools import partial
from types import CoroutineType
from typing import TYPE_CHECKING, Any, NamedTuple

from .base_adapter import BaseAdapter
from .tool_threads import Outcome, ToolThreads, capture

if TYPE_CHECKING:
    from collections.abc import Callable

    from .session_context import SessionContext

# Results that are neither awaited nor iterated: most are one of these, and others are slow to test.
PLAIN = frozenset((type(None), bool, int, float, str, bytes, dict, list, tuple))

_HOOKS = ("set_session_context", "initialize", "cleanup")


class ToolRaised(Exception):  # noqa: N818 - says what happened, and never reaches a user
    """Carries what a tool raised to where it is answered. Not the exception itself: a
    StopIteration would not survive the way through futures and coroutines."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(type(error).__name__)  # its own text may raise, too
        self.error = error


def unwrap(error: BaseException) -> BaseException:
    """The tool's own exception. One of `cleanup` keeps the one that it came after."""
    if not isinstance(error, ToolRaised):
        return error
    inner, before = error.error, error.__context__
    if isinstance(before, ToolRaised) and inner.__context__ is None and before.error is not inner:
        inner.__context__ = before.error
    return inner


class AdapterProfile(NamedTuple):
    """What has to be done around a call: a base without work of its own costs no hop to a thread."""

    cls: type
    constructs_cheaply: bool
    hooks: frozenset[str]
    async_hooks: frozenset[str]


def read_profile(cls: type) -> AdapterProfile:
    """Looks once at what every call needs to know."""
    own = getattr(cls, "__init__", None)
    cheap = any(own is init for init in (object.__init__, BaseAdapter.__init__))
    hooks = frozenset(name for name in _HOOKS if _overrides(cls, name))
    waits = frozenset(name for name in hooks if inspect.iscoroutinefunction(getattr(cls, name)))
    return AdapterProfile(cls, cheap, hooks, waits)


def _overrides(cls: type, name: str) -> bool:
    method = getattr(cls, name, None)
    return callable(method) and method is not getattr(BaseAdapter, name)


def attach(adapter: Any, session: SessionContext) -> None:
    """Gives an adapter its session, unless it is of another base and has to be told by its hook."""
    if isinstance(adapter, BaseAdapter):
        adapter._session_context = session


def is_awaitable(value: object) -> bool:
    """As `inspect.isawaitable`, which is slow for what most tools return."""
    kind = type(value)
    return kind is CoroutineType or (kind not in PLAIN and inspect.isawaitable(value))


class Surroundings:
    """Runs the hooks of one adapter class."""

    def __init__(self, profile: AdapterProfile, threads: ToolThreads) -> None:
        self._profile = profile
        self._hooks = profile.hooks
        self._threads = threads

    def enter_here(self, session: SessionContext, loop: asyncio.AbstractEventLoop) -> Any:
        """A new adapter with its session, made in this thread; `initialize` is yet to come."""
        adapter = self._profile.cls()
        attach(adapter, session)
        if self._hooks and "set_session_context" in self._hooks:
            _settle(adapter.set_session_context(session), loop)
        return adapter

    def initialize_here(self, adapter: Any, loop: asyncio.AbstractEventLoop) -> None:
        """Its `initialize`, in this thread."""
        if "initialize" in self._hooks:
            _settle(adapter.initialize(), loop)

    def cleanup_here(self, adapter: Any, loop: asyncio.AbstractEventLoop) -> None:
        """Its `cleanup`, in this thread."""
        if "cleanup" in self._hooks:
            _settle(adapter.cleanup(), loop)

    async def enter(self, session: SessionContext) -> Any:
        """A new adapter with its session, step by step. Raises ToolRaised for what its code raises."""
        profile = self._profile
        adapter = await self.run(profile.cls, session, on_loop=profile.constructs_cheaply)
        attach(adapter, session)
        if "set_session_context" in self._hooks:
            await self._hook("set_session_context", adapter, session, session)
        return adapter

    async def initialize(self, adapter: Any, session: SessionContext) -> None:
        """Its `initialize`. Raises ToolRaised for what that raises."""
        if "initialize" in self._hooks:
            await self._hook("initialize", adapter, session)

    async def cleanup(self, adapter: Any, session: SessionContext) -> None:
        """Its `cleanup`. Raises ToolRaised for what that raises."""
        if "cleanup" in self._hooks:
            await self._hook("cleanup", adapter, session)

    async def run(
        self, function: Callable[[], Any], session: SessionContext, *, on_loop: bool
    ) -> Any:
        """The function's result, awaited if it is awaitable. Raises ToolRaised for what it raises,
        and CancelledError when the caller has given up."""
        outcome = capture(function) if on_loop else await self._threads.run(function)
        result = _unpack(outcome)
        return await finish(result, session) if is_awaitable(result) else result

    async def _hook(
        self, name: str, adapter: Any, session: SessionContext, *arguments: Any
    ) -> None:
        function = partial(getattr(adapter, name), *arguments)
        await self.run(function, session, on_loop=name in self._profile.async_hooks)


async def finish(awaitable: Any, session: SessionContext) -> Any:
    """What foreign `async` code gives. Raises ToolRaised for what it raises."""
    try:
        return await awaitable
    except BaseException as error:
        raise blame(error, session) from error


def blame(error: BaseException, session: SessionContext) -> BaseException:
    """What to raise for an error of foreign `async` code: itself when it is the cancellation of this
    call, else ToolRaised. A tool may raise CancelledError, too, with nobody cancelling it."""
    is_ours = isinstance(error, asyncio.CancelledError) and session.cancelled
    return error if is_ours else ToolRaised(error)


def _settle(result: Any, loop: asyncio.AbstractEventLoop) -> None:
    """Waits in this thread for a hook that is not `async` itself and returns an awaitable."""
    if result is not None and is_awaitable(result):
        asyncio.run_coroutine_threadsafe(_await(result), loop).result()


async def _await(awaitable: Any) -> Any:
    return await awaitable


def _unpack(outcome: Outcome) -> Any:
    result, raised = outcome
    if raised is not None:
        raise ToolRaised(raised) from raised
    return result
