"""What the catalog says of every function, table and role: attributes, comments, privileges, error codes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from db.apply import apply
from db.source import FUNCTIONS, LOGIN_ROLES, ROOT, SCHEMAS, SERVER_ROLES, VIEWS
from server.http.errors import STATUS, Api
from server.http.routes import FILE_ROUTES, ROUTES, TOKEN_ROUTES
from tests.conftest import new_database, throwaway_cluster
from tests.sql import dump

# A procedure that commits can neither be SECURITY DEFINER nor set its search_path.
COMMITTING = {"maintenance.run_batches"}
# Needs no right, and names what it calls in full.
NAMING_ALL = {"inventory.clock"}

# Pieces of queries, by the alias of pg_proc (p), pg_class (c), pg_type (t) and pg_roles (r).
SCHEMAS_SQL = f"any('{{{','.join(SCHEMAS)}}}'::regnamespace[])"
OURS = f"p.pronamespace = {SCHEMAS_SQL}"
NAME = "p.pronamespace::regnamespace || '.' || p.proname"
TABLES = "c.relnamespace = 'store'::regnamespace and c.relkind = any('{r,p}') and c.relname !~ '^_?yoyo_'"  # yoyo's own
TYPES = f"t.typnamespace = {SCHEMAS_SQL} and t.typcategory <> 'A' and coalesce(c.relkind, 'c') = 'c'"  # no row types
# Lists with many optional filters plan each call for the filters that it has.
SEARCH_PATH = "array['search_path=pg_catalog, pg_temp']"
PLANNING = "'plan_cache_mode=force_custom_plan'"
ROLES_OF_CALLERS = ("public", "operator", "employee", "admin")
CAN_LOG_IN = "r.rolcanlogin and r.oid <> 10"  # 10 made the cluster

Rows = list[tuple[Any, ...]]


class Catalog:
    """Asks the catalog of a database that db/apply.py made, as the superuser."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection

    def rows(self, query: str) -> Rows:
        return self.connection.execute(query.encode()).fetchall()

    def names(self, query: str) -> list[str]:
        return [name for (name,) in self.rows(query)]


@pytest.fixture(scope="module")
def catalog() -> Iterator[Catalog]:
    """A database as db/apply.py makes it; nothing in it changes."""
    with new_database() as conninfo:
        apply(conninfo, jobs=False)
        with psycopg.connect(conninfo, autocommit=True) as connection:
            connection.execute("set default_transaction_read_only = on")
            yield Catalog(connection)


@pytest.fixture
def checker(catalog: Catalog) -> Iterator[Catalog]:
    """The same with plpgsql_check, until the end of the test."""
    with catalog.connection.transaction(force_rollback=True):
        catalog.connection.execute("set transaction read write")
        catalog.connection.execute("create schema checker; create extension plpgsql_check schema checker")
        yield catalog


# Functions


def test_no_function_stands_among_the_tables(catalog: Catalog) -> None:
    assert catalog.names("select proname from pg_proc where pronamespace = 'store'::regnamespace") == []


def test_every_function_is_the_owners(catalog: Catalog) -> None:
    others = f"select {NAME} from pg_proc as p where {OURS} and p.proowner <> 'inventory_owner'::regrole"
    assert catalog.names(others) == []


def test_every_function_that_somebody_may_call_runs_as_the_owner_with_a_fixed_search_path(catalog: Catalog) -> None:
    """All others are the owner's alone: whoever calls them has come to be the owner already, by one of these."""
    is_safe = f"(p.prosecdef and array_remove(p.proconfig, {PLANNING}) @> {SEARCH_PATH}) is true"
    may_call = (
        f"exists (select from pg_roles as r where {CAN_LOG_IN} and has_function_privilege(r.oid, p.oid, 'execute'))"
    )
    unsafe = catalog.names(f"select {NAME} from pg_proc as p where {OURS} and {may_call} and not {is_safe}")
    assert set(unsafe) == COMMITTING | NAMING_ALL
    needless = catalog.names(f"select {NAME} from pg_proc as p where {OURS} and not {may_call} and p.prosecdef")
    assert needless == [], "to become the owner once more costs a microsecond"


def test_procedures_that_commit_run_as_their_caller(catalog: Catalog) -> None:
    found = catalog.rows(f"select {NAME}, p.prosecdef, p.proconfig, p.prokind from pg_proc as p where {OURS}")
    assert {name: rest for name, *rest in found if name in COMMITTING} == {
        name: [False, None, "p"] for name in COMMITTING
    }
    assert {name for name, _, _, kind in found if kind != "f"} == COMMITTING


def test_every_function_has_a_comment(catalog: Catalog) -> None:
    silent = f"select {NAME} from pg_proc as p where {OURS} and obj_description(p.oid, 'pg_proc') is null"
    assert catalog.names(silent) == []


def test_no_line_is_longer_than_the_linter_allows() -> None:
    """sqlfluff does not look into literals: comments and the bodies of functions."""
    limit = int(re.findall(r"^max_line_length = (\d+)$", (ROOT / ".sqlfluff").read_text(), re.MULTILINE)[0])
    files = (*FUNCTIONS.rglob("*.sql"), *VIEWS.rglob("*.sql"), *(ROOT / "db").glob("*.sql"))
    lines = [(path, line) for path in files for line in path.read_text().splitlines()]
    assert len(files) > 300
    assert [(str(path), line) for path, line in lines if len(line) > limit] == []


def test_no_function_is_overloaded(catalog: Catalog) -> None:
    assert catalog.names(f"select {NAME} from pg_proc as p where {OURS} group by 1 having count(*) > 1") == []


def test_every_function_is_named_after_its_file(catalog: Catalog) -> None:
    files = {f"{path.relative_to(FUNCTIONS).parts[0]}.{path.stem}" for path in FUNCTIONS.rglob("*.sql")}
    assert set(catalog.names(f"select {NAME} from pg_proc as p where {OURS}")) == files


def test_every_function_is_plpgsql_or_inlined(catalog: Catalog) -> None:
    """A LANGUAGE sql function that is not inlined costs three times its PL/pgSQL twin."""
    languages = f"select l.lanname from pg_proc as p join pg_language as l on p.prolang = l.oid where {OURS}"
    assert set(catalog.names(languages)) == {"plpgsql", "sql"}
    inlined = catalog.rows(
        f"""
        select {NAME}, p.proretset,
            string_agg(format('null::%s as a%s', format_type(a.type, null), a.n), ', ' order by a.n),
            string_agg('t.a' || a.n, ', ' order by a.n)
        from pg_proc as p
        cross join unnest(p.proargtypes::oid []) with ordinality as a (type, n)
        where {OURS} and p.prolang = (select oid from pg_language where lanname = 'sql')
        group by p.oid, 1, 2
        """
    )
    for name, is_set, values, arguments in inlined:
        source = f"(select {values} offset 0) as t"
        call = f"{name}({arguments})"
        query = f"select f.* from {source}, {call} as f" if is_set else f"select {call} from {source}"
        plan = "\n".join(catalog.names(f"explain (verbose, costs off) {query}"))
        assert name not in plan, plan


def test_arguments_of_http_and_inventory_begin_with_p(catalog: Catalog) -> None:
    """So that none is taken for a column. Those of maintenance that people type are without."""
    found = catalog.rows(
        f"""
        select {NAME}, a.name
        from pg_proc as p cross join unnest(p.proargnames[:p.pronargs]) as a (name)
        where p.pronamespace = any('{{http,inventory}}'::regnamespace[]) and a.name !~ '^p_[a-z0-9_]+$'
        """
    )
    assert found == []


@pytest.mark.packages
def test_the_checker_finds_no_error_and_no_warning(checker: Catalog) -> None:
    """The column `found` of maintenance.verify() has the name of a variable. No query reads or assigns the column."""
    found = checker.rows(
        f"""
        select {NAME}, c.lineno, c.level, c.message, c.query
        from pg_proc as p
        join pg_language as l on p.prolang = l.oid and l.lanname = 'plpgsql'
        cross join lateral checker.plpgsql_check_function_tb(p.oid, fatal_errors => false) as c
        where {OURS} and (c.level like 'error%' or c.level like 'warning%')
            and c.message <> 'parameter "found" is shadowed'
        order by 1, 2
        """
    )
    assert found == []


@pytest.mark.packages
def test_the_checker_finds_what_is_wrong(checker: Catalog) -> None:
    """The test above can fail."""
    checker.connection.execute(
        """
        create function inventory.wrong() returns void language plpgsql as
        $$ begin update store.stock set missing = 1; end; $$
        """
    )
    assert "error" in checker.names(
        "select level from checker.plpgsql_check_function_tb('inventory.wrong()', fatal_errors => false)"
    )


def test_functions_behind_get_are_stable(catalog: Catalog) -> None:
    reads = {route.function for route in ROUTES if route.method == "GET"}
    found = catalog.rows("select proname, provolatile from pg_proc where pronamespace = 'http'::regnamespace")
    assert reads - {name for name, volatility in found if volatility in ("s", "i")} == set()


def test_every_endpoints_function_has_a_route(catalog: Catalog) -> None:
    """The server calls ready and figures by itself. Any other function that a role may call is for an endpoint."""
    granted = catalog.names(
        """
        select p.proname from pg_proc as p
        where
            p.pronamespace = 'http'::regnamespace
            and p.prorettype = 'json'::regtype
            and has_function_privilege('inventory_admin', p.oid, 'execute')
        """
    )
    assert set(granted) - {route.function for route in ROUTES + TOKEN_ROUTES + FILE_ROUTES} == {"figures", "ready"}


def test_only_what_reads_is_parallel_safe(catalog: Catalog) -> None:
    found = catalog.names(
        f"select {NAME} from pg_proc as p where {OURS} and p.provolatile = 'v' and p.proparallel <> 'u'"
    )
    assert found == ["inventory.uuid_v7"]  # random, and writes nothing


# Tables, views, types


def test_every_table_has_a_comment(catalog: Catalog) -> None:
    silent = f"select c.relname from pg_class as c where {TABLES} and obj_description(c.oid, 'pg_class') is null"
    assert catalog.names(silent) == []


def test_every_view_and_each_column_of_the_reports_has_a_comment(catalog: Catalog) -> None:
    found = catalog.rows(
        f"""
        select c.relnamespace::regnamespace || '.' || c.relname, a.attname,
            obj_description(c.oid, 'pg_class') is not null and col_description(c.oid, a.attnum) is not null
        from pg_class as c
        join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0
        where c.relnamespace = {SCHEMAS_SQL} and c.relkind in ('v', 'm')
        """
    )
    # The columns of the others are not for people: an http view has the keys that it is joined by, and the JSON.
    assert [row for row in found if not row[2] and row[0].startswith("report.")] == []
    views = "select c.oid::regclass::text from pg_class as c where c.relkind = 'v'"
    silent = f"{views} and c.relnamespace = {SCHEMAS_SQL} and obj_description(c.oid, 'pg_class') is null"
    assert catalog.names(silent) == []
    assert {view for view, _, _ in found} == {
        f"{path.relative_to(VIEWS).parts[0]}.{path.stem}" for path in VIEWS.rglob("*.sql")
    }


def test_every_type_has_a_comment(catalog: Catalog) -> None:
    silent = catalog.names(
        f"""
        select t.typname from pg_type as t left join pg_class as c on t.typrelid = c.oid
        where {TYPES} and obj_description(t.oid, 'pg_type') is null
        """
    )
    assert silent == []


def test_every_schema_has_a_comment(catalog: Catalog) -> None:
    found = catalog.rows("select nspname, obj_description(oid, 'pg_namespace') is not null from pg_namespace")
    commented = {name for name, has_comment in found if has_comment}
    assert commented >= {*SCHEMAS, "extensions"}


def test_the_owners_schemas_are_these(catalog: Catalog) -> None:
    found = catalog.names("select nspname from pg_namespace where nspowner = 'inventory_owner'::regrole")
    assert set(found) == set(SCHEMAS)


def test_every_uuid_is_ordered_by_time(catalog: Catalog) -> None:
    """A random key of a large index costs ten times the WAL. A token's jti is kept nowhere."""
    random = f"select {NAME} from pg_proc as p where {OURS} and p.prosrc ~ 'gen_random_uuid|uuid_generate' order by 1"
    assert catalog.names(random) == ["http.session_json", "inventory.uuid_v7"]
    defaults = catalog.names(
        """
        select a.attrelid::regclass::text from pg_attribute as a join pg_class as c on a.attrelid = c.oid
        where c.relnamespace = 'store'::regnamespace and a.atttypid = 'uuid'::regtype and a.atthasdef
        """
    )
    assert defaults == [], "whoever inserts takes inventory.uuid_v7"


def test_what_every_change_of_stock_updates_is_in_no_index(catalog: Catalog) -> None:
    """Else the update is no HOT one: it writes to every index of the table, and leaves the old version to VACUUM."""
    changing = {
        "stock": "on_hand, reserved, blocked, located, average_quantity, average_value, updated_at",
        "cost_layer": "remaining, remaining_value",
        "location_stock": "quantity",
        "block": "expires_at",
    }
    indexed = catalog.rows(
        """
        select c.relname::text, a.attname::text from pg_index as i
        join pg_class as c on i.indrelid = c.oid
        join pg_attribute as a on a.attrelid = c.oid and (
            a.attnum = any(i.indkey) or pg_get_indexdef(i.indexrelid) ~ (' WHERE .*\\m' || a.attname || '\\M')
        )
        where c.relnamespace = 'store'::regnamespace
        """
    )
    hits = [(table, column) for table, column in indexed if column in changing.get(table, "").split(", ")]
    assert set(hits) == {("block", "expires_at")}, "a block is extended seldom, and swept by it"
    room = catalog.rows(
        "select c.relname::text, o.option_value from pg_class as c, pg_options_to_table(c.reloptions) as o"
        " where c.relnamespace = 'store'::regnamespace and o.option_name = 'fillfactor'"
    )
    assert dict(room) == dict.fromkeys(("stock", "cost_layer", "location_stock"), "80"), "of use to such updates alone"


def test_checks_are_made_of_constants(catalog: Catalog) -> None:
    """What is no constant is worked out anew in every statement that writes to the table: see 0007."""
    found = catalog.rows(
        f"""
        select n.conname, pg_get_constraintdef(n.oid) from pg_constraint as n join pg_class as c on n.conrelid = c.oid
        where {TABLES} and n.contype = 'c' and pg_get_constraintdef(n.oid) ~ '\\(-?[0-9]+\\)::|ARRAY\\['
        """
    )
    assert found == []


def test_every_check_has_a_name_that_begins_with_its_tables(catalog: Catalog) -> None:
    """Constraint names are part of the interface: none is PostgreSQL's own choice."""
    found = catalog.rows(
        f"""
        select c.relname, n.conname from pg_constraint as n join pg_class as c on n.conrelid = c.oid
        where
            {TABLES} and not c.relispartition and n.contype = 'c'
            and (n.conname !~ ('^' || c.relname || '_') or n.conname ~ '_check[0-9]*$')
        """
    )
    assert found == []


# Roles


def test_the_roles_that_log_in_are_these(catalog: Catalog) -> None:
    assert set(catalog.names(f"select r.rolname from pg_roles as r where {CAN_LOG_IN}")) == set(LOGIN_ROLES)


def test_the_owner_cannot_log_in_and_is_no_superuser(catalog: Catalog) -> None:
    attributes = "rolcanlogin, rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls"
    assert catalog.rows(f"select {attributes} from pg_roles where rolname = 'inventory_owner'") == [(False,) * 6]
    owner = "'inventory_owner'::regrole"
    assert catalog.rows(f"select * from pg_auth_members where member = {owner} or roleid = {owner}") == []


def test_no_role_that_logs_in_has_an_attribute_or_a_group_of_power(catalog: Catalog) -> None:
    powerful = catalog.names(
        f"""
        select r.rolname from pg_roles as r
        where {CAN_LOG_IN} and (r.rolsuper or r.rolcreatedb or r.rolcreaterole or r.rolreplication or r.rolbypassrls)
        """
    )
    assert powerful == []
    groups = catalog.rows(
        f"""
        select r.rolname, m.roleid::regrole::text, m.admin_option
        from pg_auth_members as m join pg_roles as r on m.member = r.oid
        where {CAN_LOG_IN}
        order by 1, 2
        """
    )
    assert groups == [
        ("inventory_admin", "inventory_employee", False),
        ("inventory_admin", "inventory_integration", False),
        ("inventory_employee", "inventory_operator", False),
        ("inventory_integration", "inventory_public", False),
        ("inventory_operator", "inventory_public", False),
    ]


def test_no_role_that_logs_in_owns_anything(catalog: Catalog) -> None:
    owned = catalog.rows(
        f"""
        select r.rolname, d.classid::regclass::text, d.objid
        from pg_shdepend as d join pg_roles as r on d.refobjid = r.oid
        where d.refclassid = 'pg_authid'::regclass and d.deptype = 'o' and {CAN_LOG_IN}
        """
    )
    assert owned == []


def test_no_role_that_logs_in_can_touch_a_table(catalog: Catalog) -> None:
    """Nor a column of one."""
    tables = catalog.rows(
        f"""
        select r.rolname, c.relname, a.privilege
        from pg_roles as r
        cross join pg_class as c
        cross join unnest('{{select,insert,update,delete,truncate,references,trigger}}'::text[]) as a (privilege)
        where
            {CAN_LOG_IN}
            and c.relnamespace = 'store'::regnamespace
            and c.relkind in ('r', 'v', 'm', 'p', 'f')
            and (
                has_table_privilege(r.oid, c.oid, a.privilege)
                or a.privilege in ('select', 'insert', 'update', 'references')
                and has_any_column_privilege(r.oid, c.oid, a.privilege)
            )
        """
    )
    assert tables == []


def test_no_role_that_logs_in_can_touch_a_sequence(catalog: Catalog) -> None:
    sequences = catalog.rows(
        f"""
        select r.rolname, c.relname, a.privilege
        from pg_roles as r
        cross join (select s.oid, s.relname, s.relnamespace from pg_class as s where s.relkind = 'S') as c
        cross join unnest('{{usage,select,update}}'::text[]) as a (privilege)
        where
            {CAN_LOG_IN}
            and c.relnamespace = 'store'::regnamespace
            and has_sequence_privilege(r.oid, c.oid, a.privilege)
        """
    )
    assert sequences == []


@pytest.mark.parametrize("schema", ["store", "extensions", "public"])
def test_no_role_that_logs_in_can_look_into(catalog: Catalog, schema: str) -> None:
    found = (
        f"select r.rolname from pg_roles as r where {CAN_LOG_IN} and has_schema_privilege(r.oid, '{schema}', 'usage')"
    )
    assert catalog.names(found) == []


def test_no_role_that_logs_in_can_make_an_object(catalog: Catalog) -> None:
    in_schemas = catalog.rows(
        f"""
        select r.rolname, n.nspname from pg_roles as r cross join pg_namespace as n
        where {CAN_LOG_IN} and n.nspname !~ '^pg_(toast_)?temp' and has_schema_privilege(r.oid, n.oid, 'create')
        """
    )
    in_database = catalog.rows(
        f"""
        select r.rolname, a.privilege
        from pg_roles as r cross join unnest('{{create,temporary}}'::text[]) as a (privilege)
        where {CAN_LOG_IN} and has_database_privilege(r.oid, current_database(), a.privilege)
        """
    )
    assert in_schemas + in_database == []


@pytest.mark.parametrize("role", LOGIN_ROLES)
@pytest.mark.parametrize(
    "statement",
    [
        "select * from store.stock",
        "update store.stock set on_hand = 1",
        "select last_value from store.movement_id_seq",
        "select inventory.post(array[inventory.line('add', 1, 1)])",
        "create temporary table shadow ()",
        "create table public.mine ()",
        "select lo_create(0)",
        "select lo_from_bytea(0, 'x')",
        "set role inventory_owner",
        "set session authorization inventory_owner",
    ],
)
def test_no_role_that_logs_in_gets_away_with(catalog: Catalog, role: str, statement: str) -> None:
    """What the catalog says, tried."""
    with psycopg.connect(throwaway_cluster().dsn(role, catalog.connection.info.dbname)) as connection:
        connection.execute("set transaction read write")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement.encode())
        connection.rollback()


def test_each_role_may_do_exactly_what_is_committed(catalog: Catalog) -> None:
    assert dump.privileges(catalog.connection).splitlines() == dump.PRIVILEGES.read_text().splitlines(), (
        f"Privileges have changed: run {dump.COMMAND} and look at the difference."
    )


def test_each_role_may_do_all_that_the_one_before_it_may() -> None:
    granted: dict[str, set[str]] = {}
    for line in dump.PRIVILEGES.read_text().splitlines():
        role, rest = line.split("  ", 1)
        granted.setdefault(role, set()).add(rest)
    public, operator, employee, admin = (granted[f"inventory_{role}"] for role in ROLES_OF_CALLERS)
    assert public < operator <= employee < admin


def test_every_grant_is_of_use(catalog: Catalog) -> None:
    """A role that may execute a function may use its schema too: else the grant says what is not so."""
    found = catalog.rows(
        f"""
        select r.rolname, {NAME} from pg_roles as r cross join pg_proc as p
        where
            {CAN_LOG_IN}
            and {OURS}
            and has_function_privilege(r.oid, p.oid, 'execute')
            and not has_schema_privilege(r.oid, p.pronamespace, 'usage')
        """
    )
    assert found == []


def test_everybody_else_may_do_nothing(catalog: Catalog) -> None:
    """Nothing is granted to PUBLIC: not the database, nor a schema, function, table, column, sequence or type."""
    found = catalog.rows(
        f"""
        with object (kind, name, acl) as (
            select 'database', d.datname::text, coalesce(d.datacl, acldefault('d', d.datdba))
            from pg_database as d where d.datname = current_database()
            union all
            select 'schema', n.nspname::text, coalesce(n.nspacl, acldefault('n', n.nspowner))
            from pg_namespace as n
            where n.oid = {SCHEMAS_SQL} or n.nspname in ('public', 'extensions')
            union all
            select 'function', p.proname::text, coalesce(p.proacl, acldefault('f', p.proowner))
            from pg_proc as p where {OURS}
            union all
            select 'table', c.relname::text, coalesce(c.relacl, acldefault('r', c.relowner))
            from pg_class as c where c.relnamespace = {SCHEMAS_SQL} and c.relkind in ('r', 'v', 'm', 'p', 'f')
            union all
            select 'sequence', c.relname::text, coalesce(c.relacl, acldefault('s', c.relowner))
            from pg_class as c where c.relnamespace = {SCHEMAS_SQL} and c.relkind = 'S'
            union all
            select 'column', a.attname::text, a.attacl
            from pg_attribute as a join pg_class as c on a.attrelid = c.oid where c.relnamespace = {SCHEMAS_SQL}
            union all
            select 'type', t.typname::text, coalesce(t.typacl, acldefault('T', t.typowner))
            from pg_type as t left join pg_class as c on t.typrelid = c.oid where {TYPES}
        )

        select o.kind, o.name, a.privilege_type
        from object as o cross join aclexplode(o.acl) as a
        where a.grantee = 0
        """
    )
    assert found == []


def test_a_caller_that_takes_too_long_is_stopped(catalog: Catalog) -> None:
    found = catalog.rows(
        "select r.rolname, s.setconfig from pg_db_role_setting as s join pg_roles as r on s.setrole = r.oid"
        " where s.setdatabase = 0"
    )
    settings = {role: dict(setting.split("=", 1) for setting in settings) for role, settings in found}
    for role in LOGIN_ROLES:
        assert {"search_path", "idle_in_transaction_session_timeout"} <= settings[role].keys()
    for role in SERVER_ROLES:
        assert {"statement_timeout", "lock_timeout"} <= settings[role].keys()
    assert settings["inventory_reporting"].keys() >= {"statement_timeout"}
    assert settings["inventory_reporting"]["default_transaction_read_only"] == "on"


# Error codes


def sources() -> dict[str, str]:
    """The text of every function's file, without its comments on functions."""
    return {str(path.relative_to(ROOT)): path.read_text() for path in sorted(FUNCTIONS.rglob("*.sql"))}


def codes(catalog: Catalog) -> dict[str, str]:
    return dict(catalog.rows("select e.sqlstate, e.code from inventory.error_codes() as e"))


def test_error_codes_are_listed_once(catalog: Catalog) -> None:
    listed = catalog.rows("select e.sqlstate, e.code, e.meaning from inventory.error_codes() as e order by 1")
    for column in zip(*listed, strict=True):
        assert len(set(column)) == len(listed)
    assert all(re.fullmatch(r"IV\d{3}", state) for state, _, _ in listed)


def test_every_error_code_that_is_raised_is_listed_and_named_beside_it(catalog: Catalog) -> None:
    named = codes(catalog)
    raised = set()
    for file, text in sources().items():
        for line in text.splitlines():
            for state in re.findall(r"(?:errcode = |sqlstate )'(IV\w+)'|^ +'(IV\d+)', --", line):
                raised.add("".join(state))
                assert line.endswith(f"-- {named.get(''.join(state))}"), f"{file}: {line}"
    assert raised == named.keys()


def test_every_raise_has_its_error_code() -> None:
    code = r"'[A-Za-z0-9_]+'|error_sqlstate\b|p_posted\.sqlstate|error ->> 'sqlstate'|sqlstate\b"
    for file, text in sources().items():
        body = re.sub(r"--.*", "", text)
        for statement in re.findall(r"\braise\b[^;]*;", body):
            if re.fullmatch(r"raise\s*;|raise (warning|notice|log|info|debug)\b[^;]*;", statement) is None:
                assert re.match(rf"raise exception using\s+errcode = ({code})", statement), f"{file}: {statement}"


def test_every_condition_that_is_caught_is_named_or_raised_again() -> None:
    swallowing = set()
    for file, text in sources().items():
        for handler in re.findall(r"when [a-z_ ]*\bothers\b[a-z_ ]* then(.*?)end;", text, re.DOTALL):
            if not re.search(r"\n\s*raise;", handler):
                swallowing.add(str(file))
    # It records the error of a job, which must keep no other from running.
    assert {file.rpartition("/")[2] for file in swallowing} == {"run_next_job.sql"}


def test_every_code_that_a_comment_promises_is_listed(catalog: Catalog) -> None:
    known = set(codes(catalog).values())
    comments = catalog.rows(f"select {NAME}, obj_description(p.oid, 'pg_proc') from pg_proc as p where {OURS}")
    for name, comment in comments:
        for errors in re.findall(r"Errors: ([^.]*)\.", comment):
            promised = set(re.findall(r"\b[A-Z]+(?:_[A-Z]+)+\b", errors))
            assert promised <= known, name


def test_every_code_has_a_status_in_every_api(catalog: Catalog) -> None:
    statuses = {code: STATUS.get(code, {}) for code in codes(catalog).values()}
    apis = {Api.SKU, Api.STOCK, Api.PRICING, Api.ART, Api.CATALOG}
    assert {code: apis - found.keys() for code, found in statuses.items() if not apis <= found.keys()} == {}
