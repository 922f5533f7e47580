"""A small database with some of everything, and the values that name what is in it."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

from tests.conftest import Database
from tests.http.samples import World as Sample
from tests.http.samples import fill as fill_sample


@dataclasses.dataclass(frozen=True)
class World:
    """What the samples' world has, and more; the texts that name something in it, by their SQL types."""

    sample: Sample
    names: dict[str, tuple[str, ...]]


def fill(database: Database) -> World:
    """Make the world in a database that has none."""
    sample = fill_sample(database)
    one = database.one
    for name in ("Bolts", "Fruit"):
        one("select id from inventory.create_brand(%s)", name)
        one("select id from inventory.create_category(%s)", name)
    products = [
        sample.product_id,
        database.product("LIMIT", "999999999.999"),
        database.product("EMPTY"),
        one(
            "select id from inventory.create_catalog_product('Nut', 1, 1, 1.5, 2.25, p_quantity => 50, p_sku => 'NUT')"
        ),
        one("select id from inventory.create_catalog_product('Gone', 2, 2, 1, 1, p_quantity => 5, p_sku => 'OLD')"),
    ]
    one("select product_id from inventory.update_inventory(%s, p_status => 'archived')", products[-1])
    one("select product_id from inventory.update_inventory(%s, p_reorder_point => 100)", products[0])
    one("select id from inventory.create_supplier('Mill', p_email => 'mill@example.com')")
    for quantity in (4, 6):
        one("select id from inventory.record_inflow(%s, 1, %s)", products[3], quantity)
        one("select id from inventory.record_outflow(%s, 1)", products[3])
    one("select id from inventory.set_price(%s, 1.75, 'promo')", products[3])
    one("select id from inventory.place_order('Add', 'NUT', 5, p_to_location => 'RACK-B2-02')")
    one("select id from inventory.start_count('RACK-B2-02')")
    one("select id from inventory.create_webhook('http://127.0.0.1:9/x', '{outflow.created,price.changed}')")
    one("select id from inventory.record_outflow(%s, 2)", products[3])
    one("select id from maintenance.create_user('left', 'secret', 'employee')")
    one("select id from maintenance.disable_user('left')")
    blocks = [
        one("select id from inventory.create_block(%s, 1, p_expires_at => inventory.clock() + %s)", products[3], later)
        for later in (timedelta(seconds=1), timedelta(hours=1), timedelta(hours=1), timedelta(hours=1))
    ]
    one("select id from inventory.convert_block(%s)", blocks[2])
    one("select id from inventory.cancel_block(%s)", blocks[3])
    database.advance(timedelta(seconds=2))  # the first has expired, and nobody has noticed
    sku_ids = [database.sku_id(product) for product in products]
    skus = ("A-1", "LIMIT", "EMPTY", "NUT", "OLD", "BARE")
    return World(
        sample,
        {
            "uuid": (*sku_ids, sample.block_id, *map(str, blocks)),
            "bigint": ("1", "2", "3", "4", "5", "6"),
            "integer": ("1", "2", "3"),
            "inventory.related_id": ("1", "2", "3", "4"),
            "inventory.product_reference": ("1", "3", "4", *sku_ids),
            "inventory.sku_code": skus,
            "inventory.art_sku": skus,
            "inventory.location_code": ("RACK-A1-01", "RACK-B2-02", "RACK-C3-03"),
            "inventory.username": ("operator", "ROOT", "left"),
            "inventory.password": ("secret",),
            "inventory.email": ("mill@example.com", "MILL@EXAMPLE.COM"),
            "inventory.name": ("Bolts", "fruit", "piece"),
            "text": (*skus, "root", "left", "secret", "expire_blocks", "turn_prices", "1", "last"),
        },
    )
