create or replace function maintenance.verify_prices(p_from bigint, p_to bigint)
returns table (check_name text, product_id bigint, subject text, expected numeric, found numeric)
language plpgsql
stable
as $$
declare
    v_now constant timestamptz := inventory.clock();
begin
    return query
    -- The price that lists search by is the active one, unless a change is due. Each future beginning or end of a rule is
    -- scheduled.
    select
        'retail price is the active one', p.id, 'retail price'::text, coalesce(a.amount, -1), coalesce(p.retail_price, -1)
    from store.product as p
    cross join lateral (select inventory.active_price(p.id, p_at => v_now) as amount) as a
    where
        p.id between p_from and p_to
        and a.amount is distinct from p.retail_price
        and not exists (
            select from store.price_turn as t
            where t.product_id = p.id and t.price_type = 'retail' and t.at <= v_now
        )
    union all
    select 'price rule ahead has its turn', r.product_id, format('price %s', r.id), 1, 0
    from store.price as r
    -- The rules of a deleted product are kept, but its scheduled changes are not.
    inner join store.product as p on r.product_id = p.id
    cross join lateral (values (r.effective_from), (r.effective_to)) as e (at)
    where
        r.product_id between p_from and p_to
        and e.at > v_now
        and not exists (
            select from store.price_turn as t
            where t.product_id = r.product_id and t.price_type = r.price_type and t.at = e.at
        );
end;
$$;

comment on function maintenance.verify_prices(bigint, bigint) is
'The part of maintenance.verify() for prices: products show the active retail price, and every future price change is scheduled.';
