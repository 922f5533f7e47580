"""The one class between a handler and the database.

    answer = await caller.call("inventory_operator", function, {"p_id": "7", "p_amount": "5"})

One call is done, or it is not. The server logs in once a role; a role has lanes of a few connections each: for reads,
whose transactions are read only, for writes, and for the few calls that take long. Guaranteed is:

- A call that finds a connection free goes out at once. Short ones that come meanwhile go together when it is free
  again: reads side by side, writes in one call of http.batch, each on a savepoint of its own. None knows of another's
  error.
- A call is sent once. Only where the server says that it undid everything it is sent again, alone.
- A connection that is lost under a call leaves its outcome unknown, and the error says so.
- Nobody waits long: a full queue, or a server that cannot be reached, is an error at once, and one that says nothing
  for longer than a statement may take is given up.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from typing import Any

from psycopg.adapt import PyFormat, Transformer
from psycopg.conninfo import conninfo_to_dict, make_conninfo

import server.lane
from db.hosts import CONNECT_SECONDS, to_primary
from server.catalog import Function
from server.connection import DatabaseError
from server.lane import Call, Lane, OutcomeUnknownError, Size, UnavailableError

__all__ = ["Answer", "Caller", "DatabaseError", "Key", "OutcomeUnknownError", "UnavailableError"]

# The lanes of a role: for reads, for writes, and for the few calls that take long, which nobody else waits behind.
READ, WRITE, LONG = "read", "write", "long"
LONG_SECONDS = 300
LONG_SIZE = 2
READERS = 2  # connections on which reads go side by side; others take over where these are slow


@dataclasses.dataclass(frozen=True)
class Key:
    """An Idempotency-Key: whose it is, and what request it came with."""

    caller: str
    key: str
    request: str


@dataclasses.dataclass(frozen=True)
class Answer:
    """What a function returned, as the JSON text to send on (None: nothing), and whether an earlier call made it."""

    body: bytes | None
    is_replayed: bool = False


class Caller:
    """Calls functions of the schema http for the roles that the server logs in as."""

    def __init__(
        self, conninfo: str, password: str | None, *, pool_size: int, queue_size: int, queue_seconds: float
    ) -> None:
        # The password that comes with it is another role's.
        parameters = conninfo_to_dict(to_primary(conninfo))
        self._parameters = {name: value for name, value in parameters.items() if name != "password"}
        self._password = password
        self._limits = (pool_size, queue_size, queue_seconds)
        self._lanes: dict[tuple[str, str], Lane] = {}

    def lanes(self) -> Mapping[tuple[str, str], Lane]:
        """The lanes in use, by role and name: for the metrics."""
        return self._lanes

    async def call(
        self,
        role: str,
        function: Function,
        arguments: Mapping[str, Any] | bytes,
        key: Key | None = None,
        *,
        lane: str | None = None,
    ) -> Answer:
        """Call the function as the role, once for the key if any.

        ``arguments``: by SQL name, None is left out; or the JSON text of that. ``lane``: LONG for what takes long.

        Raises DatabaseError, UnavailableError, OutcomeUnknownError.
        """
        if not isinstance(arguments, bytes):
            arguments = json.dumps({name: value for name, value in arguments.items() if value is not None}).encode()
        travels = function.travels and lane is None
        item = b""
        if key is None:
            name = lane or (READ if function.is_stable else WRITE)
            statement, parameters = function.statement, [arguments]
            if travels and name == WRITE:
                item = b'{"function":"%b","arguments":%b}' % (function.name.encode(), arguments)
        else:
            name = lane or WRITE
            statement = "select replayed, result, error from http.once($1, $2, $3, $4, $5)"
            parameters = [part.encode() for part in (key.caller, key.key, key.request, function.name)]
            parameters.append(arguments)
            if travels:
                once = json.dumps({"caller": key.caller, "key": key.key, "request": key.request})
                item = b'{"function":"%b","arguments":%b,"once":%b}' % (parameters[3], arguments, once.encode())
        call = Call(statement, parameters, travels=travels, item=item)
        row = await self._lane(role, name).put(call)
        if len(row) == 1:
            return Answer(row[0])
        is_replayed, body, error = row
        if error is not None:
            raise DatabaseError(**json.loads(error), is_replayed=is_replayed == b"t")
        return Answer(body, is_replayed == b"t")

    async def fetch(self, role: str, statement: str, parameters: Sequence[Any] = ()) -> list[str | None]:
        """One row, as text, of a statement that only reads: what the server asks for itself."""
        return await self._execute(role, READ, statement, parameters)

    async def execute(self, role: str, statement: str, parameters: Sequence[Any] = ()) -> list[str | None]:
        """One row, as text, of a statement that writes: what the server does itself. Raises what call raises."""
        return await self._execute(role, WRITE, statement, parameters)

    async def connect(self, role: str) -> None:
        """Open a connection for the role's reads, as long as that takes. Where it fails, the next call says so."""
        await self._lane(role, READ).connect()

    async def close(self) -> None:
        for found in self._lanes.values():
            found.close()

    def _lane(self, role: str, name: str) -> Lane:
        found = self._lanes.get((role, name))
        if found is None:
            parameters = self._parameters | {
                "user": role,
                "password": self._password,
                "connect_timeout": CONNECT_SECONDS,
                # A server that vanishes from the network is noticed, not waited for.
                **{"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 20_000},
                "application_name": "inventory",
                "client_encoding": "utf8",
            }
            size, queue_size, queue_seconds = self._limits
            options = {READ: "-c default_transaction_read_only=on", LONG: f"-c statement_timeout={LONG_SECONDS}s"}
            if name in options:
                parameters["options"] = f"{parameters.get('options', '')} {options[name]}".strip()
            seconds = server.lane.ANSWER_SECONDS
            if name == LONG:
                size, seconds = min(size, LONG_SIZE), seconds + LONG_SECONDS
            found = self._lanes[role, name] = Lane(
                make_conninfo("", **parameters),
                Size(size, queue_size, queue_seconds, seconds),
                is_reading=name == READ,
                eager={READ: min(size, READERS), WRITE: 1, LONG: 0}[name],
            )
        return found

    async def _execute(self, role: str, name: str, statement: str, parameters: Sequence[Any]) -> list[str | None]:
        values = Transformer().dump_sequence(parameters, [PyFormat.TEXT] * len(parameters))
        # What reads for the server itself is short. It travels, so that it never waits behind callers' long searches.
        parameters = [bytes(value) if value is not None else None for value in values]
        call = Call(statement, parameters, travels=name == READ)
        row = await self._lane(role, name).put(call)
        return [value.decode() if value is not None else None for value in row]
