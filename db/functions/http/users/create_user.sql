create or replace function http.create_user(
    p_username inventory.username,
    p_password inventory.password,
    p_role inventory.user_role
)
returns json
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return http.user_json(inventory.create_user(p_username, p_password, p_role));
end;
$$;

comment on function http.create_user(inventory.username, inventory.password, inventory.user_role) is
'Create a user.

Names mind no case.

Returns {"id": "integer", "username": "username", "role": "user_role", "is_active": "boolean", "created_at": "timestamp",
"updated_at": "timestamp"}
Errors: DUPLICATE_USERNAME.';

grant execute on function http.create_user(
    inventory.username, inventory.password, inventory.user_role
) to inventory_admin;
