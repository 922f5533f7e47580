"""Each domain of the functions' signatures says in SQL what its type in server/types.py says in Python."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import psycopg
import pytest
import simplejson
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from db.apply import apply
from server.routes import ROUTES
from server.types import pydantic_type
from tests.sql.conftest import new_database

# What PostgreSQL says of a value that is not of a type: a CHECK, a bad form, out of range, not text.
REFUSALS = {"23514", "22P02", "22003", "22023", "22P05", "22007"}


@dataclasses.dataclass(frozen=True)
class Samples:
    """JSON values. ``only_sql``: taken in psql, refused over HTTP; ``only_http``: the server writes them otherwise."""

    accepted: tuple[Any, ...]
    rejected: tuple[Any, ...]
    only_sql: tuple[Any, ...] = ()
    only_http: tuple[Any, ...] = ()


def _split(text: str) -> list[str]:
    return text.split()


_NO_NUMBERS = (
    *_split("NaN nan Infinity -Infinity inf abc 1,5 1.5.0 0x10 --1 1e e1 . + ٣"),
    *("", " ", "1\x00", True, False, [], {}, [1]),
)
_NUMBERS = (
    *_split("1 1.5 0.001 1.500 1.5000 001 +1 .5 1. 1e3 1E3 1E+2 1e-3 1000e-3 0.1e1 999999999.999 999999999.9990"),
    *(1, 999999999, *map(Decimal, _split("1.5 0.001 1.50000000 1E+3 999999999.999"))),
)
_TOO_FINE = ("1.2345", Decimal("1.2345"), "0.0001", "1e-4", "0.9999", "999999999.9999", "0.00049999", "1.0000000001")
_NEGATIVE = (-1, "-1", "-0.001", Decimal("-0.001"), "-1e3")
_ZERO = (0, "0", "0.000", Decimal("0.000"), "-0", "0e9")
# Zeros that are more than PostgreSQL reads: the server writes the number without them.
_MANY_ZEROS = ("1." + "0" * 20_000, Decimal("2." + "0" * 20_000))
_SPACED_NUMBERS = (" 1", "1 ", "\t1\n")
_TOO_MANY_UNITS = ("1000000000", 1000000000, "1e9", "1E+30", Decimal("1E+9"), "99999999999999999999999")

_NO_INTEGERS: tuple[Any, ...] = (
    "NaN",
    "",
    " ",
    "abc",
    "1.5",
    Decimal("1.5"),
    "1e400",
    "٣",
    True,
    False,
    [],
    {},
    "2147483648",
    10**30,
)
_WORDS = (*_split('a Ünïcödé 日本語 😀 e\u0301 \\ " <b> %_'), "a b", "'; drop table x; --")
_NO_TEXT = ("a\x00b", "\x00", "\ud800")
_NOT_STRINGS: tuple[Any, ...] = (1, Decimal("1.5"), True, [], {})
_INVISIBLE = (
    "\t\n\r\x01\x1f\x7f\x80\x85\x9f\xa0\xad\u061c\u1680\u180e\u2000\u2009\u200b\u200c\u200d\u200e\u200f\u2028\u2029"
    "\u202e\u202f\u205f\u2060\u2066\u206f\u3000\ue000\uf8ff\ufeff\ufff9\ufffb\ufffe\uffff\U000e0041\U000f0000\U0010fffd"
)
_UUID = "0190a6f0-7c9e-7b1a-8c1d-1f2e3d4c5b6a"
_LINE: dict[str, Any] = {"sku_id": _UUID, "quantity": "1.5"}

SAMPLES = {
    "inventory.quantity": Samples(
        accepted=(*_NUMBERS, *_ZERO),
        rejected=(*_NO_NUMBERS, *_TOO_FINE, *_NEGATIVE, *_TOO_MANY_UNITS),
        only_sql=_SPACED_NUMBERS,
        only_http=(*_MANY_ZEROS, Decimal("0e-999999")),
    ),
    "inventory.positive_quantity": Samples(
        accepted=_NUMBERS,
        rejected=(*_NO_NUMBERS, *_TOO_FINE, *_NEGATIVE, *_ZERO, *_TOO_MANY_UNITS),
        only_sql=_SPACED_NUMBERS,
        only_http=_MANY_ZEROS,
    ),
    "inventory.money": Samples(
        accepted=(*_NUMBERS, *_ZERO, 10**9, "99.99", Decimal("99.99"), "99999999999999999999.999", 10**20 - 1),
        rejected=(*_NO_NUMBERS, *_TOO_FINE, *_NEGATIVE, 10**20, "100000000000000000000", "1e20", "1E+300"),
        only_sql=_SPACED_NUMBERS,
    ),
    "inventory.sku_code": Samples(
        accepted=(*_WORDS, "A-1", "a_b.c/d#1", "x" * 64, "日" * 64, "😀" * 64),
        rejected=(*_NO_TEXT, "", " ", " a", "a ", "a\n", "x" * 65, *(f"a{sign}b" for sign in _INVISIBLE)),
        only_sql=_NOT_STRINGS,
    ),
    "inventory.name": Samples(
        accepted=(*_WORDS, "\u200d\u2764", " a ", "a\nb", "\xa0a", "x" * 255, "😀" * 255),
        rejected=(*_NO_TEXT, "", " ", "   ", "\t\n", "\u3000", "\u2003", "x" * 256, "😀" * 256),
        # Blank in Python and not to PostgreSQL, which knows fewer spaces.
        only_sql=(*_NOT_STRINGS, "\xa0", "\u2007", "\u202f", "\x1c"),
    ),
    "inventory.description": Samples(
        accepted=(*_WORDS, "", " ", "\n", "x" * 10_000, "😀" * 10_000),
        rejected=(*_NO_TEXT, "x" * 10_001),
        only_sql=_NOT_STRINGS,
    ),
    "inventory.reason": Samples(
        accepted=(*_WORDS, "", " ", "\n", "x" * 1_000, "😀" * 1_000),
        rejected=(*_NO_TEXT, "x" * 1_001),
        only_sql=_NOT_STRINGS,
    ),
    "inventory.product_reference": Samples(
        accepted=("0", "1", "007", "9" * 18, _UUID, _UUID.upper(), "00000000-0000-0000-0000-000000000000"),
        rejected=(
            *(*_NO_TEXT, *_split("a -1 +1 1.0 1e3 ٣ 0x10"), "", " ", " 1", "1 ", "1\n", "\n1", "1 2", "9" * 19, [], {}),
            *(_UUID[:-1], _UUID + "0", _UUID.replace("-", ""), "{" + _UUID + "}", _UUID + "\n", "g" + _UUID[1:]),
        ),
        only_sql=(1,),
    ),
    "inventory.page_limit": Samples(
        accepted=(1, "1", 1000, "1000", "007", "+5"),
        rejected=(*_NO_INTEGERS, 0, "0", -1, "-1", 1001, "1001", "1_0"),
        only_sql=_SPACED_NUMBERS,
        only_http=("1.0", Decimal("5.00"), "1000.0"),
    ),
    "inventory.page_number": Samples(
        accepted=(1, "1", 1001, "007", "+5", 2147483647, "2147483647"),
        rejected=(*_NO_INTEGERS, 0, "0", -1, "-1", 2147483648, "1_0"),
        only_sql=_SPACED_NUMBERS,
        only_http=("1.0", Decimal("5.00")),
    ),
    "inventory.username": Samples(
        accepted=(*_split("a Ann ann.b@example.com a+b-c_d 007 @ -"), "x" * 150),
        rejected=(
            *_NO_TEXT,
            *_split("Ünï 日 a/b a:b a'b e\u0301"),
            "",
            " ",
            "a b",
            "a ",
            " a",
            "a\n",
            "x" * 151,
            [],
            {},
        ),
        only_sql=(1, True),
    ),
    "inventory.password": Samples(
        accepted=(*_WORDS, " ", "\n", "x" * 1024, "😀" * 1024),
        rejected=(*_NO_TEXT, "", "x" * 1025),
        only_sql=_NOT_STRINGS,
    ),
    "inventory.user_role": Samples(
        accepted=("operator", "employee", "admin"),
        rejected=(*_NO_TEXT, *_split("Admin ADMIN public inventory_admin owner"), "", " admin", "admin ", 1, True, []),
    ),
    "inventory.block_lines": Samples(
        accepted=([_LINE], [_LINE] * 2, [_LINE] * 100, [_LINE | {"quantity": 1}], [_LINE | {"more": "is ignored"}]),
        rejected=(
            *([], [_LINE] * 101, {}, "", "[]", 1, True, [1], ["x"], [[]], [_LINE | {"sku_id": "x"}]),
            *([_LINE | {"quantity": quantity}] for quantity in ("0", "-1", "1.2345", "NaN", "1e9", "", True)),
        ),
        # A null in a line is no matter of the domain: the rules refuse it.
        only_sql=([{"sku_id": _UUID}], [{"quantity": 1}], [{}], [None], [_LINE | {"quantity": None}]),
    ),
}


class Types:
    """The two sides of a type."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection
        row = connection.execute("select http.catalog() -> 'composites'").fetchone()
        assert row is not None
        self._adapters = {name: TypeAdapter(pydantic_type(name, row[0])) for name in SAMPLES}

    def over_http(self, name: str, value: Any) -> Any:
        """What the server hands to the database for a value. Raises ValidationError."""
        adapter = self._adapters[name]
        return adapter.dump_python(adapter.validate_python(value), mode="json")

    def passes(self, name: str, value: Any) -> bool:
        """Whether the server lets the value pass."""
        try:
            self.over_http(name, value)
        except ValidationError:
            return False
        return True

    def in_sql(self, name: str, value: Any) -> str:
        """The value as the database has it. Raises psycopg.Error."""
        text = simplejson.dumps({"v": value}, use_decimal=True)
        row = self.connection.execute(
            f"select a.v::text from jsonb_to_record(%s::jsonb) as a (v {name})".encode(), [text]
        ).fetchone()
        assert row is not None
        return str(row[0])

    def is_taken(self, name: str, value: Any) -> bool:
        """Whether SQL takes the value; a refusal has one of REFUSALS."""
        try:
            self.in_sql(name, value)
        except psycopg.Error as error:
            if error.sqlstate not in REFUSALS:
                raise
            return False
        return True


@pytest.fixture(scope="module")
def types() -> Iterator[Types]:
    with new_database() as conninfo:
        apply(conninfo, jobs=False)
        with psycopg.connect(conninfo, autocommit=True) as connection:
            yield Types(connection)


def test_every_domain_has_samples(types: Types) -> None:
    domains = types.connection.execute(
        "select format_type(oid, null) from pg_type where typnamespace = 'inventory'::regnamespace and typtype = 'd'"
    ).fetchall()
    assert {name for (name,) in domains} == SAMPLES.keys()
    assert all(samples.accepted and samples.rejected for samples in SAMPLES.values())


def test_every_argument_of_an_endpoint_has_a_type_of_the_server(types: Types) -> None:
    row = types.connection.execute("select http.catalog()").fetchone()
    assert row is not None
    for route in ROUTES:
        for argument in row[0]["functions"][route.function]["arguments"]:
            assert pydantic_type(argument["type"], row[0]["composites"]) is not None, route.path


@pytest.mark.parametrize("name", SAMPLES)
def test_both_accept(types: Types, name: str) -> None:
    for value in SAMPLES[name].accepted:
        assert types.in_sql(name, value) == types.in_sql(name, types.over_http(name, value)), value


@pytest.mark.parametrize("name", SAMPLES)
def test_both_reject(types: Types, name: str) -> None:
    for value in SAMPLES[name].rejected:
        assert (types.passes(name, value), types.is_taken(name, value)) == (False, False), value


@pytest.mark.parametrize("name", SAMPLES)
def test_only_sql_accepts(types: Types, name: str) -> None:
    for value in SAMPLES[name].only_sql:
        assert (types.passes(name, value), types.is_taken(name, value)) == (False, True), value


@pytest.mark.parametrize("name", SAMPLES)
def test_the_server_writes_it_so_that_sql_accepts(types: Types, name: str) -> None:
    for value in SAMPLES[name].only_http:
        assert not types.is_taken(name, value), value
        assert types.in_sql(name, types.over_http(name, value)) == str(int(Decimal(value)))


@pytest.mark.parametrize("name", ["inventory.quantity", "inventory.money", "inventory.positive_quantity"])
def test_a_number_typed_in_sql_is_held_to_the_same(types: Types, name: str) -> None:
    """Not text that becomes the domain, but a numeric that is cast to it, as in psql."""
    for kind, is_accepted in (("accepted", True), ("rejected", False)):
        for value in getattr(SAMPLES[name], kind):
            if isinstance(value, int | Decimal) and not isinstance(value, bool):
                query = f"select %s::numeric::{name}".encode()
                if is_accepted:
                    assert types.connection.execute(query, [value]).fetchone() == (Decimal(value),)
                else:
                    with pytest.raises(psycopg.errors.CheckViolation):
                        types.connection.execute(query, [value])
    for no_number in ("NaN", "Infinity", "-Infinity"):
        with pytest.raises(psycopg.errors.CheckViolation):
            types.connection.execute(f"select '{no_number}'::numeric::{name}".encode())


def test_a_numbers_digits_arrive_as_they_were_sent(types: Types) -> None:
    assert types.in_sql("inventory.money", types.over_http("inventory.money", Decimal("99.99"))) == "99.99"
    assert types.in_sql("inventory.quantity", types.over_http("inventory.quantity", "0.1")) == "0.1"


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_null_is_a_value_left_out(types: Types, name: str) -> None:
    """The domain takes it, for an argument may be optional; a required one is the server's to ask for."""
    assert types.in_sql(name, None) == "None"
    with pytest.raises(ValidationError):
        types.over_http(name, None)


# Any value at all: what the server lets pass the database takes, or a client would see a 500.

_TEXT = st.text(alphabet=st.one_of(st.characters(), st.sampled_from(" \t\nA1-_.@'\\\xa0\u200b\u3000😀")), max_size=80)
_NUMBER = st.from_regex(r"\A[+-]?[0-9]{0,24}(\.[0-9]{0,6})?([eE][+-]?[0-9]{1,2})?\Z")
_EVERYTHING = {
    **dict.fromkeys(["inventory.quantity", "inventory.positive_quantity", "inventory.money"], _NUMBER),
    **dict.fromkeys(["inventory.page_limit", "inventory.page_number"], st.one_of(_NUMBER, st.integers())),
    "inventory.product_reference": st.one_of(_TEXT, _NUMBER, st.builds(str, st.builds(uuid.uuid4))),
}


@pytest.mark.parametrize("name", sorted(SAMPLES.keys() - {"inventory.block_lines", "inventory.user_role"}))
def test_what_the_server_lets_pass_the_database_takes(types: Types, name: str) -> None:
    @settings(max_examples=150, derandomize=True, database=None, deadline=None)
    @given(value=_EVERYTHING.get(name, _TEXT))
    def check(value: Any) -> None:
        if types.passes(name, value):
            assert types.is_taken(name, types.over_http(name, value))

    check()


@pytest.mark.parametrize("name", ["inventory.sku_code", "inventory.username", "inventory.product_reference"])
def test_a_form_is_the_same_on_both_sides(types: Types, name: str) -> None:
    @settings(max_examples=300, derandomize=True, database=None, deadline=None)
    @given(value=st.one_of(_TEXT, st.characters().map(lambda sign: f"a{sign}b"), st.characters()))
    def check(value: str) -> None:
        assert types.passes(name, value) == types.is_taken(name, value)

    check()
