create or replace function http.list_purchases(
    p_product_id bigint default null,
    p_supplier_id bigint default null,
    p_date_from inventory.iso_time default null,
    p_date_to inventory.iso_time default null,
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
    v_from constant timestamptz := inventory.earliest_instant(p_date_from);
    v_to constant timestamptz := inventory.latest_instant(p_date_to);
begin
    return (
        with matching as not materialized (
            select p as item, p.created_at, p.id
            from store.purchase as p
            where
                (p_product_id is null or p.product_id = p_product_id)
                and (p_supplier_id is null or p.supplier_id = p_supplier_id)
                and (p_date_from is null or p.created_at >= v_from)
                and (p_date_to is null or p.created_at <= v_to)
        )

        select json_build_object(
            'purchases',
            (
                select coalesce(json_agg(http.purchase_json(r.item) order by r.created_at desc, r.id desc), '[]')
                from (
                    select *
                    from matching as m
                    order by m.created_at desc, m.id desc
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

comment on function http.list_purchases(
    bigint, bigint, inventory.iso_time, inventory.iso_time, inventory.page_number, inventory.per_page
) is
'List the purchases, newest first.

product_id, supplier_id: only of that product, of that supplier. date_from, date_to: from and up to a time; a day counts whole.
page: from 1 (default 1); per_page: 1 to 100 (default 20).

Returns {"purchases": ["purchase_json"], "pagination": "pagination"}';

grant execute on function http.list_purchases(
    bigint, bigint, inventory.iso_time, inventory.iso_time, inventory.page_number, inventory.per_page
) to inventory_employee;
