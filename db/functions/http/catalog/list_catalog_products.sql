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
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_search constant text := http.search_condition('p.name', p_search);
    v_order text;
    v_from text := 'store.product as p';
    v_price text := 'p.retail_price';
    v_turning bigint [];
begin
    v_order := http.order_by(
        p_ordering,
        '{"id": "m.id", "title": "m.name", "category": "m.category_name", "brand": "m.brand_name",'
        ' "description": "m.description", "serie_number": "m.serial_number", "cost_price": "m.cost_price",'
        ' "selling_price": "m.selling_price", "quantity": "coalesce(m.on_hand, 0)", "created_at": "m.created_at",'
        ' "updated_at": "greatest(m.updated_at, m.stock_updated_at)", "sku": "m.sku", "sku_id": "m.sku_id"}',
        'id'
    );
    if p_min_price is not null or p_max_price is not null or v_order like '%selling_price%' then
        -- Prices that have changed on time, and that store.product does not have yet.
        v_turning := array(
            select t.product_id from store.price_turn as t where t.at <= inventory.clock() and t.price_type = 'retail'
        );
        if cardinality(v_turning) > 0 then
            v_price := $sql$case
                when p.id = any(array(select jsonb_array_elements_text($1 -> 'turning')::bigint))
                    then inventory.active_price(p.id)
                else p.retail_price
            end$sql$;
        end if;
    end if;
    if v_order ~ '(category|brand)_name|on_hand|stock_updated_at' then
        v_from := v_from || ' left join store.stock as s on p.id = s.product_id'
            ' left join store.category as c on p.category_id = c.id left join store.brand as b on p.brand_id = b.id';
    end if;

    return http.page(
        p_url,
        p_page,
        p_page_size,
        format(
            'select p as item, p.*, %s as selling_price%s from %s where true%s%s%s%s%s',
            v_price,
            case
                when v_from = 'store.product as p' then ''
                else
                    ', s.on_hand, s.updated_at as stock_updated_at, c.name as category_name,'
                    ' b.name as brand_name'
            end,
            v_from,
            v_search,
            ' and p.category_id = ' || p_category,
            ' and p.brand_id = ' || p_brand,
            ' and ' || v_price || ' >= ' || p_min_price,
            ' and ' || v_price || ' <= ' || p_max_price
        ),
        v_order,
        'http.catalog_product_json(r.item)',
        jsonb_build_object('turning', v_turning),
        case
            when v_search = '' and p_min_price is null and p_max_price is null
                then inventory.row_count('product', p_category, p_brand)
        end
    );
end;
$$;

comment on function http.list_catalog_products(
    inventory.search_text, bigint, bigint, inventory.money, inventory.money, inventory.search_text, text, text, text
) is
'List the products, in order of id.

search: words of its title. category, brand: only of that. min_price, max_price: of the selling price, both included.
ordering: another order, by any of its fields; - before one for descending.
page: from 1; page_size: 10 unless asked for otherwise, at most 100.

Returns {"count": "integer", "next": "text?", "previous": "text?", "results": ["catalog_product_json"]}
Errors: PAGE_NOT_FOUND.';

grant execute on function http.list_catalog_products(
    inventory.search_text, bigint, bigint, inventory.money, inventory.money, inventory.search_text, text, text, text
) to inventory_employee;
