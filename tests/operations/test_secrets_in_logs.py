"""Whatever PostgreSQL and the servers log, no password, token or secret is in it: with every statement logged."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from aiohttp import web

from db.apply import apply
from server.operation.logs import JsonFormatter
from tests.conftest import Database, Server
from tests.operations.conftest import NAME, NewCluster, rows, run_sql
from tools import user
from tools.cluster import Cluster

LOG_EVERYTHING = {
    "log_min_duration_statement": "0",
    "log_statement": "all",
    "log_duration": "on",
    "log_parameter_max_length": "-1",
    "log_parameter_max_length_on_error": "-1",
    "log_error_verbosity": "verbose",
    "log_min_error_statement": "debug5",
    "session_preload_libraries": "auto_explain",
    "auto_explain.log_min_duration": "0",
    "auto_explain.log_nested_statements": "on",
    "auto_explain.log_verbose": "on",
    "auto_explain.log_analyze": "on",
    "auto_explain.log_triggers": "on",
}


@pytest.fixture
def cluster(new_cluster: NewCluster) -> Cluster:
    """A cluster with the schema that logs everything."""
    cluster = new_cluster(**LOG_EVERYTHING)
    cluster.start()
    run_sql(cluster.dsn(), f"create database {NAME}")
    apply(cluster.dsn(dbname=NAME), role_password=ROLE_PASSWORD, jobs=False)
    run_sql(cluster.dsn(dbname=NAME), "update store.setting set password_cost = 4")
    return cluster


ROLE_PASSWORD = "role-" + secrets.token_hex(8)


class Secrets:
    """Makes secrets and keeps them."""

    def __init__(self) -> None:
        self.known = {"the roles' password": ROLE_PASSWORD}

    def new(self, name: str) -> str:
        return self.keep(name, f"Pä$$w0rd {secrets.token_hex(8)}")

    def keep(self, name: str, secret: str) -> str:
        assert len(secret) >= 8
        self.known[name] = secret
        return secret

    def found_in(self, log: str) -> list[str]:
        """The names of those that are in a log, also as parts of a JSON text or as bytes in hexadecimal digits."""
        return [
            name
            for name, secret in self.known.items()
            if any(
                form in log
                for form in (
                    secret,
                    secret.replace("ä", "\\u00e4"),
                    secret.encode().hex(),
                    secret.removeprefix("whsec_").rstrip("="),
                )
            )
        ]


def play_users(client: httpx.Client, admin: httpx.Client, known: Secrets) -> None:
    """Each call with a password, good and bad."""
    login, users = "/api/v1/authentication/token/", "/api/v1/users/"

    def log_in(name: Any, password: Any, **headers: str) -> httpx.Response:
        return client.post(login, json={"username": name, "password": password}, headers=headers)

    good = known.new("of ann")
    key = {"Idempotency-Key": "make ann"}
    for _ in range(2):
        body = {"username": "ann", "password": good, "role": "employee"}
        assert admin.post(users, json=body, headers=key).status_code == 201
    ann = admin.get(users).json()["results"][-1]["id"]
    for password in (known.new("of a duplicate"), known.new("long") * 40):
        body = {"username": "ANN", "password": password, "role": "employee"}
        assert admin.post(users, json=body).status_code == 422
    for body in (
        {"username": "bob", "password": known.keep("too short", "kurz-987")[:7], "role": "operator"},
        {"username": "bob", "password": known.new("with a bad role"), "role": "owner"},
        {"username": "b o b", "password": known.new("with a bad name"), "role": "operator"},
        {"username": "bob", "password": [known.new("in a list")], "role": "operator"},
        {"username": "bob", "password": known.new("with NUL") + "\x00", "role": "operator"},
    ):
        assert admin.post(users, json=body).status_code == 422
    assert admin.patch(f"{users}999/", json={"password": known.new("of nobody")}).status_code == 404
    assert admin.post(users, content='{"password": "' + known.new("in broken JSON")).status_code in (400, 415)

    for headers in ({}, {"Idempotency-Key": "log in"}, {"Idempotency-Key": "log in"}):
        answer = log_in("ann", good, **headers)
        assert answer.status_code == 200
        for kind, token in answer.json().items():
            known.keep(f"{kind} token {headers}", token.rpartition(".")[2])
            known.keep(f"{kind} payload {headers}", token.split(".")[1])
    for name, password in (
        ("ann", known.new("wrong")),
        ("nobody", known.new("of an unknown user")),
        ("ann", known.new("much too long") * 100),
        ("ann", "sealed:" + known.new("that looks sealed")),
        ("ann", "sealed:00000000-0000-0000-0000-000000000000:" + known.keep("of sealed form", secrets.token_hex(32))),
    ):
        assert log_in(name, password, **{"Idempotency-Key": password[:20].encode().hex()}).status_code == 401
        assert log_in(name, password).status_code == 401
    tokens = log_in("ann", good).json()
    for path, body in (
        ("refresh/", {"refresh": tokens["refresh"]}),
        ("verify/", {"token": tokens["access"]}),
    ):
        assert client.post(login + path, json=body).status_code == 200
        bad = {name: token[:-2] + "xx" for name, token in body.items()}
        assert client.post(login + path, json=bad).status_code == 401
    for token in tokens.values():
        known.keep("a token", token.rpartition(".")[2])

    new = known.new("new of ann")
    assert admin.patch(f"{users}{ann}/", json={"password": new}).status_code == 200
    assert log_in("ann", good).status_code == 401
    assert log_in("ann", new).status_code == 200


def play_webhooks(admin: httpx.Client, known: Secrets, url: str, cluster: Cluster) -> None:
    """Secrets that are made, shown, changed, used, and in rows that a constraint refuses."""
    hooks = "/api/v1/webhooks/"
    made = []
    for headers in ({}, {"Idempotency-Key": "a hook"}, {"Idempotency-Key": "a hook"}):
        answer = admin.post(hooks, json={"url": url, "events": ["stock.low"]}, headers=headers)
        assert answer.status_code == 201
        made.append(answer.json())
        known.keep(f"of a webhook {headers}", made[-1]["secret"])
    first = made[0]["id"]
    rotated = admin.post(
        f"{hooks}{first}/rotate-secret/", json={"overlap_seconds": 60}, headers={"Idempotency-Key": "r"}
    )
    assert rotated.status_code == 200, rotated.text
    known.keep("rotated", rotated.json()["secret"])
    assert admin.patch(f"{hooks}{first}/", json={"enabled": True}).status_code == 200
    assert admin.get(f"{hooks}{first}/").status_code == 200
    # An error that nobody foresaw: the row that the constraint refuses is in no log.
    run_sql(
        cluster.dsn(dbname=NAME),
        "alter table store.webhook add constraint odd check (url not like '%odd' and deleted_at is null"
        " and previous_secret_until is null) not valid",
        "alter table store.user_account add constraint odd check (username <> 'odd') not valid",
    )
    assert admin.post(hooks, json={"url": f"{url}/odd", "events": ["stock.low"]}).status_code == 500
    assert admin.patch(f"{hooks}{first}/", json={"url": f"{url}/odd"}).status_code == 500
    assert admin.post(f"{hooks}{first}/rotate-secret/", json={"overlap_seconds": 60}).status_code == 500
    assert admin.delete(f"{hooks}{first}/").status_code == 500
    odd = {"username": "odd", "password": known.new("of an odd user"), "role": "operator"}
    assert admin.post("/api/v1/users/", json=odd).status_code == 500


class Lines(logging.Handler):
    """All that the server logs, as it is written in production."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(JsonFormatter())
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@pytest.fixture
def server_log() -> Iterator[Lines]:
    handler, root = Lines(), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel("DEBUG")
    yield handler
    root.setLevel(level)
    root.removeHandler(handler)


class Receiver:
    """An endpoint for webhooks on the loop of a server."""

    async def start(self) -> str:
        self.count = 0
        app = web.Application()
        app.add_routes([web.post("/{tail:.*}", self._take)])
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def _take(self, _: web.Request) -> web.Response:
        self.count += 1
        return web.Response(status=204)

    async def stop(self) -> None:
        await self._runner.cleanup()


def test_no_log_has_a_secret(cluster: Cluster, server_log: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    known = Secrets()
    conninfo = cluster.dsn(dbname=NAME)
    # The first user is made by the tool for it, with a password that is typed.
    root = known.new("of root")
    monkeypatch.setenv("MIGRATION_DATABASE_URL", conninfo)
    monkeypatch.setattr("getpass.getpass", lambda _: root)
    assert user.main(["root", "admin"]) == 0
    root = known.new("new of root")
    assert user.main(["root"]) == 0

    server = Server(
        conninfo,
        database_role_password=ROLE_PASSWORD,
        secret_key=known.keep("the secret key", secrets.token_hex(32)),
        secret_key_previous=known.keep("the secret key before", secrets.token_hex(32)),
        webhook_poll_seconds=0.02,
        webhook_allow_private_addresses=True,
        access_log_share=1,
    )
    receiver = Receiver()
    try:
        url = server.run(receiver.start())
        admin = server.client(known.keep("root's token", server.token("root", root)))
        play_users(server.client(), admin, known)
        sku = admin.post("/sku", json={"sku_code": "MUG", "name": "Mug", "quantity": 5, "price": 1}).json()["sku_id"]
        hook = admin.post("/api/v1/webhooks/", json={"url": url, "events": ["outflow.created"]}).json()
        known.keep("of the webhook that is used", hook["secret"])
        ((number,),) = rows(conninfo, "select id from store.product where sku_id::text = %s", sku)
        assert admin.post("/api/v1/outflows/", json={"product": number, "quantity": 1}).status_code == 201
        Database.wait_for(lambda: rows(conninfo, "select status from store.webhook_delivery") == [("delivered",)])
        play_webhooks(admin, known, url, cluster)
        server.run(receiver.stop())
    finally:
        server.close()
    cluster.stop()

    log = cluster.log_file.read_text(errors="replace")
    # What is logged is logged: the parameters of the calls, and of their nested statements.
    for expected in ("http.obtain_token", '"p_username": "ann"', "sealed:", "http.update_user", "odd", "Query Text"):
        assert expected in log, expected
    assert known.found_in(log) == []
    assert known.found_in("\n".join(server_log.lines)) == []
    assert "/api/v1/authentication/token/" in "\n".join(server_log.lines)


def test_a_key_is_given_out_for_a_minute_and_kept_for_ten(database: Database) -> None:
    public = database.connect("inventory_public")

    def key() -> tuple[Any, ...]:
        row = public.execute("select id, key from inventory.password_key()").fetchone()
        assert row is not None
        return row

    first = key()
    assert len(first[1]) == 32
    assert key() == first
    database.advance(timedelta(minutes=1))
    second = key()
    assert set(second).isdisjoint(first)
    purge = "call maintenance.run_batches('purge_idempotency_keys')"
    database.advance(timedelta(minutes=8, seconds=50))
    database.connect("inventory_maintenance").execute(purge)
    kept = "select id, key from store.password_key order by made_at"
    assert database.rows(kept) == [first, second]
    database.advance(timedelta(seconds=10))
    database.connect("inventory_maintenance").execute(purge)
    assert database.rows(kept) == [second]
    # Time that was set back does not keep keys for ever.
    database.advance(-timedelta(days=1))
    database.connect("inventory_maintenance").execute(purge)
    assert database.rows(kept) == []
