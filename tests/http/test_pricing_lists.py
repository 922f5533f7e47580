"""API 3: pages and filters of every list."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from server.http.routes import Route
from tests.conftest import Database
from tests.http.conftest import Shared
from tests.http.pricing import (
    PRICING,
    UNKNOWN,
    buy,
    give_back,
    initialize,
    instant,
    made,
    price,
    register,
    sell,
    shown,
    stocked,
    supplier,
    written,
)
from tests.http.samples import name_of
from tests.http.test_stock import assert_problem

MICROSECOND = timedelta(microseconds=1)
# A list by its path, and the name that it comes under.
LISTS = {
    "/products": "products",
    "/units": "units",
    "/suppliers": "suppliers",
    "/inventory": "inventory",
    "/inventory/{product_id}/movements": "movements",
    "/inventory/purchases": "purchases",
    "/inventory/purchases/{product_id}": "purchases",
    "/inventory/sales": "sales",
    "/inventory/sales/{product_id}": "sales",
    "/products/{product_id}/prices": "prices",
}
PAGED = [route for route in PRICING if route.method == "GET" and route.path in LISTS]


def test_every_list_is_here() -> None:
    assert {route.path for route in PAGED} == LISTS.keys()
    assert {r.path for r in PRICING if r.function.startswith("list_")} == LISTS.keys()


def pagination(page: int, per_page: int, total: int, pages: int, *, more: bool, is_exact: bool = True) -> Any:
    return {
        "page": page,
        "per_page": per_page,
        "total": total,
        "pages": pages,
        "has_next": more,
        "has_prev": page > 1,
        "is_total_exact": is_exact,
    }


def ids(body: Any, name: str) -> list[int]:
    return [item["id"] for item in body[name]]


# Pages


def test_the_pages_of_every_list(admin: httpx.Client) -> None:
    products = [stocked(admin, f"A-{i}", 10) for i in range(5)]
    suppliers = [supplier(admin) for _ in range(5)]
    for i in range(2):
        made(admin.post("/units", json={"name": f"Unit {i}", "symbol": "u"}))
    for i in range(5):
        made(buy(admin, products[0], suppliers[i], 1, i))
        made(sell(admin, products[0], 1))
        price(admin, products[0], i, close_old_price=False)
    lists = LISTS | {"/products/{product_id}/prices?include_inactive=true": "prices"}
    for path, name in lists.items():
        route = path.format(product_id=products[0])
        total = 11 if name == "movements" else 5
        whole = shown(admin, route)
        assert whole["pagination"] == pagination(1, 20, total, 1, more=False), path
        everything = whole[name]
        assert ids(whole, name) == sorted(
            ids(whole, name), reverse=name in ("movements", "purchases", "sales", "prices")
        )
        given = "&" if "?" in route else "?"
        pages = -(-total // 2)
        for page in range(1, pages + 1):
            found = shown(admin, f"{route}{given}page={page}&per_page=2")
            assert found[name] == everything[2 * page - 2 : 2 * page], path
            assert found["pagination"] == pagination(page, 2, total, pages, more=page < pages), path
            assert found.keys() == whole.keys()
        for page in (pages + 1, 1000, 2**31 - 1):
            found = shown(admin, f"{route}{given}page={page}&per_page=2")
            assert (found[name], found["pagination"]) == ([], pagination(page, 2, total, pages, more=False)), path
        for per_page in (total, 100):
            found = shown(admin, f"{route}{given}per_page={per_page}")
            assert (found[name], found["pagination"]) == (everything, pagination(1, per_page, total, 1, more=False))


def test_of_nothing_there_are_no_pages(admin: httpx.Client) -> None:
    product_id = stocked(admin)
    for path, name in LISTS.items():
        if name not in ("products", "units", "inventory"):
            found = shown(admin, path.format(product_id=product_id))
            assert (found[name], found["pagination"]) == ([], pagination(1, 20, 0, 0, more=False)), path
            assert shown(admin, path.format(product_id=product_id), page=2)["pagination"]["has_prev"] is True


@pytest.mark.parametrize("route", PAGED, ids=name_of)
def test_a_page_or_a_size_out_of_range_is_400(shared: Shared, route: Route) -> None:
    path = shared.path(route.path)
    for name, values in {
        "page": ("0", "-1", "abc", "1.5", "true", "null", "1e999", "9" * 5000, str(2**31), "\x00", "\u0663"),
        "per_page": ("0", "-1", "101", "1000", "abc", "1.5", "true", "9" * 5000, "\x00"),
    }.items():
        for value in values:
            answer = shared.admin.get(path, params={name: value})
            assert_problem(answer, 400, "VALIDATION_ERROR", name)
            assert list(answer.json()["errors"]) == [name]
    answer = shared.admin.get(path, params={"page": "x", "per_page": "x"})
    assert answer.json()["errors"].keys() == {"page", "per_page"}
    answer = shared.admin.get(path, params={"per_page": "100", "x": "y", "limit": "x", "p_page": "x", "actor": ""})
    assert (answer.status_code, answer.json()["pagination"]["per_page"]) == (200, 100)


# So many rows more in each table.
MANY = """
insert into store.product (sku_id, sku, name, created_at, updated_at)
select gen_random_uuid(), 'M-' || i, 'Many', now(), now() from generate_series(1, {rows}) as i;
insert into store.stock (product_id, created_at, updated_at)
select id, now(), now() from store.product where name = 'Many';
insert into store.supplier (name, created_at, updated_at) select 'S', now(), now() from generate_series(1, {rows});
insert into store.purchase
select
    {product_id}, i, nextval('store.purchase_id_seq'), {supplier_id}, 1, 1, 1, 1, 'test',
    now() + i * interval '1 microsecond', i, i
from generate_series(1, {rows}) as i;
insert into store.price (product_id, price_type, amount, effective_from, created_at, updated_at)
select {product_id}, 'retail', i, now() - i * interval '1 second', now(), now() from generate_series(1, {rows}) as i;
"""


def test_a_long_list_is_counted_to_10_000_and_no_further(admin: httpx.Client, database: Database) -> None:
    product_id, supplier_id = register(admin), supplier(admin)
    for query in MANY.format(rows=10_000, product_id=product_id, supplier_id=supplier_id).split(";"):
        database.admin.execute(query.encode())
    of_product = f"/inventory/purchases/{product_id}"
    # Products and suppliers there were one of each before.
    for path, name in [
        ("/inventory", "inventory"),
        (f"/products/{product_id}/prices", "prices"),
        (of_product, "purchases"),
    ]:
        found = shown(admin, path)["pagination"]
        assert found == pagination(1, 20, 10_000, 500, more=True), path
        found = shown(admin, path, page=500)
        assert (len(found[name]), found["pagination"]) == (20, pagination(500, 20, 10_000, 500, more=False)), path
    initialize(admin, product_id)
    price(admin, product_id, 1, close_old_price=False)
    made(buy(admin, product_id, supplier_id, 1, 1))
    for path, name in [
        ("/products", "products"),
        ("/suppliers", "suppliers"),
        ("/inventory", "inventory"),
        ("/inventory?status=active", "inventory"),
        ("/inventory/purchases", "purchases"),
        (f"/inventory/purchases?supplier_id={supplier_id}", "purchases"),
        (f"/products/{product_id}/prices", "prices"),
    ]:
        given = "&" if "?" in path else "?"
        for page, per_page, pages in ((1, 20, 500), (500, 20, 500), (100, 100, 100)):
            found = shown(admin, f"{path}{given}page={page}&per_page={per_page}")
            assert len(found[name]) == per_page
            assert found["pagination"] == pagination(page, per_page, 10_000, pages, more=True, is_exact=False), path
        # From the page that the last of them is on, the total is known.
        found = shown(admin, f"{path}{given}page=501")
        assert (len(found[name]), found["pagination"]) == (1, pagination(501, 20, 10_001, 501, more=False)), path
        found = shown(admin, f"{path}{given}page=502")
        assert (found[name], found["pagination"]) == ([], pagination(502, 20, 10_001, 501, more=False)), path
    # A product's purchases know how many they are.
    assert shown(admin, of_product)["pagination"] == pagination(1, 20, 10_001, 501, more=True)


def test_a_page_deep_in_a_long_list_is_refused(admin: httpx.Client, database: Database) -> None:
    """Whoever asks for page 2 000 000 000 keeps nobody waiting; past the end of a short list a page is empty."""
    for function in ("http.count_limit", "http.pagination"):
        database.lower(function, 250000, to=6)
        if function == "http.count_limit":
            database.lower(function, 10000, to=4)
    product_id, supplier_id = stocked(admin), supplier(admin)
    for _ in range(5):
        made(buy(admin, product_id, supplier_id, 1, 1))
        price(admin, product_id, 1, close_old_price=False)
    found = shown(admin, f"/inventory/{product_id}/movements", page=2**31 - 1)
    assert (found["movements"], found["pagination"]) == ([], pagination(2**31 - 1, 20, 5, 1, more=False))
    for _ in range(5):
        made(buy(admin, product_id, supplier_id, 1, 1))
        price(admin, product_id, 1, close_old_price=False)
    for path, name in (
        ("/inventory/purchases", "purchases"),
        (f"/inventory/{product_id}/movements", "movements"),
        (f"/products/{product_id}/prices", "prices"),
    ):
        for page in (5, 6, 2**31 - 1):
            answer = admin.get(path, params={"page": page, "per_page": 2})
            assert_problem(answer, 400, "VALIDATION_ERROR", "page")
        assert len(shown(admin, path, page=4, per_page=2)[name]) == 2
        assert shown(admin, path, page=4, per_page=2)["pagination"]["has_next"] is True
    # A product's purchases know how many they are.
    found = shown(admin, f"/inventory/purchases/{product_id}", page=2**31 - 1)
    assert (found["purchases"], found["pagination"]["total"]) == ([], 10)


# Filters


def test_a_search_that_would_read_all_of_many_products_is_refused(admin: httpx.Client, database: Database) -> None:
    stocked(admin, "A-1")
    category = made(admin.post("/api/v1/categories/", json={"name": "C"}))["id"]
    queries = (("/products", "q", "products"), ("/inventory", "q", "inventory"))
    for path, name, items in queries:
        assert len(shown(admin, path, **{name: "A-"})[items]) == 1
    database.admin.execute("insert into store.row_total (subject, delta) values ('product', 200001)")
    for path, name, items in queries:
        for text in ("A", "a-", "a-1", "%%%%", "\u00e4\u00f6"):
            assert_problem(admin.get(path, params={name: text}), 400, "VALIDATION_ERROR", name)
        for text in ("product A-", "\u00e4\u00f6\u00fc", "a-123", ""):
            assert admin.get(path, params={name: text}).status_code == 200
        assert len(shown(admin, path)[items]) == 1
    for text in ("A", "a- b", '"a b"', "__ %"):
        answer = admin.get("/api/v1/products/", params={"search": text, "category": category})
        assert (answer.status_code, list(answer.json()["error"]["details"])) == (422, ["search"])
    for text in ("a- product", "", " , ", '""'):
        answer = admin.get("/api/v1/products/", params={"search": text, "category": category})
        assert (answer.status_code, answer.json()["results"]) == (200, [])


@pytest.mark.parametrize(
    ("path", "name", "values"),
    [
        ("/inventory", "product_id", ("abc", "1.5", "true", "null", "9" * 20, "1,2", "\x00")),
        ("/inventory", "status", ("Active", "deleted", "active,inactive", "null", "\x00")),
        ("/inventory", "low_stock", ("abc", "2", "null", "\x00")),
        ("/inventory", "q", ("\x00", "x" * 256)),
        ("/products", "q", ("\x00", "x" * 256)),
        ("/inventory/purchases", "product_id", ("abc", "1.5", "9" * 20)),
        ("/inventory/purchases", "supplier_id", ("abc", "1.5", "9" * 20)),
        ("/inventory/sales", "product_id", ("abc", "1.5", "9" * 20)),
        *(
            (
                path,
                name,
                ("abc", "0", "1736935800", "2025-13-01", "2025-02-30", "2025-01-15T25:00", "15.01.2025", "\x00"),
            )
            for path in ("/inventory/purchases", "/inventory/sales")
            for name in ("date_from", "date_to")
        ),
        ("/products/{product_id}/prices", "include_inactive", ("abc", "2")),
        ("/products/{product_id}/prices", "price_type", ("gift", "Retail")),
        ("/products/{product_id}/prices/active", "price_type", ("gift", "Retail")),
        ("/inventory/{product_id}/valuation", "as_of", ("abc", "0", "2025-02-30", "2999-01-01")),
    ],
)
def test_a_bad_filter_is_400(shared: Shared, path: str, name: str, values: tuple[str, ...]) -> None:
    for value in values:
        answer = shared.admin.get(shared.path(path), params={name: value})
        assert_problem(answer, 400, "VALIDATION_ERROR", name)
        assert list(answer.json()["errors"]) == [name], value


def test_inventory_by_product_status_and_low_stock(admin: httpx.Client) -> None:
    for i, (quantity, others) in enumerate(
        [(50, {}), (20, {"reorder_point": 20}), ("20.001", {"reorder_point": 20}), (0, {"reorder_point": 0}), (0, {})],
        1,
    ):
        assert stocked(admin, f"A-{i}", quantity, **others) == i
    admin.patch("/inventory/2", json={"status": "inactive"})
    admin.patch("/inventory/3", json={"status": "archived"})
    for query, found in {
        "": [1, 2, 3, 4, 5],
        "low_stock=true": [2, 4],
        "low_stock=false": [1, 2, 3, 4, 5],
        "status=active": [1, 4, 5],
        "status=inactive": [2],
        "status=archived": [3],
        "low_stock=true&status=inactive": [2],
        "low_stock=true&status=active": [4],
        "product_id=3": [3],
        "product_id=3&status=active": [],
        **{f"product_id={unknown}": [] for unknown in UNKNOWN},
        "product_id=-1": [],
        "low_stock=true&q=a-4&product_id=4&status=active": [4],
    }.items():
        body = shown(admin, f"/inventory?{query}")
        assert (ids(body, "inventory"), body["pagination"]["total"]) == (found, len(found)), query
    # What leaves makes it low, what comes makes it not.
    supplier_id = supplier(admin)
    admin.patch("/inventory/1", json={"reorder_point": 49})
    for trade, quantity, found in [
        (sell, "0.999", [2, 4]),
        (sell, "0.001", [1, 2, 4]),
        (lambda client, product_id, quantity: buy(client, product_id, supplier_id, quantity, 1), "0.001", [2, 4]),
    ]:
        made(trade(admin, 1, quantity))
        assert ids(shown(admin, "/inventory?low_stock=true"), "inventory") == found


def test_a_search_minds_no_case_and_knows_no_wildcard(admin: httpx.Client) -> None:
    names = {
        "POT-001": "Potatoes",
        "pot-002": "Sweet POTATOES",
        "A_1": "Juice 100%",
        "AB1": "Juice 1000",
        "C\\1": "Back\\slash",
        "D'1": "O\u2019Brien; \u00c4pfel",
    }
    every = [register(admin, sku, name) for sku, name in names.items()]
    for product_id in every[:-1]:
        initialize(admin, product_id)
    for text, found in {
        "": every,
        "potato": every[:2],
        "POTATOES": every[:2],
        "Pot-00": every[:2],
        "pot-002": every[1:2],
        "sweet potatoes": every[1:2],
        "100%": every[2:3],
        "%": every[2:3],
        "_": every[2:3],
        "a_1": every[2:3],
        "a%1": [],
        "juice": every[2:4],
        "\\": every[4:5],
        "K\\S": every[4:5],
        "'": every[5:],
        "\u00e4PFEL": every[5:],
        " ": [*every[1:4], *every[5:]],
        "potatoes ": [],
        "null": [],
        "x" * 255: [],
        "\u20ac\U0001f600": [],
    }.items():
        body = shown(admin, "/products", q=text)
        assert (ids(body, "products"), body["pagination"]["total"]) == (found, len(found)), text
        body = shown(admin, "/inventory", q=text)
        assert ids(body, "inventory") == [product_id for product_id in found if product_id != every[-1]], text
    assert ids(shown(admin, "/products", q="potatoes", per_page=1, page=2), "products") == every[1:2]


def test_trade_by_product_and_supplier(admin: httpx.Client) -> None:
    products, suppliers = [stocked(admin, f"A-{i}", 5) for i in range(2)], [supplier(admin) for _ in range(2)]
    bought = [
        made(buy(admin, product_id, supplier_id, 1, 1))["purchase_item"]["id"]
        for product_id in products
        for supplier_id in suppliers
    ]
    sold = [made(sell(admin, product_id, 2))["sale_item"]["id"] for product_id in (*products, products[0])]
    sold.append(made(give_back(admin, sold[0]))["sale_item"]["id"])
    for query, found in {
        "": bought,
        f"product_id={products[1]}": bought[2:],
        f"supplier_id={suppliers[0]}": bought[::2],
        f"product_id={products[1]}&supplier_id={suppliers[0]}": bought[2:3],
        **{f"{name}={unknown}": [] for unknown in UNKNOWN for name in ("product_id", "supplier_id")},
    }.items():
        body = shown(admin, f"/inventory/purchases?{query}")
        assert (ids(body, "purchases"), body["pagination"]["total"]) == (found[::-1], len(found)), query
    for query, found in {
        "": sold,
        f"product_id={products[1]}": sold[1:2],
        f"product_id={products[0]}&supplier_id=x": [sold[0], *sold[2:]],
        **{f"product_id={unknown}": [] for unknown in UNKNOWN},
    }.items():
        body = shown(admin, f"/inventory/sales?{query}")
        assert (ids(body, "sales"), body["pagination"]["total"]) == (found[::-1], len(found)), query
    assert ids(shown(admin, f"/inventory/purchases/{products[0]}"), "purchases") == bought[1::-1]
    assert ids(shown(admin, f"/inventory/sales/{products[1]}"), "sales") == sold[1:2]


@pytest.mark.parametrize("what", ["purchases", "sales"])
def test_trade_from_and_up_to_a_time_or_a_day(admin: httpx.Client, database: Database, what: str) -> None:
    product_id, supplier_id = stocked(admin, quantity=50), supplier(admin)
    day = datetime(2025, 1, 15, tzinfo=UTC)
    times = [
        day - MICROSECOND,
        day,
        day + timedelta(hours=10.5),
        day + timedelta(days=1) - MICROSECOND,
        day + timedelta(days=1),
    ]
    for number, at in enumerate(times, 1):
        made(buy(admin, product_id, supplier_id, 1, 1) if what == "purchases" else sell(admin, product_id, 1))
        table = what.removesuffix("s")
        database.admin.execute(
            f"update store.{table} set created_at = %s, id = number where number = %s".encode(), [at, number]
        )
    for (begin, end), found in {
        (None, None): [1, 2, 3, 4, 5],
        ("2025-01-15", None): [2, 3, 4, 5],
        (None, "2025-01-15"): [1, 2, 3, 4],
        ("2025-01-15", "2025-01-15"): [2, 3, 4],
        ("2025-01-14", "2025-01-14"): [1],
        ("2025-01-16", "2025-01-15"): [],
        ("2025-01-17", None): [],
        ("0001-01-01", "9999-12-31"): [1, 2, 3, 4, 5],
        # An instant includes itself; without an offset it is UTC.
        ("2025-01-15T10:30:00", None): [3, 4, 5],
        ("2025-01-15T10:30:00.000001", None): [4, 5],
        (None, "2025-01-15T10:30"): [1, 2, 3],
        (None, "2025-01-15 10:29:59.999999"): [1, 2],
        (None, "2025-01-15T00:00:00"): [1, 2],
        (None, "2025-01-15T23:59:59"): [1, 2, 3],
        ("2025-01-15T10:30:00Z", "2025-01-15T10:30:00Z"): [3],
        ("2025-01-15T12:30:00+02:00", "2025-01-15T12:30:00+02:00"): [3],
        ("2025-01-15T02:00:00+02:00", "2025-01-15T05:00:00-05:30"): [2, 3],
        (None, "2025-01-15T04:59:59-0530"): [1, 2],
    }.items():
        sent = {name: value for name, value in (("date_from", begin), ("date_to", end)) if value}
        for others in ({}, {"product_id": product_id}):
            body = shown(admin, f"/inventory/{what}", **sent, **others)
            assert (ids(body, what), body["pagination"]["total"]) == (found[::-1], len(found)), sent
    page = shown(admin, f"/inventory/{what}", date_from="2025-01-15", date_to="2025-01-15", per_page=2, page=2)
    assert (ids(page, what), page["pagination"]) == ([2], pagination(2, 2, 3, 2, more=False))


def test_the_time_that_is_shown_finds_what_it_is_of(admin: httpx.Client) -> None:
    product_id, supplier_id = stocked(admin, quantity=5), supplier(admin)
    for what, at in [
        ("purchases", made(buy(admin, product_id, supplier_id, 1, 1))["purchase_item"]["created_at"]),
        ("sales", made(sell(admin, product_id, 1))["sale_item"]["created_at"]),
    ]:
        assert len(shown(admin, f"/inventory/{what}", date_from=at, date_to=at)[what]) == 1
        assert shown(admin, f"/inventory/{what}", date_from=written(instant(at) + MICROSECOND))[what] == []
        assert shown(admin, f"/inventory/{what}", date_to=written(instant(at) - MICROSECOND))[what] == []
