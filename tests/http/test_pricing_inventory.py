"""API 3: products, units, suppliers, the inventory of a product, its valuation and its movements."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from server.http.routes import Route
from tests.conftest import Database
from tests.http.conftest import Shared, send
from tests.http.document import Document, exact
from tests.http.pricing import (
    KILOGRAM,
    LITRE,
    MALFORMED,
    PRICING,
    UNKNOWN,
    assert_holds,
    balances,
    buy,
    give_back,
    initialize,
    instant,
    made,
    move_to,
    register,
    sell,
    shown,
    stocked,
    supplier,
    valuation,
    written,
)
from tests.http.samples import body, name_of
from tests.http.test_stock import assert_problem

Unchanged = Callable[[], AbstractContextManager[None]]

WITH_A_BODY = [route for route in PRICING if route.method != "GET"]
NOON = datetime(2030, 1, 15, 12, tzinfo=UTC)

# Quantities and amounts as they are sent, and as they are printed.
NUMBERS = {
    "0": "0.000",
    '"-0.000"': "0.000",
    "100": "100.000",
    '"100"': "100.000",
    "100.000": "100.000",
    "1.5": "1.500",
    '"1.5"': "1.500",
    "99.99": "99.990",
    '"99.990"': "99.990",
    "0.1": "0.100",
    "0.001": "0.001",
    "1e3": "1000.000",
    '"1e3"': "1000.000",
    "999999999.999": "999999999.999",
    '"999999999.999"': "999999999.999",
}

# What no field of the kind takes, as JSON.
NO_NUMBER = ("true", "false", '""', '"abc"', '" 5"', '"1_000"', '"1,5"', '"NaN"', '"Infinity"', "[]", "{}", '"\\ud800"')
NO_QUANTITY = (*NO_NUMBER, "-1", "-0.001", '"-1"', "1.2345", '"0.0001"', "1000000000", "1e400", "1e999999999")
NO_MONEY = (*NO_NUMBER, "-1", "-0.001", '"-1"', "1.2345", '"0.0001"', "1" + "0" * 20, "1e400", "1e999999999")
NO_ID = ("true", "false", '""', '"abc"', "1.5", '"1.5"', "[]", "{}", "9" * 20, "1e400")
NO_TEXT = ("true", "5", "[]", "{}", '"\\u0000"', '"\\ud800"')
NO_TIME = (
    "true",
    "5",
    '""',
    '"abc"',
    '"now"',
    '"2025-13-01"',
    '"2025-02-30"',
    '"2025-01-15T25:00:00"',
    "[]",
    '"0000-01-01"',
)
BAD: dict[tuple[str, str], tuple[str, ...]] = {
    ("register_product", "sku"): (*NO_TEXT, "null", '""', '" A"', '"A "', '"A\\n"', f'"{"x" * 65}"'),
    ("register_product", "name"): (*NO_TEXT, "null", '""', '"  "', f'"{"x" * 256}"'),
    ("register_product", "description"): NO_TEXT,
    ("create_unit", "name"): (*NO_TEXT, "null", '""', '"  "', f'"{"x" * 256}"'),
    ("create_unit", "symbol"): (*NO_TEXT, "null", '""', '"  "', f'"{"x" * 17}"'),
    ("create_supplier", "name"): (*NO_TEXT, "null", '""', '"  "', f'"{"x" * 256}"'),
    ("create_supplier", "phone_number"): (*NO_TEXT, "null", '""', '"  "', '"abc"', f'"{"5" * 51}"'),
    ("create_supplier", "business_name"): (*NO_TEXT, '""', f'"{"x" * 256}"'),
    ("create_supplier", "email"): (*NO_TEXT, '""', '"abc"', '"a@"', '"@b.com"', '"a b@c.com"', f'"{"x" * 250}@b.com"'),
    ("initialize_inventory", "unit_id"): (*NO_ID, "null"),
    ("initialize_inventory", "quantity"): NO_QUANTITY,
    ("initialize_inventory", "reorder_point"): NO_QUANTITY,
    ("update_inventory", "quantity"): NO_QUANTITY,
    ("update_inventory", "reorder_point"): NO_QUANTITY,
    ("update_inventory", "expected_quantity"): NO_QUANTITY,
    ("update_inventory", "status"): (*NO_TEXT, '""', '"Active"', '"deleted"'),
    ("create_purchase", "product_id"): (*NO_ID, "null"),
    ("create_purchase", "supplier_id"): (*NO_ID, "null"),
    ("create_purchase", "quantity"): (*NO_QUANTITY, "null", "0", '"0.000"'),
    ("create_purchase", "unit_cost"): (*NO_MONEY, "null"),
    ("create_sale", "product_id"): (*NO_ID, "null"),
    ("create_sale", "quantity"): (*NO_QUANTITY, "null", "0", '"0.000"'),
    ("create_sale", "unit_price"): (*NO_MONEY, "null"),
    ("return_sale", "quantity"): (*NO_QUANTITY, "0", '"0.000"'),
    ("return_sale", "reason"): (*NO_TEXT, f'"{"x" * 1001}"'),
    ("create_price", "amount"): (*NO_MONEY, "null"),
    ("create_price", "price_type"): (*NO_TEXT, '""', '"Retail"', '"gift"'),
    ("create_price", "effective_from"): NO_TIME,
    ("create_price", "effective_to"): (*NO_TIME, '"2020-01-01"'),
    ("create_price", "close_old_price"): ('"abc"', '""', "2", "[]", "{}"),
}


def as_json(route: Route, shared: Shared, **fields: str) -> str:
    """A good body of the route, but for these fields' JSON."""
    good = {name: f'"{item}"' for name, item in body(route, shared.world, shared.server).items()}
    if route.function == "create_price":
        del good["close_old_price"]
    return "{" + ", ".join(f'"{name}": {item}' for name, item in (good | fields).items()) + "}"


# What every endpoint refuses


@pytest.mark.parametrize(("function", "field"), BAD)
def test_a_bad_value_is_400_and_names_its_field(shared: Shared, function: str, field: str) -> None:
    (route,) = [route for route in PRICING if route.function == function]
    for value in BAD[function, field]:
        sent = as_json(route, shared, **{field: value})
        answer = send(shared.admin, route.method, shared.path(route.path), sent)
        assert_problem(answer, 400, "VALIDATION_ERROR", field)
        assert list(answer.json()["errors"]) == [field], value


def test_the_bad_values_are_of_every_field(shared: Shared) -> None:
    document = Document(exact(shared.client.get("/openapi.json").text))
    for route in WITH_A_BODY:
        operation = document.document["paths"][route.path][route.method.lower()]
        schema = document.resolve(operation["requestBody"]["content"]["application/json"]["schema"]["$ref"])
        assert schema["properties"].keys() == {field for function, field in BAD if function == route.function}


@pytest.mark.parametrize("route", WITH_A_BODY, ids=name_of)
def test_a_missing_field_is_400_and_every_one_is_named(shared: Shared, route: Route) -> None:
    required = {
        "register_product": {"sku", "name"},
        "create_unit": {"name", "symbol"},
        "create_supplier": {"name", "phone_number"},
        "initialize_inventory": {"unit_id"},
        "create_purchase": {"product_id", "supplier_id", "quantity", "unit_cost"},
        "create_sale": {"product_id", "quantity", "unit_price"},
        "create_price": {"amount"},
    }.get(route.function, set())
    path, good = shared.path(route.path), body(route, shared.world, shared.server)
    for field in required:
        answer = shared.admin.request(route.method, path, json={k: v for k, v in good.items() if k != field})
        assert_problem(answer, 400, "VALIDATION_ERROR", field)
        assert list(answer.json()["errors"]) == [field]
    if required:
        for nothing in ("", "null", "{}", '{"Amount": 1}'):
            answer = send(shared.admin, route.method, path, nothing)
            assert answer.json()["errors"].keys() == required


@pytest.mark.parametrize("route", WITH_A_BODY, ids=name_of)
def test_a_body_that_is_no_json_or_no_object_is_400(shared: Shared, route: Route) -> None:
    path = shared.path(route.path)
    for text in ("{", "abc", '{"quantity": NaN}', '{"quantity": 01}', '{"a": 1,}', "{} {}", b"\xff", "[" * 100_000):
        assert_problem(send(shared.admin, route.method, path, text), 400, "INVALID_JSON")
    for text in ("[]", "[{}]", '"abc"', "1", "1.5", "true"):
        assert_problem(send(shared.admin, route.method, path, text), 400, "VALIDATION_ERROR")


def good_request(route: Route, shared: Shared, path: str) -> httpx.Response:
    return shared.admin.request(route.method, path, json=body(route, shared.world, shared.server))


@pytest.mark.parametrize("route", [route for route in PRICING if "{" in route.path], ids=name_of)
def test_a_malformed_or_unknown_id_in_the_path_is_404(shared: Shared, route: Route) -> None:
    start, _, rest = route.path.partition("{")
    end = rest.partition("}")[2]
    code = {"{sale": "SALE_NOT_FOUND", "{supp": "SUPPLIER_NOT_FOUND"}.get(f"{{{rest[:4]}", "PRODUCT_NOT_FOUND")
    for bad in (*MALFORMED, shared.world.sku_id):
        assert_problem(good_request(route, shared, f"{start}{bad}{end}"), 404, "INVALID_PATH")
    for unknown in UNKNOWN:
        assert_problem(good_request(route, shared, f"{start}{unknown}{end}"), 404, code)


def test_an_unknown_product_or_supplier_in_the_body_is_404(shared: Shared) -> None:
    good = {"product_id": shared.world.product_id, "supplier_id": shared.world.supplier_id}
    for unknown in (*UNKNOWN, -1):
        sent = good | {"quantity": 1, "unit_cost": 1, "unit_price": 1}
        for path in ("/inventory/purchases", "/inventory/sales"):
            answer = shared.admin.post(path, json=sent | {"product_id": unknown})
            assert_problem(answer, 404, "PRODUCT_NOT_FOUND")
        answer = shared.admin.post("/inventory/purchases", json=sent | {"supplier_id": unknown})
        assert_problem(answer, 404, "SUPPLIER_NOT_FOUND")


# Products


def test_a_product_is_made_and_shown(admin: httpx.Client) -> None:
    answer = admin.post("/products", json={"name": "Potatoes", "sku": "POT-001", "description": "Washed"})
    product = made(answer)["product"]
    assert_holds(product, {"id": 1, "name": "Potatoes", "sku": "POT-001", "description": "Washed"})
    assert str(uuid.UUID(product["sku_id"])) == product["sku_id"]
    assert abs(instant(product["created_at"]) - datetime.now(UTC)) < timedelta(minutes=1)
    assert product["updated_at"] == product["created_at"]
    assert answer.headers["Location"] == "/products/1"
    assert shown(admin, "/products/1") == {"product": product}
    assert shown(admin, "/products/0001") == {"product": product}
    assert shown(admin, "/products")["products"] == [product]


def test_a_description_may_be_left_out(admin: httpx.Client) -> None:
    for sku, given in (("A-1", {}), ("B-1", {"description": None})):
        product_id = register(admin, sku, **given)
        assert shown(admin, f"/products/{product_id}")["product"]["description"] is None


def test_unknown_fields_and_parameters_are_ignored(admin: httpx.Client, database: Database) -> None:
    # Those of other endpoints, of the functions' arguments and of what the server fills among them.
    sent = {"id": 7, "product_id": 9, "p_name": "P", "actor": "mallory", "sku_id": 3, "x": {"y": []}}
    path = "/products?name=N&sku=S&actor=mallory"
    product = made(admin.post(path, json={"name": "A", "sku": "A-1", **sent}))["product"]
    assert (product["id"], product["name"], product["sku"]) == (1, "A", "A-1")
    supplier_id = supplier(admin, **sent)
    quantity = {"unit_id": KILOGRAM, "quantity": 5}
    assert (
        made(admin.post("/inventory/1/initialize?quantity=9", json=sent | quantity))["inventory"]["quantity"] == "5.000"
    )
    assert (
        admin.patch("/inventory/1", json=sent | {"on_hand": 9, "reason": "R"}).json()["inventory"]["quantity"]
        == "5.000"
    )
    made(admin.post("/products/1/prices", json=sent | {"amount": 1}))
    bought = {"product_id": 1, "supplier_id": supplier_id, "quantity": 1, "unit_cost": 1}
    made(admin.post("/inventory/purchases", json=sent | bought))
    made(admin.post("/inventory/sales", json=sent | {"product_id": 1, "quantity": 1, "unit_price": 1}))
    made(admin.post("/inventory/sales/1/returns", json=sent | {"quantity": 1}))
    movements = database.rows("select product_id, kind, actor, reason from store.movement order by id")
    assert movements == [(1, kind, "root", None) for kind in ("initial", "purchase", "sale", "return")]


# Units and suppliers


def test_piece_litre_and_kilogram_are_there_from_the_start(admin: httpx.Client) -> None:
    units = shown(admin, "/units")["units"]
    assert [(unit["id"], unit["name"], unit["symbol"]) for unit in units] == [
        (1, "Piece", "pc"),
        (2, "Litre", "l"),
        (3, "Kilogram", "kg"),
    ]


def test_a_unit_is_made_and_used(admin: httpx.Client) -> None:
    unit = made(admin.post("/units", json={"name": "Crate", "symbol": "cr"}))["unit"]
    assert_holds(unit, {"id": unit["id"], "name": "Crate", "symbol": "cr"})
    assert shown(admin, "/units")["units"][-1] == unit
    inventory = initialize(admin, register(admin), unit_id=str(unit["id"]))
    assert (inventory["unit_id"], inventory["unit"]) == (unit["id"], unit)


def test_a_units_name_is_taken_once_minding_no_case(admin: httpx.Client, unchanged: Unchanged) -> None:
    made(admin.post("/units", json={"name": "Crate", "symbol": "cr"}))
    with unchanged():
        for name in ("Crate", "CRATE", "piece"):
            assert_problem(admin.post("/units", json={"name": name, "symbol": "x"}), 409, "DUPLICATE_UNIT")
    made(admin.post("/units", json={"name": "Crates", "symbol": "cr"}))


def test_a_supplier_is_made_and_shown(admin: httpx.Client) -> None:
    sent = {
        "name": "Fresh Farm Supplies",
        "business_name": "Fresh Farm Co.",
        "email": "contact@freshfarm.com",
        "phone_number": "+254700000000",
    }
    answer = admin.post("/suppliers", json=sent)
    found = made(answer)["supplier"]
    assert_holds(found, sent | {"id": 1, "created_at": written(NOON), "updated_at": written(NOON)})
    assert answer.headers["Location"] == "/suppliers/1"
    assert shown(admin, "/suppliers/1") == {"supplier": found}
    assert shown(admin, "/suppliers")["suppliers"] == [found]


def test_a_suppliers_email_is_its_own_where_it_has_one(admin: httpx.Client, unchanged: Unchanged) -> None:
    supplier(admin, email="contact@freshfarm.com")
    with unchanged():
        for email in ("contact@freshfarm.com", "Contact@FreshFarm.COM"):
            sent = {"name": "Another", "phone_number": "1", "email": email}
            assert_problem(admin.post("/suppliers", json=sent), 409, "DUPLICATE_SUPPLIER_EMAIL")
    for given in ({}, {"email": None, "business_name": None}):
        found = shown(admin, f"/suppliers/{supplier(admin, **given)}")["supplier"]
        assert (found["business_name"], found["email"]) == (None, None)


# Initializing


def test_quantity_and_reorder_point_may_be_left_out(admin: httpx.Client, database: Database) -> None:
    for sku, given in (("A-1", {}), ("B-1", {"quantity": None, "reorder_point": None})):
        product_id = register(admin, sku)
        answer = admin.post(f"/inventory/{product_id}/initialize", json={"unit_id": LITRE, **given})
        inventory = made(answer)["inventory"]
        assert_holds(inventory, {"quantity": "0.000", "reorder_point": None, "unit_id": 2, "status": "active"})
        assert shown(admin, f"/inventory/{product_id}/movements")["movements"] == []
    database.verify()


def test_the_first_quantity_is_an_arrival(admin: httpx.Client, database: Database) -> None:
    product_id = stocked(admin, quantity="12.5")
    (movement,) = shown(admin, f"/inventory/{product_id}/movements")["movements"]
    assert (movement["kind"], movement["quantity"], movement["actor"]) == ("initial", "12.500", "root")
    assert [layer["remaining"] for layer in valuation(admin, product_id)["layers"]] == ["12.500"]
    database.verify()


def test_an_inventory_is_initialized_once(admin: httpx.Client, unchanged: Unchanged) -> None:
    product_id = stocked(admin, quantity=5)
    with unchanged():
        for sent in ({"unit_id": KILOGRAM, "quantity": 5}, {"unit_id": LITRE}):
            answer = admin.post(f"/inventory/{product_id}/initialize", json=sent)
            assert_problem(answer, 409, "INVENTORY_ALREADY_INITIALIZED")


def test_an_unknown_unit_is_400(admin: httpx.Client, unchanged: Unchanged) -> None:
    product_id = register(admin)
    with unchanged():
        for unit_id in (0, -1, 999, 2**31 - 1):
            answer = admin.post(f"/inventory/{product_id}/initialize", json={"unit_id": unit_id})
            assert_problem(answer, 400, "UNIT_NOT_FOUND", "unit_id")


def test_a_quantity_is_exact_from_end_to_end(admin: httpx.Client) -> None:
    for i, (sent, printed) in enumerate(NUMBERS.items()):
        product_id = register(admin, f"A-{i}")
        text = f'{{"unit_id": 3, "quantity": {sent}, "reorder_point": {sent}}}'
        answers = [
            send(admin, "POST", f"/inventory/{product_id}/initialize", text),
            admin.get(f"/inventory/{product_id}"),
            send(admin, "PATCH", f"/inventory/{product_id}", text),
            send(admin, "PATCH", f"/inventory/{product_id}", f'{{"expected_quantity": {sent}}}'),
        ]
        for answer in answers:
            assert answer.status_code in (200, 201), answer.text
            found = answer.json()["inventory"]
            assert (found["quantity"], found["available"], found["reorder_point"]) == (printed,) * 3, sent


# Updating


def test_what_is_left_out_stays_as_it_is(admin: httpx.Client) -> None:
    product_id = stocked(admin, quantity=50, reorder_point=20)
    for sent, quantity, reorder_point, status in [
        ({"quantity": "60.5"}, "60.500", "20.000", "active"),
        ({"reorder_point": 25}, "60.500", "25.000", "active"),
        ({"status": "inactive"}, "60.500", "25.000", "inactive"),
        ({"quantity": None, "reorder_point": None, "status": None}, "60.500", "25.000", "inactive"),
        ({"quantity": 0, "reorder_point": 0, "status": "active"}, "0.000", "0.000", "active"),
    ]:
        answer = admin.patch(f"/inventory/{product_id}", json=sent)
        assert answer.status_code == 200, answer.text
        found = answer.json()["inventory"]
        assert (found["quantity"], found["reorder_point"], found["status"]) == (quantity, reorder_point, status)
        assert shown(admin, f"/inventory/{product_id}")["inventory"] == found


def test_an_update_of_nothing_changes_nothing(admin: httpx.Client, unchanged: Unchanged) -> None:
    product_id = stocked(admin, quantity=50, reorder_point=20)
    with unchanged():
        for sent in ({}, {"quantity": 50}, {"quantity": "50.000", "reorder_point": 20, "status": "active"}):
            answer = admin.patch(f"/inventory/{product_id}", json=sent)
            assert (answer.status_code, answer.json()["inventory"]["quantity"]) == (200, "50.000")


def test_a_changed_quantity_is_a_movement(admin: httpx.Client, database: Database) -> None:
    product_id = stocked(admin, quantity=50)
    for quantity in (60, "59.5"):
        assert admin.patch(f"/inventory/{product_id}", json={"quantity": quantity}).status_code == 200
    movements = shown(admin, f"/inventory/{product_id}/movements")["movements"]
    assert [(movement["kind"], movement["quantity"], movement["actor"]) for movement in movements[:2]] == [
        ("adjust", "-0.500", "root"),
        ("adjust", "10.000", "root"),
    ]
    found = valuation(admin, product_id)
    assert [(layer["quantity"], layer["remaining"], layer["unit_cost"]) for layer in found["layers"]] == [
        ("50.000", "49.500", None),
        ("10.000", "10.000", None),
    ]
    database.verify()


def test_an_increase_arrives_at_the_products_cost_price(admin: httpx.Client, database: Database) -> None:
    product_id = database.product(p_cost_price="2.5")
    admin.patch(f"/inventory/{product_id}", json={"quantity": 4})
    found = valuation(admin, product_id)
    assert (found["total_value"], found["average_cost"], found["quantity_without_cost"]) == ("10.000", "2.500", "0.000")


def test_a_quantity_other_than_expected_is_409(admin: httpx.Client, unchanged: Unchanged) -> None:
    product_id = stocked(admin, quantity=50)
    with unchanged():
        for expected in ("49.999", 0, "50.001"):
            sent = {"quantity": 60, "reorder_point": 1, "status": "archived", "expected_quantity": expected}
            assert_problem(admin.patch(f"/inventory/{product_id}", json=sent), 409, "QUANTITY_CHANGED")
        # Of a quantity that would stay too.
        answer = admin.patch(f"/inventory/{product_id}", json={"quantity": 50, "expected_quantity": 49})
        assert_problem(answer, 409, "QUANTITY_CHANGED")
    answer = admin.patch(f"/inventory/{product_id}", json={"quantity": 60, "expected_quantity": "50.000"})
    assert (answer.status_code, answer.json()["inventory"]["quantity"]) == (200, "60.000")


# Valuation


def test_the_layers_are_open_ones_oldest_first(admin: httpx.Client, database: Database) -> None:
    product_id, supplier_id = stocked(admin), supplier(admin)
    times = [
        made(buy(admin, product_id, supplier_id, quantity, cost))["purchase_item"]["created_at"]
        for quantity, cost in ((10, 10), (10, 20), ("2.5", "30.002"))
    ]
    made(sell(admin, product_id, 14))
    found = valuation(admin, product_id)
    assert found.keys() >= {"product_id", "quantity", "total_value", "average_cost", "quantity_without_cost", "layers"}
    assert found["product_id"] == product_id
    layers = [
        {
            "id": found["layers"][0]["id"],
            "received_at": times[1],
            "quantity": "10.000",
            "remaining": "6.000",
            "unit_cost": "20.000",
            "remaining_value": "120.000",
        },
        {
            "id": found["layers"][1]["id"],
            "received_at": times[2],
            "quantity": "2.500",
            "remaining": "2.500",
            "unit_cost": "30.002",
            "remaining_value": "75.005",
        },
    ]
    assert found["layers"] == layers
    assert layers[0]["id"] < layers[1]["id"]
    # 195.005 / 8.5
    assert (found["quantity"], found["total_value"], found["average_cost"]) == ("8.500", "195.005", "22.942")
    assert found["quantity_without_cost"] == "0.000"
    database.verify()


def test_units_of_unknown_cost_are_left_out_and_counted(admin: httpx.Client) -> None:
    product_id, supplier_id = stocked(admin, quantity=50), supplier(admin)
    made(buy(admin, product_id, supplier_id, 40, 35))
    found = valuation(admin, product_id)
    assert (found["quantity"], found["quantity_without_cost"]) == ("90.000", "50.000")
    assert (found["total_value"], found["average_cost"]) == ("1400.000", "35.000")
    assert [(layer["unit_cost"], layer["remaining_value"]) for layer in found["layers"]] == [
        (None, None),
        ("35.000", "1400.000"),
    ]
    made(sell(admin, product_id, 60))
    found = valuation(admin, product_id)
    assert (found["quantity"], found["total_value"], found["quantity_without_cost"]) == ("30.000", "1050.000", "0.000")


def test_the_value_of_nothing_is_0_and_its_average_is_null(admin: httpx.Client) -> None:
    product_id, supplier_id = stocked(admin), supplier(admin)
    nothing = {
        "quantity": "0.000",
        "total_value": "0.000",
        "average_cost": None,
        "quantity_without_cost": "0.000",
        "moving_average_cost": None,
        "layers": [],
    }
    assert_holds(valuation(admin, product_id), nothing)
    # Thirds, which no share has exactly.
    made(buy(admin, product_id, supplier_id, "0.003", "333.333"))
    for _ in range(3):
        made(sell(admin, product_id, "0.001"))
    assert_holds(valuation(admin, product_id), nothing)
    made(buy(admin, product_id, supplier_id, 5, 0))
    assert_holds(valuation(admin, product_id), {"total_value": "0.000", "average_cost": "0.000"})


def test_the_moving_average_stands_beside_first_in_first_out(admin: httpx.Client, database: Database) -> None:
    product_id, supplier_id = stocked(admin), supplier(admin)
    for cost in (10, 20):
        made(buy(admin, product_id, supplier_id, 10, cost))
    found = valuation(admin, product_id)
    assert (found["average_cost"], found["moving_average_cost"]) == ("15.000", "15.000")
    sale_id = made(sell(admin, product_id, 10))["sale_item"]["id"]
    found = valuation(admin, product_id)
    assert (found["average_cost"], found["moving_average_cost"]) == ("20.000", "15.000")
    made(give_back(admin, sale_id))
    assert valuation(admin, product_id)["average_cost"] == "15.000"
    database.verify()


def test_a_valuation_as_of_then_is_what_was_shown_then(admin: httpx.Client, database: Database) -> None:
    product_id, supplier_id = stocked(admin, quantity=3), supplier(admin)
    then = [valuation(admin, product_id)]

    def look(answer: httpx.Response) -> Any:
        assert answer.status_code in (200, 201, 204), answer.text
        then.append(valuation(admin, product_id))
        return answer

    look(buy(admin, product_id, supplier_id, 10, "9.999"))
    sale_id = look(sell(admin, product_id, 7)).json()["sale_item"]["id"]
    look(buy(admin, product_id, supplier_id, "2.5", "0.333"))
    look(admin.post(f"/api/v1/inventory/{product_id}/reserveStock", json={"amount": 2}))
    look(give_back(admin, sale_id, 5))
    look(admin.patch(f"/inventory/{product_id}", json={"quantity": 20}))
    look(admin.post(f"/api/v1/inventory/{product_id}/consumeStock", json={"amount": 2}))
    look(sell(admin, product_id, 18))
    assert len({str(found["layers"]) for found in then}) == len(then) - 1, "each but the reservation changed a layer"
    database.advance(timedelta(days=3))
    look(buy(admin, product_id, supplier_id, 1, 1))
    for found in then:
        for as_of in (found["as_of"], f"{found['as_of']}Z", f"{found['as_of']}+00:00"):
            assert valuation(admin, product_id, as_of=as_of) == found
    database.verify()


def test_a_valuation_as_of_an_instant_has_what_moved_at_it(admin: httpx.Client) -> None:
    product_id, supplier_id = stocked(admin), supplier(admin)
    at = instant(made(buy(admin, product_id, supplier_id, 10, 10))["purchase_item"]["created_at"])
    made(sell(admin, product_id, 4))
    assert valuation(admin, product_id, as_of=written(at))["quantity"] == "10.000"
    assert valuation(admin, product_id, as_of=written(at - timedelta(microseconds=1)))["quantity"] == "0.000"
    # The same instant where the clocks say something else.
    for hours in (5.5, -3):
        elsewhere = (at + timedelta(hours=hours)).replace(tzinfo=None).isoformat()
        offset = "+05:30" if hours == 5.5 else "-0300"
        assert valuation(admin, product_id, as_of=elsewhere + offset)["quantity"] == "10.000"


def test_a_valuation_as_of_a_day_is_of_its_end(admin: httpx.Client, database: Database) -> None:
    move_to(database, NOON - timedelta(days=2))
    product_id, supplier_id = stocked(admin), supplier(admin)
    for at, quantity in ((NOON, 1), (NOON + timedelta(hours=11), 2), (NOON + timedelta(hours=13), 4)):
        move_to(database, at)
        made(buy(admin, product_id, supplier_id, quantity, 10))
    for as_of, total in {
        "2030-01-14": "0.000",
        "2030-01-15": "30.000",
        "2030-01-15T23:59:59.999999": "30.000",
        "2030-01-15T12:30": "10.000",
        "2030-01-15 12:30:00": "10.000",
        "2030-01-15T12:30:00-12:00": "30.000",
        "2030-01-16": "70.000",  # today
        "2000-01-01": "0.000",
    }.items():
        assert valuation(admin, product_id, as_of=as_of)["total_value"] == total, as_of
    for future in ("2030-01-17", "2030-01-16T02:00:00", "2030-01-16T00:30:00-01:00", "9999-12-31"):
        answer = admin.get(f"/inventory/{product_id}/valuation", params={"as_of": future})
        assert_problem(answer, 400, "VALIDATION_ERROR", "as_of")
    assert valuation(admin, product_id, as_of="2030-01-16T02:00:00+02:00")["total_value"] == "30.000"


# Movements


def test_a_movement_shows_what_changed(admin: httpx.Client, database: Database) -> None:
    product_id, supplier_id = stocked(admin, quantity=50), supplier(admin)
    bought = made(buy(admin, product_id, supplier_id, 40, 35))["purchase_item"]
    sold = made(sell(admin, product_id, 60))["sale_item"]
    returned = made(give_back(admin, sold["id"], 5, reason="Rotten"))["sale_item"]
    block = admin.post(
        f"/sku/{database.sku_id(product_id)}/temporary-block", json={"quantity": 4, "reason": "Order"}
    ).json()
    admin.post(f"/api/v1/inventory/{product_id}/reserveStock", json={"amount": "0.5"})
    admin.patch(f"/inventory/{product_id}", json={"quantity": 30})
    movements = shown(admin, f"/inventory/{product_id}/movements")["movements"]
    assert [movement["kind"] for movement in movements] == [
        "adjust",
        "reserve",
        "block",
        "return",
        "sale",
        "purchase",
        "initial",
    ]
    assert [movement["id"] for movement in movements] == sorted((m["id"] for m in movements), reverse=True)
    for movement in movements:
        assert movement["created_at"] == movement["occurred_at"]
        assert (movement["actor"], instant(movement["created_at"]).tzinfo) == ("root", UTC)
    by_kind = {movement["kind"]: movement for movement in movements}
    for kind, on_hand, reserved, blocked, reference, reason in [
        ("initial", ("0.000", "50.000"), ("0.000",) * 2, ("0.000",) * 2, None, None),
        ("purchase", ("50.000", "90.000"), ("0.000",) * 2, ("0.000",) * 2, str(bought["id"]), None),
        ("sale", ("90.000", "30.000"), ("0.000",) * 2, ("0.000",) * 2, str(sold["id"]), None),
        ("return", ("30.000", "35.000"), ("0.000",) * 2, ("0.000",) * 2, str(returned["id"]), "Rotten"),
        ("block", ("35.000", "35.000"), ("0.000",) * 2, ("0.000", "4.000"), block["block_id"], "Order"),
        ("reserve", ("35.000", "35.000"), ("0.000", "0.500"), ("4.000",) * 2, None, None),
        ("adjust", ("35.000", "30.000"), ("0.500",) * 2, ("4.000",) * 2, None, None),
    ]:
        found = by_kind[kind]
        assert (found["on_hand_before"], found["on_hand_after"]) == on_hand, kind
        assert (found["reserved_before"], found["reserved_after"]) == reserved, kind
        assert (found["blocked_before"], found["blocked_after"]) == blocked, kind
        assert (found["reference"], found["reason"]) == (reference, reason), kind
    quantities = [movement["quantity"] for movement in movements]
    assert quantities == ["-5.000", "0.000", "0.000", "5.000", "-60.000", "40.000", "50.000"]
    assert by_kind["sale"]["created_at"] == sold["created_at"]
    assert balances(admin, product_id) == ("30.000", "0.500", "4.000", "25.500")


def test_an_expired_block_ended_at_its_expiry(admin: httpx.Client, database: Database) -> None:
    product_id = stocked(admin, quantity=5)
    block = admin.post(f"/sku/{database.sku_id(product_id)}/temporary-block", json={"quantity": 5}).json()
    database.advance(timedelta(hours=1))
    made(sell(admin, product_id, 1))
    movement = shown(admin, f"/inventory/{product_id}/movements")["movements"][1]
    assert (movement["kind"], movement["reference"]) == ("expire", block["block_id"])
    assert movement["occurred_at"] == block["expires_at"].removesuffix("Z")
    assert movement["created_at"] > movement["occurred_at"]


def test_movements_are_of_one_product(admin: httpx.Client) -> None:
    first, second = stocked(admin, "A-1", 1), stocked(admin, "B-1", 2)
    made(sell(admin, first, 1))
    assert len(shown(admin, f"/inventory/{first}/movements")["movements"]) == 2
    assert len(shown(admin, f"/inventory/{second}/movements?product_id={first}")["movements"]) == 1


def test_a_valuation_of_now_is_what_its_as_of_answers_later(admin: httpx.Client, database: Database) -> None:
    """Although a sale is being made whose instant is of before."""
    product_id = database.product(quantity=10, p_cost_price=1)
    seller = database.connect()
    with seller.transaction():
        seller.execute("select inventory.record_sale(%s, 4, 1)", [product_id])
        shown = admin.get(f"/inventory/{product_id}/valuation").json()["valuation"]
        assert shown["quantity"] == "10.000"
    later = admin.get(f"/inventory/{product_id}/valuation", params={"as_of": shown["as_of"]}).json()["valuation"]
    assert later == shown
    assert admin.get(f"/inventory/{product_id}/valuation").json()["valuation"]["quantity"] == "6.000"
