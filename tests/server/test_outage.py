"""A database that is down or dies under a call, as the caller and its clients see it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import struct
from collections import Counter
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from pgcalls import OutcomeUnknownError, UnavailableError
from server.database import interface
from tests.conftest import Database, InThread, Server
from tests.server.conftest import (
    OPERATOR,
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
from tools.cluster import Cluster
from tools.scratch import scratch_cluster

WAITING = "select count(*) from pg_stat_activity where wait_event = 'advisory'"


@pytest.fixture
def own_cluster() -> Iterator[Cluster]:
    """A cluster of the test's own that the test may stop. What it has acknowledged outlives it."""
    with scratch_cluster(synchronous_commit="on") as cluster:
        yield cluster


def ask(cluster: Cluster, query: str) -> Any:
    """The first column of the first row."""
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        row = connection.execute(query.encode()).fetchone()
    return row and row[0]


class TestCaller:
    """Calls on a database that is down are errors at once, and it is used again as soon as it is back."""

    def test_down_and_up_again(self, own_cluster: Cluster, caplog: pytest.LogCaptureFixture) -> None:
        answer_1 = function("select to_json(1) from (select $1::jsonb) as a")
        wait_for_lock = function("select to_json(1) from (select $1::jsonb) as a, pg_advisory_xact_lock(1)")

        async def scenario() -> None:
            async with calling(own_cluster.dsn(), queue_size=1000) as caller:
                with psycopg.connect(own_cluster.dsn(), autocommit=True) as holder:
                    # No login may take one: here is what waits like a row's lock, and needs no row.
                    holder.execute("grant execute on function pg_advisory_xact_lock(bigint) to public")
                    holder.execute("select pg_advisory_lock(1)")
                    calls = start(100, caller, wait_for_lock, {})
                    await until(lambda: ask(own_cluster, WAITING) == 1)
                    assert queue(caller).waiting == 99
                    own_cluster.stop()
                # The one under way and those in the queue, whose time would not pass here; then those that come later.
                outcomes = Counter(type(outcome) for outcome in await asyncio.gather(*calls, return_exceptions=True))
                assert outcomes == {OutcomeUnknownError: 1, UnavailableError: 99}
                for _ in range(3):
                    calls = start(100, caller, answer_1, {})
                    outcomes = Counter(type(each) for each in await asyncio.gather(*calls, return_exceptions=True))
                    assert outcomes == {UnavailableError: 100}
                assert (queue(caller).open, queue(caller).waiting) == (0, 0)
                # Most were told without another try to connect.
                assert 1 <= sum("cannot connect" in record.message for record in caplog.records) < 40

                own_cluster.start()
                while True:
                    with contextlib.suppress(UnavailableError):
                        await caller.call(OPERATOR, answer_1, {})
                        break
                    await asyncio.sleep(0.01)
                answers = await asyncio.gather(*start(100, caller, answer_1, {}))
                assert {answer.body for answer in answers} == {b"1"}
                assert queue(caller).open == 1

        play(scenario())

    def test_a_crash_under_writes_keeps_what_was_acknowledged(self, own_cluster: Cluster) -> None:
        functions = interface.read(ask(own_cluster, "select http.catalog()::text")).functions
        product = ask(own_cluster, "select id from inventory.create_product('A-1', 'Product', p_quantity => 100000)")
        done: list[None] = []
        unknown: list[None] = []

        async def scenario() -> None:
            is_down = asyncio.Event()
            async with calling(own_cluster.dsn(), pool_size=4) as caller:

                async def insist() -> None:
                    while not is_down.is_set():
                        try:
                            await caller.call(OPERATOR, functions["reserve_stock"], one_unit(product))
                            done.append(None)
                        except OutcomeUnknownError:
                            unknown.append(None)
                            is_down.set()
                        except UnavailableError:
                            is_down.set()

                calls = [asyncio.create_task(insist()) for _ in range(4)]
                await until(lambda: len(done) >= 40)
                # One process of the server dies: it ends all the others, and recovers.
                victim = ask(
                    own_cluster, "select pid from pg_stat_activity where application_name = 'inventory' limit 1"
                )
                os.kill(victim, signal.SIGKILL)
                await asyncio.gather(*calls)

        play(scenario())
        own_cluster.start()  # returns when it has recovered
        reserved = ask(own_cluster, "select reserved from store.stock")
        assert len(done) <= reserved <= len(done) + len(unknown)
        assert reserved == ask(own_cluster, "select count(*) from store.movement where kind = 'reserve'")
        assert ask(own_cluster, "select count(*) from maintenance.verify()") == 0


@contextlib.contextmanager
def gone(database: Database) -> Iterator[None]:
    """The database ends the server's connections, and lets nobody in."""
    with psycopg.connect(make_conninfo(database.conninfo, dbname="postgres"), autocommit=True) as connection:
        name = database.one("select quote_ident(current_database())")
        connection.execute(f"alter database {name} allow_connections false".encode())
        try:
            terminate(database)
            yield
        finally:
            connection.execute(f"alter database {name} allow_connections true".encode())


class TestOverHttp:
    """Clients are told what happened: nothing was done, or nobody knows."""

    def test_unavailable_in_each_apis_form_and_back_again(self, database: Database, server: Server) -> None:
        product = database.product(quantity=5)
        database.one("select maintenance.create_user('root', 'secret', 'admin')")
        admin = server.client(server.token("root", "secret"))
        client = server.client()
        sku_id = database.sku_id(product)
        requests: list[tuple[str, str, Any]] = [
            ("GET", f"/sku/{sku_id}", None),
            ("POST", f"/sku/{sku_id}/temporary-block", {"quantity": 1}),
            ("GET", f"/api/v1/inventory/{product}", None),
            ("POST", f"/api/v1/inventory/{product}/addStock", {"amount": 1}),
            ("GET", "/api/v1/users/", None),
            ("POST", "/api/v1/authentication/token/", {"username": "root", "password": "secret"}),
        ]
        before = database.counts()
        assert client.get("/ready").status_code == 200

        with gone(database):
            for method, path, body in requests:
                for headers in ({}, {"Idempotency-Key": path}):
                    answer = admin.request(method, path, json=body, headers=headers)
                    assert answer.status_code == 503
                    assert int(answer.headers["Retry-After"]) >= 1
                    assert code(path, answer) == "SERVICE_UNAVAILABLE"
            ready = client.get("/ready")
            assert (ready.status_code, ready.json()["status"]) == (503, "unavailable")
            assert (client.get("/health").status_code, client.get("/health").json()) == (200, {"status": "ok"})
            assert client.get("/metrics").status_code == 200

        assert database.counts() == before
        database.wait_for(lambda: client.get("/ready").status_code == 200)
        for method, path, body in requests:
            database.wait_for(lambda: admin.request(method, path, json=body).status_code != 503)  # noqa: B023
            # No refusal for a passing failure is remembered.
            again = admin.request(method, path, json=body, headers={"Idempotency-Key": path})
            assert again.is_success, again.text
            assert "Idempotent-Replayed" not in again.headers
        database.verify()

    @pytest.mark.parametrize("key", [None, "key"])
    def test_a_write_that_the_connection_was_lost_under(
        self, database: Database, server: Server, key: str | None
    ) -> None:
        product = database.product(quantity=5)
        client = server.client()
        before = database.counts()

        def reserve(path: str) -> httpx.Response:
            body = {"amount": 1} if path.startswith("/api") else {"quantity": 1}
            return client.post(path, json=body, headers={"Idempotency-Key": key + path} if key else {})

        for path in (f"/api/v1/inventory/{product}/reserveStock", f"/sku/{database.sku_id(product)}/temporary-block"):
            with held(database, product):
                call = InThread(lambda path=path: reserve(path))
                database.wait_for(lambda: waiting_backends(database))
                terminate(database)
                answer = call.result()
            assert answer.status_code == 503
            assert int(answer.headers["Retry-After"]) >= 1
            assert code(path, answer) == "OUTCOME_UNKNOWN"
            assert database.counts() == before
        for path in (f"/api/v1/inventory/{product}/reserveStock", f"/sku/{database.sku_id(product)}/temporary-block"):
            assert reserve(path).is_success
        assert database.stock(product) == (5, 1, 1)
        database.verify()

    def test_a_client_that_hangs_up_undoes_no_write(self, database: Database, server: Server) -> None:
        product = database.product(quantity=5)
        client = server.client()
        address = urlsplit(server.url)
        body = b'{"amount": 1}'
        request = (
            f"POST /api/v1/inventory/{product}/reserveStock HTTP/1.1\r\nHost: {address.netloc}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        ).encode() + body
        with held(database, product):
            with socket.create_connection((address.hostname, address.port)) as connection:
                connection.sendall(request)
                database.wait_for(lambda: waiting_backends(database))
                # Closed with a reset, which nobody takes for an idle client.
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            # Answers to later requests: the server has read of the reset.
            for _ in range(3):
                assert client.get("/health").status_code == 200
            assert len(waiting_backends(database)) == 1
        database.wait_for(lambda: database.stock(product) == (5, 1, 0))
        assert database.one("select count(*) from store.movement where kind = 'reserve'") == 1
        database.verify()


def code(path: str, answer: httpx.Response) -> Any:
    """The code of an error, from where the API of this path has it."""
    body = answer.json()
    if path.startswith(("/sku", "/temporary-blocks")):
        assert body.keys() == {"detail", "code"}
        return body["code"]
    if path.startswith("/api/v1/inventory"):
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert body.keys() == {"type", "title", "status", "detail", "code"}
        assert body["status"] == answer.status_code
        return body["code"]
    assert body.keys() == {"detail", "error"}
    return body["error"]["code"]
