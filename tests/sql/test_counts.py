"""Counts of places: begun, recorded, closed and cancelled, and how accurate they were (API 4)."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from tests.conftest import Database
from tests.sql.conftest import AdminCall, Call, Refused

pytestmark = pytest.mark.usefixtures("verified")

A, B = "RACK-A1-01", "RACK-B2-02"
NOBODY = 999_999

Record = Callable[..., dict[str, Any]]


@pytest.fixture
def add(call: Call) -> Callable[..., None]:
    """add(5): so many of A-1, or another product, lie at A, or another place."""

    def add(quantity: int, sku: str = "A-1", place: str = A) -> None:
        call("place_order", "Add", sku, quantity, p_to_location=place)

    return add


@pytest.fixture
def record(database: Database) -> Record:
    """record(count, ("A-1", 5), …): the count, after what was found of each has been written down."""
    operator = database.connect("inventory_operator")
    query = (
        "select r.* from jsonb_to_record(%s::jsonb) as a (lines inventory.count_lines)"
        " cross join lateral inventory.record_count_lines(%s, a.lines, %s) as r"
    )

    def record(count: int | None, *found: Any, actor: str | None = None) -> Any:
        lines = [each and {"sku": each[0], "quantity": each[1]} for each in found]
        text = json.dumps({"lines": lines})
        return operator.cursor(row_factory=dict_row).execute(query, [text, count, actor]).fetchone()

    return record


@pytest.fixture
def count(call: Call) -> int:
    """The id of an open count of A."""
    count = call("start_count", A, "ann")
    assert count is not None
    return int(count["id"])


def held(database: Database, product: int, place: str = A) -> Any:
    return database.one(
        "select coalesce(sum(quantity), 0) from report.location_stock where product_id = %s and location = %s",
        product,
        place,
    )


def count_lines(database: Database, count: int) -> list[tuple[Any, ...]]:
    """(sku, counted, booked, by whom, whether it is booked) of each, in order of sku."""
    return database.rows(
        "select p.sku, l.counted_quantity, l.booked_quantity, l.counted_by, l.operation_id is not null"
        " from store.count_line as l join store.product as p on l.product_id = p.id where l.count_id = %s order by 1",
        count,
    )


def operations(database: Database) -> list[tuple[Any, ...]]:
    """(type, sku, quantity, booked, place, count, reason, actor, change of on hand) of each, oldest first."""
    return database.rows(
        "select o.operation_type, o.sku, o.quantity, o.booked_quantity, o.to_location, o.count_id, o.reason, o.actor,"
        " m.on_hand_after - m.on_hand_before from store.art_operation as o"
        " left join store.movement as m on o.product_id = m.product_id and o.movement_id = m.id order by o.id"
    )


# Begun


def test_a_count_begins_open_and_makes_its_place(database: Database, call: Call) -> None:
    first, second = call("start_count", A, "ann"), call("start_count", B)
    assert first is not None
    assert second is not None
    assert [(row["status"], row["started_by"], row["closed_by"], row["closed_at"]) for row in (first, second)] == [
        ("open", "ann", None, None),
        ("open", "inventory_operator", None, None),
    ]
    assert database.rows("select id, code from store.location order by id") == [
        (first["location_id"], A),
        (second["location_id"], B),
    ]


@pytest.mark.parametrize("end", ["close_count", "cancel_count"])
def test_a_place_has_one_open_count(call: Call, count: int, refused: Refused, end: str) -> None:
    with refused("IV033") as error:
        call("start_count", A)
    assert error.value.diag.message_primary == f"A count of location {A} is open"
    call(end, count)
    assert call("start_count", A)
    with refused("IV033"):
        call("start_count", A)


def test_a_count_wants_a_place(call: Call, refused: Refused) -> None:
    with refused("22004"):
        call("start_count", None)
    with refused("23514", "location_code_form"):
        call("start_count", "A1")


# Recorded


def test_a_line_says_what_was_found_beside_what_is_booked(
    database: Database, call: Call, add: Callable[..., None], record: Record, count: int
) -> None:
    product = database.product("A-1", 3)
    database.product("A-2")
    add(5)
    add(9, place=B)
    line = call("record_count_line", count, "A-1", 4, "bob")
    assert line is not None
    assert (line["product_id"], line["counted_quantity"], line["booked_quantity"]) == (product, 4, 5)
    assert record(count, ("A-2", 1), actor="eve")["status"] == "open"
    assert count_lines(database, count) == [("A-1", 4, 5, "bob", False), ("A-2", 1, 0, "eve", False)]
    assert held(database, product) == 5, "nothing is booked before it is closed"
    add(2)
    record(count, ("A-1", 6))
    assert count_lines(database, count)[0] == ("A-1", 6, 7, "inventory_operator", False), "counted again"
    record(count, ("A-1", 1), ("A-1", 7))
    assert count_lines(database, count)[0] == ("A-1", 7, 7, "inventory_operator", False), "the last of one call stands"


def test_lines_are_recorded_all_or_none(
    database: Database, admin_call: AdminCall, record: Record, count: int, refused: Refused
) -> None:
    database.product("A-1")
    admin_call("register_product", "A-2", "Bare")
    for bad, refusal in (
        (("X", 1), ["IV003"]),
        (("A-2", 1), ["IV019"]),
        ((None, 1), ["22004"]),
        (("A-1", None), ["22004"]),
        (None, ["22004"]),
        (("A-1", -1), ["23514", "count_quantity_range"]),
    ):
        with refused(*refusal):
            record(count, ("A-1", 1), bad)
    with refused("23514", "count_lines_count"):
        record(count)
    with refused("IV032"):
        record(NOBODY, ("A-1", 1))
    with refused("IV032"):
        record(None, ("A-1", 1))


def test_a_thousand_lines(database: Database, call: Call, record: Record, count: int, refused: Refused) -> None:
    found = [(f"A-{number}", number) for number in range(200)]
    for sku, _ in found:
        database.product(sku)
    record(count, *found * 5)
    with refused("23514", "count_lines_count"):
        record(count, *found * 5, found[0])
    call("close_count", count)
    assert database.one("select sum(on_hand) from store.stock") == sum(number for _, number in found)


# Closed


def test_closing_books_every_difference(
    database: Database, call: Call, add: Callable[..., None], record: Record, count: int
) -> None:
    products = [database.product(f"A-{number}", p_cost_price=2) for number in range(1, 6)]
    for number, quantity in ((1, 5), (2, 5), (3, 5), (5, 5)):
        add(quantity, f"A-{number}")
    record(count, ("A-4", 2), ("A-3", 5), ("A-2", 0), ("A-1", 7), actor="bob")
    closed = call("close_count", count, "eve")
    assert closed is not None
    assert (closed["status"], closed["started_by"], closed["closed_by"]) == ("closed", "ann", "eve")
    assert [held(database, product) for product in products] == [7, 0, 5, 2, 5], "who was not counted is not touched"
    common = (A, count, f"count {count}", "eve")
    assert operations(database)[4:] == [
        ("Count", "A-1", 7, 5, *common, 2),
        ("Count", "A-2", 0, 5, *common, -5),
        ("Count", "A-3", 5, 5, *common, None),
        ("Count", "A-4", 2, 0, *common, 2),
    ]
    assert [line[-1] for line in count_lines(database, count)] == [True] * 4
    booked = "select o.id, m.kind, m.reference from store.art_operation as o join store.movement as m"
    for number, kind, reference in database.rows(f"{booked} on o.movement_id = m.id where o.count_id is not null"):
        assert (kind, reference) == ("count", str(number))
    assert database.rows("select distinct unit_cost from store.cost_layer") == [(2,)]


def test_what_moved_since_is_no_difference(
    database: Database, call: Call, admin_call: AdminCall, add: Callable[..., None], count: int
) -> None:
    product = database.product("A-1")
    add(10)
    call("record_count_line", count, "A-1", 8)
    add(5)
    call("place_order", "Remove", "A-1", 1, A)
    call("place_order", "Transfer", "A-1", 3, A, B)
    admin_call("record_sale", product, 2, 1)
    assert (held(database, product), held(database, product, B)) == (9, 3)
    call("close_count", count)
    assert (held(database, product), held(database, product, B)) == (7, 3)
    assert operations(database)[-1][1:4] == ("A-1", 8, 10)
    ((before, after),) = database.rows(
        "select quantity_before, quantity_after from store.location_movement order by movement_id desc limit 1"
    )
    assert (before, after) == (9, 7)


def test_a_line_counted_again_forgets_the_first(
    database: Database, call: Call, add: Callable[..., None], count: int
) -> None:
    product = database.product("A-1")
    add(10)
    call("record_count_line", count, "A-1", 3)
    add(1)
    call("record_count_line", count, "A-1", 11)
    call("close_count", count)
    assert (held(database, product), database.stock(product)) == (11, (11, 0, 0))


@pytest.mark.parametrize("why", ["reserved", "blocked", "has left"])
def test_closing_is_all_or_nothing(
    database: Database,
    call: Call,
    add: Callable[..., None],
    record: Record,
    count: int,
    refused: Refused,
    why: str,
) -> None:
    """Less was found than is promised, or is there any more."""
    first, second = database.product("A-1"), database.product("A-2")
    add(5)
    add(5, "A-2")
    record(count, ("A-1", 9), ("A-2", 1))
    if why == "reserved":
        call("reserve_stock", second, 2)
    elif why == "blocked":
        call("create_block", second, 2)
    else:
        call("place_order", "Transfer", "A-2", 2, A, B)
    with refused("IV001") as error:
        call("close_count", count)
    assert f"Insufficient stock of SKU A-2 at location {A}" in str(error.value)
    if why == "reserved":
        call("release_stock", second, 1)
    elif why == "blocked":
        database.advance(timedelta(hours=1))
    else:
        call("place_order", "Transfer", "A-2", 1, B, A)
    call("close_count", count)
    assert (held(database, first), held(database, second)) == (9, 0 if why == "has left" else 1)


def test_a_count_with_no_line_books_nothing(database: Database, call: Call, count: int) -> None:
    call("close_count", count)
    counts = database.counts()
    assert (counts["movement"], counts["art_operation"]) == (0, 0)


@pytest.mark.parametrize("status", ["inactive", "archived"])
def test_what_is_not_active_can_be_counted(
    database: Database, call: Call, add: Callable[..., None], record: Record, count: int, status: str
) -> None:
    products = [database.product("A-1"), database.product("A-2")]
    add(5)
    add(5, "A-2")
    database.admin.execute("update store.stock set status = %s", [status])
    record(count, ("A-1", 4), ("A-2", 6))
    call("close_count", count)
    assert [held(database, product) for product in products] == [4, 6]


def test_cancelling_books_nothing(database: Database, call: Call, add: Callable[..., None], count: int) -> None:
    product = database.product("A-1")
    add(5)
    call("record_count_line", count, "A-1", 1)
    cancelled = call("cancel_count", count, "eve")
    assert cancelled is not None
    assert (cancelled["status"], cancelled["closed_by"]) == ("cancelled", "eve")
    assert cancelled["closed_at"] is not None
    assert (held(database, product), len(operations(database))) == (5, 1)


@pytest.mark.parametrize(("end", "status"), [("close_count", "closed"), ("cancel_count", "cancelled")])
def test_a_count_ends_once_and_takes_no_more_line(
    database: Database, call: Call, record: Record, count: int, refused: Refused, end: str, status: str
) -> None:
    database.product("A-1")
    call(end, count)
    for name, arguments in (("close_count", ()), ("cancel_count", ()), ("record_count_line", ("A-1", 1))):
        with refused("IV034") as error:
            call(name, count, *arguments)
        assert error.value.diag.message_primary == f"Count {count} is {status}"
        for nobody in (NOBODY, None):
            with refused("IV032"):
                call(name, nobody, *arguments)
    with refused("IV034"):
        record(count, ("A-1", 1))


# How accurate


def test_the_report_of_accuracy(
    database: Database, call: Call, add: Callable[..., None], record: Record, count: int
) -> None:
    """By hand: 1 - |counted - booked| / the greater of both."""
    database.product("A-1", p_cost_price="1.333")
    database.product("A-2")
    add(10)
    add(3, "A-2")
    call("place_order", "Count", "A-1", 9, p_to_location=A, p_actor="bob")  # 1 - 1/10
    call("place_order", "Count", "A-1", 9, p_to_location=A)
    call("place_order", "Count", "A-1", 0, p_to_location=B)  # nothing where nothing is booked is exact
    record(count, ("A-1", 12), ("A-2", 2))  # 1 - 3/12; 1 - 1/3
    add(4)
    call("close_count", count, "eve")
    call("place_order", "Count", "A-2", 7, p_to_location=B)  # 1 - 7/7
    call("place_order", "Adjust", "A-2", 1, p_to_location=B)
    analyst: psycopg.Connection[Any] = database.connect("inventory_reporting")
    rows = analyst.execute(
        "select sku, location, count_id, booked, counted, difference, accuracy, cost, actor"
        " from report.count_accuracy order by operation_id"
    ).fetchall()
    operator = "inventory_operator"
    assert rows == [
        ("A-1", A, None, 10, 9, -1, Decimal("0.9"), Decimal("1.333"), "bob"),
        ("A-1", A, None, 9, 9, 0, 1, None, operator),
        ("A-1", B, None, 0, 0, 0, 1, None, operator),
        ("A-1", A, count, 9, 12, 3, Decimal("0.75"), Decimal("3.999"), "eve"),
        ("A-2", A, count, 3, 2, -1, Decimal("0.6667"), None, "eve"),
        ("A-2", B, None, 0, 7, 7, 0, None, operator),
    ]
