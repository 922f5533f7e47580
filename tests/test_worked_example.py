"""docs/worked-example.md, whose numbers are done by hand: over HTTP, over SQL, and again for every past instant."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

import pytest
from psycopg.rows import dict_row

from tests.conftest import Database, Server

DOCUMENT = Path(__file__).parent.parent / "docs" / "worked-example.md"
KILOGRAM = 3


def tables() -> list[list[dict[str, str]]]:
    """The document's tables: a row is its cells by column."""
    found: list[list[dict[str, str]]] = []
    for block in re.findall(r"((?:^\|.*\n)+)", DOCUMENT.read_text(), re.MULTILINE):
        head, _, *rows = [[cell.strip() for cell in line.strip("|\n").split("|")] for line in block.splitlines()]
        found.append([dict(zip(head, row, strict=True)) for row in rows])
    return found


STEPS, (TOTALS,) = tables()


@dataclasses.dataclass
class State:
    """What is to be seen of the product: (remaining, value) of each open layer, and the sums."""

    on_hand: str
    layers: list[tuple[str, str]]
    value: str
    moving_average: str | None

    @staticmethod
    def of(row: dict[str, str]) -> State:
        layers = [tuple(row[name].split(" = ")) for name in ("layer 1", "layer 2") if row[name]]
        return State(row["on hand"], layers, row["value"], row["moving average"] or None)  # type: ignore[arg-type]


class Driver(Protocol):
    """One way to do what the table says, and to see what came of it. Numbers are strings with 3 decimals."""

    def buy(self, quantity: str, unit_cost: str) -> None: ...
    def sell(self, quantity: str, unit_price: str) -> tuple[str, str]: ...
    def take_back(self, quantity: str) -> tuple[str, str]: ...
    def set_price(self, amount: str, price_type: str, begin: datetime | None, end: datetime | None) -> None: ...
    def price(self) -> str | None: ...
    def state(self, at: datetime | None) -> State: ...
    def totals(self) -> dict[str, str]: ...


class OverHttp:
    """The API, as a user with the role admin."""

    def __init__(self, server: Server, database: Database) -> None:
        database.one("select id from maintenance.create_user('root', 'secret', 'admin')")
        self._client = server.client(server.token("root", "secret"))
        product = self._send("POST", "/products", {"sku": "SAF-001", "name": "Saffron"})["product"]
        self._product = product["id"]
        self._send("POST", f"/inventory/{self._product}/initialize", {"unit_id": KILOGRAM})
        supplier = {"name": "Spice Route", "phone_number": "+254700000000"}
        self._supplier = self._send("POST", "/suppliers", supplier)["supplier"]["id"]
        self._sale = 0

    def _send(self, method: str, path: str, body: Any = None, **parameters: str) -> Any:
        answer = self._client.request(method, path, json=body, params=parameters)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()

    def buy(self, quantity: str, unit_cost: str) -> None:
        body = {
            "product_id": self._product,
            "supplier_id": self._supplier,
            "quantity": quantity,
            "unit_cost": unit_cost,
        }
        self._send("POST", "/inventory/purchases", body)

    def sell(self, quantity: str, unit_price: str) -> tuple[str, str]:
        body = {"product_id": self._product, "quantity": quantity, "unit_price": unit_price}
        sale = self._send("POST", "/inventory/sales", body)["sale_item"]
        self._sale = sale["id"]
        return sale["revenue"], sale["cost"]

    def take_back(self, quantity: str) -> tuple[str, str]:
        back = self._send("POST", f"/inventory/sales/{self._sale}/returns", {"quantity": quantity})["sale_item"]
        return back["revenue"], back["cost"]

    def set_price(self, amount: str, price_type: str, begin: datetime | None, end: datetime | None) -> None:
        body: dict[str, Any] = {"amount": amount, "price_type": price_type}
        body |= {"effective_from": begin.isoformat()} if begin else {}
        body |= {"effective_to": end.isoformat()} if end else {}
        self._send("POST", f"/products/{self._product}/prices", body)

    def price(self) -> str | None:
        answer = self._client.get(f"/products/{self._product}/prices/active")
        return answer.json()["price"]["amount"] if answer.status_code == 200 else None

    def state(self, at: datetime | None) -> State:
        as_of = {"as_of": at.isoformat()} if at else {}
        found = self._send("GET", f"/inventory/{self._product}/valuation", **as_of)["valuation"]
        layers = [(layer["remaining"], layer["remaining_value"]) for layer in found["layers"]]
        return State(found["quantity"], layers, found["total_value"], found["moving_average_cost"])

    def totals(self) -> dict[str, str]:
        sold = self._send("GET", f"/inventory/sales/{self._product}")["totals"]
        bought = self._send("GET", f"/inventory/purchases/{self._product}")["totals"]
        return {
            "sold": sold["total_quantity"],
            "revenue": sold["total_revenue"],
            "cost": sold["total_cost"],
            "gross margin": sold["gross_margin"],
            "bought": bought["total_quantity"],
            "paid": bought["total_cost"],
        }


class OverSql:
    """The functions, as the role inventory_admin, and the reports, as inventory_reporting."""

    def __init__(self, database: Database) -> None:
        self._connections = {role: database.connect(f"inventory_{role}") for role in ("admin", "reporting")}
        self._product = self._one("inventory.register_product('SAF-001', 'Saffron')")["id"]
        self._one("inventory.initialize_inventory(%s, %s)", self._product, KILOGRAM)
        self._supplier = self._one("inventory.create_supplier('Spice Route', '+254700000000')")["id"]
        self._sale = 0

    def _rows(self, source: str, *parameters: Any, role: str = "admin") -> list[dict[str, Any]]:
        cursor = self._connections[role].cursor(row_factory=dict_row)
        return cursor.execute(f"select * from {source}".encode(), parameters or None).fetchall()

    def _one(self, source: str, *parameters: Any, role: str = "admin") -> dict[str, Any]:
        (row,) = self._rows(source, *parameters, role=role)
        return row

    def buy(self, quantity: str, unit_cost: str) -> None:
        self._one("inventory.record_purchase(%s, %s, %s, %s)", self._product, self._supplier, quantity, unit_cost)

    def sell(self, quantity: str, unit_price: str) -> tuple[str, str]:
        sale = self._one("inventory.record_sale(%s, %s, %s)", self._product, quantity, unit_price)
        self._sale = sale["id"]
        return text(sale["revenue"]), text(sale["cost"])

    def take_back(self, quantity: str) -> tuple[str, str]:
        back = self._one("inventory.return_sale(%s, %s)", self._sale, quantity)
        return text(back["revenue"]), text(back["cost"])

    def set_price(self, amount: str, price_type: str, begin: datetime | None, end: datetime | None) -> None:
        self._one("inventory.set_price(%s, %s, %s, %s, %s)", self._product, amount, price_type, begin, end)

    def price(self) -> str | None:
        rows = self._rows("report.price_history where status = 'active'", role="reporting")
        amounts = {row["price_type"]: text(row["amount"]) for row in rows}
        return amounts.get("promo", amounts.get("retail"))

    def state(self, at: datetime | None) -> State:
        function = "report.valuation_as_of(%s)" if at else "report.valuation_as_of()"
        row = self._one(function, *([at] if at else []), role="reporting")
        layers = []
        if at is None:
            open_layers = self._rows("report.cost_layers where is_open order by layer_id", role="reporting")
            layers = [(text(layer["remaining"]), text(layer["remaining_value"])) for layer in open_layers]
        average = row["moving_average_cost"]
        return State(
            text(row["quantity"]), layers, text(row["total_value"]), None if average is None else text(average)
        )

    def totals(self) -> dict[str, str]:
        made = self._one("report.cost_of_goods_sold('-infinity', 'infinity')", role="reporting")
        bought = self._rows("report.purchases", role="reporting")
        return {
            "sold": text(made["quantity_sold"]),
            "revenue": text(made["revenue"]),
            "cost": text(made["cost_of_goods_sold"]),
            "gross margin": text(made["gross_margin"]),
            "bought": text(sum(row["quantity"] for row in bought)),
            "paid": text(sum(row["cost"] for row in bought)),
        }


def text(value: Decimal) -> str:
    return f"{value:.3f}"


@pytest.fixture(params=["http", "sql"])
def driver(request: pytest.FixtureRequest, database: Database, start_server: Callable[..., Server]) -> Driver:
    return OverHttp(start_server(), database) if request.param == "http" else OverSql(database)


def carry_out(driver: Driver, step: str, first_day: datetime) -> tuple[str, str]:
    """Do what the step says; (revenue, cost) of a sale or a return."""
    match step.split():
        case ["buy", quantity, "at", unit_cost]:
            driver.buy(quantity, unit_cost)
        case ["sell", quantity, "at", unit_price]:
            return driver.sell(quantity, unit_price)
        case ["return", quantity]:
            return driver.take_back(quantity)
        case ["price", amount]:
            driver.set_price(amount, "retail", None, None)
        case ["promo", amount, "on", "days", begin, "to", end]:
            # Days of the table begin where its first one did.
            begins, ends = (first_day + timedelta(days=int(day) - 1) for day in (begin, str(int(end) + 1)))
            driver.set_price(amount, "promo", begins, ends)
        case _:
            raise AssertionError(step)
    return "", ""


def test_the_numbers_are_those_done_by_hand(driver: Driver, database: Database) -> None:
    first_day: datetime = database.one("select inventory.clock()")
    seen: list[tuple[datetime, State]] = []
    day = 1
    for row in STEPS:
        database.advance(timedelta(days=int(row["day"]) - day))
        day = int(row["day"])
        assert carry_out(driver, row["step"], first_day) == (row["revenue"], row["cost"]), row
        assert driver.price() == (row["price"] or None), row
        assert driver.state(None) == State.of(row), row
        seen.append((database.one("select inventory.clock()"), State.of(row)))
    assert driver.totals() == TOTALS

    for at, then in seen:
        found = driver.state(at)
        if isinstance(driver, OverSql):
            found.layers = then.layers  # report.valuation_as_of has their sums
        assert found == then
    assert driver.state(first_day).on_hand == "0.000"
    database.verify()


def test_the_promo_week_begins_and_ends_to_the_instant(driver: Driver, database: Database) -> None:
    begins = datetime(2030, 1, 7, tzinfo=UTC)
    driver.set_price("66.000", "retail", None, None)
    driver.set_price("50.000", "promo", begins, begins + timedelta(days=7))
    for at, amount in [
        (begins - timedelta(microseconds=1), "66.000"),
        (begins, "50.000"),
        (begins + timedelta(days=7, microseconds=-1), "50.000"),
        (begins + timedelta(days=7), "66.000"),
    ]:
        freeze(database, at)
        assert driver.price() == amount, at


def freeze(database: Database, at: datetime) -> None:
    """From now on it is this instant, for every session."""
    database.admin.execute(
        "create or replace function inventory.clock() returns timestamptz"
        " language plpgsql stable parallel safe security definer set search_path = pg_catalog, pg_temp"
        f" as $$ begin return timestamptz '{at.isoformat()}'; end $$".encode()
    )


def test_the_document_has_the_steps() -> None:
    """What is read is what stands there: a table that is not found must not pass."""
    assert len(STEPS) == 11
    assert {row["step"].split()[0] for row in STEPS} == {"buy", "sell", "return", "price", "promo"}
