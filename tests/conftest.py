"""A throw-away cluster for the run, a template database with the schema, a clone of it for each test.

The cluster is this run's own: it starts with pytest, ends with it, and is never DATA_DIR's. Time is moved, not waited
for: in the template the clock function adds an offset that a test sets (``database.advance``), for every session.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import functools
import os
import shutil
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from aiohttp import web
from psycopg import sql
from psycopg.conninfo import make_conninfo
from pytest_postgresql.janitor import DatabaseJanitor

from db.apply import apply
from server.app import create_app
from server.http.protocol import Runner
from server.operation.lifecycle import new_event_loop
from server.settings import Settings
from tests import coverage, worlds
from tools.cluster import Cluster

DIRECTORY = "INVENTORY_TEST_CLUSTER"
MEMORY = Path("/dev/shm")
MEMORY_BYTES = 6 * 2**30
SECRET_KEY = "a secret key for the tests, of 32 characters or more"
# The tables of the schema store, each once: a partition is part of its table. Without the keys of sealed passwords,
# which come and go with log-ins.
TABLES = (
    "select relname from pg_class where relnamespace = 'store'::regnamespace"
    " and relkind in ('r', 'p') and not relispartition and relpersistence = 'p' order by 1"
)
TEMPLATE = "template_inventory"
IS_LOADED = "select 1 from pg_database as d where d.datname = %s and shobj_description(d.oid, 'pg_database') = 'loaded'"
END_CONNECTIONS = "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s"
# Each database is short-lived: vacuum, checkpoints and compiled queries cost more than they save.
CLUSTER_SETTINGS = {
    "max_connections": "400",
    "autovacuum": "off",
    "checkpoint_timeout": "1h",
    "jit_above_cost": "-1",
    "max_wal_senders": "0",
    "max_wal_size": "8GB",
    "wal_level": "minimal",
}
# Tests of many seconds, the longest first: they wait for minutes of pg_cron, start clusters and servers, or make many
# calls. One of them that begins last would keep one worker busy while the others have nothing left.
LONGEST = (
    "test_cron.py",
    "test_standby.py",
    "test_rolling.py",
    "test_walk.py",
    "test_soak.py",
    "concurrency/test_model.py",
    "fuzz/test_http.py",
    "tests/test_planted.py",
    "sql/test_places_model.py",
    "sql/test_holds_model.py",
    "test_managed.py",
    "server/test_run.py",
    "sql/test_kits_model.py",
    "test_upgrade",
)
PATIENCE = 30  # seconds until something that never comes is an error

# In place of inventory.clock(): the same, and an offset in microseconds that a test sets. A sequence's value, not a
# row's, so that who waited for a lock sees the time as it is, not as its snapshot has it. bcrypt at its cheapest. Jobs
# that are not late, however long the run takes.
TEST_SCHEMA = """
create sequence store.test_clock minvalue -9000000000000000 start 0;
alter sequence store.test_clock owner to inventory_owner;
create or replace function inventory.clock()
returns timestamptz
language plpgsql stable parallel safe security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return clock_timestamp() + (select c.last_value from store.test_clock as c) * interval '1 microsecond';
end;
$$;
update store.setting set password_cost = 4, password_length_minimum = 1;
update store.job set scheduled_at = inventory.clock() + interval '1 day';
"""


def frozen_clock(epoch: str) -> str:
    """In place of inventory.clock(): it stands still, at as many microseconds after the epoch as the sequence says."""
    return f"""
create or replace function inventory.clock()
returns timestamptz
language plpgsql stable parallel safe security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return timestamptz '{epoch}' + (select c.last_value from store.test_clock as c) * interval '1 microsecond';
end;
$$;
"""


def throwaway_cluster() -> Cluster:
    """The run's cluster, which all its workers share."""
    settings = {**CLUSTER_SETTINGS, **coverage.settings(), **worlds.settings()}
    return Cluster(Path(os.environ[DIRECTORY]), settings=settings, roles=worlds.roles(), throwaway=True)


@functools.cache
def administrator() -> psycopg.Connection[Any]:
    """This process's connection for making and dropping databases."""
    return psycopg.connect(throwaway_cluster().dsn(), autocommit=True)


def _place() -> Path | None:
    """Where the cluster goes: memory, if there is enough. A test's database takes a tenth of the time there."""
    has_room = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free >= MEMORY_BYTES
    return MEMORY if has_room and "TMPDIR" not in os.environ else None


def pytest_report_header() -> str:
    return f"world: {worlds.WORLD}"


def pytest_sessionstart(session: pytest.Session) -> None:
    if not hasattr(session.config, "workerinput"):
        directory = Path(tempfile.mkdtemp(prefix="inventory-test-", dir=_place()))
        directory.chmod(0o755)
        os.environ[DIRECTORY] = str(directory)
        throwaway_cluster().start()
    if coverage.DIRECTORY:
        session.config.pluginmanager.register(coverage.Plugin(str(throwaway_cluster().socket_directory)))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the longest tests begin first, on different workers: pytest-xdist gives each worker one slice of the list."""

    def place(item: pytest.Item) -> int:
        return next((number for number, name in enumerate(LONGEST) if name in item.nodeid), len(LONGEST))

    items.sort(key=place)
    count = sum(place(item) < len(LONGEST) for item in items)
    longest, others = items[:count], items[count:]
    total = len(items)
    items.clear()
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    for worker in range(workers):
        share = longest[worker::workers]
        length = (total - len(items)) // (workers - worker)
        items += share + others[: max(0, length - len(share))]
        del others[: max(0, length - len(share))]


def pytest_sessionfinish(session: pytest.Session) -> None:
    if administrator.cache_info().currsize:
        administrator().close()
    if not hasattr(session.config, "workerinput"):
        cluster = throwaway_cluster()
        cluster.destroy()
        shutil.rmtree(cluster.directory, ignore_errors=True)


def load(**parameters: Any) -> None:
    """Make a new database the template that each test's database is a clone of."""
    conninfo = make_conninfo(**{name: parameters[name] for name in ("host", "port", "user", "dbname")})
    prepare(conninfo)
    # A copy has fewer files then, and its sessions do not write to the catalog's pages when they first read them.
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("vacuum (full, freeze)")
    psycopg.connect(conninfo).close()  # the cache of the catalog is made anew
    administrator().execute(sql.SQL("comment on database {} is 'loaded'").format(sql.Identifier(TEMPLATE)))


def prepare(conninfo: str) -> None:
    """Give a database the schema, with a clock that tests set."""
    apply(worlds.applier(conninfo), jobs=False)
    coverage.describe(conninfo)
    with psycopg.connect(conninfo) as connection:
        connection.execute(TEST_SCHEMA)


@pytest.fixture(scope="session")
def template_database() -> str:
    """The name of the template database. The first worker that needs it makes it, for all."""
    with (throwaway_cluster().directory / "template.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not administrator().execute(IS_LOADED, [TEMPLATE]).fetchone():
            cluster = throwaway_cluster()
            janitor = DatabaseJanitor(
                user="postgres",
                host=str(cluster.socket_directory),
                port=cluster.port,
                dbname=TEMPLATE,
                as_template=True,
            )
            janitor.drop()  # what a worker has left that was killed meanwhile
            janitor.init()
            janitor.load(load)
    return TEMPLATE


@contextlib.contextmanager
def new_database(template: str = "template1", *, prefix: str = "test_", locale: str = "") -> Iterator[str]:
    """The conninfo of a new database, a copy of the template; it is dropped at the end.

    ``locale``: options of CREATE DATABASE, for a copy of template0.
    """
    name = prefix + uuid.uuid4().hex[:12]
    conninfo = throwaway_cluster().dsn(dbname=name)
    coverage.leave(throwaway_cluster().dsn(dbname=template))
    # Faster than through the log; and a copy has the template's cache of the catalog for new connections.
    copy = sql.SQL(f"create database {{}} template {{}} strategy file_copy {locale}")
    administrator().execute(copy.format(sql.Identifier(name), sql.Identifier(template)))
    coverage.watch(conninfo)
    try:
        yield conninfo
    finally:
        coverage.read(conninfo)
        # DROP DATABASE looks for connections every 100 ms; most have just been closed.
        Database.wait_for(lambda: not administrator().execute(END_CONNECTIONS, [name]).rowcount)
        administrator().execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


class Database:
    """A test's own database. Connections are in autocommit mode, and closed when the test ends."""

    def __init__(self, conninfo: str) -> None:
        self.conninfo = conninfo
        self._connections: list[psycopg.Connection[Any]] = []
        self.admin = self.connect()
        coverage.watch(conninfo)

    def connect(self, role: str = "postgres") -> psycopg.Connection[Any]:
        """A new connection that is logged in as the role."""
        connection = psycopg.connect(make_conninfo(self.conninfo, user=role), autocommit=True)
        self._connections.append(connection)
        return connection

    def one(self, query: str, *parameters: Any) -> Any:
        """The first column of the first row, as the superuser."""
        row = self.admin.execute(query, parameters or None).fetchone()
        assert row is not None
        return row[0]

    def rows(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """All rows, as the superuser."""
        return self.admin.execute(query, parameters or None).fetchall()

    def advance(self, by: timedelta) -> None:
        """Move the time of every session on (or back)."""
        self.admin.execute(
            "select setval('store.test_clock', c.last_value + %s) from store.test_clock as c",
            [by // timedelta(microseconds=1)],
        )

    def product(self, sku: str = "A-1", quantity: Any = 0, **others: Any) -> int:
        """The id of a new product."""
        names = {"p_sku": sku, "p_name": f"Product {sku}", "p_quantity": quantity, **others}
        arguments = ", ".join(f"{name} => %s" for name in names)
        return self.one(f"select id from inventory.create_product({arguments})", *names.values())

    def sku_id(self, product_id: int) -> str:
        return str(self.one("select sku_id from store.product where id = %s", product_id))

    def stock(self, product_id: int) -> tuple[Any, Any, Any]:
        """(on hand, reserved, blocked) as the stock row has them: blocks that nobody has ended yet count."""
        row = self.rows("select on_hand, reserved, blocked from store.stock where product_id = %s", product_id)
        return row[0]  # type: ignore[return-value]

    def counts(self) -> dict[str, int]:
        """How many rows each table has: what a refused call must leave as it was.

        Of row_total what its rows add up to: one call in 50 sums up the rows.
        """
        what = {"row_total": "coalesce(sum(delta), 0)"}
        names = [name for (name,) in self.rows(TABLES)]
        return {name: self.one(f'select {what.get(name, "count(*)")} from store."{name}"') for name in names}

    def verify(self) -> None:
        """Fail where maintenance.verify() finds a difference."""
        assert self.rows("select * from maintenance.verify()") == []

    def without_indexes(self) -> None:
        """Let new sessions read tables as their rows lie: an order that no ORDER BY gives is another one."""
        name = sql.Identifier(str(self.admin.info.dbname))
        for setting in ("enable_indexscan", "enable_indexonlyscan", "enable_bitmapscan"):
            self.admin.execute(sql.SQL("alter database {} set {} = off").format(name, sql.Identifier(setting)))

    def lower(self, function: str, bound: int, to: int) -> None:
        """Put a smaller number in the place of a bound in a function: a test of the bound needs fewer rows."""
        definition = str(self.one("select pg_get_functiondef(%s::regproc)", function))
        assert str(bound) in definition
        self.admin.execute(definition.replace(str(bound), str(to)).encode())

    def be_patient(self) -> None:
        """Let new sessions of the operator wait long: a slow machine must not end a wait that a test wants."""
        name = sql.Identifier(str(self.admin.info.dbname))
        for setting in ("lock_timeout", "statement_timeout"):
            change = sql.SQL("alter role inventory_operator in database {} set {} = '60s'")
            self.admin.execute(change.format(name, sql.Identifier(setting)))

    def settle(self) -> None:
        """Wait until the change feed is complete: transactions of other tests, in this cluster, hold it back too."""
        key = self.one("select inventory.feed_key()")
        deadline = time.monotonic() + PATIENCE
        while self.one("select inventory.feed_end()") <= key:
            assert time.monotonic() < deadline, "a transaction does not end"
            time.sleep(0.01)

    def wait_until_blocked(self, *connections: psycopg.Connection[Any]) -> None:
        """Return when each of the connections waits for a lock."""
        pids = [connection.info.backend_pid for connection in connections]
        self.wait_for(
            lambda: (
                self.one("select count(*) from pg_stat_activity where pid = any(%s) and wait_event_type = 'Lock'", pids)
                == len(pids)
            )
        )

    @staticmethod
    def wait_for(condition: Callable[[], Any]) -> None:
        """Return when the condition holds; fail when it does not for a long time."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline, "what the test waits for did not come"
            time.sleep(0.005)

    def close(self) -> None:
        for connection in self._connections:
            connection.close()
        coverage.read(self.conninfo)


@pytest.fixture
def database(template_database: str) -> Iterator[Database]:
    """A database of the test's own, with the schema and no product."""
    with new_database(template_database) as conninfo:
        database = Database(conninfo)
        yield database
        database.close()


class InThread:
    """Runs a coroutine function in a thread, with a connection-bound call's result or error at the end."""

    def __init__(self, function: Callable[[], Any]) -> None:
        self._function = function
        self._result: Any = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._result = self._function()
        except BaseException as error:  # noqa: BLE001 - handed to the test's own thread
            self._error = error

    @property
    def is_done(self) -> bool:
        return not self._thread.is_alive()

    def result(self) -> Any:
        """What the function returned; raises what it raised."""
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive(), "the call did not return"
        if self._error is not None:
            raise self._error
        return self._result


@pytest.fixture
def in_thread() -> type[InThread]:
    """in_thread(function): call it in a thread; .result() joins."""
    return InThread


class Server:
    """The real server on a real port, in a thread of the test's process."""

    def __init__(self, conninfo: str, **settings: Any) -> None:
        defaults: dict[str, Any] = {
            "environment": "development",
            "secret_key": SECRET_KEY,
            "anonymous_role": "inventory_operator",
            # A server that tests share lives longer than five minutes where the machine is slow.
            "access_token_seconds": 3600,
            # What a test leaves due stays so.
            "run_jobs": "never",
        }
        self.settings = Settings(_env_file=None, **defaults | settings)
        self._loop = new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._clients: list[httpx.Client] = []
        self._runner: Runner | None = None
        try:
            self.url = self.run(self._start(conninfo))
        except BaseException:
            self.close()
            raise

    def run(self, coroutine: Any) -> Any:
        """Run a coroutine in the server's loop."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(PATIENCE)

    async def _start(self, conninfo: str) -> str:
        self._runner = Runner(await create_app(self.settings, worlds.served(conninfo)), self.settings)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    def client(self, token: str | None = None) -> httpx.Client:
        """A client, with a bearer token if given."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        # verify: there is no TLS here, and loading its certificates takes longer than a request.
        client = httpx.Client(base_url=self.url, headers=headers, timeout=PATIENCE, trust_env=False, verify=False)
        self._clients.append(client)
        return client

    @contextlib.contextmanager
    def passing_clients(self) -> Iterator[None]:
        """Close the clients that are made meanwhile: each keeps two of the process's file descriptors."""
        kept = len(self._clients)
        yield
        for client in self._clients[kept:]:
            client.close()
        del self._clients[kept:]

    def token(self, username: str, password: str) -> str:
        """A new access token."""
        answer = self.client().post("/api/v1/authentication/token/", json={"username": username, "password": password})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access"])

    def close(self) -> None:
        for client in self._clients:
            client.close()
        if self._runner is not None:
            self.run(self._runner.cleanup())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE)
        self._loop.close()


@pytest.fixture
def start_server(database: Database) -> Iterator[Callable[..., Server]]:
    """start_server(**settings): a server over the test's database."""
    servers: list[Server] = []

    def start(**settings: Any) -> Server:
        servers.append(Server(database.conninfo, **settings))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def server(start_server: Callable[..., Server]) -> Server:
    """A server over the test's database, with development's settings."""
    return start_server()


@pytest.fixture
def client(server: Server) -> httpx.Client:
    """A client without a token: the operator."""
    return server.client()
