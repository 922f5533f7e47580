"""Checks each answer against the ledger: it must have been true at some instant between its request and its arrival.

The order of each product's changes is known (see soak.timeline). Therefore the check does not have to search through
possible orders, and its time grows only with the number of answers.
"""

from __future__ import annotations

import heapq
import itertools
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from decimal import Decimal
from graphlib import CycleError, TopologicalSorter
from typing import Any

from soak.check import Check
from soak.history import ZERO, History, Operation, Outcome, Want
from soak.ledger import Ledger
from soak.timeline import (
    ALWAYS,
    CLOCKS_DIFFER,
    Block,
    Span,
    Timeline,
    Versions,
    common,
    extended,
    parse_instant,
    timelines,
)

# A version that a read may have seen: its number, and the span in which it may have been the current one.
Seen = tuple[int, Span]


class Prices:
    """The prices of one type of a product. Each is in force from its creation until the next one is created."""

    def __init__(
        self, rules: list[dict[str, Any]], spans: Sequence[Span], makers: Sequence[Operation | None] = ()
    ) -> None:
        self.versions = Versions(spans)
        self.makers = makers
        self._rules = rules

    def seen(self, span: Span, holds: Callable[[dict[str, Any] | None], bool]) -> Iterator[Seen]:
        """Yields the versions that may be in force in the span and whose price satisfies ``holds``.

        Before the first price, ``holds`` gets None.
        """
        for number, low, high in self.versions.of(*span):
            if holds(self._rules[number - 1] if number else None):
                yield number, (low, high)


class Answers:
    """Checks all answers of a history against the ledger."""

    def __init__(self, history: History, ledger: Ledger) -> None:
        self.history = history
        self.ledger = ledger
        # A product or price that an answer names but the ledger does not have gets only the initial state.
        self.timelines = defaultdict(lambda: Timeline([], {}), timelines(history, ledger))
        self.prices = defaultdict(lambda: Prices([], []), _prices(history, ledger))
        self.blocks: dict[str, tuple[Timeline, Block]] = {
            number: (timeline, block)
            for timeline in self.timelines.values()
            for number, block in timeline.blocks.items()
        }
        self.carts = history.carts()
        self.unexplained: Counter[str] = Counter()
        """The number of answers that no check covers, by the operation's name and the error's code."""

    def check(self) -> list[Check]:
        return [self._order(), *self._reads(), self._refusals(), self._one_instant()]

    # The order of changes

    def _order(self) -> Check:
        check = Check("answered before sent is earlier in the ledger")
        for product, timeline in self.timelines.items():
            check.count += len(timeline.changes)
            for number in timeline.versions.disorder():
                check.violations.append(f"product {product}: {timeline.changes[number - 1].movement}")
        return check

    def _one_instant(self) -> Check:
        """All changes together have an order in time.

        That is so if there is no cycle in these relations: "earlier at the same product", "answered before the other
        was sent".
        """
        check = Check("changes of several products have one instant for all")
        order: TopologicalSorter[Hashable] = TopologicalSorter()
        events: set[tuple[float, bool]] = set()
        for timeline in self.timelines.values():
            last: Hashable = None
            for change in timeline.changes:
                node: Hashable = id(change) if change.operation is None else id(change.operation)
                span = change.span if change.operation is None else change.operation.window
                if node != last:
                    check.count += 1
                    sent, answered = (span[0], False), (span[1], True)
                    order.add(node, last, sent)
                    order.add(answered, node)
                    events |= {sent, answered}
                last = node
        for earlier, later in itertools.pairwise(sorted(events)):
            order.add(later, earlier)
        try:
            order.prepare()
        except CycleError as error:
            named = {id(o): o.line() for o in self.history.operations}
            check.violations.append("in a cycle: " + "; ".join(named[n] for n in error.args[1] if n in named))
        return check

    # Reads

    def _reads(self) -> list[Check]:
        check = Check("each read is what was there at an instant of its time")
        back = Check("nobody sees time go back")
        floors: dict[Hashable, int] = defaultdict(int)
        answered: list[tuple[float, int, Hashable, int]] = []  # heap: when a read was answered, and what it saw
        turn = itertools.count()
        looks = {
            "look at sku": self._sku,
            "look at item": self._item,
            "look at inventory": self._inventory,
            "list blocks": self._list,
            "active price": self._price,
            "look at place": self._place,
            "look at cart": self._cart,
        }
        reads = [o for o in self.history.operations if o.outcome is Outcome.ACKNOWLEDGED and not o.is_write]
        all_seen: dict[int, dict[Hashable, list[Seen]]] = {}
        for operation in sorted(reads, key=lambda each: each.window):
            start, end = operation.window
            while answered and answered[0][0] < start:
                _, _, key, number = heapq.heappop(answered)
                floors[key] = max(floors[key], number)
            if operation.name not in looks:
                self.unexplained[operation.name] += 1
                continue
            seen = {key: list(each) for key, each in looks[operation.name](operation)}
            all_seen[id(operation)] = seen
            check.expect(_have_an_instant(seen), f"{operation.line()}: {operation.raw[:500]!r}")
            if operation.is_anywhere:
                continue
            fresh = _from(floors, seen)
            if _have_an_instant(seen):
                back.expect(_have_an_instant(fresh), f"{operation.line()}: {operation.raw[:500]!r}")
            for key, each in fresh.items():
                if each:
                    heapq.heappush(answered, (end, next(turn), key, min(each)[0]))
        return [check, back, self._positions(all_seen)]

    def _positions(self, all_seen: dict[int, dict[Hashable, list[Seen]]]) -> Check:
        """A read that a standby may answer shows what its client has changed and seen before.

        ``all_seen``: what each read may have seen, by the operation's id.
        """
        check = Check("no read is older than its position")
        made: dict[int, dict[Hashable, int]] = defaultdict(dict)  # the last version that each operation made
        for product, timeline in self.timelines.items():
            for version, change in enumerate(timeline.changes, 1):
                made[id(change.operation)][product] = version
        for key, prices in self.prices.items():
            for version, maker in enumerate(prices.makers, 1):
                made[id(maker)][key] = version
        floors: dict[str, dict[Hashable, int]] = defaultdict(lambda: defaultdict(int))
        for operation in self.history.operations:
            if operation.outcome is not Outcome.ACKNOWLEDGED:
                continue
            own = floors[operation.client]
            if operation.is_write:
                for key, version in made[id(operation)].items():
                    own[key] = max(own[key], version)
            elif _have_an_instant(seen := all_seen.get(id(operation), {})):
                fresh = _from(own, seen)
                if operation.is_anywhere:
                    check.expect(_have_an_instant(fresh), f"{operation.line()}: {operation.raw[:500]!r}")
                for key, each in fresh.items():
                    own[key] = min((version for version, _ in each), default=own[key])
        return check

    def _sku(self, operation: Operation) -> Iterator[tuple[Hashable, Iterable[Seen]]]:
        a = operation.answer
        told = tuple(Decimal(a[name]) for name in ("quantity", "reserved", "blocked", "available"))
        yield self._stock(operation, told, a["blocks"])
        yield self._retail(operation, a["price"])

    def _item(self, operation: Operation) -> Iterator[tuple[Hashable, Iterable[Seen]]]:
        a = operation.answer
        told = tuple(Decimal(a[f"{name}Stock"]) for name in ("onHand", "reserved", "blocked", "available"))
        yield self._stock(operation, told)
        yield self._retail(operation, a["price"])

    def _inventory(self, operation: Operation) -> Iterator[tuple[Hashable, Iterable[Seen]]]:
        a = operation.answer["inventory"]
        yield self._stock(
            operation, tuple(Decimal(a[name]) for name in ("quantity", "reserved", "blocked", "available"))
        )

    def _list(self, operation: Operation) -> Iterator[tuple[Hashable, Iterable[Seen]]]:
        listed = operation.answer["blocks"]
        if operation.answer["total"] == len(listed):
            yield self._stock(operation, None, listed)
        else:
            yield operation.about, ()

    def _stock(
        self, operation: Operation, told: tuple[Decimal, ...] | None, listed: list[dict[str, Any]] | None = None
    ) -> tuple[Hashable, list[Seen]]:
        """Returns the states that match the answer in all balances and, if it lists blocks, in all blocks."""
        assert operation.about is not None
        timeline = self.timelines[operation.about]
        seen: list[Seen] = []
        for number, low, high in timeline.states(*operation.window):
            if told is not None:
                on_hand, reserved, blocked = timeline.balances[number]
                if told[:2] != (on_hand, reserved) or told[3] != told[0] - told[1] - told[2]:
                    continue
                sums = timeline.expired(number, *_spans(operation, (low, high))).sums()
                if sums is not None and blocked - told[2] not in sums:
                    continue
            if listed is None or self._are_listed(timeline, number, _spans(operation, (low, high)), listed, told):
                seen.append((number, (low, high)))
        return operation.about, seen

    def _are_listed(
        self,
        timeline: Timeline,
        number: int,
        spans: tuple[Span, Span],
        listed: list[dict[str, Any]],
        told: tuple[Decimal, ...] | None,
    ) -> bool:
        held = timeline.held(number)
        total = ZERO
        for each in listed:
            block, quantity = held.get(each["block_id"]), Decimal(each["quantity"])
            if block is None or block.quantity != quantity:
                return False
            end = self.history.instant(parse_instant(each["expires_at"]))
            if all(abs(at - end) > CLOCKS_DIFFER for at in block.ends_at(*spans[0])):
                return False
            total += quantity
        missing = held.keys() - {each["block_id"] for each in listed}
        return (told is None or total == told[2]) and timeline.expired(number, *spans).may_be(missing)

    def _retail(self, operation: Operation, amount: Any) -> tuple[Hashable, Iterable[Seen]]:
        key = (operation.about, "retail")
        return key, self.prices[key].seen(operation.window, lambda rule: rule is not None and rule["amount"] == amount)

    def _price(self, operation: Operation) -> Iterator[tuple[Hashable, Iterable[Seen]]]:
        told = operation.answer["price"]
        key = (operation.about, told["price_type"])
        yield (
            key,
            self.prices[key].seen(
                operation.window,
                lambda rule: rule is not None and (rule["id"], rule["amount"]) == (told["id"], Decimal(told["amount"])),
            ),
        )
        promo = (operation.about, "promo")
        if told["price_type"] == "retail" and "price_type" not in operation.path and promo in self.prices:
            yield promo, self.prices[promo].seen(operation.window, lambda rule: rule is None)

    def _place(self, operation: Operation) -> Iterator[tuple[Hashable, Iterable[Seen]]]:
        """Yields the matching states of all products: the whole list must be from one instant."""
        place = operation.path.split("/")[4]
        told = {each["sku"]: Decimal(each["quantity"]) for each in operation.answer["stock"]}
        for product, timeline in self.timelines.items():
            quantity = told.pop(self.ledger.skus.get(product, ""), ZERO)
            if quantity or place in timeline.places():
                yield (
                    product,
                    [
                        (number, (low, high))
                        for number, low, high in timeline.states(*operation.window)
                        if timeline.at_place(number, place) == quantity
                    ],
                )
        if told:
            yield "no such product", ()

    def _cart(self, operation: Operation) -> Iterator[tuple[Hashable, Iterable[Seen]]]:
        """Yields the matching states of the products of the cart: the whole cart must be from one instant."""
        told = {each["block_id"]: each for each in operation.answer["blocks"]}
        of_product: dict[int, list[str]] = defaultdict(list)
        numbers = {id(timeline): product for product, timeline in self.timelines.items()}
        for block in self.carts.get(operation.owner, []):
            if block in self.blocks:
                of_product[numbers[id(self.blocks[block][0])]].append(block)
        if told.keys() - {block for blocks in of_product.values() for block in blocks}:
            yield "no such block", ()
        for product, blocks in of_product.items():
            yield (
                product,
                [
                    (number, (low, high))
                    for number, low, high in self.timelines[product].states(*operation.window)
                    if all(
                        self._is_shown(block, told.get(block), number, *_spans(operation, (low, high)))
                        for block in blocks
                    )
                ],
            )

    def _is_shown(self, number: str, told: dict[str, Any] | None, state: int, span: Span, clock: Span) -> bool:
        """Whether a list of that state has the block as it was told, or leaves it out if it was not."""
        timeline, block = self.blocks[number]
        is_held = number in timeline.held(state)
        ends = block.ends_at(*span)
        if told is None:
            return not is_held or min(ends) <= clock[1] + CLOCKS_DIFFER
        end = self.history.instant(parse_instant(told["expires_at"]))
        return (
            is_held
            and Decimal(told["quantity"]) == block.quantity
            and end > clock[0] - CLOCKS_DIFFER
            and any(abs(at - end) <= CLOCKS_DIFFER for at in ends)
        )

    # Refusals

    def _refusals(self) -> Check:
        check = Check("each refusal was true at an instant of its time")
        for operation in self.history.operations:
            if operation.outcome is Outcome.REFUSED:
                is_true = self._is_true(operation)
                if is_true is None:
                    self.unexplained[f"{operation.name}: {operation.code}"] += 1
                else:
                    check.expect(is_true, f"{operation.code}: {operation.line()}: {operation.raw[:300]!r}")
            elif operation.name == "orders" and operation.outcome is Outcome.ACKNOWLEDGED:
                for number, result in enumerate(operation.answer["results"]):
                    if result["status"] == "error":
                        check.expect(self._is_short(operation, number), f"order {number}: {operation.line()}")
            elif operation.name in ("extend", "extend cart") and operation.outcome is Outcome.ACKNOWLEDGED:
                was_active = all(self._was_active(operation, block) for block in extended(operation, self.carts))
                check.expect(was_active, f"extended after its end: {operation.line()}")
            if operation.name in ("extend cart", "convert cart") and operation.outcome is Outcome.ACKNOWLEDGED:
                check.expect(self._is_whole(operation), f"only a part of a cart: {operation.line()}")
        return check

    def _is_true(self, operation: Operation) -> bool | None:  # noqa: PLR0911, PLR0912 - one line per code
        """Whether the refusal was justified; None if no check covers it."""
        span = operation.window
        match operation.code:
            case "INSUFFICIENT_STOCK" if operation.name == "orders":
                return self._would_be_short(operation)
            case "INSUFFICIENT_STOCK" if operation.wants:
                told = _told(operation, "available")
                return any(self._is_wanting(want, self._states(want, span), told) for want in operation.wants)
            case "INSUFFICIENT_RESERVED":
                (want,), told = operation.wants, _told(operation, "reserved")
                reserved = (self.timelines[want.product].balances[n][1] for n, _, _ in self._states(want, span))
                return any(each < want.reserved and told in (None, each) for each in reserved)
            case "QUANTITY_CHANGED":
                (want,) = operation.wants
                timeline = self.timelines[want.product]
                return any(timeline.balances[n][0] != want.on_hand for n, _, _ in self._states(want, span))
            case "INSUFFICIENT_STOCK" if "allow_partial" in operation.body:
                return False
            case "BLOCK_CONVERTED" | "BLOCK_CANCELLED" | "BLOCK_EXPIRED" if operation.owner:
                return self._has_ended(operation)
            case "BLOCK_CONVERTED" | "BLOCK_CANCELLED" | "BLOCK_EXPIRED" if _block_id(operation) not in self.blocks:
                return False
            case "BLOCK_CONVERTED" | "BLOCK_CANCELLED":
                timeline, block = self.blocks[_block_id(operation)]
                kind = {"BLOCK_CONVERTED": "convert", "BLOCK_CANCELLED": "cancel"}[operation.code]
                return block.death == kind and timeline.versions.began[block.died or 0] <= span[1]
            case "BLOCK_EXPIRED":
                _, block = self.blocks[_block_id(operation)]
                return block.death in (None, "expire") and min(block.ends_at(*span)) <= span[1] + CLOCKS_DIFFER
            case "COUNT_OPEN":
                return self._is_being_counted(operation)
            case "RETURN_EXCEEDS_DEPARTURE":
                return self._has_come_back(operation)
            case "INFLOW_USED":
                return self._has_left(operation)
            case None if operation.name.startswith("block"):
                return self.history.instant(parse_instant(operation.body["expires_at"])) <= span[1] + CLOCKS_DIFFER
        return None

    def _states(self, want: Want, span: Span) -> Iterator[tuple[int, float, float]]:
        return self.timelines[want.product].states(*span)

    def _is_wanting(
        self,
        want: Want,
        states: Iterable[tuple[int, float, float]],
        told: Decimal | None = None,
        before: Iterable[Want] = (),
    ) -> bool:
        """Whether one of the states has too little for ``want``, after the changes of the orders ``before`` it.

        The quantity of expired blocks counts as available: a refusal because of them would lose a sale.
        """
        timeline = self.timelines[want.product]
        brought = [line for each in before if each.product == want.product for line in each.brings]
        more = sum((quantity for _, quantity in brought), ZERO)
        there = sum((quantity for place, quantity in brought if place == want.place), ZERO)
        for number, low, high in states:
            needed = want.available
            if want.place is not None:
                held = timeline.at_place(number, want.place) + there
                if held < want.held and told is None:
                    return True
                if want.counted is not None:
                    needed = held - want.counted
            on_hand, reserved, blocked = timeline.balances[number]
            sums = timeline.expired(number, (low, high), (low, high)).sums()
            if sums is None:
                return True
            available = [on_hand - reserved - blocked + more + each for each in sums]
            if needed > 0 and any(each < needed and told in (None, each) for each in available):
                return True
        return False

    def _would_be_short(self, operation: Operation) -> bool:
        """Whether the refusal of an atomic bulk order, because of one of its orders, was justified."""
        failed = int(operation.answer["detail"]["failed_index"])
        want = operation.wants[failed]
        told = _told(operation, "available")
        return self._is_wanting(want, self._states(want, operation.window), told, operation.wants[:failed])

    def _is_short(self, operation: Operation, failed: int) -> bool:
        """Whether the refusal of one order in a bulk order that is not atomic was justified.

        The states to look at are those between the orders before and after it, which are in the ledger.
        """
        want = operation.wants[failed]
        timeline = self.timelines[want.product]
        done = {str(r.get("operation_id")): n for n, r in enumerate(operation.answer["results"])}
        first, last = 0, len(timeline.changes)
        is_within = False
        for number, change in enumerate(timeline.changes, 1):
            # Skip blocks that the operation ended because they had expired: they belong to it, but are not orders.
            if change.operation is operation and change.movement["kind"] != "expire":
                is_within = True
                if done[change.movement["reference"]] < failed:
                    first = number
                else:
                    last = number - 1
                    break
        if not is_within:
            return self._is_wanting(want, self._states(want, operation.window))
        # It held the product's lock from its first order to its last. Other changes in between are its ended blocks.
        if first:
            end = first
            while end < last and timeline.changes[end].movement["kind"] == "expire":
                end += 1
            numbers = range(first, end + 1)
        else:
            begin = last
            while begin > 0 and timeline.changes[begin - 1].movement["kind"] == "expire":
                begin -= 1
            numbers = range(begin, last + 1)
        return self._is_wanting(want, ((number, *operation.window) for number in numbers))

    def _has_ended(self, operation: Operation) -> bool:
        """Whether the refusal of a call for a cart was justified: by a block that has expired, or by the newest one."""
        blocks = [self.blocks[number] for number in self.carts.get(operation.owner, []) if number in self.blocks]
        end = operation.window[1]
        if operation.code == "BLOCK_EXPIRED":
            return any(
                block.death in (None, "expire") and min(block.ends_at(*operation.window)) <= end + CLOCKS_DIFFER
                for _, block in blocks
            )
        kind = {"BLOCK_CONVERTED": "convert", "BLOCK_CANCELLED": "cancel"}[operation.code or ""]
        timeline, newest = blocks[-1]
        return newest.death == kind and timeline.versions.began[newest.died or 0] <= end

    def _is_whole(self, operation: Operation) -> bool:
        """Whether each block of the cart that the answer leaves out was converted or cancelled before."""
        left_out = set(self.carts.get(operation.owner, [])) - {each["block_id"] for each in operation.answer["blocks"]}
        gone = [self.blocks[number] for number in left_out if number in self.blocks]
        return all(
            block.death in ("convert", "cancel") and timeline.versions.began[block.died or 0] <= operation.window[1]
            for timeline, block in gone
        )

    def _was_active(self, operation: Operation, number: str) -> bool:
        if number not in self.blocks:
            return False
        timeline, block = self.blocks[number]
        start, end = operation.window
        is_there = block.died is None or timeline.versions.began_by[block.died] >= start
        earlier = [at for at, span in block.ends if span[1] <= end and span[0] < start]
        return is_there and max(earlier) > start - CLOCKS_DIFFER

    def _has_come_back(self, operation: Operation) -> bool:
        """Whether the sale's returned units and these are more than were sold.

        Only the client that made the sale returns its units, and it sends one request at a time.
        """
        sale = operation.path.split("/")[3]
        sold = next(o for o in self.history.operations if o.name == "sale" and _made_sale(o) == sale)
        returned = (
            Decimal(o.body["quantity"])
            for o in self.history.operations
            if o.path == operation.path and o.outcome is Outcome.ACKNOWLEDGED and o.window[0] < operation.window[1]
        )
        return sum(returned, Decimal(operation.body["quantity"])) > Decimal(sold.body["quantity"])

    def _has_left(self, operation: Operation) -> bool:
        """Whether some of the inflow's units may have been used before the answer."""
        timeline = self.timelines[operation.wants[0].product]
        number = operation.path.split("/")[4]
        movements = [change.movement for change in timeline.changes]
        arrivals = [m for m in movements if (m["kind"], m["reference"]) == ("inflow", number)]
        departures = {use for m in arrivals for use in self.ledger.uses[m["product"], m["id"]]}
        return any(
            began <= operation.window[1]
            for movement, began in zip(movements, timeline.versions.began[1:], strict=True)
            if movement["id"] in departures
        )

    def _is_being_counted(self, operation: Operation) -> bool:
        start, end = operation.window
        place = operation.body["location"]
        counts = {
            o.answer["count"]["id"]: o.window[0]
            for o in self.history.operations
            if o.name == "start count" and o.outcome is Outcome.ACKNOWLEDGED and o.body["location"] == place
        }
        ended = {
            int(o.path.split("/")[4]): o.window[1]
            for o in self.history.operations
            if o.name in ("close count", "cancel count") and o.outcome is Outcome.ACKNOWLEDGED
        }
        return any(began <= end and ended.get(number, end) >= start for number, began in counts.items())


def _made_sale(operation: Operation) -> str | None:
    return str(operation.answer["sale_item"]["id"]) if operation.outcome is Outcome.ACKNOWLEDGED else None


def _block_id(operation: Operation) -> str:
    return operation.path.split("/")[2]


def _told(operation: Operation, name: str) -> Decimal | None:
    """Returns the available or reserved quantity that the refusal states; None if it states none."""
    detail = operation.answer.get("detail")
    if isinstance(detail, dict) and name in detail:
        return Decimal(detail[name])
    found = re.search(rf"Only ([0-9.]+) {name}", operation.raw.decode())
    return Decimal(found[1]) if found else None


def _from(floors: dict[Hashable, int], seen: dict[Hashable, list[Seen]]) -> dict[Hashable, list[Seen]]:
    """What may have been seen, without the versions before the floors."""
    return {key: [(version, span) for version, span in each if version >= floors[key]] for key, each in seen.items()}


def _spans(operation: Operation, span: Span) -> tuple[Span, Span]:
    """The span whose ends of blocks a read may have seen, and the span of its look at the clock.

    ``span``: when the state that it saw was the current one. A standby shows it later, and blocks expire there by the
    clock, as they do on the primary.
    """
    if not operation.is_anywhere:
        return span, span
    last = operation.tries[-1]
    return (span[0], last.answered), (last.sent, last.answered)


def _have_an_instant(seen: dict[Hashable, list[Seen]]) -> bool:
    return bool(common([[span for _, span in each] for each in seen.values()]))


def _prices(history: History, ledger: Ledger) -> dict[Hashable, Prices]:
    made: dict[Any, Operation] = {}
    for operation in history.operations:
        if operation.outcome is Outcome.ACKNOWLEDGED:
            match operation.name:
                case "price":
                    made[operation.answer["price"]["id"]] = operation
                case "create sku":
                    made["first", ledger.product(operation.answer["sku_id"])] = operation
                case "create item" | "create product":
                    made["first", operation.answer["id"]] = operation
    rules: dict[Hashable, list[dict[str, Any]]] = defaultdict(list)
    spans: dict[Hashable, list[Span]] = defaultdict(list)
    makers: dict[Hashable, list[Operation | None]] = defaultdict(list)
    for rule in ledger.prices:
        key = (rule["product"], rule["type"])
        maker = made.get(rule["id"]) or (made.get(("first", rule["product"])) if not rules[key] else None)
        sent, answered = maker.window if maker else ALWAYS
        rules[key].append(rule)
        makers[key].append(maker)
        spans[key].append((max(sent, history.instant(rule["effective_from"]) - CLOCKS_DIFFER), answered))
    return {key: Prices(each, spans[key], makers[key]) for key, each in rules.items()}
