"""The morning's page, against what the database says."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from server.http.board import FOLDER
from tests.board.conftest import ZONE, Visitor
from tests.conftest import Database, Server

Visit = Callable[..., Visitor]

LOW = "select p.name, trim_scale(b.on_hand) from store.balance as b join store.product as p on p.id = b.product_id"
BLOCKS = """
select p.sku, trim_scale(b.quantity) from store.block as b join store.product as p on p.id = b.product_id
where inventory.is_active_block(b, inventory.clock()) order by b.expires_at, b.id
"""
SALES = f"""
select
    count(*) filter (where returned_sale_id is null), trim_scale(sum(quantity)), sum(revenue), sum(revenue - cost),
    count(*) filter (where cost is null)
from store.sale
where (created_at at time zone '{ZONE}')::date > (now() at time zone '{ZONE}')::date - 14
"""


DAILY = f"""
select coalesce(sum(s.revenue), 0), coalesce(sum(s.revenue - s.cost), 0)
from generate_series((now() at time zone '{ZONE}')::date - 13, (now() at time zone '{ZONE}')::date, '1 day') as day
left join store.sale as s on (s.created_at at time zone '{ZONE}')::date = day
group by day order by day
"""


def card(page: Page, title: str) -> Locator:
    return page.locator("section.card").filter(has=page.get_by_role("heading", name=title))


def lines(page: Page, title: str) -> Locator:
    return card(page, title).get_by_role("listitem")


def has_lines(page: Page, title: str, *texts: str) -> None:
    """The card has as many lines, with these texts."""
    expect(lines(page, title)).to_have_count(len(texts))
    expect(lines(page, title)).to_contain_text(texts)


def number(value: Any) -> str:
    return f"{Decimal(value):,f}"


def money(value: Decimal) -> str:
    """With two decimals, and a third where there is one."""
    text = f"{value:,.3f}"
    return text[:-1] if text.endswith("0") else text


def open_today(page: Page) -> None:
    """Open the page as one that keeps no slow answer: a slow machine keeps one for longer than a test waits."""
    script = (FOLDER / "page-today.js").read_text()
    forgetful = script.replace("10 * took", "0")
    assert forgetful != script
    page.route("**/page-today.js", lambda route: route.fulfill(body=forgetful, content_type="text/javascript"))
    page.goto("/board")


def test_the_morning_shows_what_the_caller_may_see(warehouse: Server, database: Database, visit: Visit) -> None:
    visitor = visit(warehouse)
    page = visitor.page
    page.goto("/board")
    sold_out = database.rows(f"{LOW} where b.available = 0 and b.status = 'active'")
    expect(lines(page, "Sold out")).to_have_count(len(sold_out))
    for name, _ in sold_out:
        expect(lines(page, "Sold out").filter(has_text=name)).to_contain_text("none on hand")
    low = database.rows(f"{LOW} where b.is_low order by p.id")
    has_lines(page, "Low", *[name for name, _ in low])
    has_lines(page, "Low", *[number(on_hand) for _, on_hand in low])
    blocks = database.rows(BLOCKS)
    has_lines(page, "Blocks", *[sku for sku, _ in blocks])
    has_lines(page, "Blocks", *[number(quantity) for _, quantity in blocks])
    has_lines(page, "Arrived", "+12", "+5", "+20")
    expect(lines(page, "Arrived").first).to_contain_text("at RACK-A1-01 · olga")
    expect(page.locator("main")).to_contain_text("A log-in also shows purchases")
    expect(card(page, "Sales")).to_have_count(0)

    visitor.log_in("emil")
    expect(page.locator("main")).not_to_contain_text("A log-in")
    expect(card(page, "Sales")).to_have_count(0)
    page.get_by_role("link", name="7 days").click()
    expect(lines(page, "Arrived")).to_have_count(4)
    expect(lines(page, "Arrived").last).to_contain_text("from North Wholesale")

    page.locator(".menu > summary").click()
    page.get_by_role("button", name="Log out").click()
    visitor.log_in("ada")
    sales, units, revenue, _, without_cost = database.rows(SALES)[0]
    figures = card(page, "Sales of the last 14 days").locator("dd:not(.quiet)")
    expect(figures).to_have_text([money(revenue), "\u2013", number(units), str(sales)])
    expect(card(page, "Sales")).to_contain_text(f"The cost of {without_cost} sales is not known.")
    database.verify()


def test_the_sales_of_each_day_can_be_read_in_three_ways(server: Server, database: Database, visit: Visit) -> None:
    """By the pointer, by the keyboard, and as a table. A day on which more came back than was sold lies below zero."""
    database.one("select id from maintenance.create_user('ada', 'secret', 'admin')")
    database.advance(timedelta(days=-20))
    product = database.product("MUG", p_name="Mug", p_price="12.5")
    supplier = database.one("select id from inventory.create_supplier('North Wholesale')")
    database.one("select id from inventory.record_purchase(%s, %s, 400, 4.2, p_actor => 'ada')", product, supplier)
    for quantity in range(1, 19):
        query = "select id from inventory.record_sale(%s, %s, 12.345, p_actor => 'ada')"
        sale = database.one(query, product, quantity)
        database.advance(timedelta(days=1))
    database.one("select id from inventory.return_sale(%s, 5, p_actor => 'ada')", sale)
    database.advance(timedelta(days=2))
    visitor = visit(server)
    page = visitor.page
    page.goto("/board")
    visitor.log_in("ada")
    sales, units, revenue, margin, _ = database.rows(SALES)[0]
    figures = card(page, "Sales of the last 14 days").locator("dd:not(.quiet)")
    expect(figures).to_have_text([money(revenue), money(margin), number(units), str(sales)])
    days = [(money(revenue), money(margin)) for revenue, margin in database.rows(DAILY)]
    chart = page.get_by_role("figure").first
    chart.get_by_text("The chart as a table").click()
    expect(chart.locator("tbody tr td:nth-child(2)")).to_have_text([revenue for revenue, _ in days])
    expect(chart.locator("tbody tr td:nth-child(3)")).to_have_text([margin for _, margin in days])
    expect(chart.locator("rect.below")).to_have_count(2)
    slider, values = chart.get_by_role("slider"), chart.locator(".legend b")
    slider.focus()
    page.keyboard.press("Home")
    expect(values).to_have_text(days[0])
    page.keyboard.press("ArrowRight")
    expect(values).to_have_text(days[1])
    expect(slider).to_have_attribute("aria-valuetext", re.compile(f"Revenue {days[1][0]}, Margin {days[1][1]}"))
    box = slider.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 3.5 / 14, box["y"] + 20)
    expect(values).to_have_text(days[3])
    page.mouse.move(0, 0)
    expect(values).to_have_text(days[13])


def test_the_first_product_is_welcomed(server: Server, database: Database, visit: Visit) -> None:
    page = visit(server).page
    open_today(page)
    expect(page.locator("h1")).to_have_text("No product yet")
    product = database.product("FIRST", 0, p_name="The first")
    expect(page.locator("h1")).to_have_text("Today")
    has_lines(page, "Sold out", "The first")
    database.one("select id from inventory.add_stock(%s, 3)", product)
    expect(card(page, "Sold out")).to_contain_text("Nothing is sold out.")


def test_a_block_leaves_when_it_ends(warehouse: Server, database: Database, visit: Visit) -> None:
    """Also for an admin, whom the change feed does not tell it: no job has noted the end."""
    visitor = visit(warehouse)
    page = visitor.page
    product = database.one("select id from store.product where sku = 'CHAIR-3'")
    free = database.one("select available from store.balance where product_id = %s", product)
    open_today(page)
    visitor.log_in("ada")
    query = "select id from inventory.create_block(%s, %s, 'Soon over', clock_timestamp() + interval '8 seconds')"
    database.one(query, product, free)
    visitor.look()
    expect(lines(page, "Blocks").first).to_contain_text("Soon over")
    expect(lines(page, "Sold out").filter(has_text="Folding chair")).to_contain_text("on hand, all promised")
    expect(card(page, "Blocks")).not_to_contain_text("Soon over", timeout=13_000)
    expect(card(page, "Sold out")).not_to_contain_text("Folding chair")


@pytest.mark.parametrize("takes_long", [True, False], ids=["long", "quick"])
def test_sales_that_take_long_or_are_refused_do_not_hold_up_the_rest(
    warehouse: Server, database: Database, visit: Visit, takes_long: bool
) -> None:
    """They are also asked for less often."""
    visitor = visit(warehouse)
    page = visitor.page
    problem = "these days have too many sales"
    refusal = {"detail": problem, "error": {"code": "VALIDATION_ERROR", "message": problem}}
    held = visitor.hold("**/api/v1/daily-sales/*")
    open_today(page)
    visitor.log_in("ada")
    lamp = database.one("select id from store.product where sku = 'LAMP-07'")

    def change(*amounts: int) -> None:
        for amount in amounts:
            database.one("select count(*) from inventory.set_stock(%s, %s)", lamp, amount)
            database.settle()
            expect(lines(page, "Low").filter(has_text="Desk lamp")).to_contain_text(f"{amount} pc")

    visitor.wait_for(lambda: held)
    if takes_long:
        change(9, 10)
        assert len(held) == 1
        expect(card(page, "Sales of")).to_have_text("Sales of the last 14 days…")
    held[0].fulfill(status=422, json=refusal)
    expect(card(page, "Sales of")).to_contain_text(problem)
    change(8, 7)
    assert len(held) == 1
