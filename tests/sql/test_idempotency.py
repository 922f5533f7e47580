"""http.once: an Idempotency-Key and the work behind it are one, and one of each."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from tests.conftest import Database
from tests.sql.conftest import Freeze, Refused

pytestmark = pytest.mark.usefixtures("verified")

Answer = tuple[bool, Any, Any]
Once = Callable[..., Answer]

DAY = timedelta(hours=24)
MICROSECOND = timedelta(microseconds=1)


def ask(
    connection: psycopg.Connection[Any],
    function: str,
    arguments: dict[str, Any],
    *,
    key: str = "key",
    request: str = "request",
    caller: str = "ann",
) -> Answer:
    """(replayed, result as text, error)"""
    row = connection.execute(
        "select replayed, result::text, error from http.once(%s, %s, %s, %s, %s)",
        [caller, key, request, function, json.dumps(arguments)],
    ).fetchone()
    assert row is not None
    return row[0], row[1], row[2]


@pytest.fixture
def once(database: Database) -> Once:
    """once(function, arguments, key=…): (replayed, result as text, error), called by the operator."""
    connection = database.connect("inventory_operator")
    return lambda function, arguments, **others: ask(connection, function, arguments, **others)


def item(sku: str = "B-1") -> dict[str, Any]:
    return {"p_sku": sku, "p_name": "Mug", "p_price": "99.90", "p_stock": "5"}


# The first answer


def test_the_first_call_does_the_work(database: Database, once: Once) -> None:
    replayed, result, error = once("create_inventory_item", item())
    assert (replayed, error) == (False, None)
    assert json.loads(result)["sku"] == "B-1"
    assert database.rows("select sku from store.product") == [("B-1",)]


def test_the_same_call_gets_the_first_answer_and_changes_nothing(database: Database, once: Once) -> None:
    first = once("create_inventory_item", item())
    before = database.counts()
    database.admin.execute("update store.product set name = 'Another'")
    for _ in range(2):
        assert once("create_inventory_item", item()) == (True, first[1], None), "to the letter"
    assert database.counts() == before


def test_an_answer_of_nothing_is_remembered_too(database: Database, once: Once) -> None:
    product = database.product(quantity=5)
    arguments = {"p_id": str(product), "p_amount": "2"}
    assert once("reserve_stock", arguments) == (False, None, None)
    assert once("reserve_stock", arguments) == (True, None, None)
    assert database.stock(product) == (5, 2, 0)


def test_the_work_is_planned_as_without_a_key(database: Database, once: Once) -> None:
    """The posting's plans go by indexes alone. An import or a count of many lines needs the other joins."""
    names = ("plan_cache_mode", "enable_hashjoin", "enable_mergejoin", "enable_seqscan", "jit")
    database.admin.execute(
        """
        create function http.planner(p_names text[]) returns json language plpgsql security definer as $$
        begin
            return (select json_object_agg(n.name, current_setting(n.name)) from unnest(p_names) as n (name));
        end;
        $$;
        grant execute on function http.planner(text[]) to inventory_operator;
        """
    )
    _, result, _ = once("planner", {"p_names": names})
    assert json.loads(result) == {name: database.one("select current_setting(%s)", name) for name in names}


def test_arguments_left_out_have_their_defaults(database: Database, once: Once) -> None:
    arguments = item()
    del arguments["p_stock"]
    _, result, _ = once("create_inventory_item", arguments)
    assert json.loads(result)["onHandStock"] == 0


def test_another_request_with_the_same_key_is_refused(database: Database, once: Once, refused: Refused) -> None:
    once("create_inventory_item", item())
    with refused("IV012"):
        once("create_inventory_item", item("B-2"), request="another")
    with refused("IV012"):
        once("reserve_stock", {"p_id": "1", "p_amount": "1"}, request="another")


def test_another_key_or_another_caller_is_another_request(database: Database, once: Once) -> None:
    product = database.product(quantity=9)
    arguments = {"p_id": str(product), "p_amount": "1"}
    # The last two, written one after the other, are the same text.
    for others in ({}, {"key": "other"}, {"caller": "bob"}, {"caller": "a", "key": "bc"}, {"caller": "ab", "key": "c"}):
        assert once("reserve_stock", arguments, **others) == (False, None, None)
    assert database.stock(product) == (9, 5, 0)
    assert database.counts()["idempotency_key"] == 5


# Errors


def test_a_business_error_is_remembered(database: Database, once: Once) -> None:
    product = database.product(quantity=5)
    arguments = {"p_id": str(product), "p_amount": "6"}
    replayed, result, error = once("reserve_stock", arguments)
    assert (replayed, result, error["sqlstate"]) == (False, None, "IV001")
    assert json.loads(error["detail"]) == {"available": 5, "requested": 6}
    assert error.keys() == {"sqlstate", "message", "detail", "hint", "constraint", "at"}
    database.one("select inventory.add_stock(%s, 10)", product)
    assert once("reserve_stock", arguments) == (True, None, error), "although there would be enough now"
    assert database.stock(product) == (15, 0, 0)


def test_a_business_error_undoes_what_the_function_has_done(database: Database, once: Once) -> None:
    first, second = (database.sku_id(database.product(sku, 5)) for sku in ("A-1", "A-2"))
    lines = [{"sku_id": first, "quantity": "5"}, {"sku_id": second, "quantity": "6"}]
    _, _, error = once("create_blocks", {"p_items": lines})
    assert error["sqlstate"] == "IV001"
    counts = database.counts()
    assert (counts["block"], counts["idempotency_key"]) == (0, 1)
    assert database.rows("select blocked from store.stock") == [(0,), (0,)]


def test_a_validation_error_is_raised_and_not_remembered(
    database: Database, once: Once, refused: Refused, subtests: pytest.Subtests
) -> None:
    good = {"p_id": str(database.product(quantity=5)), "p_amount": "1"}
    for bad, refusal in (
        ({"p_amount": "-1"}, ["23514", "quantity_range"]),
        ({"p_amount": "0.0001"}, ["23514", "quantity_places"]),
        ({"p_amount": "abc"}, ["22P02"]),
        ({"p_amount": None}, ["22004"]),
        ({"p_id": "x"}, ["23514", "product_reference_form"]),
    ):
        with subtests.test(bad=bad), refused(*refusal):
            once("reserve_stock", good | bad)
    assert once("reserve_stock", good) == (False, None, None)


def test_an_end_in_the_past_is_not_remembered(database: Database, once: Once, refused: Refused) -> None:
    arguments = {"p_sku_id": database.sku_id(database.product(quantity=5)), "p_quantity": "1"}
    with refused("22023"):
        once("create_block", arguments | {"p_expires_at": "2001-01-01T00:00:00Z"})
    assert once("create_block", arguments)[0] is False


def test_a_passing_failure_is_raised_and_not_remembered(database: Database, refused: Refused) -> None:
    product = database.product(quantity=5)
    arguments = {"p_id": str(product), "p_amount": "1"}
    holder, connection = database.connect(), database.connect("inventory_operator")
    connection.execute("set lock_timeout = '50ms'")
    with holder.transaction():
        holder.execute("select from store.stock for update")
        with refused("55P03"):
            ask(connection, "reserve_stock", arguments)
    assert ask(connection, "reserve_stock", arguments) == (False, None, None)


# Two at once, and transactions


def test_a_key_is_in_use_while_its_first_call_runs(database: Database, refused: Refused) -> None:
    product = database.product(quantity=5)
    arguments = {"p_id": str(product), "p_amount": "1"}
    first, second = database.connect("inventory_operator"), database.connect("inventory_operator")
    with first.transaction():
        ask(first, "reserve_stock", arguments)
        with refused("IV013"):
            ask(second, "reserve_stock", arguments)
        with refused("IV013"):
            ask(second, "reserve_stock", arguments, request="another")
        assert ask(second, "create_inventory_item", item(), key="other")[0] is False, "another key waits for nobody"
    assert ask(second, "reserve_stock", arguments) == (True, None, None)
    assert database.stock(product) == (5, 1, 0)


def test_a_key_belongs_to_the_user_and_not_to_the_role(database: Database) -> None:
    admin, employee = database.connect("inventory_admin"), database.connect("inventory_employee")
    user = {"p_username": "Bob", "p_password": "secret", "p_role": "operator"}
    product = database.product(quantity=5)
    arguments = {"p_id": str(product), "p_amount": "1"}
    first = ask(employee, "reserve_stock", arguments, caller="user:1")
    assert ask(admin, "reserve_stock", arguments, caller="user:1") == (True, *first[1:])
    assert database.stock(product) == (5, 1, 0)
    assert ask(admin, "create_user", user, caller="user:2")[0] is False


def test_a_login_that_is_not_the_servers_neither_sees_nor_uses_up_its_keys(database: Database) -> None:
    product = database.product(quantity=5)
    arguments = {"p_id": str(product), "p_amount": "1"}
    assert ask(database.connect("inventory_operator"), "reserve_stock", arguments, caller="user:1")[0] is False
    assert ask(database.connect(), "reserve_stock", arguments, caller="user:1")[0] is False
    assert database.stock(product) == (5, 2, 0)


def test_the_key_and_the_work_are_one_transaction(database: Database) -> None:
    product = database.product(quantity=5)
    arguments = {"p_id": str(product), "p_amount": "1"}
    before = database.counts()
    connection = database.connect("inventory_operator")
    with connection.transaction(force_rollback=True):
        assert ask(connection, "reserve_stock", arguments) == (False, None, None)
        assert ask(connection, "reserve_stock", arguments) == (True, None, None)
    assert database.counts() == before
    assert database.stock(product) == (5, 0, 0)
    assert ask(connection, "reserve_stock", arguments) == (False, None, None)


# For how long


def test_a_key_lives_24_hours(database: Database, once: Once, freeze: Freeze) -> None:
    product = database.product(quantity=5)
    arguments = {"p_id": str(product), "p_amount": "1"}
    noon = datetime(2030, 1, 1, 12, tzinfo=UTC)
    freeze(noon)
    assert once("reserve_stock", arguments)[0] is False
    freeze(noon + DAY - MICROSECOND)
    assert once("reserve_stock", arguments)[0] is True
    freeze(noon + DAY)
    assert once("reserve_stock", arguments, request="another")[0] is False
    assert once("reserve_stock", arguments, request="another")[0] is True
    assert database.stock(product) == (5, 2, 0)
    assert database.rows("select request, created_at from store.idempotency_key") == [("another", noon + DAY)]


def test_a_business_error_is_forgotten_after_24_hours_too(database: Database, once: Once) -> None:
    product = database.product(quantity=5)
    arguments = {"p_id": str(product), "p_amount": "6"}
    assert once("reserve_stock", arguments)[2]["sqlstate"] == "IV001"
    database.one("select inventory.add_stock(%s, 10)", product)
    database.advance(DAY)
    assert once("reserve_stock", arguments) == (False, None, None)
    assert database.rows("select error from store.idempotency_key") == [(None,)]


def test_how_long_a_key_lives_is_a_setting(database: Database, once: Once) -> None:
    database.admin.execute("select maintenance.configure(p_idempotency_lifetime => '1 minute')")
    product = database.product(quantity=5)
    arguments = {"p_id": str(product), "p_amount": "1"}
    once("reserve_stock", arguments)
    database.advance(timedelta(minutes=1))
    assert once("reserve_stock", arguments)[0] is False


# Who may


def test_once_is_no_way_round_a_grant(database: Database, refused: Refused, subtests: pytest.Subtests) -> None:
    database.product(quantity=5)
    database.one("select inventory.create_user('ann', 'x', 'operator')")
    for role, function, arguments in (
        ("inventory_public", "reserve_stock", {"p_id": "1", "p_amount": "1"}),
        ("inventory_public", "create_sku", {}),
        ("inventory_operator", "create_user", {"p_username": "eve", "p_password": "x", "p_role": "admin"}),
        ("inventory_employee", "update_user", {"p_id": "1", "p_role": "admin"}),
        ("inventory_admin", "decimal_text", {}),
        ("inventory_admin", "statement", {"p_function": "once"}),
        ("inventory_reporting", "ready", {}),
        ("inventory_maintenance", "ready", {}),
    ):
        with subtests.test(role=role, function=function), refused("42501"):
            ask(database.connect(role), function, arguments)


def test_an_answer_is_repeated_to_those_alone_who_could_ask_for_it(database: Database, refused: Refused) -> None:
    arguments = {"p_username": "eve", "p_password": "x", "p_role": "admin"}
    assert ask(database.connect("inventory_admin"), "create_user", arguments)[0] is False
    with refused("42501"):
        ask(database.connect("inventory_operator"), "create_user", arguments)


def test_what_is_no_function_of_http_is_refused(database: Database, refused: Refused) -> None:
    admin = database.connect("inventory_admin")
    for function in ("nothing", "", "reserve_stock(1)", "inventory.reserve_stock", "RESERVE_STOCK", "once; select 1"):
        with refused("42883"):
            ask(admin, function, {})


def test_a_key_without_a_part_does_no_work(once: Once, refused: Refused) -> None:
    for missing in ("caller", "key", "request"):
        with refused("22004"):
            once("create_inventory_item", item(), **{missing: None})


def test_a_key_keeps_one_outcome(database: Database, once: Once, refused: Refused) -> None:
    once("create_inventory_item", item())
    with refused("23514", "idempotency_key_one_outcome"):
        database.admin.execute("update store.idempotency_key set error = '{}'")


def test_a_function_without_arguments_has_a_statement(database: Database) -> None:
    statement = database.one("select http.statement('batch_functions')").replace("$1", "'{}'")
    assert database.one(statement) == database.one("select http.batch_functions()")
