"""A PostgreSQL of the tests' own, with a batch function of twenty lines."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import uvloop

from pgcalls import Client, Limits
from tools.cluster import Cluster

PATIENCE = 30  # seconds until something that never comes is an error
BATCH = "select number, replayed, result, error from batch($1)"
SCHEMA = """
drop schema if exists public cascade;
create schema public;
grant usage on schema public to public;
create table noted (id integer, transaction xid8 default pg_current_xact_id());
-- Notes $1 ->> 'id'. Refuses 13, and waits for the advisory lock of the same number.
create function note(p jsonb) returns text language plpgsql security definer as $$
begin
    perform pg_advisory_xact_lock((p ->> 'id')::integer);
    if p ->> 'id' = '13' then
        raise exception 'no thirteen' using errcode = 'P0013', detail = '{"id": 13}';
    end if;
    insert into public.noted values ((p ->> 'id')::integer);
    return 'noted ' || (p ->> 'id');
end;
$$;
create function batch(p_calls jsonb, out number integer, out replayed boolean, out result text, out error jsonb)
returns setof record language plpgsql security definer as $$
begin
    perform set_config('lock_timeout', '50ms', true);
    for i in 1..jsonb_array_length(p_calls) loop
        number := i;
        continue when p_calls -> (number - 1) ->> 'id' = '404';
        result := null;
        error := null;
        begin
            result := public.note(p_calls -> (number - 1));
        exception when others then
            error := jsonb_build_object('sqlstate', sqlstate, 'message', sqlerrm);
        end;
        return next;
    end loop;
end;
$$;
"""


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A throw-away cluster."""
    directory = Path(tempfile.mkdtemp(prefix="pgcalls-test-"))
    directory.chmod(0o755)
    cluster = Cluster(directory, settings={"shared_preload_libraries": ""}, throwaway=True)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.destroy()
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def admin(cluster: Cluster) -> Iterator[psycopg.Connection[Any]]:
    """The superuser's connection to a database with SCHEMA."""
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        connection.execute(SCHEMA)
        yield connection


@pytest.fixture
def client(cluster: Cluster, admin: psycopg.Connection[Any]) -> Callable[..., Any]:
    """async with client(connections=1): a client over the database."""

    @contextlib.asynccontextmanager
    async def make(connections: int = 1, calls: int = 100, wait_seconds: float = PATIENCE) -> AsyncIterator[Client]:
        made = Client(cluster.dsn(), None, Limits(connections, calls, wait_seconds), batch=BATCH, name="pgcalls")
        try:
            yield made
        finally:
            await made.close()

    return make


@pytest.fixture
def play() -> Callable[[Coroutine[Any, Any, None]], None]:
    """Run a scenario to its end, or fail when it does not come to one."""

    def run(scenario: Coroutine[Any, Any, None]) -> None:
        async def limited() -> None:
            async with asyncio.timeout(PATIENCE):
                await scenario

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(limited())

    return run
