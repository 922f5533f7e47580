"""The caller, on a database that fails under it: nothing is sent twice, nothing is lost, nobody waits for nothing."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Any

import pytest
from psycopg import sql

import pgcalls.client
import server.database.calls
from pgcalls import DatabaseError, OutcomeUnknownError, UnavailableError
from pgcalls.queue import RETRIES, Queue
from server.database.calls import Database as Caller
from server.database.calls import Key
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

# Fails for the first p_failures calls, whose number no rollback takes back.
FLAKY = """
create sequence store.attempts;
create function http.flaky(p_failures integer, p_sqlstate text) returns json language plpgsql security definer as $$
begin
    if nextval('store.attempts') <= p_failures then
        raise exception using errcode = p_sqlstate, message = 'once more';
    end if;
    return to_json(currval('store.attempts'));
end;
$$;
"""
REFUSE = """
create function http.refuse() returns json language plpgsql as $$
begin
    raise exception using
        errcode = 'IV001', message = 'A sentence.', detail = '{"available": 1.50}', hint = 'A hint.',
        constraint = 'a_name';
end;
$$;
"""

ECHO = function("select $1::json")
FLAKY_CALL = function(
    "select http.flaky(a.p_failures, a.p_sqlstate) from jsonb_to_record($1::jsonb) as a"
    " (p_failures integer, p_sqlstate text)"
)


class TestAnswers:
    """What the database says arrives as it is."""

    def test_the_answer_is_the_text_that_the_database_wrote(self, database: Database) -> None:
        text = '{"price": 1.10,  "huge": 12345678901234567890.000100, "name": "Grüße \\u00e9"}'

        async def scenario() -> None:
            async with calling(database.conninfo) as caller:
                answer = await caller.call(
                    OPERATOR, function(f"select '{text}'::json from (select $1::jsonb) as a"), {}
                )
                assert answer.body == text.encode()
                assert not answer.is_replayed
                nothing = await caller.call(OPERATOR, function("select null::json from (select $1::jsonb) as a"), {})
                assert nothing.body is None

        play(scenario())

    def test_an_argument_of_none_is_left_out(self, database: Database) -> None:
        async def scenario() -> None:
            async with calling(database.conninfo) as caller:
                answer = await caller.call(OPERATOR, ECHO, {"p_a": None, "p_b": "", "p_c": [{"d": None}], "p_e": False})
                assert answer.body == b'{"p_b": "", "p_c": [{"d": null}], "p_e": false}'

        play(scenario())

    def test_a_refusal_carries_all_that_the_database_said(self, database: Database) -> None:
        database.admin.execute(REFUSE)

        async def scenario() -> None:
            async with calling(database.conninfo) as caller:
                call = caller.call(OPERATOR, function("select http.refuse() from (select $1::jsonb) as a"), {})
                with pytest.raises(DatabaseError) as caught:
                    await call
                error = caught.value
                assert (error.sqlstate, error.message, error.hint) == ("IV001", "A sentence.", "A hint.")
                assert (error.detail, error.constraint) == ('{"available": 1.50}', "a_name")
                assert error.data == {"available": 1.5}
                assert not error.is_replayed

        play(scenario())

    def test_a_refusal_under_a_key_is_told_the_same_way_again(
        self, database: Database, functions: dict[str, Function]
    ) -> None:
        product = database.product()

        async def scenario() -> None:
            async with calling(database.conninfo) as caller:
                errors = []
                for key in (None, Key("me", "key", "request"), Key("me", "key", "request")):
                    with pytest.raises(DatabaseError) as caught:
                        await caller.call(OPERATOR, functions["reserve_stock"], one_unit(product), key)
                    errors.append(caught.value)
                said = [(e.sqlstate, e.message, e.data, e.hint, e.constraint) for e in errors]
                assert said[0][0] == "IV001"
                assert said[0] == said[1] == said[2]
                assert [e.is_replayed for e in errors] == [False, False, True]

        play(scenario())

    def test_what_is_declared_to_read_cannot_write(self, database: Database, functions: dict[str, Function]) -> None:
        product = database.product(quantity=1)
        before = database.counts()

        async def scenario() -> None:
            async with calling(database.conninfo) as caller:
                with pytest.raises(DatabaseError) as caught:
                    await caller.call(
                        OPERATOR, dataclasses.replace(functions["reserve_stock"], is_stable=True), one_unit(product)
                    )
                assert caught.value.sqlstate == "25006"
                assert database.counts() == before
                await caller.call(OPERATOR, functions["reserve_stock"], one_unit(product))

        play(scenario())
        assert database.stock(product) == (1, 1, 0)


class TestRetries:
    """Only what PostgreSQL says that it undid is tried again, and not for ever."""

    def attempts(self, database: Database, failures: int, sqlstate: str) -> tuple[int, str | None]:
        """How often a call was sent that fails so often, and with what it failed in the end."""
        database.admin.execute(FLAKY)
        outcome: list[str | None] = []

        async def scenario() -> None:
            async with calling(database.conninfo) as caller:
                try:
                    await caller.call(OPERATOR, FLAKY_CALL, {"p_failures": failures, "p_sqlstate": sqlstate})
                except DatabaseError as error:
                    outcome.append(error.sqlstate)
                else:
                    outcome.append(None)
                assert queue(caller).open == 1

        play(scenario())
        return database.one("select last_value from store.attempts"), outcome[0]

    @pytest.mark.parametrize("sqlstate", ["40001", "40P01"])
    def test_a_conflict_is_tried_again(self, database: Database, sqlstate: str) -> None:
        assert self.attempts(database, RETRIES - 1, sqlstate) == (RETRIES, None)

    @pytest.mark.parametrize("sqlstate", ["40001", "40P01"])
    def test_a_conflict_that_does_not_end_is_given_up(self, database: Database, sqlstate: str) -> None:
        assert self.attempts(database, 1000, sqlstate) == (RETRIES, sqlstate)

    @pytest.mark.parametrize("sqlstate", ["IV001", "23505", "40002", "40003", "53200", "55P03", "57014", "XX000"])
    def test_nothing_else_is_tried_again(self, database: Database, sqlstate: str) -> None:
        assert self.attempts(database, 1, sqlstate) == (1, sqlstate)

    @pytest.mark.parametrize(("setting", "sqlstate"), [("statement_timeout", "57014"), ("lock_timeout", "55P03")])
    def test_a_call_that_the_database_stopped_waiting_for_is_an_error_and_its_connection_goes_on(
        self, database: Database, functions: dict[str, Function], setting: str, sqlstate: str
    ) -> None:
        product = database.product(quantity=2)
        database.admin.execute(
            f"do $$ begin execute format('alter role {OPERATOR} in database %I set {setting} = ''100ms''',"
            " current_database()); end $$".encode()
        )

        async def scenario() -> None:
            async with calling(database.conninfo) as caller:
                with held(database, product), pytest.raises(DatabaseError) as caught:
                    await caller.call(OPERATOR, functions["reserve_stock"], one_unit(product))
                assert caught.value.sqlstate == sqlstate
                (backend,) = backends(database)
                await caller.call(OPERATOR, functions["reserve_stock"], one_unit(product))
                assert backends(database) == [backend]

        play(scenario())
        assert database.stock(product) == (2, 1, 0)
        database.verify()


class TestLostConnections:
    """A connection that is lost leaves its call's outcome open: it is said so, and nothing is sent again."""

    def test_a_write_has_no_known_outcome_and_is_not_sent_again(
        self, database: Database, functions: dict[str, Function]
    ) -> None:
        product = database.product(quantity=5)
        before = database.counts()

        async def scenario() -> None:
            async with calling(database.conninfo) as caller:
                with held(database, product):
                    (call,) = start(1, caller, functions["reserve_stock"], one_unit(product))
                    await until(lambda: waiting_backends(database))
                    assert terminate(database) == 1
                    with pytest.raises(OutcomeUnknownError):
                        await call
                assert queue(caller).open == 0
                assert backends(database) == []
                assert database.counts() == before
                await caller.call(OPERATOR, functions["reserve_stock"], one_unit(product))

        play(scenario())
        assert database.stock(product) == (5, 1, 0)
        database.verify()

    def test_a_server_that_says_nothing_is_given_up(
        self, database: Database, functions: dict[str, Function], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Whatever holds it up: here a lock does, where a statement's time-out would come later."""
        product, other = database.product(quantity=5), database.product("B-1", 5)
        monkeypatch.setattr(pgcalls.client, "ANSWER_SECONDS", 0.1)

        async def scenario() -> None:
            async with calling(database.conninfo) as caller:
                with held(database, product):
                    with pytest.raises(OutcomeUnknownError):
                        await caller.call(OPERATOR, functions["reserve_stock"], one_unit(product))
                    assert queue(caller).open == 0
                    await caller.call(OPERATOR, functions["reserve_stock"], one_unit(other))

        play(scenario())
        assert database.stock(other) == (5, 1, 0)
        database.verify()

    @pytest.mark.parametrize("is_reading", [False, True], ids=["write", "read"])
    def test_a_warning_and_the_end_may_come_as_one_event(
        self, database: Database, functions: dict[str, Function], is_reading: bool
    ) -> None:
        """A backend that ends after a crash leaves its input unread. uvloop then calls a reader once, and no more."""
        product = database.product(quantity=5)
        name, arguments, error = "reserve_stock", one_unit(product), OutcomeUnknownError
        if is_reading:
            name, arguments, error = "get_sku", {"p_sku_id": database.sku_id(product)}, UnavailableError

        async def scenario() -> None:
            async with Proxy(database.conninfo) as proxy, calling(proxy.conninfo) as caller:
                await caller.call(OPERATOR, functions[name], arguments)
                before = database.stock(product)
                proxy.stop_reading()
                (call,) = start(1, caller, functions[name], arguments)
                await proxy.crash()
                with pytest.raises(error):
                    await call
                assert queue(caller, is_reading=is_reading).open == 0
                assert database.stock(product) == before
                # Its descriptor's number is the next connection's, which is heard.
                await caller.call(OPERATOR, functions[name], arguments)

        play(scenario())
        database.verify()

    def test_an_overdue_answer_is_given_up_whatever_the_loop_does(
        self, database: Database, functions: dict[str, Function], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        product = database.product(quantity=5)
        reserve = functions["reserve_stock"]

        async def scenario() -> None:
            async with calling(database.conninfo) as caller:
                await caller.call(OPERATOR, reserve, one_unit(product))
                (connection,) = queue(caller)._idle
                asyncio.get_running_loop().remove_reader(connection._fileno)
                with pytest.raises(OutcomeUnknownError):
                    await caller.call(OPERATOR, reserve, one_unit(product))
                await caller.call(OPERATOR, reserve, one_unit(product))

        monkeypatch.setattr(pgcalls.client, "ANSWER_SECONDS", 0.1)
        play(scenario())
        assert database.stock(product)[1] in (2, 3)
        database.verify()

    def test_results_that_are_out_of_step_are_a_lost_connection(
        self, database: Database, functions: dict[str, Function]
    ) -> None:
        product = database.product(quantity=9)

        class OutOfStep:
            """A connection that has nothing more to give, whatever is expected of it."""

            def __init__(self, pgconn: Any) -> None:
                self._pgconn = pgconn

            def __getattr__(self, name: str) -> Any:
                return getattr(self._pgconn, name)

            def get_result(self) -> None:
                self._pgconn.get_result()

        async def scenario() -> None:
            async with calling(database.conninfo) as caller:
                reserve = functions["reserve_stock"]
                await caller.call(OPERATOR, reserve, one_unit(product))
                (connection,) = queue(caller)._idle
                connection._pgconn = OutOfStep(connection._pgconn)
                with pytest.raises(OutcomeUnknownError):
                    await caller.call(OPERATOR, reserve, one_unit(product))
                await caller.call(OPERATOR, reserve, one_unit(product))

        play(scenario())
        assert database.stock(product) == (9, 3, 0)

    def test_a_read_is_unavailable(self, database: Database, functions: dict[str, Function]) -> None:
        arguments = {"p_sku_id": database.sku_id(database.product())}

        async def scenario() -> None:
            async with calling(database.conninfo) as caller:
                with database.connect() as holder, holder.transaction():
                    holder.execute("lock table store.product in access exclusive mode")
                    (call,) = start(1, caller, functions["get_sku"], arguments)
                    await until(lambda: waiting_backends(database))
                    terminate(database)
                    with pytest.raises(UnavailableError):
                        await call
                assert (await caller.call(OPERATOR, functions["get_sku"], arguments)).body

        play(scenario())

    @pytest.mark.parametrize("key", [None, Key("me", "key", "request")], ids=["no key", "key"])
    def test_a_write_that_was_done_but_whose_answer_was_lost_is_done_once(
        self, database: Database, functions: dict[str, Function], key: Key | None
    ) -> None:
        product = database.product(quantity=5)
        reserve = functions["reserve_stock"]

        async def scenario() -> None:
            async with Proxy(database.conninfo) as proxy, calling(proxy.conninfo) as caller:
                # Prepares the statement, so that the next message executes it.
                warm_up = key and dataclasses.replace(key, key="warm up")
                await caller.call(OPERATOR, reserve, {"p_id": str(product), "p_amount": "0"}, warm_up)
                proxy.loses_answers = True
                with pytest.raises(OutcomeUnknownError):
                    await caller.call(OPERATOR, reserve, one_unit(product), key)
                await until(lambda: database.stock(product) == (5, 1, 0))
                proxy.loses_answers = False
                if key is not None:
                    assert (await caller.call(OPERATOR, reserve, one_unit(product), key)).is_replayed

        play(scenario())
        assert database.stock(product) == (5, 1, 0)
        assert database.one("select count(*) from store.movement where kind = 'reserve'") == 1
        database.verify()

    def test_a_write_under_a_key_that_was_not_done_is_done_by_its_repetition(
        self, database: Database, functions: dict[str, Function]
    ) -> None:
        product = database.product(quantity=5)
        key = Key("me", "key", "request")

        async def scenario() -> None:
            async with calling(database.conninfo) as caller:
                with held(database, product):
                    (call,) = start(1, caller, functions["reserve_stock"], one_unit(product), key)
                    await until(lambda: waiting_backends(database))
                    terminate(database)
                    with pytest.raises(OutcomeUnknownError):
                        await call
                answer = await caller.call(OPERATOR, functions["reserve_stock"], one_unit(product), key)
                assert not answer.is_replayed

        play(scenario())
        assert database.stock(product) == (5, 1, 0)
        database.verify()

    def test_idle_connections_that_the_server_closed_are_noticed_before_they_are_used(
        self, database: Database, functions: dict[str, Function]
    ) -> None:
        product = database.product(quantity=9)

        async def reserve(caller: Caller) -> None:
            with held(database, product):
                calls = start(2, caller, functions["reserve_stock"], one_unit(product))
                await until(lambda: len(waiting_backends(database)) == 2)
            await asyncio.gather(*calls)

        async def scenario() -> None:
            async with calling(database.conninfo, pool_size=3) as caller:
                await reserve(caller)
                ended = terminate(database)
                assert ended >= 2
                await reserve(caller)
                # Another connection may be on its way.
                await until(lambda: 2 <= queue(caller).open == len(backends(database)) <= 3)

        play(scenario())
        assert database.stock(product) == (9, 4, 0)
        database.verify()

    def test_who_waits_for_a_connection_that_breaks_connects_anew(
        self, database: Database, functions: dict[str, Function]
    ) -> None:
        product = database.product(quantity=9)

        async def scenario() -> None:
            async with calling(database.conninfo) as caller:
                with held(database, product):
                    calls = start(3, caller, functions["reserve_stock"], one_unit(product))
                    await until(lambda: waiting_backends(database) and queue(caller).waiting == 2)
                    (first,) = backends(database)
                    terminate(database)
                    await until(lambda: waiting_backends(database))
                    assert backends(database) != [first]
                outcomes = await asyncio.gather(*calls, return_exceptions=True)
                assert isinstance(outcomes[0], OutcomeUnknownError)
                assert [type(outcome).__name__ for outcome in outcomes[1:]] == ["Answer", "Answer"]

        play(scenario())
        assert database.stock(product) == (9, 2, 0)
        database.verify()


class TestQueue:
    """The queue is bounded in length and in time, and a connection is never lost in it."""

    def test_many_calls_share_one_connection(self, database: Database, functions: dict[str, Function]) -> None:
        product = database.product(quantity=100)

        async def scenario() -> None:
            async with calling(database.conninfo, pool_size=2) as caller:
                await asyncio.gather(
                    *(caller.call(OPERATOR, functions["reserve_stock"], one_unit(product)) for _ in range(50))
                )
                assert queue(caller).open == len(backends(database)) == 1
                assert queue(caller).waiting == 0

        play(scenario())
        assert database.stock(product) == (100, 50, 0)

    def test_a_full_queue_refuses_at_once_while_others_wait(
        self, database: Database, functions: dict[str, Function]
    ) -> None:
        product = database.product(quantity=9)

        async def scenario() -> None:
            async with calling(database.conninfo, queue_size=2) as caller:
                with held(database, product):
                    calls = start(3, caller, functions["reserve_stock"], one_unit(product))
                    await until(lambda: waiting_backends(database) and queue(caller).waiting == 2)
                    for _ in range(5):
                        with pytest.raises(UnavailableError):
                            await caller.call(OPERATOR, functions["reserve_stock"], one_unit(product))
                    assert not any(call.done() for call in calls)
                    # A full queue of writes stops no read.
                    assert (await caller.call(OPERATOR, functions["list_blocks"], {})).body
                await asyncio.gather(*calls)

        play(scenario())
        assert database.stock(product) == (9, 3, 0)

    def test_who_waits_too_long_is_told_so_and_the_others_go_on(
        self, database: Database, functions: dict[str, Function]
    ) -> None:
        product = database.product(quantity=9)

        async def scenario() -> None:
            async with calling(database.conninfo, queue_seconds=0.1) as caller:
                with held(database, product):
                    (call,) = start(1, caller, functions["reserve_stock"], one_unit(product))
                    await until(lambda: waiting_backends(database))
                    with pytest.raises(UnavailableError):
                        await caller.call(OPERATOR, functions["reserve_stock"], one_unit(product))
                    assert queue(caller).waiting == 0
                    assert not call.done()
                await call
                await caller.call(OPERATOR, functions["reserve_stock"], one_unit(product))
                assert queue(caller).open == 1

        play(scenario())
        assert database.stock(product) == (9, 2, 0)

    def test_who_gives_up_waiting_takes_no_connection_along(
        self, database: Database, functions: dict[str, Function]
    ) -> None:
        product = database.product(quantity=9)

        async def scenario() -> None:
            async with calling(database.conninfo) as caller:
                with held(database, product):
                    (call,) = start(1, caller, functions["reserve_stock"], one_unit(product))
                    await until(lambda: waiting_backends(database))
                    (waiter,) = start(1, caller, functions["reserve_stock"], one_unit(product))
                    await until(lambda: queue(caller).waiting == 1)
                    waiter.cancel()
                    with pytest.raises(asyncio.CancelledError):
                        await waiter
                    assert queue(caller).waiting == 0
                await call
                await caller.call(OPERATOR, functions["reserve_stock"], one_unit(product))

        play(scenario())
        assert database.stock(product) == (9, 2, 0)

    @pytest.mark.parametrize("turns", range(4))
    def test_who_gives_up_in_the_moment_of_being_served_passes_the_connection_on(
        self, database: Database, functions: dict[str, Function], turns: int
    ) -> None:
        """``turns``: of the event loop between the end of the call before and the giving up."""
        product = database.product(quantity=9)

        async def scenario() -> None:
            loop = asyncio.get_running_loop()

            def give_up(left: int) -> None:
                if left:
                    loop.call_soon(give_up, left - 1)
                else:
                    calls[1].cancel()

            async with calling(database.conninfo) as caller:
                with held(database, product):
                    calls = start(3, caller, functions["reserve_stock"], one_unit(product))
                    await until(lambda: waiting_backends(database) and queue(caller).waiting == 2)
                    calls[0].add_done_callback(lambda _: give_up(turns))
                outcomes = await asyncio.gather(*calls, return_exceptions=True)
                first, second, third = (type(outcome).__name__ for outcome in outcomes)
                # On a slow machine its answer may be there by then.
                assert (first, third) == ("Answer", "Answer")
                assert second in ("CancelledError", "Answer")
                await caller.call(OPERATOR, functions["reserve_stock"], one_unit(product))
                assert (queue(caller).open, queue(caller).waiting) == (1, 0)

        play(scenario())
        database.verify()

    def test_a_call_that_is_given_up_under_way_is_done_all_the_same_and_leaves_its_connection_to_the_next(
        self, database: Database, functions: dict[str, Function]
    ) -> None:
        product = database.product(quantity=9)

        async def scenario() -> None:
            async with calling(database.conninfo) as caller:
                with held(database, product):
                    calls = start(2, caller, functions["reserve_stock"], one_unit(product))
                    await until(lambda: waiting_backends(database) and queue(caller).waiting == 1)
                    calls[0].cancel()
                    with pytest.raises(asyncio.CancelledError):
                        await calls[0]
                await calls[1]
                await caller.call(OPERATOR, functions["reserve_stock"], one_unit(product))
                assert (queue(caller).open, queue(caller).waiting) == (1, 0)

        play(scenario())
        assert database.stock(product) == (9, 3, 0)
        database.verify()


def test_who_waits_behind_a_connection_that_could_not_be_made_goes_when_it_can(
    database: Database, functions: dict[str, Function], caplog: pytest.LogCaptureFixture
) -> None:
    """Though nobody else calls."""
    first, second = database.product("A-1", 9), database.product("A-2", 9)
    database.be_patient()

    async def scenario() -> None:
        async with calling(database.conninfo, pool_size=3) as caller:
            await caller.call(OPERATOR, functions["reserve_stock"], one_unit(first))
            limit_connections(database, 0)
            with held(database, first):
                stuck = start(1, caller, functions["reserve_stock"], one_unit(first))
                await until(lambda: waiting_backends(database))
                other = start(1, caller, functions["reserve_stock"], one_unit(second))
                await until(lambda: "cannot connect" in caplog.text)
                limit_connections(database, -1)
                await asyncio.gather(*other)
                assert not any(call.done() for call in stuck)
            await asyncio.gather(*stuck)

    play(scenario())


def limit_connections(database: Database, count: int) -> None:
    """How many the database takes beside the superuser's; -1: any number."""
    name = sql.Identifier(str(database.admin.info.dbname))
    database.admin.execute(sql.SQL("alter database {} connection limit {}").format(name, sql.Literal(count)))


def test_a_call_that_nothing_below_ends_has_a_deadline(
    database: Database, functions: dict[str, Function], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last line of defence: here a queue forgets the call."""
    product = database.product(quantity=5)
    monkeypatch.setattr(server.database.calls, "DEADLINE_SECONDS", 0.1)
    monkeypatch.setattr(server.database.calls, "SWEEP_SECONDS", 0.05)
    monkeypatch.setattr(Queue, "_dispatch", lambda _: None)
    monkeypatch.setattr(Queue, "_refuse_overdue", lambda _: None)

    async def scenario() -> None:
        async with calling(database.conninfo, queue_seconds=0.1) as caller:
            with pytest.raises(OutcomeUnknownError, match="in time"):
                await caller.call(OPERATOR, functions["reserve_stock"], one_unit(product))

    play(scenario())
