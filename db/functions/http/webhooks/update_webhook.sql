create or replace function http.update_webhook(
    p_id bigint,
    p_url inventory.webhook_url default null,
    p_events inventory.webhook_events default null,
    p_enabled boolean default null,
    p_actor text default null,
    p_stock_changes inventory.stock_changes default null
)
returns json
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_id constant bigint := (inventory.update_webhook(p_id, p_url, p_events, p_enabled, p_actor, p_stock_changes)).id;
begin
    return (select w.item from http.webhook_json as w where w.id = v_id and not w.has_secret);
end;
$$;

comment on function http.update_webhook(
    bigint, inventory.webhook_url, inventory.webhook_events, boolean, text, inventory.stock_changes
) is
'Change a webhook endpoint.

Fields that are left out stay as they are. Deliveries that are already queued go to the new URL. While an endpoint is disabled, no
events are queued for it. stock_changes: whether stock.changed comes for each change (each) or at most once a second for a product
(per_second).

Returns "webhook_json"
Errors: WEBHOOK_NOT_FOUND.';

grant execute on function http.update_webhook(
    bigint, inventory.webhook_url, inventory.webhook_events, boolean, text, inventory.stock_changes
) to inventory_admin;
