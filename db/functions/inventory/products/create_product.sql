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

    insert into store.stock (product_id, created_at, updated_at) values (v_product.id, v_now, v_now);
    perform inventory.change_stock(
        v_product.id, 'initial', p_on_hand => coalesce(p_quantity, 0), p_unit_cost => p_cost_price,
        p_actor => p_actor
    );
    if p_price is not null then
        perform inventory.set_price(v_product.id, p_price);
    end if;
    return v_product;
end;
$$;

comment on function inventory.create_product(
    inventory.sku_code, inventory.name, inventory.description, inventory.quantity, inventory.money, inventory.money, text
) is
'Create a product with its first stock and its retail price.

p_quantity (units on hand) is an arrival at p_cost_price, or at no known cost. p_price null: no retail price yet. The
inventory is kept in pieces. Of two callers with one SKU code, one is refused. Errors: DUPLICATE_SKU.';

grant execute on function inventory.create_product(
    inventory.sku_code, inventory.name, inventory.description, inventory.quantity, inventory.money, inventory.money, text
) to inventory_operator;
