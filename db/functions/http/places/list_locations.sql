create or replace function http.list_locations(
    p_limit inventory.page_limit default 1000,
    p_after inventory.location_code default null
)
returns json
language plpgsql
stable
cost 10000
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return json_build_object(
        'locations',
        (
            select
                coalesce(
                    json_agg(
                        json_build_object('code', l.code, 'quantity', trim_scale(s.quantity), 'products', s.products)
                        order by l.code
                    ),
                    '[]'
                )
            from (
                select a.id, a.code
                from store.location as a
                where p_after is null or a.code > p_after
                order by a.code
                limit coalesce(p_limit, 1000)
            ) as l
            cross join lateral (
                select coalesce(sum(h.quantity), 0) as quantity, count(*) filter (where h.quantity > 0) as products
                from store.location_stock as h
                where h.location_id = l.id
            ) as s
        ),
        'total', (select count(*) from store.location)
    );
end;
$$;

comment on function http.list_locations(inventory.page_limit, inventory.location_code) is
'List the places with how much lies there, in order of code.

limit: 1 to 1000 (default 1000). after: only those with a higher code. total counts all.

Returns {"locations": [{"code": "text", "quantity": "quantity", "products": "integer"}], "total": "integer"}';

grant execute on function http.list_locations(inventory.page_limit, inventory.location_code) to inventory_operator;
