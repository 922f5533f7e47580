"""Lets two sessions run in turn, from step to step, and learns from the server's messages where each of them is.

There is no polling and no waiting for a time: a session that stops sends a notice; one that waits for a lock sends
``log_lock_waits``' message, after a ``deadlock_timeout`` of 1 ms; one that is done sends its result.
"""

from __future__ import annotations

import dataclasses
import re
import select
import time
from typing import Any

from psycopg import pq
from psycopg.pq import DiagnosticField, ExecStatus

from tests.interleavings.instrument import GATE, GATES, NO_TARGET, Connection

# 11 minutes: the block of the worlds that had not expired has then, and one that is made now is not.
TICK = "select setval('store.test_clock', c.last_value + 11 * 60 * 1000000) from store.test_clock as c"
PRODUCT_NOT_FOUND = "IV003"
PATIENCE = 30  # seconds until a session that says nothing is an error
_STOPPED = re.compile(r"interleaving (\d+) (\d+) (\S+)")
_WAITING = re.compile(r"still waiting for \w+ on (.*) after")
_GATE = re.compile(rf"advisory lock \[\d+,({GATE + 1}|{GATE + 2}),")

_SETTINGS = """
set client_min_messages = log; set log_min_messages = panic; set log_lock_waits = on; set deadlock_timeout = '1ms';
set interleaving.session = '{}'
"""


@dataclasses.dataclass(frozen=True)
class Result:
    """What a call answered: its rows as texts; or its SQLSTATE, and DETAIL where that says more.

    Of a product that does not exist DETAIL says how the caller named it, or the function: that depends on when it went.
    """

    rows: tuple[str | None, ...] = ()
    sqlstate: str | None = None
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.sqlstate} {self.detail}" if self.sqlstate else " ".join(row or "null" for row in self.rows)


KILLED = Result(sqlstate="57P01", detail="killed")


class Session:
    """A connection that runs one call at a time. ``state``: idle, running, stopped, blocked, done, dead."""

    def __init__(self, conninfo: str, number: int) -> None:
        self.number = number
        self._conninfo = conninfo
        self.connect()

    def connect(self) -> None:
        """A new backend."""
        self.pg = pq.PGconn.connect(self._conninfo.encode())
        assert self.pg.status == pq.ConnStatus.OK, self.pg.error_message
        self.pg.notice_handler = self._notice
        self.pg.exec_(_SETTINGS.format(self.number).encode())
        self.state = "idle"
        self.step = self.stop = 0
        self.where = ""
        self.result = Result()
        self._rows: list[str | None] = []

    def start(self, query: str, goal: int) -> None:
        """Send the call, and a last step behind it: all is done then, and nothing is committed yet."""
        self.state, self.step, self.stop, self.where = "running", 0, 0, ""
        self.result, self._rows = Result(), []
        let = f"do $$ begin perform interleaving.let({self.number}, 0, {goal}, 1); end $$"
        commit = "do $$ begin assert interleaving.step('commit'); end $$"
        self.pg.send_query(f"{let}; {query}; {commit}".encode())

    def pump(self) -> None:
        """Take in what the server has sent."""
        try:
            self.pg.consume_input()
            while self.state != "done" and not self.pg.is_busy():
                found = self.pg.get_result()
                if found is None:
                    self.result = self.result if self.result.sqlstate else Result(tuple(self._rows))
                    self.state = "done"
                elif found.status == ExecStatus.TUPLES_OK:
                    for row in range(found.ntuples):
                        value = found.get_value(row, 0)
                        self._rows.append(None if value is None else value.decode())
                elif found.status == ExecStatus.FATAL_ERROR:
                    state = self._field(found, DiagnosticField.SQLSTATE)
                    detail = self._field(found, DiagnosticField.MESSAGE_DETAIL)
                    self.result = Result(sqlstate=state, detail="" if state == PRODUCT_NOT_FOUND else detail)
        except Exception:
            if self.pg.status == pq.ConnStatus.OK:
                raise
        if self.pg.status != pq.ConnStatus.OK:
            self.state = "dead"

    @staticmethod
    def _field(found: Any, field: DiagnosticField) -> str:
        return (found.error_field(field) or b"").decode()

    def _notice(self, found: Any) -> None:
        text = self._field(found, DiagnosticField.MESSAGE_PRIMARY)
        if stopped := _STOPPED.match(text):
            self.step, self.stop, self.where = int(stopped[1]), int(stopped[2]), stopped[3]
            assert self.stop <= GATES, "more stops than gates"
            self.state = "stopped"
        elif (waiting := _WAITING.search(text)) and not _GATE.search(waiting[1]):
            self.state = "blocked"


@dataclasses.dataclass(frozen=True)
class Schedule:
    """``first`` runs until its step ``i``, the other until its step ``j``, then first to its end, then the other.

    0: to the end. ``kill``: when the other has run as far as it can, first's backend is terminated in its stop.
    ``tick``: while first stands in its first stop, time goes on by TICK.
    """

    first: int = 1
    i: int = 0
    j: int = 0
    kill: bool = False
    tick: bool = False

    def __str__(self) -> str:
        return f"{self.first}:{self.i}:{self.j}{':kill' * self.kill}{':tick' * self.tick}"

    @classmethod
    def parse(cls, text: str) -> Schedule:
        """What str() printed."""
        first, i, j, *others = text.split(":")
        return cls(int(first), int(i), int(j), "kill" in others, "tick" in others)


@dataclasses.dataclass
class Run:
    """What a schedule came to: both results; whether the stops i and j were reached; who was where."""

    results: tuple[Result, Result]
    reached: tuple[bool, bool]
    trace: list[str]


class Scheduler:
    """Two sessions, and a connection that opens their gates. The steps of one run are always the same."""

    def __init__(self, conninfo: str, control: Connection) -> None:
        self.control = control
        self.sessions = (Session(conninfo, 1), Session(conninfo, 2))

    def close(self) -> None:
        for session in self.sessions:
            session.pg.finish()

    def run(self, calls: tuple[str | None, str | None], schedule: Schedule) -> Run:
        """Run the calls (None: none) as the schedule says. The world has been restored before."""
        one, two = self.sessions if schedule.first == 1 else reversed(self.sessions)
        queries = {1: calls[0], 2: calls[1]}
        reached = [False, False]
        trace: list[str] = []
        for session in (one, two):
            session.state = "idle" if queries[session.number] else "done"
            session.result = Result()
        current, other = one, two
        goals = (schedule.i, schedule.j)
        turn = 0
        while not one.state == two.state == "done":
            if current.state == "blocked" and other.state in {"blocked", "done"}:
                self._wait(one, two)  # its lock has been let go, or the server ends a deadlock
                continue
            if current.state in {"idle", "stopped"}:
                goal = goals[turn] if turn < len(goals) else 0
                self._go(current, goal, queries[current.number] or "")
                trace.append(f"{current.number} {current.state} {current.where}")
                if turn < len(goals) and current.state == "stopped":
                    reached[turn] = True
            current, other = other, current
            turn += 1
            if turn == 1 and schedule.tick:
                self.control.execute(TICK)
            if turn == len(goals) and schedule.kill and one.state == "stopped":
                self._kill(one)
                trace.append(f"{one.number} killed {one.where}")
        results = (self.sessions[0].result, self.sessions[1].result)
        return Run(results, (reached[0], reached[1]), trace)

    def steps(self, number: int) -> int:
        """How many steps the session took in the last run."""
        row = self.control.execute(f"select last_value from interleaving.steps_{number}".encode()).fetchone()
        assert row is not None
        return int(row[0])

    def _go(self, session: Session, goal: int, query: str) -> None:
        """Let a session go on until it stops at the step, is blocked or done. The other stops at its next step."""
        goal = goal or NO_TARGET
        if session.state == "stopped":
            session.state = "running"
            self.control.execute(
                "select interleaving.let(%s, %s, %s, 1)", [session.number, session.stop, goal], prepare=True
            )
        elif session.state == "idle":
            session.start(query, goal)
        if session.state == "running":
            self._wait(session)

    def _wait(self, *sessions: Session) -> None:
        """Return when one of the sessions is no longer in the state in which it is now."""
        states = [session.state for session in sessions]
        deadline = time.monotonic() + PATIENCE
        while [session.state for session in sessions] == states:
            alive = [each for each in self.sessions if each.state not in {"idle", "done", "dead"}]
            ready, _, _ = select.select([each.pg.socket for each in alive], [], [], deadline - time.monotonic())
            assert ready, f"nothing happens: {[(each.state, each.where) for each in self.sessions]}"
            for each in alive:
                if each.pg.socket in ready:
                    each.pump()

    def _kill(self, session: Session) -> None:
        """Terminate the backend of a session that is stopped."""
        where = session.where
        self.control.execute("select pg_terminate_backend(%s)", [session.pg.backend_pid])
        self._wait(session)
        session.pg.finish()
        session.connect()
        session.state, session.where, session.result = "done", where, KILLED
