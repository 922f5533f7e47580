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
'An event''s webhook-id: the same at every try and replay, so that a receiver knows what it has had.';
