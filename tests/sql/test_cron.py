"""pg_cron itself fires, once, for what db/apply.py has scheduled. It begins first, for it takes up to a minute."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from db.apply import apply
from db.jobs import CRON_LOCK, JOBS
from tests.conftest import Database, InThread, new_database, throwaway_cluster

pytestmark = pytest.mark.packages

PATIENCE = 100  # seconds: pg_cron of Debian 12 knows minutes only


@contextlib.contextmanager
def scheduled(prefix: str = "test_") -> Iterator[psycopg.Connection[Any]]:
    """The superuser's connection to a new database whose jobs pg_cron has; they are unscheduled at the end."""
    with new_database(prefix=prefix) as conninfo, psycopg.connect(conninfo, autocommit=True) as connection:
        try:
            apply(conninfo)
            yield connection
        finally:
            with psycopg.connect(throwaway_cluster().dsn(), autocommit=True) as cron:
                cron.execute(
                    "select cron.unschedule(jobid) from cron.job where database = %s", [connection.info.dbname]
                )


def jobs(database: str) -> list[tuple[Any, ...]]:
    """(name, schedule, command, role, whether it is active) of each job that pg_cron has for the database."""
    with psycopg.connect(throwaway_cluster().dsn(), autocommit=True) as cron:
        return cron.execute(
            "select jobname, schedule, command, username, active from cron.job where database = %s order by jobid",
            [database],
        ).fetchall()


def test_pg_cron_sweeps_an_expired_block() -> None:
    with scheduled() as database:
        database.execute("select inventory.create_product('A-1', 'Mug', p_quantity => 5)")
        database.execute(
            "select inventory.create_block(id, 5, p_expires_at => inventory.clock() + interval '100 milliseconds')"
            " from store.product"
        )
        state = (
            "select b.status, s.blocked, j.last_count, j.last_finished_at > j.scheduled_at,"
            " http.ready('{}') ->> 'jobs'"
            " from store.block as b, store.stock as s, store.job as j where j.name = 'expire_blocks'"
        )
        deadline = time.monotonic() + PATIENCE
        while database.execute(state).fetchone() != ("expired", 0, 1, True, "ok"):
            assert time.monotonic() < deadline, database.execute("select * from maintenance.status()").fetchall()
            time.sleep(0.2)
        assert database.execute("select * from maintenance.verify()").fetchall() == []


@pytest.mark.parametrize("prefix", ["test_", "test_of_a_database_with_a_name_as_long_as_they_can_"])
def test_each_job_is_scheduled_once_however_often_it_is_applied(prefix: str) -> None:
    """A job's name holds the database's; pg_cron cuts long ones, and takes two of one name for one job."""
    with scheduled(prefix) as database:
        name = database.info.dbname
        found = jobs(name)
        assert [row[1:] for row in found] == [
            (job.schedule, job.command, "inventory_maintenance", True) for job in JOBS
        ]
        assert all(row[0].endswith(f" {job.name}") for row, job in zip(found, JOBS, strict=True))
        first = database.execute("select name, scheduled_at from store.job order by name").fetchall()
        assert all(scheduled_at is not None for _, scheduled_at in first)
        apply(throwaway_cluster().dsn(dbname=name))
        assert jobs(name) == found


def test_set_ups_of_two_databases_take_turns_in_the_one_of_pg_cron(in_thread: type[InThread]) -> None:
    """CREATE EXTENSION IF NOT EXISTS fails where another session is at the same step."""
    waiting = "select count(*) from pg_locks where locktype = 'advisory' and not granted and objid = %s"
    with new_database() as conninfo, psycopg.connect(throwaway_cluster().dsn(), autocommit=True) as cron:
        cron.execute("select pg_advisory_lock(%s)", [CRON_LOCK])
        applying = in_thread(lambda: apply(conninfo))
        Database.wait_for(lambda: cron.execute(waiting, [CRON_LOCK % 2**32]).fetchone() != (0,))
        cron.execute("select pg_advisory_unlock(%s)", [CRON_LOCK])
        applying.result()
        name = psycopg.conninfo.conninfo_to_dict(conninfo)["dbname"]
        assert cron.execute("select cron.unschedule(jobid) from cron.job where database = %s", [name]).rowcount == len(
            JOBS
        )


def test_jobs_are_left_alone_where_others_schedule_them() -> None:
    with scheduled() as database:
        name = database.info.dbname
        found = jobs(name)
        apply(throwaway_cluster().dsn(dbname=name), jobs=False)
        assert jobs(name) == found


def test_only_the_history_of_our_jobs_is_deleted() -> None:
    """pg_cron is the whole cluster's, and so is what it remembers."""
    run = (
        "insert into cron.job_run_details (jobid, runid, database, username, command, status, end_time)"
        " values (%s, nextval('cron.runid_seq'), %s, %s, 'select 1', 'succeeded', now() - %s::interval)"
    )
    left = "select jobid from cron.job_run_details where database = %s and (jobid < 0 or jobid = %s) order by 1"
    with scheduled() as database, psycopg.connect(throwaway_cluster().dsn(), autocommit=True) as cron:
        name = database.info.dbname
        history = "select jobid, command from cron.job where jobname = 'inventory cron history'"
        ((own, command),) = cron.execute(history).fetchall()
        for job, user, age in (
            (-1, "inventory_maintenance", "25 hours"),
            (-2, "inventory_maintenance", "23 hours"),
            (own, "postgres", "25 hours"),
            (-3, "postgres", "25 hours"),
            (-4, "inventory_owner", "25 hours"),
        ):
            cron.execute(run, [job, name, user, age])
        cron.execute(command)
        assert cron.execute(left, [name, own]).fetchall() == [(-4,), (-3,), (-2,)]
        cron.execute("delete from cron.job_run_details where database = %s", [name])
