"""What /metrics shows. A request costs a few additions; the families are made when somebody asks."""

from __future__ import annotations

import logging
import platform
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from prometheus_client import (
    CollectorRegistry,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from pgcalls import Histogram
from server import VERSION
from server.database.calls import Database
from server.database.standbys import Standbys
from server.http.guard import Drain
from server.http.rate_limits import Limits
from server.webhooks.sender import Sender

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER = "other"  # the one label of all methods that are not in METHODS
BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
FIGURES = {
    "webhook_due": "Deliveries that are due; 10001: more than 10000.",
    "webhook_oldest_seconds": "Seconds that the first of them has been due.",
    "blocks_unswept_seconds": "Seconds that the block that expired first waits to be ended.",
    "feed_delay_seconds": "Seconds that the first change waits that the change feed does not show yet.",
    "backends": "Connections of PostgreSQL that are in use.",
    "backends_limit": "How many of them there may be.",
    "verify_differences": "Differences that the last verify() found.",
    "verify_seconds": "Seconds since it ended.",
}
_STATES = {"ok": 0, "warning": 1, "failed": 2}

log = logging.getLogger("server.ready")


class Series:
    """The requests of one method and route."""

    __slots__ = ("_by_status", "_created", "_seconds")

    def __init__(self) -> None:
        self._created = time.time()
        self._by_status: defaultdict[int, int] = defaultdict(int)
        self._seconds = Histogram(BOUNDS)

    def expect(self, status: int) -> None:
        """Show this status from the start, as 0: in rate() the step from no sample to the first one is none."""
        self._by_status[status] = 0

    def observe(self, status: int, seconds: float) -> None:
        self._by_status[status] += 1
        self._seconds.observe(seconds)

    def add_to(self, requests: Metric, times: HistogramMetricFamily, labels: dict[str, str]) -> None:
        """Add the samples to the two families."""
        for status, count in self._by_status.items():
            with_status = labels | {"status": str(status)}
            requests.add_sample("inventory_http_requests_total", with_status, count)
            requests.add_sample("inventory_http_requests_created", with_status, self._created)
        if any(self._seconds.counts):
            times.add_metric(list(labels.values()), self._seconds.buckets(), self._seconds.sum)
            times.add_sample("inventory_http_request_seconds_created", labels, self._created)


class ByMethod(dict[str, Series]):
    """A route's series by method, each made when it is first asked for."""

    def __missing__(self, method: str) -> Series:
        if method not in METHODS:
            return self[OTHER] if method != OTHER else self._new(OTHER)
        return self._new(method)

    def _new(self, method: str) -> Series:
        series = self[method] = Series()
        return series


class Metrics:
    """Requests, calls of the database, refusals, webhooks, readiness, and the process itself."""

    def __init__(
        self,
        database: Database,
        limits: Limits,
        drain: Drain,
        sender: Sender,
        malformed: Mapping[str, int],
        *,
        standbys: Standbys | None,
    ) -> None:
        self._database = database
        self._standbys = standbys.standbys if standbys is not None else []
        self._limits = limits
        self._drain = drain
        self._sender = sender
        self._by_route: defaultdict[str, ByMethod] = defaultdict(ByMethod)
        self._checks: dict[str, str] = {}
        self.figures: dict[str, Any] = {}
        """What http.figures() said last."""
        self._malformed = malformed
        self.registry = CollectorRegistry()
        self.registry.register(self)
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)

    def of(self, route: str) -> ByMethod:
        """The counters of a route, by method."""
        return self._by_route[route]

    def checked(self, checks: dict[str, str]) -> None:
        """Keep the checks' states of now, and log those that have changed."""
        for name, state in checks.items():
            if state != self._checks.get(name, "ok"):
                log.log(logging.INFO if state == "ok" else logging.WARNING, "%s: %s", name, state)
        self._checks = checks

    def text(self) -> bytes:
        """All of the registry, in Prometheus' text format."""
        return generate_latest(self.registry)

    def collect(self) -> Iterable[Metric]:
        yield from self._requests()
        yield from self._queues()
        refused = CounterMetricFamily(
            "inventory_http_requests_rate_limited", "Requests refused by a rate limit.", labels=["limit"]
        )
        for name, count in self._limits.refused().items():
            refused.add_metric([name], count)
        yield refused
        tries = CounterMetricFamily("inventory_webhook_tries", "Tries to deliver an event.", labels=["outcome"])
        for label, count in self._sender.tries.items():
            tries.add_metric([label], count)
        yield tries
        checks = GaugeMetricFamily(
            "inventory_check", "What /ready checks: 0 ok, 1 a warning, 2 a failure.", labels=["check"]
        )
        for name, state in self._checks.items():
            checks.add_metric([name], _STATES[state.partition(":")[0]])
        yield checks
        yield from self._figures()
        yield from self._of_standbys()
        build = GaugeMetricFamily("inventory_build_info", "The version that runs.", labels=["version", "python"])
        build.add_metric([VERSION, platform.python_version()], 1)
        yield build

    def _of_standbys(self) -> Iterable[Metric]:
        is_there = GaugeMetricFamily(
            "inventory_standby", "Whether a standby of DATABASE_READ_URL is there: 1 or 0.", labels=["standby"]
        )
        reads = CounterMetricFamily("inventory_standby_reads", "Reads that a standby has answered.", labels=["standby"])
        for standby in self._standbys:
            is_there.add_metric([standby.name], int(standby.at is not None))
            reads.add_metric([standby.name], standby.reads)
        return [is_there, reads]

    def _requests(self) -> Iterable[Metric]:
        labels = ["method", "route"]
        requests = CounterMetricFamily("inventory_http_requests", "Requests answered.")
        times = HistogramMetricFamily("inventory_http_request_seconds", "Time to answer a request.", labels=labels)
        for route, by_method in self._by_route.items():
            for method, series in by_method.items():
                series.add_to(requests, times, {"method": method, "route": route})
        yield requests
        yield times
        yield GaugeMetricFamily("inventory_http_requests_in_progress", "Requests under way.", self._drain.count)
        malformed = CounterMetricFamily(
            "inventory_http_requests_malformed", "Requests that the parser of HTTP refused.", labels=["code"]
        )
        for code, count in self._malformed.items():
            malformed.add_metric([code], count)
        yield malformed

    def _figures(self) -> Iterable[Metric]:
        for name, text in FIGURES.items():
            if (figure := self.figures.get(name)) is not None:
                yield GaugeMetricFamily(f"inventory_{name}", text, figure)
        jobs = GaugeMetricFamily("inventory_job_seconds", "Seconds since a job ran or was scheduled.", labels=["job"])
        for job, seconds in self.figures.get("job_seconds", {}).items():
            if seconds is not None:
                jobs.add_metric([job], seconds)
        yield jobs

    def _queues(self) -> Iterable[Metric]:
        labels = ["role", "queue"]

        def gauge(name: str, text: str) -> GaugeMetricFamily:
            return GaugeMetricFamily(f"inventory_db_{name}", text, labels=labels)

        def counter(name: str, text: str, *more: str) -> CounterMetricFamily:
            return CounterMetricFamily(f"inventory_db_{name}", text, labels=[*labels, *more])

        def histogram(name: str, text: str) -> HistogramMetricFamily:
            return HistogramMetricFamily(f"inventory_db_{name}", text, labels=labels)

        opened = gauge("connections", "Open connections.")
        waiting = gauge("waiting", "Calls that wait for a connection.")
        refused = counter("calls_refused", "Calls that were not made, by the reason.", "reason")
        counters = {
            "unknown": counter("calls_unknown", "Calls of which it is not known whether they were made."),
            "handed_back": counter("calls_handed_back", "Calls that a batch could not wait for."),
            "retried": counter("calls_retried", "Calls made again after a conflict."),
            "lost": counter("connections_lost", "Connections that ended under a call."),
        }
        histograms = {
            "waited": histogram("queue_seconds", "Time that a call waited for a connection."),
            "took": histogram("call_seconds", "Time from sending calls to their last result."),
            "widths": histogram("batch_calls", "Calls that were sent together."),
        }
        for names, queue in self._database.queues().items():
            opened.add_metric(names, queue.open)
            waiting.add_metric(names, queue.waiting)
            for reason, count in queue.stats.refused.items():
                refused.add_metric([*names, reason], count)
            for name, family in counters.items():
                family.add_metric(names, getattr(queue.stats, name))
            for name, times in histograms.items():
                values: Histogram = getattr(queue.stats, name)
                times.add_metric(names, values.buckets(), values.sum)
        return [opened, waiting, refused, *counters.values(), *histograms.values()]
