"""Purchases, sales, suppliers, units, and a product's inventory: made, corrected, and switched off (API 3)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from tests.conftest import Database, InThread
from tests.sql.conftest import AdminCall, Call, Refused, contents
from tests.sql.races import refusal_of_the_second

pytestmark = pytest.mark.usefixtures("verified")

NOBODY = 999_999
LIMIT = Decimal("999999999.999")
CREDENTIALS = ["inventory_public", "inventory_operator", "inventory_employee", "inventory_reporting"]


@pytest.fixture
def supplier(admin_call: AdminCall) -> int:
    """The id of a supplier."""
    return int(admin_call("create_supplier", "Fresh Farm Supplies", "+254700000000")["id"])


@pytest.fixture
def bare(admin_call: AdminCall) -> int:
    """The id of a product that has no inventory."""
    return int(admin_call("register_product", "B-1", "Bare")["id"])


def detail(error: pytest.ExceptionInfo[psycopg.Error]) -> Any:
    """The DETAIL of an error."""
    text = error.value.diag.message_detail
    return text and json.loads(text, parse_float=Decimal)


def movements(database: Database, product: int) -> list[tuple[Any, ...]]:
    """(kind, signed change of on hand, cost, reference, reason, actor) of each, oldest first."""
    return database.rows(
        "select kind, on_hand_after - on_hand_before, cost, reference, reason, actor"
        " from store.movement where product_id = %s order by id",
        product,
    )


def layers(database: Database, product: int) -> list[tuple[Any, ...]]:
    """(quantity, remaining, unit cost, value, remaining value) of each, oldest first."""
    return database.rows(
        "select quantity, remaining, unit_cost, value, remaining_value from store.cost_layer"
        " where product_id = %s order by id",
        product,
    )


@contextmanager
def nothing_written(database: Database) -> Iterator[None]:
    before = contents(database)
    yield
    assert contents(database) == before


# Products without an inventory


def test_a_registered_product_has_no_inventory_and_no_price(database: Database, admin_call: AdminCall) -> None:
    product = admin_call("register_product", "POT-001", "Potatoes", "Fresh", "1.25")
    assert {name: product[name] for name in ("sku", "name", "description", "cost_price")} == {
        "sku": "POT-001",
        "name": "Potatoes",
        "description": "Fresh",
        "cost_price": Decimal("1.25"),
    }
    assert str(product["sku_id"])[14] == "7"
    counts = database.counts()
    assert [counts[name] for name in ("product", "stock", "movement", "price")] == [1, 0, 0, 0]
    assert admin_call("register_product", "pot-001", "Case counts")["description"] is None


def test_a_sku_is_registered_once(database: Database, admin_call: AdminCall, refused: Refused) -> None:
    database.product("A-1")
    with refused("IV005"):
        admin_call("register_product", "A-1", "Another")
    for arguments in ((None, "Mug"), ("A-2", None)):
        with refused("22004"):
            admin_call("register_product", *arguments)


def test_whatever_moves_stock_says_that_there_is_no_inventory(
    database: Database, call: Call, admin_call: AdminCall, bare: int, supplier: int, refused: Refused
) -> None:
    for rule in ("add_stock", "reserve_stock", "release_stock", "consume_stock", "create_block"):
        with refused("IV019"):
            call(rule, bare, 1)
    lines = f"array[row('{database.sku_id(bare)}', 1)]::inventory.block_line[]"
    with refused("IV019"):
        database.rows(f"select * from inventory.create_blocks({lines})")
    with refused("IV019"):
        admin_call("record_purchase", bare, supplier, 1, 1)
    with refused("IV019"):
        admin_call("record_sale", bare, 1, 1)
    with refused("IV020"):
        admin_call("update_inventory", bare, 1)
    assert call("stock_of", bare) is None


# Initializing


def test_initializing_gives_a_product_its_inventory(database: Database, admin_call: AdminCall) -> None:
    product = admin_call("register_product", "POT-001", "Potatoes", p_cost_price="1.25")["id"]
    stock = admin_call("initialize_inventory", product, 3, "10.5", 20, "ann")
    for name, value in {
        "product_id": product,
        "unit_id": 3,
        "on_hand": Decimal("10.5"),
        "reserved": 0,
        "blocked": 0,
        "reorder_point": 20,
        "status": "active",
        "is_low": True,
        "average_quantity": Decimal("10.5"),
        "average_value": Decimal("13.125"),
    }.items():
        assert stock[name] == value, name
    assert movements(database, product) == [("initial", Decimal("10.5"), Decimal("13.125"), None, None, "ann")]
    value = Decimal("13.125")
    assert layers(database, product) == [(Decimal("10.5"), Decimal("10.5"), Decimal("1.25"), value, value)]


def test_an_inventory_begins_empty_in_pieces_unless_told(database: Database, admin_call: AdminCall, bare: int) -> None:
    stock = admin_call("initialize_inventory", bare)
    assert (stock["unit_id"], stock["on_hand"], stock["reorder_point"], stock["is_low"]) == (1, 0, None, False)
    assert (movements(database, bare), layers(database, bare)) == ([], [])


def test_first_stock_of_a_product_without_a_cost_price_has_no_known_cost(
    database: Database, admin_call: AdminCall, bare: int
) -> None:
    admin_call("initialize_inventory", bare, p_quantity=5)
    assert movements(database, bare) == [("initial", 5, None, None, None, "inventory_admin")]
    assert layers(database, bare) == [(5, 5, None, None, None)]


def test_an_inventory_is_initialized_once(
    database: Database, admin_call: AdminCall, bare: int, refused: Refused
) -> None:
    with refused("IV003"):
        admin_call("initialize_inventory", NOBODY, 1)
    with refused("IV003"):
        admin_call("initialize_inventory", None, 1)
    with refused("IV022"):
        admin_call("initialize_inventory", bare, NOBODY)
    with refused("22004") as error:
        admin_call("initialize_inventory", bare, None)
    assert detail(error) == {"field": "unit_id"}
    with refused("23514", "quantity_range"):
        admin_call("initialize_inventory", bare, 1, -1)
    with refused("23514", "quantity_places"):
        admin_call("initialize_inventory", bare, 1, 1, "0.0001")
    admin_call("initialize_inventory", bare, 2, 4)
    for product in (bare, database.product("A-1")):
        with refused("IV021"):
            admin_call("initialize_inventory", product, 3, 5)
    with refused("IV022"):
        admin_call("initialize_inventory", bare, NOBODY)


def test_of_two_callers_who_initialize_one_is_refused(database: Database, bare: int, in_thread: type[InThread]) -> None:
    query = f"select inventory.initialize_inventory({bare}, 3, 5)"
    assert refusal_of_the_second(database, in_thread, "inventory_admin", query) == "IV021"
    assert database.stock(bare) == (5, 0, 0)


def test_a_product_of_another_api_is_kept_in_pieces(database: Database) -> None:
    database.product("A-1", 5)
    assert database.rows("select u.name, s.status from store.stock as s join store.unit as u on s.unit_id = u.id") == [
        ("Piece", "active")
    ]


# Units and suppliers


def test_units_are_there_from_the_start(database: Database) -> None:
    assert database.rows("select id, name, symbol from store.unit order by id") == [
        (1, "Piece", "pc"),
        (2, "Litre", "l"),
        (3, "Kilogram", "kg"),
    ]


def test_a_units_name_is_taken_once_minding_no_case(admin_call: AdminCall, refused: Refused) -> None:
    unit = admin_call("create_unit", "Metre", "m")
    assert (unit["id"], unit["name"], unit["symbol"]) == (4, "Metre", "m")
    assert unit["created_at"] == unit["updated_at"]
    for name in ("Metre", "METRE", "kilogram"):
        with refused("IV026"):
            admin_call("create_unit", name, "x")
    assert admin_call("create_unit", "Mile", "m")["symbol"] == "m", "a symbol is not unique"


def test_a_unit_needs_a_name_and_a_symbol(admin_call: AdminCall, refused: Refused) -> None:
    for arguments, field in (((None, "m"), "name"), (("Metre", None), "symbol")):
        with refused("22004") as error:
            admin_call("create_unit", *arguments)
        assert detail(error) == {"field": field}
    with refused("23514", "unit_symbol_length"):
        admin_call("create_unit", "Metre", "m" * 17)
    with refused("23514", "name_not_blank"):
        admin_call("create_unit", " ", "m")


def test_a_supplier_is_made_of_what_is_given(admin_call: AdminCall) -> None:
    full = admin_call(
        "create_supplier", "Fresh Farm Supplies", "+254700000000", "Fresh Farm Co.", "contact@freshfarm.com"
    )
    assert {name: full[name] for name in ("name", "phone_number", "business_name", "email")} == {
        "name": "Fresh Farm Supplies",
        "phone_number": "+254700000000",
        "business_name": "Fresh Farm Co.",
        "email": "contact@freshfarm.com",
    }
    least = admin_call("create_supplier", "Fresh Farm Supplies")
    assert (least["id"], least["phone_number"], least["business_name"], least["email"]) == (
        full["id"] + 1,
        None,
        None,
        None,
    )


def test_an_email_address_is_one_suppliers_alone_minding_no_case(admin_call: AdminCall, refused: Refused) -> None:
    admin_call("create_supplier", "A", p_email="contact@freshfarm.com")
    for email in ("contact@freshfarm.com", "Contact@FreshFarm.COM"):
        with refused("IV027"):
            admin_call("create_supplier", "B", p_email=email)
    for _ in range(2):
        assert admin_call("create_supplier", "A")["email"] is None, "many may have none"


def test_a_supplier_of_wrong_form_is_refused(admin_call: AdminCall, refused: Refused) -> None:
    with refused("22004"):
        admin_call("create_supplier", None, "1")
    for arguments, constraint in (
        (("",), "name_length"),
        (("A", "none"), "phone_number_form"),
        (("A", "1", " "), "name_not_blank"),
        (("A", "1", "B", "a@b"), "email_form"),
    ):
        with refused("23514", constraint):
            admin_call("create_supplier", *arguments)


# Purchases


def test_a_purchase_is_an_arrival_at_its_unit_cost(database: Database, admin_call: AdminCall, supplier: int) -> None:
    product = database.product("A-1", 50, p_cost_price=1)
    first = admin_call("record_purchase", product, supplier, 40, 35, "ann")
    second = admin_call("record_purchase", product, supplier, "0.5", "0.001")
    assert {name: first[name] for name in first if name not in ("id", "movement_id", "created_at")} == {
        "product_id": product,
        "number": 1,
        "supplier_id": supplier,
        "quantity": 40,
        "unit_cost": 35,
        "cost": 1400,
        "actor": "ann",
        "quantity_to_date": 40,
        "cost_to_date": 1400,
    }
    small = Decimal("0.001")
    assert (second["number"], second["cost"]) == (2, small), "0.0005, half up"
    assert (second["quantity_to_date"], second["cost_to_date"]) == (Decimal("40.5"), Decimal("1400.001"))
    assert movements(database, product) == [
        ("initial", 50, 50, None, None, "postgres"),
        ("purchase", 40, 1400, str(first["id"]), None, "ann"),
        ("purchase", Decimal("0.5"), small, str(second["id"]), None, "inventory_admin"),
    ]
    assert layers(database, product)[1:] == [
        (40, 40, 35, 1400, 1400),
        (Decimal("0.5"), Decimal("0.5"), small, small, small),
    ]
    assert database.rows(
        "select bool_and(p.created_at = m.created_at and p.movement_id = m.id) from store.purchase as p"
        " join store.movement as m on p.movement_id = m.id"
    ) == [(True,)]
    assert database.stock(product) == (Decimal("90.5"), 0, 0)


def test_a_purchase_leaves_price_and_cost_price_alone(database: Database, admin_call: AdminCall, supplier: int) -> None:
    product = database.product("A-1", 0, p_cost_price=1, p_price=9)
    admin_call("record_purchase", product, supplier, 4, 0)
    assert database.one("select cost_price from store.product") == 1
    assert database.rows("select amount, effective_to from store.price") == [(9, None)]
    assert layers(database, product) == [(4, 4, 0, 0, 0)], "for nothing is a known cost"


def test_numbers_run_within_a_product(database: Database, admin_call: AdminCall, supplier: int) -> None:
    first, second = database.product("A-1"), database.product("A-2")
    found = [
        admin_call("record_purchase", product, supplier, 1, 2) for product in (first, second, first, second, second)
    ]
    assert [(row["number"], row["quantity_to_date"], row["cost_to_date"]) for row in found] == [
        (1, 1, 2),
        (1, 1, 2),
        (2, 2, 4),
        (2, 2, 4),
        (3, 3, 6),
    ]
    assert [row["id"] for row in found] == sorted({row["id"] for row in found})


def test_a_purchase_that_is_refused_changes_nothing(
    database: Database, admin_call: AdminCall, supplier: int, bare: int, refused: Refused
) -> None:
    product = database.product("A-1", 5)
    for arguments, refusal in (
        ((NOBODY, supplier, 1, 1), ["IV003"]),
        ((None, supplier, 1, 1), ["IV003"]),
        ((NOBODY, NOBODY, 1, 1), ["IV003"]),
        ((product, NOBODY, 1, 1), ["IV023"]),
        ((product, None, 1, 1), ["IV023"]),
        ((bare, supplier, 1, 1), ["IV019"]),
        ((bare, NOBODY, 1, 1), ["IV023"]),
        ((product, supplier, LIMIT, 1), ["IV011"]),
        ((product, supplier, None, 1), ["22004"]),
        ((product, supplier, 1, None), ["22004"]),
        ((product, supplier, 0, 1), ["23514", "positive_quantity_range"]),
        ((product, supplier, -1, 1), ["23514", "positive_quantity_range"]),
        ((product, supplier, "0.0001", 1), ["23514", "positive_quantity_places"]),
        ((product, supplier, 1, -1), ["23514", "money_range"]),
        ((product, supplier, 1, "0.0001"), ["23514", "money_places"]),
    ):
        with refused(*refusal):
            admin_call("record_purchase", *arguments)
    admin_call("record_purchase", product, supplier, LIMIT - 5, "99999999999999999999.999")
    assert database.stock(product)[0] == LIMIT


def test_a_number_is_given_once(
    database: Database, admin_call: AdminCall, supplier: int, in_thread: type[InThread]
) -> None:
    """Of two at once, the second sees what the first has come to."""
    product = database.product("A-1", 10, p_cost_price=1)
    first, second = database.connect("inventory_admin"), database.connect("inventory_admin")
    for query, table in (
        (f"select inventory.record_purchase({product}, {supplier}, 2, 3)", "purchase"),
        (f"select inventory.record_sale({product}, 2, 3)", "sale"),
    ):
        with first.transaction():
            first.execute(query.encode())
            waiting = in_thread(lambda query=query: second.execute(query.encode()))
            database.wait_until_blocked(second)
        waiting.result()
        found = f"select number, quantity_to_date from store.{table} order by id"
        assert database.rows(found) == [(1, 2), (2, 4)]


# Sales


def test_a_sale_is_a_departure_that_keeps_its_price_and_its_cost(
    database: Database, call: Call, admin_call: AdminCall, supplier: int
) -> None:
    product = database.product("A-1", 10, p_cost_price="1.5", p_price=60)
    admin_call("record_purchase", product, supplier, 5, 2)
    first = admin_call("record_sale", product, 12, 60, "ann")
    assert {name: first[name] for name in first if name not in ("id", "movement_id", "created_at")} == {
        "product_id": product,
        "number": 1,
        "quantity": 12,
        "unit_price": 60,
        "revenue": 720,
        "cost": 19,
        "returned_sale_id": None,
        "actor": "ann",
        "quantity_to_date": 12,
        "revenue_to_date": 720,
        "cost_to_date": 19,
        "without_cost_to_date": 0,
    }
    second = admin_call("record_sale", product, "0.5", "0.001")
    assert (second["number"], second["revenue"], second["cost"]) == (2, Decimal("0.001"), 1)
    assert (second["quantity_to_date"], second["revenue_to_date"], second["cost_to_date"]) == (
        Decimal("12.5"),
        Decimal("720.001"),
        20,
    )
    assert movements(database, product)[2:] == [
        ("sale", -12, 19, str(first["id"]), None, "ann"),
        ("sale", Decimal("-0.5"), 1, str(second["id"]), None, "inventory_admin"),
    ]
    assert database.rows(
        "select l.unit_cost, u.quantity, u.cost from store.cost_layer_use as u"
        " join store.cost_layer as l on u.layer_id = l.id order by u.movement_id, l.id"
    ) == [(Decimal("1.5"), 10, 15), (2, 2, 4), (2, Decimal("0.5"), 1)]
    database.one("select inventory.set_price(%s, 70)", product)
    assert database.rows("select unit_price from store.sale order by id") == [(60,), (Decimal("0.001"),)]


def test_a_sale_of_unknown_cost_is_counted(
    database: Database, call: Call, admin_call: AdminCall, supplier: int
) -> None:
    product = database.product("A-1", 3)
    admin_call("record_purchase", product, supplier, 5, 2)
    unknown = admin_call("record_sale", product, 4, 9)
    assert (unknown["cost"], unknown["cost_to_date"], unknown["without_cost_to_date"]) == (None, 0, 1)
    known = admin_call("record_sale", product, 1, 9)
    assert (known["cost"], known["cost_to_date"], known["without_cost_to_date"]) == (2, 2, 1)


def test_a_sale_takes_only_what_is_available(
    database: Database, call: Call, admin_call: AdminCall, refused: Refused
) -> None:
    product = database.product("A-1", 10)
    call("reserve_stock", product, 3)
    call("create_block", product, 2)
    with refused("IV001") as error:
        admin_call("record_sale", product, "5.001", 1)
    assert detail(error) == {"available": 5, "requested": Decimal("5.001")}
    admin_call("record_sale", product, 5, 1)
    with refused("IV001"):
        admin_call("record_sale", product, "0.001", 1)
    assert database.stock(product) == (5, 3, 2)
    database.advance(timedelta(hours=1))
    admin_call("record_sale", product, 2, 1)
    assert database.stock(product) == (3, 3, 0), "the block had expired"


def test_a_sale_that_is_refused_changes_nothing(
    database: Database, admin_call: AdminCall, bare: int, refused: Refused
) -> None:
    product = database.product("A-1", 5)
    for arguments, refusal in (
        ((NOBODY, 1, 1), ["IV003"]),
        ((None, 1, 1), ["IV003"]),
        ((bare, 1, 1), ["IV019"]),
        ((product, 6, 1), ["IV001"]),
        ((product, None, 1), ["22004"]),
        ((product, 1, None), ["22004"]),
        ((product, 0, 1), ["23514", "positive_quantity_range"]),
        ((product, "0.0001", 1), ["23514", "positive_quantity_places"]),
        ((product, 1, -1), ["23514", "money_range"]),
        ((product, 1, "0.0001"), ["23514", "money_places"]),
    ):
        with refused(*refusal):
            admin_call("record_sale", *arguments)


def test_the_greatest_sale_has_room(database: Database, admin_call: AdminCall, supplier: int) -> None:
    product, most = database.product("A-1"), "99999999999999999999.999"
    for n in range(1, 3):
        purchase = admin_call("record_purchase", product, supplier, LIMIT, most)
        sale = admin_call("record_sale", product, LIMIT, most)
        assert purchase["cost"] == sale["cost"] == sale["revenue"] == LIMIT * Decimal(most).quantize(Decimal("0.001"))
        assert sale["revenue_to_date"] == n * sale["revenue"]


# Status


def attempts(database: Database, product: int, supplier: int) -> dict[str, tuple[str, tuple[Any, ...]]]:
    """What is new to an inventory, as role and call."""
    lines = f"array[row('{database.sku_id(product)}', 1)]::inventory.block_line[]"
    return {
        "select inventory.record_sale(%s, 1, 1)": ("inventory_admin", (product,)),
        "select inventory.record_purchase(%s, %s, 1, 1)": ("inventory_admin", (product, supplier)),
        "select inventory.create_block(%s, 1)": ("inventory_operator", (product,)),
        f"select inventory.create_blocks({lines})": ("inventory_operator", ()),
        "select inventory.reserve_stock(%s, 1)": ("inventory_operator", (product,)),
        "select inventory.add_stock(%s, 1)": ("inventory_operator", (product,)),
    }


@pytest.mark.parametrize("status", ["inactive", "archived"])
def test_an_inventory_that_is_not_active_takes_nothing_new(
    database: Database,
    admin_call: AdminCall,
    supplier: int,
    refused: Refused,
    subtests: pytest.Subtests,
    status: str,
) -> None:
    product = database.product("A-1", 5)
    connections = {role: database.connect(role) for role in ("inventory_admin", "inventory_operator")}
    assert admin_call("update_inventory", product, p_status=status)["status"] == status
    for query, (role, arguments) in attempts(database, product, supplier).items():
        with subtests.test(query), refused("IV010") as error:
            connections[role].execute(query.encode(), arguments or None)
        assert detail(error) == {"status": status}
    admin_call("update_inventory", product, p_status="active")
    for query, (role, arguments) in attempts(database, product, supplier).items():
        with subtests.test(query, status="active"):
            connections[role].execute(query.encode(), arguments or None)


@pytest.mark.parametrize("status", ["inactive", "archived"])
def test_what_is_promised_may_finish_and_what_is_wrong_may_be_corrected(
    database: Database, call: Call, admin_call: AdminCall, status: str
) -> None:
    product = database.product("A-1", 20, p_cost_price=1)
    sold = admin_call("record_sale", product, 2, 1)
    call("reserve_stock", product, 4)
    blocks = [call("create_block", product, 3) for _ in range(3)]
    converted, cancelled, extended = (block["id"] for block in blocks if block is not None)
    admin_call("update_inventory", product, p_status=status)
    call("release_stock", product, 1)
    call("consume_stock", product, 3)
    call("convert_block", converted, 2)
    call("cancel_block", cancelled)
    call("extend_block", extended, datetime.now(UTC) + timedelta(days=1))
    admin_call("return_sale", sold["id"], 1)
    assert database.stock(product) == (14, 0, 3)
    assert admin_call("update_inventory", product, 20)["on_hand"] == 20
    assert admin_call("update_inventory", product, 3)["on_hand"] == 3
    assert admin_call("update_inventory", product, p_reorder_point=4)["is_low"] is True
    other = {"inactive": "archived", "archived": "inactive"}[status]
    assert admin_call("update_inventory", product, p_status=other)["status"] == other


# Correcting


def test_a_higher_quantity_is_an_arrival_at_the_cost_price(database: Database, admin_call: AdminCall) -> None:
    product = database.product("A-1", 50, p_cost_price="1.25")
    stock = admin_call("update_inventory", product, 60, p_reason="counted", p_actor="ann")
    assert (stock["product_id"], stock["on_hand"]) == (product, 60)
    assert movements(database, product)[1:] == [("adjust", 10, Decimal("12.5"), None, "counted", "ann")]
    assert layers(database, product)[1:] == [(10, 10, Decimal("1.25"), Decimal("12.5"), Decimal("12.5"))]
    database.admin.execute("update store.product set cost_price = null")
    admin_call("update_inventory", product, "60.001")
    assert movements(database, product)[2:] == [
        ("adjust", Decimal("0.001"), None, None, None, "inventory_admin"),
    ]
    assert layers(database, product)[2:] == [(Decimal("0.001"), Decimal("0.001"), None, None, None)]


def test_a_lower_quantity_is_a_departure_first_in_first_out(
    database: Database, admin_call: AdminCall, supplier: int
) -> None:
    product = database.product("A-1", 10, p_cost_price=1)
    admin_call("record_purchase", product, supplier, 10, 2)
    admin_call("update_inventory", product, "7.5", p_actor="ann")
    assert movements(database, product)[2:] == [("adjust", Decimal("-12.5"), 15, None, None, "ann")]
    assert [row[1] for row in layers(database, product)] == [0, Decimal("7.5")]
    admin_call("update_inventory", product, 0)
    assert movements(database, product)[3][1:3] == (Decimal("-7.5"), 15)
    assert database.counts()["sale"] == 0


def test_promised_units_are_not_corrected_away(
    database: Database, call: Call, admin_call: AdminCall, refused: Refused
) -> None:
    product = database.product("A-1", 10)
    call("reserve_stock", product, 3)
    call("create_block", product, 2)
    for quantity in (0, "4.999"):
        with refused("IV001"):
            admin_call("update_inventory", product, quantity, p_reorder_point=1, p_status="archived")
    assert admin_call("update_inventory", product, 5)["on_hand"] == 5
    with refused("IV001"):
        admin_call("update_inventory", product, "4.999")
    database.advance(timedelta(hours=1))
    assert admin_call("update_inventory", product, 3)["on_hand"] == 3
    assert database.stock(product) == (3, 3, 0), "the block had expired"
    assert [kind for kind, *_ in movements(database, product)][-2:] == ["expire", "adjust"]


def test_reorder_point_and_status_change_with_no_movement(database: Database, admin_call: AdminCall) -> None:
    product = database.product("A-1", 50)
    stock = admin_call("update_inventory", product, p_reorder_point=25)
    assert (stock["on_hand"], stock["reorder_point"], stock["status"]) == (50, 25, "active")
    stock = admin_call("update_inventory", product, p_status="inactive")
    assert (stock["on_hand"], stock["reorder_point"], stock["status"]) == (50, 25, "inactive")
    stock = admin_call("update_inventory", product, 40, 0, "active")
    assert (stock["on_hand"], stock["reorder_point"], stock["status"]) == (40, 0, "active")
    assert [kind for kind, *_ in movements(database, product)] == ["initial", "adjust"]


def test_what_is_so_already_is_not_written(database: Database, admin_call: AdminCall) -> None:
    product = database.product("A-1", 50)
    admin_call("update_inventory", product, p_reorder_point=25)
    for arguments in (
        {},
        {"p_quantity": 50},
        {"p_quantity": "50.000", "p_reorder_point": "25.0", "p_status": "active", "p_expected_quantity": 50},
        {"p_reason": "for nothing", "p_actor": "ann"},
    ):
        with nothing_written(database):
            assert admin_call("update_inventory", product, **arguments)["on_hand"] == 50


def test_a_change_says_when_it_was(database: Database, admin_call: AdminCall) -> None:
    product = database.product("A-1", 50)
    for arguments in ({"p_quantity": 51}, {"p_reorder_point": 1}, {"p_status": "inactive"}):
        before = database.one("select updated_at from store.stock")
        assert admin_call("update_inventory", product, **arguments)["updated_at"] > before


def test_an_expected_quantity_guards_a_correction(database: Database, admin_call: AdminCall, refused: Refused) -> None:
    product = database.product("A-1", 50)
    for arguments in ({"p_quantity": 60}, {"p_status": "archived"}, {"p_quantity": 50}, {}):
        with refused("IV025") as error:
            admin_call("update_inventory", product, **arguments, p_expected_quantity="49.999")
        assert detail(error) == {"quantity": 50, "expected": Decimal("49.999")}
    assert admin_call("update_inventory", product, 60, p_expected_quantity="50.000")["on_hand"] == 60
    with refused("IV025"):
        admin_call("update_inventory", product, 60, p_expected_quantity=50)


def test_of_two_who_correct_what_they_saw_one_is_refused(database: Database, in_thread: type[InThread]) -> None:
    product = database.product("A-1", 50)
    query = f"select inventory.update_inventory({product}, 60, p_expected_quantity => 50)"
    assert refusal_of_the_second(database, in_thread, "inventory_admin", query) == "IV025"
    assert database.stock(product) == (60, 0, 0)


def test_a_correction_of_wrong_form_is_refused(
    database: Database, admin_call: AdminCall, bare: int, refused: Refused
) -> None:
    product = database.product("A-1", 50)
    for arguments, refusal in (
        ((NOBODY, 1), ["IV003"]),
        ((None, 1), ["IV003"]),
        ((bare, 1), ["IV020"]),
        ((product, -1), ["23514", "quantity_range"]),
        ((product, "0.0001"), ["23514", "quantity_places"]),
        ((product, LIMIT + 1), ["23514", "quantity_range"]),
        ((product, 1, -1), ["23514", "quantity_range"]),
        ((product, 1, 1, "deleted"), ["23514", "stock_status_known"]),
        ((product, 1, 1, "active", -1), ["23514", "quantity_range"]),
        ((product, 1, 1, "active", 50, "x" * 1001), ["23514", "reason_length"]),
    ):
        with refused(*refusal):
            admin_call("update_inventory", *arguments)
    assert admin_call("update_inventory", product, LIMIT)["on_hand"] == LIMIT


# Low stock


def test_stock_is_low_at_its_reorder_point(
    database: Database, call: Call, admin_call: AdminCall, supplier: int
) -> None:
    product = database.product("A-1", 20)

    def is_low() -> bool:
        return bool(database.one("select is_low from store.stock"))

    assert not is_low(), "no reorder point, no low stock"
    admin_call("update_inventory", product, p_reorder_point=15)
    call("reserve_stock", product, 20)
    assert not is_low(), "what is on hand counts"
    call("consume_stock", product, "4.999")
    assert not is_low()
    call("consume_stock", product, "0.001")
    assert is_low(), "at the point itself"
    admin_call("record_purchase", product, supplier, "0.001", 1)
    assert not is_low()
    admin_call("update_inventory", product, p_reorder_point=16)
    assert is_low()
    admin_call("update_inventory", product, p_reorder_point=0)
    assert not is_low()
    call("consume_stock", product, 15)
    admin_call("update_inventory", product, 0)
    assert is_low(), "0 is low at a reorder point of 0"


def test_a_change_of_stock_is_a_hot_update_while_it_is_not_newly_low(
    database: Database, admin_call: AdminCall, supplier: int
) -> None:
    """Neither the stock row nor an open layer gets an index entry a sale: the pages would grow with the sales."""
    product = database.product("A-1", 100, p_cost_price=1)
    admin_call("update_inventory", product, p_reorder_point=10)

    def hot(table: str, queries: list[str]) -> tuple[int, int]:
        """(updates, hot ones) of the table by these queries, which are undone."""
        counts = "select pg_stat_get_xact_tuples_updated(%s), pg_stat_get_xact_tuples_hot_updated(%s)"
        oid = database.one("select %s::regclass::oid", table)
        with database.admin.transaction(force_rollback=True):
            ((updates, hot_updates),) = database.rows(counts, oid, oid)
            for query in queries:
                database.admin.execute(query.encode())
            ((more_updates, more_hot_updates),) = database.rows(counts, oid, oid)
        return more_updates - updates, more_hot_updates - hot_updates

    sale = f"select inventory.record_sale({product}, 1, 1)"
    purchase = f"select inventory.record_purchase({product}, {supplier}, 1, 1)"
    for table in ("store.stock", "store.cost_layer"):
        assert hot(table, [sale] * 5) == (5, 5), table
    assert hot("store.stock", [purchase] * 3) == (3, 3)
    low = f"select inventory.record_sale({product}, 90, 1)"
    assert hot("store.stock", [low]) == (1, 0), "the index of low stock has it now"


# Who may


@pytest.mark.parametrize("role", CREDENTIALS)
def test_the_admin_alone_trades(
    database: Database, call: Call, supplier: int, refused: Refused, subtests: pytest.Subtests, role: str
) -> None:
    product = database.product("A-1", 5)
    for name, arguments in {
        "record_purchase": (product, supplier, 1, 1),
        "record_sale": (product, 1, 1),
        "return_sale": (1, 1),
        "create_supplier": ("A",),
        "create_unit": ("Metre", "m"),
        "register_product": ("A-2", "Mug"),
        "initialize_inventory": (product, 1),
        "update_inventory": (product, 1),
        "set_price": (product, 1),
    }.items():
        with subtests.test(name), refused("42501"):
            call(name, *arguments, role=role)


@pytest.mark.parametrize(
    "name",
    [
        "post",
        "post_line",
        "write_postings",
        "returnable_units",
        "write_sales",
        "write_purchases",
        "price_at",
        "require_inventory",
        "require_supplier",
        "stock_at",
        "cost_layers_at",
    ],
)
def test_what_rules_are_made_of_is_nobodys_to_call(database: Database, name: str) -> None:
    roles = [*CREDENTIALS, "inventory_admin", "inventory_maintenance"]
    found = database.rows(
        "select r.role, has_function_privilege(r.role, p.oid, 'execute') from unnest(%s::text[]) as r (role)"
        " join pg_proc as p on p.pronamespace = 'inventory'::regnamespace and p.proname = %s",
        roles,
        name,
    )
    assert sorted(found) == sorted((role, False) for role in roles)


def test_of_two_that_do_not_exist_the_product_is_said(
    database: Database, admin_call: AdminCall, refused: Refused
) -> None:
    """As an API says first what its path names."""
    with refused("IV003"):
        admin_call("record_purchase", 99, 99, 1, 1)
    with refused("IV003"):
        admin_call("record_inflow", 99, 99, 1)


def test_an_inventory_of_no_said_quantity_begins_with_nothing(database: Database, admin_call: AdminCall) -> None:
    product = admin_call("register_product", "B-1", "Bare")["id"]
    assert admin_call("initialize_inventory", product, 1, None)["on_hand"] == 0
    assert database.rows("select from store.movement") == []
