"""One stock behind the APIs: what API 4 does the others see, and the other way round."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

import httpx
import pytest

from tests.conftest import Database
from tests.http.art import (
    LOCATIONS,
    ORDERS,
    A,
    B,
    C,
    adding,
    adjusting,
    assert_error,
    assert_insufficient,
    counting,
    done,
    held,
    moving,
    place,
    removing,
)
from tests.http.pricing import balances, give_back, made, sell, shown, stocked, valuation
from tests.http.test_sku import block, create_sku
from tests.http.test_stock import create, do

Unchanged = Callable[[], AbstractContextManager[None]]


@pytest.fixture
def product(database: Database) -> int:
    """A-1 at 2.50 each, of which nothing is there yet."""
    return database.product("A-1", p_cost_price="2.5")


def seen(client: httpx.Client, product_id: int) -> tuple[Any, Any, Any, Any]:
    """(on hand, reserved, blocked, available), on which APIs 1, 2 and 3 agree."""
    second = client.get(f"/api/v1/inventory/{product_id}").json()
    found = second["onHandStock"], second["reservedStock"], second["blockedStock"], second["availableStock"]
    first = client.get(f"/sku/{second['sku_id']}").json()
    assert (first["quantity"], first["reserved"], first["blocked"], first["available"]) == found
    assert balances(client, product_id) == tuple(f"{item:.3f}" for item in found)
    return found


def test_what_it_does_the_others_see(admin: httpx.Client, database: Database, product: int) -> None:
    on_hand = 0
    for sent, change in (
        (adding(50), 50),
        (removing(20), -20),
        (moving(10), 0),
        (counting(25, A), 5),
        (counting(25, A), 0),
        (counting(4, B), -6),
        (adjusting(3, C), 3),
        (adjusting(-2, A), -2),
    ):
        done(admin, sent)
        on_hand += change
        assert seen(admin, product) == (on_hand, 0, 0, on_hand)
    assert held(admin) == {A: 23, B: 4, C: 3}
    database.verify()


def test_each_order_is_a_movement(admin: httpx.Client, database: Database, product: int) -> None:
    def newest() -> Any:
        return shown(admin, f"/inventory/{product}/movements")["movements"][0]

    before = "0.000"
    for sent, kind, change, after in (
        (adding(50, reason="Restocking"), "add", "50.000", "50.000"),
        (removing(20, reason="Damaged goods"), "remove", "-20.000", "30.000"),
        (moving(10), "transfer", "0.000", "30.000"),
        (counting(15, A), "count", "-5.000", "25.000"),
        (counting(12, B, reason="x"), "count", "2.000", "27.000"),
        (adjusting(-7, B), "adjust", "-7.000", "20.000"),
        (adjusting(1, C), "adjust", "1.000", "21.000"),
    ):
        body = done(admin, sent)
        movement = newest()
        assert (movement["kind"], movement["quantity"]) == (kind, change)
        assert (movement["on_hand_before"], movement["on_hand_after"]) == (before, after)
        assert (movement["reference"], movement["reason"]) == (str(body["operation_id"]), sent.get("reason"))
        assert (movement["actor"], movement["created_at"]) == ("root", body["timestamp"])
        before = after
    # What was found as it was booked is no movement.
    done(admin, counting(15, A))
    assert newest()["on_hand_after"] == before
    assert newest()["kind"] == "adjust"
    for names in (("reserved_before", "reserved_after"), ("blocked_before", "blocked_after")):
        assert {newest()[name] for name in names} == {"0.000"}


def test_arrivals_open_layers_at_the_cost_price_and_departures_use_them_up(
    admin: httpx.Client, database: Database, product: int
) -> None:
    def layers() -> list[tuple[str, str, str]]:
        found = valuation(admin, product)
        assert found["quantity"] == balances(admin, product)[0]
        return [(layer["remaining"], layer["unit_cost"], layer["remaining_value"]) for layer in found["layers"]]

    done(admin, adding(10, A))
    database.admin.execute("update store.product set cost_price = 4 where id = %s", [product])
    done(admin, counting(3, B), adjusting(2, C))
    assert layers() == [("10.000", "2.500", "25.000"), ("3.000", "4.000", "12.000"), ("2.000", "4.000", "8.000")]
    # First in, first out over the product, whatever the place; a transfer changes no value.
    done(admin, moving(3, B, A), removing(2, C))
    assert layers() == [("8.000", "2.500", "20.000"), ("3.000", "4.000", "12.000"), ("2.000", "4.000", "8.000")]
    done(admin, counting(4, A))
    assert layers() == [("2.000", "4.000", "8.000"), ("2.000", "4.000", "8.000")]
    assert valuation(admin, product)["total_value"] == "16.000"
    done(admin, adjusting(-4, A))
    assert (layers(), valuation(admin, product)["total_value"]) == ([], "0.000")
    database.admin.execute("update store.product set cost_price = null where id = %s", [product])
    done(admin, adding(1))
    assert valuation(admin, product)["quantity_without_cost"] == "1.000"
    database.verify()


def test_what_the_others_make_it_can_place(admin: httpx.Client, database: Database, unchanged: Unchanged) -> None:
    create_sku(admin, "S-1", 10)
    create(admin, sku="S-2", stock=20)
    stocked(admin, "S-3", "30.5")
    create_sku(admin, "S 4", 10)
    with unchanged():
        # What they made lies at no place.
        assert shown(admin, LOCATIONS)["locations"] == []
        for sku in ("S-1", "S-2", "S-3"):
            answer = place(admin, removing(1, sku=sku))
            assert assert_error(answer, 400, "INSUFFICIENT_STOCK") == {"held": 0}
        # A code that does not match its pattern it cannot take.
        assert place(admin, adding(1, sku="S 4")).status_code == 422
    for i, (sku, quantity) in enumerate((("S-1", 10), ("S-2", 20), ("S-3", 30.5)), 1):
        done(admin, adding(5, sku=sku))
        assert seen(admin, i)[0] == quantity + 5
        assert held(admin, sku) == {A: 5}
    database.verify()


def at_places(admin: httpx.Client, database: Database, unlocated: int = 2) -> int:
    """A product with some unlocated, then 5 at B, then 5 at A."""
    product_id = database.product("A-1", unlocated)
    done(admin, adding(5, B), adding(5, A))
    return product_id


def _sale(admin: httpx.Client, product_id: int, quantity: int) -> None:
    made(sell(admin, product_id, quantity))


def _consume(admin: httpx.Client, product_id: int, quantity: int) -> None:
    assert do(admin, product_id, "reserveStock", quantity).status_code == 204
    assert do(admin, product_id, "consumeStock", quantity).status_code == 204


def _convert(admin: httpx.Client, product_id: int, quantity: int) -> None:
    sku_id = admin.get(f"/api/v1/inventory/{product_id}").json()["sku_id"]
    block_id = block(admin, sku_id, quantity)["block_id"]
    assert admin.post(f"/temporary-blocks/{block_id}/convert-to-permanent").status_code == 200


def _patch(admin: httpx.Client, product_id: int, quantity: int) -> None:
    left = float(balances(admin, product_id)[0]) - quantity
    assert admin.patch(f"/inventory/{product_id}", json={"quantity": left}).status_code == 200


@pytest.mark.parametrize("leave", [_sale, _consume, _convert, _patch])
def test_a_departure_that_names_no_place_takes_unlocated_units_first_and_then_places_as_stock_arrived(
    admin: httpx.Client, database: Database, leave: Callable[[httpx.Client, int, int], None]
) -> None:
    product_id = at_places(admin, database)
    for quantity, left in ((1, {B: 5, A: 5}), (3, {B: 3, A: 5}), (5, {A: 3}), (3, {})):
        leave(admin, product_id, quantity)
        assert held(admin) == left
    assert seen(admin, product_id) == (0, 0, 0, 0)
    database.verify()


def test_a_place_that_was_empty_is_as_new_as_what_came_last(admin: httpx.Client, database: Database) -> None:
    product_id = at_places(admin, database, 0)
    done(admin, removing(5, B), adding(5, B))
    made(sell(admin, product_id, 1))
    assert held(admin) == {A: 4, B: 5}
    # What comes on top makes an older place no newer.
    done(admin, adding(1, A))
    made(sell(admin, product_id, 6))
    assert held(admin) == {B: 4}
    database.verify()


def test_what_arrives_by_the_others_lies_at_no_place(admin: httpx.Client, database: Database) -> None:
    product_id = at_places(admin, database, 0)
    sale = made(sell(admin, product_id, 6))["sale_item"]
    assert held(admin) == {A: 4}
    made(give_back(admin, sale["id"], 2))
    assert do(admin, product_id, "addStock", 3).status_code == 204
    assert admin.patch(f"/inventory/{product_id}", json={"quantity": 10}).status_code == 200
    assert held(admin) == {A: 4}
    # And leaves first.
    made(sell(admin, product_id, 6))
    assert held(admin) == {A: 4}
    made(sell(admin, product_id, 1))
    assert held(admin) == {A: 3}
    database.verify()


def test_a_promise_takes_from_no_place(admin: httpx.Client, database: Database) -> None:
    product_id = at_places(admin, database, 0)
    sku_id = database.sku_id(product_id)
    assert do(admin, product_id, "reserveStock", 3).status_code == 204
    made_block = block(admin, sku_id, 4)
    assert held(admin) == {A: 5, B: 5}
    assert do(admin, product_id, "releaseStock", 3).status_code == 204
    assert admin.post(f"/temporary-blocks/{made_block['block_id']}/cancel").status_code == 200
    assert held(admin) == {A: 5, B: 5}
    assert seen(admin, product_id) == (10, 0, 0, 10)


def test_what_is_promised_stays(admin: httpx.Client, database: Database, product: int, unchanged: Unchanged) -> None:
    done(admin, adding(20, A), adding(1, B))
    assert do(admin, product, "reserveStock", 10).status_code == 204
    block_id = block(admin, database.sku_id(product), 5)["block_id"]
    told = {"reserved": 10, "blocked": 5, "available": 6}
    with unchanged():
        for sent, at, there in (
            (removing(7, A), A, 20),
            (adjusting(-7, A), A, 20),
            (counting(13, A), A, 20),
            (counting(0, A), A, 20),
        ):
            assert_insufficient(place(admin, sent), at, held=there, **told)
            answer = admin.post(ORDERS, json={"orders": [sent], "atomic": True})
            assert_insufficient(answer, at, failed_index=0, held=there, **told)
    # A transfer changes no total: it may move all of them.
    done(admin, moving(20, A, C), removing(6, C))
    assert seen(admin, product) == (15, 10, 5, 0)
    with unchanged():
        for sent, at, there in ((removing(1, C), C, 14), (adjusting(-1, B), B, 1), (counting(0, B), B, 1)):
            found = assert_error(place(admin, sent), 400, "INSUFFICIENT_STOCK")
            assert found == told | {"held": there, "available": 0}, at
    # Each promise is kept.
    assert do(admin, product, "consumeStock", 10).status_code == 204
    assert admin.post(f"/temporary-blocks/{block_id}/convert-to-permanent").status_code == 200
    assert seen(admin, product) == (0, 0, 0, 0)
    assert held(admin) == {}
    database.verify()


def test_what_is_promised_may_lie_at_no_place(admin: httpx.Client, database: Database, unchanged: Unchanged) -> None:
    product_id = database.product("A-1", 10)
    done(admin, adding(10))
    assert do(admin, product_id, "reserveStock", 10).status_code == 204
    done(admin, removing(10))
    assert seen(admin, product_id) == (10, 10, 0, 0)
    done(admin, adding(1))
    with unchanged():
        assert_insufficient(place(admin, removing(2)), A, held=1)
    done(admin, counting(0))
    assert do(admin, product_id, "consumeStock", 10).status_code == 204
    database.verify()


def test_an_expired_block_stands_in_nobodys_way(
    admin: httpx.Client, database: Database, product: int, unchanged: Unchanged
) -> None:
    for sent in (removing(5), adjusting(-5), counting(0)):
        done(admin, adding(5))
        block(admin, database.sku_id(product), 3)
        with unchanged():
            assert_insufficient(place(admin, sent), A, held=5, reserved=0, blocked=3, available=2)
        database.advance(timedelta(minutes=16))
        done(admin, sent)
        assert (held(admin), seen(admin, product)) == ({}, (0, 0, 0, 0))
        database.verify()


def test_what_is_removed_the_others_cannot_have(
    admin: httpx.Client, database: Database, product: int, unchanged: Unchanged
) -> None:
    done(admin, adding(10), removing(4))
    with unchanged():
        assert sell(admin, product, 7).status_code == 400
        assert do(admin, product, "reserveStock", 7).status_code == 409
        sku_id = database.sku_id(product)
        assert admin.post(f"/sku/{sku_id}/temporary-block", json={"quantity": 7}).status_code == 409
    made(sell(admin, product, 6))
    with unchanged():
        assert_insufficient(place(admin, removing(1)), A, held=0)
