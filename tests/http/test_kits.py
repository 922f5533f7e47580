"""Kits in all five APIs."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.conftest import Database
from tests.http.document import exact

HOLDS_NOTHING = "KIT_HOLDS_NO_STOCK"


class Kit:
    """A kit of one cup and two spoons, of which there are 10 each."""

    def __init__(self, database: Database, client: httpx.Client) -> None:
        self.client = client
        self.cup = database.product("CUP", 10, p_cost_price=2, p_price=5)
        self.spoon = database.product("SPOON", 10, p_cost_price="0.5", p_price=1)
        self.id = database.product("KIT", p_price=7)
        self.cup_sku, self.spoon_sku, self.sku_id = map(database.sku_id, (self.cup, self.spoon, self.id))
        self.parts = [{"sku_id": self.cup_sku, "quantity": 1}, {"sku_id": self.spoon_sku, "quantity": 2}]
        answer = self.set(self.parts)
        assert answer.status_code == 200, answer.text

    def set(self, parts: Any, sku_id: str | None = None) -> httpx.Response:
        return self.client.put(f"/sku/{sku_id or self.sku_id}/parts", json={"parts": parts})

    def shown(self) -> tuple[int, int, int, int]:
        """The balances, the same in every API."""
        sku = self.client.get(f"/sku/{self.sku_id}").json()
        item = self.client.get(f"/api/v1/inventory/{self.id}").json()
        inventory = exact(self.client.get(f"/inventory/{self.id}").text)["inventory"]
        product = self.client.get(f"/api/v1/products/{self.id}/").json()
        found = (sku["quantity"], sku["reserved"], sku["blocked"], sku["available"])
        assert found == (item["onHandStock"], item["reservedStock"], item["blockedStock"], item["availableStock"])
        assert tuple(f"{each}.000" for each in found) == (
            *(inventory["quantity"], inventory["reserved"], inventory["blocked"], inventory["available"]),
        )
        assert product["quantity"] == found[0]
        (listed,) = (each for each in self.client.get("/api/v1/inventory").json() if each["id"] == self.id)
        assert listed == item
        assert found[0] == sum(found[1:])
        return found


@pytest.fixture
def kit(database: Database, admin: httpx.Client) -> Kit:
    return Kit(database, admin)


def test_a_kit_shows_its_parts_and_what_they_allow(kit: Kit, client: httpx.Client) -> None:
    shown = client.get(f"/sku/{kit.sku_id}").json()
    assert shown == kit.set(kit.parts[::-1]).json()
    assert shown["parts"] == [
        {"sku_id": kit.cup_sku, "sku_code": "CUP", "quantity": 1},
        {"sku_id": kit.spoon_sku, "sku_code": "SPOON", "quantity": 2},
    ]
    assert client.get(f"/sku/{kit.cup_sku}").json()["parts"] == []
    assert kit.shown() == (5, 0, 0, 5)


def test_a_list_sorts_a_kit_by_the_quantity_that_it_shows(kit: Kit, admin: httpx.Client, database: Database) -> None:
    database.product("FEW", 2)
    for ordering in ("quantity", "-quantity"):
        listed = admin.get("/api/v1/products/", params={"ordering": ordering}).json()["results"]
        quantities = [product["quantity"] for product in listed]
        assert sorted(quantities) == [2, 5, 10, 10]
        assert quantities == sorted(quantities, reverse=ordering.startswith("-"))


def test_all_apis_take_the_parts(kit: Kit, admin: httpx.Client, database: Database) -> None:
    block = admin.post(f"/sku/{kit.sku_id}/temporary-block", json={"quantity": 1}).json()
    assert (block["quantity"], block["kit_block_id"]) == (1, None)
    assert admin.post(f"/api/v1/inventory/{kit.id}/reserveStock", json={"amount": 1}).status_code == 204
    assert kit.shown() == (5, 1, 1, 3)
    listed = admin.get("/temporary-blocks").json()["blocks"]
    assert [(each["sku_code"], each["quantity"], each["kit_block_id"]) for each in listed] == [
        ("KIT", 1, None),
        *[(sku, quantity, block["block_id"]) for sku, quantity in (("CUP", 1), ("SPOON", 2))],
    ]
    assert [(each["product_id"], each["name"], each["unit"]) for each in listed] == [
        *((id, f"Product {sku}", "pc") for id, sku in ((kit.id, "KIT"), (kit.cup, "CUP"), (kit.spoon, "SPOON"))),
    ]
    child = listed[1]["block_id"]
    for path, body in (
        ("cancel", {}),
        ("convert-to-permanent", {}),
        ("extend", {"expires_at": "2999-01-01T00:00:00Z"}),
    ):
        answer = admin.post(f"/temporary-blocks/{child}/{path}", json=body)
        assert (answer.status_code, answer.json()["code"]) == (409, "BLOCK_OF_KIT")
    assert admin.post(f"/temporary-blocks/{block['block_id']}/convert-to-permanent").status_code == 200
    assert admin.post(f"/api/v1/inventory/{kit.id}/consumeStock", json={"amount": 1}).status_code == 204
    assert kit.shown() == (3, 0, 0, 3)
    sold = admin.post("/inventory/sales", json={"product_id": kit.id, "quantity": 2, "unit_price": 7})
    assert sold.status_code == 201, sold.text
    sale = sold.json()["sale_item"]
    assert (sale["revenue"], sale["cost"]) == ("14.000", "6.000")
    assert [(layer["quantity"], layer["cost"]) for layer in sale["layers"]] == [("2.000", "4.000"), ("4.000", "2.000")]
    assert sold.json()["inventory"]["available"] == "1.000"
    back = admin.post(f"/inventory/sales/{sale['id']}/returns", json={"quantity": 1})
    assert back.status_code == 201, back.text
    assert kit.shown() == (2, 0, 0, 2)
    totals = admin.get(f"/inventory/sales/{kit.id}").json()["totals"]
    assert (totals["total_cost"], totals["gross_margin"]) == ("3.000", "4.000")
    assert [database.stock(each)[0] for each in (kit.cup, kit.spoon)] == [7, 4]
    database.verify()


def test_too_few_are_refused_as_of_any_product(kit: Kit, admin: httpx.Client) -> None:
    for answer, status in (
        (admin.post(f"/sku/{kit.sku_id}/temporary-block", json={"quantity": 6}), 409),
        (admin.post(f"/api/v1/inventory/{kit.id}/reserveStock", json={"amount": 6}), 409),
        (admin.post("/inventory/sales", json={"product_id": kit.id, "quantity": 6, "unit_price": 7}), 400),
    ):
        assert (answer.status_code, answer.json()["code"]) == (status, "INSUFFICIENT_STOCK")
        assert "Only 5 available." in answer.text
    for answer, status in (
        (admin.post(f"/sku/{kit.sku_id}/temporary-block", json={"quantity": 0.5}), 409),
        (admin.post("/inventory/sales", json={"product_id": kit.id, "quantity": 0.5, "unit_price": 7}), 400),
    ):
        assert (answer.status_code, answer.json()["code"]) == (status, "KIT_NOT_WHOLE")
    assert kit.shown() == (5, 0, 0, 5)


def test_a_kit_holds_no_stock_of_its_own(kit: Kit, admin: httpx.Client, database: Database) -> None:
    supplier = database.one("select id from inventory.create_supplier('Mill', '1')")
    order = {"type": "Add", "sku": "KIT", "quantity": 1, "to_location": "RACK-A1-01"}
    flow = {"product": kit.id, "quantity": 1}
    purchase = {"product_id": kit.id, "supplier_id": supplier, "quantity": 1, "unit_cost": 1}
    for method, path, body, status in (
        ("POST", f"/api/v1/inventory/{kit.id}/addStock", {"amount": 1}, 409),
        ("POST", f"/api/v1/inventory/{kit.id}/setStock", {"quantity": 1}, 409),
        ("POST", f"/api/v1/inventory/{kit.id}/setStock", {"quantity": 0}, 409),
        ("PATCH", f"/inventory/{kit.id}", {"quantity": 1}, 400),
        ("PATCH", f"/inventory/{kit.id}", {"quantity": 0}, 400),
        ("POST", "/inventory/purchases", purchase, 400),
        ("POST", "/api/v1/art_order", order, 400),
        ("POST", "/api/v1/inflows/", flow | {"supplier": supplier}, 422),
        ("POST", "/api/v1/outflows/", flow, 422),
        ("PATCH", f"/api/v1/products/{kit.id}/", {"quantity": 1}, 422),
    ):
        answer = admin.request(method, path, json=body)
        assert answer.status_code == status, (path, answer.text)
        assert HOLDS_NOTHING in answer.text, path
    answer = admin.patch(f"/inventory/{kit.id}", json={"expected_quantity": 0, "reorder_point": 2})
    assert (answer.status_code, answer.json()["code"]) == (409, "QUANTITY_CHANGED")
    # What APIs 3 and 5 show can be sent back.
    answer = admin.patch(f"/api/v1/products/{kit.id}/", json={"quantity": 5})
    assert (answer.status_code, answer.json()["quantity"]) == (200, 5)
    answer = admin.patch(f"/inventory/{kit.id}", json={"quantity": 5, "expected_quantity": 5, "reorder_point": 2})
    assert (answer.status_code, answer.json()["inventory"]["reorder_point"]) == (200, "2.000"), answer.text
    assert kit.shown() == (5, 0, 0, 5)
    database.verify()


def test_the_parts_of_a_kit_are_checked(kit: Kit, admin: httpx.Client) -> None:
    def code(answer: httpx.Response) -> tuple[int, str]:
        return answer.status_code, answer.json().get("code", "")

    line = {"sku_id": kit.cup_sku, "quantity": 1}
    assert code(kit.set([{"sku_id": kit.sku_id, "quantity": 1}])) == (409, "KIT_NESTED")
    assert code(kit.set([line], kit.spoon_sku)) == (409, "KIT_IN_USE")
    assert code(kit.set([{"sku_id": str(uuid.uuid4()), "quantity": 1}])) == (404, "PRODUCT_NOT_FOUND")
    assert code(kit.set([line], str(uuid.uuid4()))) == (404, "PRODUCT_NOT_FOUND")
    for parts in (None, {}, [{}], [line | {"quantity": 0}], [line | {"quantity": "1.2345"}], [line] * 51):
        assert kit.set(parts).status_code == 422
    assert kit.shown() == (5, 0, 0, 5)
    assert admin.post(f"/sku/{kit.sku_id}/temporary-block", json={"quantity": 1}).status_code == 200
    assert code(kit.set([])) == (409, "KIT_IN_USE")
    assert kit.set(kit.parts).status_code == 200


def test_an_empty_list_makes_it_an_ordinary_sku_again(kit: Kit, admin: httpx.Client, database: Database) -> None:
    answer = kit.set([])
    assert answer.status_code == 200, answer.text
    assert (answer.json()["parts"], answer.json()["available"]) == ([], 0)
    assert admin.post(f"/api/v1/inventory/{kit.id}/addStock", json={"amount": 3}).status_code == 204
    assert kit.shown() == (3, 0, 0, 3)
    database.verify()


def test_a_block_of_a_kit_ends_to_the_instant(kit: Kit, admin: httpx.Client, database: Database) -> None:
    answer = admin.post("/temporary-blocks", json={"items": [{"sku_id": kit.sku_id, "quantity": 5}]})
    assert answer.status_code == 200, answer.text
    assert (len(answer.json()["blocks"]), kit.shown()) == (1, (5, 0, 5, 0))
    database.advance(timedelta(minutes=15))
    assert kit.shown() == (5, 0, 0, 5)
    assert admin.get("/temporary-blocks").json()["blocks"] == []


def test_a_key_makes_a_kits_call_once(kit: Kit, admin: httpx.Client, database: Database) -> None:
    headers = {"Idempotency-Key": "once"}
    answers = [
        admin.post(f"/api/v1/inventory/{kit.id}/reserveStock", json={"amount": 2}, headers=headers) for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [204, 204]
    assert answers[1].headers["Idempotent-Replayed"] == "true"
    assert kit.shown() == (5, 2, 0, 3)
    database.verify()


def test_the_tag_of_a_kit_changes_with_its_parts(kit: Kit, admin: httpx.Client) -> None:
    def tag() -> str:
        return admin.get(f"/sku/{kit.sku_id}").headers["ETag"]

    tags = [tag()]
    admin.post(f"/api/v1/inventory/{kit.cup}/reserveStock", json={"amount": 1})
    tags.append(tag())
    admin.patch(f"/api/v1/products/{kit.cup}/", json={"sku": "NEW-CODE"}).raise_for_status()  # which the kit shows
    tags.append(tag())
    kit.set(kit.parts[:1])
    tags.append(tag())
    assert len(set(tags)) == 4
    path = f"/api/v1/inventory/{kit.id}/reserveStock"
    assert admin.post(path, json={"amount": 1}, headers={"If-Match": tags[0]}).status_code == 412
    assert admin.post(path, json={"amount": 1}, headers={"If-Match": tags[3]}).status_code == 204


def test_the_tag_of_a_part_changes_with_the_end_of_its_block(kit: Kit, admin: httpx.Client) -> None:
    block = admin.post(f"/sku/{kit.sku_id}/temporary-block", json={"quantity": 1}).raise_for_status().json()
    before = admin.get(f"/sku/{kit.spoon_sku}")
    until = {"expires_at": (datetime.fromisoformat(block["expires_at"]) + timedelta(hours=1)).isoformat()}
    admin.post(f"/temporary-blocks/{block['block_id']}/extend", json=until).raise_for_status()
    after = admin.get(f"/sku/{kit.spoon_sku}", headers={"If-None-Match": before.headers["ETag"]})
    assert after.status_code == 200
    assert after.json()["blocks"] != before.json()["blocks"]


def test_a_cart_holds_kits_and_parts(kit: Kit, admin: httpx.Client, database: Database) -> None:
    def put(kits: int, spoons: int) -> httpx.Response:
        items = [{"sku_id": kit.sku_id, "quantity": kits}, {"sku_id": kit.spoon_sku, "quantity": spoons}]
        return admin.put("/holds/cart-7", json={"items": items})

    assert put(3, 4).status_code == 200
    assert put(5, 1).json()["code"] == "INSUFFICIENT_STOCK"
    answer = put(4, 2)
    assert answer.status_code == 200, answer.text
    assert [block["quantity"] for block in answer.json()["blocks"]] == [4, 2]
    assert (kit.shown(), database.stock(kit.spoon)) == ((4, 0, 4, 0), (10, 0, 10))
    database.verify()
    assert admin.post("/holds/cart-7/convert-to-permanent").status_code == 200
    assert (database.stock(kit.cup), database.stock(kit.spoon)) == ((6, 0, 0), (0, 0, 0))
    database.verify()


def test_a_cart_keeps_its_kits_when_it_cannot_have_more(kit: Kit, admin: httpx.Client, database: Database) -> None:
    def put(kits: int) -> list[tuple[int, int]]:
        items = [{"sku_id": kit.sku_id, "quantity": kits}]
        answer = admin.put("/holds/cart-8", json={"items": items, "allow_partial": True}).raise_for_status().json()
        missing = sum(each["missing"] for each in answer["missing"])
        return [(block["quantity"], missing) for block in answer["blocks"]]

    assert put(3) == [(3, 0)]
    assert put(6) == [(5, 1)]
    block = admin.get("/holds/cart-8").json()["blocks"]
    assert put(7) == [(5, 2)]
    assert admin.get("/holds/cart-8").json()["blocks"] == block
    assert kit.shown() == (5, 0, 5, 0)
    database.verify()
