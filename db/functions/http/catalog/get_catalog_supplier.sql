create or replace function http.get_catalog_supplier(p_id bigint)
returns json
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform inventory.require_supplier(p_id);
    return (select c.item from http.catalog_supplier_json as c where c.id = p_id);
end;
$$;

comment on function http.get_catalog_supplier(bigint) is
'Get a supplier.

Returns "catalog_supplier_json"
Errors: SUPPLIER_NOT_FOUND.';

grant execute on function http.get_catalog_supplier(bigint) to inventory_employee;
