"""Each fault that is planted in a short soak is found, by the check that is there for it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from soak.planted import FAULTS
from tests.process import ROOT
from tests.test_soak import SECONDS

COMMAND = ("-m", "soak", "--faults", "none", "--seconds", "1", "--answers", "2500", "--clients", "16")
SEEDS = ("7", "8", "9")  # a short play may pass by the fault without a trace


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_found(name: str) -> None:
    for seed in SEEDS:
        run = subprocess.run(
            [sys.executable, *COMMAND, "--recovery-seconds", "60", "--planted", name, "--seed", seed],
            cwd=ROOT, capture_output=True, text=True, timeout=SECONDS, check=False,
        )  # fmt: skip
        assert not run.stderr
        if all(f"VIOLATION {check}: " in run.stdout for check in FAULTS[name].found_by):
            assert run.returncode == 1
            return
    pytest.fail(f"{SEEDS[-1]}: {run.stdout}")


def test_the_page_says_what_is_planted_and_what_finds_it() -> None:
    page = (ROOT / "docs" / "trust.md").read_text()
    rows = "\n".join(f"| {name} | {'; '.join(sorted(fault.found_by))} |" for name, fault in FAULTS.items())
    assert f"| planted | found by |\n|---|---|\n{rows}\n\n" in page
