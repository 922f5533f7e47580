create or replace function inventory.has_development_admin()
returns boolean
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform inventory.authenticate('admin', 'admin');
    return true;
exception
    when sqlstate 'IV014' then -- NO_ACTIVE_ACCOUNT
        return false;
end;
$$;

comment on function inventory.has_development_admin() is
'Whether the login of .env.dev (admin, admin) works: a production server refuses to start then.';

grant execute on function inventory.has_development_admin() to inventory_admin;
