"""Import and export: POST /api/v1/products/import/ and GET /api/v1/products/export/, over HTTP."""

from __future__ import annotations

import asyncio
import csv
import io
import logging
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from decimal import Decimal
from typing import Any

import httpx
import pytest

from pgcalls import client as pgclient
from server.http import files
from tests.conftest import PATIENCE, Database, Server, new_database
from tests.http.conftest import Shared
from tests.http.document import exact
from tests.http.test_service import samples

Start = Callable[..., Server]
Unchanged = Callable[[], AbstractContextManager[None]]

IMPORT = "/api/v1/products/import/"
EXPORT = "/api/v1/products/export/"
PRODUCTS = "/api/v1/products/"
CSV, NDJSON = "text/csv", "application/x-ndjson"
NAMES = "title,category,brand,cost_price,selling_price"
ROW = "Mug,1,1,2.50,4.99"
LINE = '{"title": "Mug", "category": 1, "brand": 1, "cost_price": 2.50, "selling_price": 4.99}'
REQUIRED = ["This field is required."]
NOTHING_TAKEN = "No line was taken: some of them are not valid."


def add_catalog(database: Database) -> None:
    """Two categories and two brands, 1 and 2 each."""
    for kind in ("category", "brand"):
        for name in ("One", "Two"):
            database.one(f"select id from inventory.create_{kind}(%s)", name)


@pytest.fixture
def shop(admin: httpx.Client, database: Database) -> Iterator[httpx.Client]:
    """The admin's client, over a catalog that has categories and brands and no product."""
    add_catalog(database)
    yield admin
    database.verify()


@pytest.fixture
def other_database(template_database: str) -> Iterator[Database]:
    """One more database with nothing in it."""
    with new_database(template_database) as conninfo:
        database = Database(conninfo)
        yield database
        database.close()


def send(
    client: httpx.Client, content: Any, media_type: str = CSV, path: str = IMPORT, **headers: str
) -> httpx.Response:
    return client.post(path, content=content, headers={"Content-Type": media_type} | headers)


def sheet(*lines: str, names: str = NAMES) -> str:
    return "\n".join([names, *lines]) + "\n"


def assert_imported(answer: httpx.Response, count: int) -> None:
    assert (answer.status_code, answer.json()) == (201, {"imported": count}), answer.text


def assert_lines(answer: httpx.Response, wrong: dict[int, dict[str, list[str]]]) -> None:
    """The 422 of these lines, under ``lines`` and the same in ``error.details``."""
    assert answer.status_code == 422, answer.text
    body = answer.json()
    assert {int(number): lists for number, lists in body["lines"].items()} == wrong
    assert body == {
        "lines": body["lines"],
        "error": {"code": "LINES_REJECTED", "message": NOTHING_TAKEN, "details": {"lines": body["lines"]}},
    }


def assert_refused(answer: httpx.Response, status: int, code: str) -> str:
    """API 5's error, and its sentence."""
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert body == {"detail": body["detail"], "error": {"code": code, "message": body["detail"], "details": {}}}
    return str(body["detail"])


def titles(database: Database) -> list[str]:
    return [name for (name,) in database.rows("select name from store.product order by id")]


# CSV


@pytest.mark.parametrize("path", [IMPORT, IMPORT.rstrip("/")])
@pytest.mark.parametrize("media_type", files.CSV_TYPES)
def test_import_csv(shop: httpx.Client, database: Database, path: str, media_type: str) -> None:
    names = "brand,title,sku,quantity,selling_price,category,cost_price,description,serie_number"
    text = sheet("1,Mug,M-1,7,4.99,2,2.50,Blue,S-1", "2,Cup,,,0,1,0.1,,", names=names)
    assert_imported(send(shop, text, media_type, path), 2)
    found = shop.get(PRODUCTS, params={"ordering": "id"}).json()["results"]
    assert [
        {name: product[name] for name in ("title", "cost_price", "selling_price", "sku", "quantity")}
        | {name: product[name] for name in ("description", "serie_number")}
        | {name: product[name]["id"] for name in ("category", "brand")}
        for product in found
    ] == [
        {
            "title": "Mug",
            "category": 2,
            "brand": 1,
            "cost_price": "2.50",
            "selling_price": "4.99",
            "sku": "M-1",
            "quantity": 7,
            "description": "Blue",
            "serie_number": "S-1",
        },
        {
            "title": "Cup",
            "category": 1,
            "brand": 2,
            "cost_price": "0.10",
            "selling_price": "0.00",
            "sku": "P-000001",
            "quantity": 0,
            "description": None,
            "serie_number": None,
        },
    ]
    assert database.rows("select actor from store.movement") == [("root",)]


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"\xef\xbb\xbf" + sheet(ROW).encode(), ["Mug"]),
        (sheet(ROW, ROW).replace("\n", "\r\n").encode(), ["Mug", "Mug"]),
        (sheet(ROW, ROW).replace("\n", "\r").encode(), ["Mug", "Mug"]),
        (sheet(ROW).rstrip("\n").encode(), ["Mug"]),
        (b"\n\r\n" + sheet("", ROW, "", ",,,,", ROW, "", "").encode(), ["Mug", "Mug"]),
        (sheet(',1,1,1,1,"A, ""B""\nC\r\nD"', names=f"colour,{NAMES[6:]},title").encode(), ['A, "B"\nC\r\nD']),
        (sheet('"Ä€😀\u2028\x85",1,1,1,1').encode(), ["Ä€😀\u2028\x85"]),
        (sheet("  Mug ,1,1,1,1").encode(), ["  Mug "]),
        (sheet("Mug,1,1,1,1", names=" title , category,brand ,cost_price,selling_price").encode(), ["Mug"]),
        (
            sheet('"Mug","1","1","1","1"', names='"title","category","brand","cost_price","selling_price"').encode(),
            ["Mug"],
        ),
        (sheet("Mug,1,1,1,1,x,y,99,z", names=f"{NAMES},colour,id,line,actor").encode(), ["Mug"]),
        (sheet(f"{ROW},,", names=f"{NAMES},,").encode(), ["Mug"]),
    ],
    ids=[
        "bom",
        "crlf",
        "cr",
        "no-end",
        "empty-lines",
        "quoted",
        "unicode",
        "spaces",
        "names",
        "all-quoted",
        "unknown",
        "empty-columns",
    ],
)
def test_what_csv_may_look_like(shop: httpx.Client, database: Database, content: bytes, found: list[str]) -> None:
    assert_imported(send(shop, content), len(found))
    assert titles(database) == found
    assert database.rows("select distinct actor from store.movement") == []


def test_lines_have_the_numbers_of_the_file(shared: Shared) -> None:
    text = "\r\n".join(
        [
            "",  # 1
            NAMES,  # 2
            ROW,  # 3
            "",  # 4
            '"a\r\nb\nc",1,1,1,1',  # 5 to 7
            ",1,1,1,1",  # 8
            '"a\r\nb",x,1,1,1',  # 9 and 10
            "a,1,1,1,-1",  # 11
        ]
    )
    answer = send(shared.admin, text)
    assert_lines(
        answer,
        {
            8: {"title": REQUIRED},
            9: {"category": ["Incorrect type. Expected pk value, received str."]},
            11: {"selling_price": ["Ensure this value is greater than or equal to 0."]},
        },
    )


def test_more_cells_than_names(shared: Shared) -> None:
    answer = send(shared.admin, sheet(ROW, f"{ROW},", ROW))
    assert_lines(answer, {3: {"non_field_errors": ["The line has 6 cells, the first line 5."]}})


def test_fewer_cells_than_names(shared: Shared) -> None:
    """As the last line of a file that was cut off has: what is missing must not pass for what was left out."""
    answer = send(shared.admin, sheet(f"{ROW},7", ROW, names=f"{NAMES},quantity"))
    assert_lines(answer, {3: {"non_field_errors": ["The line has 5 cells, the first line 6."]}})


@pytest.mark.parametrize(
    "bad", ['"Mug', '"Mug"x,1,1,1,1', '"Mug,1,1,1,1\n' + f"{ROW}\n" * 3], ids=["open", "behind", "open-to-the-end"]
)
def test_a_broken_quote_ends_the_reading(shared: Shared, bad: str) -> None:
    answer = send(shared.admin, sheet(ROW, ",1,1,1,1", bad))
    lines = answer.json()["lines"]
    assert list(lines) == ["3", "4"]
    assert lines["4"]["non_field_errors"][0].startswith("CSV parse error - ")
    assert_lines(answer, {int(number): lists for number, lists in lines.items()})


@pytest.mark.parametrize(
    "names",
    ["category,brand", f"{NAMES},title", f"{NAMES},colour,colour", "Title,category", ROW, "title;category", '"'],
)
def test_names_that_are_none(shared: Shared, names: str) -> None:
    answer = send(shared.admin, sheet(ROW, names=names))
    if names == '"':
        assert list(answer.json()["lines"]) == ["1"]
    else:
        assert_refused(answer, 400, "INVALID_JSON")


# JSON lines


@pytest.mark.parametrize("media_type", files.JSON_TYPES)
def test_import_json_lines(shop: httpx.Client, database: Database, media_type: str) -> None:
    lines = [
        LINE,
        "",
        "  \t",
        LINE.replace("Mug", "Ä€\\ud83d\\ude00")
        .replace("2.50", '"2.50"')
        .replace("}", ', "colour": [{}], "sku": null}'),
        LINE.replace("2.50", "99999999999999999999.99").replace("4.99", "1e2").replace("}", ', "quantity": 5.0}'),
    ]
    assert_imported(send(shop, "\ufeff" + "\r\n".join(lines), media_type), 3)
    assert titles(database) == ["Mug", "Ä€😀", "Mug"]
    assert database.rows("select cost_price, retail_price from store.product order by id")[2] == (
        Decimal("99999999999999999999.99"),
        Decimal(100),
    )


@pytest.mark.parametrize(
    ("bad", "errors"),
    [
        ("{", None),
        (LINE.replace("2.50", "NaN"), None),
        (LINE.replace("2.50", "-Infinity"), None),
        (LINE + LINE, None),
        ("[" * 100_000, None),
        (LINE.replace("2.50", "1e99999999999999999999"), None),
        ("\x00", None),
        (LINE.replace("Mug", "\t"), None),
        ("5", {"non_field_errors": ["Invalid data. Expected a dictionary, but got int."]}),
        ("[]", {"non_field_errors": ["Invalid data. Expected a dictionary, but got list."]}),
        ('"x"', {"non_field_errors": ["Invalid data. Expected a dictionary, but got str."]}),
        ("null", {"non_field_errors": ["This field may not be null."]}),
        ("{}", dict.fromkeys(NAMES.split(","), REQUIRED)),
        (LINE.replace("2.50", "2.505"), {"cost_price": ["Ensure that there are no more than 2 decimal places."]}),
        (LINE.replace("2.50", "1e999999999"), {"cost_price": None}),
        (LINE.replace("2.50", "true"), {"cost_price": ["A valid number is required."]}),
        (LINE.replace("2.50", "null"), {"cost_price": ["This field may not be null."]}),
        (LINE.replace('"Mug"', "[" * 500 + "]" * 500), {"title": ["Not a valid string."]}),
        (LINE.replace("Mug", "\\ud800"), {"title": None}),
        (LINE.replace("Mug", "\\u0000"), {"title": ["Null characters are not allowed."]}),
        (LINE.replace("Mug", " "), {"title": ["This field may not be blank."]}),
        (LINE.replace("Mug", "x" * 256), {"title": ["Ensure this field has no more than 255 characters."]}),
        (LINE.replace("}", ', "quantity": 1.5}'), {"quantity": ["A valid integer is required."]}),
        (LINE.replace("}", ', "quantity": 1000000000}'), {"quantity": None}),
        (LINE.replace("}", ', "sku": " a"}'), {"sku": None}),
    ],
)
def test_what_is_wrong_with_a_json_line(shared: Shared, bad: str, errors: dict[str, list[str] | None] | None) -> None:
    answer = send(shared.admin, f"{LINE}\n\n{bad}\n{LINE}", NDJSON)
    lists = answer.json()["lines"]["3"]
    assert_lines(answer, {3: lists})
    if errors is None:
        assert lists.keys() == {"non_field_errors"}
        assert re.fullmatch(r"JSON parse error - [^%]+", lists["non_field_errors"][0])
    else:
        assert lists.keys() == errors.keys()
        assert all(wanted in (None, lists[field]) for field, wanted in errors.items())


# Errors by line


def test_what_the_database_refuses_is_told_by_the_lines_of_the_file(
    shop: httpx.Client, database: Database, unchanged: Unchanged
) -> None:
    database.product("taken")
    names = f"{NAMES},sku"
    rows = [f"{ROW},a", "", f"{ROW},taken", f"{ROW},a", "Mug,9,8,1,1,"]
    with unchanged():
        answer = send(shop, sheet(*rows, names=names))
    duplicate = {"sku": ["product with this sku already exists."]}
    unknown = {f: [f'Invalid pk "{n}" - object does not exist.'] for f, n in (("category", 9), ("brand", 8))}
    assert_lines(answer, {4: duplicate, 5: duplicate, 6: unknown})


def test_no_more_than_a_thousand_lines_are_told(shop: httpx.Client, unchanged: Unchanged) -> None:
    errors = ({"title": REQUIRED}, {"category": ['Invalid pk "9" - object does not exist.']})
    with unchanged():
        answers = [send(shop, sheet(*[row] * 1500)) for row in (",1,1,1,1", "Mug,9,1,1,1")]
    for answer, error in zip(answers, errors, strict=True):
        assert_lines(answer, dict.fromkeys(range(2, 1002), error))


# What is no file


@pytest.mark.parametrize(
    "media_type", ["", "application/json", "text/plain", "text/csvx", "multipart/form-data; boundary=x", "x"]
)
def test_another_media_type(shared: Shared, media_type: str) -> None:
    assert_refused(send(shared.admin, sheet(ROW), media_type), 415, "UNSUPPORTED_MEDIA_TYPE")


@pytest.mark.parametrize("parameters", ["; charset=utf-8", ";charset=UTF-8; header=present", "; header=present"])
def test_parameters_of_the_media_type(shop: httpx.Client, parameters: str) -> None:
    assert_imported(send(shop, sheet(ROW).encode(), f"Text/CSV{parameters}"), 1)


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1", "utf-32"])
def test_what_is_not_utf_8(shared: Shared, encoding: str) -> None:
    for media_type, text in ((CSV, sheet(ROW.replace("Mug", "Tüte"))), (NDJSON, LINE.replace("Mug", "Tüte"))):
        answer = send(shared.admin, text.encode(encoding), f"{media_type}; charset={encoding}")
        assert assert_refused(answer, 400, "INVALID_JSON") == "The file is not UTF-8."


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xef\xbb\xbf", f"{NAMES}\n".encode(), b" \r\n"])
def test_a_file_without_a_line(shared: Shared, content: bytes) -> None:
    kinds = [CSV] if content.startswith(b"title") else [NDJSON] if content == b" \r\n" else [CSV, NDJSON]
    for media_type in kinds:
        answer = send(shared.admin, content, media_type)
        assert assert_refused(answer, 400, "INVALID_JSON") == "The file has no lines."


def test_nul_in_csv(shared: Shared) -> None:
    answer = send(shared.admin, sheet(ROW, "a\x00b,1,1,1,1"))
    assert_lines(answer, {3: {"title": ["Null characters are not allowed."]}})


@pytest.mark.parametrize("is_chunked", [False, True])
def test_a_file_that_is_too_large(
    shop: httpx.Client, monkeypatch: pytest.MonkeyPatch, unchanged: Unchanged, is_chunked: bool
) -> None:
    content = sheet(*[ROW] * 50).encode()
    monkeypatch.setattr(files, "MAXIMUM_FILE", len(content) - 1)
    body: Any = (content[place : place + 100] for place in range(0, len(content), 100)) if is_chunked else content
    with unchanged():
        assert_refused(send(shop, body), 413, "PAYLOAD_TOO_LARGE")
    monkeypatch.setattr(files, "MAXIMUM_FILE", len(content))
    body = (content[place : place + 100] for place in range(0, len(content), 100)) if is_chunked else content
    assert_imported(send(shop, body), 50)


def test_a_length_that_is_too_large_is_refused_at_once(shop: httpx.Client, server: Server) -> None:
    with socket.create_connection(("127.0.0.1", httpx.URL(server.url).port or 0), PATIENCE) as connection:
        connection.sendall(
            f"POST {IMPORT} HTTP/1.1\r\nHost: x\r\nAuthorization: {shop.headers['Authorization']}\r\n"
            f"Content-Type: text/csv\r\nContent-Length: {files.MAXIMUM_FILE + 1}\r\n\r\ntitle".encode()
        )
        assert connection.recv(100).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("media_type", [CSV, NDJSON])
def test_a_file_of_too_many_lines(
    shop: httpx.Client, monkeypatch: pytest.MonkeyPatch, unchanged: Unchanged, media_type: str
) -> None:
    monkeypatch.setattr(files, "MAXIMUM_LINES", 3)
    good, first = (ROW, f"{NAMES}\n") if media_type == CSV else (LINE, "")
    for last in (good, "x"):
        with unchanged():
            answer = send(shop, first + "\n\n".join([good, good, good, last]), media_type)
        assert_refused(answer, 413, "PAYLOAD_TOO_LARGE")
    assert_imported(send(shop, first + f"{good}\n\n" * 3, media_type), 3)


def test_a_file_of_more_than_a_mebibyte(shop: httpx.Client, database: Database) -> None:
    rows = [f"Mug,1,1,1,1,{'x' * 10_000}"] * 120
    assert_imported(send(shop, sheet(*rows, names=f"{NAMES},description")), 120)
    assert database.one("select min(length(description)) from store.product") == 10_000


def test_a_body_that_breaks_off(shop: httpx.Client, server: Server, unchanged: Unchanged) -> None:
    with unchanged():
        with socket.create_connection(("127.0.0.1", httpx.URL(server.url).port or 0), PATIENCE) as connection:
            connection.sendall(
                f"POST {IMPORT} HTTP/1.1\r\nHost: x\r\nAuthorization: {shop.headers['Authorization']}\r\n"
                f"Content-Type: text/csv\r\nContent-Length: 1000\r\n\r\n{sheet(ROW)}".encode()
            )
        in_progress = ("inventory_http_requests_in_progress", ())
        Database.wait_for(lambda: samples(shop)[in_progress] == 1)  # the one that asks


# Idempotency-Key


def test_a_key_gives_the_first_answer_again(shop: httpx.Client, database: Database, unchanged: Unchanged) -> None:
    key = {"Idempotency-Key": "k"}
    first = send(shop, sheet(ROW), **key)
    assert_imported(first, 1)
    assert "Idempotent-Replayed" not in first.headers
    with unchanged():
        for path in (IMPORT, IMPORT.rstrip("/")):
            again = send(shop, sheet(ROW), path=path, **key)
            assert_imported(again, 1)
            assert again.headers["Idempotent-Replayed"] == "true"
        other = send(shop, sheet(ROW, ROW), **key)
        assert_refused(other, 422, "IDEMPOTENCY_KEY_REUSED")
        bad = send(shop, sheet(ROW), **{"Idempotency-Key": "x" * 256})
        assert bad.status_code == 422
    assert titles(database) == ["Mug"]


def test_a_refusal_of_the_database_is_remembered_and_one_of_the_server_is_not(shop: httpx.Client) -> None:
    key = {"Idempotency-Key": "k"}
    invalid = {2: {"title": REQUIRED}}
    for _ in range(2):
        answer = send(shop, sheet(",1,1,1,1"), **key)
        assert_lines(answer, invalid)
        assert "Idempotent-Replayed" not in answer.headers
    text = sheet("Mug,3,1,1,1")
    refused = {2: {"category": ['Invalid pk "3" - object does not exist.']}}
    assert_lines(send(shop, text, **key), refused)
    assert shop.post("/api/v1/categories/", json={"name": "Three"}).json()["id"] == 3
    answer = send(shop, text, **key)
    assert_lines(answer, refused)
    assert answer.headers["Idempotent-Replayed"] == "true"
    assert_imported(send(shop, text, **{"Idempotency-Key": "l"}), 1)


# Who may, and with which method


def test_who_may_import_and_export(shared: Shared) -> None:
    assert_refused(send(shared.public, sheet(ROW)), 401, "NOT_AUTHENTICATED")
    assert_refused(send(shared.client, sheet(ROW)), 401, "NOT_AUTHENTICATED")
    for path in (EXPORT, EXPORT.rstrip("/")):
        assert_refused(shared.client.get(path), 401, "NOT_AUTHENTICATED")
    operator, employee = (shared.server.client(shared.tokens[name]) for name in ("operator", "employee"))
    for client in (operator, employee):
        # Before any look at the body.
        assert_refused(client.post(IMPORT), 403, "PERMISSION_DENIED")
        assert_refused(send(client, "x", "x"), 403, "PERMISSION_DENIED")
    assert_refused(operator.get(EXPORT, params={"format": "xml"}), 403, "PERMISSION_DENIED")
    assert employee.get(EXPORT).text == shared.admin.get(EXPORT).text
    assert shared.server.client("no token").get(EXPORT).json()["error"]["code"] == "TOKEN_NOT_VALID"


@pytest.mark.parametrize("slash", ["", "/"])
def test_methods(shared: Shared, slash: str) -> None:
    for path, allowed, others in (
        (IMPORT, "POST", ("GET", "PUT", "PATCH", "DELETE")),
        (EXPORT, "GET, HEAD", ("POST", "PUT", "PATCH", "DELETE")),
    ):
        for method in others:
            answer = shared.admin.request(method, path.rstrip("/") + slash)
            assert_refused(answer, 405, "METHOD_NOT_ALLOWED")
            assert answer.headers["Allow"] == allowed
    head, get = (shared.admin.request(method, EXPORT.rstrip("/") + slash) for method in ("HEAD", "GET"))
    assert (head.status_code, head.content) == (get.status_code, b"") == (200, b"")
    for name in ("Content-Type", "Content-Disposition"):
        assert head.headers[name] == get.headers[name]


# Export


def exported(client: httpx.Client) -> list[dict[str, Any]]:
    """The products as JSON lines."""
    answer = client.get(EXPORT, params={"format": "ndjson"})
    assert answer.status_code == 200
    assert answer.text.endswith("\n") or not answer.text
    return [exact(line) for line in answer.text.splitlines()]


def cells(client: httpx.Client) -> list[dict[str, str]]:
    """The products as CSV."""
    text = client.get(EXPORT).content.decode()
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


def test_nothing_to_export(shop: httpx.Client) -> None:
    answer = shop.get(EXPORT)
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="products.csv"'
    assert answer.text == (
        "id,sku,sku_id,title,category,category_name,brand,brand_name,description,serie_number,cost_price,selling_price,"
        "quantity,created_at,updated_at\r\n"
    )
    answer = shop.get(EXPORT, params={"format": "ndjson"})
    assert answer.headers["Content-Type"] == "application/x-ndjson; charset=utf-8"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="products.ndjson"'
    assert answer.content == b""


@pytest.mark.parametrize("form", ["xml", "CSV", "json"])
def test_another_format(shared: Shared, form: str) -> None:
    answer = shared.admin.get(EXPORT, params={"format": form})
    assert answer.status_code == 422
    lists = {"format": [f'"{form}" is not a valid choice.']}
    error = {"code": "VALIDATION_ERROR", "message": "The request is not valid.", "details": lists}
    assert answer.json() == lists | {"error": error}


def test_the_products_of_every_api_are_exported(shop: httpx.Client, database: Database) -> None:
    first = database.product("A-1", "1.5", p_price="99.99")
    assert shop.post("/products", json={"sku": "B-1", "name": "Bare"}).status_code == 201
    assert shop.post("/sku", json={"sku_code": "C-1", "name": "C", "quantity": 3, "price": 2}).status_code == 200
    sent = {"sku": "D-1", "name": "D", "description": "", "price": 1.5, "stock": 4}
    assert shop.post("/api/v1/inventory", json=sent).status_code == 201
    assert_imported(send(shop, sheet(f"{ROW},E-1,9", names=f"{NAMES},sku,quantity")), 1)
    shop.post(f"/products/{first}/prices", json={"amount": 1, "price_type": "promo"})
    found = exported(shop)
    assert [(p["sku"], p["quantity"], p["selling_price"], p["cost_price"], p["category_name"]) for p in found] == [
        ("A-1", Decimal("1.5"), "99.99", None, None),
        ("B-1", 0, None, None, None),
        ("C-1", 3, "2.00", None, None),
        ("D-1", 4, "1.50", None, None),
        ("E-1", 9, "4.99", "2.50", "One"),
    ]
    document = shop.get("/openapi.json").json()["paths"][EXPORT]["get"]
    assert document["responses"]["200"]["content"].keys() == {CSV, NDJSON}
    for product in found:
        shown = exact(shop.get(f"/products/{product['id']}").text)["product"]
        assert (product["title"], product["sku_id"]) == (shown["name"], shown["sku_id"])
    assert cells(shop) == [
        {name: "" if value is None else str(value) for name, value in product.items()} for product in found
    ]
    # What is gone is in no export.
    assert shop.delete(f"{PRODUCTS}{found[-1]['id']}/").status_code == 204
    assert [product["sku"] for product in exported(shop)] == ["A-1", "B-1", "C-1", "D-1"]


@pytest.mark.parametrize("count", [4, 5, 6])
def test_an_export_is_read_in_pieces(shop: httpx.Client, monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    asked: list[int] = []
    products = files._products

    async def counted(service: Any, function: Any, identity: Any, after: int, position: Any) -> Any:
        asked.append(after)
        return await products(service, function, identity, after, position)

    monkeypatch.setattr(files, "EXPORT_LINES", 2)
    monkeypatch.setattr(files, "_products", counted)
    send(shop, sheet(*(f"{number},1,1,1,1" for number in range(count))))
    for found in (exported(shop), cells(shop)):
        assert [product["title"] for product in found] == [str(number) for number in range(count)]
    pieces = [0, 2, 4, 6][: count // 2 + 1]
    assert asked == pieces * 2


def test_more_than_a_thousand_products(shop: httpx.Client) -> None:
    assert_imported(send(shop, sheet(*(f"{number},1,1,1,1" for number in range(2345)))), 2345)
    for found in (exported(shop), cells(shop)):
        assert [product["title"] for product in found] == [str(number) for number in range(2345)]
    assert shop.get(EXPORT).headers["Transfer-Encoding"] == "chunked"


STRANGE = [
    'a "b", c',
    "a\nb\r\nc\rd",
    "Ä€😀\u2028\u0085\x0b",
    " a ",
    "=1+1",
    "'",
    "\\",
    ",",
    '"',
    "'; drop",
    "a\tb",
    "1e5",
]


@pytest.mark.parametrize("form", ["csv", "ndjson"])
def test_an_export_can_be_imported(shop: httpx.Client, other_database: Database, form: str) -> None:
    for number, text in enumerate(STRANGE):
        sent = {"title": text, "category": number % 2 + 1, "brand": 1, "cost_price": "1.05", "selling_price": number}
        more = {"quantity": number, "description": text * 2, "serie_number": text, "sku": f"S {number}ä"}
        assert shop.post(PRODUCTS, json=sent | (more if number % 3 else {})).status_code == 201
    content = shop.get(EXPORT, params={"format": form}).content

    add_catalog(other_database)
    other_database.one("select id from maintenance.create_user('root', 'secret', 'admin')")
    server = Server(other_database.conninfo)
    try:
        client = server.client(server.token("root", "secret"))
        assert_imported(send(client, content, CSV if form == "csv" else NDJSON), len(STRANGE))
        ignored = {"sku_id", "created_at", "updated_at"}
        copies, originals = (
            [{name: value for name, value in p.items() if name not in ignored} for p in exported(each)]
            for each in (client, shop)
        )
        assert copies == originals
        assert [copy["title"] for copy in copies] == STRANGE
        # Codes that came with the file are not given out again.
        answer = client.post(
            PRODUCTS, json={"title": "x", "category": 1, "brand": 1, "cost_price": 1, "selling_price": 1}
        )
        assert answer.status_code == 201
        assert_imported(send(client, sheet(ROW)), 1)
        other_database.verify()
    finally:
        server.close()


@pytest.mark.parametrize(
    "change",
    [
        "revoke execute on function http.export_products from inventory_employee",
        "alter function http.export_products rename to gone",
    ],
)
def test_an_export_that_fails_half_way_is_not_complete(
    shop: httpx.Client,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    change: str,
) -> None:
    products = files._products

    async def failing(service: Any, function: Any, identity: Any, after: int, position: Any) -> Any:
        if after == 4:
            await asyncio.to_thread(database.admin.execute, change.encode())
        return await products(service, function, identity, after, position)

    monkeypatch.setattr(files, "EXPORT_LINES", 2)
    monkeypatch.setattr(files, "_products", failing)
    send(shop, sheet(*[ROW] * 6))
    got = b""
    with pytest.raises(httpx.RemoteProtocolError, match="peer closed"):  # noqa: PT012, SIM117
        with shop.stream("GET", EXPORT, headers={"Accept-Encoding": "identity"}) as answer:
            assert answer.status_code == 200
            for piece in answer.iter_raw():
                got += piece
    assert b"HTTP/1.1" not in got
    assert got.count(b"\n") <= 5
    assert [record.levelname for record in caplog.records if record.name == "server"] == ["WARNING"]
    # At the beginning it is an error like any other; others are not harmed.
    assert shop.get(EXPORT).status_code in (403, 500)
    assert shop.get(PRODUCTS).json()["count"] == 6


@pytest.fixture(autouse=True)
def plain_client(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """The checking of answers reads them whole; where the answer breaks off, there is nothing to check."""
    if "half_way" in request.node.name:
        monkeypatch.setattr("tests.http.conftest.CheckedServer._check", lambda *_: None)


def test_a_client_that_goes_away_does_no_harm(
    shop: httpx.Client, server: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    arrived, gone = threading.Event(), threading.Event()
    products = files._products

    async def waiting(service: Any, function: Any, identity: Any, after: int, position: Any) -> Any:
        if after == 4:
            arrived.set()
            await asyncio.to_thread(gone.wait, PATIENCE)
        return await products(service, function, identity, after, position)

    monkeypatch.setattr(files, "EXPORT_LINES", 1)
    monkeypatch.setattr(files, "_products", waiting)
    send(shop, sheet(*[ROW] * 20))
    with socket.create_connection(("127.0.0.1", httpx.URL(server.url).port or 0), PATIENCE) as connection:
        connection.sendall(
            f"GET {EXPORT} HTTP/1.1\r\nHost: x\r\nAuthorization: {shop.headers['Authorization']}\r\n\r\n".encode()
        )
        assert connection.recv(100).startswith(b"HTTP/1.1 200 ")
        assert arrived.wait(PATIENCE)
    gone.set()
    in_progress = ("inventory_http_requests_in_progress", ())
    Database.wait_for(lambda: samples(shop)[in_progress] == 1)  # the one that asks
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
    monkeypatch.setattr(files, "_products", products)
    assert len(exported(shop)) == 20


# The queue of calls that take long


def test_imports_do_not_keep_other_writes_waiting(
    shop: httpx.Client, server: Server, database: Database, in_thread: Any
) -> None:
    """Imports that wait for a lock have connections of their own, and no more than those."""
    labels = (("queue", pgclient.LONG), ("role", "inventory_admin"))
    with database.admin.transaction():
        database.admin.execute("lock table store.price in exclusive mode")
        waiting = [
            in_thread(lambda: send(server.client(shop.headers["Authorization"][7:]), sheet(ROW))) for _ in range(4)
        ]
        Database.wait_for(lambda: samples(shop).get(("inventory_db_connections", labels)) == pgclient.FEW_CONNECTIONS)
        assert shop.post("/api/v1/brands/", json={"name": "Three"}).status_code == 201
        assert shop.get(PRODUCTS).status_code == 200
    for each in waiting:
        assert_imported(each.result(), 1)


def test_one_file_is_parsed_at_a_time(
    shop: httpx.Client, server: Server, monkeypatch: pytest.MonkeyPatch, in_thread: Any
) -> None:
    """Its lines take ten times as much memory as the file."""
    parse, parsing, go_on = files.check_lines, threading.Semaphore(0), threading.Event()

    def check_lines(*arguments: Any) -> Any:
        parsing.release()
        go_on.wait(PATIENCE)
        return parse(*arguments)

    monkeypatch.setattr(files, "check_lines", check_lines)
    token = shop.headers["Authorization"][7:]
    first, second = (in_thread(lambda: send(server.client(token), sheet(ROW))) for _ in range(2))
    assert parsing.acquire(timeout=PATIENCE)
    Database.wait_for(lambda: samples(shop)["inventory_http_requests_in_progress", ()] >= 2)
    assert not parsing.acquire(timeout=0.2)
    go_on.set()
    for each in (first, second):
        assert_imported(each.result(), 1)


# Rate limits


def test_an_import_is_a_write_and_an_export_a_read(start_server: Start, database: Database) -> None:
    add_catalog(database)
    database.one("select id from maintenance.create_user('root', 'secret', 'admin')")
    server = start_server(rate_limit_read="2/minute", rate_limit_write="3/minute")
    client = server.client(server.token("root", "secret"))
    answers = [send(client, sheet(row)) for row in (ROW, ",", "Mug,9,1,1,1", ROW)]
    assert [answer.status_code for answer in answers] == [201, 400, 422, 429]
    assert [answer.headers["RateLimit-Remaining"] for answer in answers] == [*"2100"]
    assert answers[0].headers["RateLimit-Policy"] == '"write";q=3;w=60'
    assert answers[-1].headers["Retry-After"]
    assert assert_refused(answers[-1], 429, "RATE_LIMITED").startswith("Request was throttled.")
    answers = [client.get(EXPORT), client.head(EXPORT), client.get(EXPORT)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert [answer.headers["RateLimit-Remaining"] for answer in answers] == [*"100"]
    assert answers[0].headers["RateLimit-Policy"] == '"read";q=2;w=60'


# The document


def test_the_document_describes_both(shared: Shared) -> None:
    paths = shared.client.get("/openapi.json").json()["paths"]
    post, get = paths[IMPORT]["post"], paths[EXPORT]["get"]
    assert post["requestBody"]["required"]
    assert post["requestBody"]["content"].keys() == get["responses"]["200"]["content"].keys() == {CSV, NDJSON}
    assert post["responses"].keys() >= {"201", "400", "401", "403", "409", "413", "415", "422", "429", "503"}
    assert "LINES_REJECTED" in post["responses"]["422"]["description"]
    assert post["parameters"] == [{"$ref": "#/components/parameters/IdempotencyKey"}]
    (form,) = get["parameters"]
    assert (form["name"], form["schema"]["enum"], form["required"]) == ("format", ["csv", "ndjson"], False)
    assert get["responses"].keys() >= {"200", "401", "403", "422", "429", "503"}
    assert post["security"] == get["security"] == [{"bearer": []}]
