"""Errors: one table maps code and API to a status, and each shape of a body has one renderer.

A business error comes from the database with one of its own SQLSTATEs; ``inventory.error_codes()`` gives its code. The
other codes here are the server's own. What status a code has in which API stands in STATUS alone, and how an API writes
an error down stands in its renderer alone.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Callable, Container, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import simplejson
from aiohttp import web

from server import ServerError


class Api(enum.Enum):
    """Whose error bodies and statuses an endpoint has."""

    SKU = "1 SKUs and temporary blocks"
    STOCK = "2 Stock operations"
    PRICING = "3 Inventory and pricing"
    ART = "4 ART orders"
    CATALOG = "5 Catalog"
    AUTHENTICATION = "Authentication"
    SERVICE = "Service"


@dataclasses.dataclass(frozen=True)
class FieldError:
    """What is wrong with one field, as pydantic says it; ``field`` is its name alone.

    ``msg``: without the words that pydantic puts before the sentence of a value error.
    """

    type: str
    loc: tuple[str | int, ...]
    msg: str
    input: Any
    ctx: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def field(self) -> str:
        return ".".join(str(part) for part in self.loc[1:])


class Problem(ServerError):  # noqa: N818 - RFC 9457's word
    """An error to tell the client: a code of STATUS, a sentence, and the fields at fault, if any.

    ``extra``: more keys of the body, where it is Django REST framework's. ``details``: the database's, for machines.
    ``at``: when, where the answer may be given again. ``lines``: what is wrong with which line of a file, by field.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        fields: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
        extra: Mapping[str, Any] | None = None,
        details: Mapping[str, Any] | None = None,
        at: str | None = None,
        lines: Mapping[int, Mapping[str, list[str]]] | None = None,
    ) -> None:
        super().__init__(message)
        self.lines = dict(lines or {})
        self.code = code
        self.message = message
        self.fields = tuple(fields)
        self.headers = dict(headers or {})
        self.extra = dict(extra or {})
        self.details = dict(details or {})
        self.at = at


class TooSlowError(ServerError, web.RequestPayloadError):
    """A request's body did not arrive in time."""


def _row(*statuses: int) -> dict[Api, int]:
    """Statuses in the order of Api."""
    return dict(zip((api for api in Api if api is not Api.SERVICE), statuses, strict=True))


def _all(status: int) -> dict[Api, int]:
    return dict.fromkeys(Api, status)


# Code -> status by API, in the contract's order of causes.
STATUS: dict[str, dict[Api, int]] = {
    "INVALID_JSON": _row(422, 400, 400, 422, 400, 400),
    "VALIDATION_ERROR": _row(422, 400, 400, 422, 422, 400),
    "INVALID_PATH": _row(422, 400, 404, 422, 404, 404),
    "NOT_FOUND": _all(404),
    "PRODUCT_NOT_FOUND": _all(404),
    "BLOCK_NOT_FOUND": _all(404),
    "INVENTORY_NOT_FOUND": _all(404),
    "PRICE_NOT_FOUND": _all(404),
    "SALE_NOT_FOUND": _all(404),
    "LOCATION_NOT_FOUND": _all(404),
    "COUNT_NOT_FOUND": _all(404),
    "COUNT_OPEN": _all(409),
    "COUNT_CLOSED": _all(409),
    "USER_NOT_FOUND": _all(404),
    "BRAND_NOT_FOUND": _all(404),
    "CATEGORY_NOT_FOUND": _all(404),
    "INFLOW_NOT_FOUND": _all(404),
    "OUTFLOW_NOT_FOUND": _all(404),
    "WEBHOOK_NOT_FOUND": _all(404),
    "DELIVERY_NOT_FOUND": _all(404),
    "PAGE_NOT_FOUND": _all(404),
    "SUPPLIER_NOT_FOUND": _all(404),
    "UNIT_NOT_FOUND": _row(404, 404, 400, 404, 422, 422),
    "INSUFFICIENT_STOCK": _row(409, 409, 400, 400, 400, 400),
    "DUPLICATE_SKU": _row(409, 409, 409, 409, 422, 422),
    "DUPLICATE_USERNAME": _row(409, 409, 409, 409, 422, 422),
    "DUPLICATE_UNIT": _row(409, 409, 409, 409, 422, 422),
    "DUPLICATE_BRAND": _row(409, 409, 409, 409, 422, 422),
    "DUPLICATE_CATEGORY": _row(409, 409, 409, 409, 422, 422),
    "DUPLICATE_SUPPLIER_EMAIL": _row(409, 409, 409, 409, 422, 422),
    "INVENTORY_ALREADY_INITIALIZED": _all(409),
    "INSUFFICIENT_RESERVED": _row(409, 409, 409, 400, 400, 400),
    "BLOCK_EXPIRED": _all(409),
    "BLOCK_CONVERTED": _all(409),
    "BLOCK_CANCELLED": _all(409),
    "BLOCK_QUANTITY_EXCEEDED": _all(409),
    "INVENTORY_NOT_ACTIVE": _row(409, 409, 400, 400, 422, 422),
    "INVENTORY_NOT_INITIALIZED": _row(409, 409, 400, 400, 422, 422),
    "KIT_HOLDS_NO_STOCK": _row(409, 409, 400, 400, 422, 422),
    "KIT_NOT_WHOLE": _row(409, 409, 400, 400, 422, 422),
    "KIT_IN_USE": _all(409),
    "KIT_NESTED": _all(409),
    "BLOCK_OF_KIT": _all(409),
    "QUANTITY_CHANGED": _all(409),
    "RETURN_EXCEEDS_DEPARTURE": _all(409),
    "PROTECTED": _all(400),
    "INFLOW_USED": _all(400),
    "TOO_MANY_LAYERS": _all(409),
    "LINES_REJECTED": _all(422),
    "BACKDATED_PRICE": _row(409, 409, 400, 400, 422, 422),
    "QUANTITY_OUT_OF_RANGE": _row(422, 400, 400, 422, 422, 422),
    "METHOD_NOT_ALLOWED": _all(405),
    "UNSUPPORTED_MEDIA_TYPE": _all(415),
    "PAYLOAD_TOO_LARGE": _all(413),
    "BAD_REQUEST": _all(400),
    "REQUEST_TIMEOUT": _all(408),
    "URI_TOO_LONG": _all(414),
    "EXPECTATION_FAILED": _all(417),
    "HEADERS_TOO_LARGE": _all(431),
    "NOT_IMPLEMENTED": _all(501),
    "RATE_LIMITED": _all(429),
    "SERVICE_UNAVAILABLE": _all(503),
    "OUTCOME_UNKNOWN": _all(503),
    "NOT_AUTHENTICATED": _all(401),
    "TOKEN_NOT_VALID": _all(401),
    "NO_ACTIVE_ACCOUNT": _all(401),
    "PERMISSION_DENIED": _all(403),
    "CROSS_SITE_REQUEST": _all(403),
    "PRECONDITION_FAILED": _all(412),
    "IDEMPOTENCY_KEY_REQUIRED": _all(400),
    "IDEMPOTENCY_KEY_REUSED": _all(422),
    "IDEMPOTENCY_KEY_IN_USE": _all(409),
    "INTERNAL_ERROR": _all(500),
}

# A business error that a newer release's database raises: this server may run beside it in a rolling upgrade.
UNKNOWN = _all(409)

VALUE_ERROR = "Value error, "  # how pydantic begins the sentence of an error of that type

# The names that the field of a business error has in the bodies of the APIs.
FIELD: dict[str, tuple[str, ...]] = {
    "DUPLICATE_SKU": ("sku", "sku_code"),
    "DUPLICATE_USERNAME": ("username",),
    "DUPLICATE_UNIT": ("name",),
    "DUPLICATE_SUPPLIER_EMAIL": ("email",),
    "UNIT_NOT_FOUND": ("unit_id",),
    "BACKDATED_PRICE": ("effective_from",),
    "QUANTITY_OUT_OF_RANGE": ("quantity", "amount", "stock"),
}

# In API 5 these errors belong to a field too: the body names something that does not exist or cannot be used.
CATALOG_FIELD: dict[str, tuple[str, ...]] = FIELD | {
    "DUPLICATE_BRAND": ("name",),
    "DUPLICATE_CATEGORY": ("name",),
    "BRAND_NOT_FOUND": ("brand",),
    "CATEGORY_NOT_FOUND": ("category",),
    "PRODUCT_NOT_FOUND": ("product",),
    "SUPPLIER_NOT_FOUND": ("supplier",),
    "INVENTORY_NOT_ACTIVE": ("product",),
    "INVENTORY_NOT_INITIALIZED": ("product", "quantity"),
}

# Business errors about a field in Django REST framework's words.
_CATALOG_SENTENCE = {
    "DUPLICATE_SKU": "product with this sku already exists.",
    "DUPLICATE_BRAND": "brand with this name already exists.",
    "DUPLICATE_CATEGORY": "category with this name already exists.",
    "DUPLICATE_SUPPLIER_EMAIL": "supplier with this email already exists.",
}


def field_of(code: str, api: Api, names: Container[str]) -> str | None:
    """The field of the body that a business error is about; None if it is about none of them."""
    known = CATALOG_FIELD if api is Api.CATALOG else FIELD
    return next((name for name in known.get(code, ()) if name in names), None)


def status_of(code: str, api: Api, *, is_in_body: bool) -> int:
    """The status of a code. ``is_in_body``: it is about a field of the body.

    What a body of API 5 names and is not there makes the field not valid; what a path names is not found.
    """
    if api is Api.CATALOG and is_in_body and code in CATALOG_FIELD and code.endswith("_NOT_FOUND"):
        return 422
    return STATUS.get(code, UNKNOWN)[api]


# Details that API 4 adds: the index of the failing order, and the quantities that stand in the way.
ART_DETAILS = ("failed_index", "held", "reserved", "blocked", "available")


def response(problem: Problem, api: Api) -> web.Response:
    """The error as the API's document writes it."""
    status = status_of(problem.code, api, is_in_body=bool(problem.fields))
    content_type, body = _RENDERERS[api](problem, status)
    headers = dict(problem.headers)
    if status == 401:
        headers.setdefault("WWW-Authenticate", 'Bearer realm="api"')
    if status in (429, 503) or problem.code == "IDEMPOTENCY_KEY_IN_USE":
        headers.setdefault("Retry-After", "1")
    return web.Response(
        status=status, body=dump(body), headers=headers, content_type=content_type, charset=_charset(content_type)
    )


def line_problem(wrong: Mapping[int, Sequence[FieldError]]) -> Problem:
    """The problem of a file with invalid lines: for each line its errors, in API 5's words."""
    return Problem(
        "LINES_REJECTED",
        "No line was taken: some of them are not valid.",
        lines={
            number: _by_field(fields, lambda error: _django_sentence(error, error.type))
            for number, fields in wrong.items()
        },
    )


_JSON = simplejson.JSONEncoder(use_decimal=True, default=str, separators=(",", ":"))


def dump(value: Any) -> bytes:
    """Write JSON with exact numbers: a Decimal keeps its digits."""
    return _JSON.encode(value).encode()


def _charset(content_type: str) -> str | None:
    return "utf-8" if content_type == "application/json" else None


def _fastapi(problem: Problem, status: int) -> tuple[str, dict[str, Any]]:
    """API 1: pydantic's own list for what is wrong with a field, else a sentence and a code."""
    if status != 422 or not problem.fields:
        return "application/json", {"detail": problem.message, "code": problem.code}
    body: dict[str, Any] = {
        "detail": [
            {"type": field.type, "loc": list(field.loc), "msg": _pydantic_sentence(field), "input": field.input}
            | ({"ctx": dict(field.ctx)} if field.ctx else {})
            for field in problem.fields
        ]
    }
    if problem.code not in ("VALIDATION_ERROR", "INVALID_PATH", "INVALID_JSON"):
        body["code"] = problem.code
    return "application/json", body


def _art(problem: Problem, status: int) -> tuple[str, dict[str, Any]]:
    """API 4: pydantic's own list for what is wrong with a field, else the documented object."""
    if status == 422 and problem.fields:
        _, body = _fastapi(problem, status)
        return "application/json", {"detail": body["detail"]}
    code, message = problem.code, problem.message
    if code == "INTERNAL_ERROR":
        code, message = "SERVER_ERROR", f"Server error: {message}"
    elif code == "PRODUCT_NOT_FOUND":
        code = "INVALID_SKU"
    timestamp = problem.at or datetime.now(UTC).replace(tzinfo=None).isoformat()
    detail = {"status": "error", "message": message, "error_code": code, "timestamp": timestamp}
    told = {name: problem.details[name] for name in ART_DETAILS if name in problem.details}
    return "application/json", {"detail": detail | told}


def _problem_json(problem: Problem, status: int) -> tuple[str, dict[str, Any]]:
    """APIs 2 and 3: RFC 9457."""
    body: dict[str, Any] = {
        "type": f"urn:problem:inventory:{problem.code.lower().replace('_', '-')}",
        "title": problem.code.replace("_", " ").capitalize(),
        "status": status,
        "detail": problem.message,
        "code": problem.code,
    }
    fields = [field for field in problem.fields if field.field] if problem.code != "INVALID_JSON" else []
    if status == 400 and fields:
        body["errors"] = _by_field(fields, lambda error: error.msg)
    return "application/problem+json", body


def _django(problem: Problem, status: int) -> tuple[str, dict[str, Any]]:
    """API 5 and the authentication endpoints: Django REST framework's bodies, and ``error`` beside them."""
    told = problem.fields if status in (400, 422) and problem.code != "INVALID_JSON" else ()
    # An error of an item is reported under the name of its list.
    fields = [dataclasses.replace(field, loc=field.loc[:2]) for field in told]
    details: dict[str, Any] = _by_field(fields, lambda error: _django_sentence(error, problem.code))
    if problem.lines:
        details = {"lines": {str(number): lists for number, lists in problem.lines.items()}}
    # Django answers a malformed id and an unknown id in the same way.
    message = "Not found." if status == 404 and problem.code != "PAGE_NOT_FOUND" else problem.message
    body: dict[str, Any] = dict(details) if details else {"detail": message}
    error = {"code": problem.code, "message": message, "details": details}
    return "application/json", body | problem.extra | {"error": error}


def _service(problem: Problem, status: int) -> tuple[str, dict[str, Any]]:
    return "application/json", {"detail": problem.message, "code": problem.code}


_RENDERERS: dict[Api, Callable[[Problem, int], tuple[str, dict[str, Any]]]] = {
    Api.SKU: _fastapi,
    Api.STOCK: _problem_json,
    Api.PRICING: _problem_json,
    Api.ART: _art,
    Api.CATALOG: _django,
    Api.AUTHENTICATION: _django,
    Api.SERVICE: _service,
}


def _pydantic_sentence(error: FieldError) -> str:
    return f"{VALUE_ERROR}{error.msg}" if error.type == "value_error" else error.msg


def _type_name(value: Any) -> str:
    return "float" if isinstance(value, Decimal) else type(value).__name__


def _by_field(fields: Sequence[FieldError], sentence: Callable[[FieldError], str]) -> dict[str, list[str]]:
    lists: dict[str, list[str]] = {}
    for field in fields:
        lists.setdefault(field.field or "non_field_errors", []).append(sentence(field))
    return lists


def _django_sentence(error: FieldError, code: str) -> str:  # noqa: PLR0911, PLR0912 - one line a case
    """pydantic's error, or the database's, in Django REST framework's words."""
    ctx = error.ctx
    if code in _CATALOG_SENTENCE:
        return _CATALOG_SENTENCE[code]
    if code.endswith("_NOT_FOUND"):
        return f'Invalid pk "{error.input}" - object does not exist.'
    if error.input is None and error.type != "missing":
        return "This field may not be null."
    match error.type:
        case "missing":
            return "This field is required."
        case "string_too_short" if ctx.get("min_length", 1) > 1:
            return f"Ensure this field has at least {ctx['min_length']} characters."
        case "string_too_short":
            return "This field may not be blank."
        case "string_type" | "string_unicode":
            return "Not a valid string."
        case "string_too_long":
            return f"Ensure this field has no more than {ctx['max_length']} characters."
        case "decimal_parsing" | "decimal_type" | "finite_number":
            return "A valid number is required."
        case "decimal_max_digits":
            return f"Ensure that there are no more than {ctx['max_digits']} digits in total."
        case "decimal_max_places":
            return f"Ensure that there are no more than {ctx['decimal_places']} decimal places."
        case "decimal_whole_digits":
            return f"Ensure that there are no more than {ctx['whole_digits']} digits before the decimal point."
        case "int_parsing" | "int_type" | "int_from_float" | "int_parsing_size":
            return "A valid integer is required."
        case "related_type":
            return f"Incorrect type. Expected pk value, received {_type_name(error.input)}."
        case "related_unknown":
            return f'Invalid pk "{error.input}" - object does not exist.'
        case "bool_parsing" | "bool_type":
            return "Must be a valid boolean."
        case "greater_than_equal":
            return f"Ensure this value is greater than or equal to {ctx['ge']}."
        case "less_than_equal":
            return f"Ensure this value is less than or equal to {ctx['le']}."
        case "model_attributes_type":
            return f"Invalid data. Expected a dictionary, but got {_type_name(error.input)}."
        case "too_short":
            return "This list may not be empty."
        case "list_type":
            return f'Expected a list of items but got type "{_type_name(error.input)}".'
        case "string_nul":
            return "Null characters are not allowed."
        case "string_pattern_mismatch" | "date_from_datetime_parsing" if "date" in error.msg:
            return "Date has wrong format. Use one of these formats instead: YYYY-MM-DD."
        case "string_pattern_mismatch":
            return f"{error.msg}."
        case "literal_error":
            return f'"{error.input}" is not a valid choice.'
        case _:
            return error.msg
