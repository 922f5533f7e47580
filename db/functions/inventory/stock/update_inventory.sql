create or replace function inventory.update_inventory(
    p_product_id bigint,
    p_quantity inventory.quantity default null,
    p_reorder_point inventory.quantity default null,
    p_status inventory.stock_status default null,
    p_expected_quantity inventory.quantity default null,
    p_reason inventory.reason default null,
    p_actor text default null
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
begin
    select * into v_stock from store.stock as s where s.product_id = p_product_id for no key update;
    if not found then
        v_stock := inventory.require_inventory(p_product_id); -- says which of the two is missing
    end if;
    if v_stock.on_hand <> p_expected_quantity then
        raise exception using
            errcode = 'IV025', -- QUANTITY_CHANGED
            message = format('The quantity on hand is %s.', trim_scale(v_stock.on_hand)),
            detail = jsonb_build_object('quantity', v_stock.on_hand, 'expected', p_expected_quantity),
            hint = 'Look again, and decide anew.';
    end if;
    v_before := v_stock;

    -- Before the quantity, so that a departure is held to the new reorder point.
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
    end if;
    if p_quantity <> v_stock.on_hand then
        perform inventory.post_line(
            inventory.line('adjust', p_product_id, p_quantity - v_stock.on_hand, p_reason => p_reason, p_actor => p_actor)
        );
    end if;
    select * into v_stock from store.stock as s where s.product_id = p_product_id;
    if v_stock.is_low and not v_before.is_low and v_before.on_hand <= v_stock.reorder_point then
        -- The reorder point rose to what was on hand or more. Where a departure made it low, that has said so.
        perform inventory.queue_stock_low(v_stock);
    end if;
    return v_stock;
end;
$$;

comment on function inventory.update_inventory(
    bigint, inventory.quantity, inventory.quantity, inventory.stock_status, inventory.quantity, inventory.reason, text
) is
'Correct a product''s quantity on hand, its reorder point, its status; null leaves a thing as it is.

A higher quantity is an arrival at the product''s cost price, or at no known cost; a lower one is a departure, of what is
available only. An inventory of any status can be corrected. p_expected_quantity: refuse where another quantity is on hand.
A product that becomes low queues stock.low. Locks the product''s stock row. Errors: INSUFFICIENT_STOCK, INVENTORY_NOT_FOUND,
PRODUCT_NOT_FOUND, QUANTITY_CHANGED.';

grant execute on function inventory.update_inventory(
    bigint, inventory.quantity, inventory.quantity, inventory.stock_status, inventory.quantity, inventory.reason, text
) to inventory_admin;
