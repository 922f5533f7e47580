"""The SQL that brings a database to this code's schema, statement by statement for db/apply.py, or as one file."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator

from psycopg import sql

from db import source
from db.source import APPLY_LOCK, LOGIN_ROLES, OWNER, SCHEMAS, ApplyError, Name, with_prefix

HEADER = """\
-- Brings a database to the schema of this release. It may be empty, or of any earlier release. As a superuser, or as
-- the database's owner with CREATEROLE:
--
--     psql -v ON_ERROR_STOP=1 -1 -f THIS_FILE DATABASE
--
-- It sets no passwords and schedules no jobs. A later `python -m db.apply` finds nothing pending."""

PARTITIONS = """\
-- The ledger's partitions for the coming months.
do $$
begin
    while maintenance.make_partitions() = 1 loop
    end loop;
end;
$$;"""


DROP_HELPERS = """\
do $$
declare
    v_routine regprocedure;
begin
    for v_routine in select p.oid from pg_proc as p where p.pronamespace = pg_my_temp_schema() loop
        execute 'drop routine ' || v_routine;
    end loop;
end;
$$;"""


@dataclasses.dataclass(frozen=True)
class Step:
    """A statement, and the file that it comes from."""

    file: str
    statement: str


def init(prefix: str) -> Iterator[Step]:
    """Yields the set-up, for one transaction: roles, schemas, extensions; then what is done only if the user may."""
    for name in ("init.sql", "db/hardening.sql"):
        yield Step(name, with_prefix((source.ROOT / name).read_text(), prefix))


def replacement(prefix: str) -> Iterator[Step]:
    """Yields the statements that replace all functions and views, for one transaction.

    All grants are revoked before the files grant them again: CREATE OR REPLACE keeps grants that a file has lost.
    """
    yield from _as_owner(prefix, _replacement(prefix))


def _as_owner(prefix: str, steps: Iterable[Step]) -> Iterator[Step]:
    """Yields the steps with db/replace.sql, whose helpers the user creates before becoming the owner, and drops."""
    yield Step("db/replace.sql", (source.ROOT / "db" / "replace.sql").read_text())
    yield Step("", f"set role {with_prefix(OWNER, prefix)};")
    yield from steps
    yield Step("", "reset role;")
    yield Step("", DROP_HELPERS)


def _replacement(prefix: str) -> Iterator[Step]:
    roles = with_prefix(", ".join(LOGIN_ROLES), prefix)
    for schema in SCHEMAS:
        for kind in ("routines", "tables"):
            yield Step("", f"revoke all on all {kind} in schema {schema} from public, {roles};")
    functions, views = source.function_files(), source.view_files()
    yield Step("", f"select pg_temp.begin_replacement({_array(SCHEMAS)}, {_array(map('.'.join, views))});")
    for key, path in functions.items():
        yield _call("replace_routine", key, with_prefix(path.read_text(), prefix), str(path.relative_to(source.ROOT)))
    yield Step("db/functions", f"select pg_temp.finish_routines({_array(map('.'.join, functions))});")
    for key, path in views.items():
        yield _call("replace_view", key, with_prefix(path.read_text(), prefix), str(path.relative_to(source.ROOT)))


def text(prefix: str) -> str:
    """Returns everything as one file, which psql can run, in one transaction."""
    steps = [
        *init(prefix),
        Step("", f"select pg_advisory_xact_lock({APPLY_LOCK});"),
        *_as_owner(prefix, [*_migrations(), *_replacement(prefix), Step("", PARTITIONS)]),
    ]
    # Each statement runs once: JIT would take longer to compile it than PostgreSQL takes to run it.
    pieces = [HEADER, "set jit = off;", *(step.statement.strip("\n") for step in steps)]
    return "\n\n".join(pieces) + "\n"


def _migrations() -> Iterator[Step]:
    yield Step("", (source.ROOT / "db" / "bookkeeping.sql").read_text())
    for name in source.migration_names():
        file = (source.MIGRATIONS / f"{name}.sql").read_text()
        yield Step("", f"select pg_temp.migrate({_literal(name)}, {_quoted(file)});")


def _call(function: str, key: Name, file: str, label: str) -> Step:
    schema, name = map(_literal, key)
    return Step(label, f"select pg_temp.{function}({schema}, {name}, {_quoted(file)});")


def _quoted(file: str) -> str:
    """Returns a file as a literal that is still readable."""
    if "$file$" in file:
        raise ApplyError("A file contains $file$, which quotes files: use another tag.")
    return f"$file$\n{file.rstrip()}\n$file$"


def _literal(value: str) -> str:
    return sql.Literal(value).as_string(None)


def _array(values: object) -> str:
    return f"array[{', '.join(map(_literal, values))}]::text[]"  # type: ignore[call-overload]
