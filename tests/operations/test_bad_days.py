"""No room on a disk, no connection left, a clock that jumps: each is told, nothing is lost, and it ends by itself."""

from __future__ import annotations

import contextlib
import logging
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from db.apply import apply
from tests.conftest import Database, Server
from tests.operations.conftest import NAME, NewCluster, Writers, rows, run_sql, stock_up, written
from tests.server.conftest import backends, terminate

MIB = 1 << 20


class Disk:
    """A file system of its own in memory, which can be filled up."""

    def __init__(self, directory: Path, size: int) -> None:
        self.directory = directory
        directory.mkdir()
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", directory],
            check=False,
            capture_output=True,
            text=True,
        )
        if mounted.returncode != 0:
            pytest.skip(f"only root may mount a disk that is small: {mounted.stderr.strip()}")
        self._ballast = directory / "ballast"

    def fill(self) -> None:
        """Leave no room."""
        with self._ballast.open("wb", buffering=0) as file:
            for size in (MIB, 4096):
                with contextlib.suppress(OSError):
                    while True:
                        file.write(bytes(size))

    def free(self) -> None:
        self._ballast.unlink()

    def unmount(self) -> None:
        subprocess.run(["umount", "--lazy", self.directory], check=True)


@pytest.fixture
def new_disk(tmp_path: Path) -> Iterator[Callable[[str, int], Disk]]:
    """new_disk(name, size): one more, which others may enter."""
    disks: list[Disk] = []
    for directory in (tmp_path, *tmp_path.parents[:3]):
        directory.chmod(0o755)

    def make(name: str, size: int) -> Disk:
        disks.append(Disk(tmp_path / name, size))
        return disks[-1]

    yield make
    for disk in disks:
        disk.unmount()


def test_no_room_for_data(
    new_cluster: NewCluster, new_disk: Callable[[str, int], Disk], caplog: pytest.LogCaptureFixture
) -> None:
    cluster = new_cluster()
    cluster.start()
    disk = new_disk("data", 64 * MIB)
    owner = cluster.data_directory.stat()
    subprocess.run(["chown", f"{owner.st_uid}:{owner.st_gid}", disk.directory], check=True)
    run_sql(
        cluster.dsn(),
        f"create tablespace small location '{disk.directory}'",
        f"create database {NAME} tablespace small",
    )
    conninfo = cluster.dsn(dbname=NAME)
    apply(conninfo, jobs=False)
    products, sku_ids = stock_up(conninfo)
    server = Server(conninfo)
    try:
        admin = server.client(server.token("root", "secret"))
        disk.fill()
        # What still has room in its pages is written; then each is told, and has changed nothing.
        writers = Writers(admin, products, sku_ids)
        writers.join()
        answers = writers.refused
        assert {answer.status_code for answer in answers} == {503}
        assert {answer.json()["code"] for answer in answers} == {"SERVICE_UNAVAILABLE"}
        assert all("no room left on its disk" in answer.json()["detail"] for answer in answers)
        assert all(int(answer.headers["Retry-After"]) >= 1 for answer in answers)
        assert any(record.levelno >= logging.WARNING and "53100" in record.getMessage() for record in caplog.records)
        assert written(conninfo) == writers.acknowledged()
        # Reads go on.
        assert admin.get(f"/sku/{sku_ids[0]}").status_code == 200
        assert admin.get("/ready").status_code == 200

        disk.free()
        more = Writers(admin, products, sku_ids)
        more.wait_for(10)
        more.stop()
    finally:
        server.close()
    assert rows(conninfo, "select * from maintenance.verify()") == []
    assert "No space left on device" in cluster.log_file.read_text()


def test_no_room_for_the_write_ahead_log(new_cluster: NewCluster, new_disk: Callable[[str, int], Disk]) -> None:
    """PostgreSQL itself ends where it cannot write its log: callers are told so, and what was acknowledged is kept."""
    cluster = new_cluster(restart_after_crash="off", min_wal_size="32MB", max_wal_size="32MB")
    cluster.start()
    cluster.stop()
    disk = new_disk("log", 96 * MIB)
    log = cluster.data_directory / "pg_wal"
    subprocess.run(["cp", "-a", f"{log}/.", disk.directory], check=True)
    log.rename(log.with_name("pg_wal.before"))
    log.symlink_to(disk.directory)
    cluster.start()
    run_sql(cluster.dsn(), f"create database {NAME}")
    conninfo = cluster.dsn(dbname=NAME)
    apply(conninfo, jobs=False)
    products, sku_ids = stock_up(conninfo)
    server = Server(conninfo)
    try:
        admin = server.client(server.token("root", "secret"))
        disk.fill()
        writers = Writers(admin, products, sku_ids)
        writers.wait_for(5)
        # The segments that are there are used up; the next one has no room.
        with pytest.raises(psycopg.OperationalError):
            use_up_the_log(cluster.dsn())
        writers.join()
        assert {answer.status_code for answer in writers.refused} == {503}
        assert {answer.json()["code"] for answer in writers.refused} <= {"SERVICE_UNAVAILABLE", "OUTCOME_UNKNOWN"}
        assert (admin.get("/ready").status_code, admin.get("/health").status_code) == (503, 200)
        assert "No space left on device" in cluster.log_file.read_text()

        disk.free()
        Database.wait_for(lambda: not cluster.is_running)
        cluster.start()
        Database.wait_for(lambda: admin.get("/ready").status_code == 200)
        unknown = sum(answer.json()["code"] == "OUTCOME_UNKNOWN" for answer in writers.refused)
        blocks, sales = written(conninfo)
        assert blocks >= set(writers.blocks)
        assert sales >= set(writers.sales)
        assert len(blocks) + len(sales) <= len(writers.blocks) + len(writers.sales) + unknown
        # Each queue finds out by itself that the database is back.
        body = {"product_id": products[0], "quantity": "1", "unit_price": "3"}
        Database.wait_for(lambda: admin.post("/inventory/sales", json=body).status_code == 201)
        more = Writers(admin, products, sku_ids)
        more.wait_for(10)
        more.stop()
    finally:
        server.close()
    assert rows(conninfo, "select * from maintenance.verify()") == []


def use_up_the_log(conninfo: str) -> None:
    for _ in range(20):
        run_sql(conninfo, "create table filler ()", "drop table filler", "select pg_switch_wal()")


class TestConnectionLimit:
    """Who needs a connection that there is none for is told at once; who has one goes on."""

    def check(
        self, database: Database, client: httpx.Client, product: int, take: Callable[[], None], free: Callable[[], None]
    ) -> None:
        take()
        reserve = f"/api/v1/inventory/{product}/reserveStock"
        before = database.counts()
        answer = client.post(reserve, json={"amount": 1})
        assert answer.status_code == 503
        assert answer.json()["code"] == "SERVICE_UNAVAILABLE"
        assert int(answer.headers["Retry-After"]) >= 1
        assert client.get("/ready").status_code == 503
        assert client.get("/health").status_code == 200
        assert database.counts() == before
        free()
        database.wait_for(lambda: client.post(reserve, json={"amount": 1}).status_code == 204)
        database.wait_for(lambda: client.get("/ready").status_code == 200)
        database.verify()

    def test_of_the_database(self, database: Database, server: Server, caplog: pytest.LogCaptureFixture) -> None:
        product, client = database.product(quantity=5), server.client()
        limit = sql.SQL("alter database {} connection limit {}")
        name = sql.Identifier(database.one("select current_database()::text"))

        def take() -> None:
            database.admin.execute(limit.format(name, 0))
            terminate(database)
            assert backends(database) == []

        self.check(database, client, product, take, lambda: database.admin.execute(limit.format(name, -1)) and None)
        assert "too many connections for database" in caplog.text

    def test_of_the_cluster(self, new_cluster: NewCluster, caplog: pytest.LogCaptureFixture) -> None:
        cluster = new_cluster(max_connections="12", max_wal_senders="0")
        cluster.start()
        apply(cluster.dsn(), jobs=False)
        database = Database(cluster.dsn())
        server = Server(cluster.dsn())
        taken: list[psycopg.Connection[Any]] = []

        def take() -> None:
            terminate(database)
            with contextlib.suppress(psycopg.OperationalError):
                while len(taken) < 12:
                    taken.append(psycopg.connect(make_conninfo(cluster.dsn(), user="inventory_reporting")))
            assert len(taken) < 12

        try:
            product, client = database.product(quantity=5), server.client()
            self.check(database, client, product, take, lambda: taken.pop().close() or taken.pop().close())
            assert "connection slots are reserved" in caplog.text or "too many clients" in caplog.text
        finally:
            server.close()
            for connection in taken:
                connection.close()
            database.close()
