create or replace function http.list_product_sales(
    p_product_id bigint,
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
    v_page constant bigint := coalesce(p_page, 1);
    v_per_page constant integer := coalesce(p_per_page, 20);
    v_last store.sale;
    v_total bigint;
    v_cost numeric;
begin
    perform inventory.require_product(p_product_id);
    -- The last sale holds the number of sales and their totals.
    select * into v_last
    from store.sale as l
    where l.product_id = p_product_id
    order by l.number desc
    limit 1;
    v_total := coalesce(v_last.number, 0);
    v_cost := case when coalesce(v_last.without_cost_to_date, 0) = 0 then coalesce(v_last.cost_to_date, 0) end;

    return json_build_object(
        'product', (select p.item from http.product_json as p where p.id = p_product_id),
        'sales',
        (
            select coalesce(json_agg(j.item order by r.number desc), '[]')
            from store.sale as r
            inner join http.sale_json as j on r.id = j.id
            where
                r.product_id = p_product_id
                and r.number > v_total - v_page * v_per_page
                and r.number <= v_total - (v_page - 1) * v_per_page
        ),
        'totals',
        json_build_object(
            'total_quantity', http.decimal_text(coalesce(v_last.quantity_to_date, 0)),
            'total_revenue', http.decimal_text(coalesce(v_last.revenue_to_date, 0)),
            'average_price', http.decimal_text(inventory.quotient(v_last.revenue_to_date, v_last.quantity_to_date)),
            'total_cost', http.decimal_text(v_cost),
            'gross_margin', http.decimal_text(coalesce(v_last.revenue_to_date, 0) - v_cost)
        ),
        'pagination', http.pagination(v_page, v_per_page, v_total)
    );
end;
$$;

comment on function http.list_product_sales(bigint, inventory.page_number, inventory.per_page) is
'List the sales of a product with their totals, newest first.

Returns are listed, and counted in the totals, with a negative quantity, revenue and cost. average_price is total_revenue /
total_quantity; null if total_quantity is 0. gross_margin is total_revenue - total_cost; both total_cost and gross_margin are null
if the cost of any sale is not known.
page: from 1 (default 1). per_page: 1 to 100 (default 20).

Returns {"product": "product_json", "sales": ["sale_json"], "totals": {"total_quantity": "decimal",
"total_revenue": "decimal", "average_price": "decimal?", "total_cost": "decimal?", "gross_margin": "decimal?"},
"pagination": "pagination"}
Errors: PRODUCT_NOT_FOUND.';

grant execute on function http.list_product_sales(bigint, inventory.page_number, inventory.per_page) to inventory_employee;
