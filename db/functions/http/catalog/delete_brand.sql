create or replace function http.delete_brand(p_id bigint, p_actor text default null)
returns json
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform inventory.delete_brand(p_id, p_actor);
    return null;
end;
$$;

comment on function http.delete_brand(bigint, text) is
'Delete a brand that no product has.

Errors: BRAND_NOT_FOUND, PROTECTED.';

grant execute on function http.delete_brand(bigint, text) to inventory_admin;
