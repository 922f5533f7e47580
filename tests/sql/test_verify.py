"""maintenance.verify() finds each kind of damage, and nothing where there is none."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from tests.conftest import Database
from tests.sql.conftest import AdminCall, Call

STOCK = "stock equals its last movement"
CHAIN = "movement begins where the last ended"
NUMBERS = "numbers have no gap"
NO_STOCK = "ledger has a stock row"
BLOCKED = "blocked equals the active blocks"
BLOCKS = "block begins and ends once in the ledger"
LAYERS = "cost layers hold what is on hand"
USES = "cost layer equals its uses and its rest"
COSTS = "movement equals its cost layers"
LOCATED = "stock knows what lies at locations"
PLACE = "location equals its last movement"
PLACE_CHAIN = "location's movement begins where the last ended"
PLACES = "movement equals its locations"
OPERATION = "operation equals its movement"
RETURNS = "no more came back than had left"
AVERAGE = "moving average follows from the movements"
PURCHASE = "purchase equals its movement"
SALE = "sale equals its movement"
SALE_RETURNS = "no more of a sale came back than was sold"
RETURNED_SALE = "return is of a sale of the product"
TOTALS = "totals to date equal the sums"
FLOW = "flow equals its movement"
UNDONE = "deleted flow has left nothing behind"
DELETED = "deleted product has nothing left"
OLDEST = "departure takes the oldest layer"
SHARE = "departure takes its share of the cost"
UNIT_COST = "cost layer is worth its unit cost"
TIME = "movement is no earlier than the last"
COUNT = "row total is right"
RETAIL = "retail price is the active one"
TURN = "price rule ahead has its turn"
REPAIR = "repair undoes the break that it names"
KIT = "product with parts is a kit"
KIT_RESERVED = "reserved for kits equals the kits"
KIT_BLOCK = "block of a kit holds its parts"
PART_BLOCK = "block of a part ends with that of the kit"
SALE_PART = "part of a sale equals its movement"

_OF = "(select id from store.movement where kind ="
_FLOWS = ("inflow", "outflow")
_FLOW_KINDS = ("inflow", "outflow", "delete_inflow", "delete_outflow")
_ALL_AT_ONE_PLACE = (
    "update store.location_stock as l set quantity = case location_id when 1 then s.located else 0 end"
    " from store.stock as s where s.product_id = l.product_id"
)

# What is broken, by whom (a superuser's UPDATE), and the check that has to see it; the product is 1.
DAMAGES = [
    ("update store.stock set last_number = last_number + 1 where product_id = 1", NUMBERS),
    ("update store.movement set number = number + 1000 where kind = 'expire'", NUMBERS),
    ("update store.stock set on_hand = on_hand + 1 where product_id = 1", STOCK),
    ("update store.stock set reserved = reserved + 0.001 where product_id = 1", STOCK),
    ("update store.stock set blocked = blocked + 1 where product_id = 1", STOCK),
    ("delete from store.movement where kind = 'release'", CHAIN),
    ("delete from store.movement", STOCK),
    (
        "update store.movement set on_hand_before = on_hand_before + 1, on_hand_after = on_hand_after + 1"
        " where kind = 'add'",
        CHAIN,
    ),
    (
        "update store.movement set reserved_before = reserved_before + 1, reserved_after = reserved_after + 1"
        " where kind = 'add'",
        CHAIN,
    ),
    (
        "update store.movement set blocked_before = blocked_before + 1, blocked_after = blocked_after + 1"
        " where kind = 'add'",
        CHAIN,
    ),
    (
        "update store.movement set on_hand_before = 1, on_hand_after = on_hand_after + 1 where kind = 'initial'",
        CHAIN,
    ),
    ("delete from store.stock where product_id = 1", NO_STOCK),
    ("update store.stock set blocked = blocked - 1 where product_id = 1", BLOCKED),
    ("update store.block set quantity = quantity + 1 where status = 'active'", BLOCKED),
    ("update store.block set status = 'expired', ended_at = now() where status = 'active'", BLOCKED),
    ("update store.block set status = 'active', ended_at = null where status = 'cancelled'", BLOCKED),
    ("delete from store.block where status = 'active'", BLOCKED),
    ("update store.block set status = 'expired', ended_at = now() where status = 'active'", BLOCKS),
    ("update store.block set status = 'active', ended_at = null where status = 'expired'", BLOCKS),
    ("update store.block set quantity = quantity + 1 where status = 'cancelled'", BLOCKS),
    ("update store.block set converted_quantity = 1 where status = 'converted'", BLOCKS),
    ("delete from store.block where status = 'converted'", BLOCKS),
    ("update store.movement set reference = null where kind = 'block'", BLOCKS),
    ("update store.movement set reference = gen_random_uuid() where kind = 'expire'", BLOCKS),
    ("delete from store.movement where kind = 'cancel'", BLOCKS),
    (
        'insert into store.movement select (jsonb_populate_record(m, \'{"id": 1000, "number": 1000}\')).*'
        " from store.movement as m where m.kind = 'expire'",
        BLOCKS,
    ),
    ("update store.cost_layer set remaining = remaining - 1 where remaining > 1", LAYERS),
    ("delete from store.cost_layer where remaining = quantity", LAYERS),
    ("update store.cost_layer set remaining = remaining - 1 where remaining > 1", USES),
    ("update store.cost_layer set remaining_value = remaining_value - 0.001 where remaining > 1", USES),
    ("update store.cost_layer_use set cost = cost + 0.001", USES),
    ("update store.cost_layer set unit_cost = unit_cost + 1", UNIT_COST),
    ("update store.cost_layer_use set quantity = quantity + 0.25", USES),
    ("delete from store.cost_layer_use", USES),
    ("update store.movement set cost = cost + 0.001 where kind = 'add'", COSTS),
    ("update store.movement set cost = cost + 0.001 where kind = 'convert'", COSTS),
    ("update store.movement set cost = null where kind = 'consume'", COSTS),
    ("update store.movement set cost = 1 where kind = 'reserve'", COSTS),
    ("update store.cost_layer_use set quantity = quantity + 0.25", COSTS),
    ("update store.cost_layer_use set movement_id = movement_id + 1000", COSTS),
    ("update store.cost_layer set movement_id = movement_id + 1000", COSTS),
    ("update store.location_stock set quantity = quantity + 1", LOCATED),
    ("update store.location_stock set quantity = 1000", LOCATED),
    ("delete from store.location_stock", LOCATED),
    ("delete from store.location_stock where location_id = 1", LOCATED),
    ("update store.stock set located = located - 0.001 where product_id = 1", LOCATED),
    ("update store.location_stock set quantity = quantity + 0.001 where location_id = 2", PLACE),
    ("update store.location_stock set quantity = 0 where location_id = 1", PLACE),
    ("delete from store.location_stock where location_id = 2", PLACE),
    (_ALL_AT_ONE_PLACE, PLACE),
    ("delete from store.location_movement where location_id = 2", PLACE),
    (f"delete from store.location_movement where movement_id in {_OF} 'sale')", PLACE_CHAIN),
    (
        f"update store.location_movement set quantity_after = quantity_after + 1 where movement_id in {_OF} 'add')",
        PLACE_CHAIN,
    ),
    (f"delete from store.location_movement where movement_id in {_OF} 'transfer')", PLACE_CHAIN),
    (
        "update store.location_movement set quantity_before = quantity_before + 1, quantity_after = quantity_after + 1"
        f" where movement_id in {_OF} 'remove')",
        PLACE_CHAIN,
    ),
    ("update store.location_movement set quantity_before = 1 where quantity_before = 0", PLACE_CHAIN),
    *(
        (f"update store.location_movement set quantity_{side} = 100 where movement_id in {_OF} '{kind}')", PLACES)
        for kind in ("add", "transfer", "count")
        for side in ("before", "after")
    ),
    (f"update store.location_movement set quantity_before = 100 where movement_id in {_OF} 'sale')", PLACES),
    (
        f"update store.location_movement set quantity_after = quantity_before + 1 where movement_id in {_OF} 'sale')",
        PLACES,
    ),
    (f"update store.location_movement set quantity_before = 100 where movement_id in {_OF} 'remove')", PLACES),
    ("update store.location_movement set movement_id = movement_id + 1000", PLACES),
    ("delete from store.movement where kind = 'transfer'", PLACES),
    *(
        (f"update store.art_operation set quantity = quantity + 1 where operation_type = '{kind}'", OPERATION)
        for kind in ("Add", "Remove", "Transfer", "Count", "Adjust")
    ),
    ("update store.art_operation set booked_quantity = booked_quantity + 1 where count_id is null", OPERATION),
    ("update store.art_operation set booked_quantity = booked_quantity - 1 where count_id is not null", OPERATION),
    ("update store.art_operation set booked_quantity = null where operation_type = 'Count'", OPERATION),
    *(
        (f"update store.art_operation set movement_id = null where operation_type = '{kind}'", OPERATION)
        for kind in ("Add", "Remove", "Transfer", "Count", "Adjust")
    ),
    ("update store.art_operation set movement_id = movement_id + 1000", OPERATION),
    ("delete from store.movement where kind = 'remove'", OPERATION),
    *(
        (
            f"delete from store.art_operation where operation_type = '{kind}' and movement_id is not null"
            " and count_id is null",
            OPERATION,
        )
        for kind in ("Add", "Remove", "Transfer", "Count", "Adjust")
    ),
    ("update store.movement set kind = 'repair' where kind = 'consume'", REPAIR),
    ("update store.movement set kind = 'repair', reference = '30' where kind = 'block'", REPAIR),
    (f"delete from store.location_movement where movement_id in {_OF} 'transfer')", OPERATION),
    ("update store.movement set cost = null where kind = 'return'", COSTS),
    ("update store.movement set cost = cost + 0.001 where kind = 'return'", COSTS),
    ("update store.movement set cost = 0 where kind = 'sale' and cost is null", COSTS),
    ("update store.movement set cost = cost + 0.001 where kind = 'purchase'", COSTS),
    ("update store.cost_layer_use set quantity = quantity - 1 where quantity < 0", RETURNS),
    ("update store.cost_layer_use set quantity = quantity - 0.25 where quantity > 0", RETURNS),
    ("update store.cost_layer_use set cost = cost - 0.001 where quantity < 0", RETURNS),
    ("update store.cost_layer_use set cost = cost + 0.001 where quantity < 0", RETURNS),
    (
        "update store.cost_layer_use set returns_movement_id = returns_movement_id + 1000 where quantity < 0",
        RETURNS,
    ),
    ("update store.cost_layer set value = value + 0.001", USES),
    ("update store.cost_layer set remaining_value = remaining_value - 0.001 where remaining > 1", USES),
    ("update store.cost_layer_use set cost = cost + 0.001 where quantity > 0", USES),
    ("delete from store.cost_layer_use where quantity < 0", USES),
    ("update store.movement set average_quantity = average_quantity + 0.001 where kind = 'reserve'", AVERAGE),
    ("update store.movement set average_value = average_value + 0.001 where kind = 'initial'", AVERAGE),
    ("update store.movement set average_value = average_value + 0.001 where kind = 'expire'", AVERAGE),
    ("update store.movement set average_quantity = average_quantity + 0.001 where kind = 'return'", AVERAGE),
    ("update store.cost_layer_use set cost = cost - 1 where quantity < 0", COSTS),
    ("update store.stock set average_quantity = average_quantity - 0.001 where product_id = 1", AVERAGE),
    ("update store.stock set average_value = average_value + 0.001 where product_id = 1", AVERAGE),
    ("delete from store.movement", AVERAGE),
    ("update store.purchase set quantity = quantity + 1", PURCHASE),
    ("update store.purchase set unit_cost = unit_cost + 0.001", PURCHASE),
    ("update store.purchase set cost = cost + 0.001", PURCHASE),
    ("update store.purchase set movement_id = movement_id + 1000", PURCHASE),
    ("delete from store.purchase where number = 2", PURCHASE),
    ("delete from store.movement where kind = 'purchase'", PURCHASE),
    ("update store.movement set reference = null where kind = 'purchase'", PURCHASE),
    ("update store.movement set cost = cost + 0.001 where kind = 'purchase'", PURCHASE),
    ("update store.cost_layer set unit_cost = unit_cost + 1", PURCHASE),
    ("update store.sale set returned_sale_id = returned_sale_id + 1000 where quantity < 0", RETURNED_SALE),
    ("update store.sale set returned_sale_id = id where quantity < 0", RETURNED_SALE),
    ("update store.sale set quantity = quantity + 1 where quantity > 0", SALE),
    ("update store.sale set quantity = quantity - 1 where quantity < 0", SALE),
    ("update store.sale set cost = cost + 0.001 where quantity > 0", SALE),
    ("update store.sale set cost = -cost where quantity < 0", SALE),
    ("update store.sale set cost = null where number = 1", SALE),
    ("update store.sale set cost = 0 where cost is null", SALE),
    ("update store.sale set revenue = revenue + 0.001 where quantity > 0", SALE),
    ("update store.sale set unit_price = unit_price + 1 where quantity > 0", SALE),
    ("update store.sale set movement_id = movement_id + 1000", SALE),
    ("delete from store.sale where number = 1", SALE),
    ("delete from store.movement where kind = 'sale'", SALE),
    ("update store.movement set kind = 'sale' where kind = 'return'", SALE),
    ("update store.movement set reference = null where kind = 'return'", SALE),
    ("update store.sale set quantity = quantity - 1 where quantity < 0", SALE_RETURNS),
    ("update store.sale set revenue = revenue - 0.001 where quantity < 0", SALE_RETURNS),
    ("update store.sale set revenue = revenue + 0.001 where quantity < 0", SALE_RETURNS),
    ("update store.sale set quantity = quantity - 1 where quantity > 1", SALE_RETURNS),
    ("update store.purchase set number = number + 1000 where number = 2", TOTALS),
    ("update store.purchase set quantity_to_date = quantity_to_date + 1", TOTALS),
    ("update store.purchase set cost_to_date = cost_to_date + 0.001 where number = 2", TOTALS),
    ("delete from store.purchase where number = 1", TOTALS),
    ("update store.sale set number = number + 1000 where number > 3", TOTALS),
    ("update store.sale set quantity_to_date = quantity_to_date + 1 where number = 3", TOTALS),
    ("update store.sale set revenue_to_date = revenue_to_date - 0.001 where number = 1", TOTALS),
    ("update store.sale set cost_to_date = cost_to_date - 0.001 where number = 2", TOTALS),
    ("update store.sale set without_cost_to_date = 0", TOTALS),
    ("delete from store.sale where number = 1", TOTALS),
    *((f"update store.{kind} set quantity = quantity + 1", FLOW) for kind in _FLOWS),
    *((f"update store.deleted_flow set quantity = quantity + 1 where kind = '{kind}'", FLOW) for kind in _FLOWS),
    *(
        (f"update store.deleted_flow set movement_id = movement_id + 1000 where kind = '{kind}'", FLOW)
        for kind in _FLOWS
    ),
    *((f"update store.deleted_flow set deletion_movement_id = 1 where kind = '{kind}'", FLOW) for kind in _FLOWS),
    *((f"delete from store.deleted_flow where kind = '{kind}'", FLOW) for kind in _FLOWS),
    *((f"update store.{kind} set movement_id = movement_id + 1000", FLOW) for kind in _FLOWS),
    *((f"delete from store.{kind}", FLOW) for kind in _FLOWS),
    *((f"delete from store.movement where kind = '{kind}'", FLOW) for kind in _FLOW_KINDS),
    *((f"update store.movement set reference = null where kind = '{kind}'", FLOW) for kind in _FLOW_KINDS),
    *((f"update store.movement set cost = cost + 0.001 where kind = '{kind}'", COSTS) for kind in _FLOW_KINDS),
    *((f"update store.movement set cost = cost + 0.001 where kind = 'delete_{kind}'", UNDONE) for kind in _FLOWS),
    *((f"update store.movement set cost = null where kind = 'delete_{kind}'", UNDONE) for kind in _FLOWS),
    (
        "update store.cost_layer as l set remaining = 1, is_open = true from store.deleted_flow as d"
        " where d.kind = 'inflow' and l.movement_id = d.movement_id",
        UNDONE,
    ),
    ("update store.movement set created_at = created_at - interval '1 hour' where kind = 'sale'", TIME),
    (
        "update store.cost_layer_use as u set layer_id = l.id from store.cost_layer as l, store.movement as m"
        " where u.product_id = m.product_id and u.movement_id = m.id and m.kind = 'consume'"
        " and u.product_id = l.product_id and l.quantity = l.remaining",
        OLDEST,
    ),
    ("update store.cost_layer_use set cost = cost + 0.001 where quantity > 0", SHARE),
    ("update store.cost_layer_use set cost = 0 where cost > 0", SHARE),
    ("update store.product set retail_price = retail_price + 0.001", RETAIL),
    ("update store.product set retail_price = null where id = 1", RETAIL),
    ("update store.price set amount = amount + 1", RETAIL),
    ("update store.price set effective_to = effective_from where effective_from <= inventory.clock()", RETAIL),
    ("delete from store.price where effective_from <= inventory.clock()", RETAIL),
    ("delete from store.price_turn", TURN),
    ("delete from store.price_turn where price_type = 'promo'", TURN),
    ("update store.price_turn set at = at + interval '1 second'", TURN),
    ("update store.price_turn set price_type = 'wholesale' where price_type = 'retail'", TURN),
    ("update store.price set effective_to = effective_to + interval '1 second' where price_type = 'promo'", TURN),
]

# The same for what is not product 1: product 3, that was deleted, and what is no product's.
ELSEWHERE: list[tuple[str, str, int | None]] = [
    ("update store.movement set on_hand_after = 1 where kind = 'delete_product'", STOCK, 3),
    ("delete from store.movement where kind = 'delete_product'", STOCK, 3),
    ("update store.cost_layer set remaining = 1, is_open = true where product_id = 3", DELETED, 3),
    (
        "insert into store.product (id, sku_id, sku, name, created_at, updated_at) overriding system value"
        " values (3, gen_random_uuid(), 'A-3', 'A', now(), now())",
        DELETED,
        3,
    ),
    ("delete from store.deleted_product", NO_STOCK, 3),
    *(
        (damage, COUNT, None)
        for damage in (
            *(
                f"delete from store.row_total where subject = '{subject}'"
                for subject in ("product", "inflow", "outflow")
            ),
            "update store.row_total set delta = delta + 1 where subject = 'inflow'",
            "insert into store.row_total values ('outflow', null, null, -1)",
            "insert into store.row_total values ('product by category and brand', 1, 1, 1)",
            "update store.row_total set category_id = null where subject = 'product by category and brand'",
            "update store.row_total set brand_id = null where subject = 'product by category and brand'",
            "update store.product set category_id = null where id = 1",
            "update store.product set brand_id = null where id = 1",
            "delete from store.product where id = 4",
        )
    ),
]


def trade(database: Database, admin_call: AdminCall, product: int) -> None:
    """Purchases, a sale that comes back in part, one that comes back whole, corrections, and one of unknown cost."""
    supplier = admin_call("create_supplier", "Fresh Farm Supplies")["id"]
    admin_call("record_purchase", product, supplier, 10, "2.505")
    admin_call("return_sale", admin_call("record_sale", product, "16.5", "4.999")["id"], "1.5")
    admin_call("return_sale", admin_call("record_sale", product, 3, "5.001")["id"])
    admin_call("update_inventory", product, 12)
    database.admin.execute("update store.product set cost_price = null where id = %s", [product])
    admin_call("update_inventory", product, 22)
    admin_call("record_sale", product, 15, 5)
    admin_call("record_purchase", product, supplier, 5, 3)


def flow(admin_call: AdminCall, product: int) -> None:
    """Inflows and outflows, of each one that was deleted; a brand, a category; prices of now and ahead."""
    supplier = admin_call("create_supplier", "Tech Supply Co")["id"]
    admin_call("record_inflow", product, supplier, 4)
    category, brand = (admin_call(f"create_{kind}", "Kitchen")["id"] for kind in ("category", "brand"))
    admin_call("update_catalog_product", product, p_category_id=category, p_brand_id=brand, p_cost_price="1.25")
    inflow = admin_call("record_inflow", product, supplier, 3)["id"]
    admin_call("delete_inflow", inflow)
    admin_call("record_outflow", product, 2)
    admin_call("delete_outflow", admin_call("record_outflow", product, 5)["id"])
    now = admin_call("clock")["clock"]
    admin_call("set_price", product, 5)
    admin_call("set_price", product, 6, p_effective_from=now + timedelta(days=1))
    admin_call("set_price", product, 4, "promo", now + timedelta(days=2), now + timedelta(days=3))


def lie_at_places(database: Database, call: Call, admin_call: AdminCall, product: int) -> None:
    """Every ART order at two places, a sale that takes of both, a count, and some that lies nowhere."""
    first, second = {"p_to_location": "RACK-A1-01"}, {"p_to_location": "RACK-B2-02"}
    database.admin.execute("update store.product set cost_price = 2 where id = %s", [product])
    call("place_order", "Add", "A-1", 5, **first)
    call("place_order", "Add", "A-1", 9, **second)
    call("place_order", "Remove", "A-1", 1, "RACK-A1-01")
    call("place_order", "Transfer", "A-1", 1, "RACK-A1-01", **second)
    call("place_order", "Count", "A-1", 11, **second)
    call("place_order", "Count", "A-1", 11, **second)
    call("place_order", "Adjust", "A-1", -1, **second)
    unlocated = database.one("select on_hand - located from store.stock where product_id = %s", product)
    admin_call("record_sale", product, unlocated + 5, 5)
    assert call("place_order", "Transfer", "A-1", 2, "RACK-B2-02", **first)
    (count,) = database.rows("select id from inventory.start_count('RACK-B2-02')")
    call("record_count_line", count[0], "A-1", 5)
    call("place_order", "Add", "A-1", 1, **second)
    call("close_count", count[0])
    call("add_stock", product, 1)


@pytest.fixture
def history(database: Database, call: Call, admin_call: AdminCall) -> None:
    """A product, id 1, to which everything has happened, and one to which nothing has."""
    begin(database)
    go_on(database, call, admin_call)


@pytest.fixture
def later_history(database: Database, call: Call, admin_call: AdminCall) -> None:
    """The same, behind a month that was detached: its blocks, sales and flows end and come back afterwards."""
    now = database.one("select inventory.clock()").astimezone(UTC)
    next_month = datetime(now.year + now.month // 12, now.month % 12 + 1, 1, tzinfo=UTC)
    database.advance(next_month - now - timedelta(hours=1))
    begin(database)
    supplier = admin_call("create_supplier", "Of old")["id"]
    admin_call("record_purchase", 1, supplier, 10, "2.505")
    call("reserve_stock", 1, 2)
    until = next_month + timedelta(hours=9)
    blocks = [call("create_block", 1, 2, p_expires_at=until) for _ in range(3)]
    cancelled, converted, left = (block["id"] for block in blocks if block is not None)
    call("cancel_block", cancelled)
    sale = admin_call("record_sale", 1, 3, 5)["id"]
    inflow, outflow = admin_call("record_inflow", 1, supplier, 1)["id"], admin_call("record_outflow", 1, 1)["id"]
    call("place_order", "Add", "A-1", 5, p_to_location="RACK-A1-01")
    # The second product has no movement since.
    call("add_stock", 2, 5)
    call("reserve_stock", 2, 1)
    database.verify()

    database.advance(timedelta(hours=2))
    dba = database.connect("inventory_maintenance")
    dba.execute("call maintenance.run_batches('make_partitions')")
    detached = dba.execute(
        "select name, movements from maintenance.detach_movements(%s)", [next_month.date()]
    ).fetchall()
    assert detached == [(f"movement_{next_month - timedelta(days=1):%Y_%m}", 13)]
    database.verify()
    call("convert_block", converted)
    call("cancel_block", left)
    call("release_stock", 1, 2)
    admin_call("return_sale", sale, 1)
    admin_call("delete_inflow", inflow)
    admin_call("delete_outflow", outflow)
    database.verify()
    go_on(database, call, admin_call)


def begin(database: Database) -> None:
    assert database.product("A-1", 20, p_cost_price="1.333") == 1
    database.product("A-2")


def go_on(database: Database, call: Call, admin_call: AdminCall) -> None:
    product = 1
    call("reserve_stock", product, 5)
    call("release_stock", product, 1)
    call("consume_stock", product, 2)
    blocks = [call("create_block", product, quantity) for quantity in (2, 2, 2)]
    converted, cancelled, expired = (block["id"] for block in blocks if block is not None)
    call("convert_block", converted, "1.5")
    call("cancel_block", cancelled)
    database.advance(timedelta(hours=1))
    assert call("maintenance.expire_blocks", role="inventory_maintenance") == {"expire_blocks": 1}
    assert database.one("select status from store.block where id = %s", expired) == "expired"
    call("create_block", product, 2)
    call("add_stock", product, "0.5")
    flow(admin_call, product)
    trade(database, admin_call, product)
    gone = database.product("A-3", 7, p_cost_price=2, p_price=3)
    assert gone == 3
    admin_call("delete_product", gone)
    assert admin_call("register_product", "A-4", "Without an inventory")["id"] == 4
    lie_at_places(database, call, admin_call, product)


@pytest.mark.usefixtures("history")
def test_finds_nothing_where_there_is_nothing(database: Database) -> None:
    assert database.one("select count(distinct kind) from store.movement") == 21
    assert database.rows("select location, quantity from report.location_stock order by location") == [
        ("RACK-A1-01", 2),
        ("RACK-B2-02", 6),
        (None, 1),
    ]
    database.verify()


@pytest.mark.usefixtures("history")
def test_finds_each_damage(database: Database, subtests: pytest.Subtests) -> None:
    find_each(database, subtests, [*((*damage, 1) for damage in DAMAGES), *ELSEWHERE])


@pytest.mark.usefixtures("later_history")
def test_finds_each_damage_behind_months_that_were_detached(database: Database, subtests: pytest.Subtests) -> None:
    # The first movement and the first sale are of before.
    kept = [
        (damage, check, 1)
        for damage, check in DAMAGES
        if "'initial'" not in damage and (check != SALE or not damage.endswith("number = 1"))
    ]
    brought_forward = [
        (f"update store.opening_balance set {column} = {column} + 1 where product_id = {product}", check, product)
        for product, column, check in (
            *((2, column, STOCK) for column in ("on_hand", "reserved", "blocked")),
            *((1, column, CHAIN) for column in ("on_hand", "reserved", "blocked")),
            *((1, f"average_{column}", AVERAGE) for column in ("quantity", "value")),
            *((2, f"average_{column}", AVERAGE) for column in ("quantity", "value")),
        )
    ]
    find_each(database, subtests, [*kept, *ELSEWHERE, *brought_forward], also=2)


def find_each(
    database: Database,
    subtests: pytest.Subtests,
    damages: Iterable[tuple[str, str, int | None]],
    also: int | None = None,
) -> None:
    for damage, check, product in damages:
        with subtests.test(damage, check=check), database.admin.transaction(force_rollback=True):
            database.admin.execute(damage.encode())
            found = database.rows("select check_name, product_id, expected, found from maintenance.verify()")
            assert (check, product) in {(name, of) for name, of, _, _ in found}
            assert {of for _, of, _, _ in found} <= {product, also, 3, None}, "it finds it where it is"
            assert all(expected != was_found for _, _, expected, was_found in found)
    database.verify()


# What is broken of a kit (3) and its parts (1, 2), and where.
KIT_DAMAGES = [
    ("update store.stock set is_kit = false, reserved = 0, blocked = 0 where product_id = 3", KIT, 3),
    ("delete from store.kit_part", KIT, 3),
    ("update store.stock set kit_reserved = 0 where product_id = 2", KIT_RESERVED, 2),
    ("update store.kit_part set quantity = 3 where part_id = 2", KIT_RESERVED, 2),
    ("update store.block set quantity = 1 where product_id = 2 and status = 'active'", KIT_BLOCK, 3),
    ("delete from store.block where product_id = 2 and status = 'active'", KIT_BLOCK, 3),
    ("update store.block set kit_block_id = null", KIT_BLOCK, 3),
    (
        "update store.block set status = 'cancelled', ended_at = now() where product_id = 1 and status = 'active'",
        KIT_BLOCK,
        3,
    ),
    (
        "update store.block set status = 'cancelled', ended_at = now() where product_id = 1 and status = 'active'",
        PART_BLOCK,
        1,
    ),
    (
        "update store.block set expires_at = expires_at + interval '1 s' where product_id = 1 and status = 'active'",
        PART_BLOCK,
        1,
    ),
    ("update store.block set kit_block_id = gen_random_uuid() where product_id = 1", PART_BLOCK, 1),
    ("update store.block set converted_quantity = 1 where product_id = 2 and status = 'converted'", PART_BLOCK, 2),
    ("update store.block set converted_quantity = 1 where product_id = 3 and status = 'converted'", PART_BLOCK, 2),
    ("delete from store.block where product_id = 3 and status = 'converted'", BLOCKS, 3),
    ("delete from store.sale_part where part_id = 1", SALE_PART, 1),
    ("update store.sale_part set quantity = 9 where part_id = 2", SALE_PART, 2),
    ("update store.sale set cost = 1", SALE, 3),
    ("update store.cost_layer_use set cost = cost + 1", SALE, 3),
    ("delete from store.sale", SALE, 3),
    ("update store.sale set quantity = 9, revenue = 9 where quantity > 0", TOTALS, 3),
]


def test_finds_each_damage_of_kits(
    database: Database, call: Call, admin_call: AdminCall, subtests: pytest.Subtests
) -> None:
    for sku, quantity in (("CUP", 20), ("SPOON", 20), ("KIT", 0)):
        database.product(sku, quantity, p_cost_price=1)
    database.one(
        "select count(*) from inventory.set_kit_parts(3, array(select row(p.sku_id, p.id)::inventory.block_line"
        " from store.product as p where p.id < 3))"
    )
    call("reserve_stock", 3, 1)
    call("create_block", 3, 2)
    for quantity in (2, None):
        block = call("create_block", 3, 3)
        assert block is not None
        call("convert_block", block["id"], quantity)
    sale = admin_call("record_sale", 3, 2, 1)
    admin_call("return_sale", sale["id"], 1)
    database.verify()
    for damage, check, product in KIT_DAMAGES:
        with subtests.test(damage, check=check), database.admin.transaction(force_rollback=True):
            database.admin.execute(damage.encode())
            found = database.rows("select check_name, product_id, expected, found from maintenance.verify()")
            assert (check, product) in {(name, of) for name, of, _, _ in found}
            assert all(expected != was_found for _, _, expected, was_found in found)
            # It is repaired, or refused with what was found.
            for each in range(1, 4):
                with contextlib.suppress(psycopg.errors.DataCorrupted), database.admin.transaction():
                    database.rows("select * from maintenance.repair(%s, 'a test')", each)


def test_a_repair_sets_back_what_is_reserved_for_kits(database: Database, call: Call) -> None:
    for sku, quantity in (("CUP", 20), ("KIT", 0)):
        database.product(sku, quantity)
    parts = "array(select row(p.sku_id, 2)::inventory.block_line from store.product as p where p.id = 1)"
    database.one(f"select count(*) from inventory.set_kit_parts(2, {parts})")
    call("reserve_stock", 2, 3)
    database.admin.execute("update store.stock set kit_reserved = 0 where product_id = 1")
    assert database.rows("select check_name, table_name from maintenance.repair(1, 'a test')") == [
        (KIT_RESERVED, "stock")
    ]
    database.verify()


# What a row of store.stock or store.movement is not, by the name of the rule.
RULES = {
    "stock": {
        "stock_on_hand_not_negative": "on_hand = -1",
        "stock_reserved_not_negative": "reserved = -1",
        "stock_blocked_not_negative": "blocked = -1",
        "stock_available_not_negative": "reserved = on_hand + 1",
        "stock_located_within": "located = on_hand + 1",
        "stock_average_within": "average_quantity = 0, average_value = 1",
        "stock_reorder_point_not_negative": "reorder_point = -1",
        "stock_status_known": "status = 'lost'",
        "stock_kit_holds_nothing": "is_kit = true",
        "stock_kit_reserved_within": "kit_reserved = 1",
    },
    "movement": {
        "movement_available_before_not_negative": "reserved_before = -1",
        "movement_available_after_not_negative": "blocked_after = on_hand_after + 1",
        "movement_kind_known": "kind = 'found'",
    },
}


def test_finds_each_rule_that_a_row_breaks(database: Database, subtests: pytest.Subtests) -> None:
    database.product("A-1", 5)
    database.product("A-2", 5)
    for table, rules in RULES.items():
        source = database.one("select prosrc from pg_proc where oid = %s::regproc", f"inventory.{table}_is_sound")
        assert set(re.findall(rf"then '({table}_\w+)'", source)) == set(rules)
        for rule, change in rules.items():
            with subtests.test(rule), database.admin.transaction(force_rollback=True):
                database.admin.execute(f"alter table store.{table} drop constraint {table}_sound".encode())
                database.admin.execute(f"update store.{table} set {change} where product_id = 1".encode())
                found = database.rows(
                    "select product_id, split_part(subject, ' ', 1) from maintenance.verify() where check_name = %s",
                    f"{table} keeps its rules",
                )
                assert found == [(1, rule)]
    database.verify()


def swap_layers(database: Database, first: int, second: int) -> None:
    """Let two sales of one unit each have taken the other's: as many units, worth as much."""
    one, other = (database.one("select movement_id from store.sale where id = %s", sale) for sale in (first, second))
    for old, new in ((one, -1), (other, one), (-1, other)):
        database.admin.execute("update store.cost_layer_use set movement_id = %s where movement_id = %s", [new, old])


def test_finds_that_a_newer_layer_was_taken(database: Database, call: Call, admin_call: AdminCall) -> None:
    product = database.product("A-1", 1, p_cost_price=2)
    call("add_stock", product, 1)
    sales = [admin_call("record_sale", product, 1, 3)["id"] for _ in range(2)]
    call("add_stock", product, 1)
    database.verify()
    swap_layers(database, *sales)
    assert database.rows("select check_name, expected < found from maintenance.verify()") == [(OLDEST, True)]


def test_finds_that_what_had_come_back_was_passed_over(database: Database, call: Call, admin_call: AdminCall) -> None:
    product = database.product("A-1", 1, p_cost_price=2)
    call("add_stock", product, 1)
    call("add_stock", product, 5)
    admin_call("return_sale", admin_call("record_sale", product, "2.5", 3)["id"])
    # The deletion of an inflow takes its own layer, and not the oldest one.
    supplier = admin_call("create_supplier", "Fresh Farm Supplies")["id"]
    admin_call("delete_inflow", admin_call("record_inflow", product, supplier, 4)["id"])
    sales = [admin_call("record_sale", product, 1, 3)["id"] for _ in range(2)]
    database.verify()
    swap_layers(database, *sales)
    assert database.rows("select check_name, expected < found from maintenance.verify()") == [(OLDEST, True)]
    swap_layers(database, *sales)
    database.verify()


def test_a_range_of_products_is_verified_alone(database: Database) -> None:
    for number in range(1, 5):
        assert database.product(f"A-{number}", number) == number
    database.admin.execute("update store.stock set on_hand = on_hand + 1")
    database.admin.execute("update store.row_total set delta = delta + 1")

    def found(*products: int | None) -> set[int | None]:
        return {row[0] for row in database.rows("select product_id from maintenance.verify(%s, %s)", *products)}

    assert found(2, 3) == {2, 3}
    assert found(4, 4) == {4}
    assert found(3, None) == {3, 4}
    assert found(None, 2) == {1, 2}
    assert found(5, 1000) == set()
    assert found(None, None) == {1, 2, 3, 4, None}


def test_every_check_is_broken_once_above(database: Database) -> None:
    sources = database.rows(
        "select prosrc from pg_proc where pronamespace = 'maintenance'::regnamespace and proname like 'verify%'"
        " and proname <> 'verify_seals'"
    )
    # A check's name has four words, and is no pattern.
    names = {
        name.replace("''", "'")
        for (source,) in sources
        for name in re.findall(r"'((?:[^'%\n]|'')+)'(?:,| else| end)", source)
        if len(name.split()) >= 4
    }
    rules = {f"{table} keeps its rules" for table in RULES}
    assert names == {check for _, check, *_ in [*DAMAGES, *ELSEWHERE, *KIT_DAMAGES]} | rules
