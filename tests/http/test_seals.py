"""GET /api/v1/seals: pages of seals, for others to keep."""

from __future__ import annotations

import re
from datetime import timedelta

import httpx
import pytest

from tests.conftest import Database
from tests.http.test_changes import integration  # noqa: F401 - a fixture


@pytest.fixture
def seals(database: Database) -> int:
    """Three seals."""
    for n in range(3):
        database.product(f"A-{n}", 10)
        database.advance(timedelta(hours=1))
    database.settle()
    while database.one("select maintenance.seal_movements()"):
        pass
    return 3


@pytest.mark.parametrize("path", ["/api/v1/seals", "/api/v1/seals/"])
def test_the_seals_are_a_chain(database: Database, integration: httpx.Client, seals: int, path: str) -> None:  # noqa: F811
    answer = integration.get(path).json()
    assert [seal["number"] for seal in answer["seals"]] == [1, 2, 3]
    assert answer["next"] == 3
    assert [seal["previous"] for seal in answer["seals"]] == [None, *(seal["hash"] for seal in answer["seals"][:-1])]
    first = answer["seals"][0]
    assert list(first) == ["number", "hour", "first", "last", "movements", "hash", "previous", "sealed_at"]
    assert re.fullmatch("[0-9a-f]{64}", first["hash"])
    assert (first["movements"], first["first"]) == (1, first["last"])
    movements = [
        change["cursor"]
        for change in integration.get("/api/v1/changes/").json()["changes"]
        if change["type"] == "movement"
    ]
    assert [seal["last"] for seal in answer["seals"]] == movements


def test_pages_of_seals(integration: httpx.Client, seals: int) -> None:  # noqa: F811
    answer = integration.get("/api/v1/seals/", params={"limit": 2}).json()
    assert ([seal["number"] for seal in answer["seals"]], answer["next"]) == ([1, 2], 2)
    answer = integration.get("/api/v1/seals/", params={"after": answer["next"]}).json()
    assert ([seal["number"] for seal in answer["seals"]], answer["next"]) == ([3], 3)
    answer = integration.get("/api/v1/seals/", params={"after": 3}).json()
    assert answer == {"seals": [], "next": 3}
    for wrong in ({"limit": 0}, {"limit": 1001}, {"after": "x"}):
        assert integration.get("/api/v1/seals/", params=wrong).status_code == 422


def test_the_copy_of_a_client_is_compared(database: Database, integration: httpx.Client, seals: int) -> None:  # noqa: F811
    copy = integration.get("/api/v1/seals/").text
    compare = "select seal, problem from maintenance.verify_seals(%s::jsonb)"
    assert database.rows(compare, copy) == []
    database.admin.execute("update store.seal set hash = sha256(hash) where number = 3")
    assert set(database.rows(compare, copy)) == {(3, "seal changed"), (3, "differs from the copy")}
