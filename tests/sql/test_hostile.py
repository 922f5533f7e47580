"""What a login that is out for harm gains: each role that can log in, by itself, with all that SQL lets it try."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from db.apply import apply
from db.source import FUNCTIONS, LOGIN_ROLES, SCHEMAS, SERVER_ROLES, VIEWS
from tests.conftest import Database, new_database
from tests.http.samples import World, fill
from tests.sql import dump
from tests.sql.conftest import contents

ALL = tuple(sorted(LOGIN_ROLES))
Fact = tuple[str, str, str, str]  # role, kind, name, privilege

# Whom a role may become by SET ROLE: those whose grants it has anyway.
CHAIN = {
    "inventory_operator": {"inventory_public"},
    "inventory_employee": {"inventory_public", "inventory_operator"},
    "inventory_integration": {"inventory_public"},
    "inventory_admin": {"inventory_public", "inventory_operator", "inventory_employee", "inventory_integration"},
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
    "audit",
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
        self._numbers = self.database.rows(
            "select format('%I.%I', schemaname, sequencename), coalesce(last_value, start_value),"
            " last_value is not null"
            " from pg_sequences"
        )

    def login(self, role: str) -> psycopg.Connection[Any]:
        """A connection of the role's own, as it was when it logged in."""
        connection = self._connections.get(role)
        if connection is None:
            connection = self._connections[role] = self.database.connect(role)
        connection.execute("reset session authorization")
        connection.execute("reset all")
        connection.execute("set default_transaction_read_only = off")  # which any login may do
        return connection

    def rewind(self) -> None:
        """Give the next rows the numbers that they would have had at first: no rollback gives a number back."""
        for number in self._numbers:
            self.database.one("select setval(%s::regclass, %s, %s)", *number)

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
            connection.execute("update store.setting set password_cost = 4, password_length_minimum = 1")
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
    assert more == committed() - allowed_by_default
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
    "create function inventory.post() returns void language sql as ''",
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


# Settings that a login may change

LONG_AGO, SOON = "2026-03-28T23:30:00+05:45", "2026-03-30T01:00:00"
QUEER = "It's 100% \"of_it\" \\ $$ e'\\x' %s %1$s \\' -- /* ü\U0001f600"  # what a search, a name or a reason may hold
UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

# By what they might touch; each group is one login's. "off" and the like: not the default.
HOSTILE_SETTINGS: dict[str, dict[str, str]] = {
    "strings": {"standard_conforming_strings": "off", "backslash_quote": "off", "escape_string_warning": "off"},
    "strings again": {"standard_conforming_strings": "off", "backslash_quote": "on"},
    "nulls": {"transform_null_equals": "on", "array_nulls": "off"},
    "names": {"search_path": "pg_temp, public", "quote_all_identifiers": "on"},
    "more names": {"search_path": "store, inventory, http, extensions, pg_catalog"},
    "far east": {"timezone": "Pacific/Kiritimati", "datestyle": "SQL, DMY", "intervalstyle": "sql_standard"},
    "far west": {"timezone": "Etc/GMT+12", "datestyle": "German", "intervalstyle": "iso_8601"},
    "summer time": {"timezone": "Europe/Berlin", "datestyle": "Postgres, MDY", "intervalstyle": "postgres_verbose"},
    "abbreviations": {"timezone_abbreviations": "India", "timezone": "XXX+12:30"},
    "output": {"bytea_output": "escape", "extra_float_digits": "-15", "xmlbinary": "hex", "xmloption": "document"},
    "serializable": {"default_transaction_isolation": "serializable", "default_transaction_deferrable": "on"},
    "repeatable read": {"default_transaction_isolation": "repeatable read", "synchronous_commit": "off"},
    "generic plans": {"plan_cache_mode": "force_generic_plan", "row_security": "off", "lock_timeout": "1"},
    "custom plans": {"plan_cache_mode": "force_custom_plan", "force_parallel_mode": "on", "parallel_setup_cost": "0"},
    "search by index": {
        "enable_seqscan": "off",
        "gin_fuzzy_search_limit": "1",
        "pg_trgm.similarity_threshold": "1",
        "pg_trgm.word_similarity_threshold": "1",
    },
    "little memory": {"work_mem": "64kB", "temp_buffers": "100", "maintenance_work_mem": "1MB", "jit_above_cost": "0"},
    "functions": {"check_function_bodies": "off", "plpgsql.check_asserts": "off", "plpgsql.extra_errors": "all"},
}
# What ends a call or a session, and so changes nothing; what one transaction is; what the driver reads answers by.
NOT_TRIED = {
    "default_transaction_read_only",
    "exit_on_error",
    "transaction_deferrable",
    "transaction_isolation",
    "transaction_read_only",
}


class Story:
    """What one login was told, and did, from the beginning to the end."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        self._told: list[str] = []

    def ask(self, query: str, *parameters: Any) -> Any:
        """The first column of the first row. All that comes is kept, in the form that no setting changes."""
        try:
            with self._connection.transaction():
                rows = self._connection.execute(query.encode(), parameters or None, binary=True).fetchall()
        except psycopg.Error as error:
            diag = error.diag
            # How a type is written depends on the search_path and on quote_all_identifiers.
            message = re.sub(r'(?<=domain )("?inventory"?\.)?"?(\w+)"?', r"\2", diag.message_primary or "")
            rows = [(error.sqlstate, message, diag.message_detail, diag.message_hint, diag.constraint_name)]
        shown = [[v.astimezone(UTC) if isinstance(v, datetime) else v for v in row] for row in rows]
        self._told.append(f"{query} -> {sorted(map(repr, shown))}")
        return rows[0][0] if rows else None

    def told(self) -> list[str]:
        """All of it but what is random."""
        secrets = re.compile(r"whsec_[A-Za-z0-9+/]{43}=")
        return [UUID.sub("(uuid)", secrets.sub("(secret)", line)) for line in self._told]


def admins_story(connection: psycopg.Connection[Any], world: World) -> list[str]:
    """A day's work: prices, blocks, flows, places, lists, errors. Nothing of it stays."""
    story = Story(connection)
    ask = story.ask
    with connection.transaction(force_rollback=True):
        made = ask(
            "select sku_id from inventory.create_product(%s, %s, p_quantity => 10.5, p_price => 99.99)", "Q'1", QUEER
        )
        product = ask("select inventory.product_id_by_sku_id(%s)", made)
        ask("select http.create_brand(%s)::text", QUEER)
        for text in (
            QUEER,
            "it's",
            "\\",
            "%",
            "_",
            '"of_it"',
            "$$",
            "e'\\x'",
            "\\'",
            "İ",
            "x' or 'x'='x",
            "ss,\tdd",
            "s",
        ):
            ask("select http.list_products(%s)::text", text)
            ask("select http.list_inventory(p_q => %s)::text", text)
            ask("select http.list_catalog_products(p_search => %s, p_url => 'http://x/?a=\\&page=2')::text", text)
            ask("select http.list_catalog_products(p_ordering => %s, p_min_price => 0.5)::text", text + ",-title")
            ask("select http.list_brands(%s, %s)::text", text, text)
            ask("select http.list_art_orders(p_sku => %s)::text", text)
        # Prices, with and without an offset, around the clocks' change of the day.
        for begin, end in (
            (SOON, "2026-04-01"),
            ("2026-03-29T12:34:57Z", SOON),
            (LONG_AGO, None),
            ("29.03.2026", None),
        ):
            ask("select http.create_price(%s, 5.005, 'promo', %s, %s)::text", product, begin, end)
        ask("select http.list_prices(%s, true)::text", product)
        ask("select http.get_active_price(%s)::text", product)
        ask("select inventory.active_price(%s, 'promo', '2026-03-30T01:00:00Z')", product)
        # Blocks.
        block = ask("select id from inventory.create_block(%s, 4, %s, '2026-03-30 00:00:00+00')", product, QUEER)
        ask("select http.extend_block(%s, '2026-04-02T00:00:00+03:00')::text", block)
        ask("select http.convert_block(%s, 1.25, %s)::text", block, QUEER)
        ask("select http.cancel_block(%s)::text", block)
        ask("select http.create_block(%s, 1000)::text", made)
        ask("select http.create_blocks(array[row(%s, 1), row(%s, 1)]::inventory.block_line[])::text", made, made)
        ask("select http.list_blocks(%s)::text", made)
        ask("select http.get_sku(%s)::text", made)
        # Arrivals, departures, and what takes them back.
        inflow = ask("select id from inventory.record_inflow(%s, %s, 5, %s)", product, world.supplier_id, QUEER)
        outflow = ask("select id from inventory.record_outflow(%s, 7)", product)
        ask("select http.delete_outflow(%s)::text", outflow)
        ask("select http.delete_inflow(%s)::text", inflow)
        ask("select http.create_purchase(%s, %s, 2.5, 3.333)::text", product, world.supplier_id)
        sale = ask("select id from inventory.record_sale(%s, 3, 9.99)", product)
        ask("select http.return_sale(%s, 1, %s)::text", sale, QUEER)
        ask("select http.reserve_stock(%s, 1)::text", str(product))
        ask("select http.consume_stock(%s, 2)::text", str(product))
        for day in ("2026-03-29", LONG_AGO, SOON, "2026-03-29T12:34:56.789012", "29/03/2026", "today", "infinity"):
            ask("select http.list_sales(p_date_from => %s)::text", day)
            ask("select http.list_inflows(p_date_to => %s)::text", day)
            ask("select http.list_art_orders(p_date_from => %s)::text", day)
            ask("select http.get_valuation(%s, %s)::text", product, day)
        ask("select * from inventory.stock_of(%s, '2026-03-29T12:34:56Z')", product)
        # Places.
        orders = '[{"type": "Add", "sku": "A-1", "quantity": 3, "to_location": "RACK-B2-02", "reason": "it\'s \\\\"}]'
        ask(
            "select http.place_orders(array_agg(o))::text"
            " from jsonb_populate_recordset(null::inventory.art_order, %s) as o",
            orders,
        )
        ask("select http.place_order('Transfer', 'A-1', 2, 'RACK-B2-02', 'RACK-B3-03', %s)::text", QUEER)
        ask("select http.place_order('Remove', 'A-1', 9, 'RACK-B3-03')::text")
        count = ask("select id from inventory.start_count('RACK-B3-03')")
        ask("select * from inventory.record_count_line(%s, 'A-1', 1)", count)
        ask("select http.close_count(%s)::text", count)
        ask("select http.list_locations()::text")
        ask("select http.get_location_stock('RACK-B3-03')::text")
        # The rest, and what is refused.
        ask("select http.create_brand(%s)::text", QUEER.upper())
        ask("select http.update_inventory(%s, 4.5, p_expected_quantity => 1)::text", product)
        ask("select http.update_inventory(%s, 8, 3, 'active')::text", product)
        ask("select http.create_sku('', 'x', 1, 1)::text")
        ask("select http.create_sku('NaN', 'x', 'NaN', 1)::text")
        ask(
            "select http.import_products(%s)::text", '[{"title": "it\'s \\\\ $$", "quantity": 2, "cost_price": "1.10"}]'
        )
        ask("select http.export_products()::text")
        ask("select http.create_user('Eve', %s, 'operator')::text", QUEER)
        ask("select username from inventory.authenticate('eVE', %s)", QUEER)
        ask("select username from inventory.authenticate('eVE', %s)", QUEER.replace("\\", ""))
        ask("select http.create_webhook('https://shop.example/?a=%%20[', '{stock.low}')::text")
        ask("select http.create_webhook('https://shop.example/hooks', '{stock.low}')::text")
        ask("select secret from inventory.update_webhook(%s)", world.webhook_id)
        ask("select http.list_webhook_deliveries(%s)::text", world.webhook_id)
        for _ in range(2):
            ask(
                "select * from http.once('me', 'key', 'r', 'add_stock', %s)",
                f'{{"p_id": "{product}", "p_amount": 1.5}}',
            )
        ask("select * from http.once('me', 'key', 'another', 'add_stock', '{}')")
        # Carts, kits, counts of all stock, and what the board shows.
        items = f'[{{"sku_id": "{made}", "quantity": 1.5}}]'
        ask(
            "select http.set_hold('cart', array_agg(i), %s, '2026-04-01T00:00:00+09:00')::text"
            " from jsonb_populate_recordset(null::inventory.block_line, %s) as i",
            QUEER,
            items,
        )
        ask("select http.extend_hold('cart', '2026-04-02 12:00:00+00')::text")
        ask("select http.convert_hold('cart', %s)::text", QUEER)
        ask("select http.get_hold('cart')::text")
        kit = ask("select sku_id from inventory.create_product('KIT', %s)", QUEER)
        ask(
            "select http.set_kit_parts(%s, array_agg(i))::text"
            " from jsonb_populate_recordset(null::inventory.block_line, %s) as i",
            kit,
            items,
        )
        ask("select http.get_sku(%s)::text", kit)
        ask("select http.set_stock(%s, 20.5)::text", str(product))
        ask("select http.list_counts()::text")
        ask("select http.list_stock('it''s')::text")
        ask("select http.get_stock(%s)::text", product)
        ask("select http.list_daily_sales(3)::text")
        ask("select http.list_daily_sales(2, 'Asia/Kolkata')::text")
        ask("select http.list_daily_sales(2, 'Asia/Nowhere')::text")
        ask("select http.list_movements(%s)::text", product)
        ask("select http.get_inventory(%s)::text", product)
        ask("select http.get_valuation(%s)::text", product)
    return story.told()


def reports_story(connection: psycopg.Connection[Any]) -> list[str]:
    """All that a reporting tool can see."""
    story = Story(connection)
    for fact in sorted(committed()):
        if fact[:2] == ("inventory_reporting", "view"):
            story.ask(f"select * from {fact[2]}")
    for day in (LONG_AGO, "2026-03-29T12:34:56.7Z", "2026-04-01Z"):
        story.ask("select * from report.stock_as_of(%s)", day)
        story.ask("select * from report.valuation_as_of(%s)", day)
        story.ask("select * from report.cost_of_goods_sold('2026-03-01Z', %s)", day)
        story.ask("select * from report.turnover('2026-03-01Z', %s)", day)
    return story.told()


def stories(scene: Scene, settings: dict[str, str]) -> list[str]:
    """Both stories under the settings, on connections of their own."""
    scene.rewind()
    told = []
    for role in ("inventory_admin", "inventory_reporting"):
        with psycopg.connect(make_conninfo(scene.database.conninfo, user=role), autocommit=True) as connection:
            for name, value in settings.items():
                is_renamed = name == "force_parallel_mode" and connection.info.server_version >= 160000
                connection.execute(
                    "select set_config(%s, %s, false)", ["debug_parallel_query" if is_renamed else name, value]
                )
            told += admins_story(connection, scene.world) if role == "inventory_admin" else reports_story(connection)
    return told


@pytest.fixture(scope="module")
def told_by_default(scene: Scene) -> list[str]:
    return stories(scene, {})


def test_the_story_is_one(scene: Scene, told_by_default: list[str]) -> None:
    """The comparison can hold; and most of what is asked is answered."""
    assert stories(scene, {}) == told_by_default
    refused = [line for line in told_by_default if re.search(r"-> .{0,4}'[0-9A-Z]{5}\\?', ", line)]
    assert 20 < len(refused) < len(told_by_default) / 3


@pytest.mark.parametrize("group", HOSTILE_SETTINGS)
def test_no_setting_of_a_login_changes_an_answer(scene: Scene, told_by_default: list[str], group: str) -> None:
    told = stories(scene, HOSTILE_SETTINGS[group])
    different = [f"{a}\n    by default {b}" for a, b in zip(told, told_by_default, strict=True) if a != b]
    assert "\n".join(different) == ""


def test_all_other_settings_at_once_change_no_answer(scene: Scene, told_by_default: list[str]) -> None:
    """Every switch turned, every number at its least, of those that a login may set."""
    tried = {name for group in HOSTILE_SETTINGS.values() for name in group} | NOT_TRIED
    turned: dict[str, str] = {}
    for name, kind, value, least, values in scene.database.rows(
        "select lower(name), vartype, setting, min_val, enumvals from pg_settings where context = 'user'"
    ):
        if name in tried:
            continue
        if kind == "bool":
            turned[name] = "off" if value == "on" else "on"
        elif kind == "enum" and len(values) > 1:
            turned[name] = next(other for other in values if other != value)
        elif kind in ("integer", "real"):
            turned[name] = least
    assert len(turned) > 60
    assert stories(scene, turned) == told_by_default


def test_a_call_that_is_stopped_at_any_point_leaves_nothing(scene: Scene) -> None:
    """A login may make its own calls end early: what had not ended is undone, and what had stands as a whole."""
    admin = scene.database.admin
    connection = scene.login("inventory_admin")
    before = contents(scene.database)
    stopped = 0
    with connection.transaction(force_rollback=True):
        for _ in range(5):
            try:
                with connection.transaction():
                    # Undone with the call: what PostgreSQL is asked around it must not be stopped.
                    connection.execute("set local statement_timeout = 1")
                    connection.execute(
                        "select http.place_order('Add', 'A-1', 1, null, 'RACK-C1-01'), http.create_sale(1, 1, 1)"
                        " from generate_series(1, 1000)"
                    )
            except psycopg.errors.QueryCanceled:
                stopped += 1
        assert connection.execute("select on_hand from inventory.stock_of(1)").fetchone() == (100,)
    assert stopped == 5
    assert contents(scene.database) == before
    assert admin.execute("select * from maintenance.verify()").fetchall() == []


# Names and texts that want to be SQL


@pytest.mark.parametrize("role", ALL)
def test_once_calls_functions_of_http_by_their_bare_names_alone(scene: Scene, role: str) -> None:
    if role not in SERVER_ROLES[:-1]:
        scene.assert_refused(role, ["select http.once('me', 'k', 'r', 'ready', '{}')"])
        return
    connection = scene.login(role)
    for name in (
        "add_stock(1) --",
        "ready() as r, lateral (select 1) as x --",
        'x"; select 1; --',
        "http.ready",
        "inventory.clock",
        "pg_catalog.pg_sleep",
        "pg_sleep",
        "READY",
        " ready",
        "",
        "ready\\",
    ):
        for setting in ("on", "off"):
            connection.execute("select set_config('standard_conforming_strings', %s, false)", [setting])
            with pytest.raises(psycopg.errors.UndefinedFunction):
                connection.execute("select http.once('me', 'k', 'r', %s, '{}')", [name])
    helpers = {
        name for (name,) in scene.database.rows("select proname from pg_proc where pronamespace = 'http'::regnamespace")
    }
    granted = {fact[2].removeprefix("http.") for fact in committed() if fact[0] == role}
    for name in sorted(helpers - granted):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("select http.once('me', 'k', 'r', %s, '{}')", [name])
    scene.assert_refused(
        role,
        [
            "select http.page('', '1', '1', 'select 1 as id from store.user_account', '1')",
            "select http.numbered_page(1, 1, 'select 1 as id from store.user_account', '1')",
            "select http.order_by('x', '{\"x\": \"(select 1)\"}', 'x')",
            "select http.search_condition('x', '1=1) --')",
            "select http.statement('ready')",
            "select inventory.hash_password('x', '$2a$31$......................')",
        ],
    )


TEXTS = (
    "it's",
    "''",
    "\\",
    "\\'",
    "\\\\",
    "$$",
    "$q$",
    "%",
    "%%",
    "%s",
    "%1$s",
    "%L",
    "_",
    "e'x'",
    "--",
    "/*",
    "';--",
    "{}",
    "(",
    "[",
    "*",
    "^",
    "\U0001f600",
    "\xdc",
    "\u202e",
    "U&'x'",
    ":x",
    "$1",
    "?",
)
FOUND = "select array(select {} from json_array_elements({}) as r)"


@pytest.mark.parametrize("conforming", ["on", "off"])
def test_a_search_finds_what_has_its_letters_whatever_they_are(scene: Scene, conforming: str) -> None:
    admin = scene.database.admin
    employee = scene.login("inventory_admin")
    employee.execute("select set_config('standard_conforming_strings', %s, false)", [conforming])
    with employee.transaction(force_rollback=True):
        for number, text in enumerate(TEXTS):
            employee.execute("select inventory.create_product(%s, %s)", [f"T-{number}", f"a{text}z"])
            employee.execute("select inventory.create_brand(%s)", [f"a{text}z"])
        for text in TEXTS:
            wanted = sorted(f"a{other}z" for other in TEXTS if text.lower() in other.lower())
            for query in (
                FOUND.format("r ->> 'name'", "http.list_products(%s, 1, 100) -> 'products'"),
                FOUND.format(
                    "r -> 'product' ->> 'name'", "http.list_inventory(null, null, null, %s, 1, 100) -> 'inventory'"
                ),
                FOUND.format("r ->> 'title'", "http.list_catalog_products(%s, p_page_size => '100') -> 'results'"),
                FOUND.format("r ->> 'name'", "http.list_brands(%s, p_page_size => '100') -> 'results'"),
            ):
                (found,) = employee.execute(query.encode(), [text]).fetchone() or ([],)
                assert sorted(found) == wanted, f"{text}: {query}"
    assert admin.execute("select count(*) from store.brand").fetchone() == (1,)


@pytest.mark.parametrize("conforming", ["on", "off"])
def test_an_order_that_is_no_field_is_none(scene: Scene, conforming: str) -> None:
    connection = scene.login("inventory_employee")
    connection.execute("select set_config('standard_conforming_strings', %s, false)", [conforming])
    for ordering in (
        *TEXTS,
        "id; drop table store.stock",
        "(select 1)",
        "id desc",
        "m.id",
        "password_hash",
        "pg_sleep(1)",
        "-",
        "--id",
        "id--",
        '"id"',
        "1",
    ):
        for name in ("catalog_products", "brands", "categories", "catalog_suppliers", "inflows", "outflows"):
            query = f"select http.list_{name}(p_ordering => %s, p_url => %s)::text, http.list_{name}(p_url => %s)::text"
            url = f"http://x/?ordering={ordering}"
            found, wanted = connection.execute(query.encode(), [ordering, url, url]).fetchone() or (0, 1)
            assert found == wanted, f"{name}: {ordering}"


def test_a_null_byte_is_refused(scene: Scene) -> None:
    scene.assert_refused(
        "inventory_admin",
        [
            """select http.once('me', 'k', 'r', 'create_brand', '{"p_name": "a\\u0000b"}')""",
            """select http.once('me', 'k', 'r', 'list_brands', '{"p_search": "\\u0000"}')""",
        ],
        "22P05",
    )


# Secrets


SHOW_A_SECRET = {"http.create_webhook", "http.rotate_webhook_secret"}  # once, to the admin who asked for it


def test_no_answer_and_no_view_shows_a_hash_or_a_secret(scene: Scene, told_by_default: list[str]) -> None:
    rows = scene.database.rows
    hidden = [
        value for row in rows("select password_hash, secret from store.user_account, store.webhook") for value in row
    ]
    assert len(hidden) == 8
    text = "\n".join(told_by_default)
    assert "$2a$" not in text
    assert not any(value in text for value in hidden)
    shown = {line.split("(")[0].removeprefix("select ") for line in told_by_default if "(secret)" in line}
    assert shown <= SHOW_A_SECRET
    # Nor has any function that a login may call, or view that it may read, a column for one.
    named = rows(
        "select p.pronamespace::regnamespace || '.' || p.proname from pg_proc as p"
        " left join pg_type as t on p.prorettype = t.oid"
        " where exists ("
        "   select from pg_roles as r where r.rolname = any(%s) and has_function_privilege(r.oid, p.oid, 'execute'))"
        " and p.pronamespace = any(%s::regnamespace[])"
        " and (p.proargnames[p.pronargs + 1:]::text ~ 'secret|hash' or exists ("
        "   select from pg_attribute as a where a.attrelid = t.typrelid and a.attname ~ 'secret|hash'))",
        list(ALL),
        list(SCHEMAS),
    )
    assert {name for (name,) in named} <= {
        "inventory.claim_deliveries",  # the worker signs with it
        "inventory.create_webhook",
        "inventory.rotate_webhook_secret",
        "inventory.update_webhook",  # null: the type is create_webhook's
    }
    assert "select secret from inventory.update_webhook(%s) -> ['[None]']" in told_by_default
    columns = (
        "select attname from pg_attribute where attrelid = any(%s::regclass[]) and attname ~ 'secret|hash|password'"
    )
    assert rows(columns, [fact[2] for fact in committed() if fact[1] == "view"]) == []


def test_statistics_and_other_sessions_tell_nothing(scene: Scene) -> None:
    scene.database.admin.execute("analyze")
    scene.database.admin.execute("select 'a secret in a statement'")
    for role in ALL:
        connection = scene.login(role)
        stats = "select count(*) from pg_stats where schemaname = any(%s)"
        assert connection.execute(stats, [list(SCHEMAS)]).fetchone() == (0,), role
        others = "select query from pg_stat_activity where usename = 'postgres' and query ~ 'a secret'"
        assert connection.execute(others).fetchall() == [], role
        hidden = "select rolpassword from pg_roles union select passwd from pg_user"
        assert connection.execute(hidden).fetchall() == [("********",)], role


BASE_VALUES = {
    "bigint": ("1", "9223372036854775807"),
    "integer": ("1", "2147483647"),
    "numeric": ("1", "999999999.999"),
    "text": ("A-1", "RACK-A1-01"),
    "boolean": ("true", "false"),
    "timestamp with time zone": ("2999-01-01Z", "infinity"),
    "uuid": ("00000000-0000-0000-0000-000000000000",) * 2,
    "jsonb": ("{}", '[{"sku": "A-1"}]'),
    "interval": ("1 second", "1 second"),
    "text[]": ("{}", "{A-1}"),
}


@pytest.mark.parametrize(
    "role", ["inventory_admin", "inventory_maintenance", "inventory_reporting", "inventory_worker"]
)
def test_no_error_tells_of_a_row(scene: Scene, role: str) -> None:
    """What the owner's functions run into is said to the login: constraints by name, never what else is in the row."""
    functions = scene.database.rows(
        "select p.pronamespace::regnamespace || '.' || p.proname, array("
        "   select array[format_type(a.type, null), format_type(coalesce(nullif(t.typbasetype, 0), t.oid), null)]"
        "   from unnest(p.proargtypes::oid[]) with ordinality as a (type, position) join pg_type as t on t.oid = a.type"
        "   order by a.position)"
        " from pg_proc as p where p.prokind = 'f' and has_function_privilege(%s, p.oid, 'execute')"
        " and p.pronamespace = any(%s::regnamespace[])",
        role,
        list(SCHEMAS),
    )
    connection = scene.login(role)
    hidden = [
        value
        for row in scene.database.rows("select password_hash, secret from store.user_account, store.webhook")
        for value in row
    ]
    said: list[tuple[str, psycopg.Error]] = []
    for name, types in functions:
        casts = ", ".join(f"%s::{kind}" for kind, _ in types)
        for choice in (None, 0, 1):
            values = [None if choice is None else BASE_VALUES.get(base, (None, None))[choice] for _, base in types]
            try:
                with connection.transaction(force_rollback=True):
                    connection.execute(f"select {name}({casts})".encode(), values)
            except psycopg.Error as error:
                said.append((name, error))
    assert len(said) > len(functions) / 4 or role == "inventory_worker"
    for name, refused in said:
        diag = refused.diag
        text = "\n".join(filter(None, (diag.message_primary, diag.message_detail, diag.message_hint, diag.context)))
        # The one row of settings is what maintenance.configure answers with anyway.
        assert "Failing row" not in text or name == "maintenance.configure", name
        assert "$2a$" not in text, name
        assert not any(value in text for value in hidden), name
        assert refused.sqlstate not in ("XX000", "42601", "42703", "42P01"), f"{name}: {refused}"
