"""The calls of the database's functions: one endpoint, one call.

    answer = await database.call("inventory_operator", function, {"p_id": "7", "p_amount": "5"})

A call is done, or it is not, or the error says that nobody knows. What stands behind that is in pgcalls/README.md.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import time
from collections.abc import Mapping
from typing import Any

from pgcalls import LONG, READ, WRITE, Call, Client, DatabaseError, Limits, OutcomeUnknownError
from pgcalls.client import ANSWER_SECONDS, LONG_SECONDS
from pgcalls.queue import Queue, Row
from server import traces
from server.database import passwords
from server.database.interface import Function

BATCH = "select number, replayed, result, error from http.batch($1)"
ONCE = "select replayed, result, error from http.once($1, $2, $3, $4, $5)"
# The last line of defence: more than the sum of all bounds below it.
DEADLINE_SECONDS = 3 * ANSWER_SECONDS
SWEEP_SECONDS = 1.0  # between looks for calls whose deadline has passed


@dataclasses.dataclass(frozen=True)
class Key:
    """An Idempotency-Key: its owner, and the hash of its request."""

    caller: str
    key: str
    request: str


@dataclasses.dataclass(frozen=True)
class Answer:
    """What a function returned, as the JSON text to send on (None: nothing), and whether an earlier call made it.

    ``tag``: of the product that a tagged function has read. ``position``: of the log of the database, which all that
    the answer shows is at or before; see standbys.py.
    """

    body: bytes | None
    is_replayed: bool = False
    tag: str | None = None
    position: str | None = None


class Database(Client):
    """Calls functions of the schema http for the roles that the server logs in as.

    Roles are named inventory_… here as everywhere in the server. ``role_prefix`` takes that word's place at log-in.
    """

    def __init__(self, conninfo: str, password: str | None, limits: Limits, *, role_prefix: str = "inventory") -> None:
        super().__init__(conninfo, password, limits, batch=BATCH, name="inventory")
        self._role_prefix = role_prefix
        self._seconds = limits.wait_seconds + DEADLINE_SECONDS
        self._ends: dict[asyncio.Future[Row], float] = {}  # of the calls under way
        self._sweep: asyncio.TimerHandle | None = None

    def _new_queue(self, role: str, kind: str) -> Queue:
        return super()._new_queue(self._role_prefix + role.removeprefix("inventory"), kind)

    async def call(
        self,
        role: str,
        function: Function,
        arguments: Mapping[str, Any] | bytes,
        key: Key | None = None,
        *,
        kind: str | None = None,
        is_alone: bool = False,
    ) -> Answer:
        """Call the function as the role, once for the key if any.

        ``arguments``: by SQL name, None is left out; or the JSON text of that. ``kind``: SLOW or LONG, where it is of
        that kind. ``is_alone``: it cannot be a line of a batch.

        Raises DatabaseError, UnavailableError, OutcomeUnknownError.
        """
        if not isinstance(arguments, bytes):
            arguments = json.dumps({name: value for name, value in arguments.items() if value is not None}).encode()
        is_batchable = function.is_batchable and kind is None and not is_alone
        if kind is None:
            kind = READ if function.is_stable and key is None else WRITE
        item = b""
        if key is None:
            statement, parameters = function.statement, [arguments]
            if is_batchable and kind == WRITE:
                item = b'{"function":"%b","arguments":%b}' % (function.name.encode(), arguments)
        else:
            statement = ONCE
            parameters = [part.encode() for part in (key.caller, key.key, key.request, function.name)]
            parameters.append(arguments)
            if is_batchable:
                once = json.dumps({"caller": key.caller, "key": key.key, "request": key.request}).encode()
                item = b'{"function":"%b","arguments":%b,"once":%b}' % (parameters[3], arguments, once)
        call = Call(statement, parameters, is_batchable=is_batchable, item=item)
        if traces.tracer() is not None:
            attributes = {
                "db.system.name": "postgresql",
                "db.operation.name": function.name,
                "role": role,
                "queue": kind,
            }
            with traces.span(f"http.{function.name}", "CLIENT", attributes) as span:
                answer = await self._answer(call, role, kind, is_tagged=function.is_tagged)
                span.set_attribute("queue.attempts", call.attempt)
                return answer
        return await self._answer(call, role, kind, is_tagged=function.is_tagged)

    async def sealed(self, password: str) -> str:
        """The password as a function takes it, and as a log of statements may have it. Raises CallError."""
        key_id, key = await self.execute("inventory_public", passwords.KEY)
        assert key_id is not None
        assert key is not None
        return passwords.seal(password, key_id, key)

    async def _answer(self, call: Call, role: str, kind: str, *, is_tagged: bool) -> Answer:
        future = self.queue(role, kind).put(call)
        self._ends[future] = time.monotonic() + self._seconds + (LONG_SECONDS if kind == LONG else 0)
        if self._sweep is None:
            self._sweep = future.get_loop().call_later(SWEEP_SECONDS, self._give_up)
        try:
            row = await future
        finally:
            del self._ends[future]
        if len(row) == 1:
            return Answer(row[0])
        if is_tagged:
            body, tag = row
            return Answer(body, tag=tag.decode() if tag else None)
        is_replayed, body, *error = row
        if error and error[0] is not None:
            raise DatabaseError(**json.loads(error[0]), is_replayed=is_replayed == b"t")
        return Answer(body, is_replayed == b"t")

    def _give_up(self) -> None:
        """Answer the calls whose deadline has passed. One timer for all: one for each call would be 2 % of a read."""
        now = time.monotonic()
        for future in [future for future, ends in self._ends.items() if ends <= now and not future.done()]:
            future.set_exception(OutcomeUnknownError("The call did not end in time."))
        self._sweep = None
        if self._ends:
            self._sweep = asyncio.get_running_loop().call_later(SWEEP_SECONDS, self._give_up)
