"""API 3: the document's samples and its typical workflow, and what its products are to APIs 1 and 2."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest

from tests.conftest import Database
from tests.http.conftest import Shared
from tests.http.document import exact
from tests.http.pricing import (
    active,
    assert_holds,
    balances,
    buy,
    give_back,
    initialize,
    made,
    price,
    register,
    sell,
    shown,
    stocked,
    supplier,
    valuation,
)
from tests.http.test_stock import assert_problem

Unchanged = Callable[[], AbstractContextManager[None]]

AT = "2025-01-15T10:00:00"
POTATOES = {"id": 1, "name": "Potatoes", "sku": "POT-001"}
KILOGRAM = {"id": 3, "name": "Kilogram", "symbol": "kg"}
FRESH_FARM = {
    "name": "Fresh Farm Supplies",
    "business_name": "Fresh Farm Co.",
    "email": "contact@freshfarm.com",
    "phone_number": "+254700000000",
}
ONE_PAGE = {"page": 1, "per_page": 20, "total": 1, "pages": 1, "has_next": False, "has_prev": False}


def inventory_sample(quantity: str, reorder_point: str = "20.000") -> dict[str, Any]:
    """The document's inventory of potatoes."""
    return {
        "id": 1,
        "product_id": 1,
        "product": POTATOES,
        "quantity": quantity,
        "unit_id": 3,
        "unit": KILOGRAM,
        "reorder_point": reorder_point,
        "status": "active",
        "created_at": AT,
        "updated_at": AT,
    }


@pytest.fixture
def potatoes(admin: httpx.Client) -> int:
    """The document's product 1, with 50 kg of it, and its supplier 5."""
    for i in range(4):
        supplier(admin, name=f"Supplier {i}")
    assert supplier(admin, **FRESH_FARM) == 5
    assert register(admin) == 1
    initialize(admin, 1, 50, reorder_point=20)
    return 1


# The samples, in the document's order


def test_list_inventory_as_in_the_sample(admin: httpx.Client, potatoes: int) -> None:
    answer = admin.get("/inventory?page=1&per_page=20")
    assert answer.headers["Content-Type"].startswith("application/json")
    sample = {"inventory": [inventory_sample("50.000")], "pagination": ONE_PAGE}
    assert answer.status_code == 200
    assert_holds(exact(answer.text), sample)
    assert admin.get("/inventory?low_stock=true&page=1&per_page=20").json()["inventory"] == []
    admin.patch("/inventory/1", json={"quantity": 20})
    answer = admin.get("/inventory?low_stock=true&page=1&per_page=20")
    assert_holds(exact(answer.text), {"inventory": [inventory_sample("20.000")], "pagination": ONE_PAGE})


def test_initialize_as_in_the_sample(admin: httpx.Client) -> None:
    assert register(admin) == 1
    answer = admin.post("/inventory/1/initialize", json={"unit_id": 3, "quantity": 0, "reorder_point": 20})
    assert answer.status_code == 201
    assert_holds(exact(answer.text), {"inventory": inventory_sample("0.000")})
    assert answer.json() == shown(admin, "/inventory/1")


def test_get_and_update_inventory_as_in_the_samples(admin: httpx.Client, potatoes: int) -> None:
    answer = admin.get("/inventory/1")
    assert answer.status_code == 200
    assert_holds(exact(answer.text), {"inventory": inventory_sample("50.000")})
    answer = admin.patch("/inventory/1", json={"quantity": 60, "reorder_point": 25})
    assert answer.status_code == 200
    assert_holds(exact(answer.text), {"inventory": inventory_sample("60.000", "25.000")})
    assert answer.json() == shown(admin, "/inventory/1")


def test_purchases_as_in_the_samples(admin: httpx.Client, potatoes: int) -> None:
    sample = {
        "id": 1,
        "product_id": 1,
        "supplier_id": 5,
        "supplier": {"id": 5, **FRESH_FARM},
        "quantity": "40.000",
        "unit_cost": "35.000",
        "created_at": AT,
    }
    sent = {"product_id": 1, "supplier_id": 5, "quantity": 40, "unit_cost": 35}
    answer = admin.post("/inventory/purchases", json=sent)
    assert answer.status_code == 201
    assert_holds(exact(answer.text), {"purchase_item": sample, "inventory": inventory_sample("90.000")})
    answer = admin.get("/inventory/purchases?supplier_id=5&date_from=2025-01-01&page=1")
    assert answer.status_code == 200
    assert_holds(exact(answer.text), {"purchases": [sample], "pagination": ONE_PAGE})
    made(buy(admin, 1, 5, 20, "27.5"))
    answer = admin.get("/inventory/purchases/1")
    assert answer.status_code == 200
    found = exact(answer.text)
    totals = {"total_quantity": "60.000", "total_cost": "1950.000", "average_cost": "32.500"}
    assert_holds(found, {"product": POTATOES, "totals": totals, "pagination": ONE_PAGE | {"total": 2}})
    assert_holds(found["purchases"][-1], sample)


def test_sales_as_in_the_samples(admin: httpx.Client, potatoes: int) -> None:
    made(buy(admin, 1, 5, 40, 35))
    sample = {
        "id": 1,
        "product_id": 1,
        "product": POTATOES,
        "quantity": "10.000",
        "unit_price": "60.000",
        "created_at": AT,
    }
    answer = admin.post("/inventory/sales", json={"product_id": 1, "quantity": 10, "unit_price": 60})
    assert answer.status_code == 201
    assert_holds(exact(answer.text), {"sale_item": sample, "inventory": inventory_sample("80.000")})
    answer = admin.get("/inventory/sales")
    assert answer.status_code == 200
    assert_holds(exact(answer.text), {"sales": [sample], "pagination": ONE_PAGE})
    made(sell(admin, 1, 5, 60))
    answer = admin.get("/inventory/sales/1")
    assert answer.status_code == 200
    found = exact(answer.text)
    totals = {"total_quantity": "15.000", "total_revenue": "900.000", "average_price": "60.000"}
    assert_holds(found, {"product": POTATOES, "totals": totals, "pagination": ONE_PAGE | {"total": 2}})
    assert_holds(found["sales"][-1], sample)


def test_prices_as_in_the_samples(admin: httpx.Client, potatoes: int) -> None:
    price(admin, 1, 55)
    sample = {
        "id": 2,
        "product_id": 1,
        "amount": "60.000",
        "price_type": "retail",
        "effective_from": AT,
        "effective_to": None,
        "created_at": AT,
        "updated_at": AT,
    }
    sent = {"amount": 60, "price_type": "retail", "close_old_price": True}
    answer = admin.post("/products/1/prices", json=sent)
    assert answer.status_code == 201
    assert_holds(exact(answer.text), {"price": sample})
    assert answer.json() == shown(admin, "/products/1/prices/active")
    assert_holds(shown(admin, "/products/1/prices"), {"prices": [sample], "pagination": ONE_PAGE})
    history = shown(admin, "/products/1/prices?include_inactive=true")
    old = sample | {"id": 1, "amount": "55.000", "effective_to": AT}
    assert_holds(history, {"prices": [sample, old], "pagination": ONE_PAGE | {"total": 2}})
    assert history["prices"][1]["effective_to"] == history["prices"][0]["effective_from"]


def test_the_typical_workflow(admin: httpx.Client, database: Database, unchanged: Unchanged) -> None:
    # 1. Add product: no inventory or price yet
    answer = admin.post("/products", json={"name": "Potatoes", "sku": "POT-001", "description": "Washed"})
    product = made(answer)["product"]
    path = f"/products/{product['id']}"
    assert answer.headers["Location"] == path
    assert_holds(product, {"name": "Potatoes", "sku": "POT-001", "description": "Washed", "created_at": AT})
    with unchanged():
        assert_problem(admin.get(f"/inventory/{product['id']}"), 404, "INVENTORY_NOT_FOUND")
        assert_problem(admin.get(f"{path}/prices/active"), 404, "PRICE_NOT_FOUND")
    # 2. Initialize inventory, in a unit that the API names
    (unit,) = [unit for unit in shown(admin, "/units")["units"] if unit["name"] == "Kilogram"]
    assert initialize(admin, product["id"], unit_id=unit["id"], reorder_point=20)["quantity"] == "0.000"
    # 3. Record first purchase
    supplier_id = supplier(admin)
    assert made(buy(admin, product["id"], supplier_id, 40, 35))["inventory"]["quantity"] == "40.000"
    # 4. Set selling price
    price(admin, product["id"], 60, price_type="retail")
    # 5. Customer views product
    assert shown(admin, path) == {"product": product | {"updated_at": shown(admin, path)["product"]["updated_at"]}}
    snapshot = shown(admin, f"{path}/prices/active")["price"]["amount"]
    assert snapshot == "60.000"
    assert shown(admin, f"/inventory/{product['id']}")["inventory"]["quantity"] == "40.000"
    # 6. Record sale at checkout
    first = made(sell(admin, product["id"], 10, snapshot))
    assert (first["sale_item"]["unit_price"], first["inventory"]["quantity"]) == ("60.000", "30.000")
    # 7. More stock arrives: price unchanged, inventory increases
    assert made(buy(admin, product["id"], supplier_id, 20, 40))["inventory"]["quantity"] == "50.000"
    assert active(admin, product["id"]) == "60.000"
    # Price change: old price preserved in history, and in the sale
    price(admin, product["id"], 65)
    history = shown(admin, f"{path}/prices", include_inactive="true")["prices"]
    assert [rule["amount"] for rule in history] == ["65.000", "60.000"]
    # More sales: uses current active price
    second = made(sell(admin, product["id"], 35, active(admin, product["id"])))
    assert (second["sale_item"]["unit_price"], second["inventory"]["quantity"]) == ("65.000", "15.000")
    sales = shown(admin, f"/inventory/sales/{product['id']}")
    assert [sale["unit_price"] for sale in sales["sales"]] == ["65.000", "60.000"]
    # 10 at 35, then 30 at 35 and 5 at 40; sold for 10 * 60 and 35 * 65.
    assert [sale["cost"] for sale in sales["sales"]] == ["1250.000", "350.000"]
    assert sales["totals"] == {
        "total_quantity": "45.000",
        "total_revenue": "2875.000",
        "average_price": "63.889",
        "total_cost": "1600.000",
        "gross_margin": "1275.000",
    }
    assert shown(admin, "/inventory", low_stock="true")["pagination"]["total"] == 1
    database.verify()


def test_what_the_document_calls_public_works_without_a_token(shared: Shared) -> None:
    for path in ("/products", "/products/{}", "/products/{}/prices", "/products/{}/prices/active"):
        answer = shared.public.get(path.format(shared.world.product_id))
        assert answer.status_code == 200, answer.text
        assert answer.json() == shared.admin.get(path.format(shared.world.product_id)).json()


# One stock behind APIs 1, 2 and 3


def seen(client: httpx.Client, product_id: int, sku_id: str) -> tuple[Any, Any, Any, Any]:
    """(on hand, reserved, blocked, available), which all three APIs show alike."""
    found = tuple(Decimal(text) for text in balances(client, product_id))
    sku = exact(client.get(f"/sku/{sku_id}").text)
    item = exact(client.get(f"/api/v1/inventory/{product_id}").text)
    assert (sku["quantity"], sku["reserved"], sku["blocked"], sku["available"]) == found
    assert (item["onHandStock"], item["reservedStock"], item["blockedStock"], item["availableStock"]) == found
    assert (item["id"], item["sku_id"]) == (product_id, sku_id)
    return found  # type: ignore[return-value]


def test_what_one_api_does_every_other_sees_at_once(admin: httpx.Client, database: Database) -> None:
    product_id = stocked(admin, quantity=50)
    sku_id = database.sku_id(product_id)
    assert seen(admin, product_id, sku_id) == (50, 0, 0, 50)
    block_id = admin.post(f"/sku/{sku_id}/temporary-block", json={"quantity": 10}).json()["block_id"]
    assert seen(admin, product_id, sku_id) == (50, 0, 10, 40)
    admin.post(f"/api/v1/inventory/{product_id}/reserveStock", json={"amount": "5.5"})
    assert seen(admin, product_id, sku_id) == (50, Decimal("5.5"), 10, Decimal("34.5"))
    made(sell(admin, product_id, 4))
    assert seen(admin, product_id, sku_id) == (46, Decimal("5.5"), 10, Decimal("30.5"))
    admin.post(f"/api/v1/inventory/{product_id}/consumeStock", json={"amount": "5.5"})
    assert seen(admin, product_id, sku_id) == (Decimal("40.5"), 0, 10, Decimal("30.5"))
    admin.post(f"/temporary-blocks/{block_id}/convert-to-permanent", json={"quantity": 8})
    assert seen(admin, product_id, sku_id) == (Decimal("32.5"), 0, 0, Decimal("32.5"))
    admin.post(f"/api/v1/inventory/{product_id}/addStock", json={"amount": 10})
    made(buy(admin, product_id, supplier(admin), 1, 35))
    assert seen(admin, product_id, sku_id) == (Decimal("43.5"), 0, 0, Decimal("43.5"))
    admin.patch(f"/inventory/{product_id}", json={"quantity": 40})
    assert seen(admin, product_id, sku_id) == (40, 0, 0, 40)
    movements = shown(admin, f"/inventory/{product_id}/movements")["movements"]
    assert [(movement["kind"], movement["quantity"]) for movement in reversed(movements)] == [
        ("initial", "50.000"),
        ("block", "0.000"),
        ("reserve", "0.000"),
        ("sale", "-4.000"),
        ("consume", "-5.500"),
        ("convert", "-8.000"),
        ("add", "10.000"),
        ("purchase", "1.000"),
        ("adjust", "-3.500"),
    ]
    database.verify()


def test_units_promised_to_one_caller_never_leave_with_another(
    admin: httpx.Client, database: Database, unchanged: Unchanged
) -> None:
    product_id = stocked(admin, quantity=50)
    admin.post(f"/sku/{database.sku_id(product_id)}/temporary-block", json={"quantity": 10})
    admin.post(f"/api/v1/inventory/{product_id}/reserveStock", json={"amount": 5})
    with unchanged():
        assert_problem(sell(admin, product_id, "35.001"), 400, "INSUFFICIENT_STOCK")
        answer = admin.patch(f"/inventory/{product_id}", json={"quantity": "14.999"})
        assert_problem(answer, 400, "INSUFFICIENT_STOCK")
    made(sell(admin, product_id, 35))
    assert balances(admin, product_id) == ("15.000", "5.000", "10.000", "0.000")
    with unchanged():
        assert_problem(sell(admin, product_id, "0.001"), 400, "INSUFFICIENT_STOCK")
    answer = admin.post(f"/api/v1/inventory/{product_id}/reserveStock", json={"amount": "0.001"})
    assert (answer.status_code, answer.json()["code"]) == (409, "INSUFFICIENT_STOCK")


def test_units_of_an_expired_block_can_be_sold(admin: httpx.Client, database: Database) -> None:
    product_id = stocked(admin, quantity=50)
    admin.post(f"/sku/{database.sku_id(product_id)}/temporary-block", json={"quantity": 10})
    assert balances(admin, product_id) == ("50.000", "0.000", "10.000", "40.000")
    database.advance(timedelta(minutes=15))
    assert balances(admin, product_id) == ("50.000", "0.000", "0.000", "50.000")
    assert shown(admin, "/inventory")["inventory"][0]["available"] == "50.000"
    assert made(sell(admin, product_id, 50))["inventory"]["available"] == "0.000"
    database.verify()


def test_a_product_of_another_api_is_initialized_in_piece(admin: httpx.Client) -> None:
    admin.post("/sku", json={"sku_code": "A-1", "name": "A", "quantity": 2.5, "price": 99.99})
    admin.post("/api/v1/inventory", json={"sku": "B-1", "name": "B", "price": 5, "stock": 100})
    admin.post("/api/v1/inventory", json={"sku": "C-1", "name": "C", "price": 5})
    listed = shown(admin, "/inventory")["inventory"]
    assert [(item["product"]["sku"], item["quantity"]) for item in listed] == [
        ("A-1", "2.500"),
        ("B-1", "100.000"),
        ("C-1", "0.000"),
    ]
    for item in listed:
        assert_holds(
            item, {"unit_id": 1, "unit": {"id": 1, "name": "Piece"}, "reorder_point": None, "status": "active"}
        )
        assert item == shown(admin, f"/inventory/{item['product_id']}")["inventory"]
        answer = admin.post(f"/inventory/{item['product_id']}/initialize", json={"unit_id": 3})
        assert_problem(answer, 409, "INVENTORY_ALREADY_INITIALIZED")
        assert valuation(admin, item["product_id"])["quantity_without_cost"] == item["quantity"]
    assert made(sell(admin, listed[0]["product_id"], 1))["inventory"]["quantity"] == "1.500"


def test_the_price_of_apis_1_and_2_is_the_active_retail_price(admin: httpx.Client, database: Database) -> None:
    sent = {"sku_code": "A-1", "name": "A", "quantity": 1, "price": 99.99}
    sku_id = admin.post("/sku", json=sent).json()["sku_id"]

    def prices() -> set[str]:
        return {
            str(exact(admin.get(path).text)["price"]) for path in (f"/sku/{sku_id}", f"/api/v1/inventory/{product_id}")
        }

    product_id = shown(admin, f"/api/v1/inventory/{sku_id}")["id"]
    rule = shown(admin, f"/products/{product_id}/prices/active")["price"]
    assert (rule["amount"], rule["price_type"], rule["effective_to"]) == ("99.990", "retail", None)
    for price_type in ("promo", "wholesale"):
        price(admin, product_id, 1, price_type=price_type)
    assert active(admin, product_id) == "1.000"
    assert prices() == {"99.99"}
    price(admin, product_id, "0.125")
    assert prices() == {"0.125"}
    now = database.one("select inventory.clock()")
    price(admin, product_id, 7, effective_from=(now + timedelta(hours=1)).isoformat())
    assert prices() == {"0.125"}
    database.advance(timedelta(hours=1))
    assert prices() == {"7"}


def test_a_product_without_an_inventory_has_nothing_and_takes_nothing(
    admin: httpx.Client, database: Database, unchanged: Unchanged
) -> None:
    product_id = register(admin)
    sku_id = database.sku_id(product_id)
    sku = exact(admin.get(f"/sku/{sku_id}").text)
    assert_holds(sku, {"quantity": 0, "reserved": 0, "blocked": 0, "available": 0, "price": None, "blocks": []})
    item = {"onHandStock": 0, "reservedStock": 0, "blockedStock": 0, "availableStock": 0, "price": None}
    for found in (admin.get(f"/api/v1/inventory/{product_id}").json(), admin.get("/api/v1/inventory").json()[0]):
        assert_holds(found, item | {"id": product_id, "sku": "POT-001", "sku_id": sku_id})
    assert shown(admin, "/inventory")["inventory"] == []
    with unchanged():
        for path, sent in [
            (f"/sku/{sku_id}/temporary-block", {"quantity": 1}),
            ("/temporary-blocks", {"items": [{"sku_id": sku_id, "quantity": 1}]}),
            *((f"/api/v1/inventory/{product_id}/{name}", {"amount": 1}) for name in ("addStock", "reserveStock")),
            *((f"/api/v1/inventory/{product_id}/{name}", {"amount": 1}) for name in ("releaseStock", "consumeStock")),
        ]:
            answer = admin.post(path, json=sent)
            assert (answer.status_code, answer.json()["code"]) == (409, "INVENTORY_NOT_INITIALIZED"), path
        for path in ("", "/valuation", "/movements"):
            assert_problem(admin.get(f"/inventory/{product_id}{path}"), 404, "INVENTORY_NOT_FOUND")
        assert_problem(admin.patch(f"/inventory/{product_id}", json={"quantity": 1}), 404, "INVENTORY_NOT_FOUND")
        assert_problem(admin.patch(f"/inventory/{product_id}", json={}), 404, "INVENTORY_NOT_FOUND")
    supplier_id = supplier(admin)
    assert_problem(buy(admin, product_id, supplier_id, 1, 1), 400, "INVENTORY_NOT_INITIALIZED")
    assert_problem(sell(admin, product_id, 1), 400, "INVENTORY_NOT_INITIALIZED")
    assert shown(admin, f"/inventory/purchases/{product_id}")["purchases"] == []
    assert shown(admin, f"/inventory/sales/{product_id}")["sales"] == []
    # A price it may have.
    price(admin, product_id, 60)
    initialize(admin, product_id, 5)
    assert made(sell(admin, product_id, 1))["inventory"]["quantity"] == "4.000"
    database.verify()


@pytest.mark.parametrize("status", ["inactive", "archived"])
def test_an_inventory_that_is_not_active_takes_nothing_new_in_any_api(
    admin: httpx.Client, database: Database, unchanged: Unchanged, status: str
) -> None:
    product_id, supplier_id = stocked(admin, quantity=50), supplier(admin)
    sku_id = database.sku_id(product_id)
    sale_id = made(sell(admin, product_id, 10))["sale_item"]["id"]
    block_id = admin.post(f"/sku/{sku_id}/temporary-block", json={"quantity": 4}).json()["block_id"]
    admin.post(f"/api/v1/inventory/{product_id}/reserveStock", json={"amount": 3})
    answer = admin.patch(f"/inventory/{product_id}", json={"status": status})
    assert (answer.status_code, answer.json()["inventory"]["status"]) == (200, status)
    with unchanged():
        assert_problem(sell(admin, product_id, 1), 400, "INVENTORY_NOT_ACTIVE")
        assert_problem(buy(admin, product_id, supplier_id, 1, 1), 400, "INVENTORY_NOT_ACTIVE")
        for path, sent in [
            (f"/sku/{sku_id}/temporary-block", {"quantity": 1}),
            (f"/api/v1/inventory/{product_id}/addStock", {"amount": 1}),
            (f"/api/v1/inventory/{product_id}/reserveStock", {"amount": 1}),
        ]:
            answer = admin.post(path, json=sent)
            assert (answer.status_code, answer.json()["code"]) == (409, "INVENTORY_NOT_ACTIVE"), path
    # What is promised may still finish, and a correction is one.
    assert admin.post(f"/temporary-blocks/{block_id}/convert-to-permanent").status_code == 200
    assert admin.post(f"/api/v1/inventory/{product_id}/consumeStock", json={"amount": 3}).status_code == 204
    for quantity in ("60.000", "20.000"):
        answer = admin.patch(f"/inventory/{product_id}", json={"quantity": quantity})
        assert (answer.status_code, answer.json()["inventory"]["quantity"]) == (200, quantity)
    assert made(give_back(admin, sale_id))["inventory"]["quantity"] == "30.000"
    assert admin.patch(f"/inventory/{product_id}", json={"status": "active"}).status_code == 200
    made(sell(admin, product_id, 1))
    database.verify()


def test_a_sku_is_taken_once_whichever_api_took_it(admin: httpx.Client, unchanged: Unchanged) -> None:
    register(admin, "A-1")
    admin.post("/sku", json={"sku_code": "B-1", "name": "A", "quantity": 1, "price": 1})
    admin.post("/api/v1/inventory", json={"sku": "C-1", "name": "A", "price": 1})
    with unchanged():
        for sku in ("A-1", "B-1", "C-1"):
            assert_problem(admin.post("/products", json={"sku": sku, "name": "A"}), 409, "DUPLICATE_SKU")
        answer = admin.post("/sku", json={"sku_code": "A-1", "name": "A", "quantity": 1, "price": 1})
        assert (answer.status_code, answer.json()["code"]) == (409, "DUPLICATE_SKU")
        answer = admin.post("/api/v1/inventory", json={"sku": "A-1", "name": "A", "price": 1})
        assert_problem(answer, 409, "DUPLICATE_SKU")
    register(admin, "a-1")
