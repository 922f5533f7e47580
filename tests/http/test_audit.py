"""What is changed over HTTP is written down as the token's user, beside the login of the role that the user has."""

from __future__ import annotations

import re

import httpx

from tests.conftest import Database, Server
from tests.http import catalog

USERS, WEBHOOKS = "/api/v1/users/", "/api/v1/webhooks/"


def test_the_actor_is_the_tokens_user(server: Server, admin: httpx.Client, database: Database) -> None:
    brand, category, supplier = catalog.brand(admin), catalog.category(admin), catalog.supplier(admin)
    product = int(catalog.product(admin, quantity=9)["id"])
    block = database.one("select id from inventory.create_block(%s, 1)", database.product("B-1", 9))
    admin.post(USERS, json={"username": "ann", "password": "secret", "role": "operator"}).raise_for_status()
    webhook = {"url": "https://a.example/", "events": ["stock.low"]}
    path = f"{WEBHOOKS}{admin.post(WEBHOOKS, json=webhook).raise_for_status().json()['id']}/"
    ann = server.client(server.token("ann", "secret"))
    until = (database.one("select expires_at + interval '1 minute' from store.block")).isoformat()
    ann.post(f"/temporary-blocks/{block}/extend", json={"expires_at": until}).raise_for_status()
    for method, url, body in (
        ("PATCH", f"{USERS}2/", {"password": "another"}),
        ("PATCH", f"/inventory/{product}", {"status": "inactive", "reorder_point": 2}),
        ("PATCH", f"{catalog.PRODUCTS}{product}/", {"cost_price": "600.00", "sku": "NEW-1"}),
        ("PATCH", f"{catalog.SUPPLIERS}{supplier}/", {"email": "a@b.example"}),
        ("PATCH", f"{catalog.BRANDS}{brand}/", {"name": "Other"}),
        ("PUT", f"{catalog.CATEGORIES}{category}/", {"name": "Other"}),
        ("PATCH", path, {"enabled": False}),
        ("POST", f"{path}rotate-secret/", {}),
        ("DELETE", path, None),
        ("DELETE", f"{catalog.SUPPLIERS}{supplier}/", None),
        ("DELETE", f"{catalog.BRANDS}{brand}/", None),
        ("DELETE", f"{catalog.CATEGORIES}{category}/", None),
        ("DELETE", f"{catalog.PRODUCTS}{product}/", None),
    ):
        admin.request(method, url, json=body).raise_for_status()
    written = database.rows(
        "select subject, action, actor, written_by from report.audit"
        " where action <> 'create' or subject in ('user', 'webhook') order by audit_id"
    )
    assert database.rows(
        "select distinct subject, actor from report.audit where action = 'create' and product_id = 1"
    ) == [
        ("price", "root"),
        ("product", "root"),
    ]
    by_root = ("root", "inventory_admin")
    assert written == [
        ("user", "create", "postgres", "postgres"),
        ("user", "create", *by_root),
        ("webhook", "create", *by_root),
        ("block", "change", "ann", "inventory_operator"),
        ("user", "change", *by_root),
        ("inventory", "change", *by_root),
        ("product", "change", *by_root),
        ("supplier", "change", *by_root),
        ("brand", "change", *by_root),
        ("category", "change", *by_root),
        ("webhook", "change", *by_root),
        ("webhook", "change", *by_root),
        ("webhook", "delete", *by_root),
        ("supplier", "delete", *by_root),
        ("brand", "delete", *by_root),
        ("category", "delete", *by_root),
        ("product", "delete", *by_root),
    ]


def test_every_function_of_http_hands_on_who_calls(database: Database) -> None:
    """A function that takes an actor is told it, so that none is called in the name of the login alone."""
    functions = database.rows(
        "select p.pronamespace::regnamespace::text, p.proname, p.prosrc, 'p_actor' = any(p.proargnames)"
        " from pg_proc as p where p.pronamespace = any('{http,inventory}'::regnamespace [])"
    )
    takes_actor = {name for schema, name, _, takes in functions if schema == "inventory" and takes}
    takes_actor -= {"line", "record_change"}
    callers = {
        name: (takes, body)
        for schema, name, body, takes in functions
        if schema == "http" and takes_actor & set(re.findall(r"\binventory\.(\w+)\(", body))
    }
    assert len(callers) > 30
    silent = [name for name, (takes, body) in callers.items() if not (takes and body.count("p_actor"))]
    assert sorted(silent) == []
