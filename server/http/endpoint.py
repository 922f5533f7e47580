"""The generic handler: a request becomes a function's named arguments, one call, and the text that comes back.

The order of checks is the contract's: the token, the permission, the rate limit, the path, the headers, then the query
or the body.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from hashlib import blake2b
from types import MappingProxyType
from typing import Any

import simplejson
from aiohttp import web
from pydantic import BaseModel, Field, ValidationError, create_model

from server.database.calls import Answer
from server.database.domains import PATH_TYPES, WAIT, pydantic_type
from server.database.interface import Argument, Interface, InterfaceError
from server.http.body import query_of, read_body, takes_gzip
from server.http.errors import STATUS, VALUE_ERROR, Api, FieldError, Problem, field_of
from server.http.routes import ROUTES, Route
from server.http.service import Service, headers_of, idempotency_key, position_of
from server.http.tokens import Identity

FORM_APIS = (Api.CATALOG, Api.AUTHENTICATION)
SEALED_TYPE = "inventory.password"
SERVER_ARGUMENTS = ("actor", "expected")
SERVER_ARGUMENTS_OF_GET = (*SERVER_ARGUMENTS, "url")  # the links of a list to its other pages need it
COMPRESSED_FROM = 4096  # bytes of an answer
POLL_SECONDS = 0.25  # between the looks of a read that waits
_PATH_PARAMETER = re.compile(r"\{(\w+)\}")
_TAG = r'(?:W/)?"[!#-~\x80-\xff]*"'
_IF_MATCH = re.compile(rf"[ \t]*(?:{_TAG}[ \t]*)?(?:,[ \t]*(?:{_TAG}[ \t]*)?)*")
_PRODUCT_TAG = re.compile(r'"([0-9]+\.[0-9]+)(?:\.[0-9a-f]+)?"')  # what stands behind the tag is of one read


class Operation:
    """A route with its function, and the models of its path and of its query or body.

    Raises InterfaceError where the function takes other arguments than the route gives.
    """

    def __init__(self, route: Route, interface: Interface) -> None:
        self.route = route
        function = interface.function(route.function)
        self.function = function if route.etag == "text" else function.with_tag()
        name = f"{route.method} {route.path}: "
        in_path = _PATH_PARAMETER.findall(route.path)
        for parameter in in_path:
            if function.argument(parameter) is None:
                raise InterfaceError(f"{name}http.{function.name} has no argument p_{parameter}.")
        if route.method == "GET" and not function.is_stable:
            raise InterfaceError(f"{name}http.{function.name} is not declared stable.")
        if route.status != 204 and function.returns is None:
            raise InterfaceError(f"{name}the comment of http.{function.name} does not say what it returns.")
        if route.api not in STATUS["NOT_FOUND"]:
            raise InterfaceError(f"{name}{route.api} has no error bodies.")
        filled = SERVER_ARGUMENTS_OF_GET if route.method == "GET" else SERVER_ARGUMENTS
        rest = [a for a in function.arguments if a.name not in in_path and a.name not in filled]
        rest = [dataclasses.replace(a, required=a.required or a.name in route.required) for a in rest]
        if route.waits:
            rest.append(Argument("wait", WAIT, required=False))
        composites = interface.composites
        self.path_model = model("Path", (a for a in function.arguments if a.name in in_path), composites, PATH_TYPES)
        self.model = model("Query" if route.method == "GET" else "Body", rest, composites)
        self.arguments = tuple(rest)
        self.has_path = bool(in_path)
        self.has_fields = bool(rest)
        self.passwords = tuple(a.name for a in rest if a.type == SEALED_TYPE)
        self.takes_actor = function.argument("actor") is not None
        self.takes_expected = function.argument("expected") is not None
        self.takes_url = route.method == "GET" and function.argument("url") is not None


@lru_cache(maxsize=4)
def operations(interface: Interface) -> tuple[Operation, ...]:
    """The operations of all routes. Cached by interface: building their models takes a fifth of a second."""
    return tuple(Operation(route, interface) for route in ROUTES)


class Endpoint:
    """The handler of one operation."""

    def __init__(self, operation: Operation, service: Service) -> None:
        self.operation = operation
        self.route = operation.route
        self._service = service
        self._limit = service.limits.of(operation.route)

    async def __call__(self, request: web.Request) -> web.Response:
        operation, service = self.operation, self._service
        identity = await service.admit(request, operation.function, self._limit)
        members = []
        if operation.has_path:
            members.append(_members(validated(operation.path_model, dict(request.match_info), "path")))
        key, body, wait = None, None, None
        if self.route.method == "GET":
            if operation.has_fields:
                fields = validated(operation.model, query_of(request), "query")
                members.append(_members(fields))
                wait = getattr(fields, "wait", None)
        elif self.route.method != "DELETE":
            body = await read_body(request, operation.model if self.route.api in FORM_APIS else None)
            key = idempotency_key(request, service, identity, body)
            try:
                fields = validated(operation.model, body, "body")
            except Problem as problem:
                raise self._with_inputs(problem, body) from problem
            for name in operation.passwords:
                if (password := getattr(fields, name)) is not None:
                    setattr(fields, name, await service.sealed(password))
            members.append(_members(fields))
        if operation.takes_actor:
            members.append(b'"p_actor":' + _text(identity.actor))
        if operation.takes_url:
            members.append(b'"p_url":' + json.dumps(service.url(request)).encode())
        is_conditional = operation.takes_expected and "If-Match" in request.headers
        if is_conditional:
            members.append(b'"p_expected":' + json.dumps(expected_tags(request)).encode())
        arguments = b"{%b}" % b",".join([part for part in members if part])
        after = position_of(request, service)
        try:
            answer = await service.call(
                identity, operation.function, arguments, key, is_alone=is_conditional, after=after
            )
            if wait:
                answer = await self._later(request, identity, arguments, answer, wait)
        except Problem as problem:
            raise self._with_inputs(with_fields(problem, self.route.api, operation.model, body), body) from problem
        return self._respond(request, answer)

    async def _later(
        self, request: web.Request, identity: Identity, arguments: bytes, answer: Answer, seconds: float
    ) -> Answer:
        """Read again until the list has rows, the time is over, the client is gone, or the process begins to stop."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0 and _is_empty(answer):
            if request.transport is None or self._service.drain.is_leaving:
                break
            await asyncio.sleep(min(left, POLL_SECONDS))
            answer = await self._service.call(identity, self.operation.function, arguments)
        return answer

    def _with_inputs(self, problem: Problem, body: Any) -> Problem:
        """The fields of a GET are in its query. In API 4 the input of a value error is the whole order."""
        if self.route.method == "GET":
            problem.fields = tuple(dataclasses.replace(f, loc=("query", *f.loc[1:])) for f in problem.fields)
        if self.route.api is Api.ART:
            problem.fields = tuple(
                dataclasses.replace(field, input=_object_at(body, field.loc[1:]))
                if field.type == "value_error"
                else field
                for field in problem.fields
            )
        return problem

    def _respond(self, request: web.Request, answer: Answer) -> web.Response:
        headers = headers_of(answer)
        if self.route.status == 204:
            return web.Response(status=204, headers=headers)
        assert answer.body is not None
        if self.route.location is not None:
            headers["Location"] = self.route.location.format_map(simplejson.loads(answer.body))
        headers["Content-Type"] = "application/json; charset=utf-8"
        if self.route.method == "GET":
            return self._cacheable(request, answer, headers)
        return web.Response(status=self.route.status, body=answer.body, headers=headers)

    def _cacheable(self, request: web.Request, answer: Answer, headers: dict[str, str]) -> web.Response:
        """Answer a read with its ETag. 304 where the client has it; long answers are compressed."""
        body, tag = answer.body, answer.tag
        assert body is not None
        is_compressed = len(body) >= COMPRESSED_FROM and takes_gzip(request)
        # Weak: the same for the plain and the compressed form.
        weak = "W/" if tag is None or is_compressed else ""
        if tag is None or self.route.etag == "product and text":
            digest = blake2b(body, digest_size=9).hexdigest()
            tag = digest if tag is None else f"{tag}.{digest}"
        # The answer depends on who asks.
        headers |= {
            "ETag": f'{weak}"{tag}"',
            "Cache-Control": "private, no-cache",
            "Vary": "Accept-Encoding, Authorization",
        }
        known = request.headers.get("If-None-Match")
        if known is not None and any(each.value in (tag, "*") for each in request.if_none_match or ()):
            return web.Response(status=304, headers=headers)
        response = web.Response(body=body, headers=headers)
        if is_compressed:
            response.enable_compression(web.ContentCoding.gzip)
        return response


def expected_tags(request: web.Request) -> str:
    """The products' tags that the request's If-Match names, with commas between them; * for any.

    What is no tag of a product can match none, and is left out. A header of the wrong form names none.
    """
    text = ",".join(request.headers.getall("If-Match"))
    if text.strip() == "*":
        return "*"
    return ",".join(_PRODUCT_TAG.findall(text)) if _IF_MATCH.fullmatch(text) else ""


def _is_empty(answer: Answer) -> bool:
    """Whether the list that the answer begins with has no rows."""
    return not next(iter(json.loads(answer.body or b"{}").values()))


def model(
    name: str,
    arguments: Iterable[Argument],
    composites: dict[str, list[dict[str, str]]],
    special: Mapping[str, Any] = MappingProxyType({}),
) -> type[BaseModel]:
    """Make a pydantic model of a function's arguments. Null for an optional argument is the same as leaving it out.

    ``special``: types that replace the usual ones, by SQL name.
    """
    fields: dict[str, Any] = {}
    for argument in arguments:
        kind = special.get(argument.type) or pydantic_type(argument.type, composites)
        field = Field(... if argument.required else None, serialization_alias=f"p_{argument.name}")
        fields[argument.name] = (kind if argument.required else kind | None, field)
    return create_model(name, **fields)


def validate(kind: type[BaseModel], value: Any, place: str) -> dict[str, Any]:
    """Validate the value. Its fields as JSON-ready arguments. Raises Problem; ``place``: body, query or path."""
    return validated(kind, value, place).model_dump(mode="json", exclude_none=True)


def validated(kind: type[BaseModel], value: Any, place: str) -> BaseModel:
    """Validate the value. Raises Problem; ``place``: body, query or path."""
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        fields = [_field_error(place, entry) for entry in error.errors(include_url=False)]
        code = "INVALID_PATH" if place == "path" else "VALIDATION_ERROR"
        message = "The path is not valid." if place == "path" else "The request is not valid."
        raise Problem(code, message, fields=fields) from None


def _members(fields: BaseModel) -> bytes:
    """The fields as the members of a JSON object, by SQL name."""
    # model_dump_json does the same and more, at twice the cost.
    return fields.__pydantic_serializer__.to_json(fields, by_alias=True, exclude_none=True)[1:-1]


@lru_cache(maxsize=1024)
def _text(value: str) -> bytes:
    return json.dumps(value).encode()


def _object_at(body: Any, path: Sequence[str | int]) -> Any:
    """The innermost object of the body on the path to a field."""
    found = node = body
    for part in path:
        if isinstance(node, dict):
            found = node
        if not isinstance(node, dict | list):
            break
        node = node.get(part) if isinstance(node, dict) else node[int(part)]
    return node if isinstance(node, dict) else found


def _field_error(place: str, entry: Any) -> FieldError:
    """Convert an error of pydantic. For a value that is not an object the error is FastAPI's own."""
    if entry["type"] == "model_type":
        message = "Input should be a valid dictionary or object to extract fields from"
        return FieldError("model_attributes_type", (place, *entry["loc"]), message, entry["input"])
    context = {name: item for name, item in entry.get("ctx", {}).items() if not isinstance(item, Exception)}
    message = entry["msg"].removeprefix(VALUE_ERROR)
    return FieldError(entry["type"], (place, *entry["loc"]), message, entry["input"], context)


def with_fields(problem: Problem, api: Api, kind: type[BaseModel], body: Any) -> Problem:
    """Add the field that the problem is about, if the body has one of that name, and the value that was sent."""
    sent = body if isinstance(body, dict) else {}
    if not problem.fields:
        name = field_of(problem.code, api, kind.model_fields)
        if name is not None:
            problem.fields = (FieldError("value_error", ("body", name), problem.message, sent.get(name)),)
    else:
        problem.fields = tuple(
            dataclasses.replace(field, input=sent[field.field]) if field.field in sent else field
            for field in problem.fields
        )
    return problem
