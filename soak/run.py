"""Carries out one run: build the world, run the clients under faults, repair, settle open outcomes, check."""

from __future__ import annotations

import asyncio
import bisect
import contextlib
import dataclasses
import itertools
import math
import random
import signal
import time
from collections import Counter, defaultdict
from pathlib import Path

import psycopg

from soak import faults
from soak.answers import Answers
from soak.check import SHOWN, Check, check, check_logs, check_told, check_webhooks
from soak.clients import Client, Shared
from soak.follower import Follower
from soak.history import History, Operation, Outcome
from soak.idlers import idlers
from soak.ledger import Ledger
from soak.planted import Planted
from soak.world import Loss, World
from soak.worlds import WORLDS

# The roles of each eight clients; None is a client without a token.
ROLES = (None, "operator", "employee", "admin", "admin", None, "operator", "admin")
PASSWORD = "soak-soak"  # noqa: S105 - the users exist only during the run
COLD_FOR_A_HOT = 8  # number of plentiful products for each scarce one
ANSWERS_SECONDS = 120.0
SETTLE_SECONDS = 90.0
READY_SECONDS = 60.0
# The longest failover: a server gives up a call to a silent primary after 15 s, and then tries each host for 3 s.
AWAY_SECONDS = 30.0
APIS = {0: "tokens", 1: "1 SKUs, blocks", 2: "2 stock", 3: "3 pricing", 4: "4 ART orders", 5: "5 catalog"}


@dataclasses.dataclass(frozen=True)
class Options:
    seed: str
    seconds: float = 60
    clients: int = 96
    products: int = 27
    answers: int = 0  # after ``seconds``, continue until there are this many
    world: str = "plain"
    kinds: tuple[str, ...] = faults.ALL
    recovery_seconds: float = 10
    failovers: int = 0
    history: Path | None = None
    planted: Planted | None = None
    template: Path | None = None


@dataclasses.dataclass(frozen=True)
class Outage:
    """A failover. ``seconds``: the longest time from the loss of the leader on in which no write was acknowledged.

    Only writes that were sent after the loss count. ``for_all``: until each client had been answered again.
    """

    name: str
    seconds: float | None
    for_all: float | None = None

    @classmethod
    def of(cls, loss: Loss, history: History) -> Outage:
        since = loss.since - history.started
        until = max(since, loss.until - history.started) if loss.until is not None else since
        later = [(t, o) for o in history.operations for t in o.tries if t.sent >= since and t.status is not None]
        answered = sorted(t.answered for t, o in later if o.is_write and 200 <= t.status < 300)  # type: ignore[operator]
        back = bisect.bisect_left(answered, until)
        if back == len(answered):
            return cls(loss.name, None)
        gaps = itertools.pairwise([since, *answered[: back + 1]])
        began, ended = max(gaps, key=lambda gap: gap[1] - gap[0])
        first: dict[str, float] = {}
        for t, o in later:
            if t.sent >= began and t.status < 500:  # type: ignore[operator]
                first[o.client] = min(t.answered, first.get(o.client, t.answered))
        return cls(loss.name, ended - began, max(first.values()) - since)

    def text(self) -> str:
        if self.seconds is None:
            return f"{self.name}: no write was acknowledged after it"
        said = f"{self.name}: the longest time without an acknowledged write was {self.seconds:.1f} s"
        return said if self.for_all is None else f"{said}; after {self.for_all:.1f} s all clients had an answer"


@dataclasses.dataclass
class Report:
    """The results of a run."""

    options: Options
    happened: list[faults.Fault]
    history: History
    checks: list[Check]
    recovery: float | None
    unexplained: Counter[str]
    outages: list[Outage]

    @property
    def violations(self) -> list[str]:
        return [f"{check.name}: {violation}" for check in self.checks for violation in check.violations]

    def text(self) -> str:
        """Returns the tables and the violations as text."""
        return "\n".join([*self._faults(), "", *self._requests(), "", *self._checks()])

    def _faults(self) -> list[str]:
        lines = [f"{'fault':28} {'count':>6} {'seconds':>8}"]
        seconds: dict[str, float] = defaultdict(float)
        for fault in self.happened:
            seconds[fault.kind] += fault.ended - fault.began
        counts = Counter(fault.kind for fault in self.happened)
        return lines + [f"{kind:28} {counts[kind]:6} {seconds[kind]:8.1f}" for kind in self.options.kinds]

    def _requests(self) -> list[str]:
        names = ("sent", "acked", "refused", "retried", "replayed", "doubt", "maybe", "503", "lost")
        lines = [f"{'API':16}" + "".join(f"{name:>9}" for name in names)]
        total: Counter[str] = Counter()
        for api, title in APIS.items():
            counts = Counter[str]()
            for operation in self.history.operations:
                if operation.api == api:
                    counts.update(_counted(operation))
            total += counts
            lines.append(f"{title:16}" + "".join(f"{counts[name]:9}" for name in names))
        return [*lines, f"{'all':16}" + "".join(f"{total[name]:9}" for name in names)]

    def _checks(self) -> list[str]:
        lines = [f"{'check':58} {'held to':>8} {'violations':>11}"]
        lines += [f"{check.name:58} {check.count:8} {len(check.violations):11}" for check in self.checks]
        took = "never" if self.recovery is None else f"{self.recovery:.1f} s"
        lines += ["", *self._answers()]
        lines += ["", f"after the last fault all clients had a success within {took}"]
        lines += [outage.text() for outage in self.outages]
        for each in self.checks:
            lines += [f"VIOLATION {each.name}: {violation}" for violation in each.violations[:SHOWN]]
            if len(each.violations) > SHOWN:
                lines.append(f"… and {len(each.violations) - SHOWN} more")
        if self.violations:
            lines.append(f"Repeat it with --world {self.options.world} --seed {self.options.seed}")
        return lines

    @property
    def answers(self) -> int:
        return sum(o.status is not None for o in self.history.operations)

    @property
    def seconds(self) -> float:
        """The time from the first request to the last answer."""
        tries = [t for o in self.history.operations for t in o.tries]
        return max(t.answered for t in tries) - min(t.sent for t in tries)

    def _answers(self) -> list[str]:
        reads = sum(o.status is not None and not o.is_write for o in self.history.operations)
        lines = [
            f"{self.answers} answers in {self.seconds:.0f} s: {self.answers / self.seconds:.0f} a second,"
            f" {reads / self.answers:.0%} of them reads; seed {self.options.seed}"
        ]
        if self.unexplained:
            causes = ", ".join(f"{cause} ({count})" for cause, count in self.unexplained.most_common())
            lines.append(f"{self.unexplained.total()} answers are not held to an instant: {causes}")
        return lines


def _counted(operation: Operation) -> dict[str, int]:
    return {
        "sent": len(operation.tries) + len(operation.replays),
        "acked": operation.outcome is Outcome.ACKNOWLEDGED,
        "refused": operation.outcome is Outcome.REFUSED,
        "retried": len(operation.tries) > 1,
        "replayed": len(operation.replays),
        "doubt": operation.was_in_doubt and operation.is_write,
        "maybe": operation.outcome is Outcome.MAYBE,
        "503": sum(t.status == 503 for t in operation.tries),
        "lost": sum(t.status is None for t in operation.tries),
    }


async def soak(options: Options) -> Report:
    """Carry out a run. Violations are in the report; an exception means that the run itself failed."""
    history = History()
    async with contextlib.AsyncExitStack() as stack:
        world = WORLDS[options.world](options.seed)
        world.template = options.template
        await stack.enter_async_context(world)
        planted = options.planted or Planted(frozenset())
        planted.plant(world.conninfo)
        alters = planted.alters() if planted.alters else None
        shared = Shared(world.urls, history, alters, planted.late, has_standbys=world.has_standbys)
        clients = [
            Client(f"client-{number}", ROLES[number % len(ROLES)], shared, options.seed)
            for number in range(options.clients)
        ]
        playing: list[asyncio.Task[None]] = []
        copying: list[asyncio.Task[None]] = []
        is_settled = asyncio.Event()
        setup = Client("setup", "admin", shared, options.seed)
        follower = Follower(shared.urls, "follower", PASSWORD, options.seed)
        try:
            await _prepare(world, shared, [setup, *clients], options)
            await stack.enter_async_context(idlers(shared.urls, options.seed))
            playing = [asyncio.create_task(client.play()) for client in clients]
            copying.append(asyncio.create_task(follower.follow(is_settled)))
            driver = faults.Faults(world, [p.id for p in shared.hot], options.seed, options.kinds, shared.now)
            await (driver.run(options.seconds) if options.kinds else asyncio.sleep(options.seconds))
            await world.fail_over(options.failovers, random.Random(f"{options.seed}/failovers"))
            await _until_answered(history, playing, options.answers)
            recovery = await _recovery(clients, playing, shared, options)
            shared.end()
            await asyncio.gather(*playing)
            await _settle(clients, shared)
            is_settled.set()
            await asyncio.gather(*copying)
            await _deliver(world)
            if planted.after is not None:
                await world.rows(planted.after)
            own = await world.checks()  # before the others: those keep the processor, and the proxies, for long
            outages = [Outage.of(loss, history) for loss in world.outages]
            checks, unexplained = await _check(world, history, clients, recovery, options, follower=follower)
            checks += [check_outages(outages), *own]
        finally:
            for task in (*playing, *copying):
                task.cancel()
            await asyncio.gather(*playing, *copying, return_exceptions=True)
            await follower.close()
            for client in (setup, *clients):
                await client.close()
    return Report(options, driver.happened, history, checks, recovery, unexplained, outages)


async def _prepare(world: World, shared: Shared, clients: list[Client], options: Options) -> None:
    """Create users, products and the webhook endpoint, before any fault.

    The products are created over HTTP, so that they are part of the history.
    """
    async with await psycopg.AsyncConnection.connect(world.conninfo, autocommit=True) as connection:
        for client in clients:
            if client.role is not None:
                await connection.execute(
                    "select maintenance.create_user(%s, %s, %s)", [client.name, PASSWORD, client.role]
                )
        await connection.execute("select maintenance.create_user('follower', %s, 'integration')", [PASSWORD])
    for client in clients:
        if client.role is not None:
            await client.log_in(PASSWORD)
    setup = clients[0]
    shared.brand = (await setup.do(5, "create brand", "POST", "/api/v1/brands/", {"name": "Brand"})).answer["id"]
    made = await setup.do(5, "create category", "POST", "/api/v1/categories/", {"name": "Category"})
    shared.category = made.answer["id"]
    body = {"name": "Supplier", "phone_number": "+1 555 0100"}
    shared.supplier = (await setup.do(3, "create supplier", "POST", "/suppliers", body)).answer["supplier"]["id"]
    for number in range(options.products):
        product = await setup.create_product(f"soak-{number}", 30)
        assert product is not None
        (shared.cold if number % (COLD_FOR_A_HOT + 1) else shared.hot).append(product)
    # The first order for a location creates it.
    orders = [{"type": "Add", "sku": shared.cold[0].sku, "quantity": 1, "to_location": p} for p in shared.places]
    await setup.place_orders([(order, shared.cold[0]) for order in orders], is_atomic=True)
    events = ["outflow.created", "inflow.created"]
    if options.planted is None:  # a short run has no time for so many deliveries
        events.append("stock.changed")
    body = {"url": world.receiver.url, "events": events}  # type: ignore[dict-item]
    hook = await setup.do(5, "create webhook", "POST", "/api/v1/webhooks/", body)
    assert hook.answer["url"] == world.receiver.url
    for client in clients:
        client.begin_after(setup)
    world.receiver.expect(hook.answer["secret"])


async def _until_answered(history: History, playing: list[asyncio.Task[None]], answers: int) -> None:
    deadline = time.monotonic() + ANSWERS_SECONDS
    while len(history.operations) < answers and time.monotonic() < deadline:
        await asyncio.sleep(0.05)
        for task in playing:
            if task.done():
                task.result()


def check_outages(outages: list[Outage]) -> Check:
    check = Check("the service is back after each failover", len(outages))
    check.violations += [outage.text() for outage in outages if outage.seconds is None or outage.seconds > AWAY_SECONDS]
    return check


async def _recovery(
    clients: list[Client], playing: list[asyncio.Task[None]], shared: Shared, options: Options
) -> float | None:
    """Wait until each client has had a success after the last fault. Returns the seconds, None if it takes too long."""
    healed = shared.now()
    while any(client.last_success < healed for client in clients):
        if shared.now() - healed > 3 * options.recovery_seconds:
            return None
        for task in playing:
            if task.done():
                task.result()  # raises the exception of a client that has failed
        await asyncio.sleep(0.05)
    return shared.now() - healed


async def _settle(clients: list[Client], shared: Shared) -> None:
    """Send the requests with an open outcome again, with their keys: the answer tells what has become of them."""
    of_name = {client.name: client for client in clients}
    shared.ends_at = time.monotonic()
    doubtful = [o for o in shared.history.operations if o.outcome is Outcome.DOUBT and o.is_write]
    await asyncio.gather(*(of_name[operation.client].insist(operation) for operation in doubtful))


async def _deliver(world: World) -> None:
    """Wait until all webhook deliveries are done, or get no fewer for SETTLE_SECONDS.

    Ends the leases of deliveries that a killed server had claimed.
    """
    deadline = time.monotonic() + SETTLE_SECONDS
    pending = """
        select (select count(*) from store.webhook_delivery where next_attempt_at is not null) + (
            select count(*) from store.movement as m, store.webhook_position as p, store.webhook as w
            where p.webhook_id = w.id and 'stock.changed' = any(w.events)
                and (m.feed_key, m.id) > (p.feed_key, p.feed_id) and m.kind <> 'expire'
        )
    """
    last, since, least = -1, time.monotonic(), math.inf
    while time.monotonic() < deadline:
        ((count,),) = await world.rows(pending)
        if count == 0:
            return
        if count != last:
            last, since = count, time.monotonic()
            if count < least:
                least, deadline = count, since + SETTLE_SECONDS
        elif time.monotonic() - since > 3:
            await world.rows(
                "update store.webhook_delivery set next_attempt_at = inventory.clock(), leased_until = null"
                " where next_attempt_at is not null"
            )
            since = time.monotonic()
        await asyncio.sleep(0.2)


async def _check(
    world: World,
    history: History,
    clients: list[Client],
    recovery: float | None,
    options: Options,
    *,
    follower: Follower,
) -> tuple[list[Check], Counter[str]]:
    webhooks = check_webhooks(history, world)
    # Stop the servers before the ledger is read: a request whose client gave up may still be running until then.
    stops = Check("servers are ready, and stop with status 0", len(world.servers))
    stops.violations += [f"server {number} is not ready" for number in await world.unready(READY_SECONDS)]
    for server in world.servers:
        status = await server.end(signal.SIGTERM)
        stops.expect(status == 0, f"server {server.number} ended with {status}")
    if options.history is not None:
        history.write(options.history)
    progress = Check("all clients make progress after the last fault", len(clients))
    if recovery is None or recovery > options.recovery_seconds:
        progress.violations.append(f"it took {recovery} s, {options.recovery_seconds} s are allowed")
    ledger = await Ledger.read(world.conninfo)
    answers = Answers(history, ledger)
    explained = answers.check()
    return [
        *check(history, ledger),
        *explained,
        follower.check(ledger),
        webhooks,
        check_told(world, ledger, follower.ended_at),
        stops,
        check_logs(world),
        progress,
    ], answers.unexplained
