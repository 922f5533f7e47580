create or replace function http.get_inventory_item(p_id inventory.product_reference)
returns json
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_id constant bigint := (inventory.require_product(inventory.product_id(p_id))).id;
begin
    return (select i.item from http.inventory_item_json as i where i.id = v_id);
end;
$$;

comment on function http.get_inventory_item(inventory.product_reference) is
'Show a product with its stock.

id: the integer id, or the UUID that API 1 calls sku_id. availableStock = onHandStock - reservedStock - blockedStock. price
is the active retail price; null if there is none.

Returns "inventory_item_json"
Errors: PRODUCT_NOT_FOUND.';

grant execute on function http.get_inventory_item(inventory.product_reference) to inventory_operator;
