"""The change feed: its order, and that a reader who keeps the last cursor misses nothing."""

from __future__ import annotations

import threading
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.conftest import Database
from tests.sql.conftest import Call
from tests.sql.test_kits import make_kit


def read(database: Database, after: str | None = None, limit: int = 1000) -> list[Any]:
    return database.rows(
        "select feed_key || '-' || feed_id as cursor, type, product_id, data from inventory.changes_after(%s, %s)",
        after,
        limit,
    )


def session(database: Database) -> psycopg.Connection[Any]:
    """A connection whose transaction ends when it is told to."""
    connection = database.connect()
    connection.autocommit = False
    return connection


def last(database: Database) -> str:
    """The cursor of the last change."""
    database.settle()
    return str(read(database)[-1][0])


def kinds(changes: list[Any]) -> list[str]:
    return [data.get("kind", kind) for _, kind, _, data in changes]


def test_a_product_comes_before_its_movements_and_prices(database: Database) -> None:
    product = database.one(
        "select id from inventory.create_product('A', 'a', p_quantity => 5, p_price => 2, p_actor => 'ann')"
    )
    database.settle()
    changes = read(database)
    assert kinds(changes) == ["product", "initial", "price"]
    assert {row[2] for row in changes} == {product}
    assert changes[0][3]["after"]["sku"] == "A"
    assert changes[1][3]["available_after"] == 5
    assert changes[2][3] == {"action": "create", "id": "retail", "before": None, "after": {"amount": 2}}
    assert database.rows("select distinct actor from store.audit") == [("ann",)]


def test_a_page_goes_on_after_the_last_cursor(database: Database) -> None:
    product = database.one("select id from inventory.create_product('A', 'a', p_quantity => 5)")
    for _ in range(5):
        database.one("select inventory.reserve_stock(%s, 1)", product)
    database.settle()
    whole = read(database)
    pages, cursor = [], None
    for _ in range(4):
        pages += (page := read(database, cursor, 2))
        cursor = page[-1][0]
    assert read(database, cursor, 2) == []
    assert pages == whole
    assert len(whole) == 7


def test_a_page_does_not_read_the_rest_of_the_feed(database: Database) -> None:
    product = database.product("A", 1000)
    database.rows("select inventory.reserve_stock(%s, 1) from generate_series(1, 300)", product)
    database.settle()
    fetched = "select sum(idx_tup_fetch + seq_tup_read) from pg_stat_xact_user_tables where relname ~ '^movement|audit'"
    with session(database) as reader:
        assert len(reader.execute("select inventory.changes_after(null, 10)").fetchall()) == 10
        assert reader.execute(fetched).fetchone() < (30,)


def test_every_kind_of_change_of_a_product_is_there(database: Database) -> None:
    product = database.one("select id from inventory.create_product('A', 'a', p_quantity => 5, p_price => 3)")
    block = database.one("select id from inventory.create_block(%s, 1)", product)
    cursor = last(database)
    database.one("select id from inventory.extend_block(%s, inventory.clock() + interval '1 hour')", block)
    database.one("select product_id from inventory.update_inventory(%s, p_reorder_point => 1)", product)
    database.one("select id from inventory.update_catalog_product(%s, p_title => 'b', p_selling_price => 4)", product)
    database.one("select id from inventory.cancel_block(%s)", block)
    database.one("select product_id from inventory.update_inventory(%s, p_quantity => 0)", product)
    database.settle()
    assert kinds(read(database, cursor)) == ["block", "inventory", "price", "product", "cancel", "adjust"]


def test_a_kits_own_movements_have_none_available(database: Database, call: Call) -> None:
    cup = database.product("CUP", 3)
    kit = make_kit(database, {cup: 1})
    cursor = last(database)
    call("reserve_stock", kit, 2)
    call("create_block", kit, 1)
    database.settle()
    columns = ("on_hand_after", "reserved_after", "blocked_after", "available_before", "available_after")
    found = {(id_, *(data[column] for column in columns)) for _, _, id_, data in read(database, cursor)}
    assert found == {(cup, 3, 2, 0, 3, 1), (cup, 3, 2, 1, 1, 0), (kit, 0, 2, 0, 0, 0), (kit, 0, 2, 1, 0, 0)}


def test_the_deletion_of_a_product_comes_last(database: Database) -> None:
    product = database.one("select id from inventory.create_product('A', 'a', p_quantity => 5)")
    database.one("select inventory.delete_product(%s) is null", product)
    database.settle()
    assert kinds(read(database)) == ["product", "initial", "delete_product", "product"]
    assert read(database)[-1][3]["action"] == "delete"


def test_an_import_is_in_the_feed_as_single_calls_are(database: Database) -> None:
    category = database.one("select id from inventory.create_category('c')")
    brand = database.one("select id from inventory.create_brand('b')")
    line = {"title": "t", "category": category, "brand": brand, "cost_price": 1, "selling_price": 2, "quantity": 3}
    database.one("select inventory.import_products(%s)", Jsonb([{**line, "sku": "I"}]))
    database.settle()
    imported = read(database)
    database.one(
        "select id from inventory.create_catalog_product('t', %s, %s, 1, 2, p_quantity => 3, p_sku => 'S')",
        category,
        brand,
    )
    database.settle()
    single = read(database, imported[-1][0])

    def content(changes: list[Any]) -> list[Any]:
        unique = {"id", "sku", "sku_id", "reference"}
        return sorted(
            (
                kind,
                str(
                    {k: v for k, v in data.items() if k not in unique}
                    if "kind" in data
                    else {k: v for k, v in data["after"].items() if k not in unique}
                ),
            )
            for _, kind, _, data in changes
        )

    assert content(imported) == content(single)


def test_what_commits_later_has_no_place_before_what_was_read(database: Database) -> None:
    """A transaction that began to write first and commits last holds back the changes after it."""
    first, second = (
        database.one("select id from inventory.create_product(%s, 'a', p_quantity => 5)", sku) for sku in "AB"
    )
    cursor = last(database)
    slow = session(database)
    slow.execute("select inventory.reserve_stock(%s, 1)", [first])
    database.one("select inventory.reserve_stock(%s, 1)", second)
    assert read(database, cursor) == []
    assert database.rows("select * from report.changes where (feed_key, feed_id) > (%s, %s)", *cursor.split("-")) == []
    slow.commit()
    database.settle()
    assert [row[2] for row in read(database, cursor)] == [first, second]


def test_a_product_s_changes_keep_their_order_whatever_transaction_began_first(database: Database) -> None:
    """The older transaction writes the later movement: its place is after the other's."""
    other, product = (
        database.one("select id from inventory.create_product(%s, 'a', p_quantity => 5)", sku) for sku in "AB"
    )
    cursor = last(database)
    older = session(database)
    older.execute("select inventory.reserve_stock(%s, 1)", [other])  # has its transaction's id now
    database.one("select inventory.reserve_stock(%s, 2)", product)
    older.execute("select inventory.reserve_stock(%s, 1)", [product])
    older.commit()
    database.settle()
    numbers = [data["number"] for _, _, id_, data in read(database, cursor) if id_ == product]
    assert numbers == [2, 3]


def test_a_transaction_that_fails_leaves_no_gap_that_is_waited_for(database: Database) -> None:
    product = database.one("select id from inventory.create_product('A', 'a', p_quantity => 5)")
    cursor = last(database)
    failing = session(database)
    failing.execute("select inventory.reserve_stock(%s, 1)", [product])
    failing.rollback()
    database.one("select inventory.reserve_stock(%s, 1)", product)
    database.settle()
    assert kinds(read(database, cursor)) == ["reserve"]


@pytest.mark.parametrize("after", ["", "x", "1", "1-", "-1-2", "1-2-3", "9" * 19 + "-1"])
def test_what_is_no_cursor_is_refused(database: Database, after: str) -> None:
    with pytest.raises(psycopg.errors.InvalidParameterValue):
        read(database, after)


def test_every_reader_gets_the_same_cursors(database: Database) -> None:
    """A view of reports may call no function for them."""
    database.product("A", 5, p_price=2)
    database.settle()
    whole = [cursor for cursor, *_ in read(database)]
    listed = database.one("select http.list_changes()")
    assert [change["cursor"] for change in listed["changes"]] == whole
    assert listed["next"] == whole[-1]
    reporting = database.connect("inventory_reporting")
    assert reporting.execute("select cursor from report.changes order by feed_key, feed_id").fetchall() == [
        (cursor,) for cursor in whole
    ]
    assert database.one("select http.list_changes('0-0', 1) ->> 'next'") == whole[0]
    assert database.one("select http.list_changes(%s) ->> 'next'", whole[-1]) == whole[-1]
    assert read(database, "latest") == []


def test_a_cursor_of_another_database_is_refused(database: Database) -> None:
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="later than the last change"):
        read(database, f"{10**17}-0")


def test_after_a_restore_the_feed_goes_on(database: Database) -> None:
    """In another cluster the ids of transactions begin anew; the keys must not."""
    first, _ = (database.one("select id from inventory.create_product(%s, 'a', p_quantity => 5)", sku) for sku in "AB")
    for table in ("movement", "stock", "audit"):  # as if they had been written there
        database.admin.execute(f"update store.{table} set feed_key = feed_key + 1000000000".encode())
    assert read(database) == []
    assert database.one("select maintenance.continue_feed()") > 0
    assert database.one("select maintenance.continue_feed()") == 0
    cursor = last(database)
    database.one("select inventory.reserve_stock(%s, 1)", first)
    database.settle()
    assert kinds(read(database, cursor)) == ["reserve"]


def test_a_product_that_an_older_transaction_deletes_is_gone_last(database: Database) -> None:
    other, product = (
        database.one("select id from inventory.create_product(%s, 'a', p_quantity => 5)", sku) for sku in "AB"
    )
    cursor = last(database)
    older = session(database)
    older.execute("select inventory.reserve_stock(%s, 1)", [other])
    database.one("select product_id from inventory.update_inventory(%s, p_quantity => 7)", product)
    older.execute("select inventory.delete_product(%s)", [product])
    older.commit()
    database.settle()
    changes = [row for row in read(database, cursor) if row[2] == product]
    assert kinds(changes) == ["adjust", "delete_product", "product"]


def test_readers_under_load_miss_nothing_and_see_nothing_twice(database: Database) -> None:
    """Writers with transactions of several statements, some of which fail; a reader keeps the last cursor."""
    products = [
        database.one("select id from inventory.create_product(%s, 'a', p_quantity => 1000)", f"S{n}") for n in range(4)
    ]
    database.settle()
    seen = read(database)
    cursor = seen[-1][0]
    connections = [session(database) for _ in range(3)]

    def write(connection: Any, shift: int) -> None:
        for n in range(40):
            for product in sorted(products[(n + shift) % 4 :][:2]):
                connection.execute("select inventory.reserve_stock(%s, 1)", [product])
            (connection.rollback if n % 5 == shift else connection.commit)()

    threads = [threading.Thread(target=write, args=(c, n)) for n, c in enumerate(connections)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        page = read(database, cursor, 7)
        seen += page
        cursor = page[-1][0] if page else cursor
    database.settle()
    while page := read(database, cursor, 7):
        seen += page
        cursor = page[-1][0]
    assert seen == read(database)
    for product in products:
        numbers = [data["number"] for _, kind, id_, data in seen if kind == "movement" and id_ == product]
        assert numbers == list(range(1, len(numbers) + 1))
        assert len(numbers) == database.one("select last_number from store.stock where product_id = %s", product)
