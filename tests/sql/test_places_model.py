"""Places against a small model: any orders, single and in bulk, among whatever else moves stock, equal after each step.

The clock stands still but where a step moves it, so that arrivals of one instant and ends of blocks are hit exactly.
"""

from __future__ import annotations

import copy
import dataclasses
import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.concurrency.test_model import FROZEN_CLOCK
from tests.conftest import Database

EPOCH = datetime(2030, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
CODES = ("RACK-A1-01", "RACK-B2-02", "RACK-C3-03", "RACK-D4-04")
HALF = Decimal("0.5")


class RefusedError(Exception):
    """What the model says that the database must say: a SQLSTATE."""


@dataclasses.dataclass
class Product:
    """A product: what of it lies where since when, what is promised, and its sales by what is still outside."""

    id: int
    sku: str
    on_hand: Decimal = Decimal(0)
    reserved: Decimal = Decimal(0)
    is_active: bool = True
    places: dict[str, tuple[Decimal, int]] = dataclasses.field(default_factory=dict)
    blocks: dict[str, tuple[Decimal, int]] = dataclasses.field(default_factory=dict)
    sales: dict[int, Decimal] = dataclasses.field(default_factory=dict)


class Model:
    """All products, the places in the order in which they were made, and the time."""

    def __init__(self) -> None:
        self.now = 0
        self.made: list[str] = []
        self.products: list[Product] = []

    def blocked(self, product: Product) -> Decimal:
        return sum((quantity for quantity, end in product.blocks.values() if end > self.now), Decimal(0))

    def available(self, product: Product) -> Decimal:
        return product.on_hand - product.reserved - self.blocked(product)

    def held(self, product: Product, code: str) -> Decimal:
        return product.places.get(code, (Decimal(0), 0))[0]

    def put(self, product: Product, code: str, change: Decimal, since: int) -> None:
        """An empty place begins anew; of two dates the older one stays."""
        if code in product.places:
            since = min(since, product.places[code][1])
        quantity = self.held(product, code) + change
        product.places.pop(code, None)
        if quantity:
            product.places[code] = (quantity, since)

    def leave(self, product: Product, quantity: Decimal) -> None:
        """What lies nowhere first, then places in order of arrival, then of their making."""
        lying = sum((held for held, _ in product.places.values()), Decimal(0))
        short = max(quantity - (product.on_hand - lying), Decimal(0))
        for code, (held, since) in sorted(product.places.items(), key=lambda x: (x[1][1], self.made.index(x[0]))):
            taken = min(held, short)
            if taken:
                self.put(product, code, -taken, since)
            short -= taken
        product.on_hand -= quantity

    def hold(self, product: Product, quantity: Decimal) -> None:
        """Refuse what cannot be promised or sold."""
        if not product.is_active:
            raise RefusedError("IV010")
        if quantity > self.available(product):
            raise RefusedError("IV001")

    def order(self, kind: str, sku: str, quantity: int, source: str, to: str, *, enough: bool) -> None:
        product = next((each for each in self.products if each.sku == sku), None)
        if product is None:
            raise RefusedError("IV003")
        if not enough:
            raise RefusedError("IV001")
        place = source if kind == "Remove" else to
        if kind == "Transfer":
            if self.held(product, source) < quantity:
                raise RefusedError("IV001")
            since = product.places[source][1]
            self.put(product, source, Decimal(-quantity), since)
            self.make(to)
            self.put(product, to, Decimal(quantity), since)
            return
        change = Decimal(-quantity if kind == "Remove" else quantity)
        if kind == "Count":
            change -= self.held(product, to)
        if change < 0 and (self.held(product, place) + change < 0 or self.available(product) + change < 0):
            raise RefusedError("IV001")
        if kind in ("Add", "Remove") and not product.is_active:
            raise RefusedError("IV010")
        if kind != "Remove":
            self.make(to)
        product.on_hand += change
        if change:
            self.put(product, place, change, self.now)

    def make(self, code: str) -> None:
        if code not in self.made:
            self.made.append(code)


class World:
    """The database beside the model; each step is done to both."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.model = Model()
        self.supplier = database.one("select id from inventory.create_supplier('Farm', '1')")
        self.names = count()
        self.seen: Counter[tuple[str, str | None]] = Counter()
        database.admin.execute(FROZEN_CLOCK)

    def begin(self) -> None:
        """Three new products."""
        self.model.products = []
        for _ in range(3):
            sku = f"A-{next(self.names)}"
            self.model.products.append(Product(self.database.product(sku), sku))

    def call(self, query: str, *parameters: Any) -> Any:
        """The first column; raises what refuses it."""
        try:
            return self.database.one(query, *parameters)
        except psycopg.Error as error:
            if error.sqlstate is None or not error.sqlstate.startswith("IV"):
                raise
            raise RefusedError(error.sqlstate) from error

    def both(self, name: str, do: Any, query: str, *parameters: Any) -> Any:
        """The model's step and the database's have one outcome. What the database returns; None where it refused."""
        expected, found, answer = None, None, None
        try:
            do()
        except RefusedError as error:
            expected = str(error)
        try:
            answer = self.call(query, *parameters)
        except RefusedError as error:
            found = str(error)
        assert found == expected, (name, parameters)
        self.seen[name, found] += 1
        return answer

    def order(self, drawn: tuple[Any, ...]) -> None:
        kind, sku, quantity, source, to, enough = drawn
        self.both(
            kind,
            lambda: self.model.order(kind, sku, quantity, source, to, enough=enough),
            "select id from inventory.place_order(%s, %s, %s, %s, %s, p_sufficient_stock => %s)",
            *drawn,
        )

    def bulk(self, orders: list[tuple[Any, ...]], *, atomic: bool) -> None:
        before = copy.deepcopy((self.model.products, self.model.made))
        expected = []
        # A product's movements are a microsecond apart.
        products = {product.sku: product for product in self.model.products}
        moved: Counter[str] = Counter()
        now = self.model.now
        for *arguments, enough in orders:
            kind, sku = arguments[:2]
            self.model.now = now + moved[sku]
            lay = dict(products[sku].places) if sku in products else {}
            try:
                self.model.order(*arguments, enough=enough)
                expected.append(None)
                moved[sku] += kind == "Transfer" or products[sku].places != lay
            except RefusedError as error:
                expected.append(str(error))
        self.model.now = now
        names = ("type", "sku", "quantity", "from_location", "to_location", "sufficient_stock")
        text = json.dumps({"orders": [dict(zip(names, order, strict=True)) for order in orders]})
        query = (
            "select r.error_sqlstate, (r.operation).operation_type, (r.operation).sku, (r.operation).quantity"
            " from jsonb_to_record(%s::jsonb) as a (orders inventory.art_orders)"
            " cross join lateral inventory.place_orders(a.orders, %s) as r"
        )
        failed = next((number for number, sqlstate in enumerate(expected) if sqlstate), None)
        if not atomic or failed is None:
            found = self.database.rows(query, text, atomic)
            assert found == [
                (sqlstate, None, None, None) if sqlstate else (None, *order[:3])
                for sqlstate, order in zip(expected, orders, strict=True)
            ]
        else:
            self.model.products, self.model.made = before
            with pytest.raises(psycopg.Error) as error:
                self.database.rows(query, text, atomic)
            assert error.value.sqlstate == expected[failed]
            assert json.loads(error.value.diag.message_detail or "")["failed_index"] == failed
        self.seen["atomic" if atomic else "one by one", None if failed is None else "IV"] += 1

    def step(self, step: tuple[Any, ...]) -> None:
        kind, which, quantity, number, others, atomic = step
        product = self.model.products[which]
        if kind == "orders":
            self.bulk([self.resolved(order) for order in others], atomic=atomic)
        elif kind == "order":
            for order in others[:2]:
                self.order(self.resolved(order))
        elif kind == "time":
            ends = [end for each in self.model.products for _, end in each.blocks.values() if end > self.model.now]
            self.model.now = min(ends) if atomic and ends else self.model.now + number
            self.database.one("select setval('store.test_clock', %s)", self.model.now)
        elif kind == "status":
            product.is_active = not product.is_active
            status = "active" if product.is_active else "archived"
            self.database.rows(
                "update store.stock set status = %s where product_id = %s returning 1", status, product.id
            )
        else:
            getattr(self, kind)(product, quantity, number)

    def resolved(self, order: tuple[Any, ...]) -> tuple[Any, ...]:
        """An order with a product's sku for its number; 3 is nobody's."""
        kind, which, *rest = order
        products = self.model.products
        return (kind, products[which].sku if which < len(products) else "NOBODY", *rest)

    # What other APIs do

    def buy(self, product: Product, quantity: Decimal, _: int) -> None:
        def do() -> None:
            if not product.is_active:
                raise RefusedError("IV010")
            product.on_hand += quantity

        query = "select id from inventory.record_purchase(%s, %s, %s, 2)"
        self.both("purchase", do, query, product.id, self.supplier, quantity)

    def sell(self, product: Product, quantity: Decimal, _: int) -> None:
        def do() -> None:
            self.model.hold(product, quantity)
            self.model.leave(product, quantity)

        sale = self.both("sale", do, "select id from inventory.record_sale(%s, %s, 3)", product.id, quantity)
        if sale is not None:
            product.sales[sale] = quantity

    def bring_back(self, product: Product, quantity: Decimal, number: int) -> None:
        if product.sales:
            sale = sorted(product.sales)[number % len(product.sales)]

            def do() -> None:
                if quantity > product.sales[sale]:
                    raise RefusedError("IV028")
                product.sales[sale] -= quantity
                product.on_hand += quantity

            self.both("return", do, "select id from inventory.return_sale(%s, %s)", sale, quantity)

    def correct(self, product: Product, quantity: Decimal, _: int) -> None:
        def do() -> None:
            if quantity < product.on_hand:
                if product.on_hand - quantity > self.model.available(product):
                    raise RefusedError("IV001")
                self.model.leave(product, product.on_hand - quantity)
            product.on_hand = quantity

        self.both("correct", do, "select product_id from inventory.update_inventory(%s, %s)", product.id, quantity)

    def reserve(self, product: Product, quantity: Decimal, _: int) -> None:
        def do() -> None:
            self.model.hold(product, quantity)
            product.reserved += quantity

        self.both("reserve", do, "select id from inventory.reserve_stock(%s, %s)", product.id, quantity)

    def consume(self, product: Product, quantity: Decimal, _: int) -> None:
        def do() -> None:
            if quantity > product.reserved:
                raise RefusedError("IV002")
            self.model.leave(product, quantity)
            product.reserved -= quantity

        self.both("consume", do, "select id from inventory.consume_stock(%s, %s)", product.id, quantity)

    def block(self, product: Product, quantity: Decimal, number: int) -> None:
        end = self.model.now + number + 1
        query = "select id from inventory.create_block(%s, %s, p_expires_at => %s)"
        block = self.both(
            "block",
            lambda: self.model.hold(product, quantity),
            *(query, product.id, quantity, EPOCH + end * MICROSECOND),
        )
        if block is not None:
            product.blocks[str(block)] = (quantity, end)

    def end(self, product: Product, number: int, quantity: Decimal | None) -> None:
        """Convert so much of one of its blocks, or cancel it."""
        if product.blocks:
            block = sorted(product.blocks)[number % len(product.blocks)]
            held, end = product.blocks[block]

            def do() -> None:
                if end <= self.model.now:
                    raise RefusedError("IV006")
                if quantity is not None and quantity > held:
                    raise RefusedError("IV009")
                del product.blocks[block]
                if quantity is not None:
                    self.model.leave(product, quantity)

            if quantity is None:
                self.both("cancel", do, "select id from inventory.cancel_block(%s)", block)
            else:
                self.both("convert", do, "select id from inventory.convert_block(%s, %s)", block, quantity)

    def convert(self, product: Product, quantity: Decimal, number: int) -> None:
        self.end(product, number, quantity)

    def cancel(self, product: Product, _: Decimal, number: int) -> None:
        self.end(product, number, None)

    def expire(self, *_: Any) -> None:
        self.database.one("select maintenance.expire_blocks(%s)", 100)

    def check(self) -> None:
        """All that is kept is what the model has."""
        assert [
            code for (code,) in self.database.rows("select code from store.location order by id")
        ] == self.model.made
        ids = [product.id for product in self.model.products]
        rows = self.database.rows(
            "select product_id, location, quantity, arrived_at from report.location_stock where product_id = any(%s)",
            ids,
        )
        for product in self.model.products:
            lying = {code: (held, EPOCH + since * MICROSECOND) for code, (held, since) in product.places.items()}
            rest = product.on_hand - sum((held for held, _ in product.places.values()), Decimal(0))
            expected = lying | ({None: (rest, None)} if rest else {})  # type: ignore[dict-item]
            assert {code: (held, since) for number, code, held, since in rows if number == product.id} == expected
            stock = "select on_hand, reserved, blocked, available from inventory.stock_of(%s)"
            numbers = (product.on_hand, product.reserved, self.model.blocked(product), self.model.available(product))
            assert self.database.rows(stock, product.id) == [numbers]


def _order(kind: str) -> st.SearchStrategy[tuple[Any, ...]]:
    quantities = st.integers(0 if kind == "Count" else 1, 9)
    if kind == "Adjust":
        quantities = quantities.map(lambda number: number if number % 2 else -number)
    places = st.permutations(CODES).map(lambda codes: codes[:2])
    which = st.sampled_from([0, 0, 0, 0, 0, 1, 1, 1, 2, 2, 3])
    enough = st.sampled_from([True] * 15 + [False])
    drawn = st.tuples(which, quantities, places, enough)
    return drawn.map(lambda each: (kind, each[0], each[1], *each[2], each[3]))


_ORDERS = st.one_of(*map(_order, ("Add", "Add", "Remove", "Transfer", "Transfer", "Count", "Adjust")))
_KINDS = (
    *("order", "order", "order", "orders", "orders", "time", "time", "status", "buy", "sell", "sell", "bring_back"),
    *("correct", "reserve", "consume", "block", "block", "convert", "cancel", "expire"),
)
_STEPS = st.lists(
    st.tuples(
        st.sampled_from(_KINDS),
        st.integers(0, 2),
        st.integers(1, 14).map(lambda number: number * HALF),
        st.integers(0, 5),
        st.lists(_ORDERS, min_size=2, max_size=6),
        st.booleans(),
    ),
    min_size=25,
    max_size=25,
)


def test_places_are_those_of_the_model(database: Database) -> None:
    world = World(database)

    @settings(max_examples=40, derandomize=True, database=None, deadline=None)
    @given(steps=_STEPS)
    def check(steps: list[Any]) -> None:
        world.begin()
        for number in range(3):
            world.order(("Add", world.model.products[number].sku, 9, CODES[0], CODES[number], True))
        for step in steps:
            world.step(step)
            world.check()

    check()
    database.verify()
    orders = {
        (kind, refusal) for kind in ("Add", "Remove", "Transfer", "Count", "Adjust") for refusal in (None, "IV001")
    }
    others = ("sale", "purchase", "return", "correct", "reserve", "consume", "block", "convert", "cancel")
    wanted = orders | {(name, None) for name in others} | {("Add", "IV010"), ("Transfer", "IV003")}
    wanted |= {(way, outcome) for way in ("atomic", "one by one") for outcome in (None, "IV")}
    assert wanted <= world.seen.keys(), "the examples no longer reach all that the model knows"
