"""One call, without a server."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from snakepit_bridge.invocation import Invocation, read_profile, run_apart
from snakepit_bridge.session_context import SessionContext


def prepare(executor: ThreadPoolExecutor) -> tuple[Invocation, SessionContext]:
    session = SessionContext("s")
    return Invocation(read_profile(object), executor, session, on_loop=False), session


def test_given_up_before_it_began() -> None:
    """[I2.5] A call that waits for a thread when its caller gives up never begins, and ends at once."""
    release, begun = threading.Event(), threading.Event()

    async def scenario(executor: ThreadPoolExecutor) -> None:
        invocation, session = prepare(executor)
        blocker = asyncio.ensure_future(invocation.run(lambda: release.wait(30)))
        queued = asyncio.ensure_future(run_apart(invocation.run(begun.set), session))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        queued.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(queued, 10)
        release.set()
        assert await blocker

    with ThreadPoolExecutor(1) as executor:
        asyncio.run(scenario(executor))
    assert not begun.is_set()


def test_cancelled_twice() -> None:
    """[I2.5] A second cancellation does not disturb the clean-up after the first."""
    events: list[str] = []

    async def body(stop: asyncio.Event) -> None:
        try:
            await asyncio.sleep(1000)
        finally:
            await stop.wait()
            events.append("cleaned up")

    async def scenario() -> None:
        stop = asyncio.Event()
        session = SessionContext("s")
        call = asyncio.ensure_future(run_apart(body(stop), session))
        for _ in range(2):
            await asyncio.sleep(0.01)
            call.cancel()
        await asyncio.sleep(0.01)
        assert session.cancelled
        assert not call.done()
        stop.set()
        with pytest.raises(asyncio.CancelledError):
            await call

    asyncio.run(scenario())
    assert events == ["cleaned up"]


def test_error_after_cancellation_is_of_no_interest() -> None:
    """[I2.5] What a call raises after it was cancelled is neither answered nor reported as lost."""
    lost: list[dict[str, Any]] = []

    async def body() -> None:
        try:
            await asyncio.sleep(1000)
        except asyncio.CancelledError:
            raise ValueError("while cleaning up") from None

    async def scenario() -> None:
        asyncio.get_running_loop().set_exception_handler(
            lambda _loop, context: lost.append(context)
        )
        call = asyncio.ensure_future(run_apart(body(), SessionContext("s")))
        await asyncio.sleep(0.01)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        del call

    asyncio.run(scenario())
    assert lost == []
