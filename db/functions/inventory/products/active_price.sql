create or replace function inventory.active_price(
    p_product_id bigint,
    p_price_type text default 'retail',
    p_at timestamptz default inventory.clock()
)
returns numeric
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return (
        select p.amount
        from store.price as p
        where
            p.product_id = p_product_id
            and p.price_type = p_price_type
            and p.effective_from <= p_at
            and (p.effective_to is null or p.effective_to > p_at)
        order by p.effective_from desc, p.id desc
        limit 1
    );
end;
$$;

comment on function inventory.active_price(bigint, text, timestamptz) is
'The product''s price of this type at p_at, or null: of the rules whose period [effective_from, effective_to) holds p_at,
the one that began last.';

grant execute on function inventory.active_price(bigint, text, timestamptz) to inventory_public;
