create or replace function http.delete_category(p_id bigint)
returns json
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform inventory.delete_category(p_id);
    return null;
end;
$$;

comment on function http.delete_category(bigint) is
'Delete a category that no product has.

Errors: CATEGORY_NOT_FOUND, PROTECTED.';

grant execute on function http.delete_category(bigint) to inventory_admin;
