create or replace function inventory.queue_events(
    p_event text,
    p_data json[],
    p_occurred_at timestamptz[],
    p_webhook_ids bigint[] default null
)
returns integer
language plpgsql
volatile
as $$
declare
    v_event constant inventory.webhook_event := p_event;
    v_webhook_ids bigint [];
    v_now timestamptz;
    v_count integer;
begin
    perform inventory.require_argument('event', v_event is null);
    perform inventory.require_argument('data', p_data is null);
    perform inventory.require_argument('occurred_at', p_occurred_at is null);

    -- The endpoints are not locked, so that no caller waits for an admin. Events queued for an endpoint that is being deleted are
    -- purged with it.
    select array_agg(w.id order by w.id) into v_webhook_ids
    from store.webhook as w
    where w.enabled and v_event = any(w.events) and (p_webhook_ids is null or w.id = any(p_webhook_ids));
    if v_webhook_ids is null then
        return 0;
    end if;

    v_now := inventory.clock();
    with queued as (
        insert into store.event (id, type, payload, created_at)
        select
            inventory.uuid_v7(v_now + e.position * interval '1 microsecond'), -- ids rise in the order of the list
            v_event,
            json_build_object('type', v_event, 'timestamp', inventory.instant_text(e.occurred_at), 'data', e.data),
            v_now
        from unnest(p_data, p_occurred_at) with ordinality as e (data, occurred_at, position)
        order by e.position
        returning id
    )

    insert into store.webhook_delivery (webhook_id, event_id, next_attempt_at, created_at)
    select w.id, q.id, v_now, v_now
    from queued as q
    cross join unnest(v_webhook_ids) as w (id);
    get diagnostics v_count = row_count;
    return v_count;
end;
$$;

comment on function inventory.queue_events(text, json[], timestamptz[], bigint[]) is
'Queue events of one type for every enabled webhook endpoint that subscribes to it, and return the number of deliveries.

The events are delivered if the caller''s transaction commits. If no endpoint subscribes, nothing is written. p_data: one object
for each event; p_occurred_at: the time of each event. p_webhook_ids: for these endpoints only (null: for all). The body is
{"type", "timestamp", "data"}. Errors: 23514 for an unknown event.';
