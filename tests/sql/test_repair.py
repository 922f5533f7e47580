"""maintenance.repair() does what maintenance.plan_repair() shows for each damage that verify() finds, or refuses it."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable
from decimal import Decimal
from random import Random

import psycopg
import pytest

from tests.conftest import Database, InThread
from tests.sql.conftest import AdminCall, Call, Refused, contents
from tests.sql.test_verify import DAMAGES, ELSEWHERE, RULES, history, later_history

__all__ = ["history", "later_history"]

DBA = "inventory_maintenance"
CAUSE = "A script changed tables by hand"
PLAN = "select product_id, is_possible, action from maintenance.plan_repair()"
REPAIR = "select action, table_name, found, wanted from maintenance.repair(%s, %s)"

# What the ledger cannot tell: changed or lost rows of its own, and what only a lost row knew (a supplier, a price,
# a status). Of less than one unit, several unit costs have the same value.
LOST = re.compile(
    r"(update|delete from|insert into) store\.(movement|location_movement|opening_balance)\b"
    r"|delete from store\.(stock|purchase|sale|inflow|deleted_product)\b"
    r"|delete from store\.deleted_flow where kind = 'inflow'"
    r"|insert into store\.product\b"
    r"|update store\.cost_layer set unit_cost"
)
# What follows from these is right after a repair, but not what it was: they are what the others follow from.
FACTS = re.compile(
    r"store\.price (set|where)|update store\.product set (category|brand)_id|delete from store\.product "
)

# What a repair adds, and what cannot be known: when a lost block was to end, when lost units had arrived at a location.
UNKNOWN = {
    "audit": "false",
    "movement": "kind <> 'repair'",
    "price_turn": "false",
    "row_total": "false",
}
HIDDEN = {
    "block": "expires_at",
    "location_stock": "arrived_at",
    "stock": "feed_key,last_number,updated_at",
}


def rows_of(database: Database) -> dict[str, list[str]]:
    """All rows that a repair has to bring back as they were."""
    tables = contents(database).keys() - {"_yoyo_log", "_yoyo_version", "yoyo_lock", "_yoyo_migration"}
    union = " union all ".join(
        f"select '{table}', array(select (to_jsonb(t) - '{{{HIDDEN.get(table, '')}}}'::text [])::text"
        f' from store."{table}" as t where {UNKNOWN.get(table, "true")} order by 1)'
        for table in sorted(tables)
    )
    return dict(database.rows(union))


def as_shown(actions: Iterable[str]) -> list[str]:
    """The steps in words; when a lost block ends is counted from now."""
    return sorted(re.sub(r'"expires_at": "[^"]+"', "", action) for action in actions)


@pytest.mark.usefixtures("history")
def test_each_damage_is_repaired_or_refused(database: Database, subtests: pytest.Subtests) -> None:
    before = rows_of(database)
    for damage in dict.fromkeys(damage for damage, *_ in [*DAMAGES, *ELSEWHERE]):
        with subtests.test(damage), database.admin.transaction(force_rollback=True):
            database.admin.execute(damage.encode())
            refused = repair_all(database)
            assert bool(refused) == bool(LOST.search(damage))
            if refused or FACTS.search(damage):
                assert {of for (of,) in database.rows("select product_id from maintenance.verify()")} == refused
            else:
                assert rows_of(database) == before
    database.verify()


@pytest.mark.usefixtures("later_history")
def test_each_check_is_repaired_or_refused_behind_months_that_were_detached(
    database: Database, subtests: pytest.Subtests
) -> None:
    damages = {check: damage for damage, check, *_ in reversed([*DAMAGES, *ELSEWHERE])}
    damages["the ledger does not tell of each block"] = (
        "update store.block set status = 'active', ended_at = null where status = 'cancelled'"
    )
    damages["the ledger does not tell of each cost"] = "update store.cost_layer set unit_cost = unit_cost + 1"
    for check, damage in damages.items():
        with subtests.test(check), database.admin.transaction(force_rollback=True):
            database.admin.execute(damage.encode())
            refused = repair_all(database)
            assert {of for (of,) in database.rows("select product_id from maintenance.verify()")} == refused
    database.verify()


def repair_all(database: Database) -> set[int | None]:
    """Repair what can be repaired, as the plan says; the products of which the plan says that they cannot."""
    plan = database.rows(PLAN)
    assert plan
    refused = {product for product, is_possible, _ in plan if not is_possible}
    for product in sorted({product for product, *_ in plan if product} - refused):
        done = database.rows(REPAIR, product, CAUSE)
        assert as_shown(row[0] for row in done) == as_shown(row[2] for row in plan if row[0] == product)
    if any(product is None for product, *_ in plan):
        database.rows(REPAIR, None, CAUSE)  # nothing is left to do if a row came back that was counted
    for product in refused:
        with pytest.raises(psycopg.errors.DataCorrupted), database.admin.transaction():
            database.rows(REPAIR, product, CAUSE)
    return refused


@pytest.mark.usefixtures("history")
def test_damage_of_several_kinds_at_once_is_repaired_at_once(database: Database) -> None:
    before = rows_of(database)
    for damage in (
        "update store.stock set on_hand = on_hand + 7, reserved = reserved + 1, located = 0, average_value = 0,"
        " average_quantity = 0",
        "delete from store.cost_layer_use",
        "delete from store.cost_layer where remaining = quantity",
        "delete from store.location_stock where location_id = 1",
        "update store.location_stock set quantity = 100",
        "delete from store.block",
        "delete from store.art_operation where count_id is null and movement_id is not null",
        "update store.sale set number = -number, cost = 0, movement_id = id",
        "update store.purchase set number = 100 - number, quantity_to_date = 0",
        "delete from store.outflow",
        "delete from store.deleted_flow where kind = 'outflow'",
        "update store.product set retail_price = 77",
        "delete from store.price_turn",
        "delete from store.row_total",
    ):
        database.admin.execute(damage.encode())
    plan = database.rows("select product_id, check_name from maintenance.plan_repair()")
    assert len({check for _, checks in plan for check in checks.split("; ")}) > 12
    dba = database.connect(DBA)
    for product in {product for product, _ in plan}:
        dba.execute(REPAIR.encode(), [product, CAUSE])
    database.verify()
    assert rows_of(database) == before


# Not enough is left, there is no such sale or flow, more would come back than left, the inflow was used.
REFUSED = {"IV001", "IV028", "IV030", "IV040", "IV041", "IV042"}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_cost_layers_are_built_again_from_the_movements(database: Database, admin_call: AdminCall, seed: int) -> None:
    """Whatever came and went, and came back: layers and uses are those that the calls had made, to the last 0.001."""
    random = Random(seed)
    product = database.product("A-1", "7.5", p_cost_price="1.333")
    supplier = admin_call("create_supplier", "Farm")["id"]
    sales: list[int] = []
    flows: list[tuple[str, int]] = []
    for _ in range(80):
        quantity = random.randint(1000, 6000) / Decimal(1000)
        # A sale of more than there is, a return of what came back already, an inflow that was used.
        try:
            match random.randrange(8):
                case 0 | 1:
                    admin_call("record_purchase", product, supplier, quantity, random.randint(0, 5000) / Decimal(1000))
                case 2 | 3:
                    sales.append(admin_call("record_sale", product, quantity, 9)["id"])
                case 4:
                    admin_call("return_sale", random.choice(sales or [0]), quantity)
                case 5:
                    flows.append(("inflow", admin_call("record_inflow", product, supplier, int(quantity))["id"]))
                    database.admin.execute(
                        "update store.product set cost_price = nullif(%s, 3)", [random.randint(1, 3)]
                    )
                case 6:
                    flows.append(("outflow", admin_call("record_outflow", product, int(quantity))["id"]))
                case _:
                    kind, flow = random.choice(flows or [("inflow", 0)])
                    admin_call(f"delete_{kind}", flow)
        except psycopg.DatabaseError as error:
            if error.sqlstate not in REFUSED:
                raise
    assert database.one("select count(distinct kind) from store.movement") >= 7
    database.verify()
    before = rows_of(database)
    database.admin.execute("delete from store.cost_layer where id % 2 = 0")
    database.admin.execute("update store.cost_layer set remaining = quantity, remaining_value = value, is_open = true")
    database.admin.execute("delete from store.cost_layer_use where layer_id % 3 > 0")
    database.admin.execute("update store.cost_layer_use set cost = 0, quantity = 2 * quantity")
    database.rows(REPAIR, product, CAUSE)
    assert rows_of(database) == before
    database.verify()


def test_rows_that_break_their_rules_are_set_back_or_refused(database: Database, subtests: pytest.Subtests) -> None:
    product = database.product("A-1", 5)
    for table, rules in RULES.items():
        for rule, change in rules.items():
            with subtests.test(rule), database.admin.transaction(force_rollback=True):
                database.admin.execute(f"alter table store.{table} drop constraint {table}_sound".encode())
                database.admin.execute(f"update store.{table} set {change}".encode())
                refused = repair_all(database)
                is_lost = table == "movement" or rule in (
                    "stock_reorder_point_not_negative",
                    "stock_status_known",
                    "stock_kit_holds_nothing",
                )
                assert refused == ({product} if is_lost else set())
                if not refused:
                    database.verify()


LAST = "number = (select max(number) from store.movement)"
LAST_AT_LOCATIONS = "movement_id = (select max(movement_id) from store.location_movement)"


@pytest.mark.parametrize(
    ("last", "damage"),
    [
        ("record_sale(1, 3, 5)", f"update store.movement set on_hand_after = on_hand_after - 1 where {LAST}"),
        ("create_block(1, 3)", f"update store.movement set blocked_after = blocked_after - 1 where {LAST}"),
        ("reserve_stock(1, 3)", f"delete from store.movement where {LAST}"),
        ("record_sale(1, 7, 5)", f"delete from store.location_movement where {LAST_AT_LOCATIONS}"),
        (
            "place_order('Transfer', 'A-1', 2, 'RACK-A1-01', 'RACK-B2-02')",
            f"delete from store.location_movement where {LAST_AT_LOCATIONS}",
        ),
    ],
)
def test_the_end_of_the_ledger_is_not_believed_against_two_others(
    database: Database, call: Call, last: str, damage: str
) -> None:
    """No later movement tells that the last one was changed or is lost, but the stock and a second witness do."""
    database.product("A-1", 5)
    call("place_order", "Add", "A-1", 5, p_to_location="RACK-A1-01")
    database.admin.execute(f"select inventory.{last}".encode())
    database.verify()
    database.admin.execute(damage.encode())
    assert repair_all(database) == {1}


def test_a_repair_that_would_not_suffice_changes_nothing(database: Database) -> None:
    product = database.product("A-1", 20)
    database.admin.execute("update store.stock set on_hand = 25")
    definition = str(database.one("select pg_get_functiondef('maintenance.rebuild_stock'::regproc)"))
    wrong = definition.replace("coalesce(v_last.on_hand_after, 0)", "24")
    assert wrong != definition
    database.admin.execute(wrong.encode())
    before = contents(database)
    with pytest.raises(psycopg.errors.DataCorrupted, match="would leave differences"):
        database.rows(REPAIR, product, CAUSE)
    assert contents(database) == before


# What a repair leaves


def test_a_repair_stands_in_the_ledger_and_in_the_audit_trail(database: Database, call: Call) -> None:
    product = database.product("A-1", 20, p_cost_price=2)
    database.admin.execute("update store.stock set on_hand = 25, reserved = 3")
    dba = database.connect(DBA)
    shown = dba.execute("select action from maintenance.plan_repair(%s, %s)", [product, product]).fetchall()
    assert shown == [("Set back stock: on_hand 25.000 to 20.000, reserved 3.000 to 0.000.",)]
    assert database.stock(product) == (25, 3, 0), "a plan only reads"
    done = dba.execute("select check_name, action from maintenance.repair(%s, %s)", [product, CAUSE]).fetchall()
    assert done == [("stock equals its last movement", shown[0][0])]
    assert database.rows(
        "select kind, on_hand_before, on_hand_after, reserved_before, reserved_after, cost, reference, reason, actor,"
        " written_by from store.movement order by number offset 1"
    ) == [("repair", 20, 20, 0, 0, None, None, CAUSE, DBA, DBA)]
    ((subject, subject_id, action, before, after, actor, login, of),) = database.rows(
        "select subject, subject_id, action, before, after, actor, written_by, product_id from report.audit"
        " where subject = 'repair'"
    )
    assert (subject, subject_id, action, actor, login, of) == ("repair", "stock", "change", DBA, DBA, product)
    assert (before["stock"]["on_hand"], after["stock"]["on_hand"], after["cause"]) == (25, 20, CAUSE)
    assert call("reserve_stock", product, 20)
    database.verify()


@pytest.mark.usefixtures("history")
def test_repeating_a_repair_changes_nothing(database: Database) -> None:
    database.admin.execute("update store.stock set reserved = reserved + 1 where product_id = 1")
    database.admin.execute("update store.row_total set delta = delta + 1")
    for product in (1, None):
        assert database.rows(REPAIR, product, CAUSE)
    before = contents(database)
    for product in (1, 2, 3, 4, None):
        assert database.rows(REPAIR, product, CAUSE) == []
    assert contents(database) == before
    database.verify()


def test_what_a_row_was_stands_in_the_audit_trail(database: Database, admin_call: AdminCall) -> None:
    product = database.product("A-1", 20, p_cost_price=2)
    admin_call("set_price", product, 5)
    admin_call("record_sale", product, 3, 5)
    database.admin.execute("delete from store.cost_layer_use")
    database.admin.execute("update store.product set retail_price = 4")
    database.admin.execute("insert into store.cost_layer_use values (1, 99, 1, 1, 2, null)")
    database.rows("select from maintenance.repair(%s, %s, 'ann')", product, CAUSE)
    audit = {
        (table, before[table] is None, after[table] is None): (before[table], after[table], actor)
        for table, before, after, actor in database.rows(
            "select subject_id, before, after, actor from store.audit where subject = 'repair'"
        )
    }
    assert {actor for *_, actor in audit.values()} == {"ann"}
    assert audit["cost_layer_use", True, False][1]["cost"] == 6
    assert audit["cost_layer_use", False, True][0]["movement_id"] == 99
    old, new, _ = audit["product", False, False]
    assert (old["retail_price"], new["retail_price"]) == (4, 5)


def test_a_price_that_is_set_back_moves_no_stock(database: Database, admin_call: AdminCall) -> None:
    product = admin_call("register_product", "A-1", "Without an inventory")["id"]
    admin_call("set_price", product, 5)
    other = database.product("A-2", 5, p_price=3)
    database.admin.execute("update store.product set retail_price = 4")
    for each in (product, other):
        assert database.rows(REPAIR, each, CAUSE)
    assert database.rows("select retail_price from store.product order by id") == [(5,), (3,)]
    assert database.one("select count(*) from store.movement where kind = 'repair'") == 0
    database.verify()


# Who may, and with what


def test_a_cause_is_mandatory(database: Database, refused: Refused) -> None:
    product = database.product("A-1", 20)
    database.admin.execute("update store.stock set on_hand = 25")
    dba = database.connect(DBA)
    for cause, sqlstate in ((None, "22004"), ("", "22023"), ("  ", "22023"), ("x" * 501, "22023")):
        with refused(sqlstate):
            dba.execute(REPAIR.encode(), [product, cause])
    with refused("IV003"):
        dba.execute(REPAIR.encode(), [99, CAUSE])
    dba.execute(REPAIR.encode(), [product, "x" * 500])
    database.verify()


def test_only_maintenance_may_repair(database: Database) -> None:
    for role in ("public", "operator", "employee", "admin", "reporting", "worker"):
        connection = database.connect(f"inventory_{role}")
        for query in ("select maintenance.plan_repair()", "select maintenance.repair(1, 'x')"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(query.encode())
    for query in ("select maintenance.plan_of(1)", "select maintenance.set_back('stock', '[]', '[]')"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            database.connect(DBA).execute(query.encode())


# A break in the chain: balances were changed, and movements followed


def fifo(arrivals: Iterable[tuple[int, int | None]], departures: Iterable[int]) -> list[int | None]:
    """What each departure of whole units costs; None: it touched a unit of unknown cost."""
    units = deque(cost for quantity, cost in arrivals for _ in range(quantity))
    taken = ([units.popleft() for _ in range(quantity)] for quantity in departures)
    return [None if None in costs else sum(cost for cost in costs if cost) for costs in taken]


@pytest.mark.parametrize(("change", "cost_price"), [(5, 2), (-5, None)])
def test_a_break_in_the_chain_is_taken_back_by_a_movement(
    database: Database, call: Call, admin_call: AdminCall, change: int, cost_price: int | None
) -> None:
    product = database.product("A-1", 20, p_cost_price=cost_price)
    supplier = admin_call("create_supplier", "Farm")["id"]
    admin_call("record_purchase", product, supplier, 10, 3)
    call("reserve_stock", product, 2)
    database.admin.execute("update store.stock set on_hand = on_hand + %s", [change])
    admin_call("record_sale", product, 12, 9)
    call("consume_stock", product, 2)
    found = database.rows("select check_name, expected - found from maintenance.verify()")
    assert sorted(found) == [
        ("cost layers hold what is on hand", change),
        ("movement begins where the last ended", -change),
    ]
    dba = database.connect(DBA)
    (shown,) = dba.execute("select is_possible, action from maintenance.plan_repair(1, 1)").fetchall()
    sale = database.one("select id from store.movement where kind = 'sale'")
    assert shown == (
        True,
        f"Post a movement that takes back the change before movement {sale}: on_hand {-change:+}.000.",
    )
    dba.execute(REPAIR.encode(), [product, CAUSE])
    database.verify()
    assert database.stock(product) == (16, 0, 0)
    assert database.rows(
        "select kind, on_hand_after - on_hand_before, cost, reference, reason, actor from store.movement"
        " order by number desc limit 1"
    ) == [("repair", -change, None, "4", CAUSE, DBA)]

    # Reports of the time before the repair show the balance that was changed.
    at = database.one("select created_at from store.movement where kind = 'consume'")
    assert database.one("select quantity from report.valuation_as_of(%s, 1)", at) == 16 + change
    assert database.rows("select on_hand from report.stock_as_of(%s, 1)", at) == [(16 + change,)]

    # The rest is sold and costs what it would have cost.
    admin_call("record_sale", product, 16, 9)
    first, consumed, second = fifo([(20, cost_price), (10, 3)], [12, 2, 16])
    assert database.rows(
        "select cost from store.movement where on_hand_after < on_hand_before and kind <> 'repair' order by number"
    ) == [(first,), (consumed,), (second,)]
    sold = None if first is None or second is None else first + second
    assert database.rows(
        "select quantity_sold, cost_of_goods_sold, other_quantity, other_cost"
        " from report.cost_of_goods_sold('2000-01-01', '2100-01-01', 1)"
    ) == [(28, sold, 2, consumed)]
    database.verify()


def test_units_at_locations_leave_with_a_break(database: Database, call: Call, admin_call: AdminCall) -> None:
    product = database.product("A-1", 4)
    for code, quantity in (("RACK-A1-01", 3), ("RACK-B2-02", 5)):
        call("place_order", "Add", "A-1", quantity, p_to_location=code)
    database.admin.execute("update store.stock set on_hand = on_hand + 8")
    admin_call("record_sale", product, 10, 9)
    database.rows(REPAIR, product, CAUSE)
    database.verify()
    assert database.stock(product) == (2, 0, 0)
    at_locations = "select location, quantity from report.location_stock where quantity > 0"
    assert database.rows(at_locations) == [("RACK-B2-02", 2)]


def test_a_product_that_a_repair_makes_low_is_told_of(database: Database, admin_call: AdminCall, call: Call) -> None:
    product = database.product("A-1", 12)
    admin_call("update_inventory", product, p_reorder_point=10)
    call("create_webhook", "https://a.example/", ["stock.low"], role="inventory_admin")
    database.admin.execute("update store.stock set on_hand = on_hand + 5")
    admin_call("record_sale", product, 4, 9)
    assert database.one("select count(*) from store.event") == 0
    database.rows(REPAIR, product, CAUSE)
    assert database.rows("select type from store.event") == [("stock.low",)]
    database.verify()


def test_several_breaks_are_taken_back_in_an_order_that_works(database: Database, call: Call) -> None:
    product = database.product("A-1", 5)
    for change in (5, -5, 7, -6, -1):
        database.admin.execute("update store.stock set on_hand = on_hand + %s", [change])
        call("add_stock", product, 1)
        call("reserve_stock", product, 1)
    database.admin.execute("update store.stock set reserved = reserved - 2")
    call("add_stock", product, 1)
    database.admin.execute("update store.stock set reserved = reserved + 1, average_value = 0, average_quantity = 0")
    database.rows(REPAIR, product, CAUSE)
    database.verify()
    assert database.stock(product) == (11, 5, 0)
    assert database.one("select count(*) from store.movement where kind = 'repair'") == 7
    assert database.rows(REPAIR, product, CAUSE) == []


def test_a_later_break_is_taken_back_too(database: Database, call: Call) -> None:
    product = database.product("A-1", 5)
    for _ in range(3):
        database.admin.execute("update store.stock set on_hand = on_hand + 5")
        call("add_stock", product, 1)
        database.rows(REPAIR, product, CAUSE)
        database.verify()
    assert database.stock(product) == (8, 0, 0)


def test_a_break_is_not_taken_back_while_its_units_are_promised(database: Database, call: Call) -> None:
    product = database.product("A-1", 5)
    database.admin.execute("update store.stock set on_hand = 10")
    call("reserve_stock", product, 8)
    ((is_possible, action),) = database.rows("select is_possible, action from maintenance.plan_repair()")
    assert (is_possible, "promised" in action) == (False, True)
    before = contents(database)
    with pytest.raises(psycopg.errors.DataCorrupted):
        database.rows(REPAIR, product, CAUSE)
    assert contents(database) == before
    call("release_stock", product, 3)
    database.rows(REPAIR, product, CAUSE)
    assert database.stock(product) == (5, 5, 0)
    database.verify()


def test_a_repair_that_was_changed_is_found(database: Database, call: Call) -> None:
    product = database.product("A-1", 5)
    database.admin.execute("update store.stock set on_hand = 10")
    call("add_stock", product, 1)
    database.rows(REPAIR, product, CAUSE)
    for damage in ("reference = '1'", "reference = null", "reference = 'x'", "on_hand_before = 12", "cost = 1"):
        with database.admin.transaction(force_rollback=True):
            database.admin.execute(f"update store.movement set {damage} where kind = 'repair'".encode())
            assert database.rows("select from maintenance.verify()")
            assert database.rows("select from maintenance.plan_repair() where not is_possible")
    database.verify()


# At the same time as others


def test_a_sale_that_waits_for_a_repair_is_made_on_what_it_left(
    database: Database, admin_call: AdminCall, in_thread: type[InThread]
) -> None:
    product = database.product("A-1", 20, p_cost_price=2)
    other = database.product("A-2", 20, p_cost_price=2)
    database.admin.execute("update store.stock set on_hand = 25, reserved = 3 where product_id = %s", [product])
    database.be_patient()
    dba, *shops = (database.connect(role) for role in (DBA, "inventory_operator", "inventory_operator"))
    with dba.transaction():
        dba.execute(REPAIR.encode(), [product, CAUSE])
        reserve = "select inventory.reserve_stock(%s, %s)"
        few, many = (
            in_thread(lambda shop=shop, units=units: shop.execute(reserve, [product, units]))
            for shop, units in zip(shops, (5, 21), strict=True)
        )
        database.wait_until_blocked(*shops)
        admin_call("record_sale", other, 1, 5)  # no other product waits
    few.result()
    with pytest.raises(psycopg.Error) as caught:
        many.result()
    assert caught.value.sqlstate == "IV001", "there never were so many"
    assert database.stock(product) == (20, 5, 0)
    database.verify()


def test_a_repair_waits_for_a_sale_and_decides_anew(database: Database, in_thread: type[InThread]) -> None:
    product = database.product("A-1", 20, p_cost_price=2)
    database.admin.execute("update store.stock set on_hand = 25")
    dba, shop = database.connect(DBA), database.connect("inventory_admin")
    with shop.transaction():
        shop.execute("select inventory.record_sale(%s, 4, 5)", [product])
        waiting = in_thread(lambda: dba.execute(REPAIR.encode(), [product, CAUSE]).fetchall())
        database.wait_until_blocked(dba)
    ((action, *_),) = waiting.result()
    assert action.startswith("Post a movement"), "what was a damaged row is now a break before the sale"
    assert database.stock(product) == (16, 0, 0)
    database.verify()


def test_two_repairs_at_once_are_one(database: Database, in_thread: type[InThread]) -> None:
    product = database.product("A-1", 20)
    database.admin.execute("update store.stock set on_hand = 25")
    database.admin.execute("update store.row_total set delta = 5")
    for subject in (product, None):
        one, two = database.connect(DBA), database.connect(DBA)
        with one.transaction():
            assert len(one.execute(REPAIR.encode(), [subject, CAUSE]).fetchall()) == 1
            arguments = [subject, CAUSE]
            waiting = in_thread(lambda two=two, given=arguments: two.execute(REPAIR.encode(), given).fetchall())
            database.wait_until_blocked(two)
        assert waiting.result() == []
    database.verify()


def test_totals_are_repaired_while_rows_come_and_go(database: Database, admin_call: AdminCall) -> None:
    category, brand = (admin_call(f"create_{kind}", "Kitchen")["id"] for kind in ("category", "brand"))
    product = admin_call("create_catalog_product", "Mug", category, brand, 1, 2)["id"]
    database.admin.execute("update store.row_total set delta = delta + 5")
    shop, dba = database.connect("inventory_admin"), database.connect(DBA)
    with shop.transaction():
        shop.execute("select inventory.create_catalog_product('Pot', %s, %s, 1, 2)", [category, brand])
        shop.execute("select inventory.delete_product(%s)", [product])
        assert len(dba.execute(REPAIR.encode(), [None, CAUSE]).fetchall()) == 2
        database.verify()
    database.verify()
