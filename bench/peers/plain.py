"""aiohttp and psycopg: calls the service's functions, one call per request, with a pool of connections.

python plain.py PORT POOL_SIZE      DATABASE_URL: the service's database, as inventory_operator
"""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator

import psycopg
import uvloop
from aiohttp import web
from psycopg.abc import Buffer
from psycopg.adapt import Loader
from psycopg_pool import AsyncConnectionPool

POOL = web.AppKey("pool", AsyncConnectionPool)
POOL_SIZE = int(sys.argv[2])


class Text(Loader):
    """Returns JSON as bytes, without parsing it."""

    def load(self, data: Buffer) -> bytes:
        return bytes(data)


async def configure(connection: psycopg.AsyncConnection) -> None:
    await connection.set_autocommit(True)
    connection.prepare_threshold = 0
    connection.adapters.register_loader("json", Text)


async def pool(app: web.Application) -> AsyncIterator[None]:
    async with AsyncConnectionPool(
        os.environ["DATABASE_URL"], min_size=POOL_SIZE, max_size=POOL_SIZE, configure=configure
    ) as app[POOL]:
        yield


async def get_item(request: web.Request) -> web.Response:
    async with request.app[POOL].connection() as connection:
        cursor = await connection.execute(
            "select http.get_inventory_item(p_id => %s::text)", [request.match_info["id"]]
        )
        row = await cursor.fetchone()
    assert row is not None
    return web.Response(body=row[0], content_type="application/json", charset="utf-8")


async def reserve(request: web.Request) -> web.Response:
    body = await request.json()
    async with request.app[POOL].connection() as connection:
        await connection.execute(
            "select http.reserve_stock(p_id => %s::text, p_amount => %s::numeric, p_actor => 'anonymous')",
            [request.match_info["id"], body["amount"]],
        )
    return web.Response(status=204)


def main() -> None:
    app = web.Application()
    app.cleanup_ctx.append(pool)
    app.add_routes(
        [web.get("/api/v1/inventory/{id}", get_item), web.post("/api/v1/inventory/{id}/reserveStock", reserve)]
    )
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), access_log=None, print=None, loop=uvloop.new_event_loop())


if __name__ == "__main__":
    main()
