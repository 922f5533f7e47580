create or replace view http.purchase_with_inventory as
select
    r.id,
    json_build_object('purchase_item', j.item, 'inventory', i.item) as item
from store.purchase as r
inner join http.purchase_json as j on r.id = j.id
inner join http.inventory_json as i on r.product_id = i.product_id;

comment on view http.purchase_with_inventory is
'A purchase and the inventory after it, as API 3 shows them when the purchase is recorded.';
