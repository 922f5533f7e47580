"""What the rules tell webhooks of: flows and prices, in the transaction in which they happen, and nothing else."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.conftest import Database
from tests.sql.conftest import AdminCall, Call, Refused
from tests.sql.test_webhooks import make


@pytest.fixture
def product(database: Database, admin_call: AdminCall) -> int:
    """A product of 10 at 5.00, and two endpoints that want all that is tested here, made after it."""
    admin_call("create_category", "Phones")
    admin_call("create_brand", "Apple")
    admin_call("create_supplier", "Fresh Farm")
    product: int = admin_call("create_catalog_product", "Mug", 1, 1, 2, 5, p_quantity=10, p_sku="MUG")["id"]
    for _ in range(2):
        make(database, "{outflow.created,inflow.created,price.changed}")
    make(database, "{stock.low}")
    return product


def told(database: Database) -> list[tuple[str, dict[str, Any]]]:
    """The events so far, oldest first: their types and data. Each is queued for the two endpoints, for no other."""
    found = database.rows("select e.id, e.type, e.payload::text from store.event as e order by e.created_at, e.id")
    for event_id, kind, _ in found:
        queued = database.rows(
            "select webhook_id, status from store.webhook_delivery where event_id = %s order by 1", event_id
        )
        assert queued == [(1, "pending"), (2, "pending")], kind
    messages = [json.loads(payload, parse_float=Decimal) for _, _, payload in found]
    assert [message["type"] for message in messages] == [kind for _, kind, _ in found]
    return [(message["type"], message["data"]) for message in messages]


def named(database: Database, product: int) -> dict[str, Any]:
    return {"id": product, "sku": "MUG", "sku_id": database.sku_id(product), "title": "Mug"}


def test_an_outflow_and_an_inflow(database: Database, admin_call: AdminCall, product: int) -> None:
    admin_call("record_outflow", product, 4, "Sale to customer #1234")
    admin_call("record_inflow", product, 1, 50)
    outflow = {"id": 1, "product": named(database, product), "quantity": 4, "on_hand": 6}
    inflow = {"id": 1, "product": named(database, product), "quantity": 50, "on_hand": 56}
    assert told(database) == [
        ("outflow.created", outflow | {"description": "Sale to customer #1234"}),
        ("inflow.created", inflow | {"supplier": {"id": 1, "name": "Fresh Farm"}, "description": None}),
    ]
    at = database.rows("select created_at from store.outflow union all select created_at from store.inflow")
    said = database.rows("select (payload ->> 'timestamp')::timestamptz from store.event order by created_at, id")
    assert said == at


def test_what_fails_or_is_rolled_back_tells_nothing(
    database: Database, admin_call: AdminCall, product: int, refused: Refused
) -> None:
    with refused("IV001"):
        admin_call("record_outflow", product, 11)
    with refused("IV023"):
        admin_call("record_inflow", product, 99, 1)
    with database.admin.transaction(force_rollback=True):
        database.admin.execute("select inventory.record_outflow(%s, 1)", [product])
        database.admin.execute("select inventory.record_inflow(%s, 1, 1)", [product])
        database.admin.execute("select inventory.set_price(%s, 6)", [product])
        assert [kind for kind, _ in told(database)] == ["outflow.created", "inflow.created", "price.changed"]
    assert told(database) == []
    assert database.stock(product) == (10, 0, 0)


def test_no_other_movement_is_a_flow(database: Database, admin_call: AdminCall, call: Call, product: int) -> None:
    call("add_stock", product, 5)
    admin_call("record_sale", product, 2, 5)
    admin_call("record_purchase", product, 1, 3, 2)
    admin_call("update_catalog_product", product, p_quantity=7)
    assert told(database) == []
    admin_call("record_outflow", product, 1)
    admin_call("delete_outflow", 1)
    assert len(told(database)) == 1


def test_a_price_that_changes_at_once(database: Database, admin_call: AdminCall, product: int) -> None:
    def price(kind: str, amount: Any, before: Any) -> tuple[str, dict[str, Any]]:
        data = {"product": named(database, product), "price_type": kind, "amount": amount, "previous_amount": before}
        return "price.changed", data

    admin_call("update_catalog_product", product, p_selling_price=5)
    assert told(database) == [], "the price that it has"
    admin_call("update_catalog_product", product, p_selling_price="5.99")
    admin_call("set_price", product, 4, "promo")
    admin_call("set_price", product, "5.99")
    assert told(database) == [price("retail", Decimal("5.99"), 5), price("promo", 4, None)]


def test_a_price_that_changes_later(database: Database, admin_call: AdminCall, product: int) -> None:
    begins = database.one("select inventory.clock()") + timedelta(hours=1)
    ends = begins + timedelta(hours=1)
    admin_call("set_price", product, 3, "promo", begins, ends)
    assert told(database) == []
    changes = [(3, None), (None, 3)]
    for number in (1, 2):
        database.advance(timedelta(hours=1, minutes=1))
        assert database.one("select maintenance.turn_prices()") == 1
        found = [(data["amount"], data["previous_amount"]) for _, data in told(database)]
        assert found == changes[:number]
    said = database.rows("select (payload ->> 'timestamp')::timestamptz from store.event order by created_at, id")
    assert said == [(begins,), (ends,)], "when it changed, not when that was noticed"
    assert database.one("select maintenance.turn_prices()") == 0


def test_a_price_that_is_set_tells_first_what_changed_before(
    database: Database, admin_call: AdminCall, product: int
) -> None:
    """Also where no job has noticed it yet."""
    admin_call("set_price", product, 6, p_effective_from=database.one("select inventory.clock()") + timedelta(hours=1))
    database.advance(timedelta(hours=2))
    admin_call("set_price", product, 7)
    assert [(data["amount"], data["previous_amount"]) for _, data in told(database)] == [(6, 5), (7, 6)]


def test_an_import_tells_each_price(database: Database, admin_call: AdminCall, product: int) -> None:
    lines = [
        {"title": "Cup", "category": 1, "brand": 1, "cost_price": 1, "selling_price": n, "sku": f"C-{n}"}
        for n in (1, 2, 3)
    ]
    assert admin_call("import_products", json.dumps(lines)) == {"import_products": 3}
    found = [(data["product"]["sku"], data["amount"], data["previous_amount"]) for _, data in told(database)]
    assert sorted(found) == [("C-1", 1, None), ("C-2", 2, None), ("C-3", 3, None)]


@pytest.mark.parametrize(
    ("at", "text"),
    [
        ("2030-01-01 12:00:00+00", "2030-01-01T12:00:00Z"),
        ("2030-01-01 12:00:05+00", "2030-01-01T12:00:05Z"),
        ("2030-01-01 14:00:05.000001+02", "2030-01-01T12:00:05.000001Z"),
        ("2030-01-01 12:00:05.5+00", "2030-01-01T12:00:05.500000Z"),
    ],
)
def test_an_instant_has_a_fraction_where_it_is_none_of_a_whole_second(database: Database, at: str, text: str) -> None:
    assert database.one("select inventory.instant_text(%s)", at) == text


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo"])
def test_a_time_without_an_offset_is_utc_whatever_the_sessions_zone(database: Database, zone: str) -> None:
    database.admin.execute(f"set timezone = '{zone}'".encode())
    for text in ("2030-01-01T12:00:05", "2030-01-01T12:00:05Z", "2030-01-01T14:00:05+02:00"):
        meant = database.one("select inventory.instant_text(inventory.earliest_instant(%s))", text)
        assert meant == "2030-01-01T12:00:05Z"
