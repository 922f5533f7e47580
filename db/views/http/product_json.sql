create or replace view http.product_json as
select
    r.id,
    row_to_json(r) as item,
    tag
from store.product as p
left join store.stock as s on p.id = s.product_id
-- One instant, and a column: PostgreSQL inlines no function whose argument is a call that it would make twice.
cross join (select inventory.clock() as instant limit 1) as now -- noqa: AM09, ST05
cross join lateral inventory.tag_of(p, inventory.number_at(s, now.instant), now.instant) as tag
cross join lateral ( -- noqa: ST05
    select
        p.id,
        p.name,
        p.sku,
        p.sku_id,
        p.description,
        http.instant_without_offset(p.created_at) as created_at,
        http.instant_without_offset(p.updated_at) as updated_at
) as r;

comment on view http.product_json is
'A product as API 3 shows it.

Returns {"id": "integer", "name": "name", "sku": "sku_code", "sku_id": "uuid", "description": "text?", "created_at": "time",
"updated_at": "time"}';
