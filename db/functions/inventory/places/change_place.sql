create or replace function inventory.change_place(
    p_product store.product,
    p_location_code text,
    p_location_id bigint,
    p_change numeric,
    p_kind text,
    p_reference text,
    p_reason text,
    p_actor text,
    p_requires_active boolean
)
returns store.movement
language plpgsql
volatile
as $$
declare
    v_stock store.stock := inventory.lock_product(p_product.id);
    v_held constant numeric := inventory.held_at(p_product.id, p_location_id);
    v_value numeric;
    v_lapsed numeric;
    v_movement store.movement;
begin
    if p_change = 0 then
        return null;
    elsif p_change > 0 then
        v_value := round(p_change * p_product.cost_price, 3);
    elsif v_held + p_change < 0 then
        perform inventory.refuse_place(p_product, p_location_code, jsonb_build_object('held', trim_scale(v_held)));
    elsif v_stock.on_hand - v_stock.reserved - v_stock.blocked + p_change < 0 then
        v_lapsed := inventory.lapsed_quantity(p_product.id, inventory.clock());
        if v_stock.on_hand - v_stock.reserved - v_stock.blocked + v_lapsed + p_change < 0 then
            perform inventory.refuse_place(
                p_product,
                p_location_code,
                jsonb_build_object(
                    'held', trim_scale(v_held),
                    'reserved', trim_scale(v_stock.reserved),
                    'blocked', trim_scale(v_stock.blocked - v_lapsed),
                    'available', trim_scale(v_stock.on_hand - v_stock.reserved - v_stock.blocked + v_lapsed)
                )
            );
        end if;
    end if;

    v_stock := inventory.update_balances(
        p_product.id, p_change, 0, 0, p_requires_active,
        p_cost_quantity => case when v_value is null then 0 else p_change end,
        p_cost_value => coalesce(v_value, 0),
        p_located => p_change
    );
    v_movement := inventory.write_movement(
        v_stock, p_kind, p_change, 0, 0, p_reference, p_reason, p_actor, p_product.cost_price, v_value
    );
    perform inventory.write_place(
        p_product.id, v_movement.id, p_location_id, v_held, v_held + p_change, v_movement.created_at
    );
    return v_movement;
end;
$$;

comment on function inventory.change_place(
    store.product, text, bigint, numeric, text, text, text, text, boolean
) is
'Change what lies at a place, and on hand with it, by the signed amount given; no change is null and writes nothing.

An arrival opens a cost layer at the product''s cost price; a departure takes only what the place holds and what is available.
Locks the product''s stock row. Errors: INSUFFICIENT_STOCK, INVENTORY_NOT_ACTIVE, INVENTORY_NOT_INITIALIZED,
PRODUCT_NOT_FOUND, QUANTITY_OUT_OF_RANGE.';
