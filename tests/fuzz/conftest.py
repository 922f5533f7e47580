"""Says with what the fuzzing began."""

from __future__ import annotations

from tests.fuzz.effort import FACTOR, SEED


def pytest_report_header() -> list[str]:
    return [f"fuzz: FUZZ={FACTOR} FUZZ_SEED={SEED}"] if FACTOR else []
