"""python -m soak [--world plain] [--seconds 60] [--seed N] [--clients 24] [--history FILE]; status 1: a violation."""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import math
import random
from datetime import UTC, datetime
from pathlib import Path

import uvloop

from soak.faults import SETS, kinds_of
from soak.planted import FAULTS as PLANTED
from soak.run import Options, Report, soak
from soak.worlds import WORLDS

ROUND_SECONDS = 120.0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m soak", description="Test all five APIs under injected faults.")
    parser.add_argument("--world", choices=WORLDS, default="plain", help="the set-up of servers and clusters")
    parser.add_argument("--seconds", type=float, default=60, help="time during which faults are injected")
    parser.add_argument("--seed", default=str(random.randrange(10**6)), help="seed of clients and faults; printed")
    parser.add_argument("--clients", type=int, default=96)
    parser.add_argument("--products", type=int, default=27, help="number of products; one in nine is scarce")
    parser.add_argument("--answers", type=int, default=0, help="go on until there are this many answers")
    parser.add_argument("--recovery-seconds", type=float, default=10, help="time for all clients to succeed again")
    parser.add_argument("--history", type=Path, help="write the history to this file, one line of JSON per request")
    parser.add_argument("--faults", choices=SETS, default="all", help="short: fewer kinds, for a run of some seconds")
    parser.add_argument("--failovers", type=int, default=0, help="of the leader, in a row, at the end (world patroni)")
    parser.add_argument("--planted", choices=PLANTED, help="plant this bug, which the checks must then find")
    parser.add_argument("--template", type=Path, help="copy this stopped cluster (world.make_database); faster")
    parser.add_argument("--record", type=Path, help="append the run's totals to the table at the end of this file")
    arguments = parser.parse_args()
    options = Options(
        seed=arguments.seed,
        world=PLANTED[arguments.planted].world if arguments.planted else arguments.world,
        seconds=arguments.seconds,
        clients=arguments.clients,
        products=PLANTED[arguments.planted].products if arguments.planted else arguments.products,
        answers=arguments.answers,
        kinds=kinds_of(arguments.world, arguments.faults),
        recovery_seconds=arguments.recovery_seconds,
        failovers=arguments.failovers,
        history=arguments.history,
        planted=PLANTED[arguments.planted] if arguments.planted else None,
        template=arguments.template,
    )
    total = Total()
    for each in rounds(options):
        print(f"world {each.world}, seed {each.seed}, {each.seconds:g} s, {each.clients} clients\n", flush=True)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            report = runner.run(soak(each))
        print(report.text(), end="\n\n", flush=True)
        total.add(report)
    if arguments.record is not None:
        with arguments.record.open("a") as file:
            file.write(total.row(options, arguments.faults) + "\n")
    return 1 if total.violations else 0


def rounds(options: Options) -> list[Options]:
    """Splits a long run into rounds, each with its own world and seed.

    This bounds the memory of the checks, and a single round can be repeated.
    """
    count = math.ceil(options.seconds / ROUND_SECONDS)
    if count == 1:
        return [options]
    seconds = options.seconds / count
    parts = [
        dataclasses.replace(options, seed=f"{options.seed}/{n}", seconds=seconds, failovers=0) for n in range(count)
    ]
    return [*parts[:-1], dataclasses.replace(parts[-1], failovers=options.failovers)]


@dataclasses.dataclass
class Total:
    """The totals over the rounds of a run."""

    seconds: float = 0
    answers: int = 0
    faults: int = 0
    violations: int = 0

    def add(self, report: Report) -> None:
        self.seconds += report.seconds
        self.answers += report.answers
        self.faults += len(report.happened)
        self.violations += len(report.violations)

    def row(self, options: Options, faults: str) -> str:
        """Returns a row for the table of runs in docs/trust.md."""
        command = f"make soak SECONDS={options.seconds:g} SEED={options.seed} WORLD={options.world}"
        if faults != "all":
            command += f" ARGS='--faults {faults}'"
        counts = f"{self.seconds / 3600:.2f} | {self.answers:,} | {self.faults:,} | {self.violations}"
        return f"| {datetime.now(UTC):%Y-%m-%d} | {options.world} | {counts} | `{command}` |".replace(",", " ")


if __name__ == "__main__":
    raise SystemExit(main())
