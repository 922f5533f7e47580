"""Races that surely happen: a held lock lines the callers up, then it is let go."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

import pgcalls.client
from tests.conftest import PATIENCE, Database, InThread, Server

Connection = psycopg.Connection[Any]


class Call:
    """A call in a thread of its own, on a connection of its own."""

    def __init__(self, connection: Connection, function: Callable[[Connection], Any]) -> None:
        self.connection = connection
        self.is_done = False
        self._function = function
        self._thread = InThread(self._run)

    def _run(self) -> Any:
        try:
            return self._function(self.connection)
        finally:
            self.is_done = True

    def result(self) -> Any:
        """What the call returned; raises what it raised."""
        return self._thread.result()

    def sqlstate(self) -> str | None:
        """None where the call succeeded."""
        try:
            self.result()
        except psycopg.Error as error:
            if error.sqlstate is None:
                raise
            return error.sqlstate
        return None


class Race:
    """Callers of one race after another. Those of one race run on different connections, kept for the next."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._holder = database.connect()
        self._connections: dict[str, list[Connection]] = {}
        self._calls: list[Call] = []
        self.outcomes: list[str | None] = []
        """What finish() returned for the last race behind held rows."""

    @contextlib.contextmanager
    def behind(
        self, *product_ids: int, touched: bool = False, waiting: int | None = None, table: str = "stock"
    ) -> Iterator[None]:
        """Hold the products' rows while the block starts callers; let go when they are lined up; see all return.

        ``touched``: the holder changes the rows as well, so that who waited finds another version than it first saw.
        ``waiting``: see line_up. ``table``: stock, or product: what prices wait for.
        """
        with self.holding(*product_ids, touched=touched, table=table):
            yield
            self.line_up(waiting)
        self.outcomes = self.finish()

    @contextlib.contextmanager
    def holding(self, *product_ids: int, touched: bool = False, table: str = "stock") -> Iterator[None]:
        """Hold the products' rows of the table."""
        products = list(product_ids)
        key = {"stock": "product_id", "product": "id"}[table]
        with self._holder.transaction():
            self._holder.execute(
                f"select from store.{table} where {key} = any(%s) order by {key} for no key update".encode(), [products]
            )
            if touched:
                self._holder.execute(
                    f"update store.{table} set updated_at = updated_at where {key} = any(%s)".encode(), [products]
                )
            yield

    def do(self, function: Callable[[Connection], Any], role: str = "inventory_operator") -> Call:
        """Start a caller that runs the function with its connection."""
        busy = {id(call.connection) for call in self._calls if not call.is_done}
        connections = self._connections.setdefault(role, [])
        connection = next((each for each in connections if id(each) not in busy), None)
        if connection is None:
            connection = self.database.connect(role)
            # A slow machine must not end a wait that the test wants.
            connection.execute("set lock_timeout = 0; set statement_timeout = 0")
            connections.append(connection)
        call = Call(connection, function)
        self._calls.append(call)
        return call

    def call(self, query: str, *parameters: Any, role: str = "inventory_operator") -> Call:
        """Start a caller of one statement; its result is the first column."""
        return self.do(lambda connection: first(connection, query, *parameters), role)

    def queue(self, query: str, *parameters: Any, role: str = "inventory_operator") -> Call:
        """Start a caller and see it wait, behind those who wait already."""
        call = self.call(query, *parameters, role=role)
        self.line_up()
        return call

    def alone(self, function: Callable[[Connection], Any], role: str = "inventory_operator") -> Any:
        """What the function returns, now; fail where it does not return."""
        call = self.do(function, role)
        self._calls.remove(call)
        return call.result()

    def line_up(self, waiting: int | None = None) -> None:
        """Return when all callers wait for a lock, or as many as ``waiting`` says while the others have returned."""

        def is_lined_up() -> bool:
            running = [call for call in self._calls if not call.is_done]
            if len(running) != (len(self._calls) if waiting is None else waiting):
                return False
            self.database.wait_until_blocked(*(call.connection for call in running))
            return True

        self.database.wait_for(is_lined_up)

    def finish(self) -> list[str | None]:
        """See all callers return: their SQLSTATEs in the order in which they were started; None: it succeeded."""
        outcomes = [call.sqlstate() for call in self._calls]
        self._calls.clear()
        return outcomes


def first(connection: Connection, query: str, *parameters: Any) -> Any:
    """The first column of a statement's first row."""
    row = connection.execute(query, parameters or None).fetchone()
    return row and row[0]


@pytest.fixture
def race(database: Database) -> Race:
    """Callers that race for the rows of the test's database."""
    return Race(database)


@pytest.fixture
def patient_server(database: Database, start_server: Callable[..., Server], monkeypatch: pytest.MonkeyPatch) -> Server:
    """A server that waits for its queue and for the database as long as a slow machine takes to line callers up."""
    database.be_patient()
    monkeypatch.setattr(pgcalls.client, "ANSWER_SECONDS", 10 * PATIENCE)
    return start_server(queue_seconds=10 * PATIENCE)
