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
declare
    v_most constant bigint := 1000000;
    v_ids constant bigint [] := array(
        select l.id
        from store.location as l
        where p_after is null or l.code > p_after
        order by l.code
        limit coalesce(p_limit, 1000)
    );
    v_locations json;
    v_rows bigint;
begin
    select
        coalesce(
            json_agg(
                json_build_object('code', l.code, 'quantity', coalesce(s.quantity, 0), 'products', coalesce(s.products, 0))
                order by l.code
            ),
            '[]'
        ),
        sum(s.rows)
    into v_locations, v_rows
    from store.location as l
    left join (
        select
            h.location_id,
            trim_scale(sum(h.quantity)) as quantity,
            count(*) filter (where h.quantity > 0) as products,
            count(*) as rows
        from (select * from store.location_stock as h where h.location_id = any(v_ids) limit v_most + 1) as h
        group by h.location_id
    ) as s on l.id = s.location_id
    where l.id = any(v_ids);
    if v_rows > v_most then
        raise exception using
            errcode = 'invalid_parameter_value',
            message = format('these places hold more than %s products: list fewer of them', v_most),
            detail = jsonb_build_object('field', 'limit', 'input', p_limit);
    end if;
    return json_build_object('locations', v_locations, 'total', (select count(*) from store.location));
end;
$$;

comment on function http.list_locations(inventory.page_limit, inventory.location_code) is
'List the locations with the quantity that each holds, in order of code.

limit: 1 to 1000 (default 1000). after: only locations with a higher code. total counts all locations. If the listed locations
hold more than 1 000 000 products together, the request is refused (422), because summing them up would take too long: use a lower
limit.

Returns {"locations": [{"code": "text", "quantity": "quantity", "products": "integer"}], "total": "integer"}';

grant execute on function http.list_locations(inventory.page_limit, inventory.location_code) to inventory_operator;
