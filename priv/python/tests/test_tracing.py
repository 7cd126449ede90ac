"""Spans of calls, without a server: what the SDK of an adapter is told, and what it cannot break."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any, cast

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from snakepit_bridge import BaseAdapter, otel, tool, tracing
from snakepit_bridge.adapter_loader import load_adapter
from snakepit_bridge.calls import Calls
from snakepit_bridge.session_context import SessionContext
from snakepit_bridge.sessions import Sessions
from snakepit_bridge.tool_call import Call
from snakepit_bridge.tool_runner import ToolRunner
from snakepit_bridge.tool_threads import ToolThreads

from .test_invocation import Recorder

if TYPE_CHECKING:
    from collections.abc import Iterator

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Tools(BaseAdapter):
    @tool
    async def answer(self) -> int:
        return 42

    @tool
    def answer_in_thread(self) -> int:
        return 42

    @tool
    def tell_node(self) -> list[dict[str, str]]:
        """What Node would be told, from this thread and from one of our own."""
        told: list[dict[str, str]] = []

        def tell() -> None:
            with tracing.calling_node(self.session_context, "f") as carried:
                told.append(carried)

        tell()
        thread = threading.Thread(target=tell)
        thread.start()
        thread.join()
        return told


class Breaking(SpanProcessor):
    """What an application may add to its SDK."""

    def __init__(self, when: str) -> None:
        self._when = when

    def on_start(self, span: Any, parent_context: Any = None) -> None:
        if self._when == "start":
            raise RuntimeError("broken")

    def on_end(self, span: Any) -> None:
        if self._when == "end":
            raise RuntimeError("broken")


@pytest.fixture
def exporter(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    """The SDK, as long as a test lasts: OpenTelemetry lets it be set once in a process."""
    provider = TracerProvider()
    exporter = InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    yield exporter
    cast("Any", provider).shutdown()


async def _run(name: str, metadata: dict[str, str]) -> Recorder:
    threads = ToolThreads(1)
    runner = ToolRunner(load_adapter(f"{__name__}.Tools"), Calls(), threads, Sessions(), None)
    sink = Recorder()
    try:
        runner.start(Call(1, name, {}, SessionContext("", metadata), sink))
        await asyncio.wait_for(sink.over.wait(), 10)
    finally:
        threads.close()
    return sink


def run(name: str, metadata: dict[str, str] | None = None) -> bytes:
    value, failure = asyncio.run(_run(name, metadata or {})).ends[0]
    assert failure is None
    assert value is not None
    return value.json


@pytest.mark.parametrize("name", ["answer", "answer_in_thread"])
def test_a_call_is_a_span_of_the_trace_it_came_with(
    exporter: InMemorySpanExporter, name: str
) -> None:
    """[I6.2]"""
    assert run(name, {"traceparent": PARENT}) == b"42"
    (span,) = exporter.get_finished_spans()
    assert span.name == f"snakepit.tool {name}"
    context = cast("Any", span.context)
    assert f"{context.trace_id:032x}" == PARENT.split("-")[1]
    assert f"{cast('Any', span.parent).span_id:016x}" == PARENT.split("-")[2]


def test_a_thread_of_its_own_stays_in_the_trace(exporter: InMemorySpanExporter) -> None:
    """[I6.2]"""
    run("tell_node", {"traceparent": PARENT})
    inner, outer, served = exporter.get_finished_spans()
    assert cast("Any", inner.parent).span_id == cast("Any", served.context).span_id
    assert f"{cast('Any', outer.parent).span_id:016x}" == PARENT.split("-")[2]
    assert cast("Any", outer.context).trace_id == cast("Any", served.context).trace_id


def test_without_an_sdk_the_context_is_passed_on() -> None:
    """[I6.2]"""
    both = {"traceparent": PARENT, "tracestate": "a=b"}
    text = run("tell_node", {**both, "thread_sensitive": "no"})
    expected = '{"traceparent":"' + PARENT + '","tracestate":"a=b"}'
    assert text.decode() == f"[{expected},{expected}]"
    assert run("tell_node") == b"[{},{}]"


@pytest.mark.parametrize("when", ["start", "end"])
@pytest.mark.parametrize("name", ["answer", "answer_in_thread"])
def test_what_an_sdk_raises_harms_no_call(
    monkeypatch: pytest.MonkeyPatch, when: str, name: str
) -> None:
    """[I6.2]"""
    provider = TracerProvider()
    provider.add_span_processor(Breaking(when))
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    assert run(name, {"traceparent": PARENT}) == b"42"


def test_setup_leaves_a_provider_that_is_there(exporter: InMemorySpanExporter) -> None:
    """[I6.2]"""
    assert otel.setup() is trace.get_tracer_provider()
