create or replace function inventory.takes_stock_events(p_webhook store.webhook)
returns boolean
language sql
immutable
as $$
select p_webhook.enabled and p_webhook.events && '{stock.changed,stock.available,stock.sold_out}'::text []
$$;

comment on function inventory.takes_stock_events(store.webhook) is
'Whether a webhook endpoint is enabled and subscribes to an event that inventory.queue_stock_changes queues. PostgreSQL inlines
the function.';
