"""API 4 in a few words: its orders, what its answers look like, and what lies where."""

from __future__ import annotations

import json
from typing import Any

import httpx

from tests.http.pricing import TIME, shown

ORDER, ORDERS, COUNTS, LOCATIONS = "/api/v1/art_order", "/api/v1/art_orders", "/api/v1/counts", "/api/v1/locations"
A, B, C = "RACK-A1-01", "RACK-B2-02", "RACK-C3-03"
MISFORMED = "Value error, Location must follow format RACK-A1-01 (RACK-<section><aisle>-<position>)"


def order(kind: str, quantity: Any, sku: str = "A-1", **others: Any) -> dict[str, Any]:
    """An order's JSON."""
    return {"type": kind, "sku": sku, "quantity": quantity, **others}


def adding(quantity: Any, to: str = A, **others: Any) -> dict[str, Any]:
    return order("Add", quantity, **{"to_location": to, **others})


def removing(quantity: Any, at: str = A, **others: Any) -> dict[str, Any]:
    return order("Remove", quantity, **{"from_location": at, **others})


def moving(quantity: Any, at: str = A, to: str = B, **others: Any) -> dict[str, Any]:
    return order("Transfer", quantity, **{"from_location": at, "to_location": to, **others})


def counting(quantity: Any, at: str = A, **others: Any) -> dict[str, Any]:
    return order("Count", quantity, **{"to_location": at, **others})


def adjusting(quantity: Any, at: str = A, **others: Any) -> dict[str, Any]:
    return order("Adjust", quantity, **{"to_location": at, **others})


def place(client: httpx.Client, sent: dict[str, Any]) -> httpx.Response:
    return client.post(ORDER, json=sent)


def done(client: httpx.Client, *orders: dict[str, Any]) -> Any:
    """Place the orders, one by one; the last one's body."""
    found: Any = None
    for sent in orders:
        answer = place(client, sent)
        assert answer.status_code == 200, answer.text
        found = answer.json()
    return found


def held(client: httpx.Client, sku: str = "A-1") -> dict[str, Any]:
    """What each place holds of the SKU, those that hold it."""
    lists = {item["code"]: stock_at(client, item["code"]) for item in shown(client, LOCATIONS)["locations"]}
    return {code: stock[sku] for code, stock in lists.items() if sku in stock}


def stock_at(client: httpx.Client, code: str) -> dict[str, Any]:
    """What the place holds, by SKU."""
    return {item["sku"]: item["quantity"] for item in shown(client, f"{LOCATIONS}/{code}/stock")["stock"]}


def trail(client: httpx.Client, /, **filters: Any) -> list[Any]:
    """The orders of the audit trail, newest first."""
    return list(shown(client, ORDERS, **filters)["orders"])


def assert_literal(found: Any, sample: Any) -> None:
    """The answer is the sample: the same keys in the same order, types and values, but for ids and times."""
    found, sample = json.loads(json.dumps(found)), json.loads(json.dumps(sample))
    mended = found["detail"] if isinstance(found.get("detail"), dict) else found
    given = sample["detail"] if isinstance(sample.get("detail"), dict) else sample
    if "timestamp" in given:
        assert TIME.fullmatch(mended["timestamp"]), mended["timestamp"]
        mended["timestamp"] = given["timestamp"]
    if "operation_id" in given:
        assert type(mended["operation_id"]) is int
        mended["operation_id"] = given["operation_id"]
    assert json.dumps(found) == json.dumps(sample)


def assert_error(answer: httpx.Response, status: int, code: str, message: str | None = None) -> Any:
    """An error in the documented object; returns what else stands in it."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"].startswith("application/json")
    assert list(answer.json()) == ["detail"]
    detail = answer.json()["detail"]
    assert isinstance(detail, dict), detail
    assert list(detail)[:4] == ["status", "message", "error_code", "timestamp"]
    assert (detail["status"], detail["error_code"]) == ("error", code)
    assert TIME.fullmatch(detail["timestamp"])
    assert isinstance(detail["message"], str)
    assert message is None or detail["message"] == message
    return {name: detail[name] for name in list(detail)[4:]}


def assert_insufficient(answer: httpx.Response, at: str, **told: Any) -> None:
    """There is too little at the place, and so much of what is told stands in the way."""
    found = assert_error(answer, 400, "INSUFFICIENT_STOCK")
    assert answer.json()["detail"]["message"].startswith(f"Insufficient stock of SKU A-1 at location {at}")
    assert found == told
