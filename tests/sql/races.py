"""Two callers at the same time."""

from __future__ import annotations

import psycopg
import pytest

from tests.conftest import Database, InThread


def refusal_of_the_second(
    database: Database, in_thread: type[InThread], role: str, query: str, second: str | None = None
) -> str | None:
    """The SQLSTATE that a call ends with that waits for another's transaction. ``second``: it, where it differs."""
    one, two = database.connect(role), database.connect(role)
    with one.transaction():
        one.execute(query.encode())
        waiting = in_thread(lambda: two.execute((second or query).encode()))
        database.wait_until_blocked(two)
    with pytest.raises(psycopg.Error) as error:
        waiting.result()
    return error.value.sqlstate
