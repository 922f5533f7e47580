create or replace view report.art_operations as
select
    o.id as operation_id,
    o.operation_type,
    o.product_id,
    p.sku_id,
    o.sku,
    o.quantity,
    o.from_location,
    o.to_location,
    o.booked_quantity,
    o.reason,
    o.movement_id,
    o.count_id,
    o.actor,
    o.created_at
from store.art_operation as o
inner join store.product as p on o.product_id = p.id;

comment on view report.art_operations is
'The audit trail of ART orders (API 4): one row for each order that was carried out.';
comment on column report.art_operations.operation_id is 'Integer id of the operation.';
comment on column report.art_operations.operation_type is 'Add, Remove, Transfer, Count or Adjust.';
comment on column report.art_operations.product_id is 'Integer id of the product.';
comment on column report.art_operations.sku_id is 'The product''s UUID.';
comment on column report.art_operations.sku is 'The product''s code at that time.';
comment on column report.art_operations.quantity is 'Units; signed for an Adjust, the counted units for a Count.';
comment on column report.art_operations.from_location is 'The location that the units left; null: none.';
comment on column report.art_operations.to_location is
'The location that received the units, or that was counted or adjusted; null: none.';
comment on column report.art_operations.booked_quantity is 'For a Count, the units that were booked at the location before.';
comment on column report.art_operations.reason is 'The reason that the caller gave.';
comment on column report.art_operations.movement_id is 'The movement: see report.movements; null: no units moved.';
comment on column report.art_operations.count_id is 'The cycle count that booked the operation.';
comment on column report.art_operations.actor is 'Who placed the order.';
comment on column report.art_operations.created_at is 'When the order was carried out.';

grant select on report.art_operations to inventory_reporting;
