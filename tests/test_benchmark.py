"""What `make bench` makes of its measurements: medians, ratios, marks, and errors that nobody overlooks."""

from __future__ import annotations

import re
from typing import Any

import pytest

from bench.compare import load, report
from bench.compare.works import RATIO_MARKS, SUBJECTS, WORKS, Mark, is_for_a_mark
from tests.process import ROOT


def measured(
    work: str, subject: str, *per_second: float, connections: int = 128, p99: float = 9.0, errors: Any = None
) -> list[dict[str, Any]]:
    """One measurement a round."""
    return [
        {
            "round": number,
            "work": work,
            "subject": subject,
            "connections": connections,
            "per_second": value,
            "p50": 1.0 * number,
            "p99": p99,
            "maximum": 99.0,
            "errors": errors or {},
        }
        for number, value in enumerate(per_second, 1)
    ]


def test_a_summary_is_the_median_of_the_rounds_and_how_far_they_lie_apart() -> None:
    summary = report.summaries(measured("read", "service", 100, 80, 130))["read", "service", 128]
    assert (summary.per_second, summary.spread, summary.p50, summary.p99) == (100, 0.5, 2, 9)


def test_a_ratio_is_taken_round_by_round() -> None:
    # The machine was half as fast in the second round: the medians' ratio would be 3.
    measurements = measured("read", "service", 600, 300, 900) + measured("read", "django", 100, 100, 300)
    assert report.ratio(measurements, Mark("read", "django", 12)) == 3
    measurements = measured("read", "service", 600, 300, 900) + measured("read", "django", 100, 50, 300)
    assert report.ratio(measurements, Mark("read", "django", 12)) == 6
    assert report.ratio(measurements, Mark("read", "fastapi", 12)) is None
    assert report.ratio(measurements, Mark("read", "django", 12, connections=1)) is None


def test_what_a_ratio_is_to() -> None:
    # To the bare handler's answer to a GET, whatever the work; to pgbench with its own clients; to another work.
    measurements = (
        measured("reserve-many", "service", 600)
        + measured("keyed", "service", 450)
        + measured("read", "bare", 1000)
        + measured("reserve-many", "bare", 500)
        + measured("reserve-many", "pgbench", 300, connections=8)
    )
    assert report.ratio(measurements, Mark("reserve-many", "bare", 1)) == 0.6
    assert report.ratio(measurements, Mark("reserve-many", "pgbench", 1)) == 2
    assert report.ratio(measurements, Mark("keyed", "service", 1, over_work="reserve-many")) == 0.75
    assert [(v.wanted, v.outcome) for v in report.verdicts(measurements)] == [
        ("≥ 0.58", "met"),
        ("≥ 0.75", "met"),
    ]
    assert "at its best, with 8 clients: 300" in "\n".join(report.work_table(measurements, "reserve-many"))


@pytest.mark.parametrize(
    ("service", "bare", "outcome"),
    [(620, 1000, "met"), (900, 1000, "met"), (496, 1000, "**missed by 20.0 %**"), (619, 1000, "**missed by 0.2 %**")],
)
def test_a_mark_is_met_or_missed_by_a_share_of_it(service: float, bare: float, outcome: str) -> None:
    (verdict,) = report.verdicts(measured("read", "service", service) + measured("read", "bare", bare))
    assert (verdict.wanted, verdict.outcome) == ("≥ 0.62", outcome)


@pytest.mark.parametrize(
    ("p99", "outcome"), [(59.9, "met"), (60.0, "**missed by 0.0 %**"), (75.0, "**missed by 25.0 %**")]
)
def test_a_latency_is_under_its_mark_or_misses_it(p99: float, outcome: str) -> None:
    (verdict,) = report.verdicts(measured("reserve-one", "service", 1000, connections=512, p99=p99))
    assert verdict.outcome == outcome


def test_a_mark_has_no_verdict_where_requests_failed() -> None:
    nothing = measured("read", "django", 0, errors={"no answer at all": 1})
    refused = measured("reserve-one", "service", 1000, connections=512, p99=1.0, errors={"503": 2})
    half = measured("read", "bare", 10, errors={"timeout": 1})
    verdicts = report.verdicts(measured("read", "service", 900) + nothing + refused + half)
    assert [(v.wanted, v.got, v.outcome) for v in verdicts] == [
        ("≥ 0.62", "90.00", "**no verdict: errors**"),
        ("≥ 12", "", "**no verdict: errors**"),
        ("< 60 ms", "1.0 ms", "**no verdict: errors**"),
    ]


def test_the_page_has_every_mark_and_every_work_and_says_errors_loudly() -> None:
    measurements = [
        measurement
        for work in WORKS
        for subject in SUBJECTS
        for connections in (1, 128, 512)
        for measurement in measured(work, subject, 1000, 1100, connections=connections)
    ]
    results = {
        "run": {"date": "2026-01-01", "rounds": 2, "seconds": 3},
        "machine": {"cores": "2"},
        "differences": 0,
        "measurements": measurements,
    }
    page = report.page(results)
    assert all(name in page for name in (*WORKS.values(), *SUBJECTS.values()))
    assert page.count("≥") == len(RATIO_MARKS)
    assert "1 050 ± 5 %<br>1.50 / 9.00" in page
    assert "None: every request" in page
    assert max(map(len, (line for line in page.splitlines() if not line.startswith("|")))) <= 120

    measurements += measured("sale", "service-2", 7, errors={"500": 3})
    page = report.page(results)
    assert "None: every request" not in page
    assert "**this service, 2 workers, Sale, first in first out, 128 connections: 3 of 500**" in page
    assert "| this service, 2 workers |  | 7 ± 0 % **errors**<br>" in page


def test_what_a_quick_run_measures_is_what_the_marks_compare() -> None:
    assert is_for_a_mark("read", "bare", 128)
    assert is_for_a_mark("read", "service-2", 128)
    assert is_for_a_mark("reserve-one", "service", 512)
    assert not is_for_a_mark("reserve-one", "pgbench", 512)
    assert is_for_a_mark("keyed", "baseline", 128)
    assert not is_for_a_mark("sale", "django", 128)


def test_a_percentile_is_one_of_the_values() -> None:
    assert load.percentile([1.0], 99) == 1
    assert load.percentile([float(number) for number in range(1, 101)], 99) == 99
    assert load.percentile([float(number) for number in range(1, 102)], 99) == 100
    assert load.percentile([1.0, 2.0, 3.0, 4.0], 50) == 2


def test_the_bare_handler_runs_on_what_the_service_runs_on() -> None:
    def pinned(file: str) -> dict[str, str]:
        return dict(re.findall(r"^(\S+)==(\S+)", (ROOT / file).read_text(), re.MULTILINE))

    own, others = pinned("requirements.txt"), pinned("bench/peers/requirements.txt")
    for name in ("aiohttp", "psycopg", "psycopg-binary", "uvloop", "pydantic"):
        assert others.get(name, own.get(name)) == own.get(name, others.get(name)), name


def test_the_lock_file_names_no_registry() -> None:
    assert '"resolved"' not in (ROOT / "bench/peers/postgraphile/package-lock.json").read_text()
