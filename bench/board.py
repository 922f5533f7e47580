"""How long the first view of the board takes in a cold browser, and a search while one types, with a million products.

    python -m bench.board            loads the data into a temporary cluster, as bench.lists does
    python -m bench.board DIRECTORY  keeps the cluster in that directory, and uses its data the next time

Each view is a new browser context: nothing is cached, no connection is open. The first contentful paint, and when the
page's heading is there, count from the start of the navigation, as the browser says. A search counts from the last key
to the answer.
"""

from __future__ import annotations

import contextlib
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

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
        server = Server(stack.enter_context(loaded(directory)))
        stack.callback(server.close)
        playwright = stack.enter_context(sync_playwright())
        program = next(filter(None, map(shutil.which, PROGRAMS)))
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        _views(browser, server.url)
        _searches(browser, server.url)
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


def _figures(times: list[float]) -> str:
    times = sorted(times)
    return f"p50 {statistics.median(times):.0f} ms, p95 {times[int(0.95 * (len(times) - 1))]:.0f} ms"


if __name__ == "__main__":
    main()
