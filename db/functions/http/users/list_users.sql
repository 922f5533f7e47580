create or replace function http.list_users(
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
        'select u.id from store.user_account as u',
        'm.id'
    );
    return http.page_json(
        v_page.count, v_page.next, v_page.previous,
        (select json_agg(u.item order by array_position(v_page.ids, u.id)) from http.user_json as u where u.id = any(v_page.ids))
    );
end;
$$;

comment on function http.list_users(text, text, text) is
'List the users, in order of id.

page: from 1 (default 1). page_size: at most 100 (default 10).

Returns {"count": "integer", "next": "text?", "previous": "text?", "results": ["user_json"]}
Errors: PAGE_NOT_FOUND.';

grant execute on function http.list_users(text, text, text) to inventory_admin;
