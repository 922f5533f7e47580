"""A server over a database that is not what its routes need does not start, and says why."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pgcalls import UnavailableError
from server.database.interface import InterfaceError
from server.http.errors import STATUS
from tests.conftest import Database, Server

CANCEL = "http.cancel_block(uuid, inventory.reason, text, text)"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (f"drop function {CANCEL}", "http.cancel_block"),
        (f"comment on function {CANCEL} is null", "comment of http.cancel_block"),
        (
            f"comment on function {CANCEL} is 'Cancel a block.\n\nReturns {{\"a\": nothing}}'",
            "comment of http.cancel_block",
        ),
        (f"comment on function {CANCEL} is 'Cancel a block.'", "does not say what it returns"),
        ("alter function http.list_blocks volatile", "http.list_blocks is not declared stable"),
        (
            f"drop function {CANCEL}; create function http.cancel_block(p_id uuid) returns json language sql"
            " as $$ select '{}'::json $$; comment on function http.cancel_block(uuid) is 'Cancel a block.'",
            "no argument p_block_id",
        ),
        (
            f"drop function {CANCEL}; create function http.cancel_block(p_block_id uuid, p_reason point) returns json"
            " language sql as $$ select '{}'::json $$;"
            " comment on function http.cancel_block(uuid, point) is 'Cancel a block.\n\nReturns {}'",
            "No pydantic type for point",
        ),
    ],
)
def test_a_function_that_a_route_cannot_use_stops_the_start(
    start_server: Callable[..., Server], database: Database, change: str, sentence: str
) -> None:
    database.admin.execute(change.encode())
    with pytest.raises(Exception, match=sentence) as caught:
        start_server()
    assert type(caught.value).__module__.startswith("server."), "one of the server's own errors, not an accident"


def test_an_overloaded_function_stops_the_start(start_server: Callable[..., Server], database: Database) -> None:
    database.admin.execute(
        "create function http.cancel_block(p_block_id text) returns json language sql as $$ select '{}'::json $$;"
        " comment on function http.cancel_block(text) is 'Cancel a block.'"
    )
    with pytest.raises(InterfaceError, match="cancel_block"):
        start_server()


def test_each_error_code_has_its_statuses(database: Database) -> None:
    assert {code for (code,) in database.rows("select code from inventory.error_codes()")} <= STATUS.keys()


def test_a_server_starts_over_a_database_with_newer_error_codes(
    start_server: Callable[..., Server], database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """In a rolling upgrade, or where one is undone."""
    product = database.product(quantity=1)
    for statement in (
        "create or replace function inventory.error_codes() returns table (sqlstate text, code text, meaning text)"
        " language sql immutable as $$ select 'IV999', 'NEW_CODE', 'New' $$",
        "create function store.refuse() returns trigger language plpgsql as"
        " $$ begin raise exception using errcode = 'IV999', message = 'No.'; end $$",
        "create trigger refuse before insert on store.movement for each row execute function store.refuse()",
    ):
        database.admin.execute(statement.encode())
    server = start_server()
    assert "NEW_CODE" in caplog.text
    answer = server.client().post(f"/api/v1/inventory/{product}/reserveStock", json={"amount": 1})
    assert (answer.status_code, answer.json()["code"]) == (409, "NEW_CODE")


def test_a_database_that_cannot_be_reached_stops_the_start(
    start_server: Callable[..., Server], database: Database
) -> None:
    name = database.one("select current_database()::text")
    database.admin.execute(f'alter database "{name}" connection limit 0')
    with pytest.raises(UnavailableError):
        start_server()
