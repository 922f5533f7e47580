"""A receiver keeps a copy of every balance from stock.changed alone, whatever fails on the way."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from aiohttp import web

from tests.conftest import Database
from tests.server.conftest import play, terminate, until
from tests.server.test_webhook_delivery import Receiver, working


class Copy:
    """A copy of the balances. The order of deliveries is not promised: it applies a product's changes by number."""

    def __init__(self) -> None:
        self.balances: dict[int, dict[str, Decimal]] = {}
        self.numbers: dict[int, int] = {}
        self.told: Counter[str] = Counter()
        self._waiting: dict[tuple[int, int], dict[str, Any]] = {}

    def take(self, message: str, body: bytes) -> None:
        self.told[message] += 1
        data = json.loads(body, parse_float=Decimal, parse_int=Decimal)["data"]
        product = int(data["product"]["id"])
        if self.told[message] == 1:
            first = int(data.get("first_number", data.get("number")))
            assert (product, first) not in self._waiting, "one change in two events"
            assert first > self.numbers.get(product, 0)
            self._waiting[product, first] = data
        while (next_one := (product, self.numbers.get(product, 0) + 1)) in self._waiting:
            data = self._waiting.pop(next_one)
            assert data["before"] == self.balances.get(product, dict.fromkeys(data["before"], Decimal(0)))
            self.balances[product] = data["after"]
            self.numbers[product] = int(data.get("last_number", data.get("number")))


@pytest.mark.parametrize("stock_changes", ["each", "per_second"])
def test_a_copy_of_the_balances_ends_equal(database: Database, stock_changes: str) -> None:
    """Three writers, three senders, a receiver that refuses every third try, and connections that are cut."""
    rng = random.Random(1)
    copy = Copy()

    def answer(receiver: Receiver) -> web.Response:
        if rng.random() < 1 / 3:
            return web.Response(status=rng.choice([500, 503, 429]))
        _, headers, body = receiver.requests[-1]
        copy.take(headers["webhook-id"], body)
        return web.Response(status=204)

    def write(connection: Any, seed: int, products: list[int]) -> None:
        chance = random.Random(seed)
        for _ in range(40):
            some = sorted(chance.sample(products, chance.randint(1, 2)))
            with connection.transaction(force_rollback=chance.random() < 0.1):
                for product in some:
                    name, quantity = chance.choice([("add", 2), ("reserve", 1), ("release", 1)]), chance.random()
                    amount = round(Decimal(quantity) + name[1], 3)
                    connection.execute(f"select inventory.{name[0]}_stock(%s, %s)".encode(), [product, amount])

    async def scenario() -> None:
        async with Receiver() as receiver, working(database), working(database), working(database):
            receiver.answer = lambda _: answer(receiver)
            database.one(
                "select id from inventory.create_webhook(%s, '{stock.changed}', p_stock_changes => %s)",
                receiver.url,
                stock_changes,
            )
            products = [database.product(f"A-{n}", 1000, p_actor="ann") for n in range(4)]
            for product in products:
                database.one("select inventory.reserve_stock(%s, 500)", product)
            writers = [
                asyncio.create_task(asyncio.to_thread(write, database.connect(), seed, products)) for seed in range(3)
            ]
            while not all(writer.done() for writer in writers):
                terminate(database)
                await asyncio.sleep(0.2)
            await asyncio.gather(*writers)
            last = dict(database.rows("select product_id, last_number from store.stock"))
            while copy.numbers != last:
                # The next second, the next try of what failed, and another server for what was cut off.
                database.advance(timedelta(hours=3))
                await asyncio.sleep(0.1)

        rows = database.rows(
            "select product_id, on_hand, reserved, blocked, on_hand - reserved - blocked from store.stock"
        )
        names = ("on_hand", "reserved", "blocked", "available")
        assert copy.balances == {product: dict(zip(names, row, strict=True)) for product, *row in rows}
        events = database.one("select count(*) from store.event")
        if stock_changes == "each":
            assert events == sum(last.values()), "one event a change, however many senders"
        else:
            assert events < sum(last.values())

    play(scenario())
    database.verify()


def test_a_sender_that_cannot_read_the_changes_delivers_the_rest(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    database.admin.execute("drop table store.webhook_position cascade")

    async def scenario() -> None:
        async with Receiver() as receiver, working(database):
            database.admin.execute(
                "insert into store.webhook (url, events, enabled, secret, created_at, updated_at)"
                " values (%s, '{stock.changed,stock.low}', true, inventory.new_webhook_secret(), now(), now())",
                [receiver.url],
            )
            database.one("select inventory.queue_events('stock.low', array[json '{}'], array[inventory.clock()])")
            await until(lambda: len(receiver.requests) == 1)
            await until(lambda: "changes of stock cannot be queued" in caplog.text)

    play(scenario())
