create or replace function http.create_catalog_product(
    p_title inventory.name,
    p_category inventory.related_id,
    p_brand inventory.related_id,
    p_cost_price inventory.catalog_money,
    p_selling_price inventory.catalog_money,
    p_description inventory.description default null,
    p_serie_number inventory.serial_number default null,
    p_quantity inventory.whole_quantity default 0,
    p_sku inventory.sku_code default null,
    p_actor text default null
)
returns json
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_id constant bigint := (
        inventory.create_catalog_product(
            p_title, p_category, p_brand, p_cost_price, p_selling_price, p_description, p_serie_number, p_quantity, p_sku,
            p_actor
        )
    ).id;
begin
    return (select c.item from http.catalog_product_json as c where c.id = v_id);
end;
$$;

comment on function http.create_catalog_product(
    inventory.name, inventory.related_id, inventory.related_id, inventory.catalog_money, inventory.catalog_money,
    inventory.description, inventory.serial_number, inventory.whole_quantity, inventory.sku_code, text
) is
'Create a product.

quantity is the first stock on hand, which arrives at cost_price. selling_price is the retail price.
Without a sku, one is generated.

Returns "catalog_product_json"
Errors: BRAND_NOT_FOUND, CATEGORY_NOT_FOUND, DUPLICATE_SKU.';

grant execute on function http.create_catalog_product(
    inventory.name, inventory.related_id, inventory.related_id, inventory.catalog_money, inventory.catalog_money,
    inventory.description, inventory.serial_number, inventory.whole_quantity, inventory.sku_code, text
) to inventory_admin;
