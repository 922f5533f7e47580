"""Many callers at once: what one gets no other gets, and what ends ends once.

A held row lines the callers up, so that the race surely happens. PostgreSQL serves those who wait for one row in the
order in which they came, until the first of them changes it; then the others race for what it has become. Where a test
queues its callers one by one, it says who is served up to then.
"""

from __future__ import annotations

import itertools
import json
import random
import threading
from collections import Counter, defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import psycopg
import pytest

from tests.concurrency.conftest import Connection, Race, first
from tests.conftest import Database, Server

HOUR = timedelta(hours=1)

ADD = "select id from inventory.add_stock(%s, %s)"
RESERVE = "select id from inventory.reserve_stock(%s, %s)"
RELEASE = "select id from inventory.release_stock(%s, %s)"
CONSUME = "select id from inventory.consume_stock(%s, %s)"
BLOCK = "select id from inventory.create_block(%s, %s)"
BLOCK_UNTIL = "select id from inventory.create_block(%s, %s, p_expires_at => %s)"
CONVERT = "select id from inventory.convert_block(%s)"
CONVERT_SOME = "select id from inventory.convert_block(%s, %s)"
CANCEL = "select id from inventory.cancel_block(%s)"
EXTEND = "select id from inventory.extend_block(%s, %s)"
SELL = "select id from inventory.record_sale(%s, %s, 4)"
BUY = "select id from inventory.record_purchase(%s, %s, %s, %s)"
RETURN = "select id from inventory.return_sale(%s, %s)"
CORRECT = "select product_id from inventory.update_inventory(%s, %s)"
SET_PRICE_FROM = "select id from inventory.set_price(%s, %s, p_effective_from => %s)"
SET_PRICE = "select id from inventory.set_price(%s, %s)"
SWEEP = "select maintenance.expire_blocks(%s)"
ONCE = "select replayed from http.once(%s, %s, 'request', %s, %s)"

HOLDERS = pytest.mark.parametrize("touched", [False, True], ids=["row locked", "row changed"])


def lines(*items: tuple[str, Any], until: datetime | None = None) -> tuple[str, list[Any]]:
    """The statement that blocks lines of (sku_id, quantity), and its parameters."""
    rows = ", ".join("row(%s, %s)::inventory.block_line" for _ in items)
    query = f"select count(*) from inventory.create_blocks(array[{rows}], p_expires_at => %s)"
    return query, [*(value for item in items for value in item), until]


def now(database: Database) -> datetime:
    """The database's time."""
    at = database.one("select inventory.clock()")
    assert isinstance(at, datetime)
    return at


def block(database: Database, product: int, quantity: Any = 1, lasts: timedelta = HOUR) -> str:
    """The id of a new block."""
    return str(database.one(BLOCK_UNTIL, product, quantity, now(database) + lasts))


def status(database: Database, block_id: str) -> str:
    """What a block has become."""
    return str(database.one("select status from store.block where id = %s", block_id))


def sqlstate(connection: Connection, query: str, *parameters: Any) -> str | None:
    """None where the statement succeeds."""
    try:
        first(connection, query, *parameters)
    except psycopg.Error as error:
        if error.sqlstate is None:
            raise
        return error.sqlstate
    return None


def alone(race: Race, query: str, *parameters: Any, role: str = "inventory_operator") -> Any:
    """What the statement returns, now; fail where it waits for somebody."""
    return race.alone(lambda connection: first(connection, query, *parameters), role)


def sweep(race: Race) -> int:
    """How many blocks a sweep ends; fail where it waits for somebody."""
    return int(alone(race, SWEEP, 9, role="inventory_maintenance"))


def together(count: int, function: Callable[[int], Any]) -> list[Any]:
    """What function(0), function(1), … return, in threads that start at the same time."""
    gate = threading.Barrier(count)

    def call(number: int) -> Any:
        gate.wait()
        return function(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(call, range(count)))


def calls_waiting_in_server(database: Database, client: httpx.Client) -> tuple[int, int]:
    """How many of the server's calls wait for a lock in the database, and how many for a connection to write on."""
    blocked = database.one(
        "select count(*) from pg_stat_activity"
        " where application_name = 'inventory' and datname = current_database() and wait_event_type = 'Lock'"
    )
    queued = [
        line.split()[-1]
        for line in client.get("/metrics").text.splitlines()
        if line.startswith("inventory_db_waiting{") and 'queue="write"' in line
    ]
    return blocked, sum(int(float(count)) for count in queued)


class TestLastUnits:
    """What is available goes to as many as it is enough for."""

    @HOLDERS
    def test_of_64_callers_for_the_last_unit_one_gets_it_and_the_others_leave_no_row(
        self, database: Database, race: Race, touched: bool
    ) -> None:
        product = database.product(quantity=1)
        before = database.counts()
        with race.behind(product, touched=touched):
            for query in (BLOCK, RESERVE) * 32:
                race.call(query, product, 1)
        assert Counter(race.outcomes) == {None: 1, "IV001": 63}
        blocks = 1 - race.outcomes.index(None) % 2
        assert database.stock(product) == (1, 1 - blocks, blocks)
        assert database.counts() == before | {"movement": before["movement"] + 1, "block": blocks}
        database.verify()

    def test_over_http_of_64_callers_for_the_last_unit_one_gets_it(
        self, database: Database, patient_server: Server, race: Race
    ) -> None:
        client = patient_server.client()
        product = database.product(quantity=1)
        before = database.counts()
        requests = [
            (f"/sku/{database.sku_id(product)}/temporary-block", {"quantity": 1}),
            (f"/api/v1/inventory/{product}/reserveStock", {"amount": 1}),
        ]
        alone = patient_server.settings.pool_size - 1  # one connection is left to those that travel
        with ThreadPoolExecutor(64) as pool:
            with race.holding(product):
                sent = [pool.submit(client.post, path, json=body) for path, body in requests * 32]
                database.wait_for(lambda: calls_waiting_in_server(database, client) == (alone, 64 - alone))
            answers = [future.result() for future in sent]
        refused = [(answer.status_code, answer.json()["code"]) for answer in answers if not answer.is_success]
        assert refused == [(409, "INSUFFICIENT_STOCK")] * 63
        (won,) = (answer for answer in answers if answer.is_success)
        blocks = int(won.status_code == 200)
        assert database.stock(product) == (1, 1 - blocks, blocks)
        assert database.counts() == before | {"movement": before["movement"] + 1, "block": blocks}
        database.verify()

    def test_fractions_go_to_as_many_as_they_are_enough_for(self, database: Database, race: Race) -> None:
        product = database.product(quantity="10.25")
        with race.behind(product):
            for query in (BLOCK, RESERVE) * 16:
                race.call(query, product, "0.5")
        assert Counter(race.outcomes) == {None: 20, "IV001": 12}
        on_hand, reserved, blocked = database.stock(product)
        assert on_hand - reserved - blocked == Decimal("0.25")
        database.verify()

    def test_no_more_is_consumed_or_released_than_was_reserved(self, database: Database, race: Race) -> None:
        product = database.product(quantity=9)
        database.one(RESERVE, product, 5)
        with race.behind(product):
            for query in (CONSUME, RELEASE) * 8:
                race.call(query, product, 2)
        assert Counter(race.outcomes) == {None: 2, "IV002": 14}
        assert database.stock(product) == (9 - 2 * race.outcomes[::2].count(None), 1, 0)
        database.verify()

    def test_the_owner_of_the_last_unit_converts_while_others_are_refused_throughout(
        self, database: Database, race: Race
    ) -> None:
        product = database.product(quantity=1)
        mine = block(database, product)
        with race.behind(product, waiting=1):  # what cannot be had waits for nobody
            for query in (BLOCK, RESERVE) * 8:
                race.call(query, product, 1)
            race.call(CONVERT, mine)
            for query in (BLOCK, RESERVE) * 8:
                race.call(query, product, 1)
        assert race.outcomes == ["IV001"] * 16 + [None] + ["IV001"] * 16
        assert database.stock(product) == (0, 0, 0)
        database.verify()

    def test_what_a_convert_leaves_of_a_block_goes_to_one_of_those_who_come_after(
        self, database: Database, race: Race
    ) -> None:
        product = database.product(quantity=3)
        mine = block(database, product, 3)
        with race.behind(product, waiting=1):
            race.call(RESERVE, product, 1)
            race.call(CONVERT_SOME, mine, 2)
        assert race.outcomes == ["IV001", None]
        with race.behind(product):
            for query in (RESERVE, BLOCK) * 4:
                race.call(query, product, 1)
        assert Counter(race.outcomes) == {None: 1, "IV001": 7}
        on_hand, reserved, blocked = database.stock(product)
        assert (on_hand, reserved + blocked) == (1, 1)
        database.verify()

    def test_units_of_an_expired_block_go_to_one(self, database: Database, race: Race) -> None:
        product = database.product(quantity=1)
        expired = block(database, product)
        database.advance(HOUR)
        with race.behind(product):
            for query in (BLOCK, RESERVE) * 8:
                race.call(query, product, 1)
        assert Counter(race.outcomes) == {None: 1, "IV001": 15}
        assert status(database, expired) == "expired"
        assert database.one("select count(*) from store.movement where kind = 'expire'") == 1
        database.verify()


class TestEndsOnce:
    """A block ends once, whoever is first: its units leave once, or are given back once."""

    @pytest.mark.parametrize("then", ["nothing", "sweep", "reserve"])
    def test_convert_cancel_extend_and_expiry_in_every_order(self, database: Database, race: Race, then: str) -> None:
        """``then``: what follows, under the same lock, when the block's first end has come."""
        for number, order in enumerate(itertools.permutations(("convert", "cancel", "extend", "time"))):
            product = database.product(f"A-{number}", quantity=1)
            mine = block(database, product)
            steps = {
                "convert": (CONVERT, mine),
                "cancel": (CANCEL, mine),
                "extend": (EXTEND, mine, now(database) + 2 * HOUR),
            }
            with race.behind(product):
                for step in order:
                    if step == "time":
                        race.do(lambda connection, product=product: pass_time(connection, product, then), "postgres")
                    else:
                        race.call(*steps[step])
                    race.line_up()
            outcomes, end = expected_ends(order, is_taken=then == "reserve")
            assert race.outcomes == outcomes, order

            # Where nobody has looked, an expired block is still down as active.
            is_unswept = end == "expired" and then == "nothing"
            assert status(database, mine) == ("active" if is_unswept else end), order
            reserved = int(then == "reserve" and outcomes[order.index("time")] is None)
            assert database.stock(product) == (int(end != "converted"), reserved, int(is_unswept)), order
        database.verify()

    def test_of_many_who_end_one_block_one_does(self, database: Database, race: Race) -> None:
        product = database.product(quantity=2)
        mine = block(database, product, 2)
        with race.behind(product):
            for query in (CONVERT, CANCEL) * 16:
                race.call(query, mine)
        end = status(database, mine)
        assert Counter(race.outcomes) == {None: 1, {"converted": "IV007", "cancelled": "IV008"}[end]: 31}
        assert database.stock(product) == (0 if end == "converted" else 2, 0, 0)
        database.verify()

    @HOLDERS
    def test_who_waited_past_the_end_of_a_block_finds_it_expired(
        self, database: Database, race: Race, touched: bool
    ) -> None:
        product = database.product(quantity=4)
        blocks = [block(database, product) for _ in range(4)]
        before = database.counts()
        with race.behind(product, touched=touched):
            race.call(CONVERT, blocks[0])
            race.call(CONVERT_SOME, blocks[1], "0.5")
            race.call(CANCEL, blocks[2])
            race.call(EXTEND, blocks[3], now(database) + 2 * HOUR)
            race.line_up()
            database.advance(HOUR)
        assert race.outcomes == ["IV006"] * 4
        assert database.counts() == before
        assert {status(database, each) for each in blocks} == {"active"}
        database.verify()

    def test_a_sweep_does_not_end_what_somebody_is_just_extending(self, database: Database, race: Race) -> None:
        product = database.product(quantity=1)
        mine = block(database, product)
        owner = database.connect("inventory_operator")
        with owner.transaction():
            owner.execute(EXTEND, [mine, now(database) + 2 * HOUR])
            database.advance(HOUR)
            assert sweep(race) == 0
        assert sweep(race) == 0
        assert status(database, mine) == "active"
        assert database.stock(product) == (1, 0, 1)
        database.verify()

    def test_who_extends_what_a_sweep_has_just_ended_is_refused(self, database: Database, race: Race) -> None:
        product = database.product(quantity=1)
        mine = block(database, product)
        database.advance(HOUR)
        sweeper = database.connect("inventory_maintenance")
        with sweeper.transaction():
            assert first(sweeper, SWEEP, 9) == 1
            race.queue(EXTEND, mine, now(database) + HOUR)
        assert race.finish() == ["IV006"]
        assert status(database, mine) == "expired"
        assert database.stock(product) == (1, 0, 0)
        database.verify()

    def test_a_sweep_that_is_undone_leaves_the_end_to_the_next(self, database: Database, race: Race) -> None:
        product = database.product(quantity=1)
        mine = block(database, product)
        database.advance(HOUR)
        sweeper = database.connect("inventory_maintenance")
        with sweeper.transaction(force_rollback=True):
            assert first(sweeper, SWEEP, 9) == 1
            race.queue(EXTEND, mine, now(database) + HOUR)
            race.queue(RESERVE, product, 1)
            race.queue(RESERVE, product, 1)
        assert race.finish() == ["IV006", None, "IV001"]
        assert status(database, mine) == "expired"
        assert database.stock(product) == (1, 1, 0)
        database.verify()

    def test_the_new_end_of_a_block_must_be_in_the_future_when_the_lock_is_got(
        self, database: Database, race: Race
    ) -> None:
        product = database.product(quantity=1)
        mine = block(database, product, lasts=3 * HOUR)
        with race.behind(product):
            race.queue(EXTEND, mine, now(database) + HOUR)
            database.advance(HOUR)
        assert race.outcomes == ["22023"]
        assert database.one(CONVERT, mine)
        database.verify()

    def test_sweeps_run_while_owners_convert_cancel_and_extend(self, database: Database) -> None:
        products = [database.product(f"A-{number}", quantity=100) for number in range(3)]
        lives = random.Random(1)
        blocks = [
            block(database, product, 1, timedelta(minutes=lives.randint(1, 30)))
            for product in products
            for _ in range(30)
        ]
        clock = threading.Lock()
        is_over = threading.Event()

        def keep_sweeping(connection: Connection) -> int:
            count = 0
            while not is_over.is_set():
                count += first(connection, SWEEP, 3)
            return count

        def own(connection: Connection, seed: int) -> list[tuple[str, str]]:
            chance = random.Random(seed)
            done = []
            for _ in range(60):
                step, mine = chance.choice(("convert", "cancel", "extend", "extend")), chance.choice(blocks)
                query, parameters = {
                    "convert": (CONVERT, [mine]),
                    "cancel": (CANCEL, [mine]),
                    "extend": (
                        "select id from inventory.extend_block(%s, inventory.clock() + %s)",
                        [mine, timedelta(minutes=chance.randint(1, 10))],
                    ),
                }[step]
                outcome = sqlstate(connection, query, *parameters)
                # 22023: so slow that the new end has passed.
                assert outcome in (None, "IV006", "IV007", "IV008", "22023"), step
                if outcome is None and step != "extend":
                    done.append((mine, step))
                with clock:
                    database.advance(timedelta(seconds=5))
            return done

        with ThreadPoolExecutor(8) as pool:
            sweeps = [pool.submit(keep_sweeping, database.connect("inventory_maintenance")) for _ in range(2)]
            owners = [pool.submit(own, database.connect("inventory_operator"), seed) for seed in range(6)]
            try:
                ended = dict(done for owner in owners for done in owner.result())
            finally:
                is_over.set()
            expired = sum(each.result() for each in sweeps)

        assert sum(len(owner.result()) for owner in owners) == len(ended)
        names = {"convert": "converted", "cancel": "cancelled"}
        ends = Counter(status(database, each) for each in blocks)
        assert {each: status(database, each) for each in ended} == {each: names[step] for each, step in ended.items()}
        assert ends["expired"] == expired > 0
        assert ends["converted"] > 0
        assert ends["cancelled"] > 0
        stock = [sum(balances) for balances in zip(*(database.stock(product) for product in products), strict=True)]
        assert stock == [300 - ends["converted"], 0, ends["active"]]
        database.verify()


def pass_time(connection: Connection, product: int, then: str) -> None:
    """Wait for the product's row, then let an hour pass; then sweep, or reserve a unit."""
    with connection.transaction():
        connection.execute("select from store.stock where product_id = %s for no key update", [product])
        connection.execute("select setval('store.test_clock', last_value + 3600000000) from store.test_clock")
        if then == "sweep":
            connection.execute(SWEEP, [9])
        elif then == "reserve":
            connection.execute(RESERVE, [product, 1])


def expected_ends(order: tuple[str, ...], is_taken: bool) -> tuple[list[str | None], str]:
    """What each of those who wait for a block of the only unit gets, and how the block ends, which is at most extended.

    ``is_taken``: as soon as the block's first end has come, somebody tries to reserve the unit.
    """
    refusals = {"converted": "IV007", "cancelled": "IV008", "expired": "IV006"}
    outcomes: list[str | None] = []
    end, is_extended = "active", False
    for step in order:
        if step == "time":
            if end == "active" and not is_extended:
                end = "expired"
            outcomes.append("IV001" if is_taken and end in ("active", "converted") else None)
            continue
        outcomes.append(refusals.get(end))
        if end == "active":
            is_extended = is_extended or step == "extend"
            end = {"convert": "converted", "cancel": "cancelled"}.get(step, end)
    return outcomes, end


class TestTime:
    """The time that counts is the time at which the lock was got."""

    @HOLDERS
    def test_a_block_whose_end_passes_while_its_caller_waits_is_refused(
        self, database: Database, race: Race, touched: bool
    ) -> None:
        product = database.product(quantity=4)
        ends = now(database) + HOUR
        query, parameters = lines((database.sku_id(product), 1), until=ends)
        before = database.counts()
        with race.behind(product, touched=touched):
            race.queue(BLOCK_UNTIL, product, 1, ends)
            race.queue(query, *parameters)
            database.advance(HOUR)
        assert race.outcomes == ["22023", "22023"]
        assert database.counts() == before
        assert database.stock(product) == (4, 0, 0)
        database.verify()

    @HOLDERS
    def test_nothing_is_dated_before_its_lock_was_got(self, database: Database, race: Race, touched: bool) -> None:
        product = database.product(quantity=9)
        converted, cancelled = block(database, product), block(database, product)
        database.one(RESERVE, product, 3)
        one_line, parameters = lines((database.sku_id(product), 1))
        for query, *arguments in (
            (ADD, product, 1),
            (RESERVE, product, 1),
            (RELEASE, product, 1),
            (CONSUME, product, 1),
            (BLOCK, product, 1),
            (one_line, *parameters),
            (CONVERT, converted),
            (CANCEL, cancelled),
        ):
            last = database.one("select max(id) from store.movement")
            with race.behind(product, touched=touched):
                race.queue(query, *arguments)
                database.advance(timedelta(minutes=1))
                got = now(database)
            assert race.outcomes == [None]
            dates = database.rows(
                "with new as (select * from store.movement where id > %s)"
                " select occurred_at from new union all select created_at from new"
                " union all select received_at from store.cost_layer where movement_id in (select id from new)"
                " union all select case kind when 'block' then b.created_at else b.ended_at end"
                " from store.block as b join new on b.id::text = new.reference",
                last,
            )
            assert len(dates) >= 2
            assert min(dates) >= (got,), query
        database.verify()

    def test_blocks_in_order_of_id_are_in_order_of_creation(self, database: Database, race: Race) -> None:
        product = database.product(quantity=32)
        with race.behind(product):
            for _ in range(32):
                race.call(BLOCK, product, 1)
        assert race.outcomes == [None] * 32
        blocks = database.rows("select id, created_at from store.block order by created_at")
        assert blocks == sorted(blocks)
        written = database.rows("select reference from store.movement where kind = 'block' order by id")
        assert written == [(str(each),) for each, _ in blocks]

    def test_what_is_shown_together_is_of_one_instant(self, database: Database) -> None:
        product = database.product(quantity=9)
        arguments = (database.sku_id(product),)
        for minutes in range(1, 10):
            block(database, product, 1, timedelta(minutes=minutes))
        # A minute passes each time that somebody looks at the clock.
        database.admin.execute(
            "alter sequence store.test_clock increment 60000000;"
            "create or replace function inventory.clock() returns timestamptz language plpgsql stable security definer"
            " as $$ begin return clock_timestamp() + nextval('store.test_clock') * interval '1 microsecond'; end $$"
        )
        seen = set()
        while 0 not in seen:
            sku = database.one("select http.get_sku(%s)", *arguments)
            assert sku["blocked"] == len(sku["blocks"])
            assert sku["available"] == 9 - sku["blocked"]
            blocks = database.one("select http.list_blocks(%s)", *arguments)
            assert blocks["total"] == len(blocks["blocks"])
            seen.add(sku["blocked"])
        assert len(seen) > 2

    def test_prices_set_at_once_follow_one_another_and_one_stays_open(self, database: Database, race: Race) -> None:
        product = database.product(p_price=1)
        with race.behind(product, table="product"):
            for amount in range(2, 10):
                race.call(SET_PRICE, product, amount, role="postgres")
            race.line_up()
            got = now(database)
        assert race.outcomes == [None] * 8
        prices = database.rows("select amount, effective_from, effective_to from store.price order by id")
        assert {amount for amount, _, _ in prices} == set(range(1, 10))
        assert [until for _, _, until in prices] == [*(since for _, since, _ in prices[1:]), None]
        assert all(since >= got for _, since, _ in prices[1:])
        assert database.one("select inventory.active_price(%s)", product) == prices[-1][0]


class TestBuyingAndSelling:
    """API 3 meets the others at the same row."""

    @HOLDERS
    def test_sales_blocks_and_reserves_take_what_is_there_and_no_more(
        self, database: Database, race: Race, touched: bool
    ) -> None:
        product = database.product(quantity=10, p_cost_price=3)
        with race.behind(product, touched=touched):
            for query, role in [
                (SELL, "inventory_admin"),
                (BLOCK, "inventory_operator"),
                (RESERVE, "inventory_operator"),
            ] * 8:
                race.call(query, product, 1, role=role)
        assert Counter(race.outcomes) == {None: 10, "IV001": 14}
        on_hand, reserved, blocked = database.stock(product)
        sales = [outcome is None for outcome in race.outcomes[::3]].count(True)
        assert (on_hand, on_hand - reserved - blocked) == (10 - sales, 0)
        assert database.one("select count(*) from store.sale") == sales
        database.verify()

    def test_a_sale_waits_for_the_block_before_it_and_does_not_take_its_units(
        self, database: Database, race: Race
    ) -> None:
        product = database.product(quantity=5)
        with race.behind(product):
            race.queue(BLOCK, product, 3)
            race.queue(SELL, product, 3, role="inventory_admin")
            race.queue(SELL, product, 2, role="inventory_admin")
        assert race.outcomes == [None, "IV001", None]
        assert database.stock(product) == (3, 0, 3)
        database.verify()

    def test_a_sale_takes_the_units_of_an_expired_block(self, database: Database, race: Race) -> None:
        product = database.product(quantity=5)
        block(database, product, 5, timedelta(minutes=1))
        database.advance(HOUR)
        with race.behind(product):
            for _ in range(3):
                race.call(SELL, product, 2, role="inventory_admin")
        assert Counter(race.outcomes) == {None: 2, "IV001": 1}
        assert database.stock(product) == (1, 0, 0)
        database.verify()

    @HOLDERS
    def test_purchases_and_sales_at_once_cost_what_they_cost_one_by_one(
        self, database: Database, race: Race, touched: bool
    ) -> None:
        product = database.product(quantity=3, p_cost_price="3.333")
        supplier = database.one("select id from inventory.create_supplier('Fresh Farm')")
        with race.behind(product, touched=touched):
            for number in range(12):
                race.call(BUY, product, supplier, 1, number, role="inventory_admin")
                race.call(SELL, product, 1, role="inventory_admin")
        outcomes = Counter(race.outcomes[1::2])
        assert race.outcomes[::2] == [None] * 12
        assert outcomes.keys() <= {None, "IV001"}
        assert database.stock(product) == (15 - outcomes[None], 0, 0)
        assert database.rows("select max(number), count(*) from store.sale") == [(outcomes[None],) * 2]
        assert database.rows("select max(number), sum(cost) from store.purchase") == [(12, sum(range(12)))]
        database.verify()

    def test_of_one_product_bought_and_sold_without_a_pause_nothing_is_lost(
        self, database: Database, race: Race
    ) -> None:
        product = database.product(quantity=50, p_cost_price="1.111")
        supplier = database.one("select id from inventory.create_supplier('Fresh Farm')")
        done: Counter[str | None] = Counter()

        def work(number: int) -> list[str | None]:
            connection = database.connect("inventory_admin")
            draw = random.Random(number)
            outcomes: list[str | None] = []
            sales: list[int] = []
            for _ in range(25):
                quantity = Decimal(draw.randint(1, 5000)) / 1000
                query, *parameters = draw.choice(
                    [
                        (BUY, product, supplier, quantity, Decimal(draw.randint(0, 9999)) / 1000),
                        (SELL, product, quantity),
                        (RESERVE, product, quantity),
                        (CONSUME, product, quantity),
                        (CORRECT, product, quantity),
                        *((RETURN, sale, quantity) for sale in sales[-3:]),
                    ]
                )
                try:
                    result = first(connection, query, *parameters)
                except psycopg.Error as error:
                    outcomes.append(error.sqlstate)
                else:
                    outcomes.append(None)
                    if query == SELL:
                        sales.append(result)
            return outcomes

        for outcomes in together(8, work):
            done.update(outcomes)
        assert done[None] > 50
        assert done.keys() <= {None, "IV001", "IV002", "IV028"}
        database.verify()

    def test_of_two_that_take_back_a_sale_one_does(self, database: Database, race: Race) -> None:
        product = database.product(quantity=5, p_cost_price=2)
        sale = database.one("select id from inventory.record_sale(%s, 4, 3)", product)
        with race.behind(product):
            for quantity in (3, 3, None):
                race.call(RETURN, sale, quantity, role="inventory_admin")
        assert Counter(race.outcomes) in ({None: 2, "IV028": 1}, {None: 1, "IV028": 2})
        assert database.stock(product) == (5, 0, 0)
        database.verify()

    def test_of_two_that_initialize_an_inventory_one_does(self, database: Database, race: Race) -> None:
        product = database.one("select id from inventory.register_product('A-1', 'A')")
        initialize = "select product_id from inventory.initialize_inventory(%s, 1, 5)"
        first_caller = database.connect("inventory_admin")
        with first_caller.transaction():
            first_caller.execute(initialize, [product])
            race.queue(initialize, product, role="inventory_admin")
            assert database.rows("select from store.stock") == []
        assert race.finish() == ["IV021"]
        assert database.stock(product) == (5, 0, 0)
        database.verify()

    @HOLDERS
    def test_of_two_that_correct_what_both_have_seen_one_does(
        self, database: Database, race: Race, touched: bool
    ) -> None:
        product = database.product(quantity=10)
        correct = "select product_id from inventory.update_inventory(%s, %s, p_expected_quantity => 10)"
        with race.behind(product, touched=touched):
            race.call(correct, product, 9, role="inventory_admin")
            race.call(correct, product, 8, role="inventory_admin")
        assert sorted(map(str, race.outcomes)) == ["IV025", "None"]
        assert database.stock(product)[0] == 9 - race.outcomes.index(None)
        database.verify()

    def test_what_is_archived_while_a_sale_waits_is_not_sold(self, database: Database, race: Race) -> None:
        product = database.product(quantity=10)
        archive = "select product_id from inventory.update_inventory(%s, p_status => 'archived')"
        with race.behind(product):
            race.queue(archive, product, role="inventory_admin")
            race.queue(SELL, product, 1, role="inventory_admin")
        assert race.outcomes == [None, "IV010"]
        assert database.stock(product)[0] == 10
        database.verify()

    def test_scheduled_prices_set_at_once_leave_one_open(self, database: Database, race: Race) -> None:
        product = database.product(p_price=1)
        today = now(database)
        begins = [today + timedelta(days=day) for day in (3, 1, 2, 1)]
        with race.behind(product, table="product"):
            for amount, begin in enumerate(begins, 2):
                race.call(SET_PRICE_FROM, product, amount, begin, role="inventory_admin")
        assert race.outcomes == [None] * 4
        assert database.one("select count(*) from store.price where effective_to is null") == 1
        for begin in begins:
            # Of those that begin at one instant the one that was set last holds from then.
            assert database.one("select inventory.active_price(%s, 'retail', %s)", product, begin) == database.one(
                "select amount from store.price where effective_from = %s order by id desc limit 1", begin
            )
        assert database.one("select inventory.active_price(%s)", product) == 1

    def test_a_price_waits_for_no_sale_and_a_sale_for_no_price(self, database: Database, race: Race) -> None:
        product = database.product(quantity=5, p_price=1)
        with race.holding(product):
            alone(race, SET_PRICE, product, 2, role="inventory_admin")
        with race.holding(product, table="product"):
            alone(race, SELL, product, 1, role="inventory_admin")
        database.verify()

    def test_a_price_that_an_older_snapshot_would_decide_on_is_refused(self, database: Database) -> None:
        product = database.product()
        old = database.connect("inventory_admin")
        old.execute("begin isolation level repeatable read")
        old.execute("select inventory.active_price(%s)", [product])
        database.one(SET_PRICE, product, 5)
        assert sqlstate(old, SET_PRICE, product, 6) == "40001"
        old.execute("rollback")
        assert database.rows("select amount from store.price where effective_to is null") == [(5,)]


class TestManyLines:
    """A block of several lines is all or nothing, and never waits in a ring."""

    def test_products_are_locked_in_order_of_id_whatever_the_order_of_the_lines(
        self, database: Database, race: Race
    ) -> None:
        low, high = database.product("A-1", quantity=1), database.product("A-2", quantity=1)
        query, parameters = lines((database.sku_id(high), 1), (database.sku_id(low), 1))
        with race.behind(low):
            race.queue(query, *parameters)
            # Waiting for the low one, it does not have the high one yet.
            assert database.rows("select from store.stock where product_id = %s for update skip locked", high) == [()]
        assert race.outcomes == [None]
        database.verify()

    def test_blocks_of_the_same_products_in_any_order_never_deadlock(self, database: Database, race: Race) -> None:
        products = [database.product(f"A-{number}", quantity=1000) for number in range(4)]
        sku_ids = [database.sku_id(product) for product in products]
        callers, rounds = 4, 25

        def play(connection: Connection, seed: int) -> None:
            chance = random.Random(seed)
            for _ in range(rounds):
                query, parameters = lines(*((sku_id, 1) for sku_id in chance.sample(sku_ids, len(sku_ids))))
                connection.execute(query, parameters)

        with race.behind(*products):
            for seed in range(callers):
                race.do(lambda connection, seed=seed: play(connection, seed))
        assert race.outcomes == [None] * callers
        assert {database.stock(product) for product in products} == {(1000, 0, callers * rounds)}
        database.verify()

    def test_lines_that_name_one_sku_are_counted_together(self, database: Database, race: Race) -> None:
        product = database.product(quantity=3)
        sku_id = database.sku_id(product)
        query, parameters = lines((sku_id, 1), (sku_id, 1))
        before = database.counts()
        with race.behind(product):
            for _ in range(8):
                race.call(query, *parameters)
        assert Counter(race.outcomes) == {None: 1, "IV001": 7}
        assert database.stock(product) == (3, 0, 2)
        assert database.counts() == before | {"movement": before["movement"] + 2, "block": 2}
        database.verify()

    @pytest.mark.parametrize("short", [0, 1, 2])
    def test_a_refused_line_leaves_no_row_of_any_other(self, database: Database, race: Race, short: int) -> None:
        products = [database.product(f"A-{number}", quantity=int(number != short)) for number in range(3)]
        # The units of another line are an expired block's: that one must not be ended either.
        expired = block(database, products[(short + 1) % 3])
        database.advance(HOUR)
        query, parameters = lines(*((database.sku_id(product), 1) for product in products))
        before = database.counts()
        with race.behind(*products):
            for _ in range(4):
                race.call(query, *parameters)
        assert race.outcomes == ["IV001"] * 4
        assert database.counts() == before
        assert status(database, expired) == "active"
        database.verify()

    def test_a_line_of_an_unknown_sku_leaves_no_row(self, database: Database) -> None:
        product = database.product(quantity=1)
        query, parameters = lines((database.sku_id(product), 1), ("00000000-0000-0000-0000-000000000000", 1))
        before = database.counts()
        assert sqlstate(database.connect("inventory_operator"), query, *parameters) == "IV003"
        assert database.counts() == before


class TestSweep:
    """The sweep only keeps the books: it waits for nobody, and nobody is told twice."""

    def test_it_leaves_a_product_that_is_in_use_and_waits_for_nobody(self, database: Database, race: Race) -> None:
        products = [database.product(f"A-{number}", quantity=1) for number in range(3)]
        blocks = [block(database, product) for product in products]
        database.advance(HOUR)
        with race.holding(products[1]):
            assert sweep(race) == 2
        assert [status(database, each) for each in blocks] == ["expired", "active", "expired"]
        assert sweep(race) == 1
        assert sweep(race) == 0
        database.verify()

    def test_a_second_sweep_finds_nothing_while_the_first_runs(self, database: Database, race: Race) -> None:
        for number in range(3):
            block(database, database.product(f"A-{number}", quantity=1))
        database.advance(HOUR)
        one = database.connect("inventory_maintenance")
        with one.transaction():
            assert first(one, SWEEP, 9) == 3
            assert sweep(race) == 0
        assert sweep(race) == 0
        database.verify()

    def test_sweeps_at_once_end_each_block_once(self, database: Database) -> None:
        products = [database.product(f"A-{number}", quantity=10) for number in range(6)]
        for product in products:
            for _ in range(10):
                block(database, product)
        database.advance(HOUR)
        connections = [database.connect("inventory_maintenance") for _ in range(4)]

        swept = sum(together(4, lambda number: sum(int(first(connections[number], SWEEP, 3)) for _ in range(10))))
        assert swept == database.one("select count(*) from store.movement where kind = 'expire'") > 0
        while last := database.one(SWEEP, 1000):
            swept += last
        assert swept == 60
        assert {database.stock(product) for product in products} == {(10, 0, 0)}
        database.verify()

    def test_a_job_that_runs_already_is_left_to_it(self, database: Database, race: Race) -> None:
        mine = block(database, database.product(quantity=1))
        database.advance(HOUR)

        def run(connection: Connection) -> None:
            connection.execute("call maintenance.run_batches('expire_blocks')")

        with database.connect().transaction() as running:
            running.connection.execute(
                "select pg_advisory_xact_lock(hashtextextended('maintenance.run_batches expire_blocks', 0))"
            )
            race.alone(run, "inventory_maintenance")
            assert status(database, mine) == "active"
        race.alone(run, "inventory_maintenance")
        assert status(database, mine) == "expired"


class TestTotals:
    """What was acknowledged is what there is."""

    def test_everything_in_parallel_adds_up(self, database: Database) -> None:
        products = [database.product(f"A-{number}", quantity=20) for number in range(3)]
        held: dict[int, list[tuple[str, Decimal]]] = {product: [] for product in products}
        connections = [database.connect("inventory_operator") for _ in range(16)]

        def play(number: int) -> dict[tuple[int, str], Decimal]:
            connection, chance = connections[number], random.Random(number)
            change: dict[tuple[int, str], Decimal] = defaultdict(Decimal)
            for _ in range(60):
                product, amount = chance.choice(products), Decimal(chance.randint(1, 6000)) / 1000
                step = chance.choice(("add", "reserve", "release", "consume", "block", "block", "convert", "cancel"))
                if step in ("convert", "cancel"):
                    if not held[product]:
                        continue
                    mine, size = chance.choice(held[product])
                    leaves = min(size, amount) if step == "convert" else Decimal(0)
                    query: tuple[Any, ...] = (CONVERT_SOME, mine, leaves) if step == "convert" else (CANCEL, mine)
                    effect = {"on_hand": -leaves, "blocked": -size}
                else:
                    statement, effect = {
                        "add": (ADD, {"on_hand": amount}),
                        "reserve": (RESERVE, {"reserved": amount}),
                        "release": (RELEASE, {"reserved": -amount}),
                        "consume": (CONSUME, {"reserved": -amount, "on_hand": -amount}),
                        "block": (BLOCK, {"blocked": amount}),
                    }[step]
                    query = (statement, product, amount)
                try:
                    answer = first(connection, *query)
                except psycopg.Error as error:
                    if error.sqlstate in ("IV001", "IV002", "IV007", "IV008"):
                        continue
                    raise
                if step == "block":
                    held[product].append((answer, amount))
                for what, by in (effect | {step: Decimal(1)}).items():
                    change[product, what] += by
            return change

        total: dict[tuple[int, str], Decimal] = defaultdict(Decimal)
        for change in together(len(connections), play):
            for key, by in change.items():
                total[key] += by
        for product in products:
            expected = (20 + total[product, "on_hand"], total[product, "reserved"], total[product, "blocked"])
            assert database.stock(product) == expected
            steps = ("add", "reserve", "release", "consume", "block", "convert", "cancel")
            assert min(total[product, step] for step in steps) > 0
        database.verify()


class TestNames:
    """Of many who want one name, one gets it."""

    @pytest.mark.parametrize("is_kept", [True, False], ids=["first commits", "first rolls back"])
    @pytest.mark.parametrize(
        ("query", "refusal"),
        [
            ("select inventory.create_product('A-1', 'Product', p_quantity => 3, p_price => 2)", "IV005"),
            ("select inventory.create_user('Ann', 'secret', 'operator')", "IV017"),
        ],
        ids=["sku", "username"],
    )
    def test_one_gets_it_and_the_others_leave_no_row(
        self, database: Database, race: Race, *, query: str, refusal: str, is_kept: bool
    ) -> None:
        before = database.counts()
        one = database.connect("inventory_admin")
        with one.transaction(force_rollback=not is_kept):
            one.execute(query.encode())
            for _ in range(16):
                race.call(query, role="inventory_admin")
            race.line_up()
        assert Counter(race.finish()) == ({refusal: 16} if is_kept else {None: 1, refusal: 15})
        tables = {
            "IV005": {"product": 1, "row_total": 1, "stock": 1, "movement": 1, "cost_layer": 1, "price": 1, "audit": 2},
            "IV017": {"user_account": 1, "audit": 1},
        }[refusal]
        assert database.counts() == before | {table: before[table] + more for table, more in tables.items()}
        database.verify()


class TestIdempotencyKeys:
    """One key, one execution."""

    def test_while_the_first_runs_the_others_are_told_so_and_afterwards_get_its_answer(
        self, database: Database, race: Race
    ) -> None:
        product = database.product(quantity=9)
        call = (ONCE, "caller", "key", "reserve_stock", json.dumps({"p_id": str(product), "p_amount": "1"}))
        with race.behind(product, waiting=1):
            for _ in range(16):
                race.call(*call)
        assert Counter(race.outcomes) == {None: 1, "IV013": 15}
        assert alone(race, *call) is True
        assert database.stock(product) == (9, 1, 0)
        assert database.one("select count(*) from store.idempotency_key") == 1
        database.verify()

    def test_of_many_who_come_again_until_they_are_answered_one_executes(self, database: Database) -> None:
        product = database.product(quantity=9)
        call = (ONCE, "caller", "key", "reserve_stock", json.dumps({"p_id": str(product), "p_amount": "1"}))
        connections = [database.connect("inventory_operator") for _ in range(16)]

        def insist(number: int) -> bool:
            while True:
                try:
                    return bool(first(connections[number], *call))
                except psycopg.Error as error:
                    if error.sqlstate != "IV013":
                        raise

        assert Counter(together(16, insist)) == {False: 1, True: 15}
        assert database.stock(product) == (9, 1, 0)
        database.verify()

    def test_a_key_is_its_callers_own(self, database: Database, race: Race) -> None:
        product = database.product(quantity=9)
        arguments = json.dumps({"p_id": str(product), "p_amount": "1"})
        with race.behind(product):
            for caller, key in (("one", "key"), ("two", "key"), ("one", "key2"), ("onek", "ey")):
                race.call(ONCE, caller, key, "reserve_stock", arguments)
        assert race.outcomes == [None] * 4
        assert database.stock(product) == (9, 4, 0)
        database.verify()

    @pytest.mark.parametrize("failure", ["57014", "55P03"])
    def test_a_refusal_is_remembered_and_a_passing_failure_is_not(
        self, database: Database, race: Race, failure: str
    ) -> None:
        product = database.product(quantity=1)
        arguments = json.dumps({"p_id": str(product), "p_amount": "2"})
        refused = (ONCE, "caller", "refused", "reserve_stock", arguments)
        failed = (ONCE, "caller", "failed", "add_stock", arguments)

        def fail(connection: Connection) -> None:
            if failure == "55P03":
                connection.execute("set lock_timeout = '100ms'")
            first(connection, *failed)

        with race.holding(product):
            race.call(*refused)
            race.line_up(0)
            call = race.do(fail)
            if failure == "57014":
                race.line_up(1)
                database.one("select pg_cancel_backend(%s)", call.connection.info.backend_pid)
            assert call.sqlstate() == failure
        assert race.finish() == [None, failure]
        assert alone(race, *failed) is False
        assert database.stock(product) == (3, 0, 0)
        assert alone(race, *refused) is True
        assert database.stock(product) == (3, 0, 0)
        database.verify()

    def test_over_http_one_executes_and_the_others_are_told_so(
        self, database: Database, server: Server, race: Race
    ) -> None:
        client = server.client()
        product = database.product(quantity=9)

        def reserve(_: int = 0) -> httpx.Response:
            return client.post(
                f"/api/v1/inventory/{product}/reserveStock", json={"amount": 1}, headers={"Idempotency-Key": "one"}
            )

        with ThreadPoolExecutor(16) as pool:
            with race.holding(product):
                sent = [pool.submit(reserve) for _ in range(16)]
                database.wait_for(lambda: sum(future.done() for future in sent) == 15)
                assert calls_waiting_in_server(database, client) == (1, 0)
            answers = [future.result() for future in sent]
        refused = [(answer.status_code, answer.json()["code"]) for answer in answers if not answer.is_success]
        assert refused == [(409, "IDEMPOTENCY_KEY_IN_USE")] * 15

        again = together(8, reserve)
        assert {(answer.status_code, answer.headers.get("Idempotent-Replayed")) for answer in again} <= {
            (204, "true"),
            (409, None),
        }
        assert (reserve().status_code, reserve().headers["Idempotent-Replayed"]) == (204, "true")
        assert database.stock(product) == (9, 1, 0)
        database.verify()


@pytest.mark.parametrize("level", ["repeatable read", "serializable"])
class TestIsolation:
    """A caller's transaction may be stricter than the server's: it may be told to try again, never sold too much."""

    @HOLDERS
    def test_many_callers_for_the_last_unit(self, database: Database, race: Race, level: str, touched: bool) -> None:
        product = database.product(quantity=1)

        def insist(connection: Connection, query: str) -> str | None:
            connection.execute(f"set default_transaction_isolation = '{level}'".encode())
            while (outcome := sqlstate(connection, query, product, 1)) == "40001":
                pass
            return outcome

        with race.behind(product, touched=touched):
            calls = [race.do(lambda each, query=query: insist(each, query)) for query in (BLOCK, RESERVE) * 8]
        assert Counter(call.result() for call in calls) == {None: 1, "IV001": 15}
        on_hand, reserved, blocked = database.stock(product)
        assert (on_hand, reserved + blocked) == (1, 1)
        database.verify()

    def test_a_transaction_that_saw_the_unit_free_does_not_get_it_when_it_is_gone(
        self, database: Database, level: str
    ) -> None:
        product = database.product(quantity=1)
        for query in (BLOCK, RESERVE):
            late = Transaction(database, level)
            assert first(late.connection, "select available from inventory.stock_of(%s)", product) == 1
            database.one(RESERVE, product, 1)
            assert late.end_with(query, product, 1) == "40001"
            database.one(RELEASE, product, 1)
        database.verify()

    def test_a_transaction_that_saw_a_block_end_does_not_get_its_units_when_it_was_extended(
        self, database: Database, level: str
    ) -> None:
        product = database.product(quantity=1)
        mine = block(database, product)
        late = Transaction(database, level)
        database.one(EXTEND, mine, now(database) + 2 * HOUR)
        database.advance(HOUR)
        assert late.end_with(RESERVE, product, 1) == "40001"
        assert database.one(CONVERT, mine)
        database.verify()

    @pytest.mark.parametrize("query", [CONVERT, CANCEL])
    def test_a_block_that_another_has_ended_is_not_ended_again(
        self, database: Database, level: str, query: str
    ) -> None:
        product = database.product(quantity=1)
        mine = block(database, product)
        late = Transaction(database, level)
        database.one(CANCEL, mine)
        assert late.end_with(query, mine) == "40001"
        assert database.stock(product) == (1, 0, 0)
        database.verify()


class Transaction:
    """A transaction that has its snapshot already."""

    def __init__(self, database: Database, level: str) -> None:
        self.connection = database.connect("inventory_operator")
        self.connection.execute(f"begin isolation level {level}".encode())
        self.connection.execute("select inventory.clock()")

    def end_with(self, query: str, *parameters: Any) -> str | None:
        """Execute, and commit where that succeeds: the SQLSTATE, or None."""
        outcome = sqlstate(self.connection, query, *parameters)
        self.connection.execute("rollback" if outcome else "commit")
        return outcome
