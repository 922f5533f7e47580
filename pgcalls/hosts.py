"""Which server a connection goes to where DATABASE_URL names several hosts."""

from __future__ import annotations

from typing import Any

from psycopg.conninfo import conninfo_to_dict, make_conninfo

CONNECT_SECONDS = 3  # for each host: one that hangs delays a connection by no more


def to_primary(conninfo: str) -> str:
    """Make a conninfo of several hosts lead to the one that takes writes, and bound the wait for each host.

    ``primary`` and not ``read-write``: the latter refuses sessions whose transactions are read only by default. What
    the conninfo says itself is kept; one of a single host is returned as it is. Raises psycopg.ProgrammingError where
    it cannot be read.
    """
    parameters = conninfo_to_dict(conninfo)
    if not any("," in str(parameters.get(name, "")) for name in ("host", "hostaddr")):
        return conninfo
    defaults: dict[str, Any] = {"target_session_attrs": "primary", "connect_timeout": CONNECT_SECONDS}
    return make_conninfo("", **defaults | parameters)
