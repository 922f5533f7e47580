"""Who may call what: the contract's table, over every route."""

from __future__ import annotations

import re
from collections.abc import Callable

import httpx
import pytest

from server.http.routes import ROUTES, Route
from tests.conftest import Database, Server
from tests.http.conftest import Shared
from tests.http.samples import EVERY_ROUTE, name_of

ROLES = ["public", "operator", "employee", "admin"]  # each may do what those before it may

# The contract's table: the least of the roles that may.
LEAST_ROLE = {
    ("POST", "/sku"): "operator",
    ("GET", "/sku/{sku_id}"): "operator",
    ("PUT", "/sku/{sku_id}/parts"): "operator",
    ("POST", "/sku/{sku_id}/temporary-block"): "operator",
    ("GET", "/temporary-blocks"): "operator",
    ("POST", "/temporary-blocks"): "operator",
    ("POST", "/temporary-blocks/{block_id}/convert-to-permanent"): "operator",
    ("POST", "/temporary-blocks/{block_id}/cancel"): "operator",
    ("POST", "/temporary-blocks/{block_id}/extend"): "operator",
    ("GET", "/holds/{owner}"): "operator",
    ("PUT", "/holds/{owner}"): "operator",
    ("POST", "/holds/{owner}/extend"): "operator",
    ("POST", "/holds/{owner}/convert-to-permanent"): "operator",
    ("POST", "/holds/{owner}/cancel"): "operator",
    ("GET", "/api/v1/inventory"): "operator",
    ("POST", "/api/v1/inventory"): "operator",
    ("GET", "/api/v1/inventory/{id}"): "operator",
    ("POST", "/api/v1/inventory/{id}/addStock"): "operator",
    ("POST", "/api/v1/inventory/{id}/reserveStock"): "operator",
    ("POST", "/api/v1/inventory/{id}/releaseStock"): "operator",
    ("POST", "/api/v1/inventory/{id}/consumeStock"): "operator",
    ("POST", "/api/v1/inventory/{id}/setStock"): "operator",
    ("POST", "/api/v1/inventory/setStock"): "operator",
    ("GET", "/products"): "public",
    ("POST", "/products"): "admin",
    ("GET", "/products/{product_id}"): "public",
    ("GET", "/products/{product_id}/prices"): "public",
    ("POST", "/products/{product_id}/prices"): "admin",
    ("GET", "/products/{product_id}/prices/active"): "public",
    ("GET", "/units"): "employee",
    ("POST", "/units"): "admin",
    ("GET", "/suppliers"): "employee",
    ("POST", "/suppliers"): "admin",
    ("GET", "/suppliers/{supplier_id}"): "employee",
    ("GET", "/inventory"): "employee",
    ("GET", "/inventory/{product_id}"): "employee",
    ("PATCH", "/inventory/{product_id}"): "admin",
    ("POST", "/inventory/{product_id}/initialize"): "admin",
    ("GET", "/inventory/{product_id}/valuation"): "admin",
    ("GET", "/inventory/{product_id}/movements"): "employee",
    ("GET", "/inventory/purchases"): "employee",
    ("POST", "/inventory/purchases"): "admin",
    ("GET", "/inventory/purchases/{product_id}"): "employee",
    ("GET", "/inventory/sales"): "employee",
    ("POST", "/inventory/sales"): "admin",
    ("GET", "/inventory/sales/{product_id}"): "employee",
    ("POST", "/inventory/sales/{sale_id}/returns"): "admin",
    ("POST", "/api/v1/art_order"): "operator",
    ("GET", "/api/v1/art_orders"): "operator",
    ("POST", "/api/v1/art_orders"): "operator",
    ("GET", "/api/v1/art-orders-health"): "public",
    ("GET", "/api/v1/locations"): "operator",
    ("GET", "/api/v1/locations/{code}/stock"): "operator",
    ("GET", "/api/v1/counts"): "operator",
    ("POST", "/api/v1/counts"): "operator",
    ("GET", "/api/v1/counts/{count_id}"): "operator",
    ("POST", "/api/v1/counts/{count_id}/lines"): "operator",
    ("POST", "/api/v1/counts/{count_id}/close"): "operator",
    ("POST", "/api/v1/counts/{count_id}/cancel"): "operator",
    ("GET", "/api/v1/brands/"): "employee",
    ("POST", "/api/v1/brands/"): "admin",
    ("GET", "/api/v1/brands/{id}/"): "employee",
    ("PUT", "/api/v1/brands/{id}/"): "admin",
    ("PATCH", "/api/v1/brands/{id}/"): "admin",
    ("DELETE", "/api/v1/brands/{id}/"): "admin",
    ("GET", "/api/v1/categories/"): "employee",
    ("POST", "/api/v1/categories/"): "admin",
    ("GET", "/api/v1/categories/{id}/"): "employee",
    ("PUT", "/api/v1/categories/{id}/"): "admin",
    ("PATCH", "/api/v1/categories/{id}/"): "admin",
    ("DELETE", "/api/v1/categories/{id}/"): "admin",
    ("GET", "/api/v1/suppliers/"): "employee",
    ("POST", "/api/v1/suppliers/"): "admin",
    ("GET", "/api/v1/suppliers/{id}/"): "employee",
    ("PUT", "/api/v1/suppliers/{id}/"): "admin",
    ("PATCH", "/api/v1/suppliers/{id}/"): "admin",
    ("DELETE", "/api/v1/suppliers/{id}/"): "admin",
    ("GET", "/api/v1/products/"): "employee",
    ("POST", "/api/v1/products/"): "admin",
    ("GET", "/api/v1/products/{id}/"): "employee",
    ("PUT", "/api/v1/products/{id}/"): "admin",
    ("PATCH", "/api/v1/products/{id}/"): "admin",
    ("DELETE", "/api/v1/products/{id}/"): "admin",
    ("GET", "/api/v1/inflows/"): "employee",
    ("POST", "/api/v1/inflows/"): "admin",
    ("GET", "/api/v1/inflows/{id}/"): "employee",
    ("DELETE", "/api/v1/inflows/{id}/"): "admin",
    ("GET", "/api/v1/outflows/"): "employee",
    ("POST", "/api/v1/outflows/"): "admin",
    ("GET", "/api/v1/outflows/{id}/"): "employee",
    ("DELETE", "/api/v1/outflows/{id}/"): "admin",
    ("GET", "/api/v1/users/"): "admin",
    ("POST", "/api/v1/users/"): "admin",
    ("GET", "/api/v1/users/{id}/"): "admin",
    ("PATCH", "/api/v1/users/{id}/"): "admin",
    ("GET", "/api/v1/stock/"): "operator",
    ("GET", "/api/v1/stock/{product_id}/"): "operator",
    ("GET", "/api/v1/daily-sales/"): "admin",
    ("GET", "/api/v1/me/"): "public",
    ("GET", "/api/v1/changes/"): "integration",
    ("GET", "/api/v1/seals/"): "integration",
    ("GET", "/api/v1/webhooks/"): "admin",
    ("POST", "/api/v1/webhooks/"): "admin",
    ("GET", "/api/v1/webhooks/{id}/"): "admin",
    ("PUT", "/api/v1/webhooks/{id}/"): "admin",
    ("PATCH", "/api/v1/webhooks/{id}/"): "admin",
    ("DELETE", "/api/v1/webhooks/{id}/"): "admin",
    ("POST", "/api/v1/webhooks/{id}/rotate-secret/"): "admin",
    ("GET", "/api/v1/webhooks/{id}/deliveries/"): "admin",
    ("POST", "/api/v1/webhooks/{id}/deliveries/{delivery_id}/replay/"): "admin",
    ("POST", "/api/v1/authentication/token/"): "public",
    ("POST", "/api/v1/authentication/token/refresh/"): "public",
    ("POST", "/api/v1/authentication/token/verify/"): "public",
}

OPEN_PAGES = ["/health", "/ready", "/metrics", "/openapi.json", "/docs", "/redoc"]

# Each API's own bodies for 401 and 403: a path, and the keys.
SHAPES = {
    "/sku/abc": {"detail", "code"},
    "/temporary-blocks?limit=x": {"detail", "code"},
    "/api/v1/inventory/abc": {"type", "title", "status", "detail", "code"},
    "/inventory/abc/valuation?as_of=x": {"type", "title", "status", "detail", "code"},
    "/api/v1/locations/abc/stock?limit=x": {"detail"},
    "/api/v1/counts/abc": {"detail"},
    "/api/v1/brands/abc/": {"detail", "error"},
    "/api/v1/products/?category=x&page=x": {"detail", "error"},
    "/api/v1/users/abc/": {"detail", "error"},
    "/api/v1/webhooks/abc/": {"detail", "error"},
}


def nonsense(client: httpx.Client, route: Route) -> httpx.Response:
    """A call in which nothing is right but who makes it: the path, the query, the body, its media type."""
    path = re.sub(r"\{\w+\}", "n0nsense", route.path)
    headers = {"Content-Type": "text/plain", "Idempotency-Key": "k" * 300}
    if route.method == "GET":
        return client.get(path, params={"limit": "x", "page": "x", "after": "x"})
    return client.request(route.method, path, content=b"{", headers=headers)


def assert_shape(answer: httpx.Response, path: str, status: int) -> None:
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert body.keys() >= SHAPES[path]
    if path.startswith(("/api/v1/locations", "/api/v1/counts")):
        assert body["detail"].keys() == {"status", "message", "error_code", "timestamp"}
    else:
        assert isinstance(body["detail"], str)
    is_problem = answer.headers["Content-Type"] == "application/problem+json"
    assert is_problem == path.startswith(("/api/v1/inventory", "/inventory"))
    if status == 401:
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_the_table_has_every_route() -> None:
    assert {(route.method, route.path) for route in EVERY_ROUTE} == LEAST_ROLE.keys()


@pytest.mark.parametrize("route", EVERY_ROUTE, ids=name_of)
def test_who_may_call_it(shared: Shared, route: Route) -> None:
    least = LEAST_ROLE[route.method, route.path]
    allowed = ["integration", "admin"] if least == "integration" else ROLES[ROLES.index(least) :]
    if least == "public":
        allowed.append("integration")
    for role, client, refusal in [
        ("public", shared.public, 401),
        ("operator", shared.client, 401),
        *((role, shared.public_server.client(shared.tokens[role]), 403) for role in [*ROLES[1:], "integration"]),
    ]:
        answer = nonsense(client, route)
        if role in allowed:
            assert answer.status_code not in (401, 403), f"{role}: {answer.text}"
            assert answer.status_code < 500, f"{role}: {answer.text}"
        else:
            assert answer.status_code == refusal, f"{role}: {answer.text}"


@pytest.mark.parametrize("route", ROUTES, ids=name_of)
@pytest.mark.parametrize("token", ["abc", "a.b.c", "{refresh}"])
def test_a_bad_token_is_401_wherever_a_token_could_matter(shared: Shared, route: Route, token: str) -> None:
    if token == "{refresh}":
        credentials = {"username": "root", "password": "secret"}
        token = shared.client.post("/api/v1/authentication/token/", json=credentials).json()["refresh"]
    for server in (shared.server, shared.public_server):
        answer = nonsense(server.client(token), route)
        assert answer.status_code == 401, answer.text
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("path", SHAPES)
def test_401_and_403_have_each_apis_own_body(shared: Shared, path: str) -> None:
    assert_shape(shared.public.get(path), path, 401)
    assert_shape(shared.server.client("abc").get(path), path, 401)
    assert_shape(shared.client.get(path, headers={"Authorization": "Bearer"}), path, 401)
    if path.startswith(("/api/v1/users", "/api/v1/webhooks", "/inventory")):
        assert_shape(shared.server.client(shared.tokens["employee"]).get(path), path, 403)


def test_the_documented_sentences_of_401_and_403(shared: Shared) -> None:
    answer = shared.client.get("/api/v1/users/")
    assert answer.json()["detail"] == "Authentication credentials were not provided."
    answer = shared.server.client(shared.tokens["operator"]).get("/api/v1/users/")
    assert answer.json()["detail"] == "You do not have permission to perform this action."
    answer = shared.server.client("abc").get("/api/v1/users/")
    assert answer.json()["detail"] == "Given token not valid for any token type"
    assert answer.json()["code"] == "token_not_valid"


def test_a_refused_call_with_an_idempotency_key_leaves_no_key(shared: Shared) -> None:
    for client, status in ((shared.client, 401), (shared.server.client(shared.tokens["employee"]), 403)):
        sent = {"username": "eve", "password": "secret", "role": "admin"}
        answer = client.post("/api/v1/users/", json=sent, headers={"Idempotency-Key": "eve"})
        assert answer.status_code == status


def test_head_needs_what_get_needs(shared: Shared) -> None:
    assert shared.public.head("/temporary-blocks").status_code == 401
    assert shared.client.head("/api/v1/users/").status_code == 401
    assert shared.server.client(shared.tokens["employee"]).head("/api/v1/users/").status_code == 403
    assert shared.admin.head("/api/v1/users/").status_code == 200


@pytest.mark.parametrize("path", OPEN_PAGES)
def test_health_and_documentation_are_open_to_all_and_ignore_a_token(shared: Shared, path: str) -> None:
    for server in (shared.server, shared.public_server):
        for token in (None, "abc", shared.tokens["operator"]):
            assert server.client(token).get(path).status_code == 200


def test_a_grant_is_the_whole_of_authorization(start_server: Callable[..., Server], database: Database) -> None:
    database.admin.execute("grant execute on function http.list_blocks to inventory_public")
    client = start_server(anonymous_role="inventory_public").client()
    assert client.get("/temporary-blocks").status_code == 200
    assert client.get("/api/v1/inventory").status_code == 401


@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "k"}])
def test_a_grant_that_is_taken_away_counts_at_once(server: Server, database: Database, headers: dict[str, str]) -> None:
    database.one("select maintenance.create_user('op', 'secret', 'operator')")
    named = server.client(server.token("op", "secret"))
    database.admin.execute("revoke execute on function http.create_sku from inventory_operator")
    sent = {"sku_code": "A-1", "name": "A", "quantity": 1, "price": 1}
    for client, status in ((server.client(), 401), (named, 403)):
        answer = client.post("/sku", json=sent, headers=headers)
        assert answer.status_code == status, answer.text
        assert answer.json().keys() >= {"detail", "code"}
        assert "create_sku" not in answer.text
    assert database.counts()["product"] == 0
    assert database.counts()["idempotency_key"] == 0
