create or replace function maintenance.rebuild_prices(p_product_id bigint)
returns table (table_name text, found jsonb, wanted jsonb, problem text)
language plpgsql
stable
as $$
declare
    v_now constant timestamptz := inventory.clock();
begin
    return query
    select 'product', to_jsonb(p), to_jsonb(p) || jsonb_build_object('retail_price', a.amount), null::text
    from store.product as p
    cross join lateral (select inventory.active_price(p.id, p_at => v_now) as amount) as a
    where p.id = p_product_id and p.retail_price is distinct from a.amount
    union all
    select
        'price_turn', null,
        jsonb_build_object('product_id', p_product_id, 'price_type', r.price_type, 'at', e.at), null
    from store.price as r
    cross join lateral (values (r.effective_from), (r.effective_to)) as e (at)
    where
        r.product_id = p_product_id
        and e.at > v_now
        and not exists (
            select from store.price_turn as t
            where t.product_id = r.product_id and t.price_type = r.price_type and t.at = e.at
        )
    group by r.price_type, e.at;
end;
$$;

comment on function maintenance.rebuild_prices(bigint) is
'What repairs the differences that maintenance.verify_prices() finds: the stored retail price, and the instants at which prices
change, both from the price rules. Returns rows as maintenance.plan_of() does.';
