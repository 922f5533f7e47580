create or replace function maintenance.row_totals()
returns table (subject text, category_id bigint, brand_id bigint, expected numeric, found numeric)
language plpgsql
stable
as $$
begin
    return query
    select
        coalesce(a.subject, r.subject), coalesce(a.category_id, r.category_id), coalesce(a.brand_id, r.brand_id),
        coalesce(a.count, 0), coalesce(r.count, 0)
    from (
        select
            'product by category and brand' as subject, coalesce(p.category_id, 0) as category_id,
            coalesce(p.brand_id, 0) as brand_id, count(*)::numeric as count
        from store.product as p
        where p.category_id is not null or p.brand_id is not null
        group by p.category_id, p.brand_id
        union all
        select 'product', 0, 0, count(*) from store.product
        union all
        select 'inflow', 0, 0, count(*) from store.inflow
        union all
        select 'outflow', 0, 0, count(*) from store.outflow
    ) as a
    full join (
        select
            o.subject, coalesce(o.category_id, 0) as category_id, coalesce(o.brand_id, 0) as brand_id, sum(o.delta) as count
        from store.row_total as o
        group by o.subject, coalesce(o.category_id, 0), coalesce(o.brand_id, 0)
    ) as r
        on a.subject = r.subject and a.category_id = r.category_id and a.brand_id = r.brand_id
    where coalesce(a.count, 0) <> coalesce(r.count, 0);
end;
$$;

comment on function maintenance.row_totals() is
'The totals of lists (store.row_total) that differ from the number of rows, counted anew. 0: no category, or no brand.';
