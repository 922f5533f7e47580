create or replace view report.movements as
select
    m.id as movement_id,
    m.product_id,
    p.sku_id,
    p.sku,
    m.kind,
    m.on_hand_after - m.on_hand_before as quantity,
    m.on_hand_before,
    m.on_hand_after,
    m.reserved_before,
    m.reserved_after,
    m.blocked_before,
    m.blocked_after,
    m.cost,
    m.average_quantity,
    m.average_value,
    m.reference,
    m.reason,
    m.actor,
    m.occurred_at,
    m.created_at,
    m.number,
    m.written_by
from store.movement as m
inner join store.product_ever as p on m.product_id = p.id;

comment on view report.movements is
'The ledger: one row for each change of a balance; rows never change. The rows of a product form a chain in the order of number.
Detached months are not included.';
comment on column report.movements.movement_id is 'Integer id of the movement.';
comment on column report.movements.product_id is 'Integer id of the product.';
comment on column report.movements.sku_id is 'The product''s UUID.';
comment on column report.movements.sku is 'The product''s code.';
comment on column report.movements.kind is
'What happened: initial, add, reserve, release, consume, block, convert, cancel, expire, purchase, sale, return, adjust, remove,
transfer, count, inflow, outflow, delete_inflow, delete_outflow, delete_product or repair; of a kit also kit_consume, kit_convert,
kit_sale and kit_return; of the parts of a kit that is sold or comes back, part_sale and part_return.';
comment on column report.movements.quantity is 'Signed change of on hand, in units.';
comment on column report.movements.on_hand_before is 'Units on hand before.';
comment on column report.movements.on_hand_after is 'Units on hand after.';
comment on column report.movements.reserved_before is 'Units reserved before.';
comment on column report.movements.reserved_after is 'Units reserved after.';
comment on column report.movements.blocked_before is 'Units blocked before.';
comment on column report.movements.blocked_after is 'Units blocked after.';
comment on column report.movements.cost is
'Money: the value that the arrival added or the departure took, first in first out; null: not known, or on hand did not change.';
comment on column report.movements.average_quantity is
'Units in the pool of the moving average after the movement: units of known cost, of which each departure takes a proportional
part.';
comment on column report.movements.average_value is
'Money: the value of those units by the moving average. One unit costs average_value / average_quantity.';
comment on column report.movements.reference is
'What caused the movement: for block, convert, cancel and expire the UUID of the block; otherwise the id of the purchase, sale,
return, inflow, outflow or ART operation; for the deletion of a flow the id of the flow; for the reservations of a kit a UUID,
which the movements of its parts have too; for a repair that takes back a change the number of the movement before which it was
made.';
comment on column report.movements.reason is 'The reason that the caller gave.';
comment on column report.movements.actor is 'Who caused the movement: a user''s name, anonymous, expiry, or a database role.';
comment on column report.movements.occurred_at is 'When it happened; for expire, the instant at which the block expired.';
comment on column report.movements.created_at is 'When the movement was written.';
comment on column report.movements.number is 'The number of the movement among those of its product, from 1 without gaps.';
comment on column report.movements.written_by is
'The database login that wrote the row on behalf of actor; null: the row is older than this column.';

grant select on report.movements to inventory_reporting;
