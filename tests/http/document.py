"""Holds answers to the OpenAPI document that the server gives of itself."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

import httpx

METHODS = ("get", "post", "put", "patch", "delete")
_ANNOTATIONS = {"title", "description", "default", "examples", "format", "$comment"}
_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, Decimal),
    "boolean": (bool,),
    "null": (type(None),),
}
_FORMATS = {
    "uuid": re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
    "date-time": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z"),
}


def exact(text: str) -> Any:
    """The JSON with its numbers as they are written: int, or Decimal where there is a decimal point."""
    return json.loads(text, parse_float=Decimal)


class Document:
    """An OpenAPI document."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self._paths = sorted(
            ((re.compile(re.sub(r"\{\w+\}", "[^/]+", path.rstrip("/"))), path) for path in document["paths"]),
            key=lambda item: item[1].count("{"),
        )

    def operation(self, method: str, path: str) -> dict[str, Any] | None:
        """The operation that serves the method and path, None where there is none."""
        method = "get" if method == "HEAD" else method.lower()
        for pattern, name in self._paths:
            if pattern.fullmatch(path.removesuffix("/") if name.endswith("/") else path):
                found: dict[str, Any] | None = self.document["paths"][name].get(method)
                return found
        return None

    def parameters(self, operation: dict[str, Any]) -> list[dict[str, Any]]:
        """The operation's parameters, those that it refers to included."""
        return [self.resolve(each["$ref"]) if "$ref" in each else each for each in operation["parameters"]]

    def check(self, response: httpx.Response) -> None:
        """Fail where the response of an operation is none that the document describes, to the last key."""
        request = response.request
        operation = self.operation(request.method, request.url.path)
        if operation is None:
            return
        where = f"{request.method} {request.url.path} -> {response.status_code}"
        described = operation["responses"].get(str(response.status_code))
        response.read()
        assert described is not None, f"{where} is not described: {response.text[:500]}"
        if request.method == "HEAD":
            return
        if "content" not in described:
            assert response.content == b"", f"{where}: a body where none is described"
            return
        media_type = response.headers["Content-Type"].partition(";")[0]
        assert media_type in described["content"], f"{where}: {media_type} is not described"
        # What is no JSON is text.
        value = exact(response.text) if media_type.endswith("json") and "ndjson" not in media_type else response.text
        found = self.violations(value, described["content"][media_type]["schema"])
        assert not found, f"{where}: {found}"
        for header, named in described.get("headers", {}).items():
            is_always_there = self.resolve(named["$ref"]).get("required", True)
            assert header in response.headers or not is_always_there, f"{where}: no {header}"

    def violations(self, value: Any, schema: dict[str, Any], place: str = "$") -> list[str]:
        """Where the value is not what the schema says. Raises on a keyword that this checker does not know."""
        found: list[str] = []
        for keyword, wanted in schema.items():
            if keyword in _CHECKS:
                found += _CHECKS[keyword](self, value, wanted, schema, place)
            elif keyword not in _ANNOTATIONS:
                raise AssertionError(f"{place}: the keyword {keyword} is not known")
        return found

    def resolve(self, reference: str) -> dict[str, Any]:
        """What a $ref names."""
        assert reference.startswith("#/"), reference
        node: Any = self.document
        for part in reference[2:].split("/"):
            node = node[part]
        return dict(node)


def _type(_: Document, value: Any, wanted: Any, schema: dict[str, Any], place: str) -> list[str]:
    names = [wanted] if isinstance(wanted, str) else wanted
    if not any(isinstance(value, _TYPES[name]) and isinstance(value, bool) <= (name == "boolean") for name in names):
        return [f"{place}: {value!r} is no {wanted}"]
    if isinstance(value, str) and schema.get("format") in _FORMATS and not _FORMATS[schema["format"]].fullmatch(value):
        return [f"{place}: {value!r} is no {schema['format']}"]
    return []


def _any_of(document: Document, value: Any, wanted: Any, _: dict[str, Any], place: str) -> list[str]:
    if any(not document.violations(value, schema, place) for schema in wanted):
        return []
    return [f"{place}: {value!r} is none of {wanted}"]


def _properties(document: Document, value: Any, wanted: Any, schema: dict[str, Any], place: str) -> list[str]:
    """Clients must bear further keys if a schema says nothing of them. The service must describe what it sends."""
    if not isinstance(value, dict):
        return []
    found = [
        found
        for name, inner in wanted.items()
        if name in value
        for found in document.violations(value[name], inner, f"{place}.{name}")
    ]
    if "additionalProperties" not in schema:
        found += [f"{place}: {name} is not described" for name in value if name not in wanted]
    return found


def _additional(document: Document, value: Any, wanted: Any, schema: dict[str, Any], place: str) -> list[str]:
    if not isinstance(value, dict) or wanted is True:
        return []
    rest = {name: item for name, item in value.items() if name not in schema.get("properties", {})}
    return [found for name, item in rest.items() for found in document.violations(item, wanted, f"{place}.{name}")]


def _items(document: Document, value: Any, wanted: Any, _: dict[str, Any], place: str) -> list[str]:
    items = enumerate(value) if isinstance(value, list) else ()
    return [found for i, item in items for found in document.violations(item, wanted, f"{place}[{i}]")]


def _required(_: Document, value: Any, wanted: Any, __: dict[str, Any], place: str) -> list[str]:
    return [f"{place}: no {name}" for name in wanted if name not in value] if isinstance(value, dict) else []


def _comparison(kinds: tuple[type, ...], good: Any, word: str) -> Any:
    def check(_: Document, value: Any, wanted: Any, __: dict[str, Any], place: str) -> list[str]:
        is_of_kind = isinstance(value, kinds) and not isinstance(value, bool)
        return [f"{place}: {value!r} is not {word} {wanted}"] if is_of_kind and not good(value, wanted) else []

    return check


_NUMBERS = (int, Decimal)
_CHECKS: dict[str, Any] = {
    "$ref": lambda document, value, wanted, _, place: document.violations(value, document.resolve(wanted), place),
    "type": _type,
    "anyOf": _any_of,
    "properties": _properties,
    "additionalProperties": _additional,
    "items": _items,
    "required": _required,
    "enum": lambda _, value, wanted, __, place: [] if value in wanted else [f"{place}: {value!r} is none of {wanted}"],
    "minimum": _comparison(_NUMBERS, lambda value, wanted: value >= wanted, "at least"),
    "maximum": _comparison(_NUMBERS, lambda value, wanted: value <= wanted, "at most"),
    "exclusiveMinimum": _comparison(_NUMBERS, lambda value, wanted: value > wanted, "more than"),
    "minLength": _comparison((str,), lambda value, wanted: len(value) >= wanted, "of a length of at least"),
    "maxLength": _comparison((str,), lambda value, wanted: len(value) <= wanted, "of a length of at most"),
    "minItems": _comparison((list,), lambda value, wanted: len(value) >= wanted, "of a length of at least"),
    "maxItems": _comparison((list,), lambda value, wanted: len(value) <= wanted, "of a length of at most"),
    "pattern": _comparison((str,), lambda value, wanted: re.search(wanted, value) is not None, "of the pattern"),
}
