"""Import and export of products as files: CSV or JSON lines.

An import is read whole, its lines are checked as the creation of a product is, and one call makes all of them or none.
An export is read and sent a thousand products at a time, so that neither the server nor the database holds all of them.
"""

from __future__ import annotations

import asyncio
import csv
import dataclasses
import functools
import io
import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any

import simplejson
from aiohttp import web
from pydantic import BaseModel

from pgcalls import LONG, DatabaseError
from server.database.interface import Interface
from server.http.body import check_encoding, json_sentence, query_of
from server.http.endpoint import SERVER_ARGUMENTS, model, validate
from server.http.errors import FieldError, Problem, dump, line_problem
from server.http.guard import ID_HEADER, REQUEST_ID
from server.http.rate_limits import HEADERS
from server.http.routes import FILE_ROUTES, Route
from server.http.service import Service, headers_of, idempotency_key, position_of

MAXIMUM_FILE = 64 * 1024 * 1024
MAXIMUM_LINES = 100_000
MAXIMUM_ERRORS = 1000  # invalid lines that an import's answer names
EXPORT_LINES = 1000  # products for each call of the database

CSV_TYPES = ("text/csv", "application/csv")
JSON_TYPES = ("application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines")

log = logging.getLogger("server")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def handlers(service: Service) -> dict[str, Handler]:
    """The handlers by the function names of FILE_ROUTES."""
    answers = {"import_products": functools.partial(_import, asyncio.Lock()), "export_products": _export}
    return {route.function: _guarded(service, route, answers[route.function]) for route in FILE_ROUTES}


def _guarded(service: Service, route: Route, answer: Any) -> Handler:
    function = service.interface.function(route.function)
    limit = service.limits.of(route)

    async def handle(request: web.Request) -> web.StreamResponse:
        identity = await service.admit(request, function, limit)
        response: web.StreamResponse = await answer(service, function, identity, request)
        return response

    return handle


# Import


@dataclasses.dataclass(frozen=True)
class Line:
    """A line of a file: its number, from 1, and its fields; or what is wrong with it."""

    number: int
    fields: Any = None
    error: FieldError | None = None


def line_model(interface: Interface) -> type[BaseModel]:
    """The model of a line of an import: the body that creates a product."""
    arguments = interface.function("create_catalog_product").arguments
    return model("Line", (a for a in arguments if a.name not in SERVER_ARGUMENTS), interface.composites)


def read_lines(text: str, *, is_csv: bool) -> Iterator[Line]:
    """The lines of a file that are not empty. Raises Problem for a CSV that has no names of fields to begin with."""
    return _csv_lines(text) if is_csv else _json_lines(text)


def _csv_lines(text: str) -> Iterator[Line]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    names: list[str] = []
    while True:
        number = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            yield Line(number, error=_line_error(f"CSV parse error - {error}"))
            return  # the start of the next line cannot be known
        if not any(cells):
            continue
        if not names:
            names = [name.strip() for name in cells]
            known = [name for name in names if name]  # empty columns of a spreadsheet have no name
            if "title" not in known or len(set(known)) < len(known):
                raise Problem("INVALID_JSON", "The first line must have the names of the fields, each once.")
        elif len(cells) != len(names):
            # A truncated file ends in such a line.
            yield Line(number, error=_line_error(f"The line has {len(cells)} cells, the first line {len(names)}."))
        else:
            yield Line(number, {name: cell for name, cell in zip(names, cells, strict=True) if name and cell})


def _json_lines(text: str) -> Iterator[Line]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            yield Line(number, simplejson.loads(line, use_decimal=True, allow_nan=False))
        except (ValueError, ArithmeticError, RecursionError) as error:
            yield Line(number, error=_line_error(f"JSON parse error - {json_sentence(error)}"))


def _line_error(message: str) -> FieldError:
    return FieldError("value_error", ("body",), message, "")


def check_lines(lines: Iterator[Line], kind: type[BaseModel]) -> list[dict[str, Any]]:
    """The lines as inventory.import_products takes them. Raises Problem with what is wrong, by line."""
    checked: list[dict[str, Any]] = []
    wrong: dict[int, Sequence[FieldError]] = {}
    for line in lines:
        if len(checked) + len(wrong) == MAXIMUM_LINES:
            raise Problem("PAYLOAD_TOO_LARGE", f"The file has more than {MAXIMUM_LINES} lines.")
        if line.error is not None:
            wrong[line.number] = (line.error,)
            continue
        try:
            checked.append(validate(kind, line.fields, "body") | {"line": line.number})
        except Problem as problem:
            wrong[line.number] = problem.fields
    if wrong:
        raise line_problem(dict(list(wrong.items())[:MAXIMUM_ERRORS]))
    if not checked:
        raise Problem("INVALID_JSON", "The file has no lines.")
    return checked


def rejected(details: dict[str, Any]) -> Problem:
    """LINES_REJECTED's DETAIL as the problem that a client is told of."""
    wrong: dict[int, list[FieldError]] = {}
    for entry in details.get("lines", ()):
        error = FieldError(entry["code"], ("body", entry["field"]), entry["code"], entry["value"])
        wrong.setdefault(entry["line"], []).append(error)
    return line_problem(wrong)


def decode(raw: bytes) -> str:
    """The text of a file. Raises Problem where it is not UTF-8."""
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Problem("INVALID_JSON", "The file is not UTF-8.") from None


async def _import(
    parsing: asyncio.Lock, service: Service, function: Any, identity: Any, request: web.Request
) -> web.Response:
    is_csv = request.content_type in CSV_TYPES
    if not is_csv and request.content_type not in JSON_TYPES:
        raise Problem("UNSUPPORTED_MEDIA_TYPE", "The body must be text/csv or application/x-ndjson.")
    check_encoding(request)
    raw = await _read(request)
    # In a thread: a hundred thousand lines take seconds, in which the event loop serves other requests. One file at a
    # time: its lines need ten times as much memory as the file.
    async with parsing:
        kind = line_model(service.interface)
        text = await asyncio.to_thread(decode, raw)
        key = await asyncio.to_thread(idempotency_key, request, service, identity, text)
        arguments = await asyncio.to_thread(_arguments, text, is_csv, kind, identity.actor)
        del raw, text
    try:
        answer = await service.call(identity, function, arguments, key, kind=LONG)
    except Problem as problem:
        if problem.code != "LINES_REJECTED":
            raise
        told = rejected(dict(problem.details))
        told.headers = problem.headers
        raise told from problem
    return web.Response(
        status=201, body=answer.body, headers=headers_of(answer), content_type="application/json", charset="utf-8"
    )


def _arguments(text: str, is_csv: bool, kind: type[BaseModel], actor: str) -> bytes:
    lines = check_lines(read_lines(text, is_csv=is_csv), kind)
    # Line by line: other threads, the event loop's among them, wait as long as one call of the encoder takes.
    return b'{"p_actor": %b, "p_lines": [%b]}' % (dump(actor), b",".join(dump(line) for line in lines))


async def _read(request: web.Request) -> bytes:
    """The whole body. Raises Problem where it is larger than a file may be."""
    too_large = Problem("PAYLOAD_TOO_LARGE", f"The file is larger than {MAXIMUM_FILE // 2**20} MiB.")
    if request.content_length is not None and request.content_length > MAXIMUM_FILE:
        raise too_large
    raw = bytearray()
    async for chunk in request.content.iter_chunked(256 * 1024):
        raw += chunk
        if len(raw) > MAXIMUM_FILE:
            raise too_large
    return bytes(raw)


# Export


async def _export(service: Service, function: Any, identity: Any, request: web.Request) -> web.StreamResponse:
    form = query_of(request).get("format", "csv")
    if form not in ("csv", "ndjson"):
        error = FieldError("literal_error", ("query", "format"), "Input should be 'csv' or 'ndjson'", form)
        raise Problem("VALIDATION_ERROR", "The request is not valid.", fields=[error])
    # The first call comes before the answer begins, so that its error can still be an ordinary answer.
    position = position_of(request, service)
    products, position = await _products(service, function, identity, 0, position)
    names = list(function.returns[0])
    response = web.StreamResponse(headers={"Content-Disposition": f'attachment; filename="products.{form}"'})
    response.content_type = CSV_TYPES[0] if form == "csv" else JSON_TYPES[0]
    response.charset = "utf-8"
    response.headers.update(request.get(HEADERS, {}))
    response.headers[ID_HEADER] = REQUEST_ID.get()
    await response.prepare(request)
    if request.method == "HEAD":
        return response
    try:
        if form == "csv":
            await response.write(_csv([names]))
        while products:
            if form == "csv":
                await response.write(_csv([product[name] for name in names] for product in products))
            else:
                await response.write(b"".join(dump(product) + b"\n" for product in products))
            if len(products) < EXPORT_LINES:
                break
            products, position = await _products(service, function, identity, products[-1]["id"], position)
        await response.write_eof()
    except ConnectionError:
        pass  # the client is gone
    except (Problem, DatabaseError) as error:
        log.warning("an export ended half-way: %s", error)
        # An answer that has begun cannot become an error. Without its last chunk the client sees that it is incomplete.
        if request.transport is not None:
            request.transport.abort()
    return response


async def _products(
    service: Service, function: Any, identity: Any, after: int, position: str | None
) -> tuple[list[dict[str, Any]], str | None]:
    """The products after that id, and the position that the next ones must show if standbys are read."""
    arguments = dump({"p_after": after, "p_limit": EXPORT_LINES})
    answer = await service.call(identity, function, arguments, after=position)
    products: list[dict[str, Any]] = simplejson.loads(answer.body or b"[]", use_decimal=True)
    return products, position and answer.position


def _csv(rows: Any) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()
