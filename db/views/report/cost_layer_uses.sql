create or replace view report.cost_layer_uses as
select
    u.product_id,
    p.sku_id,
    p.sku,
    u.layer_id,
    u.movement_id,
    m.kind,
    m.reference,
    u.quantity,
    u.cost,
    u.returns_movement_id,
    m.created_at
from store.cost_layer_use as u
left join store.movement as m on u.product_id = m.product_id and u.movement_id = m.id
inner join store.product_ever as p on u.product_id = p.id;

comment on view report.cost_layer_uses is
'The units that each departure took from each cost layer, and the units that came back into it.';
comment on column report.cost_layer_uses.product_id is 'Integer id of the product.';
comment on column report.cost_layer_uses.sku_id is 'The product''s UUID.';
comment on column report.cost_layer_uses.sku is 'The product''s code.';
comment on column report.cost_layer_uses.layer_id is 'The cost layer: see report.cost_layers.';
comment on column report.cost_layer_uses.movement_id is 'The departure or the return: see report.movements.';
comment on column report.cost_layer_uses.kind is
'The kind of the movement: sale, outflow, consume, convert, adjust and others; return and delete_outflow for units that came back;
null: the movement is detached.';
comment on column report.cost_layer_uses.reference is
'What caused the movement: for sale and return, the id of the sale or return; null: the movement is detached.';
comment on column report.cost_layer_uses.quantity is 'Units taken from the layer; negative: units that came back.';
comment on column report.cost_layer_uses.cost is
'Money: the cost of these units; negative: units that came back; null: not known.';
comment on column report.cost_layer_uses.returns_movement_id is 'For units that came back, the departure that had taken them.';
comment on column report.cost_layer_uses.created_at is 'When the movement was written; null: the movement is detached.';

grant select on report.cost_layer_uses to inventory_reporting;
