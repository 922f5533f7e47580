"""What a login that is out for harm gains: each role that can log in, by itself, with all that SQL lets it try."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import psycopg
import pytest
from psycopg import sql

from db.apply import FUNCTIONS, LOGIN_ROLES, SCHEMAS, VIEWS, apply
from tests.conftest import Database
from tests.http.samples import World, fill
from tests.sql import dump
from tests.sql.conftest import contents, new_database

ALL = tuple(sorted(LOGIN_ROLES))
Fact = tuple[str, str, str, str]  # role, kind, name, privilege

# Whom a role may become by SET ROLE: those whose grants it has anyway.
CHAIN = {
    "inventory_operator": {"inventory_public"},
    "inventory_employee": {"inventory_public", "inventory_operator"},
    "inventory_admin": {"inventory_public", "inventory_operator", "inventory_employee"},
}

# Everything in a database that has privileges, asked of PostgreSQL's own functions: what is inherited, what PUBLIC has
# and what an owner has by being one is in it. {0}: those of one role.
EFFECTIVE = """
with
role as (select r.oid, r.rolname as name from pg_roles as r where r.rolname = any(%(roles)s)),
object (role, kind, name, privilege, has) as (
    select r.name, 'database', case when d.datname = current_database() then '(this)' else d.datname end, a.privilege,
        has_database_privilege(r.oid, d.oid, a.privilege)
    from role as r, pg_database as d, unnest('{connect,create,temporary}'::text[]) as a (privilege)
    where d.datname in (current_database(), 'postgres', 'template0', 'template1')
    union all
    select r.name, 'schema', n.nspname, a.privilege, has_schema_privilege(r.oid, n.oid, a.privilege)
    from role as r, pg_namespace as n, unnest('{usage,create}'::text[]) as a (privilege)
    where n.nspname !~ '^pg_(toast_)?temp_'
    union all
    select r.name, case p.prokind when 'p' then 'procedure' else 'function' end,
        -- A function of ours goes by its name, for none is overloaded.
        case
            when p.pronamespace::regnamespace::text = any(%(schemas)s)
                then p.pronamespace::regnamespace || '.' || p.proname
            else p.pronamespace::regnamespace || '.' || p.proname || '('
                || pg_get_function_identity_arguments(p.oid) || ')'
        end,
        'execute', has_function_privilege(r.oid, p.oid, 'execute')
    from role as r, pg_proc as p
    union all
    select r.name, case c.relkind when 'v' then 'view' else 'table' end,
        c.relnamespace::regnamespace || '.' || c.relname, a.privilege, has_table_privilege(r.oid, c.oid, a.privilege)
    from role as r, pg_class as c,
        unnest('{select,insert,update,delete,truncate,references,trigger}'::text[]) as a (privilege)
    where c.relkind in ('r', 'v', 'm', 'p', 'f') and c.relnamespace <> 'pg_toast'::regnamespace
    union all
    select r.name, 'column', c.relnamespace::regnamespace || '.' || c.relname || '.' || f.attname, a.privilege,
        has_column_privilege(r.oid, c.oid, f.attnum, a.privilege)
    from role as r, pg_class as c join pg_attribute as f on c.oid = f.attrelid and not f.attisdropped,
        unnest('{select,insert,update,references}'::text[]) as a (privilege)
    where c.relkind in ('r', 'v', 'm', 'p', 'f') and c.relnamespace <> 'pg_toast'::regnamespace
        -- What is granted on the whole is said of the whole.
        and not has_table_privilege(r.oid, c.oid, a.privilege)
    union all
    select r.name, 'sequence', q.name, a.privilege, has_sequence_privilege(r.oid, q.oid, a.privilege)
    from role as r,
        (
            select c.oid, c.relnamespace::regnamespace || '.' || c.relname as name
            from pg_class as c where c.relkind = 'S' offset 0
        ) as q,
        unnest('{usage,select,update}'::text[]) as a (privilege)
    union all
    select r.name, 'type', t.typnamespace::regnamespace || '.' || t.typname, 'usage',
        has_type_privilege(r.oid, t.oid, 'usage')
    from role as r, pg_type as t left join pg_class as c on t.typrelid = c.oid
    -- An array goes by its element; the type of a table's rows has no privileges of its own.
    where t.typelem = 0 and coalesce(c.relkind, 'c') = 'c' and t.typnamespace <> 'pg_toast'::regnamespace
    union all
    select r.name, 'language', l.lanname, 'usage', has_language_privilege(r.oid, l.oid, 'usage')
    from role as r, pg_language as l
    union all
    select r.name, 'tablespace', s.spcname, 'create', has_tablespace_privilege(r.oid, s.oid, 'create')
    from role as r, pg_tablespace as s
    union all
    select r.name, 'wrapper', w.fdwname, 'usage', has_foreign_data_wrapper_privilege(r.oid, w.oid, 'usage')
    from role as r, pg_foreign_data_wrapper as w
    union all
    select r.name, 'server', v.srvname, 'usage', has_server_privilege(r.oid, v.oid, 'usage')
    from role as r, pg_foreign_server as v
    union all
    select r.name, 'parameter', g.name, a.privilege, has_parameter_privilege(r.oid, g.name, a.privilege)
    from role as r, pg_settings as g, unnest('{set,alter system}'::text[]) as a (privilege)
    where g.context <> 'user'
)

select o.role, o.kind, o.name, o.privilege from object as o where o.has
"""

# What PUBLIC has on what extensions bring. Nobody but the owner has USAGE on their schema: they cannot be named.
OF_EXTENSIONS = re.compile(r"extensions\.")


STANDING_CLOCK = """
create or replace function inventory.clock() returns timestamptz
language plpgsql stable parallel safe security definer set search_path = pg_catalog, pg_temp
as $$ begin return timestamptz '2026-03-29 12:34:56.789012+00'; end; $$
"""

POWERS = ("superuser", "createdb", "createrole", "replication", "bypassrls")

LEDGER = {
    "movement",
    "location_movement",
    "cost_layer",
    "cost_layer_use",
    "art_operation",
    "event",
    "inflow",
    "outflow",
    "purchase",
    "sale",
    "deleted_flow",
    "deleted_product",
    "price",
}

# What init.sql takes from PUBLIC of PostgreSQL's own functions.
LARGE_OBJECTS = [
    "lo_close",
    "lo_creat",
    "lo_create",
    "lo_from_bytea",
    "lo_get",
    "lo_lseek",
    "lo_lseek64",
    "lo_open",
    "lo_put",
    "lo_tell",
    "lo_tell64",
    "lo_truncate",
    "lo_truncate64",
    "lo_unlink",
    "loread",
    "lowrite",
]
ADVISORY_LOCKS = [
    f"pg_{attempt}advisory_{scope}lock{shared}"
    for attempt in ("", "try_")
    for scope in ("", "xact_")
    for shared in ("", "_shared")
] + ["pg_advisory_unlock", "pg_advisory_unlock_shared", "pg_advisory_unlock_all"]


def effective(connection: psycopg.Connection[Any]) -> set[Fact]:
    """What each role may do in the database, whatever the way in which it came to it."""
    with connection.cursor() as cursor:
        cursor.execute("set search_path = pg_catalog")
        found = cursor.execute(EFFECTIVE, {"roles": list(ALL), "schemas": list(SCHEMAS)}).fetchall()
    return set(found)


def committed() -> set[Fact]:
    """The same as the committed table says it."""
    facts = set()
    for line in dump.PRIVILEGES.read_text().splitlines():
        role, kind, name, privileges = line.split("  ")
        facts |= {(role, kind, name, privilege) for privilege in privileges.split(", ")}
    return facts


class Scene:
    """A database with something of everything in it, which no test leaves changed."""

    def __init__(self, conninfo: str) -> None:
        self.database = Database(conninfo)
        self.world: World = fill(self.database)
        self._connections: dict[str, psycopg.Connection[Any]] = {}

    def login(self, role: str) -> psycopg.Connection[Any]:
        """A connection of the role's own, as it was when it logged in."""
        connection = self._connections.get(role)
        if connection is None:
            connection = self._connections[role] = self.database.connect(role)
        connection.execute("reset session authorization")
        connection.execute("reset all")
        connection.execute("set default_transaction_read_only = off")  # which any login may do
        return connection

    def assert_refused(self, role: str, statements: Iterable[str], *states: str) -> None:
        """Fail where the role gets away with any of these, or is refused for another reason than want of a right."""
        wrong = []
        for statement in statements:
            connection = self.login(role)
            try:
                with connection.transaction(force_rollback=True):
                    connection.execute(statement.encode())
            except psycopg.Error as error:
                if error.sqlstate not in (states or ("42501",)):
                    wrong.append(f"{role}: {statement}: {error.sqlstate} {error}")
            else:
                wrong.append(f"{role} gets away with {statement}")
        assert "\n".join(wrong) == ""


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    """The database of all tests here, as db/apply.py makes it (a clone of one would lack the database's own grants).

    It is as it was when the last of the tests has run.
    """
    with new_database() as conninfo:
        apply(conninfo, jobs=False)
        with psycopg.connect(conninfo, autocommit=True) as connection:
            connection.execute("update store.setting set password_cost = 4")
            connection.execute(STANDING_CLOCK)
        made = Scene(conninfo)
        before = contents(made.database)
        yield made
        assert contents(made.database) == before
        made.database.close()


@pytest.fixture(scope="module")
def facts(scene: Scene) -> set[Fact]:
    return effective(scene.database.admin)


@pytest.fixture(scope="module")
def defaults() -> Iterator[set[Fact]]:
    """What the same roles may do in a database as PostgreSQL makes it: nothing is theirs there but what is PUBLIC's."""
    with new_database() as conninfo, psycopg.connect(conninfo, autocommit=True) as connection:
        yield effective(connection)


# What the roles may do


def test_a_role_may_do_what_is_committed_and_what_postgresql_lets_everybody(
    facts: set[Fact], defaults: set[Fact]
) -> None:
    more = {fact for fact in facts - defaults if not (fact[1] in ("function", "type") and OF_EXTENSIONS.match(fact[2]))}
    allowed_by_default = {fact for fact in committed() if fact[1] == "database"}
    # The one right on a function of PostgreSQL's that is granted: maintenance.run_batches runs as its caller.
    run_batches = {("inventory_maintenance", "function", "pg_catalog.pg_try_advisory_xact_lock(bigint)", "execute")}
    assert more - run_batches == committed() - allowed_by_default
    assert allowed_by_default == {(role, "database", "(this)", "connect") for role in ALL}
    assert allowed_by_default <= facts


def test_what_postgresql_lets_everybody_and_this_database_does_not(facts: set[Fact], defaults: set[Fact]) -> None:
    found = {(kind, re.sub(r"(?<=.)\(.*", "", name), privilege) for _, kind, name, privilege in defaults - facts}
    assert found == {
        ("database", "(this)", "temporary"),
        ("schema", "public", "usage"),
        *(("function", f"pg_catalog.{name}", "execute") for name in [*LARGE_OBJECTS, *ADVISORY_LOCKS]),
    }


def test_public_has_nothing_of_what_is_to_come(scene: Scene) -> None:
    """What the owner makes later is nobody's either; and there is no large object."""
    rows = scene.database.rows
    granted = (
        "select d.defaclobjtype, a.grantee::regrole::text, a.privilege_type"
        " from pg_default_acl as d cross join aclexplode(d.defaclacl) as a"
    )
    owner = "inventory_owner"
    assert sorted(rows(granted)) == [("T", owner, "USAGE"), ("f", owner, "EXECUTE")]
    assert rows("select oid from pg_largeobject_metadata") == []
    with scene.database.admin.transaction(force_rollback=True):
        admin = scene.database.admin
        admin.execute("set local role inventory_owner")
        admin.execute("create function http.later() returns integer language sql as 'select 1'")
        admin.execute("create table report.later (x integer)")
        admin.execute("create sequence report.later_seq")
        admin.execute("create domain inventory.later as text")
        admin.execute("create view report.later_view as select 1 as x")
        new = effective(admin) - committed()
        assert not [fact for fact in new if "later" in fact[2]]


def test_nobody_may_change_a_parameter_of_the_server(facts: set[Fact]) -> None:
    """But those that are every session's own (see the hostile settings)."""
    assert {fact for fact in facts if fact[1] == "parameter"} == set()


@pytest.mark.parametrize("kind", ["server", "wrapper", "tablespace"])
def test_nobody_may_use_a_way_out(facts: set[Fact], kind: str) -> None:
    assert {fact for fact in facts if fact[1] == kind} == set()


def test_what_extensions_bring_cannot_be_named(scene: Scene) -> None:
    for role in ALL:
        scene.assert_refused(role, ["select extensions.crypt('a', 'b')", "select 'a' operator(extensions.%) 'b'"])
        scene.assert_refused(role, ["set local search_path = extensions; select crypt('a', 'b')"], "42883")


# Becoming somebody else


@pytest.mark.parametrize("role", ALL)
def test_set_role_leads_down_the_chain_alone(scene: Scene, role: str) -> None:
    everybody = [name for (name,) in scene.database.rows("select rolname from pg_roles")]
    became = set()
    for other in everybody:
        connection = scene.login(role)
        try:
            connection.execute(sql.SQL("set role {}").format(sql.Identifier(other)))
            became.add(other)
        except psycopg.errors.InsufficientPrivilege:
            pass
    assert became - {role} == CHAIN.get(role, set())
    for other in became:  # and it gains nothing there that it has not anyway
        rights = {fact[1:] for fact in committed() if fact[0] == other}
        assert rights <= {fact[1:] for fact in committed() if fact[0] == role}


@pytest.mark.parametrize("role", ALL)
def test_reset_role_leads_back_to_the_login_and_no_further(scene: Scene, role: str) -> None:
    connection = scene.login(role)
    for statement in ("reset role", "set role none", "reset session authorization", "discard all", "reset all"):
        for other in [role, *sorted(CHAIN.get(role, ()))]:
            connection.execute(sql.SQL("set role {}").format(sql.Identifier(other)))
            connection.execute(statement.encode())
            assert connection.execute("select session_user::text").fetchone() == (role,)
            assert connection.execute("select current_user::text").fetchone() in {(role,), (other,)}
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute("select * from store.stock")


@pytest.mark.parametrize("role", ALL)
def test_nobody_becomes_somebody_or_changes_what_somebody_may(scene: Scene, role: str) -> None:
    statements = [
        *(f"alter role current_user {power}" for power in POWERS),
        "create role mine",
        "create role mine superuser",
        "alter role all set search_path = public",
        "set local role none; set session authorization postgres",
    ]
    for other in {"postgres", "inventory_owner", *ALL} - {role}:
        statements += [
            f"set session authorization {other}",
            f"alter role {other} password 'x'",
            f"alter role {other} set search_path = public",
            f"alter role {other} reset all",
            f"comment on role {other} is 'x'",
            f"grant {other} to {role}",
            f"grant {role} to {other}",
            *(f"alter role {other} {power}" for power in (*POWERS, "login")),
        ]
        if other not in CHAIN.get(role, ()):
            statements.append(f"drop owned by {other}")
    scene.assert_refused(role, statements)


# Making something


MAKING = (
    "create temporary table shadow ()",
    "create temporary table pg_class ()",
    "create temporary view shadow as select 1",
    "create temporary sequence shadow",
    "create table pg_temp.shadow ()",
    "create function pg_temp.lower(text) returns text language sql as 'select $1'",
    "create function public.lower(text) returns text language sql as 'select $1'",
    "create function pg_catalog.lower(name) returns text language sql as 'select null::text'",
    "create function inventory.change_stock() returns void language sql as ''",
    "create procedure public.mine() language sql as ''",
    "create aggregate public.mine (integer) (sfunc = int4pl, stype = integer)",
    "create schema mine",
    "create schema authorization current_user",
    "create schema if not exists pg_shadow_me",
    "create extension if not exists citext",
    "create operator public.= (leftarg = text, rightarg = text, function = textne)",
    "create operator public.+ (leftarg = numeric, rightarg = numeric, function = numeric_sub)",
    "create operator class public.mine for type integer using btree as operator 1 <",
    "create cast (text as integer) with inout as implicit",
    "create domain public.mine as text",
    "create domain pg_temp.mine as text",
    "create type public.mine as (x integer)",
    "create type pg_temp.mine as enum ()",
    "create collation public.mine (locale = 'C')",
    "create conversion public.mine for 'UTF8' to 'LATIN1' from utf8_to_iso8859_1",
    "create text search configuration public.mine (copy = simple)",
    "create table public.mine ()",
    "create table store.mine ()",
    "create table http.mine ()",
    "create materialized view public.mine as select 1",
    "create sequence public.mine",
    "create view http.mine as select 1",
    "create language mine handler plpgsql_call_handler",
    "create event trigger mine on ddl_command_start execute function pg_catalog.suppress_redundant_updates_trigger()",
    "create foreign data wrapper mine",
    "create publication mine",
    "create publication mine for all tables",
    "create subscription mine connection '' publication mine with (connect = false)",
    "create access method mine type index handler bthandler",
    "create statistics public.mine on relname, relkind from pg_catalog.pg_class",
    "select 1 as x into temporary table shadow",
    "select lo_create(0)",
)
HARMING = (
    "alter database {database} set search_path = public",
    "alter database {database} owner to current_user",
    "alter function inventory.clock() security invoker",
    "alter function inventory.clock() reset search_path",
    "alter function inventory.clock() owner to current_user",
    "create or replace function inventory.clock() returns timestamptz language sql as 'select null::timestamptz'",
    "drop function inventory.clock()",
    "alter schema inventory rename to mine",
    "drop schema report cascade",
    "drop extension pgcrypto cascade",
    "alter extension pgcrypto set schema public",
    "grant all on all functions in schema inventory to public",
    "grant usage on schema store to public",
    "alter domain inventory.quantity drop constraint quantity_at_least_zero",
    "alter table store.movement disable trigger all",
    "alter table store.movement owner to current_user",
    "reassign owned by inventory_owner to current_user",
    "cluster store.movement",
    "reindex table store.movement",
    "copy (select 1) to '/tmp/x'",
    "copy (select 1) to program 'id'",
    "load 'auto_explain'",
    "checkpoint",
    "select pg_read_file('postgresql.conf')",
    "select pg_ls_dir('.')",
    "select pg_reload_conf()",
    "select pg_switch_wal()",
    "select pg_stat_reset()",
    "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'postgres' and pid <> pg_backend_pid()",
    "select rolpassword from pg_authid",
    "select * from pg_statistic",
    "select * from pg_largeobject",
    "select * from pg_hba_file_rules",
    "select query_to_xml('select * from store.user_account', true, true, '')",
    "select table_to_xml('store.user_account', true, true, '')",
    "select pg_advisory_lock(1)",
    "select pg_try_advisory_lock(1)",
    "select pg_advisory_xact_lock_shared(1, 1)",
    "set session_replication_role = replica",
    "set local lc_messages = 'C'",
    "set track_functions = 'all'",
    "set ignore_checksum_failure = on",
    "set zero_damaged_pages = on",
    "set session_preload_libraries = 'x'",
)
ALONE = (  # which run in no transaction
    "create database mine",
    "create tablespace mine location '/nowhere'",
    "alter system set work_mem = '1GB'",
    "drop database {database} with (force)",
)


@pytest.mark.parametrize("role", ALL)
def test_nobody_makes_an_object(scene: Scene, role: str) -> None:
    scene.assert_refused(role, MAKING)


@pytest.mark.parametrize("role", ALL)
def test_nobody_harms_what_there_is(scene: Scene, role: str) -> None:
    name = sql.Identifier(str(scene.database.admin.info.dbname)).as_string()
    scene.assert_refused(role, [statement.replace("{database}", name) for statement in HARMING])
    for statement in ALONE:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            scene.login(role).execute(statement.replace("{database}", name).encode())


@pytest.mark.parametrize("role", ALL)
def test_nobody_writes_reads_or_locks_a_table(scene: Scene, role: str) -> None:
    """The ledger least of all: its rows are added by the owner's functions, and changed by nobody."""
    tables = [
        name for (name,) in scene.database.rows("select tablename from pg_tables where schemaname = 'store' order by 1")
    ]
    assert set(tables) >= LEDGER
    scene.assert_refused(
        role,
        [
            statement.format(f'store."{name}"')
            for name in tables
            for statement in (
                "insert into {} default values",
                "delete from {}",
                "truncate {} cascade",
                "select from {} for update",
                "lock table {} in access share mode",
                "lock table {} in row exclusive mode",
                "lock table {} in access exclusive mode",
                "copy {} to stdout",
                "copy {} from stdin",
                "create rule mine as on insert to {} do instead nothing",
                "create trigger mine before insert on {} execute function suppress_redundant_updates_trigger()",
                "comment on table {} is 'x'",
                "alter table {} enable row level security",
                "drop table {} cascade",
            )
        ],
    )


@pytest.mark.parametrize("role", ALL)
def test_nobody_updates_a_column_of_the_ledger(scene: Scene, role: str) -> None:
    columns = scene.database.rows(
        "select a.attrelid::regclass::text, a.attname from pg_attribute as a"
        " where a.attrelid = any(%s::regclass[]) and a.attnum > 0 and not a.attisdropped",
        [f"store.{name}" for name in sorted(LEDGER)],
    )
    scene.assert_refused(role, [f'update {table} set "{column}" = default' for table, column in columns])


# What functions are written so that it cannot matter who calls


def test_no_literal_in_a_function_has_a_backslash_that_a_setting_gives_a_meaning() -> None:
    """A body is read with the caller's standard_conforming_strings: only e'…' means the same with any."""
    for path in (*FUNCTIONS.rglob("*.sql"), *VIEWS.rglob("*.sql")):
        text = re.sub(r"--.*", "", path.read_text())
        plain = [literal for literal in re.findall(r"[\w]?'(?:[^']|'')*'", text) if literal[0] not in "eE"]
        assert [literal for literal in plain if "\\" in literal] == [], path


def test_every_function_that_runs_as_the_owner_pins_its_search_path_with_pg_temp_last(scene: Scene) -> None:
    """In every schema, whoever owns it: extensions' own too."""
    found = scene.database.rows(
        "select p.oid::regprocedure::text, p.proconfig from pg_proc as p where p.prosecdef"
        " and not coalesce(p.proconfig, '{}') @> array['search_path=pg_catalog, pg_temp']"
    )
    assert found == []
