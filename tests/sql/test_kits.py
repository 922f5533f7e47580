"""Kits: their availability is the least of what their parts allow, and they take their parts together or not at all."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.conftest import Database
from tests.sql.conftest import AdminCall, Call, Calls, Refused

pytestmark = pytest.mark.usefixtures("verified")

HALF = Decimal("0.5")


def make_kit(database: Database, parts: dict[int, Any], sku: str = "KIT-1", kit: int | None = None) -> int:
    """A new kit of these parts, or these parts for an old one."""
    product = database.product(sku) if kit is None else kit
    rows = ", ".join("row(%s, %s)::inventory.block_line" for _ in parts)
    values = [value for part, quantity in parts.items() for value in (database.sku_id(part), quantity)]
    database.rows(
        f"select inventory.set_kit_parts(%s, array[{rows}]::inventory.block_line[], 'ann')".replace("array[]", "'{}'"),
        product,
        *values,
    )
    return product


def balances(call: Call, product: int) -> tuple[Any, Any, Any, Any]:
    shown = call("stock_of", product)
    assert shown is not None
    assert shown["on_hand"] == shown["reserved"] + shown["blocked"] + shown["available"]
    return shown["on_hand"], shown["reserved"], shown["blocked"], shown["available"]


def test_a_kit_has_as_many_as_its_parts_allow(database: Database, call: Call) -> None:
    cup, spoon = database.product("CUP", 10), database.product("SPOON", "7.5")
    kit = make_kit(database, {cup: 1, spoon: "2.5"})
    assert balances(call, kit) == (3, 0, 0, 3)
    call("reserve_stock", spoon, 1)
    assert balances(call, kit) == (2, 0, 0, 2)
    call("create_block", cup, 9)
    assert balances(call, kit) == (1, 0, 0, 1)
    database.advance(timedelta(minutes=15))
    assert balances(call, kit) == (2, 0, 0, 2)
    assert database.one("select available from report.stock where product_id = %s", kit) == 2


def test_a_kit_is_reserved_released_and_consumed_with_its_parts(database: Database, call: Call) -> None:
    cup, spoon = database.product("CUP", 10), database.product("SPOON", 10)
    kit = make_kit(database, {cup: 1, spoon: 2})
    call("reserve_stock", kit, 4)
    assert balances(call, kit) == (5, 4, 0, 1)
    assert (database.stock(cup), database.stock(spoon)) == ((10, 4, 0), (10, 8, 0))
    call("release_stock", kit, 1)
    call("consume_stock", kit, 2)
    assert balances(call, kit) == (3, 1, 0, 2)
    assert (database.stock(cup), database.stock(spoon)) == ((8, 1, 0), (6, 2, 0))
    references = database.rows(
        "select reference, count(*), array_agg(kind order by product_id) from store.movement where kind <> 'initial'"
        " group by reference order by min(id)"
    )
    assert [row[1:] for row in references] == [
        (3, ["reserve"] * 3),
        (3, ["release"] * 3),
        (3, ["consume", "consume", "kit_consume"]),
    ]


def test_what_is_reserved_for_a_kit_is_not_released_or_consumed_alone(
    database: Database, call: Call, refused: Refused
) -> None:
    cup = database.product("CUP", 10)
    kit = make_kit(database, {cup: 2})
    call("reserve_stock", kit, 2)
    call("reserve_stock", cup, 1)
    for name in ("release_stock", "consume_stock"):
        with refused("IV002") as error:
            call(name, cup, 2)
        assert json.loads(error.value.diag.message_detail or "")["reserved"] == 1
    call("consume_stock", cup, 1)
    with refused("IV002"):
        call("release_stock", cup, 1)
    with refused("IV002"):
        call("consume_stock", kit, 3)
    call("consume_stock", kit, 2)
    assert database.stock(cup) == (5, 0, 0)


def test_too_few_of_one_part_refuse_all(database: Database, call: Call, refused: Refused) -> None:
    cup, spoon = database.product("CUP", 10), database.product("SPOON", 5)
    kit = make_kit(database, {cup: 1, spoon: 2})
    for name in ("reserve_stock", "create_block"):
        with refused("IV001") as error:
            call(name, kit, 3)
        assert json.loads(error.value.diag.message_detail or "") == {"available": 2, "requested": 3}
    with refused("IV001"):
        call("record_sale", kit, 3, 1, role="inventory_admin")
    call("reserve_stock", kit, 2)
    with refused("IV001") as error:
        call("reserve_stock", kit, 1)
    assert json.loads(error.value.diag.message_detail or "") == {"available": 0, "requested": 1}


def test_an_inactive_part_makes_no_new_promise(
    database: Database, call: Call, admin_call: AdminCall, refused: Refused
) -> None:
    cup, spoon = database.product("CUP", 10), database.product("SPOON", 10)
    kit = make_kit(database, {cup: 1, spoon: 1})
    call("reserve_stock", kit, 2)
    admin_call("update_inventory", cup, p_status="inactive")
    for name, arguments in (("reserve_stock", ()), ("create_block", ()), ("record_sale", (1,))):
        with refused("IV010"):
            call(name, kit, 1, *arguments, role="inventory_admin")
    call("consume_stock", kit, 1)
    call("release_stock", kit, 1)
    admin_call("update_inventory", cup, p_status="active")
    admin_call("update_inventory", kit, p_status="inactive")
    with refused("IV010"):
        call("reserve_stock", kit, 1)


def test_a_kit_is_taken_whole(database: Database, call: Call, refused: Refused) -> None:
    cup = database.product("CUP", 10)
    kit = make_kit(database, {cup: 2})
    for name in ("reserve_stock", "create_block"):
        with refused("IV054"):
            call(name, kit, "0.5")


def test_a_block_of_a_kit_holds_its_parts_until_the_same_end(database: Database, call: Call) -> None:
    cup, spoon = database.product("CUP", 10), database.product("SPOON", 10)
    kit = make_kit(database, {cup: 1, spoon: 2})
    block = call("create_block", kit, 3, "cart")
    assert block is not None
    assert balances(call, kit) == (5, 0, 3, 2)
    children = database.rows(
        "select product_id, quantity, reason, expires_at = %s from store.block where kit_block_id = %s"
        " order by product_id",
        block["expires_at"],
        block["id"],
    )
    assert children == [(cup, 3, "cart", True), (spoon, 6, "cart", True)]
    database.settle()
    cursor = database.one("select http.list_changes('latest') ->> 'next'")
    until = block["expires_at"] + timedelta(minutes=5)
    call("extend_block", block["id"], until, "ann")
    database.settle()
    ids = database.rows("select product_id, id::text from store.block order by kit_block_id nulls first, product_id")
    recorded = database.rows(
        "select product_id, data ->> 'id', data ->> 'action', (data #>> '{before,expires_at}')::timestamptz,"
        " (data #>> '{after,expires_at}')::timestamptz, actor from inventory.changes_after(%s)",
        cursor,
    )
    assert recorded == [(*row, "change", block["expires_at"], until, "ann") for row in ids]
    database.advance(timedelta(minutes=15))
    assert balances(call, kit) == (5, 0, 3, 2)
    database.verify()
    database.advance(timedelta(minutes=5))
    assert balances(call, kit) == (5, 0, 0, 5)
    call("create_block", kit, 5)
    database.verify()
    database.one("select maintenance.expire_blocks(1000)")
    assert balances(call, kit) == (5, 0, 5, 0)


@pytest.mark.parametrize("quantity", [None, 2])
def test_a_block_of_a_kit_is_converted_with_its_parts(database: Database, call: Call, quantity: int | None) -> None:
    cup, spoon = database.product("CUP", 10, p_cost_price=2), database.product("SPOON", 10)
    kit = make_kit(database, {cup: 1, spoon: 2})
    block = call("create_block", kit, 3)
    assert block is not None
    converted = call("convert_block", block["id"], quantity, "order", "ann")
    assert converted is not None
    left = quantity or 3
    assert (converted["status"], converted["converted_quantity"]) == ("converted", left)
    assert (database.stock(cup), database.stock(spoon)) == ((10 - left, 0, 0), (10 - 2 * left, 0, 0))
    assert balances(call, kit)[1:3] == (0, 0)


def test_a_block_of_a_kit_is_cancelled_with_its_parts(database: Database, call: Call, refused: Refused) -> None:
    cup = database.product("CUP", 10)
    kit = make_kit(database, {cup: 2})
    block = call("create_block", kit, 3)
    assert block is not None
    child = database.one("select id from store.block where kit_block_id = %s", block["id"])
    for name, arguments in (
        ("convert_block", ()),
        ("cancel_block", ()),
        ("extend_block", (block["expires_at"] + timedelta(minutes=1),)),
    ):
        with refused("IV051"):
            call(name, child, *arguments)
    for quantity, sqlstate in ((4, "IV009"), ("1.5", "IV054")):
        with refused(sqlstate):
            call("convert_block", block["id"], quantity)
    call("cancel_block", block["id"])
    assert database.stock(cup) == (10, 0, 0)
    for name in ("cancel_block", "convert_block"):
        with refused("IV008"):
            call(name, block["id"])
        with refused("IV008"):
            call(name, child)


def test_an_expired_block_of_a_kit_stays_expired(database: Database, call: Call, refused: Refused) -> None:
    cup = database.product("CUP", 10)
    kit = make_kit(database, {cup: 2})
    block = call("create_block", kit, 5)
    assert block is not None
    database.advance(timedelta(minutes=15))
    call("reserve_stock", cup, 1)  # ends the block of the part
    for name in ("convert_block", "cancel_block"):
        with refused("IV006"):
            call(name, block["id"])
    assert balances(call, kit) == (4, 0, 0, 4)
    # It is ended only as needed, and a kit's own row needs no units.
    call("reserve_stock", kit, 1)
    assert database.one("select status from store.block where id = %s", block["id"]) == "active"


def test_blocks_of_several_lines_take_shared_parts_once(
    database: Database, calls: Calls, call: Call, refused: Refused
) -> None:
    cup, spoon = database.product("CUP", 10), database.product("SPOON", 10)
    one = make_kit(database, {cup: 1, spoon: 1})
    two = make_kit(database, {spoon: 2}, "KIT-2")

    def lines(*items: tuple[int, int]) -> str:
        return "{" + ",".join(f'"({database.sku_id(product)},{quantity})"' for product, quantity in items) + "}"

    with refused("IV001") as error:
        calls("create_blocks", lines((one, 2), (one, 9)))
    assert json.loads(error.value.diag.message_detail or "") == {"available": 10, "requested": 11}
    with refused("IV001") as error:
        calls("create_blocks", lines((one, 5), (two, 3)))  # five spoons are left, and make two
    assert json.loads(error.value.diag.message_detail or "") == {"available": 2, "requested": 3}
    with refused("IV001"):
        calls("create_blocks", lines((two, 4), (one, 2), (spoon, 1)))
    blocks = calls("create_blocks", lines((two, 4), (one, 1), (spoon, 1)))
    assert [(block["product_id"], block["quantity"]) for block in blocks] == [(two, 4), (one, 1), (spoon, 1)]
    assert database.stock(spoon) == (10, 0, 10)
    assert (balances(call, one), balances(call, two)) == ((1, 0, 1, 0), (4, 0, 4, 0))
    assert database.one("select count(distinct expires_at) from store.block") == 1
    call("add_stock", cup, 2)
    with refused("IV001") as error:
        calls("create_blocks", lines((one, 20)))
    assert json.loads(error.value.diag.message_detail or "") == {"available": 0, "requested": 20}


def test_a_sale_of_a_kit_costs_what_its_parts_cost(database: Database, call: Call, admin_call: AdminCall) -> None:
    cup, spoon = database.product("CUP", 10, p_cost_price=2), database.product("SPOON", 10, p_cost_price="0.5")
    kit = make_kit(database, {cup: 1, spoon: 2})
    sale = admin_call("record_sale", kit, 2, 20)
    assert (sale["quantity"], sale["revenue"], sale["cost"]) == (2, 40, 6)
    assert (database.stock(cup), database.stock(spoon)) == ((8, 0, 0), (6, 0, 0))
    back = admin_call("return_sale", sale["id"], 1)
    assert (back["quantity"], back["revenue"], back["cost"], back["returned_sale_id"]) == (-1, -20, -3, sale["id"])
    assert (database.stock(cup), database.stock(spoon)) == ((9, 0, 0), (8, 0, 0))
    assert database.rows("select product_id, number from store.movement where kind = 'part_sale' order by 1") == [
        (cup, 2),
        (spoon, 2),
    ]
    sold = database.rows(
        "select product_id, quantity_sold, cost_of_goods_sold, other_quantity from report.cost_of_goods_sold("
        "inventory.clock() - interval '1 hour', inventory.clock() + interval '1 hour')"
    )
    assert sold == [(kit, 1, 3, 0)]
    admin_call("return_sale", sale["id"])
    assert (database.stock(cup), database.stock(spoon)) == ((10, 0, 0), (10, 0, 0))


def test_a_sale_with_a_part_of_unknown_cost_has_none(
    database: Database, admin_call: AdminCall, refused: Refused
) -> None:
    cup, spoon = database.product("CUP", 10, p_cost_price=2), database.product("SPOON", 10)
    kit = make_kit(database, {cup: 1, spoon: 2})
    sale = admin_call("record_sale", kit, 2, 20)
    assert sale["cost"] is None
    with refused("IV054"):
        admin_call("return_sale", sale["id"], "0.5")
    with refused("IV028"):
        admin_call("return_sale", sale["id"], 3)
    # The parts that left come back, whatever the kit is made of now.
    make_kit(database, {}, kit=kit)
    admin_call("return_sale", sale["id"])
    assert (database.stock(cup), database.stock(spoon)) == ((10, 0, 0), (10, 0, 0))


def test_a_kit_holds_no_stock(database: Database, call: Call, admin_call: AdminCall, refused: Refused) -> None:
    cup = database.product("CUP", 10)
    kit = make_kit(database, {cup: 2})
    supplier = database.one("select (inventory.create_supplier('S', '1')).id")
    for query in (
        f"inventory.add_stock({kit}, 1)",
        f"inventory.set_stock({kit}, 1)",
        f"inventory.update_inventory({kit}, 1)",
        f"inventory.record_purchase({kit}, {supplier}, 1, 1)",
        f"inventory.record_inflow({kit}, {supplier}, 1)",
        f"inventory.record_outflow({kit}, 1)",
        f"inventory.update_catalog_product({kit}, p_quantity => 1)",
    ):
        with refused("IV050"):
            database.one(f"select {query} is null")
    admin_call("update_catalog_product", kit, p_quantity=5)  # what is shown
    for kind, source, target in (
        ("Add", None, "RACK-A1-01"),
        ("Adjust", None, "RACK-A1-01"),
        ("Count", None, "RACK-A1-01"),
        ("Remove", "RACK-A1-01", None),
        ("Transfer", "RACK-A1-01", "RACK-A1-02"),
    ):
        with refused("IV050"):
            call("place_order", kind, "KIT-1", 1, source, target)
    assert database.one("select is_kit and on_hand = 0 from store.stock where product_id = %s", kit)


def test_the_parts_of_a_kit_are_other_products(database: Database, call: Call, refused: Refused) -> None:
    cup, spoon = database.product("CUP", 10), database.product("SPOON", 10)
    kit = make_kit(database, {cup: 1})
    other = database.product("KIT-2")
    for parts, product in (({kit: 1}, other), ({other: 1}, other), ({spoon: 1}, cup)):
        with refused("IV052" if product == cup else "IV053"):
            make_kit(database, parts, kit=product)
    empty = database.product("EMPTY")
    make_kit(database, {cup: 1, empty: 1}, kit=kit)
    assert balances(call, kit) == (0, 0, 0, 0)
    with refused("IV053"):
        make_kit(database, {cup: 1}, kit=empty)
    bare = database.one("select (inventory.register_product('BARE', 'Bare')).id")
    with refused("IV019"):
        make_kit(database, {bare: 1}, kit=other)
    with refused("IV003"):
        database.one("select inventory.set_kit_parts(999, '{}')")
    with refused("IV003") as error:  # of the kit before those of its parts
        database.one("select inventory.set_kit_parts(999, array[row(gen_random_uuid(), 1)::inventory.block_line])")
    assert "999" in str(error.value)
    with refused("22004"):
        database.one("select inventory.set_kit_parts(%s, null)", other)
    with refused("22004"):
        database.one(
            "select inventory.set_kit_parts(%s, array[row(%s, null)::inventory.block_line])",
            other,
            database.sku_id(cup),
        )
    make_kit(database, {cup: "999999999.999"}, kit=other)
    with refused("IV011"):
        line = f"row('{database.sku_id(cup)}', 500000000)::inventory.block_line"
        database.one(f"select inventory.set_kit_parts(%s, array[{line}, {line}])", other)


def test_a_kit_in_use_keeps_its_parts(database: Database, call: Call, refused: Refused) -> None:
    cup, spoon = database.product("CUP", 10), database.product("SPOON", 10)
    kit = make_kit(database, {cup: 1})
    call("reserve_stock", kit, 1)
    with refused("IV052"):
        make_kit(database, {spoon: 1}, kit=kit)
    make_kit(database, {cup: 1}, kit=kit)  # what it has already
    make_kit(database, {}, kit=cup)
    call("release_stock", kit, 1)
    call("create_block", kit, 1)
    for parts in ({spoon: 1}, {}):
        with refused("IV052"):
            make_kit(database, parts, kit=kit)
    database.advance(timedelta(minutes=15))
    make_kit(database, {spoon: 3, cup: 2}, kit=kit)
    assert balances(call, kit) == (3, 0, 0, 3)
    make_kit(database, {}, kit=kit)
    assert balances(call, kit) == (0, 0, 0, 0)
    call("add_stock", kit, "0.5")
    assert balances(call, kit) == (HALF, 0, 0, HALF)
    with refused("IV052"):
        make_kit(database, {cup: 1}, kit=kit)
    changed = database.rows("select before, after, actor from store.audit where subject = 'inventory' order by id")
    assert changed[1] == (
        {"parts": [{"part_id": cup, "quantity": 1}]},
        {"parts": [{"part_id": cup, "quantity": 2}, {"part_id": spoon, "quantity": 3}]},
        "ann",
    )


def test_the_parts_are_returned_in_order_whether_they_change_or_not(database: Database) -> None:
    cup, spoon, bowl = (database.product(sku, 10) for sku in ("CUP", "SPOON", "BOWL"))
    make_kit(database, {cup: 9, bowl: 9}, "KIT-2")
    kit = database.product("KIT-1")
    database.without_indexes()
    connection = database.connect()
    lines = [
        f"row('{database.sku_id(part)}', {quantity})::inventory.block_line"
        for part, quantity in ((bowl, 3), (cup, 1), (spoon, 2))
    ]
    query = f"select part_id, quantity from inventory.set_kit_parts({kit}, array[{', '.join(lines)}])".encode()
    versions = dict(database.rows("select id, version from store.product"))
    for _ in range(2):
        assert connection.execute(query).fetchall() == [(cup, 1), (spoon, 2), (bowl, 3)]
        database.admin.execute("update store.kit_part set quantity = quantity where part_id = %s", [cup])
    assert database.one("select count(*) from store.audit where subject = 'inventory'") == 2
    assert dict(database.rows("select id, version from store.product")) == versions | {kit: versions[kit] + 1}


def test_other_parts_of_a_kit_are_no_change_of_its_stock(database: Database) -> None:
    cup = database.product("CUP", 10)
    kit = make_kit(database, {cup: 1})
    row = database.rows("select * from store.stock where product_id = %s", kit)
    make_kit(database, {cup: 2}, kit=kit)
    assert database.rows("select * from store.stock where product_id = %s", kit) == row


def test_a_part_is_protected_and_a_kit_is_not(
    database: Database, admin_call: AdminCall, call: Call, refused: Refused
) -> None:
    cup = database.product("CUP", 10)
    kit = make_kit(database, {cup: 1})
    with refused("IV039"):
        call("delete_product", cup, role="inventory_admin")
    call("delete_product", kit, role="inventory_admin")
    call("delete_product", cup, role="inventory_admin")
    assert database.one("select count(*) from store.kit_part") == 0


def test_a_batch_gives_a_kits_call_back(database: Database) -> None:
    cup = database.product("CUP", 10)
    kit = make_kit(database, {cup: 1})
    calls = [
        {"function": "reserve_stock", "arguments": {"p_id": str(product), "p_amount": 1}} for product in (kit, cup)
    ]
    answers = database.rows("select error ->> 'sqlstate' from http.batch(%s)", json.dumps(calls))
    assert answers == [("40001",), (None,)]
    assert (database.stock(kit), database.stock(cup)) == ((0, 0, 0), (10, 1, 0))
    # Of these lines the kit's row is locked, because they may succeed.
    calls = [
        {"function": function, "arguments": {"p_id": str(kit), "p_amount": 1}}
        for function in ("add_stock", "release_stock")
    ]
    answers = database.rows("select error ->> 'sqlstate' from http.batch(%s)", json.dumps(calls))
    assert answers == [("IV050",), ("40001",)]


def test_a_kit_at_a_past_instant_shows_what_was_promised(database: Database, call: Call) -> None:
    cup = database.product("CUP", 10)
    kit = make_kit(database, {cup: 1})
    call("reserve_stock", kit, 3)
    at = database.one("select inventory.clock()")
    database.advance(timedelta(minutes=1))
    for arguments in ("", f", {kit}"):
        rows = database.rows(
            f"select on_hand, reserved, blocked, available from inventory.stock_at(%s{arguments})"
            " where product_id = %s",
            at,
            kit,
        )
        assert rows == [(3, 3, 0, 0)]
