"""The locations, and what lies at one: found as somebody types, and live."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import expect

from tests.board.conftest import Visitor
from tests.conftest import Database, Server

Visit = Callable[..., Visitor]


def order(database: Database, kind: str, sku: str, quantity: int, **others: str) -> None:
    names = "".join(f", p_{name} => %s" for name in others)
    database.one(f"select id from inventory.place_order(%s, %s, %s{names})", kind, sku, quantity, *others.values())


def test_the_locations_are_filtered_as_one_types(warehouse: Server, database: Database, visit: Visit) -> None:
    for location in ("RACK-A2-01", "RACK-B1-07"):
        order(database, "Add", "TEA-100", 40, to_location=location)
    visitor = visit(warehouse)
    page = visitor.page
    page.goto("/board/locations")
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(4)
    expect(rows.nth(0)).to_contain_text("RACK-A1-01")
    expect(rows.nth(0).locator("td").nth(1)).to_have_text("2")
    expect(rows.nth(0).locator("td").nth(2)).to_have_text("32")
    visitor.picture("locations")

    box = page.get_by_label("Filter, like A1")
    for typed, found in {
        "a1": ["RACK-A1-01", "RACK-A1-02"],
        "A2": ["RACK-A2-01"],
        "rack-b": ["RACK-B1-07"],
        "b1 07": ["RACK-B1-07"],
        "B107": ["RACK-B1-07"],
        "rac": ["RACK-A1-01", "RACK-A1-02", "RACK-A2-01", "RACK-B1-07"],
    }.items():
        box.fill(typed)
        expect(page.locator("tbody td:first-child")).to_have_text(found)
    box.fill("Z")
    expect(page.locator("main")).to_contain_text("No location begins with “Z”.")
    expect(box).to_be_focused()
    page.get_by_role("link", name="Locations", exact=True).click()
    expect(rows).to_have_count(4)
    expect(box).to_have_value("")
    box.fill("A1")
    page.get_by_role("link", name="RACK-A1-02").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("RACK-A1-02")


def test_a_location_shows_what_others_move_at_once(warehouse: Server, database: Database, visit: Visit) -> None:
    visitor = visit(warehouse)
    page = visitor.page
    page.goto("/board/locations/RACK-A1-01")
    stock = page.get_by_role("region", name="What lies here").locator("tbody tr")
    expect(stock).to_have_count(2)
    expect(stock.nth(0)).to_contain_text("Folding chair")
    expect(stock.nth(0)).to_contain_text("20 ")
    product = stock.nth(0).get_by_role("link", name="Folding chair", exact=True)
    expect(product).to_have_attribute("href", "/board/products/4")

    order(
        database,
        "Transfer",
        "CHAIR-3",
        7,
        from_location="RACK-A1-01",
        to_location="RACK-A1-02",
        reason="Nearer to the door",
        actor="olga",
    )
    expect(stock.nth(0)).to_contain_text("13 ")
    last = page.get_by_role("region", name="Last moves").locator("tbody tr").nth(0)
    for text in ("Folding chair", "Moved", "-7", "RACK-A1-02", "olga", "Nearer to the door"):
        expect(last).to_contain_text(text)
    visitor.picture("location")

    page.get_by_role("link", name="Move Folding chair").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Scan")
    steps = page.locator(".path > li")
    expect(steps.nth(0)).to_contain_text("RACK-A1-01")
    expect(steps.nth(1)).to_contain_text("13 lie here")


def test_a_location_that_never_was_says_so(shown: Server, visit: Visit) -> None:
    page = visit(shown).page
    page.goto("/board/locations/RACK-Z9-99")
    expect(page.get_by_role("alert")).to_contain_text("There is no such page or thing")
