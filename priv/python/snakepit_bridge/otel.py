"""Sends the spans of a worker to an OpenTelemetry collector.

    from snakepit_bridge import otel

    otel.setup()

Called in the module of an adapter. Needs the packages `opentelemetry-sdk` and
`opentelemetry-exporter-otlp-proto-http`. An adapter that sets up an SDK by itself does not need this.
"""

from __future__ import annotations

import os
from typing import Any


def setup(service_name: str = "snakepit-worker") -> Any:
    """Registers a tracer provider that sends spans by OTLP over HTTP, and returns it; the one that is
    registered already, if there is one. Where to, and all else, is read from `OTEL_*` as everywhere. At the
    end of the worker what is left is sent, as far as that takes no longer than two seconds."""
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    known = trace.get_tracer_provider()
    if isinstance(known, TracerProvider):
        return known
    facts = {"service.instance.id": os.environ.get("SNAKEPIT_WORKER", "") or str(os.getpid())}
    if "OTEL_SERVICE_NAME" not in os.environ:
        facts["service.name"] = service_name
    provider = TracerProvider(resource=Resource.create(facts))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    return provider
