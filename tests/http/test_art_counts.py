"""API 4: cycle counts, from the first line to the books."""

from __future__ import annotations

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
    A,
    B,
    C,
    adding,
    assert_error,
    counting,
    done,
    held,
    moving,
    removing,
    stock_at,
    trail,
)
from tests.http.conftest import Shared, send
from tests.http.pricing import TIME, made, shown
from tests.http.test_art_orders import BAD, NO_INTEGER
from tests.http.test_sku import assert_invalid

Unchanged = Callable[[], AbstractContextManager[None]]


@pytest.fixture
def products(database: Database) -> list[int]:
    """A-1, B-1 and C-1, each with 100 at no place."""
    return [database.product(sku, 100) for sku in ("A-1", "B-1", "C-1")]


def start(client: httpx.Client, location: str = A) -> Any:
    return made(client.post(COUNTS, json={"location": location}))["count"]


def record(client: httpx.Client, count: Any, **found: Any) -> Any:
    """Write down what was found by SKU, where _ stands for -; the count's body."""
    lines = [{"sku": sku.replace("_", "-"), "quantity": quantity} for sku, quantity in found.items()]
    answer = client.post(f"{COUNTS}/{count['id']}/lines", json={"lines": lines})
    assert answer.status_code == 200, answer.text
    assert list(answer.json()) == ["count"]
    return answer.json()["count"]


def end(client: httpx.Client, count: Any, how: str = "close") -> Any:
    answer = client.post(f"{COUNTS}/{count['id']}/{how}")
    assert answer.status_code == 200, answer.text
    assert list(answer.json()) == ["count"]
    return answer.json()["count"]


def get(client: httpx.Client, count: Any) -> Any:
    return shown(client, f"{COUNTS}/{count['id']}")["count"]


def lines(count: Any) -> list[tuple[Any, ...]]:
    """(sku, counted, booked, difference) of each line."""
    return [(line["sku"], line["counted"], line["booked"], line["difference"]) for line in count["lines"]]


def test_the_life_of_a_count(client: httpx.Client, server: Server, database: Database, products: list[int]) -> None:
    database.one("select id from maintenance.create_user('olga', 'secret', 'operator')")
    olga = server.client(server.token("olga", "secret"))
    done(client, adding(10), adding(20, sku="B-1"), adding(7, B))

    answer = olga.post(COUNTS, json={"location": A})
    assert answer.status_code == 201
    assert list(answer.json()) == ["count"]
    count = answer.json()["count"]
    assert answer.headers["Location"] == f"{COUNTS}/{count['id']}"
    assert TIME.fullmatch(count["started_at"])
    assert count == {
        "id": count["id"],
        "location": A,
        "status": "open",
        "started_by": "olga",
        "started_at": count["started_at"],
        "closed_by": None,
        "closed_at": None,
        "lines": [],
    }
    assert get(client, count) == count

    # Writing down books nothing; counting again replaces the line.
    assert lines(record(olga, count, B_1=20, A_1=9)) == [("A-1", 9, 10, -1), ("B-1", 20, 20, 0)]
    found = record(client, count, A_1=8, C_1=2)
    assert lines(found) == [("A-1", 8, 10, -2), ("B-1", 20, 20, 0), ("C-1", 2, 0, 2)]
    assert [line["counted_by"] for line in found["lines"]] == ["anonymous", "olga", "anonymous"]
    assert all(line["operation_id"] is None and TIME.fullmatch(line["counted_at"]) for line in found["lines"])
    assert get(client, count) == found
    assert (stock_at(client, A), len(trail(client))) == ({"A-1": 10, "B-1": 20}, 3)

    # What moves in between is no difference.
    done(client, adding(5), moving(3, A, B, sku="B-1"))
    closed = end(olga, count)
    assert (closed["status"], closed["closed_by"]) == ("closed", "olga")
    assert TIME.fullmatch(closed["closed_at"])
    assert lines(closed) == lines(found)
    assert get(client, count) == closed
    assert stock_at(client, A) == {"A-1": 13, "B-1": 17, "C-1": 2}
    assert stock_at(client, B) == {"A-1": 7, "B-1": 3}
    assert [database.stock(product)[0] for product in products] == [120, 120, 102]

    booked = {entry["operation_id"]: entry for entry in trail(client, type="Count")}
    assert len(booked) == 3
    for line in closed["lines"]:
        entry = booked[line["operation_id"]]
        assert (entry["sku"], entry["quantity"], entry["to_location"]) == (line["sku"], line["counted"], A)
        assert (entry["from_location"], entry["reason"], entry["actor"]) == (None, f"count {count['id']}", "olga")
    database.verify()

    # It may be counted again.
    assert start(client)["id"] > count["id"]


def test_a_cancelled_count_books_nothing(
    client: httpx.Client, database: Database, products: list[int], unchanged: Unchanged
) -> None:
    done(client, adding(10))
    count = start(client)
    record(client, count, A_1=3)
    cancelled = end(client, count, "cancel")
    assert (cancelled["status"], cancelled["closed_by"]) == ("cancelled", "anonymous")
    assert lines(cancelled) == [("A-1", 3, 10, -7)]
    assert cancelled["lines"][0]["operation_id"] is None
    assert (held(client), database.stock(products[0])) == ({A: 10}, (110, 0, 0))
    assert [entry["operation_type"] for entry in trail(client)] == ["Add"]
    assert start(client)["status"] == "open"
    with unchanged():
        assert_error(client.post(f"{COUNTS}/{count['id']}/close"), 409, "COUNT_CLOSED")
    database.verify()


def test_a_count_without_lines_books_nothing(client: httpx.Client, products: list[int]) -> None:
    done(client, adding(10))
    closed = end(client, start(client))
    assert (closed["status"], closed["lines"]) == ("closed", [])
    assert held(client) == {A: 10}


def test_counting_makes_a_place(client: httpx.Client, products: list[int], unchanged: Unchanged) -> None:
    with unchanged():
        assert_error(client.get(f"{LOCATIONS}/{C}/stock"), 404, "LOCATION_NOT_FOUND")
    count = start(client, C)
    record(client, count, A_1=4)
    end(client, count)
    assert stock_at(client, C) == {"A-1": 4}


def test_what_is_over_takes_nothing_more(client: httpx.Client, products: list[int], unchanged: Unchanged) -> None:
    for how in ("close", "cancel"):
        count = start(client)
        record(client, count, A_1=1)
        end(client, count, how)
        path = f"{COUNTS}/{count['id']}"
        with unchanged():
            for sku in ("A-1", "NONE"):
                sent = {"lines": [{"sku": sku, "quantity": 2}]}
                assert assert_error(client.post(f"{path}/lines", json=sent), 409, "COUNT_CLOSED") == {}
            for last in ("close", "cancel"):
                assert assert_error(client.post(f"{path}/{last}"), 409, "COUNT_CLOSED") == {}


def test_a_place_has_one_open_count(client: httpx.Client, products: list[int], unchanged: Unchanged) -> None:
    count = start(client)
    with unchanged():
        assert assert_error(client.post(COUNTS, json={"location": A}), 409, "COUNT_OPEN") == {}
    assert start(client, B)["id"] != count["id"]
    end(client, count, "cancel")
    again = start(client)
    with unchanged():
        assert_error(client.post(COUNTS, json={"location": A}), 409, "COUNT_OPEN")
    end(client, again)


def test_an_unknown_count_is_404_and_a_malformed_one_422(shared: Shared) -> None:
    def answers(count_id: Any) -> list[httpx.Response]:
        sent = {"lines": [{"sku": "A-1", "quantity": 1}]}
        path = f"{COUNTS}/{count_id}"
        posts = [shared.client.post(f"{path}/{last}") for last in ("close", "cancel")]
        return [shared.client.get(path), *posts, shared.client.post(f"{path}/lines", json=sent)]

    for unknown in (0, 999_999, 2**63 - 1):
        for answer in answers(unknown):
            assert assert_error(answer, 404, "COUNT_NOT_FOUND") == {}
    for bad in ("abc", "-1", "+1", "1.0", "1e3", "%20", "%D9%A1", "1" * 30, str(2**63)):
        for answer in answers(bad):
            assert_invalid(answer, "path", "count_id")


def test_an_unknown_sku_refuses_all_lines(client: httpx.Client, products: list[int], unchanged: Unchanged) -> None:
    count = start(client)
    record(client, count, B_1=1)
    with unchanged():
        sent = {"lines": [{"sku": "A-1", "quantity": 1}, {"sku": "NONE", "quantity": 1}]}
        answer = client.post(f"{COUNTS}/{count['id']}/lines", json=sent)
        message = "SKU NONE does not exist in the products table"
        assert assert_error(answer, 404, "INVALID_SKU", message) == {}
    assert lines(get(client, count)) == [("B-1", 1, 0, 1)]


def test_what_has_no_inventory_cannot_be_counted(shared: Shared) -> None:
    path = shared.path(f"{COUNTS}/{{count_id}}/lines")
    answer = shared.client.post(path, json={"lines": [{"sku": "BARE", "quantity": 1}]})
    assert assert_error(answer, 400, "INVENTORY_NOT_INITIALIZED") == {}


def test_a_sku_twice_in_one_call_is_counted_as_the_last_says(client: httpx.Client, products: list[int]) -> None:
    count = start(client)
    sent = {"lines": [{"sku": "A-1", "quantity": 1}, {"sku": "B-1", "quantity": 2}, {"sku": "A-1", "quantity": "3"}]}
    found = client.post(f"{COUNTS}/{count['id']}/lines", json=sent).json()["count"]
    assert lines(found) == [("A-1", 3, 0, 3), ("B-1", 2, 0, 2)]


def test_a_bad_location_is_422(shared: Shared) -> None:
    for value, error in (BAD["to_location"] | {"null": "string_type"}).items():
        text = f'{{"location": {value}}}'
        found = assert_invalid(send(shared.client, "POST", COUNTS, text), "body", "location", error=error)
        assert found["input"] == (json.loads(text) if error == "value_error" else json.loads(value))
    found = assert_invalid(shared.client.post(COUNTS, json={"place": A}), "body", "location", error="missing")
    assert (found["msg"], found["input"]) == ("Field required", {"place": A})


def test_bad_lines_are_422(shared: Shared) -> None:
    path = shared.path(f"{COUNTS}/{{count_id}}/lines")
    good = {"sku": "A-1", "quantity": 5}

    def refused(found: Any) -> httpx.Response:
        return shared.client.post(path, json={"lines": found})

    assert_invalid(refused([]), "body", "lines", error="too_short")
    assert_invalid(refused([good] * 1001), "body", "lines", error="too_long")
    for bad in ({}, 5, "A-1", None):
        assert_invalid(refused(bad), "body", "lines", error="list_type")
    assert_invalid(shared.client.post(path, json=good), "body", "lines", error="missing")
    for bad in (5, None, [], "A-1"):
        found = assert_invalid(refused([good, bad]), "body", "lines", 1, error="model_attributes_type")
        assert found["input"] == bad
    for name in good:
        bad = {field: value for field, value in good.items() if field != name}
        assert assert_invalid(refused([bad]), "body", "lines", 0, name, error="missing")["input"] == bad
    quantities = NO_INTEGER | {"-1": "greater_than_equal", "1000001": "less_than_equal"}
    for name, values in (("sku", BAD["sku"]), ("quantity", quantities)):
        for value, error in values.items():
            line = {field: json.dumps(item) for field, item in good.items()} | {name: value}
            text = f'{{"lines": [{{"sku": {line["sku"]}, "quantity": {line["quantity"]}}}]}}'
            assert_invalid(send(shared.client, "POST", path, text), "body", "lines", 0, name, error=error)


def test_0_to_a_million_may_be_found(client: httpx.Client, database: Database, products: list[int]) -> None:
    done(client, adding(5))
    count = start(client)
    assert lines(record(client, count, A_1=0, B_1=1_000_000)) == [("A-1", 0, 5, -5), ("B-1", 1_000_000, 0, 1_000_000)]
    end(client, count)
    assert stock_at(client, A) == {"B-1": 1_000_000}
    database.verify()


def test_1000_lines(client: httpx.Client, database: Database) -> None:
    database.rows("select inventory.create_product('P-' || i, 'P', p_quantity => 1) from generate_series(1, 1000) as i")
    count = start(client)
    sent = {"lines": [{"sku": f"P-{i}", "quantity": i} for i in range(1000, 0, -1)]}
    answer = client.post(f"{COUNTS}/{count['id']}/lines", json=sent)
    assert [len(found) for found in (answer.json()["count"]["lines"], end(client, count)["lines"])] == [1000, 1000]
    assert stock_at(client, A) == {f"P-{i}": i for i in range(1, 1001)}
    assert database.one("select sum(on_hand) from store.stock") == 1000 + 500_500
    database.verify()


def test_closing_is_all_or_nothing(
    client: httpx.Client, database: Database, products: list[int], unchanged: Unchanged
) -> None:
    done(client, adding(10), adding(10, sku="B-1"))
    count = start(client)
    record(client, count, A_1=15, B_1=4, C_1=3)
    done(client, removing(5, sku="B-1"))
    path = f"{COUNTS}/{count['id']}/close"
    with unchanged():
        answer = client.post(path)
        # 6 were missing of 10, but only 5 are there now.
        message = f"Insufficient stock of SKU B-1 at location {A}"
        assert assert_error(answer, 400, "INSUFFICIENT_STOCK", message) == {"held": 5}
    # Counted again it can be closed.
    record(client, count, B_1=4)
    end(client, count)
    assert stock_at(client, A) == {"A-1": 15, "B-1": 4, "C-1": 3}
    database.verify()


def test_what_is_promised_cannot_be_counted_away(
    client: httpx.Client, database: Database, unchanged: Unchanged
) -> None:
    product = database.product("A-1")
    done(client, adding(10))
    assert client.post(f"/api/v1/inventory/{product}/reserveStock", json={"amount": 7}).status_code == 204
    count = start(client)
    record(client, count, A_1=6)
    with unchanged():
        found = assert_error(client.post(f"{COUNTS}/{count['id']}/close"), 400, "INSUFFICIENT_STOCK")
        assert found == {"held": 10, "reserved": 7, "blocked": 0, "available": 3}
    assert client.post(f"/api/v1/inventory/{product}/releaseStock", json={"amount": 1}).status_code == 204
    end(client, count)
    assert (held(client), database.stock(product)) == ({A: 6}, (6, 6, 0))
    database.verify()


def test_a_count_past_the_limit_of_a_balance_is_422(
    client: httpx.Client, database: Database, unchanged: Unchanged
) -> None:
    database.product("A-1", "999999999")
    count = start(client)
    record(client, count, A_1=1)
    with unchanged():
        assert assert_error(client.post(f"{COUNTS}/{count['id']}/close"), 422, "QUANTITY_OUT_OF_RANGE") == {}


def test_what_is_not_active_may_be_counted(client: httpx.Client, database: Database, products: list[int]) -> None:
    done(client, adding(10))
    database.rows("select inventory.update_inventory(%s, p_status => 'archived')", products[0])
    count = start(client)
    record(client, count, A_1=12)
    end(client, count)
    assert held(client) == {A: 12}


def test_a_fraction_made_elsewhere_is_booked_as_it_is(admin: httpx.Client, database: Database) -> None:
    product = database.product("A-1")
    done(admin, adding(2))
    sold = {"product_id": product, "quantity": "0.5", "unit_price": 1}
    assert admin.post("/inventory/sales", json=sold).status_code == 201
    count = start(admin)
    assert lines(record(admin, count, A_1=1)) == [("A-1", 1, 1.5, -0.5)]
    assert '"booked":1.5' in admin.get(f"{COUNTS}/{count['id']}").text
    end(admin, count)
    assert held(admin) == {A: 1}
    assert shown(admin, f"/inventory/{product}/movements")["movements"][0]["quantity"] == "-0.500"
    database.verify()


def test_a_single_count_order_is_none_of_a_count(client: httpx.Client, products: list[int]) -> None:
    count = start(client)
    record(client, count, A_1=5)
    done(client, counting(3))
    # The 3 came after the counting of 5 where nothing was booked.
    end(client, count)
    assert held(client) == {A: 8}


# The list


def test_the_counts_newest_first_by_place_and_status(client: httpx.Client, products: list[int]) -> None:
    assert shown(client, COUNTS) == {"counts": [], "next": None}
    counts = [start(client, A), start(client, B)]
    end(client, counts[0])
    counts += [start(client, A), start(client, C)]
    record(client, counts[2], A_1=2)
    end(client, counts[1], "cancel")
    ids = [count["id"] for count in counts]

    def positions(**filters: Any) -> list[int]:
        return [ids.index(count["id"]) for count in shown(client, COUNTS, **filters)["counts"]]

    assert positions() == [3, 2, 1, 0]
    assert positions(location=A) == [2, 0]
    assert positions(location="RACK-Z9-99") == []
    assert positions(status="open") == [3, 2]
    assert (positions(status="closed"), positions(status="cancelled")) == ([0], [1])
    assert positions(location=A, status="open") == [2]
    assert positions(location=B, status="open") == []
    # Each as it is by itself, with its lines.
    assert shown(client, COUNTS)["counts"] == [get(client, count) for count in reversed(counts)]


def test_the_counts_page_by_page(client: httpx.Client, products: list[int]) -> None:
    for _ in range(4):
        end(client, start(client, A), "cancel")
        end(client, start(client, B))
    for filters in ({}, {"location": A}, {"status": "cancelled"}):
        whole = shown(client, COUNTS, **filters)["counts"]
        for limit in (1, 3, len(whole)):
            assert pages(client, limit, filters) == whole


def pages(client: httpx.Client, limit: int, filters: dict[str, str]) -> list[Any]:
    """The counts, so many at a time, until next is null."""
    found: list[Any] = []
    following: dict[str, Any] = {}
    while True:
        page = shown(client, COUNTS, limit=limit, **filters, **following)
        found += page["counts"]
        if page["next"] is None:
            return found
        assert len(page["counts"]) == limit
        assert page["next"] == page["counts"][-1]["id"]
        following = {"after": page["next"]}


def test_a_bad_filter_is_422(shared: Shared) -> None:
    for name, values in {
        "location": {"A": "value_error"},
        "status": {"Open": "literal_error", "done": "literal_error"},
        "after": {"abc": "int_parsing", "1.5": "int_parsing", "9" * 20: "less_than_equal"},
    }.items():
        for value, error in values.items():
            found = assert_invalid(shared.client.get(COUNTS, params={name: value}), "query", name, error=error)
            assert found["input"] == value
