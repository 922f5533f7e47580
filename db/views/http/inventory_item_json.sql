create or replace view http.inventory_item_json as
select
    r.id,
    row_to_json(r) as item,
    tag
from store.product as p
left join store.balance as b on p.id = b.product_id
cross join (select inventory.clock() as instant limit 1) as now -- noqa: AM09, ST05
left join lateral inventory.price_at(p.id, 'retail', now.instant) as price on true
cross join lateral inventory.tag_of(p, b.number, now.instant) as tag
cross join lateral ( -- noqa: ST05
    select
        p.id,
        p.sku,
        p.sku_id,
        p.name,
        p.description,
        trim_scale(price.amount) as price,
        trim_scale(coalesce(b.available, 0)) as "availableStock",
        trim_scale(coalesce(b.reserved, 0)) as "reservedStock",
        trim_scale(coalesce(b.blocked, 0)) as "blockedStock",
        trim_scale(coalesce(b.on_hand, 0)) as "onHandStock"
) as r;

comment on view http.inventory_item_json is
'A product with its stock as API 2 shows it.

Returns {"id": "integer", "sku": "sku_code", "sku_id": "uuid", "name": "name", "description": "text?", "price": "money?",
"availableStock": "quantity", "reservedStock": "quantity", "blockedStock": "quantity", "onHandStock": "quantity"}';
