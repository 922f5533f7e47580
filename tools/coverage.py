"""`make coverage`: run the tests, and report which statements and branches of the database functions they execute.

    python -m tools.coverage                          runs all tests and writes docs/coverage.md
    python -m tools.coverage tests/sql -k reserve     runs some tests (any arguments of pytest), and prints the page
    python -m tools.coverage --add-up --data DIR      runs no test, and adds up the data of earlier runs in DIR
    python -m tools.coverage --check                  works like any of these, but does not write the page

It fails if a test fails, if a schema is below its threshold, if a missed branch there has no reason in
tools/coverage.toml, or if a reason is for a branch that is reached or does not exist. tests/coverage.py describes the
format of the data.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, field
from pathlib import Path

from db.source import FUNCTIONS, ROOT

PAGE = ROOT / "docs" / "coverage.md"
REASONS = ROOT / "tools" / "coverage.toml"
MARKS = {"inventory": (100.0, 97.0)}  # percent of statements, percent of branches

INTRODUCTION = """\
# How much of the database's functions the tests run

{origin}
Do not edit. {tests} tests ran. Some tests start their own clusters; only what they execute in the shared cluster
counts. All functions are written in PL/pgSQL.

- A **statement** is a statement of PL/pgSQL; a block is one too. Branches inside an SQL expression, such as a `case`
  in a query or an `or`, are not measured.
- A **branch** is the `then` of an `if`, each `elsif`, and its `else` (if there is no `else`: the condition was false);
  each arm of a `case` statement; and each exception handler. A `for`, `foreach` or `while` loop has two branches: its
  body was executed, and some test ran the loop with no iteration. Compared with `plpgsql_coverage_branches`, this adds
  loops with no iteration, and leaves out what cannot be missed (the body of a `loop` or of a block with handlers) or
  must not happen (a `case` without `else` where no arm fits). An `if` whose condition raises an error counts as false.
- The threshold for `inventory` is 100 % of the statements and 97 % of the branches. `make coverage` fails below it,
  and if a missed branch of `inventory` has no reason in `tools/coverage.toml`.
"""

WHOLE = "the function is never called"

ONE_RUN = "`make coverage` writes this page. It runs the tests with the profiler of `plpgsql_check`."
PARTS = (
    "`python -m tools.coverage --add-up` wrote this page, from runs of parts of the tests with the profiler of\n"
    "`plpgsql_check`. Tests that failed in them count too; `make coverage` needs one run in which all tests pass."
)

Reasons = Mapping[str, Mapping[str, str]]  # function -> missed statement or branch -> reason


class CoverageError(Exception):
    """There is no data to add up. The message says why."""


@dataclass(frozen=True)
class Statement:
    """One statement, as plpgsql_check lists it. ``part`` is its place in the parent: "then body", "exception 1"."""

    id: int
    parent: int | None
    part: str | None
    position_in_part: int
    line: int
    kind: str


@dataclass(frozen=True)
class Branch:
    """One way to continue after a statement. ``body``: its statements; empty for an ELSE that is not written."""

    text: str
    is_run: bool
    body: Sequence[Statement] = ()


@dataclass
class Function:
    """A function, and how often the tests have executed each of its statements."""

    name: str
    area: str
    source: str
    statements: list[Statement]
    executions: Counter[int] = field(default_factory=Counter)
    idle_loops: set[int] = field(default_factory=set)
    """The loops that some test runs with no iteration."""

    def __post_init__(self) -> None:
        # The parent's id -> part -> the statements in it.
        self._parts: defaultdict[int | None, dict[str, list[Statement]]] = defaultdict(dict)
        for statement in self.statements:
            self._parts[statement.parent].setdefault(statement.part or "", []).append(statement)

    def add(self, executions: Mapping[int, int]) -> None:
        """Add the execution counts of one test, by statement."""
        self.executions.update(executions)
        for statement in self.statements:
            body = self._parts[statement.id].get("loop body")
            if body and executions.get(statement.id, 0) > executions.get(body[0].id, 0):
                self.idle_loops.add(statement.id)

    def branches(self, statement: Statement) -> list[Branch]:
        """Returns the branches that begin at the statement."""
        parts, text = self._parts[statement.id], self.text(statement)
        if statement.kind in {"statement block", "LOOP"}:  # their bodies are not branches
            parts = {part: body for part, body in parts.items() if part.startswith("exception")}
        branches = [
            Branch(_name(part, text, self.text(body[0])), self.executions[body[0].id] > 0, body)
            for part, body in parts.items()
        ]
        if statement.kind == "IF" and "else body" not in parts:
            others = sum(self.executions[body[0].id] for body in parts.values())
            branches.append(Branch(f"{text} (it is always true)", self.executions[statement.id] > others))
        if "loop body" in parts:
            branches.append(Branch(f"{text} (it always has a pass)", statement.id in self.idle_loops))
        return branches

    def missing(self) -> list[str]:
        """Lists what is not reached: branches, and statements outside them. Does not list what is inside a branch."""
        known = {statement.id for statement in self.statements}
        outermost = [each for each in self.statements if each.parent not in known]
        if not any(self.executions[each.id] for each in outermost):
            return [WHOLE]
        return list(self._missing(outermost))

    def _missing(self, statements: Sequence[Statement]) -> Iterator[str]:
        for statement in statements:
            if not self.executions[statement.id]:
                yield self.text(statement)
                continue
            branches = self.branches(statement)
            for branch in branches:
                if branch.is_run:
                    yield from self._missing(branch.body)
                else:
                    yield branch.text
            if statement.kind in {"statement block", "LOOP"}:
                parts = self._parts[statement.id]
                yield from self._missing(parts.get("body", []) + parts.get("loop body", []))

    def counts(self) -> Counts:
        branches = [branch for statement in self.statements for branch in self.branches(statement)]
        return Counts(
            1,
            len(self.statements),
            sum(self.executions[statement.id] > 0 for statement in self.statements),
            len(branches),
            sum(branch.is_run for branch in branches),
        )

    def text(self, statement: Statement) -> str:
        """Returns the statement on one line, up to its end or up to the first statement inside it."""
        words: list[str] = []
        for line in self.source.split("\n")[statement.line - 1 :]:
            words += line.partition("--")[0].split()
            if words and (words[-1].endswith(";") or words[-1] in {"then", "loop", "begin"}):
                break
        text = " ".join(words)
        return text if len(text) <= 100 else text[:97] + "..."


def _name(part: str, parent: str, first: str) -> str:
    if part == "then body":
        return f"{parent} {first}"
    if part == "loop body":
        return f"{parent} (it never has a pass)"
    return f"{parent} … {part}: {first}"


@dataclass(frozen=True)
class Counts:
    """Counts, summed over functions."""

    functions: int = 0
    statements: int = 0
    statements_run: int = 0
    branches: int = 0
    branches_run: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(one + two for one, two in zip(astuple(self), astuple(other), strict=True)))

    @property
    def percent(self) -> tuple[float, float]:
        """The percentage of the statements and of the branches that were executed."""
        return _percent(self.statements_run, self.statements), _percent(self.branches_run, self.branches)

    def row(self) -> str:
        statements, branches = (f"{math.floor(value * 10) / 10:.1f} %" for value in self.percent)
        return f"{self.statements_run} of {self.statements} | {statements} | " + (
            f"{self.branches_run} of {self.branches} | {branches} |" if self.branches else "none | |"
        )


def _percent(part: int, whole: int) -> float:
    return 100 * part / whole if whole else 100.0


def read(directory: Path) -> tuple[list[Function], int]:
    """Reads all functions with their execution counts from a directory of data. Also returns the number of tests."""
    try:
        described = json.loads((directory / "functions.json").read_text())
    except FileNotFoundError as error:
        raise CoverageError(f"{directory} has no functions.json: no test with a database ran there.") from error
    areas = {
        f"{path.relative_to(FUNCTIONS).parts[0]}.{path.stem}": str(path.parent.relative_to(FUNCTIONS))
        for path in FUNCTIONS.rglob("*.sql")
    }
    functions = {
        name: Function(name, areas[name], each["source"], [Statement(*values) for values in each["statements"]])
        for name, each in described.items()
    }
    tests = set()
    for path in sorted(directory.glob("*.jsonl")):
        with path.open() as lines:
            for line in lines:
                test = json.loads(line)
                tests.add(test["test"])
                for name, statements in test["statements"].items():
                    functions[name].add({int(id_): count for id_, (_, count) in statements.items()})
    return sorted(functions.values(), key=lambda each: (each.area, each.name)), len(tests)


def faults(functions: Sequence[Function], reasons: Reasons) -> list[str]:
    """Returns one sentence for each reason to fail: thresholds missed, reasons missing or out of date."""
    found = []
    for schema, (statements, branches) in MARKS.items():
        total = sum((each.counts() for each in functions if each.name.startswith(f"{schema}.")), Counts())
        for kind, percent, mark in zip(("statements", "branches"), total.percent, (statements, branches), strict=True):
            if percent < mark:
                found.append(
                    f"{schema}: the tests execute {percent:.2f} % of the {kind}; at least {mark:g} % are needed."
                )
    missing = {each.name: each.missing() for each in functions}
    for name, texts in missing.items():
        if name.partition(".")[0] in MARKS:
            found += [
                f"{name}: not reached, and without a reason: {text}"
                for text in texts
                if text not in reasons.get(name, {})
            ]
    for name, texts_with_reasons in reasons.items():
        stale = [text for text in texts_with_reasons if text not in missing.get(name, [])]
        found += [f"{name}: has a reason, but is reached or does not exist: {text}" for text in stale]
    return found


def page(functions: Sequence[Function], reasons: Reasons, tests: int, origin: str = ONE_RUN) -> str:
    """Returns the page in Markdown."""
    areas: defaultdict[str, Counts] = defaultdict(Counts)
    for function in functions:
        areas[function.area] += function.counts()
        areas[function.area.partition("/")[0]] += function.counts() if "/" in function.area else Counts()
    lines = [
        INTRODUCTION.format(tests=tests, origin=origin),
        "| folder of `db/functions` | functions | statements run | | branches run | |",
    ]
    lines.append("|---|---:|---:|---:|---:|---:|")
    for area, counts in sorted(areas.items()):
        name = area if "/" in area else f"**{area}**"
        lines.append(f"| {name} | {counts.functions} | {counts.row()}")
    lines.append(f"| **all** | {len(functions)} | {sum((each.counts() for each in functions), Counts()).row()}")
    lines += ["", "## What is not reached", ""]
    for function in functions:
        if texts := function.missing():
            counts = function.counts()
            lines.append(
                f"**{function.name}**: {counts.statements_run} of {counts.statements} statements,"
                f" {counts.branches_run} of {counts.branches} branches"
            )
            lines.append("")
            for text in texts:
                lines.append(f"- `{text}`: {reasons.get(function.name, {}).get(text, 'no test yet.')}")
            lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def run_tests(directory: Path, arguments: Sequence[str]) -> int:
    """Run pytest, which writes its data to the directory. Returns pytest's exit status."""
    directory.mkdir(parents=True, exist_ok=True)
    for path in directory.glob("*.json*"):
        path.unlink()
    environment = {**os.environ, "INVENTORY_COVERAGE": str(directory.resolve())}
    return subprocess.run([sys.executable, "-m", "pytest", *arguments], env=environment, check=False).returncode


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.coverage", description=__doc__, allow_abbrev=False)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--data", type=Path, metavar="DIR", help="directory for the tests' data")
    parser.add_argument("--add-up", action="store_true", help="do not run tests, only add up the data in --data")
    parser.add_argument("--check", action="store_true", help="do not write the page")
    options, chosen = parser.parse_known_args(arguments)
    if options.add_up and (chosen or options.data is None):
        parser.error("--add-up needs --data, and runs no tests")
    with tempfile.TemporaryDirectory(prefix="inventory-coverage-") as temporary:
        directory = options.data or Path(temporary)
        if not options.add_up and (status := run_tests(directory, chosen)):
            return status
        try:
            functions, tests = read(directory)
        except CoverageError as error:
            print(error, file=sys.stderr)
            return 1
    reasons = tomllib.loads(REASONS.read_text())
    if chosen:
        print(page(functions, reasons, tests))
        return 0
    if not options.check:
        PAGE.write_text(page(functions, reasons, tests, PARTS if options.add_up else ONE_RUN))
    found = faults(functions, reasons)
    for fault in found:
        print(fault, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
