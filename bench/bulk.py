"""Measures bulk calls over HTTP: ART orders in lines per second, and the duration of an import of products.

python -m bench.bulk [CHECKOUT]      starts the server, or that of another checkout, with a temporary cluster;
                                     four clients send calls of 1000 orders
"""

from __future__ import annotations

import collections
import contextlib
import itertools
import json
import os
import random
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg

from tools.cluster import Cluster

ROOT = Path(__file__).resolve().parent.parent
PRODUCTS = 2000
CLIENTS = 4
LINES = 1000
CALLS = 5  # different calls of each client, which it repeats
SECONDS = 10.0
STOCK = "RACK-Z0-00"  # has enough of each product for all Removes and Transfers
STOCKED = 1_000_000
IMPORTED = 100_000


def mixed(draw: random.Random, products: int) -> dict[str, object]:
    """Returns an order that is never refused. Half of the orders are Adds, the others are of the four other types."""

    def place() -> str:
        return f"RACK-{draw.choice('ABCDE')}{draw.randrange(10)}-{draw.randrange(10):02}"

    kind = draw.choice(["Add", "Add", "Add", "Add", "Remove", "Transfer", "Count", "Adjust"])
    order: dict[str, object] = {"type": kind, "sku": f"B-{draw.randrange(products)}", "quantity": draw.randrange(1, 9)}
    if kind in ("Remove", "Transfer"):
        order["from_location"] = STOCK
    if kind != "Remove":
        order["to_location"] = place()
    return order


def post(url: str, body: bytes, kind: str = "application/json", token: str = "") -> str:
    """Send a POST. Returns the member `status` of the answer if it has one, else the HTTP status."""
    headers = {"Content-Type": kind} | ({"Authorization": f"Bearer {token}"} if token else {})
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=60) as answer:
            return str(json.load(answer).get("status", answer.status))
    except urllib.error.HTTPError as error:
        return str(error.code)


def bulk(url: str, products: int) -> str:
    """Send orders for this number of products, and describe the lines per second and the answers."""

    draw = random.Random(products)
    bodies = [
        json.dumps({"orders": [mixed(draw, products) for _ in range(LINES)]}).encode() for _ in range(CLIENTS * CALLS)
    ]

    def client(number: int) -> collections.Counter[str]:
        answers: collections.Counter[str] = collections.Counter()
        for body in itertools.cycle(bodies[number::CLIENTS]):
            answers[post(f"{url}/api/v1/art_orders", body)] += 1
            if time.perf_counter() - begin >= SECONDS:
                break
        return answers

    begin = time.perf_counter()
    with ThreadPoolExecutor(CLIENTS) as pool:
        answers = sum(pool.map(client, range(CLIENTS)), collections.Counter())
    seconds = time.perf_counter() - begin
    return f"{answers['success'] * LINES / seconds:.0f} lines a second; answers: {dict(answers)}"


def load(url: str) -> str:
    """Import IMPORTED products as CSV, and describe the duration and the answer."""
    login = urllib.request.Request(
        f"{url}/api/v1/authentication/token/",
        json.dumps({"username": "admin", "password": "admin"}).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(login) as answer:
        token = json.load(answer)["access"]
    for name in ("brands", "categories"):
        post(f"{url}/api/v1/{name}/", b'{"name": "B"}', token=token)
    lines = (f"Product {number},1,1,4.00,19.90,200\n" for number in range(IMPORTED))
    body = ("title,category,brand,cost_price,selling_price,quantity\n" + "".join(lines)).encode()
    begin = time.perf_counter()
    status = post(f"{url}/api/v1/products/import/", body, "text/csv", token)
    return f"{time.perf_counter() - begin:.1f} s; answer: {status}"


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="inventory-bench-") as directory:
        environment = os.environ | {"DATA_DIR": directory, "PORT": "0", "ENV_FILE": ".env.dev"}
        server = subprocess.Popen(
            [sys.executable, "-m", "tools.run"],
            cwd=(sys.argv[1:] or [ROOT])[0],
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert server.stdout is not None
        try:
            url = next(line.split()[-1] for line in server.stdout if line.startswith("Inventory on"))
            with psycopg.connect(Cluster(Path(directory)).dsn(dbname="inventory"), autocommit=True) as connection:
                connection.execute(
                    "select inventory.create_product('B-' || g, 'B', p_cost_price => 2)"
                    " from generate_series(0, %s) as g",
                    [PRODUCTS - 1],
                )
            for start in range(0, PRODUCTS, LINES):
                orders = [
                    {"type": "Add", "sku": f"B-{number}", "quantity": STOCKED, "to_location": STOCK}
                    for number in range(start, start + LINES)
                ]
                stocked = post(f"{url}/api/v1/art_orders", json.dumps({"orders": orders}).encode())
                assert stocked == "success", stocked
            print(f"mixed orders for {PRODUCTS} products: {bulk(url, PRODUCTS)}", flush=True)
            print(f"mixed orders for one product: {bulk(url, 1)}", flush=True)
            print(f"import of {IMPORTED} products: {load(url)}", flush=True)
        finally:
            server.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                server.wait(60)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
