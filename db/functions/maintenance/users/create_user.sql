create or replace function maintenance.create_user(
    username inventory.username,
    password inventory.password,
    role inventory.user_role
)
returns inventory.user_info
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return inventory.create_user(username, password, role);
end;
$$;

comment on function maintenance.create_user(inventory.username, inventory.password, inventory.user_role) is
'Create a user who may log in over HTTP; role: operator, employee or admin.

Errors: DUPLICATE_USERNAME; 22023 for a short password.';

grant execute on function maintenance.create_user(
    inventory.username, inventory.password, inventory.user_role
) to inventory_maintenance;
