create or replace function http.list_prices(
    p_product_id bigint,
    p_include_inactive boolean default false,
    p_price_type inventory.price_type default null,
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
    perform inventory.require_product(p_product_id);
    v_page := http.numbered_page(
        p_page, p_per_page,
        concat(
            'select p.id, p.effective_from from store.price as p where p.product_id = ',
            p_product_id,
            ' and p.price_type = ' || quote_literal(p_price_type),
            case
                when p_include_inactive is not true
                    then format(' and inventory.is_in_force(p, %L)', inventory.instant_text(inventory.clock()))
            end
        ),
        'm.effective_from desc, m.id desc'
    );
    return json_build_object(
        'prices',
        (
            select coalesce(json_agg(p.item order by array_position(v_page.ids, p.id)), '[]')
            from http.price_json as p
            where p.product_id = p_product_id and p.id = any(v_page.ids)
        ),
        'pagination', v_page.pagination
    );
end;
$$;

comment on function http.list_prices(
    bigint, boolean, inventory.price_type, inventory.page_number, inventory.per_page
) is
'List the price rules of a product; the rule that begins last comes first.

By default only the rules in force now. include_inactive: true for past and scheduled rules too. price_type: only that type.
page: from 1 (default 1). per_page: 1 to 100 (default 20).

Returns {"prices": ["price_json"], "pagination": "pagination"}
Errors: PRODUCT_NOT_FOUND.';

grant execute on function http.list_prices(
    bigint, boolean, inventory.price_type, inventory.page_number, inventory.per_page
) to inventory_public;
