create or replace view report.count_accuracy as
select
    o.id as operation_id,
    o.count_id,
    o.to_location as location,
    o.product_id,
    p.sku_id,
    o.sku,
    o.booked_quantity as booked,
    o.quantity as counted,
    o.quantity - o.booked_quantity as difference,
    case
        when greatest(o.quantity, o.booked_quantity) = 0 then 1
        else round(1 - abs(o.quantity - o.booked_quantity) / greatest(o.quantity, o.booked_quantity), 4)
    end as accuracy,
    m.cost,
    o.actor,
    o.created_at
from store.art_operation as o
inner join store.product as p on o.product_id = p.id
left join store.movement as m
    on o.product_id = m.product_id and o.movement_id = m.id and o.created_at = m.created_at
where o.operation_type = 'Count';

comment on view report.count_accuracy is
'Every Count (a single order, one of a bulk request, or one of a cycle count): the booked and the counted quantity.';
comment on column report.count_accuracy.operation_id is 'Integer id of the ART operation.';
comment on column report.count_accuracy.count_id is 'The cycle count that booked it; null: it was a separate order.';
comment on column report.count_accuracy.location is 'The location''s code.';
comment on column report.count_accuracy.product_id is 'Integer id of the product.';
comment on column report.count_accuracy.sku_id is 'The product''s UUID.';
comment on column report.count_accuracy.sku is 'The product''s code at that time.';
comment on column report.count_accuracy.booked is 'Units that were booked at the location at the time of counting.';
comment on column report.count_accuracy.counted is 'Units that were counted.';
comment on column report.count_accuracy.difference is 'counted - booked.';
comment on column report.count_accuracy.accuracy is
'1 - abs(difference) / the greater of booked and counted, to 4 decimals; 1 means that the count was exact.';
comment on column report.count_accuracy.cost is
'Money: the value that the difference added or took; null: not known, no difference, or the movement is detached.';
comment on column report.count_accuracy.actor is 'Who counted or booked the units.';
comment on column report.count_accuracy.created_at is 'When the count was booked.';

grant select on report.count_accuracy to inventory_reporting;
