"""Measures the CPU time of each stage of a request, in the server and in the database: python -m bench.cost

Runs the service under load and samples its stacks with py-spy. docs/performance.md quotes the results. With --flame it
also writes the flame graph docs/flame.svg.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg

from bench.compare import subjects
from bench.compare.__main__ import cluster_of_the_run
from bench.compare.load import Request
from bench.compare.load import wrk as load
from bench.compare.subjects import ROOT, Service
from tools.cluster import Cluster

SPY = ROOT / ".venv-bench" / "bin" / "py-spy"
CONNECTIONS = 128
WORKS = ("read", "reserve-many", "reserve-one")
TICK = 10_000  # microseconds; the unit of CPU times in /proc

# A sample belongs to the stage of its innermost frame that matches one of these.
STAGES = {
    "answer: headers, write": (
        "web_response.py",
        "http_writer.py",
        "finish_response (aiohttp/web_protocol.py",
        "_respond (server/http/endpoint.py",
    ),
    "read and parse the request, route": (
        "data_received (aiohttp/web_protocol.py",
        "web_request.py",
        "web_urldispatcher.py",
        "streams.py",
        "yarl/",
        "multidict/",
        "simplejson/",
        "read_body (server/http/body.py",
    ),
    "validate, write the arguments": (
        "pydantic/",
        "server/database/domains.py",
        "validated (server/http/endpoint.py",
        "_members (server/http/endpoint.py",
        "identify (server/http/service.py",
        "authorize (server/http/service.py",
    ),
    "queue": ("pgcalls/queue.py", "server/database/calls.py"),
    "send to the database, receive": ("pgcalls/connection.py",),
}
REST = "event loop, tasks, metrics, the rest"


def stage(frames: list[str]) -> str:
    for frame in reversed(frames):
        for name, marks in STAGES.items():
            if any(mark in frame for mark in marks):
                return name
    return REST


def processor(pids: list[int]) -> dict[int, float]:
    """Returns the CPU time in microseconds that each process has used."""
    used = {}
    for pid in pids:
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            used[pid] = (int(fields[11]) + int(fields[12])) * TICK
    return used


def backends(service: Service) -> list[int]:
    with psycopg.connect(service.dsn()) as connection:
        rows = connection.execute(
            "select pid from pg_stat_activity where datname = current_database() and application_name = 'inventory'"
        )
        return [pid for (pid,) in rows]


def cost(service: Service, work: str, seconds: int, flame: Path | None) -> None:
    """Measure one workload, and print its table."""
    request = service.requests[work]
    assert isinstance(request, Request)
    load(service.url, request, CONNECTIONS, 2)
    pid = service.pid
    used = processor([pid, *backends(service)])
    count = load(service.url, request, CONNECTIONS, seconds).count
    after = processor(list(used))
    in_server = (after[pid] - used[pid]) / count
    in_database = sum(after.get(other, 0.0) - used[other] for other in used if other != pid) / count

    raw = service.cluster.directory / "stacks"
    samples = samples_of(service, request, pid, seconds, raw)
    if flame is not None:
        spy = [SPY, "record", "--pid", str(pid), "--duration", str(seconds), "--rate", "400", "--output", flame]
        with under_load(service, request, seconds + 2):
            subprocess.run(spy, check=True, capture_output=True)
        flame.write_text(flame.read_text().replace(f"{ROOT}/", ""))
    total = sum(samples.values())
    print(f"\n{work}: {count / seconds:.0f}/s\n\n| | µs a request |\n|---|---:|")
    for name in (*STAGES, REST):
        print(f"| {name} | {in_server * samples[name] / total:.1f} |")
    print(f"| **the server** | **{in_server:.1f}** |\n| **the database** | **{in_database:.1f}** |", flush=True)


@contextlib.contextmanager
def under_load(service: Service, request: Request, seconds: int) -> Iterator[None]:
    """Runs the block while the load generator sends the request."""
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(load, service.url, request, CONNECTIONS, seconds)
        time.sleep(1)
        yield
        running.result()


def samples_of(service: Service, request: Request, pid: int, seconds: int, raw: Path) -> collections.Counter[str]:
    spy = [SPY, "record", "--pid", str(pid), "--duration", str(seconds), "--rate", "400", "--format", "raw"]
    with under_load(service, request, seconds + 2):
        subprocess.run([*spy, "--output", raw], check=True, capture_output=True)
    found: collections.Counter[str] = collections.Counter()
    for line in raw.read_text().splitlines():
        stack, _, times = line.rpartition(" ")
        found[stage(stack.split(";"))] += int(times)
    return found


@contextlib.contextmanager
def service_of_the_run() -> Iterator[tuple[Cluster, Service]]:
    """Yields a cluster of this run, and the service, which serves over it until the end of the block."""
    with cluster_of_the_run() as cluster:
        service = subjects.make("service", cluster, 1, None)
        assert isinstance(service, Service)
        service.make_database()
        try:
            service.start()
            yield cluster, service
        finally:
            service.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--flame", action="store_true", help="write docs/flame.svg, measured with reservations")
    options = parser.parse_args()
    with service_of_the_run() as (_, service):
        for work in WORKS:
            flame = ROOT / "docs" / "flame.svg" if options.flame and work == "reserve-many" else None
            cost(service, work, options.seconds, flame)


if __name__ == "__main__":
    main()
