"""Bugs that are planted on purpose, to show that the checks find them.

    python -m soak --planted "a torn read" --seconds 4 --faults none

A bug is a changed function in the run's own database, a change of the answers that the clients get, or a change of the
ledger after the run. A run with a planted bug must end with status 1 and name a check of ``found_by``.
"""

from __future__ import annotations

import dataclasses
import time
from collections import defaultdict
from collections.abc import Callable

import psycopg

from soak.clients import Alters

READS = "each read is what was there at an instant of its time"
BACK = "nobody sees time go back"
POSITIONS = "no read is older than its position"
REFUSALS = "each refusal was true at an instant of its time"
ORDER = "answered before sent is earlier in the ledger"
AT_ONCE = "changes of several products have one instant for all"
ONCE = "each acknowledged change is in the ledger once"
NEVER = "nothing else is in the ledger"
NAMED = "what answers name is there, and no more"
BLOCKS = "each block ends once, as its caller was told"
AVAILABLE = "available is never below 0"
MONEY = "money: what came in is what left and what is there"
FEED = "a reader of the change feed has each change once, in order"
CONTRACT = "answers are the contract's, 503 the only 5xx"

CACHE_SECONDS = 0.05


@dataclasses.dataclass(frozen=True)
class Planted:
    """A planted bug. ``body`` replaces that of ``function``; the original is moved to the schema ``planted``.

    ``before``: statements that run before that. ``alters``: replaces the answers to reads. ``after``: a statement that
    changes the ledger at the end. ``late``: the delay in seconds before clients get the answer to a write.
    ``products``, ``answers``: the numbers of both with which a run shows the bug. ``world``: the only one that has it.
    """

    found_by: frozenset[str]
    function: str | None = None
    body: str = ""
    before: str = ""
    alters: Callable[[], Alters] | None = None
    after: str | None = None
    late: float = 0.0
    products: int = 3  # few, so that the clients affect each other
    answers: int = 800
    world: str = "plain"

    def plant(self, conninfo: str) -> None:
        """Change the function of the database."""
        if self.function is None:
            return
        schema, name = self.function.split(".")
        with psycopg.connect(conninfo) as connection:
            connection.execute(PLANTED)
            connection.execute(self.before.encode())
            row = connection.execute(HEADER, [schema, name]).fetchone()
            assert row is not None
            header, signature, grantees = row
            connection.execute(f"alter function {signature} set schema planted".encode())
            connection.execute(f"{header}AS $planted$\n{self.body}\n$planted$".encode())
            connection.execute(f"alter function {signature} owner to inventory_owner".encode())
            for grantee in grantees:
                connection.execute(f"grant execute on function {signature} to {grantee}".encode())


# A function's definition up to its body, its signature, and the roles that may call it.
HEADER = """
select split_part(pg_get_functiondef(p.oid), 'AS $function$', 1), p.oid::regprocedure::text, array(
    select a.grantee::regrole::text from aclexplode(p.proacl) as a where a.privilege_type = 'EXECUTE' and a.grantee <> 0
)
from pg_proc as p
where p.pronamespace = %s::regnamespace and p.proname = %s
"""

PLANTED = """
create schema planted authorization inventory_owner;
grant usage on schema planted to public;
-- A product's balances as they were at some time before now.
create function planted.stock_before(p_product_id bigint, p_ago interval)
returns store.movement
language sql stable security definer
return (
    select m from store.movement as m
    where m.product_id = p_product_id and m.created_at <= clock_timestamp() - p_ago
    order by m.id desc
    limit 1
);
alter function planted.stock_before(bigint, interval) owner to inventory_owner;
"""


def _cache() -> Alters:
    """Returns a function that answers from a cache: for CACHE_SECONDS, the same path gets the same answer."""
    kept: dict[str, tuple[float, bytes]] = defaultdict(lambda: (0.0, b""))

    def alter(path: str, raw: bytes) -> bytes:
        at, cached = kept[path]
        if time.monotonic() < at + CACHE_SECONDS:
            return cached
        kept[path] = (time.monotonic(), raw)
        return raw

    return alter


# The answer of API 2, with the balances after an earlier movement m.
_ITEM_OF = """
declare
    v_item constant jsonb := planted.get_inventory_item(p_id);
    m constant store.movement := planted.stock_before((v_item ->> 'id')::bigint, {ago});
begin
    if m.id is null then
        return v_item;
    end if;
    return v_item || jsonb_build_object(
        'onHandStock', trim_scale(m.on_hand_after), {others}
    );
end;
"""
_ALL_OF_IT = """
        'reservedStock', trim_scale(m.reserved_after), 'blockedStock', trim_scale(m.blocked_after),
        'availableStock', trim_scale(m.on_hand_after - m.reserved_after - m.blocked_after)
"""

FAULTS: dict[str, Planted] = {
    "a read from a cache of 50 ms": Planted(frozenset({READS}), alters=_cache),
    "a read from a standby that lags 150 ms": Planted(
        frozenset({READS}),
        "http.get_inventory_item",
        _ITEM_OF.format(ago="interval '150 ms'", others=_ALL_OF_IT),
    ),
    "a read from a standby older than its position": Planted(
        frozenset({POSITIONS}), "inventory.wait_for", "begin return true; end;", world="failover"
    ),
    "a client that sees time go back": Planted(
        frozenset({BACK}),
        "http.get_inventory_item",
        _ITEM_OF.format(ago="random() * interval '60 ms'", others=_ALL_OF_IT),
        # The delay makes the time of each change so uncertain that each single read could be true.
        late=0.1,
    ),
    "a torn read": Planted(
        frozenset({READS}),
        "http.get_inventory_item",
        _ITEM_OF.format(ago="interval '50 ms'", others="'torn', true"),
    ),
    "available computed before the lock": Planted(
        frozenset({AVAILABLE}),
        "inventory.post",
        """
declare
    v_line constant inventory.posting := p_lines[1];
    v_before store.stock;
    v_stock store.stock;
    v_movement store.movement;
    v_posted inventory.posted;
begin
    select * into v_before from store.stock as s where s.product_id = v_line.product_id;
    if
        v_line.kind is distinct from 'reserve'
        or cardinality(p_lines) > 1
        or v_before.on_hand - v_before.reserved - v_before.blocked >= v_line.quantity is not true
    then
        return planted.post(p_lines);
    end if;
    perform pg_sleep(0.05);
    update store.stock as s
    set reserved = s.reserved + v_line.quantity, last_number = s.last_number + 1, updated_at = inventory.clock()
    where s.product_id = v_line.product_id
    returning * into v_stock;
    v_before := v_stock;
    v_before.reserved := v_before.reserved - v_line.quantity;
    v_movement := inventory.new_movement('reserve', v_before, v_stock, null, null, v_line.actor, v_stock.updated_at);
    insert into store.movement select (m).* from (select v_movement as m) as n;
    v_posted.movement := v_movement;
    return array[v_posted];
end;
""",
        before="""
create function planted.drop_checks() returns void language plpgsql as $$
declare
    v_check record;
begin
    for v_check in
        select c.conrelid::regclass as relation, c.conname from pg_constraint as c
        where c.contype = 'c' and c.conrelid in ('store.stock'::regclass, 'store.movement'::regclass)
    loop
        execute format('alter table %s drop constraint %I', v_check.relation, v_check.conname);
    end loop;
end;
$$;
select planted.drop_checks();
""",
    ),
    "two movements swapped": Planted(
        frozenset({ORDER}),
        # Swaps two reservations of the same product that were far apart in time.
        after="""
with pair as (
    select m.product_id, m.id as first_id, n.id as second_id, m.actor as first_actor, n.actor as second_actor,
        m.reserved_before as start, m.reserved_before + n.reserved_after - n.reserved_before as middle
    from store.movement as m
    inner join lateral (
        select * from store.movement as l where l.product_id = m.product_id and l.id > m.id order by l.id limit 1
    ) as n on true
    where m.kind = 'reserve' and n.kind = 'reserve'
        and n.reserved_after - n.reserved_before <> m.reserved_after - m.reserved_before
    order by n.created_at - m.created_at desc
    limit 1
)
update store.movement as t
set actor = case when t.id = p.first_id then p.second_actor else p.first_actor end,
    reserved_before = case when t.id = p.first_id then p.start else p.middle end,
    reserved_after = case when t.id = p.first_id then p.middle else t.reserved_after end
from pair as p
where t.product_id = p.product_id and t.id in (p.first_id, p.second_id)
""",
        products=60,  # many, so that the time between two changes of a product is longer than an answer takes
    ),
    "a refusal without cause": Planted(
        frozenset({REFUSALS}),
        "inventory.post",
        """
declare
    v_lines inventory.posting [] := p_lines;
    v_posted inventory.posted [];
begin
    for i in 1..cardinality(p_lines) loop
        if p_lines[i].kind = 'reserve' and random() < 0.1 then
            v_lines[i].kind := null;
        end if;
    end loop;
    v_posted := planted.post(v_lines);
    for i in 1..cardinality(p_lines) loop
        if p_lines[i].kind is distinct from v_lines[i].kind then
            v_posted[i] := inventory.not_enough_available(
                coalesce((inventory.balances_of(p_lines[i].product_id)).available, 0), p_lines[i].quantity
            );
        end if;
    end loop;
    return v_posted;
end;
""",
    ),
    "a lost write": Planted(
        frozenset({ONCE}),
        "inventory.post",
        """
declare
    v_lines inventory.posting [] := p_lines;
begin
    for i in 1..cardinality(p_lines) loop
        if p_lines[i].kind = 'add' and p_lines[i].location_id is null and random() < 0.3 then
            v_lines[i].kind := null;
        end if;
    end loop;
    return planted.post(v_lines);
end;
""",
    ),
    "a doubled write": Planted(
        frozenset({NEVER}),
        "inventory.post",
        """
declare
    v_posted constant inventory.posted [] := planted.post(p_lines);
begin
    for i in 1..cardinality(p_lines) loop
        if p_lines[i].kind = 'add' and p_lines[i].location_id is null and random() < 0.3 then
            perform planted.post(array[p_lines[i]]);
        end if;
    end loop;
    return v_posted;
end;
""",
    ),
    "half of a multi-line block": Planted(
        frozenset({NAMED}),
        "http.create_blocks",
        """
declare
    v_made constant jsonb := planted.create_blocks(
        p_items[1:1], p_reason, p_expires_at, p_actor, p_owner, p_allow_partial
    );
    v_others constant inventory.block_line [] := p_items;
    v_block jsonb := v_made -> 'blocks' -> 0;
    v_blocks jsonb := v_made -> 'blocks';
begin
    if v_block is null then  -- the first line may be partial, and held nothing
        return v_made;
    end if;
    for i in 2..cardinality(v_others) loop
        v_blocks := v_blocks || (v_block || jsonb_build_object(
            'block_id', gen_random_uuid(), 'sku_id', v_others[i].sku_id, 'quantity', v_others[i].quantity
        ));
    end loop;
    return jsonb_build_object('blocks', v_blocks, 'total', cardinality(v_others));
end;
""",
    ),
    "a block that outlives its end by a second": Planted(
        frozenset({READS, REFUSALS}),
        "inventory.expired_quantity",
        "begin\n    return planted.expired_quantity(p_product_id, p_at - interval '1 s');\nend;",
    ),
    "a block that is converted after its end": Planted(
        frozenset({BLOCKS}),
        "inventory.post",
        """
begin
    update store.block as b set expires_at = inventory.clock() + interval '1 s'
    where
        b.id in (select l.block_id from unnest(p_lines) as l where l.kind = 'convert')
        and b.status = 'active' and b.expires_at <= inventory.clock();
    return planted.post(p_lines);
end;
""",
        # Disable the sweep, so that expired blocks remain.
        before="alter function maintenance.expire_blocks(integer) rename to sweep;",
        products=27,
        answers=2500,
    ),
    "a cart of which a part is taken": Planted(
        frozenset({REFUSALS}),
        "inventory.complete_hold",
        """
declare
    v_active constant store.block [] := array(
        select b from unnest(p_blocks) as b where inventory.is_active_block(b, p_now) order by b.id
    );
begin
    return case when cardinality(v_active) > 0 then v_active else planted.complete_hold(p_owner, p_now, p_blocks) end;
end;
""",
        products=27,
        answers=2500,
    ),
    "a keyed retry that runs again": Planted(
        frozenset({CONTRACT}),
        "http.claim_keys",
        """
begin
    delete from store.idempotency_key as k where k.key = any(p_keys);
    select c.results, c.errors, c.are_replayed into results, errors, are_replayed
    from planted.claim_keys(p_owners, p_keys, p_requests) as c;
end;
""",
    ),
    "the price before the active one": Planted(
        frozenset({READS}),
        "http.get_active_price",
        """
declare
    v_price constant jsonb := planted.get_active_price(p_product_id, p_price_type);
    v_earlier store.price;
begin
    select p.* into v_earlier from store.price as p
    where p.product_id = p_product_id and p.price_type = v_price -> 'price' ->> 'price_type'
        and p.id < (v_price -> 'price' ->> 'id')::bigint
    order by p.id desc
    limit 1;
    return case
        when v_earlier.id is null then v_price
        else (select jsonb_build_object('price', p.item) from http.price_json as p where p.id = v_earlier.id)
    end;
end;
""",
        answers=2500,
    ),
    "a feed that shows what others may still precede": Planted(
        frozenset({FEED}),
        "inventory.feed_end",
        """
begin
    return 9000000000000000000;
end;
""",
        answers=2500,
    ),
    "a quantity at a location that is 1 too many": Planted(
        frozenset({READS}),
        "http.get_location_stock",
        """
declare
    v_answer constant jsonb := planted.get_location_stock(p_code, p_limit, p_after);
begin
    if jsonb_array_length(v_answer -> 'stock') = 0 then
        return v_answer;
    end if;
    return jsonb_set(
        v_answer, '{stock,0,quantity}', to_jsonb((v_answer -> 'stock' -> 0 ->> 'quantity')::numeric + 1)
    );
end;
""",
    ),
    "a sale that costs 0.001 too much": Planted(
        frozenset({MONEY}),
        "inventory.write_postings",
        """
begin
    perform planted.write_postings(
        p_stocks, p_movements, p_blocks, p_ended, p_opened, p_changed, p_uses, p_location_stocks, p_location_movements,
        p_low
    );
    update store.cost_layer_use as u set cost = u.cost + 0.001
    where u.quantity > 0 and (u.product_id, u.movement_id, u.layer_id) in (
        select n.product_id, n.movement_id, n.layer_id from unnest(p_uses) as n limit 1
    );
end;
""",
    ),
}
