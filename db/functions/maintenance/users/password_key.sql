create or replace function maintenance.password_key(out id uuid, out key bytea)
returns record
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    select k.id, k.key into password_key.id, password_key.key from inventory.password_key() as k;
end;
$$;

comment on function maintenance.password_key() is 'A key to seal passwords with: see inventory.password_key().';

grant execute on function maintenance.password_key() to inventory_maintenance;
