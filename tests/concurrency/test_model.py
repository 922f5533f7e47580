"""Random calls of APIs 1 and 2 over HTTP, against a model of a page: every answer and every balance, after each step.

The clock stands still but where a step moves it, so that the model knows every time to the microsecond.
"""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any
from uuid import UUID

import httpx
import simplejson
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from tests.conftest import Database, Server, frozen_clock

Refusal = tuple[int, str | None]
"""A status and, where the body says one, a code."""

Draw = Callable[[st.SearchStrategy[Any]], Any]

EPOCH = datetime(2030, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
DEFAULT_DURATION = timedelta(minutes=15)
LONGEST_DURATION = timedelta(days=30)
MOST = Decimal("999999999.999")
UNKNOWN = "00000000-0000-7000-8000-000000000000"

# Each success, and each refusal: 422 is one for a value, which has no code.
EVERYTHING = {
    *(200, 201, 204, 422),
    *("INSUFFICIENT_STOCK", "INSUFFICIENT_RESERVED", "QUANTITY_OUT_OF_RANGE", "INVENTORY_NOT_ACTIVE"),
    *("PRODUCT_NOT_FOUND", "DUPLICATE_SKU", "BLOCK_NOT_FOUND", "BLOCK_QUANTITY_EXCEEDED"),
    *("BLOCK_EXPIRED", "BLOCK_CONVERTED", "BLOCK_CANCELLED"),
}

FROZEN_CLOCK = frozen_clock("2030-01-01Z")
AS_GENERATED = settings(
    stateful_step_count=50,
    deadline=None,
    database=None,
    derandomize=True,
    print_blob=True,
    # With Phase.shrink a failure is made small before it is shown, which takes minutes.
    phases=[Phase.generate],
    # An example takes as long as its calls.
    suppress_health_check=[HealthCheck.too_slow],
)


@dataclasses.dataclass
class Product:
    """What the model knows of a product."""

    id: int
    sku_id: str
    sku: str  # the name as well
    price: Decimal
    created_at: datetime
    on_hand: Decimal
    reserved: Decimal = Decimal(0)
    is_active: bool = True


@dataclasses.dataclass
class Block:
    """What the model knows of a block. ``end``: the code of the refusal that its state is, None while it is active."""

    id: str
    product: Product
    quantity: Decimal
    reason: str | None
    created_at: datetime
    expires_at: datetime
    end: str | None = None


def instant(at: datetime) -> str:
    """A time as API 1 prints it."""
    return at.isoformat().replace("+00:00", "Z")


class World:
    """The database and the server that all examples share, and the time of their clock."""

    def __init__(self, database: Database, client: httpx.Client) -> None:
        self.database = database
        self.client = client
        self.now = EPOCH
        self.names: Iterator[int] = count(1)
        self.seen: Counter[str | int] = Counter()
        database.admin.execute(FROZEN_CLOCK)

    def move_to(self, at: datetime) -> None:
        self.now = at
        self.database.one("select setval('store.test_clock', %s)", (at - EPOCH) // MICROSECOND)

    def sweep(self, limit: int) -> None:
        self.database.one("select maintenance.expire_blocks(%s)", limit)


# Stocks that some calls use up; amounts that add up to them, fractions and the limit among them.
STOCKS = st.sampled_from([Decimal(5), Decimal(10), Decimal("17.5"), Decimal(30), MOST])
AMOUNTS = st.sampled_from([*map(Decimal, (1, 2, 3, 4, 5, 6, 7, "0.001", "0.5", "1.25", "2.999")), MOST])
AMOUNTS_OR_0 = st.one_of(AMOUNTS, AMOUNTS, st.just(Decimal(0)))
DURATIONS = st.sampled_from(
    [
        *(timedelta(minutes=minutes) for minutes in (1, 2, 5, 10, 15, 20, 60, 600)),
        *(MICROSECOND, LONGEST_DURATION, LONGEST_DURATION + MICROSECOND, timedelta(0), -MICROSECOND),
    ]
)
PAUSES = st.sampled_from([MICROSECOND, *(timedelta(minutes=minutes) for minutes in (1, 3, 5))])
REASONS = st.sampled_from([None, "a customer asked"])
STEPS = (
    *("block", "block", "block", "convert", "convert", "convert", "cancel", "extend", "extend"),
    *("add", "reserve", "reserve", "release", "consume"),
    *("time", "time", "end of a block", "end of a block", "sweep", "status", "list"),
)


class Inventory(RuleBasedStateMachine):
    """Two products, and callers who do as they please.

    One rule, which draws its kind: of many rules Hypothesis leaves some out in each example, and most of what is worth
    seeing here needs several kinds in turn.
    """

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        self.known: list[Product] = []
        self.held: list[Block] = []

    # What the model says

    def active_blocks(self, product: Product | None = None) -> list[Block]:
        """The active blocks, of one product if given, oldest first."""
        found = [
            block
            for block in self.held
            if (product is None or block.product is product) and block.end is None and block.expires_at > self.world.now
        ]
        return sorted(found, key=lambda block: UUID(block.id))

    def blocked(self, product: Product) -> Decimal:
        return sum((block.quantity for block in self.active_blocks(product)), Decimal(0))

    def available(self, product: Product) -> Decimal:
        return product.on_hand - product.reserved - self.blocked(product)

    def refusal_to_hold(self, product: Product, quantity: Decimal) -> Refusal | None:
        """Why no more of the product can be reserved or blocked."""
        if not product.is_active:
            return 409, "INVENTORY_NOT_ACTIVE"
        if quantity > self.available(product):
            return 409, "INSUFFICIENT_STOCK"
        return None

    def refusal_of_end(self, expires_at: datetime | None, created_at: datetime) -> Refusal | None:
        """Why no block can expire at expires_at."""
        if expires_at is None or self.world.now < expires_at <= created_at + LONGEST_DURATION:
            return None
        return 422, None

    def refusal_to_end(self, block: Block) -> Refusal | None:
        """Why a block cannot be ended or extended any more."""
        if block.end is None and block.expires_at <= self.world.now:
            block.end = "BLOCK_EXPIRED"
        return (409, block.end) if block.end else None

    # How it is asked

    def post(self, path: str, body: Any, keyed: bool) -> httpx.Response:
        """Post; with a key twice, where the second answer must be the first one's and change nothing."""
        content = simplejson.dumps(body, use_decimal=True, default=str)
        headers = {"Content-Type": "application/json"}
        if not keyed:
            return self.world.client.post(path, content=content, headers=headers)
        headers["Idempotency-Key"] = str(next(self.world.names))
        first, again = (self.world.client.post(path, content=content, headers=headers) for _ in range(2))
        assert (again.status_code, again.content) == (first.status_code, first.content)
        assert ("Idempotent-Replayed" in again.headers) == (not is_invalid(first))
        return first

    def check(self, answer: httpx.Response, refusal: Refusal | None, success: int = 200) -> bool:
        """Whether the call succeeded, as the model says it must, or was refused with the model's status and code."""
        status, code = refusal or (success, None)
        assert (answer.status_code, refusal) == (status, refusal), answer.text
        if refusal is not None:
            assert answer.json().get("code") == code, answer.text
        self.world.seen[code or status] += 1
        return refusal is None

    # Steps

    @initialize(first=STOCKS, second=STOCKS, price=AMOUNTS_OR_0)
    def begin(self, first: Decimal, second: Decimal, price: Decimal) -> None:
        self.create_sku(first, price)
        self.create_item(second, price)
        self.ask_for_what_cannot_be()

    @rule(step=st.sampled_from(STEPS), data=st.data(), keyed=st.booleans())
    def step(self, step: str, data: st.DataObject, keyed: bool) -> None:
        draw, product = data.draw, self.known[data.draw(st.integers(0, 1))]
        if step == "block":
            self.block(draw, keyed)
        elif step in ("convert", "cancel", "extend") and self.held:
            # One of the last few, which may still be active.
            block = self.held[-1 - draw(st.integers(0, 4)) % len(self.held)]
            {"convert": self.convert, "cancel": self.cancel, "extend": self.extend}[step](block, draw, keyed)
        elif step in ("add", "reserve", "release", "consume"):
            self.move(product, step, draw, keyed)
        elif step == "time":
            self.world.move_to(self.world.now + draw(PAUSES))
        elif step == "end of a block":
            self.pass_time_to_an_end(draw)
        elif step == "sweep":
            self.world.sweep(limit=draw(st.sampled_from([1, 1000])))
        elif step == "status":
            self.set_status(product, is_active=draw(st.sampled_from([True, True, False])))
        elif step == "list":
            self.list_pages(draw(st.sampled_from([None, product])), limit=draw(st.integers(1, 3)))

    def create_sku(self, quantity: Decimal, price: Decimal) -> None:
        sku = f"SKU-{next(self.world.names)}"
        body = {"sku_code": sku, "name": sku, "quantity": quantity, "price": price}
        answer = self.post("/sku", body, keyed=True)
        assert self.check(answer, None)
        sku_id = answer.json()["sku_id"]
        assert exact(answer) == body | {"sku_id": sku_id, "created_at": instant(self.world.now)}
        number = self.world.client.get(f"/api/v1/inventory/{sku_id}").json()["id"]
        self.known.append(Product(number, sku_id, sku, price, self.world.now, quantity))
        self.check(self.post("/sku", body, keyed=False), (409, "DUPLICATE_SKU"))

    def create_item(self, stock: Decimal, price: Decimal) -> None:
        sku = f"SKU-{next(self.world.names)}"
        body = {"sku": sku, "name": sku, "price": price, "stock": stock}
        answer = self.post("/api/v1/inventory", body, keyed=False)
        assert self.check(answer, None, 201)
        item = answer.json()
        assert answer.headers["Location"] == f"/api/v1/inventory/{item['id']}"
        self.known.append(Product(item["id"], item["sku_id"], sku, price, self.world.now, stock))
        self.check(self.post("/api/v1/inventory", body, keyed=True), (409, "DUPLICATE_SKU"))

    def ask_for_what_cannot_be(self) -> None:
        lines = [{"sku_id": sku_id, "quantity": 1} for sku_id in (self.known[0].sku_id, UNKNOWN)]
        for path, body in {
            f"/api/v1/inventory/{UNKNOWN}/addStock": {"amount": 0},
            "/api/v1/inventory/999999999/addStock": {"amount": 0},
            f"/sku/{UNKNOWN}/temporary-block": {"quantity": 1},
            "/temporary-blocks": {"items": lines},
        }.items():
            self.check(self.post(path, body, keyed=False), (404, "PRODUCT_NOT_FOUND"))
        answer = self.post(f"/api/v1/inventory/{self.known[0].id}/addStock", {"amount": MOST}, keyed=True)
        self.check(answer, (400, "QUANTITY_OUT_OF_RANGE"))
        for step in ("convert-to-permanent", "cancel", "extend"):
            body = {"expires_at": self.world.now + MICROSECOND}
            answer = self.post(f"/temporary-blocks/{UNKNOWN}/{step}", body, keyed=True)
            self.check(answer, (404, "BLOCK_NOT_FOUND"))

    def block(self, draw: Draw, keyed: bool) -> None:
        """Of one line by the call for one, of more by the call for many."""
        lines = draw(st.lists(st.tuples(st.integers(0, 1), AMOUNTS), min_size=1, max_size=3))
        items = [(self.known[which], quantity) for which, quantity in lines]
        reason, duration = draw(REASONS), draw(st.one_of(st.none(), DURATIONS))
        now = self.world.now
        expires_at = None if duration is None else now + duration
        body: dict[str, Any] = {"reason": reason, "expires_at": expires_at}
        if len(items) == 1:
            body["quantity"] = items[0][1]
            answer = self.post(f"/sku/{items[0][0].sku_id}/temporary-block", body, keyed)
        else:
            body["items"] = [{"sku_id": product.sku_id, "quantity": quantity} for product, quantity in items]
            answer = self.post("/temporary-blocks", body, keyed)

        refusal = self.refusal_of_end(expires_at, now)
        wanted = {product.id: Decimal(0) for product in self.known}
        for product, quantity in items:
            wanted[product.id] += quantity
            refusal = refusal or self.refusal_to_hold(product, wanted[product.id])
        if not self.check(answer, refusal):
            return

        made = exact(answer)
        if len(items) == 1:
            made = {"blocks": [made], "total": 1}
        assert made["total"] == len(made["blocks"]) == len(items)
        for entry, (product, quantity) in zip(made["blocks"], items, strict=True):
            block = Block(entry["block_id"], product, quantity, reason, now, expires_at or now + DEFAULT_DURATION)
            assert entry == self.shown(block)
            self.held.append(block)

    def convert(self, block: Block, draw: Draw, keyed: bool) -> None:
        more = block.quantity + Decimal("0.001") if block.quantity < MOST else None
        quantity, reason = draw(st.one_of(st.none(), AMOUNTS, st.just(more))), draw(REASONS)
        body = {"quantity": quantity, "reason": reason}
        answer = self.post(f"/temporary-blocks/{block.id}/convert-to-permanent", body, keyed)
        refusal = self.refusal_to_end(block)
        leaving = block.quantity if quantity is None else quantity
        if refusal is None and leaving > block.quantity:
            refusal = 409, "BLOCK_QUANTITY_EXCEEDED"
        if self.check(answer, refusal):
            block.end = "BLOCK_CONVERTED"
            block.product.on_hand -= leaving
            self.end_again(block)
            assert exact(answer) == {
                "block_id": block.id,
                "status": "converted",
                "quantity": leaving,
                "converted_at": instant(self.world.now),
                "reason": reason,
            }

    def cancel(self, block: Block, draw: Draw, keyed: bool) -> None:
        reason = draw(REASONS)
        answer = self.post(f"/temporary-blocks/{block.id}/cancel", {"reason": reason}, keyed)
        if self.check(answer, self.refusal_to_end(block)):
            block.end = "BLOCK_CANCELLED"
            self.end_again(block)
            assert exact(answer) == {
                "block_id": block.id,
                "status": "cancelled",
                "cancelled_at": instant(self.world.now),
                "reason": reason,
            }

    def end_again(self, block: Block) -> None:
        for step in ("convert-to-permanent", "cancel"):
            self.check(self.post(f"/temporary-blocks/{block.id}/{step}", {}, keyed=False), self.refusal_to_end(block))

    def extend(self, block: Block, draw: Draw, keyed: bool) -> None:
        expires_at = self.world.now + draw(st.one_of(DURATIONS, st.just(LONGEST_DURATION)))
        answer = self.post(f"/temporary-blocks/{block.id}/extend", {"expires_at": expires_at}, keyed)
        if self.check(answer, self.refusal_to_end(block) or self.refusal_of_end(expires_at, block.created_at)):
            block.expires_at = expires_at
            assert exact(answer) == self.shown(block)

    def move(self, product: Product, step: str, draw: Draw, keyed: bool) -> None:
        amount = draw(AMOUNTS_OR_0)
        name = draw(st.sampled_from([str(product.id), product.sku_id]))
        answer = self.post(f"/api/v1/inventory/{name}/{step}Stock", {"amount": amount}, keyed)
        refusal: Refusal | None = None
        if amount == 0:
            pass
        elif step == "reserve":
            refusal = self.refusal_to_hold(product, amount)
        elif step == "add":
            if not product.is_active:
                refusal = 409, "INVENTORY_NOT_ACTIVE"
            elif product.on_hand + amount > MOST:
                refusal = 400, "QUANTITY_OUT_OF_RANGE"
        elif amount > product.reserved:
            refusal = 409, "INSUFFICIENT_RESERVED"
        if self.check(answer, refusal, 204):
            assert answer.content == b""
            on_hand, reserved = {"add": (1, 0), "reserve": (0, 1), "release": (0, -1), "consume": (-1, -1)}[step]
            product.on_hand += on_hand * amount
            product.reserved += reserved * amount

    def pass_time_to_an_end(self, draw: Draw) -> None:
        """To the very instant at which a block expires, or to a microsecond before."""
        ends = sorted({block.expires_at for block in self.active_blocks()})
        if ends:
            before = draw(st.sampled_from([timedelta(0), timedelta(0), MICROSECOND]))
            self.world.move_to(max(self.world.now, ends[draw(st.integers(0, 2)) % len(ends)] - before))

    def set_status(self, product: Product, is_active: bool) -> None:
        product.is_active = is_active
        self.world.database.admin.execute(
            "update store.stock set status = %s where product_id = %s",
            ["active" if is_active else "archived", product.id],
        )

    def list_pages(self, product: Product | None, limit: int) -> None:
        """All pages of so many blocks."""
        matching = self.active_blocks(product)
        query: dict[str, Any] = {"limit": limit} | ({"sku_id": product.sku_id} if product else {})
        for start in range(0, len(matching) + 1, limit):
            assert exact(self.world.client.get("/temporary-blocks", params=query)) == {
                "blocks": [self.listed(block) for block in matching[start : start + limit]],
                "total": len(matching),
            }
            if matching:
                query["after"] = matching[min(start + limit, len(matching)) - 1].id

    # What must hold after each

    @invariant()
    def shows_what_the_model_says(self) -> None:
        for product in self.known:
            assert exact(self.world.client.get(f"/sku/{product.sku_id}")) == {
                "sku_id": product.sku_id,
                "sku_code": product.sku,
                "name": product.sku,
                "quantity": product.on_hand,
                "reserved": product.reserved,
                "blocked": self.blocked(product),
                "available": self.available(product),
                "price": product.price,
                "created_at": instant(product.created_at),
                "blocks": [self.shown(block) for block in self.active_blocks(product)],
                "parts": [],
            }
        active = self.active_blocks()
        assert exact(self.world.client.get("/temporary-blocks")) == {
            "blocks": [self.listed(block) for block in active],
            "total": len(active),
        }
        before = min((product.id for product in self.known), default=1) - 1
        items = exact(self.world.client.get("/api/v1/inventory", params={"after": before}))
        assert items == [
            {
                "id": product.id,
                "sku": product.sku,
                "sku_id": product.sku_id,
                "name": product.sku,
                "description": None,
                "price": product.price,
                "availableStock": self.available(product),
                "reservedStock": product.reserved,
                "blockedStock": self.blocked(product),
                "onHandStock": product.on_hand,
            }
            for product in self.known
        ]

    def shown(self, block: Block) -> dict[str, Any]:
        """A block as API 1 shows it."""
        return {
            "block_id": block.id,
            "sku_id": block.product.sku_id,
            "quantity": block.quantity,
            "reason": block.reason,
            "status": "active",
            "expires_at": instant(block.expires_at),
            "created_at": instant(block.created_at),
            "owner": None,
            "kit_block_id": None,
        }

    def listed(self, block: Block) -> dict[str, Any]:
        """A block as the list shows it."""
        product = block.product
        named = {"sku_code": product.sku, "product_id": product.id, "name": product.sku, "unit": "pc"}
        return self.shown(block) | named

    def teardown(self) -> None:
        self.world.database.verify()
        # No block outlives its example: the next one's lists begin at nothing.
        self.world.move_to(self.world.now + LONGEST_DURATION)
        self.world.sweep(1000)


def is_invalid(answer: httpx.Response) -> bool:
    """Whether the request was refused for its form or its values: that is no business error."""
    return answer.status_code in (400, 422) and answer.json().get("code") != "QUANTITY_OUT_OF_RANGE"


def exact(answer: httpx.Response) -> Any:
    """The body of a 200, numbers as they are written."""
    assert answer.is_success, answer.text
    return json.loads(answer.text, parse_float=Decimal)


def test_random_calls_do_what_the_model_says(database: Database, server: Server) -> None:
    world = World(database, server.client())
    run_state_machine_as_test(
        lambda: Inventory(world),
        settings=settings(AS_GENERATED, max_examples=16),
    )
    database.verify()
    assert world.seen.keys() == EVERYTHING, "the examples no longer reach all that the model knows"
