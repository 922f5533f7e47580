"""What a request's query and body say, before their fields are checked."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, get_args, get_origin
from urllib.parse import parse_qsl

import simplejson
from aiohttp import web
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from server.http.errors import FieldError, Problem

MAXIMUM_BODY = 1024 * 1024
MAXIMUM_FORM_FIELDS = 1000
MAXIMUM_DEPTH = 100  # levels of lists and objects in a body: the code that writes it out again recurses
FORM_TYPE = "application/x-www-form-urlencoded"
# The encodings that aiohttp reads; it refuses br and zstd where their packages are missing.
ENCODINGS = ("", "identity", "gzip", "deflate", "br", "zstd")

_JSON = simplejson.JSONDecoder(parse_float=Decimal, allow_nan=False)


def query_of(request: web.Request) -> dict[str, str]:
    """The query's parameters. An empty parameter counts as left out; of a repeated one the last value counts."""
    return {name: value for name, value in request.query.items() if value}


def takes_gzip(request: web.Request) -> bool:
    """Whether the client accepts an answer that is compressed with gzip."""
    for entry in request.headers.get("Accept-Encoding", "").split(","):
        name, _, weight = entry.partition(";")
        if name.strip().lower() == "gzip":
            return weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


def check_encoding(request: web.Request) -> None:
    """Raise Problem for an unknown Content-Encoding: aiohttp would hand out such a body undecoded."""
    encoding = request.headers.get("Content-Encoding")
    if encoding is not None and encoding.lower() not in ENCODINGS:
        raise Problem("UNSUPPORTED_MEDIA_TYPE", "The body's Content-Encoding is not known.")


async def read_body(request: web.Request, form: type[BaseModel] | None = None) -> Any:
    """Parse the body, with exact numbers. An absent body and null are an empty object. Raises Problem.

    ``form``: the fields of a body that may be form-encoded too.
    """
    if request.content_length is not None and request.content_length > MAXIMUM_BODY:
        raise Problem("PAYLOAD_TOO_LARGE", "The body is larger than 1 MiB.")
    if not request.body_exists:
        return {}
    check_encoding(request)
    if request.headers.get("Content-Type") != "application/json" and not _is_json(request.content_type):
        raw = await request.read()
        if not raw:
            return {}
        if form is not None and request.content_type == FORM_TYPE:
            return _read_form(raw, form)
        also = "" if form is None else f" or {FORM_TYPE}"
        raise Problem("UNSUPPORTED_MEDIA_TYPE", f"The body must be application/json{also}.")
    raw = await request.read()
    if not raw.strip():
        return {}
    try:
        value = _JSON.decode(raw.decode())
        if raw.count(b"[") + raw.count(b"{") > MAXIMUM_DEPTH and _is_deeper(value, MAXIMUM_DEPTH):
            raise RecursionError
    except (ValueError, ArithmeticError, RecursionError) as error:
        position = getattr(error, "pos", 0)
        sentence = json_sentence(error)
        field = FieldError("json_invalid", ("body", position), "JSON decode error", {}, {"error": sentence})
        raise Problem("INVALID_JSON", f"JSON parse error - {sentence}", fields=[field]) from None
    return {} if value is None else value


def json_sentence(error: Exception) -> str:
    """What is wrong with a JSON text. simplejson's own sentences may have a %r in place of a character."""
    return str(getattr(error, "msg", "Expecting value")).replace(" %r", "")


def _read_form(raw: bytes, kind: type[BaseModel]) -> dict[str, Any]:
    """Read a form as a JSON object of strings, the way Django REST framework does.

    Of a repeated field the last value counts, a list takes all. An empty optional field is left out, unless it is text
    that may be empty.
    """
    try:
        pairs = parse_qsl(raw.decode(), keep_blank_values=True, errors="strict", max_num_fields=MAXIMUM_FORM_FIELDS)
    except ValueError:
        raise Problem("INVALID_JSON", "The form cannot be read.") from None
    fields: dict[str, Any] = {}
    for name, value in pairs:
        field = kind.model_fields.get(name)
        if field is not None and _takes_list(field.annotation):
            fields.setdefault(name, []).append(value)
        else:
            fields[name] = value
    return {
        name: value
        for name, value in fields.items()
        if value or name not in kind.model_fields or _takes_empty_text(kind.model_fields[name])
    }


def _takes_list(annotation: Any) -> bool:
    return get_origin(annotation) is list or any(map(_takes_list, get_args(annotation)))


def _takes_empty_text(field: FieldInfo) -> bool:
    """Whether the field accepts an empty text, or must report it as an error."""
    if field.is_required():
        return True
    annotation: Any = field.annotation
    try:
        TypeAdapter(annotation).validate_python("")
    except ValidationError:
        return False
    return True


def _is_json(content_type: str) -> bool:
    return content_type == "application/json" or content_type.endswith("+json")


def _is_deeper(value: Any, levels: int) -> bool:
    """Whether the value nests more levels of lists and objects than that."""
    level = [value]
    for _ in range(levels + 1):
        lists = [item.values() if isinstance(item, dict) else item for item in level if isinstance(item, dict | list)]
        if not lists:
            return False
        level = [item for items in lists for item in items]
    return True
