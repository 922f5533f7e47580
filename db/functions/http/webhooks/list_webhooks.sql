create or replace function http.list_webhooks(
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
        'select w.id from store.webhook as w where w.deleted_at is null',
        'm.id'
    );
    return http.page_json(
        v_page.count, v_page.next, v_page.previous,
        (
            select json_agg(w.item order by array_position(v_page.ids, w.id))
            from http.webhook_json as w
            where w.id = any(v_page.ids) and not w.has_secret
        )
    );
end;
$$;

comment on function http.list_webhooks(text, text, text) is
'List the webhook endpoints, in order of id.

page: from 1 (default 1). page_size: at most 100 (default 10).

Returns {"count": "integer", "next": "text?", "previous": "text?", "results": ["webhook_json"]}
Errors: PAGE_NOT_FOUND.';

grant execute on function http.list_webhooks(text, text, text) to inventory_admin;
