"""/api/v1/users/: the accounts, with API 5's bodies."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from tests.conftest import Database, Server
from tests.http.conftest import Shared, send

Unchanged = Callable[[], AbstractContextManager[None]]

USERS = "/api/v1/users/"
NEW = {"username": "Alice", "password": "correct horse", "role": "employee"}
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z")


@pytest.fixture
def admin(server: Server, database: Database) -> httpx.Client:
    """A client with the token of an admin (root, secret)."""
    database.one("select maintenance.create_user('root', 'secret', 'admin')")
    return server.client(server.token("root", "secret"))


def create(admin: httpx.Client, **fields: Any) -> dict[str, Any]:
    answer = admin.post(USERS, json=NEW | fields)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def assert_invalid(answer: httpx.Response, **lists: list[str] | None) -> None:
    """API 5's 422: the field lists, and the same in ``error.details`` (None: some sentence)."""
    assert answer.status_code == 422, answer.text
    body = answer.json()
    error = body.pop("error")
    assert body.keys() == lists.keys()
    assert error["details"] == body
    assert error["code"]
    assert error["message"]
    for field, sentences in lists.items():
        assert body[field]
        assert sentences is None or body[field] == sentences


def assert_not_found(answer: httpx.Response, detail: str = "Not found.") -> None:
    assert answer.status_code == 404, answer.text
    body = answer.json()
    assert body["detail"] == detail
    assert body["error"].keys() == {"code", "message", "details"}


# POST


@pytest.mark.parametrize("path", [USERS, USERS.rstrip("/")])
def test_create_a_user(admin: httpx.Client, server: Server, path: str) -> None:
    for role in ("operator", "employee", "admin"):
        name = f"The-{role}"
        answer = admin.post(path, json=NEW | {"username": name, "role": role})
        assert answer.status_code == 201
        body = answer.json()
        assert body.keys() >= {"id", "username", "role", "is_active", "created_at", "updated_at"}
        assert (type(body["id"]), body["username"], body["role"], body["is_active"]) == (int, name, role, True)
        assert INSTANT.fullmatch(body["created_at"])
        assert INSTANT.fullmatch(body["updated_at"])
        assert admin.get(f"{USERS}{body['id']}/").json() == body
        assert server.token(name.lower(), "correct horse")


@pytest.mark.parametrize("field", NEW)
def test_every_field_is_required(shared: Shared, field: str) -> None:
    sent = {name: value for name, value in NEW.items() if name != field}
    assert_invalid(shared.admin.post(USERS, json=sent), **{field: ["This field is required."]})
    assert_invalid(shared.admin.post(USERS, json=sent | {field: None}), **{field: ["This field may not be null."]})


def test_every_bad_field_is_named_at_once(shared: Shared) -> None:
    required = ["This field is required."]
    for body in ("", "{}", "null"):
        answer = send(shared.admin, "POST", USERS, body)
        assert_invalid(answer, username=required, password=required, role=required)


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("username", '""', "This field may not be blank."),
        ("username", "5", "Not a valid string."),
        ("username", "true", "Not a valid string."),
        ("username", f'"{"x" * 151}"', "Ensure this field has no more than 150 characters."),
        ("username", '"a b"', None),
        ("username", '"a/b"', None),
        ("username", '"\\u00e4"', None),
        ("username", '"a\\n"', None),
        ("username", '"a\\u0000"', "Null characters are not allowed."),
        ("username", '"\\ud800"', None),
        ("password", '""', "This field may not be blank."),
        ("password", "5", "Not a valid string."),
        ("password", "[]", "Not a valid string."),
        ("password", f'"{"x" * 1025}"', "Ensure this field has no more than 1024 characters."),
        ("password", '"a\\u0000"', "Null characters are not allowed."),
        ("password", '"\\ud800"', None),
        ("role", '""', '"" is not a valid choice.'),
        ("role", '"root"', '"root" is not a valid choice.'),
        ("role", '"Admin"', '"Admin" is not a valid choice.'),
        ("role", '"inventory_admin"', '"inventory_admin" is not a valid choice.'),
        ("role", "5", None),
        ("role", "true", None),
        ("role", "[]", None),
        ("role", "{}", None),
        ("role", "1e999999999", None),
    ],
)
def test_a_bad_value_is_422_in_djangos_words(shared: Shared, field: str, value: str, sentence: str | None) -> None:
    fields = {"username": '"alice"', "password": '"secret"', "role": '"admin"'} | {field: value}
    body = "{" + ", ".join(f'"{name}": {item}' for name, item in fields.items()) + "}"
    assert_invalid(send(shared.admin, "POST", USERS, body), **{field: None if sentence is None else [sentence]})


def test_a_short_password_is_422(admin: httpx.Client, database: Database, unchanged: Unchanged) -> None:
    made = create(admin)
    database.one("select maintenance.configure(p_password_length_minimum => 8)")
    sentence = ["Ensure this field has at least 8 characters."]
    with unchanged():
        assert_invalid(admin.post(USERS, json=NEW | {"username": "Bob", "password": "sevenab"}), password=sentence)
        assert_invalid(admin.patch(f"{USERS}{made['id']}/", json={"password": "sevenab"}), password=sentence)
    create(admin, username="Bob", password="eightabc")
    assert admin.patch(f"{USERS}{made['id']}/", json={"password": "eightabc"}).status_code == 200
    create(admin, username="admin", password="admin")


@pytest.mark.parametrize("path", [USERS, "/api/v1/users/{user_id}/"])
@pytest.mark.parametrize("body", ["{", "abc", '{"a": NaN}', b"\xff", "[" * 100_000])
def test_a_body_that_is_no_json_is_400(shared: Shared, path: str, body: str | bytes) -> None:
    method = "POST" if path == USERS else "PATCH"
    answer = send(shared.admin, method, shared.path(path), body)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "INVALID_JSON"
    assert answer.json()["error"]["details"] == {}


@pytest.mark.parametrize("path", [USERS, "/api/v1/users/{user_id}/"])
@pytest.mark.parametrize("body", ["[]", '"abc"', "5", "1.5", "true"])
def test_a_body_that_is_no_object_is_422(shared: Shared, path: str, body: str) -> None:
    method = "POST" if path == USERS else "PATCH"
    assert_invalid(send(shared.admin, method, shared.path(path), body), non_field_errors=None)


def test_a_name_is_taken_once_and_minds_no_case(admin: httpx.Client, unchanged: Unchanged) -> None:
    create(admin)
    with unchanged():
        for name in ("Alice", "alice", "ALICE"):
            assert_invalid(admin.post(USERS, json=NEW | {"username": name}), username=None)


def test_unknown_fields_are_ignored(admin: httpx.Client) -> None:
    made = create(admin, is_active=False, id=5, token_version=9, password_hash="x")
    assert made["is_active"] is True


# GET


@pytest.mark.parametrize("slash", ["/", ""])
def test_the_list_is_a_page(admin: httpx.Client, slash: str) -> None:
    made = create(admin)
    body = admin.get(USERS.rstrip("/") + slash).json()
    assert body.keys() >= {"count", "next", "previous", "results"}
    assert (body["count"], body["next"], body["previous"]) == (2, None, None)
    assert [user["username"] for user in body["results"]] == ["root", "Alice"]
    assert body["results"][1] == made == admin.get(f"/api/v1/users/{made['id']}{slash}").json()


def test_no_answer_shows_a_password(admin: httpx.Client, database: Database) -> None:
    made = create(admin)
    texts = [str(made), admin.patch(f"{USERS}{made['id']}/", json={"password": "another one"}).text]
    texts += [admin.get(path).text for path in (USERS, f"{USERS}{made['id']}/")]
    texts.append(admin.post(USERS, json=NEW).text)
    digest = database.one("select password_hash from store.user_account where username = 'Alice'")
    for text in texts:
        assert "correct horse" not in text
        assert "another one" not in text
        assert digest not in text
        assert "hash" not in text


@pytest.fixture
def many(admin: httpx.Client, database: Database) -> httpx.Client:
    """The admin's client, with 25 users in all."""
    database.rows("select maintenance.create_user('user-' || i, 'secret', 'operator') from generate_series(1, 24) as i")
    return admin


def names(page: dict[str, Any]) -> list[str]:
    return [user["username"] for user in page["results"]]


def test_a_page_has_10_rows_and_links_to_its_neighbours(many: httpx.Client) -> None:
    first = many.get(USERS).json()
    assert (first["count"], len(first["results"]), first["previous"]) == (25, 10, None)
    second = many.get(first["next"]).json()
    assert len(second["results"]) == 10
    assert many.get(second["previous"]).json() == first
    third = many.get(second["next"]).json()
    assert (len(third["results"]), third["next"]) == (5, None)
    assert names(first) + names(second) + names(third) == ["root", *(f"user-{i}" for i in range(1, 25))]
    assert many.get(third["previous"]).json() == second


@pytest.mark.parametrize("path", [USERS, USERS.rstrip("/")])
def test_links_are_absolute_and_keep_the_host_and_the_other_parameters(many: httpx.Client, path: str) -> None:
    parameters = {"x": "a b&c=d%\N{EURO SIGN}", "page": "2", "page_size": "7", "pages": "1", "y": ""}
    page = many.get(path, params=parameters, headers={"Host": "shop.example:8080"}).json()
    for link, number in ((page["next"], "3"), (page["previous"], None)):
        url = urlsplit(link)
        assert (url.scheme, url.netloc, url.path) == ("http", "shop.example:8080", path)
        found = dict(parse_qsl(url.query, keep_blank_values=True))
        expected = parameters | {"page": number}
        if number is None and "page" not in found:
            del expected["page"]
        elif number is None:
            expected["page"] = "1"
        assert found == expected


@pytest.mark.parametrize("host", ["shop:99999999", "shop:abc", "::", "a b"])
def test_a_host_that_is_no_address_is_no_fault_of_ours(many: httpx.Client, host: str) -> None:
    assert many.get(USERS, headers={"Host": host}).status_code in (200, 400)


def test_page_size_is_the_number_of_rows(many: httpx.Client) -> None:
    for size, rows in {"25": 25, "7": 7, "1": 1, "100": 25, "101": 25, "9" * 30: 25}.items():
        assert len(many.get(USERS, params={"page_size": size}).json()["results"]) == rows


def test_page_size_over_100_is_cut_to_100(admin: httpx.Client, database: Database) -> None:
    database.rows("select maintenance.create_user('user-' || i, 's', 'operator') from generate_series(1, 100) as i")
    page = admin.get(USERS, params={"page_size": "500"}).json()
    assert (page["count"], len(page["results"])) == (101, 100)
    assert len(admin.get(page["next"]).json()["results"]) == 1


@pytest.mark.parametrize("page", ["4", "0", "-1", "abc", "1.5", "9" * 30, "1e1"])
def test_a_page_past_the_end_is_404(shared: Shared, page: str) -> None:
    assert_not_found(shared.admin.get(USERS, params={"page": page}), "Invalid page.")


def test_unknown_parameters_are_ignored(shared: Shared) -> None:
    parameters = {"url": "http://evil.example/", "actor": "x", "p_page": "9", "limit": "0"}
    assert shared.admin.get(USERS, params=parameters).json()["next"] is None


UNKNOWN_IDS = ["0", "-1", "999", "abc", "1.5", "9" * 18, "9" * 30, "%00", "%ff", "%D9%A1", "1%0a", "null"]


@pytest.mark.parametrize("bad", UNKNOWN_IDS)
def test_an_unknown_or_malformed_id_is_404(shared: Shared, bad: str) -> None:
    for slash in ("/", ""):
        assert_not_found(shared.admin.get(f"{USERS}{bad}{slash}"))
        assert_not_found(shared.admin.patch(f"{USERS}{bad}{slash}", json={"is_active": True}))


# PATCH


@pytest.mark.parametrize("slash", ["/", ""])
def test_patch_changes_what_it_names_and_nothing_else(admin: httpx.Client, server: Server, slash: str) -> None:
    made = create(admin)
    path = f"{USERS}{made['id']}{slash}"
    for change in (
        {"role": "operator"},
        {"is_active": False},
        {"is_active": True},
        {"role": "admin", "is_active": False},
    ):
        before = admin.get(path).json()
        answer = admin.patch(path, json=change)
        assert answer.status_code == 200
        assert {**answer.json(), "updated_at": None} == {**before, **change, "updated_at": None}
        assert admin.get(path).json() == answer.json()
    admin.patch(path, json={"is_active": True, "password": "battery staple"})
    assert server.token("Alice", "battery staple")
    answer = server.client().post(
        "/api/v1/authentication/token/", json={"username": "Alice", "password": NEW["password"]}
    )
    assert answer.status_code == 401


def test_patch_needs_no_field(admin: httpx.Client, database: Database) -> None:
    made = create(admin)
    query = "select token_version, password_hash from store.user_account where username = 'Alice'"
    before = database.rows(query)
    for body in ("", "{}", '{"role": null, "is_active": null, "password": null}', '{"username": "Bob"}'):
        answer = send(admin, "PATCH", f"{USERS}{made['id']}/", body)
        assert answer.status_code == 200
        assert {**answer.json(), "updated_at": None} == {**made, "updated_at": None}
    assert database.rows(query) == before


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("role", '"root"', '"root" is not a valid choice.'),
        ("role", '""', '"" is not a valid choice.'),
        ("role", "true", None),
        ("is_active", '"abc"', "Must be a valid boolean."),
        ("is_active", '""', "Must be a valid boolean."),
        ("is_active", "5", "Must be a valid boolean."),
        ("is_active", "1.5", "Must be a valid boolean."),
        ("is_active", "1e999999999", "Must be a valid boolean."),
        ("is_active", "[]", "Must be a valid boolean."),
        ("password", '""', "This field may not be blank."),
        ("password", "5", "Not a valid string."),
        ("password", f'"{"x" * 1025}"', None),
    ],
)
def test_patch_refuses_a_bad_value(shared: Shared, field: str, value: str, sentence: str | None) -> None:
    path = shared.path("/api/v1/users/{user_id}/")
    answer = send(shared.admin, "PATCH", path, f'{{"{field}": {value}}}')
    assert_invalid(answer, **{field: None if sentence is None else [sentence]})


@pytest.mark.parametrize("path", [USERS, "/api/v1/users/{user_id}/", "/api/v1/users", "/api/v1/users/{user_id}"])
@pytest.mark.parametrize("method", ["DELETE", "PUT"])
def test_there_is_no_delete(shared: Shared, path: str, method: str) -> None:
    answer = shared.admin.request(method, shared.path(path))
    assert answer.status_code == 405
    assert answer.json()["detail"] == f'Method "{method}" not allowed.'
    assert answer.json()["error"].keys() == {"code", "message", "details"}
    assert set(answer.headers["Allow"].split(", ")) >= {"GET", "PATCH" if "{" in path else "POST"}


# What a change does to tokens


CHANGES: list[tuple[dict[str, Any], int]] = [
    ({"password": "another"}, 401),
    ({"password": NEW["password"]}, 401),
    ({"role": "operator"}, 401),
    ({"role": "employee"}, 200),
    ({"is_active": False}, 401),
    ({"is_active": True}, 200),
    ({}, 200),
]


def test_what_a_change_does_to_the_refresh_token(admin: httpx.Client, client: httpx.Client) -> None:
    for i, (change, refreshed) in enumerate(CHANGES):
        made = create(admin, username=f"user-{i}")
        credentials = {"username": f"user-{i}", "password": NEW["password"]}
        refresh = client.post("/api/v1/authentication/token/", json=credentials).json()["refresh"]
        assert admin.patch(f"{USERS}{made['id']}/", json=change).status_code == 200
        answer = client.post("/api/v1/authentication/token/refresh/", json={"refresh": refresh})
        assert answer.status_code == refreshed, f"{change}: {answer.text}"
