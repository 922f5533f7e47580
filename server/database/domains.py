"""The types of values: each SQL type of the functions' signatures as a pydantic type.

The domains of ``db/migrations/0001.types.sql`` say the same in SQL; a test holds both to the same samples. Numbers come
as JSON numbers (parsed to int or Decimal, never to a float) or as their strings.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal
from typing import Annotated, Any, Literal
from unicodedata import combining, normalize
from uuid import UUID

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, StringConstraints, WithJsonSchema, create_model
from pydantic_core import PydanticCustomError

from server import ServerError

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,6})?", re.ASCII)
_MOST_PLACES = 1000  # decimal places: fewer than PostgreSQL accepts
_EXACT = Context(prec=MAX_PREC, Emin=MIN_EMIN, Emax=MAX_EMAX)
_LOCATION = re.compile("RACK-[A-Z][0-9]-[0-9]{2}")
_DIGITS = re.compile(r"\d{1,30}", re.ASCII)
# Times that an offset or rounding would move out of the years 0001 to 9999.
_BEYOND_YEARS = re.compile(r"9999-12-31.*([.]\d{7}|-\d\d:?\d\d$)|0001-01-01.*[+]\d\d:?\d\d$", re.ASCII)
_INTEGER = re.compile(r"[+-]?\d{1,30}(\.0*)?", re.ASCII)

_MOST_MARKS = 30
_DOUBLE_MARKS = "\u0f73\u0f75\u0f81"  # each decomposes into two marks, but is not counted as one

# Control, format, private-use and separator characters except the plain space, as in sku_code_printable.
_UNPRINTABLE = (
    r"\u0000-\u001F\u007F-\u00A0\u00AD\u061C\u1680\u180E\u2000-\u200F\u2028-\u202F\u205F-\u206F\u3000"
    r"\uE000-\uF8FF\uFEFF\uFFF0-\uFFFB\uFFFE\uFFFF"
)
_UNPRINTABLE_BEYOND = r"\U000E0000-\U000E0FFF\U000F0000-\U0010FFFF"  # in Python's spelling, which is not JSON Schema's


def _printable(unprintable: str) -> str:
    return f"^[^ {unprintable}]([^{unprintable}]*[^ {unprintable}])?$"


def _number_form(value: Any) -> Any:
    """Accept digits in a string, but not Python's other spellings of a number (1_000, digits of other scripts)."""
    if isinstance(value, str) and not _NUMBER.fullmatch(value):
        raise PydanticCustomError("decimal_parsing", "Input should be a valid decimal")
    if isinstance(value, str | Decimal):
        number = Decimal(value)
        # Remove meaningless zeros: PostgreSQL does not read so many decimal places.
        exponent = number.as_tuple().exponent
        if isinstance(exponent, int) and exponent < -_MOST_PLACES:
            return number.normalize(_EXACT)
    return value


def _integer_form(value: Any) -> Any:
    if isinstance(value, bool):
        raise PydanticCustomError("int_type", "Input should be a valid integer")
    if isinstance(value, str) and not _INTEGER.fullmatch(value):
        raise PydanticCustomError(
            "int_parsing", "Input should be a valid integer, unable to parse string as an integer"
        )
    if isinstance(value, Decimal) and value.is_finite() and abs(value.adjusted()) > 30:
        raise PydanticCustomError(
            "int_parsing_size", "Unable to parse input string as an integer, exceeded maximum size"
        )
    return value


def _digits_form(value: Any) -> Any:
    if isinstance(value, str) and not _DIGITS.fullmatch(value):
        raise PydanticCustomError(
            "int_parsing", "Input should be a valid integer, unable to parse string as an integer"
        )
    return value


def _to_utc(value: datetime) -> datetime:
    """A time without an offset is UTC."""
    try:
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    except OverflowError:
        raise PydanticCustomError("datetime_object_invalid", "Input should be a valid datetime") from None


def _time_form(value: Any) -> Any:
    if isinstance(value, bool):
        raise PydanticCustomError("datetime_type", "Input should be a valid datetime")
    if not isinstance(value, Decimal):
        return value
    if abs(value.adjusted()) > 30:
        # int() of a number with such an exponent would take for ever.
        raise PydanticCustomError("datetime_parsing", "Input should be a valid datetime")
    return int(value) if value == value.to_integral_value() else value


def _of_the_calendar(value: str) -> str:
    try:
        date.fromisoformat(value[:10])
        if _BEYOND_YEARS.match(value):
            raise ValueError
    except ValueError:
        raise PydanticCustomError("date_from_datetime_parsing", "Input should be a date of the calendar") from None
    return value


def _location_form(value: str) -> str:
    if not _LOCATION.fullmatch(value):
        raise PydanticCustomError(
            "value_error", "Location must follow format RACK-A1-01 (RACK-<section><aisle>-<position>)"
        )
    return value


def _no_nul(value: str) -> str:
    if "\x00" in value:
        raise PydanticCustomError("string_nul", "String should not contain the character NUL")
    return value


def _to_nfc(value: Any) -> Any:
    """Convert to Unicode's form NFC. Refuse text whose conversion takes quadratic time: see UAX #15, section 13."""
    if not isinstance(value, str) or value.isascii():
        return value
    marks = 0
    for sign in value:
        marks = marks + 1 if combining(sign) or sign in _DOUBLE_MARKS else 0
        if marks > _MOST_MARKS:
            raise PydanticCustomError(
                "string_marks", f"String should not have more than {_MOST_MARKS} combining marks in a row"
            )
    return normalize("NFC", value)


def _not_blank(value: str) -> str:
    if not value.strip():
        raise PydanticCustomError("string_too_short", "String should have at least 1 character")
    return value


def _form(pattern: str, message: str, documented: str | None = None, **constraints: Any) -> Any:
    """Text that matches a pattern, with a message for people. ``documented``: the pattern for OpenAPI."""
    compiled = re.compile(pattern)

    def check(value: str) -> str:
        if not compiled.fullmatch(value):
            raise PydanticCustomError("string_pattern_mismatch", message)
        return value

    return Annotated[
        text(**constraints), AfterValidator(check), Field(json_schema_extra={"pattern": documented or pattern})
    ]


def _decimal(whole_digits: int, places: int = 3, *, ge: int | None = None, gt: int | None = None) -> Any:
    """A number of so many digits before the decimal point and so many after it."""
    documented: dict[str, Any] = {"type": "number", "maximum": Decimal("9" * whole_digits + "." + "9" * places)}
    documented |= {"exclusiveMinimum": gt} if ge is None else {"minimum": ge}
    digits = f"^[+-]?[0-9]{{1,{whole_digits}}}([.][0-9]{{1,{places}}})?$"
    return Annotated[
        Decimal,
        Field(max_digits=whole_digits + places, decimal_places=places, ge=ge, gt=gt),
        BeforeValidator(_number_form),
        WithJsonSchema({"anyOf": [documented, {"type": "string", "pattern": digits}]}),
    ]


def _id_text(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _related_form(value: Any) -> Any:
    if isinstance(value, bool) or not (isinstance(value, int) or (isinstance(value, str) and _DIGITS.fullmatch(value))):
        raise PydanticCustomError("related_type", "Input should be the integer id of what is meant")
    if not -(2**63) <= int(value) < 2**63:
        raise PydanticCustomError("related_unknown", "Input should be the id of something")
    return value


def _integer(ge: int, le: int = 2**63 - 1) -> Any:
    documented = {"type": "integer", "minimum": ge, "maximum": le}
    digits = {"type": "string", "pattern": "^[+-]?[0-9]{1,30}([.]0*)?$"}
    schema = WithJsonSchema({"anyOf": [documented, digits]})
    return Annotated[int, Field(ge=ge, le=le), BeforeValidator(_integer_form), schema]


def _in_any_case(words: str) -> str:
    return "|".join("".join(f"[{sign.upper()}{sign}]" for sign in word) for word in words.split())


# The texts that pydantic accepts as a boolean.
_BOOLEAN: dict[str, Any] = {
    "anyOf": [
        {"type": "boolean"},
        {"enum": [0, 1]},
        {"type": "string", "pattern": f"^([01]|{_in_any_case('true false yes no on off t f y n')})$"},
    ]
}


def text_as_sent(**constraints: Any) -> Any:
    """Text without NUL, which PostgreSQL cannot store; ``constraints``: pydantic's."""
    return Annotated[str, StringConstraints(**constraints), AfterValidator(_no_nul)]


def text(**constraints: Any) -> Any:
    """Text in Unicode's form NFC, as the domains require."""
    return Annotated[text_as_sent(**constraints), BeforeValidator(_to_nfc)]


WAIT = "wait_seconds"  # no type of SQL: how long the server may wait for an answer with rows

_CODE = _form(
    _printable(_UNPRINTABLE + _UNPRINTABLE_BEYOND),
    "String should be printable characters with no space at either end",
    documented=_printable(_UNPRINTABLE),
    min_length=1,
    max_length=64,
)

TYPES: dict[str, Any] = {
    "inventory.quantity": _decimal(9, ge=0),
    "inventory.positive_quantity": _decimal(9, gt=0),
    "inventory.money": _decimal(20, ge=0),
    "inventory.catalog_money": _decimal(20, 2, ge=0),
    "inventory.whole_quantity": _integer(ge=0, le=999_999_999),
    "inventory.positive_whole_quantity": _integer(ge=1, le=999_999_999),
    "inventory.serial_number": text(max_length=255),
    "inventory.related_id": Annotated[_integer(ge=-(2**63)), BeforeValidator(_related_form)],
    "inventory.sku_code": _CODE,
    "inventory.hold_owner": _CODE,
    "inventory.name": Annotated[text(min_length=1, max_length=255), AfterValidator(_not_blank)],
    "inventory.description": text(max_length=10_000),
    "inventory.reason": text(max_length=1_000),
    "inventory.product_reference": Annotated[
        _form(
            "^([0-9]{1,18}|[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12})$",
            "Input should be an integer id or a UUID",
        ),
        BeforeValidator(_id_text),
    ],
    "inventory.page_limit": _integer(ge=1, le=1000),
    "inventory.page_number": _integer(ge=1, le=2**31 - 1),
    "inventory.username": _form(
        "^[A-Za-z0-9.@+_-]+$",
        "Enter a valid username: letters, digits and @ . + - _ only",
        min_length=1,
        max_length=150,
    ),
    # Not normalized: the hash of an older password may be that of another form.
    "inventory.password": text_as_sent(min_length=1, max_length=1024),
    "inventory.user_role": Literal["operator", "employee", "integration", "admin"],
    "inventory.iso_time": Annotated[
        _form(
            r"^[0-9]{4}-[0-9]{2}-[0-9]{2}"
            r"([Tt ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]{1,9})?)?"
            r"([Zz]|[+-](0[0-9]|1[0-4]):?[0-5][0-9])?)?$",
            "Input should be a date or a time in ISO 8601's form",
        ),
        AfterValidator(_of_the_calendar),
    ],
    "inventory.per_page": _integer(ge=1, le=100),
    "inventory.search_text": text(max_length=255),
    "inventory.stock_status": Literal["active", "inactive", "archived"],
    "inventory.stock_state": Literal["low", "sold_out"],
    "inventory.block_order": Literal["created_at", "expires_at"],
    "inventory.day_count": _integer(ge=1, le=366),
    "inventory.time_zone": _form(
        "^(UTC|Etc/GMT[+-][0-9]{1,2}|[A-Za-z_]{1,32}(/[A-Za-z_]+(-[A-Za-z_]+)*){1,2})$",
        "Input should be the IANA name of a time zone, such as Europe/Berlin, or UTC",
        max_length=64,
    ),
    "inventory.price_type": Literal["retail", "promo", "wholesale"],
    "inventory.unit_symbol": Annotated[text(min_length=1, max_length=16), AfterValidator(_not_blank)],
    "inventory.email": _form(
        "^[!-?A-~]{1,64}@[0-9A-Za-z-]+([.][0-9A-Za-z-]+)+$", "Enter a valid email address", max_length=254
    ),
    "inventory.phone_number": _form(
        "^[0-9A-Za-z+() ./,#*:;-]*[0-9][0-9A-Za-z+() ./,#*:;-]*$",
        "Enter a valid telephone number",
        min_length=1,
        max_length=50,
    ),
    "inventory.location_code": Annotated[
        text(), AfterValidator(_location_form), Field(json_schema_extra={"pattern": f"^{_LOCATION.pattern}$"})
    ],
    "inventory.art_sku": _form(
        "^[A-Za-z0-9_-]+$", "String should match pattern '^[A-Za-z0-9_-]{1,50}$'", min_length=1, max_length=50
    ),
    "inventory.art_reason": text(max_length=255),
    "inventory.art_type": Literal["Add", "Remove", "Transfer", "Count", "Adjust"],
    "inventory.art_quantity": _integer(ge=-1_000_000, le=1_000_000),
    "inventory.count_quantity": _integer(ge=0, le=1_000_000),
    "inventory.count_status": Literal["open", "closed", "cancelled"],
    "inventory.webhook_event": Literal[
        "outflow.created",
        "inflow.created",
        "stock.low",
        "stock.changed",
        "stock.available",
        "stock.sold_out",
        "block.expired",
        "price.changed",
    ],
    "inventory.webhook_url": _form(
        r"^[Hh][Tt][Tt][Pp][Ss]?://([0-9A-Za-z._-]+|\[[0-9A-Fa-f:.]+\])"
        "(:([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?"
        '([/?][!"$-~]*)?$',
        "Enter a valid URL: http or https, printable ASCII characters, no user and no fragment",
        max_length=2048,
    ),
    "inventory.delivery_status": Literal["pending", "delivered", "failed"],
    "inventory.overlap_seconds": _integer(ge=0, le=604_800),
    "uuid": UUID,
    "timestamp with time zone": Annotated[datetime, BeforeValidator(_time_form), AfterValidator(_to_utc)],
    "bigint": _integer(ge=-(2**63), le=2**63 - 1),
    "integer": _integer(ge=-(2**31), le=2**31 - 1),
    "boolean": Annotated[bool, WithJsonSchema(_BOOLEAN)],
    "text": text(),
    WAIT: _integer(ge=0, le=30),
}

# In a path an integer is digits only.
PATH_TYPES: dict[str, Any] = {
    name: Annotated[TYPES[name], BeforeValidator(_digits_form), WithJsonSchema({"type": "integer", "minimum": 0})]
    for name in ("bigint", "integer")
}

# Domains over arrays: the type of the elements, and their number.
_ARRAYS: dict[str, tuple[str, int, int]] = {
    "inventory.block_lines": ("inventory.block_line", 1, 100),
    "inventory.kit_parts": ("inventory.block_line", 0, 50),
    "inventory.hold_lines": ("inventory.block_line", 0, 100),
    "inventory.art_orders": ("inventory.art_order", 1, 1000),
    "inventory.count_lines": ("inventory.count_found", 1, 1000),
    "inventory.stock_findings": ("inventory.stock_found", 1, 1000),
    "inventory.webhook_events": ("inventory.webhook_event", 1, 100),
}

# The fields of composite types that may be left out.
_OPTIONAL: dict[str, set[str]] = {
    "inventory.art_order": {"from_location", "to_location", "reason", "sufficient_stock"},
    "inventory.stock_found": {"counted_at", "reason"},
}


class UnknownTypeError(ServerError):
    """A function's signature uses a type that has no line in TYPES."""


def pydantic_type(name: str, composites: dict[str, list[dict[str, str]]]) -> Any:
    """The pydantic type of a type by its SQL name; ``composites``: the fields of each composite type."""
    if name in TYPES:
        return TYPES[name]
    if name in _ARRAYS:
        element, least, most = _ARRAYS[name]
        return Annotated[list[pydantic_type(element, composites)], Field(min_length=least, max_length=most)]  # type: ignore[misc]
    if name in composites:
        return _composite(name, composites)
    raise UnknownTypeError(f"No pydantic type for {name}: give it a line in server/database/domains.py.")


def _composite(name: str, composites: dict[str, list[dict[str, str]]]) -> type[BaseModel]:
    fields: dict[str, Any] = {}
    for field in composites[name]:
        kind = pydantic_type(field["type"], composites)
        is_optional = field["name"] in _OPTIONAL.get(name, ())
        fields[field["name"]] = (kind | None, None) if is_optional else (kind, ...)
    return create_model(name.rpartition(".")[2], **fields)
