"""setStock of API 2: stock is set as it was counted."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest

from tests.conftest import Database
from tests.http.document import exact
from tests.http.test_stock import create, do, stock

BULK = "/api/v1/inventory/setStock"


def test_set_stock_shows_the_item_and_the_difference(client: httpx.Client, database: Database) -> None:
    made = create(client, stock=10)
    counted_at = database.one("select inventory.clock()")
    database.advance(timedelta(minutes=1))
    assert do(client, made["id"], "addStock", 2).status_code == 204
    body = {"quantity": 7.5, "counted_at": counted_at.isoformat(), "reason": "morning"}
    answer = client.post(f"/api/v1/inventory/{made['id']}/setStock", json=body)
    assert answer.status_code == 200, answer.text
    shown = exact(answer.text)
    assert shown.keys() == {"counted_at", "quantity", "difference", "item"}
    assert (shown["quantity"], shown["difference"]) == (exact("7.5"), exact("-2.5"))
    assert shown["item"] == exact(client.get(f"/api/v1/inventory/{made['id']}").text)
    assert shown["item"]["onHandStock"] == exact("9.5")
    assert client.post(f"/api/v1/inventory/{made['id']}/setStock", json=body).json() == answer.json()
    database.verify()


def test_set_stock_in_bulk_is_all_or_none(client: httpx.Client, database: Database) -> None:
    first, second = create(client, stock=10), create(client, sku="B-1", stock=10)
    do(client, second["id"], "reserveStock", 5)
    items = [{"id": first["id"], "quantity": 4}, {"id": str(second["id"]), "quantity": 4}]
    answer = client.post(BULK, json={"items": items})
    assert answer.status_code == 409, answer.text
    assert answer.json()["code"] == "INSUFFICIENT_STOCK"
    assert answer.json()["detail"] == "5 reserved and 0 blocked units stand in the way."
    assert stock(client, first["id"])[0] == 10
    items[1]["quantity"] = 5
    answer = client.post(BULK, json={"items": items})
    assert answer.status_code == 200, answer.text
    assert [item["difference"] for item in answer.json()["items"]] == [-6, -5]
    assert answer.json()["total"] == 2
    assert (stock(client, first["id"])[0], stock(client, second["id"])[0]) == (4, 5)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"quantity": -1},
        {"quantity": "many"},
        {"quantity": 1, "counted_at": "yesterday"},
        {"quantity": 1, "counted_at": "2999-01-01T00:00:00Z"},
        {"quantity": 1, "reason": 5},
    ],
)
def test_what_is_no_count_is_refused(client: httpx.Client, body: dict[str, Any]) -> None:
    made = create(client, stock=10)
    for path, sent in ((f"/api/v1/inventory/{made['id']}/setStock", body), (BULK, {"items": [body | {"id": "1"}]})):
        answer = client.post(path, json=sent)
        assert answer.status_code == 400, answer.text
        assert answer.json()["errors"]
    assert stock(client, made["id"])[0] == 10


def test_a_bulk_has_1_to_1000_items(client: httpx.Client) -> None:
    made = create(client, stock=10)
    item = {"id": str(made["id"]), "quantity": 1}
    for items in ([], [item] * 1001, [item, item]):
        assert client.post(BULK, json={"items": items}).status_code == 400
    assert client.post(f"/api/v1/inventory/{made['id'] + 1}/setStock", json={"quantity": 1}).status_code == 404
