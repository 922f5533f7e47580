"""Other worlds for the same tests: TEST_WORLD=owner, no-cron or pooler. `make test-worlds` runs tests/http in each.

owner: who applies owns the database and has CREATEROLE, as on managed PostgreSQL, and is no superuser.
no-cron: PostgreSQL does not load pg_cron.
pooler: servers reach PostgreSQL through PgBouncer in transaction mode, which tools/poolers.sh fetches.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import os
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from tools.cluster import ROLES

WORLDS = ("plain", "owner", "no-cron", "pooler")
WORLD = os.environ.get("TEST_WORLD") or WORLDS[0]
OWNER = "owner_like_rds"
assert WORLD in WORLDS, f"TEST_WORLD={WORLD}: it is one of {', '.join(WORLDS)}."


def settings() -> dict[str, str]:
    """What the cluster has besides."""
    return {"shared_preload_libraries": ""} if WORLD == "no-cron" else {}


def roles() -> tuple[str, ...]:
    """Who may log in."""
    return (*ROLES, OWNER) if WORLD == "owner" else ROLES


def applier(conninfo: str) -> str:
    """The conninfo of who applies to this database, which has nothing in it."""
    if WORLD != "owner":
        return conninfo
    name = conninfo_to_dict(conninfo)["dbname"]
    with psycopg.connect(conninfo, autocommit=True) as connection:
        if not connection.execute("select from pg_roles where rolname = %s", [OWNER]).rowcount:
            connection.execute(f"create role {OWNER} login createrole")
        connection.execute(sql.SQL(f"alter database {{}} owner to {OWNER}").format(sql.Identifier(str(name))))
    return make_conninfo(conninfo, user=OWNER)


def served(conninfo: str) -> str:
    """The conninfo that servers get for this database."""
    if WORLD != "pooler":
        return conninfo
    from tests.poolers.check_pgbouncer import through

    return through(pgbouncer(str(conninfo_to_dict(conninfo)["host"])), conninfo)


@functools.cache
def pgbouncer(cluster: str) -> Path:
    """The directory of this process's PgBouncer, in front of the cluster with this socket. It ends with the process."""
    from db.source import SERVER_ROLES
    from tests.poolers import check_pgbouncer

    configuration = check_pgbouncer.documented()
    configuration["databases"] = {"*": f"host={cluster}"}
    del configuration["pgbouncer"]["listen_addr"]
    # Each test has a database of its own; and one that refuses log-ins must not be waited for.
    configuration["pgbouncer"].update(
        {"auth_type": "trust", "admin_users": "postgres", "max_client_conn": "2000", "server_login_retry": "0"}
    )
    stack = contextlib.ExitStack()
    atexit.register(stack.close)
    return stack.enter_context(
        check_pgbouncer.pgbouncer("new", configuration, dict.fromkeys((*SERVER_ROLES, "postgres"), ""))
    )
