"""python -m soak [--world plain] [--seconds 60] [--seed N] [--clients 24] [--history FILE]; status 1: a violation."""

from __future__ import annotations

import argparse
import asyncio
import random
from pathlib import Path

import uvloop

from soak.faults import SETS, kinds_of
from soak.planted import FAULTS as PLANTED
from soak.run import Options, soak
from soak.world import WORLDS


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m soak", description="All five APIs under faults, then checked.")
    parser.add_argument("--world", choices=WORLDS, default="plain", help="what stands between clients and data")
    parser.add_argument("--seconds", type=float, default=60, help="how long things break")
    parser.add_argument("--seed", default=str(random.randrange(10**6)), help="of clients and faults; printed")
    parser.add_argument("--clients", type=int, default=24)
    parser.add_argument("--products", type=int, default=27, help="of each nine one is scarce")
    parser.add_argument("--answers", type=int, default=0, help="go on until there are so many")
    parser.add_argument("--recovery-seconds", type=float, default=10, help="until all clients had a success again")
    parser.add_argument("--history", type=Path, help="write the history there, a line of JSON for each request")
    parser.add_argument("--faults", choices=SETS, default="all", help="short: fewer kinds, for a run of some seconds")
    parser.add_argument("--planted", choices=PLANTED, help="plant a fault, which is then to be found")
    arguments = parser.parse_args()
    print(
        f"world {arguments.world}, seed {arguments.seed}, {arguments.seconds:g} s, {arguments.clients} clients\n",
        flush=True,
    )
    options = Options(
        seed=arguments.seed,
        world=arguments.world,
        seconds=arguments.seconds,
        clients=arguments.clients,
        products=arguments.products,
        answers=arguments.answers,
        kinds=kinds_of(arguments.world, arguments.faults),
        recovery_seconds=arguments.recovery_seconds,
        history=arguments.history,
        planted=PLANTED[arguments.planted] if arguments.planted else None,
    )
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        report = runner.run(soak(options))
    print(report.text())
    return 1 if report.violations else 0


if __name__ == "__main__":
    raise SystemExit(main())
