"""Every function that a role may call, called with anything that its signature takes, and with what it does not.

Only documented errors come out. What the conversion of an argument says is PostgreSQL's; what the function says is a
business error of ``inventory.error_codes()``, 22023 or 22004 with the field, or a constraint by its name, never a row's
contents. Whatever was called, ``maintenance.verify()`` finds nothing.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from hypothesis import given, target
from hypothesis import strategies as st
from psycopg import sql

from tests.conftest import Database, new_database
from tests.fuzz.effort import examples
from tests.fuzz.world import fill
from tests.sql.dump import PRIVILEGES
from tests.sql.test_types import REFUSALS, SAMPLES

CALLS = 4  # of an example
CONVERSIONS = REFUSALS | {"22P03", "22001", "22009", "22015"}  # what an argument's conversion may say

# The least role that may call each function, from what is committed; procedures that commit have a test of their own.
_ROLES = ("inventory_admin", "inventory_employee", "inventory_operator", "inventory_public")
_LINE = re.compile(r"(\w+)  function  ((?:http|inventory|report|maintenance)\.\w+)  execute")


def _granted() -> dict[str, str]:
    found: dict[str, list[str]] = {}
    for line in PRIVILEGES.read_text().splitlines():
        if match := _LINE.fullmatch(line):
            found.setdefault(match[2], []).append(match[1])
    return {
        name: max(roles, key=lambda role: _ROLES.index(role) if role in _ROLES else 9) for name, roles in found.items()
    }


GRANTED = _granted()


@dataclasses.dataclass(frozen=True)
class Argument:
    name: str
    type: str
    is_optional: bool


@dataclasses.dataclass(frozen=True)
class Function:
    """A function, and the SQLSTATEs that its comment promises by their names, besides business errors."""

    name: str
    role: str
    arguments: tuple[Argument, ...]
    is_volatile: bool
    promised: frozenset[str]


@dataclasses.dataclass(frozen=True)
class Call:
    """A call with its arguments as texts, None for null; and whether what it does stays."""

    function: Function
    arguments: dict[str, str | None]
    is_kept: bool

    def __str__(self) -> str:
        """The call as somebody can type it."""

        def literal(value: str | None) -> str:
            return "null" if value is None else "e'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"

        types = {argument.name: argument.type for argument in self.function.arguments}
        given = ", ".join(f"{name} => {literal(value)}::{types[name]}" for name, value in self.arguments.items())
        return f"{self.function.role}: {self.function.name}({given})" + (" -- kept" if self.is_kept else "")


# Beside business errors: what the comments promise, by the word of the comment.
_CONDITIONS = {
    "insufficient_privilege": "42501",
    "undefined_function": "42883",
    "40001": "40001",
    "20000": "20000",
    "55000": "55000",
}
_ERRORS = re.compile(r"Errors: (.*)", re.DOTALL)


class Fuzzed:
    """A database with a world in it; a test's calls are undone, so that each test meets the same world."""

    def __init__(self, conninfo: str) -> None:
        self.database = Database(conninfo)
        self.world = fill(self.database)
        self.codes = {state for (state,) in self.database.rows("select sqlstate from inventory.error_codes()")}
        self.composites: dict[str, list[tuple[str, str]]] = {}
        for name, field, kind in self.database.rows(
            """
            select c.oid::regclass::text, a.attname, format_type(a.atttypid, null)
            from pg_class as c join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0
            where c.relkind = 'c' order by c.oid, a.attnum
            """
        ):
            self.composites.setdefault(name, []).append((field, kind))
        # A domain's base type.
        self.bases: dict[str, str] = dict(
            self.database.rows(
                "select format_type(oid, null), format_type(typbasetype, null) from pg_type where typtype = 'd'"
            )
        )
        self.constraints = {
            name for (name,) in self.database.rows("select conname from pg_constraint where contypid <> 0")
        }
        self.functions = {name: self._function(name, role) for name, role in GRANTED.items()}
        self.connection = psycopg.connect(conninfo, autocommit=True)
        self.connection.execute("set statement_timeout = '30s'")

    def _function(self, name: str, role: str) -> Function:
        ((oid, volatility, comment),) = self.database.rows(
            """
            select p.oid, p.provolatile, obj_description(p.oid, 'pg_proc') from pg_proc as p
            where p.pronamespace::regnamespace || '.' || p.proname = %s
            """,
            name,
        )
        arguments = self.database.rows(
            """
            select p.proargnames[a.position], format_type(a.type, null), a.position > p.pronargs - p.pronargdefaults
            from pg_proc as p cross join unnest(p.proargtypes::oid[]) with ordinality as a (type, position)
            where p.oid = %s order by a.position
            """,
            oid,
        )
        errors = _ERRORS.search(comment)
        words = set(re.findall(r"\w+", errors[1])) if errors else set()
        promised = frozenset(state for word, state in _CONDITIONS.items() if word in words)
        return Function(name, role, tuple(Argument(*row) for row in arguments), volatility == "v", promised)

    # Values

    def values(self, kind: str) -> tuple[st.SearchStrategy[str | None], st.SearchStrategy[str | None]]:
        """Texts that the type takes, often of what there is; and texts of all kinds."""
        named = self.world.names.get(kind, ())
        if kind.endswith("[]"):
            good, wild = self.values(kind.removesuffix("[]"))
            return _array(good, 3), st.one_of(_array(wild, 3), st.sampled_from(_ARRAYS))
        if kind in self.bases and self.bases[kind].endswith("[]"):
            good, wild = self.values(self.bases[kind].removesuffix("[]"))
            return _array(good, 4, 1), st.one_of(_array(wild, 4), _array(good, 101, 99), st.sampled_from(_ARRAYS))
        if kind in self.composites:
            fields = [self.values(field) for _, field in self.composites[kind]]
            good = st.tuples(*(good for good, _ in fields)).map(_composite)
            return good, st.one_of(
                *(
                    st.tuples(*(wild if j == i else good for j, (good, wild) in enumerate(fields))).map(_composite)
                    for i in range(len(fields))
                ),
                st.tuples(*(st.one_of(st.none(), good) for good, _ in fields)).map(_composite),
                st.sampled_from(_COMPOSITES),
            )
        if kind in SAMPLES:
            short = [str(v) for v in SAMPLES[kind].accepted if len(str(v)) < 300 and not isinstance(v, list)]
            texts = [str(v) for v in SAMPLES[kind].accepted + SAMPLES[kind].rejected + SAMPLES[kind].only_sql]
            good = st.sampled_from([*named * 3, *short])
            numbers = [text for text in texts if re.fullmatch(r"-?[0-9]{1,25}([.][0-9]+)?", text)]
            return good, st.one_of(
                st.sampled_from(numbers or short),
                st.sampled_from([text for text in texts if _can_be_sent(text)]),
                _wild(self.bases[kind]),
            )
        good = st.sampled_from([*named * 3, *_GOOD[self.bases.get(kind, kind)]])
        if kind == "jsonb":
            return st.one_of(good, _JSON, self._lines()), st.one_of(_JSON, _wild(kind), self._lines())
        return good, _wild(self.bases.get(kind, kind))

    def _lines(self) -> st.SearchStrategy[str]:
        """Lines of an import, most of them good."""
        fields = {
            "title": "inventory.name",
            "category": "inventory.related_id",
            "brand": "inventory.related_id",
            "cost_price": "inventory.catalog_money",
            "selling_price": "inventory.catalog_money",
        }
        more = {
            "description": "inventory.description",
            "serie_number": "inventory.serial_number",
            "quantity": "inventory.whole_quantity",
            "sku": "inventory.sku_code",
            "line": "integer",
        }
        line = st.fixed_dictionaries(
            {name: self.values(kind)[0] for name, kind in fields.items()},
            optional={name: self.values(kind)[0] for name, kind in more.items()},
        )
        every = {**fields, **more}
        wrong = st.sampled_from(sorted(every)).flatmap(
            lambda name: st.tuples(line, st.one_of(self.values(every[name])[1], _JSON.map(json.loads), st.none())).map(
                lambda pair: pair[0] | {name: pair[1]}
            )
        )
        return st.lists(st.one_of(line, line, wrong), max_size=3).map(json.dumps)

    def calls(self, functions: list[Function]) -> st.SearchStrategy[list[Call]]:
        one = st.one_of(*(self._call(function) for function in functions))
        return st.lists(one, min_size=1, max_size=CALLS)

    def _call(self, function: Function) -> st.SearchStrategy[Call]:
        goods, wilds = {}, {}
        for argument in function.arguments:
            goods[argument.name], wilds[argument.name] = self.values(argument.type)
        if function.name == "http.once":
            goods["p_function"] = st.sampled_from(
                sorted(n.removeprefix("http.") for n in GRANTED if n.startswith("http."))
            )
        required = {a.name: goods[a.name] for a in function.arguments if not a.is_optional}
        optional: Any = {a.name: goods[a.name] for a in function.arguments if a.is_optional}
        good = st.fixed_dictionaries(required, optional=optional)
        ways = [good, good]
        if function.arguments:
            nothing = {name: st.none() for name in goods}
            ways.append(
                st.sampled_from(sorted(goods)).flatmap(
                    lambda name: st.tuples(good, st.one_of(wilds[name], nothing[name])).map(
                        lambda pair: pair[0] | {name: pair[1]}
                    )
                )
            )
        return st.builds(Call, st.just(function), st.one_of(*ways), st.booleans())

    # Calls

    def run(self, calls: list[Call]) -> int:
        """Make the calls, in a transaction that is undone; how many succeeded."""
        done = 0
        with self.connection.transaction(force_rollback=True):
            for number, call in enumerate(calls):
                done += self._make(call, calls[: number + 1])
            if any(call.is_kept and call.function.is_volatile for call in calls):
                self._set_role("default")
                wrong = self.connection.execute("select * from maintenance.verify()").fetchall()
                assert wrong == [], f"{wrong}\n" + "\n".join(map(str, calls))
        return done

    def _set_role(self, role: str) -> None:
        self.connection.execute(sql.SQL("set local session authorization {}").format(sql.SQL(role)))

    def _make(self, call: Call, history: list[Call]) -> bool:
        types = {argument.name: argument.type for argument in call.function.arguments}
        casts = [f"%({name})s::text::{types[name]}" for name in call.arguments]
        self._set_role("default")
        self.connection.execute("savepoint call")
        is_converted = False
        try:
            if casts:
                self.connection.execute(f"select {', '.join(casts)}".encode(), call.arguments)
            is_converted = True
            self._set_role(call.function.role)
            given = ", ".join(f"{name} => %({name})s" for name in call.arguments)
            query = f"select f::text from {call.function.name}({given}) as f"
            self.connection.execute(query.encode(), call.arguments)
            self.connection.execute("set constraints all immediate")
        except psycopg.Error as error:
            wrong = self._unexpected(error, call, is_converted=is_converted)
            self.connection.execute("rollback to savepoint call")
            if wrong is None:
                return False
            told = f"{wrong}: {error.sqlstate} {error} {error.diag.constraint_name}"
            pytest.fail("\n".join([told, *map(str, history)]))
        if not call.is_kept:
            self.connection.execute("rollback to savepoint call")
        else:
            self.connection.execute("release savepoint call")
        return True

    def _unexpected(self, error: psycopg.Error, call: Call, *, is_converted: bool) -> str | None:  # noqa: PLR0911 - one a kind
        """What is wrong with an error; None where it is one that is promised."""
        state, diag = error.sqlstate or "", error.diag
        if re.search(r"Failing row|Key \(", diag.message_detail or ""):
            return "a row's contents"
        if not is_converted or call.function.name in READS_JSON:
            if state in CONVERSIONS and (state != "23514" or diag.constraint_name in self.constraints):
                return None
            if not is_converted:
                return "no error of a conversion"
        if state in self.codes or state in call.function.promised:
            return None
        if state == "23514":
            return None if diag.constraint_name else "a constraint without its name"
        if state not in {"22004", "22023"}:
            return "not promised"
        return None if _names_a_field(diag.message_detail) else "no field in DETAIL"


def _names_a_field(detail: str | None) -> bool:
    try:
        return bool(json.loads(detail or "{}").keys() & {"field", "fields"})
    except ValueError:
        return False


# The values of a jsonb argument are arguments too, which the function converts.
READS_JSON = {"http.once", "http.import_products", "inventory.import_products"}


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _array(elements: st.SearchStrategy[str | None], most: int, least: int = 0) -> st.SearchStrategy[str | None]:
    def literal(items: list[str | None]) -> str:
        return "{" + ",".join("null" if item is None else _quoted(item) for item in items) + "}"

    return st.lists(elements, min_size=least, max_size=most).map(literal)


def _composite(fields: tuple[str | None, ...]) -> str:
    return "(" + ",".join("" if field is None else _quoted(field) for field in fields) + ")"


def _can_be_sent(text: str) -> bool:
    return (
        "\x00" not in text and text.isprintable() | text.isascii() and not any("\ud800" <= c <= "\udfff" for c in text)
    )


_ARRAYS = [
    "{}",
    "{{},{}}",
    "{null}",
    "{null,null}",
    "{{null}}",
    "[2:3]={null,null}",
    "{",
    "",
    "[]",
    "null",
    '{"(,)"}',
    '{{"(,)"}}',
]
_COMPOSITES = ["(,)", "()", "(,,,,,,)", "(null,null)", "", "null", "(,,,,,,,,)"]
_JSON = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=5),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.one_of(
                st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=5),
                st.sampled_from(["title", "category", "brand", "cost_price", "line", "p_id", "p_name", "p_lines"]),
            ),
            inner,
            max_size=3,
        ),
    ),
    max_leaves=6,
).map(json.dumps)
_INTEGERS = ["0", "1", "-1", "2", "100", "32767", "32768", "2147483647", "-2147483648"]
_BIG = [*_INTEGERS, "2147483648", "-2147483649", "9223372036854775807", "-9223372036854775808"]
_TIMES = [
    *(
        "2025-01-15T10:00:00Z",
        "2025-01-15",
        "0001-01-01",
        "9999-12-31T23:59:59.999999Z",
        "4713-01-01 BC",
        "294276-12-31",
    ),
    *("epoch", "now", "tomorrow", "infinity", "-infinity", "2200-01-01T00:00:00+14:00"),
]
_SPANS = [
    "0",
    "1 second",
    "-1 second",
    "1 day",
    "1 month",
    "30 days",
    "00:00:00.000001",
    "178000000 years",
    "-178000000 years",
]
_ABSURD = [
    "",
    " ",
    "\x01",
    "\x7f",
    "\u202e",
    "\ufeff",
    "\u0000"[:0],
    "%",
    "_",
    "\\",
    "'",
    '"',
    "$$",
    ";--",
    "null",
    "NaN",
    "\U0001f600" * 300,
]
_GOOD: dict[str, list[str]] = {
    "text": [*_ABSURD, "x" * 2000, "https://example.com/x?page=2&a=%zz#f"],
    "bigint": _BIG,
    "integer": _INTEGERS,
    "numeric": ["0", "1", "2.5", "50", "0.001", "999999999", "999999999.999", "99999999999999999999.99"],
    "boolean": ["true", "false"],
    "uuid": ["00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"],
    "timestamp with time zone": _TIMES,
    "date": ["2024-02-29", "2000-01-01", "0001-01-01", "4713-11-24 BC", "5874897-12-31", "infinity", "-infinity"],
    "interval": _SPANS,
    "pg_lsn": ["0/0", "0/1", "16/B374D848", "FFFFFFFF/FFFFFFFF"],
    "jsonb": ["null", "[]", "{}", "[[]]", "[{}]", "[null]", "1", "true", '""', '[{"title":null}]'],
}
_NUMBERS = [
    "NaN",
    "Infinity",
    "-Infinity",
    "1e131071",
    "1e-16383",
    "-0",
    "0.0000000001",
    "9" * 40,
    "1e20",
    "0x1",
    "1_0",
    "",
]
_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20)


def _wild(base: str) -> st.SearchStrategy[str | None]:
    """Texts of all kinds for a type: its own, others' and none's."""
    known = [*_GOOD.get(base, []), *_ABSURD, *_NUMBERS, *_BIG]
    return st.one_of(
        st.sampled_from(known),
        _TEXT,
        st.integers(-(2**70), 2**70).map(str),
        st.decimals(allow_nan=False, allow_infinity=False).map(str),
    )


@pytest.fixture(scope="session")
def fuzzed(template_database: str) -> Iterator[Fuzzed]:
    with new_database(template_database) as conninfo:
        fuzzed = Fuzzed(conninfo)
        yield fuzzed
        fuzzed.connection.close()
        fuzzed.database.close()


@pytest.mark.parametrize("name", sorted(GRANTED))
def test_a_function_says_no_more_than_it_promises(fuzzed: Fuzzed, name: str) -> None:
    function = fuzzed.functions[name]

    @examples(60 if function.arguments else 1)
    @given(calls=fuzzed.calls([function]))
    def check(calls: list[Call]) -> None:
        fuzzed.run(calls)

    check()


@pytest.mark.parametrize("number", range(8))
def test_functions_called_in_any_order_keep_the_balances(fuzzed: Fuzzed, number: int) -> None:
    volatile = [function for function in fuzzed.functions.values() if function.is_volatile]

    @examples(200)
    @given(calls=fuzzed.calls(volatile[number::8]))
    def check(calls: list[Call]) -> None:
        target(float(fuzzed.run(calls)))

    check()


@examples(20)
@given(
    job=st.sampled_from(["expire_blocks", "turn_prices", "", "x", None]), seconds=st.sampled_from([*_INTEGERS, None])
)
def _run_batches(connection: psycopg.Connection[Any], job: str | None, seconds: str | None) -> None:
    try:
        connection.execute("call maintenance.run_batches(%s, %s)", [job, seconds])
    except psycopg.errors.CaseNotFound:
        assert job not in {"expire_blocks", "turn_prices"}


def test_the_procedure_that_commits_says_no_more_than_it_promises(database: Database) -> None:
    """As nothing else is a procedure, each commits by itself."""
    fill(database)
    _run_batches(connection=database.connect("inventory_maintenance"))
    database.verify()
