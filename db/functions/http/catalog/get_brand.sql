create or replace function http.get_brand(p_id bigint)
returns json
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_id constant bigint := (inventory.require_brand(p_id)).id;
begin
    return (select b.item from http.brand_json as b where b.id = v_id);
end;
$$;

comment on function http.get_brand(bigint) is
'Get a brand.

Returns "brand_json"
Errors: BRAND_NOT_FOUND.';

grant execute on function http.get_brand(bigint) to inventory_employee;
