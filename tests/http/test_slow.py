"""Connections that send nothing, or too slowly."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest

from server.settings import Settings
from tests.conftest import Database, Server

POST = b"POST /sku HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
WHOLE = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"


def until_closed(server: Server, *parts: bytes) -> bytes:
    """What comes until the server closes the connection."""
    url = urlsplit(server.url)
    with socket.create_connection((url.hostname, url.port), timeout=30) as connection:
        answer = b""
        for part in parts:
            connection.sendall(part)
            if part.endswith(WHOLE):
                answer += connection.recv(65536)
        while data := connection.recv(65536):
            answer += data
    return answer


def test_the_times_are_75_and_30_seconds() -> None:
    settings = Settings(_env_file=None)
    assert (settings.keep_alive_seconds, settings.request_seconds) == (75, 30)


@pytest.mark.parametrize("parts", [(b"",), (WHOLE,), (WHOLE, WHOLE)])
def test_an_idle_connection_is_closed(start_server: Callable[..., Server], parts: tuple[bytes, ...]) -> None:
    answer = until_closed(start_server(keep_alive_seconds=0.2), *parts)
    assert answer.count(b"200 OK") == parts.count(WHOLE)


@pytest.mark.parametrize("parts", [(b"G",), (WHOLE[:-2],), (WHOLE, b"POST"), (WHOLE + WHOLE, WHOLE[:20])])
def test_a_head_that_does_not_arrive_is_not_waited_for(
    start_server: Callable[..., Server], parts: tuple[bytes, ...]
) -> None:
    answer = until_closed(start_server(request_seconds=0.2), *parts)
    assert answer.count(b"200 OK") == b"".join(parts).count(WHOLE)


@pytest.mark.parametrize(
    "parts",
    [
        (POST + b"Content-Length: 50\r\n\r\n{",),
        (POST, b"Content-Length: 50\r\n\r\n"),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",),
        (WHOLE, POST + b"Content-Length: 50\r\n\r\n", b"{"),
    ],
)
def test_a_body_that_does_not_arrive_is_408(
    start_server: Callable[..., Server], database: Database, parts: tuple[bytes, ...]
) -> None:
    before = database.counts()
    answer = until_closed(start_server(request_seconds=0.2), *parts)
    head, _, body = answer[answer.index(b"HTTP/1.1 408") :].partition(b"\r\n\r\n")
    assert b"connection: close" in head.lower()
    assert json.loads(body)["code"] == "REQUEST_TIMEOUT"
    assert database.counts() == before


def test_a_request_that_arrives_in_parts_is_answered(start_server: Callable[..., Server]) -> None:
    server = start_server(request_seconds=20, keep_alive_seconds=0.2)
    answer = until_closed(server, WHOLE[:5], WHOLE[5:20], WHOLE[20:], POST + b"Content-Length: 2\r\n\r\n{", b"}")
    assert (answer.count(b"HTTP/1.1 200"), answer.count(b"HTTP/1.1 422")) == (1, 1)
