"""The interface that the database offers: the functions of schema http, as http.catalog() describes them.

``http.catalog()`` gives each function's arguments, comment, statement and the roles that may call it. A comment's first
line is the summary; then come paragraphs; then, each optional:

    Returns <a sketch of the JSON: the vocabulary's type names as strings, "?" behind what may be null, "?" behind a key
        that may be absent; or the name, a string, of a view or a function of the schema http whose comment has the
        sketch>
    Errors: CODE, CODE.
"""

from __future__ import annotations

import dataclasses
import json
import re
from functools import lru_cache
from typing import Any

from server import ServerError

_COMMENT = re.compile(
    r"(?P<summary>[^\n]+?)\.?(?:\n\n(?P<description>.*?))??(?:\n\nReturns (?P<returns>[\[{\"].*?))?"
    r"(?:\n+Errors: (?P<errors>[A-Z_,\s]+)\.)?",
    re.DOTALL,
)


class InterfaceError(ServerError):
    """The database's functions are not what the server was built for; the message says which and how."""


@dataclasses.dataclass(frozen=True)
class Argument:
    """One argument: ``name`` as a client writes it, without the p_ that SQL puts before it."""

    name: str
    type: str
    required: bool


@dataclasses.dataclass(frozen=True)
class Function:
    """One function. ``is_batchable``: it is short, so its calls may be sent together with others.

    ``is_tagged``: a call also returns the tag of the product that it has read.
    """

    name: str
    arguments: tuple[Argument, ...]
    statement: str
    is_stable: bool
    is_batchable: bool
    roles: frozenset[str]
    summary: str
    description: str
    returns: Any
    errors: tuple[str, ...]
    is_tagged: bool = False

    def argument(self, name: str) -> Argument | None:
        return next((argument for argument in self.arguments if argument.name == name), None)

    def with_tag(self) -> Function:
        """The same function, tagged: it leaves the tag in a setting, which ends with the call's transaction."""
        statement = f"select r.*, current_setting('inventory.etag', true) from ({self.statement}) as r"
        return dataclasses.replace(self, statement=statement, is_tagged=True)


@dataclasses.dataclass(frozen=True)
class Shape:
    """A JSON value that a view or function makes: what it is, in a sentence, and its sketch."""

    summary: str
    returns: Any


@dataclasses.dataclass(frozen=True, eq=False)
class Interface:
    """The functions of the schema http by name. ``sketches``: what its views and functions return, by name."""

    functions: dict[str, Function]
    sketches: dict[str, Shape]
    composites: dict[str, list[dict[str, str]]]
    comments: dict[str, str]
    errors: dict[str, dict[str, str]]

    def function(self, name: str) -> Function:
        """The function http.<name>. Raises InterfaceError where there is none."""
        if name not in self.functions:
            raise InterfaceError(f"The function http.{name} is missing: run python -m db.apply.")
        return self.functions[name]

    def code(self, sqlstate: str | None) -> str | None:
        """The code of a business error, None for any other."""
        return self.errors[sqlstate]["code"] if sqlstate in self.errors else None


@lru_cache(maxsize=4)
def read(text: str) -> Interface:
    """Parse the JSON text of http.catalog(). Cached by the text. Raises InterfaceError."""
    document = json.loads(text)
    functions = {name: _function(name, entry) for name, entry in document["functions"].items()}
    views = {}
    for name, comment in (document["sketches"] or {}).items():
        match, returns = _parts(name, comment)
        views[name] = Shape(match["summary"], returns)
    return Interface(
        functions=functions,
        sketches={name: Shape(function.summary, function.returns) for name, function in functions.items()} | views,
        composites=document["composites"] or {},
        comments=document["comments"] or {},
        errors=document["errors"],
    )


def _parts(name: str, comment: str | None) -> tuple[re.Match[str], Any]:
    """The parts of the comment of http.<name>, and its sketch. Raises InterfaceError."""
    match = _COMMENT.fullmatch(comment or "")
    if match is None:
        raise InterfaceError(
            f"The comment of http.{name} is not of the form that server/database/interface.py describes."
        )
    try:
        return match, json.loads(match["returns"]) if match["returns"] else None
    except ValueError as error:
        raise InterfaceError(f"The comment of http.{name}: what it returns is no JSON: {error}") from error


def _function(name: str, entry: dict[str, Any]) -> Function:
    if entry["is_overloaded"]:
        raise InterfaceError(f"The function http.{name} is overloaded: drop the wrong one.")
    match, returns = _parts(name, entry["comment"])
    return Function(
        name=name,
        arguments=tuple(
            Argument(argument["name"].removeprefix("p_"), argument["type"], argument["required"])
            for argument in entry["arguments"]
        ),
        statement=entry["statement"],
        is_stable=entry["volatility"] != "v",
        is_batchable=entry["is_batchable"],
        roles=frozenset(entry["roles"]),
        summary=match["summary"],
        description=(match["description"] or "").strip(),
        returns=returns,
        errors=tuple(code.strip() for code in (match["errors"] or "").split(",") if code.strip()),
    )
