"""What README.md guarantees, with a batch function that is not the inventory's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

import pgcalls.client
from pgcalls import READ, SLOW, WRITE, Call, Client, DatabaseError, OutcomeUnknownError, UnavailableError

Admin = psycopg.Connection[Any]
Make = Callable[..., Any]
Play = Callable[[Any], None]

BACKENDS = "from pg_stat_activity where application_name = 'pgcalls'"


def note(client: Client, number: int, *, is_batchable: bool = True) -> asyncio.Future[Any]:
    argument = b'{"id": %d}' % number
    call = Call("select null, note($1)", [argument], is_batchable=is_batchable, item=argument)
    return client.queue("postgres", WRITE).put(call)


def read(client: Client, expression: str) -> asyncio.Future[Any]:
    return client.queue("postgres", READ).put(Call(f"select {expression}", [], is_batchable=True))


def rows(admin: Admin, query: str) -> list[Any]:
    return [row[0] if len(row) == 1 else row for row in admin.execute(query.encode())]


@contextmanager
def held(admin: Admin, number: int) -> Iterator[None]:
    """Hold what a note of this number waits for."""
    admin.execute("select pg_advisory_lock(%s)", [number])
    yield
    admin.execute("select pg_advisory_unlock(%s)", [number])


@contextmanager
def waiting_for_a_standby(admin: Admin) -> Iterator[None]:
    """Each commit waits for a standby that is not there."""
    settings = {"synchronous_commit": "on", "synchronous_standby_names": "nobody"}
    admin.execute("set synchronous_commit = off")
    for name, value in settings.items():
        admin.execute(f"alter system set {name} = {value}".encode())
    admin.execute("select pg_reload_conf()")
    try:
        yield
    finally:
        for name in settings:
            admin.execute(f"alter system reset {name}".encode())
        admin.execute("select pg_reload_conf()")


async def until(condition: Callable[[], Any]) -> None:
    while not condition():  # noqa: ASYNC110 - of another process
        await asyncio.sleep(0.005)


def waits(admin: Admin) -> list[Any]:
    return rows(admin, f"select pid {BACKENDS} and wait_event_type = 'Lock'")


def test_calls_that_arrive_while_a_connection_is_busy_are_one_batch(client: Make, admin: Admin, play: Play) -> None:
    async def scenario() -> None:
        async with client() as made:
            with held(admin, 1):
                calls = [note(made, 1)]
                await until(lambda: waits(admin))
                calls += [note(made, number) for number in (2, 13, 4)]
            found = await asyncio.gather(*calls, return_exceptions=True)
            queue = made.queue("postgres", WRITE)
        assert [row for row in found if isinstance(row, tuple)] == [(None, b"noted %d" % n) for n in (1, 2, 4)]
        assert isinstance(found[2], DatabaseError)
        assert found[2].sqlstate == "P0013"
        assert queue.stats.widths.buckets()[:3] == [("1.0", 1), ("2.0", 1), ("4.0", 2)]
        assert queue.stats.waited.buckets()[-1] == ("+Inf", 4)

    play(scenario())
    assert rows(admin, "select array_agg(id order by id) from noted group by transaction order by 1") == [[1], [2, 4]]


def test_reads_share_a_pipeline_and_no_error(client: Make, play: Play) -> None:
    async def scenario() -> None:
        async with client() as made:
            expressions = ("pg_sleep(0.2)", "1", "1 / 0", "no_such_column", "2")
            found = await asyncio.gather(*(read(made, each) for each in expressions), return_exceptions=True)
        states = [each.sqlstate if isinstance(each, DatabaseError) else each for each in found]
        assert states == [(b"",), (b"1",), "22012", "42703", (b"2",)]

    play(scenario())


@pytest.mark.parametrize(("is_read", "error"), [(True, UnavailableError), (False, OutcomeUnknownError)])
def test_a_lost_connection_leaves_a_write_unknown_and_a_read_not_made(
    client: Make, admin: Admin, play: Play, is_read: bool, error: type[Exception]
) -> None:
    async def scenario() -> None:
        async with client() as made:
            with held(admin, 1):
                call = read(made, "pg_sleep(60)") if is_read else note(made, 1)
                await until(lambda: rows(admin, f"select pid {BACKENDS} and state = 'active'"))
                rows(admin, f"select pg_terminate_backend(pid, 10000) {BACKENDS}")
                with pytest.raises((error, DatabaseError)) as caught:
                    await call
            # A backend that is told to end says so first: then nothing was done.
            assert not isinstance(caught.value, DatabaseError) or caught.value.sqlstate == "57P01"

    play(scenario())
    assert rows(admin, "select id from noted") == []


@pytest.mark.parametrize("end", ["pg_cancel_backend(pid)", "pg_terminate_backend(pid)"])
def test_a_commit_that_gives_up_to_wait_for_a_standby_is_unknown(
    client: Make, admin: Admin, play: Play, end: str
) -> None:
    async def scenario() -> None:
        async with client() as made:
            call = note(made, 1)
            await until(lambda: rows(admin, f"select {end} {BACKENDS} and wait_event = 'SyncRep'"))
            with pytest.raises(OutcomeUnknownError):
                await call

    with waiting_for_a_standby(admin):
        play(scenario())
    assert rows(admin, "select id from noted") == [1]


def test_a_batch_that_says_nothing_of_a_call_leaves_it_unknown(client: Make, admin: Admin, play: Play) -> None:
    async def scenario() -> None:
        async with client() as made:
            with held(admin, 1):
                calls = [note(made, 1)]
                await until(lambda: waits(admin))
                calls += [note(made, 404), note(made, 3)]
            found = await asyncio.gather(*calls, return_exceptions=True)
            assert made.queue("postgres", WRITE).stats.unknown == 1
        assert isinstance(found[1], OutcomeUnknownError)
        assert found[2] == (None, b"noted 3")

    play(scenario())


def test_a_call_that_a_batch_cannot_wait_for_is_made_alone(client: Make, admin: Admin, play: Play) -> None:
    async def scenario() -> None:
        async with client(connections=3) as made:
            queue = made.queue("postgres", WRITE)
            with held(admin, 7):
                with held(admin, 1):
                    calls = [note(made, 1)]
                    await until(lambda: waits(admin))
                    calls += [note(made, 7), note(made, 8)]
                assert await calls[2] == (None, b"noted 8")
                await until(lambda: queue.stats.handed_back == 1)
                assert not calls[1].done()
            assert await calls[1] == (None, b"noted 7")

    play(scenario())
    assert sorted(rows(admin, "select id from noted")) == [1, 7, 8]


def test_what_cannot_wait_is_refused_and_says_why(client: Make, admin: Admin, play: Play) -> None:
    async def scenario() -> None:
        async with client(calls=1, wait_seconds=0.3) as made:
            queue = made.queue("postgres", WRITE)
            await note(made, 99)
            with held(admin, 1):
                first = note(made, 1)
                await until(lambda: waits(admin))
                late = note(made, 2)
                with pytest.raises(UnavailableError, match="Too many") as full:
                    note(made, 3)
                with pytest.raises(UnavailableError, match="too long"):
                    await late
            await first
            assert full.value.reason == "full"
            assert queue.stats.refused == {"full": 1, "late": 1, "unreachable": 0, "stopping": 0}
            await made.close()
            with pytest.raises(UnavailableError, match="stops"):
                note(made, 4)

    play(scenario())


def test_nobody_waits_for_a_database_that_is_not_there(play: Play) -> None:
    async def scenario() -> None:
        limits = pgcalls.client.Limits(1, 10, 30)
        made = Client("host=/nowhere dbname=x", None, limits, batch="", name="pgcalls")
        for _ in range(2):
            with pytest.raises(UnavailableError, match="cannot be reached"):
                await read(made, "1")
        assert made.queue("postgres", READ).stats.refused["unreachable"] == 2
        await made.close()

    play(scenario())


def test_a_connection_is_replaced_at_the_end_of_its_life(
    client: Make, play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(lives: int) -> None:
        async with client() as made:
            pids = []
            for _ in range(3):
                pids.append(await read(made, "pg_backend_pid()"))
                await asyncio.sleep(0.2)  # twice its life
        assert len(set(pids)) == lives

    play(scenario(1))
    monkeypatch.setattr(pgcalls.client, "LIFE_SECONDS", 0.1)
    play(scenario(3))


def test_slow_calls_have_connections_of_their_own(client: Make, admin: Admin, play: Play) -> None:
    async def scenario() -> None:
        async with client(connections=4) as made:
            with held(admin, 1):
                slow = [
                    made.queue("postgres", SLOW).put(Call("select null, note($1)", [b'{"id": 1}'])) for _ in range(20)
                ]
                await until(lambda: len(waits(admin)) == pgcalls.client.FEW_CONNECTIONS)
                assert await note(made, 2) == (None, b"noted 2")
                assert len(waits(admin)) == pgcalls.client.FEW_CONNECTIONS
            await asyncio.gather(*slow)

    play(scenario())
