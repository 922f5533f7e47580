create or replace function inventory.initialize_inventory(
    p_product_id bigint,
    p_unit_id integer default 1,
    p_quantity inventory.quantity default 0,
    p_reorder_point inventory.quantity default null,
    p_actor text default null,
    p_expected text default null
)
returns store.stock
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz;
    v_stock store.stock;
begin
    perform inventory.require_product(p_product_id);
    perform inventory.require_argument('unit_id', p_unit_id is null);
    if not exists (select from store.unit as u where u.id = p_unit_id) then
        raise exception using
            errcode = 'IV022', -- UNIT_NOT_FOUND
            message = format('Unit %s does not exist.', p_unit_id);
    end if;

    if p_expected is not null then
        perform inventory.require_expected(p_product_id, p_expected);
    end if;
    -- The lock keeps the product from being deleted until the stock row refers to it. No movement says that there is an inventory
    -- if the first stock is 0.
    update store.product as p set version = p.version + 1 where p.id = p_product_id;
    if not found then
        perform inventory.require_product(p_product_id);
    end if;
    v_now := inventory.clock();
    insert into store.stock (product_id, unit_id, reorder_point, created_at, updated_at, feed_key, feed_base)
    select p_product_id, p_unit_id, p_reorder_point, v_now, v_now, inventory.feed_key(), s.feed_base
    from store.setting as s
    on conflict (product_id) do nothing;
    if not found then
        raise exception using
            errcode = 'IV021', -- INVENTORY_ALREADY_INITIALIZED
            message = format('The inventory of product %s is already initialized.', p_product_id);
    end if;

    perform inventory.post_line(inventory.line('initial', p_product_id, coalesce(p_quantity, 0), p_actor => p_actor));
    select * into v_stock from store.stock as s where s.product_id = p_product_id;
    return v_stock;
end;
$$;

comment on function inventory.initialize_inventory(
    bigint, integer, inventory.quantity, inventory.quantity, text, text
) is
'Initialize the inventory of a product: the unit that it is counted in (default: piece), its first stock and its reorder point.

p_quantity (units on hand) is an arrival at the product''s cost price; if the product has none, the cost is not known. If two
callers initialize the same inventory, one of them is refused.
Errors: INVENTORY_ALREADY_INITIALIZED, PRODUCT_NOT_FOUND, UNIT_NOT_FOUND.';

grant execute on function inventory.initialize_inventory(
    bigint, integer, inventory.quantity, inventory.quantity, text, text
) to inventory_admin;
