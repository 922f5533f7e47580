create or replace function http.delete_product(p_id bigint, p_actor text default null, p_expected text default null)
returns json
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform inventory.delete_product(p_id, p_actor, p_expected);
    return null;
end;
$$;

comment on function http.delete_product(bigint, text, text) is
'Delete a product that has only its first stock and corrections of it.

Errors: PRODUCT_NOT_FOUND, PROTECTED.';

grant execute on function http.delete_product(bigint, text, text) to inventory_admin;
