create or replace function http.purchase_answer(p_purchase store.purchase)
returns json
language plpgsql
stable
as $$
begin
    return json_build_object(
        'purchase_item', (select i.item from http.purchase_json as i where i.id = p_purchase.id),
        'inventory', (select i.item from http.inventory_json as i where i.product_id = p_purchase.product_id)
    );
end;
$$;

comment on function http.purchase_answer(store.purchase) is
'A purchase beside the inventory that it left, as API 3 shows it when it is made.';
