create or replace function http.inflow_json(p_inflow store.inflow)
returns json
language plpgsql
stable
as $$
begin
    return json_build_object(
        'id', p_inflow.id,
        'supplier',
        (select json_build_object('id', s.id, 'name', s.name) from store.supplier as s where s.id = p_inflow.supplier_id),
        'product', inventory.product_in_event(p_inflow.product_id),
        'quantity', trim_scale(p_inflow.quantity),
        'description', p_inflow.description,
        'created_at', http.instant(p_inflow.created_at),
        'updated_at', http.instant(p_inflow.created_at)
    );
end;
$$;

comment on function http.inflow_json(store.inflow) is
'An inflow as API 5 shows it.

Returns {"id": "integer", "supplier": {"id": "integer", "name": "name"}, 
"product": {"id": "integer", "sku": "sku_code", "sku_id": "uuid", "title": "name"}, "quantity": "quantity",
"description": "text?", "created_at": "timestamp", "updated_at": "timestamp"}';
