create or replace view http.sale_with_inventory as
select
    r.id,
    json_build_object('sale_item', j.item, 'inventory', i.item) as item
from store.sale as r
inner join http.sale_json as j on r.id = j.id
inner join http.inventory_json as i on r.product_id = i.product_id;

comment on view http.sale_with_inventory is
'A sale and the inventory after it, as API 3 shows them when the sale is recorded.';
