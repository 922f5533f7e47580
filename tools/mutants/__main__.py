"""`make mutants`: mutation tests. Make one small change to a database function, and check that a test fails.

    python -m tools.mutants --count 600 --seed 1             judges a sample of all mutants
    python -m tools.mutants --function inventory.post        judges the mutants of one function
    python -m tools.mutants --mutant inventory.post:158c12   judges one, prints its diff and the test that fails
    python -m tools.mutants --survivors                      judges the survivors again, after tests were added
    python -m tools.mutants --page                           runs nothing, writes docs/mutants.md from earlier results

The tests that call each function are recorded as for `make coverage`. The record is kept and used again; remove the
directory .coverage-data to renew it.
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

from db.source import ROOT
from tools.mutants import page
from tools.mutants.changes import Mutant, everything
from tools.mutants.run import DIRECTORIES, SURVIVED, UNREACHED, Reach, Runner, read

RESULTS = ROOT / ".mutants" / "results.jsonl"
COVERAGE = ROOT / ".coverage-data"


def main() -> int:
    options = _options()
    # Exit with SystemExit, so that `finally` ends the child processes.
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
            return 0  # a part of the mutants is not a score for the page
    return page.write(every, areas, options.results)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.mutants", description="Mutation tests of the functions.")
    parser.add_argument("--function", help="judge only the mutants of this function, as schema.function")
    parser.add_argument("--area", help="judge only the functions in this folder of db/functions, such as blocks")
    parser.add_argument("--mutant", help="judge only the mutant with this id; print its diff and the test that fails")
    parser.add_argument("--survivors", action="store_true", help="judge survivors without a reason again, for longer")
    parser.add_argument("--count", type=int, help="number of mutants, chosen by --seed (default: all)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=120, help="time after which a mutant counts as survived")
    parser.add_argument("--jobs", "-j", type=int, default=2)
    parser.add_argument("--coverage", type=Path, default=COVERAGE)
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--page", action="store_true", help="do not run tests, only write the page")
    return parser.parse_args()


def _choose(every: list[Mutant], areas: dict[str, str], options: argparse.Namespace) -> list[Mutant]:
    """Returns the mutants to judge. A sample begins with one mutant of each function, then a second of each, …"""
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
    """Run all tests once, and record which functions each of them calls."""
    directory.mkdir(parents=True, exist_ok=True)
    environment = os.environ | {"INVENTORY_COVERAGE": str(directory)}
    subprocess.run([sys.executable, "-m", "pytest", *DIRECTORIES], cwd=ROOT, env=environment, check=False)


def _print(mutant: Mutant) -> None:
    before, after = (text.splitlines() for text in mutant.difference)
    print(f"{mutant.function}, line {mutant.line} of its body ({mutant.kind})")
    print("\n".join(difflib.unified_diff(before, after, "now", "changed", lineterm="", n=3)), flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
