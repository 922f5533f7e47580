"""The names and words of the document that neither the routes nor the database have."""

from __future__ import annotations

from server.http.errors import Api
from server.http.routes import Route

# Tags become names of classes, modules and files in generated clients: they begin with a letter. In this order.
TAGS: dict[str, str] = {
    "SKU blocks": "API 1: create SKUs, and hold units of them for a while: a temporary block expires, is cancelled, or "
    "becomes a permanent reduction.",
    "Stock operations": "API 2: products with their stock; add, reserve, release and consume units.",
    "Inventory and pricing": "API 3: products, units of measure, suppliers, inventory, purchases, sales, prices as "
    "rules in time, valuation and movements. Quantities and amounts of answers are strings with 3 decimals.",
    "ART orders": "API 4: add, remove, transfer, count and adjust units by location, alone or many at once; counts.",
    "Catalog": "API 5: brands, categories, suppliers, products, inflows and outflows, in pages; import and export. "
    "Prices are strings with 2 decimals.",
    "Users": "Users of the service and their roles.",
    "Stock and sales": "The stock of all products in one list, by state or as somebody types; the sales of each day.",
    "Changes": "The change feed: every change of stock, products and prices, in order; and the seals of the ledger.",
    "Webhooks": "Endpoints that are told of events, their secrets, and their deliveries.",
    "Authentication": "Get, refresh and verify tokens. One access token serves all APIs.",
}
_TAGS_OF = {
    Api.SKU: "SKU blocks",
    Api.STOCK: "Stock operations",
    Api.PRICING: "Inventory and pricing",
    Api.ART: "ART orders",
    Api.CATALOG: "Catalog",
    Api.AUTHENTICATION: "Authentication",
}
_TAGS_BELOW = {
    "/api/v1/users/": "Users",
    "/api/v1/me/": "Users",
    "/api/v1/stock/": "Stock and sales",
    "/api/v1/daily-sales/": "Stock and sales",
    "/api/v1/changes/": "Changes",
    "/api/v1/seals/": "Changes",
    "/api/v1/webhooks/": "Webhooks",
}

# What an operation is called where its function's name would mislead beside those of other APIs.
_OPERATIONS = {"delete_product": "delete_catalog_product"}

# The objects of the sketches by where they stand: the function or view, then the keys. Only those that have no name
# from a view, and are neither a page nor one thing under its name (see schemas.py). Equal objects need one name.
OBJECTS: dict[str, str] = {
    "art_orders_health": "ArtOrdersHealth",
    "cancel_block": "CancelledBlock",
    "cancel_hold": "CancelledHold",
    "cancel_hold.blocks": "CancelledBlock",
    "convert_block": "ConvertedBlock",
    "convert_hold": "ConvertedHold",
    "convert_hold.blocks": "ConvertedBlock",
    "count_json.lines": "CountLine",
    "create_blocks": "CreatedBlocks",
    "create_blocks.missing": "MissingUnits",
    "create_purchase": "RecordedPurchase",
    "create_sale": "RecordedSale",
    "create_sku": "CreatedSku",
    "create_webhook": "WebhookWithSecret",
    "extend_hold": "Hold",
    "get_hold": "Hold",
    "get_location_stock": "LocationStock",
    "get_location_stock.stock": "LocationStockLine",
    "get_me": "Caller",
    "get_sku": "Sku",
    "get_sku.parts": "KitPart",
    "get_stock": "ProductStock",
    "get_stock.locations": "StockLocation",
    "get_stock.parts": "StockPart",
    "get_valuation.valuation": "Valuation",
    "get_valuation.valuation.layers": "ValuationLayer",
    "import_products": "ImportedProducts",
    "inflow_json.product": "ProductTitle",
    "inflow_json.supplier": "Reference",
    "list_art_orders": "ArtOrderTrail",
    "list_art_orders.orders": "ArtOrderRecord",
    "list_blocks": "ActiveBlocks",
    "list_blocks.blocks": "ActiveBlock",
    "list_changes": "ChangePage",
    "list_changes.changes": "Change",
    "list_counts": "CountList",
    "list_daily_sales": "DailySales",
    "list_daily_sales.days": "SalesDay",
    "list_seals": "SealPage",
    "list_locations": "LocationList",
    "list_stock": "StockList",
    "list_locations.locations": "Location",
    "list_product_purchases": "ProductPurchases",
    "list_product_purchases.totals": "PurchaseTotals",
    "list_product_sales": "ProductSales",
    "list_product_sales.totals": "SaleTotals",
    "obtain_token": "Tokens",
    "place_orders": "ArtOrderResults",
    "place_orders.results": "ArtOrderResult",
    "refresh_token": "AccessToken",
    "sale_json.layers": "SaleLayer",
    "set_hold": "SetHold",
    "set_hold.missing": "MissingUnits",
    "set_kit_parts": "Sku",
    "set_kit_parts.parts": "KitPart",
    "set_stock": "StockCount",
    "set_stocks": "StockCounts",
    "set_stocks.items": "StockCount",
    "verify_token": "VerifiedToken",
}

# Requests that several operations share.
REQUESTS = dict.fromkeys(("add_stock", "reserve_stock", "release_stock", "consume_stock"), "StockAmountRequest")

# What a parameter or field means, where the comment of its function has no sentence "name: …" and the comment of its
# type says less: by function and name, by type, or by name.
MEANINGS: dict[str, str] = {
    "after": "Only rows after the one with this id.",
    "after_expires_at": "When the block after which the page begins ends, where order is expires_at.",
    "block_id": "The id of the block.",
    "brand": "The id of a brand.",
    "category": "The id of a category.",
    "close_old_price": "Whether the active price of the same type ends when this one begins (default: true).",
    "count_id": "The id of the count.",
    "counted_at": "When it was counted (default: now). A time without an offset is in UTC.",
    "date_from": "Only those from this time on; a date means its beginning.",
    "date_to": "Only those up to this time; a date means its end.",
    "delivery_id": "The id of the delivery.",
    "effective_from": "When the price begins to be active (default: now).",
    "effective_to": "When the price ends; the instant itself is not part of it (default: it stays).",
    "enabled": "Whether events are queued for the endpoint (default: true).",
    "expected_quantity": "The request is refused (409) if the quantity on hand is another.",
    "expires_at": "When the blocks expire (default: in 15 minutes, a setting). A time without an offset is in UTC.",
    "export_products.format": "The format of the file (default: csv).",
    "id": "The id.",
    "inventory.product_reference": "The id of the product, or the UUID that API 1 calls sku_id.",
    "include_inactive": "Whether prices that are not in force are listed too (default: false).",
    "is_active": "Whether the user may log in.",
    "get_location_stock.after": "Only SKUs with a higher code.",
    "list_art_orders.sku": "Only orders of this SKU.",
    "low_stock": "true: only where the quantity is at or below the reorder point.",
    "max_price": "Only products with at most this selling price.",
    "min_price": "Only products with at least this selling price.",
    "owner": "The id of the cart or order.",
    "page": "The page, from 1 (default: 1).",
    "page_size": "The number of rows on a page, at most 100 (default: 10).",
    "password": "The password, in clear. The service stores its hash.",
    "product": "The id of a product.",
    "product_id": "The id of the product.",
    "q": "Only where the name or the SKU code contains it, ignoring case.",
    "refresh": "A refresh token.",
    "sale_id": "The id of the sale.",
    "sku_id": "The UUID of the SKU.",
    "sufficient_stock": "false: refuse the order as if there were too little stock (default: true).",
    "supplier": "The id of a supplier.",
    "supplier_id": "The id of the supplier.",
    "token": "An access token or a refresh token.",
    "unit_id": "The id of the unit of measure.",
    "username": "The name of the user.",
}


def tag_of(route: Route) -> str:
    return next((tag for path, tag in _TAGS_BELOW.items() if route.path.startswith(path)), _TAGS_OF[route.api])


def operation_id(route: Route) -> str:
    """The name of the operation. PUT and PATCH call the same function, but each operation needs its own name."""
    name = _OPERATIONS.get(route.function, route.function)
    return name.replace("update_", "replace_") if route.method == "PUT" else name


def camel(name: str) -> str:
    """A name of SQL as the name of a schema: block_json becomes Block."""
    return "".join(part.capitalize() for part in name.rpartition(".")[2].removesuffix("_json").split("_"))
