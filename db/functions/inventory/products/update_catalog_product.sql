create or replace function inventory.update_catalog_product(
    p_product_id bigint,
    p_title inventory.name default null,
    p_category_id bigint default null,
    p_brand_id bigint default null,
    p_cost_price inventory.catalog_money default null,
    p_selling_price inventory.catalog_money default null,
    p_description inventory.description default null,
    p_serial_number inventory.serial_number default null,
    p_quantity inventory.whole_quantity default null,
    p_sku inventory.sku_code default null,
    p_actor text default null,
    p_expected text default null
)
returns store.product
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_on_hand numeric;
    v_before store.product;
    v_product store.product;
begin
    if p_category_id is not null then
        perform inventory.lock_category(p_category_id);
    end if;
    if p_brand_id is not null then
        perform inventory.lock_brand(p_brand_id);
    end if;
    if p_expected is not null then
        perform inventory.require_expected(p_product_id, p_expected);
    end if;
    if p_quantity is not null then
        select case when s.is_kit then (inventory.balances_of(s.product_id)).on_hand else s.on_hand end into v_on_hand
        from store.stock as s
        where s.product_id = p_product_id
        for no key update;
        if not found then
            perform inventory.require_product(p_product_id);
            raise exception using
                errcode = 'IV019', -- INVENTORY_NOT_INITIALIZED
                message = format('Product %s has no inventory yet.', p_product_id),
                hint = 'Initialize it first.';
        end if;
    end if;
    select * into v_before from store.product as p where p.id = p_product_id for no key update;

    update store.product as p
    set
        sku = coalesce(p_sku, p.sku),
        name = coalesce(p_title, p.name),
        category_id = coalesce(p_category_id, p.category_id),
        brand_id = coalesce(p_brand_id, p.brand_id),
        -- Answers show prices with 2 decimals. A price that a client sends back as it was shown is not a change.
        cost_price = case
            when round(p.cost_price, 2) = p_cost_price then p.cost_price
            else coalesce(p_cost_price, p.cost_price)
        end,
        description = coalesce(p_description, p.description),
        serial_number = coalesce(p_serial_number, p.serial_number),
        updated_at = inventory.clock(),
        version = p.version + 1
    where p.id = p_product_id
    returning * into v_product;
    if (v_product.category_id, v_product.brand_id) is distinct from (v_before.category_id, v_before.brand_id) then
        perform inventory.add_product_total(-1, v_before.category_id, v_before.brand_id);
        perform inventory.add_product_total(1, v_product.category_id, v_product.brand_id);
    end if;

    if p_quantity <> v_on_hand then
        perform inventory.post_line(inventory.line('adjust', p_product_id, p_quantity - v_on_hand, p_actor => p_actor));
    end if;
    if p_selling_price is not null and p_selling_price is distinct from round(inventory.active_price(p_product_id), 2) then
        perform inventory.set_price(p_product_id, p_selling_price, p_actor => p_actor);
    end if;
    perform inventory.record_change(
        'product', p_product_id::text, to_jsonb(v_before), to_jsonb(v_product), p_actor, p_product_id
    );
    return inventory.require_product(p_product_id);
exception
    when unique_violation then
        raise exception using
            errcode = 'IV005', -- DUPLICATE_SKU
            message = format('SKU code %s is taken.', p_sku),
            detail = jsonb_build_object('sku', p_sku);
end;
$$;

comment on function inventory.update_catalog_product(
    bigint, inventory.name, bigint, bigint, inventory.catalog_money, inventory.catalog_money, inventory.description,
    inventory.serial_number, inventory.whole_quantity, inventory.sku_code, text, text
) is
'Change a product of the catalog; null leaves a value unchanged.

p_quantity: the new quantity on hand. The difference is an arrival at the product''s cost price, or a departure of available
units, whatever the inventory''s status is. That of a kit cannot be changed. p_selling_price: the retail price from now on; if it
is the active price, no rule is created. A price that equals the stored one to 2 decimals is not a change, although 3 decimals are
stored. Locks the product''s stock row if p_quantity is given, then the product''s row. Errors: BRAND_NOT_FOUND,
CATEGORY_NOT_FOUND, DUPLICATE_SKU, INSUFFICIENT_STOCK, INVENTORY_NOT_INITIALIZED, KIT_HOLDS_NO_STOCK, PRODUCT_NOT_FOUND.';

grant execute on function inventory.update_catalog_product(
    bigint, inventory.name, bigint, bigint, inventory.catalog_money, inventory.catalog_money, inventory.description,
    inventory.serial_number, inventory.whole_quantity, inventory.sku_code, text, text
) to inventory_admin;
