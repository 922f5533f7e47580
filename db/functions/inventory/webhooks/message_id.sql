create or replace function inventory.message_id(p_event_id uuid)
returns text
language plpgsql
immutable
parallel safe
as $$
begin
    return 'msg_' || replace(p_event_id::text, '-', '');
end;
$$;

comment on function inventory.message_id(uuid) is
'The webhook-id of an event. It is the same for every try and replay, so that a receiver can ignore duplicates.';
