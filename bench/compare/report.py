"""Computes medians, ratios and targets from measurements, and the page docs/benchmark.md. Needs no package."""

from __future__ import annotations

import collections
import dataclasses
import statistics
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bench.compare.works import (
    CLIENTS,
    LATENCY_MARKS,
    MANY_CONNECTIONS,
    RATIO_MARKS,
    SUBJECTS,
    WORKS,
    LatencyMark,
    Mark,
    label,
)

Measurement = Mapping[str, Any]
Place = tuple[str, str, int]  # work, subject, connections


@dataclasses.dataclass(frozen=True)
class Summary:
    """Medians over the rounds. ``spread`` is (highest - lowest) / median of the throughput."""

    per_second: float
    spread: float
    p50: float
    p99: float
    errors: dict[str, int]


@dataclasses.dataclass(frozen=True)
class Verdict:
    """The result for a target. ``missed_by`` is relative to the target; 0: met; None: unknown because of errors."""

    work: str
    measure: str
    connections: int
    wanted: str
    got: str
    missed_by: float | None

    @property
    def outcome(self) -> str:
        if self.missed_by is None:
            return "**no verdict: errors**"
        return f"**missed by {self.missed_by:.1%}**".replace("%", " %") if self.missed_by else "met"


def summaries(measurements: Iterable[Measurement]) -> dict[Place, Summary]:
    """Summarizes measurements by workload, subject and connections."""
    groups: dict[Place, list[Measurement]] = collections.defaultdict(list)
    for m in measurements:
        groups[m["work"], m["subject"], m["connections"]].append(m)
    return {place: _summary(group) for place, group in groups.items()}


def _summary(group: Sequence[Measurement]) -> Summary:
    throughput = [m["per_second"] for m in group]
    median = statistics.median(throughput)
    errors: collections.Counter[str] = collections.Counter()
    for m in group:
        errors.update(m["errors"])
    return Summary(
        per_second=median,
        spread=(max(throughput) - min(throughput)) / median if median else 0.0,
        p50=statistics.median(m["p50"] for m in group),
        p99=statistics.median(m["p99"] for m in group),
        errors=dict(errors),
    )


def ratio(measurements: Iterable[Measurement], mark: Mark) -> float | None:
    """Returns the service's throughput divided by the other's: the median of the rounds that have both, or None."""
    own: dict[int, float] = {}
    others: dict[int, float] = {}
    for m in measurements:
        # pgbench has its own number of clients, independent of the others' connections.
        if m["connections"] == mark.connections or m["subject"] == "pgbench":
            place = (m["work"], m["subject"])
            if place == (mark.work, "service"):
                own[m["round"]] = m["per_second"]
            if place == (mark.other_work, mark.over):
                others[m["round"]] = m["per_second"]
    ratios = [own[round_] / others[round_] for round_ in own if others.get(round_)]
    return statistics.median(ratios) if ratios else None


def verdicts(measurements: Sequence[Measurement]) -> list[Verdict]:
    """Returns the results for the targets that were measured. A measurement with errors gives no result."""
    by_place = summaries(measurements)
    found = []
    for mark in RATIO_MARKS:
        pair = [
            by_place.get((work, name, mark.connections))
            for work, name in ((mark.work, "service"), (mark.other_work, mark.over))
        ]
        if None in pair:
            continue
        got = ratio(measurements, mark)
        is_sound = not any(summary.errors for summary in pair if summary)
        found.append(
            Verdict(
                WORKS[mark.work],
                f"relative to {f'“{WORKS[mark.over_work]}”' if mark.over_work else SUBJECTS[mark.over]}",
                mark.connections,
                f"≥ {mark.ratio:g}",
                "" if got is None else f"{got:.2f}",
                max(0.0, 1 - got / mark.ratio) if is_sound and got is not None else None,
            )
        )
    for latency in LATENCY_MARKS:
        summary = by_place.get((latency.work, "service", latency.connections))
        if summary is not None:
            found.append(_latency_verdict(latency, summary))
    return found


def _latency_verdict(mark: LatencyMark, summary: Summary) -> Verdict:
    got = summary.p99
    # A latency that equals the target has missed it: it must be below.
    missed_by = max(got / mark.milliseconds - 1, 1e-9) if got >= mark.milliseconds else 0.0
    return Verdict(
        WORKS[mark.work],
        "p99",
        mark.connections,
        f"< {mark.milliseconds:g} ms",
        f"{got:.1f} ms",
        None if summary.errors else missed_by,
    )


def _connections(number: int) -> str:
    return "1 connection" if number == 1 else f"{number} connections"


def marks_table(measurements: Sequence[Measurement]) -> list[str]:
    return [
        *_header("workload", "measure", "connections", "target", "result", ""),
        *(_row(v.work, v.measure, str(v.connections), v.wanted, v.got, v.outcome) for v in verdicts(measurements)),
    ]


def ratios_table(measurements: Sequence[Measurement], connections: int) -> list[str]:
    """Returns a table of the service's throughput divided by each subject's, by workload."""
    found = [name for name in _subjects(measurements) if name != "service"]
    lines = _header("", *(label(name) for name in found))
    for work in _works(measurements):
        ratios = [ratio(measurements, Mark(work, name, 0, connections)) for name in found]
        lines.append(_row(WORKS[work], *(f"{value:.2f}" if value else "" for value in ratios)))
    return lines


def work_table(measurements: Sequence[Measurement], work: str) -> list[str]:
    by_place = {place: summary for place, summary in summaries(measurements).items() if place[0] == work}
    clients = {place[2]: summary for place, summary in by_place.items() if place[1] == "pgbench"}
    connections = sorted({place[2] for place in by_place if place[1] != "pgbench"})
    lines = _header("", *(_connections(number) for number in connections))
    for name in _subjects(measurements):
        if name == "pgbench":
            continue
        cells = [_cell(by_place.get((work, name, number))) for number in connections]
        if any(cells):
            lines.append(_row(label(name), *cells))
    for number, summary in clients.items():
        at = "1 client" if number == 1 else f"{number} clients"
        lines += ["", f"{label('pgbench')}, at its best, with {at}: {_cell(summary).replace('<br>', ', ')} ms."]
    return lines


def _cell(summary: Summary | None) -> str:
    if summary is None:
        return ""
    wrong = " **errors**" if summary.errors else ""
    return (
        f"{_thousands(summary.per_second)} ± {summary.spread / 2 * 100:.0f} %{wrong}"
        f"<br>{_milliseconds(summary.p50)} / {_milliseconds(summary.p99)}"
    )


def errors(measurements: Iterable[Measurement]) -> list[str]:
    """Returns one line for each subject and workload with errors."""
    return [
        f"**{label(subject)}, {WORKS[work]}, {_connections(connections)}: "
        + ", ".join(f"{times} of {kind}" for kind, times in sorted(summary.errors.items()))
        + "**"
        for (work, subject, connections), summary in summaries(measurements).items()
        if summary.errors
    ]


def page(results: Mapping[str, Any]) -> str:
    """Returns the text of docs/benchmark.md."""
    measurements: list[Measurement] = results["measurements"]
    run = results["run"]
    wrong = errors(measurements)
    connections = sorted({m["connections"] for m in measurements})
    lines = [
        "# Benchmark",
        "",
        *_paragraph(
            f"This service compared with others, on one machine, in one run on {run['date']} ({run['rounds']} rounds)."
            f" In each round, each workload is measured for {run['seconds']} s with each number of connections, one"
            " subject after the other; the order changes from round to round. A measurement with a latency target takes"
            " ten times as long, so that the first calls, which all clients send at the same time, are less than 1 % of"
            " it. For each workload, pgbench uses the number of clients with the highest throughput among"
            f" {', '.join(map(str, CLIENTS[:-1]))} and {CLIENTS[-1]}."
            " Servers, PostgreSQL and the load generator share the machine."
            " `make bench ARGS=--write` measures again and writes this page."
            " [bench/peers](../bench/peers/README.md) describes the other services."
        ),
        "",
        "## Targets",
        "",
        "A ratio is this service's throughput divided by the other's: the median over the rounds.",
        "",
        *marks_table(measurements),
        "",
        "![Throughput against connections](benchmark.svg)",
        "",
    ]
    if MANY_CONNECTIONS in connections:
        lines += [
            "## Ratios",
            "",
            *_paragraph(
                f"This service's throughput divided by the other's, with {MANY_CONNECTIONS} connections (pgbench: with"
                " its best number of clients). For the bare handler it is always the throughput of a GET with a"
                " constant answer, which for the page of a list is as long as the page. The throughput of its POST,"
                " which only parses the body, is in the tables below."
            ),
            "",
            *ratios_table(measurements, MANY_CONNECTIONS),
            "",
        ]
    lines += [
        "## Throughput and latency",
        "",
        *_paragraph(
            "First line: throughput per second, the median of the rounds ± half the difference between the highest and"
            " the lowest. Second line: p50 / p99 in milliseconds. For *Block, then convert*, the throughput is in pairs"
            " of calls; the latency is that of a single request, but with pgbench that of both. For the product that is"
            " sold out, the throughput is that of refusals."
        ),
        "",
    ]
    for work in _works(measurements):
        lines += [f"### {WORKS[work]}", "", *work_table(measurements, work), ""]
    lines += ["## Errors", "", *(wrong or ["None: every request to every subject got the expected answer."]), ""]
    if results.get("differences") is not None:
        lines += [f"`maintenance.verify()` found {results['differences']} differences in this service's database.", ""]
    lines += ["## Machine", "", "| | |", "|---|---|", *(_row(*item) for item in results["machine"].items()), ""]
    return "\n".join(lines)


def _paragraph(text: str) -> list[str]:
    return textwrap.wrap(text, 120, break_long_words=False, break_on_hyphens=False)


def _subjects(measurements: Iterable[Measurement]) -> list[str]:
    order = list(SUBJECTS)
    return sorted({m["subject"] for m in measurements}, key=lambda name: (order.index(name.partition("-")[0]), name))


def _works(measurements: Iterable[Measurement]) -> list[str]:
    found = {m["work"] for m in measurements}
    return [work for work in WORKS if work in found]


def _header(*cells: str) -> list[str]:
    return [_row(*cells), _row(*("---" if number == 0 else "--:" for number in range(len(cells))))]


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _thousands(value: float) -> str:
    return f"{value:,.0f}".replace(",", " ")


def _milliseconds(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:.0f}"
