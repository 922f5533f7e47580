"""A release's database on which every API was played is brought to today's schema: callers see what they saw before.

``releases/0008.sql.gz`` has that release's functions and views too: see play.py.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from db.apply import apply
from server.http.routes import ROUTES
from tests.conftest import TEST_SCHEMA, Database, InThread, Server, frozen_clock, new_database
from tests.operations.play import KEYED, PASSWORD, RELEASES, SETTINGS, Play, receiver
from tests.operations.test_upgrade import columns, contents

# The instant of everything that is asked: a block has expired that nobody has ended, keys are not forgotten yet.
NOW = "select max(created_at) + interval '10 minutes' from store.movement"
# Endpoints that no release of which there is a database had.
NEW = {"get_hold", "list_changes", "list_seals", "list_stock", "get_stock", "list_daily_sales", "get_me"}
PLAYED = sorted(path.name.removesuffix(".sql.gz") for path in RELEASES.glob("*.sql.gz"))


@pytest.fixture(params=PLAYED)
def played(request: pytest.FixtureRequest, template_database: str) -> Iterator[Database]:
    """The release's database, with the clock at that instant. The template has made the cluster's roles."""
    with new_database() as conninfo:
        with psycopg.connect(conninfo, autocommit=True) as connection:
            connection.execute(gzip.decompress((RELEASES / f"{request.param}.sql.gz").read_bytes()))
        database = Database(conninfo)
        freeze(database)
        yield database
        database.close()


def freeze(database: Database) -> None:
    text = frozen_clock(str(database.one(NOW)))
    database.admin.execute("create sequence if not exists store.test_clock minvalue 0 start 0")
    database.admin.execute("alter sequence store.test_clock owner to inventory_owner")
    database.admin.execute(text.encode())


def without_new(found: Any) -> Any:
    """The answer without keys that came later: of blocks with 0021, 0022, 0024, SKUs with 0022, webhooks with 0023."""
    if isinstance(found, dict):
        new = [("owner", None), ("kit_block_id", None), ("parts", []), ("stock_changes", "each")]
        if "block_id" in found and "sku_code" in found:
            new += [(key, found[key]) for key in ("product_id", "name", "unit") if key in found]
        return {key: without_new(value) for key, value in found.items() if (key, value) not in new}
    return [without_new(each) for each in found] if isinstance(found, list | tuple) else found


def answer(connection: psycopg.Connection[Any], query: str, *parameters: Any) -> Any:
    """All rows, or the error that a caller gets."""
    try:
        return without_new(connection.execute(query.encode(), parameters).fetchall())
    except psycopg.Error as error:
        return error.sqlstate, error.diag.message_primary, error.diag.message_detail


def reads(database: Database) -> dict[tuple[Any, ...], Any]:
    """What each endpoint that reads answers, for everything that there is to name."""
    admin = database.connect("inventory_admin")
    known: dict[str, list[str]] = {
        "sku_id": [str(i) for (i,) in database.rows("select sku_id from store.product_ever order by 1")],
        "code": ["RACK-A1-01", "RACK-B2-02", "RACK-C3-03"],
    }
    found: dict[tuple[Any, ...], Any] = {}
    for route in ROUTES:
        if route.method != "GET" or route.function in NEW:
            continue
        names = re.findall(r"{(\w+)}", route.path)
        values = known.get(names[0], [str(i) for i in range(20)]) if names else [None]
        # Of one product, or of one of its like, in other orders and by other filters.
        more = {
            "list_catalog_products": ["p_ordering => '-selling_price', p_search => 'import'", "p_min_price => 3"],
            "list_sales": ["p_per_page => 5, p_page => 2", "p_product_id => 3"],
            "list_movements": ["p_per_page => 100"],
            "list_prices": ["p_include_inactive => true"],
            "get_valuation": [f"p_as_of => '{at:%Y-%m-%dT%H:%M:%S.%f}'" for at in instants(database)[::20]],
            "list_art_orders": ["p_sku => 'OLD-A', p_limit => 5", "p_location => 'RACK-B2-02'"],
        }
        for value in values:
            for others in ["", *more.get(route.function, [])]:
                first = [f"p_{names[0]} => %s"] if names else []
                query = f"select http.{route.function}({', '.join([*first, *([others] if others else [])])})"
                found[route.function, value, others] = answer(admin, query, *([value] if names else []))
    return found


def instants(database: Database) -> list[Any]:
    """When something moved, since the ledger begins."""
    return [at for (at,) in database.rows("select distinct created_at from store.movement order by 1")]


def reports(database: Database, of_then: dict[str, str]) -> dict[tuple[Any, ...], Any]:
    """Every view, with the columns that it had, and every function, at each instant at which something moved."""
    reporting = database.connect("inventory_reporting")
    found: dict[tuple[Any, ...], Any] = {
        (view,): answer(reporting, f"select {names} from report.{view} order by {names}")
        for view, names in of_then.items()
    }
    moved = instants(database)
    for at in moved[::7]:
        for function in ("stock_as_of", "valuation_as_of"):
            found[function, at] = answer(reporting, f"select * from report.{function}(%s) as t order by t", at)
        for function in ("cost_of_goods_sold", "turnover"):
            for period in ((moved[0], at), (at, moved[-1])):
                query = f"select * from report.{function}(%s, %s) as t order by t"
                found[function, period] = answer(reporting, query, *period)
    return found


def views(database: Database) -> dict[str, str]:
    return dict(
        database.rows(
            "select c.relname, string_agg(a.attname, ', ' order by a.attnum) from pg_class as c"
            " join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0"
            " where c.relnamespace = 'report'::regnamespace and c.relkind = 'v' group by 1"
        )
    )


def test_callers_see_what_they_saw(played: Database) -> None:
    """Rows, ids, every answer of an endpoint that reads and every report are the same; numbers are without gaps."""
    assert played.rows("select * from maintenance.verify()") == []
    of_then, shown = columns(played.admin), views(played)
    # A table of another name since 0013: verify() and the lists' counts are about its totals.
    of_then.pop("row_count", None)
    rows, answers, reported = contents(played.admin, of_then), reads(played), reports(played, shown)
    assert {table for table, found in rows.items() if not found} == set()
    assert {"OLD-A", "OLD-C"} <= {row[0] for row in played.rows("select sku from store.product")}
    # Each part of the comparison has something to compare.
    answered = {name for (name, *_), found in answers.items() if isinstance(found, list)}
    assert answered == {route.function for route in ROUTES if route.method == "GET"} - NEW
    assert all(isinstance(found, list) for found in reported.values())
    assert all(reported[(view,)] for view in shown)

    apply(played.conninfo, jobs=False)
    freeze(played)
    assert played.rows("select * from maintenance.verify()") == []
    assert reads(played) == answers
    assert reports(played, shown) == reported
    now = contents(played.admin, of_then)
    kept = {table for table in of_then if now[table] == rows[table]}
    assert of_then.keys() - kept == {"event", "idempotency_key", "job"}
    # An event without deliveries is one whose endpoint was deleted.
    assert now["event"] < rows["event"]
    assert played.one("select count(*) from store.event") == played.one(
        "select count(distinct event_id) from store.webhook_delivery"
    )

    # A product counts its movements from 1 in the order of their ids, but for those before the ledger begins.
    for numbers, last in played.rows(
        "select array_agg(m.number order by m.id), max(s.last_number) from store.movement as m"
        " left join store.stock as s using (product_id) group by product_id"
    ):
        assert numbers == list(range(1, len(numbers) + 1))
        assert last in (None, len(numbers))
    # Nor are the layers that are older, which are used up first.
    layers = "select product_id, number, id from store.cost_layer order by product_id,"
    assert played.rows(f"{layers} number") == played.rows(f"{layers} id")
    assert {number > 0 for _, number, _ in played.rows(layers.removesuffix(","))} == {True, False}
    assert played.rows("select distinct written_by from store.movement") == [(None,)]


def test_it_goes_on(played: Database) -> None:
    """Promises and keys of before hold, and every call that writes is taken, by the server of today."""
    known = "select key, result, error from store.idempotency_key where key <> 'twice'"
    stored = {key: (result, error) for key, result, error in played.rows(known)}
    assert stored.keys() == KEYED.keys()
    apply(played.conninfo, jobs=False)
    # The play waits for what it must come to by itself: the clock goes on.
    now = f"extract(epoch from ({NOW}) - clock_timestamp())"
    played.admin.execute("drop sequence store.test_clock")
    played.admin.execute(TEST_SCHEMA.encode())
    played.admin.execute(f"select setval('store.test_clock', ({now} * 1000000)::bigint)".encode())
    server = Server(played.conninfo, **SETTINGS)
    try:
        clients = {"operator": server.client()}
        for by, name in (("admin", "root"), ("clerk", "old-clerk")):
            clients[by] = server.client(server.token(name, PASSWORD))
        assert clients["operator"].get("/ready").status_code == 200

        before = played.counts()
        for key, (by, path, body) in KEYED.items():
            again = clients[by].post(path, json=body, headers={"Idempotency-Key": key})
            result, error = stored[key]
            assert again.headers["Idempotent-Replayed"] == "true", key
            assert again.status_code == (409 if error else {"taken": 204, "sold": 201}.get(key, 200))
            if result is not None and again.content:
                assert again.json() == result
            other = clients[by].post(path, json=body | {"more": 1}, headers={"Idempotency-Key": key})
            assert (other.status_code, "IDEMPOTENCY_KEY_REUSED" in other.text) == (422, True)
        # What an employee and an admin of one name sent with one key: the later answer is the user's.
        product = played.one("select id from store.product where sku = 'OLD-B'")
        for amount, status in ((2, 204), (1, 422)):
            path = f"/api/v1/inventory/{product}/addStock"
            assert (
                clients["clerk"].post(path, json={"amount": amount}, headers={"Idempotency-Key": "twice"}).status_code
                == status
            )
        assert played.counts() == before

        blocks = {block["block_id"] for block in clients["operator"].get("/temporary-blocks").json()["blocks"]}
        ends = dict(played.rows("select id::text, quantity from store.block where status = 'active'"))
        assert len(blocks) == 4
        (expired,) = ends.keys() - blocks
        assert clients["operator"].post(f"/temporary-blocks/{expired}/cancel").json()["code"] == "BLOCK_EXPIRED"
        for block in sorted(blocks):
            ended = clients["operator"].post(f"/temporary-blocks/{block}/convert-to-permanent")
            assert ended.status_code == 200, ended.text
        # A sale of before is returned, flows of before are deleted, an open count is closed.
        for method, path, status in (
            ("POST", "/inventory/sales/1/returns", 201),
            ("DELETE", f"/api/v1/outflows/{played.one('select min(id) from store.outflow')}/", 204),
            ("DELETE", f"/api/v1/inflows/{played.one('select max(id) from store.inflow')}/", 204),
            ("POST", "/api/v1/counts/3/close", 200),
        ):
            done = clients["admin"].request(method, path, json={"quantity": "1"} if "returns" in path else None)
            assert done.status_code == status, done.text
        played.verify()

        with receiver() as url:
            Play(played, server, "NEW").everything(url)
    finally:
        server.close()
    played.verify()


def test_a_writer_meanwhile(played: Database, in_thread: type[InThread]) -> None:
    """A migration that gives up leaves the release as it was; nothing that was acknowledged is lost."""
    played.be_patient()
    product = played.one("select id from store.product where sku = 'OLD-A'")
    reserve = "select inventory.reserve_stock(%s, 1)"
    before = played.stock(product)[1]

    def waiting_for(table: str) -> Any:
        return played.one(
            "select min(l.pid) from pg_locks as l join pg_database as d on l.database = d.oid"
            " where d.datname = current_database() and l.relation = %s::regclass and not l.granted",
            table,
        )

    def write() -> InThread:
        """A reservation by the functions of then, which waits for the migration."""
        operator = played.connect("inventory_operator")
        call = in_thread(lambda: operator.execute(reserve, [product]).fetchone())
        played.wait_until_blocked(operator)
        return call

    # The migration waits for one that began before, then for a reader, with the locks that it has by then.
    reader, first = played.connect(), played.connect("inventory_operator")
    reader.execute("begin; lock table store.location_stock in access share mode")
    first.execute("begin")
    first.execute(reserve, [product])
    run = in_thread(lambda: apply(played.conninfo, jobs=False))
    Database.wait_for(lambda: waiting_for("store.stock"))
    second = write()
    first.execute("commit")
    Database.wait_for(lambda: waiting_for("store.location_stock"))
    played.one("select pg_cancel_backend(%s)", waiting_for("store.location_stock"))
    with pytest.raises(psycopg.errors.QueryCanceled):
        run.result()
    second.result()
    assert "number" not in columns(played.admin)["movement"]
    assert played.stock(product)[1] == before + 2
    assert played.rows("select * from maintenance.verify()") == []

    run = in_thread(lambda: apply(played.conninfo, jobs=False))
    Database.wait_for(lambda: waiting_for("store.location_stock"))
    third = write()
    reader.execute("rollback")
    run.result()
    acknowledged = 3
    try:
        third.result()
    except psycopg.Error:
        acknowledged = 2
    played.connect("inventory_operator").execute(reserve, [product])
    assert played.stock(product)[1] == before + acknowledged + 1
    played.verify()
