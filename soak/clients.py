"""Clients that call all five APIs, each with its own random sequence, and record the answers.

POSTs have an Idempotency-Key and are sent again, to any server, until there is a definite answer. A request without a
key is sent again only if that is safe: if the answer said that nothing was changed, or if the request is idempotent.
"""

from __future__ import annotations

import asyncio
import dataclasses
import math
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import aiohttp
import simplejson

from server.database.standbys import NOWHERE, number
from server.http.service import POSITION_HEADER
from soak.history import PASSING, ZERO, Effect, History, Operation, Outcome, Told, Try, Want, code_of, is_proxys

TIMEOUTS = (1.0, 2.0, 6.0)  # seconds that a client waits for an answer
PATIENCE = 20.0  # seconds after the end during which requests are still sent again
FIRST_DELAY, LAST_DELAY = 0.02, 0.5  # seconds between attempts
LOOKS = 0.6  # share of reads among the requests
PLACES = 100  # number of clients whose amounts differ in their last digits

# The documented refusals of well-formed requests. Any other refusal is a violation.
REFUSALS = {
    *("INSUFFICIENT_STOCK", "INSUFFICIENT_RESERVED", "QUANTITY_CHANGED", "RETURN_EXCEEDS_DEPARTURE", "INFLOW_USED"),
    *("BLOCK_EXPIRED", "BLOCK_CONVERTED", "BLOCK_CANCELLED", "BLOCK_QUANTITY_EXCEEDED", "COUNT_OPEN", "COUNT_CLOSED"),
    *("INVENTORY_NOT_ACTIVE", "BACKDATED_PRICE", "PROTECTED"),
}


@dataclasses.dataclass(frozen=True)
class Product:
    """A product, with all its identifiers."""

    id: int
    sku: str
    sku_id: str


@dataclasses.dataclass(frozen=True)
class Block:
    """A block that some client created. Any client may end it."""

    id: str
    product: Product
    quantity: Decimal


@dataclasses.dataclass(frozen=True)
class Cart:
    """The blocks that some client created for one owner. Any client may end them, together or one by one."""

    owner: str
    blocks: tuple[Block, ...]


# A planted bug: replaces the body of the answer to a GET of this path.
Alters = Callable[[str, bytes], bytes]


class Shared:
    """The knowledge that all clients share: the products, the blocks that may still be active, the locations."""

    def __init__(
        self,
        urls: list[str],
        history: History,
        alters: Alters | None = None,
        late: float = 0,
        *,
        has_standbys: bool = False,
    ) -> None:
        self.urls = urls
        self.has_standbys = has_standbys
        self.history = history
        self.now = history.now
        self.alters, self.late = alters, late
        self.hot: list[Product] = []
        self.cold: list[Product] = []
        self.blocks: deque[Block] = deque(maxlen=60)
        self.carts: deque[Cart] = deque(maxlen=20)
        self.places = [f"RACK-{section}{aisle}-{n:02}" for section in "AB" for aisle in (1, 2) for n in (1, 2, 3)]
        self.brand = self.category = self.supplier = 0
        self.is_over = asyncio.Event()
        self.ends_at: float | None = None

    def end(self) -> None:
        """Make the clients stop after their current request."""
        self.ends_at = time.monotonic()
        self.is_over.set()

    def forget(self, block: Block) -> None:
        if block in self.blocks:
            self.blocks.remove(block)


Play = Callable[[], Awaitable[None]]


class Client:
    """A client, which sends one request at a time. With ``role`` None it has no token."""

    def __init__(self, name: str, role: str | None, shared: Shared, seed: str) -> None:
        self.name = name
        self.role = role
        self.actor = name if role else "anonymous"
        self.shared = shared
        self.last_success = -1.0
        self._random = random.Random(f"{seed}/{name}")
        self._timeout = self._random.choice(TIMEOUTS)
        self._number = 0
        # Half of the clients mostly ask for scarce products.
        self._place = int(name.rpartition("-")[2]) if "-" in name else 0
        self._hot_share = 0.9 if self._place % 2 else 0.1
        self._headers: dict[str, str] = {}
        # Half of the clients may be answered by a standby. The position that they have seen, and a time before which
        # all that was seen is at or before that position.
        self._reads_anywhere = shared.has_standbys and self._place % 4 < 2
        self._position, self._since = "0/0", 0.0
        self._session: aiohttp.ClientSession | None = None
        self._reserved: dict[Product, Decimal] = {}
        self._sales: deque[tuple[int, Product, Decimal]] = deque(maxlen=20)
        self._flows: deque[tuple[str, int, Product, Decimal]] = deque(maxlen=20)
        self._own: list[tuple[Product, Decimal]] = []  # (product, on hand); no other client uses these products
        self._count: int | None = None
        self._plays = self._of_role()

    # What it plays

    def _of_role(self) -> list[tuple[int, Play]]:
        plays: list[tuple[int, Play]] = [
            (1, self._create_sku), (8, self._block), (5, self._block_several), (6, self._convert), (4, self._cancel),
            (4, self._extend), (4, self._convert_cart), (1, self._cancel_cart), (1, self._extend_cart),
            (3, self._add), (8, self._reserve), (4, self._release), (5, self._consume), (1, self._create_item),
            (8, self._order), (2, self._orders), (2, self._take_count), (3, self._set_stock),
        ]  # fmt: skip
        if self.role == "admin":
            plays += [
                (4, self._purchase), (10, self._sell), (4, self._return), (3, self._correct), (3, self._price),
                (3, self._inflow), (10, self._outflow), (4, self._delete_flow), (2, self._create_product),
                (2, self._put_product), (1, self._delete_product), (1, self._set_status),
            ]  # fmt: skip
        return plays

    def _looks_of_role(self) -> list[tuple[int, Play]]:
        looks: list[tuple[int, Play]] = [
            (8, self._look_at_sku), (10, self._look_at_item), (2, self._list_blocks), (4, self._look_at_price),
            (2, self._look_at_place), (2, self._look_at_cart),
        ]  # fmt: skip
        if self.role in ("employee", "admin"):
            looks += [(6, self._look_at_inventory), (1, self._look_at_outflows)]
        return looks

    async def play(self) -> None:
        """Send random requests, one after another, until the end. A share of LOOKS of them are reads."""
        looks = self._looks_of_role()
        while not self.shared.is_over.is_set():
            plays = looks if self._random.random() < LOOKS else self._plays
            (chosen,) = self._random.choices([each for _, each in plays], [weight for weight, _ in plays])
            await chosen()

    async def log_in(self, password: str) -> None:
        body = {"username": self.name, "password": password}
        answer = (await self.do(0, "token", "POST", "/api/v1/authentication/token/", body)).answer
        self._headers = {"Authorization": f"Bearer {answer['access']}"}

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    # How it asks

    async def do(  # noqa: PLR0917 - in the order of an HTTP request
        self,
        api: int,
        name: str,
        method: str,
        path: str,
        body: Any = None,
        told: Told | None = None,
        *,
        is_repeatable: bool = True,
        has_key: bool = True,
        about: Product | None = None,
        wants: Iterable[Want] = (),
    ) -> Operation:
        """Send the request until there is a definite answer, or the run ends. ``told`` turns a success into effects."""
        self._number += 1
        key = f"{self.name}-{self._number}" if method == "POST" and has_key else None
        operation = Operation(
            self.name, self.actor, api, name, method, path, body, key, is_repeatable, told,
            about.id if about else None, tuple(wants),
        )  # fmt: skip
        self.shared.history.operations.append(operation)
        if key is not None and api and self._random.random() < 0.05:
            await self._insist_twice(operation)
        else:
            await self.insist(operation)
        if operation.outcome is Outcome.ACKNOWLEDGED and key is not None and self._random.random() < 0.04:
            await self._replay(operation)
        return operation

    async def insist(self, operation: Operation) -> None:
        """Send the request again and again until it has a definite answer, or until PATIENCE after the end."""
        delay = FIRST_DELAY
        was_unsure = any(not t.is_surely_undone for t in operation.tries)
        while True:
            one, raw, headers = await self._send(operation)
            operation.tries.append(one)
            if one.status is not None and one.status != 503 and one.code not in PASSING:
                self._decide(operation, one, raw, was_unsure=was_unsure)
                if "Idempotent-Replayed" in headers and not was_unsure and operation.twin is None:
                    self._object(f"done, though each try was answered that nothing was changed: {operation.line()}")
                return
            was_unsure = was_unsure or not one.is_surely_undone
            if operation.key is None and not operation.is_repeatable and was_unsure:
                operation.outcome = Outcome.MAYBE
                if operation.told is not None:
                    operation.effects = operation.told(None)
                return
            ends_at = self.shared.ends_at
            if (ends_at is not None and time.monotonic() > ends_at + PATIENCE) or (
                operation.method == "GET" and len(operation.tries) >= 2
            ):
                operation.outcome, operation.was_in_doubt = Outcome.DOUBT, True
                return
            await asyncio.sleep(delay * self._random.uniform(0.5, 1))
            delay = min(2 * delay, LAST_DELAY)

    def _decide(self, operation: Operation, one: Try, raw: bytes, *, was_unsure: bool) -> None:
        assert one.status is not None
        operation.status, operation.raw, operation.code = one.status, raw, one.code
        operation.answer = _parsed(raw)
        is_good = 200 <= one.status < 300
        if operation.method == "DELETE" and one.status == 404 and was_unsure:
            is_good = True  # no other client deletes it, so an earlier attempt has
        if is_good:
            operation.outcome = Outcome.ACKNOWLEDGED
            self.last_success = max(self.last_success, one.sent)
            if operation.told is not None:
                operation.effects = operation.told(operation.answer)
            return
        operation.outcome = Outcome.REFUSED
        # When the last attempt is sent, the requested end of a block may be in the past.
        is_late = operation.name.startswith("block") and one.status == 422 and "expires_at" in operation.body
        if not is_late and (one.status >= 500 or one.code not in REFUSALS):
            self._object(f"{one.status} {raw[:300]!r} to {operation.line()}")

    async def _insist_twice(self, operation: Operation) -> None:
        """Send the request twice at the same time, like an impatient client. Both answers must be the same."""
        sent = self.shared.now()
        operation.twin = Try(0, sent, math.inf, None, "under way")
        (one, raw, headers), _ = await asyncio.gather(self._send(operation), self.insist(operation))
        operation.twin = one
        if operation.status is None or one.status in (None, 503) or one.code in PASSING:
            return
        operation.replays.append(headers.get("Idempotent-Replayed"))
        if (one.status, raw) != (operation.status, operation.raw) and operation.status != 422:
            self._object(f"sent twice at once it was answered {one.status} {raw[:200]!r} too: {operation.line()}")

    async def _replay(self, operation: Operation) -> None:
        """Send an answered request again with its key: the answer must be the same, and marked as replayed."""
        one, raw, headers = await self._send(operation)
        if one.status is None or one.status == 503 or one.code in PASSING:
            return
        operation.replays.append(headers.get("Idempotent-Replayed"))
        if operation.api == 0:
            return  # new tokens are issued
        if (one.status, raw) != (operation.status, operation.raw):
            self._object(
                f"a replay answered {one.status} {raw[:200]!r}, not {operation.raw[:200]!r}: {operation.line()}"
            )
        elif headers.get("Idempotent-Replayed") != "true":
            self._object(f"a replay is not marked as one: {operation.line()}")

    def _object(self, what: str) -> None:
        self.shared.history.violations.append(what)

    async def _send(self, operation: Operation) -> tuple[Try, bytes, Mapping[str, str]]:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=self._timeout), connector=aiohttp.TCPConnector(limit=4)
            )
            # By default aiohttp sends some requests again by itself. Each attempt must be recorded here.
            self._session._retry_connection = False
        server = self._random.randrange(len(self.shared.urls))
        headers = dict(self._headers)
        data = None
        if operation.method not in ("DELETE", "GET"):
            data = simplejson.dumps(operation.body or {}, use_decimal=True).encode()
            headers["Content-Type"] = "application/json"
        if operation.key is not None:
            headers["Idempotency-Key"] = operation.key
        since = self._since if self._reads_anywhere and operation.method == "GET" else None
        if since is not None:
            headers[POSITION_HEADER] = self._position
        sent, position = self.shared.now(), self._position
        try:
            async with self._session.request(
                operation.method, self.shared.urls[server] + operation.path, data=data, headers=headers
            ) as answer:
                raw = await answer.read()
                self._saw(answer.headers.get(POSITION_HEADER), sent if since is None else since, position)
                if is_proxys(answer):
                    return Try(server, sent, self.shared.now(), None, f"{answer.status} of the proxy"), b"", {}
                if self.shared.late and operation.is_write:
                    await asyncio.sleep(self.shared.late)
                if self.shared.alters and operation.method == "GET" and answer.status == 200:
                    raw = self.shared.alters(operation.path, raw)
                code = code_of(_parsed(raw)) if answer.status >= 400 else None
                if answer.status == 503 and "Retry-After" not in answer.headers:
                    self._object(f"503 without Retry-After to {operation.line()}")
                return Try(server, sent, self.shared.now(), answer.status, None, code, since), raw, answer.headers
        except aiohttp.ClientConnectorError:
            error = "not connected"
        except TimeoutError:
            error = "time-out"
        except (aiohttp.ClientError, OSError) as lost:
            error = type(lost).__name__
        return Try(server, sent, self.shared.now(), None, error), b"", {}

    def begin_after(self, other: Client) -> None:
        """Know what the other has seen: a standby that is asked for anything need not show what was just made."""
        self._position, self._since = other._position, other._since

    def _saw(self, position: str | None, since: float, asked_at: str) -> None:
        """``asked_at``: the own position when this was asked. An answer to who knew none is one again."""
        if position is not None:
            own = "0/0" if asked_at == self._position == NOWHERE else self._position
            self._position = max(own, position, key=number)
            self._since = max(self._since, since)

    # Choices

    def _product(self) -> Product:
        if self._random.random() < self._hot_share:
            return self._random.choice(self.shared.hot)
        return self._random.choice(self.shared.cold)

    def _units(self, most: int = 5) -> Decimal:
        """Returns a random quantity, sometimes with decimals."""
        if self._random.random() < 0.3:
            return Decimal(self._random.randrange(1, most * 1000)) / 1000
        return Decimal(self._random.randint(1, most))

    def _whole(self, most: int = 5) -> int:
        return self._random.randint(1, most)

    def _marker(self) -> str:
        return f"{self.name} {self._number + 1}"

    # API 1

    async def _create_sku(self) -> None:
        quantity, code = self._units(9), f"{self.name}-S{self._number}"
        await self.do(
            1, "create sku", "POST", "/sku",
            {"sku_code": code, "name": code, "quantity": quantity, "price": Decimal("9.99")},
            lambda a: [Effect(a["sku_id"], "initial", quantity)],
        )  # fmt: skip

    async def _block(self) -> None:
        product, quantity = self._product(), self._units(8)
        body: dict[str, Any] = {"quantity": quantity, "reason": self._marker()}
        if self._random.random() < 0.8:
            body["expires_at"] = _ahead(self._random.uniform(0.2, 2))

        def told(answer: Any) -> list[Effect]:
            return [self._made(answer, product)]

        path = f"/sku/{product.sku_id}/temporary-block"
        await self.do(1, "block", "POST", path, body, told, wants=[Want(product.id, quantity)])

    def _made(self, answer: Any, product: Product) -> Effect:
        block = Block(answer["block_id"], product, Decimal(answer["quantity"]))
        self.shared.blocks.append(block)
        return Effect(product.id, "block", blocked=block.quantity, reference=block.id)

    async def _block_several(self) -> None:
        products = [self._product() for _ in range(self._random.randint(2, 4))]
        items: list[dict[str, Any]] = [{"sku_id": p.sku_id, "quantity": self._units(3)} for p in products]
        body: dict[str, Any] = {"items": items, "reason": self._marker()}
        if self._random.random() < 0.8:
            body["owner"] = self._marker()
        if self._random.random() < 0.3:
            body["allow_partial"] = True
        if self._random.random() < 0.5:
            body["expires_at"] = _ahead(self._random.uniform(0.2, 3))
        of_sku = {product.sku_id: product for product in products}

        def told(answer: Any) -> list[Effect]:
            effects = [self._made(block, of_sku[block["sku_id"]]) for block in answer["blocks"]]
            if "owner" in body and effects:
                blocks = [
                    Block(each["block_id"], of_sku[each["sku_id"]], Decimal(each["quantity"]))
                    for each in answer["blocks"]
                ]
                self.shared.carts.append(Cart(body["owner"], tuple(blocks)))
            return effects

        wanted: dict[int, Decimal] = {}
        for product, item in zip(products, items, strict=True):
            wanted[product.id] = wanted.get(product.id, ZERO) + item["quantity"]
        wants = [] if "allow_partial" in body else [Want(number, quantity) for number, quantity in wanted.items()]
        await self.do(1, "block several", "POST", "/temporary-blocks", body, told, wants=wants)

    async def _end(self, name: str, path: str, body: dict[str, Any], block: Block) -> None:
        def told(answer: Any) -> list[Effect]:
            on_hand = -Decimal(answer["quantity"]) if name == "convert" else ZERO
            return [Effect(block.product.id, name, on_hand, blocked=-block.quantity, reference=block.id)]

        operation = await self.do(1, name, "POST", f"/temporary-blocks/{block.id}/{path}", body, told)
        if operation.outcome is not Outcome.DOUBT and operation.code != "BLOCK_QUANTITY_EXCEEDED":
            self.shared.forget(block)

    async def _convert(self) -> None:
        if self.shared.blocks:
            block = self._random.choice(self.shared.blocks)
            body: dict[str, Any] = {"reason": self._marker()}
            if self._random.random() < 0.3:
                body["quantity"] = block.quantity / 2 if block.quantity % 2 == 0 else block.quantity
            await self._end("convert", "convert-to-permanent", body, block)

    async def _cancel(self) -> None:
        if self.shared.blocks:
            block = self._random.choice(self.shared.blocks)
            await self._end("cancel", "cancel", {"reason": self._marker()}, block)

    async def _extend(self) -> None:
        if self.shared.blocks:
            block = self._random.choice(self.shared.blocks)
            if self.shared.carts and self._random.random() < 0.8:
                # The others of the cart may expire before.
                block = self._random.choice(self.shared.carts[-1].blocks)
            # So far ahead that it is still in the future at the last attempt.
            body = {"expires_at": _ahead(self._random.uniform(200, 600))}
            await self.do(1, "extend", "POST", f"/temporary-blocks/{block.id}/extend", body)

    async def _end_cart(self, name: str, path: str) -> None:
        if not self.shared.carts:
            return
        cart = self._random.choice(self.shared.carts)
        blocks = {block.id: block for block in cart.blocks}

        def told(answer: Any) -> list[Effect]:
            kind = name.partition(" ")[0]
            ended = [blocks[each["block_id"]] for each in answer["blocks"] if each["block_id"] in blocks]
            return [
                Effect(b.product.id, kind, -b.quantity if kind == "convert" else ZERO, ZERO, -b.quantity, b.id)
                for b in ended
            ]

        path = f"/holds/{quote(cart.owner)}/{path}"
        operation = await self.do(1, name, "POST", path, {"reason": self._marker()}, told)
        if operation.outcome is not Outcome.DOUBT and cart in self.shared.carts:
            self.shared.carts.remove(cart)

    async def _convert_cart(self) -> None:
        await self._end_cart("convert cart", "convert-to-permanent")

    async def _cancel_cart(self) -> None:
        await self._end_cart("cancel cart", "cancel")

    async def _extend_cart(self) -> None:
        if self.shared.carts:
            cart = self._random.choice(self.shared.carts)
            body = {"expires_at": _ahead(self._random.uniform(200, 600))}
            await self.do(1, "extend cart", "POST", f"/holds/{quote(cart.owner)}/extend", body)

    async def _look_at_cart(self) -> None:
        if self.shared.carts:
            cart = self._random.choice(self.shared.carts)
            await self.do(1, "look at cart", "GET", f"/holds/{quote(cart.owner)}")

    async def _look_at_sku(self) -> None:
        product = self._product()
        await self.do(1, "look at sku", "GET", f"/sku/{product.sku_id}", about=product)

    async def _list_blocks(self) -> None:
        product = self._product()
        path = f"/temporary-blocks?sku_id={product.sku_id}&limit=1000"
        await self.do(1, "list blocks", "GET", path, about=product)

    # API 2

    async def _look_at_item(self) -> None:
        product = self._product()
        name = self._random.choice((product.id, product.sku_id))
        await self.do(2, "look at item", "GET", f"/api/v1/inventory/{name}", about=product)

    def _amount(self, most: int) -> Decimal:
        """Returns a random amount whose last digits identify this client: its movements differ from those of others."""
        return Decimal(self._random.randrange(1, most * 10)) / 10 + Decimal(self._place % PLACES) / 1000

    async def _move(
        self, name: str, product: Product, amount: Decimal, effect: Effect, wants: Iterable[Want] = ()
    ) -> Operation:
        """Change the stock. Some requests have no key: they are sent only once, and must not be carried out twice."""
        path = f"/api/v1/inventory/{self._random.choice((product.id, product.sku_id))}/{name}Stock"
        has_key = self._random.random() < 0.85
        return await self.do(
            2, name, "POST", path, {"amount": amount}, lambda _: [effect],
            is_repeatable=has_key, has_key=has_key, wants=wants,
        )  # fmt: skip

    async def _add(self) -> None:
        product, amount = self._product(), self._amount(4)
        await self._move("add", product, amount, Effect(product.id, "add", amount))

    async def _reserve(self) -> None:
        product, amount = self._product(), self._amount(8)
        effect = Effect(product.id, "reserve", reserved=amount)
        wants = [Want(product.id, amount)]
        if (await self._move("reserve", product, amount, effect, wants)).outcome is Outcome.ACKNOWLEDGED:
            self._reserved[product] = self._reserved.get(product, ZERO) + amount

    def _of_reserved(self) -> tuple[Product, Decimal] | None:
        """Takes some units from those that this client has reserved."""
        mine = [(p, q) for p, q in self._reserved.items() if q > 0]
        if not mine:
            return None
        product, most = self._random.choice(mine)
        amount = min(most, self._amount(5))
        self._reserved[product] = most - amount
        return product, amount

    async def _release(self) -> None:
        if (chosen := self._of_reserved()) is not None:
            product, amount = chosen
            effect = Effect(product.id, "release", reserved=-amount)
            await self._move("release", product, amount, effect, [Want(product.id, reserved=amount)])

    async def _consume(self) -> None:
        if (chosen := self._of_reserved()) is not None:
            product, amount = chosen
            effect = Effect(product.id, "consume", -amount, -amount)
            await self._move("consume", product, amount, effect, [Want(product.id, reserved=amount)])

    async def _set_stock(self) -> None:
        """Count the whole stock: as many as there were a moment ago, or some more or fewer."""
        product = self._product()
        path = f"/api/v1/inventory/{product.id}"
        looked = await self.do(2, "look at item", "GET", path, about=product)
        if looked.outcome is Outcome.ACKNOWLEDGED:
            quantity = max(ZERO, Decimal(looked.answer["onHandStock"]) + self._random.randint(-2, 3))

            def told(answer: Any) -> list[Effect]:
                return [Effect(product.id, "count", Decimal(answer["difference"]))] if answer["difference"] else []

            await self.do(2, "set stock", "POST", f"{path}/setStock", {"quantity": quantity}, told)

    async def _create_item(self) -> None:
        stock, code = self._units(9), f"{self.name}-I{self._number}"
        await self.do(
            2, "create item", "POST", "/api/v1/inventory",
            {"sku": code, "name": code, "price": Decimal("5.25"), "stock": stock},
            lambda a: [Effect(a["id"], "initial", stock)],
        )  # fmt: skip

    # API 3

    async def _purchase(self) -> None:
        product, quantity = self._product(), self._units(4)
        cost = Decimal(self._random.randrange(1, 99999)) / 1000
        await self.do(
            3, "purchase", "POST", "/inventory/purchases",
            {"product_id": product.id, "supplier_id": self.shared.supplier, "quantity": quantity, "unit_cost": cost},
            lambda a: [Effect(product.id, "purchase", quantity, reference=str(a["purchase_item"]["id"]))],
        )  # fmt: skip

    async def _sell(self) -> None:
        product, quantity = self._product(), self._units()

        def told(answer: Any) -> list[Effect]:
            sale = answer["sale_item"]["id"]
            self._sales.append((sale, product, quantity))
            return [Effect(product.id, "sale", -quantity, reference=str(sale))]

        body = {"product_id": product.id, "quantity": quantity, "unit_price": Decimal("19.95")}
        await self.do(3, "sale", "POST", "/inventory/sales", body, told, wants=[Want(product.id, quantity)])

    async def _return(self) -> None:
        if not self._sales:
            return
        sale, product, quantity = self._random.choice(self._sales)
        if self._random.random() < 0.5:
            quantity = min(quantity, self._units(2))
        await self.do(
            3, "return", "POST", f"/inventory/sales/{sale}/returns", {"quantity": quantity, "reason": self._marker()},
            lambda a: [Effect(product.id, "return", quantity, reference=str(a["sale_item"]["id"]))],
        )  # fmt: skip

    async def _correct(self) -> None:
        """PATCH the quantity on hand, on condition that it is still the quantity that was read."""
        product = self._product()
        seen = await self.do(3, "look at inventory", "GET", f"/inventory/{product.id}", about=product)
        if seen.outcome is not Outcome.ACKNOWLEDGED:
            return
        before = Decimal(seen.answer["inventory"]["quantity"])
        change = self._units(3) * self._random.choice((1, -1))
        if before + change >= 0:
            await self.do(
                3, "correct", "PATCH", f"/inventory/{product.id}",
                {"quantity": before + change, "expected_quantity": before},
                lambda _: [Effect(product.id, "adjust", change)], is_repeatable=False,
                wants=[Want(product.id, max(-change, ZERO), on_hand=before)],
            )  # fmt: skip

    async def _price(self) -> None:
        product = self._product()
        amount = Decimal(self._random.randrange(1000, 9_999_999)) / 100
        kind = self._random.choice(("retail", "promo", "wholesale"))
        body = {"amount": amount, "price_type": kind}
        await self.do(3, "price", "POST", f"/products/{product.id}/prices", body)

    async def _look_at_inventory(self) -> None:
        product = self._product()
        await self.do(3, "look at inventory", "GET", f"/inventory/{product.id}", about=product)

    async def _look_at_price(self) -> None:
        product = self._product()
        query = self._random.choice(("", "", "?price_type=retail"))
        await self.do(3, "active price", "GET", f"/products/{product.id}/prices/active{query}", about=product)

    async def _set_status(self) -> None:
        if self._own:
            product, _ = self._random.choice(self._own)
            for status in ("inactive", "active"):
                await self.do(3, "set status", "PATCH", f"/inventory/{product.id}", {"status": status})

    # API 4

    def _an_order(self, kinds: tuple[str, ...]) -> tuple[dict[str, Any], Product]:
        product, kind = self._product(), self._random.choice(kinds)
        order: dict[str, Any] = {"type": kind, "sku": product.sku, "quantity": self._whole(), "reason": self._marker()}
        start, end = self._random.sample(self.shared.places, 2)
        if kind in ("Remove", "Transfer"):
            order["from_location"] = start
        if kind != "Remove":
            order["to_location"] = end
        if kind == "Adjust" and self._random.random() < 0.5:
            order["quantity"] *= -1
        return order, product

    @staticmethod
    def _ordered(order: dict[str, Any], product: Product, answer: Any) -> Effect:
        kind = order["type"]
        change = {"Remove": -order["quantity"], "Transfer": 0, "Count": None}.get(kind, order["quantity"])
        on_hand = None if change is None else Decimal(change)
        return Effect(product.id, kind.lower(), on_hand, reference=str(answer["operation_id"]))

    @staticmethod
    def _wanted(order: dict[str, Any], product: Product) -> Want:
        quantity = Decimal(order["quantity"])
        start, end = order.get("from_location", ""), order.get("to_location", "")
        match order["type"]:
            case "Remove":
                return Want(product.id, quantity, start, quantity, brings=((start, -quantity),))
            case "Transfer":
                return Want(product.id, ZERO, start, quantity, brings=((start, -quantity), (end, quantity)))
            case "Count":
                return Want(product.id, place=end, counted=quantity)
        less = max(-quantity, ZERO)  # 0 for an Add
        return Want(product.id, less, end, less, brings=((end, quantity),))

    async def _order(self) -> None:
        order, product = self._an_order(("Add", "Add", "Remove", "Remove", "Transfer", "Count", "Adjust"))
        await self.do(
            4, "order", "POST", "/api/v1/art_order", order, lambda a: [self._ordered(order, product, a)],
            wants=[self._wanted(order, product)],
        )  # fmt: skip

    async def _orders(self) -> None:
        kinds = self._random.choice((("Add",), ("Add", "Remove", "Transfer", "Adjust")))
        several = [self._an_order(kinds) for _ in range(self._random.randint(2, 8))]
        await self.place_orders(several, is_atomic=self._random.random() < 0.5)

    async def place_orders(self, several: list[tuple[dict[str, Any], Product]], *, is_atomic: bool) -> None:
        body = {"orders": [order for order, _ in several], "atomic": is_atomic}

        def told(answer: Any) -> list[Effect]:
            return [
                self._ordered(order, product, result)
                for (order, product), result in zip(several, answer["results"], strict=True)
                if result["status"] == "success"
            ]

        wants = [self._wanted(order, product) for order, product in several]
        await self.do(4, "orders", "POST", "/api/v1/art_orders", body, told, wants=wants)

    async def _take_count(self) -> None:
        """Start a count, or continue and close the one that this client has started."""
        if self._count is None:
            body = {"location": self._random.choice(self.shared.places)}
            started = await self.do(4, "start count", "POST", "/api/v1/counts", body)
            if started.outcome is Outcome.ACKNOWLEDGED:
                self._count = started.answer["count"]["id"]
            return
        products = {product.sku: product for product in (self._product(), self._product())}
        lines = [{"sku": sku, "quantity": self._whole(9)} for sku in products]
        path = f"/api/v1/counts/{self._count}"
        counted = await self.do(4, "count", "POST", f"{path}/lines", {"lines": lines})
        if counted.outcome is not Outcome.ACKNOWLEDGED:
            return
        of_sku = {product.sku: product.id for product in (*self.shared.hot, *self.shared.cold)}
        missing = {
            of_sku[line["sku"]]: -Decimal(line["difference"])
            for line in counted.answer["count"]["lines"]
            if line["difference"] < 0
        }
        place = counted.answer["count"]["location"]

        def told(answer: Any) -> list[Effect]:
            return [
                Effect(of_sku[line["sku"]], "count", None, reference=str(line["operation_id"]))
                for line in answer["count"]["lines"]
            ]

        wants = [Want(product, quantity, place, quantity) for product, quantity in missing.items()]
        closed = await self.do(4, "close count", "POST", f"{path}/close", {}, told, wants=wants)
        if closed.outcome is Outcome.REFUSED:
            await self.do(4, "cancel count", "POST", f"{path}/cancel", {})
        self._count = None

    async def _look_at_place(self) -> None:
        place = self._random.choice(self.shared.places)
        await self.do(4, "look at place", "GET", f"/api/v1/locations/{place}/stock")

    # API 5

    async def _inflow(self) -> None:
        product, quantity = self._product(), self._whole(4)

        def told(answer: Any) -> list[Effect]:
            self._flows.append(("inflow", answer["id"], product, Decimal(quantity)))
            return [Effect(product.id, "inflow", Decimal(quantity), reference=str(answer["id"]))]

        body = {"supplier": self.shared.supplier, "product": product.id, "quantity": quantity}
        await self.do(5, "inflow", "POST", "/api/v1/inflows/", body | {"description": self._marker()}, told)

    async def _outflow(self) -> None:
        product, quantity = self._product(), self._whole()

        def told(answer: Any) -> list[Effect]:
            self._flows.append(("outflow", answer["id"], product, -Decimal(quantity)))
            return [Effect(product.id, "outflow", -Decimal(quantity), reference=str(answer["id"]))]

        body = {"product": product.id, "quantity": quantity, "description": self._marker()}
        await self.do(
            5, "outflow", "POST", "/api/v1/outflows/", body, told, wants=[Want(product.id, Decimal(quantity))]
        )

    async def _delete_flow(self) -> None:
        """Delete a flow that this client made. No other client deletes it, so a 404 after a retry means success."""
        if not self._flows:
            return
        flow = self._random.choice(self._flows)
        kind, number, product, change = flow
        effect = Effect(product.id, f"delete_{kind}", -change, reference=str(number))
        path = f"/api/v1/{kind}s/{number}/"
        wants = [Want(product.id, change)] if kind == "inflow" else []
        deleted = await self.do(5, f"delete {kind}", "DELETE", path, told=lambda _: [effect], wants=wants)
        if deleted.outcome is not Outcome.REFUSED:
            self._flows.remove(flow)

    async def create_product(self, title: str, quantity: int) -> Product | None:
        body = {
            "title": title, "sku": title, "category": self.shared.category, "brand": self.shared.brand,
            "cost_price": "2.50", "selling_price": "7.25", "quantity": quantity,
        }  # fmt: skip

        def told(answer: Any) -> list[Effect]:
            return [Effect(answer["id"], "initial", Decimal(quantity))] if quantity else []

        made = await self.do(5, "create product", "POST", "/api/v1/products/", body, told)
        if made.outcome is not Outcome.ACKNOWLEDGED:
            return None
        return Product(made.answer["id"], made.answer["sku"], made.answer["sku_id"])

    async def _create_product(self) -> None:
        quantity = self._random.randint(0, 9)
        product = await self.create_product(f"{self.name}-P{self._number}", quantity)
        if product is not None:
            self._own.append((product, Decimal(quantity)))

    async def _put_product(self) -> None:
        """PUT the quantity of a product that only this client uses. The request is idempotent."""
        if not self._own:
            return
        product, before = self._own.pop(self._random.randrange(len(self._own)))
        after = Decimal(self._random.randint(0, 20))
        body = {
            "title": product.sku, "category": self.shared.category, "brand": self.shared.brand, "cost_price": "2.50",
            "selling_price": "7.25", "quantity": int(after),
        }  # fmt: skip
        path = f"/api/v1/products/{product.id}/"
        effects = [Effect(product.id, "adjust", after - before)] if after != before else []
        put = await self.do(5, "put product", "PUT", path, body, lambda _: effects)
        # An earlier attempt without an answer may still be carried out. The product is then not used again.
        if put.outcome is Outcome.ACKNOWLEDGED and len(put.tries) == 1:
            self._own.append((product, after))

    async def _delete_product(self) -> None:
        if not self._own:
            return
        product, on_hand = self._own.pop(self._random.randrange(len(self._own)))
        effects = [Effect(product.id, "delete_product", -on_hand)] if on_hand else []
        path = f"/api/v1/products/{product.id}/"
        await self.do(5, "delete product", "DELETE", path, told=lambda _: effects)

    async def _look_at_outflows(self) -> None:
        await self.do(5, "look at outflows", "GET", "/api/v1/outflows/")


def _ahead(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _parsed(raw: bytes) -> Any:
    if not raw:
        return None
    try:
        return simplejson.loads(raw, use_decimal=True)
    except ValueError:
        return None
