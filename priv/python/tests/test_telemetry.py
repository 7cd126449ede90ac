"""`telemetry.emit` and `telemetry.span` in real workers, and the stream that brings them to the runtime."""

from __future__ import annotations

import contextlib
import os
import platform
import queue
import signal
import threading
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from snakepit_bridge.gen import snakepit_bridge_pb2 as pb2
from snakepit_bridge.telemetry_outbox import CAPACITY, DROPPED, Controls, Outbox, matches_glob

from .harness import LIMIT_SECONDS, TOKEN, make_request, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .conftest import StartWorker
    from .harness import Worker

HEADERS = [("x-snakepit-token", TOKEN)]
ON = pb2.TelemetryControl(toggle=pb2.TelemetryToggle(enabled=True))


class Stream:
    """The runtime's end of one stream."""

    def __init__(self, worker: Worker) -> None:
        self.events: queue.Queue[pb2.TelemetryEvent] = queue.Queue()
        self.status: grpc.StatusCode | None = None
        self._controls: queue.Queue[pb2.TelemetryControl | None] = queue.Queue()
        self._call = worker.stub.StreamTelemetry(iter(self._controls.get, None), metadata=HEADERS)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def say(self, **control: Any) -> None:
        self._controls.put(pb2.TelemetryControl(**control))

    def next(self) -> pb2.TelemetryEvent:
        return self.events.get(timeout=LIMIT_SECONDS)

    def until(self, name: str) -> list[str]:
        """Names up to and with this one."""
        names: list[str] = []
        while not names or names[-1] != name:
            names.append(".".join(self.next().event_parts))
        return names

    def wait_for_end(self) -> None:
        self._thread.join(LIMIT_SECONDS)
        assert not self._thread.is_alive()

    def close(self) -> None:
        self._controls.put(None)
        self._call.cancel()
        self.wait_for_end()

    def _read(self) -> None:
        with contextlib.suppress(grpc.RpcError):
            for event in self._call:
                self.events.put(event)
        self.status = self._call.code()


@pytest.fixture
def worker(spawn: StartWorker) -> Worker:
    worker = spawn("telling.Telling")
    worker.start()
    return worker


@pytest.fixture
def stream(worker: Worker) -> Iterator[Stream]:
    stream = Stream(worker)
    yield stream
    stream.close()


def test_what_came_before_the_stream(worker: Worker, stream: Stream) -> None:
    """[T4.1] [I6.1] What was emitted before anybody took it was kept, in order, and is sent first."""
    stream.say(toggle=pb2.TelemetryToggle(enabled=True))
    assert stream.until("python.worker.serving") == ["adapter.loaded", "python.worker.serving"]
    worker.execute("tell", name="a.b", numbers={"n": 1, "x": 0.5}, about={"k": "v"})
    event = stream.next()
    assert list(event.event_parts) == ["a", "b"]
    assert {name: value.WhichOneof("value") for name, value in event.measurements.items()} == {
        "n": "int_value",
        "x": "float_value",
    }
    assert (dict(event.metadata), event.correlation_id) == ({"k": "v"}, "call-7")
    assert event.timestamp_ns > 1_600_000_000 * 10**9


def test_span_and_raising_tools(worker: Worker, stream: Stream) -> None:
    """[T4.1] [I6.1] A span has a start and an end with its duration; a tool that raises is told without its message."""
    stream.say(toggle=pb2.TelemetryToggle(enabled=True))
    stream.until("python.worker.serving")
    assert worker.execute("work", fails=False) == "done"
    assert stream.until("work.stop") == ["work.start", "work.stop"]
    assert not worker.respond("work", fails=True).success
    events = [stream.next() for _ in range(3)]
    assert [".".join(event.event_parts) for event in events] == [
        "work.start",
        "work.exception",
        "tool.execution.exception",
    ]
    assert dict(events[1].metadata) == {"model": "small", "error_type": "ValueError"}
    assert events[1].measurements["duration_ms"].float_value > 0
    assert dict(events[2].metadata) == {"tool": "work", "error_type": "ValueError"}
    assert not any("secret" in str(event) for event in events)


def test_correlation(worker: Worker, stream: Stream) -> None:
    """[I6.1] Events belong to the call that they are emitted in, and to no other, wherever a tool runs."""
    stream.say(toggle=pb2.TelemetryToggle(enabled=True))
    stream.until("python.worker.serving")

    def ids(tool: str, count: int, metadata: dict[str, str]) -> list[str]:
        worker.respond(tool, metadata=metadata, name="x")
        return [stream.next().correlation_id for _ in range(count)]

    for tool, count in (("tell_plainly", 1), ("tell_later", 2), ("tell_handed_over", 2)):
        assert ids(tool, count, {"correlation_id": "c1"}) == ["c1"] * count
        assert ids(tool, count, {}) == [""] * count
    trace = "0af7651916cd43dd8448eb211c80319c"
    traced = {"traceparent": f"00-{trace}-b7ad6b7169203331-01"}
    assert ids("tell_plainly", 1, traced) == [trace]
    assert ids("tell_plainly", 1, {**traced, "correlation_id": "c1"}) == ["c1"]
    assert ids("tell_plainly", 1, {"traceparent": "nonsense"}) == [""]
    # What the adapter says counts.
    assert worker.respond("tell", metadata={"correlation_id": "c1"}, name="x", numbers={}, about={})
    assert stream.next().correlation_id == "call-7"
    request = make_request("tell_in_stream", {"name": "x"}, {"correlation_id": "c2"}, None)
    list(worker.stub.ExecuteStreamingTool(request, metadata=HEADERS))
    assert stream.next().correlation_id == "c2"
    worker.respond("work", metadata={"correlation_id": "c3"}, fails=True)
    assert [stream.next().correlation_id for _ in range(3)] == ["c3"] * 3


def test_what_a_worker_tells_of_itself(worker: Worker, stream: Stream) -> None:
    """[R5.2] [I6.1] Serving, beating and stopping are told with what an operator asks next."""
    stream.say(toggle=pb2.TelemetryToggle(enabled=True))
    while ".".join((serving := stream.next()).event_parts) != "python.worker.serving":
        pass
    assert dict(serving.metadata) == {
        "pid": str(worker.pid),
        "python_version": platform.python_version(),
    }
    assert 0 < serving.measurements["startup_ms"].float_value < 60_000
    assert serving.measurements["tools"].int_value == 9
    worker.stub.Ping(pb2.PingRequest(), metadata=HEADERS)
    answered = stream.next()
    assert dict(answered.metadata) == {"path": "serving", "health": "healthy"}
    assert set(answered.measurements) == {"count", "in_flight", "oldest_call_ms", "loop_lag_ms"}
    assert answered.measurements["in_flight"].int_value == 0
    worker.execute("work", fails=False)
    assert not worker.respond("work", fails=True).success
    os.kill(worker.pid, signal.SIGTERM)
    while ".".join((stopping := stream.next()).event_parts) != "python.worker.stopping":
        pass
    measured = stopping.measurements
    assert [measured[name].int_value for name in ("in_flight", "served", "failed")] == [0, 1, 1]
    assert measured["uptime_ms"].float_value > serving.measurements["startup_ms"].float_value


def test_a_child_of_the_worker(worker: Worker, stream: Stream) -> None:
    """[I6.1] A child that an adapter forks may emit: nobody hears it, and it waits for no lock."""
    stream.say(toggle=pb2.TelemetryToggle(enabled=True))
    stream.until("python.worker.serving")
    assert worker.execute("tell_in_fork") == 7
    worker.execute("tell_plainly", name="after")
    assert stream.until("after") == ["after"]


def test_controls(worker: Worker, stream: Stream) -> None:
    """[R9.4] [I6.1] The runtime says which events it wants, and may change its mind."""
    filtered = pb2.TelemetryEventFilter(allow=["a.*", "python.*"], deny=["a.no*"])
    stream.say(filter=filtered)
    stream.say(toggle=pb2.TelemetryToggle(enabled=True))
    stream.until("python.worker.serving")

    def tell(name: str) -> None:
        worker.execute("tell", name=name, numbers={}, about={})

    for name in ("a.no", "b", "a.yes"):
        tell(name)
    assert stream.until("a.yes") == ["a.yes"]
    stream.say(filter=pb2.TelemetryEventFilter())
    stream.say(sampling=pb2.TelemetrySamplingUpdate(sampling_rate=0, event_patterns=["a.*"]))
    stream.say(filter=pb2.TelemetryEventFilter(deny=["mark"]))
    # All three are obeyed when the third is.

    def is_obeyed() -> bool:
        tell("mark")
        tell("b")
        return stream.until("b") == ["b"]

    wait_until(is_obeyed, "obedience")
    tell("a.yes")
    tell("b")
    assert stream.until("b") == ["b"]


def test_threads_and_a_runtime_that_is_slow(worker: Worker) -> None:
    """[I6.1] Events of any thread arrive; of too many the oldest are lost, and how many is told."""
    worker.execute("tell_in_threads", threads=4, each=500)
    stream = Stream(worker)
    stream.say(toggle=pb2.TelemetryToggle(enabled=True))
    lost = stream.next()
    assert ".".join(lost.event_parts) == DROPPED
    # Two were there before: the adapter's and the worker's own.
    assert lost.measurements["count"].int_value == 2 + 2000 - CAPACITY
    assert {".".join(stream.next().event_parts) for _ in range(CAPACITY)} == {"from.thread"}
    stream.close()


def test_what_cannot_be_sent(worker: Worker, stream: Stream) -> None:
    """[I6.1] Whatever an adapter emits, the worker goes on and the stream, too."""
    stream.say(toggle=pb2.TelemetryToggle(enabled=True))
    stream.until("python.worker.serving")
    assert "must be a str" in worker.execute("tell_badly")
    bad, many, none = (stream.next() for _ in range(3))
    assert bad.event_parts[0] == "bad"
    assert bad.measurements["b"].float_value == float("inf")
    assert set(bad.measurements) == {"b", "?"}
    assert (bad.metadata["a"], bad.metadata["c"], bad.metadata["none"]) == (
        "Hostile",
        "text",
        "None",
    )
    assert len(bad.metadata["long"]) == 512
    assert (len(many.measurements), len(none.measurements), len(none.metadata)) == (32, 0, 0)


def test_the_end(worker: Worker) -> None:
    """[I6.1] A worker that stops sends what it has and ends the stream at once; a new stream replaces an old one."""
    old = Stream(worker)
    old.say(toggle=pb2.TelemetryToggle(enabled=True))
    old.until("python.worker.serving")
    new = Stream(worker)
    old.wait_for_end()
    assert old.status == grpc.StatusCode.OK
    new.say(toggle=pb2.TelemetryToggle(enabled=True))
    worker.execute("tell_plainly", name="heard")
    new.until("heard")
    os.kill(worker.pid, signal.SIGTERM)
    assert new.until("python.worker.stopping")[-1] == "python.worker.stopping"
    new.wait_for_end()
    assert new.status == grpc.StatusCode.OK


def test_nobody_without_the_token(worker: Worker) -> None:
    """[T4.1] Events are for the runtime only."""
    with pytest.raises(grpc.RpcError) as refusal:
        next(worker.stub.StreamTelemetry(iter([ON])))
    assert refusal.value.code() == grpc.StatusCode.UNAUTHENTICATED


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("a.b", "a.b", True),
        ("a.*", "a.b.c", True),
        ("*", "", True),
        ("*.stop", "a.stop.stop", True),
        ("a*b*c", "a-b-b-c", True),
        ("a.*", "b.a.x", False),
        ("a", "ab", False),
        ("?", "x", False),
    ],
)
def test_patterns(pattern: str, text: str, expected: bool) -> None:
    """[R9.4] `*` is any characters, nothing else is special."""
    assert matches_glob(pattern, text) is expected


def test_emitting_while_it_is_emitted() -> None:
    """[I6.1] A signal handler that emits may come in the middle of anything, that is, of this, too."""
    outbox = Outbox()
    with outbox._lock:  # where the handler finds it
        outbox.offer("from.handler")
    assert [event.name for event in outbox.take(10)] == ["from.handler"]


def test_what_is_not_wanted_takes_no_room() -> None:
    """[R9.4] What came before the runtime said what it wants does not hide what comes after it."""
    outbox = Outbox()
    for name in ("no", "no", "yes"):
        outbox.offer(name)
    outbox.control(lambda controls: controls._replace(deny=("no",)))
    assert [event.name for event in outbox.take(2)] == ["yes"]


def test_sampling() -> None:
    """[I6.1] A rate is the part of the events that is kept, of those that it is for."""
    chances = iter([0.1, 0.9, 0.1])
    outbox = Outbox(chance=lambda: next(chances))
    outbox.control(lambda controls: Controls(rate=0.5, patterns=("a.*",)))
    for name in ("a.1", "a.2", "b", "a.3"):
        outbox.offer(name)
    assert [event.name for event in outbox.take(10)] == ["a.1", "b", "a.3"]


def test_an_abandoned_outbox_that_begins_anew_has_nothing_of_before_and_takes_events_again() -> (
    None
):
    """[I7.2] A fork abandons the outbox of its parent; one that becomes a worker has its own."""
    outbox = Outbox()
    outbox.offer("before", None, None, "")
    outbox.abandon()
    outbox.offer("meanwhile", None, None, "")
    outbox.begin_anew()
    outbox.offer("after", None, None, "")
    assert not outbox.is_closed
    assert [event.name for event in outbox.take(10)] == ["after"]
