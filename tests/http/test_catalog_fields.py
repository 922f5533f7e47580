"""Every field of API 5's bodies: what is required, what is taken, and the sentences about what is not."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from decimal import Decimal
from typing import Any

import httpx
import pytest

from tests.conftest import Database
from tests.http.catalog import (
    BRANDS,
    CATEGORIES,
    FLOWS,
    INFLOWS,
    NOT_NULL,
    OUTFLOWS,
    PRODUCTS,
    REQUIRED,
    SUPPLIERS,
    assert_error,
    assert_invalid,
    brand,
    category,
    get,
    new,
    product,
)
from tests.http.conftest import Shared, send
from tests.http.document import exact

Unchanged = Callable[[], AbstractContextManager[None]]

# A good body of each collection, as JSON by field: the ids are the shared world's, in which each of these is 1.
GOOD: dict[str, dict[str, str]] = {
    BRANDS: {"name": '"LG"', "description": '"Korean"'},
    CATEGORIES: {"name": '"Home"', "description": '"Household"'},
    SUPPLIERS: {
        "name": '"Global"',
        "description": '"International"',
        "business_name": '"Global Supplies Ltd."',
        "email": '"sales@global.example"',
        "phone_number": '"+254 700 000 000"',
    },
    PRODUCTS: {
        "title": '"iPhone 15 Pro"',
        "category": "1",
        "brand": "1",
        "description": '"Apple"',
        "serie_number": '"SN-1"',
        "cost_price": '"899.00"',
        "selling_price": '"1199.00"',
        "quantity": "30",
        "sku": '"IP-15"',
    },
    INFLOWS: {"supplier": "1", "product": "1", "quantity": "50", "description": '"Restock"'},
    OUTFLOWS: {"product": "1", "quantity": "10", "description": '"Bulk sale"'},
}
REQUIRED_FIELDS = {
    BRANDS: {"name"},
    CATEGORIES: {"name"},
    SUPPLIERS: {"name"},
    PRODUCTS: {"title", "category", "brand", "cost_price", "selling_price"},
    INFLOWS: {"supplier", "product", "quantity"},
    OUTFLOWS: {"product", "quantity"},
}
OPTIONAL_FIELDS = [
    (path, name) for path, fields in GOOD.items() for name in sorted(fields.keys() - REQUIRED_FIELDS[path])
]
ALL_REQUIRED = [(path, name) for path, names in REQUIRED_FIELDS.items() for name in sorted(names)]
CHANGEABLE = [path for path in GOOD if path not in FLOWS]


def written(fields: dict[str, str]) -> str:
    return "{" + ", ".join(f'"{name}": {value}' for name, value in fields.items()) + "}"


def writes(shared: Shared, path: str) -> list[tuple[str, str]]:
    """How such a body can be sent, where all of its fields are looked at."""
    item = shared.path(f"{path}{{id}}/")
    return [("POST", path), *([] if path in FLOWS else [("PUT", item), ("PATCH", item)])]


# Required or not


@pytest.mark.parametrize(("path", "field"), ALL_REQUIRED)
def test_a_required_field_is_required_but_by_patch(shared: Shared, path: str, field: str) -> None:
    rest = {name: value for name, value in GOOD[path].items() if name != field}
    for method, address in writes(shared, path):
        if method != "PATCH":
            assert_invalid(send(shared.admin, method, address, written(rest)), **{field: REQUIRED})
            assert_invalid(send(shared.admin, method, address, written(rest | {field: "null"})), **{field: NOT_NULL})


@pytest.mark.parametrize("path", GOOD)
def test_all_that_is_missing_is_named_at_once(shared: Shared, path: str) -> None:
    for method, address in writes(shared, path):
        for body in ("", "{}", "null", '{"unknown": 1}'):
            if method != "PATCH":
                answer = send(shared.admin, method, address, body)
                assert_invalid(answer, **dict.fromkeys(REQUIRED_FIELDS[path], REQUIRED))


def test_the_documented_example_of_a_422(shared: Shared) -> None:
    sent = {name: json.loads(value) for name, value in GOOD[PRODUCTS].items() if name != "title"}
    answer = shared.admin.post(PRODUCTS, json=sent | {"selling_price": "1" * 21})
    assert_invalid(
        answer,
        title=REQUIRED,
        selling_price=["Ensure that there are no more than 20 digits before the decimal point."],
    )


@pytest.mark.parametrize("path", CHANGEABLE)
@pytest.mark.parametrize("body", ["", "{}", "null", '{"unknown": 1, "id": 999, "created_at": "2020-01-01T00:00:00Z"}'])
def test_patch_needs_no_field_and_ignores_unknown_ones(admin: httpx.Client, path: str, body: str) -> None:
    made = a_good_one(admin, path)
    answer = send(admin, "PATCH", f"{path}{made['id']}/", body)
    assert answer.status_code == 200
    assert but_time(exact(answer.text)) == but_time(made)
    nulls = written(dict.fromkeys(GOOD[path], "null"))
    answer = send(admin, "PATCH", f"{path}{made['id']}/", nulls)
    assert but_time(exact(answer.text)) == but_time(made)


@pytest.mark.parametrize(("path", "field"), OPTIONAL_FIELDS)
def test_null_for_an_optional_field_is_the_field_left_out(admin: httpx.Client, path: str, field: str) -> None:
    related(admin)
    results = []
    for value in (None, "null"):
        fields = {name: item for name, item in GOOD[path].items() if name != field}
        fields |= {} if value is None else {field: value}
        for name in {"name", "email", "sku"} & fields.keys():
            fields[name] = fields[name].replace('"', f'"x{len(results)}', 1)
        answer = send(admin, "POST", path, written(fields))
        assert answer.status_code == 201, answer.text
        results.append(exact(answer.text))
    default = {"quantity": 0}.get(field)
    if field == "sku":
        assert results[0]["sku"] != results[1]["sku"]
    else:
        assert [made[field] for made in results] == [default, default]


@pytest.mark.parametrize(("path", "field"), [(path, name) for path, name in OPTIONAL_FIELDS if path not in FLOWS])
def test_put_leaves_what_it_does_not_name(admin: httpx.Client, path: str, field: str) -> None:
    made = a_good_one(admin, path)
    rest = {name: value for name, value in GOOD[path].items() if name != field}
    for body in (rest, rest | {field: "null"}):
        answer = send(admin, "PUT", f"{path}{made['id']}/", written(body))
        assert answer.status_code == 200, answer.text
        assert but_time(exact(answer.text)) == but_time(made)


@pytest.mark.parametrize("path", GOOD)
def test_unknown_fields_are_ignored(admin: httpx.Client, path: str) -> None:
    related(admin)
    more = {"id": "999", "created_at": '"2020-01-01T00:00:00Z"', "actor": '"eve"', "url": '"x"', "p_name": '"x"'}
    answer = send(admin, "POST", path, written(GOOD[path] | more))
    assert answer.status_code == 201, answer.text
    assert answer.json()["id"] < 999
    assert answer.json()["created_at"] > "2020-01-02"


def related(client: httpx.Client) -> None:
    """Brand, category, supplier and product 1: the product has 100."""
    client.post(SUPPLIERS, json={"name": "Fresh Farm"})
    sent = {"category": category(client, "First"), "brand": brand(client, "First"), "quantity": 100}
    assert product(client, **sent)["id"] == 1


def a_good_one(client: httpx.Client, path: str) -> Any:
    related(client)
    return new(client, path, **{name: json.loads(value) for name, value in GOOD[path].items()})


def but_time(item: dict[str, Any]) -> dict[str, Any]:
    return item | {"updated_at": None}


# What a value may be

TEXT = [
    ("5", "Not a valid string."),
    ("1.5", "Not a valid string."),
    ("true", "Not a valid string."),
    ("[]", "Not a valid string."),
    ("{}", "Not a valid string."),
    ("1e999999999", "Not a valid string."),
    ('"a\\u0000"', "Null characters are not allowed."),
    ('"\\ud800"', None),
]


def _text(length: int) -> list[tuple[str, str | None]]:
    return [*TEXT, (f'"{"x" * (length + 1)}"', f"Ensure this field has no more than {length} characters.")]


NAME = [*_text(255), ('""', "This field may not be blank."), ('"  "', "This field may not be blank.")]
NO_INTEGER = "A valid integer is required."
INTEGER: list[tuple[str, str | None]] = [
    ("1.5", NO_INTEGER),
    ('"1.5"', NO_INTEGER),
    ("1.0000000000000000001", NO_INTEGER),
    ("true", NO_INTEGER),
    ("false", NO_INTEGER),
    ('""', NO_INTEGER),
    ('" "', NO_INTEGER),
    ('"abc"', NO_INTEGER),
    ('"1_000"', NO_INTEGER),
    ('"\\u0661"', NO_INTEGER),
    ('"1\\u0000"', NO_INTEGER),
    ("[]", NO_INTEGER),
    ("{}", NO_INTEGER),
    ("[1]", NO_INTEGER),
    ("1e999999999", NO_INTEGER),
    ("1e-999999999", NO_INTEGER),
    ("1e40", NO_INTEGER),
    ("1000000000", "Ensure this value is less than or equal to 999999999."),
    ("9" * 25, "Ensure this value is less than or equal to 999999999."),
]
NO_NUMBER = "A valid number is required."
MONEY: list[tuple[str, str | None]] = [
    ('"abc"', NO_NUMBER),
    ('""', NO_NUMBER),
    ('" "', NO_NUMBER),
    ('"1_000"', NO_NUMBER),
    ('"1,5"', NO_NUMBER),
    ('"$5"', NO_NUMBER),
    ('"NaN"', NO_NUMBER),
    ('"Infinity"', NO_NUMBER),
    ('"\\u0661"', NO_NUMBER),
    ("true", NO_NUMBER),
    ("[]", NO_NUMBER),
    ("{}", NO_NUMBER),
    ("-0.01", "Ensure this value is greater than or equal to 0."),
    ("-1", "Ensure this value is greater than or equal to 0."),
    ("1.005", "Ensure that there are no more than 2 decimal places."),
    ('"1.005"', "Ensure that there are no more than 2 decimal places."),
    ("0.001", "Ensure that there are no more than 2 decimal places."),
    ("1e-3", "Ensure that there are no more than 2 decimal places."),
    ("1" * 21, "Ensure that there are no more than 20 digits before the decimal point."),
    (f'"{"1" * 21}"', "Ensure that there are no more than 20 digits before the decimal point."),
    ("1" * 21 + ".5", "Ensure that there are no more than 20 digits before the decimal point."),
    ("1" * 23, "Ensure that there are no more than 22 digits in total."),
    ("1e20", "Ensure that there are no more than 20 digits before the decimal point."),
    ("1e999999999", None),
    ("1e-999999999", None),
    ('"1e99999"', None),
]
PK: list[tuple[str, str | None]] = [
    ('"abc"', "Incorrect type. Expected pk value, received str."),
    ('"1.5"', "Incorrect type. Expected pk value, received str."),
    ("1.5", "Incorrect type. Expected pk value, received float."),
    ("true", "Incorrect type. Expected pk value, received bool."),
    ("[]", "Incorrect type. Expected pk value, received list."),
    ("{}", "Incorrect type. Expected pk value, received dict."),
    ("999", 'Invalid pk "999" - object does not exist.'),
    ('"999"', 'Invalid pk "999" - object does not exist.'),
    ("0", 'Invalid pk "0" - object does not exist.'),
    ("-1", 'Invalid pk "-1" - object does not exist.'),
    ("9223372036854775807", 'Invalid pk "9223372036854775807" - object does not exist.'),
    ("9223372036854775808", 'Invalid pk "9223372036854775808" - object does not exist.'),
    ("9" * 25, f'Invalid pk "{"9" * 25}" - object does not exist.'),
]
EMAIL: list[tuple[str, str | None]] = [
    *((f'"{text}"', "Enter a valid email address.") for text in ("abc", "a@b", "a b@c.example", "@c.example", "a@")),
    ("5", "Not a valid string."),
    ("true", "Not a valid string."),
    (f'"{"x" * 250}@c.example"', None),
]
FIELDS: dict[str, list[tuple[str, str | None]]] = {
    "name": NAME,
    "title": NAME,
    "business_name": NAME,
    "description": _text(10_000),
    "serie_number": _text(255),
    "email": EMAIL,
    "phone_number": [("5", "Not a valid string."), ('"abc"', None), ('""', "This field may not be blank.")],
    "sku": [
        ("5", "Not a valid string."),
        ('""', "This field may not be blank."),
        (f'"{"x" * 65}"', "Ensure this field has no more than 64 characters."),
        ('" a"', None),
        ('"a\\u0007"', None),
        ('"a\\u0000"', None),
    ],
    "category": PK,
    "brand": PK,
    "supplier": PK,
    "product": PK,
    "cost_price": MONEY,
    "selling_price": MONEY,
}


@pytest.mark.parametrize(("path", "field"), [(path, name) for path, fields in GOOD.items() for name in fields])
def test_a_bad_value_is_422_in_djangos_words(shared: Shared, path: str, field: str) -> None:
    bad: list[tuple[str, str | None]] = FIELDS.get(field, [])
    if field == "quantity":
        least = 1 if path in FLOWS else 0
        sentence = f"Ensure this value is greater than or equal to {least}."
        bad = [*INTEGER, ("-1", sentence), ('"-1"', sentence), (str(least - 1), sentence)]
    assert bad
    for value, words in bad:
        for method, address in writes(shared, path):
            answer = send(shared.admin, method, address, written(GOOD[path] | {field: value}))
            code = answer.json().get("error", {}).get("code", "") if "does not exist" in (words or "") else ""
            if code.endswith("_NOT_FOUND"):
                assert code == f"{field.upper()}_NOT_FOUND"
            try:
                assert_invalid(answer, code or "VALIDATION_ERROR", **{field: None if words is None else [words]})
            except AssertionError as error:
                raise AssertionError(f"{method} {field} {value[:30]}: {answer.text}") from error


def test_every_bad_field_is_named_at_once(shared: Shared) -> None:
    sent = {"title": "", "category": "x", "brand": None, "cost_price": "1.005", "quantity": 1.5, "email": 5}
    assert_invalid(
        shared.admin.post(PRODUCTS, json=sent),
        title=["This field may not be blank."],
        category=["Incorrect type. Expected pk value, received str."],
        brand=NOT_NULL,
        cost_price=["Ensure that there are no more than 2 decimal places."],
        selling_price=REQUIRED,
        quantity=[NO_INTEGER],
    )


@pytest.mark.parametrize("path", GOOD)
@pytest.mark.parametrize(
    ("body", "name"), [("[]", "list"), ('"abc"', "str"), ("5", "int"), ("1.5", "float"), ("true", "bool")]
)
def test_a_body_that_is_no_object_is_422(shared: Shared, path: str, body: str, name: str) -> None:
    sentence = f"Invalid data. Expected a dictionary, but got {name}."
    for method, address in writes(shared, path):
        assert_invalid(send(shared.admin, method, address, body), non_field_errors=[sentence])


@pytest.mark.parametrize("path", GOOD)
@pytest.mark.parametrize(
    "body",
    ["{", "abc", '{"a": NaN}', '{"a": Infinity}', b"\xff", "[" * 100_000, '{"a": 01}', '{"a": "\x01"}', '{"a": "\\q"}'],
)
def test_a_body_that_is_no_json_is_400(shared: Shared, path: str, body: str | bytes) -> None:
    for method, address in writes(shared, path):
        answer = assert_error(send(shared.admin, method, address, body), 400, "INVALID_JSON")
        assert re.fullmatch(r"JSON parse error - [^%]+", answer["detail"])


# What is taken, and kept as it was sent


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("0", "0.00"),
        ('"0"', "0.00"),
        ("-0.0", "0.00"),
        ("5", "5.00"),
        ('"5"', "5.00"),
        ("0.1", "0.10"),
        ("99.99", "99.99"),
        ('"99.9"', "99.90"),
        ("1.5e2", "150.00"),
        ('"1e2"', "100.00"),
        ("1.50000", "1.50"),
        ("0.29", "0.29"),
        ("1.15", "1.15"),
        ("90071992547409.93", "90071992547409.93"),
        ("99999999999999999999.99", "99999999999999999999.99"),
        ('"99999999999999999999.99"', "99999999999999999999.99"),
    ],
)
def test_money_is_what_was_sent(admin: httpx.Client, database: Database, sent: str, shown: str) -> None:
    related(admin)
    for field in ("cost_price", "selling_price"):
        fields = GOOD[PRODUCTS] | {field: sent, "quantity": "0", "sku": f'"{field}"'}
        answer = send(admin, "POST", PRODUCTS, written(fields))
        assert answer.status_code == 201, answer.text
        assert answer.json()[field] == shown
        assert get(admin, PRODUCTS, answer.json()["id"])[field] == shown
        for method, body in (("PATCH", {field: sent}), ("PUT", fields)):
            answer = send(admin, method, f"{PRODUCTS}1/", written(body | {"sku": "null"}))
            assert answer.json()[field] == shown, answer.text
    database.verify()


@pytest.mark.parametrize(
    ("sent", "shown"),
    [("0", 0), ('"0"', 0), ("5", 5), ('"5"', 5), ("5.0", 5), ('"5.00"', 5), ("1e2", 100), ("999999999", 999_999_999)],
)
def test_a_quantity_is_whole_units(admin: httpx.Client, database: Database, sent: str, shown: int) -> None:
    related(admin)
    made = send(admin, "POST", PRODUCTS, written(GOOD[PRODUCTS] | {"quantity": sent}))
    assert made.status_code == 201, made.text
    for answer in (
        made,
        send(admin, "PATCH", f"{PRODUCTS}1/", written({"quantity": sent})),
        send(admin, "PUT", f"{PRODUCTS}1/", written(GOOD[PRODUCTS] | {"quantity": sent, "sku": "null"})),
    ):
        assert f'"quantity":{shown},' in answer.text.replace(" ", "")
    assert database.stock(1) == (shown, 0, 0)
    if 0 < shown < 1000:
        flows = [send(admin, "POST", path, written(GOOD[path] | {"quantity": sent})) for path in FLOWS]
        for answer in flows:
            assert f'"quantity":{shown},' in answer.text.replace(" ", "")
    database.verify()


def test_ids_come_as_numbers_or_as_their_strings(admin: httpx.Client, database: Database) -> None:
    related(admin)
    for one in ("1", '"1"', '"01"', "1.0"):
        fields = {"category": one, "brand": one, "sku": "null"}
        answer = send(admin, "POST", PRODUCTS, written(GOOD[PRODUCTS] | fields))
        if one == "1.0":
            sentence = ["Incorrect type. Expected pk value, received float."]
            assert_invalid(answer, category=sentence, brand=sentence)
            continue
        assert (answer.status_code, answer.json()["category"]["id"], answer.json()["brand"]["id"]) == (201, 1, 1)
        answer = send(admin, "POST", INFLOWS, written(GOOD[INFLOWS] | {"supplier": one, "product": one}))
        assert (answer.status_code, answer.json()["supplier"]["id"], answer.json()["product"]["id"]) == (201, 1, 1)
    database.verify()


@pytest.mark.parametrize(
    "text", ["", "  two  words ", "Größe \N{EURO SIGN} \U0001f600", "a\nb\tc", "%_'\"\\;--", "x" * 255]
)
def test_text_is_kept_as_it_was_sent(admin: httpx.Client, text: str) -> None:
    made = new(admin, BRANDS, name=f"n{text}"[:255], description=text)
    assert (made["name"], made["description"]) == (f"n{text}"[:255], text)
    assert get(admin, BRANDS, made["id"]) == made
    fields = {"category": category(admin), "brand": made["id"], "title": f"n{text}"[:255], "serie_number": text}
    made = product(admin, **fields, description=text)
    assert (made["title"], made["serie_number"], made["description"]) == (f"n{text}"[:255], text, text)


def test_a_product_without_a_sku_gets_one(admin: httpx.Client, database: Database) -> None:
    first = product(admin)
    taken = first["sku"]
    assert database.rows("select sku from store.product") == [(taken,)]
    number = int("".join(filter(str.isdigit, taken)))
    coming = taken.replace(str(number), str(number + 1))
    named = product(admin, sku=coming)
    assert named["sku"] == coming
    assert product(admin)["sku"] not in (taken, coming)
    database.verify()


# Names that are one's alone


@pytest.mark.parametrize(
    ("path", "field", "taken", "sentence"),
    [
        (BRANDS, "name", ["LG", "lg", "Lg"], "brand with this name already exists."),
        (CATEGORIES, "name", ["Home", "HOME"], "category with this name already exists."),
        (
            SUPPLIERS,
            "email",
            ["sales@global.example", "SALES@Global.Example"],
            "supplier with this email already exists.",
        ),
        (PRODUCTS, "sku", ["IP-15"], "product with this sku already exists."),
    ],
)
def test_a_duplicate_is_422(
    admin: httpx.Client, unchanged: Unchanged, path: str, field: str, taken: list[str], sentence: str
) -> None:
    a_good_one(admin, path)
    kind = {BRANDS: "BRAND", CATEGORIES: "CATEGORY", SUPPLIERS: "SUPPLIER_EMAIL", PRODUCTS: "SKU"}[path]
    other = {name: json.loads(value) for name, value in GOOD[path].items()} | {field: None}
    if field == "name":
        other["name"] = "Another"
    other_id = new(admin, path, **other)["id"]
    for name in taken:
        with unchanged():
            for method, address in (("POST", path), ("PUT", f"{path}{other_id}/"), ("PATCH", f"{path}{other_id}/")):
                answer = admin.request(method, address, json=other | {field: name})
                assert_invalid(answer, f"DUPLICATE_{kind}", **{field: [sentence]})
    # Its own name is no duplicate, in whatever case.
    answer = admin.patch(f"{path}{other_id - 1}/", json={field: taken[-1]})
    assert (answer.status_code, answer.json()[field]) == (200, taken[-1])


def test_skus_mind_case_and_names_of_suppliers_may_be_two(admin: httpx.Client) -> None:
    related(admin)
    for sku in ("A-1", "a-1"):
        assert product(admin, category=1, brand=1, sku=sku)["sku"] == sku
    for _ in range(2):
        assert new(admin, SUPPLIERS, name="Global")["email"] is None


def test_a_number_with_a_decimal_point_is_no_float(admin: httpx.Client) -> None:
    made = product(admin, cost_price=99.99, selling_price=0.1)
    assert (made["cost_price"], made["selling_price"]) == ("99.99", "0.10")
    assert Decimal(made["cost_price"]) == Decimal("99.99")
