create or replace view http.price_json as
select
    r.product_id,
    r.id,
    row_to_json(r) as item
from (
    select
        p.id,
        p.product_id,
        http.decimal_text(p.amount) as amount,
        p.price_type,
        http.instant_without_offset(p.effective_from) as effective_from,
        http.instant_without_offset(p.effective_to) as effective_to,
        http.instant_without_offset(p.created_at) as created_at,
        http.instant_without_offset(p.updated_at) as updated_at
    from store.price as p
) as r;

comment on view http.price_json is
'A price rule as API 3 shows it.

Returns {"id": "integer", "product_id": "integer", "amount": "decimal", "price_type": "retail|promo|wholesale",
"effective_from": "time", "effective_to": "time?", "created_at": "time", "updated_at": "time"}';
