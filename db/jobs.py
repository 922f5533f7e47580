"""The maintenance jobs, and whether pg_cron runs them.

``JOBS`` is the one list of the jobs and their schedule. db/apply.py puts it into pg_cron, where that is loaded, and
into the table store.job. From there the servers take the jobs that pg_cron does not run (maintenance.run_next_job).
"""

from __future__ import annotations

import dataclasses
import hashlib
import re
from datetime import timedelta
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo

from db.source import with_prefix
from environment import ROLE_PREFIX

ROLE = "inventory_maintenance"
OLDEST_PG_CRON = (1, 4)  # the first with cron.schedule_in_database

# An arbitrary number, taken in pg_cron's database, which may be the one in which APPLY_LOCK of db/apply.py is held.
CRON_LOCK = 7_236_401_882_114

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@dataclasses.dataclass(frozen=True)
class Job:
    """A job that runs ``every`` so often, in GMT: ``at`` so long after midnight or the hour. ``name``: in store.job."""

    name: str
    every: timedelta
    at: timedelta = timedelta()

    @property
    def schedule(self) -> str:
        """The schedule as a cron expression."""
        hours, minutes = divmod(self.at // timedelta(minutes=1), 60)
        if self.every == DAY:
            return f"{minutes} {hours} * * *"
        if self.every == HOUR:
            return f"{minutes} * * * *"
        step = self.every // timedelta(minutes=1)
        return "* * * * *" if step == 1 else f"*/{step} * * * *"

    @property
    def command(self) -> str:
        """What pg_cron executes."""
        return f"call maintenance.run_batches('{self.name}')"


JOBS = (
    Job("expire_blocks", timedelta(minutes=1)),
    Job("purge_idempotency_keys", timedelta(minutes=5)),
    Job("turn_prices", timedelta(minutes=1)),
    Job("purge_webhook_deliveries", timedelta(minutes=5)),
    Job("seal_movements", timedelta(minutes=5)),
    Job("make_partitions", HOUR, at=timedelta(minutes=53)),
    Job("verify", DAY, at=timedelta(hours=3, minutes=23)),
)

# pg_cron keeps one row for each run. Delete only those of this project's jobs: other databases share the table.
HISTORY_JOB = "inventory cron history"
PURGE_HISTORY = f"""
delete from cron.job_run_details
where
    end_time < now() - interval '1 day'
    and (
        username = '{ROLE}'
        or jobid in (select jobid from cron.job where jobname = '{HISTORY_JOB}')
    )
"""


@dataclasses.dataclass(frozen=True)
class Scheduled:
    """Whether pg_cron can run the jobs. ``obstacles``: why it cannot; ``remarks``: what else an operator should know.

    Both are sentences that say what to do. Without pg_cron there is a remark and no obstacle.
    """

    is_in_cron: bool
    obstacles: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


class _ObstacleError(Exception):
    """pg_cron cannot have the jobs; the message says why and what to do."""


def schedule(connection: psycopg.Connection[Any], conninfo: str, prefix: str = ROLE_PREFIX) -> Scheduled:
    """Schedule JOBS in pg_cron, if it is loaded, for the database of ``connection``, whose roles begin with ``prefix``.

    The jobs are also scheduled where the settings keep pg_cron from running them: they run once these are set right.
    """
    settings = dict(connection.execute("select name, setting from pg_settings where name like 'cron.%'").fetchall())
    if not settings:
        return Scheduled(is_in_cron=False, remarks=(_why_unseen(connection),))
    try:
        _put(connection.info.dbname, conninfo, settings["cron.database_name"], prefix)
    except _ObstacleError as error:
        return Scheduled(is_in_cron=False, obstacles=(str(error),))
    obstacles = () if _runs(connection) else tuple(_obstacles(settings, with_prefix(ROLE, prefix)))
    return Scheduled(is_in_cron=not obstacles, obstacles=obstacles, remarks=tuple(_remarks(settings)))


def _why_unseen(connection: psycopg.Connection[Any]) -> str:
    may_see = connection.execute("select pg_has_role('pg_read_all_settings', 'usage')").fetchone()
    if may_see == (True,):
        return "pg_cron is not in shared_preload_libraries."
    return (
        f"pg_cron is not in shared_preload_libraries, or {connection.info.user} may not see its settings:"
        f" grant pg_read_all_settings to {connection.info.user}."
    )


def _put(database: str, conninfo: str, cron_database: str, prefix: str) -> None:
    """Schedule the jobs in the database of pg_cron. Raises _ObstacleError."""
    try:
        with psycopg.connect(make_conninfo(conninfo, dbname=cron_database), autocommit=True) as cron:
            # Another database's set-up may be at the same step: CREATE EXTENSION IF NOT EXISTS would fail.
            cron.execute("select pg_advisory_lock(%s)", [CRON_LOCK])
            cron.execute("create extension if not exists pg_cron")
            version = cron.execute("select extversion from pg_extension where extname = 'pg_cron'").fetchone()
            assert version is not None
            if tuple(int(part) for part in re.findall(r"\d+", str(version[0]))[:2]) < OLDEST_PG_CRON:
                raise _ObstacleError(
                    f'pg_cron {version[0]} in the database "{cron_database}" is too old: install pg_cron 1.4 or later,'
                    " then: alter extension pg_cron update."
                )
            for job in JOBS:
                cron.execute(
                    "select cron.schedule_in_database(%s, %s, %s, %s, %s)",
                    [job_name(database, job), job.schedule, job.command, database, with_prefix(ROLE, prefix)],
                )
            history = HISTORY_JOB.replace(ROLE_PREFIX, prefix, 1)
            purge = with_prefix(PURGE_HISTORY, prefix).replace(HISTORY_JOB, history)
            cron.execute("select cron.schedule(%s, '41 * * * *', %s)", [history, purge])
    except psycopg.Error as error:
        what = str(error).strip().partition("\n")[0]
        raise _ObstacleError(
            f'The jobs cannot be scheduled in the database "{cron_database}" of pg_cron (cron.database_name): {what}'
        ) from error


def _runs(connection: psycopg.Connection[Any]) -> bool:
    """Whether pg_cron runs the jobs whatever its settings: it may log in with a password file, or be trusted."""
    ran = "select exists (select from store.job where cron_ran_at > inventory.clock() - interval '2 minutes')"
    return connection.execute(ran).fetchone() == (True,)


def _obstacles(settings: dict[str, str], role: str = ROLE) -> list[str]:
    found = []
    if settings["cron.use_background_workers"] == "off":
        found.append(
            f"cron.use_background_workers is off: pg_cron logs in at {settings['cron.host']} as {role}, which has no"
            " password: alter system set cron.use_background_workers = on, then restart PostgreSQL."
        )
    if settings.get("cron.launch_active_jobs") == "off":
        found.append(
            "cron.launch_active_jobs is off: pg_cron starts no job: alter system set cron.launch_active_jobs = on,"
            " then: select pg_reload_conf()."
        )
    if settings["cron.max_running_jobs"] == "0":
        found.append(
            "cron.max_running_jobs is 0: pg_cron starts no job: alter system set cron.max_running_jobs = 5, then"
            " restart PostgreSQL."
        )
    return found


def _remarks(settings: dict[str, str]) -> list[str]:
    # Before version 1.6 there is no such setting, and pg_cron's clock is GMT.
    zone = settings.get("cron.timezone", "GMT")
    if zone in {"GMT", "UTC", "Etc/UTC", "Etc/GMT"}:
        return []
    return [
        f"cron.timezone is {zone}: pg_cron runs the daily and hourly jobs by that clock. To have them in GMT:"
        " alter system set cron.timezone = 'GMT', then restart PostgreSQL."
    ]


def job_name(database: str, job: Job) -> str:
    """Returns the job's name in pg_cron, at most 63 bytes: a longer one is cut, so that two jobs could share a name."""
    name = f"inventory {database} {job.name}"
    if len(name.encode()) > 63:
        return f"inventory {hashlib.sha256(database.encode()).hexdigest()[:16]} {job.name}"
    return name
