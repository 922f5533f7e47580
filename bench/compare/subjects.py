"""The services ("subjects") that are measured: how each is started, and its requests for each workload."""

from __future__ import annotations

import contextlib
import dataclasses
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from bench.compare.load import LoadError, Request, Script
from bench.compare.works import ONE, SALE_QUANTITY, SOLD_OUT, SOLD_OUT_UNITS
from tools.cluster import Cluster

ROOT = Path(__file__).resolve().parents[2]
PEERS = ROOT / "bench" / "peers"
PEERS_PYTHON = ROOT / ".venv-bench" / "bin" / "python"
NODE_MODULES = PEERS / "postgraphile" / "node_modules"
# The best numbers of workers and connections for each subject on two cores, and below those that `--tune` tries (see
# peers/README.md). For django, the second number is the threads of a worker; 0: no threads.
SIZES = {"plain": (1, 4), "fastapi": (2, 8), "django": (3, 0), "postgraphile": (1, 4)}
TRIED = {
    "plain": ((1, 4), (1, 8), (1, 16)),
    "fastapi": ((1, 8), (1, 16), (2, 4), (2, 8), (2, 16), (4, 4), (4, 8)),
    "django": ((2, 0), (3, 0), (4, 0), (8, 0), (2, 4), (2, 8), (4, 4)),
    "postgraphile": ((1, 4), (1, 8), (1, 16), (1, 32)),
}
SALE = f'{{"product_id": <id>, "quantity": {SALE_QUANTITY}, "unit_price": 2.95}}'
START_SECONDS = 60
STOP_SECONDS = 20
SETTLE_SECONDS = 30


class Subject:
    """A service in the comparison, with a database of its own if it needs one, so that no subject affects another.

    ``requests`` maps each workload to its request. A workload that is not in it is not measured.
    """

    # Its value counts the movements that were written, independent of the answers.
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
        """The database that is copied for this subject; None if it needs none."""
        return "inventory"

    def dsn(self, user: str = "postgres") -> str:
        return self.cluster.dsn(user, self.database)

    @property
    def pid(self) -> int:
        """The id of its process, after the start."""
        assert self._process is not None
        return self._process.pid

    def make_database(self) -> None:
        if self.template is not None:
            with psycopg.connect(self.cluster.dsn(), autocommit=True) as connection:
                connection.execute(
                    sql.SQL("create database {} template {} strategy file_copy").format(
                        sql.Identifier(self.database), sql.Identifier(self.template)
                    )
                )

    def start(self) -> None:
        """Start the subject, and wait until it answers."""

    def sell_out(self) -> None:
        """Reserve all units of the product of the workload `sold-out`."""
        request = self.requests.get("sold-out")
        if isinstance(request, Request):
            ask(self.url, dataclasses.replace(request, body=json.dumps({"amount": SOLD_OUT_UNITS})))

    def stop(self) -> None:
        if self._process is None:
            return
        # Signal the process group: workers may outlive their parent.
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(STOP_SECONDS)
        self._process = None

    def written(self) -> int | None:
        """Returns the number of movements that were written; None if the subject has no database."""
        if self.template is None:
            return None
        with psycopg.connect(self.dsn()) as connection:
            row = connection.execute(f"select last_value from {self.sequence}".encode()).fetchone()
            assert row is not None
            return int(row[0])

    def refresh(self) -> None:
        """Vacuum and analyze its database, as autovacuum would do later."""
        if self.template is not None:
            with psycopg.connect(self.dsn(), autocommit=True) as connection:
                connection.execute("vacuum (analyze)")

    def settle(self, work: str) -> None:
        """Wait until it has finished the requests that were open when the load generator ended."""
        # This request queues behind all others that the server has accepted.
        self.probe(work)
        if self.template is None:
            return
        deadline = time.monotonic() + SETTLE_SECONDS
        idle = 0
        with psycopg.connect(self.cluster.dsn(), autocommit=True) as connection:
            while idle < 5 and time.monotonic() < deadline:
                row = connection.execute(
                    "select count(*) from pg_stat_activity where datname = %s and state <> 'idle'", [self.database]
                ).fetchone()
                idle = idle + 1 if row == (0,) else 0
                time.sleep(0.02)

    def probe(self, work: str) -> None:
        """Raise LoadError if a request of the workload does not get the expected answer."""
        request = self.requests[work]
        if isinstance(request, Request):
            ask(self.url, request)

    def _serve(self, command: Sequence[object], path: str, environment: Mapping[str, str], cwd: Path = ROOT) -> None:
        """Start a process in a new process group, which its workers inherit, and wait until it answers ``path``."""
        log = self.cluster.directory / f"{self.name}.log"
        with log.open("wb") as file:
            self._process = subprocess.Popen(
                [str(word) for word in command],
                cwd=cwd,
                env={name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
                | dict(environment),
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
                raise LoadError(f"{self.name} does not start:\n" + "\n".join(log.read_text().splitlines()[-15:]))
            time.sleep(0.1)


class Pgbench(Subject):
    """Calls of the functions without a server: shows what the database alone can do."""

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
            "keyed": Script(
                f"{draw}select * from http.once('anonymous', gen_random_uuid()::text, 'reserve', 'reserve_stock',"
                " jsonb_build_object('p_id', (:id)::text, 'p_amount', 1, 'p_actor', 'anonymous'));\n",
                *operator,
            ),
            "sold-out": Script("select bench.refuse();\n", *operator),
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

    def sell_out(self) -> None:
        reserve = f"http.reserve_stock(p_id => '{SOLD_OUT}', p_amount => {{}}, p_actor => 'anonymous')"
        # An error would end a client of pgbench, so that this function catches the refusal.
        with psycopg.connect(self.dsn()) as connection:
            connection.execute(f"select {reserve.format(SOLD_OUT_UNITS)}".encode())
            connection.execute(
                f"""
                create schema bench;
                grant usage on schema bench to inventory_operator;
                create function bench.refuse() returns void language plpgsql as $$
                begin
                    perform {reserve.format(1)};
                    assert false, 'not refused';
                exception when others then null; -- does not catch the assertion
                end $$
                """.encode()
            )


class Bare(Subject):
    """A bare aiohttp handler on uvloop. Its POST is the same for all workloads, so that only one is measured."""

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


def service_requests() -> dict[str, Request]:
    """Returns the requests to this service that need no token."""
    return {
        "read": Request("GET", "/api/v1/inventory/<id>"),
        "reserve-many": Request("POST", "/api/v1/inventory/<id>/reserveStock", '{"amount": 1}'),
        "reserve-one": Request("POST", f"/api/v1/inventory/{ONE}/reserveStock", '{"amount": 1}'),
        "keyed": Request("POST", "/api/v1/inventory/<id>/reserveStock", '{"amount": 1}', is_keyed=True),
        "sold-out": Request("POST", f"/api/v1/inventory/{SOLD_OUT}/reserveStock", '{"amount": 1}', refusal=409),
        "block-convert": Request(
            "POST",
            "/sku/<uuid>/temporary-block",
            '{"quantity": 1}',
            follow=("/temporary-blocks/<block>/convert-to-permanent", "{}"),
        ),
    }


class Plain(Subject):
    """aiohttp and psycopg, with one call of the database per request and nothing else."""

    def __init__(self, name: str, cluster: Cluster, pool_size: int) -> None:
        super().__init__(name, cluster)
        self._pool_size = pool_size
        asked = service_requests()
        self.requests = {work: asked[work] for work in ("read", "reserve-many", "reserve-one")}

    def start(self) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        command = [PEERS_PYTHON, PEERS / "plain.py", port, self._pool_size]
        self._serve(command, "/api/v1/inventory/1", {"DATABASE_URL": self.dsn("inventory_operator")})


class Service(Subject):
    """This service, started in the same way as by users. ``tree`` is the checkout that it runs from."""

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
            "REUSE_PORT": str(self._workers > 1),
            "ACCESS_TOKEN_SECONDS": "86400",
            "RUN_JOBS": "never",
        }
        start_all = f'for n in $(seq {self._workers}); do "$0" -m server & done; wait'
        self._serve(["sh", "-c", start_all, sys.executable], "/health", environment, self._tree)
        login = Request("POST", "/api/v1/authentication/token/", json.dumps({"username": "admin", "password": "admin"}))
        token = ask(self.url, login)["access"]
        self.requests = service_requests() | {
            "sale": Request(
                "POST",
                "/inventory/sales",
                SALE,
                token=token,
            ),
            "page": Request("GET", "/api/v1/products/?page=<page>&page_size=20", token=token),
        }


class Peer(Subject):
    """A service with the rules in its own code, and with its own tables. ``workers`` is the number of processes."""

    sequence = "public.movement_id_seq"

    def __init__(self, name: str, cluster: Cluster, workers: int, size: int) -> None:
        super().__init__(name, cluster)
        self._workers = workers
        self._size = size
        self.requests = {
            "read": Request("GET", "/products/<id>"),
            "reserve-many": Request("POST", "/products/<id>/reserve", '{"amount": 1}'),
            "reserve-one": Request("POST", f"/products/{ONE}/reserve", '{"amount": 1}'),
            "sold-out": Request("POST", f"/products/{SOLD_OUT}/reserve", '{"amount": 1}', refusal=409),
            "block-convert": Request(
                "POST", "/products/<id>/blocks", '{"quantity": 1}', follow=("/blocks/<block>/convert", "{}")
            ),
            "sale": Request(
                "POST", "/sales", f'{{"product_id": <id>, "quantity": {SALE_QUANTITY}, "unit_price": 2.95}}'
            ),
            "page": Request("GET", "/products?page=<page>&page_size=20"),
        }

    @property
    def template(self) -> str:
        return "peer"


class FastApi(Peer):
    """FastAPI. ``size`` is the number of connections in each worker's pool."""

    def start(self) -> None:
        self.requests |= {"keyed": dataclasses.replace(self.requests["reserve-many"], is_keyed=True)}
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        url = f"postgresql+asyncpg://postgres@/{self.database}?host={self.cluster.socket_directory}"
        self._serve(
            [
                *(PEERS_PYTHON, "-m", "uvicorn", "--app-dir", PEERS, "fastapi_service:app", "--port", port),
                *("--workers", self._workers, "--loop", "uvloop", "--http", "httptools", "--no-access-log"),
            ],
            "/products/1",
            {"DATABASE_URL": url, "POOL_SIZE": str(self._size)},
        )


class Django(Peer):
    """Django. ``size`` is the number of threads of each worker; 0: a worker handles one request at a time."""

    def start(self) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        threads = ("--worker-class", "gthread", "--threads", self._size) if self._size else ()
        self._serve(
            [
                *(PEERS_PYTHON, "-m", "gunicorn", "--chdir", PEERS / "django_service", "wsgi"),
                *("--bind", f"127.0.0.1:{port}", "--workers", self._workers, *threads, "--timeout", 60),
            ],
            "/products/1",
            {"DATABASE_NAME": self.database, "DATABASE_HOST": str(self.cluster.socket_directory)},
        )


class PostGraphile(Subject):
    """PostGraphile: the same functions in GraphQL. ``size`` is the number of connections in its pool."""

    def __init__(self, name: str, cluster: Cluster, size: int) -> None:
        super().__init__(name, cluster)
        self._size = size
        reserve = mutation("reserve", "$id: BigInt!", 'id: $id, amount: "1"', {"id": "<id>"})
        self.requests = {
            "read": graphql("query($id: BigInt!) { stock(id: $id) }", {"id": "<id>"}),
            "reserve-many": reserve,
            "reserve-one": dataclasses.replace(reserve, body=reserve.body.replace("<id>", str(ONE))),
            "block-convert": dataclasses.replace(
                mutation("createBlock", "$id: UUID!", 'skuId: $id, quantity: "1"', {"id": "<uuid>"}),
                follow=(
                    "/graphql",
                    mutation("convertBlock", "$id: UUID!", "blockId: $id", {"id": "<block>"}).body,
                ),
            ),
            "sale": mutation(
                "createSale",
                "$id: BigInt!",
                f'productId: $id, quantity: "{SALE_QUANTITY}", unitPrice: "2.95"',
                {"id": "<id>"},
            ),
            # No quotes, because the variable is a number.
            "page": graphql("query($page: Int!) { products(page: $page, pageSize: 20) }", {"page": "<page>"}, quote=""),
        }

    def make_database(self) -> None:
        super().make_database()
        with psycopg.connect(self.dsn()) as connection:
            connection.execute((PEERS / "postgraphile" / "graph.sql").read_bytes())

    def start(self) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._serve(
            [node(), NODE_MODULES / "postgraphile" / "dist" / "cli-run.js", "--port", port, "--host", "127.0.0.1"],
            "/",
            {
                "PGHOST": str(self.cluster.socket_directory),
                "PGUSER": "inventory_admin",
                "PGDATABASE": self.database,
                "POOL_SIZE": str(self._size),
                "NODE_ENV": "production",
                "GRAPHILE_ENV": "production",
            },
            PEERS / "postgraphile",
        )


def graphql(query: str, variables: Mapping[str, str], quote: str = '"') -> Request:
    values = ", ".join(f'"{name}": {quote}{value}{quote}' for name, value in variables.items())
    return Request("POST", "/graphql", f'{{"query": {json.dumps(query)}, "variables": {{{values}}}}}')


def mutation(name: str, declared: str, given: str, variables: Mapping[str, str]) -> Request:
    return graphql(f"mutation({declared}) {{ {name}(input: {{{given}}}) {{ result }} }}", variables)


def node() -> Path:
    """Returns the path of node: the one installed with PostGraphile, else the one in PATH."""
    for program in (*NODE_MODULES.glob("node-linux-*/bin/node"), shutil.which("node")):
        if program:
            return Path(program)
    raise LoadError("node is not installed: `tools/setup.sh --bench` installs it.")


def ask(url: str, request: Request) -> dict[str, Any]:
    """Send one request, for product 1 or page 1, and return its answer.

    Raises LoadError if it is neither a success nor the expected refusal.
    """
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
        if error.code == request.refusal:
            return {}
        raise LoadError(f"{request.method} {path} is answered {error.code}: {error.read().decode()}") from error
    parsed = json.loads(text) if text else {}
    # GraphQL reports errors with status 200.
    if parsed.get("errors"):
        raise LoadError(f"{request.method} {path} is answered: {text.decode()}")
    return dict(parsed)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def make(
    name: str, cluster: Cluster, workers: int, baseline: Path | None = None, sizes: tuple[int, int] | None = None
) -> Subject:
    """Returns the subject of that name. `service-2` and `bare-2` are the service and the bare handler with two workers.

    ``sizes`` replaces those of SIZES.
    """
    kind, _, number = name.partition("-")
    workers, size = sizes or SIZES.get(kind) or (int(number or workers), 0)
    made: dict[str, Callable[[], Subject]] = {
        "service": lambda: Service(name, cluster, workers),
        "pgbench": lambda: Pgbench(name, cluster),
        "bare": lambda: Bare(name, cluster, workers),
        "plain": lambda: Plain(name, cluster, size),
        "fastapi": lambda: FastApi(name, cluster, workers, size),
        "django": lambda: Django(name, cluster, workers, size),
        "postgraphile": lambda: PostGraphile(name, cluster, size),
        "baseline": lambda: Service(name, cluster, workers, baseline or ROOT),
    }
    return made[kind]()
