create or replace function http.get_location_stock(
    p_code inventory.location_code,
    p_limit inventory.page_limit default 1000,
    p_after inventory.search_text default null
)
returns json
language plpgsql
stable
cost 10000
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_location_id constant bigint := inventory.require_location(p_code);
begin
    return json_build_object(
        'location', p_code,
        'stock',
        (
            select
                coalesce(
                    json_agg(json_build_object('sku', h.sku, 'quantity', trim_scale(h.quantity)) order by h.sku), '[]'
                )
            from (
                select p.sku, l.quantity
                from store.location_stock as l
                inner join store.product as p on l.product_id = p.id
                where l.location_id = v_location_id and l.quantity > 0 and (p_after is null or p.sku > p_after)
                order by p.sku
                limit coalesce(p_limit, 1000)
            ) as h
        ),
        'total',
        (
            select count(*)
            from store.location_stock as l
            where l.location_id = v_location_id and l.quantity > 0
        )
    );
end;
$$;

comment on function http.get_location_stock(
    inventory.location_code, inventory.page_limit, inventory.search_text
) is
'Show the stock at a location, in order of SKU code.

limit: 1 to 1000 (default 1000). after: only SKUs with a higher code. total counts all SKUs at the location.

Returns {"location": "text", "stock": [{"sku": "text", "quantity": "quantity"}], "total": "integer"}
Errors: LOCATION_NOT_FOUND.';

grant execute on function http.get_location_stock(
    inventory.location_code, inventory.page_limit, inventory.search_text
) to inventory_operator;
