"""Who is measured: how each is started, and what it is asked for a work."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path

import psycopg
from psycopg import sql

from bench.compare.load import LoadError, Request, Script
from bench.compare.works import ONE, PRODUCTS, SALE_QUANTITY
from tools.cluster import Cluster

ROOT = Path(__file__).resolve().parents[2]
PEERS = ROOT / "bench" / "peers"
PEERS_PYTHON = ROOT / ".venv-bench" / "bin" / "python"
GENERAL_WORKS = ("read", "reserve-many", "reserve-one")
START_SECONDS = 60
STOP_SECONDS = 20


class Subject:
    """One of those compared, with a database of its own where it needs one, so that no one slows down another.

    ``requests``: what it is asked, by work; a work that is not in it is not measured.
    """

    # Counts what was written, beside the answers: a sequence of the database.
    sequence = "store.movement_id_seq"

    def __init__(self, name: str, cluster: Cluster) -> None:
        self.name = name
        self.cluster = cluster
        self.database = name.replace("-", "_")
        self.requests: Mapping[str, Request | Script] = {}
        self.url = ""
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def template(self) -> str | None:
        """The database that its own is a copy of; None: it has none."""
        return "inventory"

    def dsn(self, user: str = "postgres") -> str:
        return self.cluster.dsn(user, self.database)

    def make_database(self) -> None:
        if self.template is not None:
            with psycopg.connect(self.cluster.dsn(), autocommit=True) as connection:
                connection.execute(
                    sql.SQL("create database {} template {} strategy file_copy").format(
                        sql.Identifier(self.database), sql.Identifier(self.template)
                    )
                )

    def start(self) -> None:
        """When this returns, it answers."""

    def stop(self) -> None:
        if self._process is None:
            return
        # Its workers too, which may outlive it.
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(STOP_SECONDS)
        self._process = None

    def written(self) -> int | None:
        """How many movements there are; None where nothing is written."""
        if self.template is None:
            return None
        with psycopg.connect(self.dsn()) as connection:
            row = connection.execute(f"select last_value from {self.sequence}".encode()).fetchone()
            assert row is not None
            return int(row[0])

    def refresh(self) -> None:
        """Tidy its database, as autovacuum would in time."""
        if self.template is not None:
            with psycopg.connect(self.dsn(), autocommit=True) as connection:
                connection.execute("vacuum (analyze)")

    def probe(self, work: str) -> None:
        """Fail where the work's first request is not answered with what was asked for."""
        request = self.requests[work]
        if isinstance(request, Request):
            ask(self.url, request)

    def _serve(self, command: Sequence[object], path: str, environment: Mapping[str, str], cwd: Path = ROOT) -> None:
        """Start it as a process, with its workers in a group of their own, and wait until ``path`` is answered."""
        log = self.cluster.directory / f"{self.name}.log"
        with log.open("wb") as file:
            self._process = subprocess.Popen(
                [str(word) for word in command],
                cwd=cwd,
                env={name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ} | environment,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                with urllib.request.urlopen(self.url + path, timeout=5):
                    return
            except urllib.error.HTTPError as error:
                if error.code < 500:
                    return
            except (OSError, http.client.HTTPException):
                pass
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise LoadError(f"{self.name} does not start:\n{log.read_text()}")
            time.sleep(0.1)


class Pgbench(Subject):
    """The functions called without a server between: what the database alone can do."""

    def __init__(self, name: str, cluster: Cluster) -> None:
        super().__init__(name, cluster)
        program = cluster.binaries / "pgbench"
        operator, admin = (self.dsn("inventory_operator"), program), (self.dsn("inventory_admin"), program)
        draw = "\\set id random(1, :products)\n"
        uuid = "('00000000-0000-7000-8000-' || lpad(to_hex(:id::bigint), 12, '0'))::uuid"
        reserve = "select http.reserve_stock(p_id => {}::text, p_amount => 1, p_actor => 'anonymous');\n"
        self.requests = {
            "read": Script(f"{draw}select http.get_inventory_item(p_id => :id::text);\n", *operator),
            "reserve-many": Script(draw + reserve.format(":id"), *operator),
            "reserve-one": Script(reserve.format(ONE), *operator),
            "block-convert": Script(
                f"{draw}select http.create_block(p_sku_id => {uuid}, p_quantity => 1, p_actor => 'anonymous')"
                " ->> 'block_id' as block \\gset\n"
                "select http.convert_block(p_block_id => :block::uuid, p_actor => 'anonymous');\n",
                *operator,
            ),
            "sale": Script(
                f"{draw}select http.create_sale(p_product_id => :id, p_quantity => {SALE_QUANTITY},"
                " p_unit_price => 2.95, p_actor => 'admin');\n",
                *admin,
            ),
            "page": Script(
                "\\set page random(1, 50)\nselect http.list_catalog_products(p_page => :page::text,"
                " p_page_size => '20', p_url => 'http://127.0.0.1:8000/api/v1/products/');\n",
                *admin,
            ),
        }


class Bare(Subject):
    """A bare aiohttp handler on uvloop. A POST is a POST, whatever it is about: one of them is measured."""

    def __init__(self, name: str, cluster: Cluster, workers: int) -> None:
        super().__init__(name, cluster)
        self._workers = workers
        self.requests = {
            "read": Request("GET", "/item/<id>"),
            "reserve-many": Request("POST", "/item/<id>", '{"amount": 1}'),
            "page": Request("GET", "/page?page=<page>&page_size=20"),
        }

    @property
    def template(self) -> None:
        return None

    def start(self) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._serve([PEERS_PYTHON, PEERS / "bare.py", port, self._workers], "/item/1", {})


class Service(Subject):
    """This service, started as users start it. ``tree``: the checkout that it runs from."""

    def __init__(self, name: str, cluster: Cluster, workers: int, tree: Path = ROOT) -> None:
        super().__init__(name, cluster)
        self._workers = workers
        self._tree = tree

    @property
    def template(self) -> str:
        return "inventory" if self._tree == ROOT else "inventory_baseline"

    def start(self) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        environment = {
            "ENV_FILE": str(self._tree / ".env.dev"),
            "DATABASE_URL": self.dsn(),
            "DATABASE_ROLE_PASSWORD": "",
            "PORT": str(port),
            "WORKERS": str(self._workers),
            "ACCESS_TOKEN_SECONDS": "86400",
        }
        self._serve([sys.executable, "-m", "server"], "/health", environment, self._tree)
        login = Request("POST", "/api/v1/authentication/token/", json.dumps({"username": "admin", "password": "admin"}))
        token = ask(self.url, login)["access"]
        reserve = ("POST", "/api/v1/inventory/{}/reserveStock", '{"amount": 1}')
        self.requests = {
            "read": Request("GET", "/api/v1/inventory/<id>"),
            "reserve-many": Request(*(part.replace("{}", "<id>") for part in reserve)),
            "reserve-one": Request(*(part.replace("{}", str(ONE)) for part in reserve)),
            "block-convert": Request(
                "POST",
                "/sku/<uuid>/temporary-block",
                '{"quantity": 1}',
                follow=("/temporary-blocks/<block>/convert-to-permanent", "{}"),
            ),
            "sale": Request(
                "POST",
                "/inventory/sales",
                f'{{"product_id": <id>, "quantity": {SALE_QUANTITY}, "unit_price": 2.95}}',
                token=token,
            ),
            "page": Request("GET", "/api/v1/products/?page=<page>&page_size=20", token=token),
        }


def ask(url: str, request: Request) -> dict[str, object]:
    """One request's answer, for product 1, page 1; raises LoadError where it is no success."""
    path, body = request.path, request.body
    for word, value in (("<id>", "1"), ("<page>", "1"), ("<uuid>", "00000000-0000-7000-8000-000000000001")):
        path, body = path.replace(word, value), body.replace(word, value)
    headers = {"Content-Type": "application/json"} if body else {}
    if request.token:
        headers["Authorization"] = f"Bearer {request.token}"
    asked = urllib.request.Request(url + path, body.encode() or None, headers, method=request.method)
    try:
        with urllib.request.urlopen(asked, timeout=30) as answer:
            text = answer.read()
    except urllib.error.HTTPError as error:
        raise LoadError(f"{request.method} {path} is answered {error.code}: {error.read().decode()}") from error
    parsed = json.loads(text) if text else {}
    # GraphQL's way to say it, with status 200.
    if parsed.get("errors"):
        raise LoadError(f"{request.method} {path} is answered: {text.decode()}")
    return dict(parsed)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def make(name: str, cluster: Cluster, workers: int, baseline: Path | None) -> Subject:
    """The subject of that name; `service-2` is the service with two workers, `bare-2` the bare handler with two."""
    kind, _, number = name.partition("-")
    if number:
        workers = int(number)
    match kind:
        case "pgbench":
            return Pgbench(name, cluster)
        case "bare":
            return Bare(name, cluster, workers)
        case "service":
            return Service(name, cluster, workers)
        case "baseline" if baseline is not None:
            return Service(name, cluster, workers, baseline)
    raise LoadError(f"There is no subject {name}.")


assert PRODUCTS >= ONE
