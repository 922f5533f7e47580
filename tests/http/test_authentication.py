"""The authentication endpoints, which answer as djangorestframework-simplejwt 5.5 does, and the tokens they give."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import httpx
import jwt
import pytest

from tests.conftest import SECRET_KEY, Database, Server
from tests.http.conftest import Shared, send

TOKEN, REFRESH, VERIFY = (f"/api/v1/authentication/token/{name}" for name in ("", "refresh/", "verify/"))
CREDENTIALS = {"username": "root", "password": "secret"}


def log_in(client: httpx.Client, username: str = "root", password: str = "secret") -> dict[str, str]:
    answer = client.post(TOKEN, json={"username": username, "password": password})
    assert answer.status_code == 200, answer.text
    tokens: dict[str, str] = answer.json()
    return tokens


def claims(token: str) -> dict[str, Any]:
    read: dict[str, Any] = jwt.decode(token, SECRET_KEY, algorithms=["HS256"])
    return read


def forge(token: str, key: str = SECRET_KEY, algorithm: str = "HS256", **changes: Any) -> str:
    """The token with other claims (None: without), signed with the key."""
    changed = {name: value for name, value in (claims(token) | changes).items() if value is not None}
    return jwt.encode(changed, key, algorithm=algorithm)


def assert_401(answer: httpx.Response, detail: str, code: str | None = "token_not_valid") -> None:
    """simplejwt's 401, with this project's ``error`` beside."""
    assert answer.status_code == 401, answer.text
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="api"'
    body = answer.json()
    assert body["detail"] == detail
    assert body.get("code") == code
    assert body["error"].keys() == {"code", "message", "details"}
    assert (body["error"]["message"], body["error"]["details"]) == (detail, {})


def assert_400(answer: httpx.Response, lists: dict[str, list[str]]) -> None:
    """Django REST framework's field lists, in ``error`` too."""
    assert answer.status_code == 400, answer.text
    body = answer.json()
    assert {name: value for name, value in body.items() if name != "error"} == lists
    assert body["error"]["details"] == lists


# POST /api/v1/authentication/token/


@pytest.mark.parametrize("path", [TOKEN, TOKEN.rstrip("/")])
def test_log_in_as_in_the_sample(shared: Shared, path: str) -> None:
    answer = shared.client.post(path, json=CREDENTIALS)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("application/json")
    assert answer.json().keys() == {"access", "refresh"}


def test_tokens_have_simplejwts_claims_and_lifetimes(shared: Shared) -> None:
    tokens = log_in(shared.client)
    seen = set()
    for kind, seconds in (("access", shared.server.settings.access_token_seconds), ("refresh", 86400)):
        assert jwt.get_unverified_header(tokens[kind]) == {"alg": "HS256", "typ": "JWT"}
        found = claims(tokens[kind])
        assert found["token_type"] == kind
        assert found["exp"] - found["iat"] == seconds
        assert abs(found["iat"] - time.time()) < 60
        assert str(found["user_id"]) == str(shared.world.user_id)
        seen.add(found["jti"])
    assert seen.isdisjoint(claims(token)["jti"] for token in log_in(shared.client).values())


def test_lifetimes_are_settings(start_server: Callable[..., Server], database: Database) -> None:
    database.one("select maintenance.create_user('root', 'secret', 'admin')")
    tokens = log_in(start_server(access_token_seconds=60, refresh_token_seconds=120).client())
    assert [claims(token)["exp"] - claims(token)["iat"] for token in tokens.values()] == [60, 120]


def test_a_token_holds_no_secret(shared: Shared) -> None:
    for token in log_in(shared.client).values():
        assert not any("secret" in str(value) or "$2" in str(value) for value in claims(token).values())


def test_names_mind_no_case_and_passwords_do(shared: Shared) -> None:
    assert log_in(shared.client, "ROOT")
    answer = shared.client.post(TOKEN, json={"username": "root", "password": "Secret"})
    assert_401(answer, "No active account found with the given credentials", code=None)


def test_unknown_disabled_and_wrong_password_are_one_answer(client: httpx.Client, database: Database) -> None:
    for name in ("root", "gone"):
        database.one("select maintenance.create_user(%s, 'secret', 'admin')", name)
    database.one("select maintenance.disable_user('gone')")
    answers = [
        client.post(TOKEN, json={"username": username, "password": password})
        for username, password in [
            ("root", "wrong"),
            ("gone", "secret"),
            ("nobody", "secret"),
            ("' or 1=1 --", "secret"),
            ("root", "x" * 5000),
            ("x" * 5000, "secret"),
        ]
    ]
    for answer in answers:
        assert_401(answer, "No active account found with the given credentials", code=None)
    assert len({answer.text for answer in answers}) == 1


def test_all_of_a_long_password_counts(client: httpx.Client, database: Database) -> None:
    password = "p\N{LATIN SMALL LETTER A WITH DIAERESIS}ss\N{GRINNING FACE} " * 20
    database.one("select maintenance.create_user('root', %s, 'admin')", password)
    log_in(client, password=password)
    assert client.post(TOKEN, json={"username": "root", "password": password[:-1] + "x"}).status_code == 401


# POST /api/v1/authentication/token/refresh/


@pytest.mark.parametrize("path", [REFRESH, REFRESH.rstrip("/")])
def test_refresh_as_in_the_sample(shared: Shared, path: str) -> None:
    answer = shared.client.post(path, json={"refresh": log_in(shared.client)["refresh"]})
    assert answer.status_code == 200
    assert answer.json().keys() == {"access"}
    found = claims(answer.json()["access"])
    assert (found["token_type"], found["exp"] - found["iat"]) == ("access", shared.server.settings.access_token_seconds)
    assert shared.server.client(answer.json()["access"]).get("/api/v1/users/").status_code == 200


def test_an_access_token_is_no_refresh_token(shared: Shared) -> None:
    answer = shared.client.post(REFRESH, json={"refresh": log_in(shared.client)["access"]})
    assert_401(answer, "Token has wrong type")


# POST /api/v1/authentication/token/verify/


@pytest.mark.parametrize("path", [VERIFY, VERIFY.rstrip("/")])
@pytest.mark.parametrize("kind", ["access", "refresh"])
def test_verify_answers_an_empty_object(shared: Shared, path: str, kind: str) -> None:
    answer = shared.client.post(path, json={"token": log_in(shared.client)[kind]})
    assert (answer.status_code, answer.json()) == (200, {})


def test_verify_minds_no_type(shared: Shared) -> None:
    token = forge(log_in(shared.client)["access"], token_type=None)
    assert shared.client.post(VERIFY, json={"token": token}).json() == {}


# Tokens that are not good


def bad_tokens(tokens: dict[str, str], kind: str) -> list[tuple[str, str]]:
    """Tokens that cannot be trusted, each with what simplejwt says of it."""
    good = tokens[kind]
    header, body, signature = good.split(".")
    other_body = forge(good, user_id=4711).split(".")[1]
    past = int(time.time()) - 1
    return [
        ("abc", "Token is invalid"),
        ("a.b.c", "Token is invalid"),
        ("..", "Token is invalid"),
        ("\N{EURO SIGN}.\N{EURO SIGN}.", "Token is invalid"),
        (f"{header}.{body}", "Token is invalid"),
        (f"{header}.{body}.", "Token is invalid"),
        (f"{header}.{body}.{signature[::-1]}", "Token is invalid"),
        (f"{header}.{other_body}.{signature}", "Token is invalid"),
        (forge(good, key="another key, of 32 characters or more, too"), "Token is invalid"),
        (forge(good, key="", algorithm="none"), "Token is invalid"),
        (forge(good, key=SECRET_KEY * 2, algorithm="HS512"), "Token is invalid"),
        (forge(good, exp="soon"), "Token is invalid"),
        (forge(good, nbf=int(time.time()) + 1000), "Token is invalid"),
        (forge(good, exp=past), "Token is expired"),
        (forge(good, exp=past, token_type="other"), "Token is expired"),
        (forge(good, exp=None), "Token has no 'exp' claim"),
        (forge(good, jti=None), "Token has no id"),
    ]


def test_a_token_that_cannot_be_trusted_is_401_everywhere(shared: Shared) -> None:
    tokens = log_in(shared.client)
    for token, detail in bad_tokens(tokens, "refresh"):
        assert_401(shared.client.post(REFRESH, json={"refresh": token}), detail)
        assert_401(shared.client.post(VERIFY, json={"token": token}), detail)
    for token, _ in bad_tokens(tokens, "access"):
        if token.isascii():
            for path in ("/temporary-blocks", "/api/v1/inventory", "/api/v1/users/"):
                assert shared.server.client(token).get(path).status_code == 401


@pytest.mark.parametrize(
    ("changes", "detail"),
    [
        ({"token_type": None}, "Token has no type"),
        ({"token_type": "other"}, "Token has wrong type"),
        ({"user_id": 4711}, "No active account found for the given token."),
    ],
)
def test_refresh_refuses_other_claims(shared: Shared, changes: dict[str, Any], detail: str) -> None:
    token = forge(log_in(shared.client)["refresh"], **changes)
    code = None if "account" in detail else "token_not_valid"
    assert_401(shared.client.post(REFRESH, json={"refresh": token}), detail, code)


@pytest.mark.parametrize("changes", [{"user_id": None}, {"user_id": "x"}, {"version": None}, {"version": 99}])
def test_refresh_refuses_claims_that_name_no_session(shared: Shared, changes: dict[str, Any]) -> None:
    token = forge(log_in(shared.client)["refresh"], **changes)
    assert shared.client.post(REFRESH, json={"refresh": token}).status_code == 401


@pytest.mark.parametrize(
    "changes",
    [
        {"token_type": None},
        {"token_type": "refresh"},
        {"role": None},
        {"role": "owner"},
        {"role": "public"},
        {"role": "inventory_admin"},
        {"role": ["admin"]},
        {"user_id": None},
        {"user_id": "x"},
    ],
)
def test_an_access_token_needs_its_claims(shared: Shared, changes: dict[str, Any]) -> None:
    token = forge(log_in(shared.client)["access"], **changes)
    assert shared.server.client(token).get("/temporary-blocks").status_code == 401


# Bodies of the wrong form


@pytest.mark.parametrize(
    ("path", "fields"), [(TOKEN, ("username", "password")), (REFRESH, ("refresh",)), (VERIFY, ("token",))]
)
@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (None, "This field is required."),
        ("null", "This field may not be null."),
        ('""', "This field may not be blank."),
        ("true", "Not a valid string."),
        ("[]", "Not a valid string."),
        ("{}", "Not a valid string."),
        ('"a\\u0000"', "Null characters are not allowed."),
    ],
)
def test_bad_fields_are_400_with_lists(
    shared: Shared, path: str, fields: tuple[str, ...], value: str | None, sentence: str
) -> None:
    body = "{}" if value is None else "{" + ", ".join(f'"{field}": {value}' for field in fields) + "}"
    assert_400(send(shared.client, "POST", path, body), {field: [sentence] for field in fields})


@pytest.mark.parametrize("path", [TOKEN, REFRESH, VERIFY])
def test_a_lone_surrogate_is_400(shared: Shared, path: str) -> None:
    body = '{"username": "\\ud800", "password": "\\ud800", "refresh": "\\ud800", "token": "\\ud800"}'
    assert send(shared.client, "POST", path, body).status_code == 400


@pytest.mark.parametrize("path", [TOKEN, REFRESH, VERIFY])
@pytest.mark.parametrize(
    ("body", "kind"), [("[]", "list"), ('"abc"', "str"), ("5", "int"), ("1.5", "float"), ("true", "bool")]
)
def test_a_body_that_is_no_object_is_400(shared: Shared, path: str, body: str, kind: str) -> None:
    sentence = f"Invalid data. Expected a dictionary, but got {kind}."
    assert_400(send(shared.client, "POST", path, body), {"non_field_errors": [sentence]})


@pytest.mark.parametrize("path", [TOKEN, REFRESH, VERIFY])
@pytest.mark.parametrize("body", ["{", "abc", '{"a": NaN}', b"\xff", "[" * 100_000])
def test_a_body_that_is_no_json_is_400(shared: Shared, path: str, body: str | bytes) -> None:
    answer = send(shared.client, "POST", path, body)
    assert answer.status_code == 400
    assert answer.json()["detail"].startswith("JSON parse error - ")
    assert answer.json()["error"].keys() == {"code", "message", "details"}


@pytest.mark.parametrize("path", [TOKEN, REFRESH, VERIFY])
def test_other_methods_and_media_types(shared: Shared, path: str) -> None:
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        answer = shared.client.request(method, path)
        assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
        assert answer.json()["detail"] == f'Method "{method}" not allowed.'
    answer = shared.client.post(path, content=b"username=root", headers={"Content-Type": "text/plain"})
    assert answer.status_code == 415
    assert answer.json()["error"]["code"] == "UNSUPPORTED_MEDIA_TYPE"


@pytest.mark.parametrize("header", ["Bearer abc", "Bearer", "Bearer a b c", "Basic eDp5", ""])
def test_the_authentication_endpoints_ignore_the_authorization_header(shared: Shared, header: str) -> None:
    headers = {"Authorization": header}
    tokens = shared.client.post(TOKEN, json=CREDENTIALS, headers=headers).json()
    for path, sent in ((REFRESH, {"refresh": tokens["refresh"]}), (VERIFY, {"token": tokens["access"]})):
        assert shared.client.post(path, json=sent, headers=headers).status_code == 200


# What a token is good for


def test_one_token_serves_all_apis(start_server: Callable[..., Server], database: Database) -> None:
    server = start_server(anonymous_role="inventory_public")
    database.one("select maintenance.create_user('root', 'secret', 'admin')")
    client = server.client(server.token("root", "secret"))
    sku = client.post("/sku", json={"sku_code": "A-1", "name": "A", "quantity": 1, "price": 1})
    assert sku.status_code == 200
    assert client.post(f"/api/v1/inventory/{sku.json()['sku_id']}/addStock", json={"amount": 1}).status_code == 204
    assert client.get("/api/v1/users/").status_code == 200
    actors = database.rows("select distinct actor from store.movement")
    assert actors == [("root",)], "the ledger keeps the user's name"


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_minds_no_case(shared: Shared, scheme: str) -> None:
    headers = {"Authorization": f"{scheme}  {log_in(shared.client)['access']}"}
    assert shared.client.get("/api/v1/users/", headers=headers).status_code == 200


@pytest.mark.parametrize("header", ["Basic eDp5", "Token abc", "", "Digest"])
def test_another_scheme_is_no_token(shared: Shared, header: str) -> None:
    headers = {"Authorization": header}
    assert shared.client.get("/temporary-blocks", headers=headers).status_code == 200
    answer = shared.client.get("/api/v1/users/", headers=headers)
    assert (answer.status_code, answer.json()["detail"]) == (401, "Authentication credentials were not provided.")


def test_a_disabled_user_gets_no_new_token_and_the_old_one_runs_out(
    server: Server, client: httpx.Client, database: Database
) -> None:
    database.one("select maintenance.create_user('root', 'secret', 'admin')")
    tokens = log_in(client)
    database.one("select maintenance.disable_user('root')")
    answer = client.post(REFRESH, json={"refresh": tokens["refresh"]})
    assert_401(answer, "No active account found for the given token.", code=None)
    assert client.post(TOKEN, json=CREDENTIALS).status_code == 401
    assert server.client(tokens["access"]).get("/api/v1/users/").status_code == 200
    assert server.client(forge(tokens["access"], exp=int(time.time()))).get("/api/v1/users/").status_code == 401
    database.one("select maintenance.enable_user('root')")
    assert client.post(REFRESH, json={"refresh": tokens["refresh"]}).status_code == 200


@pytest.mark.parametrize("change", ["change_password('root', 'another')", "change_role('root', 'operator')"])
def test_a_changed_password_or_role_ends_the_refresh_tokens_given_before(
    server: Server, client: httpx.Client, database: Database, change: str
) -> None:
    database.one("select maintenance.create_user('root', 'secret', 'admin')")
    before = log_in(client)
    database.one(f"select maintenance.{change}")
    assert_401(client.post(REFRESH, json={"refresh": before["refresh"]}), "Token is invalid")
    after = log_in(client, password="another" if "password" in change else "secret")
    refreshed = client.post(REFRESH, json={"refresh": after["refresh"]})
    assert refreshed.status_code == 200
    expected = 200 if "password" in change else 403
    for token in (after["access"], refreshed.json()["access"]):
        assert server.client(token).get("/api/v1/users/").status_code == expected


def test_a_new_access_token_has_the_users_role(client: httpx.Client, database: Database) -> None:
    for role in ("operator", "employee", "admin"):
        database.one("select maintenance.create_user(%s, 'secret', %s)", f"the-{role}", role)
        tokens = log_in(client, f"the-{role}")
        for token in (tokens["access"], client.post(REFRESH, json={"refresh": tokens["refresh"]}).json()["access"]):
            assert claims(token)["role"] == role


def test_a_key_that_the_database_has_lost_is_a_passing_failure(client: httpx.Client, database: Database) -> None:
    """As after a crash of the database between the two calls of a log-in: the keys are in no log of its own."""
    database.one("select maintenance.create_user('root', 'secret', 'admin')")
    body = {"username": "root", "password": "secret"}
    definition = database.one("select pg_get_functiondef('inventory.password_key'::regproc)")
    head = definition.partition("AS $")[0]
    database.admin.execute(
        f"{head} AS $$ begin id := inventory.uuid_v7(); key := extensions.gen_random_bytes(32); end; $$".encode()
    )
    answer = client.post("/api/v1/authentication/token/", json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "SERVICE_UNAVAILABLE")
    assert answer.headers["Retry-After"]
    database.admin.execute(definition.encode())
    assert client.post("/api/v1/authentication/token/", json=body).status_code == 200
