"""The lists of stock, the sales of each day, who calls, and the blocks that end next."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from psycopg import sql

from server.http.routes import FILE_ROUTES
from tests.conftest import Database, Server
from tests.http.conftest import Shared
from tests.http.document import exact
from tests.http.samples import EVERY_ROUTE
from tests.http.test_kits import Kit, kit
from tests.sql.conftest import Freeze, freeze

__all__ = ["freeze", "kit"]

STOCK = "/api/v1/stock/"
SALES = "/api/v1/daily-sales/"
ME = "/api/v1/me/"
BLOCKS = "/temporary-blocks"
MICROSECOND = timedelta(microseconds=1)


@pytest.fixture(autouse=True)
def _verified(request: pytest.FixtureRequest) -> Iterator[None]:
    database = request.getfixturevalue("database") if "database" in request.fixturenames else None
    yield
    if database is not None:
        database.verify()


def read(client: httpx.Client, path: str, **query: Any) -> Any:
    answer = client.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return exact(answer.text)


def codes(client: httpx.Client, **query: Any) -> list[str]:
    return [each["sku"] for each in read(client, STOCK, **query)["stock"]]


def refused(client: httpx.Client, path: str, **query: Any) -> set[str]:
    """The fields that a refusal names."""
    answer = client.get(path, params=query)
    assert answer.status_code == 422, answer.text
    assert answer.json()["error"]["code"] == "VALIDATION_ERROR"
    return answer.json().keys() - {"error"}


def pages(client: httpx.Client, path: str, key: str, **query: Any) -> list[list[Any]]:
    """All pages, each from where the one before says."""
    found: list[list[Any]] = []
    after: dict[str, Any] | None = {}
    while after is not None:
        page = read(client, path, **query, **after)
        found.append(page[key])
        after = page["next"] and {"after": page["next"]}
        assert len(found) < 100
    return found


def instant(database: Database) -> datetime:
    at = database.one("select inventory.clock()")
    assert isinstance(at, datetime)
    return at


# The list


def test_a_product_in_the_list(database: Database, client: httpx.Client) -> None:
    product = database.product("A-1", "25.5", p_price="2.50")
    database.one("select product_id from inventory.update_inventory(%s, p_reorder_point => 25.5)", product)
    database.one("select id from inventory.reserve_stock(%s, 2)", product)
    database.one("select id from inventory.create_block(%s, 3)", product)
    bare = database.one("select id from inventory.register_product('B-1', 'Bare')")
    shown = {
        "product_id": product,
        "sku_id": database.sku_id(product),
        "sku": "A-1",
        "name": "Product A-1",
        "unit": "pc",
        "on_hand": Decimal("25.5"),
        "reserved": 2,
        "blocked": 3,
        "available": Decimal("20.5"),
        "reorder_point": Decimal("25.5"),
        "status": "active",
        "is_low": True,
        "is_kit": False,
        "price": Decimal("2.5"),
    }
    none = dict.fromkeys(("unit", "reorder_point", "status", "price"))
    units = dict.fromkeys(("on_hand", "reserved", "blocked", "available"), 0)
    other = {"product_id": bare, "sku_id": database.sku_id(bare), "sku": "B-1", "name": "Bare", **none, **units}
    found = read(client, STOCK)
    assert found == {"stock": [shown, other | {"is_low": False, "is_kit": False}], "next": None}
    assert list(found["stock"][0]) == list(shown)
    assert read(client, STOCK.rstrip("/")) == found


def test_a_block_is_free_at_the_instant_at_which_it_expires(
    database: Database, client: httpx.Client, freeze: Freeze
) -> None:
    product = database.product("A-1", 5)
    ends = instant(database).replace(microsecond=0) + timedelta(hours=1)
    database.one("select id from inventory.create_block(%s, 5, p_expires_at => %s)", product, ends)
    for at, blocked in ((ends - MICROSECOND, 5), (ends, 0)):
        freeze(at)
        (line,) = read(client, STOCK)["stock"]
        assert (line["on_hand"], line["blocked"], line["available"]) == (5, blocked, 5 - blocked)
        one = read(client, f"{STOCK}{product}/")
        assert {key: one[key] for key in line} == line
        assert codes(client, state="sold_out") == ["A-1"] * (blocked == 5)
        assert codes(client, state="sold_out", q="a") == ["A-1"] * (blocked == 5)


@pytest.mark.parametrize("state", [None, "low", "sold_out"])
@pytest.mark.parametrize("has_indexes", [True, False])
def test_pages_have_no_holes_and_no_doubles(
    database: Database, start_server: Callable[..., Server], state: str | None, has_indexes: bool
) -> None:
    for n in range(7):
        product = database.product(f"{chr(ord('G') - n)}-1", 0 if n % 3 else 5)
        if n % 3:
            database.one("select product_id from inventory.update_inventory(%s, p_reorder_point => 0)", product)
    if not has_indexes:
        database.without_indexes()
    client = start_server().client()
    query = {} if state is None else {"state": state}
    wanted = ["G-1", "F-1", "E-1", "D-1", "C-1", "B-1", "A-1"] if state is None else ["F-1", "E-1", "C-1", "B-1"]
    for limit in range(1, 9):
        found = pages(client, STOCK, "stock", limit=limit, **query)
        assert [line["sku"] for page in found for line in page] == wanted
        assert all(len(page) == limit for page in found[:-1])
        assert 0 < len(found[-1]) <= limit


def test_low_is_what_api_3_says_is_low(database: Database, admin: httpx.Client, kit: Kit) -> None:
    for sku, quantity, point in (("AT", 5, 5), ("ABOVE", 6, 5), ("NONE", 0, None), ("BELOW", 1, 5)):
        product = database.product(sku, quantity)
        if point is not None:
            database.one("select product_id from inventory.update_inventory(%s, p_reorder_point => 5)", product)
    database.one("select product_id from inventory.update_inventory(%s, p_reorder_point => 99)", kit.id)
    low = [line["product"]["sku"] for line in read(admin, "/inventory", low_stock="true")["inventory"]]
    assert codes(admin, state="low") == low == ["AT", "BELOW"]
    assert [line["sku"] for line in read(admin, STOCK)["stock"] if line["is_low"]] == low


def test_sold_out_is_active_and_has_nothing_available(database: Database, client: httpx.Client) -> None:
    out, held, left, idle = (database.product(sku, n) for sku, n in (("OUT", 0), ("HELD", 3), ("LEFT", 1), ("IDLE", 0)))
    database.one("select id from inventory.register_product('BARE', 'No inventory')")
    database.one("select id from inventory.reserve_stock(%s, 2)", held)
    database.one("select id from inventory.create_block(%s, 1)", held)
    database.one("select product_id from inventory.update_inventory(%s, p_status => 'inactive')", idle)
    assert codes(client, state="sold_out") == ["OUT", "HELD"]
    database.one("select id from inventory.add_stock(%s, 1)", out)
    database.one("select id from inventory.reserve_stock(%s, 1)", left)
    assert codes(client, state="sold_out") == ["HELD", "LEFT"]


def test_a_search_for_what_is_sold_out_goes_on_where_it_stopped(database: Database, client: httpx.Client) -> None:
    database.lower("http.stock_page", 100000, to=2)
    for sku, quantity in (("A", 1), ("B", 1), ("C", 0), ("D", 0), ("E", 1), ("F", 0)):
        database.product(sku, quantity)
    found = pages(client, STOCK, "stock", state="sold_out")
    assert [[line["sku"] for line in page] for page in found] == [[], ["C", "D"], ["F"], []]
    first = pages(client, STOCK, "stock", state="sold_out", limit=1)
    assert [line["sku"] for page in first for line in page] == ["C", "D", "F"]


def test_a_kit_follows_its_parts(database: Database, client: httpx.Client, kit: Kit) -> None:
    lines = {line["sku"]: line for line in read(client, STOCK)["stock"]}
    assert [lines["KIT"][key] for key in ("on_hand", "available", "is_kit", "price")] == [5, 5, True, 7]
    assert not lines["CUP"]["is_kit"]
    assert codes(client, state="sold_out") == []
    block = database.one("select id from inventory.create_block(%s, 9)", kit.spoon)
    assert codes(client, state="sold_out") == ["KIT"]
    assert codes(client, state="sold_out", q="ki") == ["KIT"]
    database.one("select id from inventory.cancel_block(%s)", block)
    database.one("select id from inventory.reserve_stock(%s, 5)", kit.id)
    assert codes(client, state="sold_out") == ["SPOON", "KIT"]
    database.one("select id from inventory.release_stock(%s, 5)", kit.id)
    shown = read(client, f"{STOCK}{kit.id}/")
    assert (shown["available"], shown["locations"], shown["unplaced"]) == (5, [], 0)
    assert shown["parts"] == [
        {"product_id": part, "sku_id": sku_id, "sku": sku, "name": f"Product {sku}", "quantity": n, "available": 10}
        for part, sku_id, sku, n in ((kit.cup, kit.cup_sku, "CUP", 1), (kit.spoon, kit.spoon_sku, "SPOON", 2))
    ]


# The search


@pytest.fixture
def searched(database: Database) -> Database:
    for sku, name in (
        ("LAMP-RED", "Desk lamp, red"),
        ("X-2", "Lamp oil"),
        ("lamp", "Lamp in small letters"),
        ("LAMP", "Lamp"),
        ("OLD-LAMP", "Another"),
        ("RED-1", "Chair"),
        ("50%_A", "Ends in a sign"),
        ("ÉTÉ-1", "Ätzend"),
    ):
        database.product(sku, 0, p_name=name)
    return database


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("LAMP", ["LAMP", "lamp", "LAMP-RED", "X-2", "OLD-LAMP"]),
        ("lamp", ["lamp", "LAMP", "LAMP-RED", "X-2", "OLD-LAMP"]),
        (" lamp ", ["lamp", "LAMP", "LAMP-RED", "X-2", "OLD-LAMP"]),
        ("lamp-", ["LAMP-RED", "OLD-LAMP"][:1]),
        ("red lamp", ["LAMP-RED"]),
        ("oil x-2", ["X-2"]),
        ("re", ["RED-1", "LAMP-RED", "OLD-LAMP"][:2]),
        ("%", ["50%_A"]),
        ("_", ["50%_A"]),
        ("0%_", ["50%_A"]),
        ("été", ["ÉTÉ-1"]),
        ("äTZ", ["ÉTÉ-1"]),
        ("lamp chair", []),
        ("'", []),
        ("\\", []),
    ],
)
@pytest.mark.parametrize("has_indexes", [True, False])
def test_a_search_finds_every_word_the_code_first(
    searched: Database, start_server: Callable[..., Server], q: str, found: list[str], has_indexes: bool
) -> None:
    if not has_indexes:
        searched.without_indexes()
    client = start_server().client()
    assert codes(client, q=q) == found
    for limit in range(1, 1 + len(found)):
        assert codes(client, q=q, limit=limit) == found[:limit]
    assert read(client, STOCK, q=q, limit=1)["next"] is None


@pytest.mark.parametrize("q", ["", " ", "  "])
def test_a_search_for_nothing_is_the_list(searched: Database, client: httpx.Client, q: str) -> None:
    whole = codes(client)
    assert len(whole) == 8
    assert codes(client, q=q) == whole
    page = read(client, STOCK, q=q, limit=3)
    assert codes(client, q=q, after=page["next"]) == whole[3:]


def test_of_many_products_a_short_text_finds_codes_that_begin_with_it(searched: Database, client: httpx.Client) -> None:
    """More than 200 000, as the totals say: they are as they were before the end of the test."""
    add = "insert into store.row_total values ('product', 0, 0, {})"
    searched.admin.execute(add.format(200_000 - 8))
    assert codes(client, q="re") == ["RED-1", "LAMP-RED"]
    searched.admin.execute(add.format(1))
    assert codes(client, q="re") == ["RED-1"]
    assert codes(client, q="red") == ["RED-1", "LAMP-RED"]
    assert codes(client, q="d-1") == []
    searched.admin.execute(add.format(8 - 200_001))


def test_a_search_in_a_state_looks_at_so_many_products(searched: Database, client: httpx.Client) -> None:
    searched.one("select id from inventory.add_stock((select id from store.product where sku = 'LAMP'), 1)")
    assert codes(client, q="lamp", state="sold_out") == ["lamp", "LAMP-RED", "X-2", "OLD-LAMP"]
    assert codes(client, q="lamp", state="low") == []
    searched.lower("http.stock_search", 10000, to=1)
    assert codes(client, q="LAMP", state="sold_out") == ["X-2"]
    assert codes(client, q="lamp") == ["lamp", "LAMP", "LAMP-RED", "X-2", "OLD-LAMP"]


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ({"q": "a", "after": 1}, {"after"}),
        ({"q": "a", "after": 0}, {"after"}),
        ({"limit": 0}, {"limit"}),
        ({"limit": 1001}, {"limit"}),
        ({"after": "x"}, {"after"}),
        ({"state": "empty", "q": "x" * 256}, {"state", "q"}),
    ],
)
def test_a_bad_query_of_the_list(shared: Shared, query: dict[str, Any], fields: set[str]) -> None:
    assert refused(shared.client, STOCK, **query) == fields


# One product


def test_where_a_product_lies(database: Database, client: httpx.Client) -> None:
    product = database.product("A-1", "10.5", p_description="Blue")
    for place, n in (("RACK-B1-01", 3), ("RACK-A1-01", 4), ("RACK-C1-01", 1)):
        database.one("select id from inventory.place_order('Add', 'A-1', %s, p_to_location => %s)", n, place)
    database.one("select id from inventory.place_order('Remove', 'A-1', 1, p_from_location => 'RACK-C1-01')")
    answer = client.get(f"{STOCK}{product}")
    (line,) = read(client, STOCK)["stock"]
    assert exact(answer.text) == line | {
        "description": "Blue",
        "locations": [{"location": "RACK-A1-01", "quantity": 4}, {"location": "RACK-B1-01", "quantity": 3}],
        "unplaced": Decimal("10.5"),
        "parts": [],
    }
    assert answer.headers["ETag"] == f'"{database.one("select inventory.product_tag(%s)", product)}"'
    database.one("select id from inventory.place_order('Transfer', 'A-1', 4, 'RACK-A1-01', 'RACK-B1-01')")
    assert client.get(f"{STOCK}{product}", headers={"If-None-Match": answer.headers["ETag"]}).status_code == 200
    assert read(client, f"{STOCK}{product}/")["locations"] == [{"location": "RACK-B1-01", "quantity": 7}]


def test_one_product_without_an_inventory_and_none(shared: Shared) -> None:
    shown = read(shared.client, f"{STOCK}{shared.world.bare_product_id}/")
    assert (shown["status"], shown["unplaced"], shown["locations"], shown["description"]) == (None, 0, [], None)
    answer = shared.client.get(f"{STOCK}999999/")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "PRODUCT_NOT_FOUND")
    assert shared.client.get(f"{STOCK}x/").status_code == 404


# Sales by day

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
NOTHING = {
    **dict.fromkeys(("sales", "quantity", "quantity_returned", "sales_without_cost"), 0),
    **dict.fromkeys(("revenue", "cost", "margin"), "0.000"),
}


def sell(database: Database, product: int, quantity: Any, price: Any) -> int:
    return int(database.one("select id from inventory.record_sale(%s, %s, %s)", product, quantity, price))


def test_sales_of_each_day(database: Database, admin: httpx.Client, freeze: Freeze) -> None:
    freeze(NOON - timedelta(days=3))
    known, other = (database.product(sku, 20, p_cost_price=2) for sku in ("A-1", "B-1"))
    unknown = database.product("C-1", 20)
    freeze(NOON - timedelta(days=2))
    first = sell(database, known, "2.5", 4)
    sell(database, other, 1, "0.333")
    freeze(NOON - timedelta(days=1))
    sell(database, known, 1, 4)
    sell(database, unknown, 1, 7)
    freeze(NOON)
    database.one("select id from inventory.return_sale(%s, 1.5)", first)
    assert read(admin, SALES, days=4) == {
        "days": [
            {"date": "2026-11-19", **NOTHING},
            {"date": "2026-11-20", **NOTHING}
            | {"sales": 2, "quantity": Decimal("3.5"), "revenue": "10.333", "cost": "7.000", "margin": "3.333"},
            {"date": "2026-11-21", **NOTHING}
            | {"sales": 2, "quantity": 2, "revenue": "11.000", "cost": None, "margin": None, "sales_without_cost": 1},
            {"date": "2026-11-22", **NOTHING}
            | {"quantity": Decimal("-1.5"), "revenue": "-6.000", "cost": "-3.000", "margin": "-3.000"}
            | {"quantity_returned": Decimal("1.5")},
        ]
    }


@pytest.mark.parametrize(
    ("zone", "now"),
    [
        ("UTC", NOON),
        ("Asia/Kathmandu", NOON),
        ("America/Los_Angeles", datetime(2026, 11, 22, 3, tzinfo=UTC)),
        ("Pacific/Kiritimati", datetime(2026, 11, 22, 11, tzinfo=UTC)),
        ("Europe/Berlin", datetime(2026, 10, 26, 12, tzinfo=UTC)),  # the day before has 25 hours
        ("Atlantic/Azores", datetime(2026, 10, 25, 12, tzinfo=UTC)),  # has its first hour twice
    ],
)
def test_a_day_begins_and_ends_with_that_of_the_zone(
    database: Database, admin: httpx.Client, freeze: Freeze, zone: str, now: datetime
) -> None:
    freeze(now - timedelta(days=10))
    product = database.product("A-1", 100)
    times = [now - timedelta(hours=h, microseconds=m) for h in range(72, -1, -1) for m in (1, 0)]
    for at in times:
        freeze(at)
        sell(database, product, "0.5", 1)
    local = [at.astimezone(ZoneInfo(zone)).date() for at in times]
    today = now.astimezone(ZoneInfo(zone)).date()
    for days in (1, 2, 3):
        wanted = [today - timedelta(days=n) for n in range(days - 1, -1, -1)]
        found = [(day["date"], day["sales"]) for day in read(admin, SALES, days=days, timezone=zone)["days"]]
        assert found == [(day.isoformat(), local.count(day)) for day in wanted]


def test_how_many_days(database: Database, admin: httpx.Client, freeze: Freeze) -> None:
    freeze(NOON)
    for query, count in (({}, 14), ({"days": 1}, 1), ({"days": 366}, 366)):
        days = [day["date"] for day in read(admin, SALES, **query)["days"]]
        assert days == [str((NOON - timedelta(days=n)).date()) for n in range(count - 1, -1, -1)]


@pytest.mark.parametrize(
    "query",
    [
        *({"days": days} for days in (0, 367, "x")),
        *({"timezone": zone} for zone in ("Mars/Olympus", "PST", "EST+5", "Europe/Berlin+3", "utc", "../../etc/x")),
    ],
)
def test_a_bad_query_of_the_days(shared: Shared, query: dict[str, Any]) -> None:
    assert refused(shared.admin, SALES, **query) == query.keys()


def test_more_sales_than_can_be_summed_up_are_refused(database: Database, admin: httpx.Client) -> None:
    database.lower("http.list_daily_sales", 1000000, to=2)
    product = database.product("A-1", 100)
    for n in range(3):
        assert sum(day["sales"] for day in read(admin, SALES)["days"]) == n
        sell(database, product, 1, 1)
    assert refused(admin, SALES) == {"days"}
    database.advance(timedelta(days=5))
    assert [day["sales"] for day in read(admin, SALES, days=2)["days"]] == [0, 0]


# Who calls


def test_me_says_what_the_caller_may_call(shared: Shared) -> None:
    functions = {route.function for route in (*EVERY_ROUTE, *FILE_ROUTES)}
    of_role: dict[str, set[str]] = {}
    for role, client, username in (
        ("public", shared.public, None),
        ("operator", shared.client, None),
        *(
            (role, shared.server.client(token), "root" if role == "admin" else role)
            for role, token in shared.tokens.items()
        ),
    ):
        found = read(client, ME)
        assert (found["username"], found["role"]) == (username, role)
        assert found["may"] == sorted(set(found["may"]))
        of_role[role] = set(found["may"])
    assert of_role["admin"] == functions
    assert of_role["public"] < of_role["operator"] < of_role["employee"] < of_role["admin"]
    assert "get_stock" in of_role["operator"] - of_role["public"]
    assert "list_daily_sales" in of_role["admin"] - of_role["employee"]
    assert of_role["integration"] - of_role["public"] == {"list_changes", "list_seals"}


def test_me_knows_the_roles_of_another_deployment(database: Database, shared: Shared) -> None:
    """With a ROLE_PREFIX the roles have other names."""
    role = sql.Identifier(f"{database.admin.info.dbname}_employee")
    connection = database.connect()
    connection.execute(sql.SQL("create role {} in role inventory_employee").format(role))
    connection.execute(sql.SQL("set session authorization {}").format(role))
    (found,) = connection.execute("select http.get_me('ann')").fetchone() or ()
    connection.execute("reset session authorization")
    connection.execute(sql.SQL("drop role {}").format(role))
    employee = read(shared.server.client(shared.tokens["employee"]), ME)
    assert found == employee | {"username": "ann"}


# The blocks that end next


@pytest.mark.parametrize("has_indexes", [True, False])
def test_blocks_by_their_end(database: Database, start_server: Callable[..., Server], has_indexes: bool) -> None:
    product, other = database.product("A-1", 50), database.product("B-1", 50)
    begin = instant(database).replace(microsecond=0) + timedelta(hours=1)
    ends = [begin + timedelta(seconds=s) for s in (30, 10, 20, 10, 10, 40, 1)]
    ends[2] += MICROSECOND
    for n, end in enumerate(ends):
        database.one("select id from inventory.create_block(%s, 1, p_expires_at => %s)", (product, other)[n % 2], end)
    database.one("select id from inventory.create_block(%s, 1, p_expires_at => inventory.clock() + '1 s')", product)
    database.advance(timedelta(minutes=1))
    if not has_indexes:
        database.without_indexes()
    client = start_server().client()
    wanted = [
        str(i)
        for (i,) in database.rows("select id from store.block where expires_at >= %s order by expires_at, id", begin)
    ]
    assert [block["block_id"] for block in read(client, BLOCKS, order="expires_at")["blocks"]] == wanted
    by_creation = [block["block_id"] for block in read(client, BLOCKS)["blocks"]]
    assert by_creation == sorted(wanted) != wanted
    assert [block["block_id"] for block in read(client, BLOCKS, order="created_at")["blocks"]] == by_creation
    for limit in (1, 2, 3):
        found: list[Any] = []
        after: dict[str, str] = {}
        while page := read(client, BLOCKS, order="expires_at", limit=limit, **after)["blocks"]:
            found += page
            assert len(found) <= len(wanted)
            after = {"after": page[-1]["block_id"], "after_expires_at": page[-1]["expires_at"]}
        assert [block["block_id"] for block in found] == wanted
    sku_id = database.sku_id(other)
    found = read(client, BLOCKS, order="expires_at", sku_id=sku_id)["blocks"]
    assert [block["block_id"] for block in found] == [
        str(i)
        for (i,) in database.rows("select id from store.block where product_id = %s order by expires_at, id", other)
    ]


def test_a_page_goes_on_although_its_last_block_has_moved(database: Database, client: httpx.Client) -> None:
    product = database.product("A-1", 50)
    ends = instant(database) + timedelta(hours=1)
    ids = [
        str(
            database.one(
                "select id from inventory.create_block(%s, 1, p_expires_at => %s)",
                product,
                ends + n * timedelta(minutes=1),
            )
        )
        for n in range(3)
    ]
    (last,) = read(client, BLOCKS, order="expires_at", limit=1)["blocks"]
    database.one("select id from inventory.extend_block(%s, %s)", ids[0], ends + timedelta(hours=1))
    query = {"order": "expires_at", "after": last["block_id"], "after_expires_at": last["expires_at"]}
    assert [block["block_id"] for block in read(client, BLOCKS, **query)["blocks"]] == [*ids[1:], ids[0]]


@pytest.mark.parametrize(
    "query",
    [
        {"order": "expires_at", "after": "0" * 32},
        {"order": "expires_at", "after_expires_at": "2026-11-22T00:00:00Z"},
        {"after": "0" * 32, "after_expires_at": "2026-11-22T00:00:00Z"},
        {"after_expires_at": "soon"},
    ],
)
def test_a_bad_page_of_blocks(shared: Shared, query: dict[str, str]) -> None:
    answer = shared.client.get(BLOCKS, params=query)
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["query", "after_expires_at"]
