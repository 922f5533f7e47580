"""Records what the clients sent and what they were answered. The checks compare it with the database."""

from __future__ import annotations

import bisect
import dataclasses
import enum
import math
import time
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import aiohttp
import simplejson

ZERO = Decimal(0)

# After these errors the outcome is open. The request may be sent again; if it has a key, it must be.
PASSING = {"SERVICE_UNAVAILABLE", "OUTCOME_UNKNOWN", "IDEMPOTENCY_KEY_IN_USE"}


class Outcome(enum.Enum):
    """What is known about an operation.

    MAYBE: nobody can know, because the request has no key. DOUBT: sending its key again will tell.
    """

    PENDING = "pending"
    ACKNOWLEDGED = "acknowledged"
    REFUSED = "refused"
    MAYBE = "maybe"
    DOUBT = "in doubt"


@dataclasses.dataclass(frozen=True)
class Effect:
    """The movement that an operation writes. ``product`` is the product's id, or its UUID in API 1.

    ``on_hand`` is None if it depends on the balance in the database, as in a count; ``reference`` then identifies it.
    """

    product: int | str
    kind: str
    on_hand: Decimal | None = ZERO
    reserved: Decimal = ZERO
    blocked: Decimal = ZERO
    reference: str | None = None


@dataclasses.dataclass
class Try:
    """One attempt to send a request. If ``status`` is None, no answer came, and ``error`` says why.

    ``since``: of a read that a standby may answer, which must show what there was then, or later.
    """

    server: int
    sent: float
    answered: float
    status: int | None
    error: str | None = None
    code: str | None = None
    since: float | None = None

    @property
    def is_surely_undone(self) -> bool:
        """Whether nothing was changed for sure: the answer says so, or the request was never sent."""
        return (self.status == 503 and self.code == "SERVICE_UNAVAILABLE") or self.error == "not connected"


@dataclasses.dataclass(frozen=True)
class Want:
    """The quantities of a product that a request needs, without which it may be refused.

    ``available`` and ``reserved``: in the product's balances. ``held``: at the location ``place``.
    ``counted``: the quantity that a count found at ``place``; the surplus there must then be available.
    ``on_hand``: the quantity that the request expects. ``brings``: how the request changes the quantity at locations,
    which matters to the next order in it.
    """

    product: int
    available: Decimal = ZERO
    place: str | None = None
    held: Decimal = ZERO
    reserved: Decimal = ZERO
    counted: Decimal | None = None
    on_hand: Decimal | None = None
    brings: tuple[tuple[str, Decimal], ...] = ()


Told = Callable[[Any], list[Effect]]


@dataclasses.dataclass
class Operation:
    """A request with all its attempts. ``about``: the product that it reads. ``wants``: its needs, in its order.

    ``told`` makes the effects from a successful answer.
    """

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
    def owner(self) -> str:
        """Whose cart it is about."""
        return unquote(self.path.split("/")[2]) if self.path.startswith("/holds/") else ""

    @property
    def is_write(self) -> bool:
        return self.method != "GET"

    @property
    def is_anywhere(self) -> bool:
        """Whether a standby may have answered it."""
        return self.tries[-1].since is not None

    @property
    def window(self) -> tuple[float, float]:
        """The span of time in which the answer was decided. Without an answer it has no end."""
        answered = self.tries[-1].answered if self.status is not None else math.inf
        if self.tries[-1].since is not None:
            return self.tries[-1].since, answered
        if not self.is_write or (self.key is None and self.outcome is Outcome.REFUSED):
            return self.tries[-1].sent, answered
        tries = [self.twin, *self.tries] if self.twin is not None else self.tries
        return next((t.sent for t in tries if not t.is_surely_undone), tries[-1].sent), answered

    def line(self) -> str:
        """Returns a description for messages: the request and its outcome."""
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
    """Returns an error's code. Each API has it in another place."""
    if not isinstance(answer, dict):
        return None
    for place in (answer, answer.get("error"), answer.get("detail")):
        if isinstance(place, dict):
            for name in ("code", "error_code"):
                if isinstance(place.get(name), str):
                    return str(place[name])
    return None


def is_proxys(answer: aiohttp.ClientResponse) -> bool:
    """Whether a proxy says that it has no answer of a server. The servers' answers have an id."""
    return answer.status in (502, 504) and "X-Request-Id" not in answer.headers


class History:
    """All operations, in the order in which they were started."""

    def __init__(self) -> None:
        self.started = time.monotonic()
        self._offsets: list[tuple[float, float]] = []
        self.operations: list[Operation] = []
        self.violations: list[str] = []  # wrong answers that the clients noticed themselves

    def now(self) -> float:
        """Returns the seconds since the run began, by the monotonic clock.

        Also records the offset of the wall clock, about once a second.
        """
        now = time.monotonic() - self.started
        if not self._offsets or now > self._offsets[-1][0] + 1:
            self._offsets.append((now, time.time() - now))
        return now

    def instant(self, wall: datetime) -> float:
        """Converts a time of the database's clock to seconds since the run began."""
        # By the last offset that was recorded before: a long run has thousands, and the checks ask for each answer.
        place = bisect.bisect_right(self._offsets, wall.timestamp(), key=sum) - 1
        return wall.timestamp() - self._offsets[max(place, 0)][1]

    def carts(self) -> dict[str, list[str]]:
        """Returns the blocks of each owner, oldest first, by the answers."""
        return {
            operation.body["owner"]: [block["block_id"] for block in operation.answer["blocks"]]
            for operation in self.operations
            if operation.name == "block several"
            and operation.outcome is Outcome.ACKNOWLEDGED
            and "owner" in operation.body
        }

    def write(self, path: Path) -> None:
        with path.open("w") as file:
            for operation in self.operations:
                file.write(simplejson.dumps(operation.record(), use_decimal=True) + "\n")
