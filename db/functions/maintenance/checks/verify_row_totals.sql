create or replace function maintenance.verify_row_totals()
returns table (check_name text, product_id bigint, subject text, expected numeric, found numeric)
language plpgsql
stable
as $$
begin
    return query
    select
        'row total is right', null::bigint, c.subject || coalesce(' of category ' || c.category_id, '')
        || coalesce(' of brand ' || c.brand_id, ''), c.expected, c.found
    from (
        select
            coalesce(a.subject, r.subject) as subject, coalesce(a.category_id, r.category_id) as category_id,
            coalesce(a.brand_id, r.brand_id) as brand_id, coalesce(a.count, 0) as expected, coalesce(r.count, 0) as found
        from (
            select 'product by category and brand' as subject, p.category_id, p.brand_id, count(*)::numeric as count
            from store.product as p
            where p.category_id is not null or p.brand_id is not null
            group by p.category_id, p.brand_id
            union all
            select 'product', null, null, count(*) from store.product
            union all
            select 'inflow', null, null, count(*) from store.inflow
            union all
            select 'outflow', null, null, count(*) from store.outflow
        ) as a
        full join (
            select o.subject, o.category_id, o.brand_id, sum(o.delta) as count
            from store.row_total as o
            group by o.subject, o.category_id, o.brand_id
        ) as r
            on
                a.subject = r.subject
                and coalesce(a.category_id, 0) = coalesce(r.category_id, 0)
                and coalesce(a.brand_id, 0) = coalesce(r.brand_id, 0)
    ) as c
    where c.expected <> c.found;
end;
$$;

comment on function maintenance.verify_row_totals() is
'The part of maintenance.verify() for the totals of lists (store.row_total), which belong to no product.';
