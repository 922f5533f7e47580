"""Write what the tests of the schema compare with: ``python -m tests.sql.dump``, then look at the difference.

- ``schema.sql``: the tables, constraints, indexes, domains and their comments, as the migrations make them;
- ``privileges.txt``: what each role may do, inherited grants included: role, kind, name, privileges;
- ``db/columns.txt``: the columns of each view with their types, by which db/check.py knows what a release would break;
- ``migrations.sha256``: the checksum of each migration. A line for a new one is added; no line ever changes, for a
  migration that somebody has applied is never applied again.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import psycopg

from db.check import view_shapes
from db.source import MIGRATIONS, ROOT, SCHEMAS
from environment import ROLE_PREFIX
from tools.cluster import Cluster
from tools.scratch import scratch_cluster

HERE = Path(__file__).resolve().parent
SCHEMA = HERE / "schema.sql"
PRIVILEGES = HERE / "privileges.txt"
CHECKSUMS = HERE / "migrations.sha256"
COLUMNS = ROOT / "db" / "columns.txt"
COMMAND = "python -m tests.sql.dump"

# Functions and views have files of their own and are replaced as a whole.
_OF_THE_SCHEMA = re.compile(r"^\d+; \d+ \d+ ((COMMENT|ACL) )?(\S+ )*?(store|DOMAIN|TYPE) ")
_YOYO = re.compile(r" _?yoyo_")
# The ledger's months depend on the day.
_MONTH = re.compile(r" movement_\d{4}_\d{2}")
# PostgreSQL 15 writes ALTER TABLE here, and 18 the names of NOT NULL constraints.
_OWNER = re.compile(r"^ALTER (VIEW|SEQUENCE)(?= \S+ OWNER TO )")
_NOISE = re.compile(r"(--|SET |SELECT pg_catalog\.set_config|\\(un)?restrict )")


def schema(cluster: Cluster, database: str) -> str:
    """The database's tables and types as pg_dump writes them, without what varies, yoyo's own, and the months."""
    with tempfile.TemporaryDirectory() as directory:
        archive, kept = Path(directory, "archive"), Path(directory, "kept")
        schemas = [f"--schema={name}" for name in SCHEMAS]
        options = ["--format=custom", "--schema-only", f"--file={archive}", *schemas]
        _run(cluster, "pg_dump", *options, cluster.dsn(dbname=database))
        entries = _run(cluster, "pg_restore", "--list", archive).splitlines()
        left_out = (_YOYO, _MONTH)
        ours = (line for line in entries if _OF_THE_SCHEMA.match(line) and not any(p.search(line) for p in left_out))
        kept.write_text("\n".join(ours))
        return _quiet(_run(cluster, "pg_restore", f"--use-list={kept}", "--file=-", archive))


def definitions(cluster: Cluster, database: str) -> str:
    """Everything that is defined in the database, functions and yoyo's tables too."""
    return _quiet(_run(cluster, "pg_dump", "--schema-only", cluster.dsn(dbname=database)))


def _quiet(text: str) -> str:
    kept = "\n".join(_OWNER.sub("ALTER TABLE", line) for line in text.splitlines() if not _NOISE.match(line))
    kept = re.sub(r"CONSTRAINT \w+ NOT NULL", "NOT NULL", kept)
    return re.sub(r"\n{2,}", "\n\n", kept).strip() + "\n"


def _run(cluster: Cluster, program: str, *arguments: str | Path) -> str:
    command = [cluster.binaries / program, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def privileges(connection: psycopg.Connection[Any], prefix: str = ROLE_PREFIX) -> str:
    """What each of the project's roles that can log in may do in the database."""
    rows = connection.execute(
        """
        with object (role, kind, name, privilege, has) as (
            select
                r.rolname, 'database', '(this)', a.privilege, has_database_privilege(r.oid, d.oid, a.privilege)
            from
                pg_roles as r,
                pg_database as d,
                unnest('{connect,create,temporary}'::text[]) as a (privilege)
            where d.datname = current_database()
            union all
            select r.rolname, 'schema', n.nspname, a.privilege, has_schema_privilege(r.oid, n.oid, a.privilege)
            from pg_roles as r, pg_namespace as n, unnest('{usage,create}'::text[]) as a (privilege)
            where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
            union all
            select
                r.rolname,
                case p.prokind when 'p' then 'procedure' else 'function' end,
                p.pronamespace::regnamespace || '.' || p.proname,
                'execute',
                has_function_privilege(r.oid, p.oid, 'execute')
            from pg_roles as r, pg_proc as p
            where p.pronamespace = any(%(schemas)s::regnamespace[])
            union all
            select
                r.rolname,
                case c.relkind when 'v' then 'view' else 'table' end,
                c.oid::regclass::text,
                a.privilege,
                has_table_privilege(r.oid, c.oid, a.privilege) or (
                    a.privilege in ('select', 'insert', 'update', 'references')
                    and has_any_column_privilege(r.oid, c.oid, a.privilege)
                )
            from
                pg_roles as r,
                pg_class as c,
                unnest('{select,insert,update,delete,truncate,references,trigger}'::text[]) as a (privilege)
            where c.relnamespace = any(%(schemas)s::regnamespace[]) and c.relkind in ('r', 'v', 'm', 'p', 'f')
            union all
            select
                r.rolname, 'sequence', c.oid::regclass::text, a.privilege,
                has_sequence_privilege(r.oid, c.oid, a.privilege)
            from pg_roles as r, pg_class as c, unnest('{usage,select,update}'::text[]) as a (privilege)
            where c.relnamespace = any(%(schemas)s::regnamespace[]) and c.relkind = 'S'
            union all
            select r.rolname, 'type', t.oid::regtype::text, 'usage', has_type_privilege(r.oid, t.oid, 'usage')
            from pg_roles as r, pg_type as t left join pg_class as c on t.typrelid = c.oid
            where t.typnamespace = any(%(schemas)s::regnamespace[]) and t.typcategory <> 'A'
                and coalesce(c.relkind, 'c') = 'c' -- a table's row type has no privileges of its own
        )

        select o.role, o.kind, o.name, string_agg(o.privilege, ', ' order by o.privilege)
        from object as o
        where o.has and starts_with(o.role, %(prefix)s || '_') and o.role <> %(prefix)s || '_owner'
        group by o.role, o.kind, o.name
        order by o.role collate "C", o.kind collate "C", o.name collate "C"
        """,
        {"schemas": list(SCHEMAS), "prefix": prefix},
    )
    return "".join("  ".join(row) + "\n" for row in rows)


def columns(connection: psycopg.Connection[Any]) -> str:
    """Each column of each view, in order, with its type."""
    shapes = view_shapes(connection)
    return "".join(f"{schema}.{name} {column}\n" for (schema, name), found in shapes.items() for column in found)


def checksums() -> dict[str, str]:
    """The checksum of each migration, by its file's name."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(MIGRATIONS.iterdir())}


def committed_checksums() -> dict[str, str]:
    """The same as CHECKSUMS has it, which `sha256sum --check` reads too."""
    lines = CHECKSUMS.read_text().splitlines() if CHECKSUMS.exists() else []
    return {name: checksum for checksum, name in (line.split("  ", 1) for line in lines)}


def main() -> None:
    """Make a database and write the four files."""
    with scratch_cluster() as cluster, psycopg.connect(cluster.dsn()) as connection:
        SCHEMA.write_text(schema(cluster, connection.info.dbname))
        PRIVILEGES.write_text(privileges(connection))
        COLUMNS.write_text(columns(connection))
    lines = (f"{checksum}  {name}\n" for name, checksum in sorted((checksums() | committed_checksums()).items()))
    CHECKSUMS.write_text("".join(lines))


if __name__ == "__main__":
    main()
