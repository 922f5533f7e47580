create or replace function http.purchase_json(p_purchase store.purchase)
returns json
language plpgsql
stable
as $$
declare
    v_supplier store.supplier;
begin
    select * into v_supplier from store.supplier as s where s.id = p_purchase.supplier_id;
    return json_build_object(
        'id', p_purchase.id,
        'product_id', p_purchase.product_id,
        'product', http.product_summary_json(p_purchase.product_id),
        'supplier_id', p_purchase.supplier_id,
        'supplier', http.supplier_json(v_supplier),
        'quantity', http.decimal_text(p_purchase.quantity),
        'unit_cost', http.decimal_text(p_purchase.unit_cost),
        'total_cost', http.decimal_text(p_purchase.cost),
        'created_at', http.instant_without_offset(p_purchase.created_at)
    );
end;
$$;

comment on function http.purchase_json(store.purchase) is
'A purchase as API 3 shows it.

Returns {"id": "integer", "product_id": "integer", "product": "product_summary_json", "supplier_id": "integer",
"supplier": "supplier_json", "quantity": "decimal", "unit_cost": "decimal", "total_cost": "decimal", "created_at": "time"}';
