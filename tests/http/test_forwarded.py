"""Where a request came from and what it was sent to: page links and limits, behind a proxy and not."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import urlsplit

import httpx
import pytest
from aiohttp import web
from multidict import CIMultiDict

from server.http.forwarded import addresses
from tests.conftest import PATIENCE, Server
from tests.http.conftest import Shared

Header = tuple[str, str] | tuple[bytes, bytes]

PAGES = "/api/v1/users/?page_size=1&page=2"
READ = "/api/v1/inventory"
FORWARDED: list[Header] = [
    ("Host", "10.0.0.5:8000"),
    ("X-Forwarded-For", "203.0.113.9"),
    ("X-Forwarded-Proto", "https"),
    ("X-Forwarded-Host", "shop.example"),
    ("X-Forwarded-Port", "8443"),
]
GARBAGE = [
    "",
    ",",
    ", ,",
    "x y",
    "::",
    "[",
    "[]",
    "]:[",
    "a,b,,",
    "http://x/",
    "x:99999999",
    "x:0",
    "-1",
    "1.2.3",
    "%",
]
GARBAGE += [
    "\N{EURO SIGN}",
    "x" * 5000,
    "a\tb",
    "'; drop table store.product --",
    "999.1.1.1",
    "fe80::1%eth0",
    "x/../y",
]


@pytest.fixture(scope="module")
def trusting(session_shared: Shared) -> Iterator[Server]:
    """A server behind a proxy."""
    server = type(session_shared.server)(session_shared.database.conninfo, trust_proxy=True)
    yield server
    server.close()


def base(client: httpx.Client, headers: list[Header], path: str = PAGES) -> str:
    """What the links to the pages before and after begin with."""
    answer = client.get(path, headers=cast(Any, headers))
    assert answer.status_code == 200, answer.text
    body = answer.json()
    found = {"://".join(urlsplit(body[link])[:2]) for link in ("next", "previous")}
    assert len(found) == 1
    for link, page in (("next", "3"), ("previous", "1")):
        assert urlsplit(body[link]).path == urlsplit(path).path
        assert f"page={page}" in body[link] or page == "1"
        assert "page_size=1" in body[link]
    return found.pop()


# Links


def test_links_have_the_host(shared: Shared) -> None:
    assert base(shared.admin, []) == shared.server.url
    assert base(shared.admin, [("Host", "shop.example:8080")]) == "http://shop.example:8080"


def test_a_proxy_that_is_not_trusted_is_not_heard(shared: Shared) -> None:
    assert base(shared.admin, FORWARDED) == "http://10.0.0.5:8000"


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, "http://inner:1"),
        ({"Proto": "https"}, "https://inner:1"),
        ({"Proto": "HTTPS"}, "https://inner:1"),
        ({"Host": "shop.example"}, "http://shop.example"),
        ({"Host": "shop.example:8080", "Port": "99"}, "http://shop.example:8080"),
        ({"Host": "shop.example", "Port": "8080"}, "http://shop.example:8080"),
        ({"Host": "shop.example", "Port": "80"}, "http://shop.example"),
        ({"Host": "shop.example", "Port": "443"}, "http://shop.example:443"),
        ({"Host": "shop.example", "Port": "443", "Proto": "https"}, "https://shop.example"),
        ({"Host": "[2001:db8::1]", "Port": "81"}, "http://[2001:db8::1]:81"),
        ({"Host": "[2001:db8::1]:82", "Port": "81"}, "http://[2001:db8::1]:82"),
        ({"Host": "spoofed.example, shop.example", "Proto": "http, https"}, "https://shop.example"),
        ({"Host": "shop.example", "Port": "1, 2"}, "http://shop.example:2"),
        ({"Port": "8443", "Proto": "https"}, "https://inner:1"),
        # What is none of its kind is as if it were not there.
        ({"Proto": "gopher"}, "http://inner:1"),
        ({"Proto": "https, javascript"}, "http://inner:1"),
        ({"Host": "shop.example/evil"}, "http://inner:1"),
        ({"Host": "user@shop.example"}, "http://inner:1"),
        ({"Host": "shop.example:99999"}, "http://inner:1"),
        ({"Host": "shop.example:0"}, "http://inner:1"),
        ({"Host": "shop.example", "Port": "99999"}, "http://shop.example"),
        ({"Host": "shop.example", "Port": "0"}, "http://shop.example"),
        ({"Host": "shop.example", "Port": "http"}, "http://shop.example"),
    ],
)
def test_a_proxy_that_is_trusted(trusting: Server, shared: Shared, headers: dict[str, str], expected: str) -> None:
    client = trusting.client(shared.tokens["admin"])
    sent: list[Header] = [("Host", "inner:1"), *((f"X-Forwarded-{name}", value) for name, value in headers.items())]
    assert base(client, sent) == expected


def test_of_several_lines_the_last_counts(trusting: Server, shared: Shared) -> None:
    client = trusting.client(shared.tokens["admin"])
    lines: list[Header] = [("X-Forwarded-Host", "spoofed.example"), ("X-Forwarded-Host", "shop.example")]
    assert base(client, lines) == "http://shop.example"


def test_links_without_the_slash_and_with_other_parameters(trusting: Server, shared: Shared) -> None:
    client = trusting.client(shared.tokens["admin"])
    path = f"{PAGES.replace('/?', '?')}&role=operator&x=a%26b"
    assert base(client, FORWARDED, path) == "https://shop.example:8443"
    assert "x=a%26b" in client.get(path).json()["next"]


@pytest.mark.parametrize("garbage", GARBAGE)
def test_garbage_is_no_fault_of_ours(trusting: Server, shared: Shared, garbage: str) -> None:
    for server in (trusting, shared.server):
        client = server.client(shared.tokens["admin"])
        for name in ("For", "Proto", "Host", "Port"):
            headers = [(b"Host", b"inner"), (f"X-Forwarded-{name}".encode(), garbage.encode())]
            assert client.get(PAGES, headers=cast(Any, headers)).status_code in (200, 400)
        headers = [(b"Host", garbage.encode())]
        assert client.get(PAGES, headers=cast(Any, headers)).status_code in (200, 400)


@pytest.mark.parametrize("raw", [b"\xff", b"a\xffb", b"\xc3\x28", b"\xed\xa0\x80"])
def test_bytes_that_are_no_text_are_no_fault_of_ours(trusting: Server, shared: Shared, raw: bytes) -> None:
    for server in (trusting, shared.server):
        client = server.client(shared.tokens["admin"])
        for name in (b"Host", b"X-Forwarded-For", b"X-Forwarded-Proto", b"X-Forwarded-Host", b"X-Forwarded-Port"):
            others = [] if name == b"Host" else [(b"Host", b"inner")]
            assert client.get(PAGES, headers=cast(Any, [*others, (name, raw)])).status_code in (200, 400)


def test_a_target_that_is_a_whole_url_keeps_the_port_of_the_host(shared: Shared) -> None:
    url = urlsplit(shared.server.url)
    head = f"GET http://shop.example:8080{PAGES} HTTP/1.1\r\nHost: shop.example:8080\r\nConnection: close\r\n"
    with socket.create_connection((url.hostname, url.port), timeout=PATIENCE) as connection:
        connection.sendall(f"{head}Authorization: Bearer {shared.tokens['admin']}\r\n\r\n".encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert b'"http://shop.example:8080/api/v1/users/?page_size=1&page=3"' in answer


# Addresses


def client_of(remote: str | None, *forwarded: str, trusts_proxy: bool = True) -> str:
    headers = CIMultiDict([("X-Forwarded-For", line) for line in forwarded])
    request = SimpleNamespace(scheme="http", host="x", remote=remote, headers=headers)
    return addresses(cast(web.Request, request), trusts_proxy=trusts_proxy).client


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("203.0.113.9:1234", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::", "2001:db8:1:2::/64"),
        ("[2001:db8:1:2::1]", "2001:db8:1:2::/64"),
        ("[2001:db8:1:2::1]:443", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("198.51.100.1, 203.0.113.9", "203.0.113.9"),
        ("198.51.100.1,,203.0.113.9 ", "203.0.113.9"),
        # None of these is an address: the proxy's own.
        ("203.0.113.9,", "10.0.0.5"),
        ("203.0.113.9, unknown", "10.0.0.5"),
        ("_hidden", "10.0.0.5"),
        ("203.0.113", "10.0.0.5"),
        ("203.0.113.999", "10.0.0.5"),
        ("", "10.0.0.5"),
    ],
)
def test_the_address_of_a_client(text: str, expected: str) -> None:
    assert client_of("10.0.0.5", text) == expected
    assert client_of("10.0.0.5", "198.51.100.1", text) == expected
    assert client_of("10.0.0.5", text, trusts_proxy=False) == "10.0.0.5"
    assert client_of("2001:db8::1", text, trusts_proxy=False) == "2001:db8::/64"


@pytest.mark.parametrize("remote", [None, "", "/run/socket"])
def test_a_connection_without_an_address_has_one_name(remote: str | None) -> None:
    assert client_of(remote) == "unknown"
    assert client_of(remote, "203.0.113.9") == "203.0.113.9"


def forwarded(*entries: str) -> dict[str, str]:
    return {"X-Forwarded-For": ", ".join(entries)}


def test_limits_count_by_the_last_forwarded_address(start_server: Callable[..., Server]) -> None:
    client = start_server(rate_limit_read="1/minute", rate_limit_authentication="1/minute", trust_proxy=True).client()

    def statuses(*clients: dict[str, str]) -> list[int]:
        return [client.get(READ, headers=headers).status_code for headers in clients]

    assert statuses(forwarded("203.0.113.1"), forwarded("203.0.113.2"), forwarded("203.0.113.1")) == [200, 200, 429]
    # What a client writes before it changes nothing.
    assert statuses(forwarded("198.51.100.7", "203.0.113.1"), forwarded("203.0.113.1", "203.0.113.3")) == [429, 200]
    assert statuses(forwarded("2001:db8::1"), forwarded("2001:db8::2"), forwarded("2001:db8:0:1::1")) == [200, 429, 200]
    assert statuses(forwarded("nobody"), {}, forwarded("nobody else")) == [200, 429, 429]
    tokens = [
        client.post("/api/v1/authentication/token/", json={}, headers=forwarded(a)) for a in ("1.1.1.1", "1.1.1.2")
    ]
    assert [answer.status_code for answer in tokens] == [400, 400]


def test_an_address_that_nobody_vouches_for_counts_for_nothing(start_server: Callable[..., Server]) -> None:
    client = start_server(rate_limit_read="1/minute").client()
    found = [client.get(READ, headers=forwarded(f"203.0.113.{i}")).status_code for i in range(3)]
    assert found == [200, 429, 429]
