create or replace function http.get_category(p_id bigint)
returns json
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_id constant bigint := (inventory.require_category(p_id)).id;
begin
    return (select c.item from http.category_json as c where c.id = v_id);
end;
$$;

comment on function http.get_category(bigint) is
'Get a category.

Returns "category_json"
Errors: CATEGORY_NOT_FOUND.';

grant execute on function http.get_category(bigint) to inventory_employee;
