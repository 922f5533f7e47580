create or replace function http.delivery_json(p_delivery store.webhook_delivery)
returns json
language plpgsql
stable
as $$
begin
    return json_build_object(
        'id', p_delivery.id,
        'event', (select e.type from store.event as e where e.id = p_delivery.event_id),
        'message_id', inventory.message_id(p_delivery.event_id),
        'status', p_delivery.status,
        'attempts', p_delivery.attempts,
        'next_attempt_at', http.instant(p_delivery.next_attempt_at),
        'last_status', p_delivery.last_status,
        'last_error', p_delivery.last_error,
        'created_at', http.instant(p_delivery.created_at)
    );
end;
$$;

comment on function http.delivery_json(store.webhook_delivery) is
'A delivery as /api/v1/webhooks/{id}/deliveries/ shows it.

Returns {"id": "integer", "event": "webhook_event", "message_id": "text", "status": "pending|delivered|failed",
"attempts": "integer", "next_attempt_at": "timestamp?", "last_status": "integer?", "last_error": "text?",
"created_at": "timestamp"}';
