create or replace function inventory.has_subscriber(p_event text)
returns boolean
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return exists (select from store.webhook as w where w.enabled and p_event = any(w.events));
end;
$$;

comment on function inventory.has_subscriber(text) is
'Whether an enabled webhook endpoint wants the event: a caller that finds none need not write down what happened.';
