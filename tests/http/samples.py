"""A good request for every route, over a database that ``fill`` has filled."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any

from server.http.routes import ROUTES, TOKEN_ROUTES, Route
from tests.conftest import Database, Server

EVERY_ROUTE = (*ROUTES, *TOKEN_ROUTES)
CREDENTIALS = {"username": "root", "password": "secret"}
OF_COLLECTION = {
    "brands": "brand_id",
    "categories": "category_id",
    "suppliers": "spare_supplier_id",
    "products": "spare_product_id",
    "inflows": "inflow_id",
    "outflows": "outflow_id",
    "users": "user_id",
    "webhooks": "webhook_id",
}


@dataclasses.dataclass
class World:
    """What the samples are about: a SKU of 100 with 10 reserved and a block of 5 for a cart, and a user of each role.

    The users are operator, employee, integration and root (the admin); their password is secret. Of the SKU 40 were
    bought from a supplier, and 6 sold; another product has no inventory yet. Nothing lies at a place that is counted.
    It had an inflow of 10 and an outflow of 10. Nothing refers to the brand, the category, and what is spare. A webhook
    endpoint, disabled by now, has a delivery that is not made.
    """

    product_id: int
    sku_id: str
    block_id: str
    user_id: int
    bare_product_id: int
    supplier_id: int
    sale_id: int
    count_id: int
    brand_id: int
    category_id: int
    spare_supplier_id: int
    spare_product_id: int
    inflow_id: int
    outflow_id: int
    webhook_id: int
    delivery_id: int
    code: str = "RACK-A1-01"
    owner: str = "cart-7"

    def path(self, template: str) -> str:
        """The path with its parameters: {sku_id}, {block_id}, …; {id} is that of what stands before it.

        What is to be initialized is the product that has no inventory; what API 5 may delete is what can be deleted.
        """
        names = dataclasses.asdict(self) | {"id": self.product_id}
        for plural, name in OF_COLLECTION.items():
            if template.startswith(f"/api/v1/{plural}/"):
                names["id"] = names[name]
        if template.endswith("/initialize"):
            names["product_id"] = self.bare_product_id
        return template.format_map(names)


def fill(database: Database) -> World:
    """Make the world in a database that has none."""
    product_id = database.product("A-1", 66, p_price="99.99")
    supplier_id = database.one("select id from inventory.create_supplier('Fresh Farm', '+254700000000')")
    database.one("select id from inventory.record_purchase(%s, %s, 40, 35)", product_id, supplier_id)
    sale_id = database.one("select id from inventory.record_sale(%s, 6, 60)", product_id)
    bare_product_id = database.one("select id from inventory.register_product('BARE', 'No inventory')")
    block_id = database.one("select id from inventory.create_block(%s, 5, p_owner => 'cart-7')", product_id)
    database.one("select id from inventory.reserve_stock(%s, 10)", product_id)
    for name, role in (("operator",) * 2, ("employee",) * 2, ("integration",) * 2, ("root", "admin")):
        user_id = database.one("select id from maintenance.create_user(%s, 'secret', %s)", name, role)
    database.one("select id from inventory.place_order('Add', 'A-1', 20, p_to_location => 'RACK-A1-01')")
    database.one("select id from inventory.place_order('Adjust', 'A-1', -20, p_to_location => 'RACK-A1-01')")
    count_id = database.one("select id from inventory.start_count('RACK-A1-01')")
    database.one("select product_id from inventory.record_count_line(%s, 'A-1', 0)", count_id)
    webhook_id = database.one("select id from inventory.create_webhook('http://127.0.0.1:9/', '{stock.low}')")
    database.one("select inventory.queue_events('stock.low', array[json '{}'], array[inventory.clock()])")
    database.one("select id from inventory.update_webhook(%s, p_enabled => false)", webhook_id)
    brand_id = database.one("select id from inventory.create_brand('Samsung', 'Electronics brand')")
    category_id = database.one("select id from inventory.create_category('Electronics')")
    spare_supplier_id = database.one("select id from inventory.create_supplier('Tech Distributors Inc.')")
    spare_product_id = database.product("SPARE", 5, p_price="799.99")
    # The outflow takes what came first: the inflow's units are all there.
    inflow_id = database.one("select id from inventory.record_inflow(%s, %s, 10)", product_id, supplier_id)
    outflow_id = database.one("select id from inventory.record_outflow(%s, 10)", product_id)
    return World(
        product_id=product_id,
        sku_id=database.sku_id(product_id),
        block_id=str(block_id),
        user_id=user_id,
        bare_product_id=bare_product_id,
        supplier_id=supplier_id,
        sale_id=sale_id,
        count_id=count_id,
        brand_id=brand_id,
        category_id=category_id,
        spare_supplier_id=spare_supplier_id,
        spare_product_id=spare_product_id,
        inflow_id=inflow_id,
        outflow_id=outflow_id,
        webhook_id=webhook_id,
        delivery_id=database.one("select id from store.webhook_delivery"),
    )


def body(route: Route, world: World, server: Server) -> Any:  # noqa: PLR0911 - one a route
    """The JSON of a good request for the route; None for one that has no body."""
    later = (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%dT12:00:00Z")
    match route.function:
        case "create_sku":
            return {"sku_code": "ABC123", "name": "Wireless Headphones", "quantity": 100, "price": 99.99}
        case "create_block":
            return {"quantity": 5, "reason": "Order processing", "expires_at": later}
        case "create_blocks":
            return {"items": [{"sku_id": world.sku_id, "quantity": 5}, {"sku_id": world.sku_id, "quantity": 1.5}]}
        case "set_hold":
            return {"items": [{"sku_id": world.sku_id, "quantity": 4}], "reason": "Checkout", "allow_partial": True}
        case "convert_block" | "cancel_block" | "convert_hold" | "cancel_hold":
            return {"reason": "Order confirmed"}
        case "extend_block" | "extend_hold":
            return {"expires_at": later}
        case "create_inventory_item":
            return {"sku": "ABC123", "name": "A", "description": "B", "price": 99.99, "stock": 100}
        case "add_stock" | "reserve_stock" | "release_stock" | "consume_stock":
            return {"amount": 5}
        case "set_kit_parts":
            return {"parts": []}
        case "set_stock":
            return {"quantity": 40, "reason": "Counted"}
        case "set_stocks":
            return {"items": [{"id": str(world.product_id), "quantity": 40}]}
        case "register_product":
            return {"sku": "POT-001", "name": "Potatoes", "description": "Washed"}
        case "create_unit":
            return {"name": "Crate", "symbol": "cr"}
        case "create_supplier":
            return {"name": "Fresh Farm Supplies", "phone_number": "+254700000001", "email": "contact@freshfarm.com"}
        case "initialize_inventory":
            return {"unit_id": 3, "quantity": 0, "reorder_point": 20}
        case "update_inventory":
            return {"quantity": 60, "reorder_point": 25}
        case "create_purchase":
            return {"product_id": world.product_id, "supplier_id": world.supplier_id, "quantity": 40, "unit_cost": 35}
        case "create_sale":
            return {"product_id": world.product_id, "quantity": 10, "unit_price": 60}
        case "return_sale":
            return {"quantity": 2, "reason": "Rotten"}
        case "place_order":
            return {"type": "Add", "sku": "A-1", "quantity": 50, "to_location": "RACK-A1-01", "reason": "Restocking"}
        case "place_orders":
            order = {"type": "Add", "sku": "A-1", "quantity": 5, "to_location": "RACK-B2-02"}
            return {"orders": [order, order | {"type": "Count", "reason": "Stock-taking"}], "atomic": True}
        case "start_count":
            return {"location": "RACK-B2-02"}
        case "record_count_lines":
            return {"lines": [{"sku": "A-1", "quantity": 5}]}
        case "close_count" | "cancel_count":
            return None
        case "create_price":
            return {"amount": 60, "price_type": "retail", "close_old_price": True}
        case "create_brand" | "create_category":
            return {"name": "Home Appliances", "description": "Household appliances"}
        case "update_brand" | "update_category":
            return {"name": "Consumer Electronics", "description": "Updated description"}
        case "create_catalog_supplier" | "update_catalog_supplier":
            return {"name": "Global Supplies Ltd.", "description": "International supplier", "email": "a@b.example"}
        case "create_catalog_product" | "update_catalog_product":
            related = {"category": world.category_id, "brand": world.brand_id}
            prices = {"cost_price": "899.00", "selling_price": "1199.00"}
            return {
                "title": "iPhone 15 Pro",
                "description": "Apple flagship phone",
                **related,
                **prices,
                "quantity": 30,
            }
        case "create_inflow":
            related = {"supplier": world.supplier_id, "product": world.product_id}
            return {**related, "quantity": 50, "description": "Emergency restock"}
        case "create_outflow":
            return {"product": world.product_id, "quantity": 10, "description": "Bulk sale"}
        case "create_user":
            return {"username": "alice", "password": "correct horse", "role": "employee"}
        case "update_user":
            return {"role": "admin", "is_active": True}
        case "create_webhook":
            return {"url": "https://shop.example/hooks", "events": ["outflow.created", "stock.low"], "enabled": False}
        case "update_webhook":
            return {"url": "https://shop.example/hooks", "events": ["price.changed"]}
        case "rotate_webhook_secret":
            return {"overlap_seconds": 3600}
        case "replay_webhook_delivery" | "delete_webhook":
            return None
        case "obtain_token":
            return CREDENTIALS
        case "refresh_token" | "verify_token":
            refresh = server.client().post("/api/v1/authentication/token/", json=CREDENTIALS).json()["refresh"]
            return {"refresh" if route.function == "refresh_token" else "token": refresh}
        case _:
            assert route.method in ("GET", "DELETE"), f"tests/http/samples.py has no sample of {route.function}"
            return None


def name_of(route: Any) -> str:
    """A route as a test's id."""
    return f"{route.method} {route.path}" if isinstance(route, Route) else str(route)
