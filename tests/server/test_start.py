"""A server over a database that is not what its routes need does not start, and says why."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pgcalls import UnavailableError
from server.database.interface import InterfaceError
from tests.conftest import Database, Server

CANCEL = "http.cancel_block(uuid, inventory.reason, text)"


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


def test_an_error_code_that_has_no_status_stops_the_start(
    start_server: Callable[..., Server], database: Database
) -> None:
    database.admin.execute(
        "create or replace function inventory.error_codes() returns table (sqlstate text, code text, meaning text)"
        " language sql immutable as $$ select 'IV999', 'NEW_CODE', 'New' $$"
    )
    with pytest.raises(InterfaceError, match="NEW_CODE"):
        start_server()


def test_a_database_that_cannot_be_reached_stops_the_start(
    start_server: Callable[..., Server], database: Database
) -> None:
    name = database.one("select current_database()::text")
    database.admin.execute(f'alter database "{name}" connection limit 0')
    with pytest.raises(UnavailableError):
        start_server()
