create or replace function http.list_suppliers(
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
begin
    return (
        with matching as not materialized (
            select s as item, s.id
            from store.supplier as s
        )

        select json_build_object(
            'suppliers',
            (
                select coalesce(json_agg(http.supplier_json(r.item) order by r.id), '[]')
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

comment on function http.list_suppliers(inventory.page_number, inventory.per_page) is
'List the suppliers, in order of id.

page: from 1 (default 1); per_page: 1 to 100 (default 20).

Returns {"suppliers": ["supplier_json"], "pagination": "pagination"}';

grant execute on function http.list_suppliers(inventory.page_number, inventory.per_page) to inventory_employee;
