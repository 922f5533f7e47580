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
'Every Count, single, in bulk or of a cycle count: what was booked against what was found.';
comment on column report.count_accuracy.operation_id is 'Integer id of the ART operation.';
comment on column report.count_accuracy.count_id is 'The cycle count that booked it; null: an order of its own.';
comment on column report.count_accuracy.location is 'The location''s code.';
comment on column report.count_accuracy.product_id is 'Integer id of the product.';
comment on column report.count_accuracy.sku_id is 'The product''s UUID.';
comment on column report.count_accuracy.sku is 'The product''s code as it was then.';
comment on column report.count_accuracy.booked is 'Units that were booked at the location when it was counted.';
comment on column report.count_accuracy.counted is 'Units that were found.';
comment on column report.count_accuracy.difference is 'counted - booked.';
comment on column report.count_accuracy.accuracy is
'1 - the difference''s size over the greater of both, to 4 decimals; 1 is exact.';
comment on column report.count_accuracy.cost is
'Money that the difference brought or took; null: not known, no difference, or its movement is detached.';
comment on column report.count_accuracy.actor is 'Who counted or booked it.';
comment on column report.count_accuracy.created_at is 'When it was booked.';

grant select on report.count_accuracy to inventory_reporting;
