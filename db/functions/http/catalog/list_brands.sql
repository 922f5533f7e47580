create or replace function http.list_brands(
    p_search inventory.search_text default null,
    p_ordering inventory.search_text default null,
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
        'select t.* from store.brand as t where true' || http.search_condition(p_search, 't.name'),
        http.order_by(
            p_ordering,
            '{"id": "m.id", "name": "m.name", "description": "m.description", "created_at": "m.created_at",'
            ' "updated_at": "m.updated_at"}',
            'name'
        )
    );
    return http.page_json(
        v_page.count, v_page.next, v_page.previous,
        (select json_agg(b.item order by array_position(v_page.ids, b.id)) from http.brand_json as b where b.id = any(v_page.ids))
    );
end;
$$;

comment on function http.list_brands(inventory.search_text, inventory.search_text, text, text, text) is
'List the brands, in order of name.

search: words that the name must contain.
ordering: the fields to sort by, separated by commas; a - before a field sorts in descending order.
page: from 1 (default 1). page_size: at most 100 (default 10).

Returns {"count": "integer", "next": "text?", "previous": "text?", "results": ["brand_json"]}
Errors: PAGE_NOT_FOUND.';

grant execute on function http.list_brands(
    inventory.search_text, inventory.search_text, text, text, text
) to inventory_employee;
