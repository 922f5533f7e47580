"""The worlds, the calls that meet in them, and which pairs there are.

One product: both calls are about product 1. Two products: a call about several takes 1 and 2, the other one 2 and 1; a
call about a single product is a transaction of its own (clients are in autocommit mode), so two of them are made on
different products, A's on 1 and B's on 2. They share what is not a product's: suppliers, places, keys, lists' counts.
"""

from __future__ import annotations

import dataclasses
import itertools
import re
from typing import Any

from tests.interleavings.instrument import Connection, make_state, save_world

# A pair is about what stock moves through. Users, webhooks and their deliveries, and heartbeats of jobs are not.
WATCHED = (
    "stock|block|movement|cost_layer|cost_layer_use|location|location_stock|location_movement|price|price_turn|count"
    "|count_line|inflow|outflow|deleted_flow|purchase|sale|art_operation|product|deleted_product|supplier|brand|category"
    "|unit|idempotency_key|kit_part|sale_part"
)
# Functions that write and that no pair has, and why.
LEFT_OUT = {
    "maintenance.run_batches": "a procedure that commits between calls of functions that the pairs have",
    "maintenance.run_batch": "calls one of the functions that the pairs have",
    "maintenance.run_next_job": "calls one of the functions that the pairs have",
    "maintenance.repair": "needs damage, and tests/sql/test_repair.py has its waits on locks",
    "http.set_stock": "calls inventory.set_stocks",
    "maintenance.continue_feed": "does nothing but after a restore",
}


@dataclasses.dataclass(frozen=True)
class Call:
    """A call as SQL with names of the world in it. ``passes_over``: what it does without where somebody holds it."""

    name: str
    template: str
    passes_over: str = ""  # products or keys

    @property
    def function(self) -> str:
        """The function that is called, with its schema."""
        found = re.search(r"\b((?:inventory|maintenance|http)\.\w+)\(", self.template)
        assert found is not None
        return found[1]

    def query(self, names: dict[str, Any], number: int) -> str | None:
        """The statement of session 1 or 2; None where the world has not what it needs."""
        actor = "ab"[number - 1]
        values = names | {"actor": actor, "by": f"p_actor => '{actor}'", "n": number}
        try:
            return "select r from " + self.template.format(**values) + " as r"
        except KeyError:
            return None


def _calls() -> list[Call]:
    both = "array[row({sku_id}, 1)::inventory.block_line, row({other_sku_id}, 1)::inventory.block_line]"
    order = "row('{}', {}, {}, {}, {}, null, true)::inventory.art_order"

    def orders(kind: str, quantity: int, source: str, target: str) -> str:
        each = [order.format(kind, sku, quantity, source, target) for sku in ("{sku}", "{other_sku}")]
        return f"array[{each[0]}, {each[1]}]"

    def counted(quantity: int) -> str:
        each = [f"row({sku}, {quantity})::inventory.count_found" for sku in ("{sku}", "{other_sku}")]
        return f"array[{each[0]}, {each[1]}]"

    def batch(*calls: str) -> str:
        return "http.batch('[" + ", ".join(calls) + "]')"

    def once(key: str, function: str, arguments: str) -> str:
        return f"http.once('caller', '{key}', 'request', '{function}', '{arguments}')"

    keyed = ', "once": {{"caller": "caller", "key": "shared", "request": "request"}}'

    def batched(function: str, arguments: str, more: str = "") -> str:
        return '{{"function": "' + function + '", "arguments": ' + arguments + more + "}}"

    reserve, other_reserve = (
        '{{"p_id": "{' + product + '}", "p_amount": 3, "p_actor": "{actor}"}}' for product in ("product", "other")
    )
    sell, other_sell = (
        '{{"p_product_id": {' + product + '}, "p_quantity": 3, "p_unit_price": 9, "p_actor": "{actor}"}}'
        for product in ("product", "other")
    )
    texts = {
        "add_stock": "inventory.add_stock({product}, 5, {by})",
        "reserve_stock": "inventory.reserve_stock({product}, 3, {by})",
        "reserve_stock, tag": "inventory.reserve_stock({product}, 3, {by}, p_expected => {tag})",
        "release_stock": "inventory.release_stock({product}, 3, {by})",
        "consume_stock": "inventory.consume_stock({product}, 3, {by})",
        "create_block": "inventory.create_block({product}, 3, {by})",
        "create_block, of the cart": "inventory.create_block({product}, 1, p_owner => 'cart', {by})",
        "create_blocks": f"inventory.create_blocks({both}, {{by}})",
        "set_hold": f"inventory.set_hold('cart', {both}, {{by}})",
        "set_hold, in part": f"inventory.set_hold('cart', {both}, p_allow_partial => true, {{by}})",
        "set_hold, another cart": f"inventory.set_hold('cart {{n}}', {both}, {{by}})",
        "extend_hold": "inventory.extend_hold('cart', inventory.clock() + interval '{n} day', {by})",
        "convert_hold": "inventory.convert_hold('cart', {by})",
        "cancel_hold": "inventory.cancel_hold('cart', {by})",
        "convert_block": "inventory.convert_block({block}, 1, {by})",
        "convert_block, expired": "inventory.convert_block({expired}, {by})",
        "cancel_block": "inventory.cancel_block({block}, {by})",
        "extend_block": "inventory.extend_block({block}, inventory.clock() + interval '{n} day')",
        "extend_block, expired": "inventory.extend_block({expired}, inventory.clock() + interval '{n} day')",
        "record_sale": "inventory.record_sale({product}, 3, 9, {by})",
        "record_sale, last of a layer": "inventory.record_sale({product}, 4, 9, {by})",
        "return_sale": "inventory.return_sale({sale}, {by})",
        "reserve_stock, kit": "inventory.reserve_stock({kit}, 1, {by})",
        "release_stock, kit": "inventory.release_stock({kit}, 1, {by})",
        "consume_stock, kit": "inventory.consume_stock({kit}, 1, {by})",
        "create_block, kit": "inventory.create_block({kit}, 1, {by})",
        "create_blocks, kit": (
            "inventory.create_blocks(array[row({kit_sku_id}, 1)::inventory.block_line,"
            " row({sku_id}, 1)::inventory.block_line], {by})"
        ),
        "convert_block, kit": "inventory.convert_block({kit_block}, {by})",
        "cancel_block, kit": "inventory.cancel_block({kit_block}, {by})",
        "extend_block, kit": "inventory.extend_block({kit_block}, inventory.clock() + interval '{n} day')",
        "record_sale, kit": "inventory.record_sale({kit}, 1, 9, {by})",
        "return_sale, kit": "inventory.return_sale({kit_sale}, 1, {by})",
        "set_kit_parts": "inventory.set_kit_parts({new_kit}, array[row({sku_id}, {n})::inventory.block_line], {by})",
        "set_kit_parts, no more": "inventory.set_kit_parts({new_kit}, '{{}}', {by})",
        "reserve_stock, new kit": "inventory.reserve_stock({new_kit}, 1, {by})",
        "record_purchase": "inventory.record_purchase({product}, {supplier}, 2, 3.333, {by})",
        "record_purchase, unused supplier": "inventory.record_purchase({product}, {unused_supplier}, 2, 3, {by})",
        "record_inflow": "inventory.record_inflow({product}, {supplier}, 2, {by})",
        "record_inflow, unused supplier": "inventory.record_inflow({product}, {unused_supplier}, 2, {by})",
        "record_outflow": "inventory.record_outflow({product}, 3, {by})",
        "delete_inflow": "inventory.delete_inflow({inflow}, {by})",
        "delete_outflow": "inventory.delete_outflow({outflow}, {by})",
        "place_order, add": "inventory.place_order('Add', {sku}, 2, null, 'RACK-A1-01', {by})",
        "place_order, add at a new place": "inventory.place_order('Add', {sku}, 2, null, 'RACK-B1-01', {by})",
        "place_order, remove": "inventory.place_order('Remove', {sku}, 2, 'RACK-A1-01', {by})",
        "place_order, transfer": "inventory.place_order('Transfer', {sku}, 2, 'RACK-A1-01', 'RACK-A1-02', {by})",
        "place_order, transfer to a new place": (
            "inventory.place_order('Transfer', {sku}, 2, 'RACK-A1-01', 'RACK-B1-01', {by})"
        ),
        "place_order, count": "inventory.place_order('Count', {sku}, {n}, null, 'RACK-A1-01', {by})",
        "place_order, adjust": "inventory.place_order('Adjust', {sku}, -2, null, 'RACK-A1-01', {by})",
        "place_orders, add": f"inventory.place_orders({orders('Add', 2, 'null', quoted('RACK-B1-01'))}, {{by}})",
        "place_orders, remove": f"inventory.place_orders({orders('Remove', 2, quoted('RACK-A1-01'), 'null')}, {{by}})",
        "place_orders, transfer, atomic": (
            f"inventory.place_orders({orders('Transfer', 2, quoted('RACK-A1-01'), quoted('RACK-B1-01'))}, true, {{by}})"
        ),
        "start_count": "inventory.start_count('RACK-A1-02', {by})",
        "start_count, new place": "inventory.start_count('RACK-B1-01', {by})",
        "record_count_line": "inventory.record_count_line({count}, {sku}, {n}, {by})",
        "record_count_lines": f"inventory.record_count_lines({{count}}, {counted(1)}, {{by}})",
        "close_count": "inventory.close_count({count}, {by})",
        "cancel_count": "inventory.cancel_count({count}, {by})",
        "set_stock": "inventory.set_stock({product}, 1{n}, {by})",
        "set_stocks": "inventory.set_stocks(array[row('{product}', 1{n}, null, null)::inventory.stock_found], {by})",
        "set_price": "inventory.set_price({product}, 1{n})",
        "set_price, scheduled": (
            "inventory.set_price({product}, 1{n}, 'promo', p_effective_from => inventory.clock() + interval '{n} hour')"
        ),
        "set_price, tag": "inventory.set_price({product}, 1{n}, p_expected => {tag})",
        "update_inventory, quantity": "inventory.update_inventory({product}, 7, p_reorder_point => 8, {by})",
        "update_inventory, expected": "inventory.update_inventory({product}, 6, p_expected_quantity => 10, {by})",
        "update_inventory, status": "inventory.update_inventory({product}, p_status => 'archived', {by})",
        "initialize_inventory": "inventory.initialize_inventory({product}, p_quantity => {n}, {by})",
        "initialize_inventory, tag": (
            "inventory.initialize_inventory({product}, p_quantity => {n}, {by}, p_expected => {tag})"
        ),
        "delete_product": "inventory.delete_product({product}, {by})",
        "delete_product, tag": "inventory.delete_product({product}, {by}, p_expected => {tag})",
        "register_product": "inventory.register_product('NEW-1', 'new {n}')",
        "create_product": "inventory.create_product('NEW-1', 'new {n}', null, 5, 10, 2, {by})",
        "create_catalog_product": (
            "inventory.create_catalog_product('new {n}', {unused_category}, {unused_brand}, 2, 10, p_quantity => 5,"
            " p_sku => 'NEW-1', {by})"
        ),
        "create_catalog_product, sku made": (
            "inventory.create_catalog_product('new {n}', {category}, {brand}, 2, 10, {by})"
        ),
        "update_catalog_product": (
            "inventory.update_catalog_product({product}, 'changed {n}', {unused_category}, {unused_brand},"
            " p_selling_price => 2{n}, p_quantity => 7, {by})"
        ),
        "update_catalog_product, sku": "inventory.update_catalog_product({product}, p_sku => 'NEW-1', {by})",
        "update_catalog_product, prices": (
            "inventory.update_catalog_product({product}, p_cost_price => {n}, p_selling_price => 2{n}, {by})"
        ),
        "import_products": (
            'inventory.import_products(\'[{{"title": "new {n}", "category": {unused_category}, "brand": {unused_brand},'
            ' "cost_price": 2, "selling_price": 10, "quantity": 5, "sku": "NEW-1"}}]\', {by})'
        ),
        "create_supplier": "inventory.create_supplier('new {n}', p_email => 'new@example.com')",
        "update_supplier": "inventory.update_supplier({unused_supplier}, 'changed {n}', p_email => 'new@example.com')",
        "delete_supplier": "inventory.delete_supplier({unused_supplier})",
        "create_brand": "inventory.create_brand('new')",
        "update_brand": "inventory.update_brand({unused_brand}, 'new')",
        "delete_brand": "inventory.delete_brand({unused_brand})",
        "create_category": "inventory.create_category('new')",
        "update_category": "inventory.update_category({unused_category}, 'new')",
        "delete_category": "inventory.delete_category({unused_category})",
        "create_unit": "inventory.create_unit('new', 'n')",
        "once": once("shared", "reserve_stock", reserve),
        "once, refused": once("shared", "create_sale", sell.replace('"p_quantity": 3', '"p_quantity": 999')),
        "once, statement": once("shared", "create_price", '{{"p_product_id": {product}, "p_amount": 12}}'),
        "once, old key": once("old", "reserve_stock", reserve),
        "batch": batch(batched("reserve_stock", reserve), batched("create_sale", other_sell)),
        "batch, twice": batch(
            batched("create_sale", sell), batched("reserve_stock", reserve), batched("reserve_stock", other_reserve)
        ),
        "batch, once": batch(batched("reserve_stock", reserve, keyed), batched("create_sale", sell)),
        "expire_blocks": "maintenance.expire_blocks()",
        "turn_prices": "maintenance.turn_prices()",
        "purge_idempotency_keys": "maintenance.purge_idempotency_keys()",
    }
    passing_over = {"keys": ("once", "batch, once", "purge"), "products": ("expire_blocks", "turn_prices")}
    return [
        Call(name, text, next((what for what, names in passing_over.items() if name.startswith(names)), ""))
        for name, text in texts.items()
    ]


def quoted(text: str) -> str:
    """The text as SQL's literal."""
    return f"'{text}'"


CALLS = _calls()

# (world, whether the calls are about two products)
SETTINGS = (
    ("scarce", False),
    ("scarce", True),
    ("plenty", False),
    ("kits", False),
    ("fresh", False),
    ("unstocked", False),
)


@dataclasses.dataclass(frozen=True)
class Scenario:
    """Two calls in a world."""

    world: str
    two_products: bool
    a: Call
    b: Call

    def __str__(self) -> str:
        return f"{self.world}{', two products' if self.two_products else ''}: {self.a.name} / {self.b.name}"

    def queries(self, names: dict[int, dict[str, Any]]) -> tuple[str, str] | None:
        """The statements of both sessions; None where the world has not what they need."""
        a = self.a.query(names[1], 1)
        b = self.b.query(names[2] if self.two_products else names[1], 2)
        return None if a is None or b is None else (a, b)


def scenarios() -> list[Scenario]:
    """Every unordered pair, a call with itself included, in every setting."""
    pairs = list(itertools.combinations_with_replacement(CALLS, 2))
    return [Scenario(world, two, a, b) for world, two in SETTINGS for a, b in pairs]


def writing_functions(connection: Connection) -> set[str]:
    """What the pairs must have, by the catalog: volatile functions that a login may call and that write.

    Of the schema http those alone that write themselves, or through what writes there: the others call inventory's.
    """
    functions = {
        name: (body, is_entry)
        for name, body, is_entry in connection.execute(
            """
            select
                p.pronamespace::regnamespace || '.' || p.proname,
                p.prosrc,
                p.provolatile = 'v' and exists (select from aclexplode(p.proacl) as a where a.grantee <> p.proowner)
            from pg_proc as p
            where p.pronamespace in ('inventory'::regnamespace, 'maintenance'::regnamespace, 'http'::regnamespace)
            """
        )
    }
    written = re.compile(rf"\b(?:insert into|update|delete from) store\.({WATCHED})\b")
    calls = {
        name: {
            found for found in re.findall(r"\b(?:inventory|http|maintenance)\.\w+(?=\()", body) if found in functions
        }
        for name, (body, _) in functions.items()
    }
    writers = {name for name, (body, _) in functions.items() if written.search(body)}
    direct = set(writers)
    while more := {name for name in functions if name not in writers and calls[name] & writers}:
        writers |= more
    return {
        name
        for name in writers
        if functions[name][1]
        and (
            not name.startswith("http.")
            or name in direct
            or any(called.startswith("http.") for called in calls[name] & writers)
        )
    }


_WORLD = """
create function interleaving.fill() returns void language plpgsql as $$
declare
    v_supplier bigint;
    v_product bigint;
    v_sku text;
    v_count bigint;
begin
    perform inventory.create_webhook(
        'https://example.com/', '{block.expired,stock.low,inflow.created,outflow.created,price.changed}'
    );
    perform http.once('caller', 'old', 'request', 'create_unit', '{"p_name": "old", "p_symbol": "o"}');
    perform setval('store.test_clock', 25 * 3600 * 1000000::bigint);
    v_supplier := (inventory.create_supplier('supplier')).id;
    perform inventory.create_supplier('unused supplier');
    perform inventory.create_brand('brand'), inventory.create_category('category');
    perform inventory.create_brand('unused brand'), inventory.create_category('unused category');
    v_count := (inventory.start_count('RACK-A1-01')).id;
    perform inventory.location_id('RACK-A1-02', true);
    for v_sku in values ('S-1'), ('S-2') loop
        v_product := (
            inventory.create_catalog_product('product', b.id, c.id, 2, 10, p_quantity => 2, p_sku => v_sku)
        ).id from store.category as b, store.brand as c where b.name = 'category' and c.name = 'brand';
        perform inventory.record_purchase(v_product, v_supplier, 4, 2.5);
        perform inventory.record_inflow(v_product, v_supplier, 3);
        perform inventory.place_order('Add', v_sku, 3, null, 'RACK-A1-01');
        perform inventory.record_sale(v_product, 1, 9);
        perform inventory.record_outflow(v_product, 1);
        perform inventory.reserve_stock(v_product, 4);
        perform inventory.create_block(
            v_product, 2, 'block', inventory.clock() + interval '40 minutes', p_owner => 'cart'
        );
        perform inventory.create_block(v_product, 2, 'expired', inventory.clock() + interval '10 minutes');
        perform inventory.set_price(v_product, 8, 'promo', inventory.clock() + interval '10 minutes');
        perform inventory.record_count_line(v_count, v_sku, 2);
        perform inventory.update_inventory(v_product, p_reorder_point => 9);
    end loop;
    perform setval('store.test_clock', 25 * 3600 * 1000000::bigint + 1800 * 1000000::bigint);
end;
$$;
create function interleaving.fill_kits() returns void language plpgsql as $$
declare
    v_part bigint;
    v_sku text;
    v_kit bigint;
    v_parts inventory.block_line [];
begin
    for v_sku in values ('P-1'), ('P-2') loop
        v_part := (inventory.create_product(v_sku, 'part', null, 10, 10, 2)).id;
        perform inventory.reserve_stock(v_part, 1);
        v_parts := v_parts || row(p.sku_id, 2)::inventory.block_line from store.product as p where p.id = v_part;
    end loop;
    v_kit := (inventory.create_product('KIT', 'kit', null, 0, 10)).id;
    perform inventory.set_kit_parts(v_kit, v_parts);
    perform inventory.record_sale(v_kit, 1, 9);
    perform inventory.reserve_stock(v_kit, 1);
    perform inventory.create_block(v_kit, 1, 'block', inventory.clock() + interval '40 minutes');
    v_kit := (inventory.create_product('NEW', 'new kit', null, 0, 10)).id;
    perform inventory.set_kit_parts(v_kit, v_parts[2:]);
end;
$$;
"""


def make_worlds(connection: Connection) -> dict[str, dict[int, dict[str, Any]]]:
    """Fill an instrumented database and keep each world; return what the calls' templates name, by world and product.

    scarce: 10 on hand, 4 reserved, 2 blocked for a cart and 2 in an expired block: 4 are available, two calls want
    3 each.
    plenty: 50 more. kits: a kit takes 2 each of two parts, another kit 2 of the second one; 3 of each are available.
    fresh: products with no more than their first stock. unstocked: products with no inventory.
    """
    connection.execute(_WORLD)
    connection.execute("select interleaving.fill()")
    make_state(connection)
    shared = {
        f"{prefix}{table}": value
        for table in ("supplier", "brand", "category")
        for prefix in ("", "unused_")
        for value in _one(
            connection, f"select id from store.{table} where name = %s", f"{prefix}{table}".replace("_", " ")
        )
    }

    def tagged(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
        query = "select quote_literal(inventory.product_tag(%s))"
        return [each | {"tag": _one(connection, query, each["product"])[0]} for each in found]

    details = []
    for sku in ("S-1", "S-2"):
        product, sku_id = _one(connection, "select id, sku_id from store.product where sku = %s", sku)
        found: dict[str, Any] = {"product": product, "sku": f"'{sku}'", "sku_id": f"'{sku_id}'"}
        for name in ("block", "expired"):
            query = "select id from store.block where product_id = %s and reason = %s"
            found[name] = f"'{_one(connection, query, product, name)[0]}'"
        for table in ("sale", "inflow", "outflow"):
            (found[table],) = _one(connection, f"select id from store.{table} where product_id = %s", product)
        (found["count"],) = _one(connection, "select id from store.count")
        details.append(found)
    save_world(connection, "scarce")
    scarce = tagged(details)
    for found in details:
        connection.execute("select inventory.add_stock(%s, 50)", [found["product"]])
    save_world(connection, "plenty")

    connection.execute("select interleaving.fill_kits()")
    kit: dict[str, Any] = {}
    for name, sku in (("kit", "KIT"), ("new_kit", "NEW")):
        kit[name], sku_id = _one(connection, "select id, sku_id from store.product where sku = %s", sku)
        kit[f"{name}_sku_id"] = f"'{sku_id}'"
    (kit["kit_sale"],) = _one(connection, "select id from store.sale where product_id = %s", kit["kit"])
    query = "select id from store.block where product_id = %s"
    kit["kit_block"] = f"'{_one(connection, query, kit['kit'])[0]}'"
    parts = []
    for sku in ("P-1", "P-2"):
        product, sku_id = _one(connection, "select id, sku_id from store.product where sku = %s", sku)
        parts.append({"product": product, "sku": f"'{sku}'", "sku_id": f"'{sku_id}'"} | kit)
    save_world(connection, "kits")

    fresh, unstocked = [], []
    for sku in ("F-1", "F-2"):
        query = "select id, sku_id from inventory.create_product(%s, 'fresh', null, 10, 10, 2)"
        product, sku_id = _one(connection, query, sku)
        fresh.append({"product": product, "sku": f"'{sku}'", "sku_id": f"'{sku_id}'"})
    for sku in ("U-1", "U-2"):
        product, sku_id = _one(connection, "select id, sku_id from inventory.register_product(%s, 'unstocked')", sku)
        unstocked.append({"product": product, "sku": f"'{sku}'", "sku_id": f"'{sku_id}'"})
    save_world(connection, "fresh")
    save_world(connection, "unstocked")

    def by_product(found: list[dict[str, Any]]) -> dict[int, dict[str, Any]]:
        one, two = found
        return {number: shared | mine | others(other) for number, mine, other in ((1, one, two), (2, two, one))}

    def others(found: dict[str, Any]) -> dict[str, Any]:
        return {"other": found["product"], "other_sku": found["sku"], "other_sku_id": found["sku_id"]}

    return {
        "scarce": by_product(scarce),
        "plenty": by_product(tagged(details)),
        "kits": by_product(tagged(parts)),
        "fresh": by_product(tagged(fresh)),
        "unstocked": by_product(tagged(unstocked)),
    }


def _one(connection: Connection, query: str, *parameters: Any) -> tuple[Any, ...]:
    row = connection.execute(query.encode(), parameters or None).fetchone()
    assert row is not None, query
    return tuple(row)
