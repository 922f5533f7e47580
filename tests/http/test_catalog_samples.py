"""API 5's document, literally: its requests sent as they stand, its answers' keys and types."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.conftest import Database
from tests.http.catalog import COLLECTIONS, INSTANT, PRODUCTS, assert_invalid
from tests.http.conftest import Shared
from tests.http.document import exact

TIMES = {"created_at": "2024-01-15T10:30:00Z", "updated_at": "2024-01-15T10:30:00Z"}
BRAND = {"id": 1, "name": "Samsung", "description": "Electronics brand", **TIMES}
PRODUCT = {
    "id": 1,
    "title": "Samsung Galaxy S23",
    "category": {"id": 1, "name": "Electronics"},
    "brand": {"id": 1, "name": "Samsung"},
    "description": "Latest flagship smartphone",
    "serie_number": None,
    "cost_price": "500.00",
    "selling_price": "799.99",
    "quantity": 50,
    **TIMES,
}
OUTFLOW = {
    "id": 1,
    "product": {"id": 1, "title": "Samsung Galaxy S23"},
    "quantity": 5,
    "description": "Sale to customer #1234",
    **TIMES,
}
INFLOW = OUTFLOW | {"supplier": {"id": 1, "name": "Tech Distributors Inc."}}

GALAXY = {
    "title": "Samsung Galaxy S23",
    "category": 1,
    "brand": 1,
    "description": "Latest flagship smartphone",
    "serie_number": "SN123456789",
    "cost_price": "500.00",
    "selling_price": "799.99",
    "quantity": 50,
}
IPHONE = {
    "title": "iPhone 15 Pro",
    "category": 1,
    "brand": 2,
    "description": "Apple flagship phone",
    "cost_price": "899.00",
    "selling_price": "1199.00",
    "quantity": 30,
}
CURL = {
    "title": "New Product",
    "category": 1,
    "brand": 1,
    "cost_price": "10.00",
    "selling_price": "20.00",
    "quantity": 100,
}
ULTRA = {"title": "Samsung Galaxy S23 Ultra", "selling_price": "899.99", "quantity": 45}


def page(item: dict[str, Any]) -> dict[str, Any]:
    return {"count": 50, "next": None, "previous": None, "results": [item]}


def _named(path: str, first: dict[str, Any], second: dict[str, Any], changed: dict[str, Any]) -> list[Any]:
    return [
        ("POST", path, first, 201, BRAND),
        ("POST", path, second, 201, BRAND),
        ("GET", path, None, 200, page(BRAND)),
        ("GET", f"{path}/1", None, 200, BRAND),
        ("PUT", f"{path}/1", changed, 200, BRAND),
        ("PATCH", f"{path}/1", changed, 200, BRAND),
    ]


STEPS: list[tuple[str, str, Any, int, Any]] = [
    *_named(
        "brands",
        {"name": "Samsung", "description": "Electronics brand"},
        {"name": "LG", "description": "Korean electronics manufacturer"},
        {"name": "Samsung Electronics", "description": "Updated description"},
    ),
    *_named(
        "categories",
        {"name": "Electronics", "description": "Electronic devices and accessories"},
        {"name": "Home Appliances", "description": "Household appliances"},
        {"name": "Consumer Electronics", "description": "Updated description"},
    ),
    *_named(
        "suppliers",
        {"name": "Tech Distributors Inc.", "description": "Main electronics distributor"},
        {"name": "Global Supplies Ltd.", "description": "International supplier"},
        {"name": "Tech Distributors Ltd.", "description": "Main electronics distributor"},
    ),
    ("POST", "products", GALAXY, 201, PRODUCT),
    ("POST", "products", IPHONE, 201, PRODUCT),
    ("POST", "products", CURL, 201, PRODUCT | {"description": None}),
    ("GET", "products", None, 200, page(PRODUCT | {"description": None})),
    ("GET", "products/1", None, 200, PRODUCT),
    ("PATCH", "products/1", ULTRA, 200, PRODUCT),
    ("PUT", "products/1", GALAXY, 200, PRODUCT),
    (
        "POST",
        "inflows",
        {"supplier": 1, "product": 1, "quantity": 50, "description": "Emergency restock"},
        201,
        INFLOW,
    ),
    ("GET", "inflows", None, 200, page(INFLOW)),
    ("GET", "inflows/1", None, 200, INFLOW),
    ("POST", "outflows", {"product": 1, "quantity": 10, "description": "Bulk sale"}, 201, OUTFLOW),
    ("GET", "outflows", None, 200, page(OUTFLOW)),
    ("GET", "outflows/1", None, 200, OUTFLOW),
    ("DELETE", "outflows/1", None, 204, None),
    ("DELETE", "inflows/1", None, 204, None),
    ("DELETE", "products/2", None, 204, None),
    ("DELETE", "suppliers/2", None, 204, None),
    ("DELETE", "categories/2", None, 204, None),
    ("DELETE", "brands/2", None, 204, None),
]


def differences(sample: Any, found: Any, place: str = "$") -> list[str]:
    """Where the answer lacks a key of the sample, or has another JSON type; null in the sample stands for anything."""
    if sample is None:
        return []
    if type(sample) is not type(found):
        return [f"{place}: {found!r} is not as {sample!r}"]
    if isinstance(sample, list):
        return [line for i, item in enumerate(found) for line in differences(sample[0], item, f"{place}[{i}]")]
    if isinstance(sample, dict):
        lines = [f"{place}: no {name}" for name in sample if name not in found]
        return lines + [line for name in sample.keys() & found for line in differences(sample[name], found[name], name)]
    return []


@pytest.mark.parametrize("slash", ["/", ""])
def test_the_document_from_its_beginning_to_its_end(admin: httpx.Client, database: Database, slash: str) -> None:
    for method, path, sent, status, sample in STEPS:
        where = f"{method} {path}"
        answer = admin.request(method, f"/api/v1/{path}{slash}", json=sent)
        assert answer.status_code == status, f"{where}: {answer.text}"
        if status == 204:
            assert answer.content == b""
            assert admin.get(f"/api/v1/{path}{slash}").status_code == 404
            continue
        assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
        found = exact(answer.text)
        many = isinstance(found, dict) and "results" in found
        assert differences(sample, found) == [], where
        for item in found["results"] if many else [found]:
            assert INSTANT.fullmatch(item["created_at"])
            assert INSTANT.fullmatch(item["updated_at"])
            if sent is not None:
                plain = {name: item[name]["id"] if isinstance(item[name], dict) else item[name] for name in sent}
                assert plain == sent, where
        if method in ("POST", "PUT", "PATCH"):
            item_path = f"/api/v1/{path.partition('/')[0]}/{found['id']}{slash}"
            assert exact(admin.get(item_path).text) == found
    database.verify()


def test_the_products_are_printed_as_documented(admin: httpx.Client) -> None:
    for path in ("brands", "categories"):
        for name in ("Electronics", "Samsung"):
            assert admin.post(f"/api/v1/{path}/", json={"name": name}).status_code == 201
    answer = admin.post(PRODUCTS, json=GALAXY)
    text = answer.text.replace(" ", "")
    for part in (
        '"cost_price":"500.00"',
        '"selling_price":"799.99"',
        '"quantity":50,',
        '"serie_number":"SN123456789"',
        '"category":{"id":1,"name":"Electronics"}',
        '"brand":{"id":1,"name":"Electronics"}',
    ):
        assert part in text


def test_the_put_of_the_document_lacks_what_a_put_needs(admin: httpx.Client) -> None:
    for path in ("brands", "categories"):
        assert admin.post(f"/api/v1/{path}/", json={"name": "A"}).status_code == 201
    product_id = admin.post(PRODUCTS, json=CURL).json()["id"]
    required = ["This field is required."]
    answer = admin.put(f"{PRODUCTS}{product_id}/", json=ULTRA)
    assert_invalid(answer, category=required, brand=required, cost_price=required)


@pytest.mark.parametrize("path", COLLECTIONS)
def test_a_slash_more_or_less_changes_no_answer(shared: Shared, path: str) -> None:
    bare = path.rstrip("/")
    assert shared.admin.get(bare).json() == shared.admin.get(path).json()
    item = shared.path(f"{path}{{id}}/")
    assert shared.admin.get(item.rstrip("/")).json() == shared.admin.get(item).json()
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        for one in (path, f"{path}999/"):
            answers = [shared.admin.request(method, address, json=[]) for address in (one, one.rstrip("/"))]
            assert answers[0].status_code == answers[1].status_code
            assert answers[0].json() == answers[1].json()
