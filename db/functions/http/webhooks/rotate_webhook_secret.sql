create or replace function http.rotate_webhook_secret(
    p_id bigint,
    p_overlap_seconds inventory.overlap_seconds default 0,
    p_actor text default null
)
returns json
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_id constant bigint := (inventory.rotate_webhook_secret(p_id, p_overlap_seconds, p_actor)).id;
begin
    return (select w.item from http.webhook_json as w where w.id = v_id and w.has_secret);
end;
$$;

comment on function http.rotate_webhook_secret(bigint, inventory.overlap_seconds, text) is
'Give a webhook endpoint a new secret.

overlap_seconds: for how long deliveries are also signed with the old secret, 0 to 604800 (default 0: no longer).

Returns {"id": "integer", "url": "text", "events": ["webhook_event"], "enabled": "boolean", "stock_changes":
"stock_changes", "secret": "text", "created_at": "timestamp", "updated_at": "timestamp"}
Errors: WEBHOOK_NOT_FOUND.';

grant execute on function http.rotate_webhook_secret(bigint, inventory.overlap_seconds, text) to inventory_admin;
