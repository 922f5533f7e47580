create or replace function inventory.obtainable_quantity(
    p_product_id bigint,
    p_quantity numeric,
    p_own numeric,
    p_at timestamptz
)
returns numeric
language plpgsql
stable
as $$
declare
    v_stock store.stock;
    v_refusal inventory.posted;
begin
    select * into v_stock from store.stock as s where s.product_id = p_product_id;
    v_stock.blocked := v_stock.blocked - p_own;
    v_refusal := inventory.refusal_without_lock(
        inventory.line('block', p_product_id, p_quantity), v_stock, 0, 0, p_quantity,
        (inventory.movement_kind('block')).requires_active, inventory.expired_quantity(p_product_id, p_at), null
    );
    if v_refusal.sqlstate is null or v_refusal.sqlstate = '40001' then -- 40001: a kit, whose parts are enough
        return p_quantity;
    elsif v_refusal.sqlstate <> 'IV001' then
        perform inventory.raise_refusal(v_refusal);
    end if;
    return least(
        -- The parts of the kits that are given up make as many kits again.
        (v_refusal.detail ->> 'available')::numeric + case when v_stock.is_kit then p_own else 0 end,
        p_quantity
    );
end;
$$;

comment on function inventory.obtainable_quantity(bigint, numeric, numeric, timestamptz) is
'How many of p_quantity units a block could hold at p_at: all of them, or what is available.

p_own: units of active blocks that are given up for it. The caller holds the lock of the product''s stock row. Errors: those of
inventory.create_block, but for INSUFFICIENT_STOCK.';
