create or replace view http.inventory_json as
select
    r.product_id,
    row_to_json(r) as item,
    tag
from store.balance as b
left join store.product as o on b.product_id = o.id
cross join lateral inventory.tag_of(o, b.number, inventory.clock()) as tag
cross join lateral ( -- noqa: ST05
    select
        b.product_id as id,
        b.product_id,
        (
            select (p.id, p.name, p.sku, p.sku_id)::inventory.product_summary from store.product as p where p.id = b.product_id
        ) as product,
        http.decimal_text(b.on_hand) as quantity,
        http.decimal_text(b.reserved) as reserved,
        http.decimal_text(b.blocked) as blocked,
        http.decimal_text(b.available) as available,
        b.unit_id,
        (
            select r
            from (
                select
                    u.id,
                    u.name,
                    u.symbol
                from store.unit as u
                where u.id = b.unit_id
            ) as r
        ) as unit,
        http.decimal_text(b.reorder_point) as reorder_point,
        b.status,
        http.instant_without_offset(b.created_at) as created_at,
        http.instant_without_offset(b.updated_at) as updated_at
) as r;

comment on view http.inventory_json is
'A product''s inventory as API 3 shows it. quantity: the units on hand.

Returns {"id": "integer", "product_id": "integer", "product": "product_summary_json", "quantity": "decimal",
"reserved": "decimal", "blocked": "decimal", "available": "decimal", "unit_id": "integer", "unit": "unit_json",
"reorder_point": "decimal?", "status": "active|inactive|archived", "created_at": "time", "updated_at": "time"}';
