"""What a queue counts: numbers that only grow, for a program's metrics."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
WIDTHS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0)


class Histogram:
    """Counts of values by upper bound, and their sum. The last count is of values above all bounds."""

    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, bounds: Sequence[float] = SECONDS) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value

    def buckets(self) -> list[tuple[str, int]]:
        """(upper bound, count up to it) for each bound and +Inf."""
        total = 0
        cumulated = []
        for bound, count in zip((*map(str, self.bounds), "+Inf"), self.counts, strict=True):
            total += count
            cumulated.append((bound, total))
        return cumulated


class Stats:
    """The counters of one queue.

    ``refused``: calls that were not made, by reason. ``unknown``: calls of which nobody knows whether they were made.
    ``waited``: seconds from a call's arrival to its sending. ``took``: seconds from the sending of a group of calls to
    its last result. ``widths``: calls in a group. ``handed_back``: calls that a batch could not wait for, made again
    alone. ``retried``: calls made again after a conflict. ``lost``: connections that ended under a call.
    """

    REASONS = ("full", "late", "unreachable", "stopping")

    __slots__ = ("handed_back", "lost", "refused", "retried", "took", "unknown", "waited", "widths")

    def __init__(self) -> None:
        self.refused = dict.fromkeys(self.REASONS, 0)
        self.unknown = 0
        self.waited = Histogram()
        self.took = Histogram()
        self.widths = Histogram(WIDTHS)
        self.handed_back = 0
        self.retried = 0
        self.lost = 0
