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
as $$
declare
    v_page record;
begin
    v_page := http.numbered_page(
        p_page, p_per_page,
        concat(
            'select p.id, p.created_at from store.purchase as p where true',
            ' and p.product_id = ' || p_product_id,
            ' and p.supplier_id = ' || p_supplier_id,
            ' and p.created_at >= ' || quote_literal(inventory.instant_text(inventory.earliest_instant(p_date_from))),
            ' and p.created_at <= ' || quote_literal(inventory.instant_text(inventory.latest_instant(p_date_to)))
        ),
        'm.created_at desc, m.id desc'
    );
    return json_build_object(
        'purchases',
        (
            select coalesce(json_agg(p.item order by array_position(v_page.ids, p.id)), '[]')
            from http.purchase_json as p
            where p.id = any(v_page.ids)
        ),
        'pagination', v_page.pagination
    );
end;
$$;

comment on function http.list_purchases(
    bigint, bigint, inventory.iso_time, inventory.iso_time, inventory.page_number, inventory.per_page
) is
'List the purchases, newest first.

product_id, supplier_id: only purchases of that product, from that supplier.
date_from, date_to: the period; a date means the whole day.
page: from 1 (default 1). per_page: 1 to 100 (default 20).

Returns {"purchases": ["purchase_json"], "pagination": "pagination"}';

grant execute on function http.list_purchases(
    bigint, bigint, inventory.iso_time, inventory.iso_time, inventory.page_number, inventory.per_page
) to inventory_employee;
