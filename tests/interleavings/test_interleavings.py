"""A fixed sample of the interleavings of all pairs; ``make interleavings`` runs the rest.

Where one is red: its turns and the rows that differ are in the message, and how to run it alone.
"""

from __future__ import annotations

import random

import pytest

from tests.interleavings.scenarios import CALLS, LEFT_OUT, SETTINGS, Scenario, scenarios, writing_functions
from tests.interleavings.scheduler import Schedule
from tests.interleavings.search import Choose, Explorer

pytestmark = pytest.mark.packages

BY_NAME = {call.name: call for call in CALLS}
SHARES = 10  # tests into which the sample is cut, for the workers
PAIRS = 4  # of a share, with two first preemptions each

# (world, two products, a, b): where two calls want the same.
COMPETING = (
    ("scarce", False, "reserve_stock", "record_sale"),
    ("scarce", False, "create_block", "record_outflow"),
    ("scarce", False, "reserve_stock", "expire_blocks"),
    ("scarce", False, "convert_block", "cancel_block"),
    ("scarce", False, "convert_block", "convert_block"),
    ("scarce", False, "extend_block", "convert_block"),
    ("scarce", False, "record_sale, last of a layer", "delete_inflow"),
    ("plenty", False, "record_sale, last of a layer", "record_sale"),
    ("scarce", False, "return_sale", "return_sale"),
    ("scarce", False, "place_order, remove", "place_order, transfer"),
    ("scarce", False, "place_order, add at a new place", "start_count, new place"),
    ("scarce", False, "delete_outflow", "delete_outflow"),
    ("scarce", False, "set_price", "set_price"),
    ("scarce", False, "set_price, scheduled", "turn_prices"),
    ("scarce", False, "update_inventory, expected", "record_sale"),
    ("scarce", False, "reserve_stock, tag", "reserve_stock, tag"),
    ("scarce", False, "reserve_stock, tag", "extend_block"),
    ("scarce", False, "set_price, tag", "turn_prices"),
    ("scarce", False, "once", "once"),
    ("scarce", False, "once", "batch, once"),
    ("scarce", False, "batch, twice", "reserve_stock"),
    ("scarce", False, "close_count", "record_count_line"),
    ("scarce", True, "create_blocks", "create_blocks"),
    ("scarce", False, "set_hold", "set_hold"),
    ("scarce", False, "set_hold", "convert_hold"),
    ("scarce", False, "set_hold, in part", "reserve_stock"),
    ("scarce", False, "convert_hold", "cancel_block"),
    ("scarce", False, "convert_hold", "create_block, of the cart"),
    ("scarce", True, "set_hold, another cart", "set_hold, another cart"),
    ("scarce", True, "set_hold", "create_blocks"),
    ("scarce", True, "place_orders, transfer, atomic", "place_orders, add"),
    ("scarce", True, "close_count", "place_orders, remove"),
    ("scarce", True, "batch", "batch"),
    ("scarce", True, "batch", "create_blocks"),
    ("fresh", False, "delete_product", "reserve_stock"),
    ("fresh", False, "delete_product", "set_price"),
    ("kits", False, "reserve_stock, kit", "record_sale"),
    ("kits", False, "record_sale, kit", "create_block"),
    ("kits", False, "reserve_stock, kit", "reserve_stock, new kit"),
    ("kits", False, "create_blocks, kit", "record_sale, kit"),
    ("kits", False, "convert_block, kit", "cancel_block, kit"),
    ("kits", False, "convert_block, kit", "extend_block, kit"),
    ("kits", False, "consume_stock, kit", "release_stock"),
    ("kits", False, "return_sale, kit", "return_sale, kit"),
    ("kits", False, "set_kit_parts", "reserve_stock, new kit"),
    ("kits", False, "set_kit_parts, no more", "reserve_stock, new kit"),
    ("kits", False, "set_kit_parts", "set_kit_parts, no more"),
    ("unstocked", False, "initialize_inventory", "delete_product"),
    ("unstocked", False, "initialize_inventory", "initialize_inventory"),
    ("unstocked", False, "initialize_inventory, tag", "initialize_inventory, tag"),
    ("fresh", False, "delete_product, tag", "set_price, tag"),
    ("scarce", False, "record_purchase, unused supplier", "delete_supplier"),
    ("scarce", False, "create_catalog_product", "delete_brand"),
    ("scarce", False, "create_product", "import_products"),
)


def some(chance: random.Random, number: int) -> Choose:
    """Choose so many first preemptions."""
    return lambda firsts: chance.sample(firsts, min(len(firsts), number))


def test_the_pairs_have_every_function_that_writes_what_stock_moves_through(explorer: Explorer) -> None:
    assert {call.function for call in CALLS} | set(LEFT_OUT) == writing_functions(explorer.control)


@pytest.mark.parametrize("name", BY_NAME)
def test_a_call_alone_does_what_it_is_there_for(explorer: Explorer, name: str) -> None:
    """In one of the worlds it succeeds and changes something, but for those that are there to be refused."""
    refused = name.endswith(", expired")
    for world, two_products in SETTINGS:
        scenario = Scenario(world, two_products, BY_NAME[name], BY_NAME[name])
        if (calls := scenario.queries(explorer.names[world])) is not None:
            run, outcome = explorer.run(scenario, (calls[0], None), Schedule(1))
            if (run.results[0].sqlstate, bool(outcome[2])) == (("IV006", False) if refused else (None, True)):
                return
    pytest.fail("it never does")


@pytest.mark.parametrize("competing", COMPETING, ids=lambda one: " / ".join(one[2:]))
def test_calls_that_want_the_same_end_as_one_after_the_other(
    explorer: Explorer, competing: tuple[str, bool, str, str]
) -> None:
    world, two_products, a, b = competing
    scenario = Scenario(world, two_products, BY_NAME[a], BY_NAME[b])
    chance = random.Random(str(scenario))
    for finding in explorer.explore(scenario, some(chance, 3), every=5):
        pytest.fail(str(finding))


def test_orders_whose_product_is_renamed_meanwhile_are_booked_once(explorer: Explorer) -> None:
    scenario = Scenario("plenty", False, BY_NAME["place_orders, add"], BY_NAME["update_catalog_product, sku"])
    for finding in explorer.explore(scenario, lambda firsts: [each for each in firsts if each[0] == 1], every=1000):
        pytest.fail(str(finding))


@pytest.mark.parametrize("share", range(SHARES))
def test_any_two_calls_end_as_one_after_the_other(explorer: Explorer, share: int) -> None:
    chance = random.Random(share)
    for scenario in chance.sample(scenarios(), PAIRS):
        for finding in explorer.explore(scenario, some(chance, 2), every=5):
            pytest.fail(str(finding))


@pytest.mark.parametrize("name", ["convert_block", "cancel_block", "extend_block", "reserve_stock", "record_sale"])
def test_time_goes_on_while_a_call_is_under_way(explorer: Explorer, name: str) -> None:
    chance = random.Random(name)
    for other in ("convert_block", "create_block"):
        scenario = Scenario("scarce", False, BY_NAME[name], BY_NAME[other])
        for finding in explorer.explore(scenario, some(chance, 3), every=5, tick=True):
            pytest.fail(str(finding))


@pytest.mark.parametrize("share", range(SHARES))
def test_a_session_that_is_killed_has_done_nothing_and_holds_nothing(explorer: Explorer, share: int) -> None:
    """Beside the same call, which waits for it, or has ended before."""
    chance = random.Random(share)
    for call in CALLS[share::SHARES]:
        scenario = Scenario("scarce", False, call, call)
        for finding in explorer.kill(scenario, some(chance, 1)):
            pytest.fail(str(finding))


def test_a_schedule_is_repeatable(explorer: Explorer) -> None:
    """Two turns each, one of them ended by a lock: the same turns, the same answers, the same rows."""
    scenario = Scenario("scarce", False, BY_NAME["record_sale"], BY_NAME["reserve_stock"])
    calls = scenario.queries(explorer.names["scarce"])
    assert calls is not None
    (run, outcome), *others = (explorer.run(scenario, calls, Schedule(1, 12, 30)) for _ in range(3))
    assert [turn.split()[:2] for turn in run.trace] == [
        ["1", "stopped"],
        ["2", "blocked"],
        ["1", "done"],
        ["2", "done"],
    ]
    assert all((other.trace, other_outcome) == (run.trace, outcome) for other, other_outcome in others)
