create or replace function inventory.register_product(
    p_sku inventory.sku_code,
    p_name inventory.name,
    p_description inventory.description default null,
    p_cost_price inventory.money default null
)
returns store.product
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now constant timestamptz := inventory.clock();
    v_product store.product;
begin
    perform inventory.require_argument('sku', p_sku is null);
    perform inventory.require_argument('name', p_name is null);

    insert into store.product (sku_id, sku, name, description, cost_price, created_at, updated_at)
    values (inventory.uuid_v7(v_now), p_sku, p_name, p_description, p_cost_price, v_now, v_now)
    on conflict (sku) do nothing
    returning * into v_product;

    if not found then
        raise exception using
            errcode = 'IV005', -- DUPLICATE_SKU
            message = format('SKU code %s is taken.', p_sku),
            detail = jsonb_build_object('sku', p_sku);
    end if;
    return v_product;
end;
$$;

comment on function inventory.register_product(
    inventory.sku_code, inventory.name, inventory.description, inventory.money
) is
'Create a product that has no inventory and no price yet: see inventory.initialize_inventory, inventory.set_price.

Of two callers with one SKU code, one is refused. Errors: DUPLICATE_SKU.';

grant execute on function inventory.register_product(
    inventory.sku_code, inventory.name, inventory.description, inventory.money
) to inventory_admin;
