"""Proxies on the loopback interface that simulate network faults: they can stall, and lose answers."""

from __future__ import annotations

import asyncio
import contextlib
import random
from pathlib import Path


class Proxy:
    """Forwards connections from ``listen`` to ``target``. Each is a TCP port or the path of a Unix socket.

    The target may also be a host and a port.
    """

    def __init__(self, listen: int | Path, target: int | Path | tuple[str, int], seed: str) -> None:
        self._listen, self._target = listen, target
        self._random = random.Random(seed)
        self._gate = asyncio.Event()
        self._gate.set()
        self._loss = 0.0
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        if isinstance(self._listen, Path):
            self._server = await asyncio.start_unix_server(self._serve, self._listen)
        else:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._listen)

    @property
    def port(self) -> int:
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    def stall(self) -> None:
        """Stop forwarding, without losing anything, until ``heal``."""
        self._gate.clear()

    def lose_answers(self, probability: float) -> None:
        """Close some connections instead of forwarding an answer, until ``heal``. The request has been carried out."""
        self._loss = probability

    def heal(self) -> None:
        self._loss = 0.0
        self._gate.set()

    async def close(self) -> None:
        self.heal()
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        writers = [writer]
        try:
            await self._gate.wait()
            if isinstance(self._target, Path):
                below = await asyncio.open_unix_connection(self._target)
            else:
                host, port = self._target if isinstance(self._target, tuple) else ("127.0.0.1", self._target)
                below = await asyncio.open_connection(host, port)
            writers.append(below[1])
            pumps = [
                asyncio.create_task(self._pass_on(reader, below[1], is_answer=False)),
                asyncio.create_task(self._pass_on(below[0], writer, is_answer=True)),
            ]
            try:
                # When one side closes its connection, close the other one too,
                await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
                # but not while stalled: a stalled network does not transport the end of a connection either.
                await self._gate.wait()
            finally:
                for pump in pumps:
                    pump.cancel()
                await asyncio.gather(*pumps, return_exceptions=True)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            for each in writers:
                each.close()
                with contextlib.suppress(OSError, asyncio.CancelledError):
                    await each.wait_closed()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_answer: bool) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                await self._gate.wait()
                if is_answer and self._random.random() < self._loss:
                    return
                writer.write(data)
                await writer.drain()
