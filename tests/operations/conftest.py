"""Clusters of a test's own, and clients that write to a server until they are told to stop."""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from tests.conftest import PATIENCE, Database
from tests.process import ROOT
from tools.cluster import Cluster

NAME = "inventory"

NewCluster = Callable[..., Cluster]


@pytest.fixture
def new_cluster() -> Iterator[NewCluster]:
    """new_cluster(**settings): one more cluster, not yet started. What it acknowledges is committed."""
    clusters: list[Cluster] = []

    def make(**settings: str) -> Cluster:
        directory = Path(tempfile.mkdtemp(prefix="inventory-test-"))
        directory.chmod(0o755)
        clusters.append(Cluster(directory, throwaway=True, settings={"synchronous_commit": "on", **settings}))
        return clusters[-1]

    yield make
    for cluster in reversed(clusters):
        cluster.destroy()
        shutil.rmtree(cluster.directory, ignore_errors=True)


def commands(guide: str) -> list[str]:
    """The shell blocks of docs/howto/<guide>.md, in order."""
    return re.findall(
        r"^```sh\n(.*?)^```$", (ROOT / "docs" / "howto" / f"{guide}.md").read_text(), re.DOTALL | re.MULTILINE
    )


def run_command(command: str, cluster: Cluster, **environment: str) -> str:
    """What the command prints, run in the checkout with the cluster's programs. Fails where one of its lines does."""
    return run_shell(command, {"PATH": f"{cluster.binaries}:{os.environ['PATH']}", **environment}, cwd=ROOT)


def run_shell(command: str, environment: dict[str, str], **options: Any) -> str:
    """What the command prints. ``options``: of subprocess.run. Fails where one of its lines does."""
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-euc", command],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        **options,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def as_owner_of(cluster: Cluster, directory: Path) -> None:
    """Give the directory to the account that the cluster runs as: a test that runs as root made it."""
    owner = cluster.data_directory.stat()
    for path in [directory, *directory.rglob("*")]:
        os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


def run_sql(conninfo: str, *statements: str) -> None:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def rows(conninfo: str, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        return connection.execute(query.encode(), parameters or None).fetchall()


class Writers:
    """Clients that write over HTTP, each in a thread, until one is refused or ``stop`` is called.

    ``blocks``, ``sales``: the ids of what was acknowledged so far; ``refused``: what ended each, an answer or an error.
    """

    def __init__(self, admin: httpx.Client, products: list[int], sku_ids: list[str], threads: int = 3) -> None:
        self.blocks: list[str] = []
        self.sales: list[int] = []
        self.refused: list[Any] = []
        self._admin = admin
        self._products = list(zip(products, sku_ids, strict=True))
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._write, args=(n,), daemon=True) for n in range(threads)]
        for thread in self._threads:
            thread.start()

    def _write(self, number: int) -> None:
        draw = random.Random(number)
        while not self._stop.is_set():
            product, sku_id = draw.choice(self._products)
            try:
                block = self._admin.post(f"/sku/{sku_id}/temporary-block", json={"quantity": 1})
                if block.status_code == 200:
                    self.blocks.append(block.json()["block_id"])
                    sold = {"product_id": product, "quantity": "1", "unit_price": "3"}
                    sale = self._admin.post("/inventory/sales", json=sold)
                    if sale.status_code == 201:
                        self.sales.append(sale.json()["sale_item"]["id"])
                        continue
                    block = sale
                self.refused.append(block)
            except httpx.HTTPError as error:
                self.refused.append(error)
            return

    def acknowledged(self) -> tuple[set[str], set[int]]:
        return set(self.blocks), set(self.sales)

    def wait_for(self, more: int) -> None:
        """Return when so many more sales are acknowledged."""
        count = len(self.sales) + more
        Database.wait_for(lambda: len(self.sales) >= count or self.refused)
        assert not self.refused, [getattr(each, "text", each) for each in self.refused]

    def join(self) -> None:
        """Return when each of them was refused."""
        for thread in self._threads:
            thread.join(PATIENCE)
            assert not thread.is_alive()

    def stop(self) -> None:
        self._stop.set()
        self.join()


def written(conninfo: str) -> tuple[set[str], set[int]]:
    """The ids of the blocks and the sales that there are."""
    blocks = {block for (block,) in rows(conninfo, "select id::text from store.block")}
    return blocks, {sale for (sale,) in rows(conninfo, "select id from store.sale")}


def stock_up(conninfo: str, count: int = 3) -> tuple[list[int], list[str]]:
    """The ids and SKU ids of new products with much stock; and the admin root, whose password is secret."""
    run_sql(conninfo, "update store.setting set password_cost = 4, password_length_minimum = 6")
    rows(conninfo, "select maintenance.create_user('root', 'secret', 'admin')")
    made = rows(
        conninfo,
        "select p.id, p.sku_id::text from generate_series(1, %s) as g, lateral inventory.create_product("
        "'W-' || g, 'W', p_quantity => 1000000, p_cost_price => 1.5, p_price => 3) as p",
        count,
    )
    return [product for product, _ in made], [sku_id for _, sku_id in made]
