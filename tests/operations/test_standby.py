"""A streaming replica over TCP on loopback: reports are read from it, and promoted it carries on with everything.

The commands are those of docs/howto/failover.md.
"""

from __future__ import annotations

import contextlib
import http.server
import os
import random
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent import futures
from datetime import UTC, datetime
from typing import Any

import httpx
import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from db.apply import apply
from db.jobs import JOBS
from tests.conftest import PATIENCE, Database, Server
from tests.operations.conftest import (
    NAME,
    NewCluster,
    Writers,
    as_owner_of,
    commands,
    rows,
    run_command,
    run_sql,
    stock_up,
    written,
)
from tools.cluster import Cluster

PASSWORD = "of the standby alone"
COPY, WAIT_FOR_IT, PROMOTE, VERIFY = commands("failover")
CRON_PATIENCE = 150  # seconds: pg_cron fires once a minute


def replica_of(primary: Cluster, standby: Cluster, address: str) -> None:
    """Make the standby's data a base backup that follows the primary, by password over TCP, and start it."""
    with (primary.data_directory / "pg_hba.conf").open("a") as rules:
        rules.write("host replication standby 127.0.0.0/8 scram-sha-256\n")
    run_sql(primary.dsn(), f"create role standby login replication password $${PASSWORD}$$", "select pg_reload_conf()")
    standby.acquire()  # makes the directory
    connection = make_conninfo(host=address, port=primary.port, user="standby", password=PASSWORD)
    run_command(COPY, primary, PRIMARY_URL=connection, DATA=str(standby.data_directory))
    as_owner_of(primary, standby.data_directory)
    standby.start()


@pytest.fixture
def receiver() -> Iterator[http.server.ThreadingHTTPServer]:
    """An endpoint for webhooks; ``ids``: the webhook-id of each request."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            server.ids.append(self.headers["webhook-id"])  # type: ignore[attr-defined]
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *arguments: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.ids = []  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


def assert_shows_the_past_until_asked_for_the_newest(source: str, target: str, product: int) -> None:
    """docs/sql.md: an earlier instant as a whole; the number of a change says when that change is there."""
    stock = "select on_hand, blocked, available from report.stock where product_id = %s"
    is_there = "select exists (select from report.movements where product_id = %s and number = %s)"
    before = rows(target, stock, product)
    rows(target, "select pg_wal_replay_pause()::text")
    with psycopg.connect(source, autocommit=True) as primary:
        primary.execute("set synchronous_commit = local")  # this commit does not wait for the standby
        primary.execute(
            f"select inventory.create_block({product}, 1, p_expires_at => clock_timestamp() + '3s')".encode()
        )
        ((number,),) = rows(source, "select last_number from store.stock where product_id = %s", product)
        assert rows(target, is_there, product, number) == [(False,)]
        assert rows(target, stock, product) == before
        rows(target, "select pg_wal_replay_resume()::text")
        Database.wait_for(lambda: rows(target, is_there, product, number) == [(True,)])
        ((_, blocked, _),) = rows(target, stock, product)
        assert blocked == before[0][1] + 1
        Database.wait_for(lambda: rows(target, stock, product) == before)  # the block has expired there too


@pytest.mark.packages
def test_a_standby_is_read_from_and_once_promoted_carries_on(
    new_cluster: NewCluster, receiver: http.server.ThreadingHTTPServer
) -> None:
    # The port is always 5432; of the loopback addresses one that nobody else has taken.
    address = f"127.{random.randint(1, 254)}.{random.randint(1, 254)}.{random.randint(1, 254)}"
    primary, standby = new_cluster(listen_addresses=address), new_cluster()
    primary.start()
    run_sql(primary.dsn(), f"create database {NAME}")
    source, target = primary.dsn(dbname=NAME), standby.dsn(dbname=NAME)
    apply(source)
    products, sku_ids = stock_up(source)
    replica_of(primary, standby, address)
    # From now on what is acknowledged has been replayed by the standby.
    run_command(WAIT_FOR_IT, primary, PRIMARY_SUPERUSER_URL=primary.dsn())
    Database.wait_for(lambda: rows(primary.dsn(), "select sync_state from pg_stat_replication") == [("sync",)])
    assert rows(target, "select pg_is_in_recovery()") == [(True,)]

    assert_shows_the_past_until_asked_for_the_newest(source, target, products[0])
    # Deliveries are queued on the primary, whose server looks for them once, at its start, and then not for long.
    server = Server(source, webhook_poll_seconds=3600, webhook_allow_private_addresses=True)
    try:
        admin = server.client(server.token("root", "secret"))
        hook = {"url": f"http://127.0.0.1:{receiver.server_port}/", "events": ["outflow.created"]}
        assert admin.post("/api/v1/webhooks/", json=hook).status_code == 201
        outflow = {"product": products[0], "quantity": 1}
        assert admin.post("/api/v1/outflows/", json=outflow).status_code == 201
        once = {"amount": 1}, {"Idempotency-Key": "over the promotion"}
        add = f"/api/v1/inventory/{products[0]}/addStock"
        assert admin.post(add, json=once[0], headers=once[1]).status_code == 204

        writers = Writers(admin, products, sku_ids)
        writers.wait_for(10)
        # Reports are read from the standby, meanwhile; nothing can be written there.
        with psycopg.connect(make_conninfo(target, user="inventory_reporting"), autocommit=True) as reporting:
            views = rows(source, "select relname from pg_class where relnamespace = 'report'::regnamespace")
            for (view,) in views:
                reporting.execute(f"select * from report.{view} limit 100".encode()).fetchall()
            sold = "select count(*) from report.sales"
            before = reporting.execute(sold.encode()).fetchone()
            assert before is not None
            assert before[0] >= 10
            for function in ("stock_as_of(now())", "valuation_as_of(now())"):
                assert reporting.execute(f"select count(*) from report.{function}".encode()).fetchone() == (3,)
        with (
            psycopg.connect(make_conninfo(target, user="inventory_operator")) as operator,
            pytest.raises(psycopg.errors.ReadOnlySqlTransaction),
        ):
            operator.execute("select inventory.add_stock(%s, 1)", [products[0]])

        # The primary dies under the writes, at once and with all its processes.
        pid = primary.pid
        assert pid is not None
        children = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, check=True).stdout
        for process in (pid, *map(int, children.split())):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        writers.join()
        assert {answer.status_code for answer in writers.refused if isinstance(answer, httpx.Response)} <= {503}
    finally:
        server.close()

    promoted_at = datetime.now(UTC)
    run_command(PROMOTE, standby, STANDBY_URL=target)
    assert "(0 rows)" in run_command(VERIFY, standby, STANDBY_URL=target)
    blocks, sales = written(target)
    assert blocks >= set(writers.blocks)
    assert sales >= set(writers.sales)
    assert rows(target, "select * from maintenance.verify()") == []
    apply(target)

    server = Server(target, webhook_poll_seconds=0.05, webhook_allow_private_addresses=True)
    try:
        admin = server.client(server.token("root", "secret"))
        replayed = admin.post(add, json=once[0], headers=once[1])
        assert (replayed.status_code, replayed.headers["Idempotent-Replayed"]) == (204, "true")
        again = Writers(admin, products, sku_ids)
        again.wait_for(3)
        again.stop()
        # What was queued before is delivered now.
        Database.wait_for(lambda: rows(target, "select status from store.webhook_delivery") == [("delivered",)])
        assert len(set(receiver.ids)) == 1  # type: ignore[attr-defined]
        assert admin.get("/ready").json()["checks"] == dict.fromkeys(
            ("database", "migrations", "jobs", "ledger", "verify", "clock"), "ok"
        )
    finally:
        server.close()

    # The jobs are there, and pg_cron of the standby that was runs them.
    jobs = "select command from cron.job where database = %s and active"
    assert {job for (job,) in rows(standby.dsn(), jobs, NAME)} == {job.command for job in JOBS}
    deadline = time.monotonic() + CRON_PATIENCE
    swept = "select last_finished_at > %s from store.job where name = 'expire_blocks'"
    while rows(target, swept, promoted_at) != [(True,)]:
        assert time.monotonic() < deadline, rows(target, "select * from maintenance.status()")
        time.sleep(0.2)
    assert rows(target, "select * from maintenance.verify()") == []


def test_a_replay_waits_for_the_standby_as_its_change_did(new_cluster: NewCluster) -> None:
    """Else a caller is told that a change was made which a failover undoes."""
    cluster = new_cluster()
    cluster.start()
    run_sql(cluster.dsn(), f"create database {NAME}")
    source = cluster.dsn(dbname=NAME)
    apply(source, jobs=False)
    (product,), _ = stock_up(source, 1)
    once = f"""select replayed from http.once(
        'admin:root', 'k', 'reserve', 'reserve_stock', '{{"p_id": {product}, "p_amount": 1}}')"""
    waiting = "select pid from pg_stat_activity where wait_event = 'SyncRep'"

    def wait(names: str) -> None:
        run_sql(cluster.dsn(), f"alter system set synchronous_standby_names = '{names}'", "select pg_reload_conf()")

    with futures.ThreadPoolExecutor() as pool:
        wait("nobody")
        first = pool.submit(rows, source, once)
        Database.wait_for(lambda: rows(source, waiting))
        rows(source, "select pg_terminate_backend(pid) from pg_stat_activity where wait_event = 'SyncRep'")
        with pytest.raises(psycopg.OperationalError):
            first.result(PATIENCE)
        assert rows(source, "select reserved from store.stock") == [(1,)]
        second = pool.submit(rows, source, once)
        Database.wait_for(lambda: second.done() or rows(source, waiting))
        assert not second.done()
        wait("")
        assert second.result(PATIENCE) == [(True,)]
    assert rows(source, "select reserved from store.stock") == [(1,)]
