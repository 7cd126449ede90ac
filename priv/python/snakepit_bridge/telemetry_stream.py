"""Sends the events of this worker to the runtime, and hears from it which it wants."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from .gen import snakepit_bridge_pb2 as pb2
from .telemetry_outbox import Controls, Event, Outbox, patterns_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

# How long the first word of the runtime is waited for, before events are sent that it may not want.
FIRST_WORD_SECONDS = 1.0
_BATCH = 64


async def stream_events(
    outbox: Outbox, requests: AsyncIterator[pb2.TelemetryControl]
) -> AsyncIterator[pb2.TelemetryEvent]:
    """Events as they come, until the worker stops or another stream takes this one's place."""
    loop = asyncio.get_running_loop()
    told = asyncio.Event()
    listening = loop.create_task(_listen(outbox, requests, told))
    news = outbox.attach(loop)
    try:
        await _wait_at_most(told, FIRST_WORD_SECONDS)
        while outbox.is_attached(news):
            events = outbox.take(_BATCH)
            for event in events:
                yield _to_proto(event)
            if outbox.is_closed and not events:
                return
            await outbox.wait(news)
    finally:
        outbox.detach(news)
        listening.cancel()


async def _listen(
    outbox: Outbox, requests: AsyncIterator[pb2.TelemetryControl], told: asyncio.Event
) -> None:
    async for request in requests:
        _obey(outbox, request)
        # The switch comes last.
        if request.HasField("toggle"):
            told.set()


def _obey(outbox: Outbox, request: pb2.TelemetryControl) -> None:
    kind = request.WhichOneof("control")

    def change(controls: Controls) -> Controls:
        if kind == "toggle":
            return controls._replace(enabled=request.toggle.enabled)
        if kind == "sampling":
            sampling = request.sampling
            patterns = patterns_of(sampling.event_patterns) or ("*",)
            return controls._replace(rate=sampling.sampling_rate, patterns=patterns)
        if kind == "filter":
            names = request.filter
            return controls._replace(allow=patterns_of(names.allow), deny=patterns_of(names.deny))
        return controls

    outbox.control(change)


async def _wait_at_most(event: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except asyncio.TimeoutError:
        return


def _to_proto(event: Event) -> pb2.TelemetryEvent:
    message: Any = pb2.TelemetryEvent(
        event_parts=event.name.split("."),
        metadata=event.metadata,
        timestamp_ns=event.timestamp_ns,
        correlation_id=event.correlation_id,
    )
    for name, value in event.measurements.items():
        if isinstance(value, int):
            message.measurements[name].int_value = value
        else:
            message.measurements[name].float_value = value
    return message  # type: ignore[no-any-return]
