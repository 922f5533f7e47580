"""Rate limits, over HTTP: who is counted where, what a refusal says, and a store that is shared or does not answer."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import socket
import socketserver
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from fakeredis import TcpFakeServer
from limits import parse

from server.http import rate_limits as module
from server.http.errors import Api
from server.http.routes import Route
from server.operation.lifecycle import new_event_loop
from tests.conftest import PATIENCE, Database, Server
from tests.http.conftest import Shared
from tests.http.samples import CREDENTIALS, EVERY_ROUTE, name_of
from tests.http.test_service import GETS, assert_error, samples

Start = Callable[..., Server]

TOKEN = "/api/v1/authentication/token/"
READ = "/api/v1/inventory"
HEADERS = ("RateLimit-Policy", "RateLimit", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")
SENTENCE = re.compile(r"Request was throttled\. Expected available in (\d+) seconds?\.")


class Clock:
    """The time of what counts requests."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.offset = 0.0
        fake = SimpleNamespace(time=lambda: time.time() + self.offset, monotonic=time.monotonic)
        for name in ("server.http.rate_limits", "limits.aio.storage.memory", "limits.aio.storage.redis.redispy"):
            monkeypatch.setattr(f"{name}.time", fake)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """clock.offset += seconds: move on."""
    return Clock(monkeypatch)


@pytest.fixture
def redis(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of a Redis that may take its time: it runs in this process."""
    monkeypatch.setattr(module, "STORE_SECONDS", PATIENCE)
    with serving(TcpFakeServer(("127.0.0.1", 0))) as port:
        yield f"redis://127.0.0.1:{port}/0"


@contextlib.contextmanager
def serving(server: socketserver.TCPServer) -> Iterator[int]:
    """Serve in a thread; the port."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def write(client: httpx.Client, **headers: str) -> httpx.Response:
    """A write that is refused for its body, and counted."""
    return client.post("/sku", json={}, headers=headers)


def passed(answers: list[httpx.Response]) -> list[bool]:
    """Which were not refused by a limit."""
    return [answer.status_code != 429 for answer in answers]


# What is limited, and by which limit


def test_reads_writes_and_authentication_are_counted_apart(start_server: Start, database: Database) -> None:
    database.product()
    limits = {"rate_limit_authentication": "2/minute", "rate_limit_read": "4/minute", "rate_limit_write": "3/minute"}
    client = start_server(**limits).client()
    assert passed([client.post(TOKEN, json=CREDENTIALS) for _ in range(4)]) == [True] * 2 + [False] * 2
    assert passed([write(client) for _ in range(5)]) == [True] * 3 + [False] * 2
    reads = [client.get(READ), client.head(READ), client.get(f"{READ}/1"), client.get("/temporary-blocks")]
    reads += [client.get(READ), client.head(READ)]
    assert [answer.status_code for answer in reads] == [200] * 4 + [429] * 2
    for path in ("token/refresh/", "token/verify/", "token"):
        assert client.post(f"/api/v1/authentication/{path}", json={}).status_code == 429


def test_a_limit_that_is_not_set_is_none(start_server: Start) -> None:
    client = start_server(rate_limit_write="1/minute").client()
    assert passed([write(client) for _ in range(2)]) == [True, False]
    for answer in [client.get(READ) for _ in range(3)] + [client.post(TOKEN, json={})]:
        assert answer.status_code in (200, 400)
        assert not any(name in answer.headers for name in HEADERS)


def test_no_answer_has_headers_where_no_limit_is_set(shared: Shared) -> None:
    for answer in (shared.client.get(READ), write(shared.client), shared.client.post(TOKEN, json={})):
        assert not any(name in answer.headers for name in HEADERS)


@pytest.fixture(scope="session")
def exhausted(session_shared: Shared) -> Iterator[Server]:
    """A server whose limits of one a minute are used up, for the admin and for this address."""
    names = ("rate_limit_authentication", "rate_limit_read", "rate_limit_write")
    settings = dict.fromkeys(names, "1/day")  # longer than these tests take, wherever they run
    server = type(session_shared.server)(session_shared.database.conninfo, **settings)
    for client in (server.client(), server.client(session_shared.tokens["admin"])):
        assert client.get(READ).status_code == 200
        assert write(client).status_code == 422
    assert server.client().post(TOKEN, json={}).status_code == 400
    yield server
    server.close()


@pytest.mark.parametrize("route", EVERY_ROUTE, ids=name_of)
def test_every_endpoint_refuses_in_its_own_words(exhausted: Server, shared: Shared, route: Route) -> None:
    client = exhausted.client(shared.tokens["admin"])
    for path in route.paths:
        answer = client.request(route.method, shared.path(path))
        assert_error(answer, route.api, 429, "RATE_LIMITED")
        seconds = int(answer.headers["Retry-After"])
        assert 1 <= seconds <= 86_400
        found = answer.json()
        body = found["detail"] if route.api is Api.ART else found
        sentence = body["message"] if route.api is Api.ART else body["detail"]
        match = SENTENCE.fullmatch(sentence)
        assert match is not None
        assert int(match[1]) == seconds
        if route.api is Api.SKU:
            assert found == {"detail": sentence, "code": "RATE_LIMITED"}
        elif route.api in (Api.STOCK, Api.PRICING):
            assert found["type"] == "urn:problem:inventory:rate-limited"
        elif route.api is not Api.ART:
            error = {"code": "RATE_LIMITED", "message": sentence, "details": {}}
            assert found == {"detail": sentence, "error": error}


@pytest.mark.parametrize("route", GETS, ids=name_of)
def test_head_is_a_read(exhausted: Server, shared: Shared, route: Route) -> None:
    answer = exhausted.client(shared.tokens["admin"]).head(shared.path(route.path))
    assert (answer.status_code, answer.content) == (429, b"")


@pytest.mark.parametrize(
    "path", ["/health", "/ready", "/metrics", "/openapi.json", "/docs", "/redoc", "/nothing", "/sku"]
)
def test_what_is_no_endpoint_is_never_limited(exhausted: Server, path: str) -> None:
    for _ in range(3):
        answer = exhausted.client().get(path)
        assert answer.status_code in (200, 404, 405)
        assert not any(name in answer.headers for name in HEADERS)


def test_the_document_describes_the_refusal_of_every_operation(shared: Shared) -> None:
    paths = shared.client.get("/openapi.json").json()["paths"]
    for path in paths.values():
        for operation in path.values():
            assert operation["responses"]["429"]["description"] == "RATE_LIMITED"
            assert operation["responses"]["429"]["headers"].keys() == {"Retry-After", *HEADERS}


def test_metrics_count_refusals_by_limit(start_server: Start) -> None:
    client = start_server(rate_limit_read="1/minute", rate_limit_write="1/minute").client()
    for _ in range(3):
        client.get(READ)
    write(client)
    found = samples(client)
    name = "inventory_http_requests_rate_limited_total"
    assert {dict(labels)["limit"]: value for (each, labels), value in found.items() if each == name} == {
        "read": 2,
        "write": 0,
    }


# Who is counted


def test_each_user_has_a_limit_and_so_has_the_address(start_server: Start, shared: Shared) -> None:
    server = type(shared.server)(shared.database.conninfo, rate_limit_read="2/minute")
    with contextlib.closing(server):
        clients = [server.client(shared.tokens["admin"]), server.client(shared.tokens["employee"]), server.client()]
        for client in clients:
            assert passed([client.get(READ) for _ in range(3)]) == [True, True, False]
        # Another token of the same user; another connection from the same address; a scheme that is no token.
        again = [server.client(shared.server.token("root", "secret")), server.client()]
        assert passed([client.get(READ) for client in again]) == [False, False]
        assert server.client().get(READ, headers={"Authorization": "Basic eDp5"}).status_code == 429


def test_authentication_counts_by_address_whoever_asks(shared: Shared) -> None:
    server = type(shared.server)(shared.database.conninfo, rate_limit_authentication="2/minute")
    with contextlib.closing(server):
        clients = [server.client(shared.tokens["admin"]), server.client(shared.tokens["employee"]), server.client()]
        assert passed([client.post(TOKEN, json={}) for client in clients]) == [True, True, False]
        verify = {"token": "x"}
        assert clients[0].post(f"{TOKEN}verify/", json=verify).status_code == 429


def test_what_has_no_permission_is_not_counted(shared: Shared) -> None:
    settings: dict[str, Any] = {"rate_limit_read": "1/minute", "anonymous_role": "inventory_public"}
    server = type(shared.server)(shared.database.conninfo, **settings)
    with contextlib.closing(server):
        for _ in range(3):
            refused = [
                server.client().get(READ),
                server.client("no token").get(READ),
                server.client(shared.tokens["employee"]).get("/api/v1/users/"),
            ]
            assert [answer.status_code for answer in refused] == [401, 401, 403]
            assert not any(name in answer.headers for answer in refused for name in HEADERS)
        assert passed([server.client().get("/products") for _ in range(2)]) == [True, False]
        assert passed([server.client(shared.tokens["employee"]).get(READ) for _ in range(2)]) == [True, False]
        # Who has used all up and may not call is still told the latter.
        assert server.client().get(READ).status_code == 401
        assert server.client(shared.tokens["employee"]).get("/api/v1/users/").status_code == 403


def test_what_is_refused_later_is_counted(start_server: Start) -> None:
    client = start_server(rate_limit_write="7/minute", rate_limit_read="3/minute").client()
    answers = [
        write(client),
        client.post("/sku", content=b"{", headers={"Content-Type": "application/json"}),
        client.post("/sku", content=b"x", headers={"Content-Type": "text/plain"}),
        client.post("/sku", content=b" " * (1024 * 1024 + 1), headers={"Content-Type": "application/json"}),
        client.post("/sku/abc/temporary-block", json={}),
        client.post(f"{READ}/999/addStock", json={"amount": 1}),
        client.post("/sku", json={}, headers={"Idempotency-Key": "x" * 256}),
        write(client),
    ]
    assert [answer.status_code for answer in answers] == [422, 422, 415, 413, 422, 404, 422, 429]
    assert [answer.headers["RateLimit-Remaining"] for answer in answers] == [*"6543210", "0"]
    answers = [client.get(f"{READ}/abc"), client.get(f"{READ}/999"), client.get(READ, params={"limit": "x"})]
    assert [answer.status_code for answer in answers] == [400, 404, 400]
    assert client.get(READ).status_code == 429


def test_a_retry_with_the_same_key_is_counted_too(start_server: Start) -> None:
    client = start_server(rate_limit_write="2/minute").client()
    new = {"sku_code": "A-1", "name": "x", "quantity": 1, "price": 1}
    answers = [client.post("/sku", json=new, headers={"Idempotency-Key": "k"}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[1].headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in answers[2].headers


# What an answer says


def test_headers(start_server: Start, clock: Clock) -> None:
    client = start_server(rate_limit_read="3/minute", rate_limit_write="5/2 hour").client()
    for remaining, reset in ((2, 60), (1, 50), (0, 40), (0, 30)):
        answer = client.get(READ)
        found = {name: answer.headers[name] for name in HEADERS}
        # The machine may be slow.
        seconds = int(found["RateLimit-Reset"])
        assert reset - 5 <= seconds <= reset
        assert found == {
            "RateLimit-Policy": '"read";q=3;w=60',
            "RateLimit": f'"read";r={remaining};t={seconds}',
            "RateLimit-Limit": "3",
            "RateLimit-Remaining": str(remaining),
            "RateLimit-Reset": str(seconds),
        }
        assert answer.headers.get("Retry-After") == (str(seconds) if answer.status_code == 429 else None)
        clock.offset += 10
    answer = write(client)
    assert answer.headers["RateLimit-Policy"] == '"write";q=5;w=7200'


@pytest.mark.parametrize("storage", ["memory", "redis"])
def test_retry_after_is_the_truth(
    start_server: Start, clock: Clock, storage: str, request: pytest.FixtureRequest
) -> None:
    url = request.getfixturevalue("redis") if storage == "redis" else "memory://"
    client = start_server(rate_limit_read="2/minute", rate_limit_storage=url).client()
    start = time.time()
    assert client.get(READ).status_code == 200
    clock.offset = 20
    assert client.get(READ).status_code == 200
    refused = client.get(READ)
    assert refused.status_code == 429
    seconds = int(refused.headers["Retry-After"])
    assert seconds == pytest.approx(40, abs=2)
    clock.offset = start + 55 - time.time()
    assert client.get(READ).status_code == 429
    clock.offset = 20 + seconds
    assert client.get(READ).status_code == 200
    assert client.get(READ).status_code == 429, "the window moves: the second one still counts"


def test_a_refused_request_does_not_count(start_server: Start, clock: Clock) -> None:
    client = start_server(rate_limit_read="1/minute").client()
    assert client.get(READ).status_code == 200
    for _ in range(5):
        clock.offset += 10
        assert client.get(READ).status_code == 429
    clock.offset += 11
    assert client.get(READ).status_code == 200


def test_one_second_is_in_the_singular(start_server: Start, clock: Clock) -> None:
    client = start_server(rate_limit_authentication="1/second").client()
    for _ in range(100):
        answer = client.post(TOKEN, json={})
        if answer.status_code == 429:
            break
    assert answer.headers["Retry-After"] == "1"
    assert answer.json()["detail"] == "Request was throttled. Expected available in 1 second."


# The store


@pytest.mark.parametrize("storage", ["memory", "redis"])
def test_of_many_at_once_so_many_pass(start_server: Start, storage: str, request: pytest.FixtureRequest) -> None:
    url = request.getfixturevalue("redis") if storage == "redis" else "memory://"
    client = start_server(rate_limit_read="10/minute", rate_limit_storage=url).client()
    with ThreadPoolExecutor(8) as pool:
        statuses = Counter(pool.map(lambda _: client.get(READ).status_code, range(40)))
    assert statuses == {200: 10, 429: 30}


def test_servers_share_a_redis(start_server: Start, redis: str) -> None:
    settings = {"rate_limit_read": "3/minute", "rate_limit_storage": redis}
    first, second = (start_server(**settings).client() for _ in range(2))
    answers = [client.get(READ) for client in (first, second, first, second, first)]
    assert passed(answers) == [True] * 3 + [False] * 2
    assert [answer.headers["RateLimit-Remaining"] for answer in answers] == [*"21000"]


def test_servers_do_not_share_their_memory(start_server: Start) -> None:
    for client in [start_server(rate_limit_read="1/minute").client() for _ in range(2)]:
        assert passed([client.get(READ) for _ in range(2)]) == [True, False]


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.message for record in caplog.records if record.name == "server.rate_limits" and record.levelno >= 30]


def test_a_store_that_is_down_lets_requests_through_and_is_used_when_it_is_back(
    start_server: Start, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAUSE_SECONDS", 0)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    client = start_server(rate_limit_read="2/minute", rate_limit_storage=f"redis://127.0.0.1:{port}/0").client()
    answers = [client.get(READ) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200] * 5
    assert not any(name in answer.headers for answer in answers for name in HEADERS)
    assert len(warnings(caplog)) == 1

    caplog.set_level(logging.INFO)
    monkeypatch.setattr(module, "STORE_SECONDS", PATIENCE)
    with serving(TcpFakeServer(("127.0.0.1", port))):
        Database.wait_for(lambda: "RateLimit" in client.get(READ).headers)
        assert client.get(READ).headers["RateLimit-Remaining"] == "0"
        assert client.get(READ).status_code == 429
        assert sum("limited again" in record.message for record in caplog.records) == 1
    assert len(warnings(caplog)) == 1


def test_a_store_that_hangs_holds_nobody_up_for_long(
    start_server: Start, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAUSE_SECONDS", 60)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"redis://127.0.0.1:{mute.getsockname()[1]}/0"
        client = start_server(rate_limit_read="1/minute", rate_limit_storage=url).client()
        start = time.monotonic()
        # The first one waits for the store, the others do not ask it.
        assert [client.get(READ).status_code for _ in range(20)] == [200] * 20
        assert time.monotonic() - start < 20 * module.STORE_SECONDS
    assert len(warnings(caplog)) == 1


def test_a_queue_before_the_store_is_no_fault_of_the_stores(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Slow(module._Memory):
        async def acquire_entry(self, *arguments: Any, **named: Any) -> bool:
            await asyncio.sleep(0.01)
            return await super().acquire_entry(*arguments, **named)

    monkeypatch.setattr(module, "_Memory", Slow)
    monkeypatch.setattr(module, "CONCURRENCY", 1)
    monkeypatch.setattr(module, "STORE_SECONDS", 0.5)

    async def scenario() -> None:
        store = module.Store("memory://")
        counted = await asyncio.gather(*(store.count(parse("10/minute"), "read", "ann") for _ in range(80)))
        assert Counter(answer and answer[0] for answer in counted) == {True: 10, False: 70}
        await store.close()

    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(scenario())
    assert warnings(caplog) == []


def test_memory_forgets_what_is_over(monkeypatch: pytest.MonkeyPatch, start_server: Start, clock: Clock) -> None:
    monkeypatch.setattr(module, "SWEEP_SECONDS", 0.01)
    stores: list[Any] = []
    monkeypatch.setattr(module, "_Memory", lambda kind=module._Memory: stores.append(kind()) or stores[-1])
    client = start_server(rate_limit_read="5/minute", rate_limit_write="5/2 minute").client()
    for _ in range(3):
        client.get(READ)
        write(client)
    (store,) = stores
    assert sorted(len(entries) for entries in store.events.values()) == [3, 3]
    clock.offset += 61
    Database.wait_for(lambda: len(store.events) == 1)
    write(client)
    clock.offset += 61
    Database.wait_for(lambda: [len(entries) for entries in store.events.values()] == [1])
    clock.offset += 61
    Database.wait_for(lambda: not store.events and not store.locks)
    assert client.get(READ).headers["RateLimit-Remaining"] == "4"
