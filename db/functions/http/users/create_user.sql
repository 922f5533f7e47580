create or replace function http.create_user(
    p_username inventory.username,
    p_password inventory.password,
    p_role inventory.user_role,
    p_actor text default null
)
returns json
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_id constant bigint := (inventory.create_user(p_username, p_password, p_role, p_actor)).id;
begin
    return (select u.item from http.user_json as u where u.id = v_id);
end;
$$;

comment on function http.create_user(inventory.username, inventory.password, inventory.user_role, text) is
'Create a user.

Names are case-insensitive.

Returns "user_json"
Errors: DUPLICATE_USERNAME.';

grant execute on function http.create_user(
    inventory.username, inventory.password, inventory.user_role, text
) to inventory_admin;
