"""Prices are rules in time: which one holds at an instant, and what a new one does to the one before it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.conftest import Database, InThread
from tests.sql.conftest import Call, Freeze, Refused

pytestmark = pytest.mark.usefixtures("verified")

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def rule(
    database: Database, product: int, amount: int, begin: datetime, *, end: datetime | None = None, kind: str = "retail"
) -> None:
    """Write a price rule."""
    database.admin.execute(
        "insert into store.price (product_id, price_type, amount, effective_from, effective_to, created_at, updated_at)"
        " values (%s, %s, %s, %s, %s, now(), now())",
        [product, kind, amount, begin, end],
    )


def price(call: Call, product: int, at: datetime, kind: str = "retail") -> Any:
    """What the product costs at an instant."""
    row = call("active_price", product, kind, at)
    return row and row["active_price"]


def test_a_rule_holds_from_its_beginning_until_before_its_end(database: Database, call: Call) -> None:
    product = database.product()
    rule(database, product, 5, NOON, end=NOON + timedelta(hours=1))
    assert price(call, product, NOON - MICROSECOND) is None
    assert price(call, product, NOON) == 5
    assert price(call, product, NOON + timedelta(hours=1) - MICROSECOND) == 5
    assert price(call, product, NOON + timedelta(hours=1)) is None


def test_of_rules_that_hold_the_one_that_began_last_wins_then_the_newest(database: Database, call: Call) -> None:
    product = database.product()
    rule(database, product, 1, NOON - timedelta(hours=2))
    rule(database, product, 2, NOON - timedelta(hours=1))
    rule(database, product, 3, NOON - timedelta(hours=1))
    rule(database, product, 4, NOON + timedelta(hours=1))
    assert price(call, product, NOON) == 3
    assert price(call, product, NOON - timedelta(hours=2)) == 1
    assert price(call, product, NOON + timedelta(hours=1)) == 4


def test_a_type_of_price_knows_nothing_of_another(database: Database, call: Call) -> None:
    product, other = database.product("A-1", p_price=5), database.product("A-2")
    rule(database, product, 1, NOON, kind="promo")
    assert price(call, product, NOON, "promo") == 1
    assert price(call, product, NOON) == 5
    assert price(call, product, NOON, "wholesale") is None
    assert price(call, other, NOON) is None


def test_a_new_price_ends_the_one_before_it_at_its_own_beginning(
    database: Database, call: Call, freeze: Freeze
) -> None:
    product = database.product(p_price=5)
    rule(database, product, 1, NOON - timedelta(days=1), kind="promo")
    freeze(NOON)
    database.one("select inventory.set_price(%s, 6.5)", product)
    assert database.rows(
        "select price_type, amount, effective_from = %s, effective_to from store.price order by id", NOON
    ) == [("retail", 5, False, NOON), ("promo", 1, False, None), ("retail", Decimal("6.5"), True, None)]
    assert price(call, product, NOON - MICROSECOND) == 5
    assert price(call, product, NOON) == Decimal("6.5")


def test_a_rule_of_the_future_is_left_as_it_is(database: Database, freeze: Freeze) -> None:
    product = database.product(p_price=5)
    freeze(NOON)
    rule(database, product, 9, NOON + timedelta(hours=1))
    database.one("select inventory.set_price(%s, 6)", product)
    assert database.rows("select amount, effective_to from store.price order by id") == [
        (5, NOON),
        (9, None),
        (6, NOON + timedelta(hours=1)),
    ]


def test_of_two_new_prices_one_stays_open(database: Database, in_thread: type[InThread]) -> None:
    product = database.product(p_price=5)
    first, second = database.connect(), database.connect()
    with first.transaction():
        first.execute("select inventory.set_price(%s, 6)", [product])
        waiting = in_thread(lambda: second.execute("select inventory.set_price(%s, 7)", [product]))
        database.wait_until_blocked(second)
    waiting.result()
    assert database.rows("select amount from store.price where effective_to is null") == [(7,)]
    assert database.rows(
        "select p.amount from store.price as p join store.price as n on n.effective_from = p.effective_to order by p.id"
    ) == [(5,), (6,)]


def test_a_price_of_wrong_form_is_refused(database: Database, refused: Refused) -> None:
    product = database.product(p_price=5)
    with refused("23514", "money_range"):
        database.one("select inventory.set_price(%s, -1)", product)
    with refused("23514", "price_type_known"):
        database.one("select inventory.set_price(%s, 1, 'gift')", product)
    with refused("22004"):
        database.one("select inventory.set_price(%s, null)", product)
