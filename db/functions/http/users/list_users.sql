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
begin
    return http.page(
        p_url, p_page, p_page_size, 'select u as item, u.id from store.user_account as u', 'm.id',
        'http.user_json(inventory.user_info(r.item))'
    );
end;
$$;

comment on function http.list_users(text, text, text) is
'List the users, in order of id.

page: from 1; page_size: 10 unless asked for otherwise, at most 100.

Returns {"count": "integer", "next": "text?", "previous": "text?", "results": [{"id": "integer", "username": "username", "role": "user_role", "is_active": "boolean",
"created_at": "timestamp", "updated_at": "timestamp"}]}
Errors: PAGE_NOT_FOUND.';

grant execute on function http.list_users(text, text, text) to inventory_admin;
