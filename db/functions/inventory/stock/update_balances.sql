create or replace function inventory.update_balances(
    p_product_id bigint,
    p_on_hand numeric,
    p_reserved numeric,
    p_blocked numeric,
    p_requires_active boolean
)
returns store.stock
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_stock store.stock;
begin
    loop
        update store.stock as s
        set
            on_hand = s.on_hand + p_on_hand,
            reserved = s.reserved + p_reserved,
            blocked = s.blocked + p_blocked,
            updated_at = inventory.clock()
        where
            s.product_id = p_product_id
            and (s.status = 'active' or not p_requires_active)
            and s.on_hand + p_on_hand < 1000000000
            and s.reserved + p_reserved >= 0
            and s.on_hand + p_on_hand - s.reserved - p_reserved - s.blocked - p_blocked >= 0
        returning * into v_stock;
        exit when found;
        perform inventory.make_room(p_product_id, p_on_hand, p_reserved, p_blocked, p_requires_active);
    end loop;

    -- The lock is got: where its last holder changed nothing, the update evaluated its clock before it waited.
    v_stock.updated_at := inventory.clock();
    return v_stock;
end;
$$;

comment on function inventory.update_balances(bigint, numeric, numeric, numeric, boolean) is
'Change a product''s balances by the signed amounts given, and return them as they are then. Writes no movement.

Locks the stock row until the end of the transaction. Holds, in one statement: available never below 0, reserved never
below 0, on hand never past its limit, the inventory active (where p_requires_active). Only when that statement finds too
little does it look for blocks whose time is over, and tries again. updated_at, as returned, is the instant of the
change, taken under the lock. Errors: see inventory.change_stock.';
