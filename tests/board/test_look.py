"""Every page in both themes and all sizes: accessible, nothing cut off; and the words of both languages."""

from __future__ import annotations

import importlib.resources
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from server.http.board import FOLDER
from tests.board.conftest import SIZES, THEMES, Visitor
from tests.conftest import Server

Visit = Callable[..., Visitor]

PAGES = {
    "today": "",
    "stock": "/stock",
    "product": "/products/{chair}",
    "blocks": "/blocks",
    "locations": "/locations",
    "location": "/locations/RACK-A1-01",
    "scan": "/scan",
    "missing": "/nothing/here",
}
AXE = importlib.resources.files("axe_playwright_python").joinpath("axe.min.js").read_text()
LANGUAGES = {path.stem: json.loads(path.read_text()) for path in FOLDER.glob("??.json")}
SCRIPTS = {path.name: path.read_text() for path in FOLDER.glob("*.js")}


def opened(page: Page, path: str) -> None:
    """Open a page, and wait until it shows what it has."""
    page.goto(f"/board{path}")
    expect(page.locator("main h1")).to_have_count(1)
    expect(page.locator("main[aria-busy]")).to_have_count(0)


@pytest.mark.parametrize("role", ["operator", "admin"])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_for_everyone(shown: Server, visit: Visit, products: dict[str, int], name: str, role: str) -> None:
    """The checks of axe-core hold in both themes, and nothing needs scrolling sideways at any width."""
    visitor = visit(shown)
    page = visitor.page
    opened(page, PAGES[name].format(chair=products["CHAIR-3"]))
    if role == "admin":
        visitor.log_in("ada")
        expect(page.locator("main[aria-busy]")).to_have_count(0)
    for theme in THEMES:
        page.emulate_media(color_scheme=theme)
        for size, (width, height) in SIZES.items():
            page.set_viewport_size({"width": width, "height": height})
            at = f"{name}-{role}-{theme}-{size}"
            visitor.picture(at)
            assert page.evaluate("document.scrollingElement.scrollWidth <= innerWidth"), f"{at} scrolls sideways"
            if size in ("phone", "desk"):
                assert _wrong(page) == [], at


def _wrong(page: Page) -> list[Any]:
    """What axe-core finds: the rule, and where."""
    page.evaluate(AXE)
    found = page.evaluate("axe.run({resultTypes: ['violations']})")
    return [(each["id"], [node["html"] for node in each["nodes"]]) for each in found["violations"]]


def test_every_page_is_reached_by_keyboard(shown: Server, visit: Visit) -> None:
    page = visit(shown).page
    opened(page, "/stock")
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_text("Skip to the content")
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    page.keyboard.press("Tab")
    reached = [page.locator(":focus").text_content()]
    for _ in range(8):
        page.keyboard.press("Tab")
        reached.append(page.locator(":focus").text_content())
    assert "Enamel mug, white" in reached
    page.get_by_role("link", name="Desk lamp, brass").focus()
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_contain_text("Desk lamp, brass")
    page.go_back()
    expect(page.locator("h1")).to_have_text("Stock")


def test_the_theme_and_the_language_are_the_device_s_or_chosen(shown: Server, visit: Visit) -> None:
    visitor = visit(shown, locale="de-DE", color_scheme="dark")
    page = visitor.page
    opened(page, "/stock")
    expect(page.locator("h1")).to_have_text("Bestand")
    expect(page.locator("html")).to_have_attribute("lang", "de")
    expect(page.locator("tbody")).to_contain_text("250,5")
    ground = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(ground)
    page.locator(".menu > summary").click()
    page.get_by_label("Farben").select_option("light")
    assert page.evaluate(ground) != dark
    page.get_by_label("Sprache").select_option("en")
    expect(page.locator("h1")).to_have_text("Stock")
    page.reload()
    expect(page.locator("h1")).to_have_text("Stock")
    assert page.evaluate(ground) != dark


def test_the_numbers_of_a_list_fit_a_phone(shown: Server, visit: Visit) -> None:
    page = visit(shown, "phone", locale="de-DE").page
    for path in ("/stock", "/blocks", "/locations"):
        opened(page, path)
        wide = "cell => cell.getBoundingClientRect().right > cell.closest('.card').getBoundingClientRect().right"
        cells = page.locator("td:visible, td:visible > div")
        assert [cell.text_content() for cell in cells.all() if cell.evaluate(wide)] == []


# Words


def test_the_languages_have_the_same_texts() -> None:
    """The same keys, with the same values in them."""
    english, german = LANGUAGES["en"], LANGUAGES["de"]
    assert list(english) == list(german)
    for key, text in english.items():
        assert type(german[key]) is type(text), key
        assert _values(german[key]) == _values(text), key


def _values(text: str | dict[str, str]) -> set[str]:
    forms = [text] if isinstance(text, str) else text.values()
    return {value for form in forms for value in re.findall(r"\{(\w+)\}", form)}


def test_every_text_is_used_and_every_used_text_is_there() -> None:
    """A key stands whole in the scripts, or begins as a template there: `error.${code}`."""
    source = "\n".join(SCRIPTS.values())
    whole = set(re.findall(r'["\'`]([a-z]+(?:[._][\w.]+)+)["\'`]', source))
    begun = tuple(set(re.findall(r"`([a-z]+(?:\.\w+)*\.)\$\{", source)))
    texts = LANGUAGES["en"]
    called = set(re.findall(r'\bt\(\s*"([^"]+)"', source))
    assert called - texts.keys() == set()
    assert [key for key in texts if key not in whole and not key.startswith(begun)] == []


def test_no_file_is_large() -> None:
    assert [path.name for path in FOLDER.iterdir() if path.stat().st_size > 200_000] == []
