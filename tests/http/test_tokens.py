"""Forged tokens, and guessing: what somebody tries who has a token, or none, and wants another's."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest

from pgcalls.client import FEW_CONNECTIONS
from tests.conftest import SECRET_KEY, Database, InThread, Server
from tests.http.conftest import Shared
from tests.http.test_authentication import REFRESH, TOKEN, VERIFY, claims, forge, log_in

ROOT = Path(__file__).resolve().parent.parent.parent
USERS = "/api/v1/users/"


def encode(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


def signed(header: Any, body: Any, key: bytes | None = SECRET_KEY.encode()) -> str:
    """A token of any header and claims (bytes as they are), with HS256's signature; with none where there is no key."""
    parts = [encode(part if isinstance(part, bytes) else json.dumps(part).encode()) for part in (header, body)]
    message = ".".join(parts)
    signature = b"" if key is None else hmac.new(key, message.encode(), hashlib.sha256).digest()
    return f"{message}.{encode(signature)}"


def assert_refused(shared: Shared, token: str) -> None:
    """It is no token for any endpoint."""
    assert shared.server.client(token).get(USERS).status_code == 401, token
    for path, name in ((REFRESH, "refresh"), (VERIFY, "token")):
        assert shared.client.post(path, json={name: token}).status_code == 401, token


# Signatures


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE", "", None, 0, ["none"], {}, "HS256 ", "hs256"])
def test_no_spelling_of_none_is_an_algorithm(shared: Shared, algorithm: Any) -> None:
    for kind in ("access", "refresh"):
        body = claims(log_in(shared.client)[kind])
        header = {"alg": algorithm, "typ": "JWT"}
        for key in (None, SECRET_KEY.encode(), b""):
            assert_refused(shared, signed(header, body, key))
        assert_refused(shared, signed({"typ": "JWT"}, body, None))


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "PS256", "EdDSA", "HS384", "HS512"])
def test_the_token_does_not_choose_the_algorithm(shared: Shared, algorithm: str) -> None:
    body = claims(log_in(shared.client)["access"])
    assert_refused(shared, signed({"alg": algorithm, "typ": "JWT"}, body))
    if algorithm.startswith("HS"):
        assert_refused(shared, jwt.encode(body, SECRET_KEY * 2, algorithm=algorithm))


def test_the_token_does_not_choose_the_key(shared: Shared) -> None:
    body = claims(log_in(shared.client)["access"])
    own = b"a key of the forger's own, of 32 characters and more"
    jwk = {"kty": "oct", "k": encode(own)}
    for more in ({"jwk": jwk}, {"jku": f"{shared.server.url}/x"}, {"kid": "../../dev/null"}, {"kid": "' or 1=1 --"}):
        for key in (own, b"", b"null", SECRET_KEY.encode()[:-1], SECRET_KEY.encode() * 2):
            assert_refused(shared, signed({"alg": "HS256", "typ": "JWT", **more}, body, key))


def test_a_signature_is_all_of_it_and_no_more(shared: Shared) -> None:
    good = log_in(shared.client)["access"]
    head, signature = good.rsplit(".", 1)
    raw = base64.urlsafe_b64decode(signature + "=")
    for other in (raw[:-1], raw[:16], raw[:1], b"", raw + b"\0", raw + raw, bytes([raw[0] ^ 1]) + raw[1:], bytes(32)):
        assert_refused(shared, f"{head}.{encode(other)}")
    for token in (f"{good}.{signature}", f"{good}.", f".{good}", head, f"{head}..{signature}", f"{good}!"):
        assert_refused(shared, token)


def test_every_letter_of_a_token_counts(shared: Shared) -> None:
    good = log_in(shared.client)["access"]
    header, body, signature = good.split(".")
    for place in range(0, len(body), 7):
        changed = "A" if body[place] != "A" else "B"
        token = f"{header}.{body[:place]}{changed}{body[place + 1 :]}.{signature}"
        assert shared.server.client(token).get(USERS).status_code == 401


# Claims


def test_of_two_claims_of_a_name_none_gains_anything_without_the_key(shared: Shared) -> None:
    """Which of the two counts is the key's holder's affair; who has no key has no token."""
    body = json.dumps(claims(shared.tokens["operator"]))
    twice = (body[:-1] + ', "role": "admin"}').encode()
    header = {"alg": "HS256", "typ": "JWT"}
    assert_refused(shared, signed(header, twice, b"another key, of 32 characters or more, too"))
    for first in (b'{"alg": "none", "alg": "HS256"}', b'{"alg": "HS256", "alg": "none"}'):
        assert_refused(shared, signed(first, twice, None))


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": None},
        {"exp": "soon"},
        {"exp": []},
        {"exp": {}},
        {"exp": -1},
        {"exp": 0},
        {"nbf": 4102444800},
        {"nbf": "later"},
        {"jti": None},
    ],
)
def test_a_token_has_its_time(shared: Shared, changes: dict[str, Any]) -> None:
    body = {name: v for name, v in (claims(log_in(shared.client)["access"]) | changes).items() if v is not None}
    assert_refused(shared, signed({"alg": "HS256", "typ": "JWT"}, body))


def test_an_access_token_and_a_refresh_token_do_nothing_of_each_others(shared: Shared) -> None:
    tokens = log_in(shared.client)
    assert shared.server.client(tokens["refresh"]).get(USERS).status_code == 401
    assert shared.client.post(REFRESH, json={"refresh": tokens["access"]}).status_code == 401
    for kind in ("Access", "ACCESS", " access", ["access"], {"access": 1}, True, 1, ""):
        token = forge(tokens["access"], token_type=kind)
        assert shared.server.client(token).get(USERS).status_code == 401, kind
        assert shared.client.post(REFRESH, json={"refresh": token}).status_code == 401, kind


@pytest.mark.parametrize("name", ["user_id", "version"])
@pytest.mark.parametrize(
    "value", [[], {}, [1], "1 or 1=1", "", 10**30, -(10**30), "\N{SUPERSCRIPT TWO}", "nan", float("inf"), float("nan")]
)
def test_claims_of_another_type_are_no_session(shared: Shared, name: str, value: Any) -> None:
    """Not even where the key signed them: 401, never an error of the server's."""
    token = forge(log_in(shared.client)["refresh"], **{name: value})
    assert shared.client.post(REFRESH, json={"refresh": token}).status_code == 401


def test_a_user_id_that_is_no_integer_is_nobody(shared: Shared) -> None:
    for value in (float("inf"), float("nan"), [], "x"):
        assert shared.server.client(forge(shared.tokens["admin"], user_id=value)).get(USERS).status_code == 401


@pytest.mark.parametrize("body", [b"[]", b'"x"', b"1", b"null", b"", b"{", b"\xff", b"[" * 5000])
def test_claims_that_are_no_object_are_no_token(shared: Shared, body: bytes) -> None:
    assert_refused(shared, signed({"alg": "HS256", "typ": "JWT"}, body))
    assert_refused(shared, signed(body, claims(shared.tokens["admin"])))


def test_a_huge_token_is_refused_and_no_error(shared: Shared) -> None:
    token = signed({"alg": "HS256", "typ": "JWT"}, {"x": "x" * 500_000}, b"x" * 32)
    for path, name in ((REFRESH, "refresh"), (VERIFY, "token")):
        assert shared.client.post(path, json={name: token}).status_code == 401
        assert shared.client.post(path, json={name: token * 2}).status_code == 413


# Users that change


def test_what_a_changed_role_does_to_each_token(server: Server, client: httpx.Client, database: Database) -> None:
    """The refresh token ends at once; the access token speaks for the old role until its few minutes are over."""
    database.one("select id from maintenance.create_user('root', 'secret', 'admin')")
    tokens = log_in(client)
    database.one("select id from maintenance.change_role('ROOT', 'operator')")
    assert client.post(REFRESH, json={"refresh": tokens["refresh"]}).status_code == 401
    assert server.client(tokens["access"]).get(USERS).status_code == 200
    assert server.client(forge(tokens["access"], exp=int(time.time()) - 1)).get(USERS).status_code == 401
    assert server.client(log_in(client, "rOOt")["access"]).get(USERS).status_code == 403
    # The role back again does not bring the tokens back.
    database.one("select id from maintenance.change_role('root', 'admin')")
    assert client.post(REFRESH, json={"refresh": tokens["refresh"]}).status_code == 401


def test_a_user_made_again_under_the_same_name_is_somebody_else(client: httpx.Client, database: Database) -> None:
    """There is no way to delete one but by a DBA's hand; a name that comes back does not bring its tokens back."""
    database.one("select id from maintenance.create_user('root', 'secret', 'admin')")
    tokens = log_in(client)
    database.admin.execute("delete from store.user_account")
    assert client.post(REFRESH, json={"refresh": tokens["refresh"]}).status_code == 401
    database.one("select id from maintenance.create_user('root', 'secret', 'admin')")
    assert client.post(REFRESH, json={"refresh": tokens["refresh"]}).status_code == 401
    assert log_in(client)


# A new key


def test_a_key_is_changed_without_logging_anyone_out_or_breaking_a_retry(
    start_server: Callable[..., Server], database: Database
) -> None:
    old, new = SECRET_KEY, "another secret key for the tests, of 32 characters"
    database.one("select id from maintenance.create_user('root', 'secret', 'admin')")
    product = database.product(quantity=5)
    path, body, key = f"/api/v1/inventory/{product}/addStock", {"amount": 1}, {"Idempotency-Key": "of before"}
    before = start_server()
    tokens = log_in(before.client())
    assert before.client().post(path, json=body, headers=key).status_code == 204

    rotated = start_server(secret_key=new, secret_key_previous=old)
    assert rotated.client(tokens["access"]).get(USERS).status_code == 200
    assert rotated.client().post(REFRESH, json={"refresh": tokens["refresh"]}).status_code == 200
    again = rotated.client().post(path, json=body, headers=key)
    assert (again.status_code, again.headers["Idempotent-Replayed"]) == (204, "true")
    assert rotated.client().post(path, json={"amount": 2}, headers=key).status_code == 422
    assert rotated.client().post(path, json=body, headers={"Idempotency-Key": "of between"}).status_code == 204
    renewed = log_in(rotated.client())

    after = start_server(secret_key=new)
    assert after.client(renewed["access"]).get(USERS).status_code == 200
    assert after.client(tokens["access"]).get(USERS).status_code == 401
    again = after.client().post(path, json=body, headers={"Idempotency-Key": "of between"})
    assert (again.status_code, again.headers["Idempotent-Replayed"]) == (204, "true")
    assert database.stock(product)[0] == 7


# Waiting


def test_nobody_waits_behind_a_flood_of_log_ins(
    start_server: Callable[..., Server], database: Database, in_thread: type[InThread]
) -> None:
    database.one("select id from maintenance.create_user('root', 'secret', 'admin')")
    server = start_server(anonymous_role="inventory_public")
    client = server.client()
    tokens = log_in(client)
    database.admin.execute(
        """
        create or replace function inventory.authenticate(p_username text, p_password text)
        returns inventory.user_info language plpgsql as
        $$ begin perform pg_advisory_xact_lock(17); return null; end $$
        """
    )
    with database.connect() as holder, holder.transaction():
        holder.execute("select pg_advisory_xact_lock(17)")
        body = {"username": "root", "password": "secret"}
        flood = [in_thread(lambda: server.client().post(TOKEN, json=body).status_code) for _ in range(12)]
        waiting = "select count(*) from pg_stat_activity where wait_event = 'advisory' and datname = current_database()"
        database.wait_for(lambda: database.one(waiting) == FEW_CONNECTIONS)
        assert client.post(REFRESH, json={"refresh": tokens["refresh"]}).status_code == 200
        assert client.get("/ready").status_code == 200
        assert client.get("/products").status_code == 200
        assert database.one(waiting) == FEW_CONNECTIONS
    assert {each.result() for each in flood} == {200}


def test_users_behind_one_address_share_no_limit_of_refreshes(
    start_server: Callable[..., Server], database: Database
) -> None:
    for name in ("ann", "ben"):
        database.one("select id from maintenance.create_user(%s, 'secret', 'admin')", name)
    client = start_server().client()
    ann, ben = (log_in(client, name)["refresh"] for name in ("ann", "ben"))
    client = start_server(rate_limit_authentication="2/minute").client()

    def status(path: str, **body: str) -> int:
        return client.post(path, json=body).status_code

    assert [status(REFRESH, refresh=ann) for _ in range(3)] == [200, 200, 429]
    assert [status(REFRESH, refresh=ben), status(VERIFY, token=ben), status(VERIFY, token=ben)] == [200, 200, 429]
    # A token that is not good counts for its address, and so do log-ins.
    assert [status(VERIFY, token="no token"), status(REFRESH), status(VERIFY, token="x")] == [401, 400, 429]
    assert status(TOKEN, username="ann", password="secret") == 429


# Guessing


def production(name: str) -> str:
    """A setting as .env.prod has it."""
    lines = dict(line.split("=", 1) for line in (ROOT / ".env.prod").read_text().splitlines() if line[:1].isupper())
    return lines[name]


def test_guesses_are_few_with_productions_limit(start_server: Callable[..., Server], database: Database) -> None:
    database.one("select id from maintenance.create_user('root', 'secret', 'admin')")
    limit = production("RATE_LIMIT_AUTHENTICATION")
    assert limit == "10/minute"
    server = start_server(rate_limit_authentication=limit)
    statuses = []
    for number in range(11):
        # Other names, other connections, a header that no proxy has set: one address.
        guess = {"username": "root" if number % 2 else f"user{number}", "password": f"guess{number}"}
        forwarded = {"X-Forwarded-For": f"192.0.2.{number}", "Forwarded": f"for=192.0.2.{number}"}
        statuses.append(server.client().post(TOKEN, json=guess, headers=forwarded).status_code)
    assert statuses == [401] * 10 + [429]
    # Nor does the right one pass now, nor a refresh: who guesses does not learn which it is.
    assert server.client().post(TOKEN, json={"username": "root", "password": "secret"}).status_code == 429
    assert server.client().post(REFRESH, json={"refresh": "x"}).status_code == 429
