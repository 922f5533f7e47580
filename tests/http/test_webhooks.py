"""/api/v1/webhooks/: endpoints, their secrets, their deliveries and the replay of one."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import httpx
import pytest

from tests.conftest import Database
from tests.http.conftest import Shared, send
from tests.http.test_users import UNKNOWN_IDS, assert_invalid, assert_not_found

WEBHOOKS = "/api/v1/webhooks/"
NEW = {"url": "https://shop.example/hooks", "events": ["stock.low", "price.changed"]}
SHOWN = ["id", "url", "events", "enabled", "stock_changes", "created_at", "updated_at"]
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z")
SECRET = re.compile(r"whsec_[A-Za-z0-9+/]{43}=")


def create(admin: httpx.Client, **fields: Any) -> dict[str, Any]:
    answer = admin.post(WEBHOOKS, json=NEW | fields)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def queue(database: Database, count: int = 1) -> None:
    database.one(
        "select inventory.queue_events('stock.low', array_agg(json '{}'), array_agg(inventory.clock()))"
        " from generate_series(1, %s)",
        count,
    )


@pytest.mark.parametrize("path", [WEBHOOKS, WEBHOOKS.rstrip("/")])
def test_create_shows_the_secret_and_nothing_else_does(admin: httpx.Client, path: str) -> None:
    answer = admin.post(path, json=NEW)
    assert answer.status_code == 201
    made = answer.json()
    assert set(made) == {*SHOWN, "secret"}
    assert (type(made["id"]), made["url"], made["events"], made["enabled"]) == (int, NEW["url"], NEW["events"], True)
    assert SECRET.fullmatch(made["secret"])
    assert INSTANT.fullmatch(made["created_at"])
    secret = made.pop("secret")
    shown = [
        admin.get(f"{WEBHOOKS}{made['id']}/"),
        admin.get(WEBHOOKS),
        admin.patch(f"{WEBHOOKS}{made['id']}/", json={}),
        admin.put(f"{WEBHOOKS}{made['id']}/", json=NEW),
        admin.get(f"{WEBHOOKS}{made['id']}/deliveries/"),
    ]
    for other in shown:
        assert other.status_code == 200
        assert secret not in other.text
        assert "whsec" not in other.text
    assert shown[0].json() == made
    assert shown[1].json()["results"] == [made]


def test_create_folds_names_that_come_twice(admin: httpx.Client) -> None:
    made = create(admin, events=["stock.low", "price.changed", "stock.low"], enabled=False)
    assert (made["events"], made["enabled"]) == (["stock.low", "price.changed"], False)


@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize("field", NEW)
def test_address_and_events_are_required(shared: Shared, method: str, field: str) -> None:
    path = WEBHOOKS if method == "POST" else shared.path(f"{WEBHOOKS}{{id}}/")
    sent = {name: value for name, value in NEW.items() if name != field}
    assert_invalid(shared.admin.request(method, path, json=sent), **{field: ["This field is required."]})
    answer = shared.admin.request(method, path, json=sent | {field: None})
    assert_invalid(answer, **{field: ["This field may not be null."]})


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
@pytest.mark.parametrize(
    ("field", "value", "sentences"),
    [
        ("url", '""', None),
        ("url", '"ftp://a"', None),
        ("url", '"https://u:p@a/"', None),
        ("url", '"https://a/#b"', None),
        ("url", "5", ["Not a valid string."]),
        ("url", f'"https://{"x" * 2050}"', ["Ensure this field has no more than 2048 characters."]),
        ("events", "[]", ["This list may not be empty."]),
        ("events", '["foo"]', ['"foo" is not a valid choice.']),
        ("events", '["stock.low", "a", "b"]', ['"a" is not a valid choice.', '"b" is not a valid choice.']),
        ("events", '"stock.low"', ['Expected a list of items but got type "str".']),
        ("events", "{}", ['Expected a list of items but got type "dict".']),
        ("events", "[null]", ["This field may not be null."]),
        ("enabled", '"maybe"', ["Must be a valid boolean."]),
        ("stock_changes", '"daily"', ["stock_changes must be each or per_second"]),
    ],
)
def test_a_bad_value_is_422_in_djangos_words(
    shared: Shared, method: str, field: str, value: str, sentences: list[str] | None
) -> None:
    path = WEBHOOKS if method == "POST" else shared.path(f"{WEBHOOKS}{{id}}/")
    fields = {"url": '"https://a"', "events": '["stock.low"]'} | {field: value}
    body = "{" + ", ".join(f'"{name}": {item}' for name, item in fields.items()) + "}"
    assert_invalid(send(shared.admin, method, path, body), **{field: sentences})


def test_create_takes_how_changes_of_stock_are_told(admin: httpx.Client) -> None:
    assert create(admin)["stock_changes"] == "each"
    assert create(admin, stock_changes=None)["stock_changes"] == "each"
    assert create(admin, stock_changes="per_second")["stock_changes"] == "per_second"


def test_put_and_patch_change_what_they_name(admin: httpx.Client) -> None:
    made = create(admin)
    path = f"{WEBHOOKS}{made['id']}/"
    answer = admin.put(path, json={"url": "http://a", "events": ["block.expired"]})
    assert (answer.status_code, list(answer.json())) == (200, SHOWN)
    assert {**answer.json(), "updated_at": 0} == {
        **{name: made[name] for name in SHOWN},
        **{"url": "http://a", "events": ["block.expired"], "updated_at": 0},
    }
    for change in (
        {"enabled": False},
        {"url": "http://b"},
        {"events": ["stock.low", "stock.sold_out"]},
        {"enabled": True},
        {"stock_changes": "per_second"},
    ):
        before = admin.get(path).json()
        answer = admin.patch(path, json=change)
        assert answer.status_code == 200
        assert {**answer.json(), "updated_at": 0} == {**before, **change, "updated_at": 0}
        assert admin.get(path).json() == answer.json()
    for body in ("", "{}", '{"url": null, "events": null, "enabled": null, "stock_changes": null}'):
        before = admin.get(path).json()
        assert {**send(admin, "PATCH", path, body).json(), "updated_at": 0} == {**before, "updated_at": 0}


@pytest.mark.parametrize("slash", ["/", ""])
def test_delete(admin: httpx.Client, database: Database, slash: str) -> None:
    made, other = create(admin), create(admin)
    queue(database)
    path = f"{WEBHOOKS}{made['id']}{slash}"
    answer = admin.request("DELETE", path, content=b"{ no JSON", headers={"Content-Type": "text/plain"})
    assert (answer.status_code, answer.content) == (204, b"")
    assert_not_found(admin.delete(path))
    assert_not_found(admin.get(path))
    assert [webhook["id"] for webhook in admin.get(WEBHOOKS).json()["results"]] == [other["id"]]
    database.one("select maintenance.purge_webhook_deliveries()")
    assert database.rows("select distinct webhook_id from store.webhook_delivery") == [(other["id"],)]


@pytest.mark.parametrize("bad", UNKNOWN_IDS)
def test_an_unknown_or_malformed_id_is_404(shared: Shared, bad: str) -> None:
    own = shared.path(f"{WEBHOOKS}{{id}}/")
    for method, path, sent in [
        ("GET", f"{WEBHOOKS}{bad}/", None),
        ("PUT", f"{WEBHOOKS}{bad}/", NEW),
        ("PATCH", f"{WEBHOOKS}{bad}/", {}),
        ("DELETE", f"{WEBHOOKS}{bad}/", None),
        ("POST", f"{WEBHOOKS}{bad}/rotate-secret/", {}),
        ("GET", f"{WEBHOOKS}{bad}/deliveries/", None),
        ("POST", f"{WEBHOOKS}{bad}/deliveries/1/replay/", None),
        ("POST", f"{own}deliveries/{bad}/replay/", None),
    ]:
        assert_not_found(shared.admin.request(method, path, json=sent))


def test_lists_have_pages(admin: httpx.Client, database: Database) -> None:
    ids = [create(admin, enabled=False)["id"] for _ in range(11)]
    first = admin.get(WEBHOOKS).json()
    assert (first["count"], [webhook["id"] for webhook in first["results"]]) == (11, ids[:10])
    assert [webhook["id"] for webhook in admin.get(first["next"]).json()["results"]] == ids[10:]
    assert_not_found(admin.get(WEBHOOKS, params={"page": 3}), "Invalid page.")
    admin.patch(f"{WEBHOOKS}{ids[0]}/", json={"enabled": True})
    queue(database, 12)
    admin.patch(f"{WEBHOOKS}{ids[0]}/", json={"enabled": False})
    path = f"{WEBHOOKS}{ids[0]}/deliveries/"
    first = admin.get(path).json()
    assert (first["count"], [delivery["id"] for delivery in first["results"]]) == (12, [*range(12, 2, -1)])
    assert [delivery["id"] for delivery in admin.get(first["next"]).json()["results"]] == [2, 1]
    assert_not_found(admin.get(path, params={"page": 3}), "Invalid page.")


# Secrets


def test_rotate_shows_a_new_secret(admin: httpx.Client, database: Database) -> None:
    made = create(admin)
    path = f"{WEBHOOKS}{made['id']}/rotate-secret/"
    secrets = [made["secret"]]
    for sent in (None, {}, {"overlap_seconds": None}, {"overlap_seconds": 0}, {"overlap_seconds": "604800"}):
        answer = admin.post(path, json=sent)
        assert (answer.status_code, set(answer.json())) == (200, {*SHOWN, "secret"})
        secrets.append(answer.json()["secret"])
    assert len(set(secrets)) == 6
    assert database.rows("select secret, previous_secret from store.webhook") == [(secrets[-1], secrets[-2])]


@pytest.mark.parametrize("value", ["-1", "604801", '"abc"', "1.5", "true"])
def test_a_bad_overlap_is_422(shared: Shared, value: str) -> None:
    path = shared.path(f"{WEBHOOKS}{{id}}/rotate-secret/")
    assert_invalid(send(shared.admin, "POST", path, f'{{"overlap_seconds": {value}}}'), overlap_seconds=None)


# Deliveries


def test_deliveries_and_their_replay(admin: httpx.Client, database: Database) -> None:
    made = create(admin)
    queue(database, 3)
    admin.patch(f"{WEBHOOKS}{made['id']}/", json={"enabled": False})
    # What a worker would have reported: delivered, refused with more to come, given up.
    database.admin.execute(
        "update store.webhook_delivery set leased_until = null, last_error = null,"
        " last_status = (array[204, 500, 410])[id],"
        " attempts = id, tries = id, status = (array['delivered', 'failed', 'failed'])[id],"
        " next_attempt_at = case when id = 2 then inventory.clock() + interval '1 hour' end,"
        " finished_at = case when id <> 2 then inventory.clock() end"
    )
    path = f"{WEBHOOKS}{made['id']}/deliveries/"
    three, two, one = admin.get(path).json()["results"]
    event = database.one("select replace(event_id::text, '-', '') from store.webhook_delivery where id = 1")
    assert INSTANT.fullmatch(one.pop("created_at"))
    assert one == {
        "id": 1,
        "event": "stock.low",
        "message_id": f"msg_{event}",
        "status": "delivered",
        "attempts": 1,
        "next_attempt_at": None,
        "last_status": 204,
        "last_error": None,
    }
    assert (two["status"], two["attempts"], two["last_status"]) == ("failed", 2, 500)
    assert INSTANT.fullmatch(two["next_attempt_at"])
    assert (three["status"], three["last_status"], three["next_attempt_at"]) == ("failed", 410, None)
    for status, ids in (("failed", [3, 2]), ("delivered", [1]), ("pending", [])):
        page = admin.get(path, params={"status": status}).json()
        assert (page["count"], [delivery["id"] for delivery in page["results"]]) == (len(ids), ids)
    for delivery in (1, 2, 3):
        answer = admin.post(f"{path}{delivery}/replay/")
        assert answer.status_code == 202
        assert (answer.json()["id"], answer.json()["status"], answer.json()["attempts"]) == (
            delivery,
            "pending",
            delivery,
        )
        assert answer.json()["next_attempt_at"] is not None
    assert admin.get(path, params={"status": "pending"}).json()["count"] == 3


def test_a_bad_status_is_422(shared: Shared) -> None:
    path = shared.path(f"{WEBHOOKS}{{id}}/deliveries/")
    answer = shared.admin.get(path, params={"status": "gone"})
    assert_invalid(answer, status=['"gone" is not a valid choice.'])


def test_a_delivery_of_another_endpoint_is_404(admin: httpx.Client, database: Database) -> None:
    made = create(admin)
    queue(database)
    other = create(admin)
    assert_not_found(admin.post(f"{WEBHOOKS}{other['id']}/deliveries/1/replay/"))
    assert admin.post(f"{WEBHOOKS}{made['id']}/deliveries/1/replay").status_code == 202


@pytest.mark.parametrize("path", [WEBHOOKS, f"{WEBHOOKS}{{id}}/", f"{WEBHOOKS}{{id}}/deliveries/"])
def test_admins_only(shared: Shared, path: str) -> None:
    path = shared.path(path)
    assert shared.client.get(path).status_code == 401
    for role, status in (("operator", 403), ("employee", 403), ("admin", 200)):
        assert shared.server.client(shared.tokens[role]).get(path).status_code == status


def test_a_sale_over_http_that_is_refused_queues_nothing(admin: httpx.Client, database: Database) -> None:
    create(admin, enabled=True)
    product = database.product("A-1", 10)
    admin.patch(f"/inventory/{product}", json={"reorder_point": 5})
    sale = {"product_id": product, "quantity": 11, "unit_price": 1}
    assert admin.post("/inventory/sales", json=sale).status_code == 400
    assert database.counts()["event"] == 0
    assert admin.post("/inventory/sales", json=sale | {"quantity": 5}).status_code == 201
    assert database.rows("select type from store.event") == [("stock.low",)]
    database.advance(timedelta(days=1))
    assert database.counts()["webhook_delivery"] == 1
