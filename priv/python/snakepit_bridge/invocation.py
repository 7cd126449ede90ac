"""Runs one call of one tool: a new adapter instance, its session, `initialize`, the tool, and
always `cleanup`.

`async` code runs on the event loop, everything else in a pool of threads, so that a blocking tool
blocks nobody else.
"""

from __future__ import annotations

import asyncio
import contextvars
import inspect
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from .base_adapter import BaseAdapter
from .failures import ToolRaised

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine
    from concurrent.futures import Executor

    from .session_context import SessionContext

Result = TypeVar("Result")

_HOOKS = ("set_session_context", "initialize", "cleanup")


class AdapterProfile(NamedTuple):
    """What has to be done around a call: a base without work of its own costs no hop to a thread."""

    cls: type
    constructs_cheaply: bool
    hooks: frozenset[str]


def read_profile(cls: type) -> AdapterProfile:
    """Looks once at what every call needs to know."""
    own = getattr(cls, "__init__", None)
    cheap = any(own is init for init in (object.__init__, BaseAdapter.__init__))
    hooks = {name for name in _HOOKS if _overrides(cls, name)}
    return AdapterProfile(cls, cheap, frozenset(hooks))


def _overrides(cls: type, name: str) -> bool:
    method = getattr(cls, name, None)
    return callable(method) and method is not getattr(BaseAdapter, name)


class Invocation:
    """One call. `on_loop` keeps even code that is not `async` on the event loop."""

    def __init__(
        self, profile: AdapterProfile, executor: Executor, session: SessionContext, *, on_loop: bool
    ) -> None:
        self._profile = profile
        self._executor = executor
        self._session = session
        self._on_loop = on_loop

    @asynccontextmanager
    async def instance(self) -> AsyncIterator[Any]:
        """A prepared adapter, cleaned up at the end. Raises ToolRaised for what its code raises."""
        profile = self._profile
        adapter = await self.run(profile.cls, on_loop=profile.constructs_cheaply)
        if isinstance(adapter, BaseAdapter):
            BaseAdapter.set_session_context(adapter, self._session)
        if "set_session_context" in profile.hooks:
            await self.run(lambda: adapter.set_session_context(self._session))
        try:
            if "initialize" in profile.hooks:
                await self.run(adapter.initialize)
            yield adapter
        finally:
            if "cleanup" in profile.hooks:
                await self.run(adapter.cleanup)

    async def run(self, function: Callable[[], Any], *, on_loop: bool = False) -> Any:
        """The function's result, awaited if it is awaitable. Raises ToolRaised for what it raises,
        and CancelledError when the caller has given up."""
        if on_loop or self._on_loop or inspect.iscoroutinefunction(function):
            result = _unpack(_capture(function))
        else:
            result = await self.run_in_thread(function)
        if not inspect.isawaitable(result):
            return result
        try:
            return await result
        except BaseException as error:
            raise self.blame(error) from error

    def blame(self, error: BaseException) -> BaseException:
        """What to raise for an error of foreign `async` code: itself when it is the cancellation of
        this call, else ToolRaised. A tool may raise CancelledError, too, with nobody cancelling it."""
        is_ours = isinstance(error, asyncio.CancelledError) and self._session.cancelled
        return error if is_ours else ToolRaised(error)

    async def run_in_thread(self, function: Callable[[], Any]) -> Any:
        """The function's result, from a thread. Cancellation is raised only when the function has
        returned: a thread cannot be stopped, and `cleanup` must not overtake it."""
        context = contextvars.copy_context()
        job = self._executor.submit(context.run, _capture, function)
        outcome = asyncio.wrap_future(job)
        cancelled: asyncio.CancelledError | None = None
        while not outcome.done():
            try:
                await asyncio.shield(outcome)
            except asyncio.CancelledError as error:
                if job.cancel():
                    raise  # it waited for a thread, and nobody wants it to begin any more
                cancelled = error
        if cancelled is not None:
            raise cancelled
        return _unpack(outcome.result())


async def run_apart(body: Coroutine[Any, Any, Result], session: SessionContext) -> Result:
    """Runs the body of a call in a task of its own, and marks the session before it cancels that.

    So the body can tell its own cancellation from a CancelledError that foreign code raises for
    reasons of its own: gRPC would take that for a cancelled call and never answer it.
    """
    task = asyncio.ensure_future(body)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as error:
            if cancelled is None:
                session.mark_cancelled()
                task.cancel()
            cancelled = error
    if cancelled is None:
        return task.result()
    if not task.cancelled():
        task.exception()  # of no interest any more
    raise cancelled


def _capture(function: Callable[[], Any]) -> tuple[Any, BaseException | None]:
    """Result or error as a value: a raised StopIteration would hang the future that waits for it."""
    try:
        return function(), None
    except BaseException as error:  # noqa: BLE001 - foreign code; it is answered, not swallowed
        return None, error


def _unpack(outcome: tuple[Any, BaseException | None]) -> Any:
    result, raised = outcome
    if raised is not None:
        raise ToolRaised(raised) from raised
    return result
