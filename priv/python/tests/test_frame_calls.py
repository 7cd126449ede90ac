"""Cancellation, time and sessions of calls in frames, of real workers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import grpc
import pytest

from snakepit_bridge.gen import snakepit_bridge_pb2 as pb2

from .frames import HEADERS, Frames, open_frame
from .harness import Worker, make_request, wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import StartWorker

CANCELLED = grpc.StatusCode.CANCELLED.value[0]
DEADLINE_EXCEEDED = grpc.StatusCode.DEADLINE_EXCEEDED.value[0]


def in_flight(frames: Frames) -> int:
    frames.send(pb2.Frame(call=999, ping=pb2.PingRequest()))
    count: int = frames.next(999).pong.statistics.in_flight
    return count


def test_cancelled_thread_keeps_its_call(frames: Frames, tmp_path: Path) -> None:
    """[I5.2] A tool in a thread sees that its caller has given up; its call counts, and is not
    answered, until the thread has returned."""
    mark, release = tmp_path / "started", tmp_path / "release"
    frames.open(1, "wait_until_cancelled", mark=str(mark), until=str(release))
    wait_until(mark.exists, "the tool starts")
    frames.cancel(1, "deadline")
    assert in_flight(frames) == 1
    assert frames.kept() == []
    release.touch()
    assert frames.failure(1).status == DEADLINE_EXCEEDED
    assert (tmp_path / "started.noticed").exists()
    assert in_flight(frames) == 0


def test_cancelled_coroutine_that_goes_on(frames: Frames, tmp_path: Path) -> None:
    """[I5.2] A coroutine that swallows its cancellation holds the call until it returns; what it
    returns is of no interest."""
    mark, release = tmp_path / "started", tmp_path / "release"
    frames.open(1, "swallow_cancellation", mark=str(mark), until=str(release))
    wait_until(mark.exists, "the tool starts")
    frames.cancel(1)
    frames.cancel(1)
    assert in_flight(frames) == 1
    assert frames.kept() == []
    release.touch()
    assert frames.failure(1).status == CANCELLED
    assert (tmp_path / "started.done").exists()
    assert in_flight(frames) == 0


def test_cancelled_in_the_same_message(frames: Frames) -> None:
    """[I5.2] A call that is cancelled before it could begin ends once, whatever kind of tool it is."""
    tools = {1: "asleep", 2: "sleep", 3: "returns_coroutine"}
    for key, name in tools.items():
        frames.send(
            open_frame(key, name, seconds=0.2),
            pb2.Frame(call=key, cancel=pb2.CancelCall(reason="cancelled")),
        )
    assert [frames.failure(key).status for key in tools] == [CANCELLED] * 3
    # What is over can be cancelled, and what never was.
    for key in (1, 77):
        frames.cancel(key)
    frames.open(4, "sleep", seconds=0)
    assert frames.next().call == 4


def test_foreign_cancellation(frames: Frames) -> None:
    """[I5.2] A CancelledError that nobody asked for is an error of the tool."""
    frames.open(1, "cancel_itself")
    failure = frames.failure(1)
    assert failure.status == 0
    assert json.loads(failure.details)["type"] == "CancelledError"


def test_remaining_time(frames: Frames, calling: Worker) -> None:
    """[I5.2] A tool knows how long its caller will wait, on both ways of calling; None is for ever."""
    frames.send(open_frame(1, "remaining", timeout_ms=20_000))
    seconds, endless = frames.result(1)
    assert 15 < seconds <= 20
    assert not endless
    frames.send(open_frame(2, "remaining", timeout_ms=0))
    assert frames.result(2) == [None, True]
    request = make_request("remaining", {}, None, None)
    answers = [
        json.loads(
            calling.stub.ExecuteTool(request, metadata=HEADERS, timeout=timeout).result.value
        )
        for timeout in (20, None)
    ]
    assert 15 < answers[0][0] < 21  # gRPC rounds it up
    assert answers[1] == [None, True]


def test_lost_stream(calling: Worker, tmp_path: Path) -> None:
    """[I5.2] A stream that ends cancels its calls; another stream of the same worker goes on."""
    mark = tmp_path / "started"
    for end in ("close", "end"):
        lost, other = Frames(calling), Frames(calling)
        lost.open(1, "wait_until_cancelled", mark=str(mark))
        other.open(1, "asleep", seconds=0.5)
        wait_until(mark.exists, "the tool starts")
        getattr(lost, end)()
        wait_until((tmp_path / "started.noticed").exists, "the tool is told")
        assert other.result(1) == "slept"
        other.close()
        mark.unlink()
        (tmp_path / "started.noticed").unlink()


def test_coroutine_of_a_sync_tool(frames: Frames) -> None:
    """[I5.2] A tool that is not `async` may return a coroutine; it runs on the loop, and is cancelled."""
    frames.open(1, "returns_coroutine", seconds=0)
    assert frames.result(1) == "slept"
    frames.open(2, "returns_coroutine", seconds=1000)
    frames.open(3, "asleep", seconds=0.1)
    assert frames.result(3) == "slept"
    frames.cancel(2)
    assert frames.failure(2).status == CANCELLED


def test_blocking_tools_overlap(frames: Frames) -> None:
    """[I5.7] Blocking tools that came in one message run at the same time."""
    frames.send(*(open_frame(key, "meet") for key in range(1, 9)))
    assert sorted(frames.result(key) for key in range(1, 9)) == list(range(8))


@pytest.mark.parametrize("tool", ["session", "asession"])
def test_session_metadata(frames: Frames, calling: Worker, tool: str) -> None:
    """[I5.3] Id and metadata of a session reach its tools on both ways, from its opening to its end,
    whichever way it was opened."""
    opening = pb2.InitializeSessionRequest(session_id="s7", metadata={"user": "42"})
    closing = pb2.CleanupSessionRequest(session_id="s7")
    known = {"id": "s7", "metadata": {"user": "42"}}
    # In order with the calls of the same message.
    frames.send(
        pb2.Frame(open_session=opening),
        open_frame(1, tool, session="s7"),
        pb2.Frame(close_session=closing),
        open_frame(2, tool, session="s7"),
    )
    assert frames.result(1) == known
    assert frames.result(2) == {"id": "s7", "metadata": {}}
    calling.stub.InitializeSession(opening, metadata=HEADERS)
    frames.open(3, tool, session="s7")
    assert frames.result(3) == known
    request = pb2.ExecuteToolRequest(session_id="s7", tool_name=tool)
    response = calling.stub.ExecuteTool(request, metadata=HEADERS)
    assert json.loads(response.result.value) == known
    calling.stub.CleanupSession(closing, metadata=HEADERS)
    frames.open(4, tool, session="s7")
    assert frames.result(4)["metadata"] == {}


def test_too_much_session_metadata(frames: Frames, calling: Worker) -> None:
    """[I5.12] A session with more metadata than a worker keeps is refused, and said on stderr where
    nobody hears an answer."""
    request = pb2.InitializeSessionRequest(session_id="s8", metadata={"x": "y" * 65_536})
    answer = calling.stub.InitializeSession(request, metadata=HEADERS)
    assert not answer.success
    assert "65536 are allowed" in answer.error_message
    frames.send(pb2.Frame(open_session=request), open_frame(1, "session", session="s8"))
    assert frames.result(1) == {"id": "s8", "metadata": {}}
    wait_until(lambda: "65536 are allowed" in calling.stderr, "the worker says so")


@pytest.mark.parametrize("tool", ["sync_tool", "async_tool", "fail"])
def test_surroundings(spawn: StartWorker, tool: str) -> None:
    """[I5.2] `initialize` and `cleanup` surround every call in frames, also one that fails."""
    worker = spawn("calling.Surrounded")
    worker.start()
    frames = Frames(worker)
    frames.open(1, tool)
    frame = frames.next(1)
    assert frame.WhichOneof("kind") == ("failure" if tool == "fail" else "result")
    # The answer of `trace` is made before its own cleanup.
    frames.open(2, "trace_before")
    expected = ["initialize", "cleanup"] if tool == "fail" else ["initialize", "tool", "cleanup"]
    assert frames.result(2) == expected
    frames.close()


def test_cleanup_after_cancellation(spawn: StartWorker, tmp_path: Path) -> None:
    """[I5.2] A cancelled call is cleaned up before it ends, without another cancellation in that."""
    worker = spawn("calling.Surrounded")
    worker.start()
    frames = Frames(worker)
    mark = tmp_path / "started"
    frames.open(1, "async_tool", seconds=1000, mark=str(mark))
    wait_until(mark.exists, "the tool starts")
    frames.cancel(1)
    frames.cancel(1)
    assert frames.failure(1).status == CANCELLED
    frames.open(2, "trace_before")
    assert frames.result(2) == ["initialize", "tool", "cleanup"]
    frames.close()


def test_one_thread_for_a_call(spawn: StartWorker) -> None:
    """[I5.7] Where nothing is `async`, a call is one visit to one thread, with one context."""
    worker = spawn("calling.SyncSurrounded")
    worker.start()
    frames = Frames(worker)
    frames.open(1, "sync_tool")
    assert frames.result(1) == "set"
    frames.open(2, "trace_before")
    steps = [step.split() for step in frames.result(2)]
    assert [name for name, _ in steps] == ["initialize", "tool", "cleanup"]
    assert len({thread for _, thread in steps}) == 1
    frames.open(3, "returns_coroutine")
    assert frames.result(3) == "later"
    frames.open(4, "trace_before")
    assert [step.split()[0] for step in frames.result(4)] == ["initialize", "coroutine", "cleanup"]
    frames.close()


@pytest.mark.parametrize("tool", ["fail", "afail"])
def test_failing_cleanup(spawn: StartWorker, tool: str) -> None:
    """[I5.10] When cleanup raises, too, the caller hears of both."""
    worker = spawn("calling.FailsToCleanUp")
    worker.start()
    frames = Frames(worker)
    frames.open(1, tool)
    payload = json.loads(frames.failure(1).details)
    assert (payload["type"], payload["message"]) == ("OSError", "cleanup")
    assert [(item["type"], item["relation"]) for item in payload["causes"]] == [
        ("ValueError", "context")
    ]
    assert "ToolRaised" not in payload["traceback"]
    frames.close()
