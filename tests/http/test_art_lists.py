"""API 4's lists: the places, what lies at one, and the audit trail."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from tests.conftest import Database, Server
from tests.http.art import (
    LOCATIONS,
    MISFORMED,
    ORDERS,
    A,
    B,
    C,
    adding,
    adjusting,
    assert_error,
    counting,
    done,
    held,
    moving,
    order,
    removing,
    trail,
)
from tests.http.conftest import Shared
from tests.http.document import exact
from tests.http.pricing import TIME, instant, move_to, shown
from tests.http.test_sku import assert_invalid

NOON = datetime(2030, 1, 15, 12, tzinfo=UTC)
BAD_LIMITS = {
    "0": "greater_than_equal",
    "-1": "greater_than_equal",
    "1001": "less_than_equal",
    "abc": "int_parsing",
    "1.5": "int_parsing",
}


@pytest.fixture
def product(database: Database) -> int:
    return database.product("A-1")


# Places and what lies there


def test_places_that_hold_too_much_to_sum_up_are_refused(client: httpx.Client, database: Database) -> None:
    database.lower("http.list_locations", 1000000, to=2)
    for sku in ("A-1", "B-1", "C-1"):
        database.product(sku, 100)
    done(client, adding(5, A), adding(7, A, sku="B-1"), adding(4, B), adding(9, C))
    assert_invalid(client.get(LOCATIONS), "query", "limit", error="value_error")
    assert_invalid(client.get(LOCATIONS, params={"limit": 2}), "query", "limit", error="value_error")
    for parameters, codes in (({"limit": 1}, [A]), ({"after": A}, [B, C])):
        assert [place["code"] for place in shown(client, LOCATIONS, **parameters)["locations"]] == codes


def test_places_and_what_lies_there(client: httpx.Client, database: Database) -> None:
    assert shown(client, LOCATIONS) == {"locations": [], "total": 0}
    for sku in ("A-1", "B-1", "C-1"):
        database.product(sku, 100)
    done(client, adding(5, B), adding(7, A, sku="B-1"), adding(4, A), adding(9, C), removing(9, C))
    answer = client.get(LOCATIONS)
    assert answer.headers["Content-Type"].startswith("application/json")
    assert exact(answer.text) == {
        "locations": [
            {"code": A, "quantity": 11, "products": 2},
            {"code": B, "quantity": 5, "products": 1},
            # A place remains one, whatever lies there.
            {"code": C, "quantity": 0, "products": 0},
        ],
        "total": 3,
    }
    stock = [{"sku": "A-1", "quantity": 4}, {"sku": "B-1", "quantity": 7}]
    assert exact(client.get(f"{LOCATIONS}/{A}/stock").text) == {"location": A, "stock": stock, "total": 2}
    assert shown(client, f"{LOCATIONS}/{C}/stock") == {"location": C, "stock": [], "total": 0}


def test_places_page_by_page(client: httpx.Client, product: int) -> None:
    codes = [f"RACK-{letter}1-01" for letter in "DBAEC"]
    done(client, *(adding(1, code) for code in codes))
    found, after = [], {}
    while page := shown(client, LOCATIONS, limit=2, **after)["locations"]:
        found += [item["code"] for item in page]
        after = {"after": found[-1]}
    assert found == sorted(codes)
    assert shown(client, LOCATIONS, limit=1, after=found[3])["total"] == 5


def test_the_stock_of_a_place_page_by_page(client: httpx.Client, database: Database) -> None:
    skus = ["B", "a", "A-1", "Z_9", "0"]
    for sku in skus:
        database.product(sku)
    done(client, *(adding(1, sku=sku) for sku in skus))
    path = f"{LOCATIONS}/{A}/stock"
    whole = [item["sku"] for item in shown(client, path)["stock"]]
    assert sorted(whole) == sorted(skus)
    found: list[str] = []
    while page := shown(client, path, limit=2, **({"after": found[-1]} if found else {}))["stock"]:
        found += [item["sku"] for item in page]
    assert found == whole
    assert shown(client, path, limit=1, after=whole[2])["total"] == 5


def test_an_unknown_place_is_404_and_a_malformed_one_422(shared: Shared) -> None:
    answer = shared.client.get(f"{LOCATIONS}/RACK-Z9-99/stock")
    assert assert_error(answer, 404, "LOCATION_NOT_FOUND") == {}
    for code in ("abc", "rack-a1-01", "RACK-A1-1", "RACK-A1-01x", "RACK-A1-01\n", " ", "%", "\x00", "\N{EURO SIGN}"):
        answer = shared.client.get(f"{LOCATIONS}/{quote(code)}/stock")
        found = assert_invalid(answer, "path", "code")
        assert (found["input"], found["type"]) == (code, "string_nul" if code == "\x00" else "value_error")
        assert code == "\x00" or found["msg"] == MISFORMED


@pytest.mark.parametrize("path", [LOCATIONS, f"{LOCATIONS}/{A}/stock", ORDERS, "/api/v1/counts"])
def test_a_bad_limit_is_422(shared: Shared, path: str) -> None:
    for value, error in BAD_LIMITS.items():
        assert_invalid(shared.client.get(path, params={"limit": value}), "query", "limit", error=error)
    for value in ("1", "1000"):
        assert shared.client.get(path, params={"limit": value}).status_code == 200


def test_a_bad_place_to_go_on_from_is_422(shared: Shared) -> None:
    assert_invalid(shared.client.get(LOCATIONS, params={"after": "A"}), "query", "after", error="value_error")
    path = f"{LOCATIONS}/{A}/stock"
    assert_invalid(shared.client.get(path, params={"after": "x" * 256}), "query", "after", error="string_too_long")
    assert_invalid(shared.client.get(path, params={"after": "\x00"}), "query", "after", error="string_nul")


def test_unknown_parameters_are_ignored(shared: Shared) -> None:
    for path in (LOCATIONS, f"{LOCATIONS}/{A}/stock", ORDERS):
        assert shown(shared.client, path, page="x", x="y") == shown(shared.client, path)


def test_a_fraction_made_elsewhere_prints_as_it_is(admin: httpx.Client, database: Database, product: int) -> None:
    done(admin, adding(2))
    sold = {"product_id": product, "quantity": "0.5", "unit_price": 1}
    assert admin.post("/inventory/sales", json=sold).status_code == 201
    for path in (LOCATIONS, f"{LOCATIONS}/{A}/stock"):
        assert '"quantity" : 1.5' in admin.get(path).text.replace('"quantity":', '"quantity" :')
    assert exact(admin.get(LOCATIONS).text)["locations"][0] == {"code": A, "quantity": exact("1.5"), "products": 1}
    answer = admin.post("/api/v1/art_order", json=removing(2))
    assert assert_error(answer, 400, "INSUFFICIENT_STOCK") == {"held": 1.5}
    assert '"held":1.5}' in answer.text
    done(admin, counting(2))
    movement = shown(admin, f"/inventory/{product}/movements")["movements"][0]
    assert (movement["kind"], movement["quantity"]) == ("count", "0.500")
    assert held(admin) == {A: 2}
    database.verify()


# The audit trail


def test_the_trail_has_what_was_carried_out_newest_first(
    client: httpx.Client, server: Server, database: Database
) -> None:
    database.product("A-1")
    database.one("select id from maintenance.create_user('olga', 'secret', 'operator')")
    named = server.client(server.token("olga", "secret"))
    bodies = [
        done(client, adding(9, reason="Restocking")),
        done(named, moving(4)),
        done(named, removing(1, reason="")),
        done(client, counting(0)),
        done(client, adjusting(-2, B)),
    ]
    assert client.post("/api/v1/art_order", json=removing(99)).status_code == 400
    answer = client.get(ORDERS)
    found = answer.json()
    assert list(found) == ["orders", "next"]
    assert found["next"] is None
    keys = ["operation_id", "operation_type", "sku", "quantity", "from_location", "to_location", "reason", "actor"]
    wanted = [
        ("Adjust", "A-1", -2, None, B, None, "anonymous"),
        ("Count", "A-1", 0, None, A, None, "anonymous"),
        ("Remove", "A-1", 1, A, None, "", "olga"),
        ("Transfer", "A-1", 4, A, B, None, "olga"),
        ("Add", "A-1", 9, None, A, "Restocking", "anonymous"),
    ]
    for entry, sample, body in zip(found["orders"], wanted, reversed(bodies), strict=True):
        assert list(entry) == [*keys, "timestamp"]
        assert tuple(entry[name] for name in keys[1:]) == sample
        assert (entry["operation_id"], entry["timestamp"]) == (body["operation_id"], body["timestamp"])
        assert TIME.fullmatch(entry["timestamp"])
        shared_names = body.keys() & entry.keys()
        assert {name: body[name] for name in shared_names} == {name: entry[name] for name in shared_names}


def test_the_trail_by_sku_place_and_type(client: httpx.Client, database: Database) -> None:
    for sku in ("A-1", "A-10", "a-1"):
        database.product(sku)
    orders = [
        adding(9, A),
        adding(9, A, sku="A-10"),
        adding(9, B, sku="a-1"),
        moving(4, A, B),
        moving(1, A, C, sku="A-10"),
        removing(1, B),
        counting(3, A),
        adjusting(1, C),
    ]
    ids = [done(client, sent)["operation_id"] for sent in orders]

    def positions(**filters: Any) -> list[int]:
        return [ids.index(entry["operation_id"]) for entry in trail(client, **filters)]

    assert positions() == [7, 6, 5, 4, 3, 2, 1, 0]
    assert positions(sku="A-1") == [7, 6, 5, 3, 0]
    assert positions(sku="A-10") == [4, 1]
    assert positions(sku="a-1") == [2]
    assert positions(sku="A-%") == positions(sku="NONE") == positions(sku="A") == []
    assert positions(location=A) == [6, 4, 3, 1, 0]
    assert positions(location=B) == [5, 3, 2]
    assert positions(location=C) == [7, 4]
    assert positions(location="RACK-Z9-99") == []
    assert positions(type="Transfer") == [4, 3]
    assert positions(type="Add") == [2, 1, 0]
    assert (positions(type="Remove"), positions(type="Count"), positions(type="Adjust")) == ([5], [6], [7])
    assert positions(sku="A-1", location=B) == [5, 3]
    assert positions(sku="A-1", location=A, type="Transfer") == [3]
    assert positions(sku="A-1", type="Add", location=B) == []


def test_the_trail_by_time(client: httpx.Client, database: Database, product: int) -> None:
    times = []
    for day in (14, 15, 16):
        move_to(database, NOON.replace(day=day))
        times.append(done(client, adding(day))["timestamp"])
    assert [time[:16] for time in times] == ["2030-01-14T12:00", "2030-01-15T12:00", "2030-01-16T12:00"]

    def days(**filters: Any) -> list[int]:
        return [entry["quantity"] for entry in trail(client, **filters)]

    assert days(date_from="2030-01-15") == [16, 15]
    # A day is all of it.
    assert days(date_to="2030-01-15") == [15, 14]
    assert days(date_from="2030-01-15", date_to="2030-01-15") == [15]
    assert days(date_to="2030-01-15T11:59:59") == [14]
    assert days(date_from="2030-01-15T11:59:59", date_to="2030-01-15T12:59:59Z") == [15]
    # Both ends belong to it, and a time without an offset is UTC.
    assert days(date_from=times[1], date_to=times[1]) == [15]
    assert days(date_from=times[1] + "Z", date_to=times[2] + "+00:00") == [16, 15]
    assert days(date_from="2030-01-15T14:59:59+03:00", date_to="2030-01-15T15:59:59+03:00") == [15]
    assert days(date_from="2030-01-15T13:00:00+03:00", date_to="2030-01-15T14:59:59+03:00") == []
    assert days(date_from="2030-01-17") == days(date_to="2030-01-13") == []
    assert days(date_from="2030-01-16", date_to="2030-01-14") == []
    assert instant(times[0]) < instant(times[1])


def test_the_trail_page_by_page(client: httpx.Client, product: int, database: Database) -> None:
    database.product("B-1")
    for quantity in range(1, 6):
        done(client, adding(quantity), counting(1, B, sku="B-1"))
    for filters in ({}, {"sku": "A-1"}, {"location": A}, {"type": "Add"}, {"date_from": "2020-01-01"}):
        whole = trail(client, **filters)
        for limit in (1, 2, len(whole)):
            assert pages(client, limit, filters) == whole
    # What comes in between is on no page that follows.
    first = shown(client, ORDERS, limit=2)
    done(client, adding(99))
    assert trail(client, after=first["next"]) == trail(client)[3:]


def pages(client: httpx.Client, limit: int, filters: dict[str, str]) -> list[Any]:
    """The trail, so many at a time, until next is null."""
    found: list[Any] = []
    following: dict[str, Any] = {}
    while True:
        page = shown(client, ORDERS, limit=limit, **filters, **following)
        found += page["orders"]
        if page["next"] is None:
            return found
        assert len(page["orders"]) == limit
        assert page["next"] == page["orders"][-1]["operation_id"]
        following = {"after": page["next"]}


def test_the_trail_is_of_100_where_no_limit_is_given(client: httpx.Client, product: int) -> None:
    assert client.post(ORDERS, json={"orders": [adding(1)] * 101}).status_code == 200
    found = shown(client, ORDERS)
    assert (len(found["orders"]), found["next"]) == (100, found["orders"][-1]["operation_id"])
    found = shown(client, ORDERS, after=found["next"])
    assert (len(found["orders"]), found["next"]) == (1, None)
    assert len(trail(client, limit=1000)) == 101


BAD_FILTERS = {
    "sku": {"x" * 256: "string_too_long", "\x00": "string_nul"},
    "location": {"A1": "value_error", "rack-a1-01": "value_error", "\x00": "string_nul"},
    "type": dict.fromkeys(("add", "Move", "Add,Remove"), "literal_error"),
    "after": {"abc": "int_parsing", "1.5": "int_parsing", "9" * 20: "less_than_equal"},
    "date_from": {
        "abc": "string_pattern_mismatch",
        "15/01/2030": "string_pattern_mismatch",
        "2030-02-30": "date_from_datetime_parsing",
        "2030-01-15T25:00:00": "string_pattern_mismatch",
        "now": "string_pattern_mismatch",
    },
}
BAD_FILTERS["date_to"] = BAD_FILTERS["date_from"]


@pytest.mark.parametrize("name", BAD_FILTERS)
def test_a_bad_filter_is_422(shared: Shared, name: str) -> None:
    for value, error in BAD_FILTERS[name].items():
        found = assert_invalid(shared.client.get(ORDERS, params={name: value}), "query", name, error=error)
        assert found["input"] == value


def test_a_count_at_a_place_is_in_the_trail_as_any(client: httpx.Client, product: int) -> None:
    done(client, adding(5), counting(4))
    assert [(entry["operation_type"], entry["quantity"]) for entry in trail(client, location=A)] == [
        ("Count", 4),
        ("Add", 5),
    ]
    assert trail(client, sku=order("Count", 4)["sku"], type="Count")[0]["to_location"] == A
