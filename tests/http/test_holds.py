"""API 1's holds: the blocks of a cart or an order, all together."""

from __future__ import annotations

import uuid
from datetime import timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from tests.conftest import Database
from tests.http.document import exact
from tests.http.test_sku import (
    NOBODY,
    Unchanged,
    assert_invalid,
    assert_refused,
    block,
    create_sku,
    instant,
    stock,
    tomorrow_noon,
    written,
)

CART = "/holds/cart-7"


def put(client: httpx.Client, *items: tuple[str, Any], path: str = CART, **others: Any) -> dict[str, Any]:
    body = {"items": [{"sku_id": sku_id, "quantity": quantity} for sku_id, quantity in items], **others}
    answer = client.put(path, json=body)
    assert answer.status_code == 200, answer.text
    made: dict[str, Any] = exact(answer.text)
    return made


def test_a_cart_from_the_first_item_to_the_payment(client: httpx.Client, database: Database) -> None:
    mug, pot = create_sku(client, "MUG", 3), create_sku(client, "POT", 5)
    assert exact(client.get(CART).text) == {"owner": "cart-7", "blocks": [], "total": 0}
    made = put(client, (mug, 2), (pot, "1.5"), reason="checkout")
    assert made.keys() == {"owner", "blocks", "total", "missing"}
    assert (made["owner"], made["total"], made["missing"]) == ("cart-7", 2, [])
    first, second = made["blocks"]
    assert first.keys() == {
        *("block_id", "sku_id", "quantity", "reason", "status", "expires_at", "created_at", "owner", "kit_block_id"),
    }
    assert (first["sku_id"], first["quantity"], first["reason"], first["owner"]) == (mug, 2, "checkout", "cart-7")
    assert (second["sku_id"], second["quantity"]) == (pot, Decimal("1.5"))
    lasts = instant(first["expires_at"]) - instant(first["created_at"])
    assert timedelta(minutes=14) < lasts <= timedelta(minutes=15)
    del made["missing"]
    assert exact(client.get(CART).text) == made

    changed = put(client, (mug, 3), (pot, "1.5"), expires_at=written(tomorrow_noon()))
    assert changed["blocks"][0] == second | {"expires_at": written(tomorrow_noon())}
    assert (changed["blocks"][1]["quantity"], changed["blocks"][1]["expires_at"]) == (3, written(tomorrow_noon()))
    assert stock(client, mug) == (3, 0, 3, 0)

    later = written(tomorrow_noon() + timedelta(hours=1))
    extended = exact(client.post(f"{CART}/extend", json={"expires_at": later}).text)
    assert extended == {"owner": "cart-7", "blocks": exact(client.get(CART).text)["blocks"], "total": 2}
    assert {each["expires_at"] for each in extended["blocks"]} == {later}

    answer = client.post(f"{CART}/convert-to-permanent", json={"reason": "paid"})
    assert answer.status_code == 200, answer.text
    converted = exact(answer.text)
    assert (converted["owner"], converted["total"]) == ("cart-7", 2)
    assert [each.keys() for each in converted["blocks"]] == [
        {"block_id", "status", "quantity", "converted_at", "reason"}
    ] * 2
    assert [(each["status"], each["quantity"], each["reason"]) for each in converted["blocks"]] == [
        ("converted", Decimal("1.5"), "paid"),
        ("converted", 3, "paid"),
    ]
    assert stock(client, mug) == (0, 0, 0, 0)
    assert_refused(client.post(f"{CART}/convert-to-permanent"), 409, "BLOCK_CONVERTED")
    database.verify()


def test_a_cart_is_cancelled_with_and_without_a_body(client: httpx.Client) -> None:
    mug = create_sku(client, "MUG", 3)
    assert exact(client.post(f"{CART}/cancel").text) == {"owner": "cart-7", "blocks": [], "total": 0}
    made = put(client, (mug, 2))
    cancelled = exact(client.post(f"{CART}/cancel", json={"reason": "left"}).text)
    assert cancelled["total"] == 1
    (one,) = cancelled["blocks"]
    assert one.keys() == {"block_id", "status", "cancelled_at", "reason"}
    assert (one["block_id"], one["status"], one["reason"]) == (made["blocks"][0]["block_id"], "cancelled", "left")
    assert stock(client, mug) == (3, 0, 0, 3)
    for step in ("convert-to-permanent", "extend"):
        answer = client.post(f"{CART}/{step}", json={"expires_at": written(tomorrow_noon())})
        assert_refused(answer, 409, "BLOCK_CANCELLED")
        answer = client.post(f"/holds/nobody/{step}", json={"expires_at": written(tomorrow_noon())})
        assert_refused(answer, 404, "BLOCK_NOT_FOUND")


def test_what_has_expired_is_never_left_out_silently(
    client: httpx.Client, database: Database, unchanged: Unchanged
) -> None:
    mug, pot = create_sku(client, "MUG", 3), create_sku(client, "POT", 3)
    put(client, (mug, 1))
    block(client, pot, 1, owner="cart-7", expires_at=written(tomorrow_noon()))
    database.advance(timedelta(minutes=15))
    assert [each["sku_id"] for each in client.get(CART).json()["blocks"]] == [pot]
    with unchanged():
        assert_refused(client.post(f"{CART}/convert-to-permanent"), 409, "BLOCK_EXPIRED")
        answer = client.post(f"{CART}/extend", json={"expires_at": written(tomorrow_noon())})
        assert_refused(answer, 409, "BLOCK_EXPIRED")
    put(client, (pot, 1))
    assert client.post(f"{CART}/convert-to-permanent").json()["total"] == 1


def test_in_part_the_answer_says_what_is_missing(client: httpx.Client, unchanged: Unchanged) -> None:
    mug, pot, jar = (create_sku(client, code, 5) for code in ("MUG", "POT", "JAR"))
    put(client, (mug, 3), (jar, 5), path="/holds/other")
    items = [{"sku_id": sku, "quantity": quantity} for sku, quantity in ((mug, 1), (jar, 1), (pot, 2), (mug, "1.5"))]
    for sent in ({}, {"allow_partial": False}, {"allow_partial": None}):
        with unchanged():
            assert_refused(client.put(CART, json={"items": items, **sent}), 409, "INSUFFICIENT_STOCK")
            assert_refused(client.post("/temporary-blocks", json={"items": items, **sent}), 409, "INSUFFICIENT_STOCK")
    missing = [
        {"sku_id": mug, "requested": Decimal("2.5"), "held": 2, "missing": Decimal("0.5")},
        {"sku_id": jar, "requested": 1, "held": 0, "missing": 1},
    ]
    made = exact(client.put(CART, json={"items": items, "allow_partial": True}).text)
    assert [(each["sku_id"], each["quantity"]) for each in made["blocks"]] == [(mug, 2), (pot, 2)]
    assert (made["total"], made["missing"]) == (2, missing)
    client.post(f"{CART}/cancel")
    made = exact(client.post("/temporary-blocks", json={"items": items, "allow_partial": True}).text)
    assert made.keys() == {"blocks", "total", "missing"}
    assert [(each["sku_id"], each["quantity"]) for each in made["blocks"]] == [(mug, 1), (pot, 2), (mug, 1)]
    assert (made["total"], made["missing"]) == (3, missing)
    nothing = client.post("/temporary-blocks", json={"items": items[:2], "allow_partial": True})
    assert (nothing.status_code, nothing.json()["blocks"], nothing.json()["total"]) == (200, [], 0)
    unknown = [*items, {"sku_id": NOBODY, "quantity": 1}]
    for method, path in (("PUT", CART), ("POST", "/temporary-blocks")):
        answer = client.request(method, path, json={"items": unknown, "allow_partial": True})
        assert_refused(answer, 404, "PRODUCT_NOT_FOUND")


def test_every_block_shows_its_owner(client: httpx.Client) -> None:
    mug = create_sku(client, "MUG", 9)
    owned = block(client, mug, 1, owner="cart-7")
    free = block(client, mug, 1)
    answer = client.post("/temporary-blocks", json={"items": [{"sku_id": mug, "quantity": 2}], "owner": "cart-8"})
    several = answer.json()
    assert (owned["owner"], free["owner"], several["blocks"][0]["owner"]) == ("cart-7", None, "cart-8")
    assert several["missing"] == []
    assert [each["owner"] for each in client.get(f"/sku/{mug}").json()["blocks"]] == ["cart-7", None, "cart-8"]
    listed = client.get("/temporary-blocks").json()
    assert [each["owner"] for each in listed["blocks"]] == ["cart-7", None, "cart-8"]
    for owner, count in (("cart-7", 1), ("nobody", 0), ("", 3)):
        answer = client.get("/temporary-blocks", params={"owner": owner, "sku_id": mug, "limit": 9})
        assert answer.json()["total"] == len(answer.json()["blocks"]) == count
    assert client.get("/temporary-blocks", params={"owner": "cart-7", "after": owned["block_id"]}).json() == {
        "blocks": [],
        "total": 1,
    }
    answer = client.post(f"/temporary-blocks/{owned['block_id']}/extend", json={"expires_at": written(tomorrow_noon())})
    assert answer.json()["owner"] == "cart-7"


@pytest.mark.parametrize("owner", ["order/7", "a b", "50%", "%2F", "?", "#", "é😀", "..a", "x" * 64, "a+b", "[1]"])
def test_an_owner_in_the_path_is_any_code(client: httpx.Client, owner: str) -> None:
    mug = create_sku(client, "MUG", 9)
    path = f"/holds/{quote(owner, safe='')}"
    assert put(client, (mug, 2), path=path)["owner"] == owner
    assert client.get(path).json()["total"] == 1
    assert client.get("/temporary-blocks", params={"owner": owner}).json()["total"] == 1
    assert client.post(f"{path}/extend", json={"expires_at": written(tomorrow_noon())}).json()["owner"] == owner
    assert client.post(f"{path}/convert-to-permanent").json()["total"] == 1
    assert client.post(f"{path}/cancel").json()["total"] == 0


def test_an_owner_is_one_however_its_accents_were_typed(client: httpx.Client) -> None:
    mug = create_sku(client, "MUG", 9)
    block(client, mug, 1, owner="cafe\u0301")
    for path in ("/holds/caf%C3%A9", "/holds/cafe%CC%81"):
        assert (client.get(path).json()["owner"], client.get(path).json()["total"]) == ("caf\u00e9", 1)
    assert client.get("/holds/CAF%C3%89").json()["total"] == 0, "case counts"


@pytest.mark.parametrize("owner", ["%20a", "a%20", "a%0Ab", "x" * 65, "%00", "a%E2%80%8Bb"])
def test_what_is_no_owner_is_refused(client: httpx.Client, owner: str) -> None:
    for method, step in (("GET", ""), ("PUT", ""), *(("POST", f"/{s}") for s in ("extend", "cancel"))):
        assert_invalid(client.request(method, f"/holds/{owner}{step}", json=None), "path", "owner")
    assert_invalid(client.post(f"/sku/{NOBODY}/temporary-block", json={"quantity": 1, "owner": " a"}), "body", "owner")
    assert_invalid(client.get("/temporary-blocks", params={"owner": " a"}), "query", "owner")


@pytest.mark.parametrize(
    ("body", "loc"),
    [
        ({}, ["items"]),
        ({"items": None}, ["items"]),
        ({"items": {}}, ["items"]),
        ({"items": [{"sku_id": NOBODY, "quantity": 1}] * 101}, ["items"]),
        ({"items": [{"sku_id": NOBODY}]}, ["items", 0, "quantity"]),
        ({"items": [{"sku_id": NOBODY, "quantity": 0}]}, ["items", 0, "quantity"]),
        ({"items": [{"sku_id": "x", "quantity": 1}]}, ["items", 0, "sku_id"]),
        ({"items": [], "expires_at": "soon"}, ["expires_at"]),
        ({"items": [], "expires_at": "2001-01-01T00:00:00Z"}, ["expires_at"]),
        ({"items": [], "expires_at": "2999-01-01T00:00:00Z"}, ["expires_at"]),
        ({"items": [], "allow_partial": "maybe"}, ["allow_partial"]),
        ({"items": [], "reason": 5}, ["reason"]),
    ],
)
def test_what_no_cart_can_be_is_refused(
    client: httpx.Client, unchanged: Unchanged, body: dict[str, Any], loc: list[Any]
) -> None:
    put(client, (create_sku(client), 1))
    with unchanged():
        assert_invalid(client.put(CART, json=body), "body", *loc)


def test_extending_needs_an_end_that_may_be(client: httpx.Client, unchanged: Unchanged) -> None:
    put(client, (create_sku(client), 1))
    with unchanged():
        for body in ({}, {"expires_at": "2001-01-01T00:00:00Z"}, {"expires_at": "2999-01-01T00:00:00Z"}):
            assert_invalid(client.post(f"{CART}/extend", json=body), "body", "expires_at")


def test_a_payment_that_is_sent_again_is_one(client: httpx.Client) -> None:
    mug = create_sku(client, "MUG", 3)
    put(client, (mug, 2))
    key = {"Idempotency-Key": str(uuid.uuid4())}
    first, again = (client.post(f"{CART}/convert-to-permanent", headers=key) for _ in range(2))
    assert (again.status_code, again.text) == (first.status_code, first.text) == (200, first.text)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert stock(client, mug) == (1, 0, 0, 1)
    answers = [client.put(CART, json={"items": [{"sku_id": mug, "quantity": 1}]}) for _ in range(3)]
    assert len({answer.text for answer in answers}) == 1, "a PUT may be sent again without a key"
