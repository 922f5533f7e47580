"""Temporary blocks: how they begin, how each ends exactly once, and what it means that they expire."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from tests.conftest import Database, InThread
from tests.sql.conftest import Call, Calls, Freeze, Refused
from tests.sql.races import refusal_of_the_second

pytestmark = pytest.mark.usefixtures("verified")

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
MICROSECOND = timedelta(microseconds=1)

CONFIGURE = {"role": "inventory_maintenance"}


def detail(error: pytest.ExceptionInfo[psycopg.Error]) -> Any:
    return json.loads(error.value.diag.message_detail or "null")


def block(call: Call, product: int, quantity: Any, **named: Any) -> dict[str, Any]:
    """A new block."""
    row = call("create_block", product, quantity, **named)
    assert row is not None
    return row


def stored(database: Database, block_id: Any) -> tuple[Any, ...]:
    """(status, ended at, why, by whom, how much of it was converted)"""
    (row,) = database.rows(
        "select status, ended_at, ended_reason, ended_by, converted_quantity from store.block where id = %s", block_id
    )
    return row


def line(database: Database, product: int, quantity: Any) -> str:
    """One line of a multi-line block, as SQL writes it."""
    return f"({database.sku_id(product)},{quantity})"


# Beginning


def test_a_block_holds_units(database: Database, call: Call) -> None:
    product = database.product(quantity=10)
    made = block(call, product, "2.5", p_reason="checkout", p_actor="ann")
    assert database.stock(product) == (10, 0, Decimal("2.5"))
    assert (made["product_id"], made["quantity"], made["reason"]) == (product, Decimal("2.5"), "checkout")
    assert (made["status"], made["created_by"], made["ended_at"]) == ("active", "ann", None)
    assert made["id"].version == 7
    assert database.rows(
        "select kind, blocked_before, blocked_after, reference, reason, actor, occurred_at, created_at, cost"
        " from store.movement order by id desc limit 1"
    ) == [
        ("block", 0, Decimal("2.5"), str(made["id"]), "checkout", "ann", made["created_at"], made["created_at"], None)
    ]


def test_no_more_is_blocked_than_is_available(database: Database, call: Call, refused: Refused) -> None:
    product = database.product(quantity=10)
    call("reserve_stock", product, 3)
    block(call, product, 2)
    with refused("IV001") as error:
        block(call, product, "5.001")
    assert detail(error) == {"available": 5, "requested": 5.001}
    block(call, product, 5)
    assert database.stock(product) == (10, 3, 7)


def test_a_block_of_no_quantity_is_refused(
    database: Database, call: Call, refused: Refused, subtests: pytest.Subtests
) -> None:
    product = database.product(quantity=10)
    for quantity, refusal in (
        (0, ["23514", "positive_quantity_range"]),
        (-1, ["23514", "positive_quantity_range"]),
        ("NaN", ["23514", "positive_quantity_range"]),
        ("0.0001", ["23514", "positive_quantity_places"]),
        ("1000000000", ["23514", "positive_quantity_range"]),
        (None, ["22004"]),
    ):
        with subtests.test(quantity=quantity), refused(*refusal):
            block(call, product, quantity)


def test_a_block_of_an_unknown_product_is_refused(call: Call, refused: Refused) -> None:
    with refused("IV003"):
        block(call, 999_999, 1)


@pytest.mark.parametrize("status", ["inactive", "archived"])
def test_an_inventory_that_is_not_active_takes_no_block_and_lets_blocks_finish(
    database: Database, call: Call, refused: Refused, status: str
) -> None:
    product = database.product(quantity=10)
    converted, cancelled = block(call, product, 2), block(call, product, 3)
    database.admin.execute("update store.stock set status = %s", [status])
    with refused("IV010") as error:
        block(call, product, 1)
    assert detail(error) == {"status": status}
    call("convert_block", converted["id"])
    call("cancel_block", cancelled["id"])
    assert database.stock(product) == (8, 0, 0)


def test_blocks_in_order_of_id_are_in_order_of_creation(
    database: Database, call: Call, in_thread: type[InThread]
) -> None:
    """Also where one began to wait before the other was made."""
    product = database.product(quantity=10)
    one, two = database.connect("inventory_operator"), database.connect("inventory_operator")
    with one.transaction():
        one.execute("select inventory.add_stock(%s, 1)", [product])
        waiting = in_thread(lambda: two.execute("select inventory.create_block(%s, 2)", [product]))
        database.wait_until_blocked(two)
        one.execute("select inventory.create_block(%s, 1)", [product])
    waiting.result()
    block(call, product, 3)
    assert database.rows("select quantity from store.block order by id") == [(1,), (2,), (3,)]
    assert database.rows("select quantity from store.block order by created_at") == [(1,), (2,), (3,)]


# How long


def test_a_block_lasts_the_default_time(database: Database, call: Call) -> None:
    product = database.product(quantity=10)
    made = block(call, product, 1)
    assert made["expires_at"] - made["created_at"] == 15 * MINUTE
    call("maintenance.configure", p_block_duration=MINUTE, **CONFIGURE)
    made = block(call, product, 1)
    assert made["expires_at"] - made["created_at"] == MINUTE


def test_a_block_ends_when_its_caller_says(database: Database, call: Call) -> None:
    product = database.product(quantity=10)
    expires_at = database.one("select inventory.clock() + interval '2 hours 3 microseconds'")
    assert block(call, product, 1, p_expires_at=expires_at)["expires_at"] == expires_at


def test_a_block_ends_in_the_future(
    database: Database, call: Call, refused: Refused, freeze: Freeze, subtests: pytest.Subtests
) -> None:
    product = database.product(quantity=10)
    freeze(NOON)
    for end in (NOON, NOON - MICROSECOND, NOON - 365 * 24 * HOUR, "-infinity"):
        with subtests.test(end=end):
            with refused("22023") as error:
                block(call, product, 1, p_expires_at=end)
            assert detail(error)["field"] == "expires_at"
    assert block(call, product, 1, p_expires_at=NOON + MICROSECOND)["expires_at"] == NOON + MICROSECOND


def test_no_block_lasts_longer_than_the_maximum(
    database: Database, call: Call, refused: Refused, freeze: Freeze
) -> None:
    product = database.product(quantity=10)
    freeze(NOON)
    for maximum in (timedelta(days=30), HOUR):
        call("maintenance.configure", p_block_duration_maximum=maximum, **CONFIGURE)
        for end in (NOON + maximum + MICROSECOND, "infinity"):
            with refused("22023") as error:
                block(call, product, 1, p_expires_at=end)
            assert detail(error)["field"] == "expires_at"
        assert block(call, product, 1, p_expires_at=NOON + maximum)["expires_at"] == NOON + maximum


def test_a_bad_end_is_refused_whatever_the_stock_is(
    database: Database, call: Call, refused: Refused, freeze: Freeze
) -> None:
    product = database.product(quantity=0)
    freeze(NOON)
    with refused("22023"):
        block(call, product, 1, p_expires_at=NOON)


def test_an_end_that_passed_while_the_caller_waited_is_refused(
    database: Database, call: Call, in_thread: type[InThread]
) -> None:
    product = database.product(quantity=10)
    first, second = database.connect("inventory_operator"), database.connect("inventory_operator")
    expires_at = database.one("select inventory.clock()") + HOUR
    with first.transaction():
        first.execute("select inventory.add_stock(%s, 1)", [product])
        waiting = in_thread(
            lambda: second.execute("select inventory.create_block(%s, 1, p_expires_at => %s)", [product, expires_at])
        )
        database.wait_until_blocked(second)
        database.advance(2 * HOUR)
    with pytest.raises(psycopg.Error) as error:
        waiting.result()
    assert error.value.sqlstate == "22023"
    assert database.stock(product) == (11, 0, 0)
    assert database.counts()["block"] == 0


# Several at once


def test_lines_make_a_block_each_in_their_order(database: Database, calls: Calls) -> None:
    first, second = database.product("A-1", 5), database.product("A-2", 5)
    lines = [line(database, second, 1), line(database, first, 2), line(database, second, 3)]
    made = calls("create_blocks", lines, p_reason="order", p_actor="ann")
    assert [(row["product_id"], row["quantity"]) for row in made] == [(second, 1), (first, 2), (second, 3)]
    assert [row["id"] for row in made] == sorted(row["id"] for row in made)
    assert {(row["reason"], row["created_by"]) for row in made} == {("order", "ann")}
    assert len({row["expires_at"] for row in made}) == 1, "all of one end"
    assert database.stock(first) == (5, 0, 2)
    assert database.stock(second) == (5, 0, 4)


def test_lines_of_one_sku_count_together(database: Database, calls: Calls, refused: Refused) -> None:
    product = database.product(quantity=5)
    with refused("IV001") as error:
        calls("create_blocks", [line(database, product, 3), line(database, product, "2.001")])
    assert detail(error) == {"available": 5, "requested": 5.001}
    assert len(calls("create_blocks", [line(database, product, 3), line(database, product, 2)])) == 2
    assert database.stock(product) == (5, 0, 5)


def test_lines_are_blocked_all_or_none(database: Database, calls: Calls, refused: Refused) -> None:
    first, second, third = (database.product(f"A-{number}", 5) for number in (1, 2, 3))
    for quantity, sqlstate in ((6, "IV001"), ("", "22004")):
        with refused(sqlstate):
            calls(
                "create_blocks",
                [line(database, first, 1), line(database, second, quantity), line(database, third, 1)],
            )
    database.admin.execute("update store.stock set status = 'archived' where product_id = %s", [third])
    with refused("IV010"):
        calls("create_blocks", [line(database, first, 1), line(database, third, 1)])


def test_an_unknown_sku_in_a_line_undoes_all(database: Database, calls: Calls, refused: Refused) -> None:
    product = database.product(quantity=5)
    for unknown in ("(00000000-0000-0000-0000-000000000000,1)", "(,1)", None):
        with refused("IV003"):
            calls("create_blocks", [line(database, product, 1), unknown])


def test_a_bad_end_is_refused_whatever_the_lines_are(database: Database, calls: Calls, refused: Refused) -> None:
    with refused("22023") as error:
        calls("create_blocks", ["(00000000-0000-0000-0000-000000000000,1)"], p_expires_at=NOON - 10 * 365 * 24 * HOUR)
    assert detail(error)["field"] == "expires_at"


def test_lines_are_1_to_100(database: Database, calls: Calls, refused: Refused) -> None:
    product = database.product(quantity=500)
    for count in (0, 101):
        with refused("23514", "block_lines_count"):
            calls("create_blocks", [line(database, product, 1)] * count)
    assert len(calls("create_blocks", [line(database, product, 1)] * 100)) == 100


def test_lines_wait_for_the_first_product_before_they_lock_another(
    database: Database, in_thread: type[InThread]
) -> None:
    """In order of id, whatever order the lines are in: two such calls never wait for each other in a ring."""
    first, second = database.product("A-1", 5), database.product("A-2", 5)
    database.without_indexes()
    database.admin.execute("update store.stock set updated_at = updated_at where product_id = %s", [first])
    one, two = database.connect("inventory_operator"), database.connect("inventory_operator")
    lines = [line(database, second, 1), line(database, first, 1)]
    with one.transaction():
        one.execute("select inventory.add_stock(%s, 1)", [first])
        waiting = in_thread(lambda: two.execute("select inventory.create_blocks(%s)", [lines]))
        database.wait_until_blocked(two)
        assert database.one("select product_id from store.stock where product_id = %s for update nowait", second)
    waiting.result()
    assert database.stock(first) == (6, 0, 1)
    assert database.stock(second) == (5, 0, 1)


# Ending


def test_a_converted_block_leaves(database: Database, call: Call) -> None:
    product = database.product(quantity=10, p_cost_price="1.5")
    made = block(call, product, 4, p_reason="cart")
    ended = call("convert_block", made["id"], p_reason="paid", p_actor="bob")
    assert ended is not None
    assert database.stock(product) == (6, 0, 0)
    assert (ended["status"], ended["converted_quantity"], ended["quantity"]) == ("converted", 4, 4)
    assert (ended["ended_reason"], ended["ended_by"], ended["reason"]) == ("paid", "bob", "cart")
    assert database.rows(
        "select kind, on_hand_before, on_hand_after, blocked_before, blocked_after, cost, reference, reason, actor,"
        " created_at from store.movement order by id desc limit 1"
    ) == [("convert", 10, 6, 4, 0, 6, str(made["id"]), "paid", "bob", ended["ended_at"])]


def test_of_a_block_that_is_converted_in_part_the_rest_is_available(
    database: Database, call: Call, refused: Refused
) -> None:
    product = database.product(quantity=10)
    made = block(call, product, 4)
    with refused("IV009") as error:
        call("convert_block", made["id"], "4.001")
    assert detail(error) == {"quantity": 4, "requested": 4.001}
    for quantity in (0, -1):
        with refused("23514", "positive_quantity_range"):
            call("convert_block", made["id"], quantity)
    ended = call("convert_block", made["id"], "1.5")
    assert ended is not None
    assert (ended["status"], ended["quantity"], ended["converted_quantity"]) == ("converted", 4, Decimal("1.5"))
    assert database.stock(product) == (Decimal("8.5"), 0, 0)
    block(call, product, "8.5")


def test_a_cancelled_block_is_available_again(database: Database, call: Call) -> None:
    product = database.product(quantity=10)
    made = block(call, product, 4)
    ended = call("cancel_block", made["id"], "changed my mind", "bob")
    assert ended is not None
    assert database.stock(product) == (10, 0, 0)
    assert (ended["status"], ended["ended_reason"], ended["ended_by"]) == ("cancelled", "changed my mind", "bob")
    assert (ended["converted_quantity"], ended["ended_at"] >= made["created_at"]) == (None, True)
    assert database.rows(
        "select kind, blocked_before, blocked_after, cost, reference, reason, actor"
        " from store.movement order by id desc limit 1"
    ) == [("cancel", 4, 0, None, str(made["id"]), "changed my mind", "bob")]


ENDINGS = ["convert_block", "cancel_block"]
STATES = {"convert_block": "IV007", "cancel_block": "IV008"}


@pytest.mark.parametrize("first", ENDINGS)
def test_a_block_ends_once(database: Database, call: Call, refused: Refused, first: str) -> None:
    product = database.product(quantity=10)
    made = block(call, product, 4)
    call(first, made["id"])
    for second in ENDINGS:
        with refused(STATES[first]):
            call(second, made["id"])
    with refused(STATES[first]):
        call("extend_block", made["id"], database.one("select inventory.clock()") + HOUR)
    database.advance(24 * HOUR)
    with refused(STATES[first]):
        call("cancel_block", made["id"])
    assert call("maintenance.expire_blocks", role="inventory_maintenance") == {"expire_blocks": 0}


@pytest.mark.parametrize("first", ENDINGS)
@pytest.mark.parametrize("second", ENDINGS)
def test_of_two_callers_who_end_a_block_one_does(
    database: Database, call: Call, in_thread: type[InThread], first: str, second: str
) -> None:
    product = database.product(quantity=10)
    made = block(call, product, 4)
    one, two = database.connect("inventory_operator"), database.connect("inventory_operator")
    with one.transaction():
        one.execute(f"select inventory.{first}(%s)".encode(), [made["id"]])
        waiting = in_thread(lambda: two.execute(f"select inventory.{second}(%s)".encode(), [made["id"]]))
        database.wait_until_blocked(two)
    with pytest.raises(psycopg.Error) as error:
        waiting.result()
    assert error.value.sqlstate == STATES[first]
    assert database.stock(product) == (6 if first == "convert_block" else 10, 0, 0)


def test_a_block_whose_ending_was_rolled_back_can_be_ended(
    database: Database, call: Call, in_thread: type[InThread]
) -> None:
    product = database.product(quantity=10)
    made = block(call, product, 4)
    one, two = database.connect("inventory_operator"), database.connect("inventory_operator")
    with one.transaction(force_rollback=True):
        one.execute("select inventory.convert_block(%s)", [made["id"]])
        waiting = in_thread(lambda: two.execute("select inventory.cancel_block(%s)", [made["id"]]))
        database.wait_until_blocked(two)
    waiting.result()
    assert stored(database, made["id"])[0] == "cancelled"


def test_an_unknown_block_is_said_to_be_unknown(database: Database, call: Call, refused: Refused) -> None:
    database.product(quantity=10)
    later = [datetime(2090, 1, 1, tzinfo=UTC)]
    for rule, more in (("convert_block", []), ("cancel_block", []), ("extend_block", later)):
        for block_id in ("00000000-0000-0000-0000-000000000000", None):
            with refused("IV004"):
                call(rule, block_id, *more)


def test_each_block_is_found_among_others(database: Database, call: Call) -> None:
    """Of the same product and of another, older and newer."""
    others = [block(call, database.product("A-1", 10), 1)]
    product = database.product("A-2", 10)
    others.append(block(call, product, 2))
    made = block(call, product, 3)
    others.append(block(call, product, 4))
    before = [stored(database, other["id"]) for other in others]
    extended = call("extend_block", made["id"], made["expires_at"] + HOUR)
    assert extended is not None
    assert (extended["id"], extended["expires_at"]) == (made["id"], made["expires_at"] + HOUR)
    ended = call("convert_block", made["id"])
    assert ended is not None
    assert (ended["id"], ended["product_id"], ended["converted_quantity"]) == (made["id"], product, 3)
    assert [stored(database, other["id"]) for other in others] == before
    assert database.rows("select expires_at from store.block where status = 'active' order by id") == [
        (other["expires_at"],) for other in others
    ]
    assert database.stock(product) == (7, 0, 6)


# Extending


def test_an_extended_block_lasts_until_its_new_end(database: Database, call: Call, freeze: Freeze) -> None:
    product = database.product(quantity=10)
    freeze(NOON)
    made = block(call, product, 4)
    movements = database.counts()["movement"]
    extended = call("extend_block", made["id"], NOON + HOUR)
    assert extended is not None
    assert extended == made | {"expires_at": NOON + HOUR}
    assert database.counts()["movement"] == movements, "no balance has changed"

    freeze(NOON + HOUR - MICROSECOND)
    assert call("maintenance.expire_blocks", role="inventory_maintenance") == {"expire_blocks": 0}
    assert call("stock_of", product, NOON + HOUR - MICROSECOND)["blocked"] == 4  # type: ignore[index]
    freeze(NOON + HOUR)
    assert call("maintenance.expire_blocks", role="inventory_maintenance") == {"expire_blocks": 1}


def test_a_block_may_be_made_to_end_sooner(database: Database, call: Call, freeze: Freeze) -> None:
    product = database.product(quantity=10)
    freeze(NOON)
    made = block(call, product, 4)
    extended = call("extend_block", made["id"], NOON + MICROSECOND)
    assert extended is not None
    assert extended["expires_at"] == NOON + MICROSECOND


def test_a_block_is_extended_into_the_future_within_the_maximum_from_its_creation(
    database: Database, call: Call, refused: Refused, freeze: Freeze
) -> None:
    product = database.product(quantity=10)
    freeze(NOON)
    made = block(call, product, 4, p_expires_at=NOON + 20 * 24 * HOUR)
    freeze(NOON + 10 * 24 * HOUR)
    last = NOON + timedelta(days=30)
    for end in (NOON + 10 * 24 * HOUR, NOON, last + MICROSECOND, "infinity", None):
        with refused("22023") as error:
            call("extend_block", made["id"], end)
        assert detail(error)["field"] == "expires_at"
    extended = call("extend_block", made["id"], last)
    assert extended is not None
    assert extended["expires_at"] == last


# Expiring


@pytest.mark.parametrize("rule", [*ENDINGS, "extend_block"])
def test_a_block_expires_at_the_instant_that_it_says(
    database: Database, call: Call, refused: Refused, freeze: Freeze, rule: str
) -> None:
    """No sweep has run, here and below."""
    product = database.product(quantity=10)
    freeze(NOON)
    late, timely = (block(call, product, 4, p_expires_at=NOON + MINUTE) for _ in range(2))
    more = [NOON + HOUR] if rule == "extend_block" else []
    freeze(NOON + MINUTE - MICROSECOND)
    assert call(rule, timely["id"], *more) is not None
    freeze(NOON + MINUTE)
    with refused("IV006"):
        call(rule, late["id"], *more)


def test_the_units_of_an_expired_block_can_be_had_by_the_next_caller(
    database: Database, call: Call, refused: Refused, freeze: Freeze
) -> None:
    product = database.product(quantity=10)
    freeze(NOON)
    made = block(call, product, 4, p_expires_at=NOON + MINUTE)
    freeze(NOON + MINUTE - MICROSECOND)
    with refused("IV001") as error:
        call("reserve_stock", product, 7)
    assert detail(error) == {"available": 6, "requested": 7}
    freeze(NOON + MINUTE)
    with refused("IV001") as error:
        call("reserve_stock", product, 11)
    assert detail(error) == {"available": 10, "requested": 11}
    call("reserve_stock", product, 7)
    assert database.stock(product) == (10, 7, 0)
    assert stored(database, made["id"]) == ("expired", NOON + MINUTE, None, None, None)


def test_time_that_passes_ends_a_block(database: Database, call: Call, refused: Refused) -> None:
    """The same, on the clock that runs."""
    product = database.product(quantity=4)
    made = block(call, product, 4)
    database.advance(15 * MINUTE - MINUTE)
    with refused("IV001"):
        block(call, product, 1)
    database.advance(MINUTE)
    with refused("IV006"):
        call("convert_block", made["id"])
    block(call, product, 4)
    assert stored(database, made["id"])[:2] == ("expired", made["expires_at"])


def test_an_expiry_is_written_when_it_is_found_and_dated_when_it_happened(
    database: Database, call: Call, freeze: Freeze
) -> None:
    product = database.product(quantity=10)
    freeze(NOON)
    made = block(call, product, 4, p_reason="cart", p_expires_at=NOON + MINUTE)
    freeze(NOON + HOUR)
    call("reserve_stock", product, 10)
    assert database.rows(
        "select kind, on_hand_before, on_hand_after, reserved_before, reserved_after, blocked_before, blocked_after,"
        " cost, reference, reason, actor, occurred_at, created_at from store.movement where kind = 'expire'"
    ) == [("expire", 10, 10, 0, 0, 4, 0, None, str(made["id"]), None, "expiry", NOON + MINUTE, NOON + HOUR)]


def test_expired_blocks_are_left_alone_while_nothing_is_scarce(database: Database, call: Call, freeze: Freeze) -> None:
    product = database.product(quantity=10)
    freeze(NOON)
    made = block(call, product, 4, p_expires_at=NOON + MINUTE)
    freeze(NOON + HOUR)
    call("reserve_stock", product, 6)
    assert stored(database, made["id"])[0] == "active"
    assert database.stock(product) == (10, 6, 4)
    assert call("stock_of", product) == {
        "on_hand": 10,
        "reserved": 6,
        "blocked": 0,
        "available": 4,
        "status": "active",
    }


def test_blocks_end_in_the_order_of_their_ends(database: Database, call: Call, freeze: Freeze) -> None:
    product = database.product(quantity=10)
    freeze(NOON)
    ends = (3 * MINUTE, MINUTE, 2 * MINUTE, HOUR)
    made = [block(call, product, quantity, p_expires_at=NOON + end) for quantity, end in enumerate(ends, 1)]
    freeze(NOON + 3 * MINUTE)
    call("reserve_stock", product, 6)
    assert database.rows(
        "select reference, occurred_at, blocked_before, blocked_after from store.movement"
        " where kind = 'expire' order by id"
    ) == [
        (str(made[1]["id"]), NOON + MINUTE, 10, 8),
        (str(made[2]["id"]), NOON + 2 * MINUTE, 8, 5),
        (str(made[0]["id"]), NOON + 3 * MINUTE, 5, 4),
    ]
    assert stored(database, made[3]["id"])[0] == "active"
    assert database.stock(product) == (10, 6, 4)


def test_units_are_counted_and_freed_as_of_an_instant(database: Database, call: Call, freeze: Freeze) -> None:
    product, other = database.product("A-1", 10), database.product("A-2", 10)
    freeze(NOON)
    for quantity, lasting in ((1, MINUTE), (2, MINUTE), (4, HOUR)):
        block(call, product, quantity, p_expires_at=NOON + lasting)
    block(call, other, 5, p_expires_at=NOON + MINUTE)

    def expired(at: datetime) -> Any:
        return database.one("select inventory.expired_quantity(%s, %s)", product, at)

    def end(at: datetime) -> Any:
        freeze(at)
        return database.one("select inventory.end_expired_blocks(%s, 100)", product)

    assert (expired(NOON + MINUTE - MICROSECOND), end(NOON + MINUTE - MICROSECOND)) == (0, 0)
    assert (expired(NOON + MINUTE), expired(NOON + HOUR)) == (3, 7)
    assert end(NOON + MINUTE) == 2
    assert (expired(NOON + MINUTE), end(NOON + MINUTE)) == (0, 0), "nothing is given back twice"
    assert database.stock(product) == (10, 0, 4)
    assert end(NOON + HOUR) == 1
    assert database.stock(product) == (10, 0, 0)
    assert database.stock(other) == (10, 0, 5)


def test_a_bounded_sweep_ends_the_oldest_first(database: Database, call: Call, calls: Calls, freeze: Freeze) -> None:
    product = database.product(quantity=10)
    freeze(NOON)
    for quantity, end in ((1, 3 * MINUTE), (2, MINUTE), (3, 2 * MINUTE)):
        block(call, product, quantity, p_expires_at=NOON + end)
    database.without_indexes()
    freeze(NOON + HOUR)
    for ended, blocked in ((2, 1), (1, 0), (0, 0)):
        (found,) = calls("end_expired_blocks", product, 2, role="postgres")
        assert found == {"end_expired_blocks": ended}
        assert database.stock(product) == (10, 0, blocked)


def test_a_bounded_sweep_counts_blocks_of_its_product_alone(database: Database, call: Call, freeze: Freeze) -> None:
    product, other = database.product("A-1", 10), database.product("A-2", 10)
    freeze(NOON)
    for _ in range(2):
        block(call, other, 1, p_expires_at=NOON + MINUTE)
        block(call, product, 1, p_expires_at=NOON + 2 * MINUTE)
    freeze(NOON + HOUR)
    assert database.one("select inventory.end_expired_blocks(%s, 2)", product) == 2
    assert database.stock(product) == (10, 0, 0)
    assert database.stock(other) == (10, 0, 2)


def test_a_sweep_waits_for_who_changes_the_balances(
    database: Database, call: Call, freeze: Freeze, in_thread: type[InThread]
) -> None:
    """Its movements begin where the one before ended, which the ledger's check sees."""
    product = database.product(quantity=10)
    freeze(NOON)
    block(call, product, 4, p_expires_at=NOON + MINUTE)
    one, two = database.connect("inventory_operator"), database.connect()
    with one.transaction():
        one.execute("select inventory.reserve_stock(%s, 3)", [product])
        freeze(NOON + HOUR)
        sweep = in_thread(lambda: two.execute("select inventory.end_expired_blocks(%s, 9)", [product]))
        database.wait_until_blocked(two)
    sweep.result()
    assert database.rows(
        "select reserved_before, reserved_after, blocked_before, blocked_after"
        " from store.movement order by id desc limit 1"
    ) == [(3, 3, 4, 0)]


def test_nothing_is_given_back_twice(database: Database, call: Call, freeze: Freeze) -> None:
    """By demand, which ends no more than it takes, and by sweep, in either order."""
    product = database.product(quantity=10)
    freeze(NOON)
    for _ in range(3):
        block(call, product, 2, p_expires_at=NOON + MINUTE)
    freeze(NOON + MINUTE)
    call("reserve_stock", product, 7)
    assert database.stock(product) == (10, 7, 2)
    assert call("maintenance.expire_blocks", role="inventory_maintenance") == {"expire_blocks": 1}
    call("release_stock", product, 7)
    block(call, product, 10, p_expires_at=NOON + 2 * MINUTE)
    freeze(NOON + 2 * MINUTE)
    assert call("maintenance.expire_blocks", role="inventory_maintenance") == {"expire_blocks": 1}
    call("reserve_stock", product, 10)
    assert database.stock(product) == (10, 10, 0)


def test_expired_units_go_to_one_of_two_callers(database: Database, call: Call, in_thread: type[InThread]) -> None:
    product = database.product(quantity=4)
    block(call, product, 4)
    database.advance(HOUR)
    query = f"select inventory.reserve_stock({product}, 3)"
    assert refusal_of_the_second(database, in_thread, "inventory_operator", query) == "IV001"
    assert database.stock(product) == (4, 3, 0)


def test_a_block_that_was_extended_while_the_sweep_waited_is_not_swept(
    database: Database, call: Call, freeze: Freeze, in_thread: type[InThread]
) -> None:
    product = database.product(quantity=4)
    freeze(NOON)
    made = block(call, product, 4, p_expires_at=NOON + MINUTE)
    one, two = database.connect("inventory_operator"), database.connect()
    with one.transaction():
        one.execute("select inventory.extend_block(%s, %s)", [made["id"], NOON + HOUR])
        freeze(NOON + MINUTE)
        waiting = in_thread(lambda: two.execute("select inventory.end_expired_blocks(%s, 9)", [product]).fetchone())
        database.wait_until_blocked(two)
    assert waiting.result() == (0,)
    assert database.stock(product) == (4, 0, 4)


def test_the_table_itself_refuses(database: Database, call: Call, refused: Refused, subtests: pytest.Subtests) -> None:
    block(call, database.product(quantity=10), 4)
    for change, constraint in (
        ("quantity = 0", "block_quantity_positive"),
        ("status = 'gone', ended_at = now()", "block_status_known"),
        ("expires_at = created_at", "block_expires_after_creation"),
        ("status = 'expired'", "block_ends_once"),
        ("ended_at = now()", "block_ends_once"),
        ("converted_quantity = 1", "block_converted_within"),
        ("status = 'converted', ended_at = now()", "block_converted_within"),
        ("status = 'converted', ended_at = now(), converted_quantity = quantity + 1", "block_converted_within"),
    ):
        with subtests.test(change), refused("23514", constraint):
            database.admin.execute(f"update store.block set {change}".encode())


# The first look at the time comes a microsecond before the block's end, the second at its end.
TIME_RUNS_OUT = """
create sequence store.look;
create or replace function inventory.clock()
returns timestamptz
language plpgsql stable parallel safe security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return (select b.created_at from store.block as b) + interval '15 minutes'
        - case when nextval('store.look') = 1 then interval '1 microsecond' else interval '0' end;
end;
$$;
alter sequence store.look owner to inventory_owner;
"""


@pytest.mark.parametrize(("end", "status"), [("convert_block", "converted"), ("cancel_block", "cancelled")])
def test_a_block_is_ended_at_one_instant(database: Database, end: str, status: str) -> None:
    """Whether it is active is asked at the instant at which it ends."""
    product = database.product(quantity=5)
    block = database.one("select id from inventory.create_block(%s, 2)", product)
    database.admin.execute(TIME_RUNS_OUT.encode())
    database.one(f"select id from inventory.{end}(%s)", block)
    assert database.rows("select status, expires_at - ended_at from store.block") == [(status, MICROSECOND)]


def test_a_block_that_expires_while_it_is_extended_has_expired(database: Database, refused: Refused) -> None:
    product = database.product(quantity=5)
    block = database.one("select id from inventory.create_block(%s, 2)", product)
    database.admin.execute(TIME_RUNS_OUT.encode())
    with refused("IV006"):
        database.one("select id from inventory.extend_block(%s, now() + interval '1 hour')", block)
    assert database.rows("select status, expires_at - created_at from store.block") == [("active", 15 * MINUTE)]
