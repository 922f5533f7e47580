create or replace function http.purchase_answer(p_purchase store.purchase, p_movement store.movement default null)
returns json
language plpgsql
stable
as $$
declare
    v_stock store.stock := inventory.require_inventory(p_purchase.product_id);
begin
    if p_movement.id is not null then
        -- As it was right after, though other calls of the same posting followed.
        v_stock.on_hand := p_movement.on_hand_after;
        v_stock.reserved := p_movement.reserved_after;
        v_stock.blocked := p_movement.blocked_after;
        v_stock.updated_at := p_movement.created_at;
    end if;
    return json_build_object('purchase_item', http.purchase_json(p_purchase), 'inventory', http.inventory_json(v_stock));
end;
$$;

comment on function http.purchase_answer(store.purchase, store.movement) is
'A purchase beside the inventory that it left, as API 3 shows it when it is made.';
