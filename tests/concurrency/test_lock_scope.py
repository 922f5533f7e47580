"""A call about one product locks no row of another: while all of the other's rows are held, it does not wait."""

from __future__ import annotations

from tests.conftest import Database

RACK, OTHER_RACK = "RACK-A1-01", "RACK-B2-02"

# What each product gets first, and what is called then while another product is held. {p}: its id, {sku}: its code.
HISTORY = """
select inventory.add_stock({p}, 10);
select inventory.record_purchase({p}, 1, 5, 2);
select inventory.record_inflow({p}, 1, 2);
select inventory.record_outflow({p}, 1);
select inventory.record_sale({p}, 2, 9);
select inventory.set_price({p}, 7);
select inventory.place_order('Add', '{sku}', 10, null, '{rack}');
select inventory.create_block({p}, 1) from generate_series(1, 5);
select inventory.reserve_stock({p}, 2);
"""
CALLS = """
select inventory.add_stock({p}, 1)
select inventory.reserve_stock({p}, 2)
select inventory.release_stock({p}, 1)
select inventory.consume_stock({p}, 1)
select inventory.create_block({p}, 1)
select inventory.create_blocks(array[row('{sku_id}', 1)]::inventory.block_line [])
select inventory.extend_block(b.id, b.expires_at) from {block}
select inventory.convert_block(b.id) from {block}
select inventory.cancel_block(b.id) from {block}
select inventory.set_hold('cart', array[row('{sku_id}', 1)]::inventory.block_line [])
select inventory.extend_hold('cart', inventory.clock() + interval '1 hour')
select inventory.convert_hold('cart')
select inventory.cancel_hold('cart')
select inventory.end_expired_blocks({p}, 9)
select inventory.record_sale({p}, 1, 9)
select inventory.return_sale(s.id, 1) from store.sale as s where s.product_id = {p} limit 1
select inventory.record_purchase({p}, 1, 1, 3)
select inventory.record_inflow({p}, 1, 1)
select inventory.delete_inflow(max(f.id)) from store.inflow as f where f.product_id = {p}
select inventory.record_outflow({p}, 1)
select inventory.delete_outflow(max(f.id)) from store.outflow as f where f.product_id = {p}
select inventory.place_order('Add', '{sku}', 1, null, '{rack}')
select inventory.place_order('Transfer', '{sku}', 1, '{rack}', '{other_rack}')
select inventory.place_order('Remove', '{sku}', 1, '{rack}')
select inventory.place_order('Count', '{sku}', 5, null, '{other_rack}')
select inventory.place_order('Adjust', '{sku}', -1, null, '{other_rack}')
select inventory.place_orders(array[row('Add', '{sku}', 1, null, '{rack}', null, true)]::inventory.art_order [])
select inventory.record_count_line({count}, '{sku}', 3)
select inventory.record_count_lines({count}, array[row('{sku}', 3)]::inventory.count_found [])
select inventory.close_count({count})
select inventory.update_inventory({p}, p_quantity => 9)
select inventory.update_catalog_product({p}, 'Cup', p_quantity => 12)
select inventory.set_price({p}, 8)
select inventory.delete_product((inventory.create_product('A-3', 'New', p_quantity => 2)).id)
select inventory.turn_prices_of({p}, inventory.clock())
"""


def test_a_call_waits_for_no_other_product(database: Database) -> None:
    database.one("select id from inventory.create_supplier('Fresh Farm')")
    other, product = database.product("A-1", 1000), database.product("A-2", 1000)
    for each, sku in ((other, "A-1"), (product, "A-2")):
        for statement in HISTORY.strip().splitlines():
            database.admin.execute(statement.format(p=each, sku=sku, rack=RACK).encode())
    held = [
        name
        for (name,) in database.rows(
            "select c.table_name from information_schema.columns as c"
            " where c.table_schema = 'store' and c.column_name = 'product_id' and c.table_name in"
            " (select t.tablename from pg_tables as t where t.schemaname = 'store') order by 1"
        )
    ]
    names = {
        "p": product,
        "sku": "A-2",
        "sku_id": database.sku_id(product),
        "rack": RACK,
        "other_rack": OTHER_RACK,
        "count": database.one("select id from inventory.start_count(%s)", OTHER_RACK),
        "block": f"(select * from store.block where product_id = {product} and status = 'active' limit 1) as b",
    }
    others_count = database.one("select id from inventory.start_count('RACK-C3-03')")
    database.admin.execute("select inventory.record_count_line(%s, 'A-1', 3)", [others_count])
    holder, caller = database.connect(), database.connect()
    caller.execute("set lock_timeout = '1s'")
    with holder.transaction():
        holder.execute("select from store.product where id = %s for update", [other])
        for table in held:
            holder.execute(f"select from store.{table} where product_id = %s for update".encode(), [other])
        for call in CALLS.strip().splitlines():
            caller.execute(call.format(**names).encode())
    assert database.one("select count(*) from store.movement where product_id = %s", product) > len(
        HISTORY.splitlines()
    )
    database.verify()
