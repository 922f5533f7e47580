"""What the clients did, and what they were told: the one thing that the database is held to."""

from __future__ import annotations

import dataclasses
import enum
import math
import time
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import simplejson

ZERO = Decimal(0)

# Answers that decide nothing: the request may be sent again, and with its key must be.
PASSING = {"SERVICE_UNAVAILABLE", "OUTCOME_UNKNOWN", "IDEMPOTENCY_KEY_IN_USE"}


class Outcome(enum.Enum):
    """What is known of an operation. MAYBE: it has no key, and nobody can know. DOUBT: its key will say."""

    PENDING = "pending"
    ACKNOWLEDGED = "acknowledged"
    REFUSED = "refused"
    MAYBE = "maybe"
    DOUBT = "in doubt"


@dataclasses.dataclass(frozen=True)
class Effect:
    """The movement that an operation writes. ``product``: its id, or the UUID of API 1.

    ``on_hand`` None: what the database had booked decides, as of a count; then ``reference`` names it.
    """

    product: int | str
    kind: str
    on_hand: Decimal | None = ZERO
    reserved: Decimal = ZERO
    blocked: Decimal = ZERO
    reference: str | None = None


@dataclasses.dataclass
class Try:
    """One sending of a request. ``status`` None: no answer came, ``error`` says why."""

    server: int
    sent: float
    answered: float
    status: int | None
    error: str | None = None
    code: str | None = None

    @property
    def is_surely_undone(self) -> bool:
        """Whether the answer says that nothing was changed, or the request never left."""
        return (self.status == 503 and self.code == "SERVICE_UNAVAILABLE") or self.error == "not connected"


@dataclasses.dataclass(frozen=True)
class Want:
    """What a request needs of a product: so much available, so much at the place, so much reserved.

    ``counted``: what a count found at the place; it then needs what lies there above that.
    ``brings``: what the place has more afterwards, for the next order of the same request.
    """

    product: int
    available: Decimal = ZERO
    place: str | None = None
    held: Decimal = ZERO
    reserved: Decimal = ZERO
    counted: Decimal | None = None
    on_hand: Decimal | None = None  # expected
    brings: tuple[tuple[str, Decimal], ...] = ()


Told = Callable[[Any], list[Effect]]


@dataclasses.dataclass
class Operation:
    """A request with all its tries. ``about``: the product that it reads. ``wants``: what it needs, in its order."""

    client: str
    actor: str
    api: int
    name: str
    method: str
    path: str
    body: Any
    key: str | None
    is_repeatable: bool
    told: Told | None = None
    about: int | None = None
    wants: tuple[Want, ...] = ()
    tries: list[Try] = dataclasses.field(default_factory=list)
    outcome: Outcome = Outcome.PENDING
    status: int | None = None
    raw: bytes = b""
    answer: Any = None
    code: str | None = None
    effects: list[Effect] = dataclasses.field(default_factory=list)
    replays: list[str | None] = dataclasses.field(default_factory=list)
    was_in_doubt: bool = False
    twin: Try | None = None  # the same request, sent at the same time

    @property
    def is_write(self) -> bool:
        return self.method != "GET"

    @property
    def window(self) -> tuple[float, float]:
        """The instants between which its answer was decided. Without an answer there is no end."""
        answered = self.tries[-1].answered if self.status is not None else math.inf
        if not self.is_write or (self.key is None and self.outcome is Outcome.REFUSED):
            return self.tries[-1].sent, answered
        tries = [self.twin, *self.tries] if self.twin is not None else self.tries
        return next((t.sent for t in tries if not t.is_surely_undone), tries[-1].sent), answered

    def line(self) -> str:
        """For people: what it was and what became of it."""
        tries = ", ".join(str(t.status or t.error) for t in self.tries[-6:])
        body = simplejson.dumps(self.body, use_decimal=True) if self.body is not None else ""
        return f"{self.client} {self.method} {self.path} {body} key={self.key} -> {self.outcome.value} [{tries}]"

    def record(self) -> dict[str, Any]:
        return {
            "client": self.client,
            "actor": self.actor,
            "api": self.api,
            "name": self.name,
            "key": self.key,
            "method": self.method,
            "path": self.path,
            "body": self.body,
            "outcome": self.outcome.value,
            "status": self.status,
            "answer": self.answer,
            "tries": [dataclasses.asdict(t) for t in self.tries],
            "effects": [dataclasses.asdict(e) for e in self.effects],
        }


def code_of(answer: Any) -> str | None:
    """The code of an error, from where the API has it."""
    if not isinstance(answer, dict):
        return None
    for place in (answer, answer.get("error"), answer.get("detail")):
        if isinstance(place, dict):
            for name in ("code", "error_code"):
                if isinstance(place.get(name), str):
                    return str(place[name])
    return None


class History:
    """All operations, in the order in which they began."""

    def __init__(self) -> None:
        self.started = time.monotonic()
        self._offsets: list[tuple[float, float]] = []
        self.operations: list[Operation] = []
        self.violations: list[str] = []  # what a client saw with its own eyes

    def now(self) -> float:
        """Seconds since the run began, by a clock that nobody sets. Notes what the wall clock says now and then."""
        now = time.monotonic() - self.started
        if not self._offsets or now > self._offsets[-1][0] + 1:
            self._offsets.append((now, time.time() - now))
        return now

    def instant(self, wall: datetime) -> float:
        """The instant in seconds since the run began that the database's clock calls ``wall``."""
        offset = self._offsets[0][1]
        for began, each in self._offsets:
            if wall.timestamp() - each < began:
                break
            offset = each
        return wall.timestamp() - offset

    def write(self, path: Path) -> None:
        with path.open("w") as file:
            for operation in self.operations:
                file.write(simplejson.dumps(operation.record(), use_decimal=True) + "\n")
