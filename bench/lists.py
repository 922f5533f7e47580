"""Measures the lists with a million products and seven million movements, and shows their plans.

    python -m bench.lists            loads the data into a temporary cluster (some minutes, 5 GB), writes bench/lists.md
    python -m bench.lists DIRECTORY  keeps the cluster in that directory, and uses its data the next time

The plans are those of the statements inside the list functions. auto_explain reports them during the calls.
"""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg

from db.apply import apply
from tools.cluster import Cluster

HERE = Path(__file__).resolve().parent
DATABASE = "bench"
REPEATS = 5
FAST_LOAD = {"shared_buffers": "1GB", "maintenance_work_mem": "512MB", "max_wal_size": "8GB"}

# The calls that are measured.
CALLS = [
    ("page 1 of the inventory", "http.list_inventory()"),
    ("page 400 of the inventory", "http.list_inventory(p_page => 400)"),
    ("low stock", "http.list_inventory(p_low_stock => true)"),
    ("active", "http.list_inventory(p_status => 'active')"),
    ("archived", "http.list_inventory(p_status => 'archived')"),
    ("archived and low", "http.list_inventory(p_status => 'archived', p_low_stock => true)"),
    ("q: one product's code", "http.list_inventory(p_q => 'sku-0654321')"),
    ("q: some words, 455 products", "http.list_inventory(p_q => 'oak wool steel')"),
    ("q: a word of 213 000 products", "http.list_inventory(p_q => 'quartz')"),
    ("q: three letters of nothing", "http.list_inventory(p_q => 'zxq')"),
    ("q: nothing", "http.list_inventory(p_q => 'platinum')"),
    ("q: nothing, public", "http.list_products(p_q => 'platinum')"),
    ("page 1 of the products", "http.list_products()"),
    *(
        (f"stock: {name}", f"http.list_stock({arguments})")
        for name, arguments in (
            ("page 1", ""),
            ("low", "p_state => 'low'"),
            ("sold out, none in 100 000", "p_state => 'sold_out'"),
            ("q: one letter of all codes", "p_q => 's'"),
            ("q: one letter of nothing", "p_q => 'z'"),
            ("q: one product's code", "p_q => 'sku-0654321'"),
            ("q: some words, 455 products", "p_q => 'oak wool steel'"),
            ("q: a word of 213 000 products", "p_q => 'quartz'"),
            ("q: nothing", "p_q => 'platinum'"),
            ("q: a word of 213 000 products, sold out", "p_q => 'quartz', p_state => 'sold_out'"),
        )
    ),
    ("movements of a product with a million", "http.list_movements(1)"),
    ("movements of a product with four", "http.list_movements(500000)"),
    ("page 1 of the purchases", "http.list_purchases()"),
    ("purchases of a supplier", "http.list_purchases(p_supplier_id => 7)"),
    ("purchases of a supplier on a day", "http.list_purchases(null, 7, '{day}', '{day}')"),
    ("sales of a product on a day", "http.list_sales(p_product_id => 1, p_date_from => '{day}', p_date_to => '{day}')"),
    ("sales of a day", "http.list_sales(p_date_from => '{day}', p_date_to => '{day}')"),
    ("a product's 500 001 sales and their totals", "http.list_product_sales(1)"),
    ("their page 20 000", "http.list_product_sales(1, p_page => 20000)"),
    ("a product's 500 001 purchases and their totals", "http.list_product_purchases(1)"),
    ("prices of a product", "http.list_prices(500000)"),
    ("active price", "http.get_active_price(500000)"),
    ("valuation of a product", "http.get_valuation(500000)"),
    ("valuation of a product with a million movements", "http.get_valuation(1)"),
    ("the same, half a million movements ago", "http.get_valuation(1, '{middle}')"),
    *(
        (f"catalog: {name}", f"http.list_catalog_products({arguments})")
        for name, arguments in (
            ("page 1", ""),
            ("page 2", "p_page => '2'"),
            ("page 50 000", "p_page => '50000'"),
            ("a category", "p_category => 7"),
            ("a brand", "p_brand => 7"),
            ("a category and a brand", "p_category => 7, p_brand => 7"),
            ("10 products by price", "p_min_price => 50, p_max_price => 50, p_category => 7"),
            ("prices from 50", "p_min_price => 50"),
            ("prices from 50 to 51", "p_min_price => 50, p_max_price => 51"),
            ("prices up to 0.01", "p_max_price => 0.01"),
            ("a category, prices from 50 to 60", "p_category => 7, p_min_price => 50, p_max_price => 60"),
            ("search: some words, 455 products", "p_search => 'oak wool steel'"),
            ("search: a word of 213 000 products", "p_search => 'quartz'"),
            ("search: nothing", "p_search => 'platinum'"),
            ("by title", "p_ordering => 'title'"),
            ("by price, highest first", "p_ordering => '-selling_price'"),
            ("a category by price", "p_ordering => 'selling_price', p_category => 7"),
            ("by creation", "p_ordering => '-created_at'"),
            ("by quantity", "p_ordering => 'quantity'"),
            ("by category", "p_ordering => 'category'"),
        )
    ),
    *(
        (f"{flows}: {name}", f"http.list_{flows}({arguments})")
        for flows in ("inflows", "outflows")
        for name, arguments in (
            ("page 1", ""),
            ("page 50 000", "p_page => '50000'"),
            ("of a product", "p_product => 500000"),
            ("of a day", "p_date_from => '{flowed}', p_date_to => '{flowed}'"),
            ("up to a day, newest first", "p_date_to => '{flowed}', p_ordering => '-created_at'"),
            ("by product", "p_ordering => 'product'"),
        )
    ),
    ("inflows: of a supplier", "http.list_inflows(p_supplier => 7)"),
    (
        "inflows: of a supplier on a day",
        "http.list_inflows(p_supplier => 7, p_date_from => '{flowed}', p_date_to => '{flowed}')",
    ),
]
REPORTS = [
    ("report.stock_as_of, half a million movements ago", "select count(*) from report.stock_as_of('{middle}')"),
    ("report.valuation_as_of, now", "select sum(total_value) from report.valuation_as_of()"),
    (
        "report.valuation_as_of, half a million movements ago",
        "select sum(total_value) from report.valuation_as_of('{middle}')",
    ),
    ("report.cost_of_goods_sold, a day", "select sum(gross_margin) from report.cost_of_goods_sold('{day}', '{next}')"),
    ("report.low_stock", "select count(*) from report.low_stock"),
    ("report.stock_ageing", "select count(*) from report.stock_ageing"),
    ("report.turnover, all time", "select count(*) from report.turnover('2000-01-01', now())"),
    ("maintenance.verify", "select count(*) from maintenance.verify()"),
]


@contextlib.contextmanager
def loaded(directory: Path) -> Iterator[str]:
    """Yields the conninfo of the loaded database. Its cluster runs until the end of the block."""
    cluster = Cluster(directory, settings=FAST_LOAD, throwaway=True)
    cluster.start()
    try:
        with psycopg.connect(cluster.dsn(), autocommit=True) as admin:
            is_there = admin.execute("select from pg_database where datname = %s", [DATABASE]).fetchone()
            if is_there is None:
                admin.execute(f"create database {DATABASE}".encode())
        conninfo = cluster.dsn(dbname=DATABASE)
        apply(conninfo, jobs=False)
        with psycopg.connect(conninfo, autocommit=True) as connection:
            (has_data,) = connection.execute("select exists (select from store.product)").fetchone()  # type: ignore[misc]
        if not has_data:
            load = ["psql", "-X", "-q", "-1", "-v", "ON_ERROR_STOP=1", "-f", str(HERE / "load.sql"), conninfo]
            subprocess.run(load, check=True, stdout=subprocess.DEVNULL)
            with psycopg.connect(conninfo, autocommit=True) as connection:
                connection.execute("vacuum (analyze)")
        yield conninfo
    finally:
        cluster.stop()


class Bench:
    """Measures statements, and collects the plans of the statements that run inside them."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection
        self._plans: list[str] = []
        connection.add_notice_handler(lambda notice: self._plans.append(notice.message_primary or ""))
        row = connection.execute(
            "select s.created_at::date::text, (s.created_at::date + 1)::text,"
            " inventory.instant_text(s.created_at),"
            " (select f.created_at::date::text from store.inflow as f where f.product_id = 1)"
            " from store.sale as s where s.product_id = 1 and s.number = 250000"
        ).fetchone()
        assert row is not None
        self.days = {"day": row[0], "next": row[1], "middle": row[2], "flowed": row[3]}

    def milliseconds(self, statement: str, repeats: int = REPEATS) -> float:
        """Returns the shortest time of several runs, after one to warm up."""
        times = []
        for _ in range(repeats + 1 if repeats > 1 else 1):
            start = time.perf_counter()
            self.connection.execute(statement.encode()).fetchall()
            times.append(time.perf_counter() - start)
        return min(times[1:] or times) * 1000

    def plans(self, statement: str) -> list[str]:
        """Returns the plans of the list queries inside the statement."""
        self._plans.clear()
        self.connection.execute("set client_min_messages = log; set auto_explain.log_min_duration = 0")
        self.connection.execute(statement.encode()).fetchall()
        self.connection.execute("set client_min_messages = notice; set auto_explain.log_min_duration = -1")
        own = ("v_last", "l.number", "select count(*) from (", "limit $1 offset $2")
        return [plan for plan in self._plans if any(words in plan for words in own)]


def short(plan: str) -> str:
    """Returns only the plan's nodes, conditions and actual row counts."""
    lines = plan[plan.index("(cost=") :].splitlines()[1:]
    kept = [line for line in lines if re.search(r"->|Cond|Filter|Sort Key", line)]
    return "\n".join(re.sub(r"\(cost=[^)]*\) ", "", line) for line in kept)


def main() -> int:
    with contextlib.ExitStack() as stack:
        directory = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(stack.enter_context(tempfile.TemporaryDirectory()))
        directory.chmod(0o755)
        conninfo = stack.enter_context(loaded(directory))
        connection = stack.enter_context(psycopg.connect(conninfo, autocommit=True))
        connection.execute("load 'auto_explain'")
        for option in ("nested_statements = on", "analyze = on", "timing = off"):
            connection.execute(f"set auto_explain.log_{option}".encode())
        bench = Bench(connection)
        lines = [HEAD, "| list | call | ms |", "|---|---|---|"]
        plans = []
        for name, call in CALLS:
            statement = f"select {call}".format_map(bench.days)
            lines.append(f"| {name} | `{call}` | {bench.milliseconds(statement):.1f} |")
            for plan in bench.plans(statement):
                plans.append(f"### {name}\n\n```\n{short(plan)}\n```\n")
        lines += ["", "| report | statement | s |", "|---|---|---|"]
        for name, statement in REPORTS:
            taken = bench.milliseconds(statement.format_map(bench.days), repeats=1)
            lines.append(f"| {name} | `{statement}` | {taken / 1000:.1f} |")
        found = connection.execute("select count(*) from maintenance.verify()").fetchone()
        lines += [
            "",
            f"`maintenance.verify()` finds {found and found[0]} differences in this data.",
            "",
            "## Plans",
            "",
        ]
        (HERE / "lists.md").write_text("\n".join([*lines, *plans]))
    return 0


HEAD = """# Lists of millions

`python -m bench.lists` writes this page. The data has 1 000 000 products, 7 000 000 movements (1 000 006 of one
product), 1 500 000 purchases, 1 500 000 sales, 1 000 000 inflows and 1 000 000 outflows. The times are milliseconds in
the database, the best of five runs, with all data in memory.
"""

if __name__ == "__main__":
    raise SystemExit(main())
