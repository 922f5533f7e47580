"""Moving and counting with a bar-code reader, which is a keyboard: a real browser, and then the database."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.board.conftest import Visitor
from tests.conftest import Database, Server

Visit = Callable[..., Visitor]

TIMES = "\N{MULTIPLICATION SIGN}"

# A camera that sees what the test puts into window.codes, with a picture that a canvas draws.
CAMERA = """
window.codes = [];
window.BarcodeDetector = class {
  static async getSupportedFormats() { return ["code_128", "qr_code"]; }
  async detect() { return window.codes.map((rawValue) => ({ rawValue })); }
};
Object.defineProperty(navigator, "mediaDevices", { value: {
  async getUserMedia() {
    const canvas = document.createElement("canvas");
    const stream = canvas.captureStream(30);
    setInterval(() => canvas.getContext("2d").fillRect(Math.random() * 90, 0, 9, 9), 20);
    window.tracks = stream.getTracks();
    return stream;
  },
} });
"""
NO_CAMERA = """
window.BarcodeDetector = class { static async getSupportedFormats() { return ["qr_code"]; } };
Object.defineProperty(navigator, "mediaDevices", { value: {
  async getUserMedia() { throw new DOMException("the user said no", "NotAllowedError"); },
} });
"""


def scan(page: Page, *codes: str) -> None:
    """A reader types a code faster than any person, and ends with Enter."""
    for code in codes:
        page.keyboard.type(code)
        page.keyboard.press("Enter")


def held(database: Database, sku: str) -> dict[str, Decimal]:
    """What lies where."""
    return dict(
        database.rows(
            "select a.code, l.quantity from store.location_stock as l inner join store.location as a"
            " on l.location_id = a.id inner join store.product as p on l.product_id = p.id"
            " where p.sku = %s and l.quantity > 0",
            sku,
        )
    )


def orders(database: Database) -> list[tuple[Any, ...]]:
    """The orders since the warehouse was filled."""
    return database.rows(
        "select operation_type, sku, quantity, from_location, to_location, reason from store.art_operation"
        " where id > 3 order by id"
    )


@pytest.fixture
def desk(warehouse: Server, visit: Visit) -> Visitor:
    visitor = visit(warehouse, "tablet")
    visitor.page.goto("/board/scan")
    expect(visitor.page.get_by_label("Scan the location it lies at")).to_be_focused()
    return visitor


def done(page: Page) -> Any:
    return page.get_by_role("region", name="Done here").get_by_role("listitem")


def test_three_codes_move_a_unit(desk: Visitor, database: Database) -> None:
    page = desk.page
    scan(page, "RACK-A1-01", "CHAIR-3", "CHAIR-3", "RACK-B2-02")
    expect(done(page)).to_have_count(1)
    expect(done(page)).to_contain_text(f"2 {TIMES} Folding chair")
    expect(done(page).get_by_role("button", name="Move back")).to_be_visible()
    assert held(database, "CHAIR-3") == {"RACK-A1-01": 18, "RACK-A1-02": 5, "RACK-B2-02": 2}

    # A scan that was wrong is undone. Two products go together, with a reason; small letters and Tab are as good.
    page.get_by_label("Reason").fill("Spring sale")
    page.get_by_label("Reason").blur()
    scan(page, "rack-a1-01", "CHAIR-3", "MUG-01", "MUG-01")
    expect(page.locator(".path > li").nth(1)).to_contain_text("12 lie here")
    page.get_by_role("button", name="Undo the last scan").click()
    expect(page.get_by_role("textbox", name="Quantity of Enamel mug, white")).to_have_value("1")
    page.get_by_role("textbox", name="Quantity of Enamel mug, white").fill("7")
    page.keyboard.press("Enter")
    desk.picture("scan-move")
    page.keyboard.type("RACK-B2-02")
    page.keyboard.press("Tab")
    expect(done(page)).to_have_count(3)
    expect(done(page).get_by_role("button", name="Move back")).to_have_count(3)
    assert held(database, "MUG-01") == {"RACK-A1-01": 5, "RACK-B2-02": 7}
    assert orders(database)[1:] == [
        ("Transfer", "CHAIR-3", 1, "RACK-A1-01", "RACK-B2-02", "Spring sale"),
        ("Transfer", "MUG-01", 7, "RACK-A1-01", "RACK-B2-02", "Spring sale"),
    ]

    # The first one is moved back, once.
    done(page).nth(2).get_by_role("button", name="Move back").click()
    expect(done(page).nth(3)).to_contain_text("Moved back")
    expect(done(page).nth(3).get_by_role("button")).to_have_count(0)
    assert held(database, "CHAIR-3") == {"RACK-A1-01": 19, "RACK-A1-02": 5, "RACK-B2-02": 1}
    database.verify()


def test_units_are_put_in_and_taken_out(desk: Visitor, database: Database) -> None:
    page = desk.page
    page.get_by_role("button", name="Put in").click()
    scan(page, "TEA-100", "TEA-100", "TEA-100", "RACK-C1-01")
    expect(done(page)).to_have_count(1)
    page.get_by_role("button", name="Take out", exact=True).click()
    scan(page, "RACK-C1-01", "TEA-100", "RACK-C1-02")
    expect(page.get_by_role("alert")).to_contain_text("Scan RACK-C1-01 again to take it out")
    scan(page, "RACK-C1-01")
    expect(done(page).get_by_role("button", name="Move back")).to_have_count(2)
    assert [one[:5] for one in orders(database)] == [
        ("Add", "TEA-100", 3, None, "RACK-C1-01"),
        ("Remove", "TEA-100", 1, "RACK-C1-01", None),
    ]
    database.verify()


def test_what_cannot_be_is_said_at_once(desk: Visitor, database: Database) -> None:
    page = desk.page
    alarm = page.get_by_role("alert")
    scan(page, "NO-SUCH-CODE")
    expect(alarm).to_have_text("Unknown code: NO-SUCH-CODE")
    desk.picture("scan-unknown")
    scan(page, "mug-01")  # a SKU is exact
    expect(alarm).to_have_text("Unknown code: mug-01")
    scan(page, "MUG-01")
    expect(alarm).to_have_text("Scan the location first that Enamel mug, white lies at.")
    scan(page, "RACK-A1-02", "CHAIR-3", "RACK-A1-02")
    expect(alarm).to_have_text("It lies at RACK-A1-02 already. Scan another location.")

    # More than lies there.
    page.get_by_role("textbox", name="Quantity of Folding chair").fill("6")
    page.keyboard.press("Enter")
    expect(page.locator(".path")).to_contain_text("More than lie here")
    scan(page, "RACK-B2-02")
    expect(alarm).to_have_text(f"Only 5 {TIMES} Folding chair at RACK-A1-02, not 6. Nothing was moved.")
    assert orders(database) == []

    # It can be changed, and is another order then.
    done(page).get_by_role("button", name="Change").click()
    page.get_by_role("button", name="One less: Quantity of Folding chair").click()
    scan(page, "RACK-B2-02")
    expect(done(page).get_by_role("button", name="Move back")).to_have_count(1)
    assert held(database, "CHAIR-3") == {"RACK-A1-01": 20, "RACK-B2-02": 5}
    database.verify()


def test_a_lost_answer_moves_once_and_a_reload_loses_nothing(desk: Visitor, database: Database) -> None:
    page = desk.page
    keys = []

    def lose(route: Route) -> None:
        keys.append(route.request.headers["idempotency-key"])
        if len(keys) == 1:
            route.fetch()  # it is made, and the answer is lost
        route.abort()

    page.route("**/api/v1/art_order", lose)
    scan(page, "RACK-A1-01", "CHAIR-3", "RACK-B2-02", "RACK-A1-01", "MUG-01", "RACK-B2-02", "RACK-A1-02")
    expect(done(page)).to_have_count(2)
    expect(page.locator(".scanner")).to_contain_text("No connection: 2 changes are unsent.")
    expect(done(page).nth(1)).to_contain_text("No answer yet")
    desk.picture("scan-unsent")
    assert held(database, "CHAIR-3") == {"RACK-A1-01": 19, "RACK-A1-02": 5, "RACK-B2-02": 1}
    assert held(database, "MUG-01") == {"RACK-A1-01": 12}

    page.reload()
    expect(done(page)).to_have_count(2)
    expect(page.locator(".path > li").nth(0)).to_contain_text("RACK-A1-02")
    page.unroute("**/api/v1/art_order")
    expect(done(page).get_by_role("button", name="Move back")).to_have_count(2)
    assert len(set(keys)) == 1
    assert held(database, "CHAIR-3") == {"RACK-A1-01": 19, "RACK-A1-02": 5, "RACK-B2-02": 1}
    assert held(database, "MUG-01") == {"RACK-A1-01": 11, "RACK-B2-02": 1}
    assert len(orders(database)) == 2
    database.verify()


def test_a_refusal_says_nothing_of_what_may_have_been_made_before(desk: Visitor, database: Database) -> None:
    """The answer is lost, and the user loses the right meanwhile: whether it was made cannot be asked any more."""
    page = desk.page
    answers = []

    def lose(route: Route) -> None:
        answers.append(route)
        if len(answers) == 1:
            route.fetch()
            route.abort()
        else:
            detail = {"status": 403, "message": "no", "error_code": "PERMISSION_DENIED"}
            route.fulfill(status=403, json={"detail": detail})

    page.route("**/api/v1/art_order", lose)
    scan(page, "RACK-A1-01", "CHAIR-3", "RACK-B2-02")
    expect(done(page)).to_contain_text("Never answered")
    assert held(database, "CHAIR-3")["RACK-B2-02"] == 1


def test_a_user_s_scans_wait_for_the_user(desk: Visitor, database: Database) -> None:
    page = desk.page
    desk.log_in("olga")
    page.route("**/api/v1/art_order", lambda route: route.abort())
    scan(page, "RACK-A1-01", "CHAIR-3", "RACK-B2-02")
    expect(done(page)).to_contain_text("No answer yet")
    page.reload()  # a log-out: tokens are in the memory alone
    expect(page.locator(".scanner")).to_contain_text("olga has unsent scans here")
    page.unroute("**/api/v1/art_order")
    scan(page, "RACK-A1-01", "MUG-01", "RACK-B2-02")
    expect(done(page).get_by_role("button", name="Move back")).to_have_count(1)
    assert database.rows("select sku, actor from store.art_operation where id > 3") == [("MUG-01", "anonymous")]
    desk.log_in("olga")
    expect(done(page).get_by_role("button", name="Move back")).to_have_count(2)
    assert database.rows("select sku, actor from store.art_operation where id > 4") == [("CHAIR-3", "olga")]
    database.verify()

    # Who may not move anything does not see the page.
    database.one("select id from maintenance.create_user('ina', 'secret', 'integration')")
    page.reload()
    desk.log_in("ina")
    expect(page.get_by_role("heading", level=1)).to_have_text("Not allowed")


def test_a_count_books_its_differences(desk: Visitor, database: Database) -> None:
    page = desk.page
    page.get_by_role("link", name="Count").click()
    expect(page.get_by_label("Scan the location to count")).to_be_focused()
    scan(page, "RACK-A1-01", "MUG-01", "MUG-01", "MUG-01")
    lines = page.get_by_role("region", name="Counted", exact=True).locator("tbody tr")
    expect(lines).to_contain_text(["Enamel mug, white"])
    expect(lines.nth(0)).to_contain_text("-9")
    missing = page.get_by_role("region", name="Not counted yet")
    expect(missing).to_contain_text("Folding chair")
    scan(page, "CHAIR-3")
    page.get_by_role("textbox", name="Quantity of Folding chair").fill("20")
    page.keyboard.press("Enter")
    expect(missing).to_contain_text("Everything that is booked here is counted.")

    # Without answers each scan is one more, and the newest quantity stands for those before it.
    sent: list[int] = []
    is_lost = True

    def carry(route: Route) -> None:
        sent.append(route.request.post_data_json["lines"][0]["quantity"])
        if len(sent) == 1:
            route.fetch()
        if is_lost:
            route.abort()
        else:
            route.continue_()

    expect(lines.get_by_text("Unsent")).to_have_count(0)
    page.route("**/lines", carry)
    scan(page, "TEA-100", "TEA-100", "TEA-100")
    tea = lines.filter(has_text="Green tea")
    expect(tea.locator("td").nth(2)).to_have_text("3")
    expect(tea).to_contain_text("Unsent")
    is_lost = False
    expect(tea).to_contain_text("+3")
    assert set(sent) == {1, 3}
    page.unroute("**/lines")
    page.get_by_role("button", name="One less: Quantity of Green tea").click(click_count=3)
    expect(tea).not_to_contain_text("+")

    # A reload, a count that was typed into the address, and a scan into the quantity's box change nothing in it.
    page.reload()
    expect(page.get_by_label("Scan each product that lies here")).to_be_focused()
    scan(page, "MUG-01")
    page.get_by_role("textbox", name="Quantity of Enamel mug, white").focus()
    scan(page, "MUG-01")
    expect(page.get_by_role("textbox", name="Quantity of Enamel mug, white")).to_have_value("5")
    page.get_by_role("button", name="One more: Quantity of Enamel mug, white").click()
    expect(lines.filter(has_text="Enamel mug")).to_contain_text("-6")
    page.get_by_role("button", name="Close the count").click()
    question = page.locator(".question")
    expect(question).to_contain_text("1 difference will be booked.")
    expect(question).to_contain_text("6 counted, 12 booked")
    desk.picture("scan-count")
    page.get_by_role("button", name="Book and close").click()
    expect(page.get_by_text("1 difference was booked.")).to_be_visible()

    assert held(database, "MUG-01") == {"RACK-A1-01": 6}
    assert held(database, "CHAIR-3") == {"RACK-A1-01": 20, "RACK-A1-02": 5}
    assert database.rows(
        "select p.sku, m.kind, m.on_hand_after - m.on_hand_before from store.movement as m"
        " inner join store.product as p on m.product_id = p.id where m.kind = 'count' order by m.id"
    ) == [("MUG-01", "count", -6)]
    assert database.rows("select status from store.count") == [("closed",)]
    database.verify()


def test_a_count_that_is_refused_says_why(desk: Visitor, database: Database) -> None:
    page = desk.page
    chair = database.one("select id from store.product where sku = 'CHAIR-3'")
    database.one("select id from inventory.reserve_stock(%s, 73)", chair)  # 10 of 85 are reserved: 2 stay free
    before = orders(database), held(database, "CHAIR-3")
    page.goto("/board/scan?mode=count&location=RACK-A1-02")
    page.get_by_role("button", name="Start to count RACK-A1-02").click()
    scan(page, "CHAIR-3")
    page.get_by_role("button", name="Close the count").click()
    page.get_by_role("button", name="Book and close").click()
    expect(page.get_by_role("alert").first).to_contain_text("83 are reserved and 0 blocked, 2 are available")
    assert (orders(database), held(database, "CHAIR-3")) == before

    # The count is open still: somebody else goes on with it, and discards it.
    page.get_by_role("link", name="Another location").click()
    scan(page, "RACK-A1-02")
    expect(page.get_by_role("region", name="Counted", exact=True)).to_contain_text("Folding chair")
    page.get_by_role("button", name="Discard it").click()
    page.get_by_role("button", name="Discard the count").click()
    expect(page.get_by_text("Nothing was booked.")).to_be_visible()
    assert database.rows("select status from store.count") == [("cancelled",)]
    assert held(database, "CHAIR-3") == {"RACK-A1-01": 20, "RACK-A1-02": 5}


def test_the_camera_is_a_reader_until_the_page_is_left(warehouse: Server, database: Database, visit: Visit) -> None:
    visitor = visit(warehouse, "phone", has_touch=True, is_mobile=True)
    visitor.context.add_init_script(CAMERA)
    page = visitor.page
    page.goto("/board/scan")
    page.get_by_role("button", name="Scan with the camera").click()
    steps = page.locator(".path > li")
    page.evaluate("window.codes = ['RACK-A1-01']")
    expect(steps.nth(0)).to_contain_text("RACK-A1-01")
    page.evaluate("window.codes = ['CHAIR-3']")
    expect(page.get_by_role("textbox", name="Quantity of Folding chair")).to_have_value("1")
    visitor.picture("scan-camera")
    page.evaluate("window.codes = ['RACK-B2-02']")
    expect(done(page).get_by_role("button", name="Move back")).to_have_count(1)
    assert held(database, "CHAIR-3")["RACK-B2-02"] == 1
    assert page.evaluate("window.tracks.map((track) => track.readyState)") == ["live"]
    page.get_by_role("link", name="Stock").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Stock")
    assert page.evaluate("window.tracks.map((track) => track.readyState)") == ["ended"]


def test_where_there_is_no_camera_the_page_says_so(shown: Server, visit: Visit) -> None:
    page = visit(shown).page
    page.goto("/board/scan")
    expect(page.locator(".scanner")).to_contain_text("This browser cannot read codes with the camera.")
    expect(page.get_by_role("button", name="Scan with the camera")).to_have_count(0)
    refused = visit(shown)
    refused.context.add_init_script(NO_CAMERA)
    refused.page.goto("/board/scan")
    refused.page.get_by_role("button", name="Scan with the camera").click()
    expect(refused.page.locator(".scanner")).to_contain_text("The camera was not allowed.")
    expect(refused.page.locator("video")).to_have_count(0)


def test_without_a_connection_scans_go_on(desk: Visitor, database: Database) -> None:
    page = desk.page
    page.route("**/api/v1/**", lambda route: route.abort())
    scan(page, "RACK-A1-01", "CHAIR-3")
    expect(page.locator(".path")).to_contain_text("Not looked up yet")
    scan(page, "RACK-B2-02", "RACK-A1-01", "NOTHING", "RACK-B2-02")
    expect(done(page)).to_have_count(2)
    assert orders(database) == []
    page.unroute("**/api/v1/**")
    expect(page.get_by_role("alert")).to_have_text("Unknown code: NOTHING")
    expect(done(page).nth(1).get_by_role("button", name="Move back")).to_be_visible()
    assert [one[:5] for one in orders(database)] == [("Transfer", "CHAIR-3", 1, "RACK-A1-01", "RACK-B2-02")]
    database.verify()
