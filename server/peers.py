"""The workers of one port: what each is told, and how any of them shows the metrics of all.

A scrape reaches one worker, whichever the kernel chose. Each answers the others on a Unix socket of its own with its
metrics; who is scraped puts them together.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
import re
import socket
from collections.abc import Iterable
from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

SECONDS = 1.0  # that a scrape waits for another worker
_END = b"# EOF\n"
_FAMILY = re.compile(rb"^# HELP .*\n# TYPE .*\n", re.MULTILINE)

log = logging.getLogger("server.peers")


@dataclasses.dataclass(frozen=True)
class Member:
    """One worker of ``count``: its number, the port, where their sockets are, its end of the supervisor's line."""

    number: int
    count: int
    port: int
    directory: Path
    supervisor: socket.socket

    def socket_of(self, number: int) -> Path:
        return self.directory / f"{number}.sock"


class _Labelled(Collector):
    """A registry's samples with the worker's number."""

    def __init__(self, registry: CollectorRegistry, number: int) -> None:
        self._registry = registry
        self._label = {"worker": str(number)}

    def collect(self) -> Iterable[Metric]:
        for family in self._registry.collect():
            family.samples = [sample._replace(labels=sample.labels | self._label) for sample in family.samples]
            yield family


class _Up(Collector):
    def __init__(self, is_up: Iterable[bool]) -> None:
        self._is_up = is_up

    def collect(self) -> Iterable[Metric]:
        up = GaugeMetricFamily("inventory_worker_up", "Whether the worker's metrics are here.", labels=["worker"])
        for number, is_up in enumerate(self._is_up):
            up.add_metric([str(number)], is_up)
        return [up]


class Peers:
    """This worker's socket, and what the others' say."""

    def __init__(self, member: Member, registry: CollectorRegistry) -> None:
        self._member = member
        self._collector = _Labelled(registry, member.number)
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        # In place of the one that the worker before this one left.
        self._server = await asyncio.start_unix_server(self._answer, self._member.socket_of(self._member.number))

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def text(self) -> bytes:
        """The metrics of all workers; of one that says nothing only that it is not up."""
        texts = await asyncio.gather(*(self._of(number) for number in range(self._member.count)))
        up = generate_latest(_Up([text is not None for text in texts]))
        return merged([text for text in texts if text is not None] + [up])

    async def _of(self, number: int) -> bytes | None:
        if number == self._member.number:
            return generate_latest(self._collector)
        try:
            async with asyncio.timeout(SECONDS):
                reader, writer = await asyncio.open_unix_connection(self._member.socket_of(number))
                try:
                    text = await reader.read()
                finally:
                    writer.close()
        except (OSError, TimeoutError) as error:
            log.warning("worker %s shows no metrics: %s", number, error or type(error).__name__)
            return None
        # Without its end it is of a worker that died over it.
        return text.removesuffix(_END) if text.endswith(_END) else None

    async def _answer(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(generate_latest(self._collector) + _END)
        with contextlib.suppress(ConnectionError):
            await writer.drain()
        writer.close()


def merged(texts: Iterable[bytes]) -> bytes:
    """The texts as one: all samples of a family behind its name, as Prometheus' format wants it."""
    families: dict[bytes, list[bytes]] = {}
    for text in texts:
        heads = list(_FAMILY.finditer(text))
        ends = [head.start() for head in heads[1:]] + [len(text)]
        for head, end in zip(heads, ends, strict=True):
            families.setdefault(head[0], []).append(text[head.end() : end])
    return b"".join(head + b"".join(samples) for head, samples in families.items())
