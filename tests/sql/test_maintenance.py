"""What DBAs and pg_cron run: the sweep, the purge, the settings, the state of it all."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from db.jobs import JOBS
from db.source import migration_names
from tests.conftest import Database
from tests.sql.conftest import AdminCall, Call, Calls, Freeze, Refused

pytestmark = pytest.mark.usefixtures("verified")

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
DBA = {"role": "inventory_maintenance"}

Sweep = Callable[..., int]


@pytest.fixture
def expire(call: Call) -> Sweep:
    """expire(limit): how many blocks maintenance.expire_blocks has ended."""

    def expire(*limit: int) -> int:
        row = call("maintenance.expire_blocks", *limit, **DBA)
        assert row is not None
        return int(row["expire_blocks"])

    return expire


def make_blocks(database: Database, product: int, count: int, lasting: str = "15 minutes") -> None:
    """Blocks of 0.001 each."""
    database.admin.execute(
        "select inventory.create_block(%s, 0.001, p_expires_at => inventory.clock() + %s::interval)"
        " from generate_series(1, %s)",
        [product, lasting, count],
    )


def statuses(database: Database, product: int | None = None) -> dict[str, int]:
    rows = database.rows(
        "select status, count(*) from store.block where product_id = coalesce(%s, product_id) group by 1", product
    )
    return dict(rows)


def job(database: Database, name: str) -> tuple[Any, ...]:
    """(has started, has finished no earlier, how many)"""
    (row,) = database.rows(
        "select last_started_at is not null, last_finished_at >= last_started_at, last_count"
        " from store.job where name = %s",
        name,
    )
    return row


# The sweep


def test_the_sweep_ends_what_has_expired_and_nothing_else(database: Database, expire: Sweep) -> None:
    first, second = database.product("A-1", 10), database.product("A-2", 10)
    for product in (first, second):
        make_blocks(database, product, 2)
        make_blocks(database, product, 1, "2 hours")
    assert expire() == 0
    database.advance(HOUR)
    assert expire() == 4
    assert statuses(database) == {"expired": 4, "active": 2}
    assert expire() == 0


def test_the_sweep_is_bounded(database: Database, expire: Sweep) -> None:
    for sku in ("A-1", "A-2", "A-3"):
        make_blocks(database, database.product(sku, 10), 3)
    database.advance(HOUR)
    assert [expire(4), expire(4), expire(4), expire(4)] == [4, 4, 1, 0]
    assert statuses(database) == {"expired": 9}


def test_the_sweep_takes_those_first_that_have_waited_longest(database: Database, expire: Sweep) -> None:
    first, second = database.product("A-1", 10), database.product("A-2", 10)
    make_blocks(database, first, 2, "20 minutes")
    make_blocks(database, second, 2, "10 minutes")
    database.advance(HOUR)
    assert expire(2) == 2
    assert (statuses(database, first), statuses(database, second)) == ({"active": 2}, {"expired": 2})


def test_the_sweep_waits_for_nobody(database: Database) -> None:
    busy, idle = database.product("A-1", 10), database.product("A-2", 10)
    for product in (busy, idle):
        make_blocks(database, product, 1)
    database.advance(HOUR)
    holder, sweeper = database.connect(), database.connect("inventory_maintenance")
    sweeper.execute("set lock_timeout = '1ms'")  # who waits is thrown out
    with holder.transaction():
        holder.execute("select from store.stock where product_id = %s for update", [busy])
        assert sweeper.execute("select maintenance.expire_blocks()").fetchone() == (1,)
        assert (statuses(database, busy), statuses(database, idle)) == ({"active": 1}, {"expired": 1})
    assert sweeper.execute("select maintenance.expire_blocks()").fetchone() == (1,)


def test_two_sweeps_at_once_share_the_work(database: Database) -> None:
    for sku in ("A-1", "A-2"):
        make_blocks(database, database.product(sku, 10), 2)
    database.advance(HOUR)
    one, two = database.connect("inventory_maintenance"), database.connect("inventory_maintenance")
    two.execute("set lock_timeout = '1ms'")
    with one.transaction():
        assert one.execute("select maintenance.expire_blocks(2)").fetchone() == (2,)
        assert two.execute("select maintenance.expire_blocks()").fetchone() == (2,)
    assert statuses(database) == {"expired": 4}


def test_the_job_sweeps_a_batch_a_transaction(database: Database) -> None:
    make_blocks(database, database.product("A-1", 10), 1001)
    database.advance(HOUR)
    database.connect("inventory_maintenance").execute("call maintenance.run_batches('expire_blocks')")
    assert statuses(database) == {"expired": 1001}
    assert job(database, "expire_blocks") == (True, True, 1001)
    transactions = "select count(*) from store.movement where kind = 'expire' group by xmin::text order by 1"
    assert database.rows(transactions) == [(1,), (1000,)]


def test_the_job_stops_when_its_time_is_up(database: Database) -> None:
    make_blocks(database, database.product("A-1", 10), 1001)
    database.advance(HOUR)
    connection = database.connect("inventory_maintenance")
    connection.execute("call maintenance.run_batches('expire_blocks', 0)")
    assert statuses(database) == {"expired": 1000, "active": 1}
    connection.execute("call maintenance.run_batches('expire_blocks', 0)")
    assert statuses(database) == {"expired": 1001}


@pytest.mark.parametrize("name", ["expire_blocks", "purge_idempotency_keys", "purge_webhook_deliveries"])
def test_a_job_that_runs_already_does_not_run_twice(database: Database, name: str) -> None:
    make_blocks(database, database.product("A-1", 10), 1)
    database.advance(2 * DAY)
    holder, connection = database.connect(), database.connect("inventory_maintenance")
    with holder.transaction():
        holder.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"maintenance.run_batches {name}"])
        connection.execute("call maintenance.run_batches(%s)", [name])
        assert job(database, name) == (False, None, None)
        assert statuses(database) == {"active": 1}
    connection.execute("call maintenance.run_batches(%s)", [name])
    assert job(database, name)[0] is True


def test_a_job_with_nothing_to_do_shows_that_it_lives(database: Database) -> None:
    connection = database.connect("inventory_maintenance")
    for name in ("expire_blocks", "purge_idempotency_keys", "purge_webhook_deliveries"):
        connection.execute("call maintenance.run_batches(%s)", [name])
        assert job(database, name) == (True, True, 0)


def test_every_job_of_pg_cron_has_its_heartbeat(database: Database) -> None:
    assert {name for (name,) in database.rows("select name from store.job")} == {job.name for job in JOBS}


def test_what_pg_cron_calls_may_be_called_by_its_role(database: Database) -> None:
    connection = database.connect("inventory_maintenance")
    for each in JOBS:
        connection.execute(each.command.encode())
        assert job(database, each.name) == (True, True, 0)


# The purge


def make_keys(database: Database, count: int) -> None:
    database.admin.execute(
        "insert into store.idempotency_key (caller, key, request, created_at)"
        " select 'ann', gen_random_uuid(), 'request', inventory.clock() from generate_series(1, %s)",
        [count],
    )


def test_the_purge_deletes_keys_that_have_outlived_their_time(database: Database, call: Call) -> None:
    make_keys(database, 3)
    database.advance(HOUR)
    make_keys(database, 2)
    database.advance(DAY - HOUR)

    def purge(*limit: int) -> Any:
        row = call("maintenance.purge_idempotency_keys", *limit, **DBA)
        return row and row["purge_idempotency_keys"]

    assert [purge(2), purge(2), purge(2)] == [2, 1, 0]
    assert database.counts()["idempotency_key"] == 2
    call("maintenance.configure", p_idempotency_lifetime=HOUR, **DBA)
    assert purge() == 2


def test_the_purge_waits_for_nobody(database: Database) -> None:
    make_keys(database, 2)
    database.advance(DAY)
    holder, purger = database.connect(), database.connect("inventory_maintenance")
    purger.execute("set lock_timeout = '1ms'")
    with holder.transaction():
        holder.execute("select from store.idempotency_key limit 1 for update")
        assert purger.execute("select maintenance.purge_idempotency_keys()").fetchone() == (1,)


def test_the_job_purges_a_batch_a_transaction(database: Database) -> None:
    make_keys(database, 10_001)
    database.advance(DAY)
    database.connect("inventory_maintenance").execute("call maintenance.run_batches('purge_idempotency_keys')")
    assert database.counts()["idempotency_key"] == 0
    assert job(database, "purge_idempotency_keys") == (True, True, 10_001)


def test_the_job_does_not_wait_for_more_to_purge(database: Database) -> None:
    """Where keys come all the time, some are due at any moment: a batch that finds few is the last one."""
    database.admin.execute(
        "insert into store.idempotency_key (caller, key, request, created_at)"
        " select 'ann', gen_random_uuid(), 'request', inventory.clock() + n * interval '1 hour'"
        " from generate_series(1, 1000) as n"
    )
    # At each look at the clock it is an hour later.
    database.admin.execute("alter sequence store.test_clock increment 3600000000")
    now = "clock_timestamp() + interval '25 hours' + nextval('store.test_clock') * interval '1 microsecond'"
    database.admin.execute(
        "create or replace function inventory.clock() returns timestamptz language sql stable parallel safe"
        f" security definer set search_path = pg_catalog, pg_temp as $$ select {now} $$".encode()
    )
    database.connect("inventory_maintenance").execute("call maintenance.run_batches('purge_idempotency_keys')")
    assert 0 < database.one("select last_count from store.job where name = 'purge_idempotency_keys'") < 60


# The nightly check


def test_the_nightly_check_counts_and_warns(database: Database) -> None:
    for number in range(1, 6):
        assert database.product(f"A-{number}", 10) == number
    connection = database.connect("inventory_maintenance")
    notices: list[str | None] = []
    connection.add_notice_handler(lambda notice: notices.append(notice.message_primary))
    run = "call maintenance.run_batches('verify')"
    state = "select next_product_id, differences, last_differences from store.verification"
    assert database.rows(state) == [(None, 0, None)]
    connection.execute(run)
    assert (database.rows(state), job(database, "verify"), notices) == ([(None, 0, 0)], (True, True, 0), [])
    database.admin.execute("update store.stock set on_hand = 11 where product_id = 3")
    database.admin.execute("insert into store.row_total values ('inflow', null, null, 1)")
    connection.execute(run)
    found = database.one("select count(*) from maintenance.verify()")
    assert found > database.one("select count(*) from maintenance.verify(3, 3)") > 0
    assert database.rows(state) == [(None, found, found)]
    assert notices == [f"maintenance.verify(-9223372036854775808, <NULL>) found {found} differences"]
    database.admin.execute("update store.stock set on_hand = 10")
    database.admin.execute("delete from store.row_total where subject = 'inflow'")


def test_the_nightly_check_goes_on_where_it_stopped(database: Database, call: Call) -> None:
    for number in range(1, 6):
        assert database.product(f"A-{number}", 10) == number
    database.admin.execute("update store.stock set on_hand = 11 where product_id in (2, 3)")
    bad = database.one("select count(*) from maintenance.verify(2, 2)")
    state = (
        "select next_product_id, differences, last_differences, last_finished_at > started_at from store.verification"
    )

    def verify_next(limit: int) -> int:
        row = call("maintenance.verify_next", limit, **DBA)
        assert row is not None
        return int(row["verify_next"])

    assert verify_next(2) == 2
    assert database.rows(state) == [(3, bad, None, None)]
    assert call("maintenance.verification", **DBA) is not None
    assert verify_next(2) == 2
    assert database.rows(state) == [(5, 2 * bad, None, None)]
    # What comes meanwhile is still ahead, and so is what is deleted.
    assert database.product("A-6", 10) == 6
    database.admin.execute("select inventory.delete_product(5)")
    assert verify_next(1) == 1
    assert database.rows(state) == [(6, 2 * bad, None, None)]
    assert verify_next(1) == 0
    assert database.rows(state) == [(None, 2 * bad, 2 * bad, True)]
    database.admin.execute("update store.stock set on_hand = 10")
    assert verify_next(1000) == 0
    assert database.rows(state) == [(None, 0, 0, False)]
    database.verify()


def test_status_says_how_far_the_nightly_check_is(database: Database, calls: Calls, call: Call) -> None:
    def said() -> str:
        return {row["name"]: row["value"] for row in calls("maintenance.status", **DBA)}["verification"]

    database.product("A-1", 10)
    database.product("A-2", 10)
    texts = [said()]
    for _ in range(3):
        call("maintenance.verify_next", 1, **DBA)
        texts.append(said())
    assert ["goes on with product 2" in text for text in texts] == [False, True, False, True]
    assert ["has not been through" in text for text in texts] == [True, True, False, False]


# Settings


def test_a_setting_that_is_not_named_stays(call: Call) -> None:
    before = {
        "block_duration": timedelta(minutes=15),
        "block_duration_maximum": timedelta(days=30),
        "idempotency_lifetime": DAY,
        "password_cost": 4,  # the tests' own, as the next
        "password_length_minimum": 1,
    }
    assert call("maintenance.configure", **DBA) == before
    for name, value in (
        ("block_duration", HOUR),
        ("block_duration_maximum", 2 * HOUR),
        ("idempotency_lifetime", HOUR),
        ("password_cost", 7),
        ("password_length_minimum", 12),
    ):
        before[name] = value
        assert call("maintenance.configure", **{f"p_{name}": value}, **DBA) == before
    assert call("maintenance.configure", **DBA) == before


def test_a_setting_out_of_its_range_is_refused(call: Call, refused: Refused, subtests: pytest.Subtests) -> None:
    for setting, value, constraint in (
        ("p_block_duration", "0", "setting_block_duration_range"),
        ("p_block_duration", "-1 minute", "setting_block_duration_range"),
        ("p_block_duration", "31 days", "setting_block_duration_range"),
        ("p_block_duration_maximum", "14 minutes", "setting_block_duration_range"),
        ("p_block_duration_maximum", "100000000 years", "setting_block_duration_maximum_range"),
        ("p_idempotency_lifetime", "366 days", "setting_idempotency_lifetime_range"),
        ("p_idempotency_lifetime", "0", "setting_idempotency_lifetime_range"),
        ("p_idempotency_lifetime", "-1 day", "setting_idempotency_lifetime_range"),
        ("p_password_cost", 3, "setting_password_cost_range"),
        ("p_password_cost", 17, "setting_password_cost_range"),
        ("p_password_length_minimum", 0, "setting_password_length_minimum_range"),
        ("p_password_length_minimum", 1025, "setting_password_length_minimum_range"),
    ):
        with subtests.test(setting, value=value), refused("23514", constraint):
            call("maintenance.configure", **{setting: value}, **DBA)


def test_a_change_of_settings_is_all_or_nothing(call: Call, refused: Refused) -> None:
    with refused("23514", "setting_password_cost_range"):
        call("maintenance.configure", p_block_duration="5 minutes", p_password_cost=99, **DBA)


# The state of it all


def test_status_tells_what_there_is(database: Database, calls: Calls, call: Call) -> None:
    first = database.product("A-1", 10)
    database.product("A-2")
    make_blocks(database, first, 2)
    make_blocks(database, first, 1, "2 hours")
    make_keys(database, 4)
    database.advance(HOUR)
    database.admin.execute("update store.job set scheduled_at = inventory.clock()")
    facts = {row["name"]: row["value"] for row in calls("maintenance.status", **DBA)}
    expected = {
        "migrations_applied": str(len(migration_names())),
        "last_migration": migration_names()[-1],
        "products": "2",
        "blocks_active": "1",
        "blocks_waiting_for_sweep": "2",
        "idempotency_keys": "4",
        "setting block_duration": "00:15:00",
        "setting block_duration_maximum": "30 days",
        "setting idempotency_lifetime": "24:00:00",
        "setting password_cost": "4",
        "setting password_length_minimum": "1",
        "ledger_movements_of_no_month": "0",
    }
    assert facts.items() >= expected.items()
    assert facts.keys() - expected.keys() == {
        "server_version",
        "clock",
        "verification",
        "ledger_starts",
        "ledger_last_month",
        *(f"job {each.name}" for each in JOBS),
    }
    assert facts["server_version"] == database.one("show server_version")

    waiting = facts["job verify"]
    assert waiting.startswith("scheduled at ")
    database.connect("inventory_maintenance").execute("call maintenance.run_batches('verify')")
    has_run = {row["name"]: row["value"] for row in calls("maintenance.status", **DBA)}["job verify"]
    assert has_run.startswith("last finished at ")


Checks = Callable[..., dict[str, str]]


@pytest.fixture
def checks(call: Call) -> Checks:
    """checks(): what /ready says, by check."""

    def checks(migrations: list[str] | None = None) -> dict[str, str]:
        row = call("http.ready", migrations or migration_names(), role="inventory_public")
        assert row is not None
        found: dict[str, str] = row["ready"]
        return found

    return checks


GOOD = dict.fromkeys(("database", "migrations", "jobs", "ledger", "verify"), "ok")


def test_only_what_makes_calls_fail_is_a_failure(checks: Checks) -> None:
    names = migration_names()
    assert checks(names) == GOOD
    assert list(checks()) == list(GOOD)
    assert checks([*names, "9999.of-tomorrow", "9998.too"]) == GOOD | {
        "migrations": "failed: not applied: 9998.too, 9999.of-tomorrow"
    }
    assert checks(names[:1]) == GOOD, "the server may be older than the database"


def test_where_nobody_runs_the_jobs_it_says_so(database: Database, checks: Checks, calls: Calls) -> None:
    database.admin.execute("update store.job set scheduled_at = null")
    assert checks() == GOOD | {"jobs": checks()["jobs"]}
    assert checks()["jobs"].startswith("warning: no run of expire_blocks since ever, make_partitions since ever")
    # Whoever runs them.
    database.admin.execute("update store.job set last_finished_at = inventory.clock()")
    assert checks() == GOOD
    assert [row["name"] for row in calls("maintenance.status", **DBA) if row["name"].startswith("warning")] == []


@pytest.mark.parametrize(
    ("name", "late_after"),
    [
        ("expire_blocks", timedelta(minutes=5)),
        ("turn_prices", timedelta(minutes=5)),
        ("purge_idempotency_keys", timedelta(minutes=30)),
        ("purge_webhook_deliveries", timedelta(minutes=30)),
        ("seal_movements", timedelta(minutes=30)),
        ("make_partitions", timedelta(hours=3)),
        ("verify", timedelta(hours=50)),
    ],
)
def test_every_job_that_has_stopped_is_warned_of(
    database: Database, checks: Checks, calls: Calls, freeze: Freeze, name: str, late_after: timedelta
) -> None:
    now = database.one("select date_trunc('month', inventory.clock()) + interval '10 days'")
    freeze(now)
    since = database.one("select inventory.instant_text(%s)", now)
    database.admin.execute("update store.job set scheduled_at = 'infinity' where name <> %s", [name])
    for column in ("scheduled_at", "last_finished_at"):
        database.admin.execute(f"update store.job set {column} = %s where name = %s".encode(), [now, name])
        freeze(now + late_after - timedelta(microseconds=1))
        assert checks() == GOOD
        freeze(now + late_after)
        assert checks() == GOOD | {"jobs": f"warning: no run of {name} since {since}"}
        facts = {row["name"]: row["value"] for row in calls("maintenance.status", **DBA)}
        assert facts["warning jobs"] == f"no run of {name} since {since}"
        database.admin.execute("update store.job set scheduled_at = '-infinity' where name = %s", [name])


def test_a_month_ahead_that_is_missing_is_warned_of(
    database: Database, checks: Checks, call: Call, freeze: Freeze
) -> None:
    product = database.product("A-1", 10)
    database.admin.execute("update store.job set scheduled_at = 'infinity'")
    ahead = database.one(
        "select date_trunc('month', now() at time zone 'UTC') at time zone 'UTC' + interval '3 months'"
    )
    freeze(ahead - timedelta(microseconds=1))
    assert checks() == GOOD
    freeze(ahead)
    assert checks()["ledger"].startswith("warning: next month has no partition")
    freeze(ahead + timedelta(days=40))
    call("reserve_stock", product, 1)
    found = checks()
    assert found == GOOD | {"ledger": found["ledger"]}
    assert found["ledger"].count("maintenance.make_partitions()") == 2
    database.connect("inventory_maintenance").execute("call maintenance.run_batches('make_partitions')")
    assert checks() == GOOD


def test_differences_that_the_nightly_check_found_are_warned_of(database: Database, checks: Checks, call: Call) -> None:
    database.product("A-1", 10)
    database.admin.execute("update store.stock set on_hand = 11")
    found = len(database.rows("select * from maintenance.verify()"))
    maintenance = database.connect("inventory_maintenance")
    maintenance.execute("call maintenance.run_batches('verify')")
    assert checks()["verify"].startswith(f"warning: maintenance.verify() found {found} differences at ")
    database.admin.execute("update store.stock set on_hand = 10")
    maintenance.execute("call maintenance.run_batches('verify')")
    assert checks() == GOOD


def test_status_counts_no_further_than_10_000(database: Database, calls: Calls) -> None:
    for count, shown in ((10_000, "10000"), (1, "more than 10000")):
        make_keys(database, count)
        facts = {row["name"]: row["value"] for row in calls("maintenance.status", **DBA)}
        assert facts["idempotency_keys"] == shown


# A product for which a job fails


def test_a_product_that_cannot_be_swept_stops_no_other(
    database: Database, expire: Sweep, checks: Checks, calls: Calls
) -> None:
    poison, sound = database.product("A-1", 10), database.product("A-2", 10)
    make_blocks(database, poison, 3)
    make_blocks(database, sound, 2)
    database.admin.execute(
        f"alter table store.stock add constraint stock_poison check (product_id <> {poison} or blocked > 0)".encode()
    )
    database.advance(HOUR)
    assert [expire(), expire()] == [2, 0]
    assert (statuses(database, poison), statuses(database, sound)) == ({"active": 3}, {"expired": 2})
    assert database.stock(poison) == (10, 0, Decimal("0.003"))

    facts = {row["name"]: row["value"] for row in calls("maintenance.status", **DBA)}
    assert "stock_poison" in facts[f"expire_blocks of product {poison}"]
    database.admin.execute("update store.job set scheduled_at = inventory.clock()")
    assert checks()["jobs"] == "warning: expire_blocks fails for 1 product(s): see maintenance.status()"

    # What is mended is dealt with an hour later, and then nothing is said any more.
    database.admin.execute("alter table store.stock drop constraint stock_poison")
    database.advance(timedelta(minutes=59))
    assert expire() == 0
    database.advance(timedelta(minutes=1))
    assert expire() == 3
    assert database.counts()["job_failure"] == 0


def test_a_product_whose_prices_cannot_turn_stops_no_other(
    database: Database, call: Call, admin_call: AdminCall, calls: Calls
) -> None:
    products = poison, _ = [database.product(sku, 0, p_price=2) for sku in ("A-1", "A-2")]
    for product in products:
        admin_call("set_price", product, 3, p_effective_from=database.one("select inventory.clock()") + HOUR)
    database.admin.execute(
        f"alter table store.product add constraint product_poison check (id <> {poison} or retail_price = 2)".encode()
    )
    database.advance(2 * HOUR)

    def turn() -> Any:
        row = call("maintenance.turn_prices", **DBA)
        return row and row["turn_prices"]

    assert [turn(), turn()] == [1, 0]
    prices = "select retail_price from store.product order by id"
    assert database.rows(prices) == [(2,), (3,)]
    facts = {row["name"]: row["value"] for row in calls("maintenance.status", **DBA)}
    assert "product_poison" in facts[f"turn_prices of product {poison}"]
    database.admin.execute("alter table store.product drop constraint product_poison")
    database.advance(HOUR)
    assert turn() == 1
    assert database.rows(prices) == [(3,), (3,)]
    assert database.counts()["job_failure"] == 0


def test_a_sweep_has_few_savepoints(database: Database, expire: Sweep) -> None:
    """Of more than 64 in a transaction every snapshot in the cluster takes longer."""
    for number in range(61):
        make_blocks(database, database.product(f"A-{number}", 10), 1)
    database.advance(HOUR)
    assert [expire(), expire(), expire()] == [60, 1, 0]


def test_the_procedure_calls_no_operator_of_its_callers_path(database: Database) -> None:
    """It runs as its caller, and an operator may be anybody's."""
    database.admin.execute(
        "create schema trap;"
        " create function trap.spring(text, text) returns boolean language plpgsql"
        " as $$ begin raise exception 'sprung'; end; $$;"
        " create operator trap.= (leftarg = text, rightarg = text, function = trap.spring);"
        " grant usage on schema trap to public"
    )
    connection = database.connect("inventory_maintenance")
    connection.execute("set search_path = trap, pg_catalog")
    for each in JOBS:
        connection.execute(each.command.encode())
