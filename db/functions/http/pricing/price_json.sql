create or replace function http.price_json(p_price store.price)
returns json
language plpgsql
stable
as $$
begin
    return json_build_object(
        'id', p_price.id,
        'product_id', p_price.product_id,
        'amount', http.decimal_text(p_price.amount),
        'price_type', p_price.price_type,
        'effective_from', http.instant_without_offset(p_price.effective_from),
        'effective_to', http.instant_without_offset(p_price.effective_to),
        'created_at', http.instant_without_offset(p_price.created_at),
        'updated_at', http.instant_without_offset(p_price.updated_at)
    );
end;
$$;

comment on function http.price_json(store.price) is
'A price rule as API 3 shows it.

Returns {"id": "integer", "product_id": "integer", "amount": "decimal", "price_type": "retail|promo|wholesale",
"effective_from": "time", "effective_to": "time?", "created_at": "time", "updated_at": "time"}';
