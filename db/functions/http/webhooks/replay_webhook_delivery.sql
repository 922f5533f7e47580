create or replace function http.replay_webhook_delivery(p_id bigint, p_delivery_id bigint)
returns json
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_delivery_id constant bigint := inventory.replay_delivery(p_id, p_delivery_id);
    v_delivery store.webhook_delivery;
begin
    select * into v_delivery from store.webhook_delivery as d where d.id = v_delivery_id;
    return http.delivery_json(v_delivery);
end;
$$;

comment on function http.replay_webhook_delivery(bigint, bigint) is
'Deliver an event once more, whatever became of it.

It is tried now, and then by the schedule from its start, under the same webhook-id.

Returns {"id": "integer", "event": "webhook_event", "message_id": "text", "status": "pending|delivered|failed",
"attempts": "integer", "next_attempt_at": "timestamp?", "last_status": "integer?", "last_error": "text?",
"created_at": "timestamp"}
Errors: WEBHOOK_NOT_FOUND, DELIVERY_NOT_FOUND.';

grant execute on function http.replay_webhook_delivery(bigint, bigint) to inventory_admin;
