-- One word for one thing: totals of rows, beside cycle counts; location, not place; expired, not over or run out.

-- The functions of the release before still run until db.apply has replaced them: the view is the table to them, and goes then.
-- squawk-ignore-file renaming-table, renaming-object

set local lock_timeout = '5s';
set local statement_timeout = '10min';

alter table store.row_count rename to row_total;
alter index store.row_count_subject_idx rename to row_total_subject_idx;
alter index store.row_count_brand_idx rename to row_total_brand_idx;
create view store.row_count as
select
    t.ctid,
    t.*
from store.row_total as t;

comment on domain inventory.location_code is 'A location: RACK-<section><aisle>-<position>, as RACK-A1-01.';
comment on table store.location is 'Named locations (API 4).';
comment on table store.location_stock is 'The part of on_hand that lies at a location; the rest is unlocated.';
comment on column store.location_stock.arrived_at is
'Since when the location holds some: a departure that names none takes unlocated units, then locations in this order.';
comment on table store.location_movement is
'The lines of a movement: what it changed at which location. What lies at a location is the sum of them.';
comment on column store.stock.located is
'The part of on_hand that lies at named locations (store.location_stock); the rest is unlocated.';
comment on column store.art_operation.booked_quantity is 'Of a Count, what was booked at the location before it.';
comment on table store.count is 'Cycle counts of locations. A location has one that is open at the most.';
comment on table store.count_line is 'What was found of a product at the location.';
comment on table store.block is
'Temporary blocks (API 1). A block expires at expires_at, whatever its status says: the sweep only does the bookkeeping.';
comment on column store.block.ended_at is 'When it was converted or cancelled, or expired (then: expires_at).';
comment on column store.stock.blocked is
'Units held by blocks of status active, expired ones that no one has ended yet included.';
comment on column store.movement.occurred_at is 'When it happened: for an expiry, the instant at which the block expired.';
comment on column store.movement_default.occurred_at is
'When it happened: for an expiry, the instant at which the block expired.';
