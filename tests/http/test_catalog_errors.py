"""The contract's table of errors for API 5, cause by cause, and the shape of each body."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import httpx
import pytest

from tests.conftest import Database
from tests.http.catalog import (
    BRANDS,
    CATEGORIES,
    COLLECTIONS,
    FLOWS,
    INFLOWS,
    OUTFLOWS,
    PRODUCTS,
    SUPPLIERS,
    assert_error,
    assert_invalid,
    brand,
    category,
    get,
    inflow,
    outflow,
    product,
    supplier,
)
from tests.http.conftest import Shared
from tests.http.pricing import MALFORMED

Unchanged = Callable[[], AbstractContextManager[None]]

ONE = {
    BRANDS: "BRAND",
    CATEGORIES: "CATEGORY",
    SUPPLIERS: "SUPPLIER",
    PRODUCTS: "PRODUCT",
    INFLOWS: "INFLOW",
    OUTFLOWS: "OUTFLOW",
}
SENT = {
    BRANDS: {"name": "A"},
    CATEGORIES: {"name": "A"},
    SUPPLIERS: {"name": "A"},
    PRODUCTS: {"title": "A", "category": 1, "brand": 1, "cost_price": 1, "selling_price": 1},
}


def methods(path: str) -> list[str]:
    return ["GET", "DELETE"] if path in FLOWS else ["GET", "PUT", "PATCH", "DELETE"]


@pytest.mark.parametrize("path", COLLECTIONS)
@pytest.mark.parametrize("bad", [*MALFORMED, "1.5", "-9"])
def test_a_malformed_id_in_the_path_is_404(shared: Shared, path: str, bad: str) -> None:
    for method in methods(path):
        for slash in ("/", ""):
            answer = shared.admin.request(method, f"{path}{bad}{slash}", json=SENT.get(path))
            code = f"{ONE[path]}_NOT_FOUND" if answer.json()["error"]["code"] != "INVALID_PATH" else "INVALID_PATH"
            assert_error(answer, 404, code, "Not found.")


@pytest.mark.parametrize("path", COLLECTIONS)
@pytest.mark.parametrize("unknown", ["0", "999999", str(2**63 - 1)])
def test_an_unknown_id_in_the_path_is_404(shared: Shared, path: str, unknown: str) -> None:
    for method in methods(path):
        answer = shared.admin.request(method, f"{path}{unknown}/", json=SENT.get(path))
        assert_error(answer, 404, f"{ONE[path]}_NOT_FOUND", "Not found.")


@pytest.mark.parametrize("path", COLLECTIONS)
def test_a_wrong_method_is_405_in_djangos_words(shared: Shared, path: str) -> None:
    wrong = [(path, ["GET", "POST"], ["PUT", "PATCH", "DELETE", "OPTIONS"])]
    wrong.append((f"{path}1/", methods(path), ["POST", *(["PUT", "PATCH"] if path in FLOWS else [])]))
    for address, allowed, refused in wrong:
        for method in refused:
            for one in (address, address.rstrip("/")):
                answer = shared.admin.request(method, one, json={"quantity": 5})
                assert_error(answer, 405, "METHOD_NOT_ALLOWED", f'Method "{method}" not allowed.')
                assert set(answer.headers["Allow"].split(", ")) - {"HEAD", "OPTIONS"} == set(allowed)


@pytest.mark.parametrize("path", COLLECTIONS)
def test_without_a_token_it_is_401_and_without_permission_403(shared: Shared, path: str) -> None:
    operator, employee = (shared.server.client(shared.tokens[role]) for role in ("operator", "employee"))
    for method in ("GET", "POST", *(["PUT", "PATCH"] if path not in FLOWS else []), "DELETE"):
        address = f"{path}{'' if method in ('GET', 'POST') else '1/'}"
        answer = shared.client.request(method, address)
        assert_error(answer, 401, "NOT_AUTHENTICATED", "Authentication credentials were not provided.")
        answer = operator.request(method, address)
        assert_error(answer, 403, "PERMISSION_DENIED", "You do not have permission to perform this action.")
        answer = employee.request(method, address)
        if method == "GET":
            assert answer.status_code == 200
        else:
            assert_error(answer, 403, "PERMISSION_DENIED")
        answer = shared.server.client("abc").request(method, address)
        assert_error(answer, 401, "TOKEN_NOT_VALID", "Given token not valid for any token type")


def test_media_type_and_size(shared: Shared) -> None:
    for method, address in (("POST", PRODUCTS), ("PUT", f"{PRODUCTS}1/"), ("PATCH", f"{PRODUCTS}1/")):
        answer = shared.admin.request(method, address, content=b"a=1", headers={"Content-Type": "text/plain"})
        assert_error(answer, 415, "UNSUPPORTED_MEDIA_TYPE")
        headers = {"Content-Type": "application/json"}
        answer = shared.admin.request(method, address, content=b" " * (1024 * 1024 + 1), headers=headers)
        assert_error(answer, 413, "PAYLOAD_TOO_LARGE")


# What the body names


def test_what_the_body_names_and_is_not_there_is_422(admin: httpx.Client, unchanged: Unchanged) -> None:
    made = product(admin, quantity=5)
    supplier_id, product_id = supplier(admin), made["id"]
    item = f"{PRODUCTS}{product_id}/"
    sent = SENT[PRODUCTS]
    with unchanged():
        for name in ("category", "brand"):
            for method, address in (("POST", PRODUCTS), ("PUT", item), ("PATCH", item)):
                answer = admin.request(method, address, json=sent | {name: 99})
                assert_invalid(
                    answer, f"{name.upper()}_NOT_FOUND", **{name: ['Invalid pk "99" - object does not exist.']}
                )
        no_product = {"product": ['Invalid pk "99" - object does not exist.']}
        assert_invalid(inflow(admin, 99, supplier_id, 1), "PRODUCT_NOT_FOUND", **no_product)
        assert_invalid(outflow(admin, 99, 1), "PRODUCT_NOT_FOUND", **no_product)
        no_supplier = {"supplier": ['Invalid pk "98" - object does not exist.']}
        assert_invalid(inflow(admin, product_id, 98, 1), "SUPPLIER_NOT_FOUND", **no_supplier)
        # The path comes first: of a product that is not, 404.
        answer = admin.patch(f"{PRODUCTS}99/", json={"title": "A"})
        assert_error(answer, 404, "PRODUCT_NOT_FOUND", "Not found.")


def test_not_enough_is_400(admin: httpx.Client, unchanged: Unchanged) -> None:
    made = product(admin, quantity=10)
    admin.post(f"/api/v1/inventory/{made['id']}/reserveStock", json={"amount": 3})
    admin.post(f"/sku/{made['sku_id']}/temporary-block", json={"quantity": 2})
    with unchanged():
        assert_error(outflow(admin, made["id"], 6), 400, "INSUFFICIENT_STOCK")
        answer = admin.patch(f"{PRODUCTS}{made['id']}/", json={"quantity": 4, "title": "Other"})
        assert_error(answer, 400, "INSUFFICIENT_STOCK")
        answer = admin.put(f"{PRODUCTS}{made['id']}/", json=SENT[PRODUCTS] | {"quantity": 4})
        assert_error(answer, 400, "INSUFFICIENT_STOCK")
    assert outflow(admin, made["id"], 5).status_code == 201


def test_a_flow_past_the_limit_is_422(admin: httpx.Client, unchanged: Unchanged, database: Database) -> None:
    made = product(admin, quantity=999_999_999)
    supplier_id = supplier(admin)
    with unchanged():
        assert_invalid(inflow(admin, made["id"], supplier_id, 1), "QUANTITY_OUT_OF_RANGE", quantity=None)
    flow = outflow(admin, made["id"], 1).json()
    assert inflow(admin, made["id"], supplier_id, 1).status_code == 201
    with unchanged():
        answer = admin.delete(f"{OUTFLOWS}{flow['id']}/")
        assert_error(answer, 422, "QUANTITY_OUT_OF_RANGE")
    database.verify()


@pytest.mark.parametrize("status", ["inactive", "archived"])
def test_a_product_that_is_not_active(
    admin: httpx.Client, unchanged: Unchanged, database: Database, status: str
) -> None:
    made, supplier_id = product(admin, quantity=10), supplier(admin)
    flows = inflow(admin, made["id"], supplier_id, 3).json()["id"], outflow(admin, made["id"], 2).json()["id"]
    assert admin.patch(f"/inventory/{made['id']}", json={"status": status}).status_code == 200
    with unchanged():
        assert_invalid(inflow(admin, made["id"], supplier_id, 1), "INVENTORY_NOT_ACTIVE", product=None)
        assert_invalid(outflow(admin, made["id"], 1), "INVENTORY_NOT_ACTIVE", product=None)
    assert admin.patch(f"{PRODUCTS}{made['id']}/", json={"quantity": 20}).json()["quantity"] == 20
    assert admin.patch(f"{PRODUCTS}{made['id']}/", json={"quantity": 15}).json()["quantity"] == 15
    for path, flow_id in zip(FLOWS, flows, strict=True):
        assert admin.delete(f"{path}{flow_id}/").status_code in (204, 400)
    assert get(admin, PRODUCTS, made["id"])["quantity"] in (14, 17)
    database.verify()


def test_a_product_without_an_inventory(admin: httpx.Client, unchanged: Unchanged) -> None:
    product_id = admin.post("/products", json={"sku": "BARE", "name": "Bare"}).json()["product"]["id"]
    supplier_id = supplier(admin)
    with unchanged():
        assert_invalid(inflow(admin, product_id, supplier_id, 1), "INVENTORY_NOT_INITIALIZED", product=None)
        assert_invalid(outflow(admin, product_id, 1), "INVENTORY_NOT_INITIALIZED", product=None)
        answer = admin.patch(f"{PRODUCTS}{product_id}/", json={"quantity": 1})
        assert_invalid(answer, "INVENTORY_NOT_INITIALIZED", quantity=None)
    assert get(admin, PRODUCTS, product_id)["quantity"] == 0
    answer = admin.patch(f"{PRODUCTS}{product_id}/", json={"selling_price": 5, "cost_price": 3})
    assert (answer.json()["selling_price"], answer.json()["cost_price"]) == ("5.00", "3.00")
    assert admin.delete(f"{PRODUCTS}{product_id}/").status_code == 204


# DELETE of what is referred to


def test_what_a_product_has_is_protected(admin: httpx.Client, unchanged: Unchanged) -> None:
    made = product(admin)
    for path, name in ((BRANDS, "brand"), (CATEGORIES, "category")):
        with unchanged():
            assert_error(admin.delete(f"{path}{made[name]['id']}/"), 400, "PROTECTED")
    other_brand, other_category = brand(admin, "Other"), category(admin, "Other")
    admin.patch(f"{PRODUCTS}{made['id']}/", json={"brand": other_brand, "category": other_category})
    for path, name in ((BRANDS, "brand"), (CATEGORIES, "category")):
        assert admin.delete(f"{path}{made[name]['id']}/").status_code == 204
        assert_error(admin.delete(f"{path}{made[name]['id']}/"), 404, f"{name.upper()}_NOT_FOUND", "Not found.")


def _reserve(client: httpx.Client, made: dict[str, Any]) -> httpx.Response:
    return client.post(f"/api/v1/inventory/{made['id']}/reserveStock", json={"amount": 1})


def _block(client: httpx.Client, made: dict[str, Any]) -> httpx.Response:
    return client.post(f"/sku/{made['sku_id']}/temporary-block", json={"quantity": 1})


def _buy(client: httpx.Client, made: dict[str, Any]) -> httpx.Response:
    sent = {"product_id": made["id"], "supplier_id": supplier(client), "quantity": 1, "unit_cost": 1}
    return client.post("/inventory/purchases", json=sent)


def _sell(client: httpx.Client, made: dict[str, Any]) -> httpx.Response:
    return client.post("/inventory/sales", json={"product_id": made["id"], "quantity": 1, "unit_price": 1})


def _order(client: httpx.Client, made: dict[str, Any]) -> httpx.Response:
    sent = {"type": "Add", "sku": made["sku"], "quantity": 1, "to_location": "RACK-A1-01"}
    return client.post("/api/v1/art_order", json=sent)


def _inflow(client: httpx.Client, made: dict[str, Any]) -> httpx.Response:
    return inflow(client, made["id"], supplier(client), 1)


def _outflow(client: httpx.Client, made: dict[str, Any]) -> httpx.Response:
    return outflow(client, made["id"], 1)


@pytest.mark.parametrize("happening", [_reserve, _block, _buy, _sell, _order, _inflow, _outflow])
def test_a_product_with_a_history_is_protected(
    admin: httpx.Client, unchanged: Unchanged, database: Database, happening: Any
) -> None:
    made = product(admin, sku="A-1", quantity=5)
    assert happening(admin, made).status_code in (200, 201, 204)
    with unchanged():
        assert_error(admin.delete(f"{PRODUCTS}{made['id']}/"), 400, "PROTECTED")
    assert get(admin, PRODUCTS, made["id"])["sku"] == "A-1"
    database.verify()


@pytest.mark.parametrize("happening", [_buy, _inflow])
def test_a_supplier_of_whom_something_came_is_protected(
    admin: httpx.Client, unchanged: Unchanged, database: Database, happening: Any
) -> None:
    assert happening(admin, product(admin, quantity=5)).status_code == 201
    supplier_id = get(admin, SUPPLIERS)["results"][0]["id"]
    with unchanged():
        assert_error(admin.delete(f"{SUPPLIERS}{supplier_id}/"), 400, "PROTECTED")
    if happening is _inflow:
        assert admin.delete(f"{INFLOWS}1/").status_code == 204
        assert admin.delete(f"{SUPPLIERS}{supplier_id}/").status_code == 204
    database.verify()


def test_a_deleted_product_is_gone_everywhere_and_its_sku_free(admin: httpx.Client, database: Database) -> None:
    made = product(admin, sku="A-1", quantity=5)
    product_id = made["id"]
    assert admin.delete(f"{PRODUCTS}{product_id}/").content == b""
    for path in (
        f"{PRODUCTS}{product_id}/",
        f"/products/{product_id}",
        f"/api/v1/inventory/{product_id}",
        f"/sku/{made['sku_id']}",
        f"/inventory/{product_id}",
    ):
        assert admin.get(path).status_code == 404
    assert admin.delete(f"{PRODUCTS}{product_id}/").status_code == 404
    assert (get(admin, PRODUCTS)["count"], get(admin, PRODUCTS)["results"]) == (0, [])
    assert admin.get("/products").json()["products"] == []
    assert admin.get("/api/v1/inventory").json() == []
    again = product(admin, sku="A-1", category=made["category"]["id"], brand=made["brand"]["id"])
    assert (again["sku"], again["quantity"]) == ("A-1", 0)
    assert again["id"] != product_id
    moved = database.rows(
        "select kind, on_hand_after - on_hand_before from store.movement where product_id = %s order by id", product_id
    )
    assert moved == [("initial", 5), ("delete_product", -5)]
    database.verify()


def test_an_inflow_of_which_something_left_stays(admin: httpx.Client, unchanged: Unchanged, database: Database) -> None:
    made = product(admin, quantity=0)
    flow = inflow(admin, made["id"], supplier(admin), 5).json()
    left = outflow(admin, made["id"], 1).json()
    with unchanged():
        assert_error(admin.delete(f"{INFLOWS}{flow['id']}/"), 400, "INFLOW_USED")
    assert admin.delete(f"{OUTFLOWS}{left['id']}/").status_code == 204
    _reserve(admin, made)
    with unchanged():
        assert_error(admin.delete(f"{INFLOWS}{flow['id']}/"), 400, "INSUFFICIENT_STOCK")
    admin.post(f"/api/v1/inventory/{made['id']}/releaseStock", json={"amount": 1})
    assert admin.delete(f"{INFLOWS}{flow['id']}/").status_code == 204
    database.verify()
