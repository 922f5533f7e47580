"""inventory.import_products: what inventory.create_catalog_product does line by line, for all lines or for none."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from tests.conftest import TABLES, Database, InThread
from tests.sql.conftest import Freeze, Refused

pytestmark = pytest.mark.usefixtures("verified")

Import = Callable[..., int]
Line = dict[str, Any]

NOBODY = 999_999
NAMES = {"category": "p_category_id", "brand": "p_brand_id", "serie_number": "p_serial_number"}


@pytest.fixture(autouse=True)
def catalog(database: Database) -> None:
    """Two categories and two brands, 1 and 2 each."""
    for kind in ("category", "brand"):
        for name in ("One", "Two"):
            database.one(f"select id from inventory.create_{kind}(%s)", name)


@pytest.fixture
def imported(database: Database) -> Import:
    """imported(line, …): how many products the admin's import of these lines made."""
    connection = database.connect("inventory_admin")

    def imported(*lines: Any, **others: Any) -> int:
        return run(others.pop("connection", connection), list(lines), **others)

    return imported


def run(connection: psycopg.Connection[Any], lines: Any, actor: str | None = None) -> int:
    text = None if lines is None else json.dumps(lines, default=str)
    row = connection.execute("select inventory.import_products(%s::jsonb, %s)", [text, actor]).fetchone()
    assert row is not None
    return int(row[0])


def line(title: str = "Mug", **others: Any) -> Line:
    fields = {"title": title, "category": 1, "brand": 1, "cost_price": "2.50", "selling_price": "4.99"}
    return {name: value for name, value in (fields | others).items() if value != ""}


def wrong(error: pytest.ExceptionInfo[psycopg.Error]) -> list[tuple[Any, ...]]:
    """(line, field, code, value) of each thing that is wrong, as DETAIL has them."""
    entries = json.loads(error.value.diag.message_detail or "")["lines"]
    return [(entry["line"], entry["field"], entry["code"], entry["value"]) for entry in entries]


def skus(database: Database) -> list[str]:
    return [sku for (sku,) in database.rows("select sku from store.product order by id")]


# The same as one by one

LINES = [
    line("All", sku="A-1", description="Blue\n\"big\", 'ä'", serie_number="S-1", quantity=7, category=2),
    line("Least"),
    line("No stock", quantity=0, brand=2),
    line("Nothing said", description=None, serie_number=None, quantity=None, sku=None),
    line("For nothing", cost_price=0, selling_price=0, quantity=3, sku="A-2"),
    line("Dear", cost_price="99999999999999999999.99", selling_price="99999999999999999999.99", quantity=999_999_999),
    line("Unknown field", colour="blue", quantity="12", category="2", brand="2", sku="ä€😀"),
    line("x" * 255, description="", sku="a-1", quantity=1, cost_price="0.01"),
    line("Empty texts", serie_number="s" * 255) | {"description": ""},
]


# Of other tables, and of the movements. A product that is made in several calls has a higher version.
LEFT_OUT = ("{sku_id,movement_id,feed_id,feed_key,version}", "{id,feed_key}")


def rows(database: Database) -> dict[str, list[Any]]:
    """Every row of every table, counts as sums. UUIDs are random, and movements share their ids with other changes."""
    found = {
        name: database.rows(
            f"select to_jsonb(t) - '{LEFT_OUT[name == 'movement']}'::text [] from store.\"{name}\" as t order by 1"
        )
        for (name,) in database.rows(TABLES)
        if name not in ("row_total", "stock_balance")
    }
    for (row,) in found["audit"]:
        row["after"].pop("sku_id", None)
    found["row_total"] = database.rows(
        "select subject, category_id, brand_id, sum(delta) from store.row_total group by 1, 2, 3 order by 1, 2, 3"
    )
    return found


def rewind(database: Database) -> None:
    """Let every number be given out once more."""
    for (name,) in database.rows("select sequencename from pg_sequences where schemaname = 'store'"):
        if name != "test_clock":
            database.admin.execute(f'alter sequence store."{name}" restart'.encode())


def make_one_by_one(database: Database, lines: list[Line], actor: str | None) -> None:
    for fields in lines:
        known = {name: value for name, value in fields.items() if name != "colour"} | {"actor": actor}
        arguments = ", ".join(f"{NAMES.get(name, f'p_{name}')} => %s" for name in known)
        database.one(f"select id from inventory.create_catalog_product({arguments})", *known.values())


@pytest.mark.parametrize("actor", ["ann", None])
@pytest.mark.parametrize("lines", [LINES, *([each] for each in LINES)], ids=lambda lines: lines[0]["title"][:12])
def test_all_at_once_is_the_same_as_one_by_one(
    database: Database, freeze: Freeze, lines: list[Line], actor: str | None
) -> None:
    freeze(datetime(2026, 3, 1, 12, tzinfo=UTC))
    with database.admin.transaction(force_rollback=True):
        rewind(database)
        make_one_by_one(database, lines, actor)
        database.verify()
        wanted = rows(database)
    rewind(database)
    assert run(database.admin, lines, actor) == len(lines)
    found = rows(database)
    assert found == wanted
    assert len(found["product"]) == len(found["stock"]) == len(found["price"]) == len(lines)
    assert (
        len(found["movement"]) == len(found["cost_layer"]) == sum(int(each.get("quantity") or 0) > 0 for each in lines)
    )


def test_a_second_import_adds_to_the_first(database: Database, imported: Import) -> None:
    assert imported(line("a", quantity=1), line("b", category=2)) == 2
    assert imported(line("c", brand=2)) == 1
    counted = database.rows(
        "select category_id, brand_id, sum(delta) from store.row_total"
        " where subject = 'product by category and brand' and delta <> 0 group by 1, 2 order by 1, 2"
    )
    assert counted == [(1, 1, 1), (1, 2, 1), (2, 1, 1)]
    assert database.one("select inventory.row_total('product')") == 3


def test_ids_codes_and_uuids_are_in_the_order_of_the_lines(database: Database, imported: Import) -> None:
    titles = [f"{(number * 7919) % 500:03}" for number in range(500)]
    assert (
        imported(*(line(title, quantity=number % 3, line=1000 - number) for number, title in enumerate(titles))) == 500
    )
    for column in ("id", "sku", "sku_id"):
        assert [name for (name,) in database.rows(f"select name from store.product order by {column}")] == titles
    for table in ("movement", "cost_layer", "price"):
        ids = [each for (each,) in database.rows(f"select product_id from store.{table} order by id")]
        assert ids == sorted(ids)


def test_who_imported_is_in_the_ledger(database: Database, imported: Import) -> None:
    imported(line(quantity=1))
    imported(line(quantity=1), actor="ann")
    assert database.rows("select actor, kind from store.movement order by id") == [
        ("inventory_admin", "initial"),
        ("ann", "initial"),
    ]


def test_what_was_imported_can_be_sold_and_counted(database: Database, imported: Import) -> None:
    imported(line(quantity=5, cost_price="1.10"))
    product = database.one("select id from store.product")
    assert database.one("select cost from inventory.record_sale(%s, 2, 3)", product) == Decimal("2.2")
    assert database.one("select inventory.active_price(%s)", product) == Decimal("4.99")
    assert database.stock(product) == (3, 0, 0)


# Codes


def test_codes_go_on_where_the_last_one_was(database: Database, imported: Import) -> None:
    imported(line(), line(sku="mine"), line())
    imported(line())
    assert skus(database) == ["P-000001", "mine", "P-000002", "P-000003"]


def test_a_code_that_somebody_took_by_hand_is_passed_over(database: Database, imported: Import) -> None:
    for code in ("P-000002", "P-000003", "P-000007"):
        database.product(code)
    assert imported(*(line() for _ in range(5))) == 5
    assert sorted(skus(database)[3:]) == ["P-000001", "P-000004", "P-000005", "P-000006", "P-000008"]


def test_a_code_that_another_line_takes_is_passed_over(database: Database, imported: Import) -> None:
    assert imported(line(sku="P-000001"), line(quantity=1), line(sku="P-000003", quantity=2), line()) == 4
    assert sorted(skus(database)) == ["P-000001", "P-000002", "P-000003", "P-000004"]
    assert imported(line(), line(sku="P-000006"), line()) == 3
    assert sorted(skus(database)[4:]) == ["P-000005", "P-000006", "P-000007"]


def test_a_copy_of_a_catalog_leaves_its_codes_to_new_products(database: Database, imported: Import) -> None:
    """As after an import of another database's export: the numbers begin anew, the codes are taken."""
    assert imported(*(line(sku=f"P-{number:06}") for number in range(1, 51))) == 50
    assert imported(line(), line()) == 2
    assert sorted(skus(database)[50:]) == ["P-000051", "P-000052"]


def test_a_code_that_is_taken_meanwhile_is_for_another_try(
    database: Database, imported: Import, in_thread: type[InThread]
) -> None:
    """Also where it is the only one."""
    one, two = database.connect("inventory_admin"), database.connect("inventory_admin")
    with one.transaction():
        run(one, [line(sku="A-1")])
        waiting = in_thread(lambda: run(two, [line(sku="A-1")]))
        database.wait_until_blocked(two)
    with pytest.raises(psycopg.errors.SerializationFailure):
        waiting.result()
    assert skus(database) == ["A-1"]


def test_one_line_passes_over_several_codes_that_are_taken(database: Database, imported: Import) -> None:
    for code in ("P-000001", "P-000002", "P-000003"):
        database.product(code)
    assert imported(line()) == 1
    assert skus(database)[3:] == ["P-000004"]


def test_codes_mind_case(database: Database, imported: Import) -> None:
    assert imported(line(sku="a"), line(sku="A")) == 2


# Refused lines


def test_every_wrong_line_is_told_and_nothing_is_written(
    database: Database, imported: Import, refused: Refused
) -> None:
    database.product("taken")
    with refused("IV043") as error:
        imported(
            line("good", quantity=3),
            line(sku="taken"),
            line(category=NOBODY),
            line(brand=NOBODY, category=-1),
            line(sku="twice"),
            line(sku="twice", brand=NOBODY),
            line(sku="twice"),
        )
    assert sorted(wrong(error)) == [
        (2, "sku", "DUPLICATE_SKU", "taken"),
        (3, "category", "CATEGORY_NOT_FOUND", str(NOBODY)),
        (4, "brand", "BRAND_NOT_FOUND", str(NOBODY)),
        (4, "category", "CATEGORY_NOT_FOUND", "-1"),
        (6, "brand", "BRAND_NOT_FOUND", str(NOBODY)),
        (6, "sku", "DUPLICATE_SKU", "twice"),
        (7, "sku", "DUPLICATE_SKU", "twice"),
    ]


@pytest.mark.parametrize("field", ["title", "category", "brand", "cost_price", "selling_price"])
@pytest.mark.parametrize("is_null", [True, False])
def test_what_is_required(imported: Import, refused: Refused, field: str, is_null: bool) -> None:
    bad = line(**{field: None if is_null else ""})
    with refused("IV043") as error:
        imported(line(), bad, line())
    assert wrong(error) == [(2, field, "REQUIRED", None)]


def test_an_empty_object_lacks_everything(imported: Import, refused: Refused) -> None:
    with refused("IV043") as error:
        imported({})
    assert sorted(field for _, field, _, _ in wrong(error)) == [
        "brand",
        "category",
        "cost_price",
        "selling_price",
        "title",
    ]


def test_a_line_is_called_by_the_number_that_it_brings(imported: Import, refused: Refused) -> None:
    with refused("IV043") as error:
        imported(line(line=40), line(line=7, brand=NOBODY), line(category=NOBODY), line(line=5, brand=NOBODY))
    assert [number for number, *_ in wrong(error)] == [3, 5, 7]


def test_a_thousand_of_what_is_wrong_are_told(imported: Import, refused: Refused) -> None:
    with refused("IV043") as error:
        imported(*(line(brand=NOBODY) for _ in range(1200)))
    assert [number for number, *_ in wrong(error)] == list(range(1, 1001))


@pytest.mark.parametrize(
    ("field", "value", "constraint"),
    [
        ("title", " ", "name_not_blank"),
        ("title", "x" * 256, "name_length"),
        ("sku", " a", "sku_code_trimmed"),
        ("sku", "x" * 65, "sku_code_length"),
        ("cost_price", "-0.01", "catalog_money_range"),
        ("selling_price", "0.001", "catalog_money_places"),
        ("quantity", -1, "whole_quantity_range"),
        ("quantity", 1_000_000_000, "whole_quantity_range"),
        ("description", "x" * 10_001, "description_length"),
        ("serie_number", "x" * 256, "serial_number_length"),
    ],
)
def test_a_value_outside_its_domain(
    imported: Import, database: Database, field: str, value: Any, constraint: str
) -> None:
    before = database.counts()
    with pytest.raises(psycopg.errors.CheckViolation) as error:
        imported(line(), line(**{field: value}))
    assert error.value.diag.constraint_name == constraint
    assert database.counts() == before


@pytest.mark.parametrize(
    ("field", "value"), [("category", "x"), ("cost_price", "x"), ("quantity", "1.5"), ("line", "x")]
)
def test_a_value_that_is_no_number(imported: Import, refused: Refused, field: str, value: Any) -> None:
    with refused("22P02"):
        imported(line(), line(**{field: value}))


@pytest.mark.parametrize("lines", [{}, 5, "x", line()])
def test_what_is_no_list(database: Database, refused: Refused, lines: Any) -> None:
    with refused("22023") as error:
        run(database.admin, lines)
    assert json.loads(error.value.diag.message_detail or "")["field"] == "lines"


def test_null_is_no_list(database: Database, refused: Refused) -> None:
    with refused("22004"):
        run(database.admin, None)


def test_a_list_of_what_are_no_objects(database: Database, refused: Refused) -> None:
    with refused("22023"):
        run(database.admin, [1, "x"])


def test_an_empty_list_is_nothing(database: Database) -> None:
    before = database.counts()
    assert run(database.admin, []) == 0
    assert database.counts() == before


def test_one_more_than_a_hundred_thousand(database: Database, refused: Refused) -> None:
    with refused("22023") as error:
        database.one("select inventory.import_products((select jsonb_agg(jsonb '{}') from generate_series(1, 100001)))")
    assert json.loads(error.value.diag.message_detail or "")["field"] == "lines"


@pytest.mark.parametrize(
    "role", ["inventory_public", "inventory_operator", "inventory_employee", "inventory_reporting"]
)
def test_only_the_admin_imports(database: Database, role: str) -> None:
    connection = database.connect(role)
    for function in ("inventory.import_products", "http.import_products"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(f"select {function}('[]')".encode())
    assert database.rows(
        "select has_function_privilege('inventory_admin', 'http.import_products(jsonb, text)', 'execute')"
    ) == [(True,)]


# With others at the same time


@pytest.mark.parametrize("is_committed", [True, False])
def test_of_two_imports_with_a_common_code_one_waits(
    database: Database, in_thread: type[InThread], is_committed: bool
) -> None:
    first, second = (database.connect("inventory_admin") for _ in range(2))
    second.execute("set lock_timeout = '60s'; set statement_timeout = '60s'")
    with first.transaction(force_rollback=not is_committed):
        run(first, [line("a", sku="A"), line("common", sku="X", quantity=1)])
        waiting = in_thread(lambda: run(second, [line("b", sku="B", quantity=1), line("late", sku="X", quantity=1)]))
        database.wait_until_blocked(second)
    if not is_committed:
        assert waiting.result() == 2
        assert sorted(skus(database)) == ["B", "X"]
        return
    with pytest.raises(psycopg.errors.SerializationFailure):
        waiting.result()
    assert sorted(skus(database)) == ["A", "X"]
    counts = database.counts()
    assert [counts[name] for name in ("stock", "movement", "cost_layer", "price")] == [2, 1, 1, 2]
    # Who tries again is told which.
    with pytest.raises(psycopg.Error) as error:
        run(second, [line("b", sku="B"), line("late", sku="X")])
    assert wrong(error) == [(2, "sku", "DUPLICATE_SKU", "X")]


def test_two_imports_without_codes_do_not_wait(database: Database) -> None:
    first, second = (database.connect("inventory_admin") for _ in range(2))
    with first.transaction():
        run(first, [line(), line(quantity=1)])
        assert run(second, [line(), line(quantity=1)]) == 2
    assert database.one("select count(distinct sku) from store.product") == 4


def test_a_code_that_is_taken_meanwhile_where_none_was_given(database: Database, in_thread: type[InThread]) -> None:
    """Somebody chooses the code that comes next, and has not committed yet."""
    other, connection = (database.connect("inventory_admin") for _ in range(2))
    connection.execute("set lock_timeout = '60s'; set statement_timeout = '60s'")
    with other.transaction():
        run(other, [line(sku="P-000002")])
        waiting = in_thread(lambda: run(connection, [line(), line(), line()]))
        database.wait_until_blocked(connection)
    with pytest.raises(psycopg.errors.SerializationFailure):
        waiting.result()
    assert skus(database) == ["P-000002"]
    assert run(connection, [line(), line(), line()]) == 3


@pytest.mark.parametrize("kind", ["category", "brand"])
@pytest.mark.parametrize("is_committed", [True, False])
def test_a_category_or_brand_that_is_deleted_meanwhile(
    database: Database, in_thread: type[InThread], kind: str, is_committed: bool
) -> None:
    other, connection = (database.connect("inventory_admin") for _ in range(2))
    connection.execute("set lock_timeout = '60s'; set statement_timeout = '60s'")
    with other.transaction(force_rollback=not is_committed):
        other.execute(f"select inventory.delete_{kind}(2)".encode())
        waiting = in_thread(lambda: run(connection, [line(quantity=1), line(**{kind: 2})]))
        database.wait_until_blocked(connection)
    if not is_committed:
        assert waiting.result() == 2
        return
    with pytest.raises(psycopg.errors.SerializationFailure):
        waiting.result()
    assert skus(database) == []
    with pytest.raises(psycopg.Error) as error:
        run(connection, [line(quantity=1), line(**{kind: 2})])
    assert wrong(error) == [(2, kind, f"{kind.upper()}_NOT_FOUND", "2")]


@pytest.mark.parametrize("kind", ["category", "brand"])
def test_a_category_or_brand_that_is_imported_into_stays(
    database: Database, in_thread: type[InThread], kind: str
) -> None:
    other, connection = (database.connect("inventory_admin") for _ in range(2))
    other.execute("set lock_timeout = '60s'; set statement_timeout = '60s'")
    with connection.transaction():
        run(connection, [line(**{kind: 2})])
        deleting = in_thread(lambda: other.execute(f"select inventory.delete_{kind}(2)".encode()))
        database.wait_until_blocked(other)
    with pytest.raises(psycopg.Error) as error:
        deleting.result()
    assert error.value.sqlstate.startswith("IV")  # type: ignore[union-attr]
    assert database.one(f"select count(*) from store.{kind}") == 2
