"""API 5 in a few words: its paths, what its tests make, and what its answers look like."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx

from tests.http.document import exact
from tests.http.pricing import made, shown

BRANDS, CATEGORIES, SUPPLIERS = "/api/v1/brands/", "/api/v1/categories/", "/api/v1/suppliers/"
PRODUCTS, INFLOWS, OUTFLOWS = "/api/v1/products/", "/api/v1/inflows/", "/api/v1/outflows/"
COLLECTIONS = (BRANDS, CATEGORIES, SUPPLIERS, PRODUCTS, INFLOWS, OUTFLOWS)
FLOWS = (INFLOWS, OUTFLOWS)

INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z")
REQUIRED = ["This field is required."]
NOT_NULL = ["This field may not be null."]


def new(client: httpx.Client, path: str, /, **fields: Any) -> Any:
    """What was made, its numbers exact."""
    answer = client.post(path, json=fields)
    made(answer)
    return exact(answer.text)


def brand(client: httpx.Client, name: str = "Samsung") -> int:
    return int(new(client, BRANDS, name=name)["id"])


def category(client: httpx.Client, name: str = "Electronics") -> int:
    return int(new(client, CATEGORIES, name=name)["id"])


def supplier(client: httpx.Client, name: str = "Tech Distributors Inc.") -> int:
    return int(new(client, SUPPLIERS, name=name)["id"])


def product(client: httpx.Client, **fields: Any) -> Any:
    """A new product; where no brand or category is given, of new ones."""
    sent = {"title": "Samsung Galaxy S23", "cost_price": "500.00", "selling_price": "799.99", **fields}
    count = shown(client, PRODUCTS)["count"]
    if "category" not in sent:
        sent["category"] = category(client, f"Category {count}")
    if "brand" not in sent:
        sent["brand"] = brand(client, f"Brand {count}")
    return new(client, PRODUCTS, **sent)


def inflow(client: httpx.Client, product_id: int, supplier_id: int, quantity: Any, **others: Any) -> httpx.Response:
    return client.post(INFLOWS, json={"product": product_id, "supplier": supplier_id, "quantity": quantity, **others})


def outflow(client: httpx.Client, product_id: int, quantity: Any, **others: Any) -> httpx.Response:
    return client.post(OUTFLOWS, json={"product": product_id, "quantity": quantity, **others})


def get(client: httpx.Client, path: str, item_id: int | None = None, /, **parameters: Any) -> Any:
    """The body of a GET that is answered, its numbers exact."""
    path = path if item_id is None else f"{path}{item_id}/"
    answer = client.get(path, params=parameters or None)
    assert answer.status_code == 200, answer.text
    return exact(answer.text)


def followed(client: httpx.Client, link: str | None) -> Iterator[Any]:
    """The page at the link, and all that follow it."""
    while link is not None:
        page = get(client, link)
        yield page
        link = page["next"]


def assert_error(answer: httpx.Response, status: int, code: str, message: str | None = None) -> Any:
    """An error about no field: ``detail`` and ``error``, and nothing else. Gives the body."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    body = answer.json()
    assert body.keys() - {"code", "messages"} == {"detail", "error"}
    assert body["error"] == {"code": code, "message": body["detail"], "details": {}}
    assert message in (None, body["detail"])
    return body


def assert_invalid(answer: httpx.Response, code: str = "VALIDATION_ERROR", /, **lists: list[str] | None) -> None:
    """A 422: the field lists at the top, the same in ``error.details`` (None: some sentence), and nothing else."""
    assert answer.status_code == 422, answer.text
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    body = answer.json()
    error = body.pop("error")
    assert error.keys() == {"code", "message", "details"}
    assert error["code"] == code
    assert error["message"]
    assert error["details"] == body
    assert body.keys() == lists.keys()
    for field, sentences in lists.items():
        assert body[field]
        assert sentences in (None, body[field]), body
