create or replace function http.outflow_json(p_outflow store.outflow)
returns json
language plpgsql
stable
as $$
begin
    return json_build_object(
        'id', p_outflow.id,
        'product', inventory.product_in_event(p_outflow.product_id),
        'quantity', trim_scale(p_outflow.quantity),
        'description', p_outflow.description,
        'created_at', http.instant(p_outflow.created_at),
        'updated_at', http.instant(p_outflow.created_at)
    );
end;
$$;

comment on function http.outflow_json(store.outflow) is
'An outflow as API 5 shows it.

Returns {"id": "integer", 
"product": {"id": "integer", "sku": "sku_code", "sku_id": "uuid", "title": "name"}, "quantity": "quantity",
"description": "text?", "created_at": "timestamp", "updated_at": "timestamp"}';
