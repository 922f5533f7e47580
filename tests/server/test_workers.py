"""`python -m server` with WORKERS=2: two processes on one port, and a supervisor over them."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psutil
import psycopg
import pytest
from prometheus_client.parser import text_string_to_metric_families
from psycopg.conninfo import make_conninfo

from server.peers import merged
from server.workers import reserve
from tests.conftest import PATIENCE, SECRET_KEY, Database, InThread
from tests.process import ROOT, SECONDS, said_until
from tests.server.conftest import held, waiting_backends

# What `python -m server` runs, with a stop that a test can wait for.
IMPATIENT = """
from server import app, workers
from server.settings import load
workers.STOP_SECONDS = 1
app.configure_logging("INFO")
settings = load()
raise SystemExit(workers.run(settings, settings.database_url, lambda url: print("serving on", url, flush=True)))
"""

# Worker 1 cannot start, and finds out when worker 0 answers.
ONE_FAILS = """
import asyncio, contextlib
from server import app, workers
from server.settings import SettingsError, load
create_app = app.create_app
async def create_or_fail(settings, conninfo, member):
    while member.number == 1:
        with contextlib.suppress(OSError):
            reader, writer = await asyncio.open_connection("127.0.0.1", member.port)
            writer.write(b"GET /health HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n")
            if await reader.read(1):
                raise SettingsError("worker 0 answers")
    return await create_app(settings, conninfo, member)
app.create_app = create_or_fail
app.configure_logging("INFO")
settings = load()
raise SystemExit(workers.run(settings, settings.database_url, lambda url: print("serving on", url, flush=True)))
"""


class Service:
    """A supervisor's process, and what it has said."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.url = ""

    def said_until(self, last: str) -> str:
        return said_until(self.process, last)

    def workers(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children()

    def get(self, path: str) -> httpx.Response:
        """The answer on a connection of its own, which the kernel gives to either worker."""
        return httpx.get(self.url + path, timeout=3, trust_env=False)

    def samples(self) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
        """Each sample's value by its name and labels; none is there twice, nor a family."""
        families = list(text_string_to_metric_families(self.get("/metrics").text))
        assert len({family.name for family in families}) == len(families)
        samples = [sample for family in families for sample in family.samples]
        found = {(sample.name, tuple(sorted(sample.labels.items()))): sample.value for sample in samples}
        assert len(found) == len(samples)
        return found

    def health_by_worker(self) -> dict[str, float]:
        name = "inventory_http_requests_total"
        labelled = [(dict(labels), value) for (each, labels), value in self.samples().items() if each == name]
        return {labels["worker"]: value for labels, value in labelled if labels["route"] == "/health"}

    def up(self) -> list[float]:
        samples = self.samples()
        return [samples["inventory_worker_up", (("worker", number),)] for number in ("0", "1")]

    def is_up(self, *expected: int) -> bool:
        """Whether a scrape says so; one that a frozen or dead worker has is none."""
        with contextlib.suppress(httpx.TransportError):
            return self.up() == list(expected)
        return False


@contextlib.contextmanager
def started(
    conninfo: str, *command: str, end: signal.Signals = signal.SIGTERM, **environment: str
) -> Iterator[Service]:
    """The service, which need not serve yet; ended by the signal."""
    directory = Path(tempfile.mkdtemp(prefix="workers-"))
    base = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    base |= {"ENV_FILE": str(ROOT / ".env.dev"), "DATABASE_URL": conninfo, "SECRET_KEY": SECRET_KEY}
    base |= {"HOST": "127.0.0.1", "PORT": "0", "WORKERS": "2", "TMPDIR": str(directory)}
    process = subprocess.Popen(
        [sys.executable, *(command or ("-m", "server"))],
        cwd=ROOT,
        env=base | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )

    def kill() -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)

    watchdog = threading.Timer(SECONDS, kill)
    watchdog.start()
    try:
        yield Service(process)
        process.send_signal(end)
        process.wait(PATIENCE)
        assert list(directory.iterdir()) == []
    finally:
        watchdog.cancel()
        kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()
        shutil.rmtree(directory)


@contextlib.contextmanager
def serving(
    conninfo: str, *command: str, end: signal.Signals = signal.SIGTERM, **environment: str
) -> Iterator[Service]:
    """The service, once all workers serve."""
    with started(conninfo, *command, end=end, **environment) as service:
        said = service.said_until("serving on")
        service.url = re.findall(r"http://\S+", said)[-1]
        yield service


@pytest.fixture
def service(database: Database) -> Iterator[Service]:
    with serving(database.conninfo) as service:
        yield service


def is_refused(url: str) -> bool:
    address = urlsplit(url)
    with socket.socket() as client:
        return client.connect_ex((str(address.hostname), int(address.port or 0))) != 0


# Serving


def test_both_serve_and_either_shows_the_metrics_of_all(service: Service) -> None:
    pids = {worker.pid for worker in service.workers()}
    assert len(pids) == 2
    sent = 0
    while len(service.health_by_worker()) < 2 or sent < 20:
        assert service.get("/health").status_code == 200
        sent += 1
    assert sum(service.health_by_worker().values()) == sent
    found = service.samples()
    assert all("worker" in dict(labels) for _, labels in found)
    assert service.up() == [1, 1]
    # Whoever is asked: many connections, one text but for what the scrapes themselves add.
    shown = {tuple(sorted(service.health_by_worker().items())) for _ in range(20)}
    assert len(shown) == 1
    assert {worker.pid for worker in service.workers()} == pids


def test_one_unit_is_sold_once_by_two_workers(service: Service, database: Database) -> None:
    product = database.product(quantity=20)

    def reserve_one(_: int) -> int:
        path = f"{service.url}/api/v1/inventory/{product}/reserveStock"
        return httpx.post(path, json={"amount": 1}, timeout=PATIENCE, trust_env=False).status_code

    with ThreadPoolExecutor(16) as threads:
        outcomes = Counter(threads.map(reserve_one, range(60)))
    assert outcomes == {204: 20, 409: 40}
    name, at = "inventory_http_requests_total", "/api/v1/inventory/{id}/reserveStock"
    both = {
        dict(labels)["worker"] for each, labels in service.samples() if each == name and dict(labels)["route"] == at
    }
    assert both == {"0", "1"}
    assert database.stock(product) == (20, 20, 0)
    database.verify()


# A worker ends


def test_a_killed_worker_is_replaced_while_the_other_serves(service: Service) -> None:
    victim, other = service.workers()
    is_over = threading.Event()
    outcomes: Counter[str] = Counter()

    def load() -> None:
        while not is_over.is_set():
            try:
                outcomes[str(service.get("/health").status_code)] += 1
            except httpx.TransportError:
                outcomes["lost"] += 1  # it was the victim's

    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        Database.wait_for(lambda: outcomes["200"] > 50)
        victim.kill()
        assert "ended (-9)" in service.said_until("serves again")
        before = outcomes["200"]
        Database.wait_for(lambda: outcomes["200"] > before + 50)
    finally:
        is_over.set()
        for thread in threads:
            thread.join()
    assert set(outcomes) <= {"200", "lost"}
    assert outcomes["lost"] <= len(threads)
    pids = {worker.pid for worker in service.workers()}
    assert len(pids) == 2
    assert other.pid in pids
    assert victim.pid not in pids
    Database.wait_for(lambda: service.is_up(1, 1))


def test_a_worker_that_is_told_to_stop_is_replaced(service: Service) -> None:
    pids = {worker.pid for worker in service.workers()}
    service.workers()[0].terminate()
    assert "ended (0)" in service.said_until("serves again")
    assert len({worker.pid for worker in service.workers()} & pids) == 1


def test_a_worker_that_cannot_start_again_is_tried_again_until_it_can(service: Service, database: Database) -> None:
    name = database.one("select quote_ident(current_database())")
    with psycopg.connect(make_conninfo(database.conninfo, dbname="postgres"), autocommit=True) as connection:
        connection.execute(f"alter database {name} allow_connections false".encode())
        try:
            service.workers()[0].kill()
            pauses = [float(re.findall(r"in (\S+) s", service.said_until("replaced in"))[-1]) for _ in range(4)]
            assert pauses == [0, 0.2, 0.4, 0.8]
            Database.wait_for(lambda: service.is_up(0, 1) or service.is_up(1, 0))
            assert service.get("/health").status_code == 200
        finally:
            connection.execute(f"alter database {name} allow_connections true".encode())
    service.said_until("serves again")
    Database.wait_for(lambda: service.is_up(1, 1))


def test_a_worker_that_says_nothing_is_left_out_of_the_metrics(service: Service) -> None:
    Database.wait_for(lambda: len({*service.health_by_worker(), service.get("/health").text}) == 3)
    frozen = service.workers()[0]
    frozen.suspend()
    try:
        Database.wait_for(lambda: service.is_up(0, 1) or service.is_up(1, 0))
    finally:
        frozen.resume()
    Database.wait_for(lambda: service.is_up(1, 1))


# The stop


def test_a_stop_answers_what_is_under_way(database: Database, in_thread: type[InThread]) -> None:
    product = database.product(quantity=5)
    database.be_patient()
    with serving(database.conninfo) as service:
        workers = service.workers()
        with held(database, product):
            path = f"{service.url}/api/v1/inventory/{product}/reserveStock"
            call = in_thread(lambda: httpx.post(path, json={"amount": 1}, timeout=PATIENCE, trust_env=False))
            database.wait_for(lambda: waiting_backends(database))
            service.process.send_signal(signal.SIGTERM)
            database.wait_for(lambda: is_refused(service.url))
            assert service.process.poll() is None
        assert call.result().status_code == 204
        assert service.process.wait(PATIENCE) == 0
        assert not any(worker.is_running() for worker in workers)
    assert database.stock(product) == (5, 1, 0)
    database.verify()


def test_a_signal_to_all_of_them_is_a_stop(database: Database) -> None:
    with serving(database.conninfo) as service:
        os.killpg(service.process.pid, signal.SIGINT)  # Ctrl-C
        assert service.process.wait(PATIENCE) == 0


def test_a_worker_that_does_not_stop_is_killed(database: Database) -> None:
    with serving(database.conninfo, "-c", IMPATIENT) as service:
        frozen = service.workers()[0]
        frozen.suspend()
        began = time.monotonic()
        service.process.terminate()
        assert service.process.wait(PATIENCE) == 0
        assert time.monotonic() - began >= 1
        assert not frozen.is_running()


def test_a_killed_supervisor_leaves_nobody(database: Database) -> None:
    with serving(database.conninfo) as service:
        workers = service.workers()
        service.process.kill()
        Database.wait_for(lambda: is_refused(service.url))
        _, alive = psutil.wait_procs(workers, PATIENCE)
        assert not alive


# The start


@pytest.mark.parametrize("options", [[], [socket.SO_REUSEPORT]])
def test_a_taken_port_is_an_error(database: Database, options: list[int]) -> None:
    with socket.socket() as holder:
        for option in options:
            holder.setsockopt(socket.SOL_SOCKET, option, 1)
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        with started(database.conninfo, PORT=str(holder.getsockname()[1])) as service:
            assert "address already in use" in service.said_until("cannot start")
            assert service.process.wait(PATIENCE) == 1


def test_a_second_service_on_the_port_is_refused_and_the_first_serves(service: Service, database: Database) -> None:
    port = service.url.rpartition(":")[2]
    for count in ("1", "2"):
        with started(database.conninfo, PORT=port, WORKERS=count) as second:
            assert "address already in use" in second.said_until("cannot start")
            assert second.process.wait(PATIENCE) == 1
    assert service.get("/health").status_code == 200


def test_an_address_is_reserved_before_anybody_listens() -> None:
    (reserved,) = reserve("127.0.0.1", 0)
    with reserved:
        port = reserved.getsockname()[1]
        with pytest.raises(OSError, match="address already in use"):
            reserve("127.0.0.1", port)
        for _ in range(2):
            worker = socket.create_server(("127.0.0.1", port), reuse_port=True)
            with worker, socket.create_connection(("127.0.0.1", port)) as client:
                accepted, _ = worker.accept()
                accepted.close()  # first: what lingers is on the server's side
                assert client.recv(1) == b""
    # Nor does what lingers of earlier connections keep it.
    (again,) = reserve("127.0.0.1", port)
    again.close()


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"DATABASE_URL": "postgresql:///nothing?host=/nowhere"}, "cannot be reached"),
        ({"RATE_LIMIT_READ": "1/minute"}, "RATE_LIMIT_STORAGE"),
        ({"WORKERS": "0"}, "workers"),
        ({"WORKERS": "65"}, "workers"),
    ],
)
def test_what_cannot_start_ends_with_status_1(database: Database, environment: dict[str, str], message: str) -> None:
    with started(environment.pop("DATABASE_URL", database.conninfo), **environment) as service:
        said = service.said_until("cannot start")
        assert service.process.wait(PATIENCE) == 1
        assert service.process.stdout is not None
        assert message in said + service.process.stdout.read()


def test_it_has_not_started_until_all_serve(database: Database) -> None:
    with started(database.conninfo, "-c", ONE_FAILS) as service:
        said = service.said_until("cannot start: worker 0 answers")
        assert service.process.wait(PATIENCE) == 1
        assert service.process.stdout is not None
        assert "serving on" not in said + service.process.stdout.read()


# The metrics' text


def test_texts_are_merged_family_by_family() -> None:
    first = b'# HELP a_total A.\n# TYPE a_total counter\na_total{worker="0"} 1.0\n# HELP b B.\n# TYPE b gauge\n'
    second = first.replace(b'"0"', b'"1"') + b'b{worker="1"} 2.0\n# HELP c C.\n# TYPE c gauge\nc 3.0\n'
    assert merged([first, second]) == (
        b'# HELP a_total A.\n# TYPE a_total counter\na_total{worker="0"} 1.0\na_total{worker="1"} 1.0\n'
        b'# HELP b B.\n# TYPE b gauge\nb{worker="1"} 2.0\n# HELP c C.\n# TYPE c gauge\nc 3.0\n'
    )
