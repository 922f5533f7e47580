"""Which server a connection goes to: the one that takes writes, also where a proxy or a name stands for several."""

from __future__ import annotations

from typing import Any

from psycopg.conninfo import conninfo_to_dict, make_conninfo

CONNECT_SECONDS = 3  # for each host: one that hangs delays a connection by no more


def to_primary(conninfo: str) -> str:
    """Make a conninfo lead to the server that takes writes, and bound the wait for each of several hosts.

    Also of a single host: behind a proxy, a leader of before may be back as a standby before the proxy knows, and would
    show commits that no other server has. ``primary`` and not ``read-write``: the latter refuses sessions whose
    transactions are read only by default. What the conninfo says itself is kept. Raises psycopg.ProgrammingError where
    it cannot be read.
    """
    parameters = conninfo_to_dict(conninfo)
    defaults: dict[str, Any] = {"target_session_attrs": "primary"}
    if any("," in str(parameters.get(name, "")) for name in ("host", "hostaddr")):
        defaults["connect_timeout"] = CONNECT_SECONDS
    return make_conninfo("", **defaults | parameters)
