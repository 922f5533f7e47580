"""Migrations are append-only and make the schema that is committed; db/apply.py does the same however often it runs."""

from __future__ import annotations

import functools
import itertools
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

import db.apply
import db.source
from db.apply import apply
from db.source import MIGRATIONS, ApplyError, migration_names
from tests.conftest import Database, InThread, throwaway_cluster
from tests.migrate import migrate
from tests.sql import dump

NewDatabase = Callable[[], str]
CODE = "select prosrc from pg_proc where oid = to_regproc(%s)"


def function_file(code: Path, name: str, body: str = "return 1;", arguments: str = "", result: str = "integer") -> Path:
    """Write the file of a function of the schema inventory."""
    path = code / "functions" / "inventory" / "core" / f"{name}.sql"
    path.write_text(
        f"create or replace function inventory.{name}({arguments}) returns {result} language plpgsql"
        f" as $$ begin {body} end; $$;"
    )
    return path


def again(connection: psycopg.Connection[Any]) -> None:
    apply(connection.info.dsn, jobs=False)


def one(connection: psycopg.Connection[Any], query: str, *parameters: Any) -> Any:
    row = connection.execute(query.encode(), parameters or None).fetchone()
    return row and row[0]


def everything(connection: psycopg.Connection[Any]) -> tuple[str, list[Any]]:
    """The whole database: every definition with its comment and its privileges, every function's oid, every row."""
    rows = [connection.execute("select p.oid, p.oid::regprocedure::text from pg_proc as p order by p.oid").fetchall()]
    tables = "select relname from pg_class where relnamespace = 'store'::regnamespace and relkind = 'r' order by 1"
    for (name,) in connection.execute(tables).fetchall():
        rows.append(connection.execute(f'select t::text from store."{name}" as t order by 1'.encode()).fetchall())
    return dump.definitions(throwaway_cluster(), connection.info.dbname), rows


# The files


def test_names_are_consecutive_numbers_and_words() -> None:
    names = [path.name for path in sorted(MIGRATIONS.iterdir())]
    assert [name for name in names if not re.fullmatch(r"\d{4}\.[a-z0-9-]+\.sql", name)] == []
    assert [int(name[:4]) for name in names] == list(range(1, len(names) + 1))
    assert migration_names() == [name.removesuffix(".sql") for name in names]


def test_a_migration_never_changes() -> None:
    assert dump.checksums() == dump.committed_checksums(), (
        "Databases that have a migration do not apply it again: put what is new into a migration of its own,"
        f" then run {dump.COMMAND}, which adds its checksum."
    )


def test_migrations_hold_no_code_but_what_a_check_or_the_release_before_calls() -> None:
    pattern = r"create\s+(?:or\s+replace\s+)?(?:function|procedure|view)\s+([\w.]+)"
    made = [name for path in MIGRATIONS.iterdir() for name in re.findall(pattern, path.read_text(), re.I)]
    assert sorted(made) == [
        "inventory.line",
        "inventory.movement_is_sound",
        "inventory.new_movement",
        "inventory.stock_is_sound",
        "inventory.stock_is_sound",
        "inventory.webhook_info",
        "store.row_count",
    ]


@pytest.mark.packages
def test_migrations_make_the_schema_that_is_committed(applied_once: psycopg.Connection[Any]) -> None:
    made = dump.schema(throwaway_cluster(), applied_once.info.dbname)
    assert made.splitlines() == dump.SCHEMA.read_text().splitlines(), (
        f"The schema has changed: run {dump.COMMAND} and look at the difference."
    )


# Applying


def test_code_points_come_to_the_columns_while_the_views_stay(
    empty_database: NewDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL alters no column that a view shows; servers of the release before use the views meanwhile."""
    conninfo = empty_database()
    for name in migration_names():
        if not name.startswith("0016"):  # today's functions need the later ones
            shutil.copy(MIGRATIONS / f"{name}.sql", tmp_path)
    with monkeypatch.context() as before:
        before.setattr(db.source, "MIGRATIONS", tmp_path)
        apply(conninfo, jobs=False)
    with psycopg.connect(conninfo, autocommit=True) as connection:
        views = (
            "select c.oid::regclass::text, c.relowner::regrole::text, array(select unnest(c.relacl)::text order by 1),"
            " (select string_agg(a.attname || ' ' || a.atttypid::regtype, ', ' order by a.attnum)"
            " from pg_attribute as a where a.attrelid = c.oid and a.attnum > 0)"
            " from pg_class as c where c.relkind = 'v' and c.relowner = 'inventory_owner'::regrole order by 1"
        )
        found = connection.execute(views.encode()).fetchall()
        of_stock = "select 'report.stock'::regclass::oid"
        view = one(connection, of_stock)
        connection.execute("create view public.of_a_user as select sku from report.stock")
        with pytest.raises(psycopg.errors.DependentObjectsStillExist, match="of_a_user"):
            db.apply._migrate(conninfo)
        assert one(connection, of_stock) == view
        connection.execute("drop view public.of_a_user")
        db.apply._migrate(conninfo)
        assert one(connection, of_stock) != view
        assert connection.execute(views.encode()).fetchall() == found
        assert one(connection, "select count(*) from report.stock") == 0
        again(connection)


def test_what_moved_before_the_moving_average_was_kept_is_worked_out(
    empty_database: NewDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    conninfo = empty_database()
    migrate(conninfo, "0002", tmp_path, monkeypatch)
    with psycopg.connect(conninfo, autocommit=True) as connection:
        # 10 at 1.500, 5 of unknown cost, a reservation of 4 that is consumed, on one product; nothing on another.
        connection.execute(
            """
            insert into store.product (sku_id, sku, name, created_at, updated_at)
            select gen_random_uuid(), 'A-' || g, 'A', now(), now() from generate_series(1, 2) as g;
            insert into store.stock (product_id, on_hand, created_at, updated_at)
            values (1, 11, now(), now()), (2, 0, now(), now());
            insert into store.movement (
                product_id, kind, on_hand_before, on_hand_after, reserved_before, reserved_after, blocked_before,
                blocked_after, cost, actor, occurred_at, created_at
            )
            values
                (1, 'initial', 0, 10, 0, 0, 0, 0, 15, 'a', now(), now()),
                (1, 'add', 10, 15, 0, 0, 0, 0, null, 'a', now(), now()),
                (1, 'reserve', 15, 15, 0, 4, 0, 0, null, 'a', now(), now()),
                (1, 'consume', 15, 11, 4, 0, 0, 0, 6, 'a', now(), now());
            insert into store.cost_layer (
                product_id, movement_id, received_at, quantity, remaining, unit_cost, value, remaining_value
            )
            values (1, 1, now(), 10, 6, 1.5, 15, 9), (1, 2, now(), 5, 5, null, null, null);
            insert into store.cost_layer_use (product_id, movement_id, layer_id, quantity, cost) values (1, 4, 1, 4, 6);
            """
        )
        again(connection)
        # 4 of 15 take 2.667 of the 10 known units, and those take 4.001 of their 15.
        pool = "select average_quantity::text, average_value::text from store."
        assert connection.execute(f"{pool}movement order by id".encode()).fetchall() == [
            ("10.000", "15.000"),
            ("10.000", "15.000"),
            ("10.000", "15.000"),
            ("7.333", "10.999"),
        ]
        assert connection.execute(f"{pool}stock order by product_id".encode()).fetchall() == [
            ("7.333", "10.999"),
            ("0.000", "0.000"),
        ]
        assert connection.execute("select * from maintenance.verify()").fetchall() == []


@pytest.mark.packages
def test_applying_twice_changes_nothing(applied_once: psycopg.Connection[Any]) -> None:
    before = everything(applied_once)
    again(applied_once)
    assert everything(applied_once) == before


def test_a_deadlock_with_a_call_is_overcome(applied: psycopg.Connection[Any], in_thread: type[InThread]) -> None:
    """The call reads a late view, then an early one; the views are replaced in order of their names."""
    conninfo = applied.info.dsn
    with psycopg.connect(conninfo) as call:
        call.execute("set deadlock_timeout = '60s'")  # db.apply notices first
        call.execute("select count(*) from http.unit_json")
        applying = in_thread(lambda: apply(conninfo, jobs=False))
        waits = "select count(*) from pg_locks where relation = 'http.unit_json'::regclass and not granted"
        Database.wait_for(lambda: one(applied, waits) == 1)
        call.execute("select count(*) from http.block_json")  # waits until db.apply has given up
        call.commit()
        applying.result()
    again(applied)


@pytest.mark.parametrize("error", [psycopg.errors.DeadlockDetected, psycopg.errors.UniqueViolation])
def test_a_deadlock_of_a_migration_is_overcome_and_nothing_else(
    applied: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch, error: type[psycopg.Error]
) -> None:
    migrate, calls = db.apply._migrate, []

    def disturbed(*arguments: Any) -> None:
        calls.append(arguments)
        if len(calls) == 1:
            raise error("")
        migrate(*arguments)

    monkeypatch.setattr(db.apply, "_migrate", disturbed)
    if error is psycopg.errors.DeadlockDetected:
        apply(applied.info.dsn)
    else:
        with pytest.raises(error):
            apply(applied.info.dsn)
    assert len(calls) == (2 if error is psycopg.errors.DeadlockDetected else 1)


def test_every_migration_is_recorded(applied: psycopg.Connection[Any]) -> None:
    rows = applied.execute("select migration_id from store._yoyo_migration order by 1").fetchall()
    assert [name for (name,) in rows] == migration_names()


def test_a_role_that_does_not_own_the_database_changes_nothing(
    empty_database: NewDatabase, applied: psycopg.Connection[Any]
) -> None:
    conninfo = make_conninfo(empty_database(), user="inventory_admin")
    with pytest.raises(ApplyError):
        apply(conninfo, jobs=False)
    with psycopg.connect(conninfo) as connection:
        assert (
            one(connection, "select count(*) from pg_namespace where nspname = any(%s)", list(db.source.SCHEMAS)) == 0
        )


def test_applies_to_utf8_alone() -> None:
    with psycopg.connect(throwaway_cluster().dsn(), autocommit=True) as admin:
        admin.execute("create database test_latin1 encoding 'LATIN1' locale 'C' template template0")
        try:
            with pytest.raises(ApplyError):
                apply(throwaway_cluster().dsn(dbname="test_latin1"), jobs=False)
        finally:
            admin.execute("drop database test_latin1")


def test_applies_to_a_server_with_icu_alone(empty_database: NewDatabase) -> None:
    """Without it there is no such collation."""
    conninfo = empty_database()
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("set allow_system_table_mods = on")
        connection.execute("delete from pg_collation where collname = 'und-x-icu'")
        with pytest.raises(ApplyError, match="ICU"):
            again(connection)
        assert one(connection, "select to_regnamespace('store')") is None


def test_a_password_reaches_the_roles_of_the_server_alone_and_only_hashed(empty_database: NewDatabase) -> None:
    conninfo = empty_database()
    passwords = "select rolname, rolpassword from pg_authid where rolname like 'inventory%' and rolpassword is not null"
    with psycopg.connect(conninfo, autocommit=True) as connection:
        try:
            apply(conninfo, role_password="a password", jobs=False)
            found: dict[str, str] = dict(connection.execute(passwords.encode()).fetchall())
            assert found.keys() == set(db.source.SERVER_ROLES)
            assert all(password.startswith("SCRAM-SHA-256$") for password in found.values())
            again(connection)
            assert dict(connection.execute(passwords.encode()).fetchall()) == found, "None leaves them as they are"
        finally:
            for role in db.source.SERVER_ROLES:
                connection.execute(f"alter role {role} password null".encode())


def test_two_databases_at_once(empty_database: NewDatabase, in_thread: type[InThread]) -> None:
    conninfos = [empty_database(), empty_database()]
    runs = [in_thread(functools.partial(apply, conninfo, jobs=False)) for conninfo in conninfos]
    for run in runs:
        run.result()
    for conninfo in conninfos:
        with psycopg.connect(conninfo) as connection:
            assert one(connection, "select count(*) from store._yoyo_migration") == len(migration_names())


def test_one_database_twice_at_once(empty_database: NewDatabase, in_thread: type[InThread]) -> None:
    conninfo = empty_database()
    runs = [in_thread(lambda: apply(conninfo, jobs=False)) for _ in range(2)]
    for run in runs:
        run.result()
    with psycopg.connect(conninfo) as connection:
        assert one(connection, "select count(*) from store._yoyo_migration") == len(migration_names())


def test_takes_its_turn(applied: psycopg.Connection[Any], in_thread: type[InThread]) -> None:
    """Whoever applies holds the lock for as long as it takes."""
    waits = (
        "select count(*) from pg_locks as l join pg_database as d on l.database = d.oid"
        " where d.datname = current_database() and l.locktype = 'advisory' and not l.granted"
    )
    with psycopg.connect(applied.info.dsn, autocommit=True) as first:
        first.execute("select pg_advisory_lock(%s)", [db.source.APPLY_LOCK])
        second = in_thread(lambda: again(applied))
        Database.wait_for(lambda: one(applied, waits) == 1)
    second.result()


# Functions


def test_a_function_without_a_file_is_dropped(applied: psycopg.Connection[Any], code: Path) -> None:
    path = function_file(code, "of_yesterday")
    again(applied)
    assert one(applied, "select inventory.of_yesterday()") == 1
    path.unlink()
    again(applied)
    assert one(applied, "select to_regproc('inventory.of_yesterday')") is None


def test_a_function_of_another_schema_is_left_alone(applied: psycopg.Connection[Any]) -> None:
    applied.execute("create schema elsewhere")
    applied.execute("create function elsewhere.thing() returns integer language sql return 1")
    again(applied)
    assert one(applied, "select elsewhere.thing()") == 1


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"arguments": "p_a integer, p_b integer default 1"}, id="one more argument"),
        pytest.param({"arguments": "p_a text"}, id="another type of argument"),
        pytest.param({"arguments": "p_other integer"}, id="another name of an argument"),
        pytest.param({"arguments": "p_a integer", "result": "bigint"}, id="another result"),
        pytest.param({"arguments": "p_a integer, out p_b integer", "body": "p_b := 2;"}, id="an out argument"),
    ],
)
def test_a_changed_signature_replaces(applied: psycopg.Connection[Any], code: Path, changed: dict[str, str]) -> None:
    function_file(code, "changing", arguments="p_a integer")
    again(applied)
    function_file(code, "changing", **changed)
    again(applied)
    found = applied.execute("select pg_get_function_arguments(oid) from pg_proc where proname = 'changing'").fetchall()
    assert [re.sub("DEFAULT", "default", re.sub("OUT", "out", arguments)) for (arguments,) in found] == [
        changed["arguments"]
    ]


def test_an_overload_made_by_hand_is_refused(applied: psycopg.Connection[Any], code: Path) -> None:
    function_file(code, "one_of_two")
    again(applied)
    applied.execute("create function inventory.one_of_two(integer) returns integer language sql return 2")
    with pytest.raises(ApplyError):
        again(applied)
    assert one(applied, "select count(*) from pg_proc where proname = 'one_of_two'") == 2


def test_a_file_that_does_not_define_its_function_is_refused(applied: psycopg.Connection[Any], code: Path) -> None:
    function_file(code, "right").rename(code / "functions" / "inventory" / "core" / "wrong.sql")
    with pytest.raises(ApplyError):
        again(applied)
    assert one(applied, "select to_regproc('inventory.right')") is None


def test_a_file_in_the_wrong_schemas_directory_is_refused(applied: psycopg.Connection[Any], code: Path) -> None:
    shutil.move(function_file(code, "stray"), code / "functions" / "http" / "service" / "stray.sql")
    with pytest.raises(ApplyError):
        again(applied)
    assert one(applied, "select to_regproc('inventory.stray')") is None


@pytest.mark.parametrize("kind", ["function", "view"])
def test_two_files_of_one_name_are_refused(applied: psycopg.Connection[Any], code: Path, kind: str) -> None:
    """In two areas of a schema: one of them would be applied, and nobody would know which."""
    path = function_file(code, "twice") if kind == "function" else code / "views" / "report" / "stock.sql"
    (path.parent / "area").mkdir()
    shutil.copy(path, path.parent / "area")
    with pytest.raises(ApplyError):
        again(applied)
    assert one(applied, "select to_regproc('inventory.twice')") is None


@pytest.mark.packages
@pytest.mark.parametrize(
    "broken",
    [
        pytest.param("this is no SQL", id="syntax"),
        pytest.param(
            "create function inventory.zzz_broken() returns integer language plpgsql as $$ begin retrun; end; $$",
            id="syntax inside the body",
        ),
        pytest.param(
            "create function inventory.zzz_broken() returns no.type language sql as 'select 1'", id="an unknown type"
        ),
        pytest.param("select 1 / 0", id="an error at run time"),
    ],
)
def test_functions_change_all_or_none(applied: psycopg.Connection[Any], code: Path, broken: str) -> None:
    """A file that fails, after others that did not, leaves every function as it was."""
    function_file(code, "before_it", "return 1;")
    again(applied)
    before = everything(applied)
    function_file(code, "before_it", "return 2;")
    function_file(code, "new")
    function_file(code, "zzz_broken").write_text(broken)
    with pytest.raises(ApplyError):
        again(applied)
    assert everything(applied) == before
    assert one(applied, "select inventory.before_it()") == 1


def test_a_grant_that_is_gone_from_its_file_is_revoked(applied: psycopg.Connection[Any], code: Path) -> None:
    """CREATE OR REPLACE keeps privileges: what a role may do is what the files say now, not what they ever said."""
    function, view = function_file(code, "granted"), code / "views" / "report" / "granted.sql"
    view.write_text("create or replace view report.granted as select 1 as one")
    before = {path: path.read_text() for path in (function, view)}
    function.write_text(
        before[function] + "; grant execute on function inventory.granted() to public, inventory_public"
    )
    view.write_text(before[view] + "; grant select on report.granted to inventory_public")
    again(applied)
    may = (
        "select has_function_privilege('inventory_reporting', 'inventory.granted()', 'execute'),"
        " has_function_privilege('inventory_public', 'inventory.granted()', 'execute'),"
        " has_table_privilege('inventory_public', 'report.granted', 'select')"
    )
    assert applied.execute(may).fetchone() == (True, True, True)
    for path, text in before.items():
        path.write_text(text)
    again(applied)
    assert applied.execute(may).fetchone() == (False, False, False)


def test_a_view_without_a_file_is_dropped_with_the_function_that_it_used(
    applied: psycopg.Connection[Any], code: Path
) -> None:
    function, view = function_file(code, "of_yesterday"), code / "views" / "report" / "of_yesterday.sql"
    view.write_text("create or replace view report.of_yesterday as select inventory.of_yesterday() as answer")
    again(applied)
    assert one(applied, "select answer from report.of_yesterday") == 1
    function.unlink()
    view.unlink()
    again(applied)
    assert one(applied, "select to_regclass('report.of_yesterday')") is None


def test_a_views_columns_may_change(applied: psycopg.Connection[Any], code: Path) -> None:
    path = code / "views" / "report" / "changing.sql"
    path.write_text("create or replace view report.changing as select 1 as one, 2 as two")
    again(applied)
    path.write_text("create or replace view report.changing as select 'two' as two")
    again(applied)
    assert one(applied, "select two from report.changing") == "two"


@pytest.mark.packages
def test_a_broken_view_leaves_functions_and_views_as_they_were(applied: psycopg.Connection[Any], code: Path) -> None:
    before = everything(applied)
    function_file(code, "new")
    path = code / "views" / "report" / "stock.sql"
    path.write_text("create or replace view report.stock as select missing")
    with pytest.raises(ApplyError):
        again(applied)
    assert everything(applied) == before


def test_every_file_is_where_its_name_says() -> None:
    """db/functions/<schema>/<area>/<function>.sql, db/views/<schema>/<view>.sql; a name stands once in a schema.

    A function is never the tables' own; a view is where others are made of it, or is the JSON that http shows.
    """
    functions = [
        path.relative_to(db.source.FUNCTIONS).parts for path in db.source.FUNCTIONS.rglob("*") if path.is_file()
    ]
    views = [path.relative_to(db.source.VIEWS).parts for path in db.source.VIEWS.rglob("*") if path.is_file()]
    assert {len(parts) for parts in functions} == {3}
    assert {len(parts) for parts in views} == {2}
    for paths, schemas in ((functions, set(db.source.SCHEMAS) - {"store"}), (views, {"http", "report", "store"})):
        names = sorted((parts[0], parts[-1]) for parts in paths)
        assert [name for name, same in itertools.groupby(names) if len(list(same)) > 1] == []
        assert {schema for schema, _ in names} <= schemas
        assert all(name.endswith(".sql") for _, name in names)
