"""The whole API at a glance: each endpoint is one line, and one function of the schema http.

A path's parameters, the query's (GET) and the body's fields (others, but for DELETE, which has none) are the function's
arguments by name. Arguments that the server fills: actor (who calls), expected (the tags of If-Match), of a GET url
(the request's absolute address).
"""

from __future__ import annotations

import dataclasses
from typing import Literal

from server.http.errors import Api


@dataclasses.dataclass(frozen=True)
class Route:
    """One endpoint. ``location``: the Location header of what a 201 created, with the answer's keys in braces.

    ``waits``: the server waits for an answer with rows where the query asks for it.
    ``required``: fields that a PUT must have and its function, which a PATCH calls too, does not require.

    ``etag``: what the ETag of a GET is made of. text: the hash of the answer. product: the product's tag, which says
    all that the answer shows. product and text: both, as the answer also shows what the tag does not say: the names of
    a brand and a category, and when a job last wrote to the stock.
    """

    api: Api
    method: str
    path: str
    function: str
    status: int = 200
    location: str | None = None
    required: tuple[str, ...] = ()
    waits: bool = False
    etag: Literal["text", "product", "product and text"] = "text"

    @property
    def paths(self) -> tuple[str, ...]:
        """API 5's paths are served with and without the trailing slash."""
        return (self.path, self.path.rstrip("/")) if self.path.endswith("/") else (self.path,)


_PRODUCT = ("title", "category", "brand", "cost_price", "selling_price")

ROUTES: tuple[Route, ...] = (
    # 1 SKUs and temporary blocks
    Route(Api.SKU, "POST", "/sku", "create_sku"),
    Route(Api.SKU, "GET", "/sku/{sku_id}", "get_sku", etag="product"),
    Route(Api.SKU, "PUT", "/sku/{sku_id}/parts", "set_kit_parts"),
    Route(Api.SKU, "POST", "/sku/{sku_id}/temporary-block", "create_block"),
    Route(Api.SKU, "GET", "/temporary-blocks", "list_blocks"),
    Route(Api.SKU, "POST", "/temporary-blocks", "create_blocks"),
    Route(Api.SKU, "POST", "/temporary-blocks/{block_id}/convert-to-permanent", "convert_block"),
    Route(Api.SKU, "POST", "/temporary-blocks/{block_id}/cancel", "cancel_block"),
    Route(Api.SKU, "POST", "/temporary-blocks/{block_id}/extend", "extend_block"),
    Route(Api.SKU, "GET", "/holds/{owner}", "get_hold"),
    Route(Api.SKU, "PUT", "/holds/{owner}", "set_hold"),
    Route(Api.SKU, "POST", "/holds/{owner}/extend", "extend_hold"),
    Route(Api.SKU, "POST", "/holds/{owner}/convert-to-permanent", "convert_hold"),
    Route(Api.SKU, "POST", "/holds/{owner}/cancel", "cancel_hold"),
    # 2 Stock operations
    Route(Api.STOCK, "GET", "/api/v1/inventory", "list_inventory_items"),
    Route(Api.STOCK, "POST", "/api/v1/inventory", "create_inventory_item", 201, "/api/v1/inventory/{id}"),
    Route(Api.STOCK, "GET", "/api/v1/inventory/{id}", "get_inventory_item", etag="product"),
    Route(Api.STOCK, "POST", "/api/v1/inventory/{id}/addStock", "add_stock", 204),
    Route(Api.STOCK, "POST", "/api/v1/inventory/{id}/reserveStock", "reserve_stock", 204),
    Route(Api.STOCK, "POST", "/api/v1/inventory/{id}/releaseStock", "release_stock", 204),
    Route(Api.STOCK, "POST", "/api/v1/inventory/{id}/consumeStock", "consume_stock", 204),
    Route(Api.STOCK, "POST", "/api/v1/inventory/{id}/setStock", "set_stock"),
    Route(Api.STOCK, "POST", "/api/v1/inventory/setStock", "set_stocks"),
    # 3 Inventory and pricing
    Route(Api.PRICING, "GET", "/products", "list_products"),
    Route(Api.PRICING, "POST", "/products", "register_product", 201, "/products/{product[id]}"),
    Route(Api.PRICING, "GET", "/products/{product_id}", "get_product", etag="product"),
    Route(Api.PRICING, "GET", "/products/{product_id}/prices", "list_prices"),
    Route(Api.PRICING, "POST", "/products/{product_id}/prices", "create_price", 201),
    Route(Api.PRICING, "GET", "/products/{product_id}/prices/active", "get_active_price"),
    Route(Api.PRICING, "GET", "/units", "list_units"),
    Route(Api.PRICING, "POST", "/units", "create_unit", 201),
    Route(Api.PRICING, "GET", "/suppliers", "list_suppliers"),
    Route(Api.PRICING, "POST", "/suppliers", "create_supplier", 201, "/suppliers/{supplier[id]}"),
    Route(Api.PRICING, "GET", "/suppliers/{supplier_id}", "get_supplier"),
    Route(Api.PRICING, "GET", "/inventory", "list_inventory"),
    Route(Api.PRICING, "GET", "/inventory/{product_id}", "get_inventory", etag="product and text"),
    Route(Api.PRICING, "PATCH", "/inventory/{product_id}", "update_inventory"),
    Route(Api.PRICING, "POST", "/inventory/{product_id}/initialize", "initialize_inventory", 201),
    Route(Api.PRICING, "GET", "/inventory/{product_id}/valuation", "get_valuation"),
    Route(Api.PRICING, "GET", "/inventory/{product_id}/movements", "list_movements"),
    Route(Api.PRICING, "GET", "/inventory/purchases", "list_purchases"),
    Route(Api.PRICING, "POST", "/inventory/purchases", "create_purchase", 201),
    Route(Api.PRICING, "GET", "/inventory/purchases/{product_id}", "list_product_purchases"),
    Route(Api.PRICING, "GET", "/inventory/sales", "list_sales"),
    Route(Api.PRICING, "POST", "/inventory/sales", "create_sale", 201),
    Route(Api.PRICING, "GET", "/inventory/sales/{product_id}", "list_product_sales"),
    Route(Api.PRICING, "POST", "/inventory/sales/{sale_id}/returns", "return_sale", 201),
    # 4 ART orders
    Route(Api.ART, "POST", "/api/v1/art_order", "place_order"),
    Route(Api.ART, "GET", "/api/v1/art_orders", "list_art_orders"),
    Route(Api.ART, "POST", "/api/v1/art_orders", "place_orders"),
    Route(Api.ART, "GET", "/api/v1/art-orders-health", "art_orders_health"),
    Route(Api.ART, "GET", "/api/v1/locations", "list_locations"),
    Route(Api.ART, "GET", "/api/v1/locations/{code}/stock", "get_location_stock"),
    Route(Api.ART, "GET", "/api/v1/counts", "list_counts"),
    Route(Api.ART, "POST", "/api/v1/counts", "start_count", 201, "/api/v1/counts/{count[id]}"),
    Route(Api.ART, "GET", "/api/v1/counts/{count_id}", "get_count"),
    Route(Api.ART, "POST", "/api/v1/counts/{count_id}/lines", "record_count_lines"),
    Route(Api.ART, "POST", "/api/v1/counts/{count_id}/close", "close_count"),
    Route(Api.ART, "POST", "/api/v1/counts/{count_id}/cancel", "cancel_count"),
    # 5 Catalog
    Route(Api.CATALOG, "GET", "/api/v1/brands/", "list_brands"),
    Route(Api.CATALOG, "POST", "/api/v1/brands/", "create_brand", 201),
    Route(Api.CATALOG, "GET", "/api/v1/brands/{id}/", "get_brand"),
    Route(Api.CATALOG, "PUT", "/api/v1/brands/{id}/", "update_brand", required=("name",)),
    Route(Api.CATALOG, "PATCH", "/api/v1/brands/{id}/", "update_brand"),
    Route(Api.CATALOG, "DELETE", "/api/v1/brands/{id}/", "delete_brand", 204),
    Route(Api.CATALOG, "GET", "/api/v1/categories/", "list_categories"),
    Route(Api.CATALOG, "POST", "/api/v1/categories/", "create_category", 201),
    Route(Api.CATALOG, "GET", "/api/v1/categories/{id}/", "get_category"),
    Route(Api.CATALOG, "PUT", "/api/v1/categories/{id}/", "update_category", required=("name",)),
    Route(Api.CATALOG, "PATCH", "/api/v1/categories/{id}/", "update_category"),
    Route(Api.CATALOG, "DELETE", "/api/v1/categories/{id}/", "delete_category", 204),
    Route(Api.CATALOG, "GET", "/api/v1/suppliers/", "list_catalog_suppliers"),
    Route(Api.CATALOG, "POST", "/api/v1/suppliers/", "create_catalog_supplier", 201),
    Route(Api.CATALOG, "GET", "/api/v1/suppliers/{id}/", "get_catalog_supplier"),
    Route(Api.CATALOG, "PUT", "/api/v1/suppliers/{id}/", "update_catalog_supplier", required=("name",)),
    Route(Api.CATALOG, "PATCH", "/api/v1/suppliers/{id}/", "update_catalog_supplier"),
    Route(Api.CATALOG, "DELETE", "/api/v1/suppliers/{id}/", "delete_catalog_supplier", 204),
    Route(Api.CATALOG, "GET", "/api/v1/products/", "list_catalog_products"),
    Route(Api.CATALOG, "POST", "/api/v1/products/", "create_catalog_product", 201),
    Route(Api.CATALOG, "GET", "/api/v1/products/{id}/", "get_catalog_product", etag="product and text"),
    Route(Api.CATALOG, "PUT", "/api/v1/products/{id}/", "update_catalog_product", required=_PRODUCT),
    Route(Api.CATALOG, "PATCH", "/api/v1/products/{id}/", "update_catalog_product"),
    Route(Api.CATALOG, "DELETE", "/api/v1/products/{id}/", "delete_product", 204),
    Route(Api.CATALOG, "GET", "/api/v1/inflows/", "list_inflows"),
    Route(Api.CATALOG, "POST", "/api/v1/inflows/", "create_inflow", 201),
    Route(Api.CATALOG, "GET", "/api/v1/inflows/{id}/", "get_inflow"),
    Route(Api.CATALOG, "DELETE", "/api/v1/inflows/{id}/", "delete_inflow", 204),
    Route(Api.CATALOG, "GET", "/api/v1/outflows/", "list_outflows"),
    Route(Api.CATALOG, "POST", "/api/v1/outflows/", "create_outflow", 201),
    Route(Api.CATALOG, "GET", "/api/v1/outflows/{id}/", "get_outflow"),
    Route(Api.CATALOG, "DELETE", "/api/v1/outflows/{id}/", "delete_outflow", 204),
    # Users, with API 5's bodies
    Route(Api.CATALOG, "GET", "/api/v1/users/", "list_users"),
    Route(Api.CATALOG, "POST", "/api/v1/users/", "create_user", 201),
    Route(Api.CATALOG, "GET", "/api/v1/users/{id}/", "get_user"),
    Route(Api.CATALOG, "PATCH", "/api/v1/users/{id}/", "update_user"),
    # Stock and sales at a glance, and who calls, with API 5's bodies
    Route(Api.CATALOG, "GET", "/api/v1/stock/", "list_stock"),
    Route(Api.CATALOG, "GET", "/api/v1/stock/{product_id}/", "get_stock", etag="product"),
    Route(Api.CATALOG, "GET", "/api/v1/daily-sales/", "list_daily_sales"),
    Route(Api.CATALOG, "GET", "/api/v1/me/", "get_me"),
    # The change feed, and the seals of the ledger
    Route(Api.CATALOG, "GET", "/api/v1/changes/", "list_changes", waits=True),
    Route(Api.CATALOG, "GET", "/api/v1/seals/", "list_seals"),
    # Webhooks
    Route(Api.CATALOG, "GET", "/api/v1/webhooks/", "list_webhooks"),
    Route(Api.CATALOG, "POST", "/api/v1/webhooks/", "create_webhook", 201),
    Route(Api.CATALOG, "GET", "/api/v1/webhooks/{id}/", "get_webhook"),
    Route(Api.CATALOG, "PUT", "/api/v1/webhooks/{id}/", "update_webhook", required=("url", "events")),
    Route(Api.CATALOG, "PATCH", "/api/v1/webhooks/{id}/", "update_webhook"),
    Route(Api.CATALOG, "DELETE", "/api/v1/webhooks/{id}/", "delete_webhook", 204),
    Route(Api.CATALOG, "POST", "/api/v1/webhooks/{id}/rotate-secret/", "rotate_webhook_secret"),
    Route(Api.CATALOG, "GET", "/api/v1/webhooks/{id}/deliveries/", "list_webhook_deliveries"),
    Route(
        Api.CATALOG, "POST", "/api/v1/webhooks/{id}/deliveries/{delivery_id}/replay/", "replay_webhook_delivery", 202
    ),
)

# Their bodies are files: see files.py.
FILE_ROUTES: tuple[Route, ...] = (
    Route(Api.CATALOG, "POST", "/api/v1/products/import/", "import_products", 201),
    Route(Api.CATALOG, "GET", "/api/v1/products/export/", "export_products"),
)

# Their arguments are not the body's fields: see authentication.py.
TOKEN_ROUTES: tuple[Route, ...] = (
    Route(Api.AUTHENTICATION, "POST", "/api/v1/authentication/token/", "obtain_token"),
    Route(Api.AUTHENTICATION, "POST", "/api/v1/authentication/token/refresh/", "refresh_token"),
    Route(Api.AUTHENTICATION, "POST", "/api/v1/authentication/token/verify/", "verify_token"),
)
