"""Numbers change on the screen soon after the change, without a reload. Who does not look asks nothing."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Request, Route, expect

from tests.board.conftest import Visitor
from tests.board.warehouse import USERS
from tests.conftest import Database, Server

Visit = Callable[..., Visitor]

SOON = 6000  # milliseconds: before the page would look anyway. bench.board measures how soon it is
# An admin waits for the change feed, an operator looks again each second.
ROLES = pytest.mark.parametrize("username", ["olga", "ada"], ids=["operator", "admin"])
AVAILABLE = "select trim_scale(b.available) from store.balance as b join store.product as p on p.id = b.product_id"
MANY = """
select count((inventory.create_product(p_sku => 'P-' || n, p_name => 'Product ' || n || ', small', p_quantity => 5)).id)
from generate_series(2, 1000) as n
"""
CHANGE = "select (inventory.add_stock(id, 1)).id from store.product where id > %s and id <= %s order by id"
LONGEST_TASK = """
window.longestTask = 0;
new PerformanceObserver((list) => {
    for (const task of list.getEntries()) window.longestTask = Math.max(window.longestTask, task.duration);
}).observe({ type: "longtask" });
"""
# A clock that is put forward would end the request that waits for a change.
NO_TIMEOUT = "AbortSignal.timeout = () => new AbortController().signal"
FEED = "**/api/v1/changes/*"


@pytest.fixture
def shop(server: Server, database: Database) -> Server:
    """A shop with its users, and one product."""
    for name, role in USERS:
        database.one("select id from maintenance.create_user(%s, 'secret', %s)", name, role)
    database.product("LAMP-07", 6, p_name="Desk lamp")
    return server


def opened(visit: Visit, server: Server, username: str, path: str = "/stock", **options: Any) -> Visitor:
    """A visitor who has logged in, on a page that a reload would change."""
    visitor = visit(server, **options)
    visitor.page.goto(f"/board{path}")
    visitor.log_in(username)
    expect(visitor.page.locator("tbody tr").first).to_be_visible()
    visitor.page.evaluate("window.isTheSame = true")
    return visitor


def available(page: Page, name: str) -> Locator:
    return page.locator("tbody tr").filter(has_text=name).locator("td").nth(2)


def add(database: Database, sku: str, amount: int) -> None:
    query = "select a.id from store.product as p, inventory.add_stock(p.id, %s) as a where p.sku = %s"
    database.one(query, amount, sku)
    database.settle()  # transactions of other tests hold the change feed back


def asked(page: Page) -> list[tuple[float, str]]:
    """The requests from now on, with the time of each."""
    requests: list[tuple[float, str]] = []
    page.on("request", lambda request: requests.append((time.monotonic(), request.url)))
    return requests


@ROLES
def test_a_change_is_on_the_screen_soon(shop: Server, database: Database, visit: Visit, username: str) -> None:
    page = opened(visit, shop, username).page
    for amount in (1, 10, 100):
        add(database, "LAMP-07", amount)
        now = database.one(f"{AVAILABLE} where p.sku = 'LAMP-07'")
        expect(available(page, "Desk lamp")).to_have_text(f"{now} pc", timeout=SOON)
    # A product that is new; and a kit, of which only its part has changed.
    part, kit = database.product("PART", 7, p_name="A part"), database.product("KIT", p_name="A kit")
    database.settle()
    expect(available(page, "A part")).to_have_text("7 pc", timeout=SOON)
    lines = f"array[row('{database.sku_id(part)}', 2)::inventory.block_line]"
    database.rows(f"select inventory.set_kit_parts(%s, {lines}, 'ada')", kit)
    database.settle()
    expect(available(page, "A kit")).to_have_text("3 pc", timeout=SOON)
    add(database, "PART", 1)
    expect(available(page, "A kit")).to_have_text("4 pc", timeout=SOON)
    assert page.evaluate("window.isTheSame")
    database.verify()


@ROLES
def test_a_block_that_has_ended_holds_nothing_on_the_screen(
    shop: Server, database: Database, visit: Visit, username: str
) -> None:
    """The change feed does not tell it: no job has noted the end."""
    page = opened(visit, shop, username).page
    block = database.one("select id from inventory.create_block(1, 6)")
    database.settle()
    expect(available(page, "Desk lamp")).to_have_text("0 pc")
    database.one("select id from inventory.extend_block(%s, clock_timestamp() + interval '2 seconds')", block)
    database.settle()
    Database.wait_for(lambda: database.one("select available from store.balance") == 6)
    expect(available(page, "Desk lamp")).to_have_text("6 pc", timeout=SOON)


def test_a_change_of_what_is_not_shown_asks_nothing(shop: Server, database: Database, visit: Visit) -> None:
    """Where the change feed tells whose change it is. A kit changes with its parts, which are other products."""
    database.rows(MANY)
    visitor = visit(shop)
    page = visitor.page
    page.goto("/board/stock")
    requests = asked(page)
    visitor.log_in("ada")
    for _ in range(2):
        visitor.wait_for(lambda: [url for _, url in requests if "wait=" in url])
        looks = [url for _, url in requests if "/stock/" in url]
        requests.clear()
        add(database, "P-900", 1)
    assert looks == []  # from the first change until it waited for the next
    add(database, "P-2", 1)
    expect(available(page, "Product 2,")).to_have_text("6 pc", timeout=SOON)
    lines = f"array[row('{database.sku_id(900)}', 2)::inventory.block_line]"
    database.rows("select inventory.set_stock(3, 0)")
    database.rows(f"select inventory.set_kit_parts(3, {lines}, 'ada')")
    database.settle()
    expect(available(page, "Product 3,")).to_have_text("3 pc", timeout=SOON)
    add(database, "P-900", 2)
    expect(available(page, "Product 3,")).to_have_text("4 pc", timeout=SOON)


@ROLES
def test_a_thousand_products_change_while_one_watches(
    shop: Server, database: Database, visit: Visit, in_thread: Any, username: str
) -> None:
    """The page stays quick, also with many rows on it, and at the end it shows what the database has."""
    database.rows(MANY)
    visitor = opened(visit, shop, username)
    page = visitor.page
    for rows in (100, 150, 200):
        page.get_by_role("button", name="Show more").click()
        expect(page.locator("tbody tr")).to_have_count(rows)
    page.evaluate(LONGEST_TASK)
    changing = database.connect()
    is_over = threading.Event()

    def change() -> int:
        """Add to the products, ten in a transaction."""
        count = 0
        while not is_over.is_set():
            changing.execute(CHANGE, [count % 1000, count % 1000 + 10])
            count += 10
        return count

    thread = in_thread(change)
    try:
        first = available(page, "Product 2,")
        expect(first).not_to_have_text("5 pc")
        page.keyboard.press("/")
        page.keyboard.type("product 77", delay=20)
        expect(page.locator("#q")).to_have_value("product 77")
        expect(page.locator("tbody tr")).to_have_count(19)
        page.keyboard.press("ControlOrMeta+A")
        page.keyboard.press("Delete")
        expect(page.locator("tbody tr")).to_have_count(50)
        page.get_by_role("button", name="Show more").click()
        expect(page.locator("tbody tr")).to_have_count(100)
        database.wait_for(lambda: database.one("select min(available) from store.balance") > 6)
    finally:
        is_over.set()
    assert thread.result() >= 1000
    database.settle()
    now = [f"{number} pc" for (number,) in database.rows(f"{AVAILABLE} order by p.id limit 100")]
    expect(page.locator("tbody tr td:nth-child(3)")).to_have_text(now, timeout=SOON)
    assert page.evaluate("window.longestTask") < 1000
    assert page.evaluate("window.isTheSame")
    database.verify()


@ROLES
def test_a_hidden_page_asks_nothing_and_looks_at_once_when_it_is_seen(
    shop: Server, database: Database, visit: Visit, username: str
) -> None:
    watching = opened(visit, shop, username).page
    page = opened(visit, shop, username).page
    hide(page, True)
    page.wait_for_load_state("networkidle")
    requests = asked(page)
    for amount in (1, 2):
        add(database, "LAMP-07", amount)
        now = database.one(f"{AVAILABLE} where p.sku = 'LAMP-07'")
        expect(available(watching, "Desk lamp")).to_have_text(f"{now} pc", timeout=SOON)
    assert requests == []
    hide(page, False)
    expect(available(page, "Desk lamp")).to_have_text(f"{now} pc", timeout=SOON)


@ROLES
def test_a_lost_connection_is_told_and_comes_back(
    shop: Server, database: Database, visit: Visit, username: str
) -> None:
    visitor = opened(visit, shop, username)
    page, banner = visitor.page, visitor.page.locator("#offline")
    expect(banner).to_be_hidden()
    visitor.context.set_offline(True)
    expect(banner).to_contain_text("No connection. The numbers are of ")
    expect(banner).to_contain_text(page.evaluate("new Intl.DateTimeFormat('en-GB', {timeStyle: 'short'}).format()")[:3])
    expect(available(page, "Desk lamp")).to_have_text("6 pc")  # what was seen stays
    add(database, "LAMP-07", 5)
    visitor.context.set_offline(False)
    expect(available(page, "Desk lamp")).to_have_text("11 pc", timeout=SOON)
    expect(banner).to_be_hidden()
    assert page.evaluate("window.isTheSame")


REFUSALS = {
    "restored": (422, {}, {"detail": "after is later", "error": {"code": "VALIDATION_ERROR"}}),
    "forbidden": (403, {}, {"detail": "no", "error": {"code": "PERMISSION_DENIED"}}),
    "limited": (429, {"Retry-After": "2"}, {"detail": "wait", "error": {"code": "RATE_LIMITED"}}),
    "busy": (503, {}, {"detail": "wait", "error": {"code": "SERVICE_UNAVAILABLE"}}),
}


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_feed_that_refuses_is_not_asked_again_and_again(
    shop: Server, database: Database, visit: Visit, refusal: str
) -> None:
    status, headers, body = REFUSALS[refusal]
    visitor = visit(shop)
    page = visitor.page
    page.goto("/board/stock")
    refused: list[float] = []

    def refuse(route: Route) -> None:
        if refusal == "restored" and "latest" in route.request.url:
            route.continue_()
        else:
            refused.append(time.monotonic())
            route.fulfill(status=status, headers=headers, json=body)

    page.route(FEED, refuse)
    visitor.log_in("ada")
    expect(available(page, "Desk lamp")).to_have_text("6 pc")
    if refusal != "forbidden":
        visitor.wait_for(lambda: len(refused) > 1)
    if refusal in ("restored", "forbidden"):
        # The page looks without it.
        add(database, "LAMP-07", 5)
        expect(available(page, "Desk lamp")).to_have_text("11 pc", timeout=2 * SOON)
    else:
        expect(page.locator("#offline")).to_contain_text("The service is too busy")
    steps = [later - earlier for earlier, later in itertools.pairwise(refused)]
    assert min(steps, default=2) >= (1.9 if refusal == "limited" else 0.9)
    page.unroute(FEED)
    add(database, "LAMP-07", 20)
    expect(available(page, "Desk lamp")).to_have_text(
        "31 pc" if refusal in ("restored", "forbidden") else "26 pc", timeout=10_000
    )
    expect(page.locator("#offline")).to_be_hidden()


@ROLES
def test_a_page_that_is_missing_is_not_asked_for_again_and_again(
    shop: Server, database: Database, visit: Visit, username: str
) -> None:
    """Before something changes. Who is told of no change looks after a minute."""
    visitor = visit(shop)
    page = visitor.page
    page.clock.install()
    page.add_init_script(NO_TIMEOUT)
    sent: list[Request] = []
    ended: list[Request] = []
    waiting: list[Request] = []  # for the next change
    page.on("request", lambda request: "/stock/2/" in request.url and sent.append(request))
    page.on("request", lambda request: "wait=" in request.url and waiting.append(request))
    for event in ("requestfinished", "requestfailed"):
        page.on(event, lambda request: ended.extend([request]))

    def wait(seconds: int) -> None:
        for _ in range(seconds):
            page.clock.run_for(1000)
            visitor.wait_for(lambda: set(sent) <= set(ended))

    page.goto("/board/products/2")
    visitor.log_in(username)
    expect(page.locator("h1")).to_have_text("There is no such page or thing")
    if username == "ada":
        visitor.wait_for(lambda: waiting)
    wait(3)
    sent.clear()
    wait(40)
    assert sent == []
    database.product("NEW", 6, p_name="A new one")
    database.settle()
    if username == "olga":
        wait(30)
    expect(page.locator("h1")).to_have_text("A new one")


def test_a_page_that_was_missing_is_there_after_the_connection_was_lost(
    shop: Server, database: Database, visit: Visit
) -> None:
    """What changed while nothing was told is not known: the page is asked for again."""
    visitor = visit(shop)
    page = visitor.page
    lost: list[Route] = []

    def lose(route: Route) -> None:
        lost.append(route)
        route.abort()

    page.route(FEED, lose)
    page.goto("/board/products/2")
    visitor.log_in("ada")
    expect(page.locator("h1")).to_have_text("There is no such page or thing")
    visitor.wait_for(lambda: lost)
    database.product("NEW", 6, p_name="A new one")
    page.unroute(FEED)
    expect(page.locator("h1")).to_have_text("A new one", timeout=10_000)


def test_one_look_at_a_time(shop: Server, visit: Visit) -> None:
    """While an answer is late, nothing else asks for the same; and the loop goes on behind a look that failed."""
    visitor = visit(shop)
    page = visitor.page
    page.goto("/board/stock")
    expect(page.locator("tbody tr").first).to_be_visible()
    held = visitor.hold("**/api/v1/stock/*")
    visitor.wait_for(lambda: held)
    expect(page.locator("#offline")).to_contain_text(
        "No connection", timeout=10_000
    )  # it is told that the look is late
    assert len(held) == 1
    held[0].abort()
    visitor.wait_for(lambda: len(held) == 2)
    held[1].continue_()
    page.unroute("**/api/v1/stock/*")
    expect(page.locator("#offline")).to_be_hidden()


def test_a_log_in_and_a_log_out_switch_the_way_of_looking(shop: Server, visit: Visit) -> None:
    visitor = visit(shop)
    page = visitor.page
    page.goto("/board/stock")
    requests = asked(page)
    visitor.log_in("ada")
    visitor.wait_for(lambda: any("wait=" in url for _, url in requests))
    page.locator(".menu > summary").click()
    page.get_by_role("button", name="Log out").click()
    expect(page.locator(".menu > summary")).to_have_text("Not logged in")
    requests.clear()
    visitor.wait_for(lambda: len(requests) >= 3)
    assert [url for _, url in requests if "changes" in url] == []


def test_a_log_out_without_a_connection_is_one(shop: Server, visit: Visit) -> None:
    visitor = opened(visit, shop, "ada")
    page = visitor.page
    visitor.context.set_offline(True)
    page.locator("#who summary").click()
    page.get_by_role("button", name="Log out").click()
    expect(page.locator("#who summary")).to_have_text("Not logged in")
    expect(page.locator("tbody tr")).to_have_count(0)
    visitor.context.set_offline(False)
    expect(page.locator("tbody tr")).not_to_have_count(0)
    expect(page.locator("#who summary")).to_have_text("Not logged in")


def test_the_server_s_clock_is_learned_from_many_answers(shop: Server, visit: Visit) -> None:
    """The header Date has whole seconds. A countdown must neither jump by one nor be one off."""
    page = visit(shop).page
    page.goto("/board/stock")
    ahead = page.evaluate(
        """async (steps) => {
            const { serverNow, setServerTime } = await import("/board/files/texts.js?another");
            const ahead = [];
            for (const [local, server] of steps) {
                Date.now = () => local;
                setServerTime(new Date(server).toUTCString(), local - 20);
                ahead.push(serverNow() - local);
            }
            return ahead;
        }""",
        # 20 answers of a server that is 5.3 seconds ahead, then one after its clock was set back by a minute.
        [[1e12 + 370 * n, 1e12 + 370 * n + 5300] for n in range(20)] + [[1e12 + 8000, 1e12 - 46_000]],
    )
    assert all(abs(each - 5300) <= 510 for each in ahead[:20])
    assert abs(ahead[19] - 5300) <= 50
    assert abs(ahead[20] + 54_000) <= 510


def hide(page: Page, is_hidden: bool) -> None:
    page.evaluate(
        """(isHidden) => {
            Object.defineProperty(document, "hidden", { configurable: true, value: isHidden });
            document.dispatchEvent(new Event("visibilitychange"));
        }""",
        is_hidden,
    )
