"""The page of the active blocks: what ends next, and how a block ends."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

from playwright.sync_api import Locator, Page, expect

from server.http.board import FOLDER
from tests.board.conftest import Visitor
from tests.conftest import Database, Server

Visit = Callable[..., Visitor]

ENDED = "select status, converted_quantity, ended_reason from store.block where reason = %s"


def row(page: Page, text: str) -> Locator:
    return page.get_by_role("row").filter(has_text=text)


def open_form(page: Page, text: str, action: str) -> Locator:
    """The form of an action on the block whose row has this text."""
    row(page, text).get_by_role("button", name=action).click()
    return page.get_by_role("dialog")


def submit(form: Locator) -> None:
    form.locator("[type=submit]").click()


def told(page: Page, text: str) -> None:
    """The form is closed, and this was said."""
    expect(page.locator("#notes")).to_contain_text(text)
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_blocks_are_converted_extended_and_cancelled(warehouse: Server, database: Database, visit: Visit) -> None:
    mug = database.one("select id from store.product where sku = 'MUG-01'")
    for number in range(3):
        database.one("select id from inventory.create_block(%s, 5, %s)", mug, f"Block {number}")
    visitor = visit(warehouse)
    page = visitor.page
    page.goto("/board/blocks")
    expect(page.get_by_role("status").filter(has_text="5 active blocks")).to_be_visible()

    form = open_form(page, "Block 0", "Convert")
    expect(form.get_by_label("Quantity")).to_have_value("5")
    form.get_by_label("Quantity").fill("6")
    submit(form)
    expect(form.get_by_role("alert")).to_have_text("That is too many: 5 pc blocked.")
    form.get_by_label("Quantity").fill("2")
    form.get_by_label("Reason").fill("Two were taken")
    submit(form)
    told(page, "2 pc of Enamel mug, white have left the stock.")
    expect(row(page, "Block 0")).to_have_count(0)
    assert database.rows(ENDED, "Block 0") == [("converted", Decimal("2"), "Two were taken")]

    form = open_form(page, "Block 1", "Cancel")
    form.get_by_label("Reason").fill("Not wanted")
    submit(form)
    told(page, "5 pc of Enamel mug, white are available again.")
    expect(row(page, "Block 1")).to_have_count(0)
    assert database.rows(ENDED, "Block 1") == [("cancelled", None, "Not wanted")]

    before = database.one("select expires_at from store.block where reason = 'Block 2'")
    form = open_form(page, "Block 2", "Extend")
    form.get_by_role("button", name="1 day").click()
    submit(form)
    told(page, "The block of 5 pc Enamel mug, white ends at")
    after = database.one("select expires_at from store.block where reason = 'Block 2'")
    assert timedelta(days=1) <= after - before <= timedelta(days=1, minutes=1)
    expect(page.get_by_role("row").last).to_contain_text("Block 2")  # it ends last now
    expect(row(page, "Block 2").get_by_role("timer")).to_have_text(f"1 d {left(database)}"[:9])
    database.verify()


def left(database: Database) -> str:
    """The hours that the third block lasts beyond a day, as the page says them."""
    return str(
        database.one(
            "select to_char(expires_at - inventory.clock(), 'HH24:MI') from store.block where reason = 'Block 2'"
        )
    )


def test_a_block_that_has_expired_meanwhile_is_refused(warehouse: Server, database: Database, visit: Visit) -> None:
    page = visit(warehouse).page
    page.goto("/board/blocks")
    form = open_form(page, "Phone order", "Convert")
    before = database.counts()
    database.advance(timedelta(hours=1))
    submit(form)
    expect(form.get_by_role("alert")).to_have_text("The block has expired. Its units are available again.")
    form.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("main")).to_contain_text("0 active blocks")
    assert {name for name, number in database.counts().items() if number != before[name]} == {"idempotency_key"}
    database.verify()


def test_what_ends_next_comes_first_and_counts_down(warehouse: Server, database: Database, visit: Visit) -> None:
    mug = database.one("select id from store.product where sku = 'MUG-01'")
    database.one(
        "select count(inventory.create_block(%s, 0.5, p_expires_at => inventory.clock() + n * interval '1 hour'))"
        " from generate_series(1, 120) as n",
        mug,
    )
    database.one("select id from inventory.create_block(%s, 1, 'Soon', inventory.clock() + interval '2 minutes')", mug)
    visitor = visit(warehouse)
    page = visitor.page
    page.clock.install()
    # The most that one request asks for, lowered: the test needs fewer blocks.
    script = (FOLDER / "page-blocks.js").read_text()
    lower = script.replace("MOST_AT_ONCE = 1000", "MOST_AT_ONCE = 60")
    assert lower != script
    page.route("**/page-blocks.js", lambda route: route.fulfill(body=lower, content_type="text/javascript"))
    waiting = visitor.hold("**/api/v1/changes/?*wait=*")  # nobody tells this page of anything
    page.goto("/board/blocks")
    visitor.log_in("ada")  # who hears of changes alone
    expect(page.get_by_role("main")).to_contain_text("123 active blocks")
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(50)
    expect(rows.first).to_contain_text("Soon")
    expect(rows.first.get_by_role("timer")).to_have_text(re.compile(r"^1:[0-5]\d$"))
    for number in (100, 123):
        page.get_by_role("button", name="Show more").click()
        expect(rows).to_have_count(number)
    expect(page.get_by_role("button", name="Show more")).to_have_count(0)
    expect(page.get_by_role("timer").last).to_have_text("4 d 23:59")

    # The block ends: the page looks again by itself, though nothing was written.
    database.advance(timedelta(minutes=2))
    page.clock.fast_forward("02:00")
    expect(rows.first).not_to_contain_text("Soon", timeout=25_000)  # less than until the page gives up waiting
    assert len(waiting) == 1

    page.get_by_role("searchbox", name="Cart or order").fill("cart-7")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(rows).to_have_count(1)
    expect(page.get_by_role("main")).to_contain_text("1 active block of cart-7")
