create or replace function http.update_category(
    p_id bigint,
    p_name inventory.name default null,
    p_description inventory.description default null,
    p_actor text default null
)
returns json
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_id constant bigint := (inventory.update_category(p_id, p_name, p_description, p_actor)).id;
begin
    return (select c.item from http.category_json as c where c.id = v_id);
end;
$$;

comment on function http.update_category(bigint, inventory.name, inventory.description, text) is
'Change a category; fields that are left out stay as they are.

Returns "category_json"
Errors: CATEGORY_NOT_FOUND, DUPLICATE_CATEGORY.';

grant execute on function http.update_category(bigint, inventory.name, inventory.description, text) to inventory_admin;
