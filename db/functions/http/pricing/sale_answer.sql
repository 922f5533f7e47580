create or replace function http.sale_answer(p_sale store.sale)
returns json
language plpgsql
stable
as $$
begin
    return json_build_object(
        'sale_item', (select i.item from http.sale_json as i where i.id = p_sale.id),
        'inventory', (select i.item from http.inventory_json as i where i.product_id = p_sale.product_id)
    );
end;
$$;

comment on function http.sale_answer(store.sale) is
'A sale beside the inventory that it left, as API 3 shows it when it is made.';
