"""Bring a database to this code's schema: roles, migrations, functions, views, jobs.

This is the only way to change a database. It is safe to repeat, and safe to start from several places at once: an
advisory lock makes them take turns. The steps are the same at every run:

1. Run ``init.sql``, which needs a superuser.
2. Apply the pending migrations of ``db/migrations`` as ``inventory_owner``.
3. Replace all functions and views in one transaction. Those that have no file any more, and those whose arguments
   changed, are dropped. The project's roles keep only the grants that the files contain.
4. Create the ledger's partitions for the coming months.
5. Schedule the jobs in pg_cron, if it is running.

    python -m db.apply                                          uses MIGRATION_DATABASE_URL, DATABASE_ROLE_PASSWORD
    python -m db.apply postgresql://superuser@host/database     uses no settings; leaves the roles' passwords alone
"""

from __future__ import annotations

import dataclasses
import hashlib
import logging
import sys
from pathlib import Path
from urllib.parse import urlencode

import psycopg
import yoyo
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from db.settings import load
from pgcalls.hosts import to_primary

ROOT = Path(__file__).resolve().parent.parent
MIGRATIONS = ROOT / "db" / "migrations"
FUNCTIONS = ROOT / "db" / "functions"
VIEWS = ROOT / "db" / "views"
SCHEMAS = ("store", "inventory", "http", "report", "maintenance")
SERVER_ROLES = ("inventory_public", "inventory_operator", "inventory_employee", "inventory_admin", "inventory_worker")
LOGIN_ROLES = (*SERVER_ROLES, "inventory_reporting", "inventory_maintenance")

# Arbitrary numbers. Nothing else may take an advisory lock on them. CRON_LOCK is taken in pg_cron's database, which
# may be the one in which APPLY_LOCK is held.
APPLY_LOCK = 7_236_401_882_113
CRON_LOCK = APPLY_LOCK + 1


@dataclasses.dataclass(frozen=True)
class Job:
    """A job of pg_cron. ``name`` is its key in store.job; ``schedule`` is a cron expression in GMT."""

    name: str
    schedule: str
    command: str


JOBS = (
    Job("expire_blocks", "* * * * *", "call maintenance.run_batches('expire_blocks')"),
    Job("purge_idempotency_keys", "*/5 * * * *", "call maintenance.run_batches('purge_idempotency_keys')"),
    Job("turn_prices", "* * * * *", "call maintenance.run_batches('turn_prices')"),
    Job("purge_webhook_deliveries", "*/5 * * * *", "call maintenance.run_batches('purge_webhook_deliveries')"),
    Job("make_partitions", "53 * * * *", "call maintenance.run_batches('make_partitions')"),
    Job("verify", "23 3 * * *", "call maintenance.run_batches('verify', 3600)"),
)

# pg_cron keeps one row for each run. Delete only those of this project's jobs: other databases share the table.
HISTORY_JOB = "inventory cron history"
PURGE_HISTORY = f"""
delete from cron.job_run_details
where
    end_time < now() - interval '1 day'
    and (
        username = 'inventory_maintenance'
        or jobid in (select jobid from cron.job where jobname = '{HISTORY_JOB}')
    )
"""

log = logging.getLogger("db.apply")


class ApplyError(Exception):
    """The database cannot be brought to this code's schema; the message says why and what to do."""


def migration_names() -> list[str]:
    """Returns the names of all migrations, in the order in which they are applied."""
    return sorted(path.stem for path in MIGRATIONS.glob("*.sql"))


def apply(conninfo: str, *, role_password: str | None = None, jobs: bool = True) -> None:
    """Bring the database that ``conninfo`` names up to date. Its user must be a superuser.

    ``role_password`` is set as the password of the roles that the server logs in as. None leaves their passwords
    unchanged. ``jobs=False`` does not touch pg_cron, for operators who schedule the maintenance procedures themselves.
    The functions are replaced all together or not at all. Raises ApplyError, or psycopg.Error if PostgreSQL refuses a
    statement.
    """
    conninfo = to_primary(conninfo)
    with psycopg.connect(conninfo, autocommit=True) as connection:
        _check_server(connection)
        # Each statement runs once: JIT would take longer to compile it than PostgreSQL takes to run it.
        connection.execute("set jit = off")
        # A session lock: if this process is killed, PostgreSQL releases it.
        connection.execute("select pg_advisory_lock(%s)", [APPLY_LOCK])
        with connection.transaction():
            connection.execute((ROOT / "init.sql").read_bytes())
            if role_password is not None:
                _set_passwords(connection, role_password)
        _migrate(conninfo)
        with connection.transaction():
            _revoke_all(connection)
            connection.execute("set local role inventory_owner")
            _replace_functions(connection)
            _replace_views(connection)
        _make_partitions(connection)
        if jobs:
            _schedule(connection, conninfo)


def _check_server(connection: psycopg.Connection) -> None:
    if connection.info.server_version < 150000:
        raise ApplyError(f"PostgreSQL 15 or later is needed; this is {connection.info.server_version // 10000}.")
    row = connection.execute(
        "select current_setting('is_superuser') = 'on', current_setting('server_encoding') = 'UTF8',"
        " to_regcollation('pg_catalog.\"und-x-icu\"') is not null"
    ).fetchone()
    assert row is not None
    if not row[0]:
        raise ApplyError(f"A superuser must apply the schema, and {connection.info.user} is not one.")
    if not row[1]:
        raise ApplyError("The database's encoding must be UTF8.")
    if not row[2]:
        raise ApplyError("This PostgreSQL has no collation und-x-icu. It must be one that was built with ICU.")


def _set_passwords(connection: psycopg.Connection, password: str) -> None:
    for role in SERVER_ROLES:
        # Hash the password here, so that the plain text appears neither in PostgreSQL's log nor in its statistics.
        secret = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256")
        connection.execute(
            sql.SQL("alter role {} password {}").format(sql.Identifier(role), sql.Literal(secret.decode()))
        )


def _migrate(conninfo: str) -> None:
    parameters = {name: str(value) for name, value in conninfo_to_dict(conninfo).items() if value is not None}
    database = parameters.pop("dbname", parameters.get("user", ""))
    parameters["options"] = f"{parameters.get('options', '')} -c role=inventory_owner".strip()
    parameters["schema"] = "store"
    backend = yoyo.get_backend(f"postgresql+psycopg:///{database}?{urlencode(parameters)}")
    try:
        migrations = yoyo.read_migrations(str(MIGRATIONS))
        pending = backend.to_apply(migrations)
        for migration in pending:
            log.info("migration %s", migration.id)
        backend.apply_migrations_only(pending)
        backend.run_post_apply(migrations)
    finally:
        backend.connection.close()


def _revoke_all(connection: psycopg.Connection) -> None:
    """Revoke all grants before the files grant them again: CREATE OR REPLACE keeps grants that a file has lost."""
    roles = sql.SQL(", ").join(sql.Identifier(role) for role in LOGIN_ROLES)
    for schema in SCHEMAS:
        for kind in ("routines", "tables"):
            connection.execute(
                sql.SQL("revoke all on all {} in schema {} from public, {}").format(
                    sql.SQL(kind), sql.Identifier(schema), roles
                )
            )


def _replace_functions(connection: psycopg.Connection) -> None:
    def existing() -> dict[tuple[str, str], list[tuple[int, str]]]:
        """Maps (schema, name) to [(oid, signature)] for every function and procedure in the project's schemas."""
        found: dict[tuple[str, str], list[tuple[int, str]]] = {}
        for schema, name, oid, signature in connection.execute(
            "select n.nspname, p.proname, p.oid, p.oid::regprocedure::text"
            " from pg_proc as p join pg_namespace as n on p.pronamespace = n.oid where n.nspname = any(%s)",
            [list(SCHEMAS)],
        ):
            found.setdefault((schema, name), []).append((oid, signature))
        return found

    def drop(signature: str, why: str) -> None:
        log.info("dropping %s: %s", signature, why)
        connection.execute(f"drop routine {signature}".encode())

    before = existing()
    files = _files(FUNCTIONS)
    for key, path in _in_order_of_need(files):
        try:
            with connection.transaction():
                connection.execute(path.read_bytes())
        except psycopg.errors.InvalidFunctionDefinition:
            # CREATE OR REPLACE cannot change the result type or the name of an argument.
            _drop_old_views(connection)
            for _, signature in before.pop(key):
                drop(signature, "its definition changed")
            connection.execute(path.read_bytes())
        except psycopg.Error as error:
            raise ApplyError(f"{path.relative_to(ROOT)}: {error}") from error

    # Old views must go before the functions that they call. Not earlier: until the commit, calls wait for these locks.
    _drop_old_views(connection)
    old = {oid for signatures in before.values() for oid, _ in signatures}
    for key, signatures in existing().items():
        if key not in files:
            for _, signature in signatures:
                drop(signature, "it has no file")
        elif len(signatures) > 1:
            if all(oid in old for oid, _ in signatures):
                raise ApplyError(f"{key[0]}.{key[1]} is overloaded by hand: {signatures}. Drop the wrong one.")
            for oid, signature in signatures:
                if oid in old:
                    drop(signature, "its arguments changed")
    missing = files.keys() - existing().keys()
    if missing:
        raise ApplyError(f"These files do not define the function that they are named after: {sorted(missing)}.")


def _files(directory: Path) -> dict[tuple[str, str], Path]:
    """Maps (schema, name) to the file. Raises ApplyError if two files share a name: only one would be applied."""
    files: dict[tuple[str, str], Path] = {}
    for path in sorted(directory.rglob("*.sql")):
        other = files.setdefault((path.relative_to(directory).parts[0], path.stem), path)
        if other is not path:
            raise ApplyError(f"{other.relative_to(ROOT)} and {path.relative_to(ROOT)} define the same name.")
    return files


def _in_order_of_need(files: dict[tuple[str, str], Path]) -> list[tuple[tuple[str, str], Path]]:
    """Sorts the files by name, the clock first: default arguments of other functions call it."""
    first = ("inventory", "clock")
    return sorted(files.items(), key=lambda item: (item[0] != first, item[0]))


def _view_files() -> dict[tuple[str, str], Path]:
    """Sorts the views by name, those of the schema store first: other views select from them."""
    return dict(sorted(_files(VIEWS).items(), key=lambda item: (item[0][0] != "store", item[0])))


def _drop_old_views(connection: psycopg.Connection) -> None:
    files = _view_files()
    for schema, name in connection.execute(
        "select schemaname, viewname from pg_views where schemaname = any(%s)", [list(SCHEMAS)]
    ).fetchall():
        if (schema, name) not in files:
            log.info("dropping view %s.%s: it has no file", schema, name)
            connection.execute(sql.SQL("drop view {}").format(sql.Identifier(schema, name)))


def _replace_views(connection: psycopg.Connection) -> None:
    for key, path in _view_files().items():
        try:
            with connection.transaction():
                connection.execute(path.read_bytes())
        except psycopg.errors.InvalidTableDefinition:
            # CREATE OR REPLACE can only add columns at the end: not drop, rename, retype or reorder them.
            log.info("dropping view %s.%s: its columns changed", *key)
            connection.execute(sql.SQL("drop view {}").format(sql.Identifier(*key)))
            connection.execute(path.read_bytes())
        except psycopg.Error as error:
            raise ApplyError(f"{path.relative_to(ROOT)}: {error}") from error


def _make_partitions(connection: psycopg.Connection) -> None:
    """Create the ledger's coming partitions now: the job may run late, or never where there is no pg_cron."""
    while connection.execute("select maintenance.make_partitions()").fetchone() == (1,):
        pass


def _schedule(connection: psycopg.Connection, conninfo: str) -> None:
    """Schedule JOBS for this database in the database of pg_cron. Logs a warning if pg_cron is not running."""
    row = connection.execute("select current_setting('cron.database_name', true), current_database()").fetchone()
    assert row is not None
    cron_database, database = row
    reason = None
    if not cron_database:
        reason = "pg_cron is not in shared_preload_libraries"
    else:
        try:
            with psycopg.connect(make_conninfo(conninfo, dbname=cron_database), autocommit=True) as cron:
                # Another database's set-up may be at the same step: CREATE EXTENSION IF NOT EXISTS would fail.
                cron.execute("select pg_advisory_lock(%s)", [CRON_LOCK])
                cron.execute("create extension if not exists pg_cron")
                for job in JOBS:
                    cron.execute(
                        "select cron.schedule_in_database(%s, %s, %s, %s, 'inventory_maintenance')",
                        [_job_name(database, job), job.schedule, job.command, database],
                    )
                cron.execute("select cron.schedule(%s, '41 * * * *', %s)", [HISTORY_JOB, PURGE_HISTORY])
        except psycopg.Error as error:
            reason = f"scheduling failed: {error}".strip()
    for job in JOBS:
        connection.execute("select maintenance.record_schedule(%s, %s)", [job.name, reason is None])
    if reason is not None:
        log.warning("pg_cron does not run here (%s): blocks still end on time, but no maintenance job runs.", reason)


def _job_name(database: str, job: Job) -> str:
    """Returns the job's name in pg_cron, at most 63 bytes: a longer one is cut, so that two jobs could share a name."""
    name = f"inventory {database} {job.name}"
    if len(name.encode()) > 63:
        return f"inventory {hashlib.sha256(database.encode()).hexdigest()[:16]} {job.name}"
    return name


def main() -> int:
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
    logging.getLogger("yoyo").setLevel(logging.WARNING)
    try:
        if len(sys.argv) > 1:
            apply(sys.argv[1])
        else:
            settings = load()
            url = settings.migration_database_url or settings.database_url
            if not url:
                raise ApplyError("Name a database: as the argument, or with MIGRATION_DATABASE_URL.")
            apply(url, role_password=settings.database_role_password or None)
    except (ApplyError, ValueError, psycopg.Error) as error:
        log.error("%s", error)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
