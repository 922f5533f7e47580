create or replace view report.purchases as
select
    u.id as purchase_id,
    u.product_id,
    p.sku_id,
    p.sku,
    u.supplier_id,
    s.name as supplier,
    u.quantity,
    u.unit_cost,
    u.cost,
    u.movement_id,
    u.actor,
    u.created_at
from store.purchase as u
inner join store.product as p on u.product_id = p.id
inner join store.supplier as s on u.supplier_id = s.id;

comment on view report.purchases is
'Every purchase (API 3).';
comment on column report.purchases.purchase_id is 'Integer id of the purchase.';
comment on column report.purchases.product_id is 'Integer id of the product.';
comment on column report.purchases.sku_id is 'The product''s UUID.';
comment on column report.purchases.sku is 'The product''s code.';
comment on column report.purchases.supplier_id is 'Integer id of the supplier.';
comment on column report.purchases.supplier is 'The supplier''s name.';
comment on column report.purchases.quantity is 'Units bought.';
comment on column report.purchases.unit_cost is 'Money for each unit.';
comment on column report.purchases.cost is 'Money: quantity * unit_cost, rounded half up to 3 decimals.';
comment on column report.purchases.movement_id is 'The movement: see report.movements.';
comment on column report.purchases.actor is 'Who recorded the purchase.';
comment on column report.purchases.created_at is 'When the purchase was recorded.';

grant select on report.purchases to inventory_reporting;
