"""The bodies of errors, one schema an API, and the headers that come with them."""

from __future__ import annotations

from typing import Any

from server.http.errors import ART_DETAILS, Api
from tools.openapi.schemas import VOCABULARY


def _either(description: str, *names: str) -> dict[str, Any]:
    return {"description": description, "anyOf": [{"$ref": f"#/components/schemas/{name}"} for name in names]}


_LISTS = {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "string"}}}

HEADERS: dict[str, Any] = {
    "RetryAfter": {
        "description": "Seconds to wait before the request is sent again.",
        "schema": {"type": "integer", "format": "int32"},
    },
    "RateLimitPolicy": {"description": 'The limit: "read";q=100;w=60.', "schema": {"type": "string"}},
    "RateLimitState": {"description": 'What is left of the limit: "read";r=99;t=60.', "schema": {"type": "string"}},
    "RateLimitLimit": {
        "description": "Requests that the limit lets in.",
        "schema": {"type": "integer", "format": "int32"},
    },
    "RateLimitRemaining": {
        "description": "Requests that are left.",
        "schema": {"type": "integer", "format": "int32"},
    },
    "RateLimitReset": {
        "description": "Seconds until more is left.",
        "schema": {"type": "integer", "format": "int32"},
    },
    "ETag": {
        "description": "The version of the answer: send it as If-None-Match to ask again, and that of a product as "
        "If-Match to change it.",
        "schema": {"type": "string"},
    },
    "ETagNow": {"description": "The present version of the product.", "schema": {"type": "string"}},
    "Location": {"description": "The path of what was created.", "schema": {"type": "string"}},
    "InventoryPosition": {
        "description": "What the answer shows, where the service reads from standbys. Send it with the next GET.",
        "required": False,
        "schema": {"type": "string"},
    },
}

# If rate limits are set, other answers have these too, except Retry-After.
_LIMIT_HEADERS = {
    "Retry-After": "RetryAfter",
    "RateLimit-Policy": "RateLimitPolicy",
    "RateLimit": "RateLimitState",
    "RateLimit-Limit": "RateLimitLimit",
    "RateLimit-Remaining": "RateLimitRemaining",
    "RateLimit-Reset": "RateLimitReset",
}
HEADERS_OF: dict[int, dict[str, str]] = {
    412: {"ETag": "ETagNow"},
    429: _LIMIT_HEADERS,
    503: {"Retry-After": "RetryAfter"},
}

# Parts of the bodies below, and the bodies of API 1 and 4 where fields are wrong.
PARTS: dict[str, dict[str, Any]] = {
    "FieldError": {
        "type": "object",
        "description": "What is wrong with one field: an error of pydantic.",
        "required": ["type", "loc", "msg", "input"],
        "properties": {
            "type": {"type": "string"},
            "loc": {
                "type": "array",
                "description": "Where the field is: body, query or path, and then names and positions.",
                "items": {"anyOf": [{"type": "string"}, {"type": "integer", "format": "int64"}]},
            },
            "msg": {"type": "string"},
            "input": {"description": "What was sent."},
            "ctx": {"type": "object", "description": "What the message is made of.", "additionalProperties": True},
        },
    },
    "ArtRefusal": {
        "type": "object",
        "description": "Why an order was refused.",
        "required": ["status", "message", "error_code", "timestamp"],
        "properties": {
            "status": {"type": "string", "enum": ["error"]},
            "message": {"type": "string"},
            "error_code": {"type": "string"},
            "timestamp": VOCABULARY["time"],
        }
        | dict.fromkeys(ART_DETAILS, VOCABULARY["quantity"])
        | {
            "failed_index": {
                "type": "integer",
                "format": "int32",
                "minimum": 0,
                "description": "The position of the order that was refused.",
            }
        },
    },
    "FieldErrors": {
        "type": "object",
        "description": "What is wrong with which field, as FastAPI has it.",
        "required": ["detail"],
        "properties": {
            "detail": {"type": "array", "items": {"$ref": "#/components/schemas/FieldError"}},
            "code": {"type": "string"},
        },
    },
    "SkuUnprocessable": _either("What API 1 answers with 422.", "FieldErrors", "SkuError"),
    "ArtUnprocessable": _either("What API 4 answers with 422.", "FieldErrors", "ArtError"),
    "CatalogErrorInfo": {
        "type": "object",
        "description": "The code, a sentence, and the errors by field.",
        "required": ["code", "message", "details"],
        "properties": {
            "code": {"type": "string"},
            "message": {"type": "string"},
            "details": {
                "type": "object",
                "description": "The errors by field. Those of a file are under lines, by the number of the line.",
                "properties": {"lines": {"type": "object", "additionalProperties": _LISTS}},
                "additionalProperties": {"type": "array", "items": {"type": "string"}},
            },
        },
    },
}

# The format of each API's errors: media type, schema name, schema.
ERRORS: dict[Api, tuple[str, str, dict[str, Any]]] = {
    Api.SKU: (
        "application/json",
        "SkuError",
        {
            "type": "object",
            "description": "An error of API 1: a sentence and a code.",
            "required": ["detail", "code"],
            "properties": {"detail": {"type": "string"}, "code": {"type": "string"}},
        },
    ),
    Api.STOCK: (
        "application/problem+json",
        "Problem",
        {
            "type": "object",
            "description": "An error of APIs 2 and 3, as RFC 9457 has it.",
            "required": ["type", "title", "status", "detail", "code"],
            "properties": {
                "type": {"type": "string"},
                "title": {"type": "string"},
                "status": {"type": "integer", "format": "int32"},
                "detail": {"type": "string"},
                "code": {"type": "string"},
                "errors": _LISTS | {"description": "What is wrong with which field."},
            },
        },
    ),
    Api.ART: (
        "application/json",
        "ArtError",
        {
            "type": "object",
            "description": "An error of API 4.",
            "required": ["detail"],
            "properties": {"detail": {"$ref": "#/components/schemas/ArtRefusal"}},
        },
    ),
    Api.CATALOG: (
        "application/json",
        "CatalogError",
        {
            "type": "object",
            "description": "An error of API 5. Where fields are wrong, their lists are here too, by field, "
            "as Django REST framework has them; error.details has the same lists.",
            "required": ["error"],
            "properties": {
                "detail": {"type": "string"},
                "error": {"$ref": "#/components/schemas/CatalogErrorInfo"},
            },
            "additionalProperties": True,
        },
    ),
}
# Where fields are wrong, these two have another body.
_UNPROCESSABLE = {Api.SKU: "SkuUnprocessable", Api.ART: "ArtUnprocessable"}
ERRORS[Api.PRICING] = ERRORS[Api.STOCK]
ERRORS[Api.AUTHENTICATION] = ERRORS[Api.CATALOG]


def schemas() -> dict[str, dict[str, Any]]:
    """Returns the named schemas of errors."""
    return PARTS | {name: schema for _, name, schema in ERRORS.values()}


def schema_of(api: Api, status: int) -> dict[str, Any]:
    """Returns the schema of the API's errors with the status."""
    name = _UNPROCESSABLE[api] if status == 422 and api in _UNPROCESSABLE else ERRORS[api][1]
    return {"$ref": f"#/components/schemas/{name}"}


def headers(names: dict[str, str]) -> dict[str, Any]:
    """Returns headers of an answer: the names in HTTP, with references to HEADERS."""
    return {name: {"$ref": f"#/components/headers/{component}"} for name, component in names.items()}
