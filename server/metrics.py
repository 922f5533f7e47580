"""What /metrics shows. A request costs three additions and a search among 14 bounds; the rest is done when asked."""

from __future__ import annotations

import asyncio
import bisect
import contextlib
import logging
import time
from collections import defaultdict

from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from server.caller import Caller
from server.limits import Limits

BOUNDS = Histogram.DEFAULT_BUCKETS[:-1]  # seconds, without infinity
_BUCKETS = (*map(str, BOUNDS), "+Inf")
_STATES = {"ok": 0, "warning": 1, "failed": 2}

log = logging.getLogger("server.ready")


class Drain:
    """Counts the requests under way, so that a stop can wait for them. ``count`` is the handlers' to change."""

    def __init__(self) -> None:
        self.is_stopping = False
        self.count = 0
        self._is_empty = asyncio.Event()

    def ended(self) -> None:
        """To be called when a request has ended while ``is_stopping``."""
        if self.count == 0:
            self._is_empty.set()

    async def wait(self, seconds: float) -> None:
        """From now on answers close their connections; return when no request is under way, or the time is over."""
        self.is_stopping = True
        self.ended()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._is_empty.wait()


class Series:
    """The requests of one method and route."""

    __slots__ = ("_by_bucket", "_by_status", "_created", "_seconds")

    def __init__(self) -> None:
        self._created = time.time()
        self._by_status: defaultdict[int, int] = defaultdict(int)
        self._by_bucket = [0] * len(_BUCKETS)
        self._seconds = 0.0

    def observe(self, status: int, seconds: float) -> None:
        self._by_status[status] += 1
        self._by_bucket[bisect.bisect_left(BOUNDS, seconds)] += 1
        self._seconds += seconds

    def add_to(self, requests: Metric, times: Metric, labels: dict[str, str]) -> None:
        """Add the samples to the two families, buckets cumulated."""
        for status, count in self._by_status.items():
            with_status = labels | {"status": str(status)}
            requests.add_sample("inventory_http_requests_total", with_status, count)
            requests.add_sample("inventory_http_requests_created", with_status, self._created)
        count = 0
        for bound, in_bucket in zip(_BUCKETS, self._by_bucket, strict=True):
            count += in_bucket
            times.add_sample("inventory_http_request_seconds_bucket", labels | {"le": bound}, count)
        times.add_sample("inventory_http_request_seconds_count", labels, count)
        times.add_sample("inventory_http_request_seconds_sum", labels, self._seconds)
        times.add_sample("inventory_http_request_seconds_created", labels, self._created)


class ByMethod(dict[str, Series]):
    """A route's series by method, each made when it is first asked for."""

    def __missing__(self, method: str) -> Series:
        series = self[method] = Series()
        return series


class Metrics:
    """Requests by route and status, their time, how many are under way, refusals, the lanes, readiness."""

    def __init__(self, caller: Caller, limits: Limits, drain: Drain) -> None:
        self._caller = caller
        self._limits = limits
        self._drain = drain
        self._by_route: defaultdict[str, ByMethod] = defaultdict(ByMethod)
        self._checks: dict[str, str] = {}
        self.registry = CollectorRegistry()
        self.registry.register(self)

    def of(self, route: str) -> ByMethod:
        return self._by_route[route]

    def checked(self, checks: dict[str, str]) -> None:
        """Keep what /ready says now, and log what it did not say the last time."""
        for name, state in checks.items():
            if state != self._checks.get(name, "ok"):
                log.log(logging.INFO if state == "ok" else logging.WARNING, "%s: %s", name, state)
        self._checks = checks

    def text(self) -> bytes:
        """All of the registry, in Prometheus' text format."""
        return generate_latest(self.registry)

    def collect(self) -> list[Metric]:
        requests = CounterMetricFamily("inventory_http_requests", "Requests answered.")
        times = HistogramMetricFamily("inventory_http_request_seconds", "Time to answer a request.")
        for route, by_method in self._by_route.items():
            for method, series in by_method.items():
                series.add_to(requests, times, {"method": method, "route": route})
        under_way = GaugeMetricFamily("inventory_http_requests_in_progress", "Requests under way.", self._drain.count)
        opened = GaugeMetricFamily("inventory_db_connections", "Open connections.", labels=["role", "lane"])
        waiting = GaugeMetricFamily(
            "inventory_db_waiting", "Calls that wait for a connection.", labels=["role", "lane"]
        )
        for labels, lane in self._caller.lanes().items():
            opened.add_metric(labels, lane.open)
            waiting.add_metric(labels, lane.waiting)
        refused = CounterMetricFamily(
            "inventory_http_requests_rate_limited", "Requests refused by a rate limit.", labels=["limit"]
        )
        for name, count in self._limits.refused().items():
            refused.add_metric([name], count)
        checks = GaugeMetricFamily(
            "inventory_check", "What /ready said last: 0 ok, 1 a warning, 2 a failure.", labels=["check"]
        )
        for name, state in self._checks.items():
            checks.add_metric([name], _STATES[state.partition(":")[0]])
        return [requests, times, under_way, opened, waiting, refused, checks]
