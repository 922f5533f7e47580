"""FIFO cost layers: what an arrival is worth, what a departure takes, and that nothing is lost to rounding."""

from __future__ import annotations

import random
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Any

import pytest

from tests.conftest import Database
from tests.sql.conftest import Call, Refused

pytestmark = pytest.mark.usefixtures("verified")

THOUSANDTH = Decimal("0.001")


def consume(call: Call, product: int, quantity: Any) -> Any:
    """The cost of a departure of so many units."""
    call("reserve_stock", product, quantity)
    movement = call("consume_stock", product, quantity)
    assert movement is not None
    return movement["cost"]


def add(database: Database, call: Call, product: int, quantity: Any, unit_cost: Any) -> Any:
    """The value of an arrival at this cost."""
    database.admin.execute("update store.product set cost_price = %s where id = %s", [unit_cost, product])
    movement = call("add_stock", product, quantity)
    assert movement is not None
    return movement["cost"]


def layers(database: Database, product: int) -> list[tuple[Any, ...]]:
    """(quantity, remaining, unit cost, value, remaining value, is open) of each, oldest first."""
    return database.rows(
        "select quantity, remaining, unit_cost, value, remaining_value, is_open"
        " from store.cost_layer where product_id = %s order by id",
        product,
    )


def half_up(value: Fraction) -> Decimal:
    """Rounded to 3 decimals, with nothing of a decimal library's context."""
    return Decimal(f"{(value * 1000 + Fraction(1, 2)).__floor__()}e-3")


# Arrivals


def test_an_arrival_opens_a_layer_at_the_cost_price_of_then(database: Database, call: Call) -> None:
    product = database.product(quantity=10, p_cost_price="1.25")
    assert add(database, call, product, 4, "2.5") == 10
    assert layers(database, product) == [
        (10, 10, Decimal("1.25"), Decimal("12.5"), Decimal("12.5"), True),
        (4, 4, Decimal("2.5"), 10, 10, True),
    ]
    assert (
        database.rows(
            "select l.movement_id = m.id, l.received_at = m.occurred_at, l.value = m.cost from store.cost_layer as l"
            " join store.movement as m on l.movement_id = m.id"
        )
        == [(True, True, True)] * 2
    )


@pytest.mark.parametrize(
    ("quantity", "unit_cost", "value"),
    [
        ("0.5", "0.001", "0.001"),  # 0.0005, half up
        ("0.499", "0.001", "0.000"),
        ("1.5", "0.001", "0.002"),
        ("2.5", "0.001", "0.003"),  # not half even
        ("0.333", "3.333", "1.110"),  # 1.109889
        ("0.013", "0.035", "0.000"),  # 0.000455, which rounded twice were 0.001
        ("3", "0", "0.000"),
        ("999999999.999", "99999999999999999999.999", "99999999999899999999999000000.000"),
    ],
)
def test_a_value_is_rounded_half_up_once(
    database: Database, call: Call, quantity: str, unit_cost: str, value: str
) -> None:
    product = database.product(quantity=quantity, p_cost_price=unit_cost)
    assert database.one("select cost from store.movement") == Decimal(value)
    assert layers(database, product)[0][3:5] == (Decimal(value), Decimal(value))
    assert consume(call, product, quantity) == Decimal(value)


def test_without_a_cost_price_the_cost_is_not_known(database: Database, call: Call) -> None:
    product = database.product(quantity=10)
    assert layers(database, product) == [(10, 10, None, None, None, True)]
    assert add(database, call, product, 1, None) is None
    assert database.rows("select cost from store.movement") == [(None,), (None,)]


def test_a_cost_of_nothing_is_known(database: Database, call: Call) -> None:
    product = database.product(quantity=10, p_cost_price=0)
    assert consume(call, product, 3) == 0


# Departures


def test_the_first_in_goes_out_first(database: Database, call: Call) -> None:
    product = database.product(quantity=10, p_cost_price=1)
    add(database, call, product, 10, 2)
    add(database, call, product, 10, 3)
    assert consume(call, product, 4) == 4
    assert consume(call, product, 8) == 6 + 4
    assert layers(database, product) == [(10, 0, 1, 10, 0, False), (10, 8, 2, 20, 16, True), (10, 10, 3, 30, 30, True)]
    assert consume(call, product, 18) == 16 + 30


def test_a_departure_keeps_which_layers_paid_it(database: Database, call: Call) -> None:
    product = database.product(quantity=2, p_cost_price=1)
    add(database, call, product, 3, "1.5")
    add(database, call, product, 4, 2)
    consume(call, product, 6)
    assert database.rows(
        "select l.unit_cost, u.quantity, u.cost, m.kind, m.cost from store.cost_layer_use as u"
        " join store.cost_layer as l on u.layer_id = l.id join store.movement as m on u.movement_id = m.id"
        " order by l.id"
    ) == [
        (1, 2, 2, "consume", Decimal("8.5")),
        (Decimal("1.5"), 3, Decimal("4.5"), "consume", Decimal("8.5")),
        (2, 1, 2, "consume", Decimal("8.5")),
    ]


def test_a_converted_block_costs_what_leaves_of_it(database: Database, call: Call) -> None:
    product = database.product(quantity=2, p_cost_price=1)
    add(database, call, product, 8, 3)
    block = call("create_block", product, 5)
    assert block is not None
    call("convert_block", block["id"], 3)
    assert database.rows("select kind, cost from store.movement order by id") == [
        ("initial", 2),
        ("add", 24),
        ("block", None),
        ("convert", 2 + 3),
    ]
    assert layers(database, product)[1][1] == 7


def test_what_does_not_leave_costs_nothing(database: Database, call: Call) -> None:
    product = database.product(quantity=10, p_cost_price=1)
    call("reserve_stock", product, 4)
    call("release_stock", product, 4)
    block = call("create_block", product, 5)
    assert block is not None
    call("cancel_block", block["id"])
    assert {cost for (cost,) in database.rows("select cost from store.movement where kind <> 'initial'")} == {None}
    assert layers(database, product) == [(10, 10, 1, 10, 10, True)]


def test_a_share_is_rounded_half_up_and_the_last_takes_what_remains(database: Database, call: Call) -> None:
    """0.7 at 1.005 are worth 0.7035, so 0.704: seven tenths of it cost 0.704 in all, none of them the same as all."""
    product = database.product(quantity="0.7", p_cost_price="1.005")
    assert layers(database, product)[0][3] == Decimal("0.704")
    costs = [consume(call, product, "0.1") for _ in range(7)]
    assert costs == [Decimal(cost) for cost in ("0.101", "0.101", "0.100", "0.101", "0.100", "0.101", "0.100")]
    assert sum(costs) == Decimal("0.704")
    assert layers(database, product) == [(Decimal("0.7"), 0, Decimal("1.005"), Decimal("0.704"), 0, False)]


def test_a_share_of_a_great_value_is_exact(database: Database, call: Call) -> None:
    """More digits than a division keeps by itself."""
    product = database.product(quantity="999999999.999", p_cost_price="99999999999999999999.999")
    value, left = Fraction(layers(database, product)[0][3]), Fraction("999999999.999")
    for units in ("333333333.333", "0.001", "666666666.664"):
        taken = Fraction(units)
        assert consume(call, product, units) == half_up(value * taken / left)
        value, left = value - Fraction(half_up(value * taken / left)), left - taken
    assert consume(call, product, "0.001") == half_up(value)


def test_a_share_is_rounded_once(database: Database, call: Call) -> None:
    """A quotient just under the half, which one with fewer decimals takes for the half and rounds up."""
    product = database.product(quantity="1000.4", p_cost_price="10000000000000.001")
    value, left = Fraction(layers(database, product)[0][3]), Fraction("1000.4")
    exact = value * Fraction("0.5") / left
    assert Fraction("0.0004995") < exact - 5000000000000 < Fraction("0.0005")
    assert consume(call, product, "0.5") == half_up(exact) == 5000000000000


def test_a_departure_that_touches_an_unknown_cost_has_no_known_cost(database: Database, call: Call) -> None:
    product = database.product(quantity=3, p_cost_price=1)
    add(database, call, product, 3, None)
    add(database, call, product, 3, 2)
    assert consume(call, product, 2) == 2
    assert consume(call, product, 2) is None
    assert consume(call, product, 2) is None
    assert consume(call, product, 3) == 6
    assert database.rows("select quantity, cost from store.cost_layer_use order by movement_id, layer_id") == [
        (2, 2),
        (1, 1),
        (1, None),
        (2, None),
        (3, 6),
    ]


def test_products_have_layers_of_their_own(database: Database, call: Call) -> None:
    first, second = (database.product(f"A-{cost}", 5, p_cost_price=cost) for cost in (1, 2))
    assert consume(call, second, 5) == 10
    assert consume(call, first, 5) == 5


@pytest.mark.parametrize("left", [4, 0])
def test_layers_that_hold_too_little_stop_a_departure(
    database: Database, call: Call, refused: Refused, left: int
) -> None:
    """The books are wrong already: better no departure than one at a made-up cost."""
    product = database.product(quantity=5, p_cost_price=1)
    call("reserve_stock", product, 5)
    spoil = "update store.cost_layer set remaining = {0}, remaining_value = {0}, is_open = {0} > 0"
    database.admin.execute(spoil.format(left).encode())
    with refused("XX001"):
        call("consume_stock", product, 5)
    database.admin.execute(spoil.format(5).encode())


# Exactly


def test_the_model_rounds_as_decimal_does() -> None:
    for thousandths in ("0.0005", "0.0015", "1.2344999", "2.5", "0.00049"):
        assert half_up(Fraction(thousandths)) == Decimal(thousandths).quantize(THOUSANDTH, ROUND_HALF_UP)


@pytest.mark.parametrize("seed", range(3))
def test_what_left_and_what_is_left_is_what_came_in(database: Database, call: Call, seed: int) -> None:
    """Against a model in exact fractions, for arrivals and departures of any size in any order."""
    chance = random.Random(seed)
    product = database.product()
    open_layers: list[list[Decimal]] = []  # remaining, remaining value
    came_in = went_out = Decimal(0)

    def some(most: int) -> Decimal:
        return chance.randint(1, chance.choice((10, 1000, most))) * THOUSANDTH

    for _ in range(60):
        on_hand = sum((remaining for remaining, _ in open_layers), Decimal(0))
        if not open_layers or chance.random() < 0.35:
            quantity, unit_cost = some(50_000), some(99_999)
            value = half_up(Fraction(quantity) * Fraction(unit_cost))
            assert add(database, call, product, quantity, unit_cost) == value
            open_layers.append([quantity, value])
            came_in += value
            continue
        left = min(some(40_000), on_hand) if chance.random() < 0.9 else on_hand
        cost, expected = consume(call, product, left), Decimal(0)
        while left:
            remaining, value = open_layers[0]
            taken = min(left, remaining)
            share = value if taken == remaining else half_up(Fraction(value) * Fraction(taken) / Fraction(remaining))
            open_layers[0] = [remaining - taken, value - share]
            if taken == remaining:
                assert open_layers.pop(0) == [0, 0]
            expected += share
            left -= taken
        assert cost == expected
        went_out += expected

    found = [(row[1], row[4]) for row in layers(database, product) if row[5]]
    assert found == [(remaining, value) for remaining, value in open_layers]
    assert went_out + sum(value for _, value in found) == came_in
    on_hand = database.stock(product)[0]
    if on_hand:
        consume(call, product, on_hand)
    assert database.one("select sum(remaining_value) from store.cost_layer") == 0
    assert database.one("select sum(cost) from store.movement where kind = 'consume'") == came_in


def test_of_layers_the_first_is_the_oldest_however_the_rows_lie(database: Database, call: Call) -> None:
    """Layers that are updated move about in the table; their order is that of their arrival."""
    product = database.product(quantity=1, p_cost_price=1)
    for unit_cost in range(2, 12):
        add(database, call, product, 1, unit_cost)
    database.admin.execute("update store.cost_layer set received_at = received_at where id % 2 = 1")
    database.without_indexes()
    database.admin.execute("alter function inventory.post reset enable_seqscan")
    assert [consume(call, product, 1) for _ in range(11)] == list(range(1, 12))
