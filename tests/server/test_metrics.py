"""What counts requests says the same as the library's own Counter and Histogram, to the byte."""

from __future__ import annotations

import asyncio

import pytest
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from pgcalls import Limits as QueueLimits
from server.database.calls import Database
from server.http.guard import Drain
from server.http.rate_limits import Limits
from server.operation.metrics import BOUNDS, Metrics
from server.settings import Settings
from server.webhooks.sender import Sender
from tests.server.conftest import play

NOW = 1_800_000_000.5
OBSERVED = [
    ("GET", "/sku/{sku_id}", 200, 0.0),
    ("GET", "/sku/{sku_id}", 404, 0.0049),
    ("POST", "/sku", 422, 0.3),
    *(("GET", "/ready", 200, bound) for bound in BOUNDS),
    *(("GET", "/ready", 503, bound + 1e-9) for bound in BOUNDS),
    ("HEAD", '/a"b\\c', 200, 1e6),
]


def test_requests_and_times_are_shown_as_the_library_shows_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: NOW)
    expected = CollectorRegistry()
    requests = Counter(
        "inventory_http_requests", "Requests answered.", ["method", "route", "status"], registry=expected
    )
    times = Histogram(
        "inventory_http_request_seconds", "Time to answer a request.", ["method", "route"], registry=expected
    )
    queues = Database("", None, QueueLimits(1, 1, 1))
    found = Metrics(queues, Limits(Settings()), Drain(), Sender(queues), {}, standbys=None)
    for method, route, status, seconds in OBSERVED:
        requests.labels(method, route, status).inc()
        times.labels(method, route).observe(seconds)
        found.of(route)[method].observe(status, seconds)
    lines = found.text().splitlines()
    assert set(generate_latest(expected).splitlines()) <= set(lines)
    assert len(lines) == len(set(lines))
    assert {line for line in lines if b"route=" in line} <= set(generate_latest(expected).splitlines())


def test_a_stop_waits_for_the_last_request() -> None:
    async def scenario() -> None:
        drain = Drain()
        for _ in range(2):
            drain.began()
        stop = asyncio.create_task(drain.wait(60))
        for _ in range(2):
            await asyncio.sleep(0)
            assert drain.is_stopping
            assert not stop.done()
            drain.ended()
        await stop
        await Drain().wait(60)

    play(scenario())
