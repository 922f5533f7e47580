"""Webhooks in SQL: what is queued, who gets it when, what a report of a try does, and what stays secret."""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from db.source import LOGIN_ROLES
from tests.conftest import Database, InThread
from tests.sql.conftest import AdminCall, Call, Calls, Freeze, Refused

WORKER = {"role": "inventory_worker"}
DBA = {"role": "inventory_maintenance"}
EVERYTHING = "{outflow.created,inflow.created,stock.low,block.expired,price.changed}"
URL = "https://shop.example/hooks"
SECOND, MINUTE, HOUR, DAY = (timedelta(**{unit: 1}) for unit in ("seconds", "minutes", "hours", "days"))
MICROSECOND = timedelta(microseconds=1)
LEASE = MINUTE
NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
# The schedule of Standard Webhooks, after the first try, which is at once.
SCHEDULE = [5 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR]

Claim = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def webhook(database: Database) -> int:
    """An endpoint that wants everything."""
    return make(database)


def make(database: Database, events: str = EVERYTHING, enabled: bool = True) -> int:
    return database.one("select id from inventory.create_webhook(%s, %s, %s)", URL, events, enabled)


def queue(database: Database, count: int = 1, event: str = "outflow.created") -> int:
    """Queue events {"n": 1}, {"n": 2}, …"""
    return database.one(
        "select inventory.queue_events(%s, array_agg(json_build_object('n', n) order by n),"
        " array_agg(inventory.clock())) from generate_series(1, %s) as n",
        event,
        count,
    )


@pytest.fixture
def claim(calls: Calls) -> Claim:
    """claim(): what a worker gets."""

    def claim(limit: int = 32, per_webhook: int = 4) -> list[dict[str, Any]]:
        return calls("claim_deliveries", limit, per_webhook, LEASE, **WORKER)

    return claim


@pytest.fixture
def finish(call: Call) -> Callable[..., bool]:
    """finish(claimed, status): report, and whether it counted."""

    def finish(
        claimed: dict[str, Any], status: int | None, error: str | None = None, after: timedelta | None = None
    ) -> bool:
        row = call("finish_delivery", claimed["delivery_id"], claimed["attempt"], status, error, after, **WORKER)
        assert row is not None
        return bool(row["finish_delivery"])

    return finish


Finish = Callable[..., bool]


def state(database: Database, delivery: int = 1) -> tuple[Any, ...]:
    """(status, attempts, last_status, whether another try is due some time)."""
    return database.rows(
        "select status, attempts, last_status, next_attempt_at is not null from store.webhook_delivery where id = %s",
        delivery,
    )[0]


def due_in(database: Database, delivery: int = 1) -> timedelta:
    return database.one(
        "select next_attempt_at - inventory.clock() from store.webhook_delivery where id = %s", delivery
    )


def payloads(database: Database) -> list[dict[str, Any]]:
    """The bodies in the outbox, in order."""
    return [json.loads(text) for (text,) in database.rows("select payload::text from store.event order by id")]


# Endpoints and their secrets


def test_a_secret_is_32_random_bytes_and_returned_once(admin_call: AdminCall, database: Database) -> None:
    made = admin_call("create_webhook", URL, "{stock.low,price.changed,stock.low}")
    assert (made["url"], made["events"], made["enabled"]) == (URL, ["stock.low", "price.changed"], True)
    assert made["secret"].startswith("whsec_")
    assert len(base64.b64decode(made["secret"].removeprefix("whsec_"), validate=True)) == 32
    other = admin_call("create_webhook", URL, "{stock.low}")
    assert other["secret"] != made["secret"]
    changed = admin_call("update_webhook", made["id"], p_enabled=False)
    assert {**changed, "updated_at": 0} == {**made, "secret": None, "enabled": False, "updated_at": 0}
    changed = admin_call("update_webhook", made["id"], "http://a", "{price.changed}")
    assert (changed["url"], changed["events"], changed["enabled"]) == ("http://a", ["price.changed"], False)
    assert database.rows("select secret from store.webhook order by id") == [(made["secret"],), (other["secret"],)]


def test_events_stay_in_the_order_in_which_each_came_first(admin_call: AdminCall) -> None:
    events = ["price.changed", "outflow.created", "stock.low", "inflow.created", "block.expired"]
    for wanted in (events, events[::-1]):
        assert admin_call("create_webhook", URL, [*wanted, *events])["events"] == wanted


def test_no_role_but_the_worker_can_read_a_secret_afterwards(database: Database, webhook: int) -> None:
    """No function that returns one is granted to another role than it should be."""
    granted = database.rows(
        """
        select r.rolname, p.proname
        from pg_proc as p, pg_roles as r
        where
            p.pronamespace = 'inventory'::regnamespace
            and r.rolname = any(%s)
            and has_function_privilege(r.oid, p.oid, 'execute')
            and (p.proname in ('claim_deliveries', 'finish_delivery', 'queue_events', 'require_webhook',
                'new_webhook_secret', 'webhook_info', 'create_webhook', 'rotate_webhook_secret'))
        order by 1, 2
        """,
        list(LOGIN_ROLES),
    )
    assert granted == [
        ("inventory_admin", "create_webhook"),
        ("inventory_admin", "rotate_webhook_secret"),
        ("inventory_worker", "claim_deliveries"),
        ("inventory_worker", "finish_delivery"),
    ]


def test_the_worker_may_do_nothing_else(database: Database, webhook: int) -> None:
    functions = database.rows(
        """
        select p.oid::regproc::text from pg_proc as p
        where p.pronamespace = any('{http,inventory,report,maintenance}'::regnamespace[])
            and has_function_privilege('inventory_worker', p.oid, 'execute')
        """
    )
    assert {name for (name,) in functions} == {
        "inventory.claim_deliveries",
        "inventory.finish_delivery",
        "inventory.queue_stock_changes",
        "maintenance.run_next_job",
    }
    connection = database.connect("inventory_worker")
    for statement in ("select secret from store.webhook", "select inventory.rotate_webhook_secret(1)"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement.encode())


def test_rotation_ends_the_old_secret_at_once(
    admin_call: AdminCall, database: Database, webhook: int, claim: Claim
) -> None:
    queue(database)
    rotated = admin_call("rotate_webhook_secret", webhook)
    assert claim()[0]["secrets"] == [rotated["secret"]]


def test_an_old_secret_signs_for_its_overlap(
    admin_call: AdminCall, database: Database, webhook: int, claim: Claim
) -> None:
    first = database.one("select secret from store.webhook")
    second = admin_call("rotate_webhook_secret", webhook, 3600)["secret"]
    queue(database, 4)
    assert claim(1)[0]["secrets"] == [second, first]
    third = admin_call("rotate_webhook_secret", webhook, 3600)["secret"]
    assert claim(1)[0]["secrets"] == [third, second]
    database.advance(HOUR - MINUTE)
    assert claim(1)[0]["secrets"] == [third, second]
    database.advance(MINUTE)
    assert claim(1)[0]["secrets"] == [third]


def test_an_overlap_may_be_of_one_second_or_none(
    admin_call: AdminCall, database: Database, webhook: int, claim: Claim
) -> None:
    first = database.one("select secret from store.webhook")
    second = admin_call("rotate_webhook_secret", webhook, 1)["secret"]
    queue(database)
    assert claim()[0]["secrets"] == [second, first]
    third = admin_call("rotate_webhook_secret", webhook, 0)["secret"]
    queue(database)
    assert claim()[0]["secrets"] == [third]


def test_what_is_not_there_is_said(refused: Refused, call: Call, webhook: int) -> None:
    for name, *arguments in [
        ("update_webhook", 9),
        ("delete_webhook", 9),
        ("rotate_webhook_secret", 9),
        ("replay_delivery", 9, 1),
        ("update_webhook", None),
    ]:
        with refused("IV044"):
            call(name, *arguments, role="inventory_admin")
    for delivery in (1, None):
        with refused("IV045"):
            call("replay_delivery", webhook, delivery, role="inventory_admin")


@pytest.mark.parametrize(("url", "events"), [(None, "{stock.low}"), (URL, None)])
def test_an_endpoint_needs_an_address_and_events(refused: Refused, call: Call, url: Any, events: Any) -> None:
    with refused("22004"):
        call("create_webhook", url, events, role="inventory_admin")


# What is queued


def test_an_event_is_queued_once_for_every_enabled_endpoint_that_wants_it(database: Database) -> None:
    one, two = make(database, "{stock.low,price.changed}"), make(database, "{stock.low}")
    make(database, "{price.changed}")
    make(database, EVERYTHING, enabled=False)
    assert queue(database, 3, "stock.low") == 6
    assert database.rows("select webhook_id, count(*) from store.webhook_delivery group by 1 order by 1") == [
        (one, 3),
        (two, 3),
    ]
    assert [body["data"] for body in payloads(database)] == [{"n": 1}, {"n": 2}, {"n": 3}]
    assert all(body["type"] == "stock.low" for body in payloads(database))


def test_where_nobody_wants_it_nothing_is_written(database: Database, refused: Refused) -> None:
    make(database, "{price.changed}")
    make(database, EVERYTHING, enabled=False)
    before = database.counts()
    assert queue(database, 3, "stock.low") == 0
    assert database.counts() == before
    assert [database.one("select inventory.has_subscriber(%s)", event) for event in ("stock.low", "price.changed")] == [
        False,
        True,
    ]
    with refused("23514", "webhook_event_known"):
        queue(database, 1, "stock.high")


def test_the_body_is_the_event_its_time_and_its_data(database: Database, webhook: int) -> None:
    database.one(
        "select inventory.queue_events('price.changed', array[json '{\"amount\": 1.50, \"x\": null}'],"
        " array[timestamptz '2026-01-02 03:04:05.678+02'])"
    )
    assert database.one("select payload::text from store.event") == (
        '{"type" : "price.changed", "timestamp" : "2026-01-02T01:04:05.678000Z", "data" : {"amount": 1.50, "x": null}}'
    )


def test_a_transaction_that_fails_queues_nothing(database: Database, webhook: int, claim: Claim) -> None:
    product = database.product("A-1", 10)
    database.admin.execute("update store.stock set reorder_point = 5")
    connection = database.connect()
    with connection.transaction(force_rollback=True):
        connection.execute("select inventory.consume_stock(%s, 0)", [product])
        connection.execute("select inventory.reserve_stock(%s, 8)", [product])
        connection.execute("select inventory.consume_stock(%s, 8)", [product])
        assert connection.execute("select count(*) from store.webhook_delivery").fetchone() == (1,)
        assert claim() == []
    assert claim() == []
    assert database.counts()["event"] == database.counts()["webhook_delivery"] == 0


@pytest.mark.parametrize(
    ("change", "claimed"),
    [
        ("inventory.delete_webhook(%s)", 0),
        ("inventory.update_webhook(%s, p_enabled => false)", 0),
        ("inventory.rotate_webhook_secret(%s)", 1),
        ("from store.webhook where id = %s for update", 1),
    ],
)
def test_who_queues_waits_for_no_endpoint(
    database: Database, webhook: int, claim: Claim, change: str, claimed: int
) -> None:
    """Whoever sells something must neither wait nor fail because an admin is at an endpoint."""
    admin, seller = database.connect(), database.connect()
    seller.execute("set lock_timeout = '1ms'")
    query = "select inventory.queue_events('stock.low', array[json '{}'], array[inventory.clock()])"
    with admin.transaction():
        admin.execute(f"select {change}".encode(), [webhook])
        assert seller.execute(query).fetchone() == (1,), "the change is not committed"
    assert len(claim()) == claimed


# stock.low and block.expired


def low(database: Database, reorder_point: Any = 10, quantity: Any = 20) -> int:
    product = database.product("A-1", quantity)
    database.admin.execute("update store.stock set reorder_point = %s", [reorder_point])
    return product


def test_stock_is_low_when_a_departure_takes_it_to_the_reorder_point(
    call: Call, database: Database, webhook: int
) -> None:
    product = low(database)
    call("create_block", product, 3)
    call("reserve_stock", product, 17)
    call("consume_stock", product, "9.5")
    assert payloads(database) == []
    call("consume_stock", product, "0.5")
    (body,) = payloads(database)
    assert body["type"] == "stock.low"
    assert body["data"] == {
        "product": {"id": product, "sku": "A-1", "sku_id": database.sku_id(product), "title": "Product A-1"},
        "quantity": 10,
        "available": 0,
        "reorder_point": 10,
    }
    call("consume_stock", product, 1)
    assert len(payloads(database)) == 1, "it was low already"
    call("add_stock", product, 5)
    assert len(payloads(database)) == 1
    call("reserve_stock", product, 4)
    call("consume_stock", product, 5)
    assert len(payloads(database)) == 2
    database.verify()


def test_an_expired_block_counts_as_available(call: Call, database: Database, webhook: int) -> None:
    product = low(database)
    call("create_block", product, 3)
    database.advance(HOUR)
    call("reserve_stock", product, 15)
    call("consume_stock", product, 15)
    low_event = next(body for body in payloads(database) if body["type"] == "stock.low")
    assert (low_event["data"]["quantity"], low_event["data"]["available"]) == (5, 5)


def test_a_product_that_is_deleted_is_not_said_to_be_low(
    admin_call: AdminCall, database: Database, webhook: int
) -> None:
    admin_call("delete_product", low(database))
    assert payloads(database) == []


@pytest.mark.parametrize("status", ["inactive", "archived"])
def test_an_inventory_that_is_not_active_is_not_said_to_be_low(
    call: Call, admin_call: AdminCall, database: Database, webhook: int, status: str
) -> None:
    product = low(database)
    call("reserve_stock", product, 15)
    admin_call("update_inventory", product, None, None, status)
    call("consume_stock", product, 15)
    admin_call("update_inventory", product, 4)
    admin_call("update_inventory", product, None, 5)
    assert payloads(database) == []


def test_a_refused_departure_says_nothing(call: Call, database: Database, webhook: int, refused: Refused) -> None:
    product = low(database)
    with refused("IV002"):
        call("consume_stock", product, 15)


@pytest.mark.parametrize(
    ("quantity", "reorder_point", "events"),
    [
        (None, 20, 1),
        (None, 25, 1),
        (None, 19, 0),
        (10, None, 1),
        (9, 5, 0),
        (9, 9, 1),
        (9, 30, 1),
        (30, 25, 0),
        (30, 30, 1),
        (21, None, 0),
    ],
)
def test_a_correction_says_once_that_stock_is_low(
    admin_call: AdminCall, database: Database, webhook: int, quantity: Any, reorder_point: Any, events: int
) -> None:
    product = low(database)
    changed = admin_call("update_inventory", product, quantity, reorder_point)
    assert len(payloads(database)) == events == int(changed["is_low"])
    if events:
        data = payloads(database)[0]["data"]
        assert (data["quantity"], data["reorder_point"]) == (changed["on_hand"], changed["reorder_point"])
    admin_call("update_inventory", product, None, changed["reorder_point"] + 1)
    assert len(payloads(database)) == events or not changed["is_low"]
    database.verify()


def test_every_block_that_expires_is_told_in_one_insert(call: Call, database: Database, webhook: int) -> None:
    product = database.product("A-1", 10)
    connection = database.connect("inventory_operator")
    for quantity, reason in ((1.5, "Order"), (2, None)):
        connection.execute("select inventory.create_block(%s, %s::numeric, %s)", [product, quantity, reason])
    blocks = database.rows("select id::text, inventory.instant_text(expires_at) from store.block order by id")
    database.advance(HOUR)
    call("maintenance.expire_blocks", **DBA)
    assert payloads(database) == [
        {
            "type": "block.expired",
            "timestamp": expires_at,
            "data": {
                "block_id": block,
                "product": {"id": product, "sku": "A-1", "sku_id": database.sku_id(product), "title": "Product A-1"},
                "quantity": quantity,
                "reason": reason,
                "expires_at": expires_at,
            },
        }
        for (block, expires_at), (quantity, reason) in zip(blocks, ((1.5, "Order"), (2, None)), strict=True)
    ]
    assert call("maintenance.expire_blocks", **DBA) == {"expire_blocks": 0}
    assert len(payloads(database)) == 2
    database.verify()


def test_blocks_that_expire_together_are_told_in_the_order_of_their_ends(
    call: Call, database: Database, webhook: int
) -> None:
    product = database.product("A-1", 10)
    ends = [
        database.one("select expires_at from inventory.create_block(%s, 1, null, inventory.clock() + %s)", product, end)
        for end in (3 * HOUR, HOUR, 2 * HOUR)
    ]
    database.advance(4 * HOUR)
    database.without_indexes()
    call("maintenance.expire_blocks", **DBA)
    told = [(payload["timestamp"], payload["data"]["expires_at"]) for payload in payloads(database)]
    assert told == [(at, at) for (at,) in database.rows("select inventory.instant_text(unnest(%s)) order by 1", ends)]


def test_an_endpoint_that_wants_one_kind_of_event_is_told_of_it(
    call: Call, admin_call: AdminCall, database: Database
) -> None:
    for kind in ("price.changed", "block.expired"):
        make(database, f"{{{kind}}}")
        product = database.product(kind, 10, p_price=2)
        admin_call("set_price", product, 3)
        call("create_block", product, 1)
        database.advance(HOUR)
        call("maintenance.expire_blocks", **DBA)
        wanted = database.rows("select type from store.event")
        assert {told for (told,) in wanted} == {kind}
        database.admin.execute("update store.webhook set enabled = false")
        database.admin.execute("delete from store.webhook_delivery")
        database.admin.execute("delete from store.event")


def test_nothing_is_queued_for_nobody(call: Call, database: Database) -> None:
    make(database, "{price.changed}")
    product = low(database)
    call("create_block", product, 3)
    database.advance(HOUR)
    call("reserve_stock", product, 20)
    call("consume_stock", product, 20)
    assert (database.counts()["event"], database.counts()["webhook_delivery"]) == (0, 0)


# Claims


def test_a_claim_says_what_to_send(database: Database, webhook: int, claim: Claim) -> None:
    queue(database)
    (claimed,) = claim()
    event, payload = database.rows("select id::text, payload::text from store.event")[0]
    assert claimed == {
        "delivery_id": 1,
        "attempt": 1,
        "url": URL,
        "secrets": [database.one("select secret from store.webhook")],
        "message_id": f"msg_{event.replace('-', '')}",
        "payload": payload,
    }
    assert state(database) == ("pending", 1, None, True)
    assert claim() == [], "it is under way"


def test_a_lease_that_is_over_is_anothers(database: Database, webhook: int, claim: Claim, finish: Finish) -> None:
    queue(database)
    (first,) = claim()
    database.advance(LEASE - SECOND)
    assert claim() == []
    database.advance(SECOND)
    (second,) = claim()
    assert (second["delivery_id"], second["attempt"], second["message_id"]) == (1, 2, first["message_id"])
    # The first one comes back, late: whatever it says changes nothing.
    for status in (200, 410, 500):
        before = state(database)
        assert not finish(first, status)
        assert state(database) == before
        assert database.one("select enabled from store.webhook")
    assert finish(second, 200)
    assert state(database) == ("delivered", 2, 200, False)


def test_a_report_counts_once(database: Database, webhook: int, claim: Claim, finish: Finish) -> None:
    queue(database)
    (claimed,) = claim()
    assert finish(claimed, 500)
    assert not finish(claimed, 200)
    assert state(database)[:3] == ("failed", 1, 500)


def test_a_late_report_counts_while_nobody_took_over(
    database: Database, webhook: int, claim: Claim, finish: Finish
) -> None:
    queue(database)
    (claimed,) = claim()
    database.advance(2 * LEASE)
    assert finish(claimed, 204)
    assert state(database) == ("delivered", 1, 204, False)


@pytest.mark.parametrize(
    ("limit", "per_webhook", "lease", "sqlstate", "field"),
    [
        (-1, 4, LEASE, "22023", "limit"),
        (32, -1, LEASE, "22023", "limit"),
        (None, 4, LEASE, "22004", "limit"),
        (32, None, LEASE, "22004", "limit"),
        (32, 4, -MICROSECOND, "22023", "lease"),
        (32, 4, DAY + MICROSECOND, "22023", "lease"),
        (32, 4, None, "22023", "lease"),
    ],
)
def test_a_claim_of_no_amount_or_for_no_time_is_refused(
    database: Database,
    webhook: int,
    calls: Calls,
    refused: Refused,
    limit: Any,
    per_webhook: Any,
    lease: Any,
    sqlstate: str,
    field: str,
) -> None:
    queue(database, 5)
    with refused(sqlstate) as error:
        calls("claim_deliveries", limit, per_webhook, lease, **WORKER)
    assert json.loads(error.value.diag.message_detail or "")["field"] == field


def test_a_claim_may_be_of_nothing_for_no_time_and_for_a_day(database: Database, webhook: int, calls: Calls) -> None:
    queue(database, 2)
    assert calls("claim_deliveries", 0, 4, LEASE, **WORKER) == []
    assert calls("claim_deliveries", 32, 0, LEASE, **WORKER) == []
    assert [row["attempt"] for row in calls("claim_deliveries", 1, 4, timedelta(), **WORKER)] == [1]
    assert len(calls("claim_deliveries", 1, 4, DAY, **WORKER)) == 1
    assert database.one(
        "select max(leased_until) - min(leased_until) >= interval '24 hours' from store.webhook_delivery"
    )


def test_claimers_never_get_the_same_delivery(database: Database, webhook: int) -> None:
    """One waits for nobody: what another is taking is not there for it."""
    queue(database, 8)
    one, two = database.connect("inventory_worker"), database.connect("inventory_worker")
    two.execute("set lock_timeout = '1ms'")
    query = "select delivery_id from inventory.claim_deliveries(%s, 8)"
    with one.transaction():
        first = one.execute(query, [3]).fetchall()
        assert two.execute(query, [8]).fetchall() == []
    second = two.execute(query, [8]).fetchall()
    assert (len(first), len(second), len({*first, *second})) == (3, 5, 8)


def test_a_delivery_that_is_being_changed_is_skipped(database: Database, webhook: int, claim: Claim) -> None:
    queue(database, 2)
    database.admin.execute(
        f'alter role inventory_worker in database "{database.admin.info.dbname}" set lock_timeout = 1'
    )
    holder = database.connect()
    with holder.transaction():
        holder.execute("select from store.webhook_delivery where id = 1 for update")
        assert [row["delivery_id"] for row in claim()] == [2]
    assert [row["delivery_id"] for row in claim()] == [1]


def test_a_delivery_is_due_at_its_instant(database: Database, webhook: int, claim: Claim, freeze: Freeze) -> None:
    freeze(NOON)
    queue(database)
    assert len(claim()) == 1


def test_a_report_waits_for_no_other_endpoint(database: Database, claim: Claim) -> None:
    other, own = make(database), make(database)
    queue(database)
    (number,) = [
        each["delivery_id"]
        for each in claim()
        if database.one("select webhook_id from store.webhook_delivery where id = %s", each["delivery_id"]) == own
    ]
    holder, worker = database.connect(), database.connect("inventory_worker")
    worker.execute("set lock_timeout = '1s'")
    with holder.transaction():
        holder.execute("select from store.webhook where id = %s for update", [other])
        row = worker.execute("select inventory.finish_delivery(%s, 1, 410, null, null)", [number]).fetchone()
    assert row == (True,)
    assert database.rows("select enabled from store.webhook order by id") == [(True,), (False,)]


def test_claimers_at_once_share_the_work(database: Database, in_thread: type[InThread]) -> None:
    for _ in range(5):
        make(database)
    queue(database, 40)
    connections = [database.connect("inventory_worker") for _ in range(6)]
    seen: list[tuple[int, int]] = []

    def work(connection: psycopg.Connection[Any]) -> None:
        while database_left():
            rows = connection.execute("select delivery_id, attempt from inventory.claim_deliveries(7, 4)").fetchall()
            seen.extend(rows)
            for row in rows:
                connection.execute("select inventory.finish_delivery(%s, %s, 200, null, null)", row)

    def database_left() -> bool:
        return len(seen) < 200

    threads = [in_thread(lambda connection=connection: work(connection)) for connection in connections]
    for thread in threads:
        thread.result()
    assert Counter(seen) == {(delivery, 1): 1 for delivery in range(1, 201)}
    assert database.rows("select distinct status, attempts from store.webhook_delivery") == [("delivered", 1)]


def test_an_endpoint_has_so_many_under_way_and_holds_up_nobody(
    database: Database, claim: Claim, finish: Finish
) -> None:
    hanging, other = make(database), make(database, "{stock.low}")
    queue(database, 10_000)
    database.advance(MINUTE)
    queue(database, 3, "stock.low")
    owner = "select webhook_id from store.webhook_delivery where id = %s"
    first = claim(5)
    assert Counter(database.one(owner, row["delivery_id"]) for row in first) == {hanging: 3, other: 2}
    second = claim()
    assert Counter(database.one(owner, row["delivery_id"]) for row in second) == {hanging: 1, other: 1}
    assert claim() == []
    # The oldest first, and where one place is free the endpoint that has least under way.
    assert [row["delivery_id"] for row in first + second if database.one(owner, row["delivery_id"]) == hanging] == [
        *range(1, 5)
    ]
    queue(database, 1, "stock.low")
    for row in first + second:
        finish(row, 200)
    for _ in range(3):
        claim(1)
    assert database.one(
        "select count(*) from store.webhook_delivery where webhook_id = %s and leased_until > now()", other
    )


def test_what_is_claimed_at_once_counts_against_the_endpoint(database: Database, webhook: int) -> None:
    """Two claimers that begin together do not get twice as many."""
    queue(database, 20)
    one, two = database.connect("inventory_worker"), database.connect("inventory_worker")
    query = "select delivery_id from inventory.claim_deliveries(32, 4)"
    with one.transaction():
        assert len(one.execute(query).fetchall()) == 4
        assert two.execute(query).fetchall() == [], "while it is being decided"
    assert two.execute(query).fetchall() == [], "and afterwards"


def test_a_claim_and_a_list_read_only_what_they_need(database: Database) -> None:
    """However much others have had: no table is read from end to end."""
    make(database, "{price.changed}")
    few = make(database, "{stock.low}")
    queue(database, 20_000, "price.changed")
    database.admin.execute(
        "update store.webhook_delivery set status = 'delivered', next_attempt_at = null, finished_at = now()"
    )
    queue(database, 10, "stock.low")
    for table in ("webhook_delivery", "event"):
        database.admin.execute(f"vacuum analyze store.{table}".encode())

    def scans() -> Any:
        database.one("select 1 from pg_stat_force_next_flush()")
        return database.one(
            "select sum(seq_tup_read) from pg_stat_user_tables where relname in ('webhook_delivery', 'event')"
        )

    before = scans()
    assert len(database.rows("select * from inventory.claim_deliveries(32, 4)")) == 4
    for status in (None, "pending"):
        page = database.one("select http.list_webhook_deliveries(%s, %s)", few, status)
        assert (page["count"], len(page["results"])) == (10, 10)
    assert scans() == before


# Reports and the schedule


def test_the_schedule_is_just_over_three_days_long(
    database: Database, webhook: int, claim: Claim, finish: Finish
) -> None:
    assert 3 * DAY < sum(SCHEDULE, timedelta()) < 4 * DAY
    queue(database)
    for attempt, delay in enumerate(SCHEDULE, 1):
        (claimed,) = claim()
        assert claimed["attempt"] == attempt
        assert finish(claimed, 500, "The receiver answered 500")
        assert state(database) == ("failed", attempt, 500, True)
        wait = due_in(database)
        assert 0.8 * delay - SECOND <= wait <= 1.2 * delay
        assert claim() == []
        database.advance(wait)
    (claimed,) = claim()
    assert finish(claimed, None, "No answer")
    assert state(database) == ("failed", 10, None, False)
    assert database.one("select last_error from store.webhook_delivery") == "No answer"
    database.advance(100 * DAY)
    assert claim() == []


def test_tries_are_spread(database: Database) -> None:
    rows = database.rows("select inventory.retry_delay(3) from generate_series(1, 300)")
    delays = [delay for (delay,) in rows]
    assert 24 * MINUTE <= min(delays) < 26 * MINUTE
    assert 34 * MINUTE < max(delays) <= 36 * MINUTE


@pytest.mark.parametrize("status", [None, 100, 199, 300, 302, 400, 404, 429, 500, 503])
def test_all_but_2xx_is_a_failure(
    database: Database, webhook: int, claim: Claim, finish: Finish, status: int | None
) -> None:
    queue(database)
    finish(claim()[0], status, "no")
    assert state(database) == ("failed", 1, status, True)
    assert database.one("select enabled from store.webhook")


@pytest.mark.parametrize("status", [200, 202, 204, 299])
def test_2xx_is_delivered(database: Database, webhook: int, claim: Claim, finish: Finish, status: int) -> None:
    queue(database)
    finish(claim()[0], status)
    assert state(database) == ("delivered", 1, status, False)
    database.advance(10 * DAY)
    assert claim() == []


@pytest.mark.parametrize(
    ("asked", "least", "most"),
    [
        (timedelta(0), 4 * SECOND, 6 * SECOND),
        (SECOND, 4 * SECOND, 6 * SECOND),
        (HOUR, HOUR, HOUR),
        (10 * DAY, DAY, DAY),
        (-DAY, 4 * SECOND, 6 * SECOND),
    ],
)
def test_a_receiver_may_ask_to_wait(
    database: Database,
    webhook: int,
    claim: Claim,
    finish: Finish,
    asked: timedelta,
    least: timedelta,
    most: timedelta,
) -> None:
    queue(database)
    finish(claim()[0], 429, "later", asked)
    assert least - SECOND < due_in(database) <= most


def test_410_disables_the_endpoint(database: Database, claim: Claim, finish: Finish) -> None:
    gone, other = make(database), make(database)
    queue(database, 3)
    claimed = claim(1)[0]
    assert database.one("select webhook_id from store.webhook_delivery where id = %s", claimed["delivery_id"]) == gone
    assert finish(claimed, 410, "gone")
    assert database.rows("select id, enabled from store.webhook order by id") == [(gone, False), (other, True)]
    assert state(database, claimed["delivery_id"]) == ("failed", 1, 410, False)
    assert {row["url"] for row in claim()} == {URL}
    assert database.rows("select distinct webhook_id from store.webhook_delivery where leased_until is not null") == [
        (other,)
    ]
    assert queue(database) == 1
    # What was queued before waits until the endpoint is enabled again.
    database.one("select id from inventory.update_webhook(%s, p_enabled => true)", gone)
    assert len(claim()) == 3


def test_a_try_whose_server_dies_counts(database: Database, webhook: int, claim: Claim) -> None:
    queue(database)
    for attempt in range(1, 11):
        assert [row["attempt"] for row in claim()] == [attempt]
        database.advance(LEASE)
    assert claim() == []
    assert state(database) == ("failed", 10, None, False)


def test_a_deleted_endpoint_is_there_for_nobody(
    call: Call, database: Database, webhook: int, claim: Claim, finish: Finish, refused: Refused
) -> None:
    queue(database, 6)
    first, *_ = claim()
    database.one("select inventory.delete_webhook(%s)", webhook)
    assert claim() == []
    database.advance(LEASE)
    assert claim() == [], "its lease is over"
    assert queue(database) == 0
    assert not database.one("select inventory.has_subscriber('outflow.created')")
    assert database.one("select http.list_webhooks()")["count"] == 0
    for name, *arguments in [
        ("update_webhook", webhook, URL, "{stock.low}", True),
        ("delete_webhook", webhook),
        ("rotate_webhook_secret", webhook),
        ("replay_delivery", webhook, 1),
        ("http.get_webhook", webhook),
        ("http.list_webhook_deliveries", webhook),
        ("http.replay_webhook_delivery", webhook, 1),
    ]:
        with refused("IV044"):
            call(name, *arguments, role="inventory_admin")
    # What a try that was under way reports is heard by nobody.
    assert finish(first, 410)
    assert claim() == []


def test_a_change_of_an_endpoint_that_comes_meanwhile_is_refused(
    call: Call, database: Database, refused: Refused
) -> None:
    """It was not there for the change: that another look would find it does not make it changed."""
    database.admin.execute(
        "create or replace function inventory.require_webhook(p_webhook_id bigint) returns store.webhook"
        " language plpgsql stable as $$ declare v_webhook store.webhook; begin return v_webhook; end; $$"
    )
    for name in ("update_webhook", "rotate_webhook_secret", "delete_webhook"):
        with refused("IV044"):
            call(name, 9, role="inventory_admin")


def test_a_deletion_touches_one_row_however_many_deliveries_there_are(database: Database, webhook: int) -> None:
    """The purge takes them, in batches, and at last the endpoint."""
    queue(database, 25)
    other = make(database)
    queue(database, 1)
    assert database.counts()["webhook_delivery"] == 27
    seller = database.connect()
    with seller.transaction():
        seller.execute("select inventory.queue_events('stock.low', array[json '{}'], array[inventory.clock()])")
        before = database.rows("select id, xmax::text from store.webhook_delivery order by id")
        database.one("select inventory.delete_webhook(%s)", webhook)
        assert database.rows("select id, xmax::text from store.webhook_delivery order by id") == before
        # 26 deliveries, and 25 events: that of the 26th is the other endpoint's too.
        assert purged(database, 10) == [20, 20, 11, 0]
        database.advance(DAY - SECOND)
        assert purged(database) == [0]
    assert purged(database) == [1, 0], "queued by a transaction that still saw the endpoint"
    assert database.rows("select id from store.webhook order by id") == [(webhook,), (other,)]
    database.advance(SECOND)
    assert purged(database) == [0]
    assert database.rows("select id from store.webhook") == [(other,)]
    assert database.rows("select webhook_id from store.webhook_delivery") == [(other,), (other,)]
    assert database.counts()["event"] == 2


def purged(database: Database, limit: int = 10_000) -> list[int]:
    """How much each purge deletes, until one finds nothing."""
    counts = []
    while not counts or counts[-1]:
        counts.append(database.one("select maintenance.purge_webhook_deliveries(%s)", limit))
    return counts


def test_deleting_and_410_do_not_deadlock(
    database: Database, webhook: int, claim: Claim, in_thread: type[InThread]
) -> None:
    queue(database)
    (claimed,) = claim()
    holder, deleter, reporter = (database.connect() for _ in range(3))
    with holder.transaction():
        holder.execute("select from store.webhook for no key update")
        deleted = in_thread(lambda: deleter.execute("select inventory.delete_webhook(%s)", [webhook]))
        database.wait_until_blocked(deleter)
        reported = in_thread(
            lambda: reporter.execute(
                "select inventory.finish_delivery(%s, 1, 410, null, null)", [claimed["delivery_id"]]
            ).fetchone()
        )
        database.wait_until_blocked(deleter, reporter)
    deleted.result()
    assert reported.result() == (True,)


# Replay


@pytest.mark.parametrize("status", [200, 410, 500])
def test_a_replay_is_tried_now_and_by_the_schedule_from_its_start(
    call: Call, database: Database, webhook: int, claim: Claim, finish: Finish, status: int
) -> None:
    queue(database)
    for _ in range(3):
        (first,) = claim()
        finish(first, 500)
        database.advance(DAY)
    (first,) = claim()
    finish(first, status)
    database.one("select id from inventory.update_webhook(%s, p_enabled => true)", webhook)
    call("replay_delivery", webhook, 1, role="inventory_admin")
    assert state(database) == ("pending", 4, status, True)
    (again,) = claim()
    assert (again["attempt"], again["message_id"], again["payload"]) == (5, first["message_id"], first["payload"])
    finish(again, 500)
    assert due_in(database) <= 6 * SECOND


def test_a_replay_is_of_the_endpoints_own_deliveries(call: Call, database: Database, refused: Refused) -> None:
    make(database, "{stock.low}")
    other = make(database, "{price.changed}")
    queue(database, 1, "stock.low")
    with refused("IV045"):
        call("replay_delivery", other, 1, role="inventory_admin")


def test_a_replay_makes_the_report_of_a_try_under_way_void(
    call: Call, database: Database, webhook: int, claim: Claim, finish: Finish
) -> None:
    queue(database)
    (first,) = claim()
    call("replay_delivery", webhook, 1, role="inventory_admin")
    assert not finish(first, 410)
    (second,) = claim()
    assert not finish(first, 500)
    assert finish(second, 200)
    assert state(database) == ("delivered", 2, 200, False)


# The purge


def test_the_purge(call: Call, database: Database, webhook: int, claim: Claim, finish: Finish) -> None:
    def purge(*limit: int) -> Any:
        row = call("maintenance.purge_webhook_deliveries", *limit, **DBA)
        return row and row["purge_webhook_deliveries"]

    queue(database, 4)
    rows = claim()
    finish(rows[0], 200)
    finish(rows[1], 200)
    database.admin.execute("update store.webhook_delivery set attempts = 10, tries = 10 where id = 3")
    finish(rows[2] | {"attempt": 10}, 500)
    finish(rows[3], 500)
    assert state(database, 3)[3] is False
    database.advance(30 * DAY - HOUR)
    assert purge() == 0
    database.advance(2 * HOUR)
    assert [purge(1), purge(1), purge(1)] == [2, 2, 0], "a delivery and its event at a time"
    assert database.rows("select id from store.webhook_delivery order by id") == [(3,), (4,)]
    assert database.counts()["event"] == 2
    database.advance(60 * DAY - 2 * HOUR)
    assert purge() == 0
    database.advance(2 * HOUR)
    assert purge() == 2
    assert database.rows("select id from store.webhook_delivery") == [(4,)], "what is still tried stays"
    # Of an endpoint that is disabled it is not tried any more.
    assert database.one("select inventory.clock() - next_attempt_at from store.webhook_delivery") > 89 * DAY
    database.advance(2 * DAY)
    assert purge() == 0
    database.one("select id from inventory.update_webhook(%s, p_enabled => false)", webhook)
    assert (purge(), database.counts()["event"]) == (2, 0)


def test_a_disabled_endpoints_backlog_stays_for_90_days(database: Database, webhook: int, freeze: Freeze) -> None:
    freeze(NOON)
    queue(database, 3)
    database.one("select id from inventory.update_webhook(%s, p_enabled => false)", webhook)
    freeze(NOON + 90 * DAY - MICROSECOND)
    assert purged(database) == [0]
    freeze(NOON + 90 * DAY)
    assert purged(database, 2) == [4, 2, 0]
    assert database.counts()["webhook"] == 1


def test_an_event_stays_as_long_as_one_delivery_of_it(
    call: Call, database: Database, claim: Claim, finish: Finish
) -> None:
    make(database), make(database)
    queue(database)
    one, two = claim()
    finish(one, 200)
    finish(two, 500)
    database.advance(31 * DAY)
    assert call("maintenance.purge_webhook_deliveries", **DBA) == {"purge_webhook_deliveries": 1}
    assert (database.counts()["webhook_delivery"], database.counts()["event"]) == (1, 1)


def test_the_purge_waits_for_nobody(database: Database, webhook: int, claim: Claim, finish: Finish) -> None:
    queue(database, 2)
    for row in claim():
        finish(row, 200)
    database.advance(31 * DAY)
    holder, purger = database.connect(), database.connect("inventory_maintenance")
    purger.execute("set lock_timeout = '1ms'")
    with holder.transaction():
        holder.execute("select from store.webhook_delivery where id = 1 for update")
        assert purger.execute("select maintenance.purge_webhook_deliveries()").fetchone() == (2,)


def test_two_purges_at_once_leave_no_event_behind(
    database: Database, claim: Claim, finish: Finish, in_thread: type[InThread]
) -> None:
    """Each takes one of an event's two deliveries: neither sees that none is left, but for the later one."""
    database.be_patient()
    make(database), make(database)
    queue(database)
    for row in claim():
        finish(row, 200)
    database.advance(31 * DAY)
    one, two = database.connect(), database.connect()
    purge = "select maintenance.purge_webhook_deliveries(1)"
    with one.transaction():
        assert one.execute(purge).fetchone() == (1,)
        later = in_thread(lambda: two.execute(purge).fetchone())
        database.wait_until_blocked(two)
    assert later.result() == (2,)
    assert database.counts()["event"] == 0


def test_the_purges_read_only_what_they_delete(database: Database) -> None:
    """However much there is that stays: no table is read from end to end."""
    old, off, stays = (make(database, "{stock.low}") for _ in range(3))
    queue(database, 10, "stock.low")
    keys = (
        "insert into store.idempotency_key (caller, key, request, created_at)"
        " select 'ann', gen_random_uuid(), 'request', inventory.clock() from generate_series(1, %s)"
    )
    database.admin.execute(keys, [10])
    database.admin.execute(
        "update store.webhook_delivery set status = 'delivered', next_attempt_at = null, finished_at = created_at"
        " where webhook_id = %s",
        [stays],
    )
    database.advance(100 * DAY)
    queue(database, 10_000, "stock.low")
    database.admin.execute(keys, [20_000])
    database.one("select id from inventory.update_webhook(%s, p_enabled => false)", off)
    database.admin.execute("delete from store.webhook_delivery where webhook_id = %s and id > 30", [old])
    database.one("select inventory.delete_webhook(%s)", old)
    for table in ("webhook_delivery", "event", "idempotency_key"):
        database.admin.execute(f"vacuum analyze store.{table}".encode())

    def scans() -> Any:
        database.one("select 1 from pg_stat_force_next_flush()")
        return database.one(
            "select sum(seq_tup_read) from pg_stat_user_tables"
            " where relname in ('webhook_delivery', 'event', 'idempotency_key')"
        )

    before = scans()
    # Also with a plan that knows no number: a session keeps one after five calls.
    for mode in ("force_custom_plan", "force_generic_plan"):
        database.admin.execute(f"set plan_cache_mode = {mode}".encode())
        assert purged(database, 20) == ([20, 20, 0] if mode == "force_custom_plan" else [0])
        assert database.one("select maintenance.purge_idempotency_keys(5)") == 5
    assert scans() == before
    assert database.counts()["webhook_delivery"] == 20_000
    assert database.counts()["idempotency_key"] == 20_000


@pytest.mark.parametrize(
    "change",
    [
        "create_webhook('https://odd.example/', '{{stock.low}}')",
        "update_webhook({webhook}, 'https://odd.example/')",
        "rotate_webhook_secret({webhook}, 60)",
        "delete_webhook({webhook})",
    ],
)
def test_an_unforeseen_error_shows_no_row_with_a_secret(
    database: Database, webhook: int, refused: Refused, change: str
) -> None:
    database.admin.execute(
        "alter table store.webhook add constraint odd check (url not like '%odd%' and deleted_at is null"
        " and previous_secret is null)"
    )
    admin = database.connect("inventory_admin")
    with refused("23514", "odd") as caught:
        admin.execute(f"select inventory.{change.format(webhook=webhook)}".encode())
    assert caught.value.diag.message_detail is None
    assert "whsec_" not in str(caught.value)
