"""Schemas: those of answers from the sketches in the comments, those of requests from the arguments' SQL types.

An object has a name, and is described once. A request's number is described as one type, though the server takes a
number and its string: a client in most languages can only have one. It is a number, except for API 5's prices, which
its document writes as strings in requests and answers. ``as_accepted`` describes all that the server takes instead.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, TypeAdapter

from server.database.domains import PATH_TYPES, TYPES, pydantic_type
from server.database.interface import Argument, Function, Interface
from tools.openapi.names import MEANINGS, OBJECTS, camel

_INT32, _INT64 = 2**31, 2**63
_INTEGER: dict[str, Any] = {"type": "integer", "format": "int64"}
_NUMBER: dict[str, Any] = {"type": "number", "format": "double"}

# The words with which a function's comment sketches its result, and their schemas.
VOCABULARY: dict[str, dict[str, Any]] = {
    "uuid": {"type": "string", "format": "uuid"},
    "timestamp": {"type": "string", "format": "date-time"},
    "integer": _INTEGER,
    "boolean": {"type": "boolean"},
    "object": {"type": "object"},
    "text": {"type": "string"},
    "quantity": _NUMBER | {"minimum": 0, "maximum": 999999999.999, "description": "Units, up to 3 decimals."},
    "units": _NUMBER | {"description": "Units, signed, up to 3 decimals."},
    "money": _NUMBER | {"minimum": 0, "description": "Money, up to 3 decimals."},
    "decimal": {"type": "string", "pattern": "^-?[0-9]+[.][0-9]{3}$", "description": "Exact, with 3 decimals."},
    "amount": {"type": "string", "pattern": "^[0-9]+[.][0-9]{2}$", "description": "Money, with 2 decimals."},
    "time": {
        "type": "string",
        "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{6})?$",
        "description": "UTC, without an offset.",
    },
    "sku_code": {"type": "string", "minLength": 1, "maxLength": 64},
    "name": {"type": "string", "minLength": 1, "maxLength": 255},
    "username": {"type": "string", "minLength": 1, "maxLength": 150},
}
_REFERENCE = {"id": "integer", "name": "name"}

# The types whose numbers the document of their API writes as strings.
_AS_TEXT = {"inventory.catalog_money"}
_AS_NUMBER = "The same number as a string is taken too."
# API 5 takes any text for a page: what is no page is not found, or the default.
_PAGES: dict[str, dict[str, Any]] = {
    "page": {"type": "integer", "format": "int32", "minimum": 1},
    "page_size": {"type": "integer", "format": "int32", "minimum": 1, "maximum": 100},
}

_ENUMERATIONS = {
    name: schema
    for name, kind in TYPES.items()
    if "enum" in (schema := TypeAdapter(kind).json_schema(mode="validation"))
}
_SENTENCE = re.compile(r"(?:^|(?<=[.] ))(\w+): (.+?)[.](?= |$)")


class UnnamedError(Exception):
    """Something needs a name or a meaning in names.py."""


class Schemas:
    """The named schemas of a document, which grow while its operations are described."""

    def __init__(self, interface: Interface, *, as_accepted: bool = False) -> None:
        self.components: dict[str, dict[str, Any]] = {}
        self.interface = interface
        self.as_accepted = as_accepted

    # Answers

    def answer(self, function: Function) -> dict[str, Any]:
        """Returns the schema of what a function returns."""
        return self._of(function.returns, function.name)

    def _of(self, sketch: Any, place: str) -> dict[str, Any]:
        if isinstance(sketch, dict):
            return self._object(sketch, place)
        if isinstance(sketch, list):
            return {"type": "array", "items": self._of(sketch[0], place)}
        schema = self._word(sketch.removesuffix("?"))
        return nullable(schema) if sketch.endswith("?") else schema

    def _word(self, word: str) -> dict[str, Any]:
        """Returns the schema of a word: one of the vocabulary, a view or function, a domain, or a choice of texts."""
        if word in VOCABULARY:
            return VOCABULARY[word]
        if word == "reference":
            return self._named("Reference", self._properties(_REFERENCE, word))
        if word in self.interface.sketches:
            shape = self.interface.sketches[word]
            return self._named(camel(word), self._properties(shape.returns, word, f"{shape.summary}."))
        if f"inventory.{word}" in _ENUMERATIONS:
            return self._enumeration(f"inventory.{word}")
        return self._choice(word.split("|"))

    def _choice(self, words: list[str]) -> dict[str, Any]:
        """Returns the schema of one of some words: a domain's, if there is one of the same."""
        name = next((name for name, schema in _ENUMERATIONS.items() if set(schema["enum"]) == set(words)), None)
        return {"type": "string", "enum": words} if name is None else self._enumeration(name)

    def _object(self, sketch: dict[str, Any], place: str) -> dict[str, Any]:
        schema = self._properties(sketch, place)
        known = next((name for name, component in self.components.items() if component == schema), None)
        name = OBJECTS.get(place) or known or self._name(sketch, schema)
        if name is None:
            raise UnnamedError(f"{place} returns an object without a name: give it one in tools/openapi/names.py.")
        return self._named(name, schema)

    @staticmethod
    def _name(sketch: dict[str, Any], schema: dict[str, Any]) -> str | None:
        """Returns the name of a page of things, or of one thing under its name."""
        parts = [_referred(part.get("items", part)) for part in schema["properties"].values()]
        names = [name for name in parts if name and name != "Pagination"]
        if len(names) != 1:
            return None
        if len(sketch) == 1:
            return f"{names[0]}Envelope"
        return f"{names[0]}Page" if set(sketch) & {"pagination", "results"} else None

    def _properties(self, sketch: dict[str, Any], place: str, description: str = "") -> dict[str, Any]:
        """Returns the schema of an object. A "?" behind a key says that the key may be absent."""
        fields = {key.removesuffix("?"): self._of(value, f"{place}.{key}") for key, value in sketch.items()}
        schema: dict[str, Any] = {"type": "object", "description": description, "properties": fields}
        if not description:
            del schema["description"]
        if required := [key for key in sketch if not key.endswith("?")]:
            schema["required"] = required
        return schema

    # Requests

    def body(self, name: str, function: Function, arguments: Iterable[Argument]) -> dict[str, Any]:
        """Returns the schema of a body, which has the arguments as its fields."""
        fields = list(arguments)
        schema: dict[str, Any] = {"type": "object"}
        schema["properties"] = {each.name: self._argument(function, each) for each in fields}
        if required := [each.name for each in fields if each.required]:
            schema["required"] = required
        return self._named(name, schema)

    def body_of(self, name: str, model: type[BaseModel]) -> dict[str, Any]:
        """Returns the schema of a body that is a model of its own."""
        schema = _untitled(model.model_json_schema())
        for field, described in schema["properties"].items():
            described["description"] = MEANINGS[field]
        return self._named(name, schema)

    def parameter(self, function: Function, argument: Argument, place: str, example: Any = None) -> dict[str, Any]:
        """Returns a parameter of a path or a query."""
        meaning = self._meaning(function, argument)
        parameter: dict[str, Any] = {"name": argument.name, "in": place, "required": argument.required}
        if place == "path":
            schema = _plain(self._json_schema(argument.type, PATH_TYPES))
            schema = {"type": "integer", "format": "int64", "minimum": 0} if schema["type"] == "integer" else schema
        else:
            schema = self._argument(function, argument)
            if self.as_accepted:
                parameter["allowEmptyValue"] = True
            elif argument.type == "text" and argument.name in _PAGES:
                schema = _PAGES[argument.name]
        # The parameter has the description, which tools show.
        schema = {key: value for key, value in schema.items() if key != "description"}
        parameter |= {"description": meaning, "schema": schema}
        return parameter if example is None else parameter | {"example": example}

    def _argument(self, function: Function, argument: Argument) -> dict[str, Any]:
        schema = self._typed(argument.type)
        if self.as_accepted:
            return schema if argument.required else nullable(schema)
        if "$ref" in schema:
            return schema
        return schema | {"description": self._meaning(function, argument, is_number=schema["type"] in _NUMERIC)}

    def _typed(self, name: str) -> dict[str, Any]:
        """Returns the schema of an SQL type. Enumerations and composite types have names."""
        if name in _ENUMERATIONS:
            return self._enumeration(name)
        schema = self._json_schema(name, TYPES)
        for title, composite in schema.pop("$defs", {}).items():
            self._composite(title, composite)
        schema = _untitled(schema)
        if title := _referred(schema.get("items", {})):
            schema["items"] = {"$ref": f"#/components/schemas/{camel(title)}"}
        elif "items" in schema:
            schema["items"] = self._choice(schema["items"]["enum"])
        return schema if self.as_accepted else _plain(schema, as_text=name in _AS_TEXT)

    def _json_schema(self, name: str, known: dict[str, Any]) -> dict[str, Any]:
        kind = known.get(name) or pydantic_type(name, self.interface.composites)
        return dict(TypeAdapter(kind).json_schema())

    def _composite(self, title: str, schema: dict[str, Any]) -> None:
        """Names the schema of a composite type, whose fields are like those of a body."""
        types = {field["name"]: field["type"] for field in self.interface.composites[f"inventory.{title}"]}
        required = schema.get("required", [])
        function = Function(title, (), "", False, False, frozenset(), "", "", None, ())
        self.body(camel(title), function, (Argument(name, kind, name in required) for name, kind in types.items()))

    def _enumeration(self, name: str) -> dict[str, Any]:
        schema = _ENUMERATIONS[name] | {"description": self.interface.comments[name]}
        return self._named(camel(name), schema)

    def _meaning(self, function: Function, argument: Argument, *, is_number: bool = False) -> str:
        name = argument.name
        found = (
            MEANINGS.get(f"{function.name}.{name}")
            or _told(function.description, name)
            or MEANINGS.get(argument.type)
            or MEANINGS.get(name)
            or self.interface.comments.get(argument.type)
        )
        if found is None:
            raise UnnamedError(f"What {name} of {function.name} means is not said: say it in tools/openapi/names.py.")
        return f"{found} {_AS_NUMBER}" if is_number else found

    def _named(self, name: str, schema: dict[str, Any]) -> dict[str, Any]:
        if self.components.setdefault(name, schema) != schema:
            raise UnnamedError(f"{name} is the name of two different objects: see tools/openapi/names.py.")
        return {"$ref": f"#/components/schemas/{name}"}


_NUMERIC = ("number", "integer")


def nullable(schema: dict[str, Any]) -> dict[str, Any]:
    """Returns the schema, or null."""
    if isinstance(schema.get("type"), str) and "enum" not in schema:
        return schema | {"type": [schema["type"], "null"]}
    return {"anyOf": [schema, {"type": "null"}]}


def _referred(schema: dict[str, Any]) -> str | None:
    return schema["$ref"].rpartition("/")[2] if "$ref" in schema else None


def _told(description: str, name: str) -> str | None:
    """Returns what a function's description says of an argument: the sentence after "name:"."""
    for paragraph in description.split("\n\n"):
        for argument, sentence in _SENTENCE.findall(paragraph.replace("\n", " ")):
            if name == argument:
                return f"{sentence[0].upper()}{sentence[1:]}."
    return None


def _plain(schema: dict[str, Any], *, as_text: bool = False) -> dict[str, Any]:
    """Returns the one type by which a value is described, with the format that says how large it may be."""
    schema = dict(schema["anyOf"][1 if as_text else 0] if "anyOf" in schema else schema)
    least, most = schema.get("minimum"), schema.get("maximum")
    if schema.get("type") == "integer":
        is_small = most is not None and most < _INT32 and (least is None or least >= -_INT32)
        schema["format"] = "int32" if is_small else "int64"
        # The format says as much.
        if most in (_INT32 - 1, _INT64 - 1):
            del schema["maximum"]
        if least in (-_INT32, -_INT64):
            del schema["minimum"]
    elif schema.get("type") == "number":
        schema["format"] = "double"
    return schema


def _untitled(schema: Any) -> Any:
    """Removes the titles that pydantic derives from names, and its descriptions of models."""
    if isinstance(schema, dict):
        return {
            name: {field: _untitled(value) for field, value in item.items()}
            if name == "properties"
            else _untitled(item)
            for name, item in schema.items()
            if name not in ("title", "description")
        }
    if isinstance(schema, list):
        return [_untitled(value) for value in schema]
    return schema
