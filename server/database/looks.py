"""Looks at the database that a task repeats: a failure is logged once, and the next looks come later and later."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import Iterator

LONGEST_BACKOFF = 30.0  # seconds between looks at a database that does not answer

# Not the module's generator: a program that seeds that one would make all its processes look in step.
JITTER = random.SystemRandom()


class Looks:
    """``words``: what the looks are for, as the log says it: "jobs", "run"."""

    def __init__(self, log: logging.Logger, *words: str, poll_seconds: float) -> None:
        self._log = log
        self._words = words
        self._poll_seconds = poll_seconds
        self._failures = 0

    @contextlib.contextmanager
    def look(self) -> Iterator[None]:
        """One look. Its error goes no further."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - whatever it is: look again later
            if not self._failures:
                self._log.warning("%s cannot be %s, trying again: %s", *self._words, error)
            self._failures += 1
        else:
            if self._failures:
                self._log.info("%s can be %s again", *self._words)
            self._failures = 0

    async def rest(self, wake: asyncio.Event) -> None:
        """Wait until it is time to look again, or for the event."""
        seconds = self._poll_seconds * JITTER.uniform(0.8, 1.2)
        if self._failures:
            seconds = min(seconds * 2 ** min(self._failures - 1, 20), LONGEST_BACKOFF)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await wake.wait()
