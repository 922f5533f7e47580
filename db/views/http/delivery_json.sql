create or replace view http.delivery_json as
select
    r.id,
    row_to_json(r) as item
from (
    select
        d.id,
        e.type as event,
        inventory.message_id(d.event_id) as message_id,
        d.status,
        d.attempts,
        inventory.instant_text(d.next_attempt_at) as next_attempt_at,
        d.last_status,
        d.last_error,
        inventory.instant_text(d.created_at) as created_at
    from store.webhook_delivery as d
    left join store.event as e on d.event_id = e.id
) as r;

comment on view http.delivery_json is
'A delivery as /api/v1/webhooks/{id}/deliveries/ shows it.

Returns {"id": "integer", "event": "webhook_event", "message_id": "text", "status": "pending|delivered|failed",
"attempts": "integer", "next_attempt_at": "timestamp?", "last_status": "integer?", "last_error": "text?",
"created_at": "timestamp"}';
