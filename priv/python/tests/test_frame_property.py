"""Random calls, credits and cancellations on one stream: the promises that hold for all of them."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections import Counter

import pytest

from snakepit_bridge import BaseAdapter, HeartbeatClient, tool
from snakepit_bridge.adapter_loader import load_adapter
from snakepit_bridge.frame_service import FrameService
from snakepit_bridge.frame_writer import FrameWriter
from snakepit_bridge.frames import FrameStream
from snakepit_bridge.gen import snakepit_bridge_pb2 as pb2
from snakepit_bridge.sessions import Sessions
from snakepit_bridge.tool_runner import ToolRunner
from snakepit_bridge.tool_threads import ToolThreads

from .frames import open_frame

LIMIT_SECONDS = 30


class Bare:
    """Tools of every kind; `n` is some small number."""

    @tool
    async def at_once(self, n: int) -> int:
        return n

    @tool
    async def later(self, n: int) -> int:
        await asyncio.sleep(n / 1000)
        return n

    @tool
    async def stubborn(self, n: int) -> int:
        try:
            await asyncio.sleep(n / 1000)
        except asyncio.CancelledError:
            await asyncio.sleep(0.002)
        return n

    @tool
    def blocking(self, n: int) -> int:
        time.sleep(n / 1000)
        return n

    @tool
    def coroutine(self, n: int) -> object:
        return self.later(n)

    @tool
    def failing(self, n: int) -> None:
        raise ValueError(n)

    @tool
    async def afailing(self, n: int) -> None:
        await asyncio.sleep(0)
        raise asyncio.CancelledError

    @tool
    def items(self, n: int) -> object:
        return (number for number in range(n))

    @tool
    async def aitems(self, n: int) -> object:
        return self._count(n)

    @tool
    def items_of_the_loop(self, n: int) -> object:
        return self._count(n)

    @tool
    def large(self, n: int) -> bytes:
        return bytes(n * 50_000)

    @staticmethod
    async def _count(n: int) -> object:
        for number in range(n):
            await asyncio.sleep(0)
            yield number


class Surrounded(Bare, BaseAdapter):
    """The same, with something to do around each call."""

    alive: set[object] = set()  # noqa: RUF012 - kept for the class

    def __init__(self) -> None:
        Surrounded.alive.add(self)

    def initialize(self) -> None:
        time.sleep(0.001)

    def cleanup(self) -> None:
        Surrounded.alive.remove(self)


class AsyncSurrounded(Surrounded):
    async def initialize(self) -> None:  # type: ignore[override]
        await asyncio.sleep(0.001)

    async def cleanup(self) -> None:  # type: ignore[override]
        await asyncio.sleep(0.001)
        super().cleanup()


TOOLS = sorted(name for name in vars(Bare) if not name.startswith("_"))


class Runtime:
    """The other end, with a book of what every call is owed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.incoming: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.next_call = 0
        self.open: dict[int, int] = {}  # call to credit that is left
        self.missing: Counter[int] = Counter()  # bytes of attachments
        self.given_up: set[int] = set()  # their attachments need not come
        self.ends: Counter[str] = Counter()
        self.news = asyncio.Event()

    async def read_all(self, stream: FrameStream) -> None:
        while (data := await self.incoming.get()) is not None:
            stream.receive(data)

    async def write(self, data: bytes) -> None:
        if self.random.random() < 0.3:
            await asyncio.sleep(self.random.random() / 500)
        for frame in pb2.FrameBatch.FromString(data).frames:
            if frame.HasField("results"):
                self.receive_joined(json.loads(frame.results))
            else:
                self.receive(frame)
        self.news.set()

    def receive(self, frame: pb2.Frame) -> None:
        kind, call = frame.WhichOneof("kind"), frame.call
        if kind == "hello":
            return
        if kind == "piece":
            if call in self.given_up:
                return
            self.missing[call] -= len(frame.piece.data)
            assert self.missing[call] >= 0
            return
        assert call in self.open, f"{kind} of call {call}, which is over"
        assert self.missing[call] == 0, "a frame before the pieces of the one before"
        value = frame.chunk.value if kind == "chunk" else frame.result.value
        if call not in self.given_up:
            self.missing[call] += sum(item.size for item in value.attachments)
        if kind == "chunk":
            self.open[call] -= 1
            assert self.open[call] >= 0, "more chunks than credit"
            return
        assert kind in ("result", "failure")
        del self.open[call]
        self.ends[kind] += 1

    def receive_joined(self, fields: list[int]) -> None:
        for call in fields[::3]:
            assert call in self.open, f"result of call {call}, which is over"
            assert self.missing[call] == 0, "a result before the pieces of the one before"
            del self.open[call]
            self.ends["joined"] += 1

    def act(self) -> None:
        """Sends a message of random frames."""
        frames = [self.make_frame() for _ in range(self.random.randint(1, 8))]
        self.incoming.put_nowait(pb2.FrameBatch(frames=frames).SerializeToString())

    def make_frame(self) -> pb2.Frame:
        kind = self.random.random()
        if kind < 0.5 or not self.open:
            return self.make_call()
        call = self.random.choice([*self.open, self.next_call + 1000])
        if kind < 0.75:
            return self.give_up(call)
        granted = self.random.randint(1, 5)
        if call in self.open:
            self.open[call] += granted
        return pb2.Frame(call=call, credit=granted)

    def give_up(self, call: int) -> pb2.Frame:
        self.given_up.add(call)
        self.missing.pop(call, None)
        return pb2.Frame(call=call, cancel=pb2.CancelCall(reason="cancelled"))

    def make_call(self) -> pb2.Frame:
        self.next_call += 1
        stream = self.random.choice([None, 0, 1, 100])
        self.open[self.next_call] = stream or 0
        name = self.random.choice([*TOOLS, "unknown"])
        if stream is None and self.random.random() < 0.7:
            fields = [self.next_call, name, "", 30_000, None, {"n": self.random.randint(0, 20)}]
            if self.random.random() < 0.5:
                self.next_call += 1
                self.open[self.next_call] = 0
                fields += [self.next_call, "at_once", "", 0, {"k": "v"}, {"n": 5}]
            return pb2.Frame(calls=json.dumps(fields).encode())
        return open_frame(self.next_call, name, stream=stream, n=self.random.randint(0, 20))

    async def until(self, what: str) -> None:
        """Until every call is over."""
        deadline = time.monotonic() + LIMIT_SECONDS
        while self.open or any(self.missing.values()):
            assert time.monotonic() < deadline, f"{what}: {self.open} {+self.missing}"
            self.news.clear()
            try:
                await asyncio.wait_for(self.news.wait(), 0.1)
            except asyncio.TimeoutError:
                continue


@pytest.mark.parametrize("name", ["Bare", "Surrounded", "AsyncSurrounded"])
@pytest.mark.parametrize("seed", range(5))
def test_every_call_ends_once(name: str, seed: int) -> None:
    """[I5.2] Whatever calls come and whenever they are cancelled: each has one end, after all else of it;
    chunks are paid for with credit; what was counted in is counted out; no thread is lost."""

    async def scenario() -> None:
        client, sessions, threads = HeartbeatClient(), Sessions(), ToolThreads(16)
        runner = ToolRunner(
            load_adapter(f"{__name__}.{name}"), client.calls, threads, sessions, None
        )
        runtime = Runtime(seed)
        service = FrameService(runner, sessions, client)
        stream = FrameStream(service, FrameWriter(runtime.write))
        serving = asyncio.ensure_future(service.serve(stream, runtime.read_all(stream)))
        try:
            for _ in range(80):
                runtime.act()
                if runtime.random.random() < 0.5:
                    await asyncio.sleep(runtime.random.random() / 200)
            for call in list(runtime.open):
                batch = pb2.FrameBatch(frames=[runtime.give_up(call)])
                runtime.incoming.put_nowait(batch.SerializeToString())
            await runtime.until("the calls end")
            assert sum(runtime.ends.values()) == runtime.next_call
            assert client.calls.count() == 0
            assert await threads.run(lambda: "free") == ("free", None)
            runtime.incoming.put_nowait(None)
            await asyncio.wait_for(serving, LIMIT_SECONDS)
        finally:
            serving.cancel()
            runner.close()
            threads.close()

    Surrounded.alive.clear()
    asyncio.run(scenario())
    assert Surrounded.alive == set(), "whatever was made was cleaned up"


def test_tools_are_those() -> None:
    """[I5.2] The random calls are of every kind of tool."""
    assert json.dumps(TOOLS) == json.dumps(sorted(load_adapter(f"{__name__}.Bare").tool_names))
