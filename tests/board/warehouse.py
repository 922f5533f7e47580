"""What the board's tests look at: some products with a past of two weeks, places, blocks, prices and sales."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

from tests.conftest import Database

PRODUCTS = (
    # sku, name, quantity, reorder point, price
    ("MUG-01", "Enamel mug, white", 240, 40, "12.50"),
    ("LAMP-07", "Desk lamp, brass", 8, 10, "89.00"),
    ("RICE-25", "Rice, loose", "250.5", 50, "2.95"),
    ("CHAIR-3", "Folding chair", 60, 12, "34.90"),
    ("SOLD-OUT", "Lantern, the last one is sold", 1, None, "19.00"),
    ("TEA-100", "Green tea, 100 g", 500, 80, "6.40"),
)
USERS = (("olga", "operator"), ("emil", "employee"), ("ada", "admin"))  # their password is secret


@dataclasses.dataclass
class Warehouse:
    """The ids of the products by their SKU, and of the block that ends first."""

    products: dict[str, int]
    block_id: str


def fill(database: Database) -> Warehouse:
    """Fill a database that has no product. The time is moved on as it goes, and stands at the real one at the end."""
    call = database.one
    for name, role in USERS:
        call("select id from maintenance.create_user(%s, 'secret', %s)", name, role)
    database.advance(timedelta(days=-14))
    products = {}
    for sku, name, quantity, reorder_point, price in PRODUCTS:
        products[sku] = database.product(sku, quantity, p_name=name, p_price=price, p_actor="ada")
        if reorder_point is not None:
            call(
                "select product_id from inventory.update_inventory(%s, p_reorder_point => %s)",
                products[sku],
                reorder_point,
            )
    supplier = call("select id from inventory.create_supplier('North Wholesale')")
    mug, tea = products["MUG-01"], products["TEA-100"]
    for day in range(14):
        call("select id from inventory.record_sale(%s, %s, 12.5, p_actor => 'ada')", mug, 3 + day % 5)
        call("select id from inventory.record_sale(%s, %s, 6.4, p_actor => 'ada')", tea, 10 + 3 * (day % 4))
        if day % 5 == 0:
            call("select id from inventory.record_purchase(%s, %s, 30, 4.2, p_actor => 'ada')", mug, supplier)
        database.advance(timedelta(days=1))
    call("select id from inventory.record_sale(%s, 1, 19, p_actor => 'ada')", products["SOLD-OUT"])
    call("select id from inventory.place_order('Add', 'CHAIR-3', 20, p_to_location => 'RACK-A1-01', p_actor => 'olga')")
    call("select id from inventory.place_order('Add', 'CHAIR-3', 5, p_to_location => 'RACK-A1-02', p_actor => 'olga')")
    call("select id from inventory.place_order('Add', 'MUG-01', 12, p_to_location => 'RACK-A1-01', p_actor => 'olga')")
    call("select id from inventory.reserve_stock(%s, 10, p_actor => 'olga')", products["CHAIR-3"])
    block_id = call(
        "select id from inventory.create_block(%s, 2, 'Phone order', p_actor => 'olga')", products["LAMP-07"]
    )
    call("select id from inventory.create_block(%s, 4, p_owner => 'cart-7')", mug)
    return Warehouse(products, str(block_id))
