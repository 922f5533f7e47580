"""stock.changed, stock.available and stock.sold_out: what an endpoint is told, in which order, and since when."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import psycopg
import pytest

from tests.conftest import Database
from tests.sql.conftest import AdminCall, Call, Freeze, Refused
from tests.sql.test_kits import make_kit

URL = "https://shop.example/hooks"
STOCK_EVENTS = "{stock.changed,stock.available,stock.sold_out}"
NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MICROSECOND = timedelta(microseconds=1)

Told = Callable[..., list[dict[str, Any]]]


def subscribe(database: Database, events: str = STOCK_EVENTS, stock_changes: str = "each") -> int:
    return database.one(
        "select id from inventory.create_webhook(%s, %s, p_stock_changes => %s)", URL, events, stock_changes
    )


@pytest.fixture
def told(database: Database) -> Told:
    """told(): the bodies of the events that are new for an endpoint, in the order of their deliveries."""
    worker = database.connect("inventory_worker")
    last = 0

    def told(webhook: int | None = None, event: str | None = None) -> list[dict[str, Any]]:
        nonlocal last
        database.settle()
        while worker.execute("select inventory.queue_stock_changes(3)").fetchone() == (True,):
            pass
        rows = database.rows(
            "select d.id, e.payload::text from store.webhook_delivery as d join store.event as e on d.event_id = e.id"
            " where d.id > %s and d.webhook_id = coalesce(%s, d.webhook_id) order by d.id",
            last,
            webhook,
        )
        last = database.one("select coalesce(max(id), 0) from store.webhook_delivery")
        bodies = [json.loads(payload) for _, payload in rows]
        return [body for body in bodies if event in (None, body["type"])]

    return told


def balances(on_hand: Any, reserved: Any = 0, blocked: Any = 0) -> dict[str, Any]:
    available = max(on_hand - reserved - blocked, 0)
    return {"on_hand": on_hand, "reserved": reserved, "blocked": blocked, "available": available}


def numbers(bodies: list[dict[str, Any]]) -> list[Any]:
    return [(body["data"]["first_number"], body["data"]["last_number"]) for body in bodies]


def after(bodies: list[dict[str, Any]]) -> list[Any]:
    return [body["data"]["after"]["available"] for body in bodies]


def test_each_change_is_told_with_its_own_balances(database: Database, call: Call, told: Told, freeze: Freeze) -> None:
    freeze(NOON)
    subscribe(database)
    product = database.product("A-1", 10, p_actor="ann")
    call("reserve_stock", product, "2.5", p_actor="bob")
    call("create_block", product, 1, p_reason="cart")
    block = database.one("select id::text from store.block")
    shown = {"id": product, "sku": "A-1", "sku_id": database.sku_id(product), "title": "Product A-1"}
    noon = "2030-01-01T12:00:00Z"
    common = {"product": shown, "reason": None, "reference": None, "occurred_at": noon}

    def body(event: str, **data: Any) -> dict[str, Any]:
        return {"type": event, "timestamp": noon, "data": data}

    empty, first, second = balances(0), balances(10), balances(10, 2.5)
    assert told() == [
        body("stock.changed", **common, number=1, kind="initial", actor="ann", before=empty, after=first),
        body("stock.changed", **common, number=2, kind="reserve", actor="bob", before=first, after=second),
        body(
            "stock.changed",
            **common | {"reason": "cart", "reference": block},
            number=3,
            kind="block",
            actor="inventory_operator",
            before=second,
            after=balances(10, 2.5, 1),
        ),
        body(
            "stock.available",
            product=shown,
            first_number=1,
            last_number=1,
            occurred_at=noon,
            before=empty,
            after=first,
        ),
    ]
    assert told() == []
    database.verify()


def test_from_0_to_10_to_0_is_told_as_10_and_then_0(database: Database, call: Call, told: Told) -> None:
    product = database.product("A-1", 0)
    subscribe(database)
    call("add_stock", product, 10)
    call("reserve_stock", product, 10)
    bodies = told()
    changed = [body for body in bodies if body["type"] == "stock.changed"]
    assert after(changed) == [10, 0]
    assert [body["data"]["before"]["available"] for body in changed] == [0, 10]
    crossed = [body for body in bodies if body["type"] != "stock.changed"]
    assert {body["type"]: body["data"]["last_number"] for body in crossed} == {
        "stock.available": changed[0]["data"]["number"],
        "stock.sold_out": changed[1]["data"]["number"],
    }


def test_the_changes_of_a_product_are_told_in_their_order_each_once(database: Database, call: Call, told: Told) -> None:
    subscribe(database, "{stock.changed}")
    products = [database.product(f"A-{n}", 100) for n in range(3)]
    for _ in range(5):
        for product in products:
            call("reserve_stock", product, 1)
    bodies = told()
    for product in products:
        mine = [body["data"] for body in bodies if body["data"]["product"]["id"] == product]
        assert [data["number"] for data in mine] == [1, 2, 3, 4, 5, 6]
        assert [data["before"] for data in mine[1:]] == [data["after"] for data in mine[:-1]]


def test_what_commits_late_is_told_and_holds_back_what_is_after_it(database: Database, told: Told) -> None:
    first, second = database.product("A-1", 5), database.product("B-1", 5)
    subscribe(database, "{stock.changed}")
    slow = database.connect()
    with slow.transaction():
        slow.execute("select inventory.reserve_stock(%s, 1)", [first])
        database.one("select inventory.reserve_stock(%s, 1)", second)
        assert database.one("select inventory.queue_stock_changes()") is False
        assert database.counts()["event"] == 0
    assert [body["data"]["product"]["id"] for body in told()] == [first, second]


def test_a_transaction_that_fails_is_not_told(database: Database, told: Told) -> None:
    product = database.product("A-1", 5)
    subscribe(database)
    with database.connect() as connection, connection.transaction(force_rollback=True):
        connection.execute("select inventory.reserve_stock(%s, 5)", [product])
    assert told() == []


# Who is told, and from when on


def test_where_nobody_subscribes_nothing_is_read_or_written(database: Database, told: Told) -> None:
    subscribe(database, "{stock.low}")
    database.product("A-1", 5)
    assert told() == []
    assert database.counts()["event"] == database.counts()["webhook_position"] == 0
    database.admin.execute("drop table store.webhook_position")
    assert database.one("select inventory.queue_stock_changes()") is False


def test_who_subscribes_later_is_told_nothing_old(database: Database, call: Call, told: Told) -> None:
    product = database.product("A-1", 5)
    one = subscribe(database, "{stock.changed}")
    call("reserve_stock", product, 1)
    two = subscribe(database, "{stock.changed}")
    call("reserve_stock", product, 1)
    database.settle()
    assert [body["data"]["number"] for body in told(one)] == [2, 3]
    assert database.rows("select event_id from store.webhook_delivery where webhook_id = %s", two) == database.rows(
        "select id from store.event order by id desc limit 1"
    )
    assert database.one("select count(distinct (feed_key, feed_id)) from store.webhook_position") == 1, "read as one"


@pytest.mark.parametrize("change", ["p_enabled => {}", "p_events => '{{{}}}'"])
def test_what_happened_while_an_endpoint_was_off_is_not_told(
    database: Database, call: Call, told: Told, change: str
) -> None:
    product = database.product("A-1", 9)
    webhook = subscribe(database, "{stock.changed}")
    call("reserve_stock", product, 1)
    assert [body["data"]["number"] for body in told()] == [2]

    def switch(on: bool) -> None:
        to = ("stock.low", "stock.changed")[on] if "events" in change else on
        database.one(f"select id from inventory.update_webhook({webhook}, {change.format(to)})")

    switch(False)
    call("reserve_stock", product, 1)
    assert told() == []
    switch(True)
    assert told() == []
    call("reserve_stock", product, 1)
    assert [body["data"]["number"] for body in told()] == [4]
    switch(True)
    call("reserve_stock", product, 1)
    database.one("select id from inventory.update_webhook(%s, p_url => 'https://b.example')", webhook)
    assert [body["data"]["number"] for body in told()] == [5], "another change of the endpoint skips nothing"


def test_an_endpoint_that_says_it_is_gone_begins_anew(database: Database, call: Call, told: Told) -> None:
    product = database.product("A-1", 9)
    webhook = subscribe(database, "{stock.changed}")
    call("reserve_stock", product, 1)
    assert len(told()) == 1
    worker = {"role": "inventory_worker"}
    claimed = call("claim_deliveries", 1, 1, **worker)
    assert claimed is not None
    call("finish_delivery", claimed["delivery_id"], claimed["attempt"], 410, None, None, **worker)
    call("reserve_stock", product, 1)
    database.one("select id from inventory.update_webhook(%s, p_enabled => true)", webhook)
    call("reserve_stock", product, 1)
    assert [body["data"]["number"] for body in told()] == [4]


def test_the_position_of_a_deleted_endpoint_goes_with_it(database: Database, told: Told) -> None:
    gone, kept = subscribe(database), subscribe(database)
    database.one("select inventory.delete_webhook(%s) is null", gone)
    database.product("A-1", 9)
    assert {body["type"] for body in told(kept)} == {"stock.changed", "stock.available"}
    database.advance(timedelta(days=1, seconds=1))
    database.one("select maintenance.purge_webhook_deliveries()")
    assert database.rows("select webhook_id from store.webhook_position") == [(kept,)]


def test_a_product_that_is_deleted_meanwhile_is_told_with_its_name(
    database: Database, admin_call: AdminCall, told: Told
) -> None:
    subscribe(database)
    product = database.product("A-1", 5)
    database.one("select inventory.delete_product(%s) is null", product)
    bodies = told()
    assert [(body["type"], body["data"]["kind"]) for body in bodies] == [
        ("stock.changed", "initial"),
        ("stock.changed", "delete_product"),
    ], "as stock.low, the crossings of a product that is deleted are not told"
    assert {body["data"]["product"]["title"] for body in bodies} == {"Product A-1"}


@pytest.mark.parametrize("status", ["inactive", "archived"])
def test_of_an_inventory_that_is_not_active_only_changes_are_told(
    database: Database, admin_call: AdminCall, told: Told, status: str
) -> None:
    product = database.product("A-1", 5)
    subscribe(database)
    admin_call("update_inventory", product, None, None, status)
    admin_call("update_inventory", product, 0)
    assert [body["type"] for body in told()] == ["stock.changed"]


# Crossings


def test_only_the_two_ends_of_a_transaction_count(database: Database, told: Told) -> None:
    product = database.product("A-1", 1)
    block = database.one("select id from inventory.create_block(%s, 1)", product)
    subscribe(database)
    with database.connect() as connection, connection.transaction():
        connection.execute("select inventory.cancel_block(%s)", [block])
        connection.execute("select inventory.create_block(%s, 1)", [product])
    assert [(body["type"], body["data"]["after"]["available"]) for body in told()] == [
        ("stock.changed", 1),
        ("stock.changed", 0),
    ]


def test_a_transaction_longer_than_a_reading_is_judged_as_a_whole(database: Database, told: Told) -> None:
    """The test reads three movements at a time."""
    products = [database.product(f"A-{n}", 1) for n in range(4)]
    subscribe(database, "{stock.available,stock.sold_out}")
    with database.connect() as connection, connection.transaction():
        for _ in range(3):
            for product in products:
                connection.execute("select inventory.reserve_stock(%s, 1)", [product])
                if product != products[2]:
                    connection.execute("select inventory.release_stock(%s, 1)", [product])
            connection.execute("select inventory.release_stock(%s, 1)", [products[2]])
        connection.execute("select inventory.reserve_stock(%s, 1)", [products[1]])
    bodies = told()
    assert [(body["type"], body["data"]["product"]["id"]) for body in bodies] == [("stock.sold_out", products[1])]
    assert numbers(bodies) == [(2, 8)]
    assert bodies[0]["data"]["before"] == balances(1)
    assert bodies[0]["data"]["after"] == balances(1, 1)


def test_an_expiry_crosses_when_its_movement_is_written(database: Database, call: Call, told: Told) -> None:
    product = database.product("A-1", 1)
    call("create_block", product, 1)
    subscribe(database, "{stock.available,stock.sold_out}")
    database.advance(timedelta(hours=1))
    assert told() == []
    database.one("select maintenance.expire_blocks()")
    (body,) = told()
    assert body["type"] == "stock.available"
    assert body["timestamp"] == database.one("select inventory.instant_text(ended_at) from store.block")


@pytest.mark.parametrize("event", ["stock.available", "stock.sold_out"])
def test_an_endpoint_gets_the_one_that_it_wants(database: Database, call: Call, told: Told, event: str) -> None:
    subscribe(database, f"{{{event}}}")
    product = database.product("A-1", 1)
    call("reserve_stock", product, 1)
    assert [body["type"] for body in told()] == [event]


def test_a_kit_has_none_available_of_its_own_and_its_parts_cross(database: Database, call: Call, told: Told) -> None:
    cup = database.product("CUP", 3)
    kit = make_kit(database, {cup: 1})
    subscribe(database)
    call("reserve_stock", kit, 2)
    call("create_block", kit, 1)
    call("release_stock", kit, 2)
    bodies = told()
    for product, on_hand in ((kit, 0), (cup, 3)):
        mine = [body["data"] for body in bodies if body["data"]["product"]["id"] == product and "kind" in body["data"]]
        chain = [balances(on_hand, *promised) for promised in ((0, 0), (2, 0), (2, 1), (0, 1))]
        assert [(data["before"], data["after"]) for data in mine] == list(pairwise(chain))
    crossed = {(body["type"], body["data"]["product"]["id"]) for body in bodies if body["type"] != "stock.changed"}
    assert crossed == {("stock.sold_out", cup), ("stock.available", cup)}
    database.verify()


# At most one event a second


def test_many_changes_in_a_second_are_one_event_with_their_numbers(
    database: Database, call: Call, told: Told, freeze: Freeze
) -> None:
    freeze(NOON)
    subscribe(database, "{stock.changed}", "per_second")
    product, other = database.product("A-1", 100), database.product("B-1", 3)
    for _ in range(9):
        call("reserve_stock", product, 1)
    first, second = sorted(told(), key=lambda body: body["data"]["product"]["id"])
    assert first["data"] == {
        "product": {"id": product, "sku": "A-1", "sku_id": database.sku_id(product), "title": "Product A-1"},
        "first_number": 1,
        "last_number": 10,
        "occurred_at": "2030-01-01T12:00:00Z",
        "before": balances(0),
        "after": balances(100, 9),
    }
    assert (second["data"]["product"]["id"], second["data"]["last_number"]) == (other, 1)
    call("reserve_stock", product, 1)
    freeze(NOON + SECOND - MICROSECOND)
    assert told() == []
    call("reserve_stock", product, 1)
    freeze(NOON + SECOND)
    assert numbers(told()) == [(11, 12)], "none is missing"
    call("reserve_stock", product, 1)
    freeze(NOON)
    assert numbers(told()) == [(13, 13)], "a clock that was set back stops nothing"


def test_more_than_a_reading_holds_waits_for_the_next_second(
    database: Database, call: Call, told: Told, freeze: Freeze
) -> None:
    """The test reads 15 movements a second."""
    freeze(NOON)
    product = database.product("A-1", 100)
    subscribe(database, "{stock.changed}", "per_second")
    for _ in range(20):
        call("reserve_stock", product, 1)
    assert numbers(told()) == [(2, 16)]
    assert told() == []
    freeze(NOON + SECOND)
    assert numbers(told()) == [(17, 21)]


@pytest.mark.parametrize("first", ["each", "per_second"])
def test_another_way_of_telling_misses_nothing_and_tells_nothing_twice(
    database: Database, call: Call, told: Told, first: str
) -> None:
    product = database.product("A-1", 100)
    other = subscribe(database, "{stock.changed}")
    webhook = subscribe(database, "{stock.changed}", first)
    found = []
    for way in ("per_second", "each", "each", "per_second", "per_second", "each"):
        call("reserve_stock", product, 1)
        if way == "each":
            found += told(webhook)
        call("reserve_stock", product, 1)
        database.one("select id from inventory.update_webhook(%s, p_stock_changes => %s)", webhook, way)
        call("reserve_stock", product, 1)
        database.advance(SECOND)
        found += told(webhook)
    seen = [n for body in found for n in range(*_range(body["data"]))]
    assert seen == list(range(2, 20))
    assert database.one("select count(*) from store.webhook_delivery where webhook_id = %s", other) == 18


def _range(data: dict[str, Any]) -> tuple[int, int]:
    first, last = (data[name] if name in data else data["number"] for name in ("first_number", "last_number"))
    return first, last + 1


def test_the_way_of_telling_is_known_or_refused(database: Database, refused: Refused, admin_call: AdminCall) -> None:
    made = admin_call("create_webhook", URL, "{stock.changed}")
    assert made["stock_changes"] == "each"
    assert admin_call("update_webhook", made["id"], p_stock_changes="per_second")["stock_changes"] == "per_second"
    assert admin_call("update_webhook", made["id"])["stock_changes"] == "per_second"
    with refused("22023"):
        admin_call("update_webhook", made["id"], p_stock_changes="per_minute")
    assert database.rows("select after from store.audit order by id desc limit 1") == [
        ({"stock_changes": "per_second"},)
    ]


# Several at once


def test_one_session_at_a_time_queues(database: Database, call: Call, told: Told) -> None:
    subscribe(database)
    database.product("A-1", 5)
    database.settle()
    one, two = database.connect("inventory_worker"), database.connect("inventory_worker")
    two.execute("set lock_timeout = '1ms'")
    with one.transaction():
        one.execute("select inventory.queue_stock_changes()")
        assert two.execute("select inventory.queue_stock_changes()").fetchone() == (False,)
    assert database.counts()["event"] == 2
    assert two.execute("select inventory.queue_stock_changes()").fetchone() == (False,)
    assert database.counts()["event"] == 2


def test_an_admin_at_an_endpoint_holds_up_no_other(database: Database, call: Call, told: Told) -> None:
    one, two = subscribe(database, "{stock.changed}"), subscribe(database, "{stock.changed}")
    product = database.product("A-1", 5)
    database.settle()
    admin, worker = database.connect(), database.connect("inventory_worker")
    worker.execute("set lock_timeout = '1ms'")
    with admin.transaction():
        for on in ("false", "true"):
            admin.execute(f"select inventory.update_webhook(%s, p_enabled => {on})".encode(), [one])
        worker.execute("select inventory.queue_stock_changes()")
    assert database.rows("select webhook_id from store.webhook_delivery") == [(two,)]
    call("reserve_stock", product, 1)
    assert [body["data"]["number"] for body in told(one)] == [2]


def test_an_endpoint_that_begins_anew_waits_for_who_queues(
    database: Database, told: Told, in_thread: Any, call: Call
) -> None:
    """Otherwise the end of the reading would be set after the new beginning."""
    webhook = subscribe(database, "{stock.changed}")
    product = database.product("A-1", 5)
    database.settle()
    worker, admin = database.connect("inventory_worker"), database.connect()
    with worker.transaction():
        worker.execute("select inventory.queue_stock_changes()")
        with admin.transaction():
            admin.execute("select inventory.update_webhook(%s, p_enabled => false)", [webhook])
        call("reserve_stock", product, 1)
        waiting = in_thread(
            lambda: admin.execute("select inventory.update_webhook(%s, p_enabled => true)", [webhook]).fetchone()
        )
        database.wait_until_blocked(admin)
    waiting.result()
    call("reserve_stock", product, 1)
    assert [body["data"]["number"] for body in told(webhook)] == [1, 3]


def test_the_worker_alone_queues(database: Database) -> None:
    for role in ("operator", "admin", "public", "maintenance", "reporting"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            database.connect(f"inventory_{role}").execute("select inventory.queue_stock_changes()")
