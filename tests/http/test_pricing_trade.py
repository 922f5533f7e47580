"""API 3: purchases, sales, and what comes back of a sale."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from decimal import Decimal
from typing import Any

import httpx

from tests.conftest import Database
from tests.http.conftest import send
from tests.http.pricing import (
    UNKNOWN,
    assert_holds,
    balances,
    buy,
    give_back,
    instant,
    made,
    price,
    sell,
    shown,
    stocked,
    supplier,
    valuation,
)
from tests.http.test_pricing_inventory import NUMBERS
from tests.http.test_stock import assert_problem

Unchanged = Callable[[], AbstractContextManager[None]]

LIMIT = "999999999.999"
DEAREST = "99999999999999999999.999"
AMOUNTS = {sent: printed for sent, printed in NUMBERS.items() if Decimal(printed)} | {
    DEAREST: DEAREST,
    f'"{DEAREST}"': DEAREST,
}
# An amount may be 0, a quantity of a purchase or a sale not.
COSTS = AMOUNTS | {"0": "0.000", '"0.00"': "0.000"}
QUANTITIES = {sent: printed for sent, printed in AMOUNTS.items() if printed != DEAREST}


def totals(client: httpx.Client, product_id: int, what: str = "sales") -> Any:
    return shown(client, f"/inventory/{what}/{product_id}")["totals"]


# Purchases


def test_a_purchase_opens_a_layer_at_its_unit_cost(admin: httpx.Client, database: Database) -> None:
    product_id, supplier_id = stocked(admin, quantity=50), supplier(admin)
    body = made(buy(admin, product_id, supplier_id, "2.5", "0.333"))
    found = body["purchase_item"]
    # 0.8325, rounded half up
    assert_holds(found, {"quantity": "2.500", "unit_cost": "0.333", "total_cost": "0.833", "product_id": product_id})
    assert found["product"].keys() >= {"id", "name", "sku", "sku_id"}
    assert found["supplier"] == shown(admin, f"/suppliers/{supplier_id}")["supplier"]
    assert body["inventory"] == shown(admin, f"/inventory/{product_id}")["inventory"]
    assert body["inventory"]["quantity"] == "52.500"
    layer = valuation(admin, product_id)["layers"][-1]
    assert layer["received_at"] == found["created_at"]
    assert (layer["quantity"], layer["unit_cost"], layer["remaining_value"]) == ("2.500", "0.333", "0.833")
    assert shown(admin, "/inventory/purchases")["purchases"] == [found]
    database.verify()


def test_what_was_bought_and_sold_is_printed_as_it_was_sent(admin: httpx.Client, database: Database) -> None:
    supplier_id = supplier(admin)
    for i, (amounts, quantities) in enumerate([(COSTS, {"1": "1.000"}), ({"1": "1.000"}, QUANTITIES)]):
        for j, (amount, printed_amount) in enumerate(amounts.items()):
            for k, (quantity, printed) in enumerate(quantities.items()):
                product_id = stocked(admin, f"A-{i}-{j}-{k}")
                of_product = f'{{"product_id": "{product_id}", "supplier_id": "{supplier_id}", "quantity": {quantity}'
                answer = send(admin, "POST", "/inventory/purchases", f'{of_product}, "unit_cost": {amount}}}')
                found = made(answer)["purchase_item"]
                assert (found["quantity"], found["unit_cost"]) == (printed, printed_amount), answer.request.content
                assert totals(admin, product_id, "purchases")["total_quantity"] == printed
                answer = send(admin, "POST", "/inventory/sales", f'{of_product}, "unit_price": {amount}}}')
                found = made(answer)["sale_item"]
                assert (found["quantity"], found["unit_price"]) == (printed, printed_amount), answer.request.content
    database.verify()


def test_the_totals_of_purchases(admin: httpx.Client) -> None:
    product_id, other_id, supplier_id = stocked(admin, "A-1"), stocked(admin, "B-1"), supplier(admin)
    assert totals(admin, product_id, "purchases") == {
        "total_quantity": "0.000",
        "total_cost": "0.000",
        "average_cost": None,
    }
    made(buy(admin, other_id, supplier_id, 5, 5))
    for quantity, cost in ((1, "0.001"), (1, "0.002"), (4, "0.002")):
        made(buy(admin, product_id, supplier_id, quantity, cost))
    made(sell(admin, product_id, 3))
    # 0.011 / 6 = 0.00183...
    assert totals(admin, product_id, "purchases") == {
        "total_quantity": "6.000",
        "total_cost": "0.011",
        "average_cost": "0.002",
    }


def test_a_balance_past_its_limit_is_an_out_of_range_field(admin: httpx.Client, unchanged: Unchanged) -> None:
    product_id, supplier_id = stocked(admin, quantity="50.001"), supplier(admin)
    made(buy(admin, product_id, supplier_id, 50_000_000, 1))
    with unchanged():
        for quantity in (LIMIT, "949999949.999", 950_000_000):
            answer = buy(admin, product_id, supplier_id, quantity, 1)
            assert_problem(answer, 400, "QUANTITY_OUT_OF_RANGE", "quantity")
            assert list(answer.json()["errors"]) == ["quantity"]
    assert made(buy(admin, product_id, supplier_id, "949999949.998", 1))["inventory"]["quantity"] == LIMIT


def test_what_comes_back_may_not_pass_the_limit_either(admin: httpx.Client, unchanged: Unchanged) -> None:
    product_id, supplier_id = stocked(admin, quantity=5), supplier(admin)
    sale_id = made(sell(admin, product_id, 5))["sale_item"]["id"]
    made(buy(admin, product_id, supplier_id, "999999997.999", 1))
    with unchanged():
        for quantity in (5, "2.001", None):
            assert_problem(give_back(admin, sale_id, quantity), 400, "QUANTITY_OUT_OF_RANGE", "quantity")
    assert made(give_back(admin, sale_id, 2))["inventory"]["quantity"] == LIMIT


def test_an_average_is_rounded_once(admin: httpx.Client) -> None:
    product_id, supplier_id = stocked(admin), supplier(admin)
    made(buy(admin, product_id, supplier_id, "999999998.999", 123456789))
    made(buy(admin, product_id, supplier_id, 1, "123956788.999"))
    # 123456789.000499999999..., of which 123456789.0005 would be another average.
    found = totals(admin, product_id, "purchases")
    assert (found["total_cost"], found["average_cost"]) == ("123456789000376543.210", "123456789.000")
    assert valuation(admin, product_id)["average_cost"] == "123456789.000"


# Sales


def test_a_sale_keeps_its_price_its_cost_and_the_layers_that_paid(admin: httpx.Client, database: Database) -> None:
    product_id, supplier_id = stocked(admin), supplier(admin)
    for quantity, cost in ((10, "9.999"), (10, 20), (10, 30)):
        made(buy(admin, product_id, supplier_id, quantity, cost))
    layers = [layer["id"] for layer in valuation(admin, product_id)["layers"]]
    price(admin, product_id, 60)
    body = made(sell(admin, product_id, "12.5", "59.999"))
    price(admin, product_id, 99)
    sale = body["sale_item"]
    assert_holds(
        sale,
        {
            "quantity": "12.500",
            "unit_price": "59.999",
            "revenue": "749.988",  # 749.9875, rounded half up
            "cost": "149.990",
            "layers": [
                {"layer_id": layers[0], "quantity": "10.000", "cost": "99.990"},
                {"layer_id": layers[1], "quantity": "2.500", "cost": "50.000"},
            ],
            "returned_sale_id": None,
        },
    )
    assert body["inventory"] == shown(admin, f"/inventory/{product_id}")["inventory"]
    found = shown(admin, f"/inventory/sales/{product_id}")
    assert found["sales"] == [sale]
    assert shown(admin, "/inventory/sales")["sales"] == [sale]
    assert instant(sale["created_at"])
    database.verify()


def test_the_totals_of_sales(admin: httpx.Client) -> None:
    product_id, other_id, supplier_id = stocked(admin, "A-1"), stocked(admin, "B-1", 5), supplier(admin)
    assert totals(admin, product_id) == {
        "total_quantity": "0.000",
        "total_revenue": "0.000",
        "average_price": None,
        "total_cost": "0.000",
        "gross_margin": "0.000",
    }
    made(sell(admin, other_id, 5, 5))
    made(buy(admin, product_id, supplier_id, 10, 35))
    for quantity, unit_price in ((1, 30), ("1.5", "40.001"), (3, 20)):
        made(sell(admin, product_id, quantity, unit_price))
    # 30 + 60.002 (60.0015) + 60 for 5.5 units that cost 35 each
    assert totals(admin, product_id) == {
        "total_quantity": "5.500",
        "total_revenue": "150.002",
        "average_price": "27.273",
        "total_cost": "192.500",
        "gross_margin": "-42.498",
    }


def test_a_sale_of_unknown_cost_has_none_and_nor_have_the_totals(admin: httpx.Client, database: Database) -> None:
    product_id, supplier_id = stocked(admin, quantity=5), supplier(admin)
    made(buy(admin, product_id, supplier_id, 10, 35))
    first = made(sell(admin, product_id, 6))["sale_item"]
    assert first["cost"] is None
    assert [(layer["quantity"], layer["cost"]) for layer in first["layers"]] == [("5.000", None), ("1.000", "35.000")]
    assert made(sell(admin, product_id, 2))["sale_item"]["cost"] == "70.000"
    found = totals(admin, product_id)
    assert (found["total_revenue"], found["total_cost"], found["gross_margin"]) == ("480.000", None, None)
    returned = made(give_back(admin, first["id"], 3))["sale_item"]
    # Whichever of the six they are: of two at least nobody knows the cost.
    assert returned["cost"] is None
    found = totals(admin, product_id)
    assert (found["total_quantity"], found["total_cost"], found["gross_margin"]) == ("5.000", None, None)
    database.verify()


def test_no_more_is_sold_than_is_available(admin: httpx.Client, unchanged: Unchanged) -> None:
    product_id = stocked(admin, quantity="49.999")
    with unchanged():
        for quantity in (50, "50.000", LIMIT):
            assert_problem(sell(admin, product_id, quantity), 400, "INSUFFICIENT_STOCK")
    assert made(sell(admin, product_id, "49.999"))["inventory"]["quantity"] == "0.000"
    with unchanged():
        assert_problem(sell(admin, product_id, "0.001"), 400, "INSUFFICIENT_STOCK")


def test_the_greatest_amounts_are_exact(admin: httpx.Client, database: Database) -> None:
    product_id, supplier_id = stocked(admin), supplier(admin)
    made(buy(admin, product_id, supplier_id, LIMIT, DEAREST))
    value = "99999999999899999999999000000.000"  # 99999999999899999999999000000.000001, rounded
    assert valuation(admin, product_id)["total_value"] == value
    assert made(sell(admin, product_id, LIMIT, DEAREST))["sale_item"]["cost"] == value
    found = totals(admin, product_id)
    assert (found["total_revenue"], found["total_cost"], found["gross_margin"]) == (value, value, "0.000")
    assert valuation(admin, product_id)["total_value"] == "0.000"
    database.verify()


# Returns


def test_a_return_is_a_sale_below_0_and_brings_its_layers_back(admin: httpx.Client, database: Database) -> None:
    product_id, supplier_id = stocked(admin), supplier(admin)
    for cost in (10, 20):
        made(buy(admin, product_id, supplier_id, 10, cost))
    before = valuation(admin, product_id)
    sale = made(sell(admin, product_id, 15, "60.5"))["sale_item"]
    body = made(give_back(admin, sale["id"], 8, reason="Rotten"))
    returned = body["sale_item"]
    assert_holds(
        returned,
        {
            "product_id": product_id,
            "quantity": "-8.000",
            "unit_price": "60.500",
            "revenue": "-484.000",
            "returned_sale_id": sale["id"],
        },
    )
    assert returned["id"] != sale["id"]
    assert returned.keys() == sale.keys()
    assert sum(Decimal(layer["quantity"]) for layer in returned["layers"]) == -8
    assert sum(Decimal(layer["cost"]) for layer in returned["layers"]) == Decimal(returned["cost"]) < 0
    assert body["inventory"] == shown(admin, f"/inventory/{product_id}")["inventory"]
    assert balances(admin, product_id) == ("13.000", "0.000", "0.000", "13.000")
    # All that is outside; the sale itself is as it was.
    rest = made(give_back(admin, sale["id"]))["sale_item"]
    assert rest["quantity"] == "-7.000"
    found = shown(admin, f"/inventory/sales/{product_id}")
    assert found["sales"] == [rest, returned, sale]
    assert shown(admin, "/inventory/sales")["sales"] == [rest, returned, sale]
    assert found["totals"] == {
        "total_quantity": "0.000",
        "total_revenue": "0.000",
        "average_price": None,
        "total_cost": "0.000",
        "gross_margin": "0.000",
    }
    for name in ("quantity", "total_value", "average_cost", "layers"):
        assert valuation(admin, product_id)[name] == before[name]
    database.verify()


def test_no_more_comes_back_than_is_outside(admin: httpx.Client, unchanged: Unchanged) -> None:
    product_id = stocked(admin, quantity=50)
    sale_id = made(sell(admin, product_id, 10))["sale_item"]["id"]
    made(sell(admin, product_id, 10))
    with unchanged():
        assert_problem(give_back(admin, sale_id, "10.001"), 409, "RETURN_EXCEEDS_DEPARTURE")
    return_id = made(give_back(admin, sale_id, 4))["sale_item"]["id"]
    with unchanged():
        assert_problem(give_back(admin, sale_id, "6.001"), 409, "RETURN_EXCEEDS_DEPARTURE")
        # What came back is no sale.
        for unknown in (return_id, *UNKNOWN):
            assert_problem(give_back(admin, unknown, 1), 404, "SALE_NOT_FOUND")
    made(admin.post(f"/inventory/sales/{sale_id}/returns"))
    with unchanged():
        for quantity in ("0.001", None):
            assert_problem(give_back(admin, sale_id, quantity), 409, "RETURN_EXCEEDS_DEPARTURE")
    assert balances(admin, product_id)[0] == "40.000"


def test_what_comes_back_piece_by_piece_is_what_left(admin: httpx.Client, database: Database) -> None:
    product_id, supplier_id = stocked(admin), supplier(admin)
    made(buy(admin, product_id, supplier_id, "0.003", "0.5"))
    sale = made(sell(admin, product_id, "0.003", "0.5"))["sale_item"]
    # 0.0015, rounded half up, of which no third is a thousandth.
    assert (sale["revenue"], sale["cost"]) == ("0.002", "0.002")
    returned = [made(give_back(admin, sale["id"], "0.001"))["sale_item"] for _ in range(3)]
    for name in ("revenue", "cost"):
        assert sum(Decimal(item[name]) for item in returned) == Decimal("-0.002")
    assert valuation(admin, product_id)["total_value"] == "0.002"
    assert totals(admin, product_id)["gross_margin"] == "0.000"
    database.verify()
