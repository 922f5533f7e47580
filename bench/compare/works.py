"""The works that are measured, the marks, and the sizes that all of it shares."""

from __future__ import annotations

import dataclasses

PRODUCTS = 100_000
ONE = 4711  # the product of the work on one product
SALE_QUANTITY = 3  # of layers of 7, 7 and many: some sales take of two layers
CONNECTIONS = (1, 32, 128, 512)
# Where the marks are.
MANY_CONNECTIONS, MOST_CONNECTIONS = 128, 512

# By work, how many movements each writes.
WRITES = {"reserve-many": 1, "reserve-one": 1, "block-convert": 2, "sale": 1}
WORKS = {
    "read": "Read a product's stock",
    "reserve-many": "Reserve, over many products",
    "reserve-one": "Reserve, on one product",
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
    """The subject in words; of `service-2` with its two workers."""
    name, _, workers = subject.partition("-")
    return f"{SUBJECTS[name]}, {workers} workers" if workers else SUBJECTS[name]


@dataclasses.dataclass(frozen=True)
class Mark:
    """Wanted: at least ``ratio`` times what ``over`` does, at ``connections``."""

    work: str
    over: str
    ratio: float
    connections: int = MANY_CONNECTIONS


@dataclasses.dataclass(frozen=True)
class LatencyMark:
    """Wanted: p99 under ``milliseconds``, at ``connections``."""

    work: str
    milliseconds: float
    connections: int = MOST_CONNECTIONS


RATIO_MARKS = (
    Mark("read", "bare", 0.85),
    Mark("read", "fastapi", 12),
    Mark("read", "django", 12),
    Mark("read", "postgraphile", 3),
    Mark("reserve-many", "pgbench", 1.2),
    Mark("reserve-many", "fastapi", 15),
    Mark("reserve-many", "django", 15),
    Mark("reserve-many", "postgraphile", 5),
    Mark("reserve-one", "pgbench", 6),
    Mark("reserve-one", "fastapi", 25),
    Mark("reserve-one", "django", 25),
    Mark("reserve-one", "postgraphile", 5),
    # At one connection no slower than the plain call by more than 5 %.
    *(
        Mark(work, over, 0.95, connections=1)
        for over in ("plain", "baseline")
        for work in ("read", "reserve-many", "reserve-one")
    ),
)
LATENCY_MARKS = (LatencyMark("reserve-one", 60),)


def is_for_a_mark(work: str, subject: str, connections: int) -> bool:
    """Whether a mark asks for it, or for what it is compared with."""
    kind = subject.partition("-")[0]
    wanted = {(mark.work, mark.connections, name) for mark in RATIO_MARKS for name in ("service", mark.over)}
    wanted |= {(mark.work, mark.connections, "service") for mark in LATENCY_MARKS}
    return (work, connections, kind) in wanted
