"""Whatever a caller changes that is no movement leaves one row in store.audit."""

from __future__ import annotations

import re
from typing import Any

import psycopg
import pytest

from tests.conftest import TABLES, Database, InThread
from tests.sql.conftest import AdminCall, Call

# Each change with the function that writes it down, and what is written: subject, action, before, after, product.
CHANGES: tuple[tuple[str, str, tuple[str, str, Any, Any, int | None]], ...] = (
    (
        "inventory.move_block_end",
        "inventory.extend_block('{block}', '2030-01-02 05:00+03', 'ann')",
        ("block", "change", {"expires_at": "2030-01-02T00:00:00Z"}, {"expires_at": "2030-01-02T02:00:00Z"}, 1),
    ),
    (
        "inventory.update_inventory",
        "inventory.update_inventory(1, 30, 4.5, 'archived', p_actor => 'ann')",
        (
            "inventory",
            "change",
            {"status": "active", "reorder_point": None},
            {"status": "archived", "reorder_point": 4.5},
            1,
        ),
    ),
    (
        "inventory.set_kit_parts",
        "inventory.set_kit_parts(3, array[row('{first sku id}', 2)::inventory.block_line], 'ann')",
        ("inventory", "change", {"parts": None}, {"parts": [{"part_id": 1, "quantity": 2}]}, 3),
    ),
    (
        "inventory.update_catalog_product",
        "inventory.update_catalog_product(1, 'Cup', 1, 1, 2.25, null, 'Blue', 'S-9', 31, 'A-9', 'ann')",
        (
            "product",
            "change",
            {
                "sku": "A-1",
                "name": "Mug",
                "category_id": None,
                "brand_id": None,
                "cost_price": 1.5,
                "description": None,
                "serial_number": None,
            },
            {
                "sku": "A-9",
                "name": "Cup",
                "category_id": 1,
                "brand_id": 1,
                "cost_price": 2.25,
                "description": "Blue",
                "serial_number": "S-9",
            },
            1,
        ),
    ),
    (
        "inventory.note_price_change",
        "inventory.set_price(1, 9, p_actor => 'ann')",
        ("price", "create", None, {"amount": 9}, 1),
    ),
    (
        "inventory.delete_product",
        "inventory.delete_product(2, 'ann')",
        (
            "product",
            "delete",
            {
                "sku": "B-1",
                "sku_id": "{other sku id}",
                "name": "Pot",
                "category_id": None,
                "brand_id": None,
                "cost_price": None,
                "description": None,
                "serial_number": None,
                "status": "active",
                "reorder_point": None,
            },
            None,
            2,
        ),
    ),
    (
        "inventory.create_user",
        "inventory.create_user('bob', 'first password', 'operator', 'ann')",
        (
            "user",
            "create",
            None,
            {
                "username": "bob",
                "password_hash": "hidden",
                "role": "operator",
                "is_active": True,
                "token_version": 1,
            },
            None,
        ),
    ),
    (
        "inventory.update_user",
        "inventory.update_user(1, 'admin', false, p_actor => 'ann')",
        (
            "user",
            "change",
            {"role": "operator", "is_active": True, "token_version": 1},
            {"role": "admin", "is_active": False, "token_version": 2},
            None,
        ),
    ),
    (
        "inventory.update_user",
        "inventory.update_user(1, p_password => 'second password', p_actor => 'ann')",
        (
            "user",
            "change",
            {"password_hash": "hidden", "token_version": 2},
            {"password_hash": "hidden", "token_version": 3},
            None,
        ),
    ),
    *(
        row
        for what in ("brand", "category")
        for row in (
            (
                f"inventory.update_{what}",
                f"inventory.update_{what}(2, 'New', p_actor => 'ann')",
                (what, "change", {"name": "Old"}, {"name": "New"}, None),
            ),
            (
                f"inventory.delete_{what}",
                f"inventory.delete_{what}(2, 'ann')",
                (what, "delete", {"name": "New", "description": None}, None, None),
            ),
        )
    ),
    (
        "inventory.update_supplier",
        "inventory.update_supplier(1, p_email => 'new@farm.example', p_phone_number => '1', p_actor => 'ann')",
        (
            "supplier",
            "change",
            {"email": "old@farm.example", "phone_number": None},
            {"email": "new@farm.example", "phone_number": "1"},
            None,
        ),
    ),
    (
        "inventory.delete_supplier",
        "inventory.delete_supplier(1, 'ann')",
        (
            "supplier",
            "delete",
            {
                "name": "Farm",
                "description": None,
                "business_name": None,
                "email": "new@farm.example",
                "phone_number": "1",
            },
            None,
            None,
        ),
    ),
    (
        "inventory.create_webhook",
        "inventory.create_webhook('https://a.example:8443/path-token?q', '{stock.low}', true, 'ann')",
        (
            "webhook",
            "create",
            None,
            {
                "url": "https://a.example:8443",
                "events": ["stock.low"],
                "enabled": True,
                "secret": "hidden",
                "stock_changes": "each",
            },
            None,
        ),
    ),
    (
        "inventory.update_webhook",
        "inventory.update_webhook(1, 'https://b.example/path-token', p_actor => 'ann')",
        ("webhook", "change", {"url": "https://a.example:8443"}, {"url": "https://b.example"}, None),
    ),
    (
        "inventory.update_webhook",
        "inventory.update_webhook(1, 'https://b.example/another-path-token', p_actor => 'ann')",
        ("webhook", "change", {"url": "https://b.example"}, {"url": "https://b.example"}, None),
    ),
    (
        "inventory.rotate_webhook_secret",
        "inventory.rotate_webhook_secret(1, 60, 'ann')",
        ("webhook", "change", {"secret": "hidden"}, {"secret": "hidden"}, None),
    ),
    (
        "inventory.delete_webhook",
        "inventory.delete_webhook(1, 'ann')",
        (
            "webhook",
            "delete",
            {
                "url": "https://b.example",
                "events": ["stock.low"],
                "enabled": True,
                "secret": "hidden",
                "stock_changes": "each",
            },
            None,
            None,
        ),
    ),
    (
        "maintenance.configure",
        "maintenance.configure(interval '20 minutes', p_password_cost => 5)",
        (
            "setting",
            "change",
            {"block_duration": "00:15:00", "password_cost": 4},
            {"block_duration": "00:20:00", "password_cost": 5},
            None,
        ),
    ),
)
# The ones that find a change each time: a new hash, a new secret; or nothing to change any more.
NOT_TWICE = ("create_", "delete_", "rotate_", "p_password =>")
# Driven by tests of their own.
ALONE = {"inventory.finish_delivery", "maintenance.repair"}

# Tables whose rows callers change, and whose creation, change or end no row of theirs or of the ledger tells.
TRACED = {
    "block",
    "brand",
    "category",
    "kit_part",
    "product",
    "setting",
    "stock",
    "supplier",
    "user_account",
    "webhook",
}
# The others, and what tells of their changes.
SELF_TOLD = {
    "movement, cost_layer, cost_layer_use, location_stock, location_movement": "the ledger",
    "seal": "hashes of the ledger",
    "opening_balance, detached_month": "the ledger's months that are detached",
    "sale, sale_part, purchase, inflow, outflow, art_operation": "rows with an actor, never changed",
    "deleted_flow, deleted_product": "rows that say who deleted",
    "count, count_line, stock_count": "rows that say who counted, and who closed",
    "price, price_turn": "a rule is never changed but for its end, where the next one begins",
    "location, unit": "made, and never changed",
    "event, webhook_delivery, webhook_position, idempotency_key": "no caller's data",
    "row_total, job, job_failure, verification": "no caller's data",
    "audit": "the trace itself",
}
# Functions that change a row of a traced table and write nothing down.
WITHOUT_A_TRACE = {
    "inventory.initialize_inventory": "of the product only its version; a stock row, which is its own trace",
    "inventory.write_postings": "balances, and blocks that end: movements",
    "inventory.set_price": "a price row; of the product only that it changed",
    "inventory.settle_hold": "that a call for an owner has seen which of its blocks have expired",
    "maintenance.continue_feed": "a number that nobody sets",
    "inventory.turn_prices_of": "of the product only its version",
    "inventory.renew_price_turns": "of the product only its version",
    "maintenance.purge_webhook_deliveries": "endpoints whose deletion was written down",
}
FUNCTIONS = """
select p.pronamespace::regnamespace || '.' || p.proname, p.prosrc from pg_proc as p
where p.pronamespace = any('{http,inventory,maintenance,report}'::regnamespace [])
"""
WRITTEN = "select subject, action, before, after, product_id from store.audit where id > %s order by id"


@pytest.fixture
def ids(database: Database) -> dict[str, str]:
    """The products, suppliers and the like that the changes are about; ids by name."""
    admin = database.admin
    admin.execute("select inventory.create_product('A-1', 'Mug', p_cost_price => 1.5, p_quantity => 20)")
    admin.execute("select inventory.create_product('B-1', 'Pot', p_quantity => 1)")
    admin.execute("select inventory.create_product('KIT', 'Kit')")
    for what in ("brand", "category"):
        admin.execute(f"select inventory.create_{what}(n) from unnest('{{First,Old}}'::text []) as n".encode())
    admin.execute("select inventory.create_supplier('Farm', p_email => 'old@farm.example')")
    admin.execute("select maintenance.configure(p_block_duration_maximum => interval '3650 days')")
    admin.execute("truncate store.audit")
    block = database.one("select id from inventory.create_block(1, 1, p_expires_at => '2030-01-02Z')")
    assert database.rows("select * from store.audit") == [], "what was created says so itself"
    return {"block": str(block), "first sku id": database.sku_id(1), "other sku id": database.sku_id(2)}


def filled(value: Any, ids: dict[str, str]) -> Any:
    """The text, or the texts of an object, with the ids that braces name."""
    if isinstance(value, dict):
        return {key: filled(one, ids) for key, one in value.items()}
    if isinstance(value, str):
        return re.sub(r"\{([a-z ]+)\}", lambda name: ids.get(name[1], name[0]), value)
    return value


def test_every_change_is_written_down_once_whatever_the_login_has_set(
    database: Database, ids: dict[str, str], subtests: pytest.Subtests
) -> None:
    connections = {
        schema: database.connect(f"inventory_{role}")
        for schema, role in (("inventory", "admin"), ("maintenance", "maintenance"))
    }
    for connection in connections.values():
        for setting in ("timezone = 'Asia/Kolkata'", "datestyle = 'SQL, DMY'", "intervalstyle = 'sql_standard'"):
            connection.execute(f"set {setting}".encode())
    for _, statement, (subject, action, before, after, product) in CHANGES:
        schema = statement.partition(".")[0]
        last = database.one("select coalesce(max(id), 0) from store.audit")
        versions = dict(database.rows("select id, version from store.product"))
        connections[schema].execute(f"select * from {filled(statement, ids)}".encode())
        with subtests.test(statement):
            assert database.rows(WRITTEN, last) == [(subject, action, filled(before, ids), filled(after, ids), product)]
            now = dict(database.rows("select id, version from store.product"))
            changed = {each for each in now | versions if now.get(each) != versions.get(each)}
            assert changed == {product} - {None}, "whose version changes"
            assert all(now[each] >= versions.get(each, 0) for each in now), "versions only grow"
            login = connections[schema].info.user
            assert database.rows(
                "select actor, written_by, created_at > inventory.clock() - interval '1 minute' from store.audit"
                " where id > %s",
                last,
            ) == [("ann" if schema == "inventory" else login, login, True)]
            if not any(word in statement for word in NOT_TWICE):
                connections[schema].execute(f"select * from {filled(statement, ids)}".encode())
                assert len(database.rows(WRITTEN, last)) == 1, "no change"
    subjects = dict(
        database.rows("select distinct subject, subject_id from store.audit where subject in ('block', 'user')")
    )
    assert subjects == {"block": ids["block"], "user": "1"}
    database.verify()


def test_every_function_that_changes_something_writes_it_down(database: Database) -> None:
    """A new function, or a new table, has to say which it is."""
    self_told = {table for tables in SELF_TOLD for table in tables.split(", ")}
    tables = {name for (name,) in database.rows(TABLES) if "yoyo" not in name}
    assert TRACED | self_told == tables
    assert TRACED & self_told == set()
    one_of = f"store\\.({'|'.join(sorted(TRACED))})\\M"
    changes = rf"\m(update|delete\s+from|merge\s+into|truncate)\s+{one_of}|\minsert\s+into\s+{one_of}[^;]+do\s+update"
    pattern = re.compile(changes.replace(r"\m", r"\b").replace(r"\M", r"\b"))
    functions = database.rows(FUNCTIONS)
    changing = {name for name, body in functions if pattern.search(body)}
    writing = {name for name, body in functions if "inventory.record_change(" in body}
    assert changing - writing == WITHOUT_A_TRACE.keys()
    assert writing - changing == {"inventory.create_user", "inventory.create_webhook"}, "who may do or be told what"
    assert writing == {name for name, _, _ in CHANGES} | ALONE, "each is driven"


def test_only_two_functions_write_the_trace(database: Database) -> None:
    assert {name for name, body in database.rows(FUNCTIONS) if re.search(r"\binto store.audit\b", body)} == {
        "inventory.record_change",
        "inventory.record_new_products",
    }
    assert not [
        name for name, body in database.rows(FUNCTIONS) if re.search(r"\b(update|from) store.audit\b(?! as a)", body)
    ]


def test_no_password_and_no_secret_is_in_the_trace(database: Database, ids: dict[str, str]) -> None:
    hidden = {"first password", "second password", "path-token"}
    for _, statement, _ in CHANGES:
        database.admin.execute(f"select * from {filled(statement, ids)}".encode())
        secrets = "select password_hash from store.user_account union select unnest(array[secret, previous_secret])"
        hidden |= {str(value) for (value,) in database.rows(f"{secrets} from store.webhook") if value}
    assert len(hidden) == 3 + 2 + 2
    text = str(database.rows("select * from store.audit"))
    assert [value for value in hidden if value in text] == []


def test_a_receiver_that_is_gone_is_written_down_once(database: Database, call: Call) -> None:
    product = database.product(quantity=10)
    call("create_webhook", "https://a.example/", ["outflow.created"], role="inventory_admin")
    for _ in range(2):
        call("record_outflow", product, 1, role="inventory_admin")
    last = database.one("select max(id) from store.audit")
    worker = database.connect("inventory_worker")
    claimed = worker.execute("select delivery_id, attempt from inventory.claim_deliveries(9, 9)").fetchall()
    assert len(claimed) == 2
    for delivery_id, attempt in claimed:
        worker.execute("select inventory.finish_delivery(%s, %s, 410, 'Gone', null)", [delivery_id, attempt])
    assert database.rows(WRITTEN, last) == [("webhook", "change", {"enabled": True}, {"enabled": False}, None)]
    assert database.one("select actor || ' ' || written_by from store.audit where id > %s", last) == (
        "inventory_worker inventory_worker"
    )


def test_the_users_of_maintenance_are_written_down_as_its_login(database: Database, call: Call) -> None:
    dba = {"role": "inventory_maintenance"}
    call("maintenance.create_user", "ann", "a password", "operator", **dba)
    call("maintenance.change_role", "ann", "admin", **dba)
    call("maintenance.change_password", "ann", "another password", **dba)
    call("maintenance.disable_user", "ann", **dba)
    call("maintenance.enable_user", "ann", **dba)
    call("maintenance.enable_user", "ann", **dba)
    made = ["role", "username", "is_active", "password_hash", "token_version"]
    assert database.rows(
        "select action, actor, written_by, array(select jsonb_object_keys(after)) from store.audit order by id"
    ) == [
        (action, "inventory_maintenance", "inventory_maintenance", fields)
        for action, fields in (
            ("create", made),
            ("change", ["role", "token_version"]),
            ("change", ["password_hash", "token_version"]),
            ("change", ["is_active"]),
            ("change", ["is_active"]),
        )
    ]


def test_of_what_is_created_imported_or_moved_only_products_and_prices_are_told(
    database: Database, ids: dict[str, str], admin_call: AdminCall
) -> None:
    lines = '[{"title": "x", "category": 1, "brand": 1, "cost_price": 1, "selling_price": 2, "quantity": 3}]'
    admin_call("import_products", lines)
    admin_call("create_catalog_product", "Mug", 1, 1, 1, 2)
    admin_call("update_inventory", 1, 25)
    admin_call("update_catalog_product", 1, p_quantity=26, p_selling_price=5)
    admin_call("set_price", 1, 6)
    admin_call("cancel_block", ids["block"])
    assert database.rows("select product_id, subject, action from store.audit order by id") == [
        *((product, subject, "create") for product in (4, 5) for subject in ("product", "price")),
        (1, "price", "create"),
        (1, "price", "change"),
    ]


def test_a_refused_change_leaves_none(database: Database, ids: dict[str, str], admin_call: AdminCall) -> None:
    for name, *arguments in (
        ("update_inventory", 1, None, 5, "archived", 999),
        ("update_catalog_product", 1, None, None, None, None, None, None, None, None, "B-1"),
        ("update_brand", 1, "Old"),
        ("update_user", 99, "admin"),
        ("delete_webhook", 99),
    ):
        with pytest.raises(psycopg.Error):
            admin_call(str(name), *arguments)
    assert database.rows("select * from store.audit") == []


# Two changes of one thing at the same time; {}: who.
AT_ONCE = (
    "inventory.extend_block('{block}', '2030-01-0{} 00:00Z')",
    "inventory.update_inventory(1, p_reorder_point => {})",
    "inventory.update_catalog_product(1, p_title => 'M{}')",
    "inventory.update_brand(1, 'B{}')",
    "inventory.update_category(1, 'C{}')",
    "inventory.update_supplier(1, 'S{}')",
    "inventory.update_user(1, p_password => 'password {}')",
    "inventory.update_webhook(1, 'https://{}.example/')",
    "inventory.rotate_webhook_secret(1, {})",
    "maintenance.configure(interval '{} hours')",
)


@pytest.mark.parametrize("template", AT_ONCE)
def test_of_two_changes_at_once_the_second_begins_where_the_first_ended(
    database: Database, ids: dict[str, str], in_thread: type[InThread], template: str
) -> None:
    database.admin.execute("select inventory.create_user('bob', 'a password', 'operator')")
    database.admin.execute("select inventory.create_webhook('https://a.example/', '{stock.low}')")
    last = database.one("select max(id) from store.audit")
    first, second = (f"select * from {filled(template, ids).format(who)}".encode() for who in (3, 4))
    one, other = database.connect(), database.connect()
    with one.transaction():
        one.execute(first)
        waiting = in_thread(lambda: other.execute(second))
        database.wait_until_blocked(other)
    waiting.result()
    (_, _, _, after, _), (_, _, before, _, _) = database.rows(WRITTEN, last)
    assert before == after


def test_a_reporting_tool_sees_it_also_of_what_was_deleted(database: Database, admin_call: AdminCall) -> None:
    product = database.product("A-1")
    sku_id = database.sku_id(product)
    admin_call("update_inventory", product, p_reorder_point=5)
    admin_call("delete_product", product, "ann")
    analyst = database.connect("inventory_reporting")
    columns = "subject, subject_id, action, product_id, sku_id::text, sku, actor, written_by"
    assert analyst.execute(f"select {columns} from report.audit order by audit_id".encode()).fetchall() == [
        ("product", "1", "create", product, sku_id, "A-1", "postgres", "postgres"),
        ("inventory", "1", "change", product, sku_id, "A-1", "inventory_admin", "inventory_admin"),
        ("product", "1", "delete", product, sku_id, "A-1", "ann", "inventory_admin"),
    ]
