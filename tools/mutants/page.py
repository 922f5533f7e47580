"""Writes docs/mutants.md: the score, and each survivor with its reason."""

from __future__ import annotations

import sys
import tomllib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from db.source import ROOT
from tools.mutants.changes import Mutant
from tools.mutants.run import HUNG, KILLED, SURVIVED, UNREACHED, Outcome, read

PAGE = ROOT / "docs" / "mutants.md"
REASONS = Path(__file__).with_name("equivalent.toml")

_INTRODUCTION = """\
# Mutants

A mutant is a database function with one small change: `<` instead of `<=`, a lock or an `order by` removed, a guard
that never raises, two arguments swapped. A test that calls the function should fail. If no test fails, either the tests
miss something, or the change has no visible effect. `make mutants` makes the changes, runs the tests and writes this
page.

- **What is changed:** the bodies of the functions in schema `inventory`, and of {gateway}. Two things are not changed:
  `inventory.clock`, which the tests replace, and the texts of errors (`message`, `hint`), which no test compares.
- **What is left out:** changes that PostgreSQL rejects, or in which `plpgsql_check` finds a wrong name or type.
- **How:** the tests that call the function run one by one, in a database cloned from a template with the change, until
  one of them fails. A run as for `make coverage` records which tests call which function. The tests in `tests/sql`,
  `tests/concurrency`, `tests/http` and `tests/server` count, except those that compare the text of functions or a dump
  of the schema (`test_migrations.py`, `test_catalog.py`).
- **Killed:** a test failed. **Hung:** a test took more than 30 s plus five times as long as usual; this counts as
  killed, and has its own column. Every test that killed a mutant also ran on the unchanged functions, and passed.
- **Repeatable:** a mutant's id is the name of its function and a digest of the change.
  `make mutants ARGS='--mutant {example}'` prints the change and the test that fails.
- **Limits:** the tests of a mutant stop after a time limit; each survivor below says how many of its tests ran. That a
  change has no visible effect is a judgement, and its reason is given. Running all tests would not prove it.
"""


def write(everything: Sequence[Mutant], areas: Mapping[str, str], results: Path) -> int:
    """Write the page from the results. Returns 1 if a survivor has no reason, or a reason has no survivor.

    ``areas`` maps each function to the folder of its file.
    """
    mutants = {mutant.id: mutant for mutant in everything}
    outcomes = {id_: outcome for id_, outcome in read(results).items() if id_ in mutants}
    reasons = read_reasons()
    judged = [mutants[id_] for id_ in mutants if id_ in outcomes]
    faults = [
        f"A reason is given for a change that no longer exists: {id_}"
        for id_ in sorted(reasons.keys() - mutants.keys())
    ]
    faults += [
        f"A reason is given for a change that a test kills: {mutant.id}"
        for mutant in judged
        if mutant.id in reasons and _is_dead(outcomes[mutant.id])
    ]
    if (flaky := results.with_suffix(".flaky")).exists():
        faults += [
            f"A test also fails without a change: {test}" for test in sorted(set(flaky.read_text().splitlines()))
        ]
    alive = [mutant for mutant in judged if not _is_dead(outcomes[mutant.id])]
    open_ = [mutant for mutant in alive if mutant.id not in reasons]

    def functions(mutants: Iterable[Mutant]) -> int:
        return len({mutant.function for mutant in mutants})

    gateway = sorted({f"`{mutant.function}`" for mutant in everything if mutant.function.startswith("http.")})
    dead = len(judged) - len(alive)
    equivalent = len(alive) - len(open_)
    lines = [
        _INTRODUCTION.format(gateway=", ".join(gateway), example=judged[0].id),
        "## Score\n",
        f"There are {len(everything):,} mutants of {functions(everything)} functions; {len(judged):,} of"
        f" {functions(judged)} functions were tested. **{dead:,} were killed: {_percent(dead, len(judged))}**;"
        f" {equivalent} have no visible effect, for the reasons below; {len(open_)} are open."
        f" {_percent(dead, len(judged) - equivalent)} of the mutants with a visible effect were killed.\n",
        *_table("area", judged, outcomes, reasons, lambda mutant: areas[mutant.function]),
        *_table("change", judged, outcomes, reasons, lambda mutant: mutant.kind),
        "## Survivors with no visible effect\n",
        *_with_reasons(alive, reasons, outcomes),
        "## Open survivors\n",
        *[f"- {_text(mutant)}{_note(outcomes[mutant.id])}" for mutant in open_],
        "" if open_ else "None.\n",
    ]
    PAGE.write_text("\n".join(lines).rstrip() + "\n")
    print(f"{PAGE.relative_to(ROOT)}: {dead} of {len(judged)} killed, {equivalent} without effect, {len(open_)} open")
    for fault in faults + [f"No test kills it: {mutant.id}" for mutant in open_]:
        print(fault, file=sys.stderr)
    return 1 if faults or open_ else 0


def read_reasons() -> dict[str, str]:
    """Maps the id of each mutant without a visible effect to the reason."""
    entries = tomllib.loads(REASONS.read_text())["reason"]
    reasons = {id_: entry["why"] for entry in entries for id_ in entry["mutants"]}
    if len(reasons) != sum(len(entry["mutants"]) for entry in entries):
        raise ValueError(f"{REASONS.name} gives two reasons for one change")
    return reasons


def _is_dead(outcome: Outcome) -> bool:
    return outcome.state in (KILLED, HUNG)


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "-"


def _table(
    title: str,
    judged: Sequence[Mutant],
    outcomes: Mapping[str, Outcome],
    reasons: Mapping[str, str],
    group: Callable[[Mutant], str],
) -> list[str]:
    counts: dict[str, Counter[str]] = {}
    for mutant in judged:
        state = outcomes[mutant.id].state
        if state in (SURVIVED, UNREACHED):
            state = "equivalent" if mutant.id in reasons else "open"
        for key in (group(mutant), "all"):
            counts.setdefault(key, Counter())[state] += 1
    rows = []
    for key in sorted(counts, key=lambda key: (key == "all", key)):
        count = counts[key]
        killed = count[KILLED] + count[HUNG]
        rows.append(
            f"| {key} | {count.total()} | {count[KILLED]} | {count[HUNG]} | {count['equivalent']} | {count['open']}"
            f" | {_percent(killed, count.total())} | {_percent(killed, count.total() - count['equivalent'])} |"
        )
    head = (
        f"| {title} | mutants | killed | hung | no effect | open | killed, of all | killed, of those with an effect |"
    )
    return [head, "|---|" + "---:|" * 7, *rows, ""]


def _text(mutant: Mutant) -> str:
    before, _, after = mutant.change.partition(" → ")
    return f"**{mutant.id}** (line {mutant.line}, {mutant.kind}) `{before}` → `{after or 'nothing'}`."


def _note(outcome: Outcome) -> str:
    if outcome.state == UNREACHED:
        return " No test calls the function."
    return f" {outcome.tests} of the {outcome.reaching} tests that call the function ran."


def _with_reasons(alive: Sequence[Mutant], reasons: Mapping[str, str], outcomes: Mapping[str, Outcome]) -> list[str]:
    """Lists the survivors, grouped by their reasons."""
    lines: list[str] = []
    for why in dict.fromkeys(reasons.values()):
        mutants = [mutant for mutant in alive if reasons.get(mutant.id) == why]
        if mutants:
            lines += [f"{why}\n", *[f"- {_text(mutant)}{_note(outcomes[mutant.id])}" for mutant in mutants], ""]
    return lines or ["None.\n"]
