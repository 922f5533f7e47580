"""Some weeks in the life of a shop: every call that writes, of every API, over HTTP.

``python -m tests.operations.play 0008`` plays it on a new database and writes that down as ``releases/0008.sql.gz``,
with its functions and views. It is of the release in whose checkout this runs: copy this file there. The tests of
upgrades migrate what was written, and play the same again with other names.
"""

from __future__ import annotations

import contextlib
import gzip
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psycopg

from server.http.routes import ROUTES
from tests.conftest import PATIENCE, TEST_SCHEMA, Database, Server

RELEASES = Path(__file__).parent / "releases"
ROUTE = {route.function: route for route in reversed(ROUTES)}
WRITES = {route.function for route in ROUTES if route.method != "GET"}
PASSWORD = "the old password"
BEGINNING = timedelta(days=70)
# Tokens outlive the weeks.
SETTINGS: dict[str, Any] = {
    "webhook_allow_private_addresses": True,
    "webhook_poll_seconds": 0.05,
    "access_token_seconds": 10**7,
}
# Of these calls each release must know its own answers again. The test sends them once more.
KEYED: dict[str, tuple[str, str, dict[str, Any]]] = {
    "taken": ("operator", "/api/v1/inventory/1/addStock", {"amount": 3}),
    "refused": ("operator", "/api/v1/inventory/1/reserveStock", {"amount": 1_000_000}),
    "sold": ("admin", "/inventory/sales", {"product_id": 1, "quantity": "2", "unit_price": "9.5"}),
    "art": ("clerk", "/api/v1/art_order", {"type": "Add", "sku": "OLD-A", "quantity": 1, "to_location": "RACK-A1-01"}),
}


class _Receiver(BaseHTTPRequestHandler):
    """Takes every delivery but those to /bad."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(500 if self.path == "/bad" else 204)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@contextlib.contextmanager
def receiver() -> Iterator[str]:
    """The address of a receiver of webhooks."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


class Play:
    """One play. ``tag`` begins the names that are unique; root is an admin whose password is PASSWORD."""

    def __init__(self, database: Database, server: Server, tag: str) -> None:
        self._database = database
        self._server = server
        self._tag = tag
        self._called: set[str] = set()
        self._clients = {"operator": server.client(), "admin": server.client(server.token("root", PASSWORD))}

    def send(
        self, function: str, /, *, by: str = "admin", expect: int | None = None, key: str | None = None, **fields: Any
    ) -> Any:
        """The answer of a route's function; the fields that its path does not name are the body."""
        route = ROUTE[function]
        body = {name: value for name, value in fields.items() if f"{{{name}}}" not in route.path}
        answer = self._clients[by].request(
            route.method,
            route.path.format_map(fields),
            json=body or None,
            headers={"Idempotency-Key": key} if key else {},
        )
        assert answer.status_code == (expect or route.status), (function, answer.text)
        if answer.status_code < 400:
            self._called.add(function)
        return answer.json() if answer.content else None

    def later(self, **by: float) -> None:
        """Move the time on, and let the jobs of then run."""
        self._database.advance(timedelta(**by))
        for job in ("make_partitions", "expire_blocks", "turn_prices"):
            self._database.admin.execute("call maintenance.run_batches(%s)", [job])

    def at(self, **ahead: float) -> str:
        """The time so far ahead, as a body has it."""
        now: datetime = self._database.one("select inventory.clock()")
        return (now + timedelta(**ahead)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def id_of(self, sku: str) -> int:
        return int(self._database.one("select id from store.product where sku = %s", sku))

    def everything(self, url: str) -> None:
        """Every call that writes succeeds at least once; some are refused. ``url`` takes the events."""
        self._catalog(url)
        self._arrivals()
        self.later(days=33)
        self._trade()
        self._flows()
        self._blocks()
        self.later(days=20)
        self._prices()
        self._orders()
        self._trade()
        self._users()
        self._statuses()
        self._wait_for_deliveries()
        assert WRITES - self._called == set()

    def _catalog(self, url: str) -> None:
        self._url = url
        tag, send = self._tag, self.send
        self.good = send("create_webhook", url=f"{url}/good", events=["inflow.created", "stock.low"])["id"]
        self.bad = send("create_webhook", url=f"{url}/bad", events=["inflow.created"])["id"]
        self.dropped = send("create_webhook", url=f"{url}/dropped", events=["price.changed"])["id"]
        send("rotate_webhook_secret", id=self.good, overlap_seconds=3600)
        made: dict[str, list[int]] = {}
        for kind in ("brand", "category", "catalog_supplier"):
            made[kind] = [send(f"create_{kind}", name=f"{tag} {kind} {n}")["id"] for n in range(3)]
            send(f"update_{kind}", id=made[kind][1], name=f"{tag} {kind} of another name")
            send(f"delete_{kind}", id=made[kind][2])
        self.brand, self.category = made["brand"][0], made["category"][0]
        self.supplier = send("create_supplier", name=f"{tag} Mill", phone_number="+254700000001")["supplier"]["id"]
        self.unit = send("create_unit", name=f"{tag} crate", symbol="cr")["unit"]["id"]

    def _arrivals(self) -> None:
        tag, send = self._tag, self.send
        self.sku_id = send("create_sku", by="operator", sku_code=f"{tag}-A", name="A", quantity=100, price=9.99)[
            "sku_id"
        ]
        send(
            "create_inventory_item",
            by="operator",
            sku=f"{tag}-B",
            name="B",
            description="of unknown cost",
            price=5,
            stock=40,
        )
        send("register_product", sku=f"{tag}-C", name="C, loose")
        self.a, self.b, self.c = (self.id_of(f"{tag}-{letter}") for letter in "ABC")
        send("initialize_inventory", product_id=self.c, unit_id=3, quantity="20.5", reorder_point="90")
        related = {"category": self.category, "brand": self.brand, "cost_price": "2.50", "selling_price": "4.99"}
        self.d = send("create_catalog_product", title="D", sku=f"{tag}-D", quantity=30, **related)["id"]
        # Its only stock is of the first month.
        self.e = send("create_catalog_product", title="E", sku=f"{tag}-E", quantity=12, **related)["id"]
        gone = send("create_catalog_product", title="F", sku=f"{tag}-F", quantity=7, **related)["id"]
        send("delete_product", id=gone)
        send("register_product", sku=f"{tag}-LISTED", name="Without an inventory")
        lines = "\n".join(f"Import {n},{self.category},{self.brand},1.25,{n}.5,{tag}-I{n},{n}" for n in range(5))
        answer = self._clients["admin"].post(
            "/api/v1/products/import/",
            content=f"title,category,brand,cost_price,selling_price,sku,quantity\n{lines}\n",
            headers={"Content-Type": "text/csv"},
        )
        assert answer.status_code == 201, answer.text
        for quantity, unit_cost in (("10", "1.333"), ("7.125", "2"), ("100", "0.01")):
            self._buy(self.c, quantity, unit_cost)
            self._buy(self.b, quantity, unit_cost)
        self._sell(self.c, "25.75")
        send("reserve_stock", by="operator", id=self.b, amount=9)

    def _buy(self, product_id: int, quantity: str, unit_cost: str) -> None:
        fields = {"product_id": product_id, "quantity": quantity, "unit_cost": unit_cost}
        self.send("create_purchase", supplier_id=self.supplier, **fields)

    def _sell(self, product_id: int, quantity: str) -> int:
        sale = self.send("create_sale", product_id=product_id, quantity=quantity, unit_price="3.335")
        return int(sale["sale_item"]["id"])

    def _trade(self) -> None:
        send = self.send
        for product_id in (self.b, self.c):
            self._buy(product_id, "12.5", "4.444")
            sale = self._sell(product_id, "8.4")
            send("return_sale", sale_id=sale, quantity="3.1", reason="Rotten")
            self._buy(product_id, "3", "0.001")
            self._sell(product_id, "6")
        send("return_sale", sale_id=sale, quantity="5.3")
        send("create_sale", expect=400, product_id=self.c, quantity="99999", unit_price="1")
        send(
            "update_inventory",
            product_id=self.c,
            quantity="61.5",
            reorder_point="70",
            expected_quantity=self._on_hand(),
        )
        for function, amount in (("add", 4), ("reserve", 5), ("consume", 3), ("release", 1)):
            send(f"{function}_stock", by="operator", id=self.b, amount=amount)
        send("reserve_stock", by="operator", expect=409, id=self.b, amount=10**6)

    def _on_hand(self) -> str:
        return str(self._database.stock(self.c)[0])

    def _flows(self) -> None:
        send = self.send
        inflows = [send("create_inflow", supplier=self.supplier, product=self.d, quantity=n)["id"] for n in (5, 6, 7)]
        outflows = [send("create_outflow", product=self.d, quantity=n, description="Gift")["id"] for n in (20, 3, 4)]
        send("delete_outflow", id=outflows[0])
        send("delete_inflow", id=inflows[2])
        send("delete_inflow", expect=404, id=inflows[2])
        send("create_outflow", product=self.d, quantity=31)
        send("create_inflow", supplier=self.supplier, product=self.id_of(f"{self._tag}-I0"), quantity=8)
        send("update_catalog_product", id=self.d, **self._d(quantity=9))
        answer = self._clients["admin"].patch(
            f"/api/v1/products/{self.d}/", json={"quantity": 15, "serie_number": "S-1"}
        )
        assert answer.status_code == 200, answer.text

    def _d(self, **fields: Any) -> dict[str, Any]:
        named = {"title": "D", "category": self.category, "brand": self.brand}
        return {**named, "cost_price": "2.75", "selling_price": "5.49", **fields}

    def _blocks(self) -> None:
        send = self.send

        def block(quantity: float, **ahead: float) -> str:
            made = send(
                "create_block", by="operator", sku_id=self.sku_id, quantity=quantity, expires_at=self.at(**ahead)
            )
            return str(made["block_id"])

        send("convert_block", by="operator", block_id=block(6, days=1), quantity=4, reason="Paid")
        send("convert_block", by="operator", block_id=block(2, days=1))
        send("cancel_block", by="operator", block_id=block(3, days=1), reason="Changed their mind")
        swept = block(5, hours=1)
        extended = block(2.5, days=1)
        send("extend_block", by="operator", block_id=extended, expires_at=self.at(days=29))
        other = self._database.sku_id(self.d)
        items = [{"sku_id": sku_id, "quantity": 1} for sku_id in (self.sku_id, other, other)]
        send("create_blocks", by="operator", items=items, reason="Cart", expires_at=self.at(days=28))
        if "set_hold" in WRITES:  # since 0021
            self._holds(items)
        self.later(hours=2)
        send("cancel_block", by="operator", expect=409, block_id=swept)
        if "set_kit_parts" in WRITES:  # since 0022
            kit = send("create_sku", by="operator", sku_code="KIT-1", name="Kit", quantity=0, price=9)["sku_id"]
            send("set_kit_parts", by="operator", sku_id=kit, parts=[{"sku_id": self.sku_id, "quantity": 0.5}])
            send("create_block", by="operator", sku_id=kit, quantity=1, expires_at=self.at(days=27))
            send("reserve_stock", by="operator", id=kit, amount=1)
        if "set_stock" in WRITES:  # since 0018
            send("set_stock", by="operator", id=self.d, quantity=15)
            send("set_stocks", by="operator", items=[{"id": str(self.d), "quantity": 15}])

    def _holds(self, items: list[dict[str, Any]]) -> None:
        def send(function: str, **fields: Any) -> None:
            self.send(function, by="operator", **fields)

        send("set_hold", owner="cart 1", items=items)
        send("set_hold", owner="cart 1", items=items[:2], expires_at=self.at(days=1))
        send("extend_hold", owner="cart 1", expires_at=self.at(days=2))
        send("convert_hold", owner="cart 1", reason="Paid")
        send("set_hold", owner="cart 2", items=items[1:], allow_partial=True)
        send("cancel_hold", owner="cart 2")
        send("set_hold", owner="cart 3", items=items[:1], expires_at=self.at(days=28))

    def _prices(self) -> None:
        send = self.send
        # Its events were for no other endpoint.
        send("delete_webhook", id=self.dropped)
        events = ["outflow.created", "inflow.created", "stock.low", "block.expired", "price.changed"]
        send("update_webhook", id=self.good, url=self._url + "/good", events=events)
        for price in (
            {"amount": "8.25", "price_type": "retail", "close_old_price": True},
            {"amount": "7", "price_type": "promo", "effective_from": self.at(days=2), "effective_to": self.at(days=9)},
            {"amount": "6.5", "price_type": "promo", "effective_to": self.at(days=1)},
            {"amount": "6.001", "price_type": "wholesale", "effective_from": self.at(days=40)},
        ):
            send("create_price", product_id=self.a, **price)
        send(
            "create_price",
            expect=400,
            product_id=self.a,
            amount="1",
            price_type="retail",
            effective_from=self.at(days=-1),
        )

    def _orders(self) -> None:
        tag = self._tag

        def order(type_: str, letter: str, quantity: int, *locations: str) -> dict[str, Any]:
            names = ("from_location", "to_location") if len(locations) == 2 else ("to_location",)
            if type_ == "Remove":
                names = ("from_location",)
            return {
                "type": type_,
                "sku": f"{tag}-{letter}",
                "quantity": quantity,
                **dict(zip(names, locations, strict=True)),
            }

        first, second, third = "RACK-A1-01", "RACK-B2-02", "RACK-C3-03"
        for one in (
            order("Add", "A", 10, first),
            order("Transfer", "A", 4, first, second),
            order("Remove", "A", 2, second),
            order("Count", "A", 5, second),
            order("Adjust", "A", -1, first),
            order("Add", "B", 6, second),
        ):
            self.send("place_order", by="operator", **one)
        many = [
            order("Add", letter, n + 1, location)
            for n, (letter, location) in enumerate(zip("ABD" * 4, (first, second) * 6, strict=True))
        ]
        self.send("place_orders", by="operator", orders=[*many, order("Count", "B", 11, second)], atomic=True)
        mixed = [
            order("Remove", "A", 1000, first),
            order("Transfer", "D", 2, first, third),
            order("Add", "NONE", 1, first),
        ]
        found = self.send("place_orders", by="operator", orders=mixed, atomic=False)
        assert [result["status"] for result in found["results"]] == ["error", "success", "error"]
        self.send("place_orders", by="operator", expect=400, orders=mixed, atomic=True)

        self.send("close_count", by="operator", count_id=self._count(first, A=20, D=7))
        self.send("cancel_count", by="operator", count_id=self._count(first, A=1))

    def _count(self, location: str, **lines: int) -> int:
        made = self.send("start_count", by="operator", location=location)["count"]["id"]
        found = [{"sku": f"{self._tag}-{letter}", "quantity": quantity} for letter, quantity in lines.items()]
        self.send("record_count_lines", by="operator", count_id=made, lines=found)
        return int(made)

    def _users(self) -> None:
        send, tag = self.send, self._tag.lower()
        self.clerk = send("create_user", username=f"{tag}-clerk", password=PASSWORD, role="employee")["id"]
        left = send("create_user", username=f"{tag}-left", password=PASSWORD, role="operator")["id"]
        send("update_user", id=left, is_active=False)

    def _statuses(self) -> None:
        self.send("update_inventory", product_id=self.id_of(f"{self._tag}-I3"), status="inactive")
        self.send("update_inventory", product_id=self.id_of(f"{self._tag}-I4"), status="archived")
        self._sell(self.a, "1")

    def under_way(self) -> None:
        """What the release leaves to the next one: an open count, keys, a block that expires and that nobody ends."""
        send = self.send
        self._count("RACK-B2-02", A=3)
        # The same key as an employee and as an admin: until 0009 these were two.
        for role, amount in (("employee", 1), ("admin", 2)):
            send("update_user", id=self.clerk, role=role)
            self._clients["clerk"] = self._server.client(self._server.token("old-clerk", PASSWORD))
            send("add_stock", by="clerk", key="twice", id=self.b, amount=amount)
        for key, (by, path, body) in KEYED.items():
            answer = self._clients[by].post(path, json=body, headers={"Idempotency-Key": key})
            assert answer.status_code in (200, 201, 204, 409), answer.text
        send("create_block", by="operator", sku_id=self.sku_id, quantity=1.25, expires_at=self.at(minutes=5))

    def _wait_for_deliveries(self) -> None:
        """Until each delivery was tried, and the one that failed was replayed and tried again."""
        path = "/api/v1/webhooks/{}/deliveries/"

        def settle() -> None:
            deadline = time.monotonic() + PATIENCE
            untried = "select count(*) from store.webhook_delivery where attempts = 0 and webhook_id = any(%s)"
            while self._database.one(untried, [self.good, self.bad]):
                assert time.monotonic() < deadline
                time.sleep(0.05)

        settle()
        failed = self._clients["admin"].get(path.format(self.bad), params={"status": "failed"}).json()["results"]
        assert self._clients["admin"].get(path.format(self.good), params={"status": "delivered"}).json()["count"]
        self.send("replay_webhook_delivery", id=self.bad, delivery_id=failed[0]["id"])
        settle()


def main(number: str) -> None:
    """Play on a new database, and write it down as it would be found: with no trace of the clock that was moved."""
    from db.apply import apply  # only here: of the release
    from db.source import FUNCTIONS
    from tools.cluster import Cluster

    directory = Path(tempfile.mkdtemp(prefix="inventory-play-"))
    directory.chmod(0o755)
    cluster = Cluster(directory, throwaway=True)
    cluster.start()
    try:
        with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
            connection.execute("create database inventory")
        apply(cluster.dsn(dbname="inventory"), jobs=False)
        database = Database(cluster.dsn(dbname="inventory"))
        database.admin.execute(TEST_SCHEMA.encode())
        database.advance(-BEGINNING)
        while database.one("select maintenance.make_partitions()"):
            pass
        database.one("select maintenance.create_user('root', %s, 'admin')", PASSWORD)
        server = Server(database.conninfo, **SETTINGS)
        try:
            with receiver() as url:
                play = Play(database, server, "OLD")
                play.everything(url)
                play.under_way()
        finally:
            server.close()
        assert database.rows(
            "select name from maintenance.detach_movements((inventory.clock() - interval '35 days')::date)"
        )
        database.verify()
        clock = next(FUNCTIONS.rglob("clock.sql")).read_text()
        database.admin.execute(
            f"set role inventory_owner; {clock}; reset role; drop sequence store.test_clock".encode()
        )
        database.admin.execute("truncate store._yoyo_log")
        database.close()
        dumped = subprocess.run(
            [cluster.binaries / "pg_dump", "--inserts", "--rows-per-insert=100", cluster.dsn(dbname="inventory")],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
    finally:
        cluster.destroy()
    text = re.sub(r"(?m)^(--.*|\\(un)?restrict .*)?\n", "", dumped)
    (RELEASES / f"{number}.sql.gz").write_bytes(gzip.compress(text.encode(), mtime=0))


if __name__ == "__main__":
    main(sys.argv[1])
