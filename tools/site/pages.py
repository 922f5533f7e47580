"""The pages of the HTTP reference, made of docs/openapi.json when the site is built.

A page has a line ``<!-- openapi: tag -->``; the operations of the tag come in its place. Digits before a tag's name do
not count.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from server.app import SPECIFICATION

if TYPE_CHECKING:
    from sphinx.application import Sphinx

MARK = re.compile(r"^<!-- openapi: (.+) -->$", re.MULTILINE)
# Errors that nearly every operation can answer: the page of all APIs explains them.
USUAL = {
    "CROSS_SITE_REQUEST",
    "EXPECTATION_FAILED",
    "IDEMPOTENCY_KEY_IN_USE",
    "IDEMPOTENCY_KEY_REUSED",
    "INVALID_JSON",
    "PAYLOAD_TOO_LARGE",
    "PERMISSION_DENIED",
    "RATE_LIMITED",
    "REQUEST_TIMEOUT",
    "SERVICE_UNAVAILABLE",
    "TOKEN_NOT_VALID",
    "UNSUPPORTED_MEDIA_TYPE",
}


def fill(app: Sphinx, docname: str, source: list[str]) -> None:
    """Put the operations in the place of a page's mark, when Sphinx reads the page."""
    if MARK.search(source[0]):
        app.env.note_dependency(SPECIFICATION)
        source[0] = MARK.sub(lambda match: operations(match[1]), source[0])


@functools.cache
def specification() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(SPECIFICATION.read_text())
    return loaded


def name_of(tag: str) -> str:
    """A tag without the digits before its name."""
    return tag.lstrip("0123456789. ")


def operations(tag: str) -> str:
    """The operations of a tag, a section each."""
    parts = [
        part
        for path, methods in specification()["paths"].items()
        for method, operation in methods.items()
        if tag in map(name_of, operation.get("tags", ()))
        for part in _operation(method.upper(), path, operation)
    ]
    if not parts:
        raise ValueError(f"{SPECIFICATION} has no operation with the tag {tag!r}.")
    return "\n\n".join(parts)


def _operation(method: str, path: str, operation: dict[str, Any]) -> Iterator[str]:
    yield f"({operation['operationId']})=\n## {operation['summary']}"
    yield f"```http\n{method} {path}\n```"
    if operation.get("description"):
        yield _plain(operation["description"])
    rows = [
        f"| `{each['name']}` | {each['in']} | {_words(each['schema'])} | {_plain(each.get('description', ''))} |"
        for each in map(_resolved, operation.get("parameters", ()))
        if each["in"] != "header"
    ]
    if rows:
        yield "\n".join(["| parameter | in | type | |", "|---|---|---|---|", *rows])
    for kind, content in _resolved(operation.get("requestBody", {})).get("content", {}).items():
        yield f"Body, `{kind}`" + _block(content.get("schema", {}))
        if "example" in content and kind.endswith("json"):
            yield f"For example:\n\n```json\n{json.dumps(content['example'], ensure_ascii=False, indent=2)}\n```"
    refusals = []
    for status in sorted(operation["responses"]):
        answer = _resolved(operation["responses"][status])
        if status < "300":
            contents = answer.get("content", {}).items()
            yield from (f"Answer {status}, `{kind}`" + _block(content.get("schema", {})) for kind, content in contents)
            if not contents:
                yield f"Answer {status}, without a body."
        elif codes := [code for code in re.findall(r"\b[A-Z][A-Z_]{3,}\b", answer["description"]) if code not in USUAL]:
            refusals.append(f"{status} " + ", ".join(f"`{code}`" for code in codes))
    if refusals:
        yield "Errors: " + "; ".join(refusals) + "."


def _resolved(node: Any) -> Any:
    """What a reference leads to; else the node itself."""
    while "$ref" in node:
        place = specification()
        for key in node["$ref"].removeprefix("#/").split("/"):
            place = place[key]
        node = place
    return node


def _block(schema: dict[str, Any]) -> str:
    sketch = _sketch(schema, "")
    return f": {sketch}." if "\n" not in sketch else f":\n\n```text\n{sketch}\n```"


def _sketch(schema: dict[str, Any], indent: str) -> str:
    """The shape of a value: objects and arrays as in JSON, the rest in words. A field with ``?`` may be left out."""
    schema = _resolved(schema)
    kinds = [kind for kind in map(_resolved, schema.get("anyOf", ())) if kind.get("type") != "null"]
    if len(kinds) == 1 and ("properties" in kinds[0] or "items" in kinds[0]):
        return _sketch(kinds[0], indent) + (" or null" if len(schema["anyOf"]) > 1 else "")
    inner = indent + "  "
    if fields := schema.get("properties"):
        required = schema.get("required", ())
        lines = [
            f'{inner}"{name}"{"" if name in required else "?"}: {_sketch(field, inner)}'
            for name, field in fields.items()
        ]
        return "{\n" + ",\n".join(lines) + f"\n{indent}}}"
    if "items" in schema:
        return f"[{_sketch(schema['items'], indent)}, …]"
    return _words(schema)


def _words(schema: dict[str, Any]) -> str:
    """The type of a value in a few words."""
    schema = _resolved(schema)
    if "enum" in schema:
        return " or ".join(json.dumps(value) for value in schema["enum"])
    if ways := schema.get("anyOf"):
        words = list(dict.fromkeys(map(_words, ways)))
        if "number" in words or "integer" in words:  # their strings are taken, too: said once, on the page of all APIs
            words = [word for word in words if word != "text"]
        return " or ".join(words)
    kinds = schema.get("type", "anything")
    kinds = kinds if isinstance(kinds, list) else [kinds]
    if "format" in schema and kinds == ["string"]:
        return {"date-time": "time", "binary": "a file"}.get(schema["format"], str(schema["format"]))
    if schema.get("pattern", "").startswith("^[0-9]{4}-"):
        return "time"
    return " or ".join("text" if kind == "string" else kind for kind in kinds)


def _plain(text: str) -> str:
    """Text that Markdown shows as it is, in one line of a table."""
    return re.sub(r"([*<>\[\]`|])", r"\\\1", text)
