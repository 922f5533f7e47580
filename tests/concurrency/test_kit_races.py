"""Kits and their parts at once: what one takes no other gets, and nobody waits in a ring."""

from __future__ import annotations

import random
from collections import Counter
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from tests.concurrency.conftest import Race
from tests.concurrency.test_races import (
    BLOCK,
    CANCEL,
    CONSUME,
    CONVERT,
    EXTEND,
    HOLDERS,
    HOUR,
    RELEASE,
    RESERVE,
    RETURN,
    SELL,
    alone,
    block,
    lines,
    now,
    together,
)
from tests.conftest import Database
from tests.sql.test_kits import make_kit

SET_PARTS = "select count(*) from inventory.set_kit_parts(%s, array[row(%s, %s)::inventory.block_line])"


@HOLDERS
def test_the_last_part_goes_to_the_kit_or_to_a_sale_of_the_part(database: Database, race: Race, touched: bool) -> None:
    # The kit has the lower id than one of its parts and the higher one than the other.
    cup, kit, spoon = database.product("CUP", 1), database.product("KIT"), database.product("SPOON", 2)
    make_kit(database, {cup: 1, spoon: 2}, kit=kit)
    with race.behind(spoon, touched=touched):
        for _ in range(8):
            race.call(RESERVE, kit, 1)
            race.call(BLOCK, kit, 1)
            race.call(SELL, kit, 1, role="inventory_admin")
            race.call(SELL, spoon, 2, role="inventory_admin")
    assert Counter(race.outcomes) == {None: 1, "IV001": 31}
    on_hand, reserved, blocked = database.stock(spoon)
    assert on_hand == reserved + blocked
    database.verify()


def test_a_sold_out_kit_is_refused_without_waiting(database: Database, race: Race) -> None:
    cup = database.product("CUP", 1)
    kit = make_kit(database, {cup: 2})
    with race.holding(cup, kit):
        for query in (RESERVE, BLOCK):
            with pytest.raises(psycopg.Error) as error:
                alone(race, query, kit, 1)
            assert error.value.sqlstate == "IV001"


def test_kits_that_share_parts_do_not_wait_in_a_ring(database: Database, race: Race) -> None:
    kits = [database.product("KIT-0"), database.product("KIT-1")]
    parts = [database.product(f"PART-{number}", 300) for number in range(4)]
    kits += [database.product("KIT-2")]
    for kit, of in zip(kits, (parts, parts[::-1], parts[1:3]), strict=True):
        make_kit(database, dict.fromkeys(of, 1), kit=kit)
    sku_ids = [database.sku_id(product) for product in (*kits, *parts)]

    def call(number: int) -> int:
        own = random.Random(number)
        with database.connect("inventory_admin") as connection:
            connection.execute("set lock_timeout = 0")
            for _ in range(15):
                query, parameters = lines(*((sku_id, 1) for sku_id in own.sample(sku_ids, 3)))
                if own.random() < 0.6:
                    query, parameters = own.choice((RESERVE, SELL, BLOCK)), [own.choice(kits + parts), 1]
                connection.execute(query.encode(), parameters)
        return number

    assert together(6, call) == list(range(6))
    database.verify()


@pytest.mark.parametrize("name", ["reserve", "blocks", "cancel", "extend", "sell", "return"])
def test_a_kit_and_its_parts_are_locked_in_order_of_id(database: Database, race: Race, name: str) -> None:
    low, kit, high = database.product("LOW", 9), database.product("KIT"), database.product("HIGH", 9)
    make_kit(database, {high: 1, low: 1}, kit=kit)
    mine, sale = block(database, kit), database.one(SELL, kit, 1)
    blocks, values = lines((database.sku_id(high), 1), (database.sku_id(kit), 1))
    query, *parameters = {
        "reserve": (RESERVE, kit, 1),
        "blocks": (blocks, *values),
        "cancel": (CANCEL, mine),
        "extend": (EXTEND, mine, now(database) + 2 * HOUR),
        "sell": (SELL, kit, 1),
        "return": (RETURN, sale, 1),
    }[name]
    with race.behind(low):
        race.call(query, *parameters, role="inventory_admin")
        race.line_up()
        for later in (kit, high):
            alone(race, "select from store.stock where product_id = %s for update nowait", later, role="postgres")
    assert race.outcomes == [None]
    database.verify()


@HOLDERS
def test_of_many_who_end_a_kits_block_one_does(database: Database, race: Race, touched: bool) -> None:
    cup, spoon = database.product("CUP", 3), database.product("SPOON", 6)
    kit = make_kit(database, {cup: 1, spoon: 2})
    mine = block(database, kit, 3)
    with race.behind(cup, touched=touched):
        for query in (CONVERT, CANCEL) * 8:
            race.call(query, mine)
    end = database.one("select status from store.block where id = %s", mine)
    assert Counter(race.outcomes) == {None: 1, {"converted": "IV007", "cancelled": "IV008"}[end]: 15}
    left = 0 if end == "converted" else 1
    assert (database.stock(cup), database.stock(spoon)) == ((3 * left, 0, 0), (6 * left, 0, 0))
    database.verify()


def test_who_waited_past_the_end_of_a_kits_block_finds_it_expired(database: Database, race: Race) -> None:
    cup = database.product("CUP", 4)
    kit = make_kit(database, {cup: 1})
    blocks = [block(database, kit) for _ in range(3)]
    with race.behind(cup):
        race.call(CONVERT, blocks[0])
        race.call(CANCEL, blocks[1])
        race.call(EXTEND, blocks[2], now(database) + 2 * HOUR)
        race.line_up()
        database.advance(HOUR)
    assert race.outcomes == ["IV006"] * 3
    assert database.stock(cup) == (4, 0, 3)
    database.verify()


def test_what_is_reserved_for_a_kit_is_taken_once(database: Database, race: Race) -> None:
    cup = database.product("CUP", 10)
    kit = make_kit(database, {cup: 2})
    database.one(RESERVE, kit, 3)
    database.one(RESERVE, cup, 1)
    with race.behind(cup):
        for query, product in ((CONSUME, kit), (RELEASE, kit), (CONSUME, cup), (RELEASE, cup)) * 4:
            race.call(query, product, 1)
    assert Counter(race.outcomes) == {None: 4, "IV002": 12}
    assert database.stock(kit) == (0, 0, 0)
    assert database.stock(cup)[1:] == (0, 0)
    database.verify()


@pytest.mark.parametrize("part", ["more of the same", "another", "another of a lower id"])
def test_a_reservation_that_waited_takes_the_parts_that_there_are_then(
    database: Database, race: Race, part: str
) -> None:
    lower, cup, kit = database.product("LOWER", 10), database.product("CUP", 10), database.product("KIT")
    other = database.product("OTHER", 10)
    make_kit(database, {cup: 1}, kit=kit)
    new, quantity = {"more of the same": (cup, 3), "another": (other, 1), "another of a lower id": (lower, 1)}[part]
    holder = database.connect("inventory_operator")
    with holder.transaction():
        holder.execute(SET_PARTS, [kit, database.sku_id(new), quantity])
        race.queue(RESERVE, kit, 2)
        race.queue(BLOCK, kit, 1)
    expected = None if new == cup else "40001"
    assert race.finish() == [expected, expected]
    if expected is None:
        assert database.stock(cup) == (10, 6, 3)
    else:
        database.one(RESERVE, kit, 2)
        assert (database.stock(cup), database.stock(new)) == ((10, 0, 0), (10, 2, 0))
    database.verify()


def test_the_parts_do_not_change_under_a_reservation(database: Database, race: Race) -> None:
    cup, spoon = database.product("CUP", 10), database.product("SPOON", 10)
    kit = make_kit(database, {cup: 1})
    holder = database.connect("inventory_operator")
    with holder.transaction():
        holder.execute(RESERVE, [kit, 1])
        race.queue(SET_PARTS, kit, database.sku_id(spoon), 1)
    assert race.finish() == ["IV052"]
    database.verify()


def test_two_products_do_not_become_kits_of_each_other(database: Database, race: Race) -> None:
    one, two = database.product("ONE"), database.product("TWO")
    with race.behind(one, two):
        race.call(SET_PARTS, one, database.sku_id(two), 1)
        race.call(SET_PARTS, two, database.sku_id(one), 1)
    assert Counter(race.outcomes) == {None: 1, "IV053": 1}
    database.verify()


def test_a_sale_of_a_kit_comes_back_once(database: Database, race: Race) -> None:
    cup, spoon = database.product("CUP", 4), database.product("SPOON", 4)
    kit = make_kit(database, {cup: 1, spoon: 1})
    sale: Any = database.one(SELL, kit, 3)
    with race.behind(spoon):
        for _ in range(4):
            race.call(RETURN, sale, 2, role="inventory_admin")
    assert Counter(race.outcomes) == {None: 1, "IV028": 3}
    assert (database.stock(cup), database.stock(spoon)) == ((3, 0, 0), (3, 0, 0))
    database.advance(timedelta(hours=1))
    database.verify()
