"""From measurements to medians, ratios, marks and the page docs/benchmark.md, with the standard library alone."""

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
    """Medians over the rounds; ``spread``: of the throughput, (highest - lowest) / median."""

    per_second: float
    spread: float
    p50: float
    p99: float
    errors: dict[str, int]


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What became of a mark. ``missed_by``: a share of what was wanted; 0: met; None: there were errors."""

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
    """By work, subject and connections."""
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
    """The median over the rounds of the service's throughput by the other's; None where no round has both."""
    own: dict[int, float] = {}
    others: dict[int, float] = {}
    for m in measurements:
        # pgbench has as many clients as suit it best, whatever the others have.
        if m["connections"] == mark.connections or m["subject"] == "pgbench":
            place = (m["work"], m["subject"])
            if place == (mark.work, "service"):
                own[m["round"]] = m["per_second"]
            if place == (mark.other_work, mark.over):
                others[m["round"]] = m["per_second"]
    ratios = [own[round_] / others[round_] for round_ in own if others.get(round_)]
    return statistics.median(ratios) if ratios else None


def verdicts(measurements: Sequence[Measurement]) -> list[Verdict]:
    """The marks that were measured. Where a request failed, what was counted is no measure of anything."""
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
                f"by that of {f'“{WORKS[mark.over_work]}”' if mark.over_work else SUBJECTS[mark.over]}",
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
    # Under, not at: what is as long as the mark has missed it.
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
        *_header("work", "throughput", "connections", "wanted", "got", ""),
        *(_row(v.work, v.measure, str(v.connections), v.wanted, v.got, v.outcome) for v in verdicts(measurements)),
    ]


def ratios_table(measurements: Sequence[Measurement], connections: int) -> list[str]:
    """By work, how many times each subject's throughput the service has."""
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
    """A line for each subject and work that had some."""
    return [
        f"**{label(subject)}, {WORKS[work]}, {_connections(connections)}: "
        + ", ".join(f"{times} of {kind}" for kind, times in sorted(summary.errors.items()))
        + "**"
        for (work, subject, connections), summary in summaries(measurements).items()
        if summary.errors
    ]


def page(results: Mapping[str, Any]) -> str:
    """docs/benchmark.md."""
    measurements: list[Measurement] = results["measurements"]
    run = results["run"]
    wrong = errors(measurements)
    connections = sorted({m["connections"] for m in measurements})
    lines = [
        "# Benchmark",
        "",
        *_paragraph(
            f"This service beside others on one machine, in one run on {run['date']}, rounds: {run['rounds']}. In each"
            f" round each work is measured with each number of connections for {run['seconds']} s, one subject after"
            " the other, another one first each time (ten times as long where a mark is on the latency, so that the"
            " wave in which all clients begin is less than a hundredth). pgbench has as many clients as gave the most"
            f" works a second when {', '.join(map(str, CLIENTS[:-1]))} and {CLIENTS[-1]} were tried, work by work."
            " Servers, PostgreSQL and the load generator share the machine."
            " `make bench ARGS=--write` measures anew and writes this page;"
            " [bench/peers](../bench/peers/README.md) says who the others are, and how they run."
        ),
        "",
        "## Marks",
        "",
        "A ratio is this service's throughput by the other's, the median over the rounds.",
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
                f"This service's throughput by the other's, with {MANY_CONNECTIONS} connections (pgbench: at its best)."
                " The bare handler's is that of its constant answer to a GET, whatever the work; of the page, of an"
                " answer as long as a page. What its POST does, which only parses the body, stands below."
            ),
            "",
            *ratios_table(measurements, MANY_CONNECTIONS),
            "",
        ]
    lines += [
        "## Works a second, and latencies",
        "",
        *_paragraph(
            "Median of the rounds ± half of what lies between the lowest and the highest; below, p50 / p99 in"
            " milliseconds. Of *Block, then convert* it is pairs a second; the latency is that of one of the two"
            " requests, with pgbench of both. What is sold out is one product; each answer counts that is a refusal."
        ),
        "",
    ]
    for work in _works(measurements):
        lines += [f"### {WORKS[work]}", "", *work_table(measurements, work), ""]
    lines += ["## Errors", "", *(wrong or ["None: every request of every subject was answered as it should be."]), ""]
    if results.get("differences") is not None:
        lines += [f"`maintenance.verify()` of this service's database found {results['differences']} differences.", ""]
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
