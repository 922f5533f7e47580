"""Users: made and changed in SQL, who may log in, which refresh tokens still stand."""

from __future__ import annotations

import contextlib
import functools
import json
from typing import Any

import psycopg
import pytest

from server.database.passwords import seal
from tests.conftest import Database, InThread
from tests.sql.conftest import Call, Refused, contents
from tests.sql.races import refusal_of_the_second

DBA = {"role": "inventory_maintenance"}
LOGIN = {"role": "inventory_public"}
ADMIN = {"role": "inventory_admin"}

PASSWORD = "correct horse battery staple"


@pytest.fixture
def ann(call: Call) -> dict[str, Any]:
    """An operator."""
    user = call("maintenance.create_user", "Ann", PASSWORD, "operator", **DBA)
    assert user is not None
    return user


def log_in(call: Call, username: Any, password: Any) -> dict[str, Any]:
    user = call("authenticate", username, password, **LOGIN)
    assert user is not None
    return user


def stored_hash(database: Database, username: str) -> str:
    return str(database.one("select password_hash from store.user_account where username = %s", username))


# Made


def test_a_user_is_shown_without_the_password(database: Database, ann: dict[str, Any]) -> None:
    assert {"id", "username", "role", "is_active", "token_version", "created_at", "updated_at"} == ann.keys()
    assert (ann["username"], ann["role"], ann["is_active"], ann["token_version"]) == ("Ann", "operator", True, 1)
    assert ann["created_at"] == ann["updated_at"]


@pytest.mark.parametrize("schema", ["maintenance", "inventory"])
def test_a_user_may_log_in_with_the_password_and_no_other(call: Call, refused: Refused, schema: str) -> None:
    role = DBA if schema == "maintenance" else ADMIN
    made = call(f"{schema}.create_user", "Ann", PASSWORD, "employee", **role)
    assert log_in(call, "Ann", PASSWORD) == made
    for wrong in (PASSWORD + " ", PASSWORD[:-1], PASSWORD.upper(), "", None, "x" * 1025, "Ann"):
        with refused("IV014"):
            log_in(call, "Ann", wrong)


def test_a_password_is_stored_as_a_bcrypt_hash_alone(database: Database, ann: dict[str, Any]) -> None:
    assert stored_hash(database, "Ann").startswith("$2a$04$")
    assert len(stored_hash(database, "Ann")) == 60
    assert PASSWORD not in str(contents(database))


def test_the_cost_of_a_hash_is_a_setting(database: Database, call: Call) -> None:
    call("maintenance.configure", p_password_cost=5, **DBA)
    user = call("maintenance.create_user", "Ann", PASSWORD, "operator", **DBA)
    assert user is not None
    assert stored_hash(database, "Ann").startswith("$2a$05$")
    call("maintenance.configure", p_password_cost=6, **DBA)
    call("update_user", user["id"], p_password=PASSWORD, **ADMIN)
    assert stored_hash(database, "Ann").startswith("$2a$06$")
    log_in(call, "Ann", PASSWORD)


def test_equal_passwords_have_different_hashes(database: Database, call: Call, ann: dict[str, Any]) -> None:
    call("maintenance.create_user", "Bob", PASSWORD, "operator", **DBA)
    assert stored_hash(database, "Ann") != stored_hash(database, "Bob")


def test_all_of_a_long_password_counts(call: Call, refused: Refused) -> None:
    """bcrypt itself reads no more than 72 bytes."""
    password = "x" * 1023
    call("maintenance.create_user", "Ann", password + "a", "operator", **DBA)
    log_in(call, "Ann", password + "a")
    for wrong in (password + "b", password, password[:72]):
        with refused("IV014"):
            log_in(call, "Ann", wrong)


def test_a_password_may_be_any_text(call: Call, subtests: pytest.Subtests) -> None:
    for number, password in enumerate((" ", "pässwörd", "密码", "😀" * 1024, "a'b\\c\"", "a\nb")):
        with subtests.test(password=password):
            call("maintenance.create_user", f"user-{number}", password, "operator", **DBA)
            log_in(call, f"user-{number}", password)


def test_a_new_password_has_as_many_characters_as_the_settings_ask_for(
    database: Database, call: Call, refused: Refused, ann: dict[str, Any]
) -> None:
    """8, where nobody has set it; for the function it makes no difference which user is meant, nor which role calls."""
    default = database.one(
        "select column_default from information_schema.columns where column_name = 'password_length_minimum'"
    )
    assert default == "8"
    call("maintenance.configure", p_password_length_minimum=int(default), **DBA)
    for short in ("sevenab", "äöüäöüä", "x", "admin"):
        for refuse in (
            lambda short=short: call("maintenance.create_user", "Bob", short, "admin", **DBA),
            lambda short=short: call("create_user", "Bob", short, "admin", **ADMIN),
            lambda short=short: call("maintenance.change_password", "Ann", short, **DBA),
            lambda short=short: call("update_user", ann["id"], p_password=short, **ADMIN),
        ):
            with refused("22023") as error:
                refuse()
            assert json.loads(error.value.diag.message_detail or "") == {"field": "password", "min_length": 8}
            assert short not in str(error.value.diag.message_primary)
    call("maintenance.create_user", "Bob", "eightabc", "admin", **DBA)
    log_in(call, call("maintenance.change_password", "Ann", "äöüäöüäö", **DBA)["username"], "äöüäöüäö")  # type: ignore[index]
    call("maintenance.configure", p_password_length_minimum=9, **DBA)
    with refused("22023"):
        call("maintenance.change_password", "Ann", "eightabc", **DBA)
    log_in(call, "Bob", "eightabc")  # a password that was set before goes on


def test_the_login_of_development_alone_may_be_short(call: Call, refused: Refused) -> None:
    call("maintenance.configure", p_password_length_minimum=8, **DBA)
    call("maintenance.create_user", "Admin", "admin", "admin", **DBA)
    log_in(call, "admin", "admin")
    for short in ("Admin", "admin1", "secret"):
        with refused("22023"):
            call("maintenance.change_password", "admin", short, **DBA)
    call("maintenance.change_password", "ADMIN", "long enough", **DBA)
    call("maintenance.change_password", "ADMIN", "admin", **DBA)


def test_names_mind_no_case(database: Database, call: Call, refused: Refused, ann: dict[str, Any]) -> None:
    for name in ("Ann", "ANN", "ann"):
        assert log_in(call, name, PASSWORD) == ann
        with refused("IV017") as error:
            call("maintenance.create_user", name, "another", "admin", **DBA)
        assert json.loads(error.value.diag.message_detail or "") == {"field": "username"}
    assert call("maintenance.disable_user", "aNN", **DBA)["username"] == "Ann"  # type: ignore[index]


def test_a_user_of_wrong_form_is_refused(call: Call, refused: Refused, subtests: pytest.Subtests) -> None:
    for values, refusal in (
        (["", PASSWORD, "operator"], ["23514", "username_form"]),
        (["a b", PASSWORD, "operator"], ["23514", "username_form"]),
        (["x" * 151, PASSWORD, "operator"], ["23514", "username_form"]),
        (["Ann", "", "operator"], ["23514", "password_length"]),
        (["Ann", "x" * 1025, "operator"], ["23514", "password_length"]),
        (["Ann", PASSWORD, "public"], ["23514", "user_role_known"]),
        (["Ann", PASSWORD, "Admin"], ["23514", "user_role_known"]),
        ([None, PASSWORD, "operator"], ["22004"]),
        (["Ann", None, "operator"], ["22004"]),
        (["Ann", PASSWORD, None], ["22004"]),
    ):
        with subtests.test(values=values), refused(*refusal):
            call("create_user", *values, **ADMIN)


def test_of_two_callers_with_one_name_one_is_refused(database: Database, in_thread: type[InThread]) -> None:
    queries = (
        "select inventory.create_user('Ann', 'one', 'admin')",
        "select inventory.create_user('ann', 'two', 'admin')",
    )
    assert refusal_of_the_second(database, in_thread, "inventory_admin", *queries) == "IV017"
    assert database.counts()["user_account"] == 1


# Logging in


def test_unknown_disabled_and_wrong_are_one_error(call: Call, ann: dict[str, Any]) -> None:
    """So that nobody learns which names there are."""
    call("maintenance.create_user", "Bob", PASSWORD, "operator", **DBA)
    call("maintenance.disable_user", "Bob", **DBA)
    said = set()
    for username, password in (("Nobody", PASSWORD), ("Bob", PASSWORD), ("Ann", "wrong"), (None, PASSWORD), ("", "")):
        with pytest.raises(psycopg.Error) as error:
            log_in(call, username, password)
        diag = error.value.diag
        said.add((error.value.sqlstate, diag.message_primary, diag.message_detail, diag.message_hint))
    assert len(said) == 1
    assert said.pop()[0] == "IV014"


def test_logging_in_as_nobody_costs_a_hash_too(database: Database, ann: dict[str, Any]) -> None:
    """Counted, not timed: the function that hashes is called as often."""
    hashes = "select coalesce(sum(calls), 0) from pg_stat_user_functions where funcname = 'hash_password'"
    for count, username in enumerate(("Ann", "Nobody"), 1):
        connection = database.connect()
        connection.execute("set track_functions = 'pl'")
        with pytest.raises(psycopg.Error):
            connection.execute("select inventory.authenticate(%s, 'wrong')", [username])
        connection.close()  # which writes its statistics
        database.wait_for(functools.partial(lambda wanted: database.one(hashes) == wanted, count))


@pytest.mark.parametrize("cost", [4, 6])
def test_whoever_is_refused_costs_one_hash_of_one_cost(database: Database, call: Call, cost: int) -> None:
    """Unknown, disabled, wrong: as many calls of crypt(), each with the cost of the setting, as the right one has."""
    call("maintenance.configure", p_password_cost=cost, **DBA)
    for name in ("Ann", "Bob"):
        call("maintenance.create_user", name, PASSWORD, "operator", **DBA)
    call("maintenance.disable_user", "Bob", **DBA)
    database.admin.execute(
        """
        create or replace function inventory.hash_password(p_password inventory.password, p_salt text) returns text
        language plpgsql stable security definer set search_path = pg_catalog, pg_temp
        as $$
        begin
            raise notice '%', left(p_salt, 7);
            return extensions.crypt(encode(sha384(convert_to(p_password, 'UTF8')), 'base64'), p_salt);
        end;
        $$
        """
    )
    work = {}
    for username, password in (
        ("Ann", PASSWORD),
        ("Ann", "wrong"),
        ("Bob", PASSWORD),
        ("Bob", "wrong"),
        ("Nobody", PASSWORD),
        ("", "wrong"),
        (None, "wrong"),
        ("' or 1=1", "wrong"),
    ):
        connection, costs = database.connect(), []  # the superuser's, who may count all functions
        connection.execute("set track_functions = 'all'")
        connection.add_notice_handler(lambda diag, costs=costs: costs.append(diag.message_primary))
        with connection.transaction():
            with contextlib.suppress(psycopg.Error), connection.transaction():
                connection.execute("select inventory.authenticate(%s, %s)", [username, password])
            calls = connection.execute(
                "select coalesce(sum(f.calls), 0)::integer from pg_stat_xact_user_functions as f"
                " where f.funcname = 'crypt'"
            ).fetchone()
        work[username, password] = (calls, costs)
    assert set(map(repr, work.values())) == {repr(((1,), [f"$2a${cost:02}$"]))}, work


# Changed


def test_a_disabled_user_is_refused_until_enabled(call: Call, refused: Refused, ann: dict[str, Any]) -> None:
    disabled = call("maintenance.disable_user", "Ann", **DBA)
    assert disabled is not None
    assert (disabled["is_active"], disabled["token_version"]) == (False, 1)
    with refused("IV014"):
        log_in(call, "Ann", PASSWORD)
    with refused("IV014"):
        call("refresh_session", ann["id"], 1, **LOGIN)
    call("maintenance.enable_user", "Ann", **DBA)
    assert log_in(call, "Ann", PASSWORD)["is_active"]
    assert call("refresh_session", ann["id"], 1, **LOGIN) is not None


def test_a_changed_password_ends_the_old_one_and_the_refresh_tokens(
    call: Call, refused: Refused, ann: dict[str, Any]
) -> None:
    changed = call("maintenance.change_password", "Ann", "new", **DBA)
    assert changed is not None
    assert changed["token_version"] == 2
    with refused("IV014"):
        log_in(call, "Ann", PASSWORD)
    with refused("IV015"):
        call("refresh_session", ann["id"], 1, **LOGIN)
    assert log_in(call, "Ann", "new") == changed
    assert call("refresh_session", ann["id"], 2, **LOGIN) == changed


def test_a_changed_role_ends_the_refresh_tokens(call: Call, refused: Refused, ann: dict[str, Any]) -> None:
    changed = call("maintenance.change_role", "Ann", "admin", **DBA)
    assert changed is not None
    assert (changed["role"], changed["token_version"]) == ("admin", 2)
    with refused("IV015"):
        call("refresh_session", ann["id"], 1, **LOGIN)
    assert log_in(call, "Ann", PASSWORD)["role"] == "admin"


def test_a_role_that_stays_the_same_ends_nothing(call: Call, ann: dict[str, Any]) -> None:
    same = call("maintenance.change_role", "Ann", "operator", **DBA)
    assert same is not None
    assert same["token_version"] == 1


def test_what_is_not_named_stays(database: Database, call: Call, ann: dict[str, Any]) -> None:
    before = stored_hash(database, "Ann")
    assert call("update_user", ann["id"], **ADMIN) == ann | {
        "updated_at": database.one("select updated_at from store.user_account")
    }
    changed = call("update_user", ann["id"], "employee", False, **ADMIN)
    assert changed is not None
    assert (changed["role"], changed["is_active"], changed["token_version"]) == ("employee", False, 2)
    assert changed["updated_at"] > changed["created_at"] == ann["created_at"]
    assert stored_hash(database, "Ann") == before


def test_role_and_password_at_once_are_one_change(call: Call, ann: dict[str, Any]) -> None:
    changed = call("update_user", ann["id"], "admin", None, "new", **ADMIN)
    assert changed is not None
    assert changed["token_version"] == 2


def test_a_change_of_wrong_form_is_refused(call: Call, refused: Refused, ann: dict[str, Any]) -> None:
    with refused("23514", "user_role_known"):
        call("update_user", ann["id"], p_role="owner", **ADMIN)
    with refused("23514", "password_length"):
        call("update_user", ann["id"], p_password="", **ADMIN)


@pytest.mark.usefixtures("ann")
def test_an_unknown_name_is_said_to_be_unknown(database: Database, refused: Refused, subtests: pytest.Subtests) -> None:
    for function in (
        "disable_user(%s)",
        "enable_user(%s)",
        "change_password(%s, 'new')",
        "change_role(%s, 'admin')",
        "user_id(%s)",
    ):
        for unknown in ("Nobody", "", None):
            with subtests.test(function, unknown=unknown), refused("IV016"):
                database.admin.execute(f"select maintenance.{function}".encode(), [unknown])


def test_an_unknown_id_is_said_to_be_unknown(call: Call, refused: Refused, ann: dict[str, Any]) -> None:
    for unknown in (999, None):
        with refused("IV016"):
            call("update_user", unknown, p_is_active=False, **ADMIN)


# Refreshing


def test_a_refresh_token_stands_for_the_user_as_he_is_now(call: Call, ann: dict[str, Any]) -> None:
    assert call("refresh_session", ann["id"], 1, **LOGIN) == ann


def test_a_refresh_token_of_another_version_is_refused(call: Call, refused: Refused, ann: dict[str, Any]) -> None:
    for version in (0, 2, -1, None):
        with refused("IV015"):
            call("refresh_session", ann["id"], version, **LOGIN)


@pytest.mark.usefixtures("ann")
def test_a_refresh_token_of_nobody_is_refused(call: Call, refused: Refused) -> None:
    for user in (999, None):
        with refused("IV014"):
            call("refresh_session", user, 1, **LOGIN)


# The login of development


def test_the_login_of_development_is_found_out(call: Call) -> None:
    def is_there() -> bool:
        row = call("has_development_admin", **ADMIN)
        assert row is not None
        return bool(row["has_development_admin"])

    assert not is_there()
    call("maintenance.create_user", "Admin", "admin", "operator", **DBA)
    assert is_there()
    call("maintenance.disable_user", "admin", **DBA)
    assert not is_there()
    call("maintenance.enable_user", "admin", **DBA)
    call("maintenance.change_password", "admin", "another", **DBA)
    assert not is_there()


# Sealed passwords


def sealed(database: Database, password: str) -> str:
    """The password, sealed as servers do."""
    ((key_id, key),) = database.rows("select id::text, encode(key, 'hex') from maintenance.password_key()")
    return seal(password, key_id, key)


@pytest.mark.parametrize("password", [PASSWORD, "x", "0123456789abcdef", "ä€😀" * 300, "😀" * 1024, "sealed:x", "\n"])
def test_a_password_may_be_sealed(database: Database, call: Call, refused: Refused, password: str) -> None:
    hidden = sealed(database, password)
    assert password not in hidden or len(password) == 1
    assert sealed(database, password) != hidden, "the same password looks different each time"
    made = call("maintenance.create_user", "Bob", hidden, "operator", **DBA)
    assert log_in(call, "Bob", password) == log_in(call, "Bob", sealed(database, password)) == made
    with refused("IV014"):
        log_in(call, "Bob", sealed(database, password + "x"))
    changed = call(
        "maintenance.change_password", "Bob", sealed(database, password + "y"[: 1024 - len(password)]), **DBA
    )
    assert changed is not None
    assert stored_hash(database, "Bob").startswith("$2a$04$")


@pytest.mark.parametrize(("password", "sqlstate", "constraint"), [
    ("seven77", "22023", None),
    ("", "23514", "password_length"),
    ("x" * 1025, "23514", "password_length"),
])  # fmt: skip
def test_a_sealed_password_keeps_the_same_rules(
    database: Database, call: Call, refused: Refused, password: str, sqlstate: str, constraint: str | None
) -> None:
    call("maintenance.configure", p_password_length_minimum=8, **DBA)
    hidden = sealed(database, password)
    with refused(sqlstate, constraint):
        call("maintenance.create_user", "Bob", hidden, "operator", **DBA)
    with refused("IV014"):
        log_in(call, "Bob", hidden)


def test_a_password_whose_key_is_gone_is_not_taken_for_one_in_clear(
    database: Database, call: Call, refused: Refused, ann: dict[str, Any]
) -> None:
    hidden = sealed(database, PASSWORD)
    database.admin.execute("delete from store.password_key")
    with refused("55000"):
        log_in(call, "Ann", hidden)
    with refused("55000"):
        call("maintenance.create_user", "Bob", hidden, "operator", **DBA)
    with refused("55000"):
        call("update_user", ann["id"], p_password=hidden, **ADMIN)


@pytest.mark.parametrize(
    "password", ["sealed:", "sealed:" + "0" * 36 + ":" + "0" * 63, "sealed:" + "x" * 36 + ":" + "0" * 64]
)
def test_what_only_looks_sealed_is_a_password(call: Call, password: str) -> None:
    made = call("maintenance.create_user", "Bob", password, "operator", **DBA)
    assert log_in(call, "Bob", password) == made
