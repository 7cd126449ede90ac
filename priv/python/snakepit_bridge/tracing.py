"""Traces over Node and Python with OpenTelemetry, for adapters that use it.

A worker imports nothing of it: whoever sets up an SDK does. From then on every call of a tool is a span, in
the trace that the call came with (W3C `traceparent` in its metadata), and so is every call of Node. Without an SDK
the context of a call is passed on to Node, and nothing else happens.
"""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager, suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from .invocation import unwrap
from .notices import notice

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .session_context import SessionContext
    from .streams import Chunk
    from .tool_call import Call, Failure, Sink, Value

API = "opentelemetry.trace"
"""The module that is imported by all who trace."""

_TRACER = "snakepit_bridge"
# Metadata of a call: its trace (W3C).
_KEYS = ("traceparent", "tracestate", "baggage")


def begin(call: Call) -> bool:
    """Begins the span of a call, which ends with that, and sets the context to run it in. Returns False
    when nobody traces. Only to be called when `API` is in `sys.modules`."""
    try:
        tracer = _find_tracer()
        if tracer is None:
            return False
        from opentelemetry import propagate, trace

        parent = propagate.extract(call.session.request_metadata)
        attributes = _attributes(call.tool_name, call.session)
        kind = trace.SpanKind.SERVER
        span = tracer.start_span(f"snakepit.tool {call.tool_name}", parent, kind, attributes)
    except Exception as error:  # noqa: BLE001 - foreign code; the call goes on without
        notice(f"a call could not be traced: {type(error).__name__}")
        return False
    call.sink = _TracedSink(call.sink, span)
    call.trace_context = trace.set_span_in_context(span, parent)
    return True


@contextmanager
def entered(context: Any) -> Iterator[None]:
    """While it lasts this is the current context, which all Tasks and jobs get that are begun here."""
    if context is None:
        yield
        return
    from opentelemetry.context import attach, detach

    token = attach(context)
    try:
        yield
    finally:
        detach(token)


@contextmanager
def calling_node(session: SessionContext, name: str) -> Iterator[dict[str, str]]:
    """A call of Node, as a span. Gives what Node is told of the trace, as metadata."""
    known = session.request_metadata
    carried = {key: known[key] for key in _KEYS if key in known}
    tracer = _find_tracer() if API in sys.modules else None
    if tracer is None:
        yield carried
        return
    from opentelemetry import propagate, trace

    # A thread that the tool made itself knows of no span: then it is at least the same trace.
    is_known = trace.get_current_span().get_span_context().is_valid
    parent = None if is_known else propagate.extract(known)
    attributes = _attributes(name, session)
    kind = trace.SpanKind.CLIENT
    with tracer.start_as_current_span(
        f"snakepit.call_node {name}", parent, kind, attributes
    ) as span:
        carrier: dict[str, str] = {}
        propagate.inject(carrier)
        try:
            yield carrier or carried
        except BaseException as error:
            _set_error_type(span, error)
            raise


def _find_tracer() -> Any:
    """Whoever makes spans now; None when no SDK was set up."""
    from opentelemetry import trace

    provider = trace.get_tracer_provider()
    if isinstance(provider, (trace.ProxyTracerProvider, trace.NoOpTracerProvider)):
        return None
    return _tracer_of(provider)


@lru_cache(maxsize=1)
def _tracer_of(provider: Any) -> Any:
    return provider.get_tracer(_TRACER)


def _attributes(name: str, session: SessionContext) -> dict[str, str]:
    pool, _, worker = os.environ.get("SNAKEPIT_WORKER", "").partition("/")
    facts = {
        "snakepit.tool": name,
        "snakepit.session": session.session_id,
        "snakepit.pool": pool,
        "snakepit.worker": worker.partition("/")[0],
        "rpc.system": "snakepit",
        "rpc.method": name,
    }
    return {key: value for key, value in facts.items() if value}


class _TracedSink:
    """Ends the span of a call with it, and tells the transport."""

    def __init__(self, sink: Sink, span: Any) -> None:
        self._sink = sink
        self._span = span
        self._chunks = 0

    def send(self, call: Call, chunk: Chunk) -> None:
        self._chunks += 1
        self._sink.send(call, chunk)

    def answer(self, call: Call, text: bytes, seconds: float) -> None:
        self._end(call, None)
        self._sink.answer(call, text, seconds)

    def end(self, call: Call, value: Value | None, failure: Failure | None, seconds: float) -> None:
        self._end(call, failure)
        self._sink.end(call, value, failure, seconds)

    def _end(self, call: Call, failure: Failure | None) -> None:
        # Foreign code: whatever is wrong with it, the call has its answer.
        with suppress(Exception):
            if call.credit is not None:
                self._span.set_attribute("snakepit.stream.chunks", self._chunks)
            if failure is not None:
                _mark_failed(self._span, failure)
        with suppress(Exception):
            self._span.end()


def _mark_failed(span: Any, failure: Failure) -> None:
    from opentelemetry.trace import Status, StatusCode

    error = failure.error
    if error is None:
        span.set_attribute("error.type", _status_name(failure.status))
        span.set_status(Status(StatusCode.ERROR, failure.details))
        return
    error = unwrap(error)
    span.set_status(Status(StatusCode.ERROR, type(error).__name__))
    _set_error_type(span, error)
    span.record_exception(error)


def _set_error_type(span: Any, error: BaseException) -> None:
    span.set_attribute("error.type", type(error).__qualname__)


def _status_name(number: int) -> str:
    import grpc

    names = {code.value[0]: code.name for code in grpc.StatusCode}
    return names.get(number, str(number))
