create or replace function inventory.create_product(
    p_sku inventory.sku_code,
    p_name inventory.name,
    p_description inventory.description default null,
    p_quantity inventory.quantity default 0,
    p_price inventory.money default null,
    p_cost_price inventory.money default null,
    p_actor text default null
)
returns store.product
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_product constant store.product := inventory.register_product(p_sku, p_name, p_description, p_cost_price, p_actor);
begin
    perform inventory.initialize_inventory(v_product.id, p_quantity => p_quantity, p_actor => p_actor);
    if p_price is not null then
        perform inventory.set_price(v_product.id, p_price, p_actor => p_actor);
    end if;
    return v_product;
end;
$$;

comment on function inventory.create_product(
    inventory.sku_code, inventory.name, inventory.description, inventory.quantity, inventory.money, inventory.money, text
) is
'Create a product with its first stock and its retail price.

p_quantity (units on hand) is an arrival at p_cost_price; null: the cost is not known. p_price null: no retail price yet. The
inventory is counted in pieces. If two callers use the same SKU code, one of them is refused. Errors: DUPLICATE_SKU.';

grant execute on function inventory.create_product(
    inventory.sku_code, inventory.name, inventory.description, inventory.quantity, inventory.money, inventory.money, text
) to inventory_operator;
