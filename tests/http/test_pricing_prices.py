"""API 3: prices as rules in time."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.conftest import Database
from tests.http.conftest import send
from tests.http.pricing import active, assert_holds, freeze, price, register, shown, written
from tests.http.test_pricing_trade import COSTS
from tests.http.test_stock import assert_problem

Unchanged = Callable[[], AbstractContextManager[None]]

NOON = datetime(2030, 1, 15, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
MICROSECOND = timedelta(microseconds=1)


@pytest.fixture
def product_id(admin: httpx.Client, database: Database) -> int:
    """A product, at noon."""
    freeze(database, NOON)
    return register(admin)


def listed(client: httpx.Client, product_id: int, /, **parameters: Any) -> list[tuple[str, str]]:
    """(type, amount) of each price of the list."""
    found = shown(client, f"/products/{product_id}/prices", **parameters)
    assert found["pagination"]["total"] == len(found["prices"])
    return [(rule["price_type"], rule["amount"]) for rule in found["prices"]]


def test_a_price_is_retail_from_now_on_unless_told(admin: httpx.Client, product_id: int) -> None:
    nothing = {"price_type": None, "effective_from": None, "effective_to": None, "close_old_price": None}
    for given in ({}, nothing):
        rule = price(admin, product_id, 60, **given)
        assert_holds(rule, {"product_id": product_id, "amount": "60.000", "price_type": "retail", "effective_to": None})
        assert rule["effective_from"] == rule["created_at"] == rule["updated_at"] == "2030-01-15T12:00:00"
    # The second one closed the first: what begins at once replaces it.
    assert [rule["id"] for rule in shown(admin, f"/products/{product_id}/prices")["prices"]] == [rule["id"]]


def test_an_amount_is_exact(admin: httpx.Client) -> None:
    product_id = register(admin)
    for sent, printed in COSTS.items():
        answer = send(admin, "POST", f"/products/{product_id}/prices", f'{{"amount": {sent}}}')
        assert (answer.status_code, answer.json()["price"]["amount"]) == (201, printed), sent
        assert active(admin, product_id) == printed


def test_promo_comes_before_retail_and_price_type_asks_for_one(
    admin: httpx.Client, database: Database, product_id: int, unchanged: Unchanged
) -> None:
    price(admin, product_id, 40, price_type="wholesale")
    with unchanged():
        assert active(admin, product_id) is None
    price(admin, product_id, 60)
    price(admin, product_id, 50, price_type="promo", effective_to=written(NOON + HOUR))
    assert active(admin, product_id) == "50.000"
    asked = {kind: active(admin, product_id, price_type=kind) for kind in ("retail", "promo", "wholesale")}
    assert asked == {"retail": "60.000", "promo": "50.000", "wholesale": "40.000"}
    # No type ends another's.
    assert sorted(listed(admin, product_id)) == [("promo", "50.000"), ("retail", "60.000"), ("wholesale", "40.000")]
    freeze(database, NOON + HOUR)
    assert (active(admin, product_id), active(admin, product_id, price_type="promo")) == ("60.000", None)


def test_a_price_holds_from_its_beginning_until_before_its_end(
    admin: httpx.Client, database: Database, product_id: int
) -> None:
    price(admin, product_id, 5, effective_from=written(NOON + HOUR), effective_to=written(NOON + 2 * HOUR))
    for at, amount in [
        (NOON, None),
        (NOON + HOUR - MICROSECOND, None),
        (NOON + HOUR, "5.000"),
        (NOON + 2 * HOUR - MICROSECOND, "5.000"),
        (NOON + 2 * HOUR, None),
    ]:
        freeze(database, at)
        assert active(admin, product_id) == amount, at
        assert listed(admin, product_id) == ([("retail", amount)] if amount else []), at
        assert listed(admin, product_id, include_inactive="true") == [("retail", "5.000")]


def test_a_scheduled_price_takes_over_when_it_begins(admin: httpx.Client, database: Database, product_id: int) -> None:
    price(admin, product_id, 60)
    scheduled = price(admin, product_id, 65, effective_from=written(NOON + HOUR))
    assert (active(admin, product_id), listed(admin, product_id)) == ("60.000", [("retail", "60.000")])
    history = shown(admin, f"/products/{product_id}/prices", include_inactive="true")["prices"]
    assert [(rule["amount"], rule["effective_to"]) for rule in history] == [
        ("65.000", None),
        ("60.000", scheduled["effective_from"]),
    ]
    # One that begins before it lasts until then.
    between = price(admin, product_id, 62, effective_from=written(NOON + HOUR / 2))
    assert between["effective_to"] == scheduled["effective_from"]
    for at, amount in [(HOUR / 2 - MICROSECOND, "60.000"), (HOUR / 2, "62.000"), (HOUR, "65.000")]:
        freeze(database, NOON + at)
        assert (active(admin, product_id), listed(admin, product_id)) == (amount, [("retail", amount)])


def test_close_old_price_ends_the_old_one_where_the_new_begins(
    admin: httpx.Client, database: Database, product_id: int
) -> None:
    for given, at in (
        ({}, NOON),
        ({"close_old_price": True}, NOON + HOUR),
        ({"close_old_price": "true"}, NOON + 2 * HOUR),
    ):
        freeze(database, at)
        price(admin, product_id, at.hour, **given)
        assert listed(admin, product_id) == [("retail", f"{at.hour}.000")]
    history = shown(admin, f"/products/{product_id}/prices", include_inactive="true")["prices"]
    assert [(rule["amount"], rule["effective_from"], rule["effective_to"]) for rule in history] == [
        ("14.000", "2030-01-15T14:00:00", None),
        ("13.000", "2030-01-15T13:00:00", "2030-01-15T14:00:00"),
        ("12.000", "2030-01-15T12:00:00", "2030-01-15T13:00:00"),
    ]
    assert history[1]["updated_at"] == "2030-01-15T14:00:00"


def test_an_old_price_that_is_not_closed_holds_on(admin: httpx.Client, database: Database, product_id: int) -> None:
    price(admin, product_id, 60)
    freeze(database, NOON + HOUR)
    price(admin, product_id, 65, close_old_price=False, effective_to=written(NOON + 2 * HOUR))
    # Both periods contain now; the latest that began is the active one.
    assert listed(admin, product_id) == [("retail", "65.000"), ("retail", "60.000")]
    assert active(admin, product_id) == "65.000"
    freeze(database, NOON + 2 * HOUR)
    assert (active(admin, product_id), listed(admin, product_id)) == ("60.000", [("retail", "60.000")])


def test_a_price_that_would_begin_before_the_active_one_began_is_400(
    admin: httpx.Client, database: Database, product_id: int, unchanged: Unchanged
) -> None:
    # None is active yet, and then it may be of the past.
    price(admin, product_id, 55, effective_from="2030-01-10")
    price(admin, product_id, 60, effective_from=written(NOON - HOUR))
    with unchanged():
        for begin in (written(NOON - HOUR - MICROSECOND), "2030-01-15", "2030-01-10", "2030-01-15T12:00:00+02:00"):
            for close in (True, False):
                sent = {"amount": 1, "effective_from": begin, "close_old_price": close}
                answer = admin.post(f"/products/{product_id}/prices", json=sent)
                assert_problem(answer, 400, "BACKDATED_PRICE", "effective_from")
    # Another type knows nothing of it.
    price(admin, product_id, 1, price_type="promo", effective_from="2030-01-10")
    price(admin, product_id, 61, effective_from=written(NOON - HOUR))
    assert active(admin, product_id, price_type="retail") == "61.000"
    price(admin, product_id, 62, effective_from=written(NOON - HOUR / 2))
    assert active(admin, product_id, price_type="retail") == "62.000"


BEGINNINGS = {
    "2030-01-16": "2030-01-16T00:00:00",
    "2030-01-16T10:30": "2030-01-16T10:30:00",
    "2030-01-16 10:30:05": "2030-01-16T10:30:05",
    "2030-01-16T10:30:05.25": "2030-01-16T10:30:05.25",
    "2030-01-16T10:30:05Z": "2030-01-16T10:30:05",
    "2030-01-16T10:30:05+05:30": "2030-01-16T05:00:05",
    "2030-01-16T23:30:00-0100": "2030-01-17T00:30:00",
}


def test_a_time_without_an_offset_is_utc(admin: httpx.Client, product_id: int) -> None:
    for sent, printed in BEGINNINGS.items():
        rule = price(admin, product_id, 5, effective_from=sent, close_old_price=False)
        assert datetime.fromisoformat(rule["effective_from"]) == datetime.fromisoformat(printed), sent
        assert rule["effective_from"].startswith(printed), sent


def test_a_time_that_cannot_be_printed_is_400(admin: httpx.Client, product_id: int, unchanged: Unchanged) -> None:
    # In UTC the year 10000 and the year 0.
    beyond = ("9999-12-31T23:59:59-14:00", "9999-12-31T23:59:59.9999999", "0001-01-01T00:00:00+14:00")
    with unchanged():
        for field in ("effective_from", "effective_to"):
            for time in beyond:
                answer = admin.post(f"/products/{product_id}/prices", json={"amount": 5, field: time})
                assert_problem(answer, 400, "VALIDATION_ERROR", field)


def test_a_price_that_would_end_before_it_begins_is_400(
    admin: httpx.Client, product_id: int, unchanged: Unchanged
) -> None:
    with unchanged():
        for begin, end in ((None, NOON), (None, NOON - HOUR), (NOON + HOUR, NOON + HOUR), (NOON + HOUR, NOON)):
            sent = {"amount": 5, "effective_from": begin and written(begin), "effective_to": written(end)}
            answer = admin.post(f"/products/{product_id}/prices", json=sent)
            assert_problem(answer, 400, "VALIDATION_ERROR", "effective_to")


def test_the_history_has_the_latest_beginning_first_and_can_be_of_a_type(admin: httpx.Client, product_id: int) -> None:
    price(admin, product_id, 1, effective_from="2030-01-14")
    price(admin, product_id, 3, effective_from="2030-01-17")
    price(admin, product_id, 9, price_type="promo", effective_from="2030-01-16")
    price(admin, product_id, 2)
    other_id = register(admin, "B-1")
    price(admin, other_id, 7)
    everything = [("retail", "3.000"), ("promo", "9.000"), ("retail", "2.000"), ("retail", "1.000")]
    for value in ("true", "True", "1"):
        assert listed(admin, product_id, include_inactive=value) == everything
    for value in ("false", "0"):
        assert listed(admin, product_id, include_inactive=value) == [("retail", "2.000")]
    of_type = {"include_inactive": "true", "price_type": "promo"}
    assert listed(admin, product_id, **of_type) == [("promo", "9.000")]
    assert listed(admin, product_id, price_type="wholesale") == []
    assert listed(admin, other_id, include_inactive="true", product_id=product_id) == [("retail", "7.000")]
