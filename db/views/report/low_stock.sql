create or replace view report.low_stock as
select
    s.product_id,
    p.sku_id,
    p.sku,
    p.name,
    u.name as unit,
    s.status,
    s.on_hand,
    s.reorder_point,
    s.reorder_point - s.on_hand as shortage
from store.stock as s
inner join store.product as p on s.product_id = p.id
inner join store.unit as u on s.unit_id = u.id
where s.is_low and not s.is_kit;

comment on view report.low_stock is
'The products whose quantity on hand is at or below their reorder point, one row for each. No
kits: they have no units of their own.';
comment on column report.low_stock.product_id is 'Integer id of the product.';
comment on column report.low_stock.sku_id is 'The product''s UUID.';
comment on column report.low_stock.sku is 'The product''s code.';
comment on column report.low_stock.name is 'The product''s name.';
comment on column report.low_stock.unit is 'The unit that the quantities are in.';
comment on column report.low_stock.status is 'active, inactive or archived.';
comment on column report.low_stock.on_hand is 'Units on hand.';
comment on column report.low_stock.reorder_point is
'The number of units on hand at or below which the product should be reordered.';
comment on column report.low_stock.shortage is 'reorder_point - on_hand, in units.';

grant select on report.low_stock to inventory_reporting;
