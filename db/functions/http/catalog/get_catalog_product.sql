create or replace function http.get_catalog_product(p_id bigint)
returns json
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_id constant bigint := (inventory.require_product(p_id)).id;
begin
    return (select c.item from http.catalog_product_json as c where c.id = v_id);
end;
$$;

comment on function http.get_catalog_product(bigint) is
'Get a product.

Returns "catalog_product_json"
Errors: PRODUCT_NOT_FOUND.';

grant execute on function http.get_catalog_product(bigint) to inventory_employee;
