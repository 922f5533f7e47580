"""Runs the interleavings of all pairs in an order that the seed decides, until the time is over.

    make interleavings SECONDS=600 SEED=7
    make interleavings ARGS="--pair 'scarce: reserve_stock / record_sale' --schedule 1:4:2"     one of them again

Prints how many pairs and interleavings were run and what was found; exits with 1 where something was.
"""

from __future__ import annotations

import argparse
import functools
import random
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

import psycopg

from tests.conftest import prepare
from tests.interleavings.scenarios import scenarios
from tests.interleavings.scheduler import Schedule
from tests.interleavings.search import Explorer, Finding
from tools.cluster import Cluster

FIRSTS, EVERY = 2, 4  # of a pair: so many first preemptions, and one in so many second ones
WEIGHTS = (7, 2, 1)  # of plain interleavings, kills, and interleavings in which time goes on


def search(explorer: Explorer, seconds: float, seed: int) -> list[Finding]:
    """Walk through all pairs at random, with some preemptions of each; then once more, with others."""
    chance = random.Random(seed)
    ends = time.monotonic() + seconds
    found: list[Finding] = []
    everything = scenarios()
    while time.monotonic() < ends:
        chance.shuffle(everything)
        for scenario in everything:
            if time.monotonic() > ends:
                break
            explore = functools.partial(explorer.explore, every=EVERY)
            kinds = (explore, explorer.kill, functools.partial(explore, tick=True))
            (find,) = chance.choices(kinds, WEIGHTS)
            for finding in find(scenario, lambda firsts: chance.sample(firsts, min(len(firsts), FIRSTS))):
                if all(finding.scenario != earlier.scenario for earlier in found):
                    print(finding, flush=True)
                found.append(finding)
    return found


def again(explorer: Explorer, pair: str, schedule: Schedule) -> list[Finding]:
    """One interleaving, and the turns that it took."""
    (scenario,) = (each for each in scenarios() if str(each) == pair)
    run, finding = explorer.again(scenario, schedule)
    print(*run.trace, sep="\n")
    print(finding or "a serial order gives the same")
    return [finding] if finding else []


def main() -> int:
    parser = argparse.ArgumentParser(prog="make interleavings")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--pair", help="'world: call / call', as it is printed")
    parser.add_argument("--schedule", type=Schedule.parse, help="who begins, where it stops, where the other stops")
    options = parser.parse_args()
    seed = random.randrange(2**32) if options.seed is None else options.seed

    # Else a signal to end would leave the cluster behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    directory = Path(tempfile.mkdtemp(prefix="inventory-interleavings-"))
    directory.chmod(0o755)
    cluster = Cluster(directory, throwaway=True)
    try:
        cluster.start()
        with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
            connection.execute("create database interleavings")
        prepare(cluster.dsn(dbname="interleavings"))
        explorer = Explorer(cluster.dsn(dbname="interleavings"))
        began = time.monotonic()
        try:
            if options.pair:
                found = again(explorer, options.pair, options.schedule or Schedule())
            else:
                found = search(explorer, options.seconds, seed)
        finally:
            explorer.close()
        print(f"{explorer.totals} in {time.monotonic() - began:.0f} s, seed {seed}: {len(found)} findings")
        for finding in found[:1]:
            print(f"Again: make interleavings ARGS=\"--pair '{finding.scenario}' --schedule {finding.schedule}\"")
    finally:
        cluster.destroy()
        shutil.rmtree(directory, ignore_errors=True)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
