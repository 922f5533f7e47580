"""The ledger by month: partitions are made ahead and none is needed, old ones can go, a question reads few of them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.conftest import Database
from tests.sql.conftest import AdminCall, Call, Calls, Freeze, Refused

DBA = {"role": "inventory_maintenance"}
AHEAD = 3
MONTHS = (
    "select c.relname from pg_inherits as i join pg_class as c on i.inhrelid = c.oid"
    " where i.inhparent = 'store.movement'::regclass and c.relname <> 'movement_default' order by 1"
)
DEFAULT = "select count(*) from store.movement_default"


def months(database: Database) -> list[str]:
    return [name for (name,) in database.rows(MONTHS)]


def name(month: datetime) -> str:
    return f"movement_{month:%Y_%m}"


def ahead(month: datetime, count: int = AHEAD + 1) -> list[str]:
    """The names of so many months from this one on."""
    first = month.year * 12 + month.month - 1
    return [f"movement_{number // 12:04}_{number % 12 + 1:02}" for number in range(first, first + count)]


def make(database: Database) -> None:
    database.connect("inventory_maintenance").execute("call maintenance.run_batches('make_partitions')")


def test_a_new_database_has_the_months_ahead(database: Database) -> None:
    now = database.one("select now()").astimezone(UTC)
    made_in = (now, now - timedelta(hours=1))  # its template may be older
    assert months(database) in [ahead(at) for at in made_in]


def test_every_partition_has_the_key_and_the_index_of_the_whole(database: Database) -> None:
    found = dict(
        database.rows(
            "select c.relname, array_agg(pg_get_indexdef(x.indexrelid) order by x.indisprimary desc, x.indexrelid)"
            " from pg_inherits as i join pg_class as c on i.inhrelid = c.oid join pg_index as x on x.indrelid = c.oid"
            " where i.inhparent = 'store.movement'::regclass group by 1"
        )
    )
    assert found == {
        table: [
            f"CREATE UNIQUE INDEX {table}_pkey ON store.{table} USING btree (product_id, number)",
            f"CREATE INDEX {table}_created_at_idx ON store.{table} USING brin (created_at)"
            " WITH (pages_per_range='32', autosummarize='on')",
            f"CREATE INDEX {table}_feed_key_id_idx ON store.{table} USING btree (feed_key, id)"
            " WHERE (feed_key > '0'::bigint)",
        ]
        for table in [*months(database), "movement_default"]
    }


def test_a_movement_lies_in_its_month_by_utc(database: Database, call: Call, freeze: Freeze) -> None:
    product = database.product(quantity=10)
    for at, month in (
        (datetime(2031, 3, 1, tzinfo=UTC) - timedelta(microseconds=1), "movement_2031_02"),
        (datetime(2031, 3, 1, tzinfo=UTC), "movement_2031_03"),
    ):
        freeze(at)
        make(database)
        database.admin.execute("set timezone = 'Pacific/Kiritimati'")
        assert call("reserve_stock", product, 1)
        assert database.rows("select tableoid::regclass::text from store.movement where created_at = %s", at) == [
            (f"store.{month}",)
        ]
    database.verify()


def test_a_month_without_a_partition_refuses_nothing(database: Database, call: Call, freeze: Freeze) -> None:
    """What lies in the default partition moves to its month when that is made, and stays the same."""
    product = database.product(quantity=10)
    at = database.one("select inventory.clock()")
    freeze(at + timedelta(days=4000))
    for _ in range(3):
        assert call("reserve_stock", product, 1)
    freeze(at + timedelta(days=4100))
    assert call("release_stock", product, 1)
    ledger = "select m::text from store.movement as m order by id"
    before = database.rows(ledger)
    assert database.one(DEFAULT) == 4

    make(database)
    assert database.one(DEFAULT) == 0
    assert database.rows(ledger) == before
    found = months(database)
    later = (at + timedelta(days=4100)).astimezone(UTC)
    assert found == sorted(
        {*ahead(at.astimezone(UTC)), name((at + timedelta(days=4000)).astimezone(UTC)), *ahead(later)}
    )
    make(database)
    assert months(database) == found
    assert call("release_stock", product, 1)
    assert database.one(DEFAULT) == 0
    database.verify()


def test_movements_of_no_month_are_seen_and_move_in_steps(
    database: Database, call: Call, calls: Calls, freeze: Freeze
) -> None:
    """However many they are; until the last step the ledger is as it was."""
    product, other = database.product("A-1", 10), database.product("A-2", 10)
    freeze(database.one("select inventory.clock()") + timedelta(days=4000))
    # One product's numbers are another's too.
    for each in [product] * 3 + [other] * 3:
        assert call("reserve_stock", each, 1)

    def facts() -> dict[str, str]:
        return {row["name"]: row["value"] for row in calls("maintenance.status", **DBA)}

    def step(limit: int) -> Any:
        row = call("maintenance.make_partitions", p_months=0, p_limit=limit, **DBA)
        return row and row["make_partitions"]

    assert facts()["ledger_movements_of_no_month"] == "6"
    assert "make_partitions" in facts()["warning ledger"]
    before, ledger = months(database), database.rows("select m::text from store.movement as m order by id")
    assert step(0) == 0
    copied = f"select count(*) from store.{name(database.one('select inventory.clock()').astimezone(UTC))}"
    for count in (4, 8):
        assert step(4) == 1
        if count == 4:
            assert database.one(copied) == 4
            assert (months(database), database.one(DEFAULT)) == (before, 6)
            assert database.rows("select m::text from store.movement as m order by id") == ledger
            assert call("reserve_stock", product, 1), "writers go on meanwhile"
            ledger = database.rows("select m::text from store.movement as m order by id")
    assert (database.one(copied), database.one(DEFAULT)) == (7, 0)
    assert database.rows("select m::text from store.movement as m order by id") == ledger
    assert step(4) == 0
    make(database)
    assert facts()["ledger_movements_of_no_month"] == "0"
    assert facts()["ledger_last_month"] == months(database)[-1].removeprefix("movement_")
    assert "warning ledger" not in facts()
    database.verify()


def test_a_month_ahead_holds_up_nobody_who_moves_stock(database: Database, call: Call, freeze: Freeze) -> None:
    """While a call that has written a movement is not committed, and before one that begins meanwhile."""
    product, other = database.product("A-1", 10), database.product("A-2", 10)
    freeze(database.one("select inventory.clock()") + timedelta(days=45))
    writer, maker = database.connect("inventory_operator"), database.connect("inventory_maintenance")
    with writer.transaction():
        writer.execute("select inventory.reserve_stock(%s, 1)", [product])
        with maker.transaction():
            assert maker.execute("select maintenance.make_partitions()").fetchone() == (1,)
            lock = (
                "select count(*) from pg_locks where relation = 'store.movement'::regclass and pid = %s and mode = %s"
            )
            assert database.one(lock, maker.info.backend_pid, "ShareUpdateExclusiveLock") == 1
            assert call("reserve_stock", other, 1)
            writer.execute("select inventory.reserve_stock(%s, 1)", [product])
    database.verify()


def test_who_writes_while_its_month_is_made_waits_and_is_not_refused(
    database: Database, in_thread: Any, freeze: Freeze
) -> None:
    """Its movement would go to the default partition, where its month does not belong any more once that is made."""
    database.be_patient()
    product = database.product(quantity=10)
    freeze(database.one("select inventory.clock()") + timedelta(days=4000))
    maker, writer = database.connect("inventory_maintenance"), database.connect("inventory_operator")
    writer.execute("select inventory.reserve_stock(%s, 1)", [product])
    assert database.one(DEFAULT) == 1
    with maker.transaction():
        assert maker.execute("select maintenance.make_partitions()").fetchone() == (1,)
        while maker.execute("select maintenance.make_partitions()").fetchone() == (1,):
            pass
        call = in_thread(lambda: writer.execute("select inventory.reserve_stock(%s, 1)", [product]).rowcount)
        database.wait_until_blocked(writer)
    assert call.result() == 1
    assert database.one(DEFAULT) == 0
    database.verify()


def test_what_is_written_while_a_month_is_copied_moves_too(database: Database, in_thread: Any, freeze: Freeze) -> None:
    """A movement that is committed after the copying and before the lock."""
    product = database.product(quantity=10)
    freeze(database.one("select inventory.clock()") + timedelta(days=4000))
    writer = database.connect("inventory_operator")
    writer.execute("select inventory.reserve_stock(%s, 1)", [product])
    with writer.transaction():
        writer.execute("select inventory.reserve_stock(%s, 1)", [product])
        call = in_thread(lambda: make(database))
        database.wait_for(
            lambda: database.one(
                "select count(*) from pg_locks where relation = 'store.movement'::regclass and not granted"
            )
        )
    call.result()
    make(database)  # where the lock was not had
    assert database.one(DEFAULT) == 0
    assert database.one("select count(*) from store.movement") == 3
    database.verify()


def test_a_lock_that_is_not_had_is_for_another_time(database: Database, call: Call, freeze: Freeze) -> None:
    product = database.product(quantity=10)
    freeze(database.one("select inventory.clock()") + timedelta(days=4000))
    assert call("reserve_stock", product, 1)
    before = months(database)
    reader = database.connect()
    with reader.transaction():
        reader.execute("lock table store.movement_default in access share mode")
        assert call("maintenance.make_partitions", **DBA) == {"make_partitions": 0}
        assert (months(database), database.one(DEFAULT)) == (before, 1)
        assert call("reserve_stock", product, 1)
    assert call("maintenance.make_partitions", **DBA) == {"make_partitions": 1}
    make(database)
    assert database.one(DEFAULT) == 0
    database.verify()


# Months that are detached


class Past:
    """Two months: what was, by product, at an instant of each; the clock stands in the second."""

    def __init__(self, database: Database, freeze: Freeze, admin_call: AdminCall) -> None:
        self.first, self.second = datetime(2031, 1, 20, tzinfo=UTC), datetime(2031, 2, 20, tzinfo=UTC)
        self.boundary = datetime(2031, 2, 1, tzinfo=UTC)
        freeze(self.first)
        make(database)
        self.product = database.product("A-1", 20, p_cost_price="1.333")
        self.idle = database.product("A-2", 7, p_cost_price=2)
        self.supplier = admin_call("create_supplier", "Fresh Farm Supplies")["id"]
        self.sale = admin_call("record_sale", self.product, 3, 5)["id"]
        self.inflow = admin_call("record_inflow", self.product, self.supplier, 4)["id"]
        self.outflow = admin_call("record_outflow", self.product, 2)["id"]
        freeze(self.second)
        make(database)
        admin_call("record_sale", self.product, 5, 5)
        admin_call("record_purchase", self.product, self.supplier, 10, 3)
        freeze(self.second + timedelta(days=1))


@pytest.fixture
def past(database: Database, freeze: Freeze, admin_call: AdminCall) -> Past:
    return Past(database, freeze, admin_call)


def detach(database: Database, before: str) -> list[tuple[Any, ...]]:
    """The months with movements that are detached; those of the template's own time, with none, go too."""
    dba = database.connect("inventory_maintenance")
    query = "select name, movements from maintenance.detach_movements(%s) where movements > 0"
    return dba.execute(query, [before]).fetchall()


def reports(database: Database, at: datetime, until: datetime) -> list[Any]:
    return [
        database.rows(f"select * from {report}")
        for report in (
            f"report.stock_as_of('{at}')",
            f"report.valuation_as_of('{at}')",
            f"report.turnover('{at}', '{until}')",
            f"report.cost_of_goods_sold('{at}', '{until}')",
            f"inventory.cost_layers_at('{at}')",
        )
    ]


def test_from_where_the_ledger_begins_nothing_is_different(database: Database, past: Past) -> None:
    instants = [past.boundary, past.second - timedelta(microseconds=1), past.second]
    before = [reports(database, at, past.second + timedelta(hours=1)) for at in instants]
    now = database.rows("select * from report.stock_as_of()"), database.rows("select * from report.cost_layers")
    assert detach(database, "2031-02-28") == [("movement_2031_01", 5)]
    assert [reports(database, at, past.second + timedelta(hours=1)) for at in instants] == before
    assert now == (
        database.rows("select * from report.stock_as_of()"),
        database.rows("select * from report.cost_layers"),
    )
    assert database.one("select count(*) from store.movement_2031_01") == 5
    assert database.one("select count(*) from store.movement") == 2
    assert database.one("select inventory.ledger_start()") == past.boundary
    database.verify()


def test_what_was_before_the_ledger_begins_is_not_made_up(database: Database, past: Past, refused: Refused) -> None:
    detach(database, "2031-02-01")
    last = past.boundary - timedelta(microseconds=1)
    assert database.rows("select on_hand from inventory.stock_at(%s) order by product_id", last) == [(19,), (7,)]
    for query in (
        f"select * from report.stock_as_of('{last - timedelta(microseconds=1)}')",
        f"select * from report.valuation_as_of('{past.first}')",
        f"select * from inventory.cost_layers_at('{past.first}')",
        f"select * from report.turnover('{past.first}', '{past.second}')",
        f"select * from report.cost_of_goods_sold('{past.first}', '{past.second}')",
    ):
        with refused("22023"):
            database.rows(query)
    with refused("22023") as error:
        database.rows("select http.get_valuation(%s, %s)", past.product, f"{past.first:%Y-%m-%d}")
    assert json.loads(error.value.diag.message_detail or "")["field"] == "as_of"
    # What has no beginning begins where the ledger does.
    assert database.rows("select product_id, opening_quantity from report.turnover('-infinity', 'infinity')") == [
        (past.product, 19),
        (past.idle, 7),
    ]


def test_before_a_movement_is_what_was_written_before_it(
    database: Database, past: Past, admin_call: AdminCall, freeze: Freeze
) -> None:
    """Of a clock that was set back, what was written later lies before in time."""
    average = database.rows("select average_quantity, average_value from inventory.stock_at(%s)", past.boundary)
    freeze(past.boundary - timedelta(days=1))
    admin_call("record_purchase", past.product, past.supplier, 100, 9)
    assert average == database.rows("select average_quantity, average_value from inventory.stock_at(%s)", past.boundary)


def test_the_average_before_what_is_left_is_the_products_own(
    database: Database, past: Past, admin_call: AdminCall
) -> None:
    admin_call("record_purchase", past.idle, past.supplier, 3, 9)
    query = "select product_id, average_quantity, average_value from inventory.stock_at(%s)"
    before = database.rows(query, past.boundary)
    assert len({row[1:] for row in before}) == len(before) == 2
    detach(database, "2031-02-01")
    assert database.rows(query, past.boundary) == before


def test_flows_sales_and_uses_outlive_their_movements(database: Database, past: Past) -> None:
    views = ("sales", "purchases", "inflows", "outflows", "cost_layer_uses", "cost_layers")
    counts = {view: database.one(f"select count(*) from report.{view}") for view in views}
    detach(database, "2031-02-01")
    assert {view: database.one(f"select count(*) from report.{view}") for view in views} == counts
    assert database.rows("select cost from report.inflows union all select cost from report.outflows") == [(None,)] * 2


def test_work_goes_on_behind_what_was_detached(
    database: Database, past: Past, call: Call, admin_call: AdminCall, refused: Refused
) -> None:
    detach(database, "2031-02-01")
    assert call("reserve_stock", past.idle, 1)
    assert call("consume_stock", past.idle, 1)
    admin_call("return_sale", past.sale, 1)
    admin_call("delete_outflow", past.outflow)
    admin_call("delete_inflow", past.inflow)
    database.verify()
    with refused("IV039"):  # its history is detached, but it has one
        admin_call("delete_product", past.idle)


def test_a_product_that_had_its_first_stock_alone_is_deleted_behind_it_too(
    database: Database, past: Past, admin_call: AdminCall, refused: Refused
) -> None:
    detach(database, "2031-02-01")
    assert database.rows("select product_id from store.opening_balance where has_history") == [(past.product,)]
    with refused("IV039"):
        admin_call("delete_product", past.product)
    admin_call("delete_product", past.idle)
    database.verify()


def test_months_go_one_after_the_other(database: Database, past: Past, call: Call, freeze: Freeze) -> None:
    assert detach(database, "2031-01-31") == []
    assert detach(database, "2031-02-01") == [("movement_2031_01", 5)]
    assert detach(database, "2031-02-01") == []
    freeze(past.second + timedelta(days=30))
    make(database)
    assert call("reserve_stock", past.product, 1)
    assert detach(database, "2031-03-01") == [("movement_2031_02", 2)]
    database.verify()
    assert database.rows("select on_hand, reserved from inventory.stock_at('2031-03-01') order by product_id") == [
        (24, 0),
        (7, 0),
    ]
    database.admin.execute("drop table store.movement_2031_01")
    database.verify()


def test_a_month_that_is_not_over_stays(database: Database, past: Past, call: Call, refused: Refused) -> None:
    for before in ("2031-03-01", "2040-01-01", "infinity"):
        with refused("22023"):
            detach(database, before)
    for months_ahead in (-1, 121):
        with refused("22023"):
            call("maintenance.make_partitions", months_ahead, **DBA)
    with refused("22004"):
        detach(database, None)  # type: ignore[arg-type]
    assert past.second < database.one("select inventory.clock()")
    for before in ("4713-11-24 BC", "-infinity"):
        assert detach(database, before) == []


def test_a_boundary_over_which_the_clock_was_set_back_is_refused(
    database: Database, past: Past, call: Call, freeze: Freeze, refused: Refused
) -> None:
    """A movement of January that comes after one of February: without it the chain would have a hole."""
    freeze(past.first + timedelta(days=1))
    assert call("reserve_stock", past.product, 1)
    freeze(past.second + timedelta(days=1))
    with refused("55000"):
        detach(database, "2031-02-01")
    assert database.rows("select check_name, product_id from maintenance.verify()") == [
        ("movement is no earlier than the last", past.product)
    ]
    freeze(past.second + timedelta(days=30))
    assert detach(database, "2031-03-01") == [("movement_2031_01", 6), ("movement_2031_02", 2)]
    database.verify()


def test_movements_of_no_month_are_refused_to_be_left_behind(
    database: Database, past: Past, call: Call, freeze: Freeze, refused: Refused
) -> None:
    freeze(datetime(2030, 6, 1, tzinfo=UTC))
    assert call("reserve_stock", past.idle, 1)
    freeze(past.second + timedelta(days=1))
    with refused("55000") as error:
        detach(database, "2031-02-01")
    assert "2030-06" in error.value.diag.message_primary
    assert "maintenance.make_partitions()" in error.value.diag.message_hint
    assert database.one(DEFAULT) == 1
    # What it says helps; and then what is refused is the clock, and another hint helps.
    make(database)
    assert database.one(DEFAULT) == 0
    with refused("55000") as error:
        detach(database, "2030-07-01")
    assert "make_partitions" not in error.value.diag.message_hint
    assert len(detach(database, "2031-02-01")) == 2
    database.verify()


def test_a_month_that_ended_just_now_is_not_detached(
    database: Database, past: Past, freeze: Freeze, refused: Refused
) -> None:
    """A call that began before midnight may still write into it."""
    freeze(past.boundary + timedelta(hours=1) - timedelta(microseconds=1))
    with refused("22023"):
        detach(database, "2031-02-01")
    freeze(past.boundary + timedelta(hours=1))
    assert detach(database, "2031-02-01") == [("movement_2031_01", 5)]


def test_a_movement_of_a_month_that_is_detached_goes_with_the_next(
    database: Database, past: Past, call: Call, freeze: Freeze, refused: Refused
) -> None:
    """It took its time before the month's end, and was written when the month had been detached."""
    assert detach(database, "2031-02-01") == [("movement_2031_01", 5)]
    freeze(past.boundary - timedelta(microseconds=1))
    assert call("reserve_stock", past.product, 1)
    assert database.one(DEFAULT) == 1
    freeze(past.second + timedelta(days=30))
    make(database)
    assert "movement_2031_01_2" in months(database)
    assert database.one(DEFAULT) == 0
    assert database.rows("select distinct check_name from maintenance.verify()") == [
        ("movement is no earlier than the last",)
    ]
    with refused("55000"):  # it was written after February's
        detach(database, "2031-02-01")
    assert detach(database, "2031-03-01") == [("movement_2031_01_2", 1), ("movement_2031_02", 2)]
    database.verify()
    freeze(past.boundary - timedelta(microseconds=1))
    assert call("reserve_stock", past.idle, 1)
    freeze(past.second + timedelta(days=60))
    make(database)
    assert "movement_2031_01_3" in months(database)
    assert detach(database, "2031-04-01") == [("movement_2031_01_3", 1)]
    assert (database.stock(past.product)[1], database.stock(past.idle)[1]) == (1, 1)
    database.verify()


def test_nobody_is_detached_under_who_reads(database: Database, past: Past, refused: Refused) -> None:
    reader = database.connect()
    with reader.transaction():
        reader.execute("select from store.movement limit 1")
        with refused("55P03"):
            detach(database, "2031-02-01")
    assert detach(database, "2031-02-01") == [("movement_2031_01", 5)]
    assert past.boundary == database.one("select inventory.ledger_start()")
