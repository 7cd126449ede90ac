"""The beat channel, seen from the runtime."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from snakepit_bridge.beats import MAX_LINE_BYTES, _encode_line

from .harness import Worker, wait_until

if TYPE_CHECKING:
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
    mark = tmp_path / "started"
    call = serving.invoke("sleep", seconds=0.5, mark=str(mark))
    wait_until(mark.exists, "the tool starts")
    assert ping(serving, 1)["inFlight"] == 1
    assert call.result().success
    wait_until(lambda: ping(serving, 2)["inFlight"] == 0, "the call is over")


def test_blocked_loop_shows(serving: Worker, tmp_path: Path) -> None:
    """[I2.5] A tool that blocks the event loop shows as growing lag, and lag ends with it."""
    mark = tmp_path / "started"
    serving.invoke("block_the_loop", seconds=1, mark=str(mark))
    wait_until(mark.exists, "the tool starts")
    assert ping(serving, 1)["loopLagMs"] >= 20.0  # type: ignore[operator]
    wait_until(lambda: ping(serving, 2)["loopLagMs"] > 100, "the lag shows")  # type: ignore[operator]
    wait_until(lambda: ping(serving, 3)["loopLagMs"] < 20, "the loop runs again")  # type: ignore[operator]


def test_beats_before_hello(spawn: StartWorker) -> None:
    """[I2.5] Beats are answered while the worker still imports."""
    worker = spawn("slow_import.Never")
    assert ping(worker, 1)["seq"] == 1


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
    line = _encode_line({"type": "failed", "message": "m", "traceback": "ä" * 200_000 + "the end"})
    assert len(line) <= MAX_LINE_BYTES
    assert json.loads(line)["traceback"].endswith("the end")
    line = _encode_line({"type": "ready", "tools": [f"tool{n}" for n in range(50_000)]})
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
