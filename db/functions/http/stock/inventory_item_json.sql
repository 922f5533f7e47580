create or replace function http.inventory_item_json(p_product store.product)
returns json
language plpgsql
stable
as $$
declare
    v_stock record;
begin
    v_stock := inventory.balances_of(p_product.id);
    return json_build_object(
        'id', p_product.id,
        'sku', p_product.sku,
        'sku_id', p_product.sku_id,
        'name', p_product.name,
        'description', p_product.description,
        'price', trim_scale((inventory.price_at(p_product.id)).amount),
        'availableStock', trim_scale(coalesce(v_stock.available, 0)),
        'reservedStock', trim_scale(coalesce(v_stock.reserved, 0)),
        'blockedStock', trim_scale(coalesce(v_stock.blocked, 0)),
        'onHandStock', trim_scale(coalesce(v_stock.on_hand, 0))
    );
end;
$$;

comment on function http.inventory_item_json(store.product) is 'A product with its stock as API 2 shows it.';
