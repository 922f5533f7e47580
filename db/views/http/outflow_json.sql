create or replace view http.outflow_json as
select
    r.id,
    row_to_json(r) as item
from (
    select
        o.id,
        (
            select (p.id, p.sku, p.sku_id, p.name)::inventory.product_title from store.product as p where p.id = o.product_id
        ) as product,
        trim_scale(o.quantity) as quantity,
        o.description,
        inventory.instant_text(o.created_at) as created_at,
        inventory.instant_text(o.created_at) as updated_at
    from store.outflow as o
) as r;

comment on view http.outflow_json is
'An outflow as API 5 shows it.

Returns {"id": "integer",
"product": {"id": "integer", "sku": "sku_code", "sku_id": "uuid", "title": "name"}, "quantity": "quantity",
"description": "text?", "created_at": "timestamp", "updated_at": "timestamp"}';
