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
'Which cost layers paid for which departure, and into which its units came back.';
comment on column report.cost_layer_uses.product_id is 'Integer id of the product.';
comment on column report.cost_layer_uses.sku_id is 'The product''s UUID.';
comment on column report.cost_layer_uses.sku is 'The product''s code.';
comment on column report.cost_layer_uses.layer_id is 'The layer: see report.cost_layers.';
comment on column report.cost_layer_uses.movement_id is 'The departure or the return: see report.movements.';
comment on column report.cost_layer_uses.kind is
'sale, outflow, consume, convert, adjust and others; return, delete_outflow for what came back; null: its movement is
detached.';
comment on column report.cost_layer_uses.reference is
'What caused the movement: a sale''s id for sale and return; null: it is detached.';
comment on column report.cost_layer_uses.quantity is 'Units taken; below 0: brought back.';
comment on column report.cost_layer_uses.cost is 'Money that they took; below 0: brought back; null: not known.';
comment on column report.cost_layer_uses.returns_movement_id is 'Of what came back, the departure that had taken it.';
comment on column report.cost_layer_uses.created_at is 'When it was written; null: its movement is detached.';

grant select on report.cost_layer_uses to inventory_reporting;
