create or replace function inventory.register_product(
    p_sku inventory.sku_code,
    p_name inventory.name,
    p_description inventory.description default null,
    p_cost_price inventory.money default null,
    p_actor text default null
)
returns store.product
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform inventory.require_argument('sku', p_sku is null);
    return inventory.insert_product(p_sku, p_name, p_description, p_cost_price, p_actor => p_actor);
end;
$$;

comment on function inventory.register_product(
    inventory.sku_code, inventory.name, inventory.description, inventory.money, text
) is
'Create a product without an inventory and without a price: see inventory.initialize_inventory, inventory.set_price.

If two callers use the same SKU code, one of them is refused. Errors: DUPLICATE_SKU.';

grant execute on function inventory.register_product(
    inventory.sku_code, inventory.name, inventory.description, inventory.money, text
) to inventory_admin;
