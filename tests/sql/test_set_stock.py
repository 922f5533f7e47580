"""inventory.set_stock: what was there at an instant is set to the count, and what has moved since stays moved."""

from __future__ import annotations

import json
import random
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from tests.conftest import Database, InThread
from tests.sql.conftest import Call, Refused

pytestmark = pytest.mark.usefixtures("verified")

MINUTE = timedelta(minutes=1)
MOVED = "select kind, on_hand_before, on_hand_after, reason, actor from store.movement order by number desc limit 1"


def now(database: Database) -> datetime:
    at: datetime = database.one("select inventory.clock()")
    return at


def test_what_moved_since_stays_moved(database: Database, call: Call) -> None:
    product = database.product(quantity=10)
    counted_at = now(database)
    database.advance(MINUTE)
    call("add_stock", product, 5)
    call("reserve_stock", product, 2)
    call("consume_stock", product, 2)
    count = call("set_stock", product, 7, counted_at, "The morning's count", "ann")
    assert count is not None
    assert (count["difference"], count["quantity"], count["counted_at"]) == (-3, 7, counted_at)
    assert database.stock(product) == (10, 0, 0)  # 7 + 5 - 2
    assert database.rows(MOVED) == [("count", 13, 10, "The morning's count", "ann")]


def test_without_an_instant_it_is_now(database: Database, call: Call) -> None:
    product = database.product(quantity=10)
    for quantity, difference in ((12, 2), (12, 0), (0, -12)):
        database.advance(MINUTE)
        count = call("set_stock", product, quantity)
        assert count is not None
        assert (count["difference"], count["number"] is None) == (difference, difference == 0)
        assert database.stock(product) == (quantity, 0, 0)


def test_the_same_count_again_changes_nothing(database: Database, call: Call) -> None:
    product = database.product(quantity=10)
    counted_at = now(database)
    database.advance(MINUTE)
    first = call("set_stock", product, 8, counted_at)
    call("add_stock", product, 1)
    assert call("set_stock", product, 8, counted_at, "again") == first
    assert database.stock(product) == (9, 0, 0)


def test_a_count_knows_what_an_earlier_one_corrected(database: Database, call: Call) -> None:
    """Counted at one o'clock and at two, both booked at three: the second finds the first's difference."""
    product = database.product(quantity=10)
    first = now(database)
    database.advance(MINUTE)
    second = now(database)
    database.advance(MINUTE)
    for counted_at, difference in ((first, -2), (second, 0)):
        count = call("set_stock", product, 8, counted_at)
        assert count is not None
        assert count["difference"] == difference
    assert database.stock(product) == (8, 0, 0)


@pytest.mark.parametrize("quantity", [8, 9])
def test_a_count_before_the_last_one_is_refused(
    database: Database, call: Call, refused: Refused, quantity: int
) -> None:
    product = database.product(quantity=10)
    earlier = now(database)
    database.advance(MINUTE)
    last = now(database)
    call("set_stock", product, 8, last)
    for counted_at, found in ((earlier, quantity), (last, 9)):
        with refused("22023") as error:
            call("set_stock", product, found, counted_at)
        assert json.loads(error.value.diag.message_detail or "")["field"] == "counted_at"


def test_a_count_of_the_future_or_of_before_the_inventory_is_refused(
    database: Database, call: Call, refused: Refused
) -> None:
    before = now(database)
    database.advance(MINUTE)
    product = database.product(quantity=10)
    for counted_at in (before, now(database) + MINUTE, datetime.fromisoformat("1999-01-01T00:00:00+00:00")):
        with refused("22023"):
            call("set_stock", product, 8, counted_at)
    with refused("22004"):
        call("set_stock", product, None)
    with refused("IV003"):
        call("set_stock", product + 1, 1)


def test_what_is_promised_stands_in_the_way(database: Database, call: Call, refused: Refused) -> None:
    product = database.product(quantity=10)
    call("reserve_stock", product, 4)
    call("create_block", product, 3, p_expires_at=now(database) + MINUTE)
    with refused("IV001") as error:
        call("set_stock", product, 6)
    assert json.loads(error.value.diag.message_detail or "") == {
        "reserved": 4, "blocked": 3, "available": 3, "index": 0,
    }  # fmt: skip
    database.advance(MINUTE)  # the block is over
    with refused("IV001") as error:
        call("set_stock", product, 3)
    assert error.value.diag.message_primary == "4 reserved and 0 blocked units stand in the way."
    call("set_stock", product, 6)
    assert database.stock(product) == (6, 4, 0)


def test_many_are_all_or_none(database: Database, refused: Refused) -> None:
    products = [database.product(f"A-{number}", 10) for number in range(3)]
    database.admin.execute("select inventory.reserve_stock(%s, 10)", [products[1]])
    items = "select array(select row(i::text, 4, null, null)::inventory.stock_found from unnest(%s::bigint[]) as i)"
    query = f"select difference from inventory.set_stocks(({items}))"
    operator = database.connect("inventory_operator")
    with refused("IV001") as error:
        database.admin.execute(query.encode(), [products])
    assert json.loads(error.value.diag.message_detail or "")["index"] == 1
    assert [database.stock(product)[0] for product in products] == [10, 10, 10]
    with refused("22023"):
        database.admin.execute(query.encode(), [[products[0], products[0]]])
    database.admin.execute("select inventory.release_stock(%s, 10)", [products[1]])
    assert database.admin.execute(query.encode(), [products[::-1]]).fetchall() == [(-6,)] * 3
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        operator.execute("select * from store.stock_count")


def test_found_units_have_the_cost_price_and_missing_ones_the_oldest_cost(database: Database, call: Call) -> None:
    product = database.product(quantity=2, p_cost_price=3)
    call("set_stock", product, 4)
    database.advance(MINUTE)
    call("set_stock", product, 1)
    assert database.rows("select cost from store.movement where kind = 'count' order by number") == [(6,), (9,)]


def test_a_movement_that_commits_meanwhile_is_known(database: Database, in_thread: type[InThread]) -> None:
    """Its time is before the count's, its commit after the call began: the count waits for the product's lock."""
    product = database.product(quantity=10)
    with database.connect("inventory_operator") as mover, database.connect("inventory_operator") as counter:
        with mover.transaction():
            mover.execute("select inventory.add_stock(%s, 5)", [product])
            counted_at = now(database)
            counting = in_thread(
                lambda: counter.execute(
                    "select (inventory.set_stock(%s, 12, %s)).difference", [product, counted_at]
                ).fetchone()
            )
            database.wait_until_blocked(counter)
        assert counting.result() == (-3,)
    assert database.stock(product) == (12, 0, 0)


@pytest.mark.parametrize("seed", range(4))
def test_random_counts_follow_the_model(database: Database, call: Call, refused: Refused, seed: int) -> None:
    """On hand is the sum of all changes; a count's difference belongs to the instant at which it was counted."""
    draw = random.Random(seed)
    product = database.product(quantity=50)
    changes: list[tuple[datetime, Decimal]] = [(now(database), Decimal(50))]
    last: datetime | None = None
    for _ in range(60):
        database.advance(MINUTE)
        if draw.random() < 0.6:
            amount = draw.randint(1, 9)
            call("add_stock", product, amount)
            changes.append((database.one("select max(created_at) from store.movement"), Decimal(amount)))
            continue
        counted_at = now(database) - draw.randint(0, 6) * MINUTE
        there = sum((change for at, change in changes if at <= counted_at), Decimal(0))
        found = max(Decimal(0), there + draw.randint(-3, 3))
        if counted_at < changes[0][0] or (last is not None and counted_at <= last):
            with refused("22023"):
                call("set_stock", product, found, counted_at)
            continue
        count: Any = call("set_stock", product, found, counted_at)
        assert count["difference"] == found - there
        changes.append((counted_at, found - there))
        last = counted_at
        assert database.stock(product)[0] == sum(change for _, change in changes)
