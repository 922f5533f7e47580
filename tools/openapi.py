"""Generates the OpenAPI 3.1 document from the routes, the functions of the database, and their comments.

    python -m tools.openapi        writes docs/openapi.json, which the server serves unchanged

A test fails if the file is out of date.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Container, Sequence
from pathlib import Path
from typing import Any

import psycopg
import simplejson
from pydantic import BaseModel

from db.apply import apply
from server import TITLE, VERSION
from server.app import SPECIFICATION
from server.database.interface import Function, Interface, read
from server.http.authentication import MODELS
from server.http.endpoint import Operation, operations
from server.http.errors import Api, field_of, status_of
from server.http.files import CSV_TYPES, JSON_TYPES
from server.http.routes import FILE_ROUTES, ROUTES, TOKEN_ROUTES, Route
from tools.cluster import Cluster

_PATH_PARAMETER = re.compile(r"\{(\w+)\}")

# The words with which a function's comment sketches its result, and their schemas.
VOCABULARY: dict[str, dict[str, Any]] = {
    "uuid": {"type": "string", "format": "uuid"},
    "timestamp": {"type": "string", "format": "date-time"},
    "integer": {"type": "integer"},
    "boolean": {"type": "boolean"},
    "text": {"type": "string"},
    "quantity": {"type": "number", "minimum": 0, "maximum": 999999999.999, "description": "Units, up to 3 decimals."},
    "units": {"type": "number", "description": "Units, signed, up to 3 decimals."},
    "money": {"type": "number", "minimum": 0, "description": "Money, up to 3 decimals."},
    "decimal": {"type": "string", "pattern": "^-?[0-9]+[.][0-9]{3}$", "description": "Exact, with 3 decimals."},
    "amount": {"type": "string", "pattern": "^[0-9]+[.][0-9]{2}$", "description": "Money, with 2 decimals."},
    "reference": {
        "type": "object",
        "required": ["id", "name"],
        "properties": {"id": {"type": "integer"}, "name": {"type": "string"}},
        "description": "What it belongs to.",
    },
    "time": {
        "type": "string",
        "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{6})?$",
        "description": "UTC, without an offset.",
    },
    "sku_code": {"type": "string", "minLength": 1, "maxLength": 64},
    "name": {"type": "string", "minLength": 1, "maxLength": 255},
    "username": {"type": "string", "minLength": 1, "maxLength": 150},
    "user_role": {"type": "string", "enum": ["operator", "employee", "admin"]},
    "webhook_event": {
        "type": "string",
        "enum": ["outflow.created", "inflow.created", "stock.low", "block.expired", "price.changed"],
    },
}

_FIELD_ERROR = {
    "type": "object",
    "required": ["type", "loc", "msg", "input"],
    "properties": {
        "type": {"type": "string"},
        "loc": {"type": "array", "items": {"type": ["string", "integer"]}},
        "msg": {"type": "string"},
        "input": {},
    },
}
_LISTS = {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "string"}}}
# The errors of an imported file are under "lines", by line number.
_DETAILS = {
    "type": "object",
    "properties": {"lines": {"type": "object", "additionalProperties": _LISTS}},
    "additionalProperties": {"type": "array", "items": {"type": "string"}},
}

_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The same key with the same request gets the first answer again, for 24 hours.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]([ -~]*[!-~])?$"},
}

# The headers of a 429. If rate limits are set, other answers have them too, except Retry-After.
_LIMIT_HEADERS = {
    "Retry-After": {"description": "Seconds until a request is let in again.", "schema": {"type": "integer"}},
    "RateLimit-Policy": {"description": 'The limit: "read";q=100;w=60.', "schema": {"type": "string"}},
    "RateLimit": {"description": 'What is left of it: "read";r=99;t=60.', "schema": {"type": "string"}},
    "RateLimit-Limit": {"schema": {"type": "integer"}},
    "RateLimit-Remaining": {"schema": {"type": "integer"}},
    "RateLimit-Reset": {"description": "Seconds until more is left.", "schema": {"type": "integer"}},
}

# The format of each API's errors: media type, schema name, schema.
ERRORS: dict[Api, tuple[str, str, dict[str, Any]]] = {
    Api.SKU: (
        "application/json",
        "SkuError",
        {
            "type": "object",
            "required": ["detail"],
            "properties": {
                "detail": {"anyOf": [{"type": "string"}, {"type": "array", "items": _FIELD_ERROR}]},
                "code": {"type": "string"},
            },
        },
    ),
    Api.STOCK: (
        "application/problem+json",
        "Problem",
        {
            "type": "object",
            "description": "RFC 9457",
            "required": ["type", "title", "status", "detail", "code"],
            "properties": {
                "type": {"type": "string"},
                "title": {"type": "string"},
                "status": {"type": "integer"},
                "detail": {"type": "string"},
                "code": {"type": "string"},
                "errors": _LISTS,
            },
        },
    ),
    Api.CATALOG: (
        "application/json",
        "CatalogError",
        {
            "type": "object",
            "required": ["error"],
            "properties": {
                "detail": {"type": "string"},
                "error": {
                    "type": "object",
                    "required": ["code", "message", "details"],
                    "properties": {"code": {"type": "string"}, "message": {"type": "string"}, "details": _DETAILS},
                },
            },
        },
    ),
}
ERRORS[Api.ART] = (
    "application/json",
    "ArtError",
    {
        "type": "object",
        "required": ["detail"],
        "properties": {
            "detail": {
                "anyOf": [
                    {
                        "type": "object",
                        "required": ["status", "message", "error_code", "timestamp"],
                        "properties": {
                            "status": {"type": "string", "enum": ["error"]},
                            "message": {"type": "string"},
                            "error_code": {"type": "string"},
                            "timestamp": VOCABULARY["time"],
                            "failed_index": {"type": "integer", "minimum": 0},
                        },
                    },
                    {"type": "array", "items": _FIELD_ERROR},
                ]
            }
        },
    },
)
ERRORS[Api.PRICING] = ERRORS[Api.STOCK]
ERRORS[Api.AUTHENTICATION] = ERRORS[Api.CATALOG]


def document(interface: Interface) -> dict[str, Any]:
    """Returns the whole document."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations(interface):
        route = operation.route
        described = _operation(operation, interface)
        if links := _links(route, described, ROUTES):
            described["responses"][str(route.status)]["links"] = links
        paths.setdefault(route.path, {})[route.method.lower()] = described
    for route in TOKEN_ROUTES:
        paths.setdefault(route.path, {})["post"] = _token_operation(route, interface)
    for route in FILE_ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _file_operation(route, interface)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": TITLE,
            "version": VERSION,
            "description": "One stock and one ledger behind published HTTP APIs.",
        },
        "tags": [{"name": api.value} for api in Api if any(route.api is api for route in ROUTES)]
        + [{"name": Api.AUTHENTICATION.value}],
        "paths": paths,
        "components": {
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
            "schemas": {name: schema for _, name, schema in ERRORS.values()},
        },
    }


def schema_of(sketch: Any, interface: Interface) -> dict[str, Any]:
    """Returns the JSON schema for a comment's sketch. A word may name a view or function, whose sketch is then used."""
    if isinstance(sketch, dict):
        return {
            "type": "object",
            "required": list(sketch),
            "properties": {name: schema_of(value, interface) for name, value in sketch.items()},
        }
    if isinstance(sketch, list):
        return {"type": "array", "items": schema_of(sketch[0], interface)}
    word = sketch.removesuffix("?")
    if word in VOCABULARY:
        schema = VOCABULARY[word]
    elif word in interface.sketches:
        schema = schema_of(interface.sketches[word], interface)
    else:
        schema = {"type": "string", "enum": word.split("|")}
    return {"anyOf": [schema, {"type": "null"}]} if sketch.endswith("?") else schema


def _operation(operation: Operation, interface: Interface) -> dict[str, Any]:
    route, function = operation.route, operation.function
    described = _described(route, function)
    described["parameters"] = _parameters(operation.path_model, "path")
    if route.method == "GET":
        described["parameters"] += _parameters(operation.model, "query")
    elif operation.model.model_fields:
        described["requestBody"] = _body(operation.model)
    if route.method == "POST":
        described["parameters"].append(_IDEMPOTENCY_KEY)
    if "inventory_public" not in function.roles:
        described["security"] = [{"bearer": []}] if "inventory_operator" not in function.roles else [{"bearer": []}, {}]
    codes = [*function.errors, "SERVICE_UNAVAILABLE", "TOKEN_NOT_VALID", "PERMISSION_DENIED", "RATE_LIMITED"]
    if operation.path_model.model_fields:
        codes.append("INVALID_PATH")
    if operation.model.model_fields:
        codes.append("VALIDATION_ERROR")
    described["responses"] = _responses(route, function, codes, interface, operation.model.model_fields)
    return described


def _token_operation(route: Route, interface: Interface) -> dict[str, Any]:
    function = interface.function(route.function)
    codes = [*function.errors, "TOKEN_NOT_VALID", "VALIDATION_ERROR", "SERVICE_UNAVAILABLE", "RATE_LIMITED"]
    operation = _described(route, function)
    operation |= {"parameters": [_IDEMPOTENCY_KEY], "requestBody": _body(MODELS[route.function])}
    return operation | {"responses": _responses(route, function, codes, interface, ())}


def _file_operation(route: Route, interface: Interface) -> dict[str, Any]:
    function = interface.function(route.function)
    codes = [*function.errors, "SERVICE_UNAVAILABLE", "TOKEN_NOT_VALID", "PERMISSION_DENIED", "RATE_LIMITED"]
    codes.append("VALIDATION_ERROR")
    operation = _described(route, function) | {"security": [{"bearer": []}]}
    file = {name: {"schema": {"type": "string"}} for name in (CSV_TYPES[0], JSON_TYPES[0])}
    if route.method == "POST":
        operation |= {"parameters": [_IDEMPOTENCY_KEY], "requestBody": {"required": True, "content": file}}
        return operation | {"responses": _responses(route, function, codes, interface, ())}
    form = {"type": "string", "enum": ["csv", "ndjson"], "default": "csv"}
    operation["parameters"] = [
        {"name": "format", "in": "query", "required": False, "schema": form, "allowEmptyValue": True}
    ]
    operation["responses"] = _responses(route, function, codes, interface, ())
    operation["responses"]["200"] = {"description": "Done", "content": file}
    del operation["responses"]["304"]
    return operation


def _links(route: Route, operation: dict[str, Any], routes: Sequence[Route]) -> dict[str, Any]:
    """Returns links to the operations that can follow: on what a POST created or changed, or on a nested list's first.

    A nested list is a GET whose path has a parameter, such as the prices of a product.
    """
    answer = operation["responses"][str(route.status)].get("content", {}).get("application/json", {}).get("schema", {})
    own = _PATH_PARAMETER.findall(route.path)
    if not answer or (route.method != "POST" and not (route.method == "GET" and own)):
        return {}
    links = {}
    for target in routes:
        parameters = {}
        for name in _PATH_PARAMETER.findall(target.path):
            below = f"{route.path.rstrip('/')}/{{{name}}}"
            pointer = _pointer(answer, name, is_below=f"{target.path}/".startswith(f"{below}/"))
            if pointer is not None:
                parameters[name] = f"$response.body#{pointer}"
            elif name in own and target.path.startswith(route.path):
                parameters[name] = f"$request.path.{name}"
        values = parameters.values()
        if len(parameters) == target.path.count("{") and any(value.startswith("$response") for value in values):
            links[_operation_id(target)] = {"operationId": _operation_id(target), "parameters": parameters}
    return links


def _pointer(schema: dict[str, Any], name: str, *, is_below: bool) -> str | None:
    """Returns the JSON pointer to a path parameter's value in an answer, or None.

    The value is a member with the parameter's name or, if the target's path continues this one (``is_below``), an id.
    """
    names = [name] if name != "id" else []
    properties = schema.get("properties", {})
    places = [("", properties), *((f"/{key}", inner.get("properties", {})) for key, inner in properties.items())]
    if is_below:
        names.append("id")
        items = properties.get("results", {}).get("items", {})
        places.append(("/results/0", items.get("properties", {})))
    found = (f"{place}/{key}" for key in names for place, inner in places if key in inner)
    return next(found, None)


def _operation_id(route: Route) -> str:
    # PUT and PATCH call the same function, but each operation needs its own id.
    return route.function.replace("update_", "replace_") if route.method == "PUT" else route.function


def _described(route: Route, function: Function) -> dict[str, Any]:
    return {
        "operationId": _operation_id(route),
        "tags": [route.api.value],
        "summary": function.summary,
        "description": function.description,
    }


def _parameters(model: type[BaseModel], place: str) -> list[dict[str, Any]]:
    schema = model.model_json_schema()
    return [
        {"name": name, "in": place, "required": name in schema.get("required", ()), "schema": _untitled(field)}
        | ({"allowEmptyValue": True} if place == "query" else {})
        for name, field in schema.get("properties", {}).items()
    ]


def _body(model: type[BaseModel]) -> dict[str, Any]:
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
    definitions = schema.pop("$defs", {})
    is_required = bool(schema.get("required"))
    schema = _untitled(_inlined(schema, definitions))
    # If no field is required, null is accepted like an empty object.
    content = {"application/json": {"schema": schema if is_required else {"anyOf": [schema, {"type": "null"}]}}}
    return {"required": is_required, "content": content}


def _inlined(schema: Any, definitions: dict[str, Any]) -> Any:
    if isinstance(schema, dict):
        if "$ref" in schema:
            return _inlined(definitions[schema["$ref"].rpartition("/")[2]], definitions)
        return {name: _inlined(value, definitions) for name, value in schema.items()}
    if isinstance(schema, list):
        return [_inlined(value, definitions) for value in schema]
    return schema


def _untitled(schema: Any) -> Any:
    """Removes the titles that pydantic derives from names, and defaults of null."""
    if isinstance(schema, dict):
        return {
            name: {field: _untitled(value) for field, value in item.items()}
            if name == "properties"
            else _untitled(item)
            for name, item in schema.items()
            if name != "title" and not (name == "default" and item is None)
        }
    if isinstance(schema, list):
        return [_untitled(value) for value in schema]
    return schema


def _responses(
    route: Route, function: Function, codes: list[str], interface: Interface, fields: Container[str]
) -> dict[str, Any]:
    if route.method not in ("GET", "DELETE"):
        codes += ["INVALID_JSON", "REQUEST_TIMEOUT", "UNSUPPORTED_MEDIA_TYPE", "PAYLOAD_TOO_LARGE"]
    if route.method != "GET":
        codes.append("CROSS_SITE_REQUEST")
    if route.method == "POST":
        codes += ["IDEMPOTENCY_KEY_REUSED", "IDEMPOTENCY_KEY_IN_USE"]
    success: dict[str, Any] = {"description": "Done"}
    if route.status != 204:
        success["content"] = {"application/json": {"schema": schema_of(function.returns, interface)}}
    if route.location:
        success["headers"] = {"Location": {"schema": {"type": "string"}}}
    if route.method == "GET":
        success["headers"] = {"ETag": {"schema": {"type": "string"}}}
    responses: dict[str, Any] = {str(route.status): success}
    if route.method == "GET":
        responses["304"] = {"description": "The client's If-None-Match has the ETag of this answer"}
    media_type, name, _ = ERRORS[route.api]
    by_status: dict[int, list[str]] = {}
    for code in codes:
        is_in_body = field_of(code, route.api, fields) is not None
        by_status.setdefault(status_of(code, route.api, is_in_body=is_in_body), []).append(code)
    for status, names in sorted(by_status.items()):
        responses[str(status)] = {
            "description": ", ".join(dict.fromkeys(names)),
            "content": {media_type: {"schema": {"$ref": f"#/components/schemas/{name}"}}},
        }
    responses["429"]["headers"] = _LIMIT_HEADERS
    return responses


def text(interface: Interface) -> str:
    """Returns the text of docs/openapi.json."""
    return simplejson.dumps(document(interface), indent=1, ensure_ascii=False) + "\n"


def main() -> int:
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        with Cluster(Path(directory) / "data", throwaway=True) as cluster:
            apply(cluster.dsn(), jobs=False)
            with psycopg.connect(cluster.dsn()) as connection:
                row = connection.execute("select http.catalog()::text").fetchone()
    assert row is not None
    SPECIFICATION.write_text(text(read(row[0])))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
