"""The beat channel, seen from the runtime."""

from __future__ import annotations

import asyncio
import json
import socket
from typing import TYPE_CHECKING, Any

import pytest

from snakepit_bridge.beats import MAX_LINE_BYTES, BeatChannel, Hello, encode_line
from snakepit_bridge.heartbeat import HeartbeatClient
from snakepit_bridge.hosts import BeatHost
from snakepit_bridge.serving import _post

from .harness import Worker, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .conftest import StartWorker


def ping(worker: Worker, seq: int) -> dict[str, object]:
    worker.send({"type": "ping", "seq": seq})
    return worker.receive()


def test_idle_pong(serving: Worker) -> None:
    """[I2.5] An idle worker answers with its number and nothing in flight."""
    pong = ping(serving, 7)
    assert (pong["type"], pong["seq"], pong["inFlight"], pong["oldestCallMs"]) == ("pong", 7, 0, 0)


def test_beats_while_a_thread_is_busy(serving: Worker, tmp_path: Path) -> None:
    """[I2.5] Busy is not dead: beats are answered during a call, which is counted."""
    mark, release = tmp_path / "started", tmp_path / "release"
    call = serving.invoke("hold", mark=str(mark), until=str(release))
    wait_until(mark.exists, "the tool starts")
    assert ping(serving, 1)["inFlight"] == 1
    release.touch()
    assert call.result().success
    wait_until(lambda: ping(serving, 2)["inFlight"] == 0, "the call is over")


def test_blocked_loop_shows(serving: Worker, tmp_path: Path) -> None:
    """[I2.5] A tool that blocks the event loop shows as growing lag, and lag ends with it."""
    mark, release = tmp_path / "started", tmp_path / "release"
    serving.invoke("hold_the_loop", mark=str(mark), until=str(release))
    wait_until(mark.exists, "the tool starts")
    wait_until(lambda: ping(serving, 1)["loopLagMs"] > 100, "the lag shows")  # type: ignore[operator]
    release.touch()
    wait_until(lambda: ping(serving, 2)["loopLagMs"] < 20, "the loop runs again")  # type: ignore[operator]


def test_beats_before_hello(spawn: StartWorker) -> None:
    """[I2.5] Beats are answered while the worker still imports."""
    worker = spawn("slow_import.Never")
    assert ping(worker, 1)["seq"] == 1


@pytest.mark.parametrize("is_first", [True, False])
def test_hello_is_told_once(is_first: bool) -> None:
    """[I2.5] Whether it comes before or after somebody wants it; another one changes nothing."""
    ours, theirs = socket.socketpair()
    channel = BeatChannel(ours.detach(), 0, HeartbeatClient(), ends_worker=False)
    told: list[Hello] = []
    channel.start()

    def say(token: str) -> None:
        hello = {"type": "hello", "token": token, "listen": "unix:/x"}
        theirs.sendall(json.dumps(hello).encode() + b'\n{"type":"ping","seq":1}\n')
        assert b"pong" in theirs.recv(65536)

    if is_first:
        say("one")
    channel.on_hello(told.append)
    if not is_first:
        assert told == []
        say("one")
    say("two")
    theirs.close()
    assert [hello.token for hello in told] == ["one"]


class LateChannel:
    """Says hello when the test wants it."""

    def on_hello(self, told: Callable[[Hello], object]) -> None:
        self._told = told

    def say_hello(self) -> None:
        self._told(Hello("t", "unix:/x", None, None))


async def give_up(channel: LateChannel) -> None:
    host = BeatHost(channel, None, lifeline_armed=True)  # type: ignore[arg-type]
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(host.wait_for_assignment(), 0.01)


def test_hello_for_nobody() -> None:
    """[I2.5] Who waited for it has given up: that is no failure of anybody's."""
    problems: list[dict[str, Any]] = []

    async def run() -> None:
        loop, channel = asyncio.get_running_loop(), LateChannel()
        loop.set_exception_handler(lambda _loop, problem: problems.append(problem))
        await give_up(channel)
        channel.say_hello()
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    asyncio.run(run())
    assert problems == []


def test_news_after_the_loop() -> None:
    """[I2.5] What the runtime says while the process is on its way out is no failure of the beat thread, which would
    change how the worker ends."""
    channel = LateChannel()
    asyncio.run(give_up(channel))
    channel.say_hello()
    loop = asyncio.new_event_loop()
    loop.close()
    _post(loop, pytest.fail)


def test_silence_is_no_reason_to_die(serving: Worker) -> None:
    """[R1.3] A runtime that says nothing may be blocked or stopped: the worker serves on."""
    assert serving.execute("sleep", seconds=0.5) == "slept"


def test_unknown_messages_are_skipped(serving: Worker) -> None:
    """[I2.5] A newer runtime may say more than this worker understands."""
    serving.send({"type": "somethingNew", "value": 1})
    assert ping(serving, 1)["seq"] == 1


@pytest.mark.parametrize(
    "line",
    [
        b"{broken\n",
        b"[]\n",
        b'{"type":"ping"}\n',
        b'{"type":"hello","token":"","listen":"unix:/x"}\n',
        b"x" * (MAX_LINE_BYTES + 2),
        b"[" * (MAX_LINE_BYTES - 2) + b"\n",
    ],
)
def test_broken_protocol(spawn: StartWorker, line: bytes) -> None:
    """[I2.5] A peer that does not speak the protocol ends the worker with status 76 and a message."""
    worker = spawn("adapters.Plain")
    worker.beat.sendall(line)
    assert worker.wait() == 76
    assert "the beat channel is broken" in worker.stderr


def test_split_and_joined_lines(spawn: StartWorker) -> None:
    """[I2.5] Lines are framed by newlines, not by writes."""
    worker = spawn("slow_import.Never")
    worker.beat.sendall(b'{"type":"ping","seq":1}\n{"type":"pi')
    assert worker.receive()["seq"] == 1
    worker.beat.sendall(b'ng","seq":2}\n')
    assert worker.receive()["seq"] == 2


def test_long_messages_are_shortened() -> None:
    """[I2.5] A message never exceeds a line; of a traceback the end stays."""
    line = encode_line({"type": "failed", "message": "m", "traceback": "ä" * 200_000 + "the end"})
    assert len(line) <= MAX_LINE_BYTES
    assert json.loads(line)["traceback"].endswith("the end")
    line = encode_line({"type": "ready", "tools": [f"tool{n}" for n in range(50_000)]})
    assert len(line) <= MAX_LINE_BYTES
    assert json.loads(line)["tools"][0] == "tool0"


def test_peer_stops_reading(plain: Worker) -> None:
    """[I2.5] A runtime that does not read its pongs blocks the beat thread only."""
    plain.beat.setblocking(False)
    try:
        for seq in range(100_000):
            plain.beat.send(json.dumps({"type": "ping", "seq": seq}).encode() + b"\n")
    except BlockingIOError:
        pass
    assert plain.execute("add", a=1) == 3
