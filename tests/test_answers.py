"""What the soak's check of answers finds, shown on histories of a few requests."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from soak.answers import Answers
from soak.history import ZERO, Effect, History, Operation, Outcome, Try, Want
from soak.ledger import Ledger
from soak.planted import AT_ONCE, BACK, ORDER, POSITIONS, READS, REFUSALS
from soak.timeline import common

START = datetime(2026, 1, 1, tzinfo=UTC)


class Run:
    """A history with its ledger. Instants are seconds since START; requests are given as (sent, answered)."""

    def __init__(self) -> None:
        self.history = History()
        self.history._offsets = [(0.0, START.timestamp())]
        self.ledger = Ledger()
        self._ids = itertools.count(1)
        self._balances: dict[int, tuple[Decimal, ...]] = {}

    def ask(self, span: tuple[float, float], name: str, path: str = "", **others: Any) -> Operation:
        """A request that was answered 200 after one try."""
        method = "GET" if name in ("look at item", "look at sku", "active price", "look at place") else "POST"
        operation = Operation("ann", "ann", 1, name, method, path, others.pop("body", None), None, True)
        operation.tries.append(Try(0, *span, others.pop("status", 200)))
        operation.outcome, operation.status = Outcome.ACKNOWLEDGED, 200
        for name_of, value in others.items():
            setattr(operation, name_of, value)
        self.history.operations.append(operation)
        return operation

    def write(
        self, product: int, kind: str, on_hand: int = 0, reserved: int = 0, blocked: int = 0, **others: Any
    ) -> Effect:
        """The next movement of the ledger, and the effect of the request that wrote it."""
        changes = (Decimal(on_hand), Decimal(reserved), Decimal(blocked))
        before = self._balances.get(product, (ZERO, ZERO, ZERO))
        after = self._balances[product] = tuple(a + b for a, b in zip(before, changes, strict=True))
        number = next(self._ids)
        movement = {"id": number, "product": product, "kind": kind, "actor": "ann", "reference": str(number)}
        movement |= dict(zip(("on_hand", "reserved", "blocked"), changes, strict=True))
        movement |= dict(zip(("on_hand_after", "reserved_after", "blocked_after"), after, strict=True))
        self.ledger.movements.append(movement | {"places": [], "occurred_at": START} | others)
        return Effect(product, kind, *changes, str(number))

    def add(self, span: tuple[float, float], *effects: Effect) -> Operation:
        return self.ask(span, "add", effects=list(effects))

    def see(
        self,
        span: tuple[float, float],
        on_hand: int,
        reserved: int = 0,
        blocked: int = 0,
        *,
        since: float | None = None,
        client: str = "ann",
    ) -> Operation:
        """Product 1 was read, with these balances. ``since``: a standby may have answered, as of then or later."""
        told = {"onHandStock": on_hand, "reservedStock": reserved, "blockedStock": blocked, "price": 1}
        told["availableStock"] = on_hand - reserved - blocked
        read = self.ask(span, "look at item", about=1, answer=told, client=client)
        read.tries[0].since = since
        return read

    def refuse(self, span: tuple[float, float], wanted: int, told: str = "") -> Operation:
        return self.ask(
            span, "reserve", outcome=Outcome.REFUSED, code="INSUFFICIENT_STOCK", answer={"detail": told},
            raw=told.encode(), wants=(Want(1, Decimal(wanted)),),
        )  # fmt: skip

    def price(self, number: int, amount: int, at: float, kind: str = "retail") -> None:
        instant = START + timedelta(seconds=at)
        rule = {"id": number, "product": 1, "type": kind, "amount": Decimal(amount), "effective_from": instant}
        self.ledger.prices.append(rule)

    def block(self, span: tuple[float, float], quantity: int, end: float) -> str:
        effect = self.write(1, "block", blocked=quantity)
        at = START + timedelta(seconds=end)
        answer = {"block_id": effect.reference, "expires_at": at.isoformat(), "quantity": quantity}
        self.ask(span, "block", effects=[effect], answer=answer)
        assert effect.reference is not None
        self.ledger.blocks[effect.reference] = {"expires_at": at}
        return effect.reference

    def violated(self) -> set[str]:
        self.ledger.movements.sort(key=lambda each: (each["product"], each["id"]))
        self.ledger.prices = self.ledger.prices or [
            {"id": 1, "product": 1, "type": "retail", "amount": Decimal(1), "effective_from": START - timedelta(1)}
        ]
        return {check.name for check in Answers(self.history, self.ledger).check() if check.violations}


@pytest.mark.parametrize(
    ("span", "on_hand", "violated"),
    [
        ((0, 0.5), 0, set()),
        ((0, 0.5), 5, {READS}),  # before it was asked for
        ((1.5, 1.7), 0, set()),
        ((1.5, 1.7), 5, set()),
        ((2.5, 3), 5, set()),
        ((2.5, 3), 0, {READS}),  # after it was answered
        ((2.5, 3), 4, {READS}),
    ],
)
def test_a_read_is_a_state_of_its_time(span: tuple[float, float], on_hand: int, violated: set[str]) -> None:
    run = Run()
    run.add((1, 2), run.write(1, "add", 5))
    run.see(span, on_hand)
    assert run.violated() == violated


@pytest.mark.parametrize(
    ("balances", "violated"), [((5, 0), set()), ((5, 3), set()), ((9, 3), {READS}), ((9, 2), set())]
)
def test_all_balances_are_of_one_state(balances: tuple[int, int], violated: set[str]) -> None:
    run = Run()
    run.add((0, 1), run.write(1, "add", 5))
    run.add((2, 9), run.write(1, "reserve", reserved=3))
    run.add((2, 9), run.write(1, "release", reserved=-1))
    run.add((2, 9), run.write(1, "add", 4))
    run.see((3, 4), *balances)
    assert run.violated() == violated


def test_a_standby_may_show_the_past_but_not_before_what_its_client_has_seen() -> None:
    run = Run()
    run.add((0, 1), run.write(1, "add", 5))
    run.add((2, 3), run.write(1, "add", 1)).client = "bob"
    run.see((4, 5), 5, since=1.5)
    run.see((6, 7), 6, client="bob")  # bob's read of the primary binds nobody else
    run.see((8, 9), 5, since=1.5)
    run.see((10, 11), 6, since=1.5)
    run.see((12, 13), 6, since=1.5)
    assert run.violated() == set()
    run.see((14, 15), 5, since=1.5)
    assert run.violated() == {POSITIONS}


@pytest.mark.parametrize(("on_hand", "violated"), [(6, set()), (5, {POSITIONS}), (0, {READS})])
def test_a_standby_shows_what_its_client_has_changed(on_hand: int, violated: set[str]) -> None:
    run = Run()
    run.add((0, 1), run.write(1, "add", 5))
    run.add((2, 3), run.write(1, "add", 1))
    run.see((4, 5), on_hand, since=2)
    assert run.violated() == violated


@pytest.mark.parametrize(
    ("span", "blocked", "violated"), [((4, 5), 2, set()), ((8, 9), 0, set()), ((8, 9), 2, {READS})]
)
def test_a_block_expires_on_a_standby_by_the_clock(span: tuple[float, float], blocked: int, violated: set[str]) -> None:
    run = Run()
    run.add((0, 1), run.write(1, "add", 5))
    run.block((2, 3), 2, end=7)
    run.add((4, 5), run.write(1, "add", 1)).client = "bob"
    run.see(span, 5, blocked=blocked, since=3)  # the standby does not have bob's change yet
    assert run.violated() == violated


def test_nobody_sees_half_of_a_request() -> None:
    run = Run()
    run.add((0, 1), run.write(1, "add", 5))
    run.ask((2, 9), "orders", effects=[run.write(1, "add", 1), run.write(1, "add", 1)], answer={"results": []})
    run.see((3, 4), 7)
    assert run.violated() == set()
    run.see((5, 6), 6)
    assert run.violated() == {READS}


def test_blocks_that_a_request_ends_on_its_way_are_a_part_of_it() -> None:
    run = Run()
    run.add((0, 1), run.write(1, "add", 5))
    number = run.block((1, 2), 4, end=3)
    before = run.write(1, "remove", -1)
    run.write(1, "expire", blocked=-4, reference=number)
    run.ask((4, 9), "orders", effects=[before, run.write(1, "remove", -4)], answer={"results": []})
    run.see((5, 6), 0)
    assert run.violated() == set()
    run.see((7, 8), 4)
    assert run.violated() == {READS}


@pytest.mark.parametrize(("wanted", "violated"), [(4, {REFUSALS}), (5, set())])
def test_a_refused_order_is_held_to_those_beside_it(wanted: int, violated: set[str]) -> None:
    """Between its neighbours is the end of a block, which the request made too."""
    run = Run()
    run.add((0, 1), run.write(1, "add", 5))
    number = run.block((1, 2), 4, end=3)
    first = run.write(1, "remove", -1)
    run.write(1, "expire", blocked=-4, reference=number)
    last = run.write(1, "remove", -1)
    results = [
        {"status": "success", "operation_id": first.reference},
        {"status": "error"},
        {"status": "success", "operation_id": last.reference},
    ]
    run.ask(
        (4, 9), "orders", effects=[first, last], answer={"results": results},
        wants=[Want(1, Decimal(each)) for each in (1, wanted, 1)],
    )  # fmt: skip
    assert run.violated() == violated


def test_time_does_not_go_back() -> None:
    """Each read alone could be true: the change came at an instant between 1 and 9."""
    run = Run()
    run.add((1, 9), run.write(1, "add", 5))
    run.see((2, 3), 0)
    run.see((4, 5), 5)
    run.see((4, 6), 0)
    assert run.violated() == set()
    run.see((6, 7), 0)
    assert run.violated() == {BACK}


@pytest.mark.parametrize(("second", "violated"), [((1.5, 3), set()), ((0, 0.5), {ORDER})])
def test_answered_before_sent_is_earlier(second: tuple[float, float], violated: set[str]) -> None:
    run = Run()
    run.add((1, 2), run.write(1, "add", 5))
    run.add(second, run.write(1, "add", 6))
    assert run.violated() - {AT_ONCE} == violated


def test_changes_of_several_products_come_at_once() -> None:
    run = Run()
    one, two = run.write(1, "add", 1), run.write(1, "add", 2)
    run.add((0, 9), one, run.write(2, "add", 1))
    run.add((0, 9), two, run.write(2, "add", 2))
    assert run.violated() == set()
    one, two = run.write(1, "add", 1), run.write(1, "add", 2)
    run.add((0, 9), two, run.write(2, "add", 2))
    run.add((0, 9), one, run.write(2, "add", 1))
    assert run.violated() == {AT_ONCE}


@pytest.mark.parametrize(
    ("span", "wanted", "told", "violated"),
    [
        ((0, 0.5), 1, "", set()),
        ((3, 4), 6, "", set()),
        ((3, 4), 6, "Only 5 available.", set()),
        ((3, 4), 6, "Only 4 available.", {REFUSALS}),
        ((3, 4), 5, "", {REFUSALS}),
        ((1.5, 4), 5, "Only 0 available.", set()),
    ],
)
def test_a_refusal_is_true(span: tuple[float, float], wanted: int, told: str, violated: set[str]) -> None:
    run = Run()
    run.add((1, 2), run.write(1, "add", 5))
    run.refuse(span, wanted, told)
    assert run.violated() == violated


@pytest.mark.parametrize(("span", "violated"), [((3, 4), set()), ((4.9, 5.1), set()), ((5.1, 6), {REFUSALS})])
def test_an_expired_block_is_no_cause(span: tuple[float, float], violated: set[str]) -> None:
    run = Run()
    run.add((0, 1), run.write(1, "add", 5))
    run.block((1, 2), 4, end=5)
    run.refuse(span, 3)
    assert run.violated() == violated


@pytest.mark.parametrize(
    ("span", "blocked", "listed", "violated"),
    [
        ((3, 4), 4, True, set()),
        ((3, 4), 0, False, {READS}),
        ((3, 4), 4, False, {READS}),
        ((4.9, 5.1), 4, True, set()),
        ((4.9, 5.1), 0, False, set()),
        ((5.1, 6), 0, False, set()),
        ((5.1, 6), 4, True, {READS}),
    ],
)
def test_a_block_is_seen_until_its_end(
    span: tuple[float, float], blocked: int, listed: bool, violated: set[str]
) -> None:
    run = Run()
    run.add((0, 1), run.write(1, "add", 5))
    number = run.block((1, 2), 4, end=5)
    end = (START + timedelta(seconds=5)).isoformat()
    blocks = [{"block_id": number, "quantity": 4, "expires_at": end}] if listed else []
    told = {"quantity": 5, "reserved": 0, "blocked": blocked, "available": 5 - blocked, "blocks": blocks, "price": 1}
    run.ask(span, "look at sku", about=1, answer=told)
    assert run.violated() == violated


@pytest.mark.parametrize("code", ["BLOCK_CONVERTED", "BLOCK_EXPIRED"])
def test_a_block_that_the_ledger_does_not_know_is_no_cause(code: str) -> None:
    run = Run()
    path = "/temporary-blocks/lost/cancel"
    run.ask((3, 4), "cancel", path, outcome=Outcome.REFUSED, code=code, answer={"detail": ""})
    assert run.violated() == {REFUSALS}


def test_a_block_that_was_extended_ends_later() -> None:
    run = Run()
    run.add((0, 1), run.write(1, "add", 5))
    number = run.block((1, 2), 4, end=5)
    end = (START + timedelta(seconds=8)).isoformat()
    run.ask((3, 4), "extend", f"/temporary-blocks/{number}/extend", body={"expires_at": end})
    run.see((6, 7), 5, blocked=4)
    assert run.violated() == set()
    run.see((6, 7), 5)
    assert run.violated() == {READS}


@pytest.mark.parametrize(("span", "number", "violated"), [((3, 4), 1, set()), ((6, 7), 2, set()), ((6, 7), 1, {READS})])
def test_a_price_is_that_of_its_time(span: tuple[float, float], number: int, violated: set[str]) -> None:
    run = Run()
    run.write(1, "add", 1)
    for each, at in ((1, 0), (2, 5)):
        run.price(each, each, at)
        run.ask((at - 0.1, at + 0.1), "price", answer={"price": {"id": each}})
    told = {"id": number, "amount": str(number), "price_type": "retail"}
    run.ask(span, "active price", "/products/1/prices/active", about=1, answer={"price": told})
    assert run.violated() == violated


@pytest.mark.parametrize(
    ("stock", "violated"), [({"A": 1}, set()), ({"A": 1, "B": 1}, set()), ({}, {READS}), ({"B": 1}, {READS})]
)
def test_what_lies_at_a_place_is_of_one_instant(stock: dict[str, int], violated: set[str]) -> None:
    run = Run()
    run.ledger.skus = {1: "A", 2: "B"}
    run.add((0, 1), run.write(1, "add", 1, places=[("RACK-A1-01", Decimal(1))]))
    run.add((2, 9), run.write(2, "add", 1, places=[("RACK-A1-01", Decimal(1))]))
    run.ask(
        (3, 4), "look at place", "/api/v1/locations/RACK-A1-01/stock",
        answer={"stock": [{"sku": sku, "quantity": quantity} for sku, quantity in stock.items()]},
    )  # fmt: skip
    assert run.violated() == violated


@pytest.mark.parametrize(
    ("spans", "shared"),
    [
        ([[(0, 3), (2, 5)], [(4, 6)]], [(4, 5)]),
        ([[(0, 1), (2, 3)], [(0.5, 2.5)]], [(0.5, 1), (2, 2.5)]),
        ([[(0, 1)], [(1, 2)]], [(1, 1)]),
        ([[(0, 1)], [(2, 3)]], []),
        ([[(0, 9)], [(1, 2), (3, 4)], [(0, 1), (3.5, 9)]], [(1, 1), (3.5, 4)]),
        ([[(0, 1)], []], []),
    ],
)
def test_common_instants(spans: list[list[tuple[float, float]]], shared: list[tuple[float, float]]) -> None:
    assert common(spans) == shared
