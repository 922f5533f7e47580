"""The workloads ("works") that are measured, the targets ("marks"), and the sizes that all modules use."""

from __future__ import annotations

import dataclasses

PRODUCTS = 100_000
ONE = 4711  # the product of the workload on one product
SOLD_OUT = PRODUCTS + 1  # not among the random products; all its units are reserved before the first measurement
SOLD_OUT_UNITS = 100_000_014
SALE_QUANTITY = 3  # the first layers have 7 units each, so that some sales use two layers
CONNECTIONS = (1, 32, 128, 512)
# The numbers of clients that are tried with pgbench. For each workload it uses the one with the highest throughput.
CLIENTS = (1, 2, 4, 8, 16, 32)
# The numbers of connections that have targets.
MANY_CONNECTIONS, MOST_CONNECTIONS = 128, 512

# The number of movements that one unit of each workload writes.
WRITES = {"reserve-many": 1, "reserve-one": 1, "keyed": 1, "block-convert": 2, "sale": 1}
WORKS = {
    "read": "Read a product's stock",
    "reserve-many": "Reserve, over many products",
    "reserve-one": "Reserve, on one product",
    "keyed": "Reserve, over many products, an Idempotency-Key each",
    "sold-out": "Reserve, on one product, sold out: all refused",
    "block-convert": "Block, then convert",
    "sale": "Sale, first in first out",
    "page": "A page of a list: 20 products and their count",
}

SUBJECTS = {
    "service": "this service",
    "pgbench": "pgbench, the same functions",
    "bare": "bare aiohttp, constant answer",
    "plain": "aiohttp and psycopg, a call a request",
    "fastapi": "FastAPI and SQLAlchemy 2",
    "django": "Django REST framework",
    "postgraphile": "PostGraphile, the same functions",
    "baseline": "this service, another revision",
}


def label(subject: str) -> str:
    """Returns the subject's label. `service-2` is the service with two workers."""
    name, _, workers = subject.partition("-")
    return f"{SUBJECTS[name]}, {workers} workers" if workers else SUBJECTS[name]


@dataclasses.dataclass(frozen=True)
class Mark:
    """A target: the service has at least ``ratio`` times the throughput of ``over``, with ``connections``.

    ``over_work``: the workload of the other one, if it is not the same.
    """

    work: str
    over: str
    ratio: float
    connections: int = MANY_CONNECTIONS
    over_work: str = ""

    @property
    def other_work(self) -> str:
        """The workload of the other one. For the bare handler it is a GET with a constant answer."""
        return self.over_work or (self.work if self.over != "bare" or self.work == "page" else "read")


@dataclasses.dataclass(frozen=True)
class LatencyMark:
    """A target: the p99 is under ``milliseconds``, with ``connections``."""

    work: str
    milliseconds: float
    connections: int = MOST_CONNECTIONS


RATIO_MARKS = (
    *(
        Mark(work, "bare", ratio)
        for work, ratio in {
            "read": 0.62,
            "reserve-many": 0.58,
            "reserve-one": 0.58,
            "sold-out": 0.5,
            "block-convert": 0.2,
            "sale": 0.2,
            "page": 0.1,
        }.items()
    ),
    Mark("keyed", "service", 0.75, over_work="reserve-many"),
    *(
        Mark(work, "fastapi", ratio)
        for work, ratio in {
            "read": 12,
            "reserve-many": 24,
            "reserve-one": 42,
            "block-convert": 18,
            "sale": 14,
            "page": 10,
        }.items()
    ),
    Mark("read", "django", 12),
    Mark("reserve-many", "django", 15),
    Mark("reserve-one", "django", 25),
    Mark("read", "postgraphile", 3),
    Mark("reserve-many", "postgraphile", 5),
    Mark("reserve-one", "postgraphile", 5),
    # With one connection, the service may be at most 5 % slower.
    *(
        Mark(work, over, 0.95, connections=1)
        for over in ("plain", "baseline")
        for work in ("read", "reserve-many", "reserve-one")
    ),
)
LATENCY_MARKS = (LatencyMark("reserve-one", 60),)


def is_for_a_mark(work: str, subject: str, connections: int) -> bool:
    """Whether a target needs this measurement. pgbench and another revision are measured next to the service."""
    kind = subject.partition("-")[0]
    wanted = {(mark.other_work, mark.connections, mark.over) for mark in RATIO_MARKS}
    wanted |= {(m.work, m.connections, name) for m in RATIO_MARKS for name in ("service", "pgbench", "baseline")}
    wanted |= {(m.work, m.connections, name) for m in LATENCY_MARKS for name in ("service", "baseline")}
    return (work, connections, kind) in wanted
