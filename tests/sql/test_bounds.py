"""What one line of a posting may touch has a bound: past it the call is refused, and nothing is half done."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from tests.conftest import Database
from tests.sql.conftest import Call, Refused

pytestmark = pytest.mark.usefixtures("verified")

LIMIT = 10_000
COUNT_LIMIT = 5_000
DAY = timedelta(days=1)


def post(database: Database, line: str, count: int) -> None:
    """So many lines in one posting."""
    database.admin.execute(f"select inventory.post(array_agg({line})) from generate_series(1, {count})".encode())


def test_a_departure_takes_of_so_many_cost_layers(database: Database, call: Call, refused: Refused) -> None:
    product = database.product(p_cost_price=2)
    post(database, f"inventory.line('add', {product}, 1)", LIMIT + 1)
    with refused("IV046") as error:
        call("record_outflow", product, LIMIT + 1, role="inventory_admin")
    detail = json.loads(error.value.diag.message_detail or "")
    assert detail == {"possible": LIMIT, "requested": LIMIT + 1}
    outflow = call("record_outflow", product, LIMIT, role="inventory_admin")
    assert outflow is not None
    assert database.rows("select count(*), sum(cost) from store.cost_layer_use") == [(LIMIT, 2 * LIMIT)]
    call("record_outflow", product, 1, role="inventory_admin")
    assert database.stock(product) == (0, 0, 0)


def test_no_more_expired_blocks_end_than_it_takes(database: Database, call: Call, refused: Refused) -> None:
    product = database.product(quantity=LIMIT + 1)
    post(database, f"inventory.line('block', {product}, 1)", LIMIT + 1)
    database.advance(DAY)
    call("reserve_stock", product, 3)
    assert database.stock(product) == (LIMIT + 1, 3, LIMIT - 2)
    call("release_stock", product, 3)
    post(database, f"inventory.line('block', {product}, 1)", 3)
    database.advance(DAY)
    with refused("53400"):
        call("reserve_stock", product, LIMIT + 1)
    assert database.one("select inventory.end_expired_blocks(%s, 1)", product) == 1
    call("reserve_stock", product, LIMIT + 1)
    assert database.stock(product) == (LIMIT + 1, LIMIT + 1, 0)


def test_a_product_behind_its_bound_does_not_stop_the_batch(database: Database, call: Call) -> None:
    product, other = database.product("A-1", LIMIT + 1), database.product("A-2", 5)
    post(database, f"inventory.line('block', {product}, 1)", LIMIT + 1)
    database.advance(DAY)
    calls = [
        {"function": "reserve_stock", "arguments": {"p_id": str(each), "p_amount": str(amount)}}
        for each, amount in ((product, LIMIT + 1), (other, 2))
    ]
    rows = database.connect("inventory_operator").execute(
        "select error ->> 'sqlstate' from http.batch(%s) order by number", [json.dumps(calls)]
    )
    assert rows.fetchall() == [("53400",), (None,)]
    assert database.stock(other) == (5, 2, 0)


def test_a_count_has_so_many_lines(database: Database, call: Call, refused: Refused) -> None:
    lines = [{"title": "P", "sku": f"P-{number}", "category": 1, "brand": 1, "cost_price": 1, "selling_price": 1,
              "quantity": 1} for number in range(COUNT_LIMIT + 1)]  # fmt: skip
    database.admin.execute("select inventory.create_category('One'), inventory.create_brand('One')")
    database.admin.execute("select inventory.import_products(%s::jsonb)", [json.dumps(lines)])
    count = call("start_count", "RACK-A1-01")
    assert count is not None
    database.admin.execute(
        "insert into store.count_line (count_id, product_id, counted_quantity, booked_quantity, counted_by, counted_at)"
        " select %s, p.id, 2, 0, 'ann', inventory.clock() from store.product as p"
        " where p.sku not in ('P-0', 'P-1')", [count["id"]]
    )  # fmt: skip
    call("record_count_line", count["id"], "P-1", 2)
    with refused("22023") as error:
        call("record_count_line", count["id"], "P-0", 2)
    assert json.loads(error.value.diag.message_detail or "") == {"field": "lines"}
    call("record_count_line", count["id"], "P-1", 3)  # a line that is there may change
    call("close_count", count["id"])
    held = "select count(*), sum(quantity) from report.location_stock where location = 'RACK-A1-01'"
    assert database.rows(held) == [(COUNT_LIMIT, 2 * COUNT_LIMIT + 1)]


def test_each_kind_of_movement_is_defined_once(database: Database) -> None:
    source = database.one("select prosrc from pg_proc where oid = 'inventory.movement_kind'::regproc")
    listed = {kind for (kind,) in database.rows("select kind from inventory.movement_kinds()")}
    assert {line.split("'")[1] for line in source.splitlines() if line.strip().startswith("when '")} == listed
