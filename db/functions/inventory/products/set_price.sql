create or replace function inventory.set_price(
    p_product_id bigint,
    p_amount inventory.money,
    p_price_type text default 'retail'
)
returns store.price
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz;
    v_price store.price;
begin
    perform from store.stock as s where s.product_id = p_product_id for no key update;
    v_now := inventory.clock();

    update store.price as p
    set effective_to = v_now, updated_at = v_now
    where
        p.product_id = p_product_id
        and p.price_type = p_price_type
        and p.effective_from <= v_now
        and (p.effective_to is null or p.effective_to > v_now);

    insert into store.price (product_id, price_type, amount, effective_from, created_at, updated_at)
    values (p_product_id, p_price_type, p_amount, v_now, v_now, v_now)
    returning * into v_price;
    return v_price;
end;
$$;

comment on function inventory.set_price(bigint, inventory.money, text) is
'Make p_amount the product''s price of this type from now on: a new rule that ends the active one.

Locks the product''s stock row, so that two callers leave one open price.';
