"""Makes the mutants of a PL/pgSQL function: small changes that a good test detects.

    for mutant in mutants("inventory.post", path.read_text()):
        print(mutant.id, mutant.change)

It works on tokens, so that it never takes a string, a comment or a name for code. It needs no database: the caller
must check whether PostgreSQL accepts a changed function.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

from db.source import FUNCTIONS

# The functions of the gateway that run each call exactly once and carry out batches. Its other functions are skipped.
GATEWAY = (
    "http.batch",
    "http.batch_functions",
    "http.carry_out",
    "http.claim_keys",
    "http.keep_answers",
    "http.key_owner",
    "http.may_call",
    "http.once",
    "http.prepare_line",
    "http.prepare_order",
    "http.statement",
)
CLOCK = "inventory.clock"  # the tests replace it

_TOKEN = re.compile(
    r"""
    (?P<space>\s+ | --[^\n]* | /\*.*?\*/)
  | (?P<string>[eEbBxX]?'(?:[^']|'')*' | \$(?P<tag>\w*)\$.*?\$(?P=tag)\$)
  | (?P<number>\d+(?:\.\d+)?)
  | (?P<word>[A-Za-z_]\w* | "(?:[^"]|"")*")
  | (?P<operator>::|:=|=>|\.\.|[-+*/<>=~!@\#%^&|?]+)
  | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_BODY = re.compile(r"\bas \$\$(.*?)\$\$;", re.DOTALL)
_PARAMETER = re.compile(r"^    (?:out )?(?:variadic )?(p_\w+) (.+?)(?: default .*)?,?$", re.MULTILINE)

_COMPARISONS = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "=": "<>", "<>": "=", "!=": "="}
_SIGNS = {"+": "-", "-": "+", "*": "/", "/": "*"}
_TWINS = {
    "least": ("extreme", "greatest"),
    "greatest": ("extreme", "least"),
    "min": ("extreme", "max"),
    "max": ("extreme", "min"),
    "round": ("rounding", "trunc"),
    "trunc": ("rounding", "round"),
    "ceil": ("rounding", "floor"),
    "floor": ("rounding", "ceil"),
}
_STEPS = {"require": "guard", "check": "guard", "lock": "lock"}
_TRUTHS = {"true": "false", "false": "true"}


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# The words that end a clause of a query, if no parenthesis or semicolon comes first.
_CLAUSES = _words(
    "where group having window order limit offset for fetch union intersect except returning into loop then"
    " rows range groups on set from join inner left right cross full filter over when do select with"
)
_STATEMENT_STARTS = frozenset({"", ";", "then", "else", "begin", "loop"})
# An expression begins after these words, so that a minus after one of them is a sign.
_BEFORE_OPERANDS = _words(
    "return when then else and or not in by select case limit between like if elsif where on is offset using"
)


class Token(NamedTuple):
    """A token other than white space and comments. Its text is in lower case unless it is a string."""

    kind: str
    text: str
    start: int
    end: int


@dataclass(frozen=True)
class Mutant:
    """A function with one change."""

    function: str
    """schema.function."""
    kind: str
    """The kind of change: comparison, sign, lock, ..."""
    line: int
    """The line in the function's body, counted from 1 as in PL/pgSQL."""
    change: str
    """The changed lines, before and after. A number follows if the function has the same change several times."""
    definition: str
    """The statement that creates the changed function."""
    difference: tuple[str, str]
    """The changed lines with their white space, before and after."""
    context: str
    """The changed lines and the four lines after them, which in a guard contain its error."""

    @cached_property
    def id(self) -> str:
        """Depends only on the function's name and the change: other edits of the function do not change it."""
        return f"{self.function}:{hashlib.sha256(self.change.encode()).hexdigest()[:6]}"


class _Edit(NamedTuple):
    kind: str
    start: int
    end: int
    replacement: str


def parameters(source: str) -> dict[str, str]:
    """Maps the names of a function's arguments to their types, in order. ``source`` is a file of db/functions."""
    head = source.partition("as $$")[0]
    listed = head.partition("(")[2]
    one_line = re.match(r"([^\n]*)\)\s*\n", listed)
    if one_line:
        listed = "\n".join(f"    {each.strip()}" for each in one_line[1].split(","))
    return {name: type_.strip() for name, type_ in _PARAMETER.findall(listed)}


def mutants(function: str, source: str, signatures: Mapping[str, Mapping[str, str]] | None = None) -> list[Mutant]:
    """Returns all mutants of the function, in the order of its text.

    ``source`` is the text of its file. ``signatures`` maps schema.function to its parameters(): in calls of these
    functions, neighbouring arguments of the same type are swapped.
    """
    match = _BODY.search(source)
    if match is None:
        return []
    body, offset = match[1], match.start(1)
    statement = source[source.index("create or replace") : match.end()]
    shift = offset - source.index("create or replace")
    made: list[Mutant] = []
    seen: Counter[str] = Counter()
    texts = set()
    for edit in sorted(_Body(body, signatures or {}).edits(), key=lambda edit: (edit.start, edit.end, edit.kind)):
        changed = body[: edit.start] + edit.replacement + body[edit.end :]
        if changed in texts:
            continue  # another kind of change has the same result
        texts.add(changed)
        first = body.rfind("\n", 0, edit.start) + 1
        last = body.find("\n", edit.end)
        after_last = last + len(changed) - len(body)
        before, after = body[first:last], changed[first:after_last]
        change = f"{_flat(before)} → {_flat(after)}"
        seen[change] += 1
        if seen[change] > 1:
            change = f"{change} ({seen[change]})"
        definition = statement[: shift + edit.start] + edit.replacement + statement[shift + edit.end :]
        line = body.count("\n", 0, edit.start) + 1
        context = "\n".join(body[first:].splitlines()[: before.count("\n") + 5])
        made.append(Mutant(function, edit.kind, line, change, definition, (before, after), context))
    return made


def everything() -> tuple[list[Mutant], dict[str, str]]:
    """Returns all mutants, and maps each function that has mutants to its area, the folder of its file."""
    files = {f"{path.relative_to(FUNCTIONS).parts[0]}.{path.stem}": path for path in sorted(FUNCTIONS.rglob("*.sql"))}
    sources = {name: path.read_text() for name, path in files.items()}
    signatures = {name: parameters(source) for name, source in sources.items()}
    areas = {
        name: path.parent.name
        for name, path in files.items()
        if name in GATEWAY or (name.startswith("inventory.") and name != CLOCK)
    }
    return [mutant for name in areas for mutant in mutants(name, sources[name], signatures)], areas


def _flat(text: str) -> str:
    return " ".join(text.split())


class _Body:
    def __init__(self, body: str, signatures: Mapping[str, Mapping[str, str]]) -> None:
        self.body = body
        self.signatures = signatures
        self.tokens = [
            Token(match.lastgroup or "", _normal(match), match.start(), match.end())
            for match in _TOKEN.finditer(body)
            if match.lastgroup != "space"
        ]
        self.texts = [token.text for token in self.tokens]
        self.partner = self._partners()
        self.quiet = self._quiet()

    def edits(self) -> Iterator[_Edit]:
        for index in range(len(self.tokens)):
            if index in self.quiet:
                continue
            for find in (
                self._operator,
                self._twin,
                self._constant,
                self._logic,
                self._null,
                self._lock,
                self._order_and_limit,
                self._condition,
                self._conjuncts,
                self._perform,
                self._arguments,
            ):
                yield from find(index)

    # The structure of the text

    def _partners(self) -> dict[int, int]:
        """Maps the index of each opening parenthesis to that of its closing one."""
        partners, open_ = {}, []
        for index, text in enumerate(self.texts):
            if text in ("(", "["):
                open_.append(index)
            elif text in (")", "]") and open_:
                partners[open_.pop()] = index
        return partners

    def _quiet(self) -> set[int]:
        """The indexes of the tokens of error messages and hints, which no test compares."""
        quiet: set[int] = set()
        for index, text in enumerate(self.texts):
            if text in ("message", "hint") and self._at(index + 1) == "=" and self._at(index - 1) in ("using", ","):
                quiet.update(range(index, self._end(index, (",",))))
        return quiet

    def _at(self, index: int) -> str:
        return self.texts[index] if 0 <= index < len(self.texts) else ""

    def _end(self, index: int, stops: Sequence[str] | frozenset[str]) -> int:
        """The index of the next of ``stops`` outside parentheses and CASE, or of an earlier ), ] or semicolon."""
        cases = 0
        while index < len(self.texts):
            text = self.texts[index]
            if text == "case":
                cases += 1
            elif text == "end" and cases:
                cases -= 1
            elif text in (")", "]", ";") or (text in stops and not cases):
                return index
            index = self.partner.get(index, index) + 1
        return index

    def _text(self, first: int, last: int) -> str:
        """The text of the tokens from ``first`` up to, but not including, ``last``."""
        return self.body[self.tokens[first].start : self.tokens[last - 1].end]

    def _edit(self, kind: str, first: int, last: int, replacement: str = "") -> _Edit:
        """Replaces the tokens from ``first`` up to, but not including, ``last``.

        An empty replacement also removes the space before them.
        """
        start = self.tokens[first].start
        if not replacement and not self.body[self.body.rfind("\n", 0, start) + 1 : start].isspace():
            start = len(self.body[:start].rstrip(" "))
        return _Edit(kind, start, self.tokens[last - 1].end, replacement)

    def _is_operand(self, index: int) -> bool:
        """Whether the token may be the end of a value."""
        token = self.tokens[index]
        return (token.kind == "word" and token.text not in _BEFORE_OPERANDS) or (
            token.kind in ("number", "string") or token.text in (")", "]")
        )

    def _split(self, opening: int) -> list[tuple[int, int]]:
        """The arguments between two parentheses, as pairs of first and last index."""
        arguments, start, closing = [], opening + 1, self.partner[opening]
        while start < closing:
            end = self._end(start, (",",))
            arguments.append((start, end))
            start = end + 1
        return arguments

    # The changes

    def _operator(self, index: int) -> Iterator[_Edit]:
        token = self.tokens[index]
        if token.kind != "operator":
            return
        if token.text in _COMPARISONS:
            yield self._edit("comparison", index, index + 1, _COMPARISONS[token.text])
        elif token.text in _SIGNS and index:
            starts_operand = self._at(index + 1) not in (")", ",", ";", "from", "into", "")
            if self._is_operand(index - 1) and starts_operand:
                yield self._edit("sign", index, index + 1, _SIGNS[token.text])
            elif token.text == "-":
                yield self._edit("sign", index, index + 1)

    def _twin(self, index: int) -> Iterator[_Edit]:
        if self._at(index + 1) == "(" and self.texts[index] in _TWINS and self._at(index - 1) != ".":
            kind, other = _TWINS[self.texts[index]]
            yield self._edit(kind, index, index + 1, other)

    def _constant(self, index: int) -> Iterator[_Edit]:
        token = self.tokens[index]
        if token.kind == "number" and "." not in token.text:
            yield self._edit("constant", index, index + 1, str(int(token.text) + 1))
        elif token.text in _TRUTHS and self._at(index - 1) not in ("is", "not"):
            yield self._edit("constant", index, index + 1, _TRUTHS[token.text])

    def _logic(self, index: int) -> Iterator[_Edit]:
        text, before = self.texts[index], self._at(index - 1)
        if text in ("and", "or") and not self._is_betweens(index):
            yield self._edit("and/or", index, index + 1, "or" if text == "and" else "and")
        elif text == "not" and self._at(index + 1) != "materialized":
            yield self._edit("not", index, index + 1)
        elif text == "is" and self._at(index + 1) != "not":
            yield self._edit("not", index, index + 1, "is not")
        elif text == "exists" and before != "not":
            yield self._edit("not", index, index + 1, "not exists")

    def _is_betweens(self, index: int) -> bool:
        while index and self.texts[index - 1] not in (";", "where", "then", "when", "and", "or", "("):
            index -= 1
            if self.texts[index] == "between":
                return True
        return False

    def _null(self, index: int) -> Iterator[_Edit]:
        if self.texts[index] in ("coalesce", "nullif") and self._at(index + 1) == "(":
            first = self._split(index + 1)[0]
            yield self._edit("null", index, self.partner[index + 1] + 1, f"({self._text(*first)})")

    def _lock(self, index: int) -> Iterator[_Edit]:
        if self.texts[index] == "for":
            end = index + 1
            while self._at(end) in ("no", "key"):
                end += 1
            if self._at(end) not in ("update", "share"):
                return
            end += 1
            if self._at(end) == "of":
                end += 2
            if self._at(end) == "skip":
                yield self._edit("lock", end, end + 2)
                end += 2
            yield self._edit("lock", index, end)
        elif self.texts[index].startswith("pg_try_advisory"):
            yield self._edit("lock", index, self.partner[index + 1] + 1, "true")

    def _order_and_limit(self, index: int) -> Iterator[_Edit]:
        text = self.texts[index]
        if text == "order" and self._at(index + 1) == "by":
            yield self._edit("order by", index, self._end(index + 2, _CLAUSES))
        elif text == "limit" and self._at(index - 1) != "." and self._at(index + 1) not in (".", ",", ")", ";"):
            yield self._edit("limit", index, self._end(index + 1, _CLAUSES))
        elif text == "desc":
            yield self._edit("order by", index, index + 1)

    def _condition(self, index: int) -> Iterator[_Edit]:
        text, before = self.texts[index], self._at(index - 1)
        if text == "elsif" or (text == "if" and before in _STATEMENT_STARTS):
            then = self._end(index + 1, ("then",))
            if self._at(then) != "then":
                return
            is_guard = self._at(then + 1) == "raise"
            yield self._edit("guard" if is_guard else "condition", index + 1, then, "false")
            if not is_guard:
                yield self._edit("condition", index + 1, then, "true")

    def _conjuncts(self, index: int) -> Iterator[_Edit]:
        text = self.texts[index]
        if text not in ("where", "having") and not (
            text == "on" and self._at(index + 1) not in ("conflict", "constraint")
        ):
            return
        start, end = index + 1, self._end(index + 1, _CLAUSES - {"when", "then", "do"} | {","})
        parts, has_or = [start], False
        place = start
        while (place := self._end(place, ("and", "or"))) < end:
            has_or = has_or or self.texts[place] == "or"
            if not self._is_betweens(place):
                parts.append(place + 1)
            place += 1
        if has_or:
            parts = [start]
        for first, following in pairwise([*parts, end + 1]):
            yield self._edit("where", first, following - 1, "true")

    def _perform(self, index: int) -> Iterator[_Edit]:
        """Replaces a PERFORM of one function, which may be a guard or a lock, with null."""
        if self.texts[index] != "perform" or self._at(index + 1) in ("from", "1"):
            return
        end = self._end(index, ())
        name = self._text(index + 1, index + 4) if self._at(index + 2) == "." else self._at(index + 1)
        kind = next((kind for word, kind in _STEPS.items() if word in name), "call")
        yield self._edit(kind, index, end, "null")

    def _arguments(self, index: int) -> Iterator[_Edit]:
        """Swaps two neighbouring arguments of the same type in a call of one of the project's functions."""
        if self._at(index + 1) != "." or self._at(index + 3) != "(" or self._at(index - 1) == ".":
            return
        types = self.signatures.get(f"{self.texts[index]}.{self.texts[index + 2]}")
        if not types:
            return
        names, arguments = list(types), []
        for place, (start, end) in enumerate(self._split(index + 3)):
            name = self.texts[start] if self._at(start + 1) == "=>" else names[place] if place < len(names) else ""
            arguments.append((types.get(name), start + 2 if self._at(start + 1) == "=>" else start, end))
        for (type_, start, end), (next_type, next_start, next_end) in pairwise(arguments):
            one, other = self._text(start, end), self._text(next_start, next_end)
            if type_ is not None and type_ == next_type and one != other:
                between = self.body[self.tokens[end - 1].end : self.tokens[next_start].start]
                yield self._edit("arguments", start, next_end, other + between + one)


def _normal(match: re.Match[str]) -> str:
    return match[0] if match.lastgroup == "string" else match[0].lower()
