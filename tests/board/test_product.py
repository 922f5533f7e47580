"""A product's page: what each visitor sees, that it stays true, and that its chart says what the ledger says."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from playwright.sync_api import Locator, Page, expect

from server.http.board import FOLDER
from tests.board.conftest import Visitor
from tests.conftest import Database, Server

Visit = Callable[..., Visitor]

TEXTS = json.loads((FOLDER / "en.json").read_text())
NOTHING = "\u2013"
LEDGER = """
    select kind, on_hand_after, on_hand_after - reserved_after - blocked_after
    from store.movement where product_id = %s order by number desc
"""


def shown_number(value: Decimal) -> str:
    """A quantity as British people write it."""
    return f"{value.normalize():,f}"


def part(page: Page, title: str) -> Locator:
    """The part of the page with this title."""
    return page.get_by_role("region", name=title, exact=True)


def rows(table: Locator) -> list[list[str]]:
    """What the cells of a table say."""
    return table.locator("tbody tr").evaluate_all("rows => rows.map(row => [...row.cells].map(cell => cell.innerText))")


def figure(page: Page, name: str) -> Locator:
    """The number beside this name."""
    return page.locator(".figures > div").filter(has=page.get_by_text(name, exact=True)).locator("dd")


def product(database: Database, sku: str) -> int:
    return database.one("select id from store.product where sku = %s", sku)


def text_of(movement_kind: str) -> str:
    return TEXTS[f"movement.{movement_kind}"]


def test_an_operator_sees_what_there_is_and_what_is_blocked(
    warehouse: Server, database: Database, visit: Visit
) -> None:
    page = visit(warehouse).page
    page.goto(f"/board/products/{product(database, 'LAMP-07')}")
    expect(page.get_by_role("heading", level=1)).to_have_text("Desk lamp, brass")
    expect(page).to_have_title(re.compile("^Desk lamp, brass"))
    expect(page.locator(".head.product")).to_contain_text("LAMP-07")
    expect(page.locator(".head.product .badge")).to_have_text("Low")
    for name, number in {
        "Available": "6 pc",
        "On hand": "8 pc",
        "Blocked": "2 pc",
        "Reserved": "0 pc",
        "Reorder point": "10 pc",
        "Price": "89.00",
    }.items():
        expect(figure(page, name)).to_have_text(number)
    blocks = part(page, "Blocks").locator("tbody tr")
    expect(blocks).to_have_count(1)
    expect(blocks).to_contain_text("Phone order")
    expect(blocks.get_by_role("timer")).to_have_text(re.compile(r"^1[34]:\d\d$"))
    expect(part(page, "Prices").locator("tbody tr")).to_contain_text("In force")
    expect(page.get_by_text("A log-in may show more")).to_be_visible()
    for title in ("Balance over time", "Last movements", "Cost layers"):
        expect(part(page, title)).to_have_count(0)


def test_places_lead_to_their_pages_and_the_rest_is_named(warehouse: Server, database: Database, visit: Visit) -> None:
    page = visit(warehouse).page
    page.goto(f"/board/products/{product(database, 'CHAIR-3')}")
    places = part(page, "Locations")
    expect(places.get_by_role("table")).to_be_visible()
    assert rows(places) == [["RACK-A1-01", "20 pc"], ["RACK-A1-02", "5 pc"], ["At no location", "60 pc"]]
    assert places.get_by_role("link").first.get_attribute("href") == "/board/locations/RACK-A1-01"


def test_an_employee_sees_the_past_and_an_admin_the_costs(warehouse: Server, database: Database, visit: Visit) -> None:
    mug = product(database, "MUG-01")
    visitor = visit(warehouse)
    page = visitor.page
    page.goto(f"/board/products/{mug}")
    visitor.log_in("emil")
    movements = part(page, "Last movements").locator("tbody tr")
    expect(movements).to_have_count(10)
    # The movement before the block: who brought 12 mugs, and what there was then.
    expect(movements.nth(1)).to_contain_text("Added")
    assert rows(part(page, "Last movements"))[1][1:5] == ["+12", "274", "274", "olga"]
    assert rows(part(page, "Last movements"))[0][1] == "+4 blocked"
    expect(part(page, "Cost layers")).to_have_count(0)
    expect(page.get_by_text("A log-in may show more")).to_have_count(0)

    page.locator("#who summary").click()
    page.get_by_role("button", name="Log out").click()
    page.keyboard.press("Escape")
    expect(part(page, "Last movements")).to_have_count(0)
    visitor.log_in("ada")
    layers = part(page, "Cost layers")
    expect(layers).to_contain_text("Worth 378.00. A unit costs 4.20 on average. The cost of 184 is not known.")
    open_layers = database.rows(
        "select remaining, quantity, unit_cost from store.cost_layer where product_id = %s and is_open order by number",
        mug,
    )
    assert [row[1:3] for row in rows(layers)] == [
        [f"{shown_number(left)} pc / {shown_number(all_of_it)}", NOTHING if cost is None else f"{cost:.2f}"]
        for left, all_of_it, cost in open_layers
    ]


def test_a_block_comes_counts_down_and_goes(warehouse: Server, database: Database, visit: Visit) -> None:
    """Also for an admin, whose page waits for changes: that a block expires is none until somebody ends it."""
    tea = product(database, "TEA-100")
    available = shown_number(database.one("select available from store.balance where product_id = %s", tea))
    visitor = visit(warehouse)
    page = visitor.page
    page.goto(f"/board/products/{tea}")
    visitor.log_in("ada")
    blocks = part(page, "Blocks")
    expect(blocks).to_contain_text("Nothing is blocked.")
    expect(figure(page, "Available")).to_have_text(f"{available} pc")

    answer = warehouse.client().post(
        f"/sku/{database.sku_id(tea)}/temporary-block",
        json={
            "quantity": 2.125,
            "reason": "A customer thinks",
            "expires_at": (datetime.now(UTC) + timedelta(seconds=10)).isoformat(),
        },
    )
    assert answer.status_code == 200, answer.text
    visitor.look()
    expect(blocks.locator("tbody tr")).to_contain_text("A customer thinks")
    expect(blocks.locator("tbody tr")).to_contain_text("2.125 pc")
    expect(figure(page, "Blocked")).to_have_text("2.125 pc")
    for left in ("0:0[5-9]", "0:0[1-4]"):  # a busy machine does not show each second
        expect(blocks.get_by_role("timer")).to_have_text(re.compile(f"^{left}$"))
    expect(blocks).to_contain_text("Nothing is blocked.")
    expect(figure(page, "Blocked")).to_have_text("0 pc")
    expect(figure(page, "Available")).to_have_text(f"{available} pc")
    database.verify()


def test_somebody_else_s_movement_is_there_within_two_seconds(
    warehouse: Server, database: Database, visit: Visit
) -> None:
    chair = product(database, "CHAIR-3")
    visitor = visit(warehouse)
    page = visitor.page
    page.goto(f"/board/products/{chair}")
    visitor.log_in("emil")
    movements = part(page, "Last movements").locator("tbody tr")
    expect(movements).to_have_count(4)
    plot = page.get_by_role("slider", name="Balance over time")
    expect(plot).to_have_attribute("aria-valuetext", "Now, Available 75, On hand 85")
    page.get_by_role("button", name="7 d").focus()
    page.evaluate("window.isTheSame = true")

    client = warehouse.client(warehouse.token("olga", "secret"))
    assert client.post(f"/api/v1/inventory/{chair}/addStock", json={"amount": 2.5}).status_code == 204
    expect(movements).to_have_count(5)
    expect(figure(page, "On hand")).to_have_text("87.5 pc")
    expect(movements.first).to_contain_text("+2.5")
    expect(movements.first).to_contain_text("olga")
    expect(plot).to_have_attribute("aria-valuetext", "Now, Available 77.5, On hand 87.5")
    expect(page.get_by_role("button", name="7 d")).to_be_focused()
    assert page.evaluate("window.isTheSame")
    database.verify()


def test_the_chart_s_table_is_the_ledger(warehouse: Server, database: Database, visit: Visit) -> None:
    mug = product(database, "MUG-01")
    visitor = visit(warehouse)
    page = visitor.page
    page.goto(f"/board/products/{mug}")
    visitor.log_in("emil")
    chart = part(page, "Balance over time")
    ledger = database.rows(LEDGER, mug)
    expect(chart.locator("figcaption")).to_contain_text(
        f"{len(ledger)} movements. On hand: between 237 and 277, now 274."
    )
    chart.get_by_text("The chart as a table").click()
    expect(chart.locator("tbody tr")).to_have_count(len(ledger))
    expected = [[text_of(kind), shown_number(free), shown_number(on_hand)] for kind, on_hand, free in ledger]
    assert [row[1:] for row in rows(chart)] == expected

    chart.get_by_role("button", name="7 d").click()
    count = database.one(
        "select count(*) from store.movement"
        " where product_id = %s and occurred_at > inventory.clock() - interval '7 d'",
        mug,
    )
    expect(chart.locator("tbody tr")).to_have_count(count)
    assert [row[1:] for row in rows(chart)] == expected[:count]
    expect(chart.locator("figcaption")).to_contain_text(f"{count} movements.")


def test_the_chart_can_be_read_with_keys_and_with_a_pointer(
    warehouse: Server, database: Database, visit: Visit
) -> None:
    mug = product(database, "MUG-01")
    ledger = database.rows(LEDGER, mug)
    visitor = visit(warehouse)
    page = visitor.page
    page.goto(f"/board/products/{mug}")
    visitor.log_in("emil")
    plot = page.get_by_role("slider", name="Balance over time")
    chart = part(page, "Balance over time")
    plot.focus()
    for steps_back in range(3):
        page.keyboard.press("ArrowLeft")
        kind, on_hand, free = ledger[steps_back]
        said = re.compile(rf"{text_of(kind)}, Available {shown_number(free)}, On hand {shown_number(on_hand)}$")
        expect(plot).to_have_attribute("aria-valuetext", said)
        expect(plot).to_have_attribute("aria-valuenow", str(len(ledger) - 1 - steps_back))
    expect(chart.locator(".cross")).to_be_visible()
    page.keyboard.press("Home")
    expect(plot).to_have_attribute("aria-valuetext", re.compile("First stock, Available 240, On hand 240$"))
    page.keyboard.press("End")
    expect(plot).to_have_attribute("aria-valuetext", re.compile("^Now, "))
    page.keyboard.press("Tab")
    expect(chart.locator(".cross")).to_have_count(0)

    box = plot.bounding_box()
    assert box is not None
    # The middle of the 14 days: a sale on the day before.
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 20)
    middle: Any = database.rows(
        "select kind, on_hand_after from store.movement"
        " where product_id = %s and occurred_at < inventory.clock() - interval '7 d' order by number desc limit 1",
        mug,
    )[0]
    expect(chart.locator(".reading")).to_contain_text(text_of(middle[0]))
    expect(chart.locator(".legend .of-on_hand")).to_have_text(f"On hand {shown_number(middle[1])}")
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] - 100)
    expect(chart.locator(".reading")).to_have_text("Now")


def test_a_long_past_is_shown_bit_by_bit(warehouse: Server, database: Database, visit: Visit) -> None:
    rice = product(database, "RICE-25")
    database.rows("select inventory.add_stock(%s, 1, p_actor => 'olga') from generate_series(1, 229)", rice)
    visitor = visit(warehouse)
    page = visitor.page
    page.goto(f"/board/products/{rice}")
    visitor.log_in("emil")
    movements = part(page, "Last movements")
    for count in (10, 30, 90, 230):
        expect(movements.locator("tbody tr")).to_have_count(count)
        if count < 230:
            movements.get_by_role("button", name="Show more").click()
    expect(movements.get_by_role("button", name="Show more")).to_have_count(0)
    assert [row[2] for row in rows(movements)] == [
        shown_number(on_hand) for _, on_hand, _ in database.rows(LEDGER, rice)
    ]


def test_the_prices_that_were_are_and_will_be(warehouse: Server, database: Database, visit: Visit) -> None:
    tea = product(database, "TEA-100")
    database.rows("select inventory.set_price(%s, 7.25, p_effective_from => inventory.clock() - interval '2 d')", tea)
    visitor = visit(warehouse)
    page = visitor.page
    page.goto(f"/board/products/{tea}")
    visitor.log_in("ada")
    prices = part(page, "Prices").locator("tbody tr")
    expect(prices).to_have_count(2)
    expect(figure(page, "Price")).to_have_text("7.25")
    expect(prices.nth(0)).to_contain_text(re.compile(r"Retail\s*In force\s*7\.25"))
    expect(prices.nth(1)).to_contain_text(re.compile(r"Retail\s*Over\s*6\.40"))
    database.rows("select inventory.set_price(%s, 5, 'retail', inventory.clock() + interval '7 s')", tea)
    visitor.look()  # also as the feed has no prices that are to come
    expect(prices.nth(0)).to_contain_text(re.compile(r"Retail\s*To come\s*5\.00"))
    expect(prices.nth(0)).to_contain_text("In force")  # at its instant
    expect(prices.nth(1)).to_contain_text("Over")
    expect(figure(page, "Price")).to_have_text("5.00")


def test_a_kit_names_the_part_that_limits_it(warehouse: Server, database: Database, visit: Visit) -> None:
    mug, rice = product(database, "MUG-01"), product(database, "RICE-25")
    kit = database.product("GIFT", p_name="Gift box")
    database.rows(
        "select inventory.set_kit_parts(%s, array[row(%s, 2), row(%s, 25.5)]::inventory.block_line[])",
        kit,
        database.sku_id(mug),
        database.sku_id(rice),
    )
    visitor = visit(warehouse)
    page = visitor.page
    page.goto(f"/board/products/{kit}")
    visitor.log_in("ada")
    parts = part(page, "Parts of the kit")
    expect(figure(page, "Available")).to_have_text("9 pc")
    assert rows(parts) == [
        ["Enamel mug, white", "MUG-01", "2", "270", "135"],
        ["Rice, looseLimits", "RICE-25", "25.5", "250.5", "9"],
    ]
    assert warehouse.client().post(f"/api/v1/inventory/{rice}/addStock", json={"amount": 4.5}).status_code == 204
    database.settle()
    expect(figure(page, "Available")).to_have_text("10 pc")
    parts.get_by_role("link", name="Rice, loose").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Rice, loose")


def test_in_german(warehouse: Server, database: Database, visit: Visit) -> None:
    rice = product(database, "RICE-25")
    database.rows("select inventory.add_stock(%s, 1234.125)", rice)
    page = visit(warehouse, locale="de-DE").page
    page.goto(f"/board/products/{rice}")
    expect(figure(page, "Vorhanden")).to_have_text("1.484,625 pc")
    expect(figure(page, "Preis")).to_have_text("2,95")
    expect(page.get_by_role("heading", name="Sperren")).to_be_visible()


def test_a_product_without_an_inventory(warehouse: Server, database: Database, visit: Visit) -> None:
    bare = database.one("select id from inventory.register_product('BARE', 'Only a name')")
    visitor = visit(warehouse)
    page = visitor.page
    page.goto(f"/board/products/{bare}")
    expect(page.locator(".head.product .badge")).to_have_text("No inventory yet")
    visitor.log_in("ada")
    expect(page.get_by_role("heading", level=1)).to_have_text("Only a name")
    expect(figure(page, "Price")).to_have_text(NOTHING)
    expect(figure(page, "Available")).to_have_count(0)
    expect(part(page, "Balance over time")).to_have_count(0)


def test_a_product_that_is_gone(warehouse: Server, database: Database, visit: Visit) -> None:
    short_lived = database.product("SHORT", p_name="Soon gone")
    page = visit(warehouse).page
    page.goto("/board/products/999999")
    expect(page.get_by_role("alert")).to_contain_text("There is no such page or thing")
    page.goto(f"/board/products/{short_lived}")
    expect(page.get_by_role("heading", level=1)).to_have_text("Soon gone")
    database.rows("select inventory.delete_product(%s)", short_lived)
    expect(page.get_by_role("alert")).to_contain_text("There is no such page or thing")


def test_long_names_and_numbers_fit_a_phone_and_a_desk(warehouse: Server, database: Database, visit: Visit) -> None:
    name = "Donaudampfschifffahrtsgesellschaftskapitänsmützenständer, " * 4
    long = database.product("A-SKU-THAT-IS-LONG-" * 3, "987654.125", p_name=name.strip(", "), p_price="123456.785")
    database.rows("select inventory.create_block(%s, 1234.125, %s, p_owner => %s)", long, "R" * 180, "cart-" * 12)
    visitor = visit(warehouse, "phone")
    page = visitor.page
    page.goto(f"/board/products/{long}")
    visitor.log_in("ada")
    expect(part(page, "Last movements").locator("tbody tr")).to_have_count(2)
    expect(figure(page, "Available")).to_have_text("986,420 pc")
    page.get_by_text("The chart as a table").click()
    assert page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")
    cut = "cell => cell.scrollWidth > cell.clientWidth + 1 ? cell.textContent : null"
    assert [text for cell in page.locator("td, dd, h1").all() if (text := cell.evaluate(cut))] == []
    visitor.picture("product-long-phone")
    page.set_viewport_size({"width": 1440, "height": 900})
    wide = "table => table.getBoundingClientRect().right > table.closest('.card').getBoundingClientRect().right"
    assert [table.text_content() for table in page.locator("table:visible").all() if table.evaluate(wide)] == []
