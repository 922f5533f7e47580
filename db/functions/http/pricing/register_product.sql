create or replace function http.register_product(
    p_sku inventory.sku_code,
    p_name inventory.name,
    p_description inventory.description default null,
    p_actor text default null
)
returns json
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_id constant bigint := (inventory.register_product(p_sku, p_name, p_description, p_actor => p_actor)).id;
begin
    return json_build_object('product', (select p.item from http.product_json as p where p.id = v_id));
end;
$$;

comment on function http.register_product(inventory.sku_code, inventory.name, inventory.description, text) is
'Create a product without an inventory and without a price.

Returns {"product": "product_json"}
Errors: DUPLICATE_SKU.';

grant execute on function http.register_product(
    inventory.sku_code, inventory.name, inventory.description, text
) to inventory_admin;
