"""One call, without a server."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any, Callable

from snakepit_bridge import tool
from snakepit_bridge.adapter_loader import load_adapter
from snakepit_bridge.calls import Calls
from snakepit_bridge.session_context import SessionContext
from snakepit_bridge.sessions import Sessions
from snakepit_bridge.tool_call import CANCELLED, Call, Failure, Value
from snakepit_bridge.tool_runner import ToolRunner
from snakepit_bridge.tool_threads import ToolThreads

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from snakepit_bridge.streams import Chunk

release, begun = threading.Event(), threading.Event()
events: list[str] = []


class Recorder:
    """Keeps what becomes of a call."""

    def __init__(self) -> None:
        self.ends: list[tuple[Value | None, Failure | None]] = []
        self.over = asyncio.Event()

    def send(self, call: Call, chunk: Chunk) -> None:
        raise AssertionError("nobody streams here")

    def answer(self, call: Call, text: bytes, seconds: float) -> None:
        self.end(call, Value(text, []), None, seconds)

    def end(self, call: Call, value: Value | None, failure: Failure | None, seconds: float) -> None:
        self.ends.append((value, failure))
        self.over.set()


class Tools:
    @tool
    def block(self) -> bool:
        return release.wait(30)

    @tool
    def begin(self) -> None:
        begun.set()

    @tool
    async def clean_up_slowly(self) -> None:
        try:
            await asyncio.sleep(1000)
        finally:
            await asyncio.sleep(0.05)
            events.append("cleaned up")

    @tool
    async def fail_after_cancellation(self) -> None:
        try:
            await asyncio.sleep(1000)
        except asyncio.CancelledError:
            raise ValueError("while cleaning up") from None


class Bench:
    """Runs calls of `Tools`."""

    def __init__(self, threads: int) -> None:
        self.calls = Calls()
        self.threads = ToolThreads(threads)
        adapter = load_adapter(f"{__name__}.Tools")
        self.runner = ToolRunner(adapter, self.calls, self.threads, Sessions(), None)

    def start(self, name: str) -> tuple[Call, Recorder]:
        recorder = Recorder()
        call = Call(1, name, {}, SessionContext("s"), recorder)
        self.runner.start(call)
        return call, recorder


def run(scenario: Callable[[Bench], Awaitable[None]], threads: int = 1) -> None:
    async def body() -> None:
        bench = Bench(threads)
        try:
            await asyncio.wait_for(scenario(bench), 30)
        finally:
            bench.threads.close()

    asyncio.run(body())


def test_given_up_before_it_began() -> None:
    """[I2.5] A call that waits for a thread when its caller gives up never begins, and ends at once."""

    async def scenario(bench: Bench) -> None:
        _, blocker = bench.start("block")
        queued, recorder = bench.start("begin")
        bench.runner.cancel(queued)
        assert [failure.status for _, failure in recorder.ends if failure] == [CANCELLED]
        release.set()
        await blocker.over.wait()
        assert blocker.ends == [((b"true", []), None)]

    run(scenario)
    assert not begun.is_set()


def test_cancelled_at_once() -> None:
    """[I5.2] A call that is cancelled before its coroutine has begun ends, and never begins."""

    async def scenario(bench: Bench) -> None:
        call, recorder = bench.start("clean_up_slowly")
        bench.runner.cancel(call)
        await recorder.over.wait()
        assert [failure.status for _, failure in recorder.ends if failure] == [CANCELLED]

    events.clear()
    run(scenario)
    assert events == []


def test_cancelled_twice() -> None:
    """[I2.5] A second cancellation does not disturb the clean-up after the first."""

    async def scenario(bench: Bench) -> None:
        call, recorder = bench.start("clean_up_slowly")
        for _ in range(2):
            await asyncio.sleep(0.01)
            bench.runner.cancel(call)
        assert call.session.cancelled
        assert bench.calls.count() == 1
        await recorder.over.wait()
        assert bench.calls.count() == 0
        assert len(recorder.ends) == 1

    events.clear()
    run(scenario)
    assert events == ["cleaned up"]


def test_error_after_cancellation_is_of_no_interest() -> None:
    """[I2.5] What a call raises after it was cancelled is neither answered nor reported as lost."""
    lost: list[dict[str, Any]] = []

    async def scenario(bench: Bench) -> None:
        asyncio.get_running_loop().set_exception_handler(
            lambda _loop, context: lost.append(context)
        )
        call, recorder = bench.start("fail_after_cancellation")
        await asyncio.sleep(0.01)
        bench.runner.cancel(call)
        await recorder.over.wait()
        [(value, failure)] = recorder.ends
        assert value is None
        assert failure is not None
        assert (failure.status, failure.error) == (CANCELLED, None)

    run(scenario)
    assert lost == []
