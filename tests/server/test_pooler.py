"""Behind a pooler nothing rests on the session; on a direct connection reads are read only, and that is looked at.

`make poolers` runs the servers behind real ones.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator

import psycopg
import pytest
from psycopg import sql

from db.apply import apply
from db.source import ApplyError
from pgcalls import LONG, DatabaseError
from pgcalls.connection import Connection, _warn_of_pooler
from server.database.calls import Database as Caller
from server.database.interface import Function
from tests.conftest import Database, Server
from tests.server.conftest import OPERATOR, Proxy, calling, function, one_unit, play, queue, start, terminate, until

WRITES = "select public.writes() from (select $1::jsonb) as a"
SETTINGS = (
    "select json_build_object('now', current_setting('transaction_read_only'),"
    " 'session', current_setting('default_transaction_read_only'),"
    " 'seconds', current_setting('statement_timeout')) from (select $1::jsonb) as a"
)


@pytest.fixture(params=["direct", "pooled"])
def is_pooled(request: pytest.FixtureRequest) -> bool:
    return bool(request.param == "pooled")


@contextlib.asynccontextmanager
async def called(database: Database, *, is_pooled: bool, pool_size: int = 2) -> AsyncIterator[Caller]:
    """A caller on a direct connection, or behind a pooler that keeps no prepared statements."""
    async with contextlib.AsyncExitStack() as stack:
        conninfo = database.conninfo
        if is_pooled:
            conninfo = (await stack.enter_async_context(Proxy(conninfo, is_pooler=True))).conninfo
        yield await stack.enter_async_context(calling(conninfo, pool_size))


@pytest.fixture
def writes(database: Database) -> None:
    """public.writes(): a function that changes something."""
    database.admin.execute(
        "create table public.written (n integer);"
        " create function public.writes() returns json language sql volatile security definer"
        " as $$ insert into public.written values (1) returning to_json(n) $$;"
        " grant usage on schema public to inventory_public;"
        " grant execute on function public.writes() to inventory_public"
    )


def test_a_read_cannot_write(database: Database, writes: None, is_pooled: bool) -> None:
    reading, writing = function(WRITES, is_stable=True), function(WRITES)

    async def scenario() -> None:
        async with called(database, is_pooled=is_pooled) as caller:
            for _ in range(3):
                with pytest.raises(DatabaseError) as caught:
                    await caller.call(OPERATOR, reading, {})
                assert caught.value.sqlstate == "25006"
            assert (await caller.call(OPERATOR, writing, {})).body == b"1"

    play(scenario())
    assert database.rows("select count(*) from public.written") == [(1,)]


@pytest.mark.parametrize("pool_size", [1, 4])
def test_settings_are_the_sessions_or_each_transactions(database: Database, is_pooled: bool, pool_size: int) -> None:
    async def scenario() -> None:
        async with called(database, is_pooled=is_pooled, pool_size=pool_size) as caller:

            async def settings(*, is_stable: bool, kind: str | None = None) -> dict[str, str]:
                answer = await caller.call(OPERATOR, function(SETTINGS, is_stable=is_stable), {}, kind=kind)
                found: dict[str, str] = json.loads(answer.body or b"")
                return found

            session = "off" if is_pooled else "on"
            assert await settings(is_stable=True) == {"now": "on", "session": session, "seconds": "10s"}
            assert await settings(is_stable=False) == {"now": "off", "session": "off", "seconds": "10s"}
            assert await settings(is_stable=False, kind=LONG) == {"now": "off", "session": "off", "seconds": "5min"}

    play(scenario())


def test_calls_behind_a_pooler_are_those_of_a_direct_connection(
    database: Database, functions: dict[str, Function], is_pooled: bool
) -> None:
    """Alone and together, good and bad, after a lost connection too."""
    product = database.product(quantity=100)
    reserve, get = functions["reserve_stock"], functions["get_sku"]
    sku_id = database.sku_id(product)

    async def scenario() -> None:
        async with called(database, is_pooled=is_pooled) as caller:
            for _ in range(2):
                await asyncio.gather(*start(20, caller, reserve, one_unit(product)))
                reads = [
                    *start(5, caller, get, {"p_sku_id": sku_id}),
                    *start(1, caller, get, {"p_sku_id": "00000000-0000-0000-0000-000000000000"}),
                    *start(5, caller, get, {"p_sku_id": sku_id}),
                    *start(1, caller, function("select nonsense from $1", is_stable=True), {}),
                    *start(5, caller, get, {"p_sku_id": sku_id}),
                ]
                found = await asyncio.gather(*reads, return_exceptions=True)
                states = [getattr(each, "sqlstate", "ok") for each in found]
                assert [state for state in states if state != "ok"] == ["IV001", "42P01"] or states.count("ok") == 15
                assert states.count("ok") == 15
                assert queue(caller).stats.unknown == 0
                terminate(database)
                await until(lambda: not any(each.open for each in caller.queues().values()))

    play(scenario())
    assert database.stock(product) == (100, 40, 0)
    database.verify()


def test_it_is_said_once_that_the_pooler_keeps_no_statements(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    _warn_of_pooler.cache_clear()

    async def scenario() -> None:
        async with called(database, is_pooled=True) as caller:
            await asyncio.gather(*start(5, caller, function(SETTINGS, is_stable=True), {}))
            await asyncio.gather(*start(5, caller, function(SETTINGS), {}))

    play(scenario())
    (said,) = [each.getMessage() for each in caplog.records if "pooler" in each.getMessage()]
    assert "from version 1.21 on" in said
    assert "max_prepared_statements" in said


def test_a_server_starts_and_works_behind_a_pooler(database: Database) -> None:
    product = database.product(quantity=5)

    async def scenario() -> None:
        async with Proxy(database.conninfo, is_pooler=True) as proxy:
            server = await asyncio.to_thread(Server, proxy.conninfo)
            client = server.client()
            try:
                path = f"/api/v1/inventory/{product}"
                taken = await asyncio.to_thread(client.post, f"{path}/reserveStock", json={"amount": 2})
                assert taken.status_code == 204
                shown = await asyncio.to_thread(client.get, path)
                assert shown.json()["availableStock"] == 3
                assert (await asyncio.to_thread(client.get, "/ready")).status_code == 200
            finally:
                await asyncio.to_thread(server.close)

    play(scenario())


def test_what_the_session_does_not_keep_to_is_an_error(database: Database) -> None:
    """A setting that is made and has no effect, as on a server that is none."""
    name = sql.Identifier(str(database.admin.info.dbname))
    database.admin.execute(sql.SQL("alter database {} set own.kept = off").format(name))

    async def scenario() -> None:
        with pytest.raises(psycopg.OperationalError, match=r"does not keep to own\.kept = on"):
            await Connection.open(database.conninfo, lambda _: None, {"default_own.kept": "on"})

    play(scenario())


def test_apply_refuses_a_pooler_before_it_changes_anything(database: Database) -> None:
    before = database.rows("select xmin::text, proname from pg_proc order by 2, 1")

    async def scenario() -> None:
        async with Proxy(database.conninfo, is_pooler=True) as proxy:
            with pytest.raises(ApplyError, match=r"pooler.*MIGRATION_DATABASE_URL"):
                await asyncio.to_thread(apply, proxy.conninfo)

    play(scenario())
    assert database.rows("select xmin::text, proname from pg_proc order by 2, 1") == before
