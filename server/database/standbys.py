"""Reads from standbys, which never show a client less than it has seen.

Each answer has a position: of the write-ahead log, PostgreSQL's. A client that sends it back may be answered by a
standby that has come so far. One that is asked tells how far it was before it looked, so no guess decides what a client
sees: what is noted here only says which standby to ask.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import re
import time
from collections import deque
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from pgcalls import READ, Call, CallError, DatabaseError, OutcomeUnknownError, UnavailableError
from server.database.calls import Answer, Database
from server.database.interface import Function

LOOK_SECONDS = 0.25  # between looks at how far each is
BEHIND_SECONDS = 1.0  # a standby that does not show what the primary had so long ago is not asked
LOOK = "select pg_is_in_recovery(), inventory.log_position()"
POSITION = "select inventory.log_position()"
SETTLE = (
    "select inventory.log_position(), case when current_setting('synchronous_standby_names') <> '' then"
    " pg_logical_emit_message(true, 'inventory', 'settle') end"
)
# Where no standby ever is: the position of an answer whose primary was lost before it could be asked.
NOWHERE = "FFFFFFFF/FFFFFFFF"
READ_AFTER = "select body, tag, reached from http.read_after($1, $2, $3, $4)"
# Refusals that are this standby's alone: a conflict with what it replays, a restart, too little of something.
_OWN = ("40", "53", "55", "57", "58", "XX")
_POSITION = re.compile(r"[0-9A-F]{1,8}/[0-9A-F]{1,8}")

log = logging.getLogger("server.standbys")


def number(position: str) -> int:
    """A position as PostgreSQL writes it, 16/B374D848, as a number that can be compared. Raises ValueError."""
    if not _POSITION.fullmatch(position):
        raise ValueError(position)
    high, low = position.split("/")
    return (int(high, 16) << 32) + int(low, 16)


def hosts_of(conninfo: str) -> dict[str, str]:
    """A conninfo for each host of one that names several, by host and port: each is a standby of its own."""
    parameters = {name: str(value) for name, value in conninfo_to_dict(conninfo).items() if value is not None}
    hosts = parameters.pop("host", "").split(",")
    ports = parameters.pop("port", "5432").split(",")
    ports = ports * len(hosts) if len(ports) == 1 else ports
    return {
        f"{host}:{port}": make_conninfo("", **parameters | {"target_session_attrs": "any"}, host=host, port=port)
        for host, port in zip(hosts, ports, strict=True)
    }


class Standby:
    """One standby. ``at``: how far it was at the last look; None: it is gone, or is no standby any more."""

    def __init__(self, name: str, database: Database) -> None:
        self.name = name
        self.database = database
        self.at: int | None = None
        self.reads = 0

    async def look(self) -> None:
        at = None
        with contextlib.suppress(CallError, TimeoutError):
            async with asyncio.timeout(BEHIND_SECONDS):
                is_standby, position = await self.database.fetch("inventory_public", LOOK)
            at = number(position) if is_standby == "t" and position is not None else None
        if (at is None) != (self.at is None):
            log.warning("standby %s %s", self.name, "is not there" if at is None else "is there")
        self.at = at


class Standbys:
    """The standbys that DATABASE_READ_URL names, and the positions of answers.

    ``primary``: where the writes go. ``wait_seconds``: so long a read waits for a standby; then the primary answers.
    """

    def __init__(self, primary: Database, standbys: Mapping[str, Database], wait_seconds: float) -> None:
        self.standbys = [Standby(name, database) for name, database in standbys.items()]
        self._primary = primary
        self._wait = str(wait_seconds).encode()
        self._turns = itertools.cycle(self.standbys)
        self._next_look: asyncio.Task[str] | None = None
        self._was: deque[tuple[float, int]] = deque()  # when the primary was where
        self._next_settling: asyncio.Task[None] | None = None
        self._settled = 0  # the primary shows everything up to here
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        looks = [each.look for each in self.standbys] + [self._look_at_primary]
        await asyncio.gather(*(look() for look in looks))
        self._tasks = [asyncio.create_task(_repeat(look)) for look in looks]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for standby in self.standbys:
            await standby.database.close()

    async def position(self) -> str:
        """A position that all is at or before that the primary has shown so far. NOWHERE: it cannot be asked.

        Callers of the same moment share a look, which begins after all of them have come.
        """
        if self._next_look is None:
            self._next_look = asyncio.create_task(self._look())
        return await asyncio.shield(self._next_look)

    async def _look(self) -> str:
        self._next_look = None  # who comes from here on has seen more
        with contextlib.suppress(CallError):
            (position,) = await self._primary.fetch("inventory_public", POSITION)
            assert position is not None
            return position
        return NOWHERE

    async def settle(self, after: str) -> None:
        """Wait until the primary, too, shows what a standby may have shown up to this position. Raises CallError.

        With synchronous replication the session of a commit waits for a standby, which shows the commit before the
        primary does. A commit of our own waits behind it. Callers of the same moment share one.
        """
        if number(after) <= self._settled:
            return
        if self._next_settling is None:
            self._next_settling = asyncio.create_task(self._settle())
        await asyncio.shield(self._next_settling)

    async def _settle(self) -> None:
        self._next_settling = None
        try:
            position, _ = await self._primary.execute("inventory_public", SETTLE)
        except OutcomeUnknownError as error:
            raise UnavailableError(str(error), "unreachable") from error
        assert position is not None
        self._settled = number(position)

    async def _look_at_primary(self) -> None:
        """Note where the primary is. While it is gone, no standby is behind it."""
        now = time.monotonic()
        position = await self.position()
        if position == NOWHERE:
            self._was.clear()
            self._settled = 0  # the next primary has settled nothing
            return
        self._was.append((now, number(position)))
        while len(self._was) > 1 and self._was[1][0] <= now - BEHIND_SECONDS:
            self._was.popleft()

    def _choose(self) -> Standby | None:
        """The next standby that is there and not behind."""
        is_due = self._was and self._was[0][0] <= time.monotonic() - BEHIND_SECONDS
        least = self._was[0][1] if is_due else 0
        for standby in itertools.islice(self._turns, len(self.standbys)):
            if standby.at is not None and standby.at >= least:
                return standby
        return None

    async def read(self, role: str, function: Function, arguments: bytes, after: str) -> Answer | None:
        """Call the function on a standby that shows everything up to the position ``after``.

        None: there is none, or it was not there in time. Raises DatabaseError, as the primary would.
        """
        standby = self._choose() if after != NOWHERE else None
        if standby is None:
            return None
        parameters = [after.encode(), self._wait, function.name.encode(), arguments]
        call = Call(READ_AFTER, parameters, is_batchable=function.is_batchable)
        try:
            body, tag, position = await standby.database.queue(role, READ).put(call)
        except UnavailableError:
            standby.at = None  # until the next look
            return None
        except DatabaseError as error:
            if error.sqlstate.startswith(_OWN):
                return None
            raise
        if position is None:
            return None
        standby.reads += 1
        return Answer(body, tag=tag.decode() if tag and function.is_tagged else None, position=position.decode())


async def _repeat(look: Callable[[], Coroutine[Any, Any, None]]) -> None:
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        await look()
