"""The servers run the jobs where pg_cron does not: each once, one after the other, and on when one is killed."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from db.jobs import JOBS
from tests.conftest import Database, Server, frozen_clock
from tests.server.conftest import backends, terminate
from tests.server.test_webhook_delivery import server_process

AUTO = {"run_jobs": "auto", "job_poll_seconds": 0.02}
LOOKS = 'inventory_db_call_seconds_count{queue="long",role="inventory_worker"}'
NAMES = sorted(job.name for job in JOBS)


def looks(server: Server) -> float:
    """How often a server has asked for the next job."""
    lines = server.client().get("/metrics").text.splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(LOOKS))


def wait_for_looks(*servers: Server, count: int = 3) -> None:
    """Return when each of the servers has asked so many times more."""
    before = [looks(server) for server in servers]
    Database.wait_for(
        lambda: all(looks(server) >= first + count for server, first in zip(servers, before, strict=True))
    )


@pytest.fixture
def runs(database: Database) -> Callable[[], dict[str, int]]:
    """runs(): how often each job has begun. The clock stands still."""
    # In this month, whose partitions are there.
    database.admin.execute(frozen_clock(f"{datetime.now(UTC):%Y-%m}-14 12:01:00.5+00").encode())
    database.admin.execute(
        """
        create table public.run (job text);
        create function public.note() returns trigger language plpgsql as $$
        begin
            insert into public.run values (new.name);
            return null;
        end;
        $$;
        grant usage on schema public to inventory_owner;
        grant insert on public.run to inventory_owner;
        create trigger note after update of last_finished_at on store.job for each row execute function public.note();
        """
    )
    return lambda: dict(database.rows("select job, count(*) from public.run group by 1 order by 1"))


def test_two_servers_run_each_job_once_a_due_time(
    database: Database, start_server: Callable[..., Server], runs: Callable[[], dict[str, int]]
) -> None:
    servers = start_server(**AUTO), start_server(**AUTO)
    first = dict.fromkeys(NAMES, 1)
    database.wait_for(lambda: runs() == first)
    wait_for_looks(*servers)
    assert runs() == first
    second = first | {"expire_blocks": 2, "turn_prices": 2}
    database.advance(timedelta(minutes=1))
    database.wait_for(lambda: runs() == second)
    wait_for_looks(*servers)
    assert runs() == second
    assert set(servers[0].client().get("/ready").json()["checks"].values()) == {"ok"}
    database.verify()


def test_jobs_have_a_connection_of_their_own_and_can_be_switched_off(
    database: Database, start_server: Callable[..., Server], runs: Callable[[], dict[str, int]]
) -> None:
    never, auto = start_server(run_jobs="never"), start_server(**AUTO)
    database.wait_for(lambda: len(runs()) == len(JOBS))
    wait_for_looks(auto)
    assert looks(never) == 0
    roles = (
        "select usename, count(*) from pg_stat_activity where pid = any(%s) and usename = 'inventory_worker' group by 1"
    )
    # Each server looks for deliveries; one of them for jobs.
    database.wait_for(lambda: database.rows(roles, backends(database)) == [("inventory_worker", 3)])


def test_always_runs_also_what_pg_cron_has(
    database: Database, start_server: Callable[..., Server], runs: Callable[[], dict[str, int]]
) -> None:
    database.admin.execute("update store.job set in_cron_since = inventory.clock()")
    wait_for_looks(start_server(**AUTO))
    assert runs() == {}
    start_server(**AUTO | {"run_jobs": "always"})
    database.wait_for(lambda: runs() == dict.fromkeys(NAMES, 1))


def test_a_failing_job_is_in_the_log(
    database: Database, start_server: Callable[..., Server], caplog: pytest.LogCaptureFixture
) -> None:
    database.admin.execute(
        "create or replace function maintenance.turn_prices(p_limit integer default 60) returns integer"
        " language plpgsql as $$ begin raise 'not today'; end; $$"
    )
    start_server(**AUTO)
    database.wait_for(lambda: "the job turn_prices failed, trying again in a minute: not today" in caplog.text)


def test_the_servers_go_on_when_the_database_is_back(
    database: Database, start_server: Callable[..., Server], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "server.jobs")
    name = database.one("select current_database()::text")
    server = start_server(**AUTO)
    wait_for_looks(server)
    database.admin.execute(f'alter database "{name}" connection limit 0')
    terminate(database)
    database.wait_for(lambda: "jobs cannot be run" in caplog.text)
    database.admin.execute(f'alter database "{name}" connection limit -1')
    database.wait_for(lambda: "jobs can be run again" in caplog.text)


def test_a_server_that_is_killed_in_a_job_is_taken_over_by_another(
    database: Database, start_server: Callable[..., Server]
) -> None:
    product = database.product(quantity=10)
    database.admin.execute(
        "select inventory.post(array_agg(inventory.line('block', %s, 0.001))) from generate_series(1, 1500)", [product]
    )
    database.advance(timedelta(hours=1))
    database.admin.execute("update store.job set every = null where name <> 'expire_blocks'")
    holder = database.connect()
    left = "select count(*) from store.block where status = 'active'"
    waits = "select count(*) from pg_stat_activity where usename = 'inventory_worker' and wait_event_type = 'Lock'"
    with holder.transaction():
        holder.execute("select from store.job where name = 'expire_blocks' for update")
        with server_process(database, RUN_JOBS="auto", JOB_POLL_SECONDS="0.05") as (_, first):
            database.wait_for(lambda: database.one(waits) == 1)
            os.kill(first.pid, signal.SIGKILL)
            first.wait()
        assert database.one(left) == 1500
    start_server(**AUTO)
    database.wait_for(lambda: database.one(left) == 0)
    batches = "select count(*) from store.movement where kind = 'expire' group by xmin::text order by 1"
    assert database.rows(batches) == [(500,), (1000,)]
    database.verify()
