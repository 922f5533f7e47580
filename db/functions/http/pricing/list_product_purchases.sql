create or replace function http.list_product_purchases(
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
    v_last store.purchase;
    v_total bigint;
begin
    perform inventory.require_product(p_product_id);
    -- The last purchase holds the number of purchases and their totals.
    select * into v_last
    from store.purchase as l
    where l.product_id = p_product_id
    order by l.number desc
    limit 1;
    v_total := coalesce(v_last.number, 0);

    return json_build_object(
        'product', (select p.item from http.product_json as p where p.id = p_product_id),
        'purchases',
        (
            select coalesce(json_agg(j.item order by r.number desc), '[]')
            from store.purchase as r
            inner join http.purchase_json as j on r.id = j.id
            where
                r.product_id = p_product_id
                and r.number > v_total - v_page * v_per_page
                and r.number <= v_total - (v_page - 1) * v_per_page
        ),
        'totals',
        json_build_object(
            'total_quantity', http.decimal_text(coalesce(v_last.quantity_to_date, 0)),
            'total_cost', http.decimal_text(coalesce(v_last.cost_to_date, 0)),
            'average_cost', http.decimal_text(inventory.quotient(v_last.cost_to_date, v_last.quantity_to_date))
        ),
        'pagination', http.pagination(v_page, v_per_page, v_total)
    );
end;
$$;

comment on function http.list_product_purchases(bigint, inventory.page_number, inventory.per_page) is
'List the purchases of a product with their totals, newest first.

average_cost is total_cost / total_quantity; null if there are no purchases.
page: from 1 (default 1). per_page: 1 to 100 (default 20).

Returns {"product": "product_json", "purchases": ["purchase_json"], "totals": {"total_quantity": "decimal",
"total_cost": "decimal", "average_cost": "decimal?"}, "pagination": "pagination"}
Errors: PRODUCT_NOT_FOUND.';

grant execute on function http.list_product_purchases(bigint, inventory.page_number, inventory.per_page) to inventory_employee;
