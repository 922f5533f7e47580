create or replace function http.list_webhook_deliveries(
    p_id bigint,
    p_status inventory.delivery_status default null,
    p_page text default null,
    p_page_size text default null,
    p_url text default null
)
returns json
language plpgsql
stable
cost 10000
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_page record;
begin
    v_page := http.page(
        p_url, p_page, p_page_size,
        concat(
            'select d.id from store.webhook_delivery as d where d.webhook_id = ',
            (inventory.require_webhook(p_id)).id,
            ' and d.status = ' || quote_literal(p_status)
        ),
        'm.id desc'
    );
    return http.page_json(
        v_page.count, v_page.next, v_page.previous,
        (
            select json_agg(d.item order by array_position(v_page.ids, d.id))
            from http.delivery_json as d
            where d.id = any(v_page.ids)
        )
    );
end;
$$;

comment on function http.list_webhook_deliveries(bigint, inventory.delivery_status, text, text, text) is
'List a webhook endpoint''s deliveries, newest first.

status: pending, delivered, or failed (the last try so far failed). next_attempt_at is when the next try is due; null if there is
none. page: from 1 (default 1). page_size: at most 100 (default 10).

Returns {"count": "integer", "next": "text?", "previous": "text?", "results": ["delivery_json"]}
Errors: WEBHOOK_NOT_FOUND, PAGE_NOT_FOUND.';

grant execute on function http.list_webhook_deliveries(
    bigint, inventory.delivery_status, text, text, text
) to inventory_admin;
