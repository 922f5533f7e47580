"""What makes good clients of docs/openapi.json: names, one type a value, examples. `make test-clients` makes them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from server.app import SPECIFICATION
from server.http.routes import ROUTES
from server.http.service import POSITION_HEADER as HEADER
from tests.http.document import METHODS, Document, exact
from tools.openapi.names import operation_id

DOCUMENT = Document(exact(SPECIFICATION.read_text()))
JSON = "application/json"
# Names of methods that a language of the usual generators does not take.
RESERVED = {"delete", "import", "export", "default", "return", "new", "class", "print", "in", "is", "for", "from"}
# What clients pass on, and so must be able to name.
WANTED = {
    *("ArtOrder", "Block", "Brand", "Category", "Inventory", "Movement", "Price", "Product", "Purchase", "Sale", "Sku"),
    *("Supplier", "Unit", "User", "Webhook", "CreateSkuRequest", "PriceType", "UserRole", "WebhookEvent"),
    *("SkuError", "Problem", "ArtError", "CatalogError"),
}

Operation = dict[str, Any]


def operations() -> Iterator[tuple[str, Operation]]:
    for item in DOCUMENT.document["paths"].values():
        for method in METHODS:
            if method in item:
                yield item[method]["operationId"], item[method]


def schemas(node: Any, place: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema below a node, with its place."""
    if isinstance(node, list):
        for number, each in enumerate(node):
            yield from schemas(each, f"{place}/{number}")
    elif isinstance(node, dict):
        if "type" in node or "anyOf" in node or "$ref" in node:
            yield place, node
        for key, each in node.items():
            if key not in ("example", "examples", "enum"):
                yield from schemas(each, f"{place}/{key}")


def requests() -> Iterator[tuple[str, dict[str, Any]]]:
    """The media types of the bodies that are JSON, by operation."""
    for name, operation in operations():
        content = operation.get("requestBody", {}).get("content", {})
        if JSON in content:
            yield name, content[JSON]


def answers() -> Iterator[tuple[str, dict[str, Any]]]:
    """The media types of the answers that are JSON, by operation and status."""
    for name, operation in operations():
        for status, answer in operation["responses"].items():
            for kind, media in answer.get("content", {}).items():
                if kind.endswith("json") and "ndjson" not in kind:
                    yield f"{name} {status}", media


def examples(media: dict[str, Any]) -> list[Any]:
    return [media["example"]] if "example" in media else [each["value"] for each in media.get("examples", {}).values()]


def test_a_tag_is_a_name_in_every_language() -> None:
    declared = {tag["name"]: tag["description"] for tag in DOCUMENT.document["tags"]}
    used = {tag for _, operation in operations() for tag in operation["tags"]}
    assert declared.keys() == used
    assert all(declared.values())
    assert all(re.fullmatch(r"[A-Z][A-Za-z]*( [a-z]+)*", name) for name in declared)


def test_an_operation_is_a_method_in_every_language() -> None:
    names = [name for name, _ in operations()]
    assert len({name.replace("_", "").lower() for name in names}) == len(names)
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)+", name) for name in names)
    assert not RESERVED & set(names)
    assert all(len(operation["tags"]) == 1 and operation["summary"] for _, operation in operations())
    assert all("Callers: " in operation["description"] or operation["security"] == [] for _, operation in operations())


def test_every_operation_says_who_may_call() -> None:
    public = {name for name, operation in operations() if operation["security"] == []}
    assert public >= {"obtain_token", "list_products", "get_active_price"}
    for name, operation in operations():
        assert operation["security"] in ([], [{"bearer": []}], [{"bearer": []}, {}]), name
        assert {"401", "403"} <= operation["responses"].keys() or operation["security"] == [], name


def test_a_schema_has_a_name_and_is_used() -> None:
    components = DOCUMENT.document["components"]["schemas"]
    assert all(re.fullmatch(r"([A-Z][a-z]+)+", name) for name in components)
    assert len({name.lower() for name in components}) == len(components)
    used = {schema["$ref"] for _, schema in schemas(DOCUMENT.document) if "$ref" in schema}
    assert {f"#/components/schemas/{name}" for name in components} == {name for name in used if "/schemas/" in name}
    assert components.keys() >= WANTED


def test_a_schema_is_not_named_as_one_of_its_fields() -> None:
    """Some generators name a variable as the schema, beside those that they name as the fields."""
    for name, schema in DOCUMENT.document["components"]["schemas"].items():
        assert name.lower() not in {field.replace("_", "").lower() for field in schema.get("properties", ())}


def test_what_has_no_name_takes_no_schemas_name() -> None:
    """openapi-generator names what has no name by where it stands: ArtError.detail would become ArtErrorDetail."""
    components = DOCUMENT.document["components"]["schemas"]
    derived = {
        f"{name}{field}".replace("_", "").lower()
        for name, schema in components.items()
        for field, described in schema.get("properties", {}).items()
        if described.keys() & {"anyOf", "enum", "properties", "additionalProperties"}
    }
    assert derived
    assert not derived & {name.lower() for name in components}


def test_an_object_stands_under_its_name_alone() -> None:
    for place, schema in schemas(DOCUMENT.document):
        if "properties" in schema and not place.startswith("/components/schemas/CatalogErrorInfo/"):
            assert re.fullmatch(r"/components/schemas/\w+", place), place
    for name, media in requests():
        assert media["schema"].keys() == {"$ref"}, name
    for name, media in answers():
        schema = media["schema"]
        assert schema.get("items", schema).keys() == {"$ref"}, name


def test_a_parameter_has_one_type_and_a_meaning() -> None:
    for name, operation in operations():
        for parameter in DOCUMENT.parameters(operation):
            schema = parameter["schema"]
            schema = DOCUMENT.resolve(schema["$ref"]) if "$ref" in schema else schema
            assert isinstance(schema["type"], str), (name, parameter)
            assert schema["type"] != "null"
            assert parameter["description"].endswith("."), (name, parameter)
            if parameter["name"] in ("page", "per_page", "page_size", "limit"):
                assert (schema["type"], schema["minimum"]) == ("integer", 1), name


def test_a_field_of_a_request_has_one_type() -> None:
    for name, media in requests():
        for field, described in DOCUMENT.resolve(media["schema"]["$ref"])["properties"].items():
            schema = DOCUMENT.resolve(described["$ref"]) if "$ref" in described else described
            assert isinstance(schema["type"], str), (name, field)
            assert schema["description"], (name, field)


def test_a_number_says_how_large_it_may_be() -> None:
    for place, schema in schemas(DOCUMENT.document):
        kinds = {schema.get("type")} if isinstance(schema.get("type"), str) else set(schema.get("type", ()))
        if kinds & {"integer", "number"}:
            formats = {"integer": ("int32", "int64"), "number": ("double",)}[(kinds - {"null"}).pop()]
            assert schema.get("format") in formats, place


@pytest.mark.parametrize("medias", [requests, answers], ids=["requests", "answers"])
def test_every_example_is_valid(medias: Any) -> None:
    count = 0
    for name, media in medias():
        for example in examples(media):
            assert DOCUMENT.violations(example, media["schema"]) == [], name
            count += 1
    assert count > 40


def test_every_body_has_an_example() -> None:
    for name, media in [*requests(), *answers()]:
        if name.rpartition(" ")[2] < "4" or " " not in name:
            assert examples(media), name
    for name, operation in operations():
        for parameter in DOCUMENT.parameters(operation):
            assert parameter["in"] != "path" or "example" in parameter, name
            if "example" in parameter:
                assert DOCUMENT.violations(parameter["example"], parameter["schema"]) == [], name


def test_an_answer_to_try_again_says_when() -> None:
    for name, operation in operations():
        for status in ("429", "503"):
            assert "Retry-After" in operation["responses"][status]["headers"], name


def test_a_read_takes_the_position_that_an_answer_has() -> None:
    described = dict(operations())
    for route in ROUTES:
        operation = described[operation_id(route)]
        assert HEADER in operation["responses"][str(route.status)]["headers"], route
        taken = [parameter["name"] for parameter in DOCUMENT.parameters(operation) if parameter["in"] == "header"]
        assert (HEADER in taken) == (route.method == "GET"), route


def test_the_document_says_where_the_service_is_and_under_which_licence() -> None:
    assert [server["url"] for server in DOCUMENT.document["servers"]] == ["/", "http://127.0.0.1:8000"]
    assert DOCUMENT.document["info"]["license"]["identifier"] == "MIT"
    assert (SPECIFICATION.parent.parent / "LICENSE").read_text().startswith("MIT License")


def test_a_key_that_is_not_described_is_found() -> None:
    brand = {"$ref": "#/components/schemas/Brand"}
    example = DOCUMENT.document["paths"]["/api/v1/brands/{id}/"]["get"]["responses"]["200"]["content"][JSON]["example"]
    assert DOCUMENT.violations(example, brand) == []
    assert DOCUMENT.violations(example | {"logo": "x"}, brand) == ["$: logo is not described"]
