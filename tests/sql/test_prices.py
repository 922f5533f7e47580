"""Prices are rules in time: which one holds at an instant, and what a new one does to the one before it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import Database, InThread
from tests.sql.conftest import AdminCall, Call, Calls, Freeze, Refused

pytestmark = pytest.mark.usefixtures("verified")

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
MICROSECOND = timedelta(microseconds=1)


def rule(
    database: Database, product: int, amount: int, begin: datetime, *, end: datetime | None = None, kind: str = "retail"
) -> None:
    """Write a price rule by hand, and what hangs on it: its turns ahead, and the price that lists search by."""
    database.admin.execute(
        "insert into store.price (product_id, price_type, amount, effective_from, effective_to, created_at, updated_at)"
        " values (%s, %s, %s, %s, %s, now(), now())",
        [product, kind, amount, begin, end],
    )
    database.admin.execute(
        "insert into store.price_turn select %s, %s, t.at from unnest(%s::timestamptz[]) as t (at)"
        " where t.at > inventory.clock() on conflict do nothing",
        [product, kind, [begin, end]],
    )
    database.admin.execute(
        "update store.product set retail_price = inventory.active_price(id) where id = %s", [product]
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


def rules(database: Database, product: int, kind: str = "retail") -> list[tuple[Any, ...]]:
    """(amount, beginning, end) of each rule of the type, in the order in which they were made."""
    return database.rows(
        "select amount, effective_from, effective_to from store.price"
        " where product_id = %s and price_type = %s order by id",
        product,
        kind,
    )


@pytest.fixture
def mug(database: Database, freeze: Freeze) -> int:
    """A product whose retail price is 5 since 11; it is noon."""
    product = database.product()
    freeze(NOON - HOUR)
    database.one("select inventory.set_price(%s, 5)", product)
    freeze(NOON)
    return product


def test_a_rule_is_what_was_given(admin_call: AdminCall, mug: int) -> None:
    row = admin_call("set_price", mug, "6.5", "promo", NOON, NOON + HOUR, False)
    assert row.pop("id") > 0
    assert row == {
        "product_id": mug,
        "price_type": "promo",
        "amount": Decimal("6.5"),
        "effective_from": NOON,
        "effective_to": NOON + HOUR,
        "created_at": NOON,
        "updated_at": NOON,
    }


def test_null_is_the_default(database: Database, admin_call: AdminCall, mug: int) -> None:
    row = admin_call("set_price", mug, 6, None, None, None, None)
    assert (row["price_type"], row["effective_from"], row["effective_to"]) == ("retail", NOON, None)
    assert rules(database, mug) == [(5, NOON - HOUR, NOON), (6, NOON, None)]


def test_a_price_for_nothing_is_a_price(call: Call, admin_call: AdminCall, mug: int) -> None:
    admin_call("set_price", mug, 0)
    assert call("active_price", mug) == {"active_price": 0}


def test_a_scheduled_price_takes_over_when_it_begins(
    database: Database, call: Call, admin_call: AdminCall, mug: int
) -> None:
    admin_call("set_price", mug, 6, p_effective_from=NOON + HOUR)
    assert rules(database, mug) == [(5, NOON - HOUR, NOON + HOUR), (6, NOON + HOUR, None)]
    assert price(call, mug, NOON + HOUR - MICROSECOND) == 5, "an end in the future hides nothing"
    assert price(call, mug, NOON + HOUR) == 6


def test_a_price_before_a_scheduled_one_ends_where_that_begins(
    database: Database, call: Call, admin_call: AdminCall, mug: int
) -> None:
    admin_call("set_price", mug, 9, p_effective_from=NOON + 3 * HOUR)
    admin_call("set_price", mug, 8, p_effective_from=NOON + 2 * HOUR)
    admin_call("set_price", mug, 6, p_effective_from=NOON + HOUR)
    admin_call("set_price", mug, 7, p_effective_from=NOON + HOUR, p_effective_to=NOON + 5 * HOUR)
    assert rules(database, mug) == [
        (5, NOON - HOUR, NOON + HOUR),
        (9, NOON + 3 * HOUR, None),
        (8, NOON + 2 * HOUR, NOON + 3 * HOUR),
        (6, NOON + HOUR, NOON + HOUR),
        (7, NOON + HOUR, NOON + 3 * HOUR),
    ]
    found = [price(call, mug, NOON + hours * HOUR) for hours in (0, 1, 2, 3)]
    assert found == [5, 7, 8, 9]


def test_a_price_outlasts_one_that_is_scheduled_for_a_while(call: Call, admin_call: AdminCall, mug: int) -> None:
    admin_call("set_price", mug, 9, p_effective_from=NOON + HOUR, p_effective_to=NOON + 2 * HOUR)
    admin_call("set_price", mug, 6)
    assert [price(call, mug, NOON + hours * HOUR) for hours in (0, 1, 2, 99)] == [6, 9, 6, 6]


def test_a_price_is_not_hidden_by_one_that_is_over(call: Call, admin_call: AdminCall, freeze: Freeze, mug: int) -> None:
    admin_call("set_price", mug, 9, "promo", NOON, NOON + HOUR)
    freeze(NOON + 2 * HOUR)
    admin_call("set_price", mug, 6, "promo", NOON - HOUR)
    assert [price(call, mug, NOON + hours * HOUR, "promo") for hours in (-1, 0, 1, 2, 99)] == [6, 9, 6, 6, 6]


def test_a_price_that_would_be_over_already_is_refused(
    database: Database, admin_call: AdminCall, refused: Refused, mug: int
) -> None:
    for end in (NOON - MICROSECOND, NOON):
        with refused("22023") as error:
            admin_call("set_price", mug, 6, p_effective_from=NOON - HOUR, p_effective_to=end)
        assert json.loads(str(error.value.diag.message_detail))["field"] == "effective_to"


def test_an_end_that_is_given_stays_where_it_is(
    database: Database, call: Call, admin_call: AdminCall, mug: int
) -> None:
    admin_call("set_price", mug, 6, p_effective_to=NOON + HOUR)
    assert rules(database, mug)[1] == (6, NOON, NOON + HOUR)
    found = [price(call, mug, NOON + HOUR * part) for part in (0, 0.5, 1)]
    assert found == [6, 6, None], "what it closed does not come back"
    assert price(call, mug, NOON + HOUR - MICROSECOND) == 6


def test_a_price_that_closes_nothing_lies_over_the_others(
    database: Database, call: Call, admin_call: AdminCall, mug: int
) -> None:
    admin_call("set_price", mug, 4, p_effective_to=NOON + HOUR, p_close_old_price=False)
    admin_call("set_price", mug, 9, p_effective_from=NOON + 3 * HOUR, p_close_old_price=False)
    admin_call("set_price", mug, 6, p_effective_from=NOON + 2 * HOUR, p_close_old_price=False)
    assert rules(database, mug) == [
        (5, NOON - HOUR, None),
        (4, NOON, NOON + HOUR),
        (9, NOON + 3 * HOUR, None),
        (6, NOON + 2 * HOUR, None),
    ]
    assert [price(call, mug, NOON + hours * HOUR) for hours in (-1, 0, 1, 2, 3)] == [5, 4, 5, 6, 9]


def test_closing_ends_every_rule_that_holds_then(database: Database, admin_call: AdminCall, mug: int) -> None:
    admin_call("set_price", mug, 6, p_close_old_price=False)
    admin_call("set_price", mug, 7, p_effective_from=NOON + 9 * HOUR, p_close_old_price=False)
    admin_call("set_price", mug, 8, p_effective_from=NOON + HOUR)
    assert rules(database, mug) == [
        (5, NOON - HOUR, NOON + HOUR),
        (6, NOON, NOON + HOUR),
        (7, NOON + 9 * HOUR, None),
        (8, NOON + HOUR, NOON + 9 * HOUR),
    ]


@pytest.mark.parametrize("close", [True, False])
def test_no_price_begins_before_the_active_one_began(
    database: Database, call: Call, admin_call: AdminCall, refused: Refused, mug: int, close: bool
) -> None:
    for begin in (NOON - HOUR - MICROSECOND, NOON - timedelta(days=9)):
        with refused("IV024") as error:
            admin_call("set_price", mug, 6, p_effective_from=begin, p_close_old_price=close)
        (began,) = json.loads(str(error.value.diag.message_detail)).values()
        assert datetime.fromisoformat(began) == NOON - HOUR
    admin_call("set_price", mug, 6, p_effective_from=NOON - HOUR, p_close_old_price=close)
    assert price(call, mug, NOON - HOUR) == price(call, mug, NOON) == 6, "of the same instant the newest wins"
    assert rules(database, mug) == [
        (5, NOON - HOUR, NOON - HOUR if close else None),
        (6, NOON - HOUR, None),
    ]
    admin_call("set_price", mug, 7, p_effective_from=NOON - HOUR / 2, p_close_old_price=close)
    assert (price(call, mug, NOON - HOUR / 2 - MICROSECOND), price(call, mug, NOON - HOUR / 2)) == (6, 7)
    with refused("IV024"):
        admin_call("set_price", mug, 8, p_effective_from=NOON - HOUR, p_close_old_price=close)


def test_the_active_one_is_of_now_and_not_the_scheduled_one(
    call: Call, admin_call: AdminCall, mug: int, freeze: Freeze, refused: Refused
) -> None:
    admin_call("set_price", mug, 6, p_effective_from=NOON + HOUR)
    admin_call("set_price", mug, 7, p_effective_from=NOON + HOUR / 2)
    freeze(NOON + HOUR)
    with refused("IV024"):
        admin_call("set_price", mug, 8, p_effective_from=NOON + HOUR / 2)
    admin_call("set_price", mug, 8, p_effective_from=NOON + HOUR)
    assert price(call, mug, NOON + HOUR) == 8


def test_where_none_is_active_a_price_may_begin_in_the_past(
    database: Database, call: Call, admin_call: AdminCall, mug: int
) -> None:
    admin_call("set_price", mug, 4, "wholesale", NOON - timedelta(days=9))
    assert price(call, mug, NOON - timedelta(days=9), "wholesale") == 4
    assert rules(database, mug) == [(5, NOON - HOUR, None)], "another type's rule is none of its business"
    other = database.product("A-2")
    admin_call("set_price", other, 3, "retail", NOON - timedelta(days=9))
    assert price(call, other, NOON) == 3


def test_types_do_not_end_each_other(database: Database, call: Call, admin_call: AdminCall, mug: int) -> None:
    for amount, kind in ((1, "promo"), (2, "wholesale"), (3, "promo"), (6, "retail"), (4, "wholesale")):
        admin_call("set_price", mug, amount, kind)
    assert [price(call, mug, NOON, kind) for kind in ("retail", "promo", "wholesale")] == [6, 3, 4]
    assert [len(rules(database, mug, kind)) for kind in ("retail", "promo", "wholesale")] == [2, 2, 2]


def test_a_product_without_an_inventory_has_prices(
    database: Database, call: Call, admin_call: AdminCall, refused: Refused
) -> None:
    product = admin_call("register_product", "B-1", "Bare")["id"]
    admin_call("set_price", product, 5)
    assert call("active_price", product, role="inventory_public") == {"active_price": 5}
    assert database.counts()["stock"] == 0
    for unknown in (999_999, None):
        with refused("IV003"):
            admin_call("set_price", unknown, 5)


def test_an_end_comes_after_the_beginning(admin_call: AdminCall, refused: Refused, mug: int) -> None:
    for begin, end in (
        (NOON + HOUR, NOON + HOUR),
        (NOON + HOUR, NOON + HOUR - MICROSECOND),
        (None, NOON),
        (None, NOON - HOUR),
        (NOON - 9 * HOUR, NOON - 10 * HOUR),
    ):
        with refused("22023") as error:
            admin_call("set_price", mug, 6, p_effective_from=begin, p_effective_to=end)
        assert json.loads(str(error.value.diag.message_detail))["field"] == "effective_to"
    admin_call("set_price", mug, 6, p_effective_to=NOON + MICROSECOND)


def test_the_table_itself_refuses_an_end_before_the_beginning(database: Database, mug: int, refused: Refused) -> None:
    with refused("23514", "price_ends_after_it_begins"):
        rule(database, mug, 1, NOON, end=NOON - MICROSECOND)
    rule(database, mug, 1, NOON, end=NOON)


def test_a_price_waits_for_no_stock(database: Database, mug: int) -> None:
    first, second = database.connect(), database.connect("inventory_admin")
    with first.transaction():
        first.execute("select from store.stock for update")
        second.execute("select inventory.set_price(%s, 6)", [mug])


# One look-up


def test_the_active_price_is_one_look_up_in_an_index(database: Database, mug: int) -> None:
    for number in range(60):
        database.product(f"B-{number}")
    database.admin.execute(
        "insert into store.price (product_id, price_type, amount, effective_from, effective_to, created_at, updated_at)"
        " select p.id, t.type, 1, %s - n * interval '1 hour', %s - (n - 1) * interval '1 hour', now(), now()"
        " from store.product as p, generate_series(2, 50) as n,"
        " unnest('{retail,promo,wholesale}'::text[]) as t (type)",
        [NOON, NOON],
    )
    database.admin.execute("analyze store.price")
    plans: list[str] = []
    connection = database.connect()
    connection.execute("load 'auto_explain'")
    for setting in ("log_min_duration = 0", "log_nested_statements = on", "log_analyze = on", "log_timing = off"):
        connection.execute(f"set auto_explain.{setting}".encode())
    connection.add_notice_handler(lambda notice: plans.append(str(notice.message_primary)))
    connection.execute("set client_min_messages = log")
    for _ in range(8):  # PL/pgSQL's plan for these values, and the one for any
        row = connection.execute("select inventory.active_price(%s, 'retail', %s)", [mug, NOON]).fetchone()
        assert row == (5,)
    found = [plan for plan in plans if "inventory.price_at" in plan]
    assert len(found) == 8
    for plan in found:
        assert "Index Scan using price_active_idx" in plan
        assert "Sort" not in plan
        assert "Rows Removed by Filter" not in plan, "it reads the rule that it answers, and no other"


@pytest.mark.parametrize("field", ["effective_from", "effective_to"])
def test_a_time_that_has_no_form_in_an_answer_is_refused(
    database: Database, admin_call: AdminCall, refused: Refused, mug: int, field: str
) -> None:
    for time in ("-infinity", "0001-12-31T23:59:59.999999Z BC", "10000-01-01T00:00:00Z", "infinity"):
        with refused("22023") as error:
            admin_call("set_price", mug, 6, **{f"p_{field}": time})
        assert json.loads(error.value.diag.message_detail or "")["field"] == field
    last = "9999-12-31T23:59:59.999999Z"
    times = {"p_effective_from": "0001-01-01T00:00:00Z", "p_effective_to": last}
    made = admin_call("set_price", mug, 6, "promo", **(times if field == "effective_from" else {f"p_{field}": last}))
    assert made["effective_to"].isoformat() == "9999-12-31T23:59:59.999999+00:00"
    assert made["effective_from"].year == (1 if field == "effective_from" else NOON.year)


# What lists search by


def kept(database: Database, product: int) -> Any:
    """The price that lists search by, as it is kept."""
    return database.one("select retail_price from store.product where id = %s", product)


def turns(database: Database) -> list[tuple[Any, ...]]:
    """The instants ahead, from noon."""
    return [
        (kind, (at - NOON) / HOUR)
        for kind, at in database.rows("select price_type, at from store.price_turn order by at, price_type")
    ]


def listed(calls: Calls, ordering: str = "id", **filters: Any) -> list[tuple[int, Any]]:
    """(id, selling_price) as API 5's list has them."""
    (row,) = calls(
        "http.list_catalog_products", role="inventory_admin", p_ordering=ordering, p_page_size="100", **filters
    )
    (page,) = row.values()
    assert page["count"] == len(page["results"])
    return [(item["id"], item["selling_price"]) for item in page["results"]]


def test_a_price_of_now_is_kept_at_once(database: Database, admin_call: AdminCall, mug: int) -> None:
    assert kept(database, mug) == 5
    admin_call("set_price", mug, "6.125")
    assert kept(database, mug) == Decimal("6.125")
    admin_call("set_price", mug, 1, "promo")
    admin_call("set_price", mug, 2, "wholesale")
    assert (kept(database, mug), turns(database)) == (Decimal("6.125"), [])


def test_a_price_ahead_has_its_turn(database: Database, admin_call: AdminCall, freeze: Freeze, mug: int) -> None:
    admin_call("set_price", mug, 6, p_effective_from=NOON + HOUR, p_effective_to=NOON + 2 * HOUR)
    admin_call("set_price", mug, 1, "promo", NOON + HOUR, NOON + 3 * HOUR)
    assert turns(database) == [("promo", 1), ("retail", 1), ("retail", 2), ("promo", 3)]
    freeze(NOON + HOUR - MICROSECOND)
    assert (database.one("select maintenance.turn_prices()"), kept(database, mug)) == (0, 5)
    freeze(NOON + HOUR)
    assert kept(database, mug) == 5, "nobody has done it yet"
    assert (database.one("select maintenance.turn_prices()"), kept(database, mug)) == (2, 6)
    freeze(NOON + 2 * HOUR)
    assert (database.one("select maintenance.turn_prices()"), kept(database, mug)) == (1, None)
    assert turns(database) == [("promo", 3)]
    assert database.one("select maintenance.turn_prices()") == 0


def test_several_turns_that_were_missed_are_done_at_once(
    database: Database, admin_call: AdminCall, freeze: Freeze, mug: int
) -> None:
    for hours, amount in ((1, 6), (2, 7), (3, 8)):
        admin_call("set_price", mug, amount, p_effective_from=NOON + hours * HOUR)
    freeze(NOON + 5 * HOUR / 2)
    assert database.one("select maintenance.turn_prices()") == 2
    assert (kept(database, mug), turns(database)) == (7, [("retail", 3)])


def test_a_new_price_does_what_is_due_first(
    database: Database, admin_call: AdminCall, freeze: Freeze, mug: int
) -> None:
    admin_call("set_price", mug, 6, p_effective_from=NOON + HOUR)
    freeze(NOON + 2 * HOUR)
    admin_call("set_price", mug, 9, p_effective_from=NOON + 3 * HOUR)
    assert (kept(database, mug), turns(database)) == (6, [("retail", 3)])
    freeze(NOON + 4 * HOUR)
    admin_call("set_price", mug, 1, "promo")
    assert (kept(database, mug), turns(database)) == (9, [])


def test_a_sweep_is_of_so_many_products(database: Database, admin_call: AdminCall, freeze: Freeze, mug: int) -> None:
    others = [database.product(f"B-{number}", p_price=1) for number in range(4)]
    for product in (mug, *others):
        admin_call("set_price", product, 2, p_effective_from=NOON + HOUR)
    freeze(NOON + HOUR)
    assert [database.one("select maintenance.turn_prices(2)") for _ in range(4)] == [2, 2, 1, 0]
    assert {kept(database, product) for product in (mug, *others)} == {2}


def test_a_sweep_undoes_what_was_done_for_instants_that_are_ahead_again(
    database: Database, admin_call: AdminCall, freeze: Freeze, mug: int
) -> None:
    """The clock was three hours ahead while a sweep ran: its turns are due again, and the kept price is today's."""
    other = database.product("B-1", p_price=7)
    admin_call("set_price", mug, 6, p_effective_from=NOON + HOUR, p_effective_to=NOON + 2 * HOUR)
    admin_call("set_price", mug, 1, "promo", NOON + HOUR, NOON + 4 * HOUR)
    freeze(NOON + 3 * HOUR)
    database.admin.execute("call maintenance.run_batches('turn_prices')")
    assert (kept(database, mug), turns(database)) == (None, [("promo", 4)])
    freeze(NOON)
    assert database.one("select maintenance.turn_prices()") == 1, "one product"
    assert (kept(database, mug), kept(database, other)) == (5, 7)
    assert turns(database) == [("promo", 1), ("retail", 1), ("retail", 2), ("promo", 4)]
    assert database.one("select maintenance.turn_prices()") == 0, "nothing is missing any more"
    freeze(NOON + HOUR)
    assert (database.one("select maintenance.turn_prices()"), kept(database, mug)) == (2, 6)


def test_a_list_knows_what_is_due_before_any_sweep(
    database: Database, calls: Calls, admin_call: AdminCall, freeze: Freeze, mug: int
) -> None:
    other, none = database.product("B-1", p_price=7), database.product("B-2")
    admin_call("set_price", mug, 9, p_effective_from=NOON + HOUR)
    assert listed(calls, "selling_price") == [(mug, "5.00"), (other, "7.00"), (none, None)]
    freeze(NOON + HOUR)
    for _ in range(2):  # before the sweep, and after it
        assert listed(calls, "selling_price") == [(other, "7.00"), (mug, "9.00"), (none, None)]
        assert listed(calls, "-selling_price") == [(none, None), (mug, "9.00"), (other, "7.00")]
        assert listed(calls, p_min_price=8) == listed(calls, p_min_price=9) == [(mug, "9.00")]
        assert listed(calls, p_max_price=7) == [(other, "7.00")]
        assert listed(calls, p_min_price=5, p_max_price=5) == []
        database.one("select maintenance.turn_prices()")


# Any rules in any order

_HOURS = st.integers(-4, 6)
_STEPS = st.lists(
    st.tuples(
        st.integers(0, 2),  # the hours that go by before it
        st.sampled_from(["retail", "promo"]),
        st.none() | _HOURS,  # its beginning, from then
        st.none() | st.none() | _HOURS,  # its end
        st.booleans() | st.just(True),  # close_old_price
    ),
    min_size=1,
    max_size=10,
)
Rule = list[Any]  # beginning, end, amount


def holds(made: list[Rule], at: datetime) -> Rule | None:
    """Of the rules that hold at an instant, the one that began last; of two, the one made last."""
    holding = [rule for rule in made if rule[0] <= at and (rule[1] is None or at < rule[1])]
    return max(enumerate(holding), key=lambda rule: (rule[1][0], rule[0]))[1] if holding else None


def make(made: list[Rule], now: datetime, amount: int, begin: datetime, end: datetime | None, close: bool) -> str:
    """What becomes of the rules; the error's code, or nothing."""
    active = holds(made, now)
    if end is not None and end <= max(begin, now):
        return "22023"
    if active is not None and begin < active[0]:
        return "IV024"
    if close:
        for rule in made:
            if rule[0] <= begin and (rule[1] is None or begin < rule[1]):
                rule[1] = begin
        later = [rule[0] for rule in made if rule[0] > begin and rule[1] is None]
        end = min(later + ([] if end is None else [end]), default=None)
    made.append([begin, end, amount])
    return ""


def test_any_prices_in_any_order(database: Database, admin_call: AdminCall, freeze: Freeze) -> None:
    """Against a model; and where all close the old price and none is given an end, one rule is open at any time."""
    numbers = count()

    @settings(max_examples=60, derandomize=True, database=None, deadline=None)
    @given(steps=_STEPS)
    def check(steps: list[tuple[int, str, int | None, int | None, bool]]) -> None:
        product = admin_call("register_product", f"A-{next(numbers)}", "Mug")["id"]
        made: dict[str, list[Rule]] = {"retail": [], "promo": []}
        now = NOON
        for amount, (passed, kind, begin, end, close) in enumerate(steps):
            now += passed * HOUR
            freeze(now)
            start, stop = (None if hours is None else now + hours * HOUR for hours in (begin, end))
            expected = make(made[kind], now, amount, now if start is None else start, stop, close)
            code = ""
            try:
                admin_call("set_price", product, amount, kind, start, stop, close)
            except psycopg.Error as error:
                code = str(error.sqlstate)
            assert code == expected
            assert rules(database, product, kind) == [(rule[2], rule[0], rule[1]) for rule in made[kind]]
        for kind, model in made.items():
            instants = [NOON + half * HOUR / 2 for half in range(-12, 60)]
            found = database.rows(
                "select inventory.active_price(%s, %s, t) from unnest(%s::timestamptz[]) with ordinality as i (t, n)"
                " order by n",
                product,
                kind,
                instants,
            )
            active = [holds(model, instant) for instant in instants]
            assert [amount for (amount,) in found] == [rule and rule[2] for rule in active]
            if model and all(step[4] and step[3] is None for step in steps if step[1] == kind):
                assert sum(rule[1] is None for rule in model) == 1

    check()
    freeze(NOON + timedelta(days=9))  # later than any of it


_PRODUCTS = 4
_CHANGES = st.lists(
    st.tuples(
        st.integers(0, 2),  # the hours that go by before it
        st.booleans(),  # and whether a sweep comes by
        st.integers(0, _PRODUCTS - 1),
        st.sampled_from(["retail", "retail", "promo"]),
        st.integers(0, 5),  # the amount
        st.none() | _HOURS,
        st.none() | st.none() | _HOURS,
        st.booleans() | st.just(True),
    ),
    min_size=1,
    max_size=12,
)


def test_lists_search_by_the_active_price_whatever_was_set(
    database: Database, calls: Calls, admin_call: AdminCall, freeze: Freeze
) -> None:
    """After each change and each hour, swept or not: what is listed, and in what order, is the model's."""
    numbers = count()
    now = NOON

    @settings(max_examples=25, derandomize=True, database=None, deadline=None)
    @given(steps=_CHANGES)
    def check(steps: list[tuple[int, bool, int, str, int, int | None, int | None, bool]]) -> None:
        nonlocal now
        freeze(now)
        category = admin_call("create_category", f"Category {next(numbers)}")["id"]
        products = [
            database.one("select id from inventory.insert_product(null, 'Mug', p_category_id => %s)", category)
            for _ in range(_PRODUCTS)
        ]
        made: dict[tuple[int, str], list[Rule]] = {
            (each, kind): [] for each in products for kind in ("retail", "promo")
        }
        for passed, is_swept, number, kind, amount, begin, end, close in steps:
            now += passed * HOUR
            freeze(now)
            if is_swept:
                database.one("select maintenance.turn_prices()")
            start, stop = (None if hours is None else now + hours * HOUR for hours in (begin, end))
            rules_of = made[products[number], kind]
            expected = make(rules_of, now, amount, now if start is None else start, stop, close)
            code = ""
            try:
                admin_call("set_price", products[number], amount, kind, start, stop, close)
            except psycopg.Error as error:
                code = str(error.sqlstate)
            assert code == expected
            for hours in (0, 1):
                freeze(now + hours * HOUR)
                active = {each: holds(made[each, "retail"], now + hours * HOUR) for each in products}
                known = {each: rule[2] for each, rule in active.items() if rule is not None}
                shown = {each: None if each not in known else f"{known[each]}.00" for each in products}
                ascending = sorted(products, key=lambda each: (each not in known, known.get(each, 0), each))
                only = {"p_category": category}
                assert listed(calls, "selling_price", **only) == [(each, shown[each]) for each in ascending]
                assert listed(calls, "-selling_price", **only) == [(each, shown[each]) for each in ascending[::-1]]
                between = [(each, shown[each]) for each in products if 2 <= known.get(each, 0) <= 3]
                assert listed(calls, **only, p_min_price=2, p_max_price=3) == between
        now += 9 * HOUR

    check()


def test_after_the_clock_went_back_what_is_ahead_again_is_undone_and_will_be_done_again(
    database: Database, admin_call: AdminCall, freeze: Freeze
) -> None:
    freeze(NOON)
    cup, mug, pot = (database.product(sku, p_price=5) for sku in ("A-1", "A-2", "A-3"))
    for amount, hours in ((6, 2), (7, 6)):
        admin_call("set_price", mug, amount, p_effective_from=NOON + hours * HOUR, p_close_old_price=False)
    freeze(NOON + 3 * HOUR)
    assert database.one("select maintenance.turn_prices()") == 1
    freeze(NOON + HOUR)
    # Of the same instant, and nothing to be undone: another type of price, another product.
    admin_call("set_price", cup, 8, p_effective_from=NOON + 2 * HOUR)
    admin_call("set_price", pot, 9)
    admin_call("set_price", mug, 4, "promo", p_effective_from=NOON + 2 * HOUR)
    renew = "select inventory.renew_price_turns(%s)"
    assert database.one(renew, NOON + HOUR) == 1
    assert database.rows("select id, retail_price from store.product order by id") == [(cup, 5), (mug, 5), (pot, 9)]
    assert database.one(renew, NOON + HOUR) == 0
    freeze(NOON + 3 * HOUR)
    assert database.one("select maintenance.turn_prices()") > 0
    assert database.rows("select id, retail_price from store.product order by id") == [(cup, 8), (mug, 6), (pot, 9)]


def test_a_rule_that_has_ended_stays_as_it_is(database: Database, admin_call: AdminCall, freeze: Freeze) -> None:
    """One that ended before, and one that ends where the new one begins."""
    freeze(NOON)
    mug = database.product("A-1")
    for hours in (0, 1):
        freeze(NOON + hours * HOUR)
        admin_call("set_price", mug, hours + 1, "promo", None, NOON + (hours + 1) * HOUR)
    freeze(NOON + 2 * HOUR)
    assert database.one("select inventory.active_price(%s, 'promo')", mug) is None
    admin_call("set_price", mug, 3, "promo")
    assert database.rows("select amount, effective_to, updated_at from store.price order by id") == [
        (1, NOON + HOUR, NOON),
        (2, NOON + 2 * HOUR, NOON + HOUR),
        (3, None, NOON + 2 * HOUR),
    ]


def test_of_two_that_begin_at_one_instant_the_later_one_holds(
    database: Database, call: Call, admin_call: AdminCall, freeze: Freeze
) -> None:
    freeze(NOON)
    mug = database.product("A-1")
    for amount in (3, 2, 4):
        admin_call("set_price", mug, amount, "promo", p_close_old_price=False)
        assert price(call, mug, NOON, "promo") == amount


@pytest.mark.parametrize("field", ["effective_from", "effective_to"])
def test_a_time_that_no_answer_could_show_is_refused(
    database: Database, admin_call: AdminCall, refused: Refused, field: str
) -> None:
    mug = database.product("A-1")
    for at in ("infinity", "-infinity", "10000-01-01 00:00:00+00", "0001-12-31 23:59:59+00 BC"):
        with refused("22023") as error:
            admin_call("set_price", mug, 1, **{f"p_{field}": at})
        assert json.loads(error.value.diag.message_detail or "null")["field"] == field
