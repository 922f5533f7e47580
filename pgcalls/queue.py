"""Calls that wait for the same few connections of one role.

A call is *batchable* or *single*. Batchable calls that wait when a connection becomes free are sent on it together, as
one group; a single call is sent by itself. A connection whose group takes long is *slow*: the queue does not wait for
it, and uses another. Single calls always leave one connection to batchable ones.
"""

from __future__ import annotations

import asyncio
import collections
import contextvars
import dataclasses
import json
import logging
import random
import time
from collections.abc import Mapping, Sequence
from functools import partial

import psycopg

from pgcalls.connection import LOST, NO_SETTINGS, UNDONE, Connection, NoResult, Result, Statement
from pgcalls.errors import CallError, DatabaseError, OutcomeUnknownError, UnavailableError
from pgcalls.stats import Stats

# Not the module's generator: a program that seeds that one would make all its processes wait in step.
_JITTER = random.SystemRandom()

RETRIES = 4
# The database undid the call and says so: it is made again, alone.
CONFLICTS = frozenset({"40001", "40P01"})
# A batch waits only a moment for a lock (55P03). A single call waits for as long as its role may.
HANDED_BACK = CONFLICTS | {"55P03"}
# The server takes no writes: it is a standby, or was made read only. Another one may take them by now.
READ_ONLY = "25006"
WIDTH = 60  # calls in a batch: a transaction of more than 64 savepoints is slower for everyone
READ_WIDTH = 16  # reads in a group: few enough that some answers are sent while others are looked up
SLOW_SECONDS = 0.05  # after which a connection under way is slow
BACKOFF_FIRST, BACKOFF_LAST = 0.05, 2.0  # seconds between tries to connect
LIFE_SPREAD = 0.2  # of a connection's longest life: so much earlier it may end, so that not all end at once

Row = tuple[bytes | None, ...]

log = logging.getLogger("pgcalls")


class Call:
    """A call that waits, or is under way.

    ``is_batchable``: the call may be sent together with others. Of a queue that writes it is then sent as ``item``, an
    element of the JSON array that the batch statement takes.
    """

    __slots__ = ("attempt", "expires", "future", "is_batchable", "item", "parameters", "statement")

    def __init__(
        self, statement: str, parameters: Sequence[bytes | None], *, is_batchable: bool = False, item: bytes = b""
    ) -> None:
        self.statement = statement
        self.parameters = parameters
        self.is_batchable = is_batchable
        self.item = item
        self.attempt = 1
        self.expires = 0.0
        self.future: asyncio.Future[Row] = asyncio.get_running_loop().create_future()


@dataclasses.dataclass(frozen=True)
class Size:
    """The bounds of a queue.

    ``connections``: at most so many. ``calls``: at most so many wait. ``wait_seconds``: so long. ``answer_seconds``:
    after which a connection that gives no answer is ended. ``life_seconds``: after which a connection is replaced.
    """

    connections: int
    calls: int
    wait_seconds: float
    answer_seconds: float
    life_seconds: float


class Queue:
    """The calls of one role that wait for the same connections.

    ``batch``: a statement whose one parameter is a JSON array of the items of a group. It returns a row for each:
    ``number`` (from 1), ``is_replayed``, ``result``, ``error`` (JSON, the arguments of DatabaseError). None: the queue
    reads. Its group is sent as statements side by side, and nothing that is lost was done.

    ``eager``: how many connections carry groups while none of them is slow; 0: all calls are single. ``settings``:
    PostgreSQL's, which hold for each statement.
    """

    def __init__(
        self,
        name: str,
        conninfo: str,
        size: Size,
        *,
        batch: str | None,
        eager: int = 1,
        settings: Mapping[str, str] = NO_SETTINGS,
    ) -> None:
        self.name = name
        self.stats = Stats()
        self._conninfo = conninfo
        self._size = size
        self._batch = batch
        self._settings = settings
        self._eager = eager
        self._single_connections = max(1, size.connections - 1) if eager else size.connections
        self._width = READ_WIDTH if batch is None else WIDTH
        self._loop = asyncio.get_running_loop()
        # Connections outlive the call that opened them: what they log must not carry its context variables.
        self._context = contextvars.Context()
        self._batchable: collections.deque[Call] = collections.deque()
        self._single: collections.deque[Call] = collections.deque()
        self._idle: list[Connection] = []
        self._open = 0
        self._opening = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._with_group = 0  # connections that carry a group, and are not slow
        self._with_slow_group = 0
        self._with_single = 0
        self._overdue: asyncio.TimerHandle | None = None
        self._backoff = 0.0
        self._down_until = 0.0
        self._is_due = False
        self._is_closed = False

    @property
    def open(self) -> int:
        """Connections that are open."""
        return self._open

    @property
    def waiting(self) -> int:
        """Calls that wait for a connection."""
        return sum(not call.future.done() for queue in (self._batchable, self._single) for call in queue)

    def put(self, call: Call) -> asyncio.Future[Row]:
        """Make the call as soon as a connection is free.

        The future's result is the call's row. It raises DatabaseError, OutcomeUnknownError or UnavailableError; ``put``
        itself raises UnavailableError for a call that cannot wait.
        """
        if self._is_closed:
            raise self._unavailable("stopping")
        if not self._open and not self._opening and self._is_backing_off:
            raise self._unavailable("unreachable")
        if not self._can_go(call):
            limit = self._size.calls + self._opening
            # Calls whose callers have gone take no place; they are counted only where it matters.
            if len(self._batchable) + len(self._single) >= limit and self.waiting >= limit:
                raise self._unavailable("full")
        call.expires = self._loop.time() + self._size.wait_seconds
        if self._overdue is None:
            self._overdue = self._loop.call_at(call.expires, self._refuse_overdue, context=self._context)
        (self._batchable if call.is_batchable else self._single).append(call)
        if not self._is_due:
            # Not at once: calls that arrive in the same moment go together.
            self._is_due = True
            self._loop.call_soon(self._dispatch, context=self._context)
        return call.future

    def _unavailable(self, reason: str) -> UnavailableError:
        self.stats.refused[reason] += 1
        return UnavailableError(_MESSAGES[reason], reason)

    def _can_go(self, call: Call) -> bool:
        if call.is_batchable:
            if self._with_group >= self._eager:
                return False
        elif self._with_single >= self._single_connections:
            return False
        return bool(self._idle) or self._open + self._opening < self._size.connections

    def close(self) -> None:
        """Refuse the calls that wait, and close each connection when the calls on it are done."""
        self._is_closed = True
        self._refuse_all("stopping")
        while self._idle:
            self._discard(self._idle.pop())
        for task in self._tasks:
            task.cancel()

    @property
    def _is_backing_off(self) -> bool:
        return time.monotonic() < self._down_until

    def _dispatch(self) -> None:
        """Send what can be sent now."""
        self._is_due = False
        while self._single and self._with_single < self._single_connections:
            if self._single[0].future.done():
                self._single.popleft()
            elif (connection := self._take()) is not None:
                self._with_single += 1
                self._send(connection, [self._single.popleft()])
            else:
                break
        while self._batchable and self._with_group < self._eager:
            if self._batchable[0].future.done():
                self._batchable.popleft()
            elif (connection := self._take()) is not None:
                self._with_group += 1
                calls: list[Call] = []
                while self._batchable and len(calls) < self._width:
                    call = self._batchable.popleft()
                    if not call.future.done():
                        calls.append(call)
                self._send(connection, calls)
            else:
                break
        if not self._open and not self._opening and self._is_backing_off:
            self._refuse_all("unreachable")

    def _take(self) -> Connection | None:
        """A free connection. None where there is none; then one is being opened, if there may be another."""
        while self._idle:
            connection = self._idle.pop()
            if connection.is_alive and self._loop.time() < connection.expires:
                return connection
            self._discard(connection)
        wanted = len(self._single) + (self._eager - self._with_group if self._batchable else 0)
        may_open = self._open + self._opening < self._size.connections and not self._is_backing_off
        if self._opening < wanted and may_open:
            self._opening += 1
            task = self._loop.create_task(self._connect())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return None

    async def connect(self) -> None:
        """Open the first connection, for as long as it takes: several hosts may take longer than a call may wait."""
        self._opening += 1
        await self._connect()

    async def _connect(self) -> None:
        try:
            connection = await Connection.open(self._conninfo, self._lost_idle, self._settings)
        except psycopg.Error as error:
            self._back_off()
            log.warning("%s: cannot connect: %s", self.name, str(error).partition("\n")[0])
        else:
            self._backoff = 0.0
            self._open += 1
            life = self._size.life_seconds * _JITTER.uniform(1 - LIFE_SPREAD, 1)
            connection.expires = self._loop.time() + life
            self._idle.append(connection)
        finally:
            self._opening -= 1
        self._dispatch()

    def _back_off(self) -> None:
        """Open no connection for a moment. Until then calls are refused at once, and the first one after it tries."""
        self._backoff = min(max(self._backoff * 2, BACKOFF_FIRST), BACKOFF_LAST)
        pause = self._backoff * _JITTER.uniform(0.5, 1)
        self._down_until = time.monotonic() + pause
        # For calls that wait, even where no other call comes. The loop's clock may be a little behind.
        self._loop.call_later(pause + 0.01, self._dispatch)

    def _send(self, connection: Connection, calls: list[Call], *, is_one_transaction: bool = True) -> None:
        is_group = calls[0].is_batchable
        # On the last connection that is not held up, a call may not wait for a lock either: it goes as a batch of one.
        is_last = is_group and self._with_single + self._with_slow_group >= self._size.connections - 1 > 0
        is_batch = self._batch is not None and (len(calls) > 1 or is_last)
        now = self._loop.time()
        arrived = now + self._size.wait_seconds
        for call in calls:
            self.stats.waited.observe(max(arrived - call.expires, 0.0))
        self.stats.widths.observe(len(calls))
        connection.sent_at = now
        connection.is_slow = False
        connection.timer = self._loop.call_at(now + SLOW_SECONDS, self._note_slow, connection, is_group)
        statements: list[Statement]
        if is_batch:
            assert self._batch is not None
            statements = [(self._batch, [b"[%b]" % b",".join([call.item for call in calls])])]
        else:
            statements = [(call.statement, call.parameters) for call in calls]
        done = partial(self._finished, connection, calls, is_group, is_batch)
        connection.send(statements, done, is_one_transaction=is_one_transaction)

    def _note_slow(self, connection: Connection, is_group: bool) -> None:
        connection.is_slow = True
        connection.timer = self._loop.call_later(self._size.answer_seconds - SLOW_SECONDS, self._give_up, connection)
        if is_group:
            self._with_group -= 1
            self._with_slow_group += 1
            self._dispatch()

    def _give_up(self, connection: Connection) -> None:
        """End a connection that gives no answer, and the idle ones: to the same server, each would cost as long."""
        while self._idle:
            self._discard(self._idle.pop())
        connection.sever()

    def _finished(
        self, connection: Connection, calls: list[Call], is_group: bool, is_batch: bool, results: list[Result]
    ) -> None:
        assert connection.timer is not None
        connection.timer.cancel()
        self.stats.took.observe(self._loop.time() - connection.sent_at)
        if not is_group:
            self._with_single -= 1
        elif connection.is_slow:
            self._with_slow_group -= 1
        else:
            self._with_group -= 1
        if connection.is_closed and LOST in results:
            self.stats.lost += 1
        undone: list[Call] = []
        if is_batch:
            self._settle_batch(connection, calls, results[0])
        else:
            undone = self._settle_each(connection, calls, results)
        if connection.is_closed or self._is_closed or (undone and not connection.is_alive):
            for call in undone:
                self._settle(call, LOST)
            self._discard(connection)
        elif undone:
            # Reads behind one that was refused: now each in a transaction of its own.
            self._with_group += 1
            self._send(connection, undone, is_one_transaction=False)
        else:
            self._idle.append(connection)
        self._dispatch()

    def _settle_each(self, connection: Connection, calls: list[Call], results: list[Result]) -> list[Call]:
        """Tell each call what came of it, and return those that another's error undid."""
        undone: list[Call] = []
        for call, result in zip(calls, results, strict=True):
            if result is UNDONE:
                undone.append(call)
            else:
                if isinstance(result, DatabaseError):
                    self._note_refusal(connection, result.sqlstate)
                self._settle(call, result)
        return undone

    def _note_refusal(self, connection: Connection, sqlstate: str) -> None:
        """Close a connection whose server takes no writes: a new one may lead to a server that does."""
        if sqlstate == READ_ONLY and self._batch is not None and not connection.is_closed:
            connection.close()
            self._back_off()

    def _settle(self, call: Call, result: Result) -> None:
        """Tell one call what came of it."""
        if isinstance(result, DatabaseError):
            if result.sqlstate in CONFLICTS and call.attempt < RETRIES:
                call.attempt += 1
                self.stats.retried += 1
                self._loop.call_later(_JITTER.uniform(0, 0.01 * 2**call.attempt), self._put_alone, call)
            elif not call.future.done():
                call.future.set_exception(result)
        elif call.future.done():
            pass  # its caller has gone
        elif result is LOST:
            call.future.set_exception(self._lost())
        else:
            assert not isinstance(result, NoResult)
            call.future.set_result(tuple([result.get_value(0, column) for column in range(result.nfields)]))

    def _lost(self) -> CallError:
        message = "The connection to the database was lost."
        if self._batch is None:
            return UnavailableError(message, "unreachable")
        self.stats.unknown += 1
        return OutcomeUnknownError(message)

    def _settle_batch(self, connection: Connection, calls: list[Call], result: Result) -> None:
        """Tell each call of a batch what came of it. A call that the batch hands back is made alone."""
        if isinstance(result, DatabaseError):
            # None was done.
            self._note_refusal(connection, result.sqlstate)
            for call in calls:
                self._put_alone(call)
            return
        if result is LOST:
            for call in calls:
                self._settle(call, result)
            return
        assert not isinstance(result, NoResult)
        value = result.get_value
        untold = dict(enumerate(calls, 1))
        for row in range(result.ntuples):
            number = int(value(row, 0) or 0)
            if number not in untold:
                continue
            call = untold.pop(number)
            is_replayed, error = value(row, 1), value(row, 3)
            if error is not None:
                refusal = json.loads(error)
                self._note_refusal(connection, refusal["sqlstate"])
                if refusal["sqlstate"] in HANDED_BACK:
                    self.stats.handed_back += 1
                    self._put_alone(call)
                elif not call.future.done():
                    call.future.set_exception(DatabaseError(**refusal, is_replayed=is_replayed == b"t"))
            elif not call.future.done():
                call.future.set_result((is_replayed, value(row, 2)))
        for call in untold.values():
            # The batch has no row for it: whether it was carried out is not known.
            self._settle(call, LOST)

    def _put_alone(self, call: Call) -> None:
        if call.future.done():
            return
        if self._is_closed:
            call.future.set_exception(self._unavailable("stopping"))
            return
        call.is_batchable = False
        call.expires = self._loop.time() + self._size.wait_seconds
        self._single.append(call)
        if self._overdue is None:
            self._overdue = self._loop.call_at(call.expires, self._refuse_overdue)
        self._dispatch()

    def _refuse_overdue(self) -> None:
        now = self._loop.time()
        self._overdue = None
        soonest = None
        for queue in (self._batchable, self._single):
            while queue and (queue[0].future.done() or queue[0].expires <= now):
                call = queue.popleft()
                if not call.future.done():
                    call.future.set_exception(self._unavailable("late"))
            if queue and (soonest is None or queue[0].expires < soonest):
                soonest = queue[0].expires
        if soonest is not None:
            self._overdue = self._loop.call_at(soonest, self._refuse_overdue)

    def _refuse_all(self, reason: str) -> None:
        for queue in (self._batchable, self._single):
            while queue:
                call = queue.popleft()
                if not call.future.done():
                    call.future.set_exception(self._unavailable(reason))

    def _lost_idle(self, connection: Connection) -> None:
        self._idle.remove(connection)
        self._discard(connection)

    def _discard(self, connection: Connection) -> None:
        self._open -= 1
        connection.close()


_MESSAGES = {
    "full": "Too many calls wait for the database.",
    "late": "The call waited too long for the database.",
    "unreachable": "The database cannot be reached.",
    "stopping": "The server stops.",
}
