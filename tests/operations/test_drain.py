"""A stop takes no longer than its bound, whatever a client does; a call that the database has is answered first."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from urllib.parse import urlsplit

import httpx

from tests.conftest import PATIENCE, SECRET_KEY, Database, InThread
from tests.process import LAST_LINE, ROOT, run, said_until
from tests.server.conftest import held, waiting_backends

# The server as `python -m server` runs it, with a bound that a test can wait for.
SERVER = """
from server.operation import lifecycle, logs
from server.settings import load
lifecycle.DRAIN_SECONDS = 5
logs.configure("INFO")
settings = load()
raise SystemExit(lifecycle.run(settings, settings.database_url, lambda url: print(url, flush=True)))
"""
HEAD = b"POST /sku HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 60\r\n\r\n"


def test_a_stop_is_bounded_and_answers_what_the_database_has(database: Database, in_thread: type[InThread]) -> None:
    product = database.product(quantity=5)
    database.be_patient()
    environment = {
        "ENV_FILE": str(ROOT / ".env.dev"),
        "DATABASE_URL": database.conninfo,
        "SECRET_KEY": SECRET_KEY,
        "PORT": "0",
    }
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stderr is not None
        url = process.stdout.readline().strip()
        address = (urlsplit(url).hostname, urlsplit(url).port)
        with (
            httpx.Client(base_url=url, timeout=PATIENCE) as idle,
            socket.create_connection(address, timeout=PATIENCE) as never_ends,
        ):
            assert idle.get("/health").status_code == 200
            # A body that never arrives, and a call that waits for a lock.
            never_ends.sendall(HEAD + b"{")
            with held(database, product):
                call = in_thread(
                    lambda: httpx.post(
                        f"{url}/api/v1/inventory/{product}/reserveStock", json={"amount": 1}, timeout=PATIENCE
                    )
                )
                database.wait_for(lambda: waiting_backends(database))
                in_progress = "inventory_http_requests_in_progress 3.0"
                database.wait_for(lambda: in_progress in idle.get("/metrics").text)
                process.send_signal(signal.SIGTERM)
                for line in process.stderr:
                    if "stopping" in line:
                        break
                database.wait_for(lambda: not is_listening(address))
            assert call.result().status_code == 204
            assert call.result().headers["Connection"] == "close"
            # The client with half a body is not waited for: it still has its connection, and no answer.
            assert process.wait(PATIENCE) == 0
            assert never_ends.recv(1) == b""
    finally:
        process.kill()
        process.communicate()
    assert database.stock(product) == (5, 1, 0)
    database.verify()


def is_listening(address: tuple[str | None, int | None]) -> bool:
    with socket.socket() as client:
        return client.connect_ex(address) == 0


def test_a_stop_is_announced_before_the_listener_closes(database: Database) -> None:
    with run(DATABASE_URL=database.conninfo, DATABASE_ROLE_PASSWORD="", STOP_DELAY_SECONDS="2") as (url, process):
        said_until(process, LAST_LINE)
        assert httpx.get(f"{url}/ready").status_code == 200
        process.send_signal(signal.SIGTERM)
        said_until(process, "stopping")
        answer = httpx.get(f"{url}/ready")
        assert (answer.status_code, answer.json()["checks"]) == (503, {"process": "failed: it is about to stop"})
        assert httpx.get(f"{url}/temporary-blocks").status_code == 200, "a balancer has not noticed yet"
    assert process.returncode == 0
