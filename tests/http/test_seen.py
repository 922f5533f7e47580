"""What an operator sees: ids of requests, log lines, metrics, probes; and what a client that polls is spared."""

from __future__ import annotations

import gzip
import json
import logging
import re
import socket
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from server import VERSION
from server.operation.logs import JsonFormatter, OfRequest, TextFormatter
from tests.conftest import Database, Server, throwaway_cluster
from tests.http.conftest import Shared
from tests.process import LAST_LINE, run, said_until
from tests.server.conftest import held, terminate, waiting_backends

Start = Callable[..., Server]


def value(text: str, name: str, **labels: str) -> float:
    """The value of one series."""
    wanted = ",".join(f'{label}="{said}"' for label, said in sorted(labels.items()))
    for line in text.splitlines():
        found = re.fullmatch(rf"{name}(?:{{(.*)}})? (\S+)", line)
        if found and ",".join(sorted((found[1] or "").split(","))) == wanted:
            return float(found[2])
    raise AssertionError(f"{name} {wanted} is not there")


# Ids


def test_a_request_has_the_id_that_its_client_gave_it(shared: Shared) -> None:
    answer = shared.client.get("/health", headers={"X-Request-Id": "order-17/a"})
    assert answer.headers["X-Request-Id"] == "order-17/a"


@pytest.mark.parametrize("sent", [None, "", "x" * 129, 'a"b', "ä"])
def test_a_request_without_a_good_id_gets_one_of_its_own(shared: Shared, sent: str | None) -> None:
    headers = {} if sent is None else {"X-Request-Id": sent.encode()}
    found = [shared.client.get("/sku/x", headers=headers).headers["X-Request-Id"] for _ in range(2)]  # type: ignore[arg-type]
    assert all(re.fullmatch("[0-9a-f]{24}", each) for each in found)
    assert found[0] != found[1]


def test_the_id_of_an_unforeseen_error_is_in_the_body_and_in_both_logs(
    database: Database, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    client = Server.client(server)  # one that does not hold answers to the document: none promises this
    database.admin.execute(
        "create or replace function http.get_sku(p_sku_id uuid) returns json language plpgsql stable as"
        " $$ begin raise exception 'nobody foresaw this' using errcode = 'XX001'; end $$"
    )
    answer = client.get(f"/sku/{'0' * 32}", headers={"X-Request-Id": "find-me-17"})
    assert answer.status_code == 500
    assert "find-me-17" in answer.text
    (record,) = (each for each in caplog.records if each.levelno >= logging.ERROR)
    assert record.name == "server"
    log = throwaway_cluster().log_file
    database.wait_for(lambda: "request find-me-17 failed: XX001" in log.read_text(errors="replace"))


def test_a_log_line_is_json_or_text_and_has_the_id(shared: Shared) -> None:
    record = logging.getLogger("server").makeRecord(
        "server", logging.ERROR, __file__, 1, "so %s", ("it is",), None, extra={"status": 500}
    )
    OfRequest().filter(record)
    record.request_id, record.role = "17", "inventory_admin"
    line = json.loads(JsonFormatter().format(record))
    assert line.pop("time").endswith("+00:00")
    assert line.pop("process") > 0
    said = {"level": "ERROR", "logger": "server", "message": "so it is", "status": 500}
    assert line == said | {"request_id": "17", "role": "inventory_admin"}
    assert TextFormatter().format(record).endswith("so it is (request 17)")


def test_the_access_log_has_the_share_that_it_is_asked_for(
    start_server: Start, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    start_server(access_log_share=0).client().get("/health")
    assert not [each for each in caplog.records if each.name == "server.access"]
    start_server(access_log_share=1).client().get("/temporary-blocks?limit=1", headers={"X-Request-Id": "a-1"})
    (record,) = (vars(each) for each in caplog.records if each.name == "server.access")
    assert (record["method"], record["route"], record["status"]) == ("GET", "/temporary-blocks", 200)
    assert (record["actor"], record["client"]) == ("anonymous", "127.0.0.1")
    assert record["milliseconds"] > 0
    assert record["bytes"] > 2


def test_an_export_and_what_is_not_http_have_ids_too(shared: Shared) -> None:
    answer = shared.admin.get("/api/v1/products/export/", headers={"X-Request-Id": "export-1"})
    assert answer.headers["X-Request-Id"] == "export-1"
    url = urlsplit(shared.server.url)
    with socket.create_connection((url.hostname, url.port), timeout=10) as connection:
        connection.sendall(b"BREW / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert re.search(rb"X-Request-Id: [0-9a-f]{24}\r\n", connection.recv(65536))


def test_what_a_connection_logs_is_not_told_of_the_request_that_opened_it(
    server: Server, database: Database, caplog: pytest.LogCaptureFixture, in_thread: Any
) -> None:
    caplog.handler.addFilter(OfRequest())
    product = database.product(quantity=5)
    path = f"/api/v1/inventory/{product}/addStock"
    assert server.client().post(path, json={"amount": 1}, headers={"X-Request-Id": "first"}).status_code == 204
    with held(database, product):
        second = in_thread(lambda: server.client().post(path, json={"amount": 1}).status_code)
        database.wait_for(lambda: waiting_backends(database))
        terminate(database)
        assert second.result() == 503
    (record,) = (each for each in caplog.records if each.name == "pgcalls")
    assert "connection lost" in record.getMessage()
    assert record.request_id != "first"  # type: ignore[attr-defined]


# Metrics


def test_metrics_say_why_a_call_was_refused_and_where_time_went(
    start_server: Start, database: Database, in_thread: Any
) -> None:
    product = database.product(quantity=5)
    database.be_patient()
    server = start_server(pool_size=1, queue_size=0)
    client = server.client()
    path = f"/api/v1/inventory/{product}/addStock"
    assert client.post(path, json={"amount": 1}).status_code == 204
    with database.connect() as holder, holder.transaction():
        holder.execute("select from store.stock where product_id = %s for update", [product])
        waiting = in_thread(lambda: server.client().post(path, json={"amount": 1}).status_code)
        database.wait_for(lambda: database.one("select count(*) from pg_stat_activity where wait_event_type = 'Lock'"))
        assert client.post(path, json={"amount": 1}).status_code == 503
    assert waiting.result() == 204
    text = client.get("/metrics").text
    of_queue = {"role": "inventory_operator", "queue": "write"}
    assert value(text, "inventory_db_calls_refused_total", reason="full", **of_queue) == 1
    assert value(text, "inventory_db_calls_refused_total", reason="late", **of_queue) == 0
    assert value(text, "inventory_db_queue_seconds_count", **of_queue) == 2
    assert value(text, "inventory_db_call_seconds_count", **of_queue) == 2
    assert value(text, "inventory_db_batch_calls_sum", **of_queue) == 2
    assert value(text, "inventory_db_connections", **of_queue) == 1


def test_metrics_show_the_backlog_of_webhooks_jobs_and_the_last_verify(
    start_server: Start, database: Database, client: httpx.Client
) -> None:
    text = client.get("/metrics").text
    assert value(text, "inventory_webhook_due") == 0
    assert "inventory_verify_seconds " not in text, "it has not run yet"
    database.admin.execute(
        "update store.job set scheduled_at = null, last_finished_at = inventory.clock() - interval '90 s'"
    )
    database.admin.execute(
        "update store.verification set last_finished_at = inventory.clock() - interval '1 h', last_differences = 3"
    )
    text = client.get("/metrics").text
    assert 90 <= value(text, "inventory_job_seconds", job="expire_blocks") < 200
    assert 3600 <= value(text, "inventory_verify_seconds") < 3800
    assert value(text, "inventory_verify_differences") == 3
    assert value(text, "process_open_fds") > 3
    python = re.search(r'python="([^"]+)', text)
    assert python
    assert value(text, "inventory_build_info", python=python[1], version=VERSION) == 1


def test_metrics_show_the_block_that_waits_longest_and_the_connections(
    client: httpx.Client, database: Database
) -> None:
    text = client.get("/metrics").text
    assert value(text, "inventory_blocks_unswept_seconds") == 0
    limit = database.one("show max_connections")
    assert 1 <= value(text, "inventory_backends") < value(text, "inventory_backends_limit") < int(limit)
    sku_id = database.sku_id(database.product(quantity=5))
    for _ in range(2):
        assert client.post(f"/sku/{sku_id}/temporary-block", json={"quantity": 1}).status_code == 200
        database.advance(timedelta(minutes=10))
    # A block ends after 15 minutes: the first did so 20 minutes ago, the second 10.
    database.advance(timedelta(minutes=15))
    assert 1200 <= value(client.get("/metrics").text, "inventory_blocks_unswept_seconds") < 1300


def test_metrics_show_for_how_long_a_change_waits_for_its_place_in_the_feed(
    client: httpx.Client, database: Database
) -> None:
    first, second = (database.product(sku, quantity=5) for sku in ("A", "B"))
    database.settle()
    assert value(client.get("/metrics").text, "inventory_feed_delay_seconds") == 0
    open_one = database.connect()
    with open_one.transaction():
        open_one.execute("select inventory.reserve_stock(%s, 1)", [first])
        database.one("select inventory.reserve_stock(%s, 1)", second)
        database.advance(timedelta(minutes=2))
        assert 120 <= value(client.get("/metrics").text, "inventory_feed_delay_seconds") < 150


def test_no_client_makes_series(start_server: Start, database: Database) -> None:
    server = start_server()
    url = urlsplit(server.url)
    client = server.client()
    for method in ("PROPFIND", "SEARCH", "LOCK", "BREW"):
        with socket.create_connection((url.hostname, url.port), timeout=10) as connection:
            connection.sendall(f"{method} /sku/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
            while connection.recv(65536):
                pass
    for number in range(5):
        assert client.get(f"/no/such/path/{number}").status_code == 404
    text = client.get("/metrics").text
    assert value(text, "inventory_http_requests_total", method="other", route="/sku/{sku_id}", status="405") == 3
    assert value(text, "inventory_http_requests_total", method="GET", route="none", status="404") == 5
    assert value(text, "inventory_http_requests_malformed_total", code="NOT_IMPLEMENTED") == 1
    assert "PROPFIND" not in text
    assert "/no/such" not in text


def test_probes_have_a_port_of_their_own_where_it_is_set(database: Database) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with run(DATABASE_URL=database.conninfo, DATABASE_ROLE_PASSWORD="", ADMIN_PORT=str(port)) as (url, process):
        said_until(process, LAST_LINE)
        for path in ("/health", "/ready"):
            assert httpx.get(f"http://127.0.0.1:{port}{path}").status_code == 200
            assert httpx.get(f"{url}{path}").status_code == 200
        assert "inventory_db_connections" in httpx.get(f"http://127.0.0.1:{port}/metrics").text
        assert httpx.get(f"{url}/metrics").status_code == 404
        assert httpx.get(f"http://127.0.0.1:{port}/sku/x").status_code == 404


# Polling


def test_a_read_that_has_not_changed_is_304(database: Database, client: httpx.Client) -> None:
    path = f"/sku/{database.sku_id(database.product(quantity=5))}"
    first = client.get(path)
    tag = first.headers["ETag"]
    again = client.get(path, headers={"If-None-Match": f'"other", {tag}'})
    assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", tag)
    client.post(f"{path}/temporary-block", json={"quantity": 1})
    changed = client.get(path, headers={"If-None-Match": tag})
    assert changed.status_code == 200
    assert changed.json()["blocked"] == 1
    for answer in (first, again):
        assert answer.headers["Cache-Control"] == "private, no-cache"
        assert "Authorization" in answer.headers["Vary"]


def test_a_long_answer_is_compressed_for_who_can_read_that(database: Database, client: httpx.Client) -> None:
    for number in range(60):
        database.product(f"LONG-{number}", 1)
    for refused in ("identity", "gzip;q=0, identity", "br"):
        plain = client.get("/api/v1/inventory", headers={"Accept-Encoding": refused})
        assert "Content-Encoding" not in plain.headers
        assert "Accept-Encoding" in plain.headers["Vary"]
    packed = client.get("/api/v1/inventory", headers={"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert packed.json() == plain.json()
    assert int(packed.headers["Content-Length"]) < len(plain.content) / 4


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
def test_documentation_is_files_that_a_browser_keeps_and_runs_no_script_in_a_page(shared: Shared, path: str) -> None:
    page = shared.client.get(path)
    assert len(page.content) < 3000
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert not re.search(r"<script[^>]*>[^<]", page.text)
    parts = re.findall(r'(?:src|href)="(/docs/files/[^"]+)"', page.text)
    assert parts
    for part in parts:
        answer = shared.client.get(part)
        assert "immutable" in answer.headers["Cache-Control"]
        assert answer.headers["Content-Encoding"] == "gzip"
        assert shared.client.get(part, headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304
        assert shared.client.get(part, headers={"Accept-Encoding": "identity"}).content == answer.content
        assert gzip.compress(answer.content)
    for name in ("nothing.js", "%2Fdocs"):
        assert shared.client.get(f"/docs/files/{name}").status_code == 404
