create or replace view http.sale_json as
select
    r.id,
    row_to_json(r) as item
from (
    select
        s.id,
        s.product_id,
        (
            select (p.id, p.name, p.sku, p.sku_id)::inventory.product_summary from store.product as p where p.id = s.product_id
        ) as product,
        http.decimal_text(s.quantity) as quantity,
        http.decimal_text(s.unit_price) as unit_price,
        http.decimal_text(s.revenue) as revenue,
        http.decimal_text(s.cost) as cost,
        (
            select json_agg(layer order by layer.layer_id)
            from (
                select
                    u.layer_id,
                    http.decimal_text(u.quantity) as quantity,
                    http.decimal_text(u.cost) as cost
                from store.cost_layer_use as u
                where u.product_id = s.product_id and u.movement_id = s.movement_id
                union all
                select
                    u.layer_id,
                    http.decimal_text(u.quantity) as quantity,
                    http.decimal_text(u.cost) as cost
                from store.sale_part as t
                inner join store.cost_layer_use as u on t.part_id = u.product_id and t.movement_id = u.movement_id
                where t.sale_id = s.id
            ) as layer
        ) as layers,
        s.returned_sale_id,
        http.instant_without_offset(s.created_at) as created_at
    from store.sale as s
) as r;

comment on view http.sale_json is
'A sale as API 3 shows it, with the cost layers that its units came from: for a kit, those of its parts.

A return has a negative quantity, revenue and cost, and returned_sale_id is the id of the sale. cost is null if it is not known.

Returns {"id": "integer", "product_id": "integer", "product": "product_summary_json", "quantity": "decimal",
"unit_price": "decimal", "revenue": "decimal", "cost": "decimal?", "layers": [{"layer_id": "integer", "quantity": "decimal",
"cost": "decimal?"}], "returned_sale_id": "integer?", "created_at": "time"}';
