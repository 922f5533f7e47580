"""Compares the history with the database: each acknowledged change is there once, and no refused change is there."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter, defaultdict
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import simplejson

from soak.history import ZERO, History, Operation, Outcome
from soak.ledger import Ledger, Moved

if TYPE_CHECKING:
    from soak.world import World

SHOWN = 10  # number of violations that are printed for one check


@dataclasses.dataclass
class Check:
    """One check: ``count`` is the number of things that were checked, ``violations`` describes those that failed."""

    name: str
    count: int = 0
    violations: list[str] = dataclasses.field(default_factory=list)

    def expect(self, holds: bool, what: str) -> None:
        self.count += 1
        if not holds:
            self.violations.append(what)


def made(operation: Operation) -> list[tuple[str, str]]:  # noqa: PLR0911 - one line per kind
    """Returns (table, id) of each row that, by its answer, an acknowledged operation has created."""
    a, name = operation.answer, operation.name
    match name:
        case "block":
            return [("block", a["block_id"])]
        case "block several":
            return [("block", block["block_id"]) for block in a["blocks"]]
        case "sale" | "return":
            return [("sale", str(a["sale_item"]["id"]))]
        case "purchase":
            return [("purchase", str(a["purchase_item"]["id"]))]
        case "inflow" | "outflow":
            return [(name, str(a["id"]))]
        case "order":
            return [("order", str(a["operation_id"]))]
        case "orders":
            return [("order", str(result["operation_id"])) for result in a["results"] if result["status"] == "success"]
        case "close count":
            return [("order", str(line["operation_id"])) for line in a["count"]["lines"]]
        case "start count":
            return [("count", str(a["count"]["id"]))]
        case "create item" | "create product":
            return [("product", str(a["id"]))]
        case "price":
            return [("price", str(a["price"]["id"]))]
    return []


def check(history: History, ledger: Ledger) -> list[Check]:
    """Runs all checks that compare the history with the database."""
    done = [o for o in history.operations if o.outcome is Outcome.ACKNOWLEDGED]
    maybe = [o for o in history.operations if o.outcome is Outcome.MAYBE]
    return [
        _answers(history),
        *_movements(done, maybe, ledger),
        _rows(done, ledger),
        _conservation(done, maybe, ledger),
        _blocks(history, ledger),
        _available(ledger),
        _values(done, ledger),
        _verify(ledger),
    ]


def _answers(history: History) -> Check:
    check = Check("answers are the contract's, 503 the only 5xx")
    check.count = sum(len(o.tries) for o in history.operations)
    check.violations += history.violations
    check.violations += [f"no definite answer: {o.line()}" for o in history.operations if _is_undecided(o)]
    return check


def _is_undecided(operation: Operation) -> bool:
    return operation.is_write and operation.outcome in (Outcome.DOUBT, Outcome.PENDING)


def _movements(done: list[Operation], maybe: list[Operation], ledger: Ledger) -> list[Check]:
    once = Check("each acknowledged change is in the ledger once")
    never = Check("nothing else is in the ledger")
    wanted: Counter[Moved] = Counter()
    possible: Counter[Moved] = Counter()
    whose: dict[Moved, list[str]] = defaultdict(list)
    counts: dict[tuple[str, int, str | None], str] = {}
    for operations, into in ((done, wanted), (maybe, possible)):
        for operation in operations:
            for effect in operation.effects:
                if effect.on_hand is None:
                    counts[operation.actor, ledger.product(effect.product), effect.reference] = operation.line()
                    continue
                moved = ledger.as_moved(operation.actor, effect)
                into[moved] += 1
                whose[moved].append(operation.line())
    found: Counter[Moved] = Counter()
    of_counts: Counter[tuple[str, int, str | None]] = Counter()
    for movement in ledger.movements:
        moved = ledger.moved(movement)
        if movement["kind"] == "expire":
            continue
        if movement["kind"] == "count" and movement["reference"] is not None:
            # Of a cycle count or an order, whose answer does not say by how much.
            of_counts[moved[0], moved[1], moved[6]] += 1
        else:
            found[moved] += 1
    for moved, number in wanted.items():
        once.expect(found[moved] >= number, f"{_text(moved)}: {found[moved]} of {number}; {whose[moved][:3]}")
    for moved, number in found.items():
        most = wanted[moved] + possible[moved]
        never.expect(number <= most, f"{_text(moved)}: {number}, acknowledged {wanted[moved]}; {whose[moved][:3]}")
    for key, number in of_counts.items():
        never.expect(number == 1 and key in counts, f"count {key}: {number}; {counts.get(key)}")
    return [once, never]


def _text(moved: Moved) -> str:
    actor, product, kind, on_hand, reserved, blocked, reference = moved
    return f"{kind} of {actor}, product {product} ({on_hand:+}, {reserved:+}, {blocked:+}) reference {reference}"


def _rows(done: list[Operation], ledger: Ledger) -> Check:
    """All rows that answers name exist, and no other rows exist."""
    check = Check("what answers name is there, and no more")
    named: dict[str, Counter[str]] = {table: Counter() for table in ledger.ids}
    for operation in done:
        for table, number in made(operation):
            named[table][number] += 1
        if operation.name == "create sku":
            named["product"][str(ledger.products.get(operation.answer["sku_id"], "none"))] += 1
    for table, numbers in named.items():
        for number, times in numbers.items():
            check.expect(number in ledger.ids[table], f"{table} {number} was acknowledged, but does not exist")
            check.expect(times == 1, f"{table} {number} was the answer to {times} requests")
        if table != "price":  # a new product gets its first price without an answer that names it
            for number in ledger.ids[table] - numbers.keys():
                check.expect(False, f"{table} {number} exists, but no answer named it")
    return check


def _conservation(done: list[Operation], maybe: list[Operation], ledger: Ledger) -> Check:
    """Initial stock + acknowledged arrivals - acknowledged departures = on hand; likewise for reserved and blocked."""
    check = Check("units are conserved, by the answers alone")
    sums: dict[int, list[Decimal]] = defaultdict(lambda: [ZERO, ZERO, ZERO])

    def add(product: int, changes: tuple[Decimal, Decimal, Decimal]) -> None:
        for n, change in enumerate(changes):
            sums[product][n] += change

    for operation in done:
        for effect in operation.effects:
            if effect.on_hand is not None:
                add(ledger.product(effect.product), (effect.on_hand, effect.reserved, effect.blocked))
    # No answer tells of expired blocks, of what a count changed, or of requests without a key whose answer was lost:
    # take these changes from the ledger.
    told = Counter(ledger.as_moved(o.actor, e) for o in done for e in o.effects if e.on_hand is not None)
    possible = Counter(ledger.as_moved(o.actor, e) for o in maybe for e in o.effects if e.on_hand is not None)
    for movement in ledger.movements:
        moved = ledger.moved(movement)
        if told[moved] > 0:
            told[moved] -= 1
        elif movement["kind"] in ("expire", "count") or possible[moved] > 0:
            possible[moved] -= 1
            add(moved[1], moved[3:6])
    for product, balances in ledger.stock.items():
        wanted = tuple(sums[product])
        check.expect(wanted == balances, f"product {product}: by the answers {wanted}, in the database {balances}")
    return check


# The operations whose answers say when blocks end.
MAKE_OR_EXTEND = ("block", "block several", "extend", "extend cart")


def _blocks(history: History, ledger: Ledger) -> Check:
    check = Check("each block ends once, as its caller was told")
    ends: dict[str, list[tuple[str, dict[str, Any], Operation]]] = defaultdict(list)
    told: dict[str, set[str]] = defaultdict(set)
    ends_told: dict[str, set[datetime]] = defaultdict(set)
    for operation in history.operations:
        if operation.outcome is Outcome.ACKNOWLEDGED and operation.name in MAKE_OR_EXTEND:
            for each in operation.answer.get("blocks", [operation.answer]):
                ends_told[each["block_id"]].add(datetime.fromisoformat(each["expires_at"]))
        if operation.name in ("convert cart", "cancel cart") and operation.outcome is Outcome.ACKNOWLEDGED:
            for each in operation.answer["blocks"]:
                ends[each["block_id"]].append((operation.name.partition(" ")[0], each, operation))
        if operation.name not in ("convert", "cancel"):
            continue
        number = operation.path.split("/")[2]
        if operation.outcome is Outcome.ACKNOWLEDGED:
            ends[number].append((operation.name, operation.answer, operation))
        elif operation.code in ("BLOCK_CONVERTED", "BLOCK_CANCELLED"):
            told[number].add(operation.code.removeprefix("BLOCK_").lower())
    in_ledger = Counter(
        m["reference"] for m in ledger.movements if m["kind"] in ("convert", "cancel", "expire") and m["reference"]
    )
    for number, block in ledger.blocks.items():
        status, by = block["status"], ends[number]
        is_as_told = number not in ends_told or block["expires_at"] in ends_told[number]
        check.expect(is_as_told, f"block {number} ends at {block['expires_at']}, told were {ends_told[number]}")
        lines = [operation.line() for *_, operation in by]
        check.expect(len(by) <= 1, f"block {number} was ended {len(by)} times: {lines}")
        wanted = {"convert": "converted", "cancel": "cancelled"}[by[0][0]] if by else None
        check.expect((wanted or status) == status, f"block {number} is {status}, its caller was told {wanted}")
        if by and wanted == "converted":
            quantity = by[0][1]["quantity"]
            check.expect(Decimal(quantity) == block["converted"], f"block {number}: {quantity}, {block['converted']}")
        check.expect(
            bool(by) or status in ("active", "expired"), f"block {number} is {status}, and no caller has ended it"
        )
        check.expect(told[number] <= {status}, f"block {number} is {status}, others were told {told[number]}")
        check.expect(in_ledger[number] == (status != "active"), f"block {number} ends {in_ledger[number]} times")
        if status in ("converted", "cancelled"):
            check.expect(block["ended_at"] < block["expires_at"], f"block {number} ended after its time")
    return check


def _available(ledger: Ledger) -> Check:
    check = Check("available is never below 0")
    for movement in ledger.movements:
        check.expect(Decimal(movement["available"]) >= 0, f"movement {movement}")
    for product, (on_hand, reserved, blocked) in ledger.stock.items():
        check.expect(on_hand - reserved - blocked >= 0, f"product {product}")
    return check


def _values(done: list[Operation], ledger: Ledger) -> Check:
    check = Check("money: what came in is what left and what is there")
    for product, value, remaining, used in ledger.layers:
        known = (value or ZERO, (remaining or ZERO) + used)
        check.expect(known[0] == known[1], f"product {product}: {known[0]} came, {known[1]} left or is there")
    for operation in done:
        if operation.name == "purchase":
            item = operation.answer["purchase_item"]
            found = ledger.purchases.get(str(item["id"]))
            check.expect(found == Decimal(item["total_cost"]), f"{found}: {operation.line()}")
        elif operation.name in ("sale", "return"):
            item = operation.answer["sale_item"]
            cost = None if item["cost"] is None else Decimal(item["cost"])
            check.expect(ledger.sales.get(str(item["id"]), -1) == cost, f"cost {cost}: {operation.line()}")
    return check


def _verify(ledger: Ledger) -> Check:
    check = Check("maintenance.verify() is empty", len(ledger.movements))
    check.violations += [str(row) for row in ledger.differences]
    return check


def check_webhooks(history: History, world: World) -> Check:
    """Each acknowledged flow's event was delivered and signed, with one id per flow and one body per id."""
    check = Check("each flow's event was delivered, signed, under one id")
    receiver = world.receiver
    flows = {
        (f"{o.name}.created", int(o.answer["id"]))
        for o in history.operations
        if o.outcome is Outcome.ACKNOWLEDGED and o.name in ("inflow", "outflow")
    }
    ids: dict[tuple[str, int], set[str]] = defaultdict(set)
    for message, bodies in receiver.bodies.items():
        check.expect(len(bodies) == 1, f"{message} came with {len(bodies)} bodies")
        for body in bodies:
            event = simplejson.loads(body)
            if event["type"] == "stock.changed":
                continue
            ids[event["type"], event["data"]["id"]].add(message)
    for flow in flows:
        check.expect(len(ids[flow]) == 1, f"{flow}: {len(ids[flow])} messages")
    for flow in ids.keys() - flows:
        check.expect(False, f"{flow} was delivered, but no such flow was acknowledged")
    check.expect(receiver.forged == 0, f"{receiver.forged} messages with a bad signature")
    return check


def check_told(world: World, ledger: Ledger, until: datetime) -> Check:
    """A copy of the stock that the events stock.changed keep is the ledger as it was at that time."""
    check = Check("stock.changed tells each change once, with its balances")
    names = ("on_hand", "reserved", "blocked")
    told: dict[int, dict[int, tuple[Decimal, ...]]] = defaultdict(dict)
    for bodies in world.receiver.bodies.values():
        event = simplejson.loads(next(iter(bodies)), use_decimal=True)
        if event["type"] == "stock.changed":
            product, number = event["data"]["product"]["id"], event["data"]["number"]
            check.expect(number not in told[product], f"change {number} of product {product} was told twice")
            told[product][number] = tuple(Decimal(event["data"]["after"][name]) for name in names)
    written: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for movement in ledger.movements:
        written[movement["product"]].append(movement)
    for product, changes in told.items():
        movements = written[product]
        for number in range(min(changes), len(movements) + 1):
            movement = movements[number - 1]
            after = tuple(movement[f"{name}_after"] for name in names)
            is_late = number > max(changes) and (movement["kind"] == "expire" or movement["created_at"] > until)
            is_right = changes.get(number) == after or is_late
            check.expect(is_right, f"change {number} of product {product}: {changes.get(number)}, not {after}")
    return check


def check_logs(world: World) -> Check:
    """The servers logged no error, except that they could not start while the database was down."""
    check = Check("the servers' logs have no error")
    for server in world.servers:
        for line in server.log.read_text(errors="replace").splitlines():
            is_error = re.match(r"\S+ \S+ (ERROR|CRITICAL) ", line) is not None
            check.expect(not is_error or "cannot start" in line, f"server {server.number}: {line[:300]}")
    return check
