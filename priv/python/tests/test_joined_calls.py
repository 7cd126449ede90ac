"""Small calls that share frames: without a server, and of real workers."""

from __future__ import annotations

import asyncio
import contextvars
import json
import math
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable

import pytest

from snakepit_bridge import BaseAdapter, HeartbeatClient, tool, value_decoding, value_encoding
from snakepit_bridge.adapter_loader import load_adapter
from snakepit_bridge.frame_reader import MalformedError
from snakepit_bridge.frame_service import FrameLimits, FrameService
from snakepit_bridge.frame_writer import MAX_JOINED_BYTES, FrameWriter
from snakepit_bridge.frames import FrameStream
from snakepit_bridge.gen import snakepit_bridge_pb2 as pb2
from snakepit_bridge.joined_calls import read_calls
from snakepit_bridge.sessions import Sessions
from snakepit_bridge.tool_call import (
    CANCELLED,
    INVALID_ARGUMENT,
    NOT_FOUND,
    RESOURCE_EXHAUSTED,
    UNAVAILABLE,
)
from snakepit_bridge.tool_runner import ToolRunner
from snakepit_bridge.tool_threads import ToolThreads

from .frames import Stream

if TYPE_CHECKING:
    from collections.abc import Awaitable

LIMIT_SECONDS = 30
mark = contextvars.ContextVar("mark", default="unset")


@pytest.fixture(params=["orjson", "json"])
def codec(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both with orjson and without."""
    if request.param == "json":
        monkeypatch.setattr(value_encoding, "orjson", None)
        monkeypatch.setattr(value_decoding, "orjson", None)


class Tools(BaseAdapter):
    """Tools of which most never wait."""

    items: list[object] = []  # noqa: RUF012 - kept for the class
    gate: asyncio.Event
    tasks: list[object] = []  # noqa: RUF012 - kept for the class
    begun: list[int] = []  # noqa: RUF012 - kept for the class

    @tool
    async def echo(self, value: object = None) -> object:
        return value

    @tool
    def blocking(self, value: object) -> object:
        return value

    @tool
    async def kind(self, value: object) -> str:
        return type(value).__name__

    @tool
    async def append(self, value: object) -> list[object]:
        Tools.items.append(value)
        return Tools.items

    @tool
    async def session(self) -> dict[str, object]:
        context = self.session_context
        return {
            "id": context.session_id,
            "metadata": dict(context.session_metadata),
            "request": context.request_metadata,
            "left": context.remaining(),
        }

    @tool
    async def set_mark(self, value: str, wait: bool) -> list[str]:
        before = mark.get()
        mark.set(value)
        if wait:
            await Tools.gate.wait()
        return [before, mark.get()]

    @tool
    async def task(self, wait: bool) -> bool:
        task = asyncio.current_task()
        if wait:
            Tools.tasks.append(task)
            await Tools.gate.wait()
        return task is asyncio.current_task() and task is not None

    @tool
    async def wait(self, value: int = 0) -> int:
        Tools.begun.append(value)
        await Tools.gate.wait()
        return value

    @tool
    async def time_out(self) -> str:
        try:
            await asyncio.wait_for(Tools.gate.wait(), 0.01)
        except asyncio.TimeoutError:
            return "in time"
        return "too late"

    @tool
    async def cancel_own_task(self) -> str:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        return "unharmed"

    @tool
    async def cancel_itself(self, how: str) -> list[object]:
        """How often it was cancelled before it waits, and after, as far as Python counts that."""
        task: Any = asyncio.current_task()
        task.cancel("caught")
        try:
            if how == "event":
                await Tools.gate.wait()
            elif how == "turn":
                await asyncio.sleep(0)
            else:
                await asyncio.gather(Tools.gate.wait())
        except asyncio.CancelledError as error:
            text = str(error) if sys.version_info >= (3, 11) else "caught"
            asked = task.cancelling() if sys.version_info >= (3, 11) else 1
            await asyncio.sleep(0)  # which goes on as usual
            return [asked - 1, asked, text]
        raise AssertionError("nobody has cancelled it")

    @tool
    async def nap(self, value: int) -> int:
        await asyncio.sleep(0)
        return value

    @tool
    async def hold(self, seconds: float) -> None:
        time.sleep(seconds)  # noqa: ASYNC251 - it is what nobody should do

    @tool
    async def fail(self, text: str) -> None:
        raise ValueError(text)

    @tool
    async def items_of(self, value: int) -> object:
        return iter(range(value))

    @tool
    async def stray(self) -> None:
        loop = asyncio.new_event_loop()
        try:
            await loop.create_future()
        finally:
            loop.close()

    @tool
    async def run_out(self) -> None:
        await asyncio.wait_for(Tools.gate.wait(), 0.01)

    @tool
    async def leave(self) -> None:
        raise SystemExit(3)


class Bench:
    """One stream, and what came of it: (kind, call, value) of each frame, results of a frame apart."""

    def __init__(self, *, max_calls: int = 1000) -> None:
        self.client, self.sessions, self.threads = HeartbeatClient(), Sessions(), ToolThreads(4)
        adapter = load_adapter(f"{__name__}.Tools")
        self.runner = ToolRunner(adapter, self.client.calls, self.threads, self.sessions, None)
        limits = FrameLimits(max_calls=max_calls)
        service = FrameService(self.runner, self.sessions, self.client, limits)
        self.stream = FrameStream(service, FrameWriter(self.write, self))
        self.said: list[tuple[str, int, Any]] = []
        self.groups: list[int] = []

    def is_open(self) -> bool:
        return True

    async def write(self, message: bytes) -> None:
        self.put(message)

    def put(self, message: bytes) -> None:
        for frame in pb2.FrameBatch.FromString(message).frames:
            kind = frame.WhichOneof("kind")
            if kind == "results":
                fields = json.loads(frame.results)
                self.groups.append(len(fields) // 3)
                for call, microseconds, value in zip(fields[::3], fields[1::3], fields[2::3]):
                    assert microseconds >= 0
                    self.said.append(("joined", call, value))
            else:
                payload = getattr(frame, str(kind))
                self.said.append((str(kind), frame.call, payload))

    def receive(self, *frames: pb2.Frame) -> None:
        """As from a socket, which is read outside of any Task."""
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        asyncio.tasks._leave_task(loop, task)
        try:
            self.stream.receive(pb2.FrameBatch(frames=frames).SerializeToString())
        finally:
            asyncio.tasks._enter_task(loop, task)

    def send(self, *calls: list[object]) -> None:
        self.receive(joined(*calls))

    async def until(self, count: int) -> list[tuple[str, int, Any]]:
        """What was said, as soon as it is so much."""
        deadline = time.monotonic() + LIMIT_SECONDS
        while len(self.said) < count:
            assert time.monotonic() < deadline, self.said
            await asyncio.sleep(0.001)
        return self.said

    async def begun(self, count: int) -> None:
        """Until so many calls of `wait` have begun."""
        deadline = time.monotonic() + LIMIT_SECONDS
        while len(Tools.begun) < count:
            assert time.monotonic() < deadline
            await asyncio.sleep(0)


def joined(*calls: list[object]) -> pb2.Frame:
    return pb2.Frame(calls=json.dumps([field for call in calls for field in call]).encode())


def call(number: int, name: str, **arguments: object) -> list[object]:
    return [number, name, "", 0, None, arguments]


def run(scenario: Callable[[Bench], Awaitable[None]], **limits: int) -> None:
    """Plays it on a stream that is new, and on one on which there was a call: there a Task stands by."""

    async def body(*, is_new: bool) -> None:
        Tools.gate, Tools.items, Tools.tasks, Tools.begun = asyncio.Event(), [], [], []
        bench = Bench(**limits)
        try:
            if not is_new:
                value = pb2.Value(json=b'{"value":1}')
                bench.receive(pb2.Frame(call=1, open=pb2.OpenCall(tool="echo", arguments=value)))
                await bench.until(1)
                await asyncio.sleep(0)
                bench.said.clear()
                bench.runner.served = 0
            await asyncio.wait_for(scenario(bench), LIMIT_SECONDS)
            assert bench.client.calls.count() == 0
        finally:
            bench.runner.close()
            bench.threads.close()

    for is_new in (True, False):
        asyncio.run(body(is_new=is_new))


@pytest.mark.usefixtures("codec")
@pytest.mark.parametrize(
    "value",
    [0, 2**53 - 1, -0.5, "ä€😀", "", None, True, [1, [2, {}]], {"a": None}, '\\"]}', "\ud800"],
)
def test_values(value: object) -> None:
    """[I5.5] What a tool gets and returns in shared frames is what was sent."""

    async def scenario(bench: Bench) -> None:
        bench.send(call(1, "echo", value=value), call(2, "kind", value=value))
        said = await bench.until(2)
        assert said == [("joined", 1, value), ("joined", 2, type(value).__name__)]

    run(scenario)


@pytest.mark.usefixtures("codec")
def test_markers() -> None:
    """[I5.5] Markers without attachments mean in shared frames what they mean elsewhere, in both
    directions; the calls beside them are untouched."""
    instant = {"__snakepit__": "instant", "ms": 1000}
    large = {"__snakepit__": "int", "hex": "40000000000000000"}

    async def scenario(bench: Bench) -> None:
        bench.send(
            call(1, "kind", value=instant),
            call(2, "echo", value=[large, "__snakepit__"]),
            call(3, "echo", value=[None, {"__snakepit__": "float", "v": "NaN"}]),
            [4, "session", "s", 0, {"__snakepit__": "x"}, {}],
        )
        said = {number: value for _, number, value in await bench.until(4)}
        assert said[1] == "datetime"
        assert said[2] == [large, "__snakepit__"]
        assert said[3] == [None, {"__snakepit__": "float", "v": "NaN"}]
        assert said[4]["request"] == {
            "__snakepit__": "object",
            "v": [["__snakepit__", "x"]],
        }

    run(scenario)


@pytest.mark.usefixtures("codec")
def test_arguments_that_make_no_sense() -> None:
    """[I5.12] They fail their own call, wherever in the frame it is."""
    texts = [
        "[]",
        "5",
        '{"value": {"__snakepit__": "bytes", "at": 0}}',
        '{"value": {"__snakepit__": "odd"}}',
        '{"value": NaN}',
        '{"value": [1,]}',
        '{"value": ' + "[" * 50_000 + "]" * 50_000 + "}",
    ]

    async def scenario(bench: Bench) -> None:
        parts = [
            f'{number}, "kind", "", 0, null, {text}' for number, text in enumerate(texts, start=2)
        ]
        last = len(texts) + 2
        parts.insert(0, '1, "echo", "", 0, null, {"value": "]}"}')
        parts.append(f'{last}, "echo", "", 0, null, {{"value": 2}}')
        text = "[" + " , ".join(parts) + "] "
        bench.receive(pb2.Frame(calls=text.encode()))
        said = {number: (kind, value) for kind, number, value in await bench.until(last)}
        assert said[1] == ("joined", "]}")
        assert said[last] == ("joined", 2)
        for number in range(2, last):
            kind, failure = said[number]
            assert (kind, failure.status) == ("failure", INVALID_ARGUMENT), number
            assert "cannot be read" in failure.details

    run(scenario)


@pytest.mark.usefixtures("codec")
@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"5",
        b"{}",
        b"[1]",
        b"[[1]]",
        b'[1,"echo","",0,null]',
        b'[1,"echo","",0,null,{}',
        b'[1,"echo","",0,null,{}] x',
        b'[1,"echo","",0,null,{},]',
        b'[1 "echo","",0,null,{}]',
        b'[1,"echo","",0,null,{"a":"}]',
        b'[1,"echo","",0,null,{no]',
        b'[0,"echo","",0,null,{}]',
        b'[-1,"echo","",0,null,{}]',
        b'[4294967296,"echo","",0,null,{}]',
        b'["1","echo","",0,null,{}]',
        b'[true,"echo","",0,null,{}]',
        b'[1,["echo"],"",0,null,{}]',
        b'[1,"echo",null,0,null,{}]',
        b'[1,"echo","",-1,null,{}]',
        b'[1,"echo","",0.5,null,{}]',
        b'[1,"echo","",0,{"a":1},{}]',
        b'[1,"echo","",0,[],{}]',
        b'[1,"echo","",0,' + b'{"a":' * 50_000 + b"1" + b"}" * 50_000 + b",{}]",
        b'[1,"echo","",0,null,{},1,"echo","",0,null,{}]',
        b'\xff[1,"echo","",0,null,{}]',
    ],
)
def test_garbage(text: bytes) -> None:
    """[I5.12] A frame that is not as agreed ends the stream."""

    async def scenario(bench: Bench) -> None:
        with pytest.raises(MalformedError):
            bench.receive(pb2.Frame(calls=text))
        bench.stream._close()
        await asyncio.sleep(0.01)

    run(scenario)


def test_garbage_is_read_quickly() -> None:
    """[I5.12] However a text is made that has no end, it is looked through a few times at most."""
    for rest in (b'"\\"' * 30_000, b'"' + b'\\"' * 60_000, b"[" * 90_000, b'{"a":' * 20_000):
        started = time.process_time()
        with pytest.raises(MalformedError):
            read_calls(b'[1,"echo","",0,null,{"value":NaN,' + rest)
        assert time.process_time() - started < 1


def test_results_arrive_together_and_in_order() -> None:
    """[I5.2] What is small shares a frame; whatever else is said stands between, in its place."""
    long = "x" * MAX_JOINED_BYTES

    async def scenario(bench: Bench) -> None:
        bench.send(*(call(number, "echo", value=number) for number in range(1, 13)))
        await bench.until(12)
        assert max(bench.groups) > 1
        bench.send(
            call(13, "echo", value=1),
            call(14, "echo", value=long),
            call(15, "echo", value=2),
            call(16, "fail", text="no"),
            call(17, "echo", value=3),
            call(18, "leave"),
            call(19, "echo", value=4),
        )
        said = await bench.until(19)
        assert said[:12] == [("joined", number, number) for number in range(1, 13)]
        assert [(kind, number) for kind, number, _ in said[12:]] == [
            ("joined", 13),
            ("result", 14),
            ("joined", 15),
            ("failure", 16),
            ("joined", 17),
            ("failure", 18),
            ("joined", 19),
        ]
        assert json.loads(said[13][2].value.json) == long
        assert json.loads(said[15][2].details)["message"] == "no"
        assert (bench.runner.served, bench.runner.failed) == (17, 2)

    run(scenario)


def test_failures_are_told_as_of_any_other_call() -> None:
    """[I5.10] Neither how a call is run nor how it is let go is told as a cause of what went wrong."""

    async def scenario(bench: Bench) -> None:
        bench.send(call(1, "items_of", value=3), call(2, "stray"), call(3, "run_out"))
        said = {number: json.loads(value.details) for _, number, value in await bench.until(3)}
        assert {number: fields["type"] for number, fields in said.items()} == {
            1: "EncodingError",
            2: "RuntimeError",
            3: "TimeoutError",
        }
        assert "causes" not in said[1]
        assert "different loop" in said[2]["message"]
        for number in (2, 3):
            assert Path(__file__).name in said[number]["traceback"]
            assert "go_on" not in said[number]["traceback"]

    run(scenario)


def test_results_of_threads_are_joined() -> None:
    """[I5.2] Results of tools that are not `async` may share frames as well."""

    async def scenario(bench: Bench) -> None:
        bench.send(*(call(number, "blocking", value=number) for number in range(1, 9)))
        said = sorted(await bench.until(8), key=lambda item: item[1])
        assert said == [("joined", number, number) for number in range(1, 9)]

    run(scenario)


def test_a_peer_that_joins_nothing() -> None:
    """[I5.11] Who opens each call by a frame of its own gets each result so, too."""

    async def scenario(bench: Bench) -> None:
        opening = pb2.OpenCall(tool="echo", arguments=pb2.Value(json=b'{"value":1}'))
        bench.receive(pb2.Frame(call=1, open=opening), pb2.Frame(call=2, open=opening))
        said = await bench.until(2)
        assert [(kind, number) for kind, number, _ in said] == [("result", 1), ("result", 2)]

    run(scenario)


def test_sessions_in_order() -> None:
    """[I5.3] Sessions are opened and closed between the calls between which that stands."""
    opening = pb2.InitializeSessionRequest(session_id="s7", metadata={"user": "42"})
    closing = pb2.CleanupSessionRequest(session_id="s7")

    async def scenario(bench: Bench) -> None:
        bench.receive(
            joined([1, "session", "s7", 0, None, {}]),
            pb2.Frame(open_session=opening),
            joined([2, "session", "s7", 60_000, {"k": "v"}, {}], call(3, "session")),
            pb2.Frame(close_session=closing),
            joined([4, "session", "s7", 0, None, {}]),
        )
        known = {number: value for _, number, value in await bench.until(4)}
        left = known[2].pop("left")
        assert 50 < left <= 60
        assert known[1] == {"id": "s7", "metadata": {}, "request": {}, "left": None}
        assert known[2] == {"id": "s7", "metadata": {"user": "42"}, "request": {"k": "v"}}
        assert known[3] == {"id": "", "metadata": {}, "request": {}, "left": None}
        assert known[4] == known[1]

    run(scenario)


@pytest.mark.usefixtures("codec")
def test_values_that_change_later() -> None:
    """[I5.5] A result is sent as it was when the tool returned it."""

    async def scenario(bench: Bench) -> None:
        bench.send(*(call(number, "append", value=number) for number in (1, 2, 3)))
        assert [value for _, _, value in await bench.until(3)] == [[1], [1, 2], [1, 2, 3]]

    run(scenario)


def test_contexts_are_apart() -> None:
    """[I5.7] What a call sets in its context no other call sees, whether it waits or not."""

    async def scenario(bench: Bench) -> None:
        bench.send(
            call(1, "set_mark", value="a", wait=False),
            call(2, "set_mark", value="b", wait=True),
            call(3, "set_mark", value="c", wait=True),
            call(4, "set_mark", value="d", wait=False),
        )
        await bench.until(2)
        Tools.gate.set()
        known = {number: value for _, number, value in await bench.until(4)}
        assert known == {n: ["unset", name] for n, name in enumerate("abcd", start=1)}
        assert mark.get() == "unset"

    run(scenario)


def test_every_call_that_waits_has_its_task() -> None:
    """[I5.7] `current_task` is the same before and after, no other's, and over with its call."""

    async def scenario(bench: Bench) -> None:
        bench.send(
            *(call(number, "task", wait=number % 2 == 0) for number in range(1, 9)),
            call(9, "time_out"),
        )
        await bench.until(5)
        assert len(set(Tools.tasks)) == 4
        Tools.gate.set()
        said = sorted(await bench.until(9), key=lambda item: item[1])
        assert [value for _, _, value in said] == [True] * 8 + ["in time"]
        await asyncio.sleep(0)
        assert all(isinstance(task, asyncio.Task) and task.done() for task in Tools.tasks)

    run(scenario)


def test_a_task_that_was_cancelled_unnoticed() -> None:
    """[I5.2] A tool that cancels its Task and returns harms nobody who comes after it."""

    async def scenario(bench: Bench) -> None:
        bench.send(
            call(1, "cancel_own_task"),
            call(2, "nap", value=2),
            call(3, "cancel_own_task"),
            call(4, "time_out"),
        )
        said = sorted(await bench.until(4), key=lambda item: item[1])
        assert [(kind, value) for kind, _, value in said] == [
            ("joined", "unharmed"),
            ("joined", 2),
            ("joined", "unharmed"),
            ("joined", "in time"),
        ]

    run(scenario)


def test_a_tool_that_cancels_itself() -> None:
    """[I5.2] It is cancelled where it waits next, once, and can count that."""

    async def scenario(bench: Bench) -> None:
        bench.send(
            *(call(number, "cancel_itself", how=how) for number, how in enumerate(HOWS, 1)),
            call(9, "time_out"),
        )
        said = sorted(await bench.until(len(HOWS) + 1), key=lambda item: item[1])
        assert [value for _, _, value in said] == [[0, 1, "caught"]] * len(HOWS) + ["in time"]

    run(scenario)


HOWS = ("event", "turn", "nested")


def test_cancelled_calls() -> None:
    """[I5.2] A call that waits is cancelled where it waits; one that has not begun never begins; others
    go on."""

    async def scenario(bench: Bench) -> None:
        def give_up(number: int) -> pb2.Frame:
            return pb2.Frame(call=number, cancel=pb2.CancelCall(reason="cancelled"))

        bench.send(call(1, "wait", value=1), call(2, "wait", value=2))
        await bench.begun(2)
        bench.receive(
            joined(call(3, "wait", value=3), call(4, "echo", value=4), call(5, "wait", value=5)),
            give_up(1),
            give_up(3),
        )
        await bench.begun(3)
        assert Tools.begun == [1, 2, 5]
        said = await bench.until(3)
        failed = {number: value for kind, number, value in said if kind == "failure"}
        assert {number: value.status for number, value in failed.items()} == {
            1: CANCELLED,
            3: CANCELLED,
        }
        assert bench.client.calls.count() == 2
        Tools.gate.set()
        await bench.until(5)
        assert {number for kind, number, _ in bench.said if kind == "joined"} == {2, 4, 5}

    run(scenario)


def test_a_stream_that_ends() -> None:
    """[I5.2] Its calls end with it, begun or not, and none is counted any more."""

    async def scenario(bench: Bench) -> None:
        bench.send(*(call(number, "wait") for number in range(1, 9)))
        await bench.begun(4)
        bench.send(*(call(number, "wait") for number in range(9, 17)))
        bench.stream._close()
        deadline = time.monotonic() + LIMIT_SECONDS
        while bench.client.calls.count():
            assert time.monotonic() < deadline
            await asyncio.sleep(0)
        assert bench.said == []

    run(scenario)


def test_many_that_wait_begin_soon() -> None:
    """[I5.7] They do not have to wait for each other's turn of the event loop."""

    async def scenario(bench: Bench) -> None:
        bench.send(*(call(number, "wait", value=number) for number in range(1, 101)))
        turns = 0
        while len(Tools.begun) < 100:
            turns += 1
            await asyncio.sleep(0)
        assert turns <= 20
        assert sorted(Tools.begun) == list(range(1, 101))
        Tools.gate.set()
        await bench.until(100)

    run(scenario)


def test_the_loop_has_its_turn() -> None:
    """[I5.7] Calls that never wait do not keep it for ever, however many there are."""

    async def scenario(bench: Bench) -> None:
        count = 100
        bench.send(*(call(number, "hold", seconds=0.002) for number in range(1, count + 1)))
        seen = set()
        while len(bench.said) < count:
            seen.add(len(bench.said))
            await asyncio.sleep(0)
        assert len(seen) > 5

    run(scenario)


def test_limits() -> None:
    """[I5.12] Numbers, tools, arguments, and how many there may be: as for calls in frames of their own."""

    async def scenario(bench: Bench) -> None:
        bench.send(
            call(1, "unknown"),
            call(2, "echo", wrong=1),
            call(3, "echo"),
            *(call(number, "wait", value=number) for number in range(4, 9)),
        )
        said = {number: (kind, value) for kind, number, value in await bench.until(4)}
        assert said[1][1].status == NOT_FOUND
        assert said[2][1].status == INVALID_ARGUMENT
        assert said[3] == ("joined", None)
        # The first three were open, too, when the last ones came.
        assert {number for number, (kind, _) in said.items() if kind == "failure"} == {1, 2, 8}
        assert said[8][1].status == RESOURCE_EXHAUSTED
        await bench.begun(4)
        with pytest.raises(MalformedError):
            bench.send(call(10, "echo"), call(4, "echo"))
        Tools.gate.set()
        await bench.until(9)
        assert await bench.client.calls.drain(1)
        bench.send(call(11, "echo"), call(12, "blocking", value=1))
        refused = (await bench.until(11))[-2:]
        assert [(number, value.status) for _, number, value in refused] == [
            (11, UNAVAILABLE),
            (12, UNAVAILABLE),
        ]

    run(scenario, max_calls=5)


@pytest.mark.usefixtures("codec")
def test_results_that_cannot_be_sent() -> None:
    """[I5.10] They fail their own call; those that need attachments have a frame of their own."""

    async def scenario(bench: Bench) -> None:
        loop: list[object] = []
        loop.append(loop)
        for number, value in enumerate((loop, b"bytes", [b"inside"], math.inf, 2**60), start=1):
            Tools.items = [value]
            bench.send(call(number, "append", value=number))
            await bench.until(number)
        assert [(kind, number) for kind, number, _ in bench.said] == [
            ("failure", 1),
            ("result", 2),
            ("result", 3),
            ("joined", 4),
            ("joined", 5),
        ]
        assert bench.said[4][2] == [{"__snakepit__": "int", "hex": "1000000000000000"}, 5]

    run(scenario)


def test_of_a_worker(either_frames: Stream) -> None:
    """[I5.2] A worker says that it takes joined calls, and answers them so."""
    assert "joined" in either_frames.hello.features
    count = 500
    either_frames.send(
        joined(*(call(number, "aecho", value=number) for number in range(1, count + 1)))
    )
    answers: dict[int, int] = {}
    while len(answers) < count:
        fields = json.loads(either_frames.next().results)
        answers.update(zip(fields[::3], fields[2::3]))
    assert answers == {number: number for number in range(1, count + 1)}
    assert len(either_frames.batches) < count / 10
