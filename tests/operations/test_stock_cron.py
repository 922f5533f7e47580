"""pg_cron as a package installs it, and other settings with which it runs nothing: said at once; the servers run."""

from __future__ import annotations

import re

import psycopg
import pytest

from db.apply import apply
from db.jobs import JOBS, _obstacles, _remarks, schedule
from tests.conftest import Database, Server
from tests.operations.conftest import NAME, NewCluster, rows, run_sql
from tools.cluster import Cluster

# What Debian's package leaves as it is beside shared_preload_libraries, and one more that keeps jobs from running.
STOCK = {"cron.use_background_workers": "off", "cron.host": "localhost", "cron.max_running_jobs": "0"}
GOOD = {"cron.use_background_workers": "on", "cron.host": "localhost", "cron.max_running_jobs": "5"}


def in_cron(conninfo: str) -> list[bool]:
    """Whether the jobs are said to run in pg_cron."""
    return [known for (known,) in rows(conninfo, "select distinct in_cron_since is not null from store.job")]


def obstacles(conninfo: str) -> str:
    """What db.apply would warn of."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        found = schedule(connection, conninfo)
        assert found.is_in_cron == (not found.obstacles)
        return "\n".join(found.obstacles)


def restart(cluster: Cluster, *statements: str) -> None:
    run_sql(cluster.dsn(), *statements)
    cluster.stop()
    cluster.start()


def test_a_stock_pg_cron_is_told_of_and_what_is_said_mends_it(
    new_cluster: NewCluster, caplog: pytest.LogCaptureFixture
) -> None:
    cluster = new_cluster(**STOCK)
    cluster.start()
    run_sql(cluster.dsn(), f"create database {NAME}")
    conninfo = cluster.dsn(dbname=NAME)
    apply(conninfo)
    said = [each.getMessage() for each in caplog.records if each.name == "db.apply" and each.levelname == "WARNING"]
    assert [each.partition(". ")[0] for each in said] == [
        "pg_cron cannot run the jobs; the servers run them (RUN_JOBS)"
    ] * 2
    statements = [found for each in said for found in re.findall(r"alter system set [\w.]+ = \w+", each)]
    assert len(statements) == 2
    assert in_cron(conninfo) == [False]

    # The servers run them meanwhile.
    server = Server(conninfo, run_jobs="auto", job_poll_seconds=0.02)
    try:
        ran = "select bool_and(last_finished_at is not null and cron_ran_at is null) from store.job"
        Database.wait_for(lambda: rows(conninfo, ran) == [(True,)])
        assert set(server.client().get("/ready").json()["checks"].values()) == {"ok"}
    finally:
        server.close()

    # A pg_cron that does run the jobs is believed, whatever its settings.
    run_sql(conninfo, "call maintenance.run_batches('expire_blocks')")
    assert obstacles(conninfo) == ""
    run_sql(conninfo, "update store.job set cron_ran_at = null")
    assert "cron.use_background_workers is off" in obstacles(conninfo)

    # An operator does as it says.
    restart(cluster, *statements)
    caplog.clear()
    apply(conninfo)
    assert [each.getMessage() for each in caplog.records if each.levelname == "WARNING"] == []
    assert in_cron(conninfo) == [True]

    # Its database is another, which nobody can enter, or has an old version.
    restart(cluster, "create database jobs allow_connections false", "alter system set cron.database_name = 'jobs'")
    assert 'cannot be scheduled in the database "jobs" of pg_cron (cron.database_name)' in obstacles(conninfo)
    run_sql(cluster.dsn(), "alter database jobs allow_connections true")
    run_sql(cluster.dsn(dbname="jobs"), "create extension pg_cron version '1.3'")
    said_of_old = obstacles(conninfo)
    assert 'pg_cron 1.3 in the database "jobs" is too old' in said_of_old
    assert "alter extension pg_cron update" in said_of_old
    run_sql(cluster.dsn(dbname="jobs"), "alter extension pg_cron update")
    assert obstacles(conninfo) == ""
    scheduled = rows(cluster.dsn(dbname="jobs"), "select command from cron.job where database = %s", NAME)
    assert sorted(scheduled) == sorted((job.command,) for job in JOBS)


@pytest.mark.parametrize(
    ("changed", "statements"),
    [
        ({}, []),
        ({"cron.use_background_workers": "off"}, ["alter system set cron.use_background_workers = on"]),
        ({"cron.max_running_jobs": "0"}, ["alter system set cron.max_running_jobs = 5"]),
        # Settings of later versions than Debian 12's.
        ({"cron.launch_active_jobs": "on", "cron.timezone": "GMT"}, []),
        ({"cron.launch_active_jobs": "off"}, ["alter system set cron.launch_active_jobs = on"]),
        ({"cron.timezone": "Asia/Kolkata"}, ["alter system set cron.timezone = 'GMT'"]),
        (
            {"cron.use_background_workers": "off", "cron.launch_active_jobs": "off", "cron.max_running_jobs": "0"},
            [
                "alter system set cron.use_background_workers = on",
                "alter system set cron.launch_active_jobs = on",
                "alter system set cron.max_running_jobs = 5",
            ],
        ),
    ],
)
def test_each_setting_has_a_sentence_with_what_to_do(changed: dict[str, str], statements: list[str]) -> None:
    said = [*_obstacles(GOOD | changed), *_remarks(GOOD | changed)]
    assert [re.search(r"alter system set [^,]*", each)[0] for each in said] == statements
    assert bool(_remarks(GOOD | changed)) == ("Asia/Kolkata" in changed.values())


def test_whoever_may_not_see_the_settings_is_told(database: Database) -> None:
    with psycopg.connect(database.conninfo, autocommit=True) as connection:
        connection.execute("set role inventory_maintenance")
        assert not schedule(connection, database.conninfo).is_in_cron
        (said,) = schedule(connection, database.conninfo).remarks
        assert "grant pg_read_all_settings" in said
