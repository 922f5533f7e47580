"""The sealed ledger: which movements a seal has, and that what the owner of the database changes is found and named."""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from tests.conftest import Database
from tests.sql.conftest import Call, Freeze, Refused

HOUR, MINUTE, MICROSECOND = timedelta(hours=1), timedelta(minutes=1), timedelta(microseconds=1)
NOON = datetime.now(UTC).replace(day=14, hour=12, minute=0, second=0, microsecond=0)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
COLUMNS = (
    *("id", "feed_key", "product_id", "number", "kind", "on_hand_before", "on_hand_after"),
    *("reserved_before", "reserved_after", "blocked_before", "blocked_after", "cost"),
    *("average_quantity", "average_value", "reference", "reason", "actor", "written_by", "occurred_at", "created_at"),
)

# A movement like another, at a place of the feed.
FORGED = """
insert into store.movement
select (n.m).*
from (
    select jsonb_populate_record(m, jsonb_build_object('id', -5, 'number', 99, 'feed_key', {})) as m
    from store.movement as m
    where m.id = %s
) as n
"""

Seal = Callable[..., list[int]]


@pytest.fixture
def seal(database: Database) -> Seal:
    """seal(): the numbers of movements of the seals that a run of the job makes."""

    def seal(limit: int = 100_000) -> list[int]:
        database.settle()
        counts = []
        while count := database.one("select maintenance.seal_movements(%s)", limit):
            counts.append(count)
        return counts

    return seal


def rows(database: Database, query: str, *parameters: Any) -> list[dict[str, Any]]:
    return database.admin.cursor(row_factory=dict_row).execute(query.encode(), parameters or None).fetchall()


def found(database: Database, *arguments: Any) -> list[tuple[Any, ...]]:
    """What verify_seals() finds."""
    given = ", ".join(["%s"] * len(arguments))
    return database.rows(f"select * from maintenance.verify_seals({given})", *arguments)


def copies(database: Database) -> Jsonb:
    """The seals as /api/v1/seals gives them."""
    return Jsonb(database.one("select http.list_seals(p_limit => 1000)"))


def hours(database: Database) -> list[tuple[Any, ...]]:
    return database.rows("select hour, part, movements from store.seal order by number")


@pytest.fixture
def ledger(database: Database, call: Call, freeze: Freeze, seal: Seal) -> list[int]:
    """Two products with movements of three hours, sealed; their ids."""
    freeze(NOON)
    products = [database.product(sku, 10, p_actor="ann") for sku in ("A-1", "B-1")]
    for n in range(1, 3):
        freeze(NOON + n * HOUR)
        for product in products:
            call("reserve_stock", product, "0.5", p_actor="bob")
            call("create_block", product, 1, p_reason='Käse "1" \\ \t\x07')
    freeze(NOON + 3 * HOUR)
    assert seal() == [2, 4, 4]
    assert found(database) == []
    return products


# What a seal is


def test_an_hour_is_sealed_when_it_has_closed(database: Database, call: Call, freeze: Freeze, seal: Seal) -> None:
    freeze(NOON + 10 * MINUTE)
    product = database.product("A-1", 10)
    freeze(NOON + HOUR - MICROSECOND)
    call("reserve_stock", product, 1)
    assert seal() == []
    freeze(NOON + HOUR)
    call("reserve_stock", product, 1)
    assert seal() == [2]
    assert hours(database) == [(NOON, 1, 2)]
    # The job does not run for a day, and two hours have no movement.
    freeze(NOON + 4 * HOUR)
    call("reserve_stock", product, 1)
    freeze(NOON + 30 * HOUR)
    assert seal() == [1, 1]
    assert hours(database)[1:] == [(NOON + HOUR, 1, 1), (NOON + 4 * HOUR, 1, 1)]
    assert seal() == []
    assert found(database) == []


def test_a_busy_hour_has_several_seals(database: Database, call: Call, freeze: Freeze, seal: Seal) -> None:
    freeze(NOON)
    product = database.product("A-1", 10)
    for _ in range(6):
        call("reserve_stock", product, 1)
    freeze(NOON + HOUR)
    assert seal(0) == []
    assert seal(3) == [3, 3, 1]
    assert hours(database) == [(NOON, 1, 3), (NOON, 2, 3), (NOON, 3, 1)]
    assert found(database) == []


def test_others_can_compute_a_seal(database: Database, ledger: list[int]) -> None:
    """From the documentation alone."""

    def micros(at: datetime) -> int:
        return (at - EPOCH) // MICROSECOND

    def text(value: Any) -> str | None:
        if isinstance(value, datetime):
            return str(micros(value))
        if isinstance(value, Decimal):
            return f"{value:.3f}"
        return None if value is None else str(value)

    previous = b""
    place = (0, 0)
    for row in rows(database, "select * from store.seal order by number"):
        movements = rows(
            database,
            "select * from store.movement where (feed_key, id) > (%s, %s) and (feed_key, id) <= (%s, %s)"
            " order by feed_key, id",
            *place,
            row["last_key"],
            row["last_id"],
        )
        leaves = b""
        for movement in movements:
            values = [text(movement[name]) for name in COLUMNS]
            digest = hashlib.sha256(json.dumps(values, ensure_ascii=False).encode()).digest()
            leaves += struct.pack(">q", movement["id"]) + digest[:16]
        assert row["leaves"] == leaves
        numbers = [row["number"], micros(row["hour"]) // 10**6, row["part"]]
        numbers += [row[name] for name in ("first_key", "first_id", "last_key", "last_id", "movements")]
        numbers.append(micros(row["sealed_at"]))
        previous = hashlib.sha256(previous + struct.pack(">9q", *numbers) + leaves).digest()
        assert row["hash"] == previous
        place = (row["last_key"], row["last_id"])


def test_no_setting_of_a_session_changes_a_seal(database: Database, ledger: list[int]) -> None:
    for setting in ("timezone = 'Asia/Kolkata'", "datestyle = 'SQL, DMY'", "extra_float_digits = -15"):
        database.admin.execute(f"set {setting}".encode())
    assert found(database) == []


def test_a_leaf_has_every_column(database: Database, ledger: list[int]) -> None:
    """A new column of the ledger belongs into new seals, and must not change those that are there."""
    names = {
        name
        for (name,) in database.rows(
            "select attname::text from pg_attribute where attrelid = 'store.movement'::regclass and attnum > 0"
            " and not attisdropped"
        )
    }
    assert names == set(COLUMNS)


def test_a_transaction_that_spans_the_end_of_an_hour_is_sealed_with_the_next(
    database: Database, call: Call, freeze: Freeze, seal: Seal
) -> None:
    freeze(NOON)
    products = [database.product(sku, 10) for sku in ("A-1", "B-1")]
    database.settle()
    slow = database.connect()
    with slow.transaction():
        slow.execute("select inventory.reserve_stock(%s, 1)", [products[0]])
        call("reserve_stock", products[1], 1)
        freeze(NOON + HOUR)
        call("reserve_stock", products[1], 1)
        freeze(NOON + 2 * HOUR)
        assert database.one("select maintenance.seal_movements()") == 2, "what may still be added to is not sealed"
        assert database.one("select maintenance.seal_movements()") == 0
    assert seal() == [2, 1]
    assert hours(database) == [(NOON, 1, 2), (NOON, 2, 2), (NOON + HOUR, 1, 1)]
    older = database.connect()
    with older.transaction():
        older.execute("select inventory.feed_key()")
        call("reserve_stock", products[1], 1)
        freeze(NOON + 3 * HOUR)
        older.execute("select inventory.reserve_stock(%s, 1)", [products[0]])
        freeze(NOON + 4 * HOUR)
    assert seal() == [2], "one of the hour before comes after it"
    assert hours(database)[3:] == [(NOON + 3 * HOUR, 1, 2)]
    assert database.one("select sum(movements) from store.seal") == database.counts()["movement"]
    assert found(database) == []


def test_movements_of_before_the_feed_are_in_no_seal(
    database: Database, call: Call, freeze: Freeze, seal: Seal
) -> None:
    freeze(NOON - HOUR)
    product = database.product("A-1", 10)
    call("reserve_stock", product, 1)
    database.admin.execute("update store.movement set feed_key = 0")
    freeze(NOON)
    call("reserve_stock", product, 1)
    freeze(NOON + HOUR)
    assert seal() == [1]
    assert found(database) == []


def test_two_sessions_seal_an_hour_once(database: Database, freeze: Freeze) -> None:
    freeze(NOON)
    database.product("A-1", 10)
    freeze(NOON + HOUR)
    database.settle()
    one, two = database.connect("inventory_maintenance"), database.connect("inventory_maintenance")
    two.execute("set lock_timeout = '1ms'")
    with one.transaction():
        assert one.execute("select maintenance.seal_movements()").fetchone() == (1,)
        assert two.execute("select maintenance.seal_movements()").fetchone() == (0,)
    assert two.execute("select maintenance.seal_movements()").fetchone() == (0,)
    assert hours(database) == [(NOON, 1, 1)]


def test_the_job_seals_until_nothing_is_left(database: Database, call: Call, freeze: Freeze) -> None:
    freeze(NOON)
    product = database.product("A-1", 10)
    for n in range(1, 4):
        freeze(NOON + n * HOUR)
        call("reserve_stock", product, 1)
    database.settle()
    database.connect("inventory_maintenance").execute("call maintenance.run_batches('seal_movements')")
    assert hours(database) == [(NOON + n * HOUR, 1, 1) for n in range(3)]
    assert database.rows("select last_count, is_unfinished from store.job where name = 'seal_movements'") == [
        (3, False)
    ]


# What is found


def movement(database: Database, product: int, number: int) -> Any:
    return database.one("select id from store.movement where product_id = %s and number = %s", product, number)


@pytest.mark.parametrize(
    "change",
    [
        "on_hand_before = on_hand_before + 1, on_hand_after = on_hand_after + 1",
        "reserved_after = 0.501",
        "blocked_before = blocked_before + 0.5, blocked_after = blocked_after + 0.5",
        "actor = 'eve'",
        "actor = 'bob '",
        "reason = coalesce(reason, '')",
        "reference = ''",
        "cost = 0",
        "written_by = null",
        "occurred_at = occurred_at + interval '1 microsecond'",
        "created_at = created_at - interval '1 microsecond'",
        "average_value = average_value + 0.001",
        "average_quantity = average_quantity + 0.001",
        "kind = 'release', reserved_before = 1",
        "product_id = 77",
        "number = 77",
    ],
)
def test_a_movement_that_was_changed_is_named(database: Database, ledger: list[int], change: str) -> None:
    changed = movement(database, ledger[1], 2)
    database.admin.execute("alter table store.movement drop constraint movement_sound")
    database.admin.execute(f"update store.movement set {change} where id = %s".encode(), [changed])
    product, number = database.rows("select product_id, number from store.movement where id = %s", changed)[0]
    assert found(database) == [(2, changed, product, number, "changed")]
    assert found(database, None, 3) == []
    assert found(database, None, None, 1) == []
    assert found(database, None, 2, 2) == found(database)


def test_a_movement_that_was_removed_is_named(database: Database, ledger: list[int]) -> None:
    removed = [movement(database, ledger[0], number) for number in (1, 5)]
    database.admin.execute("delete from store.movement where id = any(%s)", [removed])
    assert found(database) == [(1, removed[0], None, None, "removed"), (3, removed[1], None, None, "removed")]


@pytest.mark.parametrize("place", ["first", "within", "last"])
def test_a_movement_that_slipped_in_is_named(database: Database, ledger: list[int], place: str) -> None:
    keys = {"first": "1", "within": "(select feed_key from store.movement where number = 2 and product_id = 1)"}
    keys["last"] = "(select max(last_key) from store.seal)"
    number = {"first": 1, "within": 2, "last": 3}[place]
    database.admin.execute(FORGED.format(keys[place]).encode(), [movement(database, ledger[1], 5)])
    assert found(database) == [(number, -5, ledger[1], 99, "slipped in")]


def test_a_movement_that_pretends_to_be_older_than_the_feed_is_named(database: Database, ledger: list[int]) -> None:
    database.admin.execute(FORGED.format(0).encode(), [movement(database, ledger[1], 5)])
    assert found(database) == [(3, -5, ledger[1], 99, "slipped in")]


def test_a_movement_that_was_moved_in_the_feed_is_removed_and_slips_in(database: Database, ledger: list[int]) -> None:
    moved = movement(database, ledger[1], 2)
    database.admin.execute("update store.movement set feed_key = 1 where id = %s", [moved])
    assert found(database) == [(1, moved, ledger[1], 2, "slipped in"), (2, moved, None, None, "removed")]


@pytest.mark.parametrize(
    ("change", "more"),
    [
        ("movements = 5", []),
        ("part = 2", []),
        ("sealed_at = sealed_at + interval '1 microsecond'", []),
        ("hour = hour - interval '1 hour' * 9", []),
        ("first_id = 0", []),
        ("leaves = set_byte(leaves, 24 + 8, (get_byte(leaves, 24 + 8) + 1) %% 256)", ["changed"]),
        ("leaves = substr(leaves, 1, 24 * 3)", ["slipped in"]),
        ("leaves = substr(leaves, 1, 24 * 4 - 1)", ["slipped in"]),
        ("leaves = ''", ["slipped in"] * 4),
    ],
)
def test_a_seal_that_was_changed_is_named(database: Database, ledger: list[int], change: str, more: list[str]) -> None:
    database.admin.execute(f"update store.seal set {change} where number = 2".encode(), [])
    problems = found(database)
    assert {row[0] for row in problems} == {2}
    assert [row[-1] for row in problems] == ["seal changed", *more]


def test_a_chain_that_was_broken_is_named(database: Database, ledger: list[int]) -> None:
    known = copies(database)
    with database.admin.transaction(force_rollback=True):
        database.admin.execute("delete from store.seal where number = 2")
        assert found(database) == [(3, None, None, None, "chain broken")]
    with database.admin.transaction(force_rollback=True):
        reseal(database, 2)
        assert found(database) == [(3, None, None, None, "chain broken")]
    with database.admin.transaction(force_rollback=True):
        database.admin.execute("delete from store.seal where number = 1")
        assert found(database) == [(2, None, None, None, "chain broken")]
    database.admin.execute("delete from store.seal where number = 3")
    assert found(database) == [], "only a copy shows that the last seals are gone"
    assert found(database, known) == [(3, None, None, None, "differs from the copy")]
    assert found(database, known, 1, 2) == []


def reseal(database: Database, number: int) -> None:
    """Seal an hour anew, as the owner of the database can."""
    database.admin.execute(
        "update store.seal as s set previous_hash = p.hash from store.seal as p"
        " where s.number = %s and p.number = s.number - 1",
        [number],
    )
    database.admin.execute(
        "update store.seal as s set leaves = (select string_agg(maintenance.movement_leaf(m), '' order by feed_key, id)"
        " from store.movement as m where (feed_key, id) between (first_key, first_id) and (last_key, last_id)),"
        " sealed_at = sealed_at + interval '1 microsecond' where number = %s",
        [number],
    )
    database.admin.execute("update store.seal as s set hash = maintenance.seal_hash(s) where number = %s", [number])


def test_a_ledger_that_was_sealed_anew_is_found_with_a_copy(database: Database, ledger: list[int]) -> None:
    known = copies(database)
    database.admin.execute("update store.movement set actor = 'eve' where id = %s", [movement(database, ledger[0], 2)])
    for number in (2, 3):
        reseal(database, number)
    assert found(database) == []
    differs = [(number, None, None, None, "differs from the copy") for number in (2, 3)]
    assert found(database, known) == differs
    assert found(database, Jsonb(known.obj["seals"])) == differs
    assert found(database, known, 3) == differs[1:]
    assert found(database, copies(database)) == []


@pytest.mark.parametrize(
    "known", [1, "x", {}, {"seals": {}}, [1], [{"number": 1}], [{"number": "a", "hash": "00"}], [{"hash": "0" * 64}]]
)
def test_a_copy_in_another_form_is_refused(database: Database, refused: Refused, known: Any) -> None:
    with refused("22023"):
        database.admin.execute("select maintenance.verify_seals(%s)", [Jsonb(known)])


def test_months_that_were_detached_are_not_removed(database: Database, call: Call, freeze: Freeze, seal: Seal) -> None:
    month = NOON.replace(day=1, hour=0)
    freeze(month - HOUR)
    products = [database.product(sku, 10) for sku in ("A-1", "B-1")]
    older = database.connect()
    with older.transaction():
        older.execute("select inventory.feed_key()")
        call("reserve_stock", products[0], 1)
        freeze(month)
        older.execute("select inventory.reserve_stock(%s, 1)", [products[1]])
    call("reserve_stock", products[1], 1)
    freeze(NOON)
    while database.one("select maintenance.make_partitions()"):
        pass
    assert seal() == [2, 1, 1, 1], "a seal has movements of one month"
    assert hours(database) == [(month - HOUR, 1, 2), (month, 1, 1), (month - HOUR, 2, 1), (month, 2, 1)]
    assert found(database) == []
    database.rows("select * from maintenance.detach_movements(%s)", month.date())
    detached = (3, None, None, None, "detached")
    assert found(database) == [detached]
    assert found(database, None, 4) == found(database, None, 2, 2) == []
    removed = movement(database, products[1], 2)
    database.admin.execute("delete from store.movement where id = %s", [removed])
    assert found(database) == [(2, removed, None, None, "removed"), detached]


def test_who_may_seal_and_verify(database: Database, ledger: list[int]) -> None:
    for role in ("operator", "integration", "admin", "worker", "reporting"):
        connection = database.connect(f"inventory_{role}")
        for call in ("select maintenance.seal_movements()", "select maintenance.verify_seals()", "table store.seal"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(call.encode())
    maintenance = database.connect("inventory_maintenance")
    assert maintenance.execute("select * from maintenance.verify_seals()").fetchall() == []
