create or replace view http.inflow_json as
select
    r.id,
    row_to_json(r) as item
from (
    select
        i.id,
        (select (s.id, s.name)::inventory.reference from store.supplier as s where s.id = i.supplier_id) as supplier,
        (
            select (p.id, p.sku, p.sku_id, p.name)::inventory.product_title from store.product as p where p.id = i.product_id
        ) as product,
        trim_scale(i.quantity) as quantity,
        i.description,
        inventory.instant_text(i.created_at) as created_at,
        inventory.instant_text(i.created_at) as updated_at
    from store.inflow as i
) as r;

comment on view http.inflow_json is
'An inflow as API 5 shows it.

Returns {"id": "integer", "supplier": {"id": "integer", "name": "name"},
"product": {"id": "integer", "sku": "sku_code", "sku_id": "uuid", "title": "name"}, "quantity": "quantity",
"description": "text?", "created_at": "timestamp", "updated_at": "timestamp"}';
