"""GET /api/v1/changes: pages, waiting, and who may read it."""

from __future__ import annotations

import httpx
import pytest

from tests.conftest import Database, InThread, Server

PATH = "/api/v1/changes"
# Whether a reader has looked for changes since an instant.
LOOKED = """
select coalesce(max(a.query_start) > %s, false) from pg_stat_activity as a
where a.usename = 'inventory_integration' and a.datname = current_database() and a.query like '%%list_changes%%'
"""


@pytest.fixture
def integration(server: Server, database: Database) -> httpx.Client:
    database.one("select id from maintenance.create_user('erp', 'secret12', 'integration')")
    return server.client(server.token("erp", "secret12"))


def test_a_change_by_another_api_is_there(database: Database, integration: httpx.Client, client: httpx.Client) -> None:
    sku = client.post("/sku", json={"sku_code": "A", "name": "a", "quantity": 3.5, "price": 2}).json()["sku_id"]
    database.settle()
    answer = integration.get(PATH).json()
    assert [change["type"] for change in answer["changes"]] == ["product", "movement", "price"]
    assert answer["next"] == answer["changes"][-1]["cursor"]
    client.post(f"/sku/{sku}/temporary-block", json={"quantity": 1})
    database.settle()
    (change,) = integration.get(PATH, params={"after": answer["next"]}).json()["changes"]
    assert (change["sku_id"], change["sku"], change["type"]) == (sku, "A", "movement")
    assert change["data"]["kind"] == "block"
    assert change["data"]["number"] == 2
    assert change["data"]["on_hand_after"] == 3.5
    assert change["data"]["available_before"] == 3.5
    assert change["data"]["available_after"] == 2.5


def test_latest_is_the_end(database: Database, integration: httpx.Client, client: httpx.Client) -> None:
    client.post("/sku", json={"sku_code": "A", "name": "a", "quantity": 3, "price": 2})
    database.settle()
    answer = integration.get(PATH, params={"after": "latest"}).json()
    assert answer["changes"] == []
    client.post("/sku", json={"sku_code": "B", "name": "b", "quantity": 0, "price": 2})
    database.settle()
    changes = integration.get(PATH, params={"after": answer["next"]}).json()["changes"]
    assert {change["sku"] for change in changes} == {"B"}


def test_limit(database: Database, integration: httpx.Client, client: httpx.Client) -> None:
    client.post("/sku", json={"sku_code": "A", "name": "a", "quantity": 3, "price": 2})
    database.settle()
    answer = integration.get(f"{PATH}/", params={"limit": 2}).json()
    assert len(answer["changes"]) == 2
    rest = integration.get(PATH, params={"after": answer["next"]}).json()
    assert len(rest["changes"]) == 1
    assert integration.get(PATH, params={"after": rest["next"]}).json() == {"changes": [], "next": rest["next"]}


def test_a_reader_that_waits_gets_the_change(
    database: Database, integration: httpx.Client, client: httpx.Client, in_thread: type[InThread]
) -> None:
    start = integration.get(PATH, params={"after": "latest"}).json()["next"]
    since = database.one("select clock_timestamp()")
    waiting = in_thread(lambda: integration.get(PATH, params={"after": start, "wait": 20}).json())
    database.wait_for(lambda: database.one(LOOKED, since))  # and found nothing
    client.post("/sku", json={"sku_code": "A", "name": "a", "quantity": 3, "price": 2})
    assert waiting.result()["changes"]


def test_a_reader_that_waits_in_vain_gets_an_empty_list(integration: httpx.Client) -> None:
    assert integration.get(PATH, params={"after": "latest", "wait": 1}).json()["changes"] == []


@pytest.mark.parametrize(
    "query", [{"after": "x"}, {"after": "1"}, {"limit": 0}, {"limit": 1001}, {"wait": 31}, {"wait": -1}]
)
def test_a_bad_query_is_422(integration: httpx.Client, query: dict[str, str]) -> None:
    answer = integration.get(PATH, params=query)
    assert answer.status_code == 422
    assert list(query) == [name for name in answer.json() if name != "error"]


def test_an_integration_reads_the_feed_and_what_the_public_may(integration: httpx.Client) -> None:
    assert integration.get("/products").status_code == 200
    for method, path in [("GET", "/api/v1/inventory"), ("POST", "/sku"), ("GET", "/api/v1/users/")]:
        assert integration.request(method, path).status_code == 403


def test_others_may_not_read_it(server: Server, database: Database, client: httpx.Client, admin: httpx.Client) -> None:
    database.one("select id from maintenance.create_user('eve', 'secret12', 'employee')")
    assert client.get(PATH).status_code == 401
    assert server.client(server.token("eve", "secret12")).get(PATH).status_code == 403
    assert admin.get(PATH).status_code == 200
