create or replace function inventory.has_subscriber(p_event text)
returns boolean
language plpgsql
stable
as $$
begin
    return exists (select from store.webhook as w where w.enabled and p_event = any(w.events));
end;
$$;

comment on function inventory.has_subscriber(text) is
'Whether an enabled webhook endpoint subscribes to the event. If there is none, the caller need not describe the event.';
