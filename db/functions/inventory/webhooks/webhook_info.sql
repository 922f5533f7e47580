create or replace function inventory.webhook_info(p_webhook store.webhook, p_secret text default null)
returns inventory.webhook_info
language plpgsql
immutable
as $$
begin
    return row(
        p_webhook.id, p_webhook.url, p_webhook.events, p_webhook.enabled, p_secret, p_webhook.created_at, p_webhook.updated_at,
        p_webhook.stock_changes
    )::inventory.webhook_info;
end;
$$;

comment on function inventory.webhook_info(store.webhook, text) is
'A webhook endpoint as callers see it: without its secret, or with p_secret if that was just generated.';
