"""Runs the maintenance jobs that pg_cron does not run.

The database says which job is due, and does it (``maintenance.run_next_job``): one batch in each call, one call at a
time over all servers. Nothing is kept here, so that any server continues where another one stopped.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Literal

from server.database.calls import Database
from server.database.looks import Looks

ROLE = "inventory_worker"
STOP_SECONDS = 5.0  # for a batch under way, when the server stops; PostgreSQL finishes it all the same

When = Literal["auto", "always", "never"]

log = logging.getLogger("server.jobs")


class Jobs:
    """Looks for jobs that are due. ``when``: the setting RUN_JOBS; ``poll_seconds``: between looks."""

    def __init__(self, database: Database, when: When, poll_seconds: float) -> None:
        self._database = database
        self._when = when
        self._looks = Looks(log, "jobs", "run", poll_seconds=poll_seconds)
        self._task: asyncio.Task[None] | None = None
        self._stop = asyncio.Event()

    async def start(self) -> None:
        if self._when != "never":
            self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Begin no batch any more, and give the one under way a moment. Safe to repeat."""
        self._stop.set()
        if self._task is not None:
            await asyncio.wait([self._task], timeout=STOP_SECONDS)
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while not self._stop.is_set():
            has_run = False
            with self._looks.look():
                has_run = await self._run_next()
            if not has_run:
                await self._looks.rest(self._stop)

    async def _run_next(self) -> bool:
        """Do one batch of a job that is due; False where there is none."""
        job, error = await self._database.long(
            ROLE, "select job, error from maintenance.run_next_job($1)", [self._when == "always"]
        )
        if error is not None:
            log.warning("the job %s failed, trying again in a minute: %s", job, error)
        return job is not None
