"""Opens more idle and very slow connections than a server keeps. They must not affect other clients."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

COUNT = 180  # connections to each server, more than its MAX_CONNECTIONS
PAUSE = 0.5  # seconds between the end of a connection and the next one
HEAD = b"GET /sku/x HTTP/1.1\r\nHost: x\r\nX-Slow: "


@contextlib.asynccontextmanager
async def idlers(urls: list[str], seed: str) -> AsyncIterator[None]:
    """Keep COUNT connections open to each server. Every tenth of them sends a header, one byte per second."""
    chance = random.Random(f"{seed}/idlers")
    tasks = [asyncio.create_task(_idle(url, n % 10 == 0, chance.uniform(0, 2))) for url in urls for n in range(COUNT)]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _idle(url: str, is_slow: bool, delay: float) -> None:
    address = urlsplit(url)
    await asyncio.sleep(delay)
    while True:
        with contextlib.suppress(OSError):
            reader, writer = await asyncio.open_connection(address.hostname, address.port)
            with contextlib.closing(writer):
                await _wait(reader, writer, is_slow)
        await asyncio.sleep(PAUSE)


async def _wait(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, is_slow: bool) -> None:
    """Wait until the server closes the connection."""
    sent = HEAD
    while True:
        if is_slow:
            writer.write(sent)
            sent = b"x"
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1):
                await reader.read()
                return
