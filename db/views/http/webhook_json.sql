create or replace view http.webhook_json as
select
    w.id,
    s.has_secret,
    json_strip_nulls(row_to_json(r)) as item
from store.webhook as w
cross join (values (false), (true)) as s (has_secret)
cross join lateral ( -- noqa: ST05
    select
        w.id,
        w.url,
        w.events,
        w.enabled,
        w.stock_changes,
        case when s.has_secret then w.secret end as secret,
        inventory.instant_text(w.created_at) as created_at,
        inventory.instant_text(w.updated_at) as updated_at
) as r;

comment on view http.webhook_json is
'A webhook endpoint as /api/v1/webhooks/ shows it. has_secret: whether item contains the secret.

Returns {"id": "integer", "url": "text", "events": ["webhook_event"], "enabled": "boolean", "stock_changes": "stock_changes",
"created_at": "timestamp", "updated_at": "timestamp"}';
