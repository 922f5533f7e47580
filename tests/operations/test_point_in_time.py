"""docs/howto/point-in-time.md as it stands there: a mistake, the instant before it, and what came after."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict

from db.apply import apply
from tests.conftest import Database, Server, new_database
from tests.operations.conftest import (
    NAME,
    NewCluster,
    Writers,
    as_owner_of,
    commands,
    rows,
    run_command,
    run_shell,
    run_sql,
    stock_up,
    written,
)
from tests.process import ROOT
from tools.cluster import Cluster
from tools.restore_drill import Report, judge

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
PRICES = "select sku, retail_price from report.products order by sku"
CHANGES = "select cursor from report.changes order by feed_key, feed_id"
SALES = "select id from store.sale order by id"


def configure(old: Cluster, folder: Path) -> Path:
    """The configuration of deploy/, with the folders of this test."""
    text = (ROOT / "deploy" / "pgbackrest" / "pgbackrest.conf").read_text()
    own = {
        "repo1-path": f"{folder}\nlog-path={folder}\nlock-path={folder}",
        "pg1-path": f"{old.data_directory}\npg1-socket-path={old.socket_directory}",
    }
    for name, value in own.items():
        text, count = re.subn(rf"^{name}=.*$", f"{name}={value}", text, flags=re.MULTILINE)
        assert count == 1
    file = folder / "pgbackrest.conf"
    file.write_text(text)
    return file


def run_as(owner: os.stat_result, command: str, **environment: str) -> str:
    """What a command of the guide prints, run as the user of PostgreSQL. Fails where one of its lines does."""
    user = {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []} if os.geteuid() == 0 else {}
    return run_shell(command, {"PATH": os.environ["PATH"], **environment}, cwd="/", **user)


@pytest.mark.packages
def test_a_mistake_is_undone_and_what_came_after_it_is_known(new_cluster: NewCluster) -> None:
    keep_log, make, check, drill, find, restore, look, list_later, repair = commands("point-in-time")
    old, new = new_cluster(), new_cluster()
    old.start()
    folder = old.directory / "backups"
    folder.mkdir()
    environment = {
        "CONFIG": str(configure(old, folder)),
        "DATABASE_URL": old.dsn(dbname=NAME),
        "RESTORED": str(new.data_directory),
        "RESTORED_URL": new.dsn(dbname=NAME),
    }
    source, target = environment["DATABASE_URL"], environment["RESTORED_URL"]
    as_owner_of(old, folder)
    owner = old.data_directory.stat()

    def run(command: str, **more: str) -> str:
        return run_as(owner, command, **environment, **more)

    run_sql(old.dsn(), f"create database {NAME}")
    run(keep_log)
    old.stop()
    old.start()
    apply(source, jobs=False)
    products, sku_ids = stock_up(source)
    run(make)
    server = Server(source)
    try:
        admin = server.client(server.token("root", "secret"))
        writers = Writers(admin, products, sku_ids)
        writers.wait_for(5)
        run(check)
        writers.wait_for(5)

        # The drill, as anybody may run it, while the database is written to.
        command = re.sub(r'make restore-drill ARGS="(.*)"', rf"{sys.executable} -m tools.restore_drill \1", drill)
        assert command != drill
        said = run_command(command, old, **environment)
        assert re.search(r"^lost +\d+ changes, the first \d+ s ago$", said, re.MULTILINE), said
        assert said.endswith("The backup is good.\n")

        right = rows(source, PRICES)
        ((before,),) = rows(source, "select clock_timestamp()")
        # The mistake, while others sell.
        for product in products:
            wrong = {"price_type": "retail", "amount": "0.01"}
            assert admin.post(f"/products/{product}/prices", json=wrong).status_code == 201
        writers.wait_for(10)
        writers.stop()
    finally:
        server.close()
    assert rows(source, PRICES) != right
    after = rows(source, CHANGES)

    # The feed says who it was, and when.
    assert re.search(r" price +\| W-1 +\| root ", run(find))
    ((instant,),) = rows(
        source, "select min(created_at)::text from report.changes where type = 'price' and created_at > %s", before
    )
    new.acquire()  # makes the directory
    as_owner_of(old, new.directory)
    run(restore, TIME=instant)
    as_owner_of(old, new.data_directory)
    new.adopt()
    new.start()
    Database.wait_for(lambda: rows(target, "select pg_is_in_recovery()") == [(False,)])
    assert run(look).count("(0 rows)") == 2
    assert rows(target, PRICES) == right

    # Restored and listed together are all that there was: nothing is missing, nothing twice.
    restored = rows(target, CHANGES)
    assert restored == after[: len(restored)] or set(restored) < set(after)
    listed = run(list_later, TIME=instant)
    count = len(after) - len(restored)
    assert f"({count} rows)" in listed
    assert listed.count("| price ") == len(products)
    lost = {sale for (sale,) in rows(source, SALES)} - {sale for (sale,) in rows(target, SALES)}
    assert lost
    assert listed.count('"kind" : "sale"') == len(lost)

    # The old database gets its prices back, and keeps what came after.
    run(repair)
    assert rows(source, PRICES) == right
    assert written(source) == writers.acknowledged()
    assert rows(source, "select * from maintenance.verify()") == []

    # The restored one takes writes, too.
    run_sql(target, f"select inventory.record_sale({products[0]}, 1, 3)")
    assert rows(target, "select * from maintenance.verify()") == []


# What the drill says of a restored database

OLD_CHANGE = "select inventory.add_stock(id, 1) from store.product"


@pytest.fixture
def drill(database: Database) -> Iterator[Callable[..., Report]]:
    """drill(live=…, restored=…): the drill's report on a copy of the database, after these statements in each."""
    product = database.product("A-1", 10)
    database.one("select inventory.add_stock(%s, 1)", product)
    database.settle()
    database.advance(2 * HOUR)
    assert database.one("select maintenance.seal_movements()") == 2
    database.close()  # a database that is copied has no connections
    with new_database(conninfo_to_dict(database.conninfo)["dbname"]) as copy:
        database.admin = database.connect()
        database.advance(-2 * HOUR - 10 * MINUTE)

        def drill(live: str = "select", restored: str = "select") -> Report:
            run_sql(database.conninfo, live)
            run_sql(copy, restored)
            database.settle()
            report = Report()
            judge(database.conninfo, copy, 300, report)
            return report

        yield drill


def test_a_drill_finds_a_good_backup_good(drill: Callable[..., Report]) -> None:
    report = drill()
    assert report.problems == []
    assert report.lines == [
        "lost     nothing",
        "verify   0 differences",
        "seals    0 differences",
        "seal     1, as in the live database",
    ]


@pytest.mark.parametrize(
    ("live", "restored", "problem"),
    [
        (OLD_CHANGE, "select", "More than 300 s would be lost"),
        ("select", "update store.stock set on_hand = on_hand + 1", "maintenance.verify(): "),
        ("select", "update store.movement set reason = 'x' where number = 1", "maintenance.verify_seals(): 1, "),
        ("update store.movement set reason = 'x' where number = 2", "select", "Change "),
        ("update store.seal set hash = sha256('x')", "select", "Seal 1 is another one"),
    ],
)
def test_a_drill_says_what_is_wrong(drill: Callable[..., Report], live: str, restored: str, problem: str) -> None:
    report = drill(live, restored)
    assert [found for found in report.problems if found.startswith(problem)]
    assert len(report.problems) <= 2


def test_a_drill_without_a_backup_could_not_be_tried(database: Database, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tools.restore_drill", f"--config={tmp_path / 'missing.conf'}"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "DATABASE_URL": database.conninfo},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("The backup could not be tried: ")
    assert "is good" not in done.stdout
