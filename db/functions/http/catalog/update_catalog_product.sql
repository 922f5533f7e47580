create or replace function http.update_catalog_product(
    p_id bigint,
    p_title inventory.name default null,
    p_category inventory.related_id default null,
    p_brand inventory.related_id default null,
    p_cost_price inventory.catalog_money default null,
    p_selling_price inventory.catalog_money default null,
    p_description inventory.description default null,
    p_serie_number inventory.serial_number default null,
    p_quantity inventory.whole_quantity default null,
    p_sku inventory.sku_code default null,
    p_actor text default null,
    p_expected text default null
)
returns json
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_id constant bigint := (
        inventory.update_catalog_product(
            p_id, p_title, p_category, p_brand, p_cost_price, p_selling_price, p_description, p_serie_number, p_quantity, p_sku,
            p_actor, p_expected
        )
    ).id;
begin
    return (select c.item from http.catalog_product_json as c where c.id = v_id);
end;
$$;

comment on function http.update_catalog_product(
    bigint, inventory.name, inventory.related_id, inventory.related_id, inventory.catalog_money,
    inventory.catalog_money, inventory.description, inventory.serial_number, inventory.whole_quantity,
    inventory.sku_code, text, text
) is
'Change a product; fields that are left out stay as they are.

A new quantity adds a movement of the difference. A new selling_price adds a price rule that begins now.

Returns "catalog_product_json"
Errors: BRAND_NOT_FOUND, CATEGORY_NOT_FOUND, DUPLICATE_SKU, INSUFFICIENT_STOCK, INVENTORY_NOT_INITIALIZED, PRODUCT_NOT_FOUND,
KIT_HOLDS_NO_STOCK.';

grant execute on function http.update_catalog_product(
    bigint, inventory.name, inventory.related_id, inventory.related_id, inventory.catalog_money,
    inventory.catalog_money, inventory.description, inventory.serial_number, inventory.whole_quantity,
    inventory.sku_code, text, text
) to inventory_admin;
