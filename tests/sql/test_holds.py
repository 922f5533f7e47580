"""What is held for an owner, a cart or an order: its blocks are set, extended, converted and cancelled together."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from tests.conftest import Database, InThread
from tests.sql.conftest import Call, Calls, Freeze, Refused
from tests.sql.test_blocks import detail, line

pytestmark = pytest.mark.usefixtures("verified")

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
MICROSECOND = timedelta(microseconds=1)
DEFAULT = 15 * MINUTE


class Cart:
    """Calls for one owner."""

    def __init__(self, database: Database, calls: Calls, owner: str = "cart 1") -> None:
        self.database, self.calls, self.owner = database, calls, owner

    def put(self, *items: tuple[int, Any], **named: Any) -> list[dict[str, Any]]:
        lines = [line(self.database, product, quantity) for product, quantity in items]
        return self.calls("set_hold", self.owner, lines, **named)

    def convert(self, **named: Any) -> list[dict[str, Any]]:
        return self.calls("convert_hold", self.owner, **named)

    def cancel(self, **named: Any) -> list[dict[str, Any]]:
        return self.calls("cancel_hold", self.owner, **named)

    def extend(self, expires_at: datetime | None, **named: Any) -> list[dict[str, Any]]:
        return self.calls("extend_hold", self.owner, expires_at, **named)

    def held(self) -> list[tuple[Any, ...]]:
        """(product, quantity) of what is still active, by the clock."""
        return self.database.rows(
            "select product_id, quantity from store.block as b"
            " where owner = %s and is_held and inventory.is_active_block(b, inventory.clock()) order by id",
            self.owner,
        )


@pytest.fixture
def cart(database: Database, calls: Calls) -> Cart:
    return Cart(database, calls)


@pytest.fixture
def other(database: Database, calls: Calls) -> Cart:
    return Cart(database, calls, "cart 2")


def mug_and_pot(database: Database, quantity: Any = 10) -> tuple[int, int]:
    return database.product("MUG", quantity), database.product("POT", quantity)


# A block's owner


def test_a_block_has_an_owner_or_none(database: Database, call: Call, calls: Calls) -> None:
    product = database.product(quantity=10)
    owned = call("create_block", product, 1, p_owner="Ωrder/7 ?")
    several = calls("create_blocks", [line(database, product, 2), line(database, product, 3)], p_owner="cart 1")
    free = call("create_block", product, 1)
    assert owned is not None
    assert free is not None
    assert (owned["owner"], owned["is_held"]) == ("Ωrder/7 ?", True)
    assert [(row["owner"], row["is_held"]) for row in several] == [("cart 1", True)] * 2
    assert (free["owner"], free["is_held"]) == (None, False)
    assert database.rows("select quantity, owner from report.blocks order by block_id") == [
        (1, "Ωrder/7 ?"),
        (2, "cart 1"),
        (3, "cart 1"),
        (1, None),
    ]


def test_a_block_belongs_to_its_owner_until_it_ends(database: Database, call: Call) -> None:
    product = database.product(quantity=10)
    for end, is_held in (("convert_block", False), ("cancel_block", False), ("extend_block", True)):
        block = call("create_block", product, 1, p_owner="cart 1")
        assert block is not None
        later = [block["expires_at"] + MINUTE] if end == "extend_block" else []
        ended = call(end, block["id"], *later)
        assert ended is not None
        assert (ended["owner"], ended["is_held"]) == ("cart 1", is_held)
        assert database.one("select is_held from store.block where id = %s", block["id"]) is is_held


@pytest.mark.parametrize(
    ("owner", "constraint"),
    [
        ("", "hold_owner_length"),
        ("x" * 65, "hold_owner_length"),
        (" a", "hold_owner_trimmed"),
        ("a ", "hold_owner_trimmed"),
        ("a\nb", "hold_owner_printable"),
        ("e\u0301", "hold_owner_nfc"),
    ],
)
def test_an_owner_is_a_code(
    database: Database, call: Call, cart: Cart, refused: Refused, owner: str, constraint: str
) -> None:
    product = database.product(quantity=10)
    cart.owner = owner
    with refused("23514", constraint):
        call("create_block", product, 1, p_owner=owner)
    with refused("23514", constraint):
        cart.put((product, 1))


# Setting


def test_a_cart_holds_what_it_is_set_to(database: Database, cart: Cart, freeze: Freeze) -> None:
    mug, pot = mug_and_pot(database)
    freeze(NOON)
    made = cart.put((pot, 2), (mug, 1), (pot, "0.5"), p_reason="checkout", p_actor="ann")
    assert [(row["product_id"], row["quantity"]) for row in made] == [(pot, Decimal("2.5")), (mug, 1)]
    assert {(row["reason"], row["created_by"], row["owner"]) for row in made} == {("checkout", "ann", "cart 1")}
    assert {row["expires_at"] for row in made} == {NOON + DEFAULT}
    assert database.stock(mug) == (10, 0, 1)
    assert database.stock(pot) == (10, 0, Decimal("2.5"))
    assert cart.put() == []
    assert database.rows("select status, count(*) from store.block group by 1") == [("cancelled", 2)]
    assert database.stock(pot) == (10, 0, 0)


def test_a_cart_counts_its_own_units_as_its_own(
    database: Database, cart: Cart, other: Cart, refused: Refused, freeze: Freeze
) -> None:
    """3 to 4 takes 1 more; and a cart that pays again is not blocked by itself."""
    mug = database.product("MUG", 4)
    freeze(NOON)
    (first,) = cart.put((mug, 3))
    freeze(NOON + MINUTE)
    (second,) = cart.put((mug, 4))
    assert second["id"] != first["id"]
    assert second["expires_at"] == NOON + MINUTE + DEFAULT
    assert (database.stock(mug), cart.held()) == ((4, 0, 4), [(mug, 4)])
    assert [row["id"] for row in cart.put((mug, 4))] == [second["id"]]
    with refused("IV001") as error:
        cart.put((mug, 5))
    assert detail(error) == {"available": 4, "requested": 5}
    with refused("IV001"):
        other.put((mug, 1))
    cart.put((mug, 2))
    other.put((mug, 2))
    with refused("IV001") as error:
        cart.put((mug, 3))
    assert detail(error) == {"available": 2, "requested": 3}


def test_what_stays_keeps_its_block_and_its_end(database: Database, cart: Cart, freeze: Freeze) -> None:
    mug, pot = mug_and_pot(database)
    freeze(NOON)
    first, gone = cart.put((mug, 3), (pot, 1))
    freeze(NOON + MINUTE)
    kept, new = cart.put((mug, 3), (pot, 2), p_reason="more")
    assert kept == first
    assert (new["reason"], new["created_at"], new["expires_at"]) == ("more", NOON + MINUTE, NOON + MINUTE + DEFAULT)
    assert database.rows("select status, ended_at, ended_reason from store.block where id = %s", gone["id"]) == [
        ("cancelled", NOON + MINUTE, "more")
    ]
    assert database.rows("select kind, count(*) from store.movement where kind <> 'initial' group by 1 order by 1") == [
        ("block", 3),
        ("cancel", 1),
    ]


def test_with_an_end_all_blocks_have_it(
    database: Database, cart: Cart, freeze: Freeze, refused: Refused, subtests: pytest.Subtests
) -> None:
    mug, pot = mug_and_pot(database)
    freeze(NOON)
    cart.put((mug, 3))
    made = cart.put((mug, 3), (pot, 1), p_expires_at=NOON + HOUR, p_actor="ann")
    assert {row["expires_at"] for row in made} == {NOON + HOUR}
    assert database.rows("select subject, action, before, after, actor from store.audit where subject = 'block'") == [
        (
            "block",
            "change",
            {"expires_at": "2030-01-01T12:15:00Z"},
            {"expires_at": "2030-01-01T13:00:00Z"},
            "ann",
        )
    ]
    freeze(NOON + MINUTE)
    for end in (NOON, NOON + MINUTE, NOON + timedelta(days=30) + MICROSECOND, "infinity"):
        # The last end but one would do for a new block: one that stays lasts no longer than from its creation.
        with subtests.test(end=end), refused("22023") as error:
            cart.put((mug, 3), p_expires_at=end)
        assert detail(error)["field"] == "expires_at"
    assert len(cart.put((mug, 3), p_expires_at=NOON + timedelta(days=30))) == 1


def test_several_blocks_of_a_sku_become_one(database: Database, cart: Cart, calls: Calls) -> None:
    mug = database.product("MUG", 6)
    lines = [line(database, mug, quantity) for quantity in (1, 2, 2)]
    blocks = calls("create_blocks", lines, p_owner="cart 1")
    (kept,) = cart.put((mug, 2))
    assert kept["id"] == blocks[1]["id"], "the oldest that has the quantity"
    assert database.stock(mug) == (6, 0, 2)
    calls("create_blocks", [line(database, mug, 4)], p_owner="cart 1")
    (new,) = cart.put((mug, 6))
    assert new["id"] not in [block["id"] for block in blocks]
    assert database.stock(mug) == (6, 0, 6)


def test_a_cart_is_set_all_or_none(
    database: Database, cart: Cart, calls: Calls, refused: Refused, subtests: pytest.Subtests
) -> None:
    mug, pot = mug_and_pot(database)
    bare = database.one("select id from inventory.register_product('BARE', 'Bare')")
    archived = database.product("OLD", 10)
    cart.put((mug, 2), (archived, 2))
    database.admin.execute("update store.stock set status = 'archived' where product_id = %s", [archived])
    unknown = "(00000000-0000-0000-0000-000000000000,1)"
    for sqlstate, items in {
        "IV001": [line(database, mug, 1), line(database, pot, 11)],
        "IV003": [line(database, mug, 1), unknown],
        "IV010": [line(database, mug, 1), line(database, archived, 1)],
        "IV019": [line(database, mug, 1), line(database, bare, 1)],
        "22004": [line(database, mug, 1), line(database, pot, "")],
    }.items():
        for partial in (False, True):
            with subtests.test(sqlstate=sqlstate, partial=partial):
                if partial and sqlstate == "IV001":
                    continue
                with refused(sqlstate):
                    calls("set_hold", "cart 1", items, p_allow_partial=partial)
    for partial in (False, True):
        assert len(cart.put((mug, 1), (archived, 2), p_allow_partial=partial)) == 2, "what stays is no new block"
    with refused("22004"):
        calls("set_hold", "cart 1", None)
    with refused("22004"):
        calls("set_hold", None, [])
    with refused("23514", "hold_lines_count"):
        cart.put(*[(mug, 1)] * 101)
    assert len(cart.put(*[(mug, "0.1")] * 100)) == 1


def test_carts_do_not_touch_each_other(database: Database, cart: Cart, other: Cart, call: Call) -> None:
    mug = database.product("MUG", 10)
    free = call("create_block", mug, 1)
    assert free is not None
    other.put((mug, 2))
    cart.put((mug, 3))
    cart.put((mug, 4))
    cart.cancel()
    cart.put()
    assert (cart.held(), other.held()) == ([], [(mug, 2)])
    assert database.stock(mug) == (10, 0, 3)


# Partial fulfilment


def test_in_part_a_cart_gets_what_there_is(
    database: Database, cart: Cart, other: Cart, call: Call, freeze: Freeze
) -> None:
    mug, pot = mug_and_pot(database, 5)
    freeze(NOON)
    call("create_block", mug, 1, p_expires_at=NOON + MINUTE)
    other.put((mug, 2), (pot, 5))
    partial = {"p_allow_partial": True}
    (first,) = cart.put((mug, 9), (pot, 1), **partial)
    assert (first["product_id"], first["quantity"]) == (mug, 2)
    assert [row["id"] for row in cart.put((mug, 9), **partial)] == [first["id"]], "it holds all that there is"
    freeze(NOON + MINUTE)
    assert [row["quantity"] for row in cart.put((mug, 9), **partial)] == [3], "and what has expired meanwhile"
    other.put((pot, "4.25"))
    assert [row["quantity"] for row in cart.put((pot, 1), (mug, 2), **partial)] == [Decimal("0.75"), 2]
    assert cart.put((pot, "0.5"), **partial)[0]["quantity"] == Decimal("0.5"), "no more than is wanted"


def test_lines_get_in_part_what_there_is_in_their_order(
    database: Database, calls: Calls, refused: Refused, subtests: pytest.Subtests
) -> None:
    mug, pot = mug_and_pot(database, 5)
    lines = [line(database, mug, 3), line(database, pot, 9), line(database, mug, 4), line(database, mug, 1)]
    made = calls("create_blocks", lines, p_allow_partial=True)
    assert [(row["product_id"], row["quantity"]) for row in made] == [(mug, 3), (pot, 5), (mug, 2)]
    assert calls("create_blocks", lines, p_allow_partial=True) == []
    with refused("22004"):
        calls("create_blocks", [line(database, mug, "")], p_allow_partial=True)
    database.admin.execute("update store.stock set status = 'inactive' where product_id = %s", [mug])
    for sqlstate, items in {"IV010": lines, "IV003": [*lines, "(00000000-0000-0000-0000-000000000000,1)"]}.items():
        with subtests.test(sqlstate), refused(sqlstate):
            calls("create_blocks", items, p_allow_partial=True)


# Extending, converting and cancelling


def test_a_cart_is_extended_as_a_whole(database: Database, cart: Cart, freeze: Freeze, refused: Refused) -> None:
    mug, pot = mug_and_pot(database)
    freeze(NOON)
    cart.put((mug, 3))
    freeze(NOON + MINUTE)
    cart.put((mug, 3), (pot, 1))
    before = cart.held()
    extended = cart.extend(NOON + HOUR, p_actor="ann")
    assert [(row["product_id"], row["expires_at"]) for row in extended] == [(mug, NOON + HOUR), (pot, NOON + HOUR)]
    assert cart.held() == before
    assert database.rows("select actor, product_id from store.audit where subject = 'block' order by id") == [
        ("ann", mug),
        ("ann", pot),
    ]
    for end in (NOON + MINUTE, NOON + timedelta(days=30) + MICROSECOND):
        # Too late for the older of the two only.
        with refused("22023"):
            cart.extend(end)
    with refused("22004"):
        cart.extend(None)


def test_a_cart_is_converted_as_a_whole(database: Database, cart: Cart, freeze: Freeze) -> None:
    mug, pot = mug_and_pot(database)
    freeze(NOON)
    made = cart.put((pot, 3), (mug, 1))
    converted = cart.convert(p_reason="paid", p_actor="ann")
    assert [(row["id"], row["status"], row["converted_quantity"]) for row in converted] == [
        (made[0]["id"], "converted", 3),
        (made[1]["id"], "converted", 1),
    ]
    assert {(row["ended_reason"], row["ended_by"], row["ended_at"]) for row in converted} == {("paid", "ann", NOON)}
    assert (database.stock(mug), database.stock(pot)) == ((9, 0, 0), (7, 0, 0))


def test_a_cart_is_cancelled_as_a_whole(database: Database, cart: Cart) -> None:
    mug, pot = mug_and_pot(database)
    assert cart.cancel() == []
    made = cart.put((pot, 3), (mug, 1))
    cancelled = cart.cancel(p_reason="left", p_actor="ann")
    assert [(row["id"], row["status"]) for row in cancelled] == [(row["id"], "cancelled") for row in made]
    assert {(row["ended_reason"], row["ended_by"]) for row in cancelled} == {("left", "ann")}
    assert (database.stock(mug), database.stock(pot)) == ((10, 0, 0), (10, 0, 0))
    assert cart.cancel() == []


def test_what_holds_nothing_is_refused_by_its_newest_block(
    database: Database, cart: Cart, call: Call, refused: Refused, freeze: Freeze, subtests: pytest.Subtests
) -> None:
    mug = database.product("MUG", 10)
    freeze(NOON)

    def ends_as(sqlstate: str) -> None:
        with subtests.test(sqlstate):
            with refused(sqlstate):
                cart.convert()
            with refused(sqlstate):
                cart.extend(NOON + 2 * HOUR)

    ends_as("IV004")
    cart.put((mug, 1))
    cart.convert()
    ends_as("IV007")
    freeze(NOON + MICROSECOND)
    cart.put((mug, 1))
    cart.cancel()
    ends_as("IV008")
    freeze(NOON + MINUTE)
    cart.put((mug, 1))
    freeze(NOON + MINUTE + DEFAULT)
    ends_as("IV006")
    cart.put()
    ends_as("IV006")
    freeze(NOON + MINUTE)
    ends_as("IV006")  # a clock that goes back revives nothing
    freeze(NOON + HOUR)
    call("maintenance.expire_blocks", role="inventory_maintenance")
    ends_as("IV006")


# Expired blocks


@pytest.mark.parametrize("is_swept", [False, True], ids=["not ended", "ended"])
def test_no_part_of_a_cart_is_taken_silently(
    database: Database, cart: Cart, call: Call, refused: Refused, freeze: Freeze, is_swept: bool
) -> None:
    mug, pot = mug_and_pot(database)
    freeze(NOON)
    cart.put((mug, 1), p_expires_at=NOON + MINUTE)
    call("create_block", pot, 2, p_expires_at=NOON + HOUR, p_owner="cart 1")
    freeze(NOON + MINUTE)
    if is_swept:
        call("maintenance.expire_blocks", role="inventory_maintenance")
    for _ in range(2):
        with refused("IV006"):
            cart.convert()
        with refused("IV006"):
            cart.extend(NOON + 2 * HOUR)
    assert cart.held() == [(pot, 2)]
    assert [row["quantity"] for row in cart.put((pot, 2))] == [2]
    assert [row["product_id"] for row in cart.convert()] == [pot]


def test_cancelling_takes_note_of_what_has_expired(database: Database, cart: Cart, freeze: Freeze) -> None:
    mug, pot = mug_and_pot(database)
    freeze(NOON)
    cart.put((mug, 1), (pot, 1))
    freeze(NOON + DEFAULT)
    assert cart.cancel() == []
    cart.calls("create_block", pot, 1, p_owner="cart 1")
    assert [row["product_id"] for row in cart.convert()] == [pot]


@pytest.mark.parametrize("end", ["convert", "extend"])
def test_a_block_made_since_stands_in_the_place_of_one_that_has_expired(
    database: Database, cart: Cart, call: Call, refused: Refused, freeze: Freeze, end: str
) -> None:
    mug, pot = mug_and_pot(database)
    freeze(NOON)
    cart.put((mug, 1), (pot, 1), p_expires_at=NOON + MINUTE)
    freeze(NOON + MICROSECOND)
    call("create_block", mug, 2, p_expires_at=NOON + HOUR, p_owner="cart 1")
    freeze(NOON + MINUTE)

    def finish() -> list[dict[str, Any]]:
        return cart.convert() if end == "convert" else cart.extend(NOON + 2 * HOUR)

    with refused("IV006"):
        finish()
    call("create_block", pot, 1, p_owner="cart 1")
    with refused("IV006"):
        finish()  # the mugs of before are no successors of the mug that has expired
    call("create_block", mug, 1, p_owner="cart 1")
    assert sorted((row["product_id"], row["quantity"]) for row in finish()) == [(mug, 1), (mug, 2), (pot, 1)]
    if end == "extend":
        for block, product in database.rows("select id, product_id from store.block where is_held order by id"):
            if product == mug:
                call("cancel_block", block)
        assert [row["product_id"] for row in cart.convert()] == [pot], "what was replaced once is not missed again"


def test_a_cart_that_expired_is_set_anew(database: Database, cart: Cart, other: Cart, freeze: Freeze) -> None:
    mug = database.product("MUG", 3)
    freeze(NOON)
    cart.put((mug, 3))
    freeze(NOON + DEFAULT)
    other.put((mug, 1))
    freeze(NOON + DEFAULT + MICROSECOND)
    cart.put((mug, 2))
    assert database.rows("select status, is_held, quantity from store.block order by id") == [
        ("expired", False, 3),
        ("active", True, 1),
        ("active", True, 2),
    ]


# Time that passes during a call


CLOCK_OF_LOOKS = """
create sequence store.look;
alter sequence store.look owner to inventory_owner;
create or replace function inventory.clock()
returns timestamptz
language plpgsql stable parallel safe security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return timestamptz '{before}'
        + case when nextval('store.look') > {looks} then interval '1 microsecond' else interval '0' end;
end;
$$;
"""


def expires_after(database: Database, end: datetime, looks: int) -> None:
    """So many looks at the clock see the last microsecond before the end, later ones the end."""
    database.admin.execute("drop sequence if exists store.look")
    database.admin.execute(CLOCK_OF_LOOKS.format(before=(end - MICROSECOND).isoformat(), looks=looks).encode())


def outcome(function: Callable[[], Any]) -> str | None:
    """The SQLSTATE of its refusal; None where it succeeds."""
    try:
        function()
    except psycopg.Error as error:
        return error.sqlstate
    return None


@pytest.mark.parametrize("looks", range(8))
def test_a_block_that_expires_during_a_call_has_ended_before_it_or_after_it(
    database: Database, cart: Cart, call: Call, freeze: Freeze, looks: int
) -> None:
    mug, pot = mug_and_pot(database, 4)
    freeze(NOON)
    cart.put((mug, 3), (pot, 1))
    end = NOON + DEFAULT
    expires_after(database, end, looks)
    cart.put((mug, 4), p_expires_at=end + HOUR)
    freeze(end)
    assert cart.held() == [(mug, 4)]
    assert database.rows("select count(*) from store.block where is_held") == [(1,)]
    expires_after(database, end + HOUR, looks)
    sqlstate = outcome(cart.convert)
    assert (sqlstate, database.stock(mug)) in ((None, (0, 0, 0)), ("IV006", (4, 0, 4)))
    freeze(end)
    database.verify()


@pytest.mark.parametrize("looks", range(8))
def test_a_block_that_expires_while_it_is_cancelled_is_cancelled_or_has_expired(
    database: Database, cart: Cart, freeze: Freeze, looks: int
) -> None:
    mug, pot = mug_and_pot(database, 4)
    freeze(NOON)
    cart.put((mug, 3), (pot, 1))
    expires_after(database, NOON + DEFAULT, looks)
    cancelled = cart.cancel()
    freeze(NOON + DEFAULT)
    assert len(cancelled) == database.one("select count(*) from store.block where status = 'cancelled'")
    assert database.rows("select from store.block where is_held") == []
    assert cart.put((mug, 4), (pot, 4)) != []


@pytest.mark.parametrize("looks", range(9))
def test_a_block_that_expires_while_it_is_kept_and_extended_is_not_revived(
    database: Database, cart: Cart, freeze: Freeze, looks: int
) -> None:
    mug = database.product("MUG", 4)
    freeze(NOON)
    (old,) = cart.put((mug, 3))
    end = NOON + DEFAULT
    expires_after(database, end, looks)
    sqlstate = outcome(lambda: cart.put((mug, 3), p_expires_at=end + HOUR))
    freeze(end)
    state = database.rows("select id, expires_at from store.block where is_held")
    if sqlstate is None:
        ((now, ends),) = state
        old_status = database.one("select status from store.block where id = %s", old["id"])
        assert ((now == old["id"]), ends) == ((old_status == "active"), end + HOUR)
    else:
        assert (sqlstate, state) == ("40001", [(old["id"], end)])


def test_a_repaired_block_is_held_only_while_it_may_be(database: Database, cart: Cart, call: Call) -> None:
    mug, pot = mug_and_pot(database)
    cart.put((mug, 1))
    cart.cancel()
    cart.put((mug, 2), (pot, 3))
    for damage in (
        "status = 'active', ended_at = null, is_held = true where status = 'cancelled'",
        "status = 'expired', ended_at = now() where status = 'active'",
    ):
        database.admin.execute(f"update store.block set {damage}".encode())
    for product in (mug, pot):
        database.one("select count(*) from maintenance.repair(%s, 'damage')", product)
    database.verify()
    assert cart.held() == [(mug, 2), (pot, 3)]
    assert len(cart.convert()) == 2


# Locks


def test_calls_for_one_owner_take_turns(database: Database, cart: Cart, in_thread: type[InThread]) -> None:
    mug, pot = mug_and_pot(database)
    one, two = database.connect("inventory_operator"), database.connect("inventory_operator")
    with one.transaction():
        one.execute("select inventory.set_hold('cart 1', %s)", [[line(database, mug, 1)]])
        waiting = in_thread(lambda: two.execute("select inventory.set_hold('cart 1', %s)", [[line(database, pot, 1)]]))
        database.wait_until_blocked(two)
    waiting.result()
    assert cart.held() == [(pot, 1)]


def test_a_block_of_another_product_made_meanwhile_is_not_overlooked(
    database: Database, cart: Cart, in_thread: type[InThread]
) -> None:
    """The call is undone, for it must not lock that product after others; the server makes it again."""
    mug, pot = mug_and_pot(database)
    cart.put((pot, 1))
    one, two = database.connect("inventory_operator"), database.connect("inventory_operator")
    with one.transaction():
        one.execute("select inventory.add_stock(%s, 1)", [pot])
        one.execute("select inventory.create_block(%s, 2, p_owner => 'cart 1')", [mug])
        waiting = in_thread(lambda: two.execute("select inventory.convert_hold('cart 1')"))
        database.wait_until_blocked(two)
    with pytest.raises(psycopg.Error) as error:
        waiting.result()
    assert error.value.sqlstate == "40001"
    assert [row["product_id"] for row in cart.convert()] == [pot, mug]
