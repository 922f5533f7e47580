"""A headless Chromium in front of the real server, over databases that are filled like a small warehouse.

A page that logs an error, breaks its Content-Security-Policy, or gets an answer of 500 fails its test.
INVENTORY_PICTURES names a folder: the tests put a picture of each page, theme and size there, for a person to look at.
"""

from __future__ import annotations

import os
import shutil
from collections import deque
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Response, Route, expect, sync_playwright

from tests.board.warehouse import fill
from tests.conftest import Database, Server, new_database

PICTURES = os.environ.get("INVENTORY_PICTURES")
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
SIZES = {"phone": (320, 640), "tablet": (820, 1180), "desk": (1440, 900), "wall": (2560, 1440)}
THEMES = ("light", "dark")
LOCALE, ZONE = "en-GB", "Europe/Berlin"
# Expected of a refused change, and of a server that is gone; what a page must not do is an exception.
EXPECTED = ("Failed to load resource",)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """The browser of this worker. Playwright keeps an event loop, which must end before tests that want their own."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    assert program, "no Chromium: make test installs it"
    expect.set_options(timeout=8000)  # milliseconds: less than the 10 s after which a page looks anyway
    with sync_playwright() as playwright:
        # The tests' own server is all that it visits.
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


class Visitor:
    """Somebody with a browser: the pages of one context, and what went wrong in them."""

    def __init__(self, browser: Browser, server: Server, size: str, options: dict[str, Any]) -> None:
        width, height = SIZES[size]
        self.server = server
        self.faults: list[str] = []
        self.seen: deque[str] = deque(maxlen=30)  # the latest of its network, printed where the test fails
        self.context: BrowserContext = browser.new_context(
            base_url=server.url,
            viewport={"width": width, "height": height},
            **{"locale": LOCALE, "timezone_id": ZONE, "reduced_motion": "reduce"} | options,
        )
        self.context.set_default_timeout(15_000)
        self.page = self.new_page()

    def new_page(self) -> Page:
        page = self.context.new_page()
        page.on("pageerror", lambda error: self.faults.append(f"exception: {error}"))
        page.on("console", lambda message: self._said(message.type, message.text))
        page.on("request", lambda request: self._note("asks", request.url))
        page.on("requestfailed", lambda request: self._note(f"has no answer ({request.failure}):", request.url))
        page.on("response", self._answered)
        return page

    def _note(self, what: str, url: str) -> None:
        self.seen.append(f"{datetime.now(UTC):%H:%M:%S.%f} {what} {url}")

    def _said(self, kind: str, text: str) -> None:
        if kind in ("error", "warning") and not text.startswith(EXPECTED):
            self.faults.append(f"console: {text}")

    def _answered(self, response: Response) -> None:
        self._note(str(response.status), response.url)
        if response.status == 500:
            self.faults.append(f"500: {response.url}")

    def log_in(self, username: str, password: str = "secret") -> None:
        """Log in by the form. The page is the one that was open."""
        self.page.locator("#who summary").click()
        self.page.get_by_role("button", name="Log in").click()
        self.page.get_by_label("User name").fill(username)
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("dialog").get_by_role("button", name="Log in").click()
        self.page.locator("#who summary").get_by_text(username).wait_for(state="attached")
        # The page is shown anew: a click on what stood there before would be lost.
        self.page.locator("main:not([aria-busy])").wait_for(state="attached")

    def look(self) -> None:
        """Let the page look now: transactions of other tests hold the change feed back, which test_live.py tests."""
        self.page.evaluate("dispatchEvent(new Event('online'))")

    def hold(self, addresses: str) -> list[Route]:
        """Hold back the requests to these addresses. The list grows with them; the test answers them."""
        held: list[Route] = []

        def keep(route: Route) -> None:
            held.append(route)

        self.page.route(addresses, keep)
        return held

    def wait_for(self, condition: Callable[[], Any]) -> None:
        """Return when the condition holds; it changes with what the page does."""

        def holds() -> Any:
            self.page.evaluate("0")  # lets Playwright tell what has happened
            return condition()

        Database.wait_for(holds)

    def picture(self, name: str) -> None:
        """A picture of the whole page, where somebody wants pictures."""
        if PICTURES:
            Path(PICTURES).mkdir(parents=True, exist_ok=True)
            self.page.screenshot(path=Path(PICTURES) / f"{name}.png", full_page=True)


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., Visitor]]:
    """visit(server, size="desk", **options of a browser's context): a new visitor."""
    visitors: list[Visitor] = []

    def visit(server: Server, size: str = "desk", **options: Any) -> Visitor:
        visitors.append(Visitor(browser, server, size, options))
        return visitors[-1]

    yield visit
    for visitor in visitors:
        visitor.context.close()
        print(*visitor.seen, sep="\n")
    assert [fault for visitor in visitors for fault in visitor.faults] == []


@pytest.fixture(scope="session")
def shown(template_database: str) -> Iterator[Server]:
    """A server over a filled warehouse that no test may change."""
    with new_database(template_database) as conninfo:
        database = Database(conninfo)
        fill(database)
        database.close()
        server = Server(conninfo)
        yield server
        server.close()


@pytest.fixture(scope="session")
def products(shown: Server) -> dict[str, int]:
    """The ids of the products of ``shown`` by their SKU."""
    found = shown.client().get("/api/v1/inventory", params={"limit": 1000}).json()
    return {each["sku"]: each["id"] for each in found}


@pytest.fixture
def warehouse(database: Database) -> Iterator[Server]:
    """A server over a filled warehouse of the test's own: ``database``."""
    fill(database)
    server = Server(database.conninfo)
    yield server
    server.close()
