"""The walk with the tools of the sample in docs/agents.md, called as an agent calls them."""

import asyncio
import json
import os
import re
import sys
from pathlib import Path
from typing import Any

from fastmcp import Client
from fastmcp.exceptions import ToolError

url, sku_code = sys.argv[1:]
os.environ |= {"INVENTORY_URL": url, "INVENTORY_USER": "admin", "INVENTORY_PASSWORD": "admin"}
page = Path(__file__).resolve().parents[3] / "docs" / "agents.md"
(sample,) = re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)
names: dict[str, Any] = {"__name__": "sample"}
exec(compile(sample, str(page), "exec"), names)


async def walk() -> dict[str, Any]:
    async with Client(names["server"]) as agent:
        tools = {tool.name: tool for tool in await agent.list_tools()}
        assert {"create_sku", "create_block", "convert_block", "get_inventory_item", "reserve_stock"} <= tools.keys()
        assert "delete_catalog_product" not in tools
        assert "Idempotency-Key" in tools["create_block"].input_schema["properties"]

        async def call(name: str, /, **arguments: Any) -> Any:
            return (await agent.call_tool(name, arguments)).structured_content

        new = {"sku_code": sku_code, "name": "Wireless Headphones", "quantity": 100, "price": 99.99}
        sku = await call("create_sku", **new, **{"Idempotency-Key": sku_code})
        again = await call("create_sku", **new, **{"Idempotency-Key": sku_code})
        assert again == sku
        block = await call("create_block", sku_id=sku["sku_id"], quantity=5, reason="Order processing")
        converted = await call("convert_block", block_id=block["block_id"], reason="Order confirmed")
        item = await call("get_inventory_item", id=sku["sku_id"])
        refusal = ""
        try:
            await call("reserve_stock", id=sku["sku_id"], amount=96)
        except ToolError as error:
            refusal = "INSUFFICIENT_STOCK" if "INSUFFICIENT_STOCK" in str(error) else str(error)
        page = await call("list_inventory_items", limit=2)
        return {
            "block": block["status"],
            "converted": converted["status"],
            "available": item["availableStock"],
            "refusal": refusal,
            "page": len(page["result"]),
        }


print(json.dumps(asyncio.run(walk())))
