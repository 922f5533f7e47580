create or replace function http.list_catalog_products(
    p_search inventory.search_text default null,
    p_category bigint default null,
    p_brand bigint default null,
    p_min_price inventory.money default null,
    p_max_price inventory.money default null,
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
    v_search constant text := http.search_condition(p_search, 'p.name');
    v_order constant text := http.order_by(
        p_ordering,
        '{"id": "m.id", "title": "m.name", "category": "m.category_name", "brand": "m.brand_name",'
        ' "description": "m.description", "serie_number": "m.serial_number", "cost_price": "m.cost_price",'
        ' "quantity": "case when m.is_kit then (inventory.balances_of(m.id)).on_hand else coalesce(m.on_hand, 0) end",'
        ' "selling_price": "m.selling_price", "created_at": "m.created_at",'
        ' "updated_at": "greatest(m.updated_at, m.stock_updated_at)", "sku": "m.sku", "sku_id": "m.sku_id"}',
        'id'
    );
    v_is_joined constant boolean := v_order ~ '(category|brand)_name|on_hand|stock_updated_at';
    v_is_by_price constant boolean := p_min_price is not null or p_max_price is not null or v_order like '%selling_price%';
    v_turning bigint [];
    v_rows text;
    v_page record;
begin
    perform inventory.require_searchable('search', p_search);
    -- %1$s is replaced by the expression of the price, %2$s by the condition that selects products.
    v_rows := concat(
        'select p.*, %1$s as selling_price',
        case
            when v_is_joined
                then ', s.on_hand, s.is_kit, s.updated_at as stock_updated_at, c.name as category_name, b.name as brand_name'
        end,
        ' from store.product as p',
        case
            when v_is_joined
                then
                    ' left join store.stock as s on p.id = s.product_id'
                    ' left join store.category as c on p.category_id = c.id left join store.brand as b on p.brand_id = b.id'
        end,
        ' where %2$s',
        replace(v_search, '%', '%%'),
        ' and p.category_id = ' || p_category,
        ' and p.brand_id = ' || p_brand,
        ' and %1$s >= ' || p_min_price,
        ' and %1$s <= ' || p_max_price
    );
    if v_is_by_price then
        v_turning := inventory.products_with_due_prices();
    end if;
    if cardinality(v_turning) > 0 then
        v_rows := format(v_rows, 'p.retail_price', format('p.id <> all(%L::bigint [])', v_turning))
            || ' union all '
            || format(v_rows, 'inventory.active_price(p.id)', format('p.id = any(%L::bigint [])', v_turning));
    else
        v_rows := format(v_rows, 'p.retail_price', 'true');
    end if;

    v_page := http.page(
        p_url, p_page, p_page_size,
        v_rows,
        v_order,
        case
            when v_search = '' and p_min_price is null and p_max_price is null
                then inventory.row_total('product', p_category, p_brand)
        end
    );
    return http.page_json(
        v_page.count, v_page.next, v_page.previous,
        (
            select json_agg(c.item order by array_position(v_page.ids, c.id))
            from http.catalog_product_json as c
            where c.id = any(v_page.ids)
        )
    );
end;
$$;

comment on function http.list_catalog_products(
    inventory.search_text, bigint, bigint, inventory.money, inventory.money, inventory.search_text, text, text, text
) is
'List the products, in order of id.

search: words that the title must contain; with more than 200 000 products, at least 3 letters or digits in a row.
category, brand: only products of that category, of that brand. min_price, max_price: bounds of the selling price, inclusive.
ordering: the fields to sort by, separated by commas; a - before a field sorts in descending order.
page: from 1 (default 1). page_size: at most 100 (default 10).

Returns {"count": "integer", "next": "text?", "previous": "text?", "results": ["catalog_product_json"]}
Errors: PAGE_NOT_FOUND.';

grant execute on function http.list_catalog_products(
    inventory.search_text, bigint, bigint, inventory.money, inventory.money, inventory.search_text, text, text, text
) to inventory_employee;
