"""Measures what a call costs, in the server and in the database, and checks that it adds up: python -m bench.scale

Prints the tables of docs/scale.md. Calls that wait are sent together, as a batch: so a call has a cost of its own, and
shares that of its batch. Both follow from measuring each workload by itself with few and with many connections. All
workloads at the same time cost more than their sum, as they share the processors' caches: each round measures an even
mix, from which that factor follows, and an uneven mix, whose cost is compared with the model's. Costs are CPU times of
the processes and bytes: other work on the machine does not count, but makes them higher. Throughput is not looked at.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import dataclasses
import os
import random
import re
import socket
import statistics
import urllib.request
import uuid
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from bench.compare.__main__ import tidy, verify
from bench.compare.load import Request
from bench.compare.load import wrk as load
from bench.compare.subjects import Service
from bench.compare.works import PRODUCTS, WORKS
from bench.cost import TICK, processor, service_of_the_run

FEW, MANY = LEVELS = (8, 128)  # connections
# Each workload, with the queue of its calls.
PARTS = {
    "reserve-many": 'queue="write",role="inventory_operator"',
    "keyed": 'queue="write",role="inventory_operator"',
    "block-convert": 'queue="write",role="inventory_operator"',
    "sale": 'queue="write",role="inventory_admin"',
    "read": 'queue="read",role="inventory_operator"',
    "page": 'queue="read",role="inventory_admin"',
}
EVEN = dict.fromkeys(PARTS, 16)  # connections of each workload in a mix
UNEVEN = {"reserve-many": 24, "keyed": 8, "block-convert": 4, "sale": 8, "read": 48, "page": 4}
CALLS = {"block-convert": 2}  # in a unit
SIZE = 16  # calls in a batch, for which the page shows the sum
FIRST_UNITS = 200  # after a checkpoint: fewer than there are pages
OPEN = 1000  # clients that only keep a connection
TABLES = (
    "select sum(pg_total_relation_size(oid)) from pg_class where relnamespace = 'store'::regnamespace and relkind = 'r'"
)
MARK = "select pg_logical_emit_message(true, 'scale', '')"  # written and flushed at once; its place in the WAL
WAL = "select coalesce(sum(record_size), 0), coalesce(sum(fpi_size), 0) from bench.pg_get_wal_stats(%s, %s, false)"


@dataclasses.dataclass
class Cost:
    """What the processes used: microseconds of CPU time, and bytes."""

    server: float = 0.0
    database: float = 0.0
    wal: float = 0.0
    pages: float = 0.0  # copies of whole pages in the WAL, after a checkpoint
    disk: float = 0.0
    background: float = 0.0  # CPU time of PostgreSQL's other processes: vacuum, checkpoints

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            *(mine + its for mine, its in zip(dataclasses.astuple(self), dataclasses.astuple(other), strict=True))
        )

    def __mul__(self, factor: float) -> Cost:
        return Cost(*(value * factor for value in dataclasses.astuple(self)))


@dataclasses.dataclass
class Run:
    """The units of each workload that were done, what all cost together, and the calls and batches of each queue."""

    units: dict[str, float]
    cost: Cost
    calls: dict[str, float]
    batches: dict[str, float]

    def shares(self, queue: str) -> dict[str, float]:
        """Returns the calls of each workload that the queue has sent."""
        return {work: count * CALLS.get(work, 1) for work, count in self.units.items() if PARTS[work] == queue}


@dataclasses.dataclass
class Part:
    """What one unit of a workload costs: its own, and for each batch."""

    own: Cost
    batch: Cost


class Scale:
    """The measurements of one service and its database."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.connection = psycopg.connect(service.dsn(), autocommit=True)
        self.connection.execute("create schema bench; create extension pg_walinspect schema bench")
        self.close = self.connection.close

    def run(self, connections: Mapping[str, int], seconds: int) -> Run:
        """Run these workloads at the same time."""

        def one(work: str) -> int:
            request = self.service.requests[work]
            assert isinstance(request, Request)
            result = load(self.service.url, request, connections[work], seconds)
            assert result.errors.keys() <= {"no second call"}, result.errors  # where other work keeps the machine busy
            return result.count

        calls, batches = self._sent("sum"), self._sent("count")
        with self._costs() as cost, ThreadPoolExecutor(len(connections)) as pool:
            units = dict(zip(connections, pool.map(one, connections), strict=True))
            for work in connections:
                self.service.settle(work)
        queues = {PARTS[work] for work in connections}
        calls, batches = (
            {queue: now[queue] - before.get(queue, 0.0) for queue in queues}
            for now, before in ((self._sent("sum"), calls), (self._sent("count"), batches))
        )
        # The load generator does not count the calls that are under way when it ends.
        run = Run(dict(units), cost, calls, batches)
        for queue in queues:
            counted = run.shares(queue)
            run.units |= {work: units[work] * calls[queue] / max(sum(counted.values()), 1) for work in counted}
        return run

    def _sent(self, what: str) -> dict[str, float]:
        """Returns how many calls (sum) or batches (count) each queue has sent."""
        with urllib.request.urlopen(self.service.url + "/metrics") as answer:
            text = answer.read().decode()
        found = re.findall(rf"^inventory_db_batch_calls_{what}\{{(.*)\}} (\S+)$", text, re.MULTILINE)
        return {queue: float(count) for queue, count in found}

    def after_a_checkpoint(self, work: str) -> float:
        """Returns the bytes of whole pages in the WAL for each of the first units after a checkpoint."""
        tidy(self.service.cluster, [self.service])  # vacuum, which would write pages, and a checkpoint
        with self._costs() as cost:
            for product in random.sample(range(1, PRODUCTS), FIRST_UNITS):
                self.unit(work, product)
        return cost.pages / FIRST_UNITS

    def unit(self, work: str, product: int) -> tuple[int, int]:
        """Do one unit of work. Returns the bytes of its requests and of their answers, without those of TCP."""
        request = self.service.requests[work]
        assert isinstance(request, Request)
        values = {"id": str(product), "uuid": f"00000000-0000-7000-8000-{product:012x}", "page": "1"}
        sent, answer = self._send(request, request.path, request.body, values)
        if not request.follow[0]:
            return sent, len(answer)
        found = re.search(rb'"block_id" ?: ?"([^"]+)"', answer)
        assert found is not None
        sent_next, answer_next = self._send(request, *request.follow, values | {"block": found[1].decode()})
        return sent + sent_next, len(answer) + len(answer_next)

    def _send(self, request: Request, path: str, body: str, values: Mapping[str, str]) -> tuple[int, bytes]:
        """Returns the length of the request, with the placeholders filled in, and the answer."""
        for name, value in values.items():
            path, body = path.replace(f"<{name}>", value), body.replace(f"<{name}>", value)
        head = [f"{request.method} {path} HTTP/1.1", "Host: inventory.example", "Connection: close"]
        head += [f"Authorization: Bearer {request.token}"] if request.token else []
        head += [f"Idempotency-Key: {uuid.uuid4()}"] if request.is_keyed else []
        head += ["Content-Type: application/json", f"Content-Length: {len(body)}"] if body else []
        message = "\r\n".join([*head, "", body]).encode()
        address = urlsplit(self.service.url)
        with socket.create_connection((address.hostname, address.port)) as client:
            client.sendall(message)
            answer = b"".join(iter(lambda: client.recv(65536), b""))
        assert answer.startswith(b"HTTP/1.1 2"), answer
        return len(message), answer

    def memory_of_clients(self) -> float:
        """Returns the bytes of the server's memory for each connection that only stays open."""
        address = urlsplit(self.service.url)
        before = _private(self._server())
        with contextlib.ExitStack() as stack:
            for _ in range(OPEN):
                client = stack.enter_context(socket.create_connection((address.hostname, address.port)))
                client.sendall(b"GET /health HTTP/1.1\r\nHost: bench\r\n\r\n")
                client.recv(4096)
            return (_private(self._server()) - before) / OPEN

    def memory(self) -> dict[str, float]:
        """Returns the bytes that the server has of its own, and a backend on average; and the number of backends."""
        backends = [_private([pid]) for pid in self._backends()]
        return {"server": _private(self._server()), "backend": statistics.mean(backends), "backends": len(backends)}

    @contextlib.contextmanager
    def _costs(self) -> Iterator[Cost]:
        """Yields a cost that is filled in at the end of the block."""
        cost = Cost()
        size, lsn = self._one(TABLES), self._one(MARK)
        before = self._cpu()
        yield cost
        cost.server, cost.database, cost.background = (
            now - then for now, then in zip(self._cpu(), before, strict=True)
        )
        self._one(MARK)
        row = self.connection.execute(WAL, [lsn, self._one("select pg_current_wal_flush_lsn()")]).fetchone()
        assert row is not None
        cost.wal, cost.pages = map(float, row)
        cost.disk = float(self._one(TABLES)) - float(size)

    def _server(self) -> list[int]:
        """The shell that started the server, and the server."""
        return [self.service.pid, *_children(self.service.pid)]

    def _cpu(self) -> tuple[float, float, float]:
        """The CPU times of the server, its backends, and PostgreSQL's other processes, also those that have ended."""
        postmaster = self.service.cluster.pid
        assert postmaster is not None
        fields = Path(f"/proc/{postmaster}/stat").read_text().rpartition(")")[2].split()
        ended = (int(fields[13]) + int(fields[14])) * TICK
        backends = self._backends()
        others = set(_children(postmaster)) - {*backends, self.connection.info.backend_pid}
        return _used(self._server()), _used(backends), ended + _used(list(others))

    def _backends(self) -> list[int]:
        found = self.connection.execute("select pid from pg_stat_activity where application_name = 'inventory'")
        return [pid for (pid,) in found]

    def _one(self, query: str) -> str:
        row = self.connection.execute(query.encode()).fetchone()
        assert row is not None
        return str(row[0])


def _children(parent: int) -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]


def _used(pids: Sequence[int]) -> float:
    return sum(processor(list(pids)).values())


def _private(pids: Sequence[int]) -> float:
    """Returns the bytes of memory that these processes share with no other."""
    lines = [line for pid in pids for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()]
    return sum(int(line.split()[1]) * 1024.0 for line in lines if line.startswith("Private_"))


def fitted(few: Sequence[Run], many: Sequence[Run], work: str) -> Part:
    """Returns the line through the medians of the runs with few and with many connections."""

    def point(runs: Sequence[Run]) -> tuple[float, Cost]:
        shares = [run.batches[PARTS[work]] / run.units[work] for run in runs]
        costs = [dataclasses.astuple(run.cost * (1 / run.units[work])) for run in runs]
        return statistics.median(shares), Cost(*map(statistics.median, zip(*costs, strict=True)))

    (large, cost), (small, own) = point(few), point(many)
    if large < small * 1.5:  # calls that go alone, because they take long
        return Part(own, Cost())
    batch = (cost + own * -1) * (1 / (large - small))
    batch = Cost(batch.server, batch.database)  # bytes hardly depend on batches
    return Part(own + batch * -small, batch)


def predicted(run: Run, parts: Mapping[str, Part]) -> Cost:
    """Returns what the model says that the run has cost, from its units and batches."""
    total = sum((parts[work].own * units for work, units in run.units.items()), Cost())
    for queue, batches in run.batches.items():
        shares = run.shares(queue)
        for work, calls in shares.items():
            total += parts[work].batch * (batches * calls / sum(shares.values()))
    return total


def mixed(parts: Mapping[str, Part], mixes: Sequence[Run]) -> dict[str, Part]:
    """Returns the parts with the CPU times that they have in mixes, and prints how much higher these are."""
    server, database = (
        statistics.median(getattr(mix.cost, field) / getattr(predicted(mix, parts), field) for mix in mixes)
        for field in ("server", "database")
    )
    print(f"\nIn a mix the CPU times are higher: server {server - 1:+.0%}, database {database - 1:+.0%}.")

    def scaled(cost: Cost) -> Cost:
        return dataclasses.replace(cost, server=cost.server * server, database=cost.database * database)

    return {work: Part(scaled(part.own), scaled(part.batch)) for work, part in parts.items()}


def print_model(parts: Mapping[str, Part], pages: Mapping[str, float], scale: Scale) -> None:
    print(f"\n| | server | in batches of {SIZE} | database | in {SIZE} | WAL | whole pages | disk | request | answer |")
    print(f"|---|{'---:|' * 9}")
    for work, part in parts.items():
        request, answer = scale.unit(work, 1)
        cells = []
        for own, batch in ((part.own.server, part.batch.server), (part.own.database, part.batch.database)):
            calls = CALLS.get(work, 1)
            cells += [
                f"{own:.0f} + {calls * batch:.0f}" if batch else f"{own:.0f}",
                f"{own + calls * batch / SIZE:.0f}",
            ]
        cells += [f"{each:.0f}" for each in (part.own.wal, pages[work], part.own.disk, request, answer)]
        print(f"| {WORKS[work]} | {' | '.join(cells)} |")


def print_check(mixes: Sequence[Run], parts: Mapping[str, Part]) -> None:
    print("\n| mix | units | calls in a batch | server, measured / model | database | WAL | disk | background |")
    print(f"|---|{'---:|' * 7}")
    for number, mix in enumerate(mixes, 1):
        cost, model = mix.cost, predicted(mix, parts)
        cells = [
            f"{getattr(cost, field) / unit:.2f} / {getattr(model, field) / unit:.2f} {kind}"
            f" ({getattr(model, field) / getattr(cost, field) - 1:+.0%})"
            for field, unit, kind in (
                *((field, 1e6, "s") for field in ("server", "database")),
                *((field, 2**20, "MiB") for field in ("wal", "disk")),
            )
        ]
        cells = [f"{sum(mix.units.values()):.0f}", f"{sum(mix.calls.values()) / sum(mix.batches.values()):.1f}", *cells]
        cells += [f"{cost.background / 1e6:.2f} s"]
        print(f"| {number} | {' | '.join(cells)} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=4, help="for each measurement")
    options = parser.parse_args()
    with service_of_the_run() as (cluster, service), contextlib.closing(Scale(service)) as scale:
        for work in PARTS:  # a connection compiles a function at its first call
            scale.run({work: MANY}, 2)
        scale.run(EVEN, 2 * options.seconds)
        memory = scale.memory()
        runs: dict[int, dict[str, list[Run]]] = {each: collections.defaultdict(list) for each in LEVELS}
        even: list[Run] = []
        uneven: list[Run] = []
        for number in range(1, options.rounds + 1):
            tidy(cluster, [service])
            for work in PARTS:
                for connections in LEVELS:
                    runs[connections][work].append(scale.run({work: connections}, options.seconds))
                    print(number, connections, runs[connections][work][-1], flush=True)
            for mixes, connections_of in ((even, EVEN), (uneven, UNEVEN)):
                mixes.append(scale.run(connections_of, options.seconds * 3))
                print(number, mixes[-1], flush=True)
        parts = mixed({work: fitted(runs[FEW][work], runs[MANY][work], work) for work in PARTS}, even)
        print_model(parts, {work: scale.after_a_checkpoint(work) for work in PARTS}, scale)
        print_check(uneven, parts)
        print(f"\nMemory, MiB: a server {memory['server'] / 2**20:.0f}, after {MANY} clients;", end=" ")
        print(f"a backend {memory['backend'] / 2**20:.1f}, of which there are {memory['backends']};", end=" ")
        print(f"a client that stays connected {scale.memory_of_clients() / 2**20:.3f}.")
        print(
            f"{PRODUCTS} products, {os.cpu_count()} cores, load {os.getloadavg()[1]:.1f}; verify(): {verify(service)}"
        )


if __name__ == "__main__":
    main()
