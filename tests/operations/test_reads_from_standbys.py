"""DATABASE_READ_URL: reads that a standby answers, and that never show a client less than it has seen."""

from __future__ import annotations

import asyncio
import json
import random
import re
from concurrent import futures
from datetime import timedelta
from typing import Any

import httpx
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

import pgcalls
from db.apply import apply
from server.database import standbys
from server.database.standbys import hosts_of, number
from tests.conftest import PATIENCE, Database, Server
from tests.operations.conftest import NAME, NewCluster, rows, run_sql
from tests.operations.test_standby import replica_of
from tools.cluster import Cluster

HEADER = "Inventory-Position"


class Pair:
    """A primary, a standby that follows it, a product, and a server over both."""

    def __init__(self, primary: Cluster, standby: Cluster) -> None:
        self.standby = standby
        self.source, self.target = primary.dsn(dbname=NAME), standby.dsn(dbname=NAME)
        ((self.product,),) = rows(self.source, "select id from inventory.create_product('A-1', 'A', p_quantity => 100)")
        self.server = Server(self.source, database_read_url=self.target, database_read_wait_seconds=0.3)
        self.client = self.server.client()
        self.url = f"/api/v1/inventory/{self.product}"

    def pause(self) -> None:
        rows(self.target, "select pg_wal_replay_pause()::text")

    def resume(self) -> None:
        rows(self.target, "select pg_wal_replay_resume()::text")

    def add(self, amount: int = 1) -> str:
        """Add units. The position of the answer."""
        answer = self.client.post(f"{self.url}/addStock", json={"amount": amount})
        assert answer.status_code == 204
        return answer.headers[HEADER]

    def read(self, after: str | None = None) -> httpx.Response:
        return self.client.get(self.url, headers={HEADER: after} if after is not None else {})

    def available(self, answer: httpx.Response) -> Any:
        return answer.json()["availableStock"]

    def by_standby(self) -> float:
        """How many reads the standby has answered."""
        found = re.search(
            r"^inventory_standby_reads_total\{.*\} (\S+)$", self.client.get("/metrics").text, re.MULTILINE
        )
        assert found is not None
        return float(found[1])

    def is_there(self) -> bool:
        return bool(re.search(r"^inventory_standby\{.*\} 1.0$", self.client.get("/metrics").text, re.MULTILINE))

    def settle(self) -> None:
        """Wait until the standby is asked again."""
        Database.wait_for(self.is_there)
        at = self.add()
        Database.wait_for(
            lambda: number(rows(self.target, "select inventory.log_position()::text")[0][0]) >= number(at)
        )
        count = self.by_standby()
        Database.wait_for(lambda: self.read(at).status_code == 200 and self.by_standby() > count)


@pytest.mark.packages
def test_a_standby_answers_reads(new_cluster: NewCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """One pair of clusters for all of it: they take seconds to make."""
    address = f"127.{random.randint(1, 254)}.{random.randint(1, 254)}.{random.randint(1, 254)}"
    primary, standby = new_cluster(listen_addresses=address), new_cluster()
    primary.start()
    run_sql(primary.dsn(), f"create database {NAME}")
    apply(primary.dsn(dbname=NAME), jobs=False)
    replica_of(primary, standby, address)
    pair = Pair(primary, standby)
    try:
        pair.settle()
        with monkeypatch.context() as patch:
            patch.setattr(standbys, "BEHIND_SECONDS", PATIENCE)  # what is paused for a moment is not behind
            assert_a_client_sees_no_less_than_it_has_seen(pair)
        assert_that_holds_while_the_standby_stumbles(pair)
        with monkeypatch.context() as patch:
            # The session ends between the change and the look at its position, as where the primary is killed.
            patch.setattr(standbys, "POSITION", "select pg_terminate_backend(pg_backend_pid())")
            unknown = assert_an_answer_has_a_position_that_no_standby_is_at(pair)
        assert number(pair.read(unknown).headers[HEADER]) < number(unknown)
        pair.settle()
        assert_the_primary_shows_what_a_standby_has_shown(pair)
        assert_a_standby_is_not_taken_for_the_primary(pair)
        assert_one_that_is_behind_gone_or_promoted_is_not_asked(pair)
    finally:
        pair.server.close()


def assert_a_client_sees_no_less_than_it_has_seen(pair: Pair) -> None:
    # Who says nothing is answered by the primary, and every answer has a position.
    count = pair.by_standby()
    before = pair.available(pair.read())
    assert pair.by_standby() == count
    at = pair.add()
    refused = pair.client.post(f"{pair.url}/reserveStock", json={"amount": 10**6})
    assert refused.status_code == 409
    assert number(refused.headers[HEADER]) >= number(at)
    before = pair.available(pair.read())

    # The standby stands still. Who has seen more gets the primary's answer, who asks for anything the standby's.
    pair.pause()
    at = pair.add(5)
    assert pair.available(pair.read(at)) == before + 5
    assert pair.by_standby() == count
    old = pair.read("0/0")
    assert (pair.available(old), pair.by_standby()) == (before, count + 1)
    assert number(old.headers[HEADER]) < number(at)
    assert rows(pair.target, "select inventory.wait_for(%s, 0.05)", at) == [(False,)]

    # A read that waits is answered as soon as the standby is there.
    pair.resume()
    assert rows(pair.target, "select inventory.wait_for(%s, 30)", at) == [(True,)]
    new = pair.read(at)
    assert (pair.available(new), pair.by_standby()) == (before + 5, count + 2)
    assert number(new.headers[HEADER]) >= number(at)
    assert new.headers["ETag"] == pair.read().headers["ETag"]

    # Log-ins and imports have a position, too. A standby writes a file of products.
    run_sql(pair.source, "update store.setting set password_cost = 4, password_length_minimum = 6")
    rows(pair.source, "select maintenance.create_user('root', 'secret', 'admin')")
    login = pair.client.post("/api/v1/authentication/token/", json={"username": "root", "password": "secret"})
    assert number(login.headers[HEADER]) >= number(at)
    admin = pair.server.client(login.json()["access"])
    ids = {
        name: admin.post(f"/api/v1/{path}/", json={"name": "B"}).json()["id"]
        for name, path in {"category": "categories", "brand": "brands"}.items()
    }
    line = json.dumps(ids | {"title": "B", "sku": "B-2", "cost_price": 1, "selling_price": 2})
    headers = {"Content-Type": "application/x-ndjson"}
    made = admin.post("/api/v1/products/import/", content=line, headers=headers)
    assert made.status_code == 201, made.text
    count = pair.by_standby()
    path = "/api/v1/products/export/?format=ndjson"
    assert '"B-2"' in admin.get(path, headers={HEADER: made.headers[HEADER]}).text
    assert pair.by_standby() == count + 1
    assert admin.get(path, headers={HEADER: "x"}).status_code == 422

    # What is not there is not there on the standby either; a refusal has a position, too.
    missing = pair.client.get("/api/v1/inventory/999", headers={HEADER: at})
    assert (missing.status_code, HEADER in missing.headers) == (404, True)
    for wrong in ("x", "0/", "1/2/3", "0/G", "-1/0"):
        answer = pair.read(wrong)
        assert (answer.status_code, answer.json()["code"]) == (400, "VALIDATION_ERROR")


def assert_that_holds_while_the_standby_stumbles(pair: Pair) -> None:
    """Changes and reads in turn: each read shows at least what the client has changed, whoever answers."""
    chance = random.Random(7)
    available = pair.available(pair.read())
    count = pair.by_standby()
    for _ in range(150):
        if chance.random() < 0.2:
            (pair.pause if chance.random() < 0.5 else pair.resume)()
        amount = chance.randint(1, 3)
        at = pair.add(amount)
        available += amount
        for _ in range(3):
            answer = pair.read(at)
            assert pair.available(answer) == available
            assert number(answer.headers[HEADER]) >= number(at)
            at = answer.headers[HEADER]
    pair.resume()
    assert pair.by_standby() > count


def assert_an_answer_has_a_position_that_no_standby_is_at(pair: Pair) -> str:
    """Who sends it back is answered by the primary."""
    before = pair.available(pair.read("0/0"))
    at = pair.add()
    count = pair.by_standby()
    assert pair.available(pair.read(at)) == before + 1
    assert pair.by_standby() == count
    refused = pair.client.post(f"{pair.url}/reserveStock", json={"amount": 10**6})
    assert (refused.status_code, refused.headers[HEADER]) == (409, at)
    return at


def assert_the_primary_shows_what_a_standby_has_shown(pair: Pair) -> None:
    """A commit that waits for a synchronous standby is seen on another one first."""

    def wait_for(name: str) -> None:
        run_sql(pair.source, f"alter system set synchronous_standby_names = '{name}'", "select pg_reload_conf()")

    before = pair.available(pair.read())
    wait_for("nobody")
    with futures.ThreadPoolExecutor() as pool:
        change = pool.submit(pair.add, 1)
        Database.wait_for(lambda: pair.available(pair.read("0/0")) == before + 1)
        seen = pair.read("0/0")
        assert (pair.available(seen), pair.available(pair.read())) == (before + 1, before)
        pair.standby.stop("immediate")
        answer = pool.submit(pair.read, seen.headers[HEADER])
        waiting = "select pid from pg_stat_activity where wait_event = 'SyncRep'"
        Database.wait_for(lambda: answer.done() or len(rows(pair.source, waiting)) == 2)
        assert not answer.done()
        assert not change.done()
        wait_for("")
        assert pair.available(answer.result(PATIENCE)) == before + 1
        change.result(PATIENCE)
    pair.standby.start()
    pair.settle()


def assert_a_standby_is_not_taken_for_the_primary(pair: Pair) -> None:
    """Also where DATABASE_URL names one host: behind a proxy it may be a leader of before."""
    client = pgcalls.Client(pair.target, None, pgcalls.Limits(1, 10, 1.0), batch="", name="inventory")

    async def ask() -> None:
        try:
            await client.fetch("inventory_public", "select 1")
        finally:
            await client.close()

    with pytest.raises(pgcalls.UnavailableError):
        asyncio.run(ask())


def assert_one_that_is_behind_gone_or_promoted_is_not_asked(pair: Pair) -> None:
    def from_standby() -> bool:
        count = pair.by_standby()
        assert pair.read("0/0").status_code == 200
        return pair.by_standby() > count

    assert from_standby()
    pair.pause()
    pair.add()
    Database.wait_for(lambda: not from_standby())
    pair.resume()
    Database.wait_for(from_standby)

    pair.standby.stop("immediate")
    assert pair.available(pair.read("0/0")) == pair.available(pair.read())
    assert not pair.is_there()
    pair.standby.start()
    Database.wait_for(from_standby)

    # A block expires there at its instant, whether or not a job has ended it.
    block = {"quantity": 3, "expires_at": _soon(pair)}
    available = pair.available(pair.read())
    sku_id = pair.read().json()["sku_id"]
    assert pair.client.post(f"/sku/{sku_id}/temporary-block", json=block).status_code == 200
    at = pair.read().headers[HEADER]
    assert pair.available(pair.read(at)) == available - 3
    Database.wait_for(lambda: pair.available(pair.read(at)) == available)

    rows(pair.target, "select pg_promote()")
    Database.wait_for(lambda: not pair.is_there())
    assert not from_standby()
    assert pair.available(pair.read("0/0")) == available


def _soon(pair: Pair) -> str:
    ((now,),) = rows(pair.source, "select clock_timestamp()")
    return (now + timedelta(seconds=1.5)).isoformat()


def test_each_host_is_a_standby() -> None:
    found = hosts_of("postgresql://one:5432,two:5433/inventory?sslmode=require")
    assert list(found) == ["one:5432", "two:5433"]
    wanted = {"dbname": "inventory", "sslmode": "require", "target_session_attrs": "any"}
    assert conninfo_to_dict(found["two:5433"]) == wanted | {"host": "two", "port": "5433"}


def test_the_primary_waits_for_nothing(database: Database) -> None:
    assert database.one("select inventory.wait_for('FFFFFFFF/0', 60)")
    with psycopg.connect(make_conninfo(database.conninfo, user="inventory_reporting")) as reporting:
        assert reporting.execute("select report.wait_for('FFFFFFFF/0', 60)").fetchone() == (True,)
        before = reporting.execute("select report.log_position()").fetchone()
        database.product(quantity=5)
        after = reporting.execute("select report.log_position() > %s::pg_lsn", before).fetchone()
    assert after == (True,)
