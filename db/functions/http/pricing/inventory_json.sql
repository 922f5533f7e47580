create or replace function http.inventory_json(p_stock store.stock)
returns json
language plpgsql
stable
as $$
declare
    v_unit store.unit;
    v_lapsed numeric;
begin
    select * into v_unit from store.unit as u where u.id = p_stock.unit_id;
    v_lapsed := inventory.expired_quantity(p_stock.product_id, inventory.clock());
    return json_build_object(
        'id', p_stock.product_id,
        'product_id', p_stock.product_id,
        'product', http.product_summary_json(p_stock.product_id),
        'quantity', http.decimal_text(p_stock.on_hand),
        'reserved', http.decimal_text(p_stock.reserved),
        'blocked', http.decimal_text(p_stock.blocked - v_lapsed),
        'available', http.decimal_text(p_stock.on_hand - p_stock.reserved - p_stock.blocked + v_lapsed),
        'unit_id', p_stock.unit_id,
        'unit', http.unit_json(v_unit),
        'reorder_point', http.decimal_text(p_stock.reorder_point),
        'status', p_stock.status,
        'created_at', http.instant_without_offset(p_stock.created_at),
        'updated_at', http.instant_without_offset(p_stock.updated_at)
    );
end;
$$;

comment on function http.inventory_json(store.stock) is
'A products inventory as API 3 shows it: quantity is what is on hand.

Returns {"id": "integer", "product_id": "integer", "product": "product_summary_json", "quantity": "decimal",
"reserved": "decimal", "blocked": "decimal", "available": "decimal", "unit_id": "integer", "unit": "unit_json", "reorder_point": "decimal?",
"status": "active|inactive|archived", "created_at": "time", "updated_at": "time"}';
