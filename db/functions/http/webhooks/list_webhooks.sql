create or replace function http.list_webhooks(
    p_page text default null,
    p_page_size text default null,
    p_url text default null
)
returns json
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_size constant integer := http.page_size(p_page_size);
    v_count constant bigint := (select count(*) from store.webhook);
    v_page constant bigint := http.page_number(p_page, v_size, v_count);
begin
    return http.page_json(
        p_url,
        v_page,
        v_size,
        v_count,
        (
            select json_agg(http.webhook_json(inventory.webhook_info(w)) order by w.id)
            from (
                select *
                from store.webhook as a
                order by a.id
                limit v_size offset (v_page - 1) * v_size
            ) as w
        )
    );
end;
$$;

comment on function http.list_webhooks(text, text, text) is
'List the webhook endpoints, in order of id.

page: from 1; page_size: 10 unless asked for otherwise, at most 100.

Returns {"count": "integer", "next": "text?", "previous": "text?", "results": ["webhook_json"]}
Errors: PAGE_NOT_FOUND.';

grant execute on function http.list_webhooks(text, text, text) to inventory_admin;
