create or replace function maintenance.disable_user(username text)
returns inventory.user_info
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return inventory.update_user(maintenance.user_id(username), p_is_active => false);
end;
$$;

comment on function maintenance.disable_user(text) is
'Disable a user: the user cannot log in, and the refresh tokens issued before are refused. Errors: USER_NOT_FOUND.';

grant execute on function maintenance.disable_user(text) to inventory_maintenance;
