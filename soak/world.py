"""Starts the clusters, servers, proxies and the webhook receiver of a run, and removes them at its end.

There are several worlds (``WORLDS``), and each may add its own faults: two servers on two addresses; one address with
two processes; a primary with a standby that takes over.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import itertools
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self

import aiohttp
import psycopg

from db.apply import apply
from soak.check import Check
from soak.proxy import Proxy
from soak.receiver import Receiver
from tools.cluster import Cluster
from tools.process import Process, free_port

DATABASE = "inventory"
SWEEP_SECONDS = 10.0  # until a run of the jobs is given up at the end
# Only a few more than the servers use, so that a fault can use up the rest.
MAX_CONNECTIONS = 46
START_SECONDS = 60
STANDBY_LAG = "150ms"  # so much later a standby shows what the primary has committed
# The longest wait for a write after a failover. It is longer than any call that was running may take.
BACK_SECONDS = 60

# Injects a fault, with random choices, and returns a description of its target.
Action = Callable[[random.Random], Awaitable[str]]

SETTINGS = {
    "ENVIRONMENT": "development",
    "HOST": "127.0.0.1",
    "SECRET_KEY": "the secret key of a soak, of 32 characters or more",
    "ANONYMOUS_ROLE": "inventory_operator",
    "ACCESS_TOKEN_SECONDS": "86400",
    "POOL_SIZE": "2",
    "QUEUE_SIZE": "64",
    "QUEUE_SECONDS": "2",
    "DATABASE_READ_WAIT_SECONDS": "0.1",  # less than a standby's lag: the primary answers some of the reads
    "WEBHOOK_POLL_SECONDS": "0.2",
    "JOB_POLL_SECONDS": "0.5",
    "WEBHOOK_ALLOW_PRIVATE_ADDRESSES": "true",
    "LOG_LEVEL": "WARNING",
    "MAX_CONNECTIONS": "200",  # fewer than clients and idlers open
}


@dataclasses.dataclass
class Loss:
    """A leader that was lost ``since`` (time.monotonic). ``until``: when the service was seen to write again."""

    name: str
    since: float
    until: float | None = None


class Server:
    """One address with one or several server processes. Proxies are in front of it, and between it and each cluster."""

    def __init__(self, number: int, processes: Sequence[Process], http: Proxy, databases: Sequence[Proxy] = ()) -> None:
        self.number = number
        self.processes = processes
        self.http = http
        self.databases = databases
        """The proxy to each cluster, in the order of the clusters."""

    @classmethod
    def over(cls, number: int, directory: Path, clusters: Sequence[Cluster], seed: str, processes: int) -> Server:
        """Make a server that reaches the clusters by their sockets, and finds out by itself which takes writes."""
        port = free_port()
        databases: list[Proxy] = []
        below = [directory / f"db-{number}-{place}" for place in range(len(clusters))]
        for place, cluster in enumerate(clusters):
            below[place].mkdir()
            name = f".s.PGSQL.{cluster.port}"
            target = cluster.socket_directory / name
            databases.append(Proxy(below[place] / name, target, f"{seed}/database/{number}/{place}"))
        hosts = ",".join(map(str, below))
        more = {
            "PORT": str(port),
            "REUSE_PORT": str(processes > 1),
            "DATABASE_URL": f"postgresql:///{DATABASE}?host={hosts}&port={clusters[0].port}",
        }
        if len(clusters) > 1:
            more["DATABASE_READ_URL"] = more["DATABASE_URL"]  # the primary among them is not asked
        environment = settings(directory) | more
        started = []
        for admin in (free_port() for _ in range(processes)):
            probe = f"http://127.0.0.1:{admin}/ready"  # of this process, also where several share the port of the API
            own = environment | {"ADMIN_PORT": str(admin)}
            started.append(Process(directory / f"server-{number}.log", [sys.executable, "-m", "server"], own, probe))
        return cls(number, started, Proxy(0, port, f"{seed}/http/{number}"), databases)

    @property
    def log(self) -> Path:
        return self.processes[0].log

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http.port}"

    async def start(self) -> None:
        for proxy in (*self.databases, self.http):
            await proxy.start()
        for process in self.processes:
            process.start()

    async def end(self, number: signal.Signals) -> int | None:
        """End all processes with the signal, until ``again``. Returns 0 if all did, else the exit status of one."""
        statuses = await asyncio.gather(*(process.end(number) for process in self.processes))
        return next((status for status in statuses if status != 0), 0)

    def again(self) -> None:
        for process in self.processes:
            process.again()

    def freeze(self) -> None:
        for process in self.processes:
            process.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        for process in self.processes:
            process.signal(signal.SIGCONT)

    async def close(self) -> None:
        for process in self.processes:
            await process.close()
        for proxy in (*self.databases, self.http):
            await proxy.close()


def settings(directory: Path) -> dict[str, str]:
    """The environment of the servers, as far as it is the same in all worlds."""
    (directory / "env").touch()
    own = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return own | SETTINGS | {"ENV_FILE": str(directory / "env")}


def children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def make_database(cluster: Cluster) -> None:
    """Start the cluster, and give it the database that the worlds run with."""
    cluster.start()
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        connection.execute(f"create database {DATABASE}".encode())
    apply(cluster.dsn(dbname=DATABASE))


class World:
    """async with World(seed) as world: starts a cluster with fsync, two servers on two addresses, and the receiver."""

    clusters_count: ClassVar = 1
    servers_count: ClassVar = 2
    processes_count: ClassVar = 1
    has_standbys: ClassVar = False
    """Whether the servers read from standbys."""

    def __init__(self, seed: str) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="soak-"))
        self.directory.chmod(0o755)
        self.servers: list[Server] = []
        self.faults: dict[str, Action] = {}
        """The additional faults of this world, by name."""
        self.outages: list[Loss] = []
        """The failovers."""
        self.receiver = Receiver(f"{seed}/receiver")
        self.sweeps = asyncio.Event()
        self.sweeps.set()
        self.template: Path | None = None
        """The directory of a stopped cluster with the database, which is copied; else it is made."""
        self._sweeper: asyncio.Task[None] | None = None
        self._is_closing = asyncio.Event()
        self._make(seed)

    def _make(self, seed: str) -> None:
        """Make the clusters and the servers. Nothing is started yet."""
        self.clusters = [self._new_cluster(place) for place in range(self.clusters_count)]
        self.cluster = self.clusters[0]
        """The cluster that takes writes."""
        self.servers = [
            Server.over(number, self.directory, self.clusters, seed, self.processes_count)
            for number in range(self.servers_count)
        ]

    @property
    def urls(self) -> list[str]:
        """Where the clients send their requests."""
        return [server.url for server in self.servers]

    @property
    def conninfo(self) -> str:
        """The conninfo of the database's superuser, without a proxy."""
        return self.cluster.dsn(dbname=DATABASE)

    async def __aenter__(self) -> Self:
        try:
            await self.receiver.start()
            await self._start()
            await asyncio.to_thread(self._configure)
            if await self.unready(START_SECONDS):
                logs = "\n".join(server.log.read_text() for server in self.servers)
                raise RuntimeError(f"The servers do not start:\n{logs}")
            self._sweeper = asyncio.create_task(self._sweep())
        except BaseException:
            await self.close()
            raise
        return self

    async def _start(self) -> None:
        await asyncio.to_thread(self._make_database)
        for server in self.servers:
            await server.start()

    def _configure(self) -> None:
        with psycopg.connect(self.conninfo, autocommit=True) as connection:
            connection.execute("select maintenance.configure(p_password_cost => 4)")

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        if self._sweeper is not None:
            # Not cancelled at once: psycopg complains on stderr of a query whose error comes at that moment.
            self._is_closing.set()
            self.sweeps.set()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(asyncio.gather(self._sweeper, return_exceptions=True), SWEEP_SECONDS)
        for server in self.servers:
            await server.close()
        await self.receiver.close()
        await self._stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    async def _stop(self) -> None:
        for cluster in self.clusters:
            await asyncio.to_thread(cluster.destroy)

    async def mend(self) -> None:
        """Repair everything, whatever fault was being injected."""
        for server in self.servers:
            for proxy in (server.http, *server.databases):
                proxy.heal()
            server.thaw()
            server.again()
        self.sweeps.set()
        await asyncio.to_thread(self.cluster.start)

    async def fail_over(self, count: int, chance: random.Random) -> None:
        """Let the leader fail so many times in a row, in each way in turn. Only the world ``patroni`` can."""
        assert count == 0

    async def checks(self) -> list[Check]:
        """What only this world promises."""
        if not self.has_standbys:
            return []
        reads = sum(map(float, re.findall(r"^inventory_standby_reads_total\{.*\} (\S+)$", await self.metrics(), re.M)))
        check = Check("standbys answer reads", int(reads))
        check.violations += ["the primary has answered all of them"] * (reads == 0)
        return [check]

    async def metrics(self) -> str:
        """The metrics of all server processes."""
        texts = []
        async with aiohttp.ClientSession() as session:
            for process in itertools.chain.from_iterable(server.processes for server in self.servers):
                async with session.get(process.probe.replace("/ready", "/metrics")) as answer:
                    texts.append(await answer.text())
        return "".join(texts)

    def _new_cluster(self, place: int, primary: Cluster | None = None) -> Cluster:
        settings = {
            "recovery_min_apply_delay": STANDBY_LAG,
            "fsync": "on",
            "synchronous_commit": "on",
            "full_page_writes": "on",
            "max_connections": str(MAX_CONNECTIONS),
            "wal_retrieve_retry_interval": "200ms",  # a standby reconnects soon after its primary is back
        }
        return Cluster(self.directory / f"data-{place}", throwaway=True, settings=settings, primary=primary)

    def _make_database(self) -> None:
        if self.template is None:
            make_database(self.cluster)
            return
        self.cluster.directory.mkdir(mode=0o755)
        subprocess.run(["cp", "-a", self.template / "cluster", self.cluster.directory], check=True)
        self.cluster.start()

    async def unready(self, seconds: float) -> list[int]:
        """Wait until all processes are ready. Returns the numbers of the servers that are not after ``seconds``."""
        deadline = time.monotonic() + seconds
        waiting = [(server.number, process.probe) for server in self.servers for process in server.processes]
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:
            while waiting and time.monotonic() < deadline:
                with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                    async with session.get(waiting[0][1]) as answer:
                        if answer.status == 200:
                            waiting.pop(0)
                            continue
                await asyncio.sleep(0.1)
        return [number for number, _ in waiting]

    @property
    def _sweeper_conninfo(self) -> str:
        return self.cluster.dsn("inventory_maintenance", DATABASE)

    async def _sweep(self) -> None:
        """Run the jobs of pg_cron each second, because a run is too short for their schedule of minutes."""
        while not self._is_closing.is_set():
            await self.sweeps.wait()
            with contextlib.suppress(psycopg.Error, OSError):
                async with await psycopg.AsyncConnection.connect(self._sweeper_conninfo, autocommit=True) as connection:
                    for job in ("expire_blocks", "turn_prices", "purge_idempotency_keys"):
                        await connection.execute("call maintenance.run_batches(%s)", [job])
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._is_closing.wait(), 1)

    async def rows(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Returns the rows of a query, as the superuser and without a proxy. Waits while the database is down."""
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(self.conninfo, autocommit=True) as connection:
                    cursor = await connection.execute(query.encode(), parameters or None)
                    return await cursor.fetchall() if cursor.description else []
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    raise
            await asyncio.sleep(0.05)


class Workers(World):
    """One address that two processes share: while one is down, the other takes the connections."""

    servers_count = 1
    processes_count = 2

    def __init__(self, seed: str) -> None:
        super().__init__(seed)
        self.faults = {"kill a worker": self._kill_worker}

    async def _kill_worker(self, chance: random.Random) -> str:
        """Kill one process. Another one is then started."""
        number = chance.randrange(self.processes_count)
        self.servers[0].processes[number].signal(signal.SIGKILL)
        return str(number)


class Failover(World):
    """A primary and a synchronous standby, which has all acknowledged changes and is promoted if the primary is lost.

    The servers are configured with both hosts, and are not told of a failover. Before the promotion, the old primary
    must be dead or stopped (fencing). A new standby then replaces it.
    """

    clusters_count = 2
    has_standbys = True

    def __init__(self, seed: str) -> None:
        super().__init__(seed)
        self.faults = {"kill the primary": self._kill_primary, "cut off the primary": self._cut_off_primary}

    def _make_database(self) -> None:
        super()._make_database()
        self._add_standby(1)

    def _add_standby(self, place: int) -> None:
        """Create a standby at that index of ``clusters``, and make the primary wait for it at each commit."""
        self.clusters[place] = self._new_cluster(place, self.cluster)
        self.clusters[place].start()
        self.cluster.settings["synchronous_standby_names"] = "*"
        self.cluster.reload()

    async def _until_synchronous(self) -> None:
        """Wait until the standby has caught up, and each commit waits for it.

        After a crash and restart, the primary shows commits that no standby has confirmed. If it is lost before the
        standby has caught up, they are lost too. This is a limit of PostgreSQL; an operator has to wait as well.
        """
        ((written,),) = await self.rows("select pg_current_wal_insert_lsn()::text")
        caught_up = "select 1 from pg_stat_replication where sync_state = 'sync' and flush_lsn >= %s::pg_lsn"
        deadline = time.monotonic() + BACK_SECONDS
        while not await self.rows(caught_up, written):
            if time.monotonic() > deadline:
                raise RuntimeError("The standby does not catch up.")
            await asyncio.sleep(0.02)

    async def _kill_primary(self, chance: random.Random) -> str:
        """Kill the postmaster and all its processes at once."""
        await self._until_synchronous()
        pid = self.cluster.pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)  # so that it starts no new process
        for process in (*children(pid), pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        place = await self._take_over("kill the primary", chance)
        await self._replace(place)
        return str(place)

    async def _cut_off_primary(self, chance: random.Random) -> str:
        """Stall the network between the servers and the primary, so that they do not even notice that it stops."""
        await self._until_synchronous()
        place = self.clusters.index(self.cluster)
        for server in self.servers:
            server.databases[place].stall()
        try:
            await self._take_over("cut off the primary", chance)
        finally:
            for server in self.servers:
                server.databases[place].heal()
        await self._replace(place)
        return str(place)

    async def _take_over(self, name: str, chance: random.Random) -> int:
        """Fence the primary, promote the standby, and wait until the service writes again.

        Returns the index of the old primary in ``clusters``.
        """
        self.outages.append(Loss(name, time.monotonic()))
        place = self.clusters.index(self.cluster)
        await asyncio.sleep(chance.uniform(0.1, 1))  # the time to notice the loss
        await asyncio.to_thread(self.cluster.stop, "immediate")
        self.cluster = self.clusters[1 - place]
        await self.rows("select pg_promote()")
        ((last,),) = await self.rows("select coalesce(max(id), 0) from store.movement")
        deadline = time.monotonic() + BACK_SECONDS
        written = "select 1 from store.movement where id > %s and kind <> 'expire' limit 1"
        while not await self.rows(written, last) and time.monotonic() < deadline:  # noqa: ASYNC110 - polls a database
            await asyncio.sleep(0.05)
        return place

    async def _replace(self, place: int) -> None:
        """Create a new standby instead of the old primary."""
        await asyncio.to_thread(self.clusters[place].destroy)
        await asyncio.to_thread(self._add_standby, place)
