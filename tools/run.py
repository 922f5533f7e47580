"""`make run`: a database, brought up to date, and the server over it, until Ctrl-C.

With DATABASE_URL unset the database is a cluster of the project's own in DATA_DIR: made where there is none, stopped
when the server stops, kept for the next time.
"""

from __future__ import annotations

import contextlib
import logging
import signal
import sys
from collections.abc import Iterator
from types import FrameType

import psycopg
from psycopg.conninfo import conninfo_to_dict
from pydantic import ValidationError

import db.settings
from db.apply import ROOT, ApplyError, apply
from pgcalls.hosts import to_primary
from server.operation import lifecycle, logs
from server.settings import Settings, SettingsError, load
from tools.cluster import Cluster, ClusterError

DATABASE = "inventory"

log = logging.getLogger("run")


def main() -> int:
    logs.configure("INFO")
    # SIGTERM ends the set-up like Ctrl-C: what was started is stopped. The server installs handlers of its own.
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        settings = load()
        logs.configure(settings.log_level, settings.log_format)
        with _database(settings) as (conninfo, psql):
            apply(conninfo, role_password=settings.database_role_password if settings.database_url else None)
            _fill(settings, conninfo)
            try:
                served = settings.database_url or conninfo
                return lifecycle.run(settings, served, lambda url: print(_banner(settings, url, psql), flush=True))
            finally:
                # make passes SIGTERM on, so a process group gets it twice: the second must not end the stop half-way.
                signal.signal(signal.SIGTERM, _interrupt)
    except (SettingsError, ValidationError, ClusterError, ApplyError, psycopg.Error) as error:
        log.error("cannot start: %s", error)
        return 1
    except KeyboardInterrupt:
        return 0
    finally:
        # All is stopped: a signal that comes now must not make a failure of it.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


@contextlib.contextmanager
def _database(settings: Settings) -> Iterator[tuple[str, str]]:
    """The database as its superuser, and a line that opens it in psql."""
    if url := db.settings.load().migration_database_url or settings.database_url:
        conninfo = to_primary(url)
        shown = {k: v for k, v in conninfo_to_dict(conninfo).items() if k != "password" and v is not None}
        yield conninfo, f'psql "{" ".join(f"{name}={value}" for name, value in shown.items())}"'
        return
    # The roles log in as the operating system's user, not with a password.
    settings.database_role_password = None
    with Cluster(ROOT / settings.data_dir) as cluster:
        with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
            if connection.execute("select from pg_database where datname = %s", [DATABASE]).fetchone() is None:
                connection.execute(f"create database {DATABASE}")
        yield cluster.dsn(dbname=DATABASE), cluster.psql(dbname=DATABASE)


def _fill(settings: Settings, conninfo: str) -> None:
    """The admin of the settings, and the demo stock, where they are not there yet."""
    with psycopg.connect(conninfo) as connection:
        if settings.admin_username and settings.admin_password:
            try:
                with connection.transaction():
                    connection.execute(
                        "select maintenance.create_user(%s, %s, 'admin')",
                        [settings.admin_username, settings.admin_password],
                    )
            except psycopg.Error as error:
                if error.sqlstate != "IV017":  # DUPLICATE_USERNAME
                    raise
        if settings.demo:
            connection.execute((ROOT / "db" / "demo.sql").read_bytes())


def _banner(settings: Settings, url: str, psql: str) -> str:
    lines = [f"Inventory on {url}", f"  documentation  {url}/docs and {url}/redoc"]
    if settings.admin_username and not settings.is_production:
        lines.append(f"  admin login    {settings.admin_username} / {settings.admin_password}")
    lines += [f"  database       {psql}", "Ctrl-C stops it."]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
