"""API 4: the document's samples, what an order's fields may be, what an order does, and many orders in one call."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import httpx
import pytest

from tests.conftest import Database, Server
from tests.http.art import (
    COUNTS,
    LOCATIONS,
    MISFORMED,
    ORDER,
    ORDERS,
    A,
    B,
    C,
    adding,
    adjusting,
    assert_error,
    assert_insufficient,
    assert_literal,
    counting,
    done,
    held,
    moving,
    order,
    place,
    removing,
    trail,
)
from tests.http.conftest import Shared, send
from tests.http.pricing import balances, made, sell, shown, valuation
from tests.http.test_idempotency import assert_replay
from tests.http.test_sku import assert_invalid

Unchanged = Callable[[], AbstractContextManager[None]]

KINDS = ["Add", "Remove", "Transfer", "Count", "Adjust"]
MEDIA = {"Content-Type": "application/json"}
AT = "2025-04-15T14:30:25.123456"

# The document's orders, and what it shows of them.
ADD = order("Add", 50, "4711M-50B", to_location="RACK-A1-01", reason="Restocking")
REMOVE = order("Remove", 20, "4711M-50B", from_location="RACK-A1-01", reason="Damaged goods")
TRANSFER = order(
    "Transfer",
    30,
    "4711M-50B",
    from_location="RACK-A1-01",
    to_location="RACK-B2-02",
    reason="Reorganizing inventory",
)
ADDED = {
    "status": "success",
    "message": "Successfully added 50 units of SKU 4711M-50B to location RACK-A1-01",
    "operation_type": "Add",
    "sku": "4711M-50B",
    "quantity": 50,
    "to_location": "RACK-A1-01",
    "reason": "Restocking",
    "operation_id": 12345,
    "timestamp": "2025-04-15T14:30:25.123456",
}
REMOVED = {
    "status": "success",
    "message": "Successfully removed 20 units of SKU 4711M-50B from location RACK-A1-01",
    "operation_type": "Remove",
    "sku": "4711M-50B",
    "quantity": 20,
    "from_location": "RACK-A1-01",
    "reason": "Damaged goods",
    "operation_id": 12346,
    "timestamp": "2025-04-15T14:35:12.654321",
}
TRANSFERRED = {
    "status": "success",
    "message": "Successfully transferred 30 units of SKU 4711M-50B from location RACK-A1-01 to location RACK-B2-02",
    "operation_type": "Transfer",
    "sku": "4711M-50B",
    "quantity": 30,
    "from_location": "RACK-A1-01",
    "to_location": "RACK-B2-02",
    "reason": "Reorganizing inventory",
    "operation_id": 12347,
    "timestamp": "2025-04-15T14:40:18.987654",
}


@pytest.fixture
def sample(database: Database) -> int:
    """The document's product."""
    return database.product("4711M-50B")


@pytest.fixture
def product(database: Database) -> int:
    """A-1, of which nothing is there yet."""
    return database.product("A-1", p_cost_price="2.5")


def by_kind(kind: str, **others: Any) -> dict[str, Any]:
    """A good order of the type, of 5 between A and B."""
    places = {"Remove": {"from_location": A}, "Transfer": {"from_location": A, "to_location": B}}
    return order(kind, 5, **{**places.get(kind, {"to_location": A}), **others})


# The samples, in the document's order


def test_add_remove_and_transfer_as_in_the_samples(client: httpx.Client, sample: int, database: Database) -> None:
    ids = []
    for sent, wanted in ((ADD, ADDED), (REMOVE, REMOVED), (TRANSFER, TRANSFERRED)):
        answer = place(client, sent)
        assert answer.status_code == 200
        assert answer.headers["Content-Type"].startswith("application/json")
        assert_literal(answer.json(), wanted)
        ids.append(answer.json()["operation_id"])
    assert ids == sorted(set(ids))
    assert held(client, "4711M-50B") == {"RACK-B2-02": 30}
    assert [entry["operation_id"] for entry in trail(client)] == ids[::-1]
    database.verify()


def test_what_is_not_given_is_not_shown(client: httpx.Client, sample: int) -> None:
    for given in ({}, {"reason": None}):
        for sent, wanted in ((ADD, ADDED), (REMOVE, REMOVED), (TRANSFER, TRANSFERRED)):
            without = {name: value for name, value in sent.items() if name != "reason"} | given
            found = done(client, without)
            assert_literal(found, {name: value for name, value in wanted.items() if name != "reason"})


def test_an_unknown_sku_as_in_the_sample(client: httpx.Client, sample: int, unchanged: Unchanged) -> None:
    wanted = {
        "detail": {
            "status": "error",
            "message": "SKU NONEXISTENT-SKU does not exist in the products table",
            "error_code": "INVALID_SKU",
            "timestamp": "2025-04-15T14:45:30.123456",
        }
    }
    with unchanged():
        for sent in (ADD, REMOVE, TRANSFER, ADD | {"type": "Count"}, ADD | {"sufficient_stock": False}):
            answer = place(client, sent | {"sku": "NONEXISTENT-SKU"})
            assert answer.status_code == 404
            assert_literal(answer.json(), wanted)


INSUFFICIENT = {
    "detail": {
        "status": "error",
        "message": "Insufficient stock of SKU 4711M-50B at location RACK-A1-01",
        "error_code": "INSUFFICIENT_STOCK",
        "timestamp": "2025-04-15T14:50:25.654321",
    }
}


def test_insufficient_stock_as_in_the_sample(client: httpx.Client, sample: int, unchanged: Unchanged) -> None:
    done(client, ADD | {"quantity": 19})
    with unchanged():
        for sent in (REMOVE, TRANSFER):
            answer = place(client, sent)
            assert answer.status_code == 400
            detail = answer.json()["detail"]
            assert detail.pop("held") == 19
            assert_literal({"detail": detail}, INSUFFICIENT)


def test_validation_errors_as_in_the_samples(client: httpx.Client, sample: int, unchanged: Unchanged) -> None:
    without = {"type": "Add", "sku": "4711M-50B", "quantity": 50}
    malformed = without | {"to_location": "INVALID-LOCATION"}
    message = "Value error, to_location is required for Add operations"
    missing = {"type": "value_error", "loc": ["body"], "msg": message, "input": without}
    form = {"type": "value_error", "loc": ["body", "to_location"], "msg": MISFORMED, "input": malformed}
    with unchanged():
        for sent, wanted in ((without, missing), (malformed, form)):
            answer = place(client, sent)
            assert answer.status_code == 422
            assert_literal(answer.json(), {"detail": [wanted]})


def test_a_server_error_as_in_the_sample(server: Server, sample: int, database: Database) -> None:
    database.admin.execute("alter table store.art_operation add constraint secret_rule check (quantity <> 50)")
    # Not a client that holds answers to the document: no document promises this one.
    client = Server.client(server)
    before = database.counts()
    for path, sent in ((ORDER, ADD), (ORDERS, {"orders": [ADD]}), (ORDERS, {"orders": [ADD], "atomic": True})):
        answer = client.post(path, json=sent)
        assert answer.status_code == 500
        message = answer.json()["detail"]["message"]
        assert message.startswith("Server error: ")
        assert "secret_rule" not in message
        detail = {"status": "error", "message": message, "error_code": "SERVER_ERROR", "timestamp": AT}
        assert_literal(answer.json(), {"detail": detail})
    # The order, its movement and its audit row stand or fall together.
    assert database.counts() == before


def test_health_as_in_the_sample(shared: Shared) -> None:
    wanted = {
        "status": "healthy",
        "message": "ART Orders API endpoints are available",
        "timestamp": "2025-04-15T15:00:00.123456",
    }
    for client in (shared.client, shared.public, shared.admin):
        answer = client.get("/api/v1/art-orders-health")
        assert answer.status_code == 200
        assert_literal(answer.json(), wanted)


# What a field may be: each value as JSON, and pydantic's name of the error

NO_INTEGER = {
    "true": "int_type",
    "false": "int_type",
    "null": "int_type",
    "[]": "int_type",
    "{}": "int_type",
    "1.5": "int_from_float",
    "0.999": "int_from_float",
    '"1.5"': "int_parsing",
    '""': "int_parsing",
    '"abc"': "int_parsing",
    '" 5"': "int_parsing",
    '"1_000"': "int_parsing",
    '"\\u0665"': "int_parsing",
    "1e400": "int_parsing_size",
    "-1e400": "int_parsing_size",
}
NO_TEXT = {"null": "string_type", "5": "string_type", "true": "string_type", "[]": "string_type", "{}": "string_type"}
NO_LOCATION = {"5": "string_type", "true": "string_type", "[]": "string_type", '"\\u0000"': "string_nul"} | {
    json.dumps(code): "value_error"
    for code in (
        "",
        "INVALID-LOCATION",
        "rack-A1-01",
        "RACK-a1-01",
        "RACK-A1-1",
        "RACK-A1-001",
        "RACK-A12-01",
        "RACK-AA-01",
        "RACK-11-01",
        "RACK-A1_01",
        "RACKA1-01",
        "XRACK-A1-01",
        "RACK-A1-01X",
        "RACK-A1-01\n",
        " RACK-A1-01",
        "RACK-A1-01 ",
        "RACK-\N{LATIN CAPITAL LETTER A WITH DIAERESIS}1-01",
        "RACK-A\N{ARABIC-INDIC DIGIT ONE}-01",
    )
}
NO_KIND = ("null", "5", '""', '"add"', '"ADD"', '"Add "', '"Move"', "[]", "true")
BAD: dict[str, dict[str, str]] = {
    "type": dict.fromkeys(NO_KIND, "literal_error"),
    "sku": NO_TEXT
    | {'""': "string_too_short", f'"{"x" * 51}"': "string_too_long", '"\\u0000"': "string_nul"}
    | {
        json.dumps(sku): "string_pattern_mismatch"
        for sku in ("A 1", " A-1", "A-1 ", "A-1\n", "A.1", "A/1", "A%1", "'", "\N{LATIN SMALL LETTER E WITH ACUTE}")
    },
    "quantity": NO_INTEGER
    | dict.fromkeys(("0", '"0"', "-1", "-0", "-5", "-1000000", "-1000001", "-1" + "0" * 25), "greater_than_equal")
    | dict.fromkeys(("1000001", '"1000001"', "1" + "0" * 25, "1e7"), "less_than_equal"),
    "from_location": NO_LOCATION,
    "to_location": NO_LOCATION,
    "reason": {name: error for name, error in NO_TEXT.items() if name != "null"}
    | {f'"{"x" * 256}"': "string_too_long", '"\\u0000"': "string_nul"},
    "sufficient_stock": {
        "2": "bool_parsing",
        "-1": "bool_parsing",
        '""': "bool_parsing",
        '"abc"': "bool_parsing",
        "[]": "bool_type",
        "{}": "bool_type",
    },
}


def as_json(sent: dict[str, Any], **fields: str) -> str:
    """The order with these fields' JSON as it stands."""
    items = {name: json.dumps(value) for name, value in sent.items()} | fields
    return "{" + ", ".join(f'"{name}": {item}' for name, item in items.items()) + "}"


@pytest.mark.parametrize("field", BAD)
def test_a_bad_value_is_422_and_names_its_field(shared: Shared, field: str) -> None:
    good = by_kind("Transfer")
    for value, error in BAD[field].items():
        text = as_json(good, **{field: value})
        answer = send(shared.client, "POST", ORDER, text)
        assert len(answer.json()["detail"]) == 1, answer.text
        found = assert_invalid(answer, "body", field, error=error)
        if not value.startswith(("1e", "-1e", "0.", "1.")):
            assert found["input"] == (json.loads(text) if error == "value_error" else json.loads(value)), value
        wrapped = send(shared.client, "POST", ORDERS, f'{{"orders": [{json.dumps(good)}, {text}]}}')
        assert len(wrapped.json()["detail"]) == 1, wrapped.text
        entry = assert_invalid(wrapped, "body", "orders", 1, field, error=error)
        assert entry["msg"] == found["msg"]
        if error == "value_error":
            assert (entry["msg"], entry["input"]) == (MISFORMED, json.loads(text))


def test_missing_fields_are_pydantics_own(shared: Shared) -> None:
    required = ["type", "sku", "quantity"]
    for names in (*([name] for name in required), required):
        sent = {name: value for name, value in by_kind("Add").items() if name not in names}
        wanted = [{"type": "missing", "loc": ["body", name], "msg": "Field required", "input": sent} for name in names]
        answer = place(shared.client, sent)
        assert (answer.status_code, answer.json()) == (422, {"detail": wanted})
    for text in ("", "{}", "null"):
        answer = send(shared.client, "POST", ORDER, text)
        assert answer.status_code == 422
        assert [(e["type"], e["loc"], e["input"]) for e in answer.json()["detail"]] == [
            ("missing", ["body", name], {}) for name in required
        ]


WHOLE = {
    "1": 1,
    '"5"': 5,
    "5.0": 5,
    '"5.0"': 5,
    "1e3": 1000,
    "1000000": 1_000_000,
    '"1000000"': 1_000_000,
}


def test_each_type_has_its_least_quantity(shared: Shared) -> None:
    for kind, least in (("Add", 1), ("Remove", 1), ("Transfer", 1), ("Count", 0), ("Adjust", -1_000_000)):
        for path, place_of in ((ORDER, ()), (ORDERS, ("orders", 0))):
            for quantity, error in ((least - 1, "greater_than_equal"), (1_000_001, "less_than_equal")):
                sent = by_kind(kind) | {"quantity": quantity}
                answer = shared.client.post(path, json=sent if path == ORDER else {"orders": [sent]})
                found = assert_invalid(answer, "body", *place_of, "quantity", error=error)
                bound = {"ge": least} if error == "greater_than_equal" else {"le": 1_000_000}
                assert (found["ctx"], found["input"]) == (bound, quantity)
                assert str(next(iter(bound.values()))) in found["msg"]


def test_the_least_and_the_most_are_taken(client: httpx.Client, product: int, database: Database) -> None:
    done(client, adding(1), removing(1), counting(0), adding(1_000_000), adjusting(-1_000_000), adjusting(1_000_000))
    done(client, moving(1_000_000), removing(1_000_000, B), counting(1_000_000), moving(1))
    assert held(client) == {A: 999_999, B: 1}
    database.verify()


def test_the_least_is_told_with_what_was_sent(shared: Shared) -> None:
    found = assert_invalid(place(shared.client, adding("0")), "body", "quantity", error="greater_than_equal")
    assert found == {
        "type": "greater_than_equal",
        "loc": ["body", "quantity"],
        "msg": "Input should be greater than or equal to 1",
        "input": "0",
        "ctx": {"ge": 1},
    }


def test_adjust_by_0_is_422(shared: Shared) -> None:
    for sent in (adjusting(0), adjusting("0"), adjusting(0, reason="x", more={"a": [1]})):
        found = assert_invalid(place(shared.client, sent), "body", error="value_error")
        assert found["input"] == sent
        answer = shared.client.post(ORDERS, json={"orders": [adding(1), sent]})
        assert assert_invalid(answer, "body", "orders", 1, error="value_error")["input"] == sent


NEEDED = {
    "Add": ["to_location"],
    "Remove": ["from_location"],
    "Transfer": ["from_location", "to_location"],
    "Count": ["to_location"],
    "Adjust": ["to_location"],
}


@pytest.mark.parametrize("given", [{}, {"from_location": None, "to_location": None}, {"location": A}])
def test_each_type_needs_its_places(shared: Shared, given: dict[str, Any]) -> None:
    both = {"from_location": A, "to_location": B}
    for kind, name in ((k, needed) for k in KINDS for needed in NEEDED[k]):
        others = {field: value for field, value in both.items() if field != name}
        for places in (others, {}) if name == NEEDED[kind][0] else (others,):
            sent = order(kind, 5, **{**given, **places})
            message = f"Value error, {name} is required for {kind} operations"
            wanted = {"type": "value_error", "loc": ["body"], "msg": message, "input": sent}
            answer = place(shared.client, sent)
            assert (answer.status_code, answer.json()) == (422, {"detail": [wanted]})
            answer = shared.client.post(ORDERS, json={"orders": [adding(1), adding(1), sent]})
            wanted["loc"] = ["body", "orders", 2]
            assert (answer.status_code, answer.json()) == (422, {"detail": [wanted]})


def test_a_transfer_goes_to_another_place(shared: Shared) -> None:
    sent = moving(5, A, A)
    message = "Value error, from_location and to_location must be different for Transfer operations"
    wanted = {"type": "value_error", "loc": ["body"], "msg": message, "input": sent}
    answer = place(shared.client, sent)
    assert (answer.status_code, answer.json()) == (422, {"detail": [wanted]})
    answer = shared.client.post(ORDERS, json={"orders": [sent]})
    assert (answer.status_code, answer.json()) == (422, {"detail": [wanted | {"loc": ["body", "orders", 0]}]})


def test_both_places_may_be_malformed(shared: Shared) -> None:
    sent = moving(5, "A", "B")
    answer = place(shared.client, sent)
    assert answer.status_code == 422
    assert [(e["type"], e["loc"], e["input"]) for e in answer.json()["detail"]] == [
        ("value_error", ["body", name], sent) for name in ("from_location", "to_location")
    ]


def test_a_place_that_the_type_has_no_use_for_is_neither_shown_nor_used(
    client: httpx.Client, product: int, unchanged: Unchanged, database: Database
) -> None:
    found = done(client, adding(10))
    for sent in (adding(10), removing(1), counting(15), adjusting(5)):
        unused = "to_location" if sent["type"] == "Remove" else "from_location"
        used = "from_location" if sent["type"] == "Remove" else "to_location"
        for other in (C, A):
            found = done(client, sent | {unused: other})
            assert unused not in found
            assert found[used] == A
            assert C not in found["message"]
            (entry,) = trail(client, limit=1)
            assert (entry[unused], entry[used]) == (None, A)
    assert held(client) == {A: 25}
    # Nothing was put there, so it is no place.
    assert [item["code"] for item in shown(client, LOCATIONS)["locations"]] == [A]
    with unchanged():
        assert_invalid(place(client, removing(1, to_location="INVALID")), "body", "to_location", error="value_error")
    database.verify()


def test_what_a_field_may_be(client: httpx.Client, product: int) -> None:
    for sent, printed in WHOLE.items():
        answer = send(client, "POST", ORDER, as_json(by_kind("Add"), quantity=sent))
        assert answer.status_code == 200, answer.text
        assert f'"quantity":{printed},' in answer.text.replace(" ", "")
        assert f"added {printed} units" in answer.json()["message"]
    codes = ["RACK-A0-00", "RACK-M5-50", "RACK-Z9-99"]
    done(client, *(adding(3, code) for code in codes))
    assert held(client) == dict.fromkeys(codes, 3) | {A: sum(WHOLE.values())}
    for reason in ("", " ", "x" * 255, "\N{EURO SIGN}" * 255, "'; --", '"\\\n\t', "%s {} \x7f"):
        assert done(client, adding(1, reason=reason))["reason"] == reason
        assert trail(client, limit=1)[0]["reason"] == reason
    # Unknown fields are ignored, and null is the field left out.
    more = {"operation_id": 5, "actor": "eve", "status": "error", "booked_quantity": 7, "x": {"y": [None]}}
    found = done(client, adding(5, **more))
    assert found.keys() == ADDED.keys() - {"reason"}
    assert (trail(client, limit=1)[0]["actor"], found["status"]) == ("anonymous", "success")
    found = done(client, adding(5, from_location=None, reason=None, sufficient_stock=None))
    assert found.keys() == ADDED.keys() - {"reason"}


def test_a_sku_is_1_to_50_letters_digits_and_dashes_and_case_counts(
    client: httpx.Client, database: Database, unchanged: Unchanged
) -> None:
    for sku in ("x" * 50, "_", "-", "0", "4711M-50B", "a_B-9"):
        database.product(sku)
        assert done(client, adding(1, sku=sku))["sku"] == sku
    with unchanged():
        assert_error(place(client, adding(1, sku="A_B-9")), 404, "INVALID_SKU")
        # A place of another product gives none.
        assert_error(place(client, removing(2, sku="0")), 400, "INSUFFICIENT_STOCK")


# What no endpoint of it takes

POSTS = [ORDER, ORDERS, COUNTS, f"{COUNTS}/{{count_id}}/lines", f"{COUNTS}/{{count_id}}/close"]


@pytest.mark.parametrize("path", POSTS)
def test_a_body_that_is_no_json_or_no_object_is_422(shared: Shared, path: str) -> None:
    for text in ("{", '{"type": }', "'a'", "[1,]", "NaN", '{"quantity": Infinity}', b"\xff", "\x00"):
        answer = send(shared.client, "POST", shared.path(path), text)
        assert answer.status_code == 422
        (entry,) = answer.json()["detail"]
        assert (entry["type"], entry["msg"], entry["loc"][0]) == ("json_invalid", "JSON decode error", "body")
    for text in ("[]", '"a"', "5", "true", "[{}]"):
        answer = send(shared.client, "POST", shared.path(path), text)
        found = assert_invalid(answer, "body", error="model_attributes_type")
        assert found["input"] == json.loads(text)


def test_wrong_methods_and_media_types_have_the_documented_object(shared: Shared) -> None:
    assert_error(shared.client.get(ORDER), 405, "METHOD_NOT_ALLOWED")
    for path in (ORDER, ORDERS, COUNTS):
        for method in ("PUT", "PATCH", "DELETE"):
            assert assert_error(shared.client.request(method, path, json={}), 405, "METHOD_NOT_ALLOWED") == {}
        answer = shared.client.post(path, content=json.dumps(adding(1)), headers={"Content-Type": "text/plain"})
        assert assert_error(answer, 415, "UNSUPPORTED_MEDIA_TYPE") == {}
        answer = shared.client.post(path, content=b" " * (1024 * 1024 + 1), headers=MEDIA)
        assert assert_error(answer, 413, "PAYLOAD_TOO_LARGE") == {}


# Count and Adjust


def test_count_sets_what_the_place_holds(client: httpx.Client, product: int, database: Database) -> None:
    for quantity in (7, 7, 12, 3, 0, 0):
        found = done(client, counting(quantity, reason="Stock-taking"))
        assert_literal(
            found,
            {
                "status": "success",
                "message": f"Successfully counted {quantity} units of SKU A-1 at location {A}",
                "operation_type": "Count",
                "sku": "A-1",
                "quantity": quantity,
                "to_location": A,
                "reason": "Stock-taking",
                "operation_id": 1,
                "timestamp": AT,
            },
        )
        assert held(client) == ({A: quantity} if quantity else {})
        assert database.stock(product) == (quantity, 0, 0)
    assert [entry["quantity"] for entry in trail(client)] == [0, 0, 3, 12, 7, 7]
    # What was found as it was booked moves nothing.
    assert database.rows(
        "select on_hand_after - on_hand_before from store.movement where kind = 'count' order by id"
    ) == [
        (7,),
        (5,),
        (-9,),
        (-3,),
    ]
    database.verify()


def test_count_minds_its_place_alone(client: httpx.Client, product: int, database: Database) -> None:
    database.one("select id from inventory.add_stock(%s, 100)", product)
    done(client, adding(5, A), adding(6, B), counting(2, A), counting(9, C))
    assert held(client) == {A: 2, B: 6, C: 9}
    assert database.stock(product) == (117, 0, 0)
    database.verify()


def test_adjust_changes_what_the_place_holds(client: httpx.Client, product: int, database: Database) -> None:
    on_hand = 0
    for quantity in (10, -4, "-1", 3):
        found = done(client, adjusting(quantity))
        on_hand += int(quantity)
        assert_literal(
            found,
            {
                "status": "success",
                "message": f"Successfully adjusted SKU A-1 by {int(quantity)} units at location {A}",
                "operation_type": "Adjust",
                "sku": "A-1",
                "quantity": int(quantity),
                "to_location": A,
                "operation_id": 1,
                "timestamp": AT,
            },
        )
        assert held(client) == {A: on_hand}
        assert database.stock(product) == (on_hand, 0, 0)
    database.verify()


def test_a_place_exists_from_the_first_time_something_is_put_counted_or_adjusted_there(
    client: httpx.Client, product: int, unchanged: Unchanged
) -> None:
    def codes() -> list[str]:
        return [item["code"] for item in shown(client, LOCATIONS)["locations"]]

    assert codes() == []
    done(client, adding(10, A), moving(1, A, B), counting(0, "RACK-C1-01"), adjusting(1, "RACK-D1-01"))
    assert codes() == [A, B, "RACK-C1-01", "RACK-D1-01"]
    assert held(client) == {A: 9, B: 1, "RACK-D1-01": 1}
    # What is refused makes no place.
    new = "RACK-E1-01"
    with unchanged():
        for sent in (
            adjusting(-1, new),
            moving(10, A, new),
            moving(1, new, "RACK-F1-01"),
            removing(1, new),
            adding(1, new, sku="NONE"),
            adding(1, new, sufficient_stock=False),
            adding(1_000_001, new),
            adding("x", new),
        ):
            assert place(client, sent).status_code in (400, 404, 422)
    assert new not in codes()


# What is refused


def test_sufficient_stock_false_is_the_documented_error(
    client: httpx.Client, product: int, unchanged: Unchanged
) -> None:
    done(client, adding(10))
    with unchanged():
        for kind, value in itertools.product(KINDS, (False, "false", 0)):
            sent = by_kind(kind, sufficient_stock=value)
            named = sent.get("from_location", sent.get("to_location"))
            for more, at in (({}, named), ({"from_location": C}, C)):
                answer = place(client, sent | more)
                message = f"Insufficient stock of SKU A-1 at location {at}"
                assert assert_error(answer, 400, "INSUFFICIENT_STOCK", message) == {}


def test_sufficient_stock_false_reads_as_the_sample_does(
    client: httpx.Client, sample: int, unchanged: Unchanged
) -> None:
    done(client, ADD)
    with unchanged():
        for sent in (ADD, REMOVE, TRANSFER):
            answer = place(client, sent | {"sufficient_stock": False})
            assert answer.status_code == 400
            assert_literal(answer.json(), INSUFFICIENT)


def test_sufficient_stock_true_simulates_nothing(client: httpx.Client, product: int, unchanged: Unchanged) -> None:
    for i, value in enumerate((True, "true", 1, None), 1):
        done(client, adding(5, sufficient_stock=value))
        assert held(client) == {A: 5 * i}
        with unchanged():
            assert_insufficient(place(client, removing(5 * i + 1, sufficient_stock=value)), A, held=5 * i)


def test_no_place_gives_more_than_it_holds(client: httpx.Client, product: int, unchanged: Unchanged) -> None:
    done(client, adding(5, A), adding(50, B), moving(7, B, C), removing(7, C))
    with unchanged():
        for sent, at, there in (
            (removing(6, A), A, 5),
            (moving(6, A, B), A, 5),
            (adjusting(-6, A), A, 5),
            (removing(1, C), C, 0),
            (moving(1, C, A), C, 0),
            (removing(1, "RACK-X1-01"), "RACK-X1-01", 0),
            (moving(1, "RACK-X1-01", A), "RACK-X1-01", 0),
            (moving(1, "RACK-X1-01", "RACK-Y1-01"), "RACK-X1-01", 0),
            (adjusting(-1, "RACK-X1-01"), "RACK-X1-01", 0),
        ):
            assert_insufficient(place(client, sent), at, held=there)
    done(client, removing(5, A), moving(43, B, A))
    assert held(client) == {A: 43}


def test_what_is_not_active_takes_no_add_and_no_remove(
    admin: httpx.Client, product: int, database: Database, unchanged: Unchanged
) -> None:
    done(admin, adding(10))
    for status in ("inactive", "archived"):
        assert admin.patch(f"/inventory/{product}", json={"status": status}).status_code == 200
        with unchanged():
            for sent in (adding(1), removing(1)):
                assert assert_error(place(admin, sent), 400, "INVENTORY_NOT_ACTIVE") == {}
            answer = admin.post(ORDERS, json={"orders": [counting(5), adding(1)], "atomic": True})
            assert assert_error(answer, 400, "INVENTORY_NOT_ACTIVE") == {"failed_index": 1}
        # What corrects it is taken.
        done(
            admin,
            moving(1, A, B),
            counting(12, B),
            counting(11, B),
            adjusting(1, A),
            adjusting(-1, A),
            moving(11, B, A),
        )
        done(admin, counting(10, A))
    assert admin.patch(f"/inventory/{product}", json={"status": "active"}).status_code == 200
    done(admin, adding(1), removing(1))
    database.verify()


def test_what_has_no_inventory_yet_is_400(shared: Shared) -> None:
    for kind in KINDS:
        sent = by_kind(kind, sku="BARE")
        assert assert_error(place(shared.client, sent), 400, "INVENTORY_NOT_INITIALIZED") == {}
        answer = shared.client.post(ORDERS, json={"orders": [sent], "atomic": True})
        assert assert_error(answer, 400, "INVENTORY_NOT_INITIALIZED") == {"failed_index": 0}


def test_a_balance_past_its_limit_is_an_out_of_range_field(
    client: httpx.Client, database: Database, unchanged: Unchanged
) -> None:
    product_id = database.product("A-1", "999999990")
    done(client, adding(9))
    with unchanged():
        for sent in (adding(1), counting(10), adjusting(1), adding(1_000_000, B)):
            found = assert_invalid(place(client, sent), "body", "quantity", error="value_error")
            assert found["input"] == sent
    assert database.stock(product_id) == (999_999_999, 0, 0)
    done(client, moving(9), removing(9, B), adding(9))


def test_validation_comes_before_the_product_and_the_product_before_the_stock(shared: Shared) -> None:
    for sent in (order("Add", 5, "NONE"), adding(0, sku="NONE"), moving(1, A, A, sku="NONE")):
        assert place(shared.client, sent).status_code == 422
    assert_error(place(shared.client, removing(1_000_000, sku="NONE")), 404, "INVALID_SKU")


# Many orders in one call


def bulk(client: httpx.Client, *orders: dict[str, Any], **others: Any) -> Any:
    """The body of a call that is answered."""
    answer = client.post(ORDERS, json={"orders": list(orders), **others})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_each_result_is_the_single_orders_body(client: httpx.Client, sample: int, database: Database) -> None:
    orders = [ADD, REMOVE, TRANSFER, ADD | {"type": "Count", "quantity": 0}, ADD | {"type": "Adjust", "quantity": 4}]
    for i, atomic in enumerate(({}, {"atomic": None}, {"atomic": True}, {"atomic": "true"}), 1):
        found = bulk(client, *orders, **atomic)
        assert list(found) == ["status", "results"]
        assert found["status"] == "success"
        assert [result["operation_type"] for result in found["results"]] == [sent["type"] for sent in orders]
        for result, wanted in zip(found["results"], (ADDED, REMOVED, TRANSFERRED), strict=False):
            assert_literal(result, wanted)
        ids = [result["operation_id"] for result in found["results"]]
        assert [entry["operation_id"] for entry in trail(client, limit=5)] == sorted(ids, reverse=True)
        assert ids == sorted(ids)
        assert held(client, "4711M-50B") == {A: 4, B: 30 * i}
    database.verify()


def test_one_of_them_is_answered_like_the_single_order(client: httpx.Client, product: int) -> None:
    for sent in (adding(5, reason="x"), removing(1), moving(2), counting(3), adjusting(-1)):
        (result,) = bulk(client, sent)["results"]
        done(client, counting(5, A), counting(2, B))
        assert_literal(result, done(client, sent))
        done(client, counting(5, A), counting(2, B))


def test_what_is_refused_leaves_the_others(client: httpx.Client, database: Database) -> None:
    database.product("A-1")
    database.product("OLD", 5)
    database.rows("select inventory.update_inventory(2, p_status => 'inactive')")
    database.one("select id from inventory.register_product('BARE', 'Bare')")
    found = bulk(
        client,
        removing(1),
        adding(10, reason="x"),
        adding(1, sku="NONE"),
        removing(4),
        removing(7),
        moving(6, sufficient_stock=False),
        adding(1, sku="OLD"),
        adding(1, C, sku="BARE"),
        moving(6),
    )
    assert found["status"] == "partial"
    refusals = {
        0: (f"Insufficient stock of SKU A-1 at location {A}", "INSUFFICIENT_STOCK"),
        2: ("SKU NONE does not exist in the products table", "INVALID_SKU"),
        4: (f"Insufficient stock of SKU A-1 at location {A}", "INSUFFICIENT_STOCK"),
        5: (f"Insufficient stock of SKU A-1 at location {A}", "INSUFFICIENT_STOCK"),
        6: (None, "INVENTORY_NOT_ACTIVE"),
        7: (None, "INVENTORY_NOT_INITIALIZED"),
    }
    for i, result in enumerate(found["results"]):
        if i in refusals:
            message, code = refusals[i]
            assert list(result) == ["status", "message", "error_code"]
            assert (result["status"], result["error_code"]) == ("error", code)
            assert message is None or result["message"] == message
        else:
            assert result["status"] == "success"
            assert result.keys() - {"from_location", "to_location", "reason"} == REMOVED.keys() - {
                "from_location",
                "reason",
            }
    assert held(client) == {B: 6}
    assert [entry["operation_type"] for entry in trail(client)] == ["Transfer", "Remove", "Add"]
    assert [item["code"] for item in shown(client, LOCATIONS)["locations"]] == [A, B]
    database.verify()


def test_when_all_are_refused_nothing_has_changed(
    client: httpx.Client, database: Database, unchanged: Unchanged
) -> None:
    database.product("A-1", "999999999")
    with unchanged():
        found = bulk(client, removing(1), adding(1), adding(1, C, sku="NONE"))
    assert found["status"] == "error"
    assert [result["error_code"] for result in found["results"]] == [
        "INSUFFICIENT_STOCK",
        "QUANTITY_OUT_OF_RANGE",
        "INVALID_SKU",
    ]


def test_an_order_past_the_limit_of_a_balance_is_a_wrong_quantity(
    client: httpx.Client, database: Database, unchanged: Unchanged
) -> None:
    database.product("A-1", "999999999")
    sent = adding(1)
    with unchanged():
        found = assert_invalid(place(client, sent), "body", "quantity", error="value_error")
    assert found["input"] == sent


def test_an_atomic_call_fails_as_its_first_failing_order_does(
    client: httpx.Client, product: int, unchanged: Unchanged
) -> None:
    done(client, adding(10))
    for failing, status, code, told in (
        (removing(11), 400, "INSUFFICIENT_STOCK", {"held": 10}),
        (moving(11), 400, "INSUFFICIENT_STOCK", {"held": 10}),
        (adding(1, sufficient_stock=False), 400, "INSUFFICIENT_STOCK", {}),
        (adding(1, sku="NONE"), 404, "INVALID_SKU", {}),
    ):
        with unchanged():
            single = place(client, failing)
            assert assert_error(single, status, code) == told
            for index in (0, 2):
                orders = [adding(1), removing(1), failing, adding(1, sku="LATER"), removing(99)][2 - index :]
                answer = client.post(ORDERS, json={"orders": orders, "atomic": True})
                message = single.json()["detail"]["message"]
                assert assert_error(answer, status, code, message) == {"failed_index": index, **told}
    assert held(client) == {A: 10}


def test_an_atomic_call_past_the_limit_has_the_index_and_the_code(
    client: httpx.Client, database: Database, unchanged: Unchanged
) -> None:
    database.product("A-1", "999999990")
    with unchanged():
        answer = client.post(ORDERS, json={"orders": [adding(9), adding(1)], "atomic": True})
        assert assert_error(answer, 422, "QUANTITY_OUT_OF_RANGE") == {"failed_index": 1}
    assert bulk(client, adding(9), adding(1))["status"] == "partial"


@pytest.mark.parametrize("atomic", [False, True])
def test_an_order_of_the_wrong_shape_refuses_the_whole_call(shared: Shared, atomic: bool) -> None:
    def refused(orders: Any) -> httpx.Response:
        answer = shared.client.post(ORDERS, json={"orders": orders, "atomic": atomic})
        assert answer.status_code == 422, answer.text
        return answer

    good = adding(1, C)
    for bad in (5, "Add", None, [], True):
        found = assert_invalid(refused([good, bad]), "body", "orders", 1, error="model_attributes_type")
        assert found["input"] == bad
    for name in ("type", "sku", "quantity"):
        bad = {field: value for field, value in good.items() if field != name}
        found = assert_invalid(refused([good, good, bad]), "body", "orders", 2, name, error="missing")
        assert found["input"] == bad
    # What is wrong with several is told of each.
    entries = refused([adding(1, "X"), good, adding("x")]).json()["detail"]
    assert [(entry["loc"], entry["input"]) for entry in entries] == [
        (["body", "orders", 0, "to_location"], adding(1, "X")),
        (["body", "orders", 2, "quantity"], "x"),
    ]


def test_1_to_1000_orders(shared: Shared) -> None:
    def refused(orders: Any, error: str) -> None:
        answer = shared.client.post(ORDERS, json={"orders": orders})
        found = assert_invalid(answer, "body", "orders", error=error)
        assert found["input"] == orders

    refused([], "too_short")
    refused([adding(1)] * 1001, "too_long")
    for bad in ({}, "Add", 5, None):
        refused(bad, "list_type")
    assert_invalid(shared.client.post(ORDERS, json=adding(1)), "body", "orders", error="missing")
    for bad in ("abc", 2, []):
        assert_invalid(shared.client.post(ORDERS, json={"orders": [adding(1)], "atomic": bad}), "body", "atomic")


@pytest.mark.parametrize("atomic", [False, True])
def test_1000_orders_of_one_sku_and_place(
    client: httpx.Client, product: int, database: Database, unchanged: Unchanged, atomic: bool
) -> None:
    orders = [adding(3), removing(1)] * 500
    if atomic:
        found = bulk(client, *orders, atomic=True)
        assert found["status"] == "success"
        assert [result["operation_type"] for result in found["results"]] == ["Add", "Remove"] * 500
        assert (held(client), len(trail(client, limit=1000))) == ({A: 1000}, 1000)
        with unchanged():
            answer = client.post(ORDERS, json={"orders": [*orders[:999], removing(5000)], "atomic": True})
            assert assert_error(answer, 400, "INSUFFICIENT_STOCK")["failed_index"] == 999
    else:
        found = bulk(client, removing(5000), *orders[:999])
        assert (found["status"], [r["status"] for r in found["results"]]) == ("partial", ["error"] + ["success"] * 999)
        assert (held(client), len(trail(client, limit=1000))) == ({A: 1001}, 999)
    database.verify()


def test_many_adds_do_what_they_would_one_by_one(admin: httpx.Client, database: Database, unchanged: Unchanged) -> None:
    def orders(sku: str) -> list[dict[str, Any]]:
        places = (A, B, A, C, B, A)
        return [adding(i, code, sku=sku, reason=f"r{i}") for i, code in enumerate(places, 1)]

    def done_to(product_id: int) -> Any:
        movements = shown(admin, f"/inventory/{product_id}/movements")["movements"]
        names = ("kind", "quantity", "on_hand_before", "on_hand_after", "reason", "actor")
        layers = valuation(admin, product_id)["layers"]
        return (
            [[movement[name] for name in names] for movement in movements],
            [(layer["quantity"], layer["remaining"], layer["unit_cost"], layer["remaining_value"]) for layer in layers],
            balances(admin, product_id),
        )

    for sku in ("A-1", "B-1"):
        database.product(sku, 10, p_cost_price="0.333")
        done(admin, adding(2, B, sku=sku))
    found = bulk(admin, *orders("A-1"))
    assert found["status"] == "success"
    for result, sent in zip(found["results"], orders("B-1"), strict=True):
        single = done(admin, sent)
        alike = result | {"sku": "B-1", "message": result["message"].replace("A-1", "B-1")}
        assert_literal(alike, single)
    assert held(admin, "A-1") == held(admin, "B-1") == {A: 10, B: 9, C: 4}
    assert done_to(1) == done_to(2)
    operations = [str(result["operation_id"]) for result in reversed(found["results"])]
    assert [m["reference"] for m in shown(admin, "/inventory/1/movements")["movements"]][:6] == operations
    with unchanged():
        answer = admin.post(ORDERS, json={"orders": [*orders("A-1"), removing(99)], "atomic": True})
        assert assert_error(answer, 400, "INSUFFICIENT_STOCK")["failed_index"] == 6
    database.verify()


def test_adds_of_which_one_is_refused_are_booked_once_or_not_at_all(
    client: httpx.Client, product: int, database: Database, unchanged: Unchanged
) -> None:
    database.product("OLD")
    database.rows("select inventory.update_inventory(2, p_status => 'inactive')")
    database.one("select id from inventory.register_product('BARE', 'Bare')")
    database.product("FULL", "999999999")
    total = 0
    for failing, status, code in (
        (adding(1, sku="NONE"), 404, "INVALID_SKU"),
        (adding(1, sku="BARE"), 400, "INVENTORY_NOT_INITIALIZED"),
        (adding(1, sku="OLD"), 400, "INVENTORY_NOT_ACTIVE"),
        (adding(1, sku="FULL"), 422, "QUANTITY_OUT_OF_RANGE"),
        (adding(1, sufficient_stock=False), 400, "INSUFFICIENT_STOCK"),
    ):
        for index in (0, 1, 2):
            orders = [adding(5), adding(2, sku="A-1")]
            orders.insert(index, failing)
            with unchanged():
                answer = client.post(ORDERS, json={"orders": orders, "atomic": True})
                assert assert_error(answer, status, code) == {"failed_index": index}
            found = bulk(client, *orders)
            total += 7
            assert found["status"] == "partial"
            assert [result.get("error_code") for result in found["results"]].index(code) == index
            assert (len(found["results"]), held(client)) == (3, {A: total})
    assert len(trail(client)) == 30
    database.verify()


def test_adds_of_one_call_arrive_in_their_order(admin: httpx.Client, product: int) -> None:
    bulk(admin, adding(5, B), adding(5, A))
    made(sell(admin, product, 1))
    assert held(admin) == {A: 5, B: 4}


def test_each_order_sees_what_those_before_it_did(client: httpx.Client, product: int, database: Database) -> None:
    orders = [adding(5, A), moving(5, A, B), moving(5, B, C), counting(7, C), adjusting(-3, C), removing(4, C)]
    assert bulk(client, *orders, atomic=True)["status"] == "success"
    assert held(client) == {}
    found = bulk(client, *reversed(orders))
    # Backwards: nothing to take, then 7 counted, 5 added.
    assert [result["status"] for result in found["results"]] == [
        "error",
        "error",
        "success",
        "error",
        "error",
        "success",
    ]
    assert held(client) == {C: 7, A: 5}
    database.verify()


def test_a_bulk_call_with_a_key_is_carried_out_once(
    client: httpx.Client, product: int, database: Database, unchanged: Unchanged
) -> None:
    calls: list[tuple[str, dict[str, Any], int]] = [
        ("all", {"orders": [adding(5), moving(2)], "atomic": True}, 200),
        ("some", {"orders": [adding(5), adding(1, sku="NONE")]}, 200),
        ("none", {"orders": [removing(999)]}, 200),
        ("undone", {"orders": [adding(5), removing(999)], "atomic": True}, 400),
    ]
    first = {}
    for key, sent, status in calls:
        first[key] = client.post(ORDERS, json=sent, headers={"Idempotency-Key": key})
        assert first[key].status_code == status
    assert held(client) == {A: 8, B: 2}
    database.product("NONE")
    database.one("select id from inventory.place_order('Add', 'A-1', 1000, p_to_location => %s)", A)
    with unchanged():
        for key, sent, _ in calls:
            assert_replay(client.post(ORDERS, json=sent, headers={"Idempotency-Key": key}), first[key])
            other = {"orders": [*sent["orders"], adding(1)]}
            answer = client.post(ORDERS, json=other, headers={"Idempotency-Key": key})
            assert_error(answer, 422, "IDEMPOTENCY_KEY_REUSED")
    assert [result["status"] for result in first["some"].json()["results"]] == ["success", "error"]
    assert first["undone"].json()["detail"]["failed_index"] == 1


def test_an_order_with_a_key_is_carried_out_once(client: httpx.Client, product: int, unchanged: Unchanged) -> None:
    first = client.post(ORDER, json=adding(5), headers={"Idempotency-Key": "k-1"})
    refusal = client.post(ORDER, json=removing(6), headers={"Idempotency-Key": "k-2"})
    done(client, adding(5))
    with unchanged():
        assert_replay(client.post(ORDER, json=adding(5), headers={"Idempotency-Key": '"k-1"'}), first)
        assert_replay(client.post(ORDER, json=removing(6), headers={"Idempotency-Key": "k-2"}), refusal)
        assert_error(
            client.post(ORDER, json=adding(6), headers={"Idempotency-Key": "k-1"}), 422, "IDEMPOTENCY_KEY_REUSED"
        )
    assert held(client) == {A: 10}
