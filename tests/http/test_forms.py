"""Bodies of forms: API 5 and the authentication endpoints take them, and what they make is what JSON makes."""

from __future__ import annotations

from urllib.parse import urlencode

import httpx
import pytest

from server.http.errors import Api
from server.http.routes import TOKEN_ROUTES, Route
from tests.conftest import Database
from tests.http.conftest import Shared
from tests.http.document import exact
from tests.http.samples import EVERY_ROUTE, name_of
from tests.http.test_service import assert_error

FORM = "application/x-www-form-urlencoded"
# Those whose bodies have fields that must be there.
TAKING = [
    route
    for route in EVERY_ROUTE
    if route.api in (Api.CATALOG, Api.AUTHENTICATION)
    and route.method in ("POST", "PUT")
    and route.function not in ("rotate_webhook_secret", "replay_webhook_delivery")
]


def send(client: httpx.Client, method: str, path: str, form: str | bytes, media_type: str = FORM) -> httpx.Response:
    return client.request(method, path, content=form, headers={"Content-Type": media_type})


@pytest.mark.parametrize("route", TAKING, ids=name_of)
def test_a_form_without_its_fields_is_told_what_json_is(shared: Shared, route: Route) -> None:
    path = shared.path(route.path)
    by_form = send(shared.admin, route.method, path, "surely_no_field=1")
    by_json = shared.admin.request(route.method, path, json={"surely_no_field": 1})
    assert by_form.status_code == (400 if route.api is Api.AUTHENTICATION else 422)
    assert by_form.json() == by_json.json()


def test_a_log_in_by_form(shared: Shared) -> None:
    token, refresh, verify = (route.path for route in TOKEN_ROUTES)
    answer = send(shared.client, "POST", token, "username=root&password=secret")
    assert answer.status_code == 200, answer.text
    assert send(shared.client, "POST", refresh, urlencode({"refresh": answer.json()["refresh"]})).status_code == 200
    assert send(shared.client, "POST", verify, urlencode({"token": answer.json()["access"]})).json() == {}
    assert_error(
        send(shared.client, "POST", token, "username=root&password=x"), Api.AUTHENTICATION, 401, "NO_ACTIVE_ACCOUNT"
    )
    answer = send(shared.client, "POST", token, "username=root&password=")
    assert (answer.status_code, answer.json()["password"]) == (400, ["This field may not be blank."])


def test_texts_are_read_as_the_strings_of_json(admin: httpx.Client, database: Database) -> None:
    category, brand = (
        admin.post(f"/api/v1/{name}/", json={"name": "A"}).json()["id"] for name in ("categories", "brands")
    )
    product = {"category": category, "brand": brand, "cost_price": "2.50", "selling_price": "9.99"}
    answer = send(
        admin,
        "POST",
        "/api/v1/products/",
        urlencode(product | {"quantity": "5", "description": "", "serie_number": "", "sku": ""})
        + "&title=x&title=Caf%C3%A9+%26",
        f"{FORM}; charset=utf-8",
    )
    assert answer.status_code == 201, answer.text
    found = exact(answer.text)
    assert (found["title"], found["quantity"], found["cost_price"]) == ("Caf\u00e9 &", 5, "2.50")
    assert (found["category"]["id"], found["description"]) == (category, "")
    path = f"/api/v1/products/{found['id']}/"
    # An empty field that is no text is left out.
    answer = send(admin, "PATCH", path, "title=B&quantity=&brand=&description=c")
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert (found["title"], found["quantity"], found["brand"]["id"], found["description"]) == ("B", 5, brand, "c")
    assert send(admin, "PATCH", path, "description=").json()["description"] == ""
    database.verify()


def test_what_is_wrong_with_a_field_is_told_as_of_json(shared: Shared) -> None:
    form = {"title": "", "category": "x", "brand": "", "cost_price": "1.234", "selling_price": "abc", "quantity": "1.5"}
    by_form = send(shared.admin, "POST", "/api/v1/products/", urlencode(form))
    by_json = shared.admin.post("/api/v1/products/", json=form)
    assert by_form.status_code == by_json.status_code == 422
    assert by_form.json() == by_json.json()
    assert by_form.json()["title"] == ["This field may not be blank."]


def test_a_list_takes_all_values(admin: httpx.Client) -> None:
    form = "url=http://example.com/&events=outflow.created&events=stock.low&enabled=false"
    answer = send(admin, "POST", "/api/v1/webhooks/", form)
    assert answer.status_code == 201, answer.text
    found = answer.json()
    assert (sorted(found["events"]), found["enabled"]) == (["outflow.created", "stock.low"], False)
    path = f"/api/v1/webhooks/{found['id']}/"
    assert send(admin, "PATCH", path, "enabled=on").json()["enabled"] is True
    assert send(admin, "PATCH", path, "events=stock.low").json()["events"] == ["stock.low"]


@pytest.mark.parametrize("form", [b"name=\xff", b"name=%ff", b"&".join([b"name=x"] * 1001)])
def test_a_form_that_cannot_be_read_is_400(shared: Shared, form: bytes) -> None:
    assert_error(send(shared.admin, "POST", "/api/v1/brands/", form), Api.CATALOG, 400, "INVALID_JSON")


def test_a_key_knows_a_form_again(admin: httpx.Client) -> None:
    headers = {"Content-Type": FORM, "Idempotency-Key": "k-1"}
    answers = [admin.post("/api/v1/brands/", content=f"name={name}", headers=headers) for name in ("A", "A", "B")]
    assert [answer.status_code for answer in answers] == [201, 201, 422]
    assert answers[1].headers["Idempotent-Replayed"] == "true"
    assert answers[0].content == answers[1].content
