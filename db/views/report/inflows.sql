create or replace view report.inflows as
select
    f.id as inflow_id,
    f.product_id,
    p.sku_id,
    p.sku,
    f.supplier_id,
    s.name as supplier,
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
        i.id,
        i.product_id,
        i.supplier_id,
        i.quantity,
        i.description,
        i.movement_id,
        i.actor,
        i.created_at,
        null as deleted_by,
        null::timestamptz as deleted_at
    from store.inflow as i
    union all
    select
        d.id,
        d.product_id,
        d.supplier_id,
        d.quantity,
        d.description,
        d.movement_id,
        d.actor,
        d.created_at,
        d.deleted_by,
        d.deleted_at
    from store.deleted_flow as d
    where d.kind = 'inflow'
) as f
inner join store.product_ever as p on f.product_id = p.id
left join store.movement as m
    on f.product_id = m.product_id and f.movement_id = m.id and f.created_at = m.created_at
left join store.supplier as s on f.supplier_id = s.id;

comment on view report.inflows is 'Inflows (API 5), including deleted ones.';
comment on column report.inflows.inflow_id is 'Integer id of the inflow.';
comment on column report.inflows.product_id is 'Integer id of the product.';
comment on column report.inflows.sku_id is 'The product''s UUID.';
comment on column report.inflows.sku is 'The product''s code.';
comment on column report.inflows.supplier_id is 'Integer id of the supplier.';
comment on column report.inflows.supplier is 'The supplier''s name; null: the supplier was deleted later.';
comment on column report.inflows.quantity is 'Units that arrived.';
comment on column report.inflows.cost is
'Money: the value of the inflow''s cost layer; null: not known, or the movement is detached.';
comment on column report.inflows.description is 'The description that the caller gave.';
comment on column report.inflows.movement_id is 'The movement: see report.movements.';
comment on column report.inflows.actor is 'Who recorded the inflow.';
comment on column report.inflows.created_at is 'When the inflow was recorded.';
comment on column report.inflows.deleted_by is 'Who deleted the inflow; null: it is not deleted.';
comment on column report.inflows.deleted_at is 'When the inflow was deleted; null: it is not deleted.';

grant select on report.inflows to inventory_reporting;
