create or replace view http.purchase_json as
select
    r.id,
    row_to_json(r) as item
from (
    select
        t.id,
        t.product_id,
        (
            select (p.id, p.name, p.sku, p.sku_id)::inventory.product_summary from store.product as p where p.id = t.product_id
        ) as product,
        t.supplier_id,
        (
            select r
            from (
                select
                    s.id,
                    s.name,
                    s.business_name,
                    s.email,
                    s.phone_number,
                    http.instant_without_offset(s.created_at) as created_at,
                    http.instant_without_offset(s.updated_at) as updated_at
                from store.supplier as s
                where s.id = t.supplier_id
            ) as r
        ) as supplier,
        http.decimal_text(t.quantity) as quantity,
        http.decimal_text(t.unit_cost) as unit_cost,
        http.decimal_text(t.cost) as total_cost,
        http.instant_without_offset(t.created_at) as created_at
    from store.purchase as t
) as r;

comment on view http.purchase_json is
'A purchase as API 3 shows it.

Returns {"id": "integer", "product_id": "integer", "product": "product_summary_json", "supplier_id": "integer",
"supplier": "supplier_json", "quantity": "decimal", "unit_cost": "decimal", "total_cost": "decimal", "created_at": "time"}';
