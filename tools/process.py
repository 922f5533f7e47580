"""A program that is kept running, as a service manager would keep it."""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_GIVEN: set[int] = set()  # ports that this process has found, and perhaps not yet used
PAUSE_SECONDS = 0.3  # before a process that has ended is started again


class Process:
    """A process that is started again whenever it ends by itself.

    ``probe``: the URL that says whether it is ready, for whoever waits for that.
    """

    def __init__(
        self, log: Path, command: Sequence[str | Path], environment: Mapping[str, str], probe: str = ""
    ) -> None:
        self.log = log
        self.probe = probe
        self._command = command
        self._environment = environment
        self._process: asyncio.subprocess.Process | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._may_run = asyncio.Event()

    @property
    def pid(self) -> int | None:
        """The process id; None while it does not run."""
        if self._process is None or self._process.returncode is not None:
            return None
        return self._process.pid

    def start(self) -> None:
        self._may_run.set()
        self._keeper = asyncio.create_task(self._keep())

    async def _keep(self) -> None:
        while True:
            await self._may_run.wait()
            with self.log.open("ab") as log:
                # A session of its own: Ctrl-C in the terminal is for the parent, which ends its processes in order.
                self._process = await asyncio.create_subprocess_exec(
                    *self._command, cwd=ROOT, env=self._environment, stdout=log, stderr=log, start_new_session=True
                )
            await self._process.wait()
            await asyncio.sleep(PAUSE_SECONDS)

    async def end(self, number: signal.Signals) -> int | None:
        """Send the signal, and wait until the process has ended. It is not started again until ``again``.

        Returns its exit status.
        """
        self._may_run.clear()
        self.signal(number)
        return await self._process.wait() if self._process is not None else None

    def again(self) -> None:
        self._may_run.set()

    def signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            if self._process is not None and self._process.returncode is None:
                self._process.send_signal(number)

    async def close(self, patience: float = 0) -> None:
        """End the process for good: by SIGTERM where it has ``patience`` seconds to end, else by SIGKILL."""
        if self._keeper is None:
            return
        if patience:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(patience):
                    await self.end(signal.SIGTERM)
        await self.end(signal.SIGKILL)
        self._keeper.cancel()
        await asyncio.gather(self._keeper, return_exceptions=True)


def free_port(host: str = "127.0.0.1") -> int:
    """A port that nobody listens on, below those that outgoing connections use: a restart finds it free again."""
    while True:
        port = random.SystemRandom().randrange(15_000, 32_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((host, port))
            if port not in _GIVEN:
                _GIVEN.add(port)
                return port
