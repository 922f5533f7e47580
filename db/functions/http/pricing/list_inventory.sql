create or replace function http.list_inventory(
    p_product_id bigint default null,
    p_status inventory.stock_status default null,
    p_low_stock boolean default null,
    p_q inventory.search_text default null,
    p_page inventory.page_number default 1,
    p_per_page inventory.per_page default 20
)
returns json
language plpgsql
stable
cost 10000
security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $$
declare
    v_page constant bigint := coalesce(p_page, 1);
    v_per_page constant integer := coalesce(p_per_page, 20);
    v_count_limit constant bigint := http.count_limit(v_page, v_per_page);
    v_pattern constant text := inventory.like_pattern(p_q);
begin
    return (
        with matching as not materialized (
            select s as item, s.product_id
            from store.stock as s
            inner join store.product as p on s.product_id = p.id
            where
                (p_product_id is null or s.product_id = p_product_id)
                and (p_status is null or s.status = p_status)
                and (p_low_stock is not true or s.is_low)
                and (p_q is null or p.name ilike v_pattern or p.sku ilike v_pattern)
        )

        select json_build_object(
            'inventory',
            (
                select coalesce(json_agg(http.inventory_json(r.item) order by r.product_id), '[]')
                from (
                    select *
                    from matching as m
                    order by m.product_id
                    limit v_per_page offset (v_page - 1) * v_per_page
                ) as r
            ),
            'pagination',
            http.pagination(
                v_page, v_per_page, (select count(*) from (select from matching limit v_count_limit) as c), v_count_limit
            )
        )
    );
end;
$$;

comment on function http.list_inventory(
    bigint, inventory.stock_status, boolean, inventory.search_text, inventory.page_number, inventory.per_page
) is
'List the inventory, in order of product.

product_id, status: only that product, that status. low_stock: true for those whose quantity is at or below their reorder
point. q: those whose name or SKU code contains it, minding no case. page: from 1 (default 1); per_page: 1 to 100 (default 20).

Returns {"inventory": ["inventory_json"], "pagination": "pagination"}';

grant execute on function http.list_inventory(
    bigint, inventory.stock_status, boolean, inventory.search_text, inventory.page_number, inventory.per_page
) to inventory_employee;
