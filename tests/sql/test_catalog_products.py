"""Products, brands, categories and suppliers of the catalog (API 5): made, changed, deleted."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from tests.conftest import Database, InThread
from tests.sql.conftest import AdminCall, Call, Calls, Refused

pytestmark = pytest.mark.usefixtures("verified")

ADMIN = "inventory_admin"
PLACE = {"p_to_location": "RACK-A1-01"}
HOUR = timedelta(hours=1)
Make = Callable[..., dict[str, Any]]


@pytest.fixture
def make(admin_call: AdminCall) -> Make:
    """make(sku="A-1", …): a product of brand 1 and category 1, which are made with the first."""
    admin_call("create_category", "Mugs")
    admin_call("create_brand", "Acme")

    def make(**others: Any) -> dict[str, Any]:
        given = {"title": "Mug", "category_id": 1, "brand_id": 1, "cost_price": "2.5", "selling_price": 5, **others}
        return admin_call("create_catalog_product", **{f"p_{name}": value for name, value in given.items()})

    return make


@pytest.fixture
def mug(make: Make) -> int:
    """A product, A-1, of which there are 10 at 2.50."""
    return int(make(sku="A-1", quantity=10)["id"])


def movements(database: Database, product: int) -> list[tuple[Any, ...]]:
    return database.rows(
        "select kind, on_hand_after - on_hand_before, cost from store.movement where product_id = %s order by id",
        product,
    )


def layers(database: Database, product: int) -> list[tuple[Any, ...]]:
    return database.rows(
        "select quantity, remaining, unit_cost, remaining_value from store.cost_layer where product_id = %s"
        " order by id",
        product,
    )


def prices(database: Database, product: int, kind: str = "retail") -> list[tuple[Any, ...]]:
    """The amounts of the rules, and whether they are open."""
    return database.rows(
        "select amount, effective_to is null from store.price where product_id = %s and price_type = %s order by id",
        product,
        kind,
    )


class TestCreate:
    """A product with its first stock, which costs its cost price, and its retail price."""

    def test_first_stock_is_a_layer_and_the_price_a_rule(self, database: Database, make: Make) -> None:
        row = make(sku="A-1", quantity=10, description="Blue", serial_number="SN-1", actor="ann")
        assert {name: row[name] for name in ("sku", "name", "category_id", "brand_id", "retail_price")} == {
            "sku": "A-1",
            "name": "Mug",
            "category_id": 1,
            "brand_id": 1,
            "retail_price": 5,
        }
        assert (row["description"], row["serial_number"], row["cost_price"]) == ("Blue", "SN-1", Decimal("2.5"))
        assert movements(database, row["id"]) == [("initial", 10, 25)]
        assert layers(database, row["id"]) == [(10, 10, Decimal("2.5"), 25)]
        assert prices(database, row["id"]) == [(5, True)]
        assert database.rows("select unit_id, status from store.stock") == [(1, "active")]
        assert database.rows("select actor from store.movement") == [("ann",)]

    def test_without_a_quantity_there_is_an_inventory_of_none(self, database: Database, make: Make) -> None:
        product = make()["id"]
        assert database.stock(product) == (0, 0, 0)
        assert movements(database, product) == []

    def test_without_a_code_it_gets_the_next_that_is_free(self, database: Database, make: Make) -> None:
        assert make()["sku"] == "P-000001"
        database.product("P-000003")
        make(sku="P-000002")
        assert [make()["sku"] for _ in range(2)] == ["P-000004", "P-000005"]
        database.one("select setval('store.sku_seq', 999999)")
        assert [make()["sku"] for _ in range(2)] == ["P-1000000", "P-1000001"], "it grows, and cuts nothing off"

    def test_a_code_that_is_taken_is_refused(self, database: Database, make: Make, refused: Refused) -> None:
        database.product("A-1")
        with refused("IV005"):
            make(sku="A-1")
        assert make(sku="a-1")["sku"] == "a-1"

    @pytest.mark.parametrize(
        ("wrong", "code"),
        [
            ({"category_id": 9}, "IV036"),
            ({"brand_id": 9}, "IV035"),
            ({"category_id": None}, "22004"),
            ({"brand_id": None}, "22004"),
            ({"title": None}, "22004"),
            ({"cost_price": None}, "22004"),
            ({"selling_price": None}, "22004"),
            ({"cost_price": "1.001"}, "23514"),
            ({"selling_price": "1.001"}, "23514"),
            ({"quantity": -1}, "23514"),
        ],
    )
    def test_what_is_unknown_missing_or_too_fine_is_refused(
        self, database: Database, make: Make, wrong: dict[str, Any], code: str
    ) -> None:
        before = database.counts()
        with pytest.raises(psycopg.Error) as caught:
            make(**wrong)
        assert caught.value.sqlstate == code
        assert database.counts() == before

    def test_every_other_api_sees_it_at_once(self, database: Database, call: Call, mug: int) -> None:
        uuid = database.sku_id(mug)
        assert database.one("select http.get_sku(%s)", uuid)["available"] == 10
        assert database.one("select http.get_inventory_item(%s)", str(mug))["price"] == 5
        call("reserve_stock", mug, 1)
        call("create_block", mug, 1)
        call("place_order", "Add", "A-1", 1, **PLACE)
        assert database.stock(mug) == (11, 1, 1)


class TestUpdate:
    """What is left out stays; a quantity is a movement of the difference; a price is a rule."""

    def test_what_is_left_out_stays(self, database: Database, admin_call: AdminCall, make: Make) -> None:
        """Where nothing is named, and where something else is."""
        mug = make(sku="A-1", quantity=10, description="Blue", serial_number="SN-1")["id"]
        names = ("sku", "name", "category_id", "brand_id", "cost_price", "retail_price", "description", "serial_number")
        query = f"select {', '.join(names)} from store.product"
        before = database.rows(query)[0]
        admin_call("update_catalog_product", mug)
        assert database.rows(query) == [before]
        assert (len(movements(database, mug)), prices(database, mug)) == (1, [(5, True)])
        admin_call("update_catalog_product", mug, p_title="Cup")
        assert database.rows(query) == [(before[0], "Cup", *before[2:])]

    def test_lists_are_counted_anew_where_the_category_alone_changes(
        self, database: Database, admin_call: AdminCall, mug: int
    ) -> None:
        category = [admin_call("create_category", name)["id"] for name in ("Cups", "Pots")][-1]
        admin_call("update_catalog_product", mug, p_category_id=category)
        database.verify()
        admin_call("update_catalog_product", mug, p_category_id=1)
        database.verify()

    def test_of_two_who_move_it_to_another_category_the_second_sees_the_first(
        self, database: Database, admin_call: AdminCall, in_thread: type[InThread], mug: int
    ) -> None:
        for name in ("Cups", "Pots"):
            admin_call("create_category", name)
        one, two = database.connect("inventory_admin"), database.connect("inventory_admin")
        move = "select from inventory.update_catalog_product(%s, p_category_id => %s)"
        with one.transaction():
            one.execute(move, [mug, 2])
            waiting = in_thread(lambda: two.execute(move, [mug, 3]))
            database.wait_until_blocked(two)
        waiting.result()
        database.verify()

    def test_each_field_changes(self, database: Database, admin_call: AdminCall, mug: int) -> None:
        category, brand = admin_call("create_category", "Cups")["id"], admin_call("create_brand", "Best")["id"]
        row = admin_call("update_catalog_product", mug, "Cup", category, brand, 3, 6, "Red", "SN-2", 12, "B-1", "bob")
        names = ("name", "category_id", "brand_id", "cost_price", "retail_price", "description", "serial_number", "sku")
        assert [row[name] for name in names] == ["Cup", category, brand, 3, 6, "Red", "SN-2", "B-1"]
        assert database.rows("select actor from store.movement order by id desc limit 1") == [("bob",)]

    def test_a_quantity_up_is_an_arrival_at_the_cost_price_of_the_same_call(
        self, database: Database, admin_call: AdminCall, mug: int
    ) -> None:
        admin_call("update_catalog_product", mug, p_quantity=12)
        admin_call("update_catalog_product", mug, p_quantity=15, p_cost_price=3)
        assert movements(database, mug)[1:] == [("adjust", 2, 5), ("adjust", 3, 9)]
        assert [layer[2] for layer in layers(database, mug)] == [Decimal("2.5"), Decimal("2.5"), 3]

    def test_a_quantity_down_leaves_first_in_first_out(
        self, database: Database, admin_call: AdminCall, mug: int
    ) -> None:
        admin_call("update_catalog_product", mug, p_quantity=15, p_cost_price=4)
        admin_call("update_catalog_product", mug, p_quantity=3)
        assert movements(database, mug)[2:] == [("adjust", -12, 33)]
        assert [layer[1] for layer in layers(database, mug)] == [0, 3]

    def test_the_same_quantity_is_no_movement(self, database: Database, admin_call: AdminCall, mug: int) -> None:
        admin_call("update_catalog_product", mug, p_quantity=10)
        assert len(movements(database, mug)) == 1

    def test_it_takes_no_promised_unit(
        self, database: Database, call: Call, admin_call: AdminCall, refused: Refused, mug: int
    ) -> None:
        call("reserve_stock", mug, 3)
        call("create_block", mug, 2)
        with refused("IV001"):
            admin_call("update_catalog_product", mug, "Cup", p_quantity=4, p_selling_price=9, p_sku="B-1")
        admin_call("update_catalog_product", mug, p_quantity=5)
        assert database.stock(mug) == (5, 3, 2)

    @pytest.mark.parametrize("status", ["inactive", "archived"])
    def test_an_inventory_that_is_not_active_is_corrected_too(
        self, database: Database, admin_call: AdminCall, mug: int, status: str
    ) -> None:
        admin_call("update_inventory", mug, p_status=status)
        for quantity in (12, 1):
            admin_call("update_catalog_product", mug, p_quantity=quantity)
            assert database.stock(mug)[0] == quantity

    def test_without_an_inventory_there_is_no_quantity_to_change(
        self, admin_call: AdminCall, refused: Refused, mug: int
    ) -> None:
        bare = admin_call("register_product", "B-1", "Bare")["id"]
        admin_call("update_catalog_product", bare, "Bear", 1, 1, 2, 3)
        with refused("IV019"):
            admin_call("update_catalog_product", bare, p_quantity=0)

    def test_another_price_ends_the_rule_before_it_and_touches_no_promo(
        self, database: Database, admin_call: AdminCall, mug: int
    ) -> None:
        admin_call("set_price", mug, 1, "promo")
        for price, found in ((5, [(5, True)]), ("5.00", [(5, True)]), (6, [(5, False), (6, True)])):
            admin_call("update_catalog_product", mug, p_selling_price=price)
            assert prices(database, mug) == found
        assert prices(database, mug, "promo") == [(1, True)]

    def test_a_price_that_comes_back_as_it_was_shown_is_no_change(
        self, database: Database, admin_call: AdminCall, mug: int
    ) -> None:
        admin_call("set_price", mug, "5.125")
        admin_call("update_catalog_product", mug, p_selling_price="5.13")
        assert prices(database, mug) == [(5, False), (Decimal("5.125"), True)]
        admin_call("update_catalog_product", mug, p_selling_price="5.12")
        assert prices(database, mug)[2:] == [(Decimal("5.12"), True)]
        database.one("update store.product set cost_price = 2.125 returning id")
        admin_call("update_catalog_product", mug, p_cost_price="2.13")
        assert database.rows("select cost_price from store.product") == [(Decimal("2.125"),)]

    def test_a_first_price_is_a_rule(self, database: Database, admin_call: AdminCall, make: Make) -> None:
        bare = admin_call("register_product", "B-1", "Bare")["id"]
        assert admin_call("update_catalog_product", bare, p_selling_price=0)["retail_price"] == 0
        assert prices(database, bare) == [(0, True)]

    def test_a_cost_price_is_for_what_arrives_later(
        self, database: Database, call: Call, admin_call: AdminCall, mug: int
    ) -> None:
        admin_call("update_catalog_product", mug, p_cost_price=7)
        assert layers(database, mug) == [(10, 10, Decimal("2.5"), 25)]
        call("add_stock", mug, 1)
        assert layers(database, mug)[1:] == [(1, 1, 7, 7)]

    def test_a_code_changes_and_is_one_products(
        self, database: Database, call: Call, admin_call: AdminCall, refused: Refused, mug: int
    ) -> None:
        database.product("B-1")
        with refused("IV005"):
            admin_call("update_catalog_product", mug, p_sku="B-1", p_quantity=20)
        admin_call("update_catalog_product", mug, p_sku="A-1")
        admin_call("update_catalog_product", mug, p_sku="C-1")
        call("place_order", "Add", "C-1", 1, **PLACE)
        with refused("IV003"):
            call("place_order", "Add", "A-1", 1, **PLACE)
        database.product("A-1")

    @pytest.mark.parametrize(
        ("wrong", "code"), [({"p_category_id": 9}, "IV036"), ({"p_brand_id": 9}, "IV035"), ({}, "IV003")]
    )
    def test_what_is_unknown_is_refused(
        self, admin_call: AdminCall, refused: Refused, mug: int, wrong: dict[str, Any], code: str
    ) -> None:
        with refused(code):
            admin_call("update_catalog_product", mug if wrong else 999, "Cup", **wrong)
        for nothing in (999, None):
            with refused("IV003"):
                admin_call("update_catalog_product", nothing, p_quantity=1)


def inflow(call: Call, admin_call: AdminCall, product: int) -> Any:
    return admin_call("record_inflow", product, admin_call("create_supplier", "Supply Co")["id"], 1)["id"]


def count_and_cancel(call: Call, product: int) -> None:
    call("place_order", "Count", "X-1", 0, p_to_location="RACK-C3-03")
    count = call("start_count", "RACK-A1-01")
    assert count is not None
    call("record_count_line", count["id"], "A-1", 0)
    call("cancel_count", count["id"])


# What a product has been through that keeps it: (what happened, how).
HISTORIES: dict[str, Callable[[Call, AdminCall, int], Any]] = {
    "inflow": inflow,
    "deleted inflow": lambda call, admin, id: admin("delete_inflow", inflow(call, admin, id)),
    "outflow": lambda call, admin, id: admin("record_outflow", id, 1),
    "deleted outflow": lambda call, admin, id: admin("delete_outflow", admin("record_outflow", id, 1)["id"]),
    "purchase": lambda call, admin, id: admin("record_purchase", id, admin("create_supplier", "S")["id"], 1, 1),
    "sale": lambda call, admin, id: admin("record_sale", id, 1, 1),
    "block": lambda call, admin, id: call("create_block", id, 1),
    "reservation": lambda call, admin, id: call("reserve_stock", id, 1),
    "released": lambda call, admin, id: (call("reserve_stock", id, 1), call("release_stock", id, 1)),
    "addStock": lambda call, admin, id: call("add_stock", id, 1),
    "Add": lambda call, admin, id: call("place_order", "Add", "A-1", 1, **PLACE),
    "Adjust": lambda call, admin, id: call("place_order", "Adjust", "A-1", 1, **PLACE),
    "Count": lambda call, admin, id: call("place_order", "Count", "A-1", 1, **PLACE),
    "Count of no difference": lambda call, admin, id: call("place_order", "Count", "A-1", 0, **PLACE),
    "cycle count line": lambda call, admin, id: count_and_cancel(call, id),
}


class TestDelete:
    """A product with no more than its first stock can go; the ledger keeps what was."""

    @pytest.mark.parametrize("quantity", [0, 10])
    @pytest.mark.parametrize("corrected", [None, 0, 13, 4])
    def test_with_its_first_stock_and_corrections(
        self, database: Database, admin_call: AdminCall, make: Make, quantity: int, corrected: int | None
    ) -> None:
        product = make(sku="A-1", quantity=quantity)["id"]
        if corrected is not None:
            admin_call("update_inventory", product, corrected)
        left = database.stock(product)[0]
        admin_call("delete_product", product, "ann")
        kinds = movements(database, product)
        assert kinds[-1:] == ([("delete_product", -left, left * Decimal("2.5"))] if left else kinds[-1:])
        assert sum(quantity for _, quantity, _ in kinds) == 0
        assert all(remaining == value == 0 for _, remaining, _, value in layers(database, product))
        assert prices(database, product) == [(5, True)], "its prices stay"
        assert database.rows("select from store.product") == database.rows("select from store.stock") == []
        assert database.rows("select id, sku, name, deleted_by from store.deleted_product") == [
            (product, "A-1", "Mug", "ann")
        ]

    def test_one_that_is_not_active(self, database: Database, admin_call: AdminCall, mug: int) -> None:
        admin_call("update_inventory", mug, p_status="archived")
        admin_call("delete_product", mug)
        assert movements(database, mug)[-1] == ("delete_product", -10, 25)

    def test_one_without_an_inventory(self, database: Database, admin_call: AdminCall, mug: int) -> None:
        bare = admin_call("register_product", "B-1", "Bare")["id"]
        admin_call("delete_product", bare)
        assert database.rows("select id from store.product") == [(mug,)]

    @pytest.mark.parametrize("is_renamed", [False, True], ids=["same code", "another code since"])
    @pytest.mark.parametrize("history", HISTORIES)
    def test_one_with_a_history_is_protected(
        self,
        database: Database,
        call: Call,
        admin_call: AdminCall,
        refused: Refused,
        mug: int,
        history: str,
        is_renamed: bool,
    ) -> None:
        database.product("X-1")
        HISTORIES[history](call, admin_call, mug)
        if is_renamed:
            admin_call("update_catalog_product", mug, p_sku="B-1")
        with refused("IV039"):
            admin_call("delete_product", mug)

    def test_an_expired_block_protects_before_and_after_the_sweep(
        self, database: Database, call: Call, admin_call: AdminCall, refused: Refused, mug: int
    ) -> None:
        call("create_block", mug, 1)
        database.advance(HOUR)
        with refused("IV039"):
            admin_call("delete_product", mug)
        database.one("select maintenance.expire_blocks()")
        with refused("IV039"):
            admin_call("delete_product", mug)

    def test_one_without_an_inventory_goes_with_its_prices_ahead(
        self, database: Database, admin_call: AdminCall
    ) -> None:
        bare = admin_call("register_product", "B-1", "Bare")["id"]
        now = admin_call("clock")["clock"]
        admin_call("set_price", bare, 5, p_effective_from=now + HOUR)
        admin_call("delete_product", bare)
        assert database.rows("select from store.price_turn") == []
        assert database.rows("select unit_id, stocked_at from store.deleted_product") == [(None, None)]
        database.verify()  # its rules stay, and they have no turn
        database.advance(2 * HOUR)
        assert database.one("select maintenance.turn_prices()") == 0

    @pytest.mark.parametrize("status", ["inactive", "archived"])
    def test_one_that_is_not_active_goes(
        self, database: Database, admin_call: AdminCall, mug: int, status: str
    ) -> None:
        admin_call("update_inventory", mug, p_status=status)
        admin_call("delete_product", mug)

    def test_its_code_is_free_and_it_is_gone_everywhere(
        self,
        database: Database,
        calls: Calls,
        call: Call,
        admin_call: AdminCall,
        refused: Refused,
        make: Make,
        mug: int,
    ) -> None:
        uuid = database.sku_id(mug)
        supplier = admin_call("create_supplier", "Supply Co")["id"]
        admin_call("delete_product", mug)
        asked: list[tuple[Any, ...]] = [
            ("delete_product", mug),
            ("update_catalog_product", mug, "Cup"),
            ("http.get_catalog_product", mug),
            ("record_inflow", mug, supplier, 1),
            ("record_outflow", mug, 1),
            ("record_purchase", mug, supplier, 1, 1),
            ("record_sale", mug, 1, 1),
            ("create_block", mug, 1),
            *((f"{rule}_stock", mug, amount) for rule in ("add", "reserve", "release", "consume") for amount in (0, 1)),
            ("initialize_inventory", mug),
            ("update_inventory", mug, 1),
            ("set_price", mug, 1),
            ("place_order", "Add", "A-1", 1, None, "RACK-A1-01"),
            ("place_order", "Count", "A-1", 0, None, "RACK-A1-01"),
            ("product_id_by_sku_id", uuid),
            ("http.get_product", mug),
            ("http.get_inventory", mug),
            ("http.get_valuation", mug),
            ("http.list_movements", mug),
            ("http.list_prices", mug),
            ("http.get_active_price", mug),
            ("http.list_product_sales", mug),
            ("http.list_product_purchases", mug),
            ("http.get_sku", uuid),
            ("http.get_inventory_item", str(mug)),
        ]
        for name, *arguments in asked:
            with refused("IV003"):
                calls(name, *arguments, role=ADMIN)
        for rows in ("list_catalog_products", "list_products", "list_inventory"):
            shown = next(iter(calls(f"http.{rows}", role=ADMIN)[0].values()))
            assert [] in (shown.get("results"), shown.get("products"), shown.get("inventory"))
        again = make(sku="A-1", quantity=3)["id"]
        assert again != mug
        calls("place_order", "Add", "A-1", 1, **PLACE)
        assert (database.stock(again), movements(database, mug)[0]) == ((4, 0, 0), ("initial", 10, 25))
        assert database.rows(
            "select product_id, sku, kind, quantity from report.movements where product_id = %s order by movement_id",
            mug,
        ) == [(mug, "A-1", "initial", 10), (mug, "A-1", "delete_product", -10)]

    def test_reports_of_an_instant_before_it_are_what_they_were(
        self, database: Database, admin_call: AdminCall, make: Make, mug: int
    ) -> None:
        other, empty = make(sku="A-2", quantity=1)["id"], make(sku="A-3")["id"]
        assert other
        bare = admin_call("register_product", "B-1", "Bare")["id"]
        database.advance(HOUR)
        admin_call("update_inventory", mug, 4)
        instant = admin_call("clock")["clock"]
        reports = (
            "select * from report.stock_as_of(%s)",
            "select * from report.valuation_as_of(%s)",
            "select * from inventory.cost_layers_at(%s)",
            "select * from inventory.stock_at(%s)",
        )
        instants = [instant - 2 * HOUR, instant - HOUR / 2, instant]
        before = [database.rows(report, at) for report in reports for at in instants]
        assert [len(rows) for rows in before[:3]] == [0, 3, 3]
        database.advance(HOUR)
        for product in (mug, empty, bare):
            admin_call("delete_product", product)
        assert [database.rows(report, at) for report in reports for at in instants] == before
        now = admin_call("clock")["clock"]
        assert [len(database.rows(report, now)) for report in reports] == [1, 1, 1, 1]
        assert database.rows(
            "select quantity_out, cost_out from report.turnover('2000-01-01', %s) where sku = 'A-1'", instant
        ) == [(6, 15)]
        assert database.rows(
            "select other_quantity, other_cost from report.cost_of_goods_sold('2000-01-01', %s) where sku = 'A-1'", now
        ) == [(6, 15)]


class TestNames:
    """Brands and categories: names mind no case, and stay while a product has them."""

    @pytest.mark.parametrize(
        ("kind", "missing", "taken"), [("brand", "IV035", "IV037"), ("category", "IV036", "IV038")]
    )
    def test_made_changed_and_deleted(
        self, database: Database, admin_call: AdminCall, refused: Refused, mug: int, kind: str, missing: str, taken: str
    ) -> None:
        row = admin_call(f"create_{kind}", "Ünïque", "What it is")
        assert (row["name"], row["description"], row["created_at"]) == ("Ünïque", "What it is", row["updated_at"])
        for name in ("ÜNÏQUE", "ünïque", "Ünïque"):
            with refused(taken):
                admin_call(f"create_{kind}", name)
            with refused(taken):
                admin_call(f"update_{kind}", 1, name)
        assert admin_call(f"update_{kind}", row["id"], "ÜNÏQUE")["description"] == "What it is"
        assert admin_call(f"update_{kind}", row["id"], p_description="Else")["name"] == "ÜNÏQUE"
        for call in (f"update_{kind}", f"delete_{kind}"):
            for nothing in (999, None):
                with refused(missing):
                    admin_call(call, nothing)
        with refused("22004"):
            admin_call(f"create_{kind}", None)
        with refused("IV039"):
            admin_call(f"delete_{kind}", 1)
        admin_call("update_catalog_product", mug, **{f"p_{kind}_id": row["id"]})
        with refused("IV039"):
            admin_call(f"delete_{kind}", row["id"])
        admin_call(f"delete_{kind}", 1)
        admin_call("delete_product", mug)
        admin_call(f"delete_{kind}", row["id"])
        assert database.one(f"select count(*) from store.{kind}") == 0
        with refused(missing):
            admin_call(f"delete_{kind}", row["id"])


class TestSuppliers:
    """One email is one supplier's; who sold something stays."""

    def test_made_and_changed(self, admin_call: AdminCall, refused: Refused) -> None:
        row = admin_call("create_supplier", "Supply Co", p_email="Ann@Supply.co", p_description="Cups")
        assert (row["phone_number"], row["business_name"], row["description"]) == (None, None, "Cups")
        other = admin_call("create_supplier", "Supply Co")
        with refused("IV027"):
            admin_call("create_supplier", "Other", p_email="ANN@supply.co")
        with refused("IV027"):
            admin_call("update_supplier", other["id"], "Other", p_email="ann@supply.CO")
        changed = admin_call("update_supplier", row["id"], p_email="ANN@supply.co", p_phone_number="112")
        assert [changed[name] for name in ("name", "email", "phone_number", "description")] == [
            "Supply Co",
            "ANN@supply.co",
            "112",
            "Cups",
        ]
        for nothing in (999, None):
            with refused("IV023"):
                admin_call("update_supplier", nothing)
            with refused("IV023"):
                admin_call("delete_supplier", nothing)

    def test_who_sold_something_stays(
        self, database: Database, admin_call: AdminCall, refused: Refused, mug: int
    ) -> None:
        buys, flows, none = (admin_call("create_supplier", name)["id"] for name in ("A", "B", "C"))
        admin_call("record_purchase", mug, buys, 1, 1)
        taken = admin_call("record_inflow", mug, flows, 1)["id"]
        for supplier in (buys, flows):
            with refused("IV039"):
                admin_call("delete_supplier", supplier)
        admin_call("delete_supplier", none)
        admin_call("delete_inflow", taken)
        admin_call("delete_supplier", flows)
        assert database.rows("select id from store.supplier") == [(buys,)]
        assert database.rows("select supplier_id, supplier, quantity from report.inflows") == [(flows, None, 1)]
