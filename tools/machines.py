"""`make cluster`: the service as several machines run it, but all on this one, until Ctrl-C. Nothing of it is kept.

etcd, three PostgreSQL under Patroni, a Redis that counts the rate limits, four servers on two addresses, and HAProxy
between clients, servers and PostgreSQL. Each is a process of its own, with the configuration of `deploy/patroni`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import secrets
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Self

import aiohttp
import psycopg
from psycopg.conninfo import make_conninfo
from pydantic import ValidationError

from db.apply import apply
from db.source import ApplyError
from environment import env_file
from server.operation import logs
from server.settings import Settings, SettingsError, load
from tools.cluster import Cluster, ClusterError, run_as, server_account
from tools.process import ROOT, Process, free_port
from tools.run import DATABASE, fill

DEPLOY = ROOT / "deploy" / "patroni"
PATRONI = ROOT / ".venv-patroni" / "bin"
ADDRESSES = ("127.0.0.1", "127.0.0.2")  # of the servers
PROCESSES = 2  # on each of them
NODES = 3
START_SECONDS = 120.0
STOP_SECONDS = 5.0  # for a server to end by itself
_POLL_SECONDS = 0.2

Through = Callable[[str, str], str]
"""Given a name and an address, like 127.0.0.1:5432, returns the address to use in its place."""

log = logging.getLogger("cluster")


class MachinesError(Exception):
    """Something is missing or does not start. The message says what."""


def _directly(name: str, address: str) -> str:
    return address


class Node:
    """A machine with PostgreSQL and Patroni. ``address``, ``api``: where they listen."""

    def __init__(self, machines: Machines, name: str, etcd: str, through: Through) -> None:
        self.name = name
        self.address, self.api = (f"127.0.0.1:{free_port()}" for _ in range(2))
        directory = machines.directory / name
        directory.mkdir()
        shutil.chown(directory, machines.account.pw_uid, machines.account.pw_gid)
        self.cluster = Cluster(directory, throwaway=True)
        """The PostgreSQL of the node. Patroni starts and stops it."""
        if not self.cluster.has_pg_cron:
            raise MachinesError("pg_cron is missing: POSTGRESQL_BIN must not name a PostgreSQL without it.")
        environment = {
            "PATH": os.environ["PATH"],
            "PGDATA": str(self.cluster.data_directory),
            "PATRONI_NAME": name,
            "PATRONI_ETCD3_HOSTS": through(f"{name} to etcd", etcd),
            # Else Patroni asks etcd for its own addresses, and goes past a proxy of a test.
            "PATRONI_ETCD3_USE_PROXIES": "true",
            "PATRONI_RESTAPI_LISTEN": self.api,
            "PATRONI_RESTAPI_CONNECT_ADDRESS": through(f"nodes to {name}, API", self.api),
            "PATRONI_RESTAPI_USERNAME": "patroni",
            "PATRONI_RESTAPI_PASSWORD": machines.password,
            "PATRONI_POSTGRESQL_LISTEN": self.address,
            "PATRONI_POSTGRESQL_CONNECT_ADDRESS": through(f"nodes to {name}", self.address),
            "PATRONI_POSTGRESQL_DATA_DIR": str(self.cluster.data_directory),
            "PATRONI_POSTGRESQL_BIN_DIR": str(self.cluster.binaries),
            "PATRONI_POSTGRESQL_PGPASS": str(directory / "pgpass"),
            "PATRONI_SUPERUSER_USERNAME": "postgres",
            "PATRONI_SUPERUSER_PASSWORD": machines.password,
            "PATRONI_REPLICATION_USERNAME": "replicator",
            "PATRONI_REPLICATION_PASSWORD": machines.password,
        }
        command: list[str | Path] = [*machines.prefix, PATRONI / "patroni", DEPLOY / "patroni.yml"]
        self.process = Process(machines.directory / f"{name}.log", command, environment)
        """Patroni."""


class Machines:
    """async with Machines(directory, settings) as machines: everything runs, and the database is up to date.

    ``settings``: the servers', beside those that make them find each other. ``through``: may lead connections through
    proxies of a test.
    """

    def __init__(
        self, directory: Path, settings: Mapping[str, str], *, port: int = 0, through: Through = _directly
    ) -> None:
        self.directory = directory
        self.password = secrets.token_hex(16)
        self.account = server_account()
        config = DEPLOY / "haproxy.cfg"
        shutil.chown(directory, self.account.pw_uid, self.account.pw_gid)
        self.prefix = run_as(
            self.account, ("touch", f"{directory}/."), (PATRONI / "patroni", "--version"), ("head", "-c1", config)
        )
        self.port, self.database_port = port or free_port(), free_port()
        etcd, peers, redis = (f"127.0.0.1:{free_port()}" for _ in range(3))
        self.etcd = self._process(
            "etcd",
            *("etcd", "--name=etcd", f"--data-dir={directory / 'etcd'}"),
            *(f"--listen-client-urls=http://{etcd}", f"--advertise-client-urls=http://{etcd}"),
            *(f"--listen-peer-urls=http://{peers}", f"--initial-advertise-peer-urls=http://{peers}"),
            f"--initial-cluster=etcd=http://{peers}",
            probe=f"http://{etcd}/health",
        )
        at = ("--bind", "127.0.0.1", "--port", redis.rpartition(":")[2])
        self.redis = self._process("redis", "redis-server", *at, "--save", "")
        self.nodes = [Node(self, f"node{number}", etcd, through) for number in range(1, NODES + 1)]
        environment = {"LISTEN": f"127.0.0.1:{self.port}", "DATABASE_LISTEN": f"127.0.0.1:{self.database_port}"}
        for node in self.nodes:
            name = f"HAProxy to {node.name}"
            environment[node.name.upper()] = through(name, node.address)
            environment[f"{node.name.upper()}_API"] = through(f"{name}, API", node.api)
        # Each node by itself: the servers find out which of them are standbys.
        standbys = ",".join(through(f"servers to {node.name}", node.address) for node in self.nodes)
        self.servers: list[Process] = []
        self.urls: list[str] = []
        """Where each server process serves, in the order of ``servers``."""
        for number, address in enumerate(sorted(ADDRESSES * PROCESSES), 1):
            listening, admin = free_port(address), free_port(address)
            self.urls.append(f"http://{address}:{listening}")
            environment[f"SERVER{number}"] = through(f"HAProxy to server{number}", f"{address}:{listening}")
            environment[f"SERVER{number}_ADMIN"] = f"{address}:{admin}"
            more = {
                "HOST": address,
                "PORT": str(listening),
                "ADMIN_PORT": str(admin),
                "DATABASE_URL": f"postgresql://127.0.0.1:{self.database_port}/{DATABASE}",
                "DATABASE_READ_URL": f"postgresql://{standbys}/{DATABASE}",
                "DATABASE_ROLE_PASSWORD": self.password,
                "RATE_LIMIT_STORAGE": f"redis://{redis}/0",
                "TRUST_PROXY": "true",
            }
            own = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
            self.servers.append(
                Process(
                    directory / f"server{number}.log",
                    [sys.executable, "-m", "server"],
                    own | dict(settings) | more,
                    f"http://{address}:{admin}/ready",
                )
            )
        self.haproxy = self._process("haproxy", "haproxy", "-db", "-f", config, environment=environment)

    def _process(
        self, name: str, *command: str | Path, probe: str = "", environment: Mapping[str, str] | None = None
    ) -> Process:
        """A process of a program of Debian's, which runs as the account of PostgreSQL."""
        path = f"{os.environ['PATH']}:/usr/sbin"  # where only root looks
        if shutil.which(command[0], path=path) is None:
            raise MachinesError(f"{command[0]} is not installed: `tools/setup.sh --cluster` does it.")
        log_file = self.directory / f"{name}.log"
        return Process(log_file, [*self.prefix, *command], {"PATH": path} | dict(environment or {}), probe)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def conninfo(self) -> str:
        """The conninfo of the database's superuser, at the leader."""
        return make_conninfo(
            host="127.0.0.1", port=self.database_port, user="postgres", password=self.password, dbname=DATABASE
        )

    async def __aenter__(self) -> Self:
        try:
            await self.start()
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def start(self) -> None:
        for process in (self.etcd, self.redis):
            process.start()
        await self._until("etcd", lambda: answers(self.etcd.probe), self.etcd.log)
        for node in self.nodes:
            node.process.start()
        self.haproxy.start()
        await self._until("PostgreSQL", self.is_whole, self.nodes[0].process.log)
        await self._until("HAProxy", self._is_led, self.haproxy.log)
        await asyncio.to_thread(self._make_database)
        for server in self.servers:
            server.start()
        for server in self.servers:
            await self._until("a server", lambda server=server: answers(server.probe), server.log)  # type: ignore[misc]
        await self._until("HAProxy", lambda: answers(f"{self.url}/health"), self.haproxy.log)

    async def _is_led(self) -> bool:
        """Whether HAProxy leads to the leader."""
        with contextlib.suppress(psycopg.OperationalError):
            await asyncio.to_thread(lambda: psycopg.connect(self.conninfo, dbname="postgres").close())
            return True
        return False

    def _make_database(self) -> None:
        with psycopg.connect(self.conninfo, dbname="postgres", autocommit=True) as connection:
            connection.execute(f"create database {DATABASE}".encode())
        apply(self.conninfo, role_password=self.password)

    async def _until(self, what: str, condition: Callable[[], Awaitable[bool]], said: Path) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not await condition():
            if time.monotonic() > deadline:
                text = await asyncio.to_thread(said.read_text, errors="replace")
                raise MachinesError(f"{what} does not start.\n{text[-3000:]}")
            await asyncio.sleep(_POLL_SECONDS)

    async def members(self) -> list[dict[str, Any]]:
        """What Patroni knows of its members: of each name, role, state, timeline and lag. Empty: no node answers."""
        for node in self.nodes:
            found = await _get(f"http://{node.api}/cluster")
            if found is not None:
                return list(found.get("members", ()))
        return []

    async def leader(self) -> Node | None:
        """The node that leads, by its own word."""
        for node in self.nodes:
            if await answers(f"http://{node.api}/primary"):
                return node
        return None

    async def is_whole(self) -> bool:
        """Whether there is a leader, and each other node follows it and may take its place."""
        members = await self.members()
        roles = sorted(member["role"] for member in members)
        if roles != ["leader"] + ["quorum_standby"] * (NODES - 1):
            return False
        timelines = {member.get("timeline") for member in members}
        return len(timelines) == 1 and {member["state"] for member in members} <= {"running", "streaming"}

    async def switch_over(self, leader: Node, candidate: Node | None = None) -> bool:
        """Let another node lead, and wait until it does. False: Patroni refuses."""
        body = {"leader": leader.name} | ({"candidate": candidate.name} if candidate else {})
        url, auth = f"http://{leader.api}/switchover", aiohttp.BasicAuth("patroni", self.password)
        async with aiohttp.ClientSession(auth=auth) as session, session.post(url, json=body) as answer:
            return answer.status == 200

    async def close(self) -> None:
        """End everything, and remove it."""
        await asyncio.gather(*(server.close(STOP_SECONDS) for server in self.servers))
        await self.haproxy.close()
        for node in self.nodes:
            await node.process.close()
            await asyncio.to_thread(node.cluster.destroy)
        for process in (self.redis, self.etcd):
            await process.close()


async def answers(url: str) -> bool:
    """Whether a GET is answered with 200."""
    return await _get(url) is not None


async def _get(url: str) -> Any:
    with contextlib.suppress(aiohttp.ClientError, OSError, TimeoutError, ValueError):
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as session, session.get(url) as answer:
            if answer.status == 200:
                return json.loads(await answer.text() or "{}")
    return None


def _banner(machines: Machines) -> str:
    lines = [f"Inventory on {machines.url}: HAProxy, in front of"]
    for number, (url, server) in enumerate(zip(machines.urls, machines.servers, strict=True), 1):
        lines.append(f"  server{number}    {url}   metrics {server.probe.replace('/ready', '/metrics')}")
    lines.append("PostgreSQL at the leader of")
    for node in machines.nodes:
        lines.append(f"  {node.name}      {node.address}         Patroni http://{node.api}/cluster")
    lines += [
        f"  psql       psql '{machines.conninfo}'",
        f"Logs are in {machines.directory}. Ctrl-C stops and removes all of it.",
    ]
    return "\n".join(lines)


async def serve(settings: Settings, directory: Path) -> None:
    given = {name: value for name, value in os.environ.items() if name.lower() in Settings.model_fields}
    given["ENV_FILE"] = str(env_file())
    machines = Machines(directory, given, port=settings.port)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):  # a second one does not interrupt the end of everything
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    running, stopping = asyncio.ensure_future(_run(machines, settings)), asyncio.ensure_future(stop.wait())
    await asyncio.wait((running, stopping), return_when=asyncio.FIRST_COMPLETED)
    running.cancel()
    stopping.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


async def _run(machines: Machines, settings: Settings) -> None:
    async with machines:
        await asyncio.to_thread(fill, settings, machines.conninfo)
        print(_banner(machines), flush=True)
        await asyncio.Event().wait()


def main() -> int:
    logs.configure("WARNING")
    try:
        with tempfile.TemporaryDirectory(prefix="inventory-cluster-") as name:
            directory = Path(name)
            directory.chmod(0o755)
            asyncio.run(serve(load(), directory))
    except (MachinesError, ClusterError, SettingsError, ValidationError, ApplyError, psycopg.Error) as error:
        log.error("cannot start: %s", error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
