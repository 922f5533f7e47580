create or replace function inventory.queue_events(p_event text, p_data json[], p_occurred_at timestamptz[])
returns integer
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return 0;
end;
$$;

comment on function inventory.queue_events(text, json[], timestamptz[]) is 'Stub.';
