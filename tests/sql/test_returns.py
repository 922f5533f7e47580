"""Units that come back: into the cost layers that they left, at what they had cost, and never more than are outside."""

from __future__ import annotations

import itertools
import json
from decimal import Decimal
from typing import Any

import pytest

from tests.conftest import Database, InThread
from tests.sql.conftest import AdminCall, Call, Refused
from tests.sql.races import refusal_of_the_second

pytestmark = pytest.mark.usefixtures("verified")


def product_of(database: Database, call: Call, *costs: Any, sku: str = "A-1", quantity: Any = 10) -> int:
    """A product with a layer of so many units at each unit cost; None: not known."""
    product = database.product(sku)
    for cost in costs:
        database.admin.execute("update store.product set cost_price = %s where id = %s", [cost, product])
        call("add_stock", product, quantity)
    return product


def layers(database: Database, product: int) -> list[tuple[Any, ...]]:
    """(remaining, remaining value, is open) of each, oldest first."""
    return database.rows(
        "select remaining, remaining_value, is_open from store.cost_layer where product_id = %s order by id", product
    )


def uses(database: Database, movement: Any) -> list[tuple[Any, ...]]:
    """(unit cost of the layer, units, cost) of each use of a movement, oldest layer first."""
    return database.rows(
        "select l.unit_cost, u.quantity, u.cost from store.cost_layer_use as u"
        " join store.cost_layer as l on u.layer_id = l.id where u.movement_id = %s order by l.id",
        movement,
    )


def pool(database: Database, product: int) -> tuple[Any, ...]:
    """(units, value) of the moving average."""
    return database.rows("select average_quantity, average_value from store.stock where product_id = %s", product)[0]


# What a return writes


def test_a_return_is_a_row_of_its_own(database: Database, call: Call, admin_call: AdminCall) -> None:
    product = product_of(database, call, 1, 2)
    sold = admin_call("record_sale", product, 15, "4.5", p_actor="ann")
    back = admin_call("return_sale", sold["id"], 6, "spoilt", "bob")
    before = {"quantity_to_date": 15, "revenue_to_date": Decimal("67.5"), "cost_to_date": 20}
    assert {name: sold[name] for name in before} == before
    assert {name: back[name] for name in back if name not in ("id", "movement_id", "created_at")} == {
        "product_id": product,
        "number": 2,
        "quantity": -6,
        "unit_price": Decimal("4.5"),
        "revenue": -27,
        "cost": -11,
        "returned_sale_id": sold["id"],
        "actor": "bob",
        "quantity_to_date": 9,
        "revenue_to_date": Decimal("40.5"),
        "cost_to_date": 9,
        "without_cost_to_date": 0,
    }
    assert back["id"] > sold["id"]
    assert database.rows(
        "select on_hand_before, on_hand_after, reserved_after, blocked_after, kind, cost, reference, reason, actor,"
        " created_at = %s, occurred_at = created_at from store.movement where id = %s",
        back["created_at"],
        back["movement_id"],
    ) == [(5, 11, 0, 0, "return", 11, str(back["id"]), "spoilt", "bob", True, True)]
    assert database.rows("select quantity, revenue, cost, actor from store.sale where id = %s", sold["id"]) == [
        (15, Decimal("67.5"), 20, "ann")
    ], "the sale stays as it is"


def test_without_a_quantity_all_that_is_outside_comes_back(
    database: Database, call: Call, admin_call: AdminCall
) -> None:
    product = product_of(database, call, 1)
    sold = admin_call("record_sale", product, 7, 3)
    admin_call("return_sale", sold["id"], "2.5")
    back = admin_call("return_sale", sold["id"])
    assert (back["quantity"], back["revenue"], back["cost"]) == (Decimal("-4.5"), Decimal("-13.5"), Decimal("-4.5"))
    assert (back["quantity_to_date"], back["revenue_to_date"], back["cost_to_date"]) == (0, 0, 0)
    assert layers(database, product) == [(10, 10, True)]


def test_a_sale_for_nothing_comes_back_for_nothing(database: Database, call: Call, admin_call: AdminCall) -> None:
    product = product_of(database, call, 0)
    sold = admin_call("record_sale", product, 5, 0)
    back = admin_call("return_sale", sold["id"], 2)
    assert (back["revenue"], back["cost"]) == (0, 0)


def test_what_came_back_can_be_had_by_the_next(database: Database, call: Call, admin_call: AdminCall) -> None:
    product = product_of(database, call, 1)
    call("reserve_stock", product, 2)
    call("create_block", product, 1)
    sold = admin_call("record_sale", product, 7, 1)
    admin_call("return_sale", sold["id"], 3)
    assert database.stock(product) == (6, 2, 1)
    again = admin_call("record_sale", product, 3, 1)
    assert (again["number"], again["quantity_to_date"]) == (3, 7)


# Layers


def test_the_layers_are_those_of_a_smaller_sale(
    database: Database, call: Call, admin_call: AdminCall, subtests: pytest.Subtests
) -> None:
    """Of costs that a thousandth of a unit divides without a rest."""
    for sold, back in itertools.product((10, 13, 25, 30), ("0.001", "4", "10", "12.345", "20", "29.999")):
        quantity = min(Decimal(back), Decimal(sold))
        with subtests.test(sold=sold, back=quantity):
            product, other = (
                product_of(database, call, 1, 2, 3, sku=f"{name} {sold} {back}") for name in ("whole", "smaller")
            )
            sale = admin_call("record_sale", product, sold, 9)
            returned = admin_call("return_sale", sale["id"], quantity)
            smaller = admin_call("record_sale", other, sold - quantity, 9)["cost"] if sold > quantity else 0
            assert layers(database, product) == layers(database, other)
            assert sale["cost"] + returned["cost"] == returned["cost_to_date"] == smaller


def test_those_that_were_taken_last_go_back_first(database: Database, call: Call, admin_call: AdminCall) -> None:
    product = product_of(database, call, 1, 2, 3)
    sale = admin_call("record_sale", product, 25, 9)
    assert uses(database, sale["movement_id"]) == [(1, 10, 10), (2, 10, 20), (3, 5, 15)]
    first = admin_call("return_sale", sale["id"], 8)
    assert uses(database, first["movement_id"]) == [(2, -3, -6), (3, -5, -15)]
    second = admin_call("return_sale", sale["id"], 8)
    assert uses(database, second["movement_id"]) == [(1, -1, -1), (2, -7, -14)]
    assert (first["cost"], second["cost"]) == (-21, -15)
    assert layers(database, product) == [(1, 1, True), (10, 20, True), (10, 30, True)]
    assert database.rows("select distinct returns_movement_id from store.cost_layer_use where quantity < 0") == [
        (sale["movement_id"],)
    ]


def test_a_layer_that_was_used_up_opens_again_and_is_the_first_to_go(
    database: Database, call: Call, admin_call: AdminCall
) -> None:
    product = product_of(database, call, 1)
    sale = admin_call("record_sale", product, 10, 9)
    assert layers(database, product) == [(0, 0, False)]
    supplier = admin_call("create_supplier", "Fresh Farm Supplies")["id"]
    admin_call("record_purchase", product, supplier, 5, 7)
    admin_call("return_sale", sale["id"], 4)
    assert layers(database, product) == [(4, 4, True), (5, 35, True)]
    assert admin_call("record_sale", product, 6, 9)["cost"] == 4 + 14
    assert layers(database, product) == [(0, 0, False), (3, 21, True)]


def test_a_return_opens_no_layer(database: Database, call: Call, admin_call: AdminCall) -> None:
    product = product_of(database, call, 1, 2)
    sale = admin_call("record_sale", product, 20, 9)
    for quantity in (3, 17):
        admin_call("return_sale", sale["id"], quantity)
    assert layers(database, product) == [(10, 10, True), (10, 20, True)]


def test_units_go_back_to_the_layers_of_their_own_sale(database: Database, call: Call, admin_call: AdminCall) -> None:
    product = product_of(database, call, 1, 2)
    other = product_of(database, call, 5, sku="A-2")
    first = admin_call("record_sale", product, 10, 9)
    second = admin_call("record_sale", product, 10, 9)
    third = admin_call("record_sale", other, 10, 9)
    assert admin_call("return_sale", first["id"], 4)["cost"] == -4
    assert admin_call("return_sale", second["id"], 4)["cost"] == -8
    assert layers(database, product) == [(4, 4, True), (4, 8, True)]
    assert layers(database, other) == [(0, 0, False)]
    assert admin_call("return_sale", third["id"])["number"] == 2, "numbers run within a product"


def test_the_last_part_takes_all_that_remains(database: Database, call: Call, admin_call: AdminCall) -> None:
    """0.7 at 1.005 are worth 0.704 and sell for 0.7 at 9.999, which is 6.999: no part of it is lost or made."""
    product = product_of(database, call, "1.005", quantity="0.7")
    for parts in (["0.1"] * 7, ["0.3", "0.4"], ["0.699", "0.001"], ["0.001", "0.699"], ["0.7"]):
        sale = admin_call("record_sale", product, "0.7", "9.999")
        assert (sale["cost"], sale["revenue"]) == (Decimal("0.704"), Decimal("6.999"))
        back = [admin_call("return_sale", sale["id"], part) for part in parts]
        assert sum(row["cost"] for row in back) == Decimal("-0.704")
        assert sum(row["revenue"] for row in back) == Decimal("-6.999")
        assert layers(database, product) == [(Decimal("0.7"), Decimal("0.704"), True)]
        last = back[-1]
        assert (last["quantity_to_date"], last["revenue_to_date"], last["cost_to_date"]) == (0, 0, 0)


def test_a_part_is_rounded_half_up(database: Database, call: Call, admin_call: AdminCall) -> None:
    product = product_of(database, call, "1.005", quantity="0.7")
    sale = admin_call("record_sale", product, "0.7", "9.999")
    found = [admin_call("return_sale", sale["id"], "0.1") for _ in range(7)]
    assert [row["cost"] for row in found] == [
        Decimal(f"-0.{thousandths}") for thousandths in (101, 101, 100, 101, 100, 101, 100)
    ]
    assert [row["revenue"] for row in found[:2]] == [Decimal("-1.000"), Decimal("-1.000")]


def test_what_goes_out_and_in_again_and_again_is_worth_the_same(
    database: Database, call: Call, admin_call: AdminCall
) -> None:
    product = product_of(database, call, "0.333", "0.777", quantity="3.003")
    before = layers(database, product)
    for quantity in ("0.001", "1.999", "3.003", "3.004", "6.006"):
        sale = admin_call("record_sale", product, quantity, "1.111")
        admin_call("return_sale", sale["id"], "0.001")
        if quantity != "0.001":
            admin_call("return_sale", sale["id"])
        assert layers(database, product) == before
    assert database.one("select cost_to_date from store.sale order by number desc limit 1") == 0


# Of no known cost


def test_what_left_at_no_known_cost_comes_back_at_none(database: Database, call: Call, admin_call: AdminCall) -> None:
    product = product_of(database, call, 1, None, 2, quantity=3)
    sale = admin_call("record_sale", product, 8, 9)
    assert (sale["cost"], sale["cost_to_date"], sale["without_cost_to_date"]) == (None, 0, 1)
    known = admin_call("return_sale", sale["id"], 1)
    assert (known["cost"], known["without_cost_to_date"]) == (-2, 1), "this unit's cost is known"
    mixed = admin_call("return_sale", sale["id"], 2)
    assert (mixed["cost"], mixed["cost_to_date"], mixed["without_cost_to_date"]) == (None, -2, 2)
    assert uses(database, mixed["movement_id"]) == [(None, -1, None), (2, -1, -2)]
    assert layers(database, product) == [(0, 0, False), (1, None, True), (3, 6, True)]
    admin_call("return_sale", sale["id"])
    assert layers(database, product) == [(3, 3, True), (3, None, True), (3, 6, True)]
    # Of the pool's 6 units and 9 of money 0.667 and 1 stayed; what came back of known cost joined them.
    assert pool(database, product) == (Decimal("0.667") + 1 + 1 + 3, 1 + 2 + 2 + 3)


# The moving average


def test_units_join_the_moving_average_at_what_they_had_cost(
    database: Database, call: Call, admin_call: AdminCall
) -> None:
    product = product_of(database, call, 1, 3, quantity=2)
    assert pool(database, product) == (4, 8)
    sale = admin_call("record_sale", product, 2, 9)
    assert (sale["cost"], pool(database, product)) == (2, (2, 4))
    admin_call("return_sale", sale["id"], 1)
    assert pool(database, product) == (3, 5)
    assert database.rows("select average_quantity, average_value from store.movement order by id desc limit 1") == [
        (3, 5)
    ]


# Refused


def test_no_more_comes_back_than_is_outside(
    database: Database, call: Call, admin_call: AdminCall, refused: Refused
) -> None:
    product = product_of(database, call, 1)
    sale = admin_call("record_sale", product, 5, 9)
    admin_call("record_sale", product, 5, 9)
    with refused("IV028"):
        admin_call("return_sale", sale["id"], "5.001")
    admin_call("return_sale", sale["id"], 3)
    with refused("IV028") as error:
        admin_call("return_sale", sale["id"], "2.001")
    assert error.value.diag.message_detail == '{"requested": 2.001, "returnable": 2.000}'
    admin_call("return_sale", sale["id"], 2)
    for quantity in (None, "0.001", 5):
        with refused("IV028"):
            admin_call("return_sale", sale["id"], quantity)


def test_what_is_no_sale_does_not_come_back(
    database: Database, call: Call, admin_call: AdminCall, refused: Refused
) -> None:
    product = product_of(database, call, 1)
    sale = admin_call("record_sale", product, 5, 9)
    back = admin_call("return_sale", sale["id"], 2)
    for number in (back["id"], 999_999, 0, -1, None):
        with refused("IV030"):
            admin_call("return_sale", number, 1)
    with refused("IV030"):
        admin_call("return_sale", back["id"])


def test_a_quantity_of_wrong_form_does_not_come_back(
    database: Database, call: Call, admin_call: AdminCall, refused: Refused
) -> None:
    sale = admin_call("record_sale", product_of(database, call, 1), 5, 9)
    for quantity in (0, -1, "NaN"):
        with refused("23514", "positive_quantity_range"):
            admin_call("return_sale", sale["id"], quantity)
    with refused("23514", "positive_quantity_places"):
        admin_call("return_sale", sale["id"], "0.0001")
    with refused("23514", "reason_length"):
        admin_call("return_sale", sale["id"], 1, "x" * 1001)


def test_nothing_comes_back_past_the_limit_of_a_balance(
    database: Database, call: Call, admin_call: AdminCall, refused: Refused
) -> None:
    product = product_of(database, call, 1)
    sale = admin_call("record_sale", product, 5, 9)
    call("add_stock", product, "999999993.999")
    with refused("IV011"):
        admin_call("return_sale", sale["id"], "1.001")
    with refused("IV011"):
        admin_call("return_sale", sale["id"])
    admin_call("return_sale", sale["id"], 1)
    assert database.stock(product)[0] == Decimal("999999999.999")


@pytest.mark.parametrize("status", ["inactive", "archived"])
def test_an_inventory_of_any_status_takes_a_return(
    database: Database, call: Call, admin_call: AdminCall, refused: Refused, status: str
) -> None:
    product = product_of(database, call, 1)
    sale = admin_call("record_sale", product, 5, 9)
    admin_call("update_inventory", product, p_status=status)
    assert admin_call("return_sale", sale["id"], 2)["quantity"] == -2
    assert database.stock(product) == (7, 0, 0)
    with refused("IV010"):
        admin_call("record_sale", product, 1, 9)


def test_of_two_callers_who_bring_back_all_one_is_refused(
    database: Database, call: Call, admin_call: AdminCall, in_thread: type[InThread]
) -> None:
    product = product_of(database, call, 1)
    sale = admin_call("record_sale", product, 5, 9)
    query = f"select inventory.return_sale({sale['id']})"
    assert refusal_of_the_second(database, in_thread, "inventory_admin", query) == "IV028"
    assert layers(database, product) == [(10, 10, True)]


# Any departure: what inventory.post does for rules to come


def bring_back(database: Database, product: int, movement: Any, quantity: Any) -> Any:
    """The cost of units of a departure that come back."""
    return database.one(
        """
        select (p.movement).cost
        from inventory.post_line(
            inventory.line('adjust', %s, %s, 'a reference', 'a reason', 'eve', p_returns_movement_id => %s)
        ) as p
        """,
        product,
        quantity,
        movement,
    )


def test_what_was_consumed_or_converted_can_come_back_too(
    database: Database, call: Call, admin_call: AdminCall, refused: Refused
) -> None:
    product = product_of(database, call, 1, None, 2, quantity=3)
    call("reserve_stock", product, 2)
    consumed = call("consume_stock", product, 2)
    block = call("create_block", product, 7)
    assert consumed is not None
    assert block is not None
    call("convert_block", block["id"], 6)
    converted = database.one("select id from store.movement where kind = 'convert'")
    assert layers(database, product) == [(0, 0, False), (0, None, False), (1, 2, True)]

    assert bring_back(database, product, consumed["id"], "1.5") == Decimal("1.5")
    assert layers(database, product) == [(Decimal("1.5"), Decimal("1.5"), True), (0, None, False), (1, 2, True)]
    assert bring_back(database, product, converted, 1) == 2
    assert bring_back(database, product, converted, 2) is None
    assert layers(database, product) == [(Decimal("1.5"), Decimal("1.5"), True), (1, None, True), (3, 6, True)]
    with refused("IV028") as error:
        bring_back(database, product, converted, "3.001")
    assert json.loads(error.value.diag.message_detail or "null") == {"returnable": 3, "requested": 3.001}
    with refused("IV028"):
        bring_back(database, product, consumed["id"], "0.501")
    assert bring_back(database, product, converted, 3) is None
    assert bring_back(database, product, consumed["id"], "0.5") == Decimal("0.5")
    assert layers(database, product) == [(3, 3, True), (3, None, True), (3, 6, True)]
    assert database.stock(product) == (9, 0, 0)
    assert database.rows("select reference, reason, actor from store.movement order by id desc limit 1") == [
        ("a reference", "a reason", "eve")
    ]


def test_what_did_not_leave_does_not_come_back(
    database: Database, call: Call, admin_call: AdminCall, refused: Refused
) -> None:
    product = product_of(database, call, 1)
    other = product_of(database, call, 1, sku="A-2")
    call("reserve_stock", product, 2)
    sale = admin_call("record_sale", product, 4, 9)
    back = admin_call("return_sale", sale["id"], 2)
    arrival, reserve = (
        database.one("select id from store.movement where product_id = %s and kind = %s", product, kind)
        for kind in ("add", "reserve")
    )
    for movement in (arrival, reserve, back["movement_id"], 999_999):
        with refused("IV028"):
            bring_back(database, product, movement, 1)
    with refused("IV028"):
        bring_back(database, other, sale["movement_id"], 1)
    with refused("IV003"):
        bring_back(database, 999_999, sale["movement_id"], 1)


def test_what_names_a_departure_is_posted_alone(database: Database, refused: Refused) -> None:
    product = database.product(quantity=5)
    with refused("0A000"):
        database.one(
            "select inventory.post(array[inventory.line('add', %s, 1), inventory.line('return', %s, 1,"
            " p_returns_movement_id => 1)])",
            product,
            product,
        )
