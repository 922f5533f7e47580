"""What a call must say: without it every function refuses the call by the argument's name, and changes nothing."""

from __future__ import annotations

import json
from typing import Any

import psycopg
import pytest

from tests.conftest import Database
from tests.sql.conftest import contents

# Of no product: what a call must say comes first.
NOBODY = {"p_product_id": "99"}
SUPPLIER = {"p_supplier_id": "1"}
COUNT = {"p_count_id": "1"}
ONCE = {"p_caller": "'ann'", "p_key": "'k'", "p_request": "'r'", "p_function": "'add_stock'", "p_arguments": "'{}'"}
CATALOG = {"p_title": "'Mug'", "p_category_id": "1", "p_brand_id": "1", "p_cost_price": "1", "p_selling_price": "2"}
USER = {"p_username": "'ann'", "p_password": "'long enough'", "p_role": "'admin'"}
WEBHOOK = {"p_url": "'https://example.org'", "p_events": "'{stock.low}'"}
EVENTS = {"p_event": "'stock.low'", "p_data": "array['{}'::json]", "p_occurred_at": "array[now()]"}
HOLD = {"p_owner": "'cart'"}
ORDER = {"p_type": "'Add'", "p_sku": "'nothing'", "p_quantity": "1", "p_to_location": "'RACK-A1-01'"}

# The function, its arguments as SQL, and what an error calls each that must be there.
REQUIRED: tuple[tuple[str, dict[str, str], dict[str, str]], ...] = (
    ("http.once", ONCE, {"p_caller": "caller", "p_key": "key", "p_request": "request", "p_function": "function"}),
    (
        "inventory.claim_deliveries",
        {"p_limit": "1", "p_per_webhook": "1"},
        {"p_limit": "limit", "p_per_webhook": "limit"},
    ),
    ("inventory.create_blocks", {}, {"p_lines": "items"}),
    ("inventory.create_brand", {}, {"p_name": "name"}),
    ("inventory.create_category", {}, {"p_name": "name"}),
    (
        "inventory.create_catalog_product",
        CATALOG,
        {name: name.removeprefix("p_").removesuffix("_id") for name in CATALOG},
    ),
    ("inventory.create_product", {"p_sku": "'A-2'", "p_name": "'Mug'"}, {"p_sku": "sku", "p_name": "name"}),
    ("inventory.create_supplier", {}, {"p_name": "name"}),
    ("inventory.create_unit", {"p_name": "'box'", "p_symbol": "'b'"}, {"p_name": "name", "p_symbol": "symbol"}),
    ("inventory.create_user", USER, {name: name.removeprefix("p_") for name in USER}),
    ("inventory.create_webhook", WEBHOOK, {"p_url": "url", "p_events": "events"}),
    ("inventory.cancel_hold", {}, {"p_owner": "owner"}),
    ("inventory.convert_hold", {}, {"p_owner": "owner"}),
    ("inventory.extend_hold", HOLD | {"p_expires_at": "now()"}, {"p_owner": "owner", "p_expires_at": "expires_at"}),
    ("inventory.import_products", {}, {"p_lines": "lines"}),
    ("inventory.initialize_inventory", {"p_product_id": "1"}, {"p_unit_id": "unit_id"}),
    ("inventory.place_order", ORDER, {"p_type": "type", "p_sku": "sku", "p_quantity": "quantity"}),
    ("inventory.place_orders", {}, {"p_orders": "orders"}),
    ("inventory.queue_events", EVENTS, {name: name.removeprefix("p_") for name in EVENTS}),
    (
        "inventory.record_count_line",
        COUNT | {"p_sku": "'A-1'", "p_quantity": "1"},
        {"p_sku": "sku", "p_quantity": "quantity"},
    ),
    ("inventory.record_count_lines", COUNT, {"p_lines": "lines"}),
    ("inventory.record_inflow", NOBODY | SUPPLIER, {"p_quantity": "quantity"}),
    ("inventory.record_outflow", NOBODY, {"p_quantity": "quantity"}),
    (
        "inventory.record_purchase",
        NOBODY | {"p_quantity": "1", "p_unit_cost": "1"} | SUPPLIER,
        {"p_quantity": "quantity", "p_unit_cost": "unit_cost"},
    ),
    (
        "inventory.record_sale",
        NOBODY | {"p_quantity": "1", "p_unit_price": "1"},
        {"p_quantity": "quantity", "p_unit_price": "unit_price"},
    ),
    ("inventory.require_period", {"p_from": "now()", "p_to": "now()"}, {"p_from": "from", "p_to": "to"}),
    ("inventory.reserve_stock", {"p_product_id": "1"}, {"p_amount": "quantity"}),
    ("inventory.set_hold", HOLD | {"p_items": "'{}'"}, {"p_owner": "owner", "p_items": "items"}),
    ("inventory.set_price", NOBODY, {"p_amount": "amount"}),
    ("inventory.start_count", {}, {"p_location": "location"}),
    ("maintenance.expire_blocks", {}, {"p_limit": "limit"}),
)


def test_what_is_required(database: Database, subtests: pytest.Subtests) -> None:
    assert database.product(quantity=10) == 1
    database.admin.execute("select inventory.create_supplier('Fresh Farm')")
    database.admin.execute("select inventory.start_count('RACK-A1-01')")
    database.admin.execute("select inventory.create_category('Phones'), inventory.create_brand('Apple')")
    before = contents(database)
    for function, arguments, names in REQUIRED:
        for missing, field in names.items():
            given: dict[str, Any] = arguments | {missing: "null"}
            query = f"select {function}({', '.join(f'{name} => {value}' for name, value in given.items())})"
            with subtests.test(function, missing=missing):
                with pytest.raises(psycopg.Error) as error:
                    database.admin.execute(query.encode())
                assert error.value.sqlstate == "22004"
                assert json.loads(error.value.diag.message_detail or "null") == {"field": field}
    assert contents(database) == before


def test_a_limit_of_nothing_and_a_period_of_an_instant_are_no_error(database: Database) -> None:
    assert database.one("select maintenance.expire_blocks(0)") == 0
    database.admin.execute("select inventory.require_period(now(), now())")
    with pytest.raises(psycopg.errors.InvalidParameterValue):
        database.admin.execute("select maintenance.expire_blocks(-1)")
    with pytest.raises(psycopg.errors.InvalidParameterValue):
        database.admin.execute("select inventory.require_period(now(), now() - interval '1 microsecond')")
