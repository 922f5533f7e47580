create or replace function inventory.active_price(
    p_product_id bigint,
    p_price_type inventory.price_type default 'retail',
    p_at timestamptz default inventory.clock()
)
returns numeric
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return (select p.amount from inventory.price_at(p_product_id, p_price_type, p_at) as p);
end;
$$;

comment on function inventory.active_price(bigint, inventory.price_type, timestamptz) is
'The amount of the product''s active price of this type at p_at, or null if there is none: see inventory.price_at.';

grant execute on function inventory.active_price(bigint, inventory.price_type, timestamptz) to inventory_public;
