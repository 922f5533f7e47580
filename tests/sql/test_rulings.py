"""Rulings on what other systems get wrong: each is a sentence of docs/decisions.md."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.conftest import Database
from tests.sql.conftest import AdminCall, Call, Freeze

NOON = datetime.fromisoformat("2026-03-01T12:00:00+00:00")
FULL = {"p_quantity": 100, "p_price": 5, "p_cost_price": 2}

# Everything that may happen to a product while a block of it is active. {product}, {block}: another one of it.
MEANWHILE = (
    "inventory.add_stock({product}, 5)",
    "inventory.reserve_stock({product}, 5)",
    "inventory.release_stock({product}, 2)",
    "inventory.consume_stock({product}, 3)",
    "inventory.create_block({product}, 1)",
    "inventory.convert_block('{block}', 1)",
    "inventory.record_sale({product}, 1, 9)",
    "inventory.record_outflow({product}, 1)",
    "inventory.place_order('Add', 'NEW', 5, p_to_location => 'RACK-A1-01')",
    "inventory.set_stock('{product}', 90)",
    "inventory.set_price({product}, 7)",
    "inventory.update_inventory({product}, 80, 3, 'inactive')",
    "inventory.update_catalog_product({product}, 'Another name', p_sku => 'NEWER')",
    "maintenance.configure(p_block_duration => interval '1 hour')",
    "inventory.end_expired_blocks({product}, 10)",
)


def test_nothing_but_extend_moves_the_end_of_a_block(database: Database, freeze: Freeze) -> None:
    freeze(NOON)
    product = database.product("NEW", **FULL)
    kept, other = (database.one("select id from inventory.create_block(%s, 2)", product) for _ in range(2))
    ends = "select expires_at, status, quantity from store.block where id = %s"
    before = database.rows(ends, kept)
    for call in MEANWHILE:
        database.advance(timedelta(seconds=1))
        database.rows(f"select * from {call.format(product=product, block=other)}")
        assert database.rows(ends, kept) == before, call
    database.rows("select * from inventory.extend_block(%s, %s)", kept, NOON + timedelta(hours=1))
    assert database.rows(ends, kept) == [(NOON + timedelta(hours=1), *before[0][1:])]
    database.verify()


@pytest.mark.parametrize("end", ["convert_block", "cancel_block"])
def test_a_sku_that_is_renamed_between_block_and_end_changes_nothing(
    database: Database, call: Call, admin_call: AdminCall, end: str
) -> None:
    product = database.product("OLD", **FULL)
    block = database.one("select id from inventory.create_block(%s, 30)", product)
    admin_call("update_catalog_product", product, p_sku="NEW")
    another = database.product("OLD", **FULL)  # has the code that the block was made under
    call(end, block)
    assert database.stock(product) == (70 if end == "convert_block" else 100, 0, 0)
    assert database.stock(another) == (100, 0, 0)
    database.verify()


@pytest.mark.parametrize("planted", [-2, -1, 1, 0.001])
@pytest.mark.parametrize("balance", ["on_hand", "reserved", "blocked"])
def test_verify_says_exactly_the_difference_that_was_planted(
    database: Database, call: Call, balance: str, planted: float
) -> None:
    product = database.product("A-1", 100)
    call("reserve_stock", product, 10)
    call("create_block", product, 10)
    database.rows(f"update store.stock set {balance} = {balance} + {planted} returning 1")
    found = database.rows("select product_id, subject, round(found - expected, 3) from maintenance.verify()")
    assert {(of, float(difference)) for of, _, difference in found if difference} == {
        (product, planted),
        *([(product, -planted)] if balance == "on_hand" else []),  # the cost layers hold that much less than on hand
    }
    assert any(subject.startswith(balance) for _, subject, _ in found)


def test_a_deleted_outflow_does_not_revive_the_block_of_its_units(
    database: Database, call: Call, admin_call: AdminCall
) -> None:
    """Its units come back as available: a promise that has ended is made anew, or not at all."""
    product = database.product("A-1", 10)
    block: Any = call("create_block", product, 4)
    call("cancel_block", block["id"])
    outflow = admin_call("record_outflow", product, 4)
    admin_call("delete_outflow", outflow["id"])
    assert database.stock(product) == (10, 0, 0)
    assert database.rows("select status from store.block") == [("cancelled",)]
    assert call("reserve_stock", product, 10)
    database.verify()
