"""Which part of the code may import which: server/__init__.py and pgcalls/README.md say it in words."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from db import source
from server.app import SPECIFICATION
from server.database.interface import read
from server.operation import probes
from tests.conftest import Database
from tools import openapi

ROOT = Path(__file__).resolve().parent.parent.parent
OURS = ("bench", "db", "environment", "pgcalls", "server", "soak", "tests", "tools")
# What a room may import of what is ours, besides itself.
MAY_IMPORT = {
    "pgcalls": set(),
    "db": {"environment", "pgcalls"},
    "server/settings.py": {"environment", "server"},
    "server/traces.py": {"server"},
    "server/database": {"pgcalls", "server", "server.traces"},
    "server/http": {"pgcalls", "server", "server.database", "server.settings", "server.traces"},
    "server/webhooks": {"pgcalls", "server.database", "server.traces"},
    "server/operation": {"pgcalls", "server", "server.app", "server.settings", *(
        f"server.{room}" for room in ("database", "http", "webhooks")
    )},
}  # fmt: skip


def files(room: str) -> list[Path]:
    place = ROOT / room
    return [place] if place.is_file() else [p for p in sorted(place.rglob("*.py")) if "tests" not in p.parts[-2:]]


def imported(path: Path) -> Iterator[str]:
    """The rooms of ours that a file imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        names = [name.name for name in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
        if isinstance(node, ast.ImportFrom):
            module = node.module or ""
            names = [f"{module}.{name}" if module == "server" else module for name in names]
        for name in names:
            parts = name.split(".")
            if parts[0] in OURS:
                is_room = parts[0] == "server" and len(parts) > 1 and parts[1].islower()
                yield f"server.{parts[1]}" if is_room else parts[0]


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_a_room_imports_what_it_may(room: str) -> None:
    own = room.removesuffix(".py").replace("/", ".")
    found = {(path.name, name) for path in files(room) for name in imported(path) if name != own}
    assert files(room)
    assert {each for each in found if each[1] not in MAY_IMPORT[room]} == set()


def test_the_client_of_the_database_knows_no_word_of_the_inventory() -> None:
    for path in (*files("pgcalls"), ROOT / "pgcalls" / "README.md"):
        words = path.read_text().lower()
        for word in ("inventory", "stock", "sku", "product", "order", "price", "http."):
            assert word not in words.replace("in order", "").replace("the order of", "").replace("one order", ""), path


def test_the_server_asks_for_the_migrations_that_are_applied() -> None:
    """Neither of the two may import the other."""
    assert probes.migration_names() == source.migration_names() != []


def test_the_committed_document_is_what_the_database_offers(database: Database) -> None:
    """`make openapi` writes it."""
    assert openapi.text(read(database.one("select http.catalog()::text"))) == SPECIFICATION.read_text()
