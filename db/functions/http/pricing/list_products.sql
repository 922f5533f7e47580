create or replace function http.list_products(
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
            select p as item, p.id
            from store.product as p
            where
                (
                    p_q is null
                    or p.name ilike v_pattern
                    or p.sku ilike v_pattern
                )
        )

        select json_build_object(
            'products',
            (
                select coalesce(json_agg(http.product_json(r.item) order by r.id), '[]')
                from (
                    select *
                    from matching as m
                    order by m.id
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

comment on function http.list_products(inventory.search_text, inventory.page_number, inventory.per_page) is
'List the products, in order of id.

q: those whose name or SKU code contains it, minding no case. page: from 1 (default 1); per_page: 1 to 100 (default 20).

Returns {"products": ["product_json"], "pagination": "pagination"}';

grant execute on function http.list_products(inventory.search_text, inventory.page_number, inventory.per_page)
to inventory_public;
