create or replace function http.delete_category(p_id bigint, p_actor text default null)
returns json
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform inventory.delete_category(p_id, p_actor);
    return null;
end;
$$;

comment on function http.delete_category(bigint, text) is
'Delete a category that no product has.

Errors: CATEGORY_NOT_FOUND, PROTECTED.';

grant execute on function http.delete_category(bigint, text) to inventory_admin;
