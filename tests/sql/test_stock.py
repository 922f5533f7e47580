"""The balances of a product: what each rule does to them, what it refuses, and what it writes into the ledger."""

from __future__ import annotations

import itertools
import json
import uuid
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from tests.conftest import Database, InThread
from tests.sql.conftest import Call, Refused, contents
from tests.sql.races import refusal_of_the_second

pytestmark = pytest.mark.usefixtures("verified")

LIMIT = Decimal("999999999.999")


def movements(database: Database, product: int) -> list[tuple[Any, ...]]:
    """(kind, on hand before and after, reserved before and after, blocked before and after) of each, in order."""
    return database.rows(
        "select kind, on_hand_before, on_hand_after, reserved_before, reserved_after, blocked_before, blocked_after"
        " from store.movement where product_id = %s order by id",
        product,
    )


def set_status(database: Database, product: int, status: str) -> None:
    database.admin.execute("update store.stock set status = %s where product_id = %s", [status, product])


def detail(error: pytest.ExceptionInfo[psycopg.Error]) -> Any:
    return json.loads(error.value.diag.message_detail or "null")


# Creating


def test_a_product_begins_with_its_stock_and_the_movement_that_brought_it(database: Database, call: Call) -> None:
    product = call(
        "create_product", "A-1", "Mug", p_description="White", p_quantity="12.5", p_cost_price="4.20", p_actor="ann"
    )
    assert product is not None
    assert (product["sku"], product["name"], product["description"]) == ("A-1", "Mug", "White")
    assert (product["cost_price"], product["updated_at"]) == (Decimal("4.200"), product["created_at"])
    assert product["sku_id"].version == 7
    assert database.rows("select on_hand, reserved, blocked, status, unit_id, reorder_point from store.stock") == [
        (Decimal("12.5"), 0, 0, "active", 1, None)
    ]
    ((kind, before, after, cost, reference, reason, actor, occurred_at, created_at),) = database.rows(
        "select kind, on_hand_before, on_hand_after, cost, reference, reason, actor, occurred_at, created_at"
        " from store.movement"
    )
    assert (kind, before, after, cost) == ("initial", 0, Decimal("12.5"), Decimal("52.500"))
    assert (reference, reason, actor) == (None, None, "ann")
    assert product["created_at"] <= occurred_at == created_at


def test_a_product_without_stock_has_no_movement_and_no_layer(database: Database, call: Call) -> None:
    assert call("create_product", "A-1", "Mug") is not None
    counts = database.counts()
    assert (counts["stock"], counts["movement"], counts["cost_layer"], counts["price"]) == (1, 0, 0, 0)


def test_a_price_on_creation_is_an_open_retail_rule(database: Database, call: Call) -> None:
    product = call("create_product", "A-1", "Mug", p_price="99.99")
    assert product is not None
    assert database.rows("select product_id, price_type, amount, effective_to from store.price") == [
        (product["id"], "retail", Decimal("99.990"), None)
    ]
    assert call("active_price", product["id"]) == {"active_price": Decimal("99.990")}


def test_a_sku_is_taken_once_and_case_counts(database: Database, call: Call, refused: Refused) -> None:
    database.product("A-1")
    with refused("IV005") as error:
        call("create_product", "A-1", "Another", p_quantity=1, p_price=1)
    assert detail(error) == {"sku": "A-1"}
    assert call("create_product", "a-1", "Another") is not None


def test_of_two_callers_with_one_sku_one_is_refused(database: Database, in_thread: type[InThread]) -> None:
    query = "select inventory.create_product('A-1', 'Mug', p_quantity => 5)"
    assert refusal_of_the_second(database, in_thread, "inventory_operator", query) == "IV005"
    assert database.counts()["stock"] == 1


def test_a_sku_that_was_not_committed_is_free(database: Database, in_thread: type[InThread]) -> None:
    first, second = database.connect("inventory_operator"), database.connect("inventory_operator")
    create = b"select inventory.create_product('A-1', 'Mug', p_quantity => 5)"
    with first.transaction(force_rollback=True):
        first.execute(create)
        waiting = in_thread(lambda: second.execute(create))
        database.wait_until_blocked(second)
    waiting.result()
    assert database.rows("select on_hand from store.stock") == [(5,)]


def test_a_product_of_wrong_form_is_refused(call: Call, refused: Refused, subtests: pytest.Subtests) -> None:
    for arguments, constraint in (
        ({"p_quantity": "-1"}, "quantity_range"),
        ({"p_quantity": "0.0001"}, "quantity_places"),
        ({"p_quantity": "1000000000"}, "quantity_range"),
        ({"p_quantity": "NaN"}, "quantity_range"),
        ({"p_price": "-0.01"}, "money_range"),
        ({"p_price": "0.0001"}, "money_places"),
        ({"p_cost_price": "-1"}, "money_range"),
        ({"p_sku": " A"}, "sku_code_trimmed"),
        ({"p_sku": ""}, "sku_code_length"),
        ({"p_sku": "a\tb"}, "sku_code_printable"),
        ({"p_name": ""}, "name_length"),
        ({"p_name": "  "}, "name_not_blank"),
        ({"p_description": "x" * 10_001}, "description_length"),
    ):
        with subtests.test(arguments=arguments), refused("23514", constraint):
            call("create_product", **({"p_sku": "A-1", "p_name": "Mug"} | arguments))


def test_a_product_needs_a_sku_and_a_name(call: Call, refused: Refused) -> None:
    for sku, name in ((None, "Mug"), ("A-1", None)):
        with refused("22004"):
            call("create_product", sku, name)


# Adding


def test_adding_raises_what_is_on_hand(database: Database, call: Call) -> None:
    product = database.product(quantity=5)
    movement = call("add_stock", product, "2.5", p_reason="found", p_actor="ann")
    assert movement is not None
    assert database.stock(product) == (Decimal("7.5"), 0, 0)
    assert (movement["kind"], movement["on_hand_before"], movement["on_hand_after"]) == ("add", 5, Decimal("7.5"))
    assert (movement["reference"], movement["reason"], movement["actor"]) == (None, "found", "ann")
    assert movement["occurred_at"] == movement["created_at"]


def test_what_a_rule_returns_is_what_it_wrote(database: Database, call: Call) -> None:
    movement = call("add_stock", database.product(), 3)
    assert movement is not None
    columns = ", ".join(movement)
    assert database.rows(f"select {columns} from store.movement") == [tuple(movement.values())]


def test_without_an_actor_it_is_the_database_role(database: Database, call: Call) -> None:
    product = database.product()
    for role in ("inventory_operator", "inventory_admin"):
        movement = call("add_stock", product, 1, role=role)
        assert movement is not None
        assert movement["actor"] == role


def test_a_balance_reaches_its_limit_and_does_not_pass_it(database: Database, call: Call, refused: Refused) -> None:
    product = database.product(quantity=LIMIT - 1)
    with refused("IV011") as error:
        call("add_stock", product, "1.001")
    assert detail(error) == {"on_hand": 999999998.999, "requested": 1.001}
    call("add_stock", product, 1)
    assert database.stock(product) == (LIMIT, 0, 0)
    with refused("IV011"):
        call("add_stock", product, "0.001")


def test_a_full_balance_can_be_promised_and_consumed_whole(database: Database, call: Call) -> None:
    product = database.product(quantity=LIMIT)
    call("reserve_stock", product, LIMIT)
    assert database.stock(product) == (LIMIT, LIMIT, 0)
    call("consume_stock", product, LIMIT)
    assert database.stock(product) == (0, 0, 0)


# Reserving, releasing, consuming


def test_reserving_takes_from_what_is_available(database: Database, call: Call) -> None:
    product = database.product(quantity=5)
    movement = call("reserve_stock", product, 3, p_reason="cart", p_actor="ann")
    assert movement is not None
    assert database.stock(product) == (5, 3, 0)
    assert (movement["kind"], movement["reserved_before"], movement["reserved_after"]) == ("reserve", 0, 3)
    assert (movement["reason"], movement["actor"], movement["cost"]) == ("cart", "ann", None)


def test_no_more_is_reserved_than_is_available(database: Database, call: Call, refused: Refused) -> None:
    product = database.product(quantity=10)
    call("reserve_stock", product, 3)
    call("create_block", product, 2)
    with refused("IV001") as error:
        call("reserve_stock", product, "5.001")
    assert detail(error) == {"available": 5, "requested": 5.001}
    call("reserve_stock", product, 5)
    assert database.stock(product) == (10, 8, 2)


def test_of_two_callers_who_want_the_last_units_one_gets_them(database: Database, in_thread: type[InThread]) -> None:
    product = database.product(quantity=5)
    query = f"select inventory.reserve_stock({product}, 3)"
    assert refusal_of_the_second(database, in_thread, "inventory_operator", query) == "IV001"
    assert database.stock(product) == (5, 3, 0)


def test_releasing_makes_units_available_again(database: Database, call: Call) -> None:
    product = database.product(quantity=5)
    call("reserve_stock", product, 5)
    movement = call("release_stock", product, 2, p_reason="gave up", p_actor="ann")
    assert movement is not None
    assert database.stock(product) == (5, 3, 0)
    assert (movement["kind"], movement["reserved_before"], movement["reserved_after"]) == ("release", 5, 3)
    assert call("reserve_stock", product, 2) is not None


def test_consuming_takes_what_is_reserved_and_leaves_what_is_available(database: Database, call: Call) -> None:
    product = database.product(quantity=5)
    call("reserve_stock", product, 3)
    movement = call("consume_stock", product, 2, p_reason="sold", p_actor="ann")
    assert movement is not None
    assert database.stock(product) == (3, 1, 0)
    assert (movement["on_hand_before"], movement["on_hand_after"]) == (5, 3)
    assert (movement["reserved_before"], movement["reserved_after"]) == (3, 1)
    assert (movement["kind"], movement["reason"], movement["actor"]) == ("consume", "sold", "ann")


@pytest.mark.parametrize("rule", ["release_stock", "consume_stock"])
def test_no_more_is_released_or_consumed_than_is_reserved(
    database: Database, call: Call, refused: Refused, rule: str
) -> None:
    product = database.product(quantity=10)
    call("reserve_stock", product, 3)
    with refused("IV002") as error:
        call(rule, product, "3.001")
    assert detail(error) == {"reserved": 3, "requested": 3.001}
    call(rule, product, 3)
    with refused("IV002"):
        call(rule, product, "0.001")


def test_units_in_a_block_are_not_consumed(database: Database, call: Call, refused: Refused) -> None:
    product = database.product(quantity=10)
    call("create_block", product, 10)
    with refused("IV002"):
        call("consume_stock", product, 1)


# All four

RULES = ["add_stock", "reserve_stock", "release_stock", "consume_stock"]


def test_a_movement_keeps_its_number_and_the_login_beside_the_actor(database: Database, call: Call) -> None:
    product, other = database.product("A-1", 5), database.product("A-2", 5)
    call("reserve_stock", product, 1, p_actor="ann")
    call("reserve_stock", other, 1)
    call("release_stock", product, 1, p_actor="ben")
    assert database.rows("select product_id, number, actor, written_by from report.movements order by movement_id")[
        2:
    ] == [
        (product, 2, "ann", "inventory_operator"),
        (other, 2, "inventory_operator", "inventory_operator"),
        (product, 3, "ben", "inventory_operator"),
    ]
    assert database.rows("select last_number from store.stock order by product_id") == [(3,), (2,)]


def test_an_amount_of_nothing_does_nothing(database: Database, call: Call, subtests: pytest.Subtests) -> None:
    product = database.product(quantity=5)
    before = contents(database)
    for rule in RULES:
        for amount in (0, "0.000"):
            with subtests.test(rule=rule, amount=amount):
                assert call(rule, product, amount) is None
                assert contents(database) == before


def test_an_unknown_product_is_said_to_be_unknown(call: Call, refused: Refused, subtests: pytest.Subtests) -> None:
    for rule in RULES:
        for product, amount in itertools.product((999_999, None), (0, 1)):
            with subtests.test(rule=rule, product=product, amount=amount), refused("IV003"):
                call(rule, product, amount)


def test_a_product_without_an_inventory_is_said_to_have_none(
    database: Database, call: Call, refused: Refused, subtests: pytest.Subtests
) -> None:
    product = database.one("select id from inventory.register_product('B-1', 'Bare')")
    for rule in RULES:
        with subtests.test(rule=rule), refused("IV019"):
            call(rule, product, 1)


@pytest.mark.parametrize("rule", RULES)
def test_an_amount_of_wrong_form_is_refused(
    database: Database, call: Call, refused: Refused, subtests: pytest.Subtests, rule: str
) -> None:
    product = database.product(quantity=5)
    call("reserve_stock", product, 5)
    for amount, refusal in (
        ("-1", ["23514", "quantity_range"]),
        ("0.0001", ["23514", "quantity_places"]),
        ("1000000000", ["23514", "quantity_range"]),
        ("NaN", ["23514", "quantity_range"]),
        ("Infinity", ["23514", "quantity_range"]),
        ("abc", ["22P02"]),
        (None, ["22004"]),
    ):
        with subtests.test(amount=amount), refused(*refusal):
            call(rule, product, amount)


@pytest.mark.parametrize("status", ["inactive", "archived"])
def test_an_inventory_that_is_not_active_takes_nothing_new(
    database: Database, call: Call, refused: Refused, status: str
) -> None:
    product = database.product(quantity=5)
    set_status(database, product, status)
    for rule in ("add_stock", "reserve_stock"):
        with refused("IV010") as error:
            call(rule, product, 1)
        assert detail(error) == {"status": status}
    with refused("IV010"):
        call("reserve_stock", product, 6)


@pytest.mark.parametrize("status", ["inactive", "archived"])
def test_what_is_promised_may_still_finish(database: Database, call: Call, status: str) -> None:
    product = database.product(quantity=5)
    call("reserve_stock", product, 5)
    set_status(database, product, status)
    call("release_stock", product, 2)
    call("consume_stock", product, 3)
    assert database.stock(product) == (2, 0, 0)


# The ledger


def test_every_movement_begins_where_the_last_ended(database: Database, call: Call) -> None:
    product = database.product(quantity=10)
    call("reserve_stock", product, 4)
    call("add_stock", product, "0.5")
    call("consume_stock", product, 3)
    call("release_stock", product, 1)
    block = call("create_block", product, 2)
    assert block is not None
    call("cancel_block", block["id"])
    assert movements(database, product) == [
        ("initial", 0, 10, 0, 0, 0, 0),
        ("reserve", 10, 10, 0, 4, 0, 0),
        ("add", 10, Decimal("10.5"), 4, 4, 0, 0),
        ("consume", Decimal("10.5"), Decimal("7.5"), 4, 1, 0, 0),
        ("release", Decimal("7.5"), Decimal("7.5"), 1, 0, 0, 0),
        ("block", Decimal("7.5"), Decimal("7.5"), 0, 0, 0, 2),
        ("cancel", Decimal("7.5"), Decimal("7.5"), 0, 0, 2, 0),
    ]


def test_a_movement_is_of_the_instant_at_which_its_caller_got_the_lock(
    database: Database, in_thread: type[InThread]
) -> None:
    """Else who waited would have written an earlier time than whom it waited for."""
    product = database.product(quantity=5)
    first, second = database.connect("inventory_operator"), database.connect("inventory_operator")
    with first.transaction():
        first.execute("select inventory.add_stock(%s, 1)", [product])
        waiting = in_thread(lambda: second.execute("select inventory.add_stock(%s, 1)", [product]))
        database.wait_until_blocked(second)
        later = database.one("select inventory.clock()")
    waiting.result()
    first_at, second_at = (
        created for (created,) in database.rows("select created_at from store.movement order by id")[1:]
    )
    assert first_at < later < second_at


def test_a_rule_that_is_rolled_back_leaves_nothing(database: Database) -> None:
    product = database.product(quantity=5)
    before = database.counts()
    caller = database.connect("inventory_operator")
    with caller.transaction(force_rollback=True):
        caller.execute("select inventory.reserve_stock(%s, 5)", [product])
        caller.execute("select inventory.create_product('B-1', 'B', p_quantity => 1)")
    assert database.counts() == before
    assert database.stock(product) == (5, 0, 0)


def test_the_tables_themselves_refuse(database: Database, refused: Refused, subtests: pytest.Subtests) -> None:
    """The last line of defence: whoever writes a table, and whatever a function forgets."""
    database.product(quantity=5, p_cost_price=1)
    for damage, constraint in (
        ("update store.stock set reserved = -1", "stock_reserved_not_negative"),
        ("update store.stock set blocked = -1", "stock_blocked_not_negative"),
        ("update store.stock set reserved = 6", "stock_available_not_negative"),
        ("update store.stock set status = 'gone'", "stock_status_known"),
        ("update store.movement set kind = 'magic'", "movement_kind_known"),
        ("update store.movement set reserved_after = on_hand_after + 1", "movement_available_after_not_negative"),
        ("update store.movement set reserved_before = on_hand_before + 1", "movement_available_before_not_negative"),
        ("update store.cost_layer set remaining = quantity + 1", "cost_layer_remaining_within"),
        ("update store.cost_layer set remaining_value = value + 1", "cost_layer_remaining_value_within"),
        ("update store.cost_layer set remaining = 0, is_open = false", "cost_layer_empty_is_worth_nothing"),
        ("update store.cost_layer set is_open = false", "cost_layer_open_while_it_holds"),
        ("update store.cost_layer set unit_cost = null", "cost_layer_cost_known_or_not"),
        ("update store.product set cost_price = -1", "product_cost_price_not_negative"),
        ("insert into store.setting values (false)", "setting_one_row"),
        ("insert into store.setting values (true)", "setting_pkey"),
    ):
        with subtests.test(damage), refused("23505" if constraint.endswith("_pkey") else "23514", constraint):
            database.admin.execute(damage.encode())


def test_what_is_blocked_cannot_be_released(database: Database, call: Call, refused: Refused) -> None:
    product = database.product(quantity=10)
    call("reserve_stock", product, 2)
    call("create_block", product, 5)
    for rule in ("release_stock", "consume_stock"):
        with refused("IV002"):
            call(rule, product, 3)


# A sound row of 5 units, of which 2 are reserved, 1 is blocked, 4 lie at places, and 3 cost 6; and what breaks it.
SOUND_STOCK = {
    "p_on_hand": "5",
    "p_reserved": "2",
    "p_blocked": "1",
    "p_located": "4",
    "p_average_quantity": "3",
    "p_average_value": "6",
    "p_reorder_point": "1",
    "p_status": "'active'",
    "p_is_kit": "false",
    "p_kit_reserved": "1",
}
KIT = {**dict.fromkeys(("p_on_hand", "p_located", "p_average_quantity", "p_average_value"), "0"), "p_is_kit": "true"}
SOUND_MOVEMENT = {
    "p_kind": "'reserve'",
    "p_on_hand_before": "5",
    "p_on_hand_after": "5",
    "p_reserved_before": "1",
    "p_reserved_after": "2",
    "p_blocked_before": "1",
    "p_blocked_after": "1",
}
NOTHING = dict.fromkeys(("p_on_hand", "p_reserved", "p_blocked", "p_located", "p_kit_reserved"), "0")
BROKEN_STOCK: tuple[tuple[dict[str, str], str | None], ...] = (
    ({"p_on_hand": "4"}, None),
    ({"p_on_hand": "-0.001"}, "stock_on_hand_not_negative"),
    ({"p_reserved": "-0.001"}, "stock_reserved_not_negative"),
    ({"p_blocked": "-0.001"}, "stock_blocked_not_negative"),
    ({"p_reserved": "4"}, None),
    ({"p_reserved": "4.001"}, "stock_available_not_negative"),
    ({"p_blocked": "3"}, None),
    ({"p_blocked": "3.001"}, "stock_available_not_negative"),
    ({"p_located": "0"}, None),
    ({"p_located": "-0.001"}, "stock_located_within"),
    ({"p_located": "5"}, None),
    ({"p_located": "5.001"}, "stock_located_within"),
    ({"p_average_quantity": "-0.001"}, "stock_average_within"),
    ({"p_average_quantity": "5"}, None),
    ({"p_average_quantity": "5.001"}, "stock_average_within"),
    ({"p_average_value": "0"}, None),
    ({"p_average_value": "-0.001"}, "stock_average_within"),
    ({"p_average_quantity": "0", "p_average_value": "0"}, None),
    ({"p_average_quantity": "0", "p_average_value": "0.001"}, "stock_average_within"),
    ({**NOTHING, "p_average_quantity": "0", "p_average_value": "0"}, None),
    ({"p_reorder_point": "0"}, None),
    ({"p_reorder_point": "null"}, None),
    ({"p_reorder_point": "-0.001"}, "stock_reorder_point_not_negative"),
    ({"p_status": "'inactive'"}, None),
    ({"p_status": "'gone'"}, "stock_status_known"),
    ({"p_kit_reserved": "2"}, None),
    ({"p_kit_reserved": "2.001"}, "stock_kit_reserved_within"),
    ({"p_kit_reserved": "0"}, None),
    ({"p_kit_reserved": "-0.001"}, "stock_kit_reserved_within"),
    (KIT, None),
    ({**KIT, "p_is_kit": "false"}, "stock_available_not_negative"),
    ({**KIT, "p_on_hand": "0.001"}, "stock_kit_holds_nothing"),
)
BROKEN_MOVEMENT: tuple[tuple[dict[str, str], str | None], ...] = tuple(
    (changed, constraint)
    for when in ("before", "after")
    for changed, constraint in (
        ({f"p_reserved_{when}": "0", f"p_blocked_{when}": "0"}, None),
        ({f"p_reserved_{when}": "-0.001"}, f"movement_available_{when}_not_negative"),
        ({f"p_blocked_{when}": "-0.001"}, f"movement_available_{when}_not_negative"),
        ({f"p_reserved_{when}": "4"}, None),
        ({f"p_reserved_{when}": "4.001"}, f"movement_available_{when}_not_negative"),
        ({f"p_reserved_{when}": "2", f"p_blocked_{when}": "3"}, None),
        ({f"p_reserved_{when}": "2", f"p_blocked_{when}": "3.001"}, f"movement_available_{when}_not_negative"),
    )
)


def test_balances_are_sound_up_to_their_bounds(database: Database, subtests: pytest.Subtests) -> None:
    for function, sound, changes in (
        ("stock_is_sound", SOUND_STOCK, BROKEN_STOCK),
        ("movement_is_sound", SOUND_MOVEMENT, BROKEN_MOVEMENT),
    ):
        for changed, constraint in changes:
            arguments = ", ".join(f"{name} => {value}" for name, value in (sound | changed).items())
            query = f"select inventory.{function}({arguments})".encode()
            with subtests.test(function, **changed):
                if constraint is None:
                    assert database.admin.execute(query).fetchone() == (True,)
                else:
                    with pytest.raises(psycopg.errors.CheckViolation) as error:
                        database.admin.execute(query)
                    assert error.value.diag.constraint_name == constraint


# Balances now


def test_stock_of_is_the_balances_now(database: Database, call: Call) -> None:
    product = database.product(quantity=10)
    call("reserve_stock", product, 2)
    call("create_block", product, 3)
    assert call("stock_of", product) == {
        "on_hand": 10,
        "reserved": 2,
        "blocked": 3,
        "available": 5,
        "status": "active",
    }
    assert call("stock_of", 999_999) is None


def test_a_reference_is_an_id_or_a_sku_id(database: Database, call: Call, refused: Refused) -> None:
    """By the function that API 2's are made with: the owner's; by its half that SQL users may call."""

    def product_id(reference: str) -> Any:
        return database.one("select inventory.product_id(%s)", reference)

    product = database.product()
    sku_id = database.sku_id(product)
    for reference in (str(product), sku_id, sku_id.upper()):
        assert product_id(reference) == product
    assert call("product_id_by_sku_id", sku_id) == {"product_id_by_sku_id": product}
    unknown = str(uuid.uuid4())
    with refused("IV003"):
        product_id(unknown)
    for nobody in (unknown, None):
        with refused("IV003"):
            call("product_id_by_sku_id", nobody)
    with refused("23514", "product_reference_form"):
        product_id("A-1")


def test_ids_of_later_instants_sort_later(database: Database) -> None:
    assert database.one(
        "select array_agg(u order by n) = array_agg(u order by u)"
        " from (select n, inventory.uuid_v7(now() + n * interval '1 microsecond') from generate_series(1, 3000) as n)"
        " as x (n, u)"
    )
    value = database.one("select inventory.uuid_v7('2024-07-01 12:00:00.123456+00')")
    assert (value.version, value.variant) == (7, uuid.RFC_4122)
    assert value.int >> 80 == 1719835200123


# How it is stored


def test_every_change_of_stock_is_a_hot_update(database: Database) -> None:
    """The new version lies on the same page and no index is written to. Counted by PostgreSQL, in one transaction."""
    product = database.product("A-1", 100, p_cost_price=2)
    database.admin.execute("update store.stock set reorder_point = 1")
    tables = ["stock", "cost_layer", "location_stock"]
    updates = (
        "select relname::text, n_tup_upd, n_tup_upd - n_tup_hot_upd from pg_stat_xact_user_tables"
        " where schemaname = 'store' and relname = any(%s)"
    )
    with database.admin.transaction():
        for _ in range(2):
            block, other = (database.one("select id from inventory.create_block(%s, 2)", product) for _ in range(2))
            for change in (
                f"inventory.reserve_stock({product}, 2)",
                f"inventory.release_stock({product}, 1)",
                f"inventory.consume_stock({product}, 1)",
                f"inventory.convert_block('{block}')",
                f"inventory.cancel_block('{other}')",
                f"inventory.record_sale({product}, 1.5, 4)",
                "inventory.place_order('Add', 'A-1', 1, p_to_location => 'RACK-A1-01')",
                "inventory.place_order('Remove', 'A-1', 1, 'RACK-A1-01')",
                f"inventory.add_stock({product}, 1)",
            ):
                database.admin.execute(f"select {change}".encode())
        found = {table: (count, cold) for table, count, cold in database.rows(updates, tables)}
    assert {table: cold for table, (_, cold) in found.items()} == dict.fromkeys(tables, 0)
    assert found["stock"][0] >= 22
    assert all(count > 0 for count, _ in found.values())
    database.verify()
