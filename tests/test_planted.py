"""Each fault that is planted in a short soak is found, by the check that is there for it."""

from __future__ import annotations

import fcntl
import subprocess
import sys
from pathlib import Path

import pytest

from soak.planted import FAULTS
from soak.world import make_database
from tests.conftest import throwaway_cluster
from tests.process import ROOT
from tests.test_soak import SECONDS
from tools.cluster import Cluster

COMMAND = ("-m", "soak", "--faults", "none", "--seconds", "1", "--clients", "16", "--recovery-seconds", "60")
PLAYS = (("7", 1), ("8", 3), ("9", 3))  # seed and length: a short play may pass by the fault without a trace


@pytest.fixture(scope="session")
def template() -> Path:
    """A stopped cluster with the database, which all runs copy. The first worker that needs it makes it."""
    directory = throwaway_cluster().directory / "soak"
    with (throwaway_cluster().directory / "soak.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not directory.exists():
            with Cluster(directory, throwaway=True) as cluster:
                make_database(cluster)
    return directory


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_found(name: str, template: Path) -> None:
    fault = FAULTS[name]
    for seed, length in PLAYS:
        answers = str(length * fault.answers)
        run = subprocess.run(
            [sys.executable, *COMMAND, "--planted", name, "--seed", seed, "--answers", answers, "--template", template],
            cwd=ROOT, capture_output=True, text=True, timeout=SECONDS, check=False,
        )  # fmt: skip
        assert not run.stderr, run.stderr
        if all(f"VIOLATION {check}: " in run.stdout for check in fault.found_by):
            assert run.returncode == 1
            return
    pytest.fail(run.stdout)


def test_the_page_says_what_is_planted_and_what_finds_it() -> None:
    page = (ROOT / "docs" / "trust.md").read_text()
    rows = "\n".join(f"| {name} | {'; '.join(sorted(fault.found_by))} |" for name, fault in FAULTS.items())
    assert f"| planted | found by |\n|---|---|\n{rows}\n\n" in page
