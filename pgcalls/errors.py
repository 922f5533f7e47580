"""What a call can end with, but for a row.

CallError
├── DatabaseError        the database refused the call and changed nothing
├── UnavailableError     the call was not made
└── OutcomeUnknownError  the call was made, or it was not
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any


class CallError(Exception):
    """A call has no row."""


class DatabaseError(CallError):
    """The database refused the call and changed nothing: its SQLSTATE, message, DETAIL, HINT and constraint.

    ``at``: when the call was refused, of a call with an idempotency key. ``is_replayed``: the refusal is that of an
    earlier call with the same key.
    """

    def __init__(  # noqa: PLR0917 - as they stand in the database's answer
        self,
        sqlstate: str,
        message: str,
        detail: str | None = None,
        hint: str | None = None,
        constraint: str | None = None,
        at: str | None = None,
        *,
        is_replayed: bool = False,
    ) -> None:
        super().__init__(message)
        self.is_replayed = is_replayed
        self.sqlstate = sqlstate
        self.message = message
        self.detail = detail
        self.hint = hint
        self.constraint = constraint
        self.at = at

    @property
    def data(self) -> dict[str, Any]:
        """The DETAIL of a business error, which is JSON, numbers exact; empty where there is none."""
        try:
            data = json.loads(self.detail or "{}", parse_float=Decimal)
        except ValueError:
            return {}
        return data if isinstance(data, dict) else {}


class UnavailableError(CallError):
    """The call was not made. ``reason``: one of Stats.REASONS."""

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class OutcomeUnknownError(CallError):
    """The connection was lost under the call, or gave no answer in time: the call was carried out, or it was not."""
