"""A caller over a test's database, and what happens to its connections."""

from __future__ import annotations

import array
import asyncio
import contextlib
import fcntl
import os
import shutil
import struct
import tempfile
import termios
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from pgcalls import READ, WRITE, Limits
from server.database import interface
from server.database.calls import Answer, Key
from server.database.calls import Database as Caller
from server.database.interface import Function
from server.operation import lifecycle
from tests.conftest import PATIENCE, Database

OPERATOR = "inventory_operator"
NEVER = 10 * PATIENCE  # seconds to wait in the queue: a test that does so fails
SERVERS_BACKENDS = "from pg_stat_activity where application_name = 'inventory' and datname = current_database()"


@pytest.fixture
def functions(database: Database) -> dict[str, Function]:
    """The functions of the schema http by name."""
    return interface.read(database.one("select http.catalog()::text")).functions


def function(statement: str, *, is_stable: bool = False) -> Function:
    """A function that is called by this statement, with the arguments as one jsonb, $1."""
    return Function("test", (), statement, is_stable, False, frozenset(), "", "", None, ())


@contextlib.asynccontextmanager
async def calling(
    conninfo: str, pool_size: int = 1, queue_size: int = 100, queue_seconds: float = NEVER
) -> AsyncIterator[Caller]:
    """A caller that does not wait for the queue's time to pass, unless it is told to."""
    caller = Caller(conninfo, None, Limits(pool_size, queue_size, queue_seconds))
    try:
        yield caller
    finally:
        await caller.close()


def play(scenario: Coroutine[Any, Any, None]) -> None:
    """Run a scenario on the loop that serves, to its end, or fail when it does not come to one."""

    async def limited() -> None:
        async with asyncio.timeout(PATIENCE):
            await scenario

    with asyncio.Runner(loop_factory=lifecycle.new_event_loop) as runner:
        runner.run(limited())


async def until(condition: Callable[[], Any]) -> None:
    """Return when the condition holds."""
    while not condition():  # noqa: ASYNC110 - of another process
        await asyncio.sleep(0.005)


def waiting_backends(database: Database) -> list[int]:
    """The server's backends that wait for a lock."""
    return [pid for (pid,) in database.rows(f"select pid {SERVERS_BACKENDS} and wait_event_type = 'Lock'")]


def backends(database: Database) -> list[int]:
    """All of the server's backends."""
    return [pid for (pid,) in database.rows(f"select pid {SERVERS_BACKENDS}")]


def terminate(database: Database) -> int:
    """End the server's backends, and return how many when they are gone."""
    ended = database.rows(f"select pg_terminate_backend(pid, {PATIENCE} * 1000) {SERVERS_BACKENDS}")
    assert all(is_gone for (is_gone,) in ended)
    return len(ended)


@contextlib.contextmanager
def held(database: Database, product: int) -> Iterator[None]:
    """Hold a product's stock row."""
    with database.connect() as holder, holder.transaction():
        holder.execute("select from store.stock where product_id = %s for update", [product])
        yield


def one_unit(product: int) -> dict[str, str]:
    return {"p_id": str(product), "p_amount": "1"}


def start(
    count: int, caller: Caller, function: Function, arguments: dict[str, Any], key: Key | None = None
) -> list[asyncio.Task[Answer]]:
    """Start the same call so many times."""
    return [asyncio.create_task(caller.call(OPERATOR, function, arguments, key)) for _ in range(count)]


def queue(caller: Caller, *, is_reading: bool = False) -> Any:
    """The operator's queue."""
    return caller.queues()[OPERATOR, READ if is_reading else WRITE]


# What PostgreSQL tells its other sessions when one of them was killed: a NoticeResponse of the protocol.
CRASH_WARNING = b"SWARNING\0VWARNING\0C57P02\0Mterminating connection because of crash of another server process\0\0"


def _unread_bytes(sock: Any) -> int:
    count = array.array("i", [0])
    fcntl.ioctl(sock.fileno(), termios.FIONREAD, count)
    return count[0]


# The head of the message with a session's process id, which PostgreSQL sends at log-in.
KEY_DATA = b"K\0\0\0\x0c"


class Proxy:
    """A socket before the database's. It can lose answers: it closes the connection in place of passing one on.

    It can also crash under a statement, see ``crash``. ``is_pooler``: it gives out process ids of its own.
    """

    def __init__(self, conninfo: str, *, is_pooler: bool = False) -> None:
        parameters = conninfo_to_dict(conninfo)
        self.loses_answers = False
        self._is_pooler = is_pooler
        self.directory = Path(tempfile.mkdtemp())
        self.conninfo = make_conninfo(conninfo, host=str(self.directory))
        self._socket = f".s.PGSQL.{parameters['port']}"
        self._target = f"{parameters['host']}/{self._socket}"
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: list[asyncio.StreamWriter] = []

    async def __aenter__(self) -> Proxy:
        self._server = await asyncio.start_unix_server(self._serve, self.directory / self._socket)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await asyncio.gather(*self._tasks)
        await self._server.wait_closed()
        shutil.rmtree(self.directory)

    def stop_reading(self) -> None:
        """Leave unread what the server sends from now on."""
        for writer in self._writers:
            writer.transport.pause_reading()  # type: ignore[attr-defined]

    async def crash(self) -> None:
        """After stop_reading: wait for a statement, warn, and close while it is unread, as backends do after a crash.

        The kernel then reports an error together with the warning.
        """
        sockets = {writer.get_extra_info("socket"): writer for writer in self._writers}
        await until(lambda: any(map(_unread_bytes, sockets)))
        for each, writer in sockets.items():
            if _unread_bytes(each):
                last = os.dup(each.fileno())
                writer.transport.abort()
                await until(lambda each=each: each.fileno() < 0)
                os.write(last, b"N" + struct.pack("!i", 4 + len(CRASH_WARNING)) + CRASH_WARNING)
                os.close(last)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.append(writer)
        below_reader, below_writer = await asyncio.open_unix_connection(self._target)
        await asyncio.gather(
            self._pass_on(reader, below_writer, is_answer=False), self._pass_on(below_reader, writer, is_answer=True)
        )

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_answer: bool) -> None:
        hides_id = is_answer and self._is_pooler
        with contextlib.suppress(ConnectionError):
            while (data := await reader.read(65536)) and not (is_answer and self.loses_answers):
                if hides_id and (at := data.find(KEY_DATA)) >= 0:
                    hides_id = False
                    at += len(KEY_DATA)
                    data = data[:at] + struct.pack("!i", 1) + data[at + 4 :]
                writer.write(data)
                await writer.drain()
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
