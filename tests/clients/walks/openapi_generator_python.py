"""The walk with the client that openapi-generator makes for Python."""

import json
import sys

from openapi_client import (
    ApiClient,
    AuthenticationApi,
    CatalogApi,
    Configuration,
    ConvertBlockRequest,
    CreateBlockRequest,
    CreateSkuRequest,
    ObtainTokenRequest,
    SKUBlocksApi,
    StockAmountRequest,
    StockOperationsApi,
)
from openapi_client.exceptions import ConflictException

url, sku_code = sys.argv[1:]
configuration = Configuration(host=url)
client = ApiClient(configuration)
blocks, stock = SKUBlocksApi(client), StockOperationsApi(client)

sku = blocks.create_sku(CreateSkuRequest(sku_code=sku_code, name="Wireless Headphones", quantity=100, price=99.99))
block = blocks.create_block(sku.sku_id, CreateBlockRequest(quantity=5, reason="Order processing"))
converted = blocks.convert_block(block.block_id, convert_block_request=ConvertBlockRequest(reason="Order confirmed"))
item = stock.get_inventory_item(str(sku.sku_id))
try:
    stock.reserve_stock(str(sku.sku_id), StockAmountRequest(amount=96), idempotency_key=sku_code)
except ConflictException as error:
    refusal = error.data.code if error.data else None
configuration.access_token = (
    AuthenticationApi(client).obtain_token(ObtainTokenRequest(username="admin", password="admin")).access
)
page = CatalogApi(client).list_catalog_products(page=1, page_size=2)

print(
    json.dumps(
        {
            "block": block.status,
            "converted": converted.status,
            "available": item.available_stock,
            "refusal": refusal,
            "page": len(page.results),
        }
    )
)
