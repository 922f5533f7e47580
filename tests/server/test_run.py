"""`make run` on a given PostgreSQL (DATABASE_URL): with passwords over TCP, and without pg_cron."""

from __future__ import annotations

import random
import shutil
import signal
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest

from tests.conftest import PATIENCE, SECRET_KEY, Database
from tests.process import LAST_LINE, run, said_until
from tools.cluster import Cluster

PASSWORD = "the superuser's own"


@pytest.fixture(scope="module")
def given_url() -> Iterator[str]:
    """A PostgreSQL that somebody else runs: no pg_cron, TCP, passwords."""
    directory = Path(tempfile.mkdtemp(prefix="inventory-given-"))
    directory.chmod(0o755)
    # The port is always 5432; of the loopback addresses one that nobody else has taken.
    address = f"127.{random.randint(1, 254)}.{random.randint(1, 254)}.{random.randint(1, 254)}"
    settings = {"shared_preload_libraries": "", "listen_addresses": address}
    cluster = Cluster(directory, settings=settings, throwaway=True)
    try:
        cluster.start()
        with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
            connection.execute(f"alter role postgres password $${PASSWORD}$$")
            connection.execute("create database given")
            with (cluster.data_directory / "pg_hba.conf").open("a") as rules:
                rules.write("host all all 127.0.0.0/8 scram-sha-256\n")
            connection.execute("select pg_reload_conf()")
        yield f"postgresql://postgres:{PASSWORD.replace(' ', '%20')}@{address}/given"
    finally:
        cluster.destroy()
        shutil.rmtree(directory, ignore_errors=True)


def test_a_given_database_without_pg_cron_works_and_its_server_runs_the_jobs(given_url: str) -> None:
    with run(end=signal.SIGTERM, DATABASE_URL=given_url) as (url, process):
        said = said_until(process, LAST_LINE)
        assert "WARNING" not in said
        assert "pg_cron is not in shared_preload_libraries. The servers run the jobs (RUN_JOBS)." in said
        assert PASSWORD not in said
        ready = httpx.get(f"{url}/ready", timeout=PATIENCE)
        assert ready.status_code == 200
        assert ready.json()["checks"]["jobs"] == "ok"
        with psycopg.connect(given_url, autocommit=True) as connection:
            not_run = "select exists (select from store.job where last_finished_at is null)"
            Database.wait_for(lambda: connection.execute(not_run).fetchone() == (False,))
        made = httpx.post(f"{url}/sku", json={"sku_code": "TCP-1", "name": "x", "quantity": 1, "price": 1})
        assert made.status_code == 200
    assert process.returncode == 0


def test_a_second_server_on_the_same_port_says_so_and_leaves_the_first_alone(given_url: str) -> None:
    with run(DATABASE_URL=given_url) as (url, first):
        said_until(first, LAST_LINE)
        with run(DATABASE_URL=given_url, PORT=url.rpartition(":")[2]) as (_, second):
            assert "address already in use" in said_until(second, "cannot start")
            assert second.wait(PATIENCE) == 1
        assert httpx.get(f"{url}/health").status_code == 200


def test_a_second_make_run_on_the_same_data_is_refused(tmp_path: Path) -> None:
    data = {"DATA_DIR": str(tmp_path / "data")}
    with run(**data) as (url, first):
        said_until(first, LAST_LINE)
        with run(**data) as (_, second):
            assert "in use by another" in said_until(second, "cannot start")
            assert second.wait(PATIENCE) == 1
        assert httpx.get(f"{url}/health").status_code == 200


def test_two_processes_share_a_port_where_both_are_told_so(given_url: str) -> None:
    with run(DATABASE_URL=given_url, REUSE_PORT="true") as (url, first):
        said_until(first, LAST_LINE)
        with run(DATABASE_URL=given_url, REUSE_PORT="true", PORT=url.rpartition(":")[2]) as (_, second):
            said_until(second, LAST_LINE)
            assert httpx.get(f"{url}/health").status_code == 200
        assert second.returncode == 0
        assert [httpx.get(f"{url}/health").status_code for _ in range(20)] == [200] * 20
    assert first.returncode == 0


def test_a_request_whose_body_still_arrives_is_answered_before_the_stop(given_url: str) -> None:
    body = b'{"sku_code": "LATE-1", "name": "x", "quantity": 1, "price": 1}'
    head = f"POST /sku HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    with run(DATABASE_URL=given_url) as (url, process):
        said_until(process, LAST_LINE)
        address = urlsplit(url)
        with socket.create_connection((address.hostname, address.port), timeout=PATIENCE) as connection:
            connection.sendall(head.encode() + body[:9])
            # The request for the metrics, and the one whose body still arrives.
            Database.wait_for(lambda: "inventory_http_requests_in_progress 2.0" in httpx.get(f"{url}/metrics").text)
            process.send_signal(signal.SIGTERM)
            said_until(process, "stopping")
            connection.sendall(body[9:])
            assert connection.recv(12) == b"HTTP/1.1 200"
    assert process.returncode == 0


def test_production_refuses_the_development_admin_that_the_database_has(given_url: str) -> None:
    with run(DATABASE_URL=given_url) as (_, development):
        said_until(development, LAST_LINE)
    production = {
        "ENVIRONMENT": "production",
        "SECRET_KEY": SECRET_KEY,
        "DATABASE_ROLE_PASSWORD": "a password of its own",
        "ADMIN_USERNAME": "",
        "ADMIN_PASSWORD": "",
    }
    name = given_url.rpartition("@")[2]
    with run(DATABASE_URL=given_url, **production) as (_, process):
        assert "DATABASE_URL names a user" in said_until(process, "cannot start")
    production |= {"MIGRATION_DATABASE_URL": given_url, "DATABASE_URL": f"postgresql://{name}"}
    with run(**production) as (_, process):
        assert "development admin" in said_until(process, "cannot start")
        assert process.wait(PATIENCE) == 1
