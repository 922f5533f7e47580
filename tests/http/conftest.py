"""Servers whose every answer is held to the OpenAPI document, and one shared by the tests that change nothing."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from tests.conftest import TABLES, Database, Server, new_database
from tests.http.document import Document, exact
from tests.http.samples import fill

_documents: list[Document] = []


class CheckedServer(Server):
    """A server whose clients fail on an answer that the OpenAPI document does not describe."""

    def client(self, token: str | None = None) -> httpx.Client:
        client = super().client(token)
        client.event_hooks = {"response": [self._check]}
        return client

    def _check(self, response: httpx.Response) -> None:
        if not _documents:
            _documents.append(Document(exact(super().client().get("/openapi.json").text)))
        _documents[0].check(response)


@pytest.fixture
def start_server(database: Database) -> Iterator[Callable[..., Server]]:
    """start_server(**settings): a server over the test's database."""
    servers: list[Server] = []

    def start(**settings: Any) -> Server:
        servers.append(CheckedServer(database.conninfo, **settings))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def contents(database: Database) -> dict[str, str]:
    """A digest of each table's rows."""
    tables = database.rows(TABLES)
    digests = ", ".join(
        f"(select md5(coalesce(string_agg(t::text, e'\\n' order by t::text), '')) from store.\"{name}\" as t)"
        for (name,) in tables
    )
    return dict(zip((name for (name,) in tables), database.rows(f"select {digests}")[0], strict=True))


@contextlib.contextmanager
def _unchanged(database: Database) -> Iterator[None]:
    before = contents(database)
    yield
    assert contents(database) == before


@pytest.fixture
def unchanged(database: Database) -> Callable[[], contextlib.AbstractContextManager[None]]:
    """with unchanged(): fail where the block changes any row of any table."""
    return functools.partial(_unchanged, database)


class Shared:
    """Servers over a database with a world (see samples) that no test may change."""

    def __init__(self, conninfo: str) -> None:
        self.database = Database(conninfo)
        self.world = fill(self.database)
        self.server = CheckedServer(conninfo)
        self.client = self.server.client()
        self.tokens = {role: self.server.token(role, "secret") for role in ("operator", "employee", "integration")}
        self.tokens["admin"] = self.server.token("root", "secret")
        self.admin = self.server.client(self.tokens["admin"])
        # As .env.prod has it.
        self.public_server = CheckedServer(conninfo, anonymous_role="inventory_public")
        self.public = self.public_server.client()
        self._contents = contents(self.database)

    def path(self, template: str) -> str:
        """The path with its parameters filled in."""
        return self.world.path(template)

    def assert_unchanged(self) -> None:
        """Fail where a row of any table has changed since the last look."""
        before, self._contents = self._contents, contents(self.database)
        assert self._contents == before

    def close(self) -> None:
        self.server.close()
        self.public_server.close()
        self.database.close()


@pytest.fixture(scope="session")
def session_shared(template_database: str) -> Iterator[Shared]:
    with new_database(template_database) as conninfo:
        shared = Shared(conninfo)
        yield shared
        shared.close()


@pytest.fixture
def shared(session_shared: Shared) -> Iterator[Shared]:
    """A server and a database that the test may not change: it fails where it does."""
    with session_shared.server.passing_clients(), session_shared.public_server.passing_clients():
        yield session_shared
    session_shared.assert_unchanged()


def send(client: httpx.Client, method: str, path: str, body: str | bytes, **headers: str) -> httpx.Response:
    """Send the body as it stands, as JSON."""
    return client.request(method, path, content=body, headers={"Content-Type": "application/json"} | headers)


@pytest.fixture
def admin(server: Server, database: Database) -> httpx.Client:
    """A client that may call every route."""
    database.one("select id from maintenance.create_user('root', 'secret', 'admin')")
    return server.client(server.token("root", "secret"))
