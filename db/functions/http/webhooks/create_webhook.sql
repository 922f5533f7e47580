create or replace function http.create_webhook(
    p_url inventory.webhook_url,
    p_events inventory.webhook_events,
    p_enabled boolean default true,
    p_actor text default null,
    p_stock_changes text default 'each'
)
returns json
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_id constant bigint := (inventory.create_webhook(p_url, p_events, p_enabled, p_actor, p_stock_changes)).id;
begin
    return (select w.item from http.webhook_json as w where w.id = v_id and w.has_secret);
end;
$$;

comment on function http.create_webhook(
    inventory.webhook_url, inventory.webhook_events, boolean, text, text
) is
'Register a webhook endpoint.

url: http or https. events: one or more of outflow.created, inflow.created, stock.low, stock.changed, stock.available,
stock.sold_out, block.expired, price.changed. stock_changes: whether stock.changed comes for each change (each, the default) or at
most once a second for a product (per_second). secret signs the deliveries (Standard Webhooks); only this answer and that of
rotate-secret show it.

Returns {"id": "integer", "url": "text", "events": ["webhook_event"], "enabled": "boolean", "stock_changes":
"each|per_second", "secret": "text", "created_at": "timestamp", "updated_at": "timestamp"}';

grant execute on function http.create_webhook(
    inventory.webhook_url, inventory.webhook_events, boolean, text, text
) to inventory_admin;
