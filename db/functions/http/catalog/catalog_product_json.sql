create or replace function http.catalog_product_json(p_product store.product)
returns json
language plpgsql
stable
as $$
declare
    v_stock store.stock;
begin
    select * into v_stock from store.stock as s where s.product_id = p_product.id;
    return json_build_object(
        'id', p_product.id,
        'title', p_product.name,
        'category',
        (select json_build_object('id', c.id, 'name', c.name) from store.category as c where c.id = p_product.category_id),
        'brand', (select json_build_object('id', b.id, 'name', b.name) from store.brand as b where b.id = p_product.brand_id),
        'description', p_product.description,
        'serie_number', p_product.serial_number,
        'cost_price', http.money_text(p_product.cost_price),
        'selling_price', http.money_text(inventory.active_price(p_product.id)),
        'quantity', trim_scale(coalesce(v_stock.on_hand, 0)),
        'sku', p_product.sku,
        'sku_id', p_product.sku_id,
        'created_at', http.instant(p_product.created_at),
        'updated_at', http.instant(greatest(p_product.updated_at, v_stock.updated_at))
    );
end;
$$;

comment on function http.catalog_product_json(store.product) is
'A product as API 5 shows it. quantity: on hand; selling_price: the active retail price; null where there is none.

A product of another API has neither category nor brand until it is given them.

Returns {"id": "integer", "title": "name", "category": "reference?", "brand": "reference?", "description": "text?",
"serie_number": "text?", "cost_price": "amount?", "selling_price": "amount?", "quantity": "quantity", "sku": "sku_code",
"sku_id": "uuid", "created_at": "timestamp", "updated_at": "timestamp"}';
