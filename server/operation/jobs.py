"""Runs the maintenance jobs that pg_cron does not run.

The database says which job is due, and does it (``maintenance.run_next_job``): one batch in each call, one call at a
time over all servers. Nothing is kept here, so that any server continues where another one stopped.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from typing import Literal

from server.database.calls import Database

ROLE = "inventory_worker"
STOP_SECONDS = 5.0  # for a batch under way, when the server stops; PostgreSQL finishes it all the same
LONGEST_BACKOFF = 60.0  # seconds between looks at a database that does not answer

When = Literal["auto", "always", "never"]

# Not the module's generator: a program that seeds that one would make all its processes look in step.
_JITTER = random.SystemRandom()

log = logging.getLogger("server.jobs")


class Jobs:
    """Looks for jobs that are due. ``when``: the setting RUN_JOBS; ``poll_seconds``: between looks."""

    def __init__(self, database: Database, when: When, poll_seconds: float) -> None:
        self._database = database
        self._when = when
        self._poll_seconds = poll_seconds
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
        failures = 0
        while not self._stop.is_set():
            has_run = False
            try:
                has_run = await self._run_next()
            except Exception as error:  # noqa: BLE001 - whatever it is: look again later
                if not failures:
                    log.warning("jobs cannot be run, trying again: %s", error)
                failures += 1
            else:
                if failures:
                    log.info("jobs can be run again")
                failures = 0
            if not has_run:
                await self._rest(failures)

    async def _run_next(self) -> bool:
        """Do one batch of a job that is due; False where there is none."""
        job, error = await self._database.long(
            ROLE, "select job, error from maintenance.run_next_job($1)", [self._when == "always"]
        )
        if error is not None:
            log.warning("the job %s failed, trying again in a minute: %s", job, error)
        return job is not None

    async def _rest(self, failures: int) -> None:
        seconds = self._poll_seconds * _JITTER.uniform(0.8, 1.2)
        if failures:
            seconds = min(seconds * 2 ** min(failures - 1, 20), LONGEST_BACKOFF)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stop.wait()
