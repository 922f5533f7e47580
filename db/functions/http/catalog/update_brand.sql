create or replace function http.update_brand(
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
    v_id constant bigint := (inventory.update_brand(p_id, p_name, p_description, p_actor)).id;
begin
    return (select b.item from http.brand_json as b where b.id = v_id);
end;
$$;

comment on function http.update_brand(bigint, inventory.name, inventory.description, text) is
'Change a brand; fields that are left out stay as they are.

Returns "brand_json"
Errors: BRAND_NOT_FOUND, DUPLICATE_BRAND.';

grant execute on function http.update_brand(bigint, inventory.name, inventory.description, text) to inventory_admin;
