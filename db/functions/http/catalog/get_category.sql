create or replace function http.get_category(p_id bigint)
returns json
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform inventory.require_category(p_id);
    return (select c.item from http.category_json as c where c.id = p_id);
end;
$$;

comment on function http.get_category(bigint) is
'Get a category.

Returns "category_json"
Errors: CATEGORY_NOT_FOUND.';

grant execute on function http.get_category(bigint) to inventory_employee;
