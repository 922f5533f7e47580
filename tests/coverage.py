"""Which statements of the database's functions each test runs; asked for by INVENTORY_COVERAGE, see tools/coverage.py.

The variable names a directory. The cluster then runs plpgsql_check's profiler, which counts the executions of each
statement by all sessions of a database in shared memory, those of a call that failed included. A test's counts are read
from its databases before they are dropped, and from those that outlive it when it ends.

Each worker appends to ``<directory>/<worker>.jsonl``, a line a test:

    {"test": its id, "seconds": …, "statements": {"<schema>.<function>": {"<statement id>": [line, executions]}}}

A statement that did not run is not listed. All that there are stand in ``<directory>/functions.json``:

    {"<schema>.<function>": {"source": …, "statements": [[id, parent's id, part of parent, position, line, kind], …]}}

Lines count as PL/pgSQL counts them: what follows ``$$`` is line 1.
"""

from __future__ import annotations

import json
import os
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from db.source import FUNCTIONS

# Without the variable this is empty, and all below does nothing.
DIRECTORY = os.environ.get("INVENTORY_COVERAGE", "")
SETTINGS = {
    "shared_preload_libraries": "pg_cron,plpgsql_check",
    "plpgsql_check.profiler": "on",
    # A function has one for each 30 statements in each database where it ran, until its profile is read.
    "plpgsql_check.profiler_max_shared_chunks": "50000",
    # Each lock reserves some shared memory: room for the profiler's statistics, which reserve only for 1000 functions.
    "max_locks_per_transaction": "256",
}

# The extension's functions under names of this session, so that the databases of the tests are as always.
READER = """
create function pg_temp.called() returns table (
    id regprocedure, executions bigint, errors bigint,
    total_time float, average_time float, deviation float, min_time float, max_time float
) language c strict as '$libdir/plpgsql_check', 'plpgsql_profiler_functions_all_tb';
create function pg_temp.statements(regprocedure) returns table (
    id int, parent int, part text, position_in_part int, line int, query bigint, executions bigint, errors bigint,
    total_time float, average_time float, max_time float, processed_rows bigint, kind text
) language c strict as '$libdir/plpgsql_check', 'plpgsql_profiler_function_statements_tb';
create function pg_temp.reset(regprocedure) returns void
language c strict as '$libdir/plpgsql_check', 'plpgsql_profiler_reset';
"""

_host = ""
_files: dict[str, str] = {}
_readers: dict[str, psycopg.Connection[Any] | None] = {}
_counts: defaultdict[str, dict[str, list[int]]] = defaultdict(dict)


def settings() -> dict[str, str]:
    """What the cluster of the run is to be started with."""
    return SETTINGS if DIRECTORY else {}


def describe(conninfo: str) -> None:
    """Write down all statements that there are; take what bringing a database to this code's schema has run."""
    if not DIRECTORY:
        return
    query = (
        "select n.nspname || '.' || p.proname, json_build_object('source', p.prosrc, 'statements', ("
        " select json_agg(json_build_array(s.id, s.parent, s.part, s.position_in_part, s.line, s.kind) order by s.id)"
        " from pg_temp.statements(p.oid) as s))"
        " from pg_proc as p join pg_namespace as n on n.oid = p.pronamespace"
        " where n.nspname = any(%s) and p.prolang = (select l.oid from pg_language as l where l.lanname = 'plpgsql')"
        " order by 1"
    )
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(READER)
        functions = dict(connection.execute(query, [[path.name for path in FUNCTIONS.iterdir()]]).fetchall())
    new = Path(DIRECTORY, f"functions.json.{os.getpid()}")
    new.write_text(json.dumps(functions))
    new.rename(Path(DIRECTORY, "functions.json"))
    watch(conninfo)
    read(conninfo)


def watch(conninfo: str) -> None:
    """From now on the database is read at the end of each test, until ``read`` is called. Other clusters' are not."""
    if DIRECTORY and conninfo_to_dict(conninfo)["host"] == _host:
        _readers[conninfo] = None


def read(conninfo: str) -> None:
    """Take the counts of a database for the last time."""
    if conninfo in _readers:
        _take(conninfo).close()
        del _readers[conninfo]


def leave(conninfo: str) -> None:
    """Let a database be copied, which it cannot be while a session is in it. It is read again later."""
    if _readers.get(conninfo) is not None:
        _take(conninfo).close()
        _readers[conninfo] = None


def _take(conninfo: str) -> psycopg.Connection[Any]:
    """Add a database's counts to those of the test, and set them to zero; return the connection that has read them."""
    query = (
        "select n.nspname || '.' || p.proname, p.prosrc, case when l.lanname = 'plpgsql' then ("
        " select json_object_agg(s.id, array[s.line, s.executions])"
        " from pg_temp.statements(c.id) as s where s.executions > 0) end"
        " from pg_temp.called() as c join pg_proc as p on p.oid = c.id"
        " join pg_namespace as n on n.oid = p.pronamespace join pg_language as l on l.oid = p.prolang"
    )
    connection = _readers[conninfo]
    if connection is None:
        connection = _readers[conninfo] = psycopg.connect(conninfo, autocommit=True)
        connection.execute(READER)
    for function, source, counts in connection.execute(query).fetchall():
        # A test may have put another function in its place.
        if source in _files.get(function, ""):
            for statement, (line, executions) in (counts or {}).items():
                _, before = _counts[function].get(statement, (line, 0))
                _counts[function][statement] = [line, before + executions]
    connection.execute("select count(pg_temp.reset(c.id)) from pg_temp.called() as c")
    return connection


class Plugin:
    """Writes a line a test. ``host``: the socket directory of the run's cluster."""

    def __init__(self, host: str) -> None:
        global _host  # noqa: PLW0603 - of this process, as the tests are
        _host = host
        _files.update(
            (f"{path.relative_to(FUNCTIONS).parts[0]}.{path.stem}", path.read_text())
            for path in FUNCTIONS.rglob("*.sql")
        )
        self._path = Path(DIRECTORY, f"{os.environ.get('PYTEST_XDIST_WORKER', 'main')}.jsonl")

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        started = time.monotonic()
        result = yield
        for conninfo in _readers:
            _take(conninfo)
        line = {"test": item.nodeid, "seconds": round(time.monotonic() - started, 3), "statements": dict(_counts)}
        with self._path.open("a") as file:
            file.write(json.dumps(line) + "\n")
        _counts.clear()
        return result
