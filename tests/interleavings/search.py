"""Runs all schedules of a pair with up to two preemptions, and holds each outcome to those of the serial orders."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
import psycopg

from tests.interleavings.instrument import TABLES, change_all, instrument, put_steps
from tests.interleavings.outcome import Outcome, World
from tests.interleavings.scenarios import Scenario, make_worlds
from tests.interleavings.scheduler import KILLED, Run, Schedule, Scheduler

# Errors that say: nothing is done, try again. A serial order gives none of them; the outcome is that of the other alone.
TRY_AGAIN = ("40001", "IV013")


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
class Serial:
    """The outcomes of the serial orders; those of each call alone, by its number; the steps that each takes alone."""

    orders: list[Outcome]
    alone: dict[int, Outcome]
    steps: dict[int, int]
    is_complete: bool = False

    def firsts(self) -> list[tuple[int, int]]:
        """(first, i): who begins, and at which step it is preempted first."""
        return [(number, i) for number in (1, 2) for i in range(1, self.steps[number] + 1)]


Choose = Callable[[list[tuple[int, int]]], Iterable[tuple[int, int]]]


@dataclasses.dataclass
class Totals:
    """How much was run."""

    pairs: int = 0
    interleavings: int = 0
    kills: int = 0

    def __str__(self) -> str:
        return f"{self.pairs} pairs, {self.interleavings} interleavings, {self.kills} kills"


class Explorer:
    """An instrumented database, its worlds, and the two sessions."""

    def __init__(self, conninfo: str) -> None:
        self.control = psycopg.connect(conninfo, autocommit=True)
        self._functions = instrument(self.control)
        self.names = make_worlds(self.control)
        self.control.execute("set jit = off; set deadlock_timeout = '1s'")
        self._holder = psycopg.connect(conninfo)
        self._world = ""
        self._worlds: dict[str, World] = {}
        for world in self.names:
            self._restore(world)
            change_all(self.control)
            self._worlds[world] = World(self._state())
        self.scheduler = Scheduler(conninfo, self.control)
        self.totals = Totals()
        self._runs = 0
        self._sound: set[tuple[str, ...]] = set()
        tables = [f'store."{table}"' for (table,) in self.control.execute(TABLES)]
        self._vacuum = f"vacuum {', '.join(tables)}".encode()

    def close(self) -> None:
        self.scheduler.close()
        self._holder.close()
        self.control.close()

    @contextlib.contextmanager
    def planted(self, name: str, old: str, new: str) -> Iterator[None]:
        """A fault in a function: one text of its body for another. The function is as it was afterwards."""
        function = self._functions[name]
        assert function.body.count(old) == 1, f"{name} has changed: plant the fault anew"
        put_steps(self.control, function, function.body.replace(old, new))
        try:
            yield
        finally:
            put_steps(self.control, function)

    def _restore(self, world: str) -> None:
        if world != self._world:
            change_all(self.control)
            self._world = world
        self.control.execute(f"select interleaving.restore_{world}()".encode(), prepare=True)

    def _state(self) -> list[tuple[str, str]]:
        return self.control.execute("select place, content from interleaving.state()", prepare=True).fetchall()

    def run(self, scenario: Scenario, calls: tuple[str | None, str | None], schedule: Schedule) -> tuple[Run, Outcome]:
        """One run in a world as new."""
        self._runs += 1
        if self._runs % 200 == 0:
            self.control.execute(self._vacuum)
        self._restore(scenario.world)
        run = self.scheduler.run(calls, schedule)
        return run, self._worlds[scenario.world].outcome(run.results, self._state())

    @contextlib.contextmanager
    def _holding(self, products: Sequence[int]) -> Iterator[None]:
        """Hold the products' rows, so that a call that passes over what is held does."""
        with self._holder.transaction():
            for query in (
                "select from store.stock where product_id = any(%s) for no key update",
                "select from store.product where id = any(%s) for no key update",
            ):
                self._holder.execute(query.encode(), [list(products)])
            yield

    def serial(self, scenario: Scenario, calls: tuple[str, str]) -> Serial:
        """Run the calls alone, and one after the other."""
        alone, steps = {}, {}
        for number in (1, 2):
            only = (calls[0], None) if number == 1 else (None, calls[1])
            _, alone[number] = self.run(scenario, only, Schedule(number))
            steps[number] = self.scheduler.steps(number)
        orders = [self.run(scenario, calls, Schedule(first))[1] for first in (1, 2)]
        return Serial(orders, alone, steps)

    def more_orders(self, scenario: Scenario, calls: tuple[str, str]) -> Iterator[Outcome]:
        """Serial orders with what may happen at any time, or not: worked out only where the plain ones do not explain.

        Between the calls, a sweep ends the blocks of some products that are over. A call that passes over products that
        somebody holds finds some of them held.
        """
        one, two = (self.names[scenario.world][number]["product"] for number in (1, 2))
        some: list[list[int]] = [[one], [two], [one, two]]
        for first in (1, 2):
            for swept in some:
                yield self._in_turn(scenario, calls, first, swept=swept)
            for number, call in ((1, scenario.a), (2, scenario.b)):
                for held in some if call.skips else []:
                    yield self._in_turn(scenario, calls, first, holder_of=number, held=held)

    def _in_turn(
        self,
        scenario: Scenario,
        calls: tuple[str, str],
        first: int,
        *,
        swept: Sequence[int] = (),
        holder_of: int = 0,
        held: Sequence[int] = (),
    ) -> Outcome:
        """One call, a sweep of some products, the other call; some products are held while the one of that number runs."""
        self._restore(scenario.world)
        results = {}
        for number in (first, 3 - first):
            with self._holding(held if number == holder_of else ()):
                only = (calls[0], None) if number == 1 else (None, calls[1])
                results[number] = self.scheduler.run(only, Schedule(number)).results[number - 1]
            for product in swept if number == first else ():
                self.control.execute("select inventory.end_lapsed_blocks(%s, inventory.clock())", [product])
        return self._worlds[scenario.world].outcome((results[1], results[2]), self._state())

    def judge(self, scenario: Scenario, calls: tuple[str, str], run: Run, outcome: Outcome, serial: Serial) -> str | None:
        """What is wrong with an outcome; None: nothing."""
        states = [result.sqlstate for result in run.results]
        if not self._is_sound(outcome):
            return "verify() finds a difference"
        if "40P01" in states or any('"40P01"' in answer for answer in outcome[:2]):
            return "deadlock"
        if outcome in serial.orders:
            return None
        for number in (1, 2):
            gone = run.results[number - 1]
            if gone.sqlstate in TRY_AGAIN or gone == KILLED:
                other = 3 - number
                if outcome[other - 1] == serial.alone[other][other - 1] and outcome[2] == serial.alone[other][2]:
                    return None
        if not serial.is_complete:
            serial.orders += self.more_orders(scenario, calls)
            serial.is_complete = True
        return None if outcome in serial.orders else "no serial order gives this"

    def _is_sound(self, outcome: Outcome) -> bool:
        """Whether verify() finds nothing. It reads nothing but the tables: the same rows are looked at once."""
        if (self._world, *outcome[2]) not in self._sound:
            if self.control.execute("select * from maintenance.verify()").fetchall():
                return False
            self._sound.add((self._world, *outcome[2]))
        return True

    def explore(self, scenario: Scenario, choose: Choose = list) -> Iterator[Finding]:
        """Run the pair's schedules: all, or those whose first preemptions are chosen."""
        if (calls := scenario.queries(self.names[scenario.world])) is None:
            return
        serial = self.serial(scenario, calls)
        self.totals.pairs += 1
        for first, i in choose(serial.firsts()):
            for j in itertools.count(1):
                schedule = Schedule(first, i, j)
                run, outcome = self.run(scenario, calls, schedule)
                self.totals.interleavings += 1
                if reason := self.judge(scenario, calls, run, outcome, serial):
                    yield Finding(scenario, schedule, reason, tuple(run.trace), outcome, tuple(serial.orders))
                # A stop that is not reached, because the call ends or waits before, is the same for all later ones.
                if run.reached != (True, True):
                    break

    def kill(self, scenario: Scenario, choose: Choose = list) -> Iterator[Finding]:
        """Terminate a session at each of its steps, when the other one waits for it or has ended."""
        if (calls := scenario.queries(self.names[scenario.world])) is None:
            return
        serial = self.serial(scenario, calls)
        for first, i in choose(serial.firsts()):
            schedule = Schedule(first, i, kill=True)
            run, outcome = self.run(scenario, calls, schedule)
            self.totals.kills += 1
            if reason := self.judge(scenario, calls, run, outcome, serial):
                yield Finding(scenario, schedule, reason, tuple(run.trace), outcome, (serial.alone[3 - first],))

    def once(self, scenario: Scenario, schedule: Schedule) -> tuple[list[str], Finding | None]:
        """One schedule: its turns, and what is wrong with it."""
        calls = scenario.queries(self.names[scenario.world])
        assert calls is not None, "the world has not what this pair needs"
        serial = self.serial(scenario, calls)
        run, outcome = self.run(scenario, calls, schedule)
        reason = self.judge(scenario, calls, run, outcome, serial)
        finding = Finding(scenario, schedule, reason or "", tuple(run.trace), outcome, tuple(serial.orders))
        return run.trace, finding if reason else None
