"""Plots throughput against connections, one panel per workload: python -m bench.compare.plot RESULTS.json PLOT.svg"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator

from bench.compare.report import Place, Summary, summaries
from bench.compare.works import SUBJECTS, WORKS, label

# Legible on a white and on a black background.
INK = "#7d8590"
COLOURS = {
    "service": "#e5534b",
    "pgbench": "#539bf5",
    "bare": "#8b949e",
    "plain": "#c69026",
    "fastapi": "#2da44e",
    "django": "#a475f9",
    "postgraphile": "#e0823d",
    "baseline": "#d673a3",
}


def main() -> int:
    results = json.loads(Path(sys.argv[1]).read_text())
    draw(results, Path(sys.argv[2]))
    return 0


def draw(results: dict[str, Any], file: Path) -> None:
    mpl.rcParams.update(
        {
            "svg.fonttype": "none",
            "svg.hashsalt": "benchmark",  # makes the ids in the file reproducible
            "font.family": "sans-serif",
            "font.size": 9,
            **dict.fromkeys(("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color"), INK),
        }
    )
    by_place = summaries(results["measurements"])
    works = [work for work in WORKS if any(place[0] == work for place in by_place)]
    columns = min(len(works), 3)
    rows = -(-len(works) // columns)
    figure, axes = pyplot.subplots(rows, columns, figsize=(4 * columns, 3.1 * rows + 0.8), squeeze=False)
    panels = list(axes.flat)
    for panel, work in zip(panels, works, strict=False):
        draw_work(panel, work, by_place)
    for panel in panels[len(works) :]:
        panel.remove()
    handles = {name: line for panel in panels for line, name in zip(*panel.get_legend_handles_labels(), strict=True)}
    figure.legend(handles.values(), handles.keys(), loc="lower center", ncols=4, frameon=False)
    figure.tight_layout(rect=(0, 0.6 / (3.1 * rows + 0.8), 1, 1))
    figure.savefig(file, format="svg", transparent=True, metadata={"Date": None, "Creator": None})


def draw_work(panel: Axes, work: str, by_place: dict[Place, Summary]) -> None:
    connections = sorted({place[2] for place in by_place if place[0] == work})
    names = sorted({place[1] for place in by_place if place[0] == work}, key=_order)
    for name in names:
        points = [(number, by_place[work, name, number]) for number in connections if (work, name, number) in by_place]
        kind, _, workers = name.partition("-")
        panel.plot(
            [number for number, _ in points],
            [summary.per_second for _, summary in points],
            color=COLOURS[kind],
            linestyle="--" if workers else "-",
            linewidth=2.4 if kind == "service" else 1.4,
            marker="o",
            markersize=4,
            label=label(name),
        )
    panel.set_title(WORKS[work], fontsize=10)
    panel.set_xscale("log", base=2)
    panel.set_yscale("log")
    panel.set_xticks(connections, [str(number) for number in connections])
    panel.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    panel.minorticks_off()
    panel.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}".replace(",", " ")))
    panel.set_xlabel("connections")
    panel.set_ylabel("a second")
    panel.grid(color=INK, alpha=0.25, linewidth=0.6)
    for side in ("top", "right"):
        panel.spines[side].set_visible(False)


def _order(name: str) -> tuple[int, str]:
    return list(SUBJECTS).index(name.partition("-")[0]), name


if __name__ == "__main__":
    raise SystemExit(main())
