"""The thread profile: many calls at once in one process."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable

import pytest

from snakepit_bridge import ThreadSafeAdapter, thread_safe_method, tool
from snakepit_bridge.adapter_loader import AdapterError, load_adapter
from snakepit_bridge.calls import Calls
from snakepit_bridge.session_context import SessionContext
from snakepit_bridge.sessions import Sessions
from snakepit_bridge.streams import Credit
from snakepit_bridge.thread_modes import OFF, STRICT, WARN, ThreadProfile, is_gil_enabled
from snakepit_bridge.thread_profile import load_for, sensitive_tools
from snakepit_bridge.tool_call import Call, Failure, Value
from snakepit_bridge.tool_runner import ToolRunner
from snakepit_bridge.tool_specs import read_tools
from snakepit_bridge.tool_threads import ToolThreads

from .harness import Worker

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterator

    from snakepit_bridge.streams import Chunk

barrier = threading.Barrier(4)
begun, release = threading.Event(), threading.Event()


class Overlapping(ThreadSafeAdapter):
    @tool
    def meet(self) -> int:
        """Passes only when four calls are in here at the same time."""
        barrier.wait(20)
        return threading.get_ident()

    @tool
    @thread_safe_method
    def meet_as_marked(self) -> int:
        barrier.wait(20)
        return threading.get_ident()

    @tool(thread_sensitive=True)
    def alone(self) -> list[Any]:
        with self.acquire_lock():
            count = self.get_thread_local("count", 0) + 1
            self.set_thread_local("count", count)
        return [threading.get_ident(), count, dict(self.request_tracker.by_tool)]

    @tool(thread_sensitive=True)
    def block_alone(self) -> bool:
        begun.set()
        return release.wait(20)

    @tool
    def who(self) -> int:
        return threading.get_ident()

    @tool(supports_streaming=True)
    def meet_in_stream(self) -> Iterator[int]:
        barrier.wait(20)
        yield threading.get_ident()


class WaitsInHooks(Overlapping):
    """Its hooks are for the event loop, its tools for threads."""

    async def initialize(self) -> None:
        await asyncio.sleep(0)

    @tool(supports_streaming=True, thread_sensitive=True)
    def stream_alone(self) -> Iterator[int]:
        yield threading.get_ident()
        yield threading.get_ident()


class Careless:
    @tool
    def work(self) -> int:
        return 1


class NeedsSqlite(ThreadSafeAdapter):
    @tool
    def work(self) -> int:
        return 1


async def until(condition: Callable[[], bool]) -> None:
    """Lets the loop turn until the condition holds."""
    for _ in range(2000):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not happen")


class Recorder:
    def __init__(self) -> None:
        self.over = asyncio.Event()
        self.value: Value | None = None
        self.failure: Failure | None = None
        self.chunks: list[Any] = []

    def send(self, call: Call, chunk: Chunk) -> None:
        self.chunks.append(json.loads(chunk.json))

    def answer(self, call: Call, text: bytes, seconds: float) -> None:
        self.end(call, Value(text, []), None, seconds)

    def end(self, call: Call, value: Value | None, failure: Failure | None, seconds: float) -> None:
        self.value, self.failure = value, failure
        self.over.set()


class Bench:
    """Runs calls of `Overlapping`."""

    def __init__(self, profile: ThreadProfile, adapter_name: str = "Overlapping") -> None:
        self.threads = ToolThreads(100)
        adapter = load_for(profile, f"{__name__}.{adapter_name}")
        self.runner = ToolRunner(adapter, Calls(), self.threads, Sessions(), None)

    async def call(self, name: str, **metadata: str) -> Recorder:
        recorder = Recorder()
        self.runner.start(Call(1, name, {}, SessionContext("s", metadata), recorder))
        await recorder.over.wait()
        return recorder

    async def stream(self, name: str) -> Recorder:
        recorder = Recorder()
        session = SessionContext("s", {})
        self.runner.start(Call(1, name, {}, session, recorder, Credit(10)))
        await recorder.over.wait()
        return recorder

    async def result(self, name: str, **metadata: str) -> Any:
        recorder = await self.call(name, **metadata)
        assert recorder.failure is None, recorder.failure
        assert recorder.value is not None
        return json.loads(bytes(recorder.value.json))


def run(
    scenario: Callable[[Bench], Awaitable[None]], check: str = OFF, adapter: str = "Overlapping"
) -> None:
    async def body() -> None:
        bench = Bench(ThreadProfile(4, check), adapter)
        try:
            await asyncio.wait_for(scenario(bench), 30)
        finally:
            bench.threads.close()
            bench.runner.close()

    asyncio.run(body())


def test_calls_overlap() -> None:
    """[I5.7] Four sync calls are in their tools at the same time, each in a thread of its own."""

    async def scenario(bench: Bench) -> None:
        idents = await asyncio.gather(*(bench.result("meet") for _ in range(4)))
        assert len(set(idents)) == 4
        assert threading.get_ident() not in idents

    run(scenario)


def test_sensitive_tools_share_one_thread() -> None:
    """[I5.7] Sensitive tools run one after the other in one thread, which is not that of the loop; so do
    calls whose caller asks for it."""

    async def scenario(bench: Bench) -> None:
        running = asyncio.gather(*(bench.result("alone") for _ in range(10)))
        with Overlapping.lock:  # which the first one has to wait for
            await until(lambda: Overlapping.request_tracker.by_tool == {"alone": 10})
        results = await running
        idents = {ident for ident, _, _ in results}
        assert len(idents) == 1
        assert threading.get_ident() not in idents
        # What the thread has kept shows that nobody else ran in between.
        assert [count for _, count, _ in results] == list(range(1, 11))
        assert results[0][2] == {"alone": 10}
        asked = {await bench.result("who", thread_sensitive="true") for _ in range(3)}
        assert asked == idents
        assert await bench.result("who") not in idents

    run(scenario)


def test_generators_run_in_threads() -> None:
    """[I5.7] The body of a generator runs where the tool does, also between hooks of the event loop."""

    async def scenario(bench: Bench) -> None:
        streams = await asyncio.gather(*(bench.stream("meet_in_stream") for _ in range(4)))
        assert [stream.failure for stream in streams] == [None] * 4
        idents = {stream.chunks[0] for stream in streams}
        assert len(idents) == 4
        assert threading.get_ident() not in idents
        stream = await bench.stream("stream_alone")
        (alone, _, _) = await bench.result("alone")
        assert (stream.failure, stream.chunks) == (None, [alone, alone])

    run(scenario, adapter="WaitsInHooks")


def test_sensitive_tools_do_not_block_the_loop() -> None:
    """[I5.7] The loop goes on while a sensitive tool blocks its thread: only the loop ends the wait."""

    async def scenario(bench: Bench) -> None:
        blocked = asyncio.ensure_future(bench.result("block_alone"))
        await until(begun.is_set)
        waiting = asyncio.ensure_future(bench.result("alone"))
        # Others are served meanwhile, and the next sensitive one waits.
        assert await bench.result("who")
        assert not waiting.done()
        release.set()
        assert await blocked is True
        assert await waiting

    run(scenario)


def test_request_tracker() -> None:
    """[I5.7] Counts what runs, and forgets what is over."""

    async def scenario(bench: Bench) -> None:
        before = Overlapping.request_tracker.total
        await asyncio.gather(*(bench.result("meet") for _ in range(4)))
        assert Overlapping.request_tracker.total == before + 4
        assert Overlapping.request_tracker.active == 0

    run(scenario)


def test_each_class_has_its_own() -> None:
    """[I5.7] Lock, thread-local storage and tracker are shared by the calls of a class, not by classes."""
    assert NeedsSqlite.lock is not Overlapping.lock
    assert NeedsSqlite().lock is NeedsSqlite().lock
    one, other = NeedsSqlite(), Overlapping()
    one.set_thread_local("key", 1)
    assert (NeedsSqlite().get_thread_local("key"), other.get_thread_local("key", 0)) == (1, 0)
    one.clear_thread_local("key")
    assert one.get_thread_local("key") is None
    one.set_thread_local("key", 1)
    one.clear_thread_local()
    assert one.get_thread_local("key") is None


def test_listed_in_the_environment() -> None:
    """[I5.7] SNAKEPIT_THREAD_SENSITIVE names tools, or modules they are defined in."""
    tools = read_tools(Overlapping)
    marked = {"alone", "block_alone"}
    assert sensitive_tools(tools, {}) == marked
    assert sensitive_tools(tools, {"SNAKEPIT_THREAD_SENSITIVE": "who, nothing,"}) == {
        "who",
        *marked,
    }
    assert sensitive_tools(tools, {"SNAKEPIT_THREAD_SENSITIVE": __name__}) == set(tools)
    assert sensitive_tools(tools, {"SNAKEPIT_THREAD_SENSITIVE": "tests"}) == set(tools)
    assert sensitive_tools(tools, {"SNAKEPIT_THREAD_SENSITIVE": "test"}) == marked


def test_adapter_must_say_that_it_is_safe() -> None:
    """[I5.7] An adapter that does not say so serves the process profile only."""
    with pytest.raises(AdapterError) as raised:
        load_for(ThreadProfile(10), f"{__name__}.Careless")
    assert raised.value.code == "ADAPTER_NOT_THREAD_SAFE"
    assert "__thread_safe__ = True" in str(raised.value)
    assert load_for(ThreadProfile(), f"{__name__}.Careless").cls is Careless
    assert load_adapter(f"{__name__}.Careless").threading.threads == 0


def test_check_warns(capsys: pytest.CaptureFixture[str]) -> None:
    """[I5.7] The check tells once of a tool that overlaps, and of none that is marked or alone."""

    async def scenario(bench: Bench) -> None:
        for name in ("meet", "meet", "meet_as_marked", "alone"):
            await asyncio.gather(*(bench.result(name) for _ in range(4)))

        await asyncio.gather(*(bench.stream("meet_in_stream") for _ in range(4)))

    run(scenario, WARN)
    said = capsys.readouterr().err
    assert said.count("tool 'meet_in_stream' runs in 2 threads at once") == 1
    assert said.count("tool 'meet' runs in 2 threads at once") == 1
    assert "meet_as_marked" not in said
    assert "alone" not in said


def test_check_refuses() -> None:
    """[I5.7] Strict: the call that would overlap is refused, and the one that runs goes on."""

    async def scenario(bench: Bench) -> None:
        first = asyncio.ensure_future(bench.call("meet"))
        await until(lambda: barrier.n_waiting == 1)
        refused = await bench.call("meet")
        assert refused.failure is not None
        assert type(refused.failure.error).__name__ == "ThreadSafetyError"
        assert "@thread_safe_method" in str(refused.failure.error)
        # Marked ones may join it.
        marked = [bench.result("meet_as_marked") for _ in range(3)]
        await asyncio.gather(*marked)
        assert (await first).failure is None
        # It is over: the next one may run.
        barrier_free = await bench.result("who")
        assert barrier_free

    run(scenario, STRICT)


def test_check_of_imports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """[I5.7] An adapter that brings a module known to be unsafe is told of, or refused in strict mode."""
    name = f"unsafe_{os.getpid()}"
    (tmp_path / f"{name}.py").write_text(
        "import sqlite3\nfrom snakepit_bridge import ThreadSafeAdapter, tool\n"
        "class A(ThreadSafeAdapter):\n    @tool\n    def work(self):\n        return 1\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "sqlite3", raising=False)
    with pytest.raises(AdapterError) as raised:
        load_for(ThreadProfile(2, STRICT), f"{name}.A")
    assert raised.value.code == "ADAPTER_NOT_THREAD_SAFE"
    assert "imports sqlite3" in str(raised.value)


def test_gil() -> None:
    """[I5.7] Told as the interpreter tells it; with a lock where there is only that."""
    ask = getattr(sys, "_is_gil_enabled", None)
    assert is_gil_enabled() is (True if ask is None else ask())


def test_worker_of_the_thread_profile(tmp_path: Path) -> None:
    """[I5.7] A worker with `--max-workers` refuses an adapter that is not made for it, and says so."""
    worker = Worker("adapters.Plain", tmp_path, "--max-workers", "4")
    try:
        worker.hello()
        message = worker.receive()
        assert (message["type"], message["code"]) == ("failed", "ADAPTER_NOT_THREAD_SAFE")
        assert worker.wait() == 78
    finally:
        worker.close()
