"""What a reporting tool sees, as the role that it logs in as, and that it can do nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from tests.conftest import Database
from tests.sql.conftest import Call, Freeze, Refused

pytestmark = pytest.mark.usefixtures("verified")

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
MICROSECOND = timedelta(microseconds=1)


@pytest.fixture
def analyst(database: Database) -> psycopg.Connection[Any]:
    """A connection as inventory_reporting."""
    return database.connect("inventory_reporting")


def report(analyst: psycopg.Connection[Any], query: str) -> list[dict[str, Any]]:
    return analyst.cursor(row_factory=dict_row).execute(query.encode()).fetchall()


def test_stock_is_one_row_a_product(database: Database, call: Call, analyst: psycopg.Connection[Any]) -> None:
    first, second = database.product("A-1", "10.5"), database.product("A-2")
    call("reserve_stock", first, 3)
    call("create_block", first, 2)
    database.admin.execute("update store.stock set status = 'archived', reorder_point = 4 where product_id = 2")
    rows = report(analyst, "select * from report.stock order by product_id")
    assert [row.pop("updated_at") is not None for row in rows] == [True, True]
    common = {"unit": "Piece", "reorder_point": None}
    assert rows == [
        common
        | {"product_id": first, "sku": "A-1", "name": "Product A-1", "status": "active", "on_hand": Decimal("10.5")}
        | {"sku_id": rows[0]["sku_id"], "reserved": 3, "blocked": 2, "available": Decimal("5.5")},
        common
        | {"product_id": second, "sku": "A-2", "name": "Product A-2", "status": "archived", "on_hand": 0}
        | {"sku_id": rows[1]["sku_id"], "reserved": 0, "blocked": 0, "available": 0, "reorder_point": 4},
    ]
    assert [str(row["sku_id"]) for row in rows] == [database.sku_id(first), database.sku_id(second)]


def test_a_block_that_is_over_holds_nothing_before_any_sweep(
    database: Database, call: Call, freeze: Freeze, analyst: psycopg.Connection[Any]
) -> None:
    product = database.product("A-1", 10)
    freeze(NOON)
    call("create_block", product, 4, p_expires_at=NOON + MINUTE)
    call("create_block", product, 1, p_expires_at=NOON + 2 * MINUTE)
    stock = "select blocked, available from report.stock"
    blocks = "select quantity, status, expires_at, ended_at, ended_by from report.blocks order by expires_at"

    def seen() -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
        return analyst.execute(stock).fetchall(), analyst.execute(blocks).fetchall()

    first, second = (4, "active", NOON + MINUTE, None, None), (1, "active", NOON + 2 * MINUTE, None, None)
    freeze(NOON + MINUTE - MICROSECOND)
    assert seen() == ([(5, 5)], [first, second])
    freeze(NOON + MINUTE)
    over = (4, "expired", NOON + MINUTE, NOON + MINUTE, None)
    assert seen() == ([(1, 9)], [over, second])
    assert database.stock(product) == (10, 0, 5), "nobody has swept"
    assert call("maintenance.expire_blocks", role="inventory_maintenance") == {"expire_blocks": 1}
    assert seen() == ([(1, 9)], [over, second]), "and the sweep changes nothing that is seen"


def test_every_block_is_kept_with_how_it_ended(
    database: Database, call: Call, analyst: psycopg.Connection[Any]
) -> None:
    product = database.product("A-1", 10)
    made = [call("create_block", product, 2, p_reason=f"number {n}", p_actor="ann") for n in range(3)]
    converted, cancelled, _ = (block["id"] for block in made if block is not None)
    call("convert_block", converted, "1.5", "paid", "bob")
    call("cancel_block", cancelled, "gone", "eve")
    rows = report(
        analyst,
        "select reason, status, created_by, ended_reason, ended_by, converted_quantity, ended_at is null as is_open,"
        " product_id, sku from report.blocks order by block_id",
    )
    assert [tuple(row.values()) for row in rows] == [
        ("number 0", "converted", "ann", "paid", "bob", Decimal("1.5"), False, product, "A-1"),
        ("number 1", "cancelled", "ann", "gone", "eve", None, False, product, "A-1"),
        ("number 2", "active", "ann", None, None, None, True, product, "A-1"),
    ]


def test_movements_are_the_ledger(database: Database, call: Call, analyst: psycopg.Connection[Any]) -> None:
    product = database.product("A-1", 10, p_cost_price=2)
    call("reserve_stock", product, 3, p_reason="cart", p_actor="ann")
    call("consume_stock", product, 1)
    rows = report(analyst, "select * from report.movements order by movement_id")
    stored = database.admin.cursor(row_factory=dict_row).execute("select * from store.movement order by id").fetchall()
    assert len(rows) == 3
    for row, movement in zip(rows, stored, strict=True):
        assert row.pop("movement_id") == movement.pop("id")
        assert (row.pop("sku"), str(row.pop("sku_id"))) == ("A-1", database.sku_id(product))
        assert row.pop("quantity") == movement["on_hand_after"] - movement["on_hand_before"]
        assert row == movement


def test_the_instant_of_a_report_is_now(database: Database, freeze: Freeze, analyst: psycopg.Connection[Any]) -> None:
    freeze(NOON)
    assert analyst.execute("select report.instant()").fetchone() == (NOON,)


def test_a_reporting_tool_can_do_nothing_else(
    database: Database, analyst: psycopg.Connection[Any], refused: Refused, subtests: pytest.Subtests
) -> None:
    database.product("A-1", 10)
    for statement in (
        "select * from store.stock",
        "select * from store.user_account",
        "select inventory.clock()",
        "select inventory.add_stock(1, 1)",
        "select http.ready('{}')",
        "select maintenance.status()",
        "call maintenance.run_batches('expire_blocks')",
        "lock table report.stock",
        "create view report.mine as select 1",
        "select * from extensions.pg_trgm",
        "set role inventory_operator",
    ):
        with subtests.test(statement), refused("42501"), analyst.transaction():
            analyst.execute("set transaction read write")
            analyst.execute(statement.encode())


def test_nobody_writes_through_a_report(database: Database, refused: Refused) -> None:
    """Not even a superuser."""
    database.product("A-1", 10)
    for statement in (
        "insert into report.stock (product_id) values (1)",
        "update report.blocks set status = 'active'",
        "delete from report.movements",
    ):
        with refused("55000"):
            database.admin.execute(statement.encode())


def test_a_reporting_tool_reads_only_even_where_it_might_write(
    analyst: psycopg.Connection[Any], refused: Refused
) -> None:
    with refused("25006"):
        analyst.execute("create temporary table mine ()")
