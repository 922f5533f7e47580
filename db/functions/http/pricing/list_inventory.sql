create or replace function http.list_inventory(
    p_product_id bigint default null,
    p_status inventory.stock_status default null,
    p_low_stock boolean default null,
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
        concat(
            'select s.product_id as id from store.stock as s',
            case when p_q is not null then ' inner join store.product as p on s.product_id = p.id' end,
            ' where true',
            ' and s.product_id = ' || p_product_id,
            ' and s.status = ' || quote_literal(p_status),
            case when p_low_stock then http.stock_condition('low') end,
            http.contains_condition(p_q)
        ),
        'm.id'
    );
    return json_build_object(
        'inventory',
        (
            select coalesce(json_agg(i.item order by array_position(v_page.ids, i.product_id)), '[]')
            from http.inventory_json as i
            where i.product_id = any(v_page.ids)
        ),
        'pagination', v_page.pagination
    );
end;
$$;

comment on function http.list_inventory(
    bigint, inventory.stock_status, boolean, inventory.search_text, inventory.page_number, inventory.per_page
) is
'List the inventory, in order of product.

product_id, status: only that product, only that status. low_stock: true for products whose quantity is at or below their reorder
point. q: only products whose name or SKU code contains it, ignoring case; with more than 200 000 products, at least 3 letters or
digits in a row.
page: from 1 (default 1). per_page: 1 to 100 (default 20). A page that begins after row 250 000 of a longer list is refused.

Returns {"inventory": ["inventory_json"], "pagination": "pagination"}';

grant execute on function http.list_inventory(
    bigint, inventory.stock_status, boolean, inventory.search_text, inventory.page_number, inventory.per_page
) to inventory_employee;
