"""Each domain of the functions' signatures says in SQL what its type in server/database/domains.py says in Python."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from unicodedata import normalize

import psycopg
import pytest
import simplejson
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from db.apply import apply
from server.database.domains import pydantic_type
from server.http.routes import ROUTES
from tests.conftest import new_database

# What PostgreSQL says of a value that is not of a type: a CHECK, a bad form, out of range, not text, no such day.
REFUSALS = {"23514", "22P02", "22003", "22023", "22P05", "22007", "22008"}


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
OF_SQL = ("0x10", "1_0")
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
_WORDS = (*_split('a Ünïcödé 日本語 😀 \u00e9 \\ " <b> %_'), "a b", "'; drop table x; --")
_NO_TEXT = ("a\x00b", "\x00", "\ud800")
_NOT_STRINGS: tuple[Any, ...] = (1, Decimal("1.5"), True, [], {})
_INVISIBLE = (
    "\t\n\r\x01\x1f\x7f\x80\x85\x9f\xa0\xad\u061c\u1680\u180e\u2000\u2009\u200b\u200c\u200d\u200e\u200f\u2028\u2029"
    "\u202e\u202f\u205f\u2060\u2066\u206f\u3000\ue000\uf8ff\ufeff\ufff9\ufffb\ufffe\uffff\U000e0041\U000f0000\U0010fffd"
)
_UUID = "0190a6f0-7c9e-7b1a-8c1d-1f2e3d4c5b6a"
_LINE: dict[str, Any] = {"sku_id": _UUID, "quantity": "1.5"}
_ORDER: dict[str, Any] = {"type": "Add", "sku": "4711M-50B", "quantity": 50, "to_location": "RACK-A1-01"}
_FOUND: dict[str, Any] = {"sku": "4711M-50B", "quantity": 0}
_COUNTED: dict[str, Any] = {"id": "7", "quantity": "1.5", "counted_at": None, "reason": None}

_CODES = Samples(
    accepted=(*_WORDS, "A-1", "a_b.c/d#1", "x" * 64, "日" * 64, "😀" * 64),
    rejected=(*_NO_TEXT, "", " ", " a", "a ", "a\n", "x" * 65, *(f"a{sign}b" for sign in _INVISIBLE)),
    only_sql=_NOT_STRINGS,
)

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
    "inventory.catalog_money": Samples(
        accepted=(
            *(*_ZERO, 1, 999999999, 10**9, "99.99", Decimal("99.99"), "99999999999999999999.99", 10**20 - 1),
            *_split("1 1.5 0.01 1.50 1.5000 001 +1 .5 1. 1e3 1E3 1E+2 1e-2 1000e-3 0.1e1 999999999.99 999999999.9900"),
        ),
        rejected=(
            *(*_NO_NUMBERS, *_TOO_FINE, *_NEGATIVE, 10**20, "100000000000000000000", "1e20", "1E+300"),
            *("1.234", Decimal("1.005"), "0.001", "1e-3", "0.995", "99999999999999999999.995"),
        ),
        only_sql=_SPACED_NUMBERS,
    ),
    "inventory.whole_quantity": Samples(
        accepted=(0, "0", "-0", 1, "1", 999_999_999, "999999999", "007", "+5"),
        rejected=(*_NO_INTEGERS, -1, "-1", 10**9, "1000000000", "1_0", "5.5", "-0.5", "1e3"),
        only_sql=_SPACED_NUMBERS,
        only_http=("0.0", "1.0", Decimal("5.00")),
    ),
    "inventory.positive_whole_quantity": Samples(
        accepted=(1, "1", 999_999_999, "999999999", "007", "+5"),
        rejected=(*_NO_INTEGERS, 0, "0", "-0", -1, "-1", 10**9, "1000000000", "1_0", "5.5", "0.5", "1e3"),
        only_sql=_SPACED_NUMBERS,
        only_http=("1.0", Decimal("5.00")),
    ),
    "inventory.serial_number": Samples(
        accepted=(*_WORDS, "", " ", "\n", "SN-001/2", "x" * 255, "😀" * 255),
        rejected=(*_NO_TEXT, "x" * 256, "😀" * 256),
        only_sql=_NOT_STRINGS,
    ),
    "inventory.related_id": Samples(
        accepted=(1, "1", 0, "0", 2**31, "2147483648", 2**63 - 1, str(2**63 - 1), "007"),
        rejected=(
            *("NaN", "", " ", "abc", "1.5", Decimal("1.5"), "1e400", "٣", True, False, [], {}, "1_0", "1e3"),
            *(2**63, str(2**63), 10**30),
        ),
        only_sql=_SPACED_NUMBERS,
    ),
    "inventory.sku_code": _CODES,
    "inventory.hold_owner": _CODES,
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
        accepted=(
            "0",
            "1",
            "007",
            "9" * 18,
            0,
            1,
            10**18 - 1,
            _UUID,
            _UUID.upper(),
            "00000000-0000-0000-0000-000000000000",
        ),
        rejected=(
            *(*_NO_TEXT, *_split("a -1 +1 1.0 1e3 ٣ 0x10"), "", " ", " 1", "1 ", "1\n", "\n1", "1 2", "9" * 19, [], {}),
            *(_UUID[:-1], _UUID + "0", _UUID.replace("-", ""), "{" + _UUID + "}", _UUID + "\n", "g" + _UUID[1:]),
            *(-1, 10**18, True, Decimal("1.5")),
        ),
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
    "inventory.iso_time": Samples(
        accepted=(
            *_split("2025-01-15 2024-02-29 0001-01-01 9999-12-31 2025-01-15T10:00 2025-01-15T00:00:00"),
            *_split(
                "2025-01-15T23:59:59.9 2025-01-15T23:59:59.999999999 2025-01-15t10:00z 2025-01-15T10:00:00.123456Z"
            ),
            *_split("2025-01-15T10:00+02:00 2025-01-15T10:00-0530 2025-01-15T10:00:00.5+14:59 2025-01-15T10:00-00:00"),
            *("2025-01-15 10:00", "2025-01-15 10:00:00Z"),
        ),
        rejected=(
            *(*_NO_TEXT, *_NOT_STRINGS, 20250115, "", " ", "now", "today", "infinity", "yesterday", "epoch"),
            *_split("2025 2025-01 20250115 2025-1-15 25-01-15 12025-01-15 -2025-01-15 2025-W03-3 2025-015 15.01.2025"),
            *_split("2025-02-29 2025-02-30 2025-13-01 2025-00-10 2025-01-00 2025-01-32 2025-04-31 1900-02-29"),
            *_split(
                "0000-01-01 2025-02-29T10:00 ٢٠٢٥-01-15 2025-01-15T 2025-01-15T10 2025-01-15T1:00 2025-01-15T24:00"
            ),
            *_split("2025-01-15T10:60 2025-01-15T23:59:60 2025-01-15T10:00:00. 2025-01-15T10:00:00,5 2025-01-15_10:00"),
            *_split("2025-01-15T10:00:00.1234567890 2025-01-15T10:00+15:00 2025-01-15T10:00+2 2025-01-15T10:00+02"),
            *_split(
                "2025-01-15T10:00+02:60 2025-01-15T10:00ZZ 2025-01-15Z 2025-01-15+02:00 2025-01-15T10:00:00+02:00:00"
            ),
            *(" 2025-01-15", "2025-01-15 ", "2025-01-15\n", "\n2025-01-15", "2025-01-15  10:00", "2025-01-15T10:00 Z"),
            *(
                "2025-01-15T10:00 UTC",
                "2025-01-15T10:00 Europe/Berlin",
                "2025-01-15 BC",
                "2025-01-15T10:00\u2212 02:00",
            ),
        ),
    ),
    "inventory.per_page": Samples(
        accepted=(1, "1", 100, "100", "007", "+5"),
        rejected=(*_NO_INTEGERS, 0, "0", -1, "-1", 101, "101", "1_0"),
        only_sql=_SPACED_NUMBERS,
        only_http=("1.0", Decimal("5.00"), "100.0"),
    ),
    "inventory.search_text": Samples(
        accepted=(*_WORDS, "", " ", "\n", "%", "_", "\\", "x" * 255, "😀" * 255),
        rejected=(*_NO_TEXT, "x" * 256, "😀" * 256),
        only_sql=_NOT_STRINGS,
    ),
    "inventory.stock_status": Samples(
        accepted=("active", "inactive", "archived"),
        rejected=(*_NO_TEXT, *_split("Active ARCHIVED deleted"), "", " active", "active ", "active\n", 1, True, [], {}),
    ),
    "inventory.stock_state": Samples(
        accepted=("low", "sold_out"),
        rejected=(*_NO_TEXT, *_split("Low SOLD_OUT none"), "", " low", "low ", "low\n", 1, True, [], {}),
    ),
    "inventory.block_order": Samples(
        accepted=("created_at", "expires_at"),
        rejected=(*_NO_TEXT, *_split("Created_at id -expires_at"), "", " expires_at", "expires_at\n", 1, True, [], {}),
    ),
    "inventory.day_count": Samples(
        accepted=(1, "1", 366, "366", "007", "+5"),
        rejected=(*_NO_INTEGERS, 0, "0", -1, "-1", 367, "367", "1_0"),
        only_sql=_SPACED_NUMBERS,
        only_http=("1.0", Decimal("5.00"), "366.0"),
    ),
    "inventory.time_zone": Samples(
        accepted=(
            *_split("UTC Europe/Berlin America/Port-au-Prince America/Indiana/Tell_City Etc/GMT+5 Etc/GMT-14"),
            "Nowhere/Land",
        ),
        rejected=(
            *(*_NO_TEXT, "", " ", "UTC ", "UTC\n", "Europe/Berlin\n", 1, True, [], {}, "A/" + "x" * 63),
            *_split("utc GMT PST CET EST5EDT EST+5 A/B+3 Europe/ /Berlin ../etc Europe//Berlin A/B/C/D Ü/b +02:00"),
        ),
    ),
    "inventory.price_type": Samples(
        accepted=("retail", "promo", "wholesale"),
        rejected=(*_NO_TEXT, *_split("Retail PROMO gift cost"), "", " retail", "retail ", "retail\n", 1, True, [], {}),
    ),
    "inventory.unit_symbol": Samples(
        accepted=(*_split("kg l pc m² µg \u2113 % 個 😀"), " kg ", "x" * 16, "😀" * 16),
        rejected=(*_NO_TEXT, "", " ", "\t\n", "\u3000", "x" * 17, "😀" * 17),
        only_sql=(*_NOT_STRINGS, "\xa0", "\u2007", "\u202f", "\x1c"),
    ),
    "inventory.email": Samples(
        accepted=(
            *_split("contact@freshfarm.com a@b.c A.B+c_d-e@EXAMPLE.co.uk !#$%&'*/=?^`{|}~@x.y 1@2.3 a@-.- a..b@c.d"),
            *("x" * 64 + "@example.com", "a@" + "b" * 250 + ".c"),
        ),
        rejected=(
            *(*_NO_TEXT, *_NOT_STRINGS, "", " ", "@", "a@", "@b.c", "a b@c.d", "a@b .c", "a@b.c ", " a@b.c", "a@b.c\n"),
            *_split(
                "a a@b a@b@c.d a@.c a@b. a@b..c a@b_c.d a@b.c, ü@b.c a@ü.c a@日.本 a@[1.2.3.4] <a@b.c> a\u200b@b.c"
            ),
            *("x" * 65 + "@example.com", "a@" + "b" * 251 + ".c", "a\t@b.c", "a\x7f@b.c"),
        ),
    ),
    "inventory.phone_number": Samples(
        accepted=(
            *_split("+254700000000 1 112 0800-CALL-ME1 (030)123/45.6 *100# 1,2 tel:1;ext:2"),
            *("+1 (555) 010-9999 x12", " 1 ", "1" * 50),
        ),
        rejected=(
            *(*_NO_TEXT, True, [], {}, "", " ", "+", "abc", "()", "-", "1" * 51, "1\n", "1\t2", "1\xa02", "1\x002"),
            *_split("٣ \uff11 1_2 1=2 1@2 1'2 1\u20132 ü1 1% 1&2 1\u200b2 [1]"),
        ),
        only_sql=(1, Decimal("1.5")),
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
    "inventory.kit_parts": Samples(
        accepted=([], [_LINE], [_LINE] * 50, [_LINE | {"quantity": "0.001"}], [_LINE | {"more": "is ignored"}]),
        rejected=(
            *([_LINE] * 51, {}, "", "[]", 1, True, [1], ["x"], [_LINE | {"sku_id": "x"}]),
            *([_LINE | {"quantity": quantity}] for quantity in ("0", "-1", "1.2345", "NaN", "1e9", "", True)),
        ),
        only_sql=([[]], [{"sku_id": _UUID}], [{"quantity": 1}], [{}], [None], [_LINE | {"quantity": None}]),
    ),
    "inventory.hold_lines": Samples(
        accepted=([], [_LINE], [_LINE] * 100, [_LINE | {"quantity": 1}], [_LINE | {"more": "is ignored"}]),
        rejected=(
            *([_LINE] * 101, {}, "", "[]", 1, True, [1], ["x"], [_LINE | {"sku_id": "x"}]),
            *([_LINE | {"quantity": quantity}] for quantity in ("0", "-1", "1.2345", "NaN", "1e9", "", True)),
        ),
        only_sql=([[]], [{"sku_id": _UUID}], [{"quantity": 1}], [{}], [None], [_LINE | {"quantity": None}]),
    ),
    "inventory.location_code": Samples(
        accepted=tuple(_split("RACK-A1-01 RACK-Z9-99 RACK-M0-00")),
        rejected=(
            *(*_NO_TEXT, *_NOT_STRINGS, "", " ", "RACK-A1-01 ", " RACK-A1-01", "RACK-A1-01\n", "\nRACK-A1-01"),
            *_split("INVALID-LOCATION RACK-a1-01 rack-A1-01 RACK-A1-1 RACK-A1-001 RACK-A11-01 RACK-AA-01 RACK-11-01"),
            *_split("RACK-A-01 RACKA101 RACK-A101 RACK_A1_01 RACK-A1-0A XRACK-A1-01 RACK-A1-01X RACK-É1-01 RACK-A٣-01"),
            *("RACK-A1-\u0660\u0661", "RACK\u2010A1\u201001", "RACK-A1-01\x00", "RACK-A1-01,RACK-A1-02"),
        ),
    ),
    "inventory.art_sku": Samples(
        accepted=(*_split("4711M-50B a A 0 _ - -- a_b-C sku__1"), "x" * 50),
        rejected=(
            *(*_NO_TEXT, [], {}, "", " ", "a ", " a", "a\n", "\na", "a b", "x" * 51),
            *_split("a.b a/b a+b a#b a,b a'b é \u0131 \u017f ٣ 日 😀 e\u0301 a\u200bb a\xadb a\u2010b"),
        ),
        only_sql=(1, True),
    ),
    "inventory.art_reason": Samples(
        accepted=(*_WORDS, "", " ", "\n", "Damaged goods", "x" * 255, "😀" * 255),
        rejected=(*_NO_TEXT, "x" * 256, "😀" * 256),
        only_sql=_NOT_STRINGS,
    ),
    "inventory.art_type": Samples(
        accepted=("Add", "Remove", "Transfer", "Count", "Adjust"),
        rejected=(*_NO_TEXT, *_split("add REMOVE move Sale"), "", " Add", "Add ", "Add\n", 1, True, [], {}),
    ),
    "inventory.art_quantity": Samples(
        accepted=(1, "1", 50, 0, "-0", -1, "-1", 1_000_000, "1000000", -1_000_000, "-1000000", "007", "+5"),
        rejected=(*_NO_INTEGERS, 1_000_001, "1000001", -1_000_001, "-1000001", "1_0", "--1", "1e3", "5.5"),
        only_sql=_SPACED_NUMBERS,
        only_http=("1.0", "-5.0", Decimal("5.00"), "1000000.0"),
    ),
    "inventory.count_quantity": Samples(
        accepted=(0, "0", "-0", 1, "1", 1_000_000, "1000000", "007", "+5"),
        rejected=(*_NO_INTEGERS, -1, "-1", 1_000_001, "1000001", "1_0", "5.5", "-0.5"),
        only_sql=_SPACED_NUMBERS,
        only_http=("0.0", "1.0", Decimal("5.00")),
    ),
    "inventory.count_status": Samples(
        accepted=("open", "closed", "cancelled"),
        rejected=(*_NO_TEXT, *_split("Open canceled done"), "", " open", "open ", "open\n", 1, True, [], {}),
    ),
    "inventory.webhook_event": Samples(
        accepted=(
            *("outflow.created", "inflow.created", "stock.low", "stock.changed", "stock.available", "stock.sold_out"),
            *("block.expired", "price.changed"),
        ),
        rejected=(
            *_NO_TEXT,
            *_split("Stock.low stock_low sale.created"),
            "",
            " stock.low",
            "stock.low\n",
            1,
            True,
            [],
            {},
        ),
    ),
    "inventory.webhook_events": Samples(
        accepted=(["stock.low"], ["stock.low", "price.changed"], ["stock.low"] * 2, ["price.changed"] * 100),
        rejected=(
            *(
                [],
                ["stock.low"] * 101,
                {},
                "",
                "[]",
                "stock.low",
                1,
                True,
                ["x"],
                ["stock.low", "x"],
                [1],
            ),
            *([[]], [["stock.low"]], [["stock.low"], ["stock.low"]], [{}], [""], [None], ["stock.low", None]),
        ),
        only_sql=("{stock.low}",),
    ),
    "inventory.webhook_url": Samples(
        accepted=(
            *_split("http://a https://a.b HTTPS://A.B/ http://a/b?c=d&e=%20 http://a?b http://1.2.3.4 http://[::1]/"),
            *_split("http://a:1 http://a:65535/ http://a:80?x http://[2001:db8::1]:443/x http://a/@b http://a/b:c"),
            *_split("http://localhost http://a_b.c http://a. http://-"),
            "http://a/" + "x" * 2039,
        ),
        rejected=(
            *(
                *_NO_TEXT,
                *_NOT_STRINGS,
                "",
                " ",
                "http://a/" + "x" * 2040,
                "http://a b/",
                "http://a/b c",
                "http://a/\n",
            ),
            *_split("a a.b //a http:/a http: http:// https:///x ftp://a file:///etc/passwd gopher://a javascript:x"),
            *_split("http://u@a http://u:p@a/ http://@a http://a#b http://a/#b http://a/?#b http://:80 http://a:"),
            *_split("http://a:0 http://a:65536 http://a:99999 http://a:080 http://a:x http://a:1:2 http://a%2eb/"),
            *_split("http://[::1 http://::1/ http://[fe80::1%25eth0]/ http://\u00e9/ http://a/\u00e9 http://a\\b"),
            *("\thttp://a", " http://a", "http://a ", "http://a\n", "http://a\x7f", "http://a/\x01"),
        ),
    ),
    "inventory.delivery_status": Samples(
        accepted=("pending", "delivered", "failed"),
        rejected=(*_NO_TEXT, *_split("Failed gone sent"), "", " failed", "failed ", "failed\n", 1, True, [], {}),
    ),
    "inventory.overlap_seconds": Samples(
        accepted=(0, "0", "-0", 1, "1", 604_800, "604800", "007", "+5"),
        rejected=(*_NO_INTEGERS, -1, "-1", 604_801, "604801", "1_0", "5.5", "-0.5"),
        only_sql=_SPACED_NUMBERS,
        only_http=("0.0", "1.0", Decimal("5.00")),
    ),
    "inventory.art_orders": Samples(
        accepted=(
            *([_ORDER], [_ORDER] * 2, [_ORDER] * 1000, [_ORDER | {"quantity": "7"}], [_ORDER | {"more": "is ignored"}]),
            *([_ORDER | {"type": kind}] for kind in ("Remove", "Transfer", "Count", "Adjust")),
            *([_ORDER | {"sufficient_stock": flag}] for flag in (True, False, None)),
            [_ORDER | {"from_location": None, "reason": None}, _ORDER | {"from_location": "RACK-B2-02", "reason": ""}],
        ),
        rejected=(
            *([], [_ORDER] * 1001, {}, "", "[]", 1, True, [1], ["x"], [[]]),
            *(
                [_ORDER, _ORDER | {"quantity": quantity}]
                for quantity in (1_000_001, -1_000_001, "1.5", "NaN", "", True)
            ),
            *([_ORDER | {"type": "add"}], [_ORDER | {"sku": "a b"}], [_ORDER | {"reason": "x" * 256}]),
            *([_ORDER | {place: "RACK-A1-1"}] for place in ("from_location", "to_location")),
            *([_ORDER | {"sufficient_stock": flag}] for flag in ("maybe", "", 2, [])),
        ),
        # A null in an order is no matter of the domain: the rules refuse it.
        only_sql=([{"type": "Add"}], [{}], [None], [_ORDER | {"quantity": None}], [_ORDER | {"sku": None}]),
    ),
    "inventory.count_lines": Samples(
        accepted=([_FOUND], [_FOUND] * 2, [_FOUND] * 1000, [_FOUND | {"quantity": "7", "more": "is ignored"}]),
        rejected=(
            *([], [_FOUND] * 1001, {}, "", "[]", 1, True, [1], ["x"], [[]], [_FOUND | {"sku": "a b"}]),
            *([_FOUND, _FOUND | {"quantity": quantity}] for quantity in (-1, 1_000_001, "1.5", "NaN", "", True)),
        ),
        only_sql=([{"sku": "A-1"}], [{"quantity": 1}], [{}], [None], [_FOUND | {"quantity": None}]),
    ),
    "inventory.stock_findings": Samples(
        accepted=(
            *([_COUNTED], [_COUNTED] * 2, [_COUNTED] * 1000, [_COUNTED | {"id": _UUID, "more": "is ignored"}]),
            [_COUNTED | {"counted_at": "2025-01-31T12:00:00Z", "reason": "morning"}],
        ),
        rejected=(
            *([], [_COUNTED] * 1001, {}, "", "[]", 1, True, [1], ["x"], [[]], [_COUNTED | {"id": "a b"}]),
            *([_COUNTED, _COUNTED | {"quantity": quantity}] for quantity in (-1, 10**9, "1.5555", "NaN", "", True)),
            *([_COUNTED | {"counted_at": at}] for at in ("some day", True, [])),
        ),
        only_sql=([{"id": "7"}], [{"quantity": 1}], [{}], [None], [_COUNTED | {"quantity": None}]),
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
    """From PostgreSQL 16 on, SQL itself knows more spellings of a number than a client may use."""
    has_more = types.connection.info.server_version >= 160000
    for value in SAMPLES[name].rejected:
        is_taken = has_more and value in OF_SQL and SAMPLES[name].only_sql == _SPACED_NUMBERS
        assert (types.passes(name, value), types.is_taken(name, value)) == (False, is_taken), value


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


# Texts that look the same

_KEPT = (
    *("art_reason", "description", "hold_owner", "name", "reason", "search_text", "serial_number", "sku_code"),
    "unit_symbol",
)


@pytest.mark.parametrize("name", _KEPT)
def test_text_is_in_the_form_nfc(types: Types, name: str) -> None:
    """The server makes it so before it looks at the length; SQL refuses what is not."""
    domain = f"inventory.{name}"
    for sent, kept in (
        ("e\u0301", "\u00e9"),
        ("a\u0323\u0302", "\u1ead"),
        ("\u1112\u1161\u11ab", "\ud55c"),
        ("\u212b", "\u00c5"),
    ):
        assert types.in_sql(domain, types.over_http(domain, sent)) == kept
        with pytest.raises(psycopg.errors.CheckViolation) as error:
            types.in_sql(domain, sent)
        assert error.value.diag.constraint_name == f"{name}_nfc"
    sixteen = "e\u0301" * 16  # as many as the shortest of them takes
    assert types.over_http(domain, sixteen) == "\u00e9" * 16


def test_every_free_text_asks_for_the_form_nfc(types: Types) -> None:
    """A new domain of text that takes what is beyond ASCII has the check, but for the password, which is not kept."""
    query = (
        "select t.typname from pg_type as t where t.typnamespace = 'inventory'::regnamespace and t.typtype = 'd'"
        " and t.typbasetype = 'text'::regtype order by 1"
    )
    domains = [name for (name,) in types.connection.execute(query).fetchall()]
    assert [name for name in domains if types.is_taken(f"inventory.{name}", "\u00e9")] == sorted([*_KEPT, "password"])
    assert types.over_http("inventory.password", "e\u0301") == "e\u0301"
    assert types.in_sql("inventory.password", "e\u0301") == "e\u0301"


@pytest.mark.parametrize("marks", ["\u0301\u0323", "\u0f73", "\u0301"])
def test_marks_without_end_are_refused(types: Types, marks: str) -> None:
    """To put them in order takes the square of their number."""
    most = 30 // len(marks)
    assert types.passes("inventory.description", "a" + marks * most + "b" + marks * most)
    assert not types.passes("inventory.description", "a" + marks * (most + 1))


# Any value at all: what the server lets pass the database takes, or a client would see a 500.

_TEXT = st.text(alphabet=st.one_of(st.characters(), st.sampled_from(" \t\nA1-_.@'\\\xa0\u200b\u3000😀")), max_size=80)
_NUMBER = st.from_regex(r"\A[+-]?[0-9]{0,24}(\.[0-9]{0,6})?([eE][+-]?[0-9]{1,2})?\Z")
_EVERYTHING = {
    **dict.fromkeys(["inventory.quantity", "inventory.positive_quantity", "inventory.money"], _NUMBER),
    **dict.fromkeys(
        [
            *("inventory.page_limit", "inventory.page_number", "inventory.per_page", "inventory.day_count"),
            *("inventory.art_quantity", "inventory.count_quantity", "inventory.overlap_seconds"),
        ],
        st.one_of(_NUMBER, st.integers()),
    ),
    "inventory.product_reference": st.one_of(_TEXT, _NUMBER, st.builds(str, st.builds(uuid.uuid4))),
}


# No text is likely to be one of these.
_CHOICES = {
    *("inventory.user_role", "inventory.stock_status", "inventory.price_type"),
    *("inventory.stock_state", "inventory.block_order"),
    *("inventory.art_type", "inventory.count_status", "inventory.webhook_event", "inventory.delivery_status"),
}
_LISTS = {
    *(
        "inventory.block_lines",
        "inventory.hold_lines",
        "inventory.kit_parts",
        "inventory.art_orders",
        "inventory.count_lines",
        "inventory.stock_findings",
    ),
    "inventory.webhook_events",
}


@pytest.mark.parametrize("name", sorted(SAMPLES.keys() - _LISTS - _CHOICES))
def test_what_the_server_lets_pass_the_database_takes(types: Types, name: str) -> None:
    @settings(max_examples=150, derandomize=True, database=None, deadline=None)
    @given(value=_EVERYTHING.get(name, _TEXT))
    def check(value: Any) -> None:
        if types.passes(name, value):
            assert types.is_taken(name, types.over_http(name, value))

    check()


def _one_in(text: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Text into which something else may have slipped, at any place."""
    slip = st.one_of(st.just(""), st.just(""), st.characters(), st.sampled_from("\n \t.@:-+%_=\xa0٣"))
    return st.tuples(text, slip, st.integers(0, 80)).map(
        lambda drawn: drawn[0][: drawn[2]] + drawn[1] + drawn[0][drawn[2] :]
    )


_DAY = st.builds("{:04}-{:02}-{:02}".format, st.integers(0, 9999), st.integers(0, 13), st.integers(0, 32))
_CLOCK = st.from_regex(
    r"\A([Tt _][0-2][0-9]:[0-6][0-9](:[0-6][0-9]([.,][0-9]{0,10})?)?([Zz]|[+-][01][0-9]:?[0-6][0-9])?)?\Z"
)
_TIMES = st.tuples(_DAY, _CLOCK).map("".join)
_FORMS = {
    "inventory.iso_time": _one_in(_TIMES),
    "inventory.email": _one_in(st.from_regex(r"\A[!-~]{1,66}@[0-9A-Za-z.-]{1,5}([.][0-9A-Za-z-]+){1,3}\Z")),
    "inventory.phone_number": _one_in(st.from_regex(r"\A[0-9A-Za-z+() ./,#*:;-]{0,51}\Z")),
    "inventory.location_code": _one_in(st.from_regex(r"\ARACK-[A-Z][0-9]-[0-9]{2}\Z")),
    "inventory.webhook_url": _one_in(
        st.from_regex(r"\A[Hh]ttps?://([0-9A-Za-z._-]{1,9}|\[[0-9a-f:.]{2,9}\])(:[0-9]{1,5})?([/?][!-~]{0,20})?\Z")
    ),
    "inventory.art_sku": _one_in(st.from_regex(r"\A[A-Za-z0-9_-]{0,51}\Z")),
}


@pytest.mark.parametrize(
    "name", ["inventory.sku_code", "inventory.username", "inventory.product_reference", *sorted(_FORMS)]
)
def test_a_form_is_the_same_on_both_sides(types: Types, name: str) -> None:
    texts = st.one_of(_TEXT, st.characters().map(lambda sign: f"a{sign}b"), st.characters())

    @settings(max_examples=300, derandomize=True, database=None, deadline=None)
    @given(value=_FORMS.get(name, texts))
    def check(value: str) -> None:
        assert types.passes(name, value) == types.is_taken(name, normalize("NFC", value))

    check()


# Instants and patterns

_MICROSECOND = timedelta(microseconds=1)
_ZONES = ("UTC", "Asia/Kolkata", "America/New_York")


@pytest.fixture
def instants(types: Types) -> Callable[[str], tuple[datetime, datetime]]:
    """instants(text): the earliest and the latest instant that it means, which is the same in every time zone."""

    def instants(text: str) -> tuple[datetime, datetime]:
        found = set()
        for zone in _ZONES:
            with types.connection.transaction(force_rollback=True):
                types.connection.execute("select set_config('timezone', %s, true)", [zone])
                row = types.connection.execute(
                    "select inventory.earliest_instant(%s), inventory.latest_instant(%s)", [text, text]
                ).fetchone()
            assert row is not None
            found.add(tuple(instant.astimezone(UTC) for instant in row))
        ((earliest, latest),) = found
        return earliest, latest

    return instants


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("2025-01-15T10:00", datetime(2025, 1, 15, 10, tzinfo=UTC)),
        ("2025-01-15 10:00:30", datetime(2025, 1, 15, 10, 0, 30, tzinfo=UTC)),
        ("2025-01-15t10:00z", datetime(2025, 1, 15, 10, tzinfo=UTC)),
        ("2025-01-15T10:00:00.5Z", datetime(2025, 1, 15, 10, 0, 0, 500_000, tzinfo=UTC)),
        ("2025-01-15t10:00:00.000001", datetime(2025, 1, 15, 10, 0, 0, 1, tzinfo=UTC)),
        ("2025-01-15T10:00+02:00", datetime(2025, 1, 15, 8, tzinfo=UTC)),
        ("2025-01-15T10:00-0530", datetime(2025, 1, 15, 15, 30, tzinfo=UTC)),
        ("2025-01-15T00:00:00+14:00", datetime(2025, 1, 14, 10, tzinfo=UTC)),
        ("2025-07-15T10:00", datetime(2025, 7, 15, 10, tzinfo=UTC)),  # summer time somewhere
        ("2025-01-15T23:59:59.999999999", datetime(2025, 1, 16, tzinfo=UTC)),  # to the microsecond, rounded
    ],
)
def test_a_time_means_one_instant(
    instants: Callable[[str], tuple[datetime, datetime]], text: str, meant: datetime
) -> None:
    assert instants(text) == (meant, meant)


@pytest.mark.parametrize("day", [date(2025, 1, 15), date(2025, 3, 9), date(2025, 11, 2), date(2024, 2, 29)])
def test_a_day_means_its_first_and_its_last_microsecond(
    instants: Callable[[str], tuple[datetime, datetime]], day: date
) -> None:
    """On the days too on which somewhere the clocks change."""
    first = datetime(day.year, day.month, day.day, tzinfo=UTC)
    assert instants(day.isoformat()) == (first, first + timedelta(days=1) - _MICROSECOND)


def test_no_time_means_no_instant(types: Types) -> None:
    query = "select inventory.earliest_instant(null), inventory.latest_instant(null)"
    assert types.connection.execute(query).fetchone() == (None, None)


def test_every_time_means_what_python_reads(types: Types, instants: Callable[[str], tuple[datetime, datetime]]) -> None:
    @settings(max_examples=100, derandomize=True, database=None, deadline=None)
    @given(
        text=st.tuples(
            st.dates(date(1, 1, 2), date(9999, 12, 30)).map(date.isoformat),
            st.from_regex(
                r"\A[Tt ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]{1,6})?)?"
                r"([Zz]|[+-](0[0-9]|1[0-4]):?[0-5][0-9])?\Z"
            ),
        ).map("".join)
    )
    def check(text: str) -> None:
        assert types.passes("inventory.iso_time", text)
        read = datetime.fromisoformat(text.upper())
        read = read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
        assert instants(text) == (read, read)

    check()


@pytest.mark.parametrize(
    ("text", "found", "not_found"),
    [
        ("a", ["a", "xay", "A"], ["", "b"]),
        ("", ["", "a"], []),
        ("50%", ["50%", "a 50% b"], ["50", "505"]),
        ("a_b", ["a_b", "xA_By"], ["axb", "ab"]),
        ("\\", ["\\", "a\\b"], ["a", "/"]),
        ("\\%", ["\\%"], ["\\", "%"]),
        ("[a-c]*", ["[a-c]*"], ["a", "abc"]),
        ("ö", ["Ö", "schön"], ["o"]),
    ],
)
def test_no_sign_of_a_search_is_special(types: Types, text: str, found: list[str], not_found: list[str]) -> None:
    for value, is_found in [*((value, True) for value in found), *((value, False) for value in not_found)]:
        query = "select %s ilike inventory.like_pattern(%s)"
        assert types.connection.execute(query, [value, text]).fetchone() == (is_found,), value


def test_a_pattern_finds_what_contains_the_text(types: Types) -> None:
    letters = st.text(alphabet="ab%_\\.*", max_size=5)

    @settings(max_examples=100, derandomize=True, database=None, deadline=None)
    @given(value=letters, text=letters)
    def check(value: str, text: str) -> None:
        query = "select %s like inventory.like_pattern(%s)"
        assert types.connection.execute(query, [value, text]).fetchone() == (text in value,)

    check()
