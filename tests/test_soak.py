"""A short run of `make soak`: few faults, the same checks, and bounds that a slow machine keeps."""

from __future__ import annotations

import signal
import subprocess
import sys
from decimal import Decimal

import pytest

from soak.check import Ledger, check
from soak.history import Effect, History, Operation, Outcome
from tests.process import ROOT

COMMAND = (
    "-m",
    "soak",
    "--faults",
    "short",
    "--seconds",
    "9",
    "--seed",
    "short",
    "--clients",
    "12",
    "--recovery-seconds",
    "60",
)
SECONDS = 400

ONCE = "each acknowledged change is in the ledger once"
NEVER = "nothing else is in the ledger"
CONSERVED = "units are conserved, by the answers alone"


def test_what_is_acknowledged_outlives_faults_and_happens_once() -> None:
    with subprocess.Popen(
        [sys.executable, *COMMAND], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            said, _ = process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)  # it takes its cluster and its servers with it
            said, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, said
    assert "VIOLATION" not in said


@pytest.mark.parametrize(("times", "violated"), [(1, set()), (0, {ONCE, CONSERVED}), (2, {NEVER, CONSERVED})])
def test_a_change_that_is_lost_or_done_twice_is_found(times: int, violated: set[str]) -> None:
    amount = Decimal(5)
    operation = Operation("ann", "ann", 2, "add", "POST", "/api/v1/inventory/1/addStock", {"amount": 5}, "key", True)
    operation.outcome = Outcome.ACKNOWLEDGED
    operation.effects = [Effect(1, "add", amount)]
    history = History()
    history.operations.append(operation)
    ledger = Ledger()
    movement = {"actor": "ann", "product": 1, "kind": "add", "reference": None, "available": "5"}
    ledger.movements = [movement | {"on_hand": "5", "reserved": "0", "blocked": "0"}] * times
    ledger.stock = {1: (amount * times, Decimal(0), Decimal(0))}
    assert {each.name for each in check(history, ledger) if each.violations} == violated
