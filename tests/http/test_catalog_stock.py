"""Flows are stock, products are everyone's: what API 5 does is seen by all five APIs, and the other way round."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest

from tests.conftest import Database
from tests.http.catalog import (
    FLOWS,
    INFLOWS,
    OUTFLOWS,
    PRODUCTS,
    SUPPLIERS,
    get,
    inflow,
    new,
    outflow,
    product,
    supplier,
)
from tests.http.conftest import send
from tests.http.pricing import active, buy, made, price, shown


def on_hand(client: httpx.Client, item: dict[str, Any]) -> list[Any]:
    """What APIs 1, 2, 3 and 5 say is there, each in its own way of writing."""
    return [
        shown(client, f"/sku/{item['sku_id']}")["quantity"],
        shown(client, f"/api/v1/inventory/{item['id']}")["onHandStock"],
        shown(client, f"/inventory/{item['id']}")["inventory"]["quantity"],
        shown(client, f"{PRODUCTS}{item['id']}/")["quantity"],
    ]


def ledger(database: Database, product_id: int) -> list[tuple[Any, ...]]:
    """(kind, change of on hand, reference, reason, actor), oldest first."""
    return database.rows(
        "select kind, on_hand_after - on_hand_before, reference, reason, actor"
        " from store.movement where product_id = %s order by id",
        product_id,
    )


def test_flows_move_the_stock_of_all_apis(admin: httpx.Client, database: Database) -> None:
    item, supplier_id = product(admin, sku="A-1", quantity=10), supplier(admin)
    assert on_hand(admin, item) == [10, 10, "10.000", 10]
    came = made(inflow(admin, item["id"], supplier_id, 20, description="Monthly restock"))
    assert on_hand(admin, item) == [30, 30, "30.000", 30]
    went = made(outflow(admin, item["id"], 5, description="Sale to customer #1234"))
    assert on_hand(admin, item) == [25, 25, "25.000", 25]
    assert came["supplier"] == {"id": supplier_id, "name": "Tech Distributors Inc."}
    short = {name: item[name] for name in ("id", "title", "sku", "sku_id")}
    assert came["product"] == went["product"] == short
    assert "supplier" not in went
    sent = {"type": "Remove", "sku": "A-1", "quantity": 26, "from_location": "RACK-A1-01"}
    assert admin.post("/api/v1/art_order", json=sent).status_code == 400
    sent = {"type": "Add", "sku": "A-1", "quantity": 2, "to_location": "RACK-A1-01"}
    assert admin.post("/api/v1/art_order", json=sent).status_code == 200
    # All 27 go, those at the place too: API 4 sees the outflow.
    made(outflow(admin, item["id"], 27))
    assert on_hand(admin, item) == [0, 0, "0.000", 0]
    assert shown(admin, "/api/v1/locations/RACK-A1-01/stock")["stock"] == []
    kinds = [row[:4] for row in ledger(database, item["id"])]
    assert kinds[1:3] == [
        ("inflow", 20, str(came["id"]), "Monthly restock"),
        ("outflow", -5, str(went["id"]), "Sale to customer #1234"),
    ]
    assert {row[4] for row in ledger(database, item["id"])} == {"root"}
    database.verify()


def test_deleting_a_flow_undoes_it_and_keeps_the_trace(admin: httpx.Client, database: Database) -> None:
    item = product(admin, quantity=10)
    came = made(inflow(admin, item["id"], supplier(admin), 20))["id"]
    went = made(outflow(admin, item["id"], 4))["id"]
    for path, flow_id, left in ((OUTFLOWS, went, 30), (INFLOWS, came, 10)):
        assert admin.delete(f"{path}{flow_id}/").status_code == 204
        assert on_hand(admin, item) == [left, left, f"{left}.000", left]
        for method in ("GET", "DELETE"):
            assert admin.request(method, f"{path}{flow_id}/").status_code == 404
        page = get(admin, path)
        assert (page["count"], page["results"]) == (0, [])
    assert [row[:2] for row in ledger(database, item["id"])] == [
        ("initial", 10),
        ("inflow", 20),
        ("outflow", -4),
        ("delete_outflow", 4),
        ("delete_inflow", -20),
    ]
    # An id is never given twice.
    assert made(outflow(admin, item["id"], 1))["id"] > went
    database.verify()


@pytest.mark.parametrize("path", FLOWS)
def test_a_flow_is_never_changed(admin: httpx.Client, database: Database, path: str) -> None:
    item = product(admin, quantity=10)
    sent = {"product": item["id"], "quantity": 5, "supplier": supplier(admin)}
    flow = new(admin, path, **sent)
    for method in ("PUT", "PATCH"):
        for slash in ("/", ""):
            answer = admin.request(method, f"{path}{flow['id']}{slash}", json=sent | {"quantity": 6})
            assert answer.status_code == 405
    assert get(admin, path, flow["id"]) == flow
    assert flow["created_at"] == flow["updated_at"]
    database.verify()


def test_a_quantity_set_is_a_movement_of_the_difference(admin: httpx.Client, database: Database) -> None:
    item = product(admin, quantity=10, cost_price="2.50")
    path = f"{PRODUCTS}{item['id']}/"
    full = {"title": "A", "category": item["category"]["id"], "brand": item["brand"]["id"]}
    full |= {"cost_price": "3.00", "selling_price": "5.00"}
    for method, quantity in (("PATCH", 14), ("PUT", 3), ("PUT", 3), ("PATCH", 0), ("PUT", 8)):
        sent = {"quantity": quantity} if method == "PATCH" else full | {"quantity": quantity}
        answer = admin.request(method, path, json=sent)
        assert (answer.status_code, answer.json()["quantity"]) == (200, quantity)
        assert on_hand(admin, item) == [quantity, quantity, f"{quantity}.000", quantity]
    assert [row[:2] for row in ledger(database, item["id"])] == [
        ("initial", 10),
        ("adjust", 4),
        ("adjust", -11),
        ("adjust", -3),
        ("adjust", 8),
    ]
    moved = shown(admin, f"/inventory/{item['id']}/movements")["movements"]
    assert [movement["quantity"] for movement in moved] == ["8.000", "-3.000", "-11.000", "4.000", "10.000"]
    # The last arrival came at the cost price of then.
    assert shown(admin, f"/inventory/{item['id']}/valuation")["valuation"]["total_value"] == "24.000"
    # Without a quantity nothing moves.
    assert admin.put(path, json=full).json()["quantity"] == 8
    assert len(ledger(database, item["id"])) == 5
    database.verify()


def test_inflows_cost_the_cost_price(admin: httpx.Client, database: Database) -> None:
    item, supplier_id = product(admin, cost_price="2.50"), supplier(admin)
    made(inflow(admin, item["id"], supplier_id, 4))
    admin.patch(f"{PRODUCTS}{item['id']}/", json={"cost_price": "0.99"})
    made(inflow(admin, item["id"], supplier_id, 3))
    made(outflow(admin, item["id"], 5))
    valuation = shown(admin, f"/inventory/{item['id']}/valuation")["valuation"]
    assert (valuation["quantity"], valuation["total_value"]) == ("2.000", "1.980")
    database.verify()


def test_products_of_the_other_apis_show_here(admin: httpx.Client, database: Database) -> None:
    sku = admin.post("/sku", json={"sku_code": "ONE", "name": "One", "quantity": 1.5, "price": 99.99}).json()
    sent = {"sku": "TWO", "name": "Two", "description": "B", "price": 1.005, "stock": 100}
    two = int(str(made_id(admin.post("/api/v1/inventory", json=sent))))
    three = made(admin.post("/products", json={"sku": "THREE", "name": "Three"}))["product"]["id"]
    found = {item["sku"]: item for item in get(admin, PRODUCTS)["results"]}
    assert found.keys() == {"ONE", "TWO", "THREE"}
    for item in found.values():
        assert item == get(admin, PRODUCTS, item["id"])
        assert (item["category"], item["brand"], item["serie_number"], item["cost_price"]) == (None,) * 4
    rows = {name: (item["title"], str(item["quantity"]), item["selling_price"]) for name, item in found.items()}
    # 1.005 is 1.01: half up, and never through a float.
    assert rows == {"ONE": ("One", "1.5", "99.99"), "TWO": ("Two", "100", "1.01"), "THREE": ("Three", "0", None)}
    assert (found["TWO"]["id"], found["THREE"]["id"], found["TWO"]["description"]) == (two, three, "B")
    assert found["ONE"]["sku_id"] == sku["sku_id"]
    # A fraction stays where the quantity is not set, and goes where it is.
    path = f"{PRODUCTS}{found['ONE']['id']}/"
    assert admin.patch(path, json={"title": "Uno"}).text.replace(" ", "").count('"quantity":1.5,') == 1
    assert admin.patch(path, json={"quantity": 2}).json()["quantity"] == 2
    database.verify()


def made_id(answer: httpx.Response) -> Any:
    assert answer.status_code == 201, answer.text
    return answer.headers["Location"].rpartition("/")[2]


@pytest.mark.parametrize(
    ("amount", "printed"),
    [("1.004", "1.00"), ("1.005", "1.01"), ("2.675", "2.68"), ("0.005", "0.01"), ("0.004", "0.00"), ("9.995", "10.00")],
)
def test_amounts_of_3_decimals_are_rounded_half_up(
    admin: httpx.Client, database: Database, amount: str, printed: str
) -> None:
    item = product(admin, selling_price=5)
    price(admin, item["id"], amount)
    database.admin.execute("update store.product set cost_price = %s", [amount])
    found = get(admin, PRODUCTS, item["id"])
    assert (found["selling_price"], found["cost_price"]) == (printed, printed)
    # Sent back as it was printed, it is no change: the third decimal stays.
    answer = admin.patch(
        f"{PRODUCTS}{item['id']}/", json={"selling_price": printed, "cost_price": printed, "title": "New"}
    )
    assert (answer.json()["title"], answer.json()["selling_price"]) == ("New", printed)
    assert active(admin, item["id"]) == amount
    assert str(database.one("select cost_price from store.product")) == amount
    database.verify()


def test_products_made_here_show_in_the_other_apis(
    admin: httpx.Client, client: httpx.Client, database: Database
) -> None:
    item = product(admin, sku="IP-15", title="iPhone", description="Phone", selling_price="1199.10", quantity=30)
    one = shown(client, f"/sku/{item['sku_id']}")
    assert (one["quantity"], one["available"]) == (30, 30)
    assert '"price":1199.1' in client.get(f"/sku/{item['sku_id']}").text.replace(" ", "")
    two = shown(client, f"/api/v1/inventory/{item['sku_id']}")
    assert (two["id"], two["sku"], two["name"], two["description"]) == (item["id"], "IP-15", "iPhone", "Phone")
    three = shown(client, f"/products/{item['id']}")["product"]
    assert (three["id"], three["sku"], three["sku_id"], three["name"]) == (
        item["id"],
        "IP-15",
        item["sku_id"],
        "iPhone",
    )
    assert active(client, item["id"]) == "1199.100"
    assert shown(admin, f"/inventory/{item['id']}")["inventory"]["quantity"] == "30.000"
    sent = {"type": "Remove", "sku": "IP-15", "quantity": 30, "from_location": "RACK-A1-01"}
    assert client.post("/api/v1/art_order", json=sent | {"type": "Add", "to_location": "RACK-A1-01"}).status_code == 200
    assert client.post("/api/v1/art_order", json=sent).status_code == 200
    assert get(admin, PRODUCTS, item["id"])["quantity"] == 30
    database.verify()


def test_the_selling_price_is_the_retail_price_and_never_the_promo(admin: httpx.Client, database: Database) -> None:
    item = product(admin, selling_price="10.00")
    path = f"{PRODUCTS}{item['id']}/"
    price(admin, item["id"], 7, price_type="promo")
    price(admin, item["id"], 8, price_type="wholesale")
    assert get(admin, PRODUCTS, item["id"])["selling_price"] == "10.00"
    assert admin.patch(path, json={"selling_price": "12.50"}).json()["selling_price"] == "12.50"
    assert active(admin, item["id"]) == "7.000"
    assert active(admin, item["id"], price_type="retail") == "12.500"
    assert shown(admin, f"/sku/{item['sku_id']}")["price"] == 12.5
    assert shown(admin, f"/api/v1/inventory/{item['id']}")["price"] == 12.5
    # An unchanged one makes no rule; another ends the rule before it.
    query = "select count(*) from store.price where price_type = 'retail'"
    rules = database.one(query)
    for sent in ("12.50", 12.5, "12.5"):
        assert admin.patch(path, json={"selling_price": sent}).status_code == 200
    assert database.one(query) == rules == 2
    price(admin, item["id"], 20, close_old_price=True)
    assert get(admin, PRODUCTS, item["id"])["selling_price"] == "20.00"
    database.verify()


def test_a_price_that_begins_later_is_the_selling_price_then(admin: httpx.Client, database: Database) -> None:
    item = product(admin, selling_price="10.00")
    later = (database.one("select inventory.clock()") + timedelta(hours=1)).isoformat()
    price(admin, item["id"], 15, effective_from=later)
    dear = {"min_price": "15", "ordering": "selling_price"}
    assert get(admin, PRODUCTS, item["id"])["selling_price"] == "10.00"
    assert get(admin, PRODUCTS, **dear)["count"] == 0
    database.advance(timedelta(hours=2))
    assert get(admin, PRODUCTS, item["id"])["selling_price"] == "15.00"
    assert [found["selling_price"] for found in get(admin, PRODUCTS, **dear)["results"]] == ["15.00"]
    assert get(admin, PRODUCTS, max_price="14.99")["count"] == 0
    database.verify()


def test_suppliers_are_those_of_api_3(admin: httpx.Client, database: Database) -> None:
    fields = {
        "name": "Global",
        "email": "sales@global.example",
        "phone_number": "+254700000000",
        "business_name": "G Ltd",
    }
    here = new(admin, SUPPLIERS, **fields, description="International")
    there = shown(admin, f"/suppliers/{here['id']}")["supplier"]
    assert {name: there[name] for name in fields} == fields == {name: here[name] for name in fields}
    sent = {"name": "Fresh Farm", "phone_number": "+254700000001"}
    other = made(admin.post("/suppliers", json=sent))["supplier"]["id"]
    found = get(admin, SUPPLIERS, other)
    assert (found["name"], found["description"], found["email"]) == ("Fresh Farm", None, None)
    item = product(admin)
    made(inflow(admin, item["id"], other, 1))
    made(buy(admin, item["id"], here["id"], 1, 1))
    admin.patch(f"{SUPPLIERS}{other}/", json={"name": "Fresh Farm Ltd."})
    assert get(admin, INFLOWS, 1)["supplier"] == {"id": other, "name": "Fresh Farm Ltd."}
    assert shown(admin, f"/suppliers/{other}")["supplier"]["name"] == "Fresh Farm Ltd."
    database.verify()


def test_a_change_is_seen_wherever_the_thing_is_shown(admin: httpx.Client, database: Database) -> None:
    item = product(admin, quantity=5, description="old", serie_number="SN-1")
    flow = made(outflow(admin, item["id"], 1))
    database.advance(timedelta(minutes=1))
    answer = admin.patch(f"{PRODUCTS}{item['id']}/", json={"title": "New title", "sku": "NEW"})
    changed = answer.json()
    assert {**changed, "updated_at": 0, "title": 0, "sku": 0, "quantity": 0} == {
        **item,
        "updated_at": 0,
        "title": 0,
        "sku": 0,
        "quantity": 0,
    }
    assert changed["updated_at"] > changed["created_at"] == item["created_at"]
    found = get(admin, OUTFLOWS, flow["id"])["product"]
    assert (found["title"], found["sku"]) == ("New title", "NEW")
    for name, path in (("brand", "brands"), ("category", "categories")):
        before = item[name]
        answer = admin.put(f"/api/v1/{path}/{before['id']}/", json={"name": f"Other {name}"})
        assert answer.json()["updated_at"] > answer.json()["created_at"]
        assert get(admin, PRODUCTS, item["id"])[name] == {"id": before["id"], "name": f"Other {name}"}
    database.verify()


def test_an_idempotency_key_makes_a_flow_once(admin: httpx.Client, database: Database) -> None:
    item = product(admin, quantity=10)
    body = f'{{"product": {item["id"]}, "quantity": 3}}'
    answers = [send(admin, "POST", path, body, **{"Idempotency-Key": "k"}) for path in (OUTFLOWS, OUTFLOWS[:-1])]
    assert answers[0].content == answers[1].content
    assert database.stock(item["id"])[0] == 7
    database.verify()
