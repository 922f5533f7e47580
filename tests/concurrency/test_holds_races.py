"""Carts at the same time: who gets the last unit, and what becomes of a cart for which two calls are made."""

from __future__ import annotations

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from tests.concurrency.conftest import Race
from tests.concurrency.test_races import HOLDERS, HOUR, alone, block, now, sweep, together
from tests.conftest import Database, Server

PUT = "select count(*) from inventory.set_hold(%s, %s::text []::inventory.block_line [])"
PUT_UNTIL = "select count(*) from inventory.set_hold(%s, %s::text []::inventory.block_line [], p_expires_at => %s)"
PUT_IN_PART = (
    "select count(*) from inventory.set_hold(%s, %s::text []::inventory.block_line [], p_allow_partial => true)"
)
EXTEND = "select count(*) from inventory.extend_hold(%s, %s)"
CONVERT = "select count(*) from inventory.convert_hold(%s)"
CANCEL = "select count(*) from inventory.cancel_hold(%s)"
BLOCK_FOR = "select id from inventory.create_block(%s, %s, p_owner => %s)"


def items(database: Database, *lines: tuple[int, Any]) -> list[str]:
    return [f"({database.sku_id(product)},{quantity})" for product, quantity in lines]


def held(database: Database) -> list[tuple[Any, ...]]:
    """(owner, product, quantity) of the active blocks, by the clock."""
    return database.rows(
        "select owner, product_id, quantity from store.block as b"
        " where inventory.is_active_block(b, inventory.clock()) order by owner, product_id, quantity"
    )


@HOLDERS
def test_of_two_carts_for_the_last_unit_one_gets_it(database: Database, race: Race, touched: bool) -> None:
    mug, pot = database.product("MUG", 1), database.product("POT", 9)
    with race.behind(mug, touched=touched):
        for cart in range(8):
            race.call(PUT, f"cart {cart}", items(database, (pot, 1), (mug, 1)))
    assert Counter(race.outcomes) == {None: 1, "IV001": 7}
    assert (database.stock(mug), database.stock(pot)) == ((1, 0, 1), (9, 0, 1))
    database.verify()


def test_in_part_all_units_go_to_somebody(database: Database, race: Race) -> None:
    mug = database.product("MUG", "10.5")
    with race.behind(mug):
        for cart in range(16):
            race.call(PUT_IN_PART, f"cart {cart}", items(database, (mug, 3)))
    assert Counter(race.outcomes) == {None: 16}
    assert Counter(quantity for *_, quantity in held(database)) == {3: 3, database.one("select 1.5"): 1}
    database.verify()


@HOLDERS
def test_a_cart_that_is_set_twice_at_once_is_as_one_of_them_says(database: Database, race: Race, touched: bool) -> None:
    mug, pot = database.product("MUG", 5), database.product("POT", 5)
    with race.behind(mug, pot, touched=touched):
        # All that there is: together they would be too many.
        race.call(PUT, "cart", items(database, (mug, 5), (pot, 1)))
        race.call(PUT, "cart", items(database, (pot, 5), (mug, 4)))
        race.call(PUT, "cart", items(database, (mug, 5)))
    assert race.outcomes == [None] * 3
    assert held(database) in (
        [("cart", mug, 5), ("cart", pot, 1)],
        [("cart", mug, 4), ("cart", pot, 5)],
        [("cart", mug, 5)],
    )
    database.verify()


def test_the_same_payment_twice_at_once_holds_once(database: Database, race: Race) -> None:
    mug = database.product("MUG", 2)
    with race.behind(mug):
        for _ in range(8):
            race.call(PUT, "cart", items(database, (mug, 2)))
    assert race.outcomes == [None] * 8
    assert database.rows("select kind, count(*) from store.movement group by 1 order by 1") == [
        ("block", 1),
        ("initial", 1),
    ]


def test_carts_of_crossing_products_never_wait_in_a_ring(database: Database) -> None:
    products = [database.product(f"P-{number}", 1000) for number in range(4)]
    sku_ids = [database.sku_id(product) for product in products]

    def shop(number: int) -> list[str]:
        chance = random.Random(number)
        connection = database.connect("inventory_operator")
        states = []
        for _ in range(30):
            wanted = chance.sample(sku_ids, 3)
            owner = f"cart {chance.randrange(3)}"
            query, *parameters = chance.choice(
                [
                    (PUT, owner, [f"({sku_id},{chance.randint(1, 3)})" for sku_id in wanted]),
                    (PUT, owner, [f"({sku_id},1)" for sku_id in wanted]),
                    (CONVERT, owner),
                    (CANCEL, owner),
                    (EXTEND, owner, now(database) + HOUR),
                    (BLOCK_FOR, chance.choice(products), 1, owner),
                ]
            )
            try:
                connection.execute(query.encode(), parameters)
            except psycopg.Error as error:
                states.append(str(error.sqlstate))
        return states

    states = Counter(state for each in together(6, shop) for state in each)
    # 40001: a block of another product came meanwhile; the server makes such a call again.
    assert states.keys() <= {"IV004", "IV007", "IV008", "40001"}
    database.verify()


@pytest.mark.parametrize("is_swept", [False, True], ids=["not ended", "ended"])
def test_a_cart_that_expires_while_its_put_waits_is_set_anew(database: Database, race: Race, is_swept: bool) -> None:
    mug, pot = database.product("MUG", 5), database.product("POT", 5)
    until = now(database) + HOUR
    alone(race, PUT_UNTIL, "cart", items(database, (mug, 4), (pot, 1)), until)
    with race.behind(pot):
        race.call(PUT_UNTIL, "cart", items(database, (mug, 5), (pot, 1)), until + 9 * HOUR)
        race.line_up()
        database.advance(2 * HOUR)
        if is_swept:
            assert sweep(race) == 0, "the call holds the mug already, and waits for the pot"
    assert race.outcomes == [None]
    assert held(database) == [("cart", mug, 5), ("cart", pot, 1)]
    assert database.one("select count(*) from store.block where is_held") == 2
    assert alone(race, CONVERT, "cart") == 2
    database.verify()


def test_what_expires_while_its_payment_waits_is_not_paid_in_part(database: Database, race: Race) -> None:
    mug, pot = database.product("MUG", 5), database.product("POT", 5)
    alone(race, PUT_UNTIL, "cart", items(database, (mug, 4)), now(database) + HOUR)
    block_id = alone(race, BLOCK_FOR, pot, 1, "cart")
    later = now(database) + 9 * HOUR
    database.one("select id from inventory.extend_block(%s, %s)", block_id, later)
    with race.behind(pot):
        race.call(CONVERT, "cart")
        race.line_up()
        database.advance(2 * HOUR)
    assert race.outcomes == ["IV006"]
    assert held(database) == [("cart", pot, 1)]
    assert (database.stock(mug), database.stock(pot)) == ((5, 0, 4), (5, 0, 1))
    database.verify()


@pytest.mark.parametrize(
    ("first", "second", "outcomes", "on_hand"),
    [
        (CONVERT, CANCEL, [None, None], 4),
        (CANCEL, CONVERT, [None, "IV008"], 5),
        (CONVERT, CONVERT, [None, "IV007"], 4),
        (CANCEL, CANCEL, [None, None], 5),
    ],
    ids=["convert, cancel", "cancel, convert", "convert twice", "cancel twice"],
)
def test_a_cart_ends_once(
    database: Database, race: Race, first: str, second: str, outcomes: list[str | None], on_hand: int
) -> None:
    mug, pot = database.product("MUG", 5), database.product("POT", 5)
    alone(race, PUT, "cart", items(database, (mug, 1), (pot, 1)))
    with race.behind(pot):
        race.queue(first, "cart")
        race.queue(second, "cart")
    assert race.outcomes == outcomes
    assert (database.stock(mug), database.stock(pot)) == ((on_hand, 0, 0), (on_hand, 0, 0))
    assert database.rows("select from store.block where is_held or status = 'active'") == []
    database.verify()


@pytest.mark.parametrize("first", ["hold", "block"])
def test_of_a_cart_and_one_of_its_blocks_each_block_ends_once(database: Database, race: Race, first: str) -> None:
    mug, pot = database.product("MUG", 5), database.product("POT", 5)
    alone(race, PUT, "cart", items(database, (mug, 1), (pot, 1)))
    one = database.one("select id from store.block where product_id = %s", mug)
    calls = [(CONVERT, "cart"), ("select id from inventory.cancel_block(%s)", one)]
    with race.behind(mug):
        for query, parameter in calls if first == "hold" else reversed(calls):
            race.queue(query, parameter)
    assert race.outcomes == ([None, "IV007"] if first == "hold" else [None, None])
    assert (database.stock(mug)[0], database.stock(pot)[0]) == (4 if first == "hold" else 5, 4)
    database.verify()


def test_the_server_makes_a_call_again_where_a_block_came_meanwhile(database: Database, patient_server: Server) -> None:
    mug, pot = database.product("MUG", 5), database.product("POT", 5)
    client = patient_server.client()
    assert client.put("/holds/cart", json={"items": [{"sku_id": database.sku_id(pot), "quantity": 1}]}).is_success
    holder = database.connect("inventory_operator")
    with ThreadPoolExecutor(1) as pool:
        with holder.transaction():
            holder.execute("select inventory.add_stock(%s, 1)", [pot])
            holder.execute(BLOCK_FOR.encode(), [mug, 2, "cart"])
            sent = pool.submit(client.post, "/holds/cart/convert-to-permanent")
            database.wait_for(
                lambda: database.one(
                    "select count(*) from pg_stat_activity where application_name = 'inventory'"
                    " and datname = current_database() and wait_event_type = 'Lock'"
                )
            )
        answer = sent.result()
    assert (answer.status_code, answer.json()["total"]) == (200, 2)
    assert (database.stock(mug), database.stock(pot)) == ((3, 0, 0), (5, 0, 0))
    database.verify()


def test_a_cart_waits_for_no_other_cart_and_a_single_block_for_no_cart(database: Database, race: Race) -> None:
    mug, pot = database.product("MUG", 5), database.product("POT", 5)
    mine = block(database, mug)
    with race.holding(pot):
        waiting = race.call(PUT, "cart", items(database, (pot, 1)))
        race.line_up()
        assert alone(race, PUT, "another cart", items(database, (mug, 1))) == 1
        assert alone(race, BLOCK_FOR, mug, 1, "cart")
        assert alone(race, "select id from inventory.extend_block(%s, %s)", mine, now(database) + HOUR)
        assert str(alone(race, "select id from inventory.cancel_block(%s)", mine)) == mine
    # It does not know the new block's product, which it must not lock after the other.
    assert waiting.sqlstate() == "40001"
    race.finish()
    assert alone(race, PUT, "cart", items(database, (pot, 1))) == 1
    assert held(database) == [("another cart", mug, 1), ("cart", pot, 1)]
    database.advance(timedelta(hours=1))
    assert sweep(race) == 2
    database.verify()
