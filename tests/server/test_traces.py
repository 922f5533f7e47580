"""OpenTelemetry: spans of requests, calls and webhooks, sent to a collector that takes them over HTTP."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from server import traces
from tests.conftest import PATIENCE, SECRET_KEY, Database
from tests.process import ROOT

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Collector(ThreadingHTTPServer):
    """Keeps the spans that it is sent, and the traceparent of each webhook."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.parents: list[str | None] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/hook":
            self.server.parents.append(self.headers["traceparent"])
        else:
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                self.server.spans += [span for scope in resource.scope_spans for span in scope.spans]
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as collector:
        threading.Thread(target=collector.serve_forever, daemon=True).start()
        yield collector
        collector.shutdown()


def test_a_request_its_call_and_a_webhook_are_spans(database: Database, collector: Collector) -> None:
    product = database.product(quantity=5)
    database.one("select id from inventory.create_webhook(%s, '{inflow.created}')", f"{collector.url}/hook")
    environment = {
        **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
        "ENV_FILE": str(ROOT / ".env.dev"),
        "DATABASE_URL": database.conninfo,
        "DATABASE_ROLE_PASSWORD": "",
        "SECRET_KEY": SECRET_KEY,
        "PORT": "0",
        "LOG_FORMAT": "text",
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "OTEL_BSP_SCHEDULE_DELAY": "100",
    }
    with subprocess.Popen(
        [sys.executable, "-m", "server"], cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        try:
            url = next(line.split()[-1] for line in process.stderr if "serving on" in line)
            headers = {"traceparent": PARENT, "X-Request-Id": "traced-17"}
            answer = httpx.get(f"{url}/api/v1/inventory/{product}", headers=headers, timeout=PATIENCE)
            assert answer.status_code == 200
            database.one("select inventory.queue_events('inflow.created', array['{}'::json], array[inventory.clock()])")
            database.wait_for(lambda: collector.parents)
            names = ("GET /api/v1/inventory/{id}", "http.get_inventory_item", "webhook")
            database.wait_for(lambda: {span.name for span in collector.spans} >= set(names))
        finally:
            process.send_signal(signal.SIGTERM)
    request, call, hook = (next(s for s in collector.spans if s.name == name) for name in names)
    _, trace, parent, _ = PARENT.split("-")
    assert (request.trace_id.hex(), request.parent_span_id.hex()) == (trace, parent)
    assert (call.trace_id, call.parent_span_id) == (request.trace_id, request.span_id)
    attributes = {each.key: each.value.string_value or each.value.int_value for each in request.attributes}
    assert (attributes["request.id"], attributes["http.response.status_code"]) == ("traced-17", 200)
    assert str(collector.parents[0]).startswith(f"00-{hook.trace_id.hex()}-{hook.span_id.hex()}-")


def test_traces_that_nobody_asks_for_cost_nothing_and_packages_that_lack_are_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(traces.ENDPOINT, raising=False)
    traces.tracer.cache_clear()
    with traces.span("x", "SERVER", {}) as span:
        assert span is None
    traces.tracer.cache_clear()
    monkeypatch.setenv(traces.ENDPOINT, "http://127.0.0.1:1")
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(traces.TracesError, match=r"requirements-otel\.txt"):
        traces.tracer()
    traces.tracer.cache_clear()
