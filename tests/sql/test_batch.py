"""http.batch: many calls in one transaction, none of which knows of the others."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from tests.conftest import Database
from tests.sql.conftest import Refused

pytestmark = pytest.mark.usefixtures("verified")

Row = dict[str, Any]
Batch = Callable[..., list[Row]]

ALONE = "This call has to be made alone."
UNKNOWN = "00000000-0000-7000-8000-000000000000"


def entry(function: str, /, **arguments: Any) -> dict[str, Any]:
    """A call; arguments without their p_."""
    return {"function": function, "arguments": {f"p_{name}": value for name, value in arguments.items()}}


def reserve(product: int, amount: Any = 1) -> dict[str, Any]:
    return entry("reserve_stock", id=str(product), amount=str(amount), actor="ann")


def ask(connection: psycopg.Connection[Any], calls: list[dict[str, Any]]) -> list[Row]:
    """The rows in the calls' order, each with a number of its own."""
    rows = (
        connection.cursor(row_factory=dict_row).execute("select * from http.batch(%s)", [json.dumps(calls)]).fetchall()
    )
    assert sorted(row["number"] for row in rows) == list(range(1, len(calls) + 1))
    return sorted(rows, key=lambda row: row["number"])


def sqlstates(rows: list[Row]) -> list[str | None]:
    """None: it was done."""
    return [row["error"] and row["error"]["sqlstate"] for row in rows]


@pytest.fixture
def admin(database: Database) -> psycopg.Connection[Any]:
    return database.connect("inventory_admin")


@pytest.fixture
def batch(admin: psycopg.Connection[Any]) -> Batch:
    """batch(call, …): the rows in the calls' order; the admin calls."""
    return lambda *calls: ask(admin, list(calls))


# Which functions


def definition(database: Database, name: str) -> str:
    return str(database.one("select prosrc from pg_proc where oid = %s::regproc", f"http.{name}"))


def test_each_function_is_called_with_its_own_arguments(database: Database) -> None:
    """What a line is made of is what the signature takes."""
    branches = re.findall(
        r"when p_function (?:= |in \()'(.*?) then\n(.*?)(?=\n        when |\n    end case)",
        definition(database, "prepare_line"),
        re.DOTALL,
    )
    written = {name: text for names, text in branches for name in re.findall(r"\w+", names)}
    written["place_order"] = definition(database, "prepare_order").replace("p_arguments ->>", "a ->>")
    assert set(written) == set(database.one("select http.batch_functions()"))
    for name, text in written.items():
        signature = database.rows(
            """
            select p.proargnames[a.position], format_type(a.type, null)
            from pg_proc as p, unnest(p.proargtypes::oid[]) with ordinality as a (type, position)
            where p.oid = %s::regproc
            """,
            f"http.{name}",
        )
        for argument, kind in signature:
            if argument not in {"p_actor", "p_expected"}:  # a call with p_expected is no line
                assert f"a ->> '{argument}'" in text, name
                if kind not in {"text", "timestamp with time zone"} and name != "place_order":
                    assert f"(a ->> '{argument}')::{kind}" in text, name
        known = {argument for argument, _ in signature}
        if name != "cancel_block":  # whose quantity, of convert_block beside it, is nothing
            assert set(re.findall(r"a ->> '(p_\w+)'", text)) <= known, name


def test_each_does_what_it_does_alone(database: Database, batch: Batch) -> None:
    product = database.product("A-1", 100, p_cost_price=2)
    supplier = database.one("select id from inventory.create_supplier('Acme', '+254700')")
    sku_id = database.sku_id(product)
    database.one("select inventory.place_order('Add', 'A-1', 5, p_to_location => 'RACK-A1-01')")

    first = [
        entry("add_stock", id=str(product), amount="10"),
        entry("reserve_stock", id=sku_id, amount="9"),
        entry("consume_stock", id=str(product), amount="3"),
        entry("release_stock", id=str(product), amount="2"),
        entry("create_block", sku_id=sku_id, quantity="4", reason="held"),
        entry("create_block", sku_id=sku_id, quantity="3", owner="cart-7"),
        entry("create_sale", product_id=product, quantity="5", unit_price="9.99"),
        entry("create_purchase", product_id=product, supplier_id=supplier, quantity="6", unit_cost="3"),
        entry("create_inflow", supplier=supplier, product=product, quantity=7),
        entry("create_outflow", product=product, quantity=2, description="gone"),
        entry("place_order", type="Add", sku="A-1", quantity=1, to_location="RACK-A1-01"),
        entry("place_order", type="Remove", sku="A-1", quantity=1, from_location="RACK-A1-01"),
    ]
    rows = batch(*first)
    assert sqlstates(rows) == [None] * len(first)
    assert not any(row["replayed"] for row in rows)
    assert [row["result"] for row in rows[:4]] == [None] * 4
    blocks = [row["result"]["block_id"] for row in rows[4:6]]
    assert rows[4]["result"]["reason"] == "held"
    assert [row["result"]["owner"] for row in rows[4:6]] == [None, "cart-7"]

    then = [
        entry("convert_block", block_id=blocks[0], quantity="1"),
        entry("cancel_block", block_id=blocks[1], reason="no"),
    ]
    rows = batch(*then)
    assert sqlstates(rows) == [None, None]
    assert [row["result"]["status"] for row in rows] == ["converted", "cancelled"]
    assert {call["function"] for call in first + then} == set(database.one("select http.batch_functions()"))
    # 100 + 5 + 10 - 3 - 5 + 6 + 7 - 2 + 1 - 1 - 1
    assert database.stock(product) == (117, 4, 0)


@pytest.mark.parametrize(
    ("function", "sqlstate"),
    [("list_products", "42501"), ("create_sku", "42501"), ("no_such", "42501"), (None, "42501")],
)
def test_no_other_function_can_be_called(database: Database, batch: Batch, function: str, sqlstate: str) -> None:
    product = database.product(quantity=5)
    rows = batch({"function": function, "arguments": {}}, reserve(product))
    assert sqlstates(rows) == [sqlstate, None]


def test_a_role_calls_what_it_may_call_alone(database: Database) -> None:
    product = database.product(quantity=5)
    sale = entry("create_sale", product_id=product, quantity="1", unit_price="1")
    rows = ask(database.connect("inventory_operator"), [sale, reserve(product), sale])
    assert sqlstates(rows) == ["42501", None, "42501"]
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        ask(database.connect("inventory_public"), [reserve(product)])
    assert database.stock(product) == (5, 1, 0)


def test_nothing_to_do_is_done(batch: Batch) -> None:
    assert batch() == []


# Each for itself


def test_an_error_is_its_calls_alone(database: Database, batch: Batch) -> None:
    few, many = database.product("A-1", 2), database.product("A-2", 100)
    rows = batch(reserve(few, 2), reserve(many), reserve(few), reserve(9999), reserve(many, "0.0001"), reserve(many))
    assert sqlstates(rows) == [None, None, "IV001", "IV003", "23514", None]
    assert database.stock(few) == (2, 2, 0)
    assert database.stock(many) == (100, 2, 0)


def test_an_error_is_told_as_it_is_alone(database: Database, batch: Batch, admin: psycopg.Connection[Any]) -> None:
    product = database.product(quantity=2)
    (row,) = batch(reserve(product, 3))
    with pytest.raises(psycopg.Error) as caught:
        admin.execute("select http.reserve_stock(%s, 3)", [str(product)])
    diag = caught.value.diag
    assert row["error"] == {
        "sqlstate": diag.sqlstate,
        "message": diag.message_primary,
        "detail": diag.message_detail,
        "hint": diag.message_hint,
        "constraint": diag.constraint_name,
    }
    assert json.loads(row["error"]["detail"])


def test_an_error_says_null_where_it_has_nothing_to_say(database: Database, batch: Batch) -> None:
    product = database.product(quantity=5)
    call = entry("cancel_block", block_id=str(database.one("select id from inventory.create_block(%s, 1)", product)))
    done, *refused = batch(call, call, call | {"once": {"caller": "ann", "key": "k", "request": "r"}})
    assert done["error"] is None
    for row in refused:
        assert [row["error"][name] for name in ("sqlstate", "detail", "hint", "constraint")] == [
            "IV008",
            None,
            None,
            None,
        ]


def test_a_purchase_is_of_its_product_and_its_supplier(database: Database, batch: Batch) -> None:
    product = [database.product(f"A-{number}") for number in range(3)][-1]
    supplier = [database.one("select id from inventory.create_supplier(%s)", f"S-{number}") for number in range(2)][-1]
    (row,) = batch(entry("create_purchase", product_id=product, supplier_id=supplier, quantity="1", unit_cost="2"))
    assert row["error"] is None
    assert database.rows("select product_id, supplier_id from store.purchase") == [(product, supplier)]


def test_the_calls_are_one_transaction(database: Database) -> None:
    products = [database.product(f"A-{n}", 5) for n in range(5)]
    with database.connect("inventory_admin") as connection, connection.transaction(force_rollback=True):
        ask(connection, [reserve(product) for product in products])
    assert [database.stock(product) for product in products] == [(5, 0, 0)] * 5


@pytest.mark.parametrize("sqlstate", ["53100", "53200", "58030", "XX000"])
def test_what_is_no_fault_of_a_call_stops_all(
    database: Database, admin: psycopg.Connection[Any], sqlstate: str
) -> None:
    product = database.product(quantity=5)
    database.admin.execute(
        "create or replace function inventory.clock() returns timestamptz language plpgsql stable parallel safe"
        f" as $$ begin raise exception 'bad luck' using errcode = '{sqlstate}'; end $$".encode()
    )
    with pytest.raises(psycopg.Error) as caught:
        ask(admin, [reserve(9999), reserve(product)])
    assert caught.value.sqlstate == sqlstate
    assert database.stock(product) == (5, 0, 0)
    database.admin.execute(
        b"create or replace function inventory.clock() returns timestamptz language plpgsql stable parallel safe"
        b" as $$ begin return clock_timestamp(); end $$"
    )


# In order


def test_products_are_locked_in_order_of_id_and_calls_of_one_are_made_in_theirs(
    database: Database, batch: Batch
) -> None:
    first, second, third = (database.product(f"A-{n}", 10) for n in range(3))
    batch(reserve(third, 1), reserve(first, 2), reserve(second, 3), reserve(first, 4), reserve(third, 5))
    made = database.rows(
        "select product_id, reserved_after - reserved_before from store.movement where kind = 'reserve' order by id"
    )
    assert made == [(first, 2), (first, 4), (second, 3), (third, 1), (third, 5)]


def test_every_call_is_put_in_order_by_the_product_that_it_locks(database: Database, batch: Batch) -> None:
    """Whatever it is told by: products of later calls come first here."""
    ids = [database.product(f"A-{n}", 100, p_cost_price=1) for n in range(4)]
    supplier = database.one("select id from inventory.create_supplier('Acme', '+254700')")
    database.one("select inventory.place_order('Add', 'A-0', 5, p_to_location => 'RACK-A1-01')")
    made = batch(entry("create_block", sku_id=database.sku_id(ids[3]), quantity="1"))
    last = database.one("select max(id) from store.movement")
    rows = batch(
        entry("convert_block", block_id=made[0]["result"]["block_id"]),
        entry("create_sale", product_id=ids[2], quantity="1", unit_price="1"),
        entry("create_inflow", supplier=supplier, product=ids[1], quantity=1),
        entry("create_block", sku_id=database.sku_id(ids[1]), quantity="1"),
        entry("place_order", type="Remove", sku="A-0", quantity=1, from_location="RACK-A1-01"),
    )
    assert sqlstates(rows) == [None] * 5
    found = database.rows("select product_id, kind from store.movement where id > %s order by id", last)
    assert found == [
        (ids[0], "remove"), (ids[1], "inflow"), (ids[1], "block"), (ids[2], "sale"), (ids[3], "convert"),
    ]  # fmt: skip


def test_locations_are_known_apart_for_each_product(database: Database) -> None:
    """Of the first product they are not asked for; the others are at the same one."""
    products = [database.product(f"A-{n}", 5 if n == 0 else 0) for n in range(3)]
    for n in (1, 2):
        database.one("select inventory.place_order('Add', %s, %s, p_to_location => 'RACK-A1-01')", f"A-{n}", 4 * n)
    (location,) = database.rows("select id from store.location")[0]
    lines = ["inventory.line('reserve', %s, 1)"] + ["inventory.line('remove', %s, %s, p_location_id => %s)"] * 5
    values = [products[0]]
    for n in (1, 1, 1, 2, 2):
        values += [products[n], 2 * n, location]
    posted = database.rows(f"select p.sqlstate from unnest(inventory.post(array[{', '.join(lines)}])) as p", *values)
    assert posted == [(None,), (None,), (None,), ("IV001",), (None,), (None,)]
    assert [database.stock(product)[0] for product in products] == [5, 0, 0]
    assert database.one("select sum(quantity) from store.location_stock") == 0


# A product that many want


def places_in_queues(connection: psycopg.Connection[Any]) -> int:
    """How many the connection's transaction has."""
    row = connection.execute(
        "select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()"
    ).fetchone()
    assert row is not None
    return int(row[0])


def test_stock_that_comes_while_a_batch_waits_for_another_product_can_be_had(database: Database) -> None:
    """When the locks were taken there was none. A lock later would be out of order: the calls are made one by one."""
    busy, empty = (database.product(f"A-{n}", quantity) for n, quantity in enumerate((9, 0)))
    database.admin.execute("alter function http.batch(jsonb) set lock_timeout = '60s'")
    holder, waiter = database.connect(), database.connect()
    with ThreadPoolExecutor(1) as pool:
        with holder.transaction():
            holder.execute("select from store.stock where product_id = %s for update", [busy])
            made = pool.submit(ask, waiter, [reserve(busy, 1), reserve(empty, 1)])
            database.wait_until_blocked(waiter)
            database.one("select (inventory.add_stock(%s, 5)).id", empty)
        assert sqlstates(made.result()) == [None, None]
    assert [database.stock(product) for product in (busy, empty)] == [(9, 1, 0), (5, 1, 0)]
    savepoints = "select count(distinct xmin::text) from store.movement where kind = 'reserve'"
    assert database.one(savepoints) == 2, "each on its own"
    database.verify()


def test_batches_queue_for_a_product_in_order_of_arrival(database: Database) -> None:
    """Not for its row, before which one that comes later could go first."""
    product = database.product(quantity=99)
    database.admin.execute("alter function http.batch(jsonb) set lock_timeout = '60s'")
    holder, *waiters = (database.connect() for _ in range(4))
    with ThreadPoolExecutor(3) as pool:
        with holder.transaction():
            ask(holder, [reserve(product, 1)] * 2)
            made = []
            for n, waiter in enumerate(waiters):
                made.append(pool.submit(ask, waiter, [reserve(product, 2 + n)] * 2))
                database.wait_until_blocked(*waiters[: n + 1])
            pids = [waiter.info.backend_pid for waiter in waiters]
            events = database.rows("select wait_event from pg_stat_activity where pid = any(%s)", pids)
            assert events == [("advisory",)] * 3
        assert [sqlstates(each.result()) for each in made] == [[None, None]] * 3
    amounts = "select reserved_after - reserved_before from store.movement where kind = 'reserve' order by id"
    assert database.rows(amounts) == [(n,) for n in (1, 1, 2, 2, 3, 3, 4, 4)]


@pytest.mark.parametrize(("amounts", "places"), [((1, 1), 1), ((99, 1, 1), 1), ((99, 99, 99), 0), ((1,), 0)], ids=str)
def test_what_is_refused_gives_its_place_in_the_queue_up(
    database: Database, admin: psycopg.Connection[Any], amounts: tuple[int, ...], places: int
) -> None:
    product, other = database.product("A-1", 9), database.product("A-2", 9)
    with admin.transaction():
        ask(admin, [reserve(other), *(reserve(product, amount) for amount in amounts)])
        assert places_in_queues(admin) == places
    assert places_in_queues(admin) == 0


# What has to be made alone


def test_a_product_that_somebody_holds_is_not_waited_for_long(database: Database, batch: Batch) -> None:
    held, free = database.product("A-1", 5), database.product("A-2", 5)
    with database.connect() as holder, holder.transaction():
        holder.execute("select from store.stock where product_id = %s for update", [held])
        rows = batch(reserve(held), reserve(free), reserve(held))
    assert sqlstates(rows) == ["55P03", None, "40001"]
    assert rows[2]["error"]["message"] == ALONE
    assert database.stock(held) == (5, 0, 0)
    assert database.stock(free) == (5, 1, 0)


def test_what_is_sold_out_waits_for_nobody(database: Database, batch: Batch) -> None:
    """Also behind what is reserved, and blocks that have not expired."""
    held, free = database.product("A-1", 7), database.product("A-2", 5)
    database.one("select id from inventory.reserve_stock(%s, 2)", held)
    database.one("select id from inventory.create_block(%s, 3)", held)
    posting = database.connect()
    posting.execute("set lock_timeout = '1ms'")
    with database.connect() as holder, holder.transaction():
        holder.execute("select from store.stock where product_id = %s for update", [held])
        # Of a batch, what waits in vain is made one by one: the posting itself shows that nothing waited.
        refused = posting.execute(
            "select array_agg(p.sqlstate) from unnest(inventory.post("
            "array[inventory.line('reserve', %(p)s, 3), inventory.line('block', %(p)s, 6)])) as p",
            {"p": held},
        ).fetchone()
        rows = batch(reserve(held, 3), reserve(free), reserve(held, 6))
    assert refused == (["IV001", "IV001"],)
    assert sqlstates(rows) == ["IV001", None, "IV001"]
    assert json.loads(rows[0]["error"]["detail"]) == {"available": 2, "requested": 3}
    assert database.stock(free) == (5, 1, 0)


def test_a_line_of_nothing_changes_nothing(database: Database) -> None:
    """Whatever the inventory's status is; but the product must exist."""
    product = database.product("A-1", 5)
    database.admin.execute("update store.stock set status = 'archived'")
    before = database.counts()
    posted = database.rows(
        "select p.sqlstate, (p.movement).id from unnest(inventory.post("
        "array[inventory.line('sale', %s, 0), inventory.line('sale', 999, 0), inventory.line('reserve', %s, 0)])) as p",
        product,
        product,
    )
    assert posted == [(None, None), ("IV003", None), (None, None)]
    assert database.counts() == before


def test_a_time_without_an_offset_is_utc_whatever_the_sessions_zone(
    database: Database, admin: psycopg.Connection[Any]
) -> None:
    product = database.product(quantity=5)
    end = database.one("select to_char((now() + interval '2 days') at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS')")
    admin.execute("set timezone = 'Asia/Tokyo'")
    (row,) = ask(admin, [entry("create_block", sku_id=database.sku_id(product), quantity="1", expires_at=end)])
    assert row["result"]["expires_at"] == f"{end}Z"


def test_the_time_for_locks_is_the_batchs_alone(batch: Batch, admin: psycopg.Connection[Any]) -> None:
    before = admin.execute("show lock_timeout").fetchone()
    batch()
    assert admin.execute("show lock_timeout").fetchone() == before != ("100ms",)


def test_what_is_not_there_or_wrong_is_told_as_it_is_alone(database: Database, batch: Batch) -> None:
    product = database.product("A-1", 5)
    calls: list[tuple[str, dict[str, Any]]] = [
        ("IV004", entry("convert_block", block_id=UNKNOWN)),
        ("IV004", entry("cancel_block", block_id=UNKNOWN)),
        ("IV003", entry("create_block", sku_id=UNKNOWN, quantity="1")),
        ("IV003", entry("reserve_stock", id=UNKNOWN, amount="1")),
        ("IV003", entry("reserve_stock", id="9999", amount="0")),
        ("IV003", entry("place_order", type="Remove", sku="A-9", quantity=1, from_location="RACK-A1-01")),
        ("22023", entry("place_order", type="Remove", sku="A-1", quantity=1, to_location="RACK-A1-01")),
        ("IV001", entry("place_order", type="Transfer", sku="A-1", quantity=1,
            from_location="RACK-A1-01", to_location="RACK-A1-02")),
        ("22P02", entry("create_block", sku_id="no uuid", quantity="1")),
        ("22P02", entry("create_sale", product_id="no id", quantity="1", unit_price="1")),
        ("IV003", entry("create_sale", quantity="1", unit_price="1")),
        ("22004", entry("create_sale", product_id=product, quantity="1")),
        ("22004", entry("create_sale", product_id=product, unit_price="1")),
        ("IV023", entry("create_purchase", product_id=product, supplier_id=9, quantity="1", unit_cost="1")),
        ("22004", entry("create_purchase", product_id=product, supplier_id=9, quantity="1")),
        ("IV003", entry("create_inflow", product=9, supplier=9, quantity=1)),
        ("22004", entry("create_outflow", product=product)),
        ("22023", entry("create_block", sku_id=database.sku_id(product), quantity="1", expires_at="2000-01-01")),
        ("22004", {"function": "add_stock"}),
    ]  # fmt: skip
    before = database.counts()
    rows = batch(*(call for _, call in calls))
    assert sqlstates(rows) == [state for state, _ in calls]
    assert database.counts() == before


def test_a_new_location_is_made_by_what_comes_to_it(database: Database, batch: Batch) -> None:
    database.product("A-1", 5)
    rows = batch(
        entry("place_order", type="Add", sku="A-9", quantity=1, to_location="RACK-A1-01"),
        entry("place_order", type="Add", sku="A-1", quantity=1, to_location="RACK-A1-02"),
    )
    assert sqlstates(rows) == ["IV003", None]
    assert database.rows("select code from store.location") == [("RACK-A1-02",)]


# With Idempotency-Keys


def once(call: dict[str, Any], key: str = "key", request: str = "request") -> dict[str, Any]:
    return call | {"once": {"caller": "ann", "key": key, "request": request}}


def test_a_key_is_used_once_in_a_batch_and_after_it(database: Database, batch: Batch) -> None:
    product = database.product(quantity=5)
    block = entry("create_block", sku_id=database.sku_id(product), quantity="1")
    rows = batch(once(block), once(block), once(block, "another"), block)
    assert [row["replayed"] for row in rows] == [False, True, False, False]
    assert rows[0]["result"] == rows[1]["result"]
    (again,) = batch(once(block))
    assert (again["replayed"], again["result"]) == (True, rows[0]["result"])
    assert database.stock(product) == (5, 0, 3)


def test_a_refusal_under_a_key_is_remembered(database: Database, batch: Batch) -> None:
    product = database.product(quantity=1)
    rows = batch(once(reserve(product, 2)), reserve(product))
    assert sqlstates(rows) == ["IV001", None]
    database.one("select inventory.add_stock(%s, 9)", product)
    (again,) = batch(once(reserve(product, 2)))
    assert (again["replayed"], again["error"]) == (True, rows[0]["error"])
    assert again["error"]["at"]


def test_a_refusal_before_the_stock_is_looked_at_is_remembered_too(database: Database, batch: Batch) -> None:
    database.product("A-1", 5)
    calls = [
        once(entry("create_block", sku_id=UNKNOWN, quantity="1"), "block"),
        once(entry("create_purchase", product_id=1, supplier_id=9, quantity="1", unit_cost="1"), "purchase"),
        once(entry("place_order", type="Add", sku="A-9", quantity=1, to_location="RACK-A1-01"), "order"),
        once(entry("reserve_stock", id="no id", amount="1"), "not remembered"),
    ]
    first = batch(*calls)
    assert sqlstates(first) == ["IV003", "IV023", "IV003", "23514"]
    assert [bool(row["error"].get("at")) for row in first] == [True, True, True, False]
    database.admin.execute("select inventory.create_supplier('Acme')")
    database.product("A-9", 5)
    again = batch(*calls)
    assert [row["replayed"] for row in again] == [True, True, True, False]
    assert [row["error"] for row in again] == [row["error"] for row in first]


def test_a_batch_repeats_no_answer_to_a_role_that_may_not_ask_for_it(database: Database, batch: Batch) -> None:
    """Neither alone nor beside a call with a key that it may make."""
    product = database.product(quantity=5)
    sale = once(entry("create_sale", product_id=product, quantity="1", unit_price="1"))
    (made,) = batch(sale)
    assert made["result"]
    block = once(entry("create_block", sku_id=database.sku_id(product), quantity="1"), "block")
    operator = database.connect("inventory_operator")
    for calls in ([sale], [sale, block]):
        row = ask(operator, calls)[0]
        assert (row["replayed"], row["result"], row["error"]["sqlstate"]) == (False, None, "42501")


def test_another_request_with_the_key_is_refused(database: Database, batch: Batch) -> None:
    product = database.product(quantity=5)
    rows = batch(once(reserve(product)), once(reserve(product), request="another"))
    assert sqlstates(rows) == [None, "IV012"]
    assert database.stock(product) == (5, 1, 0)


def test_a_key_that_another_has_in_hand(database: Database, batch: Batch) -> None:
    product, free = database.product("A-1", 5), database.product("A-2", 5)
    with database.connect("inventory_admin") as other, other.transaction():
        other.execute(
            "select * from http.once('ann', 'key', 'request', 'reserve_stock', %s)",
            [json.dumps(reserve(free)["arguments"])],
        )
        rows = batch(once(reserve(product)), reserve(product))
    assert sqlstates(rows) == ["IV013", None]


# In what form


@pytest.mark.parametrize("calls", [None, "null", "{}", '"x"'])
def test_what_is_no_list_of_calls_is_refused(
    admin: psycopg.Connection[Any], refused: Refused, calls: str | None
) -> None:
    with refused("22023"):
        admin.execute("select * from http.batch(%s)", [calls])


def test_a_key_is_looked_up_by_itself_where_the_table_was_empty(database: Database) -> None:
    """The plan of a session is made once. That of an empty table read all keys, until somebody analyzed the table."""
    product = database.product("A", 1000)

    def calls(first: int) -> str:
        return json.dumps(
            [
                {
                    "function": "reserve_stock",
                    "arguments": {"p_id": str(product), "p_amount": "1"},
                    "once": {"caller": "operator:ann", "key": str(number), "request": "r"},
                }
                for number in range(first, first + 10)
            ]
        )

    database.admin.execute("analyze store.idempotency_key")
    with database.connect("inventory_operator") as session:
        session.execute("select error from http.batch(%s)", [calls(0)])
        database.admin.execute(
            "insert into store.idempotency_key (caller, key, request, created_at)"
            " select 'user:ann', 'old ' || g, 'r', inventory.clock() from generate_series(1, 500) as g"
        )
        session.execute("begin")
        session.execute("select error from http.batch(%s)", [calls(10)])
        fetched = session.execute(
            "select idx_tup_fetch + seq_tup_read from pg_stat_xact_user_tables where relname = 'idempotency_key'"
        ).fetchone()
        session.execute("commit")
    assert fetched is not None
    assert fetched[0] < 100
