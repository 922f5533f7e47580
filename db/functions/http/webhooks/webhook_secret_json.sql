create or replace function http.webhook_secret_json(p_webhook inventory.webhook_info)
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
        'secret', p_webhook.secret,
        'created_at', http.instant(p_webhook.created_at),
        'updated_at', http.instant(p_webhook.updated_at)
    );
end;
$$;

comment on function http.webhook_secret_json(inventory.webhook_info) is
'A webhook endpoint with the secret that was made just now.

Returns {"id": "integer", "url": "text", "events": ["webhook_event"], "enabled": "boolean", "secret": "text",
"created_at": "timestamp", "updated_at": "timestamp"}';
