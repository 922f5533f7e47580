"""The list of the stock: the search as one types, the states, more pages, exact numbers."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.board.conftest import Visitor
from tests.conftest import Database, Server

Visit = Callable[..., Visitor]

MANY = """
select count((inventory.create_product(p_sku => 'P-' || n, p_name => 'Product ' || n, p_quantity => n)).id)
from generate_series(1, 120) as n
"""


def rows(page: Page) -> Locator:
    return page.locator("tbody tr")


def has_rows(page: Page, *names: str) -> None:
    """The list has these products and no others."""
    expect(rows(page)).to_have_count(len(names))
    expect(rows(page)).to_contain_text(names)


def test_the_states_show_what_is_low_and_what_is_sold_out(warehouse: Server, database: Database, visit: Visit) -> None:
    page = visit(warehouse).page
    page.goto("/board/stock")
    expect(rows(page)).to_have_count(database.one("select count(*) from store.product"))
    page.get_by_role("link", name="Low", exact=True).click()
    low = "select p.name from store.balance as b join store.product as p on p.id = b.product_id where b.is_low"
    has_rows(page, *[name for (name,) in database.rows(f"{low} order by p.id")])
    expect(page.get_by_role("link", name="Low", exact=True)).to_have_attribute("aria-current", "true")
    page.get_by_role("link", name="Sold out", exact=True).click()
    has_rows(page, "Lantern, the last one is sold")
    # What is sold out comes and goes while one looks.
    chair = database.one("select id from store.product where sku = 'CHAIR-3'")
    free = database.one("select available from store.balance where product_id = %s", chair)
    block = database.one("select id from inventory.create_block(%s, %s)", chair, free)
    has_rows(page, "Folding chair", "Lantern")
    database.one("select id from inventory.cancel_block(%s)", block)
    has_rows(page, "Lantern")
    # A search looks for all products, whose states then stay to be chosen.
    page.locator("#q").fill("chair")
    has_rows(page, "Folding chair")
    page.get_by_role("link", name="Sold out", exact=True).click()
    expect(page.locator("main")).to_contain_text("No product with “chair” in its name or SKU is sold out.")
    page.get_by_role("link", name="All", exact=True).click()
    has_rows(page, "Folding chair")
    database.verify()


def test_more_rows_stay_while_numbers_change(server: Server, database: Database, visit: Visit) -> None:
    database.rows(MANY)
    visitor = visit(server)
    page = visitor.page
    page.goto("/board/stock")
    expect(rows(page)).to_have_count(50)
    more = page.get_by_role("button", name="Show more")
    # What is asked for while a look is on its way comes after it, so that no older numbers replace newer ones.
    held = visitor.hold("**/api/v1/stock/?limit=50")
    visitor.wait_for(lambda: held)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    more.click()
    assert asked == []
    held[0].continue_()
    expect(rows(page)).to_have_count(100)
    assert asked[0].endswith("?limit=100")
    more.click()
    expect(rows(page)).to_have_count(120)
    expect(more).to_have_count(0)
    database.rows("select (inventory.add_stock(id, 1000)).id from store.product where id % 10 = 0 order by id desc")
    expect(rows(page).nth(99).locator("td").nth(2)).to_have_text("1,100 pc")
    names = page.locator("tbody tr td:first-child")
    expect(names).to_have_text([f"Product {number}" for number in range(1, 121)])
    page.locator("#q").fill("product 1")
    expect(rows(page)).to_have_count(40)  # all that have a 1
    database.verify()


def test_an_older_search_does_not_replace_a_newer_one(shown: Server, visit: Visit) -> None:
    """And a search that is not needed any more is cancelled."""
    visitor = visit(shown)
    page = visitor.page
    page.goto("/board/stock")
    expect(rows(page).first).to_be_visible()
    held = visitor.hold("**/api/v1/stock/?q=la&*")
    gone: list[str] = []
    page.on("requestfailed", lambda request: gone.append(request.url))
    page.locator("#q").fill("la")
    visitor.wait_for(lambda: held)
    expect(rows(page)).to_have_count(6)  # what was there stays until there is something else
    page.locator("#q").fill("lamp")
    expect(rows(page)).to_have_count(1)
    assert [url for url in gone if "q=la&" in url]
    expect(page).to_have_url(f"{shown.url}/board/stock?q=lamp")
    page.go_back()
    page.go_forward()
    expect(page.locator("#q")).to_have_value("lamp")


def test_a_search_without_a_result_says_so(shown: Server, visit: Visit) -> None:
    page = visit(shown).page
    page.goto("/board/stock?q=%3Cb%3Enothing")
    expect(page.locator("main")).to_contain_text("No product has “<b>nothing” in its name or SKU.")
    expect(page.locator("#q")).to_have_value("<b>nothing")
    page.locator("#q").fill("")
    expect(rows(page)).to_have_count(6)


@pytest.mark.parametrize(
    ("locale", "most", "price"),
    [("en-GB", "999,999,999.999", "90,071,992,547,409.931"), ("de-DE", "999.999.999,999", "90.071.992.547.409,931")],
)
def test_numbers_are_exact_and_written_as_the_viewer_writes_them(
    server: Server, database: Database, visit: Visit, locale: str, most: str, price: str
) -> None:
    """Also where a browser's own numbers would round them."""
    database.product("MOST", "999999999.999", p_name="Dust", p_price="90071992547409.931")
    page = visit(server, locale=locale).page
    page.goto("/board/stock")
    cells = rows(page).locator("td")
    expect(cells.nth(2)).to_contain_text(most)
    expect(cells.nth(4)).to_have_text(most)
    expect(cells.nth(7)).to_have_text(price)


def test_a_number_that_changes_flashes(warehouse: Server, database: Database, visit: Visit) -> None:
    """Only it, and not for those who want no motion."""
    moving = visit(warehouse, reduced_motion="no-preference").page
    still = visit(warehouse).page
    for page in (moving, still):
        page.goto("/board/stock")
        expect(rows(page)).to_have_count(6)
        page.evaluate(
            """() => {
                window.flashed = [];
                const animate = Element.prototype.animate;
                Element.prototype.animate = function (...rest) {
                    window.flashed.push(this.textContent);
                    return animate.apply(this, rest);
                };
            }"""
        )
    rice = database.one("select id from store.product where sku = 'RICE-25'")
    database.one("select id from inventory.add_stock(%s, 0.125)", rice)
    for page in (moving, still):
        expect(rows(page).nth(2).locator("td").nth(2)).to_have_text("250.625 pc")
    assert moving.evaluate("window.flashed") == ["250.625", "250.625"]  # available, and on hand
    assert still.evaluate("window.flashed") == []
