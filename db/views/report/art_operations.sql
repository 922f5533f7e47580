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
'The audit trail of ART orders (API 4): one row an order that was carried out.';
comment on column report.art_operations.operation_id is 'Integer id of the operation.';
comment on column report.art_operations.operation_type is 'Add, Remove, Transfer, Count or Adjust.';
comment on column report.art_operations.product_id is 'Integer id of the product.';
comment on column report.art_operations.sku_id is 'The product''s UUID.';
comment on column report.art_operations.sku is 'The product''s code as it was then.';
comment on column report.art_operations.quantity is 'Units: of an Adjust signed, of a Count what was found.';
comment on column report.art_operations.from_location is 'The location that gave them; null: none.';
comment on column report.art_operations.to_location is 'The location that got them, or was counted or adjusted; null: none.';
comment on column report.art_operations.booked_quantity is 'Of a Count, what was booked there before.';
comment on column report.art_operations.reason is 'The caller''s own words.';
comment on column report.art_operations.movement_id is 'Its movement: see report.movements; null: nothing moved.';
comment on column report.art_operations.count_id is 'The cycle count that booked it.';
comment on column report.art_operations.actor is 'Who.';
comment on column report.art_operations.created_at is 'When.';

grant select on report.art_operations to inventory_reporting;
