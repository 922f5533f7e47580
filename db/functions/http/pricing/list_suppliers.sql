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
as $$
declare
    v_page record;
begin
    v_page := http.numbered_page(
        p_page, p_per_page,
        'select s.id from store.supplier as s',
        'm.id'
    );
    return json_build_object(
        'suppliers',
        (
            select coalesce(json_agg(s.item order by array_position(v_page.ids, s.id)), '[]')
            from http.supplier_json as s
            where s.id = any(v_page.ids)
        ),
        'pagination', v_page.pagination
    );
end;
$$;

comment on function http.list_suppliers(inventory.page_number, inventory.per_page) is
'List the suppliers, in order of id.

page: from 1 (default 1). per_page: 1 to 100 (default 20).

Returns {"suppliers": ["supplier_json"], "pagination": "pagination"}';

grant execute on function http.list_suppliers(inventory.page_number, inventory.per_page) to inventory_employee;
