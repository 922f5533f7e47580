"""The walk with the client that openapi-python-client makes."""

import json
import sys

from inventory_client import AuthenticatedClient, Client
from inventory_client.api.authentication import obtain_token
from inventory_client.api.catalog import import_products, list_catalog_products
from inventory_client.api.sku_blocks import convert_block, create_block, create_sku
from inventory_client.api.stock_operations import get_inventory_item, reserve_stock
from inventory_client.models import (
    Block,
    CatalogProductPage,
    ConvertBlockRequest,
    ConvertedBlock,
    CreateBlockRequest,
    CreatedSku,
    CreateSkuRequest,
    InventoryItem,
    ObtainTokenRequest,
    Problem,
    StockAmountRequest,
    Tokens,
)

url, sku_code = sys.argv[1:]
public = Client(base_url=url)

tokens = obtain_token.sync(client=public, body=ObtainTokenRequest(username="admin", password="admin"))
assert isinstance(tokens, Tokens)
client = AuthenticatedClient(base_url=url, token=tokens.access)

new = CreateSkuRequest(sku_code=sku_code, name="Wireless Headphones", quantity=100, price=99.99)
sku = create_sku.sync(client=client, body=new)
assert isinstance(sku, CreatedSku)
block = create_block.sync(sku.sku_id, client=client, body=CreateBlockRequest(quantity=5, reason="Order processing"))
assert isinstance(block, Block)
converted = convert_block.sync(block.block_id, client=client, body=ConvertBlockRequest(reason="Order confirmed"))
assert isinstance(converted, ConvertedBlock)
item = get_inventory_item.sync(str(sku.sku_id), client=client)
assert isinstance(item, InventoryItem)
refusal = reserve_stock.sync(
    str(sku.sku_id), client=client, body=StockAmountRequest(amount=96), idempotency_key=sku_code
)
assert isinstance(refusal, Problem)
page = list_catalog_products.sync(client=client, page=1, page_size=2)
assert isinstance(page, CatalogProductPage)
assert callable(import_products.sync)

print(
    json.dumps(
        {
            "block": block.status,
            "converted": converted.status,
            "available": item.available_stock,
            "refusal": refusal.code,
            "page": len(page.results),
        }
    )
)
