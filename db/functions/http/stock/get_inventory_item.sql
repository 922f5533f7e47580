create or replace function http.get_inventory_item(p_id inventory.product_reference)
returns json
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_id constant bigint := inventory.product_id(p_id);
    v_read record;
begin
    select i.item, set_config('inventory.etag', i.tag, true)
    into v_read
    from http.inventory_item_json as i
    where i.id = v_id;
    if not found then
        perform inventory.require_product(v_id);
    end if;
    return v_read.item;
end;
$$;

comment on function http.get_inventory_item(inventory.product_reference) is
'Show a product with its stock.

id: the integer id, or the UUID that API 1 calls sku_id. availableStock = onHandStock - reservedStock - blockedStock. price
is the active retail price; null if there is none.

Returns "inventory_item_json"
Errors: PRODUCT_NOT_FOUND.';

grant execute on function http.get_inventory_item(inventory.product_reference) to inventory_operator;
