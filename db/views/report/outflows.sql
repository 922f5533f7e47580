create or replace view report.outflows as
select
    f.id as outflow_id,
    f.product_id,
    p.sku_id,
    p.sku,
    f.quantity,
    m.cost,
    f.description,
    f.movement_id,
    f.actor,
    f.created_at,
    f.deleted_by,
    f.deleted_at
from (
    select
        o.id,
        o.product_id,
        o.quantity,
        o.description,
        o.movement_id,
        o.actor,
        o.created_at,
        null as deleted_by,
        null::timestamptz as deleted_at
    from store.outflow as o
    union all
    select
        d.id,
        d.product_id,
        d.quantity,
        d.description,
        d.movement_id,
        d.actor,
        d.created_at,
        d.deleted_by,
        d.deleted_at
    from store.deleted_flow as d
    where d.kind = 'outflow'
) as f
inner join store.product_ever as p on f.product_id = p.id
left join store.movement as m
    on f.product_id = m.product_id and f.movement_id = m.id and f.created_at = m.created_at;

comment on view report.outflows is 'Outflows (API 5), including deleted ones.';
comment on column report.outflows.outflow_id is 'Integer id of the outflow.';
comment on column report.outflows.product_id is 'Integer id of the product.';
comment on column report.outflows.sku_id is 'The product''s UUID.';
comment on column report.outflows.sku is 'The product''s code.';
comment on column report.outflows.quantity is 'Units that left.';
comment on column report.outflows.cost is
'Money: the cost of the units, first in first out; null: not known, or the movement is detached.';
comment on column report.outflows.description is 'The description that the caller gave.';
comment on column report.outflows.movement_id is 'The movement: see report.movements.';
comment on column report.outflows.actor is 'Who recorded the outflow.';
comment on column report.outflows.created_at is 'When the outflow was recorded.';
comment on column report.outflows.deleted_by is 'Who deleted the outflow; null: it is not deleted.';
comment on column report.outflows.deleted_at is 'When the outflow was deleted; null: it is not deleted.';

grant select on report.outflows to inventory_reporting;
