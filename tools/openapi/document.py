"""The document: each route with its parameters, its body, its answers, and who may call it."""

from __future__ import annotations

from collections.abc import Container, Iterable
from typing import Any

import simplejson

from server import TITLE, VERSION
from server.database.interface import Function, Interface
from server.http.authentication import MODELS
from server.http.endpoint import Operation, operations
from server.http.errors import Api, field_of, status_of
from server.http.routes import FILE_ROUTES, ROUTES, TOKEN_ROUTES, Route
from server.http.service import POSITION_HEADER
from tools.openapi import errors, examples
from tools.openapi.links import links
from tools.openapi.names import MEANINGS, REQUESTS, TAGS, camel, operation_id, tag_of
from tools.openapi.schemas import Schemas, nullable

DESCRIPTION = """One stock and one ledger behind five published HTTP APIs.

Numbers of a request may be JSON numbers or their strings; they are never rounded. A client whose numbers are binary
floating point should send strings where more than 15 digits matter. In a body null counts as left out, and fields that
are not known are ignored. In a query an empty parameter counts as left out.
"""

_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The same key with the same request gets the first answer again, for 24 hours.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]([ -~]*[!-~])?$"},
}
_KEY_OF_POST = {"$ref": "#/components/parameters/IdempotencyKey"}
_IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "required": False,
    "description": "The ETag of a read of the product, or several: the call is refused with 412 if the product has "
    "changed since. * asks only that the product exists.",
    "schema": {"type": "string"},
    "example": '"42.7"',
}
_POSITION = {
    "name": POSITION_HEADER,
    "in": "header",
    "required": False,
    "description": "That of an earlier answer: this one shows at least what that one did, and may come from a standby. "
    "0/0 asks for anything. Without it the primary answers.",
    "schema": {"type": "string"},
    "example": "16/B374D848",
}
_BEARER: dict[str, list[str]] = {"bearer": []}

# Who may call, by the least of the roles that have the grant: the security of the operation, and a sentence.
_CALLERS: dict[str, tuple[list[dict[str, list[str]]], str]] = {
    "inventory_public": ([], "Callers: everybody."),
    "inventory_operator": (
        [_BEARER, {}],
        "Callers: users with any role, and callers without a token where ANONYMOUS_ROLE is inventory_operator.",
    ),
    "inventory_employee": ([_BEARER], "Callers: users with the role employee or admin."),
    "inventory_integration": ([_BEARER], "Callers: users with the role integration or admin."),
    "inventory_admin": ([_BEARER], "Callers: users with the role admin."),
}


def document(interface: Interface, *, as_accepted: bool = False) -> dict[str, Any]:
    """Returns the whole document.

    ``as_accepted``: with requests as loose as the server takes them, for tests: a number or its string, null for a
    field that is left out, any text for a page. Answers are described in the same way.
    """
    schemas = Schemas(interface, as_accepted=as_accepted)
    schemas.components |= errors.schemas()
    paths: dict[str, dict[str, Any]] = {}
    described = {operation.route: _operation(operation, schemas) for operation in operations(interface)}

    def resolve(schema: dict[str, Any]) -> dict[str, Any]:
        return schemas.components[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema

    for route, operation in described.items():
        if found := links(route, operation, ROUTES, resolve):
            operation["responses"][str(route.status)]["links"] = found
    described |= {route: _token_operation(route, interface, schemas) for route in TOKEN_ROUTES}
    described |= {route: _file_operation(route, interface, schemas) for route in FILE_ROUTES}
    for route, operation in described.items():
        paths.setdefault(route.path, {})[route.method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {
            "title": TITLE,
            "version": VERSION,
            "description": DESCRIPTION,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [
            {"url": "/", "description": "The server that shows this document"},
            {"url": "http://127.0.0.1:8000", "description": "The server of `make run`"},
        ],
        "tags": [{"name": name, "description": text} for name, text in TAGS.items()],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "An access token of POST /api/v1/authentication/token/.",
                }
            },
            "parameters": {"IdempotencyKey": _IDEMPOTENCY_KEY, "IfMatch": _IF_MATCH, "InventoryPosition": _POSITION},
            "headers": errors.HEADERS,
            "schemas": dict(sorted(schemas.components.items())),
        },
    }


def _operation(operation: Operation, schemas: Schemas) -> dict[str, Any]:
    route, function = operation.route, operation.function
    described = _described(route, function)
    arguments = {each.name: each for each in function.arguments}
    parameters = [
        schemas.parameter(function, arguments[name], "path", examples.parameter(name, arguments[name].type))
        for name in operation.path_model.model_fields
    ]
    fields = [argument for argument in operation.arguments if argument.name in operation.model.model_fields]
    if route.method == "GET":
        parameters += [schemas.parameter(function, field, "query") for field in fields]
        parameters.append({"$ref": "#/components/parameters/InventoryPosition"})
    elif fields:
        name = REQUESTS.get(route.function) or f"{camel(operation_id(route))}Request"
        schema = schemas.body(name, function, fields)
        is_required = any(field.required for field in fields)
        if schemas.as_accepted and not is_required:
            schema = nullable(schema)  # null is accepted like an empty object
        described["requestBody"] = {
            "required": is_required,
            "content": {"application/json": {"schema": schema} | examples.request(operation_id(route))},
        }
    if route.method == "POST":
        parameters.append(_KEY_OF_POST)
    if operation.takes_expected:
        parameters.append({"$ref": "#/components/parameters/IfMatch"})
    described["parameters"] = parameters
    least = next(role for role in _CALLERS if role in function.roles)
    described["security"], callers = _CALLERS[least]
    described["description"] = "\n\n".join(part for part in (function.description, callers) if part)
    codes = [*function.errors, "SERVICE_UNAVAILABLE", "TOKEN_NOT_VALID", "PERMISSION_DENIED", "RATE_LIMITED"]
    if operation.path_model.model_fields:
        codes.append("INVALID_PATH")
    if operation.model.model_fields or route.method == "GET":
        codes.append("VALIDATION_ERROR")
    if operation.takes_expected:
        codes.append("PRECONDITION_FAILED")
    described["responses"] = _responses(route, function, codes, schemas, operation.model.model_fields)
    answer = described["responses"][str(route.status)]
    answer["headers"] = answer.get("headers", {}) | errors.headers({POSITION_HEADER: "InventoryPosition"})
    return described


def _token_operation(route: Route, interface: Interface, schemas: Schemas) -> dict[str, Any]:
    function = interface.function(route.function)
    codes = [*function.errors, "TOKEN_NOT_VALID", "VALIDATION_ERROR", "SERVICE_UNAVAILABLE", "RATE_LIMITED"]
    schema = schemas.body_of(f"{camel(operation_id(route))}Request", MODELS[route.function])
    return _described(route, function) | {
        "parameters": [_KEY_OF_POST],
        "security": [],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": schema} | examples.request(operation_id(route))},
        },
        "responses": _responses(route, function, codes, schemas, ()),
    }


def _file_operation(route: Route, interface: Interface, schemas: Schemas) -> dict[str, Any]:
    function = interface.function(route.function)
    codes = [*function.errors, "SERVICE_UNAVAILABLE", "TOKEN_NOT_VALID", "PERMISSION_DENIED", "RATE_LIMITED"]
    codes.append("VALIDATION_ERROR")
    least = next(role for role in _CALLERS if role in function.roles)
    security, callers = _CALLERS[least]
    operation = _described(route, function) | {"security": security}
    operation["description"] += f"\n\n{callers}"
    # Binary: generators take it from a file, or from a stream.
    schema = {"type": "string", "format": "binary"}
    file = {name: {"schema": schema, "example": example} for name, example in examples.FILES.items()}
    if route.method == "POST":
        operation |= {"parameters": [_KEY_OF_POST], "requestBody": {"required": True, "content": file}}
        return operation | {"responses": _responses(route, function, codes, schemas, ())}
    operation["parameters"] = [
        {
            "name": "format",
            "in": "query",
            "required": False,
            "description": MEANINGS["export_products.format"],
            "schema": {"type": "string", "enum": ["csv", "ndjson"], "default": "csv"},
        }
        | ({"allowEmptyValue": True} if schemas.as_accepted else {})
    ]
    responses = _errors(route, codes, ())
    operation["responses"] = {"200": {"description": "The file", "content": file}} | responses
    return operation


def _described(route: Route, function: Function) -> dict[str, Any]:
    return {
        "operationId": operation_id(route),
        "tags": [tag_of(route)],
        "summary": function.summary,
        "description": function.description,
    }


def _responses(
    route: Route, function: Function, codes: list[str], schemas: Schemas, fields: Container[str]
) -> dict[str, Any]:
    success: dict[str, Any] = {"description": "Done"}
    if route.status != 204:
        content = {"schema": schemas.answer(function)} | examples.answer(function)
        success["content"] = {"application/json": content}
    if route.location:
        success["headers"] = errors.headers({"Location": "Location"})
    if route.method == "GET":
        success["headers"] = errors.headers({"ETag": "ETag"})
    responses: dict[str, Any] = {str(route.status): success}
    if route.method == "GET":
        responses["304"] = {"description": "The client's If-None-Match has the ETag of this answer"}
    return responses | _errors(route, codes, fields)


def _errors(route: Route, codes: Iterable[str], fields: Container[str]) -> dict[str, Any]:
    """Returns the answers of an operation that are errors, by status."""
    codes = list(codes)
    if route.method not in ("GET", "DELETE"):
        codes += ["INVALID_JSON", "REQUEST_TIMEOUT", "UNSUPPORTED_MEDIA_TYPE", "PAYLOAD_TOO_LARGE"]
    if route.method != "GET":
        codes += ["CROSS_SITE_REQUEST", "OUTCOME_UNKNOWN"]
    if route.method == "POST":
        codes += ["IDEMPOTENCY_KEY_REUSED", "IDEMPOTENCY_KEY_IN_USE"]
        if route.api is not Api.AUTHENTICATION:
            codes.append("IDEMPOTENCY_KEY_REQUIRED")
    media_type, _, _ = errors.ERRORS[route.api]
    by_status: dict[int, list[str]] = {}
    for code in codes:
        is_in_body = field_of(code, route.api, fields) is not None
        by_status.setdefault(status_of(code, route.api, is_in_body=is_in_body), []).append(code)
    responses: dict[str, Any] = {}
    for status, names in sorted(by_status.items()):
        content = {"schema": errors.schema_of(route.api, status)} | examples.error(route.function, status)
        response = {"description": ", ".join(dict.fromkeys(names)), "content": {media_type: content}}
        if status in errors.HEADERS_OF:
            response["headers"] = errors.headers(errors.HEADERS_OF[status])
        responses[str(status)] = response
    return responses


def text(interface: Interface, *, as_accepted: bool = False) -> str:
    """Returns the text of docs/openapi.json, or of the document that is ``as_accepted``."""
    return simplejson.dumps(document(interface, as_accepted=as_accepted), indent=1, ensure_ascii=False) + "\n"
