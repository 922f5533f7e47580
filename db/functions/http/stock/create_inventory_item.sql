create or replace function http.create_inventory_item(
    p_sku inventory.sku_code,
    p_name inventory.name,
    p_price inventory.money,
    p_description inventory.description default null,
    p_stock inventory.quantity default 0,
    p_actor text default null
)
returns json
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_id bigint;
begin
    perform inventory.require_argument('price', p_price is null);
    v_id := (inventory.create_product(p_sku, p_name, p_description, p_stock, p_price, p_actor => p_actor)).id;
    return (select i.item from http.inventory_item_json as i where i.id = v_id);
end;
$$;

comment on function http.create_inventory_item(
    inventory.sku_code, inventory.name, inventory.money, inventory.description, inventory.quantity, text
) is
'Create a product.

stock is the first stock on hand (default 0); price is the retail price.

Returns "inventory_item_json"
Errors: DUPLICATE_SKU.';

grant execute on function http.create_inventory_item(
    inventory.sku_code, inventory.name, inventory.money, inventory.description, inventory.quantity, text
) to inventory_operator;
