create or replace function http.list_movements(
    p_product_id bigint,
    p_page inventory.page_number default 1,
    p_per_page inventory.per_page default 20
)
returns json
language plpgsql
stable
cost 10000
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_page constant bigint := coalesce(p_page, 1);
    v_per_page constant integer := coalesce(p_per_page, 20);
    v_count_limit constant bigint := http.count_limit(v_page, v_per_page);
begin
    perform inventory.require_inventory(p_product_id);

    return (
        with matching as not materialized (
            select m as item, m.number
            from store.movement as m
            where
                m.product_id = p_product_id
        )

        select json_build_object(
            'movements',
            (
                select coalesce(json_agg(http.movement_json(r.item) order by r.number desc), '[]')
                from (
                    select *
                    from matching as m
                    order by m.number desc
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

comment on function http.list_movements(bigint, inventory.page_number, inventory.per_page) is
'List the movements of a product, newest first.

page: from 1 (default 1); per_page: 1 to 100 (default 20).

Returns {"movements": ["movement_json"], "pagination": "pagination"}
Errors: INVENTORY_NOT_FOUND, PRODUCT_NOT_FOUND.';

grant execute on function http.list_movements(bigint, inventory.page_number, inventory.per_page) to inventory_employee;
