create or replace function http.get_catalog_product(p_id bigint)
returns json
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_read record;
begin
    select c.item, set_config('inventory.etag', c.tag, true)
    into v_read
    from http.catalog_product_json as c
    where c.id = p_id;
    if not found then
        perform inventory.require_product(p_id);
    end if;
    return v_read.item;
end;
$$;

comment on function http.get_catalog_product(bigint) is
'Get a product.

Returns "catalog_product_json"
Errors: PRODUCT_NOT_FOUND.';

grant execute on function http.get_catalog_product(bigint) to inventory_employee;
