"""What the tests of the database have in common: calls by role, errors that must change nothing, time that stands."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

import db.source
from db.apply import apply
from db.source import ROOT
from tests.conftest import TABLES, Database, new_database

Call = Callable[..., dict[str, Any] | None]
Calls = Callable[..., list[dict[str, Any]]]
AdminCall = Callable[..., dict[str, Any]]
Refused = Callable[..., AbstractContextManager[pytest.ExceptionInfo[psycopg.Error]]]
Freeze = Callable[[datetime], None]


@pytest.fixture
def empty_database() -> Iterator[Callable[[], str]]:
    """empty_database(): the conninfo of one more new database with nothing in it."""
    with contextlib.ExitStack() as stack:
        yield lambda: stack.enter_context(new_database())


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the code that a database is brought to: change it, then apply."""
    shutil.copy(ROOT / "init.sql", tmp_path)
    for name in ("functions", "views"):
        shutil.copytree(ROOT / "db" / name, tmp_path / "db" / name)
        monkeypatch.setattr(db.source, name.upper(), tmp_path / "db" / name)
    for path in (*(ROOT / "db").glob("*.sql"), ROOT / "db" / "columns.txt"):
        shutil.copy(path, tmp_path / "db")
    monkeypatch.setattr(db.source, "ROOT", tmp_path)
    return tmp_path / "db"


@pytest.fixture
def applied(template_database: str) -> Iterator[psycopg.Connection[Any]]:
    """A superuser's connection to a database with the schema, and the clock that tests set."""
    with new_database(template_database) as conninfo, psycopg.connect(conninfo, autocommit=True) as connection:
        yield connection


@pytest.fixture
def applied_once(empty_database: Callable[[], str]) -> Iterator[psycopg.Connection[Any]]:
    """A superuser's connection to a new database to which everything is applied."""
    conninfo = empty_database()
    apply(conninfo, jobs=False)
    with psycopg.connect(conninfo, autocommit=True) as connection:
        yield connection


@pytest.fixture
def verified(database: Database) -> Iterator[None]:
    """Whatever the test did, the ledger, the balances, the blocks and the cost layers agree."""
    yield
    database.verify()


@pytest.fixture
def calls(database: Database) -> Calls:
    """calls("add_stock", product, 5, p_reason="…"): the rows that a function of the schema inventory returns.

    ``role``: who calls, the operator unless told. A name with a dot is a function of another schema.
    """
    connections: dict[str, psycopg.Connection[Any]] = {}

    def calls(name: str, *positional: Any, role: str = "inventory_operator", **named: Any) -> list[dict[str, Any]]:
        connection = connections.get(role) or connections.setdefault(role, database.connect(role))
        arguments = ", ".join(["%s"] * len(positional) + [f"{argument} => %s" for argument in named])
        function = name if "." in name else f"inventory.{name}"
        query = f"select * from {function}({arguments})"
        return (
            connection.cursor(row_factory=dict_row).execute(query.encode(), [*positional, *named.values()]).fetchall()
        )

    return calls


@pytest.fixture
def call(calls: Calls) -> Call:
    """The one row that a function returns; None where all of it is null."""

    def call(name: str, *positional: Any, **named: Any) -> dict[str, Any] | None:
        (row,) = calls(name, *positional, **named)
        return row if any(value is not None for value in row.values()) else None

    return call


@pytest.fixture
def admin_call(call: Call) -> AdminCall:
    """The one row that a function returns that the admin calls."""

    def admin_call(name: str, *positional: Any, **named: Any) -> dict[str, Any]:
        row = call(name, *positional, role="inventory_admin", **named)
        assert row is not None
        return row

    return admin_call


def contents(database: Database) -> dict[str, list[str]]:
    """Every row of every table."""
    union = " union all ".join(
        f"""select '{name}', array(select t::text from store."{name}" as t order by 1)"""
        for (name,) in database.rows(TABLES)
    )
    return dict(database.rows(union))


@pytest.fixture
def refused(database: Database) -> Refused:
    """with refused("IV001"): the call fails with this SQLSTATE (and constraint), and nothing at all has changed."""

    @contextlib.contextmanager
    def refused(sqlstate: str, constraint: str | None = None) -> Iterator[pytest.ExceptionInfo[psycopg.Error]]:
        before = contents(database)
        with pytest.raises(psycopg.Error) as caught:
            yield caught
        assert (caught.value.sqlstate, caught.value.diag.constraint_name) == (sqlstate, constraint)
        assert contents(database) == before

    return refused


@pytest.fixture
def freeze(database: Database) -> Freeze:
    """freeze(instant): from now on it is this instant, for every session."""

    def freeze(instant: datetime) -> None:
        database.admin.execute(
            "create or replace function inventory.clock() returns timestamptz"
            " language sql stable parallel safe security definer set search_path = pg_catalog, pg_temp"
            f" as $$ select timestamptz '{instant.isoformat()}' $$".encode()
        )

    return freeze
