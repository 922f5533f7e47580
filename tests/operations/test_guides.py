"""The commands of the guides for operators, as they stand there, on clusters of the test's own."""

from __future__ import annotations

from db.apply import apply
from tests.conftest import SECRET_KEY
from tests.operations.conftest import NAME, NewCluster, commands, rows, run_command, run_sql, stock_up

NOT_ONE = "(0 rows)"


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
