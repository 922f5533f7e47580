create or replace function inventory.update_balances(
    p_product_id bigint,
    p_on_hand numeric,
    p_reserved numeric,
    p_blocked numeric,
    p_requires_active boolean,
    p_cost_quantity numeric default 0,
    p_cost_value numeric default 0,
    p_located numeric default null
)
returns store.stock
language plpgsql
volatile
as $$
declare
    v_stock store.stock;
begin
    loop
        if p_on_hand = 0 then
            -- What is promised: the same rules, less what cannot break, in half the time. Places and costs change with on
            -- hand alone.
            update store.stock as s
            set
                reserved = s.reserved + p_reserved,
                blocked = s.blocked + p_blocked,
                updated_at = inventory.clock()
            where
                s.product_id = p_product_id
                and (s.status = 'active' or not p_requires_active)
                and s.reserved + p_reserved >= 0
                and s.on_hand - s.reserved - p_reserved - s.blocked - p_blocked >= 0
            returning * into v_stock;
        else
            update store.stock as s
            set
                on_hand = s.on_hand + p_on_hand,
                reserved = s.reserved + p_reserved,
                blocked = s.blocked + p_blocked,
                located = case
                    when p_located is not null then s.located + p_located
                    else least(s.located, s.on_hand + p_on_hand)
                end,
                average_quantity = case
                    when p_on_hand < 0 then s.average_quantity - inventory.share(s.average_quantity, -p_on_hand, s.on_hand)
                    else s.average_quantity + p_cost_quantity
                end,
                average_value = case
                    when p_on_hand < 0 then
                        s.average_value - inventory.share(
                            s.average_value,
                            inventory.share(s.average_quantity, -p_on_hand, s.on_hand),
                            s.average_quantity
                        )
                    else s.average_value + p_cost_value
                end,
                updated_at = inventory.clock()
            where
                s.product_id = p_product_id
                and (s.status = 'active' or not p_requires_active)
                and s.on_hand + p_on_hand < 1000000000
                and s.reserved + p_reserved >= 0
                and s.on_hand + p_on_hand - s.reserved - p_reserved - s.blocked - p_blocked >= 0
            returning * into v_stock;
        end if;
        exit when found;
        perform inventory.make_room(p_product_id, p_on_hand, p_reserved, p_blocked, p_requires_active);
    end loop;

    -- The lock is got: where its last holder changed nothing, the update evaluated its clock before it waited.
    v_stock.updated_at := inventory.clock();
    if v_stock.is_low and v_stock.on_hand - p_on_hand > v_stock.reorder_point then
        perform inventory.queue_stock_low(v_stock);
    end if;
    return v_stock;
end;
$$;

comment on function inventory.update_balances(
    bigint, numeric, numeric, numeric, boolean, numeric, numeric, numeric
) is
'Change a product''s balances by the signed amounts given, and return them as they are then. Writes no movement.

Locks the stock row until the end of the transaction. Holds, in one statement: available never below 0, reserved never
below 0, on hand never past its limit, the inventory active (where p_requires_active). Only when that statement finds too
little does it look for blocks whose time is over, and tries again. updated_at, as returned, is the instant of the
change, taken under the lock. A departure that takes on hand from above the reorder point to it or below queues stock.low.

The moving average: of an arrival, p_cost_quantity units (those of known cost) worth p_cost_value join the pool; a departure
takes its share of the pool''s units, and they take theirs of its value.

p_located: the change of what lies at places, by a caller that has seen to it that the place holds it; null: a departure takes
unlocated units, and of places only what these are too few for. Errors: see inventory.change_stock.';
