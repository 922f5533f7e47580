"""What the clients did, and what they were told: the one thing that the database is held to."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Callable
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


Told = Callable[[Any], list[Effect]]


@dataclasses.dataclass
class Operation:
    """A request with all its tries. ``rows``: (table, id) of what the answer says was made."""

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
    tries: list[Try] = dataclasses.field(default_factory=list)
    outcome: Outcome = Outcome.PENDING
    status: int | None = None
    raw: bytes = b""
    answer: Any = None
    code: str | None = None
    effects: list[Effect] = dataclasses.field(default_factory=list)
    replays: list[str | None] = dataclasses.field(default_factory=list)
    was_in_doubt: bool = False
    is_twin: bool = False  # sent twice at once

    @property
    def is_write(self) -> bool:
        return self.method != "GET"

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
        self.operations: list[Operation] = []
        self.violations: list[str] = []  # what a client saw with its own eyes

    def write(self, path: Path) -> None:
        with path.open("w") as file:
            for operation in self.operations:
                file.write(simplejson.dumps(operation.record(), use_decimal=True) + "\n")
