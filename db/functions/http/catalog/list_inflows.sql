create or replace function http.list_inflows(
    p_supplier bigint default null,
    p_product bigint default null,
    p_date_from inventory.iso_time default null,
    p_date_to inventory.iso_time default null,
    p_ordering inventory.search_text default null,
    p_page text default null,
    p_page_size text default null,
    p_url text default null
)
returns json
language plpgsql
stable
cost 10000
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_conditions constant text := concat(
        ' and f.supplier_id = ' || p_supplier,
        ' and f.product_id = ' || p_product,
        ' and f.created_at >= ' || quote_literal(inventory.instant_text(inventory.earliest_instant(p_date_from))),
        ' and f.created_at <= ' || quote_literal(inventory.instant_text(inventory.latest_instant(p_date_to)))
    );
    v_order constant text := http.order_by(
        p_ordering,
        '{"id": "m.id", "supplier": "m.supplier_name", "product": "m.product_name", "quantity": "m.quantity",'
        ' "description": "m.description", "created_at": "m.created_at", "updated_at": "m.created_at"}',
        'id'
    );
    v_page record;
begin
    v_page := http.page(
        p_url, p_page, p_page_size,
        case
            when v_order ~ '(supplier|product)_name'
                then
                    'select f.*, p.name as product_name, s.name as supplier_name from store.inflow as f'
                    ' inner join store.product as p on f.product_id = p.id'
                    ' inner join store.supplier as s on f.supplier_id = s.id where true'
            else 'select f.* from store.inflow as f where true'
        end || v_conditions,
        v_order,
        case when v_conditions = '' then inventory.row_total('inflow') end
    );
    return http.page_json(
        v_page.count, v_page.next, v_page.previous,
        (
            select json_agg(i.item order by array_position(v_page.ids, i.id))
            from http.inflow_json as i
            where i.id = any(v_page.ids)
        )
    );
end;
$$;

comment on function http.list_inflows(
    bigint, bigint, inventory.iso_time, inventory.iso_time, inventory.search_text, text, text, text
) is
'List the inflows, in order of id.

supplier, product: only inflows of that supplier, of that product. date_from, date_to: the period; a date means the whole day.
ordering: the fields to sort by, separated by commas; a - before a field sorts in descending order.
page: from 1 (default 1). page_size: at most 100 (default 10).

Returns {"count": "integer", "next": "text?", "previous": "text?", "results": ["inflow_json"]}
Errors: PAGE_NOT_FOUND.';

grant execute on function http.list_inflows(
    bigint, bigint, inventory.iso_time, inventory.iso_time, inventory.search_text, text, text, text
) to inventory_employee;
