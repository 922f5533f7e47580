"""The world ``patroni``: what `make cluster` starts, with proxies on every way that a fault may cut.

The clients know one address, HAProxy's. Nobody tells anything of a failover: what answers again does so by itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import itertools
import os
import random
import signal
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime

import aiohttp
import psycopg
from psycopg.conninfo import make_conninfo

from soak.check import Check
from soak.proxy import Proxy
from soak.world import BACK_SECONDS, Loss, Server, World, children, settings
from tools.machines import Machines, Node
from tools.process import free_port

WHOLE_SECONDS = 240.0  # for a node that was lost to follow the new leader, rewound or copied anew
JOB_SECONDS = 150.0  # for pg_cron to run a job of each minute
WITNESS_SECONDS = 0.2

FAILOVERS = (
    "kill the leader's PostgreSQL",
    "stop the leader's machine",
    "cut the leader off from the others",
    "cut the leader off from all",
    "switch over",
)


@dataclasses.dataclass(frozen=True)
class Written:
    """A write that a node has acknowledged, and the node's timeline then."""

    node: str
    number: int
    timeline: int
    sent: float
    acknowledged: float


class Witness:
    """Writes to each node directly, whatever cuts it off from the others, and notes what is acknowledged."""

    def __init__(self, machines: Machines) -> None:
        self.written: list[Written] = []
        self._machines = machines
        self._numbers = itertools.count()
        self._is_over = threading.Event()
        self._threads = [threading.Thread(target=self._write, args=[node], daemon=True) for node in machines.nodes]

    def start(self) -> None:
        with psycopg.connect(self._machines.conninfo, dbname="postgres", autocommit=True) as connection:
            connection.execute("create table witness (number bigint primary key)")
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._is_over.set()
        for thread in self._threads:
            thread.join()

    def _write(self, node: Node) -> None:
        host, _, port = node.address.partition(":")
        conninfo = make_conninfo(self._machines.conninfo, host=host, port=port, dbname="postgres", connect_timeout=2)
        while not self._is_over.is_set():
            with contextlib.suppress(psycopg.Error), psycopg.connect(conninfo, autocommit=True) as connection:
                self._write_over(connection, node.name)
            self._is_over.wait(WITNESS_SECONDS)

    def _write_over(self, connection: psycopg.Connection[tuple[int]], node: str) -> None:
        timeline = "('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::integer"
        while not self._is_over.is_set():
            number, sent = next(self._numbers), time.monotonic()
            with contextlib.suppress(psycopg.errors.ReadOnlySqlTransaction):
                row = connection.execute(
                    f"insert into witness values (%s) returning {timeline}".encode(), [number]
                ).fetchone()
                assert row is not None
                self.written.append(Written(node, number, row[0], sent, time.monotonic()))
            self._is_over.wait(WITNESS_SECONDS)

    def has_written(self, but: Node, since: float) -> bool:
        """Whether another node has acknowledged a write that was sent later."""
        return any(each.node != but.name and each.sent > since for each in reversed(self.written))

    def check(self, kept: set[int]) -> list[Check]:
        """``kept``: the numbers that are in the table at the end."""
        return [check_leaders(self.written), check_kept(self.written, kept)]


def check_leaders(written: Sequence[Written]) -> Check:
    """Once a leader has acknowledged a write, no leader of before acknowledges one that was sent later."""
    check = Check("no two leaders take writes", 0)
    newest = 0
    acknowledged = sorted(written, key=lambda each: each.acknowledged)
    place = 0
    for each in sorted(written, key=lambda each: each.sent):
        while place < len(acknowledged) and acknowledged[place].acknowledged < each.sent:
            newest = max(newest, acknowledged[place].timeline)
            place += 1
        check.expect(each.timeline >= newest, f"{each}, when timeline {newest} had already taken writes")
    nodes: dict[int, set[str]] = {}
    for each in written:
        nodes.setdefault(each.timeline, set()).add(each.node)
    for timeline, names in nodes.items():
        check.expect(len(names) == 1, f"timeline {timeline} was written by {sorted(names)}")
    return check


def check_kept(written: Sequence[Written], kept: set[int]) -> Check:
    check = Check("what any node acknowledged is there at the end", 0)
    for each in written:
        check.expect(each.number in kept, f"{each} is lost")
    return check


class Patroni(World):
    """etcd, three PostgreSQL under Patroni, HAProxy, and four servers on two addresses."""

    has_standbys = True

    def _make(self, seed: str) -> None:
        self._seed = seed
        self._ways: dict[str, Proxy] = {}
        limits = {"RATE_LIMIT_AUTHENTICATION": "10000/minute"}
        self.machines = Machines(self.directory, settings(self.directory) | limits, through=self._through)
        self.witness = Witness(self.machines)
        self.servers = [
            Server(number, [process], self._ways[f"HAProxy to server{number + 1}"])
            for number, process in enumerate(self.machines.servers)
        ]
        self.faults = {
            "kill the leader's PostgreSQL": self._kill_leader,
            "stop the leader's machine": self._stop_leader,
            "cut the leader off from the others": self._cut_off_leader,
            "cut the leader off from all": self._isolate_leader,
            "switch over": self._switch_over,
            "lose a machine of servers": self._lose_servers,
        }
        self._shared = Check("four servers count limits and know keys together")
        self._failed_at = datetime.now(UTC)

    def _through(self, name: str, address: str) -> str:
        host, _, port = address.partition(":")
        listen = free_port()
        self._ways[name] = Proxy(listen, (host, int(port)), f"{self._seed}/{name}")
        return f"127.0.0.1:{listen}"

    @property
    def urls(self) -> list[str]:
        return [self.machines.url]

    @property
    def conninfo(self) -> str:
        return make_conninfo(self.machines.conninfo, connect_timeout=3)

    @property
    def _sweeper_conninfo(self) -> str:
        return self.conninfo

    async def _start(self) -> None:
        for way in self._ways.values():
            await way.start()
        await self.machines.start()
        await asyncio.to_thread(self.witness.start)
        await self._share()

    async def _stop(self) -> None:
        await self.machines.close()
        for way in self._ways.values():
            await way.close()

    async def mend(self) -> None:
        for way in self._ways.values():
            way.heal()
        for node in self.machines.nodes:
            self._signal(node, signal.SIGCONT)
        for server in self.servers:
            server.thaw()
            server.again()
        self.sweeps.set()
        await self._whole()

    # What four servers share

    async def _share(self) -> None:
        """Ask each server itself: the limits count all requests together, and a key is known to all."""
        check = self._shared
        login = {"username": "nobody", "password": "wrong"}
        left, told = [], []
        async with aiohttp.ClientSession() as session:
            for url in self.machines.urls:
                headers = {"X-Forwarded-For": "192.0.2.1"}
                path = f"{url}/api/v1/authentication/token/"
                async with session.post(path, json=login, headers=headers) as answer:
                    left.append(int(answer.headers["RateLimit-Remaining"]))
                headers = {"Idempotency-Key": "shared"}
                # Of a product that does not exist: the ledger is to have what the clients do, and no more.
                path = f"{url}/api/v1/inventory/999999999/reserveStock"
                async with session.post(path, json={"amount": 1}, headers=headers) as answer:
                    told.append((await answer.text(), answer.status, answer.headers.get("Idempotent-Replayed")))
            check.expect(left == [9999, 9998, 9997, 9996], f"log-ins that each server allows: {left}")
            check.expect(len({each[:2] for each in told}) == 1, f"one key, answered {told}")
            check.expect([each[2] for each in told] == [None, "true", "true", "true"], f"replays, answered {told}")
            for process in self.machines.servers:
                async with session.get(process.probe.replace("/ready", "/metrics")) as answer:
                    is_counted = "inventory_http_requests_total{" in await answer.text()
                    check.expect(is_counted, f"{process.probe} has no metrics of its own requests")

    # Faults

    async def _whole(self) -> Node:
        """Wait until each node follows the leader. Returns the leader."""
        deadline = time.monotonic() + WHOLE_SECONDS
        while True:
            if await self.machines.is_whole() and (leader := await self.machines.leader()) is not None:
                return leader
            if time.monotonic() > deadline:
                raise RuntimeError(f"The nodes do not come together: {await self.machines.members()}")
            await asyncio.sleep(0.2)

    async def _lose(self, name: str, chance: random.Random, act: Callable[[Node], Awaitable[None] | None]) -> str:
        """Let the leader fail, and wait until another one leads and the service writes again. Then repair it."""
        leader = await self._whole()
        self._failed_at = datetime.now(UTC)
        loss = Loss(name, time.monotonic())
        self.outages.append(loss)
        try:
            if (acting := act(leader)) is not None:
                await acting
            await self._until_written(leader)
            loss.until = time.monotonic()
            await asyncio.sleep(chance.uniform(0, 3))
        finally:
            self._repair(leader)
        await self._whole()
        return leader.name

    async def _until_written(self, lost: Node) -> None:
        """Wait until another node leads and has taken a write, but no longer than BACK_SECONDS."""
        deadline = time.monotonic() + BACK_SECONDS
        while not self.witness.has_written(lost, self.outages[-1].since):
            await asyncio.sleep(0.05)
            if time.monotonic() > deadline:
                return
        ((last,),) = await self.rows("select coalesce(max(id), 0) from store.movement")
        written = "select 1 from store.movement where id > %s and kind <> 'expire' limit 1"
        while not await self.rows(written, last) and time.monotonic() < deadline:  # noqa: ASYNC110 - polls a database
            await asyncio.sleep(0.05)

    def _repair(self, node: Node) -> None:
        self._signal(node, signal.SIGCONT)
        for name, way in self._ways.items():
            if node.name in name:
                way.heal()

    @staticmethod
    def _processes(node: Node) -> list[int]:
        """The processes of the node, those first that would start others."""
        first = [pid for pid in (node.process.pid, node.cluster.pid) if pid is not None]
        return [*first, *itertools.chain.from_iterable(children(pid) for pid in first)]

    def _signal(self, node: Node, number: signal.Signals) -> None:
        for pid in self._processes(node):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    async def _kill_leader(self, chance: random.Random) -> str:
        """Kill PostgreSQL with all its processes. Patroni finds out."""

        def kill(leader: Node) -> None:
            pid = leader.cluster.pid
            assert pid is not None
            os.kill(pid, signal.SIGSTOP)  # so that it starts no new process
            for process in (*children(pid), pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)

        return await self._lose("kill the leader's PostgreSQL", chance, kill)

    async def _stop_leader(self, chance: random.Random) -> str:
        """Stop PostgreSQL and Patroni without a word, as a machine that hangs. It wakes up when another one leads."""
        return await self._lose("stop the leader's machine", chance, lambda node: self._signal(node, signal.SIGSTOP))

    async def _cut_off_leader(self, chance: random.Random) -> str:
        """Cut the leader off from etcd and the other nodes. The servers still reach it."""
        return await self._lose(
            "cut the leader off from the others",
            chance,
            lambda node: self._cut(f"{node.name} to", f"nodes to {node.name}"),
        )

    async def _isolate_leader(self, chance: random.Random) -> str:
        """Cut the leader off from everything."""
        return await self._lose("cut the leader off from all", chance, lambda node: self._cut(node.name))

    def _cut(self, *parts: str) -> None:
        for name, way in self._ways.items():
            if any(part in name for part in parts):
                way.stall()

    async def _switch_over(self, chance: random.Random) -> str:
        async def switch(leader: Node) -> None:
            others = [node for node in self.machines.nodes if node is not leader]
            candidate = chance.choice([None, *others])
            if not await self.machines.switch_over(leader, candidate):
                raise RuntimeError("Patroni refuses to switch over.")

        return await self._lose("switch over", chance, switch)

    async def _lose_servers(self, chance: random.Random) -> str:
        """Kill both servers of an address, and keep them away: HAProxy has only the other two."""
        half = chance.choice((self.servers[:2], self.servers[2:]))
        await asyncio.gather(*(server.end(signal.SIGKILL) for server in half))
        await asyncio.sleep(chance.uniform(2, 6))
        for server in half:
            server.again()
        return ", ".join(str(server.number) for server in half)

    async def fail_over(self, count: int, chance: random.Random) -> None:
        for _, name in zip(range(count), itertools.cycle(FAILOVERS), strict=False):
            began = time.monotonic()
            node = await self.faults[name](chance)
            took = time.monotonic() - began
            print(f"{datetime.now(UTC):%H:%M:%S} {name}, {node}: all nodes follow again after {took:.0f} s", flush=True)

    async def checks(self) -> list[Check]:
        jobs = Check("pg_cron's jobs go on at the new leader")
        succeeded = "select count(*) from cron.job_run_details where status = 'succeeded' and start_time > %s"
        deadline, count = time.monotonic() + JOB_SECONDS, 0
        conninfo = make_conninfo(self.conninfo, dbname="postgres")
        async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as connection:
            while not count and time.monotonic() < deadline:
                ((count,),) = await (await connection.execute(succeeded, [self._failed_at])).fetchall()
                await asyncio.sleep(0.5)
            await asyncio.to_thread(self.witness.stop)
            kept = await (await connection.execute("select number from witness")).fetchall()
        jobs.expect(count > 0, f"no job was run in {JOB_SECONDS} s after the last failover")
        return [*await super().checks(), self._shared, jobs, *self.witness.check({number for (number,) in kept})]
