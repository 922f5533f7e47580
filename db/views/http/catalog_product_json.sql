create or replace view http.catalog_product_json as
select
    r.id,
    row_to_json(r) as item,
    tag
from store.product as p
left join store.stock as s on p.id = s.product_id
cross join (select inventory.clock() as instant limit 1) as now -- noqa: AM09, ST05
left join lateral inventory.price_at(p.id, 'retail', now.instant) as price on true
cross join lateral inventory.tag_of(p, inventory.number_at(s, now.instant), now.instant) as tag
cross join lateral ( -- noqa: ST05
    select
        p.id,
        p.name as title,
        (select (c.id, c.name)::inventory.reference from store.category as c where c.id = p.category_id) as category,
        (select (b.id, b.name)::inventory.reference from store.brand as b where b.id = p.brand_id) as brand,
        p.description,
        p.serial_number as serie_number,
        http.money_text(p.cost_price) as cost_price,
        http.money_text(price.amount) as selling_price,
        trim_scale(
            case
                when s.is_kit then (select b.on_hand from store.balance as b where b.product_id = p.id)
                else coalesce(s.on_hand, 0)
            end
        ) as quantity,
        p.sku,
        p.sku_id,
        inventory.instant_text(p.created_at) as created_at,
        inventory.instant_text(greatest(p.updated_at, s.updated_at)) as updated_at
) as r;

comment on view http.catalog_product_json is
'A product as API 5 shows it. quantity: the units on hand; selling_price: the active retail price, null if there is none.

A product that another API created has no category and no brand until they are set.

Returns {"id": "integer", "title": "name", "category": "reference?", "brand": "reference?", "description": "text?",
"serie_number": "text?", "cost_price": "amount?", "selling_price": "amount?", "quantity": "quantity", "sku": "sku_code",
"sku_id": "uuid", "created_at": "timestamp", "updated_at": "timestamp"}';
