create or replace function http.list_products(
    p_q inventory.search_text default null,
    p_page inventory.page_number default 1,
    p_per_page inventory.per_page default 20
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
    v_page := http.numbered_page(
        p_page, p_per_page,
        'select p.id from store.product as p where true' || http.contains_condition(p_q),
        'm.id'
    );
    return json_build_object(
        'products',
        (
            select coalesce(json_agg(p.item order by array_position(v_page.ids, p.id)), '[]')
            from http.product_json as p
            where p.id = any(v_page.ids)
        ),
        'pagination', v_page.pagination
    );
end;
$$;

comment on function http.list_products(inventory.search_text, inventory.page_number, inventory.per_page) is
'List the products, in order of id.

q: only products whose name or SKU code contains it, ignoring case; with more than 200 000 products, at least 3 letters or digits
in a row.
page: from 1 (default 1). per_page: 1 to 100 (default 20). A page that begins after row 250 000 of a longer list is refused.

Returns {"products": ["product_json"], "pagination": "pagination"}';

grant execute on function http.list_products(inventory.search_text, inventory.page_number, inventory.per_page)
to inventory_public;
