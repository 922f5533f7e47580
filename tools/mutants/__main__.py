"""`make mutants`: change one thing at a time in the rules, and see whether a test notices.

    python -m tools.mutants --count 600 --seed 1     a sample of all
    python -m tools.mutants --function inventory.post
    python -m tools.mutants --mutant inventory.post:158c12   one, with its difference and what fails
    python -m tools.mutants --survivors              again what survived, after tests were added
    python -m tools.mutants --page                   no run: docs/mutants.md from the results that there are

Which tests call a function is recorded as `make coverage` does it, in a directory that is kept until it is removed.
"""

from __future__ import annotations

import argparse
import difflib
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from db.apply import ROOT
from tools.mutants import page
from tools.mutants.changes import Mutant, everything
from tools.mutants.run import DIRECTORIES, SURVIVED, UNREACHED, Reach, Runner, read

RESULTS = ROOT / ".mutants" / "results.jsonl"
COVERAGE = ROOT / ".coverage-data"


def main() -> int:
    options = _options()
    # The processes that judge take theirs with them when they end.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    every, areas = everything()
    if not options.page:
        chosen = _choose(every, areas, options)
        if not chosen:
            sys.exit("There is no such function or mutant.")
        if options.mutant:
            _print(chosen[0])
            os.environ["MUTANTS_VERBOSE"] = "1"
        if not any(options.coverage.glob("*.jsonl")):
            _record(options.coverage)
        reach = Reach.read(options.coverage, is_patient=options.survivors)
        if not reach.seconds:
            sys.exit(f"There is no coverage in {options.coverage}.")
        options.results.parent.mkdir(exist_ok=True)
        runner = Runner(
            chosen,
            reach,
            options.results,
            jobs=options.jobs,
            seconds=options.seconds,
            count=options.count or len(chosen),
        )
        status = pytest.main(
            [
                *("-o", "addopts=", "-q", "--no-header", "--disable-warnings", "--capture=sys"),
                *("-p", "no:cacheprovider", "-p", "no:schemathesis", "-p", "no:xdist"),
                *(str(ROOT / directory) for directory in DIRECTORIES),
            ],
            plugins=[runner],
        )
        if status != pytest.ExitCode.OK:
            return int(status)
        if options.function or options.area or options.mutant:
            return 0  # too few to be the page's score
    return page.write(every, areas, options.results)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.mutants", description="Change the rules, see a test fail.")
    parser.add_argument("--function", help="schema.function: of this one alone")
    parser.add_argument("--area", help="a folder of db/functions, as blocks: of its functions alone")
    parser.add_argument("--mutant", help="one, by its id; prints what changes and what fails")
    parser.add_argument("--survivors", action="store_true", help="what survived and has no reason, longer")
    parser.add_argument("--count", type=int, help="so many, chosen by --seed; all of them unless told")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=120, help="after which a mutant that lives has survived")
    parser.add_argument("--jobs", "-j", type=int, default=2)
    parser.add_argument("--coverage", type=Path, default=COVERAGE)
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--page", action="store_true", help="run nothing, write the page")
    return parser.parse_args()


def _choose(every: list[Mutant], areas: dict[str, str], options: argparse.Namespace) -> list[Mutant]:
    """The mutants to judge. Of a sample the first are one of each function, then a second of each, and so on."""
    chosen = list(every)
    if options.count:
        random.Random(options.seed).shuffle(chosen)
        ranks: Counter[str] = Counter()
        places = {}
        for mutant in chosen:
            places[mutant.id] = ranks[mutant.function]
            ranks[mutant.function] += 1
        chosen.sort(key=lambda mutant: places[mutant.id])
    if options.function:
        chosen = [mutant for mutant in chosen if mutant.function == options.function]
    if options.area:
        chosen = [mutant for mutant in chosen if areas[mutant.function] == options.area]
    if options.mutant:
        chosen = [mutant for mutant in chosen if mutant.id == options.mutant]
    known = read(options.results)
    if options.survivors:
        explained = page.read_reasons()
        alive = {id_ for id_, outcome in known.items() if outcome.state in (SURVIVED, UNREACHED)}
        chosen = [mutant for mutant in chosen if mutant.id in alive - explained.keys()]
    elif not options.mutant:
        chosen = [m for m in chosen if m.id not in known]
    return chosen


def _record(directory: Path) -> None:
    """Run the tests once to see which of them call what."""
    directory.mkdir(parents=True, exist_ok=True)
    environment = os.environ | {"INVENTORY_COVERAGE": str(directory)}
    subprocess.run([sys.executable, "-m", "pytest", *DIRECTORIES], cwd=ROOT, env=environment, check=False)


def _print(mutant: Mutant) -> None:
    before, after = (text.splitlines() for text in mutant.difference)
    print(f"{mutant.function}, line {mutant.line} of its body ({mutant.kind})")
    print("\n".join(difflib.unified_diff(before, after, "now", "changed", lineterm="", n=3)), flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
