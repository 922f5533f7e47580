"""Faults that somebody could make, planted one at a time: the search finds each."""

from __future__ import annotations

import dataclasses

import pytest

from tests.interleavings.scenarios import CALLS, Scenario
from tests.interleavings.search import Explorer

pytestmark = pytest.mark.packages

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
        "http.claim_keys",
        "then pg_try_advisory_xact_lock(hashtextextended(n.name, 0))",
        "then true",
        "once",
        "once",
    ),
    Fault(
        "no lock: a block ends twice",
        "inventory.post",
        """or v_line.kind = 'expire')
                for no key update;""",
        """or v_line.kind = 'expire');""",
        "convert_block",
        "cancel_block",
    ),
    Fault(
        "a condition before the lock: what has come back of a sale",
        "inventory.return_sale",
        "    order by s.product_id\n    for no key update;\n",
        "    order by s.product_id;\n",
        "return_sale",
        "return_sale",
    ),
    Fault(
        "no look at the time: a block is converted when it has expired",
        "inventory.post",
        "inventory.block_refusal(v_line.block_id, v_block, v_at, v_line.quantity);",
        "inventory.block_refusal(v_line.block_id, v_block, v_at - interval '1 day', v_line.quantity);",
        "convert_block",
        "convert_block",
        tick=True,
        reason="a block was converted or cancelled when it had expired",
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
