"""Costs against a small model: any arrivals, departures and returns in any order, equal to the last digit."""

from __future__ import annotations

import dataclasses
from decimal import ROUND_HALF_UP, Decimal, localcontext
from itertools import count
from typing import Any

import psycopg
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import Database

THOUSANDTH = Decimal("0.001")
ZERO = Decimal(0)
Money = Decimal | None  # None: not known
SALE = "select id, quantity, revenue, cost, quantity_to_date, revenue_to_date, cost_to_date, without_cost_to_date from"


def rounded(value: Decimal) -> Decimal:
    return value.quantize(THOUSANDTH, ROUND_HALF_UP)


def share(whole: Money, part: Decimal, of: Decimal) -> Money:
    """Rounded half up; all of them have all of it."""
    return whole if whole is None or part == of else rounded(whole * part / of)


def total(costs: list[Money]) -> Money:
    return None if None in costs else sum(costs, ZERO)  # type: ignore[arg-type]


@dataclasses.dataclass
class Use:
    """What a departure took of a layer and has not brought back."""

    layer: int
    quantity: Decimal
    cost: Money


class Fifo:
    """First in, first out; a layer is [what it holds, what that is worth]."""

    def __init__(self) -> None:
        self.layers: list[list[Any]] = []

    def arrive(self, quantity: Decimal, value: Money) -> None:
        self.layers.append([quantity, value])

    def leave(self, quantity: Decimal) -> list[Use]:
        uses = []
        for number, (remaining, value) in enumerate(self.layers):
            if quantity and remaining:
                taken = min(quantity, remaining)
                uses.append(Use(number, taken, share(value, taken, remaining)))
                quantity -= taken
                self.move(uses[-1], -1)
        return uses

    def leave_layer(self, number: int) -> Use:
        """All that the layer holds."""
        use = Use(number, *self.layers[number])
        self.move(use, -1)
        return use

    def come_back(self, uses: list[Use], quantity: Decimal) -> list[Use]:
        """What was taken last goes back first."""
        back = []
        for use in reversed(uses):
            if quantity and use.quantity:
                taken = min(quantity, use.quantity)
                back.append(Use(use.layer, taken, share(use.cost, taken, use.quantity)))
                quantity -= taken
                use.quantity -= taken
                use.cost = None if use.cost is None else use.cost - back[-1].cost  # type: ignore[operator]
                self.move(back[-1], 1)
        return back

    def move(self, use: Use, sign: int) -> None:
        layer = self.layers[use.layer]
        layer[0] += sign * use.quantity
        layer[1] = None if layer[1] is None else layer[1] + sign * use.cost  # type: ignore[operator]


class Average:
    """The moving average: a departure takes its share of the units of known cost, and they theirs of the value."""

    def __init__(self) -> None:
        self.quantity, self.value = ZERO, ZERO

    def arrive(self, quantity: Decimal, value: Money) -> None:
        if value is not None:
            self.quantity, self.value = self.quantity + quantity, self.value + value

    def leave(self, quantity: Decimal, on_hand: Decimal) -> None:
        known = share(self.quantity, quantity, on_hand) or ZERO
        value = share(self.value, known, self.quantity) or ZERO
        self.quantity, self.value = self.quantity - known, self.value - value


@dataclasses.dataclass
class Departure:
    """A departure: its movement, its sale where it is one, and what of it is outside."""

    movement: int
    sale: int | None
    uses: list[Use]
    revenue: Decimal = ZERO

    @property
    def outside(self) -> Decimal:
        return sum((use.quantity for use in self.uses), ZERO)


class Product:
    """A product of the database beside its model; each step checks what it wrote."""

    def __init__(self, database: Database, sku: str, supplier: int) -> None:
        self.database, self.supplier = database, supplier
        self.id = database.product(sku)
        self.fifo, self.average = Fifo(), Average()
        self.on_hand = ZERO
        self.departures: list[Departure] = []
        self.inflows: list[tuple[int, int, Decimal]] = []  # id, layer, quantity
        self.outflows: list[tuple[int, Departure]] = []
        self.refusals: set[str] = set()
        self.bought = [ZERO, ZERO]  # units and cost to date
        self.sold: list[Any] = [ZERO, ZERO, ZERO, 0]  # units, revenue and cost to date, sales of unknown cost

    def rows(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        return self.database.rows(query, *parameters)

    def arrived(self, quantity: Decimal, value: Money) -> None:
        self.fifo.arrive(quantity, value)
        self.average.arrive(quantity, value)
        self.on_hand += quantity
        self.check_movement(value)

    def departed(self, quantity: Decimal) -> Departure:
        uses = self.fifo.leave(quantity)
        self.average.leave(quantity, self.on_hand)
        self.on_hand -= quantity
        movement = self.check_movement(total([use.cost for use in uses]))
        self.departures.append(Departure(movement, None, uses))
        return self.departures[-1]

    def check_movement(self, cost: Money) -> int:
        """The newest movement is what the model says. Returns its id."""
        ((movement, *found),) = self.rows(
            "select id, on_hand_after, cost, average_quantity, average_value from store.movement"
            " where product_id = %s order by id desc limit 1",
            self.id,
        )
        assert found == [self.on_hand, cost, self.average.quantity, self.average.value]
        return int(movement)

    def purchase(self, quantity: Decimal, unit_cost: Decimal) -> None:
        value = rounded(quantity * unit_cost)
        self.bought = [self.bought[0] + quantity, self.bought[1] + value]
        columns = "unit_cost, cost, quantity_to_date, cost_to_date"
        query = f"select {columns} from inventory.record_purchase(%s, %s, %s, %s)"
        found = self.rows(query, self.id, self.supplier, quantity, unit_cost)
        assert found == [(unit_cost, value, *self.bought)]
        self.arrived(quantity, value)

    def correct(self, quantity: Decimal, unit_cost: Money) -> None:
        """Set what is on hand, where a unit costs this, or nobody knows what."""
        self.rows("update store.product set cost_price = %s where id = %s returning id", unit_cost, self.id)
        change = quantity - self.on_hand
        self.rows("select inventory.update_inventory(%s, %s)", self.id, quantity)
        if change > 0:
            self.arrived(change, None if unit_cost is None else rounded(change * unit_cost))
        elif change < 0:
            self.departed(-change)

    def consume(self, quantity: Decimal) -> None:
        self.rows("select inventory.reserve_stock(%s, %s)", self.id, quantity)
        self.rows("select inventory.consume_stock(%s, %s)", self.id, quantity)
        self.departed(quantity)

    def convert(self, held: Decimal, quantity: Decimal) -> None:
        ((block,),) = self.rows("select id from inventory.create_block(%s, %s)", self.id, held)
        self.rows("select inventory.convert_block(%s, %s)", block, quantity)
        self.departed(quantity)

    def refuse(self, query: str, *parameters: Any) -> None:
        """The call is refused; with what code is kept."""
        try:
            self.rows(query, *parameters)
        except psycopg.Error as error:
            self.refusals.add(str(error.sqlstate))
        else:
            raise AssertionError(query)

    def flow_in(self, quantity: Decimal, unit_cost: Money) -> None:
        self.rows("update store.product set cost_price = %s where id = %s returning id", unit_cost, self.id)
        query = "select id from inventory.record_inflow(%s, %s, %s)"
        ((inflow,),) = self.rows(query, self.id, self.supplier, int(quantity))
        self.arrived(quantity, None if unit_cost is None else rounded(quantity * unit_cost))
        self.inflows.append((inflow, len(self.fifo.layers) - 1, quantity))

    def flow_out(self, quantity: Decimal) -> None:
        query = "select id from inventory.record_outflow(%s, %s)"
        self.refuse(query, self.id, int(self.on_hand) + 1)
        ((outflow,),) = self.rows(query, self.id, int(quantity))
        self.outflows.append((outflow, self.departed(quantity)))
        self.departures.pop()  # nothing else brings its units back

    def delete_inflow(self, number: int) -> None:
        """Only while its own layer is whole."""
        inflow, layer, quantity = self.inflows[number % len(self.inflows)]
        query = "select inventory.delete_inflow(%s)"
        if self.fifo.layers[layer][0] != quantity:
            self.refuse(query, inflow)
            return
        self.rows(query, inflow)
        self.average.leave(quantity, self.on_hand)
        self.on_hand -= quantity
        self.check_movement(self.fifo.leave_layer(layer).cost)
        self.inflows.pop(number % len(self.inflows))
        self.refuse(query, inflow)

    def delete_outflow(self, number: int) -> None:
        outflow, departure = self.outflows.pop(number % len(self.outflows))
        query = "select inventory.delete_outflow(%s)"
        self.rows(query, outflow)
        self.on_hand += departure.outside
        back = self.fifo.come_back(departure.uses, departure.outside)
        for use in back:
            self.average.arrive(use.quantity, use.cost)
        self.check_movement(total([use.cost for use in back]))
        self.refuse(query, outflow)

    def check_sale(self, row: tuple[Any, ...], quantity: Decimal, revenue: Decimal, cost: Money) -> int:
        """A sale, or below 0 a return, is what the model says. Returns its id."""
        self.sold[0] += quantity
        self.sold[1] += revenue
        self.sold[2] += cost or ZERO
        self.sold[3] += cost is None
        sale, *found = row
        assert found == [quantity, revenue, cost, *self.sold]
        return int(sale)

    def sell(self, quantity: Decimal, unit_price: Decimal) -> None:
        query = f"{SALE} inventory.record_sale(%s, %s, %s)"
        (row,) = self.rows(query, self.id, quantity, unit_price)
        departure = self.departed(quantity)
        departure.revenue = rounded(quantity * unit_price)
        cost = total([use.cost for use in departure.uses])
        departure.sale = self.check_sale(row, quantity, departure.revenue, cost)

    def bring_back(self, departure: Departure, quantity: Decimal) -> None:
        revenue = share(departure.revenue, quantity, departure.outside) or ZERO
        back = self.fifo.come_back(departure.uses, quantity)
        departure.revenue -= revenue
        self.on_hand += quantity
        for use in back:
            self.average.arrive(use.quantity, use.cost)
        cost = total([use.cost for use in back])
        if departure.sale is None:
            line = "inventory.line('adjust', %s, %s, p_returns_movement_id => %s)"
            self.rows(f"select inventory.post_line({line})", self.id, quantity, departure.movement)
        else:
            query = f"{SALE} inventory.return_sale(%s, %s)"
            (row,) = self.rows(query, departure.sale, quantity)
            self.check_sale(row, -quantity, -revenue, None if cost is None else -cost)
        self.check_movement(cost)

    def check(self) -> None:
        """All that is kept of the product is what the model has."""
        layers = "select remaining, remaining_value from store.cost_layer where product_id = %s order by id"
        assert self.rows(layers, self.id) == [tuple(layer) for layer in self.fifo.layers]
        stock = "select on_hand, average_quantity, average_value from store.stock where product_id = %s"
        assert self.rows(stock, self.id) == [(self.on_hand, self.average.quantity, self.average.value)]


_QUANTITIES = (st.integers(1, 12) | st.integers(1, 9_999)).map(lambda number: number * THOUSANDTH)
_PRICES = (st.integers(0, 20) | st.integers(0, 99_999)).map(lambda number: number * THOUSANDTH)
_STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                *("purchase", "add", "correct", "sell", "sell", "consume", "convert", "return", "return"),
                *("inflow", "inflow", "outflow", "delete inflow", "delete inflow", "delete outflow"),
            ]
        ),
        _QUANTITIES,
        _QUANTITIES,
        st.none() | _PRICES,
        st.sampled_from([False, False, True]),  # as much as there is
        st.integers(0, 9),
    ),
    min_size=15,
    max_size=30,
)


def take_step(product: Product, step: tuple[str, Decimal, Decimal, Decimal | None, bool, int]) -> None:
    kind, quantity, other, price, whole, number = step
    outside = [departure for departure in product.departures if departure.outside]
    if kind == "return" and outside:
        departure = outside[number % len(outside)]
        product.bring_back(departure, departure.outside if whole else min(other, departure.outside))
        return
    if kind == "delete inflow" and product.inflows:
        product.delete_inflow(number)
        return
    if kind == "delete outflow" and product.outflows:
        product.delete_outflow(number)
        return
    if kind in ("inflow", "delete inflow", "delete outflow"):
        product.flow_in(Decimal(number + 1), price)
        return
    if kind == "outflow" and product.on_hand >= 1:
        product.flow_out(Decimal(int(product.on_hand) if whole else min(number + 1, int(product.on_hand))))
        return
    quantity = product.on_hand if whole else min(quantity, product.on_hand)
    if kind == "purchase":
        product.purchase(other, price or ZERO)
    elif kind in ("add", "return") or not quantity:
        product.correct(product.on_hand + other, price)
    elif kind == "correct":
        product.correct(other, price)
    elif kind == "sell":
        product.sell(quantity, price or ZERO)
    elif kind == "consume":
        product.consume(quantity)
    else:
        product.convert(quantity, min(other, quantity))


def test_costs_are_those_of_the_model(database: Database) -> None:
    supplier = database.one("select id from inventory.create_supplier('Fresh Farm Supplies')")
    numbers = count()
    refusals: set[str] = set()

    @settings(max_examples=60, derandomize=True, database=None, deadline=None)
    @given(steps=_STEPS)
    def check(steps: list[Any]) -> None:
        product = Product(database, f"A-{next(numbers)}", supplier)
        with localcontext() as context:
            context.prec = 60
            for step in steps:
                take_step(product, step)
            product.check()
        refusals.update(product.refusals)

    check()
    assert refusals == {"IV001", "IV040", "IV041", "IV042"}
    kinds = {kind for (kind,) in database.rows("select distinct kind from store.movement")}
    assert kinds >= {"purchase", "adjust", "sale", "consume", "convert", "return"}
    assert kinds >= {"inflow", "outflow", "delete_inflow", "delete_outflow"}
    found = database.rows("select returned_sale_id is null, cost is null from store.sale group by 1, 2 order by 1, 2")
    assert found == [(False, False), (False, True), (True, False), (True, True)]
    database.verify()
