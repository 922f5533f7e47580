create or replace function http.list_inventory_items(
    p_limit inventory.page_limit default 1000,
    p_after bigint default null
)
returns json
language plpgsql
stable
cost 10000
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return (
        select coalesce(json_agg(i.item order by i.id), '[]')
        from http.inventory_item_json as i
        where
            i.id = any(
                array(
                    select p.id
                    from store.product as p
                    where p.id > coalesce(p_after, 0)
                    order by p.id
                    limit coalesce(p_limit, 1000)
                )
            )
    );
end;
$$;

comment on function http.list_inventory_items(inventory.page_limit, bigint) is
'List products with their stock, in order of id.

limit: 1 to 1000 (default 1000). after: only products with a higher id.

Returns ["inventory_item_json"]';

grant execute on function http.list_inventory_items(inventory.page_limit, bigint) to inventory_operator;
