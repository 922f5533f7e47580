"""Runs the tests that call the function of a mutant, in a process forked from one that has collected all tests.

This is a pytest plugin: the cluster is started once, and the tests are collected once. For each mutant, a child process
makes a template database with the changed function. It then runs the tests, which clone the template as usual, one by
one until one fails.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import inspect
import json
import math
import multiprocessing
import os
import re
import select
import signal
import sys
import time
import traceback
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from tools.mutants.changes import Mutant

KILLED, HUNG, SURVIVED, UNREACHED = "killed", "hung", "survived", "unreached"

_BASE = "mutants_base"
_PATIENCE = 10  # seconds that the tests wait for a lock or event, instead of 30: a missing lock shows sooner
_CLONE_SECONDS = 0.2  # the least time that a test takes
DIRECTORIES = ("tests/sql/", "tests/concurrency/", "tests/http/", "tests/server/")
# These compare the definitions of functions instead of their effects, or wait for the next minute of pg_cron.
_EXCLUDED = (
    "tests/sql/test_migrations.py",
    "tests/sql/test_catalog.py",
    "tests/sql/test_cron.py",
    "tests/sql/test_batch.py::test_each_function_is_called_with_its_own_arguments",
)


def is_used(test: str) -> bool:
    """Whether the test is one that can kill a mutant."""
    return test.startswith(DIRECTORIES) and not test.startswith(_EXCLUDED)


@dataclass(frozen=True)
class Outcome:
    """The result of testing a mutant."""

    id: str
    state: str
    test: str = ""
    """The test that killed it."""
    tests: int = 0
    """How many tests ran."""
    reaching: int = 0
    """How many tests call the function."""
    seconds: float = 0


@dataclass
class Reach:
    """The tests that call each function, from the data of tools/coverage.py."""

    seconds: dict[str, float] = field(default_factory=dict)
    counts: dict[str, dict[str, dict[int, int]]] = field(default_factory=lambda: defaultdict(dict))
    """Function -> test -> line at which a statement begins -> how often the test executed it."""
    is_patient: bool = False
    words: dict[str, set[str]] = field(default_factory=dict)
    """Test -> the words in its source."""

    @classmethod
    def read(cls, directory: Path, *, is_patient: bool) -> Reach:
        reach = cls(is_patient=is_patient)
        for path in sorted(directory.glob("*.jsonl")):
            for text in path.read_text().splitlines():
                entry = json.loads(text)
                test = entry["test"]
                if not is_used(test):
                    continue
                reach.seconds[test] = max(reach.seconds.get(test, 0), entry["seconds"])
                for function, statements in entry["statements"].items():
                    for line, count in statements.values():
                        if count:
                            ran = reach.counts[function].setdefault(test, {})
                            ran[line] = max(ran.get(line, 0), count)
        return reach

    def tests(self, mutant: Mutant, killers: Counter[str]) -> list[str]:
        """Returns all tests that call the mutant's function, those first that will probably kill it."""
        by_test = self.counts.get(mutant.function, {})
        lines = sorted({line for counts in by_test.values() for line in counts if line <= mutant.line})
        wanted = _words(mutant.context)
        frequency = Counter(word for test in by_test for word in wanted & self.words.get(test, set()))

        best = [test for test, _ in killers.most_common(2)]

        def order(test: str) -> tuple[bool, bool, float]:
            # How often the test executes the last statement that begins before the change. If there is none, because
            # a declaration changes, every test counts.
            runs = by_test[test].get(lines[-1], 0) if lines else 1
            # A test that shares words with the changed lines is probably about them; rare words weigh more.
            common = sum(1 / frequency[word] for word in wanted & self.words.get(test, set()))
            gain = (1 + math.log2(1 + runs)) * (0.02 + common) * (1 + killers[test])
            # Prefer quick tests at first; for survivors, the duration counts less.
            cost = (self.seconds[test] + _CLONE_SECONDS) ** (0.5 if self.is_patient else 1)
            return test not in best, not runs, cost / gain

        return sorted(by_test, key=order)


def _words(text: str) -> set[str]:
    return set(re.findall(r"[a-z]{3,}|iv\d{3}", text.lower()))


@functools.cache
def _words_of(function: object) -> set[str]:
    """The words in a test's source; none if a library generated the test."""
    return _words(inspect.getsource(function)) if inspect.isfunction(function) else set()


class Runner:
    """The plugin: replaces pytest's loop over the tests, and appends each outcome to the file ``results``."""

    def __init__(
        self, mutants: Sequence[Mutant], reach: Reach, results: Path, *, jobs: int, seconds: float, count: int
    ) -> None:
        self.mutants = mutants
        self.reach = reach
        self.results = results
        self.jobs = jobs
        self.seconds = seconds
        self.count = count
        self._items: dict[str, pytest.Item] = {}
        self._new: list[str] = []
        self._failed: str | None = None

    # pytest's hooks

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        if session.testsfailed:
            raise session.Interrupted("the tests cannot be collected")
        self._items = {item.nodeid: item for item in session.items if is_used(item.nodeid)}
        for name, item in self._items.items():
            self.reach.words[name] = _words(name) | _words_of(getattr(item, "function", None))
        # Tests that are newer than the record: they may call any function.
        self._new = sorted(self._items.keys() - self.reach.seconds.keys())
        self._conftest = importlib.import_module("tests.conftest")
        self._dsn = self._conftest.throwaway_cluster().dsn()
        with psycopg.connect(self._dsn, autocommit=True) as admin:
            admin.execute(f"create database {_BASE}".encode())
        self._conftest.prepare(make_conninfo(self._dsn, dbname=_BASE))
        accepted = self._accepted()
        self._in_parallel([*_by_function(accepted)], self._judge_all)
        killers = sorted({outcome.test for outcome in read(self.results).values() if outcome.test})
        self._in_parallel([killers[slot :: self.jobs] for slot in range(self.jobs)], self._check_killers)
        return True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and self._failed is None:
            self._failed = report.nodeid
            if os.environ.get("MUTANTS_VERBOSE"):
                print(report.longreprtext, file=sys.stderr, flush=True)

    # Valid mutants

    def _accepted(self) -> list[Mutant]:
        """The mutants that PostgreSQL accepts, and in which plpgsql_check finds no additional error."""
        accepted: list[Mutant] = []
        name = f"{_BASE}_check"
        with psycopg.connect(self._dsn, autocommit=True) as admin:
            admin.execute(f"create database {name} template {_BASE}".encode())
        with psycopg.connect(self._dsn, dbname=name, autocommit=True) as connection:
            connection.execute("create extension plpgsql_check")

            def errors(function: str) -> int:
                row = connection.execute(
                    "select count(*) from pg_proc as p join pg_language as l on l.oid = p.prolang,"
                    " plpgsql_check_function_tb(p.oid, fatal_errors => false) as e"
                    " where p.oid = (%s::regproc) and l.lanname = 'plpgsql' and e.level = 'error'",
                    [function],
                ).fetchone()
                assert row is not None
                return int(row[0])

            before = {function: errors(function) for function in {mutant.function for mutant in self.mutants}}
            for mutant in self.mutants:
                if len(accepted) == self.count:
                    break
                with contextlib.suppress(psycopg.Error), connection.transaction(force_rollback=True):
                    connection.execute(mutant.definition.encode())
                    if errors(mutant.function) <= before[mutant.function]:
                        accepted.append(mutant)
        return accepted

    # Slots: each is a process, which forks one child per mutant

    def _in_parallel(self, work: Sequence[Any], do: Callable[[int, Any], None]) -> None:
        """Let ``jobs`` processes do the pieces of work, each taking the next one; wait until all are done."""
        following = multiprocessing.get_context("fork").Value("i", 0)
        sys.stdout.flush()
        sys.stderr.flush()
        pids = []
        for slot in range(self.jobs):
            pid = os.fork()
            if pid == 0:
                try:
                    while True:
                        with following.get_lock():
                            index = following.value
                            following.value += 1
                        if index >= len(work):
                            os._exit(0)
                        do(slot, work[index])
                except BaseException:  # noqa: BLE001 - a forked process must not return into the parent's code
                    traceback.print_exc()
                    sys.stderr.flush()
                    os._exit(1)
            pids.append(pid)
        try:
            while pids:
                pid, status = os.wait()
                pids.remove(pid)
                if status:
                    raise RuntimeError("a process that judges mutants failed")
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGTERM)
                os.waitpid(pid, 0)

    def _judge_all(self, slot: int, mutants: Sequence[Mutant]) -> None:
        killers: Counter[str] = Counter()
        for mutant in mutants:
            outcome = self._judge(slot, mutant, killers)
            if outcome.state == KILLED:
                killers[outcome.test] += 1
            with self.results.open("a") as results:
                results.write(json.dumps(asdict(outcome)) + "\n")
            print(f"{outcome.state:9} {outcome.seconds:5.1f} s  {mutant.id}  {outcome.test}", flush=True)

    def _judge(self, slot: int, mutant: Mutant, killers: Counter[str]) -> Outcome:
        tests = self._new + [test for test in self.reach.tests(mutant, killers) if test in self._items]
        if not tests:
            return Outcome(mutant.id, UNREACHED)
        began = time.monotonic()
        state, test, ran = self._run(slot, mutant.definition, tests)
        return Outcome(mutant.id, state, test, ran, len(tests), round(time.monotonic() - began, 1))

    def _check_killers(self, slot: int, tests: Sequence[str]) -> None:
        """Check that the tests which killed mutants pass on the unchanged functions."""
        for test in tests:
            state, _, _ = self._run(slot, None, [test])
            if state != SURVIVED:
                with self.results.with_suffix(".flaky").open("a") as flaky:
                    flaky.write(f"{test}\n")
                print(f"fails without a change: {test}", flush=True)

    def _run(self, slot: int, definition: str | None, tests: Sequence[str]) -> tuple[str, str, int]:
        """Run the tests in a child. Returns (state, the test that failed, number of tests that ran)."""
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                os.close(reader)
                signal.signal(signal.SIGTERM, signal.SIG_DFL)
                os.setsid()  # one process group, so that processes started by tests can be killed with it
                self._child(slot, definition, tests, writer)
                status = 0
            except BaseException:  # noqa: BLE001 - see above
                traceback.print_exc()
            finally:
                os._exit(status)
        os.close(writer)
        try:
            return self._watch(reader, tests)
        finally:
            os.close(reader)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            self._drop(slot)

    def _watch(self, reader: int, tests: Sequence[str]) -> tuple[str, str, int]:
        """Read the progress of a child: it writes a dot before each test, and at the end F (failed) or P (passed)."""
        ran, began = 0, time.monotonic()
        while True:
            limit = 60.0 if not ran else 3 * _PATIENCE + 5 * self.reach.seconds.get(tests[ran - 1], 0)
            if not select.select([reader], [], [], limit)[0]:
                return HUNG, tests[max(ran - 1, 0)], ran
            said = os.read(reader, 1)
            if said == b"P" or (said == b"." and time.monotonic() - began > self.seconds):
                return SURVIVED, "", ran
            if said == b"F":
                return KILLED, tests[ran - 1], ran
            if said != b".":
                raise RuntimeError(f"the process that runs {tests[max(ran - 1, 0)]} died")
            ran += 1

    def _drop(self, slot: int) -> None:
        with psycopg.connect(self._dsn, autocommit=True) as admin:
            for (name,) in admin.execute(
                "select datname from pg_database where datname like %s", [f"mutant{slot}%"]
            ).fetchall():
                admin.execute(sql.SQL("alter database {} is_template false").format(sql.Identifier(name)))
                admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))

    # The child

    def _child(self, slot: int, definition: str | None, tests: Sequence[str], writer: int) -> None:
        if not os.environ.get("MUTANTS_VERBOSE"):
            silence = os.open(os.devnull, os.O_WRONLY)
            os.dup2(silence, 1)
            os.dup2(silence, 2)
        # The template of the tests' databases: a copy of the base, with the change.
        prefix = f"mutant{slot}_"
        template = f"{prefix}template"
        with psycopg.connect(self._dsn, autocommit=True) as admin:
            admin.execute(f"create database {template} template {_BASE}".encode())
            if definition is not None:
                with psycopg.connect(self._dsn, dbname=template) as changed:
                    changed.execute(definition.encode())
            admin.execute(f"comment on database {template} is 'loaded'".encode())
        vars(self._conftest).update(TEMPLATE=template, PATIENCE=_PATIENCE)
        self._conftest.new_database.__wrapped__.__kwdefaults__["prefix"] = prefix
        items = [self._items[test] for test in tests]
        for item, following in zip(items, [*items[1:], None], strict=True):
            os.write(writer, b".")
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            if self._failed:
                os.write(writer, b"F")
                return
        os.write(writer, b"P")


def read(results: Path) -> dict[str, Outcome]:
    """Maps each mutant's id to its latest outcome."""
    if not results.exists():
        return {}
    return {entry["id"]: Outcome(**entry) for entry in map(json.loads, results.read_text().splitlines())}


def _by_function(mutants: Iterable[Mutant]) -> Iterator[list[Mutant]]:
    """Groups the mutants by function: a test that kills one mutant of a function probably kills the next one too."""
    groups: dict[str, list[Mutant]] = defaultdict(list)
    for mutant in mutants:
        groups[mutant.function].append(mutant)
    yield from sorted(groups.values(), key=len, reverse=True)
