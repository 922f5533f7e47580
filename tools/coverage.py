"""`make coverage`: run the tests, and write down which statements and branches of the database's functions they run.

    python -m tools.coverage                          all tests; writes docs/coverage.md
    python -m tools.coverage tests/sql -k reserve     some tests, any of pytest's arguments; prints the page instead
    python -m tools.coverage --add-up --data DIR      no test: adds up what an earlier run with --data DIR has left
    python -m tools.coverage --check                  as any of them, and leaves the page as it is

Fails where the tests fail, where a schema is below its mark, where what is not reached there has no reason in
tools/coverage.toml, and where a reason is for something that is reached or is no more. tests/coverage.py says what the
data looks like.
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

from db.apply import FUNCTIONS, ROOT

PAGE = ROOT / "docs" / "coverage.md"
REASONS = ROOT / "tools" / "coverage.toml"
MARKS = {"inventory": (100.0, 97.0)}  # percent of statements, percent of branches

INTRODUCTION = """\
# How much of the database's functions the tests run

{origin}
Do not edit. {tests} tests ran. Of tests that start clusters of their own, what they run in the shared cluster counts,
and nothing more. All functions are PL/pgSQL.

- A **statement** is one of PL/pgSQL's, a block included. What an SQL expression does inside, a `case` in a query or an
  `or`, is not looked at.
- A **branch** is the `then` of an `if`, each `elsif`, its `else` (also where there is none: the condition was false);
  each arm of a `case` statement; each exception handler; and of a `for`, `foreach` or `while` two: that its body was
  run, and that some test ran the loop without a single pass. This is what `plpgsql_coverage_branches` counts, without
  what cannot be missed (the body of a `loop` or of a block with handlers) or must not happen (no arm fits a `case`
  without `else`), and with loops of no pass. An `if` whose condition raises an error counts as false.
- The mark of `inventory` is 100 % of the statements and 97 % of the branches. `make coverage` fails below it, and where
  a branch of `inventory` that is not reached has no reason in `tools/coverage.toml`.
"""

WHOLE = "the function is never called"

ONE_RUN = "Written by `make coverage`, which runs the tests while `plpgsql_check`'s profiler counts."
PARTS = (
    "Written by `python -m tools.coverage --add-up`, from runs of parts of the tests while `plpgsql_check`'s profiler\n"
    "counted. A test that failed there counts too; one green run of all is what `make coverage` asks for."
)

Reasons = Mapping[str, Mapping[str, str]]  # function -> what is not reached -> why


class CoverageError(Exception):
    """There is nothing to add up; the message says why."""


@dataclass(frozen=True)
class Statement:
    """One statement, as plpgsql_check lists it. ``part``: of the parent, as "then body" or "exception 1"."""

    id: int
    parent: int | None
    part: str | None
    position_in_part: int
    line: int
    kind: str


@dataclass(frozen=True)
class Branch:
    """One way on from a statement. ``body``: the statements that stand there, none where an ELSE is absent."""

    text: str
    is_run: bool
    body: Sequence[Statement] = ()


@dataclass
class Function:
    """A function, and what of it the tests have run."""

    name: str
    area: str
    source: str
    statements: list[Statement]
    executions: Counter[int] = field(default_factory=Counter)
    idle_loops: set[int] = field(default_factory=set)
    """The loops that some test runs without a single pass."""

    def __post_init__(self) -> None:
        # By the parent's id, what stands in each part of it.
        self._parts: defaultdict[int | None, dict[str, list[Statement]]] = defaultdict(dict)
        for statement in self.statements:
            self._parts[statement.parent].setdefault(statement.part or "", []).append(statement)

    def add(self, executions: Mapping[int, int]) -> None:
        """Add what one test has run: how often each statement."""
        self.executions.update(executions)
        for statement in self.statements:
            body = self._parts[statement.id].get("loop body")
            if body and executions.get(statement.id, 0) > executions.get(body[0].id, 0):
                self.idle_loops.add(statement.id)

    def branches(self, statement: Statement) -> list[Branch]:
        """The branches that begin at the statement."""
        parts, text = self._parts[statement.id], self.text(statement)
        if statement.kind in {"statement block", "LOOP"}:  # their bodies are no branch
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
        """What is not reached: branches, and statements that stand in none of those. What is inside is not repeated."""
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
        """The statement on one line, up to its end or to where the statements in it begin."""
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
    """Sums over functions."""

    functions: int = 0
    statements: int = 0
    statements_run: int = 0
    branches: int = 0
    branches_run: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(one + two for one, two in zip(astuple(self), astuple(other), strict=True)))

    @property
    def percent(self) -> tuple[float, float]:
        """Of statements and of branches."""
        return _percent(self.statements_run, self.statements), _percent(self.branches_run, self.branches)

    def row(self) -> str:
        statements, branches = (f"{math.floor(value * 10) / 10:.1f} %" for value in self.percent)
        return f"{self.statements_run} of {self.statements} | {statements} | " + (
            f"{self.branches_run} of {self.branches} | {branches} |" if self.branches else "none | |"
        )


def _percent(part: int, whole: int) -> float:
    return 100 * part / whole if whole else 100.0


def read(directory: Path) -> tuple[list[Function], int]:
    """All functions, with what the tests whose data is in the directory have run; and how many tests those are."""
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
    """What keeps the marks from being held, a sentence each."""
    found = []
    for schema, (statements, branches) in MARKS.items():
        total = sum((each.counts() for each in functions if each.name.startswith(f"{schema}.")), Counts())
        for kind, percent, mark in zip(("statements", "branches"), total.percent, (statements, branches), strict=True):
            if percent < mark:
                found.append(f"{schema}: {percent:.2f} % of the {kind} are run, {mark:g} % must be.")
    missing = {each.name: each.missing() for each in functions}
    for name, texts in missing.items():
        if name.partition(".")[0] in MARKS:
            found += [f"{name}: no reason for: {text}" for text in texts if text not in reasons.get(name, {})]
    for name, texts_with_reasons in reasons.items():
        stale = [text for text in texts_with_reasons if text not in missing.get(name, [])]
        found += [f"{name}: the reason is stale, for this is reached or is no more: {text}" for text in stale]
    return found


def page(functions: Sequence[Function], reasons: Reasons, tests: int, origin: str = ONE_RUN) -> str:
    """The page for people to read, in Markdown."""
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
    """Run pytest; what the tests have run stands in the directory afterwards. Returns pytest's exit status."""
    directory.mkdir(parents=True, exist_ok=True)
    for path in directory.glob("*.json*"):
        path.unlink()
    environment = {**os.environ, "INVENTORY_COVERAGE": str(directory.resolve())}
    return subprocess.run([sys.executable, "-m", "pytest", *arguments], env=environment, check=False).returncode


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.coverage", description=__doc__, allow_abbrev=False)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--data", type=Path, metavar="DIR", help="where each test's statements are kept")
    parser.add_argument("--add-up", action="store_true", help="run no test: add up what --data has")
    parser.add_argument("--check", action="store_true", help="write no page")
    options, chosen = parser.parse_known_args(arguments)
    if options.add_up and (chosen or options.data is None):
        parser.error("--add-up takes --data, and no tests")
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
