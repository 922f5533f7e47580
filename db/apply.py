"""Bring a database to this code's schema: roles, migrations, functions, views, jobs.

This is the only way to change a database. It is safe to repeat, and safe to start from several places at once: an
advisory lock makes them take turns. The steps are the same at every run:

1. Refuse if that would break other people's objects (db/check.py). Nothing is changed then.
2. Run ``init.sql``, as a superuser or as the database's owner with CREATEROLE, and of ``db/hardening.sql`` what that
   user may do.
3. Apply the pending migrations of ``db/migrations`` as ``inventory_owner``.
4. Replace all functions and views in one transaction (db/script.py). Those that have no file any more, and those whose
   arguments changed, are dropped. The project's roles keep only the grants that the files contain.
5. Create the ledger's partitions for the coming months.
6. Record the schedule of the jobs (db/jobs.py), and give them to pg_cron, if it is loaded.

    python -m db.apply                                 uses MIGRATION_DATABASE_URL, DATABASE_ROLE_PASSWORD, ROLE_PREFIX
    python -m db.apply postgresql://owner@host/shop    uses no settings; leaves the roles' passwords alone
    python -m db.apply --help                          shows the other commands
"""

from __future__ import annotations

import argparse
import getpass
import logging
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn
from urllib.parse import urlencode

import psycopg
import yoyo
from psycopg.conninfo import conninfo_to_dict

from db import check, logins, script, source
from db.jobs import JOBS, schedule
from db.settings import load
from db.source import APPLY_LOCK, OWNER, ApplyError, migration_names, with_prefix
from environment import ROLE_PREFIX, check_role_prefix
from pgcalls.hosts import to_primary

log = logging.getLogger("db.apply")

# Set-ups of two databases change the same roles. Unless they are superusers' (see init.sql), one fails. A call that
# reads several views may be in a deadlock with their replacement. What was undone for such a reason is done again.
_DISTURBED = {"23505", "40P01", "42710", "XX000"}
# Calls that go on may be in a deadlock with a migration. Each one is a transaction.
_DEADLOCK = {"40P01"}
_ATTEMPTS = 10


def apply(conninfo: str, *, role_password: str | None = None, jobs: bool = True, prefix: str = ROLE_PREFIX) -> None:
    """Bring the database that ``conninfo`` names up to date, as a superuser or as its owner with CREATEROLE.

    ``role_password`` is set as the password of the roles that the server logs in as. None leaves their passwords
    unchanged. ``jobs=False`` does not touch pg_cron, for operators who schedule the maintenance procedures themselves.
    ``prefix``: what the roles' names begin with. The functions are replaced all together or not at all. Raises
    ApplyError, or psycopg.Error if PostgreSQL refuses a statement.
    """
    conninfo = to_primary(conninfo)
    with psycopg.connect(conninfo, autocommit=True) as connection:
        _refuse_pooler(connection)
        connection.add_notice_handler(_log_notice)
        # Each statement runs once: JIT would take longer to compile it than PostgreSQL takes to run it.
        connection.execute("set jit = off")
        check.refuse(check.refusals(connection, prefix))
        for sentence in check.forecasts(connection):
            log.warning("%s", sentence)
        _repeated(lambda: _init(connection, role_password, prefix))
        # A session lock: if this process is killed, PostgreSQL releases it. init.sql lets the user take it.
        connection.execute("select pg_advisory_lock(%s)", [APPLY_LOCK])
        _repeated(lambda: _migrate(conninfo, prefix), _DEADLOCK)
        _repeated(lambda: _replace(connection, prefix))
        _prepare_ledger(connection)
        _schedule(connection, conninfo, prefix, in_cron=jobs)


def _refuse_pooler(connection: psycopg.Connection) -> None:
    """A pooler gives out process ids of its own. Behind one, neither a session's lock nor its role can be relied on."""
    if connection.execute("select pg_backend_pid()").fetchone() != (connection.info.backend_pid,):
        raise ApplyError(
            "A connection pooler, such as PgBouncer, stands before the database. Name PostgreSQL itself in"
            " MIGRATION_DATABASE_URL: db.apply holds a lock and a role for a whole session."
        )


def _repeated(action: Callable[[], None], reasons: set[str] = _DISTURBED) -> None:
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            action()
        except (ApplyError, psycopg.Error) as error:
            cause = error.__cause__ if isinstance(error, ApplyError) else error
            if attempt == _ATTEMPTS or not isinstance(cause, psycopg.Error) or cause.sqlstate not in reasons:
                raise
        else:
            return


def _init(connection: psycopg.Connection, role_password: str | None, prefix: str) -> None:
    with connection.transaction():
        for step in script.init(prefix):
            _run(connection, step)
        if role_password is not None:
            logins.set_passwords(connection, role_password, prefix)


def _replace(connection: psycopg.Connection, prefix: str) -> None:
    with connection.transaction():
        for step in script.replacement(prefix):
            _run(connection, step)


def _run(connection: psycopg.Connection, step: script.Step) -> None:
    try:
        connection.execute(step.statement.encode())
    except psycopg.Error as error:
        raise ApplyError(f"{step.file}: {error}" if step.file else str(error)) from error


def _log_notice(notice: psycopg.errors.Diagnostic) -> None:
    """Log warnings, and what db/replace.sql says with RAISE INFO."""
    if notice.severity_nonlocalized == "WARNING":
        log.warning("%s", " ".join(filter(None, (notice.message_primary, notice.message_hint))))
    elif notice.severity_nonlocalized == "INFO":
        log.info("%s", notice.message_primary)


def _migrate(conninfo: str, prefix: str = ROLE_PREFIX) -> None:
    parameters = {name: str(value) for name, value in conninfo_to_dict(conninfo).items() if value is not None}
    database = parameters.pop("dbname", parameters.get("user", ""))
    parameters["options"] = f"{parameters.get('options', '')} -c role={with_prefix(OWNER, prefix)}".strip()
    parameters["schema"] = "store"
    backend = yoyo.get_backend(f"postgresql+psycopg:///{database}?{urlencode(parameters)}")
    try:
        migrations = yoyo.read_migrations(str(source.MIGRATIONS))
        pending = backend.to_apply(migrations)
        for migration in pending:
            log.info("migration %s", migration.id)
        backend.apply_migrations_only(pending)
        backend.run_post_apply(migrations)
    finally:
        backend.connection.close()


def _prepare_ledger(connection: psycopg.Connection) -> None:
    """Create the ledger's coming partitions now, for the job may run late. After a restore, let the feed go on."""
    while connection.execute("select maintenance.make_partitions()").fetchone() == (1,):
        pass
    connection.execute("select maintenance.continue_feed()")


def _schedule(connection: psycopg.Connection, conninfo: str, prefix: str, *, in_cron: bool) -> None:
    """Record the schedule of JOBS, and give them to pg_cron. Log what keeps pg_cron from running them."""
    is_in_cron = None
    if in_cron:
        scheduled = schedule(connection, conninfo, prefix)
        is_in_cron = scheduled.is_in_cron
        for obstacle in scheduled.obstacles:
            log.warning("pg_cron cannot run the jobs; the servers run them (RUN_JOBS). %s", obstacle)
        for remark in scheduled.remarks:
            log.info("%s%s", remark, "" if is_in_cron else " The servers run the jobs (RUN_JOBS).")
    for job in JOBS:
        connection.execute(
            "select maintenance.record_schedule(%s, %s, %s, %s)", [job.name, job.every, job.at, is_in_cron]
        )


def main(arguments: Sequence[str] | None = None) -> int:
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
    logging.getLogger("yoyo").setLevel(logging.WARNING)
    given = _parser().parse_args(arguments)
    try:
        return _command(given)
    except (ApplyError, ValueError, psycopg.Error) as error:
        log.error("%s", error)
        return 1


class _Parser(argparse.ArgumentParser):
    """Exits with status 1 for wrong arguments: 2 means that there is something to do."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(1, f"{self.prog}: {message}\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python -m db.apply",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Bring a database to this code's schema, as a superuser or as its owner with CREATEROLE.",
        epilog="""\
commands in place of the database, which may stand behind them:
  status                    print maintenance.status() and the pending migrations
  verify                    print the rows of maintenance.verify(); exit status 2 if there are any
  reporting-login NAME      make a login for reports, with a password from the terminal or standard input""",
    )
    parser.add_argument(
        "words",
        nargs="*",
        metavar="DATABASE",
        help="a URL or conninfo; without it the settings' MIGRATION_DATABASE_URL",
    )
    parser.add_argument(
        "--role-prefix", metavar="PREFIX", help=f"what the roles' names begin with, {ROLE_PREFIX} unless set"
    )
    parser.add_argument("--no-password", action="store_true", help="reporting-login: set no password")
    how = parser.add_mutually_exclusive_group()
    how.add_argument(
        "--print", action="store_true", help="print one SQL file that does the same; no database is needed"
    )
    how.add_argument(
        "--check",
        action="store_true",
        help="print what would change, and change nothing; exit status 2 if anything would",
    )
    return parser


def _command(given: argparse.Namespace) -> int:
    words: list[str] = given.words
    command = words.pop(0) if words[:1] and words[0] in ("status", "verify", "reporting-login") else "apply"
    name = words.pop(0) if command == "reporting-login" and words else ""
    if len(words) > 1 or (command == "reporting-login" and not name):
        _parser().error("wrong number of arguments")
    if command != "apply" and (given.print or given.check):
        _parser().error(f"--print and --check do not go with {command}")
    url, password, prefix = (words[0], None, ROLE_PREFIX) if words else _settings()
    prefix = check_role_prefix(given.role_prefix or prefix)
    if given.print:
        sys.stdout.write(script.text(prefix))
        return 0
    if not url:
        raise ApplyError("Name a database: as the argument, or with MIGRATION_DATABASE_URL.")
    if command == "apply" and not given.check:
        apply(url, role_password=password, prefix=prefix)
        return 0
    with psycopg.connect(to_primary(url), autocommit=True) as connection:
        if command == "status":
            return _status(connection)
        if command == "verify":
            return _print_rows(connection, "select * from maintenance.verify()")
        if command == "reporting-login":
            logins.make_reporting_login(connection, name, None if given.no_password else _read_password(), prefix)
            return 0
        lines = check.changes(connection, prefix).lines()
        print(*lines, sep="\n", end="\n" if lines else "")
        return 2 if lines else 0


def _settings() -> tuple[str, str | None, str]:
    settings = load()
    return (
        settings.migration_database_url or settings.database_url,
        settings.database_role_password or None,
        settings.role_prefix,
    )


def _read_password() -> str:
    password = getpass.getpass("Password: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
    if not password:
        raise ApplyError("The password is empty: type one, or use --no-password.")
    return password


def _status(connection: psycopg.Connection[Any]) -> int:
    _print_rows(connection, "select * from maintenance.status()")
    last = connection.execute("select value from maintenance.status() where name = 'last_migration'").fetchone()
    for migration in migration_names():
        if last is None or last[0] is None or migration > last[0]:
            print(f"pending migration\t{migration}")
    return 0


def _print_rows(connection: psycopg.Connection[Any], query: str) -> int:
    """Print the rows of a query. Returns 2 if there are any, else 0."""
    rows = connection.execute(query.encode()).fetchall()
    for row in rows:
        print(*("" if value is None else value for value in row), sep="\t")
    return 2 if rows else 0


if __name__ == "__main__":
    raise SystemExit(main())
