create or replace function http.sale_json(p_sale store.sale)
returns json
language plpgsql
stable
as $$
begin
    return json_build_object(
        'id', p_sale.id,
        'product_id', p_sale.product_id,
        'product', http.product_summary_json(p_sale.product_id),
        'quantity', http.decimal_text(p_sale.quantity),
        'unit_price', http.decimal_text(p_sale.unit_price),
        'revenue', http.decimal_text(p_sale.revenue),
        'cost', http.decimal_text(p_sale.cost),
        'layers',
        (
            select
                json_agg(
                    json_build_object(
                        'layer_id', u.layer_id,
                        'quantity', http.decimal_text(u.quantity),
                        'cost', http.decimal_text(u.cost)
                    )
                    order by u.layer_id
                )
            from store.cost_layer_use as u
            where u.product_id = p_sale.product_id and u.movement_id = p_sale.movement_id
        ),
        'returned_sale_id', p_sale.returned_sale_id,
        'created_at', http.instant_without_offset(p_sale.created_at)
    );
end;
$$;

comment on function http.sale_json(store.sale) is
'A sale as API 3 shows it, with the cost layers that paid for it.

Of a return, quantity, revenue and cost are below 0 and returned_sale_id names the sale. cost is null where it is not known.

Returns {"id": "integer", "product_id": "integer", "product": "product_summary_json", "quantity": "decimal",
"unit_price": "decimal", "revenue": "decimal", "cost": "decimal?", "layers": [{"layer_id": "integer", "quantity": "decimal", "cost": "decimal?"}],
"returned_sale_id": "integer?", "created_at": "time"}';
