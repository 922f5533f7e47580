"""How long the first view of the board takes in a cold browser, and a search while one types, with a million products.

    python -m bench.board            loads the data into a temporary cluster, as bench.lists does
    python -m bench.board DIRECTORY  keeps the cluster in that directory, and uses its data the next time

Each view is a new browser context: nothing is cached, no connection is open. The first contentful paint, and when the
page's heading is there, count from the start of the navigation, as the browser says. A search counts from the last key
to the answer, a change of stock in SQL from its commit until the number is on the screen, for an operator, whose page
looks again each second, and an admin, whose page waits for the change feed.
"""

from __future__ import annotations

import contextlib
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

import psycopg
from playwright.sync_api import Browser, expect, sync_playwright

from bench.lists import loaded
from tests.board.conftest import PROGRAMS
from tests.conftest import Server

VIEWS = 20
WORDS = ("o", "oak", "oak wool", "sku-06543", "quartz", "zxq")

PAINT = "performance.getEntriesByName('first-contentful-paint')[0].startTime"


def main() -> None:
    with contextlib.ExitStack() as stack:
        directory = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(stack.enter_context(tempfile.TemporaryDirectory()))
        directory.chmod(0o755)
        conninfo = stack.enter_context(loaded(directory))
        server = Server(conninfo)
        stack.callback(server.close)
        playwright = stack.enter_context(sync_playwright())
        program = next(filter(None, map(shutil.which, PROGRAMS)))
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        _views(browser, server.url)
        _searches(browser, server.url)
        with psycopg.connect(conninfo, autocommit=True) as connection:
            for role in ("operator", "admin"):
                _changes(browser, server.url, connection, role)
        browser.close()


def _views(browser: Browser, url: str) -> None:
    for path in ("", "/stock"):
        paints, ready = [], []
        for _ in range(VIEWS):
            context = browser.new_context()
            page = context.new_page()
            page.goto(f"{url}/board{path}")
            page.locator("main h1").wait_for()
            ready.append(page.evaluate("performance.now()"))
            paints.append(page.evaluate(PAINT))
            context.close()
        print(f"/board{path}: first paint {_figures(paints)}, page there {_figures(ready)}")


def _searches(browser: Browser, url: str) -> None:
    page = browser.new_page()
    page.goto(f"{url}/board/stock")
    page.locator("tbody tr").first.wait_for()
    for word in WORDS:
        times = []
        for _ in range(VIEWS):
            page.locator("#q").fill("")
            page.wait_for_url("**/board/stock")
            with page.expect_response(lambda answer: "q=" in answer.url):
                start = time.perf_counter()
                page.locator("#q").fill(word)
            times.append(1000 * (time.perf_counter() - start))
        print(f"search {word!r}: {_figures(times)}")


def _changes(browser: Browser, url: str, connection: psycopg.Connection, role: str) -> None:
    with contextlib.suppress(psycopg.Error):  # the directory is from an earlier run
        connection.execute("select maintenance.create_user(%s, 'a long password', %s)", [role, role])
    page = browser.new_page()
    page.goto(f"{url}/board/stock?q=sku-0000002")
    page.locator("#who summary").click()
    page.get_by_role("button", name="Log in").click()
    page.get_by_label("User name").fill(role)
    page.get_by_label("Password").fill("a long password")
    page.get_by_role("dialog").get_by_role("button", name="Log in").click()
    page.locator("#who summary").get_by_text(role).wait_for(state="attached")
    times = []
    for _ in range(VIEWS):
        number = page.locator("tbody tr").first.locator("td.number").first
        before = number.text_content()
        connection.execute("select inventory.add_stock(2, 1)")
        start = time.perf_counter()
        expect(number).not_to_have_text(before or "")
        times.append(1000 * (time.perf_counter() - start))
    print(f"a change on the screen of an {role}: {_figures(times)}")
    page.close()


def _figures(times: list[float]) -> str:
    times = sorted(times)
    return f"p50 {statistics.median(times):.0f} ms, p95 {times[int(0.95 * (len(times) - 1))]:.0f} ms"


if __name__ == "__main__":
    main()
