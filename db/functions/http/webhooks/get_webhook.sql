create or replace function http.get_webhook(p_id bigint)
returns json
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return http.webhook_json(inventory.webhook_info(inventory.require_webhook(p_id)));
end;
$$;

comment on function http.get_webhook(bigint) is
'Show a webhook endpoint.

enabled is false too where the receiver answered 410.

Returns {"id": "integer", "url": "text", "events": ["webhook_event"], "enabled": "boolean", "created_at": "timestamp",
"updated_at": "timestamp"}
Errors: WEBHOOK_NOT_FOUND.';

grant execute on function http.get_webhook(bigint) to inventory_admin;
