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
        select coalesce(json_agg(http.inventory_item_json(p) order by p.id), '[]')
        from (
            select *
            from store.product as a
            where a.id > coalesce(p_after, 0)
            order by a.id
            limit coalesce(p_limit, 1000)
        ) as p
    );
end;
$$;

comment on function http.list_inventory_items(inventory.page_limit, bigint) is
'List products with their stock, in order of id.

limit: how many, 1 to 1000 (default 1000). after: only those with a higher id.

Returns [{"id": "integer", "sku": "sku_code", "sku_id": "uuid", "name": "name", "description": "text?", "price": "money?",
"availableStock": "quantity", "reservedStock": "quantity", "blockedStock": "quantity", "onHandStock": "quantity"}]';

grant execute on function http.list_inventory_items(inventory.page_limit, bigint) to inventory_operator;
