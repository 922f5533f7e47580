create or replace view report.blocks as
select
    b.id as block_id,
    b.product_id,
    p.sku_id,
    p.sku,
    b.quantity,
    b.reason,
    case when b.status = 'active' and b.expires_at <= report.instant() then 'expired' else b.status end as status,
    b.expires_at,
    b.created_at,
    b.created_by,
    case when b.status = 'active' and b.expires_at <= report.instant() then b.expires_at else b.ended_at end as ended_at,
    b.ended_reason,
    b.ended_by,
    b.converted_quantity
from store.block as b
inner join store.product as p on b.product_id = p.id;

comment on view report.blocks is
'Every temporary block, with its status now: from expires_at on an active one is expired, swept or not.';
comment on column report.blocks.block_id is 'Time-ordered UUID.';
comment on column report.blocks.product_id is 'Integer id of the product.';
comment on column report.blocks.sku_id is 'The product''s UUID.';
comment on column report.blocks.sku is 'The product''s code.';
comment on column report.blocks.quantity is 'Units held, or that were held.';
comment on column report.blocks.reason is 'The words of whoever made it.';
comment on column report.blocks.status is 'active, converted, cancelled or expired.';
comment on column report.blocks.expires_at is 'When it expires, or was to expire.';
comment on column report.blocks.created_at is 'When it was made.';
comment on column report.blocks.created_by is 'Who made it.';
comment on column report.blocks.ended_at is 'When it ended; null while active.';
comment on column report.blocks.ended_reason is 'The words of whoever converted or cancelled it.';
comment on column report.blocks.ended_by is 'Who converted or cancelled it; null for an expiry.';
comment on column report.blocks.converted_quantity is 'Units that left; the rest became available again. Null unless converted.';

grant select on report.blocks to inventory_reporting;
