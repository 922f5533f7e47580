"""Two releases side by side, as in a rolling upgrade: each server serves or is not ready, and no request fails."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from db.apply import apply
from server import VERSION
from tests.conftest import PATIENCE, SECRET_KEY, Database, InThread
from tests.operations.conftest import NAME, NewCluster, Writers, rows, run_sql, stock_up, written
from tests.process import ROOT
from tools.release import RELEASES, ReleaseError, release

APPLY = "import sys; from db.apply import apply; apply(sys.argv[1], jobs=False)"
SETTINGS = {"SECRET_KEY": SECRET_KEY, "PORT": "0", "HOST": "127.0.0.1", "LOG_FORMAT": "text"}

Serve = Callable[[Path], "Process"]


def numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


LAST = max((path.name.removesuffix(".tar.xz") for path in RELEASES.glob("*.tar.xz")), key=numbers)


class NotStartedError(Exception):
    """A server has ended; the message is its log."""


class Process:
    """A server process of a release, and its URL."""

    def __init__(self, code: Path, conninfo: str) -> None:
        base = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "server"],
            cwd=code,
            env=base | SETTINGS | {"ENV_FILE": str(ROOT / ".env.dev"), "DATABASE_URL": conninfo},
            stderr=subprocess.PIPE,
            text=True,
        )
        self.said = ""
        self._serves = threading.Event()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        self._serves.wait()
        if not hasattr(self, "url"):
            self.process.wait()
            raise NotStartedError(self.said)

    def _read(self) -> None:
        """Read the log to its end: a server whose log nobody reads would stand still."""
        assert self.process.stderr is not None
        with self.process.stderr as log:
            for line in log:
                self.said += line
                if found := re.search(r"serving on (http://\S+)", line):
                    self.url = found[1]
                    self._serves.set()
        self._serves.set()

    def ready(self) -> httpx.Response:
        return httpx.get(f"{self.url}/ready", timeout=PATIENCE)

    def admin(self) -> httpx.Client:
        client = httpx.Client(base_url=self.url, timeout=PATIENCE)
        login = {"username": "root", "password": "secret"}
        client.headers["Authorization"] = (
            f"Bearer {client.post('/api/v1/authentication/token/', json=login).json()['access']}"
        )
        return client

    def stop(self) -> int:
        """Ask it to stop as a service manager does, and return its status."""
        self.process.terminate()
        return self.process.wait(PATIENCE)


def migrations_of(code: Path) -> set[str]:
    return {path.stem for path in (code / "db" / "migrations").glob("*.sql")}


@pytest.fixture
def last_release(tmp_path: Path) -> Path:
    """The code of the last release."""
    with tarfile.open(RELEASES / f"{LAST}.tar.xz") as archive:
        archive.extractall(tmp_path, filter="data")
    return tmp_path / f"inventory-{LAST}"


@pytest.fixture
def conninfo(new_cluster: NewCluster, last_release: Path) -> str:
    """A database of the last release, in a cluster of its own: a release may change the roles of the cluster."""
    cluster = new_cluster()
    cluster.start()
    run_sql(cluster.dsn(), f"create database {NAME}")
    conninfo = cluster.dsn(dbname=NAME)
    subprocess.run([sys.executable, "-c", APPLY, conninfo], cwd=last_release, check=True, capture_output=True)
    return conninfo


@pytest.fixture
def serve(conninfo: str) -> Iterator[Serve]:
    """serve(code): a server of this code."""
    processes: list[Process] = []

    def start(code: Path) -> Process:
        processes.append(Process(code, conninfo))
        return processes[-1]

    yield start
    for each in processes:
        each.process.kill()
        each.process.wait()
        each.reader.join()
        sys.stderr.write(each.said)


def readiness(serve: Serve, code: Path) -> str:
    """What a server says of the migrations: in /ready, or in its log where it does not start."""
    try:
        server = serve(code)
    except NotStartedError as error:
        return str(error)
    state: str = server.ready().json()["checks"]["migrations"]
    assert server.stop() == 0
    return state


def test_a_rolling_upgrade_under_load(conninfo: str, last_release: Path, serve: Serve) -> None:
    products, sku_ids = stock_up(conninfo)
    with ExitStack() as clients:

        @contextmanager
        def load(server: Process) -> Iterator[Writers]:
            """Clients that write to the server; none of them may be refused."""
            admin = server.admin()
            clients.callback(admin.close)
            writers = Writers(admin, products, sku_ids)
            all_writers.append(writers)
            writers.wait_for(20)
            yield writers
            writers.wait_for(20)
            writers.stop()
            assert not writers.refused

        all_writers: list[Writers] = []
        old = serve(last_release)
        with load(old) as writers:
            # A server of the new release does not start, or is not ready, before its migrations are applied.
            pending = sorted(migrations_of(ROOT) - migrations_of(last_release))
            said = readiness(serve, ROOT)
            expected = f"failed: not applied: {', '.join(pending)}" if pending else "ok"
            assert "run python -m db.apply" in said or said == expected
            apply(conninfo, jobs=False)
            writers.wait_for(20)
            assert old.ready().status_code == 200
            new = serve(ROOT)
            assert new.ready().status_code == 200
            with load(new):
                pass
        assert old.stop() == 0
        # Somebody goes back: the last release's server starts over the new database.
        if LAST == "0.1.0":
            # This one does not: the database has error codes that it does not know.
            with pytest.raises(NotStartedError, match=r"have no line in server/http/errors\.py"):
                serve(last_release)
            with load(new):
                pass
        else:
            back = serve(last_release)
            assert back.ready().status_code == 200
            with load(back), load(new):
                pass
    blocks, sales = (set().union(*each) for each in zip(*(w.acknowledged() for w in all_writers), strict=True))
    assert (blocks, sales) == written(conninfo)
    assert rows(conninfo, "select * from maintenance.verify()") == []


def test_a_call_that_meets_a_migration_is_made(conninfo: str, last_release: Path, in_thread: type[InThread]) -> None:
    """The functions of the release before serve a call that waits for a migration, and the next ones."""
    (product, *_), _ = stock_up(conninfo)

    def block(connection: psycopg.Connection[Any]) -> None:
        connection.execute("select inventory.line('block', %s, 1)", [product])
        assert connection.execute("select id from inventory.create_block(%s, 1)", [product]).fetchone()

    def meet(migration: Path, *sessions: psycopg.Connection[Any]) -> None:
        migrating, waiting, later = sessions
        blocking = f"select pg_blocking_pids({waiting.info.backend_pid})"
        with migrating.transaction():
            migrating.execute("set local role inventory_owner")
            migrating.execute(migration.read_bytes())
            call = in_thread(lambda: block(waiting))
            Database.wait_for(lambda: call.is_done or rows(conninfo, blocking) != [([],)])
        call.result()
        block(waiting)
        block(later)

    for name in sorted(migrations_of(ROOT) - migrations_of(last_release)):
        with ExitStack() as sessions:
            three = [sessions.enter_context(psycopg.connect(conninfo, autocommit=True)) for _ in range(3)]
            meet(ROOT / "db" / "migrations" / f"{name}.sql", *three)


def test_the_last_release_is_there() -> None:
    """Its server is what the tests above run."""
    assert numbers(LAST) < numbers(VERSION)
    sections = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert sections[:2] == ["Unreleased", LAST]


def test_a_release_is_what_is_committed(tmp_path: Path) -> None:
    code = tmp_path / "code"
    code.mkdir()

    def git(*arguments: str) -> None:
        identity = ("-c", "user.name=somebody", "-c", "user.email=somebody@example.com")
        subprocess.run(["git", *identity, *arguments], cwd=code, check=True, capture_output=True)

    git("init")
    (code / "CHANGELOG.md").write_text("## Unreleased\n")
    git("add", ".")
    with pytest.raises(ReleaseError, match="not committed"):
        release(code, "1.2.3", tmp_path)
    git("commit", "-m", "one")
    with pytest.raises(ReleaseError, match=r"no section `## 1\.2\.3"):
        release(code, "1.2.3", tmp_path)
    (code / "CHANGELOG.md").write_text("## 1.2.3 - 2026-01-31\n")
    git("commit", "-a", "-m", "two")
    file = release(code, "1.2.3", tmp_path / "dist")
    with tarfile.open(file) as archive:
        assert archive.getnames() == ["inventory-1.2.3", "inventory-1.2.3/CHANGELOG.md"]
    before = file.read_bytes()
    assert release(code, "1.2.3", tmp_path / "dist").read_bytes() == before, "the same commit gives the same file"
    check = subprocess.run(["sha256sum", "--check", "SHA256SUMS"], cwd=file.parent, capture_output=True, check=False)
    assert check.returncode == 0
