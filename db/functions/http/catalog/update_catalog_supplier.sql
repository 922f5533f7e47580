create or replace function http.update_catalog_supplier(
    p_id bigint,
    p_name inventory.name default null,
    p_description inventory.description default null,
    p_business_name inventory.name default null,
    p_email inventory.email default null,
    p_phone_number inventory.phone_number default null,
    p_actor text default null
)
returns json
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_id constant bigint := (
        inventory.update_supplier(p_id, p_name, p_phone_number, p_business_name, p_email, p_description, p_actor)
    ).id;
begin
    return (select c.item from http.catalog_supplier_json as c where c.id = v_id);
end;
$$;

comment on function http.update_catalog_supplier(
    bigint, inventory.name, inventory.description, inventory.name, inventory.email, inventory.phone_number, text
) is
'Change a supplier; fields that are left out stay as they are.

Returns "catalog_supplier_json"
Errors: DUPLICATE_SUPPLIER_EMAIL, SUPPLIER_NOT_FOUND.';

grant execute on function http.update_catalog_supplier(
    bigint, inventory.name, inventory.description, inventory.name, inventory.email, inventory.phone_number, text
) to inventory_admin;
