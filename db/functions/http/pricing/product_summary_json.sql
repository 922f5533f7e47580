create or replace function http.product_summary_json(p_product_id bigint)
returns json
language plpgsql
stable
as $$
begin
    return (
        select json_build_object('id', p.id, 'name', p.name, 'sku', p.sku, 'sku_id', p.sku_id)
        from store.product as p
        where p.id = p_product_id
    );
end;
$$;

comment on function http.product_summary_json(bigint) is
'A product as API 3 shows it inside of something else.

Returns {"id": "integer", "name": "name", "sku": "sku_code", "sku_id": "uuid"}';
