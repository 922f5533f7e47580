"""Idempotency-Key, on every POST."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

import httpx
import pytest

from server.http.errors import Api
from server.http.routes import Route
from tests.conftest import Database, InThread, Server
from tests.http.art import order
from tests.http.conftest import Shared
from tests.http.samples import CREDENTIALS, EVERY_ROUTE, World, body, fill, name_of

Unchanged = Callable[[], AbstractContextManager[None]]

POSTS = [route for route in EVERY_ROUTE if route.method == "POST"]
KEY = "Idempotency-Key"


@pytest.fixture
def world(database: Database) -> World:
    return fill(database)


@pytest.fixture
def admin(server: Server, world: World) -> httpx.Client:
    """A client that may call every route."""
    return server.client(server.token("root", "secret"))


def add(client: httpx.Client, key: str, amount: Any = 5, path: str = "/api/v1/inventory/1/addStock") -> httpx.Response:
    return client.post(path, json={"amount": amount}, headers={"Idempotency-Key": key})


def is_replayed(answer: httpx.Response) -> bool:
    marks = answer.headers.get_list("Idempotent-Replayed")
    assert marks in ([], ["true"])
    return bool(marks)


def assert_replay(answer: httpx.Response, first: httpx.Response) -> None:
    """The first answer again, and marked."""
    assert not is_replayed(first)
    assert is_replayed(answer)
    assert (answer.status_code, answer.content) == (first.status_code, first.content)
    for name in ("Content-Type", "Location", "WWW-Authenticate"):
        assert answer.headers.get(name) == first.headers.get(name)


def assert_refused(answer: httpx.Response, api: Api, status: int, code: str) -> None:
    """An error in the API's own body."""
    assert answer.status_code == status, answer.text
    assert not is_replayed(answer)
    found = answer.json()
    if api in (Api.CATALOG, Api.AUTHENTICATION):
        assert found["error"]["code"] == code
    elif api is Api.ART:
        assert found["detail"]["error_code"] == code
    else:
        assert found["code"] == code
        assert isinstance(found["detail"], str)
    is_problem = answer.headers["Content-Type"] == "application/problem+json"
    assert is_problem == (api in (Api.STOCK, Api.PRICING))


@pytest.mark.parametrize("route", POSTS, ids=name_of)
def test_a_key_makes_one_change(
    admin: httpx.Client,
    server: Server,
    database: Database,
    world: World,
    unchanged: Unchanged,
    in_thread: type[InThread],
    route: Route,
) -> None:
    path, sent = world.path(route.path), body(route, world, server)
    holder = database.connect()
    holder.execute("begin")
    # What every first request writes at its end: it runs until the lock is given back.
    holder.execute("lock table store.idempotency_key in share mode")
    running = in_thread(lambda: admin.post(path, json=sent, headers={KEY: "k-1"}))
    database.wait_for(
        lambda: database.one(
            "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
        )
    )
    second = server.client(str(admin.headers["Authorization"]).removeprefix("Bearer "))
    # While the first still runs, the second is 409.
    with unchanged():
        answer = second.post(path, json=sent, headers={KEY: "k-1"})
        assert_refused(answer, route.api, 409, "IDEMPOTENCY_KEY_IN_USE")
    holder.execute("rollback")
    first = running.result()
    assert first.status_code == route.status, first.text
    assert ("Location" in first.headers) == (route.status == 201 and route.location is not None)
    # The same key and request get the first answer again.
    with unchanged():
        for client, key in ((second, "k-1"), (admin, "k-1"), (admin, '"k-1"')):
            assert_replay(client.post(path, json=sent, headers={KEY: key}), first)
    # The same key with another request is 422.
    with unchanged():
        answer = admin.post(path, json=(sent or {}) | {"another": 1}, headers={KEY: "k-1"})
        assert_refused(answer, route.api, 422, "IDEMPOTENCY_KEY_REUSED")
        for other in POSTS:
            if other.path != route.path and (other.api is Api.AUTHENTICATION) == (route.api is Api.AUTHENTICATION):
                answer = admin.post(world.path(other.path), json=body(other, world, server), headers={KEY: "k-1"})
                assert_refused(answer, other.api, 422, "IDEMPOTENCY_KEY_REUSED")


def test_the_first_waits_for_a_row_and_the_second_for_nothing(
    client: httpx.Client, server: Server, database: Database, world: World, in_thread: type[InThread]
) -> None:
    other = database.connect()
    other.execute("begin")
    other.execute("select from store.stock where product_id = %s for update", [world.product_id])
    running = in_thread(lambda: add(client, "k-1"))
    database.wait_for(
        lambda: database.one(
            "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
        )
    )
    assert_refused(add(server.client(), "k-1"), Api.STOCK, 409, "IDEMPOTENCY_KEY_IN_USE")
    other.execute("rollback")
    first = running.result()
    assert_replay(add(server.client(), "k-1"), first)
    assert database.stock(world.product_id) == (105, 10, 5)


# Business errors are answers too

PRODUCT = {"title": "iPhone 15 Pro", "category": 1, "brand": 1, "cost_price": "899.00", "selling_price": "1199.00"}
REFUSED = [
    ("/sku", {"sku_code": "A-1", "name": "A", "quantity": 1, "price": 1}, 409),
    ("/sku/550e8400-e29b-41d4-a716-446655440000/temporary-block", {"quantity": 1}, 404),
    ("/sku/{sku_id}/temporary-block", {"quantity": 86}, 409),
    ("/temporary-blocks", {"items": [{"sku_id": "550e8400-e29b-41d4-a716-446655440000", "quantity": 1}]}, 404),
    ("/temporary-blocks/{block_id}/convert-to-permanent", {"quantity": 6}, 409),
    ("/temporary-blocks/550e8400-e29b-41d4-a716-446655440000/cancel", {}, 404),
    ("/api/v1/inventory", {"sku": "A-1", "name": "A", "price": 1}, 409),
    ("/api/v1/inventory/{id}/reserveStock", {"amount": 86}, 409),
    ("/api/v1/inventory/{id}/releaseStock", {"amount": 11}, 409),
    ("/api/v1/inventory/999/addStock", {"amount": 1}, 404),
    ("/api/v1/inventory/{id}/addStock", {"amount": "999999999.999"}, 400),
    ("/products", {"sku": "A-1", "name": "A"}, 409),
    ("/units", {"name": "PIECE", "symbol": "p"}, 409),
    ("/products/999/prices", {"amount": 1}, 404),
    ("/products/{product_id}/prices", {"amount": 1, "effective_from": "2020-01-01"}, 400),
    ("/inventory/1/initialize", {"unit_id": 1}, 409),
    ("/inventory/{product_id}/initialize", {"unit_id": 999}, 400),
    ("/inventory/purchases", {"product_id": 1, "supplier_id": 999, "quantity": 1, "unit_cost": 1}, 404),
    ("/inventory/purchases", {"product_id": 1, "supplier_id": 1, "quantity": "999999999.999", "unit_cost": 1}, 400),
    ("/inventory/purchases", {"product_id": 2, "supplier_id": 1, "quantity": 1, "unit_cost": 1}, 400),
    ("/inventory/sales", {"product_id": 1, "quantity": 86, "unit_price": 1}, 400),
    ("/inventory/sales/{sale_id}/returns", {"quantity": 7}, 409),
    ("/inventory/sales/999/returns", {}, 404),
    ("/api/v1/art_order", order("Remove", 86, from_location="RACK-A1-01"), 400),
    ("/api/v1/art_order", order("Add", 5, sku="NONE", to_location="RACK-A1-01"), 404),
    ("/api/v1/art_order", order("Add", 5, sku="BARE", to_location="RACK-A1-01"), 400),
    ("/api/v1/art_order", order("Add", 5, to_location="RACK-A1-01", sufficient_stock=False), 400),
    ("/api/v1/art_orders", {"orders": [order("Add", 1, sku="NONE", to_location="RACK-A1-01")], "atomic": True}, 404),
    ("/api/v1/counts", {"location": "RACK-A1-01"}, 409),
    ("/api/v1/counts/999/close", {}, 404),
    ("/api/v1/counts/999/cancel", None, 404),
    ("/api/v1/counts/{count_id}/lines", {"lines": [{"sku": "NONE", "quantity": 1}]}, 404),
    ("/api/v1/brands/", {"name": "SAMSUNG"}, 422),
    ("/api/v1/categories/", {"name": "electronics"}, 422),
    ("/api/v1/products/", PRODUCT | {"category": 999}, 422),
    ("/api/v1/products/", PRODUCT | {"brand": 999}, 422),
    ("/api/v1/products/", PRODUCT | {"sku": "A-1"}, 422),
    ("/api/v1/inflows/", {"supplier": 1, "product": 999, "quantity": 1}, 422),
    ("/api/v1/inflows/", {"supplier": 999, "product": 1, "quantity": 1}, 422),
    ("/api/v1/inflows/", {"supplier": 1, "product": 2, "quantity": 1}, 422),
    ("/api/v1/inflows/", {"supplier": 1, "product": 1, "quantity": 999_999_999}, 422),
    ("/api/v1/outflows/", {"product": 1, "quantity": 86}, 400),
    ("/api/v1/outflows/", {"product": 999, "quantity": 1}, 422),
    ("/api/v1/users/", {"username": "ROOT", "password": "x", "role": "admin"}, 422),
    ("/api/v1/webhooks/999/rotate-secret/", {}, 404),
    ("/api/v1/webhooks/999/deliveries/1/replay/", None, 404),
    ("/api/v1/webhooks/1/deliveries/999/replay/", None, 404),
    ("/api/v1/authentication/token/", {"username": "root", "password": "wrong"}, 401),
]


def test_a_business_error_is_remembered(
    admin: httpx.Client, database: Database, world: World, unchanged: Unchanged, subtests: pytest.Subtests
) -> None:
    firsts = []
    for i, (path, sent, status) in enumerate(REFUSED):
        first = admin.post(world.path(path), json=sent, headers={KEY: f"k-{i}"})
        with subtests.test(path=path, sent=sent):
            assert first.status_code == status, first.text
        firsts.append(first)
    # Whatever it was, it would be well now, or fail otherwise.
    database.one("select id from inventory.reserve_stock(%s, 30)", world.product_id)
    database.one("select id from inventory.cancel_block(%s)", world.block_id)
    database.one("select id from inventory.consume_stock(%s, 40)", world.product_id)
    database.one("select id from inventory.cancel_count(%s)", world.count_id)
    database.admin.execute("update store.product set sku = 'B-' || id")
    database.admin.execute("update store.user_account set username = 'renamed' where username = 'root'")
    for i, (path, sent, _) in enumerate(REFUSED):
        with subtests.test(path=path, sent=sent), unchanged():
            assert_replay(admin.post(world.path(path), json=sent, headers={KEY: f"k-{i}"}), firsts[i])


def test_a_replayed_error_names_its_code_and_field(client: httpx.Client, world: World) -> None:
    for replayed in (False, True):
        answer = add(client, "k-1", "999999999.999")
        assert is_replayed(answer) == replayed
        assert answer.json()["code"] == "QUANTITY_OUT_OF_RANGE"
        assert answer.json()["errors"].keys() == {"amount"}


INVALID: list[tuple[str, Any]] = [
    ("/sku", {"sku_code": "N-1", "name": "A", "quantity": -1, "price": 1}),
    ("/sku/abc/temporary-block", {"quantity": 1}),
    ("/sku/{sku_id}/temporary-block", {"quantity": 1, "expires_at": "2020-01-01T00:00:00Z"}),
    ("/temporary-blocks/{block_id}/extend", {"expires_at": "2020-01-01T00:00:00Z"}),
    ("/temporary-blocks", {"items": []}),
    ("/api/v1/inventory/{id}/addStock", {"amount": -1}),
    ("/api/v1/inventory/{id}/addStock", []),
    ("/api/v1/inventory/abc/addStock", {"amount": 1}),
    ("/products", {"sku": "N-1"}),
    ("/inventory/abc/initialize", {"unit_id": 1}),
    ("/inventory/purchases", {"product_id": 1, "supplier_id": 1, "quantity": 0, "unit_cost": 1}),
    ("/inventory/sales", {"product_id": 1, "quantity": 1, "unit_price": "0.0001"}),
    ("/inventory/sales/{sale_id}/returns", []),
    ("/products/{product_id}/prices", {"amount": 1, "effective_to": "2020-01-01"}),
    ("/api/v1/art_order", order("Add", 5, to_location="INVALID-LOCATION")),
    ("/api/v1/art_order", order("Add", 5)),
    ("/api/v1/art_order", order("Add", 0, to_location="RACK-A1-01")),
    ("/api/v1/art_orders", {"orders": []}),
    ("/api/v1/art_orders", {"orders": [order("Add", 5, to_location="RACK-A1-01"), order("Add", 5)]}),
    ("/api/v1/counts", {"location": "A1"}),
    ("/api/v1/counts/abc/close", None),
    ("/api/v1/counts/{count_id}/cancel", []),
    ("/api/v1/counts/{count_id}/lines", {"lines": [{"sku": "A-1", "quantity": -1}]}),
    ("/api/v1/brands/", {"name": ""}),
    ("/api/v1/categories/", []),
    ("/api/v1/suppliers/", {"name": "A", "email": "abc"}),
    ("/api/v1/products/", PRODUCT | {"cost_price": "1.005"}),
    ("/api/v1/inflows/", {"supplier": 1, "product": 1, "quantity": 1.5}),
    ("/api/v1/outflows/", {"product": "one", "quantity": 1}),
    ("/api/v1/users/", {"username": "alice"}),
    ("/api/v1/webhooks/", {"url": "https://shop.example/", "events": []}),
    ("/api/v1/webhooks/1/rotate-secret/", {"overlap_seconds": -1}),
    ("/api/v1/authentication/token/", {"username": "root"}),
    ("/api/v1/authentication/token/refresh/", {"refresh": "abc"}),
    ("/api/v1/authentication/token/verify/", {"token": "abc"}),
]


def test_a_validation_error_is_not_remembered(admin: httpx.Client, world: World, unchanged: Unchanged) -> None:
    for i, (path, bad) in enumerate(INVALID):
        with unchanged():
            for _ in range(2):
                answer = admin.post(world.path(path), json=bad, headers={KEY: f"k-{i}"})
                assert answer.status_code in (400, 401, 404, 422), path
                assert not is_replayed(answer)
        answer = add(admin, f"k-{i}")
        assert (answer.status_code, is_replayed(answer)) == (204, False), path


def test_a_body_that_is_no_json_is_not_remembered(client: httpx.Client, world: World, unchanged: Unchanged) -> None:
    with unchanged():
        headers = {KEY: "k-1", "Content-Type": "application/json"}
        assert client.post("/api/v1/inventory/1/addStock", content=b"{", headers=headers).status_code == 400
        headers["Content-Type"] = "text/plain"
        assert client.post("/api/v1/inventory/1/addStock", content=b"{", headers=headers).status_code == 415
    assert add(client, "k-1").status_code == 204


# Whose key it is, what it looks like, how long it lives


def test_callers_share_no_keys(server: Server, client: httpx.Client, database: Database, world: World) -> None:
    clients = [client, *(server.client(server.token(name, "secret")) for name in ("operator", "employee", "root"))]
    for caller in clients:
        answer = add(caller, "k-1")
        assert (answer.status_code, is_replayed(answer)) == (204, False)
    for caller in clients:
        assert is_replayed(add(caller, "k-1"))
    assert database.stock(world.product_id)[0] == 120


def test_a_key_is_the_callers_with_each_of_its_tokens(server: Server, database: Database, world: World) -> None:
    assert not is_replayed(add(server.client(server.token("root", "secret")), "k-1"))
    assert is_replayed(add(server.client(server.token("ROOT", "secret")), "k-1"))


def test_a_key_is_up_to_255_printable_characters(client: httpx.Client, world: World) -> None:
    for key in ("x", "x" * 255, "a b", "8e03978e-40d5-43dd-bc93-6894a57f9324", "{}[]'%_\\;--"):
        assert [is_replayed(add(client, key)) for _ in range(2)] == [False, True], key


def test_keys_mind_case(client: httpx.Client, world: World) -> None:
    assert [is_replayed(add(client, key)) for key in ("key", "KEY", "key")] == [False, False, True]


@pytest.mark.parametrize("key", [b"", b'""', b'" "', b"x" * 256, b"\xe9", b"a\tb", "\N{EURO SIGN}".encode()])
def test_a_key_of_another_form_is_refused(shared: Shared, key: bytes) -> None:
    headers = [(b"Idempotency-Key", key)]
    answer = shared.client.post(shared.path("/sku/{sku_id}/temporary-block"), json={"quantity": 1}, headers=headers)
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["header", "Idempotency-Key"]
    answer = shared.client.post("/api/v1/art_order", json=order("Add", 5, to_location="RACK-A1-01"), headers=headers)
    assert (answer.status_code, answer.json()["detail"][0]["loc"]) == (422, ["header", "Idempotency-Key"])
    path = shared.path("/api/v1/inventory/{id}/addStock")
    answer = shared.client.post(path, json={"amount": 1}, headers=headers)
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["Idempotency-Key"])
    sent = {"username": "alice", "password": "secret", "role": "admin"}
    answer = shared.admin.post("/api/v1/users/", json=sent, headers=headers)
    assert (answer.status_code, list(answer.json()["error"]["details"])) == (422, ["Idempotency-Key"])
    answer = shared.client.post("/api/v1/authentication/token/", json=CREDENTIALS, headers=headers)
    assert (answer.status_code, list(answer.json()["error"]["details"])) == (400, ["Idempotency-Key"])


def test_a_key_lives_24_hours(client: httpx.Client, database: Database, world: World) -> None:
    add(client, "k-1")
    database.advance(timedelta(hours=23, minutes=59))
    database.one("select maintenance.purge_idempotency_keys()")
    assert is_replayed(add(client, "k-1"))
    assert_refused(add(client, "k-1", 6), Api.STOCK, 422, "IDEMPOTENCY_KEY_REUSED")
    database.advance(timedelta(minutes=2))
    answer = add(client, "k-1", 6)
    assert (answer.status_code, is_replayed(answer)) == (204, False)
    assert database.stock(world.product_id)[0] == 111
    assert is_replayed(add(client, "k-1", 6))


@pytest.mark.parametrize("purged", [False, True])
def test_the_lifetime_is_a_setting_in_the_database(
    client: httpx.Client, database: Database, world: World, purged: bool
) -> None:
    database.rows("select maintenance.configure(p_idempotency_lifetime => '1 hour')")
    add(client, "k-1")
    database.advance(timedelta(hours=1, seconds=1))
    if purged:
        assert database.one("select maintenance.purge_idempotency_keys()") == 1
    assert not is_replayed(add(client, "k-1"))


def test_other_methods_mind_no_key(admin: httpx.Client, world: World, database: Database) -> None:
    path = world.path("/api/v1/users/{user_id}/")
    for active in (False, True):
        answer = admin.patch(path, json={"is_active": active}, headers={KEY: "k-1"})
        assert (answer.status_code, answer.json()["is_active"], is_replayed(answer)) == (200, active, False)
        assert not is_replayed(admin.get(path, headers={KEY: "k-1"}))
    assert database.counts()["idempotency_key"] == 0


def test_a_call_without_a_key_is_a_call_of_its_own(client: httpx.Client, database: Database, world: World) -> None:
    for _ in range(2):
        assert client.post("/api/v1/inventory/1/addStock", json={"amount": 5}).status_code == 204
    assert database.stock(world.product_id)[0] == 110
    assert database.counts()["idempotency_key"] == 0


def test_no_key_keeps_what_the_body_said(admin: httpx.Client, database: Database, world: World) -> None:
    sent = {"username": "alice", "password": "correct horse", "role": "admin"}
    admin.post("/api/v1/users/", json=sent, headers={KEY: "k-1"})
    admin.post("/api/v1/authentication/token/", json=CREDENTIALS, headers={KEY: "k-2"})
    kept = str(database.rows("select * from store.idempotency_key"))
    assert "correct horse" not in kept
    assert "'secret'" not in kept
    assert "eyJ" not in kept, "no token either"


# REQUIRE_IDEMPOTENCY_KEY


@pytest.fixture(scope="module")
def strict(session_shared: Shared) -> Iterator[Server]:
    """A server over the shared database where each POST must have a key."""
    server = Server(session_shared.database.conninfo, require_idempotency_key=True)
    yield server
    server.close()


@pytest.mark.parametrize("route", [route for route in POSTS if route.api is not Api.AUTHENTICATION], ids=name_of)
def test_a_post_without_a_key_is_refused_where_a_key_must_be(shared: Shared, strict: Server, route: Route) -> None:
    client = strict.client(shared.tokens["admin"])
    answer = client.post(shared.path(route.path), json=body(route, shared.world, shared.server))
    assert_refused(answer, route.api, 400, "IDEMPOTENCY_KEY_REQUIRED")


def test_only_posts_need_a_key_and_not_those_of_authentication(
    start_server: Callable[..., Server], world: World
) -> None:
    server = start_server(require_idempotency_key=True)
    admin = server.client(server.token("root", "secret"))
    assert admin.post("/api/v1/authentication/token/", json=CREDENTIALS).status_code == 200
    assert admin.get(f"/sku/{world.sku_id}").status_code == 200
    assert admin.patch(f"/api/v1/products/{world.product_id}/", json={"title": "Cup"}).status_code == 200
    assert admin.delete(f"/api/v1/products/{world.spare_product_id}/").status_code == 204
    assert add(admin, "one", path=f"/api/v1/inventory/{world.product_id}/addStock").status_code == 204
    file = b"title,category,brand,cost_price,selling_price\nA,1,1,1,1\n"
    imported = admin.post("/api/v1/products/import/", content=file, headers={"Content-Type": "text/csv"})
    assert_refused(imported, Api.CATALOG, 400, "IDEMPOTENCY_KEY_REQUIRED")
