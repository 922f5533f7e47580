"""Kits against a small model: several kits of shared parts, and the parts themselves, in any order of calls.

The model keeps the promises of each product and works out what is available from them: of a kit the least of what its
parts allow. The clock stands still but where a step moves it, so that ends of blocks are hit exactly.
"""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

import psycopg
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.concurrency.test_model import FROZEN_CLOCK
from tests.conftest import Database

EPOCH = datetime(2030, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
HALF = Decimal("0.5")
PARTS, KITS = 3, 3
COST = (Decimal(2), Decimal("0.5"), Decimal(3))
# What the kits are made of at first: quantities of the parts by their number.
MADE_OF: tuple[dict[int, Decimal], ...] = ({0: Decimal(1), 1: Decimal(2)}, {1: HALF, 2: Decimal(1)}, {1: Decimal(3)})


class RefusedError(Exception):
    """What the model says that the database must say: a SQLSTATE."""


@dataclasses.dataclass(eq=False)
class Product:
    """A product with its own promises; of a kit, parts by product."""

    id: int
    sku_id: str
    cost: Decimal = Decimal(0)
    parts: dict[Product, Decimal] = dataclasses.field(default_factory=dict)
    on_hand: Decimal = Decimal(0)
    reserved: Decimal = Decimal(0)
    blocks: dict[str, tuple[Decimal, int]] = dataclasses.field(default_factory=dict)
    sales: dict[int, tuple[Decimal, Decimal, dict[Product, Decimal]]] = dataclasses.field(default_factory=dict)


class World:
    """The database and the model of it."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.numbers = count()
        self.seen: Counter[tuple[str, str | None]] = Counter()
        self.now = 0
        database.admin.execute(FROZEN_CLOCK.encode())

    def begin(self) -> None:
        number = next(self.numbers)
        # The ids of the kits lie among those of the parts.
        order = ("part", "kit", "part", "kit", "part", "kit") if number % 2 else ("kit", "part") * 3
        self.products: list[Product] = []
        for place, kind in enumerate(order):
            cost = COST[len(self.of(self.products, "part"))] if kind == "part" else Decimal(0)
            quantity = 12 if kind == "part" else 0
            product = self.database.product(
                f"{kind}-{number}-{place}", quantity, p_cost_price=cost if kind == "part" else None
            )
            made = Product(product, self.database.sku_id(product), cost, on_hand=Decimal(quantity))
            made.is_kit = kind == "kit"  # type: ignore[attr-defined]
            self.products.append(made)
        self.parts, self.kits = self.of(self.products, "part"), self.of(self.products, "kit")
        for kit, made_of in zip(self.kits, MADE_OF, strict=True):
            self.set_parts(kit, {self.parts[place]: quantity for place, quantity in made_of.items()})

    @staticmethod
    def of(products: list[Product], kind: str) -> list[Product]:
        return [product for product in products if product.is_kit == (kind == "kit")]  # type: ignore[attr-defined]

    # The oracle

    def blocked(self, product: Product) -> Decimal:
        return sum((quantity for quantity, end in product.blocks.values() if end > self.now), Decimal(0))

    def for_kits(self, part: Product, promised: Callable[[Product], Decimal]) -> Decimal:
        return sum((promised(kit) * kit.parts[part] for kit in self.kits if part in kit.parts), Decimal(0))

    def available(self, product: Product) -> Decimal:
        if product.parts:
            return min(self.available(part) // quantity for part, quantity in product.parts.items())
        promised = product.reserved + self.blocked(product)
        return product.on_hand - promised - self.for_kits(product, lambda kit: kit.reserved + self.blocked(kit))

    def balances(self, product: Product) -> tuple[Decimal, ...]:
        reserved = product.reserved + self.for_kits(product, lambda kit: kit.reserved)
        blocked = self.blocked(product) + self.for_kits(product, self.blocked)
        available = self.available(product)
        return available + reserved + blocked, reserved, blocked, available

    def take(self, product: Product, quantity: Decimal) -> None:
        """So much of it must be available."""
        if product.parts and quantity % 1:
            raise RefusedError("IV054")
        if quantity > self.available(product):
            raise RefusedError("IV001")

    def leave(self, product: Product, quantity: Decimal) -> None:
        for part, each in (product.parts or {product: Decimal(1)}).items():
            part.on_hand -= quantity * each

    def both(self, name: str, do: Callable[[], Any], query: str, *parameters: Any) -> Any:
        """Do it in the model and in the database: they must agree. What the query returns; None if it is refused."""
        expected, found, answer = None, None, None
        try:
            do()
        except RefusedError as error:
            expected = str(error)
        try:
            answer = self.database.one(query, *parameters)
        except psycopg.Error as error:
            found = error.sqlstate
        assert found == expected, (name, parameters)
        self.seen[name, found] += 1
        return answer

    # The steps

    def step(self, step: tuple[Any, ...]) -> None:
        kind, which, quantity, number = step
        product = self.products[which]
        if kind == "time":
            ends = [end for each in self.products for _, end in each.blocks.values() if end > self.now]
            self.now = min(ends) if number % 2 and ends else self.now + number
            self.database.one("select setval('store.test_clock', %s)", self.now)
        else:
            getattr(self, kind)(product, quantity, number)

    def add(self, product: Product, quantity: Decimal, _: int) -> None:
        def do() -> None:
            if product.parts:
                raise RefusedError("IV050")
            product.on_hand += quantity

        self.both("add", do, "select id from inventory.add_stock(%s, %s)", product.id, quantity)

    def remove(self, product: Product, quantity: Decimal, _: int) -> None:
        def do() -> None:
            if product.parts:
                raise RefusedError("IV050")
            self.take(product, whole)
            product.on_hand -= whole

        whole = max(int(quantity), 1)
        self.both("remove", do, "select id from inventory.record_outflow(%s, %s)", product.id, whole)

    def reserve(self, product: Product, quantity: Decimal, _: int) -> None:
        def do() -> None:
            self.take(product, quantity)
            product.reserved += quantity

        self.both("reserve", do, "select id from inventory.reserve_stock(%s, %s)", product.id, quantity)

    def give_back(self, product: Product, quantity: Decimal) -> None:
        if product.parts and quantity % 1:
            raise RefusedError("IV054")
        if quantity > product.reserved:
            raise RefusedError("IV002")
        product.reserved -= quantity

    def release(self, product: Product, quantity: Decimal, _: int) -> None:
        self.both(
            "release",
            lambda: self.give_back(product, quantity),
            *("select id from inventory.release_stock(%s, %s)", product.id, quantity),
        )

    def consume(self, product: Product, quantity: Decimal, _: int) -> None:
        def do() -> None:
            self.give_back(product, quantity)
            self.leave(product, quantity)

        self.both("consume", do, "select id from inventory.consume_stock(%s, %s)", product.id, quantity)

    def block(self, product: Product, quantity: Decimal, number: int) -> None:
        end = self.now + number + 1
        query = "select id from inventory.create_block(%s, %s, p_expires_at => %s)"
        block = self.both(
            "block",
            lambda: self.take(product, quantity),
            *(query, product.id, quantity, EPOCH + end * MICROSECOND),
        )
        if block is not None:
            product.blocks[str(block)] = (quantity, end)

    def blocks(self, product: Product, quantity: Decimal, number: int) -> None:
        """Blocks of the product, of the next one and of the product again."""
        following = self.products[(self.products.index(product) + 1) % len(self.products)]
        whole = quantity.to_integral_value()
        wanted = ((product, whole), (following, whole), (product, Decimal(1)))
        lines = [(each, amount) for each, amount in wanted if amount]
        end = self.now + number + 1

        def do() -> list[str]:
            made: list[tuple[Product, str]] = []
            try:
                for place, (each, amount) in enumerate(lines):
                    self.take(each, amount)
                    made.append((each, f"to be named {place}"))
                    each.blocks[made[-1][1]] = (amount, end)
            finally:
                # The names come with the answer.
                for each, name in made:
                    del each.blocks[name]
            return []

        rows = ", ".join("row(%s, %s)::inventory.block_line" for _ in lines)
        query = f"select array_agg(b.id) from inventory.create_blocks(array[{rows}], p_expires_at => %s) as b"
        values = [value for each, amount in lines for value in (each.sku_id, amount)]
        ids = self.both("blocks", do, query, *values, EPOCH + end * MICROSECOND)
        for (each, amount), block in zip(lines, ids or (), strict=False):
            each.blocks[str(block)] = (amount, end)

    def end(self, name: str, product: Product, number: int, quantity: Decimal | None) -> None:
        if not product.blocks:
            return
        block = sorted(product.blocks)[number % len(product.blocks)]
        held, end = product.blocks[block]

        def do() -> None:
            if product.parts and quantity is not None and quantity % 1:
                raise RefusedError("IV054")
            if end <= self.now:
                raise RefusedError("IV006")
            if quantity is not None and quantity > held:
                raise RefusedError("IV009")
            del product.blocks[block]
            if name == "convert":
                self.leave(product, held if quantity is None else quantity)

        query = f"select id from inventory.{name}_block(%s{', %s' if name == 'convert' else ''})"
        self.both(name, do, query, block, *((quantity,) if name == "convert" else ()))

    def convert(self, product: Product, quantity: Decimal, number: int) -> None:
        self.end("convert", product, number, quantity if number % 2 else None)

    def cancel(self, product: Product, _: Decimal, number: int) -> None:
        self.end("cancel", product, number, None)

    def extend(self, product: Product, _: Decimal, number: int) -> None:
        if product.blocks:
            block = sorted(product.blocks)[number % len(product.blocks)]
            held, end = product.blocks[block]
            later = self.now + number + 3

            def do() -> None:
                if end <= self.now:
                    raise RefusedError("IV006")
                product.blocks[block] = (held, later)

            query = "select id from inventory.extend_block(%s, %s)"
            self.both("extend", do, query, block, EPOCH + later * MICROSECOND)

    def sell(self, product: Product, quantity: Decimal, _: int) -> None:
        def do() -> None:
            self.take(product, quantity)
            self.leave(product, quantity)

        row = "select json_build_array(s.id, s.quantity, s.cost) from inventory.record_sale(%s, %s, 9) as s"
        sale = self.both("sell", do, row, product.id, quantity)
        if sale is not None:
            of = dict(product.parts) or {product: Decimal(1)}
            cost = sum((each.cost * amount for each, amount in of.items()), Decimal(0))
            assert [Decimal(str(each)) for each in sale[1:]] == [quantity, quantity * cost]
            product.sales[sale[0]] = (quantity, cost, of)

    def bring_back(self, product: Product, quantity: Decimal, number: int) -> None:
        if not product.sales:
            return
        sale = sorted(product.sales)[number % len(product.sales)]
        outside, cost, of = product.sales[sale]

        def do() -> None:
            if quantity > outside:
                raise RefusedError("IV028")
            if product not in of and quantity % 1:
                raise RefusedError("IV054")
            if any(part.parts for part in of):
                raise RefusedError("IV050")
            product.sales[sale] = (outside - quantity, cost, of)
            for part, each in of.items():
                part.on_hand += quantity * each

        query = "select s.cost from inventory.return_sale(%s, %s) as s"
        returned = self.both("return", do, query, sale, quantity)
        assert returned is None or returned == -quantity * cost

    def change(self, product: Product, quantity: Decimal, number: int) -> None:
        """Other parts of a kit; now and then none, or a part becomes a kit."""
        parts = {self.parts[number % PARTS]: quantity, self.parts[(number + 1) % PARTS]: HALF}
        if number % 3 == 0:
            parts.popitem()
        self.set_parts(product, {} if number == 5 else parts)

    def set_parts(self, product: Product, parts: dict[Product, Decimal]) -> None:
        def do() -> None:
            if parts == product.parts:
                return
            if product.reserved or self.blocked(product) or (not product.parts and product.on_hand):
                raise RefusedError("IV052")
            if self.balances(product)[1:3] != (0, 0) and not product.parts:
                raise RefusedError("IV052")
            if parts and any(product in kit.parts for kit in self.kits):
                raise RefusedError("IV053")
            if any(part.parts or part is product for part in parts):
                raise RefusedError("IV053")
            product.parts = dict(parts)
            product.on_hand = Decimal(0)
            if product not in self.kits:
                self.kits.append(product)

        rows = ", ".join("row(%s, %s)::inventory.block_line" for _ in parts)
        query = f"select count(*) from inventory.set_kit_parts(%s, array[{rows}]::inventory.block_line[])"
        values = [value for part, quantity in parts.items() for value in (part.sku_id, quantity)]
        self.both("set parts", do, query, product.id, *values)

    def expire(self, *_: Any) -> None:
        self.database.one("select maintenance.expire_blocks(%s)", 100)

    def check(self) -> None:
        """What is shown is what the model says, in both places."""
        ids = [product.id for product in self.products]
        balances = "on_hand, reserved, blocked, available"
        for query in (
            f"select {balances} from unnest(%s::bigint[]) with ordinality as i (id, place)"
            " cross join lateral inventory.stock_of(i.id) order by i.place",
            f"select {balances} from store.balance where product_id = any(%s) order by product_id",
        ):
            assert self.database.rows(query, ids) == [self.balances(product) for product in self.products]


_KINDS = (
    *("add", "remove", "reserve", "reserve", "release", "consume", "consume", "block", "blocks", "blocks", "convert"),
    *("convert", "cancel", "extend", "sell", "sell", "bring_back", "change", "time", "time", "expire"),
)
_STEPS = st.lists(
    st.tuples(
        st.sampled_from(_KINDS),
        st.integers(0, PARTS + KITS - 1),
        st.sampled_from((1, 2, 2, 2, 3, 4, 4, 6, 8)).map(lambda number: number * HALF),
        st.integers(0, 5),
    ),
    min_size=30,
    max_size=30,
)


def test_kits_are_those_of_the_model(database: Database) -> None:
    world = World(database)

    @settings(max_examples=40, derandomize=True, database=None, deadline=None, phases=(Phase.generate,))
    @given(steps=_STEPS)
    def check(steps: list[Any]) -> None:
        world.begin()
        for step in steps:
            world.step(step)
            world.check()
        assert json.dumps(database.rows("select check_name, product_id from maintenance.verify()")) == "[]"

    check()
    database.verify()
    done = ("add", "remove", "reserve", "release", "consume", "block", "blocks", "convert", "cancel", "extend", "sell")
    refused = {
        *(("reserve", "IV001"), ("reserve", "IV054"), ("release", "IV002"), ("consume", "IV002"), ("sell", "IV001")),
        *(("add", "IV050"), ("convert", "IV006"), ("convert", "IV009"), ("blocks", "IV001"), ("set parts", "IV052")),
        *(("return", None), ("set parts", None)),
    }
    assert {(name, None) for name in done} | refused <= world.seen.keys(), (
        "the examples no longer reach all that the model knows"
    )
