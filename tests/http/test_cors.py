"""Requests that a browser sends for a page of another site."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from server.settings import Settings, SettingsError
from tests.conftest import Database, Server
from tests.http.conftest import Shared
from tests.http.samples import EVERY_ROUTE, body, fill
from tests.http.test_service import assert_error

SITE = {"Sec-Fetch-Site": "cross-site", "Origin": "https://shop.example"}
PREFLIGHT = SITE | {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
ALLOWED = "https://other.example:8443, https://Shop.example"


def test_a_change_from_another_site_without_a_token_is_403(shared: Shared) -> None:
    for route in EVERY_ROUTE:
        answer = shared.client.request(
            route.method, shared.path(route.path), json=body(route, shared.world, shared.server), headers=SITE
        )
        if route.method == "GET":
            assert answer.status_code in (200, 401), route
        else:
            assert_error(answer, route.api, 403, "CROSS_SITE_REQUEST")


@pytest.mark.parametrize("site", ["same-origin", "same-site", "none", "", "CROSS-SITE"])
def test_a_change_from_this_site_is_not_refused(shared: Shared, site: str) -> None:
    path = shared.path("/api/v1/inventory/{id}/addStock")
    headers = {"Sec-Fetch-Site": site, "Origin": shared.server.url}
    assert shared.client.post(path, json={"amount": 0}, headers=headers).status_code == 204


def test_a_token_is_enough_from_another_site(shared: Shared) -> None:
    path = shared.path("/api/v1/inventory/{id}/addStock")
    assert shared.admin.post(path, json={"amount": 0}, headers=SITE).status_code == 204
    for authorization, status in (("bearer nonsense", 401), ("Basic eDp5", 403), ("", 403)):
        headers = SITE | {"Authorization": authorization}
        assert shared.client.post(path, json={"amount": 0}, headers=headers).status_code == status


def test_what_changes_nothing_is_as_before(shared: Shared) -> None:
    for method, path, status in (("POST", "/health", 405), ("POST", "/nothing", 404), ("OPTIONS", "/sku", 405)):
        answer = shared.client.request(method, path, headers=PREFLIGHT)
        assert answer.status_code == status
        assert not [name for name in answer.headers if name.lower().startswith(("access-control", "vary"))]


def test_an_allowed_origin_may_send_and_read(start_server: Callable[..., Server], database: Database) -> None:
    world = fill(database)
    client = start_server(cors_origins=ALLOWED).client()
    path = world.path("/api/v1/inventory/{id}/addStock")
    answer = client.post(path, json={"amount": 1}, headers=SITE)
    assert answer.status_code == 204
    assert answer.headers["Access-Control-Allow-Origin"] == SITE["Origin"]
    exposed = set(answer.headers["Access-Control-Expose-Headers"].split(", "))
    assert {"ETag", "Location", "X-Request-Id"} <= exposed
    assert answer.headers["Vary"] == "Origin"
    for path in ("/nothing", "/health"):
        assert client.get(path, headers=SITE).headers["Access-Control-Allow-Origin"] == SITE["Origin"]
    answer = client.options("/sku", headers=PREFLIGHT)
    assert (answer.status_code, answer.headers["Access-Control-Allow-Methods"]) == (204, "POST")
    assert {"Authorization", "Content-Type", "If-Match", "If-None-Match"} <= set(
        answer.headers["Access-Control-Allow-Headers"].split(", ")
    )


@pytest.mark.parametrize("origin", ["https://shop.example.org", "http://shop.example", "null", "", "*"])
def test_another_origin_may_not(start_server: Callable[..., Server], database: Database, origin: str) -> None:
    world = fill(database)
    client = start_server(cors_origins=ALLOWED).client()
    path = world.path("/api/v1/inventory/{id}/addStock")
    refused = client.post(path, json={"amount": 1}, headers=SITE | {"Origin": origin})
    preflight = client.options("/sku", headers=PREFLIGHT | {"Origin": origin})
    assert (refused.status_code, preflight.status_code) == (403, 405)
    for answer in (refused, preflight, client.get("/health", headers=SITE | {"Origin": origin})):
        assert "Access-Control-Allow-Origin" not in answer.headers
        assert answer.headers["Vary"] == "Origin"
    database.verify()


@pytest.mark.parametrize("origins", ["*", "null", "shop.example", "https://shop.example/", "https://a https://b/x"])
def test_what_is_no_origin_is_refused_at_the_start(origins: str) -> None:
    with pytest.raises(SettingsError, match="CORS_ORIGINS"):
        Settings(_env_file=None, secret_key="x", cors_origins=origins).check()
