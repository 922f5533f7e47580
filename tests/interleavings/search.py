"""Runs all schedules of a pair with up to two preemptions, and holds each outcome to those of the serial orders.

What it cannot see: two calls that lock several rows each in one statement, in different orders, for there is no stop
within a statement; nor is there one before the condition of an ELSIF.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence

import psycopg

from tests.interleavings.instrument import TABLES, change_all, instrument, put_steps
from tests.interleavings.outcome import Outcome, World
from tests.interleavings.scenarios import Scenario, make_worlds
from tests.interleavings.scheduler import KILLED, Run, Schedule, Scheduler

# An error that says: nothing is done, try again. No serial order gives it; what is done is what the other call did.
TRY_AGAIN = "40001"
# The Idempotency-Keys that the calls use: the advisory locks of http.once, and the rows.
_SWEEP = "select inventory.end_expired_blocks(s.product_id, 100) from store.stock as s where s.product_id = %s"
_HOLD_KEYS = """
select pg_advisory_xact_lock(hashtextextended(session_user || ' caller' || e'\x1f' || k, 0))
from unnest('{shared,old}'::text[]) as k;
select from store.idempotency_key for no key update
"""
_HOLD_PRODUCTS = (
    "select from store.stock where product_id = any(%s) for no key update",
    "select from store.product where id = any(%s) for no key update",
)
_ENDED_LATE = "select from store.block where status in ('converted', 'cancelled') and ended_at >= expires_at"

Calls = tuple[str | None, str | None]
Choose = Callable[[list[tuple[int, int]]], Iterable[tuple[int, int]]]


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

    pairs: set[Scenario] = dataclasses.field(default_factory=set)
    interleavings: int = 0
    kills: int = 0
    told_to_try_again: Counter[str] = dataclasses.field(default_factory=Counter)

    def __str__(self) -> str:
        again = "".join(
            f"; {name} was told {number} times to try again" for name, number in self.told_to_try_again.items()
        )
        return f"{len(self.pairs)} pairs, {self.interleavings} interleavings, {self.kills} kills{again}"


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
        self._expected: dict[tuple[Calls, bool], list[Outcome]] = {}
        self._sound: set[tuple[str, bool, tuple[str, ...]]] = set()
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

    def run(self, scenario: Scenario, calls: Calls, schedule: Schedule) -> tuple[Run, Outcome]:
        """One run in a world as new."""
        self._runs += 1
        if self._runs % 200 == 0:
            self.control.execute(self._vacuum)
        self._restore(scenario.world)
        run = self.scheduler.run(calls, schedule)
        return run, self._worlds[scenario.world].outcome(run.results, self._state())

    def _begin(self, scenario: Scenario) -> Calls | None:
        """The calls of a pair; None where the world has not what they need."""
        self._expected = {}
        calls = scenario.queries(self.names[scenario.world])
        if calls is not None:
            self.totals.pairs.add(scenario)
        return calls

    def _firsts(self, scenario: Scenario, calls: Calls) -> list[tuple[int, int]]:
        """(first, i): who begins, and at which of the steps that it takes alone it is preempted."""
        found = []
        for number in (1, 2):
            self.run(scenario, _only(calls, number), Schedule(number))
            found += [(number, i) for i in range(1, self.scheduler.steps(number) + 1)]
        return found

    def expected(self, scenario: Scenario, calls: Calls, *, more: bool) -> list[Outcome]:
        """The outcomes of the serial orders of the calls; None: a call that takes no part.

        ``more``: also those with what may happen at any time, or not, which are worked out where the plain ones do not
        explain an outcome. Between the calls, a sweep ends the expired blocks of some products. A call that
        passes over what somebody holds finds it held.
        """
        if (calls, more) not in self._expected:
            outcomes = []
            if more:
                one, two = (self.names[scenario.world][number]["product"] for number in (1, 2))
                some: list[list[int]] = [[one], [two], [one, two]]
                for first in (1, 2):
                    outcomes += [self._in_turn(scenario, calls, first, swept=swept) for swept in some]
                    for number, call in ((1, scenario.a), (2, scenario.b)):
                        holdings: dict[str, list[list[int]]] = {"products": some, "keys": [[]], "": []}
                        outcomes += [
                            self._in_turn(scenario, calls, first, holding=(number, call.passes_over, products))
                            for products in holdings[call.passes_over]
                        ]
            else:
                outcomes += [self.run(scenario, calls, Schedule(first))[1] for first in (1, 2)]
            self._expected[calls, more] = outcomes
        return self._expected[calls, more]

    def _in_turn(
        self,
        scenario: Scenario,
        calls: Calls,
        first: int,
        *,
        swept: Sequence[int] = (),
        holding: tuple[int, str, list[int]] = (0, "", []),
    ) -> Outcome:
        """One call, a sweep of some products, the other call. Keys or products are held while one of them runs."""
        self._restore(scenario.world)
        results = {}
        for number in (first, 3 - first):
            with self._holder.transaction():
                if number == holding[0] and holding[1] == "keys":
                    self._holder.execute(_HOLD_KEYS)
                elif number == holding[0]:
                    for query in _HOLD_PRODUCTS:
                        self._holder.execute(query.encode(), [holding[2]])
                results[number] = self.scheduler.run(_only(calls, number), Schedule(number)).results[number - 1]
            for product in swept if number == first else ():
                self.control.execute(_SWEEP, [product])
        return self._worlds[scenario.world].outcome((results[1], results[2]), self._state())

    def judge(self, scenario: Scenario, calls: Calls, run: Run, outcome: Outcome, *, tick: bool = False) -> str | None:
        """What is wrong with an outcome; None: nothing.

        ``tick``: time went on in the midst of a call. A call may have looked at the time twice, which no serial order
        does, so the outcome is held to less: no error but a rule's, and no block that was ended when it had expired.
        """
        if not self._is_sound(outcome, tick):
            return "verify() finds a difference"
        if any("40P01" in answer for answer in outcome[:2]):
            return "deadlock"
        if tick:
            if any(not (result.sqlstate or "IV").startswith("IV") for result in run.results):
                return "an error that is no rule's"
            late = self.control.execute(_ENDED_LATE).fetchall()
            return "a block was converted or cancelled when it had expired" if late else None
        taking_part = list(calls)
        answers = list(outcome[:2])
        for index, result in enumerate(run.results):
            if result.sqlstate == TRY_AGAIN:
                self.totals.told_to_try_again[(scenario.a, scenario.b)[index].name] += 1
            if result == KILLED or result.sqlstate == TRY_AGAIN:
                taking_part[index] = None
                answers[index] = ""
        done = (answers[0], answers[1], outcome[2])
        both = (taking_part[0], taking_part[1])
        if any(done in self.expected(scenario, both, more=more) for more in (False, True)):
            return None
        return "no serial order gives this"

    def _is_sound(self, outcome: Outcome, tick: bool) -> bool:
        """Whether verify() finds nothing. It reads nothing but the tables and the time: the same are looked at once."""
        key = (self._world, tick, outcome[2])
        if key not in self._sound:
            if self.control.execute("select * from maintenance.verify()").fetchall():
                return False
            self._sound.add(key)
        return True

    def explore(
        self, scenario: Scenario, choose: Choose = list, every: int = 1, *, tick: bool = False
    ) -> Iterator[Finding]:
        """Run the pair's schedules: all, or those whose first preemptions are chosen, with some of the second ones.

        ``tick``: time goes on at the first preemption.
        """
        if (calls := self._begin(scenario)) is None:
            return
        for first, i in choose(self._firsts(scenario, calls)):
            for j in itertools.count(1 + i % every, every):
                self.totals.interleavings += 1
                run, finding = self.once(scenario, calls, Schedule(first, i, j, tick=tick))
                if finding:
                    yield finding
                # A stop that is not reached, because the call ends or waits before, is the same for all later ones.
                if run.reached != (True, True):
                    break

    def kill(self, scenario: Scenario, choose: Choose = list) -> Iterator[Finding]:
        """Terminate a session at each of its steps, when the other one waits for it or has ended."""
        if (calls := self._begin(scenario)) is None:
            return
        for first, i in choose(self._firsts(scenario, calls)):
            self.totals.kills += 1
            _, finding = self.once(scenario, calls, Schedule(first, i, kill=True))
            if finding:
                yield finding

    def again(self, scenario: Scenario, schedule: Schedule) -> tuple[Run, Finding | None]:
        """One schedule of a pair."""
        calls = self._begin(scenario)
        assert calls is not None, "the world has not what this pair needs"
        return self.once(scenario, calls, schedule)

    def once(self, scenario: Scenario, calls: Calls, schedule: Schedule) -> tuple[Run, Finding | None]:
        """One run, and what is wrong with it."""
        run, outcome = self.run(scenario, calls, schedule)
        reason = self.judge(scenario, calls, run, outcome, tick=schedule.tick)
        expected = self.expected(scenario, calls, more=False)
        return run, Finding(scenario, schedule, reason, tuple(run.trace), outcome, tuple(expected)) if reason else None


def _only(calls: Calls, number: int) -> Calls:
    """One of the calls, without the other."""
    return (calls[0], None) if number == 1 else (None, calls[1])
