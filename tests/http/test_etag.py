"""ETag, If-None-Match and If-Match of one product, in all five APIs."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import timedelta

import httpx
import pytest

from server.http.routes import ROUTES, Route
from tests.conftest import Database, Server
from tests.http.conftest import Shared
from tests.http.samples import World, body, fill, name_of
from tests.http.test_idempotency import assert_refused, assert_replay

Unchanged = Callable[[], AbstractContextManager[None]]

WITH_TEXT = ("/inventory/{id}", "/api/v1/products/{id}/")
READS = ("/sku/{sku_id}", "/api/v1/inventory/{id}", "/products/{id}", "/api/v1/stock/{id}/", *WITH_TEXT)
# What changes one product.
CONDITIONAL = [
    route
    for route in ROUTES
    if route.function
    in {
        *("create_block", "convert_block", "cancel_block", "extend_block"),
        *("add_stock", "reserve_stock", "release_stock", "consume_stock", "set_stock"),
        *("update_inventory", "initialize_inventory", "create_price", "create_sale", "create_purchase", "return_sale"),
        *("place_order", "update_catalog_product", "delete_product"),
        *("create_inflow", "create_outflow", "delete_inflow", "delete_outflow"),
    }
]
OTHERS = [route for route in ROUTES if route.method != "GET" and route not in CONDITIONAL]
RESERVE = "/api/v1/inventory/{}/reserveStock"


@pytest.fixture
def world(database: Database) -> World:
    return fill(database)


@pytest.fixture
def admin(server: Server, world: World) -> httpx.Client:
    """A client that may call every route."""
    return server.client(server.token("root", "secret"))


def paths(world: World) -> dict[str, str]:
    """The paths of the reads of one product."""
    return {path: path.format(sku_id=world.sku_id, id=world.product_id) for path in READS}


def product_of(route: Route, world: World) -> int:
    """The product that a good request of the route changes."""
    if route.function == "initialize_inventory":
        return world.bare_product_id
    is_spare = route.function in ("update_catalog_product", "delete_product")
    return world.spare_product_id if is_spare else world.product_id


def tag(database: Database, product_id: int) -> str:
    return f'"{database.one("select inventory.product_tag(%s)", product_id)}"'


# Reads


def test_all_reads_of_one_product_have_its_tag(database: Database, admin: httpx.Client, world: World) -> None:
    present = tag(database, world.product_id)
    for path, filled in paths(world).items():
        answer = admin.get(filled)
        if path in WITH_TEXT:
            assert answer.headers["ETag"].startswith(f"{present[:-1]}.")
        else:
            assert answer.headers["ETag"] == present
        assert admin.head(filled).headers["ETag"] == answer.headers["ETag"]
        own = answer.headers["ETag"]
        for known in (own, f"W/{own}", f'"other", {own}', "*"):
            again = admin.get(filled, headers={"If-None-Match": known})
            assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", own)
        for other in ('"0.0"', present[1:-1], f'"{present[1:-1]}0"'):
            assert admin.get(filled, headers={"If-None-Match": other}).status_code == 200


def test_a_read_is_another_at_the_instant_at_which_a_block_expires(
    database: Database, admin: httpx.Client, world: World
) -> None:
    tags = {path: admin.get(filled).headers["ETag"] for path, filled in paths(world).items()}
    database.advance(timedelta(hours=1))
    for path, filled in paths(world).items():
        answer = admin.get(filled, headers={"If-None-Match": tags[path]})
        assert answer.status_code == 200
        tags[path] = answer.headers["ETag"]
    present = tag(database, world.product_id)
    database.one("select maintenance.expire_blocks()")
    assert tag(database, world.product_id) == present
    for path, filled in paths(world).items():
        # The sweep has written to the stock, and two answers show when that was.
        status = 200 if path in WITH_TEXT else 304
        assert admin.get(filled, headers={"If-None-Match": tags[path]}).status_code == status


def test_a_read_that_shows_names_of_others_is_another_when_they_change(
    database: Database, admin: httpx.Client, world: World
) -> None:
    product = f"/api/v1/products/{world.product_id}/"
    related = {"brand": world.brand_id, "category": world.category_id}
    assert admin.patch(product, json=related).status_code == 200
    present = tag(database, world.product_id)
    for other in (f"/api/v1/brands/{world.brand_id}/", f"/api/v1/categories/{world.category_id}/"):
        before = admin.get(product).headers["ETag"]
        assert admin.patch(other, json={"name": "Renamed"}).status_code == 200
        changed = admin.get(product, headers={"If-None-Match": before})
        assert changed.status_code == 200
        assert "Renamed" in changed.text
        # It is no change of the product.
        assert tag(database, world.product_id) == present
        assert admin.patch(product, json={}, headers={"If-Match": before}).status_code == 200
        present = tag(database, world.product_id)


def test_the_tag_is_weak_where_the_answer_is_compressed(database: Database, client: httpx.Client) -> None:
    product = database.product(quantity=100)
    for _ in range(40):
        database.one("select id from inventory.create_block(%s, 1)", product)
    path, present = f"/sku/{database.sku_id(product)}", tag(database, product)
    plain = client.get(path, headers={"Accept-Encoding": "identity"})
    packed = client.get(path, headers={"Accept-Encoding": "gzip"})
    assert (plain.headers["ETag"], packed.headers["ETag"]) == (present, f"W/{present}")
    for known in (present, f"W/{present}"):
        assert client.get(path, headers={"If-None-Match": known}).status_code == 304
        reserved = client.post(RESERVE.format(product), json={"amount": 0}, headers={"If-Match": known})
        assert reserved.status_code == 204


def test_lists_keep_the_hash_of_their_text(shared: Shared) -> None:
    for path in ("/api/v1/inventory", "/products", "/temporary-blocks", "/api/v1/brands/"):
        assert shared.admin.get(path).headers["ETag"].startswith('W/"')


# Changes


@pytest.mark.parametrize("route", CONDITIONAL, ids=name_of)
def test_another_tag_is_412_and_changes_nothing(shared: Shared, route: Route) -> None:
    present = tag(shared.database, product_of(route, shared.world))
    sent = body(route, shared.world, shared.server)
    # The last two are no lists of tags.
    for wrong in ('"0.0"', 'W/"0.0", "1"', '"0.0", *', "", '"*"', present[1:-1], f"{present}, x"):
        path = shared.path(route.path)
        answer = shared.admin.request(route.method, path, json=sent, headers={"If-Match": wrong})
        assert_refused(answer, route.api, 412, "PRECONDITION_FAILED")
        assert answer.headers["ETag"] == present


@pytest.mark.parametrize("route", CONDITIONAL, ids=name_of)
def test_the_present_tag_is_good(
    database: Database, admin: httpx.Client, server: Server, world: World, route: Route
) -> None:
    present = tag(database, product_of(route, world))
    sent = body(route, world, server)
    headers = {"If-Match": f'"0.0",, W/{present}'}
    answer = admin.request(route.method, world.path(route.path), json=sent, headers=headers)
    assert answer.status_code == route.status, answer.text
    database.verify()


@pytest.mark.parametrize("route", OTHERS, ids=name_of)
def test_what_changes_no_single_product_ignores_the_header(
    admin: httpx.Client, server: Server, world: World, route: Route
) -> None:
    sent = body(route, world, server)
    answer = admin.request(route.method, world.path(route.path), json=sent, headers={"If-Match": '"0.0"'})
    assert answer.status_code == route.status, answer.text


def test_any_tag_asks_only_that_the_product_exists(client: httpx.Client, database: Database) -> None:
    product = database.product(quantity=5)
    for path, status in ((RESERVE.format(product), 204), (RESERVE.format(0), 404)):
        assert client.post(path, json={"amount": 1}, headers={"If-Match": "*"}).status_code == status
    assert database.stock(product)[1] == 1


def test_what_is_not_there_is_not_found(shared: Shared) -> None:
    for path, sent, status in (
        (RESERVE.format(0), {"amount": 1}, 404),
        ("/temporary-blocks/00000000-0000-7000-8000-000000000000/cancel", None, 404),
        ("/inventory/sales", {"product_id": 0, "quantity": 1, "unit_price": 1}, 404),
        ("/api/v1/outflows/", {"product": 0, "quantity": 1}, 422),
    ):
        assert shared.admin.post(path, json=sent, headers={"If-Match": '"1.1"'}).status_code == status


def test_the_tag_of_a_read_is_good_in_every_api(database: Database, admin: httpx.Client, world: World) -> None:
    for path in paths(world).values():
        known = admin.get(path).headers["ETag"]
        calls = (
            admin.post(RESERVE.format(world.product_id), json={"amount": 1}, headers={"If-Match": known}),
            admin.patch(f"/inventory/{world.product_id}", json={"reorder_point": 1}, headers={"If-Match": known}),
        )
        assert [answer.status_code for answer in calls] == [204, 412]
        assert calls[1].headers["ETag"] == tag(database, world.product_id)


def test_of_many_clients_with_one_tag_exactly_one_wins(database: Database, server: Server) -> None:
    product = database.product(quantity=100)
    clients = [server.client() for _ in range(12)]
    for _ in range(5):
        known = clients[0].get(f"/api/v1/inventory/{product}").headers["ETag"]

        def reserve(client: httpx.Client, known: str = known) -> int:
            answer = client.post(RESERVE.format(product), json={"amount": 1}, headers={"If-Match": known})
            return answer.status_code

        with ThreadPoolExecutor(len(clients)) as pool:
            assert sorted(pool.map(reserve, clients)) == [204] + [412] * (len(clients) - 1)
    assert database.stock(product)[1] == 5
    database.verify()


def test_clients_that_count_up_lose_no_update(database: Database, server: Server) -> None:
    """Compare and set in a loop, beside calls without a condition that go in batches."""
    product = database.product(quantity=1000)

    def count_up(client: httpx.Client) -> None:
        done = 0
        while done < 5:
            read = client.get(f"/inventory/{product}")
            quantity = int(float(read.json()["inventory"]["quantity"])) + 100
            sent = {"quantity": quantity}
            answer = client.patch(f"/inventory/{product}", json=sent, headers={"If-Match": read.headers["ETag"]})
            assert answer.status_code in (200, 412)
            done += answer.status_code == 200

    def add(client: httpx.Client) -> None:
        for _ in range(20):
            assert client.post(f"/api/v1/inventory/{product}/addStock", json={"amount": 1}).status_code == 204

    database.one("select id from maintenance.create_user('root', 'secret', 'admin')")
    token = server.token("root", "secret")
    with ThreadPoolExecutor(4) as pool:
        jobs = [pool.submit(job, server.client(token)) for job in (count_up, count_up, add, add)]
        for job in jobs:
            job.result()
    assert database.stock(product)[0] == 1000 + 10 * 100 + 40


# With an Idempotency-Key


def test_a_repeated_request_gets_its_first_answer_whatever_it_expects(
    database: Database, client: httpx.Client, unchanged: Unchanged
) -> None:
    product = database.product(quantity=5)
    path, present = RESERVE.format(product), tag(database, product)

    def reserve(key: str, expected: str) -> httpx.Response:
        return client.post(path, json={"amount": 1}, headers={"Idempotency-Key": key, "If-Match": expected})

    done, refused = reserve("one", present), reserve("two", present)
    assert (done.status_code, refused.status_code) == (204, 412)
    assert refused.headers["ETag"] == tag(database, product)
    with unchanged():
        for expected in (present, '"0.0"', tag(database, product), "*"):
            assert_replay(reserve("one", expected), done)
            # A refusal is an answer, too: who has looked again sends a new request, with a new key.
            assert_replay(reserve("two", expected), refused)
            assert reserve("two", expected).headers["ETag"] == refused.headers["ETag"]
