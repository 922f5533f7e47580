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
'The ledger: one row for every change of a balance, never changed itself. A product''s rows in order of number are a chain.
What is detached is not there.';
comment on column report.movements.movement_id is 'Names the movement.';
comment on column report.movements.product_id is 'Integer id of the product.';
comment on column report.movements.sku_id is 'The product''s UUID.';
comment on column report.movements.sku is 'The product''s code.';
comment on column report.movements.kind is
'initial, add, reserve, release, consume, block, convert, cancel, expire, purchase, sale, return, adjust, remove, transfer,
count, inflow, outflow, delete_inflow, delete_outflow, delete_product.';
comment on column report.movements.quantity is 'Signed change of on hand, in units.';
comment on column report.movements.on_hand_before is 'Units on hand before.';
comment on column report.movements.on_hand_after is 'Units on hand after.';
comment on column report.movements.reserved_before is 'Units reserved before.';
comment on column report.movements.reserved_after is 'Units reserved after.';
comment on column report.movements.blocked_before is 'Units blocked before.';
comment on column report.movements.blocked_after is 'Units blocked after.';
comment on column report.movements.cost is
'What the arrival brought or the departure took, in money (first in first out); null: not known, or on hand did not change.';
comment on column report.movements.average_quantity is
'Units in the pool of the moving average after it: those of known cost, of which a departure takes in proportion.';
comment on column report.movements.average_value is
'Money: what those units cost by the moving average; average_value / average_quantity a unit.';
comment on column report.movements.reference is
'What caused it: a block''s UUID for block, convert, cancel, expire; a purchase''s id; a sale''s or return''s id; an inflow''s or
outflow''s; an ART operation''s; of a deleted flow, the flow''s.';
comment on column report.movements.reason is 'The caller''s own words.';
comment on column report.movements.actor is 'A user''s name, anonymous, expiry, or a database role.';
comment on column report.movements.occurred_at is 'When it happened: for an expiry, the instant at which the block expired.';
comment on column report.movements.created_at is 'When it was written.';
comment on column report.movements.number is 'Counts the product''s movements from 1, with no gap.';
comment on column report.movements.written_by is
'The database login that wrote it, where actor is who that acted for; null: from before logins were kept.';

grant select on report.movements to inventory_reporting;
