"""What an operator's tools ask: is it alive, can it serve, and how does it do."""

from __future__ import annotations

import json
import time
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Handler
from prometheus_client import CONTENT_TYPE_LATEST

from pgcalls import CallError, DatabaseError
from server import TITLE, VERSION
from server.database.calls import Database
from server.http.guard import Drain
from server.operation.metrics import Metrics

CLOCK_SECONDS = 5.0  # further apart than these, this machine's clock and the database's are told
MIGRATIONS = Path(__file__).resolve().parent.parent.parent / "db" / "migrations"


def migration_names() -> list[str]:
    """The migrations that this version of the code needs, in order."""
    return sorted(path.stem for path in MIGRATIONS.glob("*.sql"))


class Probes:
    """The handlers of /health, /ready and /metrics."""

    def __init__(self, database: Database, metrics: Metrics, drain: Drain) -> None:
        self._database = database
        self._metrics = metrics
        self._drain = drain
        self._migrations = migration_names()

    def handlers(self) -> dict[str, Handler]:
        """The handlers by path."""
        return {"/health": self._health, "/ready": self._ready, "/metrics": self._text}

    async def _health(self, _: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def _ready(self, _: web.Request) -> web.Response:
        checks = await self._checked()
        if any(check.startswith("failed") for check in checks.values()):
            body = {"status": "unavailable", "checks": checks}
            return web.json_response(body, status=503, headers={"Retry-After": "1"})
        return web.json_response({"status": "ready", "checks": checks})

    async def _checked(self) -> dict[str, str]:
        if self._drain.is_leaving:
            checks = {"process": "failed: it is about to stop"}
        else:
            checks = await self._checks()
        self._metrics.checked(checks)
        return checks

    async def _checks(self) -> dict[str, str]:
        query = "select http.ready($1), extract(epoch from pg_catalog.clock_timestamp())"
        asked = time.time()
        try:
            (text, now) = await self._database.fetch("inventory_public", query, [self._migrations])
        except DatabaseError as error:
            return {"database": f"failed: SQLSTATE {error.sqlstate}"}
        except CallError as error:
            return {"database": f"failed: {error}"}
        checks: dict[str, str] = json.loads(text or "{}")
        return {**checks, "clock": _clock_check(asked, float(now or 0), time.time())}

    async def _text(self, _: web.Request) -> web.Response:
        await self._checked()  # an alert must not depend on somebody who asks /ready
        try:
            (text,) = await self._database.fetch("inventory_public", "select http.figures()")
            self._metrics.figures = json.loads(text or "{}")
        except CallError:
            self._metrics.figures = {}  # what is known without the database is told all the same
        return web.Response(body=self._metrics.text(), headers={"Content-Type": CONTENT_TYPE_LATEST})


def _clock_check(asked: float, now: float, answered: float) -> str:
    """Whether the database's time, by which tokens are issued, lies between two times of this machine."""
    ahead = asked - now if now < asked else min(answered - now, 0.0)
    if abs(ahead) < CLOCK_SECONDS:
        return "ok"
    side = "ahead of" if ahead > 0 else "behind"  # no figure: it is logged when its text changes
    return f"warning: this machine's clock is {CLOCK_SECONDS:.0f} s or more {side} the database's"


async def index(_: web.Request) -> web.Response:
    """GET /: where everything is."""
    return web.json_response(
        {
            "title": TITLE,
            "version": VERSION,
            "documentation": "/docs",
            "reference": "/redoc",
            "openapi": "/openapi.json",
            "health": "/health",
        }
    )
