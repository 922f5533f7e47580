create or replace function http.create_brand(
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
    v_id constant bigint := (inventory.create_brand(p_name, p_description)).id;
begin
    return (select b.item from http.brand_json as b where b.id = v_id);
end;
$$;

comment on function http.create_brand(inventory.name, inventory.description) is
'Create a brand.

Names are case-insensitive.

Returns "brand_json"
Errors: DUPLICATE_BRAND.';

grant execute on function http.create_brand(inventory.name, inventory.description) to inventory_admin;
