"""Codes and keys are in order of their code points, and a search ignores case, whatever the database's locale is."""

# ruff: noqa: RUF001 - letters of other scripts

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.conftest import Database, new_database, prepare

# The cluster's own locale, that of all other tests, is C.UTF-8. Turkish has its own order, and its own lower case of I.
LOCALES = {"C": "locale 'C'", "tr": "locale_provider icu icu_locale 'tr-TR'"}
CODES = ("-1", "0", "A-1", "A1", "B", "Z", "_", "a", "a1", "b", "z")
# A text, and what finds it.
FOUND = (
    ("Title INDIGO", ("title", "indıgo", "İNDİGO")),
    ("ISPARTA ısı", ("ısparta", "isparta", "ISI")),
    ("Éclair au café", ("éclair", "ÉCLAIR", "CAFÉ")),
    ("ÄPFEL über", ("äpfel", "ÜBER", "ä")),
    ("БОРЩ горячий", ("борщ", "ГОРЯЧИЙ", "борщ горячий")),
    ("ΟΔΟΣΑ οδος", ("οδοσα", "ΟΔΟΣ", "οδος", "οδοσ")),
    ("ＷＩＤＥ", ("ｗｉｄｅ",)),
)


@pytest.fixture(params=LOCALES, scope="module")
def localized(request: pytest.FixtureRequest) -> Iterator[Database]:
    """A database of another locale, with a product, a supplier, a brand and a category of each text."""
    with new_database("template0", locale=LOCALES[request.param]) as conninfo:
        prepare(conninfo)
        database = Database(conninfo)
        for text, _ in FOUND:
            database.product(text.replace(" ", "_"), p_name=text)
            for what in ("brand", "category", "supplier"):
                database.one(f"select id from inventory.create_{what}(%s)", text)
        database.admin.execute("analyze")
        yield database
        database.close()


def answer(database: Database, call: str, *parameters: Any) -> Any:
    """What a function of the schema http returns, in a new session of the admin."""
    connection = database.connect("inventory_admin")
    row = connection.execute(f"select http.{call}".encode(), parameters or None).fetchone()
    return row and row[0]


# The order of codes


def test_every_column_of_codes_or_keys_is_in_order_of_code_points(localized: Database) -> None:
    names = ["sku", "code", "caller", "key", "username", "email", "from_location", "to_location"]
    found = localized.rows(
        "select a.attname, a.attcollation = '\"C\"'::regcollation, count(*)"
        " from pg_class as c inner join pg_attribute as a on a.attrelid = c.oid"
        " where c.relnamespace = any('{store,report}'::regnamespace[]) and c.relkind in ('r', 'p', 'v')"
        " and a.attcollation <> 0 and a.attname = any(%s) and c.relname !~ 'yoyo' group by 1, 2",
        names,
    )
    assert sorted((name, is_right) for name, is_right, _ in found) == [(name, True) for name in sorted(names)]


def test_lists_by_code_are_in_order_of_code_points(localized: Database) -> None:
    for code in reversed(CODES):
        localized.product(code, 1)
        answer(localized, "place_order('Add', %s, 1, p_to_location => 'RACK-B1-01')", code)
    answer(localized, "place_order('Add', 'a', 1, p_to_location => 'RACK-A9-99')")

    found: list[str] = []
    while page := answer(localized, "get_location_stock('RACK-B1-01', 3, %s)", found[-1] if found else None)["stock"]:
        found += [item["sku"] for item in page]
    assert tuple(found) == CODES

    for ordering, wanted in (("sku", CODES), ("-sku", CODES[::-1])):
        page = answer(localized, "list_catalog_products(p_ordering => %s, p_page_size => '100')", ordering)["results"]
        assert tuple(item["sku"] for item in page if item["sku"] in CODES) == wanted
    assert [item["code"] for item in answer(localized, "list_locations()")["locations"]] == ["RACK-A9-99", "RACK-B1-01"]
    after = answer(localized, "list_locations(p_after => 'RACK-A9-99')")["locations"]
    assert [item["code"] for item in after] == ["RACK-B1-01"]

    count = answer(localized, "start_count('RACK-B1-01')")["count"]["id"]
    for code in CODES:
        localized.one("select (inventory.record_count_line(%s, %s, 1)).count_id", count, code)
    assert tuple(line["sku"] for line in answer(localized, "get_count(%s)", count)["count"]["lines"]) == CODES

    reported = localized.rows("select sku from report.location_stock where location = 'RACK-B1-01' order by sku")
    assert tuple(sku for (sku,) in reported) == CODES
    localized.verify()


# The case of letters


def test_names_of_users_and_addresses_are_ascii_and_ignore_case(localized: Database) -> None:
    """The lower case of I is i, in Turkish too."""
    localized.one("select maintenance.create_user('LISI', 'a secret', 'admin')")
    with pytest.raises(psycopg.Error) as caught:
        localized.one("select maintenance.create_user('lisi', 'a secret', 'admin')")
    assert caught.value.sqlstate == "IV017"  # DUPLICATE_USERNAME
    assert localized.one("select (inventory.authenticate('lisi', 'a secret')).username") == "LISI"
    localized.one("select maintenance.disable_user('LiSi')")
    assert localized.one("select is_active from store.user_account where username = 'LISI'") is False

    create = "select id from inventory.create_supplier('No name', '1', p_email => %s)"
    localized.one(create, "INFO@SHOP.example")
    with pytest.raises(psycopg.Error) as caught:
        localized.one(create, "info@shop.EXAMPLE")
    assert caught.value.sqlstate == "IV027"  # DUPLICATE_SUPPLIER_EMAIL


@pytest.mark.parametrize("setting", ["enable_seqscan", "enable_bitmapscan"])
def test_a_search_ignores_the_case_of_every_script(localized: Database, setting: str) -> None:
    """With the trigram indexes and without them."""
    admin = localized.connect("inventory_admin")
    admin.execute(f"set {setting} = off".encode())

    def found(call: str, term: str) -> list[str]:
        row = admin.execute(f"select http.{call}".encode(), [term]).fetchone()
        assert row is not None
        return [text for text, _ in FOUND if text in str(row[0])]

    for call in (
        "list_brands(p_search => %s)",
        "list_categories(p_search => %s)",
        "list_catalog_suppliers(p_search => %s)",
        "list_catalog_products(p_search => %s)",
        "list_products(p_q => %s)",
        "list_inventory(p_q => %s)",
    ):
        for text, terms in FOUND:
            for term in terms:
                assert found(call, term) == [text], (call, term)
        for term in ("%", "caf_", "eclair", "\\"):
            assert found(call, term) == [], (call, term)
    # The SKU codes are the same texts with _ in place of the space.
    for call in ("list_products(p_q => %s)", "list_inventory(p_q => %s)"):
        for text, term in (("Éclair au café", "AU_CAFÉ"), ("ΟΔΟΣΑ οδος", "α_οδοσ"), ("БОРЩ горячий", "Щ_Г")):
            assert found(call, term) == [text], (call, term)


# The indexes


def test_searches_and_look_ups_use_their_indexes(localized: Database) -> None:
    session = localized.connect()
    session.execute("set enable_seqscan = off; set enable_indexonlyscan = off")
    (of_product,) = session.execute("select http.contains_condition('caf')").fetchone() or ()
    (of_supplier,) = session.execute("select http.search_condition('caf', 't.name')").fetchone() or ()
    for index, condition in (
        ("product_search_idx", f"store.product as p where true {of_product}"),
        ("supplier_search_idx", f"store.supplier as t where true {of_supplier}"),
        ("product_sku_key", "store.product where sku = $1::inventory.sku_code"),
        ("product_sku_key", "store.product where sku > $1::inventory.search_text order by sku"),
        ("location_code_key", "store.location where code = $1::inventory.location_code"),
        ("location_code_key", "store.location where code > $1::inventory.location_code order by code"),
        ("art_operation_sku_idx", "store.art_operation where sku = $1::inventory.search_text"),
        ("art_operation_from_idx", "store.art_operation where from_location = $1::inventory.location_code"),
        ("art_operation_to_idx", "store.art_operation where to_location = $1::inventory.location_code"),
        ("idempotency_key_pkey", "store.idempotency_key where caller = $1::text and key = $1::text"),
        ("user_account_username_key", """store.user_account where lower(username) = lower($1::text collate "C")"""),
        ("supplier_email_key", """store.supplier where lower(email) = lower($1::text collate "C")"""),
    ):
        query = f"explain select from {condition}".replace("$1", "'RACK-A1-01'")
        plan = "\n".join(line for (line,) in session.execute(query.encode()))
        assert f" {index} " in plan, plan
        assert "Sort" not in plan, plan
