"""Inflows and outflows (API 5), and what deleting one undoes."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.conftest import Database
from tests.sql.conftest import AdminCall, Call, Refused

pytestmark = pytest.mark.usefixtures("verified")


@pytest.fixture
def supplier(admin_call: AdminCall) -> int:
    return int(admin_call("create_supplier", "Supply Co")["id"])


@pytest.fixture
def mug(database: Database) -> int:
    """A product of which there are 10 at 2."""
    return database.product(quantity=10, p_cost_price=2)


def layers(database: Database, product: int) -> list[tuple[Any, ...]]:
    """What each layer holds, and what that is worth."""
    return database.rows(
        "select remaining, remaining_value from store.cost_layer where product_id = %s order by id", product
    )


def last(database: Database, product: int) -> tuple[Any, ...]:
    (row,) = database.rows(
        "select kind, on_hand_after - on_hand_before, cost, reference, reason, actor from store.movement"
        " where product_id = %s order by id desc limit 1",
        product,
    )
    return row


def cost_price(database: Database, product: int, amount: Any) -> None:
    database.admin.execute("update store.product set cost_price = %s where id = %s", [amount, product])


class TestInflow:
    """An arrival at the product's cost price."""

    def test_opens_a_layer_at_the_cost_price(
        self, database: Database, admin_call: AdminCall, mug: int, supplier: int
    ) -> None:
        cost_price(database, mug, "3.335")
        row = admin_call("record_inflow", mug, supplier, 3, "Restock", "ann")
        assert [row[name] for name in ("product_id", "supplier_id", "quantity", "description", "actor")] == [
            mug,
            supplier,
            3,
            "Restock",
            "ann",
        ]
        assert last(database, mug) == ("inflow", 3, Decimal("10.005"), str(row["id"]), "Restock", "ann")
        assert layers(database, mug) == [(10, 20), (3, Decimal("10.005"))]

    def test_of_a_product_without_a_cost_price_has_no_known_cost(
        self, database: Database, admin_call: AdminCall, mug: int, supplier: int
    ) -> None:
        cost_price(database, mug, None)
        inflow = admin_call("record_inflow", mug, supplier, 3)
        assert layers(database, mug) == [(10, 20), (3, None)]
        admin_call("delete_inflow", inflow["id"])
        assert layers(database, mug) == [(10, 20), (0, None)]
        assert last(database, mug)[:4] == ("delete_inflow", -3, None, str(inflow["id"]))
        assert database.rows("select average_quantity, average_value from store.stock") != [(None, None)]

    def test_lies_at_no_place(
        self, database: Database, call: Call, admin_call: AdminCall, mug: int, supplier: int
    ) -> None:
        call("place_order", "Add", "A-1", 1, p_to_location="RACK-A1-01")
        admin_call("record_inflow", mug, supplier, 3)
        assert database.rows("select located from store.stock") == [(1,)]

    def test_what_it_names_exists(
        self, database: Database, admin_call: AdminCall, refused: Refused, mug: int, supplier: int
    ) -> None:
        bare = admin_call("register_product", "B-1", "Bare")["id"]
        for product, of, quantity, code in (
            (999, supplier, 1, "IV003"),
            (None, supplier, 1, "IV003"),
            (mug, 999, 1, "IV023"),
            (mug, None, 1, "IV023"),
            (bare, supplier, 1, "IV019"),
            (mug, supplier, None, "22004"),
            (mug, supplier, 999_999_999, "IV011"),
        ):
            with refused(code):
                admin_call("record_inflow", product, of, quantity)
        for quantity in (0, -1, 1_000_000_000):
            with refused("23514", "positive_whole_quantity_range"):
                admin_call("record_inflow", mug, supplier, quantity)


class TestOutflow:
    """A departure of what is available, first in first out."""

    def test_costs_what_its_layers_cost(
        self, database: Database, admin_call: AdminCall, mug: int, supplier: int
    ) -> None:
        cost_price(database, mug, 3)
        admin_call("record_inflow", mug, supplier, 5)
        row = admin_call("record_outflow", mug, 12, "To the shop", "ann")
        assert last(database, mug) == ("outflow", -12, 26, str(row["id"]), "To the shop", "ann")
        assert layers(database, mug) == [(0, 0), (3, 9)]
        cost_price(database, mug, None)
        admin_call("record_inflow", mug, supplier, 1)
        admin_call("record_outflow", mug, 4)
        assert last(database, mug)[:3] == ("outflow", -4, None)

    def test_takes_unlocated_units_then_those_of_places(
        self, database: Database, call: Call, admin_call: AdminCall, mug: int
    ) -> None:
        call("place_order", "Add", "A-1", 4, p_to_location="RACK-A1-01")
        admin_call("record_outflow", mug, 12)
        assert database.rows("select location, quantity from report.location_stock") == [("RACK-A1-01", 2)]

    def test_takes_no_promised_unit(self, call: Call, admin_call: AdminCall, refused: Refused, mug: int) -> None:
        call("reserve_stock", mug, 3)
        call("create_block", mug, 2)
        with refused("IV001"):
            admin_call("record_outflow", mug, 6)
        admin_call("record_outflow", mug, 5)

    def test_what_it_names_exists(self, admin_call: AdminCall, refused: Refused, mug: int) -> None:
        bare = admin_call("register_product", "B-1", "Bare")["id"]
        for product, quantity, code in (
            (999, 1, "IV003"),
            (None, 1, "IV003"),
            (bare, 1, "IV019"),
            (mug, None, "22004"),
            (mug, 11, "IV001"),
        ):
            with refused(code):
                admin_call("record_outflow", product, quantity)


@pytest.mark.parametrize("status", ["inactive", "archived"])
def test_an_inventory_that_is_not_active_takes_no_flow_and_lets_each_be_deleted(
    database: Database, admin_call: AdminCall, refused: Refused, mug: int, supplier: int, status: str
) -> None:
    inflow, outflow = admin_call("record_inflow", mug, supplier, 3), admin_call("record_outflow", mug, 2)
    admin_call("update_inventory", mug, p_status=status)
    with refused("IV010"):
        admin_call("record_inflow", mug, supplier, 1)
    with refused("IV010"):
        admin_call("record_outflow", mug, 1)
    admin_call("delete_outflow", outflow["id"])
    admin_call("delete_inflow", inflow["id"])
    assert (database.stock(mug), layers(database, mug)) == ((10, 0, 0), [(10, 20), (0, 0)])


class TestDeleteInflow:
    """Its own units leave, and no others."""

    def test_takes_its_own_layer_and_leaves_the_first_one(
        self, database: Database, admin_call: AdminCall, mug: int, supplier: int
    ) -> None:
        for amount in (3, 4, 5):
            cost_price(database, mug, amount)
            admin_call("record_inflow", mug, supplier, 10)
        (second,) = (row for (row,) in database.rows("select id from store.inflow order by id limit 1 offset 1"))
        admin_call("delete_inflow", second, "bob")
        assert last(database, mug) == ("delete_inflow", -10, 40, str(second), None, "bob")
        assert layers(database, mug) == [(10, 20), (10, 30), (0, 0), (10, 50)]
        assert database.one("select count(*) from store.inflow") == 2

    def test_is_refused_while_some_of_it_is_away_and_not_when_it_came_back(
        self, database: Database, admin_call: AdminCall, refused: Refused, mug: int, supplier: int
    ) -> None:
        inflow = admin_call("record_inflow", mug, supplier, 5)["id"]
        admin_call("record_outflow", mug, 9)
        outflow = admin_call("record_outflow", mug, 2)["id"]
        with refused("IV042") as error:
            admin_call("delete_inflow", inflow)
        assert str(error.value.diag.message_detail) == '{"quantity": 5.000, "remaining": 4.000}'
        gone = admin_call("record_outflow", mug, 4)["id"]
        with refused("IV042"):
            admin_call("delete_inflow", inflow)
        admin_call("delete_outflow", gone)
        with refused("IV042"):
            admin_call("delete_inflow", inflow)
        admin_call("delete_outflow", outflow)
        admin_call("delete_inflow", inflow)
        assert layers(database, mug) == [(1, 2), (0, 0)]

    def test_is_refused_while_as_many_are_promised(
        self, database: Database, call: Call, admin_call: AdminCall, refused: Refused, mug: int, supplier: int
    ) -> None:
        inflow = admin_call("record_inflow", mug, supplier, 5)["id"]
        call("reserve_stock", mug, 6)
        call("create_block", mug, 5)
        with refused("IV001"):
            admin_call("delete_inflow", inflow)
        call("release_stock", mug, 1)
        admin_call("delete_inflow", inflow)
        assert database.stock(mug) == (10, 5, 5)

    def test_units_of_an_expired_block_are_available(
        self, database: Database, call: Call, admin_call: AdminCall, mug: int, supplier: int
    ) -> None:
        inflow = admin_call("record_inflow", mug, supplier, 5)["id"]
        call("create_block", mug, 15)
        database.advance(database.one("select interval '1 hour'"))
        admin_call("delete_inflow", inflow)
        assert database.stock(mug) == (10, 0, 0)

    def test_what_lies_at_places_stays_as_long_as_there_are_others(
        self, database: Database, call: Call, admin_call: AdminCall, mug: int, supplier: int
    ) -> None:
        call("place_order", "Add", "A-1", 4, p_to_location="RACK-A1-01")
        inflow = admin_call("record_inflow", mug, supplier, 12)["id"]
        admin_call("record_outflow", mug, 10)
        call("place_order", "Adjust", "A-1", 8, p_to_location="RACK-A1-01")
        assert database.rows("select on_hand, located from store.stock") == [(24, 12)]
        admin_call("delete_inflow", inflow)
        assert database.rows("select on_hand, located from store.stock") == [(12, 12)]


class TestDeleteOutflow:
    """Its units come back into the layers that they left."""

    def test_brings_them_back_at_what_they_had_cost(
        self, database: Database, admin_call: AdminCall, mug: int, supplier: int
    ) -> None:
        cost_price(database, mug, "3.333")
        admin_call("record_inflow", mug, supplier, 7)
        outflow = admin_call("record_outflow", mug, 13)["id"]
        admin_call("record_outflow", mug, 1)
        cost_price(database, mug, 9)
        admin_call("delete_outflow", outflow, "bob")
        assert last(database, mug)[:2] + last(database, mug)[3:] == ("delete_outflow", 13, str(outflow), None, "bob")
        assert [remaining for remaining, _ in layers(database, mug)] == [10, 6]
        assert layers(database, mug)[0] == (10, 20)
        assert database.rows("select average_quantity from store.stock") == [(16,)]

    def test_is_refused_where_there_is_no_room(
        self, database: Database, admin_call: AdminCall, refused: Refused, mug: int
    ) -> None:
        outflow = admin_call("record_outflow", mug, 5)["id"]
        admin_call("update_inventory", mug, "999999996")
        with refused("IV011"):
            admin_call("delete_outflow", outflow)


def test_a_second_deletion_finds_nothing(
    database: Database, admin_call: AdminCall, refused: Refused, mug: int, supplier: int
) -> None:
    inflow, outflow = admin_call("record_inflow", mug, supplier, 3), admin_call("record_outflow", mug, 2)
    for kind, code, flow in (("inflow", "IV040", inflow), ("outflow", "IV041", outflow)):
        admin_call(f"delete_{kind}", flow["id"])
        for nothing in (flow["id"], 999, None):
            with refused(code):
                admin_call(f"delete_{kind}", nothing)
        with refused(code):
            admin_call(f"http.get_{kind}", flow["id"])


def test_what_is_deleted_leaves_its_trace_and_no_turnover(
    database: Database, admin_call: AdminCall, mug: int, supplier: int
) -> None:
    begin = admin_call("clock")["clock"]
    inflow = admin_call("record_inflow", mug, supplier, 3, "In", "ann")
    kept = admin_call("record_outflow", mug, 2, "Kept", "ann")
    outflow = admin_call("record_outflow", mug, 4, "Out", "ann")
    end = "select inventory.clock()"
    turnover = "select quantity_out, cost_out from report.turnover(%s, %s)"
    others = "select other_quantity, other_cost from report.cost_of_goods_sold(%s, %s)"
    assert database.rows(turnover, begin, database.one(end)) == [(6, 12)]
    assert database.rows(others, begin, database.one(end)) == [(6, 12)]
    admin_call("delete_outflow", outflow["id"], "bob")
    admin_call("delete_inflow", inflow["id"], "bob")
    assert database.rows(turnover, begin, database.one(end)) == [(2, 4)]
    assert database.rows(others, begin, database.one(end)) == [(2, 4)]
    assert database.rows(
        "select kind, id, product_id, supplier_id, quantity, description, actor, created_at, deleted_by"
        " from store.deleted_flow order by kind"
    ) == [
        ("inflow", inflow["id"], mug, supplier, 3, "In", "ann", inflow["created_at"], "bob"),
        ("outflow", outflow["id"], mug, None, 4, "Out", "ann", outflow["created_at"], "bob"),
    ]
    assert database.rows("select inflow_id, cost, deleted_by from report.inflows") == [(inflow["id"], 6, "bob")]
    assert database.rows("select outflow_id, cost, deleted_by from report.outflows order by outflow_id") == [
        (kept["id"], 4, None),
        (outflow["id"], 8, "bob"),
    ]
    assert database.rows(
        "select kind, reference from report.movements where kind like 'delete%%' order by movement_id"
    ) == [("delete_outflow", str(outflow["id"])), ("delete_inflow", str(inflow["id"]))]
    assert database.rows(
        "select m.kind, m.created_at = d.deleted_at from store.deleted_flow as d"
        " join store.movement as m on m.id = d.deletion_movement_id order by d.kind"
    ) == [("delete_inflow", True), ("delete_outflow", True)]


def test_the_moving_average_follows(database: Database, admin_call: AdminCall, mug: int, supplier: int) -> None:
    """10 at 2; 10 more at 4 make 20 at 3; 5 leave with 15 and come back with what they had cost first in first out."""
    average = "select average_quantity, average_value from store.stock"
    cost_price(database, mug, 4)
    inflow = admin_call("record_inflow", mug, supplier, 10)["id"]
    assert database.rows(average) == [(20, 60)]
    outflow = admin_call("record_outflow", mug, 5)["id"]
    assert database.rows(average) == [(15, 45)]
    admin_call("delete_outflow", outflow)
    assert database.rows(average) == [(20, 55)]
    admin_call("delete_inflow", inflow)
    assert database.rows(average) == [(10, Decimal("27.5"))]


class TestRowCount:
    """How many rows a list has, without counting them."""

    def count(self, database: Database, *of: Any) -> Any:
        of = (*of, None, None, None)[:3]
        return database.one("select inventory.row_total(%s, %s, %s)", *of)

    def test_of_a_category_and_of_a_brand(self, database: Database, admin_call: AdminCall) -> None:
        for name in ("A", "B"):
            admin_call("create_category", name)
            admin_call("create_brand", name)
        products = [
            admin_call("create_catalog_product", "Mug", category, brand, 1, 1)["id"]
            for category, brand in ((1, 1), (1, 2), (2, 2), (2, 2))
        ]
        admin_call("register_product", "B-1", "Bare")
        of = ("product", "product", "product", "product", "product", "inflow", "outflow")
        filters = ((), (1,), (2,), (None, 2), (1, 2), (), ())

        def counts() -> list[int]:
            return [self.count(database, subject, *each) for subject, each in zip(of, filters, strict=True)]

        assert counts() == [5, 2, 2, 3, 1, 0, 0]
        admin_call("update_catalog_product", products[0], p_category_id=2)
        admin_call("update_catalog_product", products[1], "Cup", 1, 2)
        assert counts() == [5, 1, 3, 3, 1, 0, 0]
        admin_call("delete_product", products[1])
        assert counts() == [4, 0, 3, 2, 0, 0, 0]
        assert self.count(database, "product", 999) == 0

    def test_one_row_is_not_lost_in_a_summing_up(self, database: Database) -> None:
        with database.admin.transaction(force_rollback=True):
            database.admin.execute("select setseed(0.5)")
            database.admin.execute(
                "select inventory.add_row_total('inflow', case n % 2 when 0 then -1 else 1 end)"
                " from generate_series(1, 6001) as n"
            )
            assert database.one("select count(*) from store.row_total") < 1000, "it was summed up"
            assert self.count(database, "inflow") == 1

    def test_through_its_own_summing_up(self, database: Database) -> None:
        """Some thousands of calls: what they leave is summed up, and is the sum."""
        database.admin.execute("select setseed(0.5)")
        for _ in range(2):
            database.admin.execute(
                "select inventory.add_product_total(case n % 3 when 0 then -1 else 1 end, n % 4 + 1, n % 2 + 1)"
                " from generate_series(1, 6000) as n"
            )
        assert database.one("select count(*) from store.row_total") < 1000, "it was summed up"
        expected = database.rows(
            "select 2 * sum(case n % 3 when 0 then -1 else 1 end), n % 4 + 1 from generate_series(1, 6000) as n"
            " group by 2 order by 2"
        )
        assert [self.count(database, "product", category) for _, category in expected] == [n for n, _ in expected]
        total = 4000
        assert sum(n for n, _ in expected) == total
        with database.admin.transaction(force_rollback=True):
            database.admin.execute("select inventory.add_row_total('product', 1) from generate_series(1, 6000)")
            assert self.count(database, "product") == total + 6000
        assert self.count(database, "product") == total
        database.admin.execute("delete from store.row_total where delta <> 0")

    def test_of_many_categories_and_brands_each_is_summed_up(self, database: Database) -> None:
        """Wherever its rows lie: the table grows with the pairs of them, not with the products."""
        with database.admin.transaction(force_rollback=True):
            database.admin.execute("select setseed(0.5)")
            database.admin.execute(
                "select inventory.add_product_total(1, nullif(n % 100, 0), nullif(n / 100 % 6, 0))"
                " from generate_series(0, 11999) as n"
            )
            assert database.one("select count(*) from store.row_total") < 3 * 600
            assert self.count(database, "product") == 12_000
            assert (self.count(database, "product", 99), self.count(database, "product", None, 5)) == (120, 2000)

    def test_two_at_once_wait_for_nobody_and_lose_nothing(self, database: Database) -> None:
        first, second = database.connect(), database.connect()
        second.execute("set lock_timeout = '1ms'")
        many = "select inventory.add_row_total('inflow', 1) from generate_series(1, 3000)"
        first.execute(many)
        with first.transaction():
            first.execute(many)
            second.execute(many)
            assert self.count(database, "inflow") == 6000
            assert first.execute("select inventory.row_total('inflow')").fetchone() == (9000,)
        second.execute(many)
        assert self.count(database, "inflow") == 12_000
        database.admin.execute("select inventory.add_row_total('inflow', -12000)")


# Lists


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "Asia/Kolkata", "UTC"])
@pytest.mark.parametrize("style", ["SQL, DMY", "Postgres", "German", "ISO"])
def test_a_list_by_time_minds_no_setting_of_the_session(
    database: Database, admin_call: AdminCall, mug: int, supplier: int, zone: str, style: str
) -> None:
    """CST is China's time where it is written, and America's where it is read back."""
    at = "2030-03-04T05:06:07.000008Z"
    admin_call("record_inflow", mug, supplier, 5)
    admin_call("record_outflow", mug, 1)
    admin_call("record_purchase", mug, supplier, 5, 1)
    admin_call("record_sale", mug, 1, 1)
    database.one("select to_json(http.place_order('Add', 'A-1', 1, null, 'RACK-A1-01'))")
    for table in ("inflow", "outflow", "purchase", "sale", "art_operation"):
        database.admin.execute(f"update store.{table} set created_at = %s".encode(), [at])
    connection = database.connect("inventory_admin")
    connection.execute("select set_config('datestyle', %s, false), set_config('timezone', %s, false)", [style, zone])
    for name, items in (
        ("inflows", "results"),
        ("outflows", "results"),
        ("purchases", "purchases"),
        ("sales", "sales"),
        ("art_orders", "orders"),
    ):
        for argument, others in (("p_date_from", (7, 9)), ("p_date_to", (9, 7))):
            query = f"select json_array_length(http.list_{name}({argument} => %s) -> %s)".encode()
            for microsecond, found in ((8, 1), (others[0], 1), (others[1], 0)):
                instant = at.replace("8Z", f"{microsecond}Z")
                assert connection.execute(query, [instant, items]).fetchone() == (found,), (name, argument, instant)
