"""API 2: stock operations."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest

from tests.conftest import Database
from tests.http.conftest import Shared, send
from tests.http.document import exact

Unchanged = Callable[[], AbstractContextManager[None]]

SAMPLE = {"sku": "ABC123", "name": "Wireless Headphones", "description": "Black", "price": 99.99, "stock": 100}
KEYS = {
    "id",
    "sku",
    "name",
    "description",
    "price",
    "availableStock",
    "reservedStock",
    "blockedStock",
    "onHandStock",
}
OPERATIONS = ["addStock", "reserveStock", "releaseStock", "consumeStock"]
NOBODY = "550e8400-e29b-41d4-a716-446655440000"


def create(client: httpx.Client, **fields: Any) -> dict[str, Any]:
    answer = client.post("/api/v1/inventory", json=SAMPLE | fields)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def do(client: httpx.Client, product_id: Any, operation: str, amount: Any) -> httpx.Response:
    return client.post(f"/api/v1/inventory/{product_id}/{operation}", json={"amount": amount})


def stock(client: httpx.Client, product_id: Any) -> tuple[Any, Any, Any, Any]:
    """(on hand, reserved, blocked, available) as the API shows them."""
    item = exact(client.get(f"/api/v1/inventory/{product_id}").text)
    return item["onHandStock"], item["reservedStock"], item["blockedStock"], item["availableStock"]


def assert_done(answer: httpx.Response) -> None:
    """204 and nothing else."""
    assert answer.status_code == 204, answer.text
    assert answer.content == b""
    assert "Content-Type" not in answer.headers


def assert_problem(answer: httpx.Response, status: int, code: str | None = None, field: str | None = None) -> None:
    """RFC 9457, with this field at fault (None: with none)."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    body = answer.json()
    for name in ("type", "title", "detail", "code"):
        assert isinstance(body[name], str)
        assert body[name]
    assert body["status"] == status
    assert code is None or body["code"] == code
    if field is None:
        assert "errors" not in body
    else:
        assert field in body["errors"]
        for sentences in body["errors"].values():
            assert sentences
            assert all(isinstance(sentence, str) for sentence in sentences)
            assert not any(sentence.startswith("Value error, ") for sentence in sentences)  # pydantic's words


# The four operations


def test_the_life_of_an_order(client: httpx.Client, database: Database) -> None:
    product_id = create(client)["id"]
    for operation, amount, after in [
        ("addStock", 50, (150, 0, 0, 150)),
        ("reserveStock", 5, (150, 5, 0, 145)),
        ("consumeStock", 3, (147, 2, 0, 145)),
        ("releaseStock", 2, (147, 0, 0, 147)),
    ]:
        assert_done(do(client, product_id, operation, amount))
        assert stock(client, product_id) == after
    database.verify()


@pytest.mark.parametrize("operation", OPERATIONS)
def test_the_id_is_the_integer_or_the_uuid(client: httpx.Client, operation: str) -> None:
    made = create(client)
    do(client, made["id"], "reserveStock", 50)
    for reference in (made["id"], made["sku_id"], made["sku_id"].upper(), f"00{made['id']}"):
        before = stock(client, reference)
        assert_done(do(client, reference, operation, 1))
        assert stock(client, made["id"]) != before


AMOUNTS = {
    "1.5": "101.5",
    '"1.5"': "101.5",
    "0.001": "100.001",
    "1e2": "200",
    "0.1": "100.1",
    '"99.990"': "199.99",
    "999999899.999": "999999999.999",
}


def test_an_amount_is_exact(client: httpx.Client) -> None:
    for i, (sent, after) in enumerate(AMOUNTS.items()):
        product_id = create(client, sku=f"A-{i}")["id"]
        assert_done(send(client, "POST", f"/api/v1/inventory/{product_id}/addStock", f'{{"amount": {sent}}}'))
        assert str(stock(client, product_id)[0]) == after, sent


@pytest.mark.parametrize("amount", [0, "0", "0.000"])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_amount_of_0_does_nothing_and_still_knows_its_product(shared: Shared, operation: str, amount: Any) -> None:
    for reference in (shared.world.product_id, shared.world.sku_id):
        assert_done(do(shared.client, reference, operation, amount))
    for unknown in (999, 0, NOBODY):
        assert_problem(do(shared.client, unknown, operation, amount), 404, "PRODUCT_NOT_FOUND")


@pytest.mark.parametrize("unknown", [0, 999, 10**18 - 1, NOBODY, str(uuid.UUID(int=0))])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_unknown_product_is_404(shared: Shared, operation: str, unknown: Any) -> None:
    assert_problem(do(shared.client, unknown, operation, 1), 404, "PRODUCT_NOT_FOUND")


MALFORMED = [
    "abc",
    "-1",
    "1.0",
    "+1",
    "1e3",
    "%20",
    "%00",
    "%ff",
    "%0a1",
    "1%0a",
    "%D9%A1",
    "1" * 30,
    NOBODY[:-1],
    "null",
]


@pytest.mark.parametrize("bad", MALFORMED)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_malformed_id_is_400(shared: Shared, operation: str, bad: str) -> None:
    assert_problem(do(shared.client, bad, operation, 1), 400, field="id")


@pytest.mark.parametrize(
    "value",
    [
        "null",
        "true",
        "false",
        '""',
        '"abc"',
        '" 5"',
        '"1_000"',
        '"NaN"',
        '"Infinity"',
        "[]",
        "{}",
        "-1",
        "-0.001",
        '"-1"',
        "1.2345",
        "1000000000",
        "1e400",
        "1e999999999",
        '"\\u0000"',
        '"\\ud800"',
    ],
)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_bad_amount_is_400(shared: Shared, operation: str, value: str) -> None:
    path = f"/api/v1/inventory/{shared.world.product_id}/{operation}"
    answer = send(shared.client, "POST", path, f'{{"amount": {value}}}')
    assert_problem(answer, 400, "VALIDATION_ERROR", "amount")


@pytest.mark.parametrize("body", ["{}", "", "null", '{"Amount": 1}', '{"quantity": 1}'])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_missing_amount_is_400(shared: Shared, operation: str, body: str) -> None:
    answer = send(shared.client, "POST", f"/api/v1/inventory/{shared.world.product_id}/{operation}", body)
    assert_problem(answer, 400, "VALIDATION_ERROR", "amount")


@pytest.mark.parametrize("body", ["{", "abc", '{"amount": NaN}', '{"amount": 01}', "{} {}", b"\xff", "[" * 100_000])
@pytest.mark.parametrize("path", [*(f"/{{id}}/{operation}" for operation in OPERATIONS), ""])
def test_a_body_that_is_no_json_is_400(shared: Shared, path: str, body: str | bytes) -> None:
    answer = send(shared.client, "POST", shared.path(f"/api/v1/inventory{path}"), body)
    assert_problem(answer, 400, "INVALID_JSON")


@pytest.mark.parametrize("body", ["[]", '"abc"', "1", "1.5", "true"])
@pytest.mark.parametrize("path", [*(f"/{{id}}/{operation}" for operation in OPERATIONS), ""])
def test_a_body_that_is_no_object_is_400(shared: Shared, path: str, body: str) -> None:
    answer = send(shared.client, "POST", shared.path(f"/api/v1/inventory{path}"), body)
    assert_problem(answer, 400, "VALIDATION_ERROR")


def test_no_more_than_is_available_can_be_reserved(client: httpx.Client, unchanged: Unchanged) -> None:
    made = create(client)
    client.post(f"/sku/{made['sku_id']}/temporary-block", json={"quantity": 60})
    with unchanged():
        assert_problem(do(client, made["id"], "reserveStock", "40.001"), 409, "INSUFFICIENT_STOCK")
    assert_done(do(client, made["id"], "reserveStock", 40))
    assert stock(client, made["id"]) == (100, 40, 60, 0)


def test_units_of_an_expired_block_can_be_reserved(client: httpx.Client, database: Database) -> None:
    made = create(client)
    client.post(f"/sku/{made['sku_id']}/temporary-block", json={"quantity": 60})
    database.advance(timedelta(minutes=16))
    assert stock(client, made["id"]) == (100, 0, 0, 100)
    assert_done(do(client, made["id"], "reserveStock", 100))


@pytest.mark.parametrize("operation", ["releaseStock", "consumeStock"])
def test_no_more_than_is_reserved_can_be_released_or_consumed(
    client: httpx.Client, unchanged: Unchanged, operation: str
) -> None:
    product_id = create(client)["id"]
    do(client, product_id, "reserveStock", 5)
    with unchanged():
        assert_problem(do(client, product_id, operation, "5.001"), 409, "INSUFFICIENT_RESERVED")
    assert_done(do(client, product_id, operation, 5))
    with unchanged():
        assert_problem(do(client, product_id, operation, "0.001"), 409, "INSUFFICIENT_RESERVED")


def test_a_balance_past_its_limit_is_an_out_of_range_field(client: httpx.Client, unchanged: Unchanged) -> None:
    product_id = create(client, stock="0.001")["id"]
    with unchanged():
        answer = do(client, product_id, "addStock", "999999999.999")
        assert_problem(answer, 400, "QUANTITY_OUT_OF_RANGE", "amount")
    assert_done(do(client, product_id, "addStock", "999999999.998"))


@pytest.mark.parametrize("status", ["inactive", "archived"])
def test_an_inventory_that_is_not_active_takes_nothing_new_but_what_is_promised_may_finish(
    client: httpx.Client, database: Database, unchanged: Unchanged, status: str
) -> None:
    product_id = create(client)["id"]
    do(client, product_id, "reserveStock", 10)
    database.admin.execute("update store.stock set status = %s", [status])
    with unchanged():
        for operation in ("addStock", "reserveStock"):
            assert_problem(do(client, product_id, operation, 1), 409, "INVENTORY_NOT_ACTIVE")
    assert_done(do(client, product_id, "consumeStock", 4))
    assert_done(do(client, product_id, "releaseStock", 6))
    assert stock(client, product_id) == (96, 0, 0, 96)


def test_unknown_fields_are_ignored(client: httpx.Client, database: Database) -> None:
    product_id = create(client)["id"]
    path = f"/api/v1/inventory/{product_id}/addStock?amount=7&x=1"
    assert_done(client.post(path, json={"amount": 1, "actor": "mallory", "id": 5, "p_amount": 9, "reason": "x"}))
    newest = database.rows("select actor, on_hand_after from store.movement order by id desc limit 1")
    assert newest == [("anonymous", 101)]


# Creating


def test_create_answers_201_with_its_location(client: httpx.Client) -> None:
    answer = client.post("/api/v1/inventory", json=SAMPLE)
    assert answer.status_code == 201
    assert answer.headers["Content-Type"].startswith("application/json")
    body = exact(answer.text)
    assert body.keys() >= KEYS
    assert {name: body[name] for name in ("sku", "name", "description")} == {
        name: SAMPLE[name] for name in ("sku", "name", "description")
    }
    assert (type(body["id"]), body["price"]) == (int, Decimal("99.99"))
    assert [body[name] for name in ("availableStock", "reservedStock", "blockedStock", "onHandStock")] == [
        100,
        0,
        0,
        100,
    ]
    assert all(type(body[name]) is int for name in body if name.endswith("Stock"))
    assert str(uuid.UUID(body["sku_id"])) == body["sku_id"]
    assert answer.headers["Location"] == f"/api/v1/inventory/{body['id']}"
    assert exact(client.get(answer.headers["Location"]).text) == body


@pytest.mark.parametrize("given", [{}, {"description": None, "stock": None}])
def test_description_and_stock_may_be_left_out(client: httpx.Client, given: dict[str, Any]) -> None:
    answer = client.post("/api/v1/inventory", json={"sku": "A-1", "name": "A", "price": "5.50", **given})
    assert answer.status_code == 201
    body = exact(answer.text)
    assert (body["description"], body["onHandStock"], body["price"]) == (None, 0, Decimal("5.5"))


@pytest.mark.parametrize("field", ["sku", "name", "price"])
def test_sku_name_and_price_are_required(shared: Shared, field: str) -> None:
    sent = {name: value for name, value in SAMPLE.items() if name != field}
    for body in (sent, sent | {field: None}):
        answer = shared.client.post("/api/v1/inventory", json=body)
        assert_problem(answer, 400, "VALIDATION_ERROR", field)
        assert list(answer.json()["errors"]) == [field]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("sku", value) for value in ("5", "true", '""', '" A"', f'"{"x" * 65}"', '"A\\n"', '"\\u0000"', '"\\ud800"')),
        *(("name", value) for value in ("5", "[]", '""', '"  "', f'"{"x" * 256}"', '"\\u0000"', '"\\ud800"')),
        *(("description", value) for value in ("5", "{}", '"\\u0000"', '"\\ud800"')),
        *(("price", value) for value in ("true", '""', '"abc"', "-1", "0.0001", "1" + "0" * 20, "1e999999999", "[]")),
        *(("stock", value) for value in ("true", '""', '"abc"', "-1", "0.0001", "1000000000", "1e999999999", "[]")),
    ],
)
def test_create_refuses_a_bad_value(shared: Shared, field: str, value: str) -> None:
    fields = {"sku": '"B-1"', "name": '"B"', "price": "1"} | {field: value}
    body = "{" + ", ".join(f'"{name}": {item}' for name, item in fields.items()) + "}"
    answer = send(shared.client, "POST", "/api/v1/inventory", body)
    assert_problem(answer, 400, "VALIDATION_ERROR", field)
    assert list(answer.json()["errors"]) == [field]


def test_a_sku_is_taken_once_whichever_api_took_it(client: httpx.Client, unchanged: Unchanged) -> None:
    client.post("/sku", json={"sku_code": "ABC123", "name": "A", "quantity": 1, "price": 1})
    with unchanged():
        assert_problem(client.post("/api/v1/inventory", json=SAMPLE), 409, "DUPLICATE_SKU")
    create(client, sku="abc123")
    with unchanged():
        answer = client.post("/sku", json={"sku_code": "abc123", "name": "A", "quantity": 1, "price": 1})
        assert (answer.status_code, answer.json()["code"]) == (409, "DUPLICATE_SKU")


def test_a_price_is_an_exact_number(client: httpx.Client) -> None:
    for i, price in enumerate(("0", "99.99", "0.1", "0.001", "12345678901234567890.123")):
        answer = send(client, "POST", "/api/v1/inventory", f'{{"sku": "A-{i}", "name": "A", "price": {price}}}')
        assert str(exact(answer.text)["price"]) == price
        assert str(exact(client.get(answer.headers["Location"]).text)["price"]) == price


# Showing and listing


def test_a_product_of_another_api_is_here_too(client: httpx.Client) -> None:
    sku = client.post("/sku", json={"sku_code": "A-1", "name": "A", "quantity": 2.5, "price": 99.99}).json()
    client.post(f"/sku/{sku['sku_id']}/temporary-block", json={"quantity": 1})
    item = exact(client.get(f"/api/v1/inventory/{sku['sku_id']}").text)
    assert item.keys() >= KEYS
    assert (item["sku"], item["sku_id"], item["price"]) == ("A-1", sku["sku_id"], Decimal("99.99"))
    assert (item["onHandStock"], item["blockedStock"], item["availableStock"]) == (Decimal("2.5"), 1, Decimal("1.5"))
    assert exact(client.get(f"/api/v1/inventory/{item['id']}").text) == item


def test_get_an_unknown_or_malformed_id(shared: Shared) -> None:
    for unknown in (0, 999, 10**18 - 1, NOBODY):
        assert_problem(shared.client.get(f"/api/v1/inventory/{unknown}"), 404, "PRODUCT_NOT_FOUND")
    for bad in MALFORMED:
        assert_problem(shared.client.get(f"/api/v1/inventory/{bad}"), 400, field="id")


def test_the_list_is_an_array_in_order_of_id(client: httpx.Client) -> None:
    assert client.get("/api/v1/inventory").json() == []
    made = [create(client, sku=sku) for sku in ("B", "A", "C")]
    do(client, made[1]["id"], "reserveStock", 5)
    answer = client.get("/api/v1/inventory")
    assert answer.status_code == 200
    assert [item["id"] for item in answer.json()] == sorted(item["id"] for item in made)
    assert answer.json() == [client.get(f"/api/v1/inventory/{item['id']}").json() for item in made]


def test_pages_of_the_list_by_limit_and_after(client: httpx.Client) -> None:
    made = [create(client, sku=f"A-{i}")["id"] for i in range(5)]
    assert [item["id"] for item in client.get("/api/v1/inventory?limit=2").json()] == made[:2]
    assert [item["id"] for item in client.get(f"/api/v1/inventory?limit=2&after={made[1]}").json()] == made[2:4]
    assert client.get(f"/api/v1/inventory?after={made[-1]}").json() == []
    assert len(client.get("/api/v1/inventory?page=x&p_limit=1&actor=y").json()) == 5


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("limit", value) for value in ("0", "-1", "abc", "1.5", "true", "1e999", "9" * 5000, "\x00")),
        *(("after", value) for value in ("abc", "1.5", "true", "9" * 20, NOBODY, "\x00")),
    ],
)
def test_a_bad_parameter_of_the_list_is_400(shared: Shared, name: str, value: str) -> None:
    answer = shared.client.get("/api/v1/inventory", params={name: value})
    assert_problem(answer, 400, "VALIDATION_ERROR", name)
