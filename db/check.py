"""What db/apply.py would change in a database, and what of other people's it would break. This changes nothing.

A function or a view is compared by creating what its file says in the session's temporary schema. So PostgreSQL itself
says whether the two are the same, nothing that is in use is locked, and a rollback leaves no trace.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import psycopg

from db import source
from db.source import (
    LONG_MIGRATIONS,
    OWNER,
    SCHEMAS,
    ApplyError,
    Name,
    function_files,
    migration_names,
    view_columns,
    view_files,
    with_prefix,
)

Connection = psycopg.Connection[Any]

# Functions, tables and views in the project's schemas that belong to somebody else.
_FOREIGN = """
select 'function ' || p.oid::regprocedure, p.proowner::regrole::text
from pg_proc as p
where p.pronamespace::regnamespace::text = any(%(schemas)s) and p.proowner::regrole::text <> %(owner)s
union all
select
    case c.relkind when 'v' then 'view ' when 'm' then 'materialized view ' else 'table ' end || c.oid::regclass,
    c.relowner::regrole::text
from pg_class as c
where
    c.relnamespace::regnamespace::text = any(%(schemas)s) and c.relkind in ('r', 'p', 'f', 'v', 'm')
    and c.relowner::regrole::text <> %(owner)s
order by 1
"""

# The objects in other schemas that depend on one of the project's, directly or through each other. A view depends by
# its rule.
_DEPENDENTS = """
with recursive dependency as (
    select
        d.refclassid,
        d.refobjid,
        case when r.oid is null then d.classid else 'pg_class'::regclass end as classid,
        coalesce(r.ev_class, d.objid) as objid
    from pg_depend as d
    left join pg_rewrite as r on d.classid = 'pg_rewrite'::regclass and d.objid = r.oid
    where d.deptype in ('n', 'a')
),
our_schema as (
    select n.oid
    from pg_namespace as n
    where n.nspname = any(%(schemas)s)
),
ours as (
    select 'pg_class'::regclass as classid, c.oid as objid, c.relnamespace as namespace, c.relname as name
    from pg_class as c
    where c.relnamespace in (select oid from our_schema)
    union all
    select 'pg_proc'::regclass, p.oid, p.pronamespace, p.proname
    from pg_proc as p
    where p.pronamespace in (select oid from our_schema)
    union all
    select 'pg_type'::regclass, t.oid, t.typnamespace, t.typname
    from pg_type as t
    where t.typnamespace in (select oid from our_schema)
    union all
    select 'pg_constraint'::regclass, n.oid, n.connamespace, n.conname
    from pg_constraint as n
    where n.connamespace in (select oid from our_schema)
    union all
    select 'pg_attrdef'::regclass, a.oid, c.relnamespace, ''
    from pg_attrdef as a
    inner join pg_class as c on a.adrelid = c.oid
    where c.relnamespace in (select oid from our_schema)
    union all
    select 'pg_trigger'::regclass, t.oid, c.relnamespace, t.tgname
    from pg_trigger as t
    inner join pg_class as c on t.tgrelid = c.oid
    where c.relnamespace in (select oid from our_schema)
),
dependent as (
    select d.refclassid, d.refobjid, d.classid, d.objid
    from dependency as d
    inner join ours as o on d.refclassid = o.classid and d.refobjid = o.objid
    left join ours as t on d.classid = t.classid and d.objid = t.objid
    where t.objid is null
    union
    select t.refclassid, t.refobjid, d.classid, d.objid
    from dependent as t
    inner join dependency as d on t.classid = d.refclassid and t.objid = d.refobjid
    where d.objid <> t.objid
)

select
    case when o.classid = 'pg_proc'::regclass then 'function' else 'relation' end,
    o.namespace::regnamespace::text, o.name::text, a.type || ' ' || a.identity
from dependent as d
inner join ours as o on d.refclassid = o.classid and d.refobjid = o.objid
cross join lateral pg_identify_object(d.classid, d.objid, 0) as a
order by 2, 3, 4
"""

_COLUMNS = """
select
    a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
    || case when a.attcollation <> t.typcollation then ' collate ' || a.attcollation::regcollation else '' end
    as definition,
    col_description(c.oid, a.attnum) as comment,
    a.attnum as number
from pg_attribute as a
inner join pg_type as t on a.atttypid = t.oid
where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
"""

_VIEW_COLUMNS = f"""
select c.relnamespace::regnamespace::text, c.relname::text, array_agg(l.definition order by l.number)
from pg_class as c
cross join lateral ({_COLUMNS}) as l
where c.relnamespace::regnamespace::text = any(%s) and c.relkind = 'v'
group by 1, 2
order by 1, 2
"""

# Two texts: what CREATE OR REPLACE cannot change, and everything. What a new function lets PUBLIC do does not count:
# the owner's default privileges are not the user's.
_ROUTINE = """
select
    row(p.prokind, p.proargtypes, p.proallargtypes, p.proargmodes, p.proargnames, p.prorettype, p.proretset)::text,
    row(
        regexp_replace(pg_get_functiondef(p.oid), '^(CREATE OR REPLACE \\w+ )[^.]*[.]', '\\1'),
        obj_description(p.oid, 'pg_proc'),
        array(
            select a.grantee::regrole || ' ' || a.privilege_type
            from aclexplode(p.proacl) as a
            where a.grantee not in (p.proowner, 0)
            order by 1
        ),
        p.pronamespace <> pg_my_temp_schema() and has_function_privilege('public', p.oid, 'execute')
    )::text
from pg_proc as p
where p.pronamespace = %s and p.proname = %s and p.prokind in ('f', 'p')
"""
_VIEW = f"""
select
    '',
    row(
        pg_get_viewdef(c.oid),
        c.reloptions,
        obj_description(c.oid, 'pg_class'),
        array(select l.definition || coalesce(' ' || l.comment, '') from ({_COLUMNS}) as l order by l.number),
        array(
            select (case a.grantee when 0 then 'public' else a.grantee::regrole::text end) || ' ' || a.privilege_type
            from aclexplode(c.relacl) as a
            where a.grantee <> c.relowner
            order by 1
        )
    )::text
from pg_class as c
where c.relnamespace = %s and c.relname = %s and c.relkind = 'v'
"""

Shape = tuple[str, str]


@dataclasses.dataclass
class Changes:
    """One line for each. ``pending``: migrations. ``refused``: why db/apply.py changes nothing at all."""

    pending: list[str]
    objects: list[str]
    at_risk: list[str]
    refused: list[str]

    def lines(self) -> list[str]:
        return [*self.pending, *self.objects, *self.at_risk, *self.refused]


def refusals(connection: Connection, prefix: str) -> list[str]:
    """Returns what stands in the way: other people's objects in the project's schemas, and those that would break."""
    return _read(connection, prefix, is_whole=False).refused


def changes(connection: Connection, prefix: str) -> Changes:
    """Returns all that would change."""
    return _read(connection, prefix, is_whole=True)


def view_shapes(connection: Connection) -> dict[Name, list[str]]:
    """Returns the columns of each view of the database, with their types."""
    return {(schema, name): columns for schema, name, columns in connection.execute(_VIEW_COLUMNS, [list(SCHEMAS)])}


def _read(connection: Connection, prefix: str, *, is_whole: bool) -> Changes:
    with connection.transaction(force_rollback=True):
        connection.execute("set local search_path = pg_catalog")
        connection.execute("set local check_function_bodies = off")
        found = Changes([], [], [], [])
        of_store = connection.execute(
            "select nspowner::regrole::text from pg_namespace where nspname = 'store'"
        ).fetchone()
        if of_store is not None and of_store[0] != with_prefix(OWNER, prefix):
            found.refused.append(f"the schema store belongs to {of_store[0]}: is this another ROLE_PREFIX?")
            return found
        parameters = {"schemas": list(SCHEMAS), "owner": with_prefix(OWNER, prefix)}
        found.refused += (
            f"{name} is not this project's, but {owner}'s: move it to another schema"
            for name, owner in connection.execute(_FOREIGN, parameters)
        )
        dependents = connection.execute(_DEPENDENTS, parameters).fetchall()
        pending = _pending(connection)
        if is_whole:
            found.pending += (f"migration {name}: pending{forecast(connection, name)}" for name in pending)
            _compare(connection, found, prefix)
        _judge(connection, found, prefix, dependents, pending)
    return found


def forecasts(connection: Connection) -> list[str]:
    """Returns a sentence for each pending migration that keeps callers waiting for a second or more."""
    pending = _pending(connection)
    return [f"migration {name}{text}" for name in pending if (text := forecast(connection, name))]


def forecast(connection: Connection, migration: str) -> str:
    """Returns for how long a migration keeps callers waiting, by the number of rows; empty for less than a second."""
    table, seconds = LONG_MIGRATIONS.get(migration, ("", 0))
    # By the catalog alone: the user may have no right to the schema store yet.
    row = connection.execute(
        "select coalesce(sum(greatest(c.reltuples, 0)), 0)::bigint from pg_class as t"
        " left join pg_inherits as i on i.inhparent = t.oid join pg_class as c on c.oid in (t.oid, i.inhrelid)"
        " where t.relnamespace::regnamespace || '.' || t.relname = %s and c.relkind = 'r'",
        [table],
    ).fetchone()
    assert row is not None
    took = seconds * row[0] / 1_000_000
    return "" if took < 1 else f"; calls that need {table} wait for about {took:.0f} s ({row[0]} rows)"


def _pending(connection: Connection) -> list[str]:
    """Returns the migrations that are not applied yet: all, if the user may not read which are."""
    may_read = connection.execute(
        "select from pg_class as c where c.relname = '_yoyo_migration' and c.relnamespace::regnamespace::text = 'store'"
        " and has_schema_privilege(c.relnamespace, 'usage') and has_table_privilege(c.oid, 'select')"
    ).fetchone()
    applied = set()
    if may_read is not None:
        applied = {name for (name,) in connection.execute("select migration_id from store._yoyo_migration")}
    return [name for name in migration_names() if name not in applied]


def _dropped_views(migrations: Iterable[str]) -> set[Name]:
    """Returns the views that these migrations drop, to change a column that they show."""
    found: set[Name] = set()
    for migration in migrations:
        text = (source.MIGRATIONS / f"{migration}.sql").read_text()
        for names in re.findall(r"(?i)\bdrop\s+view\s+([^;]+)", text):
            found |= {(schema, name) for schema, name in re.findall(r"\b(\w+)\.(\w+)\b", names)}
    return found


def _existing(connection: Connection) -> dict[tuple[str, Name], int]:
    """Maps (kind, name) of each function and view in the project's schemas to its schema's oid."""
    rows = connection.execute(
        "select 'function', p.pronamespace::regnamespace::text, p.proname::text, p.pronamespace from pg_proc as p"
        " where p.pronamespace::regnamespace::text = any(%(schemas)s) union"
        " select 'view', c.relnamespace::regnamespace::text, c.relname::text, c.relnamespace from pg_class as c"
        " where c.relnamespace::regnamespace::text = any(%(schemas)s) and c.relkind = 'v'",
        {"schemas": list(SCHEMAS)},
    )
    return {(kind, (schema, name)): oid for kind, schema, name, oid in rows}


def _compare(connection: Connection, found: Changes, prefix: str) -> None:
    existing = _existing(connection)
    functions, views = function_files(), view_files()
    for kind, files in (("function", functions), ("view", views)):
        for name, path in files.items():
            what = f"{kind} {'.'.join(name)}"
            if (kind, name) not in existing:
                found.objects.append(f"{what}: new")
            elif _shapes(connection, kind, name) != _shapes_of_file(connection, kind, name, path, prefix):
                found.objects.append(f"{what}: changes")
    for kind, name in existing:
        if name not in (functions if kind == "function" else views):
            found.objects.append(f"{kind} {'.'.join(name)}: has no file, is dropped")


def _shapes(connection: Connection, kind: str, name: Name) -> list[Shape]:
    query = _ROUTINE if kind == "function" else _VIEW
    schema = connection.execute("select %s::regnamespace::oid", [name[0]]).fetchone()
    return connection.execute(query, [schema and schema[0], name[1]]).fetchall()


def _shapes_of_file(connection: Connection, kind: str, name: Name, path: Path, prefix: str) -> list[Shape] | None:
    """Returns what the file would make; None if it needs something that is not there yet."""
    schema, base = name
    text = with_prefix(path.read_text(), prefix)
    if kind == "function":
        pattern = rf"(?i)\b(function|procedure)\s+{schema}\.{base}\b"
        text = re.sub(pattern, rf"\1 pg_temp.{base}", text)
    else:
        text = re.sub(rf"\b{schema}\.{base}\b", f"pg_temp.{base}", text)
    try:
        with connection.transaction(force_rollback=True):
            connection.execute(text.encode())
            query = _ROUTINE if kind == "function" else _VIEW
            made = connection.execute("select pg_my_temp_schema()").fetchone()
            return connection.execute(query, [made and made[0], base]).fetchall()
    except psycopg.Error:
        return None


def _judge(
    connection: Connection,
    found: Changes,
    prefix: str,
    dependents: Iterable[tuple[str, str, str, str]],
    pending: list[str],
) -> None:
    """Sort what depends on the project's objects into what would break, and what a migration may break."""
    now, then, dropped = view_shapes(connection), view_columns(), _dropped_views(pending)
    functions, views = function_files(), view_files()
    for kind, schema, base, dependent in dependents:
        name = (schema, base)
        if kind == "function":
            survives = name in functions and _keeps_signature(connection, name, functions[name], prefix)
        elif name in now:
            keeps_columns = then.get(name, [])[: len(now[name])] == now[name]
            survives = name in views and name not in dropped and keeps_columns
        else:
            if pending:
                found.at_risk.append(f"{dependent} depends on {schema}.{base}, which a migration may change")
            continue
        if not survives:
            found.refused.append(
                f"{dependent} depends on {kind if kind == 'function' else 'view'} {schema}.{base}, which is dropped or"
                " changes: drop the former, apply, then create it again"
            )


def _keeps_signature(connection: Connection, name: Name, path: Path, prefix: str) -> bool:
    then = _shapes_of_file(connection, "function", name, path, prefix)
    return then is not None and [row[0] for row in then] == [row[0] for row in _shapes(connection, "function", name)]


def refuse(reasons: list[str]) -> None:
    """Raise ApplyError if there is a reason."""
    if reasons:
        raise ApplyError("Nothing was changed:\n" + "\n".join(f"- {reason}" for reason in reasons))
