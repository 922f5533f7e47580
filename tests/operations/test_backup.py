"""The backup of docs/operations.md, of a database that is written to: whole and right in another cluster."""

from __future__ import annotations

import os
import re
import subprocess

import pytest

from db.apply import apply
from db.jobs import JOBS
from tests.conftest import Server
from tests.operations.conftest import NAME, NewCluster, Writers, rows, run_sql, stock_up, written
from tests.process import ROOT

COMMANDS = re.findall(
    r"^    (psql .*init\.sql.*|pg_dump .*pg_restore.*)$", (ROOT / "docs" / "operations.md").read_text(), re.MULTILINE
)


@pytest.mark.packages
def test_a_backup_of_a_running_system_is_whole_in_a_new_cluster(new_cluster: NewCluster) -> None:
    old, new = new_cluster(), new_cluster()
    old.start()
    new.start()
    for cluster in (old, new):
        run_sql(cluster.dsn(), f"create database {NAME}")
    source, target = old.dsn(dbname=NAME), new.dsn(dbname=NAME)
    apply(source)
    products, sku_ids = stock_up(source)
    first = rows(source, "select name, scheduled_at from store.job")

    server = Server(source)
    try:
        writers = Writers(server.client(server.token("root", "secret")), products, sku_ids)
        writers.wait_for(10)
        blocks, sales = writers.acknowledged()
        assert len(COMMANDS) == 2
        for command in COMMANDS:
            subprocess.run(
                ["bash", "-o", "pipefail", "-ec", command.partition("  #")[0]],
                cwd=ROOT,
                env={
                    "PATH": f"{old.binaries}:{os.environ['PATH']}",
                    "DATABASE_URL": source,
                    "NEW_DATABASE_URL": target,
                },
                check=True,
            )
        # They went on while it was made, and nobody was refused.
        writers.wait_for(1)
        writers.stop()
        later = written(source)
    finally:
        server.close()

    apply(target)
    assert rows(target, "select * from maintenance.verify()") == []
    found = written(target)
    assert found[0] >= blocks
    assert found[1] >= sales
    assert found[0] <= later[0]
    assert found[1] <= later[1]

    definitions = "select p.oid::regprocedure::text, md5(p.prosrc), p.proacl::text from pg_proc as p"
    ours = (
        " where p.pronamespace::regnamespace::text = any('{http,inventory,report,maintenance,pg_catalog}') order by 1"
    )
    assert rows(target, definitions + ours) == rows(source, definitions + ours)
    scheduled = dict(rows(target, "select name, scheduled_at from store.job"))
    assert scheduled == dict(first)
    assert {job for (job,) in rows(new.dsn(), "select command from cron.job where database = %s and active", NAME)} == {
        job.command for job in JOBS
    }

    server = Server(target)
    try:
        admin = server.client(server.token("root", "secret"))
        assert admin.get("/ready").json()["checks"] == dict.fromkeys(
            ("database", "migrations", "jobs", "ledger", "verify", "clock"), "ok"
        )
        again = Writers(admin, products, sku_ids)
        again.wait_for(3)
        again.stop()
    finally:
        server.close()
    assert rows(target, "select * from maintenance.verify()") == []
