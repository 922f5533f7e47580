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
'Whether an enabled webhook endpoint wants the event: a caller that finds none need not write down what happened.';
