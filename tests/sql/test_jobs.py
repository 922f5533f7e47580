"""Which job a server runs next, and when: the schedule, what is left to pg_cron, jobs that fail."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg import sql

from db.jobs import JOBS, Job
from tests.conftest import Database, InThread
from tests.sql.conftest import Freeze

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
MOMENT = timedelta(microseconds=1)
# Just after a minute in which no job is due but those of each minute. The ledger has months for this one and the next.
NOW = datetime.now(UTC).replace(day=14, hour=12, minute=1, second=0, microsecond=500_000)
NAMES = {job.name for job in JOBS}
MINUTELY = {"expire_blocks", "turn_prices"}

RunNext = Callable[..., tuple[str | None, str | None]]


@pytest.fixture
def worker(database: Database) -> psycopg.Connection[Any]:
    return database.connect("inventory_worker")


@pytest.fixture
def run_next(worker: psycopg.Connection[Any]) -> RunNext:
    """run_next(): the job that was run, and its error."""

    def run_next(is_for_cron: bool = False) -> tuple[str | None, str | None]:
        row = worker.execute("select job, error from maintenance.run_next_job(%s)", [is_for_cron]).fetchone()
        assert row is not None
        return row

    return run_next


@pytest.fixture
def run_due(run_next: RunNext) -> Callable[..., list[str]]:
    """run_due(): all jobs that are due, in the order in which they ran; none of them fails."""

    def run_due(is_for_cron: bool = False) -> list[str]:
        found = []
        while True:
            job, error = run_next(is_for_cron)
            assert error is None
            if job is None:
                return found
            found.append(job)

    return run_due


def next_time(job: Job, after: datetime) -> datetime:
    """The first minute after the instant that fits the job's cron expression."""
    minute, hour, *rest = job.schedule.split()
    assert rest == ["*", "*", "*"]

    def fits(field: str, value: int) -> bool:
        return value % int(field[2:]) == 0 if field.startswith("*/") else field in ("*", str(value))

    at = after.replace(second=0, microsecond=0)
    while not (at > after and fits(minute, at.minute) and fits(hour, at.hour)):
        at += MINUTE
    return at


def as_if_run(database: Database, at: datetime, *, besides: str = "") -> None:
    database.admin.execute(
        "update store.job set last_started_at = %s, last_finished_at = %s where name <> %s", [at, at, besides]
    )


@contextlib.contextmanager
def broken(database: Database, function: str, body: str) -> Iterator[None]:
    """A function that does something else in place of its work."""
    definition = database.one("select pg_get_functiondef(%s::regproc)", function)
    head = definition.partition("AS $")[0]
    database.admin.execute(f"{head} AS $$ begin {body} end; $$".encode())
    yield
    database.admin.execute(definition.encode())


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.name)
def test_a_job_is_due_when_its_cron_expression_says_so(
    database: Database, run_due: Callable[..., list[str]], freeze: Freeze, job: Job
) -> None:
    database.admin.execute("update store.job set every = null where name <> %s", [job.name])
    at = NOW
    for _ in range(3):
        freeze(at)
        as_if_run(database, at)
        due = next_time(job, at)
        freeze(due - MOMENT)
        assert run_due() == []
        freeze(due)
        assert run_due() == [job.name]
        assert run_due() == [], "once each time"
        at = due + timedelta(seconds=7)
    # Times that were missed are made up for by one run.
    freeze(at + 3 * job.every)
    assert run_due() == [job.name]


def test_all_jobs_run_at_first_and_then_those_that_are_due(
    database: Database, run_due: Callable[..., list[str]], freeze: Freeze
) -> None:
    freeze(NOW)
    assert sorted(run_due()) == sorted(NAMES)
    freeze(NOW + MINUTE)
    assert sorted(run_due()) == sorted(MINUTELY)
    assert database.rows("select 1 from store.job where last_started_at <> last_finished_at or last_count <> 0") == []
    database.verify()


def test_nobody_runs_what_has_no_schedule(database: Database, run_due: Callable[..., list[str]]) -> None:
    database.admin.execute("update store.job set every = null")
    assert run_due() == []


def test_the_job_that_has_waited_longest_comes_first(
    database: Database, run_due: Callable[..., list[str]], freeze: Freeze
) -> None:
    order = ["verify", "expire_blocks", "make_partitions", "turn_prices"]
    freeze(NOW)
    as_if_run(database, NOW)
    for number, name in enumerate(order):
        at = NOW - 3 * DAY + number * MINUTE
        database.admin.execute(
            "update store.job set last_started_at = %s, last_finished_at = %s where name = %s", [at, at, name]
        )
    assert run_due() == order


def expired_blocks(database: Database, count: int, products: int = 1) -> None:
    for number in range(products):
        product = database.product(f"B-{number}", 10)
        database.admin.execute(
            "select inventory.post(array_agg(inventory.line('block', %s, 0.001))) from generate_series(1, %s)",
            [product, count],
        )
    database.advance(HOUR)


def test_what_a_batch_leaves_is_done_at_once_by_whoever_asks_next(database: Database, run_next: RunNext) -> None:
    expired_blocks(database, 1500)
    database.admin.execute("update store.job set every = null where name <> 'expire_blocks'")
    assert run_next() == ("expire_blocks", None)
    left = "select count(*) from store.block where status = 'active'"
    assert database.one(left) == 500
    began = database.one("select last_started_at from store.job where name = 'expire_blocks'")
    # Another server goes on, and it counts as the same run.
    with database.connect("inventory_worker") as other:
        assert other.execute("select job from maintenance.run_next_job()").fetchone() == ("expire_blocks",)
    assert database.rows(
        "select last_started_at, last_count, is_unfinished from store.job where name = 'expire_blocks'"
    ) == [(began, 1500, True)]
    assert database.one(left) == 0
    assert [run_next()[0], run_next()[0]] == ["expire_blocks", None]
    database.verify()


def test_jobs_that_go_on_take_turns(database: Database, run_next: RunNext) -> None:
    expired_blocks(database, 2500)
    for _ in range(2):
        database.one("select maintenance.configure(p_idempotency_lifetime => '1 minute')")
    database.admin.execute(
        "insert into store.idempotency_key (caller, key, request, created_at)"
        " select 'x', g::text, 'x', inventory.clock() - interval '1 day' from generate_series(1, 25000) as g"
    )
    database.admin.execute("update store.job set every = null where name not like 'expire%' and name not like '%keys'")
    assert [run_next()[0] for _ in range(4)] == ["expire_blocks", "purge_idempotency_keys"] * 2


def test_a_run_ends_after_an_hour(database: Database, run_due: Callable[..., list[str]], freeze: Freeze) -> None:
    database.admin.execute("update store.job set every = null where name <> 'verify'")
    freeze(NOW)
    as_if_run(database, NOW)
    began = NOW - timedelta(minutes=30)
    database.admin.execute(
        "update store.job set is_unfinished = true, last_started_at = %s where name = 'verify'", [began]
    )
    freeze(began + HOUR + MOMENT)
    assert run_due() == []
    freeze(began + HOUR)
    assert run_due() == ["verify"]
    # What is left is done in the next run.
    database.admin.execute("update store.job set is_unfinished = true where name = 'verify'")
    freeze(next_time(JOBS[-1], NOW))
    assert run_due() == ["verify"]
    assert database.one("select last_started_at from store.job where name = 'verify'") == next_time(JOBS[-1], NOW)


def test_one_job_runs_at_a_time(database: Database, run_next: RunNext) -> None:
    holder, other = database.connect(), database.connect("inventory_worker")
    with holder.transaction():
        holder.execute("select from store.job where name = 'expire_blocks' for update")
        database.admin.execute("update store.job set every = null where name <> 'expire_blocks'")
        first = InThread(lambda: other.execute("select job from maintenance.run_next_job()").fetchone())
        database.wait_until_blocked(other)
        database.admin.execute("update store.job set every = '1 minute', at = '0' where name = 'turn_prices'")
        assert run_next() == (None, None)
    assert first.result() == ("expire_blocks",)
    assert run_next() == ("turn_prices", None)


def test_a_job_that_pg_cron_runs_just_now_is_passed_over(database: Database, run_next: RunNext) -> None:
    database.admin.execute("update store.job set every = null where name not in ('expire_blocks', 'turn_prices')")
    holder = database.connect()
    with holder.transaction():
        holder.execute("select pg_advisory_xact_lock(hashtextextended('maintenance.run_batches expire_blocks', 0))")
        assert run_next() == ("turn_prices", None)
        assert run_next() == (None, None)
    assert run_next() == ("expire_blocks", None)


# What pg_cron runs


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.name)
@pytest.mark.parametrize("since", ["in_cron_since", "cron_ran_at"])
def test_a_job_is_left_to_pg_cron_until_it_has_missed_two_runs(
    database: Database, run_due: Callable[..., list[str]], freeze: Freeze, job: Job, since: str
) -> None:
    database.admin.execute("update store.job set every = null where name <> %s", [job.name])
    freeze(NOW)
    as_if_run(database, NOW)
    database.admin.execute(sql.SQL("update store.job set {} = %s").format(sql.Identifier(since)), [NOW])
    missed = next_time(job, NOW)
    freeze(missed + job.every - MOMENT)
    assert run_due() == []
    assert run_due(True) == [job.name], "RUN_JOBS=always"
    freeze(missed + job.every)
    assert run_due() == [job.name]
    # It is not said to be late before that.
    late_after = database.one("select late_after from store.job where name = %s", job.name)
    assert late_after > 2 * job.every

    # pg_cron is back.
    database.connect("inventory_maintenance").execute(job.command.encode())
    freeze(missed + 2 * job.every + MINUTE - MOMENT)
    assert run_due() == []


def test_runs_of_pg_cron_and_of_servers_are_told_apart(database: Database, run_due: Callable[..., list[str]]) -> None:
    database.connect("inventory_maintenance").execute("call maintenance.run_batches('verify')")
    assert database.rows("select name from store.job where cron_ran_at = last_finished_at") == [("verify",)]
    run_due(True)
    facts = dict(database.rows("select name, value from maintenance.status()"))
    assert "run by pg_cron or by hand" in facts["job verify"]
    assert "run by a server" in facts["job expire_blocks"]
    assert facts["job verify"].endswith("; not in pg_cron")
    database.admin.execute("update store.job set in_cron_since = inventory.clock()")
    facts = dict(database.rows("select name, value from maintenance.status()"))
    assert facts["job verify"].endswith("; in pg_cron")


def test_a_clock_that_was_set_back_stops_no_job(
    database: Database, run_due: Callable[..., list[str]], freeze: Freeze
) -> None:
    freeze(NOW)
    assert sorted(run_due()) == sorted(NAMES)
    freeze(NOW - 7 * DAY)
    assert sorted(run_due()) == sorted(NAMES)


# Jobs that fail


def test_a_job_that_fails_keeps_no_other_from_running(
    database: Database, run_next: RunNext, run_due: Callable[..., list[str]], worker: psycopg.Connection[Any]
) -> None:
    database.admin.execute("update store.job set every = null where name not in ('expire_blocks', 'turn_prices')")
    warnings: list[str] = []
    worker.add_notice_handler(lambda diagnostic: warnings.append(str(diagnostic.message_primary)))
    with broken(database, "maintenance.expire_blocks", "perform 1 / 0;"):
        assert run_next() == ("expire_blocks", "division by zero")
        assert run_next() == ("turn_prices", None)
        assert run_next() == (None, None)
        assert warnings == ["The job expire_blocks failed: 22012 division by zero"]
        failed = (
            "select failed_at is not null, last_error, last_finished_at from store.job where name = 'expire_blocks'"
        )
        assert database.rows(failed) == [(True, "division by zero", None)]
        facts = dict(database.rows("select name, value from maintenance.status()"))
        assert "failed at" in facts["job expire_blocks"]
        assert "division by zero" in facts["job expire_blocks"]
        # It is tried again after a minute, in its turn.
        database.advance(MINUTE)
        assert [run_next()[0] for _ in range(3)] == ["expire_blocks", "turn_prices", None]
        # /ready warns of it as of one that has stopped.
        database.admin.execute("update store.job set scheduled_at = inventory.clock()")
        database.advance(5 * MINUTE)
        database.connect("inventory_maintenance").execute("call maintenance.run_batches('turn_prices')")
        ready = database.one("select http.ready('{}')::json ->> 'jobs'")
        assert ready.startswith("warning: no run of expire_blocks since")
    assert "expire_blocks" in run_due()
    assert database.rows(failed)[0][:2] == (False, None)
    assert database.one("select http.ready('{}')::json ->> 'jobs'") == "ok"
    database.verify()


def test_what_a_failing_job_has_done_is_undone(database: Database, run_next: RunNext) -> None:
    database.admin.execute("update store.job set every = null where name <> 'turn_prices'")
    with broken(database, "maintenance.turn_prices", "delete from store.setting; raise 'no'; return 0;"):
        assert run_next() == ("turn_prices", "no")
    assert database.counts()["setting"] == 1


def test_a_job_that_takes_too_long_fails_alone(database: Database, worker: psycopg.Connection[Any]) -> None:
    database.admin.execute("update store.job set every = null where name not in ('expire_blocks', 'turn_prices')")
    with broken(database, "maintenance.expire_blocks", "perform pg_sleep(1000); return 0;"):
        worker.execute("set statement_timeout = '50ms'")
        first = worker.execute("select job, error from maintenance.run_next_job()").fetchone()
        worker.execute("reset statement_timeout")
        assert first == ("expire_blocks", "canceling statement due to statement timeout")
        assert worker.execute("select job from maintenance.run_next_job()").fetchone() == ("turn_prices",)


def test_the_worker_may_run_the_next_job_and_nothing_else_of_maintenance(database: Database) -> None:
    allowed = database.rows(
        "select p.oid::regproc::text from pg_proc as p where p.pronamespace = 'maintenance'::regnamespace"
        " and has_function_privilege('inventory_worker', p.oid, 'execute')"
    )
    assert allowed == [("maintenance.run_next_job",)]
