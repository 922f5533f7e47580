"""A bare aiohttp handler with constant answers: shows what the HTTP server alone can do.

python bare.py PORT WORKERS

Its answers are as long as the service's. It parses the body of a POST.
"""

from __future__ import annotations

import json
import os
import sys

import uvloop
from aiohttp import web

PRODUCT = {
    "id": 50000,
    "sku": "SKU-0050000",
    "sku_id": "00000000-0000-7000-8000-00000000c350",
    "name": "Product number 50000",
    "description": None,
    "price": 2.95,
    "availableStock": 100000014,
    "reservedStock": 0,
    "blockedStock": 0,
    "onHandStock": 100000014,
}
CATALOG_PRODUCT = {
    "id": 50000,
    "title": "Product number 50000",
    "category": None,
    "brand": None,
    "description": None,
    "serie_number": None,
    "cost_price": "3.00",
    "selling_price": "2.95",
    "quantity": 100000014,
    "sku": "SKU-0050000",
    "sku_id": "00000000-0000-7000-8000-00000000c350",
    "created_at": "2026-01-01T00:00:00.000000Z",
    "updated_at": "2026-01-01T00:00:00.000000Z",
}
# PostgreSQL writes a row as JSON without spaces.
SEPARATORS = (",", ":")
ITEM = json.dumps(PRODUCT, separators=SEPARATORS).encode()
PAGE = json.dumps(
    {
        "count": 100000,
        "next": "http://127.0.0.1:8000/api/v1/products/?page=3&page_size=20",
        "previous": "http://127.0.0.1:8000/api/v1/products/?page=1&page_size=20",
        "results": [CATALOG_PRODUCT] * 20,
    },
    separators=SEPARATORS,
).encode()


async def item(_: web.Request) -> web.Response:
    return web.Response(body=ITEM, content_type="application/json", charset="utf-8")


async def page(_: web.Request) -> web.Response:
    return web.Response(body=PAGE, content_type="application/json", charset="utf-8")


async def post(request: web.Request) -> web.Response:
    await request.json()
    return web.Response(status=204)


def main() -> None:
    port, workers = int(sys.argv[1]), int(sys.argv[2])
    for _ in range(workers - 1):
        if os.fork() == 0:
            break
    app = web.Application()
    app.add_routes([web.get("/item/{id}", item), web.get("/page", page), web.post("/item/{id}", post)])
    web.run_app(
        app, host="127.0.0.1", port=port, reuse_port=True, access_log=None, print=None, loop=uvloop.new_event_loop()
    )


if __name__ == "__main__":
    main()
