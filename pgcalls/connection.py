"""A connection to the database on which statements go out together and their results come back together.

psycopg opens it; its libpq wrapper, ``psycopg.pq``, carries the statements in libpq's pipeline mode, prepared. That
leaves out what psycopg's cursors do around each statement.

Behind a pooler (PgBouncer) each transaction may go to another session of the server. Nothing may then rest on what an
earlier transaction has set, and prepared statements only where the pooler keeps them. A pooler is recognized by the
process id that it gives out: it is not the server's.
"""

from __future__ import annotations

import asyncio
import collections
import enum
import functools
import logging
import secrets
import select
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal

import psycopg
from psycopg.pq import ConnStatus, DiagnosticField, ExecStatus, TransactionStatus
from psycopg.pq.abc import PGresult

from pgcalls.errors import DatabaseError

log = logging.getLogger("pgcalls")

Statement = tuple[str, Sequence[bytes | None]]

NO_SETTINGS: Mapping[str, str] = MappingProxyType({})
SETUP_SECONDS = 5.0  # for the statements that follow the log-in

_SYNC, _ABORTED, _ERROR = int(ExecStatus.PIPELINE_SYNC), int(ExecStatus.PIPELINE_ABORTED), int(ExecStatus.FATAL_ERROR)
_REFUSED = frozenset({_ABORTED, _ERROR})


class NoResult(enum.Enum):
    """Why a statement has no result."""

    LOST = "it was sent, and the connection was lost before its result came"
    UNDONE = "one before it, in the same transaction, failed"


LOST, UNDONE = NoResult.LOST, NoResult.UNDONE

Result = PGresult | DatabaseError | NoResult
"""The result of a statement."""


class _Mark(enum.Enum):
    RESULT = "a statement's"
    SETTINGS = "of the statement that sets a transaction's settings"
    END = "of a transaction"


_RESULT, _SETTINGS, _END = _Mark.RESULT, _Mark.SETTINGS, _Mark.END

# What the next result belongs to: a statement, a transaction's settings, the end of a transaction, or the preparation
# of a statement as a name.
_Expected = Literal[_Mark.RESULT, _Mark.SETTINGS, _Mark.END] | tuple[str, bytes]


class Connection:
    """One connection, which carries one group of statements at a time.

    For the use of its owner: ``is_slow``, the group under way takes long; ``sent_at``, when it was sent;
    ``expires``, when the connection is to be replaced; ``timer``.
    """

    def __init__(self, connection: psycopg.AsyncConnection[Any], on_lost: Callable[[Connection], None]) -> None:
        """``on_lost``: called when the connection is lost while it carries nothing."""
        self.is_slow = False
        self.sent_at = 0.0
        self.expires = 0.0
        self.timer: asyncio.TimerHandle | None = None
        self._connection = connection  # keeps its notice handler, and closes with it
        self._is_unreplicated = False  # a commit gave up to wait for a standby
        connection.add_notice_handler(self._notice)
        self._pgconn = connection.pgconn
        self._fileno = connection.fileno()
        self._loop = asyncio.get_running_loop()
        self._on_lost = on_lost
        self._done: Callable[[list[Result]], None] | None = None
        self._prefix = b"s"  # of the names of prepared statements
        self._keeps_statements = True
        self._settings: str | None = None  # the statement that begins each transaction
        self._names: dict[str, bytes] = {}
        self._expected: collections.deque[_Expected] = collections.deque()
        self._settled = 0  # results whose transaction has ended
        self._results: list[Result] = []
        self._wanted = 0
        self._refusal: Result | None = None
        self._count = 0
        self._poll = select.poll()
        self._poll.register(self._fileno, select.POLLIN | select.POLLHUP | select.POLLERR)
        self._pgconn.nonblocking = 1
        self._pgconn.enter_pipeline_mode()
        self._loop.add_reader(self._fileno, self._read)
        self.is_closed = False

    @classmethod
    async def open(
        cls, conninfo: str, on_lost: Callable[[Connection], None], settings: Mapping[str, str] = NO_SETTINGS
    ) -> Connection:
        """Connect; ``settings`` then hold for every statement. Raises psycopg.Error.

        They are not part of the log-in: poolers refuse that, or do it and ignore them.
        """
        connection = await psycopg.AsyncConnection.connect(conninfo, autocommit=True)
        opened = cls(connection, _lost_at_once)
        try:
            async with asyncio.timeout(SETUP_SECONDS):
                await opened._set_up(connection.info.backend_pid, settings)
        except BaseException as error:
            opened.close()
            if isinstance(error, TimeoutError):
                raise psycopg.OperationalError("no answer from the database in time") from None
            raise
        opened._on_lost = on_lost
        return opened

    async def _set_up(self, backend_pid: int, settings: Mapping[str, str]) -> None:
        """Find out what is at the other end, and make the settings. Raises psycopg.Error.

        Not by psycopg's cursors: where one of those is given up, psycopg asks the server to cancel it, and waits 5 s
        for the answer of a server that is silent.
        """
        self._keeps_statements = False  # until it is known that no pooler is there that does not keep them
        (row,) = await self._rows([("select pg_catalog.pg_backend_pid()", [])])
        if row.get_value(0, 0) != b"%d" % backend_pid:
            self._keeps_statements = True
            await self._adapt_to_pooler(settings)
            return
        for name, value in settings.items():
            inner = name.removeprefix("default_")
            (made,) = await self._rows(
                [("select pg_catalog.set_config($1, $2, false)", [name.encode(), value.encode()])]
            )
            # In a transaction of its own: that one begins with what was set.
            (found,) = await self._rows([("select pg_catalog.current_setting($1)", [inner.encode()])])
            if found.get_value(0, 0) != made.get_value(0, 0):
                raise psycopg.OperationalError(f"the database does not keep to {inner} = {value}")
        self._keeps_statements = True

    async def _rows(self, statements: Sequence[Statement]) -> list[PGresult]:
        """The results of statements that must succeed. Raises psycopg.OperationalError."""
        results: list[PGresult] = []
        for result in await self._sent(statements):
            if isinstance(result, DatabaseError):
                raise psycopg.OperationalError(result.message)
            if isinstance(result, NoResult):
                raise psycopg.OperationalError("the connection was lost at once")
            results.append(result)
        return results

    async def _adapt_to_pooler(self, settings: Mapping[str, str]) -> None:
        """Find out whether the pooler keeps prepared statements, and have each transaction begin with the settings.

        One that keeps them gives them names of its own, which no other client's session knows. Raises psycopg.Error.
        """
        self._prefix = secrets.token_hex(8).encode()  # in a session that is shared, no other client has this name
        name = self._name_of(self._count + 1).decode()
        (result,) = await self._rows(
            [(f"select exists (select from pg_catalog.pg_prepared_statements where name = '{name}')", [])]
        )
        if result.get_value(0, 0) == b"t":
            self._keeps_statements = False
            self._names.clear()
            _warn_of_pooler()
        if settings:
            calls = [
                f"pg_catalog.set_config('{name.removeprefix('default_')}', '{value}', true)"
                for name, value in settings.items()
            ]
            self._settings = f"select {', '.join(calls)}"

    async def _sent(self, statements: Sequence[Statement]) -> list[Result]:
        done: asyncio.Future[list[Result]] = self._loop.create_future()
        self.send(statements, lambda results: None if done.done() else done.set_result(results))
        return await done

    @property
    def is_alive(self) -> bool:
        """Whether an idle connection is still open: a server that has closed it left something to read."""
        return not self.is_closed and not self._poll.poll(0)

    def send(
        self,
        statements: Sequence[Statement],
        done: Callable[[list[Result]], None],
        *,
        is_one_transaction: bool = True,
    ) -> None:
        """Send the statements; ``done`` is called with a result for each, in order, when all are there.

        ``is_one_transaction``: the first error undoes all, and what stands behind it is not carried out.
        """
        assert self._done is None
        self._done = done
        self._settled = 0
        self._results = []
        self._wanted = len(statements)
        expected = self._expected
        pgconn, names, settings = self._pgconn, self._names, self._settings
        fresh: dict[str, bytes] = {}
        try:
            for statement, parameters in statements:
                if settings is not None:
                    pgconn.send_query_prepared(names.get(settings) or self._prepare(settings), [])
                    expected.append(_SETTINGS)
                    if is_one_transaction:
                        settings = None
                name = names.get(statement) or fresh.get(statement)
                if name is None:
                    name = self._prepare(statement)
                    if is_one_transaction:
                        fresh[statement] = name
                pgconn.send_query_prepared(name, parameters)
                expected.append(_RESULT)
                if not is_one_transaction:
                    pgconn.pipeline_sync()
                    expected.append(_END)
            if is_one_transaction:
                pgconn.pipeline_sync()
                expected.append(_END)
            self._flush()
        except psycopg.Error as error:
            self._loop.call_soon(self._lose, error)

    def _prepare(self, statement: str) -> bytes:
        """Send a statement's preparation, and return its name. The empty name is good for the next execution only."""
        name = b""
        if self._keeps_statements:
            self._count += 1
            name = self._name_of(self._count)
        self._pgconn.send_prepare(name, statement.encode())
        self._expected.append((statement, name))
        return name

    def _name_of(self, number: int) -> bytes:
        return b"%b%d" % (self._prefix, number)

    def sever(self) -> None:
        """End a connection whose server says nothing: what it carries is lost."""
        self._lose(TimeoutError("no answer from the database in time"))

    def close(self) -> None:
        if not self.is_closed:
            self.is_closed = True
            self._loop.remove_reader(self._fileno)
            self._loop.remove_writer(self._fileno)
            self._pgconn.finish()

    def _flush(self) -> None:
        if self._pgconn.flush():
            self._loop.add_writer(self._fileno, self._write)

    def _write(self) -> None:
        try:
            if not self._pgconn.flush():
                self._loop.remove_writer(self._fileno)
        except psycopg.Error as error:
            self._lose(error)

    def _read(self) -> None:
        """Take what has come, until there is no more.

        A peer that closes a socket whose input it has not read makes one event of its last words and the error. uvloop
        calls a reader once for such an event and never again, so nothing may be left for a second call.
        """
        pgconn = self._pgconn
        try:
            while True:
                pgconn.consume_input()
                if self._done is None:
                    # A notice, or the end.
                    if pgconn.status != ConnStatus.OK:
                        self._lose(None)
                        return
                elif self._take_results():
                    return
                if not self._poll.poll(0):
                    return
        except psycopg.Error as error:
            self._lose(error)

    def _take_results(self) -> bool:
        """Take the results that are complete; True where nothing more is to come."""
        pgconn = self._pgconn
        was_end = False
        while not pgconn.is_busy():
            result = pgconn.get_result()
            if result is None:
                if was_end:
                    # One ends a statement's results; two mean that nothing is to come, though something is expected.
                    self._lose(ConnectionError("the database's results are out of step"))
                    return True
                was_end = True
                continue
            was_end = False
            status = result.status
            if status == _SYNC:
                if self._is_unreplicated:
                    self._lose(ConnectionError("a commit did not wait for its standby"))
                    return True
                self._expected.popleft()
                self._settled = len(self._results)
                if not self._expected:
                    self._finish()
                    return True
            elif not self._take(result, status):
                return True
        return False

    def _take(self, given: PGresult, status: int) -> bool:
        """Take the next result; False where it was the last word of this connection."""
        result: Result = given
        if status == _ERROR:
            result = _error(given)
            if given.error_field(DiagnosticField.SEVERITY_NONLOCALIZED) in {None, b"FATAL", b"PANIC"}:
                self._lose(result)
                return False
        elif status == _ABORTED:
            result = self._refusal or UNDONE
        expected = self._expected[0]
        if expected is _END:
            # The transaction could not be committed: what it had done is undone.
            self._results[self._settled :] = [result] * (len(self._results) - self._settled)
            return True
        self._expected.popleft()
        if expected is _RESULT:
            self._refusal = None
            self._results.append(result)
        elif status in _REFUSED:
            # What could not be prepared, or whose settings could not be made, is not carried out: this is why.
            self._refusal = result
        elif isinstance(expected, tuple) and expected[1]:
            statement, name = expected
            self._names[statement] = name
        return True

    def _notice(self, notice: psycopg.errors.Diagnostic) -> None:
        """Note that somebody has cancelled a commit's wait for a standby: a failover may undo the commit.

        PostgreSQL says so in a warning, and reports success.
        """
        self._is_unreplicated |= notice.source_function == "SyncRepWaitForLSN"

    def _finish(self) -> None:
        done, self._done = self._done, None
        assert done is not None
        if self._pgconn.transaction_status != TransactionStatus.IDLE:
            self.close()
        done(self._results)

    def _lose(self, error: Exception | None) -> None:
        if self.is_closed:
            return
        done, self._done = self._done, None
        self.close()
        if done is None:
            self._on_lost(self)
            return
        log.warning("connection lost under a statement: %s", str(error).partition("\n")[0])
        # A result that came before the end of its transaction may have been committed, or not. An error was not.
        results = [
            result if number < self._settled or isinstance(result, DatabaseError) else LOST
            for number, result in enumerate(self._results)
        ]
        done(results + [LOST] * (self._wanted - len(results)))


def _lost_at_once(_: Connection) -> None:
    """In place of ``on_lost`` until the connection is open: then ``open`` raises."""


@functools.cache
def _warn_of_pooler() -> None:
    """Say once in a process that calls are slower than they could be."""
    log.warning(
        "The pooler before the database keeps no prepared statements, so each call is prepared anew. PgBouncer keeps"
        " them from version 1.21 on, with max_prepared_statements > 0 (the default from 1.24 on)."
    )


def _error(result: PGresult) -> DatabaseError:
    def field(name: DiagnosticField) -> str | None:
        value = result.error_field(name)
        return value.decode(errors="replace") if value is not None else None

    return DatabaseError(
        field(DiagnosticField.SQLSTATE) or "",
        field(DiagnosticField.MESSAGE_PRIMARY) or "",
        field(DiagnosticField.MESSAGE_DETAIL),
        field(DiagnosticField.MESSAGE_HINT),
        field(DiagnosticField.CONSTRAINT_NAME),
    )
