"""Who did what, why and about what: each rule hands on its caller's words to the movement, none in another's place."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.conftest import Database

A, B = "RACK-A1-01", "RACK-B2-02"

# Statements with the movements that each writes: kind, what it is about, reason, actor. In braces: an id, see _filled.
HISTORY: tuple[tuple[str, tuple[tuple[str, str | None, str | None, str], ...]], ...] = (
    ("inventory.create_product('A-1', 'Mug', p_quantity => 20, p_actor => 'a01')", (("initial", None, None, "a01"),)),
    ("inventory.add_stock(1, 30, 'w02', 'a02')", (("add", None, "w02", "a02"),)),
    ("inventory.reserve_stock(1, 5, 'w03', 'a03')", (("reserve", None, "w03", "a03"),)),
    ("inventory.release_stock(1, 1, 'w04', 'a04')", (("release", None, "w04", "a04"),)),
    ("inventory.consume_stock(1, 1, 'w05', 'a05')", (("consume", None, "w05", "a05"),)),
    ("inventory.create_block(1, 1, 'w06', p_actor => 'a06')", (("block", "{block 1}", "w06", "a06"),)),
    ("inventory.convert_block('{block 1}', null, 'w07', 'a07')", (("convert", "{block 1}", "w07", "a07"),)),
    (
        "inventory.create_blocks(array[row('{sku id}', 1), row('{sku id}', 2)]"
        "::inventory.block_line [], 'w08', null, 'a08')",
        (("block", "{block 2}", "w08", "a08"), ("block", "{block 3}", "w08", "a08")),
    ),
    ("inventory.cancel_block('{block 2}', 'w09', 'a09')", (("cancel", "{block 2}", "w09", "a09"),)),
    (
        "inventory.set_hold('cart', array[row('{sku id}', 1)::inventory.block_line], 'h01', p_actor => 'b01')",
        (("block", "{block 4}", "h01", "b01"),),
    ),
    (
        "inventory.set_hold('cart', array[row('{sku id}', 2)::inventory.block_line], 'h02', p_actor => 'b02')",
        (("cancel", "{block 4}", "h02", "b02"), ("block", "{block 5}", "h02", "b02")),
    ),
    ("inventory.convert_hold('cart', 'h03', 'b03')", (("convert", "{block 5}", "h03", "b03"),)),
    (
        "inventory.create_block(1, 1, 'h04', p_actor => 'b04', p_owner => 'cart')",
        (("block", "{block 6}", "h04", "b04"),),
    ),
    ("inventory.cancel_hold('cart', 'h05', 'b05')", (("cancel", "{block 6}", "h05", "b05"),)),
    ("inventory.end_expired_blocks(1, 9)", (("expire", "{block 3}", None, "expiry"),)),
    ("inventory.record_purchase(1, 1, 4, 2, 'a10')", (("purchase", "1", None, "a10"),)),
    ("inventory.record_sale(1, 3, 9, 'a11')", (("sale", "1", None, "a11"),)),
    ("inventory.return_sale(1, 1, 'w12', 'a12')", (("return", "2", "w12", "a12"),)),
    ("inventory.record_inflow(1, 1, 4, 'w13', 'a13')", (("inflow", "1", "w13", "a13"),)),
    ("inventory.record_outflow(1, 2, 'w14', 'a14')", (("outflow", "1", "w14", "a14"),)),
    ("inventory.delete_outflow(1, 'a15')", (("delete_outflow", "1", None, "a15"),)),
    ("inventory.delete_inflow(1, 'a16')", (("delete_inflow", "1", None, "a16"),)),
    (f"inventory.place_order('Add', 'A-1', 9, null, '{A}', 'w17', true, 'a17')", (("add", "1", "w17", "a17"),)),
    (f"inventory.place_order('Remove', 'A-1', 1, '{A}', null, 'w18', true, 'a18')", (("remove", "2", "w18", "a18"),)),
    (
        f"inventory.place_order('Transfer', 'A-1', 1, '{A}', '{B}', 'w19', true, 'a19')",
        (("transfer", "3", "w19", "a19"),),
    ),
    (f"inventory.place_order('Count', 'A-1', 5, null, '{B}', 'w20', true, 'a20')", (("count", "4", "w20", "a20"),)),
    (f"inventory.place_order('Adjust', 'A-1', -1, null, '{B}', 'w21', true, 'a21')", (("adjust", "5", "w21", "a21"),)),
    (
        f"inventory.place_orders(array[row('Add', 'A-1', 1, null, '{A}', 'w22', true),"
        f" row('Add', 'A-1', 2, null, '{B}', 'w23', true)]::inventory.art_order [], p_actor => 'a22')",
        (("add", "6", "w22", "a22"), ("add", "7", "w23", "a22")),
    ),
    (
        f"inventory.place_orders(array[row('Add', 'A-1', 1, null, '{A}', 'w24', true),"
        f" row('Remove', 'A-1', 1, '{A}', null, 'w25', true)]::inventory.art_order [], p_actor => 'a24')",
        (("add", "8", "w24", "a24"), ("remove", "9", "w25", "a24")),
    ),
    (f"inventory.start_count('{A}', 'a26')", ()),
    ("inventory.record_count_line(1, 'A-1', 3, 'a27')", ()),
    ("inventory.close_count(1, 'a28')", (("count", "10", "count 1", "a28"),)),
    ("inventory.update_inventory(1, 40, p_reason => 'w29', p_actor => 'a29')", (("adjust", None, "w29", "a29"),)),
    ("inventory.update_catalog_product(1, p_quantity => 41, p_actor => 'a30')", (("adjust", None, None, "a30"),)),
    ("inventory.set_stock(1, 42, null, 'w31', 'a31')", (("count", None, "w31", "a31"),)),
    ("inventory.add_stock(1, 1)", (("add", None, None, "postgres"),)),
    ("inventory.create_product('KIT', 'Kit')", ()),
    ("inventory.set_kit_parts(2, array[row('{sku id}', 2)::inventory.block_line], 'a40')", ()),
    (
        "inventory.create_block(2, 1, 'w41', p_actor => 'a41')",
        (("block", "{block 8}", "w41", "a41"), ("block", "{block 7}", "w41", "a41")),
    ),
    (
        "inventory.convert_block('{block 7}', null, 'w42', 'a42')",
        (("convert", "{block 8}", "w42", "a42"), ("kit_convert", "{block 7}", "w42", "a42")),
    ),
    ("inventory.record_sale(2, 2, 9, 'a43')", (("part_sale", "3", None, "a43"), ("kit_sale", "3", None, "a43"))),
    (
        "inventory.return_sale(3, 1, 'w44', 'a44')",
        (("part_return", "4", "w44", "a44"), ("kit_return", "4", "w44", "a44")),
    ),
    (
        "inventory.create_catalog_product('Cup', 1, 1, 1, 2, p_quantity => 3, p_actor => 'a31')",
        (("initial", None, None, "a31"),),
    ),
    ("inventory.delete_product(3, 'a32')", (("delete_product", None, None, "a32"),)),
    (
        """inventory.import_products('[{"title": "Pot", "category": 1, "brand": 1, "cost_price": 1,"""
        """ "selling_price": 2, "quantity": 1}]', 'a33')""",
        (("initial", None, None, "a33"),),
    ),
)


def test_what_a_movement_says_is_what_its_caller_said(database: Database, subtests: pytest.Subtests) -> None:
    for name in ("create_supplier('Fresh Farm')", "create_category('Cups')", "create_brand('Mine')"):
        database.admin.execute(f"select inventory.{name}".encode())
    seen = 0
    for statement, expected in HISTORY:
        if "end_expired_blocks" in statement:
            database.advance(timedelta(hours=1))
        database.admin.execute(f"select {_filled(database, statement)}".encode())
        with subtests.test(statement):
            assert database.rows(
                "select kind, reference, reason, actor from store.movement where id > %s order by id",
                seen,
            ) == [
                (kind, reference and _filled(database, reference), reason, actor)
                for kind, reference, reason, actor in expected
            ]
        seen = database.one("select max(id) from store.movement")
    assert database.rows(
        "select operation_type, quantity, from_location, to_location, booked_quantity, reason, actor"
        " from store.art_operation order by id"
    ) == [
        ("Add", 9, None, A, None, "w17", "a17"),
        ("Remove", 1, A, None, None, "w18", "a18"),
        ("Transfer", 1, A, B, None, "w19", "a19"),
        ("Count", 5, None, B, 1, "w20", "a20"),
        ("Adjust", -1, None, B, None, "w21", "a21"),
        ("Add", 1, None, A, None, "w22", "a22"),
        ("Add", 2, None, B, None, "w23", "a22"),
        ("Add", 1, None, A, None, "w24", "a24"),
        ("Remove", 1, A, None, None, "w25", "a24"),
        ("Count", 3, None, A, 8, "count 1", "a28"),
    ]
    assert database.rows("select started_by, closed_by from store.count") == [("a26", "a28")]
    assert database.rows("select created_by, ended_by, ended_reason from store.block order by id") == [
        ("a06", "a07", "w07"),
        ("a08", "a09", "w09"),
        ("a08", None, None),
        ("b01", "b02", "h02"),
        ("b02", "b03", "h03"),
        ("b04", "b05", "h05"),
        ("a41", "a42", "w42"),
        ("a41", "a42", "w42"),
    ]
    database.verify()


def _filled(database: Database, text: str) -> str:
    """The text with the ids that its braces name."""
    ids = {"sku id": database.sku_id(1)} if "{sku" in text else {}
    for number, (block,) in enumerate(database.rows("select id from store.block order by id"), 1):
        ids[f"block {number}"] = str(block)
    for name, value in ids.items():
        text = text.replace(f"{{{name}}}", value)
    return text
