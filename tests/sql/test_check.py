"""`db.apply --check` says what would change. db.apply breaks nobody's objects: it says which, and changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

import db.source
from db.apply import apply, main
from db.source import ApplyError
from environment import check_role_prefix
from tests.conftest import Database, new_database
from tests.sql import dump
from tests.sql.test_migrations import again, function_file, one

Applied = psycopg.Connection[Any]


CATALOG = """
select md5(string_agg(t.x, ' ' order by t.x)) from (
    select 'namespace' || oid || xmin from pg_namespace where nspname !~ '^pg_(toast_)?temp'
    union all select 'class' || oid || xmin from pg_class where not pg_is_other_temp_schema(relnamespace)
    union all select 'attribute' || attrelid || ' ' || attnum || ' ' || xmin from pg_attribute
    union all select 'function' || oid || xmin from pg_proc
    union all select 'comment' || objoid || ' ' || objsubid || ' ' || xmin from pg_description
    union all select 'role' || oid || xmin from pg_authid
) as t (x)
"""


def catalog(connection: Applied) -> Any:
    """Which version of each object there is: any change gives another text."""
    return one(connection, CATALOG)


@pytest.fixture(scope="module")
def template() -> Iterator[str]:
    """The name of a database to which everything is applied: each test has a copy."""
    with new_database() as conninfo:
        apply(conninfo, jobs=False)
        with psycopg.connect(conninfo) as connection:
            name = connection.info.dbname
        yield name


@pytest.fixture
def applied(template: str) -> Iterator[Applied]:
    """A superuser's connection to a database to which everything is applied."""
    with new_database(template) as conninfo, psycopg.connect(conninfo, autocommit=True) as connection:
        yield connection


@pytest.fixture
def check(applied: Applied, capsys: pytest.CaptureFixture[str]) -> Any:
    """check(): the exit status, and the lines that are printed. Nothing has changed."""

    def check() -> tuple[int, list[str]]:
        before = catalog(applied)
        capsys.readouterr()
        status = main(["--check", applied.info.dsn])
        assert catalog(applied) == before
        return status, capsys.readouterr().out.splitlines()

    return check


def change_view(code: Path, name: str, old: str, new: str) -> None:
    """Change a view's file, and what db/columns.txt says of it by the same words."""
    path = code / "views" / "report" / f"{name}.sql"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def change_columns(code: Path, old: str, new: str) -> None:
    path = code / "columns.txt"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def test_the_columns_are_those_that_are_committed(applied: Applied) -> None:
    assert dump.columns(applied) == dump.COLUMNS.read_text(), f"Run {dump.COMMAND} and look at the difference."


def test_nothing_is_to_be_done_after_applying(check: Any) -> None:
    assert check() == (0, [])


def test_everything_is_to_be_done_in_an_empty_database(empty_database: Any, capsys: pytest.CaptureFixture[str]) -> None:
    conninfo = empty_database()
    assert main(["--check", conninfo]) == 2
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(db.source.migration_names()) + len(db.source.function_files()) + len(
        db.source.view_files()
    )
    with psycopg.connect(conninfo) as connection:
        assert one(connection, "select to_regnamespace('store')") is None


def test_functions_and_views_that_change_are_named(applied: Applied, code: Path, check: Any) -> None:
    function_file(code, "of_yesterday")
    again(applied)
    (code / "functions" / "inventory" / "core" / "of_yesterday.sql").unlink()
    function_file(code, "new_one")
    clock = code / "functions" / "inventory" / "core" / "clock.sql"
    clock.write_text(clock.read_text().replace("to inventory_public", "to inventory_reporting"))
    change_view(code, "products", "comment on view", "-- a comment that is not stored\ncomment on view")
    change_view(code, "sales", "comment on view report.sales is\n'", "comment on view report.sales is\n'Also: ")
    assert check() == (
        2,
        [
            "function inventory.clock: changes",
            "function inventory.new_one: new",
            "view report.sales: changes",
            "function inventory.of_yesterday: has no file, is dropped",
        ],
    )
    again(applied)
    assert check() == (0, [])


@pytest.mark.parametrize(
    "by_hand",
    [
        "grant execute on function inventory.clock() to public",
        "comment on function inventory.clock() is 'mine'",
        "alter function inventory.clock() volatile",
        "revoke execute on function inventory.clock() from inventory_public",
    ],
)
def test_what_was_changed_by_hand_is_named(applied: Applied, check: Any, by_hand: str) -> None:
    applied.execute(by_hand.encode())
    assert check() == (2, ["function inventory.clock: changes"])


def add_migration(directory: Path, monkeypatch: Any) -> None:
    (directory / "migrations").mkdir()
    (directory / "migrations" / "9999.more.sql").write_text("create table store.more (id bigint);")
    monkeypatch.setattr(db.source, "MIGRATIONS", directory / "migrations")


def test_a_long_migration_is_told_beforehand(
    applied: Applied, check: Any, tmp_path: Path, monkeypatch: Any, caplog: Any
) -> None:
    """By what PostgreSQL knows of the number of rows."""
    add_migration(tmp_path, monkeypatch)
    monkeypatch.setitem(db.source.LONG_MIGRATIONS, "9999.more", ("store.movement", 40))
    assert check() == (2, ["migration 9999.more: pending"])
    applied.execute(
        "update pg_class set reltuples = 500000 where oid in"
        " (select relid from pg_partition_tree('store.movement') where isleaf limit 3)"
    )
    wait = "; calls that need store.movement wait for about 60 s (1500000 rows)"
    assert check() == (2, [f"migration 9999.more: pending{wait}"])
    again(applied)
    assert f"migration 9999.more{wait}" in caplog.messages


def test_a_column_that_is_changed_by_hand_is_named(applied: Applied, check: Any) -> None:
    applied.execute("comment on column report.stock.sku is 'mine'; grant select on report.stock to public")
    assert check() == (2, ["view report.stock: changes"])


def test_a_pending_migration_is_named(applied: Applied, check: Any, tmp_path: Path, monkeypatch: Any) -> None:
    add_migration(tmp_path, monkeypatch)
    assert check() == (2, ["migration 9999.more: pending"])


# Other people's objects


def refused(applied: Applied, *names: str) -> None:
    """Applying changes nothing, and says each of the names."""
    before = catalog(applied)
    with pytest.raises(ApplyError) as caught:
        again(applied)
    for name in names:
        assert name in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1 + len(names)
    assert catalog(applied) == before


@pytest.fixture
def analytics(applied: Applied) -> Applied:
    """A view on report.stock, a view on that one, and a function that is written with names."""
    applied.execute(
        """
        create schema analytics;
        create view analytics.by_unit as select unit, sum(on_hand) as on_hand from report.stock group by unit;
        create materialized view analytics.units as select unit from analytics.by_unit;
        create function analytics.value() returns numeric language sql
        begin atomic select sum(total_value) from report.valuation_as_of(now()); end;
        """
    )
    return applied


def test_a_view_of_theirs_survives_where_the_columns_stay(analytics: Applied, code: Path, check: Any) -> None:
    change_view(code, "stock", "    s.updated_at\nfrom", "    s.updated_at,\n    s.created_at\nfrom")
    change_columns(
        code,
        "report.stock updated_at timestamp with time zone\n",
        "report.stock updated_at timestamp with time zone\nreport.stock created_at timestamp with time zone\n",
    )
    assert check() == (2, ["view report.stock: changes"])
    again(analytics)
    assert one(analytics, "select count(*) from analytics.by_unit") == 0
    assert check() == (0, [])


@pytest.mark.parametrize(
    ("old", "new", "columns"),
    [
        pytest.param("u.name as unit", "u.name as in_unit", ("report.stock unit ", "report.stock in_unit "), id="name"),
        pytest.param(
            "u.name as unit",
            "u.name::varchar(9) as unit",
            ("report.stock unit text", "report.stock unit character varying(9)"),
            id="type",
        ),
    ],
)
def test_a_release_that_breaks_views_of_theirs_says_so_and_changes_nothing(
    analytics: Applied, code: Path, check: Any, old: str, new: str, columns: tuple[str, str]
) -> None:
    change_view(code, "stock", old, new)
    change_view(code, "stock", "column report.stock.unit", "column report.stock.in_unit") if "in_unit" in new else None
    change_columns(code, *columns)
    theirs = ("view analytics.by_unit", "materialized view analytics.units")
    status, lines = check()
    assert (status, lines[0]) == (2, "view report.stock: changes")
    assert len(lines) == 3
    assert all(any(line.startswith(f"{name} depends on view report.stock,") for line in lines[1:]) for name in theirs)
    refused(analytics, *theirs)
    analytics.execute("drop view analytics.by_unit cascade")
    again(analytics)
    assert check() == (0, [])


def test_a_view_that_is_gone_breaks_those_on_it(analytics: Applied, code: Path) -> None:
    (code / "views" / "report" / "stock.sql").unlink()
    refused(analytics, "view analytics.by_unit", "materialized view analytics.units")


def test_a_view_that_a_migration_drops_breaks_those_on_it(
    analytics: Applied, check: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    (tmp_path / "migrations").mkdir()
    (tmp_path / "migrations" / "9999.more.sql").write_text("drop view if exists report.sales, report.stock;")
    monkeypatch.setattr(db.source, "MIGRATIONS", tmp_path / "migrations")
    theirs = ("view analytics.by_unit", "materialized view analytics.units")
    status, lines = check()
    assert (status, lines[0], len(lines)) == (2, "migration 9999.more: pending", 3)
    refused(analytics, *theirs)


def test_a_function_with_other_arguments_breaks_those_that_call_it(analytics: Applied, code: Path, check: Any) -> None:
    (path,) = code.rglob("valuation_as_of.sql")
    path.write_text(path.read_text().replace("p_product_id bigint default null", "p_product bigint default null", 1))
    assert any(line.startswith("function analytics.value() depends on function report.") for line in check()[1])
    refused(analytics, "function analytics.value()")


def test_what_depends_on_tables_is_at_risk_of_a_migration(
    applied: Applied, check: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    applied.execute("create table public.mine (product_id bigint references store.product)")
    assert check() == (0, [])
    (tmp_path / "migrations").mkdir()
    (tmp_path / "migrations" / "9999.more.sql").write_text("create table store.more (id bigint);")
    monkeypatch.setattr(db.source, "MIGRATIONS", tmp_path / "migrations")
    lines = check()[1]
    assert lines[0] == "migration 9999.more: pending"
    assert [line for line in lines[1:] if "mine_product_id_fkey" in line and "which a migration may change" in line]


def test_a_view_of_theirs_in_our_schema_is_refused_and_kept(applied: Applied, check: Any) -> None:
    applied.execute("create view report.my_kpi as select 1 as one; create function report.mine() returns int return 1")
    assert check()[0] == 2
    assert "view report.my_kpi is not this project's, but postgres's: move it to another schema" in check()[1]
    refused(applied, "view report.my_kpi", "function report.mine()")
    applied.execute("create schema analytics; alter view report.my_kpi set schema analytics")
    applied.execute("alter function report.mine() set schema analytics")
    again(applied)
    assert one(applied, "select one from analytics.my_kpi") == 1


# The other commands


def test_status_prints_what_maintenance_status_says_and_what_is_pending(
    database: Database, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: Any
) -> None:
    assert main(["status", database.conninfo]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert f"last_migration\t{db.source.migration_names()[-1]}" in lines
    assert not [line for line in lines if line.startswith("pending migration")]
    (tmp_path / "9999.more.sql").touch()
    monkeypatch.setattr(db.source, "MIGRATIONS", tmp_path)
    assert main(["status", database.conninfo]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "pending migration\t9999.more"


def test_verify_prints_each_difference(database: Database, capsys: pytest.CaptureFixture[str]) -> None:
    product = database.product("A-1", 5)
    assert main(["verify", database.conninfo]) == 0
    assert capsys.readouterr().out == ""
    database.admin.execute("set session_replication_role = replica")
    database.admin.execute("update store.stock set on_hand = on_hand + 1 where product_id = %s", [product])
    assert main(["verify", database.conninfo]) == 2
    rows = capsys.readouterr().out.splitlines()
    assert len(rows) == len(database.rows("select * from maintenance.verify()"))
    assert all("\t" in row for row in rows)
    database.admin.execute("update store.stock set on_hand = on_hand - 1 where product_id = %s", [product])
    database.verify()


@pytest.mark.parametrize(
    "arguments",
    [
        ["--print", "--check"],
        ["status", "--check"],
        ["one", "two"],
        ["reporting-login"],
        ["verify", "one", "two"],
    ],
)
def test_arguments_that_make_no_sense_are_refused(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 1


@pytest.mark.parametrize("prefix", ["", "9a", "A", "a-b", "a" * 51, 'a"b'])
def test_a_prefix_that_is_none_is_refused(prefix: str) -> None:
    with pytest.raises(ValueError, match="ROLE_PREFIX"):
        check_role_prefix(prefix)
