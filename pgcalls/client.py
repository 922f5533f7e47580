"""The queues of a program: one for each role that it logs in as, and each kind of call."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from psycopg.adapt import PyFormat, Transformer
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from pgcalls.hosts import CONNECT_SECONDS, to_primary
from pgcalls.queue import Call, Queue, Row, Size

READ, WRITE, SLOW, LONG = "read", "write", "slow", "long"
"""The kinds of calls: reads, in transactions that are read only; writes; calls that are slow on purpose, such as checks
of passwords; calls that take minutes. The last two have few connections of their own: no other call waits for them."""

LONG_SECONDS = 300
SETTINGS = {READ: {"default_transaction_read_only": "on"}, LONG: {"statement_timeout": f"{LONG_SECONDS}s"}}
FEW_CONNECTIONS = 2  # for SLOW and for LONG
READERS = 2  # connections on which reads go side by side; others take over where these are slow
ANSWER_SECONDS = 15.0  # for an answer: a statement ends sooner, so more is a dead network or a frozen server
LIFE_SECONDS = 3600.0
KEEPALIVE = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 20_000}


@dataclasses.dataclass(frozen=True)
class Limits:
    """The bounds of each queue: connections, calls that wait, and for how many seconds they may."""

    connections: int
    calls: int
    wait_seconds: float


class Client:
    """Calls over the database that ``conninfo`` names.

    ``password``: of all roles; one that stands in ``conninfo`` is another role's and is not used. ``batch``: the
    statement of Queue for the groups of a queue that writes. ``name``: what PostgreSQL shows as application_name.
    """

    def __init__(self, conninfo: str, password: str | None, limits: Limits, *, batch: str, name: str) -> None:
        parameters = conninfo_to_dict(to_primary(conninfo))
        self._parameters = {key: value for key, value in parameters.items() if key != "password"} | {
            "password": password,
            "connect_timeout": CONNECT_SECONDS,
            "application_name": name,
            "client_encoding": "utf8",
            **KEEPALIVE,
        }
        self._limits = limits
        self._batch = batch
        self._queues: dict[tuple[str, str], Queue] = {}

    def queues(self) -> Mapping[tuple[str, str], Queue]:
        """The queues in use, by role and kind: for metrics."""
        return self._queues

    def queue(self, role: str, kind: str) -> Queue:
        """The role's queue for calls of this kind. Its connections are opened as calls need them."""
        found = self._queues.get((role, kind))
        if found is None:
            found = self._queues[role, kind] = self._new_queue(role, kind)
        return found

    def _new_queue(self, role: str, kind: str) -> Queue:
        parameters = self._parameters | {"user": role}
        connections, seconds = self._limits.connections, ANSWER_SECONDS
        if kind in (SLOW, LONG):
            connections = min(connections, FEW_CONNECTIONS)
        if kind == LONG:
            seconds += LONG_SECONDS
        return Queue(
            f"{role}/{kind}",
            make_conninfo("", **parameters),
            Size(connections, self._limits.calls, self._limits.wait_seconds, seconds, LIFE_SECONDS),
            batch=None if kind == READ else self._batch,
            eager={READ: min(connections, READERS), WRITE: 1}.get(kind, 0),
            settings=SETTINGS.get(kind, {}),
        )

    async def fetch(self, role: str, statement: str, parameters: Sequence[Any] = ()) -> list[str | None]:
        """One row, as text, of a short statement that only reads. It waits behind no single call. Raises CallError."""
        return await self._row(role, READ, statement, parameters)

    async def execute(self, role: str, statement: str, parameters: Sequence[Any] = ()) -> list[str | None]:
        """One row, as text, of a statement that writes. Raises CallError."""
        return await self._row(role, WRITE, statement, parameters)

    async def long(self, role: str, statement: str, parameters: Sequence[Any] = ()) -> list[str | None]:
        """One row, as text, of a statement that may take minutes. No short call waits for it. Raises CallError."""
        return await self._row(role, LONG, statement, parameters)

    async def connect(self, role: str) -> None:
        """Open a connection for the role's reads, as long as that takes. Where it fails, the next call says so."""
        await self.queue(role, READ).connect()

    async def close(self) -> None:
        for found in self._queues.values():
            found.close()

    async def _row(self, role: str, kind: str, statement: str, parameters: Sequence[Any]) -> list[str | None]:
        values = Transformer().dump_sequence(parameters, [PyFormat.TEXT] * len(parameters))
        texts = [bytes(value) if value is not None else None for value in values]
        row: Row = await self.queue(role, kind).put(Call(statement, texts, is_batchable=kind == READ))
        return [value.decode() if value is not None else None for value in row]
