"""The one class between a handler and the database.

    answer = await caller.call("inventory_operator", function, {"p_id": "7", "p_amount": "5"})

One call is one statement in autocommit mode: it is done, or it is not. The server logs in once a role; a role has
lanes of a few connections each: for reads, whose transactions are read only, for writes, and for the few calls that
take long. Guaranteed is:

- A statement is sent once. Only 40001 and 40P01, with which the server says that it undid everything, are tried again.
- A connection that is lost under a statement leaves its outcome unknown, and the error says so.
- Nobody waits long: a full queue, or a server that cannot be reached, is an error at once, and one that says nothing
  for longer than a statement may take is given up.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
import dataclasses
import json
import logging
import os
import random
import select
import socket
import time
from collections.abc import AsyncIterator, Mapping
from decimal import Decimal
from typing import Any

import psycopg
from psycopg.abc import Buffer
from psycopg.adapt import Loader
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from server.catalog import Function

# Its own: who seeds the shared one does not make servers act in step.
_JITTER = random.SystemRandom()

log = logging.getLogger("server.caller")

RETRIES = 4
# The lanes of a role: for reads, for writes, and for the few calls that take long, which nobody else waits behind.
READ, WRITE, LONG = "read", "write", "long"
LONG_SECONDS = 300
LONG_SIZE = 2
# For an answer. The roles' statement_timeout is 10 s; more is a network that has died, or a server that is frozen.
ANSWER_SECONDS = 15.0
CONNECT_SECONDS = 3
BACKOFF_FIRST, BACKOFF_LAST = 0.05, 2.0


class DatabaseError(Exception):
    """The database refused the call and changed nothing: its SQLSTATE, message, DETAIL, HINT and constraint.

    ``at``: when, of a call with an Idempotency-Key. ``is_replayed``: it had refused the first call with that key, and
    says so again.
    """

    def __init__(  # noqa: PLR0917 - as they stand in the database's answer
        self,
        sqlstate: str,
        message: str,
        detail: str | None = None,
        hint: str | None = None,
        constraint: str | None = None,
        at: str | None = None,
        *,
        is_replayed: bool = False,
    ) -> None:
        super().__init__(message)
        self.is_replayed = is_replayed
        self.sqlstate = sqlstate
        self.message = message
        self.detail = detail
        self.hint = hint
        self.constraint = constraint
        self.at = at

    @property
    def data(self) -> dict[str, Any]:
        """The DETAIL of a business error, which is JSON, numbers exact; empty where there is none."""
        try:
            data = json.loads(self.detail or "{}", parse_float=Decimal)
        except ValueError:
            return {}
        return data if isinstance(data, dict) else {}


class UnavailableError(Exception):
    """The call was not made: the database cannot be reached, or too many wait for it."""


class OutcomeUnknownError(Exception):
    """The connection was lost under the call: it may have been done, or not."""


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


class _Bytes(Loader):
    """JSON stays the text that the database wrote: parsing it would make floats of its numbers."""

    def load(self, data: Buffer) -> bytes:
        return bytes(data)


class _Lane:
    """A few connections of one role, and a queue of bounded length and time for them."""

    def __init__(self, conninfo: str, size: int, queue_size: int, queue_seconds: float) -> None:
        self._conninfo = conninfo
        self._size = size
        self._queue_size = queue_size
        self._queue_seconds = queue_seconds
        self._idle: list[psycopg.AsyncConnection[Any]] = []
        self._open = 0
        self._waiting: collections.deque[asyncio.Future[psycopg.AsyncConnection[Any] | None]] = collections.deque()
        self._backoff = 0.0
        self._down_until = 0.0
        self._closed = False

    @property
    def open(self) -> int:
        return self._open

    @property
    def _is_backing_off(self) -> bool:
        return time.monotonic() < self._down_until

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    @contextlib.asynccontextmanager
    async def connection(self) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
        """A connection for one statement. Raises UnavailableError."""
        connection = await self._acquire()
        try:
            yield connection
        finally:
            await self._release(connection)

    async def close(self) -> None:
        self._closed = True
        while self._idle:
            await self._discard(self._idle.pop())

    async def _acquire(self) -> psycopg.AsyncConnection[Any]:
        while True:
            while self._idle:
                connection = self._idle.pop()
                if _is_alive(connection):
                    return connection
                await self._discard(connection)
            if self._open < self._size and not (self._open and self._is_backing_off):
                return await self._connect()
            # Handed over by _release; None: a place is free to connect anew.
            handed_over = await self._wait()
            if handed_over is not None:
                return handed_over

    async def _connect(self) -> psycopg.AsyncConnection[Any]:
        if self._is_backing_off:
            self._wake(None)
            raise UnavailableError("The database cannot be reached.")
        self._open += 1
        try:
            connection = await psycopg.AsyncConnection.connect(
                self._conninfo, autocommit=True, cursor_factory=psycopg.AsyncRawCursor
            )
        except BaseException as error:
            self._open -= 1
            self._wake(None)
            if not isinstance(error, psycopg.Error):
                raise
            # The callers of the next moment are told at once; the first one after it tries again.
            self._backoff = min(max(self._backoff * 2, BACKOFF_FIRST), BACKOFF_LAST)
            self._down_until = time.monotonic() + self._backoff * _JITTER.uniform(0.5, 1)
            log.warning("cannot connect: %s", str(error).splitlines()[0] if str(error) else error)
            raise UnavailableError("The database cannot be reached.") from error
        self._backoff = 0.0
        connection.adapters.register_loader("json", _Bytes)
        return connection

    async def _wait(self) -> psycopg.AsyncConnection[Any] | None:
        if len(self._waiting) >= self._queue_size:
            raise UnavailableError("Too many calls wait for the database.")
        future = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        try:
            async with asyncio.timeout(self._queue_seconds):
                return await asyncio.shield(future)
        except BaseException as error:
            if future.done() and not future.cancelled():
                # Handed over in the very moment in which we gave up: pass it on.
                connection = future.result()
                if connection is not None:
                    await self._release(connection)
                else:
                    self._wake(None)
            else:
                future.cancel()
            if isinstance(error, TimeoutError):
                raise UnavailableError("The call waited too long for the database.") from None
            raise
        finally:
            with contextlib.suppress(ValueError):
                self._waiting.remove(future)

    async def _release(self, connection: psycopg.AsyncConnection[Any]) -> None:
        if connection.closed or self._closed or connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
            await self._discard(connection)
            self._wake(None)
        elif not self._wake(connection):
            self._idle.append(connection)

    async def _discard(self, connection: psycopg.AsyncConnection[Any]) -> None:
        self._open -= 1
        with contextlib.suppress(psycopg.Error):
            await connection.close()

    def _wake(self, connection: psycopg.AsyncConnection[Any] | None) -> bool:
        while self._waiting:
            future = self._waiting.popleft()
            if not future.done():
                future.set_result(connection)
                return True
        return False


def _sever(connection: psycopg.AsyncConnection[Any]) -> None:
    """End a connection whose server says nothing: who waits for its answer finds it lost."""
    log.warning("no answer from the database in time")
    with contextlib.suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(connection.fileno())) as copy:
        copy.shutdown(socket.SHUT_RDWR)


def _is_alive(connection: psycopg.AsyncConnection[Any]) -> bool:
    """Whether an idle connection still stands: a server that has closed it left something to read."""
    if connection.closed:
        return False
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN | select.POLLHUP | select.POLLERR)
    return not poll.poll(0)


class Caller:
    """Calls functions of the schema http for the roles that the server logs in as."""

    def __init__(
        self, conninfo: str, password: str | None, *, pool_size: int, queue_size: int, queue_seconds: float
    ) -> None:
        # The password that comes with it is another role's.
        self._parameters = {name: value for name, value in conninfo_to_dict(conninfo).items() if name != "password"}
        self._password = password
        self._limits = (pool_size, queue_size, queue_seconds)
        self._lanes: dict[tuple[str, str], _Lane] = {}

    def lanes(self) -> Mapping[tuple[str, str], _Lane]:
        """The lanes in use, by role and name: for the metrics."""
        return self._lanes

    async def call(
        self,
        role: str,
        function: Function,
        arguments: Mapping[str, Any] | str,
        key: Key | None = None,
        *,
        lane: str | None = None,
    ) -> Answer:
        """Call the function as the role, once for the key if any.

        ``arguments``: by SQL name, None is left out; or the JSON text of that. ``lane``: LONG for what takes long.

        Raises DatabaseError, UnavailableError, OutcomeUnknownError.
        """
        if isinstance(arguments, str):
            text = arguments
        else:
            text = json.dumps({name: value for name, value in arguments.items() if value is not None})
        if key is None:
            lane = lane or (READ if function.is_stable else WRITE)
            (body,) = await self._execute(role, lane, function.statement, [text])
            return Answer(body)
        is_replayed, body, error = await self._execute(
            role,
            lane or WRITE,
            "select replayed, result, error from http.once($1, $2, $3, $4, $5)",
            [key.caller, key.key, key.request, function.name, text],
        )
        if error is not None:
            raise DatabaseError(**error, is_replayed=is_replayed)
        return Answer(body, is_replayed)

    async def fetch(self, role: str, statement: str, parameters: list[Any]) -> tuple[Any, ...]:
        """One row of a statement that only reads: what the server asks for itself."""
        return await self._execute(role, READ, statement, parameters)

    async def execute(self, role: str, statement: str, parameters: list[Any]) -> tuple[Any, ...]:
        """One row of a statement that writes: what the server does itself. Raises what call raises."""
        return await self._execute(role, WRITE, statement, parameters)

    async def close(self) -> None:
        for lane in self._lanes.values():
            await lane.close()

    def _lane(self, role: str, name: str) -> _Lane:
        lane = self._lanes.get((role, name))
        if lane is None:
            parameters = self._parameters | {
                "user": role,
                "password": self._password,
                "connect_timeout": CONNECT_SECONDS,
                # A server that vanishes from the network is noticed, not waited for.
                **{"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 20_000},
                "application_name": "inventory",
            }
            size, queue_size, queue_seconds = self._limits
            options = {READ: "-c default_transaction_read_only=on", LONG: f"-c statement_timeout={LONG_SECONDS}s"}
            if name in options:
                parameters["options"] = f"{parameters.get('options', '')} {options[name]}".strip()
            if name == LONG:
                size = min(size, LONG_SIZE)
            lane = _Lane(make_conninfo("", **parameters), size, queue_size, queue_seconds)
            self._lanes[role, name] = lane
        return lane

    async def _execute(self, role: str, name: str, statement: str, parameters: list[Any]) -> tuple[Any, ...]:
        lane = self._lane(role, name)
        for attempt in range(1, RETRIES + 1):
            async with lane.connection() as connection:
                try:
                    seconds = ANSWER_SECONDS + (LONG_SECONDS if name == LONG else 0)
                    deadline = asyncio.get_running_loop().call_later(seconds, _sever, connection)
                    try:
                        cursor = await connection.execute(statement.encode(), parameters, prepare=True)
                    finally:
                        deadline.cancel()
                    row = await cursor.fetchone()
                    assert row is not None
                    return tuple(row)
                except psycopg.Error as error:
                    if (
                        error.sqlstate is None
                        or connection.closed
                        or connection.info.status != psycopg.pq.ConnStatus.OK
                    ):
                        log.warning("connection lost under a statement: %s", str(error).partition("\n")[0])
                        if name == READ:
                            raise UnavailableError("The connection to the database was lost.") from error
                        raise OutcomeUnknownError("The connection to the database was lost.") from error
                    if error.sqlstate not in ("40001", "40P01") or attempt == RETRIES:
                        diag = error.diag
                        raise DatabaseError(
                            error.sqlstate,
                            diag.message_primary or "",
                            diag.message_detail,
                            diag.message_hint,
                            diag.constraint_name,
                        ) from error
            await asyncio.sleep(_JITTER.uniform(0, 0.01 * 2**attempt))
        raise AssertionError("unreachable")
