"""Who deletes and who uses, at once: nothing refers to nothing, and what is undone is undone once (API 5)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tests.concurrency.conftest import Race
from tests.concurrency.test_races import BLOCK, SELL, SET_PRICE, SET_PRICE_FROM, alone, now
from tests.conftest import Database

ADMIN = "inventory_admin"
HOUR = timedelta(hours=1)

DELETE = "select inventory.delete_product(%s)"
INFLOW = "select id from inventory.record_inflow(%s, %s, %s)"
OUTFLOW = "select id from inventory.record_outflow(%s, %s)"
DELETE_INFLOW = "select inventory.delete_inflow(%s)"
DELETE_OUTFLOW = "select inventory.delete_outflow(%s)"
INITIALIZE = "select product_id from inventory.initialize_inventory(%s, 1, 5)"
UPDATE = "select id from inventory.update_catalog_product(%s, p_quantity => 3, p_selling_price => 9, p_sku => 'B-1')"
CREATE = "select id from inventory.create_catalog_product('Mug', %s, %s, 2, 5, p_quantity => 4)"
CHANGE = "select id from inventory.update_catalog_product(%s, p_category_id => %s, p_brand_id => %s)"

Statement = tuple[Any, ...]


def queue(
    database: Database, race: Race, *statements: Statement, product: int, table: str = "stock"
) -> list[str | None]:
    """What becomes of the admin's statements, which come to the product's row one after the other."""
    with race.behind(product, table=table):
        for statement in statements:
            race.queue(*statement, role=ADMIN)
    database.verify()
    return race.outcomes


def one_holds(
    database: Database, race: Race, first: Statement, second: Statement, *, is_kept: bool = True
) -> str | None:
    """What becomes of the second, who waits for the first's transaction."""
    holder = database.connect(ADMIN)
    with holder.transaction(force_rollback=not is_kept):
        holder.execute(first[0], first[1:])
        race.queue(*second, role=ADMIN)
    (outcome,) = race.finish()
    database.verify()
    return outcome


USES = {
    "outflow": (lambda product: (OUTFLOW, product, 1), "IV039"),
    "block": (lambda product: (BLOCK, product, 1), "IV039"),
    "sale": (lambda product: (SELL, product, 1), "IV039"),
    "price": (lambda product: (SET_PRICE, product, 9), None),
    "update": (lambda product: (UPDATE, product), None),
}


class TestDeletedProduct:
    """Who comes after the deletion finds no product; who comes before it is part of what is deleted, or forbids it."""

    @pytest.mark.parametrize("is_kept", [True, False], ids=["first commits", "first rolls back"])
    @pytest.mark.parametrize("use", USES)
    def test_first_deleted(self, database: Database, race: Race, use: str, *, is_kept: bool) -> None:
        product = database.product(quantity=10, p_price=5, p_cost_price=2)
        outcome = one_holds(database, race, (DELETE, product), USES[use][0](product), is_kept=is_kept)
        assert outcome == ("IV003" if is_kept else None)
        assert database.one("select count(*) from store.product") == (not is_kept)

    @pytest.mark.parametrize("is_kept", [True, False], ids=["first commits", "first rolls back"])
    @pytest.mark.parametrize("use", USES)
    def test_first_used(self, database: Database, race: Race, use: str, *, is_kept: bool) -> None:
        product = database.product(quantity=10, p_price=5, p_cost_price=2)
        statement, refusal = USES[use]
        outcome = one_holds(database, race, statement(product), (DELETE, product), is_kept=is_kept)
        assert outcome == (refusal if is_kept else None)
        assert database.one("select count(*) from store.product") == (outcome is not None)

    def test_of_many_one_deletes_it(self, database: Database, race: Race) -> None:
        product = database.product(quantity=10)
        with race.behind(product):
            for _ in range(8):
                race.call(DELETE, product, role=ADMIN)
        assert Counter(race.outcomes) == {None: 1, "IV003": 7}
        database.verify()

    def test_an_inventory_that_comes_meanwhile(self, database: Database, race: Race) -> None:
        """The deletion saw none: it is to be tried again, and then takes it with it."""
        product = database.one("select id from inventory.register_product('A-1', 'A')")
        assert one_holds(database, race, (INITIALIZE, product), (DELETE, product)) == "40001"
        assert database.stock(product) == (5, 0, 0)
        database.one(DELETE, product)
        database.verify()

    def test_an_inventory_for_what_is_deleted(self, database: Database, race: Race) -> None:
        product = database.one("select id from inventory.register_product('A-1', 'A')")
        assert one_holds(database, race, (DELETE, product), (INITIALIZE, product)) == "IV003"
        assert database.rows("select from store.stock") == []

    def test_its_code_goes_to_one_who_waits_for_it(self, database: Database, race: Race) -> None:
        product = database.product(quantity=10)
        create = "select id from inventory.register_product('A-1', 'A')"
        holder = database.connect(ADMIN)
        with holder.transaction():
            holder.execute(DELETE, [product])
            for _ in range(3):
                race.call(create, role=ADMIN)
            race.line_up()
        assert Counter(race.finish()) == {None: 1, "IV005": 2}
        database.verify()

    def test_two_of_one_code(self, database: Database, race: Race) -> None:
        database.one("select id from inventory.create_category('C')")
        database.one("select id from inventory.create_brand('B')")
        create = "select id from inventory.create_catalog_product('Mug', 1, 1, 2, 5, p_sku => 'A-1', p_quantity => 4)"
        assert one_holds(database, race, (create,), (create,)) == "IV005"
        other = database.product("A-2")
        rename = "select id from inventory.update_catalog_product(%s, p_sku => %s)"
        assert one_holds(database, race, (rename, 1, "A-3"), (rename, other, "A-3")) == "IV005"
        assert one_holds(database, race, (rename, 1, "A-4"), (rename, other, "A-4"), is_kept=False) is None

    def test_a_code_that_is_made_gives_way_to_one_that_was_chosen_at_once(self, database: Database, race: Race) -> None:
        database.one("select id from inventory.create_category('C')")
        database.one("select id from inventory.create_brand('B')")
        chosen = ("select id from inventory.register_product('P-000001', 'A')",)
        assert one_holds(database, race, chosen, (CREATE, 1, 1)) is None
        assert database.rows("select sku from store.product order by sku") == [("P-000001",), ("P-000002",)]


class TestFlows:
    """What is undone is undone once, and only while it is whole."""

    @pytest.fixture
    def flows(self, database: Database) -> tuple[int, int, int]:
        """A product of 10, an inflow of 5 and an outflow of 5 more."""
        product = database.product(quantity=10, p_cost_price=2)
        supplier = database.one("select id from inventory.create_supplier('Supply Co')")
        inflow = database.one(INFLOW, product, supplier, 5)
        return product, inflow, database.one(OUTFLOW, product, 5)

    @pytest.mark.parametrize(
        ("query", "number", "gone", "left"), [(DELETE_INFLOW, 1, "IV040", 5), (DELETE_OUTFLOW, 2, "IV041", 15)]
    )
    def test_of_many_one_deletes_a_flow(
        self, database: Database, race: Race, flows: tuple[int, ...], query: str, number: int, gone: str, left: int
    ) -> None:
        with race.behind(flows[0]):
            for _ in range(8):
                race.call(query, flows[number], role=ADMIN)
        assert Counter(race.outcomes) == {None: 1, gone: 7}
        assert database.stock(flows[0]) == (left, 0, 0)
        database.verify()

    def test_units_that_an_outflow_took_first(self, database: Database, race: Race, flows: tuple[int, ...]) -> None:
        product, inflow, _ = flows
        outcomes = queue(database, race, (OUTFLOW, product, 6), (DELETE_INFLOW, inflow), product=product)
        assert (outcomes, database.stock(product)[0]) == ([None, "IV042"], 4)

    def test_units_that_left_with_their_inflow_first(
        self, database: Database, race: Race, flows: tuple[int, ...]
    ) -> None:
        product, inflow, _ = flows
        outcomes = queue(database, race, (DELETE_INFLOW, inflow), (OUTFLOW, product, 6), product=product)
        assert (outcomes, database.stock(product)[0]) == ([None, "IV001"], 5)

    def test_units_that_a_block_took_first(self, database: Database, race: Race, flows: tuple[int, ...]) -> None:
        product, inflow, outflow = flows
        outcomes = queue(
            database,
            race,
            (BLOCK, product, 6),
            (DELETE_INFLOW, inflow),
            (DELETE_OUTFLOW, outflow),
            (DELETE_INFLOW, inflow),
            product=product,
        )
        # The inflow cannot go while the outflow is there, and goes once. The block changes the row for which the others
        # wait: after that they may overtake each other.
        block, *deletions = outcomes
        assert block is None
        assert deletions in (
            ["IV001", None, None],
            [None, None, "IV001"],
            ["IV001", None, "IV001"],
            [None, None, "IV040"],
            ["IV040", None, None],
        )
        assert database.stock(product)[2] == 6


REFERENCES: dict[str, tuple[str, Callable[[int], Statement], str]] = {
    # what is deleted: (how, who refers to it, what he is told)
    "brand": ("select inventory.delete_brand(2)", lambda product: (CREATE, 1, 2), "IV035"),
    "category": ("select inventory.delete_category(2)", lambda product: (CREATE, 2, 1), "IV036"),
    "brand of a change": ("select inventory.delete_brand(2)", lambda product: (CHANGE, product, 1, 2), "IV035"),
    "category of a change": ("select inventory.delete_category(2)", lambda product: (CHANGE, product, 2, 1), "IV036"),
    "supplier of an inflow": ("select inventory.delete_supplier(2)", lambda product: (INFLOW, product, 2, 1), "IV023"),
    "supplier of a purchase": (
        "select inventory.delete_supplier(2)",
        lambda product: ("select id from inventory.record_purchase(%s, %s, 1, 1)", product, 2),
        "IV023",
    ),
}


@pytest.mark.parametrize("is_kept", [True, False], ids=["first commits", "first rolls back"])
@pytest.mark.parametrize("is_deleted_first", [True, False], ids=["first deleted", "first referred to"])
@pytest.mark.parametrize("reference", REFERENCES)
def test_what_is_referred_to_stays_and_what_is_gone_is_not_found(
    database: Database, race: Race, reference: str, *, is_deleted_first: bool, is_kept: bool
) -> None:
    for number in (1, 2):
        for kind in ("brand", "category", "supplier"):
            database.one(f"select id from inventory.create_{kind}(%s)", f"Name {number}")
    product = database.product(quantity=10, p_cost_price=2)
    delete, refer, missing = REFERENCES[reference]
    statements: list[Statement] = [(delete,), refer(product)]
    refusal = missing if is_deleted_first else "IV039"
    first, second = statements if is_deleted_first else statements[::-1]
    outcome = one_holds(database, race, first, second, is_kept=is_kept)
    assert outcome == (refusal if is_kept else None)


class TestTurns:
    """A sweep leaves what somebody is just changing, who does what is due himself."""

    @pytest.mark.parametrize("is_kept", [True, False], ids=["setter commits", "setter rolls back"])
    def test_a_sweep_while_a_price_is_set(self, database: Database, race: Race, *, is_kept: bool) -> None:
        product, other = database.product("A-1", p_price=1), database.product("A-2", p_price=1)
        for each in (product, other):
            database.one(SET_PRICE_FROM, each, 2, now(database) + HOUR)
        database.advance(2 * HOUR)
        with database.connect(ADMIN).transaction(force_rollback=not is_kept) as transaction:
            transaction.connection.execute(SET_PRICE, [product, 3])
            assert alone(race, "select maintenance.turn_prices()", role="inventory_maintenance") == 1
            database.verify()
        assert alone(race, "select maintenance.turn_prices()", role="inventory_maintenance") == (not is_kept)
        prices = dict(database.rows("select id, retail_price from store.product"))
        assert prices == {product: 3 if is_kept else 2, other: 2}
        database.verify()

    def test_a_price_while_a_sweep_runs(self, database: Database, race: Race) -> None:
        product = database.product("A-1", p_price=1)
        database.one(SET_PRICE_FROM, product, 2, now(database) + HOUR)
        database.advance(2 * HOUR)
        holder = database.connect("inventory_maintenance")
        with holder.transaction():
            assert holder.execute("select maintenance.turn_prices()").fetchone() == (1,)
            race.queue(SET_PRICE, product, 3, role=ADMIN)
        assert race.finish() == [None]
        assert database.rows("select retail_price from store.product") == [(3,)]
        database.verify()
