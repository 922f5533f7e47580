create or replace function inventory.price_at(
    p_product_id bigint,
    p_price_type inventory.price_type default 'retail',
    p_at timestamptz default inventory.clock()
)
returns store.price
language plpgsql
stable
as $$
declare
    v_price store.price;
begin
    select * into v_price
    from store.price as p
    where
        p.product_id = p_product_id
        and p.price_type = p_price_type
        and p.effective_from <= p_at
        and (p.effective_to is null or p.effective_to > p_at)
    order by p.effective_from desc, p.id desc
    limit 1;
    return v_price;
end;
$$;

comment on function inventory.price_at(bigint, inventory.price_type, timestamptz) is
'The product''s price rule of this type at p_at, or null: of the rules whose period [effective_from, effective_to) holds
p_at, the one that began last; of two of the same instant, the one made last. One look-up in an index.';
