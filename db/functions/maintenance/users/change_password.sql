create or replace function maintenance.change_password(username text, password inventory.password)
returns inventory.user_info
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return inventory.update_user(maintenance.user_id(username), p_password => password);
end;
$$;

comment on function maintenance.change_password(text, inventory.password) is
'Change a user''s password, and revoke the refresh tokens issued before. Errors: USER_NOT_FOUND; 22023 for a short password.';

grant execute on function maintenance.change_password(text, inventory.password) to inventory_maintenance;
