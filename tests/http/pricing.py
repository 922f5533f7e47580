"""API 3 in a few words: what its tests make and buy and sell, and what its answers look like."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import httpx

from server.http.errors import Api
from server.http.routes import ROUTES
from tests.conftest import Database

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?")

PRICING = [route for route in ROUTES if route.api is Api.PRICING]

PIECE, LITRE, KILOGRAM = 1, 2, 3
# No id of the last is in any test's database; the others are no ids at all.
UNKNOWN = [0, 999_999, 2**63 - 1]
MALFORMED = ["abc", "-1", "1.0", "+1", "1e3", "%20", "%00", "%ff", "1%0a", "%D9%A1", str(2**63), "1" * 30, "null"]


def instant(text: str) -> datetime:
    """The time that the API prints: UTC, without an offset."""
    assert TIME.fullmatch(text), text
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def written(at: datetime) -> str:
    """As the API prints a time."""
    return at.astimezone(UTC).replace(tzinfo=None).isoformat()


def move_to(database: Database, at: datetime) -> None:
    """Set the clock, which then runs on."""
    database.advance(at - database.one("select inventory.clock()"))


def freeze(database: Database, at: datetime) -> None:
    """From now on it is this instant, for every session."""
    database.admin.execute(
        "create or replace function inventory.clock() returns timestamptz"
        " language sql stable parallel safe security definer set search_path = pg_catalog, pg_temp"
        f" as $$ select timestamptz '{at.isoformat()}' $$".encode()
    )


def made(answer: httpx.Response) -> Any:
    """The body of a 201."""
    assert answer.status_code == 201, answer.text
    return answer.json()


def shown(client: httpx.Client, path: str, /, **parameters: Any) -> Any:
    """The body of a GET that is answered."""
    answer = client.get(path, params=parameters or None)
    assert answer.status_code == 200, answer.text
    return answer.json()


def register(client: httpx.Client, sku: str = "POT-001", name: str = "Potatoes", **others: Any) -> int:
    """The id of a new product without an inventory."""
    return int(made(client.post("/products", json={"sku": sku, "name": name, **others}))["product"]["id"])


def initialize(client: httpx.Client, product_id: int, quantity: Any = 0, **others: Any) -> Any:
    sent = {"unit_id": KILOGRAM, "quantity": quantity, **others}
    return made(client.post(f"/inventory/{product_id}/initialize", json=sent))["inventory"]


def stocked(client: httpx.Client, sku: str = "POT-001", quantity: Any = 0, **others: Any) -> int:
    """The id of a new product with an inventory."""
    product_id = register(client, sku)
    initialize(client, product_id, quantity, **others)
    return product_id


def supplier(client: httpx.Client, **fields: Any) -> int:
    sent = {"name": "Fresh Farm Supplies", "phone_number": "+254700000000", **fields}
    return int(made(client.post("/suppliers", json=sent))["supplier"]["id"])


def buy(client: httpx.Client, product_id: int, supplier_id: int, quantity: Any, unit_cost: Any) -> httpx.Response:
    sent = {"product_id": product_id, "supplier_id": supplier_id, "quantity": quantity, "unit_cost": unit_cost}
    return client.post("/inventory/purchases", json=sent)


def sell(client: httpx.Client, product_id: int, quantity: Any, unit_price: Any = 60) -> httpx.Response:
    sent = {"product_id": product_id, "quantity": quantity, "unit_price": unit_price}
    return client.post("/inventory/sales", json=sent)


def give_back(client: httpx.Client, sale_id: int, quantity: Any = None, **others: Any) -> httpx.Response:
    return client.post(f"/inventory/sales/{sale_id}/returns", json={"quantity": quantity, **others})


def price(client: httpx.Client, product_id: int, amount: Any, **others: Any) -> Any:
    return made(client.post(f"/products/{product_id}/prices", json={"amount": amount, **others}))["price"]


def active(client: httpx.Client, product_id: int, /, **parameters: Any) -> str | None:
    """The amount of the active price; None where there is none."""
    answer = client.get(f"/products/{product_id}/prices/active", params=parameters)
    if answer.status_code == 404:
        assert answer.json()["code"] == "PRICE_NOT_FOUND"
        return None
    return str(answer.json()["price"]["amount"])


def valuation(client: httpx.Client, product_id: int, /, **parameters: Any) -> Any:
    return shown(client, f"/inventory/{product_id}/valuation", **parameters)["valuation"]


def balances(client: httpx.Client, product_id: int) -> tuple[str, str, str, str]:
    """(quantity, reserved, blocked, available) as GET /inventory/{product_id} has them."""
    found = shown(client, f"/inventory/{product_id}")["inventory"]
    return found["quantity"], found["reserved"], found["blocked"], found["available"]


def assert_holds(found: Any, sample: Any, place: str = "$") -> None:
    """The answer is the sample, to the type and the value; times have its form, and more keys are allowed."""
    assert type(found) is type(sample), f"{place}: {found!r}, not {sample!r}"
    if isinstance(sample, dict):
        assert found.keys() >= sample.keys(), f"{place}: no {sample.keys() - found.keys()}"
        for name, item in sample.items():
            assert_holds(found[name], item, f"{place}.{name}")
    elif isinstance(sample, list):
        assert len(found) == len(sample), place
        for i, item in enumerate(sample):
            assert_holds(found[i], item, f"{place}[{i}]")
    elif isinstance(sample, str) and TIME.fullmatch(sample):
        assert TIME.fullmatch(found), f"{place}: {found!r} is no time without an offset"
    else:
        assert found == sample, f"{place}: {found!r}, not {sample!r}"
