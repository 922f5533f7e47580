create or replace function http.list_users(
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
    v_count constant bigint := (select count(*) from store.user_account);
    v_page constant bigint := http.page_number(p_page, v_size, v_count);
begin
    return http.page_json(
        p_url,
        v_page,
        v_size,
        v_count,
        (
            select json_agg(http.user_json(inventory.user_info(u)) order by u.id)
            from (
                select *
                from store.user_account as a
                order by a.id
                limit v_size offset (v_page - 1) * v_size
            ) as u
        )
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
