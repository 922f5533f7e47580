"""Examples: the samples of the APIs' documents, with the keys that the answers have beyond them.

A shape that several answers have (a view's) has one example. Pages, and things under their names, are put together of
these.
"""

from __future__ import annotations

from typing import Any

from server.database.interface import Function
from server.http.files import CSV_TYPES, JSON_TYPES

SKU_ID = "550e8400-e29b-41d4-a716-446655440000"
BLOCK_ID = "660f9500-f39c-52e5-b827-557766551111"
PART_ID = "770fa600-049d-42f6-8938-668877662222"
_TOKEN = "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9..."  # noqa: S105 - the document's
_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105 - nobody's

_POTATOES = {"id": 1, "name": "Potatoes", "sku": "POT-001", "sku_id": SKU_ID}
_GALAXY = {"id": 1, "sku": "SN123456789", "sku_id": SKU_ID, "title": "Samsung Galaxy S23"}
_KILOGRAM = {"id": 3, "name": "Kilogram", "symbol": "kg"}
_SUPPLIER = {
    "id": 5,
    "name": "Fresh Farm Supplies",
    "business_name": "Fresh Farm Co.",
    "email": "contact@freshfarm.com",
    "phone_number": "+254700000000",
    "created_at": "2025-01-15T09:00:00",
    "updated_at": "2025-01-15T09:00:00",
}
_BLOCK = {
    "block_id": BLOCK_ID,
    "sku_id": SKU_ID,
    "quantity": 5,
    "reason": "Order processing",
    "status": "active",
    "expires_at": "2023-12-25T12:00:00Z",
    "created_at": "2023-12-25T10:45:00Z",
    "owner": "cart-7",
    "kit_block_id": None,
}
_CANCELLED_BLOCK = {
    "block_id": BLOCK_ID,
    "status": "cancelled",
    "cancelled_at": "2023-12-25T11:15:00Z",
    "reason": "Order cancelled by customer",
}
_CONVERTED_BLOCK = {
    "block_id": BLOCK_ID,
    "status": "converted",
    "quantity": 5,
    "converted_at": "2023-12-25T11:30:00Z",
    "reason": "Order confirmed - SKU ABC123",
}
_MISSING = {"sku_id": SKU_ID, "requested": 8, "held": 5, "missing": 3}
_HOLD = {"owner": "cart-7", "blocks": [_BLOCK], "total": 1}
_INVENTORY = {
    "id": 1,
    "product_id": 1,
    "product": _POTATOES,
    "quantity": "50.000",
    "reserved": "0.000",
    "blocked": "0.000",
    "available": "50.000",
    "unit_id": 3,
    "unit": _KILOGRAM,
    "reorder_point": "20.000",
    "status": "active",
    "created_at": "2025-01-15T10:00:00",
    "updated_at": "2025-01-15T10:00:00",
}
_STOCK = {
    "product_id": 1,
    "sku_id": SKU_ID,
    "sku": "POT-001",
    "name": "Potatoes",
    "unit": "kg",
    "on_hand": 50.5,
    "reserved": 10,
    "blocked": 5,
    "available": 35.5,
    "reorder_point": 60,
    "status": "active",
    "is_low": True,
    "is_kit": False,
    "price": 2.5,
}
_PURCHASE = {
    "id": 1,
    "product_id": 1,
    "product": _POTATOES,
    "supplier_id": 5,
    "supplier": _SUPPLIER,
    "quantity": "40.000",
    "unit_cost": "35.000",
    "total_cost": "1400.000",
    "created_at": "2025-01-15T10:30:00",
}
_SALE = {
    "id": 1,
    "product_id": 1,
    "product": _POTATOES,
    "quantity": "10.000",
    "unit_price": "60.000",
    "revenue": "600.000",
    "cost": "350.000",
    "layers": [{"layer_id": 1, "quantity": "10.000", "cost": "350.000"}],
    "returned_sale_id": None,
    "created_at": "2025-01-15T11:00:00",
}
_RETURN = _SALE | {
    "id": 2,
    "quantity": "-2.000",
    "revenue": "-120.000",
    "cost": "-70.000",
    "layers": [{"layer_id": 1, "quantity": "-2.000", "cost": "-70.000"}],
    "returned_sale_id": 1,
    "created_at": "2025-01-15T12:00:00",
}
_ADDED = {
    "status": "success",
    "message": "Successfully added 50 units of SKU 4711M-50B to location RACK-A1-01",
    "operation_type": "Add",
    "sku": "4711M-50B",
    "quantity": 50,
    "to_location": "RACK-A1-01",
    "reason": "Restocking",
    "operation_id": 12345,
    "timestamp": "2025-04-15T14:30:25.123456",
}
_WEBHOOK = {
    "id": 1,
    "url": "https://shop.example/hooks",
    "events": ["outflow.created", "stock.low"],
    "enabled": True,
    "stock_changes": "each",
    "created_at": "2024-01-16T10:00:00Z",
    "updated_at": "2024-01-16T10:00:00Z",
}
_TIMES = {"created_at": "2024-01-15T10:30:00Z", "updated_at": "2024-01-15T10:30:00Z"}

# By the name of the view or function that makes the value.
SHAPES: dict[str, Any] = {
    "art_operation_json": _ADDED,
    "block_json": _BLOCK,
    "brand_json": {"id": 1, "name": "Samsung", "description": "Electronics brand", **_TIMES},
    "catalog_product_json": {
        "id": 1,
        "title": "Samsung Galaxy S23",
        "category": {"id": 1, "name": "Electronics"},
        "brand": {"id": 1, "name": "Samsung"},
        "description": "Latest flagship smartphone",
        "serie_number": "SN123456789",
        "cost_price": "500.00",
        "selling_price": "799.99",
        "quantity": 50,
        "sku": "SN123456789",
        "sku_id": SKU_ID,
        "created_at": "2024-01-10T10:00:00Z",
        "updated_at": "2024-01-15T14:30:00Z",
    },
    "catalog_supplier_json": {
        "id": 1,
        "name": "Tech Distributors Inc.",
        "description": "Main electronics distributor",
        "business_name": None,
        "email": None,
        "phone_number": None,
        "created_at": "2024-01-05T09:00:00Z",
        "updated_at": "2024-01-05T09:00:00Z",
    },
    "category_json": {
        "id": 1,
        "name": "Electronics",
        "description": "Electronic devices and accessories",
        "created_at": "2024-01-10T08:00:00Z",
        "updated_at": "2024-01-10T08:00:00Z",
    },
    "count_json": {
        "id": 1,
        "location": "RACK-B2-02",
        "status": "open",
        "started_by": "ann",
        "started_at": "2025-04-15T15:00:00.123456",
        "closed_by": None,
        "closed_at": None,
        "lines": [
            {
                "sku": "4711M-50B",
                "counted": 28,
                "booked": 30,
                "difference": -2,
                "counted_by": "ann",
                "counted_at": "2025-04-15T15:05:00.123456",
                "operation_id": None,
            }
        ],
    },
    "delivery_json": {
        "id": 1,
        "event": "outflow.created",
        "message_id": "msg_1",
        "status": "failed",
        "attempts": 3,
        "next_attempt_at": "2024-01-16T11:05:00Z",
        "last_status": 503,
        "last_error": None,
        "created_at": "2024-01-16T11:00:00Z",
    },
    "inflow_json": {
        "id": 1,
        "supplier": {"id": 1, "name": "Tech Distributors Inc."},
        "product": _GALAXY,
        "quantity": 20,
        "description": "Monthly restock",
        "created_at": "2024-01-15T09:00:00Z",
        "updated_at": "2024-01-15T09:00:00Z",
    },
    "inventory_item_json": {
        "id": 1,
        "sku": "ABC123",
        "sku_id": SKU_ID,
        "name": "Wireless Headphones",
        "description": None,
        "price": 99.99,
        "availableStock": 85,
        "reservedStock": 10,
        "blockedStock": 5,
        "onHandStock": 100,
    },
    "inventory_json": _INVENTORY,
    "movement_json": {
        "id": 7,
        "kind": "sale",
        "quantity": "-10.000",
        "on_hand_before": "90.000",
        "on_hand_after": "80.000",
        "reserved_before": "0.000",
        "reserved_after": "0.000",
        "blocked_before": "0.000",
        "blocked_after": "0.000",
        "cost": "350.000",
        "reference": "sale:1",
        "reason": None,
        "actor": "admin",
        "occurred_at": "2025-01-15T11:00:00",
        "created_at": "2025-01-15T11:00:00",
    },
    "outflow_json": {
        "id": 1,
        "product": _GALAXY,
        "quantity": 5,
        "description": "Sale to customer #1234",
        "created_at": "2024-01-15T14:30:00Z",
        "updated_at": "2024-01-15T14:30:00Z",
    },
    "pagination": {
        "page": 1,
        "per_page": 20,
        "total": 1,
        "pages": 1,
        "has_next": False,
        "has_prev": False,
        "is_total_exact": True,
    },
    "price_json": {
        "id": 2,
        "product_id": 1,
        "amount": "60.000",
        "price_type": "retail",
        "effective_from": "2025-01-15T12:00:00",
        "effective_to": None,
        "created_at": "2025-01-15T12:00:00",
        "updated_at": "2025-01-15T12:00:00",
    },
    "product_json": _POTATOES
    | {"description": None, "created_at": "2025-01-15T09:30:00", "updated_at": "2025-01-15T09:30:00"},
    "purchase_json": _PURCHASE,
    "sale_json": _SALE,
    "supplier_json": _SUPPLIER,
    "stock_line_json": _STOCK,
    "unit_json": _KILOGRAM,
    "user_json": {"id": 2, "username": "ann", "role": "employee", "is_active": True, **_TIMES},
    "webhook_json": _WEBHOOK,
}

_COUNTED = {"quantity": 100, "counted_at": "2024-01-15T09:00:00Z", "reason": "The morning's count"}
_STOCK_COUNT = {
    "counted_at": "2024-01-15T09:00:00Z",
    "quantity": 100,
    "difference": -2,
    "item": SHAPES["inventory_item_json"],
}

# By function: the answers that are more than a shape, a page of shapes, or a shape under its name.
ANSWERS: dict[str, Any] = {
    "art_orders_health": {
        "status": "healthy",
        "message": "ART Orders API endpoints are available",
        "timestamp": "2025-04-15T15:00:00.123456",
    },
    "cancel_block": _CANCELLED_BLOCK,
    "cancel_hold": _HOLD | {"blocks": [_CANCELLED_BLOCK]},
    "convert_block": _CONVERTED_BLOCK,
    "convert_hold": _HOLD | {"blocks": [_CONVERTED_BLOCK]},
    "create_blocks": {"blocks": [_BLOCK], "total": 1, "missing": []},
    "extend_hold": _HOLD,
    "get_hold": _HOLD,
    "set_hold": _HOLD | {"missing": [_MISSING]},
    "set_stock": _STOCK_COUNT,
    "set_stocks": {"items": [_STOCK_COUNT], "total": 1},
    "create_purchase": {
        "purchase_item": _PURCHASE,
        "inventory": _INVENTORY | {"quantity": "90.000", "available": "90.000"},
    },
    "create_sale": {"sale_item": _SALE, "inventory": _INVENTORY | {"quantity": "80.000", "available": "80.000"}},
    "create_sku": {
        "sku_id": SKU_ID,
        "sku_code": "ABC123",
        "name": "Wireless Headphones",
        "quantity": 100,
        "price": 99.99,
        "created_at": "2023-12-25T10:30:00Z",
    },
    "create_webhook": _WEBHOOK | {"secret": _SECRET},
    "get_location_stock": {"location": "RACK-A1-01", "stock": [{"sku": "4711M-50B", "quantity": 50}], "total": 1},
    "get_me": {"username": "olga", "role": "operator", "may": ["add_stock", "cancel_block", "cancel_count"]},
    "get_stock": _STOCK
    | {
        "description": "Washed",
        "locations": [{"location": "RACK-A1-01", "quantity": 40}],
        "unplaced": 10.5,
        "parts": [],
    },
    "get_sku": {
        "sku_id": SKU_ID,
        "sku_code": "ABC123",
        "name": "Wireless Headphones",
        "quantity": 100,
        "reserved": 0,
        "blocked": 5,
        "available": 95,
        "price": 99.99,
        "created_at": "2023-12-25T10:30:00Z",
        "blocks": [_BLOCK],
        "parts": [],
    },
    "set_kit_parts": {
        "sku_id": SKU_ID,
        "sku_code": "ABC123",
        "name": "Wireless Headphones",
        "quantity": 50,
        "reserved": 0,
        "blocked": 0,
        "available": 50,
        "price": 99.99,
        "created_at": "2023-12-25T10:30:00Z",
        "blocks": [],
        "parts": [{"sku_id": PART_ID, "sku_code": "PAD-1", "quantity": 2}],
    },
    "get_valuation": {
        "valuation": {
            "product_id": 1,
            "product": _POTATOES,
            "as_of": "2025-01-15T11:00:00",
            "quantity": "30.000",
            "total_value": "1050.000",
            "average_cost": "35.000",
            "quantity_without_cost": "0.000",
            "moving_average_cost": "35.000",
            "layers": [
                {
                    "id": 1,
                    "received_at": "2025-01-15T10:30:00",
                    "quantity": "40.000",
                    "remaining": "30.000",
                    "unit_cost": "35.000",
                    "remaining_value": "1050.000",
                }
            ],
        }
    },
    "import_products": {"imported": 2},
    "list_art_orders": {
        "orders": [
            {
                "operation_id": 12345,
                "operation_type": "Add",
                "sku": "4711M-50B",
                "quantity": 50,
                "from_location": None,
                "to_location": "RACK-A1-01",
                "reason": "Restocking",
                "actor": "anonymous",
                "timestamp": "2025-04-15T14:30:25.123456",
            }
        ],
        "next": None,
    },
    "list_seals": {
        "seals": [
            {
                "number": 1,
                "hour": "2026-11-22T10:00:00Z",
                "first": "8153-20417",
                "last": "9201-21430",
                "movements": 812,
                "hash": "5a2d3e0f6c1b4987a0f1e2d3c4b5a69788796a5b4c3d2e1f0a1b2c3d4e5f6071",
                "previous": None,
                "sealed_at": "2026-11-22T11:00:02.123456Z",
            }
        ],
        "next": 1,
    },
    "list_blocks": {
        "blocks": [
            _BLOCK | {"sku_code": "ABC123", "product_id": 1, "name": "Wireless Headphones", "unit": "pc"},
        ],
        "total": 1,
    },
    "list_changes": {
        "changes": [
            {
                "cursor": "8153-20417",
                "type": "movement",
                "product_id": 1,
                "sku_id": SKU_ID,
                "sku": "ABC123",
                "actor": "ann",
                "occurred_at": "2026-11-22T10:30:00.000000Z",
                "created_at": "2026-11-22T10:30:00.000000Z",
                "data": {
                    "id": 20417,
                    "number": 7,
                    "kind": "reserve",
                    "on_hand_before": 100,
                    "on_hand_after": 100,
                    "reserved_before": 0,
                    "reserved_after": 5,
                    "blocked_before": 5,
                    "blocked_after": 5,
                    "available_before": 95,
                    "available_after": 90,
                    "reference": None,
                    "reason": None,
                },
            }
        ],
        "next": "8153-20417",
    },
    "list_counts": {"counts": [SHAPES["count_json"]], "next": None},
    "list_daily_sales": {
        "days": [
            {
                "date": "2026-11-22",
                "sales": 12,
                "quantity": 29.5,
                "revenue": "73.750",
                "cost": "44.250",
                "margin": "29.500",
                "quantity_returned": 1,
                "sales_without_cost": 0,
            }
        ]
    },
    "list_stock": {"stock": [_STOCK], "next": 1},
    "list_locations": {"locations": [{"code": "RACK-A1-01", "quantity": 50, "products": 1}], "total": 1},
    "list_product_purchases": {
        "product": SHAPES["product_json"],
        "purchases": [_PURCHASE],
        "totals": {"total_quantity": "60.000", "total_cost": "1950.000", "average_cost": "32.500"},
        "pagination": SHAPES["pagination"],
    },
    "list_product_sales": {
        "product": SHAPES["product_json"],
        "sales": [_SALE],
        "totals": {
            "total_quantity": "15.000",
            "total_revenue": "900.000",
            "average_price": "60.000",
            "total_cost": "525.000",
            "gross_margin": "375.000",
        },
        "pagination": SHAPES["pagination"],
    },
    "obtain_token": {"access": _TOKEN, "refresh": _TOKEN},
    "place_orders": {
        "status": "partial",
        "results": [
            _ADDED,
            {
                "status": "error",
                "message": "Insufficient stock of SKU 4711M-50B at location RACK-A1-01",
                "error_code": "INSUFFICIENT_STOCK",
            },
        ],
    },
    "refresh_token": {"access": _TOKEN},
    "return_sale": {"sale_item": _RETURN, "inventory": _INVENTORY | {"quantity": "82.000", "available": "82.000"}},
    "rotate_webhook_secret": _WEBHOOK | {"secret": _SECRET},
    "verify_token": {},
}
_OF_A_PAGE = {"count": 1, "next": None, "previous": None}

_ADD = {"type": "Add", "sku": "4711M-50B", "quantity": 50, "to_location": "RACK-A1-01", "reason": "Restocking"}
_REMOVE = _ADD | {"type": "Remove", "quantity": 20, "from_location": "RACK-A1-01", "reason": "Damaged goods"}
del _REMOVE["to_location"]
_TRANSFER = {
    "type": "Transfer",
    "sku": "4711M-50B",
    "quantity": 30,
    "from_location": "RACK-A1-01",
    "to_location": "RACK-B2-02",
    "reason": "Reorganizing inventory",
}
_BRAND = {"name": "LG", "description": "Korean electronics manufacturer"}
_NEW_BRAND = {"name": "Samsung Electronics", "description": "Updated description"}
_NEW_CATEGORY = {"name": "Consumer Electronics", "description": "Updated description"}
_CATALOG_SUPPLIER = {"name": "Global Supplies Ltd.", "description": "International supplier"}
_PRODUCT = {
    "title": "iPhone 15 Pro",
    "category": 1,
    "brand": 2,
    "description": "Apple flagship phone",
    "cost_price": "899.00",
    "selling_price": "1199.00",
    "quantity": 30,
}

# By the name of the operation.
REQUESTS: dict[str, Any] = {
    "add_stock": {"amount": 5},
    "set_kit_parts": {"parts": [{"sku_id": PART_ID, "quantity": 2}]},
    "set_stock": _COUNTED,
    "set_stocks": {"items": [{"id": "1"} | _COUNTED]},
    "cancel_block": {"reason": "Order cancelled by customer"},
    "cancel_hold": {"reason": "Order cancelled by customer"},
    "consume_stock": {"amount": 5},
    "convert_block": {"reason": "Order confirmed - SKU ABC123"},
    "convert_hold": {"reason": "Order confirmed - SKU ABC123"},
    "create_block": {"quantity": 5, "reason": "Order processing", "expires_at": "2023-12-25T12:00:00Z"},
    "create_blocks": {"items": [{"sku_id": SKU_ID, "quantity": 5}], "reason": "Order processing"},
    "create_brand": _BRAND,
    "create_catalog_product": _PRODUCT,
    "create_catalog_supplier": _CATALOG_SUPPLIER,
    "create_category": {"name": "Home Appliances", "description": "Household appliances"},
    "create_inflow": {"supplier": 1, "product": 1, "quantity": 50, "description": "Emergency restock"},
    "create_inventory_item": {"sku": "ABC123", "name": "Wireless Headphones", "price": 99.99, "stock": 100},
    "create_outflow": {"product": 1, "quantity": 10, "description": "Bulk sale"},
    "create_price": {"amount": 60, "price_type": "retail", "close_old_price": True},
    "create_purchase": {"product_id": 1, "supplier_id": 5, "quantity": 40, "unit_cost": 35},
    "create_sale": {"product_id": 1, "quantity": 10, "unit_price": 60},
    "create_sku": {"sku_code": "ABC123", "name": "Wireless Headphones", "quantity": 100, "price": 99.99},
    "create_supplier": {name: _SUPPLIER[name] for name in ("name", "phone_number", "business_name", "email")},
    "create_unit": {"name": "Crate", "symbol": "cr"},
    "create_user": {"username": "ann", "password": "a long password", "role": "employee"},
    "create_webhook": {"url": "https://shop.example/hooks", "events": ["outflow.created", "stock.low"]},
    "extend_block": {"expires_at": "2023-12-25T13:00:00Z"},
    "extend_hold": {"expires_at": "2023-12-25T13:00:00Z"},
    "set_hold": {"items": [{"sku_id": SKU_ID, "quantity": 8}], "reason": "Order processing", "allow_partial": True},
    "initialize_inventory": {"unit_id": 3, "quantity": 0, "reorder_point": 20},
    "obtain_token": {"username": "admin", "password": "yourpassword"},
    "place_order": {"Add": _ADD, "Remove": _REMOVE, "Transfer": _TRANSFER},
    "place_orders": {"orders": [_ADD, _TRANSFER], "atomic": True},
    "record_count_lines": {"lines": [{"sku": "4711M-50B", "quantity": 28}]},
    "refresh_token": {"refresh": _TOKEN},
    "register_product": {"name": "Potatoes", "sku": "POT-001"},
    "release_stock": {"amount": 5},
    "replace_brand": _NEW_BRAND,
    "replace_catalog_product": _PRODUCT | {"title": "iPhone 15 Pro Max"},
    "replace_catalog_supplier": _CATALOG_SUPPLIER,
    "replace_category": _NEW_CATEGORY,
    "replace_webhook": {"url": "https://shop.example/hooks", "events": ["price.changed"]},
    "reserve_stock": {"amount": 5},
    "return_sale": {"quantity": 2, "reason": "Damaged"},
    "rotate_webhook_secret": {"overlap_seconds": 3600},
    "start_count": {"location": "RACK-B2-02"},
    "update_brand": _NEW_BRAND,
    "update_catalog_product": {"title": "Samsung Galaxy S23 Ultra", "selling_price": "899.99", "quantity": 45},
    "update_catalog_supplier": _CATALOG_SUPPLIER,
    "update_category": _NEW_CATEGORY,
    "update_inventory": {"quantity": 60, "reorder_point": 25},
    "update_user": {"role": "admin"},
    "update_webhook": {"enabled": False},
    "verify_token": {"token": _TOKEN},
}
_SEVERAL = ("place_order",)

# By function and status.
ERRORS: dict[tuple[str, int], Any] = {
    ("place_order", 400): {
        "detail": {
            "status": "error",
            "message": "Insufficient stock of SKU 4711M-50B at location RACK-A1-01",
            "error_code": "INSUFFICIENT_STOCK",
            "timestamp": "2025-04-15T14:50:25.654321",
        }
    },
    ("place_order", 404): {
        "detail": {
            "status": "error",
            "message": "SKU NONEXISTENT-SKU does not exist in the products table",
            "error_code": "INVALID_SKU",
            "timestamp": "2025-04-15T14:45:30.123456",
        }
    },
    ("place_order", 422): {
        "detail": [
            {
                "type": "value_error",
                "loc": ["body", "to_location"],
                "msg": "Value error, Location must follow format RACK-A1-01 (RACK-<section><aisle>-<position>)",
                "input": {"type": "Add", "sku": "4711M-50B", "quantity": 50, "to_location": "INVALID-LOCATION"},
            }
        ]
    },
}

FILES: dict[str, str] = {
    CSV_TYPES[0]: "title,category,brand,cost_price,selling_price,quantity\niPhone 15 Pro,1,2,899.00,1199.00,30\n",
    JSON_TYPES[0]: '{"title": "iPhone 15 Pro", "category": 1, "brand": 2, "cost_price": "899.00", '
    '"selling_price": "1199.00", "quantity": 30}\n',
}

_PARAMETERS: dict[str, Any] = {"sku_id": SKU_ID, "block_id": BLOCK_ID, "code": "RACK-A1-01", "owner": "cart-7"}


def parameter(name: str, kind: str) -> Any:
    """Returns the example of a path's parameter."""
    return _PARAMETERS.get(name, 1 if kind == "bigint" else "1")


def request(operation: str) -> dict[str, Any]:
    """Returns the example, or the named examples, of a body."""
    value = REQUESTS[operation]
    if operation in _SEVERAL:
        return {"examples": {name: {"value": each} for name, each in value.items()}}
    return {"example": value}


def answer(function: Function) -> dict[str, Any]:
    """Returns the example of what a function returns."""
    return {"example": ANSWERS[function.name] if function.name in ANSWERS else _of(function.returns)}


def error(function: str, status: int) -> dict[str, Any]:
    """Returns the example of an error, where the document has one."""
    return {"example": ERRORS[function, status]} if (function, status) in ERRORS else {}


def _of(sketch: Any) -> Any:
    """Returns the example of a sketch that is put together of shapes."""
    if isinstance(sketch, dict):
        return {
            key: _OF_A_PAGE[key] if key in _OF_A_PAGE and each not in SHAPES else _of(each)
            for key, each in sketch.items()
        }
    return [_of(sketch[0])] if isinstance(sketch, list) else SHAPES[sketch]
