"""What a reporting tool sees, as the role that it logs in as, and that it can do nothing else."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from tests.conftest import Database
from tests.sql.conftest import AdminCall, Call, Calls, Freeze, Refused

pytestmark = pytest.mark.usefixtures("verified")

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
MICROSECOND = timedelta(microseconds=1)

# What tools that read the reports build on: a column may be added at the end, none may change.
_PRODUCT = "product_id bigint, sku_id uuid, sku text"
COLUMNS = {
    "art_operations": "operation_id bigint, operation_type text, " + _PRODUCT + ", quantity numeric,"
    " from_location text, to_location text, booked_quantity numeric, reason text, movement_id bigint, count_id bigint,"
    " actor text, created_at timestamptz",
    "audit": "audit_id bigint, subject text, subject_id text, action text, before jsonb, after jsonb, "
    + _PRODUCT
    + ", actor text, written_by text, created_at timestamptz",
    "blocks": "block_id uuid, " + _PRODUCT + ", quantity numeric, reason text, status text, expires_at timestamptz,"
    " created_at timestamptz, created_by text, ended_at timestamptz, ended_reason text, ended_by text,"
    " converted_quantity numeric, owner text, kit_block_id uuid",
    "changes": "feed_key bigint, feed_id bigint, cursor text, type text, " + _PRODUCT + ", data json, actor text,"
    " occurred_at timestamptz, created_at timestamptz",
    "cost_layer_uses": _PRODUCT + ", layer_id bigint, movement_id bigint, kind text, reference text, quantity numeric,"
    " cost numeric, returns_movement_id bigint, created_at timestamptz",
    "cost_layers": "layer_id bigint, " + _PRODUCT + ", movement_id bigint, received_at timestamptz, quantity numeric,"
    " remaining numeric, unit_cost numeric, value numeric, remaining_value numeric, is_open boolean",
    "cost_of_goods_sold(p_from timestamptz, p_to timestamptz, p_product_id bigint)": _PRODUCT
    + ", name text, quantity_sold numeric,"
    " revenue numeric, cost_of_goods_sold numeric, gross_margin numeric, gross_margin_rate numeric,"
    " sales_without_cost bigint, other_quantity numeric, other_cost numeric",
    "count_accuracy": "operation_id bigint, count_id bigint, location text, " + _PRODUCT + ", booked numeric,"
    " counted numeric, difference numeric, accuracy numeric, cost numeric, actor text, created_at timestamptz",
    "inflows": "inflow_id bigint, " + _PRODUCT + ", supplier_id bigint, supplier text, quantity numeric, cost numeric,"
    " description text, movement_id bigint, actor text, created_at timestamptz, deleted_by text,"
    " deleted_at timestamptz",
    "instant()": "timestamptz",
    "location_stock": _PRODUCT + ", name text, location text, quantity numeric, arrived_at timestamptz",
    "low_stock": _PRODUCT + ", name text, unit text, status text, on_hand numeric, reorder_point numeric,"
    " shortage numeric",
    "movements": "movement_id bigint, " + _PRODUCT + ", kind text, quantity numeric, on_hand_before numeric,"
    " on_hand_after numeric, reserved_before numeric, reserved_after numeric, blocked_before numeric,"
    " blocked_after numeric, cost numeric, average_quantity numeric, average_value numeric, reference text,"
    " reason text, actor text, occurred_at timestamptz, created_at timestamptz, number bigint, written_by text",
    "outflows": "outflow_id bigint, " + _PRODUCT + ", quantity numeric, cost numeric, description text,"
    " movement_id bigint, actor text, created_at timestamptz, deleted_by text, deleted_at timestamptz",
    "products": _PRODUCT + ", name text, description text, category text, brand text, serial_number text,"
    " cost_price numeric, retail_price numeric, created_at timestamptz, updated_at timestamptz",
    "price_history": _PRODUCT + ", name text, price_id bigint, price_type text, amount numeric,"
    " effective_from timestamptz, effective_to timestamptz, status text, created_at timestamptz,"
    " updated_at timestamptz",
    "purchases": "purchase_id bigint, " + _PRODUCT + ", supplier_id bigint, supplier text, quantity numeric,"
    " unit_cost numeric, cost numeric, movement_id bigint, actor text, created_at timestamptz",
    "log_position()": "pg_lsn",
    "sales": "sale_id bigint, " + _PRODUCT + ", quantity numeric, unit_price numeric, revenue numeric, cost numeric,"
    " gross_margin numeric, returned_sale_id bigint, movement_id bigint, actor text, created_at timestamptz",
    "stock": _PRODUCT + ", name text, unit text, status text, on_hand numeric, reserved numeric, blocked numeric,"
    " available numeric, reorder_point numeric, updated_at timestamptz",
    "stock_ageing": _PRODUCT + ", name text, quantity numeric, quantity_under_30 numeric, quantity_30_to_60 numeric,"
    " quantity_60_to_90 numeric, quantity_over_90 numeric, value_under_30 numeric, value_30_to_60 numeric,"
    " value_60_to_90 numeric, value_over_90 numeric, quantity_without_cost numeric, oldest_received_at timestamptz,"
    " average_age numeric",
    "stock_as_of(p_at timestamptz, p_product_id bigint)": _PRODUCT
    + ", name text, unit text, on_hand numeric, reserved numeric,"
    " blocked numeric, available numeric",
    "turnover(p_from timestamptz, p_to timestamptz, p_product_id bigint)": _PRODUCT
    + ", name text, opening_quantity numeric,"
    " closing_quantity numeric, quantity_out numeric, opening_value numeric, closing_value numeric, cost_out numeric,"
    " turnover numeric, days_of_stock numeric",
    "valuation_as_of(p_at timestamptz, p_product_id bigint)": _PRODUCT
    + ", name text, quantity numeric, quantity_without_cost numeric,"
    " total_value numeric, average_cost numeric, moving_average_cost numeric, oldest_received_at timestamptz",
    "wait_for(p_position pg_lsn, p_seconds numeric)": "boolean",
}


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


def test_an_expired_block_holds_nothing_before_any_sweep(
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
    expired = (4, "expired", NOON + MINUTE, NOON + MINUTE, None)
    assert seen() == ([(1, 9)], [expired, second])
    assert database.stock(product) == (10, 0, 5), "nobody has swept"
    assert call("maintenance.expire_blocks", role="inventory_maintenance") == {"expire_blocks": 1}
    assert seen() == ([(1, 9)], [expired, second]), "and the sweep changes nothing that is seen"


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
        assert movement.pop("feed_key") > 0
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
        "select inventory.stock_at(now())",
        "select inventory.cost_layers_at(now())",
        "select inventory.record_sale(1, 1, 1)",
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


def test_the_columns_of_a_report_are_these(database: Database) -> None:
    found = database.rows(
        """
        select
            c.relname::text, string_agg(a.attname || ' ' || format_type(a.atttypid, null), ', ' order by a.attnum)
        from pg_class as c
        join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0
        where c.relnamespace = 'report'::regnamespace and c.relkind = 'v'
        group by c.relname
        union all
        select
            p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')',
            regexp_replace(pg_get_function_result(p.oid), '^TABLE[(](.*)[)]$', '\\1')
        from pg_proc as p
        where p.pronamespace = 'report'::regnamespace
        """
    )
    short = [[text.replace("timestamp with time zone", "timestamptz") for text in row] for row in found]
    assert dict(short) == COLUMNS


def test_reports_are_the_reporting_roles_alone(
    calls: Calls, analyst: psycopg.Connection[Any], refused: Refused, subtests: pytest.Subtests
) -> None:
    for report in COLUMNS:
        name, is_function, _ = report.partition("(")
        arguments: list[Any] = [] if name == "instant" else [NOON, NOON][: report.count(" timestamptz")]
        arguments += ["0/0"] * report.count(" pg_lsn")
        call = f"report.{name}({', '.join(['%s'] * len(arguments))})" if is_function else f"report.{name}"
        query = f"select * from {call}".encode()
        with subtests.test(report):
            analyst.execute(query, arguments or None)
    for name in ("stock_as_of", "valuation_as_of", "turnover", "cost_of_goods_sold"):
        arguments = [NOON] if name.endswith("as_of") else [NOON, NOON]
        for role in ("inventory_admin", "inventory_maintenance"):
            with subtests.test(name, role=role), refused("42501"):
                calls(f"report.{name}", *arguments, role=role)


# As it was


class Past:
    """What was true at instants, as it was found then from what is kept of the present."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.found: list[tuple[datetime, Any, Any, Any]] = []

    def remember(self) -> None:
        """Take down what is true now; then some minutes go by."""
        self.found.append((self.database.one("select inventory.clock()"), *self.now()))
        self.database.advance(7 * MINUTE)

    def now(self) -> tuple[Any, Any, Any]:
        stock = self.database.rows(
            "select product_id, unit, on_hand, reserved, blocked, available from report.stock order by product_id"
        )
        layers = self.database.rows(
            "select product_id, id, received_at, quantity, remaining, unit_cost, remaining_value"
            " from store.cost_layer where is_open order by product_id, id"
        )
        pools = self.database.rows("select product_id, average_quantity, average_value from store.stock order by 1")
        return stock, layers, pools

    def at(self, instant: datetime) -> tuple[Any, Any, Any]:
        """The same, as the functions tell it."""
        stock = self.database.rows(
            "select product_id, unit, on_hand, reserved, blocked, available from report.stock_as_of(%s)", instant
        )
        layers = self.database.rows("select * from inventory.cost_layers_at(%s)", instant)
        pools = self.database.rows(
            "select product_id, average_quantity, average_value from inventory.stock_at(%s)", instant
        )
        return stock, layers, pools


def value_of(layers: list[tuple[Any, ...]], product: int) -> Decimal:
    """The known value of a product's layers."""
    return sum((row[6] for row in layers if row[0] == product and row[6] is not None), Decimal(0))


@pytest.fixture
def past(database: Database, call: Call, admin_call: AdminCall) -> Past:
    """A history of three APIs: of the products one is of known cost, one not, one gets its inventory late."""
    past = Past(database)
    known, unknown = database.product("A-1", 20, p_cost_price="1.333"), database.product("A-2", "7.5")
    late = admin_call("register_product", "A-3", "Late", p_cost_price=3)["id"]
    supplier = admin_call("create_supplier", "Fresh Farm Supplies")["id"]
    sales: list[Any] = []
    blocks: list[Any] = []

    def hold(product: int, quantity: int, minutes: int) -> None:
        end = database.one("select inventory.clock()") + minutes * MINUTE
        row = call("create_block", product, quantity, p_expires_at=end)
        assert row is not None
        blocks.append(row["id"])

    def sell(product: int, quantity: Any) -> None:
        sales.append(admin_call("record_sale", product, quantity, "4.5")["id"])

    def sweep() -> None:
        call("maintenance.expire_blocks", role="inventory_maintenance")

    steps: list[Callable[[], Any]] = [
        lambda: None,
        lambda: call("reserve_stock", known, 6),
        lambda: hold(known, 3, 10),
        lambda: hold(unknown, 2, 10),  # now the first one has expired, and no one has swept
        lambda: call("consume_stock", known, 2),
        sweep,
        lambda: admin_call("record_purchase", known, supplier, "10.5", "2.345"),
        lambda: sell(known, "15.125"),
        lambda: admin_call("record_purchase", unknown, supplier, 5, 3),
        lambda: (hold(known, 2, 10), hold(known, 1, 60), hold(known, 1, 1000)),
        lambda: sell(unknown, 9),
        lambda: admin_call("return_sale", sales[0], "3.005"),
        lambda: call("convert_block", blocks[-1], "0.5"),
        lambda: admin_call("initialize_inventory", late, 3, "2.25"),
        lambda: call("cancel_block", blocks[-2]),
        lambda: admin_call("update_inventory", known, 20),
        lambda: hold(known, 4, 10),
        lambda: call("release_stock", known, 1),
        lambda: sell(known, 14),  # takes what the expired blocks held
        lambda: admin_call("update_inventory", known, 4),
        lambda: admin_call("return_sale", sales[1]),
        lambda: hold(late, 2, 20),
        lambda: call("extend_block", blocks[-1], database.one("select inventory.clock()") + 60 * MINUTE),
        lambda: admin_call("return_sale", sales[0]),
        lambda: admin_call("update_inventory", late, p_status="archived", p_reorder_point=9),
        lambda: sell(unknown, "0.001"),
        lambda: (hold(unknown, 1, 8), call("add_stock", unknown, 1)),
        lambda: None,
    ]
    for step in steps:
        step()
        past.remember()
    return past


def test_as_of_any_instant_it_is_what_was_true_then(past: Past, database: Database, subtests: pytest.Subtests) -> None:
    expired = "select count(*) from store.block where expires_at <= inventory.clock() and status = "
    assert database.one(expired + "'active'") > 0, "some that have expired have not been swept"
    assert database.one(expired + "'expired'") > 0
    for number, (instant, *found) in enumerate(past.found):
        with subtests.test(step=number):
            assert past.at(instant) == tuple(found)


def test_every_movement_counts_from_its_own_instant(past: Past, database: Database) -> None:
    """At it, and not a microsecond before."""
    for product, at, before, after in database.rows(
        "select product_id, created_at, on_hand_before, on_hand_after from store.movement"
        " where on_hand_before <> on_hand_after and kind <> 'initial'"
    ):
        query = "select on_hand from report.stock_as_of(%s) where product_id = %s"
        assert database.rows(query, at - MICROSECOND, product) == [(before,)]
        assert database.rows(query, at, product) == [(after,)]
        own = "select on_hand from report.stock_as_of(%s, %s)"
        assert database.rows(own, at - MICROSECOND, product) == [(before,)]
        assert database.rows(own, at, product) == [(after,)]


def test_the_value_as_of_an_instant_is_that_of_its_layers(past: Past, calls: Calls) -> None:
    for instant, stock, layers, pools in past.found:
        rows = calls("report.valuation_as_of", instant, role="inventory_reporting")
        assert [(row["product_id"], row["quantity"]) for row in rows] == [(row[0], row[2]) for row in stock]
        for row, (_, pool_quantity, pool_value) in zip(rows, pools, strict=True):
            own = [layer for layer in layers if layer[0] == row["product_id"]]
            value = value_of(layers, row["product_id"])
            without = sum((layer[4] for layer in own if layer[6] is None), Decimal(0))
            with_cost = row["quantity"] - without
            assert (row["total_value"], row["quantity_without_cost"]) == (value, without)
            assert row["average_cost"] == (round(value / with_cost, 3) if with_cost else None)
            average = round(pool_value / pool_quantity, 3) if pool_quantity else None
            assert row["moving_average_cost"] == average
            assert row["oldest_received_at"] == min((layer[2] for layer in own), default=None)


def test_of_one_product_it_is_what_it_is_of_all(past: Past, database: Database) -> None:
    """What is said of one product alone has nothing of another in it; now a block has expired that nobody has swept."""
    for name in ("stock_at", "cost_layers_at"):
        for instant in (*(found[0] for found in past.found), database.one("select inventory.clock()")):
            everything = database.rows(f"select * from inventory.{name}(%s)", instant)
            for (product,) in database.rows("select id from store.product"):
                own = database.rows(f"select * from inventory.{name}(%s, %s)", instant, product)
                assert own == [row for row in everything if row[0] == product]


def test_of_one_product_with_many_layers_it_is_what_it_is_of_all(
    database: Database, call: Call, admin_call: AdminCall
) -> None:
    """More layers and departures than are looked at first; some layers are open again long after they were used up."""
    product = database.product("A-1", 1, p_cost_price="0.333")
    sales: list[Any] = []

    def add(layers: int) -> None:
        database.admin.execute(
            "select inventory.add_stock(%s, 1 + n %% 3) from generate_series(1, %s) as n", [product, layers]
        )

    def sell(units: Any) -> None:
        sales.append(admin_call("record_sale", product, units, 2)["id"])

    def sell_one_by_one(units: int) -> None:
        database.admin.execute("select inventory.record_sale(%s, 1, 2) from generate_series(1, %s)", [product, units])

    instants = []
    for step in (
        lambda: add(400),
        lambda: sell("250.5"),
        lambda: sell(300),
        lambda: admin_call("return_sale", sales[0]),
        lambda: add(150),
        lambda: sell_one_by_one(130),
        lambda: call("create_block", product, 3),
        lambda: sell(200),
        lambda: admin_call("return_sale", sales[1], 150),
        lambda: admin_call("update_inventory", product, 600),
        lambda: sell_one_by_one(260),
        lambda: admin_call("update_inventory", product, 0 + 3),
        lambda: admin_call("update_inventory", product, 5),
    ):
        step()
        instants.append(database.one("select inventory.clock()"))
    for name in ("stock_at", "cost_layers_at"):
        for instant in instants:
            everything = database.rows(f"select * from inventory.{name}(%s)", instant)
            assert database.rows(f"select * from inventory.{name}(%s, %s)", instant, product) == everything
            assert len(everything) > 0


def test_a_report_of_one_product_is_its_row_of_the_report(past: Past, database: Database) -> None:
    instants = [found[0] for found in past.found]
    first, middle = instants[1], instants[len(instants) // 2]
    for name, *arguments in (
        ("stock_as_of", middle),
        ("valuation_as_of", middle),
        ("turnover", first, middle),
        ("cost_of_goods_sold", first, middle),
    ):
        marks = ", ".join(["%s"] * len(arguments))
        everything = database.rows(f"select * from report.{name}({marks})", *arguments)
        assert len(everything) > 1
        for row in everything:
            assert database.rows(f"select * from report.{name}({marks}, %s)", *arguments, row[0]) == [row]


def test_before_its_first_movement_a_product_has_no_average(database: Database, call: Call, freeze: Freeze) -> None:
    freeze(NOON)
    product = database.product("A-1", 0, p_cost_price=2)
    freeze(NOON + DAY)
    call("add_stock", product, 5)
    query = "select average_quantity, average_value from inventory.stock_at(%s)"
    assert [database.rows(query, at) for at in (NOON, NOON + DAY)] == [[(0, 0)], [(5, 10)]]


def test_a_layer_that_was_empty_then_is_in_no_list_of_then(
    database: Database, admin_call: AdminCall, freeze: Freeze
) -> None:
    """Whatever came back into it since and left it again."""
    freeze(NOON)
    product = database.product("A-1", 5, p_cost_price=2)
    sale = admin_call("record_sale", product, 5, 3)["id"]
    freeze(NOON + DAY)
    admin_call("return_sale", sale, 2)
    assert database.rows("select remaining from inventory.cost_layers_at(%s)", NOON + DAY) == [(2,)]
    admin_call("record_sale", product, 2, 3)
    assert database.rows("select * from inventory.cost_layers_at(%s)", NOON) == []


def test_what_is_deleted_was_there_until_then_and_held_nothing(
    database: Database, admin_call: AdminCall, freeze: Freeze
) -> None:
    freeze(NOON)
    empty = database.product("A-1")
    freeze(NOON + DAY)
    admin_call("delete_product", empty)
    as_of = "select product_id, on_hand, reserved, blocked, average_quantity, average_value from inventory.stock_at(%s)"
    assert database.rows(as_of, NOON) == [(empty, 0, 0, 0, 0, 0)]
    assert database.rows(as_of, NOON + DAY - MICROSECOND) == [(empty, 0, 0, 0, 0, 0)]
    assert database.rows(as_of, NOON + DAY) == []


def test_an_instant_ahead_is_now(past: Past, database: Database, calls: Calls) -> None:
    now = past.now()
    assert past.at(database.one("select inventory.clock()")) == now
    ahead = database.one("select inventory.clock()") + 9 * DAY
    for name in ("stock_as_of", "valuation_as_of"):
        rows = calls(f"report.{name}", ahead, role="inventory_reporting")
        assert rows == calls(f"report.{name}", role="inventory_reporting"), "now is what it is when nothing is said"
    stock = calls("report.stock_as_of", ahead, role="inventory_reporting")
    assert [(row["product_id"], row["unit"], row["on_hand"]) for row in stock] == [row[:3] for row in now[0]]
    assert [row["available"] for row in stock] == [row[5] for row in now[0]], "blocks do not expire before their time"


def test_before_anything_there_was_nothing(past: Past, calls: Calls) -> None:
    before = past.found[0][0] - DAY
    assert past.at(before) == ([], [], [])
    assert calls("report.valuation_as_of", before, role="inventory_reporting") == []


def test_value_in_less_value_out_is_the_change_of_value(past: Past, database: Database, calls: Calls) -> None:
    """Of a product all of whose costs are known, between any two instants."""
    instants = [instant for instant, *_ in past.found]
    arrivals = database.rows("select received_at, quantity, value from store.cost_layer where product_id = 1")
    for begin, end in itertools.combinations(instants[::3], 2):
        row = next(
            row for row in calls("report.turnover", begin, end, role="inventory_reporting") if row["product_id"] == 1
        )
        quantity_in = sum((quantity for at, quantity, _ in arrivals if begin <= at < end), Decimal(0))
        value_in = sum((value for at, _, value in arrivals if begin <= at < end), Decimal(0))
        assert row["opening_quantity"] + quantity_in - row["quantity_out"] == row["closing_quantity"]
        assert row["opening_value"] + value_in - row["cost_out"] == row["closing_value"]


# Costs, by hand


@pytest.fixture
def traded(database: Database, call: Call, admin_call: AdminCall, freeze: Freeze) -> None:
    """A day's trade, an hour a step from noon, of two products; 3 has no more than its first stock, 4 no inventory."""
    freeze(NOON)
    database.product("A-1", 10, p_cost_price=1)
    database.product("A-2", 4)
    database.product("A-3", 5, p_cost_price=2)
    admin_call("register_product", "A-4", "Bare")
    supplier = admin_call("create_supplier", "Fresh Farm Supplies")["id"]
    for hour, (name, *arguments) in enumerate(
        [
            ("record_purchase", 1, supplier, 10, 2),
            ("record_sale", 1, 12, 5),
            ("return_sale", 1, 4),
            ("record_sale", 1, 1, 0),
            ("record_sale", 2, 1, 7),
            ("record_purchase", 2, supplier, 6, 3),
            ("record_sale", 2, 5, 2),
            ("return_sale", 5, 2),
            ("update_inventory", 1, 10),
        ],
        start=1,
    ):
        freeze(NOON + hour * 60 * MINUTE)
        admin_call(name, *arguments)
    freeze(NOON + 10 * 60 * MINUTE)
    call("reserve_stock", 1, 4)
    call("consume_stock", 1, 3)


def hours(*numbers: int) -> list[datetime]:
    return [NOON + number * 60 * MINUTE for number in numbers]


def numbers_of(rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """The rows, but for what names the product beside its id."""
    return [tuple(value for name, value in row.items() if name not in ("sku_id", "sku", "name")) for row in rows]


def dec(text: str) -> list[Decimal | None]:
    """Numbers in words; a dash is null."""
    return [None if word == "-" else Decimal(word) for word in text.split()]


@pytest.mark.usefixtures("traded")
def test_cost_of_goods_sold(calls: Calls, subtests: pytest.Subtests) -> None:
    for begin, end, *expected in (
        # product, units, revenue, cost, margin, rate, without cost, other units, other cost
        (0, 2),
        (2, 3, "1 12 60 14 46 0.7667 0 0 0"),
        (2, 4, "1 8 40 8 32 0.8 0 0 0"),
        (3, 4, "1 -4 -20 -6 -14 0.7 0 0 0"),
        (4, 5, "1 1 0 1 -1 - 0 0 0"),
        (5, 8, "2 6 17 - - - 2 0 0"),
        (8, 9, "2 -2 -4 -6 2 -0.5 0 0 0"),
        (9, 10, "1 0 0 0 0 - 0 1 1"),
        (9, 11, "1 0 0 0 0 - 0 4 7"),
        (0, 99, "1 9 40 9 31 0.775 0 4 7", "2 4 13 - - - 2 0 0"),
    ):
        with subtests.test(begin=begin, end=end):
            rows = calls("report.cost_of_goods_sold", *hours(begin, end), role="inventory_reporting")
            assert numbers_of(rows) == [tuple(dec(text)) for text in expected]
            assert [(row["sku"], row["name"]) for row in rows] == [
                (f"A-{row['product_id']}", f"Product A-{row['product_id']}") for row in rows
            ]


@pytest.mark.usefixtures("traded")
def test_a_period_begins_with_its_first_instant_and_ends_before_its_last(calls: Calls) -> None:
    (at,) = hours(2)
    for begin, end, is_in in (
        (at, at + MICROSECOND, True),
        (at + MICROSECOND, at + DAY / 48, False),
        (at - DAY, at, False),
    ):
        rows = calls("report.cost_of_goods_sold", begin, end, role="inventory_reporting")
        assert bool(rows) == is_in
        (row, *_) = calls("report.turnover", begin, end, role="inventory_reporting")
        assert (row["quantity_out"] == 12) == is_in


@pytest.mark.usefixtures("traded")
def test_a_cost_that_is_not_known_leaves_its_total_unknown(
    calls: Calls, database: Database, call: Call, freeze: Freeze
) -> None:
    database.admin.execute("update store.product set cost_price = null where id = 3")
    freeze(*hours(11))
    call("add_stock", 3, 1)
    call("reserve_stock", 3, 6)
    call("consume_stock", 3, "5.5")
    (row,) = calls("report.cost_of_goods_sold", *hours(11, 12), role="inventory_reporting")
    assert (row["product_id"], row["cost_of_goods_sold"], row["other_quantity"], row["other_cost"]) == (
        3,
        0,
        Decimal("5.5"),
        None,
    )
    rows = calls("report.turnover", *hours(11, 12), role="inventory_reporting")
    assert numbers_of(rows)[2] == (3, *dec("5 0.5 5.5 10 0 - - -"))


@pytest.mark.usefixtures("traded")
def test_turnover(calls: Calls, subtests: pytest.Subtests) -> None:
    for begin, end, *expected in (
        # product, opening and closing units, units out, opening and closing value, cost out, turnover, days of stock
        (0, 0),
        (0, 1, "1 0 10 0 0 10 0 0 -", "2 0 4 0 0 0 0 - -", "3 0 5 0 0 10 0 0 -"),
        (1, 3, "1 10 8 12 10 16 14 1.077 0.1", "2 4 4 0 0 0 0 - -", "3 5 5 0 10 10 0 0 -"),
        # 9 hours so far: 10 and 14 of value, 12 in the mean, and 16 of cost went out
        (1, 27, "1 10 7 13 10 14 16 1.333 0.3", "2 4 6 4 0 18 - - -", "3 5 5 0 10 10 0 0 -"),
    ):
        with subtests.test(begin=begin, end=end):
            rows = calls("report.turnover", *hours(begin, end), role="inventory_reporting")
            assert numbers_of(rows) == [tuple(dec(text)) for text in expected]


@pytest.mark.usefixtures("traded")
def test_valuation(calls: Calls) -> None:
    """FIFO and the moving average, which take the same units at other costs."""
    names = ("quantity", "quantity_without_cost", "total_value", "average_cost", "moving_average_cost")
    found = {}
    for hour in (0, 1, 2, 3, 10):
        rows = calls("report.valuation_as_of", *hours(hour), role="inventory_reporting")
        found[hour] = [tuple(row[name] for name in names) for row in rows]
    third = tuple(dec("5 0 10 2 2"))
    assert found == {
        0: [tuple(dec("10 0 10 1 1")), tuple(dec("4 4 0 - -")), third],
        1: [tuple(dec("20 0 30 1.5 1.5")), tuple(dec("4 4 0 - -")), third],
        2: [tuple(dec("8 0 16 2 1.5")), tuple(dec("4 4 0 - -")), third],
        # 2 at 2 and 2 at 1 came back
        3: [tuple(dec("12 0 22 1.833 1.5")), tuple(dec("4 4 0 - -")), third],
        10: [tuple(dec("7 0 14 2 1.5")), tuple(dec("6 0 18 3 3")), third],
    }


@pytest.mark.usefixtures("traded")
def test_purchases_and_sales_are_every_one(database: Database, analyst: psycopg.Connection[Any]) -> None:
    purchases = report(analyst, "select * from report.purchases order by purchase_id")
    assert [
        (row["product_id"], row["supplier"], row["quantity"], row["unit_cost"], row["cost"], row["created_at"])
        for row in purchases
    ] == [
        (1, "Fresh Farm Supplies", 10, 2, 20, *hours(1)),
        (2, "Fresh Farm Supplies", 6, 3, 18, *hours(6)),
    ]
    sales = report(analyst, "select * from report.sales order by sale_id")
    names = ("sale_id", "product_id", "quantity", "unit_price", "revenue", "cost", "gross_margin", "returned_sale_id")
    assert [tuple(row[name] for name in names) for row in sales] == [
        tuple(dec(text))
        for text in (
            "1 1 12 5 60 14 46 -",
            "2 1 -4 5 -20 -6 -14 1",
            "3 1 1 0 0 1 -1 -",
            "4 2 1 7 7 - - -",
            "5 2 5 2 10 - - -",
            "6 2 -2 2 -4 -6 2 5",
        )
    ]
    assert {row["actor"] for row in [*purchases, *sales]} == {"inventory_admin"}
    for row in [*purchases, *sales]:
        assert str(row["sku_id"]) == database.sku_id(row["product_id"])
        assert (
            database.one("select created_at from store.movement where id = %s", row["movement_id"])
            == (row["created_at"])
        )


@pytest.mark.usefixtures("traded")
def test_layers_and_who_used_them(analyst: psycopg.Connection[Any]) -> None:
    layers = report(analyst, "select * from report.cost_layers where product_id = 1 order by layer_id")
    names = ("quantity", "remaining", "unit_cost", "value", "remaining_value")
    assert [tuple(row[name] for name in names) for row in layers] == [
        tuple(dec("10 0 1 10 0")),
        tuple(dec("10 7 2 20 14")),
    ]
    assert [(row["is_open"], row["received_at"]) for row in layers] == [(False, NOON), (True, *hours(1))]
    uses = report(analyst, "select * from report.cost_layer_uses where product_id = 1 order by movement_id, layer_id")
    first, second = (row["layer_id"] for row in layers)
    assert [(row["kind"], row["layer_id"], row["quantity"], row["cost"], row["reference"]) for row in uses] == [
        ("sale", first, 10, 10, "1"),
        ("sale", second, 2, 4, "1"),
        ("return", first, -2, -2, "2"),
        ("return", second, -2, -4, "2"),
        ("sale", first, 1, 1, "3"),
        ("adjust", first, 1, 1, None),
        ("consume", second, 3, 6, None),
    ]
    assert [row["returns_movement_id"] for row in uses] == [None] * 2 + [uses[0]["movement_id"]] * 2 + [None] * 3


# Lists


def test_low_stock_is_what_is_at_its_reorder_point(
    database: Database, call: Call, admin_call: AdminCall, analyst: psycopg.Connection[Any]
) -> None:
    for number, (quantity, point) in enumerate([(5, None), (5, 4), (5, 5), ("4.999", 5), (0, 0), (5, "7.5")]):
        product = database.product(f"A-{number}", quantity)
        admin_call("update_inventory", product, p_reorder_point=point)
    call("reserve_stock", 2, 5)
    admin_call("update_inventory", 6, p_status="archived")
    rows = report(analyst, "select * from report.low_stock order by product_id")
    assert [tuple(row.values()) for row in rows] == [
        (product, rows[n]["sku_id"], f"A-{product - 1}", f"Product A-{product - 1}", "Piece", *rest)
        for n, (product, *rest) in enumerate(
            [
                (3, "active", 5, 5, 0),
                (4, "active", Decimal("4.999"), 5, Decimal("0.001")),
                (5, "active", 0, 0, 0),
                (6, "archived", 5, Decimal("7.5"), Decimal("2.5")),
            ]
        )
    ]


def test_stock_grows_older(
    database: Database, call: Call, admin_call: AdminCall, freeze: Freeze, analyst: psycopg.Connection[Any]
) -> None:
    product = admin_call("register_product", "A-1", "Mug", p_cost_price=1)["id"]
    database.product("A-2")
    ages = (120 * DAY, 90 * DAY, 90 * DAY - MICROSECOND, 60 * DAY, 30 * DAY, 30 * DAY - MICROSECOND, 0 * DAY)
    freeze(NOON - ages[0])
    admin_call("initialize_inventory", product)
    for number, age in enumerate(ages):
        freeze(NOON - age)
        cost = None if age == 60 * DAY else number + 1
        database.admin.execute("update store.product set cost_price = %s where id = 1", [cost])
        call("add_stock", product, 10)
    freeze(NOON)
    call("reserve_stock", product, 12)
    call("consume_stock", product, 12)
    (row,) = report(analyst, "select * from report.stock_ageing")
    names = [name for name in row if name.startswith(("quantity", "value"))]
    assert [row[name] for name in names] == dec("58 20 10 20 8 130 50 30 16 10")
    assert row["oldest_received_at"] == NOON - 90 * DAY
    # 8 for 90 days, 10 each for 90, 60, 30, 30 and 0, but for microseconds
    assert row["average_age"] == round(Decimal(8 * 90 + 10 * (90 + 60 + 30 + 30)) / 58, 1)


def test_every_price_has_its_status(
    database: Database, admin_call: AdminCall, freeze: Freeze, analyst: psycopg.Connection[Any]
) -> None:
    product = admin_call("register_product", "A-1", "Mug")["id"]
    for hour, amount, others in (
        (0, 1, {}),
        (1, 2, {}),
        (2, 3, {"p_close_old_price": False}),
        (2, 4, {"p_close_old_price": False}),
        (2, 5, {"p_price_type": "promo"}),
        (2, 6, {"p_close_old_price": False, "p_effective_from": NOON + DAY}),
        (2, 7, {"p_price_type": "promo", "p_close_old_price": False, "p_effective_to": NOON + DAY / 4}),
    ):
        freeze(NOON + hour * 60 * MINUTE)
        admin_call("set_price", product, amount, **others)
    history = "select amount, status from report.price_history order by price_id"

    def statuses() -> str:
        return " ".join(f"{row['amount']:.0f}:{row['status']}" for row in report(analyst, history))

    assert statuses() == "1:ended 2:overridden 3:overridden 4:active 5:overridden 6:scheduled 7:active"
    freeze(NOON + DAY / 4)
    assert statuses() == "1:ended 2:overridden 3:overridden 4:active 5:active 6:scheduled 7:ended"
    freeze(NOON + DAY)
    assert statuses() == "1:ended 2:overridden 3:overridden 4:overridden 5:active 6:active 7:ended"
    (row,) = report(analyst, "select * from report.price_history where amount = 1")
    assert (row["effective_from"], row["effective_to"]) == (NOON, *hours(1))
    assert (row["created_at"], row["updated_at"]) == (NOON, *hours(1))
    active = "select price_type, amount from report.price_history where status = 'active' order by 1"
    assert [(row["price_type"], row["amount"]) for row in report(analyst, active)] == [
        (kind, database.one("select inventory.active_price(%s, %s)", product, kind)) for kind in ("promo", "retail")
    ]


@pytest.mark.parametrize(
    ("call", "sqlstate"),
    [
        ("stock_as_of(null)", "22004"),
        ("valuation_as_of(null)", "22004"),
        ("cost_of_goods_sold(null, now())", "22004"),
        ("cost_of_goods_sold(now(), null)", "22004"),
        ("turnover(null, now())", "22004"),
        ("turnover(now(), null)", "22004"),
        ("cost_of_goods_sold(now(), now() - interval '1 day')", "22023"),
        ("turnover(now(), now() - interval '1 day')", "22023"),
    ],
)
def test_a_report_of_no_time_is_refused(analyst: psycopg.Connection[Any], call: str, sqlstate: str) -> None:
    with pytest.raises(psycopg.Error) as error:
        report(analyst, f"select * from report.{call}")
    assert error.value.sqlstate == sqlstate


def test_a_period_without_an_end_is_what_has_been_of_it(
    database: Database, freeze: Freeze, analyst: psycopg.Connection[Any]
) -> None:
    freeze(NOON)
    product = database.product("A-1", 10, p_cost_price=2)
    freeze(NOON + timedelta(days=10))
    database.one("select id from inventory.record_sale(%s, 5, 3)", product)
    freeze(NOON + timedelta(days=10) + MICROSECOND)
    for period in ("'-infinity', 'infinity'", f"'{NOON}', 'infinity'"):
        (row,) = report(analyst, f"select * from report.turnover({period})")
        # 10 went out of a mean of 5 (0 before all, 10 now) in 10 days.
        assert (row["cost_out"], row["opening_value"], row["closing_value"]) == (10, 0, 10)
        assert (row["turnover"], row["days_of_stock"]) == (2, 5)
        (row,) = report(analyst, f"select * from report.cost_of_goods_sold({period})")
        assert row["gross_margin"] == 5
