"""Events of this worker for the runtime, where they arrive on the bus `system.telemetry`.

    from snakepit_bridge import telemetry

    telemetry.emit("cache.hit", {"count": 1}, {"cache": "embeddings"})
    with telemetry.span("model.predict", {"model": "small"}):
        ...

Any thread may do this, at any time, in a signal handler or a callback of the garbage collector, too:
what comes before the runtime takes events is kept, and of too many the oldest are dropped and counted.
Nothing here ever waits for the runtime.
"""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from .telemetry_outbox import Outbox

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

outbox = Outbox()
"""Where the events of this process wait. There is one, because a process is one worker."""
if hasattr(os, "register_at_fork"):
    # Another thread may have been at it, which is not there any more.
    os.register_at_fork(after_in_child=outbox.abandon)

_correlation: ContextVar[str] = ContextVar("snakepit_correlation_id", default="")


def emit(
    name: str,
    measurements: Mapping[str, Any] | None = None,
    metadata: Mapping[str, Any] | None = None,
    *,
    correlation_id: str = "",
) -> None:
    """Tells the runtime of something that has happened.

    `name` is dotted. `measurements` are numbers; `metadata` are texts, and what else says itself in one:
    numbers, True, False, None. Of all other values only the type is told. `correlation_id` says to
    which call it belongs; by default it is that of the call that it is emitted in, which is the id of
    its trace if the caller gave no other (in a thread that the tool made itself there is none). Raises TypeError for a name that is no text.
    """
    outbox.offer(name, measurements, metadata, correlation_id or _correlation.get())


@contextmanager
def span(
    name: str, metadata: Mapping[str, Any] | None = None, *, correlation_id: str = ""
) -> Iterator[None]:
    """Tells of a piece of work: `name.start`, then `name.stop`, or `name.exception` when it raises,
    both with `duration_ms`. Also a decorator of functions that are neither `async` nor generators: those
    only begin when they are called, so put the `with` into them."""
    about = dict(metadata or ())
    emit(f"{name}.start", {"count": 1}, about, correlation_id=correlation_id)
    began = time.perf_counter()
    try:
        yield
    except BaseException as error:
        about["error_type"] = type(error).__name__
        emit(f"{name}.exception", _took(began), about, correlation_id=correlation_id)
        raise
    emit(f"{name}.stop", _took(began), about, correlation_id=correlation_id)


def tell_raised(tool: str, error: BaseException, request: Mapping[str, str] | None) -> None:
    """A tool has raised. Neither its message nor its arguments: they may be secrets."""
    about = {"tool": tool, "error_type": type(error).__name__}
    # Not the one of the context: that may be of a call that was run before.
    outbox.offer("tool.execution.exception", {"count": 1}, about, _id_of(request or {}))


def is_foreign(request: Mapping[str, str]) -> bool:
    """Whether the current context is not that of the call with this metadata."""
    return _id_of(request) != _correlation.get()


@contextmanager
def correlated(request: Mapping[str, str]) -> Iterator[None]:
    """While it lasts, events belong to the call with this metadata; also in all Tasks and jobs that are
    begun here."""
    token = _correlation.set(_id_of(request))
    try:
        yield
    finally:
        _correlation.reset(token)


def _id_of(request: Mapping[str, str]) -> str:
    """What the caller says, or the id of its trace (W3C: version, trace, span, flags)."""
    given = request.get("correlation_id", "")
    if given:
        return given
    parts = request.get("traceparent", "").split("-")
    return parts[1] if len(parts) == 4 else ""


def _took(began: float) -> dict[str, float]:
    return {"duration_ms": (time.perf_counter() - began) * 1000}
