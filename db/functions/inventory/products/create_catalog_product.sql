create or replace function inventory.create_catalog_product(
    p_title inventory.name,
    p_category_id bigint,
    p_brand_id bigint,
    p_cost_price inventory.catalog_money,
    p_selling_price inventory.catalog_money,
    p_description inventory.description default null,
    p_serial_number inventory.serial_number default null,
    p_quantity inventory.whole_quantity default 0,
    p_sku inventory.sku_code default null,
    p_actor text default null
)
returns store.product
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_product store.product;
begin
    perform inventory.require_argument('title', p_title is null);
    perform inventory.require_argument('category', p_category_id is null);
    perform inventory.require_argument('brand', p_brand_id is null);
    perform inventory.require_argument('cost_price', p_cost_price is null);
    perform inventory.require_argument('selling_price', p_selling_price is null);

    v_product := inventory.insert_product(
        p_sku, p_title, p_description, p_cost_price, p_category_id, p_brand_id, p_serial_number, p_actor
    );
    perform inventory.initialize_inventory(v_product.id, p_quantity => p_quantity, p_actor => p_actor);
    perform inventory.set_price(v_product.id, p_selling_price, p_actor => p_actor);
    return inventory.require_product(v_product.id);
end;
$$;

comment on function inventory.create_catalog_product(
    inventory.name, bigint, bigint, inventory.catalog_money, inventory.catalog_money, inventory.description,
    inventory.serial_number, inventory.whole_quantity, inventory.sku_code, text
) is
'Create a product of the catalog with its first stock, an arrival at p_cost_price, and its retail price.

Its inventory is counted in pieces. p_sku null: a code is generated. Errors: BRAND_NOT_FOUND, CATEGORY_NOT_FOUND,
DUPLICATE_SKU.';

grant execute on function inventory.create_catalog_product(
    inventory.name, bigint, bigint, inventory.catalog_money, inventory.catalog_money, inventory.description,
    inventory.serial_number, inventory.whole_quantity, inventory.sku_code, text
) to inventory_admin;
