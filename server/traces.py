"""OpenTelemetry traces: a span for each request, each call of the database and each try of a webhook.

They are made where the packages of requirements-otel.txt are installed and OTEL_EXPORTER_OTLP_ENDPOINT is set, whose
other variables the SDK reads itself. Without them ``tracer()`` is None and nothing is paid for.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from server import TITLE, VERSION, ServerError

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"


class TracesError(ServerError):
    """Traces are asked for, and their packages are not installed."""


@cache
def tracer() -> Any:
    """The tracer of this process; None where nobody asks for traces. Raises TracesError."""
    if not os.environ.get(ENDPOINT):
        return None
    try:
        from opentelemetry import trace
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise TracesError(f"{ENDPOINT} is set: pip install -r requirements-otel.txt ({error}).") from None
    named = Resource.create({SERVICE_NAME: TITLE.lower(), SERVICE_VERSION: VERSION})
    provider = TracerProvider(resource=named)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    return trace.get_tracer("inventory")


@contextlib.contextmanager
def span(
    name: str, kind: str, attributes: Mapping[str, Any], carrier: Mapping[str, str] | None = None
) -> Iterator[Any]:
    """A span below the present one, or below the one that a request's ``carrier`` (its headers) names; None for none.

    ``kind``: SERVER or CLIENT.
    """
    found = tracer()
    if found is None:
        yield None
        return
    from opentelemetry.propagate import extract
    from opentelemetry.trace import SpanKind

    context = extract(carrier) if carrier is not None else None
    # A refusal is an answer, not a failure of the service: set_failed() says what is one.
    with found.start_as_current_span(
        name, context, SpanKind[kind], attributes, record_exception=False, set_status_on_exception=False
    ) as made:
        yield made


def set_failed(span: Any) -> None:
    """Mark a span as failed."""
    from opentelemetry.trace import StatusCode

    span.set_status(StatusCode.ERROR)


def inject(headers: dict[str, str]) -> None:
    """Add the present span to the headers of a request that is to be sent."""
    if tracer() is not None:
        from opentelemetry.propagate import inject as add

        add(headers)
