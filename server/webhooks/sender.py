"""Delivers queued events to webhook endpoints, signed as Standard Webhooks has it.

The database queues the events of the changes of stock when the sender asks it to (``inventory.queue_stock_changes``),
says what is due and whose turn it is (``inventory.claim_deliveries``), and keeps what became of it
(``inventory.finish_delivery``). Every server process has a sender, and they share the work. When a process dies with a
delivery that it has claimed and not reported, another claims it after its lease: at least once.

Who registers an endpoint must not reach into our network with it: each address is looked at when its socket is made,
whatever name it came from, and no other connection is ever used. With a proxy, it is the proxy that refuses addresses.
"""

from __future__ import annotations

import asyncio
import collections
import dataclasses
import json
import logging
import time
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import aiohttp
from standardwebhooks import Webhook

from pgcalls import CallError
from server import traces
from server.database.calls import Database
from server.database.looks import JITTER, Looks
from server.webhooks.addresses import ForbiddenAddressError, Resolver, public_socket

ROLE = "inventory_worker"
AT_ONCE = 32  # tries under way in this process
PER_WEBHOOK = 4  # of one endpoint, in all processes
LEASE = timedelta(seconds=60)  # longer than a try and its report take
TIMEOUT = 15.0  # seconds for a try, from name resolution to the headers of the answer
STOP_SECONDS = 5.0  # for tries under way, when the server stops
LONGEST_RETRY_AFTER = 86_400  # seconds; a longer one is cut to this
USER_AGENT = "inventory-webhooks/1"

log = logging.getLogger("server.webhooks")


@dataclasses.dataclass(frozen=True)
class Delivery:
    """A try, as inventory.claim_deliveries returns it."""

    delivery_id: int
    attempt: int
    url: str
    secrets: list[str]
    message_id: str
    payload: str


@dataclasses.dataclass(frozen=True)
class TryResult:
    """The result of a try: the status of the answer, or None and the error."""

    label: str
    status: int | None = None
    error: str | None = None
    retry_after: timedelta | None = None


def retry_after(value: str | None, now: datetime) -> timedelta | None:
    """The time to wait of a Retry-After header, in seconds or as an HTTP date; None if it cannot be read."""
    if value is None:
        return None
    value = value.strip()
    try:
        seconds = int(value) if value.isascii() and value.isdigit() else None
        if seconds is None:
            at = parsedate_to_datetime(value)
            seconds = int((at.replace(tzinfo=at.tzinfo or UTC) - now).total_seconds()) + 1
    except (ValueError, OverflowError):
        return None
    return timedelta(seconds=min(max(seconds, 0), LONGEST_RETRY_AFTER))


def headers(delivery: Delivery, now: datetime) -> dict[str, str]:
    """The headers of a try: the message's id, this try's time, and a signature with each secret."""
    signatures = [Webhook(secret).sign(delivery.message_id, now, delivery.payload) for secret in delivery.secrets]
    return {
        "webhook-id": delivery.message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(signatures),
        "Content-Type": "application/json",
        "User-Agent": USER_AGENT,
    }


class Sender:
    """Claims deliveries that are due, sends them, and reports the results. ``timeout``: seconds for a try."""

    def __init__(
        self,
        database: Database,
        *,
        poll_seconds: float = 1.0,
        allow_private_addresses: bool = False,
        proxy: str | None = None,
        timeout: float = TIMEOUT,
    ) -> None:
        self._database = database
        self._poll_seconds = poll_seconds
        self._queueing = Looks(log, "changes of stock", "queued", poll_seconds=poll_seconds)
        self._claiming = Looks(log, "deliveries", "claimed", poll_seconds=poll_seconds)
        # A proxy decides itself where it connects to. Its own address is ours.
        self._allow_private_addresses = allow_private_addresses or proxy is not None
        self._proxy = proxy
        self._timeout = timeout
        self.tries: collections.Counter[str] = collections.Counter()
        """Tries by result: for metrics."""
        self._session: aiohttp.ClientSession | None = None
        self._loop: asyncio.Task[None] | None = None
        self._under_way: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._is_stopping = False
        self._queue_at = 0.0  # by time.monotonic()

    async def start(self) -> None:
        connector = aiohttp.TCPConnector(
            resolver=Resolver(AT_ONCE),
            use_dns_cache=False,
            socket_factory=None if self._allow_private_addresses else public_socket,
            # Each connection is used once, so that the checked address is the one that is used.
            force_close=True,
            limit=0,
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(),  # _send has a time-out of its own
            auto_decompress=False,
            trust_env=False,
            proxy=self._proxy,
        )
        self._loop = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Claim no more deliveries and give tries under way a moment. The rest waits for its lease. Safe to repeat."""
        self._is_stopping = True
        self._wake.set()
        if self._loop is not None:
            await asyncio.wait([self._loop], timeout=STOP_SECONDS)
            self._loop.cancel()
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=STOP_SECONDS)
        rest = [*self._under_way, *([self._loop] if self._loop is not None else [])]
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    async def _run(self) -> None:
        while not self._is_stopping:
            self._wake.clear()
            is_more = False
            if time.monotonic() >= self._queue_at:
                with self._queueing.look():  # where it fails, what is queued already is delivered all the same
                    is_more = await self._queue_stock_changes()
                # Not each time that a delivery ends.
                self._queue_at = 0.0 if is_more else time.monotonic() + self._poll_seconds / 2
            free = 0 if self._is_stopping else AT_ONCE - len(self._under_way)
            claimed: list[Delivery] = []
            with self._claiming.look():
                if free:
                    claimed = await self._claim(free)
            for delivery in claimed:
                task = asyncio.create_task(self._deliver(delivery))
                self._under_way.add(task)
                task.add_done_callback(self._done)
            if not claimed and not is_more:
                await self._claiming.rest(self._wake)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        self._wake.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a delivery failed unforeseen", exc_info=error)

    async def _queue_stock_changes(self) -> bool:
        """Queue the events of the next changes of stock. Returns whether there are more of them."""
        (answer,) = await self._database.execute(ROLE, "select inventory.queue_stock_changes()::text", [])
        return answer == "true"

    async def _claim(self, limit: int) -> list[Delivery]:
        (rows,) = await self._database.execute(
            ROLE,
            # Columns by name: where another release lacks one nothing is claimed, and a new one does no harm.
            "select coalesce(json_agg(c), '[]') from (select delivery_id, attempt, url, secrets, message_id, payload"
            " from inventory.claim_deliveries($1, $2, $3)) as c",
            [limit, PER_WEBHOOK, LEASE],
        )
        return [Delivery(**row) for row in json.loads(rows or "[]")]

    async def _deliver(self, delivery: Delivery) -> None:
        outcome = await self._try(delivery)
        self.tries[outcome.label] += 1
        log.debug("delivery %s, try %s: %s", delivery.delivery_id, delivery.attempt, outcome)
        await self._finish(delivery, outcome)

    async def _try(self, delivery: Delivery) -> TryResult:
        with traces.span("webhook", "CLIENT", {"webhook.delivery": delivery.delivery_id}) as span:
            result = await self._send(delivery)
            if span is not None:
                span.set_attribute("webhook.result", result.label)
            return result

    async def _send(self, delivery: Delivery) -> TryResult:
        assert self._session is not None
        now = datetime.now(UTC)
        sent = headers(delivery, now)
        traces.inject(sent)
        try:
            async with asyncio.timeout(self._timeout):
                answer = await self._session.post(
                    delivery.url, data=delivery.payload.encode(), headers=sent, allow_redirects=False
                )
        except TimeoutError:
            return TryResult("failed", error=f"No answer within {self._timeout:g} seconds")
        except aiohttp.ClientConnectorError as error:
            if isinstance(error.os_error, ForbiddenAddressError) or "is not a public address" in str(error.os_error):
                return TryResult("forbidden", error=str(error.os_error))
            return TryResult("failed", error=f"Cannot connect: {error.os_error}")
        except Exception as error:  # noqa: BLE001 - an endpoint's fault, whatever it is
            return TryResult("failed", error=f"{type(error).__name__}: {error}".rstrip(": "))
        # The body of the answer is not read.
        answer.close()
        if 200 <= answer.status < 300:
            return TryResult("delivered", answer.status)
        asked = retry_after(answer.headers.get("Retry-After"), now)
        return TryResult("refused", answer.status, f"The receiver answered {answer.status}", asked)

    async def _finish(self, delivery: Delivery, outcome: TryResult) -> None:
        """Report the result, trying until the lease ends. After that another sender owns the delivery."""
        delay = 0.1
        try:
            async with asyncio.timeout(LEASE.total_seconds() - self._timeout):
                while True:
                    try:
                        await self._database.execute(
                            ROLE,
                            "select inventory.finish_delivery($1, $2, $3, $4, $5)",
                            [
                                delivery.delivery_id,
                                delivery.attempt,
                                outcome.status,
                                outcome.error and outcome.error.replace("\x00", ""),
                                outcome.retry_after,
                            ],
                        )
                        return
                    except CallError as error:
                        # It is reported again: the database ignores a second report.
                        log.debug("delivery %s cannot be reported: %s", delivery.delivery_id, error)
                    await asyncio.sleep(delay * JITTER.uniform(0.5, 1))
                    delay = min(delay * 2, 5)
        except TimeoutError:
            log.warning("delivery %s: its outcome could not be reported", delivery.delivery_id)
