"""`make run`: bring a database up to date and serve it until Ctrl-C.

If DATABASE_URL is not set, the database is a cluster of this project in DATA_DIR. It is created if it does not exist,
stopped together with the server, and kept for the next run.
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
from db.apply import apply
from db.source import ROOT, ApplyError, with_prefix
from pgcalls.hosts import to_primary
from server.operation import lifecycle, logs
from server.settings import Settings, SettingsError, load
from tools.cluster import ROLES, Cluster, ClusterError
from tools.user import sealed_for

DATABASE = "inventory"

log = logging.getLogger("run")


def main() -> int:
    logs.configure("INFO")
    # During the set-up, SIGTERM works like Ctrl-C and stops what was started. The server installs its own handlers.
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        settings = load()
        logs.configure(settings.log_level, settings.log_format)
        with _database(settings) as (conninfo, psql):
            apply(conninfo, role_password=settings.database_role_password, prefix=settings.role_prefix)
            fill(settings, conninfo)
            try:
                served = settings.database_url or conninfo
                return lifecycle.run(settings, served, lambda url: print(_banner(settings, url, psql), flush=True))
            finally:
                # make forwards SIGTERM, so a process group gets it twice. The second must not interrupt the shutdown.
                signal.signal(signal.SIGTERM, _interrupt)
    except (SettingsError, ValidationError, ClusterError, ApplyError, psycopg.Error) as error:
        log.error("cannot start: %s", error)
        return 1
    except KeyboardInterrupt:
        return 0
    finally:
        # Everything is stopped: a signal that arrives now must not change the exit status.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


@contextlib.contextmanager
def _database(settings: Settings) -> Iterator[tuple[str, str]]:
    """Yields the conninfo of the database's superuser, and a command line that opens the database in psql."""
    if url := db.settings.load().migration_database_url or settings.database_url:
        conninfo = to_primary(url)
        shown = {k: v for k, v in conninfo_to_dict(conninfo).items() if k != "password" and v is not None}
        yield conninfo, f'psql "{" ".join(f"{name}={value}" for name, value in shown.items())}"'
        return
    # The cluster authenticates by the operating system's user ("peer"), not by password.
    settings.database_role_password = None
    roles = [with_prefix(role, settings.role_prefix) for role in ROLES]
    with Cluster(ROOT / settings.data_dir, roles=roles) as cluster:
        with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
            if connection.execute("select from pg_database where datname = %s", [DATABASE]).fetchone() is None:
                connection.execute(f"create database {DATABASE}")
        yield cluster.dsn(dbname=DATABASE), cluster.psql(dbname=DATABASE)


def fill(settings: Settings, conninfo: str) -> None:
    """Create the admin that the settings name, and the demo stock, if they do not exist yet."""
    with psycopg.connect(conninfo) as connection:
        if settings.admin_username and settings.admin_password:
            try:
                with connection.transaction():
                    connection.execute(
                        "select maintenance.create_user(%s, %s, 'admin')",
                        [settings.admin_username, sealed_for(connection, settings.admin_password)],
                    )
            except psycopg.Error as error:
                if error.sqlstate != "IV017":  # DUPLICATE_USERNAME
                    raise
        if settings.demo:
            connection.execute((ROOT / "db" / "demo.sql").read_bytes())


def _banner(settings: Settings, url: str, psql: str) -> str:
    lines = [f"Inventory on {url}"]
    if settings.board:
        lines.append(f"  board          {url}/board")
    lines.append(f"  documentation  {url}/docs and {url}/redoc")
    if settings.admin_username and not settings.is_production:
        lines.append(f"  admin login    {settings.admin_username} / {settings.admin_password}")
    lines += [f"  database       {psql}", "Ctrl-C stops it."]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
