create or replace function inventory.update_inventory(
    p_product_id bigint,
    p_quantity inventory.quantity default null,
    p_reorder_point inventory.quantity default null,
    p_status inventory.stock_status default null,
    p_expected_quantity inventory.quantity default null,
    p_reason inventory.reason default null,
    p_actor text default null,
    p_expected text default null
)
returns store.stock
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_before store.stock;
    v_stock store.stock;
    v_on_hand numeric; -- as answers show it: for a kit, what its parts allow
begin
    if p_expected is not null then
        perform inventory.require_expected(p_product_id, p_expected);
    end if;
    select * into v_stock from store.stock as s where s.product_id = p_product_id for no key update;
    if not found then
        v_stock := inventory.require_inventory(p_product_id); -- raises the right error
    end if;
    v_on_hand := case when v_stock.is_kit then (inventory.balances_of(p_product_id)).on_hand else v_stock.on_hand end;
    if v_on_hand <> p_expected_quantity then
        raise exception using
            errcode = 'IV025', -- QUANTITY_CHANGED
            message = format('The quantity on hand is %s.', trim_scale(v_on_hand)),
            detail = jsonb_build_object('quantity', v_on_hand, 'expected', p_expected_quantity),
            hint = 'Look again, and decide anew.';
    end if;
    v_before := v_stock;

    -- Set the reorder point before the quantity, so that a departure is compared with the new one.
    if coalesce(p_reorder_point <> v_stock.reorder_point, p_reorder_point is not null) or p_status <> v_stock.status then
        update store.stock as s
        set
            reorder_point = coalesce(p_reorder_point, s.reorder_point),
            status = coalesce(p_status, s.status),
            updated_at = inventory.clock()
        where s.product_id = p_product_id
        returning * into v_stock;
        perform inventory.record_change(
            'inventory', p_product_id::text, to_jsonb(v_before), to_jsonb(v_stock), p_actor, p_product_id
        );
        update store.product as p set version = p.version + 1 where p.id = p_product_id;
    end if;
    if p_quantity <> v_on_hand then
        perform inventory.post_line(
            inventory.line('adjust', p_product_id, p_quantity - v_on_hand, p_reason => p_reason, p_actor => p_actor)
        );
    end if;
    select * into v_stock from store.stock as s where s.product_id = p_product_id;
    if v_stock.is_low and not v_stock.is_kit and not v_before.is_low and v_before.on_hand <= v_stock.reorder_point then
        -- The new reorder point made the product low. If a departure makes it low, inventory.post queues the event.
        perform inventory.queue_stock_low(v_stock);
    end if;
    return v_stock;
end;
$$;

comment on function inventory.update_inventory(
    bigint, inventory.quantity, inventory.quantity, inventory.stock_status, inventory.quantity, inventory.reason,
    text, text
) is
'Correct a product''s quantity on hand, its reorder point or its status; null leaves a value unchanged.

A higher quantity is an arrival at the product''s cost price (if there is none, the cost is not known). A lower quantity is a
departure of available units. An inventory of any status can be corrected. p_expected_quantity: refuse the call if another
quantity is on hand. The quantity of a kit follows from its parts, and cannot be changed. If the product becomes low, the event
stock.low is queued. Locks the product''s stock row. Errors: INSUFFICIENT_STOCK, INVENTORY_NOT_FOUND, KIT_HOLDS_NO_STOCK,
PRODUCT_NOT_FOUND, QUANTITY_CHANGED.';

grant execute on function inventory.update_inventory(
    bigint, inventory.quantity, inventory.quantity, inventory.stock_status, inventory.quantity, inventory.reason,
    text, text
) to inventory_admin;
