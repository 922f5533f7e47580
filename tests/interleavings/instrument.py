"""Makes a throw-away database whose functions stop between their statements, and whose data can be put back quickly.

Every volatile PL/pgSQL function gets ``assert interleaving.step('schema.function:line')`` before each statement, and
before each initialised variable, that can read or write data. ASSERT leaves FOUND and ROW_COUNT as they are, and each
statement still takes its own snapshot. A stable function keeps its caller's snapshot, so it is left as it is: it is a
part of the statement that calls it. A statement that only computes commutes with everything, so a stop before it would
be the same as a stop before the next one.

A session that the setting ``interleaving.session`` numbers counts its steps in a sequence, because a rollback to a
savepoint does not undo that. At the step that its target names it sends a notice and waits for an advisory lock of that
stop, which the scheduler holds. Without the setting a step does nothing.
"""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import psycopg
from psycopg import sql

from tests.conftest import frozen_clock

Connection = psycopg.Connection[Any]

GATE = 715_517  # the first key of the advisory locks at which sessions wait; the session's number is added
GATES = 9  # how often a session can be stopped in one interleaving
NO_TARGET = 1_000_000_000
# The time of the world. It stands still, so that outcomes can be compared.
EPOCH = "2030-01-15 12:00:00+00"
# The ids of a table with a sequence are sequence number * ID_RANGE and up: an id tells its table wherever it appears.
ID_RANGE = 1_000_000

_SCHEMA = f"""
create schema interleaving;
grant usage on schema interleaving to public;
create sequence interleaving.steps_1; create sequence interleaving.target_1; create sequence interleaving.stops_1;
create sequence interleaving.steps_2; create sequence interleaving.target_2; create sequence interleaving.stops_2;
grant all on all sequences in schema interleaving to public;

create function interleaving.step(p_where text) returns boolean language plpgsql as $$
declare
    v_session text := pg_catalog.current_setting('interleaving.session', true);
    v_step bigint;
    v_stop bigint;
begin
    if v_session is null or v_session = '' then
        return true;
    end if;
    v_step := nextval(('interleaving.steps_' || v_session)::regclass);
    if v_step < pg_sequence_last_value(('interleaving.target_' || v_session)::regclass) then
        return true;
    end if;
    v_stop := nextval(('interleaving.stops_' || v_session)::regclass);
    raise notice 'interleaving % % %', v_step, v_stop, p_where;
    perform pg_advisory_lock_shared({GATE} + v_session::integer, v_stop::integer);
    perform pg_advisory_unlock_shared({GATE} + v_session::integer, v_stop::integer);
    return true;
end;
$$;

create function interleaving.close_gates() returns void language plpgsql as $$
begin
    perform pg_advisory_unlock_all();
    perform setval('interleaving.steps_1', 1, false), setval('interleaving.steps_2', 1, false);
    perform setval('interleaving.stops_1', 1, false), setval('interleaving.stops_2', 1, false);
    perform pg_advisory_lock({GATE} + s, g) from generate_series(1, 2) as s, generate_series(1, {GATES}) as g;
end;
$$;

create function interleaving.let(p_session integer, p_stop integer, p_target bigint, p_other_target bigint) returns void
language plpgsql as $$
begin
    perform setval('interleaving.target_' || p_session, p_target);
    perform setval('interleaving.target_' || 3 - p_session, p_other_target);
    if p_stop > 0 then
        perform pg_advisory_unlock({GATE} + p_session, p_stop);
    end if;
end;
$$;
{frozen_clock(EPOCH)}
-- Which tables somebody has tried to change since the world was put back. Sequences, for they outlive a rollback.
create function interleaving.note_change() returns trigger language plpgsql as $$
begin
    perform nextval(('interleaving.changed_' || tg_table_name)::regclass);
    return null;
end;
$$;

-- Places in the change feed follow the ids of transactions, which differ from run to run. This one is the highest.
create or replace function inventory.feed_key() returns bigint language sql as 'select 1000000000000000';

-- Whoever waits here waits for the other session's turn, however slow the machine is.
alter function http.batch(jsonb) set lock_timeout = 0;
"""

_FUNCTIONS = """
select p.oid, p.pronamespace::regnamespace || '.' || p.proname, p.prosrc, pg_get_functiondef(p.oid)
from pg_proc as p inner join pg_language as l on p.prolang = l.oid
where l.lanname = 'plpgsql' and p.provolatile = 'v' and p.prokind = 'f'
    and p.pronamespace in ('inventory'::regnamespace, 'http'::regnamespace, 'maintenance'::regnamespace)
"""
# A declaration with a value, from the beginning of its line. Arguments have no line here: this is the body.
_DECLARATION = re.compile(r"^\s+(v_\w+) [^;]*?(:=|\bdefault\b)")
_DATA = re.compile(r"\b(select|insert|update|delete|perform|execute|nextval|pg_try_advisory\w*)\b|\w+\.\w+\(")
_CHANCE = ("random() < 1.0 / 50", "true")
_COMMENT = re.compile(r"--.*")

TABLES = """
select c.relname from pg_class as c
where
    c.relnamespace = 'store'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition and c.relname !~ 'yoyo'
order by 1
"""
_MONTHS = """
select c.oid::regclass::text from pg_class as c
where
    c.relnamespace = 'store'::regnamespace
    and c.relispartition
    and c.relkind = 'r'
    and c.relname <> 'movement_default'
"""
_SEQUENCES = """
select c.oid::regclass::text from pg_class as c
where c.relnamespace = 'store'::regnamespace and c.relkind = 'S' and c.relname <> 'test_clock' order by 1
"""


def with_steps(name: str, body: str, starts: set[int], pure: set[str]) -> str:
    """The body of a PL/pgSQL function with a step before each statement and declaration that can touch data.

    ``starts``: the lines, from 1, on which statements begin; ``pure``: the names of functions that read nothing.
    """
    lines = body.split("\n")
    begin = next(number for number, line in enumerate(lines, 1) if line.strip() == "begin")
    declarations = {number for number in range(1, begin) if _DECLARATION.match(lines[number - 1])}
    edges = sorted(declarations | {start for start in starts if start > begin})

    def touches_data(start: int) -> bool:
        end = next((edge for edge in edges if edge > start), len(lines) + 1)
        if start < begin < end:
            end = begin
        text = "\n".join(_COMMENT.sub("", line) for line in lines[start - 1 : end - 1])
        return any(found.group().rstrip("(") not in pure for found in _DATA.finditer(text))

    result = []
    for number, line in enumerate(lines, 1):
        if number in edges and touches_data(number):
            step = f"interleaving.step('{name}:{number}')"
            result.append(
                f"v_step_{number} constant boolean := {step};" if number in declarations else f"assert {step};"
            )
        result.append(line)
    return "\n".join(result)


@dataclasses.dataclass(frozen=True)
class Function:
    """A function as the project has it: its body, and the statement that makes it."""

    oid: int
    name: str
    body: str
    definition: str


def _without_chance(function: Function) -> Function:
    """What a function does by chance it does always, so that a schedule is the same each time."""
    old, new = _CHANCE
    if function.name != "inventory.add_row_total":
        return function
    assert function.body.count(old) == 1, f"{function.name} draws lots in another way"
    return dataclasses.replace(
        function, body=function.body.replace(old, new), definition=function.definition.replace(old, new)
    )


def put_steps(connection: Connection, function: Function, body: str | None = None) -> None:
    """Make the function anew with steps in its body, or in another body: a planted fault."""
    body = function.body if body is None else body
    connection.execute(function.definition.replace(function.body, body).encode())
    starts = connection.execute(
        "select lineno from checker.plpgsql_profiler_function_statements_tb(%s::regprocedure)", [function.oid]
    )
    pure = connection.execute(
        "select pronamespace::regnamespace || '.' || proname from pg_proc where provolatile = 'i'"
    )
    stepped = with_steps(function.name, body, {line for (line,) in starts}, {name for (name,) in pure})
    connection.execute(function.definition.replace(function.body, stepped).encode())


def instrument(connection: Connection) -> dict[str, Function]:
    """Put the steps into a clone of the tests' template database; return the functions that have them."""
    connection.execute("create schema if not exists checker")
    connection.execute("create extension if not exists plpgsql_check schema checker")
    with connection.transaction():
        connection.execute(_SCHEMA)
        functions = {row[1]: _without_chance(Function(*row)) for row in connection.execute(_FUNCTIONS).fetchall()}
        for function in functions.values():
            put_steps(connection, function)
        # Everything is in the default partition: a statement about the ledger need not look into each month.
        for (partition,) in connection.execute(_MONTHS).fetchall():
            connection.execute(f"drop table {partition}".encode())
        for (table,) in connection.execute(TABLES).fetchall():
            connection.execute(
                sql.SQL(
                    "create sequence {sequence}; grant all on {sequence} to public; create trigger interleaving"
                    " after insert or update or delete on {table} execute function interleaving.note_change()"
                ).format(
                    sequence=sql.Identifier("interleaving", f"changed_{table}"), table=sql.Identifier("store", table)
                )
            )
        for number, (sequence,) in enumerate(connection.execute(_SEQUENCES).fetchall(), 1):
            connection.execute("select setval(%s, %s)", [sequence, number * ID_RANGE])
    return functions


def save_world(connection: Connection, name: str) -> None:
    """Keep what the tables hold now: ``interleaving.restore_<name>()`` puts it back, and closes the gates."""
    connection.execute(sql.SQL("create schema {}").format(sql.Identifier(f"world_{name}")))
    body = ["begin"]
    for (table,) in connection.execute(TABLES).fetchall():
        columns = connection.execute(
            "select attname from pg_attribute where attrelid = %s::regclass"
            " and attnum > 0 and not attisdropped and attgenerated = '' order by attnum",
            [f'store."{table}"'],
        )
        names = {
            "table": sql.Identifier("store", table),
            "kept": sql.Identifier(f"world_{name}", table),
            "columns": sql.SQL(", ").join(sql.Identifier(column) for (column,) in columns),
            "changed": sql.Literal(f"interleaving.changed_{table}"),
        }
        connection.execute(sql.SQL("create table {kept} as select {columns} from {table}").format(**names))
        body.append(
            sql.SQL(
                "if pg_sequence_last_value({changed}) is not null then delete from {table};"
                " insert into {table} ({columns}) overriding system value select {columns} from {kept};"
                " perform setval({changed}, 1, false); end if;"
            )
            .format(**names)
            .as_string(connection)
        )
    for (sequence,) in [*connection.execute(_SEQUENCES).fetchall(), ("store.test_clock",)]:
        row = connection.execute(f"select last_value from {sequence}".encode()).fetchone()
        assert row is not None
        body.append(f"perform setval('{sequence}', {row[0]});")
    body.append("perform interleaving.close_gates(); end;")
    connection.execute(
        sql.SQL(
            "create function {}() returns void language plpgsql set session_replication_role = replica as {}"
        ).format(sql.Identifier("interleaving", f"restore_{name}"), sql.Literal("\n".join(body)))
    )


def make_state(connection: Connection) -> None:
    """``interleaving.state()``: (table, row as JSON) of the tables that may have changed, each also with null."""
    body = ["begin"]
    for (table,) in connection.execute(TABLES):
        # What a list counts is a sum of changes: how many rows make it up is chance.
        sums = (
            "(select subject, category_id, brand_id, sum(delta) as delta from store.row_total group by 1, 2, 3"
            " having sum(delta) <> 0)"
        )
        source = sums if table == "row_total" else f'store."{table}"'
        body.append(
            f"if pg_sequence_last_value('interleaving.changed_{table}') is not null then"
            f" return query select '{table}', null union all select '{table}', to_json(t)::text from {source} as t;"
            " end if;"
        )
    body.append("end;")
    connection.execute(
        sql.SQL(
            "create function interleaving.state() returns table (place text, content text) language plpgsql as {}"
        ).format(sql.Literal("\n".join(body)))
    )


def change_all(connection: Connection) -> None:
    """Take every table for changed, so that the next restore puts back all of them."""
    for (table,) in connection.execute(TABLES).fetchall():
        connection.execute("select nextval(%s)", [f"interleaving.changed_{table}"])
