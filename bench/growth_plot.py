"""Plots calls per second against products: python -m bench.growth_plot DIRECTORY

Reads growth.json in the directory, and writes growth.svg.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import matplotlib as mpl
from matplotlib import pyplot

INK = "#7d8590"  # legible on a white and on a black background


def main() -> None:
    directory = Path(sys.argv[1])
    mpl.use("svg")
    mpl.rcParams |= {"svg.hashsalt": "growth", "text.color": INK, "axes.labelcolor": INK, "axes.edgecolor": INK}
    mpl.rcParams |= {"xtick.color": INK, "ytick.color": INK, "legend.labelcolor": INK}
    figure, axes = pyplot.subplots(figsize=(9, 5.5), layout="constrained")
    for name, calls in json.loads((directory / "growth.json").read_text()).items():
        axes.plot([int(products) for products in calls], list(calls.values()), marker="o", label=name)
    axes.set(xscale="log", yscale="log", xlabel="products (ten movements each)", ylabel="calls a second")
    axes.grid(visible=True, which="both", alpha=0.3)
    axes.patch.set_alpha(0)
    figure.legend(loc="outside right upper", frameon=False)
    figure.savefig(directory / "growth.svg", metadata={"Date": None}, transparent=True)


if __name__ == "__main__":
    main()
