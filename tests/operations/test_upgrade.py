"""A database of each earlier release, with data of its own, is brought to today's schema: nothing is lost, all agrees.

``releases/<migration>.sql`` is what the release that ended with this migration could have written.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

import db.apply
import db.source
from db.apply import apply
from db.jobs import JOBS
from tests.conftest import Server, new_database
from tests.migrate import migrate

RELEASES = Path(__file__).parent / "releases"
NAMES = sorted(path.stem for path in RELEASES.glob("0*.sql"))

Release = Callable[[str], psycopg.Connection[Any]]


@pytest.fixture
def release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Release]:
    """release("0003"): a database of the first release that was used, and brought up to that one release by release."""
    with new_database() as conninfo, psycopg.connect(conninfo, autocommit=True) as connection:

        def release(last: str) -> psycopg.Connection[Any]:
            for number in (name for name in NAMES if name <= last):
                migrate(conninfo, number, tmp_path, monkeypatch)
                connection.execute((RELEASES / "ledger.sql").read_bytes())
                connection.execute((RELEASES / f"{number}.sql").read_bytes())
            return connection

        yield release


def contents(connection: psycopg.Connection[Any], columns: dict[str, list[str]]) -> dict[str, Counter[tuple[Any, ...]]]:
    """Every row of these columns of these tables."""
    return {
        table: Counter(
            connection.execute(
                f"select {', '.join(f't.{name}::text' for name in names)} from store.{table} as t".encode()
            ).fetchall()
        )
        for table, names in columns.items()
    }


def columns(connection: psycopg.Connection[Any]) -> dict[str, list[str]]:
    """The columns of each table, yoyo's own left out."""
    return dict(
        connection.execute(
            "select c.relname, array_agg(a.attname order by a.attnum) from pg_class as c"
            " join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped"
            " where c.relnamespace = 'store'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition"
            " and c.relname !~ 'yoyo' group by 1"
        ).fetchall()
    )


def test_each_release_with_data_is_there() -> None:
    """A migration that is released gets a file: what its release could have written."""
    assert NAMES[0] == "0002"
    assert len(NAMES) == int(NAMES[-1]) - 1


@pytest.mark.parametrize("number", NAMES)
def test_data_of_an_earlier_release(number: str, release: Release) -> None:
    old = release(number)
    ledger = old.execute("select pg_relation_filenode('store.movement')").fetchone()
    of_then = columns(old)
    of_then["job"].remove("scheduled_at")  # recorded by each version that changes the schedule
    before = contents(old, of_then)
    unused = {"location", "location_stock"} if number < "0004" else set()
    assert {table for table, rows in before.items() if not rows} == unused

    apply(old.info.dsn, jobs=False)
    after = contents(old, of_then)
    # Keys belong to users now, not to the roles that they have.
    for contents_of in (before, after):
        contents_of["idempotency_key"] = Counter(
            {(row[0].split(" ")[1], *row[1:]): count for row, count in contents_of["idempotency_key"].items()}
        )
    # Jobs and units are the ones that came with the tables; new jobs have come.
    assert {table: rows if table != "job" else rows & before["job"] for table, rows in after.items()} == before
    assert old.execute("select * from maintenance.verify()").fetchall() == []

    # The ledger is a partition now, and not written anew; what is written from next month on lies in that month's.
    partition = old.execute(
        "select relname, pg_relation_filenode(oid) from pg_class where relname ~ '^movement_before_[0-9_]*$'"
    ).fetchone()
    assert partition is not None
    assert partition[1:] == ledger
    assert old.execute("select distinct tableoid::regclass::text from store.movement").fetchall() == [
        (f"store.{partition[0]}",)
    ]
    next_month = old.execute(
        "select to_char(date_trunc('month', now() at time zone 'UTC') + interval '1 month', 'YYYY_MM')"
    ).fetchone()
    assert next_month is not None
    assert partition[0] == f"movement_before_{next_month[0]}"
    assert old.execute("select min(relname) from pg_class where relname ~ '^movement_[0-9_]*$'").fetchone() == (
        f"movement_{next_month[0]}",
    )

    # What later releases keep beside it.
    assert dict(old.execute("select sku, retail_price::float from store.product").fetchall()) == {
        "MUG": 3.5,
        "JAR": None,
        "EMPTY": 8.0,
    } | ({"BOWL": 6.5, "LISTED": None} if number >= "0003" else {})
    assert old.execute("select sum(delta) from store.row_total where subject = 'product'").fetchone() == (
        before["product"].total(),
    )
    mug = "select average_quantity::text, average_value::text from store.stock join store.product on id = product_id"
    # 2 and 1.5 of 15.5 and 13.5 have left, of which 10 had a known cost, and then 0.25 of 12.
    assert old.execute(f"{mug} where sku = 'MUG'".encode()).fetchone() == (
        ("7.742", "11.613") if number == "0002" else ("7.581", "11.371")
    )
    assert old.execute("select count(*) from store.price_turn where at > now()").fetchone() == (3,)
    assert old.execute("select name from store.job order by 1").fetchall() == [
        (job.name,) for job in sorted(JOBS, key=lambda job: job.name)
    ]

    check_that_it_serves(old, number)
    assert old.execute("select * from maintenance.verify()").fetchall() == []


def test_functions_of_before_keep_the_totals_until_they_are_replaced(release: Release) -> None:
    old = release(NAMES[-1])
    db.apply._migrate(old.info.dsn)
    old.execute("insert into store.row_count (subject, delta) select 'brand', 1 from generate_series(1, 9)")
    deleted = old.execute(
        "delete from store.row_count as c where c.ctid = any(array(select o.ctid from store.row_count as o"
        " where o.subject = 'brand' order by o.category_id for update skip locked)) returning c.delta"
    )
    assert deleted.fetchall() == [(1,)] * 9
    apply(old.info.dsn, jobs=False)
    assert old.execute("select to_regclass('store.row_count')").fetchone() == (None,)
    assert old.execute("select * from maintenance.verify()").fetchall() == []


def test_names_and_codes_become_nfc_where_that_is_nobody_elses(release: Release) -> None:
    old = release(NAMES[-1])
    ids = [row[0] for row in old.execute("select id from store.product order by id limit 3").fetchall()]
    codes = ("u\u0308-alone", "\u00fc-twice", "u\u0308-twice")
    for product, code in zip(ids, codes, strict=True):
        old.execute("update store.product set sku = %s, name = 'u\u0308' where id = %s", [code, product])
    apply(old.info.dsn, jobs=False)
    found = old.execute("select sku, name from store.product where id = any(%s) order by id", [ids]).fetchall()
    assert found == [("\u00fc-alone", "\u00fc"), ("\u00fc-twice", "\u00fc"), ("u\u0308-twice", "\u00fc")]
    assert old.execute("select * from maintenance.verify()").fetchall() == []


def check_that_it_serves(connection: psycopg.Connection[Any], number: str) -> None:
    """A server over it shows what was there, keeps what was promised, and takes what is new."""
    skus = dict(connection.execute("select sku, sku_id::text from store.product").fetchall())
    ids = dict(connection.execute("select sku, id from store.product").fetchall())
    server = Server(connection.info.dsn)
    try:
        client = server.client()
        admin = server.client(server.token("root", "the old password"))
        refused = client.post(
            "/api/v1/authentication/token/", json={"username": "gone", "password": "the old password"}
        )
        assert refused.status_code == 401
        assert client.get("/ready").status_code == 200

        mug = client.get(f"/sku/{skus['MUG']}").json()
        assert (mug["reserved"], mug["blocked"], mug["price"]) == (1, 2, 3.5)
        assert mug["quantity"] == (12 if number == "0002" else 11.75)
        assert [block["block_id"][-1] for block in mug["blocks"]] == ["1"]
        expired = client.post("/temporary-blocks/00000000-0000-7000-8000-000000000002/cancel")
        assert (expired.status_code, expired.json()["code"]) == (409, "BLOCK_EXPIRED")
        converted = client.post("/temporary-blocks/00000000-0000-7000-8000-000000000001/convert-to-permanent")
        assert converted.status_code == 200, converted.text
        prices = admin.get(f"/products/{ids['MUG']}/prices").json()
        assert prices["pagination"]["total"] == 2
        assert admin.get("/api/v1/products/").json()["count"] == len(ids)
        sold = admin.post("/inventory/sales", json={"product_id": ids["JAR"], "quantity": "7", "unit_price": "3"})
        assert sold.status_code == 201, sold.text
        assert sold.json()["sale_item"]["cost"] == "14.000"
        bought = admin.post("/suppliers", json={"name": "New", "phone_number": "+254700000009"}).json()["supplier"][
            "id"
        ]
        purchase = {"product_id": ids["JAR"], "quantity": "2", "unit_cost": "1.1", "supplier_id": bought}
        assert admin.post("/inventory/purchases", json=purchase).status_code == 201
        if number >= "0003":
            back = admin.post("/inventory/sales/1/returns", json={"quantity": "2"})
            assert back.status_code == 201, back.text
            assert admin.get(f"/inventory/{ids['LISTED']}").status_code == 404
        if number >= "0004":
            order = {"type": "Remove", "sku": "BOWL", "quantity": 3, "from_location": "RACK-B2-02"}
            assert client.post("/api/v1/art_order", json=order).status_code == 200
            assert client.post("/api/v1/counts/2/close").status_code == 200
    finally:
        server.close()

    with psycopg.connect(make_conninfo(connection.info.dsn, user="inventory_operator"), autocommit=True) as operator:
        once = (
            "select replayed, result::text, error ->> 'sqlstate'"
            " from http.once('anonymous', %s, 'a hash', 'add_stock', %s)"
        )
        more = f'{{"p_id": "{ids["MUG"]}", "p_amount": 1}}'
        assert operator.execute(once.encode(), ["done", more]).fetchone() == (True, '{"id": 1}', None)
        assert operator.execute(once.encode(), ["refused", more]).fetchone() == (True, None, "IV001")
        assert operator.execute(once.encode(), ["old", more]).fetchone() == (False, None, None)
