create or replace function http.list_sales(
    p_product_id bigint default null,
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
as $$
declare
    v_page record;
begin
    v_page := http.numbered_page(
        p_page, p_per_page,
        concat(
            'select s.id, s.created_at from store.sale as s where true',
            ' and s.product_id = ' || p_product_id,
            ' and s.created_at >= ' || quote_literal(inventory.instant_text(inventory.earliest_instant(p_date_from))),
            ' and s.created_at <= ' || quote_literal(inventory.instant_text(inventory.latest_instant(p_date_to)))
        ),
        'm.created_at desc, m.id desc'
    );
    return json_build_object(
        'sales',
        (
            select coalesce(json_agg(s.item order by array_position(v_page.ids, s.id)), '[]')
            from http.sale_json as s
            where s.id = any(v_page.ids)
        ),
        'pagination', v_page.pagination
    );
end;
$$;

comment on function http.list_sales(
    bigint, inventory.iso_time, inventory.iso_time, inventory.page_number, inventory.per_page
) is
'List the sales and returns, newest first.

product_id: only sales of that product. date_from, date_to: the period; a date means the whole day.
page: from 1 (default 1). per_page: 1 to 100 (default 20).

Returns {"sales": ["sale_json"], "pagination": "pagination"}';

grant execute on function http.list_sales(
    bigint, inventory.iso_time, inventory.iso_time, inventory.page_number, inventory.per_page
) to inventory_employee;
