"""What a database is brought to: the files, and the names of schemas and roles."""

from __future__ import annotations

import re
from pathlib import Path

from environment import ROLE_PREFIX

ROOT = Path(__file__).resolve().parent.parent
MIGRATIONS = ROOT / "db" / "migrations"
FUNCTIONS = ROOT / "db" / "functions"
VIEWS = ROOT / "db" / "views"
SCHEMAS = ("store", "inventory", "http", "report", "maintenance")
SERVER_ROLES = (
    "inventory_public",
    "inventory_operator",
    "inventory_employee",
    "inventory_integration",
    "inventory_admin",
    "inventory_worker",
)
LOGIN_ROLES = (*SERVER_ROLES, "inventory_reporting", "inventory_maintenance")
OWNER = "inventory_owner"
REPORTING = "inventory_reporting"

# An arbitrary number. Nothing else may take an advisory lock on it.
APPLY_LOCK = 7_236_401_882_113

# The migrations that keep callers waiting for longer the more rows a table has: the table, and the seconds for each
# million of rows, as measured (docs/posting.md and the migration's file say where).
LONG_MIGRATIONS = {"0009.posting": ("store.movement", 50), "0016.code-points": ("store.product", 60)}

_ROLE = re.compile(rf"\b{ROLE_PREFIX}(?=_({'|'.join(role.partition('_')[2] for role in (OWNER, *LOGIN_ROLES))})\b)")

Name = tuple[str, str]
"""A schema and a name in it."""


class ApplyError(Exception):
    """The database cannot be brought to this code's schema; the message says why and what to do."""


def with_prefix(text: str, prefix: str) -> str:
    """Returns SQL with the roles of another deployment: ``<prefix>_owner`` in place of ``inventory_owner``."""
    return text if prefix == ROLE_PREFIX else _ROLE.sub(prefix, text)


def migration_names() -> list[str]:
    """Returns the names of all migrations, in the order in which they are applied."""
    return sorted(path.stem for path in MIGRATIONS.glob("*.sql"))


def function_files() -> dict[Name, Path]:
    """Returns the functions' files by name, the clock first: default arguments of other functions call it."""
    first = ("inventory", "clock")
    return dict(sorted(_files(FUNCTIONS).items(), key=lambda item: (item[0] != first, item[0])))


def view_files() -> dict[Name, Path]:
    """Returns the views' files by name, those of the schema store first: other views select from them."""
    return dict(sorted(_files(VIEWS).items(), key=lambda item: (item[0][0] != "store", item[0])))


def _files(directory: Path) -> dict[Name, Path]:
    """Maps (schema, name) to the file. Raises ApplyError if two files share a name: only one would be applied."""
    files: dict[Name, Path] = {}
    for path in sorted(directory.rglob("*.sql")):
        other = files.setdefault((path.relative_to(directory).parts[0], path.stem), path)
        if other is not path:
            raise ApplyError(f"{other.relative_to(ROOT)} and {path.relative_to(ROOT)} define the same name.")
    return files


def view_columns() -> dict[Name, list[str]]:
    """Returns each view's columns with their types, in order, as ``db/columns.txt`` lists them."""
    columns: dict[Name, list[str]] = {}
    for line in (ROOT / "db" / "columns.txt").read_text().splitlines():
        view, column = line.split(" ", 1)
        schema, _, name = view.partition(".")
        columns.setdefault((schema, name), []).append(column)
    return columns
