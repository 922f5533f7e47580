"""What lies where: ART orders, single and in bulk, their audit trail, and what departures take of places (API 4)."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from tests.conftest import Database
from tests.sql.conftest import AdminCall, Call, Calls, Freeze, Refused

pytestmark = pytest.mark.usefixtures("verified")

A, B, C, NOWHERE = "RACK-A1-01", "RACK-B2-02", "RACK-C3-03", "RACK-N0-00"
LIMIT = Decimal("999999999.999")
NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HALF = Decimal("0.5")

Order = Callable[..., dict[str, Any]]
Bulk = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def order(call: Call) -> Order:
    """order("Add", 5, to=A): the operation of an order for A-1, or another ``sku``, that was carried out."""

    def order(kind: str, quantity: Any, source: Any = None, to: Any = None, sku: Any = "A-1", **others: Any) -> Any:
        return call("place_order", kind, sku, quantity, source, to, **others)

    return order


@pytest.fixture
def bulk(database: Database) -> Bulk:
    """bulk(art(…), …, atomic=True): the rows that place_orders returns to the operator."""
    operator = database.connect("inventory_operator")
    query = (
        "select (r.operation).*, r.error_sqlstate, r.error_message, r.error_detail"
        " from jsonb_to_record(%s::jsonb) as a (orders inventory.art_orders)"
        " cross join lateral inventory.place_orders(a.orders, %s, %s) as r"
    )

    def bulk(*orders: Any, atomic: bool = False, actor: str | None = None) -> list[dict[str, Any]]:
        text = json.dumps({"orders": orders})
        return operator.cursor(row_factory=dict_row).execute(query, [text, atomic, actor]).fetchall()

    return bulk


def art(
    kind: str, quantity: Any, source: Any = None, to: Any = None, sku: Any = "A-1", **others: Any
) -> dict[str, Any]:
    """An order of a bulk call."""
    return {"type": kind, "sku": sku, "quantity": quantity, "from_location": source, "to_location": to, **others}


def detail(error: pytest.ExceptionInfo[psycopg.Error]) -> Any:
    """The DETAIL of an error."""
    return json.loads(error.value.diag.message_detail or "null", parse_float=Decimal)


def places(database: Database, product: int) -> dict[str | None, Any]:
    """What lies where; None: at no place."""
    rows = database.rows("select location, quantity from report.location_stock where product_id = %s", product)
    return dict(rows)


def arrivals(database: Database, product: int) -> dict[str, int]:
    """How many minutes after noon stock arrived at the places that hold some."""
    rows = database.rows(
        "select location, arrived_at from report.location_stock where product_id = %s and location is not null", product
    )
    return {code: (at - NOON) // MINUTE for code, at in rows}


def lines(database: Database, movement: int) -> list[tuple[Any, ...]]:
    """(place, before, after) of each line of a movement, in order of place."""
    return database.rows(
        "select l.code, m.quantity_before, m.quantity_after from store.location_movement as m"
        " join store.location as l on m.location_id = l.id where m.movement_id = %s order by l.code",
        movement,
    )


def last_lines(database: Database) -> list[tuple[Any, ...]]:
    return lines(database, database.one("select max(id) from store.movement"))


def movement(database: Database, movement_id: int) -> tuple[Any, ...]:
    """(kind, on hand before, after, cost, reference, reason, actor) of a movement."""
    (row,) = database.rows(
        "select kind, on_hand_before, on_hand_after, cost, reference, reason, actor from store.movement where id = %s",
        movement_id,
    )
    return row


def layers(database: Database, product: int) -> list[tuple[Any, ...]]:
    """(quantity, remaining, unit cost, remaining value) of each, oldest first."""
    return database.rows(
        "select quantity, remaining, unit_cost, remaining_value from store.cost_layer"
        " where product_id = %s order by id",
        product,
    )


# Each type


def test_add_is_an_arrival_at_a_place(database: Database, order: Order) -> None:
    product = database.product("A-1", 10, p_cost_price="1.333")
    done = order("Add", 5, to=A, p_reason="Restocking", p_actor="ann")
    number = str(done["id"])
    assert movement(database, done["movement_id"]) == ("add", 10, 15, Decimal("6.665"), number, "Restocking", "ann")
    assert lines(database, done["movement_id"]) == [(A, 0, 5)]
    assert layers(database, product)[1:] == [(5, 5, Decimal("1.333"), Decimal("6.665"))]
    assert (places(database, product), database.stock(product)) == ({A: 5, None: 10}, (15, 0, 0))
    assert database.rows("select arrived_at from store.location_stock") == [(done["created_at"],)]
    again = order("Add", 2, to=A)
    assert lines(database, again["movement_id"]) == [(A, 5, 7)]
    assert database.rows("select arrived_at from store.location_stock") == [(done["created_at"],)], (
        "it holds some since"
    )


def test_what_is_added_has_no_known_cost_where_the_product_has_none(database: Database, order: Order) -> None:
    product = database.product("A-1")
    order("Add", 5, to=A)
    assert layers(database, product) == [(5, 5, None, None)]


def test_remove_is_a_departure_from_its_place(database: Database, order: Order) -> None:
    product = database.product("A-1", 10, p_cost_price="1.333")
    order("Add", 5, to=A)
    order("Add", 5, to=B)
    done = order("Remove", 2, B, p_reason="Damaged goods", p_actor="bob")
    expected = ("remove", 20, 18, Decimal("2.666"), str(done["id"]), "Damaged goods", "bob")
    assert movement(database, done["movement_id"]) == expected
    assert lines(database, done["movement_id"]) == [(B, 5, 3)]
    assert layers(database, product)[0] == (10, 8, Decimal("1.333"), Decimal("10.664")), "first in, first out, wherever"
    assert (places(database, product), database.stock(product)) == ({A: 5, B: 3, None: 10}, (18, 0, 0))
    order("Remove", 3, B)
    assert places(database, product) == {A: 5, None: 10}


def test_transfer_changes_no_total_and_no_layer(database: Database, order: Order) -> None:
    product = database.product("A-1", 10, p_cost_price="1.333")
    order("Add", 5, to=A)
    averages = "select average_quantity, average_value from store.stock"
    before = (database.stock(product), layers(database, product), database.rows(averages))
    done = order("Transfer", 3, A, B, p_reason="Reorganizing", p_actor="eve")
    expected = ("transfer", 15, 15, None, str(done["id"]), "Reorganizing", "eve")
    assert movement(database, done["movement_id"]) == expected
    assert lines(database, done["movement_id"]) == [(A, 5, 2), (B, 0, 3)]
    assert places(database, product) == {A: 2, B: 3, None: 10}
    assert (database.stock(product), layers(database, product), database.rows(averages)) == before
    assert database.one("select count(*) from store.cost_layer_use") == 0


@pytest.mark.parametrize(("found", "change"), [(7, 2), (5, 0), (3, -2), (0, -5)])
def test_count_sets_what_a_place_holds_and_books_the_difference(
    database: Database, order: Order, found: int, change: int
) -> None:
    product = database.product("A-1", 10, p_cost_price=2)
    order("Add", 5, to=A)
    done = order("Count", found, to=A, p_reason="Cycle", p_actor="ann")
    assert (done["quantity"], done["booked_quantity"], done["count_id"]) == (found, 5, None)
    assert places(database, product).get(A, 0) == found
    assert database.stock(product) == (15 + change, 0, 0)
    if change:
        expected = ("count", 15, 15 + change, 2 * abs(change), str(done["id"]), "Cycle", "ann")
        assert movement(database, done["movement_id"]) == expected
        assert lines(database, done["movement_id"]) == [(A, 5, found)]
    else:
        assert done["movement_id"] is None, "nothing to book is audited all the same"
        assert (done["actor"], done["reason"]) == ("ann", "Cycle")
        assert database.counts()["movement"] == 2
    assert layers(database, product)[2:] == ([(2, 2, 2, 4)] if change > 0 else [])


@pytest.mark.parametrize("change", [3, -3, -5])
def test_adjust_changes_what_a_place_holds(database: Database, order: Order, change: int) -> None:
    product = database.product("A-1", 10, p_cost_price=2)
    order("Add", 5, to=A)
    done = order("Adjust", change, to=A, p_reason="Found", p_actor="ann")
    assert (done["quantity"], done["booked_quantity"]) == (change, None)
    expected = ("adjust", 15, 15 + change, 2 * abs(change), str(done["id"]), "Found", "ann")
    assert movement(database, done["movement_id"]) == expected
    assert lines(database, done["movement_id"]) == [(A, 5, 5 + change)]
    assert (places(database, product).get(A, 0), database.stock(product)) == (5 + change, (15 + change, 0, 0))
    assert layers(database, product)[2:] == ([(3, 3, 2, 6)] if change > 0 else [])


def test_every_order_is_in_the_audit_trail(database: Database, order: Order, analyst_rows: Calls) -> None:
    product = database.product("A-1")
    done = [
        order("Add", 9, C, A, p_reason="r1", p_actor="ann"),
        order("Remove", 1, A, C, p_actor="bob"),
        order("Transfer", 2, A, B),
        order("Count", 5, C, A),
        order("Adjust", -1, C, B),
    ]
    columns = ("operation_type", "quantity", "from_location", "to_location", "booked_quantity", "reason", "actor")
    rows = analyst_rows("select * from report.art_operations order by operation_id")
    assert [tuple(row[name] for name in columns) for row in rows] == [
        ("Add", 9, None, A, None, "r1", "ann"),
        ("Remove", 1, A, None, None, None, "bob"),
        ("Transfer", 2, A, B, None, None, "inventory_operator"),
        ("Count", 5, None, A, 6, None, "inventory_operator"),
        ("Adjust", -1, None, B, None, None, "inventory_operator"),
    ], "a place that a type has no use for is not written down"
    assert [row["operation_id"] for row in rows] == [each["id"] for each in done]
    assert {(row["product_id"], row["sku"], str(row["sku_id"])) for row in rows} == {
        (product, "A-1", database.sku_id(product))
    }
    for row, each in zip(rows, done, strict=True):
        written = "select reference, created_at, id from store.movement where id = %s"
        assert database.rows(written, row["movement_id"]) == [(str(each["id"]), row["created_at"], each["movement_id"])]


@pytest.fixture
def analyst_rows(database: Database) -> Callable[[str], list[dict[str, Any]]]:
    """The rows of a query of the reporting role."""
    analyst = database.connect("inventory_reporting")
    return lambda query: analyst.cursor(row_factory=dict_row).execute(query.encode()).fetchall()


def test_the_report_of_places_sums_up_to_on_hand(
    database: Database, order: Order, freeze: Freeze, analyst_rows: Callable[[str], list[dict[str, Any]]]
) -> None:
    freeze(NOON)
    product = database.product("A-1", "2.5")
    database.product("A-2")
    order("Add", 5, to=B)
    order("Add", 1, to=A)
    order("Remove", 1, A)
    order("Add", 3, to=A, sku="A-2")
    rows = analyst_rows("select * from report.location_stock order by sku, location nulls first")
    sku_id = rows[0]["sku_id"]
    assert [tuple(row.values()) for row in rows[:2]] == [
        (product, sku_id, "A-1", "Product A-1", None, Decimal("2.5"), None),
        (product, sku_id, "A-1", "Product A-1", B, 5, NOON),
    ]
    assert [(row["sku"], row["location"], row["quantity"]) for row in rows[2:]] == [("A-2", A, 3)]


# Places are made


def test_a_place_is_there_from_its_first_use(database: Database, order: Order) -> None:
    database.product("A-1", 10)
    codes = "select code from store.location order by id"
    order("Add", 5, to=A)
    order("Transfer", 1, A, B)
    order("Count", 0, to=C)
    order("Adjust", 1, to="RACK-D4-04")
    order("Count", 2, to="RACK-E5-05")
    order("Add", 5, to=A)
    assert [code for (code,) in database.rows(codes)] == [A, B, C, "RACK-D4-04", "RACK-E5-05"]
    assert database.one("select count(*) from store.location_stock where quantity = 0") == 0, "C was only counted"


@pytest.mark.parametrize(
    ("kind", "quantity", "source", "refusal"),
    [
        ("Add", 1, None, "IV010"),
        ("Remove", 1, NOWHERE, "IV001"),
        ("Remove", 1, A, "IV001"),
        ("Transfer", 1, NOWHERE, "IV001"),
        ("Transfer", 1, A, "IV001"),
        ("Adjust", -1, None, "IV001"),
    ],
)
def test_a_refused_order_makes_no_place(
    database: Database, order: Order, refused: Refused, kind: str, quantity: int, source: Any, refusal: str
) -> None:
    """A is a place that never held the product."""
    database.product("A-1", 10)
    database.product("A-2")
    order("Add", 1, to=A, sku="A-2")
    database.admin.execute("update store.stock set status = 'inactive' where product_id = 1")
    with refused(refusal) as error:
        order(kind, quantity, source, B)
    if refusal == "IV001":
        place = source or B
        assert error.value.diag.message_primary == f"Insufficient stock of SKU A-1 at location {place}"
        assert detail(error) == {"held": 0}


# Departures that name no place


@pytest.mark.parametrize("way", ["sell", "consume", "convert", "correct"])
def test_a_departure_takes_what_lies_nowhere_then_places_in_order_of_arrival(
    database: Database, call: Call, admin_call: AdminCall, order: Order, freeze: Freeze, way: str
) -> None:
    freeze(NOON)
    product = database.product("A-1", 3)
    order("Count", 0, to=A)
    for minute, place in enumerate((B, C, A)):
        freeze(NOON + minute * MINUTE)
        order("Add", 4, to=place)

    def leave(quantity: Any) -> list[tuple[Any, ...]]:
        if way == "sell":
            admin_call("record_sale", product, quantity, 1)
        elif way == "consume":
            call("reserve_stock", product, quantity)
            call("consume_stock", product, quantity)
        elif way == "convert":
            block = call("create_block", product, quantity)
            assert block is not None
            call("convert_block", block["id"])
        else:
            admin_call("update_inventory", product, database.stock(product)[0] - Decimal(quantity))
        return last_lines(database)

    assert leave("2.5") == []
    assert places(database, product) == {None: HALF, A: 4, B: 4, C: 4}
    assert leave(HALF) == [], "the last unit that lies nowhere"
    assert places(database, product) == {A: 4, B: 4, C: 4}
    assert leave("1.5") == [(B, 4, Decimal("2.5"))]
    assert leave("2.5") == [(B, Decimal("2.5"), 0)]
    call("add_stock", product, 1)
    assert leave("6.001") == [(A, 4, Decimal("2.999")), (C, 4, 0)]
    assert places(database, product) == {A: Decimal("2.999")}
    assert leave("2.999") == [(A, Decimal("2.999"), 0)]
    assert (places(database, product), database.stock(product)) == ({}, (0, 0, 0))


def test_places_of_one_instant_give_in_order_of_place(
    database: Database, admin_call: AdminCall, order: Order, freeze: Freeze
) -> None:
    product = database.product("A-1")
    order("Count", 0, to=B)
    freeze(NOON)
    for place in (C, A, B):
        order("Add", 2, to=place)
    admin_call("record_sale", product, 3, 1)
    assert places(database, product) == {C: 1, A: 2}, "B was there first, then C"


def test_what_comes_back_lies_nowhere(database: Database, admin_call: AdminCall, order: Order) -> None:
    product = database.product("A-1")
    order("Add", 5, to=A)
    sale = admin_call("record_sale", product, 3, 1)
    admin_call("return_sale", sale["id"], 2)
    assert places(database, product) == {A: 2, None: 2}
    admin_call("record_sale", product, 3, 1)
    assert places(database, product) == {A: 1}


def test_what_arrives_by_other_apis_lies_nowhere(database: Database, call: Call, admin_call: AdminCall) -> None:
    product = database.product("A-1", 1)
    supplier = admin_call("create_supplier", "Farm", "1")["id"]
    call("add_stock", product, 1)
    admin_call("record_purchase", product, supplier, 1, 1)
    admin_call("update_inventory", product, 4)
    assert (places(database, product), database.one("select located from store.stock")) == ({None: 4}, 0)


def test_a_sale_that_is_refused_takes_of_no_place(
    database: Database, admin_call: AdminCall, order: Order, refused: Refused
) -> None:
    product = database.product("A-1", 1)
    order("Add", 5, to=A)
    with refused("IV001"):
        admin_call("record_sale", product, "6.001", 1)


# Since when


def test_a_place_holds_some_since_its_older_arrival(database: Database, order: Order, freeze: Freeze) -> None:
    product = database.product("A-1")

    def at(minute: int, *arguments: Any, **others: Any) -> dict[str, int]:
        freeze(NOON + minute * MINUTE)
        order(*arguments, **others)
        return arrivals(database, product)

    assert at(1, "Add", 4, to=A) == {A: 1}
    assert at(2, "Add", 4, to=B) == {A: 1, B: 2}
    assert at(3, "Transfer", 1, B, A) == {A: 1, B: 2}, "younger units do not make it younger"
    assert at(4, "Transfer", 1, A, B) == {A: 1, B: 1}, "older ones make it older"
    assert at(5, "Transfer", 2, B, C) == {A: 1, B: 1, C: 1}, "they keep their date"
    assert at(6, "Transfer", 2, B, A) == {A: 1, C: 1}
    assert at(7, "Add", 1, to=B) == {A: 1, B: 7, C: 1}, "what became empty begins anew"
    assert at(8, "Remove", 1, B) == {A: 1, C: 1}
    assert at(9, "Transfer", 1, A, B) == {A: 1, B: 1, C: 1}
    assert at(10, "Count", 0, to=C) == {A: 1, B: 1}
    assert at(11, "Count", 3, to=C) == {A: 1, B: 1, C: 11}
    assert at(12, "Adjust", -3, to=C) == {A: 1, B: 1}
    assert at(13, "Adjust", 3, to=C) == {A: 1, B: 1, C: 13}
    assert at(14, "Count", 5, to=C) == {A: 1, B: 1, C: 13}
    assert at(15, "Adjust", -1, to=C) == {A: 1, B: 1, C: 13}


def test_a_place_that_a_sale_emptied_begins_anew(
    database: Database, admin_call: AdminCall, order: Order, freeze: Freeze
) -> None:
    freeze(NOON)
    product = database.product("A-1")
    order("Add", 1, to=A)
    freeze(NOON + MINUTE)
    order("Add", 1, to=B)
    admin_call("record_sale", product, 1, 1)
    freeze(NOON + 2 * MINUTE)
    order("Add", 1, to=A)
    assert arrivals(database, product) == {A: 2, B: 1}
    admin_call("record_sale", product, 1, 1)
    assert places(database, product) == {A: 1}


# Promised units


REDUCTIONS = [("Remove", 1, {"source": A}), ("Count", 4, {"to": A}), ("Adjust", -1, {"to": A})]


@pytest.mark.parametrize(("kind", "quantity", "where"), REDUCTIONS, ids=["remove", "count", "adjust"])
def test_promised_units_stay(
    database: Database, call: Call, order: Order, refused: Refused, kind: str, quantity: int, where: dict[str, str]
) -> None:
    product = database.product("A-1", 1)
    order("Add", 5, to=A)
    call("reserve_stock", product, 4)
    call("create_block", product, "1.5")
    with refused("IV001") as error:
        order(kind, quantity, **where)
    sentence = f"Insufficient stock of SKU A-1 at location {A}: 4 reserved and 1.5 blocked stand in the way"
    assert error.value.diag.message_primary == sentence
    assert detail(error) == {"held": 5, "reserved": 4, "blocked": Decimal("1.5"), "available": HALF}
    with refused("IV001") as error:
        order("Remove", 5, source=A)  # as many as the location holds
    assert error.value.diag.message_primary == sentence
    call("release_stock", product, HALF)
    order(kind, quantity, **where)
    assert (places(database, product)[A], database.stock(product)) == (4, (5, Decimal("3.5"), Decimal("1.5")))


@pytest.mark.parametrize(("kind", "quantity", "where"), REDUCTIONS, ids=["remove", "count", "adjust"])
def test_expired_blocks_are_freed_for_it(
    database: Database,
    call: Call,
    order: Order,
    freeze: Freeze,
    refused: Refused,
    kind: str,
    quantity: int,
    where: dict[str, str],
) -> None:
    freeze(NOON)
    product = database.product("A-1")
    order("Add", 5, to=A)
    call("create_block", product, 2, p_expires_at=NOON + MINUTE)
    call("create_block", product, 3, p_expires_at=NOON + 2 * MINUTE)
    freeze(NOON + MINUTE - timedelta(microseconds=1))
    with refused("IV001"):
        order(kind, quantity, **where)
    freeze(NOON + MINUTE)
    done = order(kind, quantity, **where)
    assert database.stock(product) == (4, 0, 3)
    kinds = database.rows(
        "select kind from store.movement where id <= %s order by id desc limit 2", done["movement_id"]
    )
    assert kinds == [({"Remove": "remove", "Count": "count", "Adjust": "adjust"}[kind],), ("expire",)]


def test_what_expired_in_part_still_stands_in_the_way(
    database: Database, call: Call, order: Order, freeze: Freeze, refused: Refused
) -> None:
    freeze(NOON)
    product = database.product("A-1")
    order("Add", 5, to=A)
    call("create_block", product, 1, p_expires_at=NOON + MINUTE)
    call("create_block", product, 4, p_expires_at=NOON + 2 * MINUTE)
    freeze(NOON + MINUTE)
    with refused("IV001") as error:
        order("Remove", 2, A)
    assert detail(error) == {"held": 5, "reserved": 0, "blocked": 4, "available": 1}


def test_transfer_moves_promised_units(database: Database, call: Call, order: Order, refused: Refused) -> None:
    product = database.product("A-1")
    order("Add", 5, to=A)
    call("reserve_stock", product, 3)
    call("create_block", product, 2)
    order("Transfer", 5, A, B)
    assert (places(database, product), database.stock(product)) == ({B: 5}, (5, 3, 2))
    with refused("IV001"):
        order("Transfer", 6, B, A)


def test_promised_units_may_lie_nowhere(database: Database, call: Call, order: Order) -> None:
    """What is promised is of the product, wherever it lies."""
    product = database.product("A-1", 5)
    order("Add", 5, to=A)
    call("reserve_stock", product, 5)
    order("Remove", 5, A)
    assert (places(database, product), database.stock(product)) == ({None: 5}, (5, 5, 0))


# Refusals


@pytest.mark.parametrize(
    ("kind", "quantity", "where"),
    [("Remove", 6, {"source": A}), ("Transfer", 6, {"source": A, "to": B}), ("Adjust", -6, {"to": A})],
)
def test_no_more_leaves_a_place_than_it_holds(
    database: Database, order: Order, refused: Refused, kind: str, quantity: int, where: dict[str, str]
) -> None:
    database.product("A-1", 100)
    order("Add", 5, to=A)
    order("Add", 50, to=B)
    with refused("IV001") as error:
        order(kind, quantity, **where)
    assert error.value.diag.message_primary == f"Insufficient stock of SKU A-1 at location {A}"
    assert detail(error) == {"held": 5}


@pytest.mark.parametrize("status", ["inactive", "archived"])
def test_an_inventory_that_is_not_active_may_be_corrected_alone(
    database: Database, order: Order, refused: Refused, status: str
) -> None:
    product = database.product("A-1")
    order("Add", 5, to=A)
    database.admin.execute("update store.stock set status = %s", [status])
    for kind, where in (("Add", {"to": A}), ("Remove", {"source": A})):
        for quantity in (1, 5):
            with refused("IV010") as error:
                order(kind, quantity, **where)
            assert detail(error) == {"status": status}
    order("Count", 4, to=A)
    order("Count", 6, to=A)
    order("Adjust", -1, to=A)
    order("Adjust", 2, to=B)
    order("Transfer", 1, A, C)
    assert (places(database, product), database.stock(product)) == ({A: 4, B: 2, C: 1}, (7, 0, 0))


def test_an_unknown_sku_is_refused(database: Database, order: Order, refused: Refused) -> None:
    database.product("A-1", 5)
    for sku in ("A-2", "a-1"):
        for kind, where in (("Add", {"to": A}), ("Remove", {"source": A}), ("Count", {"to": A})):
            with refused("IV003") as error:
                order(kind, 1, sku=sku, **where)
            assert error.value.diag.message_primary == f"SKU {sku} does not exist in the products table"
            assert detail(error) == {"sku": sku}
    with refused("IV003"):
        order("Add", 1, to=A, sku="A-2", p_sufficient_stock=False)


@pytest.mark.parametrize(
    ("kind", "quantity", "source", "to"),
    [("Add", 1, None, A), ("Remove", 1, A, None), ("Transfer", 1, A, B), ("Count", 0, None, A), ("Adjust", 1, None, A)],
)
def test_a_product_with_no_inventory_lies_nowhere(
    admin_call: AdminCall, order: Order, refused: Refused, kind: str, quantity: int, source: Any, to: Any
) -> None:
    admin_call("register_product", "A-1", "Bare")
    with refused("IV019"):
        order(kind, quantity, source, to)


BOTH = ["from_location", "to_location"]

NOT_TOGETHER = [
    ("Add", 1, None, None, ["to_location"]),
    ("Add", 1, A, None, ["to_location"]),
    ("Remove", 1, None, A, ["from_location"]),
    ("Transfer", 1, None, A, ["from_location"]),
    ("Transfer", 1, A, None, ["to_location"]),
    ("Transfer", 1, A, A, BOTH),
    ("Count", 1, A, None, ["to_location"]),
    ("Adjust", 1, A, None, ["to_location"]),
    ("Adjust", 0, None, A, ["quantity"]),
    ("Add", 0, None, A, 1),
    ("Add", -1, None, A, 1),
    ("Remove", 0, A, None, 1),
    ("Transfer", -1, A, B, 1),
    ("Count", -1, None, A, 0),
]


@pytest.mark.parametrize(("kind", "quantity", "source", "to", "wrong"), NOT_TOGETHER)
def test_fields_that_do_not_go_together_are_refused(
    database: Database,
    order: Order,
    bulk: Bulk,
    refused: Refused,
    kind: str,
    quantity: int,
    source: Any,
    to: Any,
    wrong: list[str] | int,
) -> None:
    """Also in bulk, where they refuse the whole call and say which. ``wrong``: the fields, or the least quantity."""
    database.product("A-1", 10)
    order("Add", 5, to=A)
    told = {"fields": wrong} if isinstance(wrong, list) else {"field": "quantity", "input": quantity, "minimum": wrong}

    with refused("22023") as error:
        order(kind, quantity, source, to)
    assert detail(error) == told
    for atomic in (False, True):
        with refused("22023") as error:
            bulk(art("Remove", 99, A), art("Add", 1, to=B), art(kind, quantity, source, to), atomic=atomic)
        assert detail(error) == told | {"index": 2}


def test_what_every_order_needs_is_asked_for(database: Database, order: Order, bulk: Bulk, refused: Refused) -> None:
    database.product("A-1", 10)
    for kind, quantity, sku in ((None, 1, "A-1"), ("Add", None, "A-1"), ("Add", 1, None)):
        with refused("22004"):
            order(kind, quantity, to=A, sku=sku)
        with refused("22004"):
            bulk(art("Add", 1, to=A), art(kind, quantity, to=A, sku=sku))  # type: ignore[arg-type]
        with refused("22004"):  # also one by one, after one that is only refused
            bulk(art("Remove", 99, A), art(kind, quantity, to=A, sku=sku))  # type: ignore[arg-type]
    with refused("22004"):
        bulk(art("Add", 1, to=A), None)


@pytest.mark.parametrize(
    ("kind", "quantity", "others", "constraint"),
    [
        ("add", 1, {"to": A}, "art_type_known"),
        ("Add", 1_000_001, {"to": A}, "art_quantity_range"),
        ("Adjust", -1_000_001, {"to": A}, "art_quantity_range"),
        ("Add", 1, {"to": "RACK-A1-1"}, "location_code_form"),
        ("Remove", 1, {"source": "rack-a1-01"}, "location_code_form"),
        ("Add", 1, {"to": A, "sku": "A 1"}, "art_sku_form"),
        ("Add", 1, {"to": A, "p_reason": "x" * 256}, "art_reason_length"),
    ],
)
def test_a_value_of_the_wrong_form_is_refused(
    database: Database, order: Order, refused: Refused, kind: str, quantity: int, others: Any, constraint: str
) -> None:
    database.product("A-1", 10)
    with refused("23514", constraint):
        order(kind, quantity, **others)


@pytest.mark.parametrize(
    ("kind", "source", "to", "named"),
    [
        ("Add", None, B, B),
        ("Remove", A, None, A),
        ("Transfer", A, B, A),
        ("Count", None, B, B),
        ("Adjust", None, B, B),
    ],
)
def test_insufficient_stock_can_be_asked_for(
    database: Database, order: Order, refused: Refused, kind: str, source: Any, to: Any, named: str
) -> None:
    product = database.product("A-1", 10)
    order("Add", 5, to=A)
    with refused("IV001") as error:
        order(kind, 1, source, to, p_sufficient_stock=False)
    assert error.value.diag.message_primary == f"Insufficient stock of SKU A-1 at location {named}"
    order(kind, 1, source, to, p_sufficient_stock=None)
    order(kind, 1, source, to, p_sufficient_stock=True)
    assert sum(places(database, product).values()) == database.stock(product)[0]


@pytest.mark.parametrize("kind", ["Add", "Count", "Adjust"])
def test_no_balance_passes_its_limit(database: Database, order: Order, refused: Refused, kind: str) -> None:
    product = database.product("A-1", LIMIT - 1_000_000)
    order(kind, 1_000_000, to=A)
    assert places(database, product) == {A: 1_000_000, None: LIMIT - 1_000_000}
    with refused("IV011"):
        order(kind, 1, to=B)


def test_many_adds_are_refused_as_one_is(database: Database, bulk: Bulk) -> None:
    """Up to the limit and in an active inventory; the others of the call are carried out."""
    full = database.product("A-1", 999_999_998)
    idle = database.product("A-2", 5)
    database.admin.execute("update store.stock set status = 'archived' where product_id = %s", [idle])
    found = bulk(art("Add", 1, to=A), art("Add", 1, to=A), art("Add", 1, to=A, sku="A-2"), art("Add", 1, to=A))
    assert [row["error_sqlstate"] for row in found] == [None, "IV011", "IV010", "IV011"]
    assert (database.stock(full)[0], database.stock(idle)[0]) == (999_999_999, 5)
    (found,) = bulk(art("Add", 1, to=A))
    assert found["error_sqlstate"] == "IV011"
    (found,) = bulk(art("Add", 1, to=A, sku="A-2"))
    assert found["error_sqlstate"] == "IV010"


def test_many_adds_of_several_products_share_a_place(database: Database, bulk: Bulk) -> None:
    first, second = database.product("A-1"), database.product("A-2")
    found = bulk(art("Add", 1, to=A), art("Add", 2, to=A, sku="A-2"), art("Add", 3, to=A), art("Add", 4, to=B))
    assert [lines(database, row["movement_id"]) for row in found] == [
        [(A, 0, 1)],
        [(A, 0, 2)],
        [(A, 1, 4)],
        [(B, 0, 4)],
    ]
    assert (places(database, first), places(database, second)) == ({A: 4, B: 4}, {A: 2})


def test_new_places_are_numbered_in_the_order_of_the_orders(database: Database, bulk: Bulk) -> None:
    database.product("A-1")
    codes = [f"RACK-{letter}1-01" for letter in "GBFACED"]
    assert [row["error_sqlstate"] for row in bulk(*(art("Add", 1, to=code) for code in codes))] == [None] * 7
    assert [code for (code,) in database.rows("select code from store.location order by id")] == codes


def test_what_many_adds_bring_is_there_since_the_older_arrival(
    database: Database, order: Order, bulk: Bulk, freeze: Freeze
) -> None:
    product = database.product("A-1")
    freeze(NOON)
    order("Add", 4, to=A)
    freeze(NOON + MINUTE)
    bulk(art("Add", 1, to=A), art("Add", 1, to=B))
    assert arrivals(database, product) == {A: 0, B: 1}
    order("Remove", 5, A)
    freeze(NOON + 2 * MINUTE)
    bulk(art("Add", 1, to=A), art("Add", 1, to=B))
    assert arrivals(database, product) == {A: 2, B: 1}


@pytest.mark.parametrize(("missing", "cost", "value"), [("0.5", "0.001", "0.001"), ("0.013", "0.035", "0.000")])
def test_what_a_place_is_corrected_by_is_rounded_half_up_once(
    database: Database, call: Call, order: Order, missing: str, cost: str, value: str
) -> None:
    """A departure may leave a part of a unit at a place, and a count then finds the rest of it."""
    product = database.product("A-1", p_cost_price=cost)
    order("Add", 2, to=A)
    call("reserve_stock", product, missing)
    call("consume_stock", product, missing)
    done = order("Count", 2, to=A)
    assert movement(database, done["movement_id"])[3] == Decimal(value)
    assert layers(database, product)[-1] == (Decimal(missing), Decimal(missing), Decimal(cost), Decimal(value))


def test_an_order_of_another_transaction_that_fails_leaves_nothing(database: Database, refused: Refused) -> None:
    """The order, its movement, its place and its audit row stand or fall together."""
    database.product("A-1", 10)
    operator = database.connect("inventory_operator")
    with refused("22012"), operator.transaction():
        operator.execute(f"select inventory.place_order('Add', 'A-1', 5, p_to_location => '{A}')".encode())
        operator.execute("select 1 / 0")


# Many at once


def test_orders_are_carried_out_in_order(database: Database, bulk: Bulk) -> None:
    first, second = database.product("A-1", 10, p_cost_price=2), database.product("A-2")
    found = bulk(
        art("Add", 5, to=A, reason="one"),
        art("Transfer", 5, A, B),
        art("Remove", 2, B),
        art("Add", 7, to=B, sku="A-2"),
        art("Count", 4, to=B),
        art("Adjust", -4, to=B),
        actor="ann",
    )
    columns = (
        "operation_type",
        "sku",
        "quantity",
        "from_location",
        "to_location",
        "booked_quantity",
        "reason",
        "actor",
    )
    assert [tuple(row[name] for name in columns) for row in found] == [
        ("Add", "A-1", 5, None, A, None, "one", "ann"),
        ("Transfer", "A-1", 5, A, B, None, None, "ann"),
        ("Remove", "A-1", 2, B, None, None, None, "ann"),
        ("Add", "A-2", 7, None, B, None, None, "ann"),
        ("Count", "A-1", 4, None, B, 3, None, "ann"),
        ("Adjust", "A-1", -4, None, B, None, None, "ann"),
    ]
    assert {row["error_sqlstate"] for row in found} == {None}
    assert database.rows("select id from store.art_operation order by id") == [(row["id"],) for row in found]
    assert (places(database, first), places(database, second)) == ({None: 10}, {B: 7})


def test_of_orders_one_by_one_the_others_are_carried_out(database: Database, bulk: Bulk) -> None:
    product = database.product("A-1", 10)
    archived = database.product("A-2", 10)
    database.admin.execute("update store.stock set status = 'archived' where product_id = %s", [archived])
    found = bulk(
        art("Add", 5, to=A),
        art("Remove", 6, A),
        art("Add", 1, to=C, sku="X"),
        art("Add", 1, to=C, sku="A-2"),
        art("Transfer", 2, C, NOWHERE),
        art("Transfer", 2, A, B),
        art("Add", 1, to=C, sufficient_stock=False),
        art("Remove", 3, A),
        art("Remove", 1, A),
        art("Count", 0, to=B),
    )
    assert [row["error_sqlstate"] for row in found] == [
        *(None, "IV001", "IV003", "IV010", "IV001", None, "IV001", None, "IV001", None)
    ]
    assert [row["error_message"] for row in found if row["error_message"]] == [
        f"Insufficient stock of SKU A-1 at location {A}",
        "SKU X does not exist in the products table",
        f"The inventory of product {archived} is archived.",
        f"Insufficient stock of SKU A-1 at location {C}",
        f"Insufficient stock of SKU A-1 at location {C}",
        f"Insufficient stock of SKU A-1 at location {A}",
    ]
    for row in found:
        assert (row["id"] is None) == (row["error_sqlstate"] is not None)
    assert json.loads(found[1]["error_detail"]) == {"held": 5}
    assert places(database, product) == {None: 10}
    assert database.rows("select code from store.location order by code") == [(A,), (B,)], "none for what was refused"
    assert database.rows("select id from store.art_operation order by id") == [
        (row["id"],) for row in found if row["id"] is not None
    ]
    assert database.counts()["movement"] == 6


@pytest.mark.parametrize("where", ["first", "middle", "last", "only"])
def test_one_by_one_a_failure_anywhere_is_its_own(database: Database, bulk: Bulk, where: str) -> None:
    product = database.product("A-1")
    good, bad = art("Add", 1, to=A), art("Remove", 9, A)
    orders = {"first": [bad, good, good], "middle": [good, bad, good], "last": [good, good, bad], "only": [bad]}[where]
    found = bulk(*orders)
    assert [row["error_sqlstate"] for row in found] == ["IV001" if order is bad else None for order in orders]
    assert places(database, product) == ({} if where == "only" else {A: 2})


@pytest.mark.parametrize("index", [0, 1, 3])
def test_of_an_atomic_call_the_first_failure_undoes_all(
    database: Database, bulk: Bulk, refused: Refused, index: int
) -> None:
    database.product("A-1", 10)
    database.product("A-2", 10)
    orders = [art("Add", 5, to=A), art("Transfer", 2, A, B), art("Add", 1, to=B, sku="A-2")]
    orders.insert(index, art("Remove", 9, A))
    with refused("IV001") as error:
        bulk(*orders, art("Add", 1, to=C, sku="X"), atomic=True)
    assert error.value.diag.message_primary == f"Insufficient stock of SKU A-1 at location {A}"
    assert detail(error)["failed_index"] == index
    assert "held" in detail(error)


@pytest.mark.parametrize(
    ("sku", "refusal", "rest"),
    [("X", "IV003", {"sku": "X"}), ("A-2", "IV010", {"status": "inactive"}), ("A-3", "IV019", {})],
)
def test_an_atomic_failure_keeps_what_it_says(
    database: Database,
    admin_call: AdminCall,
    bulk: Bulk,
    refused: Refused,
    sku: str,
    refusal: str,
    rest: dict[str, Any],
) -> None:
    database.product("A-1")
    inactive = database.product("A-2")
    admin_call("update_inventory", inactive, p_status="inactive")
    admin_call("register_product", "A-3", "Bare")
    with refused(refusal) as error:
        bulk(art("Add", 1, to=A), art("Add", 1, to=A, sku=sku), atomic=True)
    assert detail(error) == rest | {"failed_index": 1}


@pytest.mark.parametrize("atomic", [True, False])
def test_one_sku_and_place_many_times_counts_right(database: Database, bulk: Bulk, *, atomic: bool) -> None:
    product = database.product("A-1")
    found = bulk(*[art("Add", 2, to=A), art("Remove", 1, A), art("Transfer", 1, A, B)] * 20, atomic=atomic)
    assert {row["error_sqlstate"] for row in found} == {None}
    assert places(database, product) == {B: 20}
    assert lines(database, found[-1]["movement_id"]) == [(A, 1, 0), (B, 19, 20)]
    found = bulk(*[art("Remove", 3, B)] * 7)
    assert [row["error_sqlstate"] for row in found] == [None] * 6 + ["IV001"], "of 20 six times 3 can be had"
    assert places(database, product) == {B: 2}


@pytest.mark.parametrize("fails", [False, True], ids=["all succeed", "some fail"])
def test_a_thousand_orders(database: Database, bulk: Bulk, refused: Refused, *, fails: bool) -> None:
    products = [database.product(f"A-{number}") for number in range(50)]
    orders = [art("Add", 1 + number, to=f"RACK-A{number % 10}-01", sku=f"A-{number % 50}") for number in range(1000)]
    if fails:
        for number in (0, 499, 999):
            orders[number] = art("Remove", 1, NOWHERE, sku="A-7")
    found = bulk(*orders)
    assert [number for number, row in enumerate(found) if row["error_sqlstate"]] == ([0, 499, 999] if fails else [])
    assert [row["sku"] for row in found if row["sku"]] == [each["sku"] for each in orders if each["type"] == "Add"]
    added = sum(each["quantity"] for each in orders if each["type"] == "Add")
    assert sum(database.stock(product)[0] for product in products) == added
    if not fails:
        with refused("23514", "art_orders_count"):
            bulk(*orders, orders[0])
        with refused("23514", "art_orders_count"):
            bulk()


# Who may


@pytest.mark.parametrize("role", ["inventory_public", "inventory_reporting", "inventory_maintenance"])
def test_who_is_no_operator_places_no_order(
    database: Database, calls: Calls, refused: Refused, subtests: pytest.Subtests, role: str
) -> None:
    database.product("A-1", 5)
    count = database.one(f"select id from inventory.start_count('{A}')")
    for name, arguments in {
        "place_order": ("Count", "A-1", 0, None, A),
        "start_count": (B,),
        "record_count_line": (count, "A-1", 1),
        "close_count": (count,),
        "cancel_count": (count,),
    }.items():
        with subtests.test(name), refused("42501"):
            calls(name, *arguments, role=role)
    connection = database.connect(role)
    for query in (
        f"inventory.place_orders(array[row('Add', 'A-1', 1, null, '{A}', null, true)]::inventory.art_order[])",
        f"inventory.record_count_lines({count}, array[row('A-1', 1)]::inventory.count_found[])",
    ):
        with subtests.test(query), refused("42501"):
            connection.execute(f"select * from {query}".encode())


@pytest.mark.parametrize("role", ["inventory_operator", "inventory_employee", "inventory_admin"])
def test_an_operator_and_who_is_more_places_orders(database: Database, call: Call, role: str) -> None:
    database.product("A-1", 5)
    operation = call("place_order", "Add", "A-1", 1, None, A, role=role)
    assert operation is not None
    assert operation["actor"] == role


def test_what_orders_are_made_of_is_nobodys_to_call(database: Database) -> None:
    roles = [f"inventory_{role}" for role in ("public", "operator", "employee", "admin", "reporting", "maintenance")]
    names = [
        *("check_order", "finish_orders", "held_at", "location_id", "location_refusal", "lock_open_count"),
        *("lock_product", "prepare_orders", "product_by_sku", "require_location"),
    ]
    found = database.rows(
        "select r.role, p.proname::text, has_function_privilege(r.role, p.oid, 'execute')"
        " from unnest(%s::text[]) as r (role)"
        " join pg_proc as p on p.pronamespace = 'inventory'::regnamespace and p.proname = any(%s)",
        roles,
        names,
    )
    assert sorted(found) == sorted((role, name, False) for role in roles for name in names)
