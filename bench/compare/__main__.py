"""Compares the service with others, in one run, in a cluster that is created for it.

python -m bench.compare                       all workloads and subjects, three rounds: 40 minutes
python -m bench.compare --quick               only what the targets need, three rounds: 12 minutes
python -m bench.compare --only read,reserve-one --subjects service,bare --connections 128 --rounds 1
python -m bench.compare --write               also writes docs/benchmark.md, .svg and .json
python -m bench.compare --render              no measurement: writes the page and the plot from docs/benchmark.json
python -m bench.compare --tune fastapi        compares numbers of workers and connections for one subject
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

import psycopg

from bench.compare import load, machine, report, subjects
from bench.compare.load import LoadError, Request, Result
from bench.compare.subjects import ROOT, Subject
from bench.compare.works import (
    CLIENTS,
    CONNECTIONS,
    LATENCY_MARKS,
    MANY_CONNECTIONS,
    PRODUCTS,
    SOLD_OUT,
    SUBJECTS,
    WORKS,
    WRITES,
    is_for_a_mark,
)
from tools.cluster import Cluster

SETTINGS = {
    # No pg_cron: its jobs would disturb the subject that is being measured.
    "shared_preload_libraries": "",
    "shared_buffers": "1GB",
    "max_connections": "700",
    # Checkpoints are made between the rounds, so that they disturb no measurement.
    "max_wal_size": "8GB",
    "checkpoint_timeout": "1h",
}
WARM_SECONDS = 1.0
LONGER = 10  # a measurement with a latency target takes this many times as long
# A new connection compiles each function at its first call, and pgbench opens new connections for every measurement.
COMPILE_SECONDS = 0.01  # per connection
TUNED_WORKS = ("read", "reserve-many", "reserve-one")
PAGE = ROOT / "docs" / "benchmark.md"


def main() -> int:
    options = arguments(sys.argv[1:])
    if options.render:
        render(json.loads(PAGE.with_suffix(".json").read_text()))
        return 0
    # SIGTERM works like Ctrl-C: everything that was started is stopped.
    signal.signal(signal.SIGTERM, interrupt)
    if options.tune:
        tune(options)
        return 0
    results = run(options)
    print("\n" + "\n".join(report.marks_table(results["measurements"])))
    wrong = report.errors(results["measurements"])
    print("\n" + "\n".join(wrong or ["No errors."]))
    if results["differences"] is not None:
        print(f"maintenance.verify() found {results['differences']} differences.")
    if options.write:
        PAGE.with_suffix(".json").write_text(as_json(results))
        render(results)
    return 1 if wrong or results["differences"] else 0


def arguments(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.compare", description="Compare the service with others.")
    add = parser.add_argument
    add("--only", type=listed(WORKS), default=list(WORKS), help="workloads: " + ",".join(WORKS))
    add("--subjects", type=listed(SUBJECTS), help="subjects: " + ",".join(SUBJECTS))
    add("--connections", type=numbers, default=list(CONNECTIONS), help="default: 1,32,128,512")
    add("--workers", type=numbers, default=[1], help="workers of the service and the bare handler; 1,2 measures both")
    add("--rounds", type=int, default=3, help="default: 3")
    add("--seconds", type=int, default=3, help="duration of one measurement; default: 3")
    add("--quick", action="store_true", help="measure only what the targets need")
    add("--baseline", metavar="REVISION", help="also measure the service of that commit")
    add("--write", action="store_true", help="write docs/benchmark.md, .svg and .json")
    add("--render", action="store_true", help="only write the page and the plot from docs/benchmark.json")
    add("--tune", choices=subjects.TRIED, help="compare numbers of workers and connections for this subject")
    options = parser.parse_args(words)
    if options.subjects is None:
        options.subjects = [name for name in SUBJECTS if name != "baseline"]
    if options.baseline and "baseline" not in options.subjects:
        options.subjects.append("baseline")
    if "baseline" in options.subjects and not options.baseline:
        parser.error("the subject baseline needs --baseline REVISION")
    # `service` has the first number of workers. Each other number makes a subject of its own, such as `service-2`.
    options.subjects += [
        f"{name}-{count}" for name in ("service", "bare") if name in options.subjects for count in options.workers[1:]
    ]
    return options


def listed(known: Mapping[str, str]) -> Callable[[str], list[str]]:
    def names(text: str) -> list[str]:
        found = text.split(",")
        if unknown := set(found) - known.keys():
            raise argparse.ArgumentTypeError(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(known)}")
        return found

    return names


def numbers(text: str) -> list[int]:
    return [int(word) for word in text.split(",")]


def interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Measure what the options ask for. Returns the measurements and a description of the machine."""
    with cluster_of_the_run() as cluster, contextlib.ExitStack() as stack:
        described = machine.describe(cluster)
        print("\n".join(f"{name}: {value}" for name, value in described.items()), flush=True)
        those = start(options, cluster, stack)
        measurements = measure_all(options, cluster, those)
        differences = None
        if any(subject.name.startswith("service") for subject in those):
            print("maintenance.verify() ...", flush=True)
            differences = sum(verify(subject) for subject in those if subject.name.startswith("service"))
    return {
        "run": {
            "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
            "rounds": options.rounds,
            "seconds": options.seconds,
        },
        "machine": described,
        "differences": differences,
        "measurements": measurements,
    }


@contextlib.contextmanager
def cluster_of_the_run() -> Iterator[Cluster]:
    """Yields a cluster with two template databases, from which those of the subjects are copied."""
    directory = Path(tempfile.mkdtemp(prefix="inventory-bench-"))
    directory.chmod(0o755)
    try:
        with Cluster(directory, settings=SETTINGS) as cluster:
            print(f"Loading {PRODUCTS} products ...", flush=True)
            prepare(cluster, "inventory", ROOT)
            with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
                connection.execute("create database peer")
            fill(cluster, "peer", subjects.PEERS / "schema.sql")
            yield cluster
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def prepare(cluster: Cluster, database: str, tree: Path) -> None:
    """Create a database with that checkout's schema, the products and an admin."""
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        connection.execute(f"create database {database}".encode())
    dsn = cluster.dsn(dbname=database)
    applied = subprocess.run(
        [sys.executable, "-m", "db.apply", dsn], cwd=tree, capture_output=True, text=True, check=False
    )
    if applied.returncode:
        raise LoadError(f"db.apply failed:\n{applied.stderr}")
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("select maintenance.create_user('admin', 'admin', 'admin')")
    fill(cluster, database, tree / "bench" / "compare" / "load.sql")


def fill(cluster: Cluster, database: str, file: Path) -> None:
    dsn = cluster.dsn(dbname=database)
    words = ("-X", "-q", "-1", "-v", "ON_ERROR_STOP=1", "-v", f"products={SOLD_OUT}", "-f", str(file), dsn)
    subprocess.run(
        [cluster.binaries / "psql", *words],
        check=True,
        stdout=subprocess.DEVNULL,
        env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
    )
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("vacuum (analyze)")


def start(options: argparse.Namespace, cluster: Cluster, stack: contextlib.ExitStack) -> list[Subject]:
    """Start the subjects, each with its own database. They are stopped when the stack is closed."""
    baseline = None
    if options.baseline:
        baseline = checkout(options.baseline, cluster.directory, stack)
        prepare(cluster, "inventory_baseline", baseline)
    those = [subjects.make(name, cluster, options.workers[0], baseline) for name in options.subjects]
    for subject in those:
        subject.make_database()
        stack.callback(subject.stop)
        subject.start()
        subject.sell_out()
    return those


def checkout(revision: str, directory: Path, stack: contextlib.ExitStack) -> Path:
    """Make a worktree of that revision. It is removed when the stack is closed."""
    tree = directory / "baseline"
    git = ["git", "-C", str(ROOT), "worktree"]
    if subprocess.run([*git, "add", "--quiet", "--detach", str(tree), revision], check=False).returncode:
        raise LoadError(f"git could not make a worktree of {revision}.")
    stack.callback(subprocess.run, [*git, "remove", "--force", str(tree)], check=False)
    return tree


def measure_all(options: argparse.Namespace, cluster: Cluster, those: Sequence[Subject]) -> list[dict[str, Any]]:
    measurements = []
    clients: dict[str, int] = {}
    # A plan that a session makes while a table is empty scans the whole table, even when it has grown, until the table
    # is analyzed. Therefore each subject writes some rows before the first round, and each round begins with ANALYZE.
    for work, connections, subject in plan(options, those, 0):
        if isinstance(subject, subjects.Pgbench):
            clients[work] = best_clients(subject, work)
        elif work in WRITES and connections == usual_connections(options):
            measure(subject, work, connections, 1)
    for round_ in range(1, options.rounds + 1):
        tidy(cluster, those)
        for work, asked, subject in plan(options, those, round_):
            connections = clients[work] if isinstance(subject, subjects.Pgbench) else asked
            # All clients begin at the same time. In a short measurement these first calls would decide the p99.
            is_long = any((mark.work, mark.connections) == (work, connections) for mark in LATENCY_MARKS)
            measurement = measure(subject, work, connections, options.seconds * (LONGER if is_long else 1))
            measurements.append({"round": round_, **measurement})
            print(shown(measurement), flush=True)
    return measurements


def best_clients(subject: Subject, work: str) -> int:
    """Returns the number of clients with which pgbench has the highest throughput."""
    tried = {clients: measure(subject, work, clients, 1) for clients in CLIENTS}
    print("\n".join(map(shown, tried.values())), flush=True)
    return max(CLIENTS, key=lambda clients: tried[clients]["per_second"])


def tidy(cluster: Cluster, those: Sequence[Subject]) -> None:
    """Prepare a round: vacuum and analyze all databases, and make a checkpoint."""
    for subject in those:
        subject.refresh()
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        connection.execute("checkpoint")


def plan(options: argparse.Namespace, those: Sequence[Subject], round_: int) -> Iterator[tuple[str, int, Subject]]:
    """Yields what to measure, in order. In each round another subject comes first."""
    for work in options.only:
        for connections in options.connections:
            able = [subject for subject in those if is_wanted(options, work, subject, connections)]
            for number in range(len(able)):
                yield work, connections, able[(round_ + number) % len(able)]


def is_wanted(options: argparse.Namespace, work: str, subject: Subject, connections: int) -> bool:
    if work not in subject.requests:
        return False
    # pgbench has its own number of clients. It is measured once a round, next to the measurements used for the ratios.
    if subject.name == "pgbench" and connections != usual_connections(options):
        return False
    # With --quick, and for the subject `plain`, measure only what a target needs.
    if not options.tune and (options.quick or subject.name == "plain"):
        return is_for_a_mark(work, subject.name, connections)
    return True


def usual_connections(options: argparse.Namespace) -> int:
    return MANY_CONNECTIONS if MANY_CONNECTIONS in options.connections else max(options.connections)


def measure(subject: Subject, work: str, connections: int, seconds: int) -> dict[str, Any]:
    """Make one measurement, after a warm-up. Every unexpected answer is counted as an error."""
    subject.probe(work)
    request = subject.requests[work]
    if isinstance(request, Request):
        load.wrk(subject.url, request, connections, WARM_SECONDS)
        subject.settle(work)
        before = subject.written()
        result = load.wrk(subject.url, request, connections, seconds)
        subject.settle(work)
        after = subject.written()
        if result.errors or request.refusal:
            # Measure once more, with the statuses: which errors were they, and was every refusal the expected one?
            counted = load.wrk(subject.url, request, connections, 1, count_statuses=True).errors
            subject.settle(work)
            result.errors.update({f"{kind} (in a second more)": times for kind, times in counted.items()})
    else:
        before = subject.written()
        warm = WARM_SECONDS + COMPILE_SECONDS * connections
        result = load.pgbench(request, connections, warm, seconds)
        after = subject.written()
    if not result.count:
        result.errors["no answer at all"] = 1
    if before is not None and after is not None:
        unwritten = result.count * WRITES.get(work, 0) - (after - before)
        if unwritten > 0:
            result.errors["success that wrote nothing"] = unwritten
    return as_measurement(subject, work, connections, result)


def as_measurement(subject: Subject, work: str, connections: int, result: Result) -> dict[str, Any]:
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


def shown(measurement: Mapping[str, Any]) -> str:
    m = measurement
    errors = f"  ERRORS {json.dumps(m['errors'])}" if m["errors"] else ""
    return (
        f"{time.strftime('%H:%M:%S')} {m['work']:<14}{m['connections']:>4} {m['subject']:<14}{m['per_second']:>9.0f}/s"
        f"  p50 {m['p50']:.2f} ms  p99 {m['p99']:.2f} ms{errors}"
    )


def verify(subject: Subject) -> int:
    """Print the differences that maintenance.verify() finds in the subject's database, and return their number."""
    with psycopg.connect(subject.dsn()) as connection:
        found = connection.execute("select * from maintenance.verify()").fetchall()
    for difference in found:
        print(*difference)
    return len(found)


def tune(options: argparse.Namespace) -> None:
    """Measure a subject with several numbers of workers and connections, and print the medians, the fastest first."""
    options.only = [work for work in TUNED_WORKS if work in options.only]
    with cluster_of_the_run() as cluster, contextlib.ExitStack() as stack:
        those = []
        for workers, size in subjects.TRIED[options.tune]:
            subject = subjects.make(options.tune, cluster, workers, sizes=(workers, size))
            subject.name = f"{options.tune}-{workers}x{size}"
            subject.database = f"{options.tune}_{workers}x{size}"
            subject.make_database()
            stack.callback(subject.stop)
            subject.start()
            those.append(subject)
        found = report.summaries(measure_all(options, cluster, those))
    for work, connections in sorted({(work, connections) for work, _, connections in found}):
        print(f"{WORKS[work]}, {connections} connections:")
        by_subject = {name: summary for (w, name, c), summary in found.items() if (w, c) == (work, connections)}
        for name, summary in sorted(by_subject.items(), key=lambda item: -item[1].per_second):
            print(
                f"  {name:<18}{summary.per_second:>9.0f}/s  p99 {summary.p99:.1f} ms{'  ERRORS' * bool(summary.errors)}"
            )


def as_json(results: Mapping[str, Any]) -> str:
    """Returns JSON with one line per measurement, so that diffs are readable."""
    rest = {name: value for name, value in results.items() if name != "measurements"}
    lines = ",\n".join(f"    {json.dumps(m)}" for m in results["measurements"])
    return json.dumps(rest, indent=2)[:-2] + f',\n  "measurements": [\n{lines}\n  ]\n}}\n'


def render(results: Mapping[str, Any]) -> None:
    PAGE.write_text(report.page(results))
    subprocess.run(
        [subjects.PEERS_PYTHON, "-m", "bench.compare.plot", PAGE.with_suffix(".json"), PAGE.with_suffix(".svg")],
        cwd=ROOT,
        check=True,
    )
    print(f"Written: {PAGE.relative_to(ROOT)}, .svg, .json")


if __name__ == "__main__":
    try:
        raise SystemExit(main())
    except LoadError as error:
        raise SystemExit(str(error)) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None
