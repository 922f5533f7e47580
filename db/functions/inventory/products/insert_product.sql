create or replace function inventory.insert_product(
    p_sku inventory.sku_code,
    p_name inventory.name,
    p_description inventory.description default null,
    p_cost_price inventory.money default null,
    p_category_id bigint default null,
    p_brand_id bigint default null,
    p_serial_number inventory.serial_number default null,
    p_actor text default null
)
returns store.product
language plpgsql
volatile
as $$
declare
    v_now constant timestamptz := inventory.clock();
    v_product store.product;
begin
    perform inventory.require_argument('name', p_name is null);
    if p_category_id is not null then
        perform inventory.lock_category(p_category_id);
    end if;
    if p_brand_id is not null then
        perform inventory.lock_brand(p_brand_id);
    end if;

    loop
        insert into store.product (
            sku_id, sku, name, description, cost_price, category_id, brand_id, serial_number, created_at, updated_at
        )
        values (
            inventory.uuid_v7(v_now), coalesce(p_sku, inventory.next_sku()), p_name, p_description, p_cost_price,
            p_category_id, p_brand_id, p_serial_number, v_now, v_now
        )
        on conflict (sku) do nothing
        returning * into v_product;
        exit when found;
        if p_sku is not null then
            raise exception using
                errcode = 'IV005', -- DUPLICATE_SKU
                message = format('SKU code %s is taken.', p_sku),
                detail = jsonb_build_object('sku', p_sku);
        end if;
        -- A caller had chosen this code for another product: generate the next one.
    end loop;

    perform inventory.record_new_products(array[v_product.id], p_actor);
    perform inventory.add_product_total(1, p_category_id, p_brand_id);
    return v_product;
end;
$$;

comment on function inventory.insert_product(
    inventory.sku_code, inventory.name, inventory.description, inventory.money, bigint, bigint, inventory.serial_number, text
) is
'Create a product without an inventory and without a price. p_sku null: a code is generated (inventory.next_sku).

If two callers use the same SKU code, one of them is refused. Errors: BRAND_NOT_FOUND, CATEGORY_NOT_FOUND, DUPLICATE_SKU.';
