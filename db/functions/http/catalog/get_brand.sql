create or replace function http.get_brand(p_id bigint)
returns json
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform inventory.require_brand(p_id);
    return (select b.item from http.brand_json as b where b.id = p_id);
end;
$$;

comment on function http.get_brand(bigint) is
'Get a brand.

Returns "brand_json"
Errors: BRAND_NOT_FOUND.';

grant execute on function http.get_brand(bigint) to inventory_employee;
