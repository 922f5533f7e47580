"""A sweep that has much to do: small transactions, so that nobody waits for more than a few of them."""

from __future__ import annotations

from datetime import timedelta

from tests.conftest import Database, InThread

BATCH = 1000
BLOCKS = 6 * BATCH
EXPIRED = "select count(*) from store.movement where kind = 'expire'"


def test_a_caller_of_the_product_does_not_wait_for_the_whole_sweep(database: Database) -> None:
    """The sweep is held up in its first batch, which has the product; a caller comes, and then the sweep goes on."""
    database.be_patient()
    product = database.product(quantity=BLOCKS + 1)
    database.admin.execute(
        "select inventory.post(array_agg(inventory.line('block', %s, 1))) from generate_series(1, %s)",
        [product, BLOCKS],
    )
    database.verify()
    database.advance(timedelta(days=30))

    holder, sweeper = database.connect(), database.connect("inventory_maintenance")
    caller = database.connect("inventory_operator")
    with holder.transaction():
        holder.execute("select from store.job where name = 'expire_blocks' for update")
        sweep = InThread(lambda: sweeper.execute("call maintenance.run_batches('expire_blocks', 3600)"))
        database.wait_until_blocked(sweeper)
        call = InThread(lambda: caller.execute("select inventory.reserve_stock(%s, 1)", [product]).rowcount)
        database.wait_until_blocked(sweeper, caller)
    assert call.result() == 1
    sweep.result()

    reserved = database.one("select id from store.movement where kind = 'reserve'")
    before = database.one(f"{EXPIRED} and id < %s", reserved)
    assert BATCH <= before < BLOCKS, f"it waited until {before} blocks were ended"
    # What the sweep passed over while somebody else had the product, a later run ends.
    while database.one(EXPIRED) < BLOCKS:
        sweeper.execute("call maintenance.run_batches('expire_blocks', 3600)")
    transactions = database.rows("select count(*) from store.movement where kind = 'expire' group by xmin::text")
    assert max(transactions) == (BATCH,)
    assert database.stock(product) == (BLOCKS + 1, 1, 0)
    database.verify()
