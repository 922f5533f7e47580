"""What came of two calls, comparable between runs: ids that are new are named by what they belong to.

Ids are handed out before a call has its lock, so their order says nothing. A movement, a cost layer and a price are
named by their rank in their product, for those are made under its lock; everything else by what its row says.

Events and HTTP answers show a product's code and title as of the instant at which each of them is put together: a call
that changes stock does not hold up one that renames the product. So these names are left out there.
"""

from __future__ import annotations

import collections
import hashlib
import json
import re
from collections.abc import Iterable
from typing import Any

from tests.interleavings.instrument import ID_RANGE
from tests.interleavings.scheduler import Result

_TOKEN = re.compile(r"\b(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[1-9][0-9]{6,7})\b")
# In an event or an HTTP answer; within a composite value quotes are doubled.
_PRODUCT_NAME = re.compile(r'("{1,2})(sku|title|name)\1 ?: ?\1(?:(?!\1).)*\1')
_RANKED = ("movement", "cost_layer", "price")

State = Iterable[tuple[str, str | None]]
# Both answers, and the rows that came and went.
Outcome = tuple[str, str, tuple[str, ...]]


class World:
    """The rows of a world that has been saved, and the ids in them: what is not among those is new."""

    def __init__(self, state: State) -> None:
        self._rows = {(table, content) for table, content in state if content is not None}
        self._tables: dict[str, set[tuple[str, str]]] = collections.defaultdict(set)
        for row in self._rows:
            self._tables[row[0]].add(row)
        self.known = {token for _, content in self._rows for token in _TOKEN.findall(content)}

    def outcome(self, results: tuple[Result, Result], state: State) -> Outcome:
        """Both answers and what has changed, with new ids named. ``state``: the tables that may have changed."""
        state = list(state)
        rows = {(table, content) for table, content in state if content is not None}
        gone = {row for table in {table for table, _ in state} for row in self._tables[table]} - rows
        parsed = [
            (table, _PRODUCT_NAME.sub(r"<\2>", content) if table == "event" else content, json.loads(content))
            for table, content in rows - self._rows
        ]
        ranked = [(table, json.loads(content)) for table, content in rows if table in _RANKED]
        names = self._names(parsed, ranked)

        def named(text: str) -> str:
            return _TOKEN.sub(lambda found: names.get(found[0]) or self._unnamed(found[0]), text)

        lines = [f"{table} has {named(content)}" for table, content, _ in parsed]
        lines += [f"{table} has no more {content}" for table, content in gone]
        answers = [named(_PRODUCT_NAME.sub(r"<\2>", str(result))) for result in results]
        return answers[0], answers[1], tuple(sorted(lines))

    def _unnamed(self, token: str) -> str:
        """A known id as it is; of a new one only whose it is."""
        if token in self.known:
            return token
        return "<new>" if "-" in token else f"<new {int(token) // ID_RANGE}>"

    def _names(
        self, rows: list[tuple[str, str, dict[str, Any]]], ranked: list[tuple[str, dict[str, Any]]]
    ) -> dict[str, str]:
        """New ids' names. ``rows``: those that are new; ``ranked``: all of the tables whose ids have an order."""
        names: dict[str, str] = {}
        ranks: dict[tuple[str, str], int] = collections.Counter()
        for table, row in sorted(ranked, key=lambda each: int(each[1]["id"])):
            token, product = str(row["id"]), self._unnamed(str(row["product_id"]))
            ranks[table, product] += 1
            if token not in self.known:
                names[token] = f"<{table} {ranks[table, product]} of {product}>"
        # What refers to a thing that has its name is told apart by that: a delivery by its event, that by its product.
        for _ in range(4):
            says: dict[str, tuple[str, str]] = {}
            for table, content, row in rows:
                for column in ("id", "sku_id"):
                    token = str(row.get(column))
                    if table not in _RANKED and token not in self.known and _TOKEN.fullmatch(token):
                        says[token] = (
                            table,
                            _TOKEN.sub(
                                lambda other, token=token: (
                                    "<it>" if other[0] == token else names.get(other[0]) or self._unnamed(other[0])
                                ),
                                f"{column} {content}",
                            ),
                        )
            twins: dict[tuple[str, str], int] = collections.Counter()
            for token in sorted(says):
                twins[says[token]] += 1
                digest = hashlib.blake2s(f"{says[token]} {twins[says[token]]}".encode(), digest_size=3).hexdigest()
                names[token] = f"<{says[token][0]} {digest}>"
        return names
