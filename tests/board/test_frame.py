"""The frame around every page: how it is served, and what the browser may do in it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.board.conftest import Visitor
from tests.conftest import Server

Visit = Callable[..., Visitor]


@pytest.mark.parametrize("path", ["/board", "/board/stock", "/board/products/1", "/board/anything/else"])
def test_every_address_is_the_same_page(shown: Server, path: str) -> None:
    first, answer = (shown.client().get(each) for each in ("/board", path))
    assert (answer.status_code, answer.text) == (200, first.text)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"


def test_the_policy_allows_the_service_s_own_files_alone(shown: Server) -> None:
    policy = shown.client().get("/board").headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy


def test_a_file_that_is_none_of_the_board_s_is_not_served(shown: Server) -> None:
    for name in ("README.md", "..%2Fsettings.py", "missing.js", "%2e%2e%2fapp.py"):
        answer = shown.client().get(f"/board/files/{name}")
        assert answer.status_code == 404
        assert answer.json() == {"detail": "Not Found", "code": "NOT_FOUND"}


def test_a_file_is_sent_again_only_when_it_has_changed(shown: Server) -> None:
    client = shown.client()
    answer = client.get("/board/files/board.css")
    assert answer.headers["content-encoding"] == "gzip"
    again = client.get("/board/files/board.css", headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304


def test_the_search_finds_as_one_types(shown: Server, visit: Visit) -> None:
    page = visit(shown).page
    page.goto("/board/stock")
    expect(page.locator("tbody tr")).to_have_count(6)
    page.keyboard.press("/")
    page.keyboard.type("lamp")
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator("tbody")).to_contain_text("Desk lamp, brass")
    expect(page).to_have_url(f"{shown.url}/board/stock?q=lamp")


@pytest.mark.parametrize(
    ("path", "heading"),
    [
        ("/locations/%E0%A4%A", "This page could not be loaded"),
        ("/locations/RACK%2DA1%2D01", "RACK-A1-01"),
        ("/locations/RACK-A1-01%2F", "There is no such page or thing"),
        ("?arrived=constructor", "Today"),
        ("/scan?mode=constructor", "Scan"),
        ("/scan?action=constructor", "Scan"),
    ],
)
def test_an_address_that_nobody_meant_breaks_no_page(shown: Server, visit: Visit, path: str, heading: str) -> None:
    page = visit(shown).page
    page.goto(f"/board{path}")
    expect(page.locator("h1")).to_have_text(heading)
