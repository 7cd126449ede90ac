"""Heartbeats from the worker's side."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from snakepit_bridge import HeartbeatClient, tool
from snakepit_bridge.adapter_loader import load_adapter
from snakepit_bridge.calls import Calls
from snakepit_bridge.gen import snakepit_bridge_pb2 as pb2
from snakepit_bridge.heartbeat import STALLED_MS
from snakepit_bridge.loop_probe import LoopProbe
from snakepit_bridge.servicer import BridgeServicer
from snakepit_bridge.sessions import Sessions
from snakepit_bridge.tool_runner import ToolRunner
from snakepit_bridge.tool_threads import ToolThreads

from .harness import LIMIT_SECONDS, TOKEN, Worker, executing, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

INTERVAL_SECONDS = 2.0  # the default


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """An event loop that runs in another thread."""
    running = asyncio.new_event_loop()
    thread = threading.Thread(target=running.run_forever)
    thread.start()
    try:
        yield running
    finally:
        running.call_soon_threadsafe(running.stop)
        thread.join()
        running.close()


def test_pong(loop: asyncio.AbstractEventLoop) -> None:
    """[T1.2] [R2.1] A ping is answered by a pong with its number, the time, and how busy we are."""
    clock = Clock()
    calls = Calls(clock)
    client = HeartbeatClient(calls, clock=clock, wall_clock=lambda: 1_700_000_000.25)
    client.watch(loop)
    with executing(calls):
        clock.now += 2.5
        with executing(calls):
            line = client.pong(7)
    assert line.endswith(b"}\n")
    assert json.loads(line) == {
        "type": "pong",
        "seq": 7,
        "timestamp": 1_700_000_000_250,
        "inFlight": 2,
        "oldestCallMs": 2500.0,
        "loopLagMs": 0.0,
    }
    wait_until(lambda: json.loads(client.pong(8))["loopLagMs"] > 0, "how late the loop was")


def test_statistics() -> None:
    """[T1.2] Pings of both ways are counted, with the time of the last one and of the start."""
    clock, wall = Clock(), Clock()
    client = HeartbeatClient(clock=clock, wall_clock=wall)
    assert client.statistics() == ("starting", 0, None, 0.0, 0, 0.0, 0.0)
    client.pong(1)
    wall.now = 2000.0
    clock.now += 30
    client.note_rpc(0.5)
    statistics = client.statistics()
    assert (statistics.pings, statistics.last_ping_at) == (2, 2000.0)
    assert statistics.uptime_seconds == 30.0


def test_health(loop: asyncio.AbstractEventLoop) -> None:
    """[T1.2] Health follows the event loop: starting, healthy, stalled, healthy again, stopping."""
    clock = Clock()
    calls = Calls()
    client = HeartbeatClient(calls, LoopProbe(clock))
    assert client.health() == "starting"
    client.watch(loop)
    assert client.health() == "healthy"
    release = threading.Event()
    loop.call_soon_threadsafe(release.wait)
    client.pong(1)
    clock.now += STALLED_MS / 1000 + 0.5
    assert client.health() == "stalled"
    assert client.statistics().loop_lag_ms == 1500.0
    release.set()
    # That lag is what the last look has shown, until the next one.
    wait_until(lambda: json.loads(client.pong(2))["loopLagMs"] == 0.0, "the loop runs again")
    assert client.health() == "healthy"
    asyncio.run_coroutine_threadsafe(calls.drain(0), loop).result()
    assert client.health() == "stopping"


def test_probe_of_a_blocked_loop(loop: asyncio.AbstractEventLoop) -> None:
    """[T1.2] A look has lag measured and waits for nothing; of a blocked loop its growing minimum is told."""
    clock = Clock()
    probe = LoopProbe(clock)
    assert probe.look_ms() == 0.0  # there is no loop yet
    probe.watch(loop)
    release = threading.Event()
    loop.call_soon_threadsafe(release.wait)
    looks = []
    for _ in range(3):
        looks.append(probe.look_ms())
        clock.now += 2
    assert looks == [0.0, 2000.0, 4000.0]
    release.set()
    wait_until(lambda: probe.look_ms() == 0.0, "the loop runs again")


def test_probe_of_a_loop_that_has_run(loop: asyncio.AbstractEventLoop) -> None:
    """[T1.2] A loop that was seen to run is not woken at the next two looks: every second has seen it, mostly."""
    clock = Clock()
    probe = LoopProbe(clock)
    probe.watch(loop)
    release = threading.Event()
    loop.call_soon_threadsafe(release.wait)
    probe.ran(0.5)
    looks = []
    for _ in range(4):
        looks.append(probe.look_ms())
        clock.now += 2
    # The third look posted.
    assert looks == [0.5, 0.5, 0.5, 2000.0]
    release.set()
    wait_until(lambda: probe.look_ms() == 0.0, "the loop runs again")


def test_probe_of_a_closed_loop() -> None:
    """[T1.2] A loop that is closed has no lag."""
    closed = asyncio.new_event_loop()
    probe = LoopProbe()
    probe.watch(closed)
    closed.close()
    assert probe.look_ms() == 0.0
    assert probe.look_ms() == 0.0


def test_oldest_call() -> None:
    """[T1.2] The oldest call is the one that began first of those that still run."""
    clock = Clock()
    calls = Calls(clock)
    assert calls.oldest_ms() == 0.0
    calls.begin("first")
    clock.now += 1
    calls.begin("second")
    clock.now += 1
    assert calls.oldest_ms() == 2000.0
    calls.end("first")
    assert (calls.count(), calls.oldest_ms()) == (1, 1000.0)
    calls.end("second")
    assert (calls.count(), calls.oldest_ms()) == (0, 0.0)


def test_oldest_call_while_calls_come_and_go() -> None:
    """[T1.2] Looking at the calls from another thread disturbs nobody."""
    calls = Calls()
    ended = threading.Event()
    seen: list[float] = []

    def look() -> None:
        while not ended.is_set():
            seen.append(calls.oldest_ms())

    thread = threading.Thread(target=look)
    thread.start()
    rounds = 0
    deadline = time.monotonic() + LIMIT_SECONDS
    while rounds < 20_000 or (len(seen) < 100 and time.monotonic() < deadline):
        rounds += 1
        with executing(calls), executing(calls):
            pass
    ended.set()
    thread.join()
    assert calls.count() == 0
    assert len(seen) >= 100
    assert min(seen) >= 0


def test_pong_of_a_worker(plain: Worker, tmp_path: Path) -> None:
    """[T1.2] A real worker says when it answered, and since when its oldest call runs."""
    mark = tmp_path / "started"
    plain.invoke("sleep", seconds=1000, mark=str(mark))
    wait_until(mark.exists, "the tool starts")
    before = time.time()
    first, second = ping(plain, 1), ping(plain, 2)
    assert before - 1 < first["timestamp"] / 1000 < time.time() + 1
    assert 0 < first["oldestCallMs"] < second["oldestCallMs"]


def test_ping_of_the_serving_path() -> None:
    """[T1.2] The RPC `Ping` is counted by the same client, and answers with what that knows."""
    clock = Clock()
    client = HeartbeatClient(Calls(clock), clock=clock, wall_clock=lambda: 2000.0)
    sessions = Sessions()
    adapter = load_adapter(f"{__name__}.Pinged")
    runner = ToolRunner(adapter, client.calls, ToolThreads(1), sessions, None)
    servicer: Any = BridgeServicer(runner, sessions, client)
    with executing(client.calls):
        clock.now += 1.5
        answer = asyncio.run(servicer.Ping(pb2.PingRequest(message="x"), None))
    assert (answer.statistics.in_flight, answer.statistics.oldest_call_ms) == (1, 1500)
    assert answer.statistics.uptime_ms == 1500
    assert client.statistics()[1:3] == (1, 2000.0)


class Pinged:
    @tool
    def nothing(self) -> None: ...


def test_cost(plain: Worker) -> None:
    """[R2.3] A ping on each way every two seconds, and what a worker does in between, take less than
    1 % of a core of the whole process."""
    count = 300
    ping_both(plain, 1)
    # The least of three: what its start has left to do is none of it.
    idle_share = min(idle_share_of(plain.pid) for _ in range(3))
    started = cpu_seconds(plain.pid)
    for seq in range(count):
        ping_both(plain, seq)
    each = (cpu_seconds(plain.pid) - started) / count
    assert each > 0
    assert each / INTERVAL_SECONDS + idle_share < 0.01, f"{each * 1e6:.0f} µs a ping, {idle_share}"


def ping(worker: Worker, seq: int) -> dict[str, Any]:
    worker.send({"type": "ping", "seq": seq})
    return worker.receive()


def ping_both(worker: Worker, seq: int) -> None:
    assert ping(worker, seq)["seq"] == seq
    worker.stub.Ping(pb2.PingRequest(message="x"), metadata=[("x-snakepit-token", TOKEN)])


def idle_share_of(pid: int) -> float:
    """The part of a core that it takes in half a second in which nobody asks anything."""
    started, idle_from = cpu_seconds(pid), time.monotonic()
    time.sleep(0.5)
    return (cpu_seconds(pid) - started) / (time.monotonic() - idle_from)


def cpu_seconds(pid: int) -> float:
    """CPU time of a process, threads that have ended included, in steps of a nanosecond."""
    of_the_scheduler = 2
    return time.clock_gettime(~pid << 3 | of_the_scheduler)
