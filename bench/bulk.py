"""ART orders in bulk over HTTP: lines a second.

python -m bench.bulk            a server and a cluster of its own, two clients, calls of 1000 orders
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import psycopg

from tools.cluster import Cluster

ROOT = Path(__file__).resolve().parent.parent
PRODUCTS = 2000
CLIENTS = 2
LINES = 1000
SECONDS = 10.0


def place(draw: random.Random) -> str:
    return f"RACK-{draw.choice('ABCDE')}{draw.randrange(10)}-{draw.randrange(10):02}"


def adds(draw: random.Random) -> dict[str, object]:
    sku, quantity = f"B-{draw.randrange(PRODUCTS)}", draw.randrange(1, 9)
    return {"type": "Add", "sku": sku, "quantity": quantity, "to_location": place(draw)}


def mixed(draw: random.Random) -> dict[str, object]:
    """Half adds, the rest counts and adjustments: orders that are never refused."""
    order = adds(draw)
    return order | {"type": draw.choice(["Add", "Add", "Count", "Adjust"])}


def post(url: str, body: object) -> None:
    request = urllib.request.Request(
        f"{url}/api/v1/art_orders", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert json.load(answer)["status"] == "success"


def lines_a_second(url: str, order: Callable[[random.Random], dict[str, object]]) -> float:
    done: list[int] = []
    begin = time.perf_counter()

    def work(number: int) -> None:
        draw = random.Random(number)
        while time.perf_counter() - begin < SECONDS:
            post(url, {"orders": [order(draw) for _ in range(LINES)]})
            done.append(LINES)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(done) / (time.perf_counter() - begin)


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="inventory-bench-") as directory:
        environment = os.environ | {"DATA_DIR": directory, "PORT": "0", "ENV_FILE": ".env.dev"}
        server = subprocess.Popen(
            [sys.executable, "-m", "tools.run"], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
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
            for name, order in (("adds", adds), ("adds, counts and adjustments", mixed)):
                print(f"{name}: {lines_a_second(url, order):.0f} lines a second")
        finally:
            server.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                server.wait(60)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
