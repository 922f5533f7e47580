"""Runs all schedules of a pair with up to two preemptions, and holds each outcome to those of the serial orders."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
from collections.abc import Iterator
from typing import Any

import psycopg

from tests.interleavings.instrument import instrument
from tests.interleavings.outcome import World
from tests.interleavings.scenarios import Scenario, make_worlds
from tests.interleavings.scheduler import KILLED, Run, Schedule, Scheduler

# Errors that say: nothing is done, try again. A serial order gives none of them; the outcome is that of the other alone.
TRY_AGAIN = ("40001", "IV013")

Outcome = tuple[str, str, tuple[str, ...]]


@dataclasses.dataclass(frozen=True)
class Finding:
    """A schedule whose outcome no serial order gives, and how it came about."""

    scenario: Scenario
    schedule: Schedule
    reason: str
    trace: tuple[str, ...]
    outcome: Outcome
    expected: tuple[Outcome, ...]

    def __str__(self) -> str:
        """All that is needed to see what went wrong: how to repeat it, the turns, the differences."""
        lines = [f"{self.reason}: {self.scenario} [{self.schedule}]", *(f"    {turn}" for turn in self.trace)]
        lines += [f"  {name} answers {answer}" for name, answer in zip("ab", self.outcome[:2], strict=True)]
        nearest = min(self.expected, key=lambda each: len(set(each[2]) ^ set(self.outcome[2])), default=("", "", ()))
        lines += [f"  a serial order: {name} answers {answer}" for name, answer in zip("ab", nearest[:2], strict=True)]
        lines += [f"  + {line}" for line in self.outcome[2] if line not in nearest[2]]
        lines += [f"  - {line}" for line in nearest[2] if line not in self.outcome[2]]
        return "\n".join(lines)


@dataclasses.dataclass
class Totals:
    """How much was run."""

    pairs: int = 0
    interleavings: int = 0
    kills: int = 0


class Explorer:
    """An instrumented database, its worlds, and the two sessions."""

    def __init__(self, conninfo: str, change: Any = None) -> None:
        self.control = psycopg.connect(conninfo, autocommit=True)
        self.steps = instrument(self.control, change)
        self.names = make_worlds(self.control)
        self.control.execute("set jit = off; set deadlock_timeout = '1s'")
        self._holder = psycopg.connect(conninfo)
        self._worlds: dict[str, World] = {}
        for world in self.names:
            self._restore(world)
            self._worlds[world] = World(self._state())
        self.scheduler = Scheduler(conninfo, self.control)
        self.totals = Totals()
        self._runs = 0

    def close(self) -> None:
        self.scheduler.close()
        self._holder.close()
        self.control.close()

    def _restore(self, world: str) -> None:
        self.control.execute(f"select interleaving.restore_{world}()".encode(), prepare=True)

    def _state(self) -> list[tuple[str, str]]:
        return self.control.execute("select place, content from interleaving.state()", prepare=True).fetchall()

    def run(self, scenario: Scenario, calls: tuple[str | None, str | None], schedule: Schedule) -> tuple[Run, Outcome]:
        """One run in a world as new."""
        self._runs += 1
        if self._runs % 100 == 0:
            self.control.execute("vacuum")
        self._restore(scenario.world)
        run = self.scheduler.run(calls, schedule)
        return run, self._worlds[scenario.world].outcome(run.results, self._state())

    @contextlib.contextmanager
    def _holding(self, products: tuple[int, ...]) -> Iterator[None]:
        """Hold the products' rows, so that a call that passes over what is held does."""
        with self._holder.transaction():
            for query in (
                "select from store.stock where product_id = any(%s) for no key update",
                "select from store.product where id = any(%s) for no key update",
            ):
                self._holder.execute(query.encode(), [list(products)])
            yield

    def serial(self, scenario: Scenario, calls: tuple[str, str]) -> tuple[list[Outcome], dict[int, Outcome], list[int]]:
        """The outcomes of the serial orders; those of each call alone, by its number; the steps that each takes alone."""
        alone, steps = {}, []
        for number in (1, 2):
            only = (calls[0], None) if number == 1 else (None, calls[1])
            run, alone[number] = self.run(scenario, only, Schedule(number))
            steps.append(run.steps[number - 1])
        orders = [self.run(scenario, calls, Schedule(first))[1] for first in (1, 2)]
        orders += self._passing_over(scenario, calls)
        return orders, alone, steps

    def _passing_over(self, scenario: Scenario, calls: tuple[str, str]) -> Iterator[Outcome]:
        """What a call that passes over held products may also come to: one after the other, some products held."""
        products = [self.names[scenario.world][number]["product"] for number in (1, 2)]
        for number, call in ((1, scenario.a), (2, scenario.b)):
            if not call.skips:
                continue
            for held in ((products[0],), (products[1],), tuple(products)):
                for first in (1, 2):
                    self._restore(scenario.world)
                    results = {}
                    for each in (first, 3 - first):
                        only = (calls[0], None) if each == 1 else (None, calls[1])
                        with self._holding(held) if each == number else contextlib.nullcontext():
                            results[each] = self.scheduler.run(only, Schedule(each)).results[each - 1]
                        self.control.execute("select interleaving.close_gates()")
                    yield self._worlds[scenario.world].outcome((results[1], results[2]), self._state())

    def judge(self, run: Run, outcome: Outcome, orders: list[Outcome], alone: dict[int, Outcome]) -> str | None:
        """What is wrong with an outcome; None: nothing."""
        states = [result.sqlstate for result in run.results]
        if any(line.startswith("verify ") for line in outcome[2]):
            return "verify() finds a difference"
        if "40P01" in states or any('"40P01"' in answer for answer in outcome[:2]):
            return "deadlock"
        if outcome in orders:
            return None
        for number in (1, 2):
            gone = run.results[number - 1]
            if gone.sqlstate in TRY_AGAIN or gone == KILLED:
                other = 3 - number
                if outcome[other - 1] == alone[other][other - 1] and outcome[2] == alone[other][2]:
                    return None
        return "no serial order gives this"

    def schedules(self, steps: list[int], first: int | None = None) -> Iterator[tuple[int, int]]:
        """(first, i): who begins, and where it is preempted first."""
        for number in (1, 2) if first is None else (first,):
            for i in range(1, steps[number - 1] + 1):
                yield number, i

    def explore(self, scenario: Scenario, firsts: list[tuple[int, int]] | None = None) -> Iterator[Finding]:
        """Run the pair's schedules: all, or those that begin as ``firsts`` says."""
        calls = scenario.queries(self.names[scenario.world])
        if calls is None:
            return
        orders, alone, steps = self.serial(scenario, calls)
        self.totals.pairs += 1
        for first, i in self.schedules(steps) if firsts is None else firsts:
            for j in itertools.count(1):
                run, outcome = self.run(scenario, calls, Schedule(first, i, j))
                self.totals.interleavings += 1
                if reason := self.judge(run, outcome, orders, alone):
                    yield self._finding(scenario, Schedule(first, i, j), reason, run, outcome, orders)
                # A stop that is not reached, because the call ends or waits before, is the same for all later ones.
                if run.reached != (True, True):
                    break

    def kill(self, scenario: Scenario, firsts: list[tuple[int, int]] | None = None) -> Iterator[Finding]:
        """Terminate a session at each of its steps, while the other one waits for it or has gone on."""
        calls = scenario.queries(self.names[scenario.world])
        if calls is None:
            return
        orders, alone, steps = self.serial(scenario, calls)
        for first, i in self.schedules(steps) if firsts is None else firsts:
            schedule = Schedule(first, i, kill=True)
            run, outcome = self.run(scenario, calls, schedule)
            self.totals.kills += 1
            if reason := self.judge(run, outcome, orders, alone):
                yield self._finding(scenario, schedule, reason, run, outcome, [alone[3 - first]])

    @staticmethod
    def _finding(
        scenario: Scenario, schedule: Schedule, reason: str, run: Run, outcome: Outcome, expected: list[Outcome]
    ) -> Finding:
        return Finding(scenario, schedule, reason, tuple(run.trace), outcome, tuple(expected))
