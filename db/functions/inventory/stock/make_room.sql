create or replace function inventory.make_room(
    p_product_id bigint,
    p_on_hand numeric,
    p_reserved numeric,
    p_blocked numeric,
    p_requires_active boolean
)
returns void
language plpgsql
volatile
as $$
declare
    v_stock store.stock;
    v_now timestamptz;
    v_available numeric;
    v_wanted constant numeric := p_reserved + p_blocked - p_on_hand;
begin
    perform inventory.require_argument('quantity', p_on_hand is null or p_reserved is null or p_blocked is null);

    select * into v_stock
    from store.stock as s
    where s.product_id = p_product_id
    for no key update;

    if not found then
        perform inventory.require_product(p_product_id);
        raise exception using
            errcode = 'IV019', -- INVENTORY_NOT_INITIALIZED
            message = format('Product %s has no inventory yet.', p_product_id);
    end if;
    if p_requires_active and v_stock.status <> 'active' then
        raise exception using
            errcode = 'IV010', -- INVENTORY_NOT_ACTIVE
            message = format('The inventory of product %s is %s.', p_product_id, v_stock.status),
            detail = jsonb_build_object('status', v_stock.status);
    end if;
    if v_stock.on_hand + p_on_hand >= 1000000000 then
        raise exception using
            errcode = 'IV011', -- QUANTITY_OUT_OF_RANGE
            message = 'The quantity on hand would exceed 999999999.999.',
            detail = jsonb_build_object('on_hand', v_stock.on_hand, 'requested', p_on_hand);
    end if;
    if v_stock.reserved + p_reserved < 0 then
        raise exception using
            errcode = 'IV002', -- INSUFFICIENT_RESERVED
            message = format('Only %s reserved.', trim_scale(v_stock.reserved)),
            detail = jsonb_build_object('reserved', v_stock.reserved, 'requested', -p_reserved),
            hint = 'Release or consume no more than was reserved and is not yet released or consumed.';
    end if;

    v_now := inventory.clock();
    v_available := v_stock.on_hand - v_stock.reserved - v_stock.blocked + inventory.lapsed_quantity(p_product_id, v_now);
    if v_available < v_wanted then
        raise exception using
            errcode = 'IV001', -- INSUFFICIENT_STOCK
            message = format('Only %s available.', trim_scale(v_available)),
            detail = jsonb_build_object('available', v_available, 'requested', v_wanted);
    end if;
    perform inventory.end_lapsed_blocks(p_product_id, v_now);
end;
$$;

comment on function inventory.make_room(bigint, numeric, numeric, numeric, boolean) is
'Say why inventory.update_balances found nothing to change, or end the blocks whose time is over so that it will.

Locks the product''s stock row. Returns only when the change now fits. Errors: those of inventory.change_stock.';
