"""Carts against a model: any carts over a few products, in any order, with time that passes.

After each step every balance, every block and every refusal is the model's.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

import psycopg
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from tests.concurrency.test_model import AS_GENERATED
from tests.conftest import Database, frozen_clock

EPOCH = datetime(2030, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
HOUR = timedelta(hours=1)
DEFAULT, LONGEST = timedelta(minutes=15), timedelta(days=30)
ZERO = Decimal(0)

PRODUCTS, OWNERS = range(3), ("ann", "bob", "cyd")
STOCKS = st.sampled_from([Decimal(2), Decimal("3.5"), Decimal(6)])
AMOUNTS = st.sampled_from([*map(Decimal, (1, 1, 2, 2, 3, 4)), Decimal("0.5"), Decimal("1.25")])
ITEMS = st.lists(st.tuples(st.sampled_from(PRODUCTS), AMOUNTS), max_size=4)
DURATIONS = st.sampled_from([*(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60)), LONGEST, -MICROSECOND])
STEPS = (
    *("put", "put", "put", "put", "convert", "convert", "extend", "cancel", "block", "blocks", "end one", "reserve"),
    *("release", "add", "time", "time", "end of a block", "end of a block", "sweep", "status"),
)
# What a step has answered: done, or the SQLSTATE of a refusal.
EVERYTHING = {
    *((step, None) for step in ("put", "convert", "extend", "cancel", "block", "blocks", "convert_block")),
    *((step, "22023") for step in ("put", "extend")),
    *(("put", state) for state in ("IV001", "IV010")),
    *((step, state) for step in ("convert", "extend") for state in ("IV004", "IV006", "IV007", "IV008")),
}


class RefusedError(Exception):
    """The model refuses a call."""


@dataclasses.dataclass
class Product:
    id: int
    sku_id: str
    on_hand: Decimal
    reserved: Decimal = ZERO
    is_active: bool = True


@dataclasses.dataclass(eq=False)
class Block:
    """``end``: the SQLSTATE of the refusal that its state is, None while it has not ended."""

    number: int
    product: Product
    quantity: Decimal
    owner: str
    created_at: datetime
    expires_at: datetime
    end: str | None = None
    is_missed: bool = False  # its end by time is the owner's to take note of
    id: Any = None


class Shop:
    """The database that the examples share, and the time of its clock."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.now = EPOCH
        self.names = count(1)
        self.seen: Counter[tuple[str, str | None]] = Counter()
        database.admin.execute(frozen_clock("2030-01-01Z").encode())

    def move_to(self, at: datetime) -> None:
        self.now = at
        self.database.one("select setval('store.test_clock', %s)", (at - EPOCH) // MICROSECOND)


class Carts(RuleBasedStateMachine):
    def __init__(self, shop: Shop) -> None:
        super().__init__()
        self.shop = shop
        self.products: list[Product] = []
        self.blocks: list[Block] = []
        self.example = next(shop.names)

    # The model

    def active(self, owner: str | None = None, product: Product | None = None) -> list[Block]:
        return [
            block
            for block in self.blocks
            if block.end is None and (owner in (None, block.owner)) and (product in (None, block.product))
        ]

    def available(self, product: Product) -> Decimal:
        return (
            product.on_hand - product.reserved - sum((block.quantity for block in self.active(product=product)), ZERO)
        )

    def let_time_pass(self, to: datetime) -> None:
        self.shop.move_to(to)
        for block in self.active():
            if block.expires_at <= to:
                block.end, block.is_missed = "IV006", True

    def refuse_end(self, expires_at: datetime | None, created_at: datetime) -> None:
        if expires_at is not None and not self.shop.now < expires_at <= created_at + LONGEST:
            raise RefusedError("22023")

    def hold(self, owner: str, product: Product, quantity: Decimal, expires_at: datetime | None) -> Block:
        if not product.is_active:
            raise RefusedError("IV010")
        if quantity > self.available(product):
            raise RefusedError("IV001")
        expires_at = expires_at or self.shop.now + DEFAULT
        self.blocks.append(Block(len(self.blocks), product, quantity, owner, self.shop.now, expires_at))
        return self.blocks[-1]

    def put(
        self, owner: str, items: list[tuple[Product, Decimal]], expires_at: datetime | None, is_partial: bool
    ) -> list[Block]:
        self.refuse_end(expires_at, self.shop.now)
        wanted: dict[int, Decimal] = {}
        for product, quantity in items:
            wanted[product.id] = wanted.get(product.id, ZERO) + quantity
        products = [next(each for each in self.products if each.id == key) for key in wanted]
        kept = []
        for product in products:
            own = self.active(owner, product)
            units = sum((block.quantity for block in own), ZERO)
            if is_partial and wanted[product.id] > units:
                if not product.is_active:
                    raise RefusedError("IV010")
                wanted[product.id] = min(wanted[product.id], units + self.available(product))
            kept += [block for block in own if block.quantity == wanted[product.id]][:1]
        for block in self.active(owner):
            if block not in kept:
                block.end = "IV008"
        held = list(kept)
        for product in products:
            if not any(block.product is product for block in kept) and wanted[product.id]:
                held.append(self.hold(owner, product, wanted[product.id], expires_at))
        for block in kept:
            self.refuse_end(expires_at, block.created_at)
            block.expires_at = expires_at or block.expires_at
        self.take_note(owner)
        return sorted(held, key=lambda block: block.number)

    def take_note(self, owner: str) -> None:
        for block in self.blocks:
            if block.owner == owner:
                block.is_missed = False

    def whole(self, owner: str) -> list[Block]:
        """All that the owner holds; refused where something is missing."""
        active = self.active(owner)
        for block in self.blocks:
            later = [each for each in active if each.product is block.product and each.created_at >= block.expires_at]
            if block.owner == owner and block.is_missed and not later:
                raise RefusedError("IV006")
        if not active:
            ended = [block.end for block in self.blocks if block.owner == owner]
            raise RefusedError(ended[-1] if ended else "IV004")
        self.take_note(owner)
        return active

    # The calls

    def call(self, step: str, query: str, *parameters: Any) -> list[tuple[Any, ...]] | str:
        try:
            return self.shop.database.rows(
                f"select id, quantity, expires_at, status from inventory.{query}", *parameters
            )
        except psycopg.Error as error:
            return str(error.sqlstate)

    def compare(self, step: str, model: Any, query: str, *parameters: Any) -> None:
        """Do both; the model's blocks are rolled back where it refuses."""
        before = [dataclasses.replace(block) for block in self.blocks]
        try:
            expected, refusal = model(), None
        except RefusedError as refused:
            refusal = str(refused)
            del self.blocks[len(before) :]
            for block, old in zip(self.blocks, before, strict=True):
                block.__dict__.update(old.__dict__)
        found = self.call(step, query, *parameters)
        if refusal is not None:
            assert found == refusal, (step, parameters)
        else:
            assert not isinstance(found, str), (step, found)
            assert [row[1] for row in found] == [block.quantity for block in expected]
            for block, row in zip(expected, found, strict=True):
                assert block.id in (None, row[0])
                block.id = row[0]
                assert row[2] == block.expires_at
        self.shop.seen[step, refusal] += 1

    def name(self, owner: str) -> str:
        return f"{owner} {self.example}"

    def lines(self, items: list[tuple[Product, Decimal]]) -> list[str]:
        return [f"({product.sku_id},{quantity})" for product, quantity in items]

    @initialize(stocks=st.tuples(*[STOCKS] * len(PRODUCTS)))
    def begin(self, stocks: tuple[Decimal, ...]) -> None:
        for stock in stocks:
            number = self.shop.database.product(f"P-{next(self.shop.names)}", stock)
            self.products.append(Product(number, self.shop.database.sku_id(number), stock))

    @rule(step=st.sampled_from(STEPS), owner=st.sampled_from(OWNERS), data=st.data())
    def step(self, step: str, owner: str, data: st.DataObject) -> None:
        # Blocks of different steps are of different instants: their ids are in order.
        self.let_time_pass(self.shop.now + timedelta(milliseconds=1))
        draw, product = data.draw, self.products[data.draw(st.sampled_from(PRODUCTS))]
        database, name = self.shop.database, self.name(owner)
        if step == "put":
            items = [(self.products[number], quantity) for number, quantity in draw(ITEMS)]
            end, is_partial = self.draw_end(draw), draw(st.booleans())
            self.compare(
                step,
                lambda: self.put(owner, items, end, is_partial),
                "set_hold(%s, %s::text []::inventory.block_line [], null, %s, %s)",
                *(name, self.lines(items), end, is_partial),
            )
        elif step in ("convert", "cancel", "extend"):
            end = self.shop.now + draw(DURATIONS)
            model = {"convert": self.convert, "cancel": self.cancel, "extend": lambda owner: self.extend(owner, end)}
            more = [end] if step == "extend" else []
            query = f"{step}_hold(%s{', %s' if more else ''})"
            self.compare(step, lambda: model[step](owner), query, name, *more)
        elif step == "block":
            quantity, end = draw(AMOUNTS), self.shop.now + draw(st.sampled_from([timedelta(minutes=2), DEFAULT, HOUR]))
            query = "create_block(%s, %s, p_owner => %s, p_expires_at => %s)"
            self.compare(
                step, lambda: [self.hold(owner, product, quantity, end)], query, product.id, quantity, name, end
            )
        elif step == "blocks":
            items = [(product, quantity) for quantity in draw(st.lists(AMOUNTS, min_size=1, max_size=3))]
            query = "create_blocks(%s::text []::inventory.block_line [], p_owner => %s, p_allow_partial => true)"
            self.compare(step, lambda: self.hold_in_part(owner, items), query, self.lines(items), name)
        elif step == "end one" and (mine := [block for block in self.blocks if block.id]):
            block = mine[-1 - draw(st.integers(0, 3)) % len(mine)]
            how = draw(st.sampled_from(["convert_block", "cancel_block"]))
            self.compare(how, lambda: [self.end_one(block, how)], f"{how}(%s)", block.id)
        elif step in ("reserve", "release", "add"):
            self.move(step, product, draw(AMOUNTS))
        elif step == "time":
            self.let_time_pass(self.shop.now + timedelta(minutes=draw(st.sampled_from([1, 5, 16]))))
        elif step == "end of a block" and (active := self.active()):
            end = min(block.expires_at for block in active)
            self.let_time_pass(max(self.shop.now, end - draw(st.sampled_from([timedelta(0), MICROSECOND]))))
        elif step == "sweep":
            database.one("select maintenance.expire_blocks(%s)", draw(st.sampled_from([1, 1000])))
        elif step == "status":
            product.is_active = draw(st.sampled_from([True, True, False]))
            status = "active" if product.is_active else "archived"
            database.admin.execute("update store.stock set status = %s where product_id = %s", [status, product.id])

    def draw_end(self, draw: Any) -> datetime | None:
        duration = draw(st.one_of(st.none(), st.none(), DURATIONS))
        return None if duration is None else self.shop.now + duration

    def convert(self, owner: str) -> list[Block]:
        blocks = self.whole(owner)
        for block in blocks:
            block.end = "IV007"
            block.product.on_hand -= block.quantity
        return blocks

    def cancel(self, owner: str) -> list[Block]:
        blocks = self.active(owner)
        for block in blocks:
            block.end = "IV008"
        self.take_note(owner)
        return blocks

    def extend(self, owner: str, end: datetime) -> list[Block]:
        blocks = self.whole(owner)
        for block in blocks:
            self.refuse_end(end, block.created_at)
            block.expires_at = end
        return blocks

    def hold_in_part(self, owner: str, items: list[tuple[Product, Decimal]]) -> list[Block]:
        if not items[0][0].is_active:
            raise RefusedError("IV010")
        made = [(product, min(quantity, self.available(product)), quantity) for product, quantity in items[:1]]
        blocks = [self.hold(owner, product, granted, None) for product, granted, _ in made if granted]
        for product, quantity in items[1:]:
            if granted := min(quantity, self.available(product)):
                blocks.append(self.hold(owner, product, granted, None))
        return blocks

    def end_one(self, block: Block, how: str) -> Block:
        if block.end:
            raise RefusedError(block.end)
        block.end = "IV007" if how == "convert_block" else "IV008"
        if how == "convert_block":
            block.product.on_hand -= block.quantity
        return block

    def move(self, step: str, product: Product, quantity: Decimal) -> None:
        try:
            if step != "release" and not product.is_active:
                raise RefusedError("IV010")
            if step == "reserve" and quantity > self.available(product):
                raise RefusedError("IV001")
            if step == "release" and quantity > product.reserved:
                raise RefusedError("IV002")
            refusal = None
        except RefusedError as refused:
            refusal = str(refused)
        try:
            self.shop.database.rows(f"select inventory.{step}_stock(%s, %s)", product.id, quantity)
            found = None
        except psycopg.Error as error:
            found = error.sqlstate
        assert found == refusal, step
        if refusal is None:
            on_hand, reserved = {"reserve": (0, 1), "release": (0, -1), "add": (1, 0)}[step]
            product.on_hand += on_hand * quantity
            product.reserved += reserved * quantity

    @invariant()
    def is_as_the_model_says(self) -> None:
        database = self.shop.database
        for product in self.products:
            assert database.rows("select on_hand, reserved, available from inventory.balances_of(%s)", product.id) == [
                (product.on_hand, product.reserved, self.available(product))
            ]
        for owner in OWNERS:
            shown = database.one("select http.get_hold(%s)", self.name(owner))
            active = self.active(owner)
            assert shown["total"] == len(active)
            assert [block["block_id"] for block in shown["blocks"]] == [str(block.id) for block in active]

    def teardown(self) -> None:
        self.shop.database.verify()
        self.shop.move_to(self.shop.now + LONGEST)
        self.shop.database.one("select maintenance.expire_blocks(1000)")


def test_random_carts_do_what_the_model_says(database: Database) -> None:
    shop = Shop(database)
    run_state_machine_as_test(
        lambda: Carts(shop),
        settings=settings(AS_GENERATED, max_examples=40),
    )
    database.verify()
    assert shop.seen.keys() >= EVERYTHING, "the examples no longer reach all that the model knows"
