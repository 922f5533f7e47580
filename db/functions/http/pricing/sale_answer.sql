create or replace function http.sale_answer(p_sale store.sale, p_movement store.movement default null)
returns json
language plpgsql
stable
as $$
declare
    v_stock store.stock := inventory.require_inventory(p_sale.product_id);
begin
    if p_movement.id is not null then
        -- As it was right after, though other calls of the same posting followed.
        v_stock.on_hand := p_movement.on_hand_after;
        v_stock.reserved := p_movement.reserved_after;
        v_stock.blocked := p_movement.blocked_after;
        v_stock.updated_at := p_movement.created_at;
    end if;
    return json_build_object('sale_item', http.sale_json(p_sale), 'inventory', http.inventory_json(v_stock));
end;
$$;

comment on function http.sale_answer(store.sale, store.movement) is
'A sale beside the inventory that it left, as API 3 shows it when it is made.';
