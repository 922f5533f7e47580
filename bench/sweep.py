"""A month without a sweep, then one: how long it takes, and how long others wait for it.

python -m bench.sweep                       a million expired blocks, half of them of one product
python -m bench.sweep --blocks 100000
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo

from db.apply import apply
from tools.cluster import Cluster

PRODUCTS = 1000
SETTINGS = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on", "max_wal_size": "4GB"}

# Half of the blocks are product 1's, the others' are spread evenly. Each ended within the last 30 days.
LOAD = """
select count(inventory.create_product('S-' || g, 'S', p_quantity => 100000000))
from generate_series(1, {products}) as g;

create temporary table expired as
select
    inventory.uuid_v7(now() - interval '31 days' + n * interval '1 millisecond') as id,
    case when n % 2 = 0 then 1 else n / 2 % {products} + 1 end as product_id,
    now() - interval '30 days' * random() as expires_at,
    n
from generate_series(1, {blocks}) as n;

insert into store.block (id, product_id, quantity, expires_at, created_at, created_by)
select l.id, l.product_id, 1, l.expires_at, now() - interval '31 days', 'bench' from expired as l order by l.n;

insert into store.movement (
    product_id, number, kind, on_hand_before, on_hand_after, reserved_before, reserved_after, blocked_before,
    blocked_after, reference, actor, occurred_at, created_at
)
select
    l.product_id, 1 + l.place, 'block', 100000000, 100000000, 0, 0, l.place - 1, l.place, l.id::text, 'bench',
    now() - interval '31 days', now() - interval '31 days'
from (select *, row_number() over (partition by product_id order by n) as place from expired) as l
order by l.n;

update store.stock as s
set blocked = c.count, last_number = 1 + c.count
from (select product_id, count(*) from expired group by product_id) as c
where s.product_id = c.product_id;
drop table expired;
do $$ begin while maintenance.make_partitions(p_limit => 2000000000) = 1 loop null; end loop; end $$;
vacuum analyze;
"""


class Prober(threading.Thread):
    """Reserves a unit and gives it back, of one product, over and over: how long each call takes."""

    def __init__(self, conninfo: str, product: int) -> None:
        super().__init__(daemon=True)
        self.times: list[float] = []
        self.stop = threading.Event()
        self._conninfo = make_conninfo(conninfo, user="inventory_operator")
        self._product = product

    def run(self) -> None:
        with psycopg.connect(self._conninfo, autocommit=True) as connection:
            while not self.stop.is_set():
                for function in ("reserve_stock", "release_stock"):
                    begin = time.perf_counter()
                    connection.execute(f"select inventory.{function}(%s, 1)".encode(), [self._product])
                    self.times.append(time.perf_counter() - begin)
                self.stop.wait(0.002)


def describe(times: list[float]) -> str:
    times = sorted(times)
    return ", ".join(
        f"{name} {1000 * times[min(int(len(times) * share), len(times) - 1)]:.1f} ms"
        for name, share in (("median", 0.5), ("p99", 0.99), ("longest", 1.0))
    )


def one(connection: psycopg.Connection[Any], query: str) -> Any:
    row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--blocks", type=int, default=1_000_000)
    blocks = parser.parse_args().blocks
    directory = Path(tempfile.mkdtemp(prefix="inventory-bench-"))
    directory.chmod(0o755)
    cluster = Cluster(directory, throwaway=True, settings=SETTINGS)
    try:
        cluster.start()
        apply(cluster.dsn(), jobs=False)
        with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
            for statement in LOAD.format(products=PRODUCTS, blocks=blocks).split(";\n"):
                if statement.strip():
                    connection.execute(statement.encode())
            probers = [Prober(cluster.dsn(), product) for product in (1, 2)]
            for prober in probers:
                prober.start()
            start_lsn, begin = one(connection, "select pg_current_wal_lsn()"), time.perf_counter()
            runs = ended = 0
            # As pg_cron calls it once a minute, but with no pause between.
            while ended < blocks:
                connection.execute("call maintenance.run_batches('expire_blocks')")
                ended += one(connection, "select last_count from store.job where name = 'expire_blocks'")
                runs += 1
            seconds = time.perf_counter() - begin
            wal = one(connection, f"select pg_current_wal_lsn() - pg_lsn '{start_lsn}'")
            for prober in probers:
                prober.stop.set()
                prober.join()
            batches = connection.execute(
                "select count(*), max(b.count) from"
                " (select count(*) from store.movement where kind = 'expire' group by xmin::text) as b"
            ).fetchone()
            assert batches is not None
            print(
                f"{blocks} blocks ended in {seconds:.1f} s by {runs} runs, {float(wal) / blocks:.0f} bytes of WAL each"
            )
            print(f"{batches[0]} batches of at most {batches[1]}, {1000 * seconds / batches[0]:.1f} ms each")
            for what, prober in zip(("the product with half of them", "another product"), probers, strict=True):
                print(f"a caller of {what} ({len(prober.times)} calls): {describe(prober.times)}")
            print(f"differences: {one(connection, 'select count(*) from maintenance.verify()')}")
    finally:
        cluster.destroy()
        shutil.rmtree(directory, ignore_errors=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
