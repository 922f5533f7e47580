"""Measure the service beside others, in one run on a cluster of its own.

python -m bench.compare                       all works and subjects, three rounds
python -m bench.compare --only read,reserve-one --subjects service,bare --connections 128 --rounds 1
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psycopg

from bench.compare import load, subjects
from bench.compare.load import LoadError, Request, Result
from bench.compare.subjects import ROOT, Subject
from bench.compare.works import CONNECTIONS, PRODUCTS, SUBJECTS, WORKS
from tools.cluster import Cluster

SETTINGS = {
    "shared_preload_libraries": "",  # no pg_cron: its jobs would fall on one subject or another
    "shared_buffers": "1GB",
    "max_connections": "700",
    # Checkpoints come between the rounds, where they fall on nobody.
    "max_wal_size": "8GB",
    "checkpoint_timeout": "1h",
}
WARM_SECONDS = 1.0
# What a new connection runs for the first time it has to compile: pgbench's own are new in every measurement.
COMPILE_SECONDS = 0.01


def main() -> int:
    options = arguments(sys.argv[1:])
    measurements: list[dict[str, Any]] = []
    with running(options) as those:
        for round_, work, connections, subject in plan(options, those):
            measurement = measure(subject, work, connections, options.seconds)
            measurements.append({"round": round_, **measurement})
            show(measurement)
    return 0


def arguments(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.compare", description="Measure the service beside others.")
    parser.add_argument("--only", type=listed(WORKS), default=list(WORKS), help="works: " + ",".join(WORKS))
    parser.add_argument("--subjects", type=listed(SUBJECTS), default=None, help="subjects: " + ",".join(SUBJECTS))
    parser.add_argument("--connections", type=numbers, default=list(CONNECTIONS), help="default: 1,32,128,512")
    parser.add_argument(
        "--workers", type=numbers, default=[1], help="of the service and the bare handler: 1,2 for both"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3, help="of one measurement")
    parser.add_argument("--baseline", metavar="REVISION", help="the service as of that commit, beside it")
    options = parser.parse_args(words)
    if options.subjects is None:
        options.subjects = [name for name in SUBJECTS if name != "baseline"]
    if options.baseline and "baseline" not in options.subjects:
        options.subjects.append("baseline")
    # The first number of workers is the service's own; with others it is a subject of another name.
    options.subjects += [
        f"{name}-{count}" for name in ("service", "bare") if name in options.subjects for count in options.workers[1:]
    ]
    return options


def listed(known: dict[str, str]) -> Any:
    def names(text: str) -> list[str]:
        found = text.split(",")
        if unknown := set(found) - known.keys():
            raise argparse.ArgumentTypeError(f"{', '.join(sorted(unknown))}: not one of {', '.join(known)}")
        return found

    return names


def numbers(text: str) -> list[int]:
    return [int(word) for word in text.split(",")]


@contextlib.contextmanager
def running(options: argparse.Namespace) -> Iterator[list[Subject]]:
    """The subjects, started, each over a database of its own in a cluster of the run's."""
    directory = Path(tempfile.mkdtemp(prefix="inventory-bench-"))
    directory.chmod(0o755)
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, directory, ignore_errors=True)
        baseline = checkout(options.baseline, directory, stack) if options.baseline else None
        cluster = stack.enter_context(Cluster(directory, settings=SETTINGS))
        say("Loading …")
        those = [subjects.make(name, cluster, options.workers[0], baseline) for name in options.subjects]
        prepare(cluster, "inventory", ROOT)
        if baseline is not None:
            prepare(cluster, "inventory_baseline", baseline)
        for subject in those:
            subject.make_database()
            stack.callback(subject.stop)
            subject.start()
        yield those


def checkout(revision: str, directory: Path, stack: contextlib.ExitStack) -> Path:
    """A worktree of that revision, for as long as the run takes."""
    tree = directory / "baseline"
    git = ["git", "-C", str(ROOT), "worktree"]
    subprocess.run([*git, "add", "--quiet", "--detach", str(tree), revision], check=True)
    stack.callback(subprocess.run, [*git, "remove", "--force", str(tree)], check=False)
    return tree


def prepare(cluster: Cluster, database: str, tree: Path) -> None:
    """A database with that checkout's schema, the products and an admin."""
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        connection.execute(f"create database {database}".encode())
    dsn = cluster.dsn(dbname=database)
    subprocess.run([sys.executable, "-m", "db.apply", dsn], cwd=tree, check=True, stderr=subprocess.DEVNULL)
    psql(cluster, dsn, Path(__file__).with_name("load.sql"))
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("select maintenance.create_user('admin', 'admin', 'admin')")
        connection.execute("vacuum (analyze)")


def psql(cluster: Cluster, dsn: str, file: Path) -> None:
    command = [cluster.binaries / "psql", *("-X", "-q", "-1", "-v", "ON_ERROR_STOP=1", "-v", f"products={PRODUCTS}")]
    environment = {"PATH": os.environ["PATH"]}
    subprocess.run([*command, "-f", file, dsn], check=True, stdout=subprocess.DEVNULL, env=environment)


def plan(options: argparse.Namespace, those: list[Subject]) -> Iterator[tuple[int, str, int, Subject]]:
    """What to measure in order: each round all of it, the subjects side by side, another one first each time."""
    turn = 0
    for round_ in range(1, options.rounds + 1):
        say(f"Round {round_} …")
        for subject in those:
            subject.refresh()
        with psycopg.connect(those[0].cluster.dsn(), autocommit=True) as connection:
            connection.execute("checkpoint")
        for work, connections in itertools.product(options.only, options.connections):
            able = [subject for subject in those if work in subject.requests]
            turn += 1
            for number in range(len(able)):
                yield round_, work, connections, able[(turn + number) % len(able)]


def measure(subject: Subject, work: str, connections: int, seconds: float) -> dict[str, Any]:
    subject.probe(work)
    request = subject.requests[work]
    before = subject.written()
    if isinstance(request, Request):
        load.wrk(subject.url, request, connections, WARM_SECONDS)
        before = subject.written()
        result = load.wrk(subject.url, request, connections, seconds)
        if result.errors:
            # Once more, to know which.
            errors = load.wrk(subject.url, request, connections, 1, count_statuses=True).errors
            result.errors.update({f"{kind} (in a second more)": times for kind, times in errors.items()})
    else:
        warm = WARM_SECONDS + COMPILE_SECONDS * connections
        result = load.pgbench(request, connections, warm, seconds)
    after = subject.written()
    if work in WRITES and before is not None and after is not None:
        missing = result.count * WRITES[work] - (after - before)
        if missing > 0:
            result.errors["answered, but not written"] = missing
    return described(subject, work, connections, result)


WRITES = {"reserve-many": 1, "reserve-one": 1, "block-convert": 2, "sale": 1}


def described(subject: Subject, work: str, connections: int, result: Result) -> dict[str, Any]:
    return {
        "work": work,
        "subject": subject.name,
        "connections": connections,
        "per_second": round(result.done, 1),
        "p50": round(result.p50, 3),
        "p99": round(result.p99, 3),
        "maximum": round(result.maximum, 3),
        "errors": result.errors,
    }


def show(measurement: dict[str, Any]) -> None:
    m = measurement
    errors = f"  ERRORS {json.dumps(m['errors'])}" if m["errors"] else ""
    print(
        f"{time.strftime('%H:%M:%S')} {m['work']:<14}{m['connections']:>4} {m['subject']:<14}{m['per_second']:>9.0f}/s"
        f"  p50 {m['p50']:.2f} ms  p99 {m['p99']:.2f} ms{errors}",
        flush=True,
    )


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        raise SystemExit(main())
    except LoadError as error:
        raise SystemExit(str(error)) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None
