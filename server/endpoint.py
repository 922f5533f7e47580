"""The generic handler: a request becomes a function's named arguments, one call, and the text that comes back.

The order of checks is the contract's: the token, the permission, the rate limit, the path, the headers, then the query
or the body.
"""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
import json
import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType
from typing import Any, get_args, get_origin
from urllib.parse import parse_qsl

import simplejson
from aiohttp import web
from pydantic import BaseModel, Field, TypeAdapter, ValidationError, create_model
from pydantic.fields import FieldInfo

from server.caller import Answer, Caller, DatabaseError, Key, OutcomeUnknownError, UnavailableError
from server.catalog import Argument, Catalog, CatalogError, Function
from server.errors import STATUS, Api, FieldError, Problem, field_of
from server.lane import READ_ONLY
from server.limits import Limits
from server.origin import origin
from server.routes import Route
from server.settings import Settings
from server.tokens import Caller as Identity
from server.tokens import TokenError, Tokens
from server.types import PATH_TYPES, pydantic_type

MAXIMUM_BODY = 1024 * 1024
MAXIMUM_FORM_FIELDS = 1000
MAXIMUM_DEPTH = 100  # of lists and objects in a body: what writes it down again works level by level
FORM_TYPE = "application/x-www-form-urlencoded"
FORM_APIS = (Api.CATALOG, Api.AUTHENTICATION)
ENCODINGS = (
    "",
    "identity",
    "gzip",
    "deflate",
    "br",
    "zstd",
)  # aiohttp's; without their packages it refuses br and zstd
SERVER_ARGUMENTS = ("actor",)
SERVER_ARGUMENTS_OF_GET = (*SERVER_ARGUMENTS, "url")  # a list links to its other pages
_PATH_PARAMETER = re.compile(r"\{(\w+)\}")
_IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]([\x20-\x7e]{0,253}[\x21-\x7e])?")

_JSON = simplejson.JSONDecoder(parse_float=Decimal, allow_nan=False)

log = logging.getLogger("server.endpoint")


class Service:
    """What every endpoint needs: the catalog, the caller, the tokens, the limits, who a caller without a token is."""

    def __init__(self, catalog: Catalog, caller: Caller, tokens: Tokens, limits: Limits, settings: Settings) -> None:
        self.catalog = catalog
        self.caller = caller
        self.tokens = tokens
        self.limits = limits
        self.anonymous = Identity(settings.anonymous_role, "anonymous", "anonymous", is_anonymous=True)
        self._secret_key = settings.secret_key.encode()
        self._trusts_proxy = settings.trust_proxy

    def identify(self, request: web.Request) -> Identity:
        """Who calls. Raises Problem 401 for a token that is not good; no token is the anonymous role."""
        parts = request.headers.get("Authorization", "").split()
        if not parts or parts[0].lower() != "bearer":
            return self.anonymous
        if len(parts) != 2:
            raise Problem("TOKEN_NOT_VALID", "Authorization header must contain two space-delimited values")
        try:
            return self.tokens.caller(parts[1])
        except TokenError as error:
            message = {"token_class": "AccessToken", "token_type": "access", "message": str(error)}
            raise Problem(
                "TOKEN_NOT_VALID",
                "Given token not valid for any token type",
                extra={"code": "token_not_valid", "messages": [message]},
            ) from None

    def authorize(self, identity: Identity, function: Function) -> None:
        """Raise Problem 401 or 403 where the role has no grant on the function."""
        if identity.role in function.roles:
            return
        if identity.is_anonymous:
            raise Problem("NOT_AUTHENTICATED", "Authentication credentials were not provided.")
        raise Problem("PERMISSION_DENIED", "You do not have permission to perform this action.")

    def url(self, request: web.Request) -> str:
        """The request's absolute address."""
        return f"{origin(request, trusts_proxy=self._trusts_proxy).base_url}{request.rel_url}"

    def fingerprint(self, request: web.Request, body: Any) -> str:
        """What an Idempotency-Key came with: method, path and body. Keyed, for a body may hold a password."""
        text = simplejson.dumps(body, use_decimal=True, sort_keys=True)
        message = f"{request.method}\n{request.path.rstrip('/')}\n{text}".encode()
        return hmac.new(self._secret_key, message, hashlib.sha256).hexdigest()

    async def call(
        self,
        identity: Identity,
        function: Function,
        arguments: Mapping[str, Any] | bytes,
        key: Key | None = None,
        *,
        lane: str | None = None,
    ) -> Answer:
        """Call the function as the caller's role; the database's errors become Problems."""
        try:
            return await self.caller.call(identity.role, function, arguments, key, lane=lane)
        except DatabaseError as error:
            raise self._problem(error, identity) from error
        except UnavailableError as error:
            raise Problem("SERVICE_UNAVAILABLE", f"{error} Nothing was changed.") from error
        except OutcomeUnknownError as error:
            raise Problem(
                "OUTCOME_UNKNOWN",
                f"{error} The request was carried out, or it was not: repeat it with the same Idempotency-Key or look.",
            ) from error

    def _problem(self, error: DatabaseError, identity: Identity) -> Problem:
        replayed = {"Idempotent-Replayed": "true"} if error.is_replayed else {}
        code = self.catalog.code(error.sqlstate)
        if code is not None:
            return Problem(code, error.message, headers=replayed, details=error.data, at=error.at)
        match error.sqlstate:
            case "22023" if error.data.keys() & {"field", "fields"}:
                field = _refused_field(error.message, error.data)
                return Problem("VALIDATION_ERROR", "The request is not valid.", fields=[field])
            case "42501":
                # A grant was taken away since the start.
                code = "NOT_AUTHENTICATED" if identity.is_anonymous else "PERMISSION_DENIED"
                return Problem(code, "You do not have permission to perform this action.")
            case state if state.startswith("53"):
                log.error("the database has not enough of something: %s %s", state, error.message)
                what = "has no room left on its disk" if state == "53100" else "is too busy"
                return Problem("SERVICE_UNAVAILABLE", f"The database {what} for this call. Nothing was changed.")
            case state if state[:2] in ("40", "57") or state in ("55P03", READ_ONLY):
                what = "takes no changes now" if state == READ_ONLY else "is too busy for this call"
                return Problem("SERVICE_UNAVAILABLE", f"The database {what}. Nothing was changed.")
            case _:
                raise error


class Endpoint:
    """The handler of one route. Raises CatalogError where its function takes other arguments than the route gives."""

    def __init__(self, route: Route, service: Service) -> None:
        self.route = route
        self.function = service.catalog.function(route.function)
        self._service = service
        self._limit = service.limits.of(route)
        in_path = _PATH_PARAMETER.findall(route.path)
        for name in in_path:
            if self.function.argument(name) is None:
                raise CatalogError(f"{route.method} {route.path}: http.{self.function.name} has no argument p_{name}.")
        if route.method == "GET" and not self.function.is_stable:
            raise CatalogError(f"{route.method} {route.path}: http.{self.function.name} is not declared stable.")
        if route.status != 204 and self.function.returns is None:
            raise CatalogError(
                f"{route.method} {route.path}: the comment of http.{self.function.name} does not say what it returns."
            )
        if route.api not in STATUS["NOT_FOUND"]:
            raise CatalogError(f"{route.method} {route.path}: {route.api} has no error bodies.")
        filled = SERVER_ARGUMENTS_OF_GET if route.method == "GET" else SERVER_ARGUMENTS
        rest = [a for a in self.function.arguments if a.name not in in_path and a.name not in filled]
        composites = service.catalog.composites
        self.path_model = model(
            "Path", (a for a in self.function.arguments if a.name in in_path), composites, PATH_TYPES
        )
        rest = [dataclasses.replace(a, required=a.required or a.name in route.required) for a in rest]
        self.model = model("Query" if route.method == "GET" else "Body", rest, composites)
        self._has_path = bool(in_path)
        self._has_fields = bool(rest)
        self._takes_actor = self.function.argument("actor") is not None
        self._takes_url = route.method == "GET" and self.function.argument("url") is not None

    async def __call__(self, request: web.Request) -> web.Response:
        identity = self._service.identify(request)
        self._service.authorize(identity, self.function)
        if self._limit is not None:
            await self._limit.admit(request, None if identity.is_anonymous else identity.idempotency_scope)
        members = []
        if self._has_path:
            members.append(_members(validated(self.path_model, dict(request.match_info), "path")))
        key, body = None, None
        if self.route.method == "GET":
            if self._has_fields:
                members.append(_members(validated(self.model, query_of(request), "query")))
        elif self.route.method != "DELETE":
            body = await read_body(request, self.model if self.route.api in FORM_APIS else None)
            key = idempotency_key(request, self._service, identity, body)
            try:
                members.append(_members(validated(self.model, body, "body")))
            except Problem as problem:
                raise self._with_inputs(problem, body) from problem
        if self._takes_actor:
            members.append(b'"p_actor":' + _text(identity.actor))
        if self._takes_url:
            members.append(b'"p_url":' + _text(self._service.url(request)))
        arguments = b"{%b}" % b",".join([part for part in members if part])
        try:
            answer = await self._service.call(identity, self.function, arguments, key)
        except Problem as problem:
            problem = with_fields(problem, self.route.api, self.model, body)
            if self.route.method == "GET":
                problem.fields = tuple(dataclasses.replace(f, loc=("query", *f.loc[1:])) for f in problem.fields)
            raise self._with_inputs(problem, body) from problem
        return self._respond(answer)

    def _with_inputs(self, problem: Problem, body: Any) -> Problem:
        """API 4's value errors have all of the order as their input."""
        if self.route.api is Api.ART:
            problem.fields = tuple(
                dataclasses.replace(field, input=_object_at(body, field.loc[1:]))
                if field.type == "value_error"
                else field
                for field in problem.fields
            )
        return problem

    def _respond(self, answer: Answer) -> web.Response:
        headers = {"Idempotent-Replayed": "true"} if answer.is_replayed else {}
        if self.route.status == 204:
            return web.Response(status=204, headers=headers)
        assert answer.body is not None
        if self.route.location is not None:
            headers["Location"] = self.route.location.format_map(simplejson.loads(answer.body))
        return web.Response(
            status=self.route.status,
            body=answer.body,
            headers={"Content-Type": "application/json; charset=utf-8"} | headers,
        )


def model(
    name: str,
    arguments: Iterable[Argument],
    composites: dict[str, list[dict[str, str]]],
    special: Mapping[str, Any] = MappingProxyType({}),
) -> type[BaseModel]:
    """A pydantic model of a function's arguments: null for an optional one is the same as leaving it out.

    ``special``: types that are other ones here.
    """
    fields: dict[str, Any] = {}
    for argument in arguments:
        kind = special.get(argument.type) or pydantic_type(argument.type, composites)
        field = Field(... if argument.required else None, serialization_alias=f"p_{argument.name}")
        fields[argument.name] = (kind if argument.required else kind | None, field)
    return create_model(name, **fields)


def validate(kind: type[BaseModel], value: Any, place: str) -> dict[str, Any]:
    """The value's fields as JSON-ready arguments. Raises Problem with what is wrong, in ``place``."""
    return validated(kind, value, place).model_dump(mode="json", exclude_none=True)


def validated(kind: type[BaseModel], value: Any, place: str) -> BaseModel:
    """The value's fields. Raises Problem with what is wrong, in ``place``."""
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        fields = [_field_error(place, entry) for entry in error.errors(include_url=False)]
        code = "INVALID_PATH" if place == "path" else "VALIDATION_ERROR"
        message = "The path is not valid." if place == "path" else "The request is not valid."
        raise Problem(code, message, fields=fields) from None


def _members(fields: BaseModel) -> bytes:
    """The fields as the members of a JSON object, by SQL name."""
    # What model_dump_json does, less what it does for other uses.
    return fields.__pydantic_serializer__.to_json(fields, by_alias=True, exclude_none=True)[1:-1]


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


def _refused_field(message: str, data: Mapping[str, Any]) -> FieldError:
    """The database's refusal of an argument, or of the fields of an order (in a list: ``index``)."""
    order = ("orders", data["index"]) if "index" in data else ()
    place = ("body", *order, *((data["field"],) if "field" in data else ()))
    if (shortest := data.get("min_length")) is not None:
        message = f"String should have at least {shortest} characters"
        return FieldError("string_too_short", place, message, None, {"min_length": shortest})
    least = data.get("minimum")
    if least is None:
        return FieldError("value_error", place, f"Value error, {message}", data.get("input"))
    message = f"Input should be greater than or equal to {least}"
    return FieldError("greater_than_equal", place, message, data.get("input"), {"ge": least})


def _field_error(place: str, entry: Any) -> FieldError:
    """One of pydantic's errors; of what is no object, FastAPI's, which asks pydantic for attributes too."""
    if entry["type"] == "model_type":
        message = "Input should be a valid dictionary or object to extract fields from"
        return FieldError("model_attributes_type", (place, *entry["loc"]), message, entry["input"])
    context = {name: item for name, item in entry.get("ctx", {}).items() if not isinstance(item, Exception)}
    return FieldError(entry["type"], (place, *entry["loc"]), entry["msg"], entry["input"], context)


def query_of(request: web.Request) -> dict[str, str]:
    """The query's parameters. An empty one counts as left out; of a repeated one the last counts."""
    return {name: value for name, value in request.query.items() if value}


def check_encoding(request: web.Request) -> None:
    """Raise Problem for a Content-Encoding that is not known, whose body would be read as it stands."""
    encoding = request.headers.get("Content-Encoding")
    if encoding is not None and encoding.lower() not in ENCODINGS:
        raise Problem("UNSUPPORTED_MEDIA_TYPE", "The body's Content-Encoding is not known.")


async def read_body(request: web.Request, form: type[BaseModel] | None = None) -> Any:
    """The body parsed, numbers exact; an absent body, or null, is an empty object. Raises Problem.

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
        sentence = getattr(error, "msg", "Expecting value")
        field = FieldError("json_invalid", ("body", position), "JSON decode error", {}, {"error": sentence})
        raise Problem("INVALID_JSON", f"JSON parse error - {sentence}", fields=[field]) from None
    return {} if value is None else value


def _read_form(raw: bytes, kind: type[BaseModel]) -> dict[str, Any]:
    """A form's fields as the strings of a JSON object, the way Django REST framework reads a form.

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
    """Whether an empty text is a value of the field, or its error."""
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


def idempotency_key(request: web.Request, service: Service, identity: Identity, body: Any) -> Key | None:
    """The Idempotency-Key of a POST, bare or quoted. Raises Problem for one that cannot be a key."""
    text = request.headers.get("Idempotency-Key")
    if text is None or request.method != "POST":
        return None
    text = text.strip()
    if len(text) >= 2 and text[0] == text[-1] == '"':
        text = text[1:-1]
    if not _IDEMPOTENCY_KEY.fullmatch(text):
        message = "Idempotency-Key must be 1 to 255 printable ASCII characters"
        field = FieldError("value_error", ("header", "Idempotency-Key"), f"Value error, {message}", text)
        raise Problem("VALIDATION_ERROR", "The request is not valid.", fields=[field])
    return Key(identity.idempotency_scope, text, service.fingerprint(request, body))


def with_fields(problem: Problem, api: Api, kind: type[BaseModel], body: Any) -> Problem:
    """The problem with the field that it is about, where the body has one of that name, and what was sent in it."""
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
