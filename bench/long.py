"""Measures calls for a product with a long history: without movements, and with millions of them.

python -m bench.long                        ten million movements (a quarter of an hour, 10 GB)
python -m bench.long --movements 1000000
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo

from db.apply import apply
from tools.cluster import Cluster

SETTINGS = {"shared_buffers": "1GB", "max_wal_size": "8GB", "work_mem": "64MB"}
REPEATS = 200

# There are 25 units at 2.000 at first. Each pair of movements adds one at 2.000, and takes one from the oldest layer.
LOAD = """
update store.movement set occurred_at = now() - interval '9 days', created_at = now() - interval '9 days';
update store.cost_layer set received_at = now() - interval '9 days';

insert into store.movement (
    product_id, id, number, kind, on_hand_before, on_hand_after, reserved_before, reserved_after, blocked_before,
    blocked_after, cost, actor, occurred_at, created_at, average_quantity, average_value
)
select
    1, 1 + n, 1 + n, case n % 2 when 1 then 'add' else 'remove' end, 25 + (n + 1) % 2, 25 + n % 2,
    0, 0, 0, 0, 2, 'bench', t.at, t.at, 25 + n % 2, 50 + 2 * (n % 2)
from generate_series(1, {movements}) as n
cross join lateral (select now() - ({movements} - n) * interval '1 millisecond' as at) as t;

insert into store.cost_layer (
    product_id, number, id, movement_id, received_at, quantity, remaining, unit_cost, value, remaining_value, is_open
) overriding system value
select 1, 2 * p, 1 + p, 2 * p, m.created_at, 1, l.left, 2, 2, 2 * l.left, l.left > 0
from generate_series(1, {pairs}) as p
cross join lateral (select (p > {pairs} - 25)::integer as left) as l
inner join store.movement as m on m.product_id = 1 and m.id = 2 * p;
update store.cost_layer set remaining = 0, remaining_value = 0, is_open = false where product_id = 1 and id = 1;

insert into store.cost_layer_use (product_id, movement_id, layer_id, quantity, cost)
select 1, 2 * p + 1, case when p <= 25 then 1 else 1 + p - 25 end, 1, 2 from generate_series(1, {pairs}) as p;

update store.stock set last_number = 1 + {movements} where product_id = 1;

select
    setval('store.movement_id_seq', 1 + {movements}),
    setval(pg_get_serial_sequence('store.cost_layer', 'id'), 1 + {pairs});
do $$ begin while maintenance.make_partitions(p_limit => 2000000000) = 1 loop null; end loop; end $$;
vacuum analyze
"""

CALLS = [
    ("reserve", "inventory_operator", "select inventory.reserve_stock(1, 0.001)"),
    ("a sale", "inventory_admin", "select http.create_sale(1, 0.001, 3)"),
    ("page 1 of its movements", "inventory_admin", "select http.list_movements(1)"),
    (
        "page 1000 of its movements",
        "inventory_admin",
        "select http.list_movements(1, p_page => 1000, p_per_page => 10)",
    ),
    ("its valuation now", "inventory_admin", "select http.get_valuation(1)"),
    ("its valuation a minute ago", "inventory_admin", "select http.get_valuation(1, p_as_of => '{minute}')"),
    ("its valuation half of the movements ago", "inventory_admin", "select http.get_valuation(1, p_as_of => '{half}')"),
]


def milliseconds(connection: psycopg.Connection[Any], query: str, repeats: int = REPEATS) -> float:
    """Returns the median time of the call. A slow call is repeated fewer times."""
    times: list[float] = []
    while len(times) < repeats and (len(times) < 3 or sum(times) < 5):
        begin = time.perf_counter()
        connection.execute(query.encode()).fetchall()
        times.append(time.perf_counter() - begin)
    return 1000 * statistics.median(times)


def measure(conninfo: str) -> list[float]:
    """Returns the times of all calls and of verify(), in milliseconds."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        times = connection.execute(
            "select inventory.instant_text(now() - interval '1 minute'),"
            " inventory.instant_text((select m.created_at from store.movement as m order by m.id"
            " offset (select count(*) / 2 from store.movement) limit 1))"
        ).fetchone()
        assert times is not None
        found: list[float] = []
        for _, role, query in CALLS:
            with psycopg.connect(make_conninfo(conninfo, user=role), autocommit=True) as caller:
                caller.execute("set statement_timeout = '10min'")
                found.append(milliseconds(caller, query.format(minute=times[0], half=times[1])))
        begin = time.perf_counter()
        differences = connection.execute("select * from maintenance.verify()").fetchall()
        assert differences == [], differences[:3]
        return [*found, 1000 * (time.perf_counter() - begin)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--movements", type=int, default=10_000_000)
    pairs = parser.parse_args().movements // 2
    directory = Path(tempfile.mkdtemp(prefix="inventory-bench-"))
    directory.chmod(0o755)
    cluster = Cluster(directory, throwaway=True, settings=SETTINGS)
    try:
        cluster.start()
        measured: list[list[float]] = []
        for name, count in (("short", 0), ("long", pairs)):
            with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
                connection.execute(f"create database {name}".encode())
            conninfo = cluster.dsn(dbname=name)
            apply(conninfo, jobs=False)
            with psycopg.connect(conninfo, autocommit=True) as connection:
                connection.execute("select inventory.create_product('L-1', 'L', p_quantity => 25, p_cost_price => 2)")
                if count:
                    for statement in LOAD.format(movements=2 * count, pairs=count).split(";\n"):
                        connection.execute(statement.encode())
            measured.append(measure(conninfo))
        print(f"| | no history | {2 * pairs} movements |\n|---|---|---|")
        for (what, *_), before, after in zip([*CALLS, ("maintenance.verify()",)], *measured, strict=True):
            print(f"| {what} | {before:.1f} ms | {after:.1f} ms |")
    finally:
        cluster.destroy()
        shutil.rmtree(directory, ignore_errors=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
