create or replace function http.product_json(p_product store.product)
returns json
language plpgsql
stable
as $$
begin
    return json_build_object(
        'id', p_product.id,
        'name', p_product.name,
        'sku', p_product.sku,
        'sku_id', p_product.sku_id,
        'description', p_product.description,
        'created_at', http.instant_without_offset(p_product.created_at),
        'updated_at', http.instant_without_offset(p_product.updated_at)
    );
end;
$$;

comment on function http.product_json(store.product) is
'A product as API 3 shows it.

Returns {"id": "integer", "name": "name", "sku": "sku_code", "sku_id": "uuid", "description": "text?", "created_at": "time",
"updated_at": "time"}';
