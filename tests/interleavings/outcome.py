"""What came of two calls, comparable between runs: ids that are new are named by what they belong to.

Ids are handed out before a call has its lock, so their order says nothing. A movement, a cost layer and a price are
named by their rank in their product, for those are made under its lock; everything else by what its row says.
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
        parsed = [(table, content, json.loads(content)) for table, content in rows]
        names = self._names(parsed)

        def named(text: str) -> str:
            return _TOKEN.sub(lambda found: names.get(found[0]) or self._unnamed(found[0]), text)

        lines = [f"{table} has {named(content)}" for table, content in rows - self._rows]
        lines += [f"{table} has no more {content}" for table, content in gone]
        return named(str(results[0])), named(str(results[1])), tuple(sorted(lines))

    def _unnamed(self, token: str) -> str:
        """A known id as it is; of a new one only whose it is."""
        if token in self.known:
            return token
        return "<new>" if "-" in token else f"<new {int(token) // ID_RANGE}>"

    def _names(self, rows: list[tuple[str, str, dict[str, Any]]]) -> dict[str, str]:
        names: dict[str, str] = {}
        ranks: dict[tuple[str, Any], int] = collections.Counter()
        for place in _RANKED:
            mine = [row for found, _, row in rows if found == place]
            for row in sorted(mine, key=lambda row: int(row["id"])):
                ranks[place, row["product_id"]] += 1
                if str(row["id"]) not in self.known:
                    product = self._unnamed(str(row["product_id"]))
                    names[str(row["id"])] = f"<{place} {ranks[place, row['product_id']]} of {product}>"
        # Twice: what refers to a thing that has its name is told apart by that.
        for _ in range(2):
            found = {}
            for place, content, row in rows:
                if (place, content) in self._rows:
                    continue
                for column in ("id", "sku_id"):
                    token = str(row.get(column))
                    if place not in _RANKED and token not in self.known and _TOKEN.fullmatch(token):
                        says = _TOKEN.sub(
                            lambda other, token=token: (
                                "<it>" if other[0] == token else names.get(other[0]) or self._unnamed(other[0])
                            ),
                            content,
                        )
                        found[token] = f"<{place}.{column} {says}>"
            twins: dict[str, int] = collections.Counter()
            for token in sorted(found):
                twins[found[token]] += 1
                says = f"{found[token]} {twins[found[token]]}"
                names[token] = f"<{says[1:].split('.')[0]} {hashlib.blake2s(says.encode(), digest_size=3).hexdigest()}>"
        return names
