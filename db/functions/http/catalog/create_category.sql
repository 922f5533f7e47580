create or replace function http.create_category(
    p_name inventory.name,
    p_description inventory.description default null
)
returns json
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_id constant bigint := (inventory.create_category(p_name, p_description)).id;
begin
    return (select c.item from http.category_json as c where c.id = v_id);
end;
$$;

comment on function http.create_category(inventory.name, inventory.description) is
'Create a category.

Names are case-insensitive.

Returns "category_json"
Errors: DUPLICATE_CATEGORY.';

grant execute on function http.create_category(inventory.name, inventory.description) to inventory_admin;
