create or replace function http.webhook_json(p_webhook inventory.webhook_info)
returns json
language plpgsql
stable
as $$
begin
    return json_build_object(
        'id', p_webhook.id,
        'url', p_webhook.url,
        'events', p_webhook.events,
        'enabled', p_webhook.enabled,
        'created_at', http.instant(p_webhook.created_at),
        'updated_at', http.instant(p_webhook.updated_at)
    );
end;
$$;

comment on function http.webhook_json(inventory.webhook_info) is
'A webhook endpoint as /api/v1/webhooks/ shows it.

Returns {"id": "integer", "url": "text", "events": ["webhook_event"], "enabled": "boolean", "created_at": "timestamp",
"updated_at": "timestamp"}';
