"""A database's owner with CREATEROLE, as managed services have it, can do what a superuser can, but for the hardening.

Also: two deployments in one cluster, each with roles of its own; the printed script; logins for reports.
"""

from __future__ import annotations

import contextlib
import functools
import io
import logging
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

import db.apply
import db.source
from db import check, script
from db.apply import apply, main
from db.source import MIGRATIONS, ApplyError, migration_names, with_prefix
from tests.conftest import InThread, Server
from tests.migrate import migrate
from tests.operations.conftest import rows, run_sql
from tests.sql import dump
from tools.cluster import ROLES, Cluster

OWNER = "owner_like_rds"
OTHER = "second"
ANALYST = "ann"
RELEASES = Path(__file__).parent / "releases"
LEFT_OUT = ["large objects", "advisory locks"]

NewOwned = Callable[..., str]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A cluster of these tests' own: roles are a whole cluster's."""
    directory = Path(tempfile.mkdtemp(prefix="inventory-test-"))
    directory.chmod(0o755)
    others = (with_prefix(role, OTHER) for role in ROLES if role != "postgres")
    cluster = Cluster(directory, throwaway=True, roles=(*ROLES, OWNER, ANALYST, *others))
    try:
        cluster.start()
        run_sql(cluster.dsn(), f"create role {OWNER} login createrole")
        yield cluster
    finally:
        cluster.destroy()
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def new_owned(cluster: Cluster) -> Iterator[NewOwned]:
    """new_owned(name): the owner's conninfo of a new database that belongs to it. There are no roles of the project."""
    names: list[str] = []

    def make(name: str = "shop") -> str:
        run_sql(cluster.dsn(), f"create database {name} owner {OWNER}")
        names.append(name)
        return cluster.dsn(OWNER, name)

    yield make
    for name in names:
        run_sql(cluster.dsn(), f"drop database {name} with (force)")
    known = [r for role in ROLES if role != "postgres" for r in (role, with_prefix(role, OTHER))]
    for role in (ANALYST, *known):
        run_sql(cluster.dsn(), f"drop role if exists {role}")


def superuser(conninfo: str) -> str:
    return make_conninfo(conninfo, user="postgres")


def privileges(conninfo: str, prefix: str = "inventory") -> list[str]:
    with psycopg.connect(superuser(conninfo)) as connection:
        return dump.privileges(connection, prefix).splitlines()


def committed() -> list[str]:
    return dump.PRIVILEGES.read_text().splitlines()


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def serve_a_little(conninfo: str, **settings: Any) -> None:
    """A server over the database does what its roles may, and each is refused what it may not."""
    prefix = settings.get("role_prefix", "inventory")
    run_sql(superuser(conninfo), "update store.setting set password_cost = 4, password_length_minimum = 1")
    with psycopg.connect(superuser(conninfo), autocommit=True) as connection:
        connection.execute("select maintenance.create_user('root', 'secret', 'admin')")
    server = Server(conninfo, **settings)
    try:
        client, admin = server.client(), server.client(server.token("root", "secret"))
        assert client.get("/ready").status_code == 200
        product = client.post("/sku", json={"sku_code": "A-1", "name": "Mug", "quantity": 5, "price": 3})
        assert product.status_code == 200, product.text
        key = {"Idempotency-Key": "one"}
        held = [
            client.post(f"/sku/{product.json()['sku_id']}/temporary-block", json={"quantity": 2}, headers=key).json()
            for _ in range(2)
        ]
        assert held[0] == held[1]
        assert client.post("/suppliers", json={"name": "S", "phone_number": "1"}).status_code in {401, 403}
        assert admin.post("/suppliers", json={"name": "S", "phone_number": "1"}).status_code == 201
    finally:
        server.close()
    for role in ("public", "operator", "employee", "admin", "worker", "reporting", "maintenance"):
        with psycopg.connect(make_conninfo(conninfo, user=f"{prefix}_{role}"), autocommit=True) as connection:
            connection.execute("set default_transaction_read_only = off")
            for statement in (
                "select * from store.stock",
                "create temporary table t ()",
                "create function inventory.add_stock() returns integer language sql return 1",
                f"set role {prefix}_owner",
            ):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute(statement.encode())
    assert rows(superuser(conninfo), "select * from maintenance.verify()") == []


# Without a superuser


def test_the_owner_applies_to_an_empty_database_and_again(
    new_owned: NewOwned, cluster: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    conninfo = new_owned()
    apply(conninfo, role_password="a password", jobs=False)
    said = warnings(caplog)
    assert len(said) == len(LEFT_OUT)
    assert all(words in line for words, line in zip(LEFT_OUT, said, strict=True))
    before = dump.definitions(cluster, "shop")
    assert privileges(conninfo) == committed()
    apply(conninfo, jobs=False)
    assert dump.definitions(cluster, "shop") == before
    serve_a_little(conninfo)

    # A superuser applies later: what was left out is done, and everything else is the same.
    caplog.clear()
    apply(superuser(conninfo), jobs=False)
    assert warnings(caplog) == []
    assert privileges(conninfo) == committed()
    with psycopg.connect(make_conninfo(conninfo, user="inventory_reporting"), autocommit=True) as connection:
        for statement in ("select lo_create(0)", "select pg_advisory_lock(1)"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement.encode())
    apply(conninfo, jobs=False)
    assert warnings(caplog) == []


def test_the_owner_applies_over_what_a_superuser_applied(
    new_owned: NewOwned, cluster: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    conninfo = new_owned()
    apply(superuser(conninfo), jobs=False)
    before = dump.definitions(cluster, "shop")
    with psycopg.connect(conninfo) as connection:
        is_strict = connection.info.server_version >= 160000
    if is_strict:
        with pytest.raises(ApplyError, match="with inherit true, set true"):
            apply(conninfo, jobs=False)
        run_sql(superuser(conninfo), f"grant inventory_owner to {OWNER} with inherit true, set true")
    apply(conninfo, jobs=False)
    assert dump.definitions(cluster, "shop") == before
    assert privileges(conninfo) == committed()
    assert warnings(caplog) == []


def test_the_owner_migrates_an_older_release(
    new_owned: NewOwned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    conninfo = new_owned()
    old_release(conninfo, tmp_path, monkeypatch)
    apply(conninfo, jobs=False)
    assert privileges(conninfo) == committed()
    assert rows(superuser(conninfo), "select * from maintenance.verify()") == []
    assert rows(superuser(conninfo), "select count(*) from store.product")[0][0] > 0


def old_release(conninfo: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the first release that was used could have written."""
    migrate(conninfo, "0002", tmp_path, monkeypatch)
    with psycopg.connect(superuser(conninfo), autocommit=True) as connection:
        connection.execute((RELEASES / "ledger.sql").read_bytes())
        connection.execute((RELEASES / "0002.sql").read_bytes())


def set_up(conninfo: str) -> None:
    """The part of applying that changes roles."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.add_notice_handler(db.apply._log_notice)
        db.apply._repeated(lambda: db.apply._init(connection, None, "inventory"))


def test_two_first_set_ups_of_owners_at_once(new_owned: NewOwned, in_thread: type[InThread]) -> None:
    """One changes a role that the other has just changed, and is repeated."""
    conninfos = [new_owned("one"), new_owned("two")]
    runs = [in_thread(functools.partial(set_up, conninfo)) for conninfo in conninfos]
    for run in runs:
        run.result()
    for conninfo in conninfos:
        assert rows(
            superuser(conninfo), "select nspowner::regrole::text from pg_namespace where nspname = 'store'"
        ) == [("inventory_owner",)]


@pytest.mark.parametrize(
    ("before", "says"),
    [
        (f"alter database shop owner to {ANALYST}", f"The database must belong to {OWNER}"),
        (f"alter role {OWNER} nocreaterole", "permission denied to create role"),
        ("create extension pgcrypto schema public", "alter extension pgcrypto set schema extensions"),
    ],
)
def test_what_is_missing_is_said_and_nothing_is_changed(
    new_owned: NewOwned, cluster: Cluster, before: str, says: str
) -> None:
    conninfo = new_owned()
    run_sql(superuser(conninfo), f"create role {ANALYST} login", before)
    try:
        with pytest.raises(ApplyError) as caught:
            apply(conninfo, jobs=False)
        assert says in str(caught.value)
        assert rows(superuser(conninfo), "select to_regnamespace('store')") == [(None,)]
        assert rows(cluster.dsn(), "select rolname from pg_roles where rolname like 'inventory%'") == []
    finally:
        run_sql(superuser(conninfo), f"alter database shop owner to {OWNER}", f"alter role {OWNER} createrole")


def test_an_attribute_that_only_a_superuser_takes_away_is_said(
    new_owned: NewOwned, caplog: pytest.LogCaptureFixture
) -> None:
    conninfo = new_owned()
    set_up(superuser(conninfo))
    run_sql(superuser(conninfo), "alter role inventory_worker bypassrls", f"grant inventory_owner to {OWNER}")
    set_up(conninfo)
    assert [line for line in warnings(caplog) if "inventory_worker keeps an attribute" in line]
    set_up(superuser(conninfo))
    assert rows(superuser(conninfo), "select rolbypassrls from pg_roles where rolname = 'inventory_worker'") == [
        (False,)
    ]


# Roles by prefix


def test_two_deployments_of_one_cluster_do_not_meet(
    new_owned: NewOwned, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = new_owned("one"), new_owned("two")
    apply(first, jobs=False)
    apply(superuser(second), role_password="the second's", prefix=OTHER)
    ours = "from cron.job where username ~ '^second_' or jobname ~ '^second ' or database = 'two'"
    jobs = rows(cluster.dsn(), f"select username, database, jobname {ours}")
    assert len([job for job in jobs if job[:2] == ("second_maintenance", "two")]) == len(jobs) - 1 > 0
    assert [job for job in jobs if job[0] == "postgres"] == [("postgres", "postgres", "second cron history")]
    ((history,),) = rows(cluster.dsn(), "select command from cron.job where jobname = 'second cron history'")
    assert "'second_maintenance'" in history
    assert "'second cron history'" in history
    rows(cluster.dsn(), f"select cron.unschedule(jobid) {ours}")
    assert privileges(first) == committed()
    assert [with_prefix(line, OTHER) for line in committed()] == privileges(second, OTHER)
    strangers = (
        "select has_database_privilege(r.oid, d.oid, 'connect') from pg_roles as r, pg_database as d"
        " where d.datname = 'two' and r.rolname ~ '^inventory_' or d.datname = 'one' and r.rolname ~ '^second_'"
    )
    assert rows(cluster.dsn(), strangers) == [(False,)] * 18
    for conninfo, role in ((first, "second_admin"), (second, "inventory_admin")):
        with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
            psycopg.connect(make_conninfo(conninfo, user=role))
    passwords = dict(
        rows(
            cluster.dsn(),
            "select rolname::text, rolpassword is null from pg_authid where rolname ~ '[yd]_(admin|owner)$'",
        )
    )
    assert passwords == {
        "inventory_admin": True,
        "inventory_owner": True,
        "second_admin": False,
        "second_owner": True,
    }

    for conninfo, prefix in ((first, OTHER), (second, "inventory")):
        with pytest.raises(ApplyError, match="ROLE_PREFIX"):
            apply(conninfo, jobs=False, prefix=prefix)
    for name, value in {
        "ENV_FILE": ".env.prod",
        "MIGRATION_DATABASE_URL": superuser(second),
        "ROLE_PREFIX": OTHER,
    }.items():
        monkeypatch.setenv(name, value)
    assert main(["--check"]) == 0
    monkeypatch.delenv("ROLE_PREFIX")
    assert main(["--check"]) == 2
    assert main(["--check", "--role-prefix", OTHER]) == 0
    serve_a_little(second, role_prefix=OTHER)
    assert {who for (who,) in rows(superuser(second), "select written_by from store.movement")} == {"second_operator"}


def test_no_file_names_a_role_in_a_way_that_the_prefix_does_not_reach() -> None:
    """A migration is applied as it is; a name that is put together would keep the first deployment's prefix."""
    for path in MIGRATIONS.glob("*.sql"):
        assert with_prefix(path.read_text(), OTHER) == path.read_text()
    for text in (script.text(OTHER), "".join(step.statement for step in script.init(OTHER))):
        assert not [role for role in ROLES if role in text and role != "postgres"]


# The printed script


def test_the_printed_script_makes_the_same_schema(
    new_owned: NewOwned, cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    applied, empty, old = (new_owned(name) for name in ("applied", "blank", "old"))
    apply(applied, jobs=False)
    old_release(old, tmp_path, monkeypatch)
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        assert main(["--print"]) == 0
    for conninfo in (empty, old):
        psql(cluster, conninfo, printed.getvalue())
        with psycopg.connect(conninfo, autocommit=True) as connection:
            assert check.changes(connection, "inventory").lines() == []
    assert dump.definitions(cluster, "blank") == dump.definitions(cluster, "applied")
    yoyo = "select migration_hash, migration_id from store._yoyo_migration order by applied_at_utc, 2"
    assert rows(superuser(empty), yoyo) == rows(superuser(applied), yoyo)
    assert privileges(empty) == privileges(old) == committed()
    assert rows(superuser(old), "select * from maintenance.verify()") == []
    assert rows(superuser(old), "select count(*) from store.product")[0][0] > 0

    # Both ways go on from each other: there is nothing left to do.
    before = dump.definitions(cluster, "blank")
    apply(empty, jobs=False)
    psql(cluster, empty, printed.getvalue())
    assert dump.definitions(cluster, "blank") == before
    assert len(rows(superuser(empty), "select * from store._yoyo_log")) == len(migration_names())


def psql(cluster: Cluster, conninfo: str, text: str) -> None:
    subprocess.run(
        [cluster.binaries / "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-1", "-f", "-", conninfo],
        input=text,
        text=True,
        check=True,
        capture_output=True,
        env={"PATH": os.environ["PATH"]},
    )


# Logins for reports


def test_a_login_for_reports_reads_and_keeps_the_time_outs(
    new_owned: NewOwned, cluster: Cluster, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    conninfo = new_owned()
    apply(conninfo, jobs=False)
    monkeypatch.setattr("sys.stdin", io.StringIO("a password\n"))
    assert main(["reporting-login", ANALYST, conninfo]) == 0
    stored = "select rolpassword from pg_authid where rolname = 'ann'"
    ((secret,),) = rows(cluster.dsn(), stored)
    assert secret.startswith("SCRAM-SHA-256$")
    settings = (
        "select s.setconfig from pg_db_role_setting as s join pg_roles as r on s.setrole = r.oid where r.rolname = %s"
    )
    assert rows(cluster.dsn(), settings, ANALYST) == rows(cluster.dsn(), settings, "inventory_reporting")
    with psycopg.connect(make_conninfo(conninfo, user=ANALYST), autocommit=True) as connection:
        assert connection.execute("select count(*) from report.stock").fetchone() == (0,)
        assert connection.execute("show statement_timeout").fetchone() == ("5min",)
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            connection.execute("create table report.t ()")
        connection.execute("set default_transaction_read_only = off")
        for statement in ("select inventory.clock()", "create table public.t ()", "select * from store.stock"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement.encode())

    # Again: the settings are renewed, the password stays.
    run_sql(cluster.dsn(), f"alter role {ANALYST} reset statement_timeout")
    assert main(["reporting-login", ANALYST, conninfo, "--no-password"]) == 0
    assert rows(cluster.dsn(), settings, ANALYST) != []
    assert sorted(rows(cluster.dsn(), settings, ANALYST)[0][0]) == sorted(
        rows(cluster.dsn(), settings, "inventory_reporting")[0][0]
    )
    assert rows(cluster.dsn(), stored) == [(secret,)]

    for name in ("postgres", OWNER, "inventory_admin", "inventory_reporting"):
        assert main(["reporting-login", name, conninfo, "--no-password"]) == 1
    run_sql(cluster.dsn(), f"grant inventory_admin to {ANALYST}")
    assert main(["reporting-login", ANALYST, conninfo, "--no-password"]) == 1
    monkeypatch.setattr("sys.stdin", io.StringIO("\n"))
    caplog.clear()
    assert main(["reporting-login", "bob", conninfo]) == 1
    assert "password is empty" in caplog.text
    assert rows(cluster.dsn(), "select from pg_roles where rolname = 'bob'") == []
