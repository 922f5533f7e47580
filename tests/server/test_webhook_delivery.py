"""Deliveries to a real receiver that checks signatures, fails, hangs, redirects, dies; and addresses that get none."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest
from aiohttp import web
from standardwebhooks import Webhook, WebhookVerificationError

from server.webhooks import sender as webhooks
from server.webhooks.addresses import is_public
from server.webhooks.sender import Sender, retry_after
from tests.conftest import PATIENCE, SECRET_KEY, Database
from tests.process import ROOT
from tests.server.conftest import calling, play, terminate, until

EVENT = "outflow.created"
LEASE = timedelta(seconds=60)


class Receiver:
    """An HTTP server on loopback. ``answer`` is what it does with a request; all requests are kept."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self.connections = 0
        self.answer: Callable[[web.Request], Any] = lambda _: web.Response(status=204)
        self.released = asyncio.Event()

    async def __aenter__(self) -> Receiver:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.port = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{self.port}/hooks?a=b"
        return self

    async def __aexit__(self, *_: object) -> None:
        self.released.set()
        await self._runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        self.requests.append((request.path_qs, dict(request.headers), await request.read()))
        answer = self.answer(request)
        return await answer if asyncio.iscoroutine(answer) else answer

    async def hang(self, _: web.Request) -> web.StreamResponse:
        """Until the test lets go."""
        await self.released.wait()
        return web.Response(status=204)

    def ids(self) -> list[str]:
        return [headers["webhook-id"] for _, headers, _ in self.requests]


def endpoint(database: Database, url: str) -> tuple[int, str]:
    """The id and the secret of a new endpoint."""
    return database.rows(f"select id, secret from inventory.create_webhook(%s, '{{{EVENT}}}')", url)[0]  # type: ignore[return-value]


def queue(database: Database, count: int = 1) -> None:
    database.one(
        "select inventory.queue_events(%s, array_agg(json_build_object('n', n, 'name', 'Käse')),"
        " array_agg(inventory.clock())) from generate_series(1, %s) as n",
        EVENT,
        count,
    )


@contextlib.asynccontextmanager
async def working(database: Database, **options: Any) -> AsyncIterator[Sender]:
    """A worker with a caller of its own that looks often."""
    options = {"poll_seconds": 0.02, "allow_private_addresses": True, **options}
    async with calling(options.pop("conninfo", database.conninfo), pool_size=4) as caller:
        worker = Sender(caller, **options)
        await worker.start()
        try:
            yield worker
        finally:
            await worker.stop()


def delivery(database: Database) -> tuple[Any, ...]:
    """(status, attempts, last_status, last_error) of the only delivery."""
    return database.rows("select status, attempts, last_status, last_error from store.webhook_delivery")[0]


def finished(database: Database) -> bool:
    """Whether no try is under way, and each delivery was tried."""
    return bool(database.one("select bool_and(leased_until is null and attempts > 0) from store.webhook_delivery"))


def verify(secret: str, request: tuple[str, dict[str, str], bytes]) -> Any:
    _, headers, body = request
    return Webhook(secret).verify(body, headers)


# What is sent


def test_a_delivery_is_signed_as_standard_webhooks_has_it(database: Database) -> None:
    async def scenario() -> None:
        async with Receiver() as receiver, working(database):
            _, secret = endpoint(database, receiver.url)
            queue(database)
            await until(lambda: delivery(database) == ("delivered", 1, 204, None))
            ((path, headers, body),) = receiver.requests
            assert path == "/hooks?a=b"
            assert headers["Content-Type"] == "application/json"
            assert headers["User-Agent"]
            assert headers["webhook-id"].startswith("msg_")
            assert "Cookie" not in headers
            message = verify(secret, receiver.requests[0])
            assert message.keys() == {"type", "timestamp", "data"}
            assert (message["type"], message["data"]) == (EVENT, {"n": 1, "name": "Käse"})
            assert body.decode() == database.one("select payload::text from store.event")
            with pytest.raises(WebhookVerificationError):
                verify("whsec_" + "A" * 43 + "=", receiver.requests[0])
            with pytest.raises(WebhookVerificationError):
                verify(secret, (path, headers, body + b" "))

    play(scenario())


def test_a_column_more_of_another_release_loses_no_delivery(database: Database) -> None:
    database.admin.execute(
        """
        alter function inventory.claim_deliveries(integer, integer, interval) rename to claim_before;
        create function inventory.claim_deliveries(integer, integer, interval)
        returns table (
            delivery_id bigint, attempt integer, url text, secrets text[], message_id text, payload text, more text
        )
        language sql security definer
        begin atomic select c.*, 'more' from inventory.claim_before($1, $2, $3) as c; end;
        grant execute on function inventory.claim_deliveries(integer, integer, interval) to inventory_worker;
        """
    )

    async def scenario() -> None:
        async with Receiver() as receiver, working(database):
            endpoint(database, receiver.url)
            queue(database)
            await until(lambda: delivery(database) == ("delivered", 1, 204, None))

    play(scenario())


def test_both_secrets_sign_during_an_overlap(database: Database) -> None:
    async def scenario() -> None:
        async with Receiver() as receiver, working(database):
            webhook, old = endpoint(database, receiver.url)
            new = database.one("select secret from inventory.rotate_webhook_secret(%s, 3600)", webhook)
            queue(database)
            await until(lambda: len(receiver.requests) == 1)
            assert verify(old, receiver.requests[0]) == verify(new, receiver.requests[0])
            newest = database.one("select secret from inventory.rotate_webhook_secret(%s)", webhook)
            queue(database)
            await until(lambda: len(receiver.requests) == 2)
            verify(newest, receiver.requests[1])
            for ended in (old, new):
                with pytest.raises(WebhookVerificationError):
                    verify(ended, receiver.requests[1])

    play(scenario())


# Receivers that do not take it


@pytest.mark.parametrize("status", [400, 404, 429, 500, 503])
def test_a_refusal_is_tried_again_with_the_same_id_and_a_new_time(database: Database, status: int) -> None:
    async def scenario() -> None:
        async with Receiver() as receiver, working(database):
            _, secret = endpoint(database, receiver.url)
            receiver.answer = lambda _: web.Response(status=status, text="no")
            queue(database)
            await until(lambda: finished(database))
            assert delivery(database) == ("failed", 1, status, f"The receiver answered {status}")
            receiver.answer = lambda _: web.Response()
            database.advance(timedelta(seconds=7))
            await until(lambda: delivery(database) == ("delivered", 2, 200, None))
            first, second = receiver.requests
            assert first[1]["webhook-id"] == second[1]["webhook-id"]
            assert verify(secret, first) == verify(secret, second)

    play(scenario())


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_retry_after_is_honoured(database: Database, form: str) -> None:
    async def scenario() -> None:
        async with Receiver() as receiver, working(database):
            endpoint(database, receiver.url)
            asked = (
                "3600" if form == "seconds" else format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
            )
            receiver.answer = lambda _: web.Response(status=429, headers={"Retry-After": asked})
            queue(database)
            await until(lambda: finished(database))
            wait = database.one("select next_attempt_at - inventory.clock() from store.webhook_delivery")
            assert timedelta(minutes=59) < wait <= timedelta(minutes=60, seconds=1)

    play(scenario())


def test_410_disables_the_endpoint(database: Database) -> None:
    async def scenario() -> None:
        async with Receiver() as receiver, working(database):
            endpoint(database, receiver.url)
            receiver.answer = lambda _: web.Response(status=410)
            queue(database)
            await until(lambda: finished(database))
            assert delivery(database)[:3] == ("failed", 1, 410)
            assert not database.one("select enabled from store.webhook")

    play(scenario())


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(database: Database, status: int) -> None:
    async def scenario() -> None:
        async with Receiver() as receiver, Receiver() as elsewhere, working(database):
            endpoint(database, receiver.url)
            receiver.answer = lambda _: web.Response(status=status, headers={"Location": elsewhere.url})
            queue(database)
            await until(lambda: finished(database))
            assert delivery(database)[:3] == ("failed", 1, status)
            assert (len(receiver.requests), elsewhere.requests) == (1, [])

    play(scenario())


def test_a_receiver_that_hangs_is_given_up(database: Database) -> None:
    async def scenario() -> None:
        async with Receiver() as receiver, working(database, timeout=0.2):
            endpoint(database, receiver.url)
            receiver.answer = receiver.hang
            queue(database)
            await until(lambda: finished(database))
            assert delivery(database) == ("failed", 1, None, "No answer within 0.2 seconds")
            receiver.answer = lambda _: web.Response()
            database.advance(timedelta(seconds=7))
            await until(lambda: delivery(database)[0] == "delivered")
            assert len(set(receiver.ids())) == 1

    play(scenario())


@pytest.mark.parametrize(
    "reply", [b"", b"HTTP/1.1 2", b"HTTP/1.1 200 OK\r\nContent-", b"nonsense\r\n\r\n", b"\x16\x03\x01"]
)
def test_a_receiver_that_dies_mid_way_loses_nothing(database: Database, reply: bytes) -> None:
    async def scenario() -> None:
        async def die(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(reply)
            writer.close()

        dying = await asyncio.start_server(die, "127.0.0.1", 0)
        port = dying.sockets[0].getsockname()[1]
        async with Receiver() as receiver, working(database):
            webhook, secret = endpoint(database, f"http://127.0.0.1:{port}/")
            queue(database)
            await until(lambda: finished(database))
            status, attempts, last_status, error = delivery(database)
            assert (status, attempts, last_status) == ("failed", 1, None)
            assert error
            database.one("select id from inventory.update_webhook(%s, %s)", webhook, receiver.url)
            database.advance(timedelta(seconds=7))
            await until(lambda: delivery(database)[0] == "delivered")
            assert verify(secret, receiver.requests[0])["data"]["n"] == 1
        dying.close()

    play(scenario())


def test_the_body_of_an_answer_is_not_waited_for(database: Database) -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):
            while True:
                await response.write(b"x" * 65536)
                await asyncio.sleep(0)
        return response

    async def scenario() -> None:
        async with Receiver() as receiver, working(database):
            endpoint(database, receiver.url)
            receiver.answer = endless
            queue(database)
            await until(lambda: delivery(database) == ("delivered", 1, 200, None))

    play(scenario())


def test_a_hanging_endpoint_holds_up_no_other(database: Database) -> None:
    async def scenario() -> None:
        async with Receiver() as hanging, Receiver() as receiver, working(database) as worker:
            hanging.answer = hanging.hang
            for _ in range(12):  # more than a process has tries for
                endpoint(database, hanging.url)
            queue(database, 20)
            await until(lambda: len(hanging.requests) == webhooks.AT_ONCE)
            endpoint(database, receiver.url)
            queue(database)
            assert receiver.requests == []
            hanging.released.set()
            await until(lambda: len(receiver.requests) == 1)
            assert worker is not None

    play(scenario())


# Addresses


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f.1",
        "0.0.0.0",
        "localhost",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::7f00:1]",
        "169.254.169.254",
        "[::ffff:169.254.169.254]",
        "10.0.0.1",
        "192.168.0.1",
        "172.16.0.1",
        "224.0.0.1",
    ],
)
def test_nothing_is_sent_to_an_address_that_is_not_public(database: Database, host: str) -> None:
    async def scenario() -> None:
        reached = []

        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            reached.append(writer)
            writer.close()

        listener = socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)
        server = await asyncio.start_server(accept, sock=listener)
        url = f"http://{host}:{listener.getsockname()[1]}/"
        async with working(database, allow_private_addresses=False) as sender:
            endpoint(database, url)
            queue(database)
            await until(lambda: finished(database))
        status, attempts, last_status, error = delivery(database)
        assert (status, attempts, last_status, reached) == ("failed", 1, None, [])
        # aiohttp itself refuses numbers that are no address in its usual form.
        is_usual = host not in ("127.1", "2130706433")
        assert ("is not a public address" in error) == is_usual, error
        assert sender.tries == {"forbidden" if is_usual else "failed": 1}
        server.close()

    play(scenario())


@pytest.mark.parametrize("addresses", [["127.0.0.1"], ["::1"], ["10.1.2.3", "127.0.0.1"]])
def test_a_name_is_judged_by_what_it_resolves_to(
    database: Database, monkeypatch: pytest.MonkeyPatch, addresses: list[str]
) -> None:
    def resolve(host: str, port: int, *_: Any) -> list[Any]:
        assert host == "shop.example"
        return [
            (socket.AF_INET6 if ":" in a else socket.AF_INET, socket.SOCK_STREAM, 6, "", (a, port)) for a in addresses
        ]

    async def scenario() -> None:
        async with Receiver() as receiver:
            monkeypatch.setattr(socket, "getaddrinfo", resolve)
            async with working(database, allow_private_addresses=False):
                endpoint(database, f"http://shop.example:{receiver.port}/")
                queue(database)
                await until(lambda: finished(database))
            assert receiver.requests == []
            assert "is not a public address" in delivery(database)[3]

    play(scenario())


def test_a_proxy_is_told_where_to_and_connects(database: Database) -> None:
    """It decides which addresses are reached; its own is not one that anybody could reach."""

    async def scenario() -> None:
        async with Receiver() as proxy, working(database, allow_private_addresses=False, proxy=proxy.url) as sender:
            _, secret = endpoint(database, "http://hooks.shop.example/in?a=b")
            queue(database)
            await until(lambda: finished(database))
            ((target, headers, body),) = proxy.requests
            assert (headers["Host"], target) == ("hooks.shop.example", "/in?a=b")
            assert verify(secret, (target, headers, body))
            assert sender.tries == {"delivered": 1}

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("address", "public"),
    [
        *(
            (a, True)
            for a in ("8.8.8.8", "1.1.1.1", "2606:4700::1111", "2a00::1", "::ffff:8.8.8.8", "64:ff9b::808:808")
        ),
        *((a, False) for a in ("0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "127.0.0.1", "127.255.255.254")),
        *((a, False) for a in ("169.254.169.254", "172.31.255.255", "192.0.0.1", "192.0.2.1", "192.88.99.1")),
        *((a, False) for a in ("192.168.1.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.1.1.1")),
        ("168.63.129.16", False),
        *((a, False) for a in ("240.0.0.1", "255.255.255.255", "::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1")),
        *((a, False) for a in ("::ffff:169.254.169.254", "::ffff:224.0.0.1", "::7f00:1", "::808:808", "fe80::1%eth0")),
        *((a, False) for a in ("fc00::1", "fd12::1", "fec0::1", "ff02::1", "ff0e::1", "2001::1", "2001:db8::1")),
        *(
            (a, False)
            for a in ("2002:7f00:1::", "2002:808:808::1", "64:ff9b::7f00:1", "64:ff9b::a00:1", "64:ff9b:1::1")
        ),
        *((a, False) for a in ("100::1", "3fff::1", "5f00::1", "4000::1")),
    ],
)
def test_what_is_public(address: str, public: bool) -> None:
    assert is_public(address) == public


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0),
        ("120", 120),
        (" 7 ", 7),
        ("9" * 30, 86400),
        ("Thu, 01 Jan 2026 00:01:00 GMT", 61),
        ("Thu, 01 Jan 2026 00:01:00", 61),
        ("Wed, 31 Dec 2025 00:00:00 GMT", 0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 86400),
        ("", None),
        ("-1", None),
        ("1.5", None),
        ("soon", None),
        ("٣", None),
        (None, None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str | None, seconds: int | None) -> None:
    asked = retry_after(value, datetime(2026, 1, 1, tzinfo=UTC))
    assert asked == (None if seconds is None else timedelta(seconds=seconds))


# Several processes, and processes that die


def test_two_workers_share_200_deliveries(database: Database) -> None:
    async def scenario() -> None:
        async with Receiver() as receiver, working(database), working(database):
            for _ in range(10):
                endpoint(database, receiver.url)
            queue(database, 20)
            await until(lambda: len(receiver.requests) >= 200 and finished(database))
            assert database.rows("select distinct status, attempts from store.webhook_delivery") == [("delivered", 1)]
            assert Counter(Counter(receiver.ids()).values()) == {10: 20}, "each event once for each endpoint"

    play(scenario())


def test_a_stop_while_changes_are_queued_claims_nothing(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        begun, released = asyncio.Event(), asyncio.Event()

        async def queue_slowly(_: Sender) -> bool:
            begun.set()
            await released.wait()
            return False

        monkeypatch.setattr(Sender, "_queue_stock_changes", queue_slowly)
        async with Receiver() as receiver, calling(database.conninfo) as caller:
            endpoint(database, receiver.url)
            queue(database, 1)
            worker = Sender(caller, poll_seconds=0.02, allow_private_addresses=True)
            await worker.start()
            await begun.wait()
            stopping = asyncio.create_task(worker.stop())
            await asyncio.sleep(0)
            released.set()
            await stopping
            assert database.rows("select status, attempts from store.webhook_delivery") == [("pending", 0)]

    play(scenario())


def test_a_stop_lets_tries_under_way_finish_and_claims_no_more(database: Database) -> None:
    async def scenario() -> None:
        async with Receiver() as receiver, calling(database.conninfo, pool_size=4) as caller:
            worker = Sender(caller, poll_seconds=0.02, allow_private_addresses=True)
            await worker.start()
            endpoint(database, receiver.url)
            receiver.answer = receiver.hang
            queue(database, 6)
            await until(lambda: len(receiver.requests) == 4)
            stopping = asyncio.create_task(worker.stop())
            await asyncio.sleep(0)
            receiver.released.set()
            await stopping
            assert database.rows("select status, count(*) from store.webhook_delivery group by 1 order by 1") == [
                ("delivered", 4),
                ("pending", 2),
            ]

    play(scenario())


def test_a_database_that_goes_away_is_waited_for(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        async with Receiver() as receiver, working(database):
            endpoint(database, receiver.url)
            name = database.admin.info.dbname
            with database.connect() as other:
                other.execute(f'alter database "{name}" connection limit 0')
                terminate(database)
                queue(database)
                await until(lambda: "cannot be claimed" in caplog.text)
                other.execute(f'alter database "{name}" connection limit -1')
            await until(lambda: delivery(database)[0] == "delivered")
            assert sum("cannot be claimed" in record.message for record in caplog.records) == 1

    play(scenario())


def test_a_report_outlives_an_outage_of_the_database(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    """What was delivered while the database was away is not delivered again."""
    limit = f'alter database "{database.admin.info.dbname}" connection limit'

    async def scenario() -> None:
        async with Receiver() as receiver:

            def take_away(_: web.Request) -> web.Response:
                database.admin.execute(f"{limit} 0".encode())
                terminate(database)
                return web.Response(status=204)

            receiver.answer = take_away
            endpoint(database, receiver.url)
            queue(database)
            async with working(database):
                await until(lambda: "cannot connect" in caplog.text)
                assert delivery(database)[0] == "pending"
                database.admin.execute(f"{limit} -1".encode())
                await until(lambda: delivery(database)[0] == "delivered")
                assert (delivery(database)[1], len(receiver.requests)) == (1, 1)

    play(scenario())


@contextlib.contextmanager
def server_process(database: Database, **environment: str) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """`python -m server` as a process of its own, ready."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    base = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    base |= {"ENV_FILE": str(ROOT / ".env.dev"), "DATABASE_URL": database.conninfo, "SECRET_KEY": SECRET_KEY}
    base |= {
        "HOST": "127.0.0.1",
        "PORT": port,
        "DATABASE_ROLE_PASSWORD": "",
        "WEBHOOK_POLL_SECONDS": "0.05",
        "RUN_JOBS": "never",
    }
    process = subprocess.Popen([sys.executable, "-m", "server"], cwd=ROOT, env=base | environment)
    url = f"http://127.0.0.1:{port}"

    def is_up() -> bool:
        assert process.poll() is None
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(f"{url}/health", timeout=PATIENCE).status_code == 200
        return False

    try:
        Database.wait_for(is_up)
        yield url, process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
        process.wait()


def test_a_server_that_is_killed_after_the_commit_loses_nothing(database: Database) -> None:
    """Killed before it looked; another server delivers."""
    product = database.product("A-1", 10)
    database.admin.execute("update store.stock set reorder_point = 5")

    async def scenario() -> None:
        async with Receiver() as receiver:
            secret = database.one("select secret from inventory.create_webhook(%s, '{stock.low}')", receiver.url)
            with server_process(database, WEBHOOK_POLL_SECONDS="1000") as (url, process):
                async with httpx.AsyncClient(base_url=url, timeout=PATIENCE, trust_env=False) as client:
                    path = f"/api/v1/inventory/{product}"
                    assert (await client.post(f"{path}/reserveStock", json={"amount": 6})).status_code == 204
                    assert (await client.post(f"{path}/consumeStock", json={"amount": 6})).status_code == 204
                os.kill(process.pid, signal.SIGKILL)
            assert receiver.requests == []
            async with working(database):
                await until(lambda: delivery(database)[0] == "delivered")
            (request,) = receiver.requests
            assert verify(secret, request)["data"]["quantity"] == 4

    play(scenario())


def test_a_server_that_is_killed_in_a_try_is_taken_over_when_its_lease_is_over(database: Database) -> None:
    async def scenario() -> None:
        async with Receiver() as receiver:
            endpoint(database, receiver.url)
            receiver.answer = receiver.hang
            queue(database)
            manager = server_process(database)
            _, process = await asyncio.to_thread(manager.__enter__)
            try:
                await until(lambda: receiver.requests)
                os.kill(process.pid, signal.SIGKILL)
            finally:
                await asyncio.to_thread(manager.__exit__, None, None, None)
            assert delivery(database)[:2] == ("pending", 1)
            receiver.answer = lambda _: web.Response()
            async with working(database):
                queue(database)
                # A look has been made, and left the first one alone.
                await until(lambda: database.one("select bool_or(status = 'delivered') from store.webhook_delivery"))
                assert len(receiver.requests) == len(set(receiver.ids())) == 2
                database.advance(LEASE)
                await until(lambda: len(receiver.requests) == 3)
                await until(lambda: finished(database))
            assert receiver.ids()[2] == receiver.ids()[0]
            assert database.rows("select status, attempts from store.webhook_delivery order by id") == [
                ("delivered", 2),
                ("delivered", 1),
            ]

    play(scenario())
