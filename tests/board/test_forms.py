"""What a person does with a product: each change is made once, whatever happens to the network."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.board.conftest import THEMES, Visitor
from tests.board.test_look import AXE
from tests.conftest import Database, Server

Visit = Callable[..., Visitor]
OpenProduct = Callable[..., Page]

NEWEST = (
    "select m.kind, greatest(abs(m.on_hand_after - m.on_hand_before), abs(m.reserved_after - m.reserved_before),"
    " m.blocked_after - m.blocked_before), m.actor, p.name"
    " from store.movement as m inner join store.product as p on m.product_id = p.id"
    " order by m.created_at desc, m.id desc limit 1"
)
KEYS = "select count(*) from store.idempotency_key"
UNKNOWN = "No answer came. It is sent again by itself, and cannot be done twice."


@pytest.fixture
def open_product(warehouse: Server, database: Database, visit: Visit) -> OpenProduct:
    """open_product(sku, user): the page of a product, in a user's browser."""

    def open_product(sku: str, user: str | None = None, **options: Any) -> Page:
        visitor = visit(warehouse, **options)
        visitor.page.goto(f"/board/products/{product_id(database, sku)}")
        if user:
            visitor.log_in(user)
        return visitor.page

    return open_product


def product_id(database: Database, sku: str) -> int:
    return int(database.one("select id from store.product where sku = %s", sku))


def count(database: Database, sku: str, kind: str) -> int:
    """How many movements of a kind a product has."""
    query = "select count(*) from store.movement where product_id = %s and kind = %s"
    return int(database.one(query, product_id(database, sku), kind))


def open_form(page: Page, action: str) -> Locator:
    """The form of an action, by its button or out of the menu."""
    page.get_by_role("heading", level=1).wait_for()
    button = page.get_by_role("main").get_by_role("button", name=action, exact=True)
    if not button.is_visible():
        page.get_by_role("main").get_by_text("More", exact=True).click()
    button.click()
    return page.get_by_role("dialog")


def fill(form: Locator, values: dict[str, str]) -> None:
    for label, value in values.items():
        field = form.get_by_label(re.compile(rf"^{label}( optional)?$"))
        if field.evaluate("field => field.tagName") == "SELECT":
            field.select_option(label=value)
        else:
            field.fill(value)


def submit(form: Locator) -> None:
    form.locator("[type=submit]").click()


def told(page: Page, text: str) -> None:
    """The form is closed, and this was said."""
    expect(page.locator("#notes")).to_contain_text(text)
    expect(page.get_by_role("dialog")).to_have_count(0)


def problem(form: Locator, text: str) -> None:
    expect(form.get_by_role("alert")).to_have_text(text)


ACTIONS = [
    # The action, on what product, what the form says there is, what is typed, what is said then, the newest movement.
    (
        "Block",
        "Rice, loose",
        "250.5 pc available",
        {"Quantity": "1.5"},
        "1.5 pc of Rice, loose are blocked until",
        "block",
    ),
    ("Sell", "Rice, loose", "249 pc available", {"Quantity": "2"}, "Sold: 2 pc of Rice, loose at 2.95 each.", "sale"),
    ("Add", "Rice, loose", "248.5 pc on hand", {"Quantity": "0.125"}, "Added: 0.125 pc of Rice, loose.", "add"),
    ("Release", "Folding chair", "10 pc reserved", {"Quantity": "4"}, "Available again: 4 pc of", "release"),
    ("Consume", "Folding chair", "6 pc reserved", {"Quantity": "6"}, "Consumed: 6 pc of Folding chair.", "consume"),
    ("Reserve", "Folding chair", "79 pc available", {"Quantity": "79"}, "Reserved: 79 pc of Folding chair.", "reserve"),
    (
        "Purchase",
        "Green tea",
        "pc on hand",
        {"Quantity": "1,000", "Cost per unit": "3.456", "Supplier": "North Wholesale"},
        "Purchased: 1,000 pc of Green tea, 100 g at 3.456 each.",
        "purchase",
    ),
]


def test_each_action_says_what_there_is_and_what_was_done(warehouse: Server, database: Database, visit: Visit) -> None:
    visitor = visit(warehouse)
    page = visitor.page
    page.goto("/board/stock")
    visitor.log_in("ada")
    for action, name, before, values, after, kind in ACTIONS:
        page.get_by_role("link", name="Stock").click()
        page.get_by_role("link", name=name).click()
        form = open_form(page, action)
        expect(form).to_contain_text(before)
        visitor.picture(f"form-{kind}")
        fill(form, values)
        submit(form)
        told(page, after)
        newest = database.rows(NEWEST)
        assert newest[0][:3] == (kind, Decimal(values["Quantity"].replace(",", "")), "ada")
        assert name in newest[0][3]
    sale = database.rows("select quantity, unit_price from store.sale order by created_at desc limit 1")
    assert sale == [(Decimal("2"), Decimal("2.95"))]
    purchase = database.rows("select quantity, unit_cost from store.purchase order by created_at desc limit 1")
    assert purchase == [(Decimal("1000"), Decimal("3.456"))]
    assert database.one(KEYS) == len(ACTIONS)
    database.verify()


def test_after_a_price_with_an_end_the_one_before_applies_again(open_product: OpenProduct, database: Database) -> None:
    page = open_product("TEA-100", "ada")
    form = open_form(page, "Set a price")
    expect(form).to_contain_text("The retail price is 6.40.")
    fill(form, {"Price": "5.00", "To": "2020-01-01T10:00"})
    submit(form)
    expect(form.get_by_label("To optional")).to_have_accessible_description(
        re.compile("^Please give a time in the future. After this time")
    )
    fill(form, {"To": "2040-01-01T10:00"})  # in Berlin
    submit(form)
    told(page, "The price of Green tea, 100 g is 5.00 from")
    price_at = "select amount from inventory.price_at(%s, 'retail', %s)"
    tea = product_id(database, "TEA-100")
    assert database.one(price_at, tea, "2040-01-01 08:59:59Z") == 5
    assert database.one(price_at, tea, "2040-01-01 09:00Z") == Decimal("6.4")

    form = open_form(page, "Set a price")
    fill(form, {"Price": "7", "Type of price": "Promotion"})
    submit(form)
    told(page, "is 7.00 from")
    assert database.one("select amount from inventory.price_at(%s, 'promo', inventory.clock())", tea) == 7
    database.verify()


def test_a_refusal_says_what_there_is_and_keeps_what_was_typed(open_product: OpenProduct, database: Database) -> None:
    page = open_product("LAMP-07", "ada")
    form = open_form(page, "Sell")
    before = database.counts()
    quantity = form.get_by_label("Quantity")
    for typed, error in (
        ("", "Please fill this in."),
        ("two", "Please give a number."),
        ("0", "Please give a number above 0."),
        ("1.2345", "This number is too long. It may have 3 decimals."),
    ):
        quantity.fill(typed)
        submit(form)
        expect(quantity).to_have_accessible_description(error)
        expect(quantity).to_be_focused()
    assert database.counts() == before

    quantity.fill("10")
    submit(form)
    problem(form, "That is too many: 6 pc available.")
    expect(quantity).to_have_value("10")
    assert count(database, "LAMP-07", "sale") == 0
    quantity.fill("6")
    submit(form)
    told(page, "Sold: 6 pc")
    assert count(database, "LAMP-07", "sale") == 1
    database.verify()


def test_a_form_is_for_everyone(shown: Server, visit: Visit, products: dict[str, int]) -> None:
    visitor = visit(shown, "phone", locale="de-DE")
    page = visitor.page
    page.goto(f"/board/products/{products['CHAIR-3']}")
    form = open_form(page, "Sperren")
    expect(form).to_have_accessible_name("Folding chair sperren")
    expect(form).to_have_accessible_description(re.compile("^75 pc verfügbar"))
    submit(form)
    expect(form.get_by_label("Menge")).to_have_accessible_description("Bitte füllen Sie das aus.")
    for theme in THEMES:
        page.emulate_media(color_scheme=theme)
        visitor.picture(f"form-phone-{theme}")
        page.evaluate(AXE)
        assert page.evaluate("axe.run('dialog').then((found) => found.violations)") == []
    assert form.evaluate("(dialog) => dialog.scrollWidth - dialog.clientWidth") == 0
    form.get_by_label("Menge").fill("76,5")
    submit(form)
    problem(form, "Das ist zu viel: 75 pc verfügbar.")
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Sperren")).to_be_focused()


def test_an_operator_sees_what_operators_may(open_product: OpenProduct) -> None:
    page = open_product("CHAIR-3")
    page.get_by_role("main").get_by_text("More", exact=True).click()
    expect(page.get_by_role("main").get_by_role("button")).to_have_text(
        ["Block", "Add", "Reserve", "Release", "Consume"]
    )


def test_a_double_click_makes_one_change(open_product: OpenProduct, database: Database) -> None:
    page = open_product("MUG-01")
    form = open_form(page, "Add")
    fill(form, {"Quantity": "3"})
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    form.locator("[type=submit]").dblclick()
    told(page, "Added: 3 pc")
    assert len(sent) == 1
    assert count(database, "MUG-01", "add") == 2  # one is the warehouse's
    database.verify()


def lost(route: Route) -> None:
    """The service makes the change, and its answer is lost."""
    route.fetch()
    route.abort()


def unknown(route: Route) -> None:
    """The service makes the change, and does not know it."""
    route.fetch()
    route.fulfill(status=503, json={"detail": "", "code": "OUTCOME_UNKNOWN"})


def never(route: Route) -> None:
    """The request does not arrive."""
    route.abort()


def running(route: Route) -> None:
    """The first request is still running."""
    route.fetch()
    route.fulfill(status=409, json={"detail": "", "code": "IDEMPOTENCY_KEY_IN_USE"})


def silent(route: Route) -> None:
    """The service makes the change, and no answer comes."""
    route.fetch()


def busy_after_all(route: Route) -> None:
    """The answer of the second request, which says nothing of the first."""
    route.fulfill(status=503, json={"detail": "", "code": "SERVICE_UNAVAILABLE"})


def answer(page: Page, *answers: Callable[[Route], None]) -> None:
    """Answer the next requests that add units in these ways, and let the later ones pass."""
    coming = iter(answers)

    def handle(route: Route) -> None:
        next(coming, Route.continue_)(route)

    page.unroute("**/addStock")
    page.route("**/addStock", handle)


def test_without_an_answer_a_change_is_sent_again_and_made_once(open_product: OpenProduct, database: Database) -> None:
    page = open_product("MUG-01")
    page.clock.install()
    for number, answers in enumerate(([lost], [unknown], [never], [running], [lost, never, busy_after_all, lost]), 1):
        answer(page, *answers)
        form = open_form(page, "Add")
        fill(form, {"Quantity": "3"})
        submit(form)
        for _ in answers:
            problem(form, UNKNOWN)
            expect(form.get_by_role("button", name="Send again", exact=True)).to_be_visible()
            expect(form.get_by_label("Quantity")).not_to_be_editable()
            with page.expect_request("**/addStock"):
                page.clock.fast_forward(3000)
        told(page, "Added: 3 pc of Enamel mug, white.")
        assert count(database, "MUG-01", "add") == 1 + number
        page.clock.fast_forward(10_000)  # no note is left
    database.verify()


def test_after_a_reload_the_same_user_sends_it_again(
    warehouse: Server, database: Database, open_product: OpenProduct, visit: Visit
) -> None:
    visitor = visit(warehouse)
    page = visitor.page
    page.goto(f"/board/products/{product_id(database, 'MUG-01')}")
    visitor.log_in("emil")
    answer(page, silent)
    form = open_form(page, "Add")
    fill(form, {"Quantity": "3"})
    with page.expect_request("**/addStock"):
        submit(form)
    database.wait_for(lambda: count(database, "MUG-01", "add") == 2)
    kept = page.evaluate("Object.entries(sessionStorage)")
    page.reload()  # which also ends the log-in
    # As it was while the request ran: a tab that crashes does not write down that no answer came.
    page.evaluate("(kept) => kept.forEach((each) => sessionStorage.setItem(...each))", kept)
    page.reload()

    banner = page.get_by_role("button", name="No answer yet: Add Enamel mug, white. Send again")
    for other in (None, "olga"):
        if other:
            visitor.log_in(other)
        banner.click()
        problem(form, "emil has sent this, and no answer came. Only emil can send it again.")
        expect(form.get_by_label("Quantity")).to_have_value("3")
        expect(form.get_by_label("Quantity")).not_to_be_editable()
        form.get_by_role("button", name="Later").click()
    refused = "import('/board/files/api.js').then((api) => api.send('POST', '/sku', {}, 'key', 'emil'))"
    assert page.evaluate(f"{refused}.catch((error) => error.status)") == 401
    assert database.one(KEYS) == 1

    banner.click()
    form.get_by_role("button", name="Log in").click()
    log_in = page.get_by_role("dialog", name="Log in")
    expect(log_in.get_by_label("User name")).to_have_value("emil")
    log_in.get_by_label("Password").fill("wrong")
    submit(log_in)
    problem(log_in, "This name and password do not match.")
    assert "wrong" not in page.evaluate("JSON.stringify([{...sessionStorage}, {...localStorage}])")
    log_in.get_by_label("Password").fill("secret")
    submit(log_in)
    told(page, "Done: Add Enamel mug, white.")
    expect(banner).to_have_count(0)
    assert count(database, "MUG-01", "add") == 2
    assert database.one(KEYS) == 1
    database.verify()


def test_a_log_in_that_ends_meanwhile_loses_nothing(open_product: OpenProduct, database: Database) -> None:
    page = open_product("MUG-01", "ada")
    form = open_form(page, "Sell")
    fill(form, {"Quantity": "2", "Price per unit": "11.1"})
    over = {"status": 401, "json": {"detail": "", "code": "TOKEN_NOT_VALID"}}
    page.route("**/token/refresh/", lambda route: route.fulfill(**over))
    page.route("**/inventory/sales", lambda route: route.fulfill(**over), times=1)
    submit(form)
    problem(form, "Your log-in has ended. Nothing was changed. Please log in, then send it again.")
    expect(form.get_by_label("Quantity")).to_have_value("2")
    form.get_by_role("button", name="Log in").click()
    log_in = page.get_by_role("dialog", name="Log in")
    log_in.get_by_label("Password").fill("secret")
    submit(log_in)
    expect(log_in).to_have_count(0)
    expect(form.locator("[type=submit]")).to_be_focused()
    page.keyboard.press("Enter")
    told(page, "Sold: 2 pc of Enamel mug, white at 11.10 each.")
    assert count(database, "MUG-01", "sale") == 15
    database.verify()


def test_what_was_typed_stays_without_a_network_and_after_escape(open_product: OpenProduct, database: Database) -> None:
    page = open_product("MUG-01")
    form = open_form(page, "Block")
    page.context.set_offline(True)
    fill(form, {"Quantity": "2", "Reason": "For the window"})
    page.keyboard.press("Escape")
    expect(form).to_have_count(0)
    form = open_form(page, "Block")
    expect(form.get_by_label("Reason")).to_have_value("For the window")
    submit(form)
    problem(form, UNKNOWN)
    page.context.set_offline(False)  # which the browser tells the page
    told(page, "2 pc of Enamel mug, white are blocked until")
    assert database.rows("select quantity from store.block where reason = 'For the window'") == [(Decimal("2"),)]

    form = open_form(page, "Block")
    expect(form.get_by_label("Reason")).to_have_value("")
    fill(form, {"Reason": "Never mind"})
    form.get_by_role("button", name="Cancel").click()
    form = open_form(page, "Block")
    expect(form.get_by_label("Reason")).to_have_value("")
    database.verify()


def test_what_the_service_may_have_forgotten_is_not_sent_again(open_product: OpenProduct, database: Database) -> None:
    page = open_product("MUG-01")
    page.clock.install()
    answer(page, lost, *[never] * 100)
    form = open_form(page, "Add")
    fill(form, {"Quantity": "3"})
    submit(form)
    problem(form, UNKNOWN)
    page.keyboard.press("Escape")
    page.unroute("**/addStock")
    page.clock.fast_forward("23:30:00")
    page.get_by_role("button", name="No answer yet: Add Enamel mug, white. Send again").click()
    problem(form, "This was sent long ago, and it cannot be sent again safely. Please look whether it was done.")
    expect(form.get_by_role("button")).to_have_text(["Do not send again", "Later"])
    form.get_by_role("button", name="Do not send again").click()
    expect(page.locator("#offline")).to_be_hidden()
    assert count(database, "MUG-01", "add") == 2


def test_the_first_purchase_asks_for_the_first_supplier(server: Server, database: Database, visit: Visit) -> None:
    product = database.product("A-1", p_name="Vase")
    database.one("select id from maintenance.create_user('ada', 'secret', 'admin')")
    visitor = visit(server)
    page = visitor.page
    page.goto(f"/board/products/{product}")
    visitor.log_in("ada")
    form = open_form(page, "Purchase")
    expect(form).to_contain_text("A purchase names its supplier, and there is none yet.")
    fill(form, {"Name": "Potter's yard", "Telephone": "+49 30 1"})
    submit(form)
    expect(form.get_by_role("heading")).to_have_text("Purchase Vase")
    fill(form, {"Quantity": "4", "Cost per unit": "2.5"})
    submit(form)
    told(page, "Purchased: 4 pc of Vase at 2.50 each.")
    bought = "select s.name, p.quantity from store.purchase as p inner join store.supplier as s on p.supplier_id = s.id"
    assert database.rows(bought) == [("Potter's yard", Decimal("4"))]
    database.verify()


@pytest.mark.parametrize(
    ("locale", "typed", "number"),
    [
        ("de-DE", "1.250,5", "1250.5"),
        ("de-DE", "1.250", "1250"),
        ("de-DE", "0.125", "0.125"),
        ("de-DE", "0,125", "0.125"),
        ("en-GB", "1,250.5", "1250.5"),
        ("en-GB", "0,125", None),
    ],
)
def test_a_number_is_read_as_its_writer_means_it(
    shown: Server, visit: Visit, locale: str, typed: str, number: str | None
) -> None:
    page = visit(shown, locale=locale).page
    page.goto("/board/stock")
    expect(page.locator("tbody tr")).to_have_count(6)
    read = "async (text) => (await import('/board/files/texts.js')).typedNumber(text) ?? null"
    assert page.evaluate(read, typed) == number
