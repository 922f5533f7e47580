"""Computes the states of each product's stock, and bounds for when each state was the current one.

A movement's id is drawn under the product's lock, so that the ids of a product follow the order of its changes. The
time of a change is only known from outside: it is after its request was sent and before it was answered. Together with
the order, this gives bounds for every state. A state cannot begin before the request of an earlier change was sent, and
cannot last after a later change was answered. All instants are in seconds since the run began.
"""

from __future__ import annotations

import bisect
import dataclasses
import itertools
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from soak.history import ZERO, History, Operation, Outcome
from soak.ledger import Ledger, Moved

Span = tuple[float, float]

ALWAYS: Span = (-math.inf, math.inf)
BEFORE: Span = (-math.inf, -math.inf)
CLOCKS_DIFFER = 0.002  # uncertainty in seconds of an instant of the database's clock
MOST_UNSURE = 8  # with more blocks that may or may not have expired, any sum of them is accepted


@dataclasses.dataclass
class Change:
    """A movement, and the operation that made it. It was committed within ``span``."""

    movement: dict[str, Any]
    operation: Operation | None = None
    span: Span = ALWAYS


@dataclasses.dataclass
class Block:
    """A block. ``born`` and ``died`` are the numbers of the changes that created and ended it.

    ``ends`` has the ends that it may have had, each with the span of the request that set it. The first is the
    creation.
    """

    id: str
    quantity: Decimal
    born: int
    died: int | None = None
    death: str | None = None
    ends: list[tuple[float, Span]] = dataclasses.field(default_factory=list)

    def ends_at(self, start: float, end: float) -> list[float]:
        """Returns the ends that may have been valid at some instant in the span."""
        known = [each for each in self.ends if each[1][0] <= end]
        overruled = max((span[0] for _, span in known if span[1] < start), default=-math.inf)
        return [at for at, span in known if span[1] >= overruled]


class Versions:
    """A sequence of versions: tells which of them may be the current one, and when."""

    def __init__(self, spans: Sequence[Span]) -> None:
        """``spans`` has the span in which each version, from 1, began. Version 0 was there from the start."""
        self.began = [-math.inf, *itertools.accumulate((span[0] for span in spans), max)]
        latest = list(itertools.accumulate((span[1] for span in reversed(spans)), min))
        self.began_by = [-math.inf, *reversed(latest)]

    def disorder(self) -> Iterator[int]:
        """Yields the versions that contradict the order: they were there before an earlier one was requested."""
        return (n for n in range(len(self.began)) if self.began[n] > self.began_by[n])

    def of(self, start: float, end: float) -> Iterator[tuple[int, float, float]]:
        """Yields (number, from, to) for each version that may be the current one at a time in the span."""
        last = bisect.bisect_right(self.began, end) - 1
        first = max(bisect.bisect_left(self.began_by, start) - 1, 0)
        for number in range(first, last + 1):
            gone = self.began_by[number + 1] if number + 1 < len(self.began_by) else math.inf
            low, high = max(start, self.began[number]), min(end, gone)
            if low <= high:
                yield number, low, high


class Timeline:
    """The states of one product. State n is the state after its first n movements."""

    def __init__(self, changes: list[Change], blocks: dict[str, Block]) -> None:
        self.changes = changes
        self.versions = Versions([change.span for change in changes])
        self.balances = [(ZERO, ZERO, ZERO)]
        self.balances += [tuple(Decimal(change.movement[name]) for name in AFTER) for change in changes]  # type: ignore[misc]
        # States in the middle of an operation: no other transaction can see them.
        self.is_half = [
            False,
            *(a.operation is not None and a.operation is b.operation for a, b in itertools.pairwise(changes)),
        ]
        self.is_half += [False] * (len(self.balances) - len(self.is_half))
        self.blocks = blocks
        self._alive = self._held()
        self._places: dict[str, tuple[list[int], list[Decimal]]] = defaultdict(lambda: ([0], [ZERO]))
        for number, change in enumerate(changes, 1):
            for place, quantity in change.movement["places"]:
                numbers, quantities = self._places[place]
                numbers.append(number)
                quantities.append(Decimal(quantity))

    def _held(self) -> list[tuple[Block, ...]]:
        """Returns, for each state, the blocks that are not ended, sorted by the earliest end that each may have."""
        born = {block.born: block for block in self.blocks.values()}
        died = {block.died: block for block in self.blocks.values()}
        held: list[Block] = []
        states: list[tuple[Block, ...]] = [()]
        for number in range(1, len(self.balances)):
            made, ended = born.get(number), died.get(number)
            if made is not None:
                bisect.insort(held, made, key=_earliest)
            if ended is not None and ended in held:
                held.remove(ended)
            states.append(tuple(held) if made or ended else states[-1])
        return states

    def states(self, start: float, end: float) -> Iterator[tuple[int, float, float]]:
        """Yields (number, from, to) for each state that a read in the span may see."""
        return (state for state in self.versions.of(start, end) if not self.is_half[state[0]])

    def at_place(self, number: int, place: str) -> Decimal:
        """Returns the quantity at the location in that state."""
        numbers, quantities = self._places[place]
        return quantities[bisect.bisect_right(numbers, number) - 1]

    def places(self) -> Iterable[str]:
        return self._places.keys()

    def held(self, number: int) -> dict[str, Block]:
        """Returns the blocks of that state that are not ended. They may have expired."""
        return {block.id: block for block in self._alive[number]}

    def expired(self, number: int, span: Span, clock: Span) -> Expired:
        """Returns the blocks of that state that expire before the end of ``clock``: when the clock was read."""
        start, end = clock
        before: list[Block] = []
        ordered: list[tuple[float, Block]] = []
        unsure: list[Block] = []
        for block in self._alive[number]:
            if _earliest(block) > end + CLOCKS_DIFFER:
                break
            ends = block.ends_at(*span)
            if max(ends) <= start - CLOCKS_DIFFER:
                before.append(block)
            elif len(ends) == 1:
                ordered.append((ends[0], block))
            elif min(ends) <= end + CLOCKS_DIFFER:
                unsure.append(block)
        ordered.sort(key=lambda each: each[0])
        soon = [block for at, block in ordered if at <= end + CLOCKS_DIFFER]
        return Expired(before, soon, unsure)


@dataclasses.dataclass
class Expired:
    """Blocks that expired ``before`` the span, that expire in it, in order (``soon``), and that may (``unsure``)."""

    before: list[Block]
    soon: list[Block]
    unsure: list[Block]

    def sums(self) -> set[Decimal] | None:
        """Returns the possible sums of the quantities of expired blocks; None if there are too many to list."""
        if len(self.unsure) > MOST_UNSURE:
            return None
        least = sum((block.quantity for block in self.before), ZERO)
        sums = set(itertools.accumulate((block.quantity for block in self.soon), initial=least))
        for block in self.unsure:
            sums |= {each + block.quantity for each in sums}
        return sums

    def may_be(self, missing: set[str]) -> bool:
        """Whether there may be an instant at which exactly these blocks had expired."""
        rest = missing - {block.id for block in self.before} - {block.id for block in self.unsure}
        return {block.id for block in self.before} <= missing and rest == {b.id for b in self.soon[: len(rest)]}


AFTER = ("on_hand_after", "reserved_after", "blocked_after")


def _earliest(block: Block) -> float:
    return min(at for at, _ in block.ends)


def timelines(history: History, ledger: Ledger) -> dict[int, Timeline]:
    """Returns the states of all products in the ledger, by the product's id."""
    changes: dict[int, list[Change]] = defaultdict(list)
    by_moved: dict[tuple[Any, ...], list[Change]] = defaultdict(list)
    for movement in ledger.movements:
        change = Change(movement)
        changes[movement["product"]].append(change)
        if movement["kind"] == "expire":
            change.span = (history.instant(movement["occurred_at"]) - CLOCKS_DIFFER, math.inf)
        else:
            by_moved[_key(ledger.moved(movement))].append(change)
    _attribute(history, ledger, by_moved)
    for each in changes.values():
        _join_expiries(each)
    blocks = _blocks(history, ledger, changes)
    return {product: Timeline(each, blocks[product]) for product, each in changes.items()}


def _key(moved: Moved) -> tuple[Any, ...]:
    """Returns what identifies an operation's movement. For a count without the quantities, which are not known."""
    return (*moved[:3], moved[6]) if moved[2] == "count" else moved


def _attribute(history: History, ledger: Ledger, by_moved: dict[tuple[Any, ...], list[Change]]) -> None:
    """Find the operation of each change. If several are alike and overlap, only their common span is known."""
    wanted: dict[tuple[Any, ...], list[Operation]] = defaultdict(list)
    for operation in history.operations:
        for effect in operation.effects:
            actor, product = operation.actor, ledger.product(effect.product)
            if effect.on_hand is None:
                wanted[actor, product, effect.kind, effect.reference].append(operation)
            else:
                wanted[ledger.as_moved(actor, effect)].append(operation)
    for key, found in by_moved.items():
        operations = sorted(wanted[key], key=lambda each: each.window)
        is_sure = len(operations) == len(found) and all(o.outcome is not Outcome.MAYBE for o in operations)
        left = iter(found)
        for together in _overlapping(operations) if is_sure else [operations]:
            span = (
                min((o.window[0] for o in together), default=-math.inf),
                max((_latest(o) for o in together), default=math.inf),
            )
            for change in itertools.islice(left, len(together) if is_sure else None):
                change.span = span
                change.operation = together[0] if is_sure and len(together) == 1 else None


def _join_expiries(changes: list[Change]) -> None:
    """Attribute blocks that ended between two changes of one operation to it: it held the product's lock meanwhile."""
    last: Operation | None = None
    ended: list[Change] = []
    for change in changes:
        if change.movement["kind"] == "expire":
            ended.append(change)
            continue
        if change.operation is not None and change.operation is last:
            for each in ended:
                each.operation = last
        last, ended = change.operation, []


def _latest(operation: Operation) -> float:
    return math.inf if operation.outcome is not Outcome.ACKNOWLEDGED else operation.window[1]


def _overlapping(operations: list[Operation]) -> Iterator[list[Operation]]:
    """Splits operations, sorted by time, into groups in which each overlaps with an earlier one."""
    run: list[Operation] = []
    for operation in operations:
        if run and operation.window[0] > max(_latest(each) for each in run):
            yield run
            run = []
        run.append(operation)
    if run:
        yield run


def _blocks(history: History, ledger: Ledger, changes: dict[int, list[Change]]) -> dict[int, dict[str, Block]]:
    """Returns all blocks by product and id, with the ends that they may have had."""
    blocks: dict[int, dict[str, Block]] = defaultdict(dict)
    by_id: dict[str, Block] = {}
    for product, each in changes.items():
        for number, change in enumerate(each, 1):
            movement = change.movement
            reference, kind = movement["reference"], movement["kind"]
            if kind == "block":
                block = Block(reference, Decimal(movement["blocked"]), number)
                blocks[product][reference] = by_id[reference] = block
            elif kind in ("convert", "cancel", "expire") and reference in by_id:
                by_id[reference].died, by_id[reference].death = number, kind
    _read_ends(history, by_id)
    for reference, row in ledger.blocks.items():
        if reference in by_id and len(by_id[reference].ends) < 2:
            # It was never extended, so that the end in the table is exact.
            by_id[reference].ends = [(history.instant(row["expires_at"]), BEFORE)]
    return blocks


def _read_ends(history: History, by_id: dict[str, Block]) -> None:
    carts = history.carts()
    for operation in history.operations:
        if operation.name in ("block", "block several") and operation.outcome is Outcome.ACKNOWLEDGED:
            made = operation.answer["blocks"] if operation.name == "block several" else [operation.answer]
            for each in made:
                if each["block_id"] in by_id:
                    at = history.instant(parse_instant(each["expires_at"]))
                    by_id[each["block_id"]].ends.insert(0, (at, BEFORE))
        elif operation.name in ("extend", "extend cart") and operation.outcome is not Outcome.REFUSED:
            at = history.instant(parse_instant(operation.body["expires_at"]))
            for number in extended(operation, carts):
                if number in by_id:
                    by_id[number].ends.append((at, (operation.window[0], _latest(operation))))


def extended(operation: Operation, carts: dict[str, list[str]]) -> list[str]:
    """Returns the blocks that the operation has extended, or may have extended if it was not answered."""
    if operation.name == "extend":
        return [operation.path.split("/")[2]]
    if operation.outcome is Outcome.ACKNOWLEDGED:
        return [each["block_id"] for each in operation.answer["blocks"]]
    return carts.get(operation.owner, [])


def common(spans: Iterable[Iterable[Span]]) -> list[Span]:
    """Returns the intersection of the collections, each the union of its spans, as sorted spans."""
    result: list[Span] = [ALWAYS]
    for each in spans:
        ones, others, both = iter(result), iter(_united(each)), list[Span]()
        one, other = next(ones, None), next(others, None)
        while one is not None and other is not None:
            if max(one[0], other[0]) <= min(one[1], other[1]):
                both.append((max(one[0], other[0]), min(one[1], other[1])))
            if one[1] < other[1]:
                one = next(ones, None)
            else:
                other = next(others, None)
        result = both
    return result


def _united(spans: Iterable[Span]) -> list[Span]:
    """Returns the union as sorted spans that do not touch."""
    united: list[Span] = []
    for low, high in sorted(spans):
        if united and low <= united[-1][1]:
            united[-1] = (united[-1][0], max(high, united[-1][1]))
        else:
            united.append((low, high))
    return united


def parse_instant(text: str) -> datetime:
    """Parses a time of an answer or a request. A time without an offset is in UTC."""
    at = datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=UTC)
