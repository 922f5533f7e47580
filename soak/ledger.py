"""Reads the database after a run, as far as the checks need it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import psycopg
from psycopg.rows import dict_row

from soak.history import Effect

# A movement: actor, product, kind, changes of on_hand, reserved and blocked, reference.
Moved = tuple[str, int, str, Decimal, Decimal, Decimal, str | None]


# In the order of each product's changes. on_hand, reserved and blocked are differences.
MOVEMENTS = """
select
    m.id, m.product_id as product, m.kind, m.actor, m.reference, m.occurred_at, m.created_at,
    m.on_hand_after - m.on_hand_before as on_hand,
    m.reserved_after - m.reserved_before as reserved,
    m.blocked_after - m.blocked_before as blocked,
    m.on_hand_after, m.reserved_after, m.blocked_after,
    least(
        m.on_hand_after - m.reserved_after - m.blocked_after, m.on_hand_before - m.reserved_before - m.blocked_before
    ) as available
from store.movement as m
order by m.product_id, m.id
"""
PRICES = """
select p.id, p.product_id as product, p.price_type as type, p.amount, p.effective_from
from store.price as p
order by p.product_id, p.price_type, p.id
"""


class Ledger:
    """The database after the run, as far as the checks look at it."""

    def __init__(self) -> None:
        self.movements: list[dict[str, Any]] = []
        self.prices: list[dict[str, Any]] = []
        self.uses: dict[tuple[int, int], set[int]] = defaultdict(set)
        """(product, arrival) -> the movements that used units of this arrival."""
        self.products: dict[str, int] = {}
        self.skus: dict[int, str] = {}
        self.stock: dict[int, tuple[Decimal, Decimal, Decimal]] = {}
        self.blocks: dict[str, dict[str, Any]] = {}
        self.ids: dict[str, set[str]] = {}
        self.layers: list[tuple[Any, ...]] = []
        self.differences: list[tuple[Any, ...]] = []
        self.purchases: dict[str, Decimal] = {}
        self.sales: dict[str, Decimal | None] = {}

    @classmethod
    async def read(cls, conninfo: str) -> Ledger:
        """Reads everything in one snapshot, because the sweep is still running."""
        async with await psycopg.AsyncConnection.connect(conninfo) as connection:
            await connection.set_isolation_level(psycopg.IsolationLevel.REPEATABLE_READ)
            return await cls._read(connection)

    @classmethod
    async def _read(cls, connection: psycopg.AsyncConnection[Any]) -> Ledger:
        async def rows(query: str) -> list[tuple[Any, ...]]:
            return await (await connection.execute(query.encode())).fetchall()

        async def dicts(query: str) -> AsyncIterator[dict[str, Any]]:
            async for row in await connection.cursor(row_factory=dict_row).execute(query.encode()):
                yield row

        ledger = cls()
        lines = defaultdict(list)
        for product, movement, place, quantity in await rows(
            "select l.product_id, l.movement_id, p.code, l.quantity_after from store.location_movement as l"
            " inner join store.location as p on l.location_id = p.id"
        ):
            lines[product, movement].append((place, quantity))
        ledger.movements = [
            movement | {"places": lines[movement["product"], movement["id"]]} async for movement in dicts(MOVEMENTS)
        ]
        for product, arrival, departure in await rows(
            "select l.product_id, l.movement_id, u.movement_id from store.cost_layer_use as u"
            " inner join store.cost_layer as l on u.product_id = l.product_id and u.layer_id = l.id"
        ):
            ledger.uses[product, arrival].add(departure)
        ledger.prices = [price async for price in dicts(PRICES)]
        known = (
            "select sku_id::text, id from store.product union all select sku_id::text, id from store.deleted_product"
        )
        ledger.products = dict(await rows(known))
        ledger.skus = dict(await rows("select id, sku from store.product"))
        ledger.stock = {
            row[0]: (row[1], row[2], row[3])
            for row in await rows("select product_id, on_hand, reserved, blocked from store.stock")
        }
        columns = "id::text, status, converted_quantity, expires_at, ended_at"
        ledger.blocks = {
            row[0]: {"status": row[1], "converted": row[2], "expires_at": row[3], "ended_at": row[4]}
            for row in await rows(f"select {columns} from store.block")
        }
        tables = {
            "block": "select id::text from store.block",
            "sale": "select id::text from store.sale",
            "purchase": "select id::text from store.purchase",
            "inflow": "select id::text from store.inflow union all select id::text from store.deleted_flow"
            " where kind = 'inflow'",
            "outflow": "select id::text from store.outflow union all select id::text from store.deleted_flow"
            " where kind = 'outflow'",
            "order": "select id::text from store.art_operation",
            "count": "select id::text from store.count",
            "product": "select id::text from store.product union all select id::text from store.deleted_product",
            "price": "select id::text from store.price",
        }
        for table, query in tables.items():
            ledger.ids[table] = {number for (number,) in await rows(query)}
        ledger.layers = await rows(
            "select l.product_id, sum(l.value), sum(l.remaining_value),"
            " (select coalesce(sum(u.cost), 0) from store.cost_layer_use as u where u.product_id = l.product_id)"
            " from store.cost_layer as l group by l.product_id"
        )
        ledger.purchases = dict(await rows("select id::text, cost from store.purchase"))
        ledger.sales = dict(await rows("select id::text, cost from store.sale"))
        ledger.differences = await rows("select * from maintenance.verify()")
        return ledger

    def moved(self, movement: dict[str, Any]) -> Moved:
        names = ("actor", "product", "kind", "on_hand", "reserved", "blocked", "reference")
        return tuple(movement[name] for name in names)

    def product(self, product: int | str) -> int:
        return product if isinstance(product, int) else self.products.get(product, -1)

    def as_moved(self, actor: str, effect: Effect) -> Moved:
        assert effect.on_hand is not None
        product = self.product(effect.product)
        return (actor, product, effect.kind, effect.on_hand, effect.reserved, effect.blocked, effect.reference)
