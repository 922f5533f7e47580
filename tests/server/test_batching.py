"""Calls that arrive together travel together, and none of them notices."""

from __future__ import annotations

import asyncio
import dataclasses
import random
from typing import Any

import pytest

import server.database.calls
from pgcalls import LONG, WRITE, DatabaseError, OutcomeUnknownError
from pgcalls.queue import WIDTH
from server.database.calls import Answer, Key
from server.database.calls import Database as Caller
from server.database.interface import Function
from tests.conftest import Database
from tests.server.conftest import (
    OPERATOR,
    Proxy,
    backends,
    calling,
    function,
    held,
    one_unit,
    play,
    queue,
    start,
    terminate,
    until,
    waiting_backends,
)

Functions = dict[str, Function]


# A row's xmin is its savepoint's; this is the whole transaction's.
NOTE_TRANSACTIONS = """
create table store.noted (movement_id bigint, transaction xid8);
create function store.note() returns trigger language plpgsql security definer as $$
begin
    insert into store.noted values (new.id, pg_current_xact_id());
    return null;
end;
$$;
create trigger note after insert on store.movement for each row execute function store.note();
"""


def noted(database: Database) -> list[int]:
    """How many movements each transaction wrote, in order."""
    rows = database.rows("select count(*) from store.noted group by transaction order by min(movement_id)")
    return [count for (count,) in rows]


class TestWrites:
    def test_what_comes_while_a_connection_is_busy_goes_together(
        self, database: Database, functions: Functions
    ) -> None:
        first, *others = (database.product(f"A-{n}", 9) for n in range(11))
        database.admin.execute(NOTE_TRANSACTIONS)

        async def scenario() -> None:
            async with calling(database.conninfo) as caller:
                with held(database, first):
                    calls = start(1, caller, functions["reserve_stock"], one_unit(first))
                    await until(lambda: waiting_backends(database))
                    for product in others:
                        calls += start(1, caller, functions["reserve_stock"], one_unit(product))
                    await until(lambda: queue(caller).waiting == 10)
                assert await asyncio.gather(*calls) == [Answer(None)] * 11

        play(scenario())
        assert noted(database) == [1, 10]
        assert [database.stock(product) for product in (first, *others)] == [(9, 1, 0)] * 11
        database.verify()

    def test_a_batch_has_a_largest_size(self, database: Database, functions: Functions) -> None:
        product = database.product(quantity=500)
        database.admin.execute(NOTE_TRANSACTIONS)

        async def scenario() -> None:
            async with calling(database.conninfo, queue_size=500) as caller:
                with held(database, product):
                    calls = start(1, caller, functions["reserve_stock"], one_unit(product))
                    await until(lambda: waiting_backends(database))
                    calls += start(WIDTH + 5, caller, functions["reserve_stock"], one_unit(product))
                    await until(lambda: queue(caller).waiting == WIDTH + 5)
                await asyncio.gather(*calls)

        play(scenario())
        assert noted(database) == [1, WIDTH, 5]

    def test_a_call_that_comes_alone_goes_alone(self, database: Database, functions: Functions) -> None:
        product = database.product(quantity=9)
        database.admin.execute(NOTE_TRANSACTIONS)
        database.admin.execute("drop function http.batch(jsonb)")

        async def scenario() -> None:
            async with calling(database.conninfo) as caller:
                for _ in range(3):
                    await caller.call(OPERATOR, functions["reserve_stock"], one_unit(product))

        play(scenario())
        assert noted(database) == [1, 1, 1]

    def test_each_gets_its_own_answer_or_error(self, database: Database, functions: Functions) -> None:
        products = [database.product(f"A-{n}", 1) for n in range(20)]
        key = Key("me", "key", "request")

        async def scenario() -> None:
            async with calling(database.conninfo) as caller:
                block = functions["create_block"]
                arguments: list[dict[str, Any]] = [
                    {"p_sku_id": database.sku_id(product), "p_quantity": str(1 + n % 2), "p_reason": f"no. {n}"}
                    for n, product in enumerate(products)
                ]
                arguments[7]["p_sku_id"] = "00000000-0000-7000-8000-000000000000"
                with held(database, products[0]):
                    first = start(1, caller, block, arguments[0])
                    await until(lambda: waiting_backends(database))
                    rest = [start(1, caller, block, each)[0] for each in arguments[1:]]
                    keyed = [
                        start(1, caller, block, arguments[n], dataclasses.replace(key, key=str(n % 2)))[0]
                        for n in (1, 2, 1)
                    ]
                    await until(lambda: queue(caller).waiting == 22)
                outcomes = await asyncio.gather(*first, *rest, return_exceptions=True)
                for n, outcome in enumerate(outcomes):
                    if n == 7:
                        assert isinstance(outcome, DatabaseError)
                        assert outcome.sqlstate == "IV003"
                    elif n % 2:
                        assert isinstance(outcome, DatabaseError)
                        assert (outcome.sqlstate, outcome.at) == ("IV001", None)
                        assert outcome.data == {"available": 1, "requested": 2}
                    else:
                        assert isinstance(outcome, Answer)
                        assert f'"no. {n}"'.encode() in (outcome.body or b"")
                refusal, late, again = await asyncio.gather(*keyed, return_exceptions=True)
                assert isinstance(refusal, DatabaseError)
                assert isinstance(again, DatabaseError)
                assert (refusal.is_replayed, again.is_replayed) == (False, True)
                assert refusal.at == again.at is not None
                assert isinstance(late, DatabaseError), "its block is taken"

        play(scenario())
        database.verify()

    def test_a_lost_connection_leaves_the_outcome_of_all_unknown(
        self, database: Database, functions: Functions
    ) -> None:
        product = database.product(quantity=99)
        reserve = functions["reserve_stock"]

        async def scenario() -> None:
            async with Proxy(database.conninfo) as proxy, calling(proxy.conninfo) as caller:
                for _ in range(2):
                    await asyncio.gather(*start(9, caller, reserve, one_unit(product)))  # prepares both statements
                proxy.loses_answers = True
                outcomes = await asyncio.gather(*start(9, caller, reserve, one_unit(product)), return_exceptions=True)
                assert [type(outcome) for outcome in outcomes] == [OutcomeUnknownError] * 9
                await until(lambda: database.stock(product) == (99, 27, 0))

        play(scenario())
        database.verify()

    def test_of_a_batch_that_is_lost_each_is_told_so(self, database: Database, functions: Functions) -> None:
        first, *others = (database.product(f"A-{n}", 9) for n in range(4))
        slow = "create or replace function inventory.product_id(p_reference inventory.product_reference) returns bigint"
        slow += " language plpgsql security definer as $$ begin perform pg_sleep(30); return 1; end $$"

        async def scenario() -> None:
            async with calling(database.conninfo) as caller:
                with held(database, first):
                    calls = start(1, caller, functions["reserve_stock"], one_unit(first))
                    await until(lambda: waiting_backends(database))
                    for product in others:
                        calls += start(1, caller, functions["reserve_stock"], one_unit(product))
                    await until(lambda: queue(caller).waiting == 3)
                    database.admin.execute(slow.encode())
                await calls[0]
                asleep = "select count(*) from pg_stat_activity where wait_event = 'PgSleep' and pid = any(%s)"
                await until(lambda: database.one(asleep, backends(database)))
                terminate(database)
                outcomes = await asyncio.gather(*calls[1:], return_exceptions=True)
                assert [type(outcome) for outcome in outcomes] == [OutcomeUnknownError] * 3

        play(scenario())
        assert [database.stock(product) for product in others] == [(9, 0, 0)] * 3

    def test_a_product_that_somebody_holds_stops_nobody_else(self, database: Database, functions: Functions) -> None:
        busy, *free = (database.product(f"A-{n}", 99) for n in range(6))
        database.be_patient()

        async def scenario() -> None:
            async with calling(database.conninfo, pool_size=3) as caller:
                reserve = functions["reserve_stock"]
                with held(database, busy):
                    stuck = start(2, caller, reserve, one_unit(busy))
                    for _ in range(3):
                        await asyncio.gather(
                            *(caller.call(OPERATOR, reserve, one_unit(product)) for product in free * 5)
                        )
                    stuck += start(1, caller, reserve, one_unit(busy))
                    await asyncio.gather(*(caller.call(OPERATOR, reserve, one_unit(product)) for product in free))
                    assert not any(call.done() for call in stuck)
                await asyncio.gather(*stuck)

        play(scenario())
        assert database.stock(busy) == (99, 3, 0)
        assert [database.stock(product) for product in free] == [(99, 16, 0)] * 5
        database.verify()

    def test_a_batch_that_fails_as_a_whole_is_made_one_by_one(
        self, database: Database, functions: Functions, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        product = database.product(quantity=99)
        monkeypatch.setattr(
            server.database.calls, "BATCH", "select 1, false, null, null from http.batch($1) where 1 / 0 > 0"
        )

        async def scenario() -> None:
            async with calling(database.conninfo) as caller:
                await asyncio.gather(*start(9, caller, functions["reserve_stock"], one_unit(product)))

        play(scenario())
        assert database.stock(product) == (99, 9, 0)

    @pytest.mark.parametrize("number", ["null::integer", "0", "1", "99"])
    def test_of_a_call_that_a_batch_gives_no_answer_to_the_outcome_is_unknown(
        self, database: Database, functions: Functions, monkeypatch: pytest.MonkeyPatch, number: str
    ) -> None:
        first, *others = (database.product(f"A-{n}", 9) for n in range(4))
        answer = f"case number when 3 then {number} else number end, replayed, result, error"
        monkeypatch.setattr(server.database.calls, "BATCH", f"select {answer} from http.batch($1)")

        async def scenario() -> None:
            async with calling(database.conninfo) as caller:
                with held(database, first):
                    calls = start(1, caller, functions["reserve_stock"], one_unit(first))
                    await until(lambda: waiting_backends(database))
                    for product in others:
                        calls += start(1, caller, functions["reserve_stock"], one_unit(product))
                    await until(lambda: queue(caller).waiting == 3)
                outcomes = await asyncio.gather(*calls, return_exceptions=True)
                kinds = [type(outcome) for outcome in outcomes]
                assert kinds == [Answer, Answer, Answer, OutcomeUnknownError]

        play(scenario())

    def test_calls_of_one_client_are_made_in_their_order(self, database: Database, functions: Functions) -> None:
        """Whatever else goes on: each puts a unit in, takes it, and finds it."""
        products = [database.product(f"A-{n}", 0) for n in range(8)]

        async def client(caller: Caller, product: int) -> None:
            for _ in range(10):
                for name in ("add_stock", "reserve_stock", "consume_stock"):
                    await caller.call(OPERATOR, functions[name], one_unit(product))

        async def scenario() -> None:
            async with calling(database.conninfo, pool_size=2) as caller:
                await asyncio.gather(*(client(caller, product) for product in products))

        play(scenario())
        assert [database.stock(product) for product in products] == [(0, 0, 0)] * 8
        database.verify()

    def test_batches_of_two_servers_never_wait_in_a_ring(self, database: Database, functions: Functions) -> None:
        """A mix of everything, on few products, from two callers: nothing is a deadlock's victim."""
        products = [database.product(f"A-{n}", 10_000, p_cost_price=1) for n in range(6)]
        supplier = database.one("select id from inventory.create_supplier('Acme', '+254700')")
        sku_ids = {product: database.sku_id(product) for product in products}
        admin = "inventory_admin"
        # Before a batch gives up waiting: else a ring would end unseen.
        database.admin.execute(
            "do $$ begin execute format('alter role inventory_admin in database %I set deadlock_timeout = ''5ms''',"
            " current_database()); end $$"
        )

        async def client(caller: Caller, draw: random.Random) -> None:
            for _ in range(12):
                product = draw.choice(products)
                block = await caller.call(
                    admin, functions["create_block"], {"p_sku_id": sku_ids[product], "p_quantity": "1"}
                )
                block_id = (block.body or b"").split(b'"')[3].decode()
                other = str(draw.choice(products))
                for name, arguments in draw.sample(
                    [
                        ("convert_block", {"p_block_id": block_id}),
                        ("reserve_stock", one_unit(int(other))),
                        ("create_sale", {"p_product_id": other, "p_quantity": "1", "p_unit_price": "2"}),
                        ("create_inflow", {"p_supplier": supplier, "p_product": int(other), "p_quantity": 1}),
                        ("create_outflow", {"p_product": int(other), "p_quantity": 1}),
                        (
                            "place_order",
                            {
                                "p_type": "Add", "p_sku": f"A-{draw.randrange(6)}", "p_quantity": 1,
                                "p_to_location": f"RACK-A1-0{draw.randrange(9)}",
                            },
                        ),
                    ],
                    6,
                ):  # fmt: skip
                    await caller.call(admin, functions[name], arguments)

        async def scenario() -> None:
            async with calling(database.conninfo, pool_size=2) as one, calling(database.conninfo, pool_size=2) as two:
                await asyncio.gather(*(client(one if n % 2 else two, random.Random(n)) for n in range(24)))

        play(scenario())
        database.admin.execute("select pg_stat_force_next_flush()")
        assert database.one("select deadlocks from pg_stat_database where datname = current_database()") == 0
        database.verify()


class TestCommits:
    """A result comes before its transaction's end: until that, it is none."""

    def trigger(self, database: Database, body: str) -> None:
        """What happens when a reservation is committed."""
        database.admin.execute(
            "create function store.at_the_end() returns trigger language plpgsql security definer as"
            f" $$ begin {body}; return null; end $$".encode()
        )
        for (partition,) in database.rows(
            "select inhrelid::regclass::text from pg_inherits where inhparent = 'store.movement'::regclass"
        ):
            database.admin.execute(
                f"create constraint trigger at_the_end after insert on {partition} deferrable initially deferred"
                " for each row when (new.kind = 'reserve') execute function store.at_the_end()".encode()
            )

    @pytest.mark.parametrize("count", [1, 5])
    def test_what_cannot_be_committed_is_refused(self, database: Database, functions: Functions, count: int) -> None:
        product = database.product(quantity=9)
        self.trigger(database, "raise exception 'not so' using errcode = 'IV001'")

        async def scenario() -> None:
            async with calling(database.conninfo) as caller:
                for _ in range(2):
                    calls = start(count, caller, functions["reserve_stock"], one_unit(product))
                    outcomes = await asyncio.gather(*calls, return_exceptions=True)
                    assert [getattr(outcome, "sqlstate", None) for outcome in outcomes] == ["IV001"] * count
                assert (await caller.call(OPERATOR, functions["add_stock"], one_unit(product))).body is None
                assert queue(caller).open == 1

        play(scenario())
        assert database.stock(product) == (10, 0, 0)

    @pytest.mark.parametrize("count", [1, 5])
    def test_of_what_is_lost_while_it_is_committed_the_outcome_is_unknown(
        self, database: Database, functions: Functions, count: int
    ) -> None:
        product = database.product(quantity=9)
        self.trigger(database, "perform pg_sleep(60)")

        async def scenario() -> None:
            async with calling(database.conninfo) as caller:
                calls = start(count, caller, functions["reserve_stock"], one_unit(product))
                asleep = "select count(*) from pg_stat_activity where wait_event = 'PgSleep' and pid = any(%s)"
                await until(lambda: database.one(asleep, backends(database)))
                terminate(database)
                outcomes = await asyncio.gather(*calls, return_exceptions=True)
                assert [type(outcome) for outcome in outcomes] == [OutcomeUnknownError] * count

        play(scenario())
        assert database.stock(product) == (9, 0, 0)


class TestReads:
    def test_an_error_is_its_calls_alone(self, database: Database, functions: Functions) -> None:
        products = [database.product(f"A-{n}", n) for n in range(5)]

        async def scenario() -> None:
            async with calling(database.conninfo) as caller:
                get = functions["get_inventory_item"]
                ids = [*products, 9998, *products, 9999, *products] * 5
                for _ in range(3):
                    calls = [start(1, caller, get, {"p_id": str(product)})[0] for product in ids]
                    for product, outcome in zip(ids, await asyncio.gather(*calls, return_exceptions=True), strict=True):
                        if product > 9000:
                            assert isinstance(outcome, DatabaseError)
                            assert outcome.sqlstate == "IV003"
                            assert str(product) in outcome.message
                        else:
                            assert isinstance(outcome, Answer)
                            assert f'"sku":"A-{products.index(product)}"'.encode() in (outcome.body or b"")
                assert queue(caller, is_reading=True).open == 1

        play(scenario())

    def test_a_statement_that_cannot_be_prepared_is_an_error_each_time(
        self, database: Database, functions: Functions
    ) -> None:
        gone = dataclasses.replace(function("select http.no_such_function($1)", is_stable=True), is_batchable=True)

        async def scenario() -> None:
            product = database.product()
            async with calling(database.conninfo) as caller:
                for _ in range(2):
                    calls = [
                        *start(3, caller, gone, {}),
                        *start(3, caller, functions["get_product"], {"p_product_id": product}),
                    ]
                    outcomes = await asyncio.gather(*calls, return_exceptions=True)
                    assert [getattr(outcome, "sqlstate", None) for outcome in outcomes] == ["42883"] * 3 + [None] * 3
                assert queue(caller, is_reading=True).open == 1

        play(scenario())

    def test_what_takes_long_stops_nobody_else(self, database: Database, functions: Functions) -> None:
        product = database.product()
        database.be_patient()

        async def scenario() -> None:
            async with calling(database.conninfo, pool_size=3) as caller:
                with database.connect() as holder, holder.transaction():
                    holder.execute("lock table store.block in access exclusive mode")
                    stuck = start(5, caller, functions["list_blocks"], {})
                    await until(lambda: waiting_backends(database))
                    for _ in range(5):
                        await asyncio.gather(*start(9, caller, functions["get_product"], {"p_product_id": product}))
                    assert not any(call.done() for call in stuck)
                await asyncio.gather(*stuck)

        play(scenario())

    def test_a_short_one_that_takes_long_stops_nobody_who_comes_later(
        self, database: Database, functions: Functions
    ) -> None:
        product = database.product()
        database.be_patient()

        async def scenario() -> None:
            async with calling(database.conninfo, pool_size=4) as caller:
                with database.connect() as holder, holder.transaction():
                    holder.execute("lock table store.block in access exclusive mode")
                    arguments = {"p_sku_id": database.sku_id(product)}
                    # As many as there are connections for what is short.
                    stuck = start(1, caller, functions["get_sku"], arguments)
                    await until(lambda: len(waiting_backends(database)) == 1)
                    stuck += start(1, caller, functions["get_sku"], arguments)
                    await until(lambda: len(waiting_backends(database)) == 2)
                    await asyncio.gather(*start(9, caller, functions["get_product"], {"p_product_id": product}))
                    assert not any(call.done() for call in stuck)
                await asyncio.gather(*stuck)

        play(scenario())


def test_the_servers_own_reads_wait_behind_no_search(database: Database, functions: Functions) -> None:
    """Readiness is asked for while searches hold all connections that they may have, and more of them wait."""
    database.be_patient()

    async def scenario() -> None:
        async with calling(database.conninfo, pool_size=3) as caller:
            with database.connect() as holder, holder.transaction():
                holder.execute("lock table store.block in access exclusive mode")
                stuck = start(5, caller, functions["list_blocks"], {})
                await until(lambda: len(waiting_backends(database)) == 2)
                assert await caller.fetch(OPERATOR, "select $1", ["ready"]) == ["ready"]
                assert not any(call.done() for call in stuck)
            await asyncio.gather(*stuck)

    play(scenario())


def test_calls_of_the_long_lane_go_alone(database: Database, functions: Functions) -> None:
    product = database.product(quantity=9)
    database.admin.execute(NOTE_TRANSACTIONS)

    async def scenario() -> None:
        async with calling(database.conninfo) as caller:
            calls = [
                asyncio.create_task(caller.call(OPERATOR, functions["reserve_stock"], one_unit(product), kind=LONG))
                for _ in range(4)
            ]
            await asyncio.gather(*calls)
            assert (OPERATOR, WRITE) not in caller.queues()

    play(scenario())
    assert noted(database) == [1, 1, 1, 1]
