create or replace function inventory.transfer(
    p_product store.product,
    p_from_code text,
    p_from_id bigint,
    p_to_id bigint,
    p_quantity numeric,
    p_reference text,
    p_reason text,
    p_actor text
)
returns store.movement
language plpgsql
volatile
as $$
declare
    v_stock store.stock := inventory.lock_product(p_product.id);
    v_from store.location_stock;
    v_movement store.movement;
begin
    select * into v_from
    from store.location_stock as l
    where l.product_id = p_product.id and l.location_id = p_from_id;

    if coalesce(v_from.quantity, 0) < p_quantity then
        perform inventory.refuse_place(
            p_product, p_from_code, jsonb_build_object('held', trim_scale(coalesce(v_from.quantity, 0)))
        );
    end if;

    v_stock.updated_at := inventory.clock();
    v_movement := inventory.write_movement(v_stock, 'transfer', 0, 0, 0, p_reference, p_reason, p_actor);
    perform inventory.write_place(
        p_product.id, v_movement.id, p_from_id, v_from.quantity, v_from.quantity - p_quantity, v_from.arrived_at
    );
    perform inventory.write_place(
        p_product.id, v_movement.id, p_to_id, h.held, h.held + p_quantity, v_from.arrived_at
    )
    from inventory.held_at(p_product.id, p_to_id) as h (held);
    return v_movement;
end;
$$;

comment on function inventory.transfer(store.product, text, bigint, bigint, numeric, text, text, text) is
'Move units from place to place: no total changes, the cost layers stay, and so does the date of arrival. Promised units may be
moved too. Locks the product''s stock row. Errors: INSUFFICIENT_STOCK, INVENTORY_NOT_INITIALIZED.';
