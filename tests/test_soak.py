"""A short run of `make soak` in each world: few faults, the same checks, and bounds that a slow machine keeps."""

from __future__ import annotations

import dataclasses
import re
import signal
import subprocess
import sys
from decimal import Decimal

import pytest

from soak.check import check
from soak.faults import OF_WORLD
from soak.history import Effect, History, Operation, Outcome, Try
from soak.ledger import Ledger
from soak.patroni import Written, check_kept, check_leaders
from soak.run import AWAY_SECONDS, Outage, check_outages
from soak.world import Loss
from tests.process import ROOT

COMMAND = (
    *("-m", "soak", "--faults", "short", "--seconds", "9", "--seed", "short", "--clients", "12"),
    *("--recovery-seconds", "60"),
)
SECONDS = 400

ONCE = "each acknowledged change is in the ledger once"
NEVER = "nothing else is in the ledger"
CONSERVED = "units are conserved, by the answers alone"


@pytest.mark.parametrize("world", ["plain", "workers", pytest.param("failover", marks=pytest.mark.packages)])
def test_what_is_acknowledged_outlives_faults_and_happens_once(world: str) -> None:
    with subprocess.Popen(
        [sys.executable, *COMMAND, "--world", world],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            said, _ = process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)  # it takes its cluster and its servers with it
            said, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, said
    assert "VIOLATION" not in said
    # What the world is for has happened.
    for kind in OF_WORLD[world][:1]:
        (count,) = re.findall(rf"^{kind} +(\d+)", said, re.MULTILINE)
        assert int(count) >= 1
    if world == "failover":
        assert re.search(r"kill the primary: the longest time without an acknowledged write was \d", said)


def test_a_service_that_stays_away_is_found() -> None:
    history = History()
    sent = Operation("ann", "ann", 2, "add", "POST", "/api/v1/inventory/1/addStock", {"amount": 5}, "key", True)
    read = Operation("ann", "ann", 2, "look", "GET", "/api/v1/inventory/1", None, None, True)

    def loss(since: float, until: float | None = None) -> Loss:
        began = history.started
        return Loss("kill the primary", began + since, None if until is None else began + until)

    # Neither a read nor what was sent before the primary was lost is a sign that writes are taken again.
    sent.tries = [Try(0, 9.0, 11.0, 204), Try(0, 12.0, 13.0, 503), Try(0, 14.0, 15.5, 204)]
    read.tries = [Try(0, 10.5, 10.6, 200)]
    history.operations += [sent, read]
    assert Outage.of(loss(10.0), history).seconds == pytest.approx(5.5)
    # A leader that is to hand over may go on for a moment: the longest gap counts, up to the first write of the next.
    early = dataclasses.replace(sent, tries=[Try(0, 10.1, 10.5, 204)])
    history.operations.append(early)
    assert Outage.of(loss(10.0), history).seconds == pytest.approx(0.5)
    assert Outage.of(loss(10.0, until=15.0), history).seconds == pytest.approx(5.0)
    assert Outage.of(loss(10.0, until=15.6), history).seconds is None
    never = Outage.of(loss(16.0), history)
    assert never.seconds is None
    for outage in (never, Outage("cut off the primary", AWAY_SECONDS + 1)):
        assert len(check_outages([outage]).violations) == 1
    assert not check_outages([Outage("cut off the primary", AWAY_SECONDS)]).violations


def test_two_leaders_at_a_time_and_a_lost_write_are_found() -> None:
    one, two = Written("node1", 1, 7, 1.0, 1.1), Written("node2", 2, 8, 3.0, 3.1)
    # Sent to the old leader before the new one had acknowledged anything: nobody can say which was first.
    overlapping = Written("node1", 3, 7, 3.05, 3.4)
    assert not check_leaders([one, two, overlapping]).violations
    assert len(check_leaders([one, two, Written("node1", 3, 7, 3.2, 3.4)]).violations) == 1
    assert len(check_leaders([one, Written("node2", 2, 7, 3.0, 3.1)]).violations) == 1
    assert not check_kept([one, two], {1, 2, 3}).violations
    assert len(check_kept([one, two], {2}).violations) == 1


@pytest.mark.parametrize(("times", "violated"), [(1, set()), (0, {ONCE, CONSERVED}), (2, {NEVER, CONSERVED})])
def test_a_change_that_is_lost_or_done_twice_is_found(times: int, violated: set[str]) -> None:
    amount = Decimal(5)
    operation = Operation("ann", "ann", 2, "add", "POST", "/api/v1/inventory/1/addStock", {"amount": 5}, "key", True)
    operation.outcome = Outcome.ACKNOWLEDGED
    operation.effects = [Effect(1, "add", amount)]
    history = History()
    history.operations.append(operation)
    ledger = Ledger()
    movement = {"actor": "ann", "product": 1, "kind": "add", "reference": None, "available": amount}
    ledger.movements = [movement | {"on_hand": amount, "reserved": Decimal(0), "blocked": Decimal(0)}] * times
    ledger.stock = {1: (amount * times, Decimal(0), Decimal(0))}
    assert {each.name for each in check(history, ledger) if each.violations} == violated
