create or replace function maintenance.change_role(username text, role inventory.user_role)
returns inventory.user_info
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return inventory.update_user(maintenance.user_id(username), p_role => role);
end;
$$;

comment on function maintenance.change_role(text, inventory.user_role) is
'Change a user''s role, and revoke the refresh tokens issued before. Errors: USER_NOT_FOUND.';

grant execute on function maintenance.change_role(text, inventory.user_role) to inventory_maintenance;
