create or replace function http.list_units(
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
        'select u.id from store.unit as u',
        'm.id'
    );
    return json_build_object(
        'units',
        (
            select coalesce(json_agg(u.item order by array_position(v_page.ids, u.id)), '[]')
            from http.unit_json as u
            where u.id = any(v_page.ids)
        ),
        'pagination', v_page.pagination
    );
end;
$$;

comment on function http.list_units(inventory.page_number, inventory.per_page) is
'List the units of measure, in order of id.

page: from 1 (default 1). per_page: 1 to 100 (default 20).

Returns {"units": ["unit_json"], "pagination": "pagination"}';

grant execute on function http.list_units(inventory.page_number, inventory.per_page) to inventory_employee;
