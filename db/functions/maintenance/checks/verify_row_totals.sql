create or replace function maintenance.verify_row_totals()
returns table (check_name text, product_id bigint, subject text, expected numeric, found numeric)
language plpgsql
stable
as $$
begin
    return query
    select
        'row total is right', null::bigint, c.subject || coalesce(' of category ' || nullif(c.category_id, 0), '')
        || coalesce(' of brand ' || nullif(c.brand_id, 0), ''), c.expected, c.found
    from maintenance.row_totals() as c;
end;
$$;

comment on function maintenance.verify_row_totals() is
'The part of maintenance.verify() for the totals of lists (store.row_total), which belong to no product.';
