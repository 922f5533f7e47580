"""What the run stands on, all of it its own and thrown away: clusters, servers, proxies, receiver.

There are several worlds (``WORLDS``), each with what it adds to the faults: two servers on two addresses, one server of
two processes, and a primary with a standby that takes over.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import re
import shutil
import signal
import socket
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
from soak.proxy import Proxy
from soak.receiver import Receiver
from tools.cluster import Cluster

ROOT = Path(__file__).resolve().parent.parent
DATABASE = "inventory"
# Few on purpose: a few more than the servers' lanes take, so that the pool can be filled.
MAX_CONNECTIONS = 44
START_SECONDS = 60
# Until a failover counts as done though nobody writes: longer than a call that was under way may take.
BACK_SECONDS = 60

# A fault: from the seed's choices to what it was done to.
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
    "WEBHOOK_POLL_SECONDS": "0.2",
    "WEBHOOK_ALLOW_PRIVATE_ADDRESSES": "true",
    "LOG_LEVEL": "WARNING",
}


class Server:
    """A server behind a proxy, which reaches each cluster through another; started again where it ends by itself.

    With more than one worker it is a supervisor and its processes, on one address.
    """

    def __init__(self, number: int, directory: Path, clusters: Sequence[Cluster], seed: str, workers: int) -> None:
        self.number = number
        self.log = directory / f"server-{number}.log"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = int(probe.getsockname()[1])
        (directory / "env").touch()
        self.http = Proxy(0, self._port, f"{seed}/http/{number}")
        self.databases: list[Proxy] = []
        """The way to each cluster, in the order of the clusters."""
        below = [directory / f"db-{number}-{place}" for place in range(len(clusters))]
        for place, cluster in enumerate(clusters):
            below[place].mkdir()
            name = f".s.PGSQL.{cluster.port}"
            target = cluster.socket_directory / name
            self.databases.append(Proxy(below[place] / name, target, f"{seed}/database/{number}/{place}"))
        hosts = ",".join(map(str, below))
        self._environment = (
            {n: os.environ[n] for n in ("PATH", "HOME") if n in os.environ}
            | SETTINGS
            | {
                "PORT": str(self._port),
                "WORKERS": str(workers),
                "ENV_FILE": str(directory / "env"),
                "DATABASE_URL": f"postgresql://postgres@/{DATABASE}?host={hosts}&port={clusters[0].port}",
            }
        )
        self._process: asyncio.subprocess.Process | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._may_run = asyncio.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http.port}"

    async def start(self) -> None:
        for proxy in (*self.databases, self.http):
            await proxy.start()
        self._may_run.set()
        self._keeper = asyncio.create_task(self._keep())

    async def _keep(self) -> None:
        """As a service manager does it: start it again, whyever it has ended."""
        while True:
            await self._may_run.wait()
            with self.log.open("ab") as log:
                self._process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-m", "server"),
                    cwd=ROOT,
                    env=self._environment,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,  # a group, which can be killed and frozen with its workers
                )
            await self._process.wait()
            await asyncio.sleep(0.3)

    async def end(self, number: signal.Signals) -> int | None:
        """Send the signal; when this returns the process is gone, and stays so until ``again``. Its exit status.

        SIGKILL is sent to its workers too; any other signal is for the supervisor to pass on.
        """
        self._may_run.clear()
        process = self._process
        if process is None:
            return None
        if number is signal.SIGKILL:
            self._signal(number)
        else:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(number)
        return await process.wait()

    def again(self) -> None:
        self._may_run.set()

    def freeze(self) -> None:
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            if self._process is not None and self._process.returncode is None:
                os.killpg(self._process.pid, number)

    @property
    def workers(self) -> list[int]:
        """The process ids of the workers that live, the oldest first; none where the server is one process."""
        if self._process is None or self._process.returncode is not None:
            return []
        return _children(self._process.pid)

    async def close(self) -> None:
        if self._keeper is not None:
            await self.end(signal.SIGKILL)
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
        for proxy in (*self.databases, self.http):
            await proxy.close()


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


class World:
    """async with World(seed) as world: a cluster with fsync, servers that answer, a receiver that listens.

    Two servers on two addresses.
    """

    clusters_count: ClassVar = 1
    servers_count: ClassVar = 2
    workers_count: ClassVar = 1

    def __init__(self, seed: str) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="soak-"))
        self.directory.chmod(0o755)
        self.clusters = [self._new_cluster(place) for place in range(self.clusters_count)]
        self.cluster = self.clusters[0]
        """The cluster that takes writes."""
        self.servers = [
            Server(number, self.directory, self.clusters, seed, self.workers_count)
            for number in range(self.servers_count)
        ]
        self.faults: dict[str, Action] = {}
        """What else can happen here, by name."""
        self.outages: list[tuple[str, float]] = []
        """Each failover's name, and when the primary was gone (time.monotonic)."""
        self.receiver = Receiver(f"{seed}/receiver")
        self.sweeps = asyncio.Event()
        self.sweeps.set()
        self._sweeper: asyncio.Task[None] | None = None

    @property
    def conninfo(self) -> str:
        """The database as its superuser, past every proxy."""
        return self.cluster.dsn(dbname=DATABASE)

    async def __aenter__(self) -> Self:
        try:
            await asyncio.to_thread(self._make_database)
            await self.receiver.start()
            for server in self.servers:
                await server.start()
            if await self.unready(START_SECONDS):
                logs = "\n".join(server.log.read_text() for server in self.servers)
                raise RuntimeError(f"The servers do not start:\n{logs}")
            self._sweeper = asyncio.create_task(self._sweep())
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        if self._sweeper is not None:
            self._sweeper.cancel()
            await asyncio.gather(self._sweeper, return_exceptions=True)
        for server in self.servers:
            await server.close()
        await self.receiver.close()
        for cluster in self.clusters:
            await asyncio.to_thread(cluster.destroy)
        shutil.rmtree(self.directory, ignore_errors=True)

    def _new_cluster(self, place: int, primary: Cluster | None = None) -> Cluster:
        settings = {
            "fsync": "on",
            "synchronous_commit": "on",
            "full_page_writes": "on",
            "max_connections": str(MAX_CONNECTIONS),
            "wal_retrieve_retry_interval": "200ms",  # a standby comes back soon after its primary
        }
        return Cluster(self.directory / f"data-{place}", throwaway=True, settings=settings, primary=primary)

    def _make_database(self) -> None:
        self.cluster.start()
        with psycopg.connect(self.cluster.dsn(), autocommit=True) as connection:
            connection.execute(f"create database {DATABASE}".encode())
        apply(self.conninfo)
        with psycopg.connect(self.conninfo, autocommit=True) as connection:
            connection.execute("select maintenance.configure(p_password_cost => 4)")

    async def unready(self, seconds: float) -> list[int]:
        """The servers that are not ready within so many seconds."""
        deadline = time.monotonic() + seconds
        waiting = list(self.servers)
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:
            while waiting and time.monotonic() < deadline:
                with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                    async with session.get(f"{waiting[0].url}/ready") as answer:
                        if answer.status == 200:
                            waiting.pop(0)
                            continue
                await asyncio.sleep(0.1)
        return [server.number for server in waiting]

    async def _sweep(self) -> None:
        """What pg_cron does each minute, each second: a run is too short for minutes."""
        while True:
            await self.sweeps.wait()
            with contextlib.suppress(psycopg.Error, OSError):
                async with await psycopg.AsyncConnection.connect(
                    self.cluster.dsn("inventory_maintenance", DATABASE), autocommit=True
                ) as connection:
                    for job in ("expire_blocks", "turn_prices", "purge_idempotency_keys"):
                        await connection.execute("call maintenance.run_batches(%s)", [job])
            await asyncio.sleep(1)

    async def rows(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """All rows, as the superuser, past every proxy; of a database that is down, when it is up."""
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
    """One server of two processes on one address: what one cannot take the other takes."""

    servers_count = 1
    workers_count = 2

    def __init__(self, seed: str) -> None:
        super().__init__(seed)
        self.faults = {"kill a worker": self._kill_worker}

    async def _kill_worker(self, chance: random.Random) -> str:
        """Kill one process; when this returns its supervisor has started another."""
        number = chance.randrange(self.workers_count)
        await self._until_all_serve()
        killed = (await self._all_workers(set()))[number]
        os.kill(killed, signal.SIGKILL)
        await self._all_workers({killed})
        return str(number)

    async def _until_all_serve(self) -> None:
        """A supervisor replaces a worker only once all have served: before that it gives up, and is started again."""
        deadline = time.monotonic() + START_SECONDS
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:
            while time.monotonic() < deadline:
                with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                    async with session.get(f"{self.servers[0].url}/metrics") as answer:
                        if (
                            len(re.findall(r"^inventory_worker_up.* 1", await answer.text(), re.M))
                            == self.workers_count
                        ):
                            return
                await asyncio.sleep(0.1)
        raise RuntimeError("The workers do not serve.")

    async def _all_workers(self, dead: set[int]) -> list[int]:
        """The process ids of the workers, when there are as many as should be beside the dead ones."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            workers = [pid for pid in self.servers[0].workers if pid not in dead]
            if len(workers) == self.workers_count:
                return workers
            await asyncio.sleep(0.02)
        raise RuntimeError("The supervisor does not replace a worker.")


class Failover(World):
    """A primary and a standby that holds all that is acknowledged. The standby is promoted when the primary is gone.

    The servers know both hosts and are told nothing. Whoever promotes must see to it that the old primary is no more:
    it is dead, or stopped first (fencing). The old one's place is then taken by a new standby.
    """

    clusters_count = 2

    def __init__(self, seed: str) -> None:
        super().__init__(seed)
        self.faults = {"kill the primary": self._kill_primary, "cut off the primary": self._cut_off_primary}

    def _make_database(self) -> None:
        super()._make_database()
        self._add_standby(1)

    def _add_standby(self, place: int) -> None:
        """Make a standby of the primary in that place; from now on the primary waits for it at each commit."""
        self.clusters[place] = self._new_cluster(place, self.cluster)
        self.clusters[place].start()
        self.cluster.settings["synchronous_standby_names"] = "*"
        self.cluster.reload()

    async def _until_synchronous(self) -> None:
        """Wait until the standby has all that there is, and each commit waits for it.

        A primary that crashes and starts again shows commits that no standby has confirmed. Nothing helps against its
        loss before the standby has caught up: that is PostgreSQL's limit, and an operator's reason to wait as well.
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
        os.kill(pid, signal.SIGSTOP)  # it starts no other
        for process in (*_children(pid), pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        place = await self._take_over("kill the primary", chance)
        await self._replace(place)
        return str(place)

    async def _cut_off_primary(self, chance: random.Random) -> str:
        """Let nothing pass between the servers and the primary, not even that it was stopped."""
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
        """Fence and promote, as an operator does, and wait until the service is back. The place of the old primary."""
        self.outages.append((name, time.monotonic()))
        place = self.clusters.index(self.cluster)
        await asyncio.sleep(chance.uniform(0.1, 1))  # until somebody has noticed
        await asyncio.to_thread(self.cluster.stop, "immediate")
        self.cluster = self.clusters[1 - place]
        await self.rows("select pg_promote()")
        ((last,),) = await self.rows("select coalesce(max(id), 0) from store.movement")
        deadline = time.monotonic() + BACK_SECONDS
        written = "select 1 from store.movement where id > %s and kind <> 'expire' limit 1"
        while not await self.rows(written, last) and time.monotonic() < deadline:  # noqa: ASYNC110 - of a database
            await asyncio.sleep(0.05)
        return place

    async def _replace(self, place: int) -> None:
        """Make another standby in place of the old primary."""
        await asyncio.to_thread(self.clusters[place].destroy)
        await asyncio.to_thread(self._add_standby, place)


WORLDS: dict[str, type[World]] = {"plain": World, "workers": Workers, "failover": Failover}
