create or replace function inventory.has_subscriber(p_event text)
returns boolean
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return false;
end;
$$;

comment on function inventory.has_subscriber(text) is 'Stub.';
