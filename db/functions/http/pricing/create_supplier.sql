create or replace function http.create_supplier(
    p_name inventory.name,
    p_phone_number inventory.phone_number,
    p_business_name inventory.name default null,
    p_email inventory.email default null
)
returns json
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_id bigint;
begin
    perform inventory.require_argument('phone_number', p_phone_number is null);
    v_id := (inventory.create_supplier(p_name, p_phone_number, p_business_name, p_email)).id;
    return json_build_object('supplier', (select s.item from http.supplier_json as s where s.id = v_id));
end;
$$;

comment on function http.create_supplier(
    inventory.name, inventory.phone_number, inventory.name, inventory.email
) is
'Create a supplier.

No two suppliers have the same e-mail address, ignoring case.

Returns {"supplier": "supplier_json"}
Errors: DUPLICATE_SUPPLIER_EMAIL.';

grant execute on function http.create_supplier(
    inventory.name, inventory.phone_number, inventory.name, inventory.email
) to inventory_admin;
