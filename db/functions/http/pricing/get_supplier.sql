create or replace function http.get_supplier(p_supplier_id bigint)
returns json
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform inventory.require_supplier(p_supplier_id);
    return json_build_object('supplier', (select s.item from http.supplier_json as s where s.id = p_supplier_id));
end;
$$;

comment on function http.get_supplier(bigint) is
'Show a supplier.

Returns {"supplier": "supplier_json"}
Errors: SUPPLIER_NOT_FOUND.';

grant execute on function http.get_supplier(bigint) to inventory_employee;
