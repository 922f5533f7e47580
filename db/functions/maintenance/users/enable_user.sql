create or replace function maintenance.enable_user(username text)
returns inventory.user_info
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return inventory.update_user(maintenance.user_id(username), p_is_active => true);
end;
$$;

comment on function maintenance.enable_user(text) is
'Let a disabled user log in again. Errors: USER_NOT_FOUND.';

grant execute on function maintenance.enable_user(text) to inventory_maintenance;
