create or replace view report.cost_layers as
select
    l.id as layer_id,
    l.product_id,
    p.sku_id,
    p.sku,
    l.movement_id,
    l.received_at,
    l.quantity,
    l.remaining,
    l.unit_cost,
    l.value,
    l.remaining_value,
    l.is_open
from store.cost_layer as l
inner join store.product_ever as p on l.product_id = p.id;

comment on view report.cost_layers is
'The cost layers: what each arrival cost, and what is left of it. A product''s layers are used in the order of their arrivals,
first in first out.';
comment on column report.cost_layers.layer_id is 'Integer id of the layer.';
comment on column report.cost_layers.product_id is 'Integer id of the product.';
comment on column report.cost_layers.sku_id is 'The product''s UUID.';
comment on column report.cost_layers.sku is 'The product''s code.';
comment on column report.cost_layers.movement_id is 'The arrival: see report.movements.';
comment on column report.cost_layers.received_at is 'When the units arrived.';
comment on column report.cost_layers.quantity is 'Units that arrived.';
comment on column report.cost_layers.remaining is 'Units that are left.';
comment on column report.cost_layers.unit_cost is 'Money for each unit; null: not known.';
comment on column report.cost_layers.value is 'Money: quantity * unit_cost, rounded half up to 3 decimals; null: not known.';
comment on column report.cost_layers.remaining_value is 'Money: the part of value that is left; null: not known.';
comment on column report.cost_layers.is_open is 'Whether any units are left.';

grant select on report.cost_layers to inventory_reporting;
