"""A few connections of one role, and the calls that wait for them.

Short calls travel: those that wait when a connection is free go out on it together. Others go alone. A connection that
does not come back within a moment stands in nobody's way: who comes after it takes another, and calls that go alone
leave one connection to those that travel.
"""

from __future__ import annotations

import asyncio
import collections
import dataclasses
import json
import logging
import random
import time
from collections.abc import Sequence
from functools import partial

import psycopg

from server.connection import LOST, UNDONE, Connection, DatabaseError, NoResult, Outcome, Statement

# Its own: who seeds the shared one does not make servers act in step.
_JITTER = random.SystemRandom()

RETRIES = 4
# With these the database says that it undid the call: it is made again, alone.
CONFLICTS = frozenset({"40001", "40P01"})
# A batch waits for no lock for long; a call that goes alone waits for as long as its role may.
HANDED_BACK = CONFLICTS | {"55P03"}
# The server takes no writes: it is a standby, or was made read only. Another one may take them by now.
READ_ONLY = "25006"
# What a statement of many calls may hold: a transaction of more savepoints than 64 is slower for everyone.
WIDTH = 60
# Of reads, few enough that the answers to some are sent while the others are looked up.
READ_WIDTH = 16
# Of a connection under way: after that it is not waited for.
SLOW_SECONDS = 0.05
# For an answer. The roles' statement_timeout is 10 s; more is a network that has died, or a server that is frozen.
ANSWER_SECONDS = 15.0
BACKOFF_FIRST, BACKOFF_LAST = 0.05, 2.0

BATCH = "select number, replayed, result, error from http.batch($1)"

Row = tuple[bytes | None, ...]

log = logging.getLogger("server.lane")


class UnavailableError(Exception):
    """The call was not made: the database cannot be reached, or too many wait for it."""


class OutcomeUnknownError(Exception):
    """The connection was lost under the call: it may have been done, or not."""


class Call:
    """A call that waits, or is under way.

    ``travels``: it may go out together with others; in a lane that writes, as ``item``, an element of http.batch's
    array.
    """

    __slots__ = ("attempt", "expires", "future", "item", "parameters", "statement", "travels")

    def __init__(
        self, statement: str, parameters: Sequence[bytes | None], *, travels: bool = False, item: bytes = b""
    ) -> None:
        self.statement = statement
        self.parameters = parameters
        self.travels = travels
        self.item = item
        self.attempt = 1
        self.expires = 0.0
        self.future: asyncio.Future[Row] = asyncio.get_running_loop().create_future()


@dataclasses.dataclass(frozen=True)
class Size:
    """How many connections a lane has, how many calls may wait and for how long, and how long an answer may take."""

    connections: int
    queue: int
    queue_seconds: float
    answer_seconds: float


class Lane:
    """Calls of one role that wait for the same connections.

    ``is_reading``: what travels is sent side by side, and nothing that is lost was done. Otherwise it is one call of
    http.batch. ``eager``: how many connections carry travellers, while none of them is slow; 0: nothing travels here.
    """

    def __init__(self, conninfo: str, size: Size, *, is_reading: bool = False, eager: int = 1) -> None:
        self._conninfo = conninfo
        self._size = size
        self._is_reading = is_reading
        self._eager = eager
        # What goes alone leaves one to what travels.
        self._loner_connections = max(1, size.connections - 1) if eager else size.connections
        self._width = READ_WIDTH if is_reading else WIDTH
        self._loop = asyncio.get_running_loop()
        self._travellers: collections.deque[Call] = collections.deque()
        self._loners: collections.deque[Call] = collections.deque()
        self._idle: list[Connection] = []
        self._open = 0
        self._opening = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._fresh = 0  # connections that carry travellers, and are not slow
        self._slow = 0  # connections that carry travellers, and are
        self._alone = 0  # connections that carry one that goes alone
        self._overdue: asyncio.TimerHandle | None = None
        self._backoff = 0.0
        self._down_until = 0.0
        self._is_due = False
        self._is_closed = False

    @property
    def open(self) -> int:
        """Connections."""
        return self._open

    @property
    def waiting(self) -> int:
        """Calls that wait for one."""
        return sum(not call.future.done() for queue in (self._travellers, self._loners) for call in queue)

    def put(self, call: Call) -> asyncio.Future[Row]:
        """Make the call as soon as a connection is free. The future raises DatabaseError, OutcomeUnknownError or
        UnavailableError, with which this itself refuses a call that cannot wait."""
        if self._is_closed or (not self._open and not self._opening and self._is_backing_off):
            raise UnavailableError("The database cannot be reached.")
        if not self._can_go(call):
            limit = self._size.queue + self._opening
            # Those whose callers have gone are counted out where it matters.
            if len(self._travellers) + len(self._loners) >= limit and self.waiting >= limit:
                raise UnavailableError("Too many calls wait for the database.")
        call.expires = self._loop.time() + self._size.queue_seconds
        if self._overdue is None:
            self._overdue = self._loop.call_at(call.expires, self._refuse_overdue)
        (self._travellers if call.travels else self._loners).append(call)
        if not self._is_due:
            # With those that arrive in the same moment.
            self._is_due = True
            self._loop.call_soon(self._dispatch)
        return call.future

    def _can_go(self, call: Call) -> bool:
        if call.travels:
            if self._fresh >= self._eager:
                return False
        elif self._alone >= self._loner_connections:
            return False
        return bool(self._idle) or self._open + self._opening < self._size.connections

    def close(self) -> None:
        """Refuse what waits, and close each connection when what it carries is done."""
        self._is_closed = True
        self._refuse_all("The server stops.")
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
        while self._loners and self._alone < self._loner_connections:
            if self._loners[0].future.done():
                self._loners.popleft()
            elif (connection := self._take()) is not None:
                self._alone += 1
                self._send(connection, [self._loners.popleft()])
            else:
                break
        while self._travellers and self._fresh < self._eager:
            if self._travellers[0].future.done():
                self._travellers.popleft()
            elif (connection := self._take()) is not None:
                self._fresh += 1
                calls: list[Call] = []
                while self._travellers and len(calls) < self._width:
                    call = self._travellers.popleft()
                    if not call.future.done():
                        calls.append(call)
                self._send(connection, calls)
            else:
                break
        if not self._open and not self._opening and self._is_backing_off:
            self._refuse_all("The database cannot be reached.")

    def _take(self) -> Connection | None:
        """A free connection; None where there is none, and one is being opened if there may be another."""
        while self._idle:
            connection = self._idle.pop()
            if connection.is_alive:
                return connection
            self._discard(connection)
        wanted = len(self._loners) + (self._eager - self._fresh if self._travellers else 0)
        may_open = self._open + self._opening < self._size.connections and not self._is_backing_off
        if self._opening < wanted and may_open:
            self._opening += 1
            task = self._loop.create_task(self._connect())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return None

    async def connect(self) -> None:
        """Open the first connection, without a call that waits: several hosts may take longer than a call's time."""
        self._opening += 1
        await self._connect()

    async def _connect(self) -> None:
        try:
            connection = await Connection.open(self._conninfo, self._lost_idle)
        except psycopg.Error as error:
            self._back_off()
            log.warning("cannot connect: %s", str(error).splitlines()[0] if str(error) else error)
        else:
            self._backoff = 0.0
            self._open += 1
            self._idle.append(connection)
        finally:
            self._opening -= 1
        self._dispatch()

    def _back_off(self) -> None:
        """Open no connection for a moment: callers are refused at once, and the first one after it tries again."""
        self._backoff = min(max(self._backoff * 2, BACKOFF_FIRST), BACKOFF_LAST)
        pause = self._backoff * _JITTER.uniform(0.5, 1)
        self._down_until = time.monotonic() + pause
        # For those that wait, even where nobody else comes; a loop's clock may be a little behind.
        self._loop.call_later(pause + 0.01, self._dispatch)

    def _send(self, connection: Connection, calls: list[Call], *, is_one_transaction: bool = True) -> None:
        travels = calls[0].travels
        # On the last connection that is not held up, nobody may wait for long either.
        is_last = travels and self._alone + self._slow >= self._size.connections - 1 > 0
        is_batch = not self._is_reading and (len(calls) > 1 or is_last)
        connection.is_slow = False
        connection.timer = self._loop.call_later(SLOW_SECONDS, self._note_slow, connection, travels)
        statements: list[Statement]
        if is_batch:
            statements = [(BATCH, [b"[%b]" % b",".join([call.item for call in calls])])]
        else:
            statements = [(call.statement, call.parameters) for call in calls]
        done = partial(self._finished, connection, calls, travels, is_batch)
        connection.send(statements, done, is_one_transaction=is_one_transaction)

    def _note_slow(self, connection: Connection, travels: bool) -> None:
        connection.is_slow = True
        connection.timer = self._loop.call_later(self._size.answer_seconds - SLOW_SECONDS, self._give_up, connection)
        if travels:
            self._fresh -= 1
            self._slow += 1
            self._dispatch()

    def _give_up(self, connection: Connection) -> None:
        """End a connection that gives no answer, and the idle ones: to the same server, each would cost as long."""
        while self._idle:
            self._discard(self._idle.pop())
        connection.sever()

    def _finished(
        self, connection: Connection, calls: list[Call], travels: bool, is_batch: bool, outcomes: list[Outcome]
    ) -> None:
        assert connection.timer is not None
        connection.timer.cancel()
        if not travels:
            self._alone -= 1
        elif connection.is_slow:
            self._slow -= 1
        else:
            self._fresh -= 1
        undone: list[Call] = []
        if is_batch:
            self._settle_batch(connection, calls, outcomes[0])
        else:
            undone = self._settle_each(connection, calls, outcomes)
        if connection.is_closed or self._is_closed or (undone and not connection.is_alive):
            for call in undone:
                self._settle(call, LOST)
            self._discard(connection)
        elif undone:
            # They read, behind one that was refused: each in a transaction of its own now.
            self._fresh += 1
            self._send(connection, undone, is_one_transaction=False)
        else:
            self._idle.append(connection)
        self._dispatch()

    def _settle_each(self, connection: Connection, calls: list[Call], outcomes: list[Outcome]) -> list[Call]:
        """Tell each call what came of it, and return those that another's error undid."""
        undone: list[Call] = []
        for call, outcome in zip(calls, outcomes, strict=True):
            if outcome is UNDONE:
                undone.append(call)
            else:
                if isinstance(outcome, DatabaseError):
                    self._note_refusal(connection, outcome.sqlstate)
                self._settle(call, outcome)
        return undone

    def _note_refusal(self, connection: Connection, sqlstate: str) -> None:
        """Close a connection whose server takes no writes: a new one may lead to a server that does."""
        if sqlstate == READ_ONLY and not self._is_reading and not connection.is_closed:
            connection.close()
            self._back_off()

    def _settle(self, call: Call, outcome: Outcome) -> None:
        """Tell one call what came of it."""
        if isinstance(outcome, DatabaseError):
            if outcome.sqlstate in CONFLICTS and call.attempt < RETRIES:
                call.attempt += 1
                self._loop.call_later(_JITTER.uniform(0, 0.01 * 2**call.attempt), self._put_alone, call)
            elif not call.future.done():
                call.future.set_exception(outcome)
        elif call.future.done():
            pass  # whoever made it has gone
        elif outcome is LOST:
            message = "The connection to the database was lost."
            call.future.set_exception(UnavailableError(message) if self._is_reading else OutcomeUnknownError(message))
        else:
            assert not isinstance(outcome, NoResult)
            call.future.set_result(tuple([outcome.get_value(0, column) for column in range(outcome.nfields)]))

    def _settle_batch(self, connection: Connection, calls: list[Call], outcome: Outcome) -> None:
        """Tell each call of a batch what came of it; what is to be made alone is."""
        if isinstance(outcome, DatabaseError):
            # None was done.
            self._note_refusal(connection, outcome.sqlstate)
            for call in calls:
                self._put_alone(call)
            return
        if outcome is LOST:
            for call in calls:
                self._settle(call, outcome)
            return
        assert not isinstance(outcome, NoResult)
        value = outcome.get_value
        untold = dict(enumerate(calls, 1))
        for row in range(outcome.ntuples):
            number = int(value(row, 0) or 0)
            if number not in untold:
                continue
            call = untold.pop(number)
            error = value(row, 3)
            if error is not None:
                refusal = json.loads(error)
                self._note_refusal(connection, refusal["sqlstate"])
                if refusal["sqlstate"] in HANDED_BACK:
                    self._put_alone(call)
                    continue
                if "at" not in refusal and not call.future.done():
                    call.future.set_exception(DatabaseError(**refusal))
                    continue
            if not call.future.done():
                call.future.set_result((value(row, 1), value(row, 2), error))
        for call in untold.values():
            # The batch gave no answer to it: whether it was carried out is not known.
            self._settle(call, LOST)

    def _put_alone(self, call: Call) -> None:
        if call.future.done():
            return
        if self._is_closed:
            call.future.set_exception(UnavailableError("The server stops."))
            return
        call.travels = False
        call.expires = self._loop.time() + self._size.queue_seconds
        self._loners.append(call)
        if self._overdue is None:
            self._overdue = self._loop.call_at(call.expires, self._refuse_overdue)
        self._dispatch()

    def _refuse_overdue(self) -> None:
        now = self._loop.time()
        self._overdue = None
        soonest = None
        for queue in (self._travellers, self._loners):
            while queue and (queue[0].future.done() or queue[0].expires <= now):
                call = queue.popleft()
                if not call.future.done():
                    call.future.set_exception(UnavailableError("The call waited too long for the database."))
            if queue and (soonest is None or queue[0].expires < soonest):
                soonest = queue[0].expires
        if soonest is not None:
            self._overdue = self._loop.call_at(soonest, self._refuse_overdue)

    def _refuse_all(self, message: str) -> None:
        for queue in (self._travellers, self._loners):
            while queue:
                call = queue.popleft()
                if not call.future.done():
                    call.future.set_exception(UnavailableError(message))

    def _lost_idle(self, connection: Connection) -> None:
        self._idle.remove(connection)
        self._discard(connection)

    def _discard(self, connection: Connection) -> None:
        self._open -= 1
        connection.close()
