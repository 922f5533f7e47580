"""Several hosts in DATABASE_URL, and servers that take no writes: connections go to the one that does."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from db.apply import apply
from pgcalls import OutcomeUnknownError, UnavailableError
from pgcalls.client import READ, SETTINGS
from pgcalls.connection import Connection
from pgcalls.hosts import to_primary
from server.database.interface import Function
from soak.proxy import Proxy
from tests.conftest import Database, Server
from tests.server.conftest import (
    OPERATOR,
    backends,
    calling,
    function,
    one_unit,
    play,
    queue,
    start,
    terminate,
    until,
    waiting_backends,
)
from tools.cluster import Cluster, served_database

IS_STANDBY = function("select to_json(pg_is_in_recovery()) from (select $1::jsonb) as a")


@pytest.fixture
def pair() -> Iterator[tuple[Cluster, Cluster]]:
    """A primary with the schema, and a standby that follows it."""
    directory = Path(tempfile.mkdtemp(prefix="inventory-test-"))
    directory.chmod(0o755)
    primary = Cluster(directory / "primary", throwaway=True)
    standby = Cluster(directory / "standby", throwaway=True, primary=primary)
    try:
        primary.start()
        apply(primary.dsn(), jobs=False)
        standby.start()
        yield primary, standby
    finally:
        standby.destroy()
        primary.destroy()
        shutil.rmtree(directory, ignore_errors=True)


def both(*hosts: Path | str) -> str:
    """A conninfo that names these directories of sockets, in this order."""
    return make_conninfo(host=",".join(map(str, hosts)), port=5432, user="postgres", dbname="postgres")


@contextlib.contextmanager
def hanging(database: Database) -> Iterator[str]:
    """A conninfo of two hosts, of which the first takes connections and never answers."""
    parameters = conninfo_to_dict(database.conninfo)
    with tempfile.TemporaryDirectory() as directory, socket.socket(socket.AF_UNIX) as silent:
        silent.bind(f"{directory}/.s.PGSQL.{parameters['port']}")
        silent.listen()
        yield make_conninfo(database.conninfo, host=f"{directory},{parameters['host']}")


class TestToPrimary:
    def test_several_hosts_lead_to_the_primary_within_a_bound(self) -> None:
        parameters = conninfo_to_dict(to_primary("postgresql://postgres@one:5432,two:5433/inventory"))
        assert parameters == {
            "host": "one,two",
            "port": "5432,5433",
            "user": "postgres",
            "dbname": "inventory",
            "target_session_attrs": "primary",
            "connect_timeout": "3",
        }

    @pytest.mark.parametrize(
        "conninfo",
        ["postgresql://postgres@one/inventory", "host=one port=5432", "", "postgresql:///inventory?host=/run/one"],
    )
    def test_one_host_must_be_the_primary(self, conninfo: str) -> None:
        wanted = conninfo_to_dict(conninfo) | {"target_session_attrs": "primary"}
        assert conninfo_to_dict(to_primary(conninfo)) == wanted

    def test_what_the_url_says_stays(self) -> None:
        said = "host=one,two target_session_attrs=any connect_timeout=9"
        assert conninfo_to_dict(to_primary(said)) == conninfo_to_dict(said)

    def test_the_tools_go_there_too(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("DATABASE_URL", "postgresql://postgres@one,two/inventory")
        assert conninfo_to_dict(served_database())["target_session_attrs"] == "primary"


class TestSeveralHosts:
    @pytest.mark.packages
    def test_the_primary_is_found_also_after_a_failover(self, pair: tuple[Cluster, Cluster]) -> None:
        primary, standby = pair
        hosts = both(standby.socket_directory, primary.socket_directory)
        apply(hosts, jobs=False)

        async def scenario() -> None:
            async with calling(hosts) as caller:
                assert (await caller.call(OPERATOR, IS_STANDBY, {})).body == b"false"
                pid = primary.pid
                assert pid is not None
                os.kill(pid, signal.SIGKILL)
                with psycopg.connect(standby.dsn(), autocommit=True) as connection:
                    await asyncio.to_thread(connection.execute, "select pg_promote()")
                while True:
                    with contextlib.suppress(UnavailableError):
                        answer = await caller.call(OPERATOR, IS_STANDBY, {})
                        break
                    await asyncio.sleep(0.01)
                assert answer.body == b"false"
                assert queue(caller).open == 1

        play(scenario())

    def test_a_server_starts_beside_a_host_that_hangs(self, database: Database) -> None:
        # The host is waited for longer than a call may wait.
        with hanging(database) as conninfo:
            server = Server(conninfo, queue_seconds=0.5)
            try:
                assert server.client().get("/ready").status_code == 200
            finally:
                server.close()

    def test_a_server_that_falls_silent_after_the_log_in_is_given_up_at_once(
        self, database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("pgcalls.connection.SETUP_SECONDS", 0.2)
        parameters = conninfo_to_dict(database.conninfo)
        name = f".s.PGSQL.{parameters['port']}"
        log_in = psycopg.AsyncConnection.connect

        async def scenario(directory: str) -> None:
            proxy = Proxy(Path(directory, name), Path(str(parameters["host"]), name), "seed")
            await proxy.start()

            async def logged_in(*arguments: Any, **named: Any) -> Any:
                connection = await log_in(*arguments, **named)
                proxy.stall()
                return connection

            monkeypatch.setattr(psycopg.AsyncConnection, "connect", logged_in)
            conninfo = make_conninfo(database.conninfo, host=directory)
            opening = asyncio.ensure_future(Connection.open(conninfo, lambda _: None, SETTINGS[READ]))
            try:
                # psycopg itself would wait 10 s more, for an answer to its request to cancel.
                done, _ = await asyncio.wait([opening], timeout=5)
                assert done
                with pytest.raises(psycopg.OperationalError, match="no answer"):
                    opening.result()
            finally:
                await proxy.close()

        with tempfile.TemporaryDirectory() as directory:
            play(scenario(directory))

    def test_no_other_connection_to_a_server_that_says_nothing_is_tried(
        self, database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("pgcalls.client.ANSWER_SECONDS", 0.5)
        wait_for_lock = function("select to_json(1) from (select $1::jsonb) as a, pg_advisory_xact_lock(1)")
        # No login may take one: here is what waits like a row's lock, and needs no row.
        database.admin.execute("grant execute on function pg_advisory_xact_lock(bigint) to public")

        async def scenario() -> None:
            async with calling(database.conninfo, pool_size=3) as caller:
                with database.connect() as holder, holder.transaction():
                    holder.execute("select pg_advisory_xact_lock(1)")
                    calls = start(2, caller, wait_for_lock, {})
                    await until(lambda: len(waiting_backends(database)) == 2)
                await asyncio.gather(*calls)
                assert queue(caller).open == 2
                stopped = backends(database)
                for pid in stopped:
                    os.kill(pid, signal.SIGSTOP)
                try:
                    with pytest.raises(OutcomeUnknownError):
                        await caller.call(OPERATOR, wait_for_lock, {})
                    assert queue(caller).open == 0
                    await caller.call(OPERATOR, wait_for_lock, {})
                finally:
                    for pid in stopped:
                        os.kill(pid, signal.SIGCONT)

        play(scenario())


@contextlib.contextmanager
def read_only(database: Database) -> Iterator[None]:
    """New sessions of the operator can change nothing, as on a standby."""
    name = sql.Identifier(str(database.admin.info.dbname))
    change = sql.SQL("alter role inventory_operator in database {} {} default_transaction_read_only {}")
    database.admin.execute(change.format(name, sql.SQL("set"), sql.SQL("= on")))
    yield
    database.admin.execute(change.format(name, sql.SQL("reset"), sql.SQL("")))


class TestReadOnly:
    """A server that takes no writes: the call was not done, and its connection is not used again."""

    @pytest.mark.parametrize("count", [1, 5])
    def test_the_connection_is_dropped(self, database: Database, functions: dict[str, Function], count: int) -> None:
        product = database.product(quantity=50)
        reserve = functions["reserve_stock"]

        async def scenario() -> None:
            async with calling(database.conninfo) as caller:
                with read_only(database):
                    calls = start(count, caller, reserve, one_unit(product))
                    outcomes = await asyncio.gather(*calls, return_exceptions=True)
                    assert {getattr(outcome, "sqlstate", None) for outcome in outcomes} <= {"25006", None}
                    assert all(isinstance(outcome, Exception) for outcome in outcomes)
                    assert queue(caller).open == 0
                    # Not each call opens a connection that is of no use.
                    with pytest.raises(UnavailableError):
                        await caller.call(OPERATOR, reserve, one_unit(product))
                while True:
                    with contextlib.suppress(UnavailableError):
                        await caller.call(OPERATOR, reserve, one_unit(product))
                        break
                    await asyncio.sleep(0.01)

        play(scenario())
        assert database.stock(product) == (50, 1, 0)
        database.verify()

    def test_clients_are_told_to_come_back(self, database: Database, server: Server) -> None:
        product = database.product(quantity=50)
        client = server.client()
        path = f"/api/v1/inventory/{product}/reserveStock"
        with read_only(database):
            terminate(database)
            for headers in ({}, {"Idempotency-Key": "key"}):
                answer = client.post(path, json={"amount": 1}, headers=headers)
                assert (answer.status_code, answer.json()["code"]) == (503, "SERVICE_UNAVAILABLE")
                assert int(answer.headers["Retry-After"]) >= 1
        database.wait_for(lambda: client.post(path, json={"amount": 1}).status_code == 204)
        assert database.stock(product) == (50, 1, 0)
        database.verify()
