create or replace function maintenance.plan_of(p_product_id bigint)
returns table (check_name text, table_name text, found jsonb, wanted jsonb, problem text)
language plpgsql
stable
as $$
begin
    if p_product_id is null then
        return query
        select
            'row total is right', 'row_total', to_jsonb(t) - 'expected' - 'found' || jsonb_build_object('count', t.found),
            to_jsonb(t) - 'expected' - 'found' || jsonb_build_object('count', t.expected), null::text
        from maintenance.row_totals() as t;
        return;
    end if;

    return query
    with difference as materialized (
        select 'stock' as part, v.* from maintenance.verify_ledger(p_product_id, p_product_id) as v
        union all
        select 'stock', v.* from maintenance.verify_rules(p_product_id, p_product_id) as v
        union all
        select 'cost_layers', v.* from maintenance.verify_cost_layers(p_product_id, p_product_id) as v
        union all
        select 'blocks', v.* from maintenance.verify_blocks(p_product_id, p_product_id) as v
        union all
        select 'locations', v.* from maintenance.verify_locations(p_product_id, p_product_id) as v
        union all
        select 'trade', v.* from maintenance.verify_trade(p_product_id, p_product_id) as v
        union all
        select 'flows', v.* from maintenance.verify_flows(p_product_id, p_product_id) as v
        union all
        select 'prices', v.* from maintenance.verify_prices(p_product_id, p_product_id) as v
        union all
        select 'kits', v.* from maintenance.verify_kits(p_product_id, p_product_id) as v
    ),

    name as (
        select d.part, string_agg(distinct d.check_name, '; ') as checks from difference as d group by d.part
    ),

    step as materialized (
        select 'stock' as part, r.* from maintenance.rebuild_stock(p_product_id) as r
        where exists (select from difference as d where d.part in ('stock', 'locations', 'kits'))
        union all
        select 'cost_layers', r.* from maintenance.rebuild_cost_layers(p_product_id) as r
        where
            exists (
                select from difference as d
                where
                    d.part = 'cost_layers'
                    or d.check_name in ('moving average follows from the movements', 'deleted product has nothing left')
            )
        union all
        select 'blocks', r.* from maintenance.rebuild_blocks(p_product_id) as r
        where exists (select from difference as d where d.part = 'blocks')
        union all
        select 'locations', r.* from maintenance.rebuild_locations(p_product_id) as r
        where exists (select from difference as d where d.part = 'locations')
        union all
        select 'trade', r.* from maintenance.rebuild_trade(p_product_id) as r
        where exists (select from difference as d where d.part = 'trade')
        union all
        select 'flows', r.* from maintenance.rebuild_flows(p_product_id) as r
        where exists (select from difference as d where d.part = 'flows')
        union all
        select 'prices', r.* from maintenance.rebuild_prices(p_product_id) as r
        where exists (select from difference as d where d.part = 'prices')
    ),

    plan as (
        select coalesce(n.checks, a.checks) as check_name, s.table_name, s.found, s.wanted, s.problem
        from step as s
        left join name as n on s.part = n.part
        cross join (select string_agg(n.checks, '; ') as checks from name as n) as a
        union all
        -- Errors in the ledger itself have no repair: nothing else says what is right.
        select
            d.check_name, null, null, null,
            format(
                '%s: %s in place of %s.', d.subject, coalesce(trim_scale(d.found)::text, 'none'),
                coalesce(trim_scale(d.expected)::text, 'none')
            )
        from difference as d
        where
            d.check_name in (
                'movement is no earlier than the last', 'ledger has a stock row', 'movement keeps its rules',
                'location''s movement begins where the last ended', 'movement equals its locations',
                'repair undoes the break that it names', 'product with parts is a kit', 'block of a kit holds its parts',
                'block of a part ends with that of the kit', 'part of a sale equals its movement'
            )
            or (d.check_name = 'deleted product has nothing left' and d.subject = 'product rows')
            or (d.check_name = 'numbers have no gap' and d.subject not like '% now')
            or (
                d.check_name = 'stock keeps its rules'
                and d.subject in ('stock_reorder_point_not_negative', 'stock_status_known')
            )
            or (
                d.check_name = 'moving average follows from the movements'
                and d.subject not like '% now'
                and not exists (
                    select from step as s
                    where
                        s.table_name = 'cost_layer_use'
                        and d.subject like '% movement ' || coalesce(s.found ->> 'movement_id', s.wanted ->> 'movement_id')
                )
            )
            or (
                d.check_name = 'stock equals its last movement'
                and not exists (select from store.stock as s where s.product_id = p_product_id)
            )
            or not exists (select from step)
    )

    -- Where one difference has no repair, the other steps are not taken, and so not shown.
    select p.check_name, p.table_name, p.found, p.wanted, p.problem
    from plan as p
    where p.problem is not null or not exists (select from plan as o where o.problem is not null);
end;
$$;

comment on function maintenance.plan_of(bigint) is
'The steps that repair a product, or (null) the totals of lists; no row if nothing is wrong.

check_name: the checks of maintenance.verify() that found something. table_name, found, wanted: a row that is set back; found is
null if it is written anew, wanted is null if it is removed. For the table movement, wanted is a movement that is posted. problem:
why there is no repair; then only problems are returned.';
