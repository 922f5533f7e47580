"""docs/mutants.md: the score, and each survivor with what is to be said of it."""

from __future__ import annotations

import sys
import tomllib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from db.apply import ROOT
from tools.mutants.changes import Mutant
from tools.mutants.run import HUNG, KILLED, SURVIVED, UNREACHED, Outcome, read

PAGE = ROOT / "docs" / "mutants.md"
REASONS = Path(__file__).with_name("equivalent.toml")

# What posting as one function will rebuild.
_REBUILT = ("stock", "blocks", "locations", "flows", "trade", "counts", "service")

_INTRODUCTION = """\
# Mutants

A mutant is one function of the database with one small change: `<` in place of `<=`, a lock or an `order by` left
out, a guard that lets everything pass, two arguments swapped. A test that calls the function ought to fail. Where none
does, the tests miss something, or the change changes nothing. `make mutants` makes the changes, runs the tests and
writes this page.

- **What is changed:** the bodies of the functions of schema `inventory`, and of {gateway}. Not changed are
  `inventory.clock`, which the tests replace, and the words of errors (`message`, `hint`), which no test reads.
- **What is no mutant:** a change that PostgreSQL refuses, or in which `plpgsql_check` finds an error of names or types.
- **How:** the tests that call the function run one by one in a database made from a template with the change, until
  one fails. `make coverage` has recorded which they are. Tests in `tests/sql`, `tests/concurrency`, `tests/http` and
  `tests/server` count. Those that compare the text of functions or dumps of the schema do not (`test_migrations.py`,
  `test_catalog.py`).
- **Killed:** a test failed. **Hung:** a test took 30 s and five times as long as usual; that counts as killed, in a
  column of its own. Every test that killed a mutant also ran on the functions as they are, in the same way, and
  passed.
- **Repeatable:** a mutant's name is its function and a digest of its change. `make mutants ARGS='--mutant {example}'`
  prints one, and what fails.
- **How long:** a mutant that lives is given up after a time, and a survivor says how many of its tests ran. That a
  change changes nothing is a judgement, with its reason; it is not shown by running every test.
"""


def write(everything: Sequence[Mutant], areas: Mapping[str, str], results: Path) -> int:
    """Write the page from the results; 1 where a survivor has no sentence, or a sentence no survivor.

    ``areas``: function -> the folder of its file.
    """
    mutants = {mutant.id: mutant for mutant in everything}
    outcomes = {id_: outcome for id_, outcome in read(results).items() if id_ in mutants}
    reasons = read_reasons()
    judged = [mutants[id_] for id_ in mutants if id_ in outcomes]
    faults = [f"There is no such change any more: {id_}" for id_ in sorted(reasons.keys() - mutants.keys())]
    faults += [
        f"A test kills what is said to change nothing: {mutant.id}"
        for mutant in judged
        if mutant.id in reasons and _is_dead(outcomes[mutant.id])
    ]
    if (flaky := results.with_suffix(".flaky")).exists():
        faults += [f"A test fails without a change too: {test}" for test in sorted(set(flaky.read_text().splitlines()))]
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
        f"Of {len(everything):,} changes to {functions(everything)} functions {len(judged):,} were judged, in"
        f" {functions(judged)} functions. **{dead:,} were killed: {_percent(dead, len(judged))}**; {equivalent} change"
        f" nothing that can be seen, for the reasons below; {len(open_)} are open. Of those that change something"
        f" {_percent(dead, len(judged) - equivalent)} were killed.\n",
        *_table("area", judged, outcomes, reasons, lambda mutant: areas[mutant.function]),
        "The next change of the core rebuilds "
        + ", ".join(f"`{name}`" for name in _REBUILT if name != "service")
        + " and the gateway (`service`).\n",
        *_table("change", judged, outcomes, reasons, lambda mutant: mutant.kind),
        "## Survivors that change nothing\n",
        *_with_reasons(alive, reasons, outcomes),
        "## Survivors that are open\n",
        *[f"- {_text(mutant)}{_note(outcomes[mutant.id])}" for mutant in open_],
        "" if open_ else "None.\n",
    ]
    PAGE.write_text("\n".join(lines).rstrip() + "\n")
    print(f"{PAGE.relative_to(ROOT)}: {dead} of {len(judged)} killed, {equivalent} change nothing, {len(open_)} open")
    for fault in faults + [f"No test kills it: {mutant.id}" for mutant in open_]:
        print(fault, file=sys.stderr)
    return 1 if faults or open_ else 0


def read_reasons() -> dict[str, str]:
    """Mutant's id -> why it changes nothing that can be seen."""
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
    head = f"| {title} | mutants | killed | hung | change nothing | open | killed | of those that change something |"
    return [head, "|---|" + "---:|" * 7, *rows, ""]


def _text(mutant: Mutant) -> str:
    before, _, after = mutant.change.partition(" → ")
    return f"**{mutant.id}** (line {mutant.line}, {mutant.kind}) `{before}` → `{after or 'nothing'}`."


def _note(outcome: Outcome) -> str:
    if outcome.state == UNREACHED:
        return " No test calls the function."
    return f" {outcome.tests} tests ran of the {outcome.reaching} that call the function."


def _with_reasons(alive: Sequence[Mutant], reasons: Mapping[str, str], outcomes: Mapping[str, Outcome]) -> list[str]:
    """The survivors below their reasons, each reason once."""
    lines: list[str] = []
    for why in dict.fromkeys(reasons.values()):
        mutants = [mutant for mutant in alive if reasons.get(mutant.id) == why]
        if mutants:
            lines += [f"{why}\n", *[f"- {_text(mutant)}{_note(outcomes[mutant.id])}" for mutant in mutants], ""]
    return lines or ["None.\n"]
