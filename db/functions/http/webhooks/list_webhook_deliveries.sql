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
security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $$
declare
    v_webhook_id constant bigint := (inventory.require_webhook(p_id)).id;
    v_size constant integer := http.page_size(p_page_size);
    v_count constant bigint := (
        select count(*)
        from store.webhook_delivery as d
        where d.webhook_id = v_webhook_id and (p_status is null or d.status = p_status)
    );
    v_page constant bigint := http.page_number(p_page, v_size, v_count);
begin
    return http.page_json(
        p_url,
        v_page,
        v_size,
        v_count,
        (
            select json_agg(http.delivery_json(d) order by d.id desc)
            from (
                select *
                from store.webhook_delivery as a
                where a.webhook_id = v_webhook_id and (p_status is null or a.status = p_status)
                order by a.id desc
                limit v_size offset (v_page - 1) * v_size
            ) as d
        )
    );
end;
$$;

comment on function http.list_webhook_deliveries(bigint, inventory.delivery_status, text, text, text) is
'List a webhook endpoint''s deliveries, newest first.

status: pending, delivered or failed (refused at the last try so far; next_attempt_at says when the next one is due, null that
there is none). page: from 1; page_size: 10 unless asked for otherwise, at most 100.

Returns {"count": "integer", "next": "text?", "previous": "text?", "results": ["delivery_json"]}
Errors: WEBHOOK_NOT_FOUND, PAGE_NOT_FOUND.';

grant execute on function http.list_webhook_deliveries(
    bigint, inventory.delivery_status, text, text, text
) to inventory_admin;
