create or replace view http.stock_line_json as
select
    p.id as product_id,
    p.sku_id,
    p.sku,
    p.name,
    (select u.symbol from store.unit as u where u.id = b.unit_id) as unit,
    trim_scale(coalesce(b.on_hand, 0)) as on_hand,
    trim_scale(coalesce(b.reserved, 0)) as reserved,
    trim_scale(coalesce(b.blocked, 0)) as blocked,
    trim_scale(coalesce(b.available, 0)) as available,
    trim_scale(b.reorder_point) as reorder_point,
    b.status,
    coalesce(b.is_low, false) as is_low,
    coalesce(b.is_kit, false) as is_kit,
    trim_scale(price.amount) as price
from store.product as p
left join store.balance as b on p.id = b.product_id
cross join (select inventory.clock() as instant limit 1) as now -- noqa: AM09, ST05
left join lateral inventory.price_at(p.id, 'retail', now.instant) as price on true;

comment on view http.stock_line_json is
'A product with its stock in one line. Its columns are the keys, so that http.get_stock can add to them.

Returns {"product_id": "integer", "sku_id": "uuid", "sku": "sku_code", "name": "name", "unit": "text?", "on_hand": "quantity",
"reserved": "quantity", "blocked": "quantity", "available": "quantity", "reorder_point": "quantity?",
"status": "active|inactive|archived?", "is_low": "boolean", "is_kit": "boolean", "price": "money?"}';
