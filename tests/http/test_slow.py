"""Connections that send nothing, or too slowly."""

from __future__ import annotations

import contextlib
import json
import socket
import time
from collections.abc import Callable
from urllib.parse import urlsplit

import httpx
import pytest

from server.operation import lifecycle
from server.settings import Settings
from tests.conftest import Database, InThread, Server
from tests.server.conftest import held, waiting_backends

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


# Answers


def connections(server: Server) -> int:
    assert server._runner is not None
    assert server._runner.server is not None
    return len(server._runner.server.connections)


def test_a_client_that_does_not_read_its_answer_is_not_kept(start_server: Callable[..., Server]) -> None:
    server = start_server(request_seconds=0.3)
    url = urlsplit(server.url)
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect((url.hostname, url.port))
        connection.settimeout(30)
        asked = b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n"
        connection.sendall(asked * 40)  # more than the kernel keeps for it
        Database.wait_for(lambda: connections(server) == 1)
        Database.wait_for(lambda: connections(server) == 0)
        received = 0
        with contextlib.suppress(ConnectionError):
            while data := connection.recv(65536):
                received += len(data)
        assert received < 40 * 600_000


def test_a_client_that_reads_slowly_gets_all_of_its_answer(start_server: Callable[..., Server]) -> None:
    """It takes several times the time in which it must read something."""
    server = start_server(request_seconds=0.5)
    url = urlsplit(server.url)
    wanted = len(server.client().get("/openapi.json", headers={"Accept-Encoding": "identity"}).content)
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        connection.connect((url.hostname, url.port))
        connection.settimeout(30)
        asked = b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n"
        connection.sendall((asked + b"\r\n") * 9 + asked + b"Connection: close\r\n\r\n")
        received = 0
        while data := connection.recv(65536):
            received += len(data)
            time.sleep(0.02)
    assert received > 10 * wanted


def test_bytes_behind_a_request_do_not_end_its_answer(
    start_server: Callable[..., Server], database: Database, in_thread: type[InThread]
) -> None:
    product = database.product(quantity=5)
    database.be_patient()
    server = start_server(request_seconds=0.2)
    url = urlsplit(server.url)
    body = b'{"amount": 1}'
    head = f"POST /api/v1/inventory/{product}/addStock HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    with socket.create_connection((url.hostname, url.port), timeout=30) as connection:
        with held(database, product):
            connection.sendall(head.encode() + b"Content-Length: 13\r\n\r\n" + body)
            database.wait_for(lambda: waiting_backends(database))
            connection.sendall(b"\r\n")
            looked = in_thread(lambda: until_closed(server, b"G"))  # as long as a head may take
            assert looked.result() == b""
            assert until_closed(server, b"G") == b""
        assert connection.recv(65536).startswith(b"HTTP/1.1 204")


# Many


def test_at_the_cap_connections_that_wait_for_a_request_make_room(
    start_server: Callable[..., Server], database: Database, in_thread: type[InThread]
) -> None:
    """Two slow heads, an idle connection and one with a request under way fill the server. Who comes next is served."""
    product = database.product(quantity=5)
    database.be_patient()
    server = start_server(max_connections=4)
    url = urlsplit(server.url)
    with contextlib.ExitStack() as stack:
        idle = [stack.enter_context(socket.create_connection((url.hostname, url.port), timeout=30)) for _ in range(3)]
        for connection, sent in zip(idle, (b"G", WHOLE[:-2], WHOLE), strict=True):
            connection.sendall(sent)
        assert idle[2].recv(65536).startswith(b"HTTP/1.1 200")
        with held(database, product):
            path = f"{server.url}/api/v1/inventory/{product}/reserveStock"
            busy = in_thread(lambda: httpx.post(path, json={"amount": 1}, timeout=30).status_code)
            database.wait_for(lambda: waiting_backends(database))
            for _ in range(3):
                new = stack.enter_context(socket.create_connection((url.hostname, url.port), timeout=30))
                new.sendall(WHOLE)
                assert new.recv(65536).startswith(b"HTTP/1.1 200")
        assert busy.result() == 204
        assert [connection.recv(65536) for connection in idle] == [b""] * 3


def test_who_sends_requests_keeps_its_connection(start_server: Callable[..., Server]) -> None:
    server = start_server(max_connections=4)
    url = urlsplit(server.url)

    def connected(stack: contextlib.ExitStack) -> socket.socket:
        return stack.enter_context(socket.create_connection((url.hostname, url.port), timeout=30))

    with contextlib.ExitStack() as stack:
        oldest = connected(stack)
        for _ in range(20):
            oldest.sendall(WHOLE)
            assert oldest.recv(65536).startswith(b"HTTP/1.1 200")
            connected(stack).sendall(b"GET /")


def test_thousands_of_idle_connections_are_nobodys_trouble(start_server: Callable[..., Server]) -> None:
    """More than the cap: each is accepted, and the oldest are closed."""
    lifecycle.raise_descriptors()
    server = start_server(max_connections=1500)
    url = urlsplit(server.url)
    with contextlib.ExitStack() as stack:
        kept = []
        for number in range(3000):
            connection = stack.enter_context(socket.create_connection((url.hostname, url.port), timeout=30))
            if number % 10 == 0:
                connection.sendall(b"GET /health HTTP/1.1\r\n")  # the rest never comes
            kept.append(connection)
        assert httpx.get(f"{server.url}/health", timeout=5).status_code == 200
        assert kept[0].recv(1) == b""
        kept[-1].sendall(WHOLE)
        assert kept[-1].recv(65536).startswith(b"HTTP/1.1 200")
