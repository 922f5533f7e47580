"""`make poolers`: the servers behind real PgBouncers, old and new, in transaction and in session mode.

Not a part of `make test`: tools/poolers.sh fetches the programs from Debian.
"""

from __future__ import annotations

import configparser
import contextlib
import os
import random
import re
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from db.apply import apply
from db.source import SERVER_ROLES, ApplyError
from pgcalls.connection import _warn_of_pooler
from tests.conftest import Database, Server
from tests.operations.conftest import NAME, NewCluster, new_cluster, run_sql, stock_up
from tests.process import ROOT

__all__ = ["new_cluster"]

POOLERS = ROOT / ".poolers"
PORT = 6432
THREADS, CALLS = 6, 25
SESSIONS = 3  # of the database for each role: fewer than the servers' connections, so that they are shared
PASSWORD = "of the roles"


def program(version: str) -> list[str]:
    """The command of a version, started by its own loader with its own libraries."""
    root = POOLERS / version
    (loader,) = [*root.glob("lib64/ld-linux*"), *root.glob("usr/lib64/ld-linux*")][:1]
    libraries = [str(path) for pattern in ("lib/*-linux-gnu", "usr/lib/*-linux-gnu") for path in root.glob(pattern)]
    return [str(loader), "--library-path", ":".join(libraries), str(root / "usr/sbin/pgbouncer")]


@contextlib.contextmanager
def pgbouncer(version: str, configuration: configparser.ConfigParser, users: dict[str, str]) -> Iterator[Path]:
    """Runs PgBouncer with this configuration; yields its directory, in which its socket is."""
    directory = Path(tempfile.mkdtemp(prefix="inventory-pooler-", dir="/tmp"))
    directory.chmod(0o777)
    log = directory / "log"
    auth_file = directory / "userlist.txt"
    auth_file.write_text("".join(f'"{name}" "{password}"\n' for name, password in users.items()))
    configuration["pgbouncer"].update(
        {
            "auth_file": str(auth_file),
            "unix_socket_dir": str(directory),
            "listen_port": str(PORT),
        }
    )
    path = directory / "pgbouncer.ini"
    with path.open("w") as file:
        configuration.write(file)
    # As the account that PostgreSQL runs as: it refuses root, and this account may log in as any of the roles.
    account: dict[str, Any] = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
    with log.open("wb") as output:
        process = subprocess.Popen([*program(version), str(path)], stdout=output, stderr=output, **account)
    try:
        Database.wait_for(lambda: process.poll() is not None or "process up" in log.read_text())
        assert process.poll() is None, log.read_text()
        yield directory
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(directory)


def plain(database: Database, mode: str, **settings: str) -> configparser.ConfigParser:
    """A configuration in which nothing is set that need not be."""
    parameters = conninfo_to_dict(database.conninfo)
    made = configparser.ConfigParser()
    made["databases"] = {"*": f"host={parameters['host']} port={parameters['port']}"}
    made["pgbouncer"] = {"auth_type": "trust", "pool_mode": mode, "default_pool_size": str(SESSIONS)} | settings
    return made


def through(directory: Path, conninfo: str) -> str:
    return make_conninfo(conninfo, host=str(directory), port=str(PORT))


def play(client: httpx.Client, products: list[int], sku_ids: list[str], number: int) -> list[int]:
    """Calls of all kinds; returns the statuses that are not foreseen."""
    draw = random.Random(number)
    odd = []
    for _ in range(CALLS):
        at = draw.randrange(len(products))
        path = f"/api/v1/inventory/{products[at]}"
        answers = [
            (client.post(f"{path}/reserveStock", json={"amount": 1}), 204),
            (client.get(path), 200),
            (client.get(f"/sku/{sku_ids[at]}"), 200),
            (client.get("/sku/00000000-0000-0000-0000-000000000000"), 404),
            (client.post(f"{path}/releaseStock", json={"amount": 1}), 204),
            (client.post(f"{path}/releaseStock", json={"amount": 99_999}), 409),
            (client.post(f"{path}/addStock", json={"amount": 0}, headers={"Idempotency-Key": f"{number}"}), None),
            (client.get("/api/v1/products/", params={"search": "W"}), 200),
        ]
        odd += [answer.status_code for answer, wanted in answers if wanted and answer.status_code != wanted]
    return odd


POOLED = [
    ("old", "transaction", {}, True),
    ("old", "session", {"ignore_startup_parameters": "options"}, True),
    ("new", "transaction", {}, False),
    ("new", "transaction", {"max_prepared_statements": "0"}, True),
    ("new", "session", {}, None),
]


@pytest.mark.parametrize(
    ("version", "mode", "settings", "warns"), POOLED, ids=[f"{v} {m} {len(s)}" for v, m, s, _ in POOLED]
)
def test_the_servers_work_behind_it(
    database: Database,
    version: str,
    mode: str,
    settings: dict[str, str],
    warns: bool | None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    _warn_of_pooler.cache_clear()
    products, sku_ids = stock_up(database.conninfo)
    if mode == "session":
        settings = settings | {"default_pool_size": "20"}  # each connection has one of the database to itself
    with pgbouncer(version, plain(database, mode, **settings), dict.fromkeys(SERVER_ROLES, "")) as directory:
        conninfo = through(directory, database.conninfo)
        servers = [Server(conninfo, run_jobs="auto", job_poll_seconds=0.05) for _ in range(2)]
        try:
            clients = [server.client(server.token("root", "secret")) for server in servers]
            odd: list[int] = []
            threads = [
                threading.Thread(target=lambda n=n: odd.extend(play(clients[n % 2], products, sku_ids, n)))
                for n in range(THREADS)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert odd == []
            sessions = database.one(
                "select count(*) from pg_stat_activity"
                " where datname = current_database() and usename = 'inventory_admin'"
            )
            if mode == "transaction":
                assert 1 <= sessions <= SESSIONS
            Database.wait_for(lambda: database.one("select bool_and(last_finished_at is not null) from store.job"))
            ready = clients[0].get("/ready")
            assert (ready.status_code, ready.json()["checks"]["jobs"]) == (200, "ok")
            metrics = clients[0].get("/metrics").text
            assert re.search(r"inventory_db_calls_unknown_total\{[^}]*\} [1-9]", metrics) is None
        finally:
            for server in servers:
                server.close()
        # Nothing that a transaction has set stayed in the sessions that others use.
        with psycopg.connect(make_conninfo(conninfo, user="inventory_admin"), autocommit=True) as connection:
            shown = "select current_setting('default_transaction_read_only'), current_setting('statement_timeout')"
            for _ in range(2 * SESSIONS):
                assert connection.execute(shown).fetchone() == ("off", "10s")
    if warns is not None:
        assert ("keeps no prepared statements" in caplog.text) == warns
    assert database.rows("select distinct reserved from store.stock") == [(0,)]
    database.verify()


@pytest.mark.parametrize(("version", "mode"), [("old", "transaction"), ("new", "transaction"), ("new", "session")])
def test_apply_refuses_it_before_it_changes_anything(database: Database, version: str, mode: str) -> None:
    with (
        pgbouncer(version, plain(database, mode), {"postgres": ""}) as directory,
        pytest.raises(ApplyError, match="MIGRATION_DATABASE_URL"),
    ):
        apply(through(directory, database.conninfo))
    locks = "select count(*) from pg_locks where locktype = 'advisory'"
    assert database.one(locks + " and database = (select oid from pg_database where datname = current_database())") == 0


def documented() -> configparser.ConfigParser:
    """The configuration of docs/operations.md."""
    (block,) = re.findall(
        r"^```ini\n(.*?)^```", (ROOT / "docs" / "operations.md").read_text(), re.MULTILINE | re.DOTALL
    )
    parser = configparser.ConfigParser()
    parser.read_string(block)
    return parser


def test_the_documented_configuration_works(new_cluster: NewCluster) -> None:
    """With passwords over TCP, as it stands but for addresses and paths."""
    address = f"127.{random.randint(1, 254)}.{random.randint(1, 254)}.{random.randint(1, 254)}"
    cluster = new_cluster(listen_addresses=address)
    cluster.start()
    run_sql(cluster.dsn(), f"create database {NAME}")
    apply(cluster.dsn(dbname=NAME), role_password=PASSWORD, jobs=False)
    products, sku_ids = stock_up(cluster.dsn(dbname=NAME))
    with (cluster.data_directory / "pg_hba.conf").open("a") as rules:
        rules.write("host all all 127.0.0.0/8 scram-sha-256\n")
    run_sql(cluster.dsn(), "select pg_reload_conf()")
    configuration = documented()
    assert configuration["databases"][NAME] == f"host=127.0.0.1 port={cluster.port} dbname={NAME}"
    configuration["databases"][NAME] = f"host={address} port={cluster.port} dbname={NAME}"
    configuration["pgbouncer"]["listen_addr"] = address
    with pgbouncer("new", configuration, dict.fromkeys(SERVER_ROLES, PASSWORD)):
        server = Server(
            f"postgresql://{address}:{PORT}/{NAME}", database_role_password=PASSWORD, environment="production"
        )
        try:
            assert play(server.client(server.token("root", "secret")), products, sku_ids, 1) == []
        finally:
            server.close()
    with psycopg.connect(cluster.dsn(dbname=NAME)) as connection:
        assert connection.execute("select * from maintenance.verify()").fetchall() == []
