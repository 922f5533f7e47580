"""What the run stands on, all of it its own and thrown away: cluster, servers, proxies, receiver."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp
import psycopg

from db.apply import apply
from soak.proxy import Proxy
from soak.receiver import Receiver
from tools.cluster import Cluster

ROOT = Path(__file__).resolve().parent.parent
DATABASE = "inventory"
SERVERS = 2
# Few on purpose: a few more than the servers' lanes take, so that the pool can be filled.
MAX_CONNECTIONS = 44
START_SECONDS = 60

SETTINGS = {
    "ENVIRONMENT": "development",
    "HOST": "127.0.0.1",
    "SECRET_KEY": "the secret key of a soak, of 32 characters or more",
    "ANONYMOUS_ROLE": "inventory_operator",
    "ACCESS_TOKEN_SECONDS": "86400",
    "POOL_SIZE": "2",
    "QUEUE_SIZE": "12",
    "QUEUE_SECONDS": "2",
    "WEBHOOK_POLL_SECONDS": "0.2",
    "WEBHOOK_ALLOW_PRIVATE_ADDRESSES": "true",
    "LOG_LEVEL": "WARNING",
}


class Server:
    """A server process behind a proxy, reached through another; started again where it ends by itself."""

    def __init__(self, number: int, directory: Path, cluster: Cluster, seed: str) -> None:
        self.number = number
        self.log = directory / f"server-{number}.log"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = int(probe.getsockname()[1])
        (directory / "env").touch()
        below = directory / f"db-{number}"
        below.mkdir()
        name = f".s.PGSQL.{cluster.port}"
        self.http = Proxy(0, self._port, f"{seed}/http/{number}")
        self.database = Proxy(below / name, cluster.socket_directory / name, f"{seed}/database/{number}")
        self._environment = (
            {n: os.environ[n] for n in ("PATH", "HOME") if n in os.environ}
            | SETTINGS
            | {
                "PORT": str(self._port),
                "ENV_FILE": str(directory / "env"),
                "DATABASE_URL": f"postgresql://postgres@/{DATABASE}?host={below}&port={cluster.port}",
            }
        )
        self._process: asyncio.subprocess.Process | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._may_run = asyncio.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http.port}"

    async def start(self) -> None:
        await self.database.start()
        await self.http.start()
        self._may_run.set()
        self._keeper = asyncio.create_task(self._keep())

    async def _keep(self) -> None:
        """As a service manager does it: start it again, whyever it has ended."""
        while True:
            await self._may_run.wait()
            with self.log.open("ab") as log:
                self._process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-m", "server"), cwd=ROOT, env=self._environment, stdout=log, stderr=log
                )
            await self._process.wait()
            await asyncio.sleep(0.3)

    async def end(self, number: signal.Signals) -> int | None:
        """Send the process the signal; when this returns it is gone, and stays so until ``again``. Its exit status."""
        self._may_run.clear()
        process = self._process
        if process is None:
            return None
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
                self._process.send_signal(number)

    async def close(self) -> None:
        if self._keeper is not None:
            await self.end(signal.SIGKILL)
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
        await self.http.close()
        await self.database.close()


class World:
    """async with World(seed) as world: a cluster with fsync, servers that answer, a receiver that listens."""

    def __init__(self, seed: str) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="soak-"))
        self.directory.chmod(0o755)
        settings = {
            "fsync": "on",
            "synchronous_commit": "on",
            "full_page_writes": "on",
            "max_connections": str(MAX_CONNECTIONS),
        }
        self.cluster = Cluster(self.directory / "data", throwaway=True, settings=settings)
        self.servers = [Server(number, self.directory, self.cluster, seed) for number in range(SERVERS)]
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
        await asyncio.to_thread(self.cluster.destroy)
        shutil.rmtree(self.directory, ignore_errors=True)

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
