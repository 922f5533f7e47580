"""Many callers at places: no unit is made or lost, no two wait for each other, and what is one stays one (API 4)."""

from __future__ import annotations

import itertools
import json
import random
from collections import Counter
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from tests.concurrency.conftest import Race, first
from tests.concurrency.test_races import BLOCK, CONVERT, SELL, Transaction, alone, together
from tests.conftest import Database, Server

A, B, C = "RACK-A1-01", "RACK-B2-02", "RACK-C3-03"
ADMIN = "inventory_admin"

PLACE = "select id from inventory.place_order(%s, %s, %s, %s, %s)"
START = "select id from inventory.start_count(%s)"
CLOSE = "select id from inventory.close_count(%s)"
CANCEL_COUNT = "select id from inventory.cancel_count(%s)"
RECORD = "select count_id from inventory.record_count_line(%s, %s, %s)"
RECORD_LINES = (
    "select r.id from jsonb_to_record(%s::jsonb) as a (lines inventory.count_lines)"
    " cross join lateral inventory.record_count_lines(%s, a.lines) as r"
)
PLACE_ALL = (
    "select array_agg(coalesce(r.error_sqlstate, 'done')) from jsonb_to_record(%s::jsonb) as a"
    " (orders inventory.art_orders) cross join lateral inventory.place_orders(a.orders, %s) as r"
)

HOLDERS = pytest.mark.parametrize("touched", [False, True], ids=["row locked", "row changed"])


def add(sku: str, quantity: int, place: str) -> tuple[Any, ...]:
    return "Add", sku, quantity, None, place


def remove(sku: str, quantity: int, place: str) -> tuple[Any, ...]:
    return "Remove", sku, quantity, place, None


def bulk(*orders: tuple[Any, ...], atomic: bool = False) -> tuple[str, str, bool]:
    """The statement that places orders, and its parameters."""
    names = ("type", "sku", "quantity", "from_location", "to_location")
    return PLACE_ALL, json.dumps({"orders": [dict(zip(names, order, strict=True)) for order in orders]}), atomic


def places(database: Database, product: int) -> dict[str | None, Decimal]:
    """What lies where; None: at no place."""
    rows = database.rows("select location, quantity from report.location_stock where product_id = %s", product)
    return dict(rows)


# In place of inventory.location_id: the same, when nobody holds an advisory lock.
def test_orders_are_of_the_product_that_had_the_code_when_the_call_looked(database: Database, race: Race) -> None:
    """It has looked at the codes and waits for the first product, which gets another code meanwhile."""
    first_product, second_product = database.product("A-1", 5), database.product("A-2", 5)
    with race.behind(first_product):
        race.queue(*bulk(add("A-1", 2, A), add("A-2", 3, A)))
        database.one("select sku from inventory.update_catalog_product(%s, p_sku => %s)", first_product, "A-1 old")
        other = database.product("A-1", 5)
    assert race.outcomes == [None]
    assert [database.stock(product)[0] for product in (first_product, second_product, other)] == [7, 8, 5]
    assert database.rows("select product_id, sku from store.art_operation order by id") == [
        (first_product, "A-1"),
        (second_product, "A-2"),
    ]
    database.verify()


KINDS = ("transfer", "transfer", "transfer", "remove", "add", "sale", "block", "bulk", "bulk")


class TestTransfersAmongDepartures:
    """Everybody at once, in any order."""

    @pytest.mark.parametrize("seed", [1, 2])
    def test_transfers_in_a_ring_lose_no_unit_and_never_deadlock(self, database: Database, seed: int) -> None:
        """Products and new places come in opposite orders; each caller's changes add up to what is there."""
        database.be_patient()
        skus = [f"A-{number}" for number in range(3)]
        products = {sku: database.product(sku, 10) for sku in skus}
        ring = [f"RACK-R{number}-01" for number in range(10)]
        for sku, place in itertools.product(skus, ring):
            database.one(PLACE, *add(sku, 2, place))
        callers = [database.connect(ADMIN) for _ in range(8)]

        def play(number: int) -> tuple[Counter[str], Counter[str]]:
            """How each sku's on hand has changed, and what became of the calls."""
            draw, change, outcomes = random.Random(f"{seed} {number}"), Counter[str](), Counter[str]()
            forth = 1 if number % 2 else -1
            for step in range(25):
                sku, place = draw.choice(skus), draw.choice(ring)
                there = ring[(ring.index(place) + forth) % 10]
                kind = draw.choice(
                    ["transfer", "transfer", "transfer", "remove", "add", "sale", "block", "bulk", "bulk"]
                )
                try:
                    if kind == "transfer":
                        first(callers[number], PLACE, "Transfer", sku, draw.randint(1, 2), place, there)
                    elif kind == "remove":
                        first(callers[number], PLACE, *remove(sku, 1, place))
                        change[sku] -= 1
                    elif kind == "add":
                        first(callers[number], PLACE, *add(sku, 1, f"RACK-X{step % 10}-{step:02}"))
                        change[sku] += 1
                    elif kind == "sale":
                        first(callers[number], SELL, products[sku], 1)
                        change[sku] -= 1
                    elif kind == "block":
                        block = first(callers[number], BLOCK, products[sku], 1)
                        first(callers[number], CONVERT, block)
                        change[sku] -= 1
                    else:
                        orders = [add(each, 1, f"RACK-N{step % 10}-{index:02}") for index, each in enumerate(skus)]
                        orders += [("Transfer", each, 1, place, there) for each in skus]
                        atomic = draw.random() < 0.5
                        results = first(callers[number], *bulk(*orders[::forth], atomic=atomic))
                        for order, result in zip(orders[::forth], results, strict=True):
                            change[order[1]] += order[0] == "Add" and result == "done"
                    outcomes[kind] += 1
                except psycopg.Error as error:
                    outcomes[str(error.sqlstate)] += 1
            return change, outcomes

        total, outcomes = Counter(dict.fromkeys(skus, 30)), Counter[str]()
        for change, outcome in together(len(callers), play):
            total.update(change)
            outcomes.update(outcome)
        assert outcomes.keys() <= {"transfer", "remove", "add", "sale", "block", "bulk", "IV001"}, outcomes
        assert min(outcomes[kind] for kind in ("transfer", "remove", "add", "sale", "block", "bulk", "IV001")) > 0
        for sku, product in products.items():
            assert database.stock(product) == (total[sku], 0, 0)
            assert sum(places(database, product).values()) == total[sku]
        codes = [code for (code,) in database.rows("select code from store.location")]
        assert len(codes) == len(set(codes))
        database.verify()

    def test_orders_in_opposite_orders_wait_for_each_other_in_one_order(self, database: Database, race: Race) -> None:
        """New places and products: one call has all that it needs before it has any product."""
        one, two = database.product("A-1"), database.product("A-2")
        orders = [add("A-1", 1, A), add("A-2", 1, B)]
        with race.behind(one):
            race.call(*bulk(*orders))
            race.call(*bulk(*orders[::-1]))
            race.call(*bulk(add("A-1", 1, B), add("A-2", 1, A), atomic=True))
            race.call(PLACE, *add("A-1", 1, B))
        assert race.outcomes == [None] * 4
        assert [code for (code,) in database.rows("select code from store.location order by code")] == [A, B]
        assert (sum(places(database, one).values()), sum(places(database, two).values())) == (4, 3)
        database.verify()

    @pytest.mark.parametrize("others", [[], [C]], ids=["the first place", "one more place"])
    def test_a_caller_that_waits_for_a_place_holds_no_product(
        self, database: Database, race: Race, others: list[str]
    ) -> None:
        one, two = database.product("A-1", 5), database.product("A-2", 5)
        for code in others:
            database.one("select inventory.location_id(%s, true)", code)
        holder = database.connect("inventory_operator")
        with holder.transaction():
            holder.execute(PLACE, add("A-2", 1, A))
            waiting = race.queue(*bulk(add("A-1", 1, A), add("A-1", 1, B)))
            single = race.queue(PLACE, *add("A-1", 1, A))
            assert alone(race, SELL, one, 1, role=ADMIN)
        assert (waiting.sqlstate(), single.sqlstate()) == (None, None)
        race.finish()
        assert (places(database, one), places(database, two)) == ({A: 2, B: 1, None: 4}, {A: 1, None: 5})
        database.verify()


class TestNewPlaces:
    """A place is made once."""

    @pytest.mark.parametrize("is_kept", [True, False], ids=["first commits", "first rolls back"])
    @pytest.mark.parametrize("kind", ["Add", "Transfer", "Count", "bulk", "start"])
    def test_of_two_who_make_a_place_one_does(
        self, database: Database, race: Race, *, kind: str, is_kept: bool
    ) -> None:
        database.product("A-1")
        mine = database.product("A-2")
        database.one(PLACE, *add("A-2", 5, B))
        with database.connect("inventory_operator").transaction(force_rollback=not is_kept) as holder:
            holder.connection.execute(PLACE, add("A-1", 1, A))
            call = {
                "Add": (PLACE, *add("A-2", 3, A)),
                "Transfer": (PLACE, "Transfer", "A-2", 3, B, A),
                "Count": (PLACE, "Count", "A-2", 3, None, A),
                "bulk": bulk(add("A-2", 1, A), add("A-2", 2, A)),
                "start": (START, A),
            }[kind]
            race.queue(*call)
        assert race.finish() == [None]
        assert database.one("select count(*) from store.location where code = %s", A) == 1
        assert places(database, mine).get(A, 0) == (0 if kind == "start" else 3)
        database.verify()

    def test_many_who_make_one_place_find_it(self, database: Database, race: Race) -> None:
        products = [database.product(f"A-{number}") for number in range(16)]
        with race.behind(*products):
            for number in range(16):
                race.call(PLACE, *add(f"A-{number}", 1, A))
        assert race.outcomes == [None] * 16
        assert database.rows("select code from store.location") == [(A,)]
        assert database.one("select sum(quantity) from report.location_stock where location = %s", A) == 16
        database.verify()


class TestOnePlace:
    """Who comes first is served; who comes next sees what is left."""

    @HOLDERS
    def test_of_many_removes_of_the_last_units_one_gets_them(
        self, database: Database, race: Race, touched: bool
    ) -> None:
        product = database.product("A-1", 100)
        database.one(PLACE, *add("A-1", 5, A))
        before = database.counts()
        with race.behind(product, touched=touched):
            for number in range(16):
                if number % 4 == 3:
                    race.call(PLACE, "Transfer", "A-1", 3, A, B)
                elif number % 4 == 2:
                    race.call(PLACE, "Adjust", "A-1", -3, None, A)
                else:
                    race.call(PLACE, *remove("A-1", 3, A))
        assert Counter(race.outcomes) == {None: 1, "IV001": 15}
        moved = race.outcomes.index(None) % 4 == 3
        assert places(database, product) == {A: 2, None: 100} | ({B: 3} if moved else {})
        counts = database.counts()
        assert (counts["art_operation"], counts["movement"]) == (before["art_operation"] + 1, before["movement"] + 1)
        database.verify()

    @pytest.mark.parametrize("is_first", [True, False], ids=["count first", "add first"])
    def test_a_count_and_an_add_have_one_order(self, database: Database, race: Race, *, is_first: bool) -> None:
        product = database.product("A-1", 100)
        database.one(PLACE, *add("A-1", 5, A))
        with race.behind(product):
            calls = [("Count", "A-1", 20, None, A), add("A-1", 3, A)]
            for call in calls if is_first else calls[::-1]:
                race.queue(PLACE, *call)
        assert race.outcomes == [None, None]
        booked = database.one("select booked_quantity from store.art_operation where operation_type = 'Count'")
        assert (booked, places(database, product)[A]) == ((5, 23) if is_first else (8, 20))
        database.verify()

    def test_counts_and_adds_in_any_order_book_the_right_difference(self, database: Database, race: Race) -> None:
        """Each Count says what was there before it: the chain of all of them has no gap."""
        product = database.product("A-1")
        with race.behind(product):
            for number in range(12):
                race.call(PLACE, *(("Count", "A-1", number, None, A) if number % 2 else add("A-1", 1, A)))
        assert race.outcomes == [None] * 12
        rows = database.rows("select operation_type, quantity, booked_quantity, movement_id from store.art_operation")
        changes = "select movement_id, quantity_before, quantity_after from store.location_movement"
        lines = {movement: (before, after) for movement, before, after in database.rows(changes)}
        for kind, quantity, booked, movement in rows:
            if movement is not None:
                before, after = lines[movement]
                assert (before, after) == ((booked, quantity) if kind == "Count" else (before, before + 1))
        database.verify()

    def test_orders_and_a_sale_of_the_same_units(self, database: Database, race: Race) -> None:
        """Of 5 each, the orders take 3 or the sale does; what fails is one order, or all of an atomic call."""
        one, two = database.product("A-1"), database.product("A-2")
        for atomic, order in itertools.product((False, True), (0, 1)):
            for sku in ("A-1", "A-2"):
                database.one(PLACE, "Count", sku, 5, None, A)
            with race.behind(one, two):
                calls = [
                    (bulk(remove("A-2", 3, A), remove("A-1", 3, A), atomic=atomic), "inventory_operator"),
                    ((SELL, one, 3), ADMIN),
                ]
                for call, role in calls[:: 1 if order == 0 else -1]:
                    race.queue(*call, role=role)
            sale_first = order == 1
            refused = "IV001" if (atomic and sale_first) else None
            sold = None if sale_first else "IV001"
            assert race.outcomes == ([sold, refused] if sale_first else [refused, sold])
            left = 5 if atomic and sale_first else 2
            assert (places(database, one), places(database, two)) == ({A: 2}, {A: left})
        database.verify()

    def test_a_departure_that_names_no_place_and_a_transfer(self, database: Database, race: Race) -> None:
        """A sale takes of where the units are when it is its turn."""
        product = database.product("A-1")
        for transfer_first in (True, False):
            database.one(PLACE, "Count", "A-1", 5, None, A)
            calls = [((PLACE, "Transfer", "A-1", 3, A, B), "inventory_operator"), ((SELL, product, 4), ADMIN)]
            with race.behind(product):
                for call, role in calls if transfer_first else calls[::-1]:
                    race.queue(*call, role=role)
            # Both places hold some since one instant; A was there first.
            assert race.outcomes == ([None, None] if transfer_first else [None, "IV001"])
            assert places(database, product) == ({B: 1} if transfer_first else {A: 1})
            database.one(PLACE, "Count", "A-1", 0, None, A)
            database.one(PLACE, "Count", "A-1", 0, None, B)
        database.verify()


class TestCounts:
    """A count ends once."""

    @pytest.mark.parametrize("ends", [(CLOSE, CLOSE), (CLOSE, CANCEL_COUNT), (CANCEL_COUNT, CLOSE)])
    def test_of_many_who_end_a_count_one_does(self, database: Database, race: Race, ends: tuple[str, str]) -> None:
        product = database.product("A-1")
        database.one(PLACE, *add("A-1", 5, A))
        count = database.one(START, A)
        database.one(RECORD, count, "A-1", 9)
        holder = database.connect()
        with holder.transaction():
            holder.execute("select from store.count where id = %s for no key update", [count])
            for number in range(8):
                race.queue(ends[number % 2], count)
        assert race.finish() == [None] + ["IV034"] * 7
        closed = ends[0] == CLOSE
        assert places(database, product) == {A: 9 if closed else 5}
        assert database.one("select count(*) from store.art_operation where count_id = %s", count) == int(closed)
        database.verify()

    def test_while_a_close_waits_for_its_products_the_count_is_its_own(self, database: Database, race: Race) -> None:
        product = database.product("A-1")
        count = database.one(START, A)
        database.one(RECORD, count, "A-1", 9)
        with race.behind(product, waiting=3):
            race.queue(CLOSE, count)
            race.queue(CLOSE, count)
            race.queue(RECORD, count, "A-1", 3)
            race.call(START, A)
        assert race.outcomes == [None, "IV034", "IV034", "IV033"]
        assert places(database, product) == {A: 9}
        database.verify()

    def test_of_many_who_start_a_count_one_does(self, database: Database, race: Race) -> None:
        for place in (A, B):
            with database.connect("inventory_operator").transaction(force_rollback=place == B) as holder:
                holder.connection.execute(START, [place])
                for _ in range(6):
                    race.call(START, place)
                race.line_up()
            assert Counter(race.finish()) == ({"IV033": 6} if place == A else {None: 1, "IV033": 5})
        assert database.rows("select code from store.location order by code") == [(A,), (B,)]

    def test_lines_orders_and_closes_of_the_same_products_never_deadlock(self, database: Database, race: Race) -> None:
        one, two = database.product("A-1"), database.product("A-2")
        count, other = database.one(START, A), database.one(START, B)
        both = [{"sku": "A-1", "quantity": 4}, {"sku": "A-2", "quantity": 4}]
        database.one(RECORD_LINES, json.dumps({"lines": both}), count)
        with race.behind(one):
            race.call(RECORD_LINES, json.dumps({"lines": both}), other)
            race.call(CLOSE, count)
            race.call(*bulk(add("A-2", 1, A), add("A-1", 1, B)))
            race.line_up()
            race.call(RECORD_LINES, json.dumps({"lines": both[::-1]}), other)
            race.call(*bulk(add("A-1", 1, C), add("A-2", 1, B), atomic=True))
        assert race.outcomes == [None] * 5
        database.one(CLOSE, other)
        assert sum(places(database, one).values()) >= 6
        assert sum(places(database, two).values()) >= 6
        database.verify()

    def test_a_line_and_an_add_have_one_order(self, database: Database, race: Race) -> None:
        """What is booked when it is counted is one number, and what comes afterwards stays."""
        product = database.product("A-1")
        for line_first in (True, False):
            database.one(PLACE, "Count", "A-1", 5, None, A)
            count = database.one(START, A)
            calls = [(RECORD, count, "A-1", 9), (PLACE, *add("A-1", 3, A))]
            with race.behind(product):
                for call in calls if line_first else calls[::-1]:
                    race.queue(*call)
            assert race.outcomes == [None, None]
            database.one(CLOSE, count)
            assert places(database, product) == {A: 12 if line_first else 9}
        database.verify()


@pytest.mark.parametrize("level", ["repeatable read", "serializable"])
def test_a_stricter_transaction_that_makes_a_place_is_told_to_try_again(database: Database, level: str) -> None:
    """Another has made the place since its snapshot: no unique constraint of ours shows."""
    database.product("A-1")
    late = Transaction(database, level)
    database.one(PLACE, *add("A-1", 1, A))
    assert late.end_with(PLACE, *add("A-1", 1, A)) == "40001"


def test_over_http_a_ring_of_transfers_with_removes_and_sales_fails_nowhere(
    database: Database, patient_server: Server
) -> None:
    server = patient_server
    database.one("select id from maintenance.create_user('root', 'secret', 'admin')")
    token = server.token("root", "secret")
    places = [f"RACK-R{number}-01" for number in range(10)]
    product = database.product("A-1", quantity=20, p_cost_price=2)
    for place in places:
        database.one(PLACE, "Add", "A-1", 30, None, place)

    def work(number: int) -> Counter[int]:
        client, draw = server.client(token), random.Random(number)
        statuses: Counter[int] = Counter()
        for turn in range(15):
            at = (number + turn) % 10
            around = {"type": "Transfer", "from_location": places[at], "to_location": places[(at + 1) % 10]}
            back = {"type": "Transfer", "from_location": places[at], "to_location": places[at - 1]}
            orders = [order | {"sku": "A-1", "quantity": draw.randint(1, 20)} for order in (around, back)]
            remove = {"type": "Remove", "sku": "A-1", "quantity": draw.randint(1, 3), "from_location": places[at]}
            for path, body in [
                ("/api/v1/art_order", draw.choice(orders)),
                ("/api/v1/art_orders", {"orders": [*orders, remove], "atomic": draw.random() < 0.5}),
                ("/inventory/sales", {"product_id": product, "quantity": draw.randint(1, 3), "unit_price": 4}),
            ]:
                statuses[client.post(path, json=body).status_code] += 1
        return statuses

    seen = sum(together(8, work), Counter())
    assert seen.keys() <= {200, 201, 400}
    assert min(seen[200], seen[201]) > 20
    gone = database.one(
        "select sum(on_hand_before - on_hand_after) from store.movement where kind in ('sale', 'remove')"
    )
    assert database.stock(product) == (320 - gone, 0, 0)
    database.verify()
