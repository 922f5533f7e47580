"""Measures calls with ten thousand to ten million products, each with ten movements, in 25 monthly partitions.

    python -m bench.growth                          all sizes that fit on the disk, and ten minutes of one hot product
    python -m bench.growth --sizes 1000 10000 --seconds 2 --hot-minutes 0 --output /tmp

Each size has its own database, in a temporary cluster (--directory: where). The database is loaded without fsync and
without indexes, and measured with both: by pgbench, with 8 clients, prepared statements and random products. Writes
growth.md, growth.json and growth.svg to docs.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import platform
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg

from db.apply import apply
from tools.cluster import Cluster

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PLOTTER = ROOT / ".venv-bench" / "bin" / "python"
SIZES = (10_000, 100_000, 1_000_000, 10_000_000)
MONTHS = 25  # the current month and two years before it
SLOTS = 10  # in each month; a slot has one step of every 25th product
WORKERS = 2
BYTES_A_PRODUCT = 4500  # with its movements and all indexes, and a reserve
LOADING = {
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "32GB",
    "checkpoint_timeout": "1h",
    "autovacuum": "off",
    "maintenance_work_mem": "1GB",
    "max_parallel_maintenance_workers": "0",
    "shared_buffers": "2GB",
}
MEASURING = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "max_wal_size": "8GB",
    "shared_buffers": "4GB",
}

# The movements of each product: 1000 units arrive at 2.00 each, 3 are consumed, the rest are reservations.
STEPS = """
(values
    (0, 'initial', 0, 1000, 0, 0, 2000, 1000, 2000),
    (1, 'reserve', 1000, 1000, 0, 5, null, 1000, 2000),
    (2, 'release', 1000, 1000, 5, 3, null, 1000, 2000),
    (3, 'reserve', 1000, 1000, 3, 4, null, 1000, 2000),
    (4, 'consume', 1000, 997, 4, 1, 6, 997, 1994),
    (5, 'release', 997, 997, 1, 0, null, 997, 1994),
    (6, 'reserve', 997, 997, 0, 4, null, 997, 1994),
    (7, 'release', 997, 997, 4, 2, null, 997, 1994),
    (8, 'reserve', 997, 997, 2, 5, null, 997, 1994),
    (9, 'release', 997, 997, 5, 2, null, 997, 1994)
) as s (step, kind, on_hand_before, on_hand_after, reserved_before, reserved_after, cost, quantity, value)
"""

# The ledger is 250 slots in order of time, ten a month; slot 25 * step + r has this step of the products that leave r.
_SLOT = """
insert into store.{table} (
    product_id, id, number, kind, on_hand_before, on_hand_after, reserved_before, reserved_after, blocked_before,
    blocked_after, cost, actor, occurred_at, created_at, average_quantity, average_value
)
select
    p.n * 25 + {slot} % 25 + 1, {slot}::bigint * {per_slot} + p.n + 1, s.step + 1, s.kind, s.on_hand_before,
    s.on_hand_after, s.reserved_before, s.reserved_after, 0, 0, s.cost, 'bench', t.at, t.at, s.quantity, s.value
from {steps}
cross join generate_series(0, {per_slot} - 1) as p (n)
cross join lateral (
    select timestamptz '{slot_start}' + interval '{width} seconds' * (p.n::float8 / {per_slot}) as at
) as t
where s.step = {slot} / 25 and p.n * 25 + {slot} % 25 < {products}
"""

_PRODUCTS = """
insert into store.category (name, created_at, updated_at)
select 'Category ' || g, now(), now() from generate_series(1, 1000) as g;
insert into store.brand (name, created_at, updated_at)
select 'Brand ' || g, now(), now() from generate_series(1, 500) as g;

insert into store.product (
    id, sku_id, sku, name, created_at, updated_at, category_id, brand_id, cost_price, retail_price
) overriding system value
select
    g, inventory.uuid_v7(timestamptz '{start}' + g * interval '1 microsecond'), 'SKU-' || lpad(g::text, 8, '0'),
    initcap(w.words[g % 13 + 1] || ' ' || w.words[g / 13 % 13 + 1] || ' ' || w.words[g / 169 % 13 + 1]) || ' ' || g,
    '{start}', '{start}', g % 1000 + 1, g / 1000 % 500 + 1, 2, (g * 7919::bigint % 10000 + 1) / 100.0
from generate_series(1, {products}) as g
cross join (
    select '{{oak,steel,brass,linen,wool,glass,paper,cotton,amber,cobalt,ivory,scarlet,quartz}}'::text [] as words
) as w;

insert into store.stock (
    product_id, on_hand, reserved, created_at, updated_at, average_quantity, average_value, last_number
)
select g, 997, 2, '{start}', now(), 997, 1994, 10 from generate_series(1, {products}) as g;

insert into store.cost_layer (
    product_id, number, id, movement_id, received_at, quantity, remaining, unit_cost, value, remaining_value
) overriding system value
select
    g, 1, g, (g - 1) % 25 * {per_slot}::bigint + (g - 1) / 25 + 1, '{start}', 1000, 997, 2, 2000, 1994
from generate_series(1, {products}) as g;

insert into store.cost_layer_use (product_id, movement_id, layer_id, quantity, cost)
select g, (100 + (g - 1) % 25) * {per_slot}::bigint + (g - 1) / 25 + 1, g, 3, 6
from generate_series(1, {products}) as g;

insert into store.price (product_id, id, price_type, amount, effective_from, created_at, updated_at)
overriding system value
select g, g, 'retail', (g * 7919::bigint % 10000 + 1) / 100.0, '{start}', '{start}', '{start}'
from generate_series(1, {products}) as g;

insert into store.row_total (subject, category_id, brand_id, delta)
select 'product by category and brand', p.category_id, p.brand_id, count(*)
from store.product as p
group by p.category_id, p.brand_id
union all
select 'product', 0, 0, {products};

select
    setval(pg_get_serial_sequence('store.product', 'id'), {products}),
    setval(pg_get_serial_sequence('store.cost_layer', 'id'), {products}),
    setval(pg_get_serial_sequence('store.price', 'id'), {products}),
    setval('store.movement_id_seq', 250 * {per_slot}::bigint);
"""
LOADED = ("product", "stock", "cost_layer", "cost_layer_use", "price")


@dataclasses.dataclass(frozen=True)
class Operation:
    """A script of pgbench. ``:id`` is a random product, ``{past}`` a day in the past."""

    name: str
    script: str


_SKU_ID = "(select p.sku_id from store.product as p where p.id = :id)"
OPERATIONS = (
    Operation("reserve", "select http.reserve_stock(:id::text, 1);"),
    Operation(
        "block, then convert",
        f"select http.create_block({_SKU_ID}, 1) ->> 'block_id' as block \\gset\n"
        "select http.convert_block(:block::uuid);",
    ),
    Operation("sale", "select http.create_sale(:id, 1, 4);"),
    Operation("get SKU", f"select http.get_sku({_SKU_ID});"),
    Operation("active price", "select http.get_active_price(:id);"),
    Operation("list, page 1 (API 5)", "select http.list_catalog_products();"),
    Operation("list, page 1 (API 3)", "select http.list_products();"),
    Operation("movements of a product", "select http.list_movements(:id);"),
    Operation("valuation as of 40 days ago", "select http.get_valuation(:id, '{past}');"),
    Operation("stock as of 40 days ago", "select a.on_hand from inventory.stock_at('{past}', :id) as a;"),
)
HOT = "select http.reserve_stock('1', 1);\nselect http.release_stock('1', 1);"


@dataclasses.dataclass
class Size:
    """The results with this number of products, by operation: ``calls`` per second, ``latency`` in milliseconds."""

    products: int
    load_seconds: float = 0
    bytes: int = 0
    calls: dict[str, float] = dataclasses.field(default_factory=dict)
    latency: dict[str, float] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Minute:
    """A minute of the hot product: pairs of reserve and release per second, and the table of stock at its end."""

    calls: float
    bytes: int
    dead: int
    hot_share: float


def months(now: datetime) -> list[datetime]:
    """Returns the beginnings of the months, the oldest first, and now."""
    last = now.year * 12 + now.month - 1
    firsts = [datetime(number // 12, number % 12 + 1, 1, tzinfo=UTC) for number in range(last - MONTHS + 1, last + 1)]
    return [*firsts, now]


class Bench:
    def __init__(self, directory: Path, clients: int, seconds: int) -> None:
        self._directory = directory
        self._clients = clients
        self._seconds = seconds
        self._cluster = self._start(LOADING)

    def _start(self, settings: dict[str, str]) -> Cluster:
        cluster = Cluster(self._directory, throwaway=True, settings=settings)
        cluster.start()
        return cluster

    def _restart(self, settings: dict[str, str]) -> None:
        self._cluster.stop()
        os.sync()  # writes out what was loaded without fsync
        self._cluster = self._start(settings)

    def close(self) -> None:
        self._cluster.destroy()

    def _connect(self, database: str) -> psycopg.Connection:
        return psycopg.connect(self._cluster.dsn(dbname=database), autocommit=True)

    def run(self, products: int) -> Size:
        """Drop the previous database, load one, and measure it. It is kept for ``hot``."""
        size = Size(products)
        self._restart(LOADING)
        with self._connect("postgres") as admin:
            admin.execute("drop database if exists growth")
            admin.execute("create database growth")
        began = time.monotonic()
        apply(self._cluster.dsn(dbname="growth"), jobs=False)
        self._load(products)
        size.load_seconds = time.monotonic() - began
        print(f"{products} products: loaded in {size.load_seconds:.0f} s", flush=True)
        with self._connect("growth") as connection:
            size.bytes = _number(connection, "select pg_database_size(current_database())")
        self._restart(MEASURING)
        past = f"{datetime.now(UTC) - timedelta(days=40):%Y-%m-%d}"
        for operation in OPERATIONS:
            script = f"\\set id random(1, {products})\n" + operation.script.replace("{past}", past)
            self._pgbench(script, max(1, self._seconds // 5))  # warms up caches and plans
            size.calls[operation.name], size.latency[operation.name] = self._pgbench(script, self._seconds)
            print(
                f"  {operation.name}: {size.calls[operation.name]:.0f} a second, {size.latency[operation.name]:.2f} ms",
                flush=True,
            )
        return size

    def _load(self, products: int) -> None:
        first, *_ = edges = months(datetime.now(UTC))
        names = {"products": products, "per_slot": -(-products // MONTHS), "start": first.isoformat(), "steps": STEPS}
        with self._connect("growth") as connection:
            current = f"movement_{edges[-2]:%Y_%m}"
            connection.execute(f"alter table store.movement detach partition store.{current}".encode())
            connection.execute(f"drop table store.{current}".encode())
            # Primary keys and unique constraints are kept: foreign keys refer to them.
            indexes = connection.execute(
                "select i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid) from pg_index as i"
                " where i.indrelid = any(%s::regclass[])"
                " and not exists (select from pg_constraint as c where c.conindid = i.indexrelid)",
                [[f"store.{table}" for table in LOADED]],
            ).fetchall()
            for index, _ in indexes:
                connection.execute(f"drop index {index}".encode())

        def month(number: int) -> Callable[[], None]:
            start, end = edges[number : number + 2]
            table = f"movement_{start:%Y_%m}"
            width = (end - start) / SLOTS
            slots = (
                _SLOT.format(
                    **names,
                    table=table,
                    slot=number * SLOTS + place,
                    slot_start=(start + width * place).isoformat(),
                    width=width.total_seconds(),
                )
                for place in range(SLOTS)
            )
            return lambda: self._execute(
                f"create table store.{table} (like store.movement_default including defaults including constraints)",
                *slots,
                f"alter table store.{table} add primary key (product_id, number)",
                f"create index on store.{table} using brin (created_at)"
                " with (pages_per_range = 32, autosummarize = on)",
                f"comment on table store.{table} is 'Movements of a month (UTC).'",
                f"alter table store.{table} owner to inventory_owner",
            )

        def base() -> None:
            self._execute("set local session_replication_role = replica", _PRODUCTS.format(**names))

        self._all([base, *(month(number) for number in range(MONTHS))])
        with self._connect("growth") as connection:
            for start in edges[:-1]:
                until = (start + timedelta(days=32)).replace(day=1)
                connection.execute(
                    f"alter table store.movement attach partition store.movement_{start:%Y_%m}"
                    f" for values from ('{start.isoformat()}') to ('{until.isoformat()}')".encode()
                )
            partitions = connection.execute(
                "select inhrelid::regclass::text from pg_inherits where inhparent = 'store.movement'::regclass"
            ).fetchall()
        self._all([*(lambda create=create: self._execute(create) for _, create in sorted(indexes, key=_gin_first))])
        tables = [*(f"store.{table}" for table in LOADED), *(table for (table,) in partitions)]
        self._all([*(lambda table=table: self._execute(f"vacuum (analyze) {table}", whole=False) for table in tables)])
        self._execute("vacuum (analyze)", whole=False)
        self._execute("analyze store.movement")

    def _all(self, tasks: Iterable[Callable[[], None]]) -> None:
        with ThreadPoolExecutor(WORKERS) as pool:
            for done in [pool.submit(task) for task in tasks]:
                done.result()

    def _execute(self, *statements: str, whole: bool = True) -> None:
        """Run statements, in one transaction if ``whole``: rows of a table created in it need no WAL."""
        with self._connect("growth") as connection:
            if not whole:
                for statement in statements:
                    connection.execute(statement.encode())
                return
            with connection.transaction():
                for statement in statements:
                    connection.execute(statement.encode())

    def _pgbench(self, script: str, seconds: int) -> tuple[float, float]:
        """Returns the calls per second, and their mean latency in milliseconds."""
        with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
            file.write(script)
            file.flush()
            done = subprocess.run(
                [
                    self._cluster.binaries / "pgbench",
                    *("--no-vacuum", "--protocol=prepared", "--random-seed=7", f"--time={seconds}"),
                    *(f"--client={self._clients}", f"--jobs={WORKERS}", f"--file={file.name}"),
                    self._cluster.dsn(dbname="growth"),
                ],
                capture_output=True,
                text=True,
                check=False,
            )
        if done.returncode != 0 or "aborted" in done.stderr:
            raise RuntimeError(done.stderr)
        calls = re.search(r"tps = ([0-9.]+)", done.stdout)
        latency = re.search(r"latency average = ([0-9.]+) ms", done.stdout)
        assert calls is not None
        assert latency is not None
        return float(calls[1]), float(latency[1])

    def verify(self) -> None:
        """Check that the loaded data, and the changes made by the measurement, are consistent."""
        with self._connect("growth") as connection:
            assert connection.execute("select * from maintenance.verify() limit 5").fetchall() == []

    def hot(self, minutes: int) -> list[Minute]:
        """Reserve and release one product for so many minutes, and measure each minute."""
        found = []
        with self._connect("growth") as connection:
            for _ in range(minutes):
                before = _stock(connection)
                calls, _ = self._pgbench(HOT, 60)
                time.sleep(1)  # until the ended sessions have reported their statistics
                after = _stock(connection)
                updates, hot = after[1] - before[1], after[2] - before[2]
                size = _number(connection, "select pg_relation_size('store.stock')")
                found.append(Minute(calls, size, after[0], hot / updates))
                print(f"  hot: {found[-1]}", flush=True)
        return found


def _gin_first(index: tuple[str, str]) -> tuple[bool, str]:
    """Sorts GIN indexes first, because they take longest to build."""
    return "USING gin" not in index[1], index[0]


def _number(connection: psycopg.Connection, query: str) -> int:
    row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return int(row[0])


def _stock(connection: psycopg.Connection) -> tuple[int, int, int]:
    """Returns the dead rows, updates and HOT updates of the table of stock so far."""
    row = connection.execute(
        "select n_dead_tup, n_tup_upd, n_tup_hot_upd from pg_stat_user_tables where relid = 'store.stock'::regclass"
    ).fetchone()
    assert row is not None
    return row


def _cpu() -> str:
    with open("/proc/cpuinfo") as file:
        for line in file:
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()


def _grouped(number: float) -> str:
    return f"{number:,.0f}".replace(",", " ")


def report(
    sizes: Sequence[Size],
    left_out: Sequence[int],
    minutes: Sequence[Minute],
    *,
    hot_in: int,
    clients: int,
    seconds: int,
) -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    lines = [
        "# Growth",
        "",
        "The same calls with more and more products. Each product has ten movements, a price, a cost layer, a category",
        f"and a brand. The ledger has partitions for {MONTHS} months, and for the coming ones. Measured with",
        f"`make bench-growth` on {os.cpu_count()} cores ({_cpu()}) with {memory:.0f} GB of memory,",
        f"shared_buffers {MEASURING['shared_buffers']} and fsync on. {clients} clients of pgbench on the same machine",
        f"use prepared statements and random products, {seconds} seconds per operation. The table has the calls per",
        "second and, in parentheses, the mean latency in milliseconds. A block and its conversion are one call.",
        "",
        "![Calls a second by number of products](growth.svg)",
        "",
        f"| products | {' | '.join(_grouped(size.products) for size in sizes)} |",
        f"|---|{'---:|' * len(sizes)}",
        f"| movements | {' | '.join(_grouped(size.products * 10) for size in sizes)} |",
        f"| database | {' | '.join(f'{size.bytes / 2**30:.1f} GB' for size in sizes)} |",
        f"| loaded and indexed in | {' | '.join(f'{size.load_seconds:.0f} s' for size in sizes)} |",
    ]
    for operation in OPERATIONS:
        cells = (f"{_grouped(size.calls[operation.name])} ({size.latency[operation.name]:.2f})" for size in sizes)
        lines.append(f"| {operation.name} | {' | '.join(cells)} |")
    if left_out:
        lines += ["", f"Not measured because the disk is too small: {', '.join(map(_grouped, left_out))} products."]
    if minutes:
        lines += [
            "",
            "## A hot product",
            "",
            f"{clients} clients reserve and release one product for {len(minutes)} minutes. The table of stock has",
            f"{_grouped(hot_in)} rows. When a page is updated, PostgreSQL removes the old row versions in it that no",
            "transaction can see any more.",
            "",
            "| minute | reserve and release, a second | table of stock | dead rows in it | HOT updates |",
            "|---:|---:|---:|---:|---:|",
        ]
        lines += [
            f"| {number} | {_grouped(minute.calls)} | {_grouped(minute.bytes / 1024)} kB | {_grouped(minute.dead)} |"
            f" {minute.hot_share:.2%} |"
            for number, minute in enumerate(minutes, 1)
        ]
    return "\n".join(lines) + "\n"


def fitting(sizes: Iterable[int], directory: Path) -> tuple[list[int], list[int]]:
    """Returns the sizes that fit on the disk, and those that do not."""
    room = shutil.disk_usage(directory).free
    fits = [size for size in sizes if size * BYTES_A_PRODUCT < room]
    return fits, [size for size in sizes if size not in fits]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="numbers of products, in order")
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--seconds", type=int, default=15, help="for each operation")
    parser.add_argument("--hot-minutes", type=int, default=10)
    parser.add_argument("--directory", type=Path, default=Path(tempfile.gettempdir()), help="parent of the cluster")
    parser.add_argument("--output", type=Path, default=DOCS)
    arguments = parser.parse_args()

    directory = Path(tempfile.mkdtemp(prefix="inventory-growth-", dir=arguments.directory))
    directory.chmod(0o755)
    wanted, left_out = fitting(arguments.sizes, directory)
    for size in left_out:
        print(f"{size} products: not enough space on the disk", flush=True)
    bench = Bench(directory, arguments.clients, arguments.seconds)
    try:
        sizes = []
        for size in wanted:
            sizes.append(bench.run(size))
            if size <= 100_000:
                bench.verify()
        minutes = bench.hot(arguments.hot_minutes)
    finally:
        bench.close()
    hot_in = sizes[-1].products
    sizes.sort(key=lambda size: size.products)
    page = report(sizes, left_out, minutes, hot_in=hot_in, clients=arguments.clients, seconds=arguments.seconds)
    (arguments.output / "growth.md").write_text(page)
    figures = {
        operation.name: {size.products: size.calls[operation.name] for size in sizes} for operation in OPERATIONS
    }
    (arguments.output / "growth.json").write_text(json.dumps(figures, indent=1) + "\n")
    if PLOTTER.exists():
        subprocess.run([PLOTTER, "-m", "bench.growth_plot", arguments.output], cwd=ROOT, check=True)
    else:
        print("No plot was drawn, because matplotlib is missing: `tools/setup.sh --bench` installs it.")


if __name__ == "__main__":
    main()
