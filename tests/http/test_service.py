"""What stands around the APIs: health, metrics, documentation, and what no API's document names."""

from __future__ import annotations

import json
import re
import resource
import socket
import time
import zlib
from collections.abc import Iterator
from decimal import Decimal
from html.parser import HTMLParser
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from db.source import migration_names
from server.http.errors import Api
from server.http.routes import FILE_ROUTES, Route
from server.operation import probes
from tests.conftest import Database, Server
from tests.http.art import order
from tests.http.conftest import Shared, send
from tests.http.document import Document, exact
from tests.http.samples import EVERY_ROUTE, body, fill, name_of
from tests.http.test_permissions import LEAST_ROLE

NOBODY = "550e8400-e29b-41d4-a716-446655440000"
MIB = 1024 * 1024
GETS = [route for route in EVERY_ROUTE if route.method == "GET"]
WITH_A_BODY = [route for route in EVERY_ROUTE if route.method not in ("GET", "DELETE")]
DELETES = [route for route in EVERY_ROUTE if route.method == "DELETE"]


def assert_error(answer: httpx.Response, api: Api, status: int, code: str) -> None:
    """An error in the API's own body."""
    assert answer.status_code == status, answer.text
    found = answer.json()
    is_problem = answer.headers["Content-Type"] == "application/problem+json"
    assert is_problem == (api in (Api.STOCK, Api.PRICING))
    if api is Api.SERVICE:
        assert found.keys() == {"detail", "code"}
        assert found["code"] == code
    elif api in (Api.CATALOG, Api.AUTHENTICATION):
        assert found["error"].keys() == {"code", "message", "details"}
        assert found["error"]["code"] == code
    elif api is Api.ART:
        assert found["detail"].keys() >= {"status", "message", "error_code", "timestamp"}
        assert found["detail"]["error_code"] == code
    else:
        assert found["code"] == code
        assert isinstance(found["detail"], str)


# /, /health and /ready


def test_the_root_says_where_things_are(shared: Shared) -> None:
    for client in (shared.client, shared.public, shared.server.client("abc")):
        answer = client.get("/")
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json; charset=utf-8")
        found = answer.json()
        places = {name: place for name, place in found.items() if name not in ("title", "version")}
        assert set(places.values()) == {"/docs", "/redoc", "/openapi.json", "/health"}
        assert {client.get(place).status_code for place in places.values()} == {200}


def test_health(shared: Shared) -> None:
    answer = shared.client.get("/health")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_ready_names_its_checks(shared: Shared) -> None:
    answer = shared.client.get("/ready")
    assert answer.status_code == 200
    found = answer.json()
    assert found["status"] == "ready"
    assert (found["checks"]["database"], found["checks"]["migrations"]) == ("ok", "ok")
    assert found["checks"].keys() == {"database", "migrations", "jobs", "ledger", "verify", "clock"}


def assert_not_ready(client: httpx.Client, check: str) -> None:
    answer = client.get("/ready")
    assert answer.status_code == 503, answer.text
    assert answer.headers["Retry-After"]
    found = answer.json()
    assert found["status"] != "ready"
    assert [name for name, state in found["checks"].items() if state.startswith("failed")] == [check]
    assert client.get("/health").status_code == 200


def test_ready_is_503_while_a_migration_is_missing(client: httpx.Client, database: Database) -> None:
    newest = migration_names()[-1]
    query = "delete from store._yoyo_migration where migration_id = %s returning migration_id"
    assert database.one(query, newest) == newest
    assert_not_ready(client, "migrations")
    assert newest in client.get("/ready").json()["checks"]["migrations"]


def test_ready_warns_of_a_job_that_has_stopped_and_serves(
    client: httpx.Client, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    database.admin.execute("update store.job set scheduled_at = now(), last_finished_at = null")
    assert set(client.get("/ready").json()["checks"].values()) == {"ok"}
    database.admin.execute("update store.job set scheduled_at = now() - late_after where name = 'turn_prices'")
    answer = client.get("/ready")
    assert (answer.status_code, answer.json()["status"]) == (200, "ready")
    warning = answer.json()["checks"]["jobs"]
    assert "turn_prices" in warning
    # Metrics and the log say so too, the log once.
    assert client.get("/ready").status_code == 200
    checks = {labels[0][1]: value for (name, labels), value in samples(client).items() if name == "inventory_check"}
    assert checks == {"database": 0, "migrations": 0, "jobs": 1, "ledger": 0, "verify": 0, "clock": 0}
    assert [each.getMessage() for each in caplog.records if each.name == "server.ready"] == [f"jobs: {warning}"]


@pytest.mark.parametrize(
    ("ahead", "state"),
    [
        (0, "ok"),
        (4, "ok"),
        (-4, "ok"),
        (9.5, "warning: this machine's clock is 5 s or more ahead of the database's"),
        (-99.5, "warning: this machine's clock is 5 s or more behind the database's"),
    ],
)
def test_ready_warns_of_a_clock_that_differs(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch, ahead: float, state: str
) -> None:
    monkeypatch.setattr(probes, "time", SimpleNamespace(time=lambda: time.time() + ahead))
    answer = client.get("/ready")
    assert (answer.status_code, answer.json()["checks"]["clock"]) == (200, state)


def test_health_is_ok_and_ready_is_503_without_the_database(client: httpx.Client, database: Database) -> None:
    name = database.one("select current_database()::text")
    database.admin.execute(f'alter database "{name}" connection limit 0')
    database.rows(
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where application_name = 'inventory' and datname = current_database()"
    )
    assert_not_ready(client, "database")
    assert client.get("/docs").status_code == 200


# /metrics


def samples(client: httpx.Client) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Each sample's value by its name and labels."""
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain")
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_metrics_count_requests_by_route_and_status(client: httpx.Client) -> None:
    for _ in range(3):
        client.get(f"/sku/{NOBODY}")
    client.get("/sku/abc")
    found = samples(client)
    labels = {"method": "GET", "route": "/sku/{sku_id}"}
    for status, count in (("404", 3), ("422", 1)):
        assert found["inventory_http_requests_total", tuple(sorted((labels | {"status": status}).items()))] == count
    assert found["inventory_http_request_seconds_count", tuple(sorted(labels.items()))] == 4
    assert any(name == "inventory_db_connections" and value > 0 for (name, _), value in found.items())


def test_metrics_show_each_route_before_its_first_request(client: httpx.Client) -> None:
    """Else Prometheus' rate() would miss the first sale."""
    found = samples(client)
    for route in (*EVERY_ROUTE, *FILE_ROUTES):
        labels = {"method": route.method, "route": route.path, "status": str(route.status)}
        assert found["inventory_http_requests_total", tuple(sorted(labels.items()))] == 0, route
    assert not [name for name, labels in found if "request_seconds" in name and dict(labels).get("route") == "/sku"]


def test_a_scrape_shows_the_checks_of_now(client: httpx.Client, database: Database) -> None:
    def check(name: str) -> float:
        return samples(client)["inventory_check", (("check", name),)]

    assert check("verify") == 0
    database.admin.execute("update store.verification set last_finished_at = inventory.clock(), last_differences = 3")
    assert check("verify") == 1
    database.admin.execute("update store.verification set last_differences = 0")
    assert check("verify") == 0


def test_a_client_that_goes_away_in_mid_body_is_no_fault_of_ours(server: Server) -> None:
    url = urlsplit(server.url)
    with socket.create_connection((url.hostname, url.port), timeout=10) as connection:
        connection.sendall(
            b"POST /sku HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{"
        )
    client = server.client()
    Database.wait_for(lambda: client.get("/health").status_code == 200)
    labels = {"method": "POST", "route": "/sku", "status": "500"}
    assert ("inventory_http_requests_total", tuple(sorted(labels.items()))) not in samples(client)


def test_metrics_do_not_grow_with_what_is_asked_for(client: httpx.Client) -> None:
    def labels() -> set[str]:
        return {dict(labels).get("route", "") for _, labels in samples(client)}

    client.get("/health")
    samples(client)
    before = labels()
    for i in range(20):
        client.get(f"/unknown-{i}")
        client.get(f"/sku/{i}")
        client.request("DELETE", f"/api/v1/inventory/{i}")
    assert labels() - before <= {"/sku/{sku_id}", "/api/v1/inventory/{id}", "none"}


# What there is not


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/sku/",
        f"/sku/{NOBODY}/",
        f"/sku/{NOBODY}/temporary-block/",
        f"/sku/{NOBODY}/nothing",
        "/temporary-blocks/",
        f"/temporary-blocks/{NOBODY}",
        f"/temporary-blocks/{NOBODY}/cancel/",
        "/api",
        "/api/v1",
        "/api/v1/",
        "/api/v1/inventory/",
        "/api/v1/inventory/1/",
        "/api/v1/inventory/1/addStock/",
        "/api/v1/inventory/1/addstock",
        "/API/v1/inventory",
        "/api/v2/inventory",
        "/products/",
        "/products/1/",
        "/products/1/prices/",
        "/products/1/prices/1",
        "/units/1",
        "/inventory/",
        "/inventory/1/",
        "/inventory/1/nothing",
        "/inventory/purchases/",
        "/inventory/sales/1/nothing",
        "/api/v1/art_order/",
        "/api/v1/art_orders/",
        "/api/v1/art_orders/1",
        "/api/v1/art-orders",
        "/api/v1/art-orders-health/",
        "/api/v1/locations/",
        "/api/v1/locations/RACK-A1-01",
        "/api/v1/locations/RACK-A1-01/stock/",
        "/api/v1/counts/",
        "/api/v1/counts/1/",
        "/api/v1/counts/1/lines/",
        "/api/v1/counts/1/nothing",
        "/api/v1/brands//",
        "/api/v1/brands/1/products/",
        "/api/v1/Products/",
        "/api/v1/products/1//",
        "/api/v1/inflows/1/nothing/",
        "/brands/",
        "/api/v1/users/1/x",
        "/api/v1/webhooks/1/x",
        "/api/v1/webhooks/1/deliveries/1",
        "/api/v1/webhooks/1/deliveries/1/x",
        "/api/v1/authentication/",
        "/health/",
        "/docs/",
        "/openapi.yaml",
        "//sku",
        "/%00",
        "/%ff",
        "/..%2fhealth",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_an_unknown_path_is_404(shared: Shared, method: str, path: str) -> None:
    for client in (shared.client, shared.public, shared.server.client("abc")):
        answer = client.request(method, httpx.URL(shared.server.url + path))
        assert answer.status_code == 404
        assert answer.headers["Content-Type"].startswith("application/json")
        assert answer.json() == {"detail": "Not Found"}


def _wrong_methods() -> Iterator[tuple[Api, str, str, set[str]]]:
    paths: dict[str, tuple[Api, set[str]]] = {
        path: (Api.SERVICE, {"GET"})
        for path in ("/", "/health", "/ready", "/metrics", "/openapi.json", "/docs", "/redoc")
    }
    for route in EVERY_ROUTE:
        for path in route.paths:
            paths.setdefault(path, (route.api, set()))[1].add(route.method)
    for path, (api, methods) in paths.items():
        for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"} - methods:
            yield api, method, path, methods


def test_a_wrong_method_is_405(shared: Shared) -> None:
    for api, method, path, methods in _wrong_methods():
        answer = shared.admin.request(method, shared.path(path))
        assert_error(answer, api, 405, "METHOD_NOT_ALLOWED")
        assert set(answer.headers["Allow"].split(", ")) - {"HEAD", "OPTIONS"} == methods, path


# Query parameters


def _query(document: Document) -> Iterator[tuple[str, str]]:
    """Each path that takes a query, and each of its optional parameters."""
    for _, path, operation in operations(document):
        for parameter in document.parameters(operation):
            if parameter["in"] == "query" and not parameter["required"]:
                yield path, parameter["name"]


def test_an_empty_query_parameter_is_the_parameter_left_out(shared: Shared, document: Document) -> None:
    for path, name in _query(document):
        # A valuation has the time of the call.
        answers = [shared.admin.get(shared.path(path) + query) for query in ("", f"?{name}=", f"?{name}&{name}=")]
        assert [answer.status_code for answer in answers] == [200, 200, 200], (path, name)
        found = [re.sub(r"\d\d:\d\d:[\d.]+", "", answer.text) for answer in answers]
        links = re.compile(rf"[?&]{name}=?(?=[&\"])")
        assert len({links.sub("", text) for text in found}) == 1, (path, name)


def test_of_a_repeated_query_parameter_the_last_counts(shared: Shared, document: Document) -> None:
    numbers = {"limit", "per_page", "page"}  # API 5 ignores a page_size that is not valid
    tried = 0
    for path, name in _query(document):
        if name in numbers or path.endswith("/export"):
            good, bad = ("1", "x") if name in numbers else ("ndjson", "x")
            tried += 1
            for first, last, is_good in ((bad, good, True), (good, bad, False), (bad, f"{good}&{name}=", True)):
                answer = shared.admin.get(f"{shared.path(path)}?{name}={first}&{name}={last}")
                assert (answer.status_code == 200) == is_good, (path, name, first, last)
    assert tried > 20


# Bodies that are not taken


@pytest.mark.parametrize("route", WITH_A_BODY, ids=name_of)
@pytest.mark.parametrize(
    "media_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/xml", None]
)
def test_a_wrong_media_type_is_415(shared: Shared, route: Route, media_type: str | None) -> None:
    if media_type == "application/x-www-form-urlencoded" and route.api in (Api.CATALOG, Api.AUTHENTICATION):
        return  # tests/http/test_forms.py
    headers = {} if media_type is None else {"Content-Type": media_type}
    answer = shared.admin.request(
        route.method,
        shared.path(route.path),
        content=json.dumps(body(route, shared.world, shared.server)),
        headers=headers,
    )
    assert_error(answer, route.api, 415, "UNSUPPORTED_MEDIA_TYPE")


@pytest.mark.parametrize("route", DELETES, ids=name_of)
@pytest.mark.parametrize("media_type", ["text/plain", "application/json", None])
def test_delete_reads_no_body(server: Server, database: Database, route: Route, media_type: str | None) -> None:
    world = fill(database)
    client = server.client(server.token("root", "secret"))
    headers = {} if media_type is None else {"Content-Type": media_type}
    for sent in (b"{", b"x" * (MIB + 1)):
        answer = client.request("DELETE", re.sub(r"\{\w+\}", "999", route.path), content=sent, headers=headers)
        assert_error(answer, route.api, 404, f"{_one_of(route)}_NOT_FOUND")
    answer = client.request("DELETE", world.path(route.path), content=b"{", headers=headers)
    assert (answer.status_code, answer.content) == (204, b"")
    assert_error(client.get(world.path(route.path)), route.api, 404, f"{_one_of(route)}_NOT_FOUND")
    database.verify()


def _one_of(route: Route) -> str:
    return route.function.removeprefix("delete_").removeprefix("catalog_").upper()


@pytest.mark.parametrize("media_type", ["application/json; charset=utf-8", "Application/JSON"])
def test_parameters_and_case_of_the_media_type_do_not_matter(shared: Shared, media_type: str) -> None:
    answer = shared.client.post(
        shared.path("/api/v1/inventory/{id}/addStock"), content=b'{"amount": 0}', headers={"Content-Type": media_type}
    )
    assert answer.status_code == 204


def chunks(size: int) -> Iterator[bytes]:
    """JSON of that size, without a Content-Length."""
    yield b'{"amount": 0, "x": "'
    left = size - 22
    while left > 0:
        yield b"x" * min(left, 65536)
        left -= 65536
    yield b'"}'


@pytest.mark.parametrize("route", WITH_A_BODY, ids=name_of)
@pytest.mark.parametrize("is_chunked", [False, True])
def test_a_body_over_1_mib_is_413(shared: Shared, route: Route, is_chunked: bool) -> None:
    content: Any = chunks(MIB + 1) if is_chunked else b"".join(chunks(MIB + 1))
    answer = shared.admin.request(
        route.method, shared.path(route.path), content=content, headers={"Content-Type": "application/json"}
    )
    assert_error(answer, route.api, 413, "PAYLOAD_TOO_LARGE")


@pytest.mark.parametrize("is_chunked", [False, True])
def test_a_body_of_1_mib_is_taken(shared: Shared, is_chunked: bool) -> None:
    whole = b"".join(chunks(MIB))
    assert len(whole) == MIB
    answer = shared.client.post(
        shared.path("/api/v1/inventory/{id}/addStock"),
        content=chunks(MIB) if is_chunked else whole,
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code == 204, answer.text


def test_a_compressed_bomb_is_harmless(shared: Shared) -> None:
    compressor = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join(compressor.compress(b" " * MIB) for _ in range(64)) + compressor.flush()
    assert len(bomb) < MIB
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    answer = shared.client.post(shared.path("/api/v1/inventory/{id}/addStock"), content=bomb, headers=headers)
    assert answer.status_code in (400, 413, 415)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 24 * 1024, "KiB more"


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_body_that_is_not_compressed_as_it_says_is_refused(
    shared: Shared, caplog: pytest.LogCaptureFixture, encoding: str
) -> None:
    answer = send(shared.client, "POST", "/sku", b"\x00nonsense", **{"Content-Encoding": encoding})
    assert_error(answer, Api.SKU, 422, "INVALID_JSON")
    assert shared.client.get("/health").status_code == 200, "the client's next request is answered"
    assert not caplog.records


@pytest.mark.parametrize("encoding", ["br", "zstd", "rot13", "gzip, gzip"])
def test_a_compression_that_is_not_known_here_is_refused(shared: Shared, encoding: str) -> None:
    for client in (Server.client(shared.server), Server.client(shared.server, shared.tokens["admin"])):
        answer = send(client, "POST", "/sku", b"{}", **{"Content-Encoding": encoding})
        assert_error(answer, Api.SKU, 415, "UNSUPPORTED_MEDIA_TYPE")
    answer = send(client, "POST", "/api/v1/products/import", b"{}", **{"Content-Encoding": encoding})
    assert answer.status_code == 415
    assert answer.headers["Content-Type"].startswith("application/json")


HEAD = "POST /sku HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"


def raw(shared: Shared, *parts: str) -> tuple[int, dict[str, Any]]:
    """Send the parts, which a request may break off in, and give the answer's status and body."""
    url = urlsplit(shared.server.url)
    with socket.create_connection((url.hostname, url.port), timeout=10) as connection:
        for part in parts:
            connection.sendall(part.encode("latin-1"))
            # The server reads this much before the next part.
            Database.wait_for(lambda: shared.client.get("/health").status_code == 200)
        answer = b""
        try:
            while data := connection.recv(65536):
                answer += data
        except ConnectionError:
            pass  # the server closed while a part of the request was unread
    head, _, sent = answer.partition(b"\r\n\r\n")
    assert b"\r\ncontent-type: application/json; charset=utf-8" in head.lower(), answer
    assert b"\r\nx-request-id: " in head.lower(), answer
    assert b"\r\nconnection: close" in head.lower() or head.startswith(b"HTTP/1.0"), answer
    return int(head.split()[1]), json.loads(sent)


CHUNKED = HEAD + "Transfer-Encoding: chunked\r\n"
MANY = "".join(f"X{i}: 1\r\n" for i in range(200))


@pytest.mark.parametrize(
    ("request_text", "status", "code"),
    [
        (CHUNKED + "\r\nZZ\r\n{}\r\n0\r\n\r\n", 400, "BAD_REQUEST"),
        (CHUNKED + "\r\n-1\r\n{}\r\n0\r\n\r\n", 400, "BAD_REQUEST"),
        (CHUNKED + "\r\n1\r\n{}\r\n0\r\n\r\n", 400, "BAD_REQUEST"),
        (CHUNKED + "Content-Length: 2\r\n\r\n{}", 400, "BAD_REQUEST"),
        (HEAD + "Transfer-Encoding: x\r\n\r\n{}", 400, "BAD_REQUEST"),
        (HEAD + "Content-Length: -1\r\n\r\n", 400, "BAD_REQUEST"),
        (HEAD + "Content-Length: abc\r\n\r\n", 400, "BAD_REQUEST"),
        (HEAD + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", 400, "BAD_REQUEST"),
        (HEAD + "Content-Length: " + "9" * 30 + "\r\n\r\n{}", 413, "PAYLOAD_TOO_LARGE"),
        (HEAD + "Content-Encoding: br\r\nContent-Length: 2\r\n\r\n{}", 415, "UNSUPPORTED_MEDIA_TYPE"),
        (HEAD + "Expect: nonsense\r\nContent-Length: 2\r\n\r\n{}", 417, "EXPECTATION_FAILED"),
        ("\x16\x03\x01\x02\x00\x01\x00", 400, "BAD_REQUEST"),
        ("nonsense\r\n\r\n", 400, "BAD_REQUEST"),
        ("GET /health HTTP/1.1\r\n\r\n", 400, "BAD_REQUEST"),
        ("GET /health HTTP/9.9\r\nHost: x\r\n\r\n", 400, "BAD_REQUEST"),
        ("GET /\x01 HTTP/1.1\r\nHost: x\r\n\r\n", 400, "BAD_REQUEST"),
        ("GET /" + "x" * 8190 + " HTTP/1.1\r\nHost: x\r\n\r\n", 414, "URI_TOO_LONG"),
        ("GET /health HTTP/1.1\r\nHost: x\r\nX: " + "x" * 8193 + "\r\n\r\n", 431, "HEADERS_TOO_LARGE"),
        ("GET /health HTTP/1.1\r\nHost: x\r\n" + MANY + "\r\n", 431, "HEADERS_TOO_LARGE"),
        ("FOO /health HTTP/1.1\r\nHost: x\r\n\r\n", 501, "NOT_IMPLEMENTED"),
        ("CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n", 501, "NOT_IMPLEMENTED"),
        ("CONNECT / HTTP/1.1\r\nHost: x\r\n\r\n", 501, "NOT_IMPLEMENTED"),
        ("get /health HTTP/1.1\r\nHost: x\r\n\r\n", 501, "NOT_IMPLEMENTED"),
    ],
)
def test_what_is_not_http_is_refused_in_json(
    shared: Shared, caplog: pytest.LogCaptureFixture, request_text: str, status: int, code: str
) -> None:
    found, body = raw(shared, request_text)
    assert (found, body.keys(), body["code"]) == (status, {"detail", "code"}, code)
    assert not caplog.records


def test_a_body_that_breaks_off_is_refused_in_json(shared: Shared, caplog: pytest.LogCaptureFixture) -> None:
    status, body = raw(shared, CHUNKED + "\r\n1\r\n{\r\n", "ZZ\r\n")
    assert (status, body["code"]) == (422, "INVALID_JSON")
    assert not caplog.records


@pytest.mark.parametrize("request_text", [HEAD + "Content-Length: 100\r\n\r\n{}", "POST /sku\r\n\r\n", "GET"])
def test_a_request_that_is_not_finished_is_harmless(shared: Shared, request_text: str) -> None:
    url = urlsplit(shared.server.url)
    with socket.create_connection((url.hostname, url.port), timeout=10) as connection:
        connection.sendall(request_text.encode("latin-1"))
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        try:
            while data := connection.recv(65536):
                answer += data
        except ConnectionError:
            pass
    assert not answer or re.match(rb"HTTP/\d\.\d 4\d\d ", answer), answer[:200]
    assert b"Traceback" not in answer
    assert shared.client.get("/health").status_code == 200


# HEAD


@pytest.mark.parametrize(
    "path", [*(route.path for route in GETS), "/", "/health", "/ready", "/metrics", "/openapi.json", "/docs"]
)
def test_head_is_get_without_its_body(shared: Shared, path: str) -> None:
    get, head = (shared.admin.request(method, shared.path(path)) for method in ("GET", "HEAD"))
    assert (head.status_code, head.content) == (get.status_code, b"")
    assert head.headers["Content-Type"] == get.headers["Content-Type"]


# An error that nobody foresaw


def test_an_unforeseen_error_tells_nothing_about_the_database(server: Server, database: Database) -> None:
    world = fill(database)
    database.admin.execute("alter table store.product add constraint secret_rule check (sku <> 'SECRET') not valid")
    database.admin.execute("alter table store.stock add constraint secret_rule check (on_hand <> 666) not valid")
    database.admin.execute(
        "alter table store.user_account add constraint secret_rule check (username <> 'eve') not valid"
    )
    token = server.token("root", "secret")
    # Not a client that holds answers to the document: no document promises this one.
    client = Server.client(server, token)
    bought = {"product_id": world.product_id, "supplier_id": world.supplier_id, "quantity": 566, "unit_cost": 1}
    for path, sent, api in [
        ("/sku", {"sku_code": "SECRET", "name": "A", "quantity": 1, "price": 1}, Api.SKU),
        ("/api/v1/inventory/{id}/addStock", {"amount": 566}, Api.STOCK),
        ("/products", {"sku": "SECRET", "name": "A"}, Api.PRICING),
        ("/inventory/purchases", bought, Api.PRICING),
        ("/api/v1/art_order", order("Add", 566, to_location="RACK-A1-01"), Api.ART),
        ("/api/v1/art_orders", {"orders": [order("Add", 566, to_location="RACK-A1-01")]}, Api.ART),
        (
            "/api/v1/inflows/",
            {"supplier": world.supplier_id, "product": world.product_id, "quantity": 566},
            Api.CATALOG,
        ),
        ("/api/v1/users/", {"username": "eve", "password": "pass word", "role": "admin"}, Api.CATALOG),
    ]:
        for headers in ({}, {"Idempotency-Key": "k-1"}):
            before = database.counts()
            answer = client.post(world.path(path), json=sent, headers=headers)
            assert_error(answer, api, 500, "SERVER_ERROR" if api is Api.ART else "INTERNAL_ERROR")
            assert not re.search(
                r"secret|constraint|store\.|select|Traceback|psycopg|\b666\b|eve", answer.text, re.IGNORECASE
            )
            assert database.counts() == before


# Documentation


class _Page(HTMLParser):
    """Collects what a page makes a browser load."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.scripts = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        self.scripts += tag == "script"
        for name in ("src", "href", "srcset", "data"):
            if tag != "a" and attributes.get(name):
                self.loaded.append(str(attributes[name]))


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
def test_a_documentation_page_needs_no_internet(shared: Shared, path: str) -> None:
    answer = shared.client.get(path)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/html")
    page = _Page()
    page.feed(answer.text)
    files = "".join(shared.client.get(part).text for part in page.loaded if part.startswith("/"))
    assert page.scripts
    assert [address for address in page.loaded if not address.startswith(("data:", "/"))] == []
    assert not re.search(r"@import\s+(url\()?['\"]?(https?:)?//", answer.text + files)
    assert not re.search(r"(cdn\.jsdelivr|unpkg\.com|cdnjs|fonts\.g)[\w.]*/", answer.text + files)
    assert "/openapi.json" in answer.text + files


@pytest.fixture(scope="session")
def document(session_shared: Shared) -> Document:
    answer = session_shared.client.get("/openapi.json")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("application/json")
    return Document(exact(answer.text))


def operations(document: Document) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document.document["paths"].items():
        for method, operation in item.items():
            yield method.upper(), path, operation


def test_the_document_is_openapi_3_1(document: Document) -> None:
    found = document.document
    assert re.fullmatch(r"3\.1\.\d", found["openapi"])
    assert found.keys() <= {"openapi", "info", "servers", "paths", "webhooks", "components", "security", "tags"}
    assert isinstance(found["info"]["title"], str)
    assert isinstance(found["info"]["version"], str)
    assert len({tag["name"] for tag in found["tags"]}) == len(found["tags"])
    for path, item in found["paths"].items():
        assert path.startswith("/")
        assert item.keys() <= {"get", "put", "post", "delete", "options", "head", "patch", "trace"}


def test_the_document_has_every_route(document: Document) -> None:
    assert {(method, path) for method, path, _ in operations(document)} == {
        (r.method, r.path) for r in (*EVERY_ROUTE, *FILE_ROUTES)
    }


def test_every_operation_is_whole(document: Document) -> None:
    found = document.document
    ids = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(set(ids)) == len(ids)
    tags = {tag["name"] for tag in found["tags"]}
    for method, path, operation in operations(document):
        parameters = document.parameters(operation)
        in_path = [p["name"] for p in parameters if p["in"] == "path"]
        assert sorted(in_path) == sorted(re.findall(r"\{(\w+)\}", path))
        for parameter in parameters:
            assert parameter["in"] in ("path", "query", "header")
            assert parameter["required"] == (parameter["in"] == "path")
            assert parameter["schema"]
        assert set(operation["tags"]) <= tags
        assert operation["responses"]
        for status, response in operation["responses"].items():
            assert re.fullmatch(r"[1-5]\d\d", status)
            assert response["description"]
            for media in response.get("content", {}).values():
                assert media["schema"]
        for requirement in operation.get("security", []):
            assert requirement.keys() <= found["components"]["securitySchemes"].keys()
        assert ("requestBody" in operation) <= (method not in ("GET", "DELETE"))


def test_every_schema_is_of_keywords_that_are_known(document: Document) -> None:
    def walk(schema: Any, place: str) -> None:
        # Raises on an unknown keyword, a broken reference, and a pattern that is no regular expression.
        values: tuple[Any, ...] = (None, True, 1, Decimal("1.5"), "a", [], {})
        for value in values:
            document.violations(value, schema, place)
        for nested in (*schema.get("properties", {}).values(), *schema.get("anyOf", [])):
            walk(nested, place)
        for name in ("items", "additionalProperties"):
            if isinstance(schema.get(name), dict):
                walk(schema[name], place)
        assert "nullable" not in schema

    for method, path, operation in operations(document):
        place = f"{method} {path}"
        contents = [operation.get("requestBody", {}), *operation["responses"].values()]
        for content in contents:
            for media in content.get("content", {}).values():
                walk(media["schema"], place)
        for parameter in document.parameters(operation):
            walk(parameter["schema"], place)
    for name, schema in document.document["components"]["schemas"].items():
        walk(schema, name)


def test_the_summaries_are_the_functions_comments(document: Document, session_shared: Shared) -> None:
    comments = dict(
        session_shared.database.rows(
            "select proname::text, obj_description(oid, 'pg_proc') from pg_proc"
            " where pronamespace = 'http'::regnamespace"
        )
    )
    for route in EVERY_ROUTE:
        operation = document.operation(route.method, route.path)
        assert operation is not None
        summary, *rest = comments[route.function].split("\n\n")
        assert operation["summary"] == summary.removesuffix(".")
        for paragraph in rest:
            if not paragraph.startswith(("Returns ", "Errors: ")):
                assert paragraph in operation["description"]


def test_what_needs_a_token_says_so(document: Document) -> None:
    for route in EVERY_ROUTE:
        operation = document.operation(route.method, route.path)
        assert operation is not None
        least = LEAST_ROLE[route.method, route.path]
        if least == "public":
            assert operation["security"] == []
        else:
            assert operation["security"] == ([{"bearer": []}, {}] if least == "operator" else [{"bearer": []}])


@pytest.mark.parametrize("route", EVERY_ROUTE, ids=name_of)
def test_a_good_answer_is_as_described(server: Server, database: Database, document: Document, route: Route) -> None:
    world = fill(database)
    client = server.client(server.token("root", "secret"))
    path, sent = world.path(route.path), body(route, world, server)
    answer = client.request(route.method, path, json=sent)
    assert answer.status_code == route.status, answer.text
    operation = document.operation(route.method, route.path)
    assert operation is not None
    described = operation["responses"][str(route.status)]
    if route.status == 204:
        assert "content" not in described
        assert answer.content == b""
    else:
        schema = described["content"]["application/json"]["schema"]
        assert document.violations(exact(answer.text), schema) == []
        # The schema says something: it does not fit another thing.
        assert document.violations("nonsense", schema)
    if sent is not None:
        assert (
            document.violations(
                exact(json.dumps(sent)), operation["requestBody"]["content"]["application/json"]["schema"]
            )
            == []
        )


@pytest.mark.parametrize("route", WITH_A_BODY, ids=name_of)
def test_the_bodys_schema_allows_what_is_taken_and_names_what_is_required(
    shared: Shared, document: Document, route: Route
) -> None:
    operation = document.operation(route.method, route.path)
    assert operation is not None
    answer = shared.admin.request(route.method, shared.path(route.path), json=[])
    assert answer.status_code in (400, 422)
    if body(route, shared.world, shared.server) is None:
        assert "requestBody" not in operation
        return
    request = operation["requestBody"]
    schema = document.resolve(request["content"]["application/json"]["schema"]["$ref"])
    assert document.violations([], schema)
    required = set(schema.get("required", []))
    assert request["required"] == bool(required)
    if required:
        answer = shared.admin.request(route.method, shared.path(route.path), json={})
        assert answer.status_code in (400, 422)
        found = answer.json()
        if route.api in (Api.SKU, Api.ART):
            named = {entry["loc"][1] for entry in found["detail"]}
        else:
            named = set(found["errors"] if route.api in (Api.STOCK, Api.PRICING) else found["error"]["details"])
        assert named == required


def test_the_limits_of_numbers_are_described_as_they_are(document: Document) -> None:
    def schema(path: str, field: str) -> Any:
        operation = document.operation("POST", path)
        assert operation is not None
        body = document.resolve(operation["requestBody"]["content"]["application/json"]["schema"]["$ref"])
        return body["properties"][field]

    quantity, block, price = (
        schema("/sku", "quantity"),
        schema("/sku/x/temporary-block", "quantity"),
        schema("/sku", "price"),
    )
    for good in (0, 1, Decimal("0.001"), Decimal("999999999.999")):
        assert document.violations(good, quantity) == []
    # One type for clients; that the service takes the string too is said in words.
    assert document.violations("1.5", quantity)
    assert "as a string" in quantity["description"]
    refused: tuple[Any, ...] = (-1, Decimal("1000000000"), "1000000000", True, "", "abc", None, [])
    for bad in refused:
        assert document.violations(bad, quantity), bad
    assert document.violations(0, block)
    assert document.violations(Decimal("0.001"), block) == []
    assert document.violations(Decimal("99999999999999999999.999"), price) == []
    assert document.violations(Decimal("100000000000000000000"), price)
