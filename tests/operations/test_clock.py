"""A clock that jumps ahead by days, and back again: the ledger stays a chain, and nothing is below 0."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import Any

import httpx
import pytest

from tests.conftest import Database, Server

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
WEEK = timedelta(days=7)


def sweep(database: Database) -> None:
    for job in ("expire_blocks", "turn_prices", "purge_idempotency_keys", "purge_webhook_deliveries"):
        with database.connect("inventory_maintenance") as dba:
            dba.execute("call maintenance.run_batches(%s)", [job])


def trade(admin: httpx.Client, database: Database, product: int) -> None:
    """One of each kind of change."""
    sku_id = database.sku_id(product)
    block = admin.post(f"/sku/{sku_id}/temporary-block", json={"quantity": 1})
    assert block.status_code == 200, block.text
    convert = f"/temporary-blocks/{block.json()['block_id']}/convert-to-permanent"
    assert admin.post(convert, json={"quantity": 1}).status_code == 200
    for action in ("addStock", "reserveStock", "releaseStock"):
        assert admin.post(f"/api/v1/inventory/{product}/{action}", json={"amount": 2}).status_code == 204
    sold = {"product_id": product, "quantity": "1", "unit_price": "3"}
    assert admin.post("/inventory/sales", json=sold).status_code == 201
    assert admin.post("/api/v1/outflows/", json={"product": product, "quantity": 1}).status_code == 201


def is_verified(database: Database) -> None:
    """Nothing is wrong but that movements are of an earlier time than those before them."""
    found = {check for (check,) in database.rows("select check_name from maintenance.verify()")}
    assert found <= {"movement is no earlier than the last"}


@pytest.mark.parametrize("order", [(WEEK, -WEEK), (-WEEK, WEEK)], ids=["ahead first", "back first"])
def test_the_clock_jumps(order: tuple[timedelta, ...], database: Database, server: Server) -> None:
    product = database.product(quantity=10, p_cost_price=2, p_price=3)
    sku_id = database.sku_id(product)
    database.one("select maintenance.create_user('root', 'secret', 'admin')")
    admin = server.client(server.token("root", "secret"))

    def price() -> Any:
        return admin.get(f"/sku/{sku_id}").json()["price"]

    # Half a day ahead a price is to change; a block holds 4 of 10 for an hour; a call has its key.
    until = database.one("select inventory.instant_text(inventory.clock() + interval '1 hour')")
    starts = database.one("select inventory.instant_text(inventory.clock() + interval '12 hours')")
    held = admin.post(f"/sku/{sku_id}/temporary-block", json={"quantity": 4, "expires_at": until}).json()["block_id"]
    assert admin.post(
        f"/products/{product}/prices", json={"price_type": "retail", "amount": "4", "effective_from": starts}
    ).is_success
    once: dict[str, Any] = {"json": {"amount": 1}, "headers": {"Idempotency-Key": "once"}}
    add = f"/api/v1/inventory/{product}/addStock"
    assert admin.post(add, **once).status_code == 204

    sweep(database)
    now = timedelta()
    for jump in order:
        database.advance(jump)
        now += jump
        is_ahead = now > timedelta()
        # A week before there was none.
        active = 4 if is_ahead else None if now else 3
        assert price() == active
        # The units of a block can be had again ahead of its end, and are held before it, unless it was swept meanwhile.
        shown = admin.get(f"/sku/{sku_id}").json()
        assert shown["available"] >= 0
        assert shown["available"] == shown["quantity"] - shown["reserved"] - shown["blocked"]
        cancelled = admin.post(f"/temporary-blocks/{held}/cancel") if is_ahead else None
        assert cancelled is None or cancelled.json()["code"] == "BLOCK_EXPIRED"
        trade(admin, database, product)
        # The token is still good: the server's clock is another one. A key ahead of its day is a new one.
        again = admin.post(add, **once)
        assert again.status_code == 204
        assert ("Idempotent-Replayed" in again.headers) == (not is_ahead)
        sweep(database)
        assert price() == active
        listed = admin.get("/api/v1/products/", params={"min_price": "3.50"}).json()
        assert listed["count"] == (1 if is_ahead else 0)
        is_verified(database)
    assert now == timedelta()
    trade(admin, database, product)
    assert admin.get("/ready").status_code == 200
    # Movements are in the order in which they were made, whatever the time says.
    movements = admin.get(f"/inventory/{product}/movements", params={"per_page": 100}).json()["movements"]
    ids = [movement["id"] for movement in movements]
    assert ids == sorted(ids, reverse=True)
    for after, before in itertools.pairwise(movements):
        for balance in ("on_hand", "reserved", "blocked"):
            assert after[f"{balance}_before"] == before[f"{balance}_after"]
    assert any(after["created_at"] < before["created_at"] for after, before in itertools.pairwise(movements))
    ends = dict(database.rows("select status, count(*) from store.block group by 1"))
    assert ends == {"converted": 3, "expired" if order[0] > timedelta() else "active": 1}
    is_verified(database)
