"""Faults that somebody could make, planted one at a time: the search finds each."""

from __future__ import annotations

import dataclasses

import pytest

from tests.interleavings.scenarios import CALLS, Scenario
from tests.interleavings.search import Explorer

BY_NAME = {call.name: call for call in CALLS}


@dataclasses.dataclass(frozen=True)
class Fault:
    """One text of a function for another, and the pair that meets it."""

    name: str
    function: str
    old: str
    new: str
    a: str
    b: str
    two_products: bool = False
    tick: bool = False
    reason: str = "no serial order gives this"


FAULTS = (
    Fault(
        "a lock is dropped: a correction of what was on hand before",
        "inventory.update_inventory",
        "where s.product_id = p_product_id for no key update;",
        "where s.product_id = p_product_id;",
        "update_inventory, quantity",
        "add_stock",
    ),
    Fault(
        "a lock is dropped: a count is closed twice",
        "inventory.lock_open_count",
        " for no key update;",
        ";",
        "close_count",
        "close_count",
    ),
    Fault(
        "a lock is dropped: one key, two answers",
        "http.once",
        "if not pg_try_advisory_xact_lock(",
        "if null and pg_try_advisory_xact_lock(",
        "once",
        "once",
    ),
    Fault(
        "a condition before the lock: a block ends twice",
        "inventory.lock_active_block",
        """    perform from store.stock as s where s.product_id = v_product_id for no key update;
    -- A statement of its own, so that it sees what whoever held the lock before has done to the block.
    select * into v_block from store.block as b where b.id = p_block_id and b.product_id = v_product_id;
""",
        """    select * into v_block from store.block as b where b.id = p_block_id and b.product_id = v_product_id;
    perform from store.stock as s where s.product_id = v_product_id for no key update;
""",
        "convert_block",
        "cancel_block",
        reason="verify() finds a difference",
    ),
    Fault(
        "a condition before the lock: what is available, of the statement's snapshot",
        "inventory.make_room",
        "    for no key update;\n",
        "    ;\n",
        "reserve_stock",
        "record_sale",
    ),
    Fault(
        "a condition before the lock: what has come back of a sale",
        "inventory.return_sale",
        "    perform from store.stock as s where s.product_id = v_sold.product_id for no key update;\n",
        "",
        "return_sale",
        "return_sale",
    ),
    Fault(
        "two products are locked in the order given",
        "inventory.create_blocks",
        """    perform
    from store.stock as s
    where s.product_id = any(v_product_ids)
    order by s.product_id
    for no key update;
""",
        "",
        "create_blocks",
        "create_blocks",
        two_products=True,
        reason="deadlock",
    ),
    Fault(
        "a batch makes its calls in the order given",
        "http.batch",
        "        order by c.product_id, c.number\n    loop",
        "        order by c.number\n    loop",
        "batch",
        "batch",
        two_products=True,
        reason="deadlock",
    ),
    Fault(
        "a look at the time before the lock alone: a block is converted when it is over",
        "inventory.end_block",
        "    if v_movement.created_at >= v_block.expires_at then",
        "    if false then",
        "convert_block",
        "convert_block",
        tick=True,
        reason="a block was converted or cancelled when it was over",
    ),
    Fault(
        "a new place has no lock",
        "inventory.location_id",
        "        perform pg_advisory_xact_lock(hashtextextended('location ' || p_code, 0));\n",
        "",
        "place_order, add at a new place",
        "start_count, new place",
    ),
)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_planted_fault_is_found(explorer: Explorer, fault: Fault) -> None:
    scenario = Scenario("scarce", fault.two_products, BY_NAME[fault.a], BY_NAME[fault.b])
    with explorer.planted(fault.function, fault.old, fault.new):
        found = next(explorer.explore(scenario, tick=fault.tick), None)
    assert found is not None
    assert found.reason == fault.reason
