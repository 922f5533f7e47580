"""Injects faults, chosen by the seed: one in the database and one at a server at a time.

Two sequences of faults run concurrently. One affects PostgreSQL; the other affects a server, or the network in front
of it or behind it. Only one server is affected at a time, so that the clients can reach another one.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import itertools
import os
import random
import signal
import time
from collections.abc import Callable, Sequence

import psycopg

from soak.patroni import FAILOVERS
from soak.world import DATABASE, MAX_CONNECTIONS, Action, Server, World

SERVER_SESSIONS = "from pg_stat_activity where application_name = 'inventory' and datname = current_database()"

DATABASE_FAULTS = (
    "kill a backend",
    "end sessions",
    "kill the postmaster",
    "restart PostgreSQL",
    "hold locks",
    "fill the pool",
    "stop pg_cron",
)
SERVER_FAULTS = (
    "kill a server",
    "restart a server",
    "freeze a server",
    "stall clients",
    "stall the database",
    "lose answers to clients",
    "lose answers to servers",
)
ALL = (*DATABASE_FAULTS, *SERVER_FAULTS)
# The faults of a run of some seconds.
SHORT = ("end sessions", "kill the postmaster", "lose answers to servers", "kill a server")
# Faults that only one world has. The first of each is also injected in short runs.
OF_WORLD = {
    "plain": (),
    "workers": ("kill a worker",),
    "failover": ("kill the primary", "cut off the primary"),
    "patroni": (*FAILOVERS, "lose a machine of servers"),
}
# Patroni starts and stops PostgreSQL there, and HAProxy is between it and the servers.
NOT_WITH_PATRONI = (*DATABASE_FAULTS, "stall the database", "lose answers to servers")
LONG_SECONDS = 30  # runs of at least this length have pauses between the faults, and slow faults
SETS = ("all", "short", "none")
# Faults of the network between the servers and the database.
DATABASE_NETWORK_FAULTS = ("stall the database", "lose answers to servers", "cut off the primary")
# The faults of each sequence. A sequence injects one fault at a time.
SEQUENCES = (
    (*DATABASE_FAULTS, *OF_WORLD["failover"], *FAILOVERS),
    (*SERVER_FAULTS, *OF_WORLD["workers"], "lose a machine of servers"),
)


def kinds_of(world: str, which: str) -> tuple[str, ...]:
    """Returns the kinds of faults of a run in that world. ``which`` is one of SETS."""
    own = OF_WORLD[world]
    kinds = {"all": (*ALL, *own), "short": (*SHORT, *own[:1]), "none": ()}[which]
    return tuple(kind for kind in kinds if world != "patroni" or kind not in NOT_WITH_PATRONI)


@dataclasses.dataclass(frozen=True)
class Fault:
    """A fault that was injected, with its beginning and end."""

    kind: str
    target: str
    began: float
    ended: float


class Faults:
    """Injects faults and repairs them: await Faults(...).run(seconds)."""

    def __init__(
        self, world: World, hot: Sequence[int], seed: str, kinds: Sequence[str], now: Callable[[], float]
    ) -> None:
        self.happened: list[Fault] = []
        self._world = world
        self._hot = list(hot)
        self._seed = seed
        self._kinds = kinds
        self._now = now
        self._is_long = False
        # Only one fault at a time in the network between servers and database: repairing one repairs all of it.
        self._database_network = asyncio.Lock()
        self._of_kind: dict[str, Action] = {
            "kill a backend": self._kill_backend,
            "end sessions": self._end_sessions,
            "kill the postmaster": self._kill_postmaster,
            "restart PostgreSQL": self._restart_postgresql,
            "hold locks": self._hold_locks,
            "fill the pool": self._fill_pool,
            "stop pg_cron": self._stop_cron,
            "kill a server": self._kill_server,
            "restart a server": self._restart_server,
            "freeze a server": self._freeze_server,
            "stall clients": self._stall_clients,
            "stall the database": self._stall_database,
            "lose answers to clients": self._lose_answers_to_clients,
            "lose answers to servers": self._lose_answers_to_servers,
            **world.faults,
        }

    async def run(self, seconds: float) -> None:
        """Inject faults for ``seconds``, and longer until each kind was injected once, but at most twice as long."""
        began = time.monotonic()
        self._is_long = seconds >= LONG_SECONDS
        sequences = [[kind for kind in self._kinds if kind in sequence] for sequence in SEQUENCES]
        try:
            await asyncio.gather(
                *(self._inject(kinds, n, began, seconds) for n, kinds in enumerate(sequences) if kinds)
            )
        finally:
            await self._world.mend()

    async def _inject(self, kinds: list[str], number: int, began_at: float, seconds: float) -> None:
        chance = random.Random(f"{self._seed}/faults/{number}")
        for is_first in itertools.chain([True], itertools.repeat(False)):
            chance.shuffle(kinds)
            for kind in kinds:
                await asyncio.sleep(chance.uniform(5, 7) if self._is_long else chance.uniform(0.5, 1.5))
                if time.monotonic() > began_at + (2 * seconds if is_first else seconds):
                    return
                is_exclusive = kind in DATABASE_NETWORK_FAULTS
                async with self._database_network if is_exclusive else contextlib.nullcontext():
                    began = self._now()
                    target = await self._of_kind[kind](chance)
                    self.happened.append(Fault(kind, target, began, self._now()))

    # Faults of the database

    async def _sessions(self) -> list[int]:
        """Returns the process ids of the servers' sessions, the active ones first."""
        rows = await self._world.rows(f"select pid {SERVER_SESSIONS} order by state <> 'active', pid")
        return [pid for (pid,) in rows]

    async def _kill_backend(self, chance: random.Random) -> str:
        """Kill a backend. PostgreSQL then ends all sessions, and recovers."""
        sessions = await self._sessions()
        if not sessions:
            return "none"
        with contextlib.suppress(ProcessLookupError):
            os.kill(sessions[0], signal.SIGKILL)
            while True:  # until the postmaster has noticed
                os.kill(sessions[0], 0)
                await asyncio.sleep(0.01)
        await self._world.rows("select 1")
        return "1"

    async def _end_sessions(self, chance: random.Random) -> str:
        count = 0
        for _ in range(chance.randint(1, 4)):
            share = chance.choice((0.3, 1.0))
            sessions = [pid for pid in await self._sessions() if chance.random() < share]
            await self._world.rows("select pg_terminate_backend(pid) from unnest(%s::integer[]) as pid", sessions)
            count += len(sessions)
            await asyncio.sleep(chance.uniform(0.05, 0.3))
        return str(count)

    async def _kill_postmaster(self, chance: random.Random) -> str:
        pid = self._world.cluster.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        await asyncio.sleep(chance.uniform(0.2, 1.5))
        await asyncio.to_thread(self._world.cluster.start)
        return str(pid)

    async def _restart_postgresql(self, chance: random.Random) -> str:
        mode = chance.choice(("fast", "immediate"))
        if mode == "fast":
            await asyncio.to_thread(self._world.cluster.stop)
        else:
            await asyncio.to_thread(self._world.cluster.stop, "immediate")
        await asyncio.sleep(chance.uniform(0, 1))
        await asyncio.to_thread(self._world.cluster.start)
        return mode

    async def _hold_locks(self, chance: random.Random) -> str:
        """Hold locks. The first time in a long run takes longer than the server's lock_timeout of 5 s."""
        seconds = (
            7 if self._is_long and not any(f.kind == "hold locks" for f in self.happened) else chance.choice((1, 3))
        )
        what = chance.choice(("hot products", "the table of stock", "the ledger"))
        with contextlib.suppress(psycopg.OperationalError):
            async with await psycopg.AsyncConnection.connect(self._world.conninfo) as connection:
                if what == "hot products":
                    await connection.execute(
                        "select from store.stock where product_id = any(%s) for update", [self._hot]
                    )
                else:
                    table = "store.stock" if what == "the table of stock" else "store.movement"
                    await connection.execute(f"lock table {table} in exclusive mode".encode())
                await asyncio.sleep(seconds)
        return what

    async def _fill_pool(self, chance: random.Random) -> str:
        """Use up all free connections, and end some of the servers' sessions, so that the servers need new ones."""
        taken: list[psycopg.AsyncConnection[object]] = []
        try:
            for sessions in (False, True):
                if sessions:
                    pids = (await self._sessions())[: chance.randint(1, 6)]
                    await self._world.rows("select pg_terminate_backend(pid) from unnest(%s::integer[]) as pid", pids)
                with contextlib.suppress(psycopg.OperationalError):
                    while len(taken) < MAX_CONNECTIONS:
                        conninfo = self._world.cluster.dsn("inventory_reporting", DATABASE)
                        taken.append(await psycopg.AsyncConnection.connect(conninfo))
            await asyncio.sleep(chance.uniform(1, 3))
        finally:
            for connection in taken:
                await connection.close()
        return str(len(taken))

    async def _stop_cron(self, chance: random.Random) -> str:
        """Stop all jobs: deactivate those of pg_cron, end its launcher, and pause the run's own sweep."""
        self._world.sweeps.clear()
        has_cron = self._world.cluster.has_pg_cron
        if has_cron:
            await self._cron("update cron.job set active = false")
            await self._world.rows(
                "select pg_terminate_backend(pid) from pg_stat_activity where backend_type like 'pg_cron%'"
            )
        await asyncio.sleep(chance.uniform(2, 6))
        if has_cron:
            await self._cron("update cron.job set active = true")
        self._world.sweeps.set()
        return "pg_cron" if has_cron else "the sweep"

    async def _cron(self, statement: str) -> None:
        async with await psycopg.AsyncConnection.connect(self._world.cluster.dsn(), autocommit=True) as connection:
            await connection.execute(statement.encode())

    # Faults of the servers and the network

    def _server(self, chance: random.Random) -> Server:
        return chance.choice(self._world.servers)

    async def _kill_server(self, chance: random.Random) -> str:
        server = self._server(chance)
        await server.end(signal.SIGKILL)
        await asyncio.sleep(chance.uniform(0.2, 1.5))
        server.again()
        return str(server.number)

    async def _restart_server(self, chance: random.Random) -> str:
        server = self._server(chance)
        await server.end(signal.SIGTERM)
        server.again()
        return str(server.number)

    async def _freeze_server(self, chance: random.Random) -> str:
        server = self._server(chance)
        server.freeze()
        await asyncio.sleep(chance.uniform(1, 6))
        server.thaw()
        return str(server.number)

    async def _stall_clients(self, chance: random.Random) -> str:
        server = self._server(chance)
        server.http.stall()
        await asyncio.sleep(chance.uniform(1, 6))
        server.http.heal()
        return str(server.number)

    async def _stall_database(self, chance: random.Random) -> str:
        server = self._server(chance)
        for proxy in server.databases:
            proxy.stall()
        await asyncio.sleep(chance.uniform(1, 6))
        for proxy in server.databases:
            proxy.heal()
        return str(server.number)

    async def _lose_answers_to_clients(self, chance: random.Random) -> str:
        server = self._server(chance)
        server.http.lose_answers(0.3)
        await asyncio.sleep(chance.uniform(1, 4))
        server.http.heal()
        return str(server.number)

    async def _lose_answers_to_servers(self, chance: random.Random) -> str:
        server = self._server(chance)
        for proxy in server.databases:
            proxy.lose_answers(0.15)
        await asyncio.sleep(chance.uniform(1, 4))
        for proxy in server.databases:
            proxy.heal()
        return str(server.number)
