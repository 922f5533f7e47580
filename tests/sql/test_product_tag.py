"""The tag of a product: exact to the instant, moved by every change, and what a caller may expect of it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest

from tests.concurrency.conftest import Race, race
from tests.conftest import Database
from tests.http.samples import World, fill
from tests.sql.conftest import Freeze, Refused

__all__ = ["race"]

pytestmark = pytest.mark.usefixtures("verified")

MICROSECOND = timedelta(microseconds=1)
HOUR = timedelta(hours=1)

# A call of each function that takes a tag, about the product {product_id} or the one that its argument names.
CONDITIONAL = {
    "add_stock": "{product_id}, 5",
    "reserve_stock": "{product_id}, 5",
    "release_stock": "{product_id}, 5",
    "consume_stock": "{product_id}, 5",
    "set_stock": "{product_id}, 40",
    "create_block": "{product_id}, 5",
    "convert_block": "'{block_id}'",
    "cancel_block": "'{block_id}'",
    "extend_block": "'{block_id}', inventory.clock() + interval '1 day'",
    "update_inventory": "{product_id}, p_reorder_point => 5",
    "initialize_inventory": "{bare_product_id}",
    "set_price": "{product_id}, 7",
    "record_sale": "{product_id}, 1, 60",
    "record_purchase": "{product_id}, {supplier_id}, 1, 35",
    "return_sale": "{sale_id}",
    "place_order": "'Add', 'A-1', 5, p_to_location => 'RACK-Z9-99'",
    "update_catalog_product": "{product_id}, 'Cup'",
    "delete_product": "{spare_product_id}",
    "record_inflow": "{product_id}, {supplier_id}, 5",
    "record_outflow": "{product_id}, 5",
    "delete_inflow": "{inflow_id}",
    "delete_outflow": "{outflow_id}",
}
# Changes of a product with something to change, each of which moves the tag.
CHANGES = (
    *(f"{name}({given})" for name, given in CONDITIONAL.items() if not name.startswith(("initialize_", "delete_"))),
    "update_catalog_product({product_id}, p_sku => 'A-2')",
    "update_catalog_product({product_id}, p_cost_price => 1)",
    "update_catalog_product({product_id}, p_category_id => {category_id})",
    "update_catalog_product({product_id})",  # it shows when it was updated
    "update_inventory({product_id}, p_status => 'inactive')",
    "set_price({product_id}, 7, 'promo')",
    "set_price({product_id}, 7, p_effective_from => inventory.clock() + interval '1 day')",
    "delete_inflow({inflow_id})",
    "delete_outflow({outflow_id})",
    "create_blocks(array[row('{sku_id}', 1)::inventory.block_line])",
    "place_order('Transfer', 'A-1', 1, '{code}', 'RACK-B1-01')",
)
UNCHANGED = (
    "add_stock({product_id}, 0)",
    "update_inventory({product_id}, p_status => 'active')",
    "extend_block('{block_id}', (select expires_at from store.block where id = '{block_id}'))",
    "set_stock({product_id}, (select on_hand from store.stock where product_id = {product_id}))",
    "update_brand({brand_id}, 'Nokia')",
)
READS = (
    "get_sku('{sku_id}')",
    "get_inventory_item('{product_id}')",
    "get_product({product_id})",
    "get_inventory({product_id})",
    "get_catalog_product({product_id})",
    "get_stock({product_id})",
)


@pytest.fixture
def world(database: Database) -> World:
    world = fill(database)
    database.one("select id from inventory.place_order('Add', 'A-1', 5, p_to_location => %s)", world.code)
    return world


def filled(text: str, world: World) -> str:
    return text.format_map(vars(world))


def product_of(name: str, world: World) -> int:
    """The product that a call of CONDITIONAL is about."""
    if name == "initialize_inventory":
        return world.bare_product_id
    return world.spare_product_id if name == "delete_product" else world.product_id


def tag(database: Database, product_id: int) -> str:
    return str(database.one("select inventory.product_tag(%s)", product_id))


def parts(database: Database, product_id: int) -> tuple[int, int]:
    """The number and the version."""
    number, version = map(int, tag(database, product_id).split("."))
    return number, version


def now(database: Database) -> datetime:
    at = database.one("select inventory.clock()")
    assert isinstance(at, datetime)
    return at


@contextlib.contextmanager
def undone(database: Database) -> Iterator[None]:
    """What the block does is undone, once it is seen that it is sound."""
    with database.admin.transaction(force_rollback=True):
        yield
        database.admin.execute("set constraints all immediate")
        database.verify()


# What it is


def test_a_new_product_and_its_inventory(database: Database) -> None:
    product = database.one("select id from inventory.register_product('A-1', 'Mug')")
    assert tag(database, product) == "0.1"
    database.one("select product_id from inventory.initialize_inventory(%s)", product)
    assert tag(database, product) == "0.2"
    database.one("select id from inventory.add_stock(%s, 5)", product)
    assert tag(database, product) == "1.2"


def test_every_change_moves_it(database: Database, world: World, subtests: pytest.Subtests) -> None:
    before = parts(database, world.product_id)
    for text in CHANGES:
        with subtests.test(text), undone(database):
            database.admin.execute(filled(f"select inventory.{text}", world).encode())
            after = parts(database, world.product_id)
            assert after != before
            assert after >= before
            assert after[1] >= before[1]


def test_what_changes_nothing_leaves_it(database: Database, world: World, subtests: pytest.Subtests) -> None:
    before = tag(database, world.product_id)
    for text in UNCHANGED:
        with subtests.test(text), undone(database):
            database.admin.execute(filled(f"select inventory.{text}", world).encode())
            assert tag(database, world.product_id) == before


def test_it_is_another_at_the_instant_of_an_expiry_and_the_sweep_leaves_it(database: Database, freeze: Freeze) -> None:
    product, other = database.product("A-1", 20), database.product("B-1", 20)
    ends = now(database).replace(microsecond=0) + HOUR
    for each in (product, product, other):
        database.one("select id from inventory.create_block(%s, 2, p_expires_at => %s)", each, ends)
    database.one("select id from inventory.create_block(%s, 2, p_expires_at => %s)", product, ends + HOUR)
    number, version = parts(database, product)
    freeze(ends - MICROSECOND)
    assert parts(database, product) == (number, version)
    freeze(ends)
    assert parts(database, product) == (number + 2, version)
    assert database.one("select last_number from store.stock where product_id = %s", product) == number
    assert database.one("select maintenance.expire_blocks()") == 3
    assert database.one("select last_number from store.stock where product_id = %s", product) == number + 2
    assert parts(database, product) == (number + 2, version)


def test_a_call_that_ends_expired_blocks_counts_them_no_second_time(database: Database) -> None:
    product = database.product("A-1", 5)
    for _ in range(2):
        database.one(
            "select id from inventory.create_block(%s, 2, p_expires_at => inventory.clock() + interval '1 h')", product
        )
    number, version = parts(database, product)
    database.advance(HOUR)
    database.one("select id from inventory.reserve_stock(%s, 5)", product)
    assert parts(database, product) == (number + 3, version)


@pytest.mark.parametrize("by", ["job", "price"])
def test_it_is_another_at_the_instant_of_a_price_and_its_processing_leaves_it(
    database: Database, freeze: Freeze, by: str
) -> None:
    product = database.product("A-1", 5, p_price=9)
    begins = now(database).replace(microsecond=0) + HOUR
    rule = "select id from inventory.set_price(%s, 7, %s, %s, %s)"
    database.one(rule, product, "retail", begins, begins + HOUR)
    database.one(rule, product, "promo", begins, None)
    number, version = parts(database, product)
    freeze(begins - MICROSECOND)
    assert parts(database, product) == (number, version)
    freeze(begins)
    assert parts(database, product) == (number, version + 2)
    if by == "job":
        assert database.one("select maintenance.turn_prices()") == 2
        assert parts(database, product) == (number, version + 2)
        freeze(begins + HOUR)
        assert parts(database, product) == (number, version + 3)
    else:
        database.one("select id from inventory.set_price(%s, 8, 'wholesale')", product)
        assert database.one("select count(*) from store.price_turn where at = %s", begins) == 0
        assert parts(database, product) == (number, version + 3)


def test_prices_that_are_ahead_again_move_it(database: Database) -> None:
    product = database.product("A-1", 5, p_price=9)
    price = "select id from inventory.set_price(%s, 7, p_effective_from => inventory.clock() + interval '1 h')"
    database.one(price, product)
    database.advance(2 * HOUR)
    database.one("select maintenance.turn_prices()")
    database.one("update store.job set last_finished_at = inventory.clock() where name = 'turn_prices' returning name")
    before = tag(database, product)
    database.advance(-2 * HOUR)
    assert database.one("select maintenance.turn_prices()") == 1
    assert tag(database, product) != before


def test_each_read_says_it_to_its_own_transaction(database: Database, world: World, subtests: pytest.Subtests) -> None:
    database.advance(HOUR)  # the block has expired
    for read in READS:
        with subtests.test(read):
            query = f"select http.{filled(read, world)}, current_setting('inventory.etag', true)"
            said = database.rows(query)[0][1]
            assert said == tag(database, world.product_id)
            assert not database.one("select current_setting('inventory.etag', true)")


def test_everybody_may_ask_for_it_and_no_product_is_an_error(database: Database, world: World) -> None:
    public = database.connect("inventory_public")
    row = public.execute("select inventory.product_tag(%s)", [world.product_id]).fetchone()
    assert row == (tag(database, world.product_id),)
    with pytest.raises(psycopg.Error) as caught:
        public.execute("select inventory.product_tag(0)")
    assert caught.value.sqlstate == "IV003"


# What a caller expects


def test_every_function_that_takes_a_tag_is_here(database: Database) -> None:
    names = (
        "select p.pronamespace::regnamespace::text, p.proname from pg_proc as p where 'p_expected' = any(p.proargnames)"
    )
    found = set(database.rows(names))
    assert {name for schema, name in found if schema == "inventory"} - {"require_expected"} == set(CONDITIONAL)
    assert sum(schema == "http" for schema, _ in found) == len(CONDITIONAL)


def test_another_tag_is_refused_and_nothing_is_changed(
    database: Database, world: World, refused: Refused, subtests: pytest.Subtests
) -> None:
    for name, arguments in CONDITIONAL.items():
        present = tag(database, product_of(name, world))
        call = f"select inventory.{name}({filled(arguments, world)}, p_expected => %s)"
        for wrong in ("0.0", "", f"{present}0", present.split(".")[0], f'"{present}"', "a b, 0.0"):
            with subtests.test(name, tag=wrong):
                with refused("IV047") as caught:
                    database.one(call, wrong)
                assert json.loads(caught.value.diag.message_detail or "") == {"tag": present}


def test_the_present_tag_is_good(database: Database, world: World, subtests: pytest.Subtests) -> None:
    for name, arguments in CONDITIONAL.items():
        with subtests.test(name), undone(database):
            product = product_of(name, world)
            present = tag(database, product)
            call = f"select inventory.{name}({filled(arguments, world)}, p_expected => %s)"
            database.one(call, f"0.0, {present}")
            if name != "delete_product":
                assert tag(database, product) != present


def test_any_tag_is_good(database: Database) -> None:
    product = database.product(quantity=5)
    for expected in (tag(database, product), "*", None):
        database.one("select inventory.reserve_stock(%s, 1, p_expected => %s)", product, expected)
    assert database.stock(product)[1] == 3


NOT_THERE = (
    ("add_stock(0, 5", "IV003"),
    ("update_catalog_product(0, 'Cup'", "IV003"),
    ("set_price(0, 5", "IV003"),
    ("place_order('Add', 'NONE', 5, p_to_location => 'RACK-Z9-99'", "IV003"),
    ("convert_block('00000000-0000-7000-8000-000000000000'", "IV004"),
    ("extend_block('00000000-0000-7000-8000-000000000000', inventory.clock() + interval '1 h'", "IV004"),
    ("delete_product(0", "IV003"),
)


def test_what_is_not_there_is_not_found(database: Database, refused: Refused, subtests: pytest.Subtests) -> None:
    for call, sqlstate in NOT_THERE:
        for expected in ("1.1", "*"):
            with subtests.test(call, expected=expected), refused(sqlstate):
                database.one(f"select inventory.{call}, p_expected => %s)", expected)


def test_an_expiry_is_a_change_before_the_sweep(database: Database, world: World, refused: Refused) -> None:
    present = tag(database, world.product_id)
    database.advance(HOUR)
    with refused("IV047") as caught:
        database.one("select inventory.reserve_stock(%s, 1, p_expected => %s)", world.product_id, present)
    database.one("select maintenance.expire_blocks()")
    told = json.loads(caught.value.diag.message_detail or "")["tag"]
    database.one("select inventory.reserve_stock(%s, 1, p_expected => %s)", world.product_id, told)


def test_a_batch_posts_no_line_with_a_tag(database: Database, world: World) -> None:
    arguments = {"p_id": str(world.product_id), "p_amount": "1", "p_expected": tag(database, world.product_id)}
    once = {"caller": "ann", "key": "1", "request": "r"}
    calls = [
        {"function": "reserve_stock", "arguments": arguments},
        {"function": "add_stock", "arguments": {"p_id": str(world.product_id), "p_amount": "1"}},
        {"function": "reserve_stock", "arguments": arguments, "once": once},
    ]
    operator = database.connect("inventory_operator")

    def batch() -> list[Any]:
        query = "select replayed, error ->> 'sqlstate' from http.batch(%s)"
        return operator.execute(query, [json.dumps(calls)]).fetchall()

    before = database.stock(world.product_id)
    assert batch() == [(False, "40001"), (False, None), (False, "40001")]
    assert database.stock(world.product_id) == (before[0] + 1, *before[1:])
    # What the key remembers is answered again, whatever the tag is by then.
    arguments["p_expected"] = tag(database, world.product_id)
    query = "select error from http.once('ann', '1', 'r', 'reserve_stock', %s)"
    assert operator.execute(query, [json.dumps(arguments)]).fetchone() == (None,)
    assert batch()[2] == (True, None)


# Who is first


RIVALS = (
    ("reserve_stock({product_id}, 1", "reserve_stock({product_id}, 1"),
    ("record_sale({product_id}, 1, 9", "update_catalog_product({product_id}, 'Cup'"),
    ("set_price({product_id}, 8", "set_price({product_id}, 9"),
    ("update_catalog_product({product_id}, 'Cup'", "update_catalog_product({product_id}, 'Pot'"),
    ("cancel_block('{block_id}'", "extend_block('{block_id}', inventory.clock() + interval '1 day'"),
    ("place_order('Add', 'A-1', 1, p_to_location => 'RACK-Z9-99'", "place_order('Remove', 'A-1', 1, 'RACK-A1-01'"),
)
BARE = ("initialize_inventory({bare_product_id}", "initialize_inventory({bare_product_id}, 2")


@pytest.mark.parametrize(
    ("calls", "table"),
    # A product without an inventory has no row of stock.
    [*((calls, table) for calls in RIVALS for table in ("stock", "product")), (BARE, "product")],
    ids=lambda of: of if isinstance(of, str) else f"{of[0].split('(')[0]}-{of[1].split('(')[0]}",
)
def test_of_two_callers_with_one_tag_exactly_one_wins(
    database: Database, world: World, race: Race, calls: tuple[str, str], table: str
) -> None:
    product = world.bare_product_id if calls is BARE else world.product_id
    present = tag(database, product)
    with race.behind(product, table=table):
        for call in calls:
            race.queue(f"select inventory.{filled(call, world)}, p_expected => %s)", present, role="inventory_admin")
    assert race.outcomes == [None, "IV047"]


def test_a_product_renamed_meanwhile(database: Database, world: World, race: Race) -> None:
    """Who waits for the lock compares what the one before has written, not what it saw when it came."""
    present = tag(database, world.product_id)
    with race.behind(world.product_id):
        race.queue(
            "select inventory.update_catalog_product(%s, 'Cup', p_quantity => 70)",
            world.product_id,
            role="inventory_admin",
        )
        race.queue("select inventory.add_stock(%s, 1, p_expected => %s)", world.product_id, present)
    assert race.outcomes == [None, "IV047"]
    assert database.stock(world.product_id)[0] == 70


def test_a_movement_between_two_others_counts(database: Database, world: World, race: Race) -> None:
    """0 to 10 and back to 0 is a change, too."""
    present = tag(database, world.product_id)
    with race.behind(world.product_id):
        race.queue("select id from inventory.reserve_stock(%s, 1)", world.product_id)
        race.queue("select id from inventory.release_stock(%s, 1)", world.product_id)
        race.queue("select inventory.reserve_stock(%s, 1, p_expected => %s)", world.product_id, present)
    assert race.outcomes == [None, None, "IV047"]
