create or replace function http.get_inventory_item(p_id inventory.product_reference)
returns json
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return http.inventory_item_json(inventory.require_product(inventory.product_id(p_id)));
end;
$$;

comment on function http.get_inventory_item(inventory.product_reference) is
'Show a product with its stock.

id: the integer, or the UUID that API 1 calls sku_id. availableStock = onHandStock - reservedStock - blockedStock. price
is the active retail price, null where there is none.

Returns {"id": "integer", "sku": "sku_code", "sku_id": "uuid", "name": "name", "description": "text?", "price": "money?",
"availableStock": "quantity", "reservedStock": "quantity", "blockedStock": "quantity", "onHandStock": "quantity"}
Errors: PRODUCT_NOT_FOUND.';

grant execute on function http.get_inventory_item(inventory.product_reference) to inventory_operator;
