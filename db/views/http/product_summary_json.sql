create or replace view http.product_summary_json as
select
    r.id,
    row_to_json(r) as item
from (
    select
        p.id,
        p.name,
        p.sku,
        p.sku_id
    from store.product as p
) as r;

comment on view http.product_summary_json is
'A product as API 3 shows it inside other objects.

Returns {"id": "integer", "name": "name", "sku": "sku_code", "sku_id": "uuid"}';
