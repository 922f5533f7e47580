"""API 5's lists against a model of them: filters, orders, pages, and the links between them."""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Callable, Iterable
from datetime import timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlsplit

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
    followed,
    get,
    inflow,
    new,
    outflow,
    product,
    supplier,
)
from tests.http.conftest import Shared
from tests.http.pricing import made

Item = dict[str, Any]

# The model


def words(search: str) -> list[str]:
    """What is searched for: words between spaces or commas, or in quotation marks."""
    return [quoted or plain for quoted, plain in re.findall(r'"([^"]+)"|([^\s,"]+)', search)]


def sorted_as(items: Iterable[Item], ordering: str, value: Callable[[Item, str], Any], default: str) -> list[Item]:
    """Sorted as PostgreSQL sorts: null is more than all else; ties by id, in the direction of the last field."""
    known = [term.strip() for term in ordering.split(",")]
    known = [term for term in known if term.removeprefix("-") in VALUES] or [default]
    found = list(items)
    for term in reversed([*known, "-id" if known[-1].startswith("-") else "id"]):
        name = term.removeprefix("-")
        found.sort(
            key=lambda item: ((found := value(item, name)) is None, found if found is not None else 0),
            reverse=term.startswith("-"),
        )
    return found


VALUES = {
    "id",
    "title",
    "category",
    "brand",
    "description",
    "serie_number",
    "cost_price",
    "selling_price",
    "quantity",
    "created_at",
    "updated_at",
    "sku",
    "sku_id",
}


def value_of(item: Item, name: str) -> Any:
    """What a product is sorted by."""
    value = item[name]
    if isinstance(value, dict):
        return value["name"]
    return Decimal(value) if name in ("cost_price", "selling_price", "quantity") and value is not None else value


def matches(item: Item, filters: dict[str, str]) -> bool:
    price = None if item["selling_price"] is None else Decimal(item["selling_price"])
    return (
        all(word.lower() in item["title"].lower() for word in words(filters.get("search", "")))
        and all(
            name not in filters or (item[name] is not None and item[name]["id"] == int(filters[name]))
            for name in ("category", "brand")
        )
        and ("min_price" not in filters or (price is not None and price >= Decimal(filters["min_price"])))
        and ("max_price" not in filters or (price is not None and price <= Decimal(filters["max_price"])))
    )


WORDS = ["Samsung", "galaxy", "S23", "100%", "a_b", "axb", "O'Neil", "back\\slash", "Größe", "Ultra", "1,5", "Phone"]
SEARCHES = [
    "galaxy",
    "GALAXY",
    "galaxy ultra",
    "ultra,galaxy",
    " galaxy ,, ultra ",
    "alax",
    '"galaxy ultra"',
    '"galaxy ultra" s23',
    '"',
    '""',
    '"galaxy',
    "%",
    "100%",
    "_",
    "a_b",
    "'",
    "o'neil",
    "\\",
    "k\\s",
    "grösse",
    "größe",
    "1,5",
    '"1,5"',
    "$1",
    "%s",
    "nothing",
    "",
    " ",
]


@pytest.fixture
def shop(admin: httpx.Client, database: Database) -> list[Item]:
    """50 products of all kinds, some of them made by other APIs, as they are shown one by one."""
    rnd = random.Random(20240115)
    brands = [brand(admin, name) for name in ("Samsung", "apple", "LG")]
    categories = [category(admin, name) for name in ("Phones", "audio", "Home")]
    for i in range(50):
        title = " ".join(rnd.sample(WORDS, rnd.randint(1, 3)))
        price = rnd.choice(["0", "5.00", "5.01", "9.99", "10", "799.99"])
        if i % 10 == 3:
            admin.post(
                "/sku", json={"sku_code": f"one-{i}", "name": title, "quantity": rnd.choice([0, 1.5]), "price": 5}
            )
        elif i % 10 == 7:
            admin.post("/products", json={"sku": f"three-{i}", "name": title})
        else:
            fields: Item = {"title": title, "category": rnd.choice(categories), "brand": rnd.choice(brands)}
            fields |= {
                "cost_price": rnd.choice(["1", "2.50"]),
                "selling_price": price,
                "quantity": rnd.choice([0, 1, 7]),
            }
            fields |= {"description": rnd.choice([None, "a", "b"]), "serie_number": rnd.choice([None, "S-1", "S-2"])}
            new(admin, PRODUCTS, **fields)
        if i % 7 == 0:
            admin.post("/products/1/prices", json={"amount": "12.345"})
    found = [get(admin, PRODUCTS, item_id) for (item_id,) in database.rows("select id from store.product order by id")]
    assert len(found) == 50
    return found


def ids(client: httpx.Client, path: str, **parameters: str) -> list[int]:
    """All ids of a list, a page after the other; fails where its count is another."""
    page = get(client, path, **parameters)
    found = [item["id"] for each in (page, *followed(client, page["next"])) for item in each["results"]]
    assert page["count"] == len(found)
    return found


def test_every_filter_and_order_of_products(admin: httpx.Client, shop: list[Item]) -> None:
    rnd = random.Random(20240116)
    prices = ["0", "5", "5.00", "5.005", "9.99", "12.344", "12.35", "99999999999999999999"]
    queries: list[dict[str, str]] = [{"search": search} for search in SEARCHES]
    queries += [{name: price} for name in ("min_price", "max_price") for price in prices]
    queries += [{name: str(i)} for name in ("category", "brand") for i in (0, 1, 2, 3, 99, -1)]
    queries += [{"ordering": f"{sign}{name}"} for name in sorted(VALUES) for sign in ("", "-")]
    queries += [
        {"ordering": ordering}
        for ordering in (
            "category,-selling_price",
            "-brand,title,-quantity",
            " title , -id ",
            "nothing",
            "-nothing,quantity",
            "name",
            "--title",
            "password_hash",
            "id;drop table",
            "m.id",
            "Title",
            ",",
            "",
            "-",
            "quantity,quantity,-quantity",
        )
    ]
    for _ in range(60):
        query = {}
        for name, values in (
            ("search", SEARCHES),
            ("category", ["1", "2", "3"]),
            ("brand", ["1", "2", "3"]),
            ("min_price", prices),
            ("max_price", prices),
        ):
            if rnd.random() < 0.4:
                query[name] = rnd.choice(values)
        terms = [rnd.choice(["", "-"]) + name for name in rnd.sample(sorted(VALUES), 2)]
        queries.append(query | {"ordering": ",".join(terms)})
    for query in queries:
        wanted = [item for item in shop if matches(item, exact_prices(query))]
        wanted = sorted_as(wanted, query.get("ordering", ""), value_of, "id")
        assert ids(admin, PRODUCTS, **query, page_size="100") == [item["id"] for item in wanted], query


def exact_prices(query: dict[str, str]) -> dict[str, str]:
    """The one price of 3 decimals (12.345, printed as 12.35) is compared as it is kept."""
    kept = {"12.35": "12.351"} if "min_price" in query else {}
    return {name: kept.get(value, value) if name == "min_price" else value for name, value in query.items()}


def test_the_results_are_the_things_themselves(admin: httpx.Client, shop: list[Item]) -> None:
    page = get(admin, PRODUCTS, page_size="100")
    assert page["results"] == shop
    assert (page["count"], page["next"], page["previous"]) == (50, None, None)


@pytest.mark.parametrize(("path", "kind"), [(BRANDS, "name"), (CATEGORIES, "name"), (SUPPLIERS, "name")])
def test_brands_categories_and_suppliers_are_searched_and_sorted(admin: httpx.Client, path: str, kind: str) -> None:
    names = ["Samsung Galaxy", "apple", "LG", "100% pure", "a_b", "axb", "Größe", "Zeta", "alpha beta", "beta"]
    for i, name in enumerate(names):
        new(admin, path, name=name, description=None if i % 3 else "x")
    items = get(admin, path, page_size="100")["results"]
    assert [item[kind] for item in items] == sorted(names)
    for search in [*SEARCHES, "beta alpha", "beta,alpha", "A"]:
        wanted = [item["id"] for item in items if all(word.lower() in item["name"].lower() for word in words(search))]
        assert ids(admin, path, search=search) == wanted, search
    for ordering in (
        "id",
        "-id",
        "-name",
        "description,-name",
        "-description",
        "created_at",
        "nothing",
        "-updated_at,id",
    ):
        wanted = [item["id"] for item in sorted_by_name(items, ordering)]
        assert ids(admin, path, ordering=ordering, page_size="3") == wanted, ordering


def sorted_by_name(items: list[Item], ordering: str) -> list[Item]:
    renamed = [{**item, "title": item["name"]} for item in items]
    return sorted_as(renamed, ordering.replace("name", "title"), lambda item, name: item[name], "title")


# Flows


def test_every_filter_and_order_of_flows(admin: httpx.Client, database: Database) -> None:
    rnd = random.Random(20240117)
    products = [product(admin, title=title, quantity=1000)["id"] for title in ("Zeta", "alpha", "Beta")]
    suppliers = [supplier(admin, name) for name in ("Zoe", "adam", "Eve")]
    for i in range(24):
        fields = {
            "product": rnd.choice(products),
            "quantity": rnd.randint(1, 4),
            "description": rnd.choice([None, "a"]),
        }
        made(admin.post(INFLOWS, json=fields | {"supplier": rnd.choice(suppliers)}))
        made(admin.post(OUTFLOWS, json=fields))
        database.advance(timedelta(hours=5, seconds=i))
    for path in FLOWS:
        items = get(admin, path, page_size="100")["results"]
        assert [item["id"] for item in items] == sorted(item["id"] for item in items)
        days = sorted({item["created_at"][:10] for item in items})
        middle = items[10]["created_at"]
        queries: list[dict[str, str]] = [{"product": str(i)} for i in (*products, 0, 99)]
        queries += [{"supplier": str(i)} for i in (*suppliers, 0, 99)]
        queries += [{name: day} for name in ("date_from", "date_to") for day in (*days, "2000-01-01", "2999-12-31")]
        queries += [{name: middle} for name in ("date_from", "date_to")]
        queries += [{"date_from": day, "date_to": day, "product": str(products[1])} for day in days]
        queries += [
            {"date_from": days[1], "date_to": middle, "supplier": str(suppliers[0]), "product": str(products[0])}
        ]
        for query in queries:
            wanted = [item["id"] for item in items if flow_matches(item, query)]
            assert ids(admin, path, **query) == wanted, query
        for ordering in (
            "-id",
            "quantity",
            "-quantity,product",
            "product",
            "-description",
            "-created_at",
            "supplier,-id",
        ):
            wanted = [item["id"] for item in flows_sorted(items, ordering)]
            assert ids(admin, path, ordering=ordering) == wanted, ordering
        # The same instant with another offset.
        hours, minutes = int(middle[11:13]), middle[13:].rstrip("Z")
        if hours >= 2:
            for offset, shifted in (("+02:00", hours + 2), ("-02:00", hours - 2)):
                if shifted < 24:
                    text = f"{middle[:11]}{shifted:02}{minutes}{offset}"
                    for name in ("date_from", "date_to"):
                        assert ids(admin, path, **{name: text}) == ids(admin, path, **{name: middle})
        assert ids(admin, path, date_from=middle.rstrip("Z")) == ids(admin, path, date_from=middle)
    database.verify()


def flow_matches(item: Item, query: dict[str, str]) -> bool:
    at, start, end = item["created_at"].rstrip("Z"), query.get("date_from", ""), query.get("date_to")
    return (
        ("product" not in query or item["product"]["id"] == int(query["product"]))
        and ("supplier" not in query or "supplier" not in item or item["supplier"]["id"] == int(query["supplier"]))
        and at >= start.rstrip("Z")
        and (end is None or (at[:10] <= end if len(end) == 10 else at <= end.rstrip("Z")))
    )


def flows_sorted(items: list[Item], ordering: str) -> list[Item]:
    if "supplier" not in items[0]:
        ordering = ordering.replace("supplier,", "")
    renamed = [
        {**item, "category": item.get("supplier", {}).get("name"), "brand": item["product"]["title"]} for item in items
    ]
    ordering = ordering.replace("supplier", "category").replace("product", "brand")
    return sorted_as(renamed, ordering, lambda item, name: item[name], "id")


def test_a_day_counts_whole_to_its_last_microsecond(admin: httpx.Client, database: Database) -> None:
    item = product(admin, quantity=10)
    for at in ("2030-01-31T23:59:59.999999Z", "2030-02-01T00:00:00Z"):
        flow = made(outflow(admin, item["id"], 1))
        database.admin.execute("update store.outflow set created_at = %s where id = %s", [at, flow["id"]])
    first, second = ids(admin, OUTFLOWS)
    assert ids(admin, OUTFLOWS, date_to="2030-01-31") == [first]
    assert ids(admin, OUTFLOWS, date_from="2030-02-01") == [second]
    assert ids(admin, OUTFLOWS, date_from="2030-01-31", date_to="2030-01-31") == [first]
    assert ids(admin, OUTFLOWS, date_from="2030-01-31", date_to="2030-02-01") == [first, second]
    assert ids(admin, OUTFLOWS, date_to="2030-01-31T23:59:59Z") == []
    assert ids(admin, OUTFLOWS, date_from="2030-02-01T01:00:00+01:00") == [second]
    assert ids(admin, OUTFLOWS, date_to="2030-01-31T18:59:59.999999-05:00") == [first]


NO_INTEGER = "A valid integer is required."
NO_NUMBER = "A valid number is required."
NO_DATE = "Date has wrong format. Use one of these formats instead: YYYY-MM-DD."


@pytest.mark.parametrize(
    ("path", "field", "values", "sentence"),
    [
        *((PRODUCTS, name, ["abc", "1.5", "true", "1_0", "%"], NO_INTEGER) for name in ("category", "brand")),
        *((path, "product", ["abc", "1.5", "null"], NO_INTEGER) for path in FLOWS),
        (INFLOWS, "supplier", ["abc", "1.5", "1;"], NO_INTEGER),
        *((PRODUCTS, name, ["abc", "NaN", "Infinity", "1,5", "$5"], NO_NUMBER) for name in ("min_price", "max_price")),
        *((PRODUCTS, name, ["-1", "1.0001", "1" * 25, "1e99"], None) for name in ("min_price", "max_price")),
        *(
            (
                path,
                name,
                ["abc", "2024", "2024-1-1", "01/02/2024", "2024-01-15T25:00", "2024-01-15T10:00+99:00"],
                NO_DATE,
            )
            for path in FLOWS
            for name in ("date_from", "date_to")
        ),
        *((path, name, ["2024-02-30", "2024-13-01"], None) for path in FLOWS for name in ("date_from", "date_to")),
        *((path, "search", ["a\0", "x" * 256], None) for path in COLLECTIONS if path not in FLOWS),
    ],
)
def test_a_bad_filter_is_422(shared: Shared, path: str, field: str, values: list[str], sentence: str | None) -> None:
    for value in values:
        answer = shared.admin.get(path, params={field: value})
        assert_invalid(answer, **{field: None if sentence is None else [sentence]})


@pytest.mark.parametrize("path", COLLECTIONS)
def test_unknown_parameters_are_ignored(shared: Shared, path: str) -> None:
    parameters = {"url": "http://evil.example/", "actor": "x", "p_page": "9", "limit": "0", "after": "x", "offset": "5"}
    page = get(shared.admin, path, **parameters)
    assert page == get(shared.admin, path)
    assert (page["next"], page["previous"]) == (None, None)


# Pages


@pytest.fixture
def many(admin: httpx.Client, database: Database) -> httpx.Client:
    """The admin's client; 25 rows in each collection."""
    for path in (BRANDS, CATEGORIES, SUPPLIERS):
        for i in range(25):
            new(admin, path, name=f"n{i * 7 % 25:02}")
    for i in range(25):
        sent = {"category": 1, "brand": 1, "cost_price": 1, "selling_price": 1, "quantity": 100}
        new(admin, PRODUCTS, title=f"t{i}", **sent)
        made(inflow(admin, 1, 1, 1))
        made(outflow(admin, 1, 1))
    return admin


def test_pages_of_all_collections(many: httpx.Client) -> None:
    for path in COLLECTIONS:
        whole = get(many, path, page_size="100")["results"]
        assert len(whole) == 25
        for parameters, size in (
            ({}, 10),
            ({"page_size": "7"}, 7),
            ({"page_size": "007"}, 7),
            ({"page_size": "25"}, 25),
            ({"page_size": "24"}, 24),
            *(({"page_size": odd}, 10) for odd in ("0", "abc", "-5", "1.5", "")),
        ):
            pages = [get(many, path, **parameters)]
            pages += followed(many, pages[0]["next"])
            assert [item for page in pages for item in page["results"]] == whole, parameters
            assert {len(page["results"]) for page in pages[:-1]} <= {size}
            assert {page["count"] for page in pages} == {25}
            assert len(pages) == -(-25 // size)
            # And back again.
            for before, page in itertools.pairwise(pages):
                assert get(many, page["previous"]) == before
            assert pages[0]["previous"] is None
            last = get(many, path, **parameters, page="last")
            assert last["results"] == pages[-1]["results"]
            assert last["next"] is None
            for bad in (str(len(pages) + 1), *(("0", "-1", "abc", "1.5", "9" * 30, "LAST") if size == 10 else ())):
                answer = many.get(path, params=parameters | {"page": bad})
                assert_error(answer, 404, "PAGE_NOT_FOUND", "Invalid page.")


@pytest.mark.parametrize("path", COLLECTIONS)
def test_an_empty_list_has_one_page(admin: httpx.Client, path: str) -> None:
    for page in ({}, {"page": "1"}, {"page": "last"}):
        assert get(admin, path, **page) == {"count": 0, "next": None, "previous": None, "results": []}
    assert_error(admin.get(path, params={"page": "2"}), 404, "PAGE_NOT_FOUND", "Invalid page.")


def test_page_size_over_100_is_cut_to_100(admin: httpx.Client, database: Database) -> None:
    database.rows("select inventory.create_brand('b' || i) from generate_series(1, 101) as i")
    for size in ("100", "101", "500", "9" * 30):
        page = get(admin, BRANDS, page_size=size)
        assert (page["count"], len(page["results"])) == (101, 100)
        assert len(get(admin, page["next"])["results"]) == 1


LINKS = [
    ("page=2&page_size=3&search=n", "page_size=3&search=n"),
    ("search=n&page=2&x=a%20b%26c%3Dd%25%E2%82%AC&page_size=3", "search=n&x=a%20b%26c%3Dd%25%E2%82%AC&page_size=3"),
    ("y=&page_size=3&pages=1&page=2&xpage=2&page_=4", "y=&page_size=3&pages=1&xpage=2&page_=4"),
    ("ordering=-name,id&page=2&page_size=3&a=1&a=2", "ordering=-name,id&page_size=3&a=1&a=2"),
]


@pytest.mark.parametrize("host", ["shop.example", "shop.example:8080", "127.0.0.1:1", "[::1]:8000"])
def test_links_are_absolute_and_keep_all_other_parameters_in_order(many: httpx.Client, host: str) -> None:
    for path in (BRANDS, BRANDS[:-1]):
        for query, rest in LINKS:
            answer = many.get(f"{path}?{query}", headers={"Host": host})
            assert answer.status_code == 200
            page = answer.json()
            for link, number in ((page["next"], "3"), (page["previous"], None)):
                url = urlsplit(link)
                assert (url.scheme, url.netloc, url.path) == ("http", host, path)
                found = parse_qsl(url.query, keep_blank_values=True)
                numbers = [value for name, value in found if name == "page"]
                assert numbers == ([] if number is None else [number])
                assert [pair for pair in found if pair[0] != "page"] == parse_qsl(rest, keep_blank_values=True)


def test_a_client_that_follows_next_sees_all_that_was_there(many: httpx.Client, database: Database) -> None:
    """While others add rows, before and behind: page by page, in the default order."""
    for path in COLLECTIONS:
        there = {item["id"] for item in get(many, path, page_size="100")["results"]}
        seen: list[int] = []
        page = get(many, path)
        for i in range(100):
            seen += [item["id"] for item in page["results"]]
            if page["next"] is None:
                break
            if i < 4:
                for name in (f"a{i}", f"n0{i}x", f"z{i}"):
                    add_one(many, path, name)
            page = get(many, page["next"])
        assert there <= set(seen), path
        if path in (PRODUCTS, *FLOWS):
            assert seen == sorted(set(seen)), "in order of id nothing comes twice"
    database.verify()


def add_one(client: httpx.Client, path: str, name: str) -> None:
    if path == PRODUCTS:
        new(client, path, title=name, category=1, brand=1, cost_price=1, selling_price=1)
    elif path in FLOWS:
        new(client, path, product=1, supplier=1, quantity=1)
    else:
        new(client, path, name=name)


def test_counts_follow_every_change(admin: httpx.Client, database: Database) -> None:
    """The counts of large lists are kept, not counted: they are what counting would give."""
    rnd = random.Random(20240118)
    brands, categories = [brand(admin, f"b{i}") for i in range(2)], [category(admin, f"c{i}") for i in range(2)]
    supplier_id, kept, flows = supplier(admin), [], []
    for i in range(60):
        related = {"category": rnd.choice(categories), "brand": rnd.choice(brands)}
        match rnd.choice(["make", "make", "sku", "move", "delete", "flow", "unflow"]):
            case "make":
                kept.append(product(admin, **related)["id"])
            case "sku":
                admin.post("/sku", json={"sku_code": f"s{i}", "name": "s", "quantity": 1, "price": 1})
            case "move" if kept:
                assert admin.patch(f"{PRODUCTS}{rnd.choice(kept)}/", json=related).status_code == 200
            case "delete" if kept:
                admin.delete(f"{PRODUCTS}{rnd.choice(kept)}/")
                kept = [item_id for (item_id,) in database.rows("select id from store.product")]
            case "flow" if kept:
                item_id = rnd.choice(kept)
                flows.append(f"{INFLOWS}{made(inflow(admin, item_id, supplier_id, 2))['id']}/")
                flows.append(f"{OUTFLOWS}{made(outflow(admin, item_id, 1))['id']}/")
            case "unflow" if flows:
                admin.delete(flows.pop())
        queries: list[tuple[str, dict[str, str]]] = [(path, {}) for path in (PRODUCTS, *FLOWS)]
        queries += [(PRODUCTS, {"category": str(category_id)}) for category_id in categories]
        queries += [(PRODUCTS, {"brand": str(brands[0]), "category": str(categories[0])})]
        for path, query in queries:
            page = get(admin, path, **query, page_size="100")
            assert page["count"] == len(page["results"]), (path, query)
    database.verify()
