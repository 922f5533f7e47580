"""API 1: SKUs and temporary blocks."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest

from tests.conftest import Database
from tests.http.conftest import Shared, send
from tests.http.document import exact

Unchanged = Callable[[], AbstractContextManager[None]]

INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z")
SAMPLE = {"sku_code": "ABC123", "name": "Wireless Headphones", "quantity": 100, "price": 99.99}
NOBODY = "550e8400-e29b-41d4-a716-446655440000"


def instant(text: str) -> datetime:
    assert INSTANT.fullmatch(text), text
    return datetime.fromisoformat(text)


def written(at: datetime) -> str:
    """As the samples write a time."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def tomorrow_noon() -> datetime:
    return (datetime.now(UTC) + timedelta(days=1)).replace(hour=12, minute=0, second=0, microsecond=0)


def create_sku(client: httpx.Client, code: str = "A-1", quantity: Any = 100) -> str:
    answer = client.post("/sku", json={"sku_code": code, "name": "A", "quantity": quantity, "price": 1})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["sku_id"])


def block(client: httpx.Client, sku_id: str, quantity: Any = 5, **others: Any) -> dict[str, Any]:
    answer = client.post(f"/sku/{sku_id}/temporary-block", json={"quantity": quantity, **others})
    assert answer.status_code == 200, answer.text
    made: dict[str, Any] = answer.json()
    return made


def stock(client: httpx.Client, sku_id: str) -> tuple[Any, Any, Any, Any]:
    """(on hand, reserved, blocked, available) as GET /sku/{sku_id} has them."""
    sku = client.get(f"/sku/{sku_id}").json()
    return sku["quantity"], sku["reserved"], sku["blocked"], sku["available"]


def assert_refused(answer: httpx.Response, status: int, code: str) -> None:
    """A business error as API 1 writes it."""
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert body["code"] == code
    assert isinstance(body["detail"], str)
    assert body["detail"]


def assert_invalid(answer: httpx.Response, *loc: Any, error: str | None = None) -> dict[str, Any]:
    """FastAPI's 422 with one error at loc (of that type); returns it."""
    assert answer.status_code == 422, answer.text
    entries = answer.json()["detail"]
    for entry in entries:
        assert entry.keys() >= {"type", "loc", "msg", "input"}
        assert entry["loc"][0] in ("body", "path", "query", "header")
        assert entry["msg"].startswith("Value error, ") == (entry["type"] == "value_error"), entry
    (found,) = [entry for entry in entries if entry["loc"] == list(loc)]
    assert error is None or found["type"] == error, found
    return dict(found)


def test_one_sku_code_however_its_accents_were_typed(client: httpx.Client) -> None:
    sku_id = create_sku(client, "cafe\u0301")
    assert client.get(f"/sku/{sku_id}").json()["sku_code"] == "caf\u00e9"
    for code in ("caf\u00e9", "cafe\u0301"):
        answer = client.post("/sku", json={"sku_code": code, "name": "A", "quantity": 1, "price": 1})
        assert_refused(answer, 409, "DUPLICATE_SKU")


# Making a SKU


def test_create_sku_as_in_the_sample(client: httpx.Client) -> None:
    answer = client.post("/sku", json=SAMPLE)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("application/json")
    body = exact(answer.text)
    assert body.keys() >= {"sku_id", "sku_code", "name", "quantity", "price", "created_at"}
    assert (body["sku_code"], body["name"]) == ("ABC123", "Wireless Headphones")
    assert (body["quantity"], type(body["quantity"])) == (100, int)
    assert body["price"] == Decimal("99.99")
    assert str(uuid.UUID(body["sku_id"])) == body["sku_id"]
    assert abs(instant(body["created_at"]) - datetime.now(UTC)) < timedelta(minutes=1)


QUANTITIES = {
    "0": "0",
    "100": "100",
    '"100"': "100",
    "100.000": "100",
    "1.5": "1.5",
    '"1.5"': "1.5",
    "0.001": "0.001",
    "1e3": "1000",
    '"1e3"': "1000",
    "0.1": "0.1",
    "999999999.999": "999999999.999",
}
PRICES = {
    "0": "0",
    "100": "100",
    "99.99": "99.99",
    '"99.99"': "99.99",
    "99.990": "99.99",
    "0.1": "0.1",
    "12345678901234567890.123": "12345678901234567890.123",
    '"99999999999999999999"': "99999999999999999999",
}


def test_a_quantity_is_printed_as_it_is(client: httpx.Client) -> None:
    for i, (sent, printed) in enumerate(QUANTITIES.items()):
        body = f'{{"sku_code": "A-{i}", "name": "A", "quantity": {sent}, "price": 1}}'
        answer = send(client, "POST", "/sku", body)
        assert answer.status_code == 200, answer.text
        for text in (answer.text, client.get(f"/sku/{answer.json()['sku_id']}").text):
            assert str(exact(text)["quantity"]) == printed, sent


def test_a_price_is_printed_as_it_is_and_becomes_the_retail_price(client: httpx.Client) -> None:
    for i, (sent, printed) in enumerate(PRICES.items()):
        body = f'{{"sku_code": "A-{i}", "name": "A", "quantity": 1, "price": {sent}}}'
        answer = send(client, "POST", "/sku", body)
        assert answer.status_code == 200, answer.text
        sku_id = answer.json()["sku_id"]
        others = client.get(f"/sku/{sku_id}"), client.get(f"/api/v1/inventory/{sku_id}")
        for text in (answer.text, *(other.text for other in others)):
            assert str(exact(text)["price"]) == printed, sent


@pytest.mark.parametrize(
    ("field", "value", "error"),
    [
        ("sku_code", "null", "string_type"),
        ("sku_code", "true", "string_type"),
        ("sku_code", "5", "string_type"),
        ("sku_code", '""', "string_too_short"),
        ("sku_code", '" A"', None),
        ("sku_code", '"A "', None),
        ("sku_code", '"A\\nB"', None),
        ("sku_code", '"A\\u200bB"', None),
        ("sku_code", f'"{"x" * 65}"', "string_too_long"),
        ("sku_code", '"A\\u0000B"', None),
        ("sku_code", '"\\ud800"', "string_unicode"),
        ("name", "null", "string_type"),
        ("name", "5", "string_type"),
        ("name", "[]", "string_type"),
        ("name", '""', "string_too_short"),
        ("name", '"  "', None),
        ("name", f'"{"x" * 256}"', "string_too_long"),
        ("name", '"A\\u0000"', None),
        ("name", '"\\udfff\\ud800"', "string_unicode"),
        ("quantity", "null", "decimal_type"),
        ("quantity", "true", "decimal_type"),
        ("quantity", "false", "decimal_type"),
        ("quantity", "[]", "decimal_type"),
        ("quantity", "{}", "decimal_type"),
        ("quantity", '""', "decimal_parsing"),
        ("quantity", '"abc"', "decimal_parsing"),
        ("quantity", '" 5"', "decimal_parsing"),
        ("quantity", '"1_000"', "decimal_parsing"),
        ("quantity", '"1,5"', "decimal_parsing"),
        ("quantity", '"\\u0663"', "decimal_parsing"),
        ("quantity", '"0x10"', "decimal_parsing"),
        ("quantity", '"NaN"', None),
        ("quantity", '"Infinity"', None),
        ("quantity", "-1", "greater_than_equal"),
        ("quantity", "-0.001", "greater_than_equal"),
        ("quantity", '"-1"', "greater_than_equal"),
        ("quantity", "1.2345", "decimal_max_places"),
        ("quantity", "1000000000", "decimal_whole_digits"),
        ("quantity", "999999999.9999", None),
        ("quantity", "1e400", None),
        ("quantity", "1e999999999", None),
        ("quantity", "1e-999999999", None),
        ("quantity", "9" * 4000, None),
        ("price", "null", "decimal_type"),
        ("price", "true", "decimal_type"),
        ("price", '""', "decimal_parsing"),
        ("price", '"abc"', "decimal_parsing"),
        ("price", "-1", "greater_than_equal"),
        ("price", "0.0001", "decimal_max_places"),
        ("price", "1" + "0" * 20, "decimal_whole_digits"),
        ("price", '"1e999999999"', None),
    ],
)
def test_create_sku_refuses_a_bad_value(shared: Shared, field: str, value: str, error: str | None) -> None:
    fields = {"sku_code": '"B-1"', "name": '"B"', "quantity": "1", "price": "1"} | {field: value}
    body = "{" + ", ".join(f'"{name}": {item}' for name, item in fields.items()) + "}"
    assert_invalid(send(shared.client, "POST", "/sku", body), "body", field, error=error)


@pytest.mark.parametrize("number", ["1e99999999999999999999", "-1e-99999999999999999999", "0e99999999999999999999"])
@pytest.mark.parametrize("field", ["quantity", "unknown"])
def test_a_number_beyond_all_bounds_is_an_error_wherever_it_stands(shared: Shared, field: str, number: str) -> None:
    body = f'{{"sku_code": "B-1", "name": "B", "price": 1, "quantity": 1, "{field}": {number}}}'
    assert send(shared.client, "POST", "/sku", body).status_code == 422


@pytest.mark.parametrize("field", SAMPLE)
def test_create_sku_refuses_a_missing_field(shared: Shared, field: str) -> None:
    sent = {name: value for name, value in SAMPLE.items() if name != field}
    found = assert_invalid(shared.client.post("/sku", json=sent), "body", field, error="missing")
    assert found["input"] == sent


def test_every_bad_field_is_named_at_once(shared: Shared) -> None:
    answer = shared.client.post("/sku", json={"sku_code": "", "quantity": -1, "price": "abc"})
    assert [entry["loc"][1] for entry in answer.json()["detail"]] == ["sku_code", "name", "quantity", "price"]


def test_the_input_is_shown_as_it_was_sent(shared: Shared) -> None:
    answer = send(
        shared.client, "POST", "/sku", '{"sku_code": "A", "name": 0.1, "quantity": -99.99, "price": "-99.990"}'
    )
    inputs = {entry["loc"][1]: entry["input"] for entry in exact(answer.text)["detail"]}
    assert inputs == {"name": Decimal("0.1"), "quantity": Decimal("-99.99"), "price": "-99.990"}


ROUTES_WITH_A_BODY = [
    "/sku",
    "/sku/{sku_id}/temporary-block",
    "/temporary-blocks",
    "/temporary-blocks/{block_id}/convert-to-permanent",
    "/temporary-blocks/{block_id}/cancel",
    "/temporary-blocks/{block_id}/extend",
]


@pytest.mark.parametrize("path", ROUTES_WITH_A_BODY)
@pytest.mark.parametrize("body", ["[]", "[{}]", '"abc"', '""', "1", "1.5", "0", "true", "false", "1e999999999"])
def test_a_body_that_is_no_object_is_refused(shared: Shared, path: str, body: str) -> None:
    assert_invalid(send(shared.client, "POST", shared.path(path), body), "body", error="model_attributes_type")


@pytest.mark.parametrize("path", ROUTES_WITH_A_BODY)
@pytest.mark.parametrize(
    "body",
    [
        "{",
        "{'a': 1}",
        '{"a": 1,}',
        '{"quantity": NaN}',
        '{"quantity": Infinity}',
        '{"quantity": -Infinity}',
        '{"quantity": 01}',
        "abc",
        "{} {}",
        b'{"reason": "\xff"}',
        '{"reason": "\n"}',
        '{"quantity": ' + "9" * 5000 + "}",
        "[" * 100_000,
    ],
)
def test_a_body_that_is_no_json_is_refused(shared: Shared, path: str, body: str | bytes) -> None:
    answer = send(shared.client, "POST", shared.path(path), body)
    assert answer.status_code == 422
    (entry,) = answer.json()["detail"]
    assert entry["type"] == "json_invalid"
    assert entry["loc"][0] == "body"
    assert isinstance(entry["loc"][1], int)


@pytest.mark.parametrize("depth", [100, 400, 700, 850, 900, 925, 950, 975, 1000, 2000, 100_000])
@pytest.mark.parametrize(
    "form", ["%s", '{"sku_code": %s}', '{"sku_code": "A-1", "name": "A", "quantity": -1, "x": %s}']
)
def test_a_deep_body_is_an_error_like_another(shared: Shared, depth: int, form: str) -> None:
    answer = send(
        shared.client, "POST", "/sku", form % ("[" * depth + "]" * depth), **{"Idempotency-Key": f"deep-{depth}"}
    )
    assert answer.status_code == 422
    assert answer.json()["detail"][0].keys() >= {"type", "loc", "msg", "input"}


@pytest.mark.parametrize("body", ["", "  ", "null", "{}"])
def test_no_body_lacks_every_required_field(shared: Shared, body: str) -> None:
    answer = send(shared.client, "POST", "/sku", body)
    assert answer.status_code == 422
    assert {entry["type"] for entry in answer.json()["detail"]} == {"missing"}
    assert {entry["loc"][0] for entry in answer.json()["detail"]} == {"body"}


def test_unknown_fields_and_doubled_keys_do_no_harm(client: httpx.Client, database: Database) -> None:
    body = (
        '{"sku_code": "X", "sku_code": "A-1", "name": "A", "quantity": 1, "price": 1, "actor": "mallory",'
        ' "p_quantity": 7, "sku_id": 3, "\\ud800": "\\u0000"}'
    )
    answer = send(client, "POST", "/sku?actor=mallory&quantity=9", body)
    assert answer.status_code == 200
    assert answer.json()["sku_code"] == "A-1"
    assert database.rows("select actor, on_hand_after from store.movement") == [("anonymous", 1)]


def test_a_sku_code_is_taken_once_and_case_counts(client: httpx.Client, unchanged: Unchanged) -> None:
    client.post("/sku", json=SAMPLE)
    with unchanged():
        assert_refused(client.post("/sku", json=SAMPLE | {"name": "Another"}), 409, "DUPLICATE_SKU")
    assert client.post("/sku", json=SAMPLE | {"sku_code": "abc123"}).status_code == 200


def test_a_sku_code_is_any_printable_text(client: httpx.Client) -> None:
    for code in ("x" * 64, "A B", "\N{EURO SIGN}", "\N{GRINNING FACE}", "%_\\'\"{}<>"):
        sku_id = create_sku(client, code)
        assert client.get(f"/sku/{sku_id}").json()["sku_code"] == code


# Showing a SKU


def test_a_sku_shows_its_stock_and_its_active_blocks(client: httpx.Client) -> None:
    made = client.post("/sku", json=SAMPLE).json()
    sku_id = made["sku_id"]
    blocks = [block(client, sku_id, quantity) for quantity in (5, 2.5)]
    client.post(f"/api/v1/inventory/{sku_id}/reserveStock", json={"amount": 10})
    sku = exact(client.get(f"/sku/{sku_id}").text)
    assert (sku["sku_id"], sku["sku_code"], sku["name"]) == (sku_id, "ABC123", "Wireless Headphones")
    assert (sku["quantity"], sku["reserved"], sku["price"]) == (100, 10, Decimal("99.99"))
    assert (sku["blocked"], sku["available"]) == (Decimal("7.5"), Decimal("82.5"))
    assert sku["created_at"] == made["created_at"]
    assert [b["block_id"] for b in sku["blocks"]] == [b["block_id"] for b in blocks]
    assert [b["quantity"] for b in sku["blocks"]] == [5, Decimal("2.5")]


def test_a_sku_without_a_price_shows_null(client: httpx.Client, database: Database) -> None:
    assert client.get(f"/sku/{database.sku_id(database.product())}").json()["price"] is None


PATHS_WITH_AN_ID = [
    ("GET", "/sku/{}", {}, "sku_id", "PRODUCT_NOT_FOUND"),
    ("POST", "/sku/{}/temporary-block", {"quantity": 1}, "sku_id", "PRODUCT_NOT_FOUND"),
    ("POST", "/temporary-blocks/{}/convert-to-permanent", {}, "block_id", "BLOCK_NOT_FOUND"),
    ("POST", "/temporary-blocks/{}/cancel", {}, "block_id", "BLOCK_NOT_FOUND"),
    ("POST", "/temporary-blocks/{}/extend", {"expires_at": written(tomorrow_noon())}, "block_id", "BLOCK_NOT_FOUND"),
]


@pytest.mark.parametrize(("method", "path", "body", "name", "code"), PATHS_WITH_AN_ID)
def test_an_unknown_id_is_404(
    shared: Shared, method: str, path: str, body: dict[str, Any], name: str, code: str
) -> None:
    wrong_kind = shared.world.block_id if name == "sku_id" else shared.world.sku_id
    for unknown in (NOBODY, str(uuid.UUID(int=0)), wrong_kind):
        assert_refused(shared.client.request(method, path.format(unknown), json=body), 404, code)


@pytest.mark.parametrize("bad", ["abc", "1", "-1", "550e8400-e29b-41d4-a716-44665544000", "%20", "%00", "%ff", "None"])
@pytest.mark.parametrize(("method", "path", "body", "name", "code"), PATHS_WITH_AN_ID)
def test_a_malformed_id_is_422(
    shared: Shared, method: str, path: str, body: dict[str, Any], name: str, code: str, bad: str
) -> None:
    answer = shared.client.request(method, path.format(bad), json=body)
    assert_invalid(answer, "path", name, error="uuid_parsing")


@pytest.mark.parametrize(("method", "path", "body", "name", "code"), PATHS_WITH_AN_ID)
def test_an_id_minds_no_case(
    shared: Shared, method: str, path: str, body: dict[str, Any], name: str, code: str
) -> None:
    answer = shared.client.request(method, path.format(NOBODY.upper()), json=body)
    assert_refused(answer, 404, code)


# Blocking


def test_block_as_in_the_sample(client: httpx.Client) -> None:
    sku_id = create_sku(client)
    sent = {"quantity": 5, "reason": "Order processing", "expires_at": written(tomorrow_noon())}
    answer = client.post(f"/sku/{sku_id}/temporary-block", json=sent)
    assert answer.status_code == 200
    body = answer.json()
    assert body.keys() >= {"block_id", "sku_id", "quantity", "reason", "status", "expires_at", "created_at"}
    assert {name: body[name] for name in sent} == sent
    assert type(body["quantity"]) is int
    assert (body["sku_id"], body["status"]) == (sku_id, "active")
    assert str(uuid.UUID(body["block_id"])) == body["block_id"]
    assert abs(instant(body["created_at"]) - datetime.now(UTC)) < timedelta(minutes=1)
    assert stock(client, sku_id) == (100, 0, 5, 95)


def test_a_time_without_an_offset_is_utc_and_one_with_is_converted(client: httpx.Client) -> None:
    noon, sku_id = tomorrow_noon(), create_sku(client)
    for form, offset in {
        "%Y-%m-%dT%H:%M:%S": 0,
        "%Y-%m-%dT%H:%M:%S.000": 0,
        "%Y-%m-%d %H:%M:%S": 0,
        "%Y-%m-%dT%H:%M:%S+00:00": 0,
        "%Y-%m-%dT%H:%M:%S+02:00": 2,
        "%Y-%m-%dT%H:%M:%S-05:00": -5,
    }.items():
        made = block(client, sku_id, expires_at=noon.strftime(form))
        assert made["expires_at"] == written(noon - timedelta(hours=offset)), form


def test_a_fraction_of_a_second_is_kept(client: httpx.Client) -> None:
    expires_at = tomorrow_noon().strftime("%Y-%m-%dT%H:%M:%S.123456Z")
    assert block(client, create_sku(client), expires_at=expires_at)["expires_at"] == expires_at


@pytest.mark.parametrize("given", [{}, {"expires_at": None, "reason": None}])
def test_a_block_lasts_15_minutes_by_default_and_has_no_reason(client: httpx.Client, given: dict[str, Any]) -> None:
    made = block(client, create_sku(client), **given)
    assert instant(made["expires_at"]) - instant(made["created_at"]) == timedelta(minutes=15)
    assert made["reason"] is None


def test_the_default_duration_is_a_setting_in_the_database(client: httpx.Client, database: Database) -> None:
    database.rows("select maintenance.configure(p_block_duration => '2 hours')")
    made = block(client, create_sku(client))
    assert instant(made["expires_at"]) - instant(made["created_at"]) == timedelta(hours=2)


def test_no_block_lasts_longer_than_30_days(client: httpx.Client, unchanged: Unchanged) -> None:
    sku_id = create_sku(client)
    longest = datetime.now(UTC) + timedelta(days=30)
    block(client, sku_id, expires_at=written(longest - timedelta(minutes=1)))
    with unchanged():
        answer = client.post(
            f"/sku/{sku_id}/temporary-block",
            json={"quantity": 1, "expires_at": written(longest + timedelta(minutes=1))},
        )
        assert_invalid(answer, "body", "expires_at")


def test_the_longest_duration_is_a_setting_in_the_database(client: httpx.Client, database: Database) -> None:
    database.rows("select maintenance.configure(p_block_duration_maximum => '1 hour')")
    answer = client.post(
        f"/sku/{create_sku(client)}/temporary-block", json={"quantity": 1, "expires_at": written(tomorrow_noon())}
    )
    assert_invalid(answer, "body", "expires_at")


BAD_TIMES = [
    "true",
    '""',
    '"abc"',
    "[]",
    "{}",
    '"now"',
    '"tomorrow"',
    '"infinity"',
    '"2020-01-01T00:00:00Z"',
    '"0001-01-01T00:00:00+14:00"',
    '"9999-12-31T23:59:59Z"',
    '"9999-12-31T23:59:59-14:00"',
    '"2100-02-29T00:00:00Z"',
    '"2100-13-01T00:00:00Z"',
    '"2100-01-01T25:00:00Z"',
    '"20100-01-01T00:00:00Z"',
    "0",
    "-1",
    "1e20",
    "1e400",
    "1e999999999",
    "-1e999999999",
    "1e-999999999",
    "9" * 4000,
    '"\\u0000"',
    '"\\ud800"',
]


@pytest.mark.parametrize("value", BAD_TIMES)
@pytest.mark.parametrize("path", ["/sku/{sku_id}/temporary-block", "/temporary-blocks/{block_id}/extend"])
def test_a_bad_end_is_refused(shared: Shared, path: str, value: str) -> None:
    answer = send(shared.client, "POST", shared.path(path), f'{{"quantity": 1, "expires_at": {value}}}')
    assert_invalid(answer, "body", "expires_at")


def test_a_bad_end_in_a_call_of_many_lines_is_refused(shared: Shared) -> None:
    sent = {"items": [{"sku_id": shared.world.sku_id, "quantity": 1}], "expires_at": "2020-01-01T00:00:00Z"}
    found = assert_invalid(shared.client.post("/temporary-blocks", json=sent), "body", "expires_at")
    assert found["input"] == "2020-01-01T00:00:00Z"


BAD_POSITIVE_QUANTITIES = ["0", "-1", "true", '""', '"abc"', "[]", "1.2345", "0.0001", "1000000000", '"NaN"', "1e999"]


@pytest.mark.parametrize("value", ["null", *BAD_POSITIVE_QUANTITIES])
def test_a_bad_quantity_of_a_block_is_refused(shared: Shared, value: str) -> None:
    answer = send(shared.client, "POST", shared.path("/sku/{sku_id}/temporary-block"), f'{{"quantity": {value}}}')
    assert_invalid(answer, "body", "quantity")


def test_a_block_without_a_quantity_is_refused(shared: Shared) -> None:
    answer = shared.client.post(shared.path("/sku/{sku_id}/temporary-block"), json={"reason": "x"})
    assert_invalid(answer, "body", "quantity", error="missing")


@pytest.mark.parametrize("value", ["5", "true", "[]", '"\\u0000"', '"\\ud800"', f'"{"x" * 1001}"'])
@pytest.mark.parametrize(
    "path", ["/sku/{sku_id}/temporary-block", *(path for path in ROUTES_WITH_A_BODY if path.endswith(("t", "l")))]
)
def test_a_bad_reason_is_refused(shared: Shared, path: str, value: str) -> None:
    answer = send(shared.client, "POST", shared.path(path), f'{{"quantity": 1, "reason": {value}}}')
    assert_invalid(answer, "body", "reason")


def test_no_more_than_is_available_can_be_blocked(client: httpx.Client, unchanged: Unchanged) -> None:
    sku_id = create_sku(client)
    client.post(f"/api/v1/inventory/{sku_id}/reserveStock", json={"amount": 10})
    block(client, sku_id, 5)
    with unchanged():
        answer = client.post(f"/sku/{sku_id}/temporary-block", json={"quantity": "85.001"})
        assert_refused(answer, 409, "INSUFFICIENT_STOCK")
    block(client, sku_id, 85)
    assert stock(client, sku_id) == (100, 10, 90, 0)


def test_the_paths_id_counts_and_not_the_bodys(client: httpx.Client) -> None:
    sku_id, other = create_sku(client, "A-1"), create_sku(client, "A-2")
    answer = client.post(f"/sku/{sku_id}/temporary-block", json={"quantity": 5, "sku_id": other})
    assert answer.json()["sku_id"] == sku_id
    assert stock(client, other) == (100, 0, 0, 100)


# Listing


def test_the_list_as_in_the_sample(client: httpx.Client) -> None:
    sku_id = create_sku(client, "ABC123")
    made = block(client, sku_id, 5, reason="Order processing", expires_at=written(tomorrow_noon()))
    product_id = client.get(f"/api/v1/inventory/{sku_id}").json()["id"]
    answer = client.get("/temporary-blocks")
    assert answer.status_code == 200
    named = {"sku_code": "ABC123", "product_id": product_id, "name": "A", "unit": "pc"}
    assert answer.json() == {"blocks": [made | named], "total": 1}


def test_an_empty_list(client: httpx.Client) -> None:
    assert client.get("/temporary-blocks").json() == {"blocks": [], "total": 0}


def test_the_list_has_all_active_blocks_oldest_first(client: httpx.Client) -> None:
    skus = [create_sku(client, code) for code in ("A-1", "A-2")]
    made = [block(client, skus[i % 2], 1)["block_id"] for i in range(12)]
    client.post(f"/temporary-blocks/{made.pop(3)}/cancel")
    client.post(f"/temporary-blocks/{made.pop(5)}/convert-to-permanent")
    listed = client.get("/temporary-blocks").json()
    assert [b["block_id"] for b in listed["blocks"]] == made
    assert listed["total"] == 10


def test_a_list_of_too_many_is_refused(client: httpx.Client, database: Database) -> None:
    """Without a limit it would be an answer of megabytes, and beyond a million no total can be counted in time."""
    database.lower("http.list_blocks", 1000000, to=4)
    database.lower("http.list_blocks", 10000, to=2)
    skus = [create_sku(client, code) for code in ("A-1", "A-2")]
    made = [block(client, skus[0], 1)["block_id"] for _ in range(3)]
    assert_invalid(client.get("/temporary-blocks"), "query", "limit", error="value_error")
    listed = client.get("/temporary-blocks", params={"limit": 2}).json()
    assert ([b["block_id"] for b in listed["blocks"]], listed["total"]) == (made[:2], 3)
    for _ in range(2):
        block(client, skus[1], 1)
    assert_invalid(client.get("/temporary-blocks", params={"limit": 2}), "query", "sku_id", error="value_error")
    assert client.get("/temporary-blocks", params={"sku_id": skus[1]}).json()["total"] == 2
    client.post(f"/temporary-blocks/{made[0]}/cancel")
    assert client.get("/temporary-blocks", params={"limit": 2}).json()["total"] == 4


def test_the_list_of_one_sku(client: httpx.Client) -> None:
    skus = [create_sku(client, code) for code in ("A-1", "A-2")]
    made = [block(client, sku_id, 1)["block_id"] for sku_id in (*skus, *skus)]
    listed = client.get("/temporary-blocks", params={"sku_id": skus[1].upper()}).json()
    assert ([b["block_id"] for b in listed["blocks"]], listed["total"]) == (made[1::2], 2)
    assert client.get("/temporary-blocks", params={"sku_id": NOBODY}).json() == {"blocks": [], "total": 0}


def test_pages_of_the_list_by_limit_and_after(client: httpx.Client) -> None:
    skus = [create_sku(client, code) for code in ("A-1", "A-2")]
    made = [block(client, skus[i % 2], 1)["block_id"] for i in range(10)]
    seen: list[str] = []
    parameters: dict[str, Any] = {"limit": 2, "sku_id": skus[0]}
    while page := client.get("/temporary-blocks", params=parameters).json():
        assert page["total"] == 5, "total does not mind after"
        if not page["blocks"]:
            break
        assert len(page["blocks"]) <= 2
        seen += [b["block_id"] for b in page["blocks"]]
        parameters["after"] = seen[-1]
    assert seen == made[::2]


def test_after_a_block_that_ended(client: httpx.Client) -> None:
    sku_id = create_sku(client)
    made = [block(client, sku_id, 1)["block_id"] for _ in range(3)]
    client.post(f"/temporary-blocks/{made[0]}/cancel")
    listed = client.get("/temporary-blocks", params={"after": made[0]}).json()
    assert [b["block_id"] for b in listed["blocks"]] == made[1:]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("limit", value) for value in ("0", "-1", "1001", "abc", "1.5", "1e999", "true", "9" * 5000, "\x00")),
        *((name, value) for name in ("after", "sku_id") for value in ("abc", "1", "\x00", "null")),
    ],
)
def test_a_bad_parameter_of_the_list_is_refused(shared: Shared, name: str, value: str) -> None:
    assert_invalid(shared.client.get("/temporary-blocks", params={name: value}), "query", name)


def test_unknown_parameters_are_ignored(shared: Shared) -> None:
    parameters = {"page": "x", "actor": "y", "p_limit": "0"}
    assert shared.client.get("/temporary-blocks", params=parameters).json()["total"] == 1


# Converting and cancelling

ENDS = [("convert-to-permanent", "converted", "converted_at"), ("cancel", "cancelled", "cancelled_at")]


@pytest.mark.parametrize(("end", "status", "at"), ENDS)
def test_end_a_block_as_in_the_sample(client: httpx.Client, end: str, status: str, at: str) -> None:
    sku_id = create_sku(client)
    made = block(client, sku_id, 5, reason="Order processing")
    answer = client.post(f"/temporary-blocks/{made['block_id']}/{end}", json={"reason": "Order - SKU ABC123"})
    assert answer.status_code == 200
    body = answer.json()
    assert body.keys() >= {"block_id", "status", at, "reason"}
    assert (body["block_id"], body["status"], body["reason"]) == (made["block_id"], status, "Order - SKU ABC123")
    assert instant(body[at]) >= instant(made["created_at"])
    assert stock(client, sku_id) == ((95, 0, 0, 95) if status == "converted" else (100, 0, 0, 100))
    assert client.get("/temporary-blocks").json()["total"] == 0


NO_BODIES: list[dict[str, Any]] = [
    {},
    {"content": b""},
    {"content": b"", "headers": {"Content-Type": "application/json"}},
    {"content": b"", "headers": {"Content-Type": "text/plain"}},
    {"content": [b""]},
    {"json": {}},
    {"content": b"null", "headers": {"Content-Type": "application/json"}},
    {"json": {"reason": None}},
    {"json": {"unknown": 1}},
]


@pytest.mark.parametrize(("end", "status", "at"), ENDS)
def test_the_body_may_be_left_out(client: httpx.Client, end: str, status: str, at: str) -> None:
    sku_id = create_sku(client)
    for body in NO_BODIES:
        made = block(client, sku_id)
        answer = client.post(f"/temporary-blocks/{made['block_id']}/{end}", **body)
        assert answer.status_code == 200, f"{body}: {answer.text}"
        assert (answer.json()["status"], answer.json()["reason"]) == (status, None)
        assert at in answer.json()


def test_convert_a_part_returns_the_rest(client: httpx.Client) -> None:
    sku_id = create_sku(client)
    made = block(client, sku_id, 5)
    answer = client.post(f"/temporary-blocks/{made['block_id']}/convert-to-permanent", json={"quantity": "1.5"})
    assert answer.status_code == 200
    assert answer.json()["status"] == "converted"
    assert stock(client, sku_id) == (98.5, 0, 0, 98.5)
    assert client.get("/temporary-blocks").json()["total"] == 0


def test_no_more_can_be_converted_than_the_block_holds(client: httpx.Client, unchanged: Unchanged) -> None:
    sku_id = create_sku(client)
    path = f"/temporary-blocks/{block(client, sku_id, 5)['block_id']}/convert-to-permanent"
    with unchanged():
        assert_refused(client.post(path, json={"quantity": 5.001}), 409, "BLOCK_QUANTITY_EXCEEDED")
    assert client.post(path, json={"quantity": 5}).status_code == 200
    assert stock(client, sku_id) == (95, 0, 0, 95)


@pytest.mark.parametrize("value", BAD_POSITIVE_QUANTITIES)
def test_a_bad_quantity_to_convert_is_refused(shared: Shared, value: str) -> None:
    path = shared.path("/temporary-blocks/{block_id}/convert-to-permanent")
    assert_invalid(send(shared.client, "POST", path, f'{{"quantity": {value}}}'), "body", "quantity")


@pytest.mark.parametrize(
    ("first", "code"), [("convert-to-permanent", "BLOCK_CONVERTED"), ("cancel", "BLOCK_CANCELLED")]
)
@pytest.mark.parametrize("second", ["convert-to-permanent", "cancel", "extend"])
def test_a_block_ends_once(client: httpx.Client, unchanged: Unchanged, first: str, second: str, code: str) -> None:
    path = f"/temporary-blocks/{block(client, create_sku(client))['block_id']}"
    assert client.post(f"{path}/{first}").status_code == 200
    with unchanged():
        answer = client.post(f"{path}/{second}", json={"expires_at": written(tomorrow_noon())})
        assert_refused(answer, 409, code)


# Blocks that expire


@pytest.mark.parametrize("swept", [False, True])
@pytest.mark.parametrize("end", ["convert-to-permanent", "cancel", "extend"])
def test_an_expired_block_stays_expired(
    client: httpx.Client, database: Database, unchanged: Unchanged, end: str, swept: bool
) -> None:
    made = block(client, create_sku(client))
    database.advance(timedelta(minutes=15, seconds=1))
    if swept:
        assert database.one("select maintenance.expire_blocks()") == 1
    with unchanged():
        answer = client.post(
            f"/temporary-blocks/{made['block_id']}/{end}", json={"expires_at": written(tomorrow_noon())}
        )
        assert_refused(answer, 409, "BLOCK_EXPIRED")


@pytest.mark.parametrize("swept", [False, True])
def test_an_expired_block_is_in_no_list_and_its_units_are_free(
    client: httpx.Client, database: Database, swept: bool
) -> None:
    sku_id = create_sku(client)
    block(client, sku_id, 60)
    lasting = block(client, sku_id, 40, expires_at=written(tomorrow_noon()))
    database.advance(timedelta(minutes=15, seconds=1))
    if swept:
        assert database.one("select maintenance.expire_blocks()") == 1
    for parameters in ({}, {"sku_id": sku_id}):
        listed = client.get("/temporary-blocks", params=parameters).json()
        assert ([b["block_id"] for b in listed["blocks"]], listed["total"]) == ([lasting["block_id"]], 1)
    assert [b["block_id"] for b in client.get(f"/sku/{sku_id}").json()["blocks"]] == [lasting["block_id"]]
    assert stock(client, sku_id) == (100, 0, 40, 60)
    assert client.get(f"/api/v1/inventory/{sku_id}").json()["availableStock"] == 60
    block(client, sku_id, 60)
    assert stock(client, sku_id) == (100, 0, 100, 0)
    database.verify()


# Extending


def test_extend_moves_the_end(client: httpx.Client, database: Database) -> None:
    sku_id = create_sku(client)
    made = block(client, sku_id, 5, reason="Order processing")
    answer = client.post(f"/temporary-blocks/{made['block_id']}/extend", json={"expires_at": written(tomorrow_noon())})
    assert answer.status_code == 200
    assert answer.json() == made | {"expires_at": written(tomorrow_noon())}
    database.advance(timedelta(minutes=16))
    assert client.get("/temporary-blocks").json()["total"] == 1
    assert client.post(f"/temporary-blocks/{made['block_id']}/cancel").status_code == 200


@pytest.mark.parametrize("body", ["", "{}", '{"expires_at": null}'])
def test_extend_needs_an_end(shared: Shared, body: str) -> None:
    path = shared.path("/temporary-blocks/{block_id}/extend")
    assert_invalid(send(shared.client, "POST", path, body), "body", "expires_at")


def test_30_days_count_from_the_creation(client: httpx.Client, database: Database, unchanged: Unchanged) -> None:
    start = datetime.now(UTC)
    made = block(client, create_sku(client), expires_at=written(start + timedelta(days=20)))
    path = f"/temporary-blocks/{made['block_id']}/extend"
    last = instant(made["created_at"]) + timedelta(days=30)
    database.advance(timedelta(days=10))
    with unchanged():
        answer = client.post(path, json={"expires_at": written(last + timedelta(seconds=1))})
        assert_invalid(answer, "body", "expires_at")
    assert client.post(path, json={"expires_at": written(last)}).status_code == 200


# Many lines in one call


def test_many_lines_make_a_block_each(client: httpx.Client) -> None:
    skus = [create_sku(client, code) for code in ("A-1", "A-2")]
    sent: dict[str, Any] = {
        "items": [
            {"sku_id": skus[1], "quantity": 1.5},
            {"sku_id": skus[0], "quantity": "2"},
            {"sku_id": skus[1], "quantity": 3},
        ],
        "reason": "Basket",
        "expires_at": written(tomorrow_noon()),
    }
    answer = client.post("/temporary-blocks", json=sent)
    assert answer.status_code == 200
    body = exact(answer.text)
    assert body.keys() >= {"blocks", "total"}
    assert body["total"] == 3
    assert [(b["sku_id"], str(b["quantity"])) for b in body["blocks"]] == [
        (skus[1], "1.5"),
        (skus[0], "2"),
        (skus[1], "3"),
    ]
    for made in body["blocks"]:
        assert made.keys() >= {"block_id", "sku_id", "quantity", "reason", "status", "expires_at", "created_at"}
        assert (made["reason"], made["status"], made["expires_at"]) == ("Basket", "active", sent["expires_at"])
    assert stock(client, skus[1]) == (100, 0, 4.5, 95.5)
    listed = client.get("/temporary-blocks").json()["blocks"]
    assert [b["block_id"] for b in listed] == [b["block_id"] for b in body["blocks"]]


def test_lines_of_one_sku_count_together_and_it_is_all_or_nothing(client: httpx.Client, unchanged: Unchanged) -> None:
    skus = [create_sku(client, code) for code in ("A-1", "A-2")]
    items = [{"sku_id": sku_id, "quantity": 60} for sku_id in (skus[1], skus[0], skus[1])]
    with unchanged():
        assert_refused(client.post("/temporary-blocks", json={"items": items}), 409, "INSUFFICIENT_STOCK")
    assert client.post("/temporary-blocks", json={"items": items[:2]}).json()["total"] == 2


def test_an_unknown_sku_in_a_line_is_404_and_leaves_nothing(shared: Shared) -> None:
    items = [{"sku_id": shared.world.sku_id, "quantity": 1}, {"sku_id": NOBODY, "quantity": 1}]
    assert_refused(shared.client.post("/temporary-blocks", json={"items": items}), 404, "PRODUCT_NOT_FOUND")


def test_a_call_has_1_to_100_lines(client: httpx.Client, unchanged: Unchanged) -> None:
    line = {"sku_id": create_sku(client, quantity=1000), "quantity": 1}
    with unchanged():
        assert_invalid(client.post("/temporary-blocks", json={"items": []}), "body", "items", error="too_short")
        assert_invalid(
            client.post("/temporary-blocks", json={"items": [line] * 101}), "body", "items", error="too_long"
        )
    assert client.post("/temporary-blocks", json={"items": [line] * 100}).json()["total"] == 100


@pytest.mark.parametrize(
    ("items", "loc"),
    [
        ("null", ()),
        ("{}", ()),
        ('"abc"', ()),
        ("5", ()),
        ("1.5", ()),
        ("true", ()),
        ("[null]", (0,)),
        ("[5]", (0,)),
        ("[[]]", (0,)),
        ('["abc"]', (0,)),
        ("[1.5]", (0,)),
        ("[{}]", (0, "sku_id")),
        ("[{}]", (0, "quantity")),
        ('[{"sku_id": "%s"}]', (0, "quantity")),
        ('[{"sku_id": "%s", "quantity": 0}]', (0, "quantity")),
        ('[{"sku_id": "%s", "quantity": null}]', (0, "quantity")),
        ('[{"sku_id": "%s", "quantity": 1.2345}]', (0, "quantity")),
        ('[{"sku_id": "%s", "quantity": 1}, {"sku_id": "abc", "quantity": 1}]', (1, "sku_id")),
        ('[{"sku_id": null, "quantity": 1}]', (0, "sku_id")),
        ('[{"sku_id": 5, "quantity": 1}]', (0, "sku_id")),
    ],
)
def test_a_bad_line_is_refused(shared: Shared, items: str, loc: tuple[Any, ...]) -> None:
    answer = send(
        shared.client, "POST", "/temporary-blocks", f'{{"items": {items.replace("%s", shared.world.sku_id)}}}'
    )
    assert_invalid(answer, "body", "items", *loc)


def test_many_lines_need_items(shared: Shared) -> None:
    assert_invalid(shared.client.post("/temporary-blocks", json={}), "body", "items", error="missing")


# An inventory that is not active


@pytest.mark.parametrize("status", ["inactive", "archived"])
def test_an_inventory_that_is_not_active_takes_no_block_but_what_is_promised_may_finish(
    client: httpx.Client, database: Database, unchanged: Unchanged, status: str
) -> None:
    sku_id = create_sku(client)
    blocks = [block(client, sku_id, quantity)["block_id"] for quantity in (1, 2, 3)]
    database.admin.execute("update store.stock set status = %s", [status])
    with unchanged():
        answer = client.post(f"/sku/{sku_id}/temporary-block", json={"quantity": 1})
        assert_refused(answer, 409, "INVENTORY_NOT_ACTIVE")
        answer = client.post("/temporary-blocks", json={"items": [{"sku_id": sku_id, "quantity": 1}]})
        assert_refused(answer, 409, "INVENTORY_NOT_ACTIVE")
    assert client.post(f"/temporary-blocks/{blocks[0]}/convert-to-permanent").status_code == 200
    assert client.post(f"/temporary-blocks/{blocks[1]}/convert-to-permanent", json={"quantity": 1}).status_code == 200
    assert client.post(f"/temporary-blocks/{blocks[2]}/cancel").status_code == 200
    assert stock(client, sku_id) == (98, 0, 0, 98)
    database.verify()
