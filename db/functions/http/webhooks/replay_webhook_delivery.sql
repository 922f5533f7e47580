create or replace function http.replay_webhook_delivery(p_id bigint, p_delivery_id bigint)
returns json
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_id constant bigint := inventory.replay_delivery(p_id, p_delivery_id);
begin
    return (select d.item from http.delivery_json as d where d.id = v_id);
end;
$$;

comment on function http.replay_webhook_delivery(bigint, bigint) is
'Deliver an event again, whatever the status of the delivery is.

The first try is due now, and the schedule of tries starts again. The webhook-id stays the same.

Returns "delivery_json"
Errors: WEBHOOK_NOT_FOUND, DELIVERY_NOT_FOUND.';

grant execute on function http.replay_webhook_delivery(bigint, bigint) to inventory_admin;
