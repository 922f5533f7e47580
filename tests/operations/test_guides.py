"""The commands of the guides for operators, as they stand there, on clusters of the test's own."""

from __future__ import annotations

from pathlib import Path

from db.apply import apply
from tests.conftest import SECRET_KEY, Database, Server
from tests.operations.conftest import (
    NAME,
    NewCluster,
    Writers,
    as_owner_of,
    commands,
    rows,
    run_command,
    run_sql,
    stock_up,
    written,
)

NOT_ONE = "(0 rows)"


def test_a_database_is_had_again_as_it_was_at_an_instant(new_cluster: NewCluster, tmp_path: Path) -> None:
    keep_log, copy, restore, look = commands("point-in-time")
    old, new = new_cluster(), new_cluster()
    old.start()
    archive, backups = old.directory / "archive", tmp_path
    archive.mkdir()
    as_owner_of(old, archive)
    run_sql(old.dsn(), f"create database {NAME}")
    source, target = old.dsn(dbname=NAME), new.dsn(dbname=NAME)
    environment = {
        "ARCHIVE": str(archive),
        "BACKUPS": str(backups),
        "DATABASE_URL": source,
        "RESTORED": str(new.data_directory),
        "RESTORED_URL": target,
    }
    run_command(keep_log, old, **environment)
    old.stop()
    old.start()
    apply(source, jobs=False)
    products, sku_ids = stock_up(source)

    server = Server(source)
    try:
        admin = server.client(server.token("root", "secret"))
        writers = Writers(admin, products, sku_ids)
        writers.wait_for(5)
        run_command(copy, old, **environment)
        writers.wait_for(5)
        writers.stop()
        before = written(source)
        assert before == writers.acknowledged()
        ((instant, wal),) = rows(source, "select now()::text, pg_walfile_name(pg_current_wal_lsn())")
        # The mistake: a file that should not have been imported.
        assert admin.post("/sku", json={"sku_code": "WRONG", "name": "w", "quantity": 9, "price": 1}).status_code == 200
    finally:
        server.close()
    run_sql(source, "select pg_switch_wal()")
    Database.wait_for((archive / wal).exists)

    new.acquire()  # makes the directory
    run_command(restore, old, **environment, TIME=instant)
    as_owner_of(old, new.data_directory)
    new.start()
    Database.wait_for(lambda: rows(target, "select pg_is_in_recovery()") == [(False,)])
    said = run_command(look, old, **environment)
    assert NOT_ONE in said
    assert written(target) == before
    assert rows(target, "select sku from report.products where sku = 'WRONG'") == []
    assert rows(source, "select sku from report.products where sku = 'WRONG'") == [("WRONG",)]

    server = Server(target)
    try:
        again = Writers(server.client(server.token("root", "secret")), products, sku_ids)
        again.wait_for(3)
        again.stop()
    finally:
        server.close()
    assert rows(target, "select * from maintenance.verify()") == []


def test_the_commands_of_an_upgrade(new_cluster: NewCluster) -> None:
    """That the migrations keep what there is, is tested beside this: here it is what the page says to type."""
    before, upgrade, after = commands("upgrade")
    cluster = new_cluster()
    cluster.start()
    run_sql(cluster.dsn(), f"create database {NAME}")
    source = cluster.dsn(dbname=NAME)
    apply(source, jobs=False)
    stock_up(source)
    environment = {
        "MIGRATION_DATABASE_URL": source,
        "DATABASE_ROLE_PASSWORD": "a password of the roles",
        "SECRET_KEY": SECRET_KEY,
    }
    assert NOT_ONE in run_command(before, cluster, **environment)
    run_command(upgrade, cluster, **environment)
    said = run_command(after, cluster, **environment)
    assert NOT_ONE in said
    assert "failed" not in said
    # The password is set, and the jobs are scheduled.
    assert rows(source, "select rolpassword is not null from pg_authid where rolname = 'inventory_admin'") == [(True,)]
    assert rows(cluster.dsn(), "select count(*) > 0 from cron.job where database = %s", NAME) == [(True,)]
