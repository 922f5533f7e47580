create or replace function http.delete_catalog_supplier(p_id bigint, p_actor text default null)
returns json
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform inventory.delete_supplier(p_id, p_actor);
    return null;
end;
$$;

comment on function http.delete_catalog_supplier(bigint, text) is
'Delete a supplier without purchases or inflows.

Errors: PROTECTED, SUPPLIER_NOT_FOUND.';

grant execute on function http.delete_catalog_supplier(bigint, text) to inventory_admin;
