create or replace function http.create_catalog_supplier(
    p_name inventory.name,
    p_description inventory.description default null,
    p_business_name inventory.name default null,
    p_email inventory.email default null,
    p_phone_number inventory.phone_number default null
)
returns json
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_id constant bigint := (inventory.create_supplier(p_name, p_phone_number, p_business_name, p_email, p_description)).id;
begin
    return (select c.item from http.catalog_supplier_json as c where c.id = v_id);
end;
$$;

comment on function http.create_catalog_supplier(
    inventory.name, inventory.description, inventory.name, inventory.email, inventory.phone_number
) is
'Create a supplier.

No two suppliers have the same e-mail address, ignoring case.

Returns "catalog_supplier_json"
Errors: DUPLICATE_SUPPLIER_EMAIL.';

grant execute on function http.create_catalog_supplier(
    inventory.name, inventory.description, inventory.name, inventory.email, inventory.phone_number
) to inventory_admin;
