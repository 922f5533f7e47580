create or replace function http.delete_brand(p_id bigint)
returns json
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform inventory.delete_brand(p_id);
    return null;
end;
$$;

comment on function http.delete_brand(bigint) is
'Delete a brand that no product has.

Errors: BRAND_NOT_FOUND, PROTECTED.';

grant execute on function http.delete_brand(bigint) to inventory_admin;
